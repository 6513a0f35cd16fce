// SPDX-License-Identifier: GPL-2.0-only
/* More than 255 vCPUs: numbers that only x2APIC mode has, physical, logical, to all, and with those of eight bits beside them. */
#include "apic.h"
#include "vm.h"

#define NR 302
#define FAR 300 /* runs */
#define FAR_TOO 301 /* of its cluster; does not run, but listens */
#define ALIAS  \
	(FAR & \
	 0xff) /* has the same number in the eight bits of xAPIC mode; does not run, but listens */
#define VECTOR 0x61
#define FIRST_VECTOR (VECTOR & ~31)
#define CLUSTER(id) ((id) >> 4 << 16)
#define MEMBER(id) BIT((id) & 15)
#define HC_SEND_IPI 10

static volatile bool ready, stop;
static volatile u64 taken;

static void take(struct frame *frame)
{
	taken++;
	apic_eoi();
}

static void far_one(u64 unused)
{
	x2apic_enable();
	apic_enable();
	G_ASSERT_EQ(x2apic_read(APIC_ID), FAR);
	G_ASSERT_EQ(x2apic_read(APIC_LDR), CLUSTER(FAR) | MEMBER(FAR));
	irq_enable();
	ready = true;
	while (!stop)
		relax();
}

static void expect_taken(u64 n)
{
	while (taken < n)
		relax();
	G_ASSERT_EQ(taken, n);
}

/* Each stop is for the test to see who else got it. */
static void near_one(u64 unused)
{
	x2apic_enable();
	apic_enable();
	while (!ready)
		relax();
	for (int i = 0; i < 50; i++) {
		apic_send(FAR, ICR_ASSERT | VECTOR);
		expect_taken(i + 1);
	}
	guest_sync(1);
	apic_send(CLUSTER(FAR) | MEMBER(FAR), ICR_LOGICAL | ICR_ASSERT | VECTOR);
	expect_taken(51);
	guest_sync(2);
	apic_send(CLUSTER(FAR) | MEMBER(FAR) | MEMBER(FAR_TOO), ICR_LOGICAL | ICR_ASSERT | VECTOR);
	expect_taken(52);
	guest_sync(3);
	G_ASSERT_EQ(hypercall(HC_SEND_IPI, 3, 0, FAR, VECTOR), 2);
	expect_taken(53);
	guest_sync(4);
	apic_send(~0U, ICR_ASSERT | VECTOR);
	expect_taken(54);
	guest_sync(5);
	apic_send(0, ICR_OTHERS | ICR_ASSERT | VECTOR);
	expect_taken(55);
	stop = true;
}

static struct vcpu *new_running(struct vm *vm, int id, void (*code)(u64))
{
	struct kvm_mp_state state = { KVM_MP_STATE_RUNNABLE };
	struct vcpu *cpu = vcpu_new_bare(vm, id);

	vcpu_long_mode(cpu);
	vcpu_call(cpu, code, 0);
	OK(ioctl(cpu->fd, KVM_SET_MP_STATE, &state));
	return cpu;
}

static struct vcpu *new_listener(struct vm *vm, int id, u64 mode)
{
	struct vcpu *cpu = vcpu_new_bare(vm, id);

	CHECK_EQ(vcpu_wrmsr(cpu, MSR_APIC_BASE, APIC_BASE_ADDR | APIC_BASE_ENABLE | mode), 1);
	lapic_image_write(cpu, APIC_SPIV, 0x1ff);
	return cpu;
}

/* Whether it has got the interrupt since the last look */
static bool got(struct vcpu *cpu)
{
	u32 reg = APIC_IRR + FIRST_VECTOR / 2, irr = lapic_image_read(cpu, reg);

	if (!(irr & BIT(VECTOR & 31)))
		return false;
	lapic_image_write(cpu, reg, irr & ~(u32)BIT(VECTOR & 31));
	return true;
}

static struct vm *crowd(u64 flags)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API, .args = { flags } };
	struct vm *vm = vm_new(VM_IRQCHIP);

	NEED(vm->kvm, KVM_CAP_X2APIC_API);
	if (kvm_cap(vm->kvm, KVM_CAP_MAX_VCPUS) < NR)
		SKIP("not so many vCPUs");
	OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
	return vm;
}

/* All the others, which wait for their start-up */
static void fill(struct vm *vm)
{
	for (long id = 1; id < NR; id++) {
		if (id != FAR && id != FAR_TOO && id != ALIAS)
			OK(ioctl(vm->fd, KVM_CREATE_VCPU, id));
	}
}

CASE_SLOW(
	far_ipis,
	"vCPU 300 of 302 gets interrupts by number, cluster and call, and nobody gets them instead",
	60)
{
	struct vm *vm =
		crowd(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	struct vcpu *near = new_running(vm, 0, near_one), *far = new_running(vm, FAR, far_one);
	struct vcpu *far_too = new_listener(vm, FAR_TOO, APIC_BASE_X2APIC);
	struct vcpu *alias = new_listener(vm, ALIAS, APIC_BASE_X2APIC);
	struct runner *runner;

	fill(vm);
	guest_handlers[VECTOR] = take;
	runner = vcpu_start(far);
	for (u64 step = 1; step <= 2; step++) {
		vcpu_expect_sync(near, step);
		CHECK(!got(far_too));
		CHECK(!got(alias));
	}
	for (u64 step = 3; step <= 4; step++) {
		vcpu_expect_sync(near, step);
		CHECK(got(far_too));
		CHECK(!got(alias));
	}
	vcpu_expect_sync(near, 5);
	CHECK(got(far_too));
	CHECK(got(alias));
	vcpu_expect_done(near);
	CHECK(got(far_too));
	CHECK(got(alias));
	vcpu_join(runner);
}

CASE_SLOW(far_messages,
	  "messages with 32-bit numbers reach whom they name alone, on both sides of 255", 60)
{
	struct vm *vm =
		crowd(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	static const u32 ids[] = { 0, 1, ALIAS, 254, 255, 256, FAR, FAR_TOO };
	struct vcpu *cpus[ARRAY_SIZE(ids)];

	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++)
		cpus[i] = new_listener(vm, ids[i], APIC_BASE_X2APIC);
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		struct kvm_msi msi = { .address_lo = APIC_BASE_ADDR | (ids[i] & 0xff) << 12,
				       .address_hi = ids[i] & ~0xffU,
				       .data = VECTOR };

		CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
		for (unsigned int j = 0; j < ARRAY_SIZE(ids); j++)
			CHECK_EQ(got(cpus[j]), i == j);
	}
}

CASE(same_byte, "one in xAPIC mode, which has eight bits of its number, is not taken for it")
{
	struct vm *vm =
		crowd(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	struct vcpu *far = new_listener(vm, FAR, APIC_BASE_X2APIC);
	struct vcpu *alias = new_listener(vm, ALIAS, 0);
	struct kvm_msi msi = { .address_lo = APIC_BASE_ADDR | ALIAS << 12, .data = VECTOR };

	CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	CHECK(got(alias));
	CHECK(!got(far));
	msi.address_hi = FAR & ~0xff;
	CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	CHECK(!got(alias));
	CHECK(got(far));
}
