// SPDX-License-Identifier: GPL-2.0-only
/*
 * What decoding costs, in instructions of the host: counted one by one with the trap flag, so that the number is the same
 * on every machine.  Compiled as the kernel is, without sanitizers.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <ucontext.h>
#include <cmocka.h>

#include "emulate_machine.h"

#define LIMIT 250 /* decoding a MOV between memory and a register */
#define LIMIT_MORE \
	360 /* with an immediate, a second opcode byte or a prefix for the operand size besides */

static struct machine m;
static volatile unsigned long steps;

static void on_trap(int sig, siginfo_t *info, void *ctx)
{
	steps++;
}

static inline void count_on(void)
{
	asm volatile("pushfq; orl $0x100, (%%rsp); popfq" : : : "memory", "cc");
}

static inline void count_off(void)
{
	asm volatile("pushfq; andl $~0x100, (%%rsp); popfq" : : : "memory", "cc");
}

static noinline enum emul_result decode(const u8 *code, unsigned int len)
{
	emul_begin(&m.c);
	emul_preset_bytes(&m.c, code, len);
	return emul_decode(&m.c);
}

static noinline enum emul_result again(const u8 *code, unsigned int len)
{
	return emul_begin_again(&m.c, code, len) ? emul_decode(&m.c) : EMUL_UNHANDLED;
}

static unsigned long cost(enum emul_result (*fn)(const u8 *, unsigned int), const u8 *code)
{
	enum emul_result res;
	unsigned long empty;

	steps = 0;
	count_on();
	count_off();
	empty = steps;
	steps = 0;
	count_on();
	res = fn(code, 15);
	count_off();
	assert_int_equal(res, EMUL_DONE);
	return steps - empty;
}

static void mov(void **state)
{
	static const struct {
		u8 mode;
		u8 more;
		u8 code[15];
	} t[] = {
		{ EMUL_MODE_LONG, 0, { 0x89, 0x07 } },
		{ EMUL_MODE_LONG, 0, { 0x8b, 0x47, 0x40 } },
		{ EMUL_MODE_LONG, 0, { 0x89, 0x87, 0x80, 0, 0, 0 } },
		{ EMUL_MODE_LONG, 0, { 0x48, 0x8b, 0x44, 0xb7, 0x10 } },
		{ EMUL_MODE_LONG, 1, { 0x66, 0x41, 0x89, 0x94, 0x24, 0x80, 0, 0, 0 } },
		{ EMUL_MODE_LONG, 1, { 0xc7, 0x87, 0x80, 0, 0, 0, 1, 2, 3, 4 } },
		{ EMUL_MODE_LONG, 1, { 0x0f, 0xb6, 0x47, 0x08 } },
		{ EMUL_MODE_LONG, 0, { 0x88, 0x05, 0x80, 0, 0, 0 } },
		{ EMUL_MODE_PROT32, 0, { 0x8b, 0x80, 0x80, 0, 0, 0 } },
		{ EMUL_MODE_PROT32, 0, { 0xa3, 0x80, 0, 0, 0 } },
		{ EMUL_MODE_REAL, 0, { 0x89, 0x46, 0x08 } },
	};
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	unsigned long n, n_again, most[2] = {};
	unsigned int i;
	char text[96];

	sigaction(SIGTRAP, &sa, NULL);
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		machine_init(&m, t[i].mode);
		n = cost(decode, t[i].code);
		n_again = cost(again, t[i].code);
		emul_print(&m.c, text, sizeof(text));
		printf("# %-28s %lu instructions, the same again %lu\n", text, n, n_again);
		if (n > most[t[i].more])
			most[t[i].more] = n;
		assert_true(n > 30); /* or nothing was counted */
		assert_true(n_again < n);
	}
	printf("counts: decoding a MOV takes at most %lu instructions, with an immediate or a prefix %lu\n",
	       most[0], most[1]);
	assert_true(most[0] < LIMIT);
	assert_true(most[1] < LIMIT_MORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mov),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
