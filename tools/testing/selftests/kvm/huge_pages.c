// SPDX-License-Identifier: GPL-2.0-only
/* Slots of large pages: mapped as such where that is possible, and right where it is not. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "vm.h"

#define GPA 0x10000000UL
#define LARGE (2UL << 20)
#define SIZE (4 * LARGE)

/* SIZE bytes of large pages whose address is off the next large page by @offset. */
static u8 *large_memory(u64 offset)
{
	u8 *raw = mmap(NULL, SIZE + 2 * LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	u8 *mem = (u8 *)(((u64)raw + LARGE - 1) & ~(LARGE - 1));
	u64 before = meminfo("AnonHugePages");

	REQUIRE(raw != MAP_FAILED);
	if (madvise(mem, SIZE + LARGE, MADV_HUGEPAGE))
		SKIP("no transparent huge pages");
	memset(mem, 0, SIZE + LARGE);
	if (meminfo("AnonHugePages") < before + SIZE / 1024)
		SKIP("the host gave no large pages");
	return mem + offset;
}

/* Stops before it does anything; then writes its address to each page and checks all, as often as it is run. */
static void fill(u64 gpa)
{
	guest_sync(0);
	for (;;) {
		for (u64 a = gpa; a < gpa + SIZE; a += PAGE)
			*(volatile u64 *)a = a;
		for (u64 a = gpa; a < gpa + SIZE; a += PAGE)
			G_ASSERT_EQ(*(volatile u64 *)a, a);
		guest_sync(1);
	}
}

static void check_host(const u8 *mem, u64 gpa)
{
	for (u64 i = 0; i < SIZE; i += PAGE)
		REQUIRE_EQ(*(u64 *)(mem + i), gpa + i);
}

CASE(mapped_large, "aligned alike in guest and host: mapped with 2 MiB pages")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, fill, GPA);
	u8 *mem = large_memory(0);
	s64 before, after;

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
	vcpu_expect_sync(cpu, 0);
	before = vm_stat(vm, "pages_2m");
	vcpu_expect_sync(cpu, 1);
	check_host(mem, GPA);
	after = vm_stat(vm, "pages_2m");
	if (before < 0)
		SKIP("no statistics");
	CHECK_EQ(after - before, SIZE / LARGE);
}

/* As fill(), but what is checked was written by the host, and one page in 64 is written to on the way. */
static void write_few_read_all(u64 gpa)
{
	for (;;) {
		for (u64 a = gpa; a < gpa + SIZE; a += PAGE)
			G_ASSERT_EQ(*(volatile u64 *)a, a);
		guest_sync(0);
		for (u64 a = gpa; a < gpa + SIZE; a += 64 * PAGE)
			*(volatile u64 *)(a + 8) = a;
		guest_sync(1);
	}
}

CASE(split_for_log,
     "a large page is split because of the dirty log: every small page is the one it was")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, write_few_read_all, GPA);
	u8 *mem = large_memory(0);

	for (u64 i = 0; i < SIZE; i += PAGE)
		*(u64 *)(mem + i) = GPA + i;
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
	vcpu_expect_sync(cpu, 0);
	OK(vm_set_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, mem));
	vcpu_expect_sync(cpu, 1);
	vcpu_expect_sync(cpu, 0);
	for (u64 i = 0; i < SIZE; i += PAGE)
		REQUIRE_EQ(*(u64 *)(mem + i + 8), i % (64 * PAGE) ? 0 : GPA + i);
}

CASE(misaligned, "aligned otherwise in guest and host: small pages, the right ones")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, fill, GPA);
	u8 *mem = large_memory(PAGE);
	s64 before;

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
	vcpu_expect_sync(cpu, 0);
	before = vm_stat(vm, "pages_2m");
	vcpu_expect_sync(cpu, 1);
	check_host(mem, GPA);
	CHECK_EQ(vm_stat(vm, "pages_2m"), before);
}

CASE(edges, "a slot that begins and ends within large pages: nothing beyond it is touched")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, fill, GPA + PAGE);
	u8 *mem = large_memory(PAGE);

	memset(mem - PAGE, 0x77, PAGE);
	memset(mem + SIZE, 0x77, PAGE);
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA + PAGE, SIZE, mem));
	vcpu_expect_sync(cpu, 0);
	vcpu_expect_sync(cpu, 1);
	check_host(mem, GPA + PAGE);
	for (u64 i = 0; i < PAGE; i++)
		REQUIRE(mem[i - PAGE] == 0x77 && mem[SIZE + i] == 0x77);
}

static void touch_around(u64 unused)
{
	/* What is beside the slot is MMIO. */
	*(volatile u32 *)(GPA + PAGE) = 1;
	*(volatile u32 *)(GPA + SIZE) = 2;
	*(volatile u32 *)GPA = 3;
}

CASE(beside, "a page beside the slot, within the same 2 MiB, is MMIO")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch_around, 0);
	u8 *mem = large_memory(PAGE);

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA + PAGE, SIZE - PAGE, mem));
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK_EQ(cpu->run->mmio.phys_addr, GPA + SIZE);
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK_EQ(cpu->run->mmio.phys_addr, GPA);
	vcpu_expect_done(cpu);
	CHECK_EQ(*(u32 *)mem, 1);
}

CASE(split_by_host, "the host splits a large page and takes a part back: the rest stays")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, fill, GPA);
	u8 *mem = large_memory(0);

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
	vcpu_expect_sync(cpu, 0);
	for (int i = 0; i < 4; i++) {
		vcpu_expect_sync(cpu, 1);
		check_host(mem, GPA);
		OK(madvise(mem + i * LARGE + 5 * PAGE, 3 * PAGE, MADV_DONTNEED));
		CHECK_EQ(*(u64 *)(mem + i * LARGE + 5 * PAGE), 0);
		CHECK_EQ(*(u64 *)(mem + i * LARGE + 4 * PAGE), GPA + i * LARGE + 4 * PAGE);
	}
	vcpu_expect_sync(cpu, 1);
	check_host(mem, GPA);
}

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

CASE(collapsed, "the host makes a large page of small ones: mapped large at the next fault")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, fill, GPA);
	u8 *raw = mmap(NULL, SIZE + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	u8 *mem = (u8 *)(((u64)raw + LARGE - 1) & ~(LARGE - 1));
	s64 before;

	OK(madvise(mem, SIZE, MADV_NOHUGEPAGE));
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
	vcpu_expect_sync(cpu, 0);
	before = vm_stat(vm, "pages_2m");
	vcpu_expect_sync(cpu, 1);
	OK(madvise(mem, SIZE, MADV_HUGEPAGE));
	if (madvise(mem, SIZE, MADV_COLLAPSE))
		SKIP("MADV_COLLAPSE: %s", strerror(errno));
	check_host(mem, GPA);
	vcpu_expect_sync(cpu, 1);
	check_host(mem, GPA);
	if (before >= 0)
		CHECK_EQ(vm_stat(vm, "pages_2m") - before, SIZE / LARGE);
}

static volatile bool stop;

static void count_up(u64 me)
{
	u64 n = 0;

	while (!stop) {
		n++;
		for (u64 a = GPA; a < GPA + LARGE; a += 16 * PAGE) {
			volatile u64 *p = (u64 *)a + me;

			*p = n;
			G_ASSERT_EQ(*p, n);
		}
	}
}

CASE_SLOW(collapse_storm, "large pages come and go under two vCPUs: no write is lost", 60)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpus[2] = { vcpu_new(vm, count_up, 0), vcpu_new(vm, count_up, 1) };
	u8 *mem = large_memory(0);
	struct runner *runners[2];

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
	for (int i = 0; i < 2; i++)
		runners[i] = vcpu_start(cpus[i]);
	for (int i = 0; i < 100; i++) {
		/* Split: the protection of one page in it changes. */
		OK(mprotect(mem + PAGE, PAGE, PROT_READ));
		OK(mprotect(mem + PAGE, PAGE, PROT_READ | PROT_WRITE));
		if (madvise(mem, LARGE, MADV_COLLAPSE) && errno != EAGAIN && errno != EBUSY &&
		    errno != EINVAL)
			FAIL("MADV_COLLAPSE: %s", strerror(errno));
		if (i % 10 == 5) {
			OK(vm_set_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, mem));
			OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
		}
	}
	stop = true;
	vcpu_join(runners[0]);
	vcpu_join(runners[1]);
	vm_free(vm);
}

#define GIB (1UL << 30)
#define NR_GIB "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"
#ifndef MAP_HUGE_1GB
#define MAP_HUGE_1GB (30 << MAP_HUGE_SHIFT)
#endif

/* Every 2 MiB, and the last page. */
static void fill_gib(u64 unused)
{
	guest_sync(0);
	for (;;) {
		for (u64 a = GIB; a < 2 * GIB; a += LARGE)
			*(volatile u64 *)a = a;
		*(volatile u64 *)(2 * GIB - PAGE) = 1;
		for (u64 a = GIB; a < 2 * GIB; a += LARGE)
			G_ASSERT_EQ(*(volatile u64 *)a, a);
		guest_sync(1);
	}
}

static void check_gib(const u8 *mem)
{
	for (u64 i = 0; i < GIB; i += LARGE)
		REQUIRE_EQ(*(u64 *)(mem + i), GIB + i);
	CHECK_EQ(*(u64 *)(mem + GIB - PAGE), 1);
}

CASE(hugetlb_gib,
     "1 GiB of hugetlbfs is one page; with the dirty log it is split and made whole again")
{
	int fd = open(NR_GIB, O_RDWR);
	char old[32] = "0";
	struct vcpu *cpu;
	struct vm *vm;
	s64 before;
	u8 *mem;

	if (!(cpuid(0x80000001, 0).edx & BIT(26)) || fd < 0)
		SKIP("no pages of 1 GiB");
	REQUIRE(pread(fd, old, sizeof(old) - 1, 0) > 0);
	/* The kernel collects one where it still can. */
	if (!atoi(old) && pwrite(fd, "1", 1, 0) != 1)
		SKIP("%s cannot be written", NR_GIB);
	mem = mmap(NULL, GIB, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_1GB, -1, 0);
	if (mem == MAP_FAILED)
		SKIP("no 1 GiB in one piece: hugepagesz=1G hugepages=1 sets it aside");
	vm = vm_new(0);
	cpu = vcpu_new(vm, fill_gib, 0);
	OK(vm_set_slot(vm, SLOT_TEST, 0, GIB, GIB, mem));
	vcpu_expect_sync(cpu, 0);
	before = vm_stat(vm, "pages_1g");
	vcpu_expect_sync(cpu, 1);
	check_gib(mem);
	if (before >= 0)
		CHECK_EQ(vm_stat(vm, "pages_1g") - before, 1);

	OK(vm_set_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GIB, GIB, mem));
	vcpu_expect_sync(cpu, 1);
	if (before >= 0)
		CHECK_EQ(vm_stat(vm, "pages_1g"), before);
	OK(vm_set_slot(vm, SLOT_TEST, 0, GIB, GIB, mem));
	vcpu_expect_sync(cpu, 1);
	check_gib(mem);

	vm_free(vm);
	munmap(mem, GIB);
	if (pwrite(fd, old, strlen(old), 0) < 0)
		ktap_note("%s stays", NR_GIB);
}

CASE(hugetlb, "memory of hugetlbfs is mapped as large as it is")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, fill, GPA);
	int fd = open("/proc/sys/vm/nr_hugepages", O_RDWR);
	char old[32] = "0";
	s64 before;
	u8 *mem;

	if (fd < 0 || read(fd, old, sizeof(old) - 1) <= 0 || pwrite(fd, "8", 1, 0) != 1)
		SKIP("no hugetlb pages");
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1,
		   0);
	if (mem == MAP_FAILED)
		SKIP("hugetlb: %s", strerror(errno));
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
	vcpu_expect_sync(cpu, 0);
	before = vm_stat(vm, "pages_2m");
	vcpu_expect_sync(cpu, 1);
	check_host(mem, GPA);
	if (before >= 0)
		CHECK_EQ(vm_stat(vm, "pages_2m") - before, SIZE / LARGE);
	OK(madvise(mem, LARGE, MADV_REMOVE));
	CHECK_EQ(*(u64 *)mem, 0);
	vcpu_expect_sync(cpu, 1);
	check_host(mem, GPA);
	vm_free(vm);
	munmap(mem, SIZE);
	if (pwrite(fd, old, strlen(old), 0) < 0)
		ktap_note("nr_hugepages stays");
}
