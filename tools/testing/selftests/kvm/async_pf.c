// SPDX-License-Identifier: GPL-2.0-only
/* Asynchronous page faults: the guest goes on while the host waits for a page (userfaultfd). */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

#define GPA 0x10000000UL
#define PAGES 8

#define MSR_APF_EN 0x4b564d02
#define MSR_APF_INT 0x4b564d06
#define MSR_APF_ACK 0x4b564d07
#define APF_ON (1 | 2 | 8) /* also in the kernel, by interrupt */
#define VECTOR 0x76

static struct {
	volatile u32 flags;
	volatile u32 token;
	u8 pad[56];
} apf __attribute__((aligned(64)));

static u64 tokens[PAGES], ready[PAGES + 1];
static volatile u64 nr_tokens, nr_ready;

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

static u64 uffd_wait(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&p, 1, 20000) != 1 || read(fd, &msg, sizeof(msg)) != sizeof(msg))
		return 0;
	return msg.arg.pagefault.address & ~(PAGE - 1);
}

static void uffd_fill(int fd, u64 address, u64 value)
{
	static u64 source[PAGE / 8] __attribute__((aligned(4096)));
	struct uffdio_copy copy = { .dst = address, .src = (u64)source, .len = PAGE };

	source[0] = value;
	OK(ioctl(fd, UFFDIO_COPY, &copy));
}

static u64 *backing(struct vm *vm)
{
	u64 *mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);

	REQUIRE(mem != MAP_FAILED);
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, PAGES * PAGE, mem));
	return mem;
}

/* "Not present" */
static void on_page_fault(struct frame *frame)
{
	G_ASSERT_EQ(apf.flags, 1);
	G_ASSERT_EQ(frame->error, 0);
	tokens[nr_tokens++] = read_cr2();
	apf.flags = 0;
}

static void wait_in_fault(struct frame *frame)
{
	on_page_fault(frame);
	guest_sync(1);
	halt_while(!nr_ready);
}

/* The access is "mov (%rdi), %rax", which goes without. */
static void skip_fault(struct frame *frame)
{
	on_page_fault(frame);
	frame_skip(frame, 3);
}

static void on_ready(struct frame *frame)
{
	G_ASSERT(apf.token);
	ready[nr_ready++] = apf.token;
	apf.token = 0;
	apic_eoi();
	wrmsr(MSR_APF_ACK, 1);
}

static u64 touch(u64 page)
{
	u64 value = 0;

	asm volatile(".byte 0x48, 0x8b, 0x07" : "+a"(value) : "D"(GPA + page * PAGE) : "memory");
	return value;
}

static void turn_on(void)
{
	apic_enable();
	wrmsr(MSR_APF_INT, VECTOR);
	G_ASSERT_EQ(rdmsr(MSR_APF_INT), VECTOR);
	wrmsr(MSR_APF_EN, (u64)&apf | APF_ON);
	G_ASSERT_EQ(rdmsr(MSR_APF_EN), (u64)&apf | APF_ON);
	G_ASSERT_EQ(rdmsr(MSR_APF_ACK), 0);
	irq_enable();
}

static struct vcpu *guest(void (*code)(u64))
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, code, 0);
	u32 features = cpuid_find(cpuid_supported(cpu->vm->kvm), 0x40000001, 0)->eax;

	NEED(cpu->vm->kvm, KVM_CAP_ASYNC_PF_INT);
	CHECK(features & BIT(4));
	CHECK(features & BIT(14));
	guest_handlers[VECTOR] = on_ready;
	return cpu;
}

static void one_page(u64 unused)
{
	turn_on();
	G_ASSERT_EQ(touch(0), 0x1234);
	G_ASSERT_EQ(nr_tokens, 1);
	guest_done();
}

CASE(one, "the guest runs while a page is missing, and is told when it is there")
{
	struct vcpu *cpu = guest(one_page);
	u64 *mem = backing(cpu->vm);
	int fd = uffd_open(mem, PAGES * PAGE);

	guest_handlers[14] = wait_in_fault;
	vcpu_expect_sync(cpu, 1);
	REQUIRE_EQ(uffd_wait(fd), (u64)mem);
	CHECK_EQ(nr_ready, 0);
	uffd_fill(fd, (u64)mem, 0x1234);
	vcpu_expect_done(cpu);
	CHECK_EQ(nr_ready, 1);
	CHECK_EQ(ready[0], tokens[0]);
}

static void many_pages(u64 unused)
{
	turn_on();
	for (u64 i = 0; i < PAGES; i++)
		G_ASSERT_EQ(touch(i), 0);
	G_ASSERT_EQ(nr_tokens, PAGES);
	guest_sync(1);
	halt_while(nr_ready < PAGES);
	for (u64 i = 0; i < PAGES; i++)
		G_ASSERT_EQ(touch(i), i + 1);
	G_ASSERT_EQ(nr_tokens, PAGES);
	guest_done();
}

CASE(many, "several pages at once, whose tokens differ, come one by one")
{
	struct vcpu *cpu = guest(many_pages);
	u64 *mem = backing(cpu->vm), address;
	int fd = uffd_open(mem, PAGES * PAGE);
	u64 seen;

	guest_handlers[14] = skip_fault;
	vcpu_expect_sync(cpu, 1);
	for (int i = 0; i < PAGES; i++) {
		address = uffd_wait(fd);
		REQUIRE(address >= (u64)mem && address < (u64)mem + PAGES * PAGE);
		uffd_fill(fd, address, (address - (u64)mem) / PAGE + 1);
	}
	vcpu_expect_done(cpu);
	for (int i = 0; i < PAGES; i++) {
		seen = 0;
		for (int j = 0; j < PAGES; j++)
			seen += ready[j] == tokens[i];
		CHECK_EQ(seen, 1);
	}
}

static void off_meanwhile(u64 unused)
{
	turn_on();
	touch(0);
	touch(1);
	wrmsr(MSR_APF_EN, 0);
	guest_sync(1);
	/* Nothing comes any more; who needs a page waits for it. */
	G_ASSERT_EQ(touch(0), 0x77);
	G_ASSERT_EQ(nr_ready, 0);
	guest_done();
}

CASE(off, "switched off with pages outstanding: none is told of, and the VM can be closed")
{
	struct vcpu *cpu = guest(off_meanwhile);
	struct vm *vm = cpu->vm;
	u64 *mem = backing(vm);
	int fd = uffd_open(mem, PAGES * PAGE);
	u64 address;

	guest_handlers[14] = skip_fault;
	vcpu_expect_sync(cpu, 1);
	address = uffd_wait(fd);
	if (address != (u64)mem)
		address = uffd_wait(fd);
	REQUIRE_EQ(address, (u64)mem);
	uffd_fill(fd, address, 0x77);
	vcpu_expect_done(cpu);
	vm_free(vm);
	/* The other page's work ends with its memory. */
	OK(close(fd));
}

CASE(closed, "a VM that is closed with a page outstanding leaves nothing that hangs")
{
	struct vcpu *cpu = guest(off_meanwhile);
	u64 *mem = backing(cpu->vm);
	int fd = uffd_open(mem, PAGES * PAGE);
	struct event ev;

	guest_handlers[14] = wait_in_fault;
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_SYNC);
	vm_free(cpu->vm);
	REQUIRE_EQ(uffd_wait(fd), (u64)mem);
	uffd_fill(fd, (u64)mem, 1);
	OK(close(fd));
}

static void bad_values(u64 unused)
{
	apic_enable();
	G_ASSERT_EQ(catch_wrmsr(MSR_APF_EN, (u64)&apf | 0x10), 13);
	G_ASSERT_EQ(catch_wrmsr(MSR_APF_EN, (u64)&apf | 0x20), 13);
	G_ASSERT_EQ(catch_wrmsr(MSR_APF_INT, 0x100), 13);
	/* An area that is nowhere: faults are waited for, as ever. */
	wrmsr(MSR_APF_INT, VECTOR);
	G_ASSERT_EQ(catch_wrmsr(MSR_APF_EN, 0xfff00000 | APF_ON), NO_VECTOR);
	irq_enable();
	guest_sync(touch(0));
	guest_done();
}

CASE(bad, "reserved bits give #GP; an area without memory delivers nothing")
{
	struct vcpu *cpu = guest(bad_values);
	u64 *mem = backing(cpu->vm);

	mem[0] = 0x55;
	vcpu_expect_sync(cpu, 0x55);
	vcpu_expect_done(cpu);
}

static void migrated(u64 unused)
{
	apic_enable();
	irq_enable();
	guest_sync(1);
	while (!nr_ready)
		relax();
	G_ASSERT_EQ(ready[0], 0xffffffff);
	guest_done();
}

CASE(restored, "a guest that comes from another host is told that whatever it waits for is there")
{
	struct vcpu *cpu = guest(migrated);

	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(vcpu_wrmsr(cpu, MSR_APF_INT, VECTOR), 1);
	CHECK_EQ(vcpu_wrmsr(cpu, MSR_APF_EN, (u64)&apf | APF_ON), 1);
	vcpu_expect_done(cpu);
}
