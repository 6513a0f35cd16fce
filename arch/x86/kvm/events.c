// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: raising them, injecting the next one, and the ioctls that read and write the queue.
 */
#include <linux/atomic.h>
#include <asm/debugreg.h>

#include "arch.h"
#include "debug.h"
#include "events.h"
#include "io.h"
#include "ioctl.h"
#include "irqchip/irqchip.h"
#include "regs.h"
#include "run.h"
#include "trace_x86.h"

/* ---------------------------------------------------------------- raising */

static void queue_exception(struct kvm_vcpu *vcpu, const struct kvm_exception *e)
{
	struct kvm_event_queue *q = &vcpu->arch.events;

	/*
	 * Only now, when it is certain that it happens alone, may the payload of a first exception get lost: a page
	 * fault that becomes a double fault has written CR2 all the same (SDM vol. 3A, 6.15).
	 */
	if (q->exception.pending && q->exception.has_payload)
		kvm_deliver_payload(vcpu, &q->exception);
	if (kvm_events_queue_exception(q, e))
		kvm_make_request(vcpu, KVM_REQ_TRIPLE_FAULT);
	else
		kvm_make_request(vcpu, KVM_REQ_EVENT);
}

void kvm_queue_exception_payload(struct kvm_vcpu *vcpu, u8 vector, bool has_error, u32 error_code,
				 u64 payload)
{
	queue_exception(vcpu, &(struct kvm_exception){
				      .vector = vector,
				      .has_error_code = has_error && is_protmode(vcpu),
				      .error_code = error_code,
				      .has_payload = true,
				      .payload = payload,
			      });
}
EXPORT_SYMBOL_GPL(kvm_queue_exception_payload);

void kvm_queue_exception(struct kvm_vcpu *vcpu, u8 vector)
{
	queue_exception(vcpu, &(struct kvm_exception){ .vector = vector });
}
EXPORT_SYMBOL_GPL(kvm_queue_exception);

void kvm_queue_exception_e(struct kvm_vcpu *vcpu, u8 vector, u32 error_code)
{
	queue_exception(vcpu, &(struct kvm_exception){
				      .vector = vector,
				      .has_error_code = is_protmode(vcpu),
				      .error_code = error_code,
			      });
}
EXPORT_SYMBOL_GPL(kvm_queue_exception_e);

void kvm_inject_page_fault(struct kvm_vcpu *vcpu, u64 cr2, u32 error_code)
{
	kvm_queue_exception_payload(vcpu, X86_TRAP_PF, true, error_code, cr2);
}

/* events_core.c is pure and exports nothing by itself. */
EXPORT_SYMBOL_GPL(kvm_exception_has_error_code);

void kvm_deliver_payload(struct kvm_vcpu *vcpu, struct kvm_exception *e)
{
	if (!e->has_payload)
		return;
	switch (e->vector) {
	case X86_TRAP_PF:
		vcpu->arch.cr2 = e->payload;
		break;
	case X86_TRAP_DB:
		/*
		 * SDM vol. 3B, 17.2.3: bits 0 to 3 are replaced, the others only set.  RTM and BUS_LOCK are active low in
		 * DR6 and active high in the payload.
		 */
		vcpu->arch.debug.dr6 &= ~DR_TRAP_BITS;
		vcpu->arch.debug.dr6 |= e->payload | KVM_DR6_FIXED_1;
		vcpu->arch.debug.dr6 |= e->payload & ~KVM_DR6_ACTIVE_LOW;
		vcpu->arch.debug.dr6 &= ~(e->payload & KVM_DR6_ACTIVE_LOW & ~KVM_DR6_FIXED_1);
		break;
	}
	e->has_payload = false;
	e->payload = 0;
}

void kvm_clear_injected(struct kvm_vcpu *vcpu)
{
	struct kvm_event_queue *q = &vcpu->arch.events;

	q->exception.injected = false;
	q->nmi_injected = false;
	q->irq_injected = false;
}
EXPORT_SYMBOL_GPL(kvm_clear_injected);

void kvm_requeue_exception(struct kvm_vcpu *vcpu, u8 vector, bool has_error, u32 error_code)
{
	vcpu->arch.events.exception = (struct kvm_exception){
		.injected = true,
		.vector = vector,
		.has_error_code = has_error,
		.error_code = error_code,
	};
	kvm_make_request(vcpu, KVM_REQ_EVENT);
}
EXPORT_SYMBOL_GPL(kvm_requeue_exception);

void kvm_requeue_irq(struct kvm_vcpu *vcpu, u8 vector, bool soft)
{
	vcpu->arch.events.irq_injected = true;
	vcpu->arch.events.irq_soft = soft;
	vcpu->arch.events.irq_vector = vector;
	kvm_make_request(vcpu, KVM_REQ_EVENT);
}
EXPORT_SYMBOL_GPL(kvm_requeue_irq);

void kvm_requeue_nmi(struct kvm_vcpu *vcpu)
{
	vcpu->arch.events.nmi_injected = true;
	kvm_make_request(vcpu, KVM_REQ_EVENT);
}
EXPORT_SYMBOL_GPL(kvm_requeue_nmi);

void kvm_inject_nmi(struct kvm_vcpu *vcpu)
{
	/* One that would be lost does not interrupt the guest: a storm of them would let it do nothing else. */
	if (cmpxchg(&vcpu->arch.events.nmi_queued, KVM_NMI_NONE, KVM_NMI_QUEUED) != KVM_NMI_NONE)
		return;
	kvm_make_request(vcpu, KVM_REQ_NMI);
	kvm_vcpu_kick(vcpu);
}

/* ---------------------------------------------------------------- injecting */

/* One can be pending while another is being handled; more are lost, as on a real processor (APM vol. 2, 8.2.3). */
static u8 most_nmis(struct kvm_vcpu *vcpu)
{
	return kvm_x86_call(get_nmi_mask)(vcpu) || vcpu->arch.events.nmi_injected ? 1 : 2;
}

/* NMIs that arrived since the last look. */
static void take_nmis(struct kvm_vcpu *vcpu)
{
	struct kvm_event_queue *q = &vcpu->arch.events;
	u8 most;

	if (READ_ONCE(q->nmi_queued) != KVM_NMI_QUEUED)
		return;
	most = most_nmis(vcpu);
	q->nmi_pending = min_t(u8, q->nmi_pending + 1, most);
	smp_store_mb(q->nmi_queued, q->nmi_pending == most ? KVM_NMI_FULL : KVM_NMI_NONE);
}

/* There are fewer pending than before, or nobody knows. */
static void nmis_not_full(struct kvm_event_queue *q)
{
	if (READ_ONCE(q->nmi_queued) == KVM_NMI_FULL)
		WRITE_ONCE(q->nmi_queued, KVM_NMI_NONE);
}

static void inject_exception(struct kvm_vcpu *vcpu)
{
	struct kvm_exception *e = &vcpu->arch.events.exception;

	if (e->pending) {
		/* Faults but #DB and #DF save RF set (SDM vol. 3B, 17.3.1.1). */
		if (e->vector != X86_TRAP_DB && e->vector != X86_TRAP_BP &&
		    e->vector != X86_TRAP_OF && e->vector != X86_TRAP_DF &&
		    e->vector != X86_TRAP_MC)
			kvm_set_rflags(vcpu, kvm_get_rflags(vcpu) | X86_EFLAGS_RF);
		if (e->vector == X86_TRAP_DB) {
			/* Delivery of #DB clears the general detect bit, which the guest may have set by itself. */
			kvm_x86_call(sync_debug)(vcpu);
			kvm_deliver_payload(vcpu, e);
			if (vcpu->arch.debug.dr7 & KVM_DR7_GD) {
				vcpu->arch.debug.dr7 &= ~KVM_DR7_GD;
				kvm_x86_call(update_debug)(vcpu);
			}
		}
		kvm_deliver_payload(vcpu, e);
		e->pending = false;
		e->injected = true;
		trace_kvm_inj_exception(e->vector, e->has_error_code, e->error_code, false);
	} else {
		trace_kvm_inj_exception(e->vector, e->has_error_code, e->error_code, true);
	}
	kvm_x86_call(inject_exception)(vcpu);
}

static void inject_nmi(struct kvm_vcpu *vcpu)
{
	struct kvm_event_queue *q = &vcpu->arch.events;

	q->nmi_pending--;
	nmis_not_full(q);
	q->nmi_injected = true;
	kvm_x86_call(inject_nmi)(vcpu);
	vcpu->stat.nmi_injections++;
}

static void inject_irq(struct kvm_vcpu *vcpu)
{
	struct kvm_event_queue *q = &vcpu->arch.events;
	int vector = kvm_cpu_get_interrupt(vcpu);

	if (vector < 0)
		return;
	q->irq_injected = true;
	q->irq_soft = false;
	q->irq_vector = vector;
	trace_kvm_inj_virq(vector, false, false);
	kvm_x86_call(inject_irq)(vcpu, false);
	vcpu->stat.irq_injections++;
	if (kvm_lapic_in_kernel(vcpu)) {
		kvm_lapic_offer_pv_eoi(vcpu);
		kvm_lapic_timer_wait(vcpu, vector);
	}
}

static void inject(struct kvm_vcpu *vcpu, enum kvm_event_kind kind)
{
	switch (kind) {
	case KVM_EVENT_EXCEPTION:
	case KVM_EVENT_REINJECT_EXCEPTION:
		inject_exception(vcpu);
		break;
	case KVM_EVENT_REINJECT_NMI:
		kvm_x86_call(inject_nmi)(vcpu);
		break;
	case KVM_EVENT_REINJECT_IRQ:
		trace_kvm_inj_virq(vcpu->arch.events.irq_vector, vcpu->arch.events.irq_soft, true);
		kvm_x86_call(inject_irq)(vcpu, true);
		/* Its handler has not begun: what was taken back may be offered again. */
		if (kvm_lapic_in_kernel(vcpu) && !vcpu->arch.events.irq_soft)
			kvm_lapic_offer_pv_eoi(vcpu);
		break;
	case KVM_EVENT_NMI:
		inject_nmi(vcpu);
		break;
	case KVM_EVENT_IRQ:
		inject_irq(vcpu);
		break;
	default:
		break;
	}
}

int kvm_events_inject(struct kvm_vcpu *vcpu)
{
	struct kvm_event_queue *q = &vcpu->arch.events;
	bool blocked = vcpu->arch.debug.control & KVM_GUESTDBG_BLOCKIRQ;
	struct kvm_event_env env = {};
	struct kvm_event_plan plan;

	vcpu->stat.req_event++;
	if (unlikely(!kvm_lapic_sync_pages(vcpu))) {
		kvm_make_request(vcpu, KVM_REQ_EVENT);
		return -EAGAIN;
	}
	take_nmis(vcpu);
	if (q->triple_fault) {
		kvm_make_request(vcpu, KVM_REQ_TRIPLE_FAULT);
		return -EAGAIN;
	}

	env.irq_pending = !blocked && kvm_cpu_has_injection(vcpu);
	if (env.irq_pending)
		env.irq_allowed = kvm_x86_call(irq_allowed)(vcpu);
	if (q->nmi_pending && !blocked)
		env.nmi_allowed = kvm_x86_call(nmi_allowed)(vcpu);
	plan = kvm_events_plan(q, &env);
	inject(vcpu, plan.kind);

	/* What the debugger holds back waits for its next KVM_SET_GUEST_DEBUG. */
	if (plan.want_nmi_window && !blocked)
		kvm_x86_call(enable_nmi_window)(vcpu);
	/* One injected; is another one waiting behind it? */
	if (plan.kind == KVM_EVENT_IRQ)
		plan.want_irq_window = kvm_cpu_has_injection(vcpu);
	if (plan.want_irq_window || kvm_user_wants_irq_window(vcpu))
		kvm_x86_call(enable_irq_window)(vcpu);
	if (kvm_lapic_in_kernel(vcpu) && likely(!vcpu->arch.apic_virtual)) {
		kvm_lapic_fill_vapic(vcpu);
		kvm_x86_call(update_cr8_intercept)(vcpu, kvm_lapic_get_cr8(vcpu) << 4,
						   kvm_lapic_highest_irr(vcpu));
	}
	return 0;
}

bool kvm_vcpu_has_events(struct kvm_vcpu *vcpu)
{
	const struct kvm_event_queue *q = &vcpu->arch.events;

	if (q->exception.pending || kvm_test_request(vcpu, KVM_REQ_TRIPLE_FAULT))
		return true;
	if (kvm_test_request(vcpu, KVM_REQ_NMI) ||
	    (q->nmi_pending && kvm_x86_call(nmi_allowed)(vcpu)))
		return true;
	if (kvm_test_request(vcpu, KVM_REQ_APIC_TIMER))
		return true;
	return kvm_x86_call(irq_allowed)(vcpu) && kvm_cpu_has_interrupt(vcpu);
}

bool kvm_ready_for_user_irq(struct kvm_vcpu *vcpu)
{
	struct kvm_event_queue *q = &vcpu->arch.events;

	if (kvm_irqchip_full(vcpu->kvm))
		return true;
	return kvm_x86_call(irq_allowed)(vcpu) && !kvm_events_reinject(q) &&
	       !q->exception.pending && READ_ONCE(vcpu->arch.irq_inject_vector) < 0 &&
	       (!kvm_lapic_in_kernel(vcpu) || kvm_lapic_accepts_pic_intr(vcpu));
}

/* ---------------------------------------------------------------- ioctls */

long kvm_vcpu_interrupt(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	const struct kvm_interrupt *irq = arg.buf;

	if (irq->irq >= 256)
		return -EINVAL;
	if (kvm_arch_irqchip_in_kernel(vcpu->kvm) && kvm_irqchip_full(vcpu->kvm))
		return -ENXIO;
	/* Without a local APIC it is the processor's INTR pin; with one it comes from the VMM's PIC, one at a time. */
	if (kvm_lapic_in_kernel(vcpu)) {
		if (cmpxchg(&vcpu->arch.irq_inject_vector, -1, irq->irq) != -1)
			return -EEXIST;
	} else {
		WRITE_ONCE(vcpu->arch.irq_inject_vector, irq->irq);
	}
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	kvm_vcpu_kick(vcpu);
	return 0;
}

long kvm_vcpu_nmi(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	kvm_inject_nmi(vcpu);
	return 0;
}

static void get_exception(struct kvm_vcpu *vcpu, struct kvm_vcpu_events *ev)
{
	struct kvm_exception *e = &vcpu->arch.events.exception;
	/* INT3 and INTO are raised again when their instruction is: to a VMM they do not exist. */
	bool soft = e->vector == X86_TRAP_BP || e->vector == X86_TRAP_OF;

	/* A VMM that does not know payloads must find them in CR2 and DR6. */
	if (!vcpu->kvm->arch.exception_payload && e->pending)
		kvm_deliver_payload(vcpu, e);
	if (!soft) {
		if (vcpu->kvm->arch.exception_payload) {
			ev->exception.injected = e->injected;
			ev->exception.pending = e->pending;
		} else {
			ev->exception.injected = e->injected || e->pending;
		}
	}
	ev->exception.nr = e->vector;
	ev->exception.has_error_code = e->has_error_code;
	ev->exception.error_code = e->error_code;
	ev->exception_has_payload = e->has_payload;
	ev->exception_payload = e->payload;
}

long kvm_vcpu_get_events(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_event_queue *q = &vcpu->arch.events;
	struct kvm_vcpu_events *ev = arg.buf;

	take_nmis(vcpu);
	kvm_clear_request(vcpu, KVM_REQ_NMI);
	if (q->nmi_pending)
		kvm_make_request(vcpu, KVM_REQ_EVENT);
	get_exception(vcpu, ev);
	ev->interrupt.injected = q->irq_injected && !q->irq_soft;
	ev->interrupt.nr = q->irq_vector;
	ev->interrupt.shadow = kvm_x86_call(get_interrupt_shadow)(vcpu);
	ev->nmi.injected = q->nmi_injected;
	ev->nmi.pending = q->nmi_pending;
	ev->nmi.masked = kvm_x86_call(get_nmi_mask)(vcpu);
	ev->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	if (vcpu->kvm->arch.exception_payload)
		ev->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (vcpu->kvm->arch.triple_fault_event) {
		ev->triple_fault.pending = kvm_test_request(vcpu, KVM_REQ_TRIPLE_FAULT);
		ev->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
	return 0;
}

static int check_events(struct kvm_vcpu *vcpu, struct kvm_vcpu_events *ev)
{
	const u32 known = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
			  KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM |
			  KVM_VCPUEVENT_VALID_PAYLOAD | KVM_VCPUEVENT_VALID_TRIPLE_FAULT;

	if (ev->flags & ~known)
		return -EINVAL;
	if (ev->flags & KVM_VCPUEVENT_VALID_PAYLOAD) {
		if (!vcpu->kvm->arch.exception_payload)
			return -EINVAL;
		if (ev->exception.pending)
			ev->exception.injected = 0;
		else
			ev->exception_has_payload = 0;
	} else {
		ev->exception.pending = 0;
		ev->exception_has_payload = 0;
	}
	if ((ev->exception.injected || ev->exception.pending) &&
	    (ev->exception.nr > 31 || ev->exception.nr == X86_TRAP_NMI))
		return -EINVAL;
	/* There is no system management mode here. */
	if ((ev->flags & KVM_VCPUEVENT_VALID_SMM) &&
	    (ev->smi.smm || ev->smi.pending || ev->smi.smm_inside_nmi))
		return -EINVAL;
	if ((ev->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) && !vcpu->kvm->arch.triple_fault_event)
		return -EINVAL;
	return 0;
}

long kvm_vcpu_set_events(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_event_queue *q = &vcpu->arch.events;
	struct kvm_vcpu_events *ev = arg.buf;
	int r = check_events(vcpu, ev);

	if (r)
		return r;

	take_nmis(vcpu);
	kvm_clear_request(vcpu, KVM_REQ_NMI);
	q->exception = (struct kvm_exception){
		.injected = ev->exception.injected,
		.pending = ev->exception.pending,
		.vector = ev->exception.nr,
		.has_error_code = ev->exception.has_error_code,
		.error_code = ev->exception.error_code,
		.has_payload = ev->exception_has_payload,
		.payload = ev->exception_payload,
	};
	q->irq_injected = ev->interrupt.injected;
	q->irq_vector = ev->interrupt.nr;
	q->irq_soft = ev->interrupt.soft;
	if (ev->flags & KVM_VCPUEVENT_VALID_SHADOW)
		kvm_x86_call(set_interrupt_shadow)(vcpu, ev->interrupt.shadow);
	nmis_not_full(q);
	q->nmi_injected = ev->nmi.injected;
	kvm_x86_call(set_nmi_mask)(vcpu, ev->nmi.masked);
	if (ev->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		q->nmi_pending = min(ev->nmi.pending, most_nmis(vcpu));
	if (ev->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR)
		kvm_lapic_set_sipi_vector(vcpu, ev->sipi_vector);
	if ((ev->flags & KVM_VCPUEVENT_VALID_SMM) && kvm_lapic_in_kernel(vcpu))
		kvm_lapic_set_latched_init(vcpu, ev->smi.latched_init);
	if (ev->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) {
		if (ev->triple_fault.pending)
			kvm_make_request(vcpu, KVM_REQ_TRIPLE_FAULT);
		else
			kvm_clear_request(vcpu, KVM_REQ_TRIPLE_FAULT);
		q->triple_fault = ev->triple_fault.pending;
	}
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return 0;
}
