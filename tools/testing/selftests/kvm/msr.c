// SPDX-License-Identifier: GPL-2.0-only
/* MSRs: from the program, from the guest, and those that are refused. */
#include <stdlib.h>

#include "vm.h"

struct known {
	u32 msr;
	u64 value;
};

/* Values that an architecture's rules let one write to them */
static const struct known plain[] = {
	{ MSR_SYSENTER_CS, 0x1234 },
	{ MSR_SYSENTER_ESP, 0x91223344 },
	{ MSR_SYSENTER_EIP, 0x81223344 },
	{ MSR_PAT, 0x0007010600070106 },
	{ MSR_STAR, 0x0023001000000000 },
	{ MSR_LSTAR, 0xffffffff81000000 },
	{ MSR_CSTAR, 0xffffffff81000010 },
	{ MSR_SFMASK, 0x47700 },
	{ MSR_KERNEL_GS_BASE, 0xffff888000000000 },
	{ MSR_FS_BASE, 0x00007f0012345678 },
	{ MSR_MTRR_DEF_TYPE, 0xc06 },
	{ 0x200, 0x80000006 }, /* variable MTRR 0 */
	{ 0x201, 0xf80000800 },
	{ 0x250, 0x0606060606060606 }, /* a fixed one */
};

CASE(host_roundtrip, "what KVM_SET_MSRS wrote KVM_GET_MSRS reads")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);

	for (u32 i = 0; i < ARRAY_SIZE(plain); i++) {
		u64 value = 0;

		if (vcpu_wrmsr(cpu, plain[i].msr, plain[i].value) != 1) {
			FAIL("MSR %#x cannot be written", plain[i].msr);
			continue;
		}
		CHECK_EQ(vcpu_rdmsr(cpu, plain[i].msr, &value), 1);
		if (value != plain[i].value)
			FAIL("MSR %#x is %#llx", plain[i].msr, (unsigned long long)value);
	}
}

static void guest_reads(u64 unused)
{
	for (u32 i = 0; i < ARRAY_SIZE(plain); i++) {
		u64 value;

		if (catch_rdmsr(plain[i].msr, &value) != NO_VECTOR || value != plain[i].value) {
			guest_log("MSR %#llx is %#llx", plain[i].msr, value, 0);
			G_ASSERT_EQ(value, plain[i].value);
		}
	}
	guest_sync(1);
	for (u32 i = 0; i < ARRAY_SIZE(plain); i++) {
		u64 value = plain[i].msr == MSR_FS_BASE ? 0 : plain[i].value;

		/* Change what may be changed freely. */
		if (plain[i].msr == MSR_LSTAR || plain[i].msr == MSR_CSTAR ||
		    plain[i].msr == MSR_SYSENTER_EIP)
			value += 0x100;
		wrmsr(plain[i].msr, value);
		G_ASSERT_EQ(rdmsr(plain[i].msr), value);
	}
	guest_sync(2);
}

CASE(guest_roundtrip, "the guest reads what the program wrote, and the other way round")
{
	struct vcpu *cpu = vm_with(0, guest_reads, 0);
	u64 value;

	for (u32 i = 0; i < ARRAY_SIZE(plain); i++)
		REQUIRE_EQ(vcpu_wrmsr(cpu, plain[i].msr, plain[i].value), 1);
	vcpu_expect_sync(cpu, 1);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_LSTAR, &value), 1);
	CHECK_EQ(value, 0xffffffff81000100);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_FS_BASE, &value), 1);
	CHECK_EQ(value, 0);
}

CASE(unknown, "an MSR that does not exist ends KVM_GET_MSRS and KVM_SET_MSRS there")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e[3];
	} m = {
		.head.nmsrs = 3,
		.e = { { MSR_STAR, 0, 7ULL << 32 }, { 0x12345678, 0, 1 }, { MSR_LSTAR, 0, 0x1000 } }
	};
	u64 value;

	CHECK_EQ(ioctl(cpu->fd, KVM_SET_MSRS, &m), 1);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_STAR, &value), 1);
	CHECK_EQ(value, 7ULL << 32);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_LSTAR, &value), 1);
	CHECK_EQ(value, 0);
	m.e[0].data = 0;
	CHECK_EQ(ioctl(cpu->fd, KVM_GET_MSRS, &m), 1);
	CHECK_EQ(m.e[0].data, 7ULL << 32);
	m.head.nmsrs = 0;
	CHECK_EQ(ioctl(cpu->fd, KVM_GET_MSRS, &m), 0);
}

CASE(too_many, "more entries than there is room for give E2BIG, entries nowhere EFAULT")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);
	struct kvm_msrs m = { .nmsrs = 100000 };
	void *edge =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_msrs *last = edge + PAGE - sizeof(*last);

	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_MSRS, &m), E2BIG);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_MSRS, &m), E2BIG);
	OK(munmap(edge + PAGE, PAGE));
	last->nmsrs = 2;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_MSRS, last), EFAULT);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_MSRS, last), EFAULT);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_MSRS, (void *)8), EFAULT);
}

/* Those that no processor's permission map lets through to the hardware come first. */
static const struct known bad[] = {
	{ MSR_PAT, 0x0202020202020202 },
	{ MSR_EFER, BIT(63) },
	{ MSR_EFER, BIT(1) },
	{ MSR_MTRR_DEF_TYPE, 0x2 },
	{ MSR_APIC_BASE, BIT(62) | 0xfee00900 },
	{ 0x200, 0x3 },
	{ 0xdead0000, 0 },
	/* An emulated processor may take these in hardware and not look at them. */
	{ MSR_LSTAR, 0x8000000000000000 },
	{ MSR_KERNEL_GS_BASE, 0x8000000000000000 },
};

#define NR_INTERCEPTED (ARRAY_SIZE(bad) - 2)

static void guest_writes_bad(u64 unused)
{
	for (u32 i = 0; i < NR_INTERCEPTED; i++) {
		u64 vector = catch_wrmsr(bad[i].msr, bad[i].value);

		if (vector != 13)
			guest_log("MSR %#llx takes %#llx", bad[i].msr, bad[i].value, 0);
		G_ASSERT_EQ(vector, 13);
		G_ASSERT_EQ(this_cpu()->error, 0);
	}
}

CASE(bad_values, "values with reserved bits or not canonical give #GP(0) in the guest")
{
	vcpu_expect_done(vm_with(VM_IRQCHIP, guest_writes_bad, 0));
}

CASE(bad_values_host, "the same from the program are refused and change nothing")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(VM_IRQCHIP), 0);

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		u64 before = 0, after = 0;

		if (bad[i].msr == 0xdead0000)
			continue;
		CHECK_EQ(vcpu_rdmsr(cpu, bad[i].msr, &before), 1);
		if (vcpu_wrmsr(cpu, bad[i].msr, bad[i].value) != 0)
			FAIL("MSR %#x takes %#llx", bad[i].msr, (unsigned long long)bad[i].value);
		CHECK_EQ(vcpu_rdmsr(cpu, bad[i].msr, &after), 1);
		CHECK_EQ(after, before);
	}
}

static void read_only(u64 unused)
{
	u64 value;

	G_ASSERT_EQ(catch_rdmsr(0xdead0000, &value), 13);
	G_ASSERT_EQ(catch_rdmsr(MSR_MTRRCAP, &value), NO_VECTOR);
	G_ASSERT_EQ(catch_wrmsr(MSR_MTRRCAP, value), 13);
	G_ASSERT_EQ(catch_rdmsr(MSR_MCG_CAP, &value), NO_VECTOR);
	G_ASSERT_EQ(catch_wrmsr(MSR_MCG_CAP, value), 13);
}

CASE(guest_read_only, "read-only MSRs can be read, and written they give #GP")
{
	vcpu_expect_done(vm_with(VM_IRQCHIP, read_only, 0));
}

static void efer(u64 unused)
{
	u64 old = rdmsr(MSR_EFER);

	G_ASSERT_EQ(catch_wrmsr(MSR_EFER, old & ~EFER_LME), 13); /* with paging on */
	wrmsr(MSR_EFER, old & ~EFER_SCE);
	G_ASSERT_EQ(rdmsr(MSR_EFER), old & ~EFER_SCE);
	G_ASSERT_EQ(CATCH("syscall", : :), 6);
	wrmsr(MSR_EFER, old);
	/* LMA is the CPU's: writing it as 0 changes nothing */
	wrmsr(MSR_EFER, old & ~EFER_LMA);
	G_ASSERT_EQ(rdmsr(MSR_EFER), old);
}

CASE(guest_efer, "EFER keeps its rules: LME under paging, SCE, LMA")
{
	vcpu_expect_done(vm_with(0, efer, 0));
}

static void swapgs(u64 unused)
{
	u64 gs = rdmsr(MSR_GS_BASE);

	wrmsr(MSR_KERNEL_GS_BASE, 0x1234567000);
	asm volatile("swapgs");
	G_ASSERT_EQ(rdmsr(MSR_GS_BASE), 0x1234567000);
	G_ASSERT_EQ(rdmsr(MSR_KERNEL_GS_BASE), gs);
	asm volatile("swapgs");
	G_ASSERT_EQ(rdmsr(MSR_GS_BASE), gs);
	G_ASSERT_EQ(rdmsr(MSR_KERNEL_GS_BASE), 0x1234567000);
}

CASE(guest_swapgs, "SWAPGS exchanges the two GS bases that the MSRs show")
{
	struct vcpu *cpu = vm_with(0, swapgs, 0);
	u64 value;

	vcpu_expect_done(cpu);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_KERNEL_GS_BASE, &value), 1);
	CHECK_EQ(value, 0x1234567000);
}
