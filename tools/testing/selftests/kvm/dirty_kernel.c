// SPDX-License-Identifier: GPL-2.0-only
/* Dirty logging of what is not a store of the guest's: the kernel writes for it, the processor sets bits. */
#include "vm.h"

#define GPA 0x10000000UL
#define N 512
#define LOG KVM_MEM_LOG_DIRTY_PAGES

static u64 bitmap[N / 64 + 8];
static u8 *mem;

static int get(struct vm *vm, u32 slot)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	memset(bitmap, 0, sizeof(bitmap));
	return ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log);
}

static bool dirty(u64 page)
{
	return bitmap[page / 64] >> (page % 64) & 1;
}

static u64 count(void)
{
	u64 n = 0;

	for (u32 i = 0; i < N / 64; i++)
		n += __builtin_popcountll(bitmap[i]);
	return n;
}

static struct vcpu *start(void (*code)(u64), u32 flags)
{
	struct vm *vm = vm_new(0);

	mem = vm_add_slot(vm, SLOT_TEST, flags, GPA, N * PAGE);
	return vcpu_new(vm, code, 0);
}

static void other_writers(u64 unused)
{
	/* What the hypervisor writes for the guest is dirty as well. */
	asm volatile("rep insb" : : "D"(GPA + 11 * PAGE), "c"(1), "d"(0x80) : "memory");
	wrmsr(0x4b564d01, (GPA + 13 * PAGE) | 1);
	guest_sync(1);
}

CASE(by_kernel, "string input and the clock's page are logged")
{
	struct vcpu *cpu = start(other_writers, LOG);

	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	vcpu_expect_sync(cpu, 1);
	OK(get(cpu->vm, SLOT_TEST));
	CHECK(dirty(11));
	CHECK(dirty(13));
	CHECK_EQ(count(), 2);
}

static void tables(u64 unused)
{
	*(volatile u64 *)0x600000000000 = 1;
	guest_sync(1);
}

CASE(accessed_bits, "a page table whose accessed and dirty bits are set is logged")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, tables, 0);
	u64 *pte;

	vm_map(vm, 0x600000000000, 0x300000, PTE_P | PTE_W);
	OK(vm_set_slot(vm, SLOT_LOW, LOG, 0, LOW_SIZE, vm->low));
	OK(get(vm, SLOT_LOW));
	vcpu_expect_sync(cpu, 1);
	pte = vm_pte(vm, 0x600000000000);
	CHECK_EQ(*pte & (PTE_A | PTE_D), PTE_A | PTE_D);
	OK(get(vm, SLOT_LOW));
	CHECK(dirty(0x300));
	CHECK(dirty(((u8 *)pte - vm->low) / PAGE));
}
