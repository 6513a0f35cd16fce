// SPDX-License-Identifier: GPL-2.0-only
/* Delivery of interrupts and exceptions in every mode: what is pushed, what is loaded, and what goes wrong on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "emulate_machine.h"

static struct machine m;

#define HANDLER 0x2000
#define STACK0 0x9000

static void put_gate(u8 vector, u16 sel, u32 off, u8 attr)
{
	u64 gate = (off & 0xffff) | (u64)sel << 16 | (u64)attr << 40 | (u64)(off >> 16) << 48;

	if (m.c.mode == EMUL_MODE_LONG)
		memset(m.mem + IDT + vector * 16, 0, 16);
	memcpy(m.mem + IDT + vector * (m.c.mode == EMUL_MODE_LONG ? 16 : 8), &gate, 8);
}

static enum emul_result deliver(struct emul_event ev)
{
	ev.return_rip = CODE + 2;
	emul_begin(&m.c);
	return emul_deliver_event(&m.c, &ev);
}

#define DELIVER(...) deliver((struct emul_event){ __VA_ARGS__ })
#define EXTERNAL .kind = EMUL_EV_EXT_INT

static void faults(enum emul_result res, u8 vector, u32 error)
{
	assert_int_equal(res, EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, vector);
	assert_int_equal(m.c.fault.error, error);
	/* Nothing has happened. */
	assert_int_equal(m.c.rip, CODE);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK);
}

static void user(void)
{
	m.c.cpl = 3;
	m.seg[EMUL_CS].selector = 0x1b;
	m.seg[EMUL_CS].attr |= 0x60;
	m.seg[EMUL_SS].selector = 0x23;
	m.seg[EMUL_SS].attr |= 0x60;
	machine_poke(&m, TSS + 4, STACK0, 4);
	machine_poke(&m, TSS + 8, m.c.mode == EMUL_MODE_LONG ? 0 : 0x10, 4);
}

static int prot32(void **state)
{
	machine_init(&m, EMUL_MODE_PROT32);
	put_gate(0x40, 0x08, HANDLER, 0x8e);
	put_gate(0x41, 0x08, HANDLER, 0x8f);
	put_gate(14, 0x08, HANDLER, 0x8e);
	return 0;
}

static int long_mode(void **state)
{
	machine_init(&m, EMUL_MODE_LONG);
	m.idtr.limit = 0xfff;
	put_gate(0x40, 0x08, HANDLER, 0x8e);
	put_gate(14, 0x08, HANDLER, 0x8e);
	return 0;
}

static void same_level(void **state)
{
	m.c.rflags = FL_FIXED | FL_IF | FL_TF | FL_NT | FL_CF;
	assert_int_equal(DELIVER(.vector = 0x40, EXTERNAL), EMUL_DONE);
	assert_int_equal(m.c.rip, HANDLER);
	assert_int_equal(m.c.rflags, FL_FIXED | FL_CF);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK - 12);
	assert_int_equal(machine_peek(&m, STACK - 4, 4), FL_FIXED | FL_IF | FL_TF | FL_NT | FL_CF);
	assert_int_equal(machine_peek(&m, STACK - 8, 4), 0x08);
	assert_int_equal(machine_peek(&m, STACK - 12, 4), CODE + 2);

	/* A trap gate leaves IF; a fault pushes RF, and its error code. */
	prot32(NULL);
	m.c.rflags |= FL_IF;
	assert_int_equal(DELIVER(.vector = 0x41, EXTERNAL), EMUL_DONE);
	assert_true(m.c.rflags & FL_IF);
	prot32(NULL);
	assert_int_equal(DELIVER(.vector = 14, .has_error = true, .error = 7), EMUL_DONE);
	assert_int_equal(machine_peek(&m, STACK - 4, 4), FL_FIXED | FL_RF);
	assert_int_equal(machine_peek(&m, STACK - 16, 4), 7);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK - 16);
}

static void to_inner_level(void **state)
{
	user();
	assert_int_equal(DELIVER(.vector = 0x40, EXTERNAL), EMUL_DONE);
	assert_int_equal(m.c.cpl, 0);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x08);
	assert_int_equal(m.seg[EMUL_SS].selector, 0x10);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK0 - 20);
	assert_int_equal(machine_peek(&m, STACK0 - 4, 4), 0x23);
	assert_int_equal(machine_peek(&m, STACK0 - 8, 4), STACK);
	assert_int_equal(machine_peek(&m, STACK0 - 16, 4), 0x1b);
	assert_int_equal(machine_peek(&m, STACK0 - 20, 4), CODE + 2);
}

/* The error code tells what came from outside (EXT) and what an instruction asked for. */
static void gates(void **state)
{
	user();
	faults(DELIVER(.vector = 0x40, .kind = EMUL_EV_SOFT_INT), EMUL_GP, 0x40 * 8 + 2);
	faults(DELIVER(.vector = 0x42, EXTERNAL), EMUL_GP, 0x42 * 8 + 3);
	faults(DELIVER(.vector = 0x80, EXTERNAL), EMUL_GP, 0x80 * 8 + 3); /* beyond the table */
	put_gate(0x40, 0x08, HANDLER, 0x0e);
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_NP, 0x40 * 8 + 3);
	put_gate(0x40, 0x08, HANDLER, 0x6e);
	faults(DELIVER(.vector = 0x40, .kind = EMUL_EV_SOFT_INT), EMUL_NP, 0x40 * 8 + 2);
	put_gate(0x40, 0x00, HANDLER, 0x8e);
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_GP, 1);
	put_gate(0x40, 0x10, HANDLER, 0x8e); /* data */
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_GP, 0x11);
	machine_put_desc(&m, 0x50, machine_desc(0, 0xfffff, 0xc1b));
	put_gate(0x40, 0x50, HANDLER, 0x8e);
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_NP, 0x51);
	machine_put_desc(&m, 0x50, machine_desc(0, 0xff, 0x49b));
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_GP, 1); /* beyond the handler's limit */
}

static void stacks(void **state)
{
	user();
	machine_poke(&m, TSS + 8, 0x20, 4); /* DPL 3 */
	machine_put_desc(&m, 0x20, machine_desc(0, 0xfffff, 0xcf3));
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_TS, 0x21);
	machine_poke(&m, TSS + 8, 0, 4);
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_TS, 1);
	machine_put_desc(&m, 0x58, machine_desc(0, 0xfffff, 0xc13));
	machine_poke(&m, TSS + 8, 0x58, 4);
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_SSF, 0x59);
	/* No room: the stack that is to be used is named. */
	machine_put_desc(&m, 0x58, machine_desc(0, 0x10, 0x493));
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_SSF, 0x59);
	m.seg[EMUL_TR].limit = 8;
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_TS, 0x41);
	/* Its page is missing: as the supervisor. */
	m.seg[EMUL_TR].limit = 0x67;
	machine_poke(&m, TSS + 4, NOT_PRESENT + 0x800, 4);
	machine_poke(&m, TSS + 8, 0x10, 4);
	assert_int_equal(DELIVER(.vector = 0x40, EXTERNAL), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_PF);
	assert_int_equal(m.c.fault.error, 2);
	assert_int_equal(m.c.cpl, 3);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x1b);
}

static void in_long_mode(void **state)
{
	m.c.gpr[EMUL_RSP] = STACK - 4;
	assert_int_equal(DELIVER(.vector = 0x40, EXTERNAL), EMUL_DONE);
	/* SS and RSP always, on 16 bytes */
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK - 16 - 40);
	assert_int_equal(machine_peek(&m, STACK - 24, 8), 0x10);
	assert_int_equal(machine_peek(&m, STACK - 32, 8), STACK - 4);

	/* From user mode: the stack of the TSS, a null SS; then one of the interrupt stack table. */
	long_mode(NULL);
	user();
	assert_int_equal(DELIVER(.vector = 14, .has_error = true, .error = 4), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK0 - 48);
	assert_int_equal(machine_peek(&m, STACK0 - 48, 8), 4);
	assert_int_equal(machine_peek(&m, STACK0 - 16, 8), STACK);
	assert_int_equal(m.seg[EMUL_SS].selector, 0);
	assert_true(m.seg[EMUL_SS].attr & EMUL_SEG_UNUSABLE);
	assert_int_equal(m.c.cpl, 0);
	long_mode(NULL);
	m.mem[IDT + 0x40 * 16 + 4] = 3;
	machine_poke(&m, TSS + 36 + 16, 0x9808, 8);
	assert_int_equal(DELIVER(.vector = 0x40, EXTERNAL), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RSP], 0x9800 - 40);
	assert_int_equal(m.seg[EMUL_SS].selector, 0x10);

	/* Only gates to 64-bit code; a handler and a stack that are canonical */
	long_mode(NULL);
	machine_put_desc(&m, 0x50, machine_desc(0, 0xfffff, 0xc9b));
	put_gate(0x40, 0x50, HANDLER, 0x8e);
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_GP, 0x51);
	put_gate(0x40, 0x08, HANDLER, 0x86);
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_GP, 0x40 * 8 + 3);
	put_gate(0x40, 0x08, HANDLER, 0x8e);
	machine_poke(&m, IDT + 0x40 * 16 + 8, 0x8000, 4);
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_GP, 1);
	long_mode(NULL);
	user();
	machine_poke(&m, TSS + 4, (1ULL << 47) + 0x1000, 8);
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_SSF, 1);
}

static void from_vm86(void **state)
{
	static const u16 sel[] = { 0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000 };
	unsigned int i;

	machine_init(&m, EMUL_MODE_VM86);
	m.gdtr = (struct emul_dtr){ GDT, 0xff };
	m.idtr = (struct emul_dtr){ IDT, 0x3ff };
	machine_put_desc(&m, 0x08, machine_desc(0, 0xfffff, 0xc9b));
	machine_put_desc(&m, 0x10, machine_desc(0, 0xfffff, 0xc93));
	put_gate(0x40, 0x08, HANDLER, 0xee);
	machine_poke(&m, TSS + 4, STACK0, 4);
	machine_poke(&m, TSS + 8, 0x10, 4);
	for (i = 0; i < 6; i++)
		m.seg[i].selector = sel[i];
	assert_int_equal(DELIVER(.vector = 0x40, EXTERNAL), EMUL_DONE);
	assert_int_equal(m.c.mode, EMUL_MODE_PROT32);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK0 - 36);
	assert_int_equal(machine_peek(&m, STACK0 - 4, 4), 0x6000); /* GS, FS, DS, ES, SS */
	assert_int_equal(machine_peek(&m, STACK0 - 8, 4), 0x5000);
	assert_int_equal(machine_peek(&m, STACK0 - 12, 4), 0x4000);
	assert_int_equal(machine_peek(&m, STACK0 - 16, 4), 0x1000);
	assert_int_equal(machine_peek(&m, STACK0 - 20, 4), 0x3000);
	assert_true(machine_peek(&m, STACK0 - 28, 4) & FL_VM);
	assert_false(m.c.rflags & FL_VM);
	assert_true(m.seg[EMUL_DS].attr & EMUL_SEG_UNUSABLE);
	assert_int_equal(m.seg[EMUL_GS].selector, 0);

	/* INT n without IOPL 3; a conforming handler */
	machine_init(&m, EMUL_MODE_VM86);
	put_gate(0x40, 0x08, HANDLER, 0xee);
	faults(DELIVER(.vector = 0x40, .kind = EMUL_EV_SOFT_INT), EMUL_GP, 0);
	m.gdtr = (struct emul_dtr){ GDT, 0xff };
	m.idtr = (struct emul_dtr){ IDT, 0x3ff };
	machine_put_desc(&m, 0x08, machine_desc(0, 0xfffff, 0xc9f));
	faults(DELIVER(.vector = 0x40, EXTERNAL), EMUL_GP, 0x09);
}

/* CR4.VME: a clear bit in the map sends INT n to the 8086 program's own table. */
static void redirection(void **state)
{
	machine_init(&m, EMUL_MODE_VM86);
	m.cr[4] |= CR4_VME;
	m.seg[EMUL_TR].limit = 0x200;
	machine_poke(&m, TSS + 102, 0x88, 2);
	machine_poke(&m, 0x40 * 4, 0x01230456, 4);
	m.c.rflags |= FL_VIF | FL_TF;
	assert_int_equal(DELIVER(.vector = 0x40, .kind = EMUL_EV_SOFT_INT), EMUL_DONE);
	assert_int_equal(m.c.rip, 0x456);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x123);
	assert_int_equal(m.c.mode, EMUL_MODE_VM86);
	/* VIF is pushed as IF, and cleared. */
	assert_int_equal(machine_peek(&m, STACK - 2, 2), FL_FIXED | FL_IF | FL_TF | FL_IOPL);
	assert_false(m.c.rflags & (FL_VIF | FL_TF));
	/* A set bit: as without CR4.VME. */
	m.c.rip = CODE;
	m.c.gpr[EMUL_RSP] = STACK;
	m.mem[TSS + 0x88 - 32 + 8] = 1;
	faults(DELIVER(.vector = 0x40, .kind = EMUL_EV_SOFT_INT), EMUL_GP, 0);
}

static void in_real_mode(void **state)
{
	machine_init(&m, EMUL_MODE_REAL);
	machine_poke(&m, 0x40 * 4, 0x01230456, 4);
	m.c.rflags |= FL_IF;
	m.c.int_shadow = EMUL_SHADOW_STI;
	assert_int_equal(DELIVER(.vector = 0x40, EXTERNAL, .has_error = true, .error = 5),
			 EMUL_DONE);
	assert_int_equal(m.c.rip, 0x456);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK - 6); /* no error code */
	assert_int_equal(m.c.int_shadow, 0);
	m.idtr.limit = 0xff;
	m.c.rip = CODE;
	m.c.gpr[EMUL_RSP] = STACK;
	assert_int_equal(DELIVER(.vector = 0x40, EXTERNAL), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
	assert_false(m.c.fault.has_error);
}

/* A guest that races its descriptors: the emulator tries again, and gives up after a while rather than never. */
static void raced(void **state)
{
	user();
	machine_put_desc(&m, 0x08, machine_desc(0, 0xfffff, 0xc9a)); /* not accessed yet */
	m.retries = 1;
	assert_int_equal(DELIVER(.vector = 0x40, EXTERNAL), EMUL_RETRY);
	assert_int_equal(m.c.rip, CODE);
	assert_int_equal(m.c.cpl, 3);
	assert_int_equal(DELIVER(.vector = 0x40, EXTERNAL), EMUL_DONE);
	assert_int_equal(m.mem[GDT + 0x0d], 0x9b);
}

/* Linear address masking, SDM vol. 3A, 4.4: what is not masked must be canonical all the same. */
static void masked_addresses(void **state)
{
	static const struct {
		u8 lam, va_bits;
		u64 addr;
		bool ok;
	} t[] = {
		{ 0, 48, 0x0100000000003000, false },
		{ EMUL_LAM_U48, 48, 0x7fff000000003000, true },
		{ EMUL_LAM_U48, 48, 0x7fff800000003000, false },
		{ EMUL_LAM_U57, 48, 0x7e00000000003000, true },
		{ EMUL_LAM_U57, 48, 0x7f00000000003000, false },
		{ EMUL_LAM_U57, 48, 0x0001000000003000, false },
		{ EMUL_LAM_U57, 57, 0x7e00000000003000, true },
		{ EMUL_LAM_U48, 48, 0x80ffffffffffffff, false },
		{ EMUL_LAM_SUP, 48, 0x7fff000000003000, false },
		{ EMUL_LAM_SUP, 48, 0x8000000000003000, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		machine_init(&m, EMUL_MODE_LONG);
		m.c.lam = t[i].lam;
		m.c.va_bits = t[i].va_bits;
		m.c.gpr[EMUL_RDI] = t[i].addr;
		machine_poke(&m, 0x3000, 0x12345678, 4);
		if (t[i].ok) {
			assert_int_equal(RUN(&m, 0x8b, 0x07), EMUL_DONE);
			assert_int_equal(m.c.gpr[EMUL_RAX], 0x12345678);
		} else {
			assert_int_equal(RUN(&m, 0x8b, 0x07), EMUL_FAULT);
			assert_int_equal(m.c.fault.vector, EMUL_GP);
		}
	}
	/* The supervisor's: masked, then there is nothing at the address. */
	machine_init(&m, EMUL_MODE_LONG);
	m.c.lam = EMUL_LAM_SUP;
	m.c.gpr[EMUL_RDI] = 0x8123800000003000;
	assert_int_equal(RUN(&m, 0x8b, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_PF);
	assert_int_equal(m.c.fault.addr, 0xffff800000003000);
	/* INVLPG takes addresses as they are, LEA computes them. */
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0x3f), EMUL_DONE);
	assert_int_equal(m.invlpg, 0x8123800000003000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(same_level, prot32),
		cmocka_unit_test_setup(to_inner_level, prot32),
		cmocka_unit_test_setup(gates, prot32),
		cmocka_unit_test_setup(stacks, prot32),
		cmocka_unit_test_setup(in_long_mode, long_mode),
		cmocka_unit_test(from_vm86),
		cmocka_unit_test(redirection),
		cmocka_unit_test(in_real_mode),
		cmocka_unit_test_setup(raced, prot32),
		cmocka_unit_test(masked_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
