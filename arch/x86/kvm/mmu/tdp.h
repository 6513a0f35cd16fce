/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two-dimensional page tables: APM vol. 2, 15.25.
 *
 * One tree a VM, used by all its vCPUs, walked under RCU and changed by compare-and-exchange.  See virt/kvm/mmu_sync.h for
 * how faults and invalidations meet.  An entry is one of
 *	0		nothing
 *	TDP_FROZEN	claimed by a fault that is about to publish or back out: wait (the claimer cannot be preempted)
 *	TDP_REMOVED	its table is being taken out: start again from the root
 *	a table		present, above level 1, TDP_PSE clear
 *	a leaf		present, level 1 or TDP_PSE set
 */
#ifndef KVM_X86_TDP_H
#define KVM_X86_TDP_H

#include "mmu.h"

#define TDP_P BIT_ULL(0)
#define TDP_W BIT_ULL(1)
#define TDP_U BIT_ULL(2) /* all of the guest's accesses are user accesses here */
#define TDP_PWT BIT_ULL(3)
#define TDP_PCD BIT_ULL(4)
#define TDP_A BIT_ULL(5)
#define TDP_D BIT_ULL(6)
#define TDP_PSE BIT_ULL(7)
#define TDP_PAT BIT_ULL(7) /* level 1 */
#define TDP_PAT_LARGE BIT_ULL(12) /* above */
#define TDP_ADDR GENMASK_ULL(51, 12)
/* Ignored by the CPU: */
#define TDP_HOST_W BIT_ULL(52) /* the host lets us write: write-protected for the dirty log only */

#define TDP_REMOVED BIT_ULL(57)
#define TDP_FROZEN BIT_ULL(58)

#define TDP_LEVEL_4K 1
#define TDP_LEVEL_2M 2
#define TDP_LEVEL_1G 3
#define TDP_MAX_LEVEL 5

/* Tables that one fault may need: all levels but the root, and one for a split. */
#define TDP_CACHE_MIN 5

/**
 * struct kvm_tdp - the tables of a VM
 * @root: the topmost table
 * @root_level: 4 or 5
 */
struct kvm_tdp {
	u64 *root;
	int root_level;
};

/**
 * struct tdp_map - what a fault wants to see in the tables
 * @gfn: the faulting frame
 * @level: size of the page to map
 * @write: the guest wants to write
 * @entry: the leaf
 * @seq: of kvm_mmu_sync_begin()
 * @start: first VMM address behind the page
 * @end: end of it
 */
struct tdp_map {
	gfn_t gfn;
	int level;
	bool write;
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

static inline gfn_t tdp_level_pages(int level)
{
	return 1ULL << (9 * (level - 1));
}

static inline unsigned int tdp_index(gfn_t gfn, int level)
{
	return (gfn >> (9 * (level - 1))) & 511;
}

static inline bool tdp_is_leaf(u64 e, int level)
{
	return (e & TDP_P) && (level == TDP_LEVEL_4K || (e & TDP_PSE));
}

static inline bool tdp_is_table(u64 e, int level)
{
	return (e & TDP_P) && level > TDP_LEVEL_4K && !(e & TDP_PSE);
}

int kvm_tdp_create(struct kvm *kvm);
void kvm_tdp_destroy(struct kvm *kvm);
int kvm_tdp_fill_cache(struct kvm_vcpu *vcpu);
void kvm_tdp_drain_cache(struct kvm_vcpu *vcpu);

/* RCU read side is taken inside; do not sleep. */
enum tdp_result kvm_tdp_map(struct kvm_vcpu *vcpu, const struct tdp_map *m);
bool kvm_tdp_unprotect(struct kvm *kvm, gfn_t gfn);

/* Return whether the TLBs hold something that must go.  Between kvm_zap_begin() and kvm_zap_end(). */
bool kvm_tdp_zap(struct kvm *kvm, gfn_t start, gfn_t end, bool may_block);
bool kvm_tdp_protect(struct kvm *kvm, gfn_t start, gfn_t end);
bool kvm_tdp_protect_mask(struct kvm *kvm, gfn_t base, unsigned long mask);
bool kvm_tdp_age(struct kvm *kvm, gfn_t start, gfn_t end, bool clear);
/* Take out the entries and the lowest tables of a slot; flushes, and frees the tables after a grace period. */
void kvm_tdp_remove(struct kvm *kvm, gfn_t start, gfn_t end);

#endif /* KVM_X86_TDP_H */
