// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware task switches in 32-bit protected mode: by JMP, CALL, IRET, INT n and an exception through a task gate.  Which
 * of them exit is the processor's matter (QEMU's emulation of SVM does them by itself); the guest must not see it.
 */
#include "vm.h"

#define CODE32(name, text)                                                \
	extern const u8 name[], name##_end[];                             \
	asm(".pushsection .rodata\n.code32\n" #name ":\n" text "\n" #name \
	    "_end:\n.code64\n.popsection\n")

#define GDT 0x5000UL
#define IDT 0x6000UL
#define CODE_A 0x8000UL
#define CODE_B 0xa000UL
#define HANDLER 0xb000UL
#define TSS_A 0xc000UL
#define TSS_B 0xd000UL
#define STACK_A 0x7000
#define STACK_B 0x7800

/* Selectors */
#define CS32 0x08
#define DS32 0x10
#define SEL_A 0x18
#define SEL_B 0x20

#define FL_NT BIT(14)

struct tss32 {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3;
	u32 eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
	u32 es, cs, ss, ds, fs, gs, ldt;
	u16 trap, iomap;
};

static u64 tss_desc(u64 base, bool busy, bool present)
{
	return (sizeof(struct tss32) - 1) | (base & 0xffffff) << 16 |
	       (u64)(busy ? 0xb : 0x9) << 40 | (u64)present << 47;
}

static u64 gate(u16 selector, u32 offset, u8 type)
{
	return (offset & 0xffff) | (u64)selector << 16 | (u64)(0x80 | type) << 40 |
	       (u64)(offset >> 16) << 48;
}

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

static void *at(struct vcpu *cpu, u64 gpa)
{
	return vm_host(cpu->vm, gpa);
}

static bool is_busy(struct vcpu *cpu, u16 selector)
{
	return ((u64 *)at(cpu, GDT))[selector / 8] >> 41 & 1;
}

/* Task A runs at @a; task B is as its TSS says, at @b. */
static struct vcpu *two_tasks(const u8 *a, const u8 *a_end, const u8 *b, const u8 *b_end)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_regs r = { .rip = CODE_A, .rsp = STACK_A, .rflags = 2, .rax = 0xa0a0 };
	u64 *gdt = at(cpu, GDT);
	struct kvm_sregs s;

	memcpy(at(cpu, CODE_A), a, a_end - a);
	memcpy(at(cpu, CODE_B), b, b_end - b);
	gdt[CS32 / 8] = 0x00cf9b000000ffff;
	gdt[DS32 / 8] = 0x00cf93000000ffff;
	gdt[SEL_A / 8] = tss_desc(TSS_A, true, true);
	gdt[SEL_B / 8] = tss_desc(TSS_B, false, true);
	*(struct tss32 *)at(cpu, TSS_B) = (struct tss32){
		.eip = CODE_B,
		.eflags = 2,
		.eax = 0xb0b0,
		.ebx = 0xb1b1,
		.esp = STACK_B,
		.edi = 0xb7b7,
		.es = DS32,
		.cs = CS32,
		.ss = DS32,
		.ds = DS32,
		.fs = DS32,
		.gs = DS32,
	};

	vcpu_get_sregs(cpu, &s);
	s.cs = flat(11, CS32);
	s.ds = s.es = s.fs = s.gs = s.ss = flat(3, DS32);
	s.tr = (struct kvm_segment){
		.base = TSS_A,
		.limit = sizeof(struct tss32) - 1,
		.selector = SEL_A,
		.type = 11,
		.present = 1,
	};
	s.cr0 = CR0_PE | CR0_ET | CR0_NE;
	s.cr4 = 0;
	s.efer = 0;
	s.gdt.base = GDT;
	s.gdt.limit = 0x2f;
	s.idt.base = IDT;
	s.idt.limit = 0x7ff;
	vcpu_set_sregs(cpu, &s);
	vcpu_set_regs(cpu, &r);
	return cpu;
}

#define TWO_TASKS(a, b) two_tasks(a, a##_end, b, b##_end)

static struct kvm_regs at_hlt(struct vcpu *cpu)
{
	struct kvm_regs r;

	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	return r;
}

static u16 task_of(struct vcpu *cpu)
{
	struct kvm_sregs s;

	vcpu_get_sregs(cpu, &s);
	return s.tr.selector;
}

CODE32(jump, "mov $0xa1a1, %ebx; ljmp $0x20, $0\n"
	     "after_jump: hlt");
extern const u8 after_jump[];
CODE32(stop, "hlt");

CASE(by_jmp, "JMP: registers of the new task, the old task saved, busy bits, CR0.TS")
{
	struct vcpu *cpu = TWO_TASKS(jump, stop);
	const struct tss32 *a = at(cpu, TSS_A);
	struct kvm_regs r = at_hlt(cpu);
	struct kvm_sregs s;

	CHECK_EQ(r.rip, CODE_B + 1);
	CHECK_EQ(r.rax, 0xb0b0);
	CHECK_EQ(r.rbx, 0xb1b1);
	CHECK_EQ(r.rsp, STACK_B);
	CHECK_EQ(r.rdi, 0xb7b7);
	CHECK_EQ(r.rflags & FL_NT, 0);
	CHECK_EQ(a->eip, CODE_A + (after_jump - jump));
	CHECK_EQ(a->eax, 0xa0a0);
	CHECK_EQ(a->ebx, 0xa1a1);
	CHECK_EQ(a->esp, STACK_A);
	CHECK_EQ(a->cs & 0xffff, CS32);
	CHECK_EQ(task_of(cpu), SEL_B);
	CHECK(is_busy(cpu, SEL_B));
	CHECK(!is_busy(cpu, SEL_A));
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(s.cr0 & CR0_TS, CR0_TS);
	CHECK_EQ(s.tr.base, TSS_B);
}

CODE32(call, "mov $1, %ecx; lcall $0x20, $0; mov %eax, %edx; hlt");
CODE32(back, "mov $0x5151, %esi; pushf; pop %edi; iret; hlt");

CASE(by_call, "CALL and IRET: the link, NT, and the caller goes on where it was")
{
	struct vcpu *cpu = TWO_TASKS(call, back);
	const struct tss32 *b = at(cpu, TSS_B);
	struct kvm_regs r = at_hlt(cpu);

	CHECK_EQ(r.rip, CODE_A + (call_end - call));
	CHECK_EQ(r.rcx, 1);
	CHECK_EQ(r.rdx, 0xa0a0);
	CHECK_EQ(r.rsp, STACK_A);
	CHECK_EQ(r.rflags & FL_NT, 0);
	CHECK_EQ(b->link & 0xffff, SEL_A);
	CHECK_EQ(b->esi, 0x5151);
	CHECK_EQ(b->edi & FL_NT, FL_NT);
	/* IRET leaves its own task behind it, without NT. */
	CHECK_EQ(b->eflags & FL_NT, 0);
	CHECK_EQ(b->eip, CODE_B + (back_end - back) - 1);
	CHECK_EQ(task_of(cpu), SEL_A);
	CHECK(is_busy(cpu, SEL_A));
	CHECK(!is_busy(cpu, SEL_B));
}

CODE32(soft, "int $0x40; mov $0x77, %edx; hlt");

CASE(by_int, "INT n through a task gate: back behind the instruction")
{
	struct vcpu *cpu = TWO_TASKS(soft, back);
	const struct tss32 *a = at(cpu, TSS_A);
	struct kvm_regs r;

	((u64 *)at(cpu, IDT))[0x40] = gate(SEL_B, 0, 5);
	r = at_hlt(cpu);
	CHECK_EQ(r.rdx, 0x77);
	CHECK_EQ(r.rip, CODE_A + (soft_end - soft));
	CHECK_EQ(a->eip, CODE_A + 2);
	CHECK_EQ(task_of(cpu), SEL_A);
}

CODE32(fault, "mov $0x38, %eax; mov %ax, %fs; mov $0x77, %edx; hlt");
CODE32(fix, "pop %esi; mov $0x10, %ebx; mov %ebx, 0xc028; iret");

CASE(by_exception,
     "#GP through a task gate: its error code on the new stack, the instruction again")
{
	struct vcpu *cpu = TWO_TASKS(fault, fix);
	const struct tss32 *b = at(cpu, TSS_B);
	struct kvm_regs r;

	((u64 *)at(cpu, IDT))[13] = gate(SEL_B, 0, 5);
	r = at_hlt(cpu);
	CHECK_EQ(r.rdx, 0x77);
	CHECK_EQ(r.rax, DS32);
	CHECK_EQ(b->esi, 0x38);
	CHECK_EQ(b->esp, STACK_B);
	CHECK_EQ(task_of(cpu), SEL_A);
}

CODE32(handler, "pop %esi; pop %edi; hlt");

CASE(not_present, "to a TSS that is not present: #NP in the old task, at the instruction")
{
	struct vcpu *cpu = TWO_TASKS(jump, stop);
	struct kvm_regs r;

	memcpy(at(cpu, HANDLER), handler, handler_end - handler);
	((u64 *)at(cpu, GDT))[SEL_B / 8] = tss_desc(TSS_B, false, false);
	((u64 *)at(cpu, IDT))[11] = gate(CS32, HANDLER, 14);
	r = at_hlt(cpu);
	CHECK_EQ(r.rsi, SEL_B);
	CHECK_EQ(r.rdi, CODE_A + 5);
	CHECK_EQ(task_of(cpu), SEL_A);
	CHECK(is_busy(cpu, SEL_A));
}

CASE(bad_segment, "a new task with a bad stack segment: #TS in the new task")
{
	struct vcpu *cpu = TWO_TASKS(jump, stop);
	struct tss32 *b = at(cpu, TSS_B);
	struct kvm_regs r;

	b->ds = 0x38;
	memcpy(at(cpu, HANDLER), handler, handler_end - handler);
	((u64 *)at(cpu, IDT))[10] = gate(CS32, HANDLER, 14);
	r = at_hlt(cpu);
	/* Not the address that was pushed: QEMU's own task switch makes it from that of the old task. */
	CHECK_EQ(r.rsi, 0x38);
	CHECK_EQ(r.rax, 0xb0b0);
	CHECK_EQ(task_of(cpu), SEL_B);
}

CASE(local_breakpoints, "a switch ends the local breakpoints")
{
	struct vcpu *cpu = TWO_TASKS(jump, stop);
	struct kvm_debugregs d;

	OK(ioctl(cpu->fd, KVM_GET_DEBUGREGS, &d));
	d.db[0] = d.db[1] = 0xe000;
	d.dr7 = 0x400 | BIT(0) | BIT(3); /* local 0, global 1 */
	OK(ioctl(cpu->fd, KVM_SET_DEBUGREGS, &d));
	at_hlt(cpu);
	OK(ioctl(cpu->fd, KVM_GET_DEBUGREGS, &d));
	CHECK_EQ(d.dr7 & 0xff, BIT(3));
}
