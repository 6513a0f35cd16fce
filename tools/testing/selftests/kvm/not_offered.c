// SPDX-License-Identifier: GPL-2.0-only
/* Instructions that the processor has and the guest must not: hardware virtualization itself, system management. */
#include "vm.h"

#define UD(insn, ...) G_ASSERT_EQ(CATCH(insn, : : __VA_ARGS__), 6)

static void svm(u64 unused)
{
	UD("vmrun %%rax", "a"(0x1000));
	UD("vmload %%rax", "a"(0x1000));
	UD("vmsave %%rax", "a"(0x1000));
	UD("stgi");
	UD("clgi");
	UD("skinit %%eax", "a"(0));
	UD("invlpga %%rax, %%ecx", "a"(0), "c"(1));
	guest_done();
}

static void no_svm_in_cpuid(struct vcpu *cpu)
{
	struct kvm_cpuid2 *supported = cpuid_supported(cpu->vm->kvm);
	struct kvm_cpuid_entry2 *e = cpuid_find(supported, 0x80000001, 0);

	if (e && e->ecx & BIT(2)) {
		e->ecx &= ~(u32)BIT(2);
		vcpu_set_cpuid(cpu, supported);
	}
}

CASE(no_svm, "without SVM in CPUID its instructions raise #UD")
{
	struct vcpu *cpu = vm_with(0, svm, 0);

	no_svm_in_cpuid(cpu);
	vcpu_expect_done(cpu);
}

static void efer_svme(u64 unused)
{
	G_ASSERT_EQ(catch_wrmsr(MSR_EFER, rdmsr(MSR_EFER) | BIT(12)), 13);
	G_ASSERT_EQ(rdmsr(MSR_EFER) & BIT(12), 0);
	guest_done();
}

CASE(no_svme, "and EFER.SVME can neither be set nor seen")
{
	struct vcpu *cpu = vm_with(0, efer_svme, 0);

	no_svm_in_cpuid(cpu);
	vcpu_expect_done(cpu);
}

static void rsm(u64 unused)
{
	UD("rsm");
	guest_done();
}

CASE(no_rsm, "RSM outside of system management mode raises #UD")
{
	vcpu_expect_done(vm_with(0, rsm, 0));
}

static void vmx(u64 unused)
{
	u64 value = 0;

	UD("vmxon %0", "m"(value));
	UD("vmclear %0", "m"(value));
	UD("vmlaunch");
	guest_done();
}

CASE(no_vmx, "without VMX in CPUID its instructions raise #UD")
{
	struct vcpu *cpu = vm_with(0, vmx, 0);
	struct kvm_cpuid2 *supported = cpuid_supported(cpu->vm->kvm);
	struct kvm_cpuid_entry2 *e = cpuid_find(supported, 1, 0);

	if (e && e->ecx & BIT(5)) {
		e->ecx &= ~(u32)BIT(5);
		vcpu_set_cpuid(cpu, supported);
	}
	vcpu_expect_done(cpu);
}

static void rdtscp(u64 unused)
{
	UD("rdtscp", "c"(0));
	guest_done();
}

CASE(no_rdtscp, "RDTSCP raises #UD when CPUID does not have it")
{
	struct vcpu *cpu = vm_with(0, rdtscp, 0);
	struct kvm_cpuid2 *supported = cpuid_supported(cpu->vm->kvm);
	struct kvm_cpuid_entry2 *e = cpuid_find(supported, 0x80000001, 0);

	SKIP_QUIRK(QUIRK_RDTSCP);
	if (!e || !(e->edx & BIT(27)))
		SKIP("no RDTSCP here");
	e->edx &= ~(u32)BIT(27);
	vcpu_set_cpuid(cpu, supported);
	vcpu_expect_done(cpu);
}
