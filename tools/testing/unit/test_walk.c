// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk of the guest's page tables: named cases from the manual, and random tables against a second translation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "walk_oracle.h"

#define P 1ULL
#define W 2ULL
#define U 4ULL
#define A 0x20ULL
#define D 0x40ULL
#define PS 0x80ULL
#define G 0x100ULL
#define NX (1ULL << 63)
#define KEY(n) ((u64)(n) << 59)

#define R 0
#define WR KVM_WALK_WRITE
#define US KVM_WALK_USER
#define X KVM_WALK_FETCH
#define IMPL KVM_WALK_IMPLICIT

#define E_P 1
#define E_W 2
#define E_U 4
#define E_RSVD 8
#define E_I 16
#define E_PK 32

static struct arena mem;
static const struct kvm_walk_ops ops = { arena_read, arena_cmpxchg };

/* Tables of the named cases: the root, then one page for each level below. */
#define ROOT 0x1000ULL
#define TABLE(level) (0x1000ULL + (5 - (level)) * 0x1000ULL + 0x1000ULL)
#define PAGE 0x20000ULL

static void put(u64 gpa, unsigned int bytes, u64 val)
{
	memcpy(&mem.bytes[gpa], &val, bytes);
}

static u64 get(u64 gpa, unsigned int bytes)
{
	u64 val = 0;

	memcpy(&val, &mem.bytes[gpa], bytes);
	return val;
}

static u64 slot_of(const struct kvm_walk_mode *m, u64 gva, int level)
{
	u64 table = level == m->levels ? ROOT : TABLE(level);

	if (m->levels == 2)
		return table + (gva >> (level == 2 ? 22 : 12) & 1023) * 4;
	return table + (gva >> (12 + 9 * (level - 1)) & 511) * 8;
}

static unsigned int size_of_entry(const struct kvm_walk_mode *m)
{
	return m->levels == 2 ? 4 : 8;
}

/* Map @gva to PAGE: the tables with @flags, the leaf at @leaf_level as @leaf says. */
static void map(const struct kvm_walk_mode *m, u64 gva, int leaf_level, u64 leaf, u64 flags)
{
	int level;

	memset(&mem, 0, sizeof(mem));
	for (level = m->levels; level > leaf_level; level--) {
		u64 f = m->levels == 3 && level == 3 ? P : flags;

		put(slot_of(m, gva, level), size_of_entry(m), TABLE(level - 1) | f);
	}
	put(slot_of(m, gva, leaf_level), size_of_entry(m), leaf);
}

static struct kvm_walk_mode mode_of(int levels)
{
	return (struct kvm_walk_mode){
		.root = ROOT,
		.levels = levels,
		.maxphyaddr = 48,
		.pse = true,
		.pse36 = true,
		.gbpages = true,
		.nx = levels > 2,
		.wp = true,
	};
}

static struct kvm_walk_result res;

static enum kvm_walk_status walk(const struct kvm_walk_mode *m, u64 gva, u32 access)
{
	memset(&res, 0xaa, sizeof(res));
	return kvm_walk(m, &ops, &mem, gva, access, &res);
}

/* ---------------------------------------------------------------- pages of every size */

static void test_page_sizes(void **state)
{
	static const struct {
		int levels, leaf;
		u64 gva, leaf_entry, gpa;
		u8 shift;
	} rows[] = {
		{ 2, 1, 0x00c01234, PAGE | P, PAGE | 0x234, 12 },
		{ 2, 2, 0x00c01234, 0x12c00000 | PS | P, 0x12c01234, 22 },
		{ 2, 2, 0x00c01234, 0x12c00000 | 0xa5 << 13 | PS | P, 0xa512c01234, 22 },
		{ 3, 1, 0xc0201234, PAGE | P, PAGE | 0x234, 12 },
		{ 3, 2, 0xc0201234, 0x812000000 | PS | P, 0x812001234, 21 },
		{ 4, 1, 0x7f8040201234, PAGE | P, PAGE | 0x234, 12 },
		{ 4, 2, 0xffff804040201234, 0x812000000 | PS | P, 0x812001234, 21 },
		{ 4, 3, 0xffff804040201234, 0x840000000 | PS | P, 0x840201234, 30 },
		{ 5, 1, 0xff80804040201234, PAGE | P, PAGE | 0x234, 12 },
		{ 5, 3, 0xff80804040201234, 0x840000000 | PS | P, 0x840201234, 30 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kvm_walk_mode m = mode_of(rows[i].levels);

		map(&m, rows[i].gva, rows[i].leaf, rows[i].leaf_entry | W | U, P | W | U);
		assert_int_equal(walk(&m, rows[i].gva, R), KVM_WALK_OK);
		assert_int_equal(res.gpa, rows[i].gpa);
		assert_int_equal(res.page_shift, rows[i].shift);
		assert_true(res.writable && res.user);
	}
}

static void test_legacy_mode_uses_32_bits_of_the_address(void **state)
{
	struct kvm_walk_mode m = mode_of(2);

	map(&m, 0xfffff123, 1, PAGE | P, P);
	assert_int_equal(walk(&m, 0x1fffff123, R), KVM_WALK_OK);
	assert_int_equal(res.gpa, PAGE | 0x123);
}

static void test_ps_without_cr4_pse_is_ignored(void **state)
{
	struct kvm_walk_mode m = mode_of(2);

	m.pse = false;
	map(&m, 0x00c01234, 1, PAGE | P, P | PS);
	assert_int_equal(walk(&m, 0x00c01234, R), KVM_WALK_OK);
	assert_int_equal(res.page_shift, 12);
}

/* ---------------------------------------------------------------- accessed and dirty flags */

static void test_accessed_on_the_way_dirty_on_a_written_leaf(void **state)
{
	for (int levels = 2; levels <= 5; levels++) {
		struct kvm_walk_mode m = mode_of(levels);
		u64 gva = 0x1234;

		map(&m, gva, 1, PAGE | P | W | U, P | W | U);
		assert_int_equal(walk(&m, gva, R), KVM_WALK_OK);
		for (int level = levels; level >= 1; level--) {
			u64 e = get(slot_of(&m, gva, level), size_of_entry(&m));
			bool has_flags = !(levels == 3 && level == 3);

			assert_int_equal(!!(e & A), has_flags);
			assert_false(e & D);
		}
		assert_int_equal(walk(&m, gva, WR), KVM_WALK_OK);
		for (int level = levels; level >= 1; level--) {
			u64 e = get(slot_of(&m, gva, level), size_of_entry(&m));

			assert_int_equal(!!(e & D), level == 1);
		}
	}
}

static void test_forbidden_access_leaves_no_flags(void **state)
{
	struct kvm_walk_mode m = mode_of(4);
	static struct arena before;

	map(&m, 0x1234, 1, PAGE | P, P | W | U);
	before = mem;
	assert_int_equal(walk(&m, 0x1234, WR | US), KVM_WALK_FAULT);
	assert_memory_equal(&before, &mem, sizeof(mem));
}

static void test_without_cmpxchg_nothing_is_written(void **state)
{
	static const struct kvm_walk_ops read_only = { arena_read, NULL };
	struct kvm_walk_mode m = mode_of(4);
	static struct arena before;

	map(&m, 0x1234, 1, PAGE | P | W, P | W);
	before = mem;
	assert_int_equal(kvm_walk(&m, &read_only, &mem, 0x1234, WR, &res), KVM_WALK_OK);
	assert_memory_equal(&before, &mem, sizeof(mem));
}

static int cmpxchg_rom(void *ctx, u64 gpa, unsigned int bytes, u64 old, u64 new)
{
	return -14;
}

static void test_tables_in_rom_translate(void **state)
{
	static const struct kvm_walk_ops rom = { arena_read, cmpxchg_rom };
	struct kvm_walk_mode m = mode_of(4);

	map(&m, 0x1234, 1, PAGE | P | W, P | W);
	assert_int_equal(kvm_walk(&m, &rom, &mem, 0x1234, WR, &res), KVM_WALK_OK);
	assert_int_equal(res.gpa, PAGE | 0x234);
}

/* The guest changes the leaf at the moment its flag is set: the walk must see the new one. */
static int changes;

static int cmpxchg_raced(void *ctx, u64 gpa, unsigned int bytes, u64 old, u64 new)
{
	if (changes && gpa == TABLE(1) + 8) {
		changes--;
		put(gpa, 8, (PAGE + 0x1000 * (u64)changes) | P | W);
		return 1;
	}
	return arena_cmpxchg(ctx, gpa, bytes, old, new);
}

static void test_entry_changed_meanwhile_is_walked_again(void **state)
{
	static const struct kvm_walk_ops raced = { arena_read, cmpxchg_raced };
	struct kvm_walk_mode m = mode_of(4);

	map(&m, 0x1234, 1, (PAGE + 0x9000) | P | W, P | W);
	changes = 3;
	assert_int_equal(kvm_walk(&m, &raced, &mem, 0x1234, WR, &res), KVM_WALK_OK);
	assert_int_equal(res.gpa, PAGE | 0x234);
	assert_int_equal(get(TABLE(1) + 8, 8), PAGE | P | W | A | D);
}

static int cmpxchg_never(void *ctx, u64 gpa, unsigned int bytes, u64 old, u64 new)
{
	return 1;
}

static void test_walk_ends_when_the_guest_never_stops_writing(void **state)
{
	static const struct kvm_walk_ops never = { arena_read, cmpxchg_never };
	struct kvm_walk_mode m = mode_of(4);

	map(&m, 0x1234, 1, PAGE | P | W, P | W);
	assert_int_equal(kvm_walk(&m, &never, &mem, 0x1234, WR, &res), KVM_WALK_OK);
}

/* ---------------------------------------------------------------- rights */

/* Page rights, mode, access -> error code of #PF, or 0: allowed */
struct right {
	u64 leaf, tables;
	const char *mode; /* letters: w WP, e SMEP, a SMAP, c AC, k PKE, n no NX */
	u32 pkru;
	u32 access;
	u32 error;
};

static const struct right rights[] = {
	/* user mode */
	{ P | W | U, P | W | U, "w", 0, US, 0 },
	{ P | W | U, P | W | U, "w", 0, US | WR, 0 },
	{ P | W | U, P | W | U, "w", 0, US | X, 0 },
	{ P | U, P | W | U, "w", 0, US | WR, E_P | E_W | E_U },
	{ P | U, P | W | U, "", 0, US | WR, E_P | E_W | E_U },
	{ P | W | U, P | U, "w", 0, US | WR, E_P | E_W | E_U },
	{ P | W, P | W | U, "w", 0, US, E_P | E_U },
	{ P | W | U, P | W, "w", 0, US, E_P | E_U },
	{ P | W | U | NX, P | W | U, "w", 0, US | X, E_P | E_U | E_I },
	{ P | W | U, P | W | U | NX, "w", 0, US | X, E_P | E_U | E_I },
	{ P | W | U | NX, P | W | U, "w", 0, US, 0 },
	/* supervisor mode: WP */
	{ P, P, "w", 0, WR, E_P | E_W },
	{ P, P, "", 0, WR, 0 },
	{ P | U, P | U, "w", 0, WR, E_P | E_W },
	{ P | U, P | U, "", 0, WR, 0 },
	{ P | NX, P, "w", 0, X, E_P | E_I },
	/* SMEP */
	{ P | U, P | U, "w", 0, X, 0 },
	{ P | U, P | U, "we", 0, X, E_P | E_I },
	{ P | U, P, "we", 0, X, 0 },
	{ P | U, P | U, "we", 0, R, 0 },
	/* SMAP: user pages are out of bounds for the supervisor's data accesses, but for explicit ones with AC */
	{ P | W | U, P | W | U, "wa", 0, R, E_P },
	{ P | W | U, P | W | U, "wa", 0, WR, E_P | E_W },
	{ P | W | U, P | W | U, "wac", 0, R, 0 },
	{ P | W | U, P | W | U, "wac", 0, WR, 0 },
	{ P | U, P | W | U, "wac", 0, WR, E_P | E_W },
	{ P | W | U, P | W | U, "wac", 0, IMPL, E_P },
	{ P | W | U, P | W | U, "wac", 0, IMPL | US, E_P },
	{ P | W | U, P | W | U, "wa", 0, X, 0 },
	{ P | W | U, P | W | U, "wa", 0, US, 0 },
	{ P | W, P | W | U, "wa", 0, R, 0 },
	{ P | W, P | W, "w", 0, IMPL | US, 0 },
	/* protection keys */
	{ P | W | U | KEY(3), P | W | U, "wk", 1 << 6, US, E_P | E_U | E_PK },
	{ P | W | U | KEY(3), P | W | U, "wk", 1 << 6, R, E_P | E_PK },
	{ P | W | U | KEY(3), P | W | U, "w", 1 << 6, US, 0 },
	{ P | W | U | KEY(3), P | W | U, "wk", 1 << 6, US | X, 0 },
	{ P | W | U | KEY(3), P | W | U, "wk", 2 << 6, US, 0 },
	{ P | W | U | KEY(3), P | W | U, "wk", 2 << 6, US | WR, E_P | E_W | E_U | E_PK },
	{ P | W | U | KEY(3), P | W | U, "wk", 2 << 6, WR, E_P | E_W | E_PK },
	{ P | W | U | KEY(3), P | W | U, "k", 2 << 6, WR, 0 },
	{ P | W | U | KEY(3), P | W | U, "k", 2 << 6, US | WR, E_P | E_W | E_U | E_PK },
	{ P | W | KEY(3), P | W | U, "wk", 3 << 6, WR, 0 },
	{ P | U | KEY(15), P | W | U, "wk", 3U << 30, US | WR, E_P | E_W | E_U | E_PK },
	{ P | W | U | KEY(4), P | W | U, "wk", 3 << 6, US | WR, 0 },
	/* not present, reserved: no fetch bit unless NX or SMEP is on */
	{ 0, P | W | U, "w", 0, US | WR, E_W | E_U },
	{ 0, P | W | U, "wn", 0, X, 0 | E_W * 0 },
	{ 0, P | W | U, "wne", 0, X, E_I },
	{ 0, P | W | U, "w", 0, X, E_I },
	{ P | NX, P | W | U, "wn", 0, R, E_P | E_RSVD },
	{ P | 1ULL << 48, P | W | U, "w", 0, US, E_P | E_RSVD | E_U },
	{ P | 1ULL << 52, P | W | U, "w", 0, R, 0 },
};

static void test_rights(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rights); i++) {
		const struct right *r = &rights[i];
		struct kvm_walk_mode m = mode_of(4);
		bool faults = r->error || !(r->leaf & P);

		m.wp = strchr(r->mode, 'w');
		m.smep = strchr(r->mode, 'e');
		m.smap = strchr(r->mode, 'a');
		m.ac = strchr(r->mode, 'c');
		m.pke = strchr(r->mode, 'k');
		m.nx = !strchr(r->mode, 'n');
		m.pkru = r->pkru;
		map(&m, 0x1234, 1, r->leaf | PAGE, r->tables);
		if (walk(&m, 0x1234, r->access) != (faults ? KVM_WALK_FAULT : KVM_WALK_OK) ||
		    (faults && res.error_code != r->error))
			fail_msg("row %u: error code %#x, expected %#x", i, res.error_code,
				 r->error);
	}
}

static void test_32_bit_mode_has_no_nx_and_no_keys(void **state)
{
	struct kvm_walk_mode m = mode_of(2);

	m.nx = true;
	m.pke = true;
	m.pkru = ~0u;
	map(&m, 0x1234, 1, PAGE | P | W | U, P | W | U);
	assert_int_equal(walk(&m, 0x1234, US | X), KVM_WALK_OK);
	assert_int_equal(walk(&m, 0x1234, US | WR), KVM_WALK_OK);
	/* Nor does a fetch show in the error code, unless SMEP is on. */
	assert_int_equal(walk(&m, 0x400000, X), KVM_WALK_FAULT);
	assert_int_equal(res.error_code, 0);
	m.smep = true;
	assert_int_equal(walk(&m, 0x400000, X), KVM_WALK_FAULT);
	assert_int_equal(res.error_code, E_I);
}

/* ---------------------------------------------------------------- reserved bits */

static void test_reserved_bits(void **state)
{
	static const struct {
		int levels, level;
		u64 entry;
		const char *
			mode; /* a AMD, g no 1 GiB pages, 6 no PSE-36, n no NX, p 36 address bits */
		bool reserved;
	} rows[] = {
		{ 2, 2, P | PS | 1 << 21, "", true },
		{ 2, 2, P | PS | 1 << 20, "", false },
		{ 2, 2, P | PS | 1 << 13, "6", true },
		{ 2, 2, P | PS | 1 << 17, "p", true },
		{ 2, 2, P | PS | 1 << 16, "p", false },
		{ 3, 3, P | W, "", true },
		{ 3, 3, P | U, "", true },
		{ 3, 3, P | A, "", false }, /* see kvm_walk_pdpte_reserved() */
		{ 3, 3, P | D, "", true },
		{ 3, 3, P | G, "", true },
		{ 3, 3, P | NX, "", true },
		{ 3, 3, P | 0x18, "", false },
		{ 3, 2, P | PS | 1 << 13, "", true },
		{ 3, 2, P | PS | 1 << 12, "", false },
		{ 3, 1, P | 1ULL << 52, "", true },
		{ 3, 1, P | 1ULL << 62, "", true },
		{ 3, 1, P | NX, "", false },
		{ 3, 1, P | NX, "n", true },
		{ 4, 4, P | PS, "", true },
		{ 4, 4, P | G, "", false },
		{ 4, 4, P | G, "a", true },
		{ 5, 5, P | G, "a", true },
		{ 5, 5, P | PS, "", true },
		{ 4, 3, P | PS | 1 << 29, "", true },
		{ 4, 3, P | PS, "", false },
		{ 4, 3, P | PS, "g", true },
		{ 4, 2, P | PS | 1 << 20, "", true },
		{ 4, 2, P | 1ULL << 36, "p", true },
		{ 4, 2, P | 1ULL << 62, "", false },
		{ 4, 1, P | NX, "n", true },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kvm_walk_mode m = mode_of(rows[i].levels);
		bool table = rows[i].level > 1 && !(rows[i].entry & PS);
		bool rsvd;

		m.amd = strchr(rows[i].mode, 'a');
		m.gbpages = !strchr(rows[i].mode, 'g');
		m.pse36 = !strchr(rows[i].mode, '6');
		m.nx = !strchr(rows[i].mode, 'n');
		if (strchr(rows[i].mode, 'p'))
			m.maxphyaddr = 36;
		map(&m, 0x1234, 1, PAGE | P, P);
		put(slot_of(&m, 0x1234, rows[i].level), size_of_entry(&m),
		    rows[i].entry | (table ? TABLE(rows[i].level - 1) : 0));
		rsvd = walk(&m, 0x1234, R) == KVM_WALK_FAULT && res.error_code == (E_P | E_RSVD);
		if (rsvd != rows[i].reserved)
			fail_msg("row %u", i);
	}
}

/* ---------------------------------------------------------------- addresses */

static void test_canonical(void **state)
{
	struct kvm_walk_mode m = mode_of(4);

	map(&m, 0xffff800000000000, 1, PAGE | P, P);
	assert_int_equal(walk(&m, 0xffff800000000000, R), KVM_WALK_OK);
	assert_int_equal(walk(&m, 0x0000800000000000, R), KVM_WALK_NONCANON);
	assert_int_equal(walk(&m, 0xffff7fffffffffff, R), KVM_WALK_NONCANON);
	m = mode_of(5);
	map(&m, 0x0000800000000000, 1, PAGE | P, P);
	assert_int_equal(walk(&m, 0x0000800000000000, R), KVM_WALK_OK);
	assert_int_equal(walk(&m, 0x0100000000000000, R), KVM_WALK_NONCANON);
	assert_int_equal(walk(&m, 0xfeffffffffffffff, R), KVM_WALK_NONCANON);
}

static void test_table_without_memory(void **state)
{
	struct kvm_walk_mode m = mode_of(4);

	map(&m, 0x1234, 1, PAGE | P, P);
	put(slot_of(&m, 0x1234, 2), 8, 0x123456000 | P);
	assert_int_equal(walk(&m, 0x1234, WR | US), KVM_WALK_UNBACKED);
	assert_int_equal(res.gpa, 0x123456008);
	assert_int_equal(res.error_code, E_W | E_U);
}

static void test_root_is_cut_as_the_mode_has_it(void **state)
{
	struct kvm_walk_mode m = mode_of(3);

	/* PAE: 32-byte aligned; PCID and the like elsewhere. */
	memset(&mem, 0, sizeof(mem));
	put(0x1020, 8, TABLE(2) | P);
	put(TABLE(2), 8, TABLE(1) | P);
	put(TABLE(1) + 8, 8, PAGE | P);
	m.root = 0x103f;
	assert_int_equal(walk(&m, 0x1234, R), KVM_WALK_OK);
	m = mode_of(4);
	map(&m, 0x1234, 1, PAGE | P, P);
	m.root |= 0x8000000000000abc;
	assert_int_equal(walk(&m, 0x1234, R), KVM_WALK_OK);
	m = mode_of(2);
	map(&m, 0x1234, 1, PAGE | P, P);
	m.root |= 0xf00000abc;
	assert_int_equal(walk(&m, 0x1234, R), KVM_WALK_OK);
}

/* ---------------------------------------------------------------- random tables */

static u64 seed = 88172645463325252ULL;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static bool one_in(unsigned int n)
{
	return rnd() % n == 0;
}

static struct kvm_walk_mode random_mode(void)
{
	return (struct kvm_walk_mode){
		.root = (rnd() % ARENA_PAGES) << 12 | (rnd() & 0xfff),
		.levels = 2 + rnd() % 4,
		.maxphyaddr = one_in(2) ? 52 : 32 + rnd() % 21,
		.pkru = rnd(),
		.pse = !one_in(4),
		.pse36 = !one_in(4),
		.gbpages = !one_in(4),
		.wp = !one_in(3),
		.nx = !one_in(3),
		.smep = one_in(2),
		.smap = one_in(3),
		.ac = one_in(2),
		.pke = one_in(2),
		.amd = one_in(2),
	};
}

static u64 random_entry(bool is_32)
{
	u64 e = (rnd() % ARENA_PAGES) << 12 | P | (rnd() & 0xe60) | (one_in(8) ? 0 : W) |
		(one_in(8) ? 0 : U);

	if (one_in(4))
		e |= PS | (rnd() & bits(35, 30)) | (one_in(2) ? rnd() & bits(29, 21) : 0);
	if (e & PS && !one_in(4))
		e &= ~bits(20, 13);
	if (one_in(8))
		e |= NX;
	if (one_in(4))
		e |= rnd() & bits(62, 59);
	if (one_in(8))
		e ^= 1ULL << rnd() % 64;
	if (one_in(64))
		e = rnd();
	return is_32 ? (u32)e : e;
}

static void test_random_tables_against_the_oracle(void **state)
{
	static const u32 accesses[] = { R, WR, X, US, US | WR, US | X, IMPL, IMPL | WR, IMPL | US };
	unsigned int reached[4] = {}, i, j;
	const char *what;

	for (i = 0; i < 200000; i++) {
		struct kvm_walk_mode m = random_mode();
		u64 gva = rnd();
		u32 access = accesses[rnd() % ARRAY_SIZE(accesses)];
		struct oracle o;

		if (!one_in(16))
			gva = (u64)((s64)(gva << 16) >> 16);
		/* Put an entry where the walk looks next, as often as it looks. */
		for (j = 0; j < m.levels; j++) {
			oracle_walk(&mem, &m, gva, access, &o);
			if (o.status == KVM_WALK_NONCANON || o.depth <= j)
				break;
			if (m.levels == 3 && j == 0)
				put(o.path[j].gpa, 8,
				    (rnd() % ARENA_PAGES) << 12 | P | (one_in(16) ? rnd() : 0));
			else
				put(o.path[j].gpa, o.path[j].bytes, random_entry(m.levels == 2));
		}
		oracle_walk(&mem, &m, gva, access, &o);
		reached[o.status]++;
		what = walk_differs(&mem, &m, gva, access);
		if (what)
			fail_msg("case %u: %s differs (%d levels, gva %#llx, access %#x)", i, what,
				 m.levels, (unsigned long long)gva, access);
	}
	/* The cases must be worth something. */
	for (j = 0; j < ARRAY_SIZE(reached); j++)
		assert_true(reached[j] > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page_sizes),
		cmocka_unit_test(test_legacy_mode_uses_32_bits_of_the_address),
		cmocka_unit_test(test_ps_without_cr4_pse_is_ignored),
		cmocka_unit_test(test_accessed_on_the_way_dirty_on_a_written_leaf),
		cmocka_unit_test(test_forbidden_access_leaves_no_flags),
		cmocka_unit_test(test_without_cmpxchg_nothing_is_written),
		cmocka_unit_test(test_tables_in_rom_translate),
		cmocka_unit_test(test_entry_changed_meanwhile_is_walked_again),
		cmocka_unit_test(test_walk_ends_when_the_guest_never_stops_writing),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_32_bit_mode_has_no_nx_and_no_keys),
		cmocka_unit_test(test_reserved_bits),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_table_without_memory),
		cmocka_unit_test(test_root_is_cut_as_the_mode_has_it),
		cmocka_unit_test(test_random_tables_against_the_oracle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
