// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254's six modes, by its channel 2: port 0x61 has its gate and its output, and the read-back command tells the rest.
 * Nothing is said of how long anything takes but by the counter itself.
 */
#include <unistd.h>

#include "apic.h"
#include "debugfs.h"
#include "vm.h"

#define CHANNEL 2
#define STATUS_OUT BIT(7)
#define STATUS_NULL BIT(6) /* what was written is not counted from yet */

static void gate(bool high)
{
	outb(0x61, high);
}

static bool output(void)
{
	return inb(0x61) & BIT(5);
}

/* Control word: low byte, then high byte */
static void set_mode(u8 mode)
{
	outb(0x43, CHANNEL << 6 | 0x30 | mode << 1);
}

static void load(u16 count)
{
	outb(0x40 + CHANNEL, count);
	outb(0x40 + CHANNEL, count >> 8);
}

static u8 status(void)
{
	outb(0x43, 0xe0 | 2 << CHANNEL);
	return inb(0x40 + CHANNEL);
}

static u16 count(void)
{
	u8 low;

	outb(0x43, 0xd0 | 2 << CHANNEL);
	low = inb(0x40 + CHANNEL);
	return low | inb(0x40 + CHANNEL) << 8;
}

static void wait_for(bool level)
{
	while (output() != level)
		relax();
}

static void run(void (*code)(u64))
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP | VM_PIT | VM_SPEAKER, code, 0);

	if (access(vm_path(cpu->vm, "vcpu0/flight"), F_OK))
		SKIP("in the distribution's modules the gate is of little effect");
	vcpu_expect_done(cpu);
}

static void begin(u8 mode, bool gate_high)
{
	gate(gate_high);
	set_mode(mode);
	/* The access, the mode, binary */
	G_ASSERT_EQ(status() & 0x3f, 0x30 | mode << 1);
	G_ASSERT_EQ(!!(status() & STATUS_OUT), output());
}

static void mode0(u64 unused)
{
	begin(0, true);
	G_ASSERT(!output());
	load(2000);
	wait_for(true);
	G_ASSERT_EQ(status() & ~(u8)STATUS_NULL, STATUS_OUT | 0x30);
	/* It stays, and the count goes round. */
	while (count() < 0x8000)
		relax();
	G_ASSERT(output());
	/* A new count begins anew, a low gate holds it. */
	gate(false);
	load(3000);
	G_ASSERT(!output());
	for (int i = 0; i < 50; i++)
		G_ASSERT_EQ(count(), 3000);
	gate(true);
	wait_for(true);
}

CASE(terminal_count, "mode 0: low until the count is over, then high; the gate holds it")
{
	run(mode0);
}

static void mode1(u64 unused)
{
	begin(1, false);
	load(2000);
	G_ASSERT(output());
	/* It waits for the gate to rise. */
	for (int i = 0; i < 50; i++)
		G_ASSERT(output());
	gate(true);
	G_ASSERT(!output());
	wait_for(true);
	/* Once for each rise; the gate may fall meanwhile. */
	gate(false);
	G_ASSERT(output());
	load(20000);
	gate(true);
	gate(false);
	G_ASSERT(!output());
	/* Again, before it is over: from the beginning */
	while (count() > 15000)
		relax();
	gate(true);
	G_ASSERT(count() > 15000);
	wait_for(true);
}

CASE(one_shot, "mode 1: low for the count after each rise of the gate, which begins it anew")
{
	run(mode1);
}

static void mode2(u64 unused)
{
	u16 last, now, wraps = 0;

	begin(2, true);
	load(20000);
	last = count();
	while (wraps < 3) {
		now = count();
		G_ASSERT(now >= 1 && now <= 20000);
		wraps += now > last;
		last = now;
	}
	/* With the gate low it is high and does not count; a rise begins anew. */
	gate(false);
	G_ASSERT(output());
	last = count();
	for (int i = 0; i < 50; i++)
		G_ASSERT_EQ(count(), last);
	gate(true);
	G_ASSERT(count() > 10000);
}

CASE(rate, "mode 2: the count goes round from what was loaded; the gate begins it anew")
{
	run(mode2);
}

static void mode3(u64 unused)
{
	begin(3, true);
	load(20000);
	for (int i = 0; i < 3; i++) {
		wait_for(true);
		wait_for(false);
	}
	G_ASSERT(count() <= 20000);
	gate(false);
	G_ASSERT(output());
	for (int i = 0; i < 50; i++)
		G_ASSERT(output());
	gate(true);
	wait_for(false);
	wait_for(true);
}

CASE(square, "mode 3: high for one half and low for the other; a low gate keeps it high")
{
	run(mode3);
}

static void mode4(u64 unused)
{
	begin(4, true);
	load(2000);
	G_ASSERT(output());
	/* Past its end it counts on, and is high but for that one tick. */
	while (count() <= 2000)
		relax();
	G_ASSERT(output());
	gate(false);
	load(3000);
	for (int i = 0; i < 50; i++)
		G_ASSERT_EQ(count(), 3000);
	gate(true);
	while (count() <= 3000)
		relax();
}

CASE(strobe, "mode 4: counts once from each load; the gate holds it")
{
	run(mode4);
}

static void mode5(u64 unused)
{
	begin(5, false);
	load(20000);
	for (int i = 0; i < 50; i++)
		G_ASSERT(output());
	for (int i = 0; i < 2; i++) {
		gate(true);
		gate(false);
		G_ASSERT(count() <= 20000);
		while (count() <= 20000)
			relax();
		G_ASSERT(output());
	}
}

CASE(gate_strobe, "mode 5: counts once from each rise of the gate")
{
	run(mode5);
}

static void read_back(u64 unused)
{
	u16 latched, later;
	u8 low;

	begin(0, true);
	load(0xf000);
	/* Status and count at once: the status is read first, the count as it was. */
	outb(0x43, 0xc0 | 2 << CHANNEL);
	for (int i = 0; i < 20; i++)
		inb(0x61);
	/* What is latched already is not latched again. */
	outb(0x43, CHANNEL << 6);
	G_ASSERT_EQ(inb(0x40 + CHANNEL), 0x30);
	low = inb(0x40 + CHANNEL);
	latched = low | inb(0x40 + CHANNEL) << 8;
	later = count();
	G_ASSERT(latched <= 0xf000);
	G_ASSERT(later < latched);
	/* Low byte alone, in decimal: it counts down from 99, and never shows a digit beyond 9. */
	outb(0x43, CHANNEL << 6 | 0x10 | 2 << 1 | 1);
	outb(0x40 + CHANNEL, 0x99);
	G_ASSERT_EQ(status() & 0x3f, 0x15);
	for (int i = 0; i < 100; i++) {
		outb(0x43, CHANNEL << 6);
		low = inb(0x40 + CHANNEL);
		G_ASSERT((low & 15) <= 9 && low >> 4 <= 9);
	}
}

CASE(latch, "read-back: status before count, as they were at the first latch; one byte; decimal")
{
	run(read_back);
}

static void null_count(u64 unused)
{
	begin(1, false);
	G_ASSERT(status() & STATUS_NULL);
	load(2000);
	/* Not before the gate rises */
	G_ASSERT(status() & STATUS_NULL);
	gate(true);
	while (status() & STATUS_NULL)
		relax();
	load(3000);
	G_ASSERT(status() & STATUS_NULL);
	guest_done();
}

CASE(null, "the status says whether what was loaded is counted from yet")
{
	run(null_count);
}
