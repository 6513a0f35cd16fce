// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8259s' modes that PCs seldom use: polling, rotation, special mask, automatic EOI, special fully nested, levels.  The
 * guest polls: no interrupt is taken.
 */
#include <unistd.h>

#include "apic.h"
#include "debugfs.h"
#include "vm.h"

#define EOI 0x20
#define EOI_SPECIFIC(n) (0x60 | (n))
#define ROTATE_ON_EOI 0xa0
#define ROTATE_ON_EOI_SPECIFIC(n) (0xe0 | (n))
#define LOWEST(n) (0xc0 | (n))
#define ROTATE_AUTO 0x80
#define ROTATE_AUTO_OFF 0x00
#define SPECIAL_MASK 0x68
#define SPECIAL_MASK_OFF 0x48
#define NONE (-1)

/* To the test: pulse these inputs, or drive the level of one. */
#define PULSE(lines) (lines)
#define RAISE(n) (0x10000 | (n))
#define LOWER(n) (0x20000 | (n))

/* What the chip would interrupt for; it is then in service.  NONE: for nothing. */
static int poll(u16 chip)
{
	u8 value;

	outb(chip, 0x0c);
	value = inb(chip);
	return value & 0x80 ? value & 7 : NONE;
}

static u8 requested(u16 chip)
{
	outb(chip, 0x0a);
	return inb(chip);
}

static u8 in_service(u16 chip)
{
	outb(chip, 0x0b);
	return inb(chip);
}

static void init(u16 chip, u8 icw4)
{
	outb(chip, 0x11);
	outb(chip + 1, chip == PIC1 ? 0x30 : 0x38);
	outb(chip + 1, chip == PIC1 ? 4 : 2);
	outb(chip + 1, icw4 | 1);
	outb(chip + 1, 0);
}

static void set_up(void)
{
	init(PIC1, 0);
	init(PIC2, 0);
}

static void run(void (*code)(u64))
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, code, 0);
	struct kvm_irq_level l = {};
	struct event ev;

	if (access(vm_path(cpu->vm, "vcpu0/flight"), F_OK))
		SKIP("the distribution's modules do not say in a poll whether there is something");
	while ((ev = vcpu_run(cpu)).kind == EV_SYNC) {
		for (u32 n = 0; n < 16; n++) {
			if (ev.value >> 16 ? n != (ev.value & 15) : !(ev.value & BIT(n)))
				continue;
			l = (struct kvm_irq_level){ .irq = n, .level = ev.value >> 16 != 2 };
			OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE, &l));
			if (ev.value >> 16)
				continue;
			l = (struct kvm_irq_level){ .irq = n, .level = 0 };
			OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE, &l));
		}
	}
	CHECK_EQ(ev.kind, EV_DONE);
}

static void polls(u64 unused)
{
	set_up();
	G_ASSERT_EQ(poll(PIC1), NONE);
	guest_sync(PULSE(BIT(1) | BIT(5) | BIT(11)));
	G_ASSERT_EQ(requested(PIC1), BIT(1) | BIT(2) | BIT(5));
	G_ASSERT_EQ(poll(PIC1), 1);
	G_ASSERT_EQ(in_service(PIC1), BIT(1));
	G_ASSERT_EQ(requested(PIC1), BIT(2) | BIT(5));
	/* What is in service holds the others back. */
	G_ASSERT_EQ(poll(PIC1), NONE);
	outb(PIC1, EOI);
	/* The cascade, and what is behind it */
	G_ASSERT_EQ(poll(PIC1), 2);
	G_ASSERT_EQ(poll(PIC2), 3);
	outb(PIC2, EOI);
	outb(PIC1, EOI);
	G_ASSERT_EQ(poll(PIC1), 5);
	outb(PIC1, EOI_SPECIFIC(5));
	G_ASSERT_EQ(in_service(PIC1) | in_service(PIC2), 0);
	G_ASSERT_EQ(poll(PIC1), NONE);
	guest_done();
}

CASE(polling,
     "polled: the first of what is requested, in service from then on; nothing where there is nothing")
{
	run(polls);
}

static void rotates(u64 unused)
{
	set_up();
	/* 2 becomes the last when it is ended. */
	guest_sync(PULSE(BIT(1) | BIT(3)));
	G_ASSERT_EQ(poll(PIC1), 1);
	outb(PIC1, ROTATE_ON_EOI);
	guest_sync(PULSE(BIT(0) | BIT(1)));
	G_ASSERT_EQ(poll(PIC1), 3);
	outb(PIC1, EOI);
	G_ASSERT_EQ(poll(PIC1), 0);
	outb(PIC1, EOI);
	G_ASSERT_EQ(poll(PIC1), 1);
	/* 5 the last, so that 6 is the first; 1 is ended by that, too. */
	outb(PIC1, EOI);
	outb(PIC1, LOWEST(5));
	guest_sync(PULSE(BIT(0) | BIT(4) | BIT(5) | BIT(6) | BIT(7)));
	G_ASSERT_EQ(poll(PIC1), 6);
	outb(PIC1, EOI);
	G_ASSERT_EQ(poll(PIC1), 7);
	outb(PIC1, ROTATE_ON_EOI_SPECIFIC(7));
	G_ASSERT_EQ(in_service(PIC1), 0);
	G_ASSERT_EQ(poll(PIC1), 0);
	outb(PIC1, EOI);
	G_ASSERT_EQ(poll(PIC1), 4);
	outb(PIC1, EOI);
	G_ASSERT_EQ(poll(PIC1), 5);
	outb(PIC1, EOI);
	guest_done();
}

CASE(rotation, "rotation: who was served, or who is named, becomes the last")
{
	run(rotates);
}

static void masks_specially(u64 unused)
{
	set_up();
	guest_sync(PULSE(BIT(1) | BIT(4)));
	G_ASSERT_EQ(poll(PIC1), 1);
	outb(PIC1 + 1, BIT(1));
	/* Masked it still holds the others back ... */
	G_ASSERT_EQ(poll(PIC1), NONE);
	/* ... but not in this mode. */
	outb(PIC1, SPECIAL_MASK);
	G_ASSERT_EQ(poll(PIC1), 4);
	G_ASSERT_EQ(in_service(PIC1), BIT(1) | BIT(4));
	/* An EOI that names nobody does not end what is masked. */
	outb(PIC1, EOI);
	G_ASSERT_EQ(in_service(PIC1), BIT(1));
	outb(PIC1, SPECIAL_MASK_OFF);
	guest_sync(PULSE(BIT(6)));
	G_ASSERT_EQ(poll(PIC1), NONE);
	outb(PIC1, EOI_SPECIFIC(1));
	G_ASSERT_EQ(poll(PIC1), 6);
	guest_done();
}

CASE(special_mask, "special mask mode: what is masked in service holds nobody back")
{
	run(masks_specially);
}

static void ends_by_itself(u64 unused)
{
	init(PIC1, 2);
	guest_sync(PULSE(BIT(3) | BIT(4)));
	G_ASSERT_EQ(poll(PIC1), 3);
	G_ASSERT_EQ(in_service(PIC1), 0);
	G_ASSERT_EQ(poll(PIC1), 4);
	G_ASSERT_EQ(in_service(PIC1), 0);
	/* With rotation */
	outb(PIC1, ROTATE_AUTO);
	guest_sync(PULSE(BIT(3) | BIT(6)));
	G_ASSERT_EQ(poll(PIC1), 3);
	guest_sync(PULSE(BIT(3)));
	G_ASSERT_EQ(poll(PIC1), 6);
	G_ASSERT_EQ(poll(PIC1), 3);
	outb(PIC1, ROTATE_AUTO_OFF);
	outb(PIC1, LOWEST(7));
	guest_sync(PULSE(BIT(3)));
	G_ASSERT_EQ(poll(PIC1), 3);
	guest_sync(PULSE(BIT(3) | BIT(6)));
	G_ASSERT_EQ(poll(PIC1), 3);
	G_ASSERT_EQ(poll(PIC1), 6);
	guest_done();
}

CASE(auto_eoi, "automatic EOI: nothing stays in service; with rotation each becomes the last")
{
	run(ends_by_itself);
}

static void slave_twice(u64 icw4)
{
	set_up();
	init(PIC1, icw4);
	guest_sync(PULSE(BIT(9)));
	G_ASSERT_EQ(poll(PIC1), 2);
	G_ASSERT_EQ(poll(PIC2), 1);
	/* A higher one of the slave's while a lower one is in service */
	guest_sync(PULSE(BIT(8)));
}

static void nests_fully(u64 unused)
{
	slave_twice(0);
	G_ASSERT_EQ(poll(PIC1), NONE);
	slave_twice(BIT(4));
	G_ASSERT_EQ(poll(PIC1), 2);
	G_ASSERT_EQ(poll(PIC2), 0);
	G_ASSERT_EQ(in_service(PIC2), BIT(0) | BIT(1));
	/* Not what is lower than the slave on the master */
	guest_sync(PULSE(BIT(4)));
	G_ASSERT_EQ(poll(PIC1), NONE);
	guest_done();
}

CASE(fully_nested,
     "special fully nested mode: the slave's higher inputs come in between its lower ones")
{
	run(nests_fully);
}

static void levels(u64 unused)
{
	set_up();
	/* Timer, keyboard, cascade, RTC and FPU cannot be levels. */
	outb(0x4d0, 0xff);
	outb(0x4d1, 0xff);
	G_ASSERT_EQ(inb(0x4d0), 0xf8);
	G_ASSERT_EQ(inb(0x4d1), 0xde);
	outb(0x4d0, BIT(5));
	outb(0x4d1, 0);
	guest_sync(RAISE(5));
	guest_sync(RAISE(6));
	for (int i = 0; i < 3; i++) {
		G_ASSERT_EQ(poll(PIC1), 5);
		outb(PIC1, EOI);
	}
	guest_sync(LOWER(5));
	/* 6 is an edge: once */
	G_ASSERT_EQ(poll(PIC1), 6);
	outb(PIC1, EOI);
	G_ASSERT_EQ(poll(PIC1), NONE);
	/* A level that goes before it is taken was never there. */
	guest_sync(RAISE(5));
	G_ASSERT_EQ(requested(PIC1), BIT(5));
	guest_sync(LOWER(5));
	G_ASSERT_EQ(requested(PIC1), 0);
	guest_done();
}

CASE(level, "levels: requested as long as they are high; the edge and level register")
{
	run(levels);
}
