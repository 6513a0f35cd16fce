// SPDX-License-Identifier: GPL-2.0-only
/*
 * The search of an I/O bus against a plain scan of all its ranges: random buses with overlaps, nesting, equal addresses,
 * zero lengths and the ends of the address space.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../../arch/x86/kvm/pure.h"
#include "../../../virt/kvm/io_bus_index.h"

#define MAX_RANGES 40

struct bus {
	struct kvm_io_range r[MAX_RANGES];
	unsigned int nr;
};

/* Sorted insertion below equal addresses, as the bus does it. */
static void add(struct bus *b, u64 addr, u32 len)
{
	unsigned int at = 0, i;

	while (at < b->nr && b->r[at].addr < addr)
		at++;
	for (i = b->nr++; i > at; i--)
		b->r[i] = b->r[i - 1];
	b->r[at] = (struct kvm_io_range){ .addr = addr, .len = len };
	kvm_io_range_set_reach(b->r, b->nr);
}

/* What "the access lies in the range" means, said without tricks. */
static bool takes(const struct kvm_io_range *r, u64 addr, u32 len)
{
	unsigned __int128 begin = addr, end = begin + len;
	unsigned __int128 r_begin = r->addr, r_end = r_begin + r->len;

	if (!r->len)
		return addr == r->addr;
	return begin >= r_begin && end <= r_end && begin < r_end;
}

/* The search must visit exactly the ranges that take the access, the last one first. */
static void check(const struct bus *b, u64 addr, u32 len)
{
	int i = kvm_io_range_next(b->r, kvm_io_range_upper(b->r, b->nr, addr), addr, len);
	int want;

	for (want = (int)b->nr - 1; want >= 0; want--) {
		if (!takes(&b->r[want], addr, len))
			continue;
		assert_int_equal(i, want);
		i = kvm_io_range_next(b->r, i, addr, len);
	}
	assert_int_equal(i, -1);
}

static void test_empty(void **state)
{
	struct bus b = {};

	check(&b, 0, 1);
	check(&b, ~0ULL, 8);
}

/* An access may not stick out of a range on either side. */
static void test_edges(void **state)
{
	struct bus b = {};

	add(&b, 0x100, 8);
	assert_int_equal(kvm_io_range_next(b.r, 1, 0x100, 8), 0);
	assert_int_equal(kvm_io_range_next(b.r, 1, 0x104, 4), 0);
	assert_int_equal(kvm_io_range_next(b.r, 1, 0x105, 4), -1);
	assert_int_equal(kvm_io_range_next(b.r, 1, 0x108, 1), -1);
	assert_int_equal(kvm_io_range_upper(b.r, 1, 0xff), 0);
	assert_int_equal(kvm_io_range_upper(b.r, 1, 0x100), 1);
}

/* A doorbell in a big zone, and one behind it: both are found, the doorbell first. */
static void test_nested(void **state)
{
	struct bus b = {};
	int i;

	add(&b, 0xa0000, 0x20000);
	add(&b, 0xa1000, 4);
	add(&b, 0xa2000, 0);
	i = kvm_io_range_next(b.r, kvm_io_range_upper(b.r, b.nr, 0xa1000), 0xa1000, 4);
	assert_int_equal(i, 1);
	assert_int_equal(kvm_io_range_next(b.r, i, 0xa1000, 4), 0);
	check(&b, 0xa2000, 8);
	check(&b, 0xa2001, 1);
	check(&b, 0xbffff, 1);
	check(&b, 0xbffff, 2);
}

/* The top of the address space: ends that wrap. */
static void test_top(void **state)
{
	struct bus b = {};

	add(&b, ~0ULL - 7, 8);
	add(&b, ~0ULL - 3, 4);
	add(&b, ~0ULL, 0);
	check(&b, ~0ULL - 7, 8);
	check(&b, ~0ULL - 3, 4);
	check(&b, ~0ULL, 1);
	check(&b, ~0ULL, 8);
}

static void test_random(void **state)
{
	static const u32 lens[] = { 0, 1, 2, 4, 8, 3, 16, 64 };
	unsigned int round, i;

	srandom(1);
	for (round = 0; round < 3000; round++) {
		u64 base = round % 3 ? 0x1000 : ~0ULL - 0x7f;
		struct bus b = {};

		for (i = random() % MAX_RANGES; i; i--)
			add(&b, base + random() % 0x60, lens[random() % ARRAY_SIZE(lens)]);
		for (i = 0; i < 200; i++)
			check(&b, base + random() % 0x70, 1 << random() % 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),  cmocka_unit_test(test_edges),
		cmocka_unit_test(test_nested), cmocka_unit_test(test_top),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
