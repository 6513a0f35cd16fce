// SPDX-License-Identifier: GPL-2.0-only
/* KVM_RUN and signals: immediate_exit, EINTR, the signal mask. */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "vm.h"

static volatile u64 spins;
static volatile bool stop;

static void spin(u64 unused)
{
	while (!stop)
		spins++;
}

static void sync_twice(u64 unused)
{
	guest_sync(1);
	guest_sync(2);
}

CASE(immediate, "with immediate_exit KVM_RUN gives EINTR and the guest does not run")
{
	struct vcpu *cpu = vm_with(0, sync_twice, 0);
	struct kvm_regs before, after;

	NEED(cpu->vm->kvm, KVM_CAP_IMMEDIATE_EXIT);
	vcpu_get_regs(cpu, &before);
	cpu->run->immediate_exit = 1;
	for (int i = 0; i < 3; i++)
		CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINTR);
	vcpu_get_regs(cpu, &after);
	CHECK(!memcmp(&before, &after, sizeof(before)));
	cpu->run->immediate_exit = 0;
	vcpu_expect_sync(cpu, 1);
}

CASE(argument, "KVM_RUN takes no argument")
{
	struct vcpu *cpu = vm_with(0, sync_twice, 0);

	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 1), EINVAL);
	vcpu_expect_sync(cpu, 1);
}

static void on_signal(int sig)
{
}

static void install(int sig)
{
	struct sigaction act = { .sa_handler = on_signal };

	OK(sigaction(sig, &act, NULL));
}

static pthread_t target;

/* Waits until the guest runs, then sends the signal until told that it is enough. */
static void *shoot(void *done)
{
	u64 seen = spins;

	while (spins == seen)
		sleep_ms(1);
	while (!READ_ONCE(*(bool *)done)) {
		pthread_kill(target, SIGUSR1);
		sleep_ms(5);
	}
	return NULL;
}

CASE(signal, "a signal to a running vCPU's thread ends KVM_RUN with EINTR and KVM_EXIT_INTR")
{
	struct vcpu *cpu = vm_with(0, spin, 0);
	bool done = false;
	pthread_t thread;

	install(SIGUSR1);
	target = pthread_self();
	REQUIRE(!pthread_create(&thread, NULL, shoot, &done));
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINTR);
	CHECK_EQ(cpu->run->exit_reason, KVM_EXIT_INTR);
	WRITE_ONCE(done, true);
	pthread_join(thread, NULL);
	/* And it goes on where it was. */
	stop = true;
	vcpu_expect_done(cpu);
}

CASE(timer, "a timer's signal does the same")
{
	struct vcpu *cpu = vm_with(0, spin, 0);
	struct itimerval t = { { 0, 10000 }, { 0, 10000 } };

	install(SIGVTALRM);
	OK(setitimer(ITIMER_VIRTUAL, &t, NULL));
	install(SIGPROF);
	OK(setitimer(ITIMER_PROF, &t, NULL));
	for (int i = 0; i < 3; i++)
		CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINTR);
}

CASE(pending, "a signal that is pending and not blocked ends KVM_RUN before the guest runs")
{
	struct vcpu *cpu = vm_with(0, sync_twice, 0);
	struct kvm_signal_mask *mask = __builtin_alloca(sizeof(*mask) + 8);
	struct kvm_regs before, after;
	sigset_t block;

	install(SIGUSR1);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	OK(sigprocmask(SIG_BLOCK, &block, NULL));
	OK(raise(SIGUSR1));
	vcpu_get_regs(cpu, &before);
	/* With a mask that lets it through: it does not. */
	mask->len = 8;
	memset(mask->sigset, 0, 8);
	OK(ioctl(cpu->fd, KVM_SET_SIGNAL_MASK, mask));
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINTR);
	vcpu_get_regs(cpu, &after);
	CHECK_EQ(after.rip, before.rip);
	/* It stays pending, so this goes on for ever. */
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINTR);
	/* Without a mask of the vCPU's own it is blocked again. */
	OK(ioctl(cpu->fd, KVM_SET_SIGNAL_MASK, NULL));
	vcpu_expect_sync(cpu, 1);
	OK(sigprocmask(SIG_UNBLOCK, &block, NULL));
	vcpu_expect_sync(cpu, 2);
}

CASE(mask_restored, "the thread's own mask is back after KVM_RUN")
{
	struct vcpu *cpu = vm_with(0, sync_twice, 0);
	struct kvm_signal_mask *mask = __builtin_alloca(sizeof(*mask) + 8);
	sigset_t before, after;

	mask->len = 8;
	memset(mask->sigset, 0xff, 8);
	OK(ioctl(cpu->fd, KVM_SET_SIGNAL_MASK, mask));
	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	OK(sigprocmask(SIG_SETMASK, &before, NULL));
	vcpu_expect_sync(cpu, 1);
	OK(sigprocmask(SIG_SETMASK, NULL, &after));
	for (int sig = 1; sig < 31; sig++)
		CHECK_EQ(sigismember(&after, sig), sig == SIGUSR2);
}

CASE(mask_bad, "a signal mask of the wrong size gives EINVAL, one that is nowhere EFAULT")
{
	struct vcpu *cpu = vm_with(0, sync_twice, 0);
	struct kvm_signal_mask mask = { .len = 4 };

	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_SIGNAL_MASK, &mask), EINVAL);
	mask.len = 16;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_SIGNAL_MASK, &mask), EINVAL);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_SIGNAL_MASK, 16), EFAULT);
	vcpu_expect_sync(cpu, 1);
}

static void *run_and_stay(void *arg)
{
	struct vcpu *cpu = arg;

	vcpu_expect_done(cpu);
	return NULL;
}

CASE(other_ioctl, "another thread's commands on a running vCPU wait for it, they do not fail")
{
	struct vcpu *cpu = vm_with(0, spin, 0);
	struct kvm_regs r;
	pthread_t thread;
	u64 before;

	install(SIGUSR1);
	REQUIRE(!pthread_create(&thread, NULL, run_and_stay, cpu));
	while (!spins)
		sleep_ms(1);
	before = spins;
	while (spins == before)
		;
	stop = true;
	/* Taken only when KVM_RUN has returned: RIP is that of the call. */
	vcpu_get_regs(cpu, &r);
	CHECK_EQ((u32)r.rax, GUEST_DONE);
	pthread_join(thread, NULL);
}

CASE(not_ready, "KVM_RUN on a vCPU that waits for SIPI stays until a signal comes")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu;
	struct itimerval t = { { 0, 0 }, { 0, 50000 } };
	struct kvm_mp_state state;

	vcpu_new(vm, sync_twice, 0);
	cpu = vcpu_new_bare(vm, 1);
	OK(ioctl(cpu->fd, KVM_GET_MP_STATE, &state));
	CHECK_EQ(state.mp_state, KVM_MP_STATE_UNINITIALIZED);
	install(SIGALRM);
	OK(setitimer(ITIMER_REAL, &t, NULL));
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINTR);
	alarm(20);
}
