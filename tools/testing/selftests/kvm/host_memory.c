// SPDX-License-Identifier: GPL-2.0-only
/* What the host does to the memory behind a slot while the guest uses it. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm.h"

#define GPA 0x10000000UL
#define PAGES 16

/* Does what it is told, one thing each time it is run. */
static enum { READ, WRITE } todo;
static u64 page, value;

static void obey(u64 unused)
{
	volatile u64 *mem;

	for (;;) {
		mem = (u64 *)(GPA + page * PAGE);
		if (todo == WRITE)
			*mem = value;
		else
			value = *mem;
		guest_sync(1);
	}
}

static u64 guest_read(struct vcpu *cpu, u64 from)
{
	todo = READ;
	page = from;
	vcpu_expect_sync(cpu, 1);
	return value;
}

static void guest_write(struct vcpu *cpu, u64 to, u64 what)
{
	todo = WRITE;
	page = to;
	value = what;
	vcpu_expect_sync(cpu, 1);
}

/* The access fails: KVM_RUN gives EFAULT and says where. */
static void expect_no_memory(struct vcpu *cpu, int what, u64 where)
{
	struct event ev;

	todo = what;
	page = where;
	value = 0x55;
	ev = vcpu_run(cpu);
	REQUIRE_EQ(ev.kind, EV_ERROR);
	CHECK_EQ(ev.error, EFAULT);
	if (!kvm_cap(cpu->vm->kvm, KVM_CAP_MEMORY_FAULT_INFO))
		return;
	CHECK_EQ(cpu->run->exit_reason, KVM_EXIT_MEMORY_FAULT);
	CHECK_EQ(cpu->run->memory_fault.gpa, GPA + where * PAGE);
	CHECK_EQ(cpu->run->memory_fault.size, PAGE);
	CHECK_EQ(cpu->run->memory_fault.flags, 0);
}

CASE(dontneed, "pages that the VMM gives back read as zero, and can be written anew")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, obey, 0);
	u64 *mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE);

	for (int i = 1; i < 20; i++) {
		guest_write(cpu, 3, i);
		CHECK_EQ(mem[3 * PAGE / 8], i);
		OK(madvise(mem, PAGES * PAGE, MADV_DONTNEED));
		if (i & 1)
			CHECK_EQ(guest_read(cpu, 3), 0);
		CHECK_EQ(mem[3 * PAGE / 8], 0);
	}
}

CASE(unmapped,
     "a slot whose memory is gone: EFAULT with the address; mapped again, the guest goes on")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, obey, 0);
	u8 *mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE);

	guest_write(cpu, 2, 1);
	OK(munmap(mem + 2 * PAGE, PAGE));
	expect_no_memory(cpu, WRITE, 2);
	/* The instruction has not been carried out: it is tried again each time. */
	expect_no_memory(cpu, READ, 2);
	REQUIRE(mmap(mem + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == mem + 2 * PAGE);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(*(u64 *)(mem + 2 * PAGE), 0x55);
	CHECK_EQ(guest_read(cpu, 2), 0x55);
}

CASE(protected, "memory that the VMM makes read-only can be read, not written")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, obey, 0);
	u8 *mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE);

	guest_write(cpu, 1, 42);
	OK(mprotect(mem, PAGES * PAGE, PROT_READ));
	CHECK_EQ(guest_read(cpu, 1), 42);
	expect_no_memory(cpu, WRITE, 1);
	CHECK_EQ(*(u64 *)(mem + PAGE), 42);
	OK(mprotect(mem, PAGES * PAGE, PROT_READ | PROT_WRITE));
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(*(u64 *)(mem + PAGE), 0x55);
	OK(mprotect(mem, PAGES * PAGE, PROT_NONE));
	expect_no_memory(cpu, READ, 1);
	OK(mprotect(mem, PAGES * PAGE, PROT_READ | PROT_WRITE));
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(value, 0x55);
}

CASE(truncated, "memory of a file that is cut off: EFAULT; grown again, zeros")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, obey, 0);
	int fd = OK(memfd_create("slot", 0));
	u8 *mem;

	OK(ftruncate(fd, PAGES * PAGE));
	mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE, mem));
	guest_write(cpu, 5, 11);
	OK(ftruncate(fd, 4 * PAGE));
	expect_no_memory(cpu, READ, 5);
	OK(ftruncate(fd, PAGES * PAGE));
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(value, 0);
}

CASE(shared_file, "what the guest writes to a shared file is in the file, and the other way round")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, obey, 0);
	char path[] = "/tmp/slot.XXXXXX";
	int fd = OK(mkstemp(path));
	u64 number = 99;
	u8 *mem;

	unlink(path);
	OK(ftruncate(fd, PAGES * PAGE));
	mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE, mem));
	for (u64 i = 1; i < 5; i++) {
		guest_write(cpu, 3, i);
		OK(msync(mem, PAGES * PAGE, MS_SYNC));
		REQUIRE_EQ(pread(fd, &number, 8, 3 * PAGE), 8);
		CHECK_EQ(number, i);
		number = i * 100;
		REQUIRE_EQ(pwrite(fd, &number, 8, 3 * PAGE), 8);
		CHECK_EQ(guest_read(cpu, 3), i * 100);
	}
}

CASE(private_file, "a private file mapping: reads come from the file, writes stay here")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, obey, 0);
	int fd = OK(memfd_create("slot", 0));
	u64 number = 5;
	u8 *mem;

	OK(ftruncate(fd, PAGES * PAGE));
	REQUIRE_EQ(pwrite(fd, &number, 8, PAGE), 8);
	mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE, mem));
	CHECK_EQ(guest_read(cpu, 1), 5);
	guest_write(cpu, 1, 6);
	CHECK_EQ(guest_read(cpu, 1), 6);
	CHECK_EQ(*(u64 *)(mem + PAGE), 6);
	REQUIRE_EQ(pread(fd, &number, 8, PAGE), 8);
	CHECK_EQ(number, 5);
}

CASE(fork, "a child gets the memory as it was; what the guest writes afterwards it does not see")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, obey, 0);
	volatile u64 *mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE);
	int go[2], status;
	char c = 0;
	pid_t pid;

	guest_write(cpu, 4, 1);
	OK(pipe(go));
	pid = OK(fork());
	if (!pid) {
		if (read(go[0], &c, 1) != 1)
			_exit(9);
		/* And the descriptors are of no use here. */
		if (ioctl(cpu->fd, KVM_RUN, 0) != -1 || errno != EIO)
			_exit(8);
		_exit(mem[4 * PAGE / 8]);
	}
	guest_write(cpu, 4, 2);
	CHECK_EQ(mem[4 * PAGE / 8], 2);
	REQUIRE_EQ(write(go[1], &c, 1), 1);
	OK(waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 1);
	CHECK_EQ(guest_read(cpu, 4), 2);
}

CASE(moved, "memory that the VMM moves elsewhere is no longer the guest's")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, obey, 0);
	u8 *mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE);
	u8 *new;

	guest_write(cpu, 6, 1);
	new = mremap(mem, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	if (new == MAP_FAILED)
		FAIL("mremap: %s", strerror(errno));
	REQUIRE(new != MAP_FAILED &&new != mem);
	guest_write(cpu, 6, 2);
	CHECK_EQ(*(u64 *)(new + 6 * PAGE), 1);
	CHECK_EQ(*(u64 *)(mem + 6 * PAGE), 2);
}

CASE(aliases, "two slots of the same memory show the same, and lose it together")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, obey, 0);
	u8 *mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE);

	for (int i = 1; i < 40; i++)
		OK(vm_set_slot(vm, SLOT_TEST + i, 0, GPA + i * PAGES * PAGE, PAGES * PAGE, mem));
	guest_write(cpu, 2, 1);
	for (int i = 1; i < 40; i++)
		CHECK_EQ(guest_read(cpu, i * PAGES + 2), 1);
	OK(madvise(mem, PAGES * PAGE, MADV_DONTNEED));
	*(u64 *)(mem + 2 * PAGE) = 2;
	for (int i = 0; i < 40; i++)
		CHECK_EQ(guest_read(cpu, i * PAGES + 2), 2);
}

#define MANY 4096UL /* pages: more than the host's taking them back looks at in one go */
#define MANY_GPA(slot) (0x40000000UL + (slot) * MANY * PAGE)
#define NR_MANY 20

static void read_all(u64 gpa)
{
	for (u64 n = 1;; n++) {
		for (u64 i = 0; i < MANY; i++)
			G_ASSERT_EQ(*(volatile u64 *)(gpa + i * PAGE), n);
		guest_sync(n);
	}
}

static void fill(u8 *mem, u64 with)
{
	for (u64 i = 0; i < MANY; i++)
		*(u64 *)(mem + i * PAGE) = with;
}

CASE(large_aliases,
     "the last of many slots of the same memory loses thousands of pages with the others")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, read_all, MANY_GPA(NR_MANY - 1));
	u8 *mem = vm_add_slot(vm, SLOT_TEST, 0, MANY_GPA(0), MANY * PAGE);

	OK(madvise(mem, MANY * PAGE, MADV_NOHUGEPAGE));
	for (u64 i = 1; i < NR_MANY; i++)
		OK(vm_set_slot(vm, SLOT_TEST + i, 0, MANY_GPA(i), MANY * PAGE, mem));
	for (u64 n = 1; n <= 3; n++) {
		fill(mem, n);
		vcpu_expect_sync(cpu, n);
		OK(madvise(mem, MANY * PAGE, MADV_DONTNEED));
	}
}

/* ---------------------------------------------------------------- under running vCPUs */

static volatile bool stop;

/*
 * Each vCPU has its word in every page; it writes a number and must find that, or the zero of a page that was taken away
 * meanwhile.
 */
static void write_and_check(u64 me)
{
	u64 n = 0, found;

	while (!stop) {
		n++;
		for (u64 i = 0; i < PAGES; i++) {
			volatile u64 *p = (u64 *)(GPA + i * PAGE) + me;

			*p = n;
			found = *p;
			G_ASSERT(found == n || found == 0);
		}
	}
}

CASE_SLOW(storm,
	  "pages are taken away all the time under two vCPUs: none finds what is not its own", 60)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpus[2] = { vcpu_new(vm, write_and_check, 0),
				 vcpu_new(vm, write_and_check, 1) };
	u8 *mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE);
	struct runner *runners[2];
	u64 *other;

	for (int i = 0; i < 2; i++)
		runners[i] = vcpu_start(cpus[i]);
	for (int i = 0; i < 2000; i++) {
		OK(madvise(mem + i % PAGES * PAGE, PAGE, MADV_DONTNEED));
		/* The page that was freed just now goes to somebody else, who would notice a stray write. */
		other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		for (int j = 0; j < 3; j++) {
			for (u64 k = 0; k < PAGE / 8; k++) {
				if (other[k])
					FAIL("a page of somebody else's was written");
			}
		}
		munmap(other, PAGE);
	}
	stop = true;
	vcpu_join(runners[0]);
	vcpu_join(runners[1]);
	vm_free(vm);
}

static void *fork_often(void *arg)
{
	while (!stop) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	return NULL;
}

static void count_up(u64 unused)
{
	volatile u64 *mem = (u64 *)GPA;

	for (u64 n = 0; n < 3000; n++) {
		for (u64 i = 0; i < PAGES; i++)
			mem[i * PAGE / 8]++;
	}
}

CASE(fork_storm, "a VMM that forks all the time: no write of the guest's is lost")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, count_up, 0);
	u64 *mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE);
	pthread_t thread;
	struct event ev;

	REQUIRE(!pthread_create(&thread, NULL, fork_often, NULL));
	/* SIGCHLD may reach this thread while the other one, in fork(), has it blocked. */
	do {
		ev = vcpu_run(cpu);
	} while (ev.kind == EV_INTR);
	REQUIRE_EQ(ev.kind, EV_DONE);
	stop = true;
	pthread_join(thread, NULL);
	for (int i = 0; i < PAGES; i++)
		CHECK_EQ(mem[i * PAGE / 8], 3000);
}

/* ---------------------------------------------------------------- pages that are more than memory */

static void *volatile poisoned;

static void on_sigbus(int signal, siginfo_t *info, void *context)
{
	poisoned = info->si_code == BUS_MCEERR_AR ? info->si_addr : (void *)1;
}

CASE(hwpoison, "a page with a memory error: SIGBUS with its address, as if the VMM had touched it")
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, obey, 0);
	u8 *mem = vm_add_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE);
	struct event ev;

	guest_write(cpu, 9, 1);
	sigaction(SIGBUS, &action, NULL);
	if (madvise(mem + 9 * PAGE, PAGE, MADV_HWPOISON))
		SKIP("MADV_HWPOISON: %s", strerror(errno));
	poisoned = NULL;
	todo = READ;
	page = 9;
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_INTR);
	CHECK_EQ(poisoned, mem + 9 * PAGE);
	/* The other pages are as they were. */
	page = 8;
	OK(munmap(mem + 9 * PAGE, PAGE));
	REQUIRE(mmap(mem + 9 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == mem + 9 * PAGE);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(guest_read(cpu, 9), 0);
}
