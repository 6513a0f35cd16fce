// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of its memory a guest uses, as the kernel's data access monitor (DAMON) sees it: it clears the accessed mark
 * of a page and looks after a while whether it is back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vm.h"

#define GPA 0x40000000UL
#define PAGES 64UL
#define SIZE (PAGES * PAGE)
/* The pages that are watched: every other one, so that no two are merged; of those every other one is used. */
#define WATCHED (PAGES / 2)
#define IS_USED(page) (!((page) & 2))

#define ADMIN "/sys/kernel/mm/damon/admin/kdamonds/"
#define CONTEXT ADMIN "0/contexts/0/"
#define SCHEME CONTEXT "schemes/0/"

static volatile bool began, stop;

static void use(u64 unused)
{
	/* What was used once is marked until somebody clears the mark. */
	for (u64 i = 0; i < PAGES; i++)
		(void)*(volatile u64 *)(GPA + i * PAGE);
	began = true;
	while (!stop) {
		/* The processor sets the mark when it translates, not at every use. */
		write_cr3(read_cr3());
		for (u64 i = 0; i < PAGES; i++)
			if (IS_USED(i))
				(void)*(volatile u64 *)(GPA + i * PAGE);
	}
}

/* write(2) of a number to a file of DAMON's */
static bool set(const char *file, u64 value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return write_file(file, text);
}

static u64 get(const char *file)
{
	char text[24] = "";

	REQUIRE(read_file(file, text, sizeof(text)));
	return strtoull(text, NULL, 10);
}

static void watch(u64 page, u8 *mem)
{
	char file[128];

	snprintf(file, sizeof(file), CONTEXT "targets/0/regions/%llu/start",
		 (unsigned long long)page / 2);
	REQUIRE(set(file, (u64)mem + page * PAGE));
	snprintf(file, sizeof(file), CONTEXT "targets/0/regions/%llu/end",
		 (unsigned long long)page / 2);
	REQUIRE(set(file, (u64)mem + (page + 1) * PAGE));
}

/* A scheme that does nothing but tell what there is. */
static void make_scheme(void)
{
	REQUIRE(set(CONTEXT "schemes/nr_schemes", 1));
	REQUIRE(write_file(SCHEME "action", "stat"));
	REQUIRE(set(SCHEME "access_pattern/sz/max", ~0UL));
	REQUIRE(set(SCHEME "access_pattern/nr_accesses/max", ~0U));
	REQUIRE(set(SCHEME "access_pattern/age/max", ~0U));
}

static void start(u8 *mem)
{
	if (access(ADMIN, R_OK))
		SKIP("no DAMON");
	if (get(ADMIN "nr_kdamonds") || !set(ADMIN "nr_kdamonds", 1))
		SKIP("DAMON is in use");
	REQUIRE(set(ADMIN "0/contexts/nr_contexts", 1));
	REQUIRE(write_file(CONTEXT "operations", "fvaddr"));
	REQUIRE(set(CONTEXT "monitoring_attrs/intervals/sample_us", 100000));
	REQUIRE(set(CONTEXT "monitoring_attrs/intervals/aggr_us", 1000000));
	REQUIRE(set(CONTEXT "targets/nr_targets", 1));
	REQUIRE(set(CONTEXT "targets/0/pid_target", getpid()));
	REQUIRE(set(CONTEXT "targets/0/regions/nr_regions", WATCHED));
	for (u64 i = 0; i < PAGES; i += 2)
		watch(i, mem);
	make_scheme();
	REQUIRE(write_file(ADMIN "0/state", "on"));
}

/* In how many samples of the last ten the page was found used: one file for each, in any order. */
static void look(const u8 *mem, u64 found[PAGES])
{
	char file[128];
	u64 page;

	REQUIRE(write_file(ADMIN "0/state", "update_schemes_tried_regions"));
	for (u64 i = 0; i < WATCHED; i++) {
		snprintf(file, sizeof(file), SCHEME "tried_regions/%llu/start",
			 (unsigned long long)i);
		page = (get(file) - (u64)mem) / PAGE;
		REQUIRE(page < PAGES);
		snprintf(file, sizeof(file), SCHEME "tried_regions/%llu/nr_accesses",
			 (unsigned long long)i);
		found[page] = get(file);
	}
}

static void check(const u64 found[PAGES])
{
	for (u64 i = 0; i < PAGES; i += 2) {
		if (IS_USED(i) != !!found[i])
			FAIL("page %llu, which the guest %s, was found used in %llu samples",
			     (unsigned long long)i, IS_USED(i) ? "uses" : "does not use",
			     (unsigned long long)found[i]);
	}
}

CASE(regions, "the pages that a guest uses are found used, sample for sample, and no others")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, use, 0);
	struct runner *runner;
	u64 found[PAGES] = {};
	u8 *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(mem != MAP_FAILED);
	OK(madvise(mem, SIZE, MADV_NOHUGEPAGE));
	memset(mem, 1, SIZE);
	/* For the VMM they are unused from now on. */
	OK(madvise(mem, SIZE, MADV_COLD));
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
	runner = vcpu_start(cpu);
	while (!began && !ktap_failed())
		sleep_ms(1);
	start(mem);
	look(mem, found);
	check(found);
	CHECK(write_file(ADMIN "0/state", "off"));
	CHECK(set(ADMIN "nr_kdamonds", 0));
	stop = true;
	vcpu_join(runner);
	vm_free(vm);
}
