// SPDX-License-Identifier: GPL-2.0-only
/* User mode in the guest: SYSCALL, SYSENTER, interrupts from it, what it may not do. */
#include "vm.h"

static volatile u64 log_[8], logged;

static u64 user_stack[64] __attribute__((aligned(16)));

/* Goes to user mode at code with RAX as the argument; does not come back. */
static void __attribute__((noreturn)) enter_user(const void *code, u64 flags)
{
	asm volatile("push %0; push %1; push %2; push %3; push %4; iretq"
		     :
		     : "i"(USER_DS), "r"(user_stack + 60), "r"(flags | 2), "i"(USER_CS), "r"(code)
		     : "memory");
	__builtin_unreachable();
}

#define USER_CODE(name, text)   \
	extern const u8 name[]; \
	asm(".pushsection .text\n" #name ":\n" text "\n.popsection\n")

static void at_trap(struct frame *frame)
{
	guest_sync(frame->vector << 32 | frame->error << 8 | (frame->cs & 0xff));
	guest_done();
}

#define TRAP(vector, error) ((u64)(vector) << 32 | (u64)(error) << 8 | USER_CS)

/* Runs the code in user mode and expects the trap. */
static const u8 *user_code;

static void run_user(u64 unused)
{
	enter_user(user_code, 0);
}

static void expect_trap(const u8 *code, u64 vector, u64 error)
{
	struct vcpu *cpu = vm_with(0, run_user, 0);

	user_code = code;
	for (int v = 0; v < 32; v++)
		guest_handlers[v] = at_trap;
	vcpu_expect_sync(cpu, TRAP(vector, error));
}

USER_CODE(do_hlt, "hlt");
USER_CODE(do_cli, "cli");
USER_CODE(do_cr, "mov %cr0, %rax");
USER_CODE(do_rdmsr, "mov $0x1b, %ecx; rdmsr");
USER_CODE(do_out, "out %al, $0x80");
USER_CODE(do_lgdt, "lgdt (%rsp)");
USER_CODE(do_invlpg, "invlpg (%rsp)");
USER_CODE(do_wbinvd, "wbinvd");
USER_CODE(do_int, "int $0x21");
USER_CODE(do_int3, "int3");
USER_CODE(do_ud, "ud2");
USER_CODE(do_xsetbv, "xsetbv");

CASE(privileged, "privileged instructions are #GP(0) in user mode, intercepted or not")
{
	expect_trap(do_hlt, 13, 0);
	expect_trap(do_cli, 13, 0);
	expect_trap(do_cr, 13, 0);
	expect_trap(do_rdmsr, 13, 0);
	expect_trap(do_out, 13, 0);
	expect_trap(do_lgdt, 13, 0);
	expect_trap(do_invlpg, 13, 0);
	if (!cpu_quirk(QUIRK_WBINVD))
		expect_trap(do_wbinvd, 13, 0);
	/* CR4.OSXSAVE is 0, which counts for more. */
	expect_trap(do_xsetbv, 6, 0);
}

CASE(gates,
     "INT through a gate of the kernel's is #GP with its number, INT3 is allowed, #UD is itself")
{
	expect_trap(do_int, 13, 0x21 * 8 + 2);
	expect_trap(do_int3, 3, 0);
	expect_trap(do_ud, 6, 0);
}

USER_CODE(do_sgdt, "sgdt -32(%rsp); ud2");
USER_CODE(do_sidt, "sidt -32(%rsp); ud2");
USER_CODE(do_sldt, "sldt %eax; ud2");
USER_CODE(do_str, "str %eax; ud2");

static void run_user_umip(u64 unused)
{
	u32 eax;

	write_cr4(read_cr4() | CR4_UMIP);
	/* The kernel may. */
	G_ASSERT_EQ(CATCH("sgdt -32(%%rsp)", : :), NO_VECTOR);
	G_ASSERT_EQ(CATCH("sldt %0", : "=a"(eax) :), NO_VECTOR);
	enter_user(user_code, 0);
}

CASE(umip, "SGDT, SIDT, SLDT and STR work in user mode, but not with CR4.UMIP")
{
	const u8 *code[] = { do_sgdt, do_sidt, do_sldt, do_str };
	struct kvm_cpuid2 *s;
	struct vcpu *cpu;

	for (unsigned int i = 0; i < ARRAY_SIZE(code); i++) {
		expect_trap(code[i], 6, 0);
		cpu = vm_with(0, run_user_umip, 0);
		s = cpuid_supported(cpu->vm->kvm);
		if (!(cpuid_find(s, 7, 0)->ecx & BIT(2)))
			SKIP("no UMIP here");
		vcpu_set_cpuid(cpu, s);
		vcpu_expect_sync(cpu, TRAP(13, 0));
	}
}

USER_CODE(do_cpuid, "mov $0x80000000, %eax; xor %ecx, %ecx; cpuid; rdtsc; pause; ud2");

CASE(allowed, "CPUID, RDTSC and PAUSE work in user mode")
{
	expect_trap(do_cpuid, 6, 0);
}

USER_CODE(do_syscall, "mov $0x77, %edi; syscall; ud2");

static void __attribute__((used)) on_syscall(u64 argument, u64 from, u64 flags)
{
	log_[0] = argument;
	log_[1] = from;
	log_[2] = flags;
	logged++;
}

extern const u8 syscall_entry[];
asm(".pushsection .text\n"
    "syscall_entry: mov %rsp, %rbx; mov $user_kernel_stack + 2040, %rsp\n"
    "push %rcx; push %r11; mov %rcx, %rsi; mov %r11, %rdx; call on_syscall\n"
    "pop %r11; pop %rcx; mov %rbx, %rsp; sysretq\n"
    ".popsection\n");
u8 user_kernel_stack[2048] __attribute__((aligned(16), used));

static void syscalls(u64 unused)
{
	/* SYSRET loads CS from the upper field + 16, SS from it + 8: USER_DS must lie before USER_CS. */
	struct guest_cpu *cpu = this_cpu();
	u64 code = cpu->gdt[3], data = cpu->gdt[4];

	cpu->gdt[7] = data;
	cpu->gdt[8] = code;
	cpu->gdt[6] = 0;
	wrmsr(MSR_STAR, (0x30ULL | 3) << 48 | (u64)KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	wrmsr(MSR_SFMASK, RFLAGS_IF | RFLAGS_TF | RFLAGS_DF);
	enter_user(do_syscall, RFLAGS_CF);
}

static void after_syscall(struct frame *frame)
{
	/* Back in user mode, behind the SYSCALL */
	G_ASSERT_EQ(frame->cs, 0x43);
	G_ASSERT_EQ(frame->ss & ~3ULL, 0x38);
	G_ASSERT_EQ(frame->rip, log_[1]);
	G_ASSERT_EQ(logged, 1);
	G_ASSERT_EQ(log_[0], 0x77);
	G_ASSERT_EQ(log_[2] & RFLAGS_CF, RFLAGS_CF);
	guest_sync(1);
	guest_done();
}

CASE(syscall_sysret, "SYSCALL enters by LSTAR, SYSRET goes back")
{
	struct vcpu *cpu = vm_with(0, syscalls, 0);

	guest_handlers[6] = after_syscall;
	vcpu_expect_sync(cpu, 1);
}

USER_CODE(do_spin, "1: cmpl $0, user_go; je 1b; ud2");
volatile u32 user_go;

static void spin_user(u64 unused)
{
	enter_user(do_spin, RFLAGS_IF);
}

static void on_irq(struct frame *frame)
{
	G_ASSERT_EQ(frame->cs, USER_CS);
	G_ASSERT_EQ(frame->rflags & RFLAGS_IF, RFLAGS_IF);
	user_go = 1;
}

CASE(interrupt, "an interrupt in user mode switches to the kernel's stack and comes back")
{
	struct vcpu *cpu = vm_with(0, spin_user, 0);
	struct kvm_interrupt irq = { 0x40 };

	guest_handlers[0x40] = on_irq;
	guest_handlers[6] = at_trap;
	cpu->run->request_interrupt_window = 1;
	vcpu_expect_exit(cpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	cpu->run->request_interrupt_window = 0;
	OK(ioctl(cpu->fd, KVM_INTERRUPT, &irq));
	vcpu_expect_sync(cpu, TRAP(6, 0));
}

static u64 forbidden[512] __attribute__((aligned(4096)));
USER_CODE(do_read, "mov user_target, %rax; mov (%rax), %rax; ud2");
USER_CODE(do_write, "mov user_target, %rax; mov %rax, (%rax); ud2");
u64 user_target;

static void supervisor_page(u64 read_only)
{
	/* The machine's tables are in its own memory; this page's entry was made by the test. */
	enter_user(user_code, 0);
}

static void check_page(u64 flags, const u8 *code, u64 vector, u64 error)
{
	struct vcpu *cpu = vm_with(0, supervisor_page, 0);

	user_code = code;
	user_target = (u64)forbidden;
	vm_map(cpu->vm, user_target, user_target, flags);
	for (int v = 0; v < 32; v++)
		guest_handlers[v] = at_trap;
	vcpu_expect_sync(cpu, TRAP(vector, error));
}

CASE(pages, "supervisor pages and read-only pages are protected, with the bits of the error code")
{
	check_page(PTE_P | PTE_W | PTE_U, do_read, 6, 0);
	check_page(PTE_P | PTE_W | PTE_U, do_write, 6, 0);
	check_page(PTE_P | PTE_W, do_read, 14, 5);
	check_page(PTE_P | PTE_W, do_write, 14, 7);
	check_page(PTE_P | PTE_U, do_read, 6, 0);
	check_page(PTE_P | PTE_U, do_write, 14, 7);
	check_page(0, do_read, 14, 4);
	check_page(0, do_write, 14, 6);
}

static void iopl(u64 unused)
{
	enter_user(user_code, 3 << 12);
}

USER_CODE(do_port, "mov $0x42, %al; out %al, $0x99; ud2");

CASE(io_privilege, "with I/O privilege level 3 user mode reaches ports")
{
	struct vcpu *cpu = vm_with(0, iopl, 0);

	user_code = do_port;
	guest_handlers[6] = guest_handlers[13] = at_trap;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(cpu->run->io.port, 0x99);
	vcpu_expect_sync(cpu, TRAP(6, 0));
}
