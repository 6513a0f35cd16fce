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

#define LIMIT 250 /* decoding a MOV to or from memory */

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

static noinline enum emul_result decode(const u8 *code)
{
	return emul_decode(&m.c);
}

/* From the bytes that the processor gave: what an exit pays. */
static noinline enum emul_result whole(const u8 *code)
{
	emul_begin(&m.c);
	emul_preset_bytes(&m.c, code, EMUL_MAX_INSN);
	return emul_decode(&m.c);
}

static noinline enum emul_result again(const u8 *code)
{
	return emul_begin_again(&m.c, code, EMUL_MAX_INSN) ? emul_decode(&m.c) : EMUL_UNHANDLED;
}

static noinline enum emul_result nothing(const u8 *code)
{
	return EMUL_DONE;
}

static unsigned long steps_of(enum emul_result (*fn)(const u8 *), const u8 *code)
{
	enum emul_result res;

	steps = 0;
	count_on();
	res = fn(code);
	count_off();
	assert_int_equal(res, EMUL_DONE);
	return steps;
}

/* Without what calling and counting cost. */
static unsigned long cost(enum emul_result (*fn)(const u8 *), const u8 *code)
{
	return steps_of(fn, code) - steps_of(nothing, code);
}

static unsigned long decode_cost(const u8 *code)
{
	emul_begin(&m.c);
	emul_preset_bytes(&m.c, code, EMUL_MAX_INSN);
	return cost(decode, code);
}

static void name(char *text, size_t size)
{
	int n = emul_print(&m.c, text, size);

	snprintf(text + n, size - n, ", mode %u", m.c.mode);
}

/* Some that are usual, to look at. */
static void usual(void **state)
{
	static const struct {
		u8 mode;
		u8 code[15];
	} t[] = {
		{ EMUL_MODE_LONG, { 0x89, 0x07 } },
		{ EMUL_MODE_LONG, { 0x8b, 0x47, 0x40 } },
		{ EMUL_MODE_LONG, { 0x48, 0x8b, 0x44, 0xb7, 0x10 } },
		{ EMUL_MODE_LONG, { 0x66, 0x41, 0x89, 0x94, 0x24, 0x80, 0, 0, 0 } },
		{ EMUL_MODE_LONG, { 0xc7, 0x87, 0x80, 0, 0, 0, 1, 2, 3, 4 } },
		{ EMUL_MODE_LONG, { 0x0f, 0xb6, 0x47, 0x08 } },
		{ EMUL_MODE_PROT32, { 0xa3, 0x80, 0, 0, 0 } },
		{ EMUL_MODE_REAL, { 0x89, 0x46, 0x08 } },
	};
	unsigned long n, n_whole, n_again;
	unsigned int i;
	char text[96];

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		machine_init(&m, t[i].mode);
		n = decode_cost(t[i].code);
		n_whole = cost(whole, t[i].code);
		n_again = cost(again, t[i].code);
		name(text, sizeof(text));
		printf("# %-36s %lu instructions, with all that goes before %lu, the same again %lu\n",
		       text, n, n_whole, n_again);
		assert_true(n > 30); /* or nothing was counted */
		assert_true(n < n_whole);
		assert_true(n_again < n);
	}
}

static unsigned long most;
static unsigned int forms;
static char most_text[96];

static void measure(const u8 *prefixes, unsigned int n, u8 opcode, u8 modrm)
{
	u8 code[EMUL_MAX_INSN] = {};
	unsigned long now;

	memcpy(code, prefixes, n);
	code[n++] = opcode;
	code[n++] = modrm;
	code[n++] = 0x8d; /* SIB, or displacement */
	now = decode_cost(code);
	forms++;
	if (now > most) {
		most = now;
		name(most_text, sizeof(most_text));
	}
}

/* Every opcode of MOV, and every way to name an address. */
static void measure_all(const u8 *prefixes, unsigned int n)
{
	static const u8 opcodes[] = { 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8e,
				      0xa0, 0xa1, 0xa2, 0xa3, 0xc6, 0xc7 };
	static const u8 modrms[] = { 0x03, 0x04, 0x05, 0x06, 0x43, 0x44, 0x83, 0x84 };
	unsigned int i, o;

	for (i = 0; i < ARRAY_SIZE(modrms); i++) {
		for (o = 0; o < ARRAY_SIZE(opcodes); o++)
			measure(prefixes, n, opcodes[o], modrms[i]);
	}
}

/* Those that turned out to be the dearest of each kind */
static void measure_some(const u8 *prefixes, unsigned int n)
{
	measure(prefixes, n, 0x89, 0x84);
	measure(prefixes, n, 0xa1, 0);
	measure(prefixes, n, 0xc7, 0x04);
	measure(prefixes, n, 0xc7, 0x84);
}

/* Every combination of the prefixes that change a MOV, and of one that does not, with REX in 64-bit mode. */
static void measure_prefixes(u8 rex)
{
	static const u8 group[] = { 0x65, 0xf3, 0x66, 0x67 };
	u8 prefixes[ARRAY_SIZE(group) + 1];
	unsigned int set, i, n;

	for (set = 0; set < BIT(ARRAY_SIZE(group)); set++) {
		/* REX.W makes 66 mean nothing. */
		if ((set & BIT(2)) && (rex & 8))
			continue;
		for (i = 0, n = 0; i < ARRAY_SIZE(group); i++) {
			if (set & BIT(i))
				prefixes[n++] = group[i];
		}
		if (rex)
			prefixes[n++] = rex;
		if (!set || n >= ARRAY_SIZE(group))
			measure_all(prefixes, n);
		else
			measure_some(prefixes, n);
	}
}

static void all(void **state)
{
	unsigned int mode;

	for (mode = EMUL_MODE_REAL; mode <= EMUL_MODE_LONG; mode++) {
		machine_init(&m, mode);
		measure_prefixes(0);
		if (mode == EMUL_MODE_LONG) {
			measure_prefixes(0x47);
			measure_prefixes(0x4f);
		}
	}
	printf("counts: decoding a MOV takes at most %lu instructions (%s); %u forms\n", most,
	       most_text, forms);
	assert_true(forms > 1000);
	assert_true(most < LIMIT);
}

static int setup(void **state)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	return sigaction(SIGTRAP, &sa, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual),
		cmocka_unit_test(all),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
