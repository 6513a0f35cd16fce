// SPDX-License-Identifier: GPL-2.0-only
/* KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR, KVM_SET_NR_MMU_PAGES. */
#include "vm.h"

CASE(tss, "three pages for the TSS; an address where they do not fit gives EINVAL")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);

	NEED(vm->kvm, KVM_CAP_SET_TSS_ADDR);
	OK(ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000UL));
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffffffffffff000UL), EINVAL);
}

CASE(identity, "a page for the identity map, before the first vCPU")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	u64 addr = 0xfeffc000;

	NEED(vm->kvm, KVM_CAP_SET_IDENTITY_MAP_ADDR);
	OK(ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &addr));
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, 8), EFAULT);
	vcpu_new_bare(vm, 0);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &addr), EINVAL);
}

CASE(qemu_order, "both, as QEMU sets them, leave the guest as it is")
{
	struct vm *vm = vm_new(0);
	u64 addr = 0xfeffc000;
	struct vcpu *cpu;

	OK(ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &addr));
	OK(ioctl(vm->fd, KVM_SET_TSS_ADDR, addr + PAGE));
	cpu = vcpu_new_bare(vm, 0);
	memcpy(vm_host(vm, 0x1000), "\xb0\x2a\xe6\x99\xf4",
	       5); /* mov $42, %al; out %al, $0x99; hlt */
	vcpu_real_mode(cpu, 0x100, 0);
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
}

CASE(mmu_pages, "a limit for shadow pages is taken, too small a one gives EINVAL")
{
	struct vm *vm = vm_new(0);

	NEED(vm->kvm, KVM_CAP_MMU_SHADOW_CACHE_CONTROL);
	OK(ioctl(vm->fd, KVM_SET_NR_MMU_PAGES, 1024UL));
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_NR_MMU_PAGES, 1UL), EINVAL);
	CHECK_EQ(ioctl(vm->fd, KVM_GET_NR_MMU_PAGES, 0), 1024);
}
