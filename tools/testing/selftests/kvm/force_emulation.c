// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm.force_emulation_prefix: the processor against the emulator, instruction by instruction, where user mode cannot look.
 *
 * An instruction is run twice from the same state: as it is, and behind UD2 and "kvm".  Registers, segments, tables, control
 * and debug registers, all of the guest's memory, and exceptions with what they push must be the same.  Whatever
 * happens ends in a HLT: behind the instruction, at its target, or in an exception's handler.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vm.h"

#define PARAMETER "/sys/module/kvm/parameters/force_emulation_prefix"

#define MEM_END 0x10000 /* memory below it is compared; what nothing else is said of holds HLTs */
#define REAL_END 0x110000 /* as far as real mode reaches */
#define HANDLERS 0x3000 /* a HLT for each vector */
#define CODE 0x4010
#define TARGET 0x4100 /* HLTs */
#define GDT 0x5000
#define IDT 0x6000
#define TSS 0x7000
#define STACK 0x8f00
#define STACK0 0x9f00 /* of ring 0, when it is entered from ring 3 */
#define DATA 0xa800
#define READ_ONLY 0xb000
#define MISSING 0xc000
#define SUPERVISOR 0xd000

/* Selectors: code and data of ring 0 and 3 in the mode of the case, then what is worth trying. */
#define S_CODE 0x08
#define S_DATA 0x10
#define S_UCODE 0x1b
#define S_UDATA 0x23
#define S_CODE32 0x28
#define S_CODE16 0x30
#define S_MISSING 0x38
#define S_READ_ONLY 0x40
#define S_CONFORMING 0x48
#define S_TSS 0x50 /* 16 bytes */
#define S_LDT 0x60 /* 16 bytes */
#define S_GATE 0x70 /* 16 bytes */
#define S_UCODE32 0x83
#define GDT_LIMIT 0x8f
#define IO_BITMAP 0x68 /* in the TSS, of which it is the last part */
#define TSS_LIMIT 0x8f

enum mode { LONG, COMPAT, PROT32, PROT16, REAL, VM86 };
static const char *const mode_names[] = { "long", "compat", "prot32", "prot16", "real", "vm86" };

#define M_LONG BIT(LONG)
#define M_LEGACY (BIT(COMPAT) | BIT(PROT32) | BIT(PROT16) | BIT(REAL) | BIT(VM86))
#define M_ALL (M_LONG | M_LEGACY)
#define M_16 (BIT(PROT16) | BIT(REAL) | BIT(VM86))

static bool has_paging(enum mode mode)
{
	return mode == LONG || mode == COMPAT;
}

static bool is_real(enum mode mode)
{
	return mode == REAL || mode == VM86;
}

struct insn {
	const char *name;
	u8 bytes[12];
	u8 len;
	u8 modes;
	u16 flags;
};

#define F_NOT_TCG 1 /* QEMU's processor does it otherwise than the manuals say */
#define F_RMW 2 /* QEMU's reports a fault of it as one of a read */
#define F_STRING 4 /* RCX counts; QEMU's has its own idea of single steps in it */
#define F_BP 8 /* to be tried with a data breakpoint */
#define F_PARTS 16 /* Bochs' processor does the parts of its operand in another order */
#define F_LOADS_TF 32 /* Bochs' takes a single step after it by the TF before it */
#define F_CR0 64 /* RAX holds what the register has, one bit changed */
#define F_CR3 128
#define F_CR4 256
#define F_TIME 512 /* EDX:EAX is the time */
#define F_IO 1024 /* DX is a port */
#define F_INVPCID 2048 /* RAX is the type */
#define F_SHORT_IRET 4096 /* Bochs' leaves the stack pointer where it is */
#define I(nm, modes, fl, ...) { nm, { __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ }), modes, fl }

/* Memory operands are at (%rbx), or (%bx,%si) in 16-bit code, where SI is 0. */
#define RBX 0x03
#define RM(reg) ((reg) << 3 | RBX)

static const struct insn insns[] = {
	I("mov %cr0,%rax", M_ALL, 0, 0x0f, 0x20, 0xc0),
	I("mov %cr2,%rax", M_ALL, 0, 0x0f, 0x20, 0xd0),
	I("mov %cr3,%rax", M_ALL, 0, 0x0f, 0x20, 0xd8),
	I("mov %cr4,%rax", M_ALL, 0, 0x0f, 0x20, 0xe0),
	I("mov %cr8,%rax", M_LONG, 0, 0x44, 0x0f, 0x20, 0xc0),
	I("mov %cr1,%rax", M_ALL, 0, 0x0f, 0x20, 0xc8),
	I("mov %rax,%cr0", M_ALL, F_CR0, 0x0f, 0x22, 0xc0),
	I("mov %rax,%cr2", M_ALL, 0, 0x0f, 0x22, 0xd0),
	I("mov %rax,%cr3", M_ALL, F_CR3, 0x0f, 0x22, 0xd8),
	I("mov %rax,%cr4", M_ALL, F_CR4, 0x0f, 0x22, 0xe0),
	I("mov %rax,%cr8", M_LONG, 0, 0x44, 0x0f, 0x22, 0xc0),
	I("mov %dr0,%rax", M_ALL, 0, 0x0f, 0x21, 0xc0),
	I("mov %dr6,%rax", M_ALL, 0, 0x0f, 0x21, 0xf0),
	I("mov %dr7,%rax", M_ALL, 0, 0x0f, 0x21, 0xf8),
	I("mov %rax,%dr1", M_ALL, 0, 0x0f, 0x23, 0xc8),
	I("mov %rax,%dr6", M_ALL, F_NOT_TCG, 0x0f, 0x23, 0xf0),
	I("mov %rax,%dr5", M_ALL, F_NOT_TCG, 0x0f, 0x23, 0xe8),
	I("lmsw %ax", M_ALL, F_CR0, 0x0f, 0x01, 0xf0),
	I("lmsw mem", M_ALL, 0, 0x0f, 0x01, RM(6)),
	I("smsw %eax", M_ALL, 0, 0x0f, 0x01, 0xe0),
	I("smsw mem", M_ALL, 0, 0x0f, 0x01, RM(4)),
	I("clts", M_ALL, 0, 0x0f, 0x06),
	I("sgdt", M_ALL, F_PARTS, 0x0f, 0x01, RM(0)),
	I("sidt", M_ALL, F_PARTS, 0x0f, 0x01, RM(1)),
	I("lgdt", M_ALL, F_NOT_TCG | F_PARTS, 0x0f, 0x01, RM(2)),
	I("lidt", M_ALL, F_NOT_TCG | F_PARTS, 0x0f, 0x01, RM(3)),
	I("invlpg", M_ALL, 0, 0x0f, 0x01, RM(7)),
	I("invpcid", M_ALL, F_INVPCID, 0x66, 0x0f, 0x38, 0x82, RM(0)),
	I("sldt %eax", M_ALL, 0, 0x0f, 0x00, 0xc0),
	I("str mem", M_ALL, 0, 0x0f, 0x00, RM(1)),
	I("lldt %ax", M_ALL, 0, 0x0f, 0x00, 0xd0),
	I("ltr %ax", M_ALL, F_NOT_TCG, 0x0f, 0x00, 0xd8),
	I("verr %ax", M_ALL, 0, 0x0f, 0x00, 0xe0),
	I("verw %ax", M_ALL, 0, 0x0f, 0x00, 0xe8),
	I("lar %eax,%ecx", M_ALL, F_NOT_TCG, 0x0f, 0x02, 0xc8),
	I("lsl %eax,%ecx", M_ALL, 0, 0x0f, 0x03, 0xc8),
	I("arpl %ax,%cx", M_LEGACY, 0, 0x63, 0xc1),
	I("mov %eax,%ds", M_ALL, 0, 0x8e, 0xd8),
	I("mov %eax,%es", M_ALL, 0, 0x8e, 0xc0),
	I("mov %eax,%ss", M_ALL, 0, 0x8e, 0xd0),
	I("mov %eax,%fs", M_ALL, 0, 0x8e, 0xe0),
	I("mov %eax,%cs", M_ALL, 0, 0x8e, 0xc8),
	I("mov %ds,%eax", M_ALL, 0, 0x8c, 0xd8),
	I("mov mem,%gs", M_ALL, 0, 0x8e, RM(5)),
	I("push %fs", M_ALL, 0, 0x0f, 0xa0),
	I("pop %fs", M_ALL, 0, 0x0f, 0xa1),
	I("pop %ds", M_LEGACY, 0, 0x1f),
	I("pop %ss", M_LEGACY, 0, 0x17),
	I("les", M_LEGACY, F_PARTS, 0xc4, RM(1)),
	I("lss", M_ALL, F_PARTS, 0x0f, 0xb2, RM(1)),
	I("lgs", M_ALL, F_PARTS, 0x0f, 0xb5, RM(1)),
	I("ljmp mem", M_ALL, F_PARTS, 0xff, RM(5)),
	I("lcall mem", M_ALL, F_PARTS, 0xff, RM(3)),
	I("lret", M_ALL, 0, 0xcb),
	I("lret $8", M_ALL, 0, 0xca, 8, 0),
	I("lretq", M_LONG, 0, 0x48, 0xcb),
	I("iret", M_LONG, F_SHORT_IRET, 0xcf),
	I("iret", M_LEGACY, 0, 0xcf),
	I("iretq", M_LONG, 0, 0x48, 0xcf),
	I("iretw", M_LONG, F_SHORT_IRET, 0x66, 0xcf),
	I("iretw", M_LEGACY, 0, 0x66, 0xcf),
	I("int $0x40", M_ALL, 0, 0xcd, 0x40),
	I("int $0x41", M_ALL, 0, 0xcd, 0x41),
	I("int3", M_ALL, 0, 0xcc),
	I("into", M_LEGACY, 0, 0xce),
	I("cpuid", M_ALL, 0, 0x0f, 0xa2),
	I("rdmsr", M_ALL, 0, 0x0f, 0x32),
	I("wrmsr", M_ALL, 0, 0x0f, 0x30),
	I("rdtsc", M_ALL, F_TIME, 0x0f, 0x31),
	I("rdtscp", M_ALL & ~M_16, F_TIME, 0x0f, 0x01, 0xf9),
	I("rdtscp", M_16, F_TIME | F_NOT_TCG, 0x0f, 0x01, 0xf9),
	I("rdpid %rax", M_ALL & ~M_16, 0, 0xf3, 0x0f, 0xc7, 0xf8),
	I("rdpid %rax", M_16, F_NOT_TCG, 0xf3, 0x0f, 0xc7, 0xf8),
	I("rdpmc", M_ALL, F_NOT_TCG, 0x0f, 0x33),
	I("xgetbv", M_ALL, 0, 0x0f, 0x01, 0xd0),
	I("xsetbv", M_ALL, F_NOT_TCG, 0x0f, 0x01, 0xd1),
	I("wbinvd", M_ALL, F_NOT_TCG, 0x0f, 0x09),
	I("hlt", M_ALL, 0, 0xf4),
	I("cli", M_ALL, 0, 0xfa),
	I("sti", M_ALL, 0, 0xfb),
	I("pushf", M_ALL, 0, 0x9c),
	I("popf", M_ALL, 0, 0x9d),
	I("swapgs", M_ALL, 0, 0x0f, 0x01, 0xf8),
	I("rdfsbase %rax", M_ALL, 0, 0xf3, 0x48, 0x0f, 0xae, 0xc0),
	I("wrgsbase %rbx", M_LONG, 0, 0xf3, 0x48, 0x0f, 0xae, 0xdb),
	I("syscall", M_ALL, F_NOT_TCG | F_LOADS_TF, 0x0f, 0x05),
	I("sysret", M_ALL, F_LOADS_TF, 0x0f, 0x07),
	I("sysretq", M_LONG, F_LOADS_TF, 0x48, 0x0f, 0x07),
	I("sysenter", M_ALL & ~(BIT(COMPAT) | BIT(REAL)), 0, 0x0f, 0x34),
	I("sysenter", BIT(COMPAT) | BIT(REAL), F_NOT_TCG, 0x0f, 0x34),
	I("sysexit", M_LONG | BIT(PROT32) | BIT(PROT16), 0, 0x0f, 0x35),
	I("sysexit", BIT(COMPAT) | BIT(REAL) | BIT(VM86), F_NOT_TCG, 0x0f, 0x35),
	I("clac", M_ALL, 0, 0x0f, 0x01, 0xca),
	I("stac", M_ALL, 0, 0x0f, 0x01, 0xcb),
	I("rdpkru", M_ALL, 0, 0x0f, 0x01, 0xee),
	I("rsm", M_ALL, 0, 0x0f, 0xaa),
	I("ud1", M_ALL, 0, 0x0f, 0xb9, 0xc0),
	I("mov mem,%eax", M_ALL, F_BP, 0x8b, RM(0)),
	I("mov %eax,mem", M_ALL, F_BP, 0x89, RM(0)),
	I("incl mem", M_ALL, F_RMW, 0xff, RM(0)),
	I("lock incl mem", M_ALL, F_RMW, 0xf0, 0xff, RM(0)),
	I("push mem", M_ALL, 0, 0xff, RM(6)),
	I("pop mem", M_ALL, 0, 0x8f, RM(0)),
	I("jmp *mem", M_ALL, 0, 0xff, RM(4)),
	I("call *mem", M_ALL, 0, 0xff, RM(2)),
	I("ret", M_ALL, 0, 0xc3),
	I("enter", M_ALL, 0, 0xc8, 16, 0, 1),
	I("leave", M_ALL, 0, 0xc9),
	I("pusha", M_LEGACY, 0, 0x60),
	I("popa", M_LEGACY, 0, 0x61),
	I("movsb", M_ALL, F_STRING, 0xa4),
	I("rep movsl", M_ALL, F_STRING, 0xf3, 0xa5),
	I("rep stosb", M_ALL, F_STRING, 0xf3, 0xaa),
	I("repne scasb", M_ALL, F_STRING, 0xf2, 0xae),
	I("cmpxchg8b", M_ALL, F_RMW, 0x0f, 0xc7, RM(1)),
	I("cmpxchg16b", M_LONG, F_RMW, 0xf0, 0x48, 0x0f, 0xc7, RM(1)),
	I("cmpxchg", M_ALL, F_RMW, 0xf0, 0x0f, 0xb1, RM(2)),
	I("xadd", M_ALL, F_RMW, 0x0f, 0xc1, RM(2)),
	I("div", M_ALL, 0, 0xf7, 0xf1),
	I("bound", M_LEGACY, F_PARTS, 0x62, RM(0)),
	I("xlat", M_ALL, 0, 0xd7),
	I("in $0x40,%al", M_ALL, 0, 0xe4, 0x40),
	I("in %dx,%eax", M_ALL, F_IO, 0xed),
	I("out %ax,%dx", M_ALL, F_IO, 0x66, 0xef),
	I("rep insb", M_ALL, F_IO | F_STRING, 0xf3, 0x6c),
	I("rep outsw", M_ALL, F_IO | F_STRING, 0xf3, 0x66, 0x6f),
	I("movdqu mem,%xmm0", M_ALL, 0, 0xf3, 0x0f, 0x6f, RM(0)),
	I("movaps %xmm0,mem", M_ALL, 0, 0x0f, 0x29, RM(0)),
	I("fldl mem", M_ALL, 0, 0xdd, RM(0)),
	I("fxsave", M_ALL, F_NOT_TCG | F_PARTS, 0x0f, 0xae, RM(0)),
	I("clflush", M_ALL, F_NOT_TCG, 0x0f, 0xae, RM(7)),
	I("clflushopt", M_ALL, F_NOT_TCG, 0x66, 0x0f, 0xae, RM(7)),
	I("clwb", M_ALL, F_NOT_TCG, 0x66, 0x0f, 0xae, RM(6)),
	I("prefetcht0", M_ALL, 0, 0x0f, 0x18, RM(1)),
	I("lea %eax,%eax", M_ALL, 0, 0x8d, 0xc0),
	I("lock mov %eax,mem", M_ALL, 0, 0xf0, 0x89, RM(0)),
	I("movbe %eax,%eax", M_ALL, 0, 0x0f, 0x38, 0xf0, 0xc0),
	I("nopl mem", M_ALL, 0, 0x0f, 0x1f, RM(0)),
	I("xchg %eax,mem", M_ALL, F_RMW, 0x87, RM(0)),
	I("xchg %eax,%ecx", M_ALL, 0, 0x91),
	I("cmove mem,%eax", M_ALL, 0, 0x0f, 0x44, RM(0)),
};

/* of each instruction in each mode */
#define TRIALS 4

static u64 seed;
static bool tcg, in_parts, steps_late, short_iret;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d;
}

static u64 one_of(const u64 *values, unsigned int n)
{
	return values[(rnd() >> 20) % n];
}

#define ONE_OF(...) one_of((const u64[]){ __VA_ARGS__ }, ARRAY_SIZE(((const u64[]){ __VA_ARGS__ })))

/* All that is compared, and what a case begins with. */
struct state {
	struct kvm_regs r;
	struct kvm_sregs s;
	struct kvm_debugregs d;
	struct kvm_vcpu_events ev;
	u32 exit;
	u64 io; /* of all that went to ports */
	u8 mem[MEM_END];
};

static void put(struct state *st, u64 addr, u64 val, unsigned int len)
{
	memcpy(st->mem + addr, &val, len);
}

static u64 descriptor(u32 base, u32 limit, u16 attr)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)(attr & 0xff) << 40 |
	       (u64)(limit & 0xf0000) << 32 | (u64)(attr & 0xf00) << 44 | (u64)(base >> 24) << 56;
}

static struct kvm_segment segment(u16 selector, u64 desc)
{
	u32 limit = (desc & 0xffff) | (desc >> 32 & 0xf0000);

	return (struct kvm_segment){
		.selector = selector,
		.base = (desc >> 16 & 0xffffff) | (desc >> 32 & 0xff000000),
		.limit = desc >> 55 & 1 ? limit << 12 | 0xfff : limit,
		.type = desc >> 40 & 15,
		.s = desc >> 44 & 1,
		.dpl = desc >> 45 & 3,
		.present = desc >> 47 & 1,
		.avl = desc >> 52 & 1,
		.l = desc >> 53 & 1,
		.db = desc >> 54 & 1,
		.g = desc >> 55 & 1,
	};
}

static u16 code_attr(enum mode mode)
{
	return mode == LONG ? 0xa9b : mode == PROT16 ? 0x89b : 0xc9b;
}

static u16 data_attr(enum mode mode)
{
	return mode == PROT16 ? 0x893 : 0xc93;
}

static u64 gdt[GDT_LIMIT / 8 + 1];

static void make_gdt(struct state *st, enum mode mode)
{
	/* What interrupts enter is 64-bit code in compatibility mode, too. */
	gdt[S_CODE >> 3] = descriptor(0, 0xfffff, code_attr(mode == COMPAT ? LONG : mode));
	gdt[S_DATA >> 3] = descriptor(0, 0xfffff, data_attr(mode));
	gdt[S_UCODE >> 3] = descriptor(0, 0xfffff, code_attr(mode) | 0x60);
	gdt[S_UDATA >> 3] = descriptor(0, 0xfffff, data_attr(mode) | 0x60);
	gdt[S_CODE32 >> 3] = descriptor(0, 0xfffff, 0xc9a);
	gdt[S_CODE16 >> 3] = descriptor(0, 0xfffff, 0x89a);
	gdt[S_MISSING >> 3] = descriptor(0, 0xfffff, data_attr(mode) & ~0x80);
	gdt[S_READ_ONLY >> 3] = descriptor(0, 0xfffff, 0xc90);
	gdt[S_CONFORMING >> 3] = descriptor(0, 0xfffff, code_attr(mode) | 4);
	gdt[S_TSS >> 3] = descriptor(TSS + 0x800, 0x67, 0x089);
	gdt[S_LDT >> 3] = descriptor(GDT + 0x800, 0x0f, 0x0e2);
	gdt[S_GATE >> 3] = (TARGET & 0xffff) | (u64)S_CODE << 16 | 0xecULL << 40;
	gdt[S_UCODE32 >> 3] = descriptor(0, 0xfffff, 0xcfa);
	/* QEMU's does not set all accessed bits. */
	for (unsigned int i = 0; tcg && i < ARRAY_SIZE(gdt); i++)
		gdt[i] |= gdt[i] >> 44 & 1 ? 1ULL << 40 : 0;
	memcpy(st->mem + GDT, gdt, sizeof(gdt));
}

static void make_idt(struct state *st, enum mode mode)
{
	unsigned int v, type;

	for (v = 0; v < (has_paging(mode) ? 0x42 : 0x80); v++) {
		type = v == 0x40 || v == 3 || v == 4 ? 0xee : v & 1 ? 0x8f : 0x8e;
		if (mode == REAL) {
			put(st, IDT + v * 4, HANDLERS + v, 4);
			continue;
		}
		put(st, IDT + v * (has_paging(mode) ? 16 : 8),
		    (HANDLERS + v) | (u64)S_CODE << 16 | (u64)type << 40, 8);
	}
}

/* What memory operands and the stack hold: addresses of code, selectors, flags. */
static void make_data(struct state *st, enum mode mode, bool user)
{
	u64 cs = is_real(mode) ? 0 :
				 ONE_OF(user ? S_UCODE : S_CODE, S_UCODE, S_CODE32, S_DATA,
					S_MISSING, S_CONFORMING, S_GATE, 0, S_UCODE32, 0x1000);
	unsigned int n = mode == LONG			  ? ONE_OF(4, 8, 8) :
			 mode == COMPAT || mode == PROT32 ? 4 :
							    2,
		     i;
	u64 flags = 2 | (rnd() & (RFLAGS_CF | RFLAGS_IF | RFLAGS_DF | 0x3000 | RFLAGS_AC));
	u64 image[] = { TARGET, cs, flags, STACK - 0x100,
			ONE_OF(user ? S_UDATA : S_DATA, S_UDATA, 0, S_MISSING, 3) };

	/*
	 * QEMU's returns to compatibility mode in ring 0 with a null stack segment, and with one of any RPL; one that is not
	 * present is #NP there.
	 */
	if (tcg && image[4] == S_MISSING)
		image[4] = user ? S_UDATA : S_DATA;
	if (tcg && !(image[4] & ~3ULL))
		image[4] = cs == S_CODE32 ? S_DATA : cs & 3;
	for (i = 0; i < ARRAY_SIZE(image); i++)
		put(st, STACK + i * n, image[i], n);
	if (rnd() & 1)
		put(st, STACK, ONE_OF(S_DATA, S_UDATA, 0, S_MISSING, S_CODE, 0x1000), n);
	for (i = 0; i < 0x800; i += 8)
		put(st, DATA + i, ONE_OF(TARGET + i / 8, 0x11223344, 0x8000, S_DATA, 0xf00), 8);
	put(st, DATA, TARGET, n);
	put(st, DATA + n, rnd() & 1 ? cs : ONE_OF(S_DATA, S_UDATA, 0, S_MISSING, S_READ_ONLY),
	    n == 8 ? 2 : n);
	for (i = 0; i < 0x1000; i += 8)
		put(st, READ_ONLY + i, TARGET + 1, 8);
	for (i = 0; i < 0x1000; i += 8)
		put(st, SUPERVISOR + i, TARGET + 2, 8);
}

static void make_regs(struct state *st, enum mode mode, const struct insn *insn)
{
	struct kvm_regs *r = &st->r;

	r->rax = ONE_OF(0, S_DATA, S_UDATA, S_CODE, S_UCODE, S_MISSING, S_READ_ONLY, S_CONFORMING,
			S_TSS, S_LDT, S_GATE, 0x1000, 0x17, 0xffffffff, 0x80000000);
	/* QEMU's takes any RPL of a null selector, any address for canonical, and writes half of what then faults. */
	if (!tcg && !(rnd() >> 61))
		r->rax = ONE_OF(1, 3, 7);
	r->rbx = ONE_OF(DATA, DATA, DATA + 8, READ_ONLY, MISSING, SUPERVISOR);
	if (tcg && insn->flags & F_RMW)
		r->rbx = DATA;
	if (!tcg && !(rnd() >> 61))
		r->rbx = mode == LONG ? ONE_OF(0x8000000000000000, DATA + 0x7fc, DATA + 1) :
					DATA + 1;
	if (in_parts && insn->flags & F_PARTS)
		r->rbx = DATA;
	r->rcx = ONE_OF(0, 1, 2, 3, 5, 0x174, 0x1234, 0xc0000080, 0xc0000081, 0xc0000101, 0x277,
			TARGET);
	if (insn->flags & F_STRING)
		r->rcx = (rnd() >> 20) % 20;
	r->rdx = insn->flags & F_IO ? rnd() & 0x1ff : ONE_OF(0, 0, 0, 1, TARGET, 0xffffffff);
	r->rsi = mode == PROT16 || is_real(mode) ? 0 : DATA + (rnd() & 0x3f8);
	r->rdi = ONE_OF(DATA + 0x400, MISSING - 6, READ_ONLY, DATA + 0x7fe);
	r->rbp = STACK + (rnd() & 0x38);
	r->rsp = STACK;
	r->r8 = rnd();
	r->r11 = 2 | (rnd() & 0x3000);
	r->rip = CODE;
	r->rflags = 2 | (rnd() & (RFLAGS_CF | RFLAGS_IF | RFLAGS_DF | 0x800));
	if ((rnd() & 7) == 0 && !(tcg && insn->flags & F_STRING) &&
	    !(steps_late && insn->flags & F_LOADS_TF))
		r->rflags |= RFLAGS_TF;
	if ((rnd() & 3) == 0)
		r->rflags |= 0x3000;
	if (mode == VM86)
		r->rflags |= RFLAGS_VM;
}

static void make_sregs(struct state *st, enum mode mode, bool user)
{
	struct kvm_sregs *s = &st->s;
	bool paging = has_paging(mode);
	struct kvm_segment seg;
	unsigned int i;
	u16 code;

	if (is_real(mode)) {
		seg = (struct kvm_segment){ .limit = 0xffff, .type = 3, .present = 1, .s = 1 };
		seg.dpl = mode == VM86 ? 3 : 0;
		s->cs = s->ds = s->es = s->fs = s->gs = s->ss = seg;
		/* What real mode loads has this type, but for QEMU's processor, which leaves it. */
		if (mode == REAL && !tcg)
			s->cs.type = 11;
	} else {
		code = user ? S_UCODE : mode == COMPAT ? S_CODE32 : S_CODE;
		s->cs = segment(code, gdt[code >> 3] | 1ULL << 40);
		seg = segment(user ? S_UDATA : S_DATA, gdt[(user ? S_UDATA : S_DATA) >> 3]);
		s->ds = s->es = s->fs = s->gs = s->ss = seg;
	}
	/*
	 * QEMU's processor aborts where a legacy mode takes a stack from a TSS that was loaded as busy, and looks for the
	 * bitmap of ports in none that is.
	 */
	s->tr = (struct kvm_segment){ .base = TSS,
				      .limit = ONE_OF(0x67, TSS_LIMIT),
				      .selector = S_TSS + 0x1000,
				      .type = tcg ? 9 : 11,
				      .present = 1 };
	s->ldt = (struct kvm_segment){
		.base = GDT + 0x800, .limit = 0x0f, .selector = S_LDT, .type = 2, .present = 1
	};
	s->gdt.base = GDT;
	s->gdt.limit = GDT_LIMIT;
	s->idt.base = IDT;
	s->idt.limit = paging ? 0x41f : 0x3ff;
	s->cr0 = CR0_ET | CR0_NE | (mode == REAL ? 0 : CR0_PE) | (paging ? CR0_PG | CR0_WP : 0);
	s->cr2 = 0;
	s->cr3 = paging ? PT_BASE : 0;
	/* CR4.MCE, which the processor has set whatever the guest says. */
	s->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | BIT(6);
	if (paging)
		s->cr4 |= CR4_PAE | (cpu_has_fsgsbase() ? CR4_FSGSBASE : 0);
	if (rnd() & 1)
		s->cr4 |= BIT(2); /* TSD */
	s->efer = EFER_SCE | EFER_NX | (paging ? EFER_LME | EFER_LMA : 0);
	s->cr8 = 0;
	memset(s->interrupt_bitmap, 0, sizeof(s->interrupt_bitmap));
	/* The stack of ring 0 */
	if (paging) {
		put(st, TSS + 4, STACK0, 8);
	} else {
		put(st, TSS + 4, STACK0, 4);
		put(st, TSS + 8, S_DATA, 4);
	}
	put(st, TSS + 0x66, IO_BITMAP, 2);
	for (i = 0; i < 0x20; i += 8)
		put(st, TSS + IO_BITMAP + i, rnd() & rnd() & rnd(), 8);
}

/* What goes into a control register, INVPCID's type: most of it valid. */
static void make_operand(struct state *st, enum mode mode, const struct insn *insn)
{
	/* QEMU's drops the upper half. */
	u64 bits = has_paging(mode) ? ONE_OF(0, CR0_PG, CR0_PE, tcg ? 0 : 1UL << 32) :
				      ONE_OF(0, CR0_PE);
	__u64 *rax = &st->r.rax;

	if (insn->flags & F_CR0)
		*rax = st->s.cr0 ^ ONE_OF(bits, CR0_TS, CR0_EM, CR0_MP, CR0_WP, CR0_AM, CR0_CD,
					  CR0_NW, CR0_NE, CR0_ET, BIT(7));
	if (insn->flags & F_CR3)
		*rax = has_paging(mode) ? PT_BASE | ONE_OF(0, 8, 0x18, 0x7e7) : rnd();
	if (insn->flags & F_CR3 && !tcg && !(rnd() & 7))
		*rax = PT_BASE | ONE_OF(1UL << 63, 1UL << 61, 1UL << 51);
	if (insn->flags & F_CR4)
		*rax = st->s.cr4 ^ BIT(rnd() % 20);
	if (insn->flags & F_INVPCID)
		*rax = rnd() % 6;
}

static void make_state(struct state *st, const struct state *fresh, enum mode mode, bool user,
		       const struct insn *insn)
{
	*st = *fresh;
	memset(st->mem, 0xf4, sizeof(st->mem));
	memset(st->mem + GDT, 0, 0x3000); /* GDT, IDT, TSS */
	make_gdt(st, mode);
	make_idt(st, mode);
	make_data(st, mode, user);
	make_regs(st, mode, insn);
	make_sregs(st, mode, user);
	make_operand(st, mode, insn);
	memset(&st->d, 0, sizeof(st->d));
	st->d.dr6 = 0xffff0ff0;
	st->d.dr7 = 0x400;
	if (insn->flags & F_BP && rnd() & 1) {
		st->d.db[1] = DATA;
		st->d.dr7 = 0x400 | 0x8 | 0xfULL << 20; /* four bytes, read or written */
	} else if (!(rnd() & 15)) {
		/* Whether a single step reports a breakpoint on where it leads, too, is each processor's own matter. */
		st->d.db[0] = st->r.rflags & RFLAGS_TF ? CODE :
							 ONE_OF(CODE, CODE + insn->len, TARGET);
		st->d.dr7 = 0x402;
	}
}

static void fold(u64 *sum, const void *data, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		*sum = (*sum ^ ((const u8 *)data)[i]) * 0x100000001b3;
}

/* Ports have a VMM behind them that answers with what was asked before. */
static void run_with_ports(struct vcpu *cpu, u64 *sum)
{
	struct kvm_run *run = cpu->run;
	u8 *data;

	*sum = 1;
	for (;;) {
		OK(ioctl(cpu->fd, KVM_RUN, 0));
		if (run->exit_reason != KVM_EXIT_IO)
			return;
		data = (u8 *)run + run->io.data_offset;
		for (u32 i = 0;
		     run->io.direction == KVM_EXIT_IO_IN && i < run->io.count * run->io.size; i++)
			data[i] = *sum + i;
		fold(sum, &run->io, offsetof(typeof(run->io), data_offset));
		fold(sum, data, run->io.count * run->io.size);
	}
}

static const u8 prefix[] = { 0x0f, 0x0b, 'k', 'v', 'm' };

static void run_from(struct vcpu *cpu, const struct state *from, struct state *to,
		     const struct insn *insn, bool forced)
{
	static const struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[10];
	} msrs = { { .nmsrs = 10 },
		   { { .index = MSR_STAR, .data = (u64)(S_CODE32 - 8) << 48 | (u64)S_CODE << 32 },
		     { .index = MSR_LSTAR, .data = TARGET },
		     { .index = MSR_CSTAR, .data = TARGET + 8 },
		     { .index = MSR_SFMASK, .data = 0x300 },
		     { .index = MSR_SYSENTER_CS, .data = S_CODE },
		     { .index = MSR_SYSENTER_ESP, .data = STACK0 },
		     { .index = MSR_SYSENTER_EIP, .data = TARGET },
		     { .index = MSR_KERNEL_GS_BASE, .data = 0x1000 },
		     { .index = MSR_PAT, .data = 0x0007040600070406 },
		     { .index = MSR_TSC_AUX, .data = 0x1234 } } };
	struct kvm_regs r = from->r;
	u8 *mem = vm_host(cpu->vm, 0);

	memcpy(mem, from->mem, sizeof(from->mem));
	memcpy(mem + CODE, insn->bytes, insn->len);
	if (forced) {
		memcpy(mem + CODE - sizeof(prefix), prefix, sizeof(prefix));
		r.rip -= sizeof(prefix);
	}
	vcpu_set_sregs(cpu, &from->s);
	vcpu_set_regs(cpu, &r);
	OK(ioctl(cpu->fd, KVM_SET_DEBUGREGS, &from->d));
	OK(ioctl(cpu->fd, KVM_SET_MSRS, &msrs));
	OK(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &from->ev));
	cpu->run->cr8 = 0;
	run_with_ports(cpu, &to->io);
	to->exit = cpu->run->exit_reason;
	vcpu_get_regs(cpu, &to->r);
	vcpu_get_sregs(cpu, &to->s);
	OK(ioctl(cpu->fd, KVM_GET_DEBUGREGS, &to->d));
	OK(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &to->ev));
	memcpy(mem + CODE - sizeof(prefix), from->mem + CODE - sizeof(prefix), sizeof(prefix));
	memcpy(to->mem, mem, sizeof(to->mem));
}

#define SEGS(X) X(cs) X(ds) X(es) X(fs) X(gs) X(ss) X(tr) X(ldt)

/* A null segment has nothing in it but its selector; there are several ways to say that it is one. */
static bool same_segment(const struct kvm_segment *a, const struct kvm_segment *b, bool prot)
{
	if (a->selector != b->selector)
		return false;
	return (prot && !(a->selector & ~3)) || (a->unusable && b->unusable) ||
	       (a->base == b->base && a->limit == b->limit && a->type == b->type &&
		a->dpl == b->dpl && a->db == b->db && a->s == b->s && a->l == b->l &&
		a->g == b->g && a->present == b->present);
}

/* What differs, or NULL. */
static const char *differs(const struct state *a, const struct state *b, char *text, size_t size)
{
	const u64 *ra = (const u64 *)&a->r, *rb = (const u64 *)&b->r;
	u64 dr6_mask;
	static const char *const names[] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi",
					     "rsp", "rbp", "r8",  "r9",	 "r10", "r11",
					     "r12", "r13", "r14", "r15", "rip", "rflags" };

	if (a->io != b->io)
		return "what goes to ports";
	if (a->exit != b->exit) {
		snprintf(text, size, "exit %s, %s", exit_name(a->exit), exit_name(b->exit));
		return text;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (ra[i] == rb[i])
			continue;
		snprintf(text, size, "%s %#llx, %#llx (rip %#llx, %#llx)", names[i],
			 (unsigned long long)ra[i], (unsigned long long)rb[i],
			 (unsigned long long)a->r.rip, (unsigned long long)b->r.rip);
		return text;
	}
#define X(seg)                                                                                 \
	if (!same_segment(&a->s.seg, &b->s.seg, a->s.cr0 & CR0_PE)) {                          \
		snprintf(text, size,                                                           \
			 #seg " %#x base %#llx limit %#x type %u dpl %u unusable %u, "         \
			      "%#x base %#llx limit %#x type %u dpl %u unusable %u",           \
			 a->s.seg.selector, (unsigned long long)a->s.seg.base, a->s.seg.limit, \
			 a->s.seg.type, a->s.seg.dpl, a->s.seg.unusable, b->s.seg.selector,    \
			 (unsigned long long)b->s.seg.base, b->s.seg.limit, b->s.seg.type,     \
			 b->s.seg.dpl, b->s.seg.unusable);                                     \
		return text;                                                                   \
	}
	SEGS(X)
#undef X
	if (a->s.cr0 != b->s.cr0 || a->s.cr2 != b->s.cr2 || a->s.cr3 != b->s.cr3 ||
	    a->s.cr4 != b->s.cr4 || a->s.cr8 != b->s.cr8 || a->s.efer != b->s.efer) {
		snprintf(text, size, "control registers: cr0 %#llx, %#llx cr2 %#llx, %#llx",
			 (unsigned long long)a->s.cr0, (unsigned long long)b->s.cr0,
			 (unsigned long long)a->s.cr2, (unsigned long long)b->s.cr2);
		return text;
	}
	if (a->s.gdt.base != b->s.gdt.base || a->s.gdt.limit != b->s.gdt.limit ||
	    a->s.idt.base != b->s.idt.base || a->s.idt.limit != b->s.idt.limit)
		return "GDTR or IDTR";
	/* What matches without being enabled may be told or not. */
	dr6_mask = a->d.dr7 & 0xff ? ~0ULL : ~15ULL;
	if ((a->d.dr6 ^ b->d.dr6) & dr6_mask || a->d.dr7 != b->d.dr7 ||
	    memcmp(a->d.db, b->d.db, sizeof(a->d.db))) {
		snprintf(text, size, "debug registers: dr6 %#llx, %#llx dr7 %#llx, %#llx",
			 (unsigned long long)a->d.dr6, (unsigned long long)b->d.dr6,
			 (unsigned long long)a->d.dr7, (unsigned long long)b->d.dr7);
		return text;
	}
	if (a->ev.interrupt.shadow != b->ev.interrupt.shadow ||
	    a->ev.nmi.masked != b->ev.nmi.masked)
		return "interrupt shadow or NMI mask";
	for (unsigned int i = 0; i < sizeof(a->mem); i++) {
		if (a->mem[i] == b->mem[i])
			continue;
		snprintf(text, size, "memory at %#x: %02x, %02x (rip %#llx)", i, a->mem[i],
			 b->mem[i], (unsigned long long)a->r.rip);
		return text;
	}
	return NULL;
}

/* The time went on between the two, which is all that may differ. */
static void same_time(const struct state *native, struct state *forced)
{
	u64 before = native->r.rdx << 32 | native->r.rax,
	    after = forced->r.rdx << 32 | forced->r.rax;

	if (after - before > 1ULL << 40)
		return;
	forced->r.rax = native->r.rax;
	forced->r.rdx = native->r.rdx;
}

static void set_parameter(const char *value)
{
	int fd = open(PARAMETER, O_WRONLY);

	if (fd < 0)
		SKIP("no %s", PARAMETER);
	CHECK(write(fd, value, strlen(value)) == (ssize_t)strlen(value));
	close(fd);
}

static struct vcpu *machine(struct state *fresh)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);

	tcg = cpu_quirk(QUIRK_FORCED);
	in_parts = cpu_quirk(QUIRK_PARTS);
	steps_late = cpu_quirk(QUIRK_LOADS_TF);
	short_iret = cpu_quirk(QUIRK_SHORT_IRET);
	set_parameter("1");
	vm_map(vm, READ_ONLY, READ_ONLY, PTE_P | PTE_U);
	vm_map(vm, MISSING, MISSING, 0);
	vm_map(vm, SUPERVISOR, SUPERVISOR, PTE_P | PTE_W);
	memset(fresh, 0, sizeof(*fresh));
	vcpu_get_regs(cpu, &fresh->r);
	vcpu_get_sregs(cpu, &fresh->s);
	OK(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &fresh->ev));
	return cpu;
}

static void compare_mode(enum mode mode, bool user, unsigned int trials)
{
	static struct state fresh, from, native, forced;
	unsigned int cases = 0, bad = 0;
	struct vcpu *cpu;
	const char *what;
	char text[256];

	cpu = machine(&fresh);
	/* A far pointer of real mode may lead anywhere; page tables are not needed then. */
	if (is_real(mode))
		memset(vm_host(cpu->vm, MEM_END), 0xf4, REAL_END - MEM_END);
	/* #UD leaves RF set, but the instruction as it is begins without it. */
	set_parameter("2");
	seed = 0x9e3779b97f4a7c15 + mode * 2 + user;
	/* An exit for memory while a #DB is delivered sets RF in Bochs: so that all memory is there. */
	for (int level = 0; level < 2; level++) {
		make_state(&from, &fresh, mode, level && mode != REAL, &insns[0]);
		from.r.rflags |= RFLAGS_TF;
		run_from(cpu, &from, &native, &insns[0], false);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(insns); i++) {
		const struct insn *insn = &insns[i];
		unsigned int shown = 0;

		if (!(insn->modes & BIT(mode)) || (tcg && insn->flags & F_NOT_TCG) ||
		    (short_iret && insn->flags & F_SHORT_IRET))
			continue;
		for (unsigned int t = 0; t < trials; t++) {
			make_state(&from, &fresh, mode, user, insn);
			run_from(cpu, &from, &native, insn, false);
			run_from(cpu, &from, &forced, insn, true);
			cases++;
			if (insn->flags & F_TIME)
				same_time(&native, &forced);
			what = differs(&native, &forced, text, sizeof(text));
			if (!what)
				continue;
			bad++;
			if (!shown++)
				FAIL("%s, %s%s: %s; rax %#llx rbx %#llx rcx %#llx rflags %#llx dr7 %#llx",
				     insn->name, mode_names[mode], user ? ", user" : "", what,
				     (unsigned long long)from.r.rax, (unsigned long long)from.r.rbx,
				     (unsigned long long)from.r.rcx,
				     (unsigned long long)from.r.rflags,
				     (unsigned long long)from.d.dr7);
		}
	}
	ktap_note("%u cases, %u differ", cases, bad);
	set_parameter("0");
}

CASE(off, "without the parameter the prefix is UD2 and nothing else")
{
	static struct state fresh, from, to;
	struct vcpu *cpu = machine(&fresh);
	const struct insn nop = I("nop", M_ALL, 0, 0x90);

	set_parameter("0");
	make_state(&from, &fresh, LONG, false, &nop);
	from.r.rflags = 2;
	from.d.dr7 = 0x400;
	run_from(cpu, &from, &to, &nop, true);
	CHECK_EQ(to.exit, KVM_EXIT_HLT);
	CHECK_EQ(to.r.rip, HANDLERS + 6 + 1);
	set_parameter("1");
	run_from(cpu, &from, &to, &nop, true);
	CHECK_EQ(to.r.rip, CODE + 2);
	set_parameter("0");
}

/* A code breakpoint on the instruction is found only when RF is clear: 2. */
CASE(resume_flag, "with 2 RFLAGS.RF is cleared, and a breakpoint on the instruction is found")
{
	static struct state fresh, from, to;
	struct vcpu *cpu = machine(&fresh);
	const struct insn nop = I("nop", M_ALL, 0, 0x90);

	SKIP_QUIRK(QUIRK_RF);
	make_state(&from, &fresh, LONG, false, &nop);
	from.r.rflags = 2 | RFLAGS_RF;
	from.d.db[0] = CODE;
	from.d.dr7 = 0x402;
	set_parameter("1");
	run_from(cpu, &from, &to, &nop, true);
	CHECK_EQ(to.r.rip, CODE + 2);
	set_parameter("2");
	run_from(cpu, &from, &to, &nop, true);
	CHECK_EQ(to.r.rip, HANDLERS + 1 + 1);
	CHECK_EQ(to.d.dr6 & 15, 1);
	set_parameter("0");
}

CASE_SLOW(long_kernel, "64-bit mode, CPL 0: the emulator does what the processor does", 100)
{
	compare_mode(LONG, false, TRIALS);
}

CASE_SLOW(long_user, "64-bit mode, CPL 3", 100)
{
	compare_mode(LONG, true, TRIALS);
}

CASE_SLOW(compat_kernel, "32-bit code of 64-bit mode, CPL 0", 100)
{
	compare_mode(COMPAT, false, TRIALS);
}

CASE_SLOW(compat_user, "32-bit code of 64-bit mode, CPL 3", 100)
{
	compare_mode(COMPAT, true, TRIALS);
}

CASE_SLOW(prot32_kernel, "32-bit protected mode, CPL 0", 100)
{
	compare_mode(PROT32, false, TRIALS);
}

CASE_SLOW(prot32_user, "32-bit protected mode, CPL 3", 100)
{
	compare_mode(PROT32, true, TRIALS);
}

CASE_SLOW(prot16_kernel, "16-bit protected mode, CPL 0", 100)
{
	compare_mode(PROT16, false, TRIALS);
}

CASE_SLOW(prot16_user, "16-bit protected mode, CPL 3", 100)
{
	compare_mode(PROT16, true, TRIALS);
}

CASE_SLOW(real, "real mode", 100)
{
	char has[8];

	if (read_file("/sys/module/kvm_intel/parameters/unrestricted_guest", has, sizeof(has)) &&
	    has[0] == 'N')
		SKIP("without unrestricted guest real mode is emulated, and the prefix is UD2");
	compare_mode(REAL, false, TRIALS);
}

CASE_SLOW(vm86, "virtual-8086 mode", 100)
{
	compare_mode(VM86, true, TRIALS);
}
