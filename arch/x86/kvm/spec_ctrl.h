/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPEC_CTRL around a guest whose processor does not switch it: both sides' halves, for the backends' entry.S.
 */
#ifndef KVM_X86_SPEC_CTRL_H
#define KVM_X86_SPEC_CTRL_H

#include <asm/msr-index.h>
#include <asm/percpu.h>

/* @value: the guest's, in memory.  Uses RAX, RCX, RDX. */
.macro GUEST_SPEC_CTRL value:req, done:req
	mov \value, %rax
	mov PER_CPU_VAR(x86_spec_ctrl_current), %rdx
	cmp %rax, %rdx
	je \done
	mov $MSR_IA32_SPEC_CTRL, %ecx
	mov %rax, %rdx
	shr $32, %rdx
	wrmsr
	jmp \done
.endm

/* @open: a byte: the guest may have written it.  Uses RAX, RCX, RDX. */
.macro HOST_SPEC_CTRL value:req, open:req, done:req
	mov \value, %rax
	cmpb $0, \open
	je .Lcompare\@
	mov $MSR_IA32_SPEC_CTRL, %ecx
	rdmsr
	shl $32, %rdx
	or %rdx, %rax
	mov %rax, \value
.Lcompare\@:
	mov PER_CPU_VAR(x86_spec_ctrl_current), %rdx
	cmp %rax, %rdx
	je .Lfence\@
	mov $MSR_IA32_SPEC_CTRL, %ecx
	mov %edx, %eax
	shr $32, %rdx
	wrmsr
	jmp \done
.Lfence\@:
	/* WRMSR serializes, a mispredicted jump around it does not. */
	lfence
	jmp \done
.endm

#endif /* KVM_X86_SPEC_CTRL_H */
