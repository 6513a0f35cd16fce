// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory that the kernel merges with other memory of the same contents, and parts again when it is written to. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vm.h"

#define GPA 0x40000000UL
#define PAGES 64UL
#define SIZE (PAGES * PAGE)
#define KSM "/sys/kernel/mm/ksm/"

static bool ksm_set(const char *file, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), KSM "%s", file);
	return write_file(path, value);
}

/* How many pages of this process are merged ones. */
static u64 merged(void)
{
	char text[32] = "0";

	read_file("/proc/self/ksm_merging_pages", text, sizeof(text));
	return strtoull(text, NULL, 10);
}

static void use(u64 unused)
{
	/* All pages of the first half have the same contents, and those of the second as well. */
	for (u64 i = 0; i < PAGES; i++)
		for (u64 j = 0; j < PAGE; j += 8)
			*(volatile u64 *)(GPA + i * PAGE + j) = j + (i < PAGES / 2);
	guest_sync(1);
	for (u64 i = 0; i < PAGES; i++)
		for (u64 j = 0; j < PAGE; j += 8)
			G_ASSERT_EQ(*(volatile u64 *)(GPA + i * PAGE + j), j + (i < PAGES / 2));
	guest_sync(2);
	/* Every other page is written to; its neighbours must not change with it. */
	for (u64 i = 0; i < PAGES; i += 2)
		*(volatile u64 *)(GPA + i * PAGE) = 1000 + i;
	for (u64 i = 0; i < PAGES; i++)
		G_ASSERT_EQ(*(volatile u64 *)(GPA + i * PAGE), i & 1 ? i < PAGES / 2 : 1000 + i);
	guest_sync(3);
}

static void wait_for_merging(u64 pages)
{
	for (int i = 0; merged() < pages; i++) {
		if (i == 3000)
			SKIP("ksmd merged %llu pages of %llu in 30 s", (unsigned long long)merged(),
			     (unsigned long long)pages);
		sleep_ms(10);
	}
}

CASE_SLOW(merge, "pages are merged under a guest, read, and parted when it writes", 90)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, use, 0);
	u8 *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(mem != MAP_FAILED);
	if (madvise(mem, SIZE, MADV_MERGEABLE) || access("/proc/self/ksm_merging_pages", R_OK))
		SKIP("no KSM");
	if (!ksm_set("sleep_millisecs", "1") || !ksm_set("run", "1"))
		SKIP("KSM cannot be switched on");
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
	vcpu_expect_sync(cpu, 1);
	wait_for_merging(PAGES - 2);
	vcpu_expect_sync(cpu, 2);
	/* Reading has parted none. */
	CHECK(merged() >= PAGES - 2);
	vcpu_expect_sync(cpu, 3);
	for (u64 i = 0; i < PAGES; i++)
		CHECK_EQ(*(u64 *)(mem + i * PAGE), i & 1 ? i < PAGES / 2 : 1000 + i);
	vm_free(vm);
	CHECK(ksm_set("run", "0"));
}
