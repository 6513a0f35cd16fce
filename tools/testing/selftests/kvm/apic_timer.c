// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC's timer: one-shot, periodic, TSC deadline, in both modes of the APIC. */
#include "apic.h"
#include "vm.h"

#define VECTOR 0x41
#define DIVIDE_BY_1 0xb

static void begin(u64 x2apic)
{
	if (x2apic)
		x2apic_enable();
	apic_enable();
	apic_write(APIC_TDCR, DIVIDE_BY_1);
}

static void one_shot(u64 x2apic)
{
	begin(x2apic);
	irq_enable();
	apic_write(APIC_LVTT, VECTOR);
	apic_write(APIC_TMICT, 100000000);
	G_ASSERT(apic_read(APIC_TMCCT) > 0);
	G_ASSERT(apic_read(APIC_TMCCT) <= 100000000);
	G_ASSERT_EQ(apic_read(APIC_TMICT), 100000000);
	G_ASSERT_EQ(irq_counts[VECTOR], 0);
	apic_write(APIC_TMICT, 1000000);
	while (!irq_counts[VECTOR])
		relax();
	G_ASSERT_EQ(apic_read(APIC_TMCCT), 0);
	/* Not again by itself */
	for (int i = 0; i < 2000; i++)
		relax();
	G_ASSERT_EQ(irq_counts[VECTOR], 1);
	/* A count of 0 stops it. */
	apic_write(APIC_TMICT, 1000000000);
	apic_write(APIC_TMICT, 0);
	G_ASSERT_EQ(apic_read(APIC_TMCCT), 0);
}

static void periodic(u64 x2apic)
{
	begin(x2apic);
	irq_enable();
	apic_write(APIC_LVTT, VECTOR | LVT_PERIODIC);
	apic_write(APIC_TMICT, 1000000);
	while (irq_counts[VECTOR] < 5)
		relax();
	G_ASSERT(apic_read(APIC_TMCCT) <= 1000000);
	apic_write(APIC_LVTT, VECTOR | LVT_PERIODIC | LVT_MASKED);
	irq_disable();
	irq_enable();
	irq_counts[VECTOR] = 0;
	for (int i = 0; i < 2000; i++)
		relax();
	/* One may have been on its way. */
	G_ASSERT(irq_counts[VECTOR] <= 1);
}

static void deadline(u64 x2apic)
{
	u64 now;

	begin(x2apic);
	if (!(cpuid(1, 0).ecx & BIT(24)))
		guest_sync(99);
	irq_enable();
	apic_write(APIC_LVTT, VECTOR | LVT_DEADLINE);
	asm volatile("mfence" ::: "memory");
	/* In the past: at once */
	wrmsr(MSR_TSC_DEADLINE, 1);
	while (irq_counts[VECTOR] < 1)
		relax();
	G_ASSERT_EQ(rdmsr(MSR_TSC_DEADLINE), 0);
	/* In the future: then, and not before */
	now = rdtsc();
	wrmsr(MSR_TSC_DEADLINE, now + 5000000);
	while (irq_counts[VECTOR] < 2)
		relax();
	G_ASSERT(rdtsc() >= now + 5000000);
	G_ASSERT_EQ(rdmsr(MSR_TSC_DEADLINE), 0);
	/* Taken back */
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + 100000000);
	wrmsr(MSR_TSC_DEADLINE, 0);
	for (int i = 0; i < 2000; i++)
		relax();
	G_ASSERT_EQ(irq_counts[VECTOR], 2);
	/* In this mode the counts are nothing. */
	apic_write(APIC_TMICT, 1000);
	G_ASSERT_EQ(apic_read(APIC_TMCCT), 0);
	/* In another mode the deadline is nothing. */
	apic_write(APIC_LVTT, VECTOR);
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + 1000);
	G_ASSERT_EQ(rdmsr(MSR_TSC_DEADLINE), 0);
}

static void run(void (*code)(u64), bool x2apic)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_cpuid2 *s = cpuid_supported(vm->kvm);
	struct vcpu *cpu = vcpu_new(vm, code, x2apic);
	struct event ev;

	/* The deadline timer's bit is the program's to set. */
	if (kvm_cap(vm->kvm, KVM_CAP_TSC_DEADLINE_TIMER))
		cpuid_find(s, 1, 0)->ecx |= BIT(24);
	vcpu_set_cpuid(cpu, s);
	guest_handlers[VECTOR] = irq_count;
	ev = vcpu_run(cpu);
	if (ev.kind == EV_SYNC && ev.value == 99)
		SKIP("no TSC deadline timer");
	CHECK_EQ(ev.kind, EV_DONE);
}

CASE(xapic_one_shot, "one-shot: one interrupt, the count goes down to 0; xAPIC")
{
	run(one_shot, false);
}

CASE(x2apic_one_shot, "one-shot, x2APIC")
{
	run(one_shot, true);
}

CASE(xapic_periodic, "periodic: interrupts until masked; xAPIC")
{
	run(periodic, false);
}

CASE(x2apic_periodic, "periodic, x2APIC")
{
	run(periodic, true);
}

CASE(xapic_deadline, "TSC deadline: past, future, taken back; xAPIC")
{
	run(deadline, false);
}

CASE(x2apic_deadline, "TSC deadline, x2APIC")
{
	run(deadline, true);
}

/* In the mode that it is told, and not in others; both APIC modes. */
static void mode_changes(u64 x2apic)
{
	begin(x2apic);
	if (!(cpuid(1, 0).ecx & BIT(24)))
		guest_sync(99);
	/* A count ends when deadline mode comes, a deadline when it goes. */
	apic_write(APIC_LVTT, VECTOR | LVT_MASKED);
	apic_write(APIC_TMICT, 2000000000);
	G_ASSERT(apic_read(APIC_TMCCT));
	apic_write(APIC_LVTT, VECTOR | LVT_MASKED | LVT_DEADLINE);
	G_ASSERT_EQ(apic_read(APIC_TMCCT), 0);
	wrmsr(MSR_TSC_DEADLINE, ~0ULL);
	G_ASSERT_EQ(rdmsr(MSR_TSC_DEADLINE), ~0ULL);
	/* To be masked or to have another vector is no other mode. */
	apic_write(APIC_LVTT, (VECTOR + 1) | LVT_DEADLINE);
	G_ASSERT_EQ(rdmsr(MSR_TSC_DEADLINE), ~0ULL);
	apic_write(APIC_LVTT, VECTOR | LVT_MASKED | LVT_PERIODIC);
	G_ASSERT_EQ(rdmsr(MSR_TSC_DEADLINE), 0);
	apic_write(APIC_LVTT, VECTOR | LVT_MASKED | LVT_DEADLINE);
	G_ASSERT_EQ(rdmsr(MSR_TSC_DEADLINE), 0);
	/* From one-shot to periodic while it counts: it goes on, and begins again */
	irq_enable();
	apic_write(APIC_LVTT, VECTOR);
	apic_write(APIC_TMICT, 3000000);
	apic_write(APIC_LVTT, VECTOR | LVT_PERIODIC);
	while (irq_counts[VECTOR] < 3)
		relax();
}

CASE(xapic_changes,
     "a change between count and deadline disarms, one from one-shot to periodic does not; xAPIC")
{
	run(mode_changes, false);
}

CASE(x2apic_changes, "the same, x2APIC")
{
	run(mode_changes, true);
}

#define MSR(reg) (MSR_X2APIC + ((reg) >> 4))

static void refused(u64 unused)
{
	u64 value;

	begin(1);
	/* Reserved bits, and what cannot be written */
	G_ASSERT_EQ(catch_wrmsr(MSR(APIC_LVTT), VECTOR | BIT(19)), 13);
	G_ASSERT_EQ(catch_wrmsr(MSR(APIC_LVTT), VECTOR | BIT(32)), 13);
	G_ASSERT_EQ(catch_wrmsr(MSR(APIC_TMICT), BIT(32)), 13);
	G_ASSERT_EQ(catch_wrmsr(MSR(APIC_TDCR), BIT(4)), 13);
	G_ASSERT_EQ(catch_wrmsr(MSR(APIC_TMCCT), 0), 13);
	G_ASSERT_EQ(catch_rdmsr(MSR(APIC_TMCCT), &value), NO_VECTOR);
	G_ASSERT_EQ(catch_rdmsr(MSR_TSC_DEADLINE, &value), NO_VECTOR);
	guest_done();
}

CASE(x2apic_refused, "x2APIC: reserved bits, and writing the current count, give #GP")
{
	run(refused, true);
}

static void not_offered(u64 unused)
{
	begin(1);
	G_ASSERT_EQ(catch_wrmsr(MSR(APIC_LVTT), VECTOR | LVT_MASKED | LVT_DEADLINE), 13);
	G_ASSERT_EQ(x2apic_read(APIC_LVTT), LVT_MASKED);
	guest_done();
}

CASE(no_deadline, "without the bit in CPUID there is no deadline mode")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_cpuid2 *s = cpuid_supported(vm->kvm);
	struct vcpu *cpu = vcpu_new(vm, not_offered, 0);

	cpuid_find(s, 1, 0)->ecx &= ~(u32)BIT(24);
	vcpu_set_cpuid(cpu, s);
	vcpu_expect_done(cpu);
}

static void halting(u64 unused)
{
	begin(0);
	apic_write(APIC_LVTT, VECTOR | LVT_PERIODIC);
	apic_write(APIC_TMICT, 2000000);
	halt_while(irq_counts[VECTOR] < 5);
}

CASE(wakes, "the timer wakes a halted CPU")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, halting, 0);

	guest_handlers[VECTOR] = irq_count;
	vcpu_expect_done(cpu);
}

static void masked(u64 unused)
{
	begin(0);
	irq_enable();
	apic_write(APIC_LVTT, VECTOR | LVT_MASKED);
	apic_write(APIC_TMICT, 10000);
	while (apic_read(APIC_TMCCT))
		relax();
	for (int i = 0; i < 1000; i++)
		relax();
	G_ASSERT_EQ(irq_counts[VECTOR], 0);
}

CASE(mask, "masked it counts, and gives no interrupt")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, masked, 0);

	guest_handlers[VECTOR] = irq_count;
	vcpu_expect_done(cpu);
}

/* What the counter and the TSC did in the same time: @ticks took at least @least cycles and at most @most. */
struct rate {
	u64 ticks, least, most;
};

static struct rate rates[2];

static struct rate measure(void)
{
	u64 before, after, before_end, end;
	struct rate r;
	u32 first;

	/* Until nobody has held the vCPU up just between a reading of the one and of the other. */
	do {
		apic_write(APIC_TMICT, 0xffffffff);
		before = rdtsc();
		first = apic_read(APIC_TMCCT);
		after = rdtsc();
		while (rdtsc() - after < 2000000)
			relax();
		before_end = rdtsc();
		r.ticks = first - apic_read(APIC_TMCCT);
		end = rdtsc();
		r.least = before_end - after;
		r.most = end - before;
	} while (r.most - r.least > r.least / 2);
	return r;
}

static void dividers(u64 unused)
{
	begin(0);
	apic_write(APIC_LVTT, VECTOR | LVT_MASKED);
	for (int i = 0; i < 2; i++) {
		apic_write(APIC_TDCR, i ? 0xa /* by 128 */ : DIVIDE_BY_1);
		G_ASSERT_EQ(apic_read(APIC_TDCR), i ? 0xa : DIVIDE_BY_1);
		rates[i] = measure();
	}
	G_ASSERT(rates[0].ticks * rates[1].least > 30 * rates[1].ticks * rates[0].most);
}

CASE(divider, "the divider makes it slower")
{
	vcpu_expect_done(vm_with(VM_IRQCHIP, dividers, 0));
}

static void bus_rate(u64 i)
{
	begin(0);
	apic_write(APIC_LVTT, VECTOR | LVT_MASKED);
	rates[i] = measure();
}

static int set_bus_cycle(struct vm *vm, u64 ns)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_APIC_BUS_CYCLES_NS, .args = { ns } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

CASE(bus_cycles, "KVM_CAP_X86_APIC_BUS_CYCLES_NS: a cycle of 100 ns makes it slower, too")
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	NEED(vm->kvm, KVM_CAP_X86_APIC_BUS_CYCLES_NS);
	CHECK_ERRNO(set_bus_cycle(vm, 0), EINVAL);
	CHECK_ERRNO(set_bus_cycle(vm, ~0ULL), EINVAL);
	vcpu_expect_done(vcpu_new(vm, bus_rate, 0));
	CHECK_ERRNO(set_bus_cycle(vm, 100), EINVAL);
	vm = vm_new(0);
	CHECK_ERRNO(set_bus_cycle(vm, 100), ENXIO);
	vm = vm_new(VM_IRQCHIP);
	OK(set_bus_cycle(vm, 100));
	vcpu_expect_done(vcpu_new(vm, bus_rate, 1));
	CHECK(rates[0].ticks * rates[1].least > 30 * rates[1].ticks * rates[0].most);
	CHECK(rates[1].ticks);
}
