// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_STATS_FD, and the same numbers in debugfs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apic.h"
#include "stats.h"

static void work(u64 unused)
{
	for (int i = 0; i < 50; i++)
		outb(0x80, i);
	guest_sync(1);
}

static void check(struct stats *s, const char *prefix)
{
	char id[64] = "";
	u64 end = 0;

	CHECK_EQ(s->h.flags, 0);
	CHECK(OK(pread(s->fd, id, s->h.name_size < 63 ? s->h.name_size : 63, s->h.id_offset)) > 0);
	CHECK(!strncmp(id, prefix, strlen(prefix)));
	for (u32 i = 0; i < s->h.num_desc; i++) {
		struct kvm_stats_desc *d = stats_desc(s, i);

		REQUIRE(strnlen(d->name, s->h.name_size) < s->h.name_size);
		CHECK(d->name[0] != 0);
		CHECK((d->flags & KVM_STATS_TYPE_MASK) <= KVM_STATS_TYPE_MAX);
		CHECK((d->flags & KVM_STATS_UNIT_MASK) <= KVM_STATS_UNIT_MAX);
		CHECK((d->flags & KVM_STATS_BASE_MASK) <= KVM_STATS_BASE_MAX);
		CHECK(d->size > 0);
		CHECK_EQ(d->offset % 8, 0);
		if (d->offset + d->size * 8 > end)
			end = d->offset + d->size * 8;
		for (u32 j = 0; j < i; j++)
			if (!strcmp(d->name, stats_desc(s, j)->name))
				FAIL("%s comes twice", d->name);
	}
	/* The data end where the last of them ends. */
	{
		u64 one;

		CHECK_EQ(pread(s->fd, &one, 8, s->h.data_offset + end - 8), 8);
		CHECK_EQ(pread(s->fd, &one, 8, s->h.data_offset + end), 0);
	}
}

CASE(vm_stats, "a machine's statistics describe themselves, with a header, names and data")
{
	struct vcpu *cpu = vm_with(0, work, 0);
	struct stats s;

	NEED(cpu->vm->kvm, KVM_CAP_BINARY_STATS_FD);
	s = stats_open(cpu->vm->fd);
	check(&s, "kvm-");
}

CASE(vcpu_stats, "a vCPU's likewise, and its exits are counted")
{
	struct vcpu *cpu = vm_with(0, work, 0);
	struct stats s;
	u64 before, after, io;

	NEED(cpu->vm->kvm, KVM_CAP_BINARY_STATS_FD);
	s = stats_open(cpu->fd);
	check(&s, "kvm-");
	before = stats_value(&s, "exits");
	io = stats_value(&s, "io_exits");
	for (int i = 0; i < 50; i++)
		vcpu_expect_exit(cpu, KVM_EXIT_IO);
	after = stats_value(&s, "exits");
	CHECK(after >= before + 50);
	CHECK_EQ(stats_value(&s, "io_exits"), io + 50);
	vcpu_expect_sync(cpu, 1);
}

/* Ports that the kernel serves, and then the one that is the test's. */
static void mask_all(u64 unused)
{
	for (int i = 0; i < 20; i++)
		outb(PIC1 + 1, 0xff);
	guest_sync(1);
}

CASE(kernel_io, "accesses to ports that the kernel serves are exits for I/O as well")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, mask_all, 0);
	struct stats s;

	NEED(cpu->vm->kvm, KVM_CAP_BINARY_STATS_FD);
	s = stats_open(cpu->fd);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(stats_value(&s, "io_exits"), 21);
}

CASE(outlives, "the descriptor outlives the machine's and the vCPU's own")
{
	struct vcpu *cpu = vm_with(0, work, 0);
	struct stats v, m;

	NEED(cpu->vm->kvm, KVM_CAP_BINARY_STATS_FD);
	v = stats_open(cpu->fd);
	m = stats_open(cpu->vm->fd);
	vm_free(cpu->vm);
	stats_value(&v, "exits");
	check(&m, "kvm-");
	OK(close(v.fd));
	OK(close(m.fd));
}

CASE(read_only, "it cannot be written")
{
	struct vcpu *cpu = vm_with(0, work, 0);
	struct stats s;

	NEED(cpu->vm->kvm, KVM_CAP_BINARY_STATS_FD);
	s = stats_open(cpu->fd);
	CHECK_EQ(write(s.fd, "x", 1), -1);
}

CASE(debugfs, "debugfs has the sums of the numbers over all machines")
{
	struct vcpu *cpu;
	char text[100];
	long before;

	if (access("/sys/kernel/debug/kvm", R_OK))
		SKIP("no /sys/kernel/debug/kvm");
	CHECK(read_file("/sys/kernel/debug/kvm/exits", text, sizeof(text)));
	before = atol(text);
	cpu = vm_with(0, work, 0);
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK(read_file("/sys/kernel/debug/kvm/exits", text, sizeof(text)));
	CHECK(atol(text) > before);
}
