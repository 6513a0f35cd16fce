// SPDX-License-Identifier: GPL-2.0-only
/* As many memory slots as there can be. */
#include "vm.h"

#define GPA 0x100000000UL

static u64 sum;

static void add_up(u64 slots)
{
	sum = 0;
	for (u64 i = 0; i < slots; i += 97)
		sum += *(volatile u64 *)(0x600000000000 + (i % 64) * PAGE) + i;
	guest_sync(sum);
}

CASE_SLOW(all, "KVM_CAP_NR_MEMSLOTS slots, at least 509, can be added, and no more", 100)
{
	struct vm *vm = vm_new(0);
	u32 count = kvm_cap(vm->kvm, KVM_CAP_NR_MEMSLOTS);
	u8 *mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(count >= 509);
	CHECK_ERRNO(vm_set_slot(vm, count, 0, GPA, PAGE, mem), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, 0xffff, 0, GPA, PAGE, mem), EINVAL);
	for (u32 i = SLOT_TEST; i < count; i++) {
		if (vm_set_slot(vm, i, 0, GPA + 2 * i * PAGE, PAGE, mem)) {
			FAIL("slot %u: %s", i, strerror(errno));
			break;
		}
	}
	CHECK_ERRNO(vm_set_slot(vm, count, 0, 0x20000000, PAGE, mem), EINVAL);
	/* From the middle, the first and the last one away, and back again */
	OK(vm_set_slot(vm, count / 2, 0, 0, 0, NULL));
	OK(vm_set_slot(vm, count - 1, 0, 0, 0, NULL));
	OK(vm_set_slot(vm, SLOT_TEST, 0, 0, 0, NULL));
	OK(vm_set_slot(vm, count / 2, 0, 0x20000000, PAGE, mem));
	CHECK_ERRNO(vm_set_slot(vm, SLOT_TEST, 0, 0x20000000, PAGE, mem), EEXIST);
	vm_free(vm);
}

CASE_SLOW(used, "with a thousand slots each is found", 60)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, add_up, 64 * 97);
	u64 want = 0;

	for (u32 i = 0; i < 1000; i++) {
		u64 *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0);

		REQUIRE(p != MAP_FAILED);
		/* In an order that is neither up nor down */
		*p = 1000000 + i * 7 % 1000;
		OK(vm_set_slot(vm, SLOT_TEST + i, 0, GPA + (i * 7 % 1000) * 3 * PAGE, PAGE, p));
	}
	for (u64 i = 0; i < 64; i++)
		vm_map(vm, 0x600000000000 + i * PAGE, GPA + i * 15 * 3 * PAGE, PTE_P | PTE_W);
	for (u64 i = 0; i < 64 * 97; i += 97)
		want += 1000000 + (i % 64) * 15 + i;
	vcpu_expect_sync(cpu, want);
}

CASE(huge, "a slot of 64 GiB, of which a few pages are touched")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, add_up, 97);
	u64 size = 1UL << 36,
	    bits = cpuid_find(cpuid_supported(vm->kvm), 0x80000008, 0)->eax & 0xff;
	u8 *mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, size);

	CHECK(bits >= 36);
	*(u64 *)(mem + size - PAGE) = 12345;
	vm_map(vm, 0x600000000000, GPA + size - PAGE, PTE_P | PTE_W);
	vcpu_expect_sync(cpu, 12345);
}
