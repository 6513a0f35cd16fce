// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that drivers seldom use on device memory, and test suites often: system instructions, far transfers, vectors of
 * all kinds, the x87, string instructions in both directions, addresses of every kind, user mode.
 */
#include "vm.h"

#define DEV 0xd0000000UL
#define D "r"(DEV)
#define NEAR 0x10000000UL /* the device again, in reach of RIP-relative addresses */

/* A device of two pages of plain memory, played by the program. */
static u8 device[2 * PAGE];

static void run_flags(void (*code)(u64), u64 near_flags)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, code, 0);

	vm_map(vm, NEAR, DEV, near_flags);
	vcpu_expect_device_done(cpu, DEV, device, sizeof(device));
}

static void run(void (*code)(u64))
{
	run_flags(code, PTE_P | PTE_W | PTE_U);
}

static u64 read_dev(unsigned int at)
{
	return *(volatile u64 *)(DEV + at);
}

static void write_dev(unsigned int at, u64 val)
{
	*(volatile u64 *)(DEV + at) = val;
}

static void system_operands(u64 unused)
{
	struct __attribute__((packed)) {
		u16 limit;
		u64 base;
	} table;
	u64 v;
	u8 z;

	asm volatile("sgdt %0" : "=m"(table));
	asm volatile("sgdt (%0)" : : D : "memory");
	G_ASSERT_EQ(*(volatile u16 *)DEV, table.limit);
	G_ASSERT_EQ(read_dev(2), table.base);
	asm volatile("lgdt (%0)" : : D);
	asm volatile("sidt %0" : "=m"(table));
	asm volatile("sidt 16(%0)" : : D : "memory");
	G_ASSERT_EQ(read_dev(18), table.base);
	asm volatile("lidt 16(%0)" : : D);
	asm volatile("str (%0)" : : D : "memory");
	G_ASSERT_EQ(*(volatile u16 *)DEV, TSS_SEL);
	asm volatile("sldt 2(%0)" : : D : "memory");
	G_ASSERT_EQ(*(volatile u16 *)(DEV + 2), 0);
	asm volatile("lldt 2(%0)" : : D);
	asm volatile("smsw 4(%0)" : : D : "memory");
	G_ASSERT_EQ(*(volatile u16 *)(DEV + 4), read_cr0() & 0xffff);
	*(volatile u16 *)(DEV + 4) |= CR0_TS;
	asm volatile("lmsw 4(%0)" : : D);
	G_ASSERT_EQ(read_cr0() & CR0_TS, CR0_TS);
	asm volatile("clts");
	asm volatile("mov %%ss, 6(%0)" : : D : "memory");
	asm volatile("verw 6(%1); setz %0" : "=q"(z) : D : "cc");
	G_ASSERT_EQ(z, 1);
	asm volatile("lsl 6(%1), %k0" : "=r"(v) : D : "cc");
	G_ASSERT_EQ(v, 0xffffffff);
	asm volatile("mov 6(%0), %%es; mov 6(%0), %%ss" : : D);
	asm volatile("mov %%es, %0" : "=r"(v));
	G_ASSERT_EQ((u16)v, *(volatile u16 *)(DEV + 6));
	G_ASSERT_EQ(CATCH("ltr 2(%0)", : : D), 13);
	asm volatile("invlpg (%0); prefetcht0 (%0); clflush (%0)" : : D);
}

CASE(system, "descriptor tables, task register, machine status word, segments in device memory")
{
	run(system_operands);
}

static void far_operands(u64 unused)
{
	u64 v, ss;

	/* A far pointer of 16:32 bits */
	asm volatile("lea 1f(%%rip), %%rax; mov %%eax, (%0); mov %%cs, 4(%0); ljmpl *(%0); ud2; 1:"
		     :
		     : D
		     : "rax", "memory");
	asm volatile("lea 1f(%%rip), %%rax; mov %%eax, (%1); mov %%cs, 4(%1); xor %0, %0\n"
		     "lcalll *(%1); jmp 2f; 1: add $7, %0; lretl; 2:"
		     : "=&r"(v)
		     : D
		     : "rax", "memory", "cc");
	G_ASSERT_EQ(v, 7);
	asm volatile("lea 1f(%%rip), %%rax; mov %%rax, (%0); jmp *(%0); ud2; 1:"
		     :
		     : D
		     : "rax", "memory");
	asm volatile("mov %%ss, %0" : "=r"(ss));
	asm volatile("mov %%rsp, (%1); movw %w2, 4(%1); lss (%1), %k0"
		     : "=r"(v)
		     : D, "r"(ss)
		     : "memory");
	G_ASSERT_EQ((u32)v, *(volatile u32 *)DEV);
	/* IRETQ from a stack in device memory */
	asm volatile(
		"mov %%rsp, %%rbx; lea 256(%0), %%rsp; mov %%ss, %%eax; push %%rax; push %%rbx\n"
		"pushfq; mov %%cs, %%eax; push %%rax; lea 1f(%%rip), %%rax; push %%rax; iretq; 1:"
		:
		: D
		: "rax", "rbx", "memory");
	/* ENTER, LEAVE, PUSHF, POPF, RET there */
	asm volatile("mov %%rsp, %%rbx; mov %%rbp, %%r12; lea 512(%1), %%rsp; mov %1, %%rbp\n"
		     "enter $16, $1; mov (%%rbp), %0; leave; stc; pushfq; clc; popfq; adc $0, %0\n"
		     "lea 1f(%%rip), %%rax; push %%rax; ret; 1: mov %%rbx, %%rsp; mov %%r12, %%rbp"
		     : "=&r"(v)
		     : D
		     : "rax", "rbx", "r12", "memory", "cc");
	G_ASSERT_EQ(v, DEV + 1);
}

CASE(transfers,
     "far and near pointers, and stacks, in device memory: LJMP, LCALL, LSS, IRETQ, ENTER")
{
	run(far_operands);
}

static void integers(u64 unused)
{
	u64 v, high;
	u8 z;

	write_dev(0, 0x8000000000000003);
	asm volatile("mulq (%2)" : "=a"(v), "=d"(high) : D, "a"(6UL) : "cc");
	G_ASSERT_EQ(v, 18);
	G_ASSERT_EQ(high, 3);
	asm volatile("imulb (%1)" : "=a"(v) : D, "a"(0xfdUL) : "cc");
	G_ASSERT_EQ((u16)v, (u16)-9);
	asm volatile("divw (%2)" : "=a"(v), "=d"(high) : D, "a"(20), "d"(0) : "cc");
	G_ASSERT_EQ(v & 0xffff, 6);
	G_ASSERT_EQ(high & 0xffff, 2);
	asm volatile("idivb (%1)" : "=a"(v) : D, "a"((u16)-20) : "cc");
	G_ASSERT_EQ(v & 0xffff, 0xfefa);
	G_ASSERT_EQ(CATCH("divl 64(%0)", : : D, "a"(0), "d"(~0U)), 0);
	write_dev(0, 0);
	G_ASSERT_EQ(CATCH("divb (%0)", : : D, "a"(1)), 0);
	write_dev(0, 0x1122334455667788);
	asm volatile("shldq $8, %1, (%0)" : : D, "r"(0xaa00000000000000) : "memory", "cc");
	G_ASSERT_EQ(read_dev(0), 0x22334455667788aa);
	asm volatile("shrdl %%cl, %k1, (%0)" : : D, "r"(0x11), "c"(8) : "memory", "cc");
	G_ASSERT_EQ(read_dev(0), 0x2233445511667788);
	asm volatile("xchg %0, (%1)" : "=r"(v) : D, "0"(5UL) : "memory");
	G_ASSERT_EQ(v, 0x2233445511667788);
	G_ASSERT_EQ(read_dev(0), 5);
	/* A condition that is not met reads all the same, and clears the upper half. */
	v = ~0UL;
	asm volatile("cmp %1, %1; cmovne (%2), %k0" : "+r"(v) : "r"(v), D : "cc");
	G_ASSERT_EQ(v, 0xffffffff);
	write_dev(8, 7);
	asm volatile("lock cmpxchg8b (%2); setz %0"
		     : "=q"(z), "=A"(v)
		     : D, "a"(5), "d"(0), "b"(1), "c"(2)
		     : "memory", "cc");
	G_ASSERT_EQ(z, 1);
	G_ASSERT_EQ(read_dev(0), 0x200000001);
	asm volatile("lock cmpxchg16b (%1); setz %0"
		     : "=q"(z)
		     : D, "a"(0x200000001), "d"(7), "b"(3), "c"(4)
		     : "memory", "cc");
	G_ASSERT_EQ(z, 1);
	G_ASSERT_EQ(read_dev(0), 3);
	G_ASSERT_EQ(read_dev(8), 4);
	asm volatile("testb $1, (%1); setz %0" : "=q"(z) : D : "cc");
	G_ASSERT_EQ(z, 0);
	asm volatile("pushq (%1); popq 16(%1); nopl (%1); mov 16(%1), %0" : "=r"(v) : D : "memory");
	G_ASSERT_EQ(v, 3);
	if (cpuid(1, 0).ecx & BIT(22)) {
		asm volatile("movbe %1, (%0)" : : D, "r"(0x1122334455667788) : "memory");
		G_ASSERT_EQ(read_dev(0), 0x8877665544332211);
		asm volatile("movbe (%1), %k0" : "=r"(v) : D);
		G_ASSERT_EQ(v, 0x11223344);
	}
	if (cpuid(1, 0).ecx & BIT(20)) {
		v = 0;
		write_dev(0, 1);
		asm volatile("crc32q (%1), %0" : "+r"(v) : D);
		high = 0;
		asm volatile("crc32q %1, %0" : "+r"(high) : "r"(1UL));
		G_ASSERT_EQ(v, high);
	}
	G_ASSERT_EQ(CATCH(".byte 0xf0; mov %%eax, (%0)", : : D), 6);
	G_ASSERT_EQ(CATCH(".byte 0x8d, 0xc0", : :), 6); /* LEA of a register */
}

CASE(integer,
     "MUL, DIV with #DE, SHLD, XCHG, CMPXCHG8B and 16B, CMOV, MOVBE, CRC32; LOCK MOV is #UD")
{
	run(integers);
}

static u8 buffer[64] __attribute__((aligned(32)));

static void clear_buffer(void)
{
	for (unsigned int i = 0; i < sizeof(buffer); i++)
		*(volatile u8 *)(buffer + i) = 0;
}

/* Load from the device, look at it in memory, store it to the device elsewhere, look at it there. */
#define BOTH_WAYS(insn, reg, aligned, n)                                                   \
	do {                                                                               \
		clear_buffer();                                                            \
		asm volatile(insn " (%0), %%" reg "; movups %%xmm1, (%1)\n" insn " %%" reg \
				  ", 128(%0)"                                              \
			     :                                                             \
			     : "r"(DEV + 16 + !(aligned) * 3), "r"(buffer)                 \
			     : "xmm1", "memory");                                          \
		for (unsigned int _i = 0; _i < (n); _i++) {                                \
			G_ASSERT_EQ(buffer[_i], (u8)(17 + !(aligned) * 3 + _i));           \
			G_ASSERT_EQ(*(volatile u8 *)(DEV + 144 + !(aligned) * 3 + _i),     \
				    (u8)(17 + !(aligned) * 3 + _i));                       \
		}                                                                          \
	} while (0)

static void sse(u64 unused)
{
	u64 v;

	BOTH_WAYS("movups", "xmm1", 1, 16);
	BOTH_WAYS("movups", "xmm1", 0, 16);
	BOTH_WAYS("movaps", "xmm1", 1, 16);
	BOTH_WAYS("movupd", "xmm1", 0, 16);
	BOTH_WAYS("movapd", "xmm1", 1, 16);
	BOTH_WAYS("movdqa", "xmm1", 1, 16);
	BOTH_WAYS("movdqu", "xmm1", 0, 16);
	BOTH_WAYS("movss", "xmm1", 0, 4);
	BOTH_WAYS("movsd", "xmm1", 0, 8);
	BOTH_WAYS("movd", "xmm1", 0, 4);
	BOTH_WAYS("movq", "xmm1", 0, 8);
	BOTH_WAYS("movlps", "xmm1", 1, 8);
	/* Not aligned: #GP, and nothing is written. */
	G_ASSERT_EQ(CATCH("movaps %%xmm0, 1(%0)", : : D), 13);
	G_ASSERT_EQ(CATCH("movdqa 8(%0), %%xmm0", : : D), 13);
	asm volatile("pcmpeqd %%xmm1, %%xmm1; movntdq %%xmm1, 32(%0); movntps %%xmm1, 48(%0)\n"
		     "movhps %%xmm1, 64(%0); pextrw $0, %%xmm1, %%eax"
		     :
		     : D
		     : "xmm1", "rax", "memory");
	for (unsigned int i = 32; i < 72; i += 8)
		G_ASSERT_EQ(read_dev(i), ~0UL);
	/* Across the device's two pages */
	asm volatile("movdqu %%xmm1, 4088(%0)" : : D : "xmm1", "memory");
	G_ASSERT_EQ(read_dev(4088), ~0UL);
	G_ASSERT_EQ(read_dev(4096), ~0UL);
	asm volatile("movups 4089(%1), %%xmm1; movq %%xmm1, %0" : "=r"(v) : D : "xmm1");
	G_ASSERT_EQ(v, ~0UL);
	asm volatile("stmxcsr (%0); ldmxcsr (%0)" : : D : "memory");
	G_ASSERT_EQ(*(volatile u32 *)DEV, 0x1f80);
	*(volatile u32 *)DEV = 0x80000000;
	G_ASSERT_EQ(CATCH("ldmxcsr (%0)", : : D), 13);
	write_dev(0, 0x0102030405060708);
	asm volatile(
		"movq (%0), %%mm0; movq %%mm0, 8(%0); movd %%mm0, 16(%0); movntq %%mm0, 24(%0); emms"
		:
		: D
		: "memory");
	G_ASSERT_EQ(read_dev(8), 0x0102030405060708);
	G_ASSERT_EQ(*(volatile u32 *)(DEV + 16), 0x05060708);
	G_ASSERT_EQ(read_dev(24), 0x0102030405060708);
}

CASE(sse_moves, "SSE and MMX moves both ways, aligned and not, across pages; MXCSR")
{
	run(sse);
}

static void avx(u64 unused)
{
	write_cr4(read_cr4() | CR4_OSXSAVE);
	asm volatile("xsetbv" : : "c"(0), "a"(7), "d"(0));
	clear_buffer();
	asm volatile(
		"vmovdqu 5(%0), %%ymm1; vmovdqa %%ymm1, (%1); vmovups %%ymm1, 4080(%0)\n"
		"vmovdqu 4080(%0), %%ymm2; vmovdqa %%ymm2, 32(%1); vmovaps %%ymm1, 64(%0); vzeroupper"
		:
		: D, "r"(buffer)
		: "xmm1", "xmm2", "memory");
	for (unsigned int i = 0; i < 32; i++) {
		G_ASSERT_EQ(buffer[i], i + 6);
		G_ASSERT_EQ(buffer[i + 32], i + 6);
		G_ASSERT_EQ(*(volatile u8 *)(DEV + 64 + i), i + 6);
	}
	asm volatile("vbroadcastss (%0), %%xmm1; vmovd %%xmm1, 4(%0)" : : D : "xmm1", "memory");
	G_ASSERT_EQ(*(volatile u32 *)(DEV + 4), 0x04030201);
	G_ASSERT_EQ(CATCH("vmovaps %%ymm1, 16(%0)", : : D), 13);
}

CASE(avx_moves, "AVX moves of 32 bytes, aligned and not, across pages")
{
	if (!(cpuid(1, 0).ecx & BIT(28)))
		SKIP("no AVX");
	run(avx);
}

static void x87(u64 unused)
{
	write_dev(0, 0x4045000000000000); /* 42.0 */
	asm volatile("fninit; fldl (%0); fstps 8(%0); flds 8(%0); fstpt 16(%0); fldt 16(%0)\n"
		     "fistpll 32(%0); fildll 32(%0); fistpl 40(%0); fildl 40(%0); fistps 44(%0)\n"
		     "filds 44(%0); fstpl 48(%0); fnstcw 56(%0); fldcw 56(%0); fnstsw 58(%0)"
		     :
		     : D
		     : "memory");
	G_ASSERT_EQ(*(volatile u32 *)(DEV + 8), 0x42280000);
	G_ASSERT_EQ(read_dev(16), 0xa800000000000000);
	G_ASSERT_EQ(*(volatile u16 *)(DEV + 24), 0x4004);
	G_ASSERT_EQ(read_dev(32), 42);
	G_ASSERT_EQ(*(volatile u32 *)(DEV + 40), 42);
	G_ASSERT_EQ(*(volatile u16 *)(DEV + 44), 42);
	G_ASSERT_EQ(read_dev(48), 0x4045000000000000);
	G_ASSERT_EQ(*(volatile u16 *)(DEV + 56), 0x37f);
	G_ASSERT_EQ(*(volatile u16 *)(DEV + 58) & 0x3800, 0);
}

CASE(x87_moves, "loads and stores of the x87, of all sizes")
{
	run(x87);
}

/* A whole state: what FXSAVE leaves is compared with what it leaves in memory, and then taken back. */
static void fx_states(u64 unused)
{
	static u8 plain[512] __attribute__((aligned(16)));
	u64 v, ones;

	asm volatile(
		"fninit; fld1; fldpi; pcmpeqd %%xmm1, %%xmm1; pxor %%xmm9, %%xmm9; fxsave (%1); fxsave 512(%0)"
		:
		: D, "r"(plain)
		: "xmm1", "xmm9", "memory");
	/* The registers, and what comes before them but for the addresses of the last x87 instruction */
	for (unsigned int i = 0; i < 416; i++)
		if (i < 8 || i >= 24)
			G_ASSERT_EQ(*(volatile u8 *)(DEV + 512 + i), plain[i]);
	/* What lies behind the registers is not written. */
	G_ASSERT_EQ(*(volatile u8 *)(DEV + 512 + 464), (u8)(464 + 1));
	write_dev(512 + 160 + 16, 0x1122334455667788);
	asm volatile(
		"fninit; pxor %%xmm1, %%xmm1; fxrstor 512(%2); movq %%xmm1, %0; psrldq $8, %%xmm1\n"
		"movq %%xmm1, %1; fxsave (%3)"
		: "=r"(v), "=r"(ones)
		: D, "r"(plain)
		: "xmm1", "memory");
	G_ASSERT_EQ(v, 0x1122334455667788);
	G_ASSERT_EQ(ones, ~0UL);
	/* Two values on the stack, pi on top */
	G_ASSERT_EQ(plain[4], 0xc0);
	G_ASSERT_EQ(*(u64 *)(plain + 32), 0xc90fdaa22168c235);
	/* A bit of MXCSR that there is not: #GP, and nothing is loaded. */
	*(volatile u32 *)(DEV + 512 + 24) = 0x80001f80;
	G_ASSERT_EQ(CATCH("fninit; fxrstor 512(%0)", : : D), 13);
	asm volatile("fxsave (%0)" : : "r"(plain) : "memory");
	G_ASSERT_EQ(plain[4], 0);
	/* Not aligned */
	G_ASSERT_EQ(CATCH("fxsave 8(%0)", : : D), 13);
	/* Across the two pages */
	asm volatile("fxrstor (%0); fxsave 4096-256(%1); fninit; fxrstor 4096-256(%1); fxsave (%0)"
		     :
		     : "r"(plain), D
		     : "memory");
	G_ASSERT_EQ(*(u16 *)plain, 0x37f);
}

CASE(fxsave, "FXSAVE and FXRSTOR, with the checks of what is loaded, and across pages")
{
	run(fx_states);
}

static void masked_moves(u64 unused)
{
	u64 v;

	write_dev(0, 0);
	write_dev(8, 0);
	/* Bytes 0, 7 and 15 */
	write_dev(32, 0x8000000000000080);
	write_dev(40, 0x8000000000000000);
	asm volatile(
		"movdqu 48(%0), %%xmm0; movdqu 32(%0), %%xmm1; mov %0, %%rdi; maskmovdqu %%xmm1, %%xmm0\n"
		"lea 16(%0), %%rdi; movq 48(%0), %%mm0; movq 32(%0), %%mm1; maskmovq %%mm1, %%mm0; emms"
		:
		: D
		: "rdi", "xmm0", "xmm1", "memory");
	G_ASSERT_EQ(read_dev(0), 0x3800000000000031);
	G_ASSERT_EQ(read_dev(8), 0x4000000000000000);
	G_ASSERT_EQ(read_dev(16), 0x3817161514131231);
	if (!(cpuid(1, 0).ecx & BIT(28)))
		return;
	write_cr4(read_cr4() | CR4_OSXSAVE);
	asm volatile("xsetbv" : : "c"(0), "a"(7), "d"(0));
	/* Doubles: the upper one of two */
	write_dev(32, 0);
	asm volatile("vmovdqu 32(%1), %%xmm1; vmaskmovpd 48(%1), %%xmm1, %%xmm0; vmovq %%xmm0, %0\n"
		     "vmaskmovpd %%xmm0, %%xmm1, (%1)"
		     : "=&r"(v)
		     : D
		     : "xmm0", "xmm1", "memory");
	G_ASSERT_EQ(v, 0);
	G_ASSERT_EQ(read_dev(0), 0x3800000000000031);
	G_ASSERT_EQ(read_dev(8), 0x403f3e3d3c3b3a39);
}

CASE(masks, "MASKMOVDQU, MASKMOVQ and VMASKMOVPD write what the mask says and nothing else")
{
	run(masked_moves);
}

static void strings_down(u64 unused)
{
	const void *s = (void *)(DEV + 19);
	void *d = buffer + 19;
	u64 n = 20;
	u8 z;

	clear_buffer();
	asm volatile("std; rep movsb; cld" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	G_ASSERT_EQ(s, DEV - 1);
	for (int i = 0; i < 20; i++)
		G_ASSERT_EQ(buffer[i], i + 1);
	/* Words to the device, from its end down; across its pages */
	d = (void *)(DEV + 4096 + 6);
	n = 8;
	asm volatile("std; rep stosw; cld" : "+D"(d), "+c"(n) : "a"(0x1234) : "memory");
	G_ASSERT_EQ(*(volatile u16 *)(DEV + 4086), 0xf8f7);
	G_ASSERT_EQ(read_dev(4096), 0x1234123412341234);
	G_ASSERT_EQ(*(volatile u16 *)(DEV + 4094), 0x1234);
	d = (void *)(DEV + 40);
	n = 41;
	asm volatile("std; repne scasb; cld; setz %0" : "=q"(z), "+D"(d), "+c"(n) : "a"(5) : "cc");
	G_ASSERT_EQ(z, 1);
	G_ASSERT_EQ(d, DEV + 3);
	/* Two places of the device, equal up to one byte */
	for (int i = 0; i < 8; i++)
		*(volatile u8 *)(DEV + 64 + i) = i == 5 ? 0 : i + 1;
	s = (void *)DEV;
	d = (void *)(DEV + 64);
	n = 8;
	asm volatile("repe cmpsb; setz %0" : "=q"(z), "+D"(d), "+S"(s), "+c"(n) : : "cc", "memory");
	G_ASSERT_EQ(z, 0);
	G_ASSERT_EQ(n, 2);
	G_ASSERT_EQ(s, DEV + 6);
	asm volatile("xlat" : "=a"(n) : "b"(DEV), "a"(9));
	G_ASSERT_EQ((u8)n, 10);
	/* No repetition: no access */
	n = 0;
	d = (void *)(DEV + 2 * PAGE);
	asm volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(0) : "memory");
	G_ASSERT_EQ(d, DEV + 2 * PAGE);
}

CASE(strings, "string instructions downwards and across pages, SCAS and CMPS that stop early")
{
	run(strings_down);
}

/* RIP-relative: a load, a store of a constant, an addition of one. */
static u8 stub[] = { 0x48, 0x8b, 0x05, 0, 0, 0, 0, /* mov NEAR+8(%rip), %rax */
		     0xc7, 0x05, 0,    0, 0, 0, 0x55, 0, 0, 0, /* movl $0x55, NEAR+4(%rip) */
		     0x80, 0x05, 0,    0, 0, 0, 1, /* addb $1, NEAR+4(%rip) */
		     0xc3 };

static void make_stub(void)
{
	static const u8 at[] = { 3, 9, 19 }, next[] = { 7, 17, 24 }, to[] = { 8, 4, 4 };

	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		u32 disp = NEAR + to[i] - ((u64)stub + next[i]);

		memcpy(stub + at[i], &disp, 4);
	}
}

static void near_addresses(u64 unused)
{
	u64 v, index = 2;

	asm volatile("call *%1" : "=a"(v) : "r"(stub) : "memory", "cc");
	G_ASSERT_EQ(v, 0x100f0e0d0c0b0a09);
	G_ASSERT_EQ(*(volatile u32 *)(DEV + 4), 0x56);
	asm volatile("movabs %%rax, 0xd0000010" : : "a"(0x1122334455667788) : "memory");
	G_ASSERT_EQ(read_dev(16), 0x1122334455667788);
	asm volatile("movabs 0xd0000011, %%al" : "=a"(v));
	G_ASSERT_EQ((u8)v, 0x77);
	asm volatile("mov 0x10000000(,%1,8), %0" : "=r"(v) : "r"(index));
	G_ASSERT_EQ(v, 0x1122334455667788);
	asm volatile("addr32 mov -8(%k1,%k2,4), %0" : "=r"(v) : "r"(DEV + 0xf00000010), "r"(index));
	G_ASSERT_EQ(v, 0x1122334455667788);
	/* Across the two pages, and from a page of memory into the device */
	*(volatile u32 *)(DEV + PAGE - 2) = 0xa1a2a3a4;
	G_ASSERT_EQ(*(volatile u16 *)(DEV + PAGE), 0xa1a2);
	G_ASSERT_EQ(*(volatile u8 *)(DEV + PAGE - 1), 0xa3);
	asm volatile("lock addl $1, (%0)" : : "r"(DEV + PAGE - 2) : "memory", "cc");
	G_ASSERT_EQ(*(volatile u32 *)(DEV + PAGE - 2), 0xa1a2a3a5);
}

CASE(addresses,
     "RIP-relative, absolute, scaled and 32-bit addresses; accesses across pages, with LOCK, too")
{
	make_stub();
	run(near_addresses);
}

static void at_ud(struct frame *frame)
{
	guest_sync(frame->vector << 32 | frame->error);
	guest_done();
}

extern const u8 user_code[];
asm(".pushsection .text\n"
    "user_code: mov $0xd0000000, %eax; movb $0x77, (%rax); incb (%rax); mov (%rax), %ecx\n"
    "	cmp $0x78, %cl; jne 1f; mov 0x10000000, %ecx\n"
    "1:	ud2\n"
    ".popsection\n");

static void to_user(u64 unused)
{
	asm volatile("push %0; push %1; push $2; push %2; push %3; iretq"
		     :
		     : "i"(USER_DS), "r"(buffer + 48), "i"(USER_CS), "r"(user_code)
		     : "memory");
}

static u64 in_user_mode(u64 near_flags)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, to_user, 0);
	struct event ev;

	vm_map(vm, NEAR, DEV, near_flags);
	guest_handlers[6] = guest_handlers[13] = guest_handlers[14] = at_ud;
	ev = vcpu_run_device(cpu, DEV, device, sizeof(device));
	REQUIRE(ev.kind == EV_SYNC);
	return ev.value;
}

CASE(user, "user mode reaches a device that is mapped for it, and gets #PF where it is not")
{
	CHECK_EQ(in_user_mode(PTE_P | PTE_W | PTE_U), 6UL << 32);
	CHECK_EQ(device[0], 0x78);
	CHECK_EQ(in_user_mode(PTE_P | PTE_W), 14UL << 32 | 5);
}
