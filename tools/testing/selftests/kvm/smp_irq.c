// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts among many CPUs, and CPUs that come late. */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

#define MANY 16
#define ROUNDS 10
#define TOKEN 0x70
#define START 0x71

static volatile u64 arrived, got[MAX_GUEST_CPUS], nr_cpus;

static u64 my_id(void)
{
	return in_x2apic() ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
}

static void on_token(struct frame *frame)
{
	got[my_id()]++;
	apic_eoi();
}

/* A token goes round: who has it sends it on, all others are halted or spin. */
static void ring(u64 x2apic)
{
	u64 me, seen = 0;

	if (x2apic)
		x2apic_enable();
	apic_enable();
	me = my_id();
	__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
	while (arrived < nr_cpus)
		relax();
	if (me == 0)
		apic_send(1, ICR_ASSERT | TOKEN);
	while (seen < ROUNDS) {
		irq_disable();
		if (got[me] == seen && me % 2)
			irq_enable_and_halt();
		irq_enable();
		if (got[me] == seen)
			continue;
		seen++;
		G_ASSERT_EQ(got[me], seen);
		/* The last one of the last round keeps it. */
		if (me || seen < ROUNDS)
			apic_send((me + 1) % nr_cpus, ICR_ASSERT | TOKEN);
	}
	guest_done();
}

static void run_ring(u64 x2apic)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct runner *r[MANY];

	nr_cpus = MANY;
	guest_handlers[TOKEN] = on_token;
	for (int i = 0; i < MANY; i++)
		vcpu_new(vm, ring, x2apic);
	for (int i = 0; i < MANY; i++)
		r[i] = vcpu_start(&vm->cpus[i]);
	for (int i = 0; i < MANY; i++)
		vcpu_join(r[i]);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(got[i], ROUNDS);
}

CASE(ring_xapic, "an interrupt goes round among sixteen CPUs, every second one halted; xAPIC")
{
	run_ring(0);
}

CASE(ring_x2apic, "the same, x2APIC")
{
	run_ring(1);
}

static void on_broadcast(struct frame *frame)
{
	__atomic_add_fetch(&got[my_id()], 1, __ATOMIC_SEQ_CST);
	apic_eoi();
}

static void listen(u64 rounds)
{
	u64 me;

	apic_enable();
	me = my_id();
	__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
	while (got[me] < rounds) {
		irq_disable();
		if (got[me] < rounds)
			irq_enable_and_halt();
		irq_enable();
	}
	guest_done();
}

static void broadcast(u64 rounds)
{
	apic_enable();
	while (arrived < nr_cpus - 1)
		relax();
	for (u64 i = 1; i <= rounds; i++) {
		apic_send(0, ICR_OTHERS | ICR_ASSERT | START);
		for (u64 c = 1; c < nr_cpus; c++) {
			while (got[c] < i)
				relax();
		}
	}
	guest_done();
}

CASE(broadcasts, "broadcasts reach each of fifteen halted CPUs, each time")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct runner *r[MANY];

	nr_cpus = MANY;
	guest_handlers[START] = on_broadcast;
	vcpu_new(vm, broadcast, 20);
	for (int i = 1; i < MANY; i++)
		vcpu_new(vm, listen, 20);
	for (int i = 0; i < MANY; i++)
		r[i] = vcpu_start(&vm->cpus[i]);
	for (int i = 0; i < MANY; i++)
		vcpu_join(r[i]);
	for (int i = 1; i < MANY; i++)
		CHECK_EQ(got[i], 20);
}

/* A vCPU that is made while others run and send interrupts, also to it */
static void caller(u64 unused)
{
	apic_enable();
	while (arrived < nr_cpus) {
		for (u64 c = 1; c <= nr_cpus; c++)
			apic_send(c, ICR_ASSERT | START);
		relax();
	}
	guest_done();
}

static void late(u64 unused)
{
	u64 me;

	apic_enable();
	me = my_id();
	irq_enable();
	while (!got[me])
		relax();
	__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
	guest_done();
}

CASE(hot_add, "vCPUs that are made while another runs get its interrupts from then on")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu = vcpu_new(vm, caller, 0);
	struct runner *r[MANY];

	nr_cpus = 8;
	guest_handlers[START] = on_broadcast;
	r[0] = vcpu_start(cpu);
	for (u64 i = 1; i <= nr_cpus; i++) {
		sleep_ms(5);
		r[i] = vcpu_start(vcpu_new(vm, late, 0));
	}
	for (u64 i = 0; i <= nr_cpus; i++)
		vcpu_join(r[i]);
	CHECK_EQ(arrived, nr_cpus);
}

static struct vm *map_vm;
static volatile bool stop;

static void *send_messages(void *arg)
{
	struct kvm_msi msi = { .data = 0x80 };

	for (u64 i = 0; !stop; i++) {
		msi.address_lo = 0xfee00000 | (i % 256) << 12 | (i & 4);
		ioctl(map_vm->fd, KVM_SIGNAL_MSI, &msi);
	}
	return NULL;
}

CASE(map_changes, "modes and addresses change while messages are sent to all of them")
{
	pthread_t sender;

	map_vm = vm_new(VM_IRQCHIP);
	for (int i = 0; i < 48; i++)
		vcpu_new_bare(map_vm, i);
	CHECK_EQ(pthread_create(&sender, NULL, send_messages, NULL), 0);
	for (u64 i = 0; i < 1000; i++) {
		struct vcpu *cpu = &map_vm->cpus[i % 48];
		u64 base = 0xfee00000 | (i % 48 ? 0 : APIC_BASE_BSP);

		switch (i / 48 % 3) {
		case 0:
			base |= APIC_BASE_ENABLE | APIC_BASE_X2APIC;
			break;
		case 1:
			break;
		default:
			base |= APIC_BASE_ENABLE;
		}
		CHECK_EQ(vcpu_wrmsr(cpu, MSR_APIC_BASE, base), 1);
	}
	stop = true;
	CHECK_EQ(pthread_join(sender, NULL), 0);
}
