// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers that are in the VMCS: control registers, EFER, RFLAGS, RIP, RSP, page directory pointers.
 *
 * The bits of CR0 and CR4 that the guest owns it changes without an exit; of the others the processor has the values that
 * VMX and the host need, and the guest reads its own from a shadow (SDM vol. 3C, 25.6.6).
 */
#include "cpuid.h"
#include "debug.h"
#include "mmu/mmu.h"
#include "vmx/vmx.h"

#define CR0_GUEST_OWNED (X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_WP | X86_CR0_AM)
#define CR4_GUEST_OWNED                                                                     \
	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PGE | X86_CR4_PCE | \
	 X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_FSGSBASE)

void vmx_cache_reg(struct kvm_vcpu *vcpu, int reg)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	unsigned long owned;
	int i;

	vcpu->arch.regs_avail |= BIT(reg);
	switch (reg) {
	case VCPU_RSP:
		vcpu->arch.regs[VCPU_RSP] = vmcs_read_natural(GUEST_RSP);
		break;
	case VCPU_RIP:
		vcpu->arch.regs[VCPU_RIP] = vmcs_read_natural(GUEST_RIP);
		break;
	case VCPU_EXREG_CR0:
		owned = vmx->cr0_guest_owned;
		vcpu->arch.cr0 = (vcpu->arch.cr0 & ~owned) | (vmcs_read_natural(GUEST_CR0) & owned);
		break;
	case VCPU_EXREG_CR3:
		/* Without paging the processor may have another one than the guest's. */
		if (vmx_hw.unrestricted || (kvm_cr0_read(vcpu) & X86_CR0_PG))
			vcpu->arch.cr3 = vmcs_read_natural(GUEST_CR3);
		break;
	case VCPU_EXREG_CR4:
		owned = vmx->cr4_guest_owned;
		vcpu->arch.cr4 = (vcpu->arch.cr4 & ~owned) | (vmcs_read_natural(GUEST_CR4) & owned);
		break;
	case VCPU_EXREG_PDPTR:
		for (i = 0; i < 4; i++)
			vcpu->arch.mmu.pdptrs[i] = vmcs_read64(GUEST_PDPTR0 + 2 * i);
		break;
	}
}

/* ---- RFLAGS, RIP */

/* All set in hardware, whatever the guest has (vm86.c). */
#define VM86_RFLAGS ((unsigned long)(X86_EFLAGS_VM | X86_EFLAGS_IOPL))

unsigned long vmx_get_rflags(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	if (!kvm_reg_available(vcpu, VCPU_EXREG_RFLAGS)) {
		vcpu->arch.regs_avail |= BIT(VCPU_EXREG_RFLAGS);
		vmx->rflags = vmcs_read_natural(GUEST_RFLAGS);
		if (unlikely(vmx->detour & VMX_VM86))
			vmx->rflags = (vmx->rflags & ~VM86_RFLAGS) | vmx->vm86_rflags;
	}
	return vmx->rflags;
}

void vmx_write_rflags(struct vcpu_vmx *vmx, unsigned long rflags)
{
	vmx->rflags = rflags;
	vmx->vcpu.arch.regs_avail |= BIT(VCPU_EXREG_RFLAGS);
	if (unlikely(vmx->detour & VMX_VM86)) {
		vmx->vm86_rflags = rflags & VM86_RFLAGS;
		rflags |= VM86_RFLAGS;
	}
	vmcs_write_natural(GUEST_RFLAGS, rflags);
}

/* Reserved bits would be refused at the entry, SDM vol. 3C, 27.3.1.4. */
#define RFLAGS_DEFINED                                                                     \
	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | X86_EFLAGS_SF |   \
	 X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | X86_EFLAGS_OF | X86_EFLAGS_IOPL | \
	 X86_EFLAGS_NT | X86_EFLAGS_RF | X86_EFLAGS_VM | X86_EFLAGS_AC | X86_EFLAGS_VIF |  \
	 X86_EFLAGS_VIP | X86_EFLAGS_ID)

void vmx_set_rflags(struct kvm_vcpu *vcpu, unsigned long rflags)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	unsigned long old = vmx_get_rflags(vcpu);

	rflags = (rflags & RFLAGS_DEFINED) | X86_EFLAGS_FIXED;
	vmx_write_rflags(vmx, rflags);
	if ((old ^ rflags) & (X86_EFLAGS_TF | X86_EFLAGS_IF))
		vmx->recheck_shadow = true;
	/* KVM_SET_REGS comes here, too, with an RIP that may be anything. */
	if (((old ^ rflags) & X86_EFLAGS_VM) || (kvm_rip_read(vcpu) + BIT(47)) >> 48)
		vmx->state_dirty = true;
}

/* Exits of which the processor tells the length of the instruction, SDM vol. 3C, 28.2.5; not faults. */
static bool length_is_known(struct vcpu_vmx *vmx)
{
	switch (vmx_exit_code(vmx)) {
	case EXIT_REASON_EXCEPTION_NMI:
		return intr_info_is(vmx_exit_intr_info(vmx), INTR_TYPE_PRIV_SW_EXCEPTION);
	case EXIT_REASON_EPT_VIOLATION:
	case EXIT_REASON_EPT_MISCONFIG:
	case EXIT_REASON_EXTERNAL_INTERRUPT:
	case EXIT_REASON_INTERRUPT_WINDOW:
	case EXIT_REASON_NMI_WINDOW:
		return false;
	default:
		return !(vmx->detour & VMX_EMULATE);
	}
}

int vmx_skip_instruction(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	unsigned long rip, next, rflags;
	u32 state;

	if (unlikely(!length_is_known(vmx)))
		return -EFAULT;
	rip = kvm_rip_read(vcpu);
	next = rip + vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
	/* Over the end of 4 GiB it matters how wide RIP is. */
	if (unlikely((rip ^ next) >> 31) && !is_64_bit_mode(vcpu))
		next = (u32)next;
	kvm_rip_write(vcpu, next);

	state = vmx_intr_state(vmx);
	if (unlikely(state & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS))) {
		vmx_set_intr_state(vmx, state & ~(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS));
		vmx->recheck_shadow = true;
	}
	rflags = vmx_get_rflags(vcpu);
	if (unlikely(rflags & X86_EFLAGS_RF))
		vmx_write_rflags(vmx, rflags & ~X86_EFLAGS_RF);
	return 0;
}

/* ---- control registers */

/**
 * vmx_umip_in_software() - a guest has CR4.UMIP, and the processor has not
 *
 * SGDT, SIDT, SLDT and STR exit then while the bit is set, and the emulator knows it.  SMSW does not exit, and goes on to show
 * the guest's own CR0.
 */
bool vmx_umip_in_software(void)
{
	return !boot_cpu_has(X86_FEATURE_UMIP) && vmx_has(CPU2, SECONDARY_EXEC_DESC);
}

/*
 * Without unrestricted guest, protected mode and paging are always on in hardware.  A guest without paging runs on tables
 * that map everything to itself, with large pages (KVM_SET_IDENTITY_MAP_ADDR); a guest in real mode, too (vm86.c), or it is
 * emulated.
 */
static bool needs_identity_map(struct kvm_vcpu *vcpu)
{
	return !vmx_hw.unrestricted && !(vcpu->arch.cr0 & X86_CR0_PG);
}

static unsigned long hw_cr0(struct kvm_vcpu *vcpu, unsigned long cr0)
{
	unsigned long always = vmx_hw.cr0_fixed0;

	if (vmx_hw.unrestricted)
		always &= ~(X86_CR0_PE | X86_CR0_PG);
	/* With CD the guest would run without caches, and NW without it cannot be entered. */
	if (!(vcpu->kvm->arch.disabled_quirks & KVM_X86_QUIRK_CD_NW_CLEARED))
		cr0 &= ~(X86_CR0_CD | X86_CR0_NW);
	else if (!(cr0 & X86_CR0_CD))
		cr0 &= ~X86_CR0_NW;
	return (cr0 | always | X86_CR0_ET) & vmx_hw.cr0_fixed1;
}

static unsigned long hw_cr4(struct kvm_vcpu *vcpu, unsigned long cr4)
{
	unsigned long hw = cr4 | vmx_hw.cr4_fixed0;

	/* A machine check that hits in the guest is the host's. */
	hw |= cr4_read_shadow() & X86_CR4_MCE;
	if (needs_identity_map(vcpu)) {
		hw |= X86_CR4_PSE;
		hw &= ~(X86_CR4_PAE | X86_CR4_PGE | X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE |
			X86_CR4_PCIDE | X86_CR4_LA57);
	}
	if (to_vmx(vcpu)->detour & VMX_VM86)
		hw |= X86_CR4_VME;
	if (vmx_umip_in_software())
		hw &= ~X86_CR4_UMIP;
	return hw;
}

/* What follows from vcpu->arch.cr4. */
void vmx_write_hw_cr4(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	unsigned long cr4 = vcpu->arch.cr4;
	unsigned long owned = CR4_GUEST_OWNED & ~vcpu->arch.cpuid.cr4_reserved;

	if (needs_identity_map(vcpu))
		owned &= ~X86_CR4_PGE;
	if (vmx->detour & VMX_VM86)
		owned &= ~X86_CR4_VME;
	vmx->cr4_guest_owned = owned;
	vmcs_write_natural(CR4_GUEST_HOST_MASK, ~owned);
	vmcs_write_natural(CR4_READ_SHADOW, cr4);
	vmcs_write_natural(GUEST_CR4, hw_cr4(vcpu, cr4));
	if (vmx_umip_in_software())
		vmx_exec2_assign(vmx, SECONDARY_EXEC_DESC, cr4 & X86_CR4_UMIP);
}

static void set_hw_cr3(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;

	vmcs_write_natural(GUEST_CR3, needs_identity_map(vcpu) ? vcpu->kvm->arch.identity_map_addr :
								 vcpu->arch.cr3);
}

/*
 * LME without paging is the guest's affair.  With paging, an entry demands that LME, LMA, the control and CR4.PAE agree:
 * a VMM that sets EFER before the control registers has to be helped.
 */
static void set_hw_efer(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	bool paging = vcpu->arch.cr0 & X86_CR0_PG;
	bool lma = paging && (vcpu->arch.efer & EFER_LME) && (vcpu->arch.cr4 & X86_CR4_PAE);
	u64 hw = vcpu->arch.efer & ~(u64)EFER_LMA;

	if (lma)
		hw |= EFER_LMA;
	else if (paging || !vmx_hw.unrestricted)
		hw &= ~(u64)EFER_LME;
	vmcs_write64(GUEST_IA32_EFER, hw);
	vmx_entryctl_assign(vmx, VM_ENTRY_IA32E_MODE, lma);
}

void vmx_set_cr0(struct kvm_vcpu *vcpu, unsigned long cr0)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	unsigned long old = vcpu->arch.cr0;
	u64 efer = vcpu->arch.efer;

	/* EFER.LMA follows CR0.PG and EFER.LME. */
	efer = (efer & EFER_LME) && (cr0 & X86_CR0_PG) ? efer | EFER_LMA : efer & ~EFER_LMA;

	if (cr0 & X86_CR0_PE)
		vmx_vm86_leave(vmx);
	/* While the hardware still has it. */
	kvm_cr3_read(vcpu);
	kvm_cr4_read(vcpu);
	vcpu->arch.cr0 = cr0;
	vcpu->arch.regs_avail |= BIT(VCPU_EXREG_CR0);
	if (efer != vcpu->arch.efer)
		vmx_set_efer(vcpu, efer);
	else if ((old ^ cr0) & X86_CR0_PG)
		set_hw_efer(vmx);
	vmcs_write_natural(CR0_READ_SHADOW, cr0);
	vmcs_write_natural(GUEST_CR0, hw_cr0(vcpu, cr0));
	vmx->state_dirty = true;
	if (vmx_hw.unrestricted || !((old ^ cr0) & X86_CR0_PG))
		return;
	/* The guest's own tables come or go; without paging its CR3 is a number. */
	vmx_exec_assign(vmx, CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING,
			!(cr0 & X86_CR0_PG));
	set_hw_cr3(vmx);
	vmx_write_hw_cr4(vmx);
	vmx_flush_tlb(vcpu);
}

void vmx_set_cr3(struct kvm_vcpu *vcpu, unsigned long cr3)
{
	vcpu->arch.cr3 = cr3;
	vcpu->arch.regs_avail |= BIT(VCPU_EXREG_CR3);
	set_hw_cr3(to_vmx(vcpu));
}

void vmx_set_cr4(struct kvm_vcpu *vcpu, unsigned long cr4)
{
	bool efer_too = false;

	/* Translations by other rules than the new ones must go: PGE, PSE, PAE, PCIDE, SMEP. */
	if ((kvm_cr4_read(vcpu) ^ cr4) &
	    (X86_CR4_PGE | X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PCIDE | X86_CR4_SMEP))
		vmx_flush_tlb(vcpu);
	if ((vcpu->arch.cr4 ^ cr4) & X86_CR4_PAE)
		efer_too = true;
	vcpu->arch.cr4 = cr4;
	vcpu->arch.regs_avail |= BIT(VCPU_EXREG_CR4);
	to_vmx(vcpu)->state_dirty = true;
	vmx_write_hw_cr4(to_vmx(vcpu));
	if (efer_too)
		set_hw_efer(to_vmx(vcpu));
}

void vmx_set_efer(struct kvm_vcpu *vcpu, u64 efer)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	vcpu->arch.efer = efer;
	set_hw_efer(vmx);
	vmx->state_dirty = true;
	vmx_syscall_msrs_needed(vmx, efer & EFER_SCE);
}

bool vmx_is_valid_cr4(struct kvm_vcpu *vcpu, unsigned long cr4)
{
	if (vmx_umip_in_software())
		cr4 &= ~X86_CR4_UMIP;
	/* VMX is not offered. */
	return !(cr4 & (X86_CR4_VMXE | X86_CR4_SMXE)) && !(cr4 & ~vmx_hw.cr4_fixed1);
}

/* State after RESET and INIT, SDM vol. 3A, table 10-1: what is in the VMCS.  INIT leaves CD and NW as they are. */
void vmx_reset_state(struct vcpu_vmx *vmx, bool init)
{
	const unsigned long cache_off = X86_CR0_CD | X86_CR0_NW;
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	unsigned long cr0 = X86_CR0_ET | (init ? kvm_cr0_read(vcpu) & cache_off : cache_off);

	vmx->cr0_guest_owned = CR0_GUEST_OWNED;
	vmcs_write_natural(CR0_GUEST_HOST_MASK, ~CR0_GUEST_OWNED);
	if (!init) {
		/* As if paging had been on, so that all that follows from it is set. */
		vcpu->arch.cr0 = X86_CR0_PG;
		vcpu->arch.regs_avail |= BIT(VCPU_EXREG_CR0) | BIT(VCPU_EXREG_CR3) |
					 BIT(VCPU_EXREG_CR4) | BIT(VCPU_EXREG_RFLAGS);
	}
	vmx_reset_segments(vmx);
	vmx_set_efer(vcpu, 0);
	vmx_set_cr0(vcpu, cr0);
	vmx_set_cr4(vcpu, 0);
	vmx_set_cr3(vcpu, 0);
	vmx_set_rflags(vcpu, X86_EFLAGS_FIXED);
	kvm_rip_write(vcpu, 0xfff0);
	vmcs_write_natural(GUEST_DR7, KVM_DR7_FIXED_1);
	vmcs_write_natural(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmx_set_intr_state(vmx, 0);
}
