// SPDX-License-Identifier: GPL-2.0-only
/* The split interrupt controller: local APICs in the kernel, the rest in the program. */
#include "apic.h"
#include "vm.h"

static struct kvm_enable_cap split(u64 pins)
{
	return (struct kvm_enable_cap){ .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { pins } };
}

CASE(enable, "it is enabled once, before the first vCPU, and not beside the full one")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	struct kvm_enable_cap cap = split(24);

	NEED(vm->kvm, KVM_CAP_SPLIT_IRQCHIP);
	OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EEXIST);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), EEXIST);
	vm = vm_new(VM_NO_MEMORY);
	cap = split(5000);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap = split(24);
	vcpu_new_bare(vm, 0);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EEXIST);
	vm = vm_new(VM_NO_MEMORY | VM_IRQCHIP);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EEXIST);
}

CASE(absent_parts, "what is in the program gives ENXIO here; local APICs and MSIs work")
{
	struct vm *vm = vm_new(VM_SPLIT_IRQCHIP);
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_pit_config pit = { 0 };
	struct kvm_lapic_state s;

	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	CHECK_EQ(ioctl(vm->fd, KVM_CREATE_PIT2, &pit), -1);
	OK(ioctl(vcpu_new_bare(vm, 0)->fd, KVM_GET_LAPIC, &s));
}

static void receive(u64 vector)
{
	apic_enable();
	irq_enable();
	guest_sync(1);
	for (int i = 0; i < 1000 && !irq_counts[vector]; i++)
		relax();
	guest_sync(irq_counts[vector]);
	for (int i = 0; i < 1000 && irq_counts[vector] < 2; i++)
		relax();
	guest_sync(irq_counts[vector]);
}

CASE(msi, "an MSI is delivered")
{
	struct vcpu *cpu = vm_with(VM_SPLIT_IRQCHIP, receive, 0x60);
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x60 };

	guest_handlers[0x60] = irq_count;
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	vcpu_expect_sync(cpu, 1);
}

CASE(eoi,
     "EOI of a vector that a level route names is told with KVM_EXIT_IOAPIC_EOI, of others it is not")
{
	struct vcpu *cpu = vm_with(VM_SPLIT_IRQCHIP, receive, 0x61);
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e[24];
	} t = { .head.nr = 24 };
	struct kvm_msi level = { .address_lo = 0xfee00000, .data = 0x61 | 1 << 15 | 1 << 14 };
	struct kvm_msi other = { .address_lo = 0xfee00000, .data = 0x71 };

	/* The program's I/O APIC, as it is told to the kernel: pin 4 is the one */
	for (u32 i = 0; i < 24; i++)
		t.e[i] = (struct kvm_irq_routing_entry){
			.gsi = i,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000,
				   .data = i == 4 ? 0x61 | 1 << 15 : 0x20 },
		};
	OK(ioctl(cpu->vm->fd, KVM_SET_GSI_ROUTING, &t));
	guest_handlers[0x61] = guest_handlers[0x71] = irq_count;
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, &level), 1);
	vcpu_expect_exit(cpu, KVM_EXIT_IOAPIC_EOI);
	CHECK_EQ(cpu->run->eoi.vector, 0x61);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, &other), 1);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(irq_counts[0x71], 1);
}

static void extint(u64 vector)
{
	apic_enable();
	apic_write(APIC_LVT0, LVT_EXTINT);
	irq_enable();
	guest_sync(1);
	asm volatile("nop; nop");
	G_ASSERT_EQ(irq_counts[vector], 1);
	guest_sync(2);
}

CASE(pic, "KVM_INTERRUPT brings the interrupt of the program's 8259")
{
	struct vcpu *cpu = vm_with(VM_SPLIT_IRQCHIP, extint, 0x33);
	struct kvm_interrupt irq = { 0x33 };

	guest_handlers[0x33] = irq_count_pic;
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(cpu->run->ready_for_interrupt_injection, 1);
	OK(ioctl(cpu->fd, KVM_INTERRUPT, &irq));
	CHECK_ERRNO(ioctl(cpu->fd, KVM_INTERRUPT, &irq), EEXIST);
	/* The EOI goes to the program's port. */
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(cpu->run->io.port, PIC1);
	vcpu_expect_sync(cpu, 2);
}

static void halting(u64 unused)
{
	apic_enable();
	apic_write(APIC_LVTT, 0x41);
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_TMICT, 2000000);
	halt_while(!irq_counts[0x41]);
}

CASE(timer, "the timer of the local APIC wakes a halted CPU")
{
	struct vcpu *cpu = vm_with(VM_SPLIT_IRQCHIP, halting, 0);

	guest_handlers[0x41] = irq_count;
	vcpu_expect_done(cpu);
}
