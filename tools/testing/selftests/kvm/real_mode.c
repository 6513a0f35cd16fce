// SPDX-License-Identifier: GPL-2.0-only
/* Real-mode guests: the state in which every PC starts. */
#include "stats.h"
#include "vm.h"

/* Position-independent 16-bit code, copied to where a case wants it. */
#define CODE16(name, text)                                                \
	extern const u8 name[], name##_end[];                             \
	asm(".pushsection .rodata\n.code16\n" #name ":\n" text "\n" #name \
	    "_end:\n.code64\n.popsection\n")

/* As VMMs do it; real_mode_no_tss.c without. */
static struct vm *vm16(void)
{
	struct vm *vm = vm_new(0);

#ifndef NO_TSS
	OK(ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000UL));
#endif
	return vm;
}

static struct vcpu *guest16(const u8 *code, const u8 *end, u16 selector)
{
	struct vm *vm = vm16();
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
	struct vm *vm = vm16();
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	u8 *rom = vm_add_slot(vm, SLOT_TEST, 0, 0xffff0000, 0x10000);

	memcpy(rom + 0xfff0, "\xb0\x55\xe6\x99\xf4", 5); /* mov $0x55, %al; out %al, $0x99; hlt */
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(cpu->run->io.port, 0x99);
	CHECK_EQ(((u8 *)cpu->run)[cpu->run->io.data_offset], 0x55);
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
}

/* A loop of what real-mode programs do all the time; %cx times, then HLT. */
CODE16(busy_code,
       "xor %ax, %ax; mov %ax, %ds; movw $0x500, 0x84; movw %ax, 0x86; movb $0xcf, 0x500\n"
       "mov $20000, %cx; 1: pushf; cli; popf; sti; int $0x21; push %ds; pop %es; mov %cs, %ax; mov %ax, %fs\n"
       "push %cs; call 2f; loop 1b; hlt; 2: lret");

CASE(busy, "real mode runs at the processor's speed, not the emulator's")
{
	struct vcpu *cpu = GUEST16(busy_code, 0x400);
	struct kvm_regs r;

	NEED(cpu->vm->kvm, KVM_CAP_BINARY_STATS_FD);
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rcx, 0);
	CHECK_EQ(r.rsp, 0x7000);
	CHECK_EQ(r.rflags & (RFLAGS_VM | RFLAGS_IOPL | RFLAGS_IF), RFLAGS_IF);
#ifndef NO_TSS
	{
		struct stats s = stats_open(cpu->fd);

		CHECK(stats_value(&s, "insn_emulation") < 1000);
	}
#endif
}

CODE16(state_code, "mov $0x1234, %ax; mov %ax, %es; mov $0x80, %dx; out %al, %dx; hlt");

static void check_segment(const struct kvm_segment *s, const struct kvm_segment *want)
{
	CHECK_EQ(s->selector, want->selector);
	CHECK_EQ(s->base, want->base);
	CHECK_EQ(s->limit, want->limit);
	CHECK_EQ(s->type, want->type);
	CHECK_EQ(s->present, want->present);
	CHECK_EQ(s->dpl, want->dpl);
	CHECK_EQ(s->db, want->db);
}

CASE(state,
     "what the VMM reads and sets is real mode's own: segments, TR, CR4, RFLAGS, SYSENTER_CS")
{
	struct vcpu *cpu = GUEST16(state_code, 0x400);
	struct kvm_sregs before, s;
	struct kvm_regs r;
	u64 val;

	vcpu_get_sregs(cpu, &s);
	s.es.limit = s.ds.limit = 0xffffffff;
	s.es.g = s.ds.g = 1;
	s.tr.selector = 0x28;
	s.tr.base = 0x12340;
	s.tr.limit = 0x67;
	s.ldt.selector = 0x30;
	vcpu_set_sregs(cpu, &s);
	CHECK_EQ(vcpu_wrmsr(cpu, MSR_SYSENTER_CS, 0x10), 1);
	vcpu_get_sregs(cpu, &before);
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	vcpu_get_sregs(cpu, &s);
	/* A load in real mode leaves the rest of the register as it is. */
	before.es.selector = 0x1234;
	before.es.base = 0x12340;
	check_segment(&s.es, &before.es);
	check_segment(&s.ds, &before.ds);
	check_segment(&s.ss, &before.ss);
	check_segment(&s.tr, &before.tr);
	check_segment(&s.ldt, &before.ldt);
	CHECK_EQ(s.cr0, before.cr0);
	CHECK_EQ(s.cr4, before.cr4);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_SYSENTER_CS, &val), 1);
	CHECK_EQ(val, 0x10);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rflags, RFLAGS_FIXED);
	CHECK_EQ(vcpu_wrmsr(cpu, MSR_SYSENTER_CS, 0x20), 1);
	CHECK_EQ(vcpu_wrmsr(cpu, MSR_FS_BASE, 0x98765), 1);
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_SYSENTER_CS, &val), 1);
	CHECK_EQ(val, 0x20);
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(s.fs.base, 0x98765);
}

/* An instruction (with what leads to it), the vector that it goes through, and how far into it the handler returns. */
#define FAULT(name, before, insn) \
	CODE16(name, before "; jmp 1f; .org " #name " + 64; 1: " insn "; nop")
FAULT(de_code, "xor %bl, %bl", "div %bl");
FAULT(bp_code, "nop", "int3");
FAULT(of_code, "mov $0x40, %al; add $0x7f, %al", "into");
FAULT(br_code, "movl $0x60005, 0x700; mov $1, %ax", "bound %ax, 0x700");
FAULT(ud_code, "nop", "ud2");
FAULT(lldt_code, "nop", "lldt %ax");
FAULT(nm_code, "mov %cr0, %eax; or $8, %al; mov %eax, %cr0", "fnop");
FAULT(ss_code, "mov $0xffff, %bp", "mov (%bp), %ax");
FAULT(gp_code, "mov $0xffff, %bx", "mov (%bx), %ax");
FAULT(jmp_code, "mov $0x10000, %ebx", "jmpl *%ebx");
FAULT(sysenter_code, "nop", "sysenter");
FAULT(icebp_code, "nop", ".byte 0xf1");

struct fault {
	const u8 *code, *end;
	u8 vector, skips;
};

#define F(name, vector, skips) { name, name##_end, vector, skips }

static void run_faults(const struct fault *f, unsigned int n)
{
	for (; n--; f++) {
		struct vcpu *cpu = guest16(f->code, f->end, 0x400);
		u16 *table = vm_host(cpu->vm, 0);
		struct kvm_sregs s;
		struct kvm_regs r;

		for (int v = 0; v < 32; v++) {
			table[2 * v] = 0x1000 + v;
			table[2 * v + 1] = 0;
		}
		memset(vm_host(cpu->vm, 0x1000), 0xf4, 32);
		CHECK_EQ(vcpu_wrmsr(cpu, MSR_SYSENTER_CS, 0x10), 1);
		vcpu_expect_exit(cpu, KVM_EXIT_HLT);
		vcpu_get_regs(cpu, &r);
		vcpu_get_sregs(cpu, &s);
		CHECK_EQ(s.cs.selector, 0);
		CHECK_EQ(r.rip, 0x1001 + f->vector);
		CHECK_EQ(r.rsp, 0x6ffa);
		CHECK_EQ(*(u16 *)vm_host(cpu->vm, 0x4000 + 0x6ffa), 64 + f->skips);
		CHECK_EQ(*(u16 *)vm_host(cpu->vm, 0x4000 + 0x6ffc), 0x400);
		vm_free(cpu->vm);
	}
}

CASE(faults, "exceptions go through the table at 0, each with its vector and return address")
{
	static const struct fault faults[] = {
		F(de_code, 0, 0), F(bp_code, 3, 1),   F(of_code, 4, 1), F(br_code, 5, 0),
		F(ud_code, 6, 0), F(lldt_code, 6, 0), F(nm_code, 7, 0), F(icebp_code, 1, 1),
	};

	run_faults(faults, ARRAY_SIZE(faults));
}

CASE(sysenter, "SYSENTER is #GP, with a selector in its MSR, too")
{
	static const struct fault fault = F(sysenter_code, 13, 0);

	SKIP_QUIRK(QUIRK_SYSENTER);
	run_faults(&fault, 1);
}

CASE(limits, "#SS and #GP for what lies beyond 64 KiB")
{
	static const struct fault faults[] = {
		F(ss_code, 12, 0),
		F(gp_code, 13, 0),
		F(jmp_code, 13, 0),
	};

	SKIP_QUIRK(QUIRK_LIMITS);
	run_faults(faults, ARRAY_SIZE(faults));
}

CODE16(irq_code, "xor %ax, %ax; mov %ax, %ds; movl $0x4000600, 0x80\n"
		 "sti; 1: inc %dx; cmpw $2, %bx; jne 1b; hlt\n"
		 ".org irq_code+0x600; inc %bx; iret");

CASE(interrupts, "the VMM's interrupts go through the table")
{
	struct vcpu *cpu = GUEST16(irq_code, 0x400);
	struct kvm_interrupt irq = { 0x20 };
	struct kvm_regs r;

	for (int i = 0; i < 2; i++) {
		cpu->run->request_interrupt_window = 1;
		vcpu_expect_exit(cpu, KVM_EXIT_IRQ_WINDOW_OPEN);
		OK(ioctl(cpu->fd, KVM_INTERRUPT, &irq));
		cpu->run->request_interrupt_window = 0;
	}
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rbx, 2);
	CHECK_EQ(r.rsp, 0x7000);
}

CODE16(nmi_code, "xor %ax, %ax; mov %ax, %ds; movl $0x4000680, 8; out %al, $0x81; hlt\n"
		 ".org nmi_code+0x680; inc %si; out %al, $0x80; inc %di; iret");

CASE(nmi, "an NMI during an NMI waits for IRET")
{
	struct vcpu *cpu = GUEST16(nmi_code, 0x400);
	struct kvm_regs r;

	NEED(cpu->vm->kvm, KVM_CAP_USER_NMI);
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	OK(ioctl(cpu->fd, KVM_NMI, 0));
	for (u64 i = 1; i <= 2; i++) {
		vcpu_expect_exit(cpu, KVM_EXIT_IO);
		CHECK_EQ(cpu->run->io.port, 0x80);
		vcpu_get_regs(cpu, &r);
		CHECK_EQ(r.rsi, i);
		CHECK_EQ(r.rdi, i - 1);
		if (i == 1)
			OK(ioctl(cpu->fd, KVM_NMI, 0));
	}
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rdi, 2);
	CHECK_EQ(r.rsp, 0x7000);
}

CODE16(odd_code, "mov %ds:0x20, %eax; out %eax, $0x80; mov %ax, %ds; hlt");

CASE(odd_base, "a base that only a VMM or protected mode can make is kept to")
{
	struct vcpu *cpu = GUEST16(odd_code, 0x400);
	struct kvm_sregs s;

	vcpu_get_sregs(cpu, &s);
	s.ds.base = 0x12340;
	vcpu_set_sregs(cpu, &s);
	*(u32 *)vm_host(cpu->vm, 0x12360) = 0xabcd5678;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(*(u32 *)((u8 *)cpu->run + cpu->run->io.data_offset), 0xabcd5678);
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(s.ds.base, 0x56780);
}

CASE(odd_limit, "a limit of 16 bytes likewise")
{
	struct vcpu *cpu = GUEST16(odd_code, 0x400);
	u16 *table = vm_host(cpu->vm, 0);
	struct kvm_sregs s;
	struct kvm_regs r;

	SKIP_QUIRK(QUIRK_LIMITS);
	table[26] = 0x1000;
	table[27] = 0;
	*(u8 *)vm_host(cpu->vm, 0x1000) = 0xf4;
	vcpu_get_sregs(cpu, &s);
	s.ds.limit = 15;
	vcpu_set_sregs(cpu, &s);
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rip, 0x1001);
}
