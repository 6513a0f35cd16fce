// SPDX-License-Identifier: GPL-2.0-only
/* 32-bit protected mode: without paging, with two-level tables, with PAE. */
#include "vm.h"

#define CODE32(name, text)                                                \
	extern const u8 name[], name##_end[];                             \
	asm(".pushsection .rodata\n.code32\n" #name ":\n" text "\n" #name \
	    "_end:\n.code64\n.popsection\n")

#define CODE 0x8000UL
#define PD 0x200000UL

static struct kvm_segment flat(u8 type, u16 selector)
{
	return (struct kvm_segment){ .limit = 0xffffffff,
				     .selector = selector,
				     .type = type,
				     .present = 1,
				     .s = 1,
				     .db = 1,
				     .g = 1 };
}

static struct vcpu *guest32(const u8 *code, const u8 *end, u64 cr0, u64 cr4)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_regs r = { .rip = CODE, .rsp = 0x7000, .rflags = 2 };
	struct kvm_sregs s;

	memcpy(vm_host(vm, CODE), code, end - code);
	vcpu_get_sregs(cpu, &s);
	s.cs = flat(11, 8);
	s.ds = s.es = s.fs = s.gs = s.ss = flat(3, 16);
	s.cr0 = CR0_PE | CR0_ET | CR0_NE | cr0;
	s.cr4 = cr4;
	s.cr3 = PD;
	s.efer = 0;
	/* GDT, IDT and page tables are each case's own matter. */
	s.gdt.base = 0x5000;
	s.gdt.limit = 0x7f;
	s.idt.base = 0x6000;
	s.idt.limit = 0x7ff;
	((u64 *)vm_host(vm, 0x5000))[1] = 0x00cf9b000000ffff;
	((u64 *)vm_host(vm, 0x5000))[2] = 0x00cf93000000ffff;
	((u64 *)vm_host(vm, 0x5000))[3] = 0x00009b000000ffff; /* 16-bit code */
	vcpu_set_sregs(cpu, &s);
	vcpu_set_regs(cpu, &r);
	return cpu;
}

#define GUEST32(name, cr0, cr4) guest32(name, name##_end, cr0, cr4)

static struct kvm_regs at_hlt(struct vcpu *cpu)
{
	struct kvm_regs r;

	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	return r;
}

CODE32(simple, "mov $0x12345678, %eax; push %eax; pop %ebx; add $1, %ebx; mov %ebx, 0x9000; hlt");

CASE(flat_mode, "without paging")
{
	struct vcpu *cpu = GUEST32(simple, 0, 0);

	CHECK_EQ(at_hlt(cpu).rbx, 0x12345679);
	CHECK_EQ(*(u32 *)vm_host(cpu->vm, 0x9000), 0x12345679);
}

CODE32(paged, "mov 0xc0009000, %eax; inc %eax; mov %eax, 0xc0009004; mov 0x00400abc, %ebx; hlt");

CASE(two_level, "tables of two levels, pages of 4 KiB and, with CR4.PSE, of 4 MiB")
{
	struct vcpu *cpu = GUEST32(paged, CR0_PG, CR4_PSE);
	u32 *pd = vm_host(cpu->vm, PD), *pt = vm_host(cpu->vm, PD + PAGE);

	pd[0] = (PD + PAGE) | PTE_P | PTE_W;
	pd[1] = 0 | PTE_P | PTE_W | PTE_PS;
	pd[768] = (PD + PAGE) | PTE_P | PTE_W;
	for (u32 i = 0; i < 1024; i++)
		pt[i] = i << 12 | PTE_P | PTE_W;
	*(u32 *)vm_host(cpu->vm, 0x9000) = 41;
	*(u32 *)vm_host(cpu->vm, 0xabc) = 0x55;
	CHECK_EQ(at_hlt(cpu).rbx, 0x55);
	CHECK_EQ(*(u32 *)vm_host(cpu->vm, 0x9004), 42);
	CHECK_EQ(pd[768] & PTE_A, PTE_A);
	CHECK_EQ(pt[9] & (PTE_A | PTE_D), PTE_A | PTE_D);
	CHECK_EQ(pd[1] & (PTE_A | PTE_D), PTE_A);
}

CASE(pae, "PAE: four pointers, entries of 64 bits, pages of 2 MiB")
{
	struct vcpu *cpu = GUEST32(paged, 0, 0);
	u64 *pdpt = vm_host(cpu->vm, PD), *pd = vm_host(cpu->vm, PD + PAGE),
	    *pt = vm_host(cpu->vm, PD + 2 * PAGE);
	u64 *pd3 = vm_host(cpu->vm, PD + 3 * PAGE);
	struct kvm_sregs s;

	pdpt[0] = (PD + PAGE) | PTE_P;
	pdpt[3] = (PD + 3 * PAGE) | PTE_P;
	pd[0] = (PD + 2 * PAGE) | PTE_P | PTE_W;
	pd[2] = 0 | PTE_P | PTE_W | PTE_PS; /* 0x400000 */
	pd3[0] = 0 | PTE_P | PTE_W | PTE_PS; /* 0xc0000000 */
	for (u64 i = 0; i < 512; i++)
		pt[i] = i << 12 | PTE_P | PTE_W;
	*(u32 *)vm_host(cpu->vm, 0x9000) = 41;
	*(u32 *)vm_host(cpu->vm, 0xabc) = 0x66;
	vcpu_get_sregs(cpu, &s);
	s.cr4 = CR4_PAE;
	s.cr0 |= CR0_PG;
	vcpu_set_sregs(cpu, &s);
	CHECK_EQ(at_hlt(cpu).rbx, 0x66);
	CHECK_EQ(*(u32 *)vm_host(cpu->vm, 0x9004), 42);
	CHECK_EQ(pd3[0] & (PTE_A | PTE_D), PTE_A | PTE_D);
	if (kvm_cap(cpu->vm->kvm, KVM_CAP_SREGS2)) {
		struct kvm_sregs2 s2;

		OK(ioctl(cpu->fd, KVM_GET_SREGS2, &s2));
		if (s2.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID) {
			CHECK_EQ(s2.pdptrs[0], (PD + PAGE) | PTE_P);
			CHECK_EQ(s2.pdptrs[3], (PD + 3 * PAGE) | PTE_P);
		}
	}
}

CODE32(turn_on, "mov $0x200000, %eax; mov %eax, %cr3\n"
		"mov %cr4, %eax; or $0x20, %eax; mov %eax, %cr4\n"
		"mov %cr0, %eax; or $0x80000000, %eax; mov %eax, %cr0\n"
		"mov 0xc0009000, %ebx\n"
		"and $0x7fffffff, %eax; mov %eax, %cr0; mov 0x9000, %ecx; hlt");

CASE(by_guest, "the guest turns PAE paging on and off by itself")
{
	struct vcpu *cpu = GUEST32(turn_on, 0, 0);
	u64 *pdpt = vm_host(cpu->vm, PD), *pd = vm_host(cpu->vm, PD + PAGE);
	struct kvm_regs r;

	pdpt[0] = pdpt[3] = (PD + PAGE) | PTE_P;
	pd[0] = 0 | PTE_P | PTE_W | PTE_PS;
	*(u32 *)vm_host(cpu->vm, 0x9000) = 0x1234;
	r = at_hlt(cpu);
	CHECK_EQ(r.rbx, 0x1234);
	CHECK_EQ(r.rcx, 0x1234);
}

CODE32(to_long, "mov $0x10000, %eax; mov %eax, %cr3\n"
		"mov %cr4, %eax; or $0x20, %eax; mov %eax, %cr4\n"
		"mov $0xc0000080, %ecx; rdmsr; or $0x100, %eax; wrmsr\n"
		"mov %cr0, %eax; or $0x80000000, %eax; mov %eax, %cr0\n"
		"rdmsr; mov %eax, %ebx\n" /* EFER: LMA has come */
		"ljmp $0x20, $0x8100\n");

CASE(into_long, "the guest goes into long mode by itself, as a boot loader does")
{
	struct vcpu *cpu = GUEST32(to_long, 0, 0);
	struct kvm_regs r;
	struct kvm_sregs s;

	/* Boot loaders load TR before: with the 16-bit TSS that reset leaves there, CR0.PG is #GP when LME is set. */
	vcpu_get_sregs(cpu, &s);
	s.tr.type = 11;
	s.tr.limit = 0x67;
	vcpu_set_sregs(cpu, &s);
	((u64 *)vm_host(cpu->vm, 0x5000))[4] = 0x00af9b000000ffff;
	memcpy(vm_host(cpu->vm, 0x8100), "\x48\xb8\x11\x22\x33\x44\x55\x66\x77\x88\xf4",
	       11); /* movabs, hlt */
	r = at_hlt(cpu);
	CHECK_EQ(r.rax, 0x8877665544332211);
	CHECK_EQ(r.rbx & (EFER_LME | EFER_LMA), EFER_LME | EFER_LMA);
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(s.cs.l, 1);
	CHECK_EQ(s.efer & EFER_LMA, EFER_LMA);
}

CODE32(faulting, "mov 0xd0000000, %eax; hlt");

CASE(page_fault, "a page fault goes through a 32-bit gate with error code and CR2")
{
	struct vcpu *cpu = GUEST32(faulting, CR0_PG, 0);
	u32 *pd = vm_host(cpu->vm, PD), *pt = vm_host(cpu->vm, PD + PAGE);
	struct kvm_regs r;
	struct kvm_sregs s;

	pd[0] = (PD + PAGE) | PTE_P | PTE_W;
	for (u32 i = 0; i < 1024; i++)
		pt[i] = i << 12 | PTE_P | PTE_W;
	((u64 *)vm_host(cpu->vm, 0x6000))[14] = 0x00008e0000089000; /* 8:9000 */
	memcpy(vm_host(cpu->vm, 0x9000), "\x5b\xf4", 2); /* pop %ebx; hlt */
	r = at_hlt(cpu);
	CHECK_EQ(r.rip, 0x9002);
	CHECK_EQ(r.rbx, 0);
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(s.cr2, 0xd0000000);
	CHECK_EQ(*(u32 *)vm_host(cpu->vm, 0x7000 - 12), CODE);
}

CODE32(mmio32, "movl $0x11223344, 0xd0000010; mov 0xd0000020, %eax; movzbl 0xd0000021, %ebx; hlt");

CASE(mmio, "memory-mapped I/O in 32-bit code")
{
	struct vcpu *cpu = GUEST32(mmio32, 0, 0);
	struct kvm_regs r;

	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK_EQ(cpu->run->mmio.phys_addr, 0xd0000010);
	CHECK_EQ(cpu->run->mmio.len, 4);
	CHECK_EQ(*(u32 *)cpu->run->mmio.data, 0x11223344);
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	*(u32 *)cpu->run->mmio.data = 0xcafebabe;
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK_EQ(cpu->run->mmio.len, 1);
	cpu->run->mmio.data[0] = 0x99;
	r = at_hlt(cpu);
	CHECK_EQ(r.rax, 0xcafebabe);
	CHECK_EQ(r.rbx, 0x99);
}

CODE32(to_real,
       "ljmp $0x18, $(1f - to_real + 0x8000)\n"
       ".code16\n1: mov %cr0, %eax; and $0xfe, %al; mov %eax, %cr0; ljmp $0, $0x8100\n.code32");

CASE(back_to_real, "through 16-bit protected mode back to real mode")
{
	struct vcpu *cpu = GUEST32(to_real, 0, 0);
	struct kvm_sregs s;

	memcpy(vm_host(cpu->vm, 0x8100), "\xb8\x34\x12\xf4", 4); /* mov $0x1234, %ax; hlt */
	CHECK_EQ(at_hlt(cpu).rax & 0xffff, 0x1234);
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(s.cr0 & CR0_PE, 0);
	CHECK_EQ(s.cs.base, 0);
}
