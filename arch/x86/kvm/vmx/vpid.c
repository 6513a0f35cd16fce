// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual processor ids and TLB flushes (SDM vol. 3C, 29.4).
 *
 * Two kinds of translations are cached.  Combined mappings, from linear addresses, are tagged with a VPID: each host CPU
 * hands out its VPIDs in turn, and a vCPU that comes to another CPU or that must flush takes a new one, under which
 * nothing can be cached.  When they have all been used, all are flushed: a new generation, in which every vCPU needs a new
 * one.  Guest-physical mappings are tagged with the EPT pointer, which a VM's vCPUs share: a CPU throws a VM's away, with
 * INVEPT, when they have been changed since it did so the last time.
 *
 * Without VPIDs, entries and exits flush combined mappings by themselves.
 */
#include "mmu/mmu.h"
#include "vmx/vmx.h"

static void take_vpid(struct vcpu_vmx *vmx)
{
	struct vmx_cpu *cpu = vmx->cpu_data;

	if (cpu->next_vpid >= VMX_NR_VPIDS) {
		cpu->vpid_generation++;
		cpu->next_vpid = 1;
		vmx_invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0, 0);
	}
	vmx->vpid = cpu->next_vpid++;
	vmcs_write16(VIRTUAL_PROCESSOR_ID, vmx->vpid);
}

/* This CPU's guest-physical mappings of the VM, if they have changed. */
static void sync_ept(struct vcpu_vmx *vmx)
{
	struct kvm *kvm = vmx->vcpu.kvm;
	u64 *gen = this_cpu_ptr(to_kvm_vmx(kvm)->ept_gen);
	/* First the number, then the flush: what is bumped meanwhile is seen at the next entry. */
	u64 now = smp_load_acquire(&kvm->arch.tlb_gen);

	if (*gen == now)
		return;
	*gen = now;
	if (vmx_hw.invept_context)
		vmx_invept(VMX_EPT_EXTENT_CONTEXT, vmx->eptp);
	else
		vmx_invept(VMX_EPT_EXTENT_GLOBAL, 0);
}

/**
 * vmx_new_vpid() - the vCPU has come to this CPU, or must flush
 * @vmx: about to be entered
 * Context: IRQs off
 */
void vmx_new_vpid(struct vcpu_vmx *vmx)
{
	if (vmx_hw.vpid)
		take_vpid(vmx);
	vmx->vpid_generation = vmx->cpu_data->vpid_generation;
	sync_ept(vmx);
}

/* All of the vCPU's translations before the next entry. */
void vmx_flush_tlb(struct kvm_vcpu *vcpu)
{
	to_vmx(vcpu)->vpid_generation = 0;
}

void vmx_flush_tlb_gva(struct kvm_vcpu *vcpu, gva_t gva)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	/* Without a VPID in force there is nothing to flush. */
	if (!vmx_hw.vpid || !vmx->cpu_data ||
	    vmx->vpid_generation != vmx->cpu_data->vpid_generation)
		return;
	if (vmx_hw.invvpid_addr)
		vmx_invvpid(VMX_VPID_EXTENT_INDIVIDUAL_ADDR, vmx->vpid, gva);
	else
		vmx_flush_tlb(vcpu);
}

void vmx_load_root(struct kvm_vcpu *vcpu, hpa_t root)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	vmx->eptp = root | VMX_EPTP_MT_WB | (kvm_backend.caps.root_level - 1) << 3 |
		    (vmx_hw.ept_ad ? VMX_EPTP_AD_ENABLE_BIT : 0);
	vmcs_write64(EPT_POINTER, vmx->eptp);
	vmx_flush_tlb(vcpu);
}

/**
 * vmx_flush_cpu() - VMX has just been switched on: what the TLB holds is nobody's
 * Context: IRQs off
 */
void vmx_flush_cpu(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);

	if (vmx_hw.ept_vpid_cap & VMX_EPT_EXTENT_GLOBAL_BIT)
		vmx_invept(VMX_EPT_EXTENT_GLOBAL, 0);
	if (!vmx_hw.vpid)
		return;
	/* Never a generation twice: an old VPID shall not be taken for a present one. */
	cpu->vpid_generation++;
	cpu->next_vpid = 1;
	vmx_invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0, 0);
}
