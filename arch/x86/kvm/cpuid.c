// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: KVM_GET_SUPPORTED_CPUID, a vCPU's table, and what the guest reads.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/asm/kvm_para.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "cpuid.h"
#include "cpuid_policy.h"
#include "events.h"
#include "ioctl.h"
#include "io_x86.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "regs.h"
#include "run.h"
#include "trace_x86.h"
#include "xsave.h"

#define CPUID_PV_BASE 0x40000000u
#define CPUID_EXT_BASE 0x80000000u
#define GUEST_WORDS ARRAY_SIZE(((struct kvm_vcpu_cpuid *)NULL)->guest_caps)

static_assert(sizeof(struct kvm_cpuid_leaf) == sizeof(struct kvm_cpuid_entry2));
static_assert(KVM_CPUID_LEAF_INDEXED == KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
static_assert(NCAPINTS <= GUEST_WORDS);

/* The kernel's number of each row; 0xffff: it has none. */
#define NO_X86_FEATURE 0xffff
static const u16 x86_feature[KVM_CPUID_NR_FEATURES] = {
#define F(name, word, bit, rule) [KVM_CPUID_##name] = X86_FEATURE_##name,
#define N(name, word, bit, rule) [KVM_CPUID_##name] = NO_X86_FEATURE,
#include "cpuid_features.def"
#undef N
#undef F
};

static struct kvm_cpuid_host host;
static struct kvm_cpuid_policy policy;
/* policy.caps and policy.vmm by the kernel's numbers */
static u32 offered[GUEST_WORDS];
static u32 allowed[GUEST_WORDS];
/* CPUID 0xD of each component, for sizes of XSAVE areas */
static struct kvm_cpuid_regs xstate_component[64];

/* ---------------------------------------------------------------- the offer */

static void execute_cpuid(void *ctx, u32 function, u32 index, struct kvm_cpuid_regs *regs)
{
	cpuid_count(function, index, &regs->r[CPUID_REG_EAX], &regs->r[CPUID_REG_EBX],
		    &regs->r[CPUID_REG_ECX], &regs->r[CPUID_REG_EDX]);
}

static int row_of(unsigned int feature)
{
	int i;

	for (i = 0; i < KVM_CPUID_NR_FEATURES; i++)
		if (x86_feature[i] == feature)
			return i;
	return -1;
}

static void settle(void)
{
	int i;

	kvm_cpuid_policy_settle(&policy);
	memset(offered, 0, sizeof(offered));
	memset(allowed, 0, sizeof(allowed));
	for (i = 0; i < KVM_CPUID_NR_FEATURES; i++) {
		const struct kvm_cpuid_row *row = &kvm_cpuid_rows[i];
		unsigned int f = x86_feature[i];

		if (f == NO_X86_FEATURE)
			continue;
		if (policy.caps[row->word] & BIT(row->bit))
			offered[f / 32] |= BIT(f % 32);
		if ((policy.caps[row->word] | policy.vmm[row->word]) & BIT(row->bit))
			allowed[f / 32] |= BIT(f % 32);
	}
}

/* KVM_FEATURE_* that are implemented here; the paravirtual part lives in clock.c and hypercall.c. */
static u32 pv_features(void)
{
	return BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_NOP_IO_DELAY) |
	       BIT(KVM_FEATURE_CLOCKSOURCE2) | BIT(KVM_FEATURE_ASYNC_PF) |
	       BIT(KVM_FEATURE_ASYNC_PF_INT) |
	       (IS_ENABLED(CONFIG_SCHED_INFO) ?
			BIT(KVM_FEATURE_STEAL_TIME) | BIT(KVM_FEATURE_PV_TLB_FLUSH) :
			0) |
	       BIT(KVM_FEATURE_PV_EOI) | BIT(KVM_FEATURE_PV_UNHALT) | BIT(KVM_FEATURE_PV_SEND_IPI) |
	       BIT(KVM_FEATURE_POLL_CONTROL) | BIT(KVM_FEATURE_PV_SCHED_YIELD) |
	       BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT);
}

void kvm_cpuid_set_guest_phys_bits(u8 bits)
{
	host.guest_phys_bits = bits;
}

int kvm_cpuid_init(void)
{
	int i;

	kvm_xsave_init();
	memset(&host, 0, sizeof(host));
	host.cpuid = execute_cpuid;
	host.xcr0 = kvm_supported_xcr0;
	host.xss = kvm_supported_xss;
	for (i = 0; i < KVM_CPUID_NR_FEATURES; i++) {
		if (x86_feature[i] == NO_X86_FEATURE)
			continue;
		if (!test_bit(x86_feature[i], (unsigned long *)boot_cpu_data.x86_capability))
			host.off[i / 32] |= BIT(i % 32);
	}
	if (boot_cpu_data.cpuid_level >= 0xd)
		for (i = 2; i < 63; i++)
			execute_cpuid(NULL, 0xd, i, &xstate_component[i]);
	kvm_cpuid_policy_init(&policy, &host);
	policy.pv_features = pv_features();
	settle();
	return 0;
}

/**
 * kvm_cpu_cap_has() - is a feature offered to guests?
 * @feature: X86_FEATURE_*
 * Context: any
 */
bool kvm_cpu_cap_has(unsigned int feature)
{
	return feature / 32 < GUEST_WORDS && offered[feature / 32] & BIT(feature % 32);
}

static void cap_change(unsigned int feature, bool on)
{
	int row = row_of(feature);

	/* What has no row is not offered anyway. */
	if (row < 0 && !on)
		return;
	if (WARN_ON_ONCE(row < 0))
		return;
	kvm_cpuid_policy_set(&policy, row, on);
	settle();
}

/**
 * kvm_cpu_cap_set() - the backend supports a feature
 * @feature: X86_FEATURE_* with a row in cpuid_features.def
 * Context: module load, before any VM exists
 */
void kvm_cpu_cap_set(unsigned int feature)
{
	cap_change(feature, true);
}
EXPORT_SYMBOL_GPL(kvm_cpu_cap_set);

/**
 * kvm_cpu_cap_clear() - the backend cannot support a feature
 * @feature: X86_FEATURE_*
 * Context: module load, before any VM exists
 */
void kvm_cpu_cap_clear(unsigned int feature)
{
	cap_change(feature, false);
}
EXPORT_SYMBOL_GPL(kvm_cpu_cap_clear);

long kvm_sys_get_supported_cpuid(struct file *filp, union kvm_ioctl_arg arg)
{
	struct kvm_cpuid2 __user *user = arg.user;
	struct kvm_cpuid_leaf *leaves;
	struct kvm_cpuid2 head;
	unsigned int nr;
	long r = -E2BIG;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (!head.nent)
		return -E2BIG;

	leaves = kvcalloc(KVM_MAX_CPUID_ENTRIES, sizeof(*leaves), GFP_KERNEL);
	if (!leaves)
		return -ENOMEM;
	nr = kvm_cpuid_policy_leaves(&policy, &host, leaves, KVM_MAX_CPUID_ENTRIES);
	if (WARN_ON_ONCE(nr > KVM_MAX_CPUID_ENTRIES))
		nr = KVM_MAX_CPUID_ENTRIES;
	if (nr > head.nent)
		goto out;

	r = -EFAULT;
	head.nent = nr;
	if (copy_to_user(user, &head, sizeof(head)) ||
	    copy_to_user(user->entries, leaves, nr * sizeof(*leaves)))
		goto out;
	r = 0;
out:
	kvfree(leaves);
	return r;
}

/* Nothing is emulated that the host's CPU lacks: a table of one function, which says that there are no others. */
long kvm_sys_get_emulated_cpuid(struct file *filp, union kvm_ioctl_arg arg)
{
	struct kvm_cpuid2 __user *user = arg.user;
	struct kvm_cpuid2 head;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (!head.nent)
		return -E2BIG;
	head.nent = 1;
	if (copy_to_user(user, &head, sizeof(head)) ||
	    clear_user(user->entries, sizeof(*user->entries)))
		return -EFAULT;
	return 0;
}

/* ---------------------------------------------------------------- a vCPU's table */

static struct kvm_cpuid_entry2 *match_from(struct kvm_vcpu_cpuid *c, unsigned int pos, u32 function,
					   u32 index)
{
	struct kvm_cpuid_entry2 *e = &c->entries[pos], *end = &c->entries[c->nent];

	for (; e < end; e++) {
		if (e->function == function &&
		    (e->index == index || !(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)))
			return e;
	}
	return NULL;
}

/* Where a function's index cell is, or NULL when it is outside of the three ranges. */
static __always_inline u16 *index_cell(struct kvm_vcpu_cpuid *c, u32 function)
{
	u32 i = function;

	if (likely(i < ARRAY_SIZE(c->index_basic)))
		return &c->index_basic[array_index_nospec(i, ARRAY_SIZE(c->index_basic))];
	i = function - CPUID_EXT_BASE;
	if (i < ARRAY_SIZE(c->index_ext))
		return &c->index_ext[array_index_nospec(i, ARRAY_SIZE(c->index_ext))];
	i = function - CPUID_PV_BASE;
	if (i < ARRAY_SIZE(c->index_pv))
		return &c->index_pv[array_index_nospec(i, ARRAY_SIZE(c->index_pv))];
	return NULL;
}

static __always_inline struct kvm_cpuid_entry2 *find(struct kvm_vcpu_cpuid *c, u32 function,
						     u32 index)
{
	u16 *cell = index_cell(c, function);

	if (unlikely(!cell))
		return match_from(c, 0, function, index);
	if (!*cell)
		return NULL;
	return match_from(c, *cell - 1, function, index);
}

struct kvm_cpuid_entry2 *kvm_find_cpuid_entry(struct kvm_vcpu *vcpu, u32 function, u32 index)
{
	return find(&vcpu->arch.cpuid, function, index);
}

static void build_index(struct kvm_vcpu_cpuid *c)
{
	unsigned int i;

	memset(c->index_basic, 0, sizeof(c->index_basic));
	memset(c->index_pv, 0, sizeof(c->index_pv));
	memset(c->index_ext, 0, sizeof(c->index_ext));
	for (i = 0; i < c->nent; i++) {
		u16 *cell = index_cell(c, c->entries[i].function);

		if (cell && !*cell)
			*cell = i + 1;
	}
}

static u32 entry_reg(const struct kvm_cpuid_entry2 *e, u32 reg)
{
	const u32 regs[] = { e->eax, e->ebx, e->ecx, e->edx };

	return regs[reg];
}

static void collect_caps(struct kvm_vcpu_cpuid *c)
{
	u32 words[KVM_CPUID_NR_WORDS];
	int i;

	for (i = 0; i < KVM_CPUID_NR_WORDS; i++) {
		const struct kvm_cpuid_word_def *w = &kvm_cpuid_words[i];
		const struct kvm_cpuid_entry2 *e = find(c, w->function, w->index);

		words[i] = e ? entry_reg(e, w->reg) : 0;
	}
	memset(c->guest_caps, 0, sizeof(c->guest_caps));
	for (i = 0; i < KVM_CPUID_NR_FEATURES; i++) {
		unsigned int f = x86_feature[i];

		if (f == NO_X86_FEATURE ||
		    !(words[kvm_cpuid_rows[i].word] & BIT(kvm_cpuid_rows[i].bit)))
			continue;
		c->guest_caps[f / 32] |= BIT(f % 32) & allowed[f / 32];
	}
}

static bool is_pv_signature(const struct kvm_cpuid_entry2 *e)
{
	return e->ebx == 0x4b4d564b && e->ecx == 0x564b4d56 && e->edx == 0x4d;
}

/* A guest whose HLT does not exit cannot be kicked out of it: whoever counts on that must not be told that it can. */
static void take_pv_unhalt(struct kvm_vcpu *vcpu, struct kvm_cpuid_entry2 *entries, u32 nent)
{
	u32 i, base = 0;

	if (!(vcpu->arch.disabled_exits & KVM_X86_DISABLE_EXITS_HLT))
		return;
	for (i = 0; i < nent && !base; i++) {
		if ((entries[i].function & ~0xff00U) == CPUID_PV_BASE &&
		    is_pv_signature(&entries[i]))
			base = entries[i].function;
	}
	for (i = 0; i < nent && base; i++) {
		if (entries[i].function == (base | 1))
			entries[i].eax &= ~(u32)BIT(KVM_FEATURE_PV_UNHALT);
	}
}

static void find_pv_leaf(struct kvm_vcpu_cpuid *c)
{
	const struct kvm_cpuid_entry2 *e;
	u32 base;

	c->pv_leaf = 0;
	c->pv_features = 0;
	for (base = CPUID_PV_BASE; base < CPUID_PV_BASE + 0x10000; base += 0x100) {
		e = find(c, base, 0);
		if (!e || !is_pv_signature(e))
			continue;
		c->pv_leaf = base;
		e = find(c, base | 1, 0);
		if (e)
			c->pv_features = e->eax;
		return;
	}
}

static const struct {
	u32 cr4;
	u16 feature;
} cr4_features[] = {
	{ X86_CR4_UMIP, X86_FEATURE_UMIP },	    { X86_CR4_LA57, X86_FEATURE_LA57 },
	{ X86_CR4_FSGSBASE, X86_FEATURE_FSGSBASE }, { X86_CR4_PCIDE, X86_FEATURE_PCID },
	{ X86_CR4_OSXSAVE, X86_FEATURE_XSAVE },	    { X86_CR4_SMEP, X86_FEATURE_SMEP },
	{ X86_CR4_SMAP, X86_FEATURE_SMAP },	    { X86_CR4_PKE, X86_FEATURE_PKU },
};

/* CR4 bits that go with every CPU that can run this. */
#define CR4_ALWAYS                                                                          \
	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | X86_CR4_PAE | \
	 X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

static bool has_cap(const struct kvm_vcpu_cpuid *c, unsigned int f)
{
	return c->guest_caps[f / 32] & BIT(f % 32);
}

static u64 allowed_cr4(const struct kvm_vcpu_cpuid *c)
{
	u64 cr4 = CR4_ALWAYS;
	int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++)
		if (has_cap(c, cr4_features[i].feature))
			cr4 |= cr4_features[i].cr4;
	return cr4;
}

/* Everything that follows from the table alone. */
static void derive(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_cpuid *c = &vcpu->arch.cpuid;
	const struct kvm_cpuid_entry2 *e;
	u32 max_ext;

	build_index(c);
	collect_caps(c);
	find_pv_leaf(c);

	e = find(c, 0, 0);
	c->is_amd_compatible = e && kvm_cpuid_vendor_is_amd(e->ebx, e->ecx, e->edx);

	e = find(c, CPUID_EXT_BASE, 0);
	max_ext = e ? e->eax : 0;
	e = max_ext >= CPUID_EXT_BASE + 8 ? find(c, CPUID_EXT_BASE + 8, 0) : NULL;
	c->maxphyaddr = e ? clamp_t(u32, e->eax & 0xff, 32, 52) : 36;
	c->reserved_gpa_bits = c->maxphyaddr < 52 ? GENMASK_ULL(51, c->maxphyaddr) : 0;
	c->cr4_reserved = ~allowed_cr4(c);

	e = find(c, 0xd, 0);
	c->xcr0_supported = e ? (e->eax | (u64)e->edx << 32) & kvm_supported_xcr0 : 0;
	e = find(c, 0xd, 1);
	c->xss_supported = e ? (e->ecx | (u64)e->edx << 32) & kvm_supported_xss : 0;
}

void kvm_cpuid_reset(struct kvm_vcpu *vcpu)
{
	if (!vcpu->arch.cpuid.entries)
		derive(vcpu);
}

void kvm_cpuid_runtime_update(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_cpuid *c = &vcpu->arch.cpuid;
	const struct kvm_cpuid_entry2 *e;

	c->rt_1_ecx_mask = BIT(27);
	c->rt_1_ecx = vcpu->arch.cr4 & X86_CR4_OSXSAVE ? BIT(27) : 0;
	if (vcpu->kvm->arch.disabled_quirks & KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT) {
		c->rt_1_ecx_mask |= BIT(3);
		if (vcpu->arch.msrs.misc_enable & MSR_IA32_MISC_ENABLE_MWAIT)
			c->rt_1_ecx |= BIT(3);
		__assign_bit(X86_FEATURE_MWAIT, (unsigned long *)c->guest_caps,
			     c->rt_1_ecx & BIT(3));
	}
	c->rt_1_edx_mask = 0;
	c->rt_1_edx = 0;
	if (kvm_lapic_in_kernel(vcpu) && !(vcpu->arch.apic_base & MSR_IA32_APICBASE_ENABLE))
		c->rt_1_edx_mask = BIT(9);

	c->rt_7_ecx_mask = BIT(4);
	c->rt_7_ecx = vcpu->arch.cr4 & X86_CR4_PKE ? BIT(4) : 0;

	c->rt_d0_ebx = 0;
	c->rt_d1_ebx = 0;
	if (find(c, 0xd, 0))
		c->rt_d0_ebx = kvm_xsave_size(xstate_component, vcpu->arch.xcr0, false);
	e = find(c, 0xd, 1);
	if (e && e->eax & (BIT(1) | BIT(3)))
		c->rt_d1_ebx = kvm_xsave_size(xstate_component,
					      vcpu->arch.xcr0 | vcpu->arch.msrs.xss, true);
	kvm_emul_cpuid_changed(vcpu);
}

/**
 * guest_cpuid_has() - has the guest a feature, and does it work here?
 * @vcpu: the vCPU
 * @feature: X86_FEATURE_*
 * Context: any, for the current vCPU
 */
bool guest_cpuid_has(struct kvm_vcpu *vcpu, unsigned int feature)
{
	return feature / 32 < GUEST_WORDS && has_cap(&vcpu->arch.cpuid, feature);
}
EXPORT_SYMBOL_GPL(guest_cpuid_has);

bool guest_pv_has(struct kvm_vcpu *vcpu, unsigned int kvm_feature)
{
	return !vcpu->arch.pv_enforce || vcpu->arch.cpuid.pv_features & BIT(kvm_feature);
}

void kvm_cpuid_free(struct kvm_vcpu *vcpu)
{
	kvfree(vcpu->arch.cpuid.entries);
	vcpu->arch.cpuid.entries = NULL;
	vcpu->arch.cpuid.nent = 0;
}

/* ---------------------------------------------------------------- setting and getting it */

/* Linear addresses are 48 or 57 bits wide; nothing else can be built. */
static bool table_ok(const struct kvm_cpuid_entry2 *entries, u32 nent)
{
	u32 i, width;

	for (i = 0; i < nent; i++) {
		if (entries[i].function != CPUID_EXT_BASE + 8)
			continue;
		width = (entries[i].eax >> 8) & 0xff;
		return width == 0 || width == 48 || width == 57;
	}
	return true;
}

/* Bits that follow the vCPU's state instead of the table */
static void apply_runtime(const struct kvm_vcpu_cpuid *c, u32 function, u32 index, u32 *ebx,
			  u32 *ecx, u32 *edx)
{
	switch (function) {
	case 1:
		*ecx = (*ecx & ~c->rt_1_ecx_mask) | c->rt_1_ecx;
		*edx = (*edx & ~c->rt_1_edx_mask) | c->rt_1_edx;
		break;
	case 7:
		if (index == 0)
			*ecx = (*ecx & ~c->rt_7_ecx_mask) | c->rt_7_ecx;
		break;
	case 0xd:
		if (index == 0 && c->rt_d0_ebx)
			*ebx = c->rt_d0_ebx;
		else if (index == 1 && c->rt_d1_ebx)
			*ebx = c->rt_d1_ebx;
		break;
	}
}

/* As the guest would see it now. */
static struct kvm_cpuid_entry2 current_entry(const struct kvm_vcpu_cpuid *c,
					     const struct kvm_cpuid_entry2 *e)
{
	struct kvm_cpuid_entry2 now = {
		.function = e->function,
		.index = e->index,
		.flags = e->flags,
		.eax = e->eax,
		.ebx = e->ebx,
		.ecx = e->ecx,
		.edx = e->edx,
	};

	apply_runtime(c, now.function, now.index, &now.ebx, &now.ecx, &now.edx);
	return now;
}

static bool same_table(const struct kvm_vcpu_cpuid *c, const struct kvm_cpuid_entry2 *entries,
		       u32 nent)
{
	u32 i;

	for (i = 0; i < nent && nent == c->nent; i++) {
		struct kvm_cpuid_entry2 old = current_entry(c, &c->entries[i]);
		struct kvm_cpuid_entry2 new = current_entry(c, &entries[i]);

		if (memcmp(&old, &new, sizeof(old)))
			return false;
	}
	return nent == c->nent;
}

/* Takes over @entries, whatever the outcome. */
static int install(struct kvm_vcpu *vcpu, struct kvm_cpuid_entry2 *entries, u32 nent)
{
	struct kvm_vcpu_cpuid *c = &vcpu->arch.cpuid;
	int r = -EINVAL;

	if (!table_ok(entries, nent)) {
		kvm_vcpu_info(vcpu,
			      "KVM_SET_CPUID2: linear address width is neither 48 nor 57 bits\n");
		goto out;
	}
	take_pv_unhalt(vcpu, entries, nent);
	/* Once the guest has looked, it cannot become another CPU. */
	if (rcu_access_pointer(vcpu->pid)) {
		if (same_table(c, entries, nent))
			r = 0;
		else
			kvm_vcpu_info(vcpu,
				      "KVM_SET_CPUID2: the table cannot change after KVM_RUN\n");
		goto out;
	}
	swap(c->entries, entries);
	c->nent = nent;
	derive(vcpu);
	kvm_lapic_update_features(vcpu);
	kvm_cpuid_runtime_update(vcpu);
	kvm_lapic_update_features(vcpu);
	kvm_x86_call(after_set_cpuid)(vcpu);
	kvm_x86_call(update_msr_intercepts)(vcpu);
	kvm_mmu_reset_context(vcpu);
	r = 0;
out:
	kvfree(entries);
	return r;
}

long kvm_vcpu_set_cpuid2(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_cpuid2 __user *user = arg.user;
	struct kvm_cpuid_entry2 *entries = NULL;
	struct kvm_cpuid2 head;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent > KVM_MAX_CPUID_ENTRIES)
		return -E2BIG;
	if (head.nent) {
		entries = vmemdup_user(user->entries, array_size(sizeof(*entries), head.nent));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	return install(vcpu, entries, head.nent);
}

long kvm_vcpu_set_cpuid(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_cpuid __user *user = arg.user;
	struct kvm_cpuid_entry2 *entries = NULL;
	struct kvm_cpuid_entry *old = NULL;
	struct kvm_cpuid head;
	u32 i;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent > KVM_MAX_CPUID_ENTRIES)
		return -E2BIG;
	if (head.nent) {
		old = vmemdup_user(user->entries, array_size(sizeof(*old), head.nent));
		if (IS_ERR(old))
			return PTR_ERR(old);
		entries = kvcalloc(head.nent, sizeof(*entries), GFP_KERNEL_ACCOUNT);
		if (!entries) {
			kvfree(old);
			return -ENOMEM;
		}
	}
	for (i = 0; i < head.nent; i++) {
		entries[i].function = old[i].function;
		entries[i].eax = old[i].eax;
		entries[i].ebx = old[i].ebx;
		entries[i].ecx = old[i].ecx;
		entries[i].edx = old[i].edx;
	}
	kvfree(old);
	return install(vcpu, entries, head.nent);
}

long kvm_vcpu_get_cpuid2(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_cpuid2 __user *user = arg.user;
	struct kvm_vcpu_cpuid *c = &vcpu->arch.cpuid;
	struct kvm_cpuid2 head;
	bool fits;
	u32 i;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	fits = head.nent >= c->nent;
	head.nent = c->nent;
	if (copy_to_user(user, &head, sizeof(head)))
		return -EFAULT;
	if (!fits)
		return -E2BIG;
	for (i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 now = current_entry(c, &c->entries[i]);

		if (copy_to_user(&user->entries[i], &now, sizeof(now)))
			return -EFAULT;
	}
	return 0;
}

/* ---------------------------------------------------------------- the guest executes CPUID */

/*
 * A function that the table does not have.  Within the range that its class announces, and on AMD always: zero.  Beyond
 * it Intel gives the highest basic function (SDM vol. 2A, CPUID).
 */
static const struct kvm_cpuid_entry2 *beyond(struct kvm_vcpu_cpuid *c, u32 function, u32 index)
{
	const struct kvm_cpuid_entry2 *limit, *basic = find(c, 0, 0);

	if (c->is_amd_compatible || !basic)
		return NULL;
	if (function >= CPUID_PV_BASE && function < CPUID_PV_BASE + 0x10000)
		limit = find(c, function & 0xffffff00, 0);
	else
		limit = find(c, function & 0xc0000000, 0);
	if (limit && function <= limit->eax)
		return NULL;
	if (function == basic->eax)
		return NULL;
	return find(c, basic->eax, index);
}

/* Topology levels that do not exist still tell the level asked for and the x2APIC id. */
static void no_such_level(struct kvm_vcpu_cpuid *c, u32 function, u32 index, u32 *ecx, u32 *edx)
{
	const struct kvm_cpuid_entry2 *e;

	if (function != 0xb && function != 0x1f)
		return;
	e = find(c, function, 1);
	if (!e)
		return;
	*ecx = index & 0xff;
	*edx = e->edx;
}

void kvm_cpuid_lookup(struct kvm_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	struct kvm_vcpu_cpuid *c = &vcpu->arch.cpuid;
	u32 function = *eax, index = *ecx;
	const struct kvm_cpuid_entry2 *e = find(c, function, index);

	if (unlikely(!e))
		e = beyond(c, function, index);
	if (unlikely(!e)) {
		*eax = 0;
		*ebx = 0;
		*ecx = 0;
		*edx = 0;
		no_such_level(c, function, index, ecx, edx);
		return;
	}
	*eax = e->eax;
	*ebx = e->ebx;
	*ecx = e->ecx;
	*edx = e->edx;
	if (e->function <= 0xd)
		apply_runtime(c, e->function, index, ebx, ecx, edx);
}

/* By itself, so that nothing is kept for it where it is off. */
static noinline void trace_cpuid(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_cpuid *c = &vcpu->arch.cpuid;
	u32 function = kvm_rax_read(vcpu), index = kvm_rcx_read(vcpu);
	u32 eax = function, ebx, ecx = index, edx;
	bool found = find(c, function, index);

	kvm_cpuid_lookup(vcpu, &eax, &ebx, &ecx, &edx);
	trace_kvm_cpuid(function, index, eax, ebx, ecx, edx, found,
			!found && beyond(c, function, index));
}

/**
 * kvm_emulate_cpuid() - the CPUID instruction
 * @vcpu: current
 * Return: KVM_REENTER, KVM_AGAIN: not done
 * Context: IRQs may be off
 */
int kvm_emulate_cpuid(struct kvm_vcpu *vcpu)
{
	u32 eax = kvm_rax_read(vcpu), ecx = kvm_rcx_read(vcpu), ebx, edx;
	int r;

	if (unlikely(vcpu->arch.msrs.misc_features_enables &
		     MSR_MISC_FEATURES_ENABLES_CPUID_FAULT) &&
	    is_protmode(vcpu) && kvm_x86_call(get_cpl)(vcpu)) {
		kvm_inject_gp(vcpu, 0);
		return KVM_REENTER;
	}
	/* First past the instruction: what cannot be done now must find its operands unchanged later. */
	r = kvm_skip_instruction(vcpu);
	if (unlikely(r == KVM_AGAIN) && irqs_disabled())
		return r;
	if (trace_kvm_cpuid_enabled())
		trace_cpuid(vcpu);
	kvm_cpuid_lookup(vcpu, &eax, &ebx, &ecx, &edx);
	kvm_rax_write(vcpu, eax);
	kvm_rbx_write(vcpu, ebx);
	kvm_rcx_write(vcpu, ecx);
	kvm_rdx_write(vcpu, edx);
	return r;
}
EXPORT_SYMBOL_GPL(kvm_emulate_cpuid);
