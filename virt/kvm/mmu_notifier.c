// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's memory management tells us what it takes back, and asks what the guest has used.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/signal.h>
#include <linux/wait_bit.h>

#include "arch.h"
#include "memory.h"
#include "trace.h"

/* ---------------------------------------------------------------- the sequence */

void kvm_mmu_sync_init(struct kvm_mmu_sync *s)
{
	spin_lock_init(&s->lock);
	s->seq = 1;
	s->active = 0;
	atomic_set(&s->unflushed, 0);
}

static void advance(struct kvm_mmu_sync *s, hva_t start, hva_t end)
{
	u64 seq = s->seq + 1;

	lockdep_assert_held(&s->lock);
	s->ring[seq % KVM_MMU_SYNC_RING].start = start;
	s->ring[seq % KVM_MMU_SYNC_RING].end = end;
	smp_store_release(&s->seq, seq);
}

void kvm_mmu_sync_start(struct kvm_mmu_sync *s, hva_t start, hva_t end)
{
	spin_lock(&s->lock);
	if (!s->active || start < s->lo)
		WRITE_ONCE(s->lo, start);
	if (!s->active || end > s->hi)
		WRITE_ONCE(s->hi, end);
	WRITE_ONCE(s->active, s->active + 1);
	advance(s, start, end);
	spin_unlock(&s->lock);
	/* The advance before the walk: pairs with the compare-exchange that freezes an entry. */
	smp_mb();
}

void kvm_mmu_sync_end(struct kvm_mmu_sync *s)
{
	bool last;

	spin_lock(&s->lock);
	last = s->active == 1;
	/* The host's page tables have changed before a fault sees this. */
	smp_store_release(&s->active, s->active - 1);
	spin_unlock(&s->lock);
	if (last) {
		smp_mb(); /* for the look at the wait queue */
		wake_up_var(&s->active);
	}
}

void kvm_mmu_sync_bump(struct kvm_mmu_sync *s, hva_t start, hva_t end)
{
	spin_lock(&s->lock);
	advance(s, start, end);
	spin_unlock(&s->lock);
	smp_mb(); /* as in kvm_mmu_sync_start() */
}

bool kvm_mmu_sync_hit(struct kvm_mmu_sync *s, u64 seq, hva_t start, hva_t end)
{
	u64 now = smp_load_acquire(&s->seq);
	u64 i;

	if (now - seq >= KVM_MMU_SYNC_RING)
		return true;
	for (i = seq + 1; i <= now; i++) {
		if (start < READ_ONCE(s->ring[i % KVM_MMU_SYNC_RING].end) &&
		    end > READ_ONCE(s->ring[i % KVM_MMU_SYNC_RING].start))
			return true;
	}
	/* The oldest of what was read may have been about to be overwritten; advances after @now are a later walk's. */
	smp_rmb();
	return READ_ONCE(s->seq) - seq >= KVM_MMU_SYNC_RING;
}

int kvm_mmu_sync_wait(struct kvm_mmu_sync *s, hva_t start, hva_t end)
{
	might_sleep();
	return wait_var_event_interruptible(&s->active, !kvm_mmu_sync_active(s, start, end)) ?
		       -EINTR :
		       0;
}

void kvm_zap_begin(struct kvm *kvm)
{
	atomic_inc(&kvm->mmu_sync.unflushed);
	smp_mb__after_atomic();
}

void kvm_zap_end(struct kvm *kvm, bool flush)
{
	/* Entries were looked at before the count is. */
	smp_mb();
	if (flush || atomic_read(&kvm->mmu_sync.unflushed) > 1)
		kvm_flush_remote_tlbs(kvm, true);
	smp_mb__before_atomic();
	atomic_dec(&kvm->mmu_sync.unflushed);
}

/* ---------------------------------------------------------------- from hva to slots */

#define SLOT_BATCH 16

typedef bool (*slot_range_fn)(struct kvm *kvm, struct kvm_memslot *slot, gfn_t start, gfn_t end,
			      bool arg);

struct hva_walk {
	struct kvm *kvm;
	hva_t start;
	hva_t end;
	slot_range_fn fn;
	bool arg;
	bool arg_locked; /* under a lock, where fn must not sleep */
	bool any; /* a slot overlaps */
	bool result; /* or of what fn returned */
};

static void visit_slot(struct hva_walk *w, struct kvm_memslot *slot, bool locked)
{
	hva_t start = max(w->start, slot->hva);
	hva_t end = min(w->end, slot->hva + (slot->npages << PAGE_SHIFT));
	gfn_t first = slot->base_gfn + ((start - slot->hva) >> PAGE_SHIFT);
	gfn_t last = slot->base_gfn + ((end - 1 - slot->hva) >> PAGE_SHIFT);

	w->any = true;
	w->result |= w->fn(w->kvm, slot, first, last + 1, locked ? w->arg_locked : w->arg);
}

/*
 * The slots come in order of their address.  They are collected in batches, since visiting one may take long and sleep;
 * kvm->srcu keeps them alive.  A slot that comes or goes between two batches needs no visit.  A batch begins with the
 * address at which the last one ended (visiting a slot twice is harmless); if a whole batch has one address only, as when a
 * VMM maps the same memory many times, the others of that address are visited under the lock.
 */
static unsigned int collect(struct hva_walk *w, struct kvm_address_space *as, hva_t from,
			    struct kvm_memslot **batch)
{
	/* What begins before @from and reaches behind it is met as well, and has been visited. */
	hva_t start = max(w->start, from), last = w->end - 1;
	struct interval_tree_node *node;
	struct kvm_memslot *slot;
	unsigned int n = 0;

	read_lock(&as->hva_lock);
	for (node = interval_tree_iter_first(&as->hva_tree, start, last); node;
	     node = interval_tree_iter_next(node, start, last)) {
		if (node->start < from)
			continue;
		slot = container_of(node, struct kvm_memslot, hva_node);
		if (n < SLOT_BATCH)
			batch[n++] = slot;
		else if (batch[0]->hva == slot->hva)
			visit_slot(w, slot, true);
		else
			break;
	}
	read_unlock(&as->hva_lock);
	return n;
}

static void walk_address_space(struct hva_walk *w, struct kvm_address_space *as)
{
	struct kvm_memslot *batch[SLOT_BATCH];
	unsigned int i, n;
	hva_t from = 0;

	if (RB_EMPTY_ROOT(&as->hva_tree.rb_root))
		return;
	for (;;) {
		n = collect(w, as, from, batch);
		for (i = 0; i < n; i++)
			visit_slot(w, batch[i], false);
		if (n < SLOT_BATCH)
			return;
		from = batch[n - 1]->hva;
		if (from == batch[0]->hva)
			from++;
	}
}

static void walk_hva_range(struct hva_walk *w)
{
	int idx = srcu_read_lock(&w->kvm->srcu);
	unsigned int i;

	if (w->start < w->end) {
		for (i = 0; i < KVM_NR_ADDRESS_SPACES; i++)
			walk_address_space(w, &w->kvm->as[i]);
	}
	srcu_read_unlock(&w->kvm->srcu, idx);
}

/* ---------------------------------------------------------------- the notifier */

static struct kvm *mn_to_kvm(struct mmu_notifier *mn)
{
	return container_of(mn, struct kvm, mn);
}

static int kvm_mn_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct kvm *kvm = mn_to_kvm(mn);
	struct hva_walk w = {
		.kvm = kvm,
		.start = range->start,
		.end = range->end,
		.fn = kvm_arch_unmap_gfn_range,
		.arg = mmu_notifier_range_blockable(range),
		.arg_locked = false,
	};

	trace_kvm_unmap_hva_range(range->start, range->end);
	kvm_mmu_sync_start(&kvm->mmu_sync, range->start, range->end);
	kvm_zap_begin(kvm);
	walk_hva_range(&w);
	if (w.any)
		kvm_zap_end(kvm, w.result);
	else
		atomic_dec(&kvm->mmu_sync.unflushed);
	return 0;
}

static void kvm_mn_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	kvm_mmu_sync_end(&mn_to_kvm(mn)->mmu_sync);
}

static bool age_range(struct mmu_notifier *mn, hva_t start, hva_t end, bool clear)
{
	struct hva_walk w = {
		.kvm = mn_to_kvm(mn),
		.start = start,
		.end = end,
		.fn = kvm_arch_age_gfn_range,
		.arg = clear,
		.arg_locked = clear,
	};

	if (clear)
		trace_kvm_age_hva(start, end);
	else
		trace_kvm_test_age_hva(start);
	walk_hva_range(&w);
	return w.result;
}

static int kvm_mn_clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
				    unsigned long start, unsigned long end)
{
	bool young = age_range(mn, start, end, true);

	/* So that the next use is noticed; nothing depends on when. */
	if (young)
		kvm_flush_remote_tlbs(mn_to_kvm(mn), false);
	return young;
}

/* Without a flush: a page that is still in a TLB may look older than it is, which reclaim can live with. */
static int kvm_mn_clear_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long start,
			      unsigned long end)
{
	return age_range(mn, start, end, true);
}

static int kvm_mn_test_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long address)
{
	return age_range(mn, address, address + 1, false);
}

/*
 * The VMM's last thread has left its address space, or the VM's last descriptor is closed: no vCPU runs or ever will, so
 * what the tables and TLBs hold can stay until the VM is freed.
 */
static void kvm_mn_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	WRITE_ONCE(mn_to_kvm(mn)->vm_dead, true);
}

static const struct mmu_notifier_ops kvm_mn_ops = {
	.invalidate_range_start = kvm_mn_start,
	.invalidate_range_end = kvm_mn_end,
	.clear_flush_young = kvm_mn_clear_flush_young,
	.clear_young = kvm_mn_clear_young,
	.test_young = kvm_mn_test_young,
	.release = kvm_mn_release,
};

int kvm_mmu_notifier_register(struct kvm *kvm)
{
	kvm->mn.ops = &kvm_mn_ops;
	return mmu_notifier_register(&kvm->mn, kvm->mm);
}

void kvm_mmu_notifier_unregister(struct kvm *kvm)
{
	mmu_notifier_unregister(&kvm->mn, kvm->mm);
}
