// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real mode on CPUs without unrestricted guest: as virtual-8086 mode, which is nearly the same (SDM vol. 3B, 21.2).
 *
 * While VMX_VM86 is set in vmx->detour, the VMCS holds such a task, and what the guest has is
 *
 *	selectors, bases	as in the VMCS: both modes load base = selector * 16
 *	limits, access rights	in vmx->seg: real mode leaves them as they are when it loads a register
 *	TR			in vmx->seg, whole: the VMCS has the TSS described below
 *	RFLAGS.VM, IOPL		in vmx->vm86_rflags
 *	SYSENTER_CS		in vmx->vm86_sysenter_cs: in hardware it is 0, so that SYSENTER faults as it does in real mode
 *	CR4			in its shadow: VME is on in hardware
 *
 * With IOPL 3 the guest handles its interrupt flag by itself (and PUSHF shows it that IOPL), and with CR4.VME and a TSS that
 * redirects all of them its INT n go through the table of real mode, provided that it is at 0.  All else that differs faults,
 * every exception exits, and the instruction is emulated as one of real mode: HLT, LGDT, MOV CR and other privileged ones, and
 * accesses beyond 64 KiB (big real mode has limits of 4 GiB, the hardware is told 64 KiB).  Events are delivered in software;
 * the guest has no IDT that the processor could use.
 *
 * The TSS lies in pages of ours, where the VMM wants it (KVM_SET_TSS_ADDR): without that, real mode is emulated.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <asm/trapnr.h>

#include "events.h"
#include "io_x86.h"
#include "mmu/mmu.h"
#include "run.h"
#include "vmx/vmx.h"

/* ---- the TSS */

/*
 * A 32-bit TSS, the bitmap of interrupts to redirect to the protected mode's IDT (none), and the bitmap of ports that fault
 * (none: they exit), which ends with a byte of ones.  SDM vol. 3A, 8.2.1, vol. 1, 19.5.2, vol. 3B, 21.3.3.
 */
#define TSS_SIZE 0x68
#define TSS_IO_BASE 0x66 /* where in it the place of the second bitmap is told */
#define REDIRECTION_SIZE (256 / 8)
#define PORTS_SIZE (65536 / 8)
#define TSS_LIMIT (TSS_SIZE + REDIRECTION_SIZE + PORTS_SIZE)
#define TSS_AR (VMX_AR_TYPE_BUSY_32_TSS | VMX_AR_P_MASK)

/**
 * vmx_vm86_create() - the TSS, for a VM that may need it
 * @kvm: with kvm->lock held, for each vCPU that is made
 * Return: 0, -ENOMEM
 */
int vmx_vm86_create(struct kvm *kvm)
{
	u32 addr = READ_ONCE(kvm->arch.tss_addr) & PAGE_MASK;
	struct page *page[KVM_PRIVATE_TSS_PAGES];
	int i, n;

	BUILD_BUG_ON(TSS_LIMIT / PAGE_SIZE != KVM_PRIVATE_TSS_PAGES - 1);
	if (!addr || to_kvm_vmx(kvm)->vm86_tss)
		return 0;
	for (n = 0; n < KVM_PRIVATE_TSS_PAGES; n++) {
		page[n] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!page[n])
			goto no_memory;
	}
	*(u16 *)(page_address(page[0]) + TSS_IO_BASE) = TSS_SIZE + REDIRECTION_SIZE;
	*(u8 *)(page_address(page[n - 1]) + offset_in_page(TSS_LIMIT)) = 0xff;
	for (i = 0; i < n; i++) {
		kvm_mmu_set_private_page(kvm, KVM_PRIVATE_TSS + i, page[i], addr + i * PAGE_SIZE);
		kvm_mmu_show_private_page(kvm, KVM_PRIVATE_TSS + i, true);
	}
	WRITE_ONCE(to_kvm_vmx(kvm)->vm86_tss, addr);
	return 0;

no_memory:
	while (n--)
		__free_page(page[n]);
	return -ENOMEM;
}

/* ---- segments */

#define LIMIT 0xffff
#define AR 0xf3 /* data that can be written, DPL 3: whatever is loaded */

/* Data that can be written and grows up; code that can be read and does not conform.  Accessed or not. */
#define TYPE_DATA VMX_AR_TYPE_READABLE_MASK
#define TYPE_CODE (VMX_AR_TYPE_CODE_MASK | VMX_AR_TYPE_READABLE_MASK)

/*
 * Is a register of real mode the same in virtual-8086 mode, or near enough?  Limits above 64 KiB are left to the emulator;
 * lower ones, and stacks and code of 32 bits, cannot be.
 */
static bool is_same(const struct vmx_seg *s, int seg)
{
	const u32 looked_at = VMX_AR_UNUSABLE_MASK | VMX_AR_P_MASK | VMX_AR_S_MASK;
	u32 type = s->ar & VMX_AR_TYPE_MASK & ~VMX_AR_TYPE_ACCESSES_MASK;
	bool cs = seg == VCPU_SREG_CS;

	if ((s->ar & looked_at) != (VMX_AR_P_MASK | VMX_AR_S_MASK) || s->limit < LIMIT ||
	    s->base != (u32)s->selector << 4)
		return false;
	if ((cs || seg == VCPU_SREG_SS) && (s->ar & VMX_AR_DB_MASK))
		return false;
	return type == TYPE_DATA || (cs && type == TYPE_CODE);
}

/**
 * vmx_vm86_segment() - what the hardware has in a segment register
 * @vmx: its vCPU
 * @seg: VCPU_SREG_*
 * @s: what the guest has; changed
 * Return: false: the hardware cannot have it
 */
bool vmx_vm86_segment(struct vcpu_vmx *vmx, int seg, struct vmx_seg *s)
{
	if (seg == VCPU_SREG_LDTR)
		return true;
	if (seg == VCPU_SREG_TR) {
		*s = (struct vmx_seg){
			.base = READ_ONCE(to_kvm_vmx(vmx->vcpu.kvm)->vm86_tss),
			.limit = TSS_LIMIT,
			.ar = TSS_AR,
		};
		return s->base;
	}
	if (!is_same(s, seg))
		return false;
	s->limit = LIMIT;
	s->ar = AR;
	return true;
}

/**
 * vmx_vm86_vectors() - are real mode's vectors where a redirected INT n looks for them?
 * @base: of the guest's IDT
 * @limit: its limit
 * Return: false: INT n has to be emulated, and with it all of real mode
 */
bool vmx_vm86_vectors(u64 base, u32 limit)
{
	return !base && limit >= 256 * 4 - 1;
}

/* ---- in and out of it */

static void switch_state(struct vcpu_vmx *vmx, bool on)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	unsigned long rflags = vmx_get_rflags(vcpu);
	int seg;

	/* What depends on the form is read in the old one, and written in the new one. */
	kvm_cr4_read(vcpu);
	for (seg = 0; seg < ARRAY_SIZE(vmx->seg); seg++)
		vmx_seg(vmx, seg);
	vmx->detour = (vmx->detour & ~VMX_VM86) | (on ? VMX_VM86 : 0);
	for (seg = 0; seg < ARRAY_SIZE(vmx->seg); seg++)
		vmx_write_seg_fields(vmx, seg);
	vmx_write_rflags(vmx, rflags);
	vmx_write_hw_cr4(vmx);
	vmx_update_exception_bitmap(vcpu);
}

/**
 * vmx_vm86_enter() - from now on the VMCS holds a virtual-8086 task
 * @vmx: loaded, in real mode, with segments that vmx_vm86_segment() has
 */
void vmx_vm86_enter(struct vcpu_vmx *vmx)
{
	vmx->vm86_sysenter_cs = vmcs_read32(GUEST_SYSENTER_CS);
	vmcs_write32(GUEST_SYSENTER_CS, 0);
	switch_state(vmx, true);
}

/**
 * vmx_vm86_leave() - the VMCS holds what the guest has
 * @vmx: loaded
 */
void vmx_vm86_leave(struct vcpu_vmx *vmx)
{
	if (!(vmx->detour & VMX_VM86))
		return;
	vmcs_write32(GUEST_SYSENTER_CS, vmx->vm86_sysenter_cs);
	switch_state(vmx, false);
}

/* ---- exceptions */

/* Faults that real mode has for the same reasons. */
#define FAULTS                                                                       \
	(BIT(X86_TRAP_DE) | BIT(X86_TRAP_BR) | BIT(X86_TRAP_NM) | BIT(X86_TRAP_MF) | \
	 BIT(X86_TRAP_XF))

/**
 * vmx_vm86_exception() - an exception of real mode, or of virtual-8086 mode alone
 * @vcpu: current
 * @vector: which, and not one that is treated alike in all modes
 * Return: a tier or an errno
 */
int vmx_vm86_exception(struct kvm_vcpu *vcpu, u8 vector)
{
	if (!(FAULTS & BIT(vector)))
		return kvm_emulate_instruction(vcpu, 0, 0, NULL, 0);
	kvm_queue_exception(vcpu, vector);
	return KVM_REENTER;
}
