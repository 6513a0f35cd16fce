// SPDX-License-Identifier: GPL-2.0-only
/*
 * Performance counters of the host that must not count, and must not write records, while the guest runs.
 *
 * The kernel's perf says which MSRs differ between the two for what is being measured now: as a rule none, and the lists of
 * MSRs that entries and exits load (SDM vol. 3C, 25.7.2, 25.8.2) are empty.  Should an interrupt or an NMI change what is
 * measured, it ends the inner loop, and the lists are made anew.
 */
#include <linux/slab.h>
#include <asm/msr.h>
#include <asm/perf_event.h>

#include "vmx/vmx.h"

/* Kernels ask for two; more than this cannot be switched, and stay as they are. */
#define MAX_MSRS 8

/* A power of two in size, so that kmalloc() aligns it by that, and it lies in one page. */
struct vmx_perf_msrs {
	struct vmx_msr_entry guest[MAX_MSRS];
	struct vmx_msr_entry host[MAX_MSRS];
};

/**
 * vmx_perf_msrs_alloc() - lists for a new vCPU
 * @vmx: not yet running
 * Return: 0, -ENOMEM
 */
int vmx_perf_msrs_alloc(struct vcpu_vmx *vmx)
{
	BUILD_BUG_ON(sizeof(struct vmx_perf_msrs) & (sizeof(struct vmx_perf_msrs) - 1));
	vmx->perf_msrs = kzalloc(sizeof(*vmx->perf_msrs), GFP_KERNEL_ACCOUNT);
	return vmx->perf_msrs ? 0 : -ENOMEM;
}

void vmx_perf_msrs_free(struct vcpu_vmx *vmx)
{
	kfree(vmx->perf_msrs);
	vmx->perf_msrs = NULL;
}

/* For a new VMCS. */
void vmx_perf_msrs_init(struct vcpu_vmx *vmx)
{
	vmx->nr_perf_msrs = 0;
	vmcs_write32(VM_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write32(VM_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write32(VM_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write64(VM_ENTRY_MSR_LOAD_ADDR, __pa(vmx->perf_msrs->guest));
	vmcs_write64(VM_EXIT_MSR_LOAD_ADDR, __pa(vmx->perf_msrs->host));
}

/**
 * vmx_perf_msrs_update() - what does the host measure now?
 * @vmx: about to be entered
 * Context: IRQs off, before the inner loop
 */
void vmx_perf_msrs_update(struct vcpu_vmx *vmx)
{
	const struct perf_guest_switch_msr *msrs;
	unsigned int n = 0;
	int nr = 0, i;

	msrs = perf_guest_get_msrs(&nr, NULL);
	for (i = 0; msrs && i < nr && n < MAX_MSRS; i++) {
		if (msrs[i].host == msrs[i].guest)
			continue;
		vmx->perf_msrs->guest[n].index = msrs[i].msr;
		vmx->perf_msrs->guest[n].value = msrs[i].guest;
		vmx->perf_msrs->host[n].index = msrs[i].msr;
		vmx->perf_msrs->host[n].value = msrs[i].host;
		n++;
		/* A record on its way would be written to the host's address of it, in the guest: let it come out before. */
		if (msrs[i].msr == MSR_IA32_PEBS_ENABLE)
			wrmsrl(MSR_IA32_PEBS_ENABLE, 0);
	}
	if (likely(n == vmx->nr_perf_msrs))
		return;
	vmx->nr_perf_msrs = n;
	vmcs_write32(VM_ENTRY_MSR_LOAD_COUNT, n);
	vmcs_write32(VM_EXIT_MSR_LOAD_COUNT, n);
}
