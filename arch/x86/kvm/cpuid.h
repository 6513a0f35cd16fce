/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID: what is offered (cpuid_features.def, a pure policy), what a vCPU was given, what follows from it.
 */
#ifndef KVM_X86_CPUID_H
#define KVM_X86_CPUID_H

#include <asm/cpufeatures.h>
#include "backend.h"

/*
 * Feature numbers are the kernel's X86_FEATURE_*.  kvm_cpu_cap_has(): offered by this host under this module;
 * guest_cpuid_has(): in the vCPU's table and offered.
 */
bool kvm_cpu_cap_has(unsigned int feature);
/* Backends, before registration completes: what depends on the vendor's hardware. */
void kvm_cpu_cap_set(unsigned int feature);
void kvm_cpu_cap_clear(unsigned int feature);
int kvm_cpuid_init(void); /* module load, before the backend's adjustments */
void kvm_cpuid_set_guest_phys_bits(u8 bits); /* what the backend's tables map */

bool guest_cpuid_has(struct kvm_vcpu *vcpu, unsigned int feature);

/**
 * kvm_cpuid_lookup() - what CPUID of @function, @index gives the guest now
 * Applies the run-time parts (OSXSAVE, APIC bit, OSPKE, XSAVE sizes, MWAIT) and the vendor's out-of-range rule.
 * Context: IRQs may be off
 */
void kvm_cpuid_lookup(struct kvm_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
struct kvm_cpuid_entry2 *kvm_find_cpuid_entry(struct kvm_vcpu *vcpu, u32 function, u32 index);
/* CR4, XCR0, APIC base, MISC_ENABLE changed: update the run-time parts. */
void kvm_cpuid_runtime_update(struct kvm_vcpu *vcpu);
/* Power-up: what holds for a vCPU that has no table yet. */
void kvm_cpuid_reset(struct kvm_vcpu *vcpu);
void kvm_cpuid_free(struct kvm_vcpu *vcpu);

/* A KVM_FEATURE_* of the PV leaf that the guest may use: always without KVM_CAP_ENFORCE_PV_FEATURE_CPUID. */
bool guest_pv_has(struct kvm_vcpu *vcpu, unsigned int kvm_feature);

static inline bool kvm_gpa_is_legal(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	return !(gpa >> vcpu->arch.cpuid.maxphyaddr);
}

#endif /* KVM_X86_CPUID_H */
