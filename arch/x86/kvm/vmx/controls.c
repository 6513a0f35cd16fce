// SPDX-License-Identifier: GPL-2.0-only
/*
 * Execution controls: what is wanted, what the CPU has, and who switched it off (SDM vol. 3C, 25.6 to 25.8; appendix A).
 *
 * A capability MSR has the bits of a word that must be 1 in its low half and those that may be 1 in its high half.
 */
#define pr_fmt(fmt) "kvm_intel: " fmt

#include <asm/msr.h>

#include "vmx/vmx.h"

enum need {
	REQUIRED, /* without it there is nothing to be had */
	OPTIONAL, /* used where it is there */
};

#define NO_PARAM 0xff
#define PARAM(member) offsetof(struct vmx_params, member)

static const struct control {
	u8 word;
	u8 need;
	u8 param; /* offset of the parameter that can switch it off */
	u64 bit;
	const char *name;
} controls[] = {
#define C(word, bit, need, param, name) { VMX_CTL_##word, need, param, bit, name }
	C(PIN, PIN_BASED_EXT_INTR_MASK, REQUIRED, NO_PARAM, "external-interrupt exiting"),
	C(PIN, PIN_BASED_NMI_EXITING, REQUIRED, NO_PARAM, "NMI exiting"),
	C(PIN, PIN_BASED_VIRTUAL_NMIS, OPTIONAL, PARAM(vnmi), "virtual NMIs"),
	C(PIN, PIN_BASED_VMX_PREEMPTION_TIMER, OPTIONAL, PARAM(preemption_timer),
	  "VMX-preemption timer"),
	C(PIN, PIN_BASED_POSTED_INTR, OPTIONAL, PARAM(apicv), "posted interrupts"),

	C(CPU, CPU_BASED_INTR_WINDOW_EXITING, REQUIRED, NO_PARAM, "interrupt-window exiting"),
	C(CPU, CPU_BASED_USE_TSC_OFFSETTING, REQUIRED, NO_PARAM, "TSC offsetting"),
	C(CPU, CPU_BASED_HLT_EXITING, REQUIRED, NO_PARAM, "HLT exiting"),
	C(CPU, CPU_BASED_MWAIT_EXITING, REQUIRED, NO_PARAM, "MWAIT exiting"),
	C(CPU, CPU_BASED_MONITOR_EXITING, REQUIRED, NO_PARAM, "MONITOR exiting"),
	C(CPU, CPU_BASED_RDPMC_EXITING, REQUIRED, NO_PARAM, "RDPMC exiting"),
	C(CPU, CPU_BASED_CR8_LOAD_EXITING, REQUIRED, NO_PARAM, "CR8-load exiting"),
	C(CPU, CPU_BASED_CR8_STORE_EXITING, REQUIRED, NO_PARAM, "CR8-store exiting"),
	C(CPU, CPU_BASED_CR3_LOAD_EXITING, REQUIRED, NO_PARAM, "CR3-load exiting"),
	C(CPU, CPU_BASED_CR3_STORE_EXITING, REQUIRED, NO_PARAM, "CR3-store exiting"),
	C(CPU, CPU_BASED_MOV_DR_EXITING, REQUIRED, NO_PARAM, "MOV-DR exiting"),
	C(CPU, CPU_BASED_UNCOND_IO_EXITING, REQUIRED, NO_PARAM, "unconditional I/O exiting"),
	C(CPU, CPU_BASED_USE_MSR_BITMAPS, REQUIRED, NO_PARAM, "use MSR bitmaps"),
	C(CPU, CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, REQUIRED, NO_PARAM, "secondary controls"),
	C(CPU, CPU_BASED_TPR_SHADOW, OPTIONAL, PARAM(flexpriority), "TPR shadow"),
	C(CPU, CPU_BASED_NMI_WINDOW_EXITING, OPTIONAL, PARAM(vnmi), "NMI-window exiting"),
	C(CPU, CPU_BASED_PAUSE_EXITING, OPTIONAL, NO_PARAM, "PAUSE exiting"),
	C(CPU, CPU_BASED_MONITOR_TRAP_FLAG, OPTIONAL, NO_PARAM, "monitor trap flag"),

	C(CPU2, SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES, OPTIONAL, PARAM(flexpriority),
	  "virtualize APIC accesses"),
	C(CPU2, SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE, OPTIONAL, PARAM(flexpriority),
	  "virtualize x2APIC mode"),
	C(CPU2, SECONDARY_EXEC_APIC_REGISTER_VIRT, OPTIONAL, PARAM(apicv),
	  "APIC-register virtualization"),
	C(CPU2, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY, OPTIONAL, PARAM(apicv),
	  "virtual-interrupt delivery"),
	C(CPU2, SECONDARY_EXEC_ENABLE_EPT, REQUIRED, NO_PARAM, "EPT"),
	C(CPU2, SECONDARY_EXEC_ENABLE_VPID, OPTIONAL, PARAM(vpid), "VPID"),
	C(CPU2, SECONDARY_EXEC_UNRESTRICTED_GUEST, OPTIONAL, PARAM(unrestricted_guest),
	  "unrestricted guest"),
	C(CPU2, SECONDARY_EXEC_ENABLE_RDTSCP, OPTIONAL, NO_PARAM, "RDTSCP"),
	C(CPU2, SECONDARY_EXEC_ENABLE_INVPCID, OPTIONAL, NO_PARAM, "INVPCID"),
	C(CPU2, SECONDARY_EXEC_WBINVD_EXITING, OPTIONAL, NO_PARAM, "WBINVD exiting"),
	C(CPU2, SECONDARY_EXEC_PAUSE_LOOP_EXITING, OPTIONAL, PARAM(ple), "PAUSE-loop exiting"),
	C(CPU2, SECONDARY_EXEC_RDRAND_EXITING, OPTIONAL, NO_PARAM, "RDRAND exiting"),
	C(CPU2, SECONDARY_EXEC_RDSEED_EXITING, OPTIONAL, NO_PARAM, "RDSEED exiting"),
	C(CPU2, SECONDARY_EXEC_ENABLE_PML, OPTIONAL, PARAM(pml), "page-modification log"),
	C(CPU2, SECONDARY_EXEC_ENABLE_XSAVES, OPTIONAL, NO_PARAM, "XSAVES"),
	C(CPU2, SECONDARY_EXEC_TSC_SCALING, OPTIONAL, NO_PARAM, "TSC scaling"),
	C(CPU2, SECONDARY_EXEC_DESC, OPTIONAL, NO_PARAM, "descriptor-table exiting"),
	C(CPU2, SECONDARY_EXEC_ENCLS_EXITING, OPTIONAL, NO_PARAM, "ENCLS exiting"),
	C(CPU2, SECONDARY_EXEC_BUS_LOCK_DETECTION, OPTIONAL, NO_PARAM, "bus-lock detection"),
	C(CPU2, SECONDARY_EXEC_NOTIFY_VM_EXITING, OPTIONAL, NO_PARAM, "notify exits"),

	C(EXIT, VM_EXIT_HOST_ADDR_SPACE_SIZE, REQUIRED, NO_PARAM, "host address-space size"),
	C(EXIT, VM_EXIT_SAVE_DEBUG_CONTROLS, REQUIRED, NO_PARAM, "save debug controls"),
	C(EXIT, VM_EXIT_LOAD_IA32_EFER, REQUIRED, NO_PARAM, "load IA32_EFER on exit"),
	C(EXIT, VM_EXIT_LOAD_IA32_PAT, REQUIRED, NO_PARAM, "load IA32_PAT on exit"),
	C(EXIT, VM_EXIT_ACK_INTR_ON_EXIT, OPTIONAL, PARAM(apicv), "acknowledge interrupt on exit"),
	C(EXIT, VM_EXIT_SAVE_VMX_PREEMPTION_TIMER, OPTIONAL, PARAM(preemption_timer),
	  "save VMX-preemption timer"),

	C(ENTRY, VM_ENTRY_LOAD_DEBUG_CONTROLS, REQUIRED, NO_PARAM, "load debug controls"),
	C(ENTRY, VM_ENTRY_IA32E_MODE, REQUIRED, NO_PARAM, "IA-32e mode guest"),
	C(ENTRY, VM_ENTRY_LOAD_IA32_EFER, REQUIRED, NO_PARAM, "load IA32_EFER on entry"),
	C(ENTRY, VM_ENTRY_LOAD_IA32_PAT, REQUIRED, NO_PARAM, "load IA32_PAT on entry"),
#undef C
};

/* A control that is no good without another one. */
static const struct {
	u8 word;
	u8 needs_word;
	u64 bit;
	u64 needs;
} dependencies[] = {
	{ VMX_CTL_CPU, VMX_CTL_PIN, CPU_BASED_NMI_WINDOW_EXITING, PIN_BASED_VIRTUAL_NMIS },
	{ VMX_CTL_PIN, VMX_CTL_CPU, PIN_BASED_VIRTUAL_NMIS, CPU_BASED_NMI_WINDOW_EXITING },
	{ VMX_CTL_CPU2, VMX_CTL_CPU2, SECONDARY_EXEC_UNRESTRICTED_GUEST,
	  SECONDARY_EXEC_ENABLE_EPT },
};

/* Capability MSRs: as first defined, and the true ones, which let more bits be 0 (SDM vol. 3D, A.2). */
static const struct {
	u32 msr;
	u32 true_msr;
	const char *name;
} words[] = {
	[VMX_CTL_PIN] = { MSR_IA32_VMX_PINBASED_CTLS, MSR_IA32_VMX_TRUE_PINBASED_CTLS,
			  "pin-based" },
	[VMX_CTL_CPU] = { MSR_IA32_VMX_PROCBASED_CTLS, MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
			  "primary processor-based" },
	[VMX_CTL_CPU2] = { MSR_IA32_VMX_PROCBASED_CTLS2, MSR_IA32_VMX_PROCBASED_CTLS2,
			   "secondary processor-based" },
	[VMX_CTL_CPU3] = { 0, 0, "tertiary processor-based" },
	[VMX_CTL_EXIT] = { MSR_IA32_VMX_EXIT_CTLS, MSR_IA32_VMX_TRUE_EXIT_CTLS, "VM-exit" },
	[VMX_CTL_ENTRY] = { MSR_IA32_VMX_ENTRY_CTLS, MSR_IA32_VMX_TRUE_ENTRY_CTLS, "VM-entry" },
};

/**
 * vmx_control_name() - a control in words
 * @word: of which word
 * @bit: its number there
 * Return: NULL for one that is not used here
 */
const char *vmx_control_name(enum vmx_control_word word, unsigned int bit)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(controls); i++)
		if (controls[i].word == word && controls[i].bit == BIT_ULL(bit))
			return controls[i].name;
	return NULL;
}

static void read_capability(const struct vmx_hw *hw, enum vmx_control_word word, u32 *must,
			    u32 *may)
{
	bool has_true = hw->basic & VMX_BASIC_TRUE_CTLS;
	u64 cap = 0;

	/* Not there at all on CPUs without the control that activates it. */
	if (words[word].msr)
		rdmsrl_safe(has_true ? words[word].true_msr : words[word].msr, &cap);
	*must = lower_32_bits(cap);
	*may = upper_32_bits(cap);
}

static bool switched_off(const struct control *c, const struct vmx_params *params)
{
	return c->param != NO_PARAM && !*((const bool *)params + c->param);
}

static int pick(struct vmx_hw *hw, const struct vmx_params *params, bool complain)
{
	u32 must[VMX_CTL_WORDS], may[VMX_CTL_WORDS];
	int i, r = 0;

	for (i = 0; i < VMX_CTL_WORDS; i++) {
		read_capability(hw, i, &must[i], &may[i]);
		hw->control[i] = must[i];
	}
	for (i = 0; i < ARRAY_SIZE(controls); i++) {
		const struct control *c = &controls[i];

		if (switched_off(c, params))
			continue;
		if (may[c->word] & c->bit) {
			hw->control[c->word] |= c->bit;
		} else if (c->need == REQUIRED) {
			if (complain)
				pr_err("this CPU lacks the %s control \"%s\" (MSR 0x%x), which is needed\n",
				       words[c->word].name, c->name, words[c->word].msr);
			r = -EOPNOTSUPP;
		}
	}
	for (i = 0; i < ARRAY_SIZE(dependencies); i++)
		if (!(hw->control[dependencies[i].needs_word] & dependencies[i].needs))
			hw->control[dependencies[i].word] &= ~dependencies[i].bit;
	return r;
}

static void read_ept_vpid(struct vmx_hw *hw)
{
	u64 cap = 0;

	rdmsrl_safe(MSR_IA32_VMX_EPT_VPID_CAP, &cap);
	hw->ept_vpid_cap = cap;
	hw->invept_context = cap & VMX_EPT_EXTENT_CONTEXT_BIT;
	cap >>= 32;
	hw->invvpid_addr = cap & VMX_VPID_EXTENT_INDIVIDUAL_ADDR_BIT;
}

static int check_ept(const struct vmx_hw *hw)
{
	if (!(hw->ept_vpid_cap & VMX_EPT_PAGE_WALK_4_BIT) ||
	    !(hw->ept_vpid_cap & VMX_EPTP_WB_BIT)) {
		pr_err("this CPU's EPT has no tables of 4 levels in write-back memory (IA32_VMX_EPT_VPID_CAP 0x%llx)\n",
		       hw->ept_vpid_cap);
		return -EOPNOTSUPP;
	}
	if (!(hw->ept_vpid_cap & VMX_EPT_INVEPT_BIT) ||
	    !(hw->ept_vpid_cap & (VMX_EPT_EXTENT_CONTEXT_BIT | VMX_EPT_EXTENT_GLOBAL_BIT))) {
		pr_err("this CPU's EPT has no INVEPT (IA32_VMX_EPT_VPID_CAP 0x%llx)\n",
		       hw->ept_vpid_cap);
		return -EOPNOTSUPP;
	}
	return 0;
}

/*
 * Of the controls that virtualize a local APIC all are used or none, but for those that serve its TPR: what is posted must
 * be delivered, what is delivered must be in a page that the guest reads, and a guest begins in xAPIC mode.
 */
static void derive_apic(struct vmx_hw *hw)
{
	const u64 delivery = SECONDARY_EXEC_APIC_REGISTER_VIRT |
			     SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
	const u64 tpr = SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
			SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
	u64 *control = hw->control;

	hw->tpr_shadow = control[VMX_CTL_CPU] & CPU_BASED_TPR_SHADOW;
	if (!hw->tpr_shadow)
		control[VMX_CTL_CPU2] &= ~tpr;
	hw->apic_access = control[VMX_CTL_CPU2] & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
	hw->apicv = hw->apic_access && (control[VMX_CTL_CPU2] & delivery) == delivery &&
		    (control[VMX_CTL_PIN] & PIN_BASED_POSTED_INTR) &&
		    (control[VMX_CTL_EXIT] & VM_EXIT_ACK_INTR_ON_EXIT);
	if (hw->apicv)
		return;
	control[VMX_CTL_CPU2] &= ~delivery;
	control[VMX_CTL_PIN] &= ~(u64)PIN_BASED_POSTED_INTR;
	control[VMX_CTL_EXIT] &= ~(u64)VM_EXIT_ACK_INTR_ON_EXIT;
}

static void derive(struct vmx_hw *hw, const struct vmx_params *params)
{
	const u64 invvpid = hw->ept_vpid_cap >> 32;

	hw->ept_ad = params->eptad && (hw->ept_vpid_cap & VMX_EPT_AD_BIT);
	hw->unrestricted = hw->control[VMX_CTL_CPU2] & SECONDARY_EXEC_UNRESTRICTED_GUEST;
	hw->vnmi = hw->control[VMX_CTL_PIN] & PIN_BASED_VIRTUAL_NMIS;
	derive_apic(hw);
	hw->preemption_timer_shift = vmx_misc_preemption_timer_rate(hw->misc);
	/* A VPID is of no use where its translations cannot be thrown away. */
	if (!(invvpid & VMX_VPID_INVVPID_BIT) || !(invvpid & VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT))
		hw->control[VMX_CTL_CPU2] &= ~(u64)SECONDARY_EXEC_ENABLE_VPID;
	/* What is logged is that a dirty bit was set. */
	if (!hw->ept_ad)
		hw->control[VMX_CTL_CPU2] &= ~(u64)SECONDARY_EXEC_ENABLE_PML;
	hw->vpid = hw->control[VMX_CTL_CPU2] & SECONDARY_EXEC_ENABLE_VPID;
}

static int find_controls(struct vmx_hw *hw, const struct vmx_params *params, bool complain)
{
	int r;

	rdmsrl(MSR_IA32_VMX_BASIC, hw->basic);
	rdmsrl(MSR_IA32_VMX_MISC, hw->misc);
	rdmsrl(MSR_IA32_VMX_CR0_FIXED0, hw->cr0_fixed0);
	rdmsrl(MSR_IA32_VMX_CR0_FIXED1, hw->cr0_fixed1);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED0, hw->cr4_fixed0);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED1, hw->cr4_fixed1);
	r = pick(hw, params, complain);
	if (r)
		return r;
	read_ept_vpid(hw);
	derive(hw, params);
	return 0;
}

static struct vmx_params params_in_force;

/**
 * vmx_find_controls() - what of this CPU is used
 * @hw: filled in
 * @params: what the parameters leave
 * Return: 0, -EOPNOTSUPP: something that is needed is not there, and the log says what
 */
int vmx_find_controls(struct vmx_hw *hw, const struct vmx_params *params)
{
	int r;

	params_in_force = *params;
	r = find_controls(hw, params, true);
	return r ?: check_ept(hw);
}

/**
 * vmx_compare_controls() - has this CPU what the first one has?
 * Return: 0, -EIO
 * Context: IRQs off
 */
int vmx_compare_controls(void)
{
	struct vmx_hw here = {};
	int i;

	if (find_controls(&here, &params_in_force, false))
		goto differs;
	for (i = 0; i < VMX_CTL_WORDS; i++)
		if ((here.control[i] & vmx_hw.control[i]) != vmx_hw.control[i])
			goto differs;
	if ((here.ept_vpid_cap & vmx_hw.ept_vpid_cap) == vmx_hw.ept_vpid_cap &&
	    !((here.basic ^ vmx_hw.basic) & GENMASK_ULL(44, 0)))
		return 0;
differs:
	pr_err("CPU %d does not have the VMX features of the CPU that was looked at first\n",
	       smp_processor_id());
	return -EIO;
}
