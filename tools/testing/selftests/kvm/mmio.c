// SPDX-License-Identifier: GPL-2.0-only
/* Accesses to memory without a slot: exits to the program, of every size and sort. */
#include "vm.h"

#define HOLE 0xd0000000UL

static void expect_mmio(struct vcpu *cpu, u64 gpa, u32 len, bool write)
{
	struct kvm_run *run = cpu->run;

	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	REQUIRE_EQ(run->mmio.phys_addr, gpa);
	REQUIRE_EQ(run->mmio.len, len);
	REQUIRE_EQ(run->mmio.is_write, write);
}

static u64 mmio_value(struct vcpu *cpu)
{
	u64 value = 0;

	memcpy(&value, cpu->run->mmio.data, cpu->run->mmio.len);
	return value;
}

static void answer(struct vcpu *cpu, u64 value)
{
	memcpy(cpu->run->mmio.data, &value, 8);
}

static void writes(u64 unused)
{
	asm volatile("movb %b0, (%1); movw %w0, 2(%1); movl %k0, 4(%1); movq %q0, 8(%1)"
		     :
		     : "a"(0x1122334455667788), "r"(HOLE)
		     : "memory");
	asm volatile("movb $0x5a, 0x10(%0); movl $0x12345678, 0x14(%0)\n"
		     "movq $-2, 0x18(%0)"
		     :
		     : "r"(HOLE)
		     : "memory");
}

CASE(write, "writes of 1, 2, 4 and 8 bytes, of registers and of constants")
{
	struct vcpu *cpu = vm_with(0, writes, 0);

	expect_mmio(cpu, HOLE, 1, true);
	CHECK_EQ(mmio_value(cpu), 0x88);
	expect_mmio(cpu, HOLE + 2, 2, true);
	CHECK_EQ(mmio_value(cpu), 0x7788);
	expect_mmio(cpu, HOLE + 4, 4, true);
	CHECK_EQ(mmio_value(cpu), 0x55667788);
	expect_mmio(cpu, HOLE + 8, 8, true);
	CHECK_EQ(mmio_value(cpu), 0x1122334455667788);
	expect_mmio(cpu, HOLE + 0x10, 1, true);
	CHECK_EQ(mmio_value(cpu), 0x5a);
	expect_mmio(cpu, HOLE + 0x14, 4, true);
	CHECK_EQ(mmio_value(cpu), 0x12345678);
	expect_mmio(cpu, HOLE + 0x18, 8, true);
	CHECK_EQ(mmio_value(cpu), 0xfffffffffffffffe);
	vcpu_expect_done(cpu);
}

static void reads(u64 unused)
{
	u64 value;

	asm volatile("mov $-1, %0; movb (%1), %b0" : "=&a"(value) : "r"(HOLE) : "memory");
	G_ASSERT_EQ(value, 0xffffffffffffffa1);
	asm volatile("mov $-1, %0; movw (%1), %w0" : "=&a"(value) : "r"(HOLE) : "memory");
	G_ASSERT_EQ(value, 0xffffffffffffa2a1);
	asm volatile("mov $-1, %0; movl (%1), %k0" : "=&a"(value) : "r"(HOLE) : "memory");
	G_ASSERT_EQ(value, 0xa4a3a2a1);
	asm volatile("movq (%1), %0" : "=&a"(value) : "r"(HOLE) : "memory");
	G_ASSERT_EQ(value, 0xa8a7a6a5a4a3a2a1);
	asm volatile("movzbl (%1), %k0" : "=&r"(value) : "r"(HOLE) : "memory");
	G_ASSERT_EQ(value, 0xa1);
	asm volatile("movsbq (%1), %0" : "=&r"(value) : "r"(HOLE) : "memory");
	G_ASSERT_EQ(value, 0xffffffffffffffa1);
	asm volatile("movzwl (%1), %k0" : "=&r"(value) : "r"(HOLE) : "memory");
	G_ASSERT_EQ(value, 0xa2a1);
	asm volatile("movslq (%1), %0" : "=&r"(value) : "r"(HOLE) : "memory");
	G_ASSERT_EQ(value, 0xffffffffa4a3a2a1);
}

CASE(read, "reads of 1, 2, 4 and 8 bytes, extended with zeroes and with the sign")
{
	static const u32 sizes[] = { 1, 2, 4, 8, 1, 1, 2, 4 };
	struct vcpu *cpu = vm_with(0, reads, 0);

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		expect_mmio(cpu, HOLE, sizes[i], false);
		answer(cpu, 0xa8a7a6a5a4a3a2a1);
	}
	vcpu_expect_done(cpu);
}

static void arithmetic(u64 unused)
{
	u8 less, zero;
	u64 a = 5;

	asm volatile("addl $3, (%0)" : : "r"(HOLE) : "memory");
	asm volatile("orb $0x80, 4(%0)" : : "r"(HOLE) : "memory");
	asm volatile("cmpl $10, (%2); setb %0; sete %1"
		     : "=q"(less), "=q"(zero)
		     : "r"(HOLE)
		     : "memory");
	G_ASSERT_EQ(less, 1);
	G_ASSERT_EQ(zero, 0);
	asm volatile("testb $1, (%1); setz %0" : "=q"(zero) : "r"(HOLE) : "memory");
	G_ASSERT_EQ(zero, 1);
	asm volatile("xchgq %0, (%1)" : "+r"(a) : "r"(HOLE) : "memory");
	G_ASSERT_EQ(a, 0x77);
	asm volatile("andq (%1), %0" : "+r"(a) : "r"(HOLE) : "memory");
	G_ASSERT_EQ(a, 0x70);
}

CASE(modify, "read-modify-write instructions and comparisons")
{
	struct vcpu *cpu = vm_with(0, arithmetic, 0);

	expect_mmio(cpu, HOLE, 4, false);
	answer(cpu, 7);
	expect_mmio(cpu, HOLE, 4, true);
	CHECK_EQ(mmio_value(cpu), 10);
	expect_mmio(cpu, HOLE + 4, 1, false);
	answer(cpu, 0x11);
	expect_mmio(cpu, HOLE + 4, 1, true);
	CHECK_EQ(mmio_value(cpu), 0x91);
	expect_mmio(cpu, HOLE, 4, false);
	answer(cpu, 9);
	expect_mmio(cpu, HOLE, 1, false);
	answer(cpu, 0xfe);
	expect_mmio(cpu, HOLE, 8, false);
	answer(cpu, 0x77);
	expect_mmio(cpu, HOLE, 8, true);
	CHECK_EQ(mmio_value(cpu), 5);
	expect_mmio(cpu, HOLE, 8, false);
	answer(cpu, 0xf8);
	vcpu_expect_done(cpu);
}

static u8 buffer[64];

static void strings(u64 unused)
{
	void *d = (void *)HOLE;
	const void *s = buffer;
	u64 n = 3;

	asm volatile("rep movsl" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	G_ASSERT_EQ(d, HOLE + 12);
	d = buffer + 32;
	s = (void *)(HOLE + 0x100);
	n = 4;
	asm volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	G_ASSERT_EQ(*(u32 *)(buffer + 32), 0x44332211);
	d = (void *)(HOLE + 0x200);
	n = 2;
	asm volatile("rep stosq" : "+D"(d), "+c"(n) : "a"(0xabcdefULL) : "memory");
	G_ASSERT_EQ(n, 0);
}

CASE(string, "string instructions from and to MMIO")
{
	struct vcpu *cpu = vm_with(0, strings, 0);

	for (u32 i = 0; i < 12; i++)
		buffer[i] = i + 1;
	for (u32 i = 0; i < 3; i++) {
		expect_mmio(cpu, HOLE + 4 * i, 4, true);
		CHECK_EQ(mmio_value(cpu), 0x04030201 + 0x04040404 * i);
	}
	for (u32 i = 0; i < 4; i++) {
		expect_mmio(cpu, HOLE + 0x100 + i, 1, false);
		answer(cpu, 0x11 * (i + 1));
	}
	for (u32 i = 0; i < 2; i++) {
		expect_mmio(cpu, HOLE + 0x200 + 8 * i, 8, true);
		CHECK_EQ(mmio_value(cpu), 0xabcdef);
	}
	vcpu_expect_done(cpu);
}

static void crossing(u64 unused)
{
	*(volatile u32 *)(HOLE + PAGE - 2) = 0x44332211;
	G_ASSERT_EQ(*(volatile u64 *)(HOLE + PAGE - 4), 0x8877665544332211);
}

CASE(page_crossing, "an access across two pages comes as two, and is put together again")
{
	struct vcpu *cpu = vm_with(0, crossing, 0);

	expect_mmio(cpu, HOLE + PAGE - 2, 2, true);
	CHECK_EQ(mmio_value(cpu), 0x2211);
	expect_mmio(cpu, HOLE + PAGE, 2, true);
	CHECK_EQ(mmio_value(cpu), 0x4433);
	expect_mmio(cpu, HOLE + PAGE - 4, 4, false);
	answer(cpu, 0x44332211);
	expect_mmio(cpu, HOLE + PAGE, 4, false);
	answer(cpu, 0x88776655);
	vcpu_expect_done(cpu);
}

#define HALF 0x10000000UL

static void half(u64 unused)
{
	*(volatile u32 *)(HALF + PAGE - 2) = 0x44332211;
	G_ASSERT_EQ(*(volatile u16 *)(HALF + PAGE - 2), 0x2211);
}

CASE(half_memory, "an access that begins in memory and ends outside is MMIO only outside")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, half, 0);
	u8 *page = vm_add_slot(vm, SLOT_TEST, 0, HALF, PAGE);

	expect_mmio(cpu, HALF + PAGE, 2, true);
	CHECK_EQ(mmio_value(cpu), 0x4433);
	vcpu_expect_done(cpu);
	CHECK_EQ(*(u16 *)(page + PAGE - 2), 0x2211);
}

static void stack_there(u64 unused)
{
	u64 value;

	asm volatile("push (%1); pop %0" : "=r"(value) : "r"(HOLE) : "memory");
	G_ASSERT_EQ(value, 0x55aa);
	asm volatile("push $0x77; pop 8(%0)" : : "r"(HOLE) : "memory");
	asm volatile("call *0x10(%0)" : : "r"(HOLE) : "memory");
}

static void called(void)
{
	guest_sync(99);
	guest_done();
}

CASE(push_pop_call, "PUSH, POP and CALL with an MMIO operand")
{
	struct vcpu *cpu = vm_with(0, stack_there, 0);

	expect_mmio(cpu, HOLE, 8, false);
	answer(cpu, 0x55aa);
	expect_mmio(cpu, HOLE + 8, 8, true);
	CHECK_EQ(mmio_value(cpu), 0x77);
	expect_mmio(cpu, HOLE + 0x10, 8, false);
	answer(cpu, (u64)called);
	vcpu_expect_sync(cpu, 99);
	vcpu_expect_done(cpu);
}

static void far(u64 unused)
{
	*(volatile u32 *)0x700000000000UL = 1;
}

CASE(high, "an address far above all memory, mapped there by the guest")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, far, 0);

	vm_map(vm, 0x700000000000UL, 0xabcdef000, PTE_P | PTE_W);
	expect_mmio(cpu, 0xabcdef000, 4, true);
	vcpu_expect_done(cpu);
}

CASE(completion, "a read is completed by the next KVM_RUN alone, even one that runs nothing")
{
	struct vcpu *cpu = vm_with(0, reads, 0);
	struct kvm_regs r;

	expect_mmio(cpu, HOLE, 1, false);
	answer(cpu, 0xa1);
	cpu->run->immediate_exit = 1;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINTR);
	cpu->run->immediate_exit = 0;
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rax, 0xffffffffffffffa1);
	expect_mmio(cpu, HOLE, 2, false);
}

#define ELSEWHERE 0x3000
#define VALUE 0x2000

/* Flat 32-bit protected mode without paging. */
static void flat32(struct vcpu *cpu, struct kvm_sregs *s)
{
	struct kvm_segment seg = { .limit = ~0U, .selector = 0x10, .type = 3, .present = 1 };

	vcpu_get_sregs(cpu, s);
	seg.s = seg.db = seg.g = 1;
	s->ds = s->es = s->fs = s->gs = s->ss = seg;
	seg.selector = 0x08;
	seg.type = 11;
	s->cs = seg;
	s->cr0 = CR0_ET | CR0_PE;
	s->cr4 = s->efer = 0;
	vcpu_set_sregs(cpu, s);
}

CASE(other_mode,
     "a read is not completed in a mode that the program has changed: the instruction is another there")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_sregs real, s;
	struct kvm_regs r;

	vcpu_real_mode(cpu, 0, ELSEWHERE);
	vcpu_get_sregs(cpu, &real);
	flat32(cpu, &s);
	memcpy(vm_host(vm, ELSEWHERE), "\x8b\x07\xf4",
	       3); /* mov (%edi), %eax or mov (%bx), %ax; hlt */
	*(u32 *)vm_host(vm, VALUE) = 0x5678;
	vcpu_get_regs(cpu, &r);
	r.rax = 0x11112222;
	r.rbx = VALUE;
	r.rdi = HOLE;
	vcpu_set_regs(cpu, &r);
	expect_mmio(cpu, HOLE, 4, false);
	answer(cpu, 0x99999999);
	vcpu_set_sregs(cpu, &real);
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rax, 0x11115678);
	CHECK_EQ(r.rip, ELSEWHERE + 3);
}

static void fetch(u64 unused)
{
	((void (*)(void))HOLE)();
}

CASE(execute, "running code where there is no memory ends with an internal error, not a hang")
{
	struct vcpu *cpu = vm_with(0, fetch, 0);

	vcpu_expect_exit(cpu, KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(cpu->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
}
