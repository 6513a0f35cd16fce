// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with exits of several kinds, for tracing tools to look at.  Prints what KVM has counted: "exits N", and how many
 * of them were the guest's CPUID, OUT and so on.  With WORKLOAD_SECONDS in the environment it goes on for so long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

#define CPUIDS 700
#define OUTS 300
#define STORES 200

static void round_of_work(void)
{
	for (int i = 0; i < CPUIDS; i++)
		cpuid(0, 0);
	for (int i = 0; i < OUTS; i++)
		outb(0x80, i);
	for (int i = 0; i < STORES; i++)
		*(volatile u32 *)0xd0000000 = i;
}

static void work(u64 unused)
{
	for (;;) {
		round_of_work();
		guest_sync(1);
	}
}

static u64 exits_of(struct vcpu *cpu)
{
	static u8 all[65536];
	struct kvm_stats_header *h = (void *)all;
	int fd = OK(ioctl(cpu->fd, KVM_GET_STATS_FD, 0));

	REQUIRE(OK(pread(fd, all, sizeof(all), 0)) > 0);
	close(fd);
	for (u32 i = 0; i < h->num_desc; i++) {
		struct kvm_stats_desc *d =
			(void *)(all + h->desc_offset + i * (sizeof(*d) + h->name_size));

		if (!strcmp(d->name, "exits"))
			return *(u64 *)(all + h->data_offset + d->offset);
	}
	FAIL("exits are not counted");
	return 0;
}

CASE_SLOW(workload, "the guest works", 100000)
{
	const char *seconds = getenv("WORKLOAD_SECONDS");
	time_t end = time(NULL) + (seconds ? atoi(seconds) : 0);
	struct vcpu *cpu = vm_with(0, work, 0);
	u64 rounds = 0;

	do {
		for (int i = 0; i < OUTS; i++)
			vcpu_expect_exit(cpu, KVM_EXIT_IO);
		for (int i = 0; i < STORES; i++)
			vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
		vcpu_expect_sync(cpu, 1);
		rounds++;
	} while (time(NULL) < end);
	/* guest_sync() is an OUT as well */
	ktap_note("exits %lu cpuid %lu io %lu", exits_of(cpu), rounds * CPUIDS,
		  rounds * (OUTS + 1));
}
