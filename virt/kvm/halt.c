// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU with nothing to do: poll for a while, then sleep.
 *
 * The wait/wake protocol: the waker makes its event visible (sets a bit in the IRR, makes a request), then looks at
 * vcpu->mode and, if that is outside the guest, for a sleeper in vcpu->wait; the sleeper, which has left the guest, enters
 * itself in vcpu->wait, sets its task state, then looks for events.  Both have a full barrier in between
 * (kvm_vcpu_kick(), set_current_state()), so at least one sees the other.
 */
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "arch.h"
#include "trace.h"

/* Polling pays when the wake-up comes sooner than a sleep and a wake-up would cost. */
static unsigned int halt_poll_ns = 200000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "longest polling for an event at HLT, ns");

static unsigned int halt_poll_ns_grow = 2;
module_param(halt_poll_ns_grow, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow,
		 "factor by which a short sleep lengthens the polling of a vCPU");

static unsigned int halt_poll_ns_grow_start = 10000;
module_param(halt_poll_ns_grow_start, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow_start, "polling begins with this, ns");

static unsigned int halt_poll_ns_shrink = 2;
module_param(halt_poll_ns_shrink, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_shrink, "divisor by which a long sleep shortens it, 0: to none");

static u64 max_poll_ns(struct kvm *kvm)
{
	/* Pairs with the release when KVM_CAP_HALT_POLL is enabled. */
	if (smp_load_acquire(&kvm->override_halt_poll_ns))
		return READ_ONCE(kvm->max_halt_poll_ns);
	return READ_ONCE(halt_poll_ns);
}

/* Why a sleep must end; also the condition of polling. */
static bool should_stop(struct kvm_vcpu *vcpu)
{
	if (kvm_arch_vcpu_runnable(vcpu)) {
		vcpu->valid_wakeup = true;
		return true;
	}
	return kvm_check_request(vcpu, KVM_REQ_UNBLOCK) || signal_pending(current);
}

/* Returns whether it slept at all. */
static bool block(struct kvm_vcpu *vcpu)
{
	bool slept = false;

	vcpu->stat.blocking = 1;
	preempt_disable();
	kvm_arch_vcpu_blocking(vcpu);
	prepare_to_rcuwait(&vcpu->wait);
	preempt_enable();

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (should_stop(vcpu))
			break;
		slept = true;
		schedule();
	}

	preempt_disable();
	finish_rcuwait(&vcpu->wait);
	kvm_arch_vcpu_unblocking(vcpu);
	preempt_enable();
	vcpu->stat.blocking = 0;
	return slept;
}

static void grow_polling(struct kvm_vcpu *vcpu, u64 max)
{
	unsigned int grow = READ_ONCE(halt_poll_ns_grow);

	if (!grow)
		return;
	vcpu->halt_poll_ns =
		max_t(u64, vcpu->halt_poll_ns * grow, READ_ONCE(halt_poll_ns_grow_start));
	vcpu->halt_poll_ns = min(vcpu->halt_poll_ns, max);
}

static void shrink_polling(struct kvm_vcpu *vcpu)
{
	unsigned int shrink = READ_ONCE(halt_poll_ns_shrink);

	vcpu->halt_poll_ns = shrink ? vcpu->halt_poll_ns / shrink : 0;
	if (vcpu->halt_poll_ns < READ_ONCE(halt_poll_ns_grow_start))
		vcpu->halt_poll_ns = 0;
}

/* @waited: ns from HLT to the wake-up */
static void adjust_polling(struct kvm_vcpu *vcpu, u64 waited)
{
	u64 max = max_poll_ns(vcpu->kvm), old = vcpu->halt_poll_ns;

	if (!max) {
		vcpu->halt_poll_ns = 0;
	} else if (!vcpu->valid_wakeup) {
		shrink_polling(vcpu);
	} else if (waited <= vcpu->halt_poll_ns) {
		return;
	} else if (waited > max && vcpu->halt_poll_ns) {
		shrink_polling(vcpu);
	} else if (waited < max && vcpu->halt_poll_ns < max) {
		grow_polling(vcpu, max);
	}
	if (vcpu->halt_poll_ns != old)
		trace_kvm_halt_poll_ns(vcpu->halt_poll_ns > old, vcpu->id, vcpu->halt_poll_ns, old);
}

/* Polling takes from nobody but the idle task. */
static bool may_poll(struct kvm_vcpu *vcpu)
{
	return vcpu->halt_poll_ns && !kvm_arch_no_poll(vcpu) && single_task_running();
}

/* From @start on; @now: when it ended.  True when an event came while polling. */
static bool poll(struct kvm_vcpu *vcpu, u64 start, u64 *now)
{
	u64 stop = start + vcpu->halt_poll_ns;

	vcpu->stat.halt_attempted_poll++;
	do {
		if (should_stop(vcpu)) {
			*now = ktime_get_ns();
			vcpu->stat.halt_successful_poll++;
			if (!vcpu->valid_wakeup)
				vcpu->stat.halt_poll_invalid++;
			vcpu->stat.halt_poll_success_ns += *now - start;
			KVM_STATS_LOG_HIST_ADD(vcpu->stat.halt_poll_success_hist, *now - start);
			return true;
		}
		cpu_relax();
		*now = ktime_get_ns();
	} while (single_task_running() && !need_resched() && *now < stop);

	vcpu->stat.halt_poll_fail_ns += *now - start;
	KVM_STATS_LOG_HIST_ADD(vcpu->stat.halt_poll_fail_hist, *now - start);
	return false;
}

/* Sleep, from @start on; @now: when it ended.  Returns whether it slept at all. */
static bool sleep(struct kvm_vcpu *vcpu, u64 start, u64 *now)
{
	if (!block(vcpu))
		return false;
	*now = ktime_get_ns();
	vcpu->stat.halt_wait_ns += *now - start;
	KVM_STATS_LOG_HIST_ADD(vcpu->stat.halt_wait_hist, *now - start);
	return true;
}

void kvm_vcpu_halt(struct kvm_vcpu *vcpu)
{
	u64 start = ktime_get_ns(), now = start, max = max_poll_ns(vcpu->kvm);
	bool waited = false;

	vcpu->valid_wakeup = false;
	if (vcpu->halt_poll_ns > max)
		vcpu->halt_poll_ns = max;
	if (!may_poll(vcpu) || !poll(vcpu, start, &now))
		waited = sleep(vcpu, now, &now);
	trace_kvm_vcpu_wakeup(now - start, waited, vcpu->valid_wakeup);
	adjust_polling(vcpu, now - start);
}

void kvm_vcpu_block(struct kvm_vcpu *vcpu)
{
	vcpu->valid_wakeup = false;
	block(vcpu);
}
