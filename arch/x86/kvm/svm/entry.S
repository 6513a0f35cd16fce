/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into the guest and out again (APM vol. 2, 15.5 and 15.6).
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/asm-offsets.h>
#include <asm/cpufeatures.h>
#include <asm/errno.h>
#include <asm/nospec-branch.h>
#include "kvm-asm-offsets.h"
#include "spec_ctrl.h"

.section .noinstr.text, "ax"

/*
 * int svm_enter_guest(struct vcpu_svm *svm)
 *
 * IRQs off, GIF 0.  VMRUN itself switches RIP, RSP, RAX, RFLAGS, the control registers, and the segments that every
 * processor mode needs; VMLOAD and VMSAVE FS, GS, TR, LDTR and the system call MSRs; the rest of the general registers
 * is ours.  RFLAGS.IF of the host decides whether its interrupts cause an exit, so it is set around VMRUN: none can
 * arrive before that, as GIF is 0.
 *
 * Until VMLOAD of the host's state, GS and with it all per-CPU data are the guest's.
 *
 * Returns 0, or -EIO when SVM was switched off (the host reboots).
 */
SYM_FUNC_START(svm_enter_guest)
	push %rbp
	push %r15
	push %r14
	push %r13
	push %r12
	push %rbx
	push %rdi

	/* The guest's SPEC_CTRL, unless the hardware switches it or there is none. */
	ALTERNATIVE_2 "", \
		"jmp .Lguest_spec_ctrl", X86_FEATURE_MSR_SPEC_CTRL, \
		"", X86_FEATURE_V_SPEC_CTRL
.Lspec_ctrl_is_guest:

	mov SVM_vmcb_pa(%rdi), %rax
1:	vmload %rax

	mov VCPU_rcx(%rdi), %rcx
	mov VCPU_rdx(%rdi), %rdx
	mov VCPU_rbx(%rdi), %rbx
	mov VCPU_rbp(%rdi), %rbp
	mov VCPU_rsi(%rdi), %rsi
	mov VCPU_r8(%rdi), %r8
	mov VCPU_r9(%rdi), %r9
	mov VCPU_r10(%rdi), %r10
	mov VCPU_r11(%rdi), %r11
	mov VCPU_r12(%rdi), %r12
	mov VCPU_r13(%rdi), %r13
	mov VCPU_r14(%rdi), %r14
	mov VCPU_r15(%rdi), %r15
	mov VCPU_rdi(%rdi), %rdi

	VM_CLEAR_CPU_BUFFERS
	sti
	nop	/* STI's shadow ends: TCG would carry it into the guest */
2:	vmrun %rax
.Lafter_vmrun:
	cli

3:	vmsave %rax
.Lafter_vmsave:
	/* RAX, RSP and RIP are in the VMCB. */
	mov (%rsp), %rax
	mov %rcx, VCPU_rcx(%rax)
	mov %rdx, VCPU_rdx(%rax)
	mov %rbx, VCPU_rbx(%rax)
	mov %rbp, VCPU_rbp(%rax)
	mov %rsi, VCPU_rsi(%rax)
	mov %rdi, VCPU_rdi(%rax)
	mov %r8, VCPU_r8(%rax)
	mov %r9, VCPU_r9(%rax)
	mov %r10, VCPU_r10(%rax)
	mov %r11, VCPU_r11(%rax)
	mov %r12, VCPU_r12(%rax)
	mov %r13, VCPU_r13(%rax)
	mov %r14, VCPU_r14(%rax)
	mov %r15, VCPU_r15(%rax)

	mov %rax, %rdi
	mov SVM_host_vmcb_pa(%rdi), %rax
4:	vmload %rax
.Lhost_is_back:

	/* The guest's values must not steer what is speculated from here on. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT

	xor %ecx, %ecx
	xor %edx, %edx
	xor %ebx, %ebx
	xor %ebp, %ebp
	xor %esi, %esi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d

	ALTERNATIVE_2 "", \
		"jmp .Lhost_spec_ctrl", X86_FEATURE_MSR_SPEC_CTRL, \
		"", X86_FEATURE_V_SPEC_CTRL
.Lspec_ctrl_is_host:

	/* No RET before here: the return predictors are the guest's until now.  May use RAX, RCX, RDX. */
	UNTRAIN_RET_VM
	CLEAR_BRANCH_HISTORY_VMEXIT

	xor %eax, %eax
.Lout:
	pop %rdi
	pop %rbx
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	pop %rbp
	RET

.Lguest_spec_ctrl:
	GUEST_SPEC_CTRL SVM_spec_ctrl(%rdi), .Lspec_ctrl_is_guest

.Lhost_spec_ctrl:
	HOST_SPEC_CTRL SVM_spec_ctrl(%rdi), SVM_spec_ctrl_open(%rdi), .Lspec_ctrl_is_host

	/*
	 * SVM was switched off by a reboot in progress.  Before VMLOAD of the guest's state nothing has happened; later,
	 * GS is not ours and only the instructions that would have brought it back are left to try.
	 */
.Lno_svm_before:
	mov $-EIO, %eax
	jmp .Lout
	_ASM_EXTABLE(1b, .Lno_svm_before)
	_ASM_EXTABLE(2b, .Lafter_vmrun)
	_ASM_EXTABLE(3b, .Lafter_vmsave)
	_ASM_EXTABLE(4b, .Lhost_is_back)
SYM_FUNC_END(svm_enter_guest)
