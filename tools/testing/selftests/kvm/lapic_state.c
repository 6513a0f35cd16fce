// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_LAPIC, KVM_SET_LAPIC, and the registers as the guest sees them. */
#include "apic.h"
#include "vm.h"

static u32 reg(struct kvm_lapic_state *s, u32 offset)
{
	u32 value;

	memcpy(&value, s->regs + offset, 4);
	return value;
}

static void set_reg(struct kvm_lapic_state *s, u32 offset, u32 value)
{
	memcpy(s->regs + offset, &value, 4);
}

CASE(reset, "after reset all is masked, the logical format flat, the APIC software-disabled")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_lapic_state s;

	OK(ioctl(vcpu_new_bare(vm, 0)->fd, KVM_GET_LAPIC, &s));
	CHECK_EQ(reg(&s, APIC_ID), 0);
	CHECK_EQ(reg(&s, APIC_SPIV), 0xff);
	CHECK_EQ(reg(&s, APIC_DFR), 0xffffffff);
	CHECK_EQ(reg(&s, APIC_LDR), 0);
	CHECK_EQ(reg(&s, APIC_TPR), 0);
	CHECK_EQ(reg(&s, APIC_LVTT), LVT_MASKED);
	CHECK_EQ(reg(&s, APIC_LVT1), LVT_MASKED);
	CHECK_EQ(reg(&s, APIC_LVTERR), LVT_MASKED);
	/* Old programs rely on LINT0 of the boot CPU taking the 8259's interrupts from the start. */
	CHECK_EQ(reg(&s, APIC_LVT0), LVT_EXTINT);
	CHECK_EQ(reg(&s, APIC_VERSION) & 0xff, 0x14);
	CHECK(reg(&s, APIC_VERSION) >> 16 >= 5);
	OK(ioctl(vcpu_new_bare(vm, 5)->fd, KVM_GET_LAPIC, &s));
	CHECK_EQ(reg(&s, APIC_ID), 5U << 24);
}

CASE(no_irqchip, "without an in-kernel APIC both give EINVAL")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);
	struct kvm_lapic_state s;

	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_LAPIC, &s), EINVAL);
	memset(&s, 0, sizeof(s));
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_LAPIC, &s), EINVAL);
}

static void check(u64 x2apic)
{
	if (x2apic)
		x2apic_enable();
	G_ASSERT_EQ(apic_read(APIC_TPR), 0x30);
	G_ASSERT_EQ(apic_read(APIC_SPIV), 0x1ef);
	G_ASSERT_EQ(apic_read(APIC_LVTERR), 0xe1);
	G_ASSERT_EQ(read_cr8(), 3);
	if (!x2apic)
		G_ASSERT_EQ(xapic_read(APIC_LDR), 0x08000000);
	apic_write(APIC_TPR, 0x50);
	G_ASSERT_EQ(read_cr8(), 5);
	write_cr8(7);
	G_ASSERT_EQ(apic_read(APIC_TPR), 0x70);
	G_ASSERT_EQ(apic_read(APIC_PPR), 0x70);
	guest_sync(1);
}

static void roundtrip(bool x2apic)
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, check, x2apic);
	struct kvm_lapic_state s;

	OK(ioctl(cpu->fd, KVM_GET_LAPIC, &s));
	set_reg(&s, APIC_TPR, 0x30);
	set_reg(&s, APIC_SPIV, 0x1ef);
	set_reg(&s, APIC_LVTERR, 0xe1);
	set_reg(&s, APIC_LDR, 0x08000000);
	OK(ioctl(cpu->fd, KVM_SET_LAPIC, &s));
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->fd, KVM_GET_LAPIC, &s));
	CHECK_EQ(reg(&s, APIC_TPR), 0x70);
	CHECK_EQ(reg(&s, APIC_SPIV), 0x1ef);
	CHECK_EQ(reg(&s, APIC_LVTERR), 0xe1);
}

CASE(xapic, "what KVM_SET_LAPIC sets the guest sees through memory, and what it does is read back")
{
	roundtrip(false);
}

CASE(x2apic, "the same through MSRs")
{
	roundtrip(true);
}

static void modes(u64 unused)
{
	u64 base = rdmsr(MSR_APIC_BASE), value;

	G_ASSERT_EQ(base, 0xfee00000 | APIC_BASE_ENABLE | APIC_BASE_BSP);
	G_ASSERT_EQ(catch_rdmsr(MSR_X2APIC + 2, &value), 13); /* not in xAPIC mode */
	x2apic_enable();
	G_ASSERT_EQ(x2apic_read(APIC_ID), 0);
	G_ASSERT_EQ(x2apic_read(APIC_VERSION) & 0xff, 0x14);
	G_ASSERT_EQ(xapic_read(APIC_VERSION), 0xffffffff);
	G_ASSERT_EQ(x2apic_read(APIC_LDR), 1);
	G_ASSERT_EQ(catch_rdmsr(MSR_X2APIC + (APIC_DFR >> 4), &value), 13);
	G_ASSERT_EQ(catch_rdmsr(MSR_X2APIC + (APIC_ICR2 >> 4), &value), 13);
	G_ASSERT_EQ(catch_rdmsr(MSR_X2APIC + (APIC_EOI >> 4), &value), 13);
	G_ASSERT_EQ(catch_wrmsr(MSR_X2APIC + (APIC_ID >> 4), 0), 13);
	G_ASSERT_EQ(catch_wrmsr(MSR_X2APIC + (APIC_SELF_IPI >> 4), 0x100), 13);
	/* Back to xAPIC only by way of disabled. */
	G_ASSERT_EQ(catch_wrmsr(MSR_APIC_BASE, base), 13);
	wrmsr(MSR_APIC_BASE, base & ~APIC_BASE_ENABLE);
	G_ASSERT_EQ(catch_wrmsr(MSR_APIC_BASE, 0xfee00000 | APIC_BASE_BSP | APIC_BASE_X2APIC), 13);
	wrmsr(MSR_APIC_BASE, base);
	G_ASSERT_EQ(xapic_read(APIC_ID), 0);
}

CASE(transitions, "changes of mode: what the manual allows, and #GP for the rest")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, modes, 0);
	struct event ev = vcpu_run(cpu);

	/* In x2APIC mode the page is no longer the APIC's: it reads as ones, here or in the program. */
	if (ev.kind == EV_EXIT && cpu->run->exit_reason == KVM_EXIT_MMIO) {
		CHECK_EQ(cpu->run->mmio.phys_addr, APIC_BASE_ADDR + APIC_VERSION);
		memset(cpu->run->mmio.data, 0xff, 8);
		ev = vcpu_run(cpu);
	}
	CHECK_EQ(ev.kind, EV_DONE);
}

CASE(x2apic_id_format,
     "in x2APIC mode the state holds the whole number when the format is asked for")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API,
				      .args = { KVM_X2APIC_API_USE_32BIT_IDS } };
	struct kvm_lapic_state s;
	struct vcpu *cpu;

	NEED(vm->fd, KVM_CAP_X2APIC_API);
	cap.args[0] = 1UL << 40;
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = KVM_X2APIC_API_USE_32BIT_IDS;
	OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
	cpu = vcpu_new_bare(vm, 300);
	CHECK_EQ(vcpu_wrmsr(cpu, MSR_APIC_BASE, 0xfee00000 | APIC_BASE_ENABLE | APIC_BASE_X2APIC),
		 1);
	OK(ioctl(cpu->fd, KVM_GET_LAPIC, &s));
	CHECK_EQ(reg(&s, APIC_ID), 300);
	OK(ioctl(cpu->fd, KVM_SET_LAPIC, &s));
	set_reg(&s, APIC_ID, 301);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_LAPIC, &s), EINVAL);
}

static void pending(u64 unused)
{
	apic_enable();
	guest_sync(1);
	irq_enable();
	for (int i = 0; i < 1000 && !irq_counts[0x61]; i++)
		relax();
	G_ASSERT_EQ(irq_counts[0x61], 1);
}

CASE(irr, "an interrupt set in IRR is delivered; in ISR it blocks lower ones")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, pending, 0);
	struct kvm_lapic_state s;

	guest_handlers[0x61] = irq_count;
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->fd, KVM_GET_LAPIC, &s));
	set_reg(&s, APIC_IRR + 0x30, BIT(1));
	OK(ioctl(cpu->fd, KVM_SET_LAPIC, &s));
	OK(ioctl(cpu->fd, KVM_GET_LAPIC, &s));
	CHECK_EQ(reg(&s, APIC_IRR + 0x30), BIT(1));
	vcpu_expect_done(cpu);
	OK(ioctl(cpu->fd, KVM_GET_LAPIC, &s));
	CHECK_EQ(reg(&s, APIC_IRR + 0x30), 0);
	CHECK_EQ(reg(&s, APIC_ISR + 0x30), 0);
}

static void own_id(u64 id)
{
	G_ASSERT_EQ(xapic_read(APIC_ID) >> 24, id);
	G_ASSERT_EQ(cpuid(1, 0).ebx >> 24, id);
	guest_sync(1);
}

CASE(ids, "each vCPU's APIC has the number of the vCPU")
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	for (int i = 0; i < 3; i++)
		vcpu_expect_sync(vcpu_new(vm, own_id, i), 1);
}

static void mmio_forms(u64 unused)
{
	u32 value;

	/* Instructions that an operating system uses on the page */
	asm volatile("movl $0x1ff, (%0)" : : "r"(APIC_BASE_ADDR + APIC_SPIV));
	G_ASSERT_EQ(xapic_read(APIC_SPIV), 0x1ff);
	value = 0x20;
	asm volatile("xchgl %0, (%1)" : "+r"(value) : "r"(APIC_BASE_ADDR + APIC_TPR));
	G_ASSERT_EQ(value, 0);
	G_ASSERT_EQ(xapic_read(APIC_TPR), 0x20);
	asm volatile("orl $0x10, (%0)" : : "r"(APIC_BASE_ADDR + APIC_TPR));
	G_ASSERT_EQ(xapic_read(APIC_TPR), 0x30);
	asm volatile("movl (%1), %0" : "=r"(value) : "r"(APIC_BASE_ADDR + APIC_TPR));
	G_ASSERT_EQ(value, 0x30);
	asm volatile("cmpl $0x30, (%1); sete %b0" : "=q"(value) : "r"(APIC_BASE_ADDR + APIC_TPR));
	G_ASSERT_EQ(value & 0xff, 1);
}

CASE(instructions, "the page can be used with MOV, XCHG, OR and CMP")
{
	vcpu_expect_done(vm_with(VM_IRQCHIP, mmio_forms, 0));
}
