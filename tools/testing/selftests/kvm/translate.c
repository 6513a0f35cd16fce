// SPDX-License-Identifier: GPL-2.0-only
/* KVM_TRANSLATE: the guest's page tables, walked for the program. */
#include "vm.h"

static void nothing(u64 unused)
{
}

static struct kvm_translation translate(struct vcpu *cpu, u64 address)
{
	struct kvm_translation t = { .linear_address = address };

	OK(ioctl(cpu->fd, KVM_TRANSLATE, &t));
	return t;
}

CASE(identity, "large pages and small ones")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, nothing, 0);
	struct kvm_translation t = translate(cpu, 0x12345678);

	CHECK_EQ(t.valid, 1);
	CHECK_EQ(t.physical_address, 0x12345678);
	vm_map(vm, 0x700000001000, 0x3000, PTE_P | PTE_W);
	t = translate(cpu, 0x700000001abc);
	CHECK_EQ(t.valid, 1);
	CHECK_EQ(t.physical_address, 0x3abc);
}

CASE(absent, "what is not mapped is not valid")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, nothing, 0);

	CHECK_EQ(translate(cpu, 0x700000001000).valid, 0);
	CHECK_EQ(translate(cpu, 0x100000000).valid, 0);
	vm_map(vm, 0x700000001000, 0x3000, 0);
	CHECK_EQ(translate(cpu, 0x700000001000).valid, 0);
}

CASE(no_paging, "without paging every address is its own")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_translation t = translate(cpu, 0xfee00123);

	CHECK_EQ(t.valid, 1);
	CHECK_EQ(t.physical_address, 0xfee00123);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_TRANSLATE, 8), EFAULT);
}
