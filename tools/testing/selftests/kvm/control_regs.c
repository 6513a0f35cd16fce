// SPDX-License-Identifier: GPL-2.0-only
/* Control registers, descriptor tables and segments as the guest uses them. */
#include "vm.h"

static void cr0(u64 halves)
{
	u64 old = read_cr0();
	u16 msw;

	write_cr0(old | CR0_TS | CR0_AM);
	G_ASSERT_EQ(read_cr0(), old | CR0_TS | CR0_AM);
	asm volatile("clts");
	G_ASSERT_EQ(read_cr0(), old | CR0_AM);
	asm volatile("smsw %0" : "=r"(msw));
	G_ASSERT_EQ(msw, (u16)old);
	asm volatile("lmsw %0" : : "r"((u16)(old | CR0_TS)));
	G_ASSERT_EQ(read_cr0() & CR0_TS, CR0_TS);
	asm volatile("lmsw %0" : : "r"((u16)0)); /* cannot clear PE */
	G_ASSERT_EQ(read_cr0() & CR0_PE, CR0_PE);
	write_cr0(old);
	/* What must not be */
	G_ASSERT_EQ(CATCH("mov %0, %%cr0", : : "r"(old & ~CR0_PE)), 13);
	G_ASSERT_EQ(CATCH("mov %0, %%cr0", : : "r"(old | CR0_NW)), 13);
	if (!halves)
		G_ASSERT_EQ(CATCH("mov %0, %%cr0", : : "r"(old | BIT(40))), 13);
	G_ASSERT_EQ(CATCH("mov %0, %%cr0", : : "r"(old & ~CR0_PG)), 13); /* in 64-bit code */
	G_ASSERT_EQ(read_cr0(), old);
	/* Cache disable is kept. */
	write_cr0(old | CR0_CD);
	G_ASSERT_EQ(read_cr0() & CR0_CD, CR0_CD);
	asm volatile("wbinvd");
	write_cr0(old);
	guest_sync(1);
}

CASE(cr0_bits, "CR0: bits set and cleared, CLTS, LMSW, SMSW, combinations that are #GP")
{
	vcpu_expect_sync(vm_with(0, cr0, !!cpu_quirk(QUIRK_CR_HALVES)), 1);
}

static bool reads_cr4;

static void cr4(u64 halves)
{
	u64 old = read_cr4();

	write_cr4(old | CR4_PGE | CR4_DE);
	G_ASSERT_EQ(read_cr4(), old | CR4_PGE | CR4_DE);
	/* The host has MCE on, which is not for the guest to see. */
	write_cr4(old | CR4_MCE);
	G_ASSERT_EQ(read_cr4(), old | CR4_MCE);
	write_cr4(old & ~CR4_MCE);
	if (!reads_cr4)
		G_ASSERT_EQ(read_cr4(), old & ~CR4_MCE);
	G_ASSERT_EQ(CATCH("xsetbv", : : "c"(0), "a"(1), "d"(0)), 6);
	write_cr4(old);
	G_ASSERT_EQ(CATCH("mov %0, %%cr4", : : "r"(old & ~CR4_PAE)), 13);
	G_ASSERT_EQ(CATCH("mov %0, %%cr4", : : "r"(old | BIT(31))), 13);
	if (!halves)
		G_ASSERT_EQ(CATCH("mov %0, %%cr4", : : "r"(old | BIT(33))), 13);
	G_ASSERT_EQ(read_cr4(), old);
	/* CR3 */
	if (!halves)
		G_ASSERT_EQ(CATCH("mov %0, %%cr3", : : "r"(read_cr3() | BIT(60))), 13);
	write_cr3(read_cr3());
	/* CR1, CR5 and so on are not there. */
	G_ASSERT_EQ(CATCH("mov %%cr1, %0", : "=r"(old) :), 6);
	G_ASSERT_EQ(CATCH("mov %%cr5, %0", : "=r"(old) :), 6);
	/* CR2 holds anything. */
	write_cr2(0x123456789abcdef);
	G_ASSERT_EQ(read_cr2(), 0x123456789abcdef);
	guest_sync(1);
	G_ASSERT_EQ(read_cr2(), 0x123456789abcdef);
	guest_sync(2);
}

CASE(cr4_bits, "CR4 and CR3: what is reserved is #GP; CR2 is kept over exits")
{
	struct vcpu *cpu = vm_with(0, cr4, !!cpu_quirk(QUIRK_CR_HALVES));

	reads_cr4 = cpu_quirk(QUIRK_CR4_READ);
	vcpu_expect_sync(cpu, 1);
	vcpu_expect_sync(cpu, 2);
}

struct __attribute__((packed)) table {
	u16 limit;
	u64 base;
};

static void tables(u64 unused)
{
	struct guest_cpu *cpu = this_cpu();
	struct table gdt, idt, t;
	u16 sel;

	asm volatile("sgdt %0; sidt %1" : "=m"(gdt), "=m"(idt));
	G_ASSERT_EQ(gdt.base, (u64)cpu->gdt);
	G_ASSERT_EQ(idt.base, (u64)guest_idt);
	G_ASSERT_EQ(idt.limit, 4095);
	t = gdt;
	t.limit = 0x4f;
	asm volatile("lgdt %0" : : "m"(t));
	asm volatile("sgdt %0" : "=m"(t));
	G_ASSERT_EQ(t.limit, 0x4f);
	asm volatile("lgdt %0" : : "m"(gdt));
	asm volatile("str %0" : "=r"(sel));
	G_ASSERT_EQ(sel, TSS_SEL);
	/* A busy TSS cannot be loaded; an available one becomes busy. */
	G_ASSERT_EQ(CATCH("ltr %w0", : : "r"(TSS_SEL)), 13);
	cpu->gdt[TSS_SEL / 8] &= ~BIT(41);
	G_ASSERT_EQ(CATCH("ltr %w0", : : "r"(TSS_SEL)), NO_VECTOR);
	G_ASSERT_EQ(cpu->gdt[TSS_SEL / 8] & BIT(41), BIT(41));
	/* An empty LDT */
	asm volatile("lldt %w0" : : "r"(0));
	asm volatile("sldt %0" : "=r"(sel));
	G_ASSERT_EQ(sel, 0);
	G_ASSERT_EQ(CATCH("lldt %w0", : : "r"(KERNEL_DS)), 13);
	G_ASSERT_EQ(CATCH("lidt (%0)", : : "r"(0x500000000000)), 14);
	guest_sync(1);
}

CASE(descriptor_tables, "LGDT, LIDT, LTR, LLDT and their opposites")
{
	vcpu_expect_sync(vm_with(0, tables, 0), 1);
}

static void segments(u64 unused)
{
	struct guest_cpu *cpu = this_cpu();
	u64 value = 0x77, seen;
	u16 fs;

	asm volatile("mov %w0, %%fs" : : "r"(KERNEL_DS));
	asm volatile("mov %%fs, %0" : "=r"(fs));
	G_ASSERT_EQ(fs, KERNEL_DS);
	G_ASSERT_EQ(rdmsr(MSR_FS_BASE), 0);
	wrmsr(MSR_FS_BASE, (u64)&value);
	asm volatile("mov %%fs:0, %0" : "=r"(seen));
	G_ASSERT_EQ(seen, 0x77);
	/* FSGSBASE, where the processor has it */
	if (cpuid(7, 0).ebx & 1) {
		write_cr4(read_cr4() | BIT(16));
		asm volatile("rdfsbase %0" : "=r"(seen));
		G_ASSERT_EQ(seen, (u64)&value);
		asm volatile("wrfsbase %0" : : "r"(0x1234ULL));
		G_ASSERT_EQ(rdmsr(MSR_FS_BASE), 0x1234);
		write_cr4(read_cr4() & ~BIT(16));
		G_ASSERT_EQ(CATCH("rdfsbase %0", : "=r"(seen) :), 6);
	}
	/* A null selector is allowed in data segments, also in SS of the kernel. */
	asm volatile("mov %w0, %%ds; mov %w0, %%es; mov %w0, %%ss" : : "r"(0));
	asm volatile("mov %w0, %%ss; mov %w0, %%ds; mov %w0, %%es" : : "r"(KERNEL_DS));
	G_ASSERT_EQ(CATCH("mov %w0, %%cs", : : "r"(KERNEL_CS)), 6);
	G_ASSERT_EQ(CATCH("mov %w0, %%ss", : : "r"(USER_DS)), 13);
	G_ASSERT_EQ(cpu->error, USER_DS & ~3);
	guest_sync(1);
}

CASE(segment_loads, "segment registers and their bases")
{
	vcpu_expect_sync(vm_with(0, segments, 0), 1);
}

/* 32-bit code in a long-mode guest: at a fixed place below 4 GiB anyway, so a far call does. */
extern const u8 compat_code[];
asm(".pushsection .text\n.code32\n"
    "compat_code: mov $0x12345678, %eax; inc %eax; pushl $0x08; pushl $compat_back; lret\n"
    ".code64\n"
    "compat_back: ret\n.popsection\n");

static void compatibility(u64 unused)
{
	u64 rax = 0xffffffffffffffff;
	struct __attribute__((packed)) {
		u32 offset;
		u16 selector;
	} far = { (u32)(u64)compat_code, CODE32_CS };

	asm volatile("lea 1f(%%rip), %%rbx; push %%rbx; ljmpl *%1; 1:"
		     : "+a"(rax)
		     : "m"(far)
		     : "rbx", "memory");
	G_ASSERT_EQ(rax, 0x12345679);
	guest_sync(1);
}

CASE(compat, "32-bit code beside 64-bit code")
{
	vcpu_expect_sync(vm_with(0, compatibility, 0), 1);
}
