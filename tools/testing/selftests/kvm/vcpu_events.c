// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS: exceptions, interrupts and NMIs on their way. */
#include "vm.h"

static struct frame last;
static volatile u64 count;

static void take(struct frame *frame)
{
	last = *frame;
	count++;
	if (frame->vector == 2)
		guest_sync(0x200);
}

static void wait_for(u64 vector)
{
	guest_sync(1);
	barrier();
	G_ASSERT_EQ(count, 1);
	G_ASSERT_EQ(last.vector, vector);
	guest_sync(2);
}

static struct vcpu *guest(u64 vector)
{
	struct vcpu *cpu = vm_with(0, wait_for, vector);

	guest_handlers[vector] = take;
	vcpu_expect_sync(cpu, 1);
	return cpu;
}

static struct kvm_vcpu_events get(struct vcpu *cpu)
{
	struct kvm_vcpu_events e;

	OK(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &e));
	return e;
}

static void set(struct vcpu *cpu, struct kvm_vcpu_events *e)
{
	OK(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, e));
}

CASE(quiet, "a guest at rest has nothing pending")
{
	struct kvm_vcpu_events e = get(guest(6));

	CHECK_EQ(e.exception.injected | e.exception.pending, 0);
	CHECK_EQ(e.interrupt.injected | e.interrupt.shadow, 0);
	CHECK_EQ(e.nmi.injected | e.nmi.pending | e.nmi.masked, 0);
	CHECK_EQ(e.smi.smm | e.smi.pending, 0);
}

CASE(exception, "an exception that is set is delivered at the next KVM_RUN")
{
	struct vcpu *cpu = guest(6);
	struct kvm_vcpu_events e = get(cpu);

	e.exception.injected = 1;
	e.exception.nr = 6;
	set(cpu, &e);
	e = get(cpu);
	CHECK_EQ(e.exception.injected, 1);
	CHECK_EQ(e.exception.nr, 6);
	vcpu_expect_sync(cpu, 2);
	e = get(cpu);
	CHECK_EQ(e.exception.injected, 0);
}

CASE(error_code, "an exception with an error code brings it along")
{
	struct vcpu *cpu = guest(13);
	struct kvm_vcpu_events e = get(cpu);

	e.exception.injected = 1;
	e.exception.nr = 13;
	e.exception.has_error_code = 1;
	e.exception.error_code = 0x1234;
	set(cpu, &e);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(last.error, 0x1234);
}

CASE(interrupt, "an interrupt that is set is delivered")
{
	struct vcpu *cpu = guest(0x44);
	struct kvm_vcpu_events e = get(cpu);
	struct kvm_regs r;

	/* As where one was: VMX has no way to inject it with interrupts off. */
	vcpu_get_regs(cpu, &r);
	r.rflags |= RFLAGS_IF;
	vcpu_set_regs(cpu, &r);
	e.interrupt.injected = 1;
	e.interrupt.nr = 0x44;
	set(cpu, &e);
	CHECK_EQ(get(cpu).interrupt.nr, 0x44);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(get(cpu).interrupt.injected, 0);
}

CASE(nmi, "an NMI that is set pending is delivered, masks others until IRET")
{
	struct vcpu *cpu = guest(2);
	struct kvm_vcpu_events e = get(cpu);

	e.nmi.pending = 1;
	e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	set(cpu, &e);
	CHECK_EQ(get(cpu).nmi.pending, 1);
	vcpu_expect_sync(cpu, 0x200);
	e = get(cpu);
	CHECK_EQ(e.nmi.pending, 0);
	CHECK_EQ(e.nmi.masked, 1);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(get(cpu).nmi.masked, 0);
}

CASE(nmi_not_valid, "without the flag the pending NMI is not taken from the struct")
{
	struct vcpu *cpu = guest(2);
	struct kvm_vcpu_events e = get(cpu);

	e.nmi.pending = 1;
	e.flags = 0;
	set(cpu, &e);
	CHECK_EQ(get(cpu).nmi.pending, 0);
}

static void masked(u64 unused)
{
	guest_sync(1);
	guest_sync(2);
	/* An IRET unmasks. */
	asm volatile(
		"mov %%rsp, %%rax; push %0; push %%rax; pushfq; push %1; lea 1f(%%rip), %%rax; push %%rax; iretq; 1:"
		:
		: "i"(KERNEL_DS), "i"(KERNEL_CS)
		: "rax", "memory");
	guest_sync(3);
}

CASE(nmi_masked, "while NMIs are masked a pending one waits")
{
	struct vcpu *cpu = vm_with(0, masked, 0);
	struct kvm_vcpu_events e;

	guest_handlers[2] = take;
	vcpu_expect_sync(cpu, 1);
	e = get(cpu);
	e.nmi.masked = 1;
	e.nmi.pending = 1;
	e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	set(cpu, &e);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(get(cpu).nmi.pending, 1);
	vcpu_expect_sync(cpu, 0x200);
	CHECK_EQ(count, 1);
	vcpu_expect_sync(cpu, 3);
}

/* What is kept of @pending NMIs that are set beside one that is @injected, or while they are @masked. */
static u8 kept(u8 injected, u8 masked, u8 pending)
{
	struct vcpu *cpu = guest(2);
	struct kvm_vcpu_events e = get(cpu);

	e.nmi.injected = injected;
	e.nmi.masked = masked;
	e.nmi.pending = pending;
	e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	set(cpu, &e);
	return get(cpu).nmi.pending;
}

CASE(nmi_limit, "one NMI is pending beside one that is handled, two where none is")
{
	CHECK_EQ(kept(0, 0, 1), 1);
	CHECK_EQ(kept(0, 0, 2), 2);
	CHECK_EQ(kept(0, 0, 200), 2);
	CHECK_EQ(kept(0, 1, 2), 1);
	CHECK_EQ(kept(0, 1, 1), 1);
	CHECK_EQ(kept(1, 0, 2), 1);
	CHECK_EQ(kept(1, 1, 2), 1);
}

static void shadow(u64 unused)
{
	asm volatile("sti; out %%al, $0x80; nop; cli" : : : "memory");
	guest_sync(1);
}

CASE(shadow_seen, "after STI the interrupt shadow is seen, and it can be set and cleared")
{
	struct vcpu *cpu = vm_with(0, shadow, 0);
	struct kvm_vcpu_events e;

	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	/* The exit may come before or after the instruction is counted as done: setting decides. */
	e = get(cpu);
	e.flags = KVM_VCPUEVENT_VALID_SHADOW;
	e.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	set(cpu, &e);
	CHECK(get(cpu).interrupt.shadow);
	e.interrupt.shadow = 0;
	set(cpu, &e);
	CHECK_EQ(get(cpu).interrupt.shadow, 0);
	vcpu_expect_sync(cpu, 1);
}

extern const char in_shadow[], behind_shadow[];

static void nmi_shadow(u64 interrupts)
{
	if (interrupts)
		irq_enable();
	asm volatile("out %%al, $0x80\n"
		     "in_shadow: nop\n"
		     "behind_shadow: nop; nop; nop; cli"
		     :
		     :
		     : "memory");
	guest_sync(1);
}

static void expect_one_instruction(u8 shadow, bool interrupts)
{
	struct vcpu *cpu = vm_with(0, nmi_shadow, interrupts);
	struct kvm_vcpu_events e;

	guest_handlers[2] = take;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	/* The instruction is counted as done when the next run begins. */
	cpu->run->immediate_exit = 1;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINTR);
	cpu->run->immediate_exit = 0;
	e = get(cpu);
	e.flags = KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_NMI_PENDING;
	e.interrupt.shadow = shadow;
	e.nmi.pending = 1;
	set(cpu, &e);
	vcpu_expect_sync(cpu, 0x200);
	CHECK_EQ(last.rip, (u64)behind_shadow);
	vcpu_expect_sync(cpu, 1);
}

CASE(nmi_in_shadow, "an NMI that is pending in an interrupt shadow comes one instruction later")
{
	expect_one_instruction(KVM_X86_SHADOW_INT_STI, true);
}

CASE(nmi_in_mov_ss, "the same in that of MOV SS, with interrupts off")
{
	expect_one_instruction(KVM_X86_SHADOW_INT_MOV_SS, false);
}

CASE(bad, "unknown flags and vectors that are no exceptions are refused with EINVAL")
{
	struct vcpu *cpu = guest(6);
	struct kvm_vcpu_events good = get(cpu), e;

	e = good;
	e.flags = BIT(20);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &e), EINVAL);
	e = good;
	e.exception.injected = 1;
	e.exception.nr = 32;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &e), EINVAL);
	e.exception.nr = 2;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &e), EINVAL);
	e = get(cpu);
	CHECK_EQ(e.exception.injected, 0);
}

CASE(payload,
     "KVM_CAP_EXCEPTION_PAYLOAD: a pending page fault carries its address, CR2 changes at delivery")
{
	struct vcpu *cpu = guest(14);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_EXCEPTION_PAYLOAD, .args = { 1 } };
	struct kvm_vcpu_events e;
	struct kvm_sregs s;

	NEED(cpu->vm->kvm, KVM_CAP_EXCEPTION_PAYLOAD);
	/* Without the capability the flag is unknown. */
	e = get(cpu);
	e.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &e), EINVAL);
	OK(ioctl(cpu->vm->fd, KVM_ENABLE_CAP, &cap));
	e = get(cpu);
	CHECK(e.flags & KVM_VCPUEVENT_VALID_PAYLOAD);
	e.exception.pending = 1;
	e.exception.injected = 0;
	e.exception.nr = 14;
	e.exception.has_error_code = 1;
	e.exception.error_code = 6;
	e.exception_has_payload = 1;
	e.exception_payload = 0x123456789000;
	e.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	set(cpu, &e);
	e = get(cpu);
	CHECK_EQ(e.exception.pending, 1);
	CHECK_EQ(e.exception.injected, 0);
	CHECK_EQ(e.exception_has_payload, 1);
	CHECK_EQ(e.exception_payload, 0x123456789000);
	vcpu_get_sregs(cpu, &s);
	CHECK(s.cr2 != 0x123456789000);
	vcpu_expect_sync(cpu, 2);
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(s.cr2, 0x123456789000);
	CHECK_EQ(last.error, 6);
	/* Not both at once: pending it is. */
	e = get(cpu);
	e.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	e.exception.pending = e.exception.injected = 1;
	e.exception.nr = 6;
	set(cpu, &e);
	e = get(cpu);
	CHECK_EQ(e.exception.pending, 1);
	CHECK_EQ(e.exception.injected, 0);
}

CASE(triple_fault,
     "KVM_CAP_X86_TRIPLE_FAULT_EVENT: a pending triple fault can be set and ends the guest")
{
	struct vcpu *cpu = guest(6);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_TRIPLE_FAULT_EVENT, .args = { 1 } };
	struct kvm_vcpu_events e = get(cpu);

	NEED(cpu->vm->kvm, KVM_CAP_X86_TRIPLE_FAULT_EVENT);
	e.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	e.triple_fault.pending = 1;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &e), EINVAL);
	OK(ioctl(cpu->vm->fd, KVM_ENABLE_CAP, &cap));
	set(cpu, &e);
	e = get(cpu);
	CHECK(e.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT);
	CHECK_EQ(e.triple_fault.pending, 1);
	vcpu_expect_exit(cpu, KVM_EXIT_SHUTDOWN);
}
