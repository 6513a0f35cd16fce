// SPDX-License-Identifier: GPL-2.0-only
/*
 * A signal ends KVM_RUN, and that is all: nothing in this vCPU or in another one is different afterwards.
 *
 * (The kernel's function that handles signals for a hypervisor counts them in a structure that it believes to know.  What
 * it hit instead lay in the memory behind the vCPU: with several vCPUs, in one of them.)
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "vm.h"

#define NR_CPUS 16
#define NR_SIGNALS 8
#define NR_BANKS 32
#define MSR_MC0_CTL 0x400
#define NR_MSRS (NR_BANKS * 4)

static void spin(u64 unused)
{
	for (;;)
		asm volatile("pause");
}

static void on_alarm(int sig)
{
}

struct state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	struct kvm_vcpu_events events;
	struct kvm_xcrs xcrs;
	struct kvm_fpu fpu;
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[NR_MSRS];
	} msrs;
};

static struct state before[NR_CPUS], after;

static void take(struct vcpu *cpu, struct state *s)
{
	memset(s, 0, sizeof(*s));
	OK(ioctl(cpu->fd, KVM_GET_REGS, &s->regs));
	OK(ioctl(cpu->fd, KVM_GET_SREGS, &s->sregs));
	OK(ioctl(cpu->fd, KVM_GET_DEBUGREGS, &s->debug));
	OK(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &s->events));
	OK(ioctl(cpu->fd, KVM_GET_XCRS, &s->xcrs));
	OK(ioctl(cpu->fd, KVM_GET_FPU, &s->fpu));
	s->msrs.head.nmsrs = NR_MSRS;
	for (u32 i = 0; i < NR_MSRS; i++)
		s->msrs.entries[i].index = MSR_MC0_CTL + i;
	CHECK_EQ(ioctl(cpu->fd, KVM_GET_MSRS, &s->msrs), NR_MSRS);
}

static void run_until_signal(struct vcpu *cpu)
{
	CHECK_EQ(ioctl(cpu->fd, KVM_RUN, 0), -1);
	CHECK_EQ(errno, EINTR);
	CHECK_EQ(cpu->run->exit_reason, KVM_EXIT_INTR);
}

static void alarms(long us)
{
	struct itimerval t = { .it_interval.tv_usec = us, .it_value.tv_usec = us };

	OK(setitimer(ITIMER_REAL, &t, NULL));
}

static void bombard(struct vcpu *cpu)
{
	alarms(3000);
	for (int i = 0; i < NR_SIGNALS; i++)
		run_until_signal(cpu);
	alarms(0);
}

CASE(others, "signals to each vCPU in turn leave all the others as they were")
{
	struct sigaction act = { .sa_handler = on_alarm };
	u64 cap = NR_BANKS | BIT(8);
	struct vm *vm = vm_new(0);
	int i;

	OK(sigaction(SIGALRM, &act, NULL));
	for (i = 0; i < NR_CPUS; i++) {
		OK(ioctl(vcpu_new(vm, spin, 0)->fd, KVM_X86_SETUP_MCE, &cap));
		take(&vm->cpus[i], &before[i]);
	}
	for (i = 0; i < NR_CPUS; i++)
		bombard(&vm->cpus[i]);
	for (i = 0; i < NR_CPUS; i++) {
		take(&vm->cpus[i], &after);
		/* It has run in between, but it executes PAUSE and a jump. */
		after.regs.rip = before[i].regs.rip;
		after.regs.rsp = before[i].regs.rsp;
		after.regs.rbp = before[i].regs.rbp;
		CHECK_EQ(memcmp(&after.msrs, &before[i].msrs, sizeof(after.msrs)), 0);
		CHECK_EQ(memcmp(&after.debug, &before[i].debug, sizeof(after.debug)), 0);
		CHECK_EQ(memcmp(&after.events, &before[i].events, sizeof(after.events)), 0);
		CHECK_EQ(memcmp(&after.xcrs, &before[i].xcrs, sizeof(after.xcrs)), 0);
		CHECK_EQ(memcmp(&after.fpu, &before[i].fpu, sizeof(after.fpu)), 0);
		CHECK_EQ(memcmp(&after.regs, &before[i].regs, sizeof(after.regs)), 0);
	}
}
