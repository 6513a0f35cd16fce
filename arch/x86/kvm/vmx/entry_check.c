// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules that a VM entry checks, as a table: SDM vol. 3C, 27.2.1 (controls), 27.2.2 to 27.2.4 (host state), 27.3.1
 * (guest state).  Pure.
 */
#include "entry_check.h"

/* ---------------------------------------------------------------- bits */

#define PIN_EXTINT BIT_ULL(0)
#define PIN_NMI BIT_ULL(3)
#define PIN_VNMI BIT_ULL(5)
#define PIN_TIMER BIT_ULL(6)
#define PIN_POSTED BIT_ULL(7)

#define CPU_NMI_WINDOW BIT_ULL(22)
#define CPU_TPR_SHADOW BIT_ULL(21)
#define CPU_IO_BITMAPS BIT_ULL(25)
#define CPU_MSR_BITMAPS BIT_ULL(28)
#define CPU_TERTIARY BIT_ULL(17)
#define CPU_SECONDARY BIT_ULL(31)

#define CPU2_APIC_ACCESS BIT_ULL(0)
#define CPU2_EPT BIT_ULL(1)
#define CPU2_X2APIC BIT_ULL(4)
#define CPU2_VPID BIT_ULL(5)
#define CPU2_UNRESTRICTED BIT_ULL(7)
#define CPU2_APIC_REGS BIT_ULL(8)
#define CPU2_VID BIT_ULL(9)
#define CPU2_VMFUNC BIT_ULL(13)
#define CPU2_SHADOW_VMCS BIT_ULL(14)
#define CPU2_PML BIT_ULL(17)
#define CPU2_VE BIT_ULL(18)
#define CPU2_MBEC BIT_ULL(22)
#define CPU2_SPP BIT_ULL(23)
#define CPU2_PT_GPA BIT_ULL(24)
#define CPU2_TSC_SCALING BIT_ULL(25)

#define EXIT_HOST_64 BIT_ULL(9)
#define EXIT_PERF_GLOBAL BIT_ULL(12)
#define EXIT_ACK BIT_ULL(15)
#define EXIT_PAT BIT_ULL(19)
#define EXIT_EFER BIT_ULL(21)
#define EXIT_SAVE_TIMER BIT_ULL(22)
#define EXIT_CLEAR_RTIT BIT_ULL(25)
#define EXIT_CET BIT_ULL(28)
#define EXIT_PKRS BIT_ULL(29)

#define ENTRY_DEBUG BIT_ULL(2)
#define ENTRY_IA32E BIT_ULL(9)
#define ENTRY_SMM BIT_ULL(10)
#define ENTRY_NO_DUAL BIT_ULL(11)
#define ENTRY_PERF_GLOBAL BIT_ULL(13)
#define ENTRY_PAT BIT_ULL(14)
#define ENTRY_EFER BIT_ULL(15)
#define ENTRY_BNDCFGS BIT_ULL(16)
#define ENTRY_RTIT BIT_ULL(18)
#define ENTRY_CET BIT_ULL(20)
#define ENTRY_PKRS BIT_ULL(22)

#define CR0_PE BIT_ULL(0)
#define CR0_WP BIT_ULL(16)
#define CR0_PG BIT_ULL(31)
#define CR4_PAE BIT_ULL(5)
#define CR4_PCIDE BIT_ULL(17)
#define CR4_CET BIT_ULL(23)
#define EFER_LME_BIT BIT_ULL(8)
#define EFER_LMA_BIT BIT_ULL(10)
#define FLAGS_TF BIT_ULL(8)
#define FLAGS_IF BIT_ULL(9)
#define FLAGS_VM BIT_ULL(17)
#define FLAGS_RESERVED (GENMASK_ULL(63, 22) | BIT_ULL(15) | BIT_ULL(5) | BIT_ULL(3))
#define DEBUGCTL_BTF BIT_ULL(1)

#define AR_S BIT_ULL(4)
#define AR_P BIT_ULL(7)
#define AR_L BIT_ULL(13)
#define AR_DB BIT_ULL(14)
#define AR_G BIT_ULL(15)
#define AR_UNUSABLE BIT_ULL(16)
#define AR_RESERVED_LOW GENMASK_ULL(11, 8)
#define AR_RESERVED_HIGH GENMASK_ULL(31, 17)

#define INTR_VALID BIT_ULL(31)
#define INTR_ERROR BIT_ULL(11)

#define STATE_STI BIT_ULL(0)
#define STATE_MOV_SS BIT_ULL(1)
#define STATE_SMI BIT_ULL(2)
#define STATE_NMI BIT_ULL(3)
#define STATE_ENCLAVE BIT_ULL(4)

#define DBG_BUS_LOCK BIT_ULL(11)
#define DBG_ENABLED_BP BIT_ULL(12)
#define DBG_BS BIT_ULL(14)
#define DBG_RTM BIT_ULL(16)

#define EPT_CAP_UC BIT_ULL(8)
#define EPT_CAP_WB BIT_ULL(14)
#define EPT_CAP_WALK_4 BIT_ULL(6)
#define EPT_CAP_WALK_5 BIT_ULL(7)
#define EPT_CAP_AD BIT_ULL(21)
#define EPT_CAP_SSS BIT_ULL(23)

#define NO_LINK (~0ULL)

enum intr_type {
	TYPE_EXTINT = 0,
	TYPE_RESERVED = 1,
	TYPE_NMI = 2,
	TYPE_HARD_EXC = 3,
	TYPE_SOFT_INT = 4,
	TYPE_PRIV_EXC = 5,
	TYPE_SOFT_EXC = 6,
	TYPE_OTHER = 7,
};

enum activity { ACTIVE, HALTED, SHUTDOWN, WAIT_SIPI };

/* ---------------------------------------------------------------- words of the rules */

static bool above(const struct vmx_entry *e, u64 pa)
{
	return e->phys_bits < 64 && pa >> e->phys_bits;
}

static bool bad_page(const struct vmx_entry *e, u64 pa)
{
	return (pa & 0xfff) || above(e, pa);
}

/* An MSR area: entries of 16 bytes */
static bool bad_area(const struct vmx_entry *e, u64 pa, u64 count)
{
	return count && ((pa & 15) || above(e, pa) || above(e, pa + count * 16 - 1));
}

static bool canonical(const struct vmx_entry *e, u64 va)
{
	return sign_extend64(va, e->lin_bits - 1) == (s64)va;
}

static bool bad_word(u64 word, const struct vmx_entry_cap *cap)
{
	return (~word & cap->must) || (word & ~cap->may);
}

static u64 cpu2(const struct vmx_entry *e)
{
	return e->cpu & CPU_SECONDARY ? e->cpu2 : 0;
}

static bool bad_pat(u64 pat)
{
	int i;

	for (i = 0; i < 8; i++, pat >>= 8) {
		u8 type = pat & 0xff;

		if (type > 7 || type == 2 || type == 3)
			return true;
	}
	return false;
}

/* IA32_S_CET: reserved bits, both trackers off and on, and where the legacy bitmap is */
static bool bad_cet(const struct vmx_entry *e, u64 s_cet)
{
	return (s_cet & GENMASK_ULL(9, 6)) ||
	       (s_cet & GENMASK_ULL(11, 10)) == GENMASK_ULL(11, 10) || !canonical(e, s_cet);
}

static bool bad_eptp_type(const struct vmx_entry *e)
{
	switch (e->eptp & 7) {
	case 0:
		return !(e->ept_vpid_cap & EPT_CAP_UC);
	case 6:
		return !(e->ept_vpid_cap & EPT_CAP_WB);
	default:
		return true;
	}
}

static bool bad_eptp_walk(const struct vmx_entry *e)
{
	switch (e->eptp >> 3 & 7) {
	case 3:
		return !(e->ept_vpid_cap & EPT_CAP_WALK_4);
	case 4:
		return !(e->ept_vpid_cap & EPT_CAP_WALK_5);
	default:
		return true;
	}
}

static bool unrestricted(const struct vmx_entry *e)
{
	return cpu2(e) & CPU2_UNRESTRICTED;
}

static bool ia32e(const struct vmx_entry *e)
{
	return e->entry & ENTRY_IA32E;
}

static bool vm86(const struct vmx_entry *e)
{
	return e->rflags & FLAGS_VM;
}

static bool bad_cr0(const struct vmx_entry *e)
{
	u64 must = e->cr0_fixed0;

	if (unrestricted(e))
		must &= ~(CR0_PE | CR0_PG);
	return (~e->cr0 & must) || (e->cr0 & ~e->cr0_fixed1);
}

/* ---- the event to inject */

static bool event(const struct vmx_entry *e)
{
	return e->intr_info & INTR_VALID;
}

static enum intr_type event_type(const struct vmx_entry *e)
{
	return (e->intr_info >> 8) & 7;
}

static u8 event_vector(const struct vmx_entry *e)
{
	return e->intr_info;
}

static bool event_is(const struct vmx_entry *e, enum intr_type type)
{
	return event(e) && event_type(e) == type;
}

static bool event_is_soft(const struct vmx_entry *e)
{
	return event_is(e, TYPE_SOFT_INT) || event_is(e, TYPE_PRIV_EXC) ||
	       event_is(e, TYPE_SOFT_EXC);
}

static bool bad_event_vector(const struct vmx_entry *e)
{
	switch (event_type(e)) {
	case TYPE_NMI:
		return event_vector(e) != 2;
	case TYPE_HARD_EXC:
		return event_vector(e) > 31;
	case TYPE_OTHER:
		return event_vector(e) != 0;
	default:
		return false;
	}
}

/* #DF, #TS, #NP, #SS, #GP, #PF, #AC */
static bool vector_has_error(u8 vector)
{
	return vector < 32 && (0x00027d00 & BIT(vector));
}

static bool must_have_error(const struct vmx_entry *e)
{
	return event_is(e, TYPE_HARD_EXC) && (e->cr0 & CR0_PE) && !(e->basic & BIT_ULL(56)) &&
	       vector_has_error(event_vector(e));
}

static bool must_not_have_error(const struct vmx_entry *e)
{
	if (event_type(e) != TYPE_HARD_EXC || !(e->cr0 & CR0_PE))
		return true;
	return !(e->basic & BIT_ULL(56)) && !vector_has_error(event_vector(e));
}

/* Events that a processor that is not active takes, 27.3.1.5 */
static bool event_fits_activity(const struct vmx_entry *e)
{
	u8 vector = event_vector(e);

	switch (e->activity) {
	case HALTED:
		switch (event_type(e)) {
		case TYPE_EXTINT:
		case TYPE_NMI:
			return true;
		case TYPE_HARD_EXC:
			return vector == 1 || vector == 18;
		case TYPE_OTHER:
			return vector == 0;
		default:
			return false;
		}
	case SHUTDOWN:
		return event_type(e) == TYPE_NMI ||
		       (event_type(e) == TYPE_HARD_EXC && vector == 18);
	case WAIT_SIPI:
		return false;
	default:
		return true;
	}
}

static bool bad_insn_len(const struct vmx_entry *e)
{
	return e->insn_len > 15 || (!e->insn_len && !(e->misc & BIT_ULL(30)));
}

/* ---- segments */

static bool usable(u64 ar)
{
	return !(ar & AR_UNUSABLE);
}

static unsigned int type_of(u64 ar)
{
	return ar & 15;
}

static unsigned int dpl_of(u64 ar)
{
	return ar >> 5 & 3;
}

static bool bad_granularity(u64 limit, u64 ar)
{
	if ((limit & 0xfff) != 0xfff && (ar & AR_G))
		return true;
	return (limit >> 20) && !(ar & AR_G);
}

static bool bad_cs_type(const struct vmx_entry *e)
{
	unsigned int type = type_of(e->cs_ar);

	if (type == 3)
		return !unrestricted(e);
	/* code, accessed */
	return (type & 9) != 9;
}

static bool bad_cs_dpl(const struct vmx_entry *e)
{
	unsigned int cs = dpl_of(e->cs_ar), ss = dpl_of(e->ss_ar);

	switch (type_of(e->cs_ar)) {
	case 3:
		return cs;
	case 9:
	case 11:
		return cs != ss;
	case 13:
	case 15:
		return cs > ss;
	default:
		return false;
	}
}

/* Accessed, and if code, readable */
static bool bad_data_type(u64 ar)
{
	return !(ar & 1) || ((ar & 8) && !(ar & 2));
}

/* Data and code that does not conform */
static bool bad_data_dpl(const struct vmx_entry *e, u64 sel, u64 ar)
{
	return !unrestricted(e) && type_of(ar) <= 11 && dpl_of(ar) < (sel & 3);
}

static bool bad_tr_type(const struct vmx_entry *e)
{
	unsigned int type = type_of(e->tr_ar);

	return type != 11 && (type != 3 || ia32e(e));
}

/* ---- the rest */

static bool rip_may_be_long(const struct vmx_entry *e)
{
	return ia32e(e) && (e->cs_ar & AR_L);
}

static bool bad_activity(const struct vmx_entry *e)
{
	switch (e->activity) {
	case ACTIVE:
		return false;
	case HALTED:
	case SHUTDOWN:
	case WAIT_SIPI:
		return !(e->misc & BIT_ULL(5 + e->activity));
	default:
		return true;
	}
}

static u64 reserved_dbg(const struct vmx_entry *e)
{
	u64 reserved = GENMASK_ULL(63, 17) | BIT_ULL(15) | BIT_ULL(13) | GENMASK_ULL(10, 4);

	return reserved | (e->has_bus_lock ? 0 : DBG_BUS_LOCK) | (e->has_rtm ? 0 : DBG_RTM);
}

/* A single step is under way, and the trap is held back: BS must say so. */
static bool bad_pending_bs(const struct vmx_entry *e)
{
	bool step = (e->rflags & FLAGS_TF) && !(e->debugctl & DEBUGCTL_BTF);

	if (!(e->intr_state & (STATE_STI | STATE_MOV_SS)) && e->activity != HALTED)
		return false;
	return step != !!(e->pending_dbg & DBG_BS);
}

static bool bad_pending_rtm(const struct vmx_entry *e)
{
	if (!(e->pending_dbg & DBG_RTM))
		return false;
	return (e->pending_dbg &
		(GENMASK_ULL(63, 17) | GENMASK_ULL(15, 13) | GENMASK_ULL(11, 0))) ||
	       !(e->pending_dbg & DBG_ENABLED_BP) || (e->intr_state & STATE_MOV_SS);
}

static bool uses_pdptes(const struct vmx_entry *e)
{
	return (cpu2(e) & CPU2_EPT) && (e->cr0 & CR0_PG) && (e->cr4 & CR4_PAE) && !ia32e(e);
}

static bool bad_pdpte(const struct vmx_entry *e, u64 pdpte)
{
	return uses_pdptes(e) && (pdpte & 1) &&
	       ((pdpte & (GENMASK_ULL(8, 5) | GENMASK_ULL(2, 1))) || above(e, pdpte));
}

/* ---------------------------------------------------------------- the rules */

/* CONTROL, HOST, GUEST, SEGMENT(name, member of struct vmx_entry to show, its name, what is wrong, condition) */
#define CONTROL(...) RULE(VMX_CHECK_CONTROLS, __VA_ARGS__)
#define HOST(...) RULE(VMX_CHECK_HOST, __VA_ARGS__)
#define GUEST(...) RULE(VMX_CHECK_GUEST, __VA_ARGS__)
#define SEGMENT(...) RULE(VMX_CHECK_GUEST | VMX_CHECK_SEGMENTS, __VA_ARGS__)

/* clang-format off */

/* 27.2.1.1 */
#define EXECUTION_RULES								\
	CONTROL(pin, pin, "pin-based controls", "a bit that must be 1 is not, or one that must be 0 is",	\
		bad_word(e->pin, &e->cap_pin))					\
	CONTROL(cpu, cpu, "primary controls", "a bit that must be 1 is not, or one that must be 0 is",		\
		bad_word(e->cpu, &e->cap_cpu))					\
	CONTROL(cpu2, cpu2, "secondary controls", "a bit that must be 1 is not, or one that must be 0 is",	\
		(e->cpu & CPU_SECONDARY) && bad_word(e->cpu2, &e->cap_cpu2))	\
	CONTROL(cpu3, cpu3, "tertiary controls", "a bit that must be 0 is 1",	\
		(e->cpu & CPU_TERTIARY) && (e->cpu3 & ~e->cap_cpu3.may))	\
	CONTROL(cr3_targets, cr3_target_count, "CR3-target count", "more than the processor has",		\
		e->cr3_target_count > (e->misc >> 16 & 0x1ff))			\
	CONTROL(io_a, io_bitmap_a, "I/O-bitmap A", "not a page below the physical address width",		\
		(e->cpu & CPU_IO_BITMAPS) && bad_page(e, e->io_bitmap_a))	\
	CONTROL(io_b, io_bitmap_b, "I/O-bitmap B", "not a page below the physical address width",		\
		(e->cpu & CPU_IO_BITMAPS) && bad_page(e, e->io_bitmap_b))	\
	CONTROL(msrs, msr_bitmap, "MSR bitmap", "not a page below the physical address width",			\
		(e->cpu & CPU_MSR_BITMAPS) && bad_page(e, e->msr_bitmap))	\
	CONTROL(vapic, vapic_page, "virtual-APIC address", "not a page below the physical address width",	\
		(e->cpu & CPU_TPR_SHADOW) && bad_page(e, e->vapic_page))	\
	CONTROL(tpr_bits, tpr_threshold, "TPR threshold", "bits 31:4 are not 0",\
		(e->cpu & CPU_TPR_SHADOW) && !(cpu2(e) & CPU2_VID) && e->tpr_threshold >> 4)			\
	CONTROL(tpr_vtpr, tpr_threshold, "TPR threshold", "above bits 7:4 of the virtual TPR",			\
		(e->cpu & CPU_TPR_SHADOW) && !(cpu2(e) & (CPU2_VID | CPU2_APIC_ACCESS)) &&			\
			(e->tpr_threshold & 15) > e->vtpr >> 4)			\
	CONTROL(vnmi, pin, "pin-based controls", "virtual NMIs without NMI exiting",				\
		(e->pin & PIN_VNMI) && !(e->pin & PIN_NMI))			\
	CONTROL(nmi_window, cpu, "primary controls", "NMI-window exiting without virtual NMIs",			\
		(e->cpu & CPU_NMI_WINDOW) && !(e->pin & PIN_VNMI))		\
	CONTROL(apic_page, apic_access, "APIC-access address", "not a page below the physical address width",	\
		(cpu2(e) & CPU2_APIC_ACCESS) && bad_page(e, e->apic_access))	\
	CONTROL(needs_tpr, cpu2, "secondary controls",				\
		"x2APIC or APIC-register virtualization or virtual-interrupt delivery without TPR shadow",	\
		!(e->cpu & CPU_TPR_SHADOW) && (cpu2(e) & (CPU2_X2APIC | CPU2_APIC_REGS | CPU2_VID)))		\
	CONTROL(x2apic, cpu2, "secondary controls", "x2APIC mode and APIC accesses are both virtualized",	\
		(cpu2(e) & CPU2_X2APIC) && (cpu2(e) & CPU2_APIC_ACCESS))	\
	CONTROL(vid, pin, "pin-based controls", "virtual-interrupt delivery without external-interrupt exiting",\
		(cpu2(e) & CPU2_VID) && !(e->pin & PIN_EXTINT))			\
	CONTROL(posted_vid, pin, "pin-based controls", "posted interrupts without virtual-interrupt delivery",	\
		(e->pin & PIN_POSTED) && !(cpu2(e) & CPU2_VID))			\
	CONTROL(posted_ack, exit, "exit controls", "posted interrupts without acknowledging interrupts on exit",\
		(e->pin & PIN_POSTED) && !(e->exit & EXIT_ACK))			\
	CONTROL(posted_vector, pi_vector, "posted-interrupt vector", "above 255",\
		(e->pin & PIN_POSTED) && e->pi_vector >> 8)			\
	CONTROL(posted_desc, pi_desc, "posted-interrupt descriptor",		\
		"not a multiple of 64 below the physical address width",	\
		(e->pin & PIN_POSTED) && ((e->pi_desc & 63) || above(e, e->pi_desc)))				\
	CONTROL(vpid, vpid, "VPID", "it is 0", (cpu2(e) & CPU2_VPID) && !(e->vpid & 0xffff))			\
	CONTROL(eptp_type, eptp, "EPT pointer", "a memory type that the processor does not have",		\
		(cpu2(e) & CPU2_EPT) && bad_eptp_type(e))			\
	CONTROL(eptp_walk, eptp, "EPT pointer", "a walk length that the processor does not have",		\
		(cpu2(e) & CPU2_EPT) && bad_eptp_walk(e))			\
	CONTROL(eptp_ad, eptp, "EPT pointer", "accessed and dirty marks, which the processor does not have",	\
		(cpu2(e) & CPU2_EPT) && (e->eptp & BIT_ULL(6)) && !(e->ept_vpid_cap & EPT_CAP_AD))		\
	CONTROL(eptp_sss, eptp, "EPT pointer", "supervisor shadow-stack control, which the processor does not have",	\
		(cpu2(e) & CPU2_EPT) && (e->eptp & BIT_ULL(7)) && !(e->ept_vpid_cap & EPT_CAP_SSS))		\
	CONTROL(eptp_mbz, eptp, "EPT pointer", "bits 11:8, or bits above the physical address width, are set",	\
		(cpu2(e) & CPU2_EPT) && ((e->eptp & GENMASK_ULL(11, 8)) || above(e, e->eptp)))			\
	CONTROL(needs_ept, cpu2, "secondary controls",				\
		"PML, unrestricted guest, mode-based execution, sub-page permissions or PT's addresses without EPT",	\
		!(cpu2(e) & CPU2_EPT) &&					\
			(cpu2(e) & (CPU2_PML | CPU2_UNRESTRICTED | CPU2_MBEC | CPU2_SPP | CPU2_PT_GPA)))	\
	CONTROL(pml, pml, "PML address", "not a page below the physical address width",				\
		(cpu2(e) & CPU2_PML) && bad_page(e, e->pml))			\
	CONTROL(pt_gpa, cpu2, "secondary controls",				\
		"PT uses guest physical addresses, but IA32_RTIT_CTL is not loaded and cleared",		\
		(cpu2(e) & CPU2_PT_GPA) && (!(e->entry & ENTRY_RTIT) || !(e->exit & EXIT_CLEAR_RTIT)))		\
	CONTROL(vmfunc, vmfunc, "VM-function controls", "a function that the processor does not have",		\
		(cpu2(e) & CPU2_VMFUNC) && (e->vmfunc & ~e->vmfunc_cap))	\
	CONTROL(vmfunc_ept, vmfunc, "VM-function controls", "EPTP switching without EPT",			\
		(cpu2(e) & CPU2_VMFUNC) && (e->vmfunc & 1) && !(cpu2(e) & CPU2_EPT))				\
	CONTROL(eptp_list, eptp_list, "EPTP-list address", "not a page below the physical address width",	\
		(cpu2(e) & CPU2_VMFUNC) && (e->vmfunc & 1) && bad_page(e, e->eptp_list))			\
	CONTROL(vmread, vmread_bitmap, "VMREAD-bitmap address", "not a page below the physical address width",	\
		(cpu2(e) & CPU2_SHADOW_VMCS) && bad_page(e, e->vmread_bitmap))	\
	CONTROL(vmwrite, vmwrite_bitmap, "VMWRITE-bitmap address", "not a page below the physical address width",	\
		(cpu2(e) & CPU2_SHADOW_VMCS) && bad_page(e, e->vmwrite_bitmap))	\
	CONTROL(ve, ve_info, "virtualization-exception address", "not a page below the physical address width",	\
		(cpu2(e) & CPU2_VE) && bad_page(e, e->ve_info))			\
	CONTROL(tsc, tsc_multiplier, "TSC multiplier", "it is 0",		\
		(cpu2(e) & CPU2_TSC_SCALING) && !e->tsc_multiplier)

/* 27.2.1.2 */
#define EXIT_RULES								\
	CONTROL(exit, exit, "exit controls", "a bit that must be 1 is not, or one that must be 0 is",		\
		bad_word(e->exit, &e->cap_exit))				\
	CONTROL(save_timer, exit, "exit controls", "the preemption timer is saved, but not active",		\
		(e->exit & EXIT_SAVE_TIMER) && !(e->pin & PIN_TIMER))		\
	CONTROL(exit_store, exit_store, "exit MSR-store address",		\
		"not a multiple of 16, or the area ends above the physical address width",			\
		bad_area(e, e->exit_store, e->exit_store_count))		\
	CONTROL(exit_load, exit_load, "exit MSR-load address",			\
		"not a multiple of 16, or the area ends above the physical address width",			\
		bad_area(e, e->exit_load, e->exit_load_count))

/* 27.2.1.3 */
#define ENTRY_RULES								\
	CONTROL(entry, entry, "entry controls", "a bit that must be 1 is not, or one that must be 0 is",	\
		bad_word(e->entry, &e->cap_entry))				\
	CONTROL(event_type, intr_info, "entry interruption information", "the event type is reserved",		\
		event_is(e, TYPE_RESERVED) ||					\
			(event_is(e, TYPE_OTHER) && !(e->cap_cpu.may & BIT_ULL(27))))				\
	CONTROL(event_vector, intr_info, "entry interruption information", "the vector does not fit the event type",	\
		event(e) && bad_event_vector(e))				\
	CONTROL(event_error, intr_info, "entry interruption information", "an exception without its error code",	\
		must_have_error(e) && !(e->intr_info & INTR_ERROR))		\
	CONTROL(event_no_error, intr_info, "entry interruption information",	\
		"an error code with an event that has none, or in real mode",	\
		event(e) && (e->intr_info & INTR_ERROR) && must_not_have_error(e))				\
	CONTROL(event_mbz, intr_info, "entry interruption information", "bits 30:12 are not 0",			\
		event(e) && (e->intr_info & GENMASK_ULL(30, 12)))		\
	CONTROL(event_code, intr_error, "entry error code", "bits 31:16 are not 0",				\
		event(e) && (e->intr_info & INTR_ERROR) && e->intr_error >> 16)	\
	CONTROL(event_len, insn_len, "entry instruction length", "not 1 to 15 with a software event",		\
		event_is_soft(e) && bad_insn_len(e))				\
	CONTROL(entry_load, entry_load, "entry MSR-load address",		\
		"not a multiple of 16, or the area ends above the physical address width",			\
		bad_area(e, e->entry_load, e->entry_load_count))		\
	CONTROL(smm, entry, "entry controls", "entry to SMM, or the end of dual-monitor treatment, from outside SMM",	\
		e->entry & (ENTRY_SMM | ENTRY_NO_DUAL))

/* 27.2.2 to 27.2.4 */
#define HOST_SELECTOR(reg, name)						\
	HOST(reg, reg, name, "TI or RPL is not 0", e->reg & 7)

#define HOST_CANONICAL(reg, name)						\
	HOST(reg, reg, name, "not canonical", !canonical(e, e->reg))

#define HOST_RULES								\
	HOST(h_cr0, h_cr0, "host CR0", "a bit that VMX operation fixes has another value",			\
		bad_word(e->h_cr0, &(struct vmx_entry_cap){ e->cr0_fixed0, e->cr0_fixed1 }))			\
	HOST(h_cr4, h_cr4, "host CR4", "a bit that VMX operation fixes has another value",			\
		bad_word(e->h_cr4, &(struct vmx_entry_cap){ e->cr4_fixed0, e->cr4_fixed1 }))			\
	HOST(h_cr4_cet, h_cr4, "host CR4", "CET is set while CR0.WP is not",	\
		(e->h_cr4 & CR4_CET) && !(e->h_cr0 & CR0_WP))			\
	HOST(h_cr3, h_cr3, "host CR3", "bits above the physical address width are set", above(e, e->h_cr3))	\
	HOST_CANONICAL(h_sysenter_esp, "host SYSENTER_ESP")			\
	HOST_CANONICAL(h_sysenter_eip, "host SYSENTER_EIP")			\
	HOST(h_perf, h_perf_global, "host PERF_GLOBAL_CTRL", "a reserved bit is set",				\
		(e->exit & EXIT_PERF_GLOBAL) && (e->h_perf_global & e->perf_global_reserved))			\
	HOST(h_pat, h_pat, "host PAT", "a memory type does not exist", (e->exit & EXIT_PAT) && bad_pat(e->h_pat))	\
	HOST(h_efer, h_efer, "host EFER", "a reserved bit is set",		\
		(e->exit & EXIT_EFER) && (e->h_efer & e->efer_reserved))	\
	HOST(h_efer_lm, h_efer, "host EFER", "LMA and LME are not as the host's address-space size is",		\
		(e->exit & EXIT_EFER) &&					\
			(e->h_efer & (EFER_LMA_BIT | EFER_LME_BIT)) !=		\
				(e->exit & EXIT_HOST_64 ? EFER_LMA_BIT | EFER_LME_BIT : 0))			\
	HOST(h_s_cet, h_s_cet, "host S_CET", "a reserved bit is set, or not canonical",				\
		(e->exit & EXIT_CET) && bad_cet(e, e->h_s_cet))			\
	HOST(h_ssp, h_ssp, "host SSP", "not canonical, or not a multiple of 4",	\
		(e->exit & EXIT_CET) && (!canonical(e, e->h_ssp) || (e->h_ssp & 3)))				\
	HOST(h_ssp_table, h_ssp_table, "host INTERRUPT_SSP_TABLE", "not canonical",				\
		(e->exit & EXIT_CET) && !canonical(e, e->h_ssp_table))		\
	HOST(h_pkrs, h_pkrs, "host PKRS", "bits 63:32 are not 0", (e->exit & EXIT_PKRS) && e->h_pkrs >> 32)	\
	HOST_SELECTOR(h_es, "host ES")						\
	HOST_SELECTOR(h_cs, "host CS")						\
	HOST_SELECTOR(h_ss, "host SS")						\
	HOST_SELECTOR(h_ds, "host DS")						\
	HOST_SELECTOR(h_fs, "host FS")						\
	HOST_SELECTOR(h_gs, "host GS")						\
	HOST_SELECTOR(h_tr, "host TR")						\
	HOST(h_cs_null, h_cs, "host CS", "it is 0", !e->h_cs)			\
	HOST(h_tr_null, h_tr, "host TR", "it is 0", !e->h_tr)			\
	HOST(h_ss_null, h_ss, "host SS", "it is 0 with a 32-bit host", !e->h_ss && !(e->exit & EXIT_HOST_64))	\
	HOST_CANONICAL(h_fs_base, "host FS base")				\
	HOST_CANONICAL(h_gs_base, "host GS base")				\
	HOST_CANONICAL(h_tr_base, "host TR base")				\
	HOST_CANONICAL(h_gdtr_base, "host GDTR base")				\
	HOST_CANONICAL(h_idtr_base, "host IDTR base")				\
	HOST(h_size, exit, "exit controls", "the host's address-space size is not as the host's mode is",	\
		!!(e->exit & EXIT_HOST_64) != e->host_lma)			\
	HOST(h_guest64, entry, "entry controls", "a guest in IA-32e mode on a 32-bit host",			\
		ia32e(e) && !(e->exit & EXIT_HOST_64))				\
	HOST(h_pcide, h_cr4, "host CR4", "PCIDE is set for a 32-bit host",	\
		!(e->exit & EXIT_HOST_64) && (e->h_cr4 & CR4_PCIDE))		\
	HOST(h_rip32, h_rip, "host RIP", "bits 63:32 are not 0 for a 32-bit host",				\
		!(e->exit & EXIT_HOST_64) && e->h_rip >> 32)			\
	HOST(h_pae, h_cr4, "host CR4", "PAE is not set for a 64-bit host",	\
		(e->exit & EXIT_HOST_64) && !(e->h_cr4 & CR4_PAE))		\
	HOST(h_rip64, h_rip, "host RIP", "not canonical", (e->exit & EXIT_HOST_64) && !canonical(e, e->h_rip))

/* 27.3.1.1 */
#define REGISTER_RULES								\
	GUEST(cr0, cr0, "CR0", "a bit that VMX operation fixes has another value", bad_cr0(e))			\
	GUEST(pg_pe, cr0, "CR0", "PG is set without PE", (e->cr0 & CR0_PG) && !(e->cr0 & CR0_PE))		\
	GUEST(cr4, cr4, "CR4", "a bit that VMX operation fixes has another value",				\
		bad_word(e->cr4, &(struct vmx_entry_cap){ e->cr4_fixed0, e->cr4_fixed1 }))			\
	GUEST(cr4_cet, cr4, "CR4", "CET is set while CR0.WP is not",		\
		(e->cr4 & CR4_CET) && !(e->cr0 & CR0_WP))			\
	GUEST(debugctl, debugctl, "DEBUGCTL", "a reserved bit is set",		\
		(e->entry & ENTRY_DEBUG) && (e->debugctl & e->debugctl_reserved))				\
	GUEST(lm_pg, cr0, "CR0", "PG is not set in IA-32e mode", ia32e(e) && !(e->cr0 & CR0_PG))		\
	GUEST(lm_pae, cr4, "CR4", "PAE is not set in IA-32e mode", ia32e(e) && !(e->cr4 & CR4_PAE))		\
	GUEST(pcide, cr4, "CR4", "PCIDE is set outside IA-32e mode", !ia32e(e) && (e->cr4 & CR4_PCIDE))		\
	GUEST(cr3, cr3, "CR3", "bits above the physical address width are set", above(e, e->cr3))		\
	GUEST(dr7, dr7, "DR7", "bits 63:32 are not 0", (e->entry & ENTRY_DEBUG) && e->dr7 >> 32)		\
	GUEST(sysenter_esp, sysenter_esp, "SYSENTER_ESP", "not canonical", !canonical(e, e->sysenter_esp))	\
	GUEST(sysenter_eip, sysenter_eip, "SYSENTER_EIP", "not canonical", !canonical(e, e->sysenter_eip))	\
	GUEST(perf, perf_global, "PERF_GLOBAL_CTRL", "a reserved bit is set",	\
		(e->entry & ENTRY_PERF_GLOBAL) && (e->perf_global & e->perf_global_reserved))			\
	GUEST(pat, pat, "PAT", "a memory type does not exist", (e->entry & ENTRY_PAT) && bad_pat(e->pat))	\
	GUEST(efer, efer, "EFER", "a reserved bit is set", (e->entry & ENTRY_EFER) && (e->efer & e->efer_reserved))	\
	GUEST(efer_lma, efer, "EFER", "LMA is not as the entry control \"IA-32e mode guest\"",			\
		(e->entry & ENTRY_EFER) && !!(e->efer & EFER_LMA_BIT) != ia32e(e))				\
	GUEST(efer_lme, efer, "EFER", "LMA is not as LME while CR0.PG is set",	\
		(e->entry & ENTRY_EFER) && (e->cr0 & CR0_PG) &&			\
			!!(e->efer & EFER_LMA_BIT) != !!(e->efer & EFER_LME_BIT))				\
	GUEST(bndcfgs, bndcfgs, "BNDCFGS", "bits 11:2 are not 0, or not canonical",				\
		(e->entry & ENTRY_BNDCFGS) &&					\
			((e->bndcfgs & GENMASK_ULL(11, 2)) || !canonical(e, e->bndcfgs & ~0xfffULL)))		\
	GUEST(s_cet, s_cet, "S_CET", "a reserved bit is set, or not canonical",	\
		(e->entry & ENTRY_CET) && bad_cet(e, e->s_cet))			\
	GUEST(ssp, ssp, "SSP", "not canonical, or not a multiple of 4",		\
		(e->entry & ENTRY_CET) && (!canonical(e, e->ssp) || (e->ssp & 3)))				\
	GUEST(ssp_table, ssp_table, "INTERRUPT_SSP_TABLE", "not canonical",	\
		(e->entry & ENTRY_CET) && !canonical(e, e->ssp_table))		\
	GUEST(pkrs, pkrs, "PKRS", "bits 63:32 are not 0", (e->entry & ENTRY_PKRS) && e->pkrs >> 32)

/* 27.3.1.2 */
#define COMMON_SEGMENT_RULES(reg, name, used)					\
	SEGMENT(reg##_p, reg##_ar, name " access rights", "P is not set", (used) && !(e->reg##_ar & AR_P))	\
	SEGMENT(reg##_low, reg##_ar, name " access rights", "bits 11:8 are not 0",				\
		(used) && (e->reg##_ar & AR_RESERVED_LOW))			\
	SEGMENT(reg##_high, reg##_ar, name " access rights", "bits 31:17 are not 0",				\
		(used) && (e->reg##_ar & AR_RESERVED_HIGH))			\
	SEGMENT(reg##_g, reg##_limit, name " limit", "it does not fit G",		\
		(used) && bad_granularity(e->reg##_limit, e->reg##_ar))

#define VM86_RULES(reg, name)							\
	SEGMENT(reg##_vm_base, reg##_base, name " base", "not 16 times the selector in virtual-8086 mode",	\
		vm86(e) && e->reg##_base != e->reg##_sel << 4)			\
	SEGMENT(reg##_vm_limit, reg##_limit, name " limit", "not 0xffff in virtual-8086 mode",			\
		vm86(e) && e->reg##_limit != 0xffff)				\
	SEGMENT(reg##_vm_ar, reg##_ar, name " access rights", "not 0xf3 in virtual-8086 mode",			\
		vm86(e) && e->reg##_ar != 0xf3)

#define USED(reg) (!vm86(e) && usable(e->reg##_ar))

#define DATA_RULES(reg, name)							\
	VM86_RULES(reg, name)							\
	SEGMENT(reg##_type, reg##_ar, name " access rights", "not accessed, or code that cannot be read",		\
		USED(reg) && bad_data_type(e->reg##_ar))			\
	SEGMENT(reg##_s, reg##_ar, name " access rights", "S is not set", USED(reg) && !(e->reg##_ar & AR_S))	\
	SEGMENT(reg##_dpl, reg##_ar, name " access rights", "DPL is below RPL",	\
		USED(reg) && bad_data_dpl(e, e->reg##_sel, e->reg##_ar))	\
	COMMON_SEGMENT_RULES(reg, name, USED(reg))

#define BASE_32_RULE(reg, name)							\
	SEGMENT(reg##_base_high, reg##_base, name " base", "bits 63:32 are not 0",\
		usable(e->reg##_ar) && e->reg##_base >> 32)

#define BASE_CANONICAL_RULE(reg, name, used)					\
	SEGMENT(reg##_base_canonical, reg##_base, name " base", "not canonical",	\
		(used) && !canonical(e, e->reg##_base))

#define SEGMENT_RULES								\
	SEGMENT(tr_ti, tr_sel, "TR selector", "TI is set", e->tr_sel & 4)		\
	SEGMENT(ldtr_ti, ldtr_sel, "LDTR selector", "TI is set", usable(e->ldtr_ar) && (e->ldtr_sel & 4))		\
	SEGMENT(ss_rpl, ss_sel, "SS selector", "RPL is not that of CS",		\
		!vm86(e) && !unrestricted(e) && (e->ss_sel & 3) != (e->cs_sel & 3))				\
	VM86_RULES(cs, "CS")							\
	SEGMENT(cs_base_high, cs_base, "CS base", "bits 63:32 are not 0", e->cs_base >> 32)			\
	SEGMENT(cs_type, cs_ar, "CS access rights", "not accessed code (nor, with unrestricted guest, data)",	\
		!vm86(e) && bad_cs_type(e))					\
	SEGMENT(cs_s, cs_ar, "CS access rights", "S is not set", !vm86(e) && !(e->cs_ar & AR_S))			\
	SEGMENT(cs_dpl, cs_ar, "CS access rights", "DPL does not fit that of SS", !vm86(e) && bad_cs_dpl(e))	\
	SEGMENT(cs_db, cs_ar, "CS access rights", "L and D are both set in IA-32e mode",				\
		!vm86(e) && ia32e(e) && (e->cs_ar & AR_L) && (e->cs_ar & AR_DB))				\
	COMMON_SEGMENT_RULES(cs, "CS", !vm86(e))				\
	VM86_RULES(ss, "SS")							\
	BASE_32_RULE(ss, "SS")							\
	SEGMENT(ss_type, ss_ar, "SS access rights", "not accessed, writable data",\
		USED(ss) && type_of(e->ss_ar) != 3 && type_of(e->ss_ar) != 7)	\
	SEGMENT(ss_s, ss_ar, "SS access rights", "S is not set", USED(ss) && !(e->ss_ar & AR_S))			\
	SEGMENT(ss_dpl, ss_ar, "SS access rights", "DPL is not RPL",		\
		!vm86(e) && !unrestricted(e) && dpl_of(e->ss_ar) != (e->ss_sel & 3))				\
	SEGMENT(ss_dpl0, ss_ar, "SS access rights", "DPL is not 0 in real mode, or with a CS of type 3",		\
		!vm86(e) && (type_of(e->cs_ar) == 3 || !(e->cr0 & CR0_PE)) && dpl_of(e->ss_ar))			\
	COMMON_SEGMENT_RULES(ss, "SS", USED(ss))				\
	BASE_32_RULE(ds, "DS")							\
	DATA_RULES(ds, "DS")							\
	BASE_32_RULE(es, "ES")							\
	DATA_RULES(es, "ES")							\
	BASE_CANONICAL_RULE(fs, "FS", true)					\
	DATA_RULES(fs, "FS")							\
	BASE_CANONICAL_RULE(gs, "GS", true)					\
	DATA_RULES(gs, "GS")							\
	BASE_CANONICAL_RULE(tr, "TR", true)					\
	SEGMENT(tr_type, tr_ar, "TR access rights", "not a busy TSS of the mode's width", bad_tr_type(e))		\
	SEGMENT(tr_s, tr_ar, "TR access rights", "S is set", e->tr_ar & AR_S)	\
	SEGMENT(tr_unusable, tr_ar, "TR access rights", "unusable", !usable(e->tr_ar))				\
	COMMON_SEGMENT_RULES(tr, "TR", true)					\
	BASE_CANONICAL_RULE(ldtr, "LDTR", usable(e->ldtr_ar))			\
	SEGMENT(ldtr_type, ldtr_ar, "LDTR access rights", "not a local descriptor table",				\
		usable(e->ldtr_ar) && type_of(e->ldtr_ar) != 2)			\
	SEGMENT(ldtr_s, ldtr_ar, "LDTR access rights", "S is set", usable(e->ldtr_ar) && (e->ldtr_ar & AR_S))	\
	COMMON_SEGMENT_RULES(ldtr, "LDTR", usable(e->ldtr_ar))

/* 27.3.1.3 and 27.3.1.4 */
#define TABLE_RULES								\
	SEGMENT(gdtr_base, gdtr_base, "GDTR base", "not canonical", !canonical(e, e->gdtr_base))			\
	SEGMENT(idtr_base, idtr_base, "IDTR base", "not canonical", !canonical(e, e->idtr_base))			\
	GUEST(gdtr_limit, gdtr_limit, "GDTR limit", "above 0xffff", e->gdtr_limit >> 16)			\
	GUEST(idtr_limit, idtr_limit, "IDTR limit", "above 0xffff", e->idtr_limit >> 16)			\
	SEGMENT(rip32, rip, "RIP", "bits 63:32 are not 0 outside 64-bit mode", !rip_may_be_long(e) && e->rip >> 32)	\
	SEGMENT(rip64, rip, "RIP", "bits beyond the linear address width differ",	\
		rip_may_be_long(e) && sign_extend64(e->rip, e->lin_bits) != (s64)e->rip)			\
	GUEST(rflags_mbz, rflags, "RFLAGS", "a reserved bit is set", e->rflags & FLAGS_RESERVED)		\
	GUEST(rflags_1, rflags, "RFLAGS", "bit 1 is not set", !(e->rflags & 2))	\
	SEGMENT(rflags_vm, rflags, "RFLAGS", "VM is set in IA-32e mode, or in real mode",				\
		vm86(e) && (ia32e(e) || !(e->cr0 & CR0_PE)))			\
	GUEST(rflags_if, rflags, "RFLAGS", "IF is not set, and an interrupt is injected",			\
		!(e->rflags & FLAGS_IF) && event_is(e, TYPE_EXTINT))

/* 27.3.1.5 and 27.3.1.6 */
#define STATE_RULES								\
	GUEST(activity, activity, "activity state", "the processor does not have it", bad_activity(e))		\
	GUEST(halt_dpl, activity, "activity state", "HLT at a CPL above 0",	\
		e->activity == HALTED && dpl_of(e->ss_ar))			\
	GUEST(halt_shadow, activity, "activity state", "not active, in the shadow of STI or MOV SS",		\
		e->activity != ACTIVE && (e->intr_state & (STATE_STI | STATE_MOV_SS)))				\
	GUEST(halt_event, activity, "activity state", "it does not take the event that is injected",		\
		event(e) && !event_fits_activity(e))				\
	GUEST(intr_mbz, intr_state, "interruptibility state", "bits 31:5 are not 0", e->intr_state >> 5)	\
	GUEST(intr_both, intr_state, "interruptibility state", "blocking by STI and by MOV SS",			\
		(e->intr_state & STATE_STI) && (e->intr_state & STATE_MOV_SS))	\
	GUEST(intr_sti, intr_state, "interruptibility state", "blocking by STI while RFLAGS.IF is not set",	\
		(e->intr_state & STATE_STI) && !(e->rflags & FLAGS_IF))		\
	GUEST(intr_ext, intr_state, "interruptibility state",			\
		"blocking by STI or MOV SS while an interrupt is injected",	\
		(e->intr_state & (STATE_STI | STATE_MOV_SS)) && event_is(e, TYPE_EXTINT))			\
	GUEST(intr_nmi, intr_state, "interruptibility state", "blocking by STI or MOV SS while an NMI is injected",	\
		(e->intr_state & (STATE_STI | STATE_MOV_SS)) && event_is(e, TYPE_NMI))				\
	GUEST(intr_smi, intr_state, "interruptibility state", "blocking by SMI outside SMM",			\
		e->intr_state & STATE_SMI)					\
	GUEST(intr_vnmi, intr_state, "interruptibility state", "blocking by NMI while a virtual NMI is injected",	\
		(e->intr_state & STATE_NMI) && (e->pin & PIN_VNMI) && event_is(e, TYPE_NMI))			\
	GUEST(intr_enclave, intr_state, "interruptibility state",		\
		"an enclave was interrupted, with blocking by MOV SS or without enclaves",			\
		(e->intr_state & STATE_ENCLAVE) && (!e->has_sgx || (e->intr_state & STATE_MOV_SS)))		\
	GUEST(dbg_mbz, pending_dbg, "pending debug exceptions", "a reserved bit is set",			\
		e->pending_dbg & reserved_dbg(e))				\
	GUEST(dbg_bs, pending_dbg, "pending debug exceptions",			\
		"BS is not as RFLAGS.TF and DEBUGCTL.BTF, in a shadow or in HLT", bad_pending_bs(e))		\
	GUEST(dbg_rtm, pending_dbg, "pending debug exceptions", "RTM is set with something it excludes",	\
		e->has_rtm && bad_pending_rtm(e))				\
	GUEST(link, link, "VMCS link pointer", "neither all ones nor a page below the physical address width",	\
		e->link != NO_LINK && bad_page(e, e->link))			\
	GUEST(pdpte0, pdpte0, "PDPTE0", "a reserved bit is set", bad_pdpte(e, e->pdpte0))			\
	GUEST(pdpte1, pdpte1, "PDPTE1", "a reserved bit is set", bad_pdpte(e, e->pdpte1))			\
	GUEST(pdpte2, pdpte2, "PDPTE2", "a reserved bit is set", bad_pdpte(e, e->pdpte2))			\
	GUEST(pdpte3, pdpte3, "PDPTE3", "a reserved bit is set", bad_pdpte(e, e->pdpte3))

#define RULES									\
	EXECUTION_RULES								\
	EXIT_RULES								\
	ENTRY_RULES								\
	HOST_RULES								\
	REGISTER_RULES								\
	SEGMENT_RULES								\
	TABLE_RULES								\
	STATE_RULES

/* clang-format on */

#define RULE(step, name, member, field, text, condition)     \
	static bool broken_##name(const struct vmx_entry *e) \
	{                                                    \
		return condition;                            \
	}                                                    \
	static u64 value_##name(const struct vmx_entry *e)   \
	{                                                    \
		return e->member;                            \
	}
RULES
#undef RULE

static const struct vmx_entry_rule rules[] = {
#define RULE(step, name, member, field, text, condition) \
	{ step, field, text, broken_##name, value_##name },
	RULES
#undef RULE
};

const unsigned int vmx_entry_nr_rules = ARRAY_SIZE(rules);

const struct vmx_entry_rule *vmx_entry_check(const struct vmx_entry *e, unsigned int steps,
					     unsigned int *from)
{
	while (*from < ARRAY_SIZE(rules)) {
		const struct vmx_entry_rule *r = &rules[(*from)++];

		if ((r->step & steps) && r->broken(e))
			return r;
	}
	return NULL;
}
