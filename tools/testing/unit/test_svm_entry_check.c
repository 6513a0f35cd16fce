// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entry checker: a VMCB that VMRUN takes breaks no rule, and each rule is reported when just that rule is broken.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "svm/entry_check.h"

#define VALID (1u << 31)

/* A 64-bit guest with an interrupt to inject, in physical addresses of 48 bits. */
static const struct svm_entry good = {
	.cr0 = 0x80050033,
	.cr3 = 0x1000,
	.cr4 = 0x6f0,
	.efer = 0x1d01,
	.dr6 = 0xffff0ff0,
	.dr7 = 0x400,
	.rflags = 0x202,
	.g_pat = 0x0007040600070406,
	.nested_cr3 = 0x123456000,
	.iopm_pa = 0x200000,
	.msrpm_pa = 0x210000,
	.asid = 1,
	.event_inj = VALID | 0x30,
	.cs_attrib = 0x29b, /* L */
	.intercept_vmrun = true,
	.np_enable = true,
	.host_pg = true,
	.phys_bits = 48,
	.cr4_reserved = ~0x00ffffffULL,
	.efer_reserved = ~0x0000fd01ULL,
};

struct change {
	size_t offset, size;
	u64 value;
};

#define SET(member, value) { offsetof(struct svm_entry, member), sizeof(good.member), value }

/* What is changed in a good entry, and the rule that it breaks then. */
static const struct bad {
	const char *field;
	const char *text;
	struct change change[2];
	unsigned int also; /* rules that this breaks as well */
} bad[] = {
	{ "EFER", "EFER.SVME is 0", { SET(efer, 0xd01) } },
	{ "EFER", "a reserved bit is set", { SET(efer, 0x1d01 | 1ull << 40) } },
	{ "CR0", "NW is set without CD", { SET(cr0, 0x80050033 | 1u << 29) } },
	{ "CR0", "bits 63:32 are not 0", { SET(cr0, 0x180050033) } },
	{ "CR3",
	  "bits above the physical address width are set in long mode",
	  { SET(cr3, 1ull << 48) } },
	{ "CR4", "a reserved bit is set", { SET(cr4, 0x6f0 | 1ull << 30) } },
	{ "DR6", "bits 63:32 are not 0", { SET(dr6, 0x1ffff0ff0) } },
	{ "DR7", "bits 63:32 are not 0", { SET(dr7, 0x100000400) } },
	{ "CR4", "EFER.LME and CR0.PG are set, but not CR4.PAE", { SET(cr4, 0x6d0) } },
	{ "CR0", "EFER.LME and CR0.PG are set, but not CR0.PE", { SET(cr0, 0x80050032) }, 1 },
	{ "CR0", "PG is set without PE", { SET(cr0, 0x80050032), SET(efer, 0x1000) } },
	{ "CS attributes", "L and D are both set in long mode", { SET(cs_attrib, 0x69b) } },
	{ "CR4", "CET is set while CR0.WP is not", { SET(cr4, 0x8006f0), SET(cr0, 0x80040033) } },
	{ "intercept word 4", "VMRUN is not intercepted", { SET(intercept_vmrun, false) } },
	{ "IOPM_BASE_PA",
	  "the map ends above the physical address width",
	  { SET(iopm_pa, (1ull << 48) - 8192) } },
	{ "MSRPM_BASE_PA",
	  "the map ends above the physical address width",
	  { SET(msrpm_pa, (1ull << 48) - 4096) } },
	{ "ASID", "it is 0", { SET(asid, 0) } },
	{ "N_CR3",
	  "bits above the physical address width are set",
	  { SET(nested_cr3, 1ull << 50) } },
	{ "G_PAT", "a memory type does not exist", { SET(g_pat, 0x0007040600070402) } },
	{ "NP_ENABLE", "the host does not use paging", { SET(host_pg, false) } },
	{ "EVENTINJ", "the event type is reserved", { SET(event_inj, VALID | 5 << 8 | 3) } },
	{ "EVENTINJ",
	  "an exception's vector is NMI's or above 31",
	  { SET(event_inj, VALID | 3 << 8 | 2) } },
	{ "EVENTINJ",
	  "an exception's vector is NMI's or above 31",
	  { SET(event_inj, VALID | 3 << 8 | 32) } },
	{ "EVENTINJ", "#OF or #BR in 64-bit mode", { SET(event_inj, VALID | 3 << 8 | 4) } },
	{ "EVENTINJ", "a reserved bit is set", { SET(event_inj, VALID | 1 << 12 | 0x30) } },
	{ "RFLAGS", "VM is set in 64-bit mode", { SET(rflags, 0x20002) } },
};

static struct svm_entry spoil(const struct bad *b)
{
	struct svm_entry e = good;

	for (size_t i = 0; i < ARRAY_SIZE(b->change); i++)
		memcpy((char *)&e + b->change[i].offset, &b->change[i].value, b->change[i].size);
	return e;
}

static void good_entry_breaks_nothing(void **state)
{
	unsigned int from = 0;

	assert_null(svm_entry_check(&good, &from));
}

static void each_broken_rule_is_named(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct svm_entry e = spoil(&bad[i]);
		unsigned int from = 0;
		bool named = false;
		const struct svm_entry_rule *r;

		while ((r = svm_entry_check(&e, &from))) {
			if (!strcmp(r->field, bad[i].field) && !strcmp(r->text, bad[i].text))
				named = true;
		}
		if (!named)
			fail_msg("%s: %s", bad[i].field, bad[i].text);
	}
}

/* One fault, one report: but for PG without PE, which in long mode is two rules of the manual. */
static void nothing_else_is_blamed(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct svm_entry e = spoil(&bad[i]);
		unsigned int from = 0, n = 0;

		while (svm_entry_check(&e, &from))
			n++;
		assert_int_equal(n, 1 + bad[i].also);
	}
}

/* An event field that is not valid, and what nested paging alone forbids, is of no interest. */
static void fields_not_in_use_are_not_checked(void **state)
{
	struct svm_entry e = good;
	unsigned int from = 0;

	e.event_inj = 7 << 8 | 0xff;
	e.np_enable = false;
	e.host_pg = false;
	e.g_pat = ~0ull;
	e.nested_cr3 = ~0ull;
	assert_null(svm_entry_check(&e, &from));
}

static void report_has_the_value(void **state)
{
	struct svm_entry e = good;
	const struct svm_entry_rule *r;
	unsigned int from = 0;

	e.dr7 = 0x1200000400;
	r = svm_entry_check(&e, &from);
	assert_non_null(r);
	assert_string_equal(r->field, "DR7");
	assert_true(r->value(&e) == 0x1200000400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_entry_breaks_nothing),
		cmocka_unit_test(each_broken_rule_is_named),
		cmocka_unit_test(nothing_else_is_blamed),
		cmocka_unit_test(fields_not_in_use_are_not_checked),
		cmocka_unit_test(report_has_the_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
