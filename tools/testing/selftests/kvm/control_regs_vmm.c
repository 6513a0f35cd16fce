// SPDX-License-Identifier: GPL-2.0-only
/* Control registers: what the guest wrote is what the guest and the VMM see. */
#include "vm.h"

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_WP BIT(16)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)
#define CR4_TSD BIT(2)
#define CR4_PAE BIT(5)
#define CR4_MCE BIT(6)
#define CR4_PGE BIT(7)

static u64 catch_cr0(u64 value)
{
	return CATCH("mov %0, %%cr0", : : "r"(value));
}

static u64 catch_cr4(u64 value)
{
	return CATCH("mov %0, %%cr4", : : "r"(value));
}

static void cache_bits(u64 unused)
{
	u64 cr0 = read_cr0();

	write_cr0(cr0 | CR0_CD);
	G_ASSERT_EQ(read_cr0(), cr0 | CR0_CD);
	write_cr0(cr0 | CR0_CD | CR0_NW);
	G_ASSERT_EQ(read_cr0(), cr0 | CR0_CD | CR0_NW);
	/* With them set, the other bits must still go through. */
	write_cr0(cr0 | CR0_CD | CR0_TS);
	G_ASSERT_EQ(read_cr0(), cr0 | CR0_CD | CR0_TS);
	asm volatile("clts");
	G_ASSERT_EQ(read_cr0(), cr0 | CR0_CD);
	write_cr0(cr0);
	G_ASSERT_EQ(read_cr0(), cr0);
	guest_done();
}

CASE(cd_nw, "CD and NW are what the guest wrote")
{
	vcpu_expect_done(vm_with(0, cache_bits, 0));
}

static void lazy_bits(u64 unused)
{
	u64 cr0 = read_cr0() & ~(CR0_TS | CR0_MP | CR0_EM);
	u64 seen = 0;

	write_cr0(cr0 | CR0_TS);
	G_ASSERT_EQ(CATCH("fninit", : :), 7);
	guest_sync(1);
	asm volatile("clts");
	G_ASSERT_EQ(CATCH("fninit", : :), NO_VECTOR);
	asm volatile("lmsw %w0" : : "r"(CR0_TS | CR0_MP | CR0_PE));
	asm volatile("smsw %0" : "=r"(seen));
	G_ASSERT_EQ(seen & 0xf, CR0_TS | CR0_MP | CR0_PE);
	G_ASSERT_EQ(read_cr0(), cr0 | CR0_TS | CR0_MP);
	guest_sync(2);
	/* LMSW cannot clear PE. */
	asm volatile("lmsw %w0" : : "r"(0));
	G_ASSERT_EQ(read_cr0() & 0xf, CR0_PE);
	guest_done();
}

CASE(ts_mp, "TS and MP change by CLTS and LMSW, are in force, and the VMM sees them")
{
	struct vcpu *cpu = vm_with(0, lazy_bits, 0);
	struct kvm_sregs sregs;

	vcpu_expect_sync(cpu, 1);
	vcpu_get_sregs(cpu, &sregs);
	CHECK_EQ(sregs.cr0 & (CR0_TS | CR0_MP), CR0_TS);
	vcpu_expect_sync(cpu, 2);
	vcpu_get_sregs(cpu, &sregs);
	CHECK_EQ(sregs.cr0 & (CR0_TS | CR0_MP), CR0_TS | CR0_MP);
	/* And what the VMM sets, the guest has. */
	sregs.cr0 &= ~(CR0_TS | CR0_MP);
	vcpu_set_sregs(cpu, &sregs);
	vcpu_expect_done(cpu);
}

static void bad_values(u64 halves)
{
	u64 cr0 = read_cr0(), cr4 = read_cr4();

	G_ASSERT_EQ(catch_cr0(cr0 | CR0_NW), 13);
	G_ASSERT_EQ(catch_cr0(cr0 & ~CR0_PE), 13);
	if (!halves)
		G_ASSERT_EQ(catch_cr0(cr0 | BIT(32)), 13);
	/* Paging cannot be switched off in 64-bit mode. */
	G_ASSERT_EQ(catch_cr0(cr0 & ~CR0_PG), 13);
	G_ASSERT_EQ(catch_cr4(cr4 & ~CR4_PAE), 13);
	G_ASSERT_EQ(catch_cr4(cr4 | BIT(63)), 13);
	G_ASSERT_EQ(catch_cr4(cr4 | BIT(15)), 13);
	G_ASSERT_EQ(read_cr0(), cr0);
	G_ASSERT_EQ(read_cr4(), cr4);
	/* Reserved bits of the lower half are ignored. */
	G_ASSERT_EQ(catch_cr0(cr0 | BIT(10)), NO_VECTOR);
	G_ASSERT_EQ(read_cr0(), cr0);
	guest_done();
}

CASE(bad, "values that the manual forbids raise #GP(0) and change nothing")
{
	vcpu_expect_done(vm_with(0, bad_values, !!cpu_quirk(QUIRK_CR_HALVES)));
}

static void cr4_bits(u64 read_through)
{
	u64 cr4 = read_cr4() & ~(CR4_MCE | CR4_TSD);

	for (int i = 0; i < 3; i++) {
		write_cr4(cr4 | CR4_MCE);
		G_ASSERT_EQ(read_cr4(), cr4 | CR4_MCE);
		write_cr4(cr4);
		if (!read_through)
			G_ASSERT_EQ(read_cr4(), cr4);
	}
	write_cr4(cr4 | CR4_TSD);
	G_ASSERT_EQ(read_cr4() & ~(read_through ? CR4_MCE : 0), cr4 | CR4_TSD);
	rdtsc(); /* in ring 0 it stays allowed */
	write_cr4(cr4);
	guest_done();
}

CASE(cr4_seen, "CR4 is what the guest wrote, also where the host needs a bit for itself")
{
	vcpu_expect_done(vm_with(0, cr4_bits, !!cpu_quirk(QUIRK_CR4_READ)));
}

#define VA 0xf0000000UL
static u64 other_root;

static void two_roots(u64 unused)
{
	volatile u64 *p = (u64 *)VA;
	u64 root = read_cr3();

	for (u64 i = 0; i < 10; i++) {
		G_ASSERT_EQ(*p, 1);
		write_cr3(other_root);
		G_ASSERT_EQ(*p, 2);
		if (i == 5)
			guest_sync(1);
		write_cr3(root);
	}
	guest_done();
}

CASE(cr3, "CR3 changes the translation at once, and the VMM sees the present one")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, two_roots, 0);
	u64 page[2], *pml4, *pdpt, *pd;
	struct kvm_sregs sregs;

	for (int i = 0; i < 2; i++) {
		page[i] = vm_alloc(vm, PAGE);
		*(u64 *)vm_host(vm, page[i]) = i + 1;
	}
	vm_map(vm, VA, page[0], PTE_P | PTE_W);

	/* A second set of tables that differs only there. */
	other_root = vm_alloc(vm, 4 * PAGE);
	memcpy(vm_host(vm, other_root), vm_host(vm, PT_BASE), PAGE);
	pml4 = vm_host(vm, other_root);
	memcpy(vm_host(vm, other_root + PAGE), vm_host(vm, pml4[0] & PTE_ADDR), PAGE);
	pdpt = vm_host(vm, other_root + PAGE);
	memcpy(vm_host(vm, other_root + 2 * PAGE), vm_host(vm, pdpt[3] & PTE_ADDR), PAGE);
	pd = vm_host(vm, other_root + 2 * PAGE);
	pml4[0] = (other_root + PAGE) | PTE_P | PTE_W;
	pdpt[3] = (other_root + 2 * PAGE) | PTE_P | PTE_W;
	pd[VA >> 21 & 511] = (other_root + 3 * PAGE) | PTE_P | PTE_W;
	((u64 *)vm_host(vm, other_root + 3 * PAGE))[VA >> 12 & 511] = page[1] | PTE_P | PTE_W;

	vcpu_expect_sync(cpu, 1);
	vcpu_get_sregs(cpu, &sregs);
	CHECK_EQ(sregs.cr3, other_root);
	vcpu_expect_done(cpu);
}
