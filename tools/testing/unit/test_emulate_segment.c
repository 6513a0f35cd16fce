// SPDX-License-Identifier: GPL-2.0-only
/* Segment loads, far transfers, gates, returns, task switches: checks in their order, faults with their error codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "emulate_machine.h"

static struct machine m;

static int prot32(void **state)
{
	machine_init(&m, EMUL_MODE_PROT32);
	return 0;
}

static int long_mode(void **state)
{
	machine_init(&m, EMUL_MODE_LONG);
	return 0;
}

static void faults(enum emul_result res, u8 vector, u32 error)
{
	assert_int_equal(res, EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, vector);
	assert_true(m.c.fault.has_error);
	assert_int_equal(m.c.fault.error, error);
	assert_int_equal(m.c.rip, CODE);
}

static enum emul_result mov_ds(u16 sel)
{
	m.c.rip = CODE;
	m.c.gpr[EMUL_RAX] = sel;
	return RUN(&m, 0x8e, 0xd8);
}

static enum emul_result mov_ss(u16 sel)
{
	m.c.rip = CODE;
	m.c.gpr[EMUL_RAX] = sel;
	return RUN(&m, 0x8e, 0xd0);
}

/* DS: SDM vol. 2B, MOV, protected mode exceptions, one by one */
static void load_ds(void **state)
{
	machine_put_desc(&m, 0x50, machine_desc(0x12345678, 0x1ff, 0x492));
	assert_int_equal(mov_ds(0x53), EMUL_FAULT); /* RPL 3, DPL 0 */
	assert_int_equal(m.c.fault.error, 0x50);
	assert_int_equal(mov_ds(0x50), EMUL_DONE);
	assert_int_equal(m.seg[EMUL_DS].selector, 0x50);
	assert_int_equal(m.seg[EMUL_DS].base, 0x12345678);
	assert_int_equal(m.seg[EMUL_DS].limit, 0x1ff);
	assert_int_equal(m.seg[EMUL_DS].attr, 0x493);
	/* Accessed is set in memory. */
	assert_int_equal(m.mem[GDT + 0x55], 0x93);

	machine_put_desc(&m, 0x50, machine_desc(0, 0xfffff, 0xc98)); /* execute-only */
	faults(mov_ds(0x50), EMUL_GP, 0x50);
	machine_put_desc(&m, 0x50, machine_desc(0, 0xfffff, 0xc12)); /* not present */
	faults(mov_ds(0x50), EMUL_NP, 0x50);
	faults(mov_ds(0x40), EMUL_GP, 0x40); /* a TSS */
	faults(mov_ds(0x100), EMUL_GP, 0x100); /* beyond the limit */
	faults(mov_ds(0x104), EMUL_GP, 0x104); /* the same in the LDT */
	machine_put_desc(&m, 0x0c, machine_desc(0x3000, 0xf, 0x4f2));
	assert_int_equal(mov_ds(0x0f), EMUL_DONE); /* LDT, RPL 3 */
	assert_int_equal(m.seg[EMUL_DS].base, 0x3000);
	m.seg[EMUL_LDTR].attr = EMUL_SEG_UNUSABLE;
	faults(mov_ds(0x0c), EMUL_GP, 0x0c);
	/* Null may be loaded, not used. */
	assert_int_equal(mov_ds(0x0003), EMUL_DONE);
	m.c.rip = CODE;
	faults(RUN(&m, 0x8a, 0x07), EMUL_GP, 0);
	/* CPL above DPL */
	m.c.cpl = 3;
	faults(mov_ds(0x10), EMUL_GP, 0x10);
	assert_int_equal(mov_ds(0x23), EMUL_DONE);
}

static void load_ss(void **state)
{
	assert_int_equal(mov_ss(0x10), EMUL_DONE);
	assert_int_equal(m.c.int_shadow, EMUL_SHADOW_MOV_SS);
	faults(mov_ss(0), EMUL_GP, 0);
	faults(mov_ss(0x13), EMUL_GP, 0x10); /* RPL */
	faults(mov_ss(0x20), EMUL_GP, 0x20); /* DPL */
	faults(mov_ss(0x08), EMUL_GP, 0x08); /* code */
	machine_put_desc(&m, 0x50, machine_desc(0, 0xfffff, 0xc90)); /* read-only */
	faults(mov_ss(0x50), EMUL_GP, 0x50);
	machine_put_desc(&m, 0x50, machine_desc(0, 0xfffff, 0xc12)); /* not present: #SS */
	faults(mov_ss(0x50), EMUL_SSF, 0x50);
	/* MOV CS does not exist. */
	assert_int_equal(RUN(&m, 0x8e, 0xc8), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_UD);
}

static void null_ss_64(void **state)
{
	m.c.gpr[EMUL_RAX] = 0;
	assert_int_equal(RUN(&m, 0x8e, 0xd0), EMUL_DONE);
	assert_true(m.seg[EMUL_SS].attr & EMUL_SEG_UNUSABLE);
	m.c.cpl = 3;
	m.c.rip = CODE;
	m.c.gpr[EMUL_RAX] = 3;
	faults(RUN(&m, 0x8e, 0xd0), EMUL_GP, 0);
}

/* Limits, expand-down, rights of the segment that memory is reached through. */
static void limits(void **state)
{
	m.seg[EMUL_DS].limit = 0x3003;
	m.c.gpr[EMUL_RDI] = 0x3000;
	assert_int_equal(RUN(&m, 0x8b, 0x07), EMUL_DONE);
	m.c.rip = CODE;
	m.c.gpr[EMUL_RDI] = 0x3001;
	faults(RUN(&m, 0x8b, 0x07), EMUL_GP, 0);
	/* expand-down, 32-bit: above the limit only */
	m.seg[EMUL_DS].attr = 0xc97;
	m.seg[EMUL_DS].limit = 0x3000;
	assert_int_equal(RUN(&m, 0x8b, 0x07), EMUL_DONE);
	m.c.rip = CODE;
	m.c.gpr[EMUL_RDI] = 0x3000;
	faults(RUN(&m, 0x8b, 0x07), EMUL_GP, 0);
	/* read-only data, execute-only code */
	m.seg[EMUL_DS] = (struct emul_seg){ .selector = 8, .limit = 0xffffffff, .attr = 0xc91 };
	assert_int_equal(RUN(&m, 0x8b, 0x07), EMUL_DONE);
	m.c.rip = CODE;
	faults(RUN(&m, 0x89, 0x07), EMUL_GP, 0);
	m.seg[EMUL_DS].attr = 0xc99;
	faults(RUN(&m, 0x8b, 0x07), EMUL_GP, 0);
	/* the stack segment has its own exception */
	m.seg[EMUL_SS].limit = 0x10;
	faults(RUN(&m, 0x8b, 0x45, 0x20), EMUL_SSF, 0);
}

/* Unreal mode: a real-mode load keeps the limit. */
static void real_mode(void **state)
{
	machine_init(&m, EMUL_MODE_REAL);
	m.seg[EMUL_DS].limit = 0xffffffff;
	m.c.gpr[EMUL_RAX] = 0x1234;
	assert_int_equal(RUN(&m, 0x8e, 0xd8), EMUL_DONE);
	assert_int_equal(m.seg[EMUL_DS].base, 0x12340);
	assert_int_equal(m.seg[EMUL_DS].limit, 0xffffffff);
	/* lcall $0x100,$0x20; the code segment is at 0 */
	m.c.rip = CODE;
	assert_int_equal(RUN(&m, 0x9a, 0x20, 0x00, 0x00, 0x01), EMUL_DONE);
	assert_int_equal(m.c.rip, 0x20);
	assert_int_equal(m.seg[EMUL_CS].base, 0x1000);
	assert_int_equal(machine_peek(&m, STACK - 4, 4), CODE + 5);
	/* lret back */
	machine_poke(&m, 0x1020, 0xcb, 1);
	assert_int_equal(machine_run(&m), EMUL_DONE);
	assert_int_equal(m.c.rip, CODE + 5);
	assert_int_equal(m.seg[EMUL_CS].base, 0);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK);
}

/* INT n and IRET through the vector table. */
static void real_int(void **state)
{
	machine_init(&m, EMUL_MODE_REAL);
	machine_poke(&m, 0x10 * 4, 0x01230456, 4);
	m.c.rflags |= FL_IF | FL_TF | FL_CF;
	assert_int_equal(RUN(&m, 0xcd, 0x10), EMUL_DONE);
	assert_int_equal(m.c.rip, 0x456);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x123);
	assert_int_equal(m.c.rflags & (FL_IF | FL_TF | FL_CF), FL_CF);
	assert_int_equal(machine_peek(&m, STACK - 6, 2), CODE + 2);
	assert_int_equal(machine_peek(&m, STACK - 4, 2), 0);
	assert_true(machine_peek(&m, STACK - 2, 2) & FL_IF);
	assert_int_equal(m.c.trap, 0);
	/* iret at 0123:0456 = 0x1686 */
	m.mem[0x1686] = 0xcf;
	assert_int_equal(machine_run(&m), EMUL_DONE);
	assert_int_equal(m.c.rip, CODE + 2);
	assert_int_equal(m.seg[EMUL_CS].selector, 0);
	assert_true(m.c.rflags & FL_IF);
	assert_true(m.c.nmi_unmask);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK);
}

/* Elsewhere INT n is for the owner to deliver. */
static void soft_int(void **state)
{
	assert_int_equal(RUN(&m, 0xcd, 0x80), EMUL_SOFT_INT);
	assert_int_equal(m.c.fault.vector, 0x80);
	assert_int_equal(m.c.fault.kind, EMUL_EV_SOFT_INT);
	assert_int_equal(m.c.rip, CODE);
	assert_int_equal(m.c.next_rip, CODE + 2);
	assert_int_equal(RUN(&m, 0xcc), EMUL_SOFT_INT);
	assert_int_equal(m.c.fault.vector, 3);
	assert_int_equal(m.c.fault.kind, EMUL_EV_SOFT_EXC);
	assert_int_equal(RUN(&m, 0xce), EMUL_DONE);
	m.c.rip = CODE;
	m.c.rflags |= FL_OF;
	assert_int_equal(RUN(&m, 0xce), EMUL_SOFT_INT);
	assert_int_equal(m.c.fault.vector, 4);
	/* In virtual-8086 mode it needs IOPL 3. */
	machine_init(&m, EMUL_MODE_VM86);
	faults(RUN(&m, 0xcd, 0x80), EMUL_GP, 0);
	m.c.rflags |= FL_IOPL;
	assert_int_equal(RUN(&m, 0xcd, 0x80), EMUL_SOFT_INT);
}

static void jmp_far(void **state)
{
	/* to 16-bit code, conforming */
	machine_put_desc(&m, 0x50, machine_desc(0x10000, 0xffff, 0x09e));
	assert_int_equal(RUN(&m, 0xea, 0x34, 0x12, 0, 0, 0x50, 0), EMUL_DONE);
	assert_int_equal(m.c.rip, 0x1234);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x50);
	assert_int_equal(m.seg[EMUL_CS].base, 0x10000);
	assert_int_equal(m.mem[GDT + 0x55], 0x9f);

	machine_init(&m, EMUL_MODE_PROT32);
	machine_put_desc(&m, 0x50, machine_desc(0, 0xff, 0x49a));
	faults(RUN(&m, 0xea, 0x00, 0x01, 0, 0, 0x50, 0), EMUL_GP, 0); /* beyond its limit */
	faults(RUN(&m, 0xea, 0x00, 0x01, 0, 0, 0x00, 0), EMUL_GP, 0); /* null */
	faults(RUN(&m, 0xea, 0x00, 0x01, 0, 0, 0x10, 0), EMUL_GP, 0x10); /* data */
	faults(RUN(&m, 0xea, 0x00, 0x01, 0, 0, 0x18, 0), EMUL_GP, 0x18); /* DPL 3 */
	machine_put_desc(&m, 0x50, machine_desc(0, 0xfffff, 0xc1a));
	faults(RUN(&m, 0xea, 0x00, 0x01, 0, 0, 0x50, 0), EMUL_NP, 0x50);
	assert_int_equal(m.seg[EMUL_CS].selector, 8);
}

#define CALL_GATE(sel, off, params, attr)                                                \
	(((off) & 0xffff) | (u64)(sel) << 16 | (u64)(params) << 32 | (u64)(attr) << 40 | \
	 (u64)((off) >> 16) << 48)

/* CALL through a 32-bit gate from CPL 3 to 0 with two parameters, and RETF 8 back. */
static void call_gate(void **state)
{
	m.c.cpl = 3;
	m.seg[EMUL_CS].selector = 0x1b;
	m.seg[EMUL_CS].attr |= 0x60;
	m.seg[EMUL_SS].selector = 0x23;
	m.seg[EMUL_SS].attr |= 0x60;
	m.seg[EMUL_DS].selector = 0x23;
	m.seg[EMUL_DS].attr |= 0x60;
	m.seg[EMUL_FS] = m.seg[EMUL_DS];
	machine_put_desc(&m, 0x50, CALL_GATE(0x08, 0x2000, 2, 0xec));
	machine_poke(&m, TSS + 4, 0x9000, 4);
	machine_poke(&m, TSS + 8, 0x10, 4);
	machine_poke(&m, STACK, 0x11111111, 4);
	machine_poke(&m, STACK + 4, 0x22222222, 4);
	assert_int_equal(RUN(&m, 0x9a, 9, 9, 9, 9, 0x53, 0), EMUL_DONE);
	assert_int_equal(m.c.rip, 0x2000);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x08);
	assert_int_equal(m.seg[EMUL_SS].selector, 0x10);
	assert_int_equal(m.c.gpr[EMUL_RSP], 0x9000 - 24);
	assert_int_equal(machine_peek(&m, 0x9000 - 4, 4), 0x23);
	assert_int_equal(machine_peek(&m, 0x9000 - 8, 4), STACK);
	assert_int_equal(machine_peek(&m, 0x9000 - 12, 4), 0x22222222);
	assert_int_equal(machine_peek(&m, 0x9000 - 16, 4), 0x11111111);
	assert_int_equal(machine_peek(&m, 0x9000 - 20, 4), 0x1b);
	assert_int_equal(machine_peek(&m, 0x9000 - 24, 4), CODE + 7);

	m.c.cpl = 0;
	m.seg[EMUL_DS] = m.seg[EMUL_SS]; /* must not survive the return */
	assert_int_equal(RUN(&m, 0xca, 8, 0), EMUL_DONE);
	assert_int_equal(m.c.rip, CODE + 7);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x1b);
	assert_int_equal(m.seg[EMUL_SS].selector, 0x23);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK + 8);
	assert_true(m.seg[EMUL_DS].attr & EMUL_SEG_UNUSABLE);
	assert_false(m.seg[EMUL_FS].attr & EMUL_SEG_UNUSABLE);
}

static void call_gate_faults(void **state)
{
	m.c.cpl = 3;
	m.seg[EMUL_CS].selector = 0x1b;
	machine_put_desc(&m, 0x50, CALL_GATE(0x08, 0x2000, 0, 0x8c));
	faults(RUN(&m, 0x9a, 9, 9, 9, 9, 0x53, 0), EMUL_GP, 0x50); /* gate's DPL */
	machine_put_desc(&m, 0x50, CALL_GATE(0x08, 0x2000, 0, 0x6c));
	faults(RUN(&m, 0x9a, 9, 9, 9, 9, 0x53, 0), EMUL_NP, 0x50);
	machine_put_desc(&m, 0x50, CALL_GATE(0x10, 0x2000, 0, 0xec));
	faults(RUN(&m, 0x9a, 9, 9, 9, 9, 0x53, 0), EMUL_GP, 0x10);
	machine_put_desc(&m, 0x50, CALL_GATE(0x08, 0x2000, 0, 0xec));
	machine_poke(&m, TSS + 8, 0x20, 4); /* a stack of the wrong DPL */
	faults(RUN(&m, 0x9a, 9, 9, 9, 9, 0x53, 0), EMUL_TS, 0x20);
	m.seg[EMUL_TR].limit = 8;
	faults(RUN(&m, 0x9a, 9, 9, 9, 9, 0x53, 0), EMUL_TS, 0x40);
	/* The stack's page is missing: #PF, everything as before. */
	m.seg[EMUL_TR].limit = 0x67;
	machine_poke(&m, TSS + 4, NOT_PRESENT + 0x800, 4);
	machine_poke(&m, TSS + 8, 0x10, 4);
	assert_int_equal(RUN(&m, 0x9a, 9, 9, 9, 9, 0x53, 0), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_PF);
	assert_int_equal(m.c.fault.error, 2); /* pushed as the supervisor */
	assert_int_equal(m.c.cpl, 3);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x1b);
}

static void push64(u64 *rsp, u64 val)
{
	*rsp -= 8;
	machine_poke(&m, *rsp, val, 8);
}

/* IRETQ to user mode, and to compatibility mode. */
static void iretq(void **state)
{
	u64 rsp = STACK;

	push64(&rsp, 0x23);
	push64(&rsp, 0x7ff0);
	push64(&rsp, FL_IF | FL_ZF | FL_FIXED | FL_RF);
	push64(&rsp, 0x1b);
	push64(&rsp, 0x123456);
	m.c.gpr[EMUL_RSP] = rsp;
	assert_int_equal(RUN(&m, 0x48, 0xcf), EMUL_DONE);
	assert_int_equal(m.c.rip, 0x123456);
	assert_int_equal(m.c.gpr[EMUL_RSP], 0x7ff0);
	assert_int_equal(m.seg[EMUL_SS].selector, 0x23);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x1b);
	assert_int_equal(m.c.rflags, FL_IF | FL_ZF | FL_FIXED | FL_RF);
	assert_true(m.c.nmi_unmask);

	/* A return address that is not canonical; NT; an RPL below CPL. */
	long_mode(NULL);
	m.c.gpr[EMUL_RSP] = rsp;
	machine_poke(&m, rsp, 1ULL << 50, 8);
	faults(RUN(&m, 0x48, 0xcf), EMUL_GP, 0);
	m.c.rflags |= FL_NT;
	faults(RUN(&m, 0x48, 0xcf), EMUL_GP, 0);
	long_mode(NULL);
	m.c.cpl = 3;
	m.c.gpr[EMUL_RSP] = STACK - 40;
	rsp = STACK;
	push64(&rsp, 0x23);
	push64(&rsp, 0x7ff0);
	push64(&rsp, FL_FIXED);
	push64(&rsp, 0x08);
	push64(&rsp, 0x123456);
	machine_put_desc(&m, 0x08, machine_desc(0, 0xfffff, 0xa9b));
	machine_put_desc(&m, 0x20, machine_desc(0, 0xfffff, 0xcf3));
	faults(RUN(&m, 0x48, 0xcf), EMUL_GP, 0x08);
}

/* IRETD from CPL 0 to virtual-8086 mode. */
static void iret_vm86(void **state)
{
	static const u32 frame[] = { 0x1234, 0xf000, FL_VM | FL_IF | FL_FIXED | FL_IOPL,
				     0xfffe, 0x1000, 0x2000,
				     0x3000, 0x4000, 0x5000 };

	memcpy(m.mem + STACK - sizeof(frame), frame, sizeof(frame));
	m.c.gpr[EMUL_RSP] = STACK - sizeof(frame);
	assert_int_equal(RUN(&m, 0xcf), EMUL_DONE);
	assert_int_equal(m.c.rip, 0x1234);
	assert_int_equal(m.c.mode, EMUL_MODE_VM86);
	assert_int_equal(m.c.gpr[EMUL_RSP], 0xfffe);
	assert_int_equal(m.seg[EMUL_CS].base, 0xf0000);
	assert_int_equal(m.seg[EMUL_SS].selector, 0x1000);
	assert_int_equal(m.seg[EMUL_GS].base, 0x50000);
	assert_int_equal(EMUL_SEG_DPL(m.seg[EMUL_SS].attr), 3);
	assert_true(m.c.rflags & FL_VM);
}

static void lar_lsl(void **state)
{
	machine_put_desc(&m, 0x50, machine_desc(0, 0x12345, 0x8f3));
	m.c.gpr[EMUL_RCX] = 0x50;
	assert_int_equal(RUN(&m, 0x0f, 0x02, 0xc1), EMUL_DONE);
	assert_true(m.c.rflags & FL_ZF);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0x81f300);
	assert_int_equal(RUN(&m, 0x0f, 0x03, 0xc1), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0x12345fff);
	m.c.gpr[EMUL_RCX] = 0x1000; /* outside the table: no fault */
	assert_int_equal(RUN(&m, 0x0f, 0x02, 0xc1), EMUL_DONE);
	assert_false(m.c.rflags & FL_ZF);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0x12345fff);
	/* VERR, VERW */
	m.c.gpr[EMUL_RCX] = 0x08;
	assert_int_equal(RUN(&m, 0x0f, 0x00, 0xe1), EMUL_DONE);
	assert_true(m.c.rflags & FL_ZF);
	assert_int_equal(RUN(&m, 0x0f, 0x00, 0xe9), EMUL_DONE);
	assert_false(m.c.rflags & FL_ZF);
	m.c.cpl = 3;
	m.c.gpr[EMUL_RCX] = 0x10;
	assert_int_equal(RUN(&m, 0x0f, 0x00, 0xe1), EMUL_DONE);
	assert_false(m.c.rflags & FL_ZF);
}

static void lldt_ltr(void **state)
{
	m.c.gpr[EMUL_RCX] = 0x48;
	m.seg[EMUL_LDTR].selector = 0;
	assert_int_equal(RUN(&m, 0x0f, 0x00, 0xd1), EMUL_DONE);
	assert_int_equal(m.seg[EMUL_LDTR].selector, 0x48);
	assert_int_equal(m.seg[EMUL_LDTR].base, LDT);
	m.c.rip = CODE;
	m.c.gpr[EMUL_RCX] = 0x40;
	faults(RUN(&m, 0x0f, 0x00, 0xd9), EMUL_GP, 0x40); /* busy */
	machine_put_desc(&m, 0x50, machine_desc(0x5100, 0x67, 0x89));
	m.c.gpr[EMUL_RCX] = 0x50;
	assert_int_equal(RUN(&m, 0x0f, 0x00, 0xd9), EMUL_DONE);
	assert_int_equal(m.seg[EMUL_TR].base, 0x5100);
	assert_int_equal(m.seg[EMUL_TR].attr & 15, 0xb);
	assert_int_equal(m.mem[GDT + 0x55], 0x8b);
	m.c.rip = CODE;
	m.c.cpl = 3;
	faults(RUN(&m, 0x0f, 0x00, 0xd9), EMUL_GP, 0);
}

/* A task that is entered by a jump, left by a call, and returned to. */
static void prepare_task(u16 sel, u32 tss, u32 eip)
{
	machine_put_desc(&m, sel, machine_desc(tss, 0x67, 0x89));
	memset(m.mem + tss, 0, 0x68);
	machine_poke(&m, tss + 0x1c, 0xabc000, 4);
	machine_poke(&m, tss + 0x20, eip, 4);
	machine_poke(&m, tss + 0x24, FL_FIXED | FL_IF, 4);
	machine_poke(&m, tss + 0x28, 0xaaaa, 4); /* eax */
	machine_poke(&m, tss + 0x38, STACK - 0x100, 4); /* esp */
	machine_poke(&m, tss + 0x48, 0x10, 4);
	machine_poke(&m, tss + 0x4c, 0x08, 4);
	machine_poke(&m, tss + 0x50, 0x10, 4);
	machine_poke(&m, tss + 0x54, 0x10, 4);
}

static void task_switches(void **state)
{
	prepare_task(0x50, 0x5400, 0x2000);
	m.c.gpr[EMUL_RBX] = 0x5555;
	assert_int_equal(RUN(&m, 0x9a, 0, 0, 0, 0, 0x50, 0), EMUL_DONE); /* lcall */
	assert_int_equal(m.c.rip, 0x2000);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0xaaaa);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK - 0x100);
	assert_int_equal(m.cr[3], 0xabc000);
	assert_true(m.cr[0] & CR0_TS);
	assert_true(m.c.rflags & FL_NT);
	assert_int_equal(m.seg[EMUL_TR].selector, 0x50);
	assert_int_equal(machine_peek(&m, 0x5400, 2), 0x40); /* link */
	assert_int_equal(machine_peek(&m, TSS + 0x20, 4), CODE + 7); /* the old task */
	assert_int_equal(machine_peek(&m, TSS + 0x34, 4), 0x5555);
	assert_int_equal(m.mem[GDT + 0x45] & 15, 0xb); /* still busy */
	assert_int_equal(m.mem[GDT + 0x55] & 15, 0xb);

	/* IRET with NT: back. */
	machine_poke(&m, TSS + 0x4c, 0x08, 4);
	assert_int_equal(RUN(&m, 0xcf), EMUL_DONE);
	assert_int_equal(m.c.rip, CODE + 7);
	assert_int_equal(m.c.gpr[EMUL_RBX], 0x5555);
	assert_int_equal(m.seg[EMUL_TR].selector, 0x40);
	assert_int_equal(m.mem[GDT + 0x55] & 15, 0x9);
	assert_false(m.c.rflags & FL_NT);
}

static void task_faults(void **state)
{
	prepare_task(0x50, 0x5400, 0x2000);
	machine_put_desc(&m, 0x50, machine_desc(0x5400, 0x66, 0x89));
	faults(RUN(&m, 0xea, 0, 0, 0, 0, 0x50, 0), EMUL_TS, 0x50);
	machine_put_desc(&m, 0x50, machine_desc(0x5400, 0x67, 0x09));
	faults(RUN(&m, 0xea, 0, 0, 0, 0, 0x50, 0), EMUL_NP, 0x50);
	machine_put_desc(&m, 0x50, machine_desc(0x5400, 0x67, 0x8b));
	faults(RUN(&m, 0xea, 0, 0, 0, 0, 0x50, 0), EMUL_GP, 0x50);
	/* A bad stack segment is the new task's fault. */
	prepare_task(0x50, 0x5400, 0x2000);
	machine_poke(&m, 0x5450, 0x18, 4);
	assert_int_equal(RUN(&m, 0xea, 0, 0, 0, 0, 0x50, 0), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_TS);
	assert_int_equal(m.c.fault.error, 0x18);
	assert_int_equal(m.c.rip, 0x2000);
	assert_int_equal(m.seg[EMUL_TR].selector, 0x50);
	/* The owner's entry: an event through a task gate, with an error code. */
	prot32(NULL);
	prepare_task(0x50, 0x5400, 0x2000);
	emul_begin(&m.c);
	assert_int_equal(emul_task_switch(&m.c, 0x50, EMUL_TASK_GATE, true, 0xbeef), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK - 0x104);
	assert_int_equal(machine_peek(&m, STACK - 0x104, 4), 0xbeef);
	assert_int_equal(machine_peek(&m, TSS + 0x20, 4), CODE);
}

static void pf_on_write(enum emul_result res, u64 addr)
{
	assert_int_equal(res, EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_PF);
	assert_int_equal(m.c.fault.error, 3); /* there, a write, the supervisor's */
	assert_int_equal(m.c.fault.addr, addr);
	assert_int_equal(m.c.rip, CODE);
	assert_int_equal(m.seg[EMUL_TR].selector, 0x40);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0);
}

/* A TSS that cannot be written: #PF in the old task, at the instruction, which is done when the page can. */
static void task_read_only(void **state)
{
	/* The old one, for its state */
	prepare_task(0x50, 0x5400, 0x2000);
	m.seg[EMUL_TR].base = READ_ONLY;
	machine_put_desc(&m, 0x40, machine_desc(READ_ONLY, 0x67, 0x8b));
	pf_on_write(RUN(&m, 0xea, 0, 0, 0, 0, 0x50, 0), READ_ONLY + 0x20);
	assert_int_equal(m.mem[GDT + 0x45] & 15, 0xb);
	assert_int_equal(m.mem[GDT + 0x55] & 15, 0x9);
	m.seg[EMUL_TR].base = TSS;
	assert_int_equal(RUN(&m, 0xea, 0, 0, 0, 0, 0x50, 0), EMUL_DONE);
	assert_int_equal(m.c.rip, 0x2000);

	/* The new one, for the link: CALL writes it, JMP does not. */
	prot32(NULL);
	prepare_task(0x50, READ_ONLY, 0x2000);
	pf_on_write(RUN(&m, 0x9a, 0, 0, 0, 0, 0x50, 0), READ_ONLY);
	assert_int_equal(m.mem[GDT + 0x55] & 15, 0x9);
	assert_int_equal(RUN(&m, 0xea, 0, 0, 0, 0, 0x50, 0), EMUL_DONE);
	assert_int_equal(m.seg[EMUL_TR].selector, 0x50);
	assert_int_equal(m.c.rip, 0x2000);
}

/* Zero-extended, but for Intel's processors with a slot of 32 bits: they leave its upper half alone. */
static void push_selector(void **state)
{
	static const struct {
		u8 mode, len, code[3];
		unsigned int slot;
		u64 amd, intel;
	} t[] = {
		{ EMUL_MODE_LONG, 2, { 0x0f, 0xa0 }, 8, 0x1234, 0x1234 },
		{ EMUL_MODE_LONG,
		  3,
		  { 0x66, 0x0f, 0xa8 },
		  2,
		  0x5555555555551234,
		  0x5555555555551234 },
		{ EMUL_MODE_PROT32, 2, { 0x0f, 0xa0 }, 4, 0x5555555500001234, 0x5555555555551234 },
		{ EMUL_MODE_PROT32, 1, { 0x06 }, 4, 0x5555555500001234, 0x5555555555551234 },
		{ EMUL_MODE_PROT32, 2, { 0x66, 0x1e }, 2, 0x5555555555551234, 0x5555555555551234 },
	};
	unsigned int i, intel, sreg;
	u64 rsp;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		for (intel = 0; intel < 2; intel++) {
			machine_init(&m, t[i].mode);
			m.c.features &= ~BIT_ULL(EMUL_F_INTEL);
			if (intel)
				m.c.features |= BIT_ULL(EMUL_F_INTEL);
			for (sreg = EMUL_ES; sreg <= EMUL_GS; sreg++)
				m.seg[sreg].selector = 0x1234;
			rsp = m.c.gpr[EMUL_RSP] - t[i].slot;
			machine_poke(&m, rsp, 0x5555555555555555, 8);
			machine_code(&m, t[i].code, t[i].len);
			assert_int_equal(machine_run(&m), EMUL_DONE);
			assert_int_equal(m.c.gpr[EMUL_RSP], rsp);
			assert_int_equal(machine_peek(&m, rsp, 8), intel ? t[i].intel : t[i].amd);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(load_ds, prot32),
		cmocka_unit_test_setup(load_ss, prot32),
		cmocka_unit_test_setup(null_ss_64, long_mode),
		cmocka_unit_test_setup(limits, prot32),
		cmocka_unit_test(push_selector),
		cmocka_unit_test(real_mode),
		cmocka_unit_test(real_int),
		cmocka_unit_test_setup(soft_int, prot32),
		cmocka_unit_test_setup(jmp_far, prot32),
		cmocka_unit_test_setup(call_gate, prot32),
		cmocka_unit_test_setup(call_gate_faults, prot32),
		cmocka_unit_test_setup(iretq, long_mode),
		cmocka_unit_test_setup(iret_vm86, prot32),
		cmocka_unit_test_setup(lar_lsl, prot32),
		cmocka_unit_test_setup(lldt_ltr, prot32),
		cmocka_unit_test_setup(task_switches, prot32),
		cmocka_unit_test_setup(task_faults, prot32),
		cmocka_unit_test_setup(task_read_only, prot32),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
