// SPDX-License-Identifier: GPL-2.0-only
/* The program's changes to the memory behind a slot reach a guest that has used it: unmapping, discarding, remapping. */
#include <pthread.h>
#include <sched.h>

#include "vm.h"

#define GPA 0x10000000UL
#define N 64

static u8 *mem;

static struct vcpu *start(void (*code)(u64))
{
	struct vm *vm = vm_new(0);

	mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, N * PAGE);
	return vcpu_new(vm, code, 0);
}

static void fill_and_look(u64 unused)
{
	for (u64 i = 0; i < N; i++)
		*(volatile u64 *)(GPA + i * PAGE) = i + 1;
	guest_sync(1);
	for (u64 i = 0; i < N; i++)
		G_ASSERT_EQ(*(volatile u64 *)(GPA + i * PAGE), 0);
	guest_sync(2);
	for (u64 i = 0; i < N; i++)
		G_ASSERT_EQ(*(volatile u64 *)(GPA + i * PAGE), 0x100 + i);
	guest_sync(3);
}

CASE(dontneed, "MADV_DONTNEED: the guest reads zeroes, then what the program puts there")
{
	struct vcpu *cpu = start(fill_and_look);

	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(*(u64 *)(mem + 5 * PAGE), 6);
	OK(madvise(mem, N * PAGE, MADV_DONTNEED));
	vcpu_expect_sync(cpu, 2);
	for (u64 i = 0; i < N; i++)
		*(u64 *)(mem + i * PAGE) = 0x100 + i;
	vcpu_expect_sync(cpu, 3);
}

CASE(remapped, "other pages mapped in the same place are what the guest sees")
{
	struct vcpu *cpu = start(fill_and_look);

	vcpu_expect_sync(cpu, 1);
	REQUIRE(mmap(mem, N * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		     -1, 0) == mem);
	vcpu_expect_sync(cpu, 2);
	for (u64 i = 0; i < N; i++)
		*(u64 *)(mem + i * PAGE) = 0x100 + i;
	vcpu_expect_sync(cpu, 3);
}

CASE(moved, "pages moved away with mremap are gone, moved in they are there")
{
	struct vcpu *cpu = start(fill_and_look);
	u8 *other;

	vcpu_expect_sync(cpu, 1);
	other = mremap(mem, N * PAGE, N * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       mmap(NULL, N * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	REQUIRE(other != MAP_FAILED);
	CHECK_EQ(*(u64 *)(other + 7 * PAGE), 8);
	REQUIRE(mmap(mem, N * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		     -1, 0) == mem);
	vcpu_expect_sync(cpu, 2);
	for (u64 i = 0; i < N; i++)
		*(u64 *)(other + i * PAGE) = 0x100 + i;
	REQUIRE(mremap(other, N * PAGE, N * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, mem) == mem);
	vcpu_expect_sync(cpu, 3);
}

CASE(unmapped, "an access to pages that were unmapped is EFAULT, and goes on when they are back")
{
	struct vcpu *cpu = start(fill_and_look);
	struct event ev;

	vcpu_expect_sync(cpu, 1);
	OK(munmap(mem, N * PAGE));
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_ERROR);
	CHECK_EQ(ev.error, EFAULT);
	REQUIRE(mmap(mem, N * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		     -1, 0) == mem);
	vcpu_expect_sync(cpu, 2);
}

static void write_again(u64 unused)
{
	*(volatile u64 *)GPA = 1;
	guest_sync(1);
	*(volatile u64 *)GPA = 2;
	guest_sync(2);
}

CASE(protected, "pages that become read-only are not written any more: EFAULT")
{
	struct vcpu *cpu = start(write_again);
	struct event ev;

	vcpu_expect_sync(cpu, 1);
	OK(mprotect(mem, N * PAGE, PROT_READ));
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_ERROR);
	CHECK_EQ(ev.error, EFAULT);
	CHECK_EQ(*(u64 *)mem, 1);
	OK(mprotect(mem, N * PAGE, PROT_READ | PROT_WRITE));
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(*(u64 *)mem, 2);
}

static volatile bool stop;

/* Every page holds its number or nothing, whatever happens outside. */
static void churn(u64 unused)
{
	while (!stop) {
		for (u64 i = 0; i < N; i++) {
			volatile u64 *p = (u64 *)(GPA + i * PAGE);
			u64 seen = *p;

			if (seen && seen != i + 1)
				guest_sync(seen);
			*p = i + 1;
		}
	}
}

static void churned(bool remap)
{
	struct vcpu *a = start(churn), *b = vcpu_new(a->vm, churn, 0);
	struct runner *ra = vcpu_start(a), *rb = vcpu_start(b);

	for (int round = 0; round < 300; round++) {
		u8 *from = mem + round * 7 % N * PAGE;
		u64 len = (N - round * 7 % N) * PAGE;

		if (remap)
			REQUIRE(mmap(from, len, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == from);
		else
			OK(madvise(from, len, MADV_DONTNEED));
	}
	stop = true;
	vcpu_join(ra);
	vcpu_join(rb);
	for (u64 i = 0; i < N; i++) {
		u64 seen = *(u64 *)(mem + i * PAGE);

		if (seen && seen != i + 1)
			FAIL("page %llu holds %llu", (unsigned long long)i,
			     (unsigned long long)seen);
	}
	vm_free(a->vm);
}

CASE_SLOW(discarded_running, "pages discarded under two running vCPUs", 60)
{
	churned(false);
}

CASE_SLOW(remapped_running, "pages replaced under two running vCPUs", 60)
{
	churned(true);
}

static volatile u64 writes;

static void counter(u64 unused)
{
	for (;;) {
		*(volatile u64 *)GPA = 0x1111;
		writes++;
	}
}

/* Takes the page away while the guest writes to it, and lets somebody else have it. */
static void *thief(void *arg)
{
	u64 **own = arg;

	while (writes < 100)
		sched_yield();
	OK(munmap(mem, PAGE));
	*own = mmap(NULL, 256 * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return NULL;
}

CASE(unmapped_running,
     "memory unmapped under a running guest: EFAULT, and nobody else's page is written")
{
	struct vcpu *cpu = start(counter);
	pthread_t thread;
	struct event ev;
	u64 *own = NULL;

	REQUIRE(!pthread_create(&thread, NULL, thief, &own));
	ev = vcpu_run(cpu);
	pthread_join(thread, NULL);
	CHECK_EQ(ev.kind, EV_ERROR);
	CHECK_EQ(ev.error, EFAULT);
	for (u64 i = 0; i < 256; i++)
		CHECK_EQ(own[i * PAGE / 8], 0);
}
