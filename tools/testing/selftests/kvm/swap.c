// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory that the kernel swaps out under a running guest: all of it comes back as it was. */
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "vm.h"

#define GPA 0x40000000UL
#define SIZE (512 * PAGE)
#define SWAP_SIZE (4 * SIZE)

/* ---------------------------------------------------------------- a swap device: a loop over memory */

static char swap_device[32];

/* What mkswap(8) writes: the version, the last page, no bad ones; the signature at the end of the page. */
static void write_swap_header(int fd)
{
	static u8 page[PAGE];
	u32 *head = (u32 *)(page + 1024);

	head[0] = 1;
	head[1] = SWAP_SIZE / PAGE - 1;
	memcpy(page + PAGE - 10, "SWAPSPACE2", 10);
	REQUIRE_EQ(pwrite(fd, page, PAGE, 0), PAGE);
}

static void swap_on(void)
{
	int file = memfd_create("swap", MFD_CLOEXEC), control, loop;
	int nr;

	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0 && !system("modprobe -q loop 2>/dev/null"))
		control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		SKIP("no loop devices");
	nr = OK(ioctl(control, LOOP_CTL_GET_FREE));
	snprintf(swap_device, sizeof(swap_device), "/dev/loop%d", nr);
	loop = open(swap_device, O_RDWR | O_CLOEXEC);
	if (loop < 0)
		SKIP("%s: %s", swap_device, strerror(errno));
	OK(ftruncate(file, SWAP_SIZE));
	write_swap_header(file);
	OK(ioctl(loop, LOOP_SET_FD, file));
	if (swapon(swap_device, 0)) {
		int error = errno;

		ioctl(loop, LOOP_CLR_FD);
		SKIP("swapon: %s", strerror(error));
	}
	/* The loop goes with the last that uses it: the swap. */
	OK(ioctl(loop, LOOP_SET_STATUS64, &(struct loop_info64){ .lo_flags = LO_FLAGS_AUTOCLEAR }));
	close(loop);
	close(control);
	close(file);
}

/* One that is written to at once, so that reclaim goes no further than it was asked to while it waits. */
static void swap_on_ram(void)
{
	int fd = open("/dev/ram0", O_RDWR | O_CLOEXEC);

	if (fd < 0 && !system("modprobe -q brd rd_nr=1 rd_size=8192 2>/dev/null"))
		fd = open("/dev/ram0", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		SKIP("no RAM disk");
	write_swap_header(fd);
	OK(fsync(fd));
	close(fd);
	strcpy(swap_device, "/dev/ram0");
	if (swapon(swap_device, 0))
		SKIP("swapon: %s", strerror(errno));
}

static void swap_off(void)
{
	OK(swapoff(swap_device));
}

/* How many of the pages @first, @first + @step ... of @mem are in the swap now: bit 62 of /proc/self/pagemap. */
static u64 swapped(const u8 *mem, u64 first, u64 step)
{
	static u64 entries[SIZE / PAGE];
	int fd = OK(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
	u64 n = 0;

	REQUIRE_EQ(pread(fd, entries, sizeof(entries), (u64)mem / PAGE * 8), sizeof(entries));
	close(fd);
	for (u64 i = first; i < SIZE / PAGE; i += step)
		n += !!(entries[i] & BIT(62));
	return n;
}

/* How many pages the system has written to its swap so far. */
static u64 written_to_swap(void)
{
	static char text[16384];
	const char *at;

	REQUIRE(read_file("/proc/vmstat", text, sizeof(text)));
	at = strstr(text, "pswpout ");
	REQUIRE(at);
	return strtoull(at + 8, NULL, 10);
}

static u8 *private_memory(void)
{
	u8 *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(mem != MAP_FAILED);
	OK(madvise(mem, SIZE, MADV_NOHUGEPAGE));
	return mem;
}

/* ---------------------------------------------------------------- one vCPU, stopped meanwhile */

static void write_then_check(u64 unused)
{
	for (u64 a = 0; a < SIZE; a += PAGE)
		*(volatile u64 *)(GPA + a) = a + 1;
	guest_sync(1);
	/* Read only: a page that comes in this way is written to by nobody. */
	for (u64 a = 0; a < SIZE; a += PAGE)
		G_ASSERT_EQ(*(volatile u64 *)(GPA + a), a + 1);
	guest_sync(2);
	for (u64 a = 0; a < SIZE; a += PAGE)
		*(volatile u64 *)(GPA + a) += 1;
	guest_sync(3);
	for (u64 a = 0; a < SIZE; a += PAGE)
		G_ASSERT_EQ(*(volatile u64 *)(GPA + a), a + 2);
	guest_sync(4);
}

CASE(in_turn, "what the guest wrote and what it read is swapped out and comes back")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, write_then_check, 0);
	u8 *mem = private_memory();

	swap_on();
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
	for (u64 i = 1; i <= 4; i++) {
		vcpu_expect_sync(cpu, i);
		OK(madvise(mem, SIZE, MADV_PAGEOUT));
		/* All but what is on its way. */
		CHECK(swapped(mem, 0, 1) > SIZE / PAGE / 2);
	}
	for (u64 a = 0; a < SIZE; a += PAGE)
		CHECK_EQ(*(u64 *)(mem + a), a + 2);
	vm_free(vm);
	swap_off();
}

/* ---------------------------------------------------------------- two that run meanwhile */

static volatile bool stop;
static volatile u64 rounds[2];

/* Each page has a number of each vCPU's, which must be that of the last round whenever it is looked at. */
static void count_up(u64 me)
{
	for (u64 n = 1; !stop; n++) {
		for (u64 a = 0; a < SIZE; a += PAGE) {
			volatile u64 *p = (u64 *)(GPA + a) + me;

			G_ASSERT_EQ(*p, n - 1);
			*p = n;
		}
		rounds[me] = n;
	}
}

CASE_SLOW(running, "memory goes out and in under two running vCPUs: no write is lost", 100)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpus[2] = { vcpu_new(vm, count_up, 0), vcpu_new(vm, count_up, 1) };
	struct runner *runners[2];
	u8 *mem = private_memory();
	u64 written;

	swap_on();
	written = written_to_swap();
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
	for (int i = 0; i < 2; i++)
		runners[i] = vcpu_start(cpus[i]);
	for (int i = 0; i < 15; i++) {
		u64 before[2] = { rounds[0], rounds[1] };

		OK(madvise(mem, SIZE, MADV_PAGEOUT));
		for (int j = 0; j < 2; j++)
			while (rounds[j] == before[j] && !ktap_failed())
				sleep_ms(1);
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		vcpu_join(runners[i]);
	CHECK(written_to_swap() - written > SIZE / PAGE);
	for (u64 a = 0; a < SIZE; a += PAGE)
		for (int i = 0; i < 2; i++)
			CHECK_EQ(((u64 *)(mem + a))[i], rounds[i]);
	vm_free(vm);
	swap_off();
}

/* ---------------------------------------------------------------- what is not used goes first */

static char cgroup_root[] = "/tmp/selftest-cgroup-XXXXXX";

static bool cgroup_write(const char *file, const char *text)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/%s", cgroup_root, file);
	return write_file(path, text);
}

/* From now on this process's new memory is counted in a group of its own. */
static void enter_cgroup(void)
{
	char path[64];
	bool ok;

	REQUIRE(mkdtemp(cgroup_root));
	snprintf(path, sizeof(path), "%s/kvm-swap", cgroup_root);
	ok = !mount("none", cgroup_root, "cgroup2", 0, NULL) &&
	     cgroup_write("cgroup.subtree_control", "+memory") &&
	     (!mkdir(path, 0755) || errno == EEXIST) && cgroup_write("kvm-swap/cgroup.procs", "0");
	if (!ok) {
		umount2(cgroup_root, MNT_DETACH);
		rmdir(cgroup_root);
		SKIP("no cgroup that counts memory");
	}
}

static void leave_cgroup(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/kvm-swap", cgroup_root);
	CHECK(cgroup_write("cgroup.procs", "0"));
	CHECK(!rmdir(path));
	CHECK(!umount(cgroup_root));
	CHECK(!rmdir(cgroup_root));
}

#define ROUNDS 2
/* Pages asked for a round; it takes up to three times as many, of the 256 that are not used. */
#define EACH 32UL

/* Every other page. */
static void use_even(u64 unused)
{
	for (u64 n = 1;; n++) {
		for (u64 a = 0; a < SIZE; a += 2 * PAGE)
			*(volatile u64 *)(GPA + a) += 1;
		guest_sync(n);
	}
}

/*
 * Only the guest uses the pages: for the VMM they are all equally old, and first in the line (MADV_COLD).  What reclaim then
 * takes is what the guest has not used, each time anew, as what it finds used it asks about afresh.
 */
static void reclaim(void)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, use_even, 0);
	char amount[24];
	u8 *mem;

	snprintf(amount, sizeof(amount), "%lu", EACH * PAGE);
	enter_cgroup();
	swap_on_ram();
	mem = private_memory();
	memset(mem, 1, SIZE);
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, SIZE, mem));
	for (u64 i = 1; i <= ROUNDS; i++) {
		vcpu_expect_sync(cpu, i);
		OK(madvise(mem, SIZE, MADV_COLD));
		if (!cgroup_write("kvm-swap/memory.reclaim", amount) && errno == ENOENT)
			SKIP("no memory.reclaim");
		ktap_note("round %llu: of the pages in use %llu are out, of the others %llu",
			  (unsigned long long)i, (unsigned long long)swapped(mem, 0, 2),
			  (unsigned long long)swapped(mem, 1, 2));
		CHECK_EQ(swapped(mem, 0, 2), 0);
		CHECK(swapped(mem, 1, 2) >= i * EACH / 2);
	}
	vm_free(vm);
	swap_off();
	leave_cgroup();
}

#define LRU_GEN "/sys/kernel/mm/lru_gen/enabled"

CASE(young, "reclaim takes the pages that the guest has not used since it looked last")
{
	reclaim();
}

/* They ask with clear_flush_young(), generations with clear_young(). */
CASE(young_lists, "the same where the kernel keeps pages in two lists instead of generations")
{
	char was[16];

	if (!read_file(LRU_GEN, was, sizeof(was)) || !strtoul(was, NULL, 0))
		SKIP("it has no generations, or does not use them");
	REQUIRE(write_file(LRU_GEN, "n"));
	reclaim();
	CHECK(write_file(LRU_GEN, was));
}
