// SPDX-License-Identifier: GPL-2.0-only
/* A running guest's state moved to another machine, as migration and snapshots do: it goes on as if nothing was. */
#include <stdlib.h>

#include "apic.h"
#include "vm.h"

static u32 saved_list[] = {
	MSR_TSC,	  MSR_PAT,	    MSR_STAR,		MSR_LSTAR,
	MSR_CSTAR,	  MSR_SFMASK,	    MSR_KERNEL_GS_BASE, MSR_SYSENTER_CS,
	MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_TSC_DEADLINE,	MSR_MISC_ENABLE,
};

/* Everything that QEMU transfers, in the order in which it sets it. */
static void transfer(struct vcpu *from, struct vcpu *to)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debug;
	struct kvm_xcrs xcrs;
	static struct kvm_xsave xsave;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp;
	struct kvm_irqchip chip;
	struct kvm_clock_data clock;

	/* What the last exit left to be done is done first. */
	from->run->immediate_exit = 1;
	CHECK_ERRNO(ioctl(from->fd, KVM_RUN, 0), EINTR);
	OK(ioctl(from->fd, KVM_GET_VCPU_EVENTS, &events));
	OK(ioctl(from->fd, KVM_GET_MP_STATE, &mp));
	vcpu_get_regs(from, &regs);
	OK(ioctl(from->fd, KVM_GET_XSAVE, &xsave));
	OK(ioctl(from->fd, KVM_GET_XCRS, &xcrs));
	vcpu_get_sregs(from, &sregs);
	OK(ioctl(from->fd, KVM_GET_LAPIC, &lapic));
	OK(ioctl(from->fd, KVM_GET_DEBUGREGS, &debug));
	OK(ioctl(from->vm->fd, KVM_GET_CLOCK, &clock));

	clock.flags = 0;
	OK(ioctl(to->vm->fd, KVM_SET_CLOCK, &clock));
	for (u32 id = 0; id < 3; id++) {
		chip.chip_id = id;
		OK(ioctl(from->vm->fd, KVM_GET_IRQCHIP, &chip));
		OK(ioctl(to->vm->fd, KVM_SET_IRQCHIP, &chip));
	}
	vcpu_set_sregs(to, &sregs);
	vcpu_set_regs(to, &regs);
	OK(ioctl(to->fd, KVM_SET_XSAVE, &xsave));
	if (cpu_has_xsave())
		OK(ioctl(to->fd, KVM_SET_XCRS, &xcrs));
	for (u32 i = 0; i < ARRAY_SIZE(saved_list); i++) {
		u64 value;

		if (vcpu_rdmsr(from, saved_list[i], &value))
			CHECK_EQ(vcpu_wrmsr(to, saved_list[i], value), 1);
	}
	OK(ioctl(to->fd, KVM_SET_LAPIC, &lapic));
	OK(ioctl(to->fd, KVM_SET_VCPU_EVENTS, &events));
	OK(ioctl(to->fd, KVM_SET_MP_STATE, &mp));
	OK(ioctl(to->fd, KVM_SET_DEBUGREGS, &debug));
	memcpy(to->vm->low, from->vm->low, LOW_SIZE);
}

/* The same machine again; what the guest has in the image is there already. */
static struct vcpu *moved(struct vcpu *from, void (*code)(u64))
{
	struct vcpu *to = vcpu_new(vm_new(VM_IRQCHIP), code, 0);

	transfer(from, to);
	vm_free(from->vm);
	return to;
}

static void long_computation(u64 rounds)
{
	u64 sum = 0, xmm, seen = 0;

	wrmsr(MSR_LSTAR, 0xffffffff81234560);
	wrmsr(MSR_KERNEL_GS_BASE, 0x1122334000);
	write_dr0(0x4444);
	for (u64 i = 0; i < rounds; i++) {
		xmm = i * 0x0101010101;
		asm volatile("movq %0, %%xmm11" : : "r"(xmm));
		sum += i * i;
		guest_sync(i);
		asm volatile("movq %%xmm11, %0" : "=r"(seen));
		G_ASSERT_EQ(seen, xmm);
	}
	G_ASSERT_EQ(rdmsr(MSR_LSTAR), 0xffffffff81234560);
	G_ASSERT_EQ(rdmsr(MSR_KERNEL_GS_BASE), 0x1122334000);
	G_ASSERT_EQ(read_dr0(), 0x4444);
	guest_sync(sum);
}

CASE(computing, "a computation goes on, with vector registers, MSRs and debug registers")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, long_computation, 10);
	u64 sum = 0;

	for (u64 i = 0; i < 10; i++) {
		vcpu_expect_sync(cpu, i);
		sum += i * i;
		cpu = moved(cpu, long_computation);
	}
	vcpu_expect_sync(cpu, sum);
}

static void waiting(u64 unused)
{
	apic_enable();
	ioapic_route(16, 0x61, 0);
	write_cr8(2);
	guest_sync(1);
	/* Two interrupts came while interrupts were off, on the other machine. */
	irq_enable();
	for (int i = 0; i < 1000 && !(irq_counts[0x61] && irq_counts[0x71]); i++)
		relax();
	G_ASSERT_EQ(irq_counts[0x61], 1);
	G_ASSERT_EQ(irq_counts[0x71], 1);
	G_ASSERT_EQ(read_cr8(), 2);
	guest_sync(2);
}

CASE(pending, "interrupts that are pending are not lost and not doubled")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, waiting, 0);
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x71 };
	struct kvm_irq_level line = { .irq = 16, .level = 1 };

	guest_handlers[0x61] = guest_handlers[0x71] = irq_count;
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, &msi));
	OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE, &line));
	cpu = moved(cpu, waiting);
	vcpu_expect_sync(cpu, 2);
}

static void timed(u64 unused)
{
	apic_enable();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, 0x41 | LVT_PERIODIC);
	apic_write(APIC_TMICT, 10000000);
	guest_sync(1);
	irq_enable();
	while (irq_counts[0x41] < 3)
		relax();
	guest_sync(2);
}

CASE(timer, "a periodic timer goes on")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, timed, 0);

	guest_handlers[0x41] = irq_count;
	vcpu_expect_sync(cpu, 1);
	cpu = moved(cpu, timed);
	vcpu_expect_sync(cpu, 2);
}

static void halted(u64 unused)
{
	apic_enable();
	guest_sync(1);
	halt_while(irq_counts[0x42] < 2);
}

CASE(asleep, "a halted CPU stays halted, and wakes there")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, halted, 0);
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x42 };
	struct kvm_mp_state mp = { KVM_MP_STATE_HALTED };
	struct runner *runner;

	guest_handlers[0x42] = irq_count;
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->fd, KVM_SET_MP_STATE, &mp));
	cpu = moved(cpu, halted);
	OK(ioctl(cpu->fd, KVM_GET_MP_STATE, &mp));
	CHECK_EQ(mp.mp_state, KVM_MP_STATE_HALTED);
	/* Interrupts are off where it was stopped: the program turns them on. */
	{
		struct kvm_regs r;

		vcpu_get_regs(cpu, &r);
		r.rflags |= RFLAGS_IF;
		vcpu_set_regs(cpu, &r);
	}
	OK(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, &msi));
	/* Taken there; the guest's own HLT wants one more. */
	runner = vcpu_start(cpu);
	while (irq_counts[0x42] < 1)
		sleep_ms(1);
	OK(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, &msi));
	vcpu_join(runner);
	CHECK_EQ(irq_counts[0x42], 2);
}
