/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics: one row of stats.def or stats_arch.def a counter or histogram, from which the structures, the descriptors of
 * KVM_GET_STATS_FD and the debugfs files are derived.
 */
#ifndef KVM_STATS_H
#define KVM_STATS_H

#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/types.h>

#define KVM_STATS_NAME_SIZE 48 /* bytes of a name in a stats file, its NUL among them */
#define KVM_HALT_BUCKETS 32 /* the last begins at 2^30 ns */

#define KVM_STAT_VCPU(name, ...) u64 name;
#define KVM_STAT_VCPU_HIST(name, type, unit, exp, buckets, bucket_size) u64 name[buckets];
#define KVM_STAT_VM(name, ...)
struct kvm_vcpu_stat {
#include "stats.def"
#include "stats_arch.def"
};
#undef KVM_STAT_VCPU
#undef KVM_STAT_VCPU_HIST
#undef KVM_STAT_VM

#define KVM_STAT_VCPU(name, ...)
#define KVM_STAT_VCPU_HIST(name, ...)
#define KVM_STAT_VM(name, ...) u64 name;
struct kvm_vm_stat {
#include "stats.def"
#include "stats_arch.def"
};
#undef KVM_STAT_VCPU
#undef KVM_STAT_VCPU_HIST
#undef KVM_STAT_VM

/* A logarithmic histogram: bucket 0 counts zeros, bucket n values from 2^(n-1) on, the last one all that are larger. */
static inline void kvm_stats_log_hist_add(u64 *buckets, unsigned int nr, u64 value)
{
	buckets[min_t(unsigned int, fls64(value), nr - 1)]++;
}

#define KVM_STATS_LOG_HIST_ADD(hist, value) kvm_stats_log_hist_add(hist, ARRAY_SIZE(hist), value)

/**
 * struct kvm_stats_row - a statistic, for those who read it
 * @name: of its file
 * @offset: in struct kvm_vm_stat or kvm_vcpu_stat, bytes
 * @vcpu: of vCPUs
 * @cumulative: it can be set to 0
 */
struct kvm_stats_row {
	const char *name;
	u32 offset;
	bool vcpu;
	bool cumulative;
};

/* The @i-th statistic, VMs' and vCPUs'; false: there are fewer. */
bool kvm_stats_row(unsigned int i, struct kvm_stats_row *row);

#endif /* KVM_STATS_H */
