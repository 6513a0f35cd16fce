// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_MP_STATE, KVM_SET_MP_STATE. */
#include "apic.h"
#include "vm.h"

static u32 get(struct vcpu *cpu)
{
	struct kvm_mp_state state;

	OK(ioctl(cpu->fd, KVM_GET_MP_STATE, &state));
	return state.mp_state;
}

static int set(struct vcpu *cpu, u32 mp_state)
{
	struct kvm_mp_state state = { mp_state };

	return ioctl(cpu->fd, KVM_SET_MP_STATE, &state);
}

static void run(u64 unused)
{
	guest_sync(1);
	guest_sync(2);
}

CASE(first, "with an in-kernel APIC the boot CPU is runnable, the others wait for INIT")
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	CHECK_EQ(get(vcpu_new_bare(vm, 0)), KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(get(vcpu_new_bare(vm, 1)), KVM_MP_STATE_UNINITIALIZED);
}

CASE(no_apic, "without one all are runnable and nothing but that can be set")
{
	struct vm *vm = vm_new(0);
	struct vcpu *a = vcpu_new_bare(vm, 0), *b = vcpu_new_bare(vm, 1);

	CHECK_EQ(get(a), KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(get(b), KVM_MP_STATE_RUNNABLE);
	OK(set(a, KVM_MP_STATE_RUNNABLE));
	CHECK_ERRNO(set(a, KVM_MP_STATE_HALTED), EINVAL);
	CHECK_ERRNO(set(a, KVM_MP_STATE_UNINITIALIZED), EINVAL);
}

CASE(roundtrip, "what is set is read back; states of other machines give EINVAL")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);

	static const u32 states[] = {
		KVM_MP_STATE_UNINITIALIZED,
		KVM_MP_STATE_INIT_RECEIVED,
		KVM_MP_STATE_HALTED,
		KVM_MP_STATE_RUNNABLE,
	};

	for (u32 i = 0; i < ARRAY_SIZE(states); i++) {
		OK(set(cpu, states[i]));
		CHECK_EQ(get(cpu), states[i]);
	}
	CHECK_ERRNO(set(cpu, 99), EINVAL);
	CHECK_EQ(get(cpu), KVM_MP_STATE_RUNNABLE);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_MP_STATE, 8), EFAULT);
}

static void halt_then_done(u64 unused)
{
	apic_enable();
	guest_sync(1);
	irq_enable_and_halt();
	G_ASSERT_EQ(irq_counts[0x40], 1);
	guest_sync(2);
}

CASE(halted, "a halted vCPU stays halted until an interrupt, which makes it runnable")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu = vcpu_new(vm, halt_then_done, 0);
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x40 };

	guest_handlers[0x40] = irq_count;
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi));
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(get(cpu), KVM_MP_STATE_RUNNABLE);
}

CASE(set_runnable, "a vCPU that waited for INIT runs when it is set runnable")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu;

	vcpu_new(vm, run, 0);
	cpu = vcpu_new(vm, run, 0);
	CHECK_EQ(get(cpu), KVM_MP_STATE_RUNNABLE);
	vcpu_expect_sync(cpu, 1);
	vcpu_expect_sync(cpu, 2);
}

CASE(sipi, "KVM_MP_STATE_SIPI_RECEIVED starts at the vector of the events")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu;
	struct kvm_vcpu_events e;
	struct kvm_sregs s;

	vcpu_new_bare(vm, 0);
	cpu = vcpu_new_bare(vm, 1);
	memcpy(vm_host(vm, 0x9000), "\x8c\xc8\xe7\x80\xf4",
	       5); /* mov %cs, %ax; out %ax, $0x80; hlt */
	OK(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &e));
	e.sipi_vector = 9;
	e.flags = KVM_VCPUEVENT_VALID_SIPI_VECTOR;
	OK(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &e));
	OK(set(cpu, KVM_MP_STATE_SIPI_RECEIVED));
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(*(u16 *)((u8 *)cpu->run + cpu->run->io.data_offset), 0x900);
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(s.cs.base, 0x9000);
	CHECK_EQ(get(cpu), KVM_MP_STATE_RUNNABLE);
}
