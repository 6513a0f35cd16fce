// SPDX-License-Identifier: GPL-2.0-only
/* See native.h.  Linked at a low fixed address (-no-pie): 32-bit code jumps back here. */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <err.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "native.h"

/* What the assembly below works on. */
struct native_regs native_io;
u64 native_host[8];
u64 native_flags; /* bit 0: vectors, bit 1: x87 */
u64 native_how; /* enum native_end */
u8 native_fx_init[512] __aligned(16);
struct {
	u32 off;
	u16 sel;
} __packed native_far;

extern char native_enter_64[], native_enter_far[], native_exit_next[], native_exit_branch[],
	native_exit_fault[];
u64 native_call(void *entry);

asm(".text\n"
    ".globl native_call\n"
    "native_call:\n"
    "	mov %rbx, native_host+0(%rip)\n"
    "	mov %rbp, native_host+8(%rip)\n"
    "	mov %r12, native_host+16(%rip)\n"
    "	mov %r13, native_host+24(%rip)\n"
    "	mov %r14, native_host+32(%rip)\n"
    "	mov %r15, native_host+40(%rip)\n"
    "	mov %rsp, native_host+48(%rip)\n"
    "	mov %rdi, native_host+56(%rip)\n"
    "	testl $2, native_flags(%rip)\n"
    "	jz 1f\n"
    "	fxrstor64 native_io+672(%rip)\n"
    "1:	testl $1, native_flags(%rip)\n"
    "	jz 1f\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "	vmovaps native_io+160+32*\\n(%rip), %ymm\\n\n"
    ".endr\n"
    "1:	pushq native_io+128(%rip)\n"
    "	popfq\n"
    "	mov native_io+0(%rip), %rax\n"
    "	mov native_io+8(%rip), %rcx\n"
    "	mov native_io+16(%rip), %rdx\n"
    "	mov native_io+24(%rip), %rbx\n"
    "	mov native_io+40(%rip), %rbp\n"
    "	mov native_io+48(%rip), %rsi\n"
    "	mov native_io+56(%rip), %rdi\n"
    "	mov native_io+64(%rip), %r8\n"
    "	mov native_io+72(%rip), %r9\n"
    "	mov native_io+80(%rip), %r10\n"
    "	mov native_io+88(%rip), %r11\n"
    "	mov native_io+96(%rip), %r12\n"
    "	mov native_io+104(%rip), %r13\n"
    "	mov native_io+112(%rip), %r14\n"
    "	mov native_io+120(%rip), %r15\n"
    "	mov native_io+32(%rip), %rsp\n"
    "	jmp *native_host+56(%rip)\n"
    ".globl native_enter_64\n"
    "native_enter_64:\n"
    "	.byte 0xe9\n"
    "	.long 0x10000800 - . - 4\n"
    ".globl native_enter_far\n"
    "native_enter_far:\n"
    "	ljmp *native_far(%rip)\n"
    ".globl native_exit_next, native_exit_branch, native_exit_fault\n"
    "native_exit_branch:\n"
    "	movq $1, native_how(%rip)\n"
    "	jmp 2f\n"
    "native_exit_next:\n"
    "	movq $0, native_how(%rip)\n"
    "2:	mov %rax, native_io+0(%rip)\n"
    "	mov %rcx, native_io+8(%rip)\n"
    "	mov %rdx, native_io+16(%rip)\n"
    "	mov %rbx, native_io+24(%rip)\n"
    "	mov %rsp, native_io+32(%rip)\n"
    "	mov %rbp, native_io+40(%rip)\n"
    "	mov %rsi, native_io+48(%rip)\n"
    "	mov %rdi, native_io+56(%rip)\n"
    "	mov %r8, native_io+64(%rip)\n"
    "	mov %r9, native_io+72(%rip)\n"
    "	mov %r10, native_io+80(%rip)\n"
    "	mov %r11, native_io+88(%rip)\n"
    "	mov %r12, native_io+96(%rip)\n"
    "	mov %r13, native_io+104(%rip)\n"
    "	mov %r14, native_io+112(%rip)\n"
    "	mov %r15, native_io+120(%rip)\n"
    "	mov native_host+48(%rip), %rsp\n"
    "	pushfq\n"
    "	popq native_io+128(%rip)\n"
    "native_exit_fault:\n"
    "	mov native_host+48(%rip), %rsp\n"
    "	pushq $2\n"
    "	popfq\n"
    "	testl $1, native_flags(%rip)\n"
    "	jz 1f\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "	vmovaps %ymm\\n, native_io+160+32*\\n(%rip)\n"
    ".endr\n"
    "	vzeroupper\n"
    "1:	testl $2, native_flags(%rip)\n"
    "	jz 1f\n"
    "	fxsave64 native_io+672(%rip)\n"
    "	fxrstor64 native_fx_init(%rip)\n"
    "1:	mov native_host+0(%rip), %rbx\n"
    "	mov native_host+8(%rip), %rbp\n"
    "	mov native_host+16(%rip), %r12\n"
    "	mov native_host+24(%rip), %r13\n"
    "	mov native_host+32(%rip), %r14\n"
    "	mov native_host+40(%rip), %r15\n"
    "	mov native_how(%rip), %rax\n"
    "	ret\n");

static_assert(offsetof(struct native_regs, rflags) == 128);
static_assert(offsetof(struct native_regs, vec) == 160);
static_assert(offsetof(struct native_regs, fx) == 672);

static struct native_fault last_fault;

/* A handler begins with the case's RFLAGS.AC, which compiled code does not bear. */
void native_signal_entry(int sig, siginfo_t *info, void *ctx);
void on_signal(int sig, siginfo_t *info, void *ctx);
asm(".text\n"
    "native_signal_entry:\n"
    "	pushfq\n"
    "	andl $~0x40000, (%rsp)\n"
    "	popfq\n"
    "	jmp on_signal\n");

void on_signal(int sig, siginfo_t *info, void *ctx)
{
	static const u8 order[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
				      REG_RSI, REG_RDI, REG_R8,	 REG_R9,  REG_R10, REG_R11,
				      REG_R12, REG_R13, REG_R14, REG_R15 };
	greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;
	unsigned int i;

	for (i = 0; i < 16; i++)
		native_io.gpr[i] = g[order[i]];
	native_io.rflags = g[REG_EFL];
	native_io.rip = g[REG_RIP];
	last_fault.vector = g[REG_TRAPNO];
	last_fault.error = g[REG_ERR];
	last_fault.cr2 = g[REG_CR2];
	native_how = NATIVE_FAULT;
	if (native_io.rip >= 0x400000 && native_io.rip < NATIVE_CODE) {
		/* In the program itself: no case to blame. */
		dprintf(2, "signal %d vector %u at %#lx, address %#lx\n", sig, last_fault.vector,
			(long)native_io.rip, (long)last_fault.cr2);
		_exit(3);
	}
	g[REG_RIP] = (greg_t)native_exit_fault;
	g[REG_EFL] = 2;
	/* 64-bit code, flat stack, as the program has them. */
	g[REG_CSGSFS] = (g[REG_CSGSFS] & 0x0000ffffffff0000) | 0x33 | (0x2bULL << 48);
}

static void segment(unsigned int entry, u32 base, u32 limit, unsigned int contents)
{
	struct user_desc d = {
		.entry_number = entry,
		.base_addr = base,
		.limit = limit,
		.contents = contents,
		.useable = 1,
	};

	if (syscall(SYS_modify_ldt, 1, &d, sizeof(d)))
		err(1, "modify_ldt");
}

static void *map(u64 addr, size_t size, int prot)
{
	void *p = mmap((void *)addr, size, prot,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);

	if (p != (void *)addr)
		err(1, "mmap");
	return p;
}

/* Whatever a case does by mistake, it opens, starts and ends nothing. */
void native_sandbox(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 6, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static struct sock_fprog prog = { ARRAY_SIZE(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		err(1, "seccomp");
}

void native_init(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	static u8 alt_stack[65536];
	stack_t ss = { .ss_sp = alt_stack, .ss_size = sizeof(alt_stack) };
	struct sigaction sa = { .sa_sigaction = native_signal_entry,
				.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	unsigned int i;

	map(NATIVE_CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
	memset((void *)NATIVE_CODE, 0xcc, 4096);
	map(NATIVE_DATA, NATIVE_SIZE, PROT_READ | PROT_WRITE);
	segment(0, NATIVE_CODE, 0xfff, MODIFY_LDT_CONTENTS_CODE);
	segment(1, NATIVE_DATA, NATIVE_16_LIMIT, MODIFY_LDT_CONTENTS_DATA);
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, NATIVE_GS_BASE))
		err(1, "arch_prctl");
	asm volatile("fninit; fxsave64 native_fx_init(%rip)");
	sigaltstack(&ss, NULL);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

/* What follows the instruction, and what is at the target: a jump back. */
static void put_exit(u8 *at, enum native_mode mode, const char *exit)
{
	u32 dest = (u32)(u64)exit;
	u16 sel = 0x33;

	if (mode == NATIVE_LONG) {
		dest -= (u32)(u64)at + 5;
		*at++ = 0xe9;
		memcpy(at, &dest, 4);
		return;
	}
	if (mode == NATIVE_16)
		*at++ = 0x66;
	*at++ = 0xea;
	memcpy(at, &dest, 4);
	memcpy(at + 4, &sel, 2);
}

enum native_end native_run(enum native_mode mode, struct native_regs *io, const u8 *insn,
			   unsigned int len, bool vec, bool x87, struct native_fault *fault)
{
	static enum native_mode target_mode = -1;
	u8 *code = (u8 *)NATIVE_INSN;

	memcpy(code, insn, len);
	put_exit(code + len, mode, native_exit_next);
	if (mode != target_mode) {
		unsigned int data = mode == NATIVE_16 ? NATIVE_DS16 : 0x2b;

		put_exit((u8 *)NATIVE_TARGET, mode, native_exit_branch);
		asm volatile("mov %0, %%ds; mov %0, %%es" : : "r"(data));
		target_mode = mode;
	}
	native_flags = vec | x87 << 1;
	memcpy(&native_io, io, offsetof(struct native_regs, vec));
	if (vec)
		memcpy(native_io.vec, io->vec, sizeof(io->vec));
	if (x87)
		memcpy(native_io.fx, io->fx, sizeof(io->fx));
	if (mode == NATIVE_LONG) {
		native_call(native_enter_64);
	} else {
		native_far.off = mode == NATIVE_16 ? NATIVE_INSN - NATIVE_CODE : NATIVE_INSN;
		native_far.sel = mode == NATIVE_16 ? NATIVE_CS16 : 0x23;
		native_call(native_enter_far);
	}
	memcpy(io, &native_io, offsetof(struct native_regs, vec));
	if (vec)
		memcpy(io->vec, native_io.vec, sizeof(io->vec));
	if (x87)
		memcpy(io->fx, native_io.fx, sizeof(io->fx));
	*fault = last_fault;
	return native_how;
}
