// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: injection (APM vol. 2, 15.20), what became of them (15.7.2), windows and NMI masking (15.21).
 *
 * Software interrupts, INT3 and INTO.  When the guest's own instruction was being delivered (an exit because its stack
 * had no nested translation, say), RIP still is that instruction's and nothing must be queued: it is executed again.  So
 * only those that were injected are queued again.  Injection pushes the address behind the instruction: the VMCB's next
 * RIP where the CPU has NRIP save, else RIP is advanced for the injection and put back when the delivery fails.
 */
#include <asm/trapnr.h>

#include "debug.h"
#include "events.h"
#include "svm/svm.h"

static void write_event(struct vcpu_svm *svm, u32 info, u32 error)
{
	svm->vmcb->control.event_inj = info | SVM_EVTINJ_VALID;
	svm->vmcb->control.event_inj_err = error;
	svm->events_to_complete = true;
}

static bool is_soft_exception(u8 vector)
{
	return vector == X86_TRAP_BP || vector == X86_TRAP_OF;
}

/* INT n, INT3 or INTO of the guest's: EXITINTINFO */
bool svm_is_soft_event(u32 info)
{
	u32 type = info & SVM_EXITINTINFO_TYPE_MASK;

	return type == SVM_EXITINTINFO_TYPE_SOFT ||
	       (type == SVM_EXITINTINFO_TYPE_EXEPT &&
		is_soft_exception(info & SVM_EXITINTINFO_VEC_MASK));
}

static void prepare_soft_event(struct vcpu_svm *svm)
{
	unsigned long rip = kvm_rip_read(&svm->vcpu);
	unsigned long next = rip + svm_soft_event_len(svm);

	svm->soft_injected = true;
	svm->soft_rip = rip;
	svm->soft_next_rip = next;
	if (svm_hw.nrips)
		svm->vmcb->control.next_rip = next;
	else
		kvm_rip_write(&svm->vcpu, next);
}

void svm_inject_exception(struct kvm_vcpu *vcpu)
{
	struct kvm_exception *e = &vcpu->arch.events.exception;
	struct vcpu_svm *svm = to_svm(vcpu);

	if (is_soft_exception(e->vector))
		prepare_soft_event(svm);
	write_event(svm,
		    e->vector | SVM_EVTINJ_TYPE_EXEPT |
			    (e->has_error_code ? SVM_EVTINJ_VALID_ERR : 0),
		    e->error_code);
}

/* An interrupt of the host comes before a virtual one.  Where there is always one, the guest must get on all the same. */
#define VIRQ_TRIES 4

/* A virtual interrupt whose delivery does not exit.  The guest's IF and shadow have been looked at. */
static void set_virq(struct vcpu_svm *svm, u8 vector)
{
	struct vmcb *vmcb = svm->vmcb;

	vmcb->control.int_vector = vector;
	vmcb->control.int_ctl |= V_IRQ_MASK | V_IGN_TPR_MASK | V_INTR_PRIO_MASK;
	vmcb_mark_dirty(vmcb, VMCB_INTR);
	vmcb_assign_intercept(vmcb, INTERCEPT_VINTR, false);
	svm->virq_vector = vector;
	svm->virq_tries++;
	svm->events_to_complete = true;
}

/* Has the virtual interrupt been delivered?  Else it is one that was injected: the guest has not moved. */
static void complete_virq(struct vcpu_svm *svm)
{
	struct vmcb_control_area *c = &svm->vmcb->control;

	if (c->int_ctl & V_IRQ_MASK) {
		svm_clear_irq_window(svm);
		c->exit_int_info = svm->virq_vector | SVM_EXITINTINFO_TYPE_INTR |
				   SVM_EXITINTINFO_VALID;
	} else {
		svm->virq_tries = 0;
	}
	svm->virq_vector = -1;
	if (svm->virq_window) {
		svm->virq_window = false;
		kvm_make_request(&svm->vcpu, KVM_REQ_EVENT);
	}
}

void svm_inject_irq(struct kvm_vcpu *vcpu, bool reinject)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	u32 type = SVM_EVTINJ_TYPE_INTR;

	svm_avic_need_window(svm, false);
	if (vcpu->arch.events.irq_soft) {
		prepare_soft_event(svm);
		type = SVM_EVTINJ_TYPE_SOFT;
	} else if (svm_hw.irq_as_virq && svm->virq_tries < VIRQ_TRIES && svm_irq_allowed(vcpu)) {
		set_virq(svm, vcpu->arch.events.irq_vector);
		return;
	}
	svm->virq_tries = 0;
	write_event(svm, vcpu->arch.events.irq_vector | type, 0);
}

void svm_inject_nmi(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	write_event(svm, X86_TRAP_NMI | SVM_EVTINJ_TYPE_NMI, 0);
	svm_set_nmi_mask(vcpu, true);
}

static void requeue(struct vcpu_svm *svm, u32 info, u32 error, bool ours)
{
	struct kvm_vcpu *vcpu = &svm->vcpu;
	u8 vector = info & SVM_EXITINTINFO_VEC_MASK;

	switch (info & SVM_EXITINTINFO_TYPE_MASK) {
	case SVM_EXITINTINFO_TYPE_INTR:
		kvm_requeue_irq(vcpu, vector, false);
		break;
	case SVM_EXITINTINFO_TYPE_NMI:
		kvm_requeue_nmi(vcpu);
		break;
	case SVM_EXITINTINFO_TYPE_EXEPT:
		if (!is_soft_exception(vector) || ours)
			kvm_requeue_exception(vcpu, vector, info & SVM_EXITINTINFO_VALID_ERR,
					      error);
		break;
	case SVM_EXITINTINFO_TYPE_SOFT:
		if (ours)
			kvm_requeue_irq(vcpu, vector, true);
		break;
	}
}

static void undo_soft_rip(struct vcpu_svm *svm)
{
	if (!svm_hw.nrips && kvm_rip_read(&svm->vcpu) == svm->soft_next_rip)
		kvm_rip_write(&svm->vcpu, svm->soft_rip);
}

/**
 * svm_complete_events() - after an exit: was the event that we injected delivered, was the guest delivering one?
 * @svm: just left, EXITINTINFO not looked at yet
 */
void svm_complete_events(struct vcpu_svm *svm)
{
	struct vmcb_control_area *c = &svm->vmcb->control;
	struct kvm_vcpu *vcpu = &svm->vcpu;
	bool ours = svm->soft_injected;
	u32 info;

	if (unlikely(svm->virq_vector >= 0))
		complete_virq(svm);
	info = c->exit_int_info;
	kvm_clear_injected(vcpu);
	c->event_inj = 0;
	svm->events_to_complete = false;
	svm->soft_injected = false;
	if (!(info & SVM_EXITINTINFO_VALID))
		return;
	if (ours && svm_is_soft_event(info))
		undo_soft_rip(svm);
	else
		ours = false;
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	requeue(svm, info, c->exit_int_info_err, ours);
}

void svm_cancel_injection(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	struct vmcb_control_area *c = &svm->vmcb->control;

	if (!svm->events_to_complete)
		return;
	c->exit_int_info = c->event_inj;
	c->exit_int_info_err = c->event_inj_err;
	svm_complete_events(svm);
	/* It has not happened in the guest's eyes: another look at the VMCB shall not see it again. */
	c->exit_int_info = 0;
}

/* ---- interrupt shadow */

u32 svm_get_interrupt_shadow(struct kvm_vcpu *vcpu)
{
	/* The hardware does not tell STI's from MOV SS's. */
	if (to_svm(vcpu)->vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK)
		return KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS;
	return 0;
}

void svm_set_interrupt_shadow(struct kvm_vcpu *vcpu, u32 mask)
{
	struct vmcb_control_area *c = &to_svm(vcpu)->vmcb->control;

	if (mask)
		c->int_state |= SVM_INTERRUPT_SHADOW_MASK;
	else
		c->int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
}

/* ---- interrupts */

bool svm_irq_allowed(struct kvm_vcpu *vcpu)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;

	return (vmcb->save.rflags & X86_EFLAGS_IF) &&
	       !(vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK);
}

/* A virtual interrupt of the highest priority, whose delivery exits: the moment at which interrupts are possible. */
void svm_enable_irq_window(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;

	if (unlikely(vcpu->arch.apic_virtual)) {
		svm_avic_need_window(svm, true);
		return;
	}
	/* There is one virtual interrupt, and it is taken.  The next exit, at the latest the handler's EOI, comes back here. */
	if (unlikely(svm->virq_vector >= 0)) {
		svm->virq_window = true;
		return;
	}
	vmcb->control.int_vector = 0;
	vmcb->control.int_ctl &= ~V_INTR_PRIO_MASK;
	vmcb->control.int_ctl |= V_IRQ_MASK | V_IGN_TPR_MASK | V_INTR_PRIO_MASK;
	vmcb_mark_dirty(vmcb, VMCB_INTR);
	vmcb_assign_intercept(vmcb, INTERCEPT_VINTR, true);
}

void svm_clear_irq_window(struct vcpu_svm *svm)
{
	struct vmcb *vmcb = svm->vmcb;

	vmcb->control.int_ctl &= ~V_IRQ_INJECTION_BITS_MASK;
	vmcb_mark_dirty(vmcb, VMCB_INTR);
	vmcb_assign_intercept(vmcb, INTERCEPT_VINTR, false);
}

/* ---- NMIs: masked from delivery until the next IRET is done */

bool svm_get_nmi_mask(struct kvm_vcpu *vcpu)
{
	return to_svm(vcpu)->nmi_masked;
}

void svm_set_nmi_mask(struct kvm_vcpu *vcpu, bool masked)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	svm->nmi_masked = masked;
	svm->iret_pending = false;
	vmcb_assign_intercept(svm->vmcb, INTERCEPT_IRET, masked);
}

/* An exit acknowledges nothing: host interrupts are still pending. */
void svm_take_host_irq(struct kvm_vcpu *vcpu)
{
}

bool svm_nmi_allowed(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	return !svm->nmi_masked && !(svm->vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK);
}

/* IRET is about to be executed: it exits before it does anything. */
void svm_iret_seen(struct vcpu_svm *svm)
{
	svm->iret_pending = true;
	svm->iret_rip = kvm_rip_read(&svm->vcpu);
	vmcb_assign_intercept(svm->vmcb, INTERCEPT_IRET, false);
	kvm_make_request(&svm->vcpu, KVM_REQ_EVENT);
}

/* The instruction at @iret_rip has been left behind. */
void svm_iret_done(struct vcpu_svm *svm)
{
	svm->iret_pending = false;
	svm->nmi_masked = false;
	kvm_make_request(&svm->vcpu, KVM_REQ_EVENT);
}

/* An NMI waits.  For an IRET to come: it exits by itself.  For one that is on its way, or a shadow: step over it. */
void svm_enable_nmi_window(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	struct vmcb_save_area *save = &svm->vmcb->save;

	if (svm->nmi_singlestep || (svm->nmi_masked && !svm->iret_pending))
		return;
	svm->nmi_singlestep = true;
	svm->nmi_singlestep_flags = save->rflags & (X86_EFLAGS_TF | X86_EFLAGS_RF);
	save->rflags |= X86_EFLAGS_TF | X86_EFLAGS_RF;
}

/**
 * svm_end_nmi_singlestep() - a #DB arrived while stepping to the NMI window
 * @svm: just left
 *
 * What was stepped over may have loaded RFLAGS itself: TF is only taken away when it was not, that is after anything but
 * the IRET.
 * Return: true when the trap was ours alone: the guest must not see it
 */
bool svm_end_nmi_singlestep(struct vcpu_svm *svm)
{
	struct vmcb_save_area *save = &svm->vmcb->save;
	bool guest_steps = svm->nmi_singlestep_flags & X86_EFLAGS_TF;

	svm->nmi_singlestep = false;
	kvm_make_request(&svm->vcpu, KVM_REQ_EVENT);
	if (!guest_steps && !svm->iret_pending)
		save->rflags &= ~X86_EFLAGS_TF;
	return !guest_steps;
}
