// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of a VM entry: states that pass, and for every rule a state that breaks it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "vmx/entry_check.h"

#define ALL (VMX_CHECK_CONTROLS | VMX_CHECK_HOST | VMX_CHECK_GUEST)

#define CPU2_EPT (1u << 1)
#define CPU2_VPID (1u << 5)
#define CPU2_UG (1u << 7)
#define PIN_BASE 0x3full
#define CPU_BASE (0x0401e172ull | 1u << 31 | 1u << 28)
#define EXIT_BASE (0x36dfbull | 1u << 9 | 1u << 15)
#define ENTRY_BASE 0x11fbull
#define VALID (1ull << 31)
#define EV_EXTINT (VALID | 0 << 8)
#define EV_NMI (VALID | 2 << 8 | 2)
#define EV_EXC (VALID | 3 << 8)

/* A 64-bit host's 64-bit guest; with EPT, VPID and unrestricted guest. */
static const struct vmx_entry long_mode = {
	.pin = PIN_BASE,
	.cpu = CPU_BASE,
	.cpu2 = CPU2_EPT | CPU2_VPID | CPU2_UG,
	.exit = EXIT_BASE,
	.entry = ENTRY_BASE | 1 << 9 | 1 << 15,
	.msr_bitmap = 0x1000,
	.vpid = 1,
	.eptp = 0x2000 | 3 << 3 | 6,

	.h_cr0 = 0x80050033,
	.h_cr3 = 0x3000,
	.h_cr4 = 0x3726f0,
	.h_rip = 0xffffffff81000000,
	.h_cs = 0x10,
	.h_ss = 0x18,
	.h_tr = 0x40,
	.h_gs_base = 0xffff888000000000,

	.cr0 = 0x80050033,
	.cr3 = 0x4000,
	.cr4 = 0x26f0,
	.dr7 = 0x400,
	.efer = 0xd01,
	.cs_sel = 0x10,
	.cs_limit = 0xffffffff,
	.cs_ar = 0xa09b,
	.ss_sel = 0x18,
	.ss_limit = 0xffffffff,
	.ss_ar = 0xc093,
	.ds_ar = 0x10000,
	.es_ar = 0x10000,
	.fs_ar = 0x10000,
	.gs_ar = 0x10000,
	.gs_base = 0xffff888000000000,
	.tr_sel = 0x40,
	.tr_limit = 0x67,
	.tr_ar = 0x8b,
	.ldtr_ar = 0x10000,
	.gdtr_limit = 0x7f,
	.idtr_limit = 0xfff,
	.rip = 0xffffffff82000000,
	.rflags = 0x202,
	.link = ~0ull,

	.cap_pin = { 0x16, 0xff },
	.cap_cpu = { 0x0401e172, 0xffffffff },
	.cap_cpu2 = { 0, 0xffffffff },
	.cap_cpu3 = { 0, 1 },
	.cap_exit = { 0x36dfb, 0xffffffff },
	.cap_entry = { 0x11fb, 0xffffffff },
	.misc = 0x1e0 | 4 << 16,
	.ept_vpid_cap = 1 << 6 | 1 << 14,
	.cr0_fixed0 = 0x80000021,
	.cr0_fixed1 = 0xffffffff,
	.cr4_fixed0 = 0x2000,
	.cr4_fixed1 = 0x00f727ff,
	.efer_reserved = ~0xd01ull,
	.perf_global_reserved = ~0xfull,
	.debugctl_reserved = ~3ull,
	.phys_bits = 46,
	.lin_bits = 48,
	.host_lma = true,
};

struct change {
	size_t offset, size;
	uint64_t value;
};

#define SET(member, val)                                                              \
	{ offsetof(struct vmx_entry, member), sizeof_field(struct vmx_entry, member), \
	  (uint64_t)(val) }
#define MAX_CHANGES 48

static struct vmx_entry changed(const struct change *c)
{
	struct vmx_entry e = long_mode;

	for (int i = 0; i < MAX_CHANGES && c[i].size; i++)
		memcpy((char *)&e + c[i].offset, &c[i].value, c[i].size);
	return e;
}

/* ---------------------------------------------------------------- states that pass */

#define SEG(x, sel, base, limit, ar) \
	SET(x##_sel, sel), SET(x##_base, base), SET(x##_limit, limit), SET(x##_ar, ar)

#define PROTECTED_32                                                                          \
	SET(entry, ENTRY_BASE | 1 << 15), SET(efer, 0), SET(cr4, 0x2010), SET(cs_ar, 0xc09b), \
		SET(rip, 0x100000)

#define REAL_MODE                                                                          \
	SET(entry, ENTRY_BASE | 1 << 15), SET(efer, 0), SET(cr0, 0x30), SET(cr4, 0x2000),  \
		SEG(cs, 0xf000, 0xffff0000, 0xffff, 0x9b), SEG(ss, 0, 0, 0xffff, 0x93),    \
		SEG(ds, 0, 0, 0xffff, 0x93), SEG(es, 0, 0, 0xffff, 0x93), SET(gs_base, 0), \
		SET(rip, 0xfff0), SET(rflags, 2)

#define VM86                                                                             \
	SET(entry, ENTRY_BASE | 1 << 15), SET(efer, 0), SET(cr4, 0x2011),                \
		SET(cpu2, CPU2_EPT | CPU2_VPID), SEG(cs, 0xf000, 0xf0000, 0xffff, 0xf3), \
		SEG(ss, 0x100, 0x1000, 0xffff, 0xf3), SEG(ds, 0, 0, 0xffff, 0xf3),       \
		SEG(es, 0, 0, 0xffff, 0xf3), SEG(fs, 0, 0, 0xffff, 0xf3),                \
		SEG(gs, 0, 0, 0xffff, 0xf3), SET(rip, 0xfff0), SET(rflags, 0x23002)

static const struct {
	const char *name;
	struct change change[MAX_CHANGES];
} good[] = {
	{ "64-bit", { { 0 } } },
	{ "user mode",
	  { SEG(cs, 0x33, 0, 0xffffffff, 0xa0fb), SEG(ss, 0x2b, 0, 0xffffffff, 0xc0f3),
	    SET(rip, 0x400000) } },
	{ "compatibility mode",
	  { SEG(cs, 0x23, 0, 0xffffffff, 0xc0fb), SEG(ss, 0x2b, 0, 0xffffffff, 0xc0f3),
	    SET(rip, 0x400000) } },
	{ "32-bit", { PROTECTED_32 } },
	{ "16-bit TSS", { PROTECTED_32, SET(tr_ar, 0x83) } },
	{ "unpaged, unrestricted", { PROTECTED_32, SET(cr0, 0x31) } },
	{ "real mode, unrestricted", { REAL_MODE } },
	{ "virtual-8086", { VM86 } },
	{ "PAE",
	  { PROTECTED_32, SET(cr4, 0x2020), SET(pdpte0, 0x5001), SET(pdpte1, 0xffffe00000001e6) } },
	{ "halted, woken by an interrupt", { SET(activity, 1), SET(intr_info, EV_EXTINT | 0x30) } },
	{ "halted, single-stepped",
	  { SET(activity, 1), SET(rflags, 0x302), SET(pending_dbg, 1 << 14) } },
	{ "shadow", { SET(intr_state, 1) } },
	{ "shadow with a step pending",
	  { SET(intr_state, 2), SET(rflags, 0x302), SET(pending_dbg, 1 << 14) } },
	{ "#PF", { SET(intr_info, EV_EXC | 1 << 11 | 14), SET(intr_error, 0xf) } },
	{ "#GP in real mode", { REAL_MODE, SET(intr_info, EV_EXC | 13) } },
	{ "INT3", { SET(intr_info, VALID | 6 << 8 | 3), SET(insn_len, 1) } },
	{ "RIP one beyond the canonical hole's edge", { SET(rip, 0x0000800000000000) } },
	{ "virtual-interrupt delivery",
	  { SET(pin, PIN_BASE | 1 << 7), SET(cpu, CPU_BASE | 1 << 21),
	    SET(cpu2, CPU2_EPT | CPU2_VPID | 1 << 9 | 1 << 8 | 1 << 4), SET(vapic_page, 0x5000),
	    SET(pi_desc, 0x6040), SET(pi_vector, 0xf2), SET(tpr_threshold, 0x1f0) } },
};

static void good_states_break_nothing(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct vmx_entry e = changed(good[i].change);
		unsigned int from = 0;
		const struct vmx_entry_rule *r = vmx_entry_check(&e, ALL, &from);

		if (r)
			fail_msg("%s: %s %#llx: %s", good[i].name, r->field,
				 (unsigned long long)r->value(&e), r->text);
	}
}

/* ---------------------------------------------------------------- states that do not */

struct bad {
	const char *field;
	const char *text; /* how it begins */
	struct change change[MAX_CHANGES];
};

#define NONCANONICAL 0x0000800000000000ull
#define WIDE (1ull << 46)
#define CPU2(bits) SET(cpu2, CPU2_EPT | CPU2_VPID | CPU2_UG | (bits))
#define DATA(x, X)                                                                               \
	{ X " access rights", "not accessed", { SEG(x, 0x18, 0, 0xffffffff, 0xc092) } },         \
		{ X " access rights", "not accessed", { SEG(x, 0x18, 0, 0xffffffff, 0xc099) } }, \
		{ X " access rights", "S is not", { SEG(x, 0x18, 0, 0xffffffff, 0xc083) } },     \
		{ X " access rights",                                                            \
		  "DPL is below",                                                                \
		  { SET(cpu2, CPU2_EPT | CPU2_VPID), SEG(x, 0x1b, 0, 0xffffffff, 0xc093) } },    \
		COMMON(x, X, 0x18, 0xc093), IN_VM86(x, X)
/* A large segment that is good but for one thing */
#define COMMON(x, X, sel, ar)                                                                      \
	{ X " access rights", "P is not", { SEG(x, sel, 0, 0xffffffff, (ar) & ~0x80) } },          \
		{ X " access rights", "bits 11:8", { SEG(x, sel, 0, 0xffffffff, (ar) | 0x100) } }, \
		{ X " access rights",                                                              \
		  "bits 31:17",                                                                    \
		  { SEG(x, sel, 0, 0xffffffff, (ar) | 0x20000) } },                                \
		{ X " limit", "it does not fit", { SEG(x, sel, 0, 0xfffff0ff, ar) } },             \
	{                                                                                          \
		X " limit", "it does not fit",                                                     \
		{                                                                                  \
			SEG(x, sel, 0, 0xffffffff, (ar) & ~0x8000)                                 \
		}                                                                                  \
	}
#define IN_VM86(x, X)                                                               \
	{ X " base", "not 16 times", { VM86, SET(x##_base, 0x12340) } },            \
		{ X " limit", "not 0xffff", { VM86, SET(x##_limit, 0xffffffff) } }, \
	{                                                                           \
		X " access rights", "not 0xf3",                                     \
		{                                                                   \
			VM86, SET(x##_ar, 0x93)                                     \
		}                                                                   \
	}
#define AREA(member, X)                                                           \
	{ X, "not a multiple", { SET(member, 0x1008), SET(member##_count, 1) } }, \
	{                                                                         \
		X, "not a multiple",                                              \
		{                                                                 \
			SET(member, WIDE - 16), SET(member##_count, 2)            \
		}                                                                 \
	}
#define HSEL(member, X)                            \
	{ X, "TI or RPL", { SET(member, 0x13) } }, \
	{                                          \
		X, "TI or RPL",                    \
		{                                  \
			SET(member, 0x14)          \
		}                                  \
	}

static const struct bad bad[] = {
	{ "pin-based controls", "a bit that must", { SET(pin, 0x29) } },
	{ "pin-based controls", "a bit that must", { SET(pin, PIN_BASE | 0x100) } },
	{ "primary controls", "a bit that must", { SET(cpu, 1u << 31) } },
	{ "secondary controls",
	  "a bit that must",
	  { CPU2(0), SET(cap_cpu2.may, CPU2_EPT | CPU2_VPID) } },
	{ "tertiary controls", "a bit that must", { SET(cpu, CPU_BASE | 1 << 17), SET(cpu3, 2) } },
	{ "CR3-target count", "more than", { SET(cr3_target_count, 5) } },
	{ "I/O-bitmap A", "not a page", { SET(cpu, CPU_BASE | 1 << 25), SET(io_bitmap_a, 0x1800) } },
	{ "I/O-bitmap B", "not a page", { SET(cpu, CPU_BASE | 1 << 25), SET(io_bitmap_b, WIDE) } },
	{ "MSR bitmap", "not a page", { SET(msr_bitmap, 0x10) } },
	{ "virtual-APIC address",
	  "not a page",
	  { SET(cpu, CPU_BASE | 1 << 21), SET(vapic_page, 0x10) } },
	{ "TPR threshold", "bits 31:4", { SET(cpu, CPU_BASE | 1 << 21), SET(tpr_threshold, 0x10) } },
	{ "TPR threshold",
	  "above bits",
	  { SET(cpu, CPU_BASE | 1 << 21), SET(tpr_threshold, 5), SET(vtpr, 0x40) } },
	{ "pin-based controls", "virtual NMIs without", { SET(pin, 0x37) } },
	{ "primary controls", "NMI-window", { SET(pin, 0x1f), SET(cpu, CPU_BASE | 1 << 22) } },
	{ "APIC-access address",
	  "not a page",
	  { SET(cpu, CPU_BASE | 1 << 21), CPU2(1), SET(apic_access, 0xfee00010) } },
	{ "secondary controls", "x2APIC or", { CPU2(1 << 4) } },
	{ "secondary controls", "x2APIC or", { CPU2(1 << 8) } },
	{ "secondary controls", "x2APIC or", { CPU2(1 << 9) } },
	{ "secondary controls", "x2APIC mode", { SET(cpu, CPU_BASE | 1 << 21), CPU2(1 | 1 << 4) } },
	{ "pin-based controls",
	  "virtual-interrupt",
	  { SET(pin, 0x3e), SET(cpu, CPU_BASE | 1 << 21), CPU2(1 << 9) } },
	{ "pin-based controls", "posted interrupts", { SET(pin, PIN_BASE | 1 << 7) } },
	{ "exit controls",
	  "posted interrupts",
	  { SET(pin, PIN_BASE | 1 << 7), SET(exit, 0x36dfb | 1 << 9) } },
	{ "posted-interrupt vector",
	  "above",
	  { SET(pin, PIN_BASE | 1 << 7), SET(pi_vector, 0x1f2) } },
	{ "posted-interrupt descriptor",
	  "not a multiple",
	  { SET(pin, PIN_BASE | 1 << 7), SET(pi_desc, 0x20) } },
	{ "VPID", "it is 0", { SET(vpid, 0) } },
	{ "EPT pointer", "a memory type", { SET(eptp, 0x2000 | 3 << 3) } },
	{ "EPT pointer", "a memory type", { SET(eptp, 0x2000 | 3 << 3 | 4) } },
	{ "EPT pointer", "a walk length", { SET(eptp, 0x2000 | 4 << 3 | 6) } },
	{ "EPT pointer", "a walk length", { SET(eptp, 0x2000 | 2 << 3 | 6) } },
	{ "EPT pointer", "accessed", { SET(eptp, 0x2000 | 1 << 6 | 3 << 3 | 6) } },
	{ "EPT pointer", "supervisor", { SET(eptp, 0x2000 | 1 << 7 | 3 << 3 | 6) } },
	{ "EPT pointer", "bits 11:8", { SET(eptp, 0x2000 | 1 << 8 | 3 << 3 | 6) } },
	{ "EPT pointer", "bits 11:8", { SET(eptp, WIDE | 3 << 3 | 6) } },
	{ "secondary controls", "PML, unrestricted", { SET(cpu2, CPU2_UG | CPU2_VPID) } },
	{ "secondary controls", "PML, unrestricted", { SET(cpu2, 1 << 17 | CPU2_VPID) } },
	{ "PML address", "not a page", { CPU2(1 << 17), SET(pml, 0x800) } },
	{ "secondary controls", "PT uses", { CPU2(1 << 24) } },
	{ "VM-function controls",
	  "a function",
	  { CPU2(1 << 13), SET(vmfunc, 2), SET(vmfunc_cap, 1) } },
	{ "VM-function controls",
	  "EPTP switching",
	  { SET(cpu2, 1 << 13 | CPU2_VPID), SET(vmfunc, 1), SET(vmfunc_cap, 1) } },
	{ "EPTP-list address",
	  "not a page",
	  { CPU2(1 << 13), SET(vmfunc, 1), SET(vmfunc_cap, 1), SET(eptp_list, 8) } },
	{ "VMREAD-bitmap address", "not a page", { CPU2(1 << 14), SET(vmread_bitmap, 8) } },
	{ "VMWRITE-bitmap address", "not a page", { CPU2(1 << 14), SET(vmwrite_bitmap, WIDE) } },
	{ "virtualization-exception address", "not a page", { CPU2(1 << 18), SET(ve_info, 8) } },
	{ "TSC multiplier", "it is 0", { CPU2(1 << 25) } },
	{ "exit controls", "a bit that must", { SET(exit, 1 << 9) } },
	{ "exit controls",
	  "the preemption timer",
	  { SET(pin, PIN_BASE & ~0x40), SET(exit, EXIT_BASE | 1 << 22) } },
	AREA(exit_store, "exit MSR-store address"),
	AREA(exit_load, "exit MSR-load address"),
	{ "entry controls", "a bit that must", { SET(entry, 1 << 9 | 1 << 15) } },
	{ "entry interruption information", "the event type", { SET(intr_info, VALID | 1 << 8) } },
	{ "entry interruption information",
	  "the event type",
	  { SET(intr_info, VALID | 7 << 8), SET(cap_cpu.may, 0xf7ffffff) } },
	{ "entry interruption information", "the vector", { SET(intr_info, VALID | 2 << 8 | 3) } },
	{ "entry interruption information", "the vector", { SET(intr_info, EV_EXC | 32) } },
	{ "entry interruption information", "the vector", { SET(intr_info, VALID | 7 << 8 | 1) } },
	{ "entry interruption information",
	  "an exception without",
	  { SET(intr_info, EV_EXC | 13) } },
	{ "entry interruption information",
	  "an error code with",
	  { SET(intr_info, EV_EXC | 1 << 11 | 6) } },
	{ "entry interruption information",
	  "an error code with",
	  { SET(intr_info, EV_EXTINT | 1 << 11 | 0x30) } },
	{ "entry interruption information",
	  "an error code with",
	  { REAL_MODE, SET(intr_info, EV_EXC | 1 << 11 | 13) } },
	{ "entry interruption information",
	  "bits 30:12",
	  { SET(intr_info, EV_EXTINT | 1 << 12 | 0x30) } },
	{ "entry error code",
	  "bits 31:16",
	  { SET(intr_info, EV_EXC | 1 << 11 | 13), SET(intr_error, 0x10000) } },
	{ "entry instruction length", "not 1 to 15", { SET(intr_info, VALID | 4 << 8 | 0x80) } },
	{ "entry instruction length",
	  "not 1 to 15",
	  { SET(intr_info, VALID | 6 << 8 | 3), SET(insn_len, 16) } },
	AREA(entry_load, "entry MSR-load address"),
	{ "entry controls",
	  "entry to SMM",
	  { SET(entry, ENTRY_BASE | 1 << 9 | 1 << 15 | 1 << 10) } },

	{ "host CR0", "a bit that VMX", { SET(h_cr0, 0x80050013) } },
	{ "host CR4", "a bit that VMX", { SET(h_cr4, 0x3706f0) } },
	{ "host CR4", "CET", { SET(h_cr4, 0xb726f0), SET(h_cr0, 0x80040033) } },
	{ "host CR3", "bits above", { SET(h_cr3, WIDE) } },
	{ "host SYSENTER_ESP", "not canonical", { SET(h_sysenter_esp, NONCANONICAL) } },
	{ "host SYSENTER_EIP", "not canonical", { SET(h_sysenter_eip, NONCANONICAL) } },
	{ "host PERF_GLOBAL_CTRL",
	  "a reserved",
	  { SET(exit, EXIT_BASE | 1 << 12), SET(h_perf_global, 0x10) } },
	{ "host PAT", "a memory type", { SET(exit, EXIT_BASE | 1 << 19), SET(h_pat, 2) } },
	{ "host EFER", "a reserved", { SET(exit, EXIT_BASE | 1 << 21), SET(h_efer, 0x1d01) } },
	{ "host EFER", "LMA and LME", { SET(exit, EXIT_BASE | 1 << 21), SET(h_efer, 0x101) } },
	{ "host S_CET", "a reserved", { SET(exit, EXIT_BASE | 1 << 28), SET(h_s_cet, 0x40) } },
	{ "host SSP", "not canonical", { SET(exit, EXIT_BASE | 1 << 28), SET(h_ssp, 2) } },
	{ "host INTERRUPT_SSP_TABLE",
	  "not canonical",
	  { SET(exit, EXIT_BASE | 1 << 28), SET(h_ssp_table, NONCANONICAL) } },
	{ "host PKRS", "bits 63:32", { SET(exit, EXIT_BASE | 1 << 29), SET(h_pkrs, 1ull << 32) } },
	HSEL(h_es, "host ES"),
	HSEL(h_cs, "host CS"),
	HSEL(h_ss, "host SS"),
	HSEL(h_ds, "host DS"),
	HSEL(h_fs, "host FS"),
	HSEL(h_gs, "host GS"),
	HSEL(h_tr, "host TR"),
	{ "host CS", "it is 0", { SET(h_cs, 0) } },
	{ "host TR", "it is 0", { SET(h_tr, 0) } },
	{ "host SS",
	  "it is 0",
	  { SET(h_ss, 0), SET(exit, 0x36dfb | 1 << 15), SET(host_lma, false) } },
	{ "host FS base", "not canonical", { SET(h_fs_base, NONCANONICAL) } },
	{ "host GS base", "not canonical", { SET(h_gs_base, NONCANONICAL) } },
	{ "host TR base", "not canonical", { SET(h_tr_base, NONCANONICAL) } },
	{ "host GDTR base", "not canonical", { SET(h_gdtr_base, NONCANONICAL) } },
	{ "host IDTR base", "not canonical", { SET(h_idtr_base, NONCANONICAL) } },
	{ "exit controls", "the host's", { SET(exit, 0x36dfb | 1 << 15) } },
	{ "entry controls", "a guest in", { SET(exit, 0x36dfb | 1 << 15) } },
	{ "host CR4", "PCIDE", { SET(exit, 0x36dfb | 1 << 15) } },
	{ "host RIP", "bits 63:32", { SET(exit, 0x36dfb | 1 << 15) } },
	{ "host CR4", "PAE", { SET(h_cr4, 0x3726d0) } },
	{ "host RIP", "not canonical", { SET(h_rip, NONCANONICAL) } },

	{ "CR0", "a bit that VMX", { SET(cr0, 0x80050013) } },
	{ "CR0",
	  "a bit that VMX",
	  { PROTECTED_32, SET(cr0, 0x31), SET(cpu2, CPU2_EPT | CPU2_VPID) } },
	{ "CR0", "PG is set without", { PROTECTED_32, SET(cr0, 0x80000030) } },
	{ "CR4", "a bit that VMX", { SET(cr4, 0x6f0) } },
	{ "CR4", "a bit that VMX", { SET(cr4, 0x10026f0) } },
	{ "CR4", "CET", { SET(cr4, 0x8026f0), SET(cr0, 0x80040033) } },
	{ "DEBUGCTL",
	  "a reserved",
	  { SET(entry, ENTRY_BASE | 1 << 2 | 1 << 9 | 1 << 15), SET(debugctl, 4) } },
	{ "CR0", "PG is not set", { SET(cr0, 0x31) } },
	{ "CR4", "PAE is not set", { SET(cr4, 0x26d0) } },
	{ "CR4", "PCIDE", { PROTECTED_32, SET(cr4, 0x22010) } },
	{ "CR3", "bits above", { SET(cr3, WIDE) } },
	{ "DR7",
	  "bits 63:32",
	  { SET(entry, ENTRY_BASE | 1 << 2 | 1 << 9 | 1 << 15), SET(dr7, 1ull << 32 | 0x400) } },
	{ "SYSENTER_ESP", "not canonical", { SET(sysenter_esp, NONCANONICAL) } },
	{ "SYSENTER_EIP", "not canonical", { SET(sysenter_eip, NONCANONICAL) } },
	{ "PERF_GLOBAL_CTRL",
	  "a reserved",
	  { SET(entry, ENTRY_BASE | 1 << 13 | 1 << 9 | 1 << 15), SET(perf_global, 0x10) } },
	{ "PAT",
	  "a memory type",
	  { SET(entry, ENTRY_BASE | 1 << 14 | 1 << 9 | 1 << 15), SET(pat, 0x0300) } },
	{ "EFER", "a reserved", { SET(efer, 0x1d01) } },
	{ "EFER", "LMA is not as the entry", { SET(efer, 0x901) } },
	{ "EFER", "LMA is not as LME", { SET(efer, 0xc01) } },
	{ "BNDCFGS",
	  "bits 11:2",
	  { SET(entry, ENTRY_BASE | 1 << 16 | 1 << 9 | 1 << 15), SET(bndcfgs, 4) } },
	{ "BNDCFGS",
	  "bits 11:2",
	  { SET(entry, ENTRY_BASE | 1 << 16 | 1 << 9 | 1 << 15), SET(bndcfgs, NONCANONICAL) } },
	{ "S_CET",
	  "a reserved",
	  { SET(entry, ENTRY_BASE | 1 << 20 | 1 << 9 | 1 << 15), SET(s_cet, 0xc00) } },
	{ "SSP",
	  "not canonical",
	  { SET(entry, ENTRY_BASE | 1 << 20 | 1 << 9 | 1 << 15), SET(ssp, NONCANONICAL) } },
	{ "INTERRUPT_SSP_TABLE",
	  "not canonical",
	  { SET(entry, ENTRY_BASE | 1 << 20 | 1 << 9 | 1 << 15), SET(ssp_table, NONCANONICAL) } },
	{ "PKRS",
	  "bits 63:32",
	  { SET(entry, ENTRY_BASE | 1 << 22 | 1 << 9 | 1 << 15), SET(pkrs, 1ull << 32) } },

	{ "TR selector", "TI", { SET(tr_sel, 0x44) } },
	{ "LDTR selector", "TI", { SEG(ldtr, 0x4c, 0, 0xf, 0x82) } },
	{ "SS selector", "RPL", { SET(cpu2, CPU2_EPT | CPU2_VPID), SET(ss_sel, 0x1b) } },
	{ "CS base", "bits 63:32", { SET(cs_base, 1ull << 32) } },
	{ "CS access rights", "not accessed", { SET(cs_ar, 0xa09a) } },
	{ "CS access rights",
	  "not accessed",
	  { SET(cpu2, CPU2_EPT | CPU2_VPID), SET(cs_ar, 0x8093) } },
	{ "CS access rights", "S is not", { SET(cs_ar, 0xa08b) } },
	{ "CS access rights", "DPL does not", { SET(cs_ar, 0xa0fb) } },
	{ "CS access rights", "DPL does not", { SET(cs_ar, 0xa0ff) } },
	{ "CS access rights", "DPL does not", { SET(cs_ar, 0x80b3) } },
	{ "CS access rights", "L and D", { SET(cs_ar, 0xe09b) } },
	COMMON(cs, "CS", 0x10, 0xa09b),
	IN_VM86(cs, "CS"),
	{ "SS base", "bits 63:32", { SET(ss_base, 1ull << 32) } },
	{ "SS access rights", "not accessed", { SET(ss_ar, 0xc091) } },
	{ "SS access rights", "S is not", { SET(ss_ar, 0xc083) } },
	{ "SS access rights",
	  "DPL is not RPL",
	  { SET(cpu2, CPU2_EPT | CPU2_VPID), SET(ss_ar, 0xc0f3) } },
	{ "SS access rights", "DPL is not 0", { REAL_MODE, SET(ss_ar, 0xf3) } },
	{ "SS access rights", "DPL is not 0", { SET(cs_ar, 0x8093), SET(ss_ar, 0xc0f3) } },
	COMMON(ss, "SS", 0x18, 0xc093),
	IN_VM86(ss, "SS"),
	{ "DS base", "bits 63:32", { SEG(ds, 0x18, 1ull << 32, 0xffffffff, 0xc093) } },
	DATA(ds, "DS"),
	{ "ES base", "bits 63:32", { SEG(es, 0x18, 1ull << 32, 0xffffffff, 0xc093) } },
	DATA(es, "ES"),
	{ "FS base", "not canonical", { SET(fs_base, NONCANONICAL) } },
	DATA(fs, "FS"),
	{ "GS base", "not canonical", { SET(gs_base, NONCANONICAL) } },
	DATA(gs, "GS"),
	{ "TR base", "not canonical", { SET(tr_base, NONCANONICAL) } },
	{ "TR access rights", "not a busy", { SET(tr_ar, 0x83) } },
	{ "TR access rights", "not a busy", { SET(tr_ar, 0x89) } },
	{ "TR access rights", "S is set", { SET(tr_ar, 0x9b) } },
	{ "TR access rights", "unusable", { SET(tr_ar, 0x1008b) } },
	{ "TR access rights", "P is not", { SET(tr_ar, 0xb) } },
	{ "TR access rights", "bits 11:8", { SET(tr_ar, 0x18b) } },
	{ "TR access rights", "bits 31:17", { SET(tr_ar, 0x2008b) } },
	{ "TR limit", "it does not fit", { SET(tr_limit, 0x100067) } },
	{ "TR limit", "it does not fit", { SET(tr_ar, 0x808b) } },
	{ "LDTR base", "not canonical", { SEG(ldtr, 0x48, NONCANONICAL, 0xf, 0x82) } },
	{ "LDTR access rights", "not a local", { SEG(ldtr, 0x48, 0, 0xf, 0x8b) } },
	{ "LDTR access rights", "S is set", { SEG(ldtr, 0x48, 0, 0xf, 0x92) } },
	{ "LDTR access rights", "P is not", { SEG(ldtr, 0x48, 0, 0xf, 0x02) } },
	{ "LDTR access rights", "bits 11:8", { SEG(ldtr, 0x48, 0, 0xf, 0x182) } },
	{ "LDTR access rights", "bits 31:17", { SEG(ldtr, 0x48, 0, 0xf, 0x20082) } },
	{ "LDTR limit", "it does not fit", { SEG(ldtr, 0x48, 0, 0x100000, 0x82) } },

	{ "GDTR base", "not canonical", { SET(gdtr_base, NONCANONICAL) } },
	{ "IDTR base", "not canonical", { SET(idtr_base, NONCANONICAL) } },
	{ "GDTR limit", "above", { SET(gdtr_limit, 0x10000) } },
	{ "IDTR limit", "above", { SET(idtr_limit, 0x10000) } },
	{ "RIP", "bits 63:32", { PROTECTED_32, SET(rip, 1ull << 32) } },
	{ "RIP", "bits beyond", { SET(rip, 1ull << 48) } },
	{ "RFLAGS", "a reserved", { SET(rflags, 0x8002) } },
	{ "RFLAGS", "a reserved", { SET(rflags, 1ull << 22 | 2) } },
	{ "RFLAGS", "bit 1", { SET(rflags, 0x200) } },
	{ "RFLAGS", "VM is set", { SET(rflags, 0x20002) } },
	{ "RFLAGS", "VM is set", { VM86, SET(cr0, 0x30) } },
	{ "RFLAGS", "IF is not set", { SET(rflags, 2), SET(intr_info, EV_EXTINT | 0x30) } },

	{ "activity state", "the processor", { SET(activity, 4) } },
	{ "activity state", "the processor", { SET(activity, 1), SET(misc, 0) } },
	{ "activity state",
	  "HLT at",
	  { SET(activity, 1), SEG(cs, 0x33, 0, 0xffffffff, 0xa0fb),
	    SEG(ss, 0x2b, 0, 0xffffffff, 0xc0f3) } },
	{ "activity state", "not active", { SET(activity, 1), SET(intr_state, 1) } },
	{ "activity state", "it does not take", { SET(activity, 1), SET(intr_info, EV_EXC | 6) } },
	{ "activity state",
	  "it does not take",
	  { SET(activity, 2), SET(intr_info, EV_EXTINT | 0x30) } },
	{ "activity state", "it does not take", { SET(activity, 3), SET(intr_info, EV_NMI) } },
	{ "interruptibility state", "bits 31:5", { SET(intr_state, 0x20) } },
	{ "interruptibility state", "blocking by STI and", { SET(intr_state, 3) } },
	{ "interruptibility state",
	  "blocking by STI while RFLAGS",
	  { SET(intr_state, 1), SET(rflags, 2) } },
	{ "interruptibility state",
	  "blocking by STI or MOV SS while an interrupt",
	  { SET(intr_state, 2), SET(intr_info, EV_EXTINT | 0x30) } },
	{ "interruptibility state",
	  "blocking by STI or MOV SS while an NMI",
	  { SET(intr_state, 2), SET(intr_info, EV_NMI) } },
	{ "interruptibility state", "blocking by SMI", { SET(intr_state, 4) } },
	{ "interruptibility state",
	  "blocking by NMI",
	  { SET(intr_state, 8), SET(intr_info, EV_NMI) } },
	{ "interruptibility state", "an enclave", { SET(intr_state, 0x10) } },
	{ "interruptibility state", "an enclave", { SET(intr_state, 0x12), SET(has_sgx, true) } },
	{ "pending debug exceptions", "a reserved", { SET(pending_dbg, 1 << 13) } },
	{ "pending debug exceptions", "a reserved", { SET(pending_dbg, 1 << 16) } },
	{ "pending debug exceptions", "BS is not", { SET(intr_state, 1), SET(rflags, 0x302) } },
	{ "pending debug exceptions",
	  "BS is not",
	  { SET(intr_state, 2), SET(pending_dbg, 1 << 14) } },
	{ "pending debug exceptions",
	  "BS is not",
	  { SET(intr_state, 2), SET(rflags, 0x302), SET(debugctl, 2), SET(pending_dbg, 1 << 14) } },
	{ "pending debug exceptions", "BS is not", { SET(activity, 1), SET(rflags, 0x302) } },
	{ "pending debug exceptions", "RTM", { SET(has_rtm, true), SET(pending_dbg, 1 << 16) } },
	{ "pending debug exceptions",
	  "RTM",
	  { SET(has_rtm, true), SET(pending_dbg, 1 << 16 | 1 << 12 | 1) } },
	{ "VMCS link pointer", "neither", { SET(link, 0x1234) } },
	{ "PDPTE0", "a reserved", { PROTECTED_32, SET(cr4, 0x2020), SET(pdpte0, 0x5003) } },
	{ "PDPTE1", "a reserved", { PROTECTED_32, SET(cr4, 0x2020), SET(pdpte1, 0x5021) } },
	{ "PDPTE2", "a reserved", { PROTECTED_32, SET(cr4, 0x2020), SET(pdpte2, WIDE | 1) } },
	{ "PDPTE3", "a reserved", { PROTECTED_32, SET(cr4, 0x2020), SET(pdpte3, 0x5101) } },
};

static const struct vmx_entry_rule *find(const struct vmx_entry *e, const struct bad *b,
					 unsigned int steps, unsigned int *at)
{
	const struct vmx_entry_rule *r;

	for (*at = 0; (r = vmx_entry_check(e, steps, at));) {
		if (!strcmp(r->field, b->field) && !strncmp(r->text, b->text, strlen(b->text)))
			return r;
	}
	return NULL;
}

static void each_broken_rule_is_named(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vmx_entry e = changed(bad[i].change);
		unsigned int at;

		if (!find(&e, &bad[i], ALL, &at))
			fail_msg("%zu: %s: %s", i, bad[i].field, bad[i].text);
	}
}

static void every_rule_has_been_broken(void **state)
{
	bool broken[512] = { false };
	unsigned int at;

	assert_true(vmx_entry_nr_rules <= ARRAY_SIZE(broken));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vmx_entry e = changed(bad[i].change);

		if (find(&e, &bad[i], ALL, &at))
			broken[at - 1] = true;
	}
	for (unsigned int i = 0; i < vmx_entry_nr_rules; i++)
		if (!broken[i])
			fail_msg("no state breaks rule %u of %u", i, vmx_entry_nr_rules);
}

/* Of the guest's state one change is one fault, where the change does not take a mode's ground away. */
static void most_states_break_one_rule(void **state)
{
	unsigned int alone = 0, at;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vmx_entry e = changed(bad[i].change);
		unsigned int n = 0;

		for (at = 0; vmx_entry_check(&e, ALL, &at);)
			n++;
		alone += n == 1;
	}
	assert_true(alone * 10 > ARRAY_SIZE(bad) * 7);
}

static void steps_are_told_apart(void **state)
{
	static const unsigned int steps[] = { VMX_CHECK_CONTROLS, VMX_CHECK_HOST, VMX_CHECK_GUEST };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vmx_entry e = changed(bad[i].change);
		unsigned int found = 0, at;

		for (int s = 0; s < 3; s++)
			found += !!find(&e, &bad[i], steps[s], &at);
		assert_int_equal(found, 1);
	}
}

/* What a control that is off makes meaningless may hold anything. */
static void fields_not_in_use_are_not_checked(void **state)
{
	struct vmx_entry e = long_mode;
	unsigned int from = 0;

	e.cpu2 = ~0ull;
	e.cpu &= ~(1ull << 31);
	e.cpu &= ~(1ull << 28);
	e.msr_bitmap = e.io_bitmap_a = e.vapic_page = e.apic_access = e.eptp = e.pml = ~0ull;
	e.vpid = 0;
	e.pi_desc = e.pi_vector = ~0ull;
	e.tpr_threshold = ~0ull;
	e.cpu3 = ~0ull;
	e.exit_store = e.exit_load = e.entry_load = 7;
	e.intr_info = 0x7fffffff;
	e.intr_error = ~0ull;
	e.h_efer = e.h_pat = e.pat = e.bndcfgs = e.debugctl = e.pkrs = ~0ull;
	e.ds_ar = e.es_ar = 0x1ffff;
	e.ldtr_ar = 0x10000;
	e.ldtr_sel = 0xffff;
	e.pdpte0 = ~0ull;
	assert_null(vmx_entry_check(&e, ALL, &from));
}

static void report_has_the_value(void **state)
{
	struct vmx_entry e = long_mode;
	const struct vmx_entry_rule *r;
	unsigned int from = 0;

	e.gdtr_limit = 0x12345;
	r = vmx_entry_check(&e, ALL, &from);
	assert_non_null(r);
	assert_string_equal(r->field, "GDTR limit");
	assert_true(r->value(&e) == 0x12345);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_states_break_nothing),
		cmocka_unit_test(each_broken_rule_is_named),
		cmocka_unit_test(every_rule_has_been_broken),
		cmocka_unit_test(most_states_break_one_rule),
		cmocka_unit_test(steps_are_told_apart),
		cmocka_unit_test(fields_not_in_use_are_not_checked),
		cmocka_unit_test(report_has_the_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
