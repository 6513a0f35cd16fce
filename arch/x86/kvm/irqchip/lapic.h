/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC in the kernel: what stands around the pure core.  For irqchip/ alone.
 */
#ifndef KVM_X86_IRQCHIP_LAPIC_H
#define KVM_X86_IRQCHIP_LAPIC_H

#include <linux/hrtimer.h>
#include <linux/spinlock.h>

#include "irqchip.h"
#include "lapic_core.h"
#include "lapic_map.h"

/* Bits of kvm_lapic.events */
enum {
	KVM_LAPIC_INIT,
	KVM_LAPIC_SIPI,
};

/**
 * struct kvm_lapic - a vCPU's local APIC
 * @core: the state machine
 * @vcpu: whose it is
 * @events: INIT and SIPI that have arrived
 * @sipi_vector: of the last SIPI
 * @extint: an ExtINT message has come, and the PIC has not been heard since
 * @pv_eoi_offered: the guest may end the interrupt in service by its memory, see lapic_pages.c
 * @tpr_reporting: KVM_TPR_ACCESS_REPORTING is on
 * @tpr_access_write: the access to report was a write
 * @tpr_access_rip: where it was
 * @vapic_addr: KVM_SET_VAPIC_ADDR, 0: none
 * @exits_stale: the EOI-exit bitmap must be made anew
 * @timer: fires at @armed, or before
 * @timer_lock: serializes @timer with its callback
 * @timer_cpu: host CPU on which @timer was started
 * @armed: ns on CLOCK_MONOTONIC, 0: @timer is not armed
 * @advance_ns: how much before its deadline the timer fires
 * @early: a deadline whose interrupt has been raised, and has not reached the guest; 0: none
 * @lazy_debt: how often the timer must not be left armed for too early a time
 */
struct kvm_lapic {
	struct lapic core;
	struct kvm_vcpu *vcpu;
	unsigned long events;
	u8 sipi_vector;
	bool extint;
	bool pv_eoi_offered;
	bool tpr_reporting;
	bool tpr_access_write;
	u64 tpr_access_rip;
	gpa_t vapic_addr;
	bool exits_stale;
	u64 armed;
	u64 early;
	u32 advance_ns;
	u32 lazy_debt;
	int timer_cpu;
	raw_spinlock_t timer_lock;
	struct hrtimer timer;
};

static inline struct kvm_lapic *to_kvm_lapic(struct lapic *core)
{
	return container_of(core, struct kvm_lapic, core);
}

/**
 * struct kvm_apic_map - the destination map, under RCU
 */
struct kvm_apic_map {
	struct rcu_head rcu;
	struct lapic_map map;
};

/* lapic.c */
void kvm_lapic_apply(struct kvm_lapic *kl, u32 fx);
/* Any context: the vCPU has to look at its interrupts. */
void kvm_lapic_wake(struct kvm_lapic *kl);

/* lapic_pages.c */
bool kvm_lapic_take_pages(struct kvm_lapic *kl);
void kvm_lapic_forget_pages(struct kvm_lapic *kl);
void kvm_lapic_report_tpr(struct kvm_vcpu *vcpu, bool is_write);

/* lapic_virtual.c */
int kvm_lapic_posted_create(struct kvm_lapic *kl);
void kvm_lapic_posted_destroy(struct kvm_lapic *kl);
void kvm_lapic_take_page(struct kvm_lapic *kl);
void kvm_lapic_watch_changed(struct kvm_lapic *kl);
/* Any context: the vCPU has a new request.  The one place that decides how it gets to a vCPU that runs. */
void kvm_lapic_notify(struct kvm_lapic *kl);

/* Before software uses what the processor may have worked on.  Owner, not in the guest. */
static __always_inline void kvm_lapic_use_page(struct kvm_lapic *kl)
{
	if (unlikely(kl->core.posted))
		kvm_lapic_take_page(kl);
}

/* lapic_timer.c */
void kvm_lapic_timer_init(struct kvm_lapic *kl);
void kvm_lapic_timer_destroy(struct kvm_lapic *kl);
void kvm_lapic_timer_update(struct kvm_lapic *kl);
void kvm_lapic_timer_flush(struct kvm_lapic *kl);
extern unsigned int kvm_min_timer_period_us;

/* lapic_deliver.c */
void kvm_apic_map_update(struct kvm *kvm);
int kvm_lapic_get_state(struct kvm_vcpu *vcpu, struct kvm_lapic_state *state);

/* ioapic.c: vectors of edge-triggered pins whose EOI somebody waits for, to a new local APIC */
void kvm_ioapic_watch_vcpu(struct kvm_vcpu *vcpu);
/* pic.c: LINT0 follows the PIC's output where it is not used as ExtINT */
void kvm_pic_lint0_changed(struct kvm_vcpu *vcpu);

#endif /* KVM_X86_IRQCHIP_LAPIC_H */
