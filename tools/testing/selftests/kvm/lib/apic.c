// SPDX-License-Identifier: GPL-2.0-only
#include "apic.h"
#include "vm.h"

volatile u64 irq_counts[256];

u32 lapic_image_read(struct vcpu *cpu, u32 reg)
{
	struct kvm_lapic_state s;
	u32 value;

	OK(ioctl(cpu->fd, KVM_GET_LAPIC, &s));
	memcpy(&value, s.regs + reg, sizeof(value));
	return value;
}

void lapic_image_write(struct vcpu *cpu, u32 reg, u32 value)
{
	struct kvm_lapic_state s;

	OK(ioctl(cpu->fd, KVM_GET_LAPIC, &s));
	memcpy(s.regs + reg, &value, sizeof(value));
	OK(ioctl(cpu->fd, KVM_SET_LAPIC, &s));
}

void irq_count(struct frame *frame)
{
	irq_counts[frame->vector]++;
	apic_eoi();
}

void irq_count_pic(struct frame *frame)
{
	irq_counts[frame->vector]++;
	if (frame->vector & 8)
		outb(PIC2, 0x20);
	outb(PIC1, 0x20);
}
