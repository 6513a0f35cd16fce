// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries of two-dimensional tables, read as the manuals say that a processor reads them (SDM vol. 3C, 29.3.2, 29.3.3.1,
 * 29.3.7; APM vol. 2, 15.25 with 5.4 and 7.8).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "mmu/format.h"

/* As Linux sets it: WB WC UC- UC WB WP UC- WT */
#define LINUX_PAT 0x0407050600070106ull
#define CAP_FULL \
	(EPT_CAP_WALK_4 | EPT_CAP_WALK_5 | EPT_CAP_WB | EPT_CAP_2M | EPT_CAP_1G | EPT_CAP_AD)
#define CAP_OLD (EPT_CAP_WALK_4 | EPT_CAP_WB)

enum kind { ABSENT, MISCONFIG, TABLE, LEAF };

struct seen {
	enum kind kind;
	bool r, w, x, a, d, ipat;
	unsigned int type;
	uint64_t addr;
};

/* ---------------------------------------------------------------- a processor's view */

static bool reserved_type(unsigned int type)
{
	return type == 2 || type == 3 || type == 7;
}

static struct seen see_ept(uint64_t e, int level, uint64_t cap)
{
	struct seen s = { .r = e & 1, .w = e & 2, .x = e & 4, .addr = e & 0x000ffffffffff000ull };
	bool leaf = level == 1 || ((e & 0x80) && level <= 3);

	if (!(e & 7)) {
		s.kind = ABSENT;
		return s;
	}
	s.kind = MISCONFIG;
	/* Execute-only needs a capability that is never taken for granted here. */
	if (!s.r)
		return s;
	if (!leaf) {
		/* Bits 6:3 (and 7 where there are no leaves of this size) are reserved. */
		if (e & 0xf8)
			return s;
		s.a = e & 0x100;
		s.kind = TABLE;
		return s;
	}
	if (level == 2 && !(cap & EPT_CAP_2M))
		return s;
	if (level == 3 && !(cap & EPT_CAP_1G))
		return s;
	if (level > 1 && (s.addr & ((1ull << (12 + 9 * (level - 1))) - 1)))
		return s;
	s.type = e >> 3 & 7;
	if (reserved_type(s.type))
		return s;
	s.ipat = e & 0x40;
	s.a = cap & EPT_CAP_AD && e & 0x100;
	s.d = cap & EPT_CAP_AD && e & 0x200;
	s.kind = LEAF;
	return s;
}

static struct seen see_npt(uint64_t e, int level, uint64_t pat)
{
	bool leaf = level == 1 || (e & 0x80);
	unsigned int index = (e >> 3 & 3) | (e >> (level == 1 ? 7 : 12) & 1) << 2;
	struct seen s = {
		.r = e & 1,
		.w = e & 2,
		.x = !(e >> 63),
		.a = e & 0x20,
		.d = e & 0x40,
		.type = pat >> (8 * index) & 7,
		.addr = e & 0x000ffffffffff000ull,
	};

	if (!(e & 1))
		s.kind = ABSENT;
	else if (!(e & 4)) /* every access of a guest is a user's */
		s.kind = MISCONFIG;
	else
		s.kind = leaf ? LEAF : TABLE;
	if (s.kind == LEAF && level > 1)
		s.addr &= ~0x1000ull;
	return s;
}

/* What a host that maps as @type means by it; UC- is UC where there are no MTRRs to soften it. */
static unsigned int meant(unsigned int index)
{
	unsigned int type = LINUX_PAT >> (8 * index) & 7;

	return type == 7 ? 0 : type;
}

/* ---------------------------------------------------------------- EPT */

static struct tdp_format ept(uint64_t cap, bool pml)
{
	struct tdp_format f;

	tdp_format_ept(&f, cap, LINUX_PAT, pml);
	return f;
}

static void ept_leaves_are_what_was_asked_for(void **state)
{
	static const uint64_t caps[] = { CAP_FULL, CAP_OLD | EPT_CAP_2M };

	for (unsigned int n = 0; n < 2 * 3 * 8 * 16; n++) {
		uint64_t cap = caps[n & 1];
		int level = 1 + (n >> 1) % 3;
		unsigned int type = n / 6 % 8, rights = n / 48;
		struct tdp_format f = ept(cap, false);
		struct seen s;
		uint64_t e;

		if (level > tdp_ept_huge_level(cap))
			continue;
		e = tdp_make_leaf(&f, 0x240000000, level, type, rights);
		s = see_ept(e, level, cap);
		assert_int_equal(s.kind, LEAF);
		assert_true(tdp_is_leaf(e, level) && !tdp_is_table(e, level));
		assert_int_equal(s.addr, 0x240000000);
		assert_true(s.r);
		assert_int_equal(s.w, !!(rights & TDP_R_WRITE));
		assert_int_equal(s.x, !(rights & TDP_R_NOEXEC));
		assert_int_equal(s.type, meant(type));
		/* Only of normal memory the guest's own opinion does not count, and not where it is told to. */
		assert_int_equal(s.ipat, meant(type) == 6 && !(rights & TDP_R_GUEST_TYPE));
		assert_int_equal(s.a, !!(cap & EPT_CAP_AD));
		assert_int_equal(s.d, s.w && cap & EPT_CAP_AD);
		assert_int_equal(!!(e & TDP_HOST_W), !!(rights & (TDP_R_WRITE | TDP_R_LOG)));
	}
}

static void ept_tables_have_all_rights_and_no_type(void **state)
{
	static const uint64_t caps[] = { CAP_FULL, CAP_OLD };

	for (int i = 0; i < 2; i++)
		for (int level = 2; level <= 5; level++) {
			struct tdp_format f = ept(caps[i], false);
			struct seen s = see_ept(f.table | 0x7654321000, level, caps[i]);

			assert_int_equal(s.kind, TABLE);
			assert_true(s.r && s.w && s.x);
			assert_int_equal(s.addr, 0x7654321000);
			assert_true(tdp_is_table(f.table | 0x7654321000, level));
			/* The mark of nx.c is nothing to the processor. */
			assert_int_equal(see_ept(f.table | TDP_NX_SPLIT, level, caps[i]).kind,
					 TABLE);
		}
}

static void ept_mmio_entry_is_misconfigured_everywhere(void **state)
{
	struct tdp_format f = ept(CAP_FULL, true);

	for (int level = 1; level <= 5; level++) {
		assert_int_equal(see_ept(f.mmio, level, CAP_FULL).kind, MISCONFIG);
		assert_false(tdp_is_leaf(f.mmio, level));
		assert_false(tdp_is_table(f.mmio, level));
	}
}

static void entries_in_transit_are_absent(void **state)
{
	static const uint64_t values[] = { 0, TDP_FROZEN, TDP_REMOVED };

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		for (int level = 1; level <= 5; level++) {
			assert_int_equal(see_ept(values[i], level, CAP_FULL).kind, ABSENT);
			assert_int_equal(see_npt(values[i], level, LINUX_PAT).kind, ABSENT);
			assert_false(tdp_is_leaf(values[i], level));
			assert_false(tdp_is_table(values[i], level));
		}
}

/* A page of a logged slot: with the log the guest may write, and the processor must set the mark, which it logs. */
static void first_write_to_a_logged_page_is_seen(void **state)
{
	struct tdp_format pml = ept(CAP_FULL, true), ad = ept(CAP_FULL, false),
			  old = ept(CAP_OLD, true);
	struct seen s;

	s = see_ept(tdp_make_leaf(&pml, 0x1000, 1, 0, TDP_R_LOG), 1, CAP_FULL);
	assert_true(s.w && !s.d);
	s = see_ept(tdp_make_leaf(&ad, 0x1000, 1, 0, TDP_R_LOG), 1, CAP_FULL);
	assert_false(s.w);
	s = see_ept(tdp_make_leaf(&old, 0x1000, 1, 0, TDP_R_LOG), 1, CAP_OLD);
	assert_false(s.w);
	assert_true(old.log == 0 && ad.log == 0 && pml.log);
}

static void tracked_leaf_is_absent_and_comes_back_the_same(void **state)
{
	struct tdp_format f = ept(CAP_OLD | EPT_CAP_2M, false);

	for (int level = 1; level <= 2; level++)
		for (unsigned int rights = 0; rights < 8; rights++) {
			uint64_t e = tdp_make_leaf(&f, 0x40000000, level, 0, rights);
			uint64_t t = tdp_track(&f, e);

			assert_int_equal(see_ept(t, level, CAP_OLD).kind, ABSENT);
			assert_true(tdp_is_leaf(t, level));
			assert_false(tdp_is_table(t, level));
			assert_true(tdp_untrack(&f, t) == e);
			assert_true(tdp_untrack(&f, e) == e);
			/* Write-protected meanwhile. */
			e &= ~TDP_W;
			assert_true(tdp_untrack(&f, t & ~TDP_TRACK_W) == e);
		}
}

static void levels_follow_the_capability(void **state)
{
	assert_int_equal(tdp_ept_root_level(CAP_FULL, 46), 4);
	assert_int_equal(tdp_ept_root_level(CAP_FULL, 52), 5);
	assert_int_equal(tdp_ept_root_level(CAP_OLD, 52), 4);
	assert_int_equal(tdp_ept_root_level(EPT_CAP_WB | EPT_CAP_WALK_5, 46), 5);
	assert_int_equal(tdp_ept_root_level(EPT_CAP_WB, 46), 0);
	assert_int_equal(tdp_ept_root_level(EPT_CAP_WALK_4, 46), 0);
	assert_int_equal(tdp_ept_huge_level(CAP_FULL), 3);
	assert_int_equal(tdp_ept_huge_level(CAP_OLD | EPT_CAP_2M), 2);
	assert_int_equal(tdp_ept_huge_level(CAP_OLD), 1);
}

/* ---------------------------------------------------------------- NPT */

static void npt_leaves_are_what_was_asked_for(void **state)
{
	struct tdp_format f;

	tdp_format_npt(&f);
	for (unsigned int n = 0; n < 3 * 8 * 8; n++) {
		int level = 1 + n % 3;
		unsigned int type = n / 3 % 8, rights = n / 24;
		uint64_t e = tdp_make_leaf(&f, 0x240000000, level, type, rights);
		struct seen s = see_npt(e, level, LINUX_PAT);

		assert_int_equal(s.kind, LEAF);
		assert_true(tdp_is_leaf(e, level));
		assert_int_equal(s.addr, 0x240000000);
		assert_int_equal(s.w, !!(rights & TDP_R_WRITE));
		assert_int_equal(s.x, !(rights & TDP_R_NOEXEC));
		assert_int_equal(s.type, LINUX_PAT >> (8 * type) & 7);
		assert_true(s.a);
		assert_int_equal(s.d, s.w);
	}
	for (int level = 2; level <= 5; level++)
		assert_int_equal(see_npt(f.table | 0x1000, level, LINUX_PAT).kind, TABLE);
	assert_true(!f.mmio && !f.log);
}

/* ---------------------------------------------------------------- both */

/* A split changes nothing that a processor sees but the size, and that small pages can be executed. */
static void children_are_the_page(void **state)
{
	for (unsigned int n = 0; n < 2 * 2 * 8 * 8; n++) {
		bool intel = n & 1;
		int level = 2 + (n >> 1 & 1);
		unsigned int type = n >> 2 & 7, rights = n >> 5;
		struct tdp_format f;
		struct seen s, c;
		uint64_t e;

		if (intel)
			tdp_format_ept(&f, CAP_FULL, LINUX_PAT, false);
		else
			tdp_format_npt(&f);
		e = tdp_make_leaf(&f, 0x40000000, level, type, rights);
		s = intel ? see_ept(e, level, CAP_FULL) : see_npt(e, level, LINUX_PAT);
		for (unsigned int i = 0; i < 512; i += 73) {
			uint64_t child = tdp_child_leaf(&f, e, level, i);

			c = intel ? see_ept(child, level - 1, CAP_FULL) :
				    see_npt(child, level - 1, LINUX_PAT);
			assert_int_equal(c.kind, LEAF);
			assert_int_equal(c.addr, s.addr + ((uint64_t)i << (12 + 9 * (level - 2))));
			assert_int_equal(c.type, s.type);
			assert_int_equal(c.ipat, s.ipat);
			assert_true(c.w == s.w && c.a == s.a && c.d == s.d);
			assert_true(c.x == (s.x || level == TDP_LEVEL_2M));
			assert_int_equal(child & TDP_HOST_W, e & TDP_HOST_W);
			assert_true(tdp_untrack(&f, tdp_child_leaf(&f, tdp_track(&f, e), level,
								   i)) == child);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ept_leaves_are_what_was_asked_for),
		cmocka_unit_test(ept_tables_have_all_rights_and_no_type),
		cmocka_unit_test(ept_mmio_entry_is_misconfigured_everywhere),
		cmocka_unit_test(entries_in_transit_are_absent),
		cmocka_unit_test(first_write_to_a_logged_page_is_seen),
		cmocka_unit_test(tracked_leaf_is_absent_and_comes_back_the_same),
		cmocka_unit_test(levels_follow_the_capability),
		cmocka_unit_test(npt_leaves_are_what_was_asked_for),
		cmocka_unit_test(children_are_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
