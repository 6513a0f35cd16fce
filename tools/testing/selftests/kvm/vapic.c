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
	/* Whether an access is reported depends on how the processor virtualizes it. */
	do
		ev = vcpu_run(cpu);
	while (ev.kind == EV_EXIT && cpu->run->exit_reason == KVM_EXIT_TPR_ACCESS);
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
