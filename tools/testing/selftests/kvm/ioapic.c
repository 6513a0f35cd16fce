// SPDX-License-Identifier: GPL-2.0-only
/* The I/O APIC, from a guest. */
#include "apic.h"
#include "vm.h"

static struct vcpu *cpu;

static int line(u32 gsi, u32 level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE_STATUS, &l));
	return l.status;
}

static void start(void (*code)(u64))
{
	cpu = vm_with(VM_IRQCHIP, code, 0);
	for (int v = 0x50; v < 0x60; v++)
		guest_handlers[v] = irq_count;
}

static void wait_a_bit(void)
{
	for (int i = 0; i < 1000; i++)
		relax();
}

static void edges(u64 unused)
{
	apic_enable();
	ioapic_route(16, 0x50, 0);
	irq_enable();
	guest_sync(1);
	wait_a_bit();
	G_ASSERT_EQ(irq_counts[0x50], 1);
	guest_sync(2);
	wait_a_bit();
	G_ASSERT_EQ(irq_counts[0x50], 1);
	guest_sync(3);
	wait_a_bit();
	G_ASSERT_EQ(irq_counts[0x50], 2);
}

CASE(edge, "an edge entry gives one interrupt for each rise")
{
	start(edges);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(line(16, 1), 1);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(line(16, 1), 0); /* still high */
	vcpu_expect_sync(cpu, 3);
	CHECK_EQ(line(16, 0), 1);
	line(16, 1);
	vcpu_expect_done(cpu);
}

/* A level that stays high leaves nothing else to run: the third time it turns interrupts off. */
static void three_times(struct frame *frame)
{
	irq_count(frame);
	if (irq_counts[frame->vector] == 3)
		frame->rflags &= ~RFLAGS_IF;
}

static void levels(u64 unused)
{
	apic_enable();
	ioapic_route(17, IOAPIC_LEVEL | 0x51, 0);
	irq_enable();
	guest_sync(1);
	for (int i = 0; i < 10000 && irq_counts[0x51] < 3; i++)
		relax();
	G_ASSERT_EQ(irq_counts[0x51], 3);
	guest_sync(2);
	irq_enable();
	wait_a_bit();
	irq_counts[0x51] = 0;
	wait_a_bit();
	G_ASSERT_EQ(irq_counts[0x51], 0);
	G_ASSERT_EQ(ioapic_read(0x10 + 2 * 17) & IOAPIC_REMOTE_IRR, 0);
}

CASE(level, "a level entry gives interrupts, each after the EOI of the last, until the line is low")
{
	start(levels);
	guest_handlers[0x51] = three_times;
	vcpu_expect_sync(cpu, 1);
	line(17, 1);
	vcpu_expect_sync(cpu, 2);
	line(17, 0);
	vcpu_expect_done(cpu);
}

static volatile u64 taken;

static void no_eoi(struct frame *frame)
{
	taken++;
}

/* Its handler gives no EOI: the interrupt stays in service. */
static void in_service(void)
{
	apic_enable();
	ioapic_route(18, IOAPIC_LEVEL | 0x52, 0);
	irq_enable();
	guest_sync(1);
	wait_a_bit();
	G_ASSERT_EQ(taken, 1);
	G_ASSERT_EQ(ioapic_read(0x10 + 2 * 18) & IOAPIC_REMOTE_IRR, IOAPIC_REMOTE_IRR);
}

static void remote_irr(u64 unused)
{
	in_service();
	G_ASSERT(apic_bit(APIC_ISR, 0x52));
	G_ASSERT(apic_bit(APIC_TMR, 0x52));
	guest_sync(2);
	wait_a_bit();
	G_ASSERT_EQ(taken, 1);
	irq_disable();
	apic_eoi();
	G_ASSERT_EQ(ioapic_read(0x10 + 2 * 18) & IOAPIC_REMOTE_IRR, 0);
	G_ASSERT(!apic_bit(APIC_ISR, 0x52));
}

CASE(remote, "remote IRR is set until EOI, and holds back another interrupt")
{
	start(remote_irr);
	guest_handlers[0x52] = no_eoi;
	vcpu_expect_sync(cpu, 1);
	line(18, 1);
	vcpu_expect_sync(cpu, 2);
	line(18, 0);
	CHECK(line(18, 1) <= 0); /* not delivered */
	line(18, 0);
	vcpu_expect_done(cpu);
}

static void rewritten(u64 unused)
{
	in_service();
	/* Another vector: the old one's EOI still ends it, and then the new one comes. */
	ioapic_write(0x10 + 2 * 18, IOAPIC_LEVEL | 0x57);
	wait_a_bit();
	G_ASSERT_EQ(irq_counts[0x57], 0);
	G_ASSERT_EQ(ioapic_read(0x10 + 2 * 18), IOAPIC_LEVEL | IOAPIC_REMOTE_IRR | 0x57);
	apic_eoi();
	wait_a_bit();
	G_ASSERT_EQ(taken, 1);
	G_ASSERT_EQ(irq_counts[0x57], 3);
	guest_sync(2);
}

CASE(rewrite, "an entry that gets another vector in service is ended by the old one's EOI")
{
	start(rewritten);
	guest_handlers[0x52] = no_eoi;
	guest_handlers[0x57] = three_times;
	vcpu_expect_sync(cpu, 1);
	line(18, 1);
	vcpu_expect_sync(cpu, 2);
}

static void made_edge(u64 unused)
{
	in_service();
	/* What guests do that want to be rid of it: an edge has no end. */
	ioapic_write(0x10 + 2 * 18, IOAPIC_MASKED | 0x52);
	G_ASSERT_EQ(ioapic_read(0x10 + 2 * 18), IOAPIC_MASKED | 0x52);
	ioapic_write(0x10 + 2 * 18, IOAPIC_MASKED | IOAPIC_LEVEL | 0x52);
	G_ASSERT_EQ(ioapic_read(0x10 + 2 * 18), IOAPIC_MASKED | IOAPIC_LEVEL | 0x52);
	guest_sync(2);
	apic_eoi();
	ioapic_write(0x10 + 2 * 18, IOAPIC_LEVEL | 0x52);
	wait_a_bit();
	G_ASSERT_EQ(taken, 1);
	guest_sync(3);
	wait_a_bit();
	G_ASSERT_EQ(taken, 2);
	apic_eoi();
}

CASE(edge_in_service,
     "an entry that becomes an edge in service loses its remote IRR, and works as a level again")
{
	start(made_edge);
	guest_handlers[0x52] = no_eoi;
	vcpu_expect_sync(cpu, 1);
	line(18, 1);
	vcpu_expect_sync(cpu, 2);
	line(18, 0);
	vcpu_expect_sync(cpu, 3);
	line(18, 1);
	vcpu_expect_done(cpu);
}

static void masked(u64 unused)
{
	apic_enable();
	ioapic_route(19, IOAPIC_MASKED | IOAPIC_LEVEL | 0x53, 0);
	ioapic_route(20, IOAPIC_MASKED | 0x54, 0);
	irq_enable();
	guest_sync(1);
	wait_a_bit();
	G_ASSERT_EQ(irq_counts[0x53] + irq_counts[0x54], 0);
	ioapic_route(19, IOAPIC_LEVEL | 0x53, 0);
	wait_a_bit();
	G_ASSERT_EQ(irq_counts[0x53], 3);
	guest_sync(2);
}

CASE(mask, "a level that is high when its entry is unmasked gives its interrupt then")
{
	start(masked);
	guest_handlers[0x53] = three_times;
	vcpu_expect_sync(cpu, 1);
	line(19, 1);
	line(20, 1);
	line(20, 0);
	vcpu_expect_sync(cpu, 2);
	line(19, 0);
	vcpu_expect_done(cpu);
}

static void logical(u64 unused)
{
	apic_enable();
	xapic_write(APIC_LDR, 0x04000000);
	ioapic_route(20, BIT(11) | 0x55, 4);
	ioapic_route(21, BIT(11) | 0x56, 2);
	ioapic_route(22, BIT(11) | BIT(8) | 0x57, 0xff); /* lowest priority */
	irq_enable();
	guest_sync(1);
	wait_a_bit();
	G_ASSERT_EQ(irq_counts[0x55], 1);
	G_ASSERT_EQ(irq_counts[0x56], 0);
	G_ASSERT_EQ(irq_counts[0x57], 1);
}

CASE(destination, "logical destinations and lowest priority find the CPU, or nobody")
{
	start(logical);
	vcpu_expect_sync(cpu, 1);
	line(20, 1);
	line(21, 1);
	line(22, 1);
	vcpu_expect_done(cpu);
}

static void registers(u64 unused)
{
	G_ASSERT_EQ(ioapic_read(1) & 0xff, 0x11);
	G_ASSERT_EQ(ioapic_read(1) >> 16 & 0xff, 23);
	/* Read-only bits: delivery status, remote IRR */
	ioapic_write(0x10 + 6, 0xffffffff);
	G_ASSERT_EQ(ioapic_read(0x10 + 6) & (BIT(12) | IOAPIC_REMOTE_IRR), 0);
	ioapic_write(0x10 + 6, IOAPIC_MASKED);
	ioapic_write(0x11 + 6, 0x12000000);
	G_ASSERT_EQ(ioapic_read(0x11 + 6), 0x12000000);
	/* The index register reads back. */
	*(volatile u32 *)IOAPIC_ADDR = 0x16;
	G_ASSERT_EQ(*(volatile u32 *)IOAPIC_ADDR & 0xff, 0x16);
}

CASE(regs, "version, entries and read-only bits")
{
	start(registers);
	vcpu_expect_done(cpu);
}

static void two_cpus_first(u64 unused)
{
	apic_enable();
	ioapic_route(23, 0x58, 1);
	guest_sync(1);
}

static volatile bool ready;

static void two_cpus_second(u64 unused)
{
	apic_enable();
	irq_enable();
	ready = true;
	while (!irq_counts[0x58])
		relax();
}

CASE(second_cpu, "an entry that names the second CPU interrupts that one")
{
	struct runner *runner;

	start(two_cpus_first);
	vcpu_expect_sync(cpu, 1);
	runner = vcpu_start(vcpu_new(cpu->vm, two_cpus_second, 0));
	while (!ready)
		sleep_ms(1);
	line(23, 1);
	vcpu_join(runner);
	CHECK_EQ(irq_counts[0x58], 1);
}
