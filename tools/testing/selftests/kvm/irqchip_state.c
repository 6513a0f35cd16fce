// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CREATE_IRQCHIP, KVM_GET_IRQCHIP, KVM_SET_IRQCHIP. */
#include "apic.h"
#include "vm.h"

CASE(once, "the interrupt controllers are made once (EEXIST), and before the first vCPU (EINVAL)")
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), EEXIST);
	vm = vm_new(VM_NO_MEMORY);
	vcpu_new_bare(vm, 0);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), EINVAL);
}

CASE(absent, "without them their commands give ENXIO")
{
	struct vm *vm = vm_new(0);
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_irq_level level = { .irq = 1, .level = 1 };
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x40 };
	struct kvm_pit_config pit = { 0 };

	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQ_LINE, &level), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &level), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_PIT2, &pit), ENOENT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), EINVAL);
}

CASE(bad_chip, "a chip that there is not gives EINVAL, a pointer to nowhere EFAULT")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_irqchip chip = { .chip_id = KVM_NR_IRQCHIPS };

	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), EINVAL);
	chip.chip_id = 0xffffffff;
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_IRQCHIP, 8), EFAULT);
}

CASE(fresh, "after reset the I/O APIC's entries are masked and its number 0")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip));
	CHECK_EQ(chip.chip.ioapic.base_address, IOAPIC_ADDR);
	CHECK_EQ(chip.chip.ioapic.id, 0);
	CHECK_EQ(chip.chip.ioapic.irr, 0);
	for (int i = 0; i < KVM_IOAPIC_NUM_PINS; i++)
		CHECK_EQ(chip.chip.ioapic.redirtbl[i].fields.mask, 1);
}

CASE(roundtrip, "what is set is read back, each chip's")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_irqchip a = { .chip_id = KVM_IRQCHIP_PIC_MASTER }, b;

	OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &a));
	a.chip.pic.irq_base = 0x50;
	a.chip.pic.imr = 0xa5;
	a.chip.pic.elcr = 0x20;
	a.chip.pic.auto_eoi = 1;
	OK(ioctl(vm->fd, KVM_SET_IRQCHIP, &a));
	b.chip_id = KVM_IRQCHIP_PIC_MASTER;
	OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &b));
	CHECK(!memcmp(&a.chip.pic, &b.chip.pic, sizeof(a.chip.pic)));
	b.chip_id = KVM_IRQCHIP_PIC_SLAVE;
	OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &b));
	CHECK(b.chip.pic.irq_base != 0x50);
	b.chip.pic.irq_base = 0x58;
	OK(ioctl(vm->fd, KVM_SET_IRQCHIP, &b));
	a.chip_id = KVM_IRQCHIP_PIC_SLAVE;
	OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &a));
	CHECK_EQ(a.chip.pic.irq_base, 0x58);

	a.chip_id = b.chip_id = KVM_IRQCHIP_IOAPIC;
	OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &a));
	a.chip.ioapic.redirtbl[5].bits = 0x0100000000018071;
	a.chip.ioapic.id = 3;
	OK(ioctl(vm->fd, KVM_SET_IRQCHIP, &a));
	OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &b));
	CHECK_EQ(b.chip.ioapic.redirtbl[5].bits, 0x0100000000018071);
	CHECK_EQ(b.chip.ioapic.id, 3);
}

static void program(u64 unused)
{
	pic_init(0x30);
	outb(PIC1 + 1, 0xfb);
	ioapic_route(7, IOAPIC_LEVEL | IOAPIC_MASKED | 0x77, 1);
	G_ASSERT_EQ(ioapic_read(0x10 + 14), IOAPIC_LEVEL | IOAPIC_MASKED | 0x77);
	G_ASSERT_EQ(ioapic_read(0x11 + 14), 1 << 24);
	G_ASSERT_EQ(ioapic_read(1) >> 16, 23);
	ioapic_write(0, 0x0a000000);
	G_ASSERT_EQ(ioapic_read(0), 0x0a000000);
	G_ASSERT_EQ(inb(PIC1 + 1), 0xfb);
	guest_sync(1);
}

CASE(guest, "what the guest programs is seen in the state")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, program, 0);
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->vm->fd, KVM_GET_IRQCHIP, &chip));
	CHECK_EQ(chip.chip.ioapic.redirtbl[7].fields.vector, 0x77);
	CHECK_EQ(chip.chip.ioapic.redirtbl[7].fields.trig_mode, 1);
	CHECK_EQ(chip.chip.ioapic.redirtbl[7].fields.mask, 1);
	CHECK_EQ(chip.chip.ioapic.redirtbl[7].fields.dest_id, 1);
	CHECK_EQ(chip.chip.ioapic.id, 0xa);
	chip.chip_id = KVM_IRQCHIP_PIC_MASTER;
	OK(ioctl(cpu->vm->fd, KVM_GET_IRQCHIP, &chip));
	CHECK_EQ(chip.chip.pic.irq_base, 0x30);
	CHECK_EQ(chip.chip.pic.imr, 0xfb);
	chip.chip_id = KVM_IRQCHIP_PIC_SLAVE;
	OK(ioctl(cpu->vm->fd, KVM_GET_IRQCHIP, &chip));
	CHECK_EQ(chip.chip.pic.irq_base, 0x38);
}
