// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page-modification log (SDM vol. 3C, 29.3.6): the processor notes each page whose EPT entry it marks dirty.  Entries
 * of pages whose writes nobody asks for are dirty from the start.
 */
#include <linux/gfp.h>

#include "mmu/mmu.h"
#include "vmx/vmx.h"

#define PML_ENTRIES 512

int vmx_pml_create(struct vcpu_vmx *vmx)
{
	if (!vmx_has(CPU2, SECONDARY_EXEC_ENABLE_PML))
		return 0;
	vmx->pml = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vmx->pml ? 0 : -ENOMEM;
}

void vmx_pml_destroy(struct vcpu_vmx *vmx)
{
	free_page((unsigned long)vmx->pml);
	vmx->pml = NULL;
}

void vmx_pml_init(struct vcpu_vmx *vmx)
{
	if (!vmx->pml)
		return;
	vmcs_write64(PML_ADDRESS, __pa(vmx->pml));
	vmcs_write16(GUEST_PML_INDEX, PML_ENTRIES - 1);
}

/**
 * vmx_pml_flush() - give the log to the dirty bitmaps
 * @vmx: just left
 *
 * The processor fills it downwards; the index is that of the next entry, and below 0 the log is full.
 *
 * Context: IRQs off, in the inner loop
 */
void vmx_pml_flush(struct vcpu_vmx *vmx)
{
	u16 index;

	if (!vmx->pml)
		return;
	index = vmcs_read16(GUEST_PML_INDEX);
	if (likely(index == PML_ENTRIES - 1))
		return;
	for (index = index >= PML_ENTRIES ? 0 : index + 1; index < PML_ENTRIES; index++)
		kvm_mmu_page_logged(&vmx->vcpu, vmx->pml[index]);
	vmcs_write16(GUEST_PML_INDEX, PML_ENTRIES - 1);
}
