// SPDX-License-Identifier: GPL-2.0-only
/* Coalesced MMIO and PIO: writes noted in the ring, and a ring that the program scribbles on. */
#include "vm.h"

#define ZONE 0xd0000000UL
#define ZONE_SIZE 0x2000UL
#define PORT 0x600

static struct kvm_coalesced_mmio_ring *ring_of(struct vcpu *cpu)
{
	int page = kvm_cap(cpu->vm->fd, KVM_CAP_COALESCED_MMIO);

	if (!page)
		SKIP("no coalesced MMIO");
	return (void *)((u8 *)cpu->run + page * PAGE);
}

#define RING_MAX \
	((PAGE - sizeof(struct kvm_coalesced_mmio_ring)) / sizeof(struct kvm_coalesced_mmio))

static int zone(struct vm *vm, unsigned long cmd, u64 addr, u32 size, u32 pio)
{
	struct kvm_coalesced_mmio_zone arg = { .addr = addr, .size = size, .pio = pio };

	return ioctl(vm->fd, cmd, &arg);
}

static int add(struct vm *vm, u64 addr, u32 size, u32 pio)
{
	return zone(vm, KVM_REGISTER_COALESCED_MMIO, addr, size, pio);
}

static int del(struct vm *vm, u64 addr, u32 size, u32 pio)
{
	return zone(vm, KVM_UNREGISTER_COALESCED_MMIO, addr, size, pio);
}

static u64 value_of(const struct kvm_coalesced_mmio *e)
{
	u64 value = 0;

	memcpy(&value, e->data, e->len <= 8 ? e->len : 8);
	return value;
}

static void some_writes(u64 unused)
{
	*(volatile u8 *)ZONE = 0x11;
	*(volatile u32 *)(ZONE + 0x10) = 0x22222222;
	*(volatile u64 *)(ZONE + ZONE_SIZE - 8) = 0x3333333333333333;
	*(volatile u32 *)(ZONE + ZONE_SIZE - 2) = 0x44444444; /* sticks out */
	guest_sync(*(volatile u32 *)(ZONE + 4)); /* a read */
}

CASE(mmio, "writes inside a zone are noted in order; reads and what sticks out are exits")
{
	struct vcpu *cpu = vm_with(0, some_writes, 0);
	struct kvm_coalesced_mmio_ring *ring = ring_of(cpu);

	OK(add(cpu->vm, ZONE, ZONE_SIZE, 0));
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK_EQ(cpu->run->mmio.phys_addr, ZONE + ZONE_SIZE);
	CHECK(cpu->run->mmio.is_write);
	REQUIRE_EQ(ring->first, 0);
	REQUIRE_EQ(ring->last, 4);
	CHECK_EQ(ring->coalesced_mmio[0].phys_addr, ZONE);
	CHECK_EQ(ring->coalesced_mmio[0].len, 1);
	CHECK_EQ(ring->coalesced_mmio[0].pio, 0);
	CHECK_EQ(value_of(&ring->coalesced_mmio[0]), 0x11);
	CHECK_EQ(ring->coalesced_mmio[1].phys_addr, ZONE + 0x10);
	CHECK_EQ(ring->coalesced_mmio[1].len, 4);
	CHECK_EQ(value_of(&ring->coalesced_mmio[1]), 0x22222222);
	CHECK_EQ(ring->coalesced_mmio[2].len, 8);
	CHECK_EQ(value_of(&ring->coalesced_mmio[2]), 0x3333333333333333);
	/* The part of the last one that is inside */
	CHECK_EQ(ring->coalesced_mmio[3].phys_addr, ZONE + ZONE_SIZE - 2);
	CHECK_EQ(ring->coalesced_mmio[3].len, 2);

	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK(!cpu->run->mmio.is_write);
	*(u32 *)cpu->run->mmio.data = 0x55;
	vcpu_expect_sync(cpu, 0x55);
	CHECK_EQ(ring->last, 4);
}

static void port_writes(u64 unused)
{
	outw(PORT, 0x1234);
	outb(PORT + 1, 0x56);
	outl(PORT + 2, 0);
	guest_sync(1);
}

CASE(pio, "ports likewise")
{
	struct vcpu *cpu = vm_with(0, port_writes, 0);
	struct kvm_coalesced_mmio_ring *ring = ring_of(cpu);

	NEED(cpu->vm->fd, KVM_CAP_COALESCED_PIO);
	OK(add(cpu->vm, PORT, 2, 1));
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(cpu->run->io.port, PORT + 2);
	REQUIRE_EQ(ring->last, 2);
	CHECK_EQ(ring->coalesced_mmio[0].phys_addr, PORT);
	CHECK_EQ(ring->coalesced_mmio[0].pio, 1);
	CHECK_EQ(ring->coalesced_mmio[0].len, 2);
	CHECK_EQ(value_of(&ring->coalesced_mmio[0]), 0x1234);
	CHECK_EQ(ring->coalesced_mmio[1].phys_addr, PORT + 1);
	vcpu_expect_sync(cpu, 1);
}

static void endless(u64 unused)
{
	for (u32 i = 0;; i++)
		*(volatile u32 *)ZONE = i;
}

CASE(full, "a full ring makes the next write an exit, and goes on where it was when it has room")
{
	struct vcpu *cpu = vm_with(0, endless, 0);
	struct kvm_coalesced_mmio_ring *ring = ring_of(cpu);
	u32 next = 0;

	OK(add(cpu->vm, ZONE, ZONE_SIZE, 0));
	for (int round = 0; round < 5; round++) {
		vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
		while (ring->first != ring->last) {
			REQUIRE(ring->first < RING_MAX);
			REQUIRE_EQ(value_of(&ring->coalesced_mmio[ring->first]), next);
			next++;
			ring->first = (ring->first + 1) % RING_MAX;
		}
		REQUIRE_EQ(*(u32 *)cpu->run->mmio.data, next);
		next++;
	}
	CHECK_EQ(next, 5 * RING_MAX);
}

CASE(hostile,
     "whatever the program writes into the ring's indices, writes go to the ring's page or to the program")
{
	static const u32 bad[] = { 0x80000000, 0xffffffff, 0x7fffffff, 170, 171, 4096 };
	struct vcpu *cpu = vm_with(0, endless, 0);
	struct kvm_coalesced_mmio_ring *ring = ring_of(cpu);

	OK(add(cpu->vm, ZONE, ZONE_SIZE, 0));
	for (u32 i = 0; i < 6; i++) {
		for (u32 j = 0; j < 6; j++) {
			ring->first = bad[i];
			ring->last = bad[j];
			vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
			CHECK_EQ(cpu->run->mmio.phys_addr, ZONE);
		}
		ring->first = 0;
		ring->last = bad[i];
		vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	}
}

CASE(registration, "zones are checked when they come, and a zone that was removed is an exit again")
{
	struct vcpu *cpu = vm_with(0, endless, 0);
	struct vm *vm = cpu->vm;

	ring_of(cpu);
	CHECK_ERRNO(add(vm, ZONE, 16, 2), EINVAL);
	CHECK_ERRNO(del(vm, ZONE, 16, 2), EINVAL);
	OK(add(vm, ZONE, ZONE_SIZE, 0));
	OK(del(vm, ZONE, ZONE_SIZE, 1)); /* ports are another world */
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK(*(u32 *)cpu->run->mmio.data);
	OK(del(vm, ZONE, ZONE_SIZE, 0));
	ring_of(cpu)->first = ring_of(cpu)->last = 0;
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK_EQ(ring_of(cpu)->last, 0);
	/* That there was none is no error. */
	OK(del(vm, ZONE, ZONE_SIZE, 0));
}

CASE(limit, "a bus takes 1000 devices; what is refused leaves nothing")
{
	struct vm *vm = vm_new(0);
	u32 n = 0;

	while (n < 1100 && !add(vm, ZONE + n * 16, 16, 0))
		n++;
	CHECK_EQ(errno, ENOSPC);
	CHECK(n >= 900 && n <= 1000);
	OK(del(vm, ZONE + 16, 16, 0));
	OK(add(vm, ZONE + n * 16, 16, 0));
	CHECK_ERRNO(add(vm, ZONE + n * 32, 16, 0), ENOSPC);
}
