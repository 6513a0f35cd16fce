/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steal time, and who is preempted.
 */
#ifndef KVM_X86_STEAL_H
#define KVM_X86_STEAL_H

#include "backend.h"

/* KVM_REQ_STEAL_UPDATE: write the guest's area; may sleep, SRCU held. */
void kvm_steal_update(struct kvm_vcpu *vcpu);
/* Preemption off */
void kvm_steal_vcpu_load(struct kvm_vcpu *vcpu);
void kvm_steal_vcpu_put(struct kvm_vcpu *vcpu);
void kvm_steal_vcpu_reset(struct kvm_vcpu *vcpu);
/* MSR_KVM_STEAL_TIME: 0, KVM_MSR_GP */
int kvm_steal_get_msr(struct kvm_vcpu *vcpu, u64 *data, bool host);
int kvm_steal_set_msr(struct kvm_vcpu *vcpu, u64 data, bool host);

#endif /* KVM_X86_STEAL_H */
