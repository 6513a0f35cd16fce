// SPDX-License-Identifier: GPL-2.0-only
/* A slot whose pages arrive only when they are needed (userfaultfd), as after a live migration. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

#define GPA 0x10000000UL
#define PAGES 64

static int uffd_open(void *mem, u64 size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (u64)mem, size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		SKIP("userfaultfd: %s", strerror(errno));
	OK(ioctl(fd, UFFDIO_API, &api));
	OK(ioctl(fd, UFFDIO_REGISTER, &reg));
	return fd;
}

/* The page on which somebody waits, within so many milliseconds; 0: nobody. */
static u64 uffd_wait(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&p, 1, ms) != 1 || read(fd, &msg, sizeof(msg)) != sizeof(msg))
		return 0;
	return msg.arg.pagefault.address & ~(PAGE - 1);
}

static void uffd_fill(int fd, u64 address, u64 value)
{
	static u64 source[PAGE / 8] __attribute__((aligned(4096)));
	struct uffdio_copy copy = { .dst = address, .src = (u64)source, .len = PAGE };

	for (u64 i = 0; i < PAGE / 8; i++)
		source[i] = value;
	OK(ioctl(fd, UFFDIO_COPY, &copy));
}

static u64 sum;

static void read_all(u64 write)
{
	volatile u64 *mem = (u64 *)GPA;

	for (u64 i = 0; i < PAGES; i++) {
		sum += mem[i * PAGE / 8];
		if (write)
			mem[i * PAGE / 8 + 1] = i;
	}
}

static void serve(u64 write)
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, read_all, write);
	u64 *mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	int fd = uffd_open(mem, PAGES * PAGE);
	struct runner *runner;
	u64 address;

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE, mem));
	runner = vcpu_start(cpu);
	for (u64 i = 0; i < PAGES; i++) {
		address = uffd_wait(fd, 10000);
		REQUIRE_EQ(address, (u64)mem + i * PAGE);
		uffd_fill(fd, address, i + 1);
	}
	vcpu_join(runner);
	CHECK_EQ(sum, PAGES * (PAGES + 1) / 2);
	for (u64 i = 0; write && i < PAGES; i++)
		CHECK_EQ(mem[i * PAGE / 8 + 1], i);
}

CASE(reads, "each page is asked for when the guest reads it, and holds what was put there")
{
	serve(0);
}

CASE(writes, "the same when the guest goes on to write to it")
{
	serve(1);
}

static void on_signal(int signal)
{
}

static pthread_t main_thread;

static void *kick(void *arg)
{
	int fd = *(int *)arg;

	if (!uffd_wait(fd, 10000))
		FAIL("nobody waits");
	sleep_ms(20);
	pthread_kill(main_thread, SIGUSR1);
	return NULL;
}

CASE(signal, "a vCPU that waits for a page can be called back by a signal, and waits again")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, read_all, 0);
	u64 *mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	int fd = uffd_open(mem, PAGES * PAGE);
	struct sigaction action = { .sa_handler = on_signal };
	struct event ev;
	pthread_t thread;

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE, mem));
	sigaction(SIGUSR1, &action, NULL);
	main_thread = pthread_self();
	for (int i = 0; i < 3; i++) {
		REQUIRE(!pthread_create(&thread, NULL, kick, &fd));
		ev = vcpu_run(cpu);
		CHECK_EQ(ev.kind, EV_INTR);
		CHECK_EQ(cpu->run->exit_reason, KVM_EXIT_INTR);
		pthread_join(thread, NULL);
	}
	/* It can still end. */
	for (u64 i = 0; i < PAGES; i++)
		uffd_fill(fd, (u64)mem + i * PAGE, 1);
	vcpu_expect_done(cpu);
	CHECK_EQ(sum, PAGES);
}

static void ask_kernel(u64 unused)
{
	guest_sync(1);
}

CASE(translate, "the kernel's own walk of the guest's tables waits for their pages, too")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, ask_kernel, 0);
	u64 *table = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_translation tr = { .linear_address = GPA };
	struct kvm_sregs sregs;
	int fd = uffd_open(table, PAGE);
	pid_t pid;

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, PAGE, table));
	vcpu_expect_sync(cpu, 1);
	vcpu_get_sregs(cpu, &sregs);
	sregs.cr3 = GPA;
	vcpu_set_sregs(cpu, &sregs);
	pid = OK(fork());
	if (!pid) {
		/* The parent waits in the ioctl; the page comes from here. */
		struct uffdio_zeropage zero = { .range = { (u64)table, PAGE } };

		if (!uffd_wait(fd, 10000))
			_exit(1);
		ioctl(fd, UFFDIO_ZEROPAGE, &zero);
		_exit(0);
	}
	OK(ioctl(cpu->fd, KVM_TRANSLATE, &tr));
	CHECK_EQ(tr.valid, 0);
}
