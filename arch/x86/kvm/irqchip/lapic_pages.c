// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory that stands for registers of the local APIC: EOI without an exit (MSR_KVM_PV_EOI_EN), and the task
 * priority of guests whose accesses to it the VMM has patched (KVM_SET_VAPIC_ADDR).
 *
 * The guest works on it while it runs; the APIC follows before anybody looks at it: before the next event is chosen, at
 * HLT, when the guest reads the APIC, when KVM_RUN ends.  With interrupts off, memory that is not resident cannot be had:
 * then KVM_REQ_LAPIC_PAGES sends the vCPU to where it can.
 *
 * EOI: a set bit says that the interrupt that was just injected may be ended by clearing it.  It is set only when that
 * interrupt is alone in the APIC, so that its end makes nothing deliverable and nobody else waits for it.  Anything that
 * comes later takes the offer back first.
 */
#include <uapi/linux/kvm_para.h>

#include "ioctl.h"
#include "lapic.h"
#include "regs.h"
#include "trace_x86.h"

/* 0, or -EFAULT; with interrupts off also for what is not resident */
static int read_page(struct kvm_vcpu *vcpu, gpa_t gpa, void *data, unsigned int len)
{
	if (irqs_disabled())
		return kvm_vcpu_read_guest_nofault(vcpu, gpa, data, len);
	return kvm_vcpu_read_guest(vcpu, gpa, data, len);
}

static int write_page(struct kvm_vcpu *vcpu, gpa_t gpa, const void *data, unsigned int len)
{
	if (irqs_disabled())
		return kvm_vcpu_write_guest_nofault(vcpu, gpa, data, len);
	return kvm_vcpu_write_guest(vcpu, gpa, data, len);
}

/* ---------------------------------------------------------------- EOI */

static gpa_t eoi_gpa(const struct kvm_lapic *kl)
{
	return kl->vcpu->arch.msrs.pv_eoi & ~3ULL;
}

/* The guest has ended the interrupt, or has not and then must do it the other way. */
static int take_eoi(struct kvm_lapic *kl)
{
	u8 offer;

	if (read_page(kl->vcpu, eoi_gpa(kl), &offer, sizeof(offer)))
		return -EFAULT;
	if (offer & KVM_PV_EOI_ENABLED) {
		offer = KVM_PV_EOI_DISABLED;
		if (write_page(kl->vcpu, eoi_gpa(kl), &offer, sizeof(offer)))
			return -EFAULT;
		kl->pv_eoi_offered = false;
		return 0;
	}
	kl->pv_eoi_offered = false;
	kvm_lapic_use_page(kl);
	trace_kvm_pv_eoi(lapic_phys_id(&kl->core), kl->core.isr_top);
	kvm_lapic_apply(kl, lapic_eoi(&kl->core));
	return 0;
}

/* The interrupt that has been injected may be the local APIC's. */
void kvm_lapic_offer_pv_eoi(struct kvm_vcpu *vcpu)
{
	const u8 offer = KVM_PV_EOI_ENABLED;
	struct kvm_lapic *kl = vcpu->arch.apic;

	/* Where the processor works on the page, an EOI is cheaper than this. */
	if (!(vcpu->arch.msrs.pv_eoi & KVM_MSR_ENABLED) || vcpu->arch.apic_virtual ||
	    !lapic_serves_one(&kl->core) || kl->core.isr_top != vcpu->arch.events.irq_vector)
		return;
	if (!write_page(vcpu, eoi_gpa(kl), &offer, sizeof(offer)))
		kl->pv_eoi_offered = true;
}

/* MSR_KVM_PV_EOI_EN: 0, 1 (#GP).  May sleep.  Without a local APIC, no EOI is ever offered. */
int kvm_lapic_set_pv_eoi(struct kvm_vcpu *vcpu, u64 data)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	const u8 none = KVM_PV_EOI_DISABLED;

	if (data & 2)
		return 1;
	if (!kl) {
		vcpu->arch.msrs.pv_eoi = data;
		return 0;
	}
	if ((data & KVM_MSR_ENABLED) && !kvm_is_visible_gfn(vcpu, gpa_to_gfn(data)))
		return 1;
	kvm_lapic_sync_pages(vcpu);
	kl->pv_eoi_offered = false;
	vcpu->arch.msrs.pv_eoi = data;
	/* The guest has zeroed it; now it also is at hand with interrupts off. */
	if (data & KVM_MSR_ENABLED)
		kvm_vcpu_write_guest(vcpu, eoi_gpa(kl), &none, sizeof(none));
	return 0;
}

/* ---------------------------------------------------------------- task priority */

/* Bytes of the word at the VAPIC's address: the guest writes the first, and reads the others to know when to ask. */
struct vapic_word {
	u8 tpr;
	u8 in_service;
	u8 reserved;
	u8 requested;
};

static int take_tpr(struct kvm_lapic *kl)
{
	u8 tpr;

	if (read_page(kl->vcpu, kl->vapic_addr, &tpr, sizeof(tpr)))
		return -EFAULT;
	if (tpr != (u8)lapic_get(&kl->core, LAPIC_TPR))
		lapic_set_tpr(&kl->core, tpr);
	return 0;
}

/* What the guest finds: after an event has been chosen. */
void kvm_lapic_fill_vapic(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	struct vapic_word word = {};
	int irr;

	if (likely(!kl->vapic_addr))
		return;
	irr = lapic_highest_irr(&kl->core);
	word.tpr = lapic_get(&kl->core, LAPIC_TPR);
	word.in_service = kl->core.isr_top < 0 ? 0 : kl->core.isr_top & 0xf0;
	word.requested = max(irr, 0);
	if (write_page(vcpu, kl->vapic_addr, &word, sizeof(word)))
		kvm_make_request(vcpu, KVM_REQ_LAPIC_PAGES);
}

/* The guest has accessed the TPR, not by its page but by MMIO, and the VMM wants to know where. */
void kvm_lapic_report_tpr(struct kvm_vcpu *vcpu, bool is_write)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	kl->tpr_access_rip = kvm_rip_read(vcpu);
	kl->tpr_access_write = is_write;
	kvm_make_request(vcpu, KVM_REQ_TPR_ACCESS);
}

/* KVM_REQ_TPR_ACCESS */
int kvm_lapic_tpr_exit(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_TPR_ACCESS;
	run->tpr_access.rip = kl->tpr_access_rip;
	run->tpr_access.is_write = kl->tpr_access_write;
	return KVM_TO_USER;
}

/* KVM_TPR_ACCESS_REPORTING */
long kvm_vcpu_tpr_access_reporting(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_tpr_access_ctl *ctl = arg.buf;

	if (ctl->flags)
		return -EINVAL;
	if (kvm_lapic_in_kernel(vcpu))
		vcpu->arch.apic->tpr_reporting = ctl->enabled;
	kvm_make_request(vcpu, KVM_REQ_MSR_INTERCEPTS);
	return 0;
}

/* KVM_SET_VAPIC_ADDR: 0 takes it away */
long kvm_vcpu_set_vapic_addr(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	struct kvm_vapic_addr *va = arg.buf;
	struct vapic_word word;

	if (!kl || va->vapic_addr & (sizeof(word) - 1))
		return -EINVAL;
	if (va->vapic_addr && kvm_vcpu_read_guest(vcpu, va->vapic_addr, &word, sizeof(word)))
		return -EINVAL;
	kl->vapic_addr = va->vapic_addr;
	kvm_make_request(vcpu, KVM_REQ_MSR_INTERCEPTS);
	return 0;
}

/* ---------------------------------------------------------------- together */

/**
 * kvm_lapic_take_pages() - make the APIC what the guest has made of its memory
 * @kl: of the current vCPU, which is not in the guest
 *
 * Context: any; SRCU held or interrupts off
 * Return: false: memory is not at hand; KVM_REQ_LAPIC_PAGES has been made
 */
bool kvm_lapic_take_pages(struct kvm_lapic *kl)
{
	if (kl->pv_eoi_offered && take_eoi(kl))
		goto absent;
	if (kl->vapic_addr && take_tpr(kl))
		goto absent;
	return true;

absent:
	if (irqs_disabled()) {
		kvm_make_request(kl->vcpu, KVM_REQ_LAPIC_PAGES);
		return false;
	}
	/* There is no such memory any more: the guest has taken nothing there. */
	kl->pv_eoi_offered = false;
	return true;
}

bool kvm_lapic_sync_pages(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	if (likely(!kl || !(kl->pv_eoi_offered || kl->vapic_addr)))
		return true;
	return kvm_lapic_take_pages(kl);
}

bool kvm_lapic_has_vapic(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.apic && vcpu->arch.apic->vapic_addr;
}

/* The VM is reset or its CPU: the guest's memory is no longer what it was. */
void kvm_lapic_forget_pages(struct kvm_lapic *kl)
{
	kl->pv_eoi_offered = false;
	kl->vcpu->arch.msrs.pv_eoi = 0;
}
