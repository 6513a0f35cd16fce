// SPDX-License-Identifier: GPL-2.0-only
/* Paravirtual features: each that CPUID 0x40000001 offers works. */
#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "apic.h"
#include "stats.h"
#include "vm.h"

#define MSR_ASYNC_PF_EN 0x4b564d02
#define MSR_STEAL_TIME 0x4b564d03
#define MSR_PV_EOI 0x4b564d04
#define MSR_POLL_CONTROL 0x4b564d05
#define MSR_ASYNC_PF_INT 0x4b564d06

static u8 area[64] __attribute__((aligned(64)));
static volatile u32 pv_eoi __attribute__((aligned(4)));

static struct vcpu *guest(void (*code)(u64), int bit)
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, code, 0);
	u32 features = cpuid_find(cpuid_supported(cpu->vm->kvm), 0x40000001, 0)->eax;

	if (bit >= 0 && !(features & BIT(bit)))
		SKIP("feature %d is not offered", bit);
	return cpu;
}

CASE(clock, "the clock in both forms, stable where it says so, is offered")
{
	struct vm *vm = vm_new(0);
	u32 features = cpuid_find(cpuid_supported(vm->kvm), 0x40000001, 0)->eax;

	CHECK(features & BIT(0));
	CHECK(features & BIT(3));
}

static void steal(u64 unused)
{
	volatile u32 *a = (u32 *)area;

	wrmsr(MSR_STEAL_TIME, (u64)area | 1);
	G_ASSERT_EQ(rdmsr(MSR_STEAL_TIME), (u64)area | 1);
	guest_sync(1);
	G_ASSERT(a[2]); /* version */
	G_ASSERT_EQ(a[2] & 1, 0);
	wrmsr(MSR_STEAL_TIME, 0);
	G_ASSERT_EQ(catch_wrmsr(MSR_STEAL_TIME, (u64)area | 3), 13); /* a reserved bit */
}

CASE(steal_time, "steal time: the area is filled, reserved bits give #GP")
{
	struct vcpu *cpu = guest(steal, 5);

	vcpu_expect_sync(cpu, 1);
	vcpu_expect_done(cpu);
}

static volatile bool stolen;

/* Until it is told of time that another took. */
static void wait_for_steal(u64 unused)
{
	wrmsr(MSR_STEAL_TIME, (u64)area | 1);
	while (!*(volatile u64 *)area)
		relax();
	stolen = true;
}

static void steal_from_it(u64 unused)
{
	while (!stolen)
		relax();
}

CASE(steal_counts, "steal time grows while another vCPU has the processor")
{
	struct vcpu *cpu = guest(wait_for_steal, 5);
	struct runner *runners[2];

	stay_on_cpu(0, 0);
	/* Both threads on this one's processor */
	runners[0] = vcpu_start(cpu);
	runners[1] = vcpu_start(vcpu_new(cpu->vm, steal_from_it, 0));
	for (int i = 0; i < 2; i++)
		vcpu_join(runners[i]);
}

static void eoi_handler(struct frame *frame)
{
	irq_counts[frame->vector]++;
	/* Set: the EOI may be done by clearing the bit. */
	if (__atomic_exchange_n((u32 *)&pv_eoi, 0, __ATOMIC_SEQ_CST) & 1)
		irq_counts[0]++;
	else
		apic_eoi();
}

static void pv_eoi_code(u64 unused)
{
	apic_enable();
	wrmsr(MSR_PV_EOI, (u64)&pv_eoi | 1);
	irq_enable();
	for (u64 i = 1; i <= 50; i++) {
		apic_send(0, ICR_SELF | ICR_ASSERT | 0x71);
		while (irq_counts[0x71] < i)
			relax();
	}
	/* Nothing is left in service. */
	irq_disable();
	guest_sync(irq_counts[0]);
	G_ASSERT(!apic_bit(APIC_ISR, 0x71));
	wrmsr(MSR_PV_EOI, 0);
}

CASE(pv_eoi_works, "EOI without an exit: interrupts keep coming whether it is taken or not")
{
	struct vcpu *cpu = guest(pv_eoi_code, 6);
	struct event ev;

	guest_handlers[0x71] = eoi_handler;
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_SYNC);
	vcpu_expect_done(cpu);
}

/* In the page: taken.  Elsewhere, and in the end: not in service, and what comes next wakes from HLT. */
static void pv_eoi_halt_code(u64 unused)
{
	u64 seen = 0;

	apic_enable();
	wrmsr(MSR_PV_EOI, (u64)&pv_eoi | 1);
	G_ASSERT_EQ(rdmsr(MSR_PV_EOI), (u64)&pv_eoi | 1);
	irq_enable();
	/* An exit in the wrong moment takes the offer back, but not every time. */
	while (!irq_counts[0]) {
		apic_send(0, ICR_SELF | ICR_ASSERT | 0x71);
		while (irq_counts[0x71] == seen)
			relax();
		seen = irq_counts[0x71];
		G_ASSERT(seen < 100);
	}
	guest_sync(1);
	/* The same again, and lower ones: nothing may be held back by what was ended in memory. */
	apic_write(APIC_LVTT, 0x41);
	for (u64 i = 1; i <= 20; i++) {
		irq_disable();
		apic_write(APIC_TMICT, 100000);
		halt_while(irq_counts[0x41] < i);
		apic_send(0, ICR_SELF | ICR_ASSERT | 0x71);
		while (irq_counts[0x71] == seen)
			relax();
		seen = irq_counts[0x71];
	}
	G_ASSERT(!apic_bit(APIC_ISR, 0x71));
	G_ASSERT_EQ(apic_read(APIC_PPR), 0);
	guest_sync(irq_counts[0]);
	G_ASSERT_EQ(catch_wrmsr(MSR_PV_EOI, (u64)&pv_eoi | 3), 13);
	/* Two at once: the second waits for the end of the first, which it must get to know. */
	irq_disable();
	apic_send(0, ICR_SELF | ICR_ASSERT | 0x71);
	apic_send(0, ICR_SELF | ICR_ASSERT | 0x41);
	irq_enable();
	while (irq_counts[0x71] == seen || irq_counts[0x41] < 21)
		relax();
	wrmsr(MSR_PV_EOI, 0);
	guest_done();
}

CASE(pv_eoi_is_taken, "EOI without an exit is offered, and what follows it is not held back")
{
	struct vcpu *cpu = guest(pv_eoi_halt_code, 6);
	struct kvm_lapic_state lapic;
	struct event ev;

	if (apic_is_virtual())
		SKIP("with APICv no EOI exits, and there is nothing to offer");

	guest_handlers[0x71] = eoi_handler;
	guest_handlers[0x41] = eoi_handler;
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_SYNC);
	CHECK_EQ(ev.value, 1);
	/* Who saves the state now finds nothing in service. */
	OK(ioctl(cpu->fd, KVM_GET_LAPIC, &lapic));
	CHECK_EQ(*(u32 *)&lapic.regs[APIC_ISR + 0x30], 0);
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_SYNC);
	CHECK(ev.value > 20);
	vcpu_expect_done(cpu);
}

static void eoi_level_handler(struct frame *frame)
{
	irq_counts[frame->vector]++;
	G_ASSERT_EQ(pv_eoi, 0);
	guest_sync(2);
	apic_eoi();
}

static void pv_eoi_level_code(u64 unused)
{
	apic_enable();
	wrmsr(MSR_PV_EOI, (u64)&pv_eoi | 1);
	ioapic_route(20, IOAPIC_LEVEL | 0x73, 0);
	irq_enable();
	guest_sync(1);
	while (!irq_counts[0x73])
		relax();
	guest_done();
}

CASE(pv_eoi_level,
     "the end of a level-triggered interrupt, which the I/O APIC waits for, is not done in memory")
{
	struct vcpu *cpu = guest(pv_eoi_level_code, 6);
	struct kvm_irq_level line = { .irq = 20, .level = 1 };

	guest_handlers[0x73] = eoi_level_handler;
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE, &line));
	vcpu_expect_sync(cpu, 2);
	line.level = 0;
	OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE, &line));
	vcpu_expect_done(cpu);
}

/* A page that the test takes away once it is used */
#define FLEETING 0x10000000

static void pv_eoi_nowhere(u64 unused)
{
	apic_enable();
	G_ASSERT_EQ(catch_wrmsr(MSR_PV_EOI, 0xfff00000 | 1), 13);
	G_ASSERT_EQ(rdmsr(MSR_PV_EOI), 0);
	G_ASSERT_EQ(catch_wrmsr(MSR_PV_EOI, 0xfff00000), NO_VECTOR);
	wrmsr(MSR_PV_EOI, FLEETING | 1);
	guest_sync(0);
	irq_enable();
	for (u64 i = 1; i <= 20; i++) {
		apic_send(0, ICR_SELF | ICR_ASSERT | 0x74);
		while (irq_counts[0x74] < i)
			relax();
	}
	guest_sync(1);
}

CASE(pv_eoi_no_memory,
     "no memory at the address gives #GP; where it goes away later, interrupts are ended as ever")
{
	struct vcpu *cpu = guest(pv_eoi_nowhere, 6);
	void *page = vm_add_slot(cpu->vm, SLOT_TEST, 0, FLEETING, 4096);

	guest_handlers[0x74] = irq_count;
	vcpu_expect_sync(cpu, 0);
	OK(vm_set_slot(cpu->vm, SLOT_TEST, 0, FLEETING, 0, page));
	vcpu_expect_sync(cpu, 1);
}

/* ------------------------------------------------------------------------------------------------ who is preempted */

static volatile bool stop_spinning;

static void spinner(u64 unused)
{
	wrmsr(MSR_STEAL_TIME, (u64)area | 1);
	guest_sync(1);
	while (!stop_spinning)
		relax();
	guest_done();
}

static void *compete(void *unused)
{
	while (!stop_spinning)
		;
	return NULL;
}

CASE(preempted,
     "who is preempted says so, and takes back a flush that was asked for meanwhile, too")
{
	struct vcpu *cpu = guest(spinner, 9);
	u8 *preempted = area + 16, told;
	u64 asked = 0, lost = 0;
	struct runner *r;
	pthread_t other;
	struct stats s;
	u64 flushes;

	if (host_cpus() < 2)
		SKIP("needs two CPUs");
	NEED(cpu->vm->kvm, KVM_CAP_BINARY_STATS_FD);
	s = stats_open(cpu->fd);
	stay_on_cpu(0, 1);
	vcpu_expect_sync(cpu, 1);
	flushes = stats_value(&s, "tlb_flush");
	/* Both threads on one CPU, this one on another */
	r = vcpu_start(cpu);
	CHECK_EQ(pthread_create(&other, NULL, compete, NULL), 0);
	stay_on_cpu(0, 0);
	/* However long it takes: on a busy host that depends on more than this machine. */
	while (asked < 20) {
		told = __atomic_load_n(preempted, __ATOMIC_SEQ_CST);
		if (!(told & 1))
			continue;
		if (!__atomic_compare_exchange_n(preempted, &told, told | 2, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			continue;
		asked++;
		/* It is taken back as a whole. */
		do
			told = __atomic_load_n(preempted, __ATOMIC_SEQ_CST);
		while (told == 3);
		lost += told == 2;
	}
	stop_spinning = true;
	vcpu_join(r);
	CHECK_EQ(pthread_join(other, NULL), 0);
	CHECK_EQ(lost, 0);
	flushes = stats_value(&s, "tlb_flush") - flushes;
	if (flushes < asked)
		FAIL("%llu flushes, of which %llu were asked for", (unsigned long long)flushes,
		     (unsigned long long)asked);
}

static void calls(u64 unused)
{
	G_ASSERT_EQ(hypercall(0x7777, 0, 0, 0, 0), -1000ULL); /* KVM_ENOSYS */
	G_ASSERT_EQ(hypercall(0, 0, 0, 0, 0), -1000ULL);
	guest_sync(1);
}

CASE(unknown_call, "an unknown hypercall answers -KVM_ENOSYS")
{
	vcpu_expect_sync(guest(calls, -1), 1);
}

static void kick(u64 unused)
{
	G_ASSERT_EQ(hypercall(5, 0, 0, 0, 0), 0);
	guest_sync(1);
}

CASE(kick_cpu, "KVM_HC_KICK_CPU answers 0")
{
	vcpu_expect_sync(guest(kick, 7), 1);
}

static void send_ipi(u64 unused)
{
	apic_enable();
	irq_enable();
	G_ASSERT_EQ(hypercall(10, 1, 0, 0, 0x72), 1);
	while (!irq_counts[0x72])
		relax();
	guest_sync(1);
}

CASE(send_ipi_works, "KVM_HC_SEND_IPI sends an interrupt to the CPUs in the mask")
{
	struct vcpu *cpu = guest(send_ipi, 11);

	guest_handlers[0x72] = irq_count;
	vcpu_expect_sync(cpu, 1);
}

#define KVM_EINVAL -22ULL
#define KVM_ENOSYS -1000ULL
#define HC_CLOCK_PAIRING 9
#define HC_SEND_IPI 10
#define HC_SCHED_YIELD 11
#define HC_MAP_GPA_RANGE 12

/* Destinations that do not exist, at both ends of the range, and messages that cannot be sent so */
static void send_ipi_odd(u64 unused)
{
	x2apic_enable();
	apic_enable();
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, ~0ULL, ~0ULL, 0xffffffff, 0x72), 0);
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, ~0ULL, ~0ULL, 0xffffff00, 0x72), 0);
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, ~1ULL, ~0ULL, 0, 0x72), 0);
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, 0, 0, 0, 0x72), 0);
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, 1, 0, 0, 0x72 | ICR_LOGICAL), KVM_EINVAL);
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, 1, 0, 0, 0x72 | ICR_ALL), KVM_EINVAL);
	/* A vector that there is not */
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, 1, 0, 0, 3), 0);
	G_ASSERT(!apic_bit(APIC_IRR, 0x72));
	/* The same one twice: it is there */
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, 1, 0, 0, 0x72), 1);
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, 1, 0, 0, 0x72), 1);
	G_ASSERT(apic_bit(APIC_IRR, 0x72));
	guest_sync(1);
}

CASE(send_ipi_odd_cases,
     "KVM_HC_SEND_IPI: who does not exist is not counted, what cannot be sent gives EINVAL")
{
	vcpu_expect_sync(guest(send_ipi_odd, 11), 1);
}

static volatile u64 arrived;

static void ipi_receiver(u64 unused)
{
	apic_enable();
	irq_enable();
	__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
	while (!irq_counts[0x75])
		relax();
	while (irq_counts[0x74] < 1)
		relax();
	guest_done();
}

#define NR_RECEIVERS 3

static void ipi_sender(u64 first)
{
	apic_enable();
	while (arrived < NR_RECEIVERS)
		relax();
	/* Bits of both words */
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, BIT(63), BIT(0) | BIT(1), first - 63, 0x74),
		    NR_RECEIVERS);
	while (irq_counts[0x74] < NR_RECEIVERS)
		relax();
	G_ASSERT_EQ(irq_counts[0x74], NR_RECEIVERS);
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, 7, 0, first, 0x75), NR_RECEIVERS);
	guest_done();
}

static void count_atomically(struct frame *frame)
{
	__atomic_add_fetch(&irq_counts[frame->vector], 1, __ATOMIC_SEQ_CST);
	apic_eoi();
}

static struct vcpu *vcpu_with_id(struct vm *vm, int id, void (*code)(u64), u64 argument)
{
	struct vcpu *cpu = vcpu_new_bare(vm, id);
	struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };

	vcpu_long_mode(cpu);
	vcpu_call(cpu, code, argument);
	OK(ioctl(cpu->fd, KVM_SET_MP_STATE, &mp));
	return cpu;
}

CASE(send_ipi_many, "KVM_HC_SEND_IPI reaches every CPU in the mask, once")
{
	struct vcpu *cpu = guest(ipi_sender, 11);
	struct runner *r[NR_RECEIVERS];
	const int first = 100;
	struct vm *vm = vm_new(VM_IRQCHIP);

	cpu = vcpu_with_id(vm, 0, ipi_sender, first);
	guest_handlers[0x74] = count_atomically;
	guest_handlers[0x75] = count_atomically;
	for (int i = 0; i < NR_RECEIVERS; i++)
		r[i] = vcpu_start(vcpu_with_id(vm, first + i, ipi_receiver, 0));
	vcpu_expect_done(cpu);
	for (int i = 0; i < NR_RECEIVERS; i++)
		vcpu_join(r[i]);
}

static void sched_yield_code(u64 unused)
{
	G_ASSERT_EQ(hypercall(HC_SCHED_YIELD, 0, 0, 0, 0), 0);
	G_ASSERT_EQ(hypercall(HC_SCHED_YIELD, 77, 0, 0, 0), 0);
	G_ASSERT_EQ(hypercall(HC_SCHED_YIELD, ~0ULL, 0, 0, 0), 0);
	guest_sync(1);
}

CASE(sched_yield_works, "KVM_HC_SCHED_YIELD answers 0, whoever is named")
{
	vcpu_expect_sync(guest(sched_yield_code, 13), 1);
}

static struct {
	s64 sec, nsec;
	u64 tsc;
	u32 flags, pad[9];
} pairing;

static void clock_pairing(u64 unused)
{
	u64 before = rdtsc(), ret = hypercall(HC_CLOCK_PAIRING, (u64)&pairing, 0, 0, 0);

	if (ret == 0) {
		G_ASSERT(pairing.tsc >= before);
		G_ASSERT(pairing.tsc <= rdtsc());
		G_ASSERT(pairing.nsec >= 0 && pairing.nsec < 1000000000);
		G_ASSERT_EQ(pairing.flags, 0);
		G_ASSERT_EQ(hypercall(HC_CLOCK_PAIRING, 0xfffff0000, 0, 0, 0), -14ULL);
	} else {
		G_ASSERT_EQ(ret, -95ULL);
	}
	G_ASSERT_EQ(hypercall(HC_CLOCK_PAIRING, (u64)&pairing, 1, 0, 0), -95ULL);
	guest_sync(ret);
}

CASE(pairing_works, "KVM_HC_CLOCK_PAIRING gives the time of day at a moment of the guest's TSC")
{
	struct vcpu *cpu = guest(clock_pairing, -1);
	struct timespec before, after;
	struct event ev;

	clock_gettime(CLOCK_REALTIME, &before);
	ev = vcpu_run(cpu);
	clock_gettime(CLOCK_REALTIME, &after);
	CHECK_EQ(ev.kind, EV_SYNC);
	if (ev.value)
		SKIP("the host's clock is not the TSC");
	CHECK(pairing.sec >= before.tv_sec && pairing.sec <= after.tv_sec);
}

static void map_range(u64 unused)
{
	G_ASSERT_EQ(hypercall(HC_MAP_GPA_RANGE, 0x1000, 2, 0x10, 0), 0x1234);
	G_ASSERT_EQ(hypercall(HC_MAP_GPA_RANGE, 0x1001, 2, 0, 0), KVM_EINVAL);
	G_ASSERT_EQ(hypercall(HC_MAP_GPA_RANGE, 0x1000, 0, 0, 0), KVM_EINVAL);
	G_ASSERT_EQ(hypercall(HC_MAP_GPA_RANGE, -PAGE, ~0ULL, 0, 0), KVM_EINVAL);
	guest_sync(1);
	G_ASSERT_EQ(hypercall(HC_MAP_GPA_RANGE, 0x1000, 2, 0, 0), KVM_ENOSYS);
	guest_sync(2);
}

CASE(map_gpa_range, "KVM_HC_MAP_GPA_RANGE goes to the VMM that asked for it, and to no other")
{
	struct vcpu *cpu = guest(map_range, -1);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_HYPERCALL };

	NEED(cpu->vm->fd, KVM_CAP_EXIT_HYPERCALL);
	CHECK_EQ(kvm_cap(cpu->vm->fd, KVM_CAP_EXIT_HYPERCALL), BIT(HC_MAP_GPA_RANGE));
	cap.args[0] = BIT(HC_MAP_GPA_RANGE) | BIT(HC_SEND_IPI);
	CHECK_ERRNO(ioctl(cpu->vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = BIT(HC_MAP_GPA_RANGE);
	OK(ioctl(cpu->vm->fd, KVM_ENABLE_CAP, &cap));
	vcpu_expect_exit(cpu, KVM_EXIT_HYPERCALL);
	CHECK_EQ(cpu->run->hypercall.nr, HC_MAP_GPA_RANGE);
	CHECK_EQ(cpu->run->hypercall.args[0], 0x1000);
	CHECK_EQ(cpu->run->hypercall.args[1], 2);
	CHECK_EQ(cpu->run->hypercall.args[2], 0x10);
	CHECK_EQ(cpu->run->hypercall.flags, KVM_EXIT_HYPERCALL_LONG_MODE);
	cpu->run->hypercall.ret = 0x1234;
	vcpu_expect_sync(cpu, 1);
	cap.args[0] = 0;
	OK(ioctl(cpu->vm->fd, KVM_ENABLE_CAP, &cap));
	vcpu_expect_sync(cpu, 2);
}

/* What Linux does when it starts */
static void enable_all(u64 unused)
{
	G_ASSERT_EQ(catch_wrmsr(MSR_ASYNC_PF_INT, 0xf3), NO_VECTOR);
	G_ASSERT_EQ(catch_wrmsr(MSR_ASYNC_PF_EN, (u64)area | 9), NO_VECTOR);
	G_ASSERT_EQ(catch_wrmsr(MSR_PV_EOI, (u64)&pv_eoi | 1), NO_VECTOR);
	G_ASSERT_EQ(rdmsr(MSR_ASYNC_PF_INT), 0xf3);
	G_ASSERT_EQ(rdmsr(MSR_ASYNC_PF_EN), (u64)area | 9);
	G_ASSERT_EQ(rdmsr(MSR_PV_EOI), (u64)&pv_eoi | 1);
	G_ASSERT_EQ(catch_wrmsr(MSR_PV_EOI, (u64)&pv_eoi | 3), 13);
	guest_sync(1);
	irq_enable();
	guest_sync(2);
	G_ASSERT_EQ(irq_counts[0x30], 1);
	G_ASSERT_EQ(pv_eoi, 0);
}

CASE(no_lapic,
     "a guest whose local APIC is the VMM's may enable what needs one in the kernel, and nothing comes of it")
{
	struct vcpu *cpu = vm_with(0, enable_all, 0);
	struct kvm_interrupt irq = { 0x30 };
	u64 en = 0;

	guest_handlers[0x30] = irq_count_pic;
	vcpu_expect_sync(cpu, 1);
	/* What migration does */
	CHECK(vcpu_rdmsr(cpu, MSR_ASYNC_PF_EN, &en));
	CHECK_EQ(en, (u64)area | 9);
	CHECK(vcpu_wrmsr(cpu, MSR_ASYNC_PF_EN, 0));
	CHECK(vcpu_wrmsr(cpu, MSR_ASYNC_PF_EN, en));
	vcpu_expect_sync(cpu, 2);
	OK(ioctl(cpu->fd, KVM_INTERRUPT, &irq));
	for (;;) {
		struct event ev = vcpu_run(cpu);

		/* The EOI, to the VMM's 8259s */
		if (ev.kind == EV_DONE)
			break;
		REQUIRE(ev.kind == EV_EXIT && cpu->run->exit_reason == KVM_EXIT_IO);
	}
}

/* Every MSR and call that a feature stands for, none of which is offered */
static void not_told(u64 unused)
{
	static const u32 msrs[] = { 0x11,	0x12,	    0x4b564d00, 0x4b564d01, 0x4b564d02,
				    0x4b564d03, 0x4b564d04, 0x4b564d05, 0x4b564d06, 0x4b564d07 };
	u64 value;

	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++) {
		guest_sync(msrs[i]);
		G_ASSERT_EQ(catch_rdmsr(msrs[i], &value), 13);
		G_ASSERT_EQ(catch_wrmsr(msrs[i], 0), 13);
	}
	G_ASSERT_EQ(hypercall(5, 0, 0, 0, 0), KVM_ENOSYS);
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, 1, 0, 0, 0x72), KVM_ENOSYS);
	G_ASSERT_EQ(hypercall(HC_SCHED_YIELD, 0, 0, 0, 0), KVM_ENOSYS);
	guest_done();
}

CASE(enforced, "with KVM_CAP_ENFORCE_PV_FEATURE_CPUID what CPUID does not offer is not there")
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	struct kvm_cpuid2 *cpuid;
	struct vcpu *cpu = guest(not_told, -1);
	struct event ev;

	NEED(cpu->vm->kvm, KVM_CAP_ENFORCE_PV_FEATURE_CPUID);
	cpuid = cpuid_supported(cpu->vm->kvm);
	cpuid_find(cpuid, 0x40000001, 0)->eax = 0;
	OK(ioctl(cpu->fd, KVM_ENABLE_CAP, &cap));
	vcpu_set_cpuid(cpu, cpuid);
	do
		ev = vcpu_run(cpu);
	while (ev.kind == EV_SYNC);
	CHECK_EQ(ev.kind, EV_DONE);
}

/* What each feature stands for: MSRs, or a call. */
static const struct pv_feature {
	u32 bit;
	u32 msrs[2];
	u64 call;
} pv_features[] = {
	{ .bit = 0, .msrs = { 0x11, 0x12 } },
	{ .bit = 3, .msrs = { 0x4b564d00, 0x4b564d01 } },
	{ .bit = 4, .msrs = { MSR_ASYNC_PF_EN } },
	{ .bit = 5, .msrs = { MSR_STEAL_TIME } },
	{ .bit = 6, .msrs = { MSR_PV_EOI } },
	{ .bit = 7, .call = 5 },
	{ .bit = 11, .call = HC_SEND_IPI },
	{ .bit = 12, .msrs = { MSR_POLL_CONTROL } },
	{ .bit = 13, .call = HC_SCHED_YIELD },
	{ .bit = 14, .msrs = { MSR_ASYNC_PF_INT, 0x4b564d07 } },
};

/* @told: the features that CPUID offers */
static void told_some(u64 told)
{
	const struct pv_feature *f;
	u64 value, refused;

	for (f = pv_features; f < pv_features + ARRAY_SIZE(pv_features); f++) {
		refused = told & BIT(f->bit) ? NO_VECTOR : 13;
		for (int i = 0; i < 2 && f->msrs[i]; i++) {
			guest_sync(f->msrs[i]);
			G_ASSERT_EQ(catch_rdmsr(f->msrs[i], &value), refused);
			G_ASSERT_EQ(catch_wrmsr(f->msrs[i], 0), refused);
		}
		/* There is nobody to do anything to. */
		if (f->call)
			G_ASSERT_EQ(hypercall(f->call, 0, 0, 0, 0),
				    told & BIT(f->bit) ? 0 : KVM_ENOSYS);
	}
	guest_done();
}

CASE(enforced_each, "with it each feature hangs on its own bit of CPUID alone")
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	struct kvm_cpuid2 *cpuid;
	struct vcpu *cpu;
	struct event ev;
	u32 told;

	for (unsigned int i = 0; i < ARRAY_SIZE(pv_features); i++) {
		cpu = guest(told_some, -1);
		NEED(cpu->vm->kvm, KVM_CAP_ENFORCE_PV_FEATURE_CPUID);
		cpuid = cpuid_supported(cpu->vm->kvm);
		told = cpuid_find(cpuid, 0x40000001, 0)->eax & ~BIT(pv_features[i].bit);
		cpuid_find(cpuid, 0x40000001, 0)->eax = told;
		OK(ioctl(cpu->fd, KVM_ENABLE_CAP, &cap));
		vcpu_set_cpuid(cpu, cpuid);
		vcpu_call(cpu, told_some, told);
		do
			ev = vcpu_run(cpu);
		while (ev.kind == EV_SYNC);
		CHECK_EQ(ev.kind, EV_DONE);
	}
}

CASE(unhalt_without_exits, "where HLT does not exit, CPUID does not offer that a kick ends it")
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_DISABLE_EXITS,
				      .args = { KVM_X86_DISABLE_EXITS_HLT } };
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);
	struct vcpu *cpu;
	u32 offered;

	offered = cpuid_find(cpuid, 0x40000001, 0)->eax;
	OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
	cpu = vcpu_new_bare(vm, 0);
	vcpu_set_cpuid(cpu, cpuid);
	OK(ioctl(cpu->fd, KVM_GET_CPUID2, cpuid));
	CHECK_EQ(cpuid_find(cpuid, 0x40000001, 0)->eax, offered & ~(u32)BIT(7));
	/* Bit 7 of somebody else's leaf is none of ours. */
	cpuid_find(cpuid, 0x40000000, 0)->ebx ^= 1;
	cpuid_find(cpuid, 0x40000001, 0)->eax |= BIT(7);
	vcpu_set_cpuid(cpu, cpuid);
	OK(ioctl(cpu->fd, KVM_GET_CPUID2, cpuid));
	CHECK(cpuid_find(cpuid, 0x40000001, 0)->eax & BIT(7));
}

static void poll_control(u64 unused)
{
	G_ASSERT_EQ(rdmsr(MSR_POLL_CONTROL), 1);
	wrmsr(MSR_POLL_CONTROL, 0);
	G_ASSERT_EQ(rdmsr(MSR_POLL_CONTROL), 0);
	G_ASSERT_EQ(catch_wrmsr(MSR_POLL_CONTROL, 2), 13);
	guest_sync(1);
}

CASE(poll_control_works, "the halt-polling MSR holds 0 or 1")
{
	vcpu_expect_sync(guest(poll_control, 12), 1);
}

#define USER_CALL(insn)                                                                                             \
	asm volatile(                                                                                               \
		"mov %%rsp, %%rax; push %0; push %%rax; pushfq; push %1; lea 1f(%%rip), %%rax; push %%rax; iretq\n" \
		"1: mov $5, %%eax; xor %%ebx, %%ebx; " insn "; ud2"                                                 \
		:                                                                                                   \
		: "i"(USER_DS), "i"(USER_CS)                                                                        \
		: "rax", "rbx", "memory")

static void user_call(u64 unused)
{
	if (cpu_is_intel())
		USER_CALL("vmcall");
	else
		USER_CALL("vmmcall");
}

static void at_ud(struct frame *frame)
{
	guest_sync(frame->rax);
	guest_done();
}

CASE(user_mode, "a hypercall from user mode answers -KVM_EPERM")
{
	struct vcpu *cpu = guest(user_call, -1);

	guest_handlers[6] = at_ud;
	vcpu_expect_sync(cpu, -1);
}

#define CATCH_CALL(insn, ret) \
	CATCH(insn, : "=a"(ret) : "a"(0x7777ULL), "b"(0), "c"(0), "d"(0), "S"(0))

static void other_call(u64 unused)
{
	/* The other vendor's instruction is patched or emulated, and works, or it is not. */
	u64 ret, vector;

	if (cpu_is_intel())
		vector = CATCH_CALL("vmmcall", ret);
	else
		vector = CATCH_CALL("vmcall", ret);
	G_ASSERT(vector == NO_VECTOR ? ret == -1000ULL : vector == 6);
	guest_sync(1);
}

CASE(other_instruction, "the other vendor's hypercall instruction works or is #UD")
{
	struct vcpu *cpu = guest(other_call, -1);
	u64 page = (u64)other_call & -PAGE;

	/* Where it is patched, the program's own right to write to its code counts. */
	OK(mprotect((void *)page, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	vcpu_expect_sync(cpu, 1);
}
