/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model-specific registers: one table row each (msr_table.def), and policy.
 */
#ifndef KVM_X86_MSR_H
#define KVM_X86_MSR_H

#include "backend.h"

#define KVM_MSR_GP 1 /* answer besides 0 and KVM_MSR_UNKNOWN: #GP(0) */

/**
 * kvm_msr_read() / kvm_msr_write() - one MSR of a vCPU
 * @host: the VMM asks (KVM_GET/SET_MSRS): no permission of the guest's CPUID is needed, read-only ones may be set up
 * Return: 0, KVM_MSR_GP, KVM_MSR_UNKNOWN
 */
int kvm_msr_read(struct kvm_vcpu *vcpu, u32 index, u64 *data, bool host);
int kvm_msr_write(struct kvm_vcpu *vcpu, u32 index, u64 data, bool host);

/*
 * RDMSR and WRMSR of the guest, with filter and ignore_msrs: 0, KVM_MSR_GP, KVM_MSR_UNKNOWN, KVM_MSR_FILTERED.  May
 * sleep, SRCU held.
 */
#define KVM_MSR_FILTERED 3
int kvm_msr_guest_read(struct kvm_vcpu *vcpu, u32 index, u64 *data);
int kvm_msr_guest_write(struct kvm_vcpu *vcpu, u32 index, u64 data);
/*
 * After one of these has failed with @r: has the VMM asked for such failures (KVM_CAP_X86_USER_SPACE_MSR)?  Then kvm_run is
 * filled in, and the caller sets vcpu->arch.io.complete and returns KVM_TO_USER.
 */
bool kvm_msr_user_space(struct kvm_vcpu *vcpu, u32 index, u64 data, bool write, int r);

/* Does the VMM's filter let the guest read/write this MSR?  Any context. */
bool kvm_msr_allowed(struct kvm_vcpu *vcpu, u32 index, bool write);

/* When the guest may use an MSR without an exit, as long as the VMM's filter lets it. */
enum kvm_msr_open {
	KVM_OPEN_RW,
	KVM_OPEN_SPEC_CTRL, /* once the guest uses it */
	KVM_OPEN_PRED_CMD, /* writing only, when its CPUID has IBPB */
	KVM_OPEN_FLUSH_CMD, /* writing only, when its CPUID has it */
};

struct kvm_open_msr {
	u32 index;
	enum kvm_msr_open when;
};

/**
 * kvm_open_msrs() - bring a permission map up to date: the filter, CPUID or the use of SPEC_CTRL changed
 * @vcpu: current, or not yet running
 * @msrs: the MSRs that need not exit
 * @nr: how many
 * @spec_ctrl_used: the guest uses SPEC_CTRL
 * @assign: sets in the map what exits
 * @map: its argument
 * Context: RCU or SRCU held
 */
void kvm_open_msrs(struct kvm_vcpu *vcpu, const struct kvm_open_msr *msrs, unsigned int nr,
		   bool spec_ctrl_used,
		   void (*assign)(void *map, u32 index, bool read_exits, bool write_exits),
		   void *map);

/* Has the guest's CPUID anything that SPEC_CTRL is for, or the barrier of PRED_CMD? */
bool kvm_guest_has_spec_ctrl(struct kvm_vcpu *vcpu);
bool kvm_guest_has_ibpb(struct kvm_vcpu *vcpu);

/* Module load: which of the table's MSRs does this host support; builds the index lists. */
int kvm_msr_init(void);
void kvm_msr_vcpu_reset(struct kvm_vcpu *vcpu, bool init);
void kvm_msr_filter_free(struct kvm *kvm);

/* mce.c */
int kvm_mce_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *data, bool host);
int kvm_mce_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 data, bool host);

#endif /* KVM_X86_MSR_H */
