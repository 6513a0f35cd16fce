// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host goes to sleep under running guests: virtualization is switched off on every CPU and on again.
 *
 * As far as /sys/power/pm_test goes: all but the last step, which is the firmware's.
 */
#include <pthread.h>

#include "vm.h"

static volatile u64 rounds[2];
static volatile bool stop;

static void work(u64 me)
{
	while (!stop) {
		cpuid(0, 0);
		rounds[me]++;
	}
}

/* KVM_RUN ends with EINTR when the thread is frozen; it goes on. */
static void *run(void *arg)
{
	struct event ev;

	do
		ev = vcpu_run(arg);
	while (ev.kind == EV_INTR);
	CHECK_EQ(ev.kind, EV_DONE);
	return NULL;
}

static void wait_for_progress(void)
{
	for (int i = 0; i < 2; i++) {
		u64 before = rounds[i];

		while (rounds[i] < before + 10 && !ktap_failed())
			sleep_ms(1);
	}
}

CASE_SLOW(suspend, "guests go on after all CPUs but one were taken down and the last one suspended",
	  100)
{
	char text[4096];
	struct vm *vm;
	pthread_t threads[2];

	if (!read_file("/sys/power/pm_test", text, sizeof(text)) || !strstr(text, "core"))
		SKIP("no /sys/power/pm_test");
	if (!read_file("/proc/mounts", text, sizeof(text)) || !strstr(text, " / rootfs "))
		SKIP("only where the root file system needs no device: make host");
	vm = vm_new(VM_IRQCHIP);
	for (int i = 0; i < 2; i++)
		REQUIRE(!pthread_create(&threads[i], NULL, run, vcpu_new(vm, work, i)));
	wait_for_progress();
	REQUIRE(write_file("/sys/power/pm_test", "core"));
	write_file("/sys/module/suspend/parameters/pm_test_delay", "1");
	/* Suspend to memory where the firmware has it, else a hibernation, which comes to the same so far. */
	if (read_file("/sys/power/mem_sleep", text, sizeof(text)) && strstr(text, "deep"))
		CHECK(write_file("/sys/power/state", "mem"));
	else
		CHECK(write_file("/sys/power/state", "disk"));
	write_file("/sys/power/pm_test", "none");
	wait_for_progress();
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	vm_free(vm);
}
