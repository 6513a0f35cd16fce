// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processor says no more than VMEXIT_INVALID when it refuses a VMCB.  This table says which field breaks which rule
 * (APM vol. 2, 15.5.1 "Basic operation", 15.20 "Event injection", 15.25.4 for nested paging).  Pure.
 */
#include "entry_check.h"

#define CR0_PE BIT_ULL(0)
#define CR0_WP BIT_ULL(16)
#define CR0_NW BIT_ULL(29)
#define CR0_CD BIT_ULL(30)
#define CR0_PG BIT_ULL(31)
#define CR4_PAE BIT_ULL(5)
#define CR4_CET BIT_ULL(23)
#define EFER_LME_BIT BIT_ULL(8)
#define EFER_LMA_BIT BIT_ULL(10)
#define EFER_SVME_BIT BIT_ULL(12)
#define ATTR_L BIT(9)
#define ATTR_DB BIT(10)
#define EVENT_VALID BIT(31)

static bool above(u64 pa, u8 bits)
{
	return bits < 64 && pa >> bits;
}

/* Long mode is on or being on: LME and PG. */
static bool long_mode(const struct svm_entry *e)
{
	return (e->efer & EFER_LME_BIT) && (e->cr0 & CR0_PG);
}

static unsigned int event_type(const struct svm_entry *e)
{
	return (e->event_inj >> 8) & 7;
}

static bool event_is(const struct svm_entry *e, unsigned int type)
{
	return (e->event_inj & EVENT_VALID) && event_type(e) == type;
}

static bool pat_is_bad(u64 pat)
{
	int i;

	for (i = 0; i < 8; i++, pat >>= 8) {
		u8 type = pat & 0xff;

		/* UC, WC, WT, WP, WB, UC- */
		if (type > 7 || type == 2 || type == 3)
			return true;
	}
	return false;
}

/* RULE(name, field of struct svm_entry to show, its name in the manual, text, condition) */
#define RULES                                                                                    \
	RULE(svme, efer, "EFER", "EFER.SVME is 0", !(e->efer & EFER_SVME_BIT))                   \
	RULE(efer_mbz, efer, "EFER", "a reserved bit is set", e->efer & e->efer_reserved)        \
	RULE(cd_nw, cr0, "CR0", "NW is set without CD", (e->cr0 & CR0_NW) && !(e->cr0 & CR0_CD)) \
	RULE(cr0_high, cr0, "CR0", "bits 63:32 are not 0", e->cr0 >> 32)                         \
	RULE(cr3_mbz, cr3, "CR3", "bits above the physical address width are set in long mode",  \
	     long_mode(e) && above(e->cr3, e->phys_bits))                                        \
	RULE(cr4_mbz, cr4, "CR4", "a reserved bit is set", e->cr4 & e->cr4_reserved)             \
	RULE(dr6_high, dr6, "DR6", "bits 63:32 are not 0", e->dr6 >> 32)                         \
	RULE(dr7_high, dr7, "DR7", "bits 63:32 are not 0", e->dr7 >> 32)                         \
	RULE(lm_pae, cr4, "CR4", "EFER.LME and CR0.PG are set, but not CR4.PAE",                 \
	     long_mode(e) && !(e->cr4 & CR4_PAE))                                                \
	RULE(lm_pe, cr0, "CR0", "EFER.LME and CR0.PG are set, but not CR0.PE",                   \
	     long_mode(e) && !(e->cr0 & CR0_PE))                                                 \
	RULE(pg_pe, cr0, "CR0", "PG is set without PE", (e->cr0 & CR0_PG) && !(e->cr0 & CR0_PE)) \
	RULE(cs_l_d, cs_attrib, "CS attributes", "L and D are both set in long mode",            \
	     long_mode(e) && (e->cr4 & CR4_PAE) && (e->cs_attrib & ATTR_L) &&                    \
		     (e->cs_attrib & ATTR_DB))                                                   \
	RULE(cet_wp, cr4, "CR4", "CET is set while CR0.WP is not",                               \
	     (e->cr4 & CR4_CET) && !(e->cr0 & CR0_WP))                                           \
	RULE(vmrun, intercept_vmrun, "intercept word 4", "VMRUN is not intercepted",             \
	     !e->intercept_vmrun)                                                                \
	RULE(iopm, iopm_pa, "IOPM_BASE_PA", "the map ends above the physical address width",     \
	     above((e->iopm_pa & ~0xfffULL) + 3 * 4096 - 1, e->phys_bits))                       \
	RULE(msrpm, msrpm_pa, "MSRPM_BASE_PA", "the map ends above the physical address width",  \
	     above((e->msrpm_pa & ~0xfffULL) + 2 * 4096 - 1, e->phys_bits))                      \
	RULE(asid, asid, "ASID", "it is 0", !e->asid)                                            \
	RULE(ncr3, nested_cr3, "N_CR3", "bits above the physical address width are set",         \
	     above(e->nested_cr3, e->phys_bits) && e->np_enable)                                 \
	RULE(g_pat, g_pat, "G_PAT", "a memory type does not exist",                              \
	     pat_is_bad(e->g_pat) && e->np_enable)                                               \
	RULE(np_host, np_enable, "NP_ENABLE", "the host does not use paging",                    \
	     e->np_enable && !e->host_pg)                                                        \
	RULE(inj_type, event_inj, "EVENTINJ", "the event type is reserved",                      \
	     event_is(e, 1) || event_is(e, 5) || event_is(e, 6) || event_is(e, 7))               \
	RULE(inj_exc, event_inj, "EVENTINJ", "an exception's vector is NMI's or above 31",       \
	     event_is(e, 3) && ((e->event_inj & 0xff) == 2 || (e->event_inj & 0xff) > 31))       \
	RULE(inj_64, event_inj, "EVENTINJ", "#OF or #BR in 64-bit mode",                         \
	     event_is(e, 3) && ((e->event_inj & 0xff) == 4 || (e->event_inj & 0xff) == 5) &&     \
		     long_mode(e) && (e->cs_attrib & ATTR_L))                                    \
	RULE(inj_mbz, event_inj, "EVENTINJ", "a reserved bit is set",                            \
	     (e->event_inj & EVENT_VALID) && (e->event_inj & 0x7ffff000))                        \
	RULE(rflags, rflags, "RFLAGS", "VM is set in 64-bit mode",                               \
	     (e->rflags & BIT_ULL(17)) && long_mode(e) && (e->cs_attrib & ATTR_L))

#define RULE(name, member, field, text, condition)           \
	static bool broken_##name(const struct svm_entry *e) \
	{                                                    \
		return condition;                            \
	}                                                    \
	static u64 value_##name(const struct svm_entry *e)   \
	{                                                    \
		return e->member;                            \
	}
RULES
#undef RULE

static const struct svm_entry_rule rules[] = {
#define RULE(name, member, field, text, condition) { field, text, broken_##name, value_##name },
	RULES
#undef RULE
};

const struct svm_entry_rule *svm_entry_check(const struct svm_entry *e, unsigned int *from)
{
	while (*from < ARRAY_SIZE(rules)) {
		const struct svm_entry_rule *r = &rules[(*from)++];

		if (r->broken(e))
			return r;
	}
	return NULL;
}
