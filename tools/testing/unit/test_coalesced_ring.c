// SPDX-License-Identifier: GPL-2.0-only
/*
 * The indices of a coalesced ring, of which the VMM writes one by right and both if it pleases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../../arch/x86/kvm/pure.h"
#include "../../../virt/kvm/coalesced_ring.h"

#define MAX 170

static void test_fill_and_drain(void **state)
{
	u32 first = 0, last = 0, next;
	unsigned int i;

	for (i = 0; i < MAX - 1; i++) {
		assert_int_equal(coalesced_ring_slot(first, last, MAX, &next), i);
		last = next;
	}
	/* One entry stays free, or full could not be told from empty. */
	assert_int_equal(coalesced_ring_slot(first, last, MAX, &next), -1);

	first = 1;
	assert_int_equal(coalesced_ring_slot(first, last, MAX, &next), MAX - 1);
	assert_int_equal(next, 0);
	assert_int_equal(coalesced_ring_slot(first, next, MAX, &last), -1);
}

/* Whatever is in the ring's page, the answer is an index of the ring or none. */
static void test_hostile(void **state)
{
	static const u32 values[] = { 0, 1, MAX - 1, MAX, MAX + 1, 0x7fffffff, 0x80000000, ~0u };
	unsigned int i, j;
	u32 next;
	int slot;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		for (j = 0; j < ARRAY_SIZE(values); j++) {
			slot = coalesced_ring_slot(values[i], values[j], MAX, &next);
			assert_in_range(slot + 1, 0, MAX);
			if (slot >= 0)
				assert_in_range(next, 0, MAX - 1);
			if (values[i] >= MAX || values[j] >= MAX)
				assert_int_equal(slot, -1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill_and_drain),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
