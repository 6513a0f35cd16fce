// SPDX-License-Identifier: GPL-2.0-only
/* KVM_SET_GUEST_DEBUG: single steps and breakpoints for a debugger outside. */
#include "apic.h"
#include "vm.h"

extern const u8 step_code[], step_end[];

static volatile u64 watched;

static void code(u64 unused)
{
	asm volatile(".globl step_code\n"
		     "step_code: nop\n"
		     "xor %%eax, %%eax\n"
		     "cpuid\n"
		     "mov $0x1b, %%ecx\n"
		     "rdmsr\n"
		     "movq $1, %0\n"
		     "jmp 1f\n"
		     "ud2\n"
		     "1: nop\n"
		     ".globl step_end\n"
		     "step_end: nop\n"
		     : "=m"(watched)
		     :
		     : "rax", "rbx", "rcx", "rdx");
	guest_sync(1);
}

static void set(struct vcpu *cpu, u32 control, u64 dr0, u64 dr7)
{
	struct kvm_guest_debug d = { .control = control };

	d.arch.debugreg[0] = dr0;
	d.arch.debugreg[7] = dr7;
	OK(ioctl(cpu->fd, KVM_SET_GUEST_DEBUG, &d));
}

CASE(step, "single-stepping stops after each instruction, also after those that leave the guest")
{
	struct vcpu *cpu = vm_with(0, code, 0);
	static const u8 lengths[] = { 1, 2, 2, 5, 2 };
	struct kvm_regs r;
	u64 want = (u64)step_code;
	bool jumped = false;

	set(cpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, (u64)step_code, 0x402);
	vcpu_expect_exit(cpu, KVM_EXIT_DEBUG);
	CHECK_EQ(cpu->run->debug.arch.pc, (u64)step_code);
	set(cpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, 0, 0);
	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		want += lengths[i];
		vcpu_expect_exit(cpu, KVM_EXIT_DEBUG);
		CHECK_EQ(cpu->run->debug.arch.exception, 1);
		CHECK_EQ(cpu->run->debug.arch.dr6 & BIT(14), BIT(14));
		CHECK_EQ(cpu->run->debug.arch.pc, want);
		vcpu_get_regs(cpu, &r);
		CHECK_EQ(r.rip, want);
		CHECK_EQ(r.rflags & RFLAGS_TF, 0);
	}
	for (int i = 0; i < 4; i++) {
		vcpu_expect_exit(cpu, KVM_EXIT_DEBUG);
		vcpu_get_regs(cpu, &r);
		if (r.rip == (u64)step_end)
			jumped = true;
	}
	CHECK(jumped);
	CHECK_EQ(watched, 1);
	set(cpu, 0, 0, 0);
	vcpu_expect_sync(cpu, 1);
}

CASE(software, "an INT3 that the debugger put there stops before it, with the guest unaware")
{
	struct vcpu *cpu = vm_with(0, code, 0);
	u8 *at = (u8 *)step_code;
	struct kvm_regs r;
	u8 old = *at;

	SKIP_QUIRK(QUIRK_INT3);
	OK(mprotect((void *)((u64)at & -PAGE), PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	*at = 0xcc;
	set(cpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP, 0, 0);
	vcpu_expect_exit(cpu, KVM_EXIT_DEBUG);
	CHECK_EQ(cpu->run->debug.arch.exception, 3);
	CHECK_EQ(cpu->run->debug.arch.pc, (u64)at);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rip, (u64)at);
	*at = old;
	set(cpu, 0, 0, 0);
	vcpu_expect_sync(cpu, 1);
}

CASE(hardware, "a hardware breakpoint stops at the instruction, a watchpoint after the write")
{
	struct vcpu *cpu = vm_with(0, code, 0);

	set(cpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, (u64)step_end, 0x402);
	vcpu_expect_exit(cpu, KVM_EXIT_DEBUG);
	CHECK_EQ(cpu->run->debug.arch.exception, 1);
	CHECK_EQ(cpu->run->debug.arch.pc, (u64)step_end);
	CHECK_EQ(cpu->run->debug.arch.dr6 & 0xf, 1);
	set(cpu, 0, 0, 0);
	vcpu_expect_sync(cpu, 1);

	cpu = vm_with(0, code, 0);
	watched = 0;
	set(cpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, (u64)&watched, 0x402 | 0xd0000);
	vcpu_expect_exit(cpu, KVM_EXIT_DEBUG);
	CHECK_EQ(cpu->run->debug.arch.dr6 & 0xf, 1);
	CHECK_EQ(watched, 1);
	set(cpu, 0, 0, 0);
	vcpu_expect_sync(cpu, 1);
}

static void own_registers(u64 unused)
{
	write_dr0(0x5550);
	write_dr7(0x400);
	guest_sync(1);
	G_ASSERT_EQ(read_dr0(), 0x5550);
	write_dr1(0x6660);
	guest_sync(2);
	G_ASSERT_EQ(read_dr0(), 0x5550);
	G_ASSERT_EQ(read_dr1(), 0x6660);
	G_ASSERT_EQ(read_dr7(), 0x400);
}

CASE(guest_registers,
     "while the debugger uses the hardware the guest keeps its own debug registers")
{
	struct vcpu *cpu = vm_with(0, own_registers, 0);

	vcpu_expect_sync(cpu, 1);
	set(cpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, 0x123456, 0x402);
	vcpu_expect_sync(cpu, 2);
	set(cpu, 0, 0, 0);
	vcpu_expect_done(cpu);
}

static volatile u64 counts[32];

static void take(struct frame *frame)
{
	counts[frame->vector]++;
}

static void waiting(u64 unused)
{
	guest_sync(1);
	barrier();
	guest_sync(2);
}

CASE(inject, "KVM_GUESTDBG_INJECT_DB hands a debug exception to the guest")
{
	struct vcpu *cpu = vm_with(0, waiting, 0);

	guest_handlers[1] = take;
	vcpu_expect_sync(cpu, 1);
	set(cpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB, 0, 0);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(counts[1], 1);
}

static void take_interrupt(u64 unused)
{
	apic_enable();
	guest_sync(1);
	asm volatile("sti; nop; nop; nop; nop; cli");
	guest_sync(irq_counts[0x90]);
	asm volatile("sti; nop; nop; cli");
	guest_sync(irq_counts[0x90]);
}

CASE(blockirq, "KVM_GUESTDBG_BLOCKIRQ holds interrupts and NMIs back until it is off")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, take_interrupt, 0);
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x90 };

	if (!(NEED(cpu->vm->kvm, KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ))
		SKIP("not offered");
	guest_handlers[0x90] = irq_count;
	guest_handlers[2] = take;
	counts[2] = 0;
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(ioctl(cpu->vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	OK(ioctl(cpu->fd, KVM_NMI, 0));
	set(cpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_BLOCKIRQ, 0, 0);
	vcpu_expect_sync(cpu, 0);
	CHECK_EQ(counts[2], 0);
	set(cpu, 0, 0, 0);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(counts[2], 1);
}

static void int3(u64 unused)
{
	asm volatile("int3");
	guest_sync(1);
}

CASE(inject_bp, "KVM_GUESTDBG_INJECT_BP hands an INT3 that has stopped the guest to the guest")
{
	struct vcpu *cpu;

	SKIP_QUIRK(QUIRK_INJECT_BP);
	guest_handlers[3] = take;
	counts[3] = 0;
	cpu = vm_with(0, int3, 0);
	set(cpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP, 0, 0);
	vcpu_expect_exit(cpu, KVM_EXIT_DEBUG);
	set(cpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP, 0, 0);
	/* With the address after it: once. */
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(counts[3], 1);
}

CASE(nowhere, "a pointer to nowhere gives EFAULT")
{
	CHECK_ERRNO(ioctl(vm_with(0, waiting, 0)->fd, KVM_SET_GUEST_DEBUG, 8), EFAULT);
}
