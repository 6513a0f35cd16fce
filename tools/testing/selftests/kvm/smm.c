// SPDX-License-Identifier: GPL-2.0-only
/* System management mode, where it is offered. */
#include "vm.h"

static void quiet(u64 unused)
{
	guest_sync(1);
	barrier();
	guest_sync(2);
}

static struct vcpu *guest(void)
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, quiet, 0);

	NEED(cpu->vm->kvm, KVM_CAP_X86_SMM);
	/* The address space of that mode shows the same memory. */
	OK(vm_set_slot(cpu->vm, 1 << 16, 0, 0, LOW_SIZE, cpu->vm->low));
	vcpu_expect_sync(cpu, 1);
	return cpu;
}

CASE(base, "the SMBASE MSR is 0x30000 after reset and can be set")
{
	struct vcpu *cpu = guest();
	u64 value;

	CHECK_EQ(vcpu_rdmsr(cpu, 0x9e, &value), 1);
	CHECK_EQ(value, 0x30000);
	CHECK_EQ(vcpu_wrmsr(cpu, 0x9e, 0xa0000), 1);
	CHECK_EQ(vcpu_rdmsr(cpu, 0x9e, &value), 1);
	CHECK_EQ(value, 0xa0000);
}

CASE(smi, "KVM_SMI runs the handler in its own mode; RSM comes back")
{
	struct vcpu *cpu = guest();
	struct kvm_regs before, after;

	CHECK_EQ(vcpu_wrmsr(cpu, 0x9e, 0x300000), 1);
	/* mov $0x5a, %al; out %al, $0xb3; rsm */
	memcpy(vm_host(cpu->vm, 0x308000), "\xb0\x5a\xe6\xb3\x0f\xaa", 6);
	vcpu_get_regs(cpu, &before);
	OK(ioctl(cpu->fd, KVM_SMI, 0));
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(cpu->run->io.port, 0xb3);
	CHECK_EQ(((u8 *)cpu->run)[cpu->run->io.data_offset], 0x5a);
	CHECK_EQ(cpu->run->flags & KVM_RUN_X86_SMM, KVM_RUN_X86_SMM);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(cpu->run->flags & KVM_RUN_X86_SMM, 0);
	vcpu_get_regs(cpu, &after);
	CHECK_EQ(after.rsp, before.rsp);
}

CASE(absent, "where it is not offered KVM_SMI is refused")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, quiet, 0);

	if (kvm_cap(cpu->vm->kvm, KVM_CAP_X86_SMM))
		SKIP("it is offered");
	CHECK_EQ(ioctl(cpu->fd, KVM_SMI, 0), -1);
	CHECK(errno == EINVAL || errno == ENOTTY);
}
