// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer on a host timer.
 *
 * The host timer is a hint: when it fires, the state of the APIC says whether something is due.  Guests write the TSC
 * deadline far more often than it is reached, mostly to move it away.  So a timer that is armed for too early a time may
 * stay, and moves on when it fires; a guest that makes it fire in vain has to pay for arming for a while.
 *
 * The protocol between the vCPU, which writes the deadline and then looks whether the timer is armed, and the callback,
 * which takes "armed" away and then looks at the deadline: both steps are separated by full barriers, so at least one
 * sees the other.  What is not the fast path is under timer_lock.
 *
 * Between the host timer and the guest's handler lies a way that takes about the same time each time.  So the timer fires
 * that much before a TSC deadline, and what is left is waited for with the interrupt injected and the guest not entered.
 * How much it is each vCPU learns from how late it was, or how long it waited.
 *
 * A backend may have a timer that ends guest mode (VMX-preemption timer).  Then a TSC deadline that the host timer would
 * have to be armed for is left to it: vcpu->arch.hw_deadline.  Outside of guest mode it does not run, and need not: a vCPU
 * that was preempted or is in the VMM finds out when it enters again.  One that waits must be woken: before that, the host
 * timer is armed after all.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "clock.h"
#include "lapic.h"
#include "trace_x86.h"

unsigned int kvm_min_timer_period_us = 200;
module_param_named(min_timer_period_us, kvm_min_timer_period_us, uint, 0644);
MODULE_PARM_DESC(min_timer_period_us, "Shortest period of a guest's periodic timer, microseconds");

static bool lapic_timer_advance = true;
module_param(lapic_timer_advance, bool, 0444);
MODULE_PARM_DESC(lapic_timer_advance,
		 "fire before a TSC deadline by what it takes to get into the guest");

/* Arms that a timer which fired in vain costs. */
#define LAZY_PENALTY 8

#define MAX_SLEEP_NS (3600ULL * NSEC_PER_SEC)

static u64 guest_tsc_now(struct kvm_lapic *kl)
{
	return kvm_guest_tsc(kl->vcpu, rdtsc());
}

/* Host nanoseconds for @ticks of the guest's TSC; not more than an hour, when it will be asked again. */
static u64 guest_ticks_to_ns(struct kvm_lapic *kl, u64 ticks)
{
	u32 khz = READ_ONCE(kl->vcpu->arch.clock.virtual_tsc_khz) ?: tsc_khz;

	if (ticks > khz * (MAX_SLEEP_NS / NSEC_PER_MSEC))
		return MAX_SLEEP_NS;
	return mul_u64_u32_div(ticks, NSEC_PER_MSEC, khz) + 1;
}

/* What comes early is waited for before an entry, so it must not reach a guest that runs. */
static void fire(struct kvm_lapic *kl)
{
	if (lapic_timer_fire(&kl->core) != LAPIC_ACCEPTED)
		return;
	if (READ_ONCE(kl->early))
		kvm_lapic_wake(kl);
	else
		kvm_lapic_notify(kl);
}

static u64 advance_ticks(const struct kvm_lapic *kl)
{
	u32 khz = READ_ONCE(kl->vcpu->arch.clock.virtual_tsc_khz) ?: tsc_khz;

	return mul_u64_u32_div(READ_ONCE(kl->advance_ns), khz, NSEC_PER_MSEC);
}

/* Is the deadline reached, or so near that the interrupt may be on its way? */
static bool deadline_expires(struct kvm_lapic *kl, u64 tsc)
{
	u64 deadline = lapic_deadline_expire(&kl->core, tsc + advance_ticks(kl));

	if (!deadline)
		return false;
	if (kl->advance_ns)
		WRITE_ONCE(kl->early, deadline);
	return true;
}

/* ns from @tsc until the host timer shall fire for @deadline, which is later */
static u64 ns_to_fire(struct kvm_lapic *kl, u64 deadline, u64 tsc)
{
	u64 ns = guest_ticks_to_ns(kl, deadline - tsc), advance = READ_ONCE(kl->advance_ns);

	return ns > advance ? ns - advance : 0;
}

static void learn_advance(struct kvm_lapic *kl, s64 off)
{
	WRITE_ONCE(kl->advance_ns, lapic_learn_advance(kl->advance_ns, off));
}

void kvm_lapic_timer_wait(struct kvm_vcpu *vcpu, int vector)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	u64 deadline = READ_ONCE(kl->early), tsc, ns;

	if (likely(!deadline) || (u8)lapic_get(&kl->core, LAPIC_LVT_TIMER) != vector)
		return;
	WRITE_ONCE(kl->early, 0);
	tsc = guest_tsc_now(kl);
	trace_kvm_wait_lapic_expire(vcpu->id, tsc - deadline);
	if (tsc >= deadline) {
		learn_advance(kl, -(s64)guest_ticks_to_ns(kl, tsc - deadline));
		return;
	}
	ns = guest_ticks_to_ns(kl, deadline - tsc);
	/* A TSC that was written meanwhile is not waited for. */
	if (ns > LAPIC_ADVANCE_MAX)
		return;
	ndelay(ns);
	learn_advance(kl, ns);
}

/*
 * The timer is due, or was left armed too early.  @next: when it has to be armed for, 0: not at all.  timer_lock held.
 * Returns whether the interrupt is to be raised.
 */
static bool expire(struct kvm_lapic *kl, u64 now, u64 *next)
{
	u64 at, deadline, tsc;

	*next = 0;
	if (kl->core.timer.mode != LAPIC_TIMER_DEADLINE) {
		if (!READ_ONCE(kl->core.timer.counting))
			return false;
		at = lapic_timer_next(&kl->core, now);
		if (at != LAPIC_TIMER_NEVER)
			*next = at;
		return true;
	}

	tsc = guest_tsc_now(kl);
	if (deadline_expires(kl, tsc))
		return true;
	kl->lazy_debt = LAZY_PENALTY;
	deadline = lapic_read_deadline(&kl->core);
	if (deadline > tsc)
		*next = now + ns_to_fire(kl, deadline, tsc);
	else if (deadline)
		*next = now; /* it was written just now */
	return false;
}

/* Raises what is due.  Returns when the host timer has to fire next, 0: not at all.  timer_lock held. */
static u64 run_timer(struct kvm_lapic *kl, bool *due)
{
	u64 now = ktime_get_ns(), next;

	*due = false;
	if (!kl->armed || now < kl->armed)
		return kl->armed;
	/* A full barrier: see above. */
	xchg(&kl->armed, 0);
	*due = expire(kl, now, &next);
	WRITE_ONCE(kl->armed, next);
	return next;
}

static enum hrtimer_restart timer_fn(struct hrtimer *timer)
{
	struct kvm_lapic *kl = container_of(timer, struct kvm_lapic, timer);
	enum hrtimer_restart ret = HRTIMER_NORESTART;
	unsigned long flags;
	bool due;
	u64 next;

	raw_spin_lock_irqsave(&kl->timer_lock, flags);
	next = run_timer(kl, &due);
	/* Somebody may have started it again meanwhile. */
	if (next && !hrtimer_is_queued(timer)) {
		hrtimer_set_expires(timer, ns_to_ktime(next));
		ret = HRTIMER_RESTART;
	}
	raw_spin_unlock_irqrestore(&kl->timer_lock, flags);

	if (due)
		fire(kl);
	return ret;
}

/* timer_lock held */
static void start(struct kvm_lapic *kl, u64 at)
{
	kl->timer_cpu = smp_processor_id();
	hrtimer_start(&kl->timer, ns_to_ktime(at), HRTIMER_MODE_ABS_PINNED_HARD);
}

static void arm(struct kvm_lapic *kl, u64 at)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&kl->timer_lock, flags);
	if (kl->lazy_debt)
		kl->lazy_debt--;
	WRITE_ONCE(kl->armed, at);
	start(kl, at);
	raw_spin_unlock_irqrestore(&kl->timer_lock, flags);
}

static void disarm(struct kvm_lapic *kl)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&kl->timer_lock, flags);
	if (kl->lazy_debt)
		kl->lazy_debt--;
	WRITE_ONCE(kl->armed, 0);
	hrtimer_try_to_cancel(&kl->timer);
	raw_spin_unlock_irqrestore(&kl->timer_lock, flags);
}

/* The deadline has been written (with a full barrier).  @by_host: not to be left to the backend. */
static void set_deadline(struct kvm_lapic *kl, bool by_host)
{
	u64 deadline = lapic_read_deadline(&kl->core);
	u64 armed, at, tsc;

	kl->vcpu->arch.hw_deadline = 0;
	if (!deadline) {
		if (READ_ONCE(kl->armed) && kl->lazy_debt)
			disarm(kl);
		return;
	}
	/* In this order: who is preempted in between arms too early, which is put right, and not too late. */
	at = ktime_get_ns();
	tsc = guest_tsc_now(kl);
	if (deadline_expires(kl, tsc)) {
		fire(kl);
		return;
	}
	/* The callback was first. */
	if (deadline <= tsc)
		return;
	at += ns_to_fire(kl, deadline, tsc);
	armed = READ_ONCE(kl->armed);
	if (armed && armed <= at && !kl->lazy_debt)
		return;
	if (kvm_backend.caps.deadline_timer && !by_host)
		kl->vcpu->arch.hw_deadline = deadline;
	else
		arm(kl, at);
	trace_kvm_hv_timer_state(kl->vcpu->id, kl->vcpu->arch.hw_deadline != 0);
}

static void update_deadline(struct kvm_lapic *kl)
{
	set_deadline(kl, false);
}

void kvm_lapic_deadline_to_host(struct kvm_vcpu *vcpu)
{
	if (vcpu->arch.hw_deadline)
		set_deadline(vcpu->arch.apic, true);
}

/**
 * kvm_lapic_timer_update() - the guest has written a register of the timer
 * @kl: the APIC
 *
 * Context: vCPU; IRQs may be off
 */
void kvm_lapic_timer_update(struct kvm_lapic *kl)
{
	u64 next;

	if (kl->core.timer.mode == LAPIC_TIMER_DEADLINE) {
		update_deadline(kl);
		return;
	}
	kl->vcpu->arch.hw_deadline = 0;
	next = lapic_timer_next(&kl->core, kl->core.timer.origin);
	if (next != LAPIC_TIMER_NEVER)
		arm(kl, next);
	else if (READ_ONCE(kl->armed))
		disarm(kl);
}

/**
 * kvm_lapic_timer_flush() - raise what is due although the host timer has yet to fire
 * @kl: the APIC
 *
 * So that a state that is saved now has either the count or the interrupt.
 */
void kvm_lapic_timer_flush(struct kvm_lapic *kl)
{
	unsigned long flags;
	bool due;
	u64 next;

	raw_spin_lock_irqsave(&kl->timer_lock, flags);
	next = run_timer(kl, &due);
	if (due && next)
		start(kl, next);
	raw_spin_unlock_irqrestore(&kl->timer_lock, flags);
	if (due)
		fire(kl);
}

u64 kvm_lapic_get_tsc_deadline(struct kvm_vcpu *vcpu)
{
	return lapic_read_deadline(&vcpu->arch.apic->core);
}

void kvm_lapic_set_tsc_deadline(struct kvm_vcpu *vcpu, u64 deadline)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	if (lapic_write_deadline(&kl->core, deadline))
		update_deadline(kl);
}

/**
 * kvm_lapic_tsc_changed() - the guest's TSC has been written or its rate has changed
 * @vcpu: the vCPU
 *
 * A timer for its deadline would fire at the wrong time.
 */
void kvm_lapic_tsc_changed(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	if (kl && lapic_read_deadline(&kl->core)) {
		kl->lazy_debt = max(kl->lazy_debt, 1U);
		update_deadline(kl);
	}
}

/* A timer of the CPU's own that stands in for the host timer has fired. */
void kvm_lapic_timer_expired(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	if (kl->core.timer.mode == LAPIC_TIMER_DEADLINE)
		update_deadline(kl);
	else
		kvm_lapic_timer_flush(kl);
}
EXPORT_SYMBOL_GPL(kvm_lapic_timer_expired);

void kvm_irqchip_migrate_timers(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	unsigned long flags;

	if (!kl || !READ_ONCE(kl->armed) || kl->timer_cpu == smp_processor_id())
		return;
	raw_spin_lock_irqsave(&kl->timer_lock, flags);
	if (kl->armed)
		start(kl, kl->armed);
	raw_spin_unlock_irqrestore(&kl->timer_lock, flags);
}

void kvm_lapic_timer_init(struct kvm_lapic *kl)
{
	raw_spin_lock_init(&kl->timer_lock);
	kl->advance_ns = lapic_timer_advance ? LAPIC_ADVANCE_BEGIN : 0;
	hrtimer_init(&kl->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	kl->timer.function = timer_fn;
}

void kvm_lapic_timer_destroy(struct kvm_lapic *kl)
{
	hrtimer_cancel(&kl->timer);
}
