// SPDX-License-Identifier: GPL-2.0-only
/* IA32_APIC_BASE: the local APIC moved while it is enabled, disabled and enabled again. */
#include "apic.h"
#include "vm.h"

#define ELSEWHERE 0xd0000000UL
#define VECTOR 0x51

static inline u32 moved_read(u32 reg)
{
	return *(volatile u32 *)(ELSEWHERE + reg);
}

static inline void moved_write(u32 reg, u32 value)
{
	*(volatile u32 *)(ELSEWHERE + reg) = value;
}

static void count_moved(struct frame *frame)
{
	irq_counts[frame->vector]++;
	moved_write(APIC_EOI, 0);
}

static void moves(u64 unused)
{
	u64 flags = rdmsr(MSR_APIC_BASE) & (PAGE - 1);

	apic_enable();
	xapic_write(APIC_TPR, 0x20);
	wrmsr(MSR_APIC_BASE, ELSEWHERE | flags);
	G_ASSERT_EQ(rdmsr(MSR_APIC_BASE), ELSEWHERE | flags);
	/* The same APIC */
	G_ASSERT_EQ(moved_read(APIC_TPR), 0x20);
	G_ASSERT_EQ(moved_read(APIC_SPIV), 0x1ff);
	moved_write(APIC_TPR, 0);
	irq_enable();
	for (u64 i = 1; i <= 10; i++) {
		moved_write(APIC_ICR, ICR_SELF | ICR_ASSERT | VECTOR);
		while (irq_counts[VECTOR] < i)
			relax();
	}
	irq_disable();
	/* Where it was there is nothing now: the program's. */
	guest_sync(1);
	G_ASSERT_EQ(xapic_read(APIC_SPIV), 0x12345678);
	wrmsr(MSR_APIC_BASE, APIC_BASE_ADDR | flags);
	G_ASSERT_EQ(xapic_read(APIC_SPIV), 0x1ff);
	guest_handlers[VECTOR] = irq_count;
	irq_enable();
	xapic_write(APIC_ICR, ICR_SELF | ICR_ASSERT | VECTOR);
	while (irq_counts[VECTOR] < 11)
		relax();
}

CASE(moved, "moved while enabled it answers at its new place alone, and its interrupts go on")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, moves, 0);

	guest_handlers[VECTOR] = count_moved;
	vcpu_expect_sync(cpu, 1);
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK_EQ(cpu->run->mmio.phys_addr, APIC_BASE_ADDR + APIC_SPIV);
	CHECK_EQ(cpu->run->mmio.is_write, 0);
	memcpy(cpu->run->mmio.data, &(u32){ 0x12345678 }, 4);
	vcpu_expect_done(cpu);
}

static void disables(u64 unused)
{
	u64 base = rdmsr(MSR_APIC_BASE), value;

	apic_enable();
	xapic_write(APIC_TPR, 0x20);
	wrmsr(MSR_APIC_BASE, base & ~APIC_BASE_ENABLE);
	G_ASSERT_EQ(cpuid(1, 0).edx & BIT(9), 0);
	G_ASSERT_EQ(catch_rdmsr(MSR_X2APIC + (APIC_ID >> 4), &value), 13);
	guest_sync(1);
	wrmsr(MSR_APIC_BASE, base);
	G_ASSERT_EQ(cpuid(1, 0).edx & BIT(9), BIT(9));
	/* As after a reset (SDM vol. 3A, 10.4.3) */
	G_ASSERT_EQ(xapic_read(APIC_TPR), 0);
	G_ASSERT_EQ(xapic_read(APIC_SPIV), 0xff);
	apic_enable();
	irq_enable();
	xapic_write(APIC_ICR, ICR_SELF | ICR_ASSERT | VECTOR);
	while (!irq_counts[VECTOR])
		relax();
	/* Reserved bits and addresses */
	G_ASSERT_EQ(catch_wrmsr(MSR_APIC_BASE, base | BIT(9)), 13);
	G_ASSERT_EQ(catch_wrmsr(MSR_APIC_BASE, base | BIT(0)), 13);
	G_ASSERT_EQ(catch_wrmsr(MSR_APIC_BASE, base | BIT(63)), 13);
	G_ASSERT_EQ(rdmsr(MSR_APIC_BASE), base);
}

CASE(disabled,
     "disabled it is not in CPUID and takes no message; enabled again it is as after a reset")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, disables, 0);
	struct kvm_msi msi = { .address_lo = APIC_BASE_ADDR, .data = VECTOR + 1 };

	guest_handlers[VECTOR] = guest_handlers[VECTOR + 1] = irq_count;
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, &msi), 0);
	vcpu_expect_done(cpu);
	CHECK_EQ(irq_counts[VECTOR + 1], 0);
}
