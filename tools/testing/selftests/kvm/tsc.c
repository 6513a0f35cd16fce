// SPDX-License-Identifier: GPL-2.0-only
/* The guest's TSC: its rate, its value, KVM_GET/SET_TSC_KHZ, the vCPU's attributes. */
#include "vm.h"

static void ticks(u64 unused)
{
	u64 a = rdtsc(), b;

	for (int i = 0; i < 100; i++) {
		b = rdtsc();
		G_ASSERT(b >= a);
		a = b;
	}
	G_ASSERT(rdmsr(MSR_TSC) >= a);
	guest_sync(rdtsc());
	guest_sync(rdtsc());
	guest_sync(rdtsc());
}

static u64 reading(struct vcpu *cpu)
{
	struct event ev = vcpu_run(cpu);

	REQUIRE_EQ(ev.kind, EV_SYNC);
	return ev.value;
}

CASE(goes_on, "the TSC goes on, by RDTSC and by its MSR, in the guest and outside")
{
	struct vcpu *cpu = vm_with(0, ticks, 0);
	u64 a, b, c, outside;

	CHECK_EQ(vcpu_rdmsr(cpu, MSR_TSC, &outside), 1);
	a = reading(cpu);
	CHECK(a >= outside);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_TSC, &outside), 1);
	CHECK(outside >= a);
	b = reading(cpu);
	CHECK(b >= outside);
	sleep_ms(20);
	c = reading(cpu);
	CHECK(c > b);
}

CASE(begins, "it begins near 0 when the vCPU is made")
{
	struct vcpu *cpu = vm_with(0, ticks, 0);
	u64 khz = OK(ioctl(cpu->fd, KVM_GET_TSC_KHZ, 0));

	/* Within ten seconds of what the processor counts */
	CHECK(reading(cpu) < khz * 10000);
}

CASE(set, "setting it moves it")
{
	struct vcpu *cpu = vm_with(0, ticks, 0);
	u64 khz = OK(ioctl(cpu->fd, KVM_GET_TSC_KHZ, 0)), value;

	reading(cpu);
	CHECK_EQ(vcpu_wrmsr(cpu, MSR_TSC, 1000000 * khz * 1000), 1);
	value = reading(cpu);
	CHECK(value >= 1000000 * khz * 1000);
	CHECK(value < 1000060 * khz * 1000);
}

CASE(khz, "its rate is known, of the vCPU and of the machine")
{
	struct vcpu *cpu = vm_with(0, ticks, 0);
	long khz = OK(ioctl(cpu->fd, KVM_GET_TSC_KHZ, 0));

	NEED(cpu->vm->kvm, KVM_CAP_GET_TSC_KHZ);
	CHECK(khz >= 1000 && khz < 10000000);
	if (kvm_cap(cpu->vm->kvm, KVM_CAP_VM_TSC_CONTROL))
		CHECK_EQ(ioctl(cpu->vm->fd, KVM_GET_TSC_KHZ, 0), khz);
	/* The same rate can always be set. */
	OK(ioctl(cpu->fd, KVM_SET_TSC_KHZ, khz));
	CHECK_EQ(ioctl(cpu->fd, KVM_GET_TSC_KHZ, 0), khz);
}

CASE(other_rate,
     "another rate is had where the processor can scale; a faster one than that is refused")
{
	struct vcpu *cpu = vm_with(0, ticks, 0);
	long khz = OK(ioctl(cpu->fd, KVM_GET_TSC_KHZ, 0));

	if (kvm_cap(cpu->vm->kvm, KVM_CAP_TSC_CONTROL)) {
		OK(ioctl(cpu->fd, KVM_SET_TSC_KHZ, khz / 2));
		CHECK_EQ(ioctl(cpu->fd, KVM_GET_TSC_KHZ, 0), khz / 2);
		CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_TSC_KHZ, 0xffffffffUL), EINVAL);
	} else {
		CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_TSC_KHZ, khz / 2), EINVAL);
	}
	reading(cpu);
}

CASE(vm_rate, "the machine's rate is that of the vCPUs made afterwards, and can be set at any time")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu;
	long khz;

	khz = OK(ioctl(vm->fd, KVM_GET_TSC_KHZ, 0));
	CHECK_EQ(ioctl(vm->fd, KVM_SET_TSC_KHZ, khz), 0);
	cpu = vcpu_new_bare(vm, 0);
	CHECK_EQ(ioctl(cpu->fd, KVM_GET_TSC_KHZ, 0), khz);
	CHECK_EQ(ioctl(vm->fd, KVM_SET_TSC_KHZ, 0), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_GET_TSC_KHZ, 0), khz);
	/* Where the rate cannot be chosen the distribution's modules take any; these take what a vCPU can have. */
	if (!kvm_cap(vm->kvm, KVM_CAP_VM_TSC_CONTROL))
		return;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_TSC_KHZ, 0xffffffffUL), EINVAL);
	CHECK_EQ(ioctl(vm->fd, KVM_GET_TSC_KHZ, 0), khz);
}

CASE(vm_other_rate, "another rate for the machine leaves the vCPUs that there are alone")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0), *late;
	long khz = OK(ioctl(vm->fd, KVM_GET_TSC_KHZ, 0));

	NEED(vm->kvm, KVM_CAP_VM_TSC_CONTROL);
	CHECK_EQ(ioctl(vm->fd, KVM_SET_TSC_KHZ, khz / 2), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_GET_TSC_KHZ, 0), khz / 2);
	late = vcpu_new_bare(vm, 1);
	CHECK_EQ(ioctl(cpu->fd, KVM_GET_TSC_KHZ, 0), khz);
	CHECK_EQ(ioctl(late->fd, KVM_GET_TSC_KHZ, 0), khz / 2);
}

static int attr(int fd, unsigned long command, u64 *value)
{
	struct kvm_device_attr a = { .group = KVM_VCPU_TSC_CTRL,
				     .attr = KVM_VCPU_TSC_OFFSET,
				     .addr = (u64)value };

	return ioctl(fd, command, &a);
}

CASE(offset, "the offset can be read and set as an attribute of the vCPU")
{
	struct vcpu *cpu = vm_with(0, ticks, 0);
	u64 old, new, before, after;

	NEED(cpu->vm->kvm, KVM_CAP_VCPU_ATTRIBUTES);
	OK(attr(cpu->fd, KVM_HAS_DEVICE_ATTR, NULL));
	before = reading(cpu);
	OK(attr(cpu->fd, KVM_GET_DEVICE_ATTR, &old));
	new = old + (1ULL << 40);
	OK(attr(cpu->fd, KVM_SET_DEVICE_ATTR, &new));
	OK(attr(cpu->fd, KVM_GET_DEVICE_ATTR, &old));
	CHECK_EQ(old, new);
	after = reading(cpu);
	CHECK(after >= before + (1ULL << 40));
	CHECK_ERRNO(attr(cpu->fd, KVM_GET_DEVICE_ATTR, (u64 *)8), EFAULT);
}

CASE(attr_bad, "attributes that there are not give ENXIO")
{
	struct vcpu *cpu = vm_with(0, ticks, 0);
	struct kvm_device_attr a = { .group = 99 };

	NEED(cpu->vm->kvm, KVM_CAP_VCPU_ATTRIBUTES);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_HAS_DEVICE_ATTR, &a), ENXIO);
	a.group = KVM_VCPU_TSC_CTRL;
	a.attr = 77;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_HAS_DEVICE_ATTR, &a), ENXIO);
}

static void adjust(u64 unused)
{
	u64 a, b;

	if (!(cpuid(7, 0).ebx & BIT(1)))
		guest_sync(99);
	G_ASSERT_EQ(rdmsr(MSR_TSC_ADJUST), 0);
	a = rdtsc();
	wrmsr(MSR_TSC_ADJUST, 1ULL << 42);
	b = rdtsc();
	G_ASSERT(b - a >= 1ULL << 42);
	/* Setting the TSC moves the adjustment as well. */
	wrmsr(MSR_TSC, rdtsc() - (1ULL << 41));
	G_ASSERT(rdmsr(MSR_TSC_ADJUST) < (1ULL << 42));
	guest_sync(1);
}

CASE(tsc_adjust, "IA32_TSC_ADJUST and the TSC move together")
{
	struct vcpu *cpu = vm_with(0, adjust, 0);

	if (reading(cpu) == 99)
		SKIP("no IA32_TSC_ADJUST");
}

static void disabled(u64 unused)
{
	/* CR4.TSD keeps user mode from it; the kernel may. */
	write_cr4(read_cr4() | BIT(2));
	rdtsc();
	write_cr4(read_cr4() & ~BIT(2));
	guest_sync(1);
}

CASE(tsd, "CR4.TSD does not concern the kernel")
{
	vcpu_expect_sync(vm_with(0, disabled, 0), 1);
}
