// SPDX-License-Identifier: GPL-2.0-only
/* Guests and programs that misuse the interrupt controllers: nothing hangs, nothing is left behind. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

static volatile bool stop;
static volatile u64 loops;

static void *msi_storm(void *arg)
{
	struct vm *vm = arg;
	/* An NMI, by message, to everybody */
	struct kvm_msi msi = { .address_lo = 0xfee00000 | 0xff << 12, .data = 4 << 8 };

	while (!stop)
		ioctl(vm->fd, KVM_SIGNAL_MSI, &msi);
	return NULL;
}

static void count_nmi(struct frame *frame)
{
	__atomic_add_fetch(&irq_counts[2], 1, __ATOMIC_RELAXED);
}

static void make_progress(u64 rounds)
{
	for (u64 i = 0; i < rounds; i++) {
		/* An NMI and an exit can meet anywhere. */
		cpuid(0, 0);
		__atomic_add_fetch(&loops, 1, __ATOMIC_RELAXED);
	}
	guest_done();
}

CASE(nmi_messages, "NMIs from another thread without end: the guest goes on between them")
{
	struct vcpu *cpu;
	pthread_t storm;

	cpu = vm_with(VM_IRQCHIP, make_progress, 3000);
	guest_handlers[2] = count_nmi;
	CHECK_EQ(pthread_create(&storm, NULL, msi_storm, cpu->vm), 0);
	vcpu_expect_done(cpu);
	stop = true;
	CHECK_EQ(pthread_join(storm, NULL), 0);
	CHECK(irq_counts[2] > 0);
}

/* KVM_NMI waits for the vCPU's mutex, so it comes between two runs: from the thread itself. */
CASE(nmi_ioctl, "an NMI before each of many runs: each is taken")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, make_progress, 200);

	guest_handlers[2] = count_nmi;
	for (int i = 0; i < 100; i++) {
		cpu->run->immediate_exit = 1;
		OK(ioctl(cpu->fd, KVM_NMI));
		CHECK_EQ(vcpu_run(cpu).kind, EV_INTR);
	}
	cpu->run->immediate_exit = 0;
	vcpu_expect_done(cpu);
	CHECK(irq_counts[2] >= 1);
}

static void eoi_forever(u64 x2apic)
{
	if (x2apic)
		x2apic_enable();
	apic_enable();
	irq_enable();
	for (u64 i = 1; i <= 2000; i++) {
		/* None is in service, for most of them. */
		for (int j = 0; j < 10; j++)
			apic_eoi();
		if (i % 100)
			continue;
		apic_send(0, ICR_SELF | ICR_ASSERT | 0x61);
		while (irq_counts[0x61] < i / 100)
			relax();
	}
	G_ASSERT_EQ(apic_read(APIC_PPR), 0);
	guest_done();
}

CASE(eoi_loop, "EOIs without an interrupt do nothing, and none that comes between is lost; xAPIC")
{
	guest_handlers[0x61] = irq_count;
	vcpu_expect_done(vm_with(VM_IRQCHIP, eoi_forever, 0));
}

CASE(eoi_loop_x2apic, "the same, x2APIC")
{
	guest_handlers[0x61] = irq_count;
	vcpu_expect_done(vm_with(VM_IRQCHIP, eoi_forever, 1));
}

static void level_forever(u64 unused)
{
	apic_enable();
	ioapic_route(20, IOAPIC_LEVEL | 0x62, 0);
	guest_sync(1);
	irq_enable();
	/* What is interrupted goes on only in the pauses that the I/O APIC makes. */
	for (u64 i = 0; i < 20000; i++) {
		cpuid(0, 0);
		if (irq_counts[0x62] > 200)
			break;
	}
	guest_sync(2);
	ioapic_route(20, IOAPIC_LEVEL | IOAPIC_MASKED | 0x62, 0);
	guest_sync(3);
	guest_done();
}

CASE(level_high,
     "a level that is never lowered: again and again, but the vCPU can be stopped and masks it")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, level_forever, 0);
	struct kvm_irq_level line = { .irq = 20, .level = 1 };
	u64 before;

	guest_handlers[0x62] = irq_count;
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE, &line));
	vcpu_expect_sync(cpu, 2);
	CHECK(irq_counts[0x62] > 1);
	vcpu_expect_sync(cpu, 3);
	before = irq_counts[0x62];
	vcpu_expect_done(cpu);
	CHECK(irq_counts[0x62] <= before + 1);
}

static void leave_pending(u64 unused)
{
	apic_enable();
	ioapic_route(20, IOAPIC_LEVEL | 0x63, 0);
	apic_write(APIC_LVTT, LVT_PERIODIC | 0x64);
	apic_write(APIC_TMICT, 1000);
	apic_send(0, ICR_SELF | ICR_ASSERT | 0x65);
	irq_enable();
	for (;;)
		halt();
}

/* In service for ever */
static void no_eoi(struct frame *frame)
{
	irq_counts[frame->vector]++;
	guest_sync(frame->vector);
}

CASE(destroyed, "a VM that ends with interrupts pending, in service, and lines high leaves nothing")
{
	int fds = open_fds();

	for (int i = 0; i < 20; i++) {
		struct kvm_irq_level line = { .irq = 20, .level = 1 };
		struct vcpu *cpu = vm_with(VM_IRQCHIP | VM_PIT, leave_pending, 0);
		struct vcpu *other = vcpu_new_bare(cpu->vm, 1);
		struct event ev;

		guest_handlers[0x63] = no_eoi;
		guest_handlers[0x64] = irq_count;
		guest_handlers[0x65] = no_eoi;
		OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE, &line));
		ev = vcpu_run(cpu);
		CHECK_EQ(ev.kind, EV_SYNC);
		OK(ioctl(other->fd, KVM_NMI));
		vm_free(cpu->vm);
	}
	CHECK_EQ(open_fds(), fds);
}

CASE(destroyed_in_pause,
     "a VM that ends while the I/O APIC holds back a level that storms leaves nothing")
{
	struct kvm_irq_level line = { .irq = 20, .level = 1 };
	int fds = open_fds();

	guest_handlers[0x62] = irq_count;
	for (int i = 0; i < 2; i++) {
		struct vcpu *cpu = vm_with(VM_IRQCHIP, level_forever, 0);

		irq_counts[0x62] = 0;
		vcpu_expect_sync(cpu, 1);
		OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE, &line));
		/* The guest gets here in such a pause, of some milliseconds. */
		vcpu_expect_sync(cpu, 2);
		vm_free(cpu->vm);
	}
	sleep_ms(50);
	CHECK_EQ(open_fds(), fds);
}

static void level_message(u64 unused)
{
	apic_enable();
	irq_enable();
	guest_sync(1);
	for (;;)
		relax();
}

CASE(destroyed_before_answer,
     "a VM that ends before its VMM has heard of an EOI, or answered it, leaves nothing")
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x68 | 1 << 15 | 1 << 14 };
	int fds = open_fds();

	guest_handlers[0x68] = irq_count;
	for (int i = 0; i < 10; i++) {
		struct vcpu *cpu = vm_with(VM_SPLIT_IRQCHIP, level_message, 0);

		vcpu_expect_sync(cpu, 1);
		CHECK_EQ(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, &msi), 1);
		if (i & 1)
			vcpu_expect_exit(cpu, KVM_EXIT_IOAPIC_EOI);
		vm_free(cpu->vm);
	}
	CHECK_EQ(open_fds(), fds);
}

/* Every image that a migration stream can bring */
CASE(images, "local APIC images of random bits are taken or refused, and the vCPU runs on")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, make_progress, 50);
	struct kvm_lapic_state good, bad;
	struct kvm_regs regs;
	unsigned int seed = 1;

	for (int v = 16; v < 256; v++)
		guest_handlers[v] = irq_count;
	guest_handlers[2] = count_nmi;
	OK(ioctl(cpu->fd, KVM_GET_LAPIC, &good));
	vcpu_get_regs(cpu, &regs);
	for (int i = 0; i < 200; i++) {
		struct event ev;

		for (size_t j = 0; j < sizeof(bad); j++)
			bad.regs[j] = rand_r(&seed) >> 8;
		if (ioctl(cpu->fd, KVM_SET_LAPIC, &bad) < 0)
			CHECK_EQ(errno, EINVAL);
		ev = vcpu_run(cpu);
		CHECK(ev.kind == EV_DONE);
		OK(ioctl(cpu->fd, KVM_GET_LAPIC, &bad));
		/* Vectors below 16 do not exist, and LVT entries have no other bits. */
		CHECK_EQ(*(u32 *)&bad.regs[APIC_IRR] & 0xffff, 0);
		CHECK_EQ(*(u32 *)&bad.regs[APIC_LVTT] & ~0x710ffu, 0);
		vcpu_set_regs(cpu, &regs);
	}
	OK(ioctl(cpu->fd, KVM_SET_LAPIC, &good));
	vcpu_expect_done(cpu);
}

/* On a slow host it may be that nothing but this runs: so it puts an end to it. */
static void few_times(struct frame *frame)
{
	if (++irq_counts[frame->vector] % 5 == 0)
		apic_write(APIC_TMICT, 0);
	apic_eoi();
}

static void short_timers(u64 unused)
{
	apic_enable();
	irq_enable();
	/* A period of one and of two bus cycles: the host goes on, and so does the guest. */
	for (u64 count = 1; count <= 2; count++) {
		apic_write(APIC_TDCR, 0xb);
		apic_write(APIC_LVTT, LVT_PERIODIC | 0x66);
		apic_write(APIC_TMICT, count);
		while (irq_counts[0x66] < 5 * count)
			relax();
	}
	/* Deadlines that have passed, one after the other */
	apic_write(APIC_LVTT, LVT_DEADLINE | 0x67);
	for (u64 i = 1; i <= 200; i++) {
		wrmsr(MSR_TSC_DEADLINE, i);
		while (irq_counts[0x67] < i)
			relax();
		G_ASSERT_EQ(rdmsr(MSR_TSC_DEADLINE), 0);
	}
	/* And the last one that there is */
	wrmsr(MSR_TSC_DEADLINE, ~0ULL);
	G_ASSERT_EQ(rdmsr(MSR_TSC_DEADLINE), ~0ULL);
	wrmsr(MSR_TSC_DEADLINE, 0);
	guest_done();
}

CASE(timers, "periods of a nanosecond, deadlines in the past and at the end of time")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, short_timers, 0);
	struct kvm_cpuid2 *cpuid = cpuid_supported(cpu->vm->kvm);

	/* The program's to offer: see KVM_CAP_TSC_DEADLINE_TIMER. */
	cpuid_find(cpuid, 1, 0)->ecx |= BIT(24);
	vcpu_set_cpuid(cpu, cpuid);
	guest_handlers[0x66] = few_times;
	guest_handlers[0x67] = irq_count;
	vcpu_expect_done(cpu);
}
