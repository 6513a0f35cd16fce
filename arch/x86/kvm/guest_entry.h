/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Around the instruction that enters the guest: the host's view of the CPU (RCU, context tracking, lockdep) kept true.  For
 * both backends.
 */
#ifndef KVM_X86_GUEST_ENTRY_H
#define KVM_X86_GUEST_ENTRY_H

#include <linux/context_tracking.h>
#include <linux/ftrace.h>
#include <linux/instrumentation.h>
#include <linux/irqflags.h>
#include <linux/rcupdate.h>

#include "debug.h"

/* noinstr, IRQs off: the next thing that happens is the guest, in which the host's interrupts count as on. */
static __always_inline void kvm_host_view_enter(void)
{
	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();
	context_tracking_guest_enter();
	lockdep_hardirqs_on(CALLER_ADDR0);
}

static __always_inline void kvm_host_view_exit(void)
{
	lockdep_hardirqs_off(CALLER_ADDR0);
	context_tracking_guest_exit();
	instrumentation_begin();
	trace_hardirqs_off_finish();
	instrumentation_end();
}

/* A CPU that stays in the guest is quiescent; one whose context is tracked says so itself at every entry. */
static __always_inline void kvm_note_quiescent(void)
{
	if (!context_tracking_enabled_this_cpu())
		rcu_virt_note_context_switch();
}

/* The VMM debugs the guest in a way that takes the hardware. */
static __always_inline bool kvm_vmm_debugs(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.debug.control & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP);
}

#endif /* KVM_X86_GUEST_ENTRY_H */
