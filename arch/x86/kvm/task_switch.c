// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware task switches: a processor that virtualizes leaves them to its hypervisor (APM vol. 2, 15.14.1; SDM vol. 3C,
 * 26.4.2).
 *
 * The emulator does the switch (emulate/task.c).  What is left here: where the old task goes on, what becomes of the
 * event that was on its way through a task gate, and whose fault it is when the switch fails.
 */
#include <linux/module.h>

#include "debug.h"
#include "emul.h"
#include "events.h"
#include "regs.h"
#include "run.h"

/* Local breakpoints and local exact matching end with the task (APM vol. 2, 13.1.1.3). */
#define DR7_LOCAL (BIT(0) | BIT(2) | BIT(4) | BIT(6) | BIT(8))

static bool find_length(struct kvm_emul *e, unsigned int *len)
{
	if (*len)
		return true;
	if (emul_decode(&e->ctxt) != EMUL_DONE)
		return false;
	*len = e->ctxt.insn.len;
	return true;
}

static u16 task_register(struct kvm_vcpu *vcpu)
{
	struct kvm_segment tr;

	kvm_x86_call(get_segment)(vcpu, &tr, VCPU_SREG_TR);
	return tr.selector;
}

static void end_local_breakpoints(struct kvm_vcpu *vcpu)
{
	kvm_x86_call(sync_debug)(vcpu);
	if (!(vcpu->arch.debug.dr7 & DR7_LOCAL))
		return;
	vcpu->arch.debug.dr7 &= ~(unsigned long)DR7_LOCAL;
	kvm_x86_call(update_debug)(vcpu);
}

/* Whatever came through the gate has arrived, or is given up for the fault that it met. */
static void drop_event(struct kvm_vcpu *vcpu)
{
	kvm_clear_injected(vcpu);
}

/**
 * kvm_task_switch() - do the task switch that the vCPU exited for
 * @vcpu: current; RIP is at the instruction, or for an event where it is to come back to
 * @ts: what the processor says about it
 *
 * The selector has passed the processor's checks of privilege only.  An event that comes through a gate is expected in
 * the queue as injected, unless it is a software one.
 *
 * Context: interrupts on, SRCU held, may sleep
 * Return: a tier or an errno; APM vol. 2, 12.4
 */
int kvm_task_switch(struct kvm_vcpu *vcpu, const struct kvm_task_switch *ts)
{
	struct kvm_emul *e = vcpu->arch.io.emul;
	u16 old_tr = task_register(vcpu);
	unsigned int len = ts->insn_len;
	enum emul_result res;
	u64 old_rip;

	kvm_emul_load(e);
	old_rip = e->ctxt.rip;
	if (ts->by_insn) {
		if (!find_length(e, &len))
			return kvm_emul_fail(e);
		/* Tasks have no 64-bit mode. */
		e->ctxt.rip = (u32)(old_rip + len);
	}
	if (ts->set_rf)
		e->ctxt.rflags |= X86_EFLAGS_RF;
	e->ctxt.int_shadow = 0;
	res = emul_task_switch(&e->ctxt, ts->selector, ts->reason, ts->has_error, ts->error);

	switch (res) {
	case EMUL_DONE:
		drop_event(vcpu);
		end_local_breakpoints(vcpu);
		return kvm_emul_done(e);
	case EMUL_FAULT:
		if (task_register(vcpu) == old_tr)
			e->ctxt.rip = old_rip;
		else
			end_local_breakpoints(vcpu);
		/* With the event still in the queue: two exceptions can make a double fault. */
		kvm_emul_deliver_fault(e);
		drop_event(vcpu);
		return KVM_REENTER;
	default:
		e->ctxt.rip = old_rip;
		return kvm_emul_fail(e);
	}
}
EXPORT_SYMBOL_GPL(kvm_task_switch);
