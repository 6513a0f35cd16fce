// SPDX-License-Identifier: GPL-2.0-only
/* kvm.nx_huge_pages: large pages hold no code, code makes them small, and in time they are made large again. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "stats.h"
#include "vm.h"

#define GPA 0x10000000UL
#define LARGE (2UL << 20)
#define SIZE (4 * LARGE)
#define PARAM "/sys/module/kvm/parameters/"

/* Parameters written by this case; put_back() at its end brings the old values back.  (A case that fails leaves them.) */
static struct {
	const char *path;
	char old[32];
} changed[3];

static void put_back(void)
{
	for (int i = 2; i >= 0; i--) {
		int fd = changed[i].path ? open(changed[i].path, O_WRONLY) : -1;

		if (fd >= 0 && write(fd, changed[i].old, strlen(changed[i].old)) < 0)
			ktap_note("%s stays", changed[i].path);
		close(fd);
	}
}

static void set_param(int i, const char *path, const char *value)
{
	int fd = open(path, O_RDWR);

	if (fd < 0)
		SKIP("%s: %s", path, strerror(errno));
	REQUIRE(read(fd, changed[i].old, sizeof(changed[i].old) - 1) > 0);
	if (!strncmp(changed[i].old, "never", 5))
		SKIP("the mitigation is switched off for good");
	changed[i].path = path;
	REQUIRE_EQ(pwrite(fd, value, strlen(value), 0), strlen(value));
	close(fd);
}

static u8 *large_memory(void)
{
	u8 *raw = mmap(NULL, SIZE + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	u8 *mem = (u8 *)(((u64)raw + LARGE - 1) & ~(LARGE - 1));
	u64 before = meminfo("AnonHugePages");

	REQUIRE(raw != MAP_FAILED);
	if (madvise(mem, SIZE, MADV_HUGEPAGE))
		SKIP("no transparent huge pages");
	memset(mem, 0, SIZE);
	if (meminfo("AnonHugePages") < before + SIZE / 1024)
		SKIP("the host gave no large pages");
	return mem;
}

/* Data in every large page, code in the last page of the first and of the second. */
static void run_code(u64 gpa)
{
	for (;;) {
		for (u64 a = gpa; a < gpa + SIZE; a += PAGE)
			*(volatile u64 *)(a + 64) = a;
		guest_sync(0);
		for (u64 a = gpa + LARGE - PAGE; a < gpa + 2 * LARGE; a += LARGE) {
			*(volatile u8 *)a = 0xc3; /* RET */
			((void (*)(void))a)();
		}
		guest_sync(1);
		for (u64 a = gpa; a < gpa + SIZE; a += PAGE)
			G_ASSERT_EQ(*(volatile u64 *)(a + 64), a);
		guest_sync(2);
	}
}

static struct vcpu *machine(void)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, run_code, GPA);

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, large_memory()));
	return cpu;
}

CASE(split, "a large page with code is mapped small, its neighbours stay large")
{
	struct vcpu *cpu;
	s64 large;

	set_param(0, PARAM "nx_huge_pages", "force");
	set_param(1, PARAM "nx_huge_pages_recovery_ratio", "0");
	cpu = machine();
	vcpu_expect_sync(cpu, 0);
	large = vm_stat(cpu->vm, "pages_2m");
	CHECK_EQ(vm_stat(cpu->vm, "nx_lpage_splits"), 0);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(vm_stat(cpu->vm, "pages_2m"), large - 2);
	CHECK_EQ(vm_stat(cpu->vm, "nx_lpage_splits"), 2);
	/* Data beside the code do not bring the large page back. */
	vcpu_expect_sync(cpu, 2);
	vcpu_expect_sync(cpu, 0);
	CHECK_EQ(vm_stat(cpu->vm, "pages_2m"), large - 2);
	CHECK_EQ(vm_stat(cpu->vm, "nx_lpage_splits"), 2);
	put_back();
}

/* Code in every page of the second large page */
static void run_many(u64 gpa)
{
	for (u64 a = gpa + LARGE; a < gpa + 2 * LARGE; a += PAGE)
		*(volatile u8 *)a = 0xc3; /* RET */
	guest_sync(0);
	for (u64 a = gpa + LARGE; a < gpa + 2 * LARGE; a += PAGE)
		((void (*)(void))a)();
	guest_sync(1);
}

CASE(split_once, "one fault splits it for all the code that lies in it")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, run_many, GPA);
	struct stats s;
	u64 before;

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, large_memory()));
	set_param(0, PARAM "nx_huge_pages", "force");
	set_param(1, PARAM "nx_huge_pages_recovery_ratio", "0");
	s = stats_open(cpu->fd);
	vcpu_expect_sync(cpu, 0);
	before = stats_value(&s, "pf_taken");
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(vm_stat(vm, "nx_lpage_splits"), 1);
	/* Of 512 pages; the host may have taken one away meanwhile. */
	CHECK(stats_value(&s, "pf_taken") - before < 16);
	put_back();
}

CASE(recovery, "what was split is made whole again when it is not executed any more")
{
	struct vcpu *cpu;
	s64 large;
	int i;

	set_param(0, PARAM "nx_huge_pages", "force");
	set_param(1, PARAM "nx_huge_pages_recovery_ratio", "1");
	set_param(2, PARAM "nx_huge_pages_recovery_period_ms", "20");
	cpu = machine();
	vcpu_expect_sync(cpu, 0);
	large = vm_stat(cpu->vm, "pages_2m");
	vcpu_expect_sync(cpu, 1);
	/* Waits for what must come; how long is no matter. */
	for (i = 0; vm_stat(cpu->vm, "nx_lpage_splits") && i < 1000; i++)
		sleep_ms(20);
	CHECK_EQ(vm_stat(cpu->vm, "nx_lpage_splits"), 0);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(vm_stat(cpu->vm, "pages_2m"), large);
	put_back();
}

CASE(switched, "switched on and off under a running machine: large pages follow, data stay")
{
	struct vcpu *cpu;
	s64 large;

	set_param(0, PARAM "nx_huge_pages", "off");
	set_param(1, PARAM "nx_huge_pages_recovery_ratio", "0");
	cpu = machine();
	vcpu_expect_sync(cpu, 0);
	large = vm_stat(cpu->vm, "pages_2m");
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(vm_stat(cpu->vm, "pages_2m"), large);
	set_param(2, PARAM "nx_huge_pages", "force");
	changed[2].path = NULL;
	vcpu_expect_sync(cpu, 2);
	vcpu_expect_sync(cpu, 0);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(vm_stat(cpu->vm, "nx_lpage_splits"), 2);
	set_param(2, PARAM "nx_huge_pages", "off");
	changed[2].path = NULL;
	vcpu_expect_sync(cpu, 2);
	vcpu_expect_sync(cpu, 0);
	CHECK_EQ(vm_stat(cpu->vm, "pages_2m"), large);
	put_back();
}
