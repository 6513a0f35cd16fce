// SPDX-License-Identifier: GPL-2.0-only
/* Machine check: KVM_X86_SETUP_MCE, KVM_X86_SET_MCE, and the registers of the banks. */
#include "vm.h"

#define MSR_MCG_CAP 0x179
#define MSR_MCG_STATUS 0x17a
#define MSR_MCG_CTL 0x17b
#define MSR_MC0_CTL 0x400
#define STATUS_VAL BIT(63)
#define STATUS_OVER BIT(62)
#define STATUS_UC BIT(61)
#define STATUS_EN BIT(60)
#define MCG_MCIP BIT(2)
#define BANKS 10

static u64 supported(struct vcpu *cpu)
{
	u64 cap;

	NEED(cpu->vm->kvm, KVM_CAP_MCE);
	OK(ioctl(cpu->vm->kvm, KVM_X86_GET_MCE_CAP_SUPPORTED, &cap));
	return cap;
}

static void set_up(struct vcpu *cpu)
{
	u64 cap = supported(cpu) | BANKS;

	OK(ioctl(cpu->fd, KVM_X86_SETUP_MCE, &cap));
}

static u64 get(struct vcpu *cpu, u32 msr)
{
	u64 value = 0;

	CHECK_EQ(vcpu_rdmsr(cpu, msr, &value), 1);
	return value;
}

CASE(limits, "KVM_X86_SETUP_MCE takes what is supported, and EINVAL for the rest")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);
	u64 all = supported(cpu), cap, value;
	int max = kvm_cap(cpu->vm->kvm, KVM_CAP_MCE);

	CHECK(max >= BANKS);
	cap = all | BANKS;
	OK(ioctl(cpu->fd, KVM_X86_SETUP_MCE, &cap));
	CHECK_EQ(get(cpu, MSR_MCG_CAP), cap);
	cap = all;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = all | (max + 1);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = all | BANKS | BIT(63);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	CHECK_EQ(get(cpu, MSR_MCG_CAP), all | BANKS);
	/* as many banks as there are, and not one more */
	CHECK_EQ(get(cpu, MSR_MC0_CTL + 4 * (BANKS - 1)), ~0ull);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_MC0_CTL + 4 * BANKS, &value), 0);
}

static void registers(u64 unused)
{
	u64 value;

	G_ASSERT_EQ(catch_rdmsr(MSR_MCG_CAP, &value), NO_VECTOR);
	G_ASSERT_EQ(value & 0xff, BANKS);
	G_ASSERT_EQ(catch_wrmsr(MSR_MCG_CAP, value), 13);
	G_ASSERT_EQ(catch_rdmsr(MSR_MCG_CTL, &value), NO_VECTOR);
	G_ASSERT_EQ(value, ~0ull);
	G_ASSERT_EQ(catch_wrmsr(MSR_MCG_CTL, 5), 13);
	/* control: all or nothing; status: cleared, not set; address: anything */
	G_ASSERT_EQ(catch_wrmsr(MSR_MC0_CTL, 5), 13);
	G_ASSERT_EQ(catch_wrmsr(MSR_MC0_CTL, 0), NO_VECTOR);
	G_ASSERT_EQ(catch_wrmsr(MSR_MC0_CTL, ~0ull), NO_VECTOR);
	G_ASSERT_EQ(catch_wrmsr(MSR_MC0_CTL + 1, STATUS_VAL), 13);
	G_ASSERT_EQ(catch_wrmsr(MSR_MC0_CTL + 1, 0), NO_VECTOR);
	G_ASSERT_EQ(catch_wrmsr(MSR_MC0_CTL + 2, 0x1234), NO_VECTOR);
	G_ASSERT_EQ(catch_rdmsr(MSR_MC0_CTL + 2, &value), NO_VECTOR);
	G_ASSERT_EQ(value, 0x1234);
	G_ASSERT_EQ(catch_rdmsr(MSR_MC0_CTL + 4 * BANKS, &value), 13);
}

CASE(rules, "the guest finds the banks, and #GP where the manual says so")
{
	struct vcpu *cpu = vm_with(0, registers, 0);

	set_up(cpu);
	vcpu_expect_done(cpu);
}

CASE(corrected,
     "a corrected error is logged, a second one sets the overflow bit; none overwrites an uncorrected one")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);
	struct kvm_x86_mce mce = {
		.status = STATUS_VAL | STATUS_EN | 1, .addr = 0x1000, .misc = 2, .bank = 3
	};
	u32 bank = MSR_MC0_CTL + 4 * 3;

	set_up(cpu);
	OK(ioctl(cpu->fd, KVM_X86_SET_MCE, &mce));
	CHECK_EQ(get(cpu, bank + 1), mce.status);
	CHECK_EQ(get(cpu, bank + 2), 0x1000);
	CHECK_EQ(get(cpu, bank + 3), 2);
	mce.addr = 0x2000;
	OK(ioctl(cpu->fd, KVM_X86_SET_MCE, &mce));
	CHECK_EQ(get(cpu, bank + 1), mce.status | STATUS_OVER);
	CHECK_EQ(get(cpu, bank + 2), 0x2000);
	/* an uncorrected one is there */
	CHECK_EQ(vcpu_wrmsr(cpu, bank + 1, STATUS_VAL | STATUS_UC), 1);
	mce.addr = 0x3000;
	OK(ioctl(cpu->fd, KVM_X86_SET_MCE, &mce));
	CHECK_EQ(get(cpu, bank + 1), STATUS_VAL | STATUS_UC | STATUS_OVER);
	CHECK_EQ(get(cpu, bank + 2), 0x2000);
}

CASE(bad, "a bank that does not exist, and a status that is not valid, are refused with EINVAL")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);
	struct kvm_x86_mce mce = { .status = STATUS_VAL, .bank = BANKS };

	set_up(cpu);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_X86_SET_MCE, &mce), EINVAL);
	mce.bank = 255;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_X86_SET_MCE, &mce), EINVAL);
	mce.bank = 0;
	mce.status = STATUS_EN;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_X86_SET_MCE, &mce), EINVAL);
	CHECK_EQ(get(cpu, MSR_MC0_CTL + 1), 0);
}

static volatile u64 checks;

static void on_check(struct frame *frame)
{
	checks++;
}

static void wait_for_check(u64 unused)
{
	u64 value;

	asm volatile("mov %%cr4, %0; or $0x40, %0; mov %0, %%cr4" : "=&r"(value));
	guest_sync(0);
	G_ASSERT_EQ(checks, 1);
	G_ASSERT_EQ(catch_rdmsr(MSR_MCG_STATUS, &value), NO_VECTOR);
	G_ASSERT_EQ(value, MCG_MCIP | 1);
	G_ASSERT_EQ(catch_rdmsr(MSR_MC0_CTL + 1, &value), NO_VECTOR);
	G_ASSERT_EQ(value, STATUS_VAL | STATUS_UC | STATUS_EN);
}

CASE(delivered,
     "an uncorrected error reaches the guest as #MC; one more while it is handled shuts it down")
{
	struct vcpu *cpu = vm_with(0, wait_for_check, 0);
	struct kvm_x86_mce mce = { .status = STATUS_VAL | STATUS_UC | STATUS_EN,
				   .mcg_status = MCG_MCIP | 1 };

	checks = 0;
	guest_handlers[18] = on_check;
	set_up(cpu);
	vcpu_expect_sync(cpu, 0);
	OK(ioctl(cpu->fd, KVM_X86_SET_MCE, &mce));
	vcpu_expect_done(cpu);
	OK(ioctl(cpu->fd, KVM_X86_SET_MCE, &mce));
	vcpu_expect_exit(cpu, KVM_EXIT_SHUTDOWN);
}

static void idle(u64 unused)
{
	guest_sync(0);
	guest_sync(1);
}

CASE(off, "with CR4.MCE clear it shuts down; with reporting off it is dropped")
{
	struct vcpu *cpu = vm_with(0, idle, 0);
	struct kvm_x86_mce mce = { .status = STATUS_VAL | STATUS_UC | STATUS_EN,
				   .mcg_status = MCG_MCIP };

	set_up(cpu);
	vcpu_expect_sync(cpu, 0);
	CHECK_EQ(vcpu_wrmsr(cpu, MSR_MC0_CTL, 0), 1);
	OK(ioctl(cpu->fd, KVM_X86_SET_MCE, &mce));
	CHECK_EQ(get(cpu, MSR_MC0_CTL + 1), 0);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(vcpu_wrmsr(cpu, MSR_MC0_CTL, ~0ull), 1);
	OK(ioctl(cpu->fd, KVM_X86_SET_MCE, &mce));
	vcpu_expect_exit(cpu, KVM_EXIT_SHUTDOWN);
}
