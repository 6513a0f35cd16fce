/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of two-dimensional tables, in AMD's format (NPT: APM vol. 2, 15.25) and in Intel's (EPT: SDM vol. 3C, 29.3).
 * Pure.
 *
 * What the two have in common is written down as constants, so that walks cost the same whatever the format: bit 0 says
 * present, bit 1 writable, bit 7 of an entry above level 1 that it is a leaf, bits 51:12 are the address.  The rest is
 * data, in struct tdp_format, that is only looked at when an entry is made.
 */
#ifndef KVM_X86_MMU_FORMAT_H
#define KVM_X86_MMU_FORMAT_H

#include "../pure.h"

#define TDP_P BIT_ULL(0) /* EPT: readable; we make none that are not */
#define TDP_W BIT_ULL(1)
#define TDP_PSE BIT_ULL(7)
#define TDP_ADDR GENMASK_ULL(51, 12)

/* Ignored by the CPU in both formats: */
#define TDP_HOST_W BIT_ULL(52) /* the host lets us write: write-protected for the dirty log only */
#define TDP_TRACK_W BIT_ULL(53) /* of a leaf with TDP_TRACKED: it had TDP_W */
#define TDP_TRACK_X BIT_ULL(54) /* likewise EPT's execute bit */
#define TDP_TRACKED \
	BIT_ULL(55) /* a leaf without its rights: whoever uses it faults, and so is seen to use it */
#define TDP_NX_SPLIT \
	BIT_ULL(56) /* a table that is there only because code lies in the large page */

/* Values of entries that are nothing to the CPU. */
#define TDP_REMOVED BIT_ULL(57)
#define TDP_FROZEN BIT_ULL(58)

#define NPT_U BIT_ULL(2) /* all of the guest's accesses are user accesses here */
#define NPT_PWT BIT_ULL(3)
#define NPT_PCD BIT_ULL(4)
#define NPT_A BIT_ULL(5)
#define NPT_D BIT_ULL(6)
#define NPT_PAT BIT_ULL(7) /* level 1 */
#define NPT_PAT_LARGE BIT_ULL(12) /* above */
#define NPT_NX BIT_ULL(63)

#define EPT_X BIT_ULL(2)
#define EPT_TYPE_SHIFT 3
#define EPT_TYPE GENMASK_ULL(5, 3)
#define EPT_IPAT BIT_ULL(6)
#define EPT_A BIT_ULL(8)
#define EPT_D BIT_ULL(9)

/* Memory types, SDM vol. 3A, table 12-2; UC- only in the PAT. */
enum tdp_memtype {
	TDP_MT_UC = 0,
	TDP_MT_WC = 1,
	TDP_MT_WT = 4,
	TDP_MT_WP = 5,
	TDP_MT_WB = 6,
	TDP_MT_UC_MINUS = 7,
};

#define TDP_LEVEL_4K 1
#define TDP_LEVEL_2M 2
#define TDP_LEVEL_1G 3
#define TDP_MAX_LEVEL 5

/**
 * struct tdp_format - how entries are made
 * @table: bits of an entry that points to a table
 * @leaf: bits of every leaf: readable, used
 * @write: bits of a leaf that may be written from now on without anybody being told
 * @accessed: the CPU's mark that a leaf was used, 0: it makes none
 * @log: the CPU's mark that a leaf was written, where setting it makes an entry in the page-modification log; else 0
 * @exec: bits that an executable leaf has
 * @noexec: bits that one has that is not executable
 * @cache: [is large][index of the host's memory type in its PAT]: the memory type's bits
 * @pat: bit of the memory type in a leaf at level 1 that has another place above, @pat_large
 * @pat_large: see @pat
 * @same: bits in which two leaves differ when they are not of the same page, size and memory type
 * @ignore_guest_type: has the leaf's memory type alone count, without the guest's; 0: there is no such bit
 * @mmio: an entry whose use exits without a walk's having found anything, 0: there is none in this format
 */
struct tdp_format {
	u64 table;
	u64 leaf;
	u64 write;
	u64 accessed;
	u64 log;
	u64 exec;
	u64 noexec;
	u64 cache[2][8];
	u64 pat;
	u64 pat_large;
	u64 same;
	u64 ignore_guest_type;
	u64 mmio;
};

/* IA32_VMX_EPT_VPID_CAP: SDM vol. 3D, A.10 */
#define EPT_CAP_WALK_4 BIT_ULL(6)
#define EPT_CAP_WALK_5 BIT_ULL(7)
#define EPT_CAP_WB BIT_ULL(14)
#define EPT_CAP_2M BIT_ULL(16)
#define EPT_CAP_1G BIT_ULL(17)
#define EPT_CAP_AD BIT_ULL(21)

/**
 * enum tdp_rights - what a new leaf allows
 * @TDP_R_WRITE: a write, unseen
 * @TDP_R_LOG: a write, which must be seen
 * @TDP_R_NOEXEC: no execution
 * @TDP_R_GUEST_TYPE: the guest's memory type counts for normal memory, too
 */
enum tdp_rights {
	TDP_R_WRITE = BIT(0),
	TDP_R_LOG = BIT(1),
	TDP_R_NOEXEC = BIT(2),
	TDP_R_GUEST_TYPE = BIT(3),
};

/**
 * tdp_format_npt() - AMD's entries
 * @f: filled in
 */
void tdp_format_npt(struct tdp_format *f);

/**
 * tdp_format_ept() - Intel's entries
 * @f: filled in
 * @cap: IA32_VMX_EPT_VPID_CAP; without EPT_CAP_AD, or with that bit cleared by who does not want it, there is no access mark
 * @host_pat: IA32_PAT of the host
 * @pml: the page-modification log is on; needs EPT_CAP_AD
 */
void tdp_format_ept(struct tdp_format *f, u64 cap, u64 host_pat, bool pml);

/* Levels of the tables for guest physical addresses of @phys_bits, or 0: not with this CPU. */
int tdp_ept_root_level(u64 cap, unsigned int phys_bits);
/* Largest page, as kvm_backend_caps.max_huge_level */
int tdp_ept_huge_level(u64 cap);

/**
 * tdp_make_leaf() - an entry that maps a page
 * @f: the format
 * @addr: physical address and encryption bit, in TDP_ADDR
 * @level: size
 * @type: index of the host's memory type in its PAT
 * @rights: enum tdp_rights
 */
u64 tdp_make_leaf(const struct tdp_format *f, u64 addr, int level, unsigned int type,
		  unsigned int rights);

/**
 * tdp_child_leaf() - one of the 512 smaller pages of a large one: the same, but that pages of 4 KiB can be executed
 * @f: the format
 * @leaf: the large page's entry
 * @level: of @leaf
 * @index: 0 to 511
 */
u64 tdp_child_leaf(const struct tdp_format *f, u64 leaf, int level, unsigned int index);

static inline u64 tdp_level_pages(int level)
{
	return 1ULL << (9 * (level - 1));
}

static inline unsigned int tdp_index(u64 gfn, int level)
{
	return (gfn >> (9 * (level - 1))) & 511;
}

static inline bool tdp_is_leaf(u64 e, int level)
{
	return (e & (TDP_P | TDP_TRACKED)) && (level == TDP_LEVEL_4K || (e & TDP_PSE));
}

static inline bool tdp_is_table(u64 e, int level)
{
	return (e & TDP_P) && level > TDP_LEVEL_4K && !(e & TDP_PSE);
}

/* Take the rights of a leaf away, and remember them. */
static inline u64 tdp_track(const struct tdp_format *f, u64 leaf)
{
	u64 e = (leaf & ~(TDP_P | TDP_W | f->exec)) | TDP_TRACKED;

	if (leaf & TDP_W)
		e |= TDP_TRACK_W;
	if (f->exec && (leaf & f->exec) == f->exec)
		e |= TDP_TRACK_X;
	return e;
}

/* The leaf as it was; of one that is not tracked, itself. */
static inline u64 tdp_untrack(const struct tdp_format *f, u64 e)
{
	u64 leaf = e & ~(TDP_TRACKED | TDP_TRACK_W | TDP_TRACK_X);

	if (likely(!(e & TDP_TRACKED)))
		return e;
	leaf |= TDP_P;
	if (e & TDP_TRACK_W)
		leaf |= TDP_W;
	if (e & TDP_TRACK_X)
		leaf |= f->exec;
	return leaf;
}

#endif /* KVM_X86_MMU_FORMAT_H */
