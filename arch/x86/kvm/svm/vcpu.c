// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's life: its VMCB, loading it on a host CPU, reset.
 */
#include <linux/mm.h>
#include <linux/mem_encrypt.h>
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/nospec-branch.h>

#include "cpuid.h"
#include "debug.h"
#include "svm/svm.h"

int svm_vm_init(struct kvm *kvm)
{
	return 0;
}

void svm_vm_destroy(struct kvm *kvm)
{
	svm_avic_vm_destroy(kvm);
}

static void init_vmcb(struct vcpu_svm *svm)
{
	struct vmcb_control_area *c = &svm->vmcb->control;

	svm_init_intercepts(svm);
	c->iopm_base_pa = svm_hw.iopm_pa;
	c->msrpm_base_pa = __sme_set(__pa(svm->msrpm));
	c->int_ctl = V_INTR_MASKING_MASK;
	c->nested_ctl = SVM_NESTED_CTL_NP_ENABLE;
	c->pause_filter_count = svm_hw.pause_filter_count;
	c->pause_filter_thresh = svm_hw.pause_filter_thresh;
	svm->vmcb->save.g_pat = svm->vcpu.arch.msrs.pat;
	vmcb_mark_all_dirty(svm->vmcb);
}

int svm_vcpu_create(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	struct page *page;
	int r;

	BUILD_BUG_ON(offsetof(struct vcpu_svm, vcpu) != 0);

	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	r = svm_msrpm_alloc(svm);
	if (r) {
		__free_page(page);
		return r;
	}
	svm->vmcb = page_address(page);
	svm->vmcb_pa = __sme_set(page_to_phys(page));
	for (int i = 0; i < SVM_FETCH_WAYS; i++)
		svm->fetch[i].page = ~0UL;
	svm->virq_vector = -1;
	svm->tsc_ratio = SVM_TSC_RATIO_DEFAULT;
	/* Everything but these is always present. */
	vcpu->arch.regs_avail = ~0U;
	init_vmcb(svm);
	r = svm_avic_vcpu_create(vcpu);
	if (r)
		svm_vcpu_destroy(vcpu);
	return r;
}

void svm_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	if (!svm->vmcb)
		return;
	svm_avic_vcpu_destroy(vcpu);
	svm_forget_vmcb(svm->vmcb);
	svm_msrpm_free(svm);
	free_page((unsigned long)svm->vmcb);
	svm->vmcb = NULL;
}

void svm_vcpu_reset(struct kvm_vcpu *vcpu, bool init)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	struct vmcb_control_area *c = &svm->vmcb->control;

	if (!init) {
		svm->spec_ctrl = 0;
		svm->spec_ctrl_open = false;
		svm->tsc_aux = 0;
		svm->vmcb->save.spec_ctrl = 0;
		svm->vmcb->save.dbgctl = 0;
		c->virt_ext = 0;
		vmcb_mark_dirty(svm->vmcb, VMCB_LBR);
		svm_update_msr_intercepts(vcpu);
	}
	svm->nmi_singlestep = false;
	svm->soft_injected = false;
	svm->virq_vector = -1;
	svm->virq_window = false;
	svm->events_to_complete = false;
	c->event_inj = 0;
	c->exit_int_info = 0;
	c->int_state = 0;
	svm_clear_irq_window(svm);
	svm_set_nmi_mask(vcpu, false);
	svm_reset_state(svm, init);
	svm_update_debug(vcpu);
	svm_update_exception_bitmap(vcpu);
	svm_flush_tlb(vcpu);
}

void svm_vcpu_load(struct kvm_vcpu *vcpu, int cpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	struct svm_cpu *data = per_cpu_ptr(&svm_cpu, cpu);

	if (svm->cpu_data != data) {
		svm->cpu_data = data;
		svm->host_vmcb_pa = __sme_set(page_to_phys(data->host_page));
		svm->asid_generation = 0;
		vmcb_mark_all_dirty(svm->vmcb);
	}
	if (unlikely(svm->avic_entry))
		svm_avic_load(svm);
	if (data->last_vmcb != svm->vmcb) {
		data->last_vmcb = svm->vmcb;
		/* What one guest taught the branch predictor shall not steer another. */
		indirect_branch_prediction_barrier();
	}
}

void svm_vcpu_put(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	svm->host_saved = false;
	svm_unload_debug(svm);
	if (unlikely(svm->avic_entry))
		svm_avic_put(svm);
}

/*
 * Host state that the guest's replaces until the vCPU is put.
 *
 * FS, GS, LDTR, TR and the system call MSRs of the host do not change while the vCPU is loaded: they are stored once,
 * and VMLOAD brings them back after every exit.
 */
void svm_prepare_switch(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	struct svm_cpu *cpu = svm->cpu_data;

	if (likely(svm->host_saved))
		return;
	/* Where a reboot has switched SVM off meanwhile, svm_enter_guest() will find out. */
	asm volatile("1: vmsave %0\n2:" _ASM_EXTABLE(1b, 2b) : : "a"(svm->host_vmcb_pa) : "memory");
	svm->host_saved = true;

	if (svm_hw.tsc_scaling && cpu->tsc_ratio != svm->tsc_ratio) {
		wrmsrl(MSR_AMD64_TSC_RATIO, svm->tsc_ratio);
		cpu->tsc_ratio = svm->tsc_ratio;
	}
	if (svm->has_tsc_aux)
		svm_load_tsc_aux(cpu, svm->tsc_aux);
	kvm_dbs_load(vcpu);
}

void svm_write_tsc_offset(struct kvm_vcpu *vcpu)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;

	vmcb->control.tsc_offset = vcpu->arch.clock.tsc_offset;
	vmcb_mark_dirty(vmcb, VMCB_INTERCEPTS);
}

void svm_write_tsc_ratio(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	svm->tsc_ratio = vcpu->arch.clock.tsc_ratio ?: SVM_TSC_RATIO_DEFAULT;
	/* In force from the next svm_prepare_switch() on. */
	svm->host_saved = false;
}
