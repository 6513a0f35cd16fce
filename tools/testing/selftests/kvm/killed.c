// SPDX-License-Identifier: GPL-2.0-only
/* A program killed with SIGKILL at any moment. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

static volatile u64 turns;

static void busy(u64 unused)
{
	apic_enable();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, 0x40 | LVT_PERIODIC);
	apic_write(APIC_TMICT, 500000);
	irq_enable();
	for (;;) {
		turns++;
		for (u64 p = 0x10000000; p < 0x10100000; p += PAGE)
			*(volatile u64 *)p = p;
		outb(0x80, 1);
		if (this_cpu()->index)
			halt();
	}
}

static void *run(void *arg)
{
	for (;;)
		ioctl(((struct vcpu *)arg)->fd, KVM_RUN, 0);
	return NULL;
}

static void victim(void)
{
	struct vm *vm = vm_new(VM_IRQCHIP | VM_PIT);
	struct kvm_irqfd irqfd = { .gsi = 24, .fd = eventfd(0, 0) };
	struct kvm_ioeventfd io = {
		.addr = 0x510, .len = 2, .fd = eventfd(0, 0), .flags = KVM_IOEVENTFD_FLAG_PIO
	};
	u8 *mem = vm_add_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, 0x10000000, 0x100000);
	pthread_t threads[3];

	guest_handlers[0x40] = irq_count;
	OK(ioctl(vm->fd, KVM_IRQFD, &irqfd));
	OK(ioctl(vm->fd, KVM_IOEVENTFD, &io));
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, run, vcpu_new(vm, busy, 0));
	/* The main thread is busy with slots all the time. */
	for (;;) {
		OK(vm_set_slot(vm, SLOT_TEST + 1, 0, 0x20000000, 0x100000, mem));
		OK(vm_set_slot(vm, SLOT_TEST + 1, 0, 0, 0, NULL));
		madvise(mem, 0x80000, MADV_DONTNEED);
	}
}

/* Whether the kernel has complained since: a lab's runner looks at the whole log besides. */
static int kernel_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

static void check_log(int fd)
{
	char text[2000];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, text, sizeof(text) - 1)) > 0) {
		text[n] = 0;
		if (strstr(text, "BUG:") || strstr(text, "WARNING:") || strstr(text, "Oops"))
			FAIL("the kernel's log: %s", text);
	}
}

CASE_SLOW(any_moment,
	  "killed thirty times, at moments from 0 to 300 ms: the kernel is well afterwards", 90)
{
	int log = kernel_log();

	for (int i = 0; i < 30; i++) {
		pid_t pid = OK(fork());
		int status;

		if (!pid) {
			victim();
			_exit(1);
		}
		sleep_ms(i * 10);
		OK(kill(pid, SIGKILL));
		REQUIRE(waitpid(pid, &status, 0) == pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	check_log(log);
}

static void one_sync(u64 unused)
{
	guest_sync(1);
}

CASE(next, "and machines can be made as before")
{
	vcpu_expect_sync(vm_with(VM_IRQCHIP, one_sync, 0), 1);
}
