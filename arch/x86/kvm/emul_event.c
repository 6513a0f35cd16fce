// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events delivered in software: for a guest in a state that the processor cannot enter.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include "backend.h"
#include "emul.h"
#include "events.h"
#include "io_x86.h"
#include "regs.h"
#include "run.h"

/* What the queue has injected; .return_rip is still to be filled in. */
static struct emul_event injected(const struct kvm_event_queue *q)
{
	const struct kvm_exception *e = &q->exception;
	struct emul_event ev = { .kind = EMUL_EV_EXT_INT };

	if (e->injected) {
		ev.vector = e->vector;
		ev.has_error = e->has_error_code;
		ev.error = e->error_code;
		ev.kind = e->vector == X86_TRAP_BP || e->vector == X86_TRAP_OF ? EMUL_EV_SOFT_EXC :
										 EMUL_EV_FAULT;
	} else if (q->nmi_injected) {
		ev.vector = X86_TRAP_NMI;
	} else {
		ev.vector = q->irq_vector;
		if (q->irq_soft)
			ev.kind = EMUL_EV_SOFT_INT;
	}
	return ev;
}

/* By an instruction (INT n, INT3, INTO), which is still at RIP. */
static bool is_soft(const struct emul_event *ev)
{
	return ev->kind == EMUL_EV_SOFT_EXC || ev->kind == EMUL_EV_SOFT_INT;
}

/* Not any more; and not again. */
static void delivered(struct kvm_vcpu *vcpu)
{
	struct kvm_event_queue *q = &vcpu->arch.events;

	if (q->exception.injected) {
		q->exception.injected = false;
	} else if (q->nmi_injected) {
		q->nmi_injected = false;
		kvm_x86_call(set_nmi_mask)(vcpu, true);
	} else {
		q->irq_injected = false;
	}
}

/* An exception instead.  Interrupts and NMIs stay in the queue, and come after it. */
static void delivery_faulted(struct kvm_emul *e)
{
	const struct emul_fault *f = &e->ctxt.fault;

	if (f->vector == X86_TRAP_PF)
		kvm_inject_page_fault(e->vcpu, f->addr, f->error);
	else if (f->has_error)
		kvm_queue_exception_e(e->vcpu, f->vector, f->error);
	else
		kvm_queue_exception(e->vcpu, f->vector);
}

static int delivery_failed(struct kvm_vcpu *vcpu, const struct emul_event *ev)
{
	u64 data[] = { ev->vector, is_soft(ev), ev->error, kvm_linear_rip(vcpu) };

	kvm_vcpu_info(vcpu, "cannot deliver vector %u in software at %#lx\n", ev->vector,
		      kvm_linear_rip(vcpu));
	return kvm_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV, ARRAY_SIZE(data), data);
}

int kvm_emul_deliver_event(struct kvm_vcpu *vcpu)
{
	struct kvm_emul *e = vcpu->arch.io.emul;
	struct emul_event ev = injected(&vcpu->arch.events);
	unsigned long rip = kvm_rip_read(vcpu);

	/* Software events are kept with the instruction at RIP, and return behind it. */
	if (is_soft(&ev)) {
		int r = kvm_emulate_instruction(vcpu, KVM_EMUL_SKIP, 0, NULL, 0);

		if (r != KVM_REENTER)
			return r;
	}
	ev.return_rip = kvm_rip_read(vcpu);
	kvm_emul_load(e);
	switch (emul_deliver_event(&e->ctxt, &ev)) {
	case EMUL_DONE:
		delivered(vcpu);
		kvm_emul_store(e);
		kvm_x86_call(set_interrupt_shadow)(vcpu, 0);
		return KVM_REENTER;
	case EMUL_FAULT:
		kvm_rip_write(vcpu, rip);
		delivery_faulted(e);
		return KVM_REENTER;
	case EMUL_RETRY:
		kvm_rip_write(vcpu, rip);
		return KVM_AGAIN;
	default:
		kvm_rip_write(vcpu, rip);
		return delivery_failed(vcpu, &ev);
	}
}
EXPORT_SYMBOL_GPL(kvm_emul_deliver_event);
