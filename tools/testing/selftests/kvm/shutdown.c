// SPDX-License-Identifier: GPL-2.0-only
/* Guests that cannot go on: triple faults, garbage, loops of exceptions. */
#include <signal.h>
#include <sys/time.h>

#include "vm.h"

static void no_idt(u64 unused)
{
	struct __attribute__((packed)) {
		u16 limit;
		u64 base;
	} none = { 0, 0 };

	asm volatile("lidt %0; ud2" : : "m"(none));
}

CASE(triple_fault, "an exception without an IDT is a triple fault: KVM_EXIT_SHUTDOWN")
{
	struct vcpu *cpu = vm_with(0, no_idt, 0);

	vcpu_expect_exit(cpu, KVM_EXIT_SHUTDOWN);
	/* The state can still be read, and the machine closed. */
	vcpu_get_regs(cpu, &(struct kvm_regs){ 0 });
	vm_free(cpu->vm);
}

static void no_stack(u64 unused)
{
	asm volatile("mov %0, %%rsp; ud2" : : "r"(0x500000000000));
}

CASE(no_stack_left, "an exception without a stack is one too")
{
	vcpu_expect_exit(vm_with(0, no_stack, 0), KVM_EXIT_SHUTDOWN);
}

static void no_tables(u64 unused)
{
	/* An empty root: not even the next instruction is there. */
	asm volatile("mov %0, %%cr3" : : "r"(0x3000ULL) : "memory");
}

CASE(empty_root, "with page tables that map nothing it is one too")
{
	vcpu_expect_exit(vm_with(0, no_tables, 0), KVM_EXIT_SHUTDOWN);
}

CASE(real_mode, "in real mode without a vector table as well")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_sregs s;

	memcpy(vm_host(vm, 0x1000), "\xcd\x21", 2); /* int $0x21 */
	vcpu_real_mode(cpu, 0x100, 0);
	vcpu_get_sregs(cpu, &s);
	s.idt.limit = 3;
	vcpu_set_sregs(cpu, &s);
	vcpu_expect_exit(cpu, KVM_EXIT_SHUTDOWN);
}

static u32 seed = 12345;

static u32 next_random(void)
{
	seed = seed * 1103515245 + 12345;
	return seed >> 8;
}

/* Anything may come of it, but a documented exit, and in reasonable time. */
static void run_garbage(struct vcpu *cpu)
{
	cpu->run->immediate_exit = 0;
	for (int i = 0; i < 50; i++) {
		int ret = ioctl(cpu->fd, KVM_RUN, 0);

		if (ret < 0) {
			if (errno != EINTR && errno != EFAULT)
				FAIL("KVM_RUN: %s", strerror(errno));
			return;
		}
		switch (cpu->run->exit_reason) {
		case KVM_EXIT_IO:
		case KVM_EXIT_MMIO:
			continue;
		case KVM_EXIT_HLT:
		case KVM_EXIT_SHUTDOWN:
		case KVM_EXIT_INTERNAL_ERROR:
		case KVM_EXIT_FAIL_ENTRY:
		case KVM_EXIT_DEBUG:
			return;
		default:
			FAIL("exit %u (%s)", cpu->run->exit_reason,
			     exit_name(cpu->run->exit_reason));
			return;
		}
	}
}

static void on_alarm(int sig)
{
}

/* A loop in the guest is ended after 20 ms of its time. */
static void limit_runs(void)
{
	struct sigaction act = { .sa_handler = on_alarm };
	struct itimerval t = { { 0, 20000 }, { 0, 20000 } };

	OK(sigaction(SIGVTALRM, &act, NULL));
	OK(sigaction(SIGPROF, &act, NULL));
	OK(setitimer(ITIMER_PROF, &t, NULL));
}

CASE(garbage_real, "random bytes run in real mode end in a documented exit")
{
	limit_runs();
	for (int i = 0; i < 60; i++) {
		struct vm *vm = vm_new(0);
		struct vcpu *cpu = vcpu_new_bare(vm, 0);

		for (u64 a = 0; a < 0x10000; a += 4)
			*(u32 *)(vm->low + a) = next_random();
		vcpu_real_mode(cpu, 0x100, 0);
		run_garbage(cpu);
		vm_free(vm);
	}
}

static u32 noise[1024] __attribute__((aligned(4096)));

CASE(garbage_long, "random bytes run in long mode end in a documented exit")
{
	limit_runs();
	for (int i = 0; i < 60; i++) {
		struct vm *vm = vm_new(0);
		struct vcpu *cpu;

		for (u32 a = 0; a < ARRAY_SIZE(noise); a++)
			noise[a] = next_random() << 8 ^ next_random();
		cpu = vcpu_new(vm, (void (*)(u64))(void *)noise, 0);
		/* Without handlers that would catch: no IDT */
		{
			struct kvm_sregs s;

			vcpu_get_sregs(cpu, &s);
			s.idt.limit = 0;
			vcpu_set_sregs(cpu, &s);
		}
		run_garbage(cpu);
		vm_free(vm);
	}
}

CASE(garbage_mmio, "random instructions on addresses without memory end in a documented exit")
{
	struct vm *vm = vm_new(0);

	limit_runs();
	for (int i = 0; i < 150; i++) {
		struct vcpu *cpu = i ? &vm->cpus[0] : vcpu_new(vm, (void (*)(u64))(void *)noise, 0);
		struct kvm_regs r = { .rip = (u64)noise, .rsp = 0xd0008000, .rflags = 2 };
		struct kvm_sregs s;
		struct kvm_vcpu_events none = { .flags = KVM_VCPUEVENT_VALID_NMI_PENDING |
							 KVM_VCPUEVENT_VALID_SHADOW };

		for (u32 a = 0; a < ARRAY_SIZE(noise); a++)
			noise[a] = next_random() << 8 ^ next_random();
		r.rax = r.rbx = r.rcx = r.rdx = r.rsi = r.rdi = r.rbp =
			0xd0000000 + (next_random() & 0xfff);
		vcpu_long_mode(cpu);
		vcpu_get_sregs(cpu, &s);
		s.idt.limit = 0;
		vcpu_set_sregs(cpu, &s);
		vcpu_set_regs(cpu, &r);
		OK(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &none));
		run_garbage(cpu);
	}
}

static void loop_of_faults(u64 unused)
{
	asm volatile("ud2");
}

static volatile u64 faults;

static void again(struct frame *frame)
{
	faults++; /* and back to the same instruction */
}

CASE(loop, "a guest that faults for ever can be stopped by a signal")
{
	struct vcpu *cpu = vm_with(0, loop_of_faults, 0);
	struct event ev;

	guest_handlers[6] = again;
	limit_runs();
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_INTR);
	CHECK(faults > 10);
}

static void db_loop(u64 unused)
{
	/* The classic one: #AC or #DB raised by its own delivery */
	asm volatile("pushfq; orq $0x100, (%%rsp); popfq; nop" : : : "memory");
}

static void keep_tf(struct frame *frame)
{
	faults++;
	frame->rip -= 1;
}

CASE(debug_loop, "a guest that traps at every instruction for ever can be stopped by a signal")
{
	struct vcpu *cpu = vm_with(0, db_loop, 0);
	struct event ev;

	guest_handlers[1] = keep_tf;
	limit_runs();
	ev = vcpu_run(cpu);
	CHECK(ev.kind == EV_INTR || ev.kind == EV_EXIT);
}
