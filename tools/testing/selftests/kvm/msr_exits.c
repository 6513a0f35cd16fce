// SPDX-License-Identifier: GPL-2.0-only
/* MSRs that the program answers: KVM_CAP_X86_USER_SPACE_MSR and KVM_X86_SET_MSR_FILTER. */
#include "vm.h"

#define UNKNOWN 0x12345678

static void enable(struct vm *vm, u64 reasons)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { reasons } };

	NEED(vm->kvm, KVM_CAP_X86_USER_SPACE_MSR);
	OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
}

static int filter(struct vm *vm, u32 flags, u32 base, u32 nmsrs, u32 range_flags, void *bitmap)
{
	struct kvm_msr_filter f = { .flags = flags };

	f.ranges[0] = (struct kvm_msr_filter_range){ range_flags, nmsrs, base, bitmap };
	NEED(vm->kvm, KVM_CAP_X86_MSR_FILTER);
	return ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &f);
}

static void expect(struct vcpu *cpu, u32 exit, u32 index, u32 reason)
{
	vcpu_expect_exit(cpu, exit);
	CHECK_EQ(cpu->run->msr.index, index);
	CHECK_EQ(cpu->run->msr.reason, reason);
	CHECK_EQ(cpu->run->msr.error, 0);
}

static void unknown(u64 unused)
{
	u64 value;

	G_ASSERT_EQ(catch_rdmsr(UNKNOWN, &value), NO_VECTOR);
	G_ASSERT_EQ(value, 0x1122334455667788);
	G_ASSERT_EQ(catch_wrmsr(UNKNOWN, 0x99aabbccddeeff00), NO_VECTOR);
	G_ASSERT_EQ(catch_rdmsr(UNKNOWN, &value), 13);
	G_ASSERT_EQ(catch_wrmsr(UNKNOWN, 1), 13);
	guest_sync(1);
}

CASE(unknown_msr, "an MSR that is not known goes to the program, which answers with a value or #GP")
{
	struct vcpu *cpu = vm_with(0, unknown, 0);
	struct kvm_run *run = cpu->run;

	enable(cpu->vm, KVM_MSR_EXIT_REASON_UNKNOWN);
	expect(cpu, KVM_EXIT_X86_RDMSR, UNKNOWN, KVM_MSR_EXIT_REASON_UNKNOWN);
	run->msr.data = 0x1122334455667788;
	expect(cpu, KVM_EXIT_X86_WRMSR, UNKNOWN, KVM_MSR_EXIT_REASON_UNKNOWN);
	CHECK_EQ(run->msr.data, 0x99aabbccddeeff00);
	expect(cpu, KVM_EXIT_X86_RDMSR, UNKNOWN, KVM_MSR_EXIT_REASON_UNKNOWN);
	run->msr.error = 1;
	expect(cpu, KVM_EXIT_X86_WRMSR, UNKNOWN, KVM_MSR_EXIT_REASON_UNKNOWN);
	run->msr.error = 1;
	vcpu_expect_sync(cpu, 1);
}

static void invalid(u64 unused)
{
	G_ASSERT_EQ(catch_wrmsr(MSR_PAT, 0x0202020202020202), 13);
	guest_sync(1);
}

CASE(invalid_value,
     "a value that is not allowed goes to the program with its own reason; the reasons are told apart")
{
	struct vcpu *cpu = vm_with(0, invalid, 0);

	enable(cpu->vm, KVM_MSR_EXIT_REASON_INVAL);
	expect(cpu, KVM_EXIT_X86_WRMSR, MSR_PAT, KVM_MSR_EXIT_REASON_INVAL);
	cpu->run->msr.error = 1;
	vcpu_expect_sync(cpu, 1);
	cpu = vm_with(0, invalid, 0);
	enable(cpu->vm, KVM_MSR_EXIT_REASON_UNKNOWN);
	vcpu_expect_sync(cpu, 1);
}

static u8 deny_star[1] = { 0xfd }; /* all but the second of eight */

static void filtered(u64 unused)
{
	u64 value;

	/* LSTAR, 0xc0000082, is the second from STAR on: denied. */
	G_ASSERT_EQ(catch_wrmsr(MSR_STAR, 0x1000000000), NO_VECTOR);
	G_ASSERT_EQ(catch_rdmsr(MSR_STAR, &value), NO_VECTOR);
	guest_sync(catch_rdmsr(MSR_LSTAR, &value));
	guest_sync(catch_wrmsr(MSR_LSTAR, 0x5000));
}

CASE(denied, "a denied MSR is #GP; the program itself is not filtered")
{
	struct vcpu *cpu = vm_with(0, filtered, 0);
	u64 value;

	OK(filter(cpu->vm, KVM_MSR_FILTER_DEFAULT_ALLOW, MSR_STAR, 8,
		  KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, deny_star));
	vcpu_expect_sync(cpu, 13);
	vcpu_expect_sync(cpu, 13);
	CHECK_EQ(vcpu_wrmsr(cpu, MSR_LSTAR, 0x7000), 1);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_LSTAR, &value), 1);
	CHECK_EQ(value, 0x7000);
}

CASE(one_way, "reading may be denied and writing allowed")
{
	struct vcpu *cpu = vm_with(0, filtered, 0);

	OK(filter(cpu->vm, KVM_MSR_FILTER_DEFAULT_ALLOW, MSR_STAR, 8, KVM_MSR_FILTER_READ,
		  deny_star));
	vcpu_expect_sync(cpu, 13);
	vcpu_expect_sync(cpu, NO_VECTOR);
}

CASE(to_program, "with KVM_MSR_EXIT_REASON_FILTER a denied MSR goes to the program")
{
	struct vcpu *cpu = vm_with(0, filtered, 0);

	enable(cpu->vm, KVM_MSR_EXIT_REASON_FILTER);
	OK(filter(cpu->vm, KVM_MSR_FILTER_DEFAULT_ALLOW, MSR_STAR, 8,
		  KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, deny_star));
	expect(cpu, KVM_EXIT_X86_RDMSR, MSR_LSTAR, KVM_MSR_EXIT_REASON_FILTER);
	cpu->run->msr.data = 4;
	vcpu_expect_sync(cpu, NO_VECTOR);
	expect(cpu, KVM_EXIT_X86_WRMSR, MSR_LSTAR, KVM_MSR_EXIT_REASON_FILTER);
	CHECK_EQ(cpu->run->msr.data, 0x5000);
	vcpu_expect_sync(cpu, NO_VECTOR);
}

CASE(taken_back, "a filter that allows all takes the other back, while the machine lives")
{
	struct vcpu *cpu = vm_with(0, filtered, 0);

	OK(filter(cpu->vm, KVM_MSR_FILTER_DEFAULT_ALLOW, MSR_STAR, 8,
		  KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, deny_star));
	vcpu_expect_sync(cpu, 13);
	OK(filter(cpu->vm, KVM_MSR_FILTER_DEFAULT_ALLOW, 0, 0, 0, NULL));
	vcpu_expect_sync(cpu, NO_VECTOR);
}

static u8 allow_two[1] = { 3 };

static void only_two(u64 unused)
{
	u64 value;

	G_ASSERT_EQ(catch_rdmsr(MSR_STAR, &value), NO_VECTOR);
	G_ASSERT_EQ(catch_rdmsr(MSR_LSTAR, &value), NO_VECTOR);
	G_ASSERT_EQ(catch_rdmsr(MSR_CSTAR, &value), 13);
	G_ASSERT_EQ(catch_rdmsr(MSR_PAT, &value), 13);
	guest_sync(1);
}

CASE(default_deny, "with denial by default only what the ranges allow is allowed")
{
	struct vcpu *cpu = vm_with(0, only_two, 0);

	OK(filter(cpu->vm, KVM_MSR_FILTER_DEFAULT_DENY, MSR_STAR, 8,
		  KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, allow_two));
	vcpu_expect_sync(cpu, 1);
}

CASE(bad, "filters and reasons that make no sense give EINVAL")
{
	struct vm *vm = vm_new(0);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { 1 << 9 } };

	NEED(vm->kvm, KVM_CAP_X86_USER_SPACE_MSR);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	CHECK_ERRNO(filter(vm, 1 << 4, MSR_STAR, 8, 3, allow_two), EINVAL);
	CHECK_ERRNO(filter(vm, 0, MSR_STAR, 8, 1 << 6, allow_two), EINVAL);
	CHECK_ERRNO(filter(vm, 0, MSR_STAR, 0x600 * 8 + 8, 3, allow_two), EINVAL);
	CHECK_ERRNO(filter(vm, 0, MSR_STAR, 8, 0, allow_two), EINVAL);
	/* Denial of everything must name something. */
	CHECK_ERRNO(filter(vm, KVM_MSR_FILTER_DEFAULT_DENY, 0, 0, 0, NULL), EINVAL);
	CHECK_EQ(filter(vm, 0, MSR_STAR, 8, 3, (void *)8), -1);
	CHECK_EQ(errno, EFAULT);
}
