// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that live in the VMCB or are AMD's, and the MSR permission map (APM vol. 2, 15.11).
 */
#include <linux/mm.h>
#include <asm/apicdef.h>
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/nospec-branch.h>

#include "cpuid.h"
#include "msr.h"
#include "svm/avic_tables.h"
#include "svm/svm.h"

/* ---- permission map: two bits an MSR, read and write, set: exit */

static const struct kvm_open_msr open_msrs[] = {
	{ MSR_STAR, KVM_OPEN_RW },
	{ MSR_LSTAR, KVM_OPEN_RW },
	{ MSR_CSTAR, KVM_OPEN_RW },
	{ MSR_SYSCALL_MASK, KVM_OPEN_RW },
	{ MSR_KERNEL_GS_BASE, KVM_OPEN_RW },
	{ MSR_FS_BASE, KVM_OPEN_RW },
	{ MSR_GS_BASE, KVM_OPEN_RW },
	{ MSR_IA32_SYSENTER_CS, KVM_OPEN_RW },
	{ MSR_IA32_SYSENTER_ESP, KVM_OPEN_RW },
	{ MSR_IA32_SYSENTER_EIP, KVM_OPEN_RW },
	{ MSR_IA32_SPEC_CTRL, KVM_OPEN_SPEC_CTRL },
	{ MSR_IA32_PRED_CMD, KVM_OPEN_PRED_CMD },
};

/* The three ranges that the map covers; every other MSR exits. */
static bool msrpm_bit(u32 index, unsigned int *bit)
{
	static const u32 first[] = { 0, 0xc0000000, 0xc0010000 };
	int i;

	for (i = 0; i < ARRAY_SIZE(first); i++) {
		if (index - first[i] < 0x2000) {
			*bit = (i * 0x2000 + (index - first[i])) * 2;
			return true;
		}
	}
	return false;
}

static void msrpm_assign(void *msrpm, u32 index, bool read_exits, bool write_exits)
{
	u32 *map = msrpm;
	unsigned int bit;
	u32 val = read_exits | write_exits << 1;

	if (!msrpm_bit(index, &bit))
		return;
	map[bit / 32] = (map[bit / 32] & ~(3u << (bit % 32))) | val << (bit % 32);
}

int svm_msrpm_alloc(struct vcpu_svm *svm)
{
	struct page *page = alloc_pages(GFP_KERNEL_ACCOUNT, SVM_MSRPM_ORDER);

	if (!page)
		return -ENOMEM;
	svm->msrpm = page_address(page);
	memset(svm->msrpm, 0xff, SVM_MSRPM_SIZE);
	return 0;
}

void svm_msrpm_free(struct vcpu_svm *svm)
{
	free_pages((unsigned long)svm->msrpm, SVM_MSRPM_ORDER);
	svm->msrpm = NULL;
}

/**
 * svm_update_msr_intercepts() - the filter, CPUID or the use of SPEC_CTRL changed
 * @vcpu: current, or not yet running
 * Context: RCU or SRCU held
 */
void svm_update_msr_intercepts(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	kvm_open_msrs(vcpu, open_msrs, ARRAY_SIZE(open_msrs), svm->spec_ctrl_open, msrpm_assign,
		      svm->msrpm);
	vmcb_mark_dirty(svm->vmcb, VMCB_PERM_MAP);
}

/**
 * svm_open_x2apic() - x2AVIC: the processor serves some of the local APIC's MSRs, or none
 * @svm: current, or not yet running
 * @open: which
 *
 * The MSR filter does not apply to them.
 */
void svm_open_x2apic(struct vcpu_svm *svm, bool open)
{
	u32 reg;

	for (reg = 0; reg < 0x400; reg += 16)
		msrpm_assign(svm->msrpm, APIC_BASE_MSR + (reg >> 4),
			     !open || !avic_msr_is_open(reg, false),
			     !open || !avic_msr_is_open(reg, true));
	vmcb_mark_dirty(svm->vmcb, VMCB_PERM_MAP);
}

/* ---- values */

#define SPEC_CTRL_PSFD BIT(7) /* predictive store forwarding off */

#define SAVE_OFFSET(member) offsetof(struct vmcb_save_area, member)

/* MSRs that are a field of the VMCB's save area and nothing more. */
static const struct save_msr {
	u32 index;
	u16 offset;
	bool canonical; /* #GP for an address that is not */
	bool low32;
	bool amd32; /* low32, unless the guest takes its processor for Intel's */
} save_msrs[] = {
	{ MSR_STAR, SAVE_OFFSET(star) },
	{ MSR_LSTAR, SAVE_OFFSET(lstar), .canonical = true },
	{ MSR_CSTAR, SAVE_OFFSET(cstar), .canonical = true },
	{ MSR_SYSCALL_MASK, SAVE_OFFSET(sfmask), .low32 = true },
	{ MSR_KERNEL_GS_BASE, SAVE_OFFSET(kernel_gs_base), .canonical = true },
	{ MSR_FS_BASE, SAVE_OFFSET(fs.base), .canonical = true },
	{ MSR_GS_BASE, SAVE_OFFSET(gs.base), .canonical = true },
	{ MSR_IA32_SYSENTER_CS, SAVE_OFFSET(sysenter_cs), .low32 = true },
	{ MSR_IA32_SYSENTER_ESP, SAVE_OFFSET(sysenter_esp), .canonical = true, .amd32 = true },
	{ MSR_IA32_SYSENTER_EIP, SAVE_OFFSET(sysenter_eip), .canonical = true, .amd32 = true },
};

static const struct save_msr *find_save_msr(u32 index)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(save_msrs); i++)
		if (save_msrs[i].index == index)
			return &save_msrs[i];
	return NULL;
}

static u64 *save_field(struct vcpu_svm *svm, const struct save_msr *m)
{
	return (void *)&svm->vmcb->save + m->offset;
}

static int set_save_msr(struct vcpu_svm *svm, const struct save_msr *m, u64 data)
{
	if (m->low32 || (m->amd32 && svm->vcpu.arch.cpuid.is_amd_compatible))
		data = (u32)data;
	if (m->canonical && !kvm_is_canonical_base(&svm->vcpu, data))
		return KVM_MSR_GP;
	*save_field(svm, m) = data;
	return 0;
}

static int set_spec_ctrl(struct vcpu_svm *svm, u64 data, bool host)
{
	struct kvm_vcpu *vcpu = &svm->vcpu;

	if (!boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL) || (!host && !kvm_guest_has_spec_ctrl(vcpu)))
		return KVM_MSR_GP;
	if (data & ~(SPEC_CTRL_IBRS | SPEC_CTRL_STIBP | SPEC_CTRL_SSBD | SPEC_CTRL_PSFD))
		return KVM_MSR_GP;
	if ((data & SPEC_CTRL_STIBP) && !boot_cpu_has(X86_FEATURE_STIBP))
		return KVM_MSR_GP;
	if ((data & SPEC_CTRL_SSBD) && !boot_cpu_has(X86_FEATURE_SSBD))
		return KVM_MSR_GP;
	if ((data & SPEC_CTRL_PSFD) && !boot_cpu_has(X86_FEATURE_AMD_PSFD))
		return KVM_MSR_GP;
	if (svm_hw.v_spec_ctrl)
		svm->vmcb->save.spec_ctrl = data;
	else
		svm->spec_ctrl = data;
	/* A guest that uses it writes it often, on every entry of its kernel. */
	if (data && !svm->spec_ctrl_open) {
		svm->spec_ctrl_open = true;
		svm_update_msr_intercepts(vcpu);
	}
	return 0;
}

static int set_pred_cmd(struct vcpu_svm *svm, u64 data, bool host)
{
	if (!boot_cpu_has(X86_FEATURE_IBPB) || (!host && !kvm_guest_has_ibpb(&svm->vcpu)) ||
	    (data & ~PRED_CMD_IBPB))
		return KVM_MSR_GP;
	if (data && !host)
		wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	return 0;
}

/* Without LBR virtualization the MSR is the host's, and the guest's writes go nowhere. */
static int set_debugctl(struct vcpu_svm *svm, u64 data)
{
	struct vmcb *vmcb = svm->vmcb;

	if (data & ~0x3fULL)
		return KVM_MSR_GP;
	if (!svm_hw.lbrv)
		return 0;
	vmcb->save.dbgctl = data;
	if (data & (DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF))
		vmcb->control.virt_ext |= LBR_CTL_ENABLE_MASK;
	else
		vmcb->control.virt_ext &= ~LBR_CTL_ENABLE_MASK;
	vmcb_mark_dirty(vmcb, VMCB_LBR);
	return 0;
}

bool svm_guest_has_tsc_aux(struct kvm_vcpu *vcpu)
{
	return guest_cpuid_has(vcpu, X86_FEATURE_RDTSCP) ||
	       guest_cpuid_has(vcpu, X86_FEATURE_RDPID);
}

static int set_tsc_aux(struct vcpu_svm *svm, u64 data, bool host)
{
	if (!svm_has_msr(MSR_TSC_AUX))
		return KVM_MSR_UNKNOWN;
	if (!host && !svm_guest_has_tsc_aux(&svm->vcpu))
		return KVM_MSR_GP;
	/* Bits 63:32 are reserved and read as zero, APM vol. 2, 3.2.9. */
	svm->tsc_aux = (u32)data;
	if (svm->host_saved && svm->has_tsc_aux)
		svm_load_tsc_aux(svm->cpu_data, svm->tsc_aux);
	return 0;
}

int svm_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	const struct save_msr *m = find_save_msr(index);
	struct vmcb_save_area *save = &svm->vmcb->save;

	if (m) {
		*data = *save_field(svm, m);
		return 0;
	}
	switch (index) {
	case MSR_TSC_AUX:
		if (!svm_has_msr(index))
			return KVM_MSR_UNKNOWN;
		if (!host && !svm_guest_has_tsc_aux(vcpu))
			return KVM_MSR_GP;
		*data = svm->tsc_aux;
		return 0;
	case MSR_IA32_SPEC_CTRL:
		if (!boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL) ||
		    (!host && !kvm_guest_has_spec_ctrl(vcpu)))
			return KVM_MSR_GP;
		*data = svm_hw.v_spec_ctrl ? save->spec_ctrl : svm->spec_ctrl;
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		*data = save->dbgctl;
		return 0;
	case MSR_IA32_LASTBRANCHFROMIP:
		*data = save->br_from;
		return 0;
	case MSR_IA32_LASTBRANCHTOIP:
		*data = save->br_to;
		return 0;
	case MSR_IA32_LASTINTFROMIP:
		*data = save->last_excp_from;
		return 0;
	case MSR_IA32_LASTINTTOIP:
		*data = save->last_excp_to;
		return 0;
	case MSR_VM_CR:
		/* Without CPUID's SVM bit: disabled and locked would both be lies; the register reads 0. */
		*data = 0;
		return 0;
	default:
		return KVM_MSR_UNKNOWN;
	}
}

int svm_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 data, bool host)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	const struct save_msr *m = find_save_msr(index);
	struct vmcb_save_area *save = &svm->vmcb->save;

	if (m)
		return set_save_msr(svm, m, data);
	switch (index) {
	case MSR_IA32_CR_PAT:
		/* Kept by the caller, which has checked it. */
		save->g_pat = data;
		vmcb_mark_dirty(svm->vmcb, VMCB_NPT);
		return 0;
	case MSR_TSC_AUX:
		return set_tsc_aux(svm, data, host);
	case MSR_IA32_SPEC_CTRL:
		return set_spec_ctrl(svm, data, host);
	case MSR_IA32_PRED_CMD:
		return set_pred_cmd(svm, data, host);
	case MSR_IA32_DEBUGCTLMSR:
		return set_debugctl(svm, data);
	case MSR_IA32_LASTBRANCHFROMIP:
	case MSR_IA32_LASTBRANCHTOIP:
	case MSR_IA32_LASTINTFROMIP:
	case MSR_IA32_LASTINTTOIP:
		/* Read-only but for a VMM that restores a guest. */
		if (!host)
			return KVM_MSR_GP;
		if (index == MSR_IA32_LASTBRANCHFROMIP)
			save->br_from = data;
		else if (index == MSR_IA32_LASTBRANCHTOIP)
			save->br_to = data;
		else if (index == MSR_IA32_LASTINTFROMIP)
			save->last_excp_from = data;
		else
			save->last_excp_to = data;
		vmcb_mark_dirty(svm->vmcb, VMCB_LBR);
		return 0;
	case MSR_VM_CR:
		return data ? KVM_MSR_GP : 0;
	default:
		return KVM_MSR_UNKNOWN;
	}
}

/* MSRs that describe the host to a VMM (KVM_GET_MSRS on /dev/kvm). */
int svm_get_feature_msr(u32 index, u64 *data)
{
	switch (index) {
	case MSR_AMD64_DE_CFG:
		*data = boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? MSR_AMD64_DE_CFG_LFENCE_SERIALIZE :
								 0;
		return 0;
	default:
		return KVM_MSR_UNKNOWN;
	}
}

/* Is this one offered (index lists)?  Asked for those that depend on the host or the vendor. */
bool svm_has_msr(u32 index)
{
	switch (index) {
	case MSR_TSC_AUX:
		return boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID);
	case MSR_IA32_SPEC_CTRL:
		return boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL);
	case MSR_IA32_LASTBRANCHFROMIP:
	case MSR_IA32_LASTBRANCHTOIP:
	case MSR_IA32_LASTINTFROMIP:
	case MSR_IA32_LASTINTTOIP:
		return svm_hw.lbrv;
	case MSR_IA32_DEBUGCTLMSR:
	case MSR_VM_CR:
	case MSR_AMD64_DE_CFG:
		return true;
	default:
		return find_save_msr(index);
	}
}
