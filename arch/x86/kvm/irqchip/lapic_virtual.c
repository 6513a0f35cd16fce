// SPDX-License-Identifier: GPL-2.0-only
/*
 * A local APIC that the processor virtualizes (APICv: SDM vol. 3C, chapter 30): between the pure half, lapic_posted.c, and
 * the backend.
 *
 * An APIC of a backend that can has a descriptor all its life, and everybody posts to it.  Whether the processor works on
 * the page can change while the vCPU is out of the guest (kvm_lapic_set_virtual()).  While it does, nothing is injected but
 * interrupts of the PIC; and what is kept beside the page is found anew before software uses it.
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/mm.h>

#include "events.h"
#include "lapic.h"

/**
 * kvm_lapic_posted_create() - give a new APIC its descriptor, where the backend wants one
 * @kl: not yet visible
 *
 * Context: may sleep
 * Return: 0, -ENOMEM
 */
int kvm_lapic_posted_create(struct kvm_lapic *kl)
{
	if (!kvm_backend.caps.virtual_apic)
		return 0;
	/* A page, as the registers are: then the processor's writes share no cache line with anybody's. */
	kl->core.posted = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!kl->core.posted)
		return -ENOMEM;
	kl->core.posted->direct = kvm_backend.caps.virtual_apic_direct;
	/* Until the backend knows better, an I/O MMU tells nobody. */
	kl->core.posted->control = POSTED_SN;
	return 0;
}

void kvm_lapic_posted_destroy(struct kvm_lapic *kl)
{
	free_page((unsigned long)kl->core.posted);
	kl->core.posted = NULL;
}

/* Owner, out of the guest: what was posted goes to the page, and what is beside the page follows it. */
void kvm_lapic_take_page(struct kvm_lapic *kl)
{
	if (lapic_posted_take(&kl->core))
		kl->exits_stale = true;
	if (kl->vcpu->arch.apic_virtual)
		lapic_rescan(&kl->core);
	/* Software may write to it now. */
	kl->vcpu->arch.apic_stale = true;
}

/* Any context: an interrupt was posted. */
void kvm_lapic_notify(struct kvm_lapic *kl)
{
	struct kvm_vcpu *vcpu = kl->vcpu;

	if (kl->core.posted && READ_ONCE(vcpu->arch.apic_virtual) &&
	    !lapic_posted_must_kick(kl->core.posted) && kvm_x86_call(post_interrupt)(vcpu))
		return;
	kvm_lapic_wake(kl);
}

/* The set of vectors whose EOI somebody waits for has changed.  Any context. */
void kvm_lapic_watch_changed(struct kvm_lapic *kl)
{
	if (!kl->core.posted)
		return;
	WRITE_ONCE(kl->exits_stale, true);
	lapic_posted_tell(kl->core.posted);
	/* Whether it may be virtual at all. */
	if (kl->core.posted->direct)
		kvm_make_request(kl->vcpu, KVM_REQ_MSR_INTERCEPTS);
	kvm_lapic_wake(kl);
}

static bool watches_edges(const struct lapic *apic)
{
	unsigned int w;

	for (w = 0; w < ARRAY_SIZE(apic->eoi_watch); w++) {
		if (READ_ONCE(apic->eoi_watch[w]))
			return true;
	}
	return false;
}

/*
 * May the processor have the APIC's page, or has the guest's priority another place?  KVM_TPR_ACCESS_REPORTING is no
 * reason against it: what does not exit is not reported, and KVM_CAP_VAPIC says so.
 */
bool kvm_lapic_may_be_virtual(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	if (!kl || kl->vapic_addr)
		return false;
	return !kl->core.posted || !kl->core.posted->direct || !watches_edges(&kl->core);
}
EXPORT_SYMBOL_GPL(kvm_lapic_may_be_virtual);

/**
 * kvm_lapic_set_virtual() - the processor works on the APIC's page from now on, or not any more
 * @vcpu: current, not in the guest
 * @on: which
 */
void kvm_lapic_set_virtual(struct kvm_vcpu *vcpu, bool on)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	if (vcpu->arch.apic_virtual == on)
		return;
	kvm_lapic_take_page(kl);
	WRITE_ONCE(vcpu->arch.apic_virtual, on);
	vcpu->arch.apic_posted = on ? kl->core.posted : NULL;
	kl->exits_stale = true;
	atomic_or32(&kl->core.posted->control, POSTED_ON);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
}
EXPORT_SYMBOL_GPL(kvm_lapic_set_virtual);

/**
 * kvm_lapic_virtual_entry() - what the processor must be told before the next entry
 * @vcpu: current, its APIC virtual, IRQs off
 * @e: filled in as far as the return value says
 *
 * Return: KVM_LAPIC_STATUS: @e->status is the guest interrupt status; KVM_LAPIC_EXITS: @e->eoi_exits is the bitmap
 */
unsigned int kvm_lapic_virtual_entry(struct kvm_vcpu *vcpu, struct kvm_lapic_entry *e)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	unsigned int what = KVM_LAPIC_STATUS;

	if (!kvm_lapic_entry_pending(vcpu))
		return 0;
	vcpu->arch.apic_stale = false;
	if (lapic_posted_take(&kl->core) || READ_ONCE(kl->exits_stale)) {
		WRITE_ONCE(kl->exits_stale, false);
		smp_mb(); /* who watches from now on sets it again */
		lapic_eoi_exits(&kl->core, e->eoi_exits);
		what |= KVM_LAPIC_EXITS;
	}
	e->status = lapic_interrupt_status(&kl->core);
	/* Nobody says which interrupt comes next: if the timer's is among them, it is waited for. */
	kvm_lapic_timer_wait(vcpu, (u8)lapic_get(&kl->core, LAPIC_LVT_TIMER));
	return what;
}
EXPORT_SYMBOL_GPL(kvm_lapic_virtual_entry);

/* EOI-induced exit: IRQs may be off. */
void kvm_lapic_virtual_eoi(struct kvm_vcpu *vcpu, u8 vector)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	kvm_lapic_apply(kl, lapic_virtual_eoi(&kl->core, vector));
}
EXPORT_SYMBOL_GPL(kvm_lapic_virtual_eoi);

/* APIC-write exit: the register at @offset is written, and what follows from it has to be done.  IRQs on, but for the ICR. */
void kvm_lapic_virtual_write(struct kvm_vcpu *vcpu, u32 offset)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	u32 value, fx;

	/* To send takes nothing of what is kept beside the page. */
	if (offset != LAPIC_ICR)
		kvm_lapic_take_page(kl);
	value = lapic_get(&kl->core, offset);
	/* The divider is looked at for a change; the one in force is kept beside the page. */
	if (offset == LAPIC_TDCR)
		lapic_put(&kl->core, offset, ~value);
	fx = lapic_mmio_write(&kl->core, offset, 4, &value);
	/* The old value is not known any more. */
	if (offset == LAPIC_ID || offset == LAPIC_LDR || offset == LAPIC_DFR || offset == LAPIC_SVR)
		fx |= LAPIC_FX_MAP;
	kvm_lapic_apply(kl, fx);
}
EXPORT_SYMBOL_GPL(kvm_lapic_virtual_write);

/* What the vCPU has written to its ICR, whose register the page has in two halves.  Owner. */
void kvm_lapic_virtual_set_icr(struct kvm_vcpu *vcpu, u64 icr)
{
	lapic_put(&vcpu->arch.apic->core, LAPIC_ICR, icr);
	lapic_put(&vcpu->arch.apic->core, LAPIC_ICR2, icr >> 32);
}
EXPORT_SYMBOL_GPL(kvm_lapic_virtual_set_icr);

/* Where the processor finds them; an APIC without a descriptor leaves @descriptor alone. */
void kvm_lapic_virtual_pages(struct kvm_vcpu *vcpu, hpa_t *page, hpa_t *descriptor)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	*page = __pa(kl->core.regs);
	if (kl->core.posted)
		*descriptor = __pa(kl->core.posted);
}
EXPORT_SYMBOL_GPL(kvm_lapic_virtual_pages);

/* NULL: it has none. */
struct lapic_posted *kvm_lapic_descriptor(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.apic ? vcpu->arch.apic->core.posted : NULL;
}
EXPORT_SYMBOL_GPL(kvm_lapic_descriptor);

/* A register of a vCPU's APIC, as it stands in the page.  Any context. */
u32 kvm_lapic_virtual_reg(struct kvm_vcpu *vcpu, u32 offset)
{
	return lapic_get(&vcpu->arch.apic->core, offset);
}
EXPORT_SYMBOL_GPL(kvm_lapic_virtual_reg);

/* The processor has put what @sender's ICR says into the IRRs of those that it is for: wake them. */
void kvm_lapic_virtual_wake(struct kvm_vcpu *sender)
{
	struct kvm_vcpu *vcpu;
	struct lapic_msg msg;
	unsigned long i;

	lapic_icr_message(&sender->arch.apic->core, &msg);
	if (!msg.logical && !msg.shorthand && !lapic_is_broadcast(&msg)) {
		vcpu = kvm_lapic_find(sender->kvm, msg.dest);
		if (vcpu)
			kvm_lapic_wake(vcpu->arch.apic);
		return;
	}
	kvm_for_each_vcpu(i, vcpu, sender->kvm) {
		if (vcpu != sender && vcpu->arch.apic && kvm_lapic_highest_pending(vcpu) >= 0)
			kvm_lapic_wake(vcpu->arch.apic);
	}
}
EXPORT_SYMBOL_GPL(kvm_lapic_virtual_wake);
