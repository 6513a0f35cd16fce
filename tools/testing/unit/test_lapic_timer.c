// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC's timer: expiries, counts, mode changes, TSC deadline. */
#include "lapic_fixture.h"

static struct fixture f;

static struct lapic *fresh(u32 lvt)
{
	struct lapic *apic;

	test_now = 5000000;
	apic = test_apic(&f, 0);
	test_enable(apic);
	mmio_write(apic, LAPIC_LVT_TIMER, lvt);
	mmio_write(apic, LAPIC_TDCR, 0xb);
	return apic;
}

#define ONESHOT 0xec
#define PERIODIC (0xec | 1 << 17)
#define DEADLINE (0xec | 2 << 17)

static u64 next(struct lapic *apic)
{
	return lapic_timer_next(apic, apic->timer.origin);
}

static void dividers(void **state)
{
	static const struct {
		u32 tdcr, divider;
	} cases[] = { { 0, 2 },	 { 1, 4 },  { 2, 8 },	 { 3, 16 },
		      { 8, 32 }, { 9, 64 }, { 10, 128 }, { 11, 1 } };
	struct lapic *apic;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		apic = fresh(ONESHOT);
		apic->timer.bus_ns = 25;
		mmio_write(apic, LAPIC_TDCR, cases[i].tdcr);
		assert_int_equal(mmio_write(apic, LAPIC_TMICT, 1000), LAPIC_FX_TIMER);
		assert_int_equal(next(apic), test_now + 25000 * cases[i].divider);
	}
}

static void one_shot_counts_down_once(void **state)
{
	struct lapic *apic = fresh(ONESHOT);
	u64 start = test_now;

	mmio_write(apic, LAPIC_TMICT, 1000);
	assert_int_equal(mmio_read(apic, LAPIC_TMCCT), 1000);
	test_now = start + 1;
	assert_int_equal(mmio_read(apic, LAPIC_TMCCT), 999);
	test_now = start + 999;
	assert_int_equal(mmio_read(apic, LAPIC_TMCCT), 1);
	test_now = start + 1000;
	assert_int_equal(mmio_read(apic, LAPIC_TMCCT), 0);
	assert_int_equal(mmio_read(apic, LAPIC_TMICT), 1000);
	assert_int_equal(lapic_timer_next(apic, start + 999), start + 1000);
	assert_int_equal(lapic_timer_next(apic, start + 1000), LAPIC_TIMER_NEVER);
	mmio_write(apic, LAPIC_TMICT, 0);
	assert_int_equal(next(apic), LAPIC_TIMER_NEVER);
}

static void periodic_does_not_drift(void **state)
{
	struct lapic *apic = fresh(PERIODIC);
	u64 start = test_now, at;
	u32 i;

	mmio_write(apic, LAPIC_TMICT, 333333);
	at = next(apic);
	for (i = 1; i < 100000; i++) {
		assert_int_equal(at, start + 333333ULL * i);
		/* However late the expiry is seen. */
		at = lapic_timer_next(apic, at + (i * 7919) % 333333);
	}
	/* A host that slept does not make up for what was missed. */
	at = lapic_timer_next(apic, start + 333333ULL * 5000000 + 5);
	assert_int_equal(at, start + 333333ULL * 5000001);
	test_now = start + 333333ULL * 10 + 3;
	assert_int_equal(mmio_read(apic, LAPIC_TMCCT), 333330);
}

static void short_periods_are_stretched(void **state)
{
	struct lapic *apic = fresh(PERIODIC);
	u64 start = test_now;

	apic->timer.min_period = 200000;
	mmio_write(apic, LAPIC_TMICT, 1);
	assert_int_equal(next(apic), start + 1);
	assert_int_equal(lapic_timer_next(apic, start + 1), start + 200001);
	test_now = start + 5;
	assert_in_range(mmio_read(apic, LAPIC_TMCCT), 0, 1);
	/* Without a floor it is still not zero. */
	apic->timer.min_period = 0;
	mmio_write(apic, LAPIC_TMICT, 1);
	assert_true(lapic_timer_next(apic, test_now + 100) > test_now + 100);
}

static void divider_change_goes_on_from_the_count(void **state)
{
	struct lapic *apic = fresh(ONESHOT);

	mmio_write(apic, LAPIC_TMICT, 1000);
	test_now += 400;
	assert_int_equal(mmio_write(apic, LAPIC_TDCR, 0), LAPIC_FX_TIMER);
	assert_int_equal(mmio_read(apic, LAPIC_TMCCT), 600);
	assert_int_equal(next(apic), test_now + 1200);
	assert_int_equal(mmio_write(apic, LAPIC_TDCR, 4), 0);
}

static void mode_change_while_counting(void **state)
{
	struct lapic *apic = fresh(ONESHOT);
	u64 start = test_now;

	mmio_write(apic, LAPIC_TMICT, 1000);
	test_now += 400;
	assert_int_equal(mmio_write(apic, LAPIC_LVT_TIMER, PERIODIC), LAPIC_FX_TIMER);
	assert_int_equal(next(apic), start + 1000);
	assert_int_equal(lapic_timer_next(apic, start + 1000), start + 2000);
	test_now = start + 2500;
	mmio_write(apic, LAPIC_LVT_TIMER, ONESHOT);
	assert_int_equal(next(apic), start + 3000);
	assert_int_equal(lapic_timer_next(apic, start + 3000), LAPIC_TIMER_NEVER);
	/* A shot that has been fired is not fired again. */
	test_now = start + 4000;
	mmio_write(apic, LAPIC_LVT_TIMER, PERIODIC);
	assert_int_equal(next(apic), LAPIC_TIMER_NEVER);
}

static void masking_leaves_the_count(void **state)
{
	struct lapic *apic = fresh(PERIODIC);

	mmio_write(apic, LAPIC_TMICT, 1000);
	assert_int_equal(mmio_write(apic, LAPIC_LVT_TIMER, PERIODIC | LAPIC_LVT_MASKED), 0);
	assert_int_equal(next(apic), test_now + 1000);
	assert_int_equal(lapic_timer_fire(apic), LAPIC_REFUSED);
	mmio_write(apic, LAPIC_LVT_TIMER, PERIODIC);
	assert_int_equal(lapic_timer_fire(apic), LAPIC_ACCEPTED);
	assert_int_equal(lapic_timer_fire(apic), LAPIC_COALESCED);
	assert_int_equal(take(apic), 0xec);
}

static void largest_count(void **state)
{
	struct lapic *apic = fresh(PERIODIC);

	apic->timer.bus_ns = LAPIC_BUS_NS_MAX;
	mmio_write(apic, LAPIC_TDCR, 0xa);
	mmio_write(apic, LAPIC_TMICT, 0xffffffff);
	assert_int_equal(next(apic), test_now + (0xffffffffULL << 30));
	assert_int_equal(mmio_read(apic, LAPIC_TMCCT), 0xffffffff);
}

static void deadline_mode(void **state)
{
	struct lapic *apic = fresh(ONESHOT);

	/* Ignored in the other modes. */
	assert_int_equal(lapic_write_deadline(apic, 100), 0);
	assert_int_equal(lapic_read_deadline(apic), 0);
	mmio_write(apic, LAPIC_TMICT, 1000);
	assert_int_equal(mmio_write(apic, LAPIC_LVT_TIMER, DEADLINE), LAPIC_FX_TIMER);
	assert_int_equal(next(apic), LAPIC_TIMER_NEVER);
	assert_int_equal(mmio_read(apic, LAPIC_TMICT), 0);
	mmio_write(apic, LAPIC_TMICT, 1000);
	assert_int_equal(mmio_read(apic, LAPIC_TMICT), 0);
	assert_int_equal(mmio_read(apic, LAPIC_TMCCT), 0);

	assert_int_equal(lapic_write_deadline(apic, 1000), LAPIC_FX_TIMER);
	assert_int_equal(lapic_read_deadline(apic), 1000);
	assert_false(lapic_deadline_expire(apic, 999));
	assert_true(lapic_deadline_expire(apic, 1000));
	assert_false(lapic_deadline_expire(apic, 1000));
	assert_int_equal(lapic_read_deadline(apic), 0);
	lapic_write_deadline(apic, ~0ULL);
	lapic_write_deadline(apic, 0);
	assert_false(lapic_deadline_expire(apic, ~0ULL));
	/* Leaving the mode disarms. */
	lapic_write_deadline(apic, 2000);
	mmio_write(apic, LAPIC_LVT_TIMER, PERIODIC);
	assert_int_equal(lapic_read_deadline(apic), 0);
	assert_false(lapic_deadline_expire(apic, 3000));
}

static void reserved_mode_is_off(void **state)
{
	struct lapic *apic = fresh(PERIODIC);

	mmio_write(apic, LAPIC_TMICT, 1000);
	mmio_write(apic, LAPIC_LVT_TIMER, 0xec | 3 << 17);
	assert_int_equal(next(apic), LAPIC_TIMER_NEVER);
	mmio_write(apic, LAPIC_TMICT, 1000);
	assert_int_equal(next(apic), LAPIC_TIMER_NEVER);
	assert_int_equal(lapic_write_deadline(apic, 1000), 0);
}

static void illegal_vector_is_an_error(void **state)
{
	struct lapic *apic = fresh(0x05);

	assert_int_equal(lapic_timer_fire(apic), LAPIC_REFUSED);
	assert_int_equal(apic->esr, LAPIC_ESR_RECEIVE_VECTOR);
}

static void restored_timers_go_on(void **state)
{
	u8 image[LAPIC_REGS_SIZE];
	struct lapic *apic = fresh(PERIODIC);

	mmio_write(apic, LAPIC_TMICT, 1000);
	test_now += 2300;
	lapic_get_state(apic, image, true);
	apic = fresh(ONESHOT);
	test_now = 77;
	lapic_set_state(apic, image, true);
	assert_int_equal(next(apic), 77 + 700);
	assert_int_equal(lapic_timer_next(apic, 777), 777 + 1000);

	/* A one-shot that is over stays over. */
	apic = fresh(ONESHOT);
	mmio_write(apic, LAPIC_TMICT, 1000);
	test_now += 1000;
	lapic_get_state(apic, image, true);
	lapic_set_state(apic, image, true);
	assert_int_equal(next(apic), LAPIC_TIMER_NEVER);

	/* A count beyond the initial one cannot be. */
	memset(image + LAPIC_TMCCT, 0xff, 4);
	lapic_set_state(apic, image, true);
	assert_int_equal(next(apic), test_now + 1000);

	/* The deadline is no part of the image and is disarmed. */
	apic = fresh(DEADLINE);
	lapic_write_deadline(apic, 1000);
	lapic_get_state(apic, image, true);
	lapic_set_state(apic, image, true);
	assert_int_equal(lapic_read_deadline(apic), 0);
	assert_int_equal(lapic_write_deadline(apic, 1000), LAPIC_FX_TIMER);
}

static void advance_is_learned(void **state)
{
	u32 advance;

	/* Too late: earlier, by an eighth of it; too early: later. */
	assert_int_equal(lapic_learn_advance(1000, -800), 1100);
	assert_int_equal(lapic_learn_advance(1000, 800), 900);
	/* Nearly right */
	assert_int_equal(lapic_learn_advance(1000, -49), 1000);
	assert_int_equal(lapic_learn_advance(1000, 49), 1000);
	assert_int_equal(lapic_learn_advance(1000, -56), 1007);
	/* The thread waited for a CPU, or the TSC was written. */
	assert_int_equal(lapic_learn_advance(1000, -10001), 1000);
	assert_int_equal(lapic_learn_advance(1000, 10001), 1000);
	assert_int_equal(lapic_learn_advance(1000, INT64_MIN), 1000);
	assert_int_equal(lapic_learn_advance(1000, INT64_MAX), 1000);
	/* Neither nothing, which would stand for "off", nor more than is waited for */
	assert_int_equal(lapic_learn_advance(100, 9000), 1);
	assert_int_equal(lapic_learn_advance(1, 5000), 1);
	assert_int_equal(lapic_learn_advance(4900, -8000), LAPIC_ADVANCE_MAX);

	/* Whatever the way takes, it is found from either side, and kept. */
	for (u32 takes = 100; takes <= LAPIC_ADVANCE_MAX; takes += 700) {
		for (u32 begin = 1; begin <= LAPIC_ADVANCE_MAX; begin += 4999) {
			advance = begin;
			for (int i = 0; i < 100; i++)
				advance = lapic_learn_advance(advance, (s64)advance - takes);
			assert_in_range(advance, takes - 50, takes + 50);
			assert_int_equal(lapic_learn_advance(advance, (s64)advance - takes),
					 advance);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dividers),
		cmocka_unit_test(one_shot_counts_down_once),
		cmocka_unit_test(periodic_does_not_drift),
		cmocka_unit_test(short_periods_are_stretched),
		cmocka_unit_test(divider_change_goes_on_from_the_count),
		cmocka_unit_test(mode_change_while_counting),
		cmocka_unit_test(masking_leaves_the_count),
		cmocka_unit_test(largest_count),
		cmocka_unit_test(deadline_mode),
		cmocka_unit_test(reserved_mode_is_off),
		cmocka_unit_test(illegal_vector_is_an_error),
		cmocka_unit_test(restored_timers_go_on),
		cmocka_unit_test(advance_is_learned),
	};

	return cmocka_run_group_tests_name("lapic timer", tests, NULL, NULL);
}
