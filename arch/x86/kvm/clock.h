/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest time: TSC offset and ratio, kvmclock.
 */
#ifndef KVM_X86_CLOCK_H
#define KVM_X86_CLOCK_H

#include "backend.h"

int kvm_clock_init(void); /* module load: default TSC rate, host clock notifier */
void kvm_clock_exit(void);
void kvm_clock_init_vm(struct kvm *kvm);
void kvm_clock_destroy_vm(struct kvm *kvm);
void kvm_clock_init_vcpu(struct kvm_vcpu *vcpu); /* after it has become visible */
void kvm_clock_vcpu_load(struct kvm_vcpu *vcpu, int cpu); /* preemption off */
void kvm_clock_vcpu_put(struct kvm_vcpu *vcpu);
void kvm_clock_vcpu_reset(struct kvm_vcpu *vcpu);
long kvm_clock_pairing(struct kvm_vcpu *vcpu, gpa_t gpa, unsigned long type);
/* KVM_REQ_CLOCK_UPDATE: write the guest's page; may sleep, SRCU held. */
void kvm_clock_update(struct kvm_vcpu *vcpu);
/* The guest's TSC for a host TSC, and the host's for a guest's. */
u64 kvm_guest_tsc(struct kvm_vcpu *vcpu, u64 host_tsc);
u64 kvm_scale_tsc(struct kvm_vcpu *vcpu, u64 tsc);
/* MSR_IA32_TSC, MSR_IA32_TSC_ADJUST, MSR_KVM_*: 0, KVM_MSR_GP, KVM_MSR_UNKNOWN */
int kvm_clock_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *data, bool host);
int kvm_clock_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 data, bool host);

#endif /* KVM_X86_CLOCK_H */
