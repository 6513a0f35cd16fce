/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second translation of guest addresses, written from the manual's tables one mode after the other, as plainly as it
 * goes: what arch/x86/kvm/mmu/walk.c is compared with.  Guest memory is an arena from address 0 on.
 */
#ifndef WALK_ORACLE_H
#define WALK_ORACLE_H

#include <string.h>

#include "mmu/walk.h"

#define ARENA_PAGES 16
#define ARENA_BYTES (ARENA_PAGES * 4096)

struct arena {
	u8 bytes[ARENA_BYTES];
};

struct oracle_entry {
	u64 gpa;
	unsigned int bytes;
	u64 val;
	bool has_accessed;
};

struct oracle {
	enum kvm_walk_status status;
	u32 error;
	u64 gpa;
	unsigned int page_shift;
	bool w, u, x; /* of the page, all levels together */
	unsigned int key;
	struct oracle_entry path[5];
	unsigned int depth;
};

static inline u64 bits(int hi, int lo)
{
	u64 r = 0;

	for (int i = lo; i <= hi; i++)
		r |= 1ULL << i;
	return r;
}

/* false: nothing there */
static inline bool oracle_load(const struct arena *a, struct oracle *o, u64 gpa, unsigned int bytes,
			       bool has_accessed)
{
	struct oracle_entry *e = &o->path[o->depth];

	if (gpa > ARENA_BYTES - bytes) {
		o->status = KVM_WALK_UNBACKED;
		o->gpa = gpa;
		return false;
	}
	e->gpa = gpa;
	e->bytes = bytes;
	e->has_accessed = has_accessed;
	e->val = 0;
	memcpy(&e->val, &a->bytes[gpa], bytes);
	o->depth++;
	return true;
}

static inline u32 oracle_error(const struct kvm_walk_mode *m, u32 access)
{
	bool user = (access & KVM_WALK_USER) && !(access & KVM_WALK_IMPLICIT);
	bool nx_in_force = m->nx && m->levels > 2;
	u32 error = 0;

	if (access & KVM_WALK_WRITE)
		error |= 2;
	if (user)
		error |= 4;
	if ((access & KVM_WALK_FETCH) && (nx_in_force || m->smep))
		error |= 16;
	return error;
}

static inline bool oracle_fail(struct oracle *o, const struct kvm_walk_mode *m, u32 access,
			       u32 more)
{
	o->status = KVM_WALK_FAULT;
	o->error = oracle_error(m, access) | more;
	return false;
}

/* Is the entry present and without reserved bits? */
static inline bool oracle_sound(struct oracle *o, const struct kvm_walk_mode *m, u32 access,
				u64 reserved)
{
	u64 val = o->path[o->depth - 1].val;

	if (!(val & 1))
		return oracle_fail(o, m, access, 0);
	if (val & reserved)
		return oracle_fail(o, m, access, 1 | 8);
	return true;
}

static inline void oracle_narrow(struct oracle *o, u64 val, bool nx_counts)
{
	if (!(val & 2))
		o->w = false;
	if (!(val & 4))
		o->u = false;
	if (nx_counts && val >> 63)
		o->x = false;
}

static inline bool oracle_32(const struct arena *a, struct oracle *o, const struct kvm_walk_mode *m,
			     u32 gva, u32 access)
{
	u64 pde, pte;

	if (!oracle_load(a, o, (m->root & 0xfffff000) + (gva >> 22) * 4, 4, true))
		return false;
	pde = o->path[0].val;
	if (m->pse && (pde & 0x80)) {
		u64 reserved = bits(21, 13);
		unsigned int width = m->maxphyaddr > 40 ? 40 : m->maxphyaddr;

		if (m->pse36) {
			for (unsigned int b = 32; b < width; b++)
				reserved &= ~(1ULL << (b - 32 + 13));
		}
		if (!oracle_sound(o, m, access, reserved))
			return false;
		oracle_narrow(o, pde, false);
		o->gpa = (pde & 0xffc00000) | ((pde >> 13 & 0xff) << 32) | (gva & 0x3fffff);
		o->page_shift = 22;
		return true;
	}
	if (!oracle_sound(o, m, access, 0))
		return false;
	oracle_narrow(o, pde, false);
	if (!oracle_load(a, o, (pde & 0xfffff000) + (gva >> 12 & 0x3ff) * 4, 4, true))
		return false;
	if (!oracle_sound(o, m, access, 0))
		return false;
	pte = o->path[1].val;
	oracle_narrow(o, pte, false);
	o->gpa = (pte & 0xfffff000) | (gva & 0xfff);
	o->page_shift = 12;
	return true;
}

/* The page directory and page table of PAE and 4-level paging: @high is reserved in each entry. */
static inline bool oracle_lower(const struct arena *a, struct oracle *o,
				const struct kvm_walk_mode *m, u64 gva, u32 access, u64 table,
				u64 high)
{
	u64 e;

	if (!oracle_load(a, o, table + (gva >> 21 & 511) * 8, 8, true))
		return false;
	e = o->path[o->depth - 1].val;
	if (e & 0x80) {
		if (!oracle_sound(o, m, access, high | bits(20, 13)))
			return false;
		oracle_narrow(o, e, m->nx);
		o->gpa = (e & bits(51, 21)) | (gva & bits(20, 0));
		o->page_shift = 21;
		o->key = e >> 59 & 15;
		return true;
	}
	if (!oracle_sound(o, m, access, high))
		return false;
	oracle_narrow(o, e, m->nx);
	if (!oracle_load(a, o, (e & bits(51, 12)) + (gva >> 12 & 511) * 8, 8, true))
		return false;
	e = o->path[o->depth - 1].val;
	if (!oracle_sound(o, m, access, high))
		return false;
	oracle_narrow(o, e, m->nx);
	o->gpa = (e & bits(51, 12)) | (gva & 0xfff);
	o->page_shift = 12;
	o->key = e >> 59 & 15;
	return true;
}

static inline bool oracle_pae(const struct arena *a, struct oracle *o,
			      const struct kvm_walk_mode *m, u32 gva, u32 access)
{
	u64 high = bits(62, m->maxphyaddr);
	u64 e;

	if (!oracle_load(a, o, (m->root & 0xffffffe0) + (gva >> 30) * 8, 8, false))
		return false;
	e = o->path[0].val;
	/* Not bit 5, see kvm_walk_pdpte_reserved(). */
	if (!oracle_sound(o, m, access, bits(63, m->maxphyaddr) | bits(8, 6) | bits(2, 1)))
		return false;
	return oracle_lower(a, o, m, gva, access, e & bits(51, 12),
			    m->nx ? high : high | 1ULL << 63);
}

static inline bool oracle_long(const struct arena *a, struct oracle *o,
			       const struct kvm_walk_mode *m, u64 gva, u32 access)
{
	u64 high = m->nx ? 0 : 1ULL << 63;
	u64 table = m->root & bits(51, 12);
	u64 e;

	if (m->maxphyaddr < 52)
		high |= bits(51, m->maxphyaddr);
	for (int shift = m->levels == 5 ? 48 : 39; shift >= 39; shift -= 9) {
		if (!oracle_load(a, o, table + (gva >> shift & 511) * 8, 8, true))
			return false;
		if (!oracle_sound(o, m, access, high | 0x80 | (m->amd ? 0x100 : 0)))
			return false;
		e = o->path[o->depth - 1].val;
		oracle_narrow(o, e, m->nx);
		table = e & bits(51, 12);
	}
	if (!oracle_load(a, o, table + (gva >> 30 & 511) * 8, 8, true))
		return false;
	e = o->path[o->depth - 1].val;
	if (e & 0x80) {
		if (!oracle_sound(o, m, access, m->gbpages ? high | bits(29, 13) : high | 0x80))
			return false;
		oracle_narrow(o, e, m->nx);
		o->gpa = (e & bits(51, 30)) | (gva & bits(29, 0));
		o->page_shift = 30;
		o->key = e >> 59 & 15;
		return true;
	}
	if (!oracle_sound(o, m, access, high))
		return false;
	oracle_narrow(o, e, m->nx);
	return oracle_lower(a, o, m, gva, access, e & bits(51, 12), high);
}

/* SDM vol. 3A, 4.6.1, sentence by sentence. */
static inline bool oracle_allowed(const struct oracle *o, const struct kvm_walk_mode *m, u32 access)
{
	bool implicit = access & KVM_WALK_IMPLICIT;
	bool user_mode = (access & KVM_WALK_USER) && !implicit;
	bool write = access & KVM_WALK_WRITE, fetch = access & KVM_WALK_FETCH;

	if (fetch && !o->x)
		return false;
	if (user_mode)
		return o->u && (!write || o->w);
	if (!o->u) {
		if (write && !fetch)
			return !m->wp || o->w;
		return true;
	}
	if (fetch)
		return !m->smep;
	if (m->smap && (implicit || !m->ac))
		return false;
	return !write || !m->wp || o->w;
}

/* SDM vol. 3A, 4.6.2 */
static inline bool oracle_key_allows(const struct oracle *o, const struct kvm_walk_mode *m,
				     u32 access)
{
	bool user_mode = (access & KVM_WALK_USER) && !(access & KVM_WALK_IMPLICIT);
	bool access_disable = m->pkru >> (o->key * 2) & 1;
	bool write_disable = m->pkru >> (o->key * 2 + 1) & 1;

	if (m->levels < 4 || !m->pke || !o->u || (access & KVM_WALK_FETCH))
		return true;
	if (access_disable)
		return false;
	return !write_disable || !(access & KVM_WALK_WRITE) || (!user_mode && !m->wp);
}

/* Translate without touching @a: o->path names the entries on the way. */
static inline void oracle_walk(const struct arena *a, const struct kvm_walk_mode *m, u64 gva,
			       u32 access, struct oracle *o)
{
	bool ok, key_ok;

	memset(o, 0, sizeof(*o));
	o->w = o->u = o->x = true;
	o->status = KVM_WALK_OK;
	if (m->levels > 3) {
		u64 upper = gva >> (m->levels == 5 ? 56 : 47);

		if (upper != 0 && upper != (m->levels == 5 ? bits(7, 0) : bits(16, 0))) {
			o->status = KVM_WALK_NONCANON;
			return;
		}
	}
	switch (m->levels) {
	case 2:
		ok = oracle_32(a, o, m, gva, access);
		break;
	case 3:
		ok = oracle_pae(a, o, m, gva, access);
		break;
	default:
		ok = oracle_long(a, o, m, gva, access);
	}
	if (!ok)
		return;
	key_ok = oracle_key_allows(o, m, access);
	if (!oracle_allowed(o, m, access) || !key_ok)
		oracle_fail(o, m, access, 1 | (key_ok ? 0 : 32));
}

/* What the walk leaves behind in memory. */
static inline void oracle_set_flags(struct arena *a, const struct oracle *o, u32 access)
{
	for (unsigned int i = 0; i < o->depth && o->status == KVM_WALK_OK; i++) {
		u64 val = o->path[i].val;

		if (!o->path[i].has_accessed)
			continue;
		val |= 1 << 5;
		if (i == o->depth - 1 && (access & KVM_WALK_WRITE))
			val |= 1 << 6;
		memcpy(&a->bytes[o->path[i].gpa], &val, o->path[i].bytes);
	}
}

/* ---------------------------------------------------------------- the arena as the walk's memory */

static inline int arena_read(void *ctx, u64 gpa, unsigned int bytes, int level, u64 *val)
{
	struct arena *a = ctx;

	if (gpa > ARENA_BYTES - bytes)
		return -1;
	*val = 0;
	memcpy(val, &a->bytes[gpa], bytes);
	return 0;
}

static inline int arena_cmpxchg(void *ctx, u64 gpa, unsigned int bytes, u64 old, u64 new)
{
	struct arena *a = ctx;

	if (memcmp(&a->bytes[gpa], &old, bytes))
		return 1;
	memcpy(&a->bytes[gpa], &new, bytes);
	return 0;
}

/* NULL, or what differs between the walk and the oracle.  @a is as the walk leaves it. */
static inline const char *walk_differs(struct arena *a, const struct kvm_walk_mode *m, u64 gva,
				       u32 access)
{
	static const struct kvm_walk_ops ops = { arena_read, arena_cmpxchg };
	static struct arena expected;
	enum kvm_walk_status status;
	struct kvm_walk_result res;
	struct oracle o;

	oracle_walk(a, m, gva, access, &o);
	expected = *a;
	oracle_set_flags(&expected, &o, access);
	status = kvm_walk(m, &ops, a, gva, access, &res);
	if (status != o.status)
		return "status";
	if (status == KVM_WALK_FAULT && res.error_code != o.error)
		return "error code";
	if ((status == KVM_WALK_OK || status == KVM_WALK_UNBACKED) && res.gpa != o.gpa)
		return "gpa";
	if (status == KVM_WALK_OK && res.page_shift != o.page_shift)
		return "page size";
	if (status == KVM_WALK_OK && (res.writable != o.w || res.user != o.u))
		return "rights";
	if (memcmp(&expected, a, sizeof(expected)))
		return "accessed and dirty flags";
	return NULL;
}

#endif /* WALK_ORACLE_H */
