// SPDX-License-Identifier: GPL-2.0-only
/* Host CPUs that go and come under running guests. */
#include <unistd.h>

#include "vm.h"

#define ONLINE "/sys/devices/system/cpu/cpu1/online"

static volatile u64 rounds[4];
static volatile bool stop;

/* Exits of two kinds and memory, all the time. */
static void work(u64 me)
{
	u64 sum = 0;

	while (!stop) {
		struct cpuid_regs r = cpuid(0, 0);

		sum += r.eax;
		rounds[me]++;
		if (rdtsc() == sum)
			guest_sync(0);
	}
	guest_done();
}

static void wait_for_progress(int n)
{
	for (int i = 0; i < n; i++) {
		u64 before = rounds[i];

		while (rounds[i] < before + 10)
			sleep_ms(1);
	}
}

CASE_SLOW(under_load, "vCPUs go on while their CPU is taken away and given back", 90)
{
	struct vm *vm = vm_new(0);
	struct runner *runners[3];

	if (access(ONLINE, W_OK))
		SKIP("no CPU can be taken offline here");
	for (int i = 0; i < 3; i++)
		runners[i] = vcpu_start(vcpu_new(vm, work, i));
	wait_for_progress(3);
	for (int i = 0; i < 3; i++) {
		CHECK(write_file(ONLINE, "0"));
		wait_for_progress(3);
		CHECK(write_file(ONLINE, "1"));
		wait_for_progress(3);
	}
	stop = true;
	for (int i = 0; i < 3; i++)
		vcpu_join(runners[i]);
}
