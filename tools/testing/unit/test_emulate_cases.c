// SPDX-License-Identifier: GPL-2.0-only
/*
 * Single instructions with known results: the manuals' examples and the edges of their tables.  Flags that the manuals
 * leave undefined are not looked at.  (A mismatch that the differential fuzzer prints has its place here, too.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "emulate_machine.h"

#define C FL_CF
#define P FL_PF
#define AX_ FL_AF
#define Z FL_ZF
#define S FL_SF
#define O FL_OF
#define ALL FL_ARITH

#define L EMUL_MODE_LONG
#define M32 EMUL_MODE_PROT32
#define M16 EMUL_MODE_PROT16

struct regs {
	u64 ax, cx, dx, bx;
	u64 flags;
};

static const struct {
	const char *name;
	u8 mode;
	u8 code[12];
	struct regs in, out;
	u64 defined; /* flags to compare */
	int vector; /* + 1; 0: no fault */
} cases[] = {
	/* Addition and subtraction at the edges. */
	{ "add $1,%al: 7f",
	  L,
	  { 0x04, 0x01 },
	  { .ax = 0x7f },
	  { .ax = 0x80, .flags = AX_ | S | O },
	  ALL },
	{ "add $1,%al: ff",
	  L,
	  { 0x04, 0x01 },
	  { .ax = 0xffff },
	  { .ax = 0xff00, .flags = C | P | AX_ | Z },
	  ALL },
	{ "add %ecx,%eax clears the upper half",
	  L,
	  { 0x01, 0xc8 },
	  { .ax = 0xf00000001, .cx = 1 },
	  { .ax = 2, .cx = 1 },
	  ALL },
	{ "adc %rcx,%rax with carry: all ones",
	  L,
	  { 0x48, 0x11, 0xc8 },
	  { .ax = ~0ULL, .cx = ~0ULL, .flags = C },
	  { .ax = ~0ULL, .cx = ~0ULL, .flags = C | P | AX_ | S },
	  ALL },
	{ "sub %cl,%ah",
	  L,
	  { 0x28, 0xcc },
	  { .ax = 0x0000, .cx = 1 },
	  { .ax = 0xff00, .cx = 1, .flags = C | P | AX_ | S },
	  ALL },
	{ "sbb %ax,%ax with carry",
	  L,
	  { 0x66, 0x19, 0xc0 },
	  { .ax = 0x1234, .flags = C },
	  { .ax = 0xffff, .flags = C | P | AX_ | S },
	  ALL },
	{ "neg of the smallest",
	  L,
	  { 0xf7, 0xd8 },
	  { .ax = 0x80000000 },
	  { .ax = 0x80000000, .flags = C | P | S | O },
	  ALL },
	{ "neg of 0", L, { 0xf6, 0xd8 }, { 0 }, { .flags = P | Z }, ALL },
	{ "inc leaves carry",
	  L,
	  { 0xfe, 0xc0 },
	  { .ax = 0xff, .flags = C },
	  { .flags = C | P | AX_ | Z },
	  ALL },
	{ "dec of the smallest",
	  L,
	  { 0xfe, 0xc8 },
	  { .ax = 0x80 },
	  { .ax = 0x7f, .flags = AX_ | O },
	  ALL },
	{ "cmp equal",
	  L,
	  { 0x39, 0xc8 },
	  { .ax = 5, .cx = 5 },
	  { .ax = 5, .cx = 5, .flags = P | Z },
	  ALL },
	{ "cmp $-1,%rax: sign-extended byte",
	  L,
	  { 0x48, 0x83, 0xf8, 0xff },
	  { .ax = ~0ULL },
	  { .ax = ~0ULL, .flags = P | Z },
	  ALL },
	{ "and clears carry and overflow",
	  L,
	  { 0x21, 0xc8 },
	  { .ax = 0xf0, .cx = 0x0f, .flags = C | O },
	  { .cx = 0x0f, .flags = P | Z },
	  ALL & ~AX_ },
	{ "test sign", L, { 0xa8, 0x80 }, { .ax = 0x80 }, { .ax = 0x80, .flags = S }, ALL & ~AX_ },

	/* Shifts and rotates. */
	{ "shl $1,%al: overflow",
	  L,
	  { 0xd0, 0xe0 },
	  { .ax = 0x40 },
	  { .ax = 0x80, .flags = S | O },
	  ALL & ~AX_ },
	{ "shl by 0 touches nothing",
	  L,
	  { 0xc0, 0xe0, 0x20 },
	  { .ax = 1, .flags = C | Z | O },
	  { .ax = 1, .flags = C | Z | O },
	  ALL },
	{ "shl %cl masks its count",
	  L,
	  { 0xd3, 0xe0 },
	  { .ax = 1, .cx = 33 },
	  { .ax = 2, .cx = 33 },
	  ALL & ~(AX_ | O) },
	{ "shr $1: overflow is the old top bit",
	  L,
	  { 0xd1, 0xe8 },
	  { .ax = 0x80000001 },
	  { .ax = 0x40000000, .flags = C | P | O },
	  ALL & ~AX_ },
	{ "sar $63,%rax",
	  L,
	  { 0x48, 0xc1, 0xf8, 0x3f },
	  { .ax = 1ULL << 63 },
	  { .ax = ~0ULL, .flags = P | S },
	  ALL & ~(AX_ | O) },
	{ "rol $1,%al", L, { 0xd0, 0xc0 }, { .ax = 0x81 }, { .ax = 0x03, .flags = C | O }, C | O },
	{ "ror $1,%al", L, { 0xd0, 0xc8 }, { .ax = 0x01 }, { .ax = 0x80, .flags = C | O }, C | O },
	{ "rol $8,%al sets carry from bit 0",
	  L,
	  { 0xc0, 0xc0, 0x08 },
	  { .ax = 0x81 },
	  { .ax = 0x81, .flags = C },
	  C },
	{ "rcl $9,%al goes once round",
	  L,
	  { 0xc0, 0xd0, 0x09 },
	  { .ax = 0x5a, .flags = C },
	  { .ax = 0x5a, .flags = C },
	  C },
	{ "rcl $1,%al", L, { 0xd0, 0xd0 }, { .ax = 0x80 }, { .ax = 0, .flags = C | O }, C | O },
	{ "rcr $1,%ax", L, { 0x66, 0xd1, 0xd8 }, { .ax = 1 }, { .ax = 0, .flags = C }, C | O },
	{ "shld $4",
	  L,
	  { 0x0f, 0xa4, 0xc8, 0x04 },
	  { .ax = 0x12345678, .cx = 0x9abcdef0 },
	  { .ax = 0x23456789, .cx = 0x9abcdef0, .flags = C },
	  C | Z | S | P },
	{ "shrd $8",
	  L,
	  { 0x0f, 0xac, 0xc8, 0x08 },
	  { .ax = 0x12345678, .cx = 0x9abcdef0 },
	  { .ax = 0xf0123456, .cx = 0x9abcdef0, .flags = S | P },
	  C | Z | S | P },

	/* Multiplication and division. */
	{ "mul %cl",
	  L,
	  { 0xf6, 0xe1 },
	  { .ax = 0xff, .cx = 0xff },
	  { .ax = 0xfe01, .cx = 0xff, .flags = C | O },
	  C | O },
	{ "imul %cl: -1 * -1",
	  L,
	  { 0xf6, 0xe9 },
	  { .ax = 0xff, .cx = 0xff },
	  { .ax = 1, .cx = 0xff },
	  C | O },
	{ "mul %rcx",
	  L,
	  { 0x48, 0xf7, 0xe1 },
	  { .ax = ~0ULL, .cx = ~0ULL },
	  { .ax = 1, .cx = ~0ULL, .dx = ~0ULL - 1, .flags = C | O },
	  C | O },
	{ "imul %rcx: smallest * -1",
	  L,
	  { 0x48, 0xf7, 0xe9 },
	  { .ax = 1ULL << 63, .cx = ~0ULL },
	  { .ax = 1ULL << 63, .cx = ~0ULL, .dx = 0, .flags = C | O },
	  C | O },
	{ "imul $-2,%ecx,%eax",
	  L,
	  { 0x6b, 0xc1, 0xfe },
	  { .cx = 0x40000000 },
	  { .ax = 0x80000000, .cx = 0x40000000 },
	  C | O },
	{ "div %cl",
	  L,
	  { 0xf6, 0xf1 },
	  { .ax = 0x1234, .cx = 0x13 },
	  { .ax = 0x05f5, .cx = 0x13 },
	  0 },
	{ "div: quotient too big", L, { 0xf6, 0xf1 }, { .ax = 0x1300, .cx = 0x13 }, { 0 }, 0, 1 },
	{ "div by 0", L, { 0xf7, 0xf1 }, { .ax = 1 }, { 0 }, 0, 1 },
	{ "div %rcx, 128 bits",
	  L,
	  { 0x48, 0xf7, 0xf1 },
	  { .ax = 0, .dx = 1, .cx = 3 },
	  { .ax = 0x5555555555555555, .dx = 1, .cx = 3 },
	  0 },
	{ "idiv: smallest / -1",
	  L,
	  { 0xf7, 0xf9 },
	  { .ax = 0x80000000, .dx = 0xffffffff, .cx = 0xffffffff },
	  { 0 },
	  0,
	  1 },
	{ "idiv: -7 / 2",
	  L,
	  { 0xf7, 0xf9 },
	  { .ax = 0xfffffff9, .dx = 0xffffffff, .cx = 2 },
	  { .ax = 0xfffffffd, .dx = 0xffffffff, .cx = 2 },
	  0 },
	{ "idiv: -128 fits",
	  L,
	  { 0xf6, 0xf9 },
	  { .ax = 0xff80, .cx = 1 },
	  { .ax = 0x0080, .cx = 1 },
	  0 },
	{ "idiv: 128 does not", L, { 0xf6, 0xf9 }, { .ax = 0x0080, .cx = 1 }, { 0 }, 0, 1 },

	/* Decimal arithmetic: SDM vol. 2A, DAA and DAS examples. */
	{ "daa: 79 + 35 = ae",
	  M32,
	  { 0x27 },
	  { .ax = 0xae, .flags = S | O },
	  { .ax = 0x14, .flags = C | P | AX_ },
	  ALL & ~O },
	{ "das: 35 - 47 = ee",
	  M32,
	  { 0x2f },
	  { .ax = 0xee, .flags = C | P | AX_ | S },
	  { .ax = 0x88, .flags = C | P | AX_ | S },
	  ALL & ~O },
	{ "aaa", M32, { 0x37 }, { .ax = 0x000a }, { .ax = 0x0100, .flags = C | AX_ }, C | AX_ },
	{ "aas", M32, { 0x3f }, { .ax = 0x020f }, { .ax = 0x0109, .flags = C | AX_ }, C | AX_ },
	{ "aam", M32, { 0xd4, 0x0a }, { .ax = 63 }, { .ax = 0x0603, .flags = P }, S | Z | P },
	{ "aam 0", M32, { 0xd4, 0x00 }, { .ax = 63 }, { 0 }, 0, 1 },
	{ "aad", M32, { 0xd5, 0x0a }, { .ax = 0x0603 }, { .ax = 63, .flags = P }, S | Z | P },
	{ "daa is undefined in 64-bit mode", L, { 0x27 }, { 0 }, { 0 }, 0, 7 },

	/* Bits. */
	{ "bsf", L, { 0x0f, 0xbc, 0xc1 }, { .cx = 0x100 }, { .ax = 8, .cx = 0x100 }, Z },
	{ "bsf of 0", L, { 0x0f, 0xbc, 0xc1 }, { .ax = 77 }, { .ax = 77, .flags = Z }, Z },
	{ "bsr %rcx",
	  L,
	  { 0x48, 0x0f, 0xbd, 0xc1 },
	  { .cx = 1ULL << 40 },
	  { .ax = 40, .cx = 1ULL << 40 },
	  Z },
	{ "tzcnt of 0", L, { 0xf3, 0x0f, 0xbc, 0xc1 }, { 0 }, { .ax = 32, .flags = C }, C | Z },
	{ "lzcnt %cx of 1",
	  L,
	  { 0x66, 0xf3, 0x0f, 0xbd, 0xc1 },
	  { .cx = 1 },
	  { .ax = 15, .cx = 1 },
	  C | Z },
	{ "popcnt",
	  L,
	  { 0xf3, 0x48, 0x0f, 0xb8, 0xc1 },
	  { .cx = ~0ULL, .flags = ALL },
	  { .ax = 64, .cx = ~0ULL },
	  ALL },
	{ "bt %ecx,%eax takes the count modulo 32",
	  L,
	  { 0x0f, 0xa3, 0xc8 },
	  { .ax = 2, .cx = 33 },
	  { .ax = 2, .cx = 33, .flags = C },
	  C },
	{ "btc", L, { 0x0f, 0xba, 0xf8, 0x04 }, { .ax = 0x10 }, { .ax = 0, .flags = C }, C },
	{ "bswap %rax",
	  L,
	  { 0x48, 0x0f, 0xc8 },
	  { .ax = 0x0102030405060708 },
	  { .ax = 0x0807060504030201 },
	  ALL },
	{ "crc32b",
	  L,
	  { 0xf2, 0x0f, 0x38, 0xf0, 0xc1 },
	  { .ax = 0, .cx = 1 },
	  { .ax = 0xf26b8303, .cx = 1 },
	  ALL },
	{ "pdep",
	  L,
	  { 0xc4, 0xe2, 0xf3, 0xf5, 0xc2 },
	  { .cx = 0x5, .dx = 0x1010100 },
	  { .ax = 0x1000100, .cx = 5, .dx = 0x1010100 },
	  ALL },
	{ "pext",
	  L,
	  { 0xc4, 0xe2, 0xf2, 0xf5, 0xc2 },
	  { .cx = 0x1000100, .dx = 0x1010100 },
	  { .ax = 5, .cx = 0x1000100, .dx = 0x1010100 },
	  ALL },
	{ "adcx leaves overflow alone",
	  L,
	  { 0x66, 0x0f, 0x38, 0xf6, 0xc1 },
	  { .ax = 0xffffffff, .flags = C | O },
	  { .ax = 0, .flags = C | O },
	  ALL },
	{ "adox leaves carry alone",
	  L,
	  { 0xf3, 0x0f, 0x38, 0xf6, 0xc1 },
	  { .ax = 0xffffffff, .flags = C | O },
	  { .ax = 0, .flags = C | O },
	  ALL },

	/* Moves and conversions. */
	{ "mov $imm32 sign-extends with REX.W",
	  L,
	  { 0x48, 0xc7, 0xc0, 0, 0, 0, 0x80 },
	  { 0 },
	  { .ax = 0xffffffff80000000 },
	  ALL },
	{ "mov %ah,%cl", L, { 0x88, 0xe1 }, { .ax = 0x1234 }, { .ax = 0x1234, .cx = 0x12 }, ALL },
	{ "movsbl",
	  L,
	  { 0x0f, 0xbe, 0xc1 },
	  { .ax = ~0ULL, .cx = 0x80 },
	  { .ax = 0xffffff80, .cx = 0x80 },
	  ALL },
	{ "movslq",
	  L,
	  { 0x48, 0x63, 0xc1 },
	  { .cx = 0x80000000 },
	  { .ax = 0xffffffff80000000, .cx = 0x80000000 },
	  ALL },
	{ "cbtw", L, { 0x66, 0x98 }, { .ax = 0x12345680 }, { .ax = 0x1234ff80 }, ALL },
	{ "cqto", L, { 0x48, 0x99 }, { .ax = 1ULL << 63 }, { .ax = 1ULL << 63, .dx = ~0ULL }, ALL },
	{ "cmov not taken still clears the upper half",
	  L,
	  { 0x0f, 0x44, 0xc1 },
	  { .ax = 0xf12345678, .cx = 1 },
	  { .ax = 0x12345678, .cx = 1 },
	  ALL },
	{ "setg",
	  L,
	  { 0x0f, 0x9f, 0xc0 },
	  { .ax = 0xff, .flags = S | O },
	  { .ax = 1, .flags = S | O },
	  ALL },
	{ "xadd with itself", L, { 0x0f, 0xc1, 0xc0 }, { .ax = 3 }, { .ax = 6, .flags = P }, ALL },
	{ "cmpxchg equal",
	  L,
	  { 0x0f, 0xb1, 0xd1 },
	  { .ax = 5, .cx = 5, .dx = 9 },
	  { .ax = 5, .cx = 9, .dx = 9, .flags = P | Z },
	  ALL },
	{ "cmpxchg unequal",
	  L,
	  { 0x0f, 0xb1, 0xd1 },
	  { .ax = 5, .cx = 6, .dx = 9 },
	  { .ax = 6, .cx = 6, .dx = 9, .flags = C | P | AX_ | S },
	  ALL },
	{ "lahf", L, { 0x9f }, { .flags = C | Z }, { .ax = 0x4300, .flags = C | Z }, ALL },
	{ "sahf", L, { 0x9e }, { .ax = 0xd500, .flags = O }, { .ax = 0xd500, .flags = ALL }, ALL },
	{ "xchg %eax,%eax is nop", L, { 0x90 }, { .ax = 0xf00000001 }, { .ax = 0xf00000001 }, ALL },
	{ "inc %cx in 16-bit code",
	  M16,
	  { 0x41 },
	  { .cx = 0x1ffff },
	  { .cx = 0x10000, .flags = P | AX_ | Z },
	  ALL },
	{ "salc", M32, { 0xd6 }, { .ax = 0x1200, .flags = C }, { .ax = 0x12ff, .flags = C }, ALL },
};

static void table(void **state)
{
	static struct machine m;
	unsigned int i, failed = 0;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct regs *in = &cases[i].in, *out = &cases[i].out;
		enum emul_result res;
		bool ok;

		machine_init(&m, cases[i].mode);
		m.c.gpr[EMUL_RAX] = in->ax;
		m.c.gpr[EMUL_RCX] = in->cx;
		m.c.gpr[EMUL_RDX] = in->dx;
		m.c.gpr[EMUL_RBX] = in->bx;
		m.c.rflags = FL_FIXED | in->flags;
		machine_code(&m, cases[i].code, sizeof(cases[i].code));
		res = machine_run(&m);
		if (cases[i].vector)
			ok = res == EMUL_FAULT && m.c.fault.vector == cases[i].vector - 1 &&
			     m.c.rip == CODE && m.c.gpr[EMUL_RAX] == in->ax &&
			     m.c.gpr[EMUL_RDX] == in->dx;
		else
			ok = res == EMUL_DONE && m.c.gpr[EMUL_RAX] == out->ax &&
			     m.c.gpr[EMUL_RCX] == out->cx && m.c.gpr[EMUL_RDX] == out->dx &&
			     m.c.gpr[EMUL_RBX] == out->bx &&
			     !((m.c.rflags ^ out->flags) & cases[i].defined);
		if (ok)
			continue;
		failed++;
		print_error("%s: result %d, rax %#llx rcx %#llx rdx %#llx rflags %#llx\n",
			    cases[i].name, res, (unsigned long long)m.c.gpr[EMUL_RAX],
			    (unsigned long long)m.c.gpr[EMUL_RCX],
			    (unsigned long long)m.c.gpr[EMUL_RDX], (unsigned long long)m.c.rflags);
	}
	assert_int_equal(failed, 0);
}

/* Bit strings reach before and after their operand. */
static void bit_strings(void **state)
{
	static struct machine m;

	machine_init(&m, EMUL_MODE_LONG);
	m.c.gpr[EMUL_RDI] = 0x3000;
	m.c.gpr[EMUL_RAX] = 100;
	assert_int_equal(RUN(&m, 0x0f, 0xab, 0x07), EMUL_DONE);
	assert_int_equal(machine_peek(&m, 0x300c, 4), 1 << 4);
	m.c.gpr[EMUL_RAX] = (u32)-1;
	assert_int_equal(RUN(&m, 0x0f, 0xab, 0x07), EMUL_DONE);
	assert_int_equal(machine_peek(&m, 0x2ffc, 4), 1u << 31);
	/* An immediate stays inside. */
	assert_int_equal(RUN(&m, 0x0f, 0xba, 0x2f, 0x21), EMUL_DONE);
	assert_int_equal(machine_peek(&m, 0x3000, 4), 2);
}

/* ENTER with nesting copies the frame pointers: SDM vol. 2A, ENTER, and vol. 1, 6.6. */
static void enter_leave(void **state)
{
	static struct machine m;

	machine_init(&m, EMUL_MODE_PROT32);
	m.c.gpr[EMUL_RBP] = 0x7000;
	machine_poke(&m, 0x6ffc, 0xaaaa, 4);
	assert_int_equal(RUN(&m, 0xc8, 0x10, 0x00, 0x02), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RBP], STACK - 4);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK - 12 - 0x10);
	assert_int_equal(machine_peek(&m, STACK - 4, 4), 0x7000);
	assert_int_equal(machine_peek(&m, STACK - 8, 4), 0xaaaa);
	assert_int_equal(machine_peek(&m, STACK - 12, 4), STACK - 4);
	assert_int_equal(RUN(&m, 0xc9), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK);
	assert_int_equal(m.c.gpr[EMUL_RBP], 0x7000);
}

/* PUSH and POP of the stack pointer itself. */
static void push_pop_sp(void **state)
{
	static struct machine m;

	machine_init(&m, EMUL_MODE_LONG);
	assert_int_equal(RUN(&m, 0x54), EMUL_DONE);
	assert_int_equal(machine_peek(&m, STACK - 8, 8), STACK);
	machine_poke(&m, STACK - 8, 0x1234, 8);
	assert_int_equal(RUN(&m, 0x5c), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RSP], 0x1234);
	/* pop 8(%rsp): addressed with the new stack pointer */
	m.c.gpr[EMUL_RSP] = 0x7000;
	machine_poke(&m, 0x7000, 0x5678, 8);
	assert_int_equal(RUN(&m, 0x8f, 0x44, 0x24, 0x08), EMUL_DONE);
	assert_int_equal(machine_peek(&m, 0x7010, 8), 0x5678);
	/* … and given back when that faults */
	m.c.gpr[EMUL_RSP] = NOT_PRESENT - 8;
	assert_int_equal(RUN(&m, 0x8f, 0x04, 0x24), EMUL_FAULT);
	assert_int_equal(m.c.gpr[EMUL_RSP], NOT_PRESENT - 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(bit_strings),
		cmocka_unit_test(enter_leave),
		cmocka_unit_test(push_pop_sp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
