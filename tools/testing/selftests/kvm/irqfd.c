// SPDX-License-Identifier: GPL-2.0-only
/* KVM_IRQFD: interrupts from an eventfd. */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

static int irqfd(struct vm *vm, int fd, u32 gsi, u32 flags, int resample)
{
	struct kvm_irqfd i = { .fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resample };

	return ioctl(vm->fd, KVM_IRQFD, &i);
}

static void kick(int fd)
{
	u64 one = 1;

	OK(write(fd, &one, 8));
}

static bool signalled(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return OK(poll(&p, 1, 0)) == 1;
}

static void route_msi(struct vm *vm, u32 gsi, u8 vector)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e;
	} t = { .head.nr = 1,
		.e = { .gsi = gsi,
		       .type = KVM_IRQ_ROUTING_MSI,
		       .u.msi = { .address_lo = 0xfee00000, .data = vector } } };

	OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &t));
}

/* Waits until the vector has come n times; the interrupt may come from another thread a little later. */
static void wait_for(u64 vector)
{
	apic_enable();
	ioapic_route(20, 0x52, 0);
	irq_enable();
	guest_sync(1);
	while (irq_counts[vector] < 1)
		relax();
	guest_sync(2);
	while (irq_counts[vector] < 2)
		relax();
	guest_sync(3);
}

static struct vcpu *start(u8 vector)
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, wait_for, vector);

	NEED(cpu->vm->kvm, KVM_CAP_IRQFD);
	guest_handlers[vector] = irq_count;
	vcpu_expect_sync(cpu, 1);
	return cpu;
}

CASE(msi, "a write to the eventfd is the MSI that its GSI is routed to")
{
	struct vcpu *cpu = start(0x60);
	int fd = OK(eventfd(0, 0));

	route_msi(cpu->vm, 24, 0x60);
	OK(irqfd(cpu->vm, fd, 24, 0, 0));
	kick(fd);
	vcpu_expect_sync(cpu, 2);
	kick(fd);
	vcpu_expect_sync(cpu, 3);
	/* The kernel has taken the counts. */
	CHECK(!signalled(fd));
	CHECK_EQ(irq_counts[0x60], 2);
}

CASE(pin, "a write is a pulse on a pin of the I/O APIC")
{
	struct vcpu *cpu = start(0x52);
	int fd = OK(eventfd(0, 0));

	OK(irqfd(cpu->vm, fd, 20, 0, 0));
	kick(fd);
	vcpu_expect_sync(cpu, 2);
	kick(fd);
	vcpu_expect_sync(cpu, 3);
}

CASE(rerouted, "a change of the routing changes what the eventfd does")
{
	struct vcpu *cpu = start(0x61);
	int fd = OK(eventfd(0, 0));

	guest_handlers[0x62] = irq_count;
	route_msi(cpu->vm, 24, 0x62);
	OK(irqfd(cpu->vm, fd, 24, 0, 0));
	route_msi(cpu->vm, 24, 0x61);
	kick(fd);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(irq_counts[0x62], 0);
}

CASE(signalled_before, "an eventfd that was written before it was bound is an interrupt at once")
{
	struct vcpu *cpu = start(0x63);
	int fd = OK(eventfd(0, 0));

	kick(fd);
	route_msi(cpu->vm, 24, 0x63);
	OK(irqfd(cpu->vm, fd, 24, 0, 0));
	vcpu_expect_sync(cpu, 2);
}

CASE(deassign, "after it is taken away writes do nothing; taking it away twice is no error")
{
	struct vcpu *cpu = start(0x64);
	int fd = OK(eventfd(0, 0)), other = OK(eventfd(0, 0));

	guest_handlers[0x65] = irq_count;
	route_msi(cpu->vm, 24, 0x64);
	OK(irqfd(cpu->vm, fd, 24, 0, 0));
	OK(irqfd(cpu->vm, fd, 24, KVM_IRQFD_FLAG_DEASSIGN, 0));
	OK(irqfd(cpu->vm, fd, 24, KVM_IRQFD_FLAG_DEASSIGN, 0));
	kick(fd);
	CHECK(signalled(fd));
	OK(irqfd(cpu->vm, other, 24, 0, 0));
	kick(other);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(irq_counts[0x64], 1);
}

CASE(bad, "what is no eventfd, unknown flags, and a second use of one give their errors")
{
	struct vcpu *cpu = start(0x66);
	struct vm *none = vm_new(0);
	int fd = OK(eventfd(0, 0));

	CHECK_ERRNO(irqfd(cpu->vm, -1, 24, 0, 0), EBADF);
	CHECK_ERRNO(irqfd(cpu->vm, cpu->vm->kvm, 24, 0, 0), EINVAL);
	CHECK_ERRNO(irqfd(cpu->vm, fd, 24, 1 << 7, 0), EINVAL);
	OK(irqfd(cpu->vm, fd, 24, 0, 0));
	CHECK_ERRNO(irqfd(cpu->vm, fd, 24, 0, 0), EBUSY);
	CHECK_ERRNO(irqfd(cpu->vm, fd, 25, 0, 0), EBUSY);
	/* Another machine may use it as well, and without controllers it is not to be had. */
	CHECK_EQ(irqfd(none, OK(eventfd(0, 0)), 24, 0, 0), -1);
	CHECK_ERRNO(ioctl(cpu->vm->fd, KVM_IRQFD, 8), EFAULT);
}

static void level_irq(struct frame *frame)
{
	irq_counts[frame->vector]++;
	guest_sync(0x100 + irq_counts[frame->vector]);
	apic_eoi();
}

static void resampled(u64 unused)
{
	apic_enable();
	ioapic_route(21, IOAPIC_LEVEL | 0x57, 0);
	irq_enable();
	guest_sync(1);
	while (irq_counts[0x57] < 1)
		relax();
	guest_sync(2);
	while (irq_counts[0x57] < 2)
		relax();
	guest_sync(3);
}

CASE(resample, "a level irqfd stays high until EOI, which lowers it and signals the second eventfd")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, resampled, 0);
	int fd = OK(eventfd(0, 0)), again = OK(eventfd(0, EFD_NONBLOCK));
	u64 n;

	NEED(cpu->vm->kvm, KVM_CAP_IRQFD_RESAMPLE);
	guest_handlers[0x57] = level_irq;
	OK(irqfd(cpu->vm, fd, 21, KVM_IRQFD_FLAG_RESAMPLE, again));
	vcpu_expect_sync(cpu, 1);
	kick(fd);
	vcpu_expect_sync(cpu, 0x101);
	CHECK(!signalled(again));
	vcpu_expect_sync(cpu, 2);
	CHECK(signalled(again));
	CHECK_EQ(OK(read(again, &n, 8)), 8);
	CHECK_EQ(n, 1);
	/* The device still wants: once more */
	kick(fd);
	vcpu_expect_sync(cpu, 0x102);
	vcpu_expect_sync(cpu, 3);
	CHECK(signalled(again));
	vcpu_expect_done(cpu);
	CHECK_EQ(irq_counts[0x57], 2);
}

CASE(closed, "an eventfd that is closed, or a machine closed before its eventfds, does no harm")
{
	struct vcpu *cpu = start(0x68);
	int fds[20];

	for (int i = 0; i < 20; i++) {
		fds[i] = OK(eventfd(0, 0));
		OK(irqfd(cpu->vm, fds[i], 30 + i, 0, 0));
	}
	for (int i = 0; i < 10; i++)
		OK(close(fds[i]));
	vm_free(cpu->vm);
	for (int i = 10; i < 20; i++) {
		kick(fds[i]);
		OK(close(fds[i]));
	}
}
