// SPDX-License-Identifier: GPL-2.0-only
/* The I/O APIC, delivering to a local APIC that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "irqchip/ioapic_core.h"

static struct ioapic ioapic;
static struct lapic_msg last;
static u32 nr_sent;
static int answer;
static bool inside;

static int deliver(struct ioapic *io, unsigned int pin, const struct lapic_msg *msg)
{
	assert_false(inside);
	inside = true;
	last = *msg;
	nr_sent++;
	inside = false;
	return answer;
}

static const struct ioapic_ops ops = { .deliver = deliver };

static void reg_write(u8 index, u32 value)
{
	assert_int_equal(ioapic_write(&ioapic, 0x00, index), 0);
	assert_int_equal(ioapic_write(&ioapic, 0x10, value), 0);
}

static u32 reg_read(u8 index)
{
	ioapic_write(&ioapic, 0x00, index);
	return ioapic_read(&ioapic, 0x10);
}

static void set_entry(u32 pin, u64 value)
{
	reg_write(0x11 + 2 * pin, value >> 32);
	reg_write(0x10 + 2 * pin, value);
}

static u64 get_entry(u32 pin)
{
	return (u64)reg_read(0x11 + 2 * pin) << 32 | reg_read(0x10 + 2 * pin);
}

static void fresh(u8 version)
{
	ioapic_init(&ioapic, version, &ops);
	nr_sent = 0;
	answer = 1;
}

/* Both parts of an EOI, with nobody who waits. */
static u32 eoi(u8 vector)
{
	return ioapic_eoi_end(&ioapic, ioapic_eoi(&ioapic, vector));
}

static void registers(void **state)
{
	u32 pin;

	fresh(IOAPIC_VERSION_82093AA);
	assert_int_equal(reg_read(1), 0x00170011);
	reg_write(1, 0);
	assert_int_equal(reg_read(1), 0x00170011);
	reg_write(0, 0xffffffff);
	assert_int_equal(reg_read(0), 0x0f000000);
	assert_int_equal(reg_read(2), 0x0f000000);
	for (pin = 0; pin < IOAPIC_NR_PINS; pin++) {
		assert_int_equal(get_entry(pin), IOAPIC_MASKED);
		set_entry(pin, ~0ULL);
		/* Delivery status and remote IRR are read-only. */
		assert_true(get_entry(pin) == 0xff0000000001afffULL);
	}
	assert_int_equal(reg_read(0x40), 0xffffffff);
	reg_write(0x40, 0);
	reg_write(0xff, 0);
	assert_int_equal(ioapic_read(&ioapic, 0), 0xff);
	assert_int_equal(ioapic_read(&ioapic, 0x20), 0);
	fresh(IOAPIC_VERSION_EOI);
	assert_int_equal(reg_read(1), 0x00170020);
}

static void the_message_is_the_entrys(void **state)
{
	u32 mode;

	fresh(IOAPIC_VERSION_82093AA);
	for (mode = 0; mode < 8; mode++) {
		set_entry(3,
			  0xab00000000000000ULL | IOAPIC_LEVEL | IOAPIC_LOGICAL | mode << 8 | 0x61);
		assert_int_equal(ioapic_set_irq(&ioapic, 3, true), 1);
		assert_int_equal(last.dest, 0xab);
		assert_int_equal(last.vector, 0x61);
		assert_int_equal(last.delivery, mode);
		assert_true(last.logical && !last.ipi && last.assert);
		assert_int_equal(last.shorthand, 0);
		/* Only fixed and lowest priority can be levels. */
		assert_int_equal(last.level, mode <= 1);
		assert_int_equal(!!(get_entry(3) & IOAPIC_REMOTE_IRR), mode <= 1);
		ioapic_set_irq(&ioapic, 3, false);
		eoi(0x61);
	}
}

static void edges(void **state)
{
	fresh(IOAPIC_VERSION_82093AA);
	set_entry(4, 0x44);
	assert_int_equal(ioapic_set_irq(&ioapic, 4, true), 1);
	assert_int_equal(ioapic_set_irq(&ioapic, 4, true), 0);
	assert_int_equal(nr_sent, 1);
	assert_int_equal(get_entry(4), 0x44);
	assert_int_equal(ioapic_set_irq(&ioapic, 4, false), 1);
	answer = 0;
	assert_int_equal(ioapic_set_irq(&ioapic, 4, true), 0);
	assert_int_equal(nr_sent, 2);
	/* No EOI repeats an edge. */
	assert_int_equal(ioapic_eoi(&ioapic, 0x44), 1 << 4);
	ioapic_eoi_end(&ioapic, 1 << 4);
	assert_int_equal(nr_sent, 2);
}

static void masked_edge_is_ignored(void **state)
{
	fresh(IOAPIC_VERSION_82093AA);
	set_entry(4, IOAPIC_MASKED | 0x44);
	assert_int_equal(ioapic_set_irq(&ioapic, 4, true), -1);
	set_entry(4, 0x44);
	assert_int_equal(nr_sent, 0);
	ioapic_set_irq(&ioapic, 4, false);
	assert_int_equal(ioapic_set_irq(&ioapic, 4, true), 1);
}

static void edge_that_nobody_took_waits(void **state)
{
	fresh(IOAPIC_VERSION_82093AA);
	set_entry(4, 0x44);
	answer = -1;
	assert_int_equal(ioapic_set_irq(&ioapic, 4, true), -1);
	answer = 1;
	set_entry(4, 0x0100000000000045ULL);
	/* The new destination came first, and took it. */
	assert_int_equal(last.vector, 0x44);
	assert_int_equal(last.dest, 1);
	assert_int_equal(nr_sent, 2);
	nr_sent = 0;
	set_entry(4, 0x0100000000000045ULL);
	assert_int_equal(nr_sent, 0);
}

static void level_is_delivered_until_lowered(void **state)
{
	fresh(IOAPIC_VERSION_82093AA);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	assert_int_equal(ioapic_set_irq(&ioapic, 9, true), 1);
	assert_int_equal(get_entry(9), IOAPIC_LEVEL | IOAPIC_REMOTE_IRR | 0x49);
	assert_int_equal(ioapic_set_irq(&ioapic, 9, true), 0);
	assert_int_equal(nr_sent, 1);
	eoi(0x48);
	assert_int_equal(nr_sent, 1);
	eoi(0x49);
	assert_int_equal(nr_sent, 2);
	ioapic_set_irq(&ioapic, 9, false);
	assert_int_equal(get_entry(9), IOAPIC_LEVEL | IOAPIC_REMOTE_IRR | 0x49);
	eoi(0x49);
	assert_int_equal(nr_sent, 2);
	assert_int_equal(get_entry(9), IOAPIC_LEVEL | 0x49);
}

static void who_waits_for_the_eoi_may_lower_the_line(void **state)
{
	u32 pins;

	fresh(IOAPIC_VERSION_82093AA);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	ioapic_set_irq(&ioapic, 9, true);
	pins = ioapic_eoi(&ioapic, 0x49);
	assert_int_equal(pins, 1 << 9);
	ioapic_set_irq(&ioapic, 9, false);
	/* ... and raise it again, which delivers on its own. */
	assert_int_equal(ioapic_set_irq(&ioapic, 9, true), 1);
	ioapic_eoi_end(&ioapic, pins);
	assert_int_equal(nr_sent, 2);
}

static void masked_level_comes_when_unmasked(void **state)
{
	fresh(IOAPIC_VERSION_82093AA);
	set_entry(9, IOAPIC_MASKED | IOAPIC_LEVEL | 0x49);
	assert_int_equal(ioapic_set_irq(&ioapic, 9, true), -1);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	assert_int_equal(nr_sent, 1);
	/* Masked in service and lowered: nothing comes after. */
	set_entry(9, IOAPIC_MASKED | IOAPIC_LEVEL | 0x49);
	assert_true(get_entry(9) & IOAPIC_REMOTE_IRR);
	eoi(0x49);
	assert_int_equal(nr_sent, 1);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	assert_int_equal(nr_sent, 2);
}

static void entry_rewritten_in_service(void **state)
{
	/* Another vector: the EOI of the old one still ends the service. */
	fresh(IOAPIC_VERSION_82093AA);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	ioapic_set_irq(&ioapic, 9, true);
	set_entry(9, 0x0200000000000000ULL | IOAPIC_LEVEL | 0x59);
	assert_int_equal(nr_sent, 1);
	assert_true(get_entry(9) & IOAPIC_REMOTE_IRR);
	eoi(0x49);
	assert_int_equal(nr_sent, 2);
	assert_int_equal(last.vector, 0x59);
	assert_int_equal(last.dest, 2);
	ioapic_set_irq(&ioapic, 9, false);
	eoi(0x59);
	assert_false(get_entry(9) & IOAPIC_REMOTE_IRR);

	/* To edge and back: out of service without an EOI, and delivered anew. */
	fresh(IOAPIC_VERSION_82093AA);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	ioapic_set_irq(&ioapic, 9, true);
	set_entry(9, IOAPIC_MASKED | 0x49);
	assert_false(get_entry(9) & IOAPIC_REMOTE_IRR);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	assert_int_equal(nr_sent, 2);
	/* A level that turns into an edge is not one. */
	set_entry(9, 0x49);
	assert_int_equal(nr_sent, 2);
}

static void two_pins_with_one_vector(void **state)
{
	fresh(IOAPIC_VERSION_82093AA);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	set_entry(10, IOAPIC_LEVEL | 0x49);
	ioapic_set_irq(&ioapic, 9, true);
	answer = 0; /* the IRR has it */
	assert_int_equal(ioapic_set_irq(&ioapic, 10, true), 0);
	assert_true(get_entry(10) & IOAPIC_REMOTE_IRR);
	ioapic_set_irq(&ioapic, 9, false);
	nr_sent = 0;
	assert_int_equal(ioapic_eoi(&ioapic, 0x49), 3 << 9);
	ioapic_eoi_end(&ioapic, 3 << 9);
	assert_int_equal(nr_sent, 1);
}

static void storm_is_slowed_down(void **state)
{
	u32 i;

	fresh(IOAPIC_VERSION_82093AA);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	ioapic_set_irq(&ioapic, 9, true);
	for (i = 1; i < IOAPIC_STORM_EOIS; i++)
		assert_int_equal(eoi(0x49), 0);
	assert_int_equal(nr_sent, IOAPIC_STORM_EOIS);
	assert_int_equal(eoi(0x49), 1 << 9);
	assert_int_equal(nr_sent, IOAPIC_STORM_EOIS);
	/* Nothing gets it going before its time. */
	assert_int_equal(ioapic_set_irq(&ioapic, 9, true), 0);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	assert_int_equal(nr_sent, IOAPIC_STORM_EOIS);
	ioapic_redeliver(&ioapic);
	assert_int_equal(nr_sent, IOAPIC_STORM_EOIS + 1);
	/* A line that goes low now and then is no storm. */
	for (i = 0; i < 3 * IOAPIC_STORM_EOIS; i++) {
		if (i % 1000 == 0)
			ioapic_set_irq(&ioapic, 9, false);
		assert_int_equal(eoi(0x49), 0);
		ioapic_set_irq(&ioapic, 9, true);
	}
}

static void eoi_register(void **state)
{
	fresh(IOAPIC_VERSION_82093AA);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	ioapic_set_irq(&ioapic, 9, true);
	assert_int_equal(ioapic_write(&ioapic, 0x40, 0x49), 0);
	assert_true(get_entry(9) & IOAPIC_REMOTE_IRR);
	fresh(IOAPIC_VERSION_EOI);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	ioapic_set_irq(&ioapic, 9, true);
	assert_int_equal(ioapic_write(&ioapic, 0x40, 0x49), 1 << 9);
	assert_false(get_entry(9) & IOAPIC_REMOTE_IRR);
}

static void state_round_trip(void **state)
{
	struct ioapic_image image, again;

	fresh(IOAPIC_VERSION_82093AA);
	reg_write(0, 0x05000000);
	set_entry(9, IOAPIC_LEVEL | 0x49);
	set_entry(10, IOAPIC_LEVEL | 0x4a);
	set_entry(4, 0x44);
	ioapic_set_irq(&ioapic, 9, true);
	ioapic_set_irq(&ioapic, 4, true);
	answer = -1;
	ioapic_set_irq(&ioapic, 10, true);
	ioapic_get_state(&ioapic, &image);
	/* The edge is delivered; the levels are there to be seen again. */
	assert_int_equal(image.irr, 3 << 9);
	assert_int_equal(image.base_address, 0xfec00000);
	assert_true(image.redirtbl[9] & IOAPIC_REMOTE_IRR);

	fresh(IOAPIC_VERSION_82093AA);
	ioapic_set_state(&ioapic, &image);
	assert_int_equal(nr_sent, 1);
	assert_int_equal(last.vector, 0x4a);
	ioapic_get_state(&ioapic, &again);
	image.redirtbl[10] |= IOAPIC_REMOTE_IRR;
	assert_memory_equal(&image, &again, sizeof(image));
	eoi(0x49);
	assert_int_equal(nr_sent, 2);
}

/* A line that was high before the guest made a level of its masked edge must not be lost by a migration. */
static void lines_of_masked_edges_migrate(void **state)
{
	struct ioapic_image image;

	fresh(IOAPIC_VERSION_82093AA);
	set_entry(5, IOAPIC_MASKED);
	set_entry(6, IOAPIC_MASKED);
	set_entry(7, IOAPIC_MASKED);
	ioapic_set_irq(&ioapic, 5, true);
	ioapic_set_irq(&ioapic, 6, true);
	ioapic_set_irq(&ioapic, 7, true);
	set_entry(5, IOAPIC_LEVEL | IOAPIC_MASKED | 0x45);
	set_entry(7, 0x47); /* an edge that nobody has seen */
	ioapic_get_state(&ioapic, &image);
	assert_int_equal(image.irr, 1 << 5 | 1 << 6);

	fresh(IOAPIC_VERSION_82093AA);
	ioapic_set_state(&ioapic, &image);
	assert_int_equal(nr_sent, 0);
	set_entry(5, IOAPIC_LEVEL | 0x45);
	assert_int_equal(nr_sent, 1);
	set_entry(6, IOAPIC_LEVEL | 0x46);
	assert_int_equal(nr_sent, 2);
	assert_int_equal(last.vector, 0x46);
}

static void impossible_images_are_cleaned(void **state)
{
	struct ioapic_image image;
	u32 pin;

	fresh(IOAPIC_VERSION_82093AA);
	memset(&image, 0xff, sizeof(image));
	ioapic_set_state(&ioapic, &image);
	assert_int_equal(nr_sent, 0);
	assert_int_equal(ioapic.irr, 0xffffff);
	for (pin = 0; pin < IOAPIC_NR_PINS; pin++)
		assert_true(get_entry(pin) == 0xff0000000001afffULL);
	for (pin = 0; pin < IOAPIC_NR_PINS; pin++)
		image.redirtbl[pin] = ~(u64)IOAPIC_MASKED & ~0x700ULL;
	ioapic_set_state(&ioapic, &image);
	assert_int_equal(nr_sent, 0);
	assert_true(get_entry(0) == 0xff0000000000e8ffULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers),
		cmocka_unit_test(the_message_is_the_entrys),
		cmocka_unit_test(edges),
		cmocka_unit_test(masked_edge_is_ignored),
		cmocka_unit_test(edge_that_nobody_took_waits),
		cmocka_unit_test(level_is_delivered_until_lowered),
		cmocka_unit_test(who_waits_for_the_eoi_may_lower_the_line),
		cmocka_unit_test(masked_level_comes_when_unmasked),
		cmocka_unit_test(entry_rewritten_in_service),
		cmocka_unit_test(two_pins_with_one_vector),
		cmocka_unit_test(storm_is_slowed_down),
		cmocka_unit_test(eoi_register),
		cmocka_unit_test(state_round_trip),
		cmocka_unit_test(lines_of_masked_edges_migrate),
		cmocka_unit_test(impossible_images_are_cleaned),
	};

	return cmocka_run_group_tests_name("ioapic", tests, NULL, NULL);
}
