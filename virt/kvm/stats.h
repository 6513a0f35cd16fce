/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics: one row of stats.def or stats_arch.def a counter, from which the structures, the descriptors of
 * KVM_GET_STATS_FD and the debugfs files are derived.
 */
#ifndef KVM_STATS_H
#define KVM_STATS_H

#include <linux/types.h>

#define KVM_STATS_NAME_SIZE 48 /* bytes of a name in a stats file, its NUL among them */

#define KVM_STAT_VCPU(name, ...) u64 name;
#define KVM_STAT_VM(name, ...)
struct kvm_vcpu_stat {
#include "stats.def"
#include "stats_arch.def"
};
#undef KVM_STAT_VCPU
#undef KVM_STAT_VM

#define KVM_STAT_VCPU(name, ...)
#define KVM_STAT_VM(name, ...) u64 name;
struct kvm_vm_stat {
#include "stats.def"
#include "stats_arch.def"
};
#undef KVM_STAT_VCPU
#undef KVM_STAT_VM

#endif /* KVM_STATS_H */
