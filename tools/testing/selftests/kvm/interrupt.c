// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts from a program that has its own controllers: KVM_INTERRUPT, windows, TPR. */
#include "vm.h"

static volatile u64 counts[256];

static void take(struct frame *frame)
{
	counts[frame->vector]++;
}

static void closed(u64 unused)
{
	guest_sync(1);
	G_ASSERT_EQ(counts[0x30], 0);
	irq_enable();
	asm volatile("nop");
	irq_disable();
	guest_sync(2);
	irq_enable();
	guest_sync(3);
	asm volatile("nop");
	G_ASSERT_EQ(counts[0x31], 1);
	irq_disable();
	guest_sync(4);
}

static int inject(struct vcpu *cpu, u32 vector)
{
	struct kvm_interrupt irq = { vector };

	return ioctl(cpu->fd, KVM_INTERRUPT, &irq);
}

CASE(window, "with interrupts off the program asks for a window and is told when it opens")
{
	struct vcpu *cpu = vm_with(0, closed, 0);
	struct kvm_run *run = cpu->run;

	guest_handlers[0x30] = guest_handlers[0x31] = take;
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(run->if_flag, 0);
	CHECK_EQ(run->ready_for_interrupt_injection, 0);
	run->request_interrupt_window = 1;
	vcpu_expect_exit(cpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(run->if_flag, 1);
	CHECK_EQ(run->ready_for_interrupt_injection, 1);
	run->request_interrupt_window = 0;
	OK(inject(cpu, 0x30));
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(counts[0x30], 1);
	vcpu_expect_sync(cpu, 3);
	/* Interrupts are on now. */
	CHECK_EQ(run->if_flag, 1);
	CHECK_EQ(run->ready_for_interrupt_injection, 1);
	OK(inject(cpu, 0x31));
	vcpu_expect_sync(cpu, 4);
}

CASE(ready, "asked for a window with interrupts on, KVM_RUN returns at once")
{
	struct vcpu *cpu = vm_with(0, closed, 0);

	guest_handlers[0x30] = guest_handlers[0x31] = take;
	vcpu_expect_sync(cpu, 1);
	vcpu_expect_sync(cpu, 2);
	vcpu_expect_sync(cpu, 3);
	cpu->run->request_interrupt_window = 1;
	vcpu_expect_exit(cpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	cpu->run->request_interrupt_window = 0;
	OK(inject(cpu, 0x31));
	vcpu_expect_sync(cpu, 4);
}

CASE(seen,
     "an injected interrupt is seen in the state until it is delivered; a second gives EEXIST or waits")
{
	struct vcpu *cpu = vm_with(0, closed, 0);
	struct kvm_sregs s;

	guest_handlers[0x30] = guest_handlers[0x31] = take;
	vcpu_expect_sync(cpu, 1);
	vcpu_expect_sync(cpu, 2);
	vcpu_expect_sync(cpu, 3);
	OK(inject(cpu, 0x31));
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(s.interrupt_bitmap[0], BIT(0x31));
	vcpu_expect_sync(cpu, 4);
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(s.interrupt_bitmap[0], 0);
}

CASE(bad,
     "a vector beyond 255 gives EINVAL; with an in-kernel controller KVM_INTERRUPT gives ENXIO")
{
	struct vcpu *cpu = vm_with(0, closed, 0);
	struct vcpu *in_kernel = vm_with(VM_IRQCHIP, closed, 0);

	CHECK_ERRNO(inject(cpu, 256), EINVAL);
	CHECK_ERRNO(inject(cpu, ~0U), EINVAL);
	CHECK_ERRNO(inject(in_kernel, 0x30), ENXIO);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_INTERRUPT, 8), EFAULT);
}

static void halts(u64 unused)
{
	halt();
	guest_sync(1);
	irq_enable_and_halt();
	guest_sync(counts[0x30]);
}

CASE(halt_exit, "HLT is an exit to the program, which goes on with or without an interrupt")
{
	struct vcpu *cpu = vm_with(0, halts, 0);

	guest_handlers[0x30] = take;
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_expect_sync(cpu, 1);
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	CHECK_EQ(cpu->run->if_flag, 1);
	OK(inject(cpu, 0x30));
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(counts[0x30], 1);
}

static void tpr(u64 unused)
{
	G_ASSERT_EQ(read_cr8(), 5);
	write_cr8(9);
	G_ASSERT_EQ(read_cr8(), 9);
	guest_sync(1);
	write_cr8(2);
	guest_sync(2);
	G_ASSERT_EQ(CATCH("mov %0, %%cr8", : : "r"(16ULL)), 13);
	G_ASSERT_EQ(read_cr8(), 2);
}

CASE(cr8, "CR8 travels through kvm_run; lowering it is told with KVM_EXIT_SET_TPR")
{
	struct vcpu *cpu = vm_with(0, tpr, 0);
	struct kvm_run *run = cpu->run;
	struct event ev;
	int told = 0;

	run->cr8 = 5;
	for (;;) {
		ev = vcpu_run(cpu);
		if (ev.kind == EV_EXIT && run->exit_reason == KVM_EXIT_SET_TPR) {
			told++;
			continue;
		}
		if (ev.kind == EV_SYNC && ev.value == 1)
			CHECK_EQ(run->cr8, 9);
		else if (ev.kind == EV_SYNC && ev.value == 2)
			CHECK_EQ(run->cr8, 2);
		else
			break;
	}
	CHECK_EQ(ev.kind, EV_DONE);
	CHECK(told >= 1);
}
