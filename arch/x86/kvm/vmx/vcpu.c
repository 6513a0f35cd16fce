// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's life: its VMCS, loading it on a host CPU, reset.  And what a VM has besides.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/nospec-branch.h>

#include "cpuid.h"
#include "debug.h"
#include "irqchip/irqchip.h"
#include "vmx/vmx.h"

#define TSC_MULTIPLIER_ONE BIT_ULL(48)

int vmx_vm_init(struct kvm *kvm)
{
	struct kvm_vmx *kv = to_kvm_vmx(kvm);

	BUILD_BUG_ON(offsetof(struct kvm_vmx, kvm) != 0);
	kv->ept_gen = alloc_percpu_gfp(u64, GFP_KERNEL_ACCOUNT);
	return kv->ept_gen ? 0 : -ENOMEM;
}

void vmx_vm_destroy(struct kvm *kvm)
{
	free_percpu(to_kvm_vmx(kvm)->ept_gen);
}

/* What stays as it is for as long as the vCPU lives. */
static void write_constants(struct vcpu_vmx *vmx)
{
	vmcs_write64(VMCS_LINK_POINTER, ~0ULL);
	vmcs_write64(MSR_BITMAP, __pa(vmx->msr_bitmap));
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write32(CR3_TARGET_COUNT, 0);
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	if (vmx_has(CPU2, SECONDARY_EXEC_ENABLE_XSAVES))
		vmcs_write64(XSS_EXIT_BITMAP, 0);
	if (vmx_has(CPU2, SECONDARY_EXEC_ENCLS_EXITING))
		vmcs_write64(ENCLS_EXITING_BITMAP, ~0ULL);
	if (vmx_has(CPU2, SECONDARY_EXEC_PAUSE_LOOP_EXITING)) {
		vmcs_write32(PLE_GAP, vmx_hw.ple_gap);
		vmx->ple_window = vmx_hw.ple_window;
		vmcs_write32(PLE_WINDOW, vmx->ple_window);
	}
	if (vmx->vcpu.kvm->arch.notify_flags)
		vmcs_write32(NOTIFY_WINDOW, vmx->vcpu.kvm->arch.notify_window);
	vmx_pml_init(vmx);
	vmx_perf_msrs_init(vmx);
	vmx_apicv_write_constants(vmx);
	vmx_write_host_constants();
}

static void free_pages_of(struct vcpu_vmx *vmx)
{
	free_page((unsigned long)vmx->vmcs);
	vmx_msr_bitmap_free(vmx);
	vmx_pml_destroy(vmx);
	vmx_perf_msrs_free(vmx);
	vmx->vmcs = NULL;
}

int vmx_vcpu_create(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	int r = vmx_identity_map_create(vcpu->kvm);

	BUILD_BUG_ON(offsetof(struct vcpu_vmx, vcpu) != 0);

	if (r)
		return r;
	r = -ENOMEM;
	vmx->cpu = -1;
	vmx->vmcs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (vmx->vmcs)
		r = vmx_msr_bitmap_alloc(vmx)	     ?:
			    vmx_pml_create(vmx)	     ?:
			    vmx_perf_msrs_alloc(vmx) ?:
						       vmx_apic_access_page(vcpu);
	if (r) {
		free_pages_of(vmx);
		return r;
	}
	vmx->vmcs_pa = __pa(vmx->vmcs);
	*(u32 *)vmx->vmcs = vmx_basic_vmcs_revision_id(vmx_hw.basic);
	/* Its first state is the processor's to write. */
	preempt_disable();
	if (!vmx_vmclear(vmx->vmcs_pa))
		r = -EIO;
	preempt_enable();
	if (r)
		free_pages_of(vmx);
	return r;
}

void vmx_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	if (!vmx->vmcs)
		return;
	vmx_clear_vmcs(vmx);
	vmx_forget_vmcs(vmx->vmcs);
	free_pages_of(vmx);
}

/* The whole VMCS, before anything else is done with it. */
static void first_reset(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;

	vmx->exit_avail = 0;
	vmx->spec_ctrl = 0;
	vmx->spec_ctrl_open = false;
	vmx->kernel_gs_base = 0;
	memset(vmx->umsr, 0, sizeof(vmx->umsr));
	write_constants(vmx);
	vmx_write_controls(vmx);
	vmx->guest_pat = 0;
	vmx_update_msr_intercepts(vcpu);
	vmcs_write32(GUEST_SYSENTER_CS, 0);
	vmcs_write_natural(GUEST_SYSENTER_ESP, 0);
	vmcs_write_natural(GUEST_SYSENTER_EIP, 0);
	vmcs_write64(GUEST_IA32_DEBUGCTL, 0);
	vmx_write_tsc_offset(vcpu);
	vmx_write_tsc_ratio(vcpu);
}

void vmx_vcpu_reset(struct kvm_vcpu *vcpu, bool init)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	if (!init)
		first_reset(vmx);
	vmx->events_to_complete = false;
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmx_exec_assign(vmx, VMX_WINDOWS, false);
	vmx->nmi_masked = false;
	vmx->detour &= ~VMX_NMI_STEPS;
	vmx_reset_state(vmx, init);
	vmx_update_debug(vcpu);
	vmx_flush_tlb(vcpu);
}

void vmx_vcpu_load(struct kvm_vcpu *vcpu, int cpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	struct vmx_cpu *data = per_cpu_ptr(&vmx_cpu, cpu);
	bool moved = vmx->cpu != cpu;

	vmx_make_current(vmx, cpu);
	if (moved) {
		vmx->cpu_data = data;
		vmx->vpid_generation = 0;
		vmx_host_moved(vmx, cpu);
	}
	if (data->last_vmcs != vmx->vmcs) {
		data->last_vmcs = vmx->vmcs;
		/* What one guest taught the branch predictor shall not steer another. */
		indirect_branch_prediction_barrier();
	}
	vcpu->arch.l1d_flush = true;
	if (unlikely(READ_ONCE(vcpu->kvm->arch.posts)))
		vmx_posting_load(vmx);
}

void vmx_vcpu_put(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	vmx_restore_host(vmx);
	vmx_unload_debug(vmx);
	if (READ_ONCE(vcpu->preempted))
		vmx_shrink_ple_window(vmx);
	if (unlikely(vmx->posted))
		lapic_posted_hold(vmx->posted);
}

void vmx_write_tsc_offset(struct kvm_vcpu *vcpu)
{
	vmcs_write64(TSC_OFFSET, vcpu->arch.clock.tsc_offset);
}

void vmx_write_tsc_ratio(struct kvm_vcpu *vcpu)
{
	if (vmx_has(CPU2, SECONDARY_EXEC_TSC_SCALING))
		vmcs_write64(TSC_MULTIPLIER, vcpu->arch.clock.tsc_ratio ?: TSC_MULTIPLIER_ONE);
}
