/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one queue of events of a vCPU, and the rules by which the next one is chosen.  Pure.
 *
 * An event goes through two stages.  Pending: it shall happen when the guest's state allows.  Injected: its delivery has
 * begun, the processor has been told; if delivery is interrupted by an exit, it is injected again before anything else.
 * (SDM vol. 3A, 6.9 and 6.15; APM vol. 2, 8.2, 8.5 and 15.20.)
 */
#ifndef KVM_X86_EVENTS_CORE_H
#define KVM_X86_EVENTS_CORE_H

#include "pure.h"

/**
 * struct kvm_exception - one exception on its way
 * @vector: 0 to 31
 * @has_error_code: @error_code is pushed
 * @has_payload: @payload is the new CR2 (#PF) or the bits to set in DR6 (#DB), not yet written to the register
 * @pending: shall happen
 * @injected: delivery has begun
 */
struct kvm_exception {
	bool pending;
	bool injected;
	bool has_error_code;
	bool has_payload;
	u8 vector;
	u32 error_code;
	u64 payload;
};

enum kvm_nmi_queue {
	KVM_NMI_NONE,
	KVM_NMI_QUEUED,
	KVM_NMI_FULL,
};

/**
 * struct kvm_event_queue - all events of a vCPU
 * @exception: at most one; a second one makes a double fault, a third a triple fault
 * @triple_fault: shut down at the next look
 * @irq_injected: delivery of interrupt @irq_vector has begun
 * @irq_soft: it is an INT n (@irq_vector), with the instruction still at RIP
 * @irq_vector: see @irq_injected
 * @nmi_injected: delivery of an NMI has begun
 * @nmi_pending: NMIs that shall happen, 0 to 2
 * @nmi_queued: enum kvm_nmi_queue: has an NMI arrived that was not looked at yet, or would another one be lost?  The only
 *	field that other threads change (atomic), and only from KVM_NMI_NONE to KVM_NMI_QUEUED
 * @smi_pending: an SMI shall happen
 */
struct kvm_event_queue {
	struct kvm_exception exception;
	bool triple_fault;
	bool irq_injected;
	bool irq_soft;
	u8 irq_vector;
	bool nmi_injected;
	u8 nmi_pending;
	bool smi_pending;
	int nmi_queued;
};

/* Which class of event comes next. */
enum kvm_event_kind {
	KVM_EVENT_NONE,
	KVM_EVENT_TRIPLE_FAULT,
	KVM_EVENT_REINJECT_EXCEPTION,
	KVM_EVENT_REINJECT_NMI,
	KVM_EVENT_REINJECT_IRQ,
	KVM_EVENT_EXCEPTION,
	KVM_EVENT_SMI,
	KVM_EVENT_NMI,
	KVM_EVENT_IRQ,
};

/**
 * struct kvm_event_env - what the guest's state allows now
 * @nmi_allowed: no NMI is being handled, no shadow
 * @smi_allowed: not in SMM, no shadow
 * @irq_allowed: RFLAGS.IF, no shadow
 * @irq_pending: an interrupt controller has something to deliver
 */
struct kvm_event_env {
	bool nmi_allowed;
	bool smi_allowed;
	bool irq_allowed;
	bool irq_pending;
};

/**
 * struct kvm_event_plan - what to do at this entry
 * @kind: what to inject
 * @want_nmi_window: an NMI has to wait: exit when it becomes possible
 * @want_irq_window: likewise an interrupt
 * @want_smi_window: likewise an SMI
 */
struct kvm_event_plan {
	enum kvm_event_kind kind;
	bool want_nmi_window;
	bool want_irq_window;
	bool want_smi_window;
};

/* How an exception's vector combines with others, SDM vol. 3A, table 6-5. */
enum kvm_exception_class {
	KVM_EXC_BENIGN,
	KVM_EXC_CONTRIBUTORY,
	KVM_EXC_PF,
	KVM_EXC_DF,
};

enum kvm_exception_class kvm_exception_class(u8 vector);
bool kvm_exception_has_error_code(u8 vector, bool protected_mode);

/**
 * kvm_events_queue_exception() - an exception was raised while @q holds perhaps another one
 * @q: the queue
 * @e: the new exception; its pending and injected members are ignored
 * Return: true when the result is a triple fault
 */
bool kvm_events_queue_exception(struct kvm_event_queue *q, const struct kvm_exception *e);

/**
 * kvm_events_plan() - choose what is injected at this entry, and for which windows to ask
 * @q: the queue; not changed
 * @env: what the guest's state allows
 */
struct kvm_event_plan kvm_events_plan(const struct kvm_event_queue *q,
				      const struct kvm_event_env *env);

static inline bool kvm_events_reinject(const struct kvm_event_queue *q)
{
	return q->exception.injected || q->nmi_injected || q->irq_injected;
}

#endif /* KVM_X86_EVENTS_CORE_H */
