// SPDX-License-Identifier: GPL-2.0-only
/* Where the guest goes on after an instruction that exits: its length, whatever it looks like and wherever it lies. */
#include "vm.h"

#define WINDOW 0xf0000000UL /* guest addresses without anything at them */

/* Code that is called in the window: returns in RAX what it was given in RDI if it went on at the right place. */
struct code {
	const char *what;
	u8 bytes[24];
	u8 len;
};

/* The instruction, then mov %rdi, %rax; ret */
#define CODE(what_, ...)                                                      \
	{                                                                     \
		.what = what_,                                                \
		.bytes = { __VA_ARGS__, 0x48, 0x89, 0xf8, 0xc3 },             \
		.len = sizeof((u8[]){ __VA_ARGS__, 0x48, 0x89, 0xf8, 0xc3 }), \
	}

static const struct code codes[] = {
	CODE("cpuid", 0x0f, 0xa2),
	CODE("data16 cpuid", 0x66, 0x0f, 0xa2),
	CODE("addr32 cpuid", 0x67, 0x0f, 0xa2),
	CODE("rex.w cpuid", 0x48, 0x0f, 0xa2),
	CODE("cs repne rex cpuid", 0x2e, 0xf2, 0x40, 0x0f, 0xa2),
	CODE("rex data16 cpuid", 0x48, 0x66, 0x0f, 0xa2),
	CODE("13 prefixes cpuid", 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	     0x66, 0x66, 0x0f, 0xa2),
	CODE("rdmsr", 0x0f, 0x32),
	CODE("data16 rdmsr", 0x66, 0x0f, 0x32),
	CODE("wbinvd", 0x0f, 0x09),
	CODE("wbnoinvd", 0xf3, 0x0f, 0x09),
	CODE("pause", 0xf3, 0x90),
	CODE("out %al, $0x80", 0xe6, 0x80),
	CODE("data16 out %ax, %dx", 0x66, 0xef),
	CODE("rex.w in (%dx), %eax", 0x48, 0xed),
};

#define TSC_MSR 0x10
#define RDX_PORT 0x80

static u64 call(const void *code, u64 value)
{
	u64 rax = 0, rcx = TSC_MSR, rdx = RDX_PORT;

	asm volatile("call *%4"
		     : "+a"(rax), "+c"(rcx), "+d"(rdx)
		     : "D"(value), "r"(code)
		     : "rbx", "memory", "cc");
	return rax;
}

/* Each code at every place around a page boundary. */
static void all_codes(u64 page)
{
	for (u64 i = 0; i < ARRAY_SIZE(codes); i++) {
		for (u64 back = 0; back <= codes[i].len; back++) {
			u8 *at = (u8 *)page + PAGE - back;

			memcpy(at, codes[i].bytes, codes[i].len);
			if (call(at, i * 100 + back) != i * 100 + back)
				guest_log(codes[i].what, back, 0, 0);
			G_ASSERT_EQ(call(at, i * 100 + back), i * 100 + back);
		}
	}
	guest_done();
}

/* Ports go to the VMM, which answers anything. */
static void run_to_end(struct vcpu *cpu)
{
	for (;;) {
		struct event ev = vcpu_run(cpu);

		if (ev.kind == EV_DONE)
			return;
		if (ev.kind == EV_EXIT && cpu->run->exit_reason == KVM_EXIT_IO)
			continue;
		FAIL("exit %s", exit_name(cpu->run->exit_reason));
		ktap_end();
	}
}

CASE(prefixes, "redundant prefixes count, on one page and across two")
{
	struct vm *vm = vm_new(0);

	run_to_end(vcpu_new(vm, all_codes, vm_alloc(vm, 2 * PAGE)));
}

/* The two pages that are mapped in turn have a different length at the same address. */
static const u8 plain[] = { 0x0f, 0xa2, 0x48, 0x89, 0xf8, 0xc3 };
static const u8 prefixed[] = { 0x66, 0x0f, 0xa2, 0x48, 0x89, 0xf8, 0xc3 };
static u64 *window_pte, pages[2];
static volatile u64 *window_table_entry;
static u64 tables[2];

static void remap_page(u64 rounds)
{
	for (u64 i = 0; i < rounds; i++) {
		*window_pte = pages[i & 1] | PTE_P | PTE_W;
		invlpg((void *)WINDOW);
		G_ASSERT_EQ(call((void *)WINDOW, i), i);
		G_ASSERT_EQ(call((void *)WINDOW, i), i);
	}
	guest_done();
}

static void remap_table(u64 rounds)
{
	for (u64 i = 0; i < rounds; i++) {
		*window_table_entry = tables[i & 1] | PTE_P | PTE_W;
		invlpg((void *)WINDOW);
		G_ASSERT_EQ(call((void *)WINDOW, i), i);
		G_ASSERT_EQ(call((void *)WINDOW, i), i);
	}
	guest_done();
}

static void fill_pages(struct vm *vm)
{
	for (int i = 0; i < 2; i++)
		pages[i] = vm_alloc(vm, PAGE);
	memcpy(vm_host(vm, pages[0]), plain, sizeof(plain));
	/* Whoever reads the first page instead goes on in the middle of this one's instruction. */
	memcpy(vm_host(vm, pages[1]), prefixed, sizeof(prefixed));
}

CASE(remapped,
     "a page of code that is exchanged in the page tables is not mistaken for the old one")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, remap_page, 100);

	fill_pages(vm);
	vm_map(vm, WINDOW, pages[0], PTE_P | PTE_W);
	window_pte = (u64 *)((u8 *)vm_pte(vm, WINDOW) - (u64)vm->low);
	vcpu_expect_done(cpu);
}

CASE(table_remapped, "the same when a table further up is exchanged")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, remap_table, 100);
	u64 *pdpt, *pd;

	fill_pages(vm);
	vm_map(vm, WINDOW, pages[0], PTE_P | PTE_W);
	for (int i = 0; i < 2; i++) {
		tables[i] = vm_alloc(vm, PAGE);
		((u64 *)vm_host(vm, tables[i]))[WINDOW >> 12 & 511] = pages[i] | PTE_P | PTE_W;
	}
	pdpt = vm_host(vm, *(u64 *)vm_host(vm, PT_BASE) & PTE_ADDR);
	pd = vm_host(vm, pdpt[WINDOW >> 30 & 511] & PTE_ADDR);
	window_table_entry = (u64 *)((u8 *)&pd[WINDOW >> 21 & 511] - (u64)vm->low);
	vcpu_expect_done(cpu);
}

#define SLOT_GPA 0x10000000UL

static void call_slot(u64 unused)
{
	for (u64 i = 0;; i++) {
		G_ASSERT_EQ(call((void *)SLOT_GPA, i), i);
		guest_sync(i);
	}
}

CASE(slot_replaced, "the same when the memory slot is given other memory")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, call_slot, 0);
	u8 *mem = vm_add_slot(vm, SLOT_TEST, 0, SLOT_GPA, PAGE);
	u8 *other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(mem, plain, sizeof(plain));
	memcpy(other, prefixed, sizeof(prefixed));
	for (u64 i = 0; i < 20; i++) {
		OK(vm_set_slot(vm, SLOT_TEST, 0, 0, 0, NULL));
		OK(vm_set_slot(vm, SLOT_TEST, 0, SLOT_GPA, PAGE, i & 1 ? other : mem));
		vcpu_expect_sync(cpu, i);
	}
}

static void modify_code(u64 page)
{
	for (u64 i = 0; i < 100; i++) {
		memcpy((void *)page, i & 1 ? plain : prefixed,
		       i & 1 ? sizeof(plain) : sizeof(prefixed));
		G_ASSERT_EQ(call((void *)page, i), i);
	}
	guest_done();
}

CASE(modified, "code that changes itself is read anew")
{
	struct vm *vm = vm_new(0);

	vcpu_expect_done(vcpu_new(vm, modify_code, vm_alloc(vm, PAGE)));
}

/* 16-bit code at 0x1000: cpuid in its forms, then out %al, $0xe5 to tell that it came through. */
static const u8 real_code[] = {
	0x0f, 0xa2, /* cpuid */
	0x66, 0x0f, 0xa2, /* with an operand size prefix */
	0x67, 0x2e, 0x0f, 0xa2, 0xb9, 0x10, 0x00, /* mov $0x10, %cx */
	0x0f, 0x32, /* rdmsr */
	0xf3, 0x90, /* pause */
	0xb0, 0x5a, /* mov $0x5a, %al */
	0xe6, 0xe5, /* out %al, $0xe5 */
	0xf4,
};

CASE(real_mode, "the same in real mode")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_run *run = cpu->run;

	memcpy(vm->low + 0x1000, real_code, sizeof(real_code));
	vcpu_real_mode(cpu, 0x100, 0);
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(run->io.port, 0xe5);
	CHECK_EQ(*((u8 *)run + run->io.data_offset), 0x5a);
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
}
