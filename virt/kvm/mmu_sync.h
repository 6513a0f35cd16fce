/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How page faults of the guest and changes of the host's memory meet without a lock.
 *
 * A fault wants to publish an entry that it derived from the host's page tables and from a memory slot; an invalidation
 * (the host changes its page tables, or the VMM changes a slot) must leave no entry behind that was derived from the old
 * state.
 *
 *	fault					invalidation
 *	-----					------------
 *	seq = kvm_mmu_sync_begin()		change the slot (if it is a slot that changes)
 *	wait while an invalidation of		kvm_mmu_sync_start() or _bump(): note the range,
 *	  this hva is active			  advance the sequence
 *	look up slot and host page		full barrier
 *	entry := FROZEN (compare-exchange)	walk: wait while an entry is FROZEN,
 *	kvm_mmu_sync_retry(seq)?		  take out what is present
 *	  yes: entry := what it was		flush TLBs
 *	  no:  entry := the new one		change the host's page tables
 *						kvm_mmu_sync_end()
 *
 * Either the fault's compare-exchange comes first, and the walk sees FROZEN and then the entry; or the advance of the
 * sequence comes first, and the fault sees it and backs out.  tools/testing/models/ has the model of it.
 *
 * The ranges of the last advances are kept in a ring, so that an invalidation elsewhere disturbs no fault.
 */
#ifndef KVM_MMU_SYNC_H
#define KVM_MMU_SYNC_H

#include <linux/atomic.h>
#include <linux/spinlock.h>

#include "types.h"

struct kvm;

#define KVM_MMU_SYNC_RING 16 /* a power of two */

/**
 * struct kvm_mmu_sync - see above
 * @lock: serializes advances; never taken by a fault
 * @seq: sequence number of the last advance
 * @active: invalidations between start and end
 * @lo: lowest address of all active ones (and, until none is left, of those that have ended meanwhile)
 * @hi: the end of the highest
 * @unflushed: who is between taking entries out and having flushed the TLBs
 * @ring: ranges of the last advances, by sequence number
 */
struct kvm_mmu_sync {
	spinlock_t lock;
	u64 seq;
	unsigned long active;
	hva_t lo;
	hva_t hi;
	atomic_t unflushed;
	struct {
		hva_t start;
		hva_t end;
	} ring[KVM_MMU_SYNC_RING];
};

void kvm_mmu_sync_init(struct kvm_mmu_sync *s);
/* An invalidation of [@start, @end): followed by a walk, and by kvm_mmu_sync_end() once the host's tables have changed. */
void kvm_mmu_sync_start(struct kvm_mmu_sync *s, hva_t start, hva_t end);
void kvm_mmu_sync_end(struct kvm_mmu_sync *s);
/* An invalidation whose cause (a slot's change) is already visible: followed by a walk, without an end. */
void kvm_mmu_sync_bump(struct kvm_mmu_sync *s, hva_t start, hva_t end);

/* slow path of kvm_mmu_sync_retry() */
bool kvm_mmu_sync_hit(struct kvm_mmu_sync *s, u64 seq, hva_t start, hva_t end);
/* Sleep until nothing active overlaps: 0, or -EINTR when a signal is pending. */
int kvm_mmu_sync_wait(struct kvm_mmu_sync *s, hva_t start, hva_t end);

/* What a fault reads first, before the slot and the host's page tables. */
static inline u64 kvm_mmu_sync_begin(struct kvm_mmu_sync *s)
{
	/* Whoever sees an advance sees the change of slots before it, and the bounds of what is active. */
	return smp_load_acquire(&s->seq);
}

/* After kvm_mmu_sync_begin(): is an invalidation of [@start, @end) under way? */
static inline bool kvm_mmu_sync_active(struct kvm_mmu_sync *s, hva_t start, hva_t end)
{
	bool active = READ_ONCE(s->active) && start < READ_ONCE(s->hi) && end > READ_ONCE(s->lo);

	/* Not active any more: the host's tables are read after that. */
	smp_rmb();
	return active;
}

/**
 * kvm_mmu_sync_retry() - has [@start, @end) been invalidated since @seq was read?
 *
 * The caller has frozen its entry by a compare-exchange, which is the full barrier that this needs.
 */
static inline bool kvm_mmu_sync_retry(struct kvm_mmu_sync *s, u64 seq, hva_t start, hva_t end)
{
	return unlikely(READ_ONCE(s->seq) != seq) && kvm_mmu_sync_hit(s, seq, start, end);
}

/*
 * Taking entries out, and flushing afterwards.  Somebody who finds an entry taken out by another must not go on as if
 * the TLBs held nothing: kvm_zap_end() flushes also when anybody else has not done so yet.
 */
void kvm_zap_begin(struct kvm *kvm);
void kvm_zap_end(struct kvm *kvm, bool flush);

#endif /* KVM_MMU_SYNC_H */
