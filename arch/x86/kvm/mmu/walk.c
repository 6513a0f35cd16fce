// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk of a guest's own page tables; see walk.h.
 */
#include "walk.h"

/* Bits of an entry, at the same place in all formats */
#define E_P BIT_ULL(0)
#define E_W BIT_ULL(1)
#define E_U BIT_ULL(2)
#define E_A BIT_ULL(5)
#define E_D BIT_ULL(6)
#define E_PS BIT_ULL(7)
#define E_G BIT_ULL(8)
#define E_NX BIT_ULL(63)

#define ADDR_64 GENMASK_ULL(51, 12)
#define ADDR_32 GENMASK_ULL(31, 12)
#define PKEY_SHIFT 59

/* An entry changes under the walk only if the guest works on its tables at this very moment. */
#define MAX_TRIES 256

/**
 * struct walk - a walk under way
 * @mode: as given to kvm_walk(), like @ops, @ctx
 * @ops: guest memory
 * @ctx: for @ops
 * @gva: the address, as many bits of it as count
 * @access: KVM_WALK_* bits, without KVM_WALK_USER if implicit
 * @entry: what was read, by level
 * @gpa: where, by level
 * @leaf: level of the entry that maps the page
 * @rights: E_W and E_U if all entries have them, E_NX if any has
 */
struct walk {
	const struct kvm_walk_mode *mode;
	const struct kvm_walk_ops *ops;
	void *ctx;
	u64 gva;
	u32 access;
	u64 entry[6];
	u64 gpa[6];
	int leaf;
	u64 rights;
};

static bool is_legacy(const struct kvm_walk_mode *mode)
{
	return mode->levels == 2;
}

static bool is_long(const struct kvm_walk_mode *mode)
{
	return mode->levels >= 4;
}

static unsigned int entry_bytes(const struct kvm_walk_mode *mode)
{
	return is_legacy(mode) ? 4 : 8;
}

/* log2 of what one entry at @level spans */
static unsigned int level_shift(const struct kvm_walk_mode *mode, int level)
{
	return 12 + (level - 1) * (is_legacy(mode) ? 10 : 9);
}

static unsigned int entry_index(const struct kvm_walk_mode *mode, u64 gva, int level)
{
	return (gva >> level_shift(mode, level)) & (is_legacy(mode) ? 1023 : 511);
}

static u64 root_table(const struct kvm_walk_mode *mode)
{
	switch (mode->levels) {
	case 2:
		return mode->root & ADDR_32;
	case 3:
		return mode->root & GENMASK_ULL(31, 5);
	default:
		return mode->root & ADDR_64;
	}
}

static bool is_canonical(const struct kvm_walk_mode *mode, u64 gva)
{
	unsigned int sign = mode->levels == 5 ? 56 : 47;

	return !is_long(mode) || (u64)sign_extend64(gva, sign) == gva;
}

/* ---------------------------------------------------------------- reserved bits: SDM vol. 3A, table 4-5 ff. */

/* Address bits that no address has, and the bits around them that mean nothing in the mode. */
static u64 reserved_high(const struct kvm_walk_mode *mode)
{
	u64 r = mode->maxphyaddr < 52 ? GENMASK_ULL(51, 0) & ~((1ULL << mode->maxphyaddr) - 1) : 0;

	if (!is_long(mode))
		r |= GENMASK_ULL(62, 52);
	if (!mode->nx)
		r |= E_NX;
	return r;
}

/*
 * Bit 5, the accessed flag of other levels, is reserved by the manuals but not checked: QEMU's emulation of nested paging
 * sets it in memory, and a guest must not fault on what its processor wrote.
 */
u64 kvm_walk_pdpte_reserved(const struct kvm_walk_mode *mode)
{
	return reserved_high(mode) | E_NX | GENMASK_ULL(8, 6) | GENMASK_ULL(2, 1);
}

/* A 4 MiB page: bits 20:13 are address bits 39:32, as many as there are. */
static u64 reserved_pse(const struct kvm_walk_mode *mode)
{
	unsigned int width = min_t(unsigned int, mode->maxphyaddr, 40);

	if (!mode->pse36 || width <= 32)
		return GENMASK_ULL(21, 13);
	return GENMASK_ULL(21, 13 + width - 32);
}

static u64 reserved_bits(const struct kvm_walk_mode *mode, int level, bool large)
{
	u64 high;

	if (is_legacy(mode))
		return large ? reserved_pse(mode) : 0;
	high = reserved_high(mode);
	switch (level) {
	case 1:
		return high;
	case 2:
		return large ? high | GENMASK_ULL(20, 13) : high;
	case 3:
		if (!is_long(mode))
			return kvm_walk_pdpte_reserved(mode);
		if (large)
			return mode->gbpages ? high | GENMASK_ULL(29, 13) : high | E_PS;
		return high;
	default:
		return high | E_PS | (mode->amd ? E_G : 0);
	}
}

/* Does PS make a leaf of a present entry here?  Where it does not, it is either ignored or reserved. */
static bool is_large(const struct kvm_walk_mode *mode, u64 entry, int level)
{
	if (!(entry & E_PS))
		return false;
	if (level == 2)
		return !is_legacy(mode) || mode->pse;
	return level == 3 && is_long(mode);
}

/* ---------------------------------------------------------------- rights: SDM vol. 3A, 4.6 */

/* What every error code of this access has. */
static u32 error_base(const struct walk *w)
{
	const struct kvm_walk_mode *mode = w->mode;
	u32 error = w->access & (KVM_WALK_E_W | KVM_WALK_E_U);

	if ((w->access & KVM_WALK_FETCH) && ((mode->nx && !is_legacy(mode)) || mode->smep))
		error |= KVM_WALK_E_I;
	return error;
}

static bool key_forbids(const struct walk *w)
{
	const struct kvm_walk_mode *mode = w->mode;
	unsigned int key = (w->entry[w->leaf] >> PKEY_SHIFT) & 15;
	u32 rights = mode->pkru >> (2 * key);

	if (!is_long(mode) || !mode->pke || !(w->rights & E_U) || (w->access & KVM_WALK_FETCH))
		return false;
	if (rights & 1)
		return true;
	return (rights & 2) && (w->access & KVM_WALK_WRITE) &&
	       ((w->access & KVM_WALK_USER) || mode->wp);
}

static bool supervisor_forbidden(const struct walk *w)
{
	const struct kvm_walk_mode *mode = w->mode;
	bool user_page = w->rights & E_U;

	if (w->access & KVM_WALK_FETCH)
		return user_page && mode->smep;
	if ((w->access & KVM_WALK_WRITE) && mode->wp && !(w->rights & E_W))
		return true;
	return user_page && mode->smap && (!mode->ac || (w->access & KVM_WALK_IMPLICIT));
}

static bool user_forbidden(const struct walk *w)
{
	if (!(w->rights & E_U))
		return true;
	return (w->access & KVM_WALK_WRITE) && !(w->rights & E_W);
}

/* The error code of the translation that was found, or 0: allowed. */
static u32 check_rights(const struct walk *w)
{
	bool forbidden = w->access & KVM_WALK_USER ? user_forbidden(w) : supervisor_forbidden(w);
	u32 key = key_forbids(w) ? KVM_WALK_E_PK : 0;

	if ((w->access & KVM_WALK_FETCH) && (w->rights & E_NX))
		forbidden = true;
	return forbidden || key ? error_base(w) | KVM_WALK_E_P | key : 0;
}

/* ---------------------------------------------------------------- down the tables */

static void add_rights(struct walk *w, u64 entry, int level)
{
	/* Page directory pointers of PAE mode have none. */
	if (level == 3 && !is_long(w->mode))
		return;
	w->rights &= entry | E_NX;
	if (!is_legacy(w->mode) && w->mode->nx)
		w->rights |= entry & E_NX;
}

static enum kvm_walk_status descend(struct walk *w, struct kvm_walk_result *res)
{
	const struct kvm_walk_mode *mode = w->mode;
	unsigned int bytes = entry_bytes(mode);
	u64 table = root_table(mode);
	int level = mode->levels;
	u64 entry;
	bool leaf;

	w->rights = E_W | E_U;
	for (;; level--) {
		w->gpa[level] = table + (u64)entry_index(mode, w->gva, level) * bytes;
		if (w->ops->read(w->ctx, w->gpa[level], bytes, level, &entry)) {
			res->gpa = w->gpa[level];
			res->error_code = error_base(w);
			return KVM_WALK_UNBACKED;
		}
		if (!(entry & E_P)) {
			res->error_code = error_base(w);
			return KVM_WALK_FAULT;
		}
		leaf = level == 1 || is_large(mode, entry, level);
		if (entry & reserved_bits(mode, level, leaf && level > 1)) {
			res->error_code = error_base(w) | KVM_WALK_E_P | KVM_WALK_E_RSVD;
			return KVM_WALK_FAULT;
		}
		w->entry[level] = entry;
		add_rights(w, entry, level);
		if (leaf) {
			w->leaf = level;
			return KVM_WALK_OK;
		}
		table = entry & (is_legacy(mode) ? ADDR_32 : ADDR_64);
	}
}

/* Accessed flags from the root to the leaf, and the dirty flag; false: an entry has changed. */
static bool set_flags(struct walk *w)
{
	unsigned int bytes = entry_bytes(w->mode);
	int level;
	u64 new;

	if (!w->ops->compare_xchg)
		return true;
	for (level = w->mode->levels; level >= w->leaf; level--) {
		if (level == 3 && !is_long(w->mode))
			continue;
		new = w->entry[level] | E_A;
		if (level == w->leaf && (w->access & KVM_WALK_WRITE))
			new |= E_D;
		if (new != w->entry[level] &&
		    w->ops->compare_xchg(w->ctx, w->gpa[level], bytes, w->entry[level], new) > 0)
			return false;
	}
	return true;
}

static void finish(const struct walk *w, struct kvm_walk_result *res)
{
	const struct kvm_walk_mode *mode = w->mode;
	unsigned int shift = level_shift(mode, w->leaf);
	u64 entry = w->entry[w->leaf];
	u64 frame = entry & (is_legacy(mode) ? ADDR_32 : ADDR_64);

	if (is_legacy(mode) && w->leaf == 2)
		frame |= ((entry >> 13) & 0xff) << 32;
	res->gpa = (frame & ~((1ULL << shift) - 1)) | (w->gva & ((1ULL << shift) - 1));
	res->page_shift = shift;
	res->writable = w->rights & E_W;
	res->user = w->rights & E_U;
}

enum kvm_walk_status kvm_walk(const struct kvm_walk_mode *mode, const struct kvm_walk_ops *ops,
			      void *ctx, u64 gva, u32 access, struct kvm_walk_result *res)
{
	struct walk w = {
		.mode = mode,
		.ops = ops,
		.ctx = ctx,
		.gva = is_long(mode) ? gva : (u32)gva,
		.access = access,
	};
	enum kvm_walk_status status;
	unsigned int tries;

	if (access & KVM_WALK_IMPLICIT)
		w.access &= ~(u32)KVM_WALK_USER;
	if (!is_canonical(mode, gva))
		return KVM_WALK_NONCANON;
	for (tries = 0; tries < MAX_TRIES; tries++) {
		status = descend(&w, res);
		if (status != KVM_WALK_OK)
			return status;
		res->error_code = check_rights(&w);
		if (res->error_code)
			return KVM_WALK_FAULT;
		if (set_flags(&w))
			break;
	}
	finish(&w, res);
	return KVM_WALK_OK;
}
