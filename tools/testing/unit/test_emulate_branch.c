// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where instructions may lead: addresses that are not canonical, with 48 and 57 bits, and whose fault that is.  SDM vol. 2,
 * the exceptions of JMP, CALL, RET, IRET, SYSRET, SYSEXIT; APM vol. 3, the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "emulate_machine.h"

#define LOW_END 0x0000800000000000ULL /* the first that 48 bits do not reach */
#define LOW_END_57 0x0100000000000000ULL
#define POINTER 0x3000

static struct machine m;

static int setup(void **state)
{
	machine_init(&m, EMUL_MODE_LONG);
	return 0;
}

/* The fault is the branch's own: nothing of it has happened. */
static void faults(enum emul_result res, u8 vector)
{
	assert_int_equal(res, EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, vector);
	assert_int_equal(m.c.fault.error, 0);
	assert_int_equal(m.c.rip, CODE);
	assert_int_equal(m.c.gpr[EMUL_RSP], STACK);
	assert_int_equal(m.c.cpl, 0);
	assert_int_equal(m.seg[EMUL_CS].selector, 8);
}

static unsigned int writes(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < m.nr_log; i++)
		n += m.log[i].kind == 'w';
	return n;
}

/* A branch, and what has to be where for it to lead to an address. */
static const struct {
	const char *name;
	u8 code[4];
	bool is_far; /* a selector follows the address */
	bool intel; /* has 64-bit far pointers on Intel's only */
} branches[] = {
	{ "jmp *%rax", { 0xff, 0xe0 } },
	{ "jmp *(%rdi)", { 0xff, 0x27 } },
	{ "call *%rax", { 0xff, 0xd0 } },
	{ "call *(%rdi)", { 0xff, 0x17 } },
	{ "ret", { 0xc3 } },
	{ "ret $8", { 0xc2, 8, 0 } },
	{ "rex.w ljmp *(%rdi)", { 0x48, 0xff, 0x2f }, true, true },
	{ "rex.w lcall *(%rdi)", { 0x48, 0xff, 0x1f }, true, true },
	{ "lretq", { 0x48, 0xcb }, true },
	{ "iretq", { 0x48, 0xcf }, true },
};

static enum emul_result branch(unsigned int i, u64 to, bool intel)
{
	setup(NULL);
	if (intel)
		m.c.features |= BIT_ULL(EMUL_F_INTEL);
	m.c.gpr[EMUL_RAX] = to;
	m.c.gpr[EMUL_RDI] = POINTER;
	machine_poke(&m, POINTER, to, 8);
	machine_poke(&m, POINTER + 8, 0x08, 8);
	machine_poke(&m, STACK, to, 8);
	machine_poke(&m, STACK + 8, 0x08, 8);
	machine_poke(&m, STACK + 16, FL_FIXED, 8);
	machine_poke(&m, STACK + 24, STACK, 8);
	machine_poke(&m, STACK + 32, 0x10, 8);
	machine_code(&m, branches[i].code, sizeof(branches[i].code));
	m.c.va_bits = to & 1 ? 57 : 48; /* an odd target asks for it */
	return machine_run(&m);
}

static void not_canonical(void **state)
{
	static const u64 bad[] = { LOW_END, ~0ULL << 48, 1ULL << 63, LOW_END_57 | 1,
				   0xfeffffffffffffff };
	static const u64 good[] = { LOW_END - 2, ~0ULL << 47, LOW_END | 1, LOW_END_57 - 1,
				    (~0ULL << 56) | 1 };
	unsigned int i, n, intel;

	for (i = 0; i < ARRAY_SIZE(branches); i++) {
		for (intel = branches[i].intel; intel < 2; intel++) {
			for (n = 0; n < ARRAY_SIZE(bad); n++) {
				faults(branch(i, bad[n], intel), EMUL_GP);
				assert_int_equal(writes(), 0);
			}
			for (n = 0; n < ARRAY_SIZE(good); n++) {
				assert_int_equal(branch(i, good[n], intel), EMUL_DONE);
				assert_int_equal(m.c.rip, good[n]);
			}
		}
	}
}

/* A CALL that could not push either: Intel's processors find the target first, AMD's the stack. */
static void call_with_bad_stack(void **state)
{
	m.c.gpr[EMUL_RAX] = LOW_END;
	m.c.gpr[EMUL_RSP] = NOT_PRESENT + 0x800;
	assert_int_equal(RUN(&m, 0xff, 0xd0), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_PF);
	assert_int_equal(m.c.fault.addr, NOT_PRESENT + 0x7f8);
	assert_int_equal(m.c.fault.error, 2);
	m.c.features |= BIT_ULL(EMUL_F_INTEL);
	assert_int_equal(RUN(&m, 0xff, 0xd0), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
	/* A stack whose address is no address */
	m.c.gpr[EMUL_RAX] = CODE;
	m.c.gpr[EMUL_RSP] = LOW_END + 4;
	assert_int_equal(RUN(&m, 0xff, 0xd0), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_SSF);
	assert_int_equal(RUN(&m, 0xc3), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_SSF);
}

/* Run at the end of what 48 bits reach, where the machine has no memory. */
static enum emul_result run_at(u64 rip, const u8 *code, unsigned int len)
{
	m.c.rip = rip;
	emul_begin(&m.c);
	emul_preset_bytes(&m.c, code, len);
	return emul_run(&m.c);
}

/* Relative branches over the edge fault; falling over it does not, but there is nothing to be executed there. */
static void over_the_edge(void **state)
{
	static const u8 jmp[16] = { 0xeb, 0x7e }, jz[16] = { 0x74, 0x7e },
			loop[16] = { 0xe2, 0x7e }, call[16] = { 0xe8, 0x7e }, nop[16] = { 0x90 };
	static const u8 *const over[] = { jmp, jz, loop, call };
	u64 rip = LOW_END - 0x10;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(over); i++) {
		setup(NULL);
		m.c.rflags |= FL_ZF;
		m.c.gpr[EMUL_RCX] = 2;
		assert_int_equal(run_at(rip, over[i], 15), EMUL_FAULT);
		assert_int_equal(m.c.fault.vector, EMUL_GP);
		assert_int_equal(m.c.rip, rip);
		assert_int_equal(m.c.gpr[EMUL_RCX], 2);
	}
	/* Not taken, they lead nowhere. */
	m.c.rflags &= ~FL_ZF;
	assert_int_equal(run_at(rip, jz, 15), EMUL_DONE);
	assert_int_equal(run_at(LOW_END - 1, nop, 15), EMUL_DONE);
	assert_int_equal(m.c.rip, LOW_END);
	emul_begin(&m.c);
	assert_int_equal(emul_run(&m.c), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
	assert_int_equal(m.c.rip, LOW_END);
	assert_int_equal(m.nr_log, 0);
}

/* Through a gate, and to 32-bit code, which takes the lower half of any address. */
static void gates_and_compatibility(void **state)
{
	machine_poke(&m, GDT + 0x50, 0x0000ec0000080000, 8);
	machine_poke(&m, GDT + 0x58, LOW_END >> 32, 8);
	machine_poke(&m, POINTER + 4, 0x50, 2);
	m.c.gpr[EMUL_RDI] = POINTER;
	faults(RUN(&m, 0xff, 0x1f), EMUL_GP);
	faults(RUN(&m, 0xff, 0x2f), EMUL_GP);
	machine_poke(&m, GDT + 0x58, 0xffff8000, 8);
	assert_int_equal(RUN(&m, 0xff, 0x1f), EMUL_DONE);
	assert_int_equal(m.c.rip, 0xffff800000000000);

	setup(NULL);
	machine_put_desc(&m, 0x50, machine_desc(0, 0xfffff, 0xc9b));
	machine_poke(&m, STACK, LOW_END | 0x1234, 8);
	machine_poke(&m, STACK + 8, 0x50, 8);
	assert_int_equal(RUN(&m, 0x48, 0xcb), EMUL_DONE);
	assert_int_equal(m.c.rip, 0x1234);
	assert_int_equal(m.c.mode, EMUL_MODE_PROT32);
}

/* IRETQ loads any stack pointer; who uses it faults. */
static void return_to_bad_stack(void **state)
{
	machine_poke(&m, STACK, 0x2000, 8);
	machine_poke(&m, STACK + 8, 0x1b, 8);
	machine_poke(&m, STACK + 16, FL_FIXED, 8);
	machine_poke(&m, STACK + 24, LOW_END, 8);
	machine_poke(&m, STACK + 32, 0x23, 8);
	assert_int_equal(RUN(&m, 0x48, 0xcf), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RSP], LOW_END);
	m.c.rip = CODE;
	assert_int_equal(RUN(&m, 0x58), EMUL_FAULT); /* pop */
	assert_int_equal(m.c.fault.vector, EMUL_SSF);
	assert_int_equal(RUN(&m, 0x50),
			 EMUL_FAULT); /* push, which goes below: an address, with nothing there */
	assert_int_equal(m.c.fault.vector, EMUL_PF);
	assert_int_equal(m.c.fault.addr, LOW_END - 8);
}

/*
 * SYSRET and SYSEXIT: on Intel's processors the kernel faults, with nothing loaded.  AMD's SYSRET does not look, and it is
 * the user who faults, where he is.
 */
static void fast_returns(void **state)
{
	m.star = 0x0023001000000000;
	m.sysenter[0] = 0x08;
	m.c.features |= BIT_ULL(EMUL_F_INTEL);
	m.c.gpr[EMUL_RCX] = LOW_END;
	m.c.gpr[EMUL_RDX] = CODE;
	m.c.gpr[11] = FL_FIXED | FL_IF;
	faults(RUN(&m, 0x48, 0x0f, 0x07), EMUL_GP);
	faults(RUN(&m, 0x48, 0x0f, 0x35), EMUL_GP);
	m.c.gpr[EMUL_RCX] = STACK;
	m.c.gpr[EMUL_RDX] = LOW_END;
	faults(RUN(&m, 0x48, 0x0f, 0x35), EMUL_GP);
	/* To 32-bit code the lower halves are enough. */
	assert_int_equal(RUN(&m, 0x0f, 0x35), EMUL_DONE);
	assert_int_equal(m.c.rip, 0);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x1b);

	setup(NULL);
	m.star = 0x0023001000000000;
	m.c.gpr[EMUL_RCX] = LOW_END;
	m.c.gpr[11] = FL_FIXED | FL_IF;
	assert_int_equal(RUN(&m, 0x48, 0x0f, 0x07), EMUL_DONE);
	assert_int_equal(m.c.rip, LOW_END);
	assert_int_equal(m.c.cpl, 3);
	emul_begin(&m.c);
	assert_int_equal(emul_run(&m.c), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
	assert_int_equal(m.c.cpl, 3);
}

/* Bases may have as many bits as the processor has, whatever the paging mode. */
static void bases(void **state)
{
	bool la57 = true;

	do {
		setup(NULL);
		if (!la57)
			m.c.features &= ~BIT_ULL(EMUL_F_LA57);
		m.c.gpr[EMUL_RDI] = POINTER;
		machine_poke(&m, POINTER + 2, LOW_END, 8);
		assert_int_equal(RUN(&m, 0x0f, 0x01, 0x17),
				 la57 ? EMUL_DONE : EMUL_FAULT); /* lgdt */
		m.gdtr = (struct emul_dtr){ GDT, 0xff };
		m.c.rip = CODE;
		assert_int_equal(RUN(&m, 0x0f, 0x01, 0x1f),
				 la57 ? EMUL_DONE : EMUL_FAULT); /* lidt */
		m.c.rip = CODE;
		m.c.gpr[EMUL_RAX] = LOW_END;
		assert_int_equal(RUN(&m, 0xf3, 0x48, 0x0f, 0xae, 0xd8), /* wrgsbase %rax */
				 la57 ? EMUL_DONE : EMUL_FAULT);
		m.c.rip = CODE;
		machine_put_desc(&m, 0x50, machine_desc(0, 0xff, 0x82));
		machine_poke(&m, GDT + 0x58, LOW_END >> 32, 8);
		m.c.gpr[EMUL_RAX] = 0x50;
		assert_int_equal(RUN(&m, 0x0f, 0x00, 0xd0),
				 la57 ? EMUL_DONE : EMUL_FAULT); /* lldt */
		m.c.rip = CODE;
		machine_put_desc(&m, 0x50, machine_desc(0, 0x67, 0x89));
		assert_int_equal(RUN(&m, 0x0f, 0x00, 0xd8),
				 la57 ? EMUL_DONE : EMUL_FAULT); /* ltr */
		if (!la57) {
			assert_int_equal(m.c.fault.vector, EMUL_GP);
			assert_int_equal(m.c.fault.error, 0x50);
			assert_int_equal(m.mem[GDT + 0x55], 0x89); /* not busy */
		}
		/* 58 bits nobody has. */
		m.c.gpr[EMUL_RAX] = LOW_END_57;
		m.c.rip = CODE;
		assert_int_equal(RUN(&m, 0xf3, 0x48, 0x0f, 0xae, 0xd8), EMUL_FAULT);
		la57 = !la57;
	} while (!la57);
}

/* Data: #SS for the stack segment's, whatever the address is made of, else #GP. */
static void data(void **state)
{
	static const struct {
		u8 code[6];
		u8 vector;
	} t[] = {
		{ { 0x8b, 0x08 }, EMUL_GP }, /* mov (%rax),%ecx */
		{ { 0x8b, 0x4d, 0x00 }, EMUL_SSF }, /* mov (%rbp),%ecx */
		{ { 0x8b, 0x0c, 0x04 }, EMUL_SSF }, /* mov (%rsp,%rax),%ecx */
		{ { 0x3e, 0x8b, 0x4d, 0x00 }, EMUL_SSF }, /* DS: does not count in 64-bit mode */
		{ { 0x65, 0x8b, 0x4d, 0x00 }, EMUL_GP }, /* GS: does */
		{ { 0x66, 0x0f, 0x6f, 0x45, 0x00 }, EMUL_SSF }, /* movdqa (%rbp),%xmm0 */
		{ { 0xff, 0x30 }, EMUL_GP }, /* push (%rax) */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		setup(NULL);
		m.c.gpr[EMUL_RAX] = LOW_END;
		m.c.gpr[EMUL_RBP] = LOW_END;
		machine_code(&m, t[i].code, sizeof(t[i].code));
		faults(machine_run(&m), t[i].vector);
		m.c.va_bits = 57;
		assert_int_equal(machine_run(&m), EMUL_FAULT);
		assert_int_equal(m.c.fault.vector, EMUL_PF); /* an address, with nothing there */
	}
	/* The last byte of several counts, too. */
	setup(NULL);
	m.c.gpr[EMUL_RAX] = LOW_END - 3;
	faults(RUN(&m, 0x8b, 0x08), EMUL_GP);
	/* Hints do not look. */
	assert_int_equal(RUN(&m, 0x0f, 0x18, 0x08), EMUL_DONE); /* prefetcht0 (%rax) */
	m.c.gpr[EMUL_RAX] = LOW_END;
	m.c.rip = CODE;
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0x38), EMUL_DONE); /* invlpg (%rax) */
	m.c.rip = CODE;
	assert_int_equal(RUN(&m, 0x0f, 0x1f, 0x00), EMUL_DONE); /* nopl (%rax) */
	m.c.rip = CODE;
	faults(RUN(&m, 0x0f, 0xae, 0x38), EMUL_GP); /* clflush (%rax) */
	faults(RUN(&m, 0x66, 0x0f, 0xae, 0x30), EMUL_GP); /* clwb (%rax) */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_canonical),
		cmocka_unit_test_setup(call_with_bad_stack, setup),
		cmocka_unit_test_setup(over_the_edge, setup),
		cmocka_unit_test_setup(gates_and_compatibility, setup),
		cmocka_unit_test_setup(return_to_bad_stack, setup),
		cmocka_unit_test_setup(fast_returns, setup),
		cmocka_unit_test(bases),
		cmocka_unit_test(data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
