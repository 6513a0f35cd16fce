// SPDX-License-Identifier: GPL-2.0-only
/* Memory slots: adding, taking away, moving, changing, and what is refused. */
#include "vm.h"

#define GPA 0x10000000UL
#define SLOT SLOT_TEST

static void touch(u64 gpa)
{
	volatile u64 *p = (u64 *)gpa;

	*p += 1;
	guest_sync(*p);
	*p += 1;
	guest_sync(*p);
}

static u8 *pages(u64 size)
{
	u8 *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(p != MAP_FAILED);
	return p;
}

CASE(add, "the guest and the program see the same memory")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, GPA + 8);
	u64 *mem = vm_add_slot(vm, SLOT, 0, GPA, 2 * PAGE);

	mem[1] = 41;
	vcpu_expect_sync(cpu, 42);
	CHECK_EQ(mem[1], 42);
	mem[1] = 1;
	vcpu_expect_sync(cpu, 2);
}

CASE(delete, "memory that was taken away is gone, and can come back with other pages")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, GPA);
	u64 *mem = vm_add_slot(vm, SLOT, 0, GPA, PAGE);
	u64 *other = (u64 *)pages(PAGE);

	vcpu_expect_sync(cpu, 1);
	OK(vm_set_slot(vm, SLOT, 0, GPA, 0, mem));
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK_EQ(cpu->run->mmio.phys_addr, GPA);
	CHECK_EQ(cpu->run->mmio.is_write, 0);
	memset(cpu->run->mmio.data, 0, 8);
	other[0] = 70;
	OK(vm_set_slot(vm, SLOT, 0, GPA, PAGE, other));
	/* The write of the increment, or its second read, now goes to the new pages. */
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(other[0], 1);
	CHECK_EQ(mem[0], 1);
}

CASE(delete_absent, "taking away a slot that is not there gives EINVAL")
{
	struct vm *vm = vm_new(0);

	CHECK_ERRNO(vm_set_slot(vm, 77, 0, 0, 0, NULL), EINVAL);
}

CASE(move, "a slot moves: the pages go along, the old place is empty")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, GPA);
	u64 *mem = vm_add_slot(vm, SLOT, 0, GPA, PAGE);

	vcpu_expect_sync(cpu, 1);
	OK(vm_set_slot(vm, SLOT, 0, GPA + 16 * PAGE, PAGE, mem));
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK_EQ(cpu->run->mmio.phys_addr, GPA);
	/* A second guest at the new place */
	cpu = vcpu_new(vm, touch, GPA + 16 * PAGE);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(mem[0], 2);
}

CASE(move_onto, "a slot cannot move onto another: EEXIST, and both stay")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, GPA);
	u64 *a = vm_add_slot(vm, SLOT, 0, GPA, 2 * PAGE);
	u64 *b = vm_add_slot(vm, SLOT + 1, 0, GPA + 4 * PAGE, 2 * PAGE);

	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA + 3 * PAGE, 2 * PAGE, a), EEXIST);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(a[0], 1);
	/* Onto a part of its own old place it can. */
	OK(vm_set_slot(vm, SLOT, 0, GPA + PAGE, 2 * PAGE, a));
	(void)b;
}

CASE(overlap, "a new slot over another gives EEXIST, wherever it overlaps")
{
	struct vm *vm = vm_new(0);
	u8 *mem = pages(16 * PAGE);

	OK(vm_set_slot(vm, SLOT, 0, GPA + 4 * PAGE, 4 * PAGE, mem));
	CHECK_ERRNO(vm_set_slot(vm, SLOT + 1, 0, GPA + 4 * PAGE, 4 * PAGE, mem), EEXIST);
	CHECK_ERRNO(vm_set_slot(vm, SLOT + 1, 0, GPA + 7 * PAGE, PAGE, mem), EEXIST);
	CHECK_ERRNO(vm_set_slot(vm, SLOT + 1, 0, GPA, 5 * PAGE, mem), EEXIST);
	CHECK_ERRNO(vm_set_slot(vm, SLOT + 1, 0, GPA, 16 * PAGE, mem), EEXIST);
	OK(vm_set_slot(vm, SLOT + 1, 0, GPA, 4 * PAGE, mem));
	OK(vm_set_slot(vm, SLOT + 2, 0, GPA + 8 * PAGE, PAGE, mem));
}

CASE(unaligned, "addresses and sizes that are not whole pages give EINVAL")
{
	struct vm *vm = vm_new(0);
	u8 *mem = pages(4 * PAGE);

	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA + 1, PAGE, mem), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA + 0x800, PAGE, mem), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA, PAGE + 1, mem), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA, 100, mem), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA, PAGE, mem + 1), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA, PAGE, mem + 0x800), EINVAL);
}

CASE(flags, "unknown flags give EINVAL")
{
	struct vm *vm = vm_new(0);
	u8 *mem = pages(PAGE);

	for (int bit = 3; bit < 32; bit++)
		CHECK_ERRNO(vm_set_slot(vm, SLOT, 1U << bit, GPA, PAGE, mem), EINVAL);
	/* A guest_memfd is not of this older command. */
	CHECK_ERRNO(vm_set_slot(vm, SLOT, KVM_MEM_GUEST_MEMFD, GPA, PAGE, mem), EINVAL);
}

CASE(wrap, "addresses that wrap around or are not the program's give EINVAL")
{
	struct vm *vm = vm_new(0);
	u8 *mem = pages(2 * PAGE);

	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, -PAGE, 2 * PAGE, mem), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA, PAGE, (void *)0xffff888000000000), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA, PAGE, (void *)-PAGE), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA, 1UL << 62, mem), EINVAL);
}

CASE(no_space, "address spaces that there are not give EINVAL")
{
	struct vm *vm = vm_new(0);
	int spaces = kvm_cap(vm->fd, KVM_CAP_MULTI_ADDRESS_SPACE);
	u8 *mem = pages(PAGE);

	CHECK_ERRNO(vm_set_slot(vm, SLOT | (spaces ?: 1) << 16, 0, GPA, PAGE, mem), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, SLOT | 0xffff0000, 0, GPA, PAGE, mem), EINVAL);
}

CASE(resize, "a slot changes neither its size nor its place in the program: EINVAL")
{
	struct vm *vm = vm_new(0);
	u8 *mem = pages(8 * PAGE);

	OK(vm_set_slot(vm, SLOT, 0, GPA, 4 * PAGE, mem));
	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA, 5 * PAGE, mem), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA, 3 * PAGE, mem), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, SLOT, 0, GPA, 4 * PAGE, mem + PAGE), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, SLOT, KVM_MEM_READONLY, GPA, 4 * PAGE, mem), EINVAL);
	/* Nothing changed is no error. */
	OK(vm_set_slot(vm, SLOT, 0, GPA, 4 * PAGE, mem));
	OK(vm_set_slot(vm, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, 4 * PAGE, mem));
	OK(vm_set_slot(vm, SLOT, 0, GPA, 4 * PAGE, mem));
}

CASE(same_pages, "two slots may show the same pages at two places")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, GPA + PAGE);
	u64 *mem = (u64 *)pages(PAGE);

	OK(vm_set_slot(vm, SLOT, 0, GPA, PAGE, mem));
	OK(vm_set_slot(vm, SLOT + 1, 0, GPA + PAGE, PAGE, mem));
	vcpu_expect_sync(cpu, 1);
	cpu = vcpu_new(vm, touch, GPA);
	vcpu_expect_sync(cpu, 2);
}

CASE(nowhere, "a slot over addresses where the program has nothing is taken; touching it is EFAULT")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, GPA);
	u8 *mem = pages(PAGE);
	struct event ev;

	OK(munmap(mem, PAGE));
	OK(vm_set_slot(vm, SLOT, 0, GPA, PAGE, mem));
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_ERROR);
	CHECK_EQ(ev.error, EFAULT);
	/* The program mends it and the guest goes on. */
	REQUIRE(mmap(mem, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		     0) == mem);
	vcpu_expect_sync(cpu, 1);
}

CASE(region2, "KVM_SET_USER_MEMORY_REGION2 does the same, and knows no more flags")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, GPA);
	struct kvm_userspace_memory_region2 r = {
		.slot = SLOT,
		.guest_phys_addr = GPA,
		.memory_size = PAGE,
		.userspace_addr = (u64)pages(PAGE),
	};

	NEED(vm->kvm, KVM_CAP_USER_MEMORY2);
	r.flags = 1U << 20;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &r), EINVAL);
	r.flags = KVM_MEM_GUEST_MEMFD;
	if (!kvm_cap(vm->fd, KVM_CAP_GUEST_MEMFD))
		CHECK_ERRNO(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &r), EINVAL);
	r.flags = 0;
	OK(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &r));
	vcpu_expect_sync(cpu, 1);
}

CASE(order, "adding, taking away and adding again in a row leaves a working machine")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, GPA + 63 * PAGE);
	u64 *mem = (u64 *)pages(64 * PAGE);

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 64; i++)
			OK(vm_set_slot(vm, SLOT + i, 0, GPA + i * PAGE, PAGE,
				       (u8 *)mem + i * PAGE));
		for (int i = 0; i < 64; i++)
			OK(vm_set_slot(vm, SLOT + (i * 37 & 63), 0, 0, 0, NULL));
	}
	OK(vm_set_slot(vm, SLOT, 0, GPA, 64 * PAGE, mem));
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(mem[63 * PAGE / 8], 1);
}
