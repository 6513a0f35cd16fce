// SPDX-License-Identifier: GPL-2.0-only
/* Errors that the local APIC reports, and EOIs that it keeps to itself (directed EOI). */
#include <unistd.h>

#include "apic.h"
#include "debugfs.h"
#include "vm.h"

#define ERROR_VECTOR 0xe1
#define ESR_SEND_VECTOR BIT(5)
#define ESR_RECEIVE_VECTOR BIT(6)
#define ESR_ILLEGAL_REG BIT(7)
#define SPIV_DIRECTED_EOI BIT(12)
#define VERSION_DIRECTED_EOI BIT(24)

static u64 errors;

static void on_error(struct frame *frame)
{
	errors++;
	apic_eoi();
}

/* The register shows what there was at the last write to it. */
static u32 esr(void)
{
	apic_write(APIC_ESR, 0);
	return apic_read(APIC_ESR);
}

static void take(void)
{
	irq_enable();
	for (int i = 0; i < 100; i++)
		relax();
	irq_disable();
}

static void make_errors(u64 x2apic)
{
	if (x2apic)
		x2apic_enable();
	apic_enable();
	apic_write(APIC_LVTERR, ERROR_VECTOR);
	G_ASSERT_EQ(esr(), 0);
	apic_send(0, ICR_SELF | ICR_ASSERT | 5);
	take();
	G_ASSERT_EQ(READ_ONCE(errors), 1);
	/* Not before it is written */
	G_ASSERT_EQ(apic_read(APIC_ESR), 0);
	G_ASSERT_EQ(esr() & ESR_SEND_VECTOR, ESR_SEND_VECTOR);
	G_ASSERT_EQ(esr(), 0);
	apic_send(0, ICR_ASSERT | 5);
	take();
	G_ASSERT_EQ(READ_ONCE(errors), 2);
	G_ASSERT_EQ(esr() & ESR_SEND_VECTOR, ESR_SEND_VECTOR);
	/* Masked it is noted all the same. */
	apic_write(APIC_LVTERR, ERROR_VECTOR | LVT_MASKED);
	apic_send(0, ICR_SELF | ICR_ASSERT | 15);
	take();
	G_ASSERT_EQ(READ_ONCE(errors), 2);
	G_ASSERT_EQ(esr() & ESR_SEND_VECTOR, ESR_SEND_VECTOR);
	G_ASSERT_EQ(irq_counts[5] + irq_counts[15], 0);
	apic_write(APIC_LVTERR, ERROR_VECTOR);
	guest_sync(1);
	/* A message with such a vector came from outside. */
	take();
	G_ASSERT_EQ(READ_ONCE(errors), 3);
	G_ASSERT_EQ(esr(), ESR_RECEIVE_VECTOR);
	if (x2apic)
		return;
	/* A register that there is not */
	xapic_read(0x40);
	take();
	G_ASSERT_EQ(esr(), ESR_ILLEGAL_REG);
	xapic_write(0x40, 0);
	take();
	G_ASSERT_EQ(esr(), ESR_ILLEGAL_REG);
	G_ASSERT_EQ(READ_ONCE(errors), 5);
}

static void expect_errors(bool x2apic)
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, make_errors, x2apic);
	struct kvm_msi msi = { .address_lo = APIC_BASE_ADDR, .data = 7 };

	if (access(vm_path(cpu->vm, "vcpu0/flight"), F_OK))
		SKIP("the distribution's modules report no errors");
	guest_handlers[ERROR_VECTOR] = on_error;
	guest_handlers[5] = guest_handlers[15] = irq_count;
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	vcpu_expect_done(cpu);
}

CASE(xapic_errors,
     "vectors below 16 and registers that there are not: the ESR and the error interrupt; xAPIC")
{
	expect_errors(false);
}

CASE(x2apic_errors, "the same, without the registers, which give #GP; x2APIC")
{
	expect_errors(true);
}

/* --------------------------------------------------------------------------------------------------- directed EOI */

#define VECTOR 0x61
#define LEVEL_MESSAGE (VECTOR | 1 << 15 | 1 << 14)

static void directs(u64 unused)
{
	x2apic_enable();
	G_ASSERT_EQ(apic_read(APIC_VERSION) & VERSION_DIRECTED_EOI, VERSION_DIRECTED_EOI);
	apic_write(APIC_SPIV, 0x1ff);
	irq_enable();
	guest_sync(1);
	while (irq_counts[VECTOR] < 1)
		relax();
	apic_write(APIC_SPIV, 0x1ff | SPIV_DIRECTED_EOI);
	G_ASSERT_EQ(apic_read(APIC_SPIV), 0x1ff | SPIV_DIRECTED_EOI);
	guest_sync(2);
	while (irq_counts[VECTOR] < 2)
		relax();
	/* It is ended here all the same. */
	G_ASSERT(!apic_bit(APIC_ISR, VECTOR));
	guest_sync(3);
	while (irq_counts[VECTOR] < 3)
		relax();
	apic_write(APIC_SPIV, 0x1ff);
	guest_sync(4);
	while (irq_counts[VECTOR] < 4)
		relax();
}

/* The program's I/O APIC, as it is told to the kernel: pin 4 is a level */
static void set_routes(struct vm *vm)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e[24];
	} t = { .head.nr = 24 };

	for (u32 i = 0; i < 24; i++)
		t.e[i] = (struct kvm_irq_routing_entry){
			.gsi = i,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = APIC_BASE_ADDR,
				   .data = i == 4 ? VECTOR | 1 << 15 : 0x20 },
		};
	OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &t));
}

static void send_level(struct vm *vm)
{
	struct kvm_msi msi = { .address_lo = APIC_BASE_ADDR, .data = LEVEL_MESSAGE };

	CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
}

CASE(directed,
     "with a split irqchip, EOIs of levels go to the program until the guest directs them itself")
{
	struct vcpu *cpu = vm_with(VM_SPLIT_IRQCHIP, directs, 0);

	set_routes(cpu->vm);
	guest_handlers[VECTOR] = irq_count;
	vcpu_expect_sync(cpu, 1);
	send_level(cpu->vm);
	vcpu_expect_exit(cpu, KVM_EXIT_IOAPIC_EOI);
	CHECK_EQ(cpu->run->eoi.vector, VECTOR);
	vcpu_expect_sync(cpu, 2);
	for (u64 step = 3; step <= 4; step++) {
		send_level(cpu->vm);
		vcpu_expect_sync(cpu, step);
	}
	send_level(cpu->vm);
	vcpu_expect_exit(cpu, KVM_EXIT_IOAPIC_EOI);
	vcpu_expect_done(cpu);
}

static void cannot_direct(u64 unused)
{
	apic_enable();
	/* Its I/O APIC is of the version without a register for them. */
	G_ASSERT_EQ(ioapic_read(1) & 0xff, 0x11);
	G_ASSERT_EQ(apic_read(APIC_VERSION) & VERSION_DIRECTED_EOI, 0);
	apic_write(APIC_SPIV, 0x1ff | SPIV_DIRECTED_EOI);
	G_ASSERT_EQ(apic_read(APIC_SPIV), 0x1ff);
	x2apic_enable();
	G_ASSERT_EQ(catch_wrmsr(MSR_X2APIC + (APIC_SPIV >> 4), 0x1ff | SPIV_DIRECTED_EOI), 13);
	guest_done();
}

CASE(not_directed, "with the I/O APIC in the kernel that is not offered, and its bit cannot be set")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, cannot_direct, 0);

	vcpu_expect_done(cpu);
}
