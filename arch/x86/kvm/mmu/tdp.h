/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two-dimensional page tables: APM vol. 2, 15.25; SDM vol. 3C, 29.3.  Their entries' format is format.h's.
 *
 * One tree a VM, used by all its vCPUs, walked under RCU and changed by compare-and-exchange.  See virt/kvm/mmu_sync.h for
 * how faults and invalidations meet.  An entry is one of
 *	0		nothing
 *	MMIO		nothing either: no slot, and where the format has one (tdp_format.mmio), an entry that says so
 *	TDP_FROZEN	claimed by a fault that is about to publish or back out: wait (the claimer cannot be preempted)
 *	TDP_REMOVED	its table is being taken out: start again from the root
 *	a table		present, above level 1, TDP_PSE clear
 *	a leaf		present, level 1 or TDP_PSE set
 */
#ifndef KVM_X86_TDP_H
#define KVM_X86_TDP_H

#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "format.h"
#include "mmu.h"

/* Tables that one fault may need: all levels but the root, and one for a split. */
#define TDP_CACHE_MIN 5

/**
 * struct kvm_nx_splits - tables with TDP_NX_SPLIT of a VM
 * @kvm: the VM
 * @known: 2 MiB pages by number; what was taken out otherwise may still be noted
 * @cursor: where the next round begins
 * @work: takes some of them back from time to time; never queued before the first split
 */
struct kvm_nx_splits {
	struct kvm *kvm;
	struct xarray known;
	unsigned long cursor;
	struct delayed_work work;
};

/**
 * struct kvm_tdp - the tables of a VM
 * @root: the topmost table
 * @root_level: 4 or 5
 * @private: pages of ours, at @private_gfn
 * @private_shown: bit n: @private[n] can be mapped
 * @nx: tables that stand in for large pages because of code, see nx.c
 */
struct kvm_tdp {
	u64 *root;
	struct page *private[KVM_NR_PRIVATE_PAGES];
	gfn_t private_gfn[KVM_NR_PRIVATE_PAGES];
	unsigned long private_shown;
	int root_level;
	struct kvm_nx_splits nx;
};

/**
 * struct tdp_map - what a fault wants to see in the tables
 * @gfn: the faulting frame
 * @level: size of the page to map
 * @write: the guest wants to write
 * @fetch: the guest wants to execute
 * @ahead: nobody waits for it in the guest (KVM_PRE_FAULT_MEMORY)
 * @nx_split: would be large, but for its being executed
 * @need: bits that an entry that allows the access has
 * @deny: bits that it has not
 * @entry: the leaf
 * @seq: of kvm_mmu_sync_begin()
 * @start: first VMM address behind the page
 * @end: end of it
 */
struct tdp_map {
	gfn_t gfn;
	int level;
	bool write;
	bool fetch;
	bool ahead;
	bool nx_split;
	u64 need;
	u64 deny;
	u64 entry;
	u64 seq;
	hva_t start;
	hva_t end;
};

enum tdp_result {
	TDP_MAPPED,
	TDP_SPURIOUS, /* what is there allows the access */
	TDP_RETRY,
};

int kvm_tdp_create(struct kvm *kvm);
void kvm_tdp_destroy(struct kvm *kvm);
int kvm_tdp_fill_cache(struct kvm_vcpu *vcpu);
void kvm_tdp_drain_cache(struct kvm_vcpu *vcpu);

/* RCU read side is taken inside; do not sleep. */
enum tdp_result kvm_tdp_map(struct kvm_vcpu *vcpu, const struct tdp_map *m);
void kvm_tdp_map_mmio(struct kvm_vcpu *vcpu, gfn_t gfn);
bool kvm_tdp_unprotect(struct kvm *kvm, gfn_t gfn);
bool kvm_tdp_untrack(struct kvm *kvm, const struct tdp_map *m);

/* Take out everything: the next faults make the leaves anew, by rules that have changed.  May sleep. */
void kvm_mmu_zap_all(struct kvm *kvm);
/* Return whether the TLBs hold something that must go.  Between kvm_zap_begin() and kvm_zap_end(). */
bool kvm_tdp_zap(struct kvm *kvm, gfn_t start, gfn_t end, bool may_block);
bool kvm_tdp_protect(struct kvm *kvm, gfn_t start, gfn_t end);
bool kvm_tdp_protect_mask(struct kvm *kvm, gfn_t base, unsigned long mask);
bool kvm_tdp_age(struct kvm *kvm, gfn_t start, gfn_t end, bool clear);
/* Take out the entries and the lowest tables of a slot; flushes, and frees the tables after a grace period. */
void kvm_tdp_remove(struct kvm *kvm, gfn_t start, gfn_t end);

/* Tables that stand in for a large page because of code: is one on the way to @gfn?  The largest level below it. */
int kvm_tdp_nx_level(struct kvm *kvm, gfn_t gfn, int level);
/* Take the largest such table out.  Flushes. */
void kvm_tdp_drop_nx_split(struct kvm *kvm, gfn_t gfn);

/* nx.c */
extern bool kvm_nx_huge_pages;
void kvm_nx_create(struct kvm *kvm, struct kvm_nx_splits *nx);
void kvm_nx_destroy(struct kvm_nx_splits *nx);
/* @gfn is executed in a small page, though a large one would fit: may sleep */
void kvm_nx_note(struct kvm *kvm, gfn_t gfn);
/* module load */
void kvm_nx_init(void);

#endif /* KVM_X86_TDP_H */
