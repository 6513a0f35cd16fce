// SPDX-License-Identifier: GPL-2.0-only
/*
 * The x86 part of a VM's life, and the ioctls that set it up.
 */
#include <linux/slab.h>

#include "arch.h"
#include "backend.h"
#include "clock.h"
#include "io.h"
#include "ioctl.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "msr.h"

#define MMU_PAGES_MIN 64

struct kvm *kvm_arch_alloc_vm(void)
{
	return kvzalloc(kvm_backend.vm_size, GFP_KERNEL_ACCOUNT);
}

void kvm_arch_free_vm(struct kvm *kvm)
{
	kvfree(kvm);
}

int kvm_arch_init_vm(struct kvm *kvm, unsigned long type)
{
	int r;

	if (type != KVM_X86_DEFAULT_VM)
		return -EINVAL;

	mutex_init(&kvm->arch.apic_map_lock);
	kvm->arch.apic_bus_cycle_ns = 1;
	kvm->arch.msr_platform_info_guest_read = true;
	/* At most ten reports of failures in a minute from one VM. */
	ratelimit_state_init(&kvm->arch.report_rs, 60 * HZ, 2);
	r = kvm_mmu_init_vm(kvm);
	if (r)
		return r;
	r = kvm_x86_call(vm_init)(kvm);
	if (r)
		goto out_mmu;
	kvm_clock_init_vm(kvm);
	return 0;

out_mmu:
	kvm_mmu_destroy_vm(kvm);
	return r;
}

void kvm_arch_pre_destroy_vm(struct kvm *kvm)
{
	kvm_irqchip_stop(kvm);
	kvm_clock_destroy_vm(kvm);
}

void kvm_arch_destroy_vm(struct kvm *kvm)
{
	kvm_x86_call(vm_destroy)(kvm);
	kvm_apic_map_free(kvm);
	kvm_pit_destroy(kvm);
	kvm_ioapic_destroy(kvm);
	kvm_pic_destroy(kvm);
	kvm_msr_filter_free(kvm);
	kvm_mmu_destroy_vm(kvm);
}

/* ---------------------------------------------------------------- ioctls */

long kvm_vm_set_tss_addr(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	/* Three pages, below 4 GiB. */
	if (arg.val > (unsigned int)(-3 * PAGE_SIZE))
		return -EINVAL;
	kvm->arch.tss_addr = arg.val;
	return 0;
}

/* A limit for shadow page tables.  Two-dimensional paging has none: the number is kept, and that is all. */
long kvm_vm_set_nr_mmu_pages(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	if (arg.val < MMU_PAGES_MIN || arg.val > U32_MAX)
		return -EINVAL;
	WRITE_ONCE(kvm->arch.nr_mmu_pages, arg.val);
	return 0;
}

long kvm_vm_get_nr_mmu_pages(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	return READ_ONCE(kvm->arch.nr_mmu_pages);
}

long kvm_vm_set_identity_map_addr(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	u64 addr = *(u64 *)arg.buf;
	long r = -EINVAL;

	mutex_lock(&kvm->lock);
	if (!kvm->created_vcpus) {
		kvm->arch.identity_map_addr = addr;
		r = 0;
	}
	mutex_unlock(&kvm->lock);
	return r;
}

long kvm_vm_set_boot_cpu_id(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	u32 limit;
	long r;

	mutex_lock(&kvm->lock);
	limit = kvm->arch.max_vcpu_ids ?: KVM_MAX_VCPU_IDS;
	if (kvm->created_vcpus) {
		r = -EBUSY;
	} else if (arg.val >= limit) {
		r = -EINVAL;
	} else {
		kvm->arch.boot_cpu_id = arg.val;
		r = 0;
	}
	mutex_unlock(&kvm->lock);
	return r;
}
