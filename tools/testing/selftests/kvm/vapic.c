// SPDX-License-Identifier: GPL-2.0-only
/* KVM_TPR_ACCESS_REPORTING and KVM_SET_VAPIC_ADDR. */
#include "apic.h"
#include "vm.h"

static void nothing(u64 unused)
{
	apic_enable();
	apic_write(APIC_TPR, 0x30);
	guest_sync(apic_read(APIC_TPR));
}

CASE(reporting, "it can be turned on and off with an in-kernel APIC; unknown flags are refused")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, nothing, 0);
	struct kvm_tpr_access_ctl t = { .enabled = 1 };
	struct event ev;

	NEED(cpu->vm->kvm, KVM_CAP_VAPIC);
	t.flags = 1;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_TPR_ACCESS_REPORTING, &t), EINVAL);
	t.flags = 0;
	OK(ioctl(cpu->fd, KVM_TPR_ACCESS_REPORTING, &t));
	/* Its writing and its reading, and where. */
	for (int i = 0; i < 2; i++) {
		vcpu_expect_exit(cpu, KVM_EXIT_TPR_ACCESS);
		CHECK_EQ(cpu->run->tpr_access.is_write, !i);
		CHECK(cpu->run->tpr_access.rip >= (u64)nothing);
		CHECK(cpu->run->tpr_access.rip < (u64)nothing + 0x200);
	}
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_SYNC);
	CHECK_EQ(ev.value, 0x30);
	t.enabled = 0;
	OK(ioctl(cpu->fd, KVM_TPR_ACCESS_REPORTING, &t));
}

CASE(vapic_addr,
     "the address of the page is taken and cleared; without an in-kernel APIC it gives EINVAL")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, nothing, 0), *none = vm_with(0, nothing, 0);
	struct kvm_vapic_addr v = { 0x300000 };

	NEED(cpu->vm->kvm, KVM_CAP_VAPIC);
	/* The guest's priority is there, where its operating system would have put it. */
	*(u32 *)vm_host(cpu->vm, 0x300000) = 0x30;
	OK(ioctl(cpu->fd, KVM_SET_VAPIC_ADDR, &v));
	vcpu_expect_sync(cpu, 0x30);
	v.vapic_addr = 0;
	OK(ioctl(cpu->fd, KVM_SET_VAPIC_ADDR, &v));
	CHECK_ERRNO(ioctl(none->fd, KVM_SET_VAPIC_ADDR, &v), EINVAL);
}

static volatile u32 *const page = (u32 *)0x300000;

/* What a patched guest does: it sets the priority in memory, and asks when something higher waits. */
static void by_memory(u64 unused)
{
	apic_enable();
	guest_sync(1);
	*(volatile u8 *)page = 0x80;
	guest_sync(2);
	irq_enable();
	apic_send(0, ICR_SELF | ICR_ASSERT | 0x71);
	for (int i = 0; i < 1000; i++)
		relax();
	/* Held back; the page tells what waits. */
	G_ASSERT_EQ(irq_counts[0x71], 0);
	G_ASSERT_EQ(*page >> 24, 0x71);
	G_ASSERT_EQ(apic_read(APIC_TPR), 0x80);
	*(volatile u8 *)page = 0x20;
	guest_sync(3);
	while (!irq_counts[0x71])
		relax();
	G_ASSERT_EQ(*(volatile u8 *)page, 0x20);
	guest_done();
}

CASE(by_memory,
     "the priority that the guest sets in the page holds interrupts back, and lets them in")
{
	struct vcpu *cpu = vcpu_new(vm_new(VM_IRQCHIP), by_memory, 0);
	struct kvm_vapic_addr v = { (u64)page };

	NEED(cpu->vm->kvm, KVM_CAP_VAPIC);
	guest_handlers[0x71] = irq_count;
	vcpu_expect_sync(cpu, 1);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_VAPIC_ADDR, &(struct kvm_vapic_addr){ 0xffff000000 }),
		    EINVAL);
	OK(ioctl(cpu->fd, KVM_SET_VAPIC_ADDR, &v));
	vcpu_expect_sync(cpu, 2);
	vcpu_expect_sync(cpu, 3);
	vcpu_expect_done(cpu);
}
