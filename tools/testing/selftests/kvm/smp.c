// SPDX-License-Identifier: GPL-2.0-only
/* Several CPUs in one guest: atomics, shared page tables, more vCPUs than processors, moving between processors. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

#define N 4

static volatile u64 sum, lock, inside;

static void atomics(u64 n)
{
	for (u64 i = 0; i < n; i++) {
		__atomic_add_fetch(&sum, 1, __ATOMIC_SEQ_CST);
		while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
			relax();
		G_ASSERT_EQ(inside, 0);
		inside = 1;
		barrier();
		inside = 0;
		__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	}
}

static void run_all(struct vm *vm, void (*code)(u64), u64 argument)
{
	struct runner *runners[N];

	for (int i = 0; i < N; i++)
		runners[i] = vcpu_start(vcpu_new(vm, code, argument));
	for (int i = 0; i < N; i++)
		vcpu_join(runners[i]);
}

CASE(locks, "atomic instructions and a spin lock among more vCPUs than processors")
{
	run_all(vm_new(VM_IRQCHIP), atomics, 2000);
	CHECK_EQ(sum, 2000 * N);
}

/* Each first touches all pages, every CPU from another end, so that the faults meet. */
static void touch_all(u64 pages)
{
	u64 me = this_cpu()->index;

	for (u64 i = 0; i < pages; i++) {
		u64 p = (i * (2 * me + 1) + me * 100) % pages;

		__atomic_add_fetch((u64 *)(0x10000000 + p * PAGE), 1, __ATOMIC_SEQ_CST);
	}
}

CASE(faults, "page faults of several vCPUs on the same pages")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	u64 *mem = vm_add_slot(vm, SLOT_TEST, 0, 0x10000000, 2048 * PAGE);

	run_all(vm, touch_all, 2048);
	for (u64 i = 0; i < 2048; i++) {
		if (mem[i * 512] != N) {
			FAIL("page %llu was counted %llu times", (unsigned long long)i,
			     (unsigned long long)mem[i * 512]);
			break;
		}
	}
}

#define A 0x500000000000UL

static u64 pages[2][512] __attribute__((aligned(4096)));
static u64 *entry;
static volatile u64 request, answered, finished, listening;

static void on_flush(struct frame *frame)
{
	invlpg((void *)A);
	answered = request;
	apic_eoi();
}

static void looker(u64 unused)
{
	apic_enable();
	irq_enable();
	listening = 1;
	while (!finished) {
		u64 before = answered, value = *(volatile u64 *)A;

		/* When no flush came in between, the page is the one of the last request. */
		if (before == answered && before == request)
			G_ASSERT_EQ(value, before & 1);
	}
}

static void changer(u64 unused)
{
	apic_enable();
	while (!listening)
		relax();
	for (u64 i = 1; i <= 100; i++) {
		*entry = (u64)pages[i & 1] | PTE_P | PTE_W;
		request = i;
		apic_send(1, ICR_ASSERT | 0x91);
		while (answered != i)
			relax();
	}
	finished = 1;
}

CASE(shootdown,
     "one CPU changes a page's entry, another flushes it when told, and sees the new page")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *a = vcpu_new(vm, changer, 0), *b = vcpu_new(vm, looker, 0);
	struct runner *runner;

	pages[1][0] = 1;
	vm_map(vm, A, (u64)pages[0], PTE_P | PTE_W);
	entry = (u64 *)((u8 *)vm_pte(vm, A) - vm->low);
	guest_handlers[0x91] = on_flush;
	runner = vcpu_start(b);
	vcpu_expect_done(a);
	vcpu_join(runner);
}

static volatile u64 work;
static volatile bool stop;

static void count(u64 unused)
{
	u64 last = rdtsc();

	while (!stop) {
		u64 now = rdtsc();

		/* One vCPU's TSC does not go back, wherever it runs. */
		G_ASSERT(now >= last);
		last = now;
		work++;
		asm volatile("movq %0, %%xmm4; movq %%xmm4, %%rax; cmp %0, %%rax; je 1f; ud2; 1:"
			     :
			     : "r"(now)
			     : "rax", "cc");
	}
}

CASE(moved,
     "a vCPU whose thread is moved between processors goes on, with its registers and its clock")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, count, 0);
	int processors = host_cpus();
	struct runner *runner;

	if (processors < 2)
		SKIP("one processor");
	runner = vcpu_start(cpu);
	for (int i = 0; i < 60; i++) {
		char path[64];

		/* All threads of the process but this: the vCPU's is among them. */
		for (pid_t tid = getpid(); tid < getpid() + 3; tid++) {
			snprintf(path, sizeof(path), "/proc/self/task/%d", tid);
			if (tid != gettid() && !access(path, F_OK))
				stay_on_cpu(tid, i % processors);
		}
		for (u64 before = work; work == before;)
			sched_yield();
	}
	stop = true;
	vcpu_join(runner);
}

#define ONLINE "/sys/devices/system/cpu/cpu1/online"

CASE_SLOW(hotplug, "a processor is taken away and given back while guests run", 60)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct runner *runners[2];

	if (host_cpus() < 2)
		SKIP("one processor");
	for (int i = 0; i < 2; i++)
		runners[i] = vcpu_start(vcpu_new(vm, count, 0));
	for (int i = 0; i < 3; i++) {
		if (!write_file(ONLINE, "0"))
			SKIP("a processor cannot be taken away");
		sleep_ms(50);
		/* Machines can be made meanwhile. */
		OK(close(OK(ioctl(vm->kvm, KVM_CREATE_VM, 0))));
		if (!write_file(ONLINE, "1"))
			FAIL("the processor does not come back");
		for (u64 before = work; work == before;)
			sched_yield();
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		vcpu_join(runners[i]);
}
