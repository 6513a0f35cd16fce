// SPDX-License-Identifier: GPL-2.0-only
/* String instructions: batches, direction, progress at faults and suspensions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "emulate_machine.h"

static struct machine m;

static int setup(void **state)
{
	unsigned int i;

	machine_init(&m, EMUL_MODE_LONG);
	for (i = 0; i < 0x4000; i++)
		m.mem[0x10000 + i] = i * 7 + (i >> 8);
	m.c.gpr[EMUL_RSI] = 0x10000;
	m.c.gpr[EMUL_RDI] = 0x20000;
	return 0;
}

/* Run to the end, however many batches it takes. */
static enum emul_result all(const void *code, unsigned int len, unsigned int *batches)
{
	enum emul_result res;

	machine_code(&m, code, len);
	*batches = 0;
	do {
		res = machine_step(&m);
		++*batches;
		if (res == EMUL_MORE)
			assert_int_equal(m.c.rip, CODE);
	} while (res == EMUL_MORE);
	return res;
}

#define ALL(batches, ...)                                  \
	({                                                 \
		static const u8 _code[] = { __VA_ARGS__ }; \
		all(_code, sizeof(_code), batches);        \
	})

static void copy(bool bulk)
{
	unsigned int batches;

	m.no_bulk = !bulk;
	m.c.gpr[EMUL_RCX] = 10000;
	assert_int_equal(ALL(&batches, 0xf3, 0xa4), EMUL_DONE);
	assert_memory_equal(m.mem + 0x10000, m.mem + 0x20000, 10000);
	assert_int_equal(m.mem[0x20000 + 10000], 0);
	assert_int_equal(m.c.gpr[EMUL_RCX], 0);
	assert_int_equal(m.c.gpr[EMUL_RSI], 0x10000 + 10000);
	assert_int_equal(m.c.gpr[EMUL_RDI], 0x20000 + 10000);
	assert_int_equal(m.c.rip, CODE + 2);
	/* Interruptible: no batch moves more than a page. */
	assert_true(batches >= 3);
	if (bulk)
		assert_true(batches <= 4);
}

static void movs_bulk(void **state)
{
	copy(true);
}

static void movs_single(void **state)
{
	copy(false);
}

/* Destination one element after the source: the pattern spreads. */
static void movs_overlap(void **state)
{
	unsigned int batches, i;

	m.c.gpr[EMUL_RDI] = 0x10003;
	m.c.gpr[EMUL_RCX] = 3000;
	assert_int_equal(ALL(&batches, 0xf3, 0xa4), EMUL_DONE);
	for (i = 3; i < 3003; i++)
		assert_int_equal(m.mem[0x10000 + i], m.mem[0x10000 + i % 3]);
}

static void movs_down(void **state)
{
	unsigned int batches;

	m.c.rflags |= FL_DF;
	m.c.gpr[EMUL_RSI] = 0x10000 + 8 * 99;
	m.c.gpr[EMUL_RDI] = 0x20000 + 8 * 99;
	m.c.gpr[EMUL_RCX] = 100;
	assert_int_equal(ALL(&batches, 0xf3, 0x48, 0xa5), EMUL_DONE);
	assert_memory_equal(m.mem + 0x10000, m.mem + 0x20000, 800);
	assert_int_equal(m.c.gpr[EMUL_RSI], 0x10000 - 8);
}

/* The part before the hole is done and counted. */
static void movs_fault(void **state)
{
	unsigned int batches;

	m.c.gpr[EMUL_RDI] = NOT_PRESENT - 40;
	m.c.gpr[EMUL_RCX] = 100;
	assert_int_equal(ALL(&batches, 0xf3, 0xa5), EMUL_FAULT);
	assert_int_equal(m.c.fault.addr, NOT_PRESENT);
	assert_int_equal(m.c.gpr[EMUL_RCX], 90);
	assert_int_equal(m.c.gpr[EMUL_RDI], NOT_PRESENT);
	assert_int_equal(m.c.gpr[EMUL_RSI], 0x10000 + 40);
	assert_int_equal(m.c.rip, CODE);
	assert_memory_equal(m.mem + 0x10000, m.mem + NOT_PRESENT - 40, 40);
}

/* To a device that suspends at each element: each is written once. */
static void movs_to_device(void **state)
{
	unsigned int batches, i, writes = 0;

	m.suspend_mmio = true;
	m.c.gpr[EMUL_RDI] = MMIO_BASE;
	m.c.gpr[EMUL_RCX] = 20;
	assert_int_equal(ALL(&batches, 0xf3, 0x66, 0xa5), EMUL_DONE);
	assert_memory_equal(m.mem + 0x10000, m.mmio, 40);
	for (i = 0; i < m.nr_log; i++)
		writes += m.log[i].kind == 'w';
	assert_int_equal(writes, 20);
	assert_int_equal(m.suspensions, 20);
}

static void rep_zero(void **state)
{
	unsigned int batches;

	m.c.gpr[EMUL_RCX] = 0xffffffff00000000;
	assert_int_equal(ALL(&batches, 0x67, 0xf3, 0xa4), EMUL_DONE);
	assert_int_equal(m.mem[0x20000], 0);
	assert_int_equal(m.c.gpr[EMUL_RSI], 0x10000);
}

static void stos(void **state)
{
	unsigned int batches, i;

	m.c.gpr[EMUL_RAX] = 0x1122334455667788;
	m.c.gpr[EMUL_RCX] = 1000;
	m.c.gpr[EMUL_RDI] = 0x20ffc;
	assert_int_equal(ALL(&batches, 0xf3, 0xab), EMUL_DONE);
	for (i = 0; i < 1000; i++)
		assert_int_equal(machine_peek(&m, 0x20ffc + i * 4, 4), 0x55667788);
	assert_int_equal(machine_peek(&m, 0x20ffc + 4000, 4), 0);
	assert_int_equal(machine_peek(&m, 0x20ff8, 4), 0);
}

static void compare_and_scan(void **state)
{
	unsigned int batches;

	memcpy(m.mem + 0x20000, m.mem + 0x10000, 500);
	m.mem[0x20000 + 321] ^= 1;
	m.c.gpr[EMUL_RCX] = 500;
	assert_int_equal(ALL(&batches, 0xf3, 0xa6), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RCX], 500 - 322);
	assert_false(m.c.rflags & FL_ZF);

	m.c.rip = CODE;
	memset(m.mem + 0x20000, 'x', 600);
	m.mem[0x20000 + 555] = 0;
	m.c.gpr[EMUL_RAX] = 0;
	m.c.gpr[EMUL_RCX] = ~0ULL;
	m.c.gpr[EMUL_RDI] = 0x20000;
	assert_int_equal(ALL(&batches, 0xf2, 0xae), EMUL_DONE);
	assert_int_equal(~m.c.gpr[EMUL_RCX], 556);
	assert_true(m.c.rflags & FL_ZF);
}

/* The port is read in batches, and not before the destination is known to take the data. */
static void ins(void **state)
{
	unsigned int batches, i, reads = 0;

	m.c.gpr[EMUL_RCX] = 600;
	m.c.gpr[EMUL_RDX] = 0x1f0;
	machine_code(&m, (u8[]){ 0xf3, 0x66, 0x6d }, 3);
	assert_int_equal(machine_run(&m), EMUL_DONE);
	for (i = 0; i < 600; i++)
		assert_int_equal(machine_peek(&m, 0x20000 + i * 2, 2), i);
	for (i = 0; i < m.nr_log; i++)
		reads += m.log[i].kind == 'i';
	assert_int_equal(reads, 3);

	m.c.rip = CODE;
	m.c.gpr[EMUL_RCX] = 4;
	m.c.gpr[EMUL_RDI] = NOT_PRESENT - 2;
	m.port_value = 0;
	assert_int_equal(ALL(&batches, 0xf3, 0x66, 0x6d), EMUL_FAULT);
	assert_int_equal(m.c.gpr[EMUL_RCX], 3);
	assert_int_equal(m.port_value, 1);
}

static void ins_suspends(void **state)
{
	unsigned int i;

	m.suspend_ports = true;
	m.c.gpr[EMUL_RCX] = 100;
	assert_int_equal(STEP(&m, 0xf3, 0x6c), EMUL_DONE);
	assert_int_equal(m.suspensions, 1);
	for (i = 0; i < 100; i++)
		assert_int_equal(m.mem[0x20000 + i], i);
}

static void outs(void **state)
{
	unsigned int i, writes = 0;

	m.suspend_ports = true;
	m.c.gpr[EMUL_RCX] = 256;
	m.c.gpr[EMUL_RDX] = 0x1f0;
	assert_int_equal(STEP(&m, 0xf3, 0x6f), EMUL_DONE);
	for (i = 0; i < m.nr_log; i++)
		writes += m.log[i].kind == 'o';
	assert_int_equal(writes, 2);
	assert_int_equal(m.c.gpr[EMUL_RSI], 0x10000 + 1024);
	assert_int_equal(m.port_value, machine_peek(&m, 0x10000 + 1020, 4));
}

/* A VMM that lowers the count while it is asked means what it says: no more than so many. */
static void count_lowered(void **state)
{
	unsigned int i;

	m.suspend_ports = true;
	m.c.gpr[EMUL_RCX] = 100;
	m.c.gpr[EMUL_RDX] = 0x1f0;
	assert_int_equal(RUN(&m, 0xf3, 0x66, 0x6d), EMUL_NEED_IO);
	m.c.gpr[EMUL_RCX] = 3;
	assert_int_equal(emul_run(&m.c), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RCX], 0);
	assert_int_equal(m.c.gpr[EMUL_RDI], 0x20000 + 3 * 2);
	for (i = 0; i < 3; i++)
		assert_int_equal(machine_peek(&m, 0x20000 + i * 2, 2), i);
	assert_int_equal(machine_peek(&m, 0x20000 + 3 * 2, 8), 0);

	m.c.rip = CODE;
	m.c.gpr[EMUL_RCX] = 100;
	assert_int_equal(RUN(&m, 0xf3, 0x66, 0x6f), EMUL_NEED_IO);
	m.c.gpr[EMUL_RCX] = 3;
	assert_int_equal(emul_run(&m.c), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RCX], 0);
	assert_int_equal(m.c.gpr[EMUL_RSI], 0x10000 + 3 * 2);
}

/* Single-stepping stops after each repetition. */
static void single_step(void **state)
{
	m.c.rflags |= FL_TF;
	m.c.gpr[EMUL_RCX] = 2;
	assert_int_equal(RUN(&m, 0xf3, 0xa4), EMUL_MORE);
	assert_int_equal(m.c.trap, BIT(14));
	assert_int_equal(m.c.gpr[EMUL_RCX], 1);
	assert_int_equal(RUN(&m, 0xf3, 0xa4), EMUL_DONE);
	assert_int_equal(m.c.trap, BIT(14));
}

/* 16-bit addresses wrap in their registers; the segment override is the source's alone. */
static void sixteen_bits(void **state)
{
	unsigned int batches;

	machine_init(&m, EMUL_MODE_REAL);
	m.seg[EMUL_DS].base = 0x10000;
	m.seg[EMUL_ES].base = 0x20000;
	m.seg[EMUL_FS].base = 0x30000;
	memset(m.mem + 0x30000, 0x5a, 0x10000);
	m.c.gpr[EMUL_RSI] = 0xabcd0000 | 0xfffe;
	m.c.gpr[EMUL_RDI] = 0;
	m.c.gpr[EMUL_RCX] = 0x10004;
	assert_int_equal(ALL(&batches, 0xf3, 0x64, 0xa4), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RSI], 0xabcd0002);
	assert_int_equal(m.c.gpr[EMUL_RCX], 0x10000);
	assert_int_equal(machine_peek(&m, 0x20000, 8), 0x5a5a5a5a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(movs_bulk, setup),
		cmocka_unit_test_setup(movs_single, setup),
		cmocka_unit_test_setup(movs_overlap, setup),
		cmocka_unit_test_setup(movs_down, setup),
		cmocka_unit_test_setup(movs_fault, setup),
		cmocka_unit_test_setup(movs_to_device, setup),
		cmocka_unit_test_setup(rep_zero, setup),
		cmocka_unit_test_setup(stos, setup),
		cmocka_unit_test_setup(compare_and_scan, setup),
		cmocka_unit_test_setup(ins, setup),
		cmocka_unit_test_setup(ins_suspends, setup),
		cmocka_unit_test_setup(outs, setup),
		cmocka_unit_test_setup(count_lowered, setup),
		cmocka_unit_test_setup(single_step, setup),
		cmocka_unit_test_setup(sixteen_bits, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
