/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files that make up guest memory: memslot.c, guest_memory.c, dirty_log.c, mmu_notifier.c.
 */
#ifndef KVM_MEMORY_H
#define KVM_MEMORY_H

#include "kvm.h"

/* mmu_notifier.c.  Register: takes mmap_lock; 0, -ENOMEM, -EINTR.  Unregister: waits for a grace period. */
int kvm_mmu_notifier_register(struct kvm *kvm);
void kvm_mmu_notifier_unregister(struct kvm *kvm);

/* dirty_log.c.  A bitmap for @slot, set all over when the VMM asked for that; 0 or -ENOMEM. */
int kvm_dirty_bitmap_alloc(struct kvm *kvm, struct kvm_memslot *slot);

/* KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2: args[0] holds KVM_DIRTY_LOG_*; 0 or -EINVAL. */
int kvm_enable_manual_dirty_log(struct kvm *kvm, const struct kvm_enable_cap *cap);

static inline unsigned long kvm_dirty_bitmap_longs(const struct kvm_memslot *slot)
{
	return BITS_TO_LONGS(slot->npages);
}

/* kvm->slots_lock held: the slot of the VMM's number (address space in the upper half), or NULL */
struct kvm_memslot *kvm_slot_by_number(struct kvm *kvm, u32 slot);

#endif /* KVM_MEMORY_H */
