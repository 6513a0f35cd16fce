/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What guest code can do: talk to the test, catch exceptions, take interrupts.
 *
 * Guest code is C of the test program.  It calls nothing of the C library.
 */
#ifndef SELFTESTS_GUEST_H
#define SELFTESTS_GUEST_H

#include "x86.h"

#define GUEST_PORT \
	0x5e0 /* a 32-bit write here is a call to the test: what in EAX, arguments in RDI, RSI, RDX, RCX, R8 */

enum guest_call {
	GUEST_SYNC = 0x4b31,
	GUEST_DONE,
	GUEST_FAIL, /* file, line, text, have, want */
	GUEST_LOG, /* format, three numbers */
	GUEST_TRAP, /* vector, error code, RIP, CR2 */
};

/* Selectors */
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_CS 0x1b
#define USER_DS 0x23
#define CODE32_CS 0x28
#define TSS_SEL 0x30

#define NO_VECTOR 0x100

/* The registers of what was interrupted */
struct frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 iomap;
} __attribute__((packed));

/* A vCPU's own data in the guest, at GS:0, at CPU_BASE + CPU_SIZE * index */
struct guest_cpu {
	struct guest_cpu *self;
	u64 index;
	u64 resume; /* where a caught exception goes on */
	u64 vector, error, cr2, rip; /* the exception caught last */
	u64 gdt[9];
	struct tss tss;
};

typedef void (*guest_handler)(struct frame *frame);

/* Who handles a vector, on all vCPUs of all machines; set from either side. */
extern guest_handler guest_handlers[256];
/* The IDT that vCPUs are given, 256 gates. */
extern u64 guest_idt[512];

/* Makes the IDT; done by the library before the first vCPU. */
void guest_make_idt(void);

static inline struct guest_cpu *this_cpu(void)
{
	struct guest_cpu *cpu;

	asm("mov %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

static inline void guest_call(enum guest_call what, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	register u64 r8 asm("r8") = e;

	asm volatile("out %%eax, %%dx"
		     :
		     : "a"(what), "d"(GUEST_PORT), "D"(a), "S"(b), "b"(c), "c"(d), "r"(r8)
		     : "memory");
}

/* Stops here until the test runs the vCPU again. */
static inline void guest_sync(u64 value)
{
	guest_call(GUEST_SYNC, value, 0, 0, 0, 0);
}

/* Ends; does not return. */
static inline void __attribute__((noreturn)) guest_done(void)
{
	for (;;)
		guest_call(GUEST_DONE, 0, 0, 0, 0, 0);
}

/* A line in the test's output, with up to three numbers. */
static inline void guest_log(const char *format, u64 a, u64 b, u64 c)
{
	guest_call(GUEST_LOG, (u64)format, a, b, c, 0);
}

#define G_ASSERT(cond)                                                                      \
	do {                                                                                \
		if (!(cond))                                                                \
			guest_call(GUEST_FAIL, (u64)__FILE__, __LINE__, (u64) #cond, 0, 1); \
	} while (0)

#define G_ASSERT_EQ(have, want)                                                                    \
	do {                                                                                       \
		u64 _have = (u64)(have), _want = (u64)(want);                                      \
		if (_have != _want)                                                                \
			guest_call(GUEST_FAIL, (u64)__FILE__, __LINE__, (u64)(#have " == " #want), \
				   _have, _want);                                                  \
	} while (0)

/*
 * CATCH("instruction" : outputs : inputs): the vector of the exception that the instruction raises, or NO_VECTOR.  The
 * instruction must not use R10 nor R11.
 */
#define CATCH(insn, ...)                                                                        \
	({                                                                                      \
		struct guest_cpu *_cpu = this_cpu();                                            \
		_cpu->vector = NO_VECTOR;                                                       \
		asm volatile("lea 1f(%%rip), %%r10\n\t"                                         \
			     "mov %%r10, %%gs:16\n\t" insn "\n1:\tmovq $0, %%gs:16" __VA_ARGS__ \
			     : "r10", "r11", "memory", "cc");                                   \
		READ_ONCE(_cpu->vector);                                                        \
	})

/* The vector of what RDMSR or WRMSR raises; the value that was read. */
static inline u64 catch_rdmsr(u32 msr, u64 *value)
{
	u32 low = 0, high = 0;
	u64 vector = CATCH("rdmsr", : "+a"(low), "+d"(high) : "c"(msr));

	*value = (u64)high << 32 | low;
	return vector;
}

static inline u64 catch_wrmsr(u32 msr, u64 value)
{
	return CATCH("wrmsr", : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)));
}

/* Where to go on after the exception being handled. */
static inline void frame_skip(struct frame *frame, unsigned int bytes)
{
	frame->rip += bytes;
}

#endif
