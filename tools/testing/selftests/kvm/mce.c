// SPDX-License-Identifier: GPL-2.0-only
/* Machine checks: KVM_X86_SETUP_MCE and what comes of it. */
#include "vm.h"

#define MCG_CTL_P BIT(8)
#define STATUS_VALID BIT(63)
#define STATUS_UC BIT(61)
#define STATUS_EN BIT(60)

static int setup(struct vcpu *cpu, u64 cap)
{
	return ioctl(cpu->fd, KVM_X86_SETUP_MCE, &cap);
}

static u64 supported(struct vm *vm)
{
	u64 cap;

	OK(ioctl(vm->kvm, KVM_X86_GET_MCE_CAP_SUPPORTED, &cap));
	return cap;
}

CASE(ten_banks, "ten banks, as QEMU wants them, can be set up; their MSRs are there")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);
	u64 cap = (supported(cpu->vm) & ~0xffULL & (MCG_CTL_P | BIT(24))) | 10, value;

	CHECK(NEED(cpu->vm->kvm, KVM_CAP_MCE) >= 10);
	OK(setup(cpu, cap));
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_MCG_CAP, &value), 1);
	/* AMD's has no bits above 8. */
	CHECK_EQ(value & 0x1ff, cap & 0x1ff);
	CHECK_EQ(value & ~cap, 0);
	for (u32 msr = 0x400; msr < 0x400 + 40; msr++) {
		CHECK_EQ(vcpu_rdmsr(cpu, msr, &value), 1);
		CHECK_EQ(vcpu_wrmsr(cpu, msr, value), 1);
	}
	CHECK_EQ(vcpu_rdmsr(cpu, 0x400, &value), 1);
	CHECK_EQ(value, ~0ULL); /* all reports on */
	CHECK_EQ(vcpu_rdmsr(cpu, 0x400 + 4 * 40, &value), 0);
}

CASE(bad, "no bank, too many and unknown bits give EINVAL")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);

	CHECK_ERRNO(setup(cpu, 0), EINVAL);
	CHECK_ERRNO(setup(cpu, 0xff), EINVAL);
	CHECK_ERRNO(setup(cpu, 10 | BIT(40)), EINVAL);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_X86_SETUP_MCE, 8), EFAULT);
	OK(setup(cpu, 10));
}

static volatile u64 taken;

static void on_mce(struct frame *frame)
{
	taken++;
	G_ASSERT_EQ(rdmsr(0x400 + 4 * 3 + 1) >> 60, 0xb);
	G_ASSERT_EQ(rdmsr(0x400 + 4 * 3 + 2), 0x123000);
	G_ASSERT(rdmsr(MSR_MCG_STATUS) & 4);
	wrmsr(MSR_MCG_STATUS, 0);
}

static void waits(u64 unused)
{
	write_cr4(read_cr4() | BIT(6));
	guest_sync(1);
	barrier();
	G_ASSERT_EQ(taken, 1);
	guest_sync(2);
}

CASE(inject, "an uncorrected error that the program reports is #MC")
{
	struct vcpu *cpu = vm_with(0, waits, 0);
	struct kvm_x86_mce m = { .status = STATUS_VALID | STATUS_UC | STATUS_EN,
				 .addr = 0x123000,
				 .mcg_status = 5,
				 .bank = 3 };

	guest_handlers[18] = on_mce;
	OK(setup(cpu, 10 | MCG_CTL_P));
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->fd, KVM_X86_SET_MCE, &m));
	vcpu_expect_sync(cpu, 2);
	m.bank = 10;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_X86_SET_MCE, &m), EINVAL);
}

CASE(corrected, "a corrected one is no exception; it is found in its bank")
{
	struct vcpu *cpu = vm_with(0, waits, 0);
	struct kvm_x86_mce m = { .status = STATUS_VALID | STATUS_EN | 0x42,
				 .addr = 0x5000,
				 .bank = 2 };
	u64 value;

	OK(setup(cpu, 10 | MCG_CTL_P));
	vcpu_expect_sync(cpu, 1);
	taken = 1;
	OK(ioctl(cpu->fd, KVM_X86_SET_MCE, &m));
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(vcpu_rdmsr(cpu, 0x400 + 4 * 2 + 1, &value), 1);
	CHECK_EQ(value, m.status);
	CHECK_EQ(vcpu_rdmsr(cpu, 0x400 + 4 * 2 + 2, &value), 1);
	CHECK_EQ(value, 0x5000);
}
