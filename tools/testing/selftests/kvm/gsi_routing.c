// SPDX-License-Identifier: GPL-2.0-only
/* KVM_SET_GSI_ROUTING: where interrupt numbers lead. */
#include <stdlib.h>

#include "apic.h"
#include "vm.h"

static struct kvm_irq_routing *table(u32 nr)
{
	struct kvm_irq_routing *t =
		calloc(1, sizeof(*t) + nr * sizeof(struct kvm_irq_routing_entry));

	REQUIRE(t);
	t->nr = nr;
	return t;
}

static void msi(struct kvm_irq_routing_entry *e, u32 gsi, u8 vector)
{
	*e = (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee00000, .data = vector },
	};
}

static void pin(struct kvm_irq_routing_entry *e, u32 gsi, u32 chip, u32 pin)
{
	*e = (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { chip, pin },
	};
}

static int set(struct vm *vm, struct kvm_irq_routing *t)
{
	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, t);
}

static int line(struct vm *vm, u32 gsi, u32 level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	return ioctl(vm->fd, KVM_IRQ_LINE, &l);
}

static void expect(u64 vector)
{
	apic_enable();
	ioapic_route(6, 0x66, 0);
	irq_enable();
	guest_sync(1);
	for (int i = 0; i < 10000 && !irq_counts[vector]; i++)
		relax();
	G_ASSERT_EQ(irq_counts[vector], 1);
	guest_sync(2);
	for (int i = 0; i < 1000; i++)
		relax();
	G_ASSERT_EQ(irq_counts[vector], 1);
}

CASE(to_msi, "a GSI routed to an MSI gives that vector; routed away it gives nothing")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, expect, 0x70);
	struct kvm_irq_routing *t = table(1);

	guest_handlers[0x70] = guest_handlers[0x71] = irq_count;
	vcpu_expect_sync(cpu, 1);
	msi(&t->entries[0], 30, 0x70);
	OK(set(cpu->vm, t));
	OK(line(cpu->vm, 30, 1));
	OK(line(cpu->vm, 30, 0)); /* the fall of an MSI is nothing */
	vcpu_expect_sync(cpu, 2);
	msi(&t->entries[0], 31, 0x70);
	OK(set(cpu->vm, t));
	line(cpu->vm, 30, 1);
	vcpu_expect_done(cpu);
}

CASE(to_pin, "a GSI routed to a pin of the I/O APIC gives what that pin's entry says")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, expect, 0x66);
	struct kvm_irq_routing *t = table(1);

	guest_handlers[0x66] = irq_count;
	vcpu_expect_sync(cpu, 1);
	pin(&t->entries[0], 100, KVM_IRQCHIP_IOAPIC, 6);
	OK(set(cpu->vm, t));
	OK(line(cpu->vm, 100, 1));
	vcpu_expect_sync(cpu, 2);
	OK(line(cpu->vm, 100, 0));
	vcpu_expect_done(cpu);
}

static void both(u64 unused)
{
	apic_enable();
	apic_write(APIC_LVT0, LVT_EXTINT);
	pic_init(0x30);
	outb(PIC1 + 1, 0xf7);
	ioapic_route(3, 0x63, 0);
	irq_enable();
	guest_sync(1);
	for (int i = 0; i < 10000 && !(irq_counts[0x63] && irq_counts[0x33]); i++)
		relax();
	G_ASSERT_EQ(irq_counts[0x63], 1);
	G_ASSERT_EQ(irq_counts[0x33], 1);
}

CASE(default_table, "the default: GSI 3 reaches the 8259 and the I/O APIC both")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, both, 0);

	guest_handlers[0x63] = irq_count;
	guest_handlers[0x33] = irq_count_pic;
	vcpu_expect_sync(cpu, 1);
	OK(line(cpu->vm, 3, 1));
	vcpu_expect_done(cpu);
}

CASE(several, "one GSI to a pin of each chip, set by the program")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, both, 0);
	struct kvm_irq_routing *t = table(2);

	guest_handlers[0x63] = irq_count;
	guest_handlers[0x33] = irq_count_pic;
	vcpu_expect_sync(cpu, 1);
	pin(&t->entries[0], 40, KVM_IRQCHIP_PIC_MASTER, 3);
	pin(&t->entries[1], 40, KVM_IRQCHIP_IOAPIC, 3);
	OK(set(cpu->vm, t));
	OK(line(cpu->vm, 40, 1));
	vcpu_expect_done(cpu);
}

CASE(refused, "bad tables give EINVAL and leave the old one")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, expect, 0x70);
	struct vm *vm = cpu->vm;
	struct kvm_irq_routing *good = table(1), *t = table(2);
	u32 max = kvm_cap(vm->fd, KVM_CAP_IRQ_ROUTING);

	guest_handlers[0x70] = irq_count;
	vcpu_expect_sync(cpu, 1);
	msi(&good->entries[0], 30, 0x70);
	OK(set(vm, good));
	/* An unknown type */
	msi(&t->entries[0], 30, 0x71);
	t->nr = 1;
	t->entries[0].type = 99;
	CHECK_ERRNO(set(vm, t), EINVAL);
	/* Flags of the table and of an entry */
	msi(&t->entries[0], 30, 0x71);
	t->flags = 1;
	CHECK_ERRNO(set(vm, t), EINVAL);
	t->flags = 0;
	t->entries[0].flags = BIT(5);
	CHECK_ERRNO(set(vm, t), EINVAL);
	/* A GSI beyond the last */
	msi(&t->entries[0], max, 0x71);
	CHECK_ERRNO(set(vm, t), EINVAL);
	/* A chip, and a pin, that there are not */
	pin(&t->entries[0], 30, 7, 0);
	CHECK_ERRNO(set(vm, t), EINVAL);
	pin(&t->entries[0], 30, KVM_IRQCHIP_IOAPIC, 24);
	CHECK_ERRNO(set(vm, t), EINVAL);
	pin(&t->entries[0], 30, KVM_IRQCHIP_PIC_MASTER, 16);
	CHECK_ERRNO(set(vm, t), EINVAL);
	/* Two entries for one pin of a GSI, two MSIs for one GSI */
	t->nr = 2;
	msi(&t->entries[0], 30, 0x71);
	msi(&t->entries[1], 30, 0x72);
	CHECK_ERRNO(set(vm, t), EINVAL);
	/* Too many */
	t->nr = 5000;
	CHECK_ERRNO(set(vm, t), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, 8), EFAULT);
	OK(line(vm, 30, 1));
	vcpu_expect_sync(cpu, 2);
	vcpu_expect_done(cpu);
}

CASE(largest, "a table as long as the capability says, and an empty one")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	u32 max = kvm_cap(vm->fd, KVM_CAP_IRQ_ROUTING);
	struct kvm_irq_routing *t = table(max);

	CHECK(max >= 1024);
	for (u32 i = 0; i < max; i++)
		msi(&t->entries[i], i, 0x40);
	OK(set(vm, t));
	t->nr = 0;
	OK(set(vm, t));
}

CASE(no_route, "a line that leads nowhere is no error that hurts")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_irq_routing *t = table(0);
	int ret;

	OK(set(vm, t));
	ret = line(vm, 5, 1);
	CHECK(ret == 0 || (ret == -1 && errno == EINVAL));
	ret = line(vm, 1000000, 1);
	CHECK(ret == 0 || (ret == -1 && errno == EINVAL));
}
