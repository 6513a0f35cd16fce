// SPDX-License-Identifier: GPL-2.0-only
/* The cost of guest memory: faults, invalidations, and taking it apart. */
#include <unistd.h>

#include "bench.h"

#define TOUCHED 0x40000000UL
#define LARGE (2UL << 20)
#define LARGE_ROUNDS 4
#define MB (1UL << 20)
#define TOUCH_SIZE (256 * MB)
#define TEARDOWN_SIZE (1024 * MB)

/* Memory of the VMM, aligned for large pages. */
static u8 *allocate(u64 size, int advice)
{
	u8 *memory = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	REQUIRE(memory != MAP_FAILED);
	memory = (u8 *)(((u64)memory + LARGE - 1) & ~(LARGE - 1));
	OK(madvise(memory, size, advice));
	return memory;
}

static struct vcpu *guest_with_memory(void (*code)(u64), u8 *memory, u64 size)
{
	struct vcpu *cpu = guest_with(code);

	OK(vm_set_slot(cpu->vm, SLOT_TEST, 0, TOUCHED, size, memory));
	return cpu;
}

static void touch_all(u64 size, u64 step)
{
	for (u64 i = 0; i < size; i += step)
		*(volatile u8 *)(TOUCHED + i) = 1;
}

static void op_touch(u64 unused)
{
	volatile u8 *page = (u8 *)TOUCHED;

	SAMPLE((*page = 1, page += PAGE));
}

static void touch(const char *name, bool present)
{
	u64 size = MAX_BATCHES * ROUNDS * PAGE;
	u8 *memory = allocate(size, MADV_NOHUGEPAGE);

	if (present)
		memset(memory, 1, size);
	measure_on(name, guest_with_memory(op_touch, memory, size));
}

CASE(bench_touch, "the first touch of a page of 4 KiB, by anybody")
{
	touch("first-touch", false);
}

CASE(bench_map, "the guest's first touch of a page of 4 KiB that the VMM has")
{
	touch("map-present", true);
}

static void op_touch_large(u64 unused)
{
	volatile u8 *page = (u8 *)TOUCHED;

	for (unsigned int b = 0; b < batches; b++) {
		u64 start = rdtsc();

		for (int i = 0; i < LARGE_ROUNDS; i++, page += LARGE)
			*page = 1;
		samples[b] = rdtsc() - start;
	}
}

CASE_SLOW(bench_map_large, "the guest's first touch of a page of 2 MiB that the VMM has", 120)
{
	u64 size = MAX_BATCHES * LARGE_ROUNDS * LARGE;
	u8 *memory = allocate(size, MADV_HUGEPAGE);

	for (u64 i = 0; i < size; i += PAGE)
		memory[i] = 1;
	vcpu_expect_done(guest_with_memory(op_touch_large, memory, size));
	report("map-present-2M", LARGE_ROUNDS);
}

/* The VMM invalidates between batches. */
static void op_refault(u64 unused)
{
	for (unsigned int b = 0; b < batches; b++) {
		u64 start;

		touch_all(ROUNDS * PAGE, PAGE);
		guest_sync(b);
		start = rdtsc();
		touch_all(ROUNDS * PAGE, PAGE);
		samples[b] = rdtsc() - start;
	}
}

CASE(bench_refault, "a touch after the VMM's pages changed their protection and back")
{
	u64 size = ROUNDS * PAGE;
	u8 *memory = allocate(size, MADV_NOHUGEPAGE);
	struct vcpu *cpu = guest_with_memory(op_refault, memory, size);

	for (unsigned int b = 0; b < batches; b++) {
		vcpu_expect_sync(cpu, b);
		OK(mprotect(memory, size, PROT_READ));
		OK(mprotect(memory, size, PROT_READ | PROT_WRITE));
	}
	measure_on("refault", cpu);
}

static void op_touch_256m(u64 unused)
{
	u64 start = rdtsc();

	touch_all(TOUCH_SIZE, PAGE);
	samples[0] = rdtsc() - start;
}

static void touch_256m(const char *name, int advice)
{
	vcpu_expect_done(
		guest_with_memory(op_touch_256m, allocate(TOUCH_SIZE, advice), TOUCH_SIZE));
	report_value(name, samples[0]);
}

CASE_SLOW(bench_touch_256m, "the first touch of 256 MB in pages of 4 KiB", 600)
{
	touch_256m("first-touch-256M", MADV_NOHUGEPAGE);
}

CASE_SLOW(bench_touch_256m_large, "the first touch of 256 MB in pages of 2 MiB", 600)
{
	touch_256m("first-touch-256M-2M", MADV_HUGEPAGE);
}

static void op_touch_1g(u64 unused)
{
	touch_all(TEARDOWN_SIZE, PAGE);
}

CASE_SLOW(bench_teardown, "closing a VM that has mapped 1 GB in pages of 4 KiB", 900)
{
	u8 *memory = allocate(TEARDOWN_SIZE, MADV_NOHUGEPAGE);
	struct vcpu *cpu = guest_with_memory(op_touch_1g, memory, TEARDOWN_SIZE);
	u64 start;

	vcpu_expect_done(cpu);
	start = rdtsc();
	munmap(cpu->run, OK(ioctl(cpu->vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0)));
	close(cpu->fd);
	close(cpu->vm->fd);
	report_value("teardown-1G", rdtsc() - start);
}
