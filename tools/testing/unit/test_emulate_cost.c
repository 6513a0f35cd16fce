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
#define LIMIT_MORE 310 /* an immediate together with a prefix, or more than one prefix */

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

static unsigned long cost(enum emul_result (*fn)(const u8 *), const u8 *code)
{
	enum emul_result res;
	unsigned long empty;

	steps = 0;
	count_on();
	count_off();
	empty = steps;
	steps = 0;
	count_on();
	res = fn(code);
	count_off();
	assert_int_equal(res, EMUL_DONE);
	return steps - empty;
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

static unsigned long most[2];
static unsigned int forms;
static char most_text[2][96];

static void measure(const u8 *prefixes, unsigned int n, unsigned int map, u8 opcode, u8 modrm,
		    u8 sib)
{
	u8 code[EMUL_MAX_INSN] = {};
	bool more = n > 1 || (n && (opcode & 0xfe) == 0xc6);
	unsigned long now;

	memcpy(code, prefixes, n);
	if (map)
		code[n++] = 0x0f;
	code[n++] = opcode;
	code[n++] = modrm;
	code[n++] = sib;
	now = decode_cost(code);
	forms++;
	if (now > most[more]) {
		most[more] = now;
		name(most_text[more], sizeof(most_text[0]));
	}
}

/* All opcodes, ways to name an address, and prefixes that change a size or the segment. */
static void all(void **state)
{
	static const u8 opcodes[] = { 0x88, 0x8b, 0xa1, 0xa2, 0xc6, 0xc7 };
	static const u8 opcodes_0f[] = { 0xb6, 0xbf };
	static const u8 modrms[] = { 0x05, 0x06, 0x43, 0x84 };
	static const u8 prefixes[][3] = {
		{},	  { 0x66 }, { 0x48 },	    { 0x47 },	    { 0x66, 0x4f },
		{ 0x67 }, { 0x65 }, { 0x65, 0x48 }, { 0x67, 0x66 }, { 0x64, 0x66, 0x41 }
	};
	unsigned int mode, p, o, i, n;

	for (mode = EMUL_MODE_REAL; mode <= EMUL_MODE_LONG; mode++) {
		machine_init(&m, mode);
		for (p = 0; p < ARRAY_SIZE(prefixes); p++) {
			n = strnlen((const char *)prefixes[p], 3);
			/* REX is an instruction outside 64-bit mode. */
			if (mode != EMUL_MODE_LONG && n && (prefixes[p][n - 1] & 0xf0) == 0x40)
				continue;
			for (i = 0; i < ARRAY_SIZE(modrms); i++) {
				for (o = 0; o < ARRAY_SIZE(opcodes); o++)
					measure(prefixes[p], n, 0, opcodes[o], modrms[i], 0x25);
				for (o = 0; o < ARRAY_SIZE(opcodes_0f); o++)
					measure(prefixes[p], n, 1, opcodes_0f[o], modrms[i], 0x8b);
			}
		}
	}
	printf("counts: decoding a MOV takes at most %lu instructions (%s), with several prefixes or one and an immediate %lu (%s); %u forms\n",
	       most[0], most_text[0], most[1], most_text[1], forms);
	assert_true(forms > 800);
	assert_true(most[0] < LIMIT);
	assert_true(most[1] < LIMIT_MORE);
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
