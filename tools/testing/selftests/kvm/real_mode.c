// SPDX-License-Identifier: GPL-2.0-only
/* Real-mode guests: the state in which every PC starts. */
#include "vm.h"

/* Position-independent 16-bit code, copied to where a case wants it. */
#define CODE16(name, text)                                                \
	extern const u8 name[], name##_end[];                             \
	asm(".pushsection .rodata\n.code16\n" #name ":\n" text "\n" #name \
	    "_end:\n.code64\n.popsection\n")

static struct vcpu *guest16(const u8 *code, const u8 *end, u16 selector)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);

	memcpy(vm_host(vm, (u64)selector << 4), code, end - code);
	vcpu_real_mode(cpu, selector, 0);
	return cpu;
}

#define GUEST16(name, selector) guest16(name, name##_end, selector)

CODE16(add_code, "mov $0x3f8, %dx; add %bl, %al; out %al, %dx; hlt");

CASE(add, "adds two registers, writes the sum to a port, halts")
{
	struct vcpu *cpu = GUEST16(add_code, 0x100);
	struct kvm_regs r;
	struct kvm_run *run = cpu->run;

	vcpu_get_regs(cpu, &r);
	r.rax = 17;
	r.rbx = 25;
	vcpu_set_regs(cpu, &r);
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(run->io.direction, KVM_EXIT_IO_OUT);
	CHECK_EQ(run->io.size, 1);
	CHECK_EQ(run->io.port, 0x3f8);
	CHECK_EQ(run->io.count, 1);
	CHECK_EQ(((u8 *)run)[run->io.data_offset], 42);
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rip, add_code_end - add_code);
}

CODE16(in_code,
       "mov $0x71, %dx; in %dx, %al; mov %al, %bl; in $0x72, %ax; mov %ax, %cx; inl $0x74, %eax; hlt");

CASE(in, "reads ports of 1, 2 and 4 bytes; the other parts of the register are kept")
{
	struct vcpu *cpu = GUEST16(in_code, 0x200);
	struct kvm_run *run = cpu->run;
	static const u8 sizes[] = { 1, 2, 4 };
	static const u16 ports[] = { 0x71, 0x72, 0x74 };
	struct kvm_regs r;

	vcpu_get_regs(cpu, &r);
	r.rax = 0x11223344;
	vcpu_set_regs(cpu, &r);
	for (int i = 0; i < 3; i++) {
		u32 value = 0xa5b6c7d8;

		vcpu_expect_exit(cpu, KVM_EXIT_IO);
		CHECK_EQ(run->io.direction, KVM_EXIT_IO_IN);
		CHECK_EQ(run->io.size, sizes[i]);
		CHECK_EQ(run->io.port, ports[i]);
		memcpy((u8 *)run + run->io.data_offset, &value, sizes[i]);
	}
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rbx & 0xff, 0xd8);
	CHECK_EQ(r.rcx & 0xffff, 0xc7d8);
	CHECK_EQ(r.rax, 0xa5b6c7d8);
}

CODE16(stack_code, "push $0x1234; push %cs; pop %ax; pop %bx; call 1f; hlt; 1: mov $7, %si; ret");

CASE(stack, "push, pop, call and ret go through SS:SP")
{
	struct vcpu *cpu = GUEST16(stack_code, 0x300);
	struct kvm_regs r;

	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rax & 0xffff, 0x300);
	CHECK_EQ(r.rbx & 0xffff, 0x1234);
	CHECK_EQ(r.rsi, 7);
	CHECK_EQ(r.rsp, 0x7000);
	/* The word that was pushed first */
	CHECK_EQ(*(u16 *)vm_host(cpu->vm, 0x3000 + 0x6ffe), 9);
}

CODE16(int_code, "xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; mov $0x800, %sp\n"
		 "movw $0x500, 0x84; movw $0, 0x86; movb $0xcf, 0x500\n" /* IRET for INT 0x21 */
		 "sti; int $0x21; hlt");

CASE(interrupt, "INT goes through the vector table at 0 and IRET comes back with the flags")
{
	struct vcpu *cpu = GUEST16(int_code, 0x400);
	struct kvm_regs r;

	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rsp, 0x800);
	CHECK_EQ(r.rflags & RFLAGS_IF, RFLAGS_IF);
	/* What INT left below the stack pointer: flags, CS */
	CHECK_EQ(*(u16 *)vm_host(cpu->vm, 0x7fe) & RFLAGS_IF, RFLAGS_IF);
	CHECK_EQ(*(u16 *)vm_host(cpu->vm, 0x7fc), 0x400);
}

CODE16(div_code, "xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; mov $0x800, %sp\n"
		 "movw $0x500, 0; movw $0, 2; movb $0xf4, 0x500\n" /* HLT for #DE */
		 "mov $1, %ax; xor %bl, %bl; div %bl; mov $0xbad, %ax; hlt");

CASE(divide, "a division by zero goes through vector 0")
{
	struct vcpu *cpu = GUEST16(div_code, 0x400);
	struct kvm_regs r;

	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rip, 0x501);
	CHECK_EQ(r.rax, 1);
	CHECK_EQ(r.rsp, 0x7fa);
}

/* Big real mode: load a flat segment in protected mode, go back, keep the limit. */
CODE16(big_code, "cli; xor %ax, %ax; mov %ax, %ds\n"
		 "lgdtl 0x600\n"
		 "mov %cr0, %eax; or $1, %al; mov %eax, %cr0\n"
		 "mov $8, %bx; mov %bx, %es\n"
		 "and $0xfe, %al; mov %eax, %cr0; jmp 1f; 1:\n"
		 "mov $0x200000, %edi; movl $0xcafe1234, %es:(%edi); movl %es:(%edi), %ebx; hlt");

CASE(big_real, "a segment limit set in protected mode stays in real mode")
{
	struct vcpu *cpu = GUEST16(big_code, 0x400);
	u64 *gdt = vm_host(cpu->vm, 0x680);
	struct kvm_regs r;
	struct kvm_sregs s;

	gdt[1] = 0x00cf93000000ffff;
	*(u16 *)vm_host(cpu->vm, 0x600) = 15;
	*(u32 *)vm_host(cpu->vm, 0x602) = 0x680;
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rbx, 0xcafe1234);
	CHECK_EQ(*(u32 *)vm_host(cpu->vm, 0x200000), 0xcafe1234);
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(s.es.limit, 0xffffffff);
	CHECK_EQ(s.cr0 & CR0_PE, 0);
}

CODE16(string_code, "mov $0x200, %si; mov $5, %cx; mov $0x80, %dx; cld; rep outsb; hlt");

CASE(string, "REP OUTSB sends every byte, in order")
{
	struct vcpu *cpu = GUEST16(string_code, 0x500);
	char got[8] = "";
	unsigned int n = 0;
	struct kvm_regs r;

	memcpy(vm_host(cpu->vm, 0x5200), "hello", 5);
	while (n < 5) {
		struct kvm_run *run = cpu->run;

		vcpu_expect_exit(cpu, KVM_EXIT_IO);
		REQUIRE_EQ(run->io.port, 0x80);
		REQUIRE_EQ(run->io.size, 1);
		REQUIRE(run->io.count >= 1 && n + run->io.count <= 5);
		memcpy(got + n, (u8 *)run + run->io.data_offset, run->io.count);
		n += run->io.count;
	}
	CHECK(!strcmp(got, "hello"));
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rcx, 0);
	CHECK_EQ(r.rsi, 0x205);
}

CASE(reset_vector, "a guest runs from the reset vector at the top of 4 GiB")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	u8 *rom = vm_add_slot(vm, SLOT_TEST, 0, 0xffff0000, 0x10000);

	memcpy(rom + 0xfff0, "\xb0\x55\xe6\x99\xf4", 5); /* mov $0x55, %al; out %al, $0x99; hlt */
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(cpu->run->io.port, 0x99);
	CHECK_EQ(((u8 *)cpu->run)[cpu->run->io.data_offset], 0x55);
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
}
