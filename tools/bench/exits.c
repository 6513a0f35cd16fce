// SPDX-License-Identifier: GPL-2.0-only
/* The cost of instructions that leave the guest, or that ought not to: CPUID, hypercalls, MSRs, control registers. */
#include "bench.h"

#define HC_VAPIC_POLL_IRQ 1

static void op_cpuid(u64 unused)
{
	SAMPLE(cpuid(0, 0));
}

CASE(bench_cpuid, "CPUID")
{
	measure("cpuid", op_cpuid);
}

static bool intel;

static void op_hypercall(u64 unused)
{
	u64 result;

	if (intel)
		SAMPLE(asm volatile("vmcall" : "=a"(result) : "a"(HC_VAPIC_POLL_IRQ) : "memory"));
	else
		SAMPLE(asm volatile("vmmcall" : "=a"(result) : "a"(HC_VAPIC_POLL_IRQ) : "memory"));
}

CASE(bench_hypercall, "a hypercall")
{
	intel = cpu_is_intel();
	measure("hypercall", op_hypercall);
}

static void op_pause(u64 unused)
{
	SAMPLE(relax());
}

CASE(bench_pause, "PAUSE")
{
	measure("pause", op_pause);
}

/* ------------------------------------------------------------------------------------------------------------ MSRs */

static void op_rdmsr_direct(u64 unused)
{
	SAMPLE(rdmsr(MSR_FS_BASE));
}

CASE(bench_rdmsr_direct, "RDMSR of one that the guest has to itself")
{
	measure("rdmsr-direct", op_rdmsr_direct);
}

static void op_wrmsr_direct(u64 unused)
{
	SAMPLE(wrmsr(MSR_KERNEL_GS_BASE, 0));
}

CASE(bench_wrmsr_direct, "WRMSR of one that the guest has to itself")
{
	measure("wrmsr-direct", op_wrmsr_direct);
}

static void op_rdmsr(u64 unused)
{
	SAMPLE(rdmsr(MSR_MISC_ENABLE));
}

CASE(bench_rdmsr, "RDMSR")
{
	measure("rdmsr", op_rdmsr);
}

static void op_wrmsr(u64 unused)
{
	u64 pat = rdmsr(MSR_PAT);

	SAMPLE(wrmsr(MSR_PAT, pat));
}

CASE(bench_wrmsr, "WRMSR")
{
	measure("wrmsr", op_wrmsr);
}

#define UNKNOWN_MSR 0x12345678

/* A vCPU whose unknown MSRs are the VMM's. */
static struct vcpu *guest_with_user_msrs(void (*code)(u64))
{
	struct vcpu *cpu = guest_with(code);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR,
				      .args = { KVM_MSR_EXIT_REASON_UNKNOWN } };

	NEED(cpu->vm->kvm, KVM_CAP_X86_USER_SPACE_MSR);
	OK(ioctl(cpu->vm->fd, KVM_ENABLE_CAP, &cap));
	return cpu;
}

static void serve_msr(const char *name, u32 exit, void (*code)(u64))
{
	struct vcpu *cpu = guest_with_user_msrs(code);
	struct kvm_run *run = cpu->run;

	do
		OK(ioctl(cpu->fd, KVM_RUN, 0));
	while (run->exit_reason == exit && run->msr.index == UNKNOWN_MSR);
	measure_on(name, cpu);
}

static void op_rdmsr_user(u64 unused)
{
	SAMPLE(rdmsr(UNKNOWN_MSR));
}

CASE(bench_rdmsr_user, "RDMSR answered by user space")
{
	serve_msr("rdmsr-user", KVM_EXIT_X86_RDMSR, op_rdmsr_user);
}

static void op_wrmsr_user(u64 unused)
{
	SAMPLE(wrmsr(UNKNOWN_MSR, 1));
}

CASE(bench_wrmsr_user, "WRMSR taken by user space")
{
	serve_msr("wrmsr-user", KVM_EXIT_X86_WRMSR, op_wrmsr_user);
}

/* ----------------------------------------------------------------------------------------------- control registers */

static void op_cr0(u64 unused)
{
	u64 cr0 = read_cr0();

	SAMPLE(write_cr0(cr0 ^= CR0_WP));
}

CASE(bench_cr0, "a write of CR0 that changes WP")
{
	measure("cr0-write", op_cr0);
}

static void op_cr3(u64 unused)
{
	u64 cr3 = read_cr3();

	SAMPLE(write_cr3(cr3));
}

CASE(bench_cr3, "a write of CR3")
{
	measure("cr3-write", op_cr3);
}

static void op_cr4(u64 unused)
{
	u64 cr4 = read_cr4();

	SAMPLE(write_cr4(cr4 ^= CR4_PGE));
}

CASE(bench_cr4, "a write of CR4 that changes PGE, to flush the TLB")
{
	measure("cr4-write", op_cr4);
}

static void op_cr8(u64 unused)
{
	SAMPLE(write_cr8(_i & 1));
	write_cr8(0);
}

CASE(bench_cr8, "a write of CR8")
{
	measure("cr8-write", op_cr8);
}
