// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CAP_X2APIC_API: destinations of 32 bits in messages, and what 0xff means to local APICs in x2APIC mode. */
#include "apic.h"
#include "vm.h"

#define VECTOR 0x61
#define WIDE_ID 300

static int enable(struct vm *vm, u64 flags)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API, .args = { flags } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static int send(struct vm *vm, u32 address_lo, u32 address_hi)
{
	struct kvm_msi m = { .address_lo = APIC_BASE_ADDR | address_lo,
			     .address_hi = address_hi,
			     .data = VECTOR };

	return ioctl(vm->fd, KVM_SIGNAL_MSI, &m);
}

static int route(struct vm *vm, u32 address_hi)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = { .head.nr = 1,
		     .entry = { .gsi = 30,
				.type = KVM_IRQ_ROUTING_MSI,
				.u.msi = { .address_lo = APIC_BASE_ADDR | (WIDE_ID & 0xff) << 12,
					   .address_hi = address_hi,
					   .data = VECTOR } } };

	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes);
}

static struct vm *machine(u64 flags)
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	NEED(vm->fd, KVM_CAP_X2APIC_API);
	if (flags)
		OK(enable(vm, flags));
	return vm;
}

/* A vCPU that does not run, with its local APIC enabled in x2APIC mode. */
static struct vcpu *listener(struct vm *vm, u32 id)
{
	struct vcpu *cpu = vcpu_new_bare(vm, id);

	CHECK_EQ(vcpu_wrmsr(cpu, MSR_APIC_BASE,
			    APIC_BASE_ADDR | APIC_BASE_ENABLE | APIC_BASE_X2APIC),
		 1);
	lapic_image_write(cpu, APIC_SPIV, 0x1ff);
	return cpu;
}

/* Has it got the interrupt? */
static bool got(struct vcpu *cpu)
{
	return lapic_image_read(cpu, APIC_IRR + VECTOR / 32 * 16) & BIT(VECTOR % 32);
}

CASE(flags, "flags that nobody gave out are refused, and nothing is changed by that")
{
	struct vm *vm = machine(0);
	struct vcpu *cpu;

	CHECK_ERRNO(enable(vm, KVM_X2APIC_API_USE_32BIT_IDS | 1 << 2), EINVAL);
	CHECK_ERRNO(enable(vm, 1ULL << 63), EINVAL);
	CHECK_EQ(kvm_cap(vm->fd, KVM_CAP_X2APIC_API),
		 KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	cpu = listener(vm, WIDE_ID);
	CHECK_EQ(send(vm, (WIDE_ID & 0xff) << 12, WIDE_ID & ~0xff), 0);
	CHECK(!got(cpu));
}

CASE(high_address, "without 32-bit numbers the high half of an MSI's address is of no importance")
{
	struct vm *vm = machine(0);
	struct vcpu *cpu = listener(vm, WIDE_ID & 0xff);

	CHECK_EQ(send(vm, (WIDE_ID & 0xff) << 12, WIDE_ID & ~0xff), 1);
	CHECK(got(cpu));
	OK(route(vm, 0xff));
}

CASE(wide_msi, "with them it holds bits 31:8 of the number, and its low byte must be 0")
{
	struct vm *vm = machine(KVM_X2APIC_API_USE_32BIT_IDS);
	struct vcpu *narrow = listener(vm, WIDE_ID & 0xff), *wide = listener(vm, WIDE_ID);

	CHECK_ERRNO(send(vm, (WIDE_ID & 0xff) << 12, WIDE_ID), EINVAL);
	CHECK(!got(wide));
	CHECK_EQ(send(vm, (WIDE_ID & 0xff) << 12, WIDE_ID & ~0xff), 1);
	CHECK(got(wide));
	CHECK(!got(narrow));
}

CASE(wide_route, "a route likewise")
{
	struct vm *vm = machine(KVM_X2APIC_API_USE_32BIT_IDS);
	struct vcpu *narrow = listener(vm, WIDE_ID & 0xff), *wide = listener(vm, WIDE_ID);
	struct kvm_irq_level line = { .irq = 30, .level = 1 };

	CHECK_ERRNO(route(vm, WIDE_ID), EINVAL);
	OK(route(vm, WIDE_ID & ~0xff));
	OK(ioctl(vm->fd, KVM_IRQ_LINE, &line));
	CHECK(got(wide));
	CHECK(!got(narrow));
}

CASE(broadcast, "0xff in an MSI is everybody")
{
	struct vm *vm = machine(0);
	struct vcpu *first = listener(vm, 1), *other = listener(vm, 0xff);

	CHECK(send(vm, 0xff << 12, 0) > 0);
	CHECK(got(first));
	CHECK(got(other));
}

CASE(no_broadcast,
     "with that quirk disabled it is the one of that number, and 0xffffffff is everybody")
{
	struct vm *vm =
		machine(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	struct vcpu *first = listener(vm, 1), *other = listener(vm, 0xff);

	CHECK_EQ(send(vm, 0xff << 12, 0), 1);
	CHECK(!got(first));
	CHECK(got(other));
	CHECK(send(vm, 0xff << 12, 0xffffff00) > 0);
	CHECK(got(first));
}

CASE(late, "disabled when the vCPUs are there already, it is disabled for them, too")
{
	struct vm *vm = machine(0);
	struct vcpu *first = listener(vm, 1), *other = listener(vm, 0xff);

	OK(enable(vm, KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK));
	CHECK_EQ(send(vm, 0xff << 12, 0), 1);
	CHECK(!got(first));
	CHECK(got(other));
}
