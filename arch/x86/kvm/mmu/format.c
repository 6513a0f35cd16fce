// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries of two-dimensional tables; see format.h.  Pure.
 */
#include "format.h"

/* ---------------------------------------------------------------- AMD */

/* Nested tables go by the host's PAT, so the host's index is right for the guest, too. */
static u64 npt_cache(unsigned int type, bool large)
{
	u64 bits = 0;

	if (type & 1)
		bits |= NPT_PWT;
	if (type & 2)
		bits |= NPT_PCD;
	if (type & 4)
		bits |= large ? NPT_PAT_LARGE : NPT_PAT;
	return bits;
}

void tdp_format_npt(struct tdp_format *f)
{
	unsigned int type;

	*f = (struct tdp_format){
		.table = TDP_P | TDP_W | NPT_U | NPT_A,
		.leaf = TDP_P | NPT_U | NPT_A,
		.write = TDP_W | NPT_D,
		.accessed = NPT_A,
		.noexec = NPT_NX,
		.pat = NPT_PAT,
		.pat_large = NPT_PAT_LARGE,
		.same = TDP_ADDR | NPT_PWT | NPT_PCD | TDP_PSE,
	};
	for (type = 0; type < 8; type++) {
		f->cache[0][type] = npt_cache(type, false);
		f->cache[1][type] = npt_cache(type, true);
	}
}

/* ---------------------------------------------------------------- Intel */

/*
 * SDM vol. 3C, 29.3.7.  What the host maps as normal memory is that for the guest whatever the guest's PAT says: it could
 * only slow itself down, and the host's cached accesses would not meet its uncached ones.  The guest may go further down
 * than the host with everything else: a frame buffer that the host maps uncached can be combined-written.
 */
static u64 ept_cache(unsigned int host_type)
{
	switch (host_type) {
	case TDP_MT_WB:
		return (u64)TDP_MT_WB << EPT_TYPE_SHIFT | EPT_IPAT;
	case TDP_MT_WT:
	case TDP_MT_WP:
	case TDP_MT_WC:
		return (u64)host_type << EPT_TYPE_SHIFT;
	default:
		return (u64)TDP_MT_UC << EPT_TYPE_SHIFT;
	}
}

void tdp_format_ept(struct tdp_format *f, u64 cap, u64 host_pat, bool pml)
{
	bool ad = cap & EPT_CAP_AD;
	unsigned int i;

	*f = (struct tdp_format){
		/* No memory type: that of the tables is in the EPT pointer. */
		.table = TDP_P | TDP_W | EPT_X | (ad ? EPT_A : 0),
		.leaf = TDP_P | (ad ? EPT_A : 0),
		.write = TDP_W | (ad ? EPT_D : 0),
		.accessed = ad ? EPT_A : 0,
		.log = ad && pml ? EPT_D : 0,
		.exec = EPT_X,
		.same = TDP_ADDR | EPT_TYPE | EPT_IPAT | TDP_PSE,
		.ignore_guest_type = EPT_IPAT,
		/* Writable and not readable: a misconfiguration on every CPU, whatever the other bits are. */
		.mmio = TDP_W | EPT_X,
	};
	for (i = 0; i < 8; i++)
		f->cache[0][i] = f->cache[1][i] = ept_cache(host_pat >> (8 * i) & 7);
}

int tdp_ept_root_level(u64 cap, unsigned int phys_bits)
{
	if (!(cap & EPT_CAP_WB))
		return 0;
	if ((cap & EPT_CAP_WALK_5) && (phys_bits > 48 || !(cap & EPT_CAP_WALK_4)))
		return 5;
	return cap & EPT_CAP_WALK_4 ? 4 : 0;
}

int tdp_ept_huge_level(u64 cap)
{
	/* A CPU with the larger size and without the smaller has not been built; it would get neither. */
	if (!(cap & EPT_CAP_2M))
		return TDP_LEVEL_4K;
	return cap & EPT_CAP_1G ? TDP_LEVEL_1G : TDP_LEVEL_2M;
}

/* ---------------------------------------------------------------- both */

u64 tdp_make_leaf(const struct tdp_format *f, u64 addr, int level, unsigned int type,
		  unsigned int rights)
{
	bool large = level > TDP_LEVEL_4K;
	u64 e = addr | f->leaf | f->cache[large][type & 7] | (large ? TDP_PSE : 0);

	if (rights & (TDP_R_WRITE | TDP_R_LOG))
		e |= TDP_HOST_W;
	if (rights & TDP_R_WRITE)
		e |= f->write;
	else if ((rights & TDP_R_LOG) && f->log)
		e |= f->write & ~f->log;
	if (rights & TDP_R_GUEST_TYPE)
		e &= ~f->ignore_guest_type;
	return e | (rights & TDP_R_NOEXEC ? f->noexec : f->exec);
}

u64 tdp_child_leaf(const struct tdp_format *f, u64 leaf, int level, unsigned int index)
{
	u64 offset = (u64)index << (12 + 9 * (level - 2));
	u64 child = leaf;

	if (level - 1 == TDP_LEVEL_4K) {
		/* What keeps a page from being executed is its size alone. */
		child &= ~f->noexec;
		child |= !(leaf & TDP_TRACKED) ? f->exec : f->exec ? TDP_TRACK_X : 0;
		/* Before the offset is added: where a large leaf has its memory type, a small one has an address bit. */
		child &= ~(TDP_PSE | f->pat_large);
		if (leaf & f->pat_large)
			child |= f->pat;
	}
	return child + offset;
}
