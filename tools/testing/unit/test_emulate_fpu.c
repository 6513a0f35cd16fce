// SPDX-License-Identifier: GPL-2.0-only
/* Vector and x87 moves to and from devices, and when the unit is not to be had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "emulate_machine.h"

static struct machine m;

static int setup(void **state)
{
	unsigned int i, k;

	machine_init(&m, EMUL_MODE_LONG);
	for (i = 0; i < 16; i++)
		for (k = 0; k < 32; k++)
			m.vec[i][k] = i * 32 + k;
	for (i = 0; i < 64; i++)
		m.mmio[i] = 0xc0 + i;
	m.suspend_mmio = true;
	m.c.gpr[EMUL_RDI] = MMIO_BASE;
	return 0;
}

static void wide_moves(void **state)
{
	assert_int_equal(STEP(&m, 0x0f, 0x11, 0x07), EMUL_DONE); /* movups %xmm0,(%rdi) */
	assert_memory_equal(m.mmio, m.vec[0], 16);
	assert_int_equal(m.mmio[16], 0xd0);
	assert_int_equal(m.suspensions, 1);
	assert_int_equal(STEP(&m, 0x0f, 0x10, 0x4f, 0x20), EMUL_DONE); /* movups 0x20(%rdi),%xmm1 */
	assert_memory_equal(m.vec[1], m.mmio + 0x20, 16);
	assert_int_equal(m.vec[1][16], 32 + 16); /* the upper half stays */
	assert_int_equal(STEP(&m, 0xc5, 0xf8, 0x10, 0x57, 0x20),
			 EMUL_DONE); /* vmovups 0x20(%rdi),%xmm2 */
	assert_memory_equal(m.vec[2], m.mmio + 0x20, 16);
	assert_int_equal(m.vec[2][16], 0); /* … and goes with VEX */
	assert_int_equal(STEP(&m, 0xc5, 0xfd, 0xe7, 0x1f), EMUL_DONE); /* vmovntdq %ymm3,(%rdi) */
	assert_memory_equal(m.mmio, m.vec[3], 32);
}

static void alignment(void **state)
{
	m.c.gpr[EMUL_RDI] = MMIO_BASE + 8;
	assert_int_equal(RUN(&m, 0x66, 0x0f, 0x7f, 0x07), EMUL_FAULT); /* movdqa */
	assert_int_equal(m.c.fault.vector, EMUL_GP);
	assert_int_equal(STEP(&m, 0xf3, 0x0f, 0x7f, 0x07), EMUL_DONE); /* movdqu */
}

static void small_moves(void **state)
{
	assert_int_equal(STEP(&m, 0x66, 0x0f, 0x6e, 0x07), EMUL_DONE); /* movd (%rdi),%xmm0 */
	assert_memory_equal(m.vec[0], "\xc0\xc1\xc2\xc3\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(STEP(&m, 0x66, 0x0f, 0xd6, 0x4f, 0x10),
			 EMUL_DONE); /* movq %xmm1,0x10(%rdi) */
	assert_memory_equal(m.mmio + 0x10, m.vec[1], 8);
	assert_int_equal(m.mmio[0x18], 0xd8);
	assert_int_equal(STEP(&m, 0x0f, 0x16, 0x57, 0x08), EMUL_DONE); /* movhps 8(%rdi),%xmm2 */
	assert_int_equal(m.vec[2][0], 64);
	assert_memory_equal(m.vec[2] + 8, m.mmio + 8, 8);
	assert_int_equal(STEP(&m, 0xc4, 0xe2, 0x7d, 0x58, 0x1f),
			 EMUL_DONE); /* vpbroadcastd (%rdi),%ymm3 */
	assert_memory_equal(m.vec[3], m.mmio, 4);
	assert_memory_equal(m.vec[3] + 28, m.mmio, 4);
	assert_int_equal(STEP(&m, 0x66, 0x0f, 0x3a, 0x16, 0x67, 0x20, 0x02),
			 EMUL_DONE); /* pextrd $2,%xmm4,… */
	assert_memory_equal(m.mmio + 0x20, m.vec[4] + 8, 4);
}

/* MOVDDUP, MOVSLDUP, MOVSHDUP */
static void doubled(void **state)
{
	assert_int_equal(STEP(&m, 0xf2, 0x0f, 0x12, 0x07), EMUL_DONE);
	assert_memory_equal(m.vec[0],
			    "\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7", 16);
	assert_int_equal(STEP(&m, 0xf3, 0x0f, 0x12, 0x07), EMUL_DONE);
	assert_memory_equal(m.vec[0],
			    "\xc0\xc1\xc2\xc3\xc0\xc1\xc2\xc3\xc8\xc9\xca\xcb\xc8\xc9\xca\xcb", 16);
	assert_int_equal(STEP(&m, 0xf3, 0x0f, 0x16, 0x07), EMUL_DONE);
	assert_memory_equal(m.vec[0],
			    "\xc4\xc5\xc6\xc7\xc4\xc5\xc6\xc7\xcc\xcd\xce\xcf\xcc\xcd\xce\xcf", 16);
	/* Aligned, unless with VEX */
	m.c.gpr[EMUL_RDI]++;
	assert_int_equal(STEP(&m, 0xf3, 0x0f, 0x12, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
	assert_int_equal(STEP(&m, 0xc5, 0xfa, 0x12, 0x07), EMUL_DONE);
	assert_memory_equal(m.vec[0], "\xc1\xc2\xc3\xc4\xc1\xc2\xc3\xc4", 8);
}

/* Only the bytes that the mask names are stored. */
static void masked(void **state)
{
	memset(m.vec[1], 0, 16);
	m.vec[1][2] = 0x80;
	m.vec[1][3] = 0xff;
	m.vec[1][9] = 0x80;
	memset(m.mmio, 0, 16);
	assert_int_equal(STEP(&m, 0x66, 0x0f, 0xf7, 0xc1), EMUL_DONE);
	assert_memory_equal(m.mmio, "\0\0\x02\x03\0\0\0\0\0\x09\0\0\0\0\0\0", 16);
	assert_int_equal(m.suspensions, 2);
	/* vmaskmovps (%rdi),%xmm1,%xmm0: what is masked cannot fault */
	m.c.gpr[EMUL_RDI] = NOT_PRESENT - 8;
	memset(m.vec[1], 0, 16);
	m.vec[1][7] = 0x80;
	assert_int_equal(STEP(&m, 0xc4, 0xe2, 0x71, 0x2c, 0x07), EMUL_DONE);
	m.vec[1][11] = 0x80;
	assert_int_equal(STEP(&m, 0xc4, 0xe2, 0x71, 0x2c, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.addr, NOT_PRESENT);
}

static void unit_off(void **state)
{
	m.cr[0] |= CR0_TS;
	assert_int_equal(RUN(&m, 0x0f, 0x11, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_NM);
	assert_int_equal(RUN(&m, 0xd9, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_NM);
	m.cr[0] = (m.cr[0] & ~CR0_TS) | CR0_EM;
	assert_int_equal(RUN(&m, 0x0f, 0x11, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_UD);
	m.cr[0] &= ~CR0_EM;
	m.cr[4] &= ~CR4_OSFXSR;
	assert_int_equal(RUN(&m, 0x0f, 0x11, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_UD);
	m.xcr0 = 3;
	assert_int_equal(RUN(&m, 0xc5, 0xf8, 0x11, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_UD);
}

/* fildl from a device, fstpl back as a double. */
static void x87(void **state)
{
	double d;

	machine_poke(&m, MMIO_BASE, -1000, 4);
	assert_int_equal(STEP(&m, 0xdb, 0x07), EMUL_DONE);
	assert_int_equal(m.fx[4], 0x80); /* one register in use, TOP 7 */
	assert_int_equal(STEP(&m, 0xdd, 0x5f, 0x10), EMUL_DONE);
	memcpy(&d, m.mmio + 0x10, 8);
	assert_true(d == -1000.0);
	assert_int_equal(m.fx[4], 0);
	/* An empty register is an invalid operation; masked, it stores the indefinite. */
	assert_int_equal(STEP(&m, 0xd9, 0x5f, 0x20), EMUL_DONE);
	assert_int_equal(machine_peek(&m, MMIO_BASE + 0x20, 4), 0xffc00000);
	assert_int_equal(m.fx[2] & 0x41, 0x41);
	/* A pending exception comes with the next instruction. */
	m.fx[0] = 0x7e;
	m.fx[2] |= 0x80;
	assert_int_equal(STEP(&m, 0xdb, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_MF);
	assert_int_equal(STEP(&m, 0xdb, 0xe3), EMUL_DONE); /* fninit */
	assert_int_equal(m.fx[0] | m.fx[1] << 8, 0x37f);
}

static void fxsave(void **state)
{
	m.suspend_mmio = true;
	memset(m.mmio, 0xaa, 512);
	assert_int_equal(STEP(&m, 0x0f, 0xae, 0x07), EMUL_DONE);
	assert_int_equal(machine_peek(&m, MMIO_BASE, 2), 0x37f);
	assert_memory_equal(m.mmio + 160 + 16 * 15, m.vec[15], 16);
	assert_int_equal(m.mmio[416], 0xaa);
	memset(m.vec, 0, sizeof(m.vec));
	machine_poke(&m, MMIO_BASE + 24, 0x9f80, 4);
	assert_int_equal(STEP(&m, 0x0f, 0xae, 0x0f), EMUL_DONE);
	assert_int_equal(m.vec[15][3], (15 * 32 + 3) & 0xff);
	assert_int_equal(m.vec[15][16], 0);
	assert_int_equal(m.fx[24] | m.fx[25] << 8, 0x9f80);
	machine_poke(&m, MMIO_BASE + 24, 0x10000, 4);
	assert_int_equal(STEP(&m, 0x0f, 0xae, 0x0f), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(wide_moves, setup),
		cmocka_unit_test_setup(alignment, setup),
		cmocka_unit_test_setup(small_moves, setup),
		cmocka_unit_test_setup(doubled, setup),
		cmocka_unit_test_setup(masked, setup),
		cmocka_unit_test_setup(unit_off, setup),
		cmocka_unit_test_setup(x87, setup),
		cmocka_unit_test_setup(fxsave, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
