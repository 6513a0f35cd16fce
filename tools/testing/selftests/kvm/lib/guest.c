// SPDX-License-Identifier: GPL-2.0-only
/* The part of the library that runs inside: exceptions, and what the compiler calls. */
#include <stddef.h>

#include "guest.h"

guest_handler guest_handlers[256];
u64 guest_idt[512] __attribute__((aligned(4096)));

extern const u8 guest_stubs[256][16];

/*
 * One stub a vector, 16 bytes apart: all leave an error code and the vector on the stack.
 */
asm(".pushsection .text\n"
    ".balign 16\n"
    ".globl guest_stubs\n"
    "guest_stubs:\n"
    ".set vector, 0\n"
    ".rept 256\n"
    ".balign 16\n"
    ".if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)\n"
    "push $0\n"
    ".endif\n"
    "push $vector\n"
    "jmp guest_entry\n"
    ".set vector, vector + 1\n"
    ".endr\n"
    ".balign 16\n"
    "guest_entry:\n"
    "push %rax; push %rbx; push %rcx; push %rdx; push %rsi; push %rdi; push %rbp\n"
    "push %r8; push %r9; push %r10; push %r11; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rsp, %rdi\n"
    "mov %rsp, %rbx\n"
    "and $-16, %rsp\n"
    "cld\n"
    "call guest_trap\n"
    "mov %rbx, %rsp\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %r11; pop %r10; pop %r9; pop %r8\n"
    "pop %rbp; pop %rdi; pop %rsi; pop %rdx; pop %rcx; pop %rbx; pop %rax\n"
    "add $16, %rsp\n"
    "iretq\n"
    ".popsection\n");

__attribute__((used, target("general-regs-only"))) void guest_trap(struct frame *frame)
{
	guest_handler handler = guest_handlers[frame->vector];
	struct guest_cpu *cpu = this_cpu();

	if (handler) {
		handler(frame);
		return;
	}
	if (cpu->resume && frame->vector < 32) {
		cpu->vector = frame->vector;
		cpu->error = frame->error;
		cpu->rip = frame->rip;
		cpu->cr2 = read_cr2();
		frame->rip = cpu->resume;
		cpu->resume = 0;
		return;
	}
	guest_call(GUEST_TRAP, frame->vector, frame->error, frame->rip, read_cr2(), 0);
}

void guest_make_idt(void)
{
	for (int v = 0; v < 256; v++) {
		u64 stub = (u64)guest_stubs[v];
		u64 type = v == 3 || v == 4 ? 0xee : 0x8e; /* INT3, INTO from user mode */

		guest_idt[2 * v] = (stub & 0xffff) | (u64)KERNEL_CS << 16 | type << 40 |
				   (stub >> 16 & 0xffff) << 48;
		guest_idt[2 * v + 1] = stub >> 32;
	}
}

/*
 * The compiler may call these for guest code; the C library's choose by what the host's processor has, and the guest may
 * not have it.
 */
void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	void *ret = to;

	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	return ret;
}

void *memset(void *to, int value, size_t n)
{
	void *ret = to;

	asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
	return ret;
}
