// SPDX-License-Identifier: GPL-2.0-only
/* The guest's TSC: offset, rate, IA32_TSC_ADJUST, and how vCPUs are brought together. */
#include "vm.h"

#define MSR_TSC 0x10
#define MSR_TSC_ADJUST 0x3b

static u64 offset_of(struct vcpu *cpu)
{
	u64 offset = 0x5a5a;
	struct kvm_device_attr attr = { .group = KVM_VCPU_TSC_CTRL,
					.attr = KVM_VCPU_TSC_OFFSET,
					.addr = (u64)&offset };

	OK(ioctl(cpu->fd, KVM_GET_DEVICE_ATTR, &attr));
	return offset;
}

static void set_offset(struct vcpu *cpu, u64 offset)
{
	struct kvm_device_attr attr = { .group = KVM_VCPU_TSC_CTRL,
					.attr = KVM_VCPU_TSC_OFFSET,
					.addr = (u64)&offset };

	OK(ioctl(cpu->fd, KVM_SET_DEVICE_ATTR, &attr));
}

CASE(attributes, "KVM_VCPU_TSC_OFFSET is there, other attributes give ENXIO, bad addresses EFAULT")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);
	struct kvm_device_attr attr = { .group = KVM_VCPU_TSC_CTRL,
					.attr = KVM_VCPU_TSC_OFFSET,
					.addr = 8 };

	NEED(cpu->vm->fd, KVM_CAP_VCPU_ATTRIBUTES);
	OK(ioctl(cpu->fd, KVM_HAS_DEVICE_ATTR, &attr));
	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_DEVICE_ATTR, &attr), EFAULT);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_DEVICE_ATTR, &attr), EFAULT);
	attr.attr = 77;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_DEVICE_ATTR, &attr), ENXIO);
	attr.attr = KVM_VCPU_TSC_OFFSET;
	attr.group = 77;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_DEVICE_ATTR, &attr), ENXIO);
	set_offset(cpu, 0x123456789abcd);
	CHECK_EQ(offset_of(cpu), 0x123456789abcd);
}

static volatile u64 seen;

static void look(u64 unused)
{
	for (;;) {
		seen = rdtsc();
		guest_sync(0);
	}
}

CASE(offset, "the offset is what the guest's TSC is ahead of the host's")
{
	struct vcpu *cpu = vm_with(0, look, 0);
	u64 before, after;

	set_offset(cpu, 1ull << 50);
	before = rdtsc();
	vcpu_expect_sync(cpu, 0);
	after = rdtsc();
	CHECK(seen - (1ull << 50) >= before);
	CHECK(seen - (1ull << 50) <= after);
}

CASE(together, "vCPUs that are written the same TSC one after the other get the same offset")
{
	struct vm *vm = vm_new(0);
	struct vcpu *a = vcpu_new(vm, look, 0), *b = vcpu_new(vm, look, 0);

	/* from the start */
	CHECK_EQ(offset_of(a), offset_of(b));
	CHECK_EQ(vcpu_wrmsr(a, MSR_TSC, 1ull << 45), 1);
	CHECK(offset_of(a) != offset_of(b));
	CHECK_EQ(vcpu_wrmsr(b, MSR_TSC, (1ull << 45) + 1000), 1);
	CHECK_EQ(offset_of(a), offset_of(b));
	/* far away: it is meant */
	CHECK_EQ(vcpu_wrmsr(b, MSR_TSC, 1ull << 55), 1);
	CHECK(offset_of(a) != offset_of(b));
	/* the state of another machine, by offsets */
	set_offset(a, 42);
	set_offset(b, 42);
	CHECK_EQ(offset_of(a), offset_of(b));
}

static void adjust(u64 unused)
{
	u64 value, before;

	G_ASSERT_EQ(catch_rdmsr(MSR_TSC_ADJUST, &value), NO_VECTOR);
	G_ASSERT_EQ(value, 0);
	before = rdtsc();
	G_ASSERT_EQ(catch_wrmsr(MSR_TSC_ADJUST, 1ull << 50), NO_VECTOR);
	G_ASSERT(rdtsc() - before >= 1ull << 50);
	/* A write of the TSC moves the adjustment by as much. */
	G_ASSERT_EQ(catch_wrmsr(MSR_TSC, 0), NO_VECTOR);
	G_ASSERT(rdtsc() < 1ull << 45);
	G_ASSERT_EQ(catch_rdmsr(MSR_TSC_ADJUST, &value), NO_VECTOR);
	G_ASSERT((s64)value < 0);
	G_ASSERT_EQ(catch_rdmsr(MSR_TSC, &value), NO_VECTOR);
	G_ASSERT(value <= rdtsc());
}

CASE(adjust, "IA32_TSC_ADJUST moves the TSC, and follows writes of it")
{
	vcpu_expect_done(vm_with(0, adjust, 0));
}

CASE(adjust_by_vmm, "KVM_SET_MSRS of IA32_TSC_ADJUST sets the register and leaves the TSC alone")
{
	struct vcpu *cpu = vm_with(0, look, 0);
	u64 offset = offset_of(cpu), value;

	CHECK_EQ(vcpu_wrmsr(cpu, MSR_TSC_ADJUST, 1ull << 50), 1);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_TSC_ADJUST, &value), 1);
	CHECK_EQ(value, 1ull << 50);
	CHECK_EQ(offset_of(cpu), offset);
}

CASE(rate, "KVM_GET_TSC_KHZ tells the rate; one that cannot be had is refused and changes nothing")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, look, 0);
	long khz = OK(ioctl(cpu->fd, KVM_GET_TSC_KHZ));

	CHECK(khz > 1000);
	OK(ioctl(cpu->fd, KVM_SET_TSC_KHZ, khz));
	/* 0: the host's own */
	OK(ioctl(cpu->fd, KVM_SET_TSC_KHZ, 0));
	CHECK_EQ(ioctl(cpu->fd, KVM_GET_TSC_KHZ), khz);
	if (kvm_cap(vm->kvm, KVM_CAP_TSC_CONTROL)) {
		OK(ioctl(cpu->fd, KVM_SET_TSC_KHZ, khz / 2));
		CHECK_EQ(ioctl(cpu->fd, KVM_GET_TSC_KHZ), khz / 2);
	} else {
		CHECK(ioctl(cpu->fd, KVM_SET_TSC_KHZ, khz / 2) < 0);
		CHECK_EQ(ioctl(cpu->fd, KVM_GET_TSC_KHZ), khz);
	}
	vcpu_expect_sync(cpu, 0);
}
