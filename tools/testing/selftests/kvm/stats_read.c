// SPDX-License-Identifier: GPL-2.0-only
/* The statistics descriptor read in every way; histograms. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

static void work(u64 unused)
{
	guest_sync(1);
}

static u8 whole[65536], part[65536];

static size_t take_whole(int fd)
{
	size_t n = OK(pread(fd, whole, sizeof(whole), 0));

	REQUIRE(n > sizeof(struct kvm_stats_header) && n < sizeof(whole));
	return n;
}

static void any_window(int fd)
{
	size_t n = take_whole(fd);

	for (size_t off = 0; off < n + 20; off += off < 100 || off + 40 > n ? 1 : 37) {
		static const size_t sizes[] = { 0, 1, 3, 8, 24, 100, 4096, 60000 };

		for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
			size_t want = off >= n ? 0 : sizes[i] < n - off ? sizes[i] : n - off;
			ssize_t got;

			memset(part, 0xaa, sizeof(part));
			got = pread(fd, part, sizes[i], off);
			if (got != (ssize_t)want || memcmp(part, whole + off, want) ||
			    (want < sizeof(part) && part[want] != 0xaa)) {
				FAIL("%zu bytes at %zu: %zd, not %zu", sizes[i], off, got, want);
				return;
			}
		}
	}
}

CASE(windows, "any piece of it is what a reading of the whole has there")
{
	struct vcpu *cpu = vm_with(0, work, 0);

	NEED(cpu->vm->kvm, KVM_CAP_BINARY_STATS_FD);
	any_window(OK(ioctl(cpu->fd, KVM_GET_STATS_FD, 0)));
	any_window(OK(ioctl(cpu->vm->fd, KVM_GET_STATS_FD, 0)));
}

CASE(in_turn, "read(2) goes on where it stopped, and ends")
{
	struct vcpu *cpu = vm_with(0, work, 0);
	size_t n, at = 0;
	ssize_t got;
	int fd;

	NEED(cpu->vm->kvm, KVM_CAP_BINARY_STATS_FD);
	fd = OK(ioctl(cpu->fd, KVM_GET_STATS_FD, 0));
	n = take_whole(fd);
	while ((got = OK(read(fd, part + at, 7 + at % 5))) > 0)
		at += got;
	CHECK_EQ(at, n);
	CHECK(!memcmp(part, whole, n));
}

CASE(bad, "offsets and buffers that cannot be are refused")
{
	struct vcpu *cpu = vm_with(0, work, 0);
	u8 *edge;
	size_t n;
	int fd;

	NEED(cpu->vm->kvm, KVM_CAP_BINARY_STATS_FD);
	fd = OK(ioctl(cpu->fd, KVM_GET_STATS_FD, 0));
	n = take_whole(fd);
	CHECK_ERRNO(pread(fd, part, 8, -1), EINVAL);
	CHECK_EQ(pread(fd, part, 8, 0x7fffffffffff0000), 0);
	CHECK_EQ(pread(fd, part, 8, n), 0);
	CHECK_ERRNO(pread(fd, (void *)16, 8, 0), EFAULT);
	edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	OK(munmap(edge + PAGE, PAGE));
	CHECK_ERRNO(pread(fd, edge + PAGE - 4, 8, 0), EFAULT);
	CHECK_EQ(pread(fd, edge + PAGE - 8, 8, 0), 8);
}

static void nap(u64 unused)
{
	apic_enable();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, 0x40);
	for (int i = 0; i < 5; i++) {
		apic_write(APIC_TMICT, 20000000);
		irq_enable();
		halt();
		irq_disable();
	}
	guest_done();
}

static const struct kvm_stats_desc *find(const char *name)
{
	struct kvm_stats_header *h = (void *)whole;
	size_t step = sizeof(struct kvm_stats_desc) + h->name_size;

	for (u32 i = 0; i < h->num_desc; i++) {
		struct kvm_stats_desc *d = (void *)(whole + h->desc_offset + i * step);

		if (!strcmp(d->name, name))
			return d;
	}
	FAIL("no statistic is called %s", name);
	ktap_end();
}

CASE(histogram, "sleeping at HLT is counted in a logarithmic histogram of nanoseconds")
{
	struct kvm_stats_header *h = (void *)whole;
	const struct kvm_stats_desc *d, *ns;
	struct vcpu *cpu = vm_with(VM_IRQCHIP, nap, 0);
	u64 *bucket, sum = 0, least = 0, total;

	NEED(cpu->vm->kvm, KVM_CAP_BINARY_STATS_FD);
	guest_handlers[0x40] = irq_count;
	vcpu_expect_done(cpu);
	take_whole(OK(ioctl(cpu->fd, KVM_GET_STATS_FD, 0)));
	d = find("halt_wait_hist");
	ns = find("halt_wait_ns");
	CHECK_EQ(d->flags & KVM_STATS_TYPE_MASK, KVM_STATS_TYPE_LOG_HIST);
	CHECK_EQ(d->flags & KVM_STATS_UNIT_MASK, KVM_STATS_UNIT_SECONDS);
	CHECK_EQ((u16)d->exponent, (u16)-9);
	CHECK_EQ(d->size, 32);
	bucket = (void *)(whole + h->data_offset + d->offset);
	total = *(u64 *)(whole + h->data_offset + ns->offset);
	for (u32 i = 0; i < d->size; i++) {
		sum += bucket[i];
		least += bucket[i] * (i ? 1ULL << (i - 1) : 0);
	}
	/* Each nap is of milliseconds, longer than any polling, and the buckets agree with the sum. */
	CHECK(sum >= 1 && sum <= 5);
	CHECK(least <= total);
	CHECK(total < 2 * least + 1);
}
