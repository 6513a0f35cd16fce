// SPDX-License-Identifier: GPL-2.0-only
/* KVM_NMI, and how NMIs are masked. */
#include "apic.h"
#include "vm.h"

static volatile u64 count, depth, deepest;

static void take(struct frame *frame)
{
	count++;
	if (++depth > deepest)
		deepest = depth;
	guest_sync(0x100 + count);
	depth--;
}

static void quiet(u64 unused)
{
	guest_sync(1);
	barrier();
	guest_sync(2);
}

CASE(one, "an NMI comes through with interrupts off")
{
	struct vcpu *cpu = vm_with(0, quiet, 0);

	NEED(cpu->vm->kvm, KVM_CAP_USER_NMI);
	guest_handlers[2] = take;
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->fd, KVM_NMI, 0));
	vcpu_expect_sync(cpu, 0x101);
	vcpu_expect_sync(cpu, 2);
	vcpu_expect_done(cpu);
	CHECK_EQ(count, 1);
}

CASE(masked, "an NMI during an NMI waits for IRET, and then comes")
{
	struct vcpu *cpu = vm_with(0, quiet, 0);

	guest_handlers[2] = take;
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->fd, KVM_NMI, 0));
	vcpu_expect_sync(cpu, 0x101);
	OK(ioctl(cpu->fd, KVM_NMI, 0));
	vcpu_expect_sync(cpu, 0x102);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(deepest, 1);
}

CASE(collapse, "more NMIs than two while one is handled collapse")
{
	struct vcpu *cpu = vm_with(0, quiet, 0);
	struct event ev;

	guest_handlers[2] = take;
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->fd, KVM_NMI, 0));
	vcpu_expect_sync(cpu, 0x101);
	for (int i = 0; i < 5; i++)
		OK(ioctl(cpu->fd, KVM_NMI, 0));
	do
		ev = vcpu_run(cpu);
	while (ev.kind == EV_SYNC && ev.value != 2);
	CHECK(count >= 2 && count <= 3);
	CHECK_EQ(deepest, 1);
}

static void take_breakpoint(struct frame *frame)
{
}

static void with_breakpoint(struct frame *frame)
{
	count++;
	if (++depth > deepest)
		deepest = depth;
	guest_sync(0x100 + count);
	if (count == 1)
		asm volatile("int3");
	guest_sync(0x110 + count);
	depth--;
}

CASE(nested, "an exception in the handler ends the masking with its IRET")
{
	struct vcpu *cpu = vm_with(0, quiet, 0);

	guest_handlers[2] = with_breakpoint;
	guest_handlers[3] = take_breakpoint;
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->fd, KVM_NMI, 0));
	vcpu_expect_sync(cpu, 0x101);
	OK(ioctl(cpu->fd, KVM_NMI, 0));
	vcpu_expect_sync(cpu, 0x102);
	vcpu_expect_sync(cpu, 0x112);
	vcpu_expect_sync(cpu, 0x112);
	vcpu_expect_sync(cpu, 2);
	vcpu_expect_done(cpu);
	CHECK_EQ(deepest, 2);
}

static volatile bool halted;

static void just_count(struct frame *frame)
{
	count++;
}

static void halting(u64 unused)
{
	apic_enable();
	halted = true;
	while (!count)
		halt();
}

CASE(wakes, "an NMI wakes a halted vCPU")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, halting, 0);
	struct runner *runner;

	guest_handlers[2] = just_count;
	runner = vcpu_start(cpu);
	while (!halted)
		sleep_ms(1);
	sleep_ms(20);
	/* A vCPU's command waits for KVM_RUN, so the NMI comes from the bus. */
	CHECK_EQ(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI,
		       &(struct kvm_msi){ .address_lo = 0xfee00000, .data = ICR_NMI }),
		 1);
	vcpu_join(runner);
	CHECK_EQ(count, 1);
}

static void two_nmis(u64 unused)
{
	apic_enable();
	/* To itself: fixed vectors wait for STI, an NMI does not. */
	apic_send(0, ICR_NMI | ICR_ASSERT);
	for (int i = 0; i < 1000 && !count; i++)
		relax();
	G_ASSERT_EQ(count, 1);
	/* Through the LINT1 input, as a PC has it */
	apic_write(APIC_LVT1, LVT_NMI);
	guest_sync(1);
	for (int i = 0; i < 1000 && count < 2; i++)
		relax();
	G_ASSERT_EQ(count, 2);
}

CASE(from_apic, "the local APIC sends NMIs, and KVM_NMI goes through it with an in-kernel one")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, two_nmis, 0);

	guest_handlers[2] = just_count;
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->fd, KVM_NMI, 0));
	vcpu_expect_done(cpu);
}

static void nmi_from_pic(u64 unused)
{
	apic_enable();
	pic_init(0x30);
	outb(0x43, 0x34); /* channel 0, rate generator */
	outb(0x40, 1193 & 0xff);
	outb(0x40, 1193 >> 8);
	outb(PIC1 + 1, 0xfe);
	apic_write(APIC_LVT0, LVT_NMI | LVT_MASKED);
	for (int i = 0; i < 1000; i++)
		relax();
	G_ASSERT_EQ(count, 0);
	apic_write(APIC_LVT0, LVT_NMI);
	while (!count)
		relax();
}

CASE(lint0, "the timer's interrupt through LINT0 is an NMI where LINT0 is told so")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP | VM_PIT, nmi_from_pic, 0);

	guest_handlers[2] = just_count;
	vcpu_expect_done(cpu);
}

static void nmi_from_ioapic(u64 unused)
{
	apic_enable();
	ioapic_route(20, ICR_NMI | IOAPIC_MASKED, 0);
	ioapic_route(21, ICR_NMI | IOAPIC_LEVEL, 0);
	guest_sync(1);
	G_ASSERT_EQ(count, 0);
	ioapic_route(20, ICR_NMI, 0);
	guest_sync(2);
	barrier();
	G_ASSERT_EQ(count, 1);
	guest_sync(3);
	barrier();
	G_ASSERT_EQ(count, 2);
	/* It is an edge whatever the entry says: there is no end to wait for. */
	G_ASSERT_EQ(ioapic_read(0x10 + 2 * 21) & IOAPIC_REMOTE_IRR, 0);
	guest_sync(4);
	barrier();
	G_ASSERT_EQ(count, 3);
}

static void pulse(struct vm *vm, u32 gsi)
{
	struct kvm_irq_level l = { .irq = gsi, .level = 1 };

	OK(ioctl(vm->fd, KVM_IRQ_LINE, &l));
	l.level = 0;
	OK(ioctl(vm->fd, KVM_IRQ_LINE, &l));
}

CASE(ioapic, "the I/O APIC sends NMIs, with interrupts off, each an edge; a masked entry does not")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, nmi_from_ioapic, 0);

	guest_handlers[2] = just_count;
	vcpu_expect_sync(cpu, 1);
	pulse(cpu->vm, 20);
	vcpu_expect_sync(cpu, 2);
	pulse(cpu->vm, 20);
	vcpu_expect_sync(cpu, 3);
	pulse(cpu->vm, 21);
	vcpu_expect_sync(cpu, 4);
	pulse(cpu->vm, 21);
	vcpu_expect_done(cpu);
}
