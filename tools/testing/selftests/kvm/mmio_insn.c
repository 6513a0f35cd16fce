// SPDX-License-Identifier: GPL-2.0-only
/* Instructions beyond MOV on device memory: compilers and drivers use them. */
#include "vm.h"

#define DEV 0xd0000000UL

/* A device of 64 bytes of plain memory, played by the program. */
static u8 device[64];

static void run(void (*code)(u64))
{
	struct vcpu *cpu = vm_with(0, code, 0);

	vcpu_expect_device_done(cpu, DEV, device, sizeof(device));
}

#define D "r"(DEV)

static void alu(u64 unused)
{
	u64 flags;
	u32 v = 0x01010101;

	asm volatile("add %1, (%2); pushfq; pop %0" : "=r"(flags) : "r"(v), D : "memory", "cc");
	G_ASSERT_EQ(*(volatile u32 *)DEV, 0x05040302);
	asm volatile("sub %0, (%1)" : : "r"(v), D : "memory", "cc");
	asm volatile("xor %0, (%1)" : : "r"(v), D : "memory", "cc");
	G_ASSERT_EQ(*(volatile u32 *)DEV, 0x05020300);
	asm volatile("stc; adc $0, %0" : "+r"(v) : : "cc");
	asm volatile("stc; adcl $1, (%0)" : : D : "memory", "cc");
	G_ASSERT_EQ(*(volatile u32 *)DEV, 0x05020302);
	asm volatile("stc; sbbl $1, (%0)" : : D : "memory", "cc");
	G_ASSERT_EQ(*(volatile u32 *)DEV, 0x05020300);
	asm volatile("incl (%0); decb 3(%0); notw (%0); negb 2(%0)" : : D : "memory", "cc");
	G_ASSERT_EQ(*(volatile u32 *)DEV, 0x04fefcfe);
	asm volatile("shll $4, (%0); shrb $1, 3(%0); sarb $1, 2(%0); roll $8, (%0)"
		     :
		     : D
		     : "memory", "cc");
	G_ASSERT_EQ(*(volatile u32 *)DEV, 0xf7cfe027);
	asm volatile("imull $3, (%1), %0" : "=r"(v) : D : "cc");
	G_ASSERT_EQ(v, (u32)(0xf7cfe027 * 3));
	asm volatile("movl $7, (%1); mull (%1)" : "=a"(v) : D, "a"(6) : "rdx", "memory", "cc");
	G_ASSERT_EQ(v, 42);
	asm volatile("divl (%1)" : "=a"(v) : D, "a"(85), "d"(0) : "cc");
	G_ASSERT_EQ(v, 12);
}

CASE(arithmetic, "arithmetic and shifts with a memory operand, flags included")
{
	run(alu);
}

static void bits(u64 unused)
{
	u8 c;
	u64 v;

	*(volatile u32 *)DEV = 0x10;
	asm volatile("btl $4, (%1); setc %0" : "=q"(c) : D : "cc");
	G_ASSERT_EQ(c, 1);
	asm volatile("btsl $7, (%1); setc %0" : "=q"(c) : D : "memory", "cc");
	G_ASSERT_EQ(c, 0);
	asm volatile("lock btrl $4, (%1); setc %0" : "=q"(c) : D : "memory", "cc");
	G_ASSERT_EQ(c, 1);
	asm volatile("btcl $0, (%0)" : : D : "memory", "cc");
	G_ASSERT_EQ(*(volatile u32 *)DEV, 0x81);
	asm volatile("bsfl (%1), %k0" : "=r"(v) : D : "cc");
	G_ASSERT_EQ(v, 0);
	asm volatile("bsrl (%1), %k0" : "=r"(v) : D : "cc");
	G_ASSERT_EQ(v, 7);
	asm volatile("setc (%0)" : : D : "memory");
	asm volatile("testl $0x80, (%1); setz %0" : "=q"(c) : D : "cc");
	v = 5;
	asm volatile("cmp %1, %1; cmove (%2), %k0" : "+r"(v) : "r"(v), D : "cc");
	G_ASSERT_EQ(v & 0xff, *(volatile u8 *)DEV);
}

CASE(bit_tests, "bit tests, scans, SETcc, CMOVcc")
{
	run(bits);
}

static void exchanges(u64 unused)
{
	u64 a = 1, old;
	u8 z;

	*(volatile u32 *)DEV = 1;
	asm volatile("lock cmpxchgl %3, (%2); sete %1"
		     : "+a"(a), "=q"(z)
		     : D, "r"(9)
		     : "memory", "cc");
	G_ASSERT_EQ(z, 1);
	G_ASSERT_EQ(*(volatile u32 *)DEV, 9);
	a = 5;
	asm volatile("lock cmpxchgl %3, (%2); sete %1"
		     : "+a"(a), "=q"(z)
		     : D, "r"(7)
		     : "memory", "cc");
	G_ASSERT_EQ(z, 0);
	G_ASSERT_EQ(a, 9);
	old = 4;
	asm volatile("lock xaddl %k0, (%1)" : "+r"(old) : D : "memory", "cc");
	G_ASSERT_EQ(old, 9);
	G_ASSERT_EQ(*(volatile u32 *)DEV, 13);
}

CASE(exchange, "CMPXCHG, XADD")
{
	run(exchanges);
}

static u8 buffer[32] __attribute__((aligned(16)));

static void vectors(u64 unused)
{
	asm volatile("movups (%0), %%xmm0; movaps %%xmm0, %1"
		     :
		     : D, "m"(*buffer)
		     : "xmm0", "memory");
	for (int i = 0; i < 16; i++)
		G_ASSERT_EQ(buffer[i], i + 1);
	asm volatile("movdqu %%xmm0, 16(%0); movaps %%xmm0, 32(%0)" : : D : "memory");
	G_ASSERT_EQ(*(volatile u64 *)(DEV + 24), 0x100f0e0d0c0b0a09);
	G_ASSERT_EQ(*(volatile u64 *)(DEV + 32), 0x0807060504030201);
	/* A store past the cache */
	asm volatile("movnti %0, 56(%1)" : : "r"(0x55ULL), D : "memory");
	G_ASSERT_EQ(*(volatile u64 *)(DEV + 56), 0x55);
}

CASE(vector, "loads and stores of 16 bytes, MOVNTI")
{
	run(vectors);
}

static void strings(u64 unused)
{
	void *d = buffer;
	const void *s = (void *)DEV;
	u64 n = 20;
	u8 z;

	asm volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	for (int i = 0; i < 20; i++)
		G_ASSERT_EQ(buffer[i], i + 1);
	/* Device to device */
	d = (void *)(DEV + 32);
	s = (void *)DEV;
	n = 2;
	asm volatile("rep movsl" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	G_ASSERT_EQ(*(volatile u64 *)(DEV + 32), 0x0807060504030201);
	d = (void *)DEV;
	n = 20;
	asm volatile("repne scasb; sete %0" : "=q"(z), "+D"(d), "+c"(n) : "a"(6) : "cc");
	G_ASSERT_EQ(z, 1);
	G_ASSERT_EQ(d, DEV + 6);
	s = (void *)DEV;
	asm volatile("lodsl" : "=a"(n), "+S"(s));
	G_ASSERT_EQ((u32)n, 0x04030201);
	d = (void *)DEV;
	s = buffer;
	n = 20;
	asm volatile("repe cmpsb; sete %0" : "=q"(z), "+D"(d), "+S"(s), "+c"(n) : : "cc", "memory");
	G_ASSERT_EQ(z, 1);
	G_ASSERT_EQ(n, 0);
}

CASE(string, "MOVS between memory and device and between devices, SCAS, LODS, CMPS")
{
	run(strings);
}

static void addressing(u64 unused)
{
	u64 base = DEV, index = 4, v;

	asm volatile("movl 8(%1,%2,2), %k0" : "=r"(v) : "r"(base), "r"(index) : "memory");
	G_ASSERT_EQ(v, 0x14131211);
	asm volatile("addr32 movl 4(%k1), %k0" : "=r"(v) : "r"(base) : "memory");
	G_ASSERT_EQ(v, 0x08070605);
	wrmsr(MSR_FS_BASE, DEV);
	asm volatile("movl %%fs:12, %k0" : "=r"(v));
	G_ASSERT_EQ(v, 0x100f0e0d);
	asm volatile("movb %%ah, (%0)" : : D, "a"(0x1234) : "memory");
	G_ASSERT_EQ(*(volatile u8 *)DEV, 0x12);
	asm volatile("mov %%r12b, 1(%0)" : : D, "a"(0) : "memory");
	asm volatile("movabs 0xd0000008, %%eax" : "=a"(v));
	G_ASSERT_EQ((u32)v, 0x0c0b0a09);
	asm volatile("movsbl 10(%1), %k0; movzwq 10(%1), %0" : "=&r"(v) : D);
	G_ASSERT_EQ(v, 0x0c0b);
}

CASE(addresses,
     "ways to name the address: scaled index, 32-bit, segment base, absolute; AH as operand")
{
	run(addressing);
}

static void stack_there(u64 unused)
{
	u64 v;

	asm volatile(
		"mov %%rsp, %%rbx; lea 64(%1), %%rsp; push $0x77; push %1; pop %0; mov %%rbx, %%rsp"
		: "=r"(v)
		: D
		: "rbx", "memory");
	G_ASSERT_EQ(v, DEV);
	G_ASSERT_EQ(*(volatile u64 *)(DEV + 56), 0x77);
}

CASE(stack, "a stack in device memory")
{
	run(stack_there);
}
