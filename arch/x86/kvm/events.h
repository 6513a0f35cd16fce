/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events of a vCPU: how they are raised, and how they get into the guest.
 */
#ifndef KVM_X86_EVENTS_H
#define KVM_X86_EVENTS_H

#include <asm/trapnr.h>
#include "backend.h"
#include "irqchip/irqchip.h"

/* Raise an exception; delivered at the next entry.  Combine with what is already there (double and triple faults). */
void kvm_queue_exception(struct kvm_vcpu *vcpu, u8 vector);
void kvm_queue_exception_e(struct kvm_vcpu *vcpu, u8 vector, u32 error_code);
void kvm_queue_exception_payload(struct kvm_vcpu *vcpu, u8 vector, bool has_error, u32 error_code,
				 u64 payload);
void kvm_inject_page_fault(struct kvm_vcpu *vcpu, u64 cr2, u32 error_code);
static inline void kvm_inject_gp(struct kvm_vcpu *vcpu, u32 error_code)
{
	kvm_queue_exception_e(vcpu, X86_TRAP_GP, error_code);
}

/*
 * For backends: an event whose delivery was interrupted by the exit, to be injected again first.  kvm_clear_injected()
 * first forgets what the last entry injected.
 */
void kvm_clear_injected(struct kvm_vcpu *vcpu);
void kvm_requeue_exception(struct kvm_vcpu *vcpu, u8 vector, bool has_error, u32 error_code);
void kvm_requeue_irq(struct kvm_vcpu *vcpu, u8 vector, bool soft);
void kvm_requeue_nmi(struct kvm_vcpu *vcpu);

/* An NMI arrives from anywhere (ioctl, IPI, PIT through LINT0/1, MSI).  Any context. */
void kvm_inject_nmi(struct kvm_vcpu *vcpu);

/**
 * kvm_events_inject() - bring the next event into the guest
 * @vcpu: current, IRQs off, KVM_REQ_EVENT just cleared
 *
 * Writes a deferred payload, asks for windows, takes an interrupt from the controllers.
 * Return: 0, or -EAGAIN: entry is impossible before the outer loop has looked (triple fault, INIT)
 */
int kvm_events_inject(struct kvm_vcpu *vcpu);

/* Is an interrupt, NMI ... deliverable or waiting: reasons for a halted vCPU to run. */
bool kvm_vcpu_has_events(struct kvm_vcpu *vcpu);
/* Could KVM_INTERRUPT be used now: run->ready_for_interrupt_injection. */
bool kvm_ready_for_user_irq(struct kvm_vcpu *vcpu);

/* The VMM asked to be told when KVM_INTERRUPT would work. */
static inline bool kvm_user_wants_irq_window(struct kvm_vcpu *vcpu)
{
	return !kvm_irqchip_full(vcpu->kvm) && READ_ONCE(vcpu->run->request_interrupt_window);
}

/* DR6/CR2 of an exception with payload are written to the register now (delivery or KVM_GET_VCPU_EVENTS without the cap). */
void kvm_deliver_payload(struct kvm_vcpu *vcpu, struct kvm_exception *e);

#endif /* KVM_X86_EVENTS_H */
