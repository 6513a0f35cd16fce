// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU that waits for another one gives it its CPU: directed yield.
 *
 * A guest that spins on a lock whose holder is not running spins in vain.  Who the holder is cannot be known; a vCPU that
 * was scheduled out while it had work may be it.
 */
#include <linux/export.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include "arch.h"

/* Attempts that find nobody to run in the candidate's place, before the spinner is left to itself. */
#define MAX_TRIES 3

/**
 * kvm_vcpu_yield_to() - have the scheduler run another vCPU's thread instead of this one
 * @target: the other vCPU
 *
 * Context: vCPU thread; may sleep
 * Return: >0: it was given the CPU; 0: it has no thread, or it runs; -ESRCH: there is nothing to gain
 */
int kvm_vcpu_yield_to(struct kvm_vcpu *target)
{
	struct task_struct *task = NULL;
	struct pid *pid;
	int r;

	rcu_read_lock();
	pid = rcu_dereference(target->pid);
	if (pid)
		task = get_pid_task(pid, PIDTYPE_PID);
	rcu_read_unlock();
	if (!task)
		return 0;
	r = yield_to(task, true);
	put_task_struct(task);
	return r;
}

/*
 * Who was itself caught spinning is passed over every other time: he would do nothing but spin, unless he has been waited
 * for long enough.
 */
static bool is_eligible(struct kvm_vcpu *vcpu)
{
	bool turn;

	if (!READ_ONCE(vcpu->spinning))
		return true;
	turn = READ_ONCE(vcpu->spin_turn);
	WRITE_ONCE(vcpu->spin_turn, !turn);
	return turn;
}

static bool may_hold_lock(struct kvm_vcpu *vcpu, bool kernel_only)
{
	if (!READ_ONCE(vcpu->preempted))
		return false;
	return !kernel_only || kvm_arch_vcpu_preempted_in_kernel(vcpu);
}

/**
 * kvm_vcpu_on_spin() - the guest spins
 * @me: current, loaded
 * @kernel_only: its kernel spins, so the lock's holder is in its kernel, too
 *
 * Looks through the vCPUs that were preempted, from the one behind the last that was helped on.
 *
 * Context: may sleep
 */
void kvm_vcpu_on_spin(struct kvm_vcpu *me, bool kernel_only)
{
	struct kvm *kvm = me->kvm;
	u32 nr = smp_load_acquire(&kvm->nr_vcpus);
	u32 at = READ_ONCE(kvm->last_boosted), i;
	int tries = MAX_TRIES, r;
	struct kvm_vcpu *vcpu;

	WRITE_ONCE(me->spinning, true);
	for (i = 0; i < nr && tries; i++) {
		at = at + 1 < nr ? at + 1 : 0;
		vcpu = xa_load(&kvm->vcpus, at);
		if (!vcpu || vcpu == me || !may_hold_lock(vcpu, kernel_only) || !is_eligible(vcpu))
			continue;
		me->stat.directed_yield_attempted++;
		r = kvm_vcpu_yield_to(vcpu);
		if (r > 0) {
			WRITE_ONCE(kvm->last_boosted, at);
			me->stat.directed_yield_successful++;
			break;
		}
		if (r < 0)
			tries--;
	}
	WRITE_ONCE(me->spinning, false);
	WRITE_ONCE(me->spin_turn, false);
}
