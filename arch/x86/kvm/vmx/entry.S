/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into the guest and out again (SDM vol. 3C, chapters 27 and 28).
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/asm-offsets.h>
#include <asm/cpufeatures.h>
#include <asm/errno.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>
#include "kvm-asm-offsets.h"
#include "spec_ctrl.h"

.section .noinstr.text, "ax"

/*
 * int vmx_enter_guest(struct vcpu_vmx *vmx)
 *
 * IRQs off, the VMCS current.  The processor switches RIP, RSP, RFLAGS, control registers but CR2, segments and what the
 * controls say; CR2 and the general registers but RSP are switched here.  After the exit the processor continues at
 * vmx_vmexit with HOST_RSP: the stack is as it was at VMLAUNCH or VMRESUME.
 *
 * Returns 0; 1: VMfail, nothing has been entered; -EIO: VMX was switched off (the host reboots).
 */
SYM_FUNC_START(vmx_enter_guest)
	push %rbp
	push %r15
	push %r14
	push %r13
	push %r12
	push %rbx
	push %rdi

	/* The stack is as deep as the last time, mostly. */
	cmp %rsp, VMX_host_rsp(%rdi)
	jne .Lset_host_rsp
.Lhost_rsp_is_set:

	ALTERNATIVE "", "jmp .Lguest_spec_ctrl", X86_FEATURE_MSR_SPEC_CTRL
.Lspec_ctrl_is_guest:

	/* Writing CR2 is dear, and it seldom has changed. */
	mov VCPU_cr2(%rdi), %rax
	mov %cr2, %rcx
	cmp %rax, %rcx
	je .Lcr2_is_guest
	mov %rax, %cr2
.Lcr2_is_guest:

	/* CF: launched.  Neither MOV nor VERW changes CF. */
	btl $0, VMX_launched(%rdi)

	mov VCPU_rax(%rdi), %rax
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

	CLEAR_CPU_BUFFERS

	jnc .Lvmlaunch

	/*
	 * What follows is reached by the processor only, with the stack as it is here: objtool is told so by the pair of
	 * hints.
	 */
	UNWIND_HINT_SAVE

.Lvmresume:
	vmresume
	jmp .Lvmfail

.Lvmlaunch:
	vmlaunch
	jmp .Lvmfail

	_ASM_EXTABLE(.Lvmresume, .Lvmx_is_off)
	_ASM_EXTABLE(.Lvmlaunch, .Lvmx_is_off)

SYM_INNER_LABEL_ALIGN(vmx_vmexit, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR

	push %rax
	mov 8(%rsp), %rax
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
	mov %cr2, %rcx
	mov %rcx, VCPU_cr2(%rax)
	pop VCPU_rax(%rax)

	xor %ebx, %ebx
.Lclear_registers:
	/* The guest's values must not steer what is speculated from here on. */
	mov (%rsp), %rdi
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, X86_FEATURE_RSB_VMEXIT_LITE

	xor %eax, %eax
	xor %ecx, %ecx
	xor %edx, %edx
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

	/* No RET before here: the return predictors are the guest's until now. */
	ALTERNATIVE "", "jmp .Lhost_spec_ctrl", X86_FEATURE_MSR_SPEC_CTRL
.Lspec_ctrl_is_host:

	CLEAR_BRANCH_HISTORY_VMEXIT

	mov %ebx, %eax
	pop %rdi
	pop %rbx
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	pop %rbp
	RET

	/* Nothing has been entered: general registers are as they were loaded. */
.Lvmfail:
	mov $1, %ebx
	jmp .Lclear_registers

.Lvmx_is_off:
	mov $-EIO, %ebx
	jmp .Lclear_registers

.Lset_host_rsp:
	mov $VMCS_HOST_RSP, %ecx
	mov %rsp, VMX_host_rsp(%rdi)
.Lwrite_host_rsp:
	vmwrite %rsp, %rcx
	/* Were VMX off, the entry would fault as well. */
.Lhost_rsp_is_written:
	jmp .Lhost_rsp_is_set
	_ASM_EXTABLE(.Lwrite_host_rsp, .Lhost_rsp_is_written)

.Lguest_spec_ctrl:
	GUEST_SPEC_CTRL VMX_spec_ctrl(%rdi), .Lspec_ctrl_is_guest

.Lhost_spec_ctrl:
	HOST_SPEC_CTRL VMX_spec_ctrl(%rdi), VMX_spec_ctrl_open(%rdi), .Lspec_ctrl_is_host
SYM_FUNC_END(vmx_enter_guest)

/* The frame that the processor would have pushed here, but for the address, which the call of the handler pushes. */
.macro PUSH_HOST_FRAME
	push %rbp
	mov %rsp, %rbp
	and $-16, %rsp
	push $__KERNEL_DS
	push %rbp
	pushf
	push $__KERNEL_CS
.endm

/*
 * void vmx_call_nmi_handler(void)
 *
 * The host's handler of an NMI that has ended in an exit, which leaves NMIs blocked: as if it had hit here, but not on the
 * stack that NMIs have for themselves.  The handler's IRET opens them again.
 */
SYM_FUNC_START(vmx_call_nmi_handler)
	PUSH_HOST_FRAME
	call asm_exc_nmi_kvm_vmx
	/* IRET has taken the frame away. */
	mov %rbp, %rsp
	pop %rbp
	RET
SYM_FUNC_END(vmx_call_nmi_handler)

/*
 * void vmx_call_irq_handler(unsigned long entry)
 *
 * Likewise the handler of an interrupt that an exit has acknowledged.  Interrupts are off, and are off after it.
 */
SYM_FUNC_START(vmx_call_irq_handler)
	PUSH_HOST_FRAME
	CALL_NOSPEC rdi
	mov %rbp, %rsp
	pop %rbp
	RET
SYM_FUNC_END(vmx_call_irq_handler)
