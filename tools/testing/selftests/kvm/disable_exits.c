// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CAP_X86_DISABLE_EXITS: HLT, PAUSE and MWAIT that stay in the guest; and a PAUSE loop that exits ever less. */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "apic.h"
#include "stats.h"
#include "vm.h"

static int offered(struct vm *vm)
{
	return NEED(vm->kvm, KVM_CAP_X86_DISABLE_EXITS);
}

static int disable(struct vm *vm, u64 what)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_DISABLE_EXITS, .args = { what } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

CASE(valid, "what is offered is known; what is not is refused with EINVAL")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	int what = offered(vm);

	CHECK_EQ(what & ~KVM_X86_DISABLE_VALID_EXITS, 0);
	CHECK_ERRNO(disable(vm, 1 << 20), EINVAL);
}

static void sleeps(u64 unused)
{
	apic_enable();
	halt_while(!irq_counts[0x50]);
}

static void *wake(void *arg)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x50 };

	sleep_ms(50);
	OK(ioctl(((struct vm *)arg)->fd, KVM_SIGNAL_MSI, &msi));
	return NULL;
}

CASE(hlt, "a guest that halts without exits is woken by an interrupt all the same")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu;
	pthread_t thread;

	if (!(offered(vm) & KVM_X86_DISABLE_EXITS_HLT))
		SKIP("not for HLT");
	OK(disable(vm, KVM_X86_DISABLE_EXITS_HLT));
	cpu = vcpu_new(vm, sleeps, 0);
	guest_handlers[0x50] = irq_count;
	REQUIRE(!pthread_create(&thread, NULL, wake, vm));
	vcpu_expect_done(cpu);
	pthread_join(thread, NULL);
}

static volatile u64 got;

static void on_gp(struct frame *frame)
{
	got++;
}

static void halts(u64 unused)
{
	guest_sync(1);
	/* With interrupts off; not all processors stay in it when the host is interrupted. */
	while (!got)
		halt();
	guest_done();
}

static void on_signal(int sig)
{
}

/* Does the guest's HLT come back to the host's kernel? */
static bool hlt_exits(struct vcpu *cpu)
{
	struct itimerval t = { { 0, 0 }, { 0, 200000 } };
	struct stats s = stats_open(cpu->fd);

	vcpu_expect_sync(cpu, 1);
	OK(setitimer(ITIMER_REAL, &t, NULL));
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINTR);
	return stats_value(&s, "halt_exits");
}

CASE(with_vcpus, "asked for later it is in force for the vCPUs that are made from then on")
{
	struct sigaction act = { .sa_handler = on_signal };
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *early, *late;

	if (!(offered(vm) & KVM_X86_DISABLE_EXITS_HLT))
		SKIP("not for HLT");
	OK(sigaction(SIGALRM, &act, NULL));
	early = vcpu_new(vm, halts, 0);
	OK(disable(vm, KVM_X86_DISABLE_EXITS_HLT));
	late = vcpu_new(vm, halts, 0);
	CHECK(hlt_exits(early));
	CHECK(!hlt_exits(late));
}

CASE(hlt_exception, "an exception that the program sets ends such a halt")
{
	struct sigaction act = { .sa_handler = on_signal };
	struct itimerval t = { { 0, 0 }, { 0, 200000 } };
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_vcpu_events e;
	struct vcpu *cpu;

	if (!(offered(vm) & KVM_X86_DISABLE_EXITS_HLT))
		SKIP("not for HLT");
	OK(disable(vm, KVM_X86_DISABLE_EXITS_HLT));
	cpu = vcpu_new(vm, halts, 0);
	guest_handlers[13] = on_gp;
	vcpu_expect_sync(cpu, 1);
	OK(sigaction(SIGALRM, &act, NULL));
	OK(setitimer(ITIMER_REAL, &t, NULL));
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINTR);
	OK(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &e));
	e.exception.injected = 1;
	e.exception.nr = 13;
	e.exception.has_error_code = 1;
	OK(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &e));
	vcpu_expect_done(cpu);
}

static void pauses(u64 unused)
{
	for (int i = 0; i < 100000; i++)
		relax();
	guest_sync(1);
}

CASE(pause, "a guest that spins with PAUSE goes on, with and without exits")
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	vcpu_expect_sync(vcpu_new(vm, pauses, 0), 1);
	if (!(offered(vm) & KVM_X86_DISABLE_EXITS_PAUSE))
		SKIP("not for PAUSE");
	vm = vm_new(VM_IRQCHIP);
	OK(disable(vm, KVM_X86_DISABLE_EXITS_PAUSE));
	vcpu_expect_sync(vcpu_new(vm, pauses, 0), 1);
}

static volatile u64 doorbell __attribute__((aligned(64)));

static void monitor_and_wait(u64 seen)
{
	asm volatile("monitor" : : "a"(&doorbell), "c"(0), "d"(0) : "memory");
	if (doorbell == seen)
		asm volatile("mwait" : : "a"(0), "c"(0) : "memory");
}

#define RINGS 200

static volatile u64 answered;

static void waits_for_bell(u64 unused)
{
	apic_enable();
	for (u64 i = 0; i < RINGS; i++) {
		while (doorbell == i)
			monitor_and_wait(i);
		answered = i + 1;
	}
	/* And for an interrupt, with nobody at the bell */
	irq_enable();
	answered++;
	while (!irq_counts[0x50])
		monitor_and_wait(RINGS);
}

static void rings(u64 unused)
{
	apic_enable();
	for (u64 i = 0; i < RINGS; i++) {
		for (int n = 0; n < 100; n++)
			relax();
		doorbell = i + 1;
		while (answered <= i)
			relax();
	}
	while (answered <= RINGS)
		relax();
	apic_send(1, ICR_ASSERT | 0x50);
}

/* How often the one that waits comes back to the host meanwhile. */
static u64 exits_of_mwait(bool disabled)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_cpuid2 *cpuid;
	struct vcpu *a, *b;
	struct runner *runner;
	struct stats s;

	if (!(offered(vm) & KVM_X86_DISABLE_EXITS_MWAIT))
		SKIP("not for MWAIT");
	if (disabled)
		OK(disable(vm, KVM_X86_DISABLE_EXITS_MWAIT));
	doorbell = answered = irq_counts[0x50] = 0;
	cpuid = cpuid_supported(vm->kvm);
	cpuid_find(cpuid, 1, 0)->ecx |= BIT(3);
	a = vcpu_new(vm, rings, 0);
	b = vcpu_new(vm, waits_for_bell, 0);
	vcpu_set_cpuid(b, cpuid);
	guest_handlers[0x50] = irq_count;
	s = stats_open(b->fd);
	runner = vcpu_start(b);
	vcpu_expect_done(a);
	vcpu_join(runner);
	CHECK_EQ(stats_value(&s, "halt_exits"), 0);
	return stats_value(&s, "exits");
}

CASE_SLOW(mwait,
	  "a guest that waits with MWAIT without exits is woken by a store and by an interrupt",
	  120)
{
	u64 disabled = exits_of_mwait(true), enabled = exits_of_mwait(false);

	ktap_note("%llu exits, with those of MWAIT %llu", (unsigned long long)disabled,
		  (unsigned long long)enabled);
	/* Else one of MONITOR and one of MWAIT at least for each ring that was waited for */
	CHECK(disabled * 2 < enabled);
}

#define SPIN_TICKS 40000000ULL

static void spin_long(u64 unused)
{
	u64 end = rdtsc() + SPIN_TICKS;

	while (rdtsc() < end)
		relax();
	guest_sync(1);
}

CASE(pause_window, "a spin that nobody else wants the CPU for exits less and less often")
{
	struct vcpu *cpu = vm_with(0, spin_long, 0);
	struct stats s;

	if (access("/sys/module/kvm_intel/parameters/ple_window_grow", F_OK))
		SKIP("no window that grows");
	s = stats_open(cpu->fd);
	vcpu_expect_sync(cpu, 1);
	/* In windows of 4096 ticks there would be four times as many. */
	CHECK(stats_value(&s, "exits") < SPIN_TICKS / 4096 / 4);
}
