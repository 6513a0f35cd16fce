// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers that are in the VMCB: control registers, EFER, RFLAGS, segments, descriptor tables.
 *
 * General registers and RIP are copied out at every exit.  CR0 and CR3 are read from the VMCB when somebody asks: the
 * guest writes CR3, and TS and MP of CR0, without an exit.
 */
#include <asm/cpufeature.h>

#include "cpuid.h"
#include "debug.h"
#include "mmu/mmu.h"
#include "svm/svm.h"

/* CR0 bits for which the hardware has another value than the guest sees: with CD the guest would run without caches. */
static unsigned long hw_cr0(struct kvm_vcpu *vcpu, unsigned long cr0)
{
	cr0 |= X86_CR0_ET;
	if (!(vcpu->kvm->arch.disabled_quirks & KVM_X86_QUIRK_CD_NW_CLEARED))
		return cr0 & ~(X86_CR0_CD | X86_CR0_NW);
	/* NW without CD cannot be entered, APM vol. 2, 15.5.1. */
	return cr0 & X86_CR0_CD ? cr0 : cr0 & ~X86_CR0_NW;
}

void svm_cache_reg(struct kvm_vcpu *vcpu, int reg)
{
	struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;

	switch (reg) {
	case VCPU_EXREG_CR0:
		vcpu->arch.cr0 = (vcpu->arch.cr0 & ~(X86_CR0_TS | X86_CR0_MP)) |
				 (save->cr0 & (X86_CR0_TS | X86_CR0_MP));
		break;
	case VCPU_EXREG_CR3:
		vcpu->arch.cr3 = save->cr3;
		break;
	case VCPU_EXREG_PDPTR:
		/* The processor reads them from memory at every use, APM vol. 2, 15.25.10. */
		kvm_load_pdptrs(vcpu, kvm_cr3_read(vcpu));
		break;
	}
	vcpu->arch.regs_avail |= BIT(reg);
}

void svm_set_cr0(struct kvm_vcpu *vcpu, unsigned long cr0)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;
	unsigned long hw = hw_cr0(vcpu, cr0);
	u64 efer = vcpu->arch.efer;

	/* EFER.LMA follows CR0.PG and EFER.LME. */
	efer = (efer & EFER_LME) && (cr0 & X86_CR0_PG) ? efer | EFER_LMA : efer & ~EFER_LMA;
	if (efer != vcpu->arch.efer)
		svm_set_efer(vcpu, efer);

	vcpu->arch.cr0 = cr0;
	vcpu->arch.regs_avail |= BIT(VCPU_EXREG_CR0);
	vmcb->save.cr0 = hw;
	vmcb_mark_dirty(vmcb, VMCB_CR);
	/* As long as both views agree, reads and writes of TS and MP need no exit. */
	vmcb_assign_intercept(vmcb, INTERCEPT_CR0_READ, hw != (cr0 | X86_CR0_ET));
	vmcb_assign_intercept(vmcb, INTERCEPT_CR0_WRITE, hw != (cr0 | X86_CR0_ET));
}

void svm_set_cr3(struct kvm_vcpu *vcpu, unsigned long cr3)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;

	vcpu->arch.cr3 = cr3;
	vcpu->arch.regs_avail |= BIT(VCPU_EXREG_CR3);
	vmcb->save.cr3 = cr3;
	vmcb_mark_dirty(vmcb, VMCB_CR);
}

void svm_set_cr4(struct kvm_vcpu *vcpu, unsigned long cr4)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	/* A machine check that hits in the guest is the host's. */
	unsigned long hw = cr4 | (cr4_read_shadow() & X86_CR4_MCE);

	/* Translations by other rules than the new ones must go: PGE, PSE, PAE, PCIDE, SMEP. */
	if ((vcpu->arch.cr4 ^ cr4) &
	    (X86_CR4_PGE | X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PCIDE | X86_CR4_SMEP))
		svm_flush_tlb(vcpu);
	vcpu->arch.cr4 = cr4;
	vmcb->save.cr4 = hw;
	vmcb_mark_dirty(vmcb, VMCB_CR);
	vmcb_assign_intercept(vmcb, INTERCEPT_CR4_READ, hw != cr4);
}

/* VMRUN demands EFER.SVME, so the guest has it in hardware; what it would enable exits and is #UD. */
void svm_set_efer(struct kvm_vcpu *vcpu, u64 efer)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;

	vcpu->arch.efer = efer;
	vmcb->save.efer = efer | EFER_SVME;
	/* LME without PG is legal and has no effect; LMA without it is not. */
	vmcb_mark_dirty(vmcb, VMCB_CR);
}

bool svm_is_valid_cr4(struct kvm_vcpu *vcpu, unsigned long cr4)
{
	return true;
}

unsigned long svm_get_rflags(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	unsigned long rflags = svm->vmcb->save.rflags;

	/* TF that was set to step to an NMI window is not the guest's. */
	if (svm->nmi_singlestep)
		rflags = (rflags & ~(X86_EFLAGS_TF | X86_EFLAGS_RF)) | svm->nmi_singlestep_flags;
	return rflags;
}

void svm_set_rflags(struct kvm_vcpu *vcpu, unsigned long rflags)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	if (svm->nmi_singlestep) {
		svm->nmi_singlestep_flags = rflags & (X86_EFLAGS_TF | X86_EFLAGS_RF);
		rflags |= X86_EFLAGS_TF | X86_EFLAGS_RF;
	}
	svm->vmcb->save.rflags = rflags | X86_EFLAGS_FIXED;
}

/* ---- segments */

static struct vmcb_seg *seg_field(struct kvm_vcpu *vcpu, int seg)
{
	static const u16 offset[] = {
		[VCPU_SREG_ES] = offsetof(struct vmcb_save_area, es),
		[VCPU_SREG_CS] = offsetof(struct vmcb_save_area, cs),
		[VCPU_SREG_SS] = offsetof(struct vmcb_save_area, ss),
		[VCPU_SREG_DS] = offsetof(struct vmcb_save_area, ds),
		[VCPU_SREG_FS] = offsetof(struct vmcb_save_area, fs),
		[VCPU_SREG_GS] = offsetof(struct vmcb_save_area, gs),
		[VCPU_SREG_TR] = offsetof(struct vmcb_save_area, tr),
		[VCPU_SREG_LDTR] = offsetof(struct vmcb_save_area, ldtr),
	};

	return (void *)&to_svm(vcpu)->vmcb->save + offset[seg];
}

/*
 * A segment register as the ABI has it.
 *
 * The processor leaves some attributes as it likes, and Intel's rules, which a VMM may have to satisfy after a
 * migration, are stricter: an unusable segment has P clear here; a loaded code or data segment is accessed; a task
 * register is busy; SS.DPL is the CPL.
 */
void svm_get_segment(struct kvm_vcpu *vcpu, struct kvm_segment *var, int seg)
{
	const struct vmcb_seg *s = seg_field(vcpu, seg);
	u16 attr = s->attrib;

	*var = (struct kvm_segment){
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.type = attr & SVM_SELECTOR_TYPE_MASK,
		.s = !!(attr & SVM_SELECTOR_S_MASK),
		.dpl = (attr & SVM_SELECTOR_DPL_MASK) >> SVM_SELECTOR_DPL_SHIFT,
		.present = !!(attr & SVM_SELECTOR_P_MASK),
		.avl = !!(attr & SVM_SELECTOR_AVL_MASK),
		.l = !!(attr & SVM_SELECTOR_L_MASK),
		.db = !!(attr & SVM_SELECTOR_DB_MASK),
		.g = !!(attr & SVM_SELECTOR_G_MASK),
		.unusable = !(attr & SVM_SELECTOR_P_MASK),
	};

	switch (seg) {
	case VCPU_SREG_TR:
		var->type |= 2;
		break;
	case VCPU_SREG_CS:
		/* A limit that does not fit into 20 bits needs G, whatever the field says. */
		if (var->limit > 0xfffff)
			var->g = 1;
		break;
	case VCPU_SREG_SS:
		/* DB of an unusable SS is left behind by SYSCALL and has no meaning. */
		if (var->unusable)
			var->db = 0;
		var->dpl = to_svm(vcpu)->vmcb->save.cpl;
		break;
	case VCPU_SREG_DS:
	case VCPU_SREG_ES:
	case VCPU_SREG_FS:
	case VCPU_SREG_GS:
		if (!var->unusable)
			var->type |= 1;
		break;
	}
}

void svm_set_segment(struct kvm_vcpu *vcpu, const struct kvm_segment *var, int seg)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	struct vmcb_seg *s = seg_field(vcpu, seg);

	s->base = var->base;
	s->limit = var->limit;
	s->selector = var->selector;
	s->attrib = (var->type & SVM_SELECTOR_TYPE_MASK) | !!var->s << SVM_SELECTOR_S_SHIFT |
		    (var->dpl & 3) << SVM_SELECTOR_DPL_SHIFT |
		    (var->present && !var->unusable) << SVM_SELECTOR_P_SHIFT |
		    !!var->avl << SVM_SELECTOR_AVL_SHIFT | !!var->l << SVM_SELECTOR_L_SHIFT |
		    !!var->db << SVM_SELECTOR_DB_SHIFT | !!var->g << SVM_SELECTOR_G_SHIFT;
	/* The ABI has no CPL: it is SS.DPL. */
	if (seg == VCPU_SREG_SS)
		vmcb->save.cpl = var->dpl & 3;
	vmcb_mark_dirty(vmcb, VMCB_SEG);
}

u64 svm_get_segment_base(struct kvm_vcpu *vcpu, int seg)
{
	return seg_field(vcpu, seg)->base;
}

int svm_get_cpl(struct kvm_vcpu *vcpu)
{
	return to_svm(vcpu)->vmcb->save.cpl;
}

void svm_get_cs_db_l(struct kvm_vcpu *vcpu, int *db, int *l)
{
	u16 attr = to_svm(vcpu)->vmcb->save.cs.attrib;

	*db = !!(attr & SVM_SELECTOR_DB_MASK);
	*l = !!(attr & SVM_SELECTOR_L_MASK);
}

void svm_get_dtable(struct kvm_vcpu *vcpu, bool idt, struct kvm_dtable *dt)
{
	struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;
	const struct vmcb_seg *s = idt ? &save->idtr : &save->gdtr;

	*dt = (struct kvm_dtable){ .base = s->base, .limit = s->limit };
}

void svm_set_dtable(struct kvm_vcpu *vcpu, bool idt, const struct kvm_dtable *dt)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	struct vmcb_seg *s = idt ? &vmcb->save.idtr : &vmcb->save.gdtr;

	s->base = dt->base;
	s->limit = dt->limit;
	vmcb_mark_dirty(vmcb, VMCB_DT);
}

/* ---- reset */

#define ATTR_CODE (0xb | SVM_SELECTOR_S_MASK | SVM_SELECTOR_P_MASK) /* readable, accessed */
#define ATTR_DATA (0x3 | SVM_SELECTOR_S_MASK | SVM_SELECTOR_P_MASK) /* writable, accessed */
#define ATTR_LDT (0x2 | SVM_SELECTOR_P_MASK)
#define ATTR_TSS16 (0x3 | SVM_SELECTOR_P_MASK) /* busy */

/* State after RESET and INIT, APM vol. 2, table 14-1: what is in the VMCB.  INIT leaves CD and NW as they are. */
void svm_reset_state(struct vcpu_svm *svm, bool init)
{
	struct vmcb_save_area *save = &svm->vmcb->save;
	struct kvm_vcpu *vcpu = &svm->vcpu;
	static const struct vmcb_seg data = { .limit = 0xffff, .attrib = ATTR_DATA };
	const unsigned long cache_off = X86_CR0_CD | X86_CR0_NW;

	save->cs = (struct vmcb_seg){
		.selector = 0xf000,
		.base = 0xffff0000,
		.limit = 0xffff,
		.attrib = ATTR_CODE,
	};
	save->ds = save->es = save->fs = save->gs = save->ss = data;
	save->gdtr = save->idtr = (struct vmcb_seg){ .limit = 0xffff };
	save->ldtr = (struct vmcb_seg){ .limit = 0xffff, .attrib = ATTR_LDT };
	save->tr = (struct vmcb_seg){ .limit = 0xffff, .attrib = ATTR_TSS16 };
	save->cpl = 0;
	save->rflags = X86_EFLAGS_FIXED;
	save->dr6 = KVM_DR6_ACTIVE_LOW;
	save->dr7 = KVM_DR7_FIXED_1;
	save->cr2 = 0;
	kvm_rip_write(vcpu, 0xfff0);
	svm_set_efer(vcpu, 0);
	svm_set_cr0(vcpu, X86_CR0_ET | (init ? vcpu->arch.cr0 & cache_off : cache_off));
	svm_set_cr3(vcpu, 0);
	svm_set_cr4(vcpu, 0);
	vmcb_mark_all_dirty(svm->vmcb);
}
