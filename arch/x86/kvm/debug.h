/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug registers, single-stepping, breakpoints of the VMM.
 */
#ifndef KVM_X86_DEBUG_H
#define KVM_X86_DEBUG_H

#include "backend.h"

#define KVM_DR6_FIXED_1 0xfffe0ff0UL
#define KVM_DR6_ACTIVE_LOW 0xffff0ff0UL
#define KVM_DR6_VOLATILE 0x0001e80fUL
#define KVM_DR7_FIXED_1 0x00000400UL
#define KVM_DR7_BP_EN_MASK 0x000000ffUL
#define KVM_DR7_GD BIT(13)
#define KVM_DR7_VOLATILE 0xffff2bffUL

/* What KVM_SET_GUEST_DEBUG knows, and KVM_CAP_SET_GUEST_DEBUG2 says. */
#define KVM_GUESTDBG_FLAGS                                                          \
	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP |   \
	 KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP | \
	 KVM_GUESTDBG_BLOCKIRQ)

/* MOV DRn: 0, 1 for #GP(0); the caller has handled CR4.DE and DR7.GD. */
int kvm_set_dr(struct kvm_vcpu *vcpu, int dr, unsigned long val);
unsigned long kvm_get_dr(struct kvm_vcpu *vcpu, int dr);
/* DR7 and DR0-3 that hardware must have while the guest runs: the VMM's when it uses breakpoints, else the guest's. */
unsigned long kvm_effective_dr7(struct kvm_vcpu *vcpu);
const unsigned long *kvm_effective_db(struct kvm_vcpu *vcpu);
/*
 * DR0-3, which no VMCB or VMCS has.  A guest that does not use debug registers costs nothing: accesses exit.  At the first
 * one the guest's values go into the hardware and accesses are free until the vCPU is put.  While the VMM debugs with
 * hardware breakpoints, its own are in force and the guest's accesses are emulated.  Preemption off, the vCPU loaded.
 *
 * kvm_dbs_give(): the guest accesses a debug register: let it have them; false: the VMM has them, emulate the access.
 * kvm_dbs_load(): before the inner loop, the vCPU freshly loaded: breakpoints that are enabled must be in the hardware.
 * kvm_dbs_unload(): the vCPU is put, or the host has breakpoints of its own, which every exit has switched off (DR7).
 *	Returns whether the guest had the registers.
 * kvm_dbs_changed(): vcpu->arch.debug changed: those in the hardware are not right any more, and accesses exit again.
 * kvm_dbs_sync(): the guest's from where they are into vcpu->arch.debug.
 */
bool kvm_dbs_give(struct kvm_vcpu *vcpu);
void kvm_dbs_load(struct kvm_vcpu *vcpu);
bool kvm_dbs_unload(struct kvm_vcpu *vcpu);
void kvm_dbs_changed(struct kvm_vcpu *vcpu);
void kvm_dbs_sync(struct kvm_vcpu *vcpu);
/* RFLAGS as the guest shall see it while the VMM single-steps, and the reverse. */
unsigned long kvm_get_rflags(struct kvm_vcpu *vcpu);
void kvm_set_rflags(struct kvm_vcpu *vcpu, unsigned long rflags);
/* #DB or #BP was intercepted: KVM_TO_USER with KVM_EXIT_DEBUG when the VMM asked for it, else KVM_AGAIN: inject it. */
int kvm_handle_debug_exception(struct kvm_vcpu *vcpu, u8 vector, unsigned long dr6_bits);
/* An instruction was emulated or skipped: single-step trap to the guest or to the VMM. */
int kvm_emulated_step(struct kvm_vcpu *vcpu);

#endif /* KVM_X86_DEBUG_H */
