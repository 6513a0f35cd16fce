/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Extended processor state: the guest's FPU image, XCR0, XSS, PKRU.
 */
#ifndef KVM_X86_XSAVE_H
#define KVM_X86_XSAVE_H

#include "backend.h"

int kvm_xsave_init(void); /* module load: host XCR0, supported components */
extern u64 kvm_host_xcr0;
extern u64 kvm_supported_xcr0;
extern u64 kvm_supported_xss;

int kvm_fpu_create(struct kvm_vcpu *vcpu);
void kvm_fpu_destroy(struct kvm_vcpu *vcpu);
void kvm_fpu_reset(struct kvm_vcpu *vcpu, bool init);
/* Begin and end of KVM_RUN: the guest's FPU registers are in hardware in between. */
void kvm_fpu_load_guest(struct kvm_vcpu *vcpu);
void kvm_fpu_put_guest(struct kvm_vcpu *vcpu);
/* Around the inner loop, IRQs off: XCR0, XSS, PKRU. */
void kvm_xsave_enter_guest(struct kvm_vcpu *vcpu);
void kvm_xsave_leave_guest(struct kvm_vcpu *vcpu);
/* XSETBV: 0 or 1 (#GP) */
int kvm_set_xcr(struct kvm_vcpu *vcpu, u32 index, u64 xcr);
/* Size of the uabi buffer of KVM_GET_XSAVE2: KVM_CAP_XSAVE2's answer. */
int kvm_xsave2_size(struct kvm *kvm);

#endif /* KVM_X86_XSAVE_H */
