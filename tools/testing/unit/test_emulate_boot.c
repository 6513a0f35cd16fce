// SPDX-License-Identifier: GPL-2.0-only
/*
 * A firmware that goes through all modes (boot_rom.S), run in the emulator alone: what it prints is what a processor
 * prints.  See there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "emulate_pc.h"

static char output[65536], expected[65536];
static size_t len;

static void out(struct pc *pc, u16 port, unsigned int size, u32 val)
{
	if (port == 0xe9 && len < sizeof(output) - 1)
		output[len++] = val;
	if (port == 0xf4)
		pc->stop = PC_ENDED;
}

static void load_expected(void)
{
	FILE *f = fopen(BOOT_EXPECTED, "r");

	assert_non_null(f);
	assert_true(fread(expected, 1, sizeof(expected) - 1, f) > 1000);
	fclose(f);
}

/* Line by line, so that the first difference is seen. */
static void compare(void)
{
	char *a = output, *b = expected, *ea, *eb;
	unsigned int line = 1;

	for (; *a && *b; a = ea + 1, b = eb + 1, line++) {
		ea = strchr(a, '\n');
		eb = strchr(b, '\n');
		assert_non_null(ea);
		assert_non_null(eb);
		*ea = 0;
		*eb = 0;
		if (strcmp(a, b))
			printf("# line %u: \"%s\", expected \"%s\"\n", line, a, b);
		assert_string_equal(a, b);
	}
	assert_int_equal(*a, *b);
}

static void all_modes(void **state)
{
	static struct pc pc;
	enum pc_stop stop;
	char text[96];

	load_expected();
	assert_int_equal(pc_init(&pc, 16 << 20, BOOT_ROM), 0);
	pc.out = out;
	stop = pc_run(&pc, 2000000);
	if (stop != PC_ENDED) {
		emul_print(&pc.c, text, sizeof(text));
		printf("# stop %d after %llu instructions at %#llx, mode %u: %s\n%s\n", stop,
		       (unsigned long long)pc.insns, (unsigned long long)pc.c.rip, pc.c.mode, text,
		       output);
	}
	compare();
	assert_int_equal(stop, PC_ENDED);
	printf("# %llu instructions: real %llu, vm86 %llu, 16-bit %llu, 32-bit %llu, 64-bit %llu; %llu events\n",
	       (unsigned long long)pc.insns, (unsigned long long)pc.modes[0],
	       (unsigned long long)pc.modes[1], (unsigned long long)pc.modes[2],
	       (unsigned long long)pc.modes[3], (unsigned long long)pc.modes[4],
	       (unsigned long long)pc.events);
	pc_free(&pc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
