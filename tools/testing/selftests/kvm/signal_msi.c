// SPDX-License-Identifier: GPL-2.0-only
/* KVM_SIGNAL_MSI. */
#include "apic.h"
#include "vm.h"

static struct vcpu *cpu;

static int send(u32 address_lo, u32 address_hi, u32 data)
{
	struct kvm_msi m = { .address_lo = address_lo, .address_hi = address_hi, .data = data };

	return ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, &m);
}

static void wait_for(u64 vector)
{
	apic_enable();
	xapic_write(APIC_LDR, 0x01000000);
	irq_enable();
	guest_sync(1);
	for (int i = 0; i < 1000 && !irq_counts[vector]; i++)
		relax();
	guest_sync(irq_counts[vector]);
}

static void start(u8 vector)
{
	cpu = vm_with(VM_IRQCHIP, wait_for, vector);
	guest_handlers[vector] = irq_count;
	vcpu_expect_sync(cpu, 1);
}

CASE(physical, "to a CPU by its number: delivered, and said so")
{
	start(0x90);
	CHECK_EQ(send(0xfee00000, 0, 0x90), 1);
	vcpu_expect_sync(cpu, 1);
}

CASE(nobody, "to a number that no CPU has: 0, and nothing happens")
{
	start(0x90);
	CHECK_EQ(send(0xfee05000, 0, 0x90), 0);
	vcpu_expect_sync(cpu, 0);
}

CASE(logical, "by a logical destination, by lowest priority, by broadcast")
{
	start(0x91);
	CHECK_EQ(send(0xfee01004, 0, 0x91), 1);
	vcpu_expect_sync(cpu, 1);
	start(0x92);
	CHECK_EQ(send(0xfee0100c, 0, 0x92 | 1 << 8), 1);
	vcpu_expect_sync(cpu, 1);
	start(0x93);
	CHECK_EQ(send(0xfeeff000, 0, 0x93), 1);
	vcpu_expect_sync(cpu, 1);
}

CASE(pending,
     "a vector that is pending already answers as one that is not, and is not counted twice")
{
	start(0x94);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(send(0xfee00000, 0, 0x94), 1);
	/* So it is with a level, of which there is no end either, with a logical destination, and with everybody. */
	CHECK_EQ(send(0xfee00000, 0, 0x94 | 1 << 15), 1);
	CHECK_EQ(send(0xfee01004, 0, 0x94), 1);
	CHECK_EQ(send(0xfee0100c, 0, 0x94 | 1 << 8), 1);
	CHECK_EQ(send(0xfeeff000, 0, 0x94), 1);
	vcpu_expect_sync(cpu, 1);
}

CASE(nowhere, "a pointer to nowhere gives EFAULT")
{
	start(0x95);
	CHECK_ERRNO(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, 8), EFAULT);
	vcpu_expect_sync(cpu, 0);
}

static volatile u64 order[4], n;

static void note(struct frame *frame)
{
	order[n++] = frame->vector;
	apic_eoi();
}

static void sorted(u64 unused)
{
	apic_enable();
	guest_sync(1);
	irq_enable();
	for (int i = 0; i < 1000 && n < 3; i++)
		relax();
	G_ASSERT_EQ(order[0], 0xb1);
	G_ASSERT_EQ(order[1], 0x71);
	G_ASSERT_EQ(order[2], 0x41);
}

CASE(priority, "several at once are taken from the highest vector down")
{
	cpu = vm_with(VM_IRQCHIP, sorted, 0);
	guest_handlers[0x41] = guest_handlers[0x71] = guest_handlers[0xb1] = note;
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(send(0xfee00000, 0, 0x41), 1);
	CHECK_EQ(send(0xfee00000, 0, 0xb1), 1);
	CHECK_EQ(send(0xfee00000, 0, 0x71), 1);
	vcpu_expect_done(cpu);
}

static void tpr(u64 unused)
{
	apic_enable();
	write_cr8(8);
	irq_enable();
	guest_sync(1);
	for (int i = 0; i < 1000; i++)
		relax();
	G_ASSERT_EQ(n, 0);
	write_cr8(6);
	for (int i = 0; i < 1000 && n < 1; i++)
		relax();
	G_ASSERT_EQ(order[0], 0x71);
	G_ASSERT_EQ(n, 1);
	write_cr8(0);
	for (int i = 0; i < 1000 && n < 2; i++)
		relax();
	G_ASSERT_EQ(order[1], 0x41);
}

CASE(task_priority, "the task priority holds back lower vectors until it is lowered")
{
	cpu = vm_with(VM_IRQCHIP, tpr, 0);
	guest_handlers[0x41] = guest_handlers[0x71] = note;
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(send(0xfee00000, 0, 0x41), 1);
	CHECK_EQ(send(0xfee00000, 0, 0x71), 1);
	vcpu_expect_done(cpu);
}
