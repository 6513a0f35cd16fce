// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables of two-dimensional paging; see tdp.h.
 */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "arch.h"
#include "tdp.h"
#include "trace_mmu.h"

/* ---------------------------------------------------------------- table pages */

static u64 *alloc_table(void)
{
	return (u64 *)__get_free_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
}

static const struct tdp_format *format(void)
{
	return &kvm_backend.caps.tdp;
}

static u64 table_entry(const u64 *table)
{
	return __sme_set(__pa(table)) | format()->table;
}

static u64 *entry_table(u64 e)
{
	return __va(__sme_clr(e) & TDP_ADDR);
}

/**
 * kvm_tdp_fill_cache() - have enough empty tables ready for one fault
 * @vcpu: current
 *
 * Context: may sleep
 * Return: 0, -ENOMEM
 */
int kvm_tdp_fill_cache(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_mmu *mmu = &vcpu->arch.mmu;
	u64 *table;

	BUILD_BUG_ON(ARRAY_SIZE(mmu->cache) < TDP_CACHE_MIN);
	if (likely(mmu->nr_cache >= TDP_CACHE_MIN))
		return 0;
	/* Memory may be reclaimed for it, others' too. */
	vcpu->arch.l1d_flush = true;
	while (mmu->nr_cache < ARRAY_SIZE(mmu->cache)) {
		table = alloc_table();
		if (!table)
			return mmu->nr_cache >= TDP_CACHE_MIN ? 0 : -ENOMEM;
		mmu->cache[mmu->nr_cache++] = virt_to_page(table);
	}
	return 0;
}

void kvm_tdp_drain_cache(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_mmu *mmu = &vcpu->arch.mmu;

	while (mmu->nr_cache)
		__free_page(mmu->cache[--mmu->nr_cache]);
}

static u64 *cached_table(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_mmu *mmu = &vcpu->arch.mmu;

	if (WARN_ON_ONCE(!mmu->nr_cache))
		return NULL;
	return page_address(mmu->cache[--mmu->nr_cache]);
}

/* Not used after all; empty again. */
static void uncache_table(struct kvm_vcpu *vcpu, u64 *table)
{
	struct kvm_vcpu_mmu *mmu = &vcpu->arch.mmu;

	mmu->cache[mmu->nr_cache++] = virt_to_page(table);
}

static void free_table_rcu(struct rcu_head *rcu)
{
	__free_page(container_of(rcu, struct page, rcu_head));
}

/* After the flush: no CPU walks these tables; other faults and invalidations may, for a grace period. */
static void free_tables(struct list_head *tables)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, tables, lru)
		call_rcu(&page->rcu_head, free_table_rcu);
}

/* ---------------------------------------------------------------- entries */

static void count_pages(struct kvm *kvm, int level, int nr)
{
	u64 *const counters[] = { &kvm->stat.pages_4k, &kvm->stat.pages_2m, &kvm->stat.pages_1g };

	xadd(counters[level - 1], (u64)nr);
}

/* Wait for whoever has claimed the entry: a few instructions with preemption off. */
static u64 read_entry(const u64 *e)
{
	u64 v;

	while (unlikely((v = READ_ONCE(*e)) == TDP_FROZEN))
		cpu_relax();
	return v;
}

static bool replace_entry(u64 *e, u64 old, u64 new)
{
	return try_cmpxchg64(e, &old, new);
}

/**
 * struct tdp_iter - a walk over the present leaves of a range
 * @table: tables on the way down, by level
 * @gfn: first frame of the present entry
 * @end: where the walk ends
 * @level: level of the present entry
 * @root_level: of the tree
 * @e: the entry
 * @old: its value
 * @budget: entries to look at before the walk stops, so that it can be made to yield
 */
struct tdp_iter {
	u64 *table[TDP_MAX_LEVEL + 1];
	gfn_t gfn;
	gfn_t end;
	int level;
	int root_level;
	u64 *e;
	u64 old;
	int budget;
};

#define ITER_BUDGET 2048

static void iter_start(struct tdp_iter *it, struct kvm_tdp *tdp, gfn_t start, gfn_t end)
{
	it->gfn = start;
	it->end = min(end, tdp_level_pages(tdp->root_level + 1));
	it->level = tdp->root_level;
	it->root_level = tdp->root_level;
	it->table[it->level] = tdp->root;
	it->budget = ITER_BUDGET;
}

/* Past the present entry, up while it was the last of its table. */
static void iter_skip(struct tdp_iter *it)
{
	it->gfn = (it->gfn | (tdp_level_pages(it->level) - 1)) + 1;
	while (it->level < it->root_level && !tdp_index(it->gfn, it->level))
		it->level++;
}

/* Onto the next present leaf at or after the present place; false at the end, or when the budget is used up. */
static bool iter_leaf(struct tdp_iter *it)
{
	while (it->gfn < it->end && it->budget-- > 0) {
		it->e = &it->table[it->level][tdp_index(it->gfn, it->level)];
		it->old = read_entry(it->e);
		if (tdp_is_leaf(it->old, it->level))
			return true;
		if (tdp_is_table(it->old, it->level))
			it->table[--it->level] = entry_table(it->old);
		else
			iter_skip(it);
	}
	return false;
}

/* ---------------------------------------------------------------- mapping */

static bool is_nx_split(const struct tdp_map *m, int level)
{
	return m->nx_split && (level == TDP_LEVEL_2M || level == TDP_LEVEL_1G);
}

/* Put an empty table where nothing (@old) is; somebody else may have been quicker. */
static void link_table(struct kvm_vcpu *vcpu, u64 *e, u64 old, const struct tdp_map *m, int level)
{
	u64 nx = is_nx_split(m, level) ? TDP_NX_SPLIT : 0;
	u64 *table = cached_table(vcpu);

	if (table && !replace_entry(e, old, table_entry(table) | nx))
		uncache_table(vcpu, table);
}

/*
 * Put a table of small leaves in the place of a large one.  The translations stay the same, so it does not matter when the
 * TLBs learn of it.  When the large leaf has gone meanwhile, nothing is done.
 */
static void split_leaf(struct kvm_vcpu *vcpu, u64 *e, u64 leaf, const struct tdp_map *m, int level)
{
	u64 nx = is_nx_split(m, level) ? TDP_NX_SPLIT : 0;
	u64 *table = cached_table(vcpu);
	unsigned int i;

	if (!table)
		return;
	for (i = 0; i < 512; i++)
		table[i] = tdp_child_leaf(format(), leaf, level, i);
	if (replace_entry(e, leaf, table_entry(table) | nx)) {
		trace_kvm_mmu_split_huge_page(m->gfn, leaf, level, 0);
		count_pages(vcpu->kvm, level, -1);
		count_pages(vcpu->kvm, level - 1, 512);
	} else {
		clear_page(table);
		uncache_table(vcpu, table);
	}
}

static bool allows(u64 leaf, const struct tdp_map *m)
{
	return !(~leaf & m->need) && !(leaf & m->deny);
}

/* @old is no table, and not a leaf that allows the access. */
static enum tdp_result publish(struct kvm *kvm, u64 *e, u64 old, const struct tdp_map *m)
{
	enum tdp_result r = TDP_MAPPED;

	preempt_disable();
	if (!replace_entry(e, old, TDP_FROZEN)) {
		preempt_enable();
		return TDP_RETRY;
	}
	if (kvm_mmu_sync_retry(&kvm->mmu_sync, m->seq, m->start, m->end)) {
		smp_store_release(e, old);
		r = TDP_RETRY;
	} else {
		smp_store_release(e, m->entry);
	}
	preempt_enable();
	if (r == TDP_MAPPED && !tdp_is_leaf(old, m->level))
		count_pages(kvm, m->level, 1);
	return r;
}

/*
 * Take a whole subtree out of the reach of faults: each of its entries ends as TDP_REMOVED, so that a late claim fails.
 * The tables are collected in @tables.
 */
static void close_table(struct kvm *kvm, u64 *table, int level, struct list_head *tables)
{
	unsigned int i;
	u64 old;

	for (i = 0; i < 512; i++) {
		do {
			old = read_entry(&table[i]);
		} while (!replace_entry(&table[i], old, TDP_REMOVED));
		if (tdp_is_leaf(old, level))
			count_pages(kvm, level, -1);
		else if (tdp_is_table(old, level))
			close_table(kvm, entry_table(old), level - 1, tables);
	}
	list_add(&virt_to_page(table)->lru, tables);
}

/* A large page can be mapped where a table is: out with the table. */
static void drop_table(struct kvm *kvm, u64 *e, u64 old, int level)
{
	LIST_HEAD(tables);
	bool mine;

	kvm_zap_begin(kvm);
	mine = replace_entry(e, old, 0);
	if (mine)
		close_table(kvm, entry_table(old), level - 1, &tables);
	kvm_zap_end(kvm, mine);
	free_tables(&tables);
}

static void zap_leaf(struct kvm *kvm, u64 *e, u64 old, int level)
{
	bool mine;

	kvm_zap_begin(kvm);
	mine = replace_entry(e, old, 0);
	if (mine)
		count_pages(kvm, level, -1);
	kvm_zap_end(kvm, mine);
}

static bool same_page(u64 a, u64 b)
{
	return !((a ^ b) & format()->same);
}

/* The entry at the level that shall be mapped. */
static enum tdp_result map_here(struct kvm *kvm, u64 *e, u64 old, const struct tdp_map *m)
{
	if (tdp_is_table(old, m->level)) {
		drop_table(kvm, e, old, m->level);
		return TDP_RETRY;
	}
	if (tdp_is_leaf(old, m->level)) {
		if (allows(old, m))
			return TDP_SPURIOUS;
		/* Not to happen: a leaf of another page should have been invalidated.  Never without a flush. */
		if (!same_page(old, m->entry)) {
			zap_leaf(kvm, e, old, m->level);
			return TDP_RETRY;
		}
	}
	return publish(kvm, e, old, m);
}

/**
 * kvm_tdp_map() - publish a leaf, unless it has been invalidated meanwhile
 * @vcpu: current, its cache of tables filled
 * @m: what to map
 *
 * Context: does not sleep; interrupts on
 * Return: TDP_MAPPED; TDP_SPURIOUS: what is there allows the access; TDP_RETRY: start again with kvm_mmu_sync_begin()
 */
enum tdp_result kvm_tdp_map(struct kvm_vcpu *vcpu, const struct tdp_map *m)
{
	struct kvm_tdp *tdp = vcpu->kvm->arch.tdp;
	enum tdp_result r = TDP_RETRY;
	int level = tdp->root_level;
	u64 *table, *e, old;

	rcu_read_lock();
	table = tdp->root;
	for (;;) {
		e = &table[tdp_index(m->gfn, level)];
		old = read_entry(e);
		if (old == TDP_REMOVED)
			break;
		if (level == m->level) {
			r = map_here(vcpu->kvm, e, old, m);
			break;
		}
		if (tdp_is_table(old, level)) {
			table = entry_table(old);
			level--;
			continue;
		}
		if (!vcpu->arch.mmu.nr_cache)
			break;
		if (!tdp_is_leaf(old, level)) {
			link_table(vcpu, e, old, m, level);
		} else if (allows(old, m)) {
			r = TDP_SPURIOUS;
			break;
		} else {
			split_leaf(vcpu, e, old, m, level);
		}
	}
	rcu_read_unlock();
	return r;
}

/**
 * kvm_tdp_unprotect() - let the guest write again to a page that is write-protected for the dirty log
 * @kvm: the VM
 * @gfn: a frame of a slot that is logged
 *
 * The leaf is of 4 KiB and was published as writable, so it is enough that it is still there.
 *
 * Return: done, or not such a page
 */
bool kvm_tdp_unprotect(struct kvm *kvm, gfn_t gfn)
{
	struct tdp_iter it;
	bool done = false;

	rcu_read_lock();
	iter_start(&it, kvm->arch.tdp, gfn, gfn + 1);
	if (iter_leaf(&it) && it.level == TDP_LEVEL_4K && (it.old & TDP_HOST_W))
		done = (it.old & TDP_W) ||
		       replace_entry(it.e, it.old,
				     tdp_untrack(format(), it.old) | format()->write |
					     format()->accessed);
	rcu_read_unlock();
	return done;
}

/**
 * kvm_tdp_untrack() - give a leaf its rights back that were taken away to see whether it is used
 * @kvm: the VM
 * @m: the access; neither @m->level nor @m->entry matters
 *
 * Return: done: the access is allowed; or the leaf is not tracked, or even with its rights does not allow it
 */
bool kvm_tdp_untrack(struct kvm *kvm, const struct tdp_map *m)
{
	struct tdp_iter it;
	bool done = false;
	u64 leaf;

	rcu_read_lock();
	iter_start(&it, kvm->arch.tdp, m->gfn, m->gfn + 1);
	if (iter_leaf(&it) && (it.old & TDP_TRACKED)) {
		leaf = tdp_untrack(format(), it.old);
		done = allows(leaf, m) && replace_entry(it.e, it.old, leaf);
	}
	rcu_read_unlock();
	return done;
}

/* The largest empty stretch around @gfn that an entry at @level would cover: is there no slot in it? */
static bool all_mmio(struct kvm *kvm, gfn_t gfn, int level)
{
	gfn_t pages = tdp_level_pages(level), first = gfn & ~(pages - 1);

	return !kvm_gfn_range_has_slot(kvm, first, first + pages - 1);
}

/**
 * kvm_tdp_map_mmio() - note that nothing is at a frame, so that accesses exit as what they are
 * @vcpu: current, its cache of tables filled
 * @gfn: a frame without a slot
 *
 * One entry stands for as much as there is without a slot, so a guest cannot make tables grow by touching what it does not
 * have.  Whoever takes such an exit looks at the slots (kvm_mmu_is_mmio()): nothing has to be taken out when a slot comes.
 * Processors keep nothing of such an entry (SDM vol. 3C, 29.4.2), so it can be replaced without a flush.
 *
 * Context: SRCU held; does not sleep
 */
void kvm_tdp_map_mmio(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	static const struct tdp_map plain;
	struct kvm_tdp *tdp = vcpu->kvm->arch.tdp;
	int level = tdp->root_level;
	u64 *table, *e, old;

	rcu_read_lock();
	table = tdp->root;
	while (gfn < tdp_level_pages(tdp->root_level + 1)) {
		e = &table[tdp_index(gfn, level)];
		old = read_entry(e);
		if (tdp_is_table(old, level)) {
			table = entry_table(old);
			level--;
			continue;
		}
		if (old == format()->mmio &&
		    (level == TDP_LEVEL_4K || all_mmio(vcpu->kvm, gfn, level)))
			break;
		if (old && old != format()->mmio)
			break;
		if (level == TDP_LEVEL_4K || all_mmio(vcpu->kvm, gfn, level)) {
			replace_entry(e, old, format()->mmio);
			break;
		}
		if (!vcpu->arch.mmu.nr_cache)
			break;
		link_table(vcpu, e, old, &plain, level);
	}
	rcu_read_unlock();
}

/* ---------------------------------------------------------------- ranges */

/* Take out what is present in [start, end), as large as it comes.  The present entry is left as nothing. */
static bool zap_some(struct kvm *kvm, struct tdp_iter *it)
{
	bool zapped = false;

	while (iter_leaf(it)) {
		if (!replace_entry(it->e, it->old, 0))
			continue;
		count_pages(kvm, it->level, -1);
		zapped = true;
		iter_skip(it);
	}
	return zapped;
}

/**
 * kvm_tdp_zap() - take out the leaves of a range
 * @kvm: the VM
 * @start: first frame
 * @end: end
 * @may_block: may sleep
 *
 * Context: between kvm_zap_begin() and kvm_zap_end()
 * Return: something was taken out
 */
bool kvm_tdp_zap(struct kvm *kvm, gfn_t start, gfn_t end, bool may_block)
{
	bool zapped = false;
	struct tdp_iter it;

	for (it.gfn = start; it.gfn < end;) {
		rcu_read_lock();
		iter_start(&it, kvm->arch.tdp, it.gfn, end);
		zapped |= zap_some(kvm, &it);
		rcu_read_unlock();
		if (it.gfn >= it.end)
			break;
		if (may_block)
			cond_resched();
	}
	return zapped;
}

/* Take out the lowest table on the way to the present leaf, and go on behind it. */
static void remove_table(struct kvm *kvm, struct tdp_iter *it, struct list_head *tables)
{
	u64 *table = it->table[TDP_LEVEL_4K];
	u64 old;

	it->level = TDP_LEVEL_2M;
	it->e = &it->table[TDP_LEVEL_2M][tdp_index(it->gfn, TDP_LEVEL_2M)];
	old = READ_ONCE(*it->e);
	/* Should another have been quicker, come here again with what is there now. */
	if (!tdp_is_table(old, TDP_LEVEL_2M) || entry_table(old) != table ||
	    !replace_entry(it->e, old, 0))
		return;
	close_table(kvm, table, TDP_LEVEL_4K, tables);
	it->budget -= 512;
	iter_skip(it);
}

/* Lowest tables that lie wholly in the range go with what they hold; of the others, the leaves. */
static void remove_some(struct kvm *kvm, struct tdp_iter *it, gfn_t start, struct list_head *tables)
{
	gfn_t first, pages = tdp_level_pages(TDP_LEVEL_2M);

	while (iter_leaf(it)) {
		first = it->gfn & ~(pages - 1);
		if (it->level == TDP_LEVEL_4K && first >= start && first + pages <= it->end) {
			remove_table(kvm, it, tables);
		} else if (replace_entry(it->e, it->old, 0)) {
			count_pages(kvm, it->level, -1);
			iter_skip(it);
		}
	}
}

/**
 * kvm_tdp_remove() - take out a slot that is no more
 * @kvm: the VM
 * @start: its first frame
 * @end: its end
 *
 * Context: may sleep
 */
void kvm_tdp_remove(struct kvm *kvm, gfn_t start, gfn_t end)
{
	struct tdp_iter it;
	LIST_HEAD(tables);

	kvm_zap_begin(kvm);
	for (it.gfn = start; it.gfn < end;) {
		rcu_read_lock();
		iter_start(&it, kvm->arch.tdp, it.gfn, end);
		remove_some(kvm, &it, start, &tables);
		rcu_read_unlock();
		if (it.gfn >= it.end)
			break;
		cond_resched();
	}
	/* Whether or not anything was mapped: the inner loops must be left once, they may use the slot. */
	kvm_zap_end(kvm, true);
	free_tables(&tables);
}

/*
 * From now on a write must be seen: take the right to write away, or only the mark that it was used where the processor
 * logs that it sets it.  Whether anything was taken.
 */
static bool protect_leaf(struct tdp_iter *it)
{
	u64 take = it->level == TDP_LEVEL_4K && format()->log ? format()->log : TDP_W | TDP_TRACK_W;

	while (it->old & take) {
		if (replace_entry(it->e, it->old, it->old & ~take))
			return true;
		it->old = read_entry(it->e);
		if (!tdp_is_leaf(it->old, it->level))
			return false;
	}
	return false;
}

bool kvm_tdp_protect(struct kvm *kvm, gfn_t start, gfn_t end)
{
	bool changed = false;
	struct tdp_iter it;

	for (it.gfn = start; it.gfn < end;) {
		rcu_read_lock();
		iter_start(&it, kvm->arch.tdp, it.gfn, end);
		for (; iter_leaf(&it); iter_skip(&it))
			changed |= protect_leaf(&it);
		rcu_read_unlock();
		if (it.gfn >= it.end)
			break;
		cond_resched();
	}
	return changed;
}

/* The frames @base + n of which bit n is set in @mask. */
bool kvm_tdp_protect_mask(struct kvm *kvm, gfn_t base, unsigned long mask)
{
	bool changed = false;
	struct tdp_iter it;
	unsigned long covered;

	rcu_read_lock();
	iter_start(&it, kvm->arch.tdp, base + __ffs(mask), base + __fls(mask) + 1);
	for (; iter_leaf(&it); iter_skip(&it)) {
		covered = it.level == TDP_LEVEL_4K ? BIT(it.gfn - base) : ~0UL;
		if (mask & covered)
			changed |= protect_leaf(&it);
	}
	rcu_read_unlock();
	return changed;
}

static bool age_leaf(struct tdp_iter *it, bool clear)
{
	u64 accessed = format()->accessed;

	if (!accessed) {
		if (it->old & TDP_TRACKED)
			return false;
		/* Whoever uses it faults, and gets it back (kvm_tdp_untrack()). */
		return !clear || replace_entry(it->e, it->old, tdp_track(format(), it->old));
	}
	if (!(it->old & accessed))
		return false;
	/* Harmless should the entry be another by now: nothing but a mark is lost, and what is no entry has none. */
	return !clear || test_and_clear_bit(__ffs(accessed), (unsigned long *)it->e);
}

/**
 * kvm_tdp_age() - has the guest used a range since it was asked last?
 * @kvm: the VM
 * @start: first frame
 * @end: end
 * @clear: ask anew from now on
 *
 * Context: does not sleep.  Without accessed bits: between kvm_zap_begin() and kvm_zap_end(), flushing.
 */
bool kvm_tdp_age(struct kvm *kvm, gfn_t start, gfn_t end, bool clear)
{
	struct tdp_iter it;
	bool young = false;

	rcu_read_lock();
	iter_start(&it, kvm->arch.tdp, start, end);
	it.budget = INT_MAX;
	for (; iter_leaf(&it); iter_skip(&it))
		young |= age_leaf(&it, clear);
	rcu_read_unlock();
	return young;
}

/* ---------------------------------------------------------------- large pages that must not be executed */

/* The entry for @gfn at @level, or where the tables end before; in @level the level it is at.  RCU held. */
static u64 *find_entry(struct kvm_tdp *tdp, gfn_t gfn, int *level)
{
	int at = tdp->root_level;
	u64 *table = tdp->root, *e, old;

	for (;; at--) {
		e = &table[tdp_index(gfn, at)];
		old = read_entry(e);
		if (at == *level || !tdp_is_table(old, at))
			break;
		table = entry_table(old);
	}
	*level = at;
	return e;
}

int kvm_tdp_nx_level(struct kvm *kvm, gfn_t gfn, int level)
{
	int at;

	rcu_read_lock();
	for (; level > TDP_LEVEL_4K; level--) {
		at = level;
		if (!(READ_ONCE(*find_entry(kvm->arch.tdp, gfn, &at)) & TDP_NX_SPLIT) ||
		    at != level)
			break;
	}
	rcu_read_unlock();
	return level;
}

void kvm_tdp_drop_nx_split(struct kvm *kvm, gfn_t gfn)
{
	int level = TDP_LEVEL_1G;
	u64 *e, old;

	rcu_read_lock();
	for (; level > TDP_LEVEL_4K; level--) {
		int at = level;

		e = find_entry(kvm->arch.tdp, gfn, &at);
		old = read_entry(e);
		if (at != level || !tdp_is_table(old, level))
			break;
		if (old & TDP_NX_SPLIT) {
			drop_table(kvm, e, old, level);
			break;
		}
	}
	rcu_read_unlock();
}

/* ---------------------------------------------------------------- life */

static void free_tree(u64 *table, int level)
{
	unsigned int i;

	for (i = 0; level > TDP_LEVEL_4K && i < 512; i++) {
		if (tdp_is_table(table[i], level))
			free_tree(entry_table(table[i]), level - 1);
	}
	free_page((unsigned long)table);
}

int kvm_tdp_create(struct kvm *kvm)
{
	struct kvm_tdp *tdp = kzalloc(sizeof(*tdp), GFP_KERNEL_ACCOUNT);

	if (!tdp)
		return -ENOMEM;
	tdp->root = alloc_table();
	if (!tdp->root) {
		kfree(tdp);
		return -ENOMEM;
	}
	tdp->root_level = kvm_backend.caps.root_level;
	kvm_nx_create(kvm, &tdp->nx);
	kvm->arch.tdp = tdp;
	return 0;
}

/* No vCPU, no notifier: nobody else looks. */
void kvm_tdp_destroy(struct kvm *kvm)
{
	struct kvm_tdp *tdp = kvm->arch.tdp;
	unsigned int i;

	if (!tdp)
		return;
	kvm_nx_destroy(&tdp->nx);
	for (i = 0; i < KVM_NR_PRIVATE_PAGES; i++) {
		if (tdp->private[i])
			__free_page(tdp->private[i]);
	}
	kvm->arch.tdp = NULL;
	free_tree(tdp->root, tdp->root_level);
	kfree(tdp);
}
