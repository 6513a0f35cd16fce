// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory of less usual sorts: shared with a child, taken back by the kernel, a vCPU's own mapping. */
#include "vm.h"

#define GPA 0x40000000UL
#define SIZE 0x800000UL

/* Writes every page, then checks it: first its own writes, then the program's. */
static void use(u64 size)
{
	for (u64 a = 0; a < size; a += PAGE)
		*(volatile u64 *)(GPA + a) = a + 1;
	for (u64 a = 0; a < size; a += PAGE)
		G_ASSERT_EQ(*(volatile u64 *)(GPA + a), a + 1);
	guest_sync(1);
	for (u64 a = 0; a < size; a += PAGE)
		G_ASSERT_EQ(*(volatile u64 *)(GPA + a), a + 2);
	guest_sync(2);
}

static void exercise(u8 *mem, u64 size)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, use, size);

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, size, mem));
	vcpu_expect_sync(cpu, 1);
	for (u64 a = 0; a < size; a += PAGE) {
		REQUIRE_EQ(*(u64 *)(mem + a), a + 1);
		*(u64 *)(mem + a) = a + 2;
	}
	vcpu_expect_sync(cpu, 2);
	vm_free(vm);
}

CASE(shared, "shared anonymous memory")
{
	u8 *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	REQUIRE(mem != MAP_FAILED);
	exercise(mem, SIZE);
}

CASE(pageout, "pages that the kernel takes back and gives again")
{
	u64 size = 64 * PAGE;
	u8 *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, use, size);

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, size, mem));
	vcpu_expect_sync(cpu, 1);
	if (madvise(mem, size, MADV_COLD) || madvise(mem, size, MADV_PAGEOUT))
		SKIP("no MADV_PAGEOUT");
	for (u64 a = 0; a < size; a += PAGE) {
		REQUIRE_EQ(*(u64 *)(mem + a), a + 1);
		*(u64 *)(mem + a) = a + 2;
	}
	vcpu_expect_sync(cpu, 2);
}

static void touch(u64 unused)
{
	guest_sync(*(volatile u8 *)GPA);
}

CASE(kvm_run_itself, "the mapping of a vCPU is no guest memory that can hurt")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, 0);
	struct event ev;

	/* kvm_run as guest memory: it works or is refused, at one end or the other. */
	if (vm_set_slot(vm, SLOT_TEST, 0, GPA, PAGE, cpu->run))
		return;
	ev = vcpu_run(cpu);
	CHECK(ev.kind == EV_SYNC || (ev.kind == EV_ERROR && ev.error == EFAULT));
}
