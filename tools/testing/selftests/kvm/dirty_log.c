// SPDX-License-Identifier: GPL-2.0-only
/* The dirty log: which pages of a slot were written since it was read last. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "vm.h"

#define GPA 0x10000000UL
#define PAGES 200
#define LONGS ((PAGES + 63) / 64)

static u64 bitmap[8192];

static int get_log(struct vm *vm, u32 slot, void *to)
{
	struct kvm_dirty_log log = { .slot = slot };

	log.dirty_bitmap = to;
	return ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log);
}

static int clear_log(struct vm *vm, u32 slot, u64 first, u32 nr, void *from)
{
	struct kvm_clear_dirty_log log = {
		.slot = slot,
		.first_page = first,
		.num_pages = nr,
	};

	log.dirty_bitmap = from;
	return ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &log);
}

static bool is_dirty(u64 page)
{
	return bitmap[page / 64] >> (page % 64) & 1;
}

static unsigned int nr_dirty(u64 pages)
{
	unsigned int n = 0;

	for (u64 i = 0; i < pages; i++)
		n += is_dirty(i);
	return n;
}

/* Reads all pages, then writes to those that the test has listed; as often as it is run. */
static u64 list[PAGES], nr_listed;

static void touch(u64 pages)
{
	volatile u64 *mem = (u64 *)GPA;
	u64 sum = 0;

	for (;;) {
		for (u64 i = 0; i < pages; i++)
			sum += mem[i * PAGE / 8];
		for (u64 i = 0; i < nr_listed; i++)
			mem[list[i] * PAGE / 8]++;
		guest_sync(1);
	}
}

static void touch_pages(struct vcpu *cpu, unsigned int n, const u64 *pages)
{
	nr_listed = n;
	for (unsigned int i = 0; i < n; i++)
		list[i] = pages[i];
	vcpu_expect_sync(cpu, 1);
}

#define TOUCH(cpu, ...) \
	touch_pages(cpu, sizeof((u64[]){ __VA_ARGS__ }) / sizeof(u64), (u64[]){ __VA_ARGS__ })

CASE(basic, "written pages are reported once, pages that are read never")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, PAGES);

	vm_add_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE);
	TOUCH(cpu, 0, 63, 64, 199);
	memset(bitmap, 0xff, sizeof(bitmap));
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(LONGS * 64), 4);
	CHECK(is_dirty(0) && is_dirty(63) && is_dirty(64) && is_dirty(199));
	/* Not a word beyond the last page. */
	CHECK_EQ(bitmap[LONGS], ~0ULL);
	TOUCH(cpu, 64, 100);
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 2);
	CHECK(is_dirty(64) && is_dirty(100));
	nr_listed = 0;
	vcpu_expect_sync(cpu, 1);
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 0);
}

CASE(filled,
     "a page that the VMM has filled is told at the latest when the guest writes to it, whenever the log is read")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, PAGES);
	char *mem = vm_add_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE);

	for (u64 i = 0; i < PAGES; i++)
		mem[i * PAGE] = 1;
	nr_listed = 0;
	vcpu_expect_sync(cpu, 1);
	TOUCH(cpu, 7);
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK(is_dirty(7));
	TOUCH(cpu, 7, 8);
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 2);
	CHECK(is_dirty(7) && is_dirty(8));
	nr_listed = 0;
	vcpu_expect_sync(cpu, 1);
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 0);
}

CASE(turned_on, "logging turned on sees the next write to pages that were writable before")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, PAGES);
	void *mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE);

	TOUCH(cpu, 1, 2, 3);
	OK(vm_set_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE, mem));
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 0);
	TOUCH(cpu, 2, 5);
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 2);
	CHECK(is_dirty(2) && is_dirty(5));
	/* Off and on again: begins anew. */
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE, mem));
	TOUCH(cpu, 2);
	CHECK_ERRNO(get_log(vm, SLOT_TEST, bitmap), ENOENT);
	OK(vm_set_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE, mem));
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 0);
}

CASE(moved, "a logged slot that moves keeps its log")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, PAGES);
	u64 *mem = vm_add_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE);

	TOUCH(cpu, 7);
	OK(vm_set_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA + 0x10000000, PAGES * PAGE,
		       mem));
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 1);
	CHECK(is_dirty(7));
}

CASE(errors, "no such slot, a slot without log, a bitmap that is nowhere")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, PAGES);

	vm_add_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE);
	vm_add_slot(vm, SLOT_TEST + 1, 0, GPA + PAGES * PAGE, PAGE);
	CHECK_ERRNO(get_log(vm, SLOT_TEST + 1, bitmap), ENOENT);
	CHECK_ERRNO(get_log(vm, SLOT_TEST + 2, bitmap), ENOENT);
	CHECK_ERRNO(get_log(vm, 0xffff, bitmap), EINVAL);
	CHECK_ERRNO(get_log(vm, 7 << 16, bitmap), EINVAL);
	TOUCH(cpu, 9);
	CHECK_ERRNO(get_log(vm, SLOT_TEST, (void *)8), EFAULT);
}

CASE(lost, "what could not be copied out is reported the next time")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, PAGES);

	vm_add_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE);
	TOUCH(cpu, 9, 150);
	CHECK_ERRNO(get_log(vm, SLOT_TEST, (void *)8), EFAULT);
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 2);
	CHECK(is_dirty(9) && is_dirty(150));
}

/* ---------------------------------------------------------------- KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 */

static int enable_manual(struct vm *vm, u64 flags)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args = { flags },
	};

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

#define MANUAL KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE
#define INITIAL KVM_DIRTY_LOG_INITIALLY_SET

CASE(manual_cap, "the manual mode takes the flags it has, and no others")
{
	struct vm *vm = vm_new(0);

	CHECK_EQ(NEED(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2), MANUAL | INITIAL);
	CHECK_ERRNO(enable_manual(vm, INITIAL), EINVAL);
	CHECK_ERRNO(enable_manual(vm, MANUAL | 4), EINVAL);
	OK(enable_manual(vm, MANUAL));
	OK(enable_manual(vm, MANUAL | INITIAL));
	OK(enable_manual(vm, 0));
}

CASE(manual, "manual mode: reading leaves the log as it is, clearing takes what it names")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, PAGES);
	u64 some[2] = { 1ULL << 1 | 1ULL << 9, 1 };

	NEED(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
	OK(enable_manual(vm, MANUAL));
	vm_add_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE);
	TOUCH(cpu, 1, 2, 64, 199);
	for (int i = 0; i < 2; i++) {
		OK(get_log(vm, SLOT_TEST, bitmap));
		CHECK_EQ(nr_dirty(PAGES), 4);
	}
	/* Page 1 and 64 are cleared, 9 was not dirty. */
	OK(clear_log(vm, SLOT_TEST, 0, 128, some));
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 2);
	CHECK(is_dirty(2) && is_dirty(199));
	/* What was cleared is seen again when written, what was not stays. */
	TOUCH(cpu, 1);
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 3);
	CHECK(is_dirty(1) && is_dirty(2) && is_dirty(199));
	/* The last words: bits beyond the last page mean nothing. */
	memset(bitmap, 0xff, sizeof(bitmap));
	OK(clear_log(vm, SLOT_TEST, 128, PAGES - 128, bitmap));
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 2);
}

CASE(manual_errors, "clearing: ranges that are unaligned or too long, no such slot, no bitmap")
{
	struct vm *vm = vm_new(0);

	NEED(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
	OK(enable_manual(vm, MANUAL));
	vm_add_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE);
	CHECK_ERRNO(clear_log(vm, SLOT_TEST, 1, 64, bitmap), EINVAL);
	CHECK_ERRNO(clear_log(vm, SLOT_TEST, 0, 63, bitmap), EINVAL);
	CHECK_ERRNO(clear_log(vm, SLOT_TEST, 0, 256, bitmap), EINVAL);
	CHECK_ERRNO(clear_log(vm, SLOT_TEST, 256, 0, bitmap), EINVAL);
	CHECK_ERRNO(clear_log(vm, SLOT_TEST, ~63ULL, 64, bitmap), EINVAL);
	CHECK_ERRNO(clear_log(vm, SLOT_TEST + 1, 0, 64, bitmap), ENOENT);
	CHECK_ERRNO(clear_log(vm, 0xffff, 0, 64, bitmap), EINVAL);
	CHECK_ERRNO(clear_log(vm, SLOT_TEST, 0, 64, (void *)8), EFAULT);
	OK(clear_log(vm, SLOT_TEST, 0, 64, bitmap));
	OK(clear_log(vm, SLOT_TEST, 192, 8, bitmap));
}

CASE(initially_set, "a slot that is logged from the start in that mode begins all dirty")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, PAGES);
	void *mem;

	NEED(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
	OK(enable_manual(vm, MANUAL | INITIAL));
	mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE);
	TOUCH(cpu, 3, 4, 5);
	OK(vm_set_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE, mem));
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(LONGS * 64), PAGES);
	OK(clear_log(vm, SLOT_TEST, 0, PAGES, bitmap));
	TOUCH(cpu, 4);
	OK(get_log(vm, SLOT_TEST, bitmap));
	CHECK_EQ(nr_dirty(PAGES), 1);
	CHECK(is_dirty(4));
}

/* ---------------------------------------------------------------- large pages */

#define LARGE (2UL << 20)

static void *large_pages(u64 size)
{
	u8 *raw = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	u8 *mem = (u8 *)(((u64)raw + LARGE - 1) & ~(LARGE - 1));

	REQUIRE(raw != MAP_FAILED);
	if (madvise(mem, size, MADV_HUGEPAGE))
		SKIP("no transparent huge pages");
	memset(mem, 1, size);
	return mem;
}

static void log_large(u64 manual)
{
	u64 pages = 2 * LARGE / PAGE;
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, touch, pages);
	u64 *mem = large_pages(2 * LARGE);

	if (manual) {
		NEED(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
		OK(enable_manual(vm, manual));
	}
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, 2 * LARGE, mem));
	TOUCH(cpu, 3, 600);
	for (int round = 0; round < 3; round++) {
		OK(vm_set_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, 2 * LARGE, mem));
		OK(get_log(vm, SLOT_TEST, bitmap));
		CHECK_EQ(nr_dirty(pages), manual & INITIAL ? pages : 0);
		if (manual)
			OK(clear_log(vm, SLOT_TEST, 0, pages, bitmap));
		TOUCH(cpu, 3, 5, 1000);
		OK(get_log(vm, SLOT_TEST, bitmap));
		CHECK_EQ(nr_dirty(pages), 3);
		CHECK(is_dirty(3) && is_dirty(5) && is_dirty(1000));
		OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, 2 * LARGE, mem));
		TOUCH(cpu, 3, 6);
	}
	CHECK_EQ(mem[3 * PAGE / 8], 0x0101010101010101 + 7);
	CHECK_EQ(mem[1000 * PAGE / 8], 0x0101010101010101 + 3);
}

CASE(large, "memory of large pages is logged by 4 KiB pages")
{
	log_large(0);
}

CASE(large_manual, "the same in manual mode, all dirty at first")
{
	log_large(MANUAL | INITIAL);
}

/* ---------------------------------------------------------------- moving a running guest's memory */

#define MOVE_PAGES 64

static volatile bool stop;

/* Each vCPU writes to all pages, at a place of its own. */
static void write_all(u64 me)
{
	volatile u64 *mem = (u64 *)GPA;
	u64 n = 0;

	while (!stop) {
		n++;
		for (u64 i = 0; i < MOVE_PAGES; i++)
			mem[i * PAGE / 8 + me] = n * 1000 + i;
	}
}

static void copy_dirty(const u8 *from, u8 *to)
{
	for (u64 i = 0; i < MOVE_PAGES; i++) {
		if (is_dirty(i))
			memcpy(to + i * PAGE, from + i * PAGE, PAGE);
	}
}

static void move_guest(u64 manual)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpus[2] = { vcpu_new(vm, write_all, 0), vcpu_new(vm, write_all, 1) };
	u8 *copy = calloc(MOVE_PAGES, PAGE);
	struct runner *runners[2];
	u8 *mem;

	if (manual) {
		NEED(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
		OK(enable_manual(vm, manual));
	}
	mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, MOVE_PAGES * PAGE);
	for (int i = 0; i < 2; i++)
		runners[i] = vcpu_start(cpus[i]);
	sleep_ms(20);
	OK(vm_set_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA, MOVE_PAGES * PAGE, mem));
	memcpy(copy, mem, MOVE_PAGES * PAGE);
	for (int round = 0; round <= 200; round++) {
		if (round == 200) {
			stop = true;
			vcpu_join(runners[0]);
			vcpu_join(runners[1]);
		}
		OK(get_log(vm, SLOT_TEST, bitmap));
		if (manual)
			OK(clear_log(vm, SLOT_TEST, 0, MOVE_PAGES, bitmap));
		copy_dirty(mem, copy);
	}
	for (u64 i = 0; i < MOVE_PAGES; i++) {
		if (memcmp(copy + i * PAGE, mem + i * PAGE, PAGE)) {
			FAIL("page %llu of the copy is old", (unsigned long long)i);
			break;
		}
	}
	CHECK(*(u64 *)copy > 1000 && ((u64 *)copy)[1] > 1000);
	vm_free(vm);
}

CASE(migrate, "a copy that follows the log of two running vCPUs ends up the same")
{
	move_guest(0);
}

CASE(migrate_manual, "the same with reading and clearing apart")
{
	move_guest(MANUAL | INITIAL);
}
