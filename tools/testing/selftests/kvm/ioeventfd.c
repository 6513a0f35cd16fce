// SPDX-License-Identifier: GPL-2.0-only
/* ioeventfds: which writes signal, which do not, and what assignments are refused. */
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vm.h"

#define DOORBELL 0xd0001000UL
#define PORT 0x600

#define MATCH KVM_IOEVENTFD_FLAG_DATAMATCH
#define PIO KVM_IOEVENTFD_FLAG_PIO
#define DEASSIGN KVM_IOEVENTFD_FLAG_DEASSIGN

static int new_eventfd(void)
{
	return OK(eventfd(0, EFD_NONBLOCK));
}

static u64 signals(int fd)
{
	u64 n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static int ioeventfd(struct vm *vm, int fd, u64 addr, u32 len, u32 flags, u64 datamatch)
{
	struct kvm_ioeventfd arg = {
		.addr = addr,
		.len = len,
		.fd = fd,
		.flags = flags,
		.datamatch = datamatch,
	};

	return ioctl(vm->fd, KVM_IOEVENTFD, &arg);
}

static void expect_mmio(struct vcpu *cpu, u64 gpa, u32 len)
{
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK_EQ(cpu->run->mmio.phys_addr, gpa);
	CHECK_EQ(cpu->run->mmio.len, len);
}

/* ---------------------------------------------------------------- memory */

static void all_widths(u64 addr)
{
	asm volatile("movb $1, (%0); movw $1, (%0); movl $1, (%0); movq $1, (%0)"
		     :
		     : "r"(addr)
		     : "memory");
	asm volatile("movl $1, 4(%0)" : : "r"(addr) : "memory");
}

CASE(one_width, "an ioeventfd of 4 bytes takes writes of 4 bytes to its address and no others")
{
	struct vcpu *cpu = vm_with(0, all_widths, DOORBELL);
	int fd = new_eventfd();

	OK(ioeventfd(cpu->vm, fd, DOORBELL, 4, 0, 0));
	expect_mmio(cpu, DOORBELL, 1);
	expect_mmio(cpu, DOORBELL, 2);
	CHECK_EQ(signals(fd), 0);
	expect_mmio(cpu, DOORBELL, 8);
	CHECK_EQ(signals(fd), 1);
	expect_mmio(cpu, DOORBELL + 4, 4);
	vcpu_expect_done(cpu);
	CHECK_EQ(signals(fd), 0);
}

CASE(any_width, "an ioeventfd of length 0 takes writes of every length that begin at its address")
{
	struct vcpu *cpu = vm_with(0, all_widths, DOORBELL);
	int fd = new_eventfd();

	NEED(cpu->vm->fd, KVM_CAP_IOEVENTFD_ANY_LENGTH);
	OK(ioeventfd(cpu->vm, fd, DOORBELL, 0, 0, 0));
	expect_mmio(cpu, DOORBELL + 4, 4);
	vcpu_expect_done(cpu);
	CHECK_EQ(signals(fd), 4);
}

static void values(u64 addr)
{
	volatile u32 *doorbell = (u32 *)addr;

	for (u32 i = 0; i < 4; i++)
		*doorbell = i;
	*doorbell = 0x80000001;
}

CASE(datamatch, "ioeventfds at one address are told apart by the data; the rest is an exit")
{
	struct vcpu *cpu = vm_with(0, values, DOORBELL);
	int one = new_eventfd(), two = new_eventfd();

	OK(ioeventfd(cpu->vm, one, DOORBELL, 4, MATCH, 1));
	OK(ioeventfd(cpu->vm, two, DOORBELL, 4, MATCH, 2));
	expect_mmio(cpu, DOORBELL, 4);
	CHECK_EQ(signals(one) + signals(two), 0);
	expect_mmio(cpu, DOORBELL, 4);
	CHECK_EQ(*(u32 *)cpu->run->mmio.data, 3);
	CHECK_EQ(signals(one), 1);
	CHECK_EQ(signals(two), 1);
	expect_mmio(cpu, DOORBELL, 4);
	vcpu_expect_done(cpu);
	CHECK_EQ(signals(one) + signals(two), 0);
}

static void kinds(u64 addr)
{
	u64 from = 7;
	u64 n = 3;
	void *to = (void *)addr;
	void *src = &from;

	asm volatile("mov %0, %%r8; mov $5, %%r9; mov %%r9d, (%%r8)"
		     :
		     : "r"(addr)
		     : "r8", "r9", "memory");
	asm volatile("xchg %k0, (%1)" : "+r"(from) : "r"(addr) : "memory");
	from = 7;
	asm volatile("movsl" : "+S"(src), "+D"(to) : : "memory");
	to = (void *)addr;
	asm volatile("stosl" : "+D"(to) : "a"(9) : "memory");
	asm volatile("orl $1, (%0)" : : "r"(addr) : "memory", "cc");
	to = (void *)addr;
	asm volatile("1: movl $0, (%0); loop 1b" : "+D"(to), "+c"(n) : : "memory");
}

CASE(instructions, "any instruction that writes signals, and what it reads is read")
{
	struct vcpu *cpu = vm_with(0, kinds, DOORBELL);
	int fd = new_eventfd();
	u64 n = 0;
	int reads = 0;

	OK(ioeventfd(cpu->vm, fd, DOORBELL, 4, 0, 0));
	for (;;) {
		struct event ev = vcpu_run(cpu);

		n += signals(fd);
		if (ev.kind != EV_EXIT)
			break;
		REQUIRE_EQ(cpu->run->exit_reason, KVM_EXIT_MMIO);
		REQUIRE(!cpu->run->mmio.is_write);
		memset(cpu->run->mmio.data, 0, 8);
		reads++;
	}
	CHECK_EQ(reads, 2); /* XCHG and OR */
	CHECK_EQ(n, 8);
}

static void split(u64 addr)
{
	/* Two bytes on each side of a page's end */
	asm volatile("movl $0x44332211, (%0)" : : "r"(addr) : "memory");
	guest_sync(1);
}

CASE(page_end,
     "a write across a page's end is two; an ioeventfd that begins with the second page sees no more than it")
{
	struct vcpu *cpu = vm_with(0, split, DOORBELL - 2);
	int fd = new_eventfd(), two = new_eventfd();

	OK(ioeventfd(cpu->vm, fd, DOORBELL, 4, 0, 0));
	OK(ioeventfd(cpu->vm, two, DOORBELL, 2, MATCH, 0x4433));
	expect_mmio(cpu, DOORBELL - 2, 2);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(signals(fd), 0);
	CHECK_EQ(signals(two), 1);
}

/* ---------------------------------------------------------------- ports */

static void ports(u64 unused)
{
	u16 words[] = { 1, 2, 3, 2 };

	outb(PORT, 1);
	outw(PORT, 2);
	outl(PORT, 3);
	outsw(PORT, words, 4);
	guest_sync(inw(PORT));
}

CASE(pio, "ports: by width, by data, string forms too; reads are not taken")
{
	struct vcpu *cpu = vm_with(0, ports, 0);
	int word2 = new_eventfd(), dword = new_eventfd();
	u32 left = 0;

	OK(ioeventfd(cpu->vm, word2, PORT, 2, PIO | MATCH, 2));
	OK(ioeventfd(cpu->vm, dword, PORT, 4, PIO, 0));
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(cpu->run->io.size, 1);
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(signals(word2), 1);
	CHECK_EQ(signals(dword), 1);
	/* How much of a string comes at once, and whether what follows an element for the VMM is looked at, is open. */
	while (cpu->run->io.direction == KVM_EXIT_IO_OUT) {
		CHECK_EQ(cpu->run->io.size, 2);
		left += cpu->run->io.count;
		vcpu_expect_exit(cpu, KVM_EXIT_IO);
	}
	CHECK_EQ(left + signals(word2), 4);
	*(u16 *)((u8 *)cpu->run + cpu->run->io.data_offset) = 0x77;
	vcpu_expect_sync(cpu, 0x77);
}

static void port_widths(u64 unused)
{
	outb(PORT, 1);
	outw(PORT, 2);
	outl(PORT, 3);
}

CASE(pio_any, "a port of length 0 takes every width")
{
	struct vcpu *cpu = vm_with(0, port_widths, 0);
	int fd = new_eventfd();

	OK(ioeventfd(cpu->vm, fd, PORT, 0, PIO, 0));
	vcpu_expect_done(cpu);
	CHECK_EQ(signals(fd), 3);
}

/* ---------------------------------------------------------------- assignments */

CASE(refused, "lengths, flags, descriptors and combinations that make no sense are refused")
{
	struct vm *vm = vm_new(0);
	int fd = new_eventfd();

	for (u32 len = 0; len <= 16; len++) {
		if (len == 0 || len == 1 || len == 2 || len == 4 || len == 8)
			continue;
		CHECK_ERRNO(ioeventfd(vm, fd, DOORBELL, len, 0, 0), EINVAL);
	}
	CHECK_ERRNO(ioeventfd(vm, fd, DOORBELL, 4, 1u << 5, 0), EINVAL);
	CHECK_ERRNO(ioeventfd(vm, fd, DOORBELL, 4, 1u << 31, 0), EINVAL);
	CHECK_ERRNO(ioeventfd(vm, fd, ~0ULL - 2, 4, 0, 0), EINVAL);
	CHECK_ERRNO(ioeventfd(vm, fd, DOORBELL, 0, MATCH, 1), EINVAL);
	CHECK_ERRNO(ioeventfd(vm, -1, DOORBELL, 4, 0, 0), EBADF);
	CHECK_ERRNO(ioeventfd(vm, vm->fd, DOORBELL, 4, 0, 0), EINVAL);
	/* Nothing is left of them. */
	OK(ioeventfd(vm, fd, DOORBELL, 4, 0, 0));
}

CASE(conflict, "two that one write would signal are refused, two that no write can are not")
{
	struct vm *vm = vm_new(0);
	int a = new_eventfd(), b = new_eventfd();

	OK(ioeventfd(vm, a, DOORBELL, 4, MATCH, 1));
	CHECK_ERRNO(ioeventfd(vm, b, DOORBELL, 4, MATCH, 1), EEXIST);
	CHECK_ERRNO(ioeventfd(vm, b, DOORBELL, 4, 0, 0), EEXIST);
	CHECK_ERRNO(ioeventfd(vm, b, DOORBELL, 0, 0, 0), EEXIST);
	OK(ioeventfd(vm, b, DOORBELL, 4, MATCH, 2));
	OK(ioeventfd(vm, b, DOORBELL, 2, MATCH, 1));
	OK(ioeventfd(vm, b, DOORBELL, 4, PIO, 0));
	OK(ioeventfd(vm, b, DOORBELL + 1, 4, 0, 0));
}

CASE(deassign, "deassignment takes the same arguments, else ENOENT")
{
	struct vm *vm = vm_new(0);
	int a = new_eventfd(), b = new_eventfd();

	OK(ioeventfd(vm, a, DOORBELL, 4, MATCH, 1));
	CHECK_ERRNO(ioeventfd(vm, b, DOORBELL, 4, DEASSIGN | MATCH, 1), ENOENT);
	CHECK_ERRNO(ioeventfd(vm, a, DOORBELL, 4, DEASSIGN | MATCH, 2), ENOENT);
	CHECK_ERRNO(ioeventfd(vm, a, DOORBELL, 4, DEASSIGN, 1), ENOENT);
	CHECK_ERRNO(ioeventfd(vm, a, DOORBELL, 2, DEASSIGN | MATCH, 1), ENOENT);
	CHECK_ERRNO(ioeventfd(vm, a, DOORBELL, 4, DEASSIGN | MATCH | PIO, 1), ENOENT);
	CHECK_ERRNO(ioeventfd(vm, -1, DOORBELL, 4, DEASSIGN | MATCH, 1), EBADF);
	OK(ioeventfd(vm, a, DOORBELL, 4, DEASSIGN | MATCH, 1));
	CHECK_ERRNO(ioeventfd(vm, a, DOORBELL, 4, DEASSIGN | MATCH, 1), ENOENT);
	OK(ioeventfd(vm, b, DOORBELL, 4, 0, 0));
}

CASE(many, "2000 ioeventfds: each found, and an eventfd closed meanwhile hurts nobody")
{
	enum { N = 2000 };
	struct vcpu *cpu = vm_with(0, values, DOORBELL);
	int fd = new_eventfd(), other = new_eventfd();

	for (u64 i = 4; i < N; i++)
		OK(ioeventfd(cpu->vm, other, DOORBELL, 4, MATCH, i));
	OK(ioeventfd(cpu->vm, fd, DOORBELL, 4, MATCH, 2));
	for (u64 i = 1; i < N; i++)
		OK(ioeventfd(cpu->vm, other, DOORBELL + i * 64, 2, 0, 0));
	close(other);
	for (u32 i = 0; i < 4; i++) {
		if (i != 2)
			expect_mmio(cpu, DOORBELL, 4);
	}
	CHECK_EQ(signals(fd), 1);
	expect_mmio(cpu, DOORBELL, 4);
	vcpu_expect_done(cpu);
}

/* ---------------------------------------------------------------- removal under way */

static volatile u64 stop, rings;

static void ringing(u64 addr)
{
	while (!stop) {
		*(volatile u32 *)addr = 1;
		rings++;
	}
}

static void *answer_exits(void *arg)
{
	struct vcpu *cpu = arg;

	while (vcpu_run(cpu).kind == EV_EXIT)
		CHECK_EQ(cpu->run->exit_reason, KVM_EXIT_MMIO);
	return NULL;
}

CASE_SLOW(removal,
	  "after deassignment returns no signal comes any more, while the guest goes on writing",
	  60)
{
	struct vcpu *cpu = vm_with(0, ringing, DOORBELL);
	int fd = new_eventfd();
	/* On one CPU each of them waits for the scheduler to take it from the vCPU, several times. */
	int rounds = host_cpus() > 1 ? 100 : 25;
	pthread_t thread;

	REQUIRE(!pthread_create(&thread, NULL, answer_exits, cpu));
	for (int i = 0; i < rounds; i++) {
		OK(ioeventfd(cpu->vm, fd, DOORBELL, 4, 0, 0));
		for (u64 seen = rings; rings == seen;)
			usleep(10);
		OK(ioeventfd(cpu->vm, fd, DOORBELL, 4, DEASSIGN, 0));
		signals(fd);
		for (u64 seen = rings; rings == seen;)
			usleep(10);
		if (!CHECK_EQ(signals(fd), 0))
			break;
	}
	stop = 1;
	pthread_join(thread, NULL);
}
