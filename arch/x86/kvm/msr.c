// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers: lookup in msr_table.def, the registers that are plain values or rules, and the ioctls.
 */
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/asm/kvm_para.h>
#include <asm/apicdef.h>
#include <asm/mce.h>
#include <asm/mtrr.h>
#include <asm/nospec-branch.h>

#include "async_pf.h"
#include "clock.h"
#include "cpuid.h"
#include "debug.h"
#include "events.h"
#include "ioctl.h"
#include "irqchip/irqchip.h"
#include "msr.h"
#include "regs.h"
#include "run.h"
#include "steal.h"
#include "trace_x86.h"
#include "xsave.h"

#define MAX_MSRS_A_CALL 256
#define MTRR_VAR_COUNT 8
/* 8 variable ranges, fixed ranges, write combining: SDM vol. 3A, 12.11.1 */
#define MTRR_CAP (MTRR_VAR_COUNT | BIT(8) | BIT(10))

#define LIST BIT(0)
#define FEAT BIT(1)
#define PROBE BIT(2)
#define FAST_RD BIT(3)
#define FAST_WR BIT(4)

static bool ignore_msrs;
module_param(ignore_msrs, bool, 0644);
MODULE_PARM_DESC(ignore_msrs, "unknown MSRs read as 0 and may be written");
static bool report_ignored_msrs = true;
module_param(report_ignored_msrs, bool, 0644);
MODULE_PARM_DESC(report_ignored_msrs, "report accesses to MSRs that ignore_msrs made harmless");

struct msr_row;

struct msr_access {
	struct kvm_vcpu *vcpu;
	const struct msr_row *row;
	u32 index;
	u64 data;
	bool host;
};

/* See msr_table.def. */
struct msr_row {
	u32 first;
	u32 last;
	int (*get)(struct msr_access *a);
	int (*set)(struct msr_access *a);
	u16 flags;
	u16 needs;
	u16 field; /* offset in struct kvm_vcpu_msrs */
	u64 value;
};

static u64 host_arch_capabilities;

/* ---------------------------------------------------------------- kinds */

static int get_none(struct msr_access *a)
{
	return KVM_MSR_GP;
}

static int set_none(struct msr_access *a)
{
	return KVM_MSR_GP;
}

static int get_const(struct msr_access *a)
{
	a->data = a->row->value;
	return 0;
}

static int set_ignore(struct msr_access *a)
{
	return 0;
}

static u64 *field_of(struct msr_access *a)
{
	return (void *)&a->vcpu->arch.msrs + a->row->field;
}

static int get_field(struct msr_access *a)
{
	a->data = *field_of(a);
	return 0;
}

static int get_backend(struct msr_access *a)
{
	return kvm_x86_call(get_msr)(a->vcpu, a->index, &a->data, a->host);
}

static int set_backend(struct msr_access *a)
{
	return kvm_x86_call(set_msr)(a->vcpu, a->index, a->data, a->host);
}

static int get_clock(struct msr_access *a)
{
	return kvm_clock_get_msr(a->vcpu, a->index, &a->data, a->host);
}

static int set_clock(struct msr_access *a)
{
	return kvm_clock_set_msr(a->vcpu, a->index, a->data, a->host);
}

static int get_mce(struct msr_access *a)
{
	return kvm_mce_get_msr(a->vcpu, a->index, &a->data, a->host);
}

static int set_mce(struct msr_access *a)
{
	return kvm_mce_set_msr(a->vcpu, a->index, a->data, a->host);
}

/* ---------------------------------------------------------------- one register each */

static int get_apic_base(struct msr_access *a)
{
	a->data = a->vcpu->arch.apic_base;
	return 0;
}

static int set_apic_base(struct msr_access *a)
{
	return kvm_lapic_set_base(a->vcpu, a->data, a->host);
}

static int get_tsc_deadline(struct msr_access *a)
{
	a->data = kvm_lapic_in_kernel(a->vcpu) ? kvm_lapic_get_tsc_deadline(a->vcpu) : 0;
	return 0;
}

static int set_tsc_deadline(struct msr_access *a)
{
	if (kvm_lapic_in_kernel(a->vcpu))
		kvm_lapic_set_tsc_deadline(a->vcpu, a->data);
	return 0;
}

static int get_x2apic(struct msr_access *a)
{
	return kvm_lapic_in_kernel(a->vcpu) ? kvm_lapic_msr_read(a->vcpu, a->index, &a->data) :
					      KVM_MSR_GP;
}

static int set_x2apic(struct msr_access *a)
{
	return kvm_lapic_in_kernel(a->vcpu) ? kvm_lapic_msr_write(a->vcpu, a->index, a->data) :
					      KVM_MSR_GP;
}

static int get_efer(struct msr_access *a)
{
	a->data = a->vcpu->arch.efer;
	return 0;
}

static int set_efer(struct msr_access *a)
{
	return kvm_set_efer(a->vcpu, a->data, a->host);
}

static bool may_use_tsc_aux(struct msr_access *a)
{
	return a->host || guest_cpuid_has(a->vcpu, X86_FEATURE_RDTSCP) ||
	       guest_cpuid_has(a->vcpu, X86_FEATURE_RDPID);
}

static int get_tsc_aux(struct msr_access *a)
{
	return may_use_tsc_aux(a) ? get_backend(a) : KVM_MSR_GP;
}

static int set_tsc_aux(struct msr_access *a)
{
	if (!may_use_tsc_aux(a))
		return KVM_MSR_GP;
	/* 32 bits; AMD ignores the others (APM vol. 2, 3.2.9), Intel does not have them written. */
	if (upper_32_bits(a->data) && !a->host && !a->vcpu->arch.cpuid.is_amd_compatible)
		return KVM_MSR_GP;
	a->data = (u32)a->data;
	return set_backend(a);
}

static int set_pred_cmd(struct msr_access *a)
{
	u64 known = 0;

	if (a->host || guest_cpuid_has(a->vcpu, X86_FEATURE_SPEC_CTRL) ||
	    guest_cpuid_has(a->vcpu, X86_FEATURE_AMD_IBPB))
		known |= PRED_CMD_IBPB;
	if (a->host || guest_cpuid_has(a->vcpu, X86_FEATURE_SBPB))
		known |= PRED_CMD_SBPB;
	if (!known || a->data & ~known)
		return KVM_MSR_GP;
	/* The VMM has no predictors to flush here: it asks for another CPU's state to be restored. */
	if (!a->data || a->host)
		return 0;
	wrmsrl(MSR_IA32_PRED_CMD, a->data);
	return 0;
}

static int set_flush_cmd(struct msr_access *a)
{
	if (a->data & ~(u64)L1D_FLUSH)
		return KVM_MSR_GP;
	if (a->data && !a->host)
		wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	return 0;
}

/* A guest writes 0 before it asks for the revision; only the VMM can change it. */
static int set_ucode_rev(struct msr_access *a)
{
	if (a->host)
		a->vcpu->arch.msrs.microcode_version = a->data;
	return 0;
}

static int get_platform_info(struct msr_access *a)
{
	if (!a->host && !a->vcpu->kvm->arch.msr_platform_info_guest_read)
		return KVM_MSR_GP;
	return get_field(a);
}

/* No monitoring unit, no PDCM in CPUID: a VMM reads that there is nothing, a guest finds no such register. */
static int get_perf_capabilities(struct msr_access *a)
{
	a->data = 0;
	return a->host ? 0 : KVM_MSR_GP;
}

static int set_perf_capabilities(struct msr_access *a)
{
	return a->host && !a->data ? 0 : KVM_MSR_GP;
}

static int set_platform_info(struct msr_access *a)
{
	/* CPUID faulting cannot be taken away while it is on. */
	if (!a->host ||
	    (!(a->data & MSR_PLATFORM_INFO_CPUID_FAULT) &&
	     a->vcpu->arch.msrs.misc_features_enables & MSR_MISC_FEATURES_ENABLES_CPUID_FAULT))
		return KVM_MSR_GP;
	a->vcpu->arch.msrs.platform_info = a->data;
	return 0;
}

static int set_misc_features(struct msr_access *a)
{
	if (a->data & ~MSR_MISC_FEATURES_ENABLES_CPUID_FAULT)
		return KVM_MSR_GP;
	if (a->data && !(a->vcpu->arch.msrs.platform_info & MSR_PLATFORM_INFO_CPUID_FAULT))
		return KVM_MSR_GP;
	a->vcpu->arch.msrs.misc_features_enables = a->data;
	return 0;
}

static int set_arch_capabilities(struct msr_access *a)
{
	if (!a->host || a->data & ~host_arch_capabilities)
		return KVM_MSR_GP;
	a->vcpu->arch.msrs.arch_capabilities = a->data;
	return 0;
}

#define MISC_ENABLE_READ_ONLY                                           \
	(MSR_IA32_MISC_ENABLE_EMON | MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | \
	 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)

static int set_misc_enable(struct msr_access *a)
{
	u64 *val = &a->vcpu->arch.msrs.misc_enable;

	if (!a->host && (a->data ^ *val) & MISC_ENABLE_READ_ONLY)
		return KVM_MSR_GP;
	*val = a->data;
	kvm_cpuid_runtime_update(a->vcpu);
	return 0;
}

static int get_poll_control(struct msr_access *a)
{
	if (!a->host && !guest_pv_has(a->vcpu, KVM_FEATURE_POLL_CONTROL))
		return KVM_MSR_GP;
	return get_field(a);
}

/* Bit 0: the host may poll before it lets a halted vCPU sleep. */
static int set_poll_control(struct msr_access *a)
{
	if (!a->host && !guest_pv_has(a->vcpu, KVM_FEATURE_POLL_CONTROL))
		return KVM_MSR_GP;
	if (a->data & ~1ULL)
		return KVM_MSR_GP;
	a->vcpu->arch.msrs.poll_control = a->data;
	return 0;
}

static int get_steal(struct msr_access *a)
{
	return kvm_steal_get_msr(a->vcpu, &a->data, a->host);
}

static int set_steal(struct msr_access *a)
{
	return kvm_steal_set_msr(a->vcpu, a->data, a->host);
}

static int get_async_pf(struct msr_access *a)
{
	return kvm_async_pf_get_msr(a->vcpu, a->index, &a->data, a->host);
}

static int set_async_pf(struct msr_access *a)
{
	return kvm_async_pf_set_msr(a->vcpu, a->index, a->data, a->host);
}

static int get_pv_eoi(struct msr_access *a)
{
	if (!a->host && !guest_pv_has(a->vcpu, KVM_FEATURE_PV_EOI))
		return KVM_MSR_GP;
	a->data = a->vcpu->arch.msrs.pv_eoi;
	return 0;
}

static int set_pv_eoi(struct msr_access *a)
{
	if (!a->host && !guest_pv_has(a->vcpu, KVM_FEATURE_PV_EOI))
		return KVM_MSR_GP;
	return kvm_lapic_set_pv_eoi(a->vcpu, a->data);
}

/* Backends that virtualize branch records have these; elsewhere nothing is ever recorded. */
static int get_debugctl(struct msr_access *a)
{
	int r = get_backend(a);

	if (r != KVM_MSR_UNKNOWN)
		return r;
	a->data = 0;
	return 0;
}

static int set_debugctl(struct msr_access *a)
{
	int r = set_backend(a);

	if (r != KVM_MSR_UNKNOWN)
		return r;
	/* LBR, BTF and AMD's pin controls */
	return a->data & ~(u64)0x3f ? KVM_MSR_GP : 0;
}

static int get_lastbranch(struct msr_access *a)
{
	return get_debugctl(a);
}

static int set_xss(struct msr_access *a)
{
	if (a->data & ~a->vcpu->arch.cpuid.xss_supported)
		return KVM_MSR_GP;
	a->vcpu->arch.msrs.xss = a->data;
	kvm_cpuid_runtime_update(a->vcpu);
	return 0;
}

#define HWCR_TLB_CACHE_DISABLE BIT_ULL(3)
#define HWCR_FLUSH_FILTER_DISABLE BIT_ULL(6)
#define HWCR_IGNNE BIT_ULL(8)
#define HWCR_MC_STATUS_WR_EN BIT_ULL(18)
#define HWCR_TSC_FREQ_SEL BIT_ULL(24)

static int set_hwcr(struct msr_access *a)
{
	/* erratum workarounds of old kernels: accepted, without effect */
	u64 data = a->data & ~(HWCR_TLB_CACHE_DISABLE | HWCR_FLUSH_FILTER_DISABLE | HWCR_IGNNE);

	if (data & ~(HWCR_MC_STATUS_WR_EN | HWCR_TSC_FREQ_SEL))
		return KVM_MSR_GP;
	a->vcpu->arch.msrs.amd_hwcr = data;
	return 0;
}

static int set_de_cfg(struct msr_access *a)
{
	u64 supported = 0;

	if (kvm_x86_call(get_feature_msr)(MSR_AMD64_DE_CFG, &supported) || a->data & ~supported)
		return KVM_MSR_GP;
	/* A guest can switch it on, not off: LFENCE is as serializing as the host has made it. */
	if (!a->host && a->data != (a->vcpu->arch.msrs.amd_de_cfg | a->data))
		return KVM_MSR_GP;
	a->vcpu->arch.msrs.amd_de_cfg = a->data;
	return 0;
}

/* ---------------------------------------------------------------- memory types (SDM vol. 3A, 12.11, 12.12) */

/* UC, WC, WT, WP, WB, and for PAT also UC- */
static bool memory_type_ok(u8 type, bool pat)
{
	return type < 8 && (pat ? 0xf3 : 0x73) & BIT(type);
}

static bool memory_types_ok(u64 types, bool pat)
{
	int i;

	for (i = 0; i < 8; i++)
		if (!memory_type_ok(types >> (i * 8), pat))
			return false;
	return true;
}

static int set_pat(struct msr_access *a)
{
	if (!memory_types_ok(a->data, true))
		return KVM_MSR_GP;
	a->vcpu->arch.msrs.pat = a->data;
	/* Where hardware holds it, too: the guest's page tables name its entries. */
	set_backend(a);
	return 0;
}

static int set_mtrr_def_type(struct msr_access *a)
{
	if (a->data & ~(u64)0xcff || !memory_type_ok(a->data, false))
		return KVM_MSR_GP;
	a->vcpu->arch.msrs.mtrr_def_type = a->data;
	return 0;
}

static u64 *mtrr_var(struct msr_access *a)
{
	u64 *regs = a->vcpu->arch.msrs.mtrr_var;

	return &regs[array_index_nospec(a->index - MTRRphysBase_MSR(0), MTRR_VAR_COUNT * 2)];
}

static int get_mtrr_var(struct msr_access *a)
{
	a->data = *mtrr_var(a);
	return 0;
}

static int set_mtrr_var(struct msr_access *a)
{
	bool mask = a->index & 1;
	u64 reserved = GENMASK_ULL(63, 0) << a->vcpu->arch.cpuid.maxphyaddr;

	/* The mask has one more bit, valid; the base has the type. */
	reserved |= mask ? 0x7ff : 0xf00;
	if (a->data & reserved || (!mask && !memory_type_ok(a->data, false)))
		return KVM_MSR_GP;
	*mtrr_var(a) = a->data;
	return 0;
}

static u64 *mtrr_fixed(struct msr_access *a)
{
	u64 *regs = a->vcpu->arch.msrs.mtrr_fixed;
	unsigned int i = 0;

	if (a->index >= MSR_MTRRfix4K_C0000)
		i = 3 + (a->index - MSR_MTRRfix4K_C0000);
	else if (a->index >= MSR_MTRRfix16K_80000)
		i = 1 + (a->index - MSR_MTRRfix16K_80000);
	return &regs[array_index_nospec(i, ARRAY_SIZE(a->vcpu->arch.msrs.mtrr_fixed))];
}

static int get_mtrr_fixed(struct msr_access *a)
{
	a->data = *mtrr_fixed(a);
	return 0;
}

static int set_mtrr_fixed(struct msr_access *a)
{
	if (!memory_types_ok(a->data, false))
		return KVM_MSR_GP;
	*mtrr_fixed(a) = a->data;
	return 0;
}

/* ---------------------------------------------------------------- the table */

static const struct msr_row rows[] = {
#define MSR(a, b, getter, setter, bits, feature, member, val) \
	{ .first = a,                                         \
	  .last = b,                                          \
	  .get = get_##getter,                                \
	  .set = set_##setter,                                \
	  .flags = bits,                                      \
	  .needs = feature,                                   \
	  .field = offsetof(struct kvm_vcpu_msrs, member),    \
	  .value = val },
#include "msr_table.def"
#undef MSR
};

static const struct msr_row *find_row(u32 index)
{
	unsigned int lo = 0, hi = ARRAY_SIZE(rows);

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (index > rows[mid].last)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == ARRAY_SIZE(rows) || index < rows[lo].first)
		return NULL;
	return &rows[array_index_nospec(lo, ARRAY_SIZE(rows))];
}

/* Does this host have what the row stands for? */
static bool row_supported(const struct msr_row *row)
{
	if (row->needs && !kvm_cpu_cap_has(row->needs))
		return false;
	return !(row->flags & PROBE) || kvm_x86_call(has_msr)(row->first);
}

static u64 arch_capabilities_of_host(void)
{
	static const struct {
		u32 bug;
		u64 cap; /* says that the bug is not there */
	} known[] = {
		{ X86_BUG_CPU_MELTDOWN, ARCH_CAP_RDCL_NO },
		{ X86_BUG_SPEC_STORE_BYPASS, ARCH_CAP_SSB_NO },
		{ X86_BUG_L1TF, ARCH_CAP_SKIP_VMENTRY_L1DFLUSH },
		{ X86_BUG_MDS, ARCH_CAP_MDS_NO },
		{ X86_BUG_ITLB_MULTIHIT, ARCH_CAP_PSCHANGE_MC_NO },
		{ X86_BUG_GDS, ARCH_CAP_GDS_NO },
		{ X86_BUG_RFDS, ARCH_CAP_RFDS_NO },
		{ X86_BUG_ITS, ARCH_CAP_ITS_NO },
	};
	const u64 told = ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_RSBA |
			 ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO |
			 ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | ARCH_CAP_SBDR_SSDP_NO |
			 ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | ARCH_CAP_FB_CLEAR | ARCH_CAP_RRSBA |
			 ARCH_CAP_BHI_NO | ARCH_CAP_PBRSB_NO | ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO |
			 ARCH_CAP_RFDS_CLEAR | ARCH_CAP_ITS_NO;
	u64 caps = 0;
	unsigned int i;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl_safe(MSR_IA32_ARCH_CAPABILITIES, &caps);
	caps &= told;
	/* What the kernel knows of CPUs that do not say so themselves. */
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!boot_cpu_has_bug(known[i].bug))
			caps |= known[i].cap;
	return caps;
}

int kvm_msr_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (WARN_ON_ONCE(rows[i].first > rows[i].last ||
				 (i && rows[i].first <= rows[i - 1].last)))
			return -EINVAL;
	}
	host_arch_capabilities = arch_capabilities_of_host();
	return 0;
}

void kvm_msr_vcpu_reset(struct kvm_vcpu *vcpu, bool init)
{
	struct kvm_vcpu_msrs *m = &vcpu->arch.msrs;
	u64 de_cfg = 0;

	/* INIT leaves MSRs alone, but for those that the backend and the clock reset (SDM vol. 3A, table 10-1). */
	if (init)
		return;
	m->pat = 0x0007040600070406ULL;
	m->misc_enable = MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL | MSR_IA32_MISC_ENABLE_BTS_UNAVAIL;
	m->misc_features_enables = 0;
	m->platform_info = MSR_PLATFORM_INFO_CPUID_FAULT;
	m->arch_capabilities = host_arch_capabilities;
	m->poll_control = 1;
	m->amd_hwcr = HWCR_TSC_FREQ_SEL;
	m->microcode_version = boot_cpu_data.x86_vendor == X86_VENDOR_INTEL ? 0x100000000ULL :
									      0x01000065;
	if (!kvm_x86_call(get_feature_msr)(MSR_AMD64_DE_CFG, &de_cfg))
		m->amd_de_cfg = de_cfg;
	m->xss = 0;
	m->mcg_cap = KVM_MAX_MCE_BANKS;
}

/* ---------------------------------------------------------------- access */

static int check_row(struct kvm_vcpu *vcpu, const struct msr_row *row, bool host)
{
	if (!row || ((row->flags & PROBE) && !kvm_x86_call(has_msr)(row->first)))
		return KVM_MSR_UNKNOWN;
	if (row->needs && !host && !guest_cpuid_has(vcpu, row->needs))
		return KVM_MSR_GP;
	return 0;
}

int kvm_msr_read(struct kvm_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	struct msr_access a = { .vcpu = vcpu, .row = find_row(index), .index = index, .host = host };
	int r = check_row(vcpu, a.row, host);

	if (!r)
		r = a.row->get(&a);
	else if (r == KVM_MSR_UNKNOWN)
		r = get_backend(&a);
	*data = r ? 0 : a.data;
	return r;
}

int kvm_msr_write(struct kvm_vcpu *vcpu, u32 index, u64 data, bool host)
{
	struct msr_access a = {
		.vcpu = vcpu, .row = find_row(index), .index = index, .data = data, .host = host
	};
	int r = check_row(vcpu, a.row, host);

	if (!r)
		return a.row->set(&a);
	return r == KVM_MSR_UNKNOWN ? set_backend(&a) : r;
}

/* The module parameter's word on an MSR that nobody has: true: pretend. */
static bool ignore_unknown(struct kvm_vcpu *vcpu, u32 index, u64 data, bool write)
{
	if (!READ_ONCE(ignore_msrs))
		return false;
	if (READ_ONCE(report_ignored_msrs)) {
		if (write)
			kvm_vcpu_info(vcpu, "ignored wrmsr: 0x%x data 0x%llx\n", index, data);
		else
			kvm_vcpu_info(vcpu, "ignored rdmsr: 0x%x\n", index);
	}
	return true;
}

/* ---------------------------------------------------------------- RDMSR, WRMSR of the guest */

static int complete_rdmsr(struct kvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (READ_ONCE(run->msr.error)) {
		kvm_inject_gp(vcpu, 0);
		return KVM_REENTER;
	}
	kvm_edx_eax_write(vcpu, READ_ONCE(run->msr.data));
	return kvm_skip_instruction(vcpu);
}

static int complete_wrmsr(struct kvm_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->run->msr.error)) {
		kvm_inject_gp(vcpu, 0);
		return KVM_REENTER;
	}
	return kvm_skip_instruction(vcpu);
}

static u32 exit_reason_of(int r)
{
	switch (r) {
	case KVM_MSR_UNKNOWN:
		return KVM_MSR_EXIT_REASON_UNKNOWN;
	case KVM_MSR_FILTERED:
		return KVM_MSR_EXIT_REASON_FILTER;
	default:
		return KVM_MSR_EXIT_REASON_INVAL;
	}
}

bool kvm_msr_user_space(struct kvm_vcpu *vcpu, u32 index, u64 data, bool write, int r)
{
	struct kvm_run *run = vcpu->run;
	u32 reason = exit_reason_of(r);

	if (!(READ_ONCE(vcpu->kvm->arch.user_space_msr_mask) & reason))
		return false;
	run->exit_reason = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	run->msr.error = 0;
	memset(run->msr.pad, 0, sizeof(run->msr.pad));
	run->msr.reason = reason;
	run->msr.index = index;
	run->msr.data = data;
	return true;
}

int kvm_msr_guest_read(struct kvm_vcpu *vcpu, u32 index, u64 *data)
{
	int r;

	*data = 0;
	if (!kvm_msr_allowed(vcpu, index, false))
		return KVM_MSR_FILTERED;
	r = kvm_msr_read(vcpu, index, data, false);
	if (r == KVM_MSR_UNKNOWN && ignore_unknown(vcpu, index, 0, false))
		r = 0;
	return r;
}

int kvm_msr_guest_write(struct kvm_vcpu *vcpu, u32 index, u64 data)
{
	int r;

	if (!kvm_msr_allowed(vcpu, index, true))
		return KVM_MSR_FILTERED;
	r = kvm_msr_write(vcpu, index, data, false);
	if (r == KVM_MSR_UNKNOWN && ignore_unknown(vcpu, index, data, true))
		r = 0;
	return r;
}

int kvm_emulate_rdmsr(struct kvm_vcpu *vcpu)
{
	u32 index = kvm_rcx_read(vcpu);
	u64 data;
	int r = kvm_msr_guest_read(vcpu, index, &data);

	if (!r) {
		trace_kvm_msr(KVM_TRACE_READ, index, data, false);
		kvm_edx_eax_write(vcpu, data);
		return kvm_skip_instruction(vcpu);
	}
	if (kvm_msr_user_space(vcpu, index, 0, false, r)) {
		vcpu->arch.io.complete = complete_rdmsr;
		return KVM_TO_USER;
	}
	trace_kvm_msr(KVM_TRACE_READ, index, 0, true);
	if (r == KVM_MSR_UNKNOWN)
		kvm_vcpu_info(vcpu, "rdmsr of 0x%x, which this virtual CPU does not have: #GP\n",
			      index);
	kvm_inject_gp(vcpu, 0);
	return KVM_REENTER;
}
EXPORT_SYMBOL_GPL(kvm_emulate_rdmsr);

int kvm_emulate_wrmsr(struct kvm_vcpu *vcpu)
{
	u32 index = kvm_rcx_read(vcpu);
	u64 data = kvm_edx_eax_read(vcpu);
	int r = kvm_msr_guest_write(vcpu, index, data);

	if (!r) {
		trace_kvm_msr(KVM_TRACE_WRITE, index, data, false);
		return kvm_skip_instruction(vcpu);
	}
	if (kvm_msr_user_space(vcpu, index, data, true, r)) {
		vcpu->arch.io.complete = complete_wrmsr;
		return KVM_TO_USER;
	}
	trace_kvm_msr(KVM_TRACE_WRITE, index, data, true);
	if (r == KVM_MSR_UNKNOWN)
		kvm_vcpu_info(
			vcpu,
			"wrmsr of 0x%x, which this virtual CPU does not have, data 0x%llx: #GP\n",
			index, data);
	kvm_inject_gp(vcpu, 0);
	return KVM_REENTER;
}
EXPORT_SYMBOL_GPL(kvm_emulate_wrmsr);

static bool fast_read_ok(const struct msr_row *row)
{
	return row->flags & FAST_RD || row->get == get_field || row->get == get_const;
}

int kvm_emulate_rdmsr_fast(struct kvm_vcpu *vcpu)
{
	u32 index = kvm_rcx_read(vcpu);
	struct msr_access a = { .vcpu = vcpu, .row = find_row(index), .index = index };
	int r;

	if (!a.row || !fast_read_ok(a.row) || check_row(vcpu, a.row, false) ||
	    !kvm_msr_allowed(vcpu, index, false) || a.row->get(&a))
		return KVM_AGAIN;
	r = kvm_skip_instruction(vcpu);
	if (r != KVM_AGAIN) {
		trace_kvm_msr(KVM_TRACE_READ, index, a.data, false);
		kvm_edx_eax_write(vcpu, a.data);
	}
	return r;
}
EXPORT_SYMBOL_GPL(kvm_emulate_rdmsr_fast);

static int write_fast(struct msr_access *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;

	if (a->row->set == set_x2apic)
		return kvm_lapic_in_kernel(vcpu) ?
			       kvm_lapic_msr_write_fast(vcpu, a->index, a->data) :
			       KVM_AGAIN;
	if (check_row(vcpu, a->row, false) || !kvm_msr_allowed(vcpu, a->index, true) ||
	    a->row->set(a))
		return KVM_AGAIN;
	return KVM_REENTER;
}

int kvm_emulate_wrmsr_fast(struct kvm_vcpu *vcpu)
{
	u32 index = kvm_rcx_read(vcpu), shadow;
	struct msr_access a = { .vcpu = vcpu, .row = find_row(index), .index = index };
	unsigned long rip;

	if (!a.row || !(a.row->flags & FAST_WR))
		return KVM_AGAIN;
	rip = kvm_rip_read(vcpu);
	shadow = kvm_x86_call(get_interrupt_shadow)(vcpu);
	/* First past the instruction: a write that sends an interrupt must not be done twice. */
	if (kvm_x86_call(skip_instruction)(vcpu))
		return KVM_AGAIN;
	a.data = kvm_edx_eax_read(vcpu);
	if (likely(write_fast(&a) == KVM_REENTER)) {
		trace_kvm_msr(KVM_TRACE_WRITE, index, a.data, false);
		return kvm_emulated_step(vcpu);
	}
	kvm_rip_write(vcpu, rip);
	kvm_x86_call(set_interrupt_shadow)(vcpu, shadow);
	return KVM_AGAIN;
}
EXPORT_SYMBOL_GPL(kvm_emulate_wrmsr_fast);

/* ---------------------------------------------------------------- lists */

static long copy_list(struct kvm_msr_list __user *user, u16 flag)
{
	struct kvm_msr_list head;
	u32 nr = 0, index;
	unsigned int i;
	u32 room;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	room = head.nmsrs;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!(rows[i].flags & flag) || !row_supported(&rows[i]))
			continue;
		for (index = rows[i].first; index <= rows[i].last; index++, nr++) {
			if (nr < room && put_user(index, &user->indices[nr]))
				return -EFAULT;
		}
	}
	if (put_user(nr, &user->nmsrs))
		return -EFAULT;
	return nr > room ? -E2BIG : 0;
}

long kvm_sys_get_msr_index_list(struct file *filp, union kvm_ioctl_arg arg)
{
	return copy_list(arg.user, LIST);
}

long kvm_sys_get_msr_feature_index_list(struct file *filp, union kvm_ioctl_arg arg)
{
	return copy_list(arg.user, FEAT);
}

/* ---------------------------------------------------------------- KVM_GET_MSRS, KVM_SET_MSRS */

/* Answers 0, or anything else to stop there. */
typedef int (*each_msr_fn)(struct kvm_vcpu *vcpu, struct kvm_msr_entry *e);

static long for_each_msr(struct kvm_vcpu *vcpu, struct kvm_msrs __user *user, each_msr_fn fn,
			 bool write_back)
{
	struct kvm_msr_entry *entries;
	struct kvm_msrs head;
	size_t size;
	u32 i;
	long r;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nmsrs >= MAX_MSRS_A_CALL)
		return -E2BIG;
	size = array_size(head.nmsrs, sizeof(*entries));
	entries = memdup_user(user->entries, size);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	for (i = 0; i < head.nmsrs; i++)
		if (fn(vcpu, &entries[i]))
			break;
	r = i;
	if (write_back && copy_to_user(user->entries, entries, size))
		r = -EFAULT;
	kfree(entries);
	return r;
}

static int get_feature(struct kvm_vcpu *unused, struct kvm_msr_entry *e)
{
	const struct msr_row *row = find_row(e->index);
	u64 data = 0;
	int r = 0;

	if (!row || !(row->flags & FEAT) || !row_supported(row))
		return READ_ONCE(ignore_msrs) ? 0 : KVM_MSR_UNKNOWN;
	if (e->index == MSR_IA32_ARCH_CAPABILITIES)
		data = host_arch_capabilities;
	else if (e->index == MSR_IA32_PERF_CAPABILITIES)
		data = row->value;
	else if (e->index == MSR_IA32_UCODE_REV)
		r = rdmsrl_safe(MSR_IA32_UCODE_REV, &data);
	else
		r = kvm_x86_call(get_feature_msr)(e->index, &data);
	e->data = data;
	return r;
}

static int get_one(struct kvm_vcpu *vcpu, struct kvm_msr_entry *e)
{
	u64 data;
	int r = kvm_msr_read(vcpu, e->index, &data, true);

	if (r == KVM_MSR_UNKNOWN && ignore_unknown(vcpu, e->index, 0, false))
		r = 0;
	e->data = data;
	return r;
}

static int set_one(struct kvm_vcpu *vcpu, struct kvm_msr_entry *e)
{
	int r = kvm_msr_write(vcpu, e->index, e->data, true);

	if (r == KVM_MSR_UNKNOWN && ignore_unknown(vcpu, e->index, e->data, true))
		r = 0;
	return r;
}

long kvm_sys_get_msrs(struct file *filp, union kvm_ioctl_arg arg)
{
	return for_each_msr(NULL, arg.user, get_feature, true);
}

long kvm_vcpu_get_msrs(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	int idx = srcu_read_lock(&vcpu->kvm->srcu);
	long r = for_each_msr(vcpu, arg.user, get_one, true);

	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	return r;
}

long kvm_vcpu_set_msrs(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	int idx = srcu_read_lock(&vcpu->kvm->srcu);
	long r = for_each_msr(vcpu, arg.user, set_one, false);

	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	return r;
}
