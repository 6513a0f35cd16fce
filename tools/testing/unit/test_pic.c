// SPDX-License-Identifier: GPL-2.0-only
/* The 8259A pair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "irqchip/pic_core.h"

static struct pic pic;

static void out(u16 port, u8 value)
{
	pic_write(&pic, port, value);
}

static u8 in(u16 port)
{
	return pic_read(&pic, port);
}

/* As a PC's firmware sets it up. */
static void program(u8 icw4)
{
	pic_init(&pic);
	out(0x20, 0x11);
	out(0x21, 0x30);
	out(0x21, 0x04);
	out(0x21, icw4);
	out(0xa0, 0x11);
	out(0xa1, 0x38);
	out(0xa1, 0x02);
	out(0xa1, icw4 & ~0x10);
	pic.acked = 0;
}

static void pulse(u32 pin)
{
	pic_set_irq(&pic, pin, true);
	pic_set_irq(&pic, pin, false);
}

static void ports(void **state)
{
	u32 port, nr = 0;

	for (port = 0; port < 0x10000; port++)
		nr += pic_has_port(port);
	assert_int_equal(nr, 6);
	assert_true(pic_has_port(0x20) && pic_has_port(0x21) && pic_has_port(0xa0) &&
		    pic_has_port(0xa1) && pic_has_port(0x4d0) && pic_has_port(0x4d1));
}

static void every_line_has_its_vector(void **state)
{
	u32 pin;

	program(1);
	for (pin = 0; pin < 16; pin++) {
		if (pin == PIC_CASCADE_PIN)
			continue;
		assert_int_equal(pic_set_irq(&pic, pin, true), 1);
		assert_int_equal(pic_set_irq(&pic, pin, true), 0);
		assert_true(pic.output);
		assert_int_equal(pic_ack(&pic), 0x30 + pin);
		assert_false(pic.output);
		assert_int_equal(pic_set_irq(&pic, pin, false), 1);
		if (pin >= 8)
			out(0xa0, 0x20);
		out(0x20, 0x20);
		assert_int_equal(pic.acked, pin >= 8 ? 1 << pin | 4 : 1 << pin);
		pic.acked = 0;
	}
}

static void fixed_priority_and_nesting(void **state)
{
	program(1);
	pulse(5);
	assert_int_equal(pic_ack(&pic), 0x35);
	pulse(6);
	assert_false(pic.output);
	pulse(10);
	assert_true(pic.output);
	assert_int_equal(pic_ack(&pic), 0x3a);
	pulse(3);
	assert_false(pic.output);
	pulse(1);
	assert_int_equal(pic_ack(&pic), 0x31);
	out(0x20, 0x20);
	assert_false(pic.output);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	assert_int_equal(pic_ack(&pic), 0x33);
	out(0x20, 0x20);
	out(0x20, 0x20);
	assert_int_equal(pic_ack(&pic), 0x36);
}

static void masks(void **state)
{
	program(1);
	out(0x21, 0xfb);
	out(0xa1, 0xfe);
	assert_int_equal(in(0x21), 0xfb);
	assert_int_equal(pic_set_irq(&pic, 4, true), -1);
	assert_false(pic.output);
	/* What was latched behind the mask comes when it opens. */
	out(0x21, 0xeb);
	assert_int_equal(pic_ack(&pic), 0x34);
	out(0x20, 0x20);
	assert_int_equal(pic_set_irq(&pic, 9, true), -1);
	pulse(8);
	assert_int_equal(pic_ack(&pic), 0x38);
}

static void edge_and_level(void **state)
{
	program(1);
	pic_set_irq(&pic, 10, true);
	assert_int_equal(pic_ack(&pic), 0x3a);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	assert_false(pic.output);

	/* The line that is high becomes a level and asks at once. */
	out(0x4d1, 0xff);
	assert_int_equal(in(0x4d1), 0xde);
	assert_true(pic.output);
	assert_int_equal(pic_ack(&pic), 0x3a);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	assert_int_equal(pic_ack(&pic), 0x3a);
	pic_set_irq(&pic, 10, false);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	assert_false(pic.output);
	out(0x4d0, 0xff);
	assert_int_equal(in(0x4d0), 0xf8);
}

static void level_that_goes_away_is_spurious(void **state)
{
	program(1);
	out(0x4d0, 0x20);
	pic_set_irq(&pic, 5, true);
	pic_set_irq(&pic, 5, false);
	assert_false(pic.output);
	assert_int_equal(pic_ack(&pic), 0x37);
	out(0x20, 0x0b);
	assert_int_equal(in(0x20), 0);
}

static void spurious_of_the_slave(void **state)
{
	program(1);
	/* The slave has a request, is masked between the two INTA pulses. */
	pulse(12);
	pic.chip[1].imr = 0xff;
	assert_int_equal(pic_ack(&pic), 0x3f);
	out(0xa0, 0x0b);
	assert_int_equal(in(0xa0), 0);
	out(0x20, 0x0b);
	assert_int_equal(in(0x20), 4);
}

static void slave_request_leaves_no_trace_on_the_master(void **state)
{
	program(1);
	out(0x4d1, 0x04);
	pic_set_irq(&pic, 10, true);
	assert_int_equal(in(0x20), 4);
	pic_set_irq(&pic, 10, false);
	assert_int_equal(in(0x20), 0);
	assert_false(pic.output);
}

static void automatic_eoi(void **state)
{
	program(3);
	pulse(4);
	assert_int_equal(pic_ack(&pic), 0x34);
	assert_int_equal(pic.acked, 0x10);
	pulse(4);
	assert_int_equal(pic_ack(&pic), 0x34);
	/* With rotation the served line goes to the end. */
	out(0x20, 0x80);
	pulse(4);
	pulse(5);
	assert_int_equal(pic_ack(&pic), 0x34);
	pulse(4);
	assert_int_equal(pic_ack(&pic), 0x35);
	assert_int_equal(pic_ack(&pic), 0x34);
	out(0x20, 0x00);
	pulse(0);
	pulse(5);
	assert_int_equal(pic_ack(&pic), 0x35);
	assert_int_equal(pic_ack(&pic), 0x30);
}

static void specific_eoi_and_rotation(void **state)
{
	program(1);
	pulse(6);
	assert_int_equal(pic_ack(&pic), 0x36);
	pulse(3);
	assert_int_equal(pic_ack(&pic), 0x33);
	out(0x20, 0x66);
	assert_int_equal(pic.acked, 0x40);
	out(0x20, 0x0b);
	assert_int_equal(in(0x20), 0x08);
	/* Rotate on non-specific EOI: 3 becomes the lowest. */
	out(0x20, 0xa0);
	pulse(3);
	pulse(4);
	assert_int_equal(pic_ack(&pic), 0x34);
	/* Rotate on specific EOI. */
	out(0x20, 0xe4);
	pulse(5);
	pulse(4);
	assert_int_equal(pic_ack(&pic), 0x35);
	out(0x20, 0x65);
	/* Set priority: 2 lowest, so 3 highest. */
	out(0x20, 0xc2);
	assert_int_equal(pic_ack(&pic), 0x33);
	out(0x20, 0x20);
	assert_int_equal(pic_ack(&pic), 0x34);
}

static void special_mask_mode(void **state)
{
	program(1);
	pulse(2 + 1);
	assert_int_equal(pic_ack(&pic), 0x33);
	pulse(6);
	assert_false(pic.output);
	out(0x20, 0x68);
	assert_false(pic.output);
	out(0x21, 0x08);
	assert_int_equal(pic_ack(&pic), 0x36);
	/* A non-specific EOI does not end the masked line's service. */
	out(0x20, 0x20);
	out(0x20, 0x20);
	out(0x20, 0x0b);
	assert_int_equal(in(0x20), 0x08);
	out(0x20, 0x48);
	out(0x20, 0x20);
	assert_int_equal(in(0x20), 0);
}

static void special_fully_nested_mode(void **state)
{
	program(1);
	pulse(12);
	assert_int_equal(pic_ack(&pic), 0x3c);
	pulse(9);
	assert_false(pic.output);
	program(0x11);
	pulse(12);
	assert_int_equal(pic_ack(&pic), 0x3c);
	pulse(9);
	assert_int_equal(pic_ack(&pic), 0x39);
	/* What is below the slave on the master still waits. */
	pulse(4);
	assert_false(pic.output);
}

static void polling(void **state)
{
	program(1);
	out(0x20, 0x0c);
	assert_int_equal(in(0x20) & 0x80, 0);
	pulse(6);
	out(0x20, 0x0c);
	assert_int_equal(in(0x20), 0x86);
	assert_false(pic.output);
	/* The next read is a plain one. */
	out(0x20, 0x0b);
	assert_int_equal(in(0x20), 0x40);
	out(0x20, 0x20);
	pulse(13);
	out(0x20, 0x0c);
	assert_int_equal(in(0x20), 0x82);
	out(0xa0, 0x0c);
	assert_int_equal(in(0xa0), 0x85);
}

static void initialization(void **state)
{
	program(1);
	pulse(4);
	pic_set_irq(&pic, 1, true);
	assert_int_equal(pic_ack(&pic), 0x31);
	out(0x21, 0xf0);
	out(0x20, 0x68);
	out(0x20, 0xc3);
	pic.acked = 0;
	out(0x20, 0x11);
	assert_int_equal(pic.acked, 0x02);
	/* Latches, mask and modes are gone; the mask is not written by ICW2. */
	assert_int_equal(in(0x21), 0);
	assert_int_equal(in(0x20), 0);
	out(0x21, 0xff);
	assert_int_equal(in(0x21), 0);
	out(0x21, 0xff);
	out(0x21, 0x01);
	out(0x21, 0x00);
	pulse(4);
	assert_int_equal(pic_ack(&pic), 0xfc);
	/* The line that stayed high needs a new edge. */
	out(0x20, 0x20);
	assert_false(pic.output);
	pic_set_irq(&pic, 1, true);
	assert_false(pic.output);
	pic_set_irq(&pic, 1, false);
	pic_set_irq(&pic, 1, true);
	assert_true(pic.output);
}

static void initialization_keeps_levels(void **state)
{
	program(1);
	out(0x4d0, 0x20);
	pic_set_irq(&pic, 5, true);
	out(0x20, 0x11);
	assert_int_equal(in(0x20), 0x20);
	assert_int_equal(in(0x4d0), 0x20);
	assert_true(pic.output);
	pic_set_irq(&pic, 5, false);
	assert_false(pic.output);
}

static void short_initializations(void **state)
{
	pic_init(&pic);
	/* No ICW4. */
	out(0x20, 0x10);
	out(0x21, 0x40);
	out(0x21, 0x04);
	out(0x21, 0x55);
	assert_int_equal(in(0x21), 0x55);
	/* Single: no ICW3. */
	out(0x20, 0x13);
	out(0x21, 0x40);
	out(0x21, 0x02);
	assert_int_equal(pic.chip[0].auto_eoi, 1);
	out(0x20, 0x12);
	out(0x21, 0x40);
	out(0x21, 0xaa);
	assert_int_equal(in(0x21), 0xaa);
	assert_int_equal(pic.chip[0].auto_eoi, 0);
}

static void state_round_trip(void **state)
{
	struct pic_chip image[2];
	u32 n;

	program(1);
	out(0x4d1, 0x04);
	pic_set_irq(&pic, 10, true);
	pulse(4);
	pulse(1);
	assert_int_equal(pic_ack(&pic), 0x31);
	for (n = 0; n < 2; n++)
		pic_get_chip(&pic, n, &image[n]);
	pic_init(&pic);
	for (n = 0; n < 2; n++)
		pic_set_chip(&pic, n, &image[n]);
	assert_false(pic.output);
	out(0x20, 0x20);
	assert_int_equal(pic_ack(&pic), 0x3a);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	assert_int_equal(pic_ack(&pic), 0x3a);

	memset(image, 0xff, sizeof(image));
	pic_set_chip(&pic, 0, image);
	pic_set_chip(&pic, 1, image);
	assert_int_equal(pic.chip[0].priority_add, 7);
	/* Vectors wrap round rather than go past the last. */
	assert_in_range(pic_ack(&pic), 0, 0xff);

	/* What no guest could write is given back as it came; a line whose mask bit is clear cannot be level-triggered. */
	memset(image, 0, sizeof(image));
	image[0].irq_base = 10;
	image[0].elcr = 0x28;
	image[0].elcr_mask = 0x08;
	pic_set_chip(&pic, 0, image);
	assert_int_equal(pic.chip[0].irq_base, 10);
	assert_int_equal(pic.chip[0].elcr_mask, 0x08);
	assert_int_equal(pic.chip[0].elcr, 0x08);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports),
		cmocka_unit_test(every_line_has_its_vector),
		cmocka_unit_test(fixed_priority_and_nesting),
		cmocka_unit_test(masks),
		cmocka_unit_test(edge_and_level),
		cmocka_unit_test(level_that_goes_away_is_spurious),
		cmocka_unit_test(spurious_of_the_slave),
		cmocka_unit_test(slave_request_leaves_no_trace_on_the_master),
		cmocka_unit_test(automatic_eoi),
		cmocka_unit_test(specific_eoi_and_rotation),
		cmocka_unit_test(special_mask_mode),
		cmocka_unit_test(special_fully_nested_mode),
		cmocka_unit_test(polling),
		cmocka_unit_test(initialization),
		cmocka_unit_test(initialization_keeps_levels),
		cmocka_unit_test(short_initializations),
		cmocka_unit_test(state_round_trip),
	};

	return cmocka_run_group_tests_name("pic", tests, NULL, NULL);
}
