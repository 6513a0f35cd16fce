// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities: one row each.  What has no row answers 0 to KVM_CHECK_EXTENSION and cannot be enabled.
 */
#include "arch.h"
#include "io.h"
#include "ioctl.h"
#include "memory.h"

static int enable_halt_poll(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (cap->args[0] != (u32)cap->args[0])
		return -EINVAL;
	WRITE_ONCE(kvm->max_halt_poll_ns, cap->args[0]);
	/* Pairs with max_poll_ns() in halt.c. */
	smp_store_release(&kvm->override_halt_poll_ns, true);
	return 0;
}

static const struct kvm_cap caps[] = {
	{ .cap = KVM_CAP_USER_MEMORY, .value = 1 },
	{ .cap = KVM_CAP_USER_MEMORY2, .value = 1 },
	{ .cap = KVM_CAP_DESTROY_MEMORY_REGION_WORKS, .value = 1 },
	{ .cap = KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, .value = 1 },
	{ .cap = KVM_CAP_NR_MEMSLOTS, .value = KVM_USER_MEM_SLOTS },
	{ .cap = KVM_CAP_SYNC_MMU, .value = 1 },
	{ .cap = KVM_CAP_READONLY_MEM, .value = 1 },
	{ .cap = KVM_CAP_MEMORY_FAULT_INFO, .value = 1 },
	{ .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
	  .value = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET,
	  .enable_vm = kvm_enable_manual_dirty_log },
	{ .cap = KVM_CAP_INTERNAL_ERROR_DATA, .value = 1 },
	{ .cap = KVM_CAP_CHECK_EXTENSION_VM, .value = 1 },
	{ .cap = KVM_CAP_ENABLE_CAP, .value = 1 },
	{ .cap = KVM_CAP_ENABLE_CAP_VM, .value = 1 },
	{ .cap = KVM_CAP_IMMEDIATE_EXIT, .value = 1 },
	{ .cap = KVM_CAP_MAX_VCPUS, .value = KVM_MAX_VCPUS },
	{ .cap = KVM_CAP_IRQFD, .value = 1 },
	{ .cap = KVM_CAP_IRQFD_RESAMPLE, .value = 1 },
	{ .cap = KVM_CAP_IOEVENTFD, .value = 1 },
	{ .cap = KVM_CAP_IOEVENTFD_NO_LENGTH, .value = 1 },
	{ .cap = KVM_CAP_IOEVENTFD_ANY_LENGTH, .value = 1 },
	{ .cap = KVM_CAP_COALESCED_MMIO, .value = KVM_COALESCED_MMIO_PAGE_OFFSET },
	{ .cap = KVM_CAP_COALESCED_PIO, .value = 1 },
	{ .cap = KVM_CAP_SIGNAL_MSI, .value = 1 },
	{ .cap = KVM_CAP_IRQ_ROUTING, .value = KVM_MAX_IRQ_ROUTES },
	{ .cap = KVM_CAP_HALT_POLL, .value = 1, .enable_vm = enable_halt_poll },
	{ .cap = KVM_CAP_BINARY_STATS_FD, .value = 1 },
	{ .cap = KVM_CAP_DEVICE_CTRL, .value = 1 },
};

static const struct kvm_cap *find(const struct kvm_cap *rows, unsigned int nr, u32 cap)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (rows[i].cap == cap)
			return &rows[i];
	}
	return NULL;
}

static const struct kvm_cap *find_cap(unsigned long cap)
{
	if (cap != (u32)cap)
		return NULL;
	return find(kvm_arch_caps, kvm_arch_nr_caps, cap) ?: find(caps, ARRAY_SIZE(caps), cap);
}

long kvm_check_extension(struct kvm *kvm, unsigned long cap)
{
	const struct kvm_cap *row = find_cap(cap);

	if (!row)
		return 0;
	return row->check ? row->check(kvm) : row->value;
}

long kvm_vm_check_extension(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	return kvm_check_extension(kvm, arg.val);
}

long kvm_vm_enable_cap(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	const struct kvm_enable_cap *cap = arg.buf;
	const struct kvm_cap *row = find_cap(cap->cap);

	if (cap->flags || !row || !row->enable_vm)
		return -EINVAL;
	return row->enable_vm(kvm, cap);
}

long kvm_vcpu_enable_cap(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	const struct kvm_enable_cap *cap = arg.buf;
	const struct kvm_cap *row = find_cap(cap->cap);

	if (cap->flags || !row || !row->enable_vcpu)
		return -EINVAL;
	return row->enable_vcpu(vcpu, cap);
}
