// SPDX-License-Identifier: GPL-2.0-only
/* Guests in long mode: code, data, calls back to the test, exceptions. */
#include "vm.h"

static u64 shared;

static void store(u64 argument)
{
	shared = argument * 2;
	guest_sync(shared);
	shared++;
}

CASE(call, "runs a C function with an argument and sees the test's memory")
{
	struct vcpu *cpu = vm_with(0, store, 0x123456789abcULL);

	vcpu_expect_sync(cpu, 0x2468acf13578ULL);
	CHECK_EQ(shared, 0x2468acf13578ULL);
	vcpu_expect_done(cpu);
	CHECK_EQ(shared, 0x2468acf13579ULL);
}

static void state(u64 unused)
{
	u16 cs;

	asm("mov %%cs, %0" : "=r"(cs));
	G_ASSERT_EQ(cs, KERNEL_CS);
	G_ASSERT_EQ(read_cr0() & (CR0_PE | CR0_PG), CR0_PE | CR0_PG);
	G_ASSERT_EQ(rdmsr(MSR_EFER) & (EFER_LME | EFER_LMA), EFER_LME | EFER_LMA);
	G_ASSERT_EQ(read_cr3(), PT_BASE);
	G_ASSERT_EQ(read_rflags() & RFLAGS_IF, 0);
	G_ASSERT_EQ(this_cpu()->index, 0);
	G_ASSERT_EQ(read_cr8(), 0);
}

CASE(state_seen, "the guest sees the control registers that were set")
{
	vcpu_expect_done(vm_with(0, state, 0));
}

static void registers(u64 unused)
{
	/* Every general register but RSP, told apart after an exit */
	asm volatile("mov $0x101, %%rbx; mov $0x102, %%rcx; mov $0x103, %%rsi; mov $0x104, %%rdi\n"
		     "mov $0x108, %%r8; mov $0x109, %%r9; mov $0x10a, %%r10; mov $0x10b, %%r11\n"
		     "mov $0x10c, %%r12; mov $0x10d, %%r13; mov $0x10e, %%r14; mov $0x10f, %%r15\n"
		     "push %%rbp; mov $0x110, %%rbp\n"
		     "out %%al, $0x80\n"
		     "lea (%%rbx,%%rcx), %%rbx; add %%rsi, %%rbx; add %%rdi, %%rbx\n"
		     "add %%r8, %%rbx; add %%r9, %%rbx; add %%r10, %%rbx; add %%r11, %%rbx\n"
		     "add %%r12, %%rbx; add %%r13, %%rbx; add %%r14, %%rbx; add %%r15, %%rbx\n"
		     "add %%rbp, %%rbx; pop %%rbp; mov %%rbx, %0\n"
		     : "=m"(shared)
		     :
		     : "rbx", "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
		       "r15", "memory");
	guest_sync(shared);
}

CASE(exit_registers, "an exit shows all registers, and changes to them reach the guest")
{
	struct vcpu *cpu = vm_with(0, registers, 0);
	struct kvm_regs r;

	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rbx, 0x101);
	CHECK_EQ(r.rcx, 0x102);
	CHECK_EQ(r.rsi, 0x103);
	CHECK_EQ(r.rdi, 0x104);
	CHECK_EQ(r.r8, 0x108);
	CHECK_EQ(r.r9, 0x109);
	CHECK_EQ(r.r10, 0x10a);
	CHECK_EQ(r.r11, 0x10b);
	CHECK_EQ(r.r12, 0x10c);
	CHECK_EQ(r.r13, 0x10d);
	CHECK_EQ(r.r14, 0x10e);
	CHECK_EQ(r.r15, 0x10f);
	CHECK_EQ(r.rbp, 0x110);
	r.r12 += 0x100000;
	r.rbp += 0x200000;
	vcpu_set_regs(cpu, &r);
	vcpu_expect_sync(cpu, 0x101 + 0x102 + 0x103 + 0x104 + 0x108 + 0x109 + 0x10a + 0x10b +
				      0x10c + 0x10d + 0x10e + 0x10f + 0x110 + 0x300000);
}

static void exceptions(u64 unused)
{
	G_ASSERT_EQ(CATCH("ud2", : :), 6);
	G_ASSERT_EQ(CATCH("movl $0, (%0)", : : "r"(0x200000000000ULL)), 14);
	G_ASSERT_EQ(this_cpu()->cr2, 0x200000000000ULL);
	G_ASSERT_EQ(this_cpu()->error, 2);
	G_ASSERT_EQ(CATCH("movl $0, (%0)", : : "r"(0x8000000000000000ULL)), 13);
	G_ASSERT_EQ(CATCH("int3", : :), 3);
	G_ASSERT_EQ(CATCH("nop", : :), NO_VECTOR);
}

CASE(exceptions_caught, "the guest takes #UD, #PF, #GP and #BP by itself")
{
	vcpu_expect_done(vm_with(0, exceptions, 0));
}

CASE(two, "two machines do not see each other's memory at 0")
{
	struct vcpu *a = vm_with(0, store, 1), *b = vm_with(0, store, 2);

	*(u64 *)vm_host(a->vm, 0x2000) = 1;
	CHECK_EQ(*(u64 *)vm_host(b->vm, 0x2000), 0);
	vcpu_expect_sync(a, 2);
	vcpu_expect_sync(b, 4);
	vcpu_expect_done(a);
	vcpu_expect_done(b);
}

static u64 counter;

static void count(u64 n)
{
	for (u64 i = 0; i < n; i++)
		__atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST);
}

CASE(threads, "two vCPUs in two threads add to one counter")
{
	struct vm *vm = vm_new(0);
	struct vcpu *a = vcpu_new(vm, count, 50000);
	struct vcpu *b = vcpu_new(vm, count, 50000);
	struct runner *ra = vcpu_start(a), *rb = vcpu_start(b);

	vcpu_join(ra);
	vcpu_join(rb);
	CHECK_EQ(counter, 100000);
	vm_free(vm);
}

CASE(thread_moves, "a vCPU can be run by one thread after another")
{
	struct vcpu *cpu = vm_with(0, store, 5);

	vcpu_expect_sync(cpu, 10);
	vcpu_join(vcpu_start(cpu));
	CHECK_EQ(shared, 11);
}
