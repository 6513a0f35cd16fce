// SPDX-License-Identifier: GPL-2.0-only
/* Slots that change while vCPUs run in other threads. */
#include <pthread.h>

#include "apic.h"
#include "vm.h"

#define GPA 0x10000000UL
#define SLOT SLOT_TEST

static volatile bool stop;

/* Writes to memory that stays, all the time, until told to stop. */
static void work(u64 gpa)
{
	volatile u64 *p = (u64 *)gpa;

	while (!stop)
		(*p)++;
}

CASE(beside, "slots come and go beside the one that a vCPU uses")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, work, GPA);
	volatile u64 *mem = vm_add_slot(vm, SLOT, 0, GPA, PAGE);
	u8 *other =
		mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct runner *runner = vcpu_start(cpu);
	u64 before;

	while (!*mem)
		sleep_ms(1);
	for (int i = 0; i < 50; i++) {
		OK(vm_set_slot(vm, SLOT + 1, 0, GPA + 0x100000, 16 * PAGE, other));
		OK(vm_set_slot(vm, SLOT + 1, 0, 0, 0, NULL));
	}
	/* It is still at work. */
	before = *mem;
	while (*mem == before)
		sleep_ms(1);
	stop = true;
	vcpu_join(runner);
	vm_free(vm);
}

static volatile bool begun;

/* The APIC leaves the page of its registers, which no longer stands there for any vCPU. */
static void leave_xapic(u64 unused)
{
	begun = true;
	for (int i = 0; i < 200; i++)
		cpuid(0, 0);
	x2apic_enable();
}

CASE_SLOW(apic_mode, "slots come and go while an APIC changes its mode", 60)
{
	u8 *other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int round = 0; round < 20; round++) {
		struct vm *vm = vm_new(VM_IRQCHIP);
		struct runner *runner;

		begun = false;
		runner = vcpu_start(vcpu_new(vm, leave_xapic, 0));
		while (!begun)
			sched_yield();
		for (int i = 0; i < 20; i++) {
			OK(vm_set_slot(vm, SLOT, 0, GPA, PAGE, other));
			OK(vm_set_slot(vm, SLOT, 0, 0, 0, NULL));
		}
		vcpu_join(runner);
		vm_free(vm);
	}
}

static u64 seen[2], rounds;

/* Reads what is at the place; all of one page is one or the other. */
static void reader(u64 gpa)
{
	volatile u64 *p = (u64 *)gpa;

	while (!stop) {
		u64 value = *p;

		if (value == 1 || value == 2)
			seen[value - 1]++;
		else if (value != ~0ULL)
			guest_sync(value);
		rounds++;
	}
}

static void *run_with_mmio(void *arg)
{
	struct vcpu *cpu = arg;

	for (;;) {
		struct event ev = vcpu_run(cpu);

		if (ev.kind == EV_DONE)
			return NULL;
		if (ev.kind == EV_EXIT && cpu->run->exit_reason == KVM_EXIT_MMIO &&
		    !cpu->run->mmio.is_write && cpu->run->mmio.phys_addr == GPA) {
			memset(cpu->run->mmio.data, 0xff, 8);
			continue;
		}
		if (ev.kind == EV_SYNC)
			FAIL("the guest read %#llx", (unsigned long long)ev.value);
		else
			FAIL("event %d, exit %u", ev.kind, cpu->run->exit_reason);
		ktap_end();
	}
}

CASE(under, "a slot is replaced under a running vCPU: it sees the one, the other, or MMIO")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, reader, GPA);
	u64 *page[2];
	pthread_t thread;

	for (int i = 0; i < 2; i++) {
		page[i] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);
		*page[i] = i + 1;
	}
	OK(vm_set_slot(vm, SLOT, 0, GPA, PAGE, page[0]));
	REQUIRE(!pthread_create(&thread, NULL, run_with_mmio, cpu));
	for (int i = 1; i <= 60; i++) {
		u64 before;

		OK(vm_set_slot(vm, SLOT, 0, 0, 0, NULL));
		OK(vm_set_slot(vm, SLOT, 0, GPA, PAGE, page[i & 1]));
		/* From here on it sees the new page and nothing else. */
		before = READ_ONCE(rounds);
		while (READ_ONCE(rounds) < before + 2)
			sched_yield();
		before = READ_ONCE(seen[!(i & 1)]);
		sleep_ms(1);
		CHECK_EQ(READ_ONCE(seen[!(i & 1)]), before);
	}
	stop = true;
	pthread_join(thread, NULL);
	CHECK(seen[0] > 0 && seen[1] > 0);
	vm_free(vm);
}

static void writer(u64 gpa)
{
	volatile u64 *p = (u64 *)gpa;

	while (!stop) {
		for (int i = 0; i < 8; i++)
			p[i * PAGE / 8]++;
		rounds++;
	}
}

CASE(flags, "dirty logging is turned on and off under a running vCPU: no write is lost")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, writer, GPA);
	u64 *mem = vm_add_slot(vm, SLOT, 0, GPA, 8 * PAGE);
	struct runner *runner = vcpu_start(cpu);

	for (int i = 0; i < 40; i++) {
		OK(vm_set_slot(vm, SLOT, i & 1 ? 0 : KVM_MEM_LOG_DIRTY_PAGES, GPA, 8 * PAGE, mem));
		sched_yield();
	}
	stop = true;
	vcpu_join(runner);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(mem[i * PAGE / 8], rounds);
	vm_free(vm);
}

struct claim {
	struct vm *vm;
	u32 slot;
};

/* Two of these want the same place: the second to come gets EEXIST. */
static void *claim_place(void *arg)
{
	struct claim *c = arg;
	u8 *mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 200; i++) {
		if (!vm_set_slot(c->vm, c->slot, 0, GPA, PAGE, mem))
			OK(vm_set_slot(c->vm, c->slot, 0, 0, 0, NULL));
		else if (errno != EEXIST)
			FAIL("%s", strerror(errno));
	}
	return NULL;
}

CASE_SLOW(two_threads, "two threads add and take away slots at once: each call works or says why",
	  60)
{
	struct vm *vm = vm_new(0);
	struct claim claims[2] = { { vm, SLOT }, { vm, SLOT + 1 } };
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		REQUIRE(!pthread_create(&threads[i], NULL, claim_place, &claims[i]));
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	/* Nothing is left: the place is free. */
	vm_add_slot(vm, SLOT, 0, GPA, PAGE);
	vm_free(vm);
}
