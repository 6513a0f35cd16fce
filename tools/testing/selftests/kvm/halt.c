// SPDX-License-Identifier: GPL-2.0-only
/* HLT with an in-kernel APIC: sleeping, and all that wakes. */
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "apic.h"
#include "stats.h"
#include "tracepoint.h"
#include "vm.h"

static volatile bool asleep;

static void sleeper(u64 rounds)
{
	apic_enable();
	while (irq_counts[0x50] < rounds) {
		asleep = true;
		irq_enable_and_halt();
		irq_disable();
	}
}

static struct vcpu *cpu;

static struct runner *start(u64 rounds)
{
	cpu = vm_with(VM_IRQCHIP, sleeper, rounds);
	guest_handlers[0x50] = irq_count;
	return vcpu_start(cpu);
}

static void wake(void)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x50 };

	OK(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, &msi));
}

CASE(msi, "an MSI wakes it, many times")
{
	struct runner *runner = start(100);

	while (!asleep)
		sched_yield();
	for (u64 i = 1; i <= 100; i++) {
		wake();
		while (irq_counts[0x50] < i)
			sched_yield();
	}
	vcpu_join(runner);
}

CASE(no_cpu_time, "a halted vCPU uses no processor time")
{
	struct runner *runner = start(1);
	struct rusage before, after;
	u64 us;

	while (!asleep)
		sleep_ms(1);
	sleep_ms(100);
	OK(getrusage(RUSAGE_SELF, &before));
	sleep_ms(1000);
	OK(getrusage(RUSAGE_SELF, &after));
	us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec -
	      before.ru_stime.tv_sec) *
		     1000000 +
	     after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec -
	     before.ru_stime.tv_usec;
	/* Spinning would be a million. */
	if (us > 500000)
		FAIL("%llu us of 1000000", (unsigned long long)us);
	wake();
	vcpu_join(runner);
}

CASE(by_irqfd, "an irqfd wakes it")
{
	struct runner *runner = start(2);
	int fd = OK(eventfd(0, 0));
	struct kvm_irqfd irqfd = { .fd = fd, .gsi = 30 };
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e;
	} t = { .head.nr = 1,
		.e = { .gsi = 30,
		       .type = KVM_IRQ_ROUTING_MSI,
		       .u.msi = { .address_lo = 0xfee00000, .data = 0x50 } } };
	u64 one = 1;

	OK(ioctl(cpu->vm->fd, KVM_SET_GSI_ROUTING, &t));
	OK(ioctl(cpu->vm->fd, KVM_IRQFD, &irqfd));
	for (u64 i = 1; i <= 2; i++) {
		while (!asleep)
			sched_yield();
		OK(write(fd, &one, 8));
		while (irq_counts[0x50] < i)
			sched_yield();
	}
	vcpu_join(runner);
}

static void deaf(u64 unused)
{
	apic_enable();
	guest_sync(1);
	halt(); /* with interrupts off */
	guest_sync(2);
}

static void on_signal(int sig)
{
}

CASE(interrupts_off,
     "HLT with interrupts off sleeps through interrupts; the program may make it runnable")
{
	struct kvm_mp_state state = { KVM_MP_STATE_RUNNABLE };
	struct sigaction act = { .sa_handler = on_signal };
	struct itimerval t = { { 0, 0 }, { 0, 200000 } };

	cpu = vm_with(VM_IRQCHIP, deaf, 0);
	vcpu_expect_sync(cpu, 1);
	wake();
	OK(sigaction(SIGALRM, &act, NULL));
	OK(setitimer(ITIMER_REAL, &t, NULL));
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINTR);
	OK(ioctl(cpu->fd, KVM_SET_MP_STATE, &state));
	vcpu_expect_sync(cpu, 2);
}

#define ROUNDS 500

static void to_itself(u64 unused)
{
	apic_enable();
	for (int i = 0; i < ROUNDS; i++) {
		xapic_write(APIC_ICR, ICR_SELF | ICR_ASSERT | 0x50);
		irq_enable_and_halt();
		irq_disable();
	}
	guest_done();
}

CASE(in_the_shadow, "STI; HLT with an interrupt pending: the vCPU does not begin to wait")
{
	int waits;

	need_tracepoints();
	cpu = vm_with(VM_IRQCHIP, to_itself, 0);
	guest_handlers[0x50] = irq_count;
	waits = OK(tracepoint_open("kvm/kvm_vcpu_wakeup", NULL));
	vcpu_expect_done(cpu);
	CHECK_EQ(irq_counts[0x50], ROUNDS);
	CHECK_EQ(tracepoint_count(waits), 0);
}

static volatile u32 timer_count;

/* Its own timer's interrupt ends each halt; one sync for each. */
static void naps(u64 unused)
{
	apic_enable();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, 0x50);
	for (;;) {
		apic_write(APIC_TMICT, timer_count);
		irq_enable_and_halt();
		irq_disable();
		guest_sync(irq_counts[0x50]);
	}
}

static void set_halt_poll(struct vm *vm, u64 ns)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_HALT_POLL, .args = { ns } };

	OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
}

/* @ns: a count is a nanosecond */
static void nap(u32 ns, int times)
{
	timer_count = ns;
	for (int i = 0; i < times; i++)
		vcpu_expect_sync(cpu, irq_counts[0x50] + 1);
}

#define MAX_POLL (20 * 1000 * 1000)
#define MSR_KVM_POLL_CONTROL 0x4b564d05

CASE_SLOW(no_polling,
	  "a guest that polls by itself, as MSR_KVM_POLL_CONTROL says, is not polled for", 60)
{
	struct stats s;
	u64 tried, value;

	cpu = vm_with(VM_IRQCHIP, naps, 0);
	guest_handlers[0x50] = irq_count;
	NEED(cpu->vm->kvm, KVM_CAP_HALT_POLL);
	if (!(cpuid_find(cpuid_supported(cpu->vm->kvm), 0x40000001, 0)->eax & BIT(12)))
		SKIP("no MSR_KVM_POLL_CONTROL");
	s = stats_open(cpu->fd);
	set_halt_poll(cpu->vm, MAX_POLL);
	while (!stats_value(&s, "halt_attempted_poll"))
		nap(MAX_POLL / 10, 1);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_KVM_POLL_CONTROL, &value), 1);
	CHECK_EQ(value, 1);
	CHECK_EQ(vcpu_wrmsr(cpu, MSR_KVM_POLL_CONTROL, 0), 1);
	tried = stats_value(&s, "halt_attempted_poll");
	nap(MAX_POLL / 10, 20);
	CHECK_EQ(stats_value(&s, "halt_attempted_poll"), tried);
	CHECK_EQ(vcpu_wrmsr(cpu, MSR_KVM_POLL_CONTROL, 1), 1);
	while (stats_value(&s, "halt_attempted_poll") == tried)
		nap(MAX_POLL / 10, 1);
}

CASE_SLOW(
	polling,
	"short halts lengthen the polling until it meets the wake-up, long ones end it; and the limit of 0 forbids it",
	120)
{
	struct stats s;
	u64 tried, met;
	int in_a_row = 0;

	cpu = vm_with(VM_IRQCHIP, naps, 0);
	guest_handlers[0x50] = irq_count;
	NEED(cpu->vm->kvm, KVM_CAP_HALT_POLL);
	s = stats_open(cpu->fd);

	set_halt_poll(cpu->vm, 0);
	nap(MAX_POLL / 10, 20);
	CHECK_EQ(stats_value(&s, "halt_attempted_poll"), 0);

	/* On a busy host some of these are long; and a short poll is lucky now and then, but not five times in a row. */
	set_halt_poll(cpu->vm, MAX_POLL);
	while (in_a_row < 5) {
		met = stats_value(&s, "halt_successful_poll");
		nap(MAX_POLL / 10, 1);
		in_a_row = stats_value(&s, "halt_successful_poll") > met ? in_a_row + 1 : 0;
	}
	CHECK(stats_value(&s, "halt_attempted_poll") > 0);

	/* Halved each time: from 20 ms to less than the 10 us that it begins with. */
	nap(MAX_POLL * 3, 12);
	tried = stats_value(&s, "halt_attempted_poll");
	nap(MAX_POLL * 3, 5);
	CHECK_EQ(stats_value(&s, "halt_attempted_poll"), tried);
}
