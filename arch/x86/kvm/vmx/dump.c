// SPDX-License-Identifier: GPL-2.0-only
/*
 * What failed, in words: a refused entry, and a vCPU's VMCS.
 */
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "cpuid.h"
#include "flight.h"
#include "run.h"
#include "vmx/entry_check.h"
#include "vmx/vmx.h"

/* Fields that <asm/vmx.h> does not know yet. */
#define VMX_GUEST_PKRS 0x2818
#define VMX_HOST_PKRS 0x2c06
#define VMX_GUEST_S_CET 0x6828
#define VMX_GUEST_SSP 0x682a
#define VMX_GUEST_SSP_TABLE 0x682c
#define VMX_HOST_S_CET 0x6c18
#define VMX_HOST_SSP 0x6c1a
#define VMX_HOST_SSP_TABLE 0x6c1c

/* ---------------------------------------------------------------- the VMCS in words */

static const struct {
	u32 code;
	const char *name;
} exit_names[] = { VMX_EXIT_REASONS };

static const char *exit_name(u32 reason)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(exit_names); i++)
		if (exit_names[i].code == (reason & EXIT_REASON_BASIC_MASK))
			return exit_names[i].name;
	return "unknown";
}

/* VM-instruction error numbers, SDM vol. 3C, 31.4 */
static const char *const insn_errors[] = {
	[1] = "VMCALL in VMX root operation",
	[2] = "VMCLEAR with an invalid address",
	[3] = "VMCLEAR of the VMXON region",
	[4] = "VMLAUNCH of a VMCS that is not clear",
	[5] = "VMRESUME of a VMCS that is not launched",
	[6] = "VMRESUME after VMXOFF",
	[7] = "invalid control fields",
	[8] = "invalid host state",
	[9] = "VMPTRLD with an invalid address",
	[10] = "VMPTRLD of the VMXON region",
	[11] = "VMPTRLD of a region of another revision",
	[12] = "VMREAD or VMWRITE of a field that does not exist",
	[13] = "VMWRITE to a read-only field",
	[15] = "VMXON in VMX root operation",
	[16] = "entry with an invalid executive VMCS",
	[17] = "entry with an executive VMCS that is not launched",
	[26] = "entry in the shadow of MOV SS",
	[28] = "invalid operand of INVEPT or INVVPID",
};

static const char *insn_error(u32 number)
{
	if (number < ARRAY_SIZE(insn_errors) && insn_errors[number])
		return insn_errors[number];
	return "unknown";
}

/* Without a complaint about a field that this processor does not have: 0 then. */
/* clang-format off */
static u64 read_field(unsigned long field)
{
	unsigned long value;

	asm_goto_output("1: vmread %[field], %[value]\n"
			"   jbe %l[none]\n" _ASM_EXTABLE(1b, %l[none])
			: [value] "=r"(value)
			: [field] "r"(field)
			: "cc"
			: none);
	return value;
none:
	return 0;
}
/* clang-format on */

#define FOR_EACH_SEG(X) \
	X("CS", CS)     \
	X("SS", SS) X("DS", DS) X("ES", ES) X("FS", FS) X("GS", GS) X("LDTR", LDTR) X("TR", TR)

static void print_segment(const char *name, u16 selector, u64 base, u32 limit, u32 ar)
{
	pr_info("  %-5s %04x base %016llx limit %08x type %x dpl %u%s%s%s%s%s%s\n", name, selector,
		base, limit, ar & VMX_AR_TYPE_MASK, VMX_AR_DPL(ar), ar & VMX_AR_S_MASK ? " s" : "",
		ar & VMX_AR_P_MASK ? " p" : "", ar & VMX_AR_L_MASK ? " l" : "",
		ar & VMX_AR_DB_MASK ? " db" : "", ar & VMX_AR_G_MASK ? " g" : "",
		ar & VMX_AR_UNUSABLE_MASK ? " unusable" : "");
}

static void print_event(const char *name, u32 info, u32 error)
{
	static const char *const types[] = {
		"interrupt", "type 1", "NMI", "exception", "INT n", "INT1", "INT3, INTO", "other",
	};

	if (!intr_info_valid(info))
		return;
	pr_info("  %s: %s, vector %u%s, error code 0x%x\n", name,
		types[(info & INTR_INFO_INTR_TYPE_MASK) >> 8], info & INTR_INFO_VECTOR_MASK,
		info & INTR_INFO_DELIVER_CODE_MASK ? "" : " (no error code)", error);
}

static void print_word(const char *name, enum vmx_control_word word, unsigned long field)
{
	u32 value = read_field(field);
	const char *control;
	char text[512];
	int bit, n = 0;

	text[0] = '\0';
	for (bit = 0; bit < 32; bit++) {
		control = value & BIT(bit) ? vmx_control_name(word, bit) : NULL;
		if (control)
			n += scnprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "", control);
	}
	pr_info("  %s controls %08x: %s\n", name, value, text);
}

static void print_controls(struct vcpu_vmx *vmx)
{
	print_word("pin-based", VMX_CTL_PIN, PIN_BASED_VM_EXEC_CONTROL);
	print_word("primary", VMX_CTL_CPU, CPU_BASED_VM_EXEC_CONTROL);
	print_word("secondary", VMX_CTL_CPU2, SECONDARY_VM_EXEC_CONTROL);
	print_word("exit", VMX_CTL_EXIT, VM_EXIT_CONTROLS);
	print_word("entry", VMX_CTL_ENTRY, VM_ENTRY_CONTROLS);
	pr_info("  exceptions that exit %08llx, page faults %llx/%llx, TPR threshold %llx, VPID %llx, EPTP %llx\n",
		read_field(EXCEPTION_BITMAP), read_field(PAGE_FAULT_ERROR_CODE_MASK),
		read_field(PAGE_FAULT_ERROR_CODE_MATCH), read_field(TPR_THRESHOLD),
		read_field(VIRTUAL_PROCESSOR_ID), read_field(EPT_POINTER));
}

static void print_registers(struct kvm_vcpu *vcpu)
{
	const unsigned long *r = vcpu->arch.regs;

	pr_info("  RIP %016llx RFLAGS %08llx, activity %llx, interruptibility %llx, pending debug %llx%s\n",
		read_field(GUEST_RIP), read_field(GUEST_RFLAGS), read_field(GUEST_ACTIVITY_STATE),
		read_field(GUEST_INTERRUPTIBILITY_INFO), read_field(GUEST_PENDING_DBG_EXCEPTIONS),
		to_vmx(vcpu)->detour & VMX_EMULATE ? ", to be emulated" :
		to_vmx(vcpu)->detour & VMX_VM86	   ? ", which stands for real mode" :
						     "");
	pr_info("  RAX %016lx RBX %016lx RCX %016lx RDX %016lx\n", r[VCPU_RAX], r[VCPU_RBX],
		r[VCPU_RCX], r[VCPU_RDX]);
	pr_info("  RSI %016lx RDI %016lx RBP %016lx RSP %016llx\n", r[VCPU_RSI], r[VCPU_RDI],
		r[VCPU_RBP], read_field(GUEST_RSP));
	pr_info("  R8  %016lx R9  %016lx R10 %016lx R11 %016lx\n", r[VCPU_R8], r[VCPU_R9],
		r[VCPU_R10], r[VCPU_R11]);
	pr_info("  R12 %016lx R13 %016lx R14 %016lx R15 %016lx\n", r[VCPU_R12], r[VCPU_R13],
		r[VCPU_R14], r[VCPU_R15]);
	pr_info("  CR0 %08llx (read as %08llx) CR2 %016lx CR3 %016llx CR4 %08llx (read as %08llx) EFER %04llx\n",
		read_field(GUEST_CR0), read_field(CR0_READ_SHADOW), vcpu->arch.cr2,
		read_field(GUEST_CR3), read_field(GUEST_CR4), read_field(CR4_READ_SHADOW),
		read_field(GUEST_IA32_EFER));
	pr_info("  DR7 %08llx DEBUGCTL %llx PAT %016llx\n", read_field(GUEST_DR7),
		read_field(GUEST_IA32_DEBUGCTL), read_field(GUEST_IA32_PAT));
}

void vmx_dump(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	pr_info("vcpu%u: last exit %s (0x%x), qualification 0x%llx, linear 0x%llx, physical 0x%llx\n",
		vcpu->id, exit_name(vmx->exit_reason), vmx->exit_reason,
		read_field(EXIT_QUALIFICATION), read_field(GUEST_LINEAR_ADDRESS),
		read_field(GUEST_PHYSICAL_ADDRESS));
	print_event("exit interruption", read_field(VM_EXIT_INTR_INFO),
		    read_field(VM_EXIT_INTR_ERROR_CODE));
	print_event("being delivered at that exit", read_field(IDT_VECTORING_INFO_FIELD),
		    read_field(IDT_VECTORING_ERROR_CODE));
	print_event("to be injected", read_field(VM_ENTRY_INTR_INFO_FIELD),
		    read_field(VM_ENTRY_EXCEPTION_ERROR_CODE));
	print_registers(vcpu);
#define X(name, reg)                                                                            \
	print_segment(name, read_field(GUEST_##reg##_SELECTOR), read_field(GUEST_##reg##_BASE), \
		      read_field(GUEST_##reg##_LIMIT), read_field(GUEST_##reg##_AR_BYTES));
	FOR_EACH_SEG(X)
#undef X
	pr_info("  GDTR  base %016llx limit %04llx, IDTR base %016llx limit %04llx\n",
		read_field(GUEST_GDTR_BASE), read_field(GUEST_GDTR_LIMIT),
		read_field(GUEST_IDTR_BASE), read_field(GUEST_IDTR_LIMIT));
	print_controls(vmx);
}

/* ---------------------------------------------------------------- a refused entry */

static struct vmx_entry_cap read_cap(u32 msr, u32 true_msr)
{
	u64 cap = 0;

	rdmsrl_safe(vmx_hw.basic & VMX_BASIC_TRUE_CTLS ? true_msr : msr, &cap);
	return (struct vmx_entry_cap){ .must = lower_32_bits(cap), .may = upper_32_bits(cap) };
}

static void fill_caps(struct vmx_entry *e)
{
	e->cap_pin = read_cap(MSR_IA32_VMX_PINBASED_CTLS, MSR_IA32_VMX_TRUE_PINBASED_CTLS);
	e->cap_cpu = read_cap(MSR_IA32_VMX_PROCBASED_CTLS, MSR_IA32_VMX_TRUE_PROCBASED_CTLS);
	e->cap_cpu2 = read_cap(MSR_IA32_VMX_PROCBASED_CTLS2, MSR_IA32_VMX_PROCBASED_CTLS2);
	e->cap_exit = read_cap(MSR_IA32_VMX_EXIT_CTLS, MSR_IA32_VMX_TRUE_EXIT_CTLS);
	e->cap_entry = read_cap(MSR_IA32_VMX_ENTRY_CTLS, MSR_IA32_VMX_TRUE_ENTRY_CTLS);
	rdmsrl_safe(MSR_IA32_VMX_PROCBASED_CTLS3, &e->cap_cpu3.may);
	rdmsrl_safe(MSR_IA32_VMX_VMFUNC, &e->vmfunc_cap);
	e->basic = vmx_hw.basic;
	e->misc = vmx_hw.misc;
	e->ept_vpid_cap = vmx_hw.ept_vpid_cap;
	e->cr0_fixed0 = vmx_hw.cr0_fixed0;
	e->cr0_fixed1 = vmx_hw.cr0_fixed1;
	e->cr4_fixed0 = vmx_hw.cr4_fixed0;
	e->cr4_fixed1 = vmx_hw.cr4_fixed1;
}

/* What the processor does not have, as far as that can be known; what cannot is not held against a value. */
static void fill_reserved(struct vmx_entry *e)
{
	e->efer_reserved = ~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX);
	e->debugctl_reserved = GENMASK_ULL(63, 16) | GENMASK_ULL(5, 3);
	e->phys_bits = cpuid_eax(0x80000008) & 0xff;
	e->lin_bits = cpuid_eax(0x80000008) >> 8 & 0xff;
	e->host_lma = true;
	e->has_rtm = boot_cpu_has(X86_FEATURE_RTM);
	e->has_bus_lock = boot_cpu_has(X86_FEATURE_BUS_LOCK_DETECT);
	e->has_sgx = boot_cpu_has(X86_FEATURE_SGX);
}

static void fill(struct vmx_entry *e, struct vcpu_vmx *vmx)
{
	memset(e, 0, sizeof(*e));
#define FIELD(member, encoding) e->member = read_field(encoding);
	VMX_ENTRY_CONTROL_FIELDS(FIELD)
	VMX_ENTRY_HOST_FIELDS(FIELD)
	VMX_ENTRY_GUEST_FIELDS(FIELD)
#undef FIELD
	e->vtpr = kvm_get_cr8(&vmx->vcpu) << 4;
	fill_caps(e);
	fill_reserved(e);
}

static void name_rules(struct kvm_vcpu *vcpu, unsigned int step)
{
	const struct vmx_entry_rule *rule;
	struct vmx_entry *e = kmalloc(sizeof(*e), GFP_KERNEL);
	unsigned int from = 0;

	if (!e)
		return;
	fill(e, to_vmx(vcpu));
	rule = vmx_entry_check(e, step, &from);
	if (!rule)
		kvm_flight_note(vcpu, "the VMCS breaks none of the rules that we know");
	for (; rule; rule = vmx_entry_check(e, step, &from))
		kvm_flight_note(vcpu, "entry refused: %s = 0x%llx: %s", rule->field, rule->value(e),
				rule->text);
	kfree(e);
}

/* VMfail: controls or host state, or the instruction itself. */
static u64 report_fail(struct kvm_vcpu *vcpu)
{
	u32 number = read_field(VM_INSTRUCTION_ERROR);

	kvm_vcpu_info(vcpu, "entry failed: %s (VM-instruction error %u)\n", insn_error(number),
		      number);
	if (number == 7)
		name_rules(vcpu, VMX_CHECK_CONTROLS);
	else if (number == 8)
		name_rules(vcpu, VMX_CHECK_HOST);
	return number;
}

/* The entry came as far as the guest's state. */
static u64 report_guest_state(struct kvm_vcpu *vcpu)
{
	u32 reason = to_vmx(vcpu)->exit_reason;
	u64 qual = read_field(EXIT_QUALIFICATION);

	switch (reason & EXIT_REASON_BASIC_MASK) {
	case EXIT_REASON_INVALID_STATE:
		kvm_vcpu_info(vcpu, "entry failed: invalid guest state (qualification %llu)\n",
			      qual);
		name_rules(vcpu, VMX_CHECK_GUEST);
		break;
	case EXIT_REASON_MSR_LOAD_FAIL:
		kvm_vcpu_info(vcpu, "entry failed: MSR number %llu of the entry's list\n", qual);
		break;
	default:
		kvm_vcpu_info(vcpu, "entry failed: %s (0x%x), qualification %llu\n",
			      exit_name(reason), reason, qual);
	}
	return reason;
}

int vmx_entry_failed(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	u64 reason;
	int r;

	if (!vmx->fail && vmx_exit_code(vmx) == EXIT_REASON_INVALID_STATE && vmx_rescue(vcpu))
		return vmx_emulate_once(vcpu);
	if (vmx->fail)
		reason = report_fail(vcpu);
	else
		reason = report_guest_state(vcpu);
	r = kvm_fail_entry(vcpu, reason);
	vmx_cancel_injection(vcpu);
	return r;
}
