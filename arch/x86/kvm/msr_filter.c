// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_X86_SET_MSR_FILTER: which MSRs a guest may access.
 */
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "backend.h"
#include "cpuid.h"
#include "ioctl.h"
#include "msr.h"

#define X2APIC_FIRST 0x800
#define X2APIC_COUNT 0x100

/**
 * struct kvm_msr_range - one range of a filter
 * @base: MSR of bit 0
 * @count: bits
 * @flags: KVM_MSR_FILTER_READ, _WRITE: accesses that it decides on
 * @bitmap: a set bit allows
 */
struct kvm_msr_range {
	u32 base;
	u32 count;
	u32 flags;
	unsigned long *bitmap;
};

/* A filter; never changed once it is published. */
struct kvm_msr_rules {
	struct rcu_head rcu;
	bool default_allow;
	u8 nr_ranges;
	struct kvm_msr_range ranges[KVM_MSR_FILTER_MAX_RANGES];
};

static bool rules_allow(const struct kvm_msr_rules *rules, u32 index, u32 access)
{
	unsigned int i;

	/* The first range that speaks of such accesses to it decides. */
	for (i = 0; i < rules->nr_ranges; i++) {
		const struct kvm_msr_range *range = &rules->ranges[i];
		u32 bit = index - range->base;

		if (bit < range->count && range->flags & access)
			return test_bit(array_index_nospec(bit, range->count), range->bitmap);
	}
	return rules->default_allow;
}

bool kvm_msr_allowed(struct kvm_vcpu *vcpu, u32 index, bool write)
{
	const struct kvm_msr_rules *rules;
	bool allowed = true;

	if (!rcu_access_pointer(vcpu->kvm->arch.msr_filter))
		return true;
	/* The ABI exempts the local APIC. */
	if (index - X2APIC_FIRST < X2APIC_COUNT)
		return true;
	rcu_read_lock();
	rules = rcu_dereference(vcpu->kvm->arch.msr_filter);
	if (rules)
		allowed = rules_allow(rules, index,
				      write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ);
	rcu_read_unlock();
	return allowed;
}

void kvm_msr_filter_free(struct kvm *kvm)
{
	kvfree(rcu_dereference_protected(kvm->arch.msr_filter, true));
	RCU_INIT_POINTER(kvm->arch.msr_filter, NULL);
}

static size_t range_bytes(const struct kvm_msr_filter_range *range)
{
	return BITS_TO_LONGS((size_t)range->nmsrs) * sizeof(long);
}

/* Bytes of all bitmaps together, or an errno. */
static ssize_t check_filter(const struct kvm_msr_filter *filter)
{
	ssize_t total = 0;
	int i;

	if (filter->flags & ~KVM_MSR_FILTER_VALID_MASK)
		return -EINVAL;
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		const struct kvm_msr_filter_range *range = &filter->ranges[i];

		if (range->flags & ~KVM_MSR_FILTER_RANGE_VALID_MASK)
			return -EINVAL;
		if (!range->nmsrs)
			continue;
		if (!range->flags || range_bytes(range) > KVM_MSR_FILTER_MAX_BITMAP_SIZE)
			return -EINVAL;
		total += range_bytes(range);
	}
	/* Without ranges there is no filter; to deny everything is not among what can be asked for. */
	if (!total && filter->flags & KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	return total;
}

/* NULL: everything is allowed. */
static struct kvm_msr_rules *make_rules(const struct kvm_msr_filter *filter)
{
	ssize_t total = check_filter(filter);
	struct kvm_msr_rules *rules;
	void *bitmap;
	int i;

	if (total <= 0)
		return ERR_PTR(total);
	/* The bitmaps follow the structure: one piece of memory. */
	rules = kvzalloc(sizeof(*rules) + total, GFP_KERNEL_ACCOUNT);
	if (!rules)
		return ERR_PTR(-ENOMEM);
	rules->default_allow = !(filter->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	bitmap = rules + 1;
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		const struct kvm_msr_filter_range *range = &filter->ranges[i];

		if (!range->nmsrs)
			continue;
		if (copy_from_user(bitmap, (__force const void __user *)range->bitmap,
				   range_bytes(range))) {
			kvfree(rules);
			return ERR_PTR(-EFAULT);
		}
		rules->ranges[rules->nr_ranges++] = (struct kvm_msr_range){
			.base = range->base,
			.count = range->nmsrs,
			.flags = range->flags,
			.bitmap = bitmap,
		};
		bitmap += range_bytes(range);
	}
	return rules;
}

long kvm_vm_set_msr_filter(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	struct kvm_msr_rules *rules = make_rules(arg.buf), *old;

	if (IS_ERR(rules))
		return PTR_ERR(rules);
	mutex_lock(&kvm->lock);
	old = rcu_replace_pointer(kvm->arch.msr_filter, rules, lockdep_is_held(&kvm->lock));
	mutex_unlock(&kvm->lock);
	if (old)
		kvfree_rcu(old, rcu);
	/* Permission maps follow before each vCPU's next entry. */
	kvm_make_all_cpus_request(kvm, KVM_REQ_MSR_INTERCEPTS, true);
	return 0;
}

/* ---------------------------------------------------------------- permission maps */

bool kvm_guest_has_spec_ctrl(struct kvm_vcpu *vcpu)
{
	return guest_cpuid_has(vcpu, X86_FEATURE_SPEC_CTRL) ||
	       guest_cpuid_has(vcpu, X86_FEATURE_AMD_IBRS) ||
	       guest_cpuid_has(vcpu, X86_FEATURE_AMD_STIBP) ||
	       guest_cpuid_has(vcpu, X86_FEATURE_AMD_SSBD);
}
EXPORT_SYMBOL_GPL(kvm_guest_has_spec_ctrl);

bool kvm_guest_has_ibpb(struct kvm_vcpu *vcpu)
{
	return guest_cpuid_has(vcpu, X86_FEATURE_SPEC_CTRL) ||
	       guest_cpuid_has(vcpu, X86_FEATURE_AMD_IBPB);
}
EXPORT_SYMBOL_GPL(kvm_guest_has_ibpb);

static bool may_read(enum kvm_msr_open when, bool spec_ctrl_used)
{
	return when == KVM_OPEN_RW || (when == KVM_OPEN_SPEC_CTRL && spec_ctrl_used);
}

static bool may_write(struct kvm_vcpu *vcpu, enum kvm_msr_open when, bool spec_ctrl_used)
{
	switch (when) {
	case KVM_OPEN_PRED_CMD:
		return boot_cpu_has(X86_FEATURE_IBPB) && kvm_guest_has_ibpb(vcpu);
	case KVM_OPEN_FLUSH_CMD:
		return guest_cpuid_has(vcpu, X86_FEATURE_FLUSH_L1D);
	default:
		return may_read(when, spec_ctrl_used);
	}
}

void kvm_open_msrs(struct kvm_vcpu *vcpu, const struct kvm_open_msr *msrs, unsigned int nr,
		   bool spec_ctrl_used,
		   void (*assign)(void *map, u32 index, bool read_exits, bool write_exits),
		   void *map)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct kvm_open_msr *m = &msrs[i];

		assign(map, m->index,
		       !may_read(m->when, spec_ctrl_used) ||
			       !kvm_msr_allowed(vcpu, m->index, false),
		       !may_write(vcpu, m->when, spec_ctrl_used) ||
			       !kvm_msr_allowed(vcpu, m->index, true));
	}
}
EXPORT_SYMBOL_GPL(kvm_open_msrs);
