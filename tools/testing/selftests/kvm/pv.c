// SPDX-License-Identifier: GPL-2.0-only
/* Paravirtual features: each that CPUID 0x40000001 offers works. */
#include "apic.h"
#include "vm.h"

#define MSR_ASYNC_PF_EN 0x4b564d02
#define MSR_STEAL_TIME 0x4b564d03
#define MSR_PV_EOI 0x4b564d04
#define MSR_POLL_CONTROL 0x4b564d05
#define MSR_ASYNC_PF_INT 0x4b564d06

static u8 area[64] __attribute__((aligned(64)));
static volatile u32 pv_eoi __attribute__((aligned(4)));

static struct vcpu *guest(void (*code)(u64), int bit)
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, code, 0);
	u32 features = cpuid_find(cpuid_supported(cpu->vm->kvm), 0x40000001, 0)->eax;

	if (bit >= 0 && !(features & BIT(bit)))
		SKIP("feature %d is not offered", bit);
	return cpu;
}

CASE(clock, "the clock in both forms, stable where it says so, is offered")
{
	struct vm *vm = vm_new(0);
	u32 features = cpuid_find(cpuid_supported(vm->kvm), 0x40000001, 0)->eax;

	CHECK(features & BIT(0));
	CHECK(features & BIT(3));
}

static void steal(u64 unused)
{
	volatile u32 *a = (u32 *)area;

	wrmsr(MSR_STEAL_TIME, (u64)area | 1);
	G_ASSERT_EQ(rdmsr(MSR_STEAL_TIME), (u64)area | 1);
	guest_sync(1);
	G_ASSERT(a[2]); /* version */
	G_ASSERT_EQ(a[2] & 1, 0);
	wrmsr(MSR_STEAL_TIME, 0);
	G_ASSERT_EQ(catch_wrmsr(MSR_STEAL_TIME, (u64)area | 3), 13); /* a reserved bit */
}

CASE(steal_time, "steal time: the area is filled, reserved bits give #GP")
{
	struct vcpu *cpu = guest(steal, 5);

	vcpu_expect_sync(cpu, 1);
	vcpu_expect_done(cpu);
}

static void eoi_handler(struct frame *frame)
{
	irq_counts[frame->vector]++;
	/* Set: the EOI may be done by clearing the bit. */
	if (__atomic_exchange_n((u32 *)&pv_eoi, 0, __ATOMIC_SEQ_CST) & 1)
		irq_counts[0]++;
	else
		apic_eoi();
}

static void pv_eoi_code(u64 unused)
{
	apic_enable();
	wrmsr(MSR_PV_EOI, (u64)&pv_eoi | 1);
	irq_enable();
	for (u64 i = 1; i <= 50; i++) {
		apic_send(0, ICR_SELF | ICR_ASSERT | 0x71);
		while (irq_counts[0x71] < i)
			relax();
	}
	/* Nothing is left in service. */
	irq_disable();
	guest_sync(irq_counts[0]);
	G_ASSERT(!apic_bit(APIC_ISR, 0x71));
	wrmsr(MSR_PV_EOI, 0);
}

CASE(pv_eoi_works, "EOI without an exit: interrupts keep coming whether it is taken or not")
{
	struct vcpu *cpu = guest(pv_eoi_code, 6);
	struct event ev;

	guest_handlers[0x71] = eoi_handler;
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_SYNC);
	vcpu_expect_done(cpu);
}

static void calls(u64 unused)
{
	G_ASSERT_EQ(hypercall(0x7777, 0, 0, 0, 0), -1000ULL); /* KVM_ENOSYS */
	G_ASSERT_EQ(hypercall(0, 0, 0, 0, 0), -1000ULL);
	guest_sync(1);
}

CASE(unknown_call, "an unknown hypercall answers -KVM_ENOSYS")
{
	vcpu_expect_sync(guest(calls, -1), 1);
}

static void kick(u64 unused)
{
	G_ASSERT_EQ(hypercall(5, 0, 0, 0, 0), 0);
	guest_sync(1);
}

CASE(kick_cpu, "KVM_HC_KICK_CPU answers 0")
{
	vcpu_expect_sync(guest(kick, 7), 1);
}

static void send_ipi(u64 unused)
{
	apic_enable();
	irq_enable();
	G_ASSERT_EQ(hypercall(10, 1, 0, 0, 0x72), 1);
	while (!irq_counts[0x72])
		relax();
	guest_sync(1);
}

CASE(send_ipi_works, "KVM_HC_SEND_IPI sends an interrupt to the CPUs in the mask")
{
	struct vcpu *cpu = guest(send_ipi, 11);

	guest_handlers[0x72] = irq_count;
	vcpu_expect_sync(cpu, 1);
}

static void poll_control(u64 unused)
{
	G_ASSERT_EQ(rdmsr(MSR_POLL_CONTROL), 1);
	wrmsr(MSR_POLL_CONTROL, 0);
	G_ASSERT_EQ(rdmsr(MSR_POLL_CONTROL), 0);
	G_ASSERT_EQ(catch_wrmsr(MSR_POLL_CONTROL, 2), 13);
	guest_sync(1);
}

CASE(poll_control_works, "the halt-polling MSR holds 0 or 1")
{
	vcpu_expect_sync(guest(poll_control, 12), 1);
}

#define USER_CALL(insn)                                                                                             \
	asm volatile(                                                                                               \
		"mov %%rsp, %%rax; push %0; push %%rax; pushfq; push %1; lea 1f(%%rip), %%rax; push %%rax; iretq\n" \
		"1: mov $5, %%eax; xor %%ebx, %%ebx; " insn "; ud2"                                                 \
		:                                                                                                   \
		: "i"(USER_DS), "i"(USER_CS)                                                                        \
		: "rax", "rbx", "memory")

static void user_call(u64 unused)
{
	if (cpu_is_intel())
		USER_CALL("vmcall");
	else
		USER_CALL("vmmcall");
}

static void at_ud(struct frame *frame)
{
	guest_sync(frame->rax);
	guest_done();
}

CASE(user_mode, "a hypercall from user mode answers -KVM_EPERM")
{
	struct vcpu *cpu = guest(user_call, -1);

	guest_handlers[6] = at_ud;
	vcpu_expect_sync(cpu, -1);
}

#define CATCH_CALL(insn, ret) \
	CATCH(insn, : "=a"(ret) : "a"(0x7777ULL), "b"(0), "c"(0), "d"(0), "S"(0))

static void other_call(u64 unused)
{
	/* The other vendor's instruction is patched or emulated, and works, or it is not. */
	u64 ret, vector;

	if (cpu_is_intel())
		vector = CATCH_CALL("vmmcall", ret);
	else
		vector = CATCH_CALL("vmcall", ret);
	G_ASSERT(vector == NO_VECTOR ? ret == -1000ULL : vector == 6);
	guest_sync(1);
}

CASE(other_instruction, "the other vendor's hypercall instruction works or is #UD")
{
	struct vcpu *cpu = guest(other_call, -1);
	u64 page = (u64)other_call & -PAGE;

	/* Where it is patched, the program's own right to write to its code counts. */
	OK(mprotect((void *)page, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	vcpu_expect_sync(cpu, 1);
}
