// SPDX-License-Identifier: GPL-2.0-only
/* Port I/O: sizes, strings, how it is completed. */
#include "vm.h"

#define PORT 0x1f0

static u8 data[3 * PAGE] __attribute__((aligned(4096)));

static void expect_io(struct vcpu *cpu, int direction, int size, u32 count)
{
	struct kvm_run *run = cpu->run;

	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	REQUIRE_EQ(run->io.direction, direction);
	REQUIRE_EQ(run->io.size, size);
	REQUIRE_EQ(run->io.port, PORT);
	if (count)
		REQUIRE_EQ(run->io.count, count);
	REQUIRE_EQ(run->io.data_offset, KVM_PIO_PAGE_OFFSET * PAGE);
}

static void *io_data(struct vcpu *cpu)
{
	return (u8 *)cpu->run + cpu->run->io.data_offset;
}

static void sizes(u64 unused)
{
	u64 rax;

	outb(PORT, 0x11);
	outw(PORT, 0x2211);
	outl(PORT, 0x44332211);
	asm volatile("mov $-1, %%rax; in %%dx, %%al" : "=a"(rax) : "d"(PORT));
	G_ASSERT_EQ(rax, 0xffffffffffffffa1);
	asm volatile("mov $-1, %%rax; in %%dx, %%ax" : "=a"(rax) : "d"(PORT));
	G_ASSERT_EQ(rax, 0xffffffffffffb2a1);
	asm volatile("mov $-1, %%rax; in %%dx, %%eax" : "=a"(rax) : "d"(PORT));
	G_ASSERT_EQ(rax, 0xd4c3b2a1);
}

CASE(all_sizes, "OUT and IN of 1, 2 and 4 bytes; EAX clears the upper half")
{
	struct vcpu *cpu = vm_with(0, sizes, 0);
	u32 in = 0xd4c3b2a1;

	for (int size = 1; size <= 4; size *= 2) {
		expect_io(cpu, KVM_EXIT_IO_OUT, size, 1);
		CHECK(!memcmp(io_data(cpu), "\x11\x22\x33\x44", size));
	}
	for (int size = 1; size <= 4; size *= 2) {
		expect_io(cpu, KVM_EXIT_IO_IN, size, 1);
		memcpy(io_data(cpu), &in, size);
	}
	vcpu_expect_done(cpu);
}

static void out_string(u64 size)
{
	if (size == 1)
		outsb(PORT, data, 3000);
	else if (size == 2)
		outsw(PORT, data, 3000);
	else
		outsl(PORT, data, 3000);
}

static void collect(int size)
{
	struct vcpu *cpu = vm_with(0, out_string, size);
	struct kvm_run *run = cpu->run;
	u32 n = 0;

	for (u32 i = 0; i < sizeof(data); i++)
		data[i] = i * 7 + (i >> 8);
	while (n < 3000) {
		expect_io(cpu, KVM_EXIT_IO_OUT, size, 0);
		REQUIRE(run->io.count && n + run->io.count <= 3000);
		REQUIRE(run->io.count * size <= PAGE);
		if (memcmp(io_data(cpu), data + n * size, run->io.count * size))
			FAIL("items from %u on are wrong", n);
		n += run->io.count;
	}
	vcpu_expect_done(cpu);
}

CASE(outs, "REP OUTS of 3000 bytes and words: all of them, in order, a page at most at once")
{
	collect(1);
	collect(2);
}

CASE(outs_long, "REP OUTS of 3000 double words, over three pages")
{
	collect(4);
}

static void in_string(u64 unused)
{
	void *to = data + 16;
	u64 n = 1500;

	asm volatile("rep insw" : "+D"(to), "+c"(n) : "d"(PORT) : "memory");
	G_ASSERT_EQ(n, 0);
	G_ASSERT_EQ(to, data + 16 + 3000);
}

CASE(ins, "REP INS of 1500 words arrives in memory, in order, and nothing beside it")
{
	struct vcpu *cpu = vm_with(0, in_string, 0);
	struct kvm_run *run = cpu->run;
	u16 next = 1;

	memset(data, 0, sizeof(data));
	while (next <= 1500) {
		expect_io(cpu, KVM_EXIT_IO_IN, 2, 0);
		REQUIRE(run->io.count && next + run->io.count <= 1501);
		for (u32 i = 0; i < run->io.count; i++)
			((u16 *)io_data(cpu))[i] = next++;
	}
	vcpu_expect_done(cpu);
	for (u32 i = 0; i < 1500; i++) {
		if (((u16 *)(data + 16))[i] != i + 1) {
			FAIL("word %u is %#x", i, ((u16 *)(data + 16))[i]);
			break;
		}
	}
	CHECK_EQ(data[15], 0);
	CHECK_EQ(data[16 + 3000], 0);
}

static void backwards(u64 unused)
{
	const void *from = data + 7;
	u64 n = 8;

	asm volatile("std; rep outsb; cld" : "+S"(from), "+c"(n) : "d"(PORT) : "memory");
	G_ASSERT_EQ((u64)from + 1, data);
	G_ASSERT_EQ(n, 0);
}

CASE(direction, "with the direction flag set a string goes downwards")
{
	struct vcpu *cpu = vm_with(0, backwards, 0);
	u8 got[8];
	u32 n = 0;

	memcpy(data, "abcdefgh", 8);
	while (n < 8) {
		expect_io(cpu, KVM_EXIT_IO_OUT, 1, 0);
		REQUIRE(n + cpu->run->io.count <= 8);
		memcpy(got + n, io_data(cpu), cpu->run->io.count);
		n += cpu->run->io.count;
	}
	CHECK(!memcmp(got, "hgfedcba", 8));
	vcpu_expect_done(cpu);
}

static void zero(u64 unused)
{
	outsb(PORT, data, 0);
	insb(PORT, data, 0);
	guest_sync(1);
}

CASE(zero_count, "a string of no items is no exit")
{
	vcpu_expect_sync(vm_with(0, zero, 0), 1);
}

static void faulting(u64 unused)
{
	void *to = (void *)0x600000000000;
	u64 n = 4;

	G_ASSERT_EQ(CATCH("rep insb", : "+D"(to), "+c"(n) : "d"(PORT)), 14);
	G_ASSERT_EQ(this_cpu()->cr2, 0x600000000000);
}

CASE(ins_fault, "INS to memory that is not mapped is a page fault of the guest")
{
	struct vcpu *cpu = vm_with(0, faulting, 0);
	struct event ev;

	/* Whether the port is read before the fault is seen is not said. */
	for (int i = 0; i < 10; i++) {
		ev = vcpu_run(cpu);
		if (ev.kind != EV_EXIT)
			break;
		CHECK_EQ(cpu->run->exit_reason, KVM_EXIT_IO);
	}
	CHECK_EQ(ev.kind, EV_DONE);
}

static void one_in(u64 unused)
{
	guest_sync(inb(PORT));
}

CASE(completion, "IN is completed by the next KVM_RUN, even one that runs nothing")
{
	struct vcpu *cpu = vm_with(0, one_in, 0);
	struct kvm_regs before, after;

	expect_io(cpu, KVM_EXIT_IO_IN, 1, 1);
	vcpu_get_regs(cpu, &before);
	*(u8 *)io_data(cpu) = 0x42;
	cpu->run->immediate_exit = 1;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINTR);
	cpu->run->immediate_exit = 0;
	vcpu_get_regs(cpu, &after);
	CHECK_EQ(after.rax & 0xff, 0x42);
	CHECK(after.rip >= before.rip && after.rip - before.rip <= 2);
	*(u8 *)io_data(cpu) = 0x99;
	vcpu_expect_sync(cpu, 0x42);
}

static void set_iopl_3(u64 unused)
{
	guest_sync(0);
	/* In user mode with IOPL 0: #GP */
	asm volatile(
		"mov %%rsp, %%rax; push %0; push %%rax; pushfq; push %1; lea 1f(%%rip), %%rax; push %%rax; iretq\n"
		"1: in $0x80, %%al; ud2"
		:
		: "i"(USER_DS), "i"(USER_CS)
		: "rax", "memory");
}

static void saw_gp(struct frame *frame)
{
	guest_sync(frame->cs << 16 | frame->vector);
	guest_done();
}

CASE(user_mode, "in user mode without I/O privilege a port instruction is #GP, not an exit")
{
	struct vcpu *cpu = vm_with(0, set_iopl_3, 0);

	guest_handlers[13] = saw_gp;
	vcpu_expect_sync(cpu, 0);
	vcpu_expect_sync(cpu, USER_CS << 16 | 13);
}
