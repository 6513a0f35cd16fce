// SPDX-License-Identifier: GPL-2.0-only
/* KVM_PRE_FAULT_MEMORY. */
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

#define GPA 0x10000000UL
#define N 64

static void touch(u64 unused)
{
	for (u64 i = 0; i < N; i++)
		*(volatile u64 *)(GPA + i * PAGE) = i;
	guest_sync(1);
}

static int prefault(struct vcpu *cpu, struct kvm_pre_fault_memory *p)
{
	return ioctl(cpu->fd, KVM_PRE_FAULT_MEMORY, p);
}

CASE(done, "memory that is asked for is there: what is left to do is 0")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, 0);
	struct kvm_pre_fault_memory p = { .gpa = GPA, .size = N * PAGE };
	u8 *mem, resident[N];

	NEED(vm->kvm, KVM_CAP_PRE_FAULT_MEMORY);
	mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, N * PAGE);
	OK(prefault(cpu, &p));
	CHECK_EQ(p.size, 0);
	CHECK_EQ(p.gpa, GPA + N * PAGE);
	OK(mincore(mem, N * PAGE, resident));
	for (int i = 0; i < N; i++)
		CHECK_EQ(resident[i] & 1, 1);
	vcpu_expect_sync(cpu, 1);
}

CASE(bad, "unaligned ranges, flags and no size give EINVAL; where there is no memory ENOENT")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, 0);
	struct kvm_pre_fault_memory p = { .gpa = GPA + 1, .size = PAGE };

	NEED(vm->kvm, KVM_CAP_PRE_FAULT_MEMORY);
	CHECK_ERRNO(prefault(cpu, &p), EINVAL);
	p = (struct kvm_pre_fault_memory){ .gpa = GPA, .size = 100 };
	CHECK_ERRNO(prefault(cpu, &p), EINVAL);
	p = (struct kvm_pre_fault_memory){ .gpa = GPA, .size = PAGE, .flags = 1 };
	CHECK_ERRNO(prefault(cpu, &p), EINVAL);
	p = (struct kvm_pre_fault_memory){ .gpa = GPA, .size = PAGE };
	CHECK_ERRNO(prefault(cpu, &p), ENOENT);
}

CASE(partly, "a range that ends in nothing is done as far as it goes; its huge pages as a whole")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, 0);
	struct kvm_pre_fault_memory p = { .gpa = GPA + 3 * PAGE, .size = 4 * N * PAGE };

	NEED(vm->kvm, KVM_CAP_PRE_FAULT_MEMORY);
	vm_add_slot(vm, SLOT_TEST, 0, GPA, N * PAGE);
	OK(prefault(cpu, &p));
	CHECK_EQ(p.gpa, GPA + N * PAGE);
	CHECK_EQ(p.size, (3 * N + 3) * PAGE);
	CHECK_ERRNO(prefault(cpu, &p), ENOENT);
	CHECK_EQ(p.gpa, GPA + N * PAGE);
	vcpu_expect_sync(cpu, 1);
}
