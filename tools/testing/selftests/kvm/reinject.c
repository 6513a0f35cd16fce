// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events whose delivery itself faults in the nested page tables: the descriptor table and the stack have no translation
 * when the event happens, so delivery is broken off by an exit, twice or more, and has to be taken up again.  Each event
 * must arrive once, with the right return address and error code.
 */
#include "apic.h"
#include "vm.h"

/* Guest memory that delivery needs, all of it without translation each time: IDT, GDT and TSS, stack. */
static u64 idt, stack;
static struct vm *machine;

static volatile u64 count, last_rip, last_error, last_cr2;

static void take(struct frame *frame)
{
	count++;
	last_rip = frame->rip;
	last_error = frame->error;
	last_cr2 = read_cr2();
	/* Faults go on behind what faulted, as long as that is two bytes. */
	if (frame->vector == 6 || frame->vector == 14)
		frame_skip(frame, 2);
}

static void take_irq(struct frame *frame)
{
	take(frame);
	apic_eoi();
}

/*
 * On the other stack: SYNC, at which the test takes the translations away, then the instruction.  Nothing in between
 * touches the stack.
 */
#define ON_STACK(insn, ...)                                                       \
	({                                                                        \
		u64 at, a = GUEST_SYNC, d = GUEST_PORT;                           \
		asm volatile("mov %%rsp, %%r12\n\t"                               \
			     "mov %[stack], %%rsp\n\t"                            \
			     "lea 1f(%%rip), %%r13\n\t"                           \
			     "out %%eax, %%dx\n"                                  \
			     "1:\t" insn "\n\t"                                   \
			     "mov %%r12, %%rsp\n\t"                               \
			     "mov %%r13, %[at]"                                   \
			     : [at] "=&r"(at), "+a"(a), "+d"(d)                   \
			     : [stack] "r"(stack + PAGE), "D"(1UL), ##__VA_ARGS__ \
			     : "r12", "r13", "memory", "cc");                     \
		at;                                                               \
	})

#define ROUNDS 5

static void begin(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) dt = { 0xfff, idt };

	asm volatile("lidt %0" : : "m"(dt));
}

static void software(u64 unused)
{
	u64 at;

	begin();
	for (u64 i = 1; i <= ROUNDS; i++) {
		at = ON_STACK("int $0x40");
		G_ASSERT_EQ(count, i);
		G_ASSERT_EQ(last_rip, at + 2);
	}
	guest_done();
}

static void breakpoint(u64 unused)
{
	u64 at;

	begin();
	for (u64 i = 1; i <= ROUNDS; i++) {
		at = ON_STACK("int3");
		G_ASSERT_EQ(count, i);
		G_ASSERT_EQ(last_rip, at + 1);
	}
	guest_done();
}

static void invalid_opcode(u64 unused)
{
	u64 at;

	begin();
	for (u64 i = 1; i <= ROUNDS; i++) {
		at = ON_STACK("ud2");
		G_ASSERT_EQ(count, i);
		G_ASSERT_EQ(last_rip, at);
	}
	guest_done();
}

#define NOWHERE 0x7f0000001000UL

static void page_fault(u64 unused)
{
	u64 at;

	begin();
	for (u64 i = 1; i <= ROUNDS; i++) {
		/* mov %eax, (%rbx): two bytes */
		at = ON_STACK("mov %%eax, (%%rbx)", "b"(NOWHERE + i));
		G_ASSERT_EQ(count, i);
		G_ASSERT_EQ(last_rip, at);
		G_ASSERT_EQ(last_cr2, NOWHERE + i);
		G_ASSERT_EQ(last_error, 2);
	}
	guest_done();
}

static void interrupt(u64 unused)
{
	begin();
	apic_enable();
	x2apic_enable();
	for (u64 i = 1; i <= ROUNDS; i++) {
		apic_send(0, ICR_SELF | 0x50);
		ON_STACK("sti; nop; nop; cli");
		G_ASSERT_EQ(count, i);
	}
	guest_done();
}

static void nmi(u64 unused)
{
	begin();
	apic_enable();
	x2apic_enable();
	for (u64 i = 1; i <= ROUNDS; i++) {
		/* wrmsr to the interrupt command register: 0 is this processor */
		ON_STACK("mov %%ebx, %%eax; xor %%edx, %%edx; wrmsr; nop; nop", "b"(ICR_NMI),
			 "c"(MSR_X2APIC + 0x30));
		G_ASSERT_EQ(count, i);
	}
	guest_done();
}

/* Invalidates the translations and leaves the contents alone. */
static void forget(void *page)
{
	OK(mprotect(page, PAGE, PROT_NONE));
	OK(mprotect(page, PAGE, PROT_READ | PROT_WRITE));
}

static void deliver(unsigned int flags, void (*code)(u64), u8 vector, guest_handler handler)
{
	struct vcpu *cpu;
	int rounds = 0;

	machine = vm_new(flags);
	cpu = vcpu_new(machine, code, 0);
	idt = vm_alloc(machine, PAGE);
	stack = vm_alloc(machine, PAGE);
	memcpy(vm_host(machine, idt), guest_idt, PAGE);
	guest_handlers[vector] = handler;
	for (;;) {
		struct event ev = vcpu_run(cpu);

		if (ev.kind == EV_DONE)
			break;
		if (ev.kind != EV_SYNC) {
			FAIL("exit %s", exit_name(cpu->run->exit_reason));
			ktap_end();
		}
		rounds++;
		forget(vm_host(machine, idt));
		forget(vm_host(machine, stack));
		forget(vm_host(machine, CPU_BASE));
		forget(vm_host(machine, PT_BASE));
	}
	CHECK_EQ(rounds, ROUNDS);
	CHECK_EQ(count, ROUNDS);
}

CASE(int_n, "INT n")
{
	deliver(0, software, 0x40, take);
}

CASE(int3, "INT3")
{
	deliver(0, breakpoint, 3, take);
}

CASE(ud, "an exception without error code")
{
	deliver(0, invalid_opcode, 6, take);
}

CASE(pf, "a page fault, with its address and error code")
{
	deliver(0, page_fault, 14, take);
}

CASE(irq, "an interrupt of the local APIC")
{
	deliver(VM_IRQCHIP, interrupt, 0x50, take_irq);
}

CASE(nmi, "an NMI")
{
	deliver(VM_IRQCHIP, nmi, 2, take);
}
