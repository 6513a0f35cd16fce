// SPDX-License-Identifier: GPL-2.0-only
/* The 8259s, from a guest. */
#include "apic.h"
#include "vm.h"

static struct vcpu *cpu;

static void line(u32 gsi, u32 level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE, &l));
}

static void pulse(u32 gsi)
{
	line(gsi, 1);
	line(gsi, 0);
}

static void start(void (*code)(u64))
{
	cpu = vm_with(VM_IRQCHIP, code, 0);
	for (int v = 0x30; v < 0x40; v++)
		guest_handlers[v] = irq_count_pic;
}

static void set_up(void)
{
	/* LINT0 takes the 8259's interrupts. */
	apic_enable();
	apic_write(APIC_LVT0, LVT_EXTINT);
	pic_init(0x30);
}

static void spin_until(u8 vector, u64 n)
{
	for (int i = 0; i < 10000 && irq_counts[vector] < n; i++)
		relax();
}

static void edges(u64 unused)
{
	set_up();
	outb(PIC1 + 1, 0xf8); /* 0, 1, 2 */
	outb(PIC2 + 1, 0xfd); /* 9 */
	irq_enable();
	guest_sync(1);
	spin_until(0x31, 1);
	G_ASSERT_EQ(irq_counts[0x31], 1);
	guest_sync(2);
	spin_until(0x39, 1);
	G_ASSERT_EQ(irq_counts[0x39], 1);
	guest_sync(3);
	G_ASSERT_EQ(irq_counts[0x33], 0);
	G_ASSERT_EQ(irq_counts[0x31], 1);
	G_ASSERT_EQ(irq_counts[0x39], 1);
}

CASE(edge, "an edge on master and slave inputs gives one interrupt each; masked ones give none")
{
	start(edges);
	vcpu_expect_sync(cpu, 1);
	pulse(1);
	vcpu_expect_sync(cpu, 2);
	pulse(9);
	vcpu_expect_sync(cpu, 3);
	pulse(3);
	vcpu_expect_done(cpu);
}

/* A level that stays high leaves nothing else to run: the third time it turns interrupts off. */
static void three_times(struct frame *frame)
{
	irq_count_pic(frame);
	if (irq_counts[frame->vector] == 3)
		frame->rflags &= ~RFLAGS_IF;
}

static void levels(u64 unused)
{
	set_up();
	outb(0x4d0, 0x20); /* input 5 by level */
	outb(PIC1 + 1, 0xdf);
	irq_enable();
	guest_sync(1);
	spin_until(0x35, 3);
	G_ASSERT_EQ(irq_counts[0x35], 3);
	guest_sync(2);
	irq_counts[0x35] = 0;
	irq_enable();
	for (int i = 0; i < 1000; i++)
		relax();
	/* One may have been on its way. */
	G_ASSERT(irq_counts[0x35] <= 1);
}

CASE(level, "a level input gives interrupts until it is low")
{
	start(levels);
	guest_handlers[0x35] = three_times;
	vcpu_expect_sync(cpu, 1);
	line(5, 1);
	vcpu_expect_sync(cpu, 2);
	line(5, 0);
	vcpu_expect_done(cpu);
}

static volatile u64 order[4], isr[4], n;

static void note(struct frame *frame)
{
	order[n] = frame->vector;
	outb(PIC1, 0x0b);
	isr[n++] = inb(PIC1);
	if (n == 2)
		outb(PIC1, 0x63); /* specific EOI of 3 */
	else
		outb(PIC1, 0x20);
}

static void priority(u64 unused)
{
	set_up();
	outb(PIC1 + 1, 0);
	guest_sync(1);
	outb(PIC1, 0x0a);
	G_ASSERT_EQ(inb(PIC1) & 0x4a, 0x4a);
	outb(PIC1, 0x0b);
	G_ASSERT_EQ(inb(PIC1), 0);
	irq_enable();
	for (int i = 0; i < 10000 && n < 3; i++)
		relax();
	G_ASSERT_EQ(n, 3);
	G_ASSERT_EQ(order[0], 0x31);
	G_ASSERT_EQ(isr[0], 0x02);
	G_ASSERT_EQ(order[1], 0x33);
	G_ASSERT_EQ(isr[1], 0x08);
	G_ASSERT_EQ(order[2], 0x36);
	G_ASSERT_EQ(isr[2], 0x40);
	outb(PIC1, 0x0b);
	G_ASSERT_EQ(inb(PIC1), 0);
}

CASE(order, "requests are served by priority; IRR and ISR can be read; both sorts of EOI")
{
	start(priority);
	guest_handlers[0x31] = guest_handlers[0x33] = guest_handlers[0x36] = note;
	vcpu_expect_sync(cpu, 1);
	line(6, 1);
	line(3, 1);
	line(1, 1);
	vcpu_expect_done(cpu);
}

static void nested(struct frame *frame)
{
	/* A lower one does not come in between, a higher one does. */
	order[n++] = frame->vector;
	if (frame->vector == 0x34) {
		guest_sync(2);
		irq_enable();
		for (int i = 0; i < 1000; i++)
			relax();
		irq_disable();
	}
	outb(PIC1, 0x20);
}

static void nesting(u64 unused)
{
	set_up();
	outb(PIC1 + 1, 0);
	irq_enable();
	guest_sync(1);
	for (int i = 0; i < 10000 && n < 3; i++)
		relax();
	G_ASSERT_EQ(order[0], 0x34);
	G_ASSERT_EQ(order[1], 0x31);
	G_ASSERT_EQ(order[2], 0x37);
}

CASE(nest, "while one is served a higher one comes in between, a lower one waits for EOI")
{
	start(nesting);
	guest_handlers[0x31] = guest_handlers[0x34] = guest_handlers[0x37] = nested;
	vcpu_expect_sync(cpu, 1);
	line(4, 1);
	vcpu_expect_sync(cpu, 2);
	line(7, 1);
	line(1, 1);
	vcpu_expect_done(cpu);
}

static void masks(u64 unused)
{
	set_up();
	outb(PIC1 + 1, 0xff);
	irq_enable();
	guest_sync(1);
	for (int i = 0; i < 1000; i++)
		relax();
	G_ASSERT_EQ(irq_counts[0x34], 0);
	outb(PIC1 + 1, 0xef);
	spin_until(0x34, 1);
	G_ASSERT_EQ(irq_counts[0x34], 1);
}

CASE(unmask, "a request that came while masked is served when unmasked")
{
	start(masks);
	vcpu_expect_sync(cpu, 1);
	line(4, 1);
	vcpu_expect_done(cpu);
}

static void lint0(u64 unused)
{
	set_up();
	outb(PIC1 + 1, 0xfd);
	apic_write(APIC_LVT0, LVT_EXTINT | LVT_MASKED);
	irq_enable();
	guest_sync(1);
	for (int i = 0; i < 1000; i++)
		relax();
	G_ASSERT_EQ(irq_counts[0x31], 0);
	apic_write(APIC_LVT0, LVT_EXTINT);
	/* A new rise of the 8259's output */
	outb(PIC1 + 1, 0xff);
	outb(PIC1 + 1, 0xfd);
	spin_until(0x31, 1);
	G_ASSERT_EQ(irq_counts[0x31], 1);
}

CASE(through_lint0, "with LINT0 masked the 8259 does not reach the CPU")
{
	start(lint0);
	vcpu_expect_sync(cpu, 1);
	line(1, 1);
	vcpu_expect_done(cpu);
}
