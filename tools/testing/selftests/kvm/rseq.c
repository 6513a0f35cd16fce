// SPDX-License-Identifier: GPL-2.0-only
/*
 * Restartable sequences: the CPU number that the kernel keeps in a thread's memory is right after KVM_RUN, also when the
 * thread has changed CPU in there and has done some of the work of a return to user space before it entered the guest.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

#define RUNS 1000

static atomic_uint moves; /* odd while the thread is being moved */
static atomic_bool stop;
static pid_t runner;

static u32 rseq_cpu(void)
{
	struct rseq *rseq = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);

	return *(volatile u32 *)&rseq->cpu_id;
}

static void move_to(int cpu)
{
	moves++;
	stay_on_cpu(runner, cpu);
	moves++;
}

static void *mover(void *arg)
{
	for (int cpu = 0; !stop; cpu ^= 1) {
		move_to(cpu);
		usleep(300);
	}
	return NULL;
}

static void code(u64 unused)
{
	for (;;) {
		for (int i = 0; i < 20; i++)
			cpuid(0, 0);
		guest_sync(0);
	}
}

CASE_SLOW(moved, "a thread that changes CPU inside KVM_RUN finds the right CPU number", 120)
{
	struct vcpu *cpu = vm_with(0, code, 0);
	u32 kernels = 0, rseqs, changes = 0, last = 0;
	unsigned int before;
	pthread_t thread;

	if (host_cpus() < 2)
		SKIP("there is one CPU");
	if (!__rseq_size)
		SKIP("the C library has registered no rseq");
	runner = gettid();
	CHECK_EQ(pthread_create(&thread, NULL, mover, NULL), 0);
	for (int i = 0; i < RUNS && !ktap_failed(); i++) {
		vcpu_expect_sync(cpu, 0);
		do {
			before = moves;
			OK(syscall(SYS_getcpu, &kernels, NULL, NULL));
			rseqs = rseq_cpu();
		} while ((before & 1) || before != moves);
		CHECK_EQ(rseqs, kernels);
		changes += kernels != last;
		last = kernels;
	}
	stop = true;
	pthread_join(thread, NULL);
	CHECK(changes > 10);
}
