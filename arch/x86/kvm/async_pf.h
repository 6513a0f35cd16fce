/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asynchronous page faults (MSR_KVM_ASYNC_PF_EN, _INT, _ACK).
 */
#ifndef KVM_X86_ASYNC_PF_H
#define KVM_X86_ASYNC_PF_H

#include "backend.h"

int kvm_async_pf_init(void);
void kvm_async_pf_exit(void);
void kvm_async_pf_vcpu_init(struct kvm_vcpu *vcpu);
void kvm_async_pf_vcpu_reset(struct kvm_vcpu *vcpu);
bool kvm_async_pf_possible(struct kvm_vcpu *vcpu);
bool kvm_async_pf_begin(struct kvm_vcpu *vcpu, gfn_t gfn, hva_t hva, bool write);
void kvm_async_pf_ready(struct kvm_vcpu *vcpu);
/* 0, KVM_MSR_GP */
int kvm_async_pf_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *data, bool host);
int kvm_async_pf_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 data, bool host);

#endif /* KVM_X86_ASYNC_PF_H */
