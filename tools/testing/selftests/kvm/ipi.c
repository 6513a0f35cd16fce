// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts between CPUs. */
#include "apic.h"
#include "vm.h"

static volatile u64 pings, ready[3], stop;

static void ping(struct frame *frame)
{
	pings++;
	apic_eoi();
}

static void listener(u64 x2apic)
{
	if (x2apic)
		x2apic_enable();
	apic_enable();
	irq_enable();
	ready[this_cpu()->index] = 1;
	while (!stop)
		relax();
}

static void sleeper(u64 x2apic)
{
	if (x2apic)
		x2apic_enable();
	apic_enable();
	ready[this_cpu()->index] = 1;
	halt_while(!stop);
}

static void sender(u64 x2apic)
{
	if (x2apic)
		x2apic_enable();
	apic_enable();
	while (!ready[1])
		relax();
	for (u64 i = 1; i <= 200; i++) {
		apic_send(1, ICR_FIXED | ICR_ASSERT | 0x81);
		while (pings < i)
			relax();
	}
	stop = 1;
	apic_send(1, ICR_FIXED | ICR_ASSERT | 0x81);
}

static void pair(void (*other)(u64), bool x2apic)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *a = vcpu_new(vm, sender, x2apic);
	struct runner *b = vcpu_start(vcpu_new(vm, other, x2apic));

	guest_handlers[0x81] = ping;
	vcpu_expect_done(a);
	vcpu_join(b);
	CHECK(pings >= 200);
	vm_free(vm);
}

CASE(running, "two hundred IPIs to a running CPU, one after the other; xAPIC")
{
	pair(listener, false);
}

CASE(running_x2apic, "the same, x2APIC")
{
	pair(listener, true);
}

CASE(halted, "two hundred IPIs to a halted CPU; xAPIC")
{
	pair(sleeper, false);
}

CASE(halted_x2apic, "the same, x2APIC")
{
	pair(sleeper, true);
}

static void shorthands(u64 x2apic)
{
	if (x2apic)
		x2apic_enable();
	apic_enable();
	irq_enable();
	apic_send(0, ICR_SELF | ICR_ASSERT | 0x82);
	while (irq_counts[0x82] < 1)
		relax();
	apic_send(0, ICR_ALL | ICR_ASSERT | 0x82);
	while (irq_counts[0x82] < 2)
		relax();
	apic_send(0, ICR_OTHERS | ICR_ASSERT | 0x82);
	for (int i = 0; i < 1000; i++)
		relax();
	G_ASSERT_EQ(irq_counts[0x82], 2);
	apic_send(0, ICR_ASSERT | 0x82); /* to itself, by number */
	while (irq_counts[0x82] < 3)
		relax();
	if (x2apic) {
		x2apic_write(APIC_SELF_IPI, 0x82);
		while (irq_counts[0x82] < 4)
			relax();
		return;
	}
	G_ASSERT_EQ(xapic_read(APIC_ICR) & ICR_BUSY, 0);
	G_ASSERT_EQ(xapic_read(APIC_ICR) & 0xff, 0x82);
}

CASE(self, "self, all, all but self; xAPIC")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, shorthands, 0);

	guest_handlers[0x82] = irq_count;
	vcpu_expect_done(cpu);
}

CASE(self_x2apic, "the same, and the self-IPI register; x2APIC")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, shorthands, 1);

	guest_handlers[0x82] = irq_count;
	vcpu_expect_done(cpu);
}

static volatile u64 got[3];

static void got_one(struct frame *frame)
{
	__atomic_add_fetch(&got[this_cpu()->index], 1, __ATOMIC_SEQ_CST);
	apic_eoi();
}

static void broadcast(u64 unused)
{
	apic_enable();
	xapic_write(APIC_LDR, 0x01000000);
	irq_enable();
	while (!ready[1] || !ready[2])
		relax();
	apic_send(0, ICR_OTHERS | ICR_ASSERT | 0x83);
	while (!got[1] || !got[2])
		relax();
	G_ASSERT_EQ(got[0], 0);
	apic_send(0xff, ICR_ASSERT | 0x83);
	while (got[0] < 1 || got[1] < 2 || got[2] < 2)
		relax();
	/* Logical: CPUs 1 and 2 */
	apic_send(0x6, ICR_LOGICAL | ICR_ASSERT | 0x83);
	while (got[1] < 3 || got[2] < 3)
		relax();
	G_ASSERT_EQ(got[0], 1);
	stop = 1;
}

static void logical_listener(u64 bit)
{
	apic_enable();
	xapic_write(APIC_LDR, bit << 24);
	listener(0);
}

CASE(three, "broadcasts and logical destinations among three CPUs")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *a = vcpu_new(vm, broadcast, 0);
	struct runner *b = vcpu_start(vcpu_new(vm, logical_listener, 2));
	struct runner *c = vcpu_start(vcpu_new(vm, logical_listener, 4));

	guest_handlers[0x83] = got_one;
	vcpu_expect_done(a);
	vcpu_join(b);
	vcpu_join(c);
	vm_free(vm);
}

static void errors(u64 unused)
{
	apic_enable();
	apic_write(APIC_ESR, 0);
	apic_send(0, ICR_SELF | ICR_ASSERT | 0x05); /* an illegal vector */
	for (int i = 0; i < 100; i++)
		relax();
	G_ASSERT_EQ(irq_counts[5], 0);
	guest_sync(1);
}

CASE(illegal, "a vector below 16 is not delivered")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, errors, 0);

	guest_handlers[5] = irq_count;
	vcpu_expect_sync(cpu, 1);
}
