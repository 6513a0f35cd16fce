/* SPDX-License-Identifier: GPL-2.0-only */
/* The processor: its registers' bits, and its instructions as functions for guest code. */
#ifndef SELFTESTS_X86_H
#define SELFTESTS_X86_H

#include <stdbool.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define BIT(n) (1ULL << (n))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE 4096UL

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

#define CR4_DE BIT(3)
#define CR4_PSE BIT(4)
#define CR4_PAE BIT(5)
#define CR4_MCE BIT(6)
#define CR4_PGE BIT(7)
#define CR4_OSFXSR BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP BIT(11)
#define CR4_LA57 BIT(12)
#define CR4_FSGSBASE BIT(16)
#define CR4_OSXSAVE BIT(18)
#define CR4_SMEP BIT(20)
#define CR4_SMAP BIT(21)

#define EFER_SCE BIT(0)
#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)
#define EFER_NX BIT(11)

#define RFLAGS_FIXED BIT(1)
#define RFLAGS_CF BIT(0)
#define RFLAGS_TF BIT(8)
#define RFLAGS_IF BIT(9)
#define RFLAGS_IOPL (3UL << 12)
#define RFLAGS_DF BIT(10)
#define RFLAGS_RF BIT(16)
#define RFLAGS_VM BIT(17)
#define RFLAGS_AC BIT(18)

#define PTE_P BIT(0)
#define PTE_W BIT(1)
#define PTE_U BIT(2)
#define PTE_PCD BIT(4)
#define PTE_A BIT(5)
#define PTE_D BIT(6)
#define PTE_PS BIT(7)
#define PTE_NX BIT(63)
#define PTE_ADDR 0x000ffffffffff000ULL

#define MSR_TSC 0x10
#define MSR_APIC_BASE 0x1b
#define MSR_TSC_ADJUST 0x3b
#define MSR_MTRRCAP 0xfe
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define MSR_MCG_CAP 0x179
#define MSR_MCG_STATUS 0x17a
#define MSR_MISC_ENABLE 0x1a0
#define MSR_DEBUGCTL 0x1d9
#define MSR_PAT 0x277
#define MSR_MTRR_DEF_TYPE 0x2ff
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC 0x800
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_CSTAR 0xc0000083
#define MSR_SFMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX 0xc0000103

#define APIC_BASE_BSP BIT(8)
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLE BIT(11)

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid(u32 leaf, u32 sub)
{
	struct cpuid_regs r;

	asm volatile("cpuid"
		     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
		     : "a"(leaf), "c"(sub)
		     : "memory");
	return r;
}

static inline bool cpu_has_xsave(void)
{
	return cpuid(1, 0).ecx & BIT(26);
}

static inline bool cpu_has_fsgsbase(void)
{
	return cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & BIT(0));
}

static inline bool cpu_is_intel(void)
{
	return cpuid(0, 0).ebx == 0x756e6547;
}

/* With the instruction that is this vendor's own. */
static inline u64 hypercall(u64 nr, u64 a, u64 b, u64 c, u64 d)
{
	u64 ret;

	if (cpu_is_intel())
		asm volatile("vmcall"
			     : "=a"(ret)
			     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
			     : "memory");
	else
		asm volatile("vmmcall"
			     : "=a"(ret)
			     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
			     : "memory");
	return ret;
}

static inline u64 rdmsr(u32 msr)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (u64)high << 32 | low;
}

static inline void wrmsr(u32 msr, u64 value)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline u64 rdtsc(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (u64)high << 32 | low;
}

#define DEFINE_PORT_IO(suffix, type)                                                           \
	static inline void out##suffix(u16 port, type value)                                   \
	{                                                                                      \
		asm volatile("out" #suffix " %0, %1" : : "a"(value), "Nd"(port) : "memory");   \
	}                                                                                      \
	static inline type in##suffix(u16 port)                                                \
	{                                                                                      \
		type value;                                                                    \
		asm volatile("in" #suffix " %1, %0" : "=a"(value) : "Nd"(port) : "memory");    \
		return value;                                                                  \
	}                                                                                      \
	static inline void outs##suffix(u16 port, const void *from, u64 n)                     \
	{                                                                                      \
		asm volatile("rep outs" #suffix : "+S"(from), "+c"(n) : "d"(port) : "memory"); \
	}                                                                                      \
	static inline void ins##suffix(u16 port, void *to, u64 n)                              \
	{                                                                                      \
		asm volatile("rep ins" #suffix : "+D"(to), "+c"(n) : "d"(port) : "memory");    \
	}

DEFINE_PORT_IO(b, u8)
DEFINE_PORT_IO(w, u16)
DEFINE_PORT_IO(l, u32)

#define DEFINE_REGISTER(name, reg)                                             \
	static inline u64 read_##name(void)                                    \
	{                                                                      \
		u64 value;                                                     \
		asm volatile("mov %%" #reg ", %0" : "=r"(value) : : "memory"); \
		return value;                                                  \
	}                                                                      \
	static inline void write_##name(u64 value)                             \
	{                                                                      \
		asm volatile("mov %0, %%" #reg : : "r"(value) : "memory");     \
	}

DEFINE_REGISTER(cr0, cr0)
DEFINE_REGISTER(cr2, cr2)
DEFINE_REGISTER(cr3, cr3)
DEFINE_REGISTER(cr4, cr4)
DEFINE_REGISTER(cr8, cr8)
DEFINE_REGISTER(dr0, dr0)
DEFINE_REGISTER(dr1, dr1)
DEFINE_REGISTER(dr2, dr2)
DEFINE_REGISTER(dr3, dr3)
DEFINE_REGISTER(dr6, dr6)
DEFINE_REGISTER(dr7, dr7)

static inline u64 read_rflags(void)
{
	u64 value;

	asm volatile("pushfq; pop %0" : "=r"(value) : : "memory");
	return value;
}

static inline void invlpg(const volatile void *address)
{
	asm volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static inline void irq_enable(void)
{
	asm volatile("sti" ::: "memory");
}

static inline void irq_disable(void)
{
	asm volatile("cli" ::: "memory");
}

/* An interrupt that is pending is taken in the HLT, not before it. */
static inline void irq_enable_and_halt(void)
{
	asm volatile("sti; hlt" ::: "memory");
}

/*
 * Halts until the condition is false.  It is looked at with interrupts off: one that came between the look and the
 * HLT would be taken before it, and its CPU sleep on.
 */
#define halt_while(condition)                  \
	do {                                   \
		irq_disable();                 \
		while (condition) {            \
			irq_enable_and_halt(); \
			irq_disable();         \
		}                              \
		irq_enable();                  \
	} while (0)

static inline void halt(void)
{
	asm volatile("hlt" ::: "memory");
}

static inline void relax(void)
{
	asm volatile("pause" ::: "memory");
}

static inline void barrier(void)
{
	asm volatile("" ::: "memory");
}

#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#endif
