// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/debug/kvm: a folder for each machine, in it one for each vCPU. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "debugfs.h"

static void work(u64 n)
{
	for (u64 i = 0; i < n; i++) {
		cpuid(0, 0);
		outb(0x80, i);
	}
	guest_sync(1);
	for (u64 i = 0; i < n; i++)
		cpuid(0, 0);
	guest_done();
}

static void run_outs(struct vcpu *cpu, int n)
{
	while (n--)
		vcpu_expect_exit(cpu, KVM_EXIT_IO);
	vcpu_expect_sync(cpu, 1);
}

CASE(names,
     "a machine's folder is called after process and descriptor, and holds what tools look for")
{
	static const char *const want[] = {
		"exits",      "halt_exits",	  "halt_wait_ns",     "irq_injections",
		"mmio_exits", "io_exits",	  "pf_fixed",	      "pf_taken",
		"pages_4k",   "pages_2m",	  "hypercalls",	      "signal_exits",
		"irq_exits",  "insn_emulation",	  "nested_run",	      "guest_mode",
		"blocking",   "halt_wait_hist",	  "tlb_flush",	      "preemption_other",
		"vcpu0/pid",  "vcpu0/tsc-offset", "vcpu0/guest_mode", "remote_tlb_flush",
	};
	struct vcpu *cpu;

	need_debugfs();
	cpu = vm_with(0, work, 5);
	run_outs(cpu, 5);
	for (u32 i = 0; i < ARRAY_SIZE(want); i++)
		vm_number(cpu->vm, want[i]);
	CHECK_EQ(vm_number(cpu->vm, "vcpu0/pid"), getpid());
	CHECK_EQ(vm_number(cpu->vm, "guest_mode"), 0);
	CHECK(vm_number(cpu->vm, "exits") >= 10);
	CHECK(vm_number(cpu->vm, "io_exits") >= 5);
}

CASE(listed, "whoever lists the folders finds the machine, and later vCPUs")
{
	struct vcpu *cpu;
	struct dirent *d;
	char name[32];
	int found = 0;
	DIR *dir;

	need_debugfs();
	cpu = vm_with(0, work, 0);
	snprintf(name, sizeof(name), "%d-%d", getpid(), cpu->vm->fd);
	dir = opendir(KVM_DEBUGFS);
	REQUIRE(dir != NULL);
	while ((d = readdir(dir)))
		found += !strcmp(d->d_name, name);
	CHECK_EQ(found, 1);
	closedir(dir);
	CHECK_EQ(access(vm_path(cpu->vm, "vcpu0/pid"), R_OK), 0);
	vcpu_new_bare(cpu->vm, 7);
	CHECK_EQ(access(vm_path(cpu->vm, "vcpu7/pid"), R_OK), 0);
	CHECK_ERRNO(access(vm_path(cpu->vm, "vcpu1"), R_OK), ENOENT);
}

CASE(own, "a machine's numbers are its own, and setting them to 0 works and nothing else")
{
	struct vcpu *a, *b;
	u64 before;
	int fd;

	need_debugfs();
	a = vm_with(0, work, 30);
	b = vm_with(0, work, 3);
	run_outs(b, 3);
	before = vm_number(b->vm, "exits");
	run_outs(a, 30);
	CHECK_EQ(vm_number(b->vm, "exits"), before);
	CHECK(vm_number(a->vm, "exits") > before);

	fd = OK(open(vm_path(a->vm, "exits"), O_WRONLY));
	CHECK_ERRNO(write(fd, "1", 1), EINVAL);
	CHECK_ERRNO(write(fd, "x", 1), EINVAL);
	CHECK_EQ(OK(write(fd, "0\n", 2)), 2);
	CHECK_EQ(vm_number(a->vm, "exits"), 0);
	CHECK_EQ(vm_number(b->vm, "exits"), before);
	/* What is not a count cannot be set; root is not stopped by the mode. */
	CHECK_EQ(OK(open(vm_path(a->vm, "pages_4k"), O_RDONLY)) >= 0, 1);
}

CASE(gone, "the folder goes with the machine; a file that was open reads no more")
{
	struct vcpu *cpu;
	char path[256], c;
	int fd, dir;

	need_debugfs();
	cpu = vm_with(0, work, 0);
	fd = OK(open(vm_path(cpu->vm, "exits"), O_RDONLY));
	snprintf(path, sizeof(path), "%s", vm_path(cpu->vm, "vcpu0"));
	dir = OK(open(path, O_RDONLY | O_DIRECTORY));
	vm_free(cpu->vm);
	for (int i = 0; i < 500 && !access(path, F_OK); i++)
		sleep_ms(10);
	CHECK_ERRNO(access(path, F_OK), ENOENT);
	CHECK_EQ(read(fd, &c, 1), -1);
	CHECK(errno == EIO || errno == ENODEV);
	CHECK_ERRNO(openat(dir, "pid", O_RDONLY), ENOENT);
	close(fd);
	close(dir);
}

CASE(same_name, "a machine whose number is still in use gets its folder when that is free")
{
	struct vcpu *cpu;
	struct vm *second;
	int fd;

	need_debugfs();
	cpu = vm_with(0, work, 0);
	vm_number(cpu->vm, "exits");
	fd = cpu->vm->fd;
	close(fd); /* the vCPU keeps the machine */
	second = vm_new(VM_NO_MEMORY);
	if (second->fd != fd)
		OK(dup2(second->fd, fd));
	access(vm_path(second, "exits"), F_OK);
	munmap(cpu->run, OK(ioctl(cpu->vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0)));
	close(cpu->fd);
	for (int i = 0; i < 500 && access(vm_path(second, "exits"), F_OK); i++)
		sleep_ms(10);
	CHECK_EQ(access(vm_path(second, "exits"), F_OK), 0);
}

/* ---- what only this project has */

struct rows {
	u64 count, ns;
};

static struct rows cost_of(struct vm *vm, const char *name, u64 *sum)
{
	struct rows r = { 0 };
	u64 count, ns;
	char word[64];
	FILE *f = fopen(vm_path(vm, "vcpu0/exit_costs"), "r");

	REQUIRE(f != NULL);
	*sum = 0;
	while (fscanf(f, "%*s %63s %lu %lu", word, &count, &ns) == 3) {
		*sum += count;
		if (strcasecmp(word, name))
			continue;
		r.count += count;
		r.ns += ns;
	}
	fclose(f);
	return r;
}

CASE(costs, "exits are counted by reason, all of them, with what they cost")
{
	struct vcpu *cpu = vm_with(0, work, 20);
	struct rows r;
	u64 sum;

	need_flight(cpu->vm);
	run_outs(cpu, 20);
	vcpu_expect_done(cpu);
	r = cost_of(cpu->vm, "cpuid", &sum);
	CHECK_EQ(r.count, 40);
	CHECK(r.ns > 0);
	CHECK_EQ(sum, vm_number(cpu->vm, "exits"));
}

CASE(flight, "the last exits stand in the flight recorder, with where and what was decided")
{
	struct vcpu *cpu = vm_with(0, work, 40);
	char text[16384] = "", *line, *last = NULL;
	struct stat st;
	int n = 0;
	FILE *f;

	need_flight(cpu->vm);
	run_outs(cpu, 40);
	vcpu_expect_done(cpu);
	f = fopen(vm_path(cpu->vm, "vcpu0/flight"), "r");
	REQUIRE(f != NULL);
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		last = line;
		n++;
	}
	CHECK_EQ(n, 64);
	REQUIRE(last != NULL);
	/* The last one is guest_done()'s OUT. */
	if (!strstr(last, "to the VMM: KVM_EXIT_IO"))
		FAIL("the last exit is \"%s\"", last);
	OK(stat(vm_path(cpu->vm, "vcpu0/flight"), &st));
	CHECK_EQ(st.st_mode & 0777, 0400);
}

#define HOLE 0xd0000040UL

static void touch_hole(u64 unused)
{
	*(volatile u32 *)HOLE = 1;
	cpuid(0, 0);
	guest_sync(1);
	guest_done();
}

CASE(flight_gpa, "an exit for want of a page stands there with the address, others have none")
{
	struct vcpu *cpu = vm_with(0, touch_hole, 0);
	char text[16384] = "", *hole, *cpuid;

	need_flight(cpu->vm);
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	vcpu_expect_sync(cpu, 1);
	REQUIRE(read_file(vm_path(cpu->vm, "vcpu0/flight"), text, sizeof(text)));
	hole = strstr(text, " gpa 0xd0000040, ");
	REQUIRE(hole != NULL);
	CHECK(strstr(hole, "to the VMM: KVM_EXIT_MMIO") < strchr(hole, '\n'));
	cpuid = strcasestr(hole, "cpuid"); /* CPUID on Intel */
	REQUIRE(cpuid != NULL);
	*strchr(cpuid, '\n') = 0;
	CHECK(!strstr(cpuid, "gpa"));
	vcpu_expect_done(cpu);
}

/* ---- races */

static volatile bool stop;

static void read_all(const char *path)
{
	struct dirent *d;
	DIR *dir = opendir(path);
	char text[4096];

	if (!dir)
		return;
	while ((d = readdir(dir))) {
		char sub[512];
		int fd;

		if (d->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), "%.240s/%.240s", path, d->d_name);
		if (d->d_type == DT_DIR) {
			read_all(sub);
			continue;
		}
		fd = open(sub, O_RDONLY);
		if (fd < 0)
			continue;
		while (read(fd, text, sizeof(text)) > 0)
			;
		close(fd);
	}
	closedir(dir);
}

static void *reader(void *arg)
{
	while (!stop)
		read_all(KVM_DEBUGFS);
	return NULL;
}

static void spin(u64 unused)
{
	for (u64 i = 0;; i++) {
		cpuid(0, 0);
		if (i % 16 == 0)
			outb(0x80, i);
	}
}

CASE_SLOW(race, "machines that run, come and go while all files are read", 120)
{
	pthread_t readers[2];

	need_debugfs();
	for (int i = 0; i < 2; i++)
		pthread_create(&readers[i], NULL, reader, NULL);
	for (int i = 0; i < 40; i++) {
		struct vcpu *cpu = vm_with(0, spin, 0);

		vcpu_new_bare(cpu->vm, 1);
		for (int j = 0; j < 50; j++)
			vcpu_expect_exit(cpu, KVM_EXIT_IO);
		vm_free(cpu->vm);
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(readers[i], NULL);
}
