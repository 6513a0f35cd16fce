// SPDX-License-Identifier: GPL-2.0-only
/*
 * AVIC's tables (APM vol. 2, 15.29): the processor reads them, so every bit counts.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "svm/avic_tables.h"

#define FLAT 0xffffffffu
#define CLUSTER 0x0fffffffu
#define LDR(address) ((u32)(address) << 24)

static u32 table[AVIC_LOGICAL_ENTRIES];

static void test_physical_entry(void **state)
{
	u64 e = avic_phys_entry(0x000123456789a000);

	assert_int_equal(e, 0x800123456789a000);
	/* Bits beyond a physical address, and below a page, are not the address's. */
	assert_int_equal(avic_phys_entry(0xfff123456789afff), 0x800123456789a000);

	e = avic_phys_running(e, 0xabc);
	assert_int_equal(e, 0xc00123456789aabc);
	/* On another CPU */
	e = avic_phys_running(e, 0x001);
	assert_int_equal(e, 0xc00123456789a001);
	/* A number that is too large does not reach the page's address. */
	assert_int_equal(avic_phys_running(e, 0xfffff002), 0xc00123456789a002);
	assert_int_equal(avic_phys_stopped(e), 0x800123456789a001);
}

static void test_logical_index(void **state)
{
	static const struct {
		u32 ldr, dfr;
		int index;
	} rows[] = {
		{ LDR(0x01), FLAT, 0 },
		{ LDR(0x80), FLAT, 7 },
		{ LDR(0x00), FLAT, -1 },
		{ LDR(0x03), FLAT, -EINVAL },
		{ LDR(0xff), FLAT, -EINVAL },
		{ LDR(0x01), CLUSTER, 0 },
		{ LDR(0x08), CLUSTER, 3 },
		{ LDR(0x12), CLUSTER, 5 },
		{ LDR(0xe8), CLUSTER, 59 },
		{ LDR(0x10), CLUSTER, -1 },
		/* Cluster 15 is a broadcast, and nobody's address. */
		{ LDR(0xf1), CLUSTER, -1 },
		{ LDR(0x13), CLUSTER, -EINVAL },
		{ LDR(0x01), 0x5fffffff, -EINVAL },
		/* The lower bits are reserved. */
		{ LDR(0x04) | 0xffffff, FLAT, 2 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct avic_logical l = { .ldr = rows[i].ldr, .dfr = rows[i].dfr };

		assert_int_equal(avic_logical_index(&l), rows[i].index);
	}
}

static unsigned int entries(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < AVIC_LOGICAL_ENTRIES; i++)
		n += table[i] != 0;
	return n;
}

static void test_logical_flat(void **state)
{
	struct avic_logical l[9];

	for (u32 i = 0; i < 8; i++)
		l[i] = (struct avic_logical){ .id = 7 - i, .ldr = LDR(1 << i), .dfr = FLAT };
	/* One that has no address yet */
	l[8] = (struct avic_logical){ .id = 8, .dfr = FLAT };
	assert_true(avic_logical_build(table, l, 9));
	assert_int_equal(entries(), 8);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(table[i], 0x80000000 | (7 - i));
}

static void test_logical_cluster(void **state)
{
	struct avic_logical l[60];

	for (u32 i = 0; i < 60; i++)
		l[i] = (struct avic_logical){ .id = i,
					      .ldr = LDR(i / 4 << 4 | 1 << i % 4),
					      .dfr = CLUSTER };
	assert_true(avic_logical_build(table, l, 60));
	assert_int_equal(entries(), 60);
	for (u32 i = 0; i < 60; i++)
		assert_int_equal(table[i], 0x80000000 | i);
}

/* Whatever the processor would get wrong leaves nothing for it to use, also of what was there. */
static void test_logical_refused(void **state)
{
	static const struct avic_logical good = { .id = 0, .ldr = LDR(1), .dfr = FLAT };
	static const struct avic_logical bad[] = {
		{ .id = 1, .ldr = LDR(1), .dfr = FLAT }, /* the same address */
		{ .id = 1, .ldr = LDR(6), .dfr = FLAT }, /* two bits */
		{ .id = 1, .ldr = LDR(0x12), .dfr = CLUSTER }, /* the other model */
		{ .id = 1, .ldr = LDR(2), .dfr = 0x7fffffff }, /* no model */
		{ .id = 256, .ldr = LDR(2), .dfr = FLAT }, /* has no room */
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct avic_logical l[] = { good, bad[i] };

		assert_true(avic_logical_build(table, &good, 1));
		assert_int_equal(entries(), 1);
		assert_false(avic_logical_build(table, l, 2));
		assert_int_equal(entries(), 0);
	}
	assert_true(avic_logical_build(table, NULL, 0));
}

static void test_ipi_exits(void **state)
{
	assert_int_equal(avic_ipi_action(AVIC_IPI_TYPE), AVIC_SEND);
	assert_int_equal(avic_ipi_action(AVIC_IPI_NOT_RUNNING), AVIC_WAKE);
	assert_int_equal(avic_ipi_action(AVIC_IPI_TARGET), AVIC_SEND);
	assert_int_equal(avic_ipi_action(AVIC_IPI_PAGE), AVIC_BUG);
	assert_int_equal(avic_ipi_action(AVIC_IPI_VECTOR), AVIC_SEND);
	/* What later processors say: nothing is lost by doing it in software. */
	assert_int_equal(avic_ipi_action(77), AVIC_SEND);
}

/* APM vol. 2, table 15-22: "#VMEXIT (trap)" in the column of writes. */
static void test_writes(void **state)
{
	static const u32 traps[] = { 0x20,  0xb0,  0xc0,  0xd0,	 0xe0,	0xf0,  0x280, 0x300,
				     0x320, 0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x3e0 };
	unsigned int n = 0;

	for (u32 offset = 0; offset < 0x1000; offset += 16) {
		bool trap = n < ARRAY_SIZE(traps) && traps[n] == offset;

		assert_int_equal(avic_write_is_trap(offset), trap);
		n += trap;
	}
	assert_int_equal(n, ARRAY_SIZE(traps));
}

static void test_modes(void **state)
{
	enum { X2 = BIT(10), ON = BIT(11), BSP = BIT(8) };
	static const struct {
		u64 base;
		u32 id;
		bool x2avic;
		enum avic_mode mode;
	} rows[] = {
		{ 0xfee00000 | ON, 0, false, AVIC_XAPIC },
		{ 0xfee00000 | ON | BSP, 0xfe, true, AVIC_XAPIC },
		/* Nobody has the ID that means everybody. */
		{ 0xfee00000 | ON, 0xff, true, AVIC_OFF },
		{ 0xfee00000, 0, true, AVIC_OFF },
		{ 0xfee01000 | ON, 0, true, AVIC_OFF },
		{ 0x1fee00000 | ON, 0, true, AVIC_OFF },
		{ 0xfee00000 | ON | X2, 0, false, AVIC_OFF },
		{ 0xfee00000 | ON | X2 | BSP, 0, true, AVIC_X2APIC },
		{ 0xfee00000 | ON | X2, 0x1ff, true, AVIC_X2APIC },
		{ 0xfee00000 | ON | X2, 0x200, true, AVIC_OFF },
		/* With MSRs the page may be anywhere. */
		{ 0x12345000 | ON | X2, 0xff, true, AVIC_X2APIC },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(avic_mode_of(rows[i].base, rows[i].id, rows[i].x2avic),
				 rows[i].mode);
}

/* Without an exit: what the processor does, or leaves with an exit of AVIC that svm_avic_*() understand. */
static void test_msrs(void **state)
{
	for (u32 reg = 0; reg < 0x1000; reg += 16) {
		assert_int_equal(avic_msr_is_open(reg, false), reg == 0x80);
		assert_int_equal(avic_msr_is_open(reg, true),
				 reg == 0x80 || reg == 0xb0 || reg == 0x300);
		/* A write that is open and not always completed is of those whose exit comes behind it. */
		if (avic_msr_is_open(reg, true) && reg != 0x80)
			assert_true(avic_write_is_trap(reg));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_physical_entry),
		cmocka_unit_test(test_logical_index),
		cmocka_unit_test(test_logical_flat),
		cmocka_unit_test(test_logical_cluster),
		cmocka_unit_test(test_logical_refused),
		cmocka_unit_test(test_ipi_exits),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_msrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
