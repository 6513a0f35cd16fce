// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address space identifiers and TLB flushes (APM vol. 2, 15.16).
 *
 * Each host CPU hands out its ASIDs in turn and flushes all of them when it starts over: a new generation, in which
 * every vCPU needs a new one.  A vCPU that comes to another CPU, or that must flush on a CPU without flush-by-ASID,
 * simply gives up its ASID.  A generation is never used twice on a CPU, not even after it has been offline, so an old
 * ASID cannot be taken for a present one.
 */
#include <linux/mem_encrypt.h>

#include "mmu/mmu.h"
#include "svm/svm.h"

/**
 * svm_new_asid() - give the vCPU an ASID of the CPU on which it is loaded
 * @svm: about to be entered
 * Context: IRQs off
 */
void svm_new_asid(struct vcpu_svm *svm)
{
	struct svm_cpu *cpu = svm->cpu_data;
	struct vmcb *vmcb = svm->vmcb;

	if (cpu->next_asid > cpu->max_asid) {
		cpu->asid_generation++;
		cpu->next_asid = 1;
		vmcb->control.tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
	} else if (vmcb->control.tlb_ctl == TLB_CONTROL_FLUSH_ASID) {
		/* Nothing can be cached under an ASID that was not used in this generation. */
		vmcb->control.tlb_ctl = TLB_CONTROL_DO_NOTHING;
	}
	svm->asid_generation = cpu->asid_generation;
	vmcb->control.asid = cpu->next_asid++;
	vmcb_mark_dirty(vmcb, VMCB_ASID);
}

/* All of the vCPU's translations, guest-virtual and guest-physical, before the next entry. */
void svm_flush_tlb(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	if (svm_hw.flush_by_asid) {
		if (svm->vmcb->control.tlb_ctl == TLB_CONTROL_DO_NOTHING)
			svm->vmcb->control.tlb_ctl = TLB_CONTROL_FLUSH_ASID;
	} else {
		svm->asid_generation = 0;
	}
}

void svm_flush_tlb_gva(struct kvm_vcpu *vcpu, gva_t gva)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	/* Without an ASID in force there is nothing to flush. */
	if (svm->cpu_data && svm->asid_generation == svm->cpu_data->asid_generation)
		asm volatile("invlpga %0, %1"
			     :
			     : "a"(gva), "c"(svm->vmcb->control.asid)
			     : "memory");
}

void svm_load_root(struct kvm_vcpu *vcpu, hpa_t root)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	svm->vmcb->control.nested_cr3 = __sme_set(root);
	vmcb_mark_dirty(svm->vmcb, VMCB_NPT);
	svm_flush_tlb(vcpu);
}
