// SPDX-License-Identifier: GPL-2.0-only
/* The cost of interrupts: the APIC's registers, IPIs, timers, halts, eventfds. */
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "apic.h"
#include "bench.h"

#define VECTOR 0x51
#define GSI 20
#define ANSWER_PORT 0x600
/* Ahead of now, in ticks: longer than KVM polls before it sleeps. */
#define WAIT 2000000

static void op_eoi(u64 unused)
{
	x2apic_enable();
	apic_enable();
	SAMPLE(x2apic_write(APIC_EOI, 0));
}

CASE(bench_eoi, "EOI of the x2APIC")
{
	measure("x2apic-eoi", op_eoi);
}

static void op_xapic_eoi(u64 unused)
{
	apic_enable();
	SAMPLE(xapic_write(APIC_EOI, 0));
}

CASE(bench_xapic_eoi, "EOI of the xAPIC")
{
	measure("xapic-eoi", op_xapic_eoi);
}

static void op_deadline(u64 unused)
{
	u64 far;

	x2apic_enable();
	apic_enable();
	apic_write(APIC_LVTT, VECTOR | LVT_DEADLINE);
	far = rdtsc() + (1ULL << 40);
	SAMPLE(wrmsr(MSR_TSC_DEADLINE, far + _i));
	wrmsr(MSR_TSC_DEADLINE, 0);
}

CASE(bench_deadline, "a write of the TSC deadline")
{
	measure("tsc-deadline", op_deadline);
}

static void acknowledge(struct frame *frame)
{
	x2apic_write(APIC_EOI, 0);
}

static void listen(void)
{
	x2apic_enable();
	apic_enable();
}

static void op_self_ipi(u64 unused)
{
	listen();
	irq_enable();
	SAMPLE(x2apic_write(APIC_SELF_IPI, VECTOR));
	irq_disable();
}

CASE(bench_self_ipi, "an IPI to oneself, taken and acknowledged")
{
	guest_handlers[VECTOR] = acknowledge;
	measure("self-ipi-eoi", op_self_ipi);
}

static void op_halt_pending(u64 unused)
{
	listen();
	SAMPLE((x2apic_write(APIC_SELF_IPI, VECTOR), irq_enable_and_halt(), irq_disable()));
}

CASE(bench_halt_pending, "an IPI to oneself and a HLT that it ends at once")
{
	guest_handlers[VECTOR] = acknowledge;
	measure("hlt-pending", op_halt_pending);
}

static volatile u64 came;

static void note_time(struct frame *frame)
{
	came = rdtsc();
	x2apic_write(APIC_EOI, 0);
}

static void op_halt_wake(u64 unused)
{
	listen();
	apic_write(APIC_LVTT, VECTOR | LVT_DEADLINE);
	for (unsigned int b = 0; b < batches; b++) {
		u64 deadline = rdtsc() + WAIT;

		came = 0;
		wrmsr(MSR_TSC_DEADLINE, deadline);
		while (!came) {
			irq_enable_and_halt();
			irq_disable();
		}
		samples[b] = came - deadline;
	}
}

CASE(bench_halt_wake, "from the TSC deadline to the handler of a halted vCPU")
{
	struct vcpu *cpu = guest_with(op_halt_wake);

	guest_handlers[VECTOR] = note_time;
	vcpu_expect_done(cpu);
	report("hlt-wake", 1);
}

/* --------------------------------------------------------------------------------------------- from one to another */

static volatile u64 served, ready, stop;

static void serve_ipi(struct frame *frame)
{
	served++;
	x2apic_write(APIC_EOI, 0);
}

static void running(u64 unused)
{
	listen();
	irq_enable();
	ready = 1;
	while (!stop)
		relax();
}

/* The last interrupt comes in a HLT or is pending at one, never between the look at @stop and the HLT. */
static void sleep_until_stop(void)
{
	while (!stop) {
		irq_enable_and_halt();
		irq_disable();
	}
}

static void halted(u64 unused)
{
	listen();
	ready = 1;
	sleep_until_stop();
}

static void tell_other(void)
{
	x2apic_write(APIC_ICR, 1ULL << 32 | ICR_ASSERT | VECTOR);
}

static void and_spin(u64 until)
{
	tell_other();
	while (served < until)
		relax();
}

static void op_ipi_running(u64 unused)
{
	u64 n = 0;

	listen();
	while (!ready)
		relax();
	SAMPLE(and_spin(++n));
	stop = 1;
	tell_other();
}

CASE_SLOW(bench_ipi_running, "an IPI to a running vCPU, until its handler runs", 120)
{
	struct vcpu *cpu;
	struct runner *other;

	need_two_cpus();
	cpu = guest_with(op_ipi_running);
	guest_handlers[VECTOR] = serve_ipi;
	other = vcpu_start(vcpu_new(cpu->vm, running, 0));
	measure_on("ipi-running", cpu);
	vcpu_join(other);
}

/*
 * Whoever is woken waits until the others sleep.  Otherwise the scheduler decides by what ran before whether to take the
 * CPU from the waker first: one switch more, or a sleep less, in all the rounds of a run or in none.
 */
static void wake_without_preempting(void)
{
	const struct sched_param none = {};

	OK(sched_setscheduler(0, SCHED_BATCH, &none));
}

/* Two that are halted but for the interrupt that each sends the other: half a round is one. */
static void bounce(struct frame *frame)
{
	u64 other = this_cpu()->index ^ 1;

	x2apic_write(APIC_EOI, 0);
	served++;
	if (!stop)
		x2apic_write(APIC_ICR, other << 32 | ICR_ASSERT | VECTOR);
}

static void and_sleep(u64 until)
{
	while (served < until) {
		irq_enable_and_halt();
		irq_disable();
	}
}

static void op_ipi_halted(u64 unused)
{
	listen();
	ready = 1;
	and_sleep(1); /* the other begins */
	SAMPLE(and_sleep(served + 2));
	stop = 1;
	/* The last one may be on its way. */
	tell_other();
}

static void begin_bouncing(u64 unused)
{
	listen();
	/* To an APIC that is not enabled yet it would be lost. */
	while (!ready)
		relax();
	x2apic_write(APIC_ICR, ICR_ASSERT | VECTOR);
	sleep_until_stop();
}

/* More vCPUs, which never run, with their APICs enabled in x2APIC mode, until the machine has so many. */
static void fill_up(struct vm *vm, unsigned int vcpus)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);
	struct kvm_lapic_state apic;
	struct kvm_sregs sregs;
	struct vcpu cpu;

	for (unsigned int id = vm->nr_cpus; id < vcpus; id++) {
		cpu.fd = OK(ioctl(vm->fd, KVM_CREATE_VCPU, id));
		OK(ioctl(cpu.fd, KVM_SET_CPUID2, cpuid));
		vcpu_get_sregs(&cpu, &sregs);
		sregs.apic_base |= APIC_BASE_X2APIC;
		vcpu_set_sregs(&cpu, &sregs);
		OK(ioctl(cpu.fd, KVM_GET_LAPIC, &apic));
		apic.regs[APIC_SPIV + 1] |= 1;
		OK(ioctl(cpu.fd, KVM_SET_LAPIC, &apic));
	}
}

static void ipi_halted(const char *name, unsigned int vcpus)
{
	struct vcpu *cpu = guest_with(op_ipi_halted), *second;
	struct runner *other;

	wake_without_preempting();
	second = vcpu_new(cpu->vm, begin_bouncing, 0);
	fill_up(cpu->vm, vcpus);
	guest_handlers[VECTOR] = bounce;
	other = vcpu_start(second);
	vcpu_expect_done(cpu);
	report(name, 2 * ROUNDS);
	vcpu_join(other);
}

CASE_SLOW(bench_ipi_halted, "an IPI to a halted vCPU, until its handler runs", 120)
{
	ipi_halted("ipi-halted", 2);
}

CASE_SLOW(bench_ipi_halted_256, "the same in a machine of 256", 300)
{
	ipi_halted("ipi-halted-256", 256);
}

/* Sending alone: to one that does not run, and has the interrupt pending after the first time. */
static void op_ipi_send(u64 to)
{
	listen();
	SAMPLE(x2apic_write(APIC_ICR, to << 32 | ICR_ASSERT | VECTOR));
}

static void ipi_send(const char *name, unsigned int vcpus)
{
	struct vcpu *cpu = guest_with(op_ipi_send);

	fill_up(cpu->vm, vcpus);
	vcpu_call(cpu, op_ipi_send, vcpus - 1);
	measure_on(name, cpu);
}

CASE(bench_ipi_send, "sending an IPI, in a machine of 2 vCPUs")
{
	ipi_send("ipi-send", 2);
}

CASE_SLOW(bench_ipi_send_256, "sending an IPI, in a machine of 256", 300)
{
	ipi_send("ipi-send-256", 256);
}

/* ------------------------------------------------------------------------------------------------------ from a VMM */

static void answer(struct frame *frame)
{
	x2apic_write(APIC_EOI, 0);
	outl(ANSWER_PORT, 1);
}

/* An eventfd that sends VECTOR to vCPU 0. */
static int sender_to(struct vm *vm)
{
	struct kvm_irqfd irqfd = { .fd = OK(eventfd(0, 0)), .gsi = GSI };
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = { .head.nr = 1,
		     .entry = { .gsi = GSI,
				.type = KVM_IRQ_ROUTING_MSI,
				.u.msi = { .address_lo = APIC_BASE_ADDR, .data = VECTOR } } };

	OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes));
	OK(ioctl(vm->fd, KVM_IRQFD, &irqfd));
	return irqfd.fd;
}

static struct runner *start_listening(struct vcpu *cpu, guest_handler handler)
{
	struct runner *runner;

	wake_without_preempting();
	guest_handlers[VECTOR] = handler;
	runner = vcpu_start(cpu);
	while (!ready)
		usleep(1000);
	usleep(10000);
	return runner;
}

static void stop_listening(struct runner *runner, int sender)
{
	stop = 1;
	eventfd_write(sender, 1);
	vcpu_join(runner);
}

static void irqfd(const char *name, void (*code)(u64))
{
	struct vcpu *cpu = guest_with(code);
	int sender = sender_to(cpu->vm);
	int answered = doorbell(cpu->vm, ANSWER_PORT, KVM_IOEVENTFD_FLAG_PIO);
	struct runner *runner = start_listening(cpu, answer);
	eventfd_t n;

	SAMPLE((eventfd_write(sender, 1), eventfd_read(answered, &n)));
	report(name, ROUNDS);
	stop_listening(runner, sender);
}

CASE_SLOW(bench_irqfd_running, "an irqfd into a running vCPU, and the ioeventfd that answers it",
	  120)
{
	need_two_cpus();
	irqfd("irqfd-running", running);
}

CASE_SLOW(bench_irqfd_halted, "an irqfd into a halted vCPU, and the ioeventfd that answers it", 120)
{
	irqfd("irqfd-halted", halted);
}

/* The guest's TSC is this far ahead of the host's. */
static u64 tsc_offset(struct vcpu *cpu)
{
	u64 offset;
	struct kvm_device_attr attr = { .group = KVM_VCPU_TSC_CTRL,
					.attr = KVM_VCPU_TSC_OFFSET,
					.addr = (u64)&offset };

	OK(ioctl(cpu->fd, KVM_GET_DEVICE_ATTR, &attr));
	return offset;
}

/* The way there alone, the VMM waiting without sleeping */
CASE_SLOW(bench_irqfd_to_running, "an irqfd into a running vCPU, until its handler runs", 120)
{
	struct vcpu *cpu = guest_with(running);
	int sender = sender_to(cpu->vm);
	u64 offset = tsc_offset(cpu), start;
	struct runner *runner;

	need_two_cpus();
	runner = start_listening(cpu, note_time);
	for (unsigned int b = 0; b < batches; b++) {
		samples[b] = 0;
		for (int i = 0; i < ROUNDS; i++) {
			came = 0;
			start = rdtsc();
			eventfd_write(sender, 1);
			while (!came)
				relax();
			samples[b] += came - offset - start;
		}
	}
	report("irqfd-to-running", ROUNDS);
	stop_listening(runner, sender);
}
