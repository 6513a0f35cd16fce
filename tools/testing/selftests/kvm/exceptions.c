// SPDX-License-Identifier: GPL-2.0-only
/* Exceptions that the guest raises and takes by itself, each vector with its error code. */
#include "vm.h"

static bool takes_it_for_gp;

static void each(u64 unused)
{
	struct guest_cpu *cpu = this_cpu();
	u32 eax, edx;

	/* #DE: by zero, and a quotient too large */
	G_ASSERT_EQ(CATCH("div %%cl", : "=a"(eax) : "a"(1), "c"(0)), 0);
	G_ASSERT_EQ(CATCH("div %%ecx", : "=a"(eax), "=d"(edx) : "a"(0), "d"(5), "c"(5)), 0);
	G_ASSERT_EQ(CATCH("int3", : :), 3);
	G_ASSERT_EQ(CATCH("ud2", : :), 6);
	/* An instruction that is none in 64-bit mode */
	G_ASSERT_EQ(CATCH(".byte 0x06", : :), 6);
	/* LOCK where it may not be */
	G_ASSERT_EQ(CATCH(".byte 0xf0, 0x90", : :), 6);
	/* #NP, #GP by a selector: the error code names it */
	G_ASSERT_EQ(CATCH("mov %w0, %%ds", : : "r"(0x1000)), 13);
	G_ASSERT_EQ(cpu->error, 0x1000);
	cpu->gdt[8] = 0x00cf13000000ffff; /* not present */
	G_ASSERT_EQ(CATCH("mov %w0, %%ds", : : "r"(0x40)), 11);
	G_ASSERT_EQ(cpu->error, 0x40);
	G_ASSERT_EQ(CATCH("mov %w0, %%ss", : : "r"(0x40)), 12);
	G_ASSERT_EQ(cpu->error, 0x40);
	cpu->gdt[8] = 0;
	/* #SS: a stack access that is not canonical */
	cpu->vector = NO_VECTOR;
	asm volatile("push %%rbp; lea 2f(%%rip), %%rax; mov %%rax, %%gs:16; mov %0, %%rbp\n"
		     "mov (%%rbp), %%rax; 2: pop %%rbp"
		     :
		     : "r"(0x8000000000000000)
		     : "rax", "memory");
	G_ASSERT_EQ(READ_ONCE(cpu->vector), takes_it_for_gp ? 13 : 12);
	G_ASSERT_EQ(cpu->error, 0);
}

CASE(faults, "#DE, #BP, #UD, #NP, #SS, #GP, with their error codes")
{
	takes_it_for_gp = cpu_quirk(QUIRK_SS_CANONICAL);
	vcpu_expect_done(vm_with(0, each, 0));
}

extern const char behind_int1[];
static u64 int1_taken, int1_rip;

static void take_int1(struct frame *frame)
{
	int1_rip = frame->rip;
	/* Should it come again and again */
	if (++int1_taken > 1)
		frame->rip++;
}

static void int1(u64 unused)
{
	asm volatile(".byte 0xf1\nbehind_int1:");
	G_ASSERT_EQ(int1_taken, 1);
	G_ASSERT_EQ(int1_rip, (u64)behind_int1);
}

CASE(int1, "INT1 is #DB once, and returns behind itself")
{
	SKIP_QUIRK(QUIRK_INT1);
	guest_handlers[1] = take_int1;
	vcpu_expect_done(vm_with(0, int1, 0));
}

static void memory(u64 unused)
{
	struct guest_cpu *cpu = this_cpu();
	u64 value;

	G_ASSERT_EQ(CATCH("mov (%1), %0", : "=r"(value) : "r"(0x500000000123)), 14);
	G_ASSERT_EQ(cpu->error, 0);
	G_ASSERT_EQ(cpu->cr2, 0x500000000123);
	G_ASSERT_EQ(CATCH("mov %0, (%1)", : : "r"(1ULL), "r"(0x500000000ffc)), 14);
	G_ASSERT_EQ(cpu->error, 2);
	G_ASSERT_EQ(CATCH("mov (%1), %0", : "=r"(value) : "r"(0x8000000000000000)), 13);
	G_ASSERT_EQ(cpu->error, 0);
	G_ASSERT_EQ(CATCH("jmp *%0", : : "r"(0x8000000000000000)), 13);
	G_ASSERT_EQ(CATCH("wrmsr", : : "c"(0xdead0000), "a"(0), "d"(0)), 13);
	G_ASSERT_EQ(CATCH("int $0x80", : :), NO_VECTOR);
}

static u64 soft;

static void on_soft(struct frame *frame)
{
	soft = frame->vector;
}

CASE(page_faults, "#PF and #GP by an address; INT n reaches its vector")
{
	struct vcpu *cpu = vm_with(0, memory, 0);

	guest_handlers[0x80] = on_soft;
	vcpu_expect_done(cpu);
	CHECK_EQ(soft, 0x80);
}

static void floating(u64 unused)
{
	u16 cw = 0x37b; /* all masked but division by zero */

	asm volatile("fninit; fldcw %0" : : "m"(cw));
	asm volatile("fldz; fld1");
	G_ASSERT_EQ(CATCH("fdiv %%st(1), %%st; fwait", : :), 16);
	asm volatile("fnclex; fninit");
	G_ASSERT_EQ(CATCH("movaps 8(%%rsp), %%xmm0; movaps (%%rsp), %%xmm0", : :),
		    13); /* one of the two is not aligned */
}

static void simd(u64 unused)
{
	u32 mxcsr = 0x1d80;

	asm volatile("ldmxcsr %0" : : "m"(mxcsr));
	asm volatile("xorps %%xmm0, %%xmm0; mov $0x3f800000, %%eax; movd %%eax, %%xmm1"
		     :
		     :
		     : "rax", "xmm0", "xmm1");
	G_ASSERT_EQ(CATCH("divss %%xmm0, %%xmm1", : :), 19);
}

CASE(fpu, "#MF, and #GP for an unaligned vector access")
{
	vcpu_expect_done(vm_with(0, floating, 0));
}

CASE(xm, "#XM")
{
	SKIP_QUIRK(QUIRK_XM);
	vcpu_expect_done(vm_with(0, simd, 0));
}

static void alignment(u64 unused)
{
	write_cr0(read_cr0() | CR0_AM);
	/* To user mode with AC set */
	asm volatile("mov %%rsp, %%rax; push %0; push %%rax; pushfq; orq $0x40000, (%%rsp)\n"
		     "push %1; lea 1f(%%rip), %%rax; push %%rax; iretq\n"
		     "1: mov 1(%%rsp), %%eax; ud2"
		     :
		     : "i"(USER_DS), "i"(USER_CS)
		     : "rax", "memory");
}

static void at_ac(struct frame *frame)
{
	guest_sync(frame->vector << 8 | frame->error);
	guest_done();
}

CASE(align, "#AC in user mode")
{
	struct vcpu *cpu = vm_with(0, alignment, 0);

	SKIP_QUIRK(QUIRK_AC);
	guest_handlers[17] = guest_handlers[6] = at_ac;
	vcpu_expect_sync(cpu, 17 << 8);
}

static volatile u64 doubles;

static void on_double(struct frame *frame)
{
	doubles++;
	G_ASSERT_EQ(frame->error, 0);
	guest_sync(8);
	guest_done();
}

static void double_fault(u64 unused)
{
	/* The handler of #PF is not present: a #NP while #PF is delivered. */
	guest_idt[2 * 14] &= ~(1ULL << 47);
	asm volatile("mov %%rax, (%0)" : : "r"(0x500000000000));
}

CASE(df, "a second fault during the delivery of the first is #DF")
{
	struct vcpu *cpu = vm_with(0, double_fault, 0);

	guest_handlers[8] = on_double;
	vcpu_expect_sync(cpu, 8);
	CHECK_EQ(doubles, 1);
}

static volatile u64 nested_vectors[2], nested_count;

static void outer(struct frame *frame)
{
	nested_vectors[nested_count++] = frame->vector;
	if (frame->vector == 6) {
		frame->rip += 2; /* past the UD2 */
		CATCH("mov (%0), %%rax", : : "r"(0x500000000000));
	}
}

static void nested(u64 unused)
{
	asm volatile("ud2");
	G_ASSERT_EQ(nested_vectors[0], 6);
	G_ASSERT_EQ(this_cpu()->vector, 14);
	guest_sync(1);
}

CASE(in_handler, "a handler may fault itself")
{
	struct vcpu *cpu = vm_with(0, nested, 0);

	guest_handlers[6] = outer;
	vcpu_expect_sync(cpu, 1);
}

static void ist(u64 unused)
{
	struct guest_cpu *cpu = this_cpu();
	u64 top = (u64)cpu + 0xc00;

	cpu->tss.ist[0] = top;
	guest_idt[2 * 6] |= 1ULL << 32;
	asm volatile("ud2");
	G_ASSERT(nested_vectors[0] < top && nested_vectors[0] > top - 0x400);
	guest_sync(1);
}

static void on_ist(struct frame *frame)
{
	nested_vectors[0] = (u64)frame;
	frame->rip += 2;
}

CASE(stack_table, "an IDT entry may name a stack of its own")
{
	struct vcpu *cpu = vm_with(0, ist, 0);

	guest_handlers[6] = on_ist;
	vcpu_expect_sync(cpu, 1);
}
