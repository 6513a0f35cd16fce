// SPDX-License-Identifier: GPL-2.0-only
/* System instructions: privilege, modes, what is handed to the owner and what comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "emulate_machine.h"

static struct machine m;

static int setup(void **state)
{
	machine_init(&m, EMUL_MODE_LONG);
	return 0;
}

static void gp0(enum emul_result res)
{
	assert_int_equal(res, EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
	assert_int_equal(m.c.fault.error, 0);
}

static void ud(enum emul_result res)
{
	assert_int_equal(res, EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_UD);
	assert_false(m.c.fault.has_error);
}

/* Each needs CPL 0. */
static void privileged(void **state)
{
	static const struct {
		u8 len;
		u8 code[5];
	} t[] = {
		{ 1, { 0xf4 } }, /* hlt */
		{ 2, { 0x0f, 0x06 } }, /* clts */
		{ 2, { 0x0f, 0x08 } }, /* invd */
		{ 2, { 0x0f, 0x09 } }, /* wbinvd */
		{ 2, { 0x0f, 0x30 } }, /* wrmsr */
		{ 2, { 0x0f, 0x32 } }, /* rdmsr */
		{ 3, { 0x0f, 0x20, 0xc0 } }, /* mov %cr0,%rax */
		{ 3, { 0x0f, 0x22, 0xd8 } }, /* mov %rax,%cr3 */
		{ 3, { 0x0f, 0x21, 0xf8 } }, /* mov %dr7,%rax */
		{ 3, { 0x0f, 0x01, 0x17 } }, /* lgdt (%rdi) */
		{ 3, { 0x0f, 0x01, 0xf0 } }, /* lmsw %ax */
		{ 3, { 0x0f, 0x01, 0x3f } }, /* invlpg (%rdi) */
		{ 3, { 0x0f, 0x01, 0xf8 } }, /* swapgs */
		{ 3, { 0x0f, 0x01, 0xd1 } }, /* xsetbv */
		{ 3, { 0x0f, 0x00, 0xd0 } }, /* lldt %ax */
		{ 2, { 0x0f, 0x07 } }, /* sysret */
		{ 1, { 0xfa } }, /* cli */
		{ 1, { 0xfb } }, /* sti */
		{ 5, { 0x66, 0x0f, 0x38, 0x82, 0x07 } }, /* invpcid (%rdi),%rax */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		machine_init(&m, EMUL_MODE_LONG);
		m.c.gpr[EMUL_RDI] = 0x3000;
		m.c.gpr[EMUL_RCX] = 0x1234;
		machine_code(&m, t[i].code, t[i].len);
		m.c.cpl = 3;
		gp0(machine_run(&m));
		m.c.cpl = 0;
		m.c.gpr[EMUL_RAX] = 1;
		m.c.gpr[EMUL_RCX] = (t[i].code[2] == 0xd1) ? 0 : 0x1234;
		if (t[i].code[1] == 0x00) /* lldt of a null selector */
			m.c.gpr[EMUL_RAX] = 0;
		assert_int_equal(machine_run(&m), EMUL_DONE);
	}
}

static void control_registers(void **state)
{
	m.c.gpr[EMUL_RAX] = 0x123456789abc;
	assert_int_equal(RUN(&m, 0x0f, 0x22, 0xd8), EMUL_DONE);
	assert_int_equal(m.cr[3], 0x123456789abc);
	m.cr[2] = 0xfedcba9876543210;
	assert_int_equal(RUN(&m, 0x0f, 0x20, 0xd3), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RBX], 0xfedcba9876543210);
	/* CR8 through REX.R; the owner's #GP */
	m.c.gpr[EMUL_RAX] = 16;
	gp0(RUN(&m, 0x44, 0x0f, 0x22, 0xc0));
	m.c.gpr[EMUL_RAX] = 5;
	assert_int_equal(RUN(&m, 0x44, 0x0f, 0x22, 0xc0), EMUL_DONE);
	assert_int_equal(m.cr[8], 5);
	ud(RUN(&m, 0x0f, 0x22, 0xc8)); /* CR1 */
	ud(RUN(&m, 0x44, 0x0f, 0x20, 0xc8));
	/* AMD's LOCK MOV CR0 */
	ud(RUN(&m, 0xf0, 0x0f, 0x20, 0xc1));
	m.c.features |= BIT_ULL(EMUL_F_ALTMOVCR8);
	assert_int_equal(RUN(&m, 0xf0, 0x0f, 0x20, 0xc1), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RCX], 5);
	/* LMSW sets PE, and cannot clear it. */
	m.c.gpr[EMUL_RAX] = 0xfff0;
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0xf0), EMUL_DONE);
	assert_true(m.cr[0] & CR0_PE);
	/* SMSW: memory gets 16 bits. */
	memset(m.mem + 0x3000, 0xcc, 8);
	m.c.gpr[EMUL_RDI] = 0x3000;
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0x27), EMUL_DONE);
	assert_int_equal(machine_peek(&m, 0x3000, 4) >> 16, 0xcccc);
	m.cr[4] |= CR4_UMIP;
	m.c.cpl = 3;
	gp0(RUN(&m, 0x0f, 0x01, 0x27));
}

static void debug_registers(void **state)
{
	m.dr[6] = 0xffff0ff0;
	assert_int_equal(RUN(&m, 0x0f, 0x21, 0xf0), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0xffff0ff0);
	ud(RUN(&m, 0x0f, 0x21, 0xe0)); /* DR4, CR4.DE */
	m.cr[4] &= ~CR4_DE;
	m.c.gpr[EMUL_RAX] = 0;
	assert_int_equal(RUN(&m, 0x0f, 0x21, 0xe0), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0xffff0ff0);
	m.dr[7] = BIT(13); /* GD */
	assert_int_equal(RUN(&m, 0x0f, 0x21, 0xc0), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_DB);
	assert_int_equal(m.c.fault.addr, BIT(13));
}

static void descriptor_tables(void **state)
{
	m.c.gpr[EMUL_RDI] = 0x3000;
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0x07), EMUL_DONE);
	assert_int_equal(machine_peek(&m, 0x3000, 2), 0xff);
	assert_int_equal(machine_peek(&m, 0x3002, 8), GDT);
	machine_poke(&m, 0x3000, 0x0abc, 2);
	machine_poke(&m, 0x3002, 0xffff800012345678, 8);
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0x1f), EMUL_DONE);
	assert_int_equal(m.idtr.limit, 0xabc);
	assert_int_equal(m.idtr.base, 0xffff800012345678);
	machine_poke(&m, 0x3002, 1ULL << 60, 8);
	gp0(RUN(&m, 0x0f, 0x01, 0x1f));
	/* 24 bits with a 16-bit operand size */
	machine_init(&m, EMUL_MODE_REAL);
	machine_poke(&m, 0x3002, 0x12345678, 4);
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0x16, 0x00, 0x30), EMUL_DONE);
	assert_int_equal(m.gdtr.base, 0x345678);
	assert_int_equal(RUN(&m, 0x66, 0x0f, 0x01, 0x16, 0x00, 0x30), EMUL_DONE);
	assert_int_equal(m.gdtr.base, 0x12345678);
}

static void msrs(void **state)
{
	m.c.gpr[EMUL_RCX] = 0xffffffff00001234;
	m.c.gpr[EMUL_RAX] = 0xffffffff11111111;
	m.c.gpr[EMUL_RDX] = 0xffffffff22222222;
	assert_int_equal(RUN(&m, 0x0f, 0x30), EMUL_DONE);
	assert_int_equal(m.other_msr, 0x2222222211111111);
	m.other_msr = 0x8888888877777777;
	assert_int_equal(RUN(&m, 0x0f, 0x32), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0x77777777);
	assert_int_equal(m.c.gpr[EMUL_RDX], 0x88888888);
	m.c.gpr[EMUL_RCX] = 0x4321;
	gp0(RUN(&m, 0x0f, 0x32));
}

static void tsc(void **state)
{
	m.tsc_aux = 0x77;
	m.c.cpl = 3;
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0xf9), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0x9abcdef0);
	assert_int_equal(m.c.gpr[EMUL_RDX], 0x12345678);
	assert_int_equal(m.c.gpr[EMUL_RCX], 0x77);
	m.cr[4] |= CR4_TSD;
	gp0(RUN(&m, 0x0f, 0x31));
	m.c.cpl = 0;
	assert_int_equal(RUN(&m, 0x0f, 0x31), EMUL_DONE);
	/* rdpid %rax */
	assert_int_equal(RUN(&m, 0xf3, 0x0f, 0xc7, 0xf8), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0x77);
}

static void cpuid_and_hypercall(void **state)
{
	m.c.gpr[EMUL_RAX] = 1;
	m.c.gpr[EMUL_RCX] = 2;
	assert_int_equal(RUN(&m, 0x0f, 0xa2), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RBX], 0x11111110);
	assert_int_equal(m.c.gpr[EMUL_RDX], 0x22222220);
	m.c.gpr[EMUL_RAX] = 5;
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0xd9), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], ~5ULL);
}

static void xcr(void **state)
{
	m.c.gpr[EMUL_RCX] = 0;
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0xd0), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 7);
	m.c.gpr[EMUL_RAX] = 0;
	gp0(RUN(&m, 0x0f, 0x01, 0xd1));
	m.cr[4] &= ~CR4_OSXSAVE;
	ud(RUN(&m, 0x0f, 0x01, 0xd0));
}

static void protection_keys(void **state)
{
	m.c.gpr[EMUL_RAX] = 0x11223344;
	ud(RUN(&m, 0x0f, 0x01, 0xee));
	m.cr[4] |= CR4_PKE;
	m.c.gpr[EMUL_RDX] = 1;
	gp0(RUN(&m, 0x0f, 0x01, 0xef));
	m.c.gpr[EMUL_RDX] = 0;
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0xef), EMUL_DONE);
	assert_int_equal(m.pkru, 0x11223344);
	m.c.rip = CODE;
	m.c.gpr[EMUL_RAX] = m.c.gpr[EMUL_RDX] = ~0ULL;
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0xee), EMUL_DONE);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0x11223344);
	assert_int_equal(m.c.gpr[EMUL_RDX], 0);
	m.c.rip = CODE;
	m.c.gpr[EMUL_RCX] = 1;
	gp0(RUN(&m, 0x0f, 0x01, 0xee));
}

/* Where the instruction does not exist at all #UD comes before privilege: AMD's processors in long mode, EFER.SCE. */
static void fast_returns_of_a_user(void **state)
{
	m.c.cpl = 3;
	ud(RUN(&m, 0x0f, 0x35));
	gp0(RUN(&m, 0x0f, 0x07));
	m.efer &= ~EFER_SCE;
	ud(RUN(&m, 0x0f, 0x07));
}

/* The single step after SYSCALL and SYSRET goes by the TF that they have loaded. */
static void fast_calls_step(void **state)
{
	m.lstar = CODE;
	m.fmask = FL_TF;
	m.c.rflags |= FL_TF;
	assert_int_equal(RUN(&m, 0x0f, 0x05), EMUL_DONE);
	assert_int_equal(m.c.trap, 0);
	m.c.gpr[EMUL_RCX] = CODE;
	m.c.gpr[11] = FL_FIXED | FL_TF;
	assert_int_equal(RUN(&m, 0x48, 0x0f, 0x07), EMUL_DONE);
	assert_int_equal(m.c.trap, BIT(14));
	setup(NULL);
	m.c.rflags |= FL_TF;
	m.c.gpr[EMUL_RCX] = CODE;
	m.c.gpr[11] = FL_FIXED;
	assert_int_equal(RUN(&m, 0x48, 0x0f, 0x07), EMUL_DONE);
	assert_int_equal(m.c.trap, 0);
}

static void syscall_sysret(void **state)
{
	m.star = 0x0023001000000000;
	m.lstar = 0xffffffff81000000;
	m.cstar = 0xffffffff82000000;
	m.fmask = FL_IF | FL_TF | FL_DF;
	m.c.cpl = 3;
	m.c.rflags = FL_FIXED | FL_IF | FL_DF | FL_CF;
	assert_int_equal(RUN(&m, 0x0f, 0x05), EMUL_DONE);
	assert_int_equal(m.c.rip, 0xffffffff81000000);
	assert_int_equal(m.c.gpr[EMUL_RCX], CODE + 2);
	assert_int_equal(m.c.gpr[11], FL_FIXED | FL_IF | FL_DF | FL_CF);
	assert_int_equal(m.c.rflags, FL_FIXED | FL_CF);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x10);
	assert_int_equal(m.seg[EMUL_SS].selector, 0x18);
	assert_int_equal(m.seg[EMUL_CS].attr, 0xa9b);
	assert_int_equal(EMUL_SEG_DPL(m.seg[EMUL_SS].attr), 0);

	m.c.rip = CODE;
	m.c.cpl = 0;
	assert_int_equal(RUN(&m, 0x48, 0x0f, 0x07), EMUL_DONE);
	assert_int_equal(m.c.rip, CODE + 2);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x33);
	assert_int_equal(m.seg[EMUL_SS].selector, 0x2b);
	assert_int_equal(m.seg[EMUL_CS].attr, 0xafb);
	assert_int_equal(m.c.rflags, FL_FIXED | FL_IF | FL_DF | FL_CF);
	m.c.rip = CODE;
	m.c.cpl = 0;
	assert_int_equal(RUN(&m, 0x0f, 0x07), EMUL_DONE); /* to compatibility mode */
	assert_int_equal(m.seg[EMUL_CS].selector, 0x23);
	assert_int_equal(m.seg[EMUL_CS].attr, 0xcfb);
	/* EFER.SCE */
	m.c.rip = CODE;
	m.c.cpl = 0;
	m.efer &= ~EFER_SCE;
	ud(RUN(&m, 0x0f, 0x05));
}

static void sysenter_sysexit(void **state)
{
	machine_init(&m, EMUL_MODE_PROT32);
	m.c.cpl = 3;
	gp0(RUN(&m, 0x0f, 0x34)); /* CS is 0 */
	m.sysenter[0] = 0x08;
	m.sysenter[1] = 0x9000;
	m.sysenter[2] = 0x2000;
	m.c.rflags |= FL_IF;
	assert_int_equal(RUN(&m, 0x0f, 0x34), EMUL_DONE);
	assert_int_equal(m.c.rip, 0x2000);
	assert_int_equal(m.c.gpr[EMUL_RSP], 0x9000);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x08);
	assert_int_equal(m.seg[EMUL_SS].selector, 0x10);
	assert_false(m.c.rflags & FL_IF);
	m.c.cpl = 0;
	m.c.gpr[EMUL_RCX] = 0x8000;
	m.c.gpr[EMUL_RDX] = 0x3000;
	assert_int_equal(RUN(&m, 0x0f, 0x35), EMUL_DONE);
	assert_int_equal(m.c.rip, 0x3000);
	assert_int_equal(m.c.gpr[EMUL_RSP], 0x8000);
	assert_int_equal(m.seg[EMUL_CS].selector, 0x1b);
	assert_int_equal(m.seg[EMUL_SS].selector, 0x23);
	/* Long mode: Intel's processors only. */
	machine_init(&m, EMUL_MODE_LONG);
	m.sysenter[0] = 0x08;
	ud(RUN(&m, 0x0f, 0x34));
	m.c.features |= BIT_ULL(EMUL_F_INTEL);
	assert_int_equal(RUN(&m, 0x0f, 0x34), EMUL_DONE);
	assert_true(m.seg[EMUL_CS].attr & EMUL_SEG_L);
}

static void gs_bases(void **state)
{
	m.gs_base = 0x1111;
	m.kernel_gs_base = 0x2222;
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0xf8), EMUL_DONE);
	assert_int_equal(m.gs_base, 0x2222);
	assert_int_equal(m.kernel_gs_base, 0x1111);
	assert_int_equal(RUN(&m, 0xf3, 0x48, 0x0f, 0xae, 0xc8), EMUL_DONE); /* rdgsbase %rax */
	assert_int_equal(m.c.gpr[EMUL_RAX], 0x2222);
	m.c.gpr[EMUL_RAX] = 0x3333;
	assert_int_equal(RUN(&m, 0xf3, 0x48, 0x0f, 0xae, 0xd0), EMUL_DONE); /* wrfsbase %rax */
	assert_int_equal(m.fs_base, 0x3333);
	m.c.gpr[EMUL_RAX] = 1ULL << 60;
	gp0(RUN(&m, 0xf3, 0x48, 0x0f, 0xae, 0xd0));
	m.cr[4] &= ~CR4_FSGSBASE;
	ud(RUN(&m, 0xf3, 0x48, 0x0f, 0xae, 0xc8));
}

static void interrupt_flag(void **state)
{
	assert_int_equal(RUN(&m, 0xfb), EMUL_DONE);
	assert_true(m.c.rflags & FL_IF);
	assert_int_equal(m.c.int_shadow, EMUL_SHADOW_STI);
	assert_int_equal(RUN(&m, 0xfb), EMUL_DONE); /* IF was set: no shadow */
	assert_int_equal(m.c.int_shadow, 0);
	assert_int_equal(RUN(&m, 0xfa), EMUL_DONE);
	assert_false(m.c.rflags & FL_IF);
	/* PVI: the virtual flag */
	machine_init(&m, EMUL_MODE_PROT32);
	m.c.cpl = 3;
	m.cr[4] |= CR4_PVI;
	assert_int_equal(RUN(&m, 0xfb), EMUL_DONE);
	assert_true(m.c.rflags & FL_VIF);
	assert_false(m.c.rflags & FL_IF);
	m.c.rflags |= FL_VIP;
	gp0(RUN(&m, 0xfb));
	/* POPF takes IF only with enough IOPL, and IOPL only at CPL 0. */
	machine_init(&m, EMUL_MODE_PROT32);
	m.c.cpl = 3;
	m.c.gpr[EMUL_RSP] = 0x7ff0;
	machine_poke(&m, 0x7ff0, FL_IF | FL_IOPL | FL_CF | FL_VM, 4);
	assert_int_equal(RUN(&m, 0x9d), EMUL_DONE);
	assert_int_equal(m.c.rflags, FL_FIXED | FL_CF);
	m.c.cpl = 0;
	m.c.gpr[EMUL_RSP] = 0x7ff0;
	assert_int_equal(RUN(&m, 0x9d), EMUL_DONE);
	assert_int_equal(m.c.rflags, FL_FIXED | FL_CF | FL_IF | FL_IOPL);
}

static void vm86_flags(void **state)
{
	machine_init(&m, EMUL_MODE_VM86);
	gp0(RUN(&m, 0x9c));
	gp0(RUN(&m, 0xcf));
	gp0(RUN(&m, 0xfa));
	m.cr[4] |= CR4_VME;
	m.c.rflags |= FL_VIF;
	assert_int_equal(RUN(&m, 0x9c), EMUL_DONE);
	assert_int_equal(machine_peek(&m, STACK - 2, 2) & (FL_IF | FL_IOPL), FL_IF | FL_IOPL);
	assert_int_equal(RUN(&m, 0xfa), EMUL_DONE);
	assert_false(m.c.rflags & FL_VIF);
	assert_int_equal(RUN(&m, 0x9d), EMUL_DONE);
	assert_true(m.c.rflags & FL_VIF);
	assert_false(m.c.rflags & FL_IF);
}

static void actions(void **state)
{
	assert_int_equal(RUN(&m, 0xf4), EMUL_DONE);
	assert_true(m.halted);
	assert_int_equal(m.c.rip, CODE + 1);
	assert_int_equal(RUN(&m, 0x0f, 0x09), EMUL_DONE);
	assert_true(m.flushed);
	m.c.gpr[EMUL_RDI] = 0x123456;
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0x7f, 0x10), EMUL_DONE);
	assert_int_equal(m.invlpg, 0x123466);
	ud(RUN(&m, 0x0f, 0xaa)); /* RSM outside SMM */
	m.c.smm = true;
	assert_int_equal(RUN(&m, 0x0f, 0xaa), EMUL_DONE);
	assert_true(m.left_smm);
	assert_int_equal(m.c.rip, 0x7777);
	assert_int_equal(m.c.gpr[EMUL_RAX], 0x8888);
}

static void smap_flag(void **state)
{
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0xcb), EMUL_DONE);
	assert_true(m.c.rflags & FL_AC);
	assert_int_equal(RUN(&m, 0x0f, 0x01, 0xca), EMUL_DONE);
	assert_false(m.c.rflags & FL_AC);
	m.c.cpl = 3;
	ud(RUN(&m, 0x0f, 0x01, 0xcb));
}

/* Not in real mode. */
static void protected_only(void **state)
{
	machine_init(&m, EMUL_MODE_REAL);
	ud(RUN(&m, 0x0f, 0x00, 0xc0)); /* sldt */
	ud(RUN(&m, 0x0f, 0x02, 0xc1)); /* lar */
	ud(RUN(&m, 0x63, 0xc8)); /* arpl */
	ud(RUN(&m, 0x0f, 0x05)); /* syscall */
	/* Exceptions there have no error code. */
	m.seg[EMUL_DS].limit = 0xfff;
	assert_int_equal(RUN(&m, 0xa0, 0x00, 0x10), EMUL_FAULT);
	assert_int_equal(m.c.fault.vector, EMUL_GP);
	assert_false(m.c.fault.has_error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(privileged, setup),
		cmocka_unit_test_setup(control_registers, setup),
		cmocka_unit_test_setup(debug_registers, setup),
		cmocka_unit_test_setup(descriptor_tables, setup),
		cmocka_unit_test_setup(msrs, setup),
		cmocka_unit_test_setup(tsc, setup),
		cmocka_unit_test_setup(cpuid_and_hypercall, setup),
		cmocka_unit_test_setup(xcr, setup),
		cmocka_unit_test_setup(protection_keys, setup),
		cmocka_unit_test_setup(fast_returns_of_a_user, setup),
		cmocka_unit_test_setup(fast_calls_step, setup),
		cmocka_unit_test_setup(syscall_sysret, setup),
		cmocka_unit_test_setup(sysenter_sysexit, setup),
		cmocka_unit_test_setup(gs_bases, setup),
		cmocka_unit_test_setup(interrupt_flag, setup),
		cmocka_unit_test_setup(vm86_flags, setup),
		cmocka_unit_test_setup(actions, setup),
		cmocka_unit_test_setup(smap_flag, setup),
		cmocka_unit_test_setup(protected_only, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
