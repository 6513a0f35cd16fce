// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that live in the VMCS, that the processor does not switch, or that are Intel's; and the MSR bitmap (SDM vol. 3C,
 * 25.6.9).
 */
#include <linux/mm.h>
#include <asm/apicdef.h>
#include <asm/cpufeature.h>
#include <asm/nospec-branch.h>

#include "cpuid.h"
#include "msr.h"
#include "vmx/vmx.h"

/* ---- bitmap: one bit an MSR, set: exit; two ranges, reads and writes apart */

static const struct kvm_open_msr open_msrs[] = {
	{ MSR_KERNEL_GS_BASE, KVM_OPEN_RW },
	{ MSR_FS_BASE, KVM_OPEN_RW },
	{ MSR_GS_BASE, KVM_OPEN_RW },
	{ MSR_IA32_SYSENTER_CS, KVM_OPEN_RW },
	{ MSR_IA32_SYSENTER_ESP, KVM_OPEN_RW },
	{ MSR_IA32_SYSENTER_EIP, KVM_OPEN_RW },
	{ MSR_IA32_SPEC_CTRL, KVM_OPEN_SPEC_CTRL },
	{ MSR_IA32_PRED_CMD, KVM_OPEN_PRED_CMD },
	{ MSR_IA32_FLUSH_CMD, KVM_OPEN_FLUSH_CMD },
};

#define BITMAP_HIGH (1024 * 8) /* 0xc0000000 to 0xc0001fff */
#define BITMAP_WRITE (2048 * 8)

static void bitmap_assign(void *bitmap, u32 index, bool read_exits, bool write_exits)
{
	unsigned long *map = bitmap;
	unsigned int bit;

	if (index < 0x2000)
		bit = index;
	else if (index - 0xc0000000 < 0x2000)
		bit = BITMAP_HIGH + index - 0xc0000000;
	else
		return;
	__assign_bit(bit, map, read_exits);
	__assign_bit(BITMAP_WRITE + bit, map, write_exits);
}

int vmx_msr_bitmap_alloc(struct vcpu_vmx *vmx)
{
	vmx->msr_bitmap = (unsigned long *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->msr_bitmap)
		return -ENOMEM;
	memset(vmx->msr_bitmap, 0xff, PAGE_SIZE);
	return 0;
}

void vmx_msr_bitmap_free(struct vcpu_vmx *vmx)
{
	free_page((unsigned long)vmx->msr_bitmap);
	vmx->msr_bitmap = NULL;
}

/**
 * vmx_update_msr_intercepts() - the filter, CPUID or the use of SPEC_CTRL changed
 * @vcpu: current, or not yet running
 * Context: RCU or SRCU held
 */
void vmx_update_msr_intercepts(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	kvm_open_msrs(vcpu, open_msrs, ARRAY_SIZE(open_msrs), vmx->spec_ctrl_open, bitmap_assign,
		      vmx->msr_bitmap);
	/* The APIC's mode may have changed, too. */
	vmx_apic_mode_changed(vcpu);
}

/* x2APIC registers that are as they are in the page: all but the current count, and the ICR, which is in two pieces there. */
static bool reads_as_page(u32 reg)
{
	switch (reg) {
	case APIC_ID ... APIC_LVR:
	case APIC_PROCPRI:
	case APIC_LDR:
	case APIC_SPIV:
	case APIC_ISR ... APIC_ESR:
	case APIC_LVTT ... APIC_TMICT:
	case APIC_TDCR:
		return true;
	default:
		return false;
	}
}

/**
 * vmx_open_x2apic() - let the processor serve the x2APIC MSRs that it can serve without help
 * @vmx: loaded
 * @tpr: TPR
 * @all: and all others that it can
 *
 * The MSR filter does not apply to them.
 */
void vmx_open_x2apic(struct vcpu_vmx *vmx, bool tpr, bool all)
{
	u32 reg;

	for (reg = 0; reg < 0x400; reg += 16) {
		bool rd = reg == APIC_TASKPRI ? tpr : all && reads_as_page(reg);
		bool wr = reg == APIC_TASKPRI ? tpr :
						all && (reg == APIC_EOI || reg == APIC_SELF_IPI);

		bitmap_assign(vmx->msr_bitmap, APIC_BASE_MSR + (reg >> 4), !rd, !wr);
	}
}

/* ---- values */

/* IA32_DEBUGCTL: what the processor does for the guest.  Last branches would be the host's, too. */
#define DEBUGCTL_BUS_LOCK BIT(2)

static int set_spec_ctrl(struct vcpu_vmx *vmx, u64 data, bool host)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	u64 known = SPEC_CTRL_IBRS;

	if (!boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL) || (!host && !kvm_guest_has_spec_ctrl(vcpu)))
		return KVM_MSR_GP;
	if (boot_cpu_has(X86_FEATURE_STIBP))
		known |= SPEC_CTRL_STIBP;
	if (boot_cpu_has(X86_FEATURE_SSBD))
		known |= SPEC_CTRL_SSBD;
	if (data & ~known)
		return KVM_MSR_GP;
	vmx->spec_ctrl = data;
	/* A guest that uses it writes it often, on every entry of its kernel. */
	if (data && !vmx->spec_ctrl_open) {
		vmx->spec_ctrl_open = true;
		vmx_update_msr_intercepts(vcpu);
	}
	return 0;
}

/* Old kernels switch last branch records on without asking: nothing is recorded. */
static int set_debugctl(struct vcpu_vmx *vmx, u64 data)
{
	if (data & ~(u64)(DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF))
		return KVM_MSR_GP;
	vmcs_write64(GUEST_IA32_DEBUGCTL, data & DEBUGCTLMSR_BTF);
	vmx->recheck_shadow = true;
	return 0;
}

/* Its lock bit is all that a guest without VMX, SGX and LMCE can find in it. */
static int set_feature_control(struct kvm_vcpu *vcpu, u64 data, bool host)
{
	if (!host || (data & ~(u64)FEAT_CTL_LOCKED))
		return KVM_MSR_GP;
	vcpu->arch.msrs.feature_control = data;
	return 0;
}

static int umsr_of(u32 index)
{
	int i;

	for (i = 0; i < VMX_NR_UMSRS; i++)
		if (vmx_umsr_index(i) == index && vmx_umsr_exists(i))
			return i;
	return -1;
}

static int set_umsr(struct vcpu_vmx *vmx, int which, u64 data)
{
	switch (which) {
	case VMX_UMSR_LSTAR:
	case VMX_UMSR_CSTAR:
		if (!kvm_is_canonical_base(&vmx->vcpu, data))
			return KVM_MSR_GP;
		break;
	case VMX_UMSR_SFMASK:
		data = (u32)data;
		break;
	}
	vmx_umsr_set(vmx, which, data);
	return 0;
}

static int set_segment_base(struct vcpu_vmx *vmx, int seg, u64 data)
{
	struct vmx_seg s;

	if (!kvm_is_canonical_base(&vmx->vcpu, data))
		return KVM_MSR_GP;
	s = *vmx_seg(vmx, seg);
	s.base = data;
	vmx_write_seg(vmx, seg, &s);
	return 0;
}

static int set_sysenter(struct vcpu_vmx *vmx, u32 index, u64 data)
{
	if (index == MSR_IA32_SYSENTER_CS) {
		if (vmx->detour & VMX_VM86)
			vmx->vm86_sysenter_cs = data;
		else
			vmcs_write32(GUEST_SYSENTER_CS, data);
		return 0;
	}
	if (!kvm_is_canonical_base(&vmx->vcpu, data))
		return KVM_MSR_GP;
	vmcs_write_natural(index == MSR_IA32_SYSENTER_ESP ? GUEST_SYSENTER_ESP : GUEST_SYSENTER_EIP,
			   data);
	return 0;
}

int vmx_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	int which = umsr_of(index);

	if (which >= 0) {
		*data = vmx->umsr[which];
		return 0;
	}
	switch (index) {
	case MSR_FS_BASE:
		*data = vmx_get_segment_base(vcpu, VCPU_SREG_FS);
		return 0;
	case MSR_GS_BASE:
		*data = vmx_get_segment_base(vcpu, VCPU_SREG_GS);
		return 0;
	case MSR_KERNEL_GS_BASE:
		*data = vmx_read_kernel_gs_base(vmx);
		return 0;
	case MSR_IA32_SYSENTER_CS:
		*data = vmx->detour & VMX_VM86 ? vmx->vm86_sysenter_cs :
						 vmcs_read32(GUEST_SYSENTER_CS);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
		*data = vmcs_read_natural(GUEST_SYSENTER_ESP);
		return 0;
	case MSR_IA32_SYSENTER_EIP:
		*data = vmcs_read_natural(GUEST_SYSENTER_EIP);
		return 0;
	case MSR_IA32_SPEC_CTRL:
		if (!boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL) ||
		    (!host && !kvm_guest_has_spec_ctrl(vcpu)))
			return KVM_MSR_GP;
		*data = vmx->spec_ctrl;
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		*data = vmcs_read64(GUEST_IA32_DEBUGCTL);
		return 0;
	case MSR_IA32_FEAT_CTL:
		*data = vcpu->arch.msrs.feature_control;
		return 0;
	default:
		return KVM_MSR_UNKNOWN;
	}
}

int vmx_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 data, bool host)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	int which = umsr_of(index);

	if (which >= 0)
		return set_umsr(vmx, which, data);
	switch (index) {
	case MSR_FS_BASE:
		return set_segment_base(vmx, VCPU_SREG_FS, data);
	case MSR_GS_BASE:
		return set_segment_base(vmx, VCPU_SREG_GS, data);
	case MSR_KERNEL_GS_BASE:
		if (!kvm_is_canonical_base(vcpu, data))
			return KVM_MSR_GP;
		vmx_write_kernel_gs_base(vmx, data);
		return 0;
	case MSR_IA32_SYSENTER_CS:
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
		return set_sysenter(vmx, index, data);
	case MSR_IA32_CR_PAT:
		/* Kept by the caller, which has checked it. */
		vmx->guest_pat = data;
		vmcs_write64(GUEST_IA32_PAT, data);
		return 0;
	case MSR_IA32_SPEC_CTRL:
		return set_spec_ctrl(vmx, data, host);
	case MSR_IA32_DEBUGCTLMSR:
		return set_debugctl(vmx, data);
	case MSR_IA32_FEAT_CTL:
		return set_feature_control(vcpu, data, host);
	default:
		return KVM_MSR_UNKNOWN;
	}
}

/* MSRs that describe the host to a VMM (KVM_GET_MSRS on /dev/kvm). */
int vmx_get_feature_msr(u32 index, u64 *data)
{
	return KVM_MSR_UNKNOWN;
}

/* Is this one offered (index lists)?  Asked for those that depend on the host or the vendor. */
bool vmx_has_msr(u32 index)
{
	switch (index) {
	case MSR_TSC_AUX:
		return vmx_umsr_exists(VMX_UMSR_TSC_AUX) &&
		       vmx_has(CPU2, SECONDARY_EXEC_ENABLE_RDTSCP);
	case MSR_IA32_SPEC_CTRL:
		return boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL);
	case MSR_IA32_DEBUGCTLMSR:
	case MSR_IA32_FEAT_CTL:
		return true;
	default:
		return false;
	}
}
