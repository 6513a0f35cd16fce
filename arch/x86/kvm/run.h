/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The run loop, and the exit handlers that belong to no vendor.
 *
 * Handlers return a tier (enum kvm_tier) or an errno.  Those named _fast are for the inner loop: IRQs off; KVM_AGAIN
 * means "not done, nothing changed: take the slow handler".
 */
#ifndef KVM_X86_RUN_H
#define KVM_X86_RUN_H

#include <linux/entry-kvm.h>
#include "backend.h"

/**
 * kvm_inner_loop_continue() - may the backend's inner loop enter again?
 * @vcpu: current, IRQs off
 *
 * Tests the pending word and the thread's; a lone KVM_REQ_EVENT is served on the spot.
 */
bool kvm_inner_loop_serve(struct kvm_vcpu *vcpu);

static inline bool kvm_inner_loop_continue(struct kvm_vcpu *vcpu)
{
	if (likely(!READ_ONCE(vcpu->requests) && !(read_thread_flags() & XFER_TO_GUEST_MODE_WORK)))
		return true;
	return kvm_inner_loop_serve(vcpu);
}

int kvm_emulate_cpuid(struct kvm_vcpu *vcpu); /* fast: IRQs may be off */
int kvm_emulate_hypercall_fast(struct kvm_vcpu *vcpu);
int kvm_emulate_hypercall(struct kvm_vcpu *vcpu);
int kvm_emulate_rdmsr_fast(struct kvm_vcpu *vcpu);
int kvm_emulate_wrmsr_fast(struct kvm_vcpu *vcpu);
int kvm_emulate_rdmsr(struct kvm_vcpu *vcpu);
int kvm_emulate_wrmsr(struct kvm_vcpu *vcpu);
int kvm_emulate_halt_fast(struct kvm_vcpu *vcpu); /* an event is pending: go on */
int kvm_emulate_halt(struct kvm_vcpu *vcpu);
int kvm_emulate_xsetbv(struct kvm_vcpu *vcpu);
int kvm_emulate_wbinvd(struct kvm_vcpu *vcpu);
void kvm_wbinvd(struct kvm_vcpu *vcpu);
int kvm_emulate_invd(struct kvm_vcpu *vcpu);
int kvm_emulate_monitor(struct kvm_vcpu *vcpu);
int kvm_emulate_mwait(struct kvm_vcpu *vcpu);
int kvm_emulate_rdpmc(struct kvm_vcpu *vcpu);
int kvm_emulate_invalid_op(struct kvm_vcpu *vcpu); /* #UD */
int kvm_emulate_pause(struct kvm_vcpu *vcpu); /* spinning: yield */
int kvm_handle_triple_fault(struct kvm_vcpu *vcpu);
void kvm_take_machine_check(void);

/**
 * struct kvm_task_switch - a task switch that the processor leaves to us
 * @selector: of the incoming task's TSS
 * @reason: enum emul_task_reason, which is also the order of VMX's exit qualification
 * @by_insn: an instruction (JMP, CALL, IRET; through a gate INT n, INT3, INTO) that is over with the switch
 * @insn_len: its length, 0 when the processor does not say
 * @set_rf: RFLAGS.RF is set in what the old task's TSS gets
 * @has_error: an error code goes onto the new task's stack
 * @error: the error code
 */
struct kvm_task_switch {
	u16 selector;
	u8 reason;
	bool by_insn;
	u8 insn_len;
	bool set_rf;
	bool has_error;
	u32 error;
};

int kvm_task_switch(struct kvm_vcpu *vcpu, const struct kvm_task_switch *ts);

/* State and last exits of a vCPU that failed, to the log: once for each exit, and rate-limited.  May sleep. */
void kvm_report(struct kvm_vcpu *vcpu);
/* KVM_EXIT_INTERNAL_ERROR with data words and a report in the log: KVM_TO_USER. */
int kvm_internal_error(struct kvm_vcpu *vcpu, u32 suberror, unsigned int ndata, const u64 *data);
/* An exit the backend did not ask for or does not know: KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON. */
int kvm_unexpected_exit(struct kvm_vcpu *vcpu, u64 reason);
/* The entry itself failed: KVM_EXIT_FAIL_ENTRY. */
int kvm_fail_entry(struct kvm_vcpu *vcpu, u64 hardware_reason);

#endif /* KVM_X86_RUN_H */
