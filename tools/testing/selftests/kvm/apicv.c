// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APICs that the processor virtualizes: what costs no exit then, by the vCPU's statistics, and what of it still
 * reaches the software that has to know.
 */
#include "apic.h"
#include "stats.h"

#define ROUNDS 2000

static volatile u64 taken, ready, stop;

static void need_apicv(void)
{
	if (!apic_is_virtual())
		SKIP("the processor does not virtualize local APICs");
}

/* In the one mode or the other without asking the APIC which it is, which would exit. */
static void xapic_taken(struct frame *frame)
{
	taken++;
	xapic_write(APIC_EOI, 0);
}

static void x2apic_taken(struct frame *frame)
{
	taken++;
	x2apic_write(APIC_EOI, 0);
}

static void enter_mode(u64 x2apic)
{
	guest_handlers[0x51] = x2apic ? x2apic_taken : xapic_taken;
	if (x2apic)
		x2apic_enable();
	apic_enable();
	irq_enable();
}

/* Statistic @name from the first stop of the guest to its second */
static u64 counted(struct vcpu *cpu, const char *name)
{
	struct stats s = stats_open(cpu->fd);
	u64 before;

	vcpu_expect_sync(cpu, 1);
	before = stats_value(&s, name);
	vcpu_expect_sync(cpu, 2);
	return stats_value(&s, name) - before;
}

static void self_ipis(u64 x2apic)
{
	enter_mode(x2apic);
	guest_sync(1);
	for (u64 i = 1; i <= ROUNDS; i++) {
		if (x2apic)
			x2apic_write(APIC_SELF_IPI, 0x51);
		else
			xapic_write(APIC_ICR, ICR_SELF | ICR_ASSERT | 0x51);
		while (taken < i)
			relax();
	}
	guest_sync(2);
}

/* The host's own interrupts exit, too: far fewer than one a round. */
static void expect_few_exits(bool x2apic)
{
	struct vcpu *cpu;
	u64 exits;

	need_apicv();
	cpu = vm_with(VM_IRQCHIP, self_ipis, x2apic);
	exits = counted(cpu, "exits");
	ktap_note("%llu exits", (unsigned long long)exits);
	CHECK_EQ(taken, ROUNDS);
	CHECK(exits < ROUNDS / 10);
}

CASE(self_ipi_x2apic, "x2APIC: interrupts to itself and their ends do not exit")
{
	expect_few_exits(true);
}

CASE(self_ipi_xapic, "xAPIC: likewise")
{
	expect_few_exits(false);
}

static void tpr(u64 x2apic)
{
	enter_mode(x2apic);
	guest_sync(1);
	for (u64 i = 0; i < ROUNDS; i++) {
		u8 value = i;

		if (x2apic)
			x2apic_write(APIC_TPR, value);
		else
			xapic_write(APIC_TPR, value);
		G_ASSERT_EQ(x2apic ? x2apic_read(APIC_TPR) : xapic_read(APIC_TPR), value);
	}
	guest_sync(2);
}

static void need_flexpriority(void)
{
	char on[8];

	if (!read_file("/sys/module/kvm_intel/parameters/flexpriority", on, sizeof(on)) ||
	    on[0] != 'Y')
		SKIP("the processor does not virtualize accesses to the task priority");
}

CASE(task_priority, "the TPR is written and read without an exit, and KVM_CAP_VAPIC is not offered")
{
	struct vcpu *cpu;

	need_flexpriority();
	cpu = vm_with(VM_IRQCHIP, tpr, false);
	CHECK_EQ(ioctl(cpu->vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_VAPIC), 0);
	CHECK(counted(cpu, "exits") < ROUNDS / 10);
}

CASE(task_priority_x2apic, "the same, x2APIC")
{
	struct vcpu *cpu;

	need_flexpriority();
	cpu = vm_with(VM_IRQCHIP, tpr, true);
	CHECK(counted(cpu, "exits") < ROUNDS / 10);
}

/* Held back by the priority, and let in by its being lowered: nobody but the processor sees either. */
static void priority_decides(u64 x2apic)
{
	enter_mode(x2apic);
	guest_sync(1);
	for (u64 i = 1; i <= ROUNDS; i++) {
		xapic_write(APIC_TPR, 0x5f);
		xapic_write(APIC_ICR, ICR_SELF | ICR_ASSERT | 0x51);
		G_ASSERT_EQ(taken, i - 1);
		xapic_write(APIC_TPR, 0x40);
		while (taken < i)
			relax();
	}
	guest_sync(2);
}

CASE(priority, "an interrupt waits for the priority and comes when it is lowered, without an exit")
{
	need_apicv();
	CHECK(counted(vm_with(VM_IRQCHIP, priority_decides, false), "exits") < ROUNDS / 10);
}

/* Without PAUSE: many of them in a row exit (PAUSE-loop exiting), and are counted, too. */
static void listener(u64 x2apic)
{
	enter_mode(x2apic);
	guest_sync(1);
	ready = 1;
	while (!stop)
		;
	guest_sync(2);
}

static void sender(u64 x2apic)
{
	enter_mode(x2apic);
	while (!ready)
		relax();
	for (u64 i = 1; i <= ROUNDS; i++) {
		if (x2apic) {
			x2apic_write(APIC_ICR, 1ULL << 32 | ICR_ASSERT | 0x51);
		} else {
			xapic_write(APIC_ICR2, 1 << 24);
			xapic_write(APIC_ICR, ICR_ASSERT | 0x51);
		}
		while (taken < i)
			relax();
	}
	stop = 1;
	guest_done();
}

static void posted(bool x2apic)
{
	struct runner *other;
	struct vm *vm;
	struct vcpu *cpu;
	u64 exits;

	need_apicv();
	if (host_cpus() < 2)
		SKIP("one CPU: the one that sends and the one that receives do not run at a time");
	vm = vm_new(VM_IRQCHIP);
	other = vcpu_start(vcpu_new(vm, sender, x2apic));
	cpu = vcpu_new(vm, listener, x2apic);
	exits = counted(cpu, "exits");
	vcpu_join(other);
	ktap_note("%llu exits", (unsigned long long)exits);
	CHECK_EQ(taken, ROUNDS);
	/* Without posting each costs one at least. */
	CHECK(exits < ROUNDS / 10);
}

CASE(posted_x2apic,
     "interrupts from another vCPU reach one that runs without an exit of it; x2APIC")
{
	posted(true);
}

CASE(posted_xapic, "the same, xAPIC")
{
	posted(false);
}

/* One vector whose end is waited for, in the midst of others whose end is not. */
static void level_among_edges(u64 unused)
{
	enter_mode(false);
	guest_handlers[0x61] = xapic_taken;
	ioapic_route(20, 0x61 | IOAPIC_LEVEL, 0);
	guest_sync(1);
	for (u64 i = 1; i <= 20; i++) {
		u64 before = taken;

		outb(0x80, i); /* the VMM raises the line */
		while (taken == before)
			relax();
		G_ASSERT_EQ(taken, before + 1);
		xapic_write(APIC_ICR, ICR_SELF | ICR_ASSERT | 0x51);
		while (taken == before + 1)
			relax();
	}
	guest_sync(2);
}

CASE(level, "the end of a level-triggered interrupt reaches the I/O APIC every time")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, level_among_edges, 0);
	struct kvm_irq_level line = { .irq = 20 };

	vcpu_expect_sync(cpu, 1);
	for (u64 i = 1; i <= 20; i++) {
		vcpu_expect_exit(cpu, KVM_EXIT_IO);
		line.level = 1;
		OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE, &line));
		line.level = 0;
		OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE, &line));
	}
	vcpu_expect_sync(cpu, 2);
}

static void deadlines(u64 unused)
{
	enter_mode(true);
	x2apic_write(APIC_LVTT, LVT_DEADLINE | 0x51);
	for (u64 i = 1; i <= 200; i++) {
		u64 at = rdtsc() + 20000;

		wrmsr(MSR_TSC_DEADLINE, at);
		while (taken < i)
			relax();
		G_ASSERT(rdtsc() >= at);
	}
	guest_done();
}

CASE(deadline, "a TSC deadline's interrupt does not come before its time")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, deadlines, 0);
	struct kvm_cpuid2 *s = cpuid_supported(cpu->vm->kvm);

	/* Its bit is the program's to set. */
	NEED(cpu->vm->kvm, KVM_CAP_TSC_DEADLINE_TIMER);
	cpuid_find(s, 1, 0)->ecx |= BIT(24);
	vcpu_set_cpuid(cpu, s);
	vcpu_expect_done(cpu);
}
