// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables for a guest without paging, on CPUs that have no protected mode without it: every address of 4 GiB to itself,
 * in pages of 4 MiB.  They are a page of ours in the guest's address space (KVM_SET_IDENTITY_MAP_ADDR).
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <asm/pgtable_types.h>

#include "mmu/mmu.h"
#include "vmx/vmx.h"

#define LARGE_PAGE_SHIFT 22
#define LARGE_PAGE \
	(_PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_PSE)

static int create(struct kvm *kvm)
{
	struct kvm_vmx *kv = to_kvm_vmx(kvm);
	struct page *page;
	u32 *table, i;

	if (kv->identity_map)
		return 0;
	page = alloc_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	table = page_address(page);
	for (i = 0; i < PAGE_SIZE / sizeof(*table); i++)
		table[i] = i << LARGE_PAGE_SHIFT | LARGE_PAGE;
	kvm_mmu_set_private_page(kvm, KVM_PRIVATE_IDENTITY_MAP, page, kvm->arch.identity_map_addr);
	kvm_mmu_show_private_page(kvm, KVM_PRIVATE_IDENTITY_MAP, true);
	kv->identity_map = true;
	return 0;
}

/**
 * vmx_identity_map_create() - a vCPU is about to be made that may need it
 * @kvm: the VM
 * Context: may sleep
 * Return: 0, -ENOMEM
 */
int vmx_identity_map_create(struct kvm *kvm)
{
	int r = 0;

	mutex_lock(&kvm->lock);
	/* 0: the VMM has not said, or wants the usual place. */
	if (!kvm->arch.identity_map_addr)
		kvm->arch.identity_map_addr = VMX_EPT_IDENTITY_PAGETABLE_ADDR;
	if (!vmx_hw.unrestricted)
		r = create(kvm) ?: vmx_vm86_create(kvm);
	mutex_unlock(&kvm->lock);
	return r;
}
