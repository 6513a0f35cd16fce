// SPDX-License-Identifier: GPL-2.0-only
/* Lengths, sizes, prefixes, the 15-byte limit, where fetches stop; and the printed form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "emulate_machine.h"

static struct machine m;

/* What `objdump -d` says, but for spelling. */
static void prints(void **state)
{
	static const struct {
		u8 mode, len;
		u8 code[15];
		const char *text;
	} t[] = {
		{ EMUL_MODE_LONG, 3, { 0x89, 0x47, 0x40 }, "mov %eax,0x40(%rdi)" },
		{ EMUL_MODE_LONG, 4, { 0x48, 0x8b, 0x45, 0xf8 }, "mov -0x8(%rbp),%rax" },
		{ EMUL_MODE_LONG,
		  5,
		  { 0x44, 0x88, 0x54, 0x8b, 0x10 },
		  "mov %r10b,0x10(%rbx,%rcx,4)" },
		{ EMUL_MODE_LONG, 7, { 0x48, 0x8d, 0x05, 0x10, 0, 0, 0 }, "lea 0x10(%rip),%rax" },
		{ EMUL_MODE_LONG, 6, { 0xc7, 0x07, 1, 0, 0, 0 }, "movl $0x1,(%rdi)" },
		{ EMUL_MODE_LONG, 4, { 0x80, 0x4f, 0x01, 0x80 }, "orb $0x80,0x1(%rdi)" },
		{ EMUL_MODE_LONG,
		  10,
		  { 0x48, 0xb8, 8, 7, 6, 5, 4, 3, 2, 1 },
		  "mov $0x102030405060708,%rax" },
		{ EMUL_MODE_LONG, 3, { 0x0f, 0xb6, 0x07 }, "movzbl (%rdi),%eax" },
		{ EMUL_MODE_LONG, 3, { 0xf3, 0x48, 0xab }, "rep stos %rax,%es:(%rdi)" },
		{ EMUL_MODE_LONG, 2, { 0xf3, 0xa4 }, "rep movsb (%rsi),%es:(%rdi)" },
		{ EMUL_MODE_LONG, 4, { 0xf0, 0x0f, 0xb1, 0x0f }, "lock cmpxchg %ecx,(%rdi)" },
		{ EMUL_MODE_LONG, 2, { 0x74, 0x10 }, "je 0x1012" },
		{ EMUL_MODE_LONG, 2, { 0xff, 0xe0 }, "jmp *%rax" },
		{ EMUL_MODE_LONG, 1, { 0x90 }, "nop" },
		{ EMUL_MODE_LONG, 2, { 0xf3, 0x90 }, "pause" },
		{ EMUL_MODE_LONG, 3, { 0x0f, 0x20, 0xc0 }, "mov %cr0,%rax" },
		{ EMUL_MODE_LONG, 4, { 0x65, 0x48, 0x8b, 0x00 }, "mov %gs:(%rax),%rax" },
		{ EMUL_MODE_LONG, 1, { 0xee }, "out %al,(%dx)" },
		{ EMUL_MODE_LONG, 4, { 0x66, 0x0f, 0x6f, 0x07 }, "movdqa (%rdi),%xmm0" },
		{ EMUL_MODE_LONG, 4, { 0xc5, 0xfe, 0x7f, 0x07 }, "vmovdqu %ymm0,(%rdi)" },
		{ EMUL_MODE_LONG, 4, { 0xc5, 0xf1, 0xfe, 0xc2 }, "vpaddd %xmm2,%xmm1,%xmm0" },
		{ EMUL_MODE_LONG, 5, { 0x66, 0x48, 0x0f, 0x7e, 0xc0 }, "movq %xmm0,%rax" },
		{ EMUL_MODE_LONG, 2, { 0xcd, 0x80 }, "int $0x80" },
		{ EMUL_MODE_PROT32, 7, { 0xea, 4, 3, 2, 1, 8, 0 }, "ljmpl $0x8,$0x1020304" },
		{ EMUL_MODE_PROT32, 3, { 0x0f, 0x01, 0x10 }, "lgdt (%eax)" },
		{ EMUL_MODE_PROT32, 6, { 0x8b, 0x0d, 4, 3, 2, 1 }, "mov 0x1020304,%ecx" },
		{ EMUL_MODE_REAL, 3, { 0x89, 0x46, 0xfe }, "mov %ax,-0x2(%bp)" },
		{ EMUL_MODE_REAL, 4, { 0x66, 0x67, 0x89, 0x08 }, "mov %ecx,(%eax)" },
		{ EMUL_MODE_REAL, 2, { 0x88, 0x20 }, "mov %ah,(%bx,%si)" },
		{ EMUL_MODE_REAL, 1, { 0x98 }, "cbtw" },
	};
	char text[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		machine_init(&m, t[i].mode);
		machine_code(&m, t[i].code, t[i].len);
		emul_begin(&m.c);
		assert_int_equal(emul_decode(&m.c), EMUL_DONE);
		assert_int_equal(m.c.insn.len, t[i].len);
		emul_print(&m.c, text, sizeof(text));
		assert_string_equal(text, t[i].text);
	}
}

static void print_fits(void **state)
{
	char text[8] = "~~~~~~~";

	machine_init(&m, EMUL_MODE_LONG);
	machine_code(&m, (u8[]){ 0x89, 0x47, 0x40 }, 3);
	emul_begin(&m.c);
	assert_int_equal(emul_decode(&m.c), EMUL_DONE);
	assert_int_equal(emul_print(&m.c, text, 5), 19);
	assert_string_equal(text, "mov ");
	assert_int_equal(text[5], '~');
	assert_int_equal(emul_print(&m.c, NULL, 0), 19);
}

/* Fifteen bytes are an instruction, sixteen are #GP(0). */
static void limit_15(void **state)
{
	u8 code[16];

	memset(code, 0x66, sizeof(code));
	machine_init(&m, EMUL_MODE_LONG);
	code[14] = 0x90;
	machine_code(&m, code, 15);
	emul_begin(&m.c);
	assert_int_equal(emul_decode(&m.c), EMUL_DONE);
	assert_int_equal(m.c.insn.len, 15);
	code[14] = 0x66;
	code[15] = 0x90;
	machine_code(&m, code, 16);
	emul_begin(&m.c);
	assert_int_equal(emul_decode(&m.c), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
}

/* An instruction that ends with its page does not touch the next; one that crosses faults there. */
static void page_end(void **state)
{
	machine_init(&m, EMUL_MODE_LONG);
	m.c.rip = NOT_PRESENT - 2;
	machine_code(&m, (u8[]){ 0x89, 0x07 }, 2);
	emul_begin(&m.c);
	assert_int_equal(emul_decode(&m.c), EMUL_DONE);
	m.c.rip = NOT_PRESENT - 1;
	machine_code(&m, (u8[]){ 0x89 }, 1);
	emul_begin(&m.c);
	assert_int_equal(emul_decode(&m.c), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_PF);
	assert_int_equal(m.c.fault.addr, NOT_PRESENT);
}

/* Bytes that the processor has given are not fetched; what is missing is. */
static void preset(void **state)
{
	machine_init(&m, EMUL_MODE_LONG);
	machine_code(&m, (u8[]){ 0xc7, 0x07, 1, 2, 3, 4 }, 6);
	emul_begin(&m.c);
	emul_preset_bytes(&m.c, m.mem + CODE, 15);
	assert_int_equal(emul_decode(&m.c), EMUL_DONE);
	assert_int_equal(m.nr_log, 0);
	emul_begin(&m.c);
	emul_preset_bytes(&m.c, m.mem + CODE, 3);
	assert_int_equal(emul_decode(&m.c), EMUL_DONE);
	assert_int_equal(m.nr_log, 1);
	assert_int_equal(m.log[0].addr, CODE + 3);
	assert_int_equal(m.c.insn.imm, 0x04030201);
}

static void code_limit(void **state)
{
	machine_init(&m, EMUL_MODE_PROT32);
	machine_code(&m, (u8[]){ 0x89, 0x07 }, 2);
	m.seg[EMUL_CS].limit = CODE + 1;
	emul_begin(&m.c);
	assert_int_equal(emul_decode(&m.c), EMUL_DONE);
	m.seg[EMUL_CS].limit = CODE;
	emul_begin(&m.c);
	assert_int_equal(emul_decode(&m.c), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
	/* Not a canonical address. */
	machine_init(&m, EMUL_MODE_LONG);
	m.c.rip = 1ULL << 47;
	emul_begin(&m.c);
	assert_int_equal(emul_decode(&m.c), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
}

/* LOCK where it does not belong. */
static void lock(void **state)
{
	machine_init(&m, EMUL_MODE_LONG);
	m.c.gpr[EMUL_RDI] = 0x3000;
	assert_int_equal(RUN(&m, 0xf0, 0x01, 0xc7), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_UD);
	assert_int_equal(RUN(&m, 0xf0, 0x89, 0x07), EMUL_FAULT);
	assert_int_equal(RUN(&m, 0xf0, 0x39, 0x07), EMUL_FAULT);
	assert_int_equal(RUN(&m, 0xf0, 0x01, 0x07), EMUL_DONE);
}

/* What the guest's CPUID does not have is undefined. */
static void features(void **state)
{
	machine_init(&m, EMUL_MODE_LONG);
	m.c.gpr[EMUL_RDI] = 0x3000;
	assert_int_equal(RUN(&m, 0x0f, 0x38, 0xf0, 0x07), EMUL_DONE); /* movbe */
	m.c.features &= ~BIT_ULL(EMUL_F_MOVBE);
	assert_int_equal(RUN(&m, 0x0f, 0x38, 0xf0, 0x07), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_UD);
	/* tzcnt becomes bsf */
	m.c.gpr[EMUL_RAX] = 99;
	m.c.gpr[EMUL_RCX] = 0;
	m.c.features &= ~BIT_ULL(EMUL_F_BMI1);
	assert_int_equal(RUN(&m, 0xf3, 0x0f, 0xbc, 0xc1), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 99);
	m.c.features |= BIT_ULL(EMUL_F_BMI1);
	assert_int_equal(RUN(&m, 0xf3, 0x0f, 0xbc, 0xc1), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 32);
}

/* Every row of the table is in order: operands, names, executors' expectations. */
static void check_row(const struct emul_desc *d, unsigned int depth)
{
	static const u8 size[] = { [ROW_REG] = 8,  [ROW_RM] = 8,  [ROW_MOD] = 2, [ROW_PFX] = 4,
				   [ROW_MODE] = 2, [ROW_VEX] = 2, [ROW_W] = 2 };
	unsigned int i;

	assert_true(depth < 8);
	if (d->row == ROW_UNDEF)
		return;
	if (d->row != ROW_INSN) {
		assert_true(d->row < ARRAY_SIZE(size));
		for (i = 0; i < size[d->row]; i++)
			check_row(&d->sub[i], depth + 1);
		return;
	}
	assert_non_null(d->name);
	assert_true(d->feature < EMUL_NR_FEATURES);
	assert_false((d->flags & F_DST_W) && (d->flags & F_DST_R));
	assert_false((d->flags & F_NO64) && (d->flags & F_ONLY64));
	/* No hole among the operands. */
	for (i = 1; i < 4; i++)
		assert_false(d->op[i] && !d->op[i - 1]);
}

static void table(void **state)
{
	unsigned int i;

	for (i = 0; i < 256; i++) {
		check_row(&emul_map_1[i], 0);
		check_row(&emul_map_0f[i], 0);
		check_row(&emul_map_0f38[i], 0);
		check_row(&emul_map_0f3a[i], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints),   cmocka_unit_test(print_fits),
		cmocka_unit_test(limit_15), cmocka_unit_test(page_end),
		cmocka_unit_test(preset),   cmocka_unit_test(code_limit),
		cmocka_unit_test(lock),	    cmocka_unit_test(features),
		cmocka_unit_test(table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
