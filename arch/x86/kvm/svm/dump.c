// SPDX-License-Identifier: GPL-2.0-only
/*
 * What failed, in words: a refused entry, and a vCPU's VMCB.
 */
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "cpuid.h"
#include "flight.h"
#include "run.h"
#include "svm/entry_check.h"
#include "svm/svm.h"

static const struct {
	u32 code;
	const char *name;
} exit_names[] = { SVM_EXIT_REASONS };

static const char *exit_name(u32 code)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(exit_names); i++)
		if (exit_names[i].code == code)
			return exit_names[i].name;
	return "unknown";
}

static void print_segment(const char *name, const struct vmcb_seg *s)
{
	pr_info("  %-5s %04x base %016llx limit %08x type %x dpl %u%s%s%s%s%s%s\n", name,
		s->selector, s->base, s->limit, s->attrib & SVM_SELECTOR_TYPE_MASK,
		(s->attrib & SVM_SELECTOR_DPL_MASK) >> SVM_SELECTOR_DPL_SHIFT,
		s->attrib & SVM_SELECTOR_S_MASK ? " s" : "",
		s->attrib & SVM_SELECTOR_P_MASK ? " p" : "",
		s->attrib & SVM_SELECTOR_AVL_MASK ? " avl" : "",
		s->attrib & SVM_SELECTOR_L_MASK ? " l" : "",
		s->attrib & SVM_SELECTOR_DB_MASK ? " db" : "",
		s->attrib & SVM_SELECTOR_G_MASK ? " g" : "");
}

static void print_event(const char *name, u32 info, u32 error)
{
	static const char *const types[] = {
		"interrupt", "type 1", "NMI", "exception", "INT n", "type 5", "type 6", "type 7",
	};

	if (!(info & SVM_EVTINJ_VALID))
		return;
	pr_info("  %s: %s, vector %u%s, error code 0x%x\n", name,
		types[(info & SVM_EVTINJ_TYPE_MASK) >> SVM_EVTINJ_TYPE_SHIFT],
		info & SVM_EVTINJ_VEC_MASK, info & SVM_EVTINJ_VALID_ERR ? "" : " (no error code)",
		error);
}

void svm_dump(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	const struct vmcb_control_area *c = &svm->vmcb->control;
	const struct vmcb_save_area *s = &svm->vmcb->save;
	const unsigned long *r = vcpu->arch.regs;

	pr_info("vcpu%u: last exit %s (0x%x), info 0x%llx 0x%llx\n", vcpu->id,
		exit_name(c->exit_code), c->exit_code, c->exit_info_1, c->exit_info_2);
	print_event("being delivered at that exit", c->exit_int_info, c->exit_int_info_err);
	print_event("to be injected", c->event_inj, c->event_inj_err);
	pr_info("  RIP %016lx RFLAGS %08llx CPL %u%s%s\n", r[VCPU_RIP], s->rflags, s->cpl,
		c->int_state & SVM_INTERRUPT_SHADOW_MASK ? ", interrupt shadow" : "",
		svm->nmi_masked ? ", NMIs masked" : "");
	pr_info("  RAX %016lx RBX %016lx RCX %016lx RDX %016lx\n", r[VCPU_RAX], r[VCPU_RBX],
		r[VCPU_RCX], r[VCPU_RDX]);
	pr_info("  RSI %016lx RDI %016lx RBP %016lx RSP %016lx\n", r[VCPU_RSI], r[VCPU_RDI],
		r[VCPU_RBP], r[VCPU_RSP]);
	pr_info("  R8  %016lx R9  %016lx R10 %016lx R11 %016lx\n", r[VCPU_R8], r[VCPU_R9],
		r[VCPU_R10], r[VCPU_R11]);
	pr_info("  R12 %016lx R13 %016lx R14 %016lx R15 %016lx\n", r[VCPU_R12], r[VCPU_R13],
		r[VCPU_R14], r[VCPU_R15]);
	pr_info("  CR0 %08llx CR2 %016llx CR3 %016llx CR4 %08llx EFER %04llx\n", s->cr0, s->cr2,
		s->cr3, s->cr4, s->efer);
	pr_info("  DR6 %08llx DR7 %08llx\n", s->dr6, s->dr7);
	print_segment("CS", &s->cs);
	print_segment("SS", &s->ss);
	print_segment("DS", &s->ds);
	print_segment("ES", &s->es);
	print_segment("FS", &s->fs);
	print_segment("GS", &s->gs);
	print_segment("LDTR", &s->ldtr);
	print_segment("TR", &s->tr);
	pr_info("  GDTR  base %016llx limit %04x, IDTR base %016llx limit %04x\n", s->gdtr.base,
		s->gdtr.limit, s->idtr.base, s->idtr.limit);
	pr_info("  intercepts %08x %08x %08x %08x %08x %08x, int_ctl %08x, asid %u, clean %x\n",
		c->intercepts[0], c->intercepts[1], c->intercepts[2], c->intercepts[3],
		c->intercepts[4], c->intercepts[5], c->int_ctl, c->asid, c->clean);
}

static void fill(struct svm_entry *e, struct vcpu_svm *svm)
{
	const struct vmcb_control_area *c = &svm->vmcb->control;
	const struct vmcb_save_area *s = &svm->vmcb->save;

	*e = (struct svm_entry){
		.cr0 = s->cr0,
		.cr3 = s->cr3,
		.cr4 = s->cr4,
		.efer = s->efer,
		.dr6 = s->dr6,
		.dr7 = s->dr7,
		.rflags = s->rflags,
		.g_pat = s->g_pat,
		.nested_cr3 = c->nested_cr3,
		.iopm_pa = c->iopm_base_pa,
		.msrpm_pa = c->msrpm_base_pa,
		.asid = c->asid,
		.event_inj = c->event_inj,
		.cs_attrib = s->cs.attrib,
		.intercept_vmrun = vmcb_is_intercept(svm->vmcb, INTERCEPT_VMRUN),
		.np_enable = c->nested_ctl & SVM_NESTED_CTL_NP_ENABLE,
		.host_pg = true,
		.phys_bits = boot_cpu_data.x86_phys_bits,
		.cr4_reserved = svm->vcpu.arch.cpuid.cr4_reserved & ~X86_CR4_MCE,
		.efer_reserved =
			~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX | EFER_SVME | EFER_LMSLE |
			       EFER_FFXSR | BIT_ULL(15) /* TCE */ | BIT_ULL(17) /* MCOMMIT */ |
			       BIT_ULL(18) /* INTWB */ | BIT_ULL(20) /* UAIE */ | EFER_AUTOIBRS),
	};
}

/* VMEXIT_INVALID: name the field and the rule, for each that is broken. */
int svm_entry_failed(struct kvm_vcpu *vcpu)
{
	const struct svm_entry_rule *rule;
	unsigned int from = 0;
	struct svm_entry e;
	int r;

	fill(&e, to_svm(vcpu));
	rule = svm_entry_check(&e, &from);
	if (!rule)
		kvm_flight_note(vcpu,
				"VMRUN refused the VMCB; it breaks none of the rules that we know");
	for (; rule; rule = svm_entry_check(&e, &from))
		kvm_flight_note(vcpu, "VMRUN refused the VMCB: %s = 0x%llx: %s", rule->field,
				rule->value(&e), rule->text);
	r = kvm_fail_entry(vcpu, (u64)SVM_EXIT_ERR);
	svm_cancel_injection(vcpu);
	return r;
}
