// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much stack the emulator takes: measured in the ops, where it is deepest, over random instructions in all modes and
 * the heaviest ones by name.  Built without sanitizers, which have stacks of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "emulate_machine.h"
#include "../fuzz/rng.h"

#define LIMIT 512

static struct machine m;
static unsigned int deepest;
static char deepest_name[64];

static noinline void measure(enum emul_result (*run)(struct machine *m))
{
	u8 *top = __builtin_frame_address(0);

	m.lowest_frame = NULL;
	run(&m);
	if (m.lowest_frame && top - m.lowest_frame > deepest) {
		deepest = top - m.lowest_frame;
		emul_print(&m.c, deepest_name, sizeof(deepest_name));
	}
}

static void random_instructions(void **state)
{
	struct rng r;
	unsigned int i, k;

	rng_seed(&r, 1);
	for (i = 0; i < 200000; i++) {
		u8 code[16];

		if (i % 1000 == 0)
			machine_init(&m, (i / 1000) % 5);
		for (k = 0; k < 16; k++)
			code[k] = rng(&r);
		if (rng_below(&r, 2))
			code[0] = 0x0f;
		m.c.rip = CODE;
		m.c.rflags &= ~(FL_TF | FL_NT);
		for (k = 0; k < 16; k++)
			m.c.gpr[k] = rng(&r) & 0xfffff;
		machine_code(&m, code, 16);
		measure(machine_run);
	}
	printf("# deepest: %u bytes, %s\n", deepest, deepest_name);
	assert_true(deepest < LIMIT);
}

static enum emul_result by_gate(struct machine *m)
{
	emul_begin(&m->c);
	return emul_task_switch(&m->c, 0x50, EMUL_TASK_GATE, true, 1);
}

/* An interrupt in user mode, through a gate to ring 0. */
static enum emul_result interrupt(struct machine *m)
{
	emul_begin(&m->c);
	return emul_deliver_event(&m->c, &(struct emul_event){ .vector = 0x40,
							       .kind = EMUL_EV_EXT_INT,
							       .return_rip = CODE });
}

static void heavy(void **state)
{
	unsigned int i;

	machine_init(&m, EMUL_MODE_PROT32);
	machine_put_desc(&m, 0x50, machine_desc(0x5400, 0x67, 0x89));
	machine_poke(&m, 0x5420, 0x2000, 4);
	machine_poke(&m, 0x5438, STACK, 4);
	for (i = 0; i < 4; i++)
		machine_poke(&m, 0x5448 + i * 4, i == 1 ? 8 : 0x10, 4);
	machine_code(&m, (u8[]){ 0xea, 0, 0, 0, 0, 0x50, 0 }, 7);
	measure(machine_run);
	machine_init(&m, EMUL_MODE_PROT32);
	machine_put_desc(&m, 0x50, machine_desc(0x5400, 0x67, 0x89));
	measure(by_gate);
	machine_init(&m, EMUL_MODE_PROT32);
	m.c.cpl = 3;
	machine_poke(&m, IDT + 0x40 * 8, 0x00008e0000082000, 8);
	machine_poke(&m, TSS + 4, 0x9000, 4);
	machine_poke(&m, TSS + 8, 0x10, 4);
	measure(interrupt);
	assert_int_equal(m.c.cpl, 0);
	/* A call through a gate to more privilege. */
	machine_init(&m, EMUL_MODE_PROT32);
	m.c.cpl = 3;
	machine_put_desc(&m, 0x50, 0x0000ec1f00082000);
	machine_poke(&m, TSS + 4, 0x9000, 4);
	machine_poke(&m, TSS + 8, 0x10, 4);
	machine_code(&m, (u8[]){ 0x9a, 0, 0, 0, 0, 0x53, 0 }, 7);
	measure(machine_run);
	printf("# deepest: %u bytes, %s\n", deepest, deepest_name);
	assert_true(deepest < LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_instructions),
		cmocka_unit_test(heavy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
