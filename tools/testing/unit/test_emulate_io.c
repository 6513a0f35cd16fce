// SPDX-License-Identifier: GPL-2.0-only
/* Accesses that suspend, fail, race: what the emulator asks of its surroundings, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "emulate_machine.h"

static struct machine m;

static unsigned int count(char kind)
{
	unsigned int i, n = 0;

	for (i = 0; i < m.nr_log; i++)
		n += m.log[i].kind == kind;
	return n;
}

static int setup(void **state)
{
	machine_init(&m, EMUL_MODE_LONG);
	return 0;
}

/* mov %eax,(%rdi) to a device: suspended once, written once. */
static void mmio_write(void **state)
{
	m.suspend_mmio = true;
	m.c.gpr[EMUL_RAX] = 0x12345678;
	m.c.gpr[EMUL_RDI] = MMIO_BASE + 0x40;
	assert_int_equal(RUN(&m, 0x89, 0x07), EMUL_NEED_IO);
	assert_int_equal(m.c.rip, CODE);
	assert_int_equal(machine_peek(&m, MMIO_BASE + 0x40, 4), 0);
	assert_int_equal(emul_run(&m.c), EMUL_DONE);
	assert_int_equal(m.c.rip, CODE + 2);
	assert_int_equal(machine_peek(&m, MMIO_BASE + 0x40, 4), 0x12345678);
	assert_int_equal(count('w'), 1);
	assert_int_equal(count('f'), 1);
}

/* add %eax,(%rdi) on a device reads once and writes once though it suspends twice. */
static void mmio_rmw(void **state)
{
	m.suspend_mmio = true;
	machine_poke(&m, MMIO_BASE, 5, 4);
	m.c.gpr[EMUL_RAX] = 7;
	m.c.gpr[EMUL_RDI] = MMIO_BASE;
	assert_int_equal(RUN(&m, 0x01, 0x07), EMUL_NEED_IO);
	assert_int_equal(emul_run(&m.c), EMUL_NEED_IO);
	/* What the device now says must not matter. */
	machine_poke(&m, MMIO_BASE, 1000, 4);
	assert_int_equal(emul_run(&m.c), EMUL_DONE);
	assert_int_equal(machine_peek(&m, MMIO_BASE, 4), 12);
	assert_int_equal(count('r'), 1);
	assert_int_equal(count('w'), 1);
	assert_int_equal(m.suspensions, 2);
}

/* Memory that was read before a suspension is not read again, even if it has changed. */
static void read_once(void **state)
{
	m.suspend_mmio = true;
	machine_poke(&m, 0x3000, 0x1111, 8);
	m.c.gpr[EMUL_RSI] = 0x3000;
	m.c.gpr[EMUL_RDI] = MMIO_BASE + 8;
	assert_int_equal(RUN(&m, 0x48, 0xa5), EMUL_NEED_IO);
	machine_poke(&m, 0x3000, 0x2222, 8);
	assert_int_equal(emul_run(&m.c), EMUL_DONE);
	assert_int_equal(machine_peek(&m, MMIO_BASE + 8, 8), 0x1111);
	assert_int_equal(count('r'), 1);
	assert_int_equal(m.c.gpr[EMUL_RSI], 0x3008);
	assert_int_equal(m.c.gpr[EMUL_RDI], MMIO_BASE + 16);
}

/* The instruction is fetched once: code that changes during a suspension changes nothing. */
static void fetch_once(void **state)
{
	m.suspend_mmio = true;
	m.c.gpr[EMUL_RAX] = 1;
	m.c.gpr[EMUL_RDI] = MMIO_BASE;
	assert_int_equal(RUN(&m, 0x89, 0x07), EMUL_NEED_IO);
	memset(m.mem + CODE, 0x90, 16);
	assert_int_equal(emul_run(&m.c), EMUL_DONE);
	assert_int_equal(machine_peek(&m, MMIO_BASE, 4), 1);
	assert_int_equal(count('f'), 1);
}

/* A suspended instruction that is given up leaves no trace in the next. */
static void abandoned(void **state)
{
	m.suspend_mmio = true;
	m.c.gpr[EMUL_RDI] = MMIO_BASE;
	assert_int_equal(RUN(&m, 0x8b, 0x07), EMUL_NEED_IO);
	m.pending = false;
	m.c.gpr[EMUL_RDI] = 0x3000;
	machine_poke(&m, 0x3000, 77, 4);
	assert_int_equal(RUN(&m, 0x8b, 0x07), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 77);
}

static void ports(void **state)
{
	m.port_value = 0xa1b2c3d4;
	m.c.gpr[EMUL_RAX] = ~0ULL;
	m.c.gpr[EMUL_RDX] = 0x3f8;
	assert_int_equal(RUN(&m, 0xec), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0xffffffffffffffd4);
	assert_int_equal(m.log[m.nr_log - 1].addr, 0x3f8);
	/* inl zero-extends */
	m.port_value = 0xa1b2c3d4;
	assert_int_equal(RUN(&m, 0xe5, 0x70), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0xa1b2c3d4);
	assert_int_equal(m.log[m.nr_log - 1].addr, 0x70);
	assert_int_equal(m.log[m.nr_log - 1].len, 4);
	/* outw */
	m.c.gpr[EMUL_RAX] = 0x12345678;
	assert_int_equal(RUN(&m, 0x66, 0xef), EMUL_DONE);
	assert_int_equal(m.port_value, 0x5678);
}

static void port_suspends(void **state)
{
	m.suspend_ports = true;
	m.port_value = 0x42;
	assert_int_equal(RUN(&m, 0xe4, 0x60), EMUL_NEED_IO);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0);
	assert_int_equal(emul_run(&m.c), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0x42);
	assert_int_equal(count('i'), 1);
}

/* IOPL, then the bitmap: two bytes of it, inside the TSS, all bits of the access 0. */
static void io_bitmap(void **state)
{
	m.c.cpl = 3;
	machine_poke(&m, TSS + 102, 0x68, 2); /* beyond the limit: no bitmap */
	assert_int_equal(RUN(&m, 0xec), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
	assert_true(m.c.fault.has_error);
	m.c.rflags |= FL_IOPL;
	assert_int_equal(RUN(&m, 0xec), EMUL_DONE);
	m.c.rflags &= ~FL_IOPL;

	/* A bitmap with ports 0-0x3f7 open, and 0x3fa. */
	m.c.rip = CODE;
	m.seg[EMUL_TR].limit = 0x68 + 0x80;
	machine_poke(&m, TSS + 102, 0x68, 2);
	memset(m.mem + TSS + 0x68, 0xff, 0x90);
	memset(m.mem + TSS + 0x68, 0, 0x3f8 / 8);
	m.mem[TSS + 0x68 + 0x3f8 / 8] = 0xfb;
	m.c.gpr[EMUL_RDX] = 0x3f7;
	assert_int_equal(RUN(&m, 0xec), EMUL_DONE);
	m.c.rip = CODE;
	assert_int_equal(RUN(&m, 0x66, 0xed), EMUL_FAULT); /* reaches 0x3f8 */
	m.c.gpr[EMUL_RDX] = 0x3fa;
	assert_int_equal(RUN(&m, 0xec), EMUL_DONE);
	m.c.rip = CODE;
	m.c.gpr[EMUL_RDX] = 0x3fb;
	assert_int_equal(RUN(&m, 0xec), EMUL_FAULT);
	/* The last byte needs one more behind it. */
	m.seg[EMUL_TR].limit = 0x68 + 0x7f;
	m.c.gpr[EMUL_RDX] = 0x3fa;
	assert_int_equal(RUN(&m, 0xec), EMUL_FAULT);
	/* Virtual-8086 mode looks at the bitmap even with IOPL 3. */
	machine_init(&m, EMUL_MODE_VM86);
	machine_poke(&m, TSS + 102, 0x68, 2);
	m.c.rflags |= FL_IOPL;
	assert_int_equal(RUN(&m, 0xec), EMUL_FAULT);
}

static void page_fault(void **state)
{
	m.c.cpl = 3;
	m.c.gpr[EMUL_RDI] = NOT_PRESENT - 2;
	assert_int_equal(RUN(&m, 0x89, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_PF);
	assert_int_equal(m.c.fault.error, 6);
	assert_int_equal(m.c.fault.addr, NOT_PRESENT);
	assert_int_equal(m.c.rip, CODE);
	/* A read-modify-write of a read-only page fails at its read, as a write. */
	m.c.gpr[EMUL_RDI] = READ_ONLY;
	assert_int_equal(RUN(&m, 0x01, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.error, 7);
	assert_int_equal(count('r') + count('w'), 0);
	/* CMP does not write. */
	assert_int_equal(RUN(&m, 0x39, 0x07), EMUL_DONE);
}

/* LOCK: one compare-and-exchange; a lost race is tried again with the value now there. */
static void locked(void **state)
{
	machine_poke(&m, 0x3000, 100, 4);
	m.c.gpr[EMUL_RDI] = 0x3000;
	m.c.gpr[EMUL_RAX] = 1;
	m.retries = 3;
	assert_int_equal(RUN(&m, 0xf0, 0x01, 0x07), EMUL_DONE);
	assert_int_equal(machine_peek(&m, 0x3000, 4), 101);
	assert_int_equal(count('x'), 1);
	assert_int_equal(count('r'), 4);
	assert_true(m.log[1].acc & EMUL_A_LOCKED);
	/* XCHG with memory needs no LOCK. */
	assert_int_equal(RUN(&m, 0x87, 0x07), EMUL_DONE);
	assert_int_equal(count('x'), 1);
	assert_int_equal(m.c.gpr[EMUL_RAX], 101);
	/* Never winning ends in EMUL_RETRY, nothing changed. */
	m.retries = 1000000;
	m.c.rflags = FL_FIXED;
	assert_int_equal(RUN(&m, 0xf0, 0x29, 0x07), EMUL_RETRY);
	assert_int_equal(m.c.rflags, FL_FIXED);
	assert_int_equal(machine_peek(&m, 0x3000, 4), 1);
}

static void cmpxchg16b(void **state)
{
	machine_poke(&m, 0x3000, 0x1111, 8);
	machine_poke(&m, 0x3008, 0x2222, 8);
	m.c.gpr[EMUL_RDI] = 0x3000;
	m.c.gpr[EMUL_RAX] = 0x1111;
	m.c.gpr[EMUL_RDX] = 0x2222;
	m.c.gpr[EMUL_RBX] = 0x3333;
	m.c.gpr[EMUL_RCX] = 0x4444;
	assert_int_equal(RUN(&m, 0xf0, 0x48, 0x0f, 0xc7, 0x0f), EMUL_DONE);
	assert_int_equal(machine_peek(&m, 0x3000, 8), 0x3333);
	assert_int_equal(machine_peek(&m, 0x3008, 8), 0x4444);
	assert_true(m.c.rflags & FL_ZF);
	assert_int_equal(m.log[m.nr_log - 1].len, 16);
	assert_int_equal(RUN(&m, 0xf0, 0x48, 0x0f, 0xc7, 0x0f), EMUL_DONE);
	assert_false(m.c.rflags & FL_ZF);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0x3333);
	/* Unequal, it is written all the same, with what was there: a device sees it. */
	assert_int_equal(count('x'), 1);
	assert_int_equal(machine_peek(&m, 0x3000, 8), 0x3333);
	m.c.gpr[EMUL_RAX] = 1;
	assert_int_equal(RUN(&m, 0x0f, 0xb1, 0x0f), EMUL_DONE);
	assert_int_equal(count('x'), 1);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0x3333);
	m.c.gpr[EMUL_RDI] = 0x3008;
	assert_int_equal(RUN(&m, 0xf0, 0x48, 0x0f, 0xc7, 0x0f), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
}

/* The short cut for device moves: no memory op at all. */
static void mov_parse(void **state)
{
	struct emul_mov mov;

	m.c.gpr[EMUL_RAX] = 0x1122334455667788;
	machine_code(&m, (u8[]){ 0x66, 0x89, 0x47, 0x08 }, 4);
	emul_begin(&m.c);
	assert_int_equal(emul_decode(&m.c), EMUL_DONE);
	assert_true(emul_mov_parse(&m.c, &mov));
	assert_true(mov.write);
	assert_int_equal(mov.len, 2);
	assert_int_equal(mov.val, 0x7788);
	emul_mov_finish(&m.c, &mov, 0);
	assert_int_equal(m.c.rip, CODE + 4);

	/* movsbl (%rdi),%eax */
	machine_code(&m, (u8[]){ 0x0f, 0xbe, 0x07 }, 3);
	emul_begin(&m.c);
	assert_int_equal(emul_decode(&m.c), EMUL_DONE);
	assert_true(emul_mov_parse(&m.c, &mov));
	assert_false(mov.write);
	assert_int_equal(mov.len, 1);
	emul_mov_finish(&m.c, &mov, 0xf0);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0xfffffff0);

	/* add (%rdi),%eax is not one; nor is a register move. */
	machine_code(&m, (u8[]){ 0x03, 0x07 }, 2);
	emul_begin(&m.c);
	assert_int_equal(emul_decode(&m.c), EMUL_DONE);
	assert_false(emul_mov_parse(&m.c, &mov));
	machine_code(&m, (u8[]){ 0x89, 0xc7 }, 2);
	emul_begin(&m.c);
	assert_int_equal(emul_decode(&m.c), EMUL_DONE);
	assert_false(emul_mov_parse(&m.c, &mov));
}

/* Single step, data and code breakpoints, and what holds the trap back. */
static void debug_traps(void **state)
{
	m.c.rflags |= FL_TF;
	assert_int_equal(RUN(&m, 0x90), EMUL_DONE);
	assert_int_equal(m.c.trap, BIT(14));
	/* mov %eax,%ss: not on this boundary */
	m.c.gpr[EMUL_RAX] = 0x10;
	assert_int_equal(RUN(&m, 0x8e, 0xd0), EMUL_DONE);
	assert_int_equal(m.c.trap, 0);
	assert_int_equal(m.c.int_shadow, EMUL_SHADOW_MOV_SS);
	assert_int_equal(RUN(&m, 0x90), EMUL_DONE);
	assert_int_equal(m.c.trap, BIT(14));
	assert_int_equal(m.c.int_shadow, 0);

	/* DR0: 4-byte write at 0x3004; DR1: execution at CODE + 0x40 */
	machine_init(&m, EMUL_MODE_LONG);
	m.dr[0] = 0x3004;
	m.dr[1] = CODE + 0x40;
	m.c.dr7 = 0x000d000a | 0x1;
	m.c.gpr[EMUL_RDI] = 0x3007;
	assert_int_equal(RUN(&m, 0x88, 0x07), EMUL_DONE);
	assert_int_equal(m.c.trap, 1);
	assert_int_equal(RUN(&m, 0x8a, 0x07), EMUL_DONE);
	assert_int_equal(m.c.trap, 0);
	m.c.gpr[EMUL_RDI] = 0x3008;
	assert_int_equal(RUN(&m, 0x88, 0x07), EMUL_DONE);
	assert_int_equal(m.c.trap, 0);
	m.c.rip = CODE + 0x40;
	assert_int_equal(RUN(&m, 0x90), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_DB);
	assert_int_equal(m.c.fault.addr, 2);
	m.c.rflags |= FL_RF;
	assert_int_equal(RUN(&m, 0x90), EMUL_DONE);
	assert_false(m.c.rflags & FL_RF);
}

/* What cannot be done says what it was, and changes nothing. */
static void unhandled(void **state)
{
	char text[64];

	assert_int_equal(RUN(&m, 0x0f, 0x58, 0x07), EMUL_UNHANDLED);
	assert_int_equal(m.c.insn.len, 3);
	assert_memory_equal(m.c.insn.bytes, "\x0f\x58\x07", 3);
	emul_print(&m.c, text, sizeof(text));
	assert_string_equal(text, "addps (%rdi),%xmm0");
	assert_int_equal(m.c.rip, CODE);
}

static void alignment_check(void **state)
{
	m.c.cpl = 3;
	m.cr[0] |= CR0_AM;
	m.c.gpr[EMUL_RDI] = 0x3001;
	assert_int_equal(RUN(&m, 0x8b, 0x07), EMUL_DONE);
	m.c.rip = CODE;
	m.c.rflags |= FL_AC;
	assert_int_equal(RUN(&m, 0x8b, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_AC);
	assert_int_equal(RUN(&m, 0x8a, 0x07), EMUL_DONE);
	m.c.cpl = 0;
	assert_int_equal(RUN(&m, 0x8b, 0x07), EMUL_DONE);
}

/* CALL with two faults: AMD's processors find that of the stack first, Intel's that of the target. */
static void call_order(void **state)
{
	unsigned int intel;

	m.c.cpl = 3;
	m.cr[0] |= CR0_AM;
	m.c.rflags |= FL_AC;
	m.c.gpr[EMUL_RAX] = BIT_ULL(47);
	m.c.gpr[EMUL_RSP] = STACK - 3;
	for (intel = 0; intel < 2; intel++) {
		m.c.features &= ~BIT_ULL(EMUL_F_INTEL);
		if (intel)
			m.c.features |= BIT_ULL(EMUL_F_INTEL);
		assert_int_equal(RUN(&m, 0xff, 0xd0), EMUL_FAULT);
		assert_int_equal(m.c.fault.vector, intel ? EMUL_GP : EMUL_AC);
	}
}

/* Not aligned and not canonical, in the stack segment: which is found first. */
static void alignment_first(void **state)
{
	m.c.gpr[EMUL_RBP] = BIT_ULL(47) + 8;
	assert_int_equal(RUN(&m, 0x48, 0x0f, 0xc7, 0x4d, 0x00), EMUL_FAULT); /* cmpxchg16b (%rbp) */
	assert_int_equal(m.c.fault.vector, EMUL_GP);
	assert_int_equal(RUN(&m, 0x0f, 0xae, 0x45, 0x00), EMUL_FAULT); /* fxsave (%rbp) */
	assert_int_equal(m.c.fault.vector, EMUL_SSF);
	/* The end alone */
	m.c.gpr[EMUL_RBP] = BIT_ULL(47) - 8;
	assert_int_equal(RUN(&m, 0x0f, 0xae, 0x45, 0x00), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
	m.c.gpr[EMUL_RBP] = BIT_ULL(47);
	assert_int_equal(RUN(&m, 0x48, 0x0f, 0xc7, 0x4d, 0x00), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_SSF);
}

static void skipped(void **state)
{
	m.c.int_shadow = EMUL_SHADOW_STI;
	machine_code(&m, (u8[]){ 0x0f, 0xa2 }, 2);
	emul_begin(&m.c);
	assert_int_equal(emul_skip(&m.c), EMUL_DONE);
	assert_int_equal(m.c.rip, CODE + 2);
	assert_int_equal(m.c.int_shadow, 0);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(mmio_write, setup),
		cmocka_unit_test_setup(mmio_rmw, setup),
		cmocka_unit_test_setup(read_once, setup),
		cmocka_unit_test_setup(fetch_once, setup),
		cmocka_unit_test_setup(abandoned, setup),
		cmocka_unit_test_setup(ports, setup),
		cmocka_unit_test_setup(port_suspends, setup),
		cmocka_unit_test_setup(io_bitmap, setup),
		cmocka_unit_test_setup(page_fault, setup),
		cmocka_unit_test_setup(locked, setup),
		cmocka_unit_test_setup(cmpxchg16b, setup),
		cmocka_unit_test_setup(mov_parse, setup),
		cmocka_unit_test_setup(debug_traps, setup),
		cmocka_unit_test_setup(unhandled, setup),
		cmocka_unit_test_setup(alignment_check, setup),
		cmocka_unit_test_setup(call_order, setup),
		cmocka_unit_test_setup(alignment_first, setup),
		cmocka_unit_test_setup(skipped, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
