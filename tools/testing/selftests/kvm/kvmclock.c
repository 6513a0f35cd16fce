// SPDX-License-Identifier: GPL-2.0-only
/* kvmclock: its MSRs, its page, KVM_GET_CLOCK and KVM_SET_CLOCK. */
#include <time.h>

#include "vm.h"

#define MSR_WALL 0x4b564d00
#define MSR_SYSTEM 0x4b564d01
#define MSR_OLD_WALL 0x11
#define MSR_OLD_SYSTEM 0x12

struct time_info {
	u32 version, pad0;
	u64 tsc_timestamp, system_time;
	u32 tsc_to_system_mul;
	int8_t tsc_shift;
	u8 flags, pad[2];
} __attribute__((packed));

struct wall_clock {
	u32 version, sec, nsec;
};

static struct time_info info __attribute__((aligned(64)));
static struct wall_clock wall __attribute__((aligned(64)));

/* As the ABI's document says it is read */
static u64 clock_ns(void)
{
	volatile struct time_info *t = &info;
	u32 version;
	u64 delta, ns;

	do {
		version = t->version;
		barrier();
		delta = rdtsc() - t->tsc_timestamp;
		if (t->tsc_shift >= 0)
			delta <<= t->tsc_shift;
		else
			delta >>= -t->tsc_shift;
		ns = t->system_time + (u64)((unsigned __int128)delta * t->tsc_to_system_mul >> 32);
		barrier();
	} while ((version & 1) || version != t->version);
	return ns;
}

static void use(u64 old)
{
	u64 a, b;

	wrmsr(old ? MSR_OLD_WALL : MSR_WALL, (u64)&wall);
	G_ASSERT(wall.sec > 1600000000);
	G_ASSERT(wall.nsec < 1000000000);
	G_ASSERT_EQ(wall.version & 1, 0);
	wrmsr(old ? MSR_OLD_SYSTEM : MSR_SYSTEM, (u64)&info | 1);
	G_ASSERT_EQ(rdmsr(old ? MSR_OLD_SYSTEM : MSR_SYSTEM), (u64)&info | 1);
	G_ASSERT_EQ(info.version & 1, 0);
	G_ASSERT(info.version != 0);
	G_ASSERT(info.tsc_to_system_mul != 0);
	a = clock_ns();
	for (int i = 0; i < 1000; i++) {
		b = clock_ns();
		G_ASSERT(b >= a);
		a = b;
	}
	guest_sync(a);
	b = clock_ns();
	G_ASSERT(b >= a);
	guest_sync(b);
	guest_sync(clock_ns());
	wrmsr(old ? MSR_OLD_SYSTEM : MSR_SYSTEM, 0);
}

static u64 expect_time(struct vcpu *cpu)
{
	struct event ev = vcpu_run(cpu);

	REQUIRE_EQ(ev.kind, EV_SYNC);
	return ev.value;
}

static struct kvm_clock_data get(struct vm *vm)
{
	struct kvm_clock_data c;

	OK(ioctl(vm->fd, KVM_GET_CLOCK, &c));
	return c;
}

static void run(bool old)
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, use, old);
	u64 before = get(cpu->vm).clock, a, b, after;
	struct timespec now;

	a = expect_time(cpu);
	/* Host and guest speak of one clock: between two readings outside lies one inside. */
	sleep_ms(2);
	b = expect_time(cpu);
	after = get(cpu->vm).clock;
	CHECK(a >= before && b >= a + 1000000 && after + 10000000 >= b);
	OK(clock_gettime(CLOCK_REALTIME, &now));
	/* The wall clock is that of the machine's start. */
	CHECK(wall.sec <= now.tv_sec + 1 && wall.sec + 60 >= now.tv_sec);
}

CASE(new_msrs, "the guest reads a clock that goes on, in step with KVM_GET_CLOCK")
{
	run(false);
}

CASE(old_msrs, "the same through the old MSRs")
{
	run(true);
}

CASE(set, "KVM_SET_CLOCK sets the guest's clock")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, use, 0);
	struct kvm_clock_data c = { .clock = 1000000000000000 };
	u64 t, before;

	expect_time(cpu);
	OK(ioctl(cpu->vm->fd, KVM_SET_CLOCK, &c));
	before = get(cpu->vm).clock;
	CHECK(before >= 1000000000000000 && before < 1000000000000000 + 10000000000);
	t = expect_time(cpu);
	CHECK(t >= 1000000000000000 && t < 1000000000000000 + 20000000000);
}

CASE(flags, "KVM_GET_CLOCK fills what its flags say; KVM_SET_CLOCK refuses flags it does not know")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_clock_data c = get(vm);
	int offered = NEED(vm->kvm, KVM_CAP_ADJUST_CLOCK);
	struct timespec now;

	CHECK_EQ(c.flags & ~(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC), 0);
	CHECK_EQ(c.flags & ~offered, 0);
	OK(clock_gettime(CLOCK_REALTIME, &now));
	if (c.flags & KVM_CLOCK_REALTIME)
		CHECK(c.realtime / 1000000000 + 60 > (u64)now.tv_sec);
	if (c.flags & KVM_CLOCK_HOST_TSC)
		CHECK(c.host_tsc <= rdtsc());
	c.flags = 0x100;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_CLOCK, &c), EINVAL);
	c.flags = 0;
	OK(ioctl(vm->fd, KVM_SET_CLOCK, &c));
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_CLOCK, 8), EFAULT);
}

CASE(realtime, "with KVM_CLOCK_REALTIME the time that passed since is added")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_clock_data c = get(vm);

	if (!(NEED(vm->kvm, KVM_CAP_ADJUST_CLOCK) & KVM_CLOCK_REALTIME) ||
	    !(c.flags & KVM_CLOCK_REALTIME))
		SKIP("no KVM_CLOCK_REALTIME");
	c.clock = 5000000000;
	c.realtime -= 7000000000;
	c.flags = KVM_CLOCK_REALTIME;
	OK(ioctl(vm->fd, KVM_SET_CLOCK, &c));
	CHECK(get(vm).clock >= 12000000000);
	CHECK(get(vm).clock < 40000000000);
}

CASE(realtime_ahead, "a time of day that has yet to come takes nothing away from the clock")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_clock_data c = get(vm);

	if (!(c.flags & KVM_CLOCK_REALTIME))
		SKIP("no KVM_CLOCK_REALTIME");
	c.clock = 500000000000;
	c.realtime += 100000000000;
	c.flags = KVM_CLOCK_REALTIME;
	OK(ioctl(vm->fd, KVM_SET_CLOCK, &c));
	CHECK(get(vm).clock >= 500000000000);
	CHECK(get(vm).clock < 530000000000);
}

static u64 realtime_ns(void)
{
	struct timespec t;

	OK(clock_gettime(CLOCK_REALTIME, &t));
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

CASE(one_moment, "clock, host TSC and time of day in KVM_GET_CLOCK's answer are of one moment")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu = vcpu_new(vm, use, 0);
	u64 khz = OK(ioctl(cpu->fd, KVM_GET_TSC_KHZ));
	struct kvm_clock_data first = get(vm), c;

	if (!(first.flags & KVM_CLOCK_HOST_TSC))
		SKIP("the host's clock is not the TSC");
	for (int i = 0; i < 50; i++) {
		u64 tsc = rdtsc(), real = realtime_ns(), passed;

		c = get(vm);
		CHECK(c.host_tsc >= tsc && c.host_tsc <= rdtsc());
		CHECK(c.realtime >= real && c.realtime <= realtime_ns());
		passed = (unsigned __int128)(c.host_tsc - first.host_tsc) * 1000000 / khz;
		/* One is the rate of the other, but for rounding. */
		CHECK(c.clock - first.clock <= passed + passed / 10000 + 100);
		CHECK(c.clock - first.clock + passed / 10000 + 100 >= passed);
		sleep_ms(2);
	}
}

CASE(ctrl, "KVM_KVMCLOCK_CTRL sets the stopped flag, once the guest has a clock")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, use, 0);

	NEED(cpu->vm->kvm, KVM_CAP_KVMCLOCK_CTRL);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_KVMCLOCK_CTRL, 0), EINVAL);
	expect_time(cpu);
	CHECK_EQ(info.flags & 2, 0);
	OK(ioctl(cpu->fd, KVM_KVMCLOCK_CTRL, 0));
	expect_time(cpu);
	CHECK_EQ(info.flags & 2, 2);
}

static void bad_address(u64 unused)
{
	/* An address without memory is no reason to fail: the page is just not written. */
	G_ASSERT_EQ(catch_wrmsr(MSR_SYSTEM, 0xd0000001), NO_VECTOR);
	guest_sync(1);
	G_ASSERT_EQ(catch_wrmsr(MSR_WALL, 0xd0000000), NO_VECTOR);
	guest_sync(2);
}

CASE(no_memory, "addresses where there is no memory do no harm")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, bad_address, 0);

	vcpu_expect_sync(cpu, 1);
	vcpu_expect_sync(cpu, 2);
}
