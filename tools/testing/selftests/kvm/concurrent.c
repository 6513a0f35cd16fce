// SPDX-License-Identifier: GPL-2.0-only
/* Commands from several threads at once. */
#include <pthread.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

static struct vm *vm;
static struct vcpu *cpu;
static volatile bool stop;

static void all(void *(*body)(void *), int n)
{
	pthread_t threads[16];

	for (long i = 0; i < n; i++)
		REQUIRE(!pthread_create(&threads[i], NULL, body, (void *)i));
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static volatile int made;

static void *make_vcpus(void *arg)
{
	for (long id = 0; id < 64; id++) {
		int fd = ioctl(vm->fd, KVM_CREATE_VCPU, id);

		if (fd >= 0)
			__atomic_add_fetch(&made, 1, __ATOMIC_SEQ_CST);
		else if (errno != EEXIST)
			FAIL("vCPU %ld: %s", id, strerror(errno));
	}
	return NULL;
}

CASE(vcpus, "four threads make the same vCPUs: each is made once")
{
	vm = vm_new(VM_NO_MEMORY | VM_IRQCHIP);
	all(make_vcpus, 4);
	CHECK_EQ(made, 64);
}

static void spin(u64 unused)
{
	while (!stop)
		outb(0x80, 1);
}

static void *ask(void *arg)
{
	struct kvm_regs r;
	struct kvm_sregs s;
	struct kvm_vcpu_events e;
	struct kvm_lapic_state l;
	u64 value;

	for (int i = 0; i < 100; i++) {
		vcpu_get_regs(cpu, &r);
		vcpu_get_sregs(cpu, &s);
		CHECK_EQ(s.cr3, PT_BASE);
		OK(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &e));
		OK(ioctl(cpu->fd, KVM_GET_LAPIC, &l));
		CHECK_EQ(vcpu_rdmsr(cpu, MSR_STAR, &value), 1);
	}
	return NULL;
}

static void *run(void *arg)
{
	for (;;) {
		struct event ev = vcpu_run(cpu);

		if (ev.kind == EV_DONE)
			return NULL;
		CHECK_EQ(ev.kind, EV_EXIT);
	}
}

CASE(state, "three threads read the state of a vCPU that a fourth runs")
{
	pthread_t thread;

	cpu = vm_with(VM_IRQCHIP, spin, 0);
	REQUIRE(!pthread_create(&thread, NULL, run, cpu));
	all(ask, 3);
	stop = true;
	pthread_join(thread, NULL);
}

static void *lines(void *arg)
{
	for (int i = 0; i < 300; i++) {
		struct kvm_irq_level l = { .irq = 16 + (long)arg, .level = i & 1 };
		struct kvm_msi m = { .address_lo = 0xfee00000, .data = 0x50 + (long)arg };
		struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

		OK(ioctl(vm->fd, KVM_IRQ_LINE, &l));
		OK(ioctl(vm->fd, KVM_SIGNAL_MSI, &m));
		OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip));
	}
	return NULL;
}

static void receive(u64 unused)
{
	apic_enable();
	for (int i = 0; i < 4; i++)
		ioapic_route(16 + i, 0x60 + i, 0);
	guest_sync(1);
	irq_enable();
	while (!stop)
		relax();
}

CASE(interrupts, "four threads raise lines and send MSIs to a running vCPU: every vector comes")
{
	struct runner *runner;

	cpu = vm_with(VM_IRQCHIP, receive, 0);
	vm = cpu->vm;
	for (int v = 0x50; v < 0x70; v++)
		guest_handlers[v] = irq_count;
	vcpu_expect_sync(cpu, 1);
	runner = vcpu_start(cpu);
	all(lines, 4);
	/* The last of each is on its way at most. */
	for (int i = 0; i < 4; i++) {
		while (!irq_counts[0x50 + i] || !irq_counts[0x60 + i])
			sleep_ms(1);
		CHECK(irq_counts[0x50 + i] <= 300);
		CHECK(irq_counts[0x60 + i] <= 150);
	}
	stop = true;
	vcpu_join(runner);
}

static void *route(void *arg)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e;
	} t = { .head.nr = 1,
		.e = { .gsi = 30,
		       .type = KVM_IRQ_ROUTING_MSI,
		       .u.msi = { .address_lo = 0xfee00000, .data = 0x50 + (long)arg } } };

	for (int i = 0; i < 100; i++) {
		struct kvm_irq_level l = { .irq = 30, .level = 1 };

		OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &t));
		OK(ioctl(vm->fd, KVM_IRQ_LINE, &l));
	}
	return NULL;
}

CASE(routing, "routes that change while they are used")
{
	struct runner *runner;

	cpu = vm_with(VM_IRQCHIP, receive, 0);
	vm = cpu->vm;
	for (int v = 0x50; v < 0x70; v++)
		guest_handlers[v] = irq_count;
	vcpu_expect_sync(cpu, 1);
	runner = vcpu_start(cpu);
	all(route, 4);
	stop = true;
	vcpu_join(runner);
	CHECK(irq_counts[0x50] + irq_counts[0x51] + irq_counts[0x52] + irq_counts[0x53] > 0);
}

static void *make_machines(void *arg)
{
	for (int i = 0; i < 20; i++) {
		struct vm *own = vm_new(VM_IRQCHIP);

		vcpu_new_bare(own, 0);
		vm_free(own);
	}
	return NULL;
}

CASE_SLOW(machines, "four threads make and close machines", 90)
{
	all(make_machines, 4);
}
