// SPDX-License-Identifier: GPL-2.0-only
/* The guest's paging in long mode: sizes of pages, protection bits, accessed and dirty, flushing. */
#include "vm.h"

#define A 0x500000000000UL

static u64 page_a[512] __attribute__((aligned(4096)));
static u64 page_b[512] __attribute__((aligned(4096)));

/* The last-level entry for A; the tables are in the low memory, mapped to itself. */
static u64 *entry;

/* CATCH() leaves the address behind the instruction there. */
#define JMP_R10 0xe2ff41

static void protection(u64 unused)
{
	struct guest_cpu *cpu = this_cpu();
	volatile u64 *a = (u64 *)A;
	u64 value;

	*entry = (u64)page_a | PTE_P | PTE_W;
	*a = 5;
	G_ASSERT_EQ(page_a[0], 5);
	/* Read-only, with write protection for the kernel */
	*entry = (u64)page_a | PTE_P;
	invlpg(a);
	G_ASSERT_EQ(*a, 5);
	G_ASSERT_EQ(CATCH("movq $1, (%0)", : : "r"(A)), 14);
	G_ASSERT_EQ(cpu->error, 3);
	/* Without it */
	write_cr0(read_cr0() & ~CR0_WP);
	G_ASSERT_EQ(CATCH("movq $6, (%0)", : : "r"(A)), NO_VECTOR);
	G_ASSERT_EQ(page_a[0], 6);
	write_cr0(read_cr0() | CR0_WP);
	G_ASSERT_EQ(CATCH("movq $1, (%0)", : : "r"(A)), 14);
	/* Not to be executed */
	*entry = (u64)page_a | PTE_P | PTE_W | PTE_NX;
	invlpg(a);
	*a = JMP_R10;
	G_ASSERT_EQ(CATCH("jmp *%0", : : "r"(A)), 14);
	G_ASSERT_EQ(cpu->error, 0x11);
	*entry = (u64)page_a | PTE_P | PTE_W;
	invlpg(a);
	G_ASSERT_EQ(CATCH("jmp *%0", : : "r"(A)), NO_VECTOR);
	/* A reserved bit of the physical address */
	*entry = (u64)page_a | PTE_P | PTE_W | BIT(51);
	invlpg(a);
	if ((cpuid(0x80000008, 0).eax & 0xff) <= 51) {
		G_ASSERT_EQ(CATCH("mov (%1), %0", : "=r"(value) : "r"(A)), 14);
		G_ASSERT_EQ(cpu->error & ~1ULL, 8); /* QEMU's processor leaves bit 0 clear */
	}
}

static void run(void (*code)(u64))
{
	struct vcpu *cpu = vm_with(0, code, 0);

	vm_map(cpu->vm, A, (u64)page_a, PTE_P | PTE_W);
	/* In the guest the tables are where the host sees them, counted from the low memory. */
	entry = (u64 *)((u8 *)vm_pte(cpu->vm, A) - cpu->vm->low);
	vcpu_expect_done(cpu);
}

CASE(bits, "present, writable, CR0.WP, no-execute and reserved bits")
{
	run(protection);
}

static void accessed(u64 unused)
{
	volatile u64 *a = (u64 *)A;

	*entry = (u64)page_a | PTE_P | PTE_W;
	invlpg(a);
	(void)*a;
	G_ASSERT_EQ(*entry & (PTE_A | PTE_D), PTE_A);
	*a = 1;
	G_ASSERT_EQ(*entry & (PTE_A | PTE_D), PTE_A | PTE_D);
	*entry = (u64)page_a | PTE_P | PTE_W;
	invlpg(a);
	*a = 1;
	G_ASSERT_EQ(*entry & (PTE_A | PTE_D), PTE_A | PTE_D);
}

CASE(access, "accessed and dirty bits are set by reads and writes")
{
	run(accessed);
}

static void flushes(u64 unused)
{
	volatile u64 *a = (u64 *)A;

	page_a[0] = 0xa;
	page_b[0] = 0xb;
	for (int i = 0; i < 20; i++) {
		*entry = (u64)(i & 1 ? page_b : page_a) | PTE_P | PTE_W;
		if (i & 2)
			invlpg(a);
		else
			write_cr3(read_cr3());
		G_ASSERT_EQ(*a, i & 1 ? 0xb : 0xa);
	}
	/* Global pages outlive CR3, and not CR4.PGE. */
	write_cr4(read_cr4() | CR4_PGE);
	*entry = (u64)page_a | PTE_P | PTE_W | BIT(8);
	invlpg(a);
	G_ASSERT_EQ(*a, 0xa);
	*entry = (u64)page_b | PTE_P | PTE_W | BIT(8);
	write_cr4(read_cr4() & ~CR4_PGE);
	G_ASSERT_EQ(*a, 0xb);
}

CASE(flush, "INVLPG, CR3 and CR4.PGE flush")
{
	run(flushes);
}

#define BIG 0x40000000UL

static void large(u64 unused)
{
	u64 *pdpt = (u64 *)(*(u64 *)PT_BASE & PTE_ADDR);

	/* A page of 1 GiB, where the processor has it */
	if (cpuid(0x80000001, 0).edx & BIT(26)) {
		pdpt[5] = PTE_P | PTE_W | PTE_PS;
		*(volatile u64 *)0x140000000 = 0;
		*(volatile u64 *)(0x140000000 + 0x2000) = 0x77;
		G_ASSERT_EQ(*(volatile u64 *)0x2000, 0x77);
		G_ASSERT_EQ(pdpt[5] & (PTE_A | PTE_D), PTE_A | PTE_D);
	}
	/* 2 MiB */
	*(volatile u64 *)(BIG + 0x1ff008) = 0x88;
	G_ASSERT_EQ(*(volatile u64 *)(BIG + 0x1ff008), 0x88);
}

CASE(sizes, "pages of 2 MiB and 1 GiB")
{
	struct vcpu *cpu = vm_with(0, large, 0);
	u8 *mem = vm_add_slot(cpu->vm, SLOT_TEST, 0, BIG, 0x200000);

	vcpu_expect_done(cpu);
	CHECK_EQ(*(u64 *)(mem + 0x1ff008), 0x88);
}

static void five(u64 unused)
{
	volatile u64 *far = (u64 *)0x0080000000000000UL;

	G_ASSERT(read_cr4() & CR4_LA57);
	*far = 0x99;
	G_ASSERT_EQ(page_a[0], 0x99);
	G_ASSERT_EQ(CATCH("movq $1, (%0)", : : "r"(0x0040000000000000UL)), 14);
	G_ASSERT_EQ(CATCH("movq $1, (%0)", : : "r"(0x4000000000000000UL)), 13);
	/* It cannot be turned off in long mode. */
	G_ASSERT_EQ(CATCH("mov %0, %%cr4", : : "r"(read_cr4() & ~CR4_LA57)), 13);
}

CASE(five_levels, "five levels of tables")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, five, 0);
	struct kvm_cpuid_entry2 *seven = cpuid_find(cpuid_supported(vm->kvm), 7, 0);
	u64 top, l4, l3, l2, l1;
	struct kvm_sregs s;

	if (!seven || !(seven->ecx & BIT(16)))
		SKIP("no five-level paging");
	top = vm_alloc(vm, PAGE);
	l4 = vm_alloc(vm, PAGE);
	l3 = vm_alloc(vm, PAGE);
	l2 = vm_alloc(vm, PAGE);
	l1 = vm_alloc(vm, PAGE);
	*(u64 *)vm_host(vm, top) = PT_BASE | PTE_P | PTE_W;
	*(u64 *)vm_host(vm, top + 8 * (0x0080000000000000UL >> 48)) = l4 | PTE_P | PTE_W;
	*(u64 *)vm_host(vm, l4) = l3 | PTE_P | PTE_W;
	*(u64 *)vm_host(vm, l3) = l2 | PTE_P | PTE_W;
	*(u64 *)vm_host(vm, l2) = l1 | PTE_P | PTE_W;
	*(u64 *)vm_host(vm, l1) = (u64)page_a | PTE_P | PTE_W;
	vcpu_get_sregs(cpu, &s);
	s.cr4 |= CR4_LA57;
	s.cr3 = top;
	vcpu_set_sregs(cpu, &s);
	vcpu_expect_done(cpu);
}

static void supervisor_protection(u64 unused)
{
	struct guest_cpu *cpu = this_cpu();
	u32 features = cpuid(7, 0).ebx;
	u64 value;

	*entry = (u64)page_a | PTE_P | PTE_W | PTE_U;
	*page_a = JMP_R10;
	if (features & BIT(7)) {
		write_cr4(read_cr4() | CR4_SMEP);
		G_ASSERT_EQ(CATCH("jmp *%0", : : "r"(A)), 14);
		G_ASSERT_EQ(cpu->error, 0x11);
		write_cr4(read_cr4() & ~CR4_SMEP);
		G_ASSERT_EQ(CATCH("jmp *%0", : : "r"(A)), NO_VECTOR);
	}
	if (features & BIT(20)) {
		write_cr4(read_cr4() | CR4_SMAP);
		G_ASSERT_EQ(CATCH("mov (%1), %0", : "=r"(value) : "r"(A)), 14);
		G_ASSERT_EQ(cpu->error, 1);
		asm volatile("stac");
		G_ASSERT_EQ(CATCH("mov (%1), %0", : "=r"(value) : "r"(A)), NO_VECTOR);
		asm volatile("clac");
		write_cr4(read_cr4() & ~CR4_SMAP);
	}
	guest_sync(features >> 7 & 1);
}

/* Makes the whole of the machine's first 4 GiB the kernel's. */
static void close_to_user(struct vm *vm)
{
	u64 *pml4 = vm_host(vm, PT_BASE), *pdpt = vm_host(vm, pml4[0] & PTE_ADDR);

	for (int g = 0; g < 4; g++) {
		u64 *pd = vm_host(vm, pdpt[g] & PTE_ADDR);

		for (int i = 0; i < 512; i++)
			pd[i] &= ~PTE_U;
	}
}

CASE(smep, "SMEP and SMAP keep the kernel from user pages; STAC allows")
{
	struct vcpu *cpu = vm_with(0, supervisor_protection, 0);
	struct event ev;

	close_to_user(cpu->vm);
	vm_map(cpu->vm, A, (u64)page_a, PTE_P | PTE_W | PTE_U);
	entry = (u64 *)((u8 *)vm_pte(cpu->vm, A) - cpu->vm->low);
	ev = vcpu_run(cpu);
	REQUIRE_EQ(ev.kind, EV_SYNC);
	if (!ev.value)
		SKIP("no SMEP");
}
