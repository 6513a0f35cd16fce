// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which event comes next.  Pure; see events_core.h.
 */
#include "events_core.h"

enum {
	EXC_DE = 0,
	EXC_DF = 8,
	EXC_TS = 10,
	EXC_NP = 11,
	EXC_SS = 12,
	EXC_GP = 13,
	EXC_PF = 14,
	EXC_AC = 17,
	EXC_CP = 21,
	EXC_VC = 29,
	EXC_SX = 30,
};

enum kvm_exception_class kvm_exception_class(u8 vector)
{
	switch (vector) {
	case EXC_PF:
		return KVM_EXC_PF;
	case EXC_DF:
		return KVM_EXC_DF;
	case EXC_DE:
	case EXC_TS:
	case EXC_NP:
	case EXC_SS:
	case EXC_GP:
	case EXC_CP:
		return KVM_EXC_CONTRIBUTORY;
	default:
		return KVM_EXC_BENIGN;
	}
}

bool kvm_exception_has_error_code(u8 vector, bool protected_mode)
{
	const u32 with_code = BIT(EXC_DF) | BIT(EXC_TS) | BIT(EXC_NP) | BIT(EXC_SS) | BIT(EXC_GP) |
			      BIT(EXC_PF) | BIT(EXC_AC) | BIT(EXC_CP) | BIT(EXC_VC) | BIT(EXC_SX);

	return protected_mode && vector < 32 && (with_code & BIT(vector));
}

/*
 * SDM vol. 3A, table 6-5.  First event (rows), second event (columns):
 *
 *			benign		contributory	page fault
 *	benign		serially	serially	serially
 *	contributory	serially	#DF		serially
 *	page fault	serially	#DF		#DF
 *	double fault	serially	shutdown	shutdown
 *
 * Serially means that the second one is delivered; the first one is raised again when its instruction is.
 */
bool kvm_events_queue_exception(struct kvm_event_queue *q, const struct kvm_exception *e)
{
	enum kvm_exception_class first, second = kvm_exception_class(e->vector);
	struct kvm_exception *cur = &q->exception;
	bool double_fault;

	if (cur->pending || cur->injected) {
		first = kvm_exception_class(cur->vector);
		if (first == KVM_EXC_DF && second != KVM_EXC_BENIGN) {
			q->triple_fault = true;
			return true;
		}
		double_fault = (first == KVM_EXC_CONTRIBUTORY && second == KVM_EXC_CONTRIBUTORY) ||
			       (first == KVM_EXC_PF && second != KVM_EXC_BENIGN);
		if (double_fault) {
			*cur = (struct kvm_exception){
				.pending = true,
				.has_error_code = true,
				.vector = EXC_DF,
			};
			return false;
		}
	}
	*cur = *e;
	cur->pending = true;
	cur->injected = false;
	return false;
}

static enum kvm_event_kind next_kind(const struct kvm_event_queue *q,
				     const struct kvm_event_env *env)
{
	if (q->triple_fault)
		return KVM_EVENT_TRIPLE_FAULT;
	/* A delivery that was interrupted goes on first ... */
	if (q->exception.injected)
		return KVM_EVENT_REINJECT_EXCEPTION;
	/* ... unless delivering it raised an exception, which comes now; the rest follows after it. */
	if (q->exception.pending)
		return KVM_EVENT_EXCEPTION;
	if (q->nmi_injected)
		return KVM_EVENT_REINJECT_NMI;
	if (q->irq_injected)
		return KVM_EVENT_REINJECT_IRQ;
	/* APM vol. 2, 8.5: of what waits at an instruction boundary, SMI before NMI before interrupts. */
	if (q->smi_pending && env->smi_allowed)
		return KVM_EVENT_SMI;
	if (q->nmi_pending && env->nmi_allowed)
		return KVM_EVENT_NMI;
	if (env->irq_pending && env->irq_allowed)
		return KVM_EVENT_IRQ;
	return KVM_EVENT_NONE;
}

struct kvm_event_plan kvm_events_plan(const struct kvm_event_queue *q,
				      const struct kvm_event_env *env)
{
	struct kvm_event_plan plan = { .kind = next_kind(q, env) };

	plan.want_smi_window = q->smi_pending && plan.kind != KVM_EVENT_SMI;
	/* Two NMIs can be pending: while the first is handled, the second waits. */
	plan.want_nmi_window = q->nmi_pending > (plan.kind == KVM_EVENT_NMI);
	plan.want_irq_window = env->irq_pending && plan.kind != KVM_EVENT_IRQ;
	return plan;
}
