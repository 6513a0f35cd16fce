// SPDX-License-Identifier: GPL-2.0-only
/* A thousand machines made and closed leave nothing behind. */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm.h"

#define PROCESSES 10

static void hello(u64 unused)
{
	for (u64 a = 0x10000000; a < 0x10000000 + 16 * PAGE; a += PAGE)
		*(volatile u64 *)a = a;
	guest_sync(1);
}

static void one(bool run)
{
	struct kvm_irqfd irqfd = { .gsi = 24, .fd = OK(eventfd(0, 0)) };
	struct kvm_ioeventfd io = {
		.addr = 0x510, .len = 2, .fd = irqfd.fd, .flags = KVM_IOEVENTFD_FLAG_PIO
	};
	struct vm *vm = vm_new(VM_IRQCHIP | (run ? VM_PIT : 0));
	struct vcpu *cpu;
	void *mem;

	OK(ioctl(vm->fd, KVM_IRQFD, &irqfd));
	OK(ioctl(vm->fd, KVM_IOEVENTFD, &io));
	if (run) {
		mem = vm_add_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, 0x10000000, 16 * PAGE);
		cpu = vcpu_new(vm, hello, 0);
		vcpu_expect_sync(cpu, 1);
		OK(munmap(mem, 16 * PAGE));
	} else {
		vcpu_new_bare(vm, 0);
	}
	OK(close(irqfd.fd));
	vm_free(vm);
}

/* Memory that the kernel holds and nobody can take from it */
static long held(void)
{
	return meminfo("SUnreclaim") + meminfo("PageTables") + meminfo("VmallocUsed") +
	       meminfo("Percpu") + meminfo("KernelStack");
}

static long settled(void)
{
	long last = -1, now;

	/* What is freed after a grace period is freed by and by. */
	for (int i = 0; i < 40; i++) {
		sleep_ms(100);
		now = held();
		if (labs(now - last) < 64 && i > 5)
			break;
		last = now;
	}
	return now;
}

/* In several processes, since closing a machine is mostly waiting. */
static void make(int n, bool run)
{
	pid_t pids[PROCESSES];

	for (int p = 0; p < PROCESSES; p++) {
		pids[p] = OK(fork());
		if (!pids[p]) {
			int fds = open_fds();

			for (int i = 0; i < n / PROCESSES; i++)
				one(run);
			CHECK_EQ(open_fds(), fds);
			_exit(0);
		}
	}
	for (int p = 0; p < PROCESSES; p++) {
		int status;

		REQUIRE(waitpid(pids[p], &status, 0) == pids[p]);
		CHECK_EQ(status, 0);
	}
}

static void many(int n, bool run)
{
	long before, more = 0;

	make(3 * PROCESSES, run);
	/* Others take and give memory meanwhile; what leaks does so each time. */
	for (int i = 0; i < 3; i++) {
		before = settled();
		make(n, run);
		more = settled() - before;
		ktap_note("%d machines: %ld kB more held than before", n, more);
		/* A page a machine would be 4 kB times n. */
		if (more < n * 2 + 200)
			break;
	}
	CHECK(more < n * 2 + 200);
}

CASE_SLOW(not_run, "a thousand machines that never ran", 120)
{
	many(1000, false);
}

CASE_SLOW(run_once, "a hundred that ran, with memory of their own", 120)
{
	many(100, true);
}

CASE_SLOW(failures, "thousands of calls that fail", 60)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_irqfd irqfd = { .gsi = 24, .fd = vm->kvm };
	struct kvm_ioeventfd io = { .addr = 0x510, .len = 3, .fd = vm->kvm };
	struct kvm_cpuid2 bad = { .nent = 100000 };
	struct kvm_msrs msrs = { .nmsrs = 100000 };
	long before = settled(), after;
	int fds = open_fds();

	for (int i = 0; i < 500; i++) {
		CHECK_EQ(vm_set_slot(vm, 9, 0, 0, PAGE, vm->low), -1);
		CHECK_EQ(ioctl(vm->fd, KVM_CREATE_VCPU, 0L), -1);
		CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &irqfd), -1);
		CHECK_EQ(ioctl(vm->fd, KVM_IOEVENTFD, &io), -1);
		CHECK_EQ(ioctl(cpu->fd, KVM_SET_CPUID2, &bad), -1);
		CHECK_EQ(ioctl(cpu->fd, KVM_SET_MSRS, &msrs), -1);
		CHECK_EQ(ioctl(vm->kvm, KVM_CREATE_VM, 77L), -1);
	}
	after = settled();
	CHECK_EQ(open_fds(), fds);
	ktap_note("%ld kB more held than before", after - before);
	CHECK(after - before < 1000);
}
