// SPDX-License-Identifier: GPL-2.0-only
/* The cost of port I/O and MMIO, by who answers: KVM's own devices, an eventfd, the ring of coalesced writes, the VMM. */
#include "apic.h"
#include "bench.h"

#define DOORBELL 0xd0001000UL
#define DEVICE 0xd0002000UL
#define DOORBELL_PORT 0x600
#define DEVICE_PORT 0x610
#define PIC_MASK 0x21

static void op_pio_kernel(u64 unused)
{
	SAMPLE(inb(PIC_MASK));
}

CASE(bench_pio_kernel, "a read of the PIC's mask")
{
	measure("pio-kernel", op_pio_kernel);
}

static void op_mmio_kernel(u64 unused)
{
	SAMPLE(*(volatile u32 *)IOAPIC_ADDR = 0);
}

CASE(bench_mmio_kernel, "a write of the I/O APIC's index")
{
	measure("mmio-kernel", op_mmio_kernel);
}

static void op_pio(u64 port)
{
	SAMPLE(outl(DOORBELL_PORT, 1));
}

CASE(bench_pio_ioeventfd, "a port write to an ioeventfd")
{
	struct vcpu *cpu = guest_with(op_pio);

	doorbell(cpu->vm, DOORBELL_PORT, KVM_IOEVENTFD_FLAG_PIO);
	measure_on("pio-ioeventfd", cpu);
}

static void op_mmio(u64 unused)
{
	SAMPLE(*(volatile u32 *)DOORBELL = 1);
}

CASE(bench_mmio_ioeventfd, "a memory write to an ioeventfd")
{
	struct vcpu *cpu = guest_with(op_mmio);

	doorbell(cpu->vm, DOORBELL, 0);
	measure_on("mmio-ioeventfd", cpu);
}

/* The ring has room for 170 writes: a full one is an exit, at which the VMM empties it. */
static void serve_ring(const char *name, void (*code)(u64), u64 addr, u32 pio)
{
	struct vcpu *cpu = guest_with(code);
	struct kvm_coalesced_mmio_zone zone = { .addr = addr, .size = 8, .pio = pio };
	struct kvm_run *run = cpu->run;
	int page = NEED(cpu->vm->fd, pio ? KVM_CAP_COALESCED_PIO : KVM_CAP_COALESCED_MMIO);
	struct kvm_coalesced_mmio_ring *ring;

	page = kvm_cap(cpu->vm->fd, KVM_CAP_COALESCED_MMIO);
	ring = (void *)((u8 *)run + page * PAGE);
	OK(ioctl(cpu->vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone));
	do {
		OK(ioctl(cpu->fd, KVM_RUN, 0));
		WRITE_ONCE(ring->first, READ_ONCE(ring->last));
	} while (run->exit_reason == (pio ? KVM_EXIT_IO : KVM_EXIT_MMIO) &&
		 !(pio && run->io.port == GUEST_PORT));
	measure_on(name, cpu);
}

CASE(bench_mmio_coalesced, "a coalesced memory write")
{
	serve_ring("mmio-coalesced", op_mmio, DOORBELL, 0);
}

CASE(bench_pio_coalesced, "a coalesced port write")
{
	serve_ring("pio-coalesced", op_pio, DOORBELL_PORT, 1);
}

/* Answers the device's exits with as little as a VMM can. */
static void serve(const char *name, void (*code)(u64))
{
	struct vcpu *cpu = guest_with(code);
	struct kvm_run *run = cpu->run;
	int fd = cpu->fd;

	for (;;) {
		OK(ioctl(fd, KVM_RUN, 0));
		if (run->exit_reason == KVM_EXIT_MMIO && run->mmio.phys_addr == DEVICE)
			continue;
		if (run->exit_reason == KVM_EXIT_IO && run->io.port == DEVICE_PORT)
			continue;
		break;
	}
	/* The end, or a complaint. */
	REQUIRE_EQ(run->exit_reason, KVM_EXIT_IO);
	REQUIRE_EQ(run->io.port, GUEST_PORT);
	measure_on(name, cpu);
}

static void op_pio_user(u64 unused)
{
	SAMPLE(outl(DEVICE_PORT, 1));
}

CASE(bench_pio_user, "a port write to user space and back")
{
	serve("pio-user", op_pio_user);
}

static void op_mmio_user(u64 unused)
{
	SAMPLE(*(volatile u32 *)DEVICE = 1);
}

CASE(bench_mmio_user, "a memory write to user space and back")
{
	serve("mmio-user", op_mmio_user);
}
