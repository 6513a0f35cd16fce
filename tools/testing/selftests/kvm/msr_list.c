// SPDX-License-Identifier: GPL-2.0-only
/* The MSR index lists: what is in them works. */
#include <stdlib.h>

#include "vm.h"

static struct kvm_msr_list *get_list(int kvm, unsigned long command)
{
	struct kvm_msr_list probe = { .nmsrs = 0 }, *list;

	CHECK_ERRNO(ioctl(kvm, command, &probe), E2BIG);
	REQUIRE(probe.nmsrs > 0 && probe.nmsrs < 1000);
	list = calloc(1, sizeof(*list) + 4 * (probe.nmsrs + 1));
	REQUIRE(list);
	list->nmsrs = probe.nmsrs - 1;
	CHECK_ERRNO(ioctl(kvm, command, list), E2BIG);
	CHECK_EQ(list->nmsrs, probe.nmsrs);
	list->nmsrs = probe.nmsrs;
	list->indices[probe.nmsrs] = 0xcafe;
	OK(ioctl(kvm, command, list));
	CHECK_EQ(list->nmsrs, probe.nmsrs);
	CHECK_EQ(list->indices[probe.nmsrs], 0xcafe);
	return list;
}

CASE(list, "the list says how long it is, and what is in it comes once")
{
	int kvm = kvm_open();
	struct kvm_msr_list *list = get_list(kvm, KVM_GET_MSR_INDEX_LIST);

	for (u32 i = 0; i < list->nmsrs; i++)
		for (u32 j = 0; j < i; j++)
			if (list->indices[i] == list->indices[j])
				FAIL("MSR %#x comes twice", list->indices[i]);
}

CASE(usual, "the MSRs that a long-mode system lives on are in it")
{
	static const u32 usual[] = {
		MSR_TSC,    MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_PAT,
		MSR_STAR,   MSR_LSTAR,	     MSR_CSTAR,	       MSR_SFMASK,	 MSR_KERNEL_GS_BASE,
		0x4b564d00, 0x4b564d01,	     MSR_MISC_ENABLE,  MSR_MCG_STATUS,	 MSR_TSC_DEADLINE,
	};
	int kvm = kvm_open();
	struct kvm_msr_list *list = get_list(kvm, KVM_GET_MSR_INDEX_LIST);

	for (u32 i = 0; i < ARRAY_SIZE(usual); i++) {
		bool there = false;

		for (u32 j = 0; j < list->nmsrs; j++)
			there |= list->indices[j] == usual[i];
		if (!there)
			FAIL("MSR %#x is not in the list", usual[i]);
	}
}

static void read_and_write_back(unsigned int flags)
{
	struct vm *vm = vm_new(flags);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_msr_list *list = get_list(vm->kvm, KVM_GET_MSR_INDEX_LIST);

	for (u32 i = 0; i < list->nmsrs; i++) {
		u64 value;

		if (!vcpu_rdmsr(cpu, list->indices[i], &value))
			FAIL("MSR %#x cannot be read", list->indices[i]);
		else if (!vcpu_wrmsr(cpu, list->indices[i], value))
			FAIL("MSR %#x: its own value %#llx cannot be written", list->indices[i],
			     (unsigned long long)value);
	}
}

CASE(works, "every MSR in the list can be read, and what was read written back")
{
	read_and_write_back(0);
}

CASE(works_irqchip, "the same with an in-kernel interrupt controller")
{
	read_and_write_back(VM_IRQCHIP);
}

CASE(at_once, "all of them at once, as QEMU does it")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_msr_list *list = get_list(vm->kvm, KVM_GET_MSR_INDEX_LIST);
	struct kvm_msrs *msrs =
		calloc(1, sizeof(*msrs) + list->nmsrs * sizeof(struct kvm_msr_entry));

	REQUIRE(msrs);
	msrs->nmsrs = list->nmsrs;
	for (u32 i = 0; i < list->nmsrs; i++)
		msrs->entries[i].index = list->indices[i];
	CHECK_EQ(ioctl(cpu->fd, KVM_GET_MSRS, msrs), list->nmsrs);
	CHECK_EQ(ioctl(cpu->fd, KVM_SET_MSRS, msrs), list->nmsrs);
}

CASE(features,
     "every feature MSR can be read on /dev/kvm, and those that VMMs ask on all hosts are among them")
{
	int kvm = kvm_open();
	struct kvm_msr_list *list;
	bool arch = false, perf = false;

	NEED(kvm, KVM_CAP_GET_MSR_FEATURES);
	list = get_list(kvm, KVM_GET_MSR_FEATURE_INDEX_LIST);
	for (u32 i = 0; i < list->nmsrs; i++) {
		struct {
			struct kvm_msrs head;
			struct kvm_msr_entry entry;
		} one = { .head.nmsrs = 1, .entry.index = list->indices[i] };

		if (ioctl(kvm, KVM_GET_MSRS, &one) != 1)
			FAIL("feature MSR %#x cannot be read", list->indices[i]);
		arch |= one.entry.index == 0x10a;
		perf |= one.entry.index == 0x345;
	}
	CHECK(arch);
	CHECK(perf);
}

CASE(not_a_feature, "an MSR that nobody knows is not read on /dev/kvm")
{
	int kvm = kvm_open();
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} one = { .head.nmsrs = 1, .entry.index = 0x12345678 };
	long ret;

	NEED(kvm, KVM_CAP_GET_MSR_FEATURES);
	ret = ioctl(kvm, KVM_GET_MSRS, &one);
	if (ret > 0)
		FAIL("%ld read: %#llx", ret, one.entry.data);
}
