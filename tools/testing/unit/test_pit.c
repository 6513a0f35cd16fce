// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254, against a model that ticks.
 *
 * The model counts clock by clock as the data sheet's timing diagrams do, with
 * the tick of loading left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "irqchip/pit_core.h"

static struct pit pit;
static u64 now;

#define START 1000000007ULL

/* The first nanosecond of tick @n after START. */
static u64 tick(u64 n)
{
	return START + (u64)(((u128)n * 1000000000 + PIT_HZ - 1) / PIT_HZ);
}

static void fresh(void)
{
	now = START;
	pit_init(&pit, now);
}

static void out(u32 port, u8 value)
{
	pit_write(&pit, port, value, now);
}

static u8 in(u32 port)
{
	return pit_read(&pit, port, now);
}

static u16 in16(u32 port)
{
	u8 low = in(port);

	return low | in(port) << 8;
}

/* The first nanosecond at which @n ticks have passed since @from. */
static u64 after(u64 from, u64 n)
{
	return from + (tick(n) - START);
}

static void program(u32 channel, u32 mode, u32 count)
{
	out(3, channel << 6 | 0x30 | mode << 1);
	out(channel, count);
	out(channel, count >> 8);
}

/* ---- a counter that ticks */

struct model {
	u32 mode, n;
	u32 counter;
	bool out, half;
	bool done;
};

static void model_start(struct model *m, u32 mode, u32 n)
{
	*m = (struct model){ .mode = mode, .n = n, .counter = n };
	m->out = mode == 2 || mode == 3 || mode == 4 || mode == 5;
	if (mode == 2 && n == 1)
		m->out = false;
}

static void model_tick(struct model *m)
{
	switch (m->mode) {
	case 2:
		m->counter = m->counter == 1 ? m->n : m->counter - 1;
		m->out = m->counter != 1;
		break;
	case 3:
		/* Odd counts: one less in the first half, three in the second. */
		if (m->counter == m->n && (m->n & 1))
			m->counter -= m->out ? 1 : 3;
		else
			m->counter -= 2;
		if (!m->counter && !(m->n & 1 && m->out && !m->half)) {
			m->out = !m->out;
			m->counter = m->n;
			m->half = false;
		} else if (!m->counter) {
			/* High for one more clock than low. */
			m->half = true;
		} else if (m->half) {
			m->half = false;
		}
		break;
	default:
		m->counter = (m->counter - 1) & 0xffff;
		if (!m->counter && !m->done) {
			m->out = !m->out;
			m->done = true;
		} else if (m->done && m->mode >= 4) {
			m->out = true;
		}
	}
}

static void counts_and_outputs_follow_the_model(void **state)
{
	static const u32 counts[] = { 2, 4, 10, 100, 1000, 65534, 0 };
	static const u32 modes[] = { 0, 2, 3, 4 };
	struct model m;
	u32 i, j, t, n, ticks;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		for (j = 0; j < ARRAY_SIZE(counts); j++) {
			fresh();
			program(0, modes[i], counts[j]);
			n = counts[j] ?: 0x10000;
			model_start(&m, modes[i], n);
			ticks = min(3 * n + 3, 140000U);
			for (t = 0; t < ticks; t++) {
				if (pit_output(&pit, 0, tick(t)) != m.out)
					fail_msg("mode %u count %u: output at tick %u", modes[i], n,
						 t);
				if (pit_counter(&pit, 0, tick(t)) != (m.counter & 0xffff))
					fail_msg("mode %u count %u: %u, not %u, at tick %u",
						 modes[i], n, pit_counter(&pit, 0, tick(t)),
						 m.counter, t);
				/* A tick lasts until the next one. */
				assert_int_equal(pit_counter(&pit, 0, tick(t + 1) - 1),
						 m.counter & 0xffff);
				model_tick(&m);
			}
		}
	}
}

static void odd_square_waves(void **state)
{
	static const u32 five[] = { 5, 4, 2, 5, 2, 5, 4, 2, 5, 2 };
	static const bool level[] = { 1, 1, 1, 0, 0, 1, 1, 1, 0, 0 };
	u32 t;

	fresh();
	program(0, 3, 5);
	for (t = 0; t < ARRAY_SIZE(five); t++) {
		assert_int_equal(pit_counter(&pit, 0, tick(t)), five[t]);
		assert_int_equal(pit_output(&pit, 0, tick(t)), level[t]);
	}
}

static void edges_are_the_rises_of_out(void **state)
{
	static const u32 modes[] = { 0, 2, 3, 4 };
	u32 i, n, t, seen;
	u64 edge;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		for (n = 2; n < 40; n++) {
			fresh();
			program(0, modes[i], n);
			edge = pit_next_edge(&pit, now);
			for (t = 1, seen = 0; t < 200; t++) {
				if (pit_output(&pit, 0, tick(t - 1)) ||
				    !pit_output(&pit, 0, tick(t)))
					continue;
				assert_true(edge == tick(t));
				/* One nanosecond before it is still the same one. */
				assert_true(pit_next_edge(&pit, tick(t) - 1) == edge);
				edge = pit_next_edge(&pit, edge);
				seen++;
			}
			if (modes[i] == 0 || modes[i] == 4) {
				assert_int_equal(seen, 1);
				assert_true(edge == PIT_NEVER);
			} else {
				assert_true(seen >= 199 / n);
			}
		}
	}
}

static void periods_do_not_drift(void **state)
{
	u64 i, edge;

	fresh();
	program(0, 2, 11932);
	edge = now;
	for (i = 1; i < 200000; i++) {
		edge = pit_next_edge(&pit, edge);
		assert_true(edge == tick(i * 11932));
	}
	/* After years without anybody looking as well. */
	assert_true(pit_next_edge(&pit, START + (1ULL << 60)) - (START + (1ULL << 60)) < 10000000);
}

static void nothing_runs_before_it_is_programmed(void **state)
{
	fresh();
	assert_true(pit_next_edge(&pit, now) == PIT_NEVER);
	out(3, 0x34);
	assert_true(pit_next_edge(&pit, now) == PIT_NEVER);
	assert_true(pit_output(&pit, 0, now));
	out(3, 0x30);
	assert_false(pit_output(&pit, 0, now));
	out(0, 1);
	assert_true(pit_next_edge(&pit, now) == PIT_NEVER);
	out(0, 0);
	assert_true(pit_next_edge(&pit, now) == tick(1));
	/* The low byte of a new count stops mode 0. */
	now = tick(5);
	assert_true(pit_output(&pit, 0, now));
	out(0, 9);
	assert_false(pit_output(&pit, 0, now));
	assert_true(pit_next_edge(&pit, now) == PIT_NEVER);
}

static void byte_order_of_counts(void **state)
{
	fresh();
	out(3, 0x14);
	out(0, 0x55);
	assert_int_equal(pit.ch[0].c.count, 0x55);
	out(3, 0x24);
	out(0, 0x55);
	assert_int_equal(pit.ch[0].c.count, 0x5500);
	assert_int_equal(in(0), 0x55);
	out(3, 0x34);
	out(0, 0x34);
	out(0, 0x12);
	assert_int_equal(pit.ch[0].c.count, 0x1234);
	assert_int_equal(in(0), 0x34);
	assert_int_equal(in(0), 0x12);
	assert_int_equal(in(3), 0);
}

static void latched_counts(void **state)
{
	fresh();
	program(0, 2, 0x1234);
	now = tick(0x34);
	out(3, 0x00);
	now = tick(0x200);
	/* A second latch before the first is read does nothing. */
	out(3, 0x00);
	assert_int_equal(in(0), 0x00);
	assert_int_equal(in(0), 0x12);
	assert_int_equal(in(0), 0x34);
	assert_int_equal(in(0), 0x10);
}

static void read_back_command(void **state)
{
	fresh();
	program(0, 2, 1000);
	program(2, 3, 500);
	now = tick(10);
	/* Status and count of 0 and 2. */
	out(3, 0xca);
	now = tick(100);
	assert_int_equal(in(0), 0x80 | 0x34);
	assert_int_equal(in16(0), 990);
	assert_int_equal(in(2), 0x80 | 0x36);
	in16(2);
	/* Status alone; a count that has not been loaded is null. */
	out(3, 0x38);
	out(3, 0xe2);
	assert_int_equal(in(0), 0xc0 | 0x38);
	program(0, 0, 10);
	out(3, 0xe2);
	assert_int_equal(in(0), 0x30);
	/* Count alone of channel 0. */
	out(3, 0xd2);
	assert_int_equal(in16(0), 10);
}

static void new_count_of_a_running_period(void **state)
{
	fresh();
	program(0, 2, 100);
	now = tick(250);
	out(0, 40);
	out(0, 0);
	out(3, 0xe2);
	assert_int_equal(in(0) & 0x40, 0x40);
	assert_int_equal(pit_counter(&pit, 0, tick(260)), 40);
	assert_true(pit_next_edge(&pit, now) == tick(300));
	assert_true(pit_next_edge(&pit, tick(300)) == tick(340));
	assert_int_equal(pit_counter(&pit, 0, tick(310)), 30);
	now = tick(310);
	out(3, 0xe2);
	assert_int_equal(in(0) & 0x40, 0);
	/* Setting the mode starts anew. */
	program(0, 2, 100);
	assert_true(pit_next_edge(&pit, now) == after(now, 100));
}

static void bcd_counts(void **state)
{
	fresh();
	out(3, 0x35);
	out(0, 0x00);
	out(0, 0x10);
	assert_int_equal(pit.ch[0].c.count, 1000);
	now = tick(1);
	assert_int_equal(in16(0), 0x0999);
	out(3, 0x31);
	out(0, 0);
	out(0, 0);
	assert_int_equal(pit.ch[0].c.count, 10000);
	now = after(now, 10001);
	assert_int_equal(in16(0), 0x9999);
}

static void gate_of_mode_0(void **state)
{
	u64 again = tick(6000);

	fresh();
	pit_write_speaker(&pit, 1, now);
	program(2, 0, 100);
	assert_int_equal(pit_read_speaker(&pit, now) & 0x23, 0x01);
	pit_write_speaker(&pit, 2, tick(30));
	assert_int_equal(pit_counter(&pit, 2, tick(5000)), 70);
	assert_int_equal(pit_read_speaker(&pit, tick(5000)) & 0x23, 0x02);
	pit_write_speaker(&pit, 1, again);
	assert_int_equal(pit_read_speaker(&pit, after(again, 69)) & 0x20, 0);
	assert_int_equal(pit_read_speaker(&pit, after(again, 70)) & 0x20, 0x20);
	/* With the gate low from the beginning nothing is counted. */
	pit_write_speaker(&pit, 0, tick(7000));
	now = tick(7000);
	program(2, 0, 100);
	assert_int_equal(pit_counter(&pit, 2, tick(8000)), 100);
}

static void gate_of_modes_2_and_3(void **state)
{
	u32 mode;

	for (mode = 2; mode <= 3; mode++) {
		u64 again = tick(1000);

		fresh();
		pit_write_speaker(&pit, 1, now);
		program(2, mode, 100);
		pit_write_speaker(&pit, 0, tick(199));
		assert_true(pit_output(&pit, 2, tick(199)));
		assert_true(pit_output(&pit, 2, tick(280)));
		pit_write_speaker(&pit, 1, again);
		assert_int_equal(pit_counter(&pit, 2, after(again, 10)), mode == 2 ? 90 : 80);
	}
}

static void gate_of_modes_1_and_5(void **state)
{
	u64 rise = tick(1000), again = tick(1300);
	u32 mode;

	for (mode = 1; mode <= 5; mode += 4) {
		fresh();
		program(2, mode, 100);
		assert_true(pit_output(&pit, 2, tick(500)));
		pit_write_speaker(&pit, 1, rise);
		assert_int_equal(pit_output(&pit, 2, rise), mode == 5);
		assert_int_equal(pit_output(&pit, 2, after(rise, 99)), mode == 5);
		assert_int_equal(pit_output(&pit, 2, after(rise, 100)), mode == 1);
		assert_true(pit_output(&pit, 2, after(rise, 101)));
		/* A new count waits for the trigger; a trigger starts again. */
		now = tick(1200);
		out(2, 50);
		out(2, 0);
		assert_int_equal(pit_counter(&pit, 2, after(rise, 150)), 0x10000 - 50);
		pit_write_speaker(&pit, 0, after(rise, 200));
		assert_int_equal(pit_counter(&pit, 2, after(rise, 260)), 0x10000 - 160);
		pit_write_speaker(&pit, 1, again);
		assert_int_equal(pit_counter(&pit, 2, after(again, 10)), 40);
	}
	/* Channel 0's gate is tied high: nothing ever triggers it. */
	fresh();
	program(0, 1, 100);
	assert_true(pit_next_edge(&pit, now) == PIT_NEVER);
}

static void refresh_bit_toggles(void **state)
{
	u32 i, changes = 0;
	u8 last = 0, bit;

	fresh();
	for (i = 0; i < 1000; i++) {
		bit = pit_read_speaker(&pit, now + i * 1000) & 0x10;
		changes += bit != last;
		last = bit;
	}
	assert_in_range(changes, 64, 68);
}

static void hpet_stands_in(void **state)
{
	fresh();
	program(0, 2, 100);
	pit.flags |= PIT_FLAG_HPET_LEGACY;
	assert_true(pit_next_edge(&pit, now) == PIT_NEVER);
}

static void state_round_trip(void **state)
{
	struct pit_image image, again;

	fresh();
	program(0, 2, 1000);
	program(2, 3, 77);
	now = tick(2500);
	pit_write_speaker(&pit, 3, now);
	out(3, 0xde);
	pit_get_state(&pit, &image, now);
	pit_init(&pit, 5);
	now = tick(2600);
	pit_set_state(&pit, &image, now);
	/* The period goes on in its phase. */
	assert_true(pit_next_edge(&pit, now) == tick(3000));
	assert_int_equal(in16(0), 500);
	pit_set_state(&pit, &image, now);
	pit_get_state(&pit, &again, now);
	image.channels[0].count_load_time = again.channels[0].count_load_time;
	image.channels[2].count_load_time = again.channels[2].count_load_time;
	assert_memory_equal(&image, &again, sizeof(image));
	/* On a clock that is behind it begins anew. */
	pit_set_state(&pit, &image, 500);
	assert_true(pit_next_edge(&pit, 500) > 500);
	assert_true(pit_next_edge(&pit, 500) - 500 < 900000);
	/* The end of a single shot is not lost. */
	now = START;
	program(0, 4, 1000);
	pit_get_state(&pit, &image, tick(10));
	pit_set_state(&pit, &image, tick(100000));
	assert_true(pit_next_edge(&pit, tick(100000)) < tick(101003));
	/* A fresh one is not started by being restored. */
	pit_init(&pit, START);
	pit_get_state(&pit, &image, START);
	pit_set_state(&pit, &image, START);
	assert_true(pit_next_edge(&pit, START) == PIT_NEVER);
}

static void impossible_images_are_cleaned(void **state)
{
	struct pit_image image;
	u32 port, i;

	memset(&image, 0xff, sizeof(image));
	pit_set_state(&pit, &image, START);
	assert_int_equal(pit.ch[0].c.count, 10000);
	assert_int_equal(pit.flags, 3);
	now = START;
	for (i = 0; i < 20; i++)
		for (port = 0; port < 4; port++)
			in(port);
	memset(&image, 0, sizeof(image));
	image.channels[0].rw_mode = 3;
	image.channels[0].mode = 2;
	image.channels[0].count_load_time = 1;
	pit_set_state(&pit, &image, 1ULL << 62);
	assert_int_equal(pit.ch[0].c.count, 0x10000);
	assert_true(pit_next_edge(&pit, 1ULL << 62) - (1ULL << 62) < 55000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_and_outputs_follow_the_model),
		cmocka_unit_test(odd_square_waves),
		cmocka_unit_test(edges_are_the_rises_of_out),
		cmocka_unit_test(periods_do_not_drift),
		cmocka_unit_test(nothing_runs_before_it_is_programmed),
		cmocka_unit_test(byte_order_of_counts),
		cmocka_unit_test(latched_counts),
		cmocka_unit_test(read_back_command),
		cmocka_unit_test(new_count_of_a_running_period),
		cmocka_unit_test(bcd_counts),
		cmocka_unit_test(gate_of_mode_0),
		cmocka_unit_test(gate_of_modes_2_and_3),
		cmocka_unit_test(gate_of_modes_1_and_5),
		cmocka_unit_test(refresh_bit_toggles),
		cmocka_unit_test(hpet_stands_in),
		cmocka_unit_test(state_round_trip),
		cmocka_unit_test(impossible_images_are_cleaned),
	};

	return cmocka_run_group_tests_name("pit", tests, NULL, NULL);
}
