// SPDX-License-Identifier: GPL-2.0-only
/*
 * Structure offsets for the entry assembly: compiled to kvm-asm-offsets.h, never linked.
 */
#define COMPILE_OFFSETS

#include <linux/kbuild.h>
#include "svm/svm.h"
#include "vmx/vmx.h"

static void __used common(void)
{
	BLANK();
	OFFSET(VCPU_cr2, kvm_vcpu, arch.cr2);
	OFFSET(VCPU_rax, kvm_vcpu, arch.regs[VCPU_RAX]);
	OFFSET(VCPU_rcx, kvm_vcpu, arch.regs[VCPU_RCX]);
	OFFSET(VCPU_rdx, kvm_vcpu, arch.regs[VCPU_RDX]);
	OFFSET(VCPU_rbx, kvm_vcpu, arch.regs[VCPU_RBX]);
	OFFSET(VCPU_rbp, kvm_vcpu, arch.regs[VCPU_RBP]);
	OFFSET(VCPU_rsi, kvm_vcpu, arch.regs[VCPU_RSI]);
	OFFSET(VCPU_rdi, kvm_vcpu, arch.regs[VCPU_RDI]);
	OFFSET(VCPU_r8, kvm_vcpu, arch.regs[VCPU_R8]);
	OFFSET(VCPU_r9, kvm_vcpu, arch.regs[VCPU_R9]);
	OFFSET(VCPU_r10, kvm_vcpu, arch.regs[VCPU_R10]);
	OFFSET(VCPU_r11, kvm_vcpu, arch.regs[VCPU_R11]);
	OFFSET(VCPU_r12, kvm_vcpu, arch.regs[VCPU_R12]);
	OFFSET(VCPU_r13, kvm_vcpu, arch.regs[VCPU_R13]);
	OFFSET(VCPU_r14, kvm_vcpu, arch.regs[VCPU_R14]);
	OFFSET(VCPU_r15, kvm_vcpu, arch.regs[VCPU_R15]);
}

static void __used svm(void)
{
	BLANK();
	OFFSET(SVM_vmcb_pa, vcpu_svm, vmcb_pa);
	OFFSET(SVM_host_vmcb_pa, vcpu_svm, host_vmcb_pa);
	OFFSET(SVM_spec_ctrl, vcpu_svm, spec_ctrl);
	OFFSET(SVM_spec_ctrl_open, vcpu_svm, spec_ctrl_open);
}

static void __used vmx(void)
{
	BLANK();
	DEFINE(VMCS_HOST_RSP, HOST_RSP);
	OFFSET(VMX_host_rsp, vcpu_vmx, host_rsp);
	OFFSET(VMX_launched, vcpu_vmx, launched);
	OFFSET(VMX_spec_ctrl, vcpu_vmx, spec_ctrl);
	OFFSET(VMX_spec_ctrl_open, vcpu_vmx, spec_ctrl_open);
}
