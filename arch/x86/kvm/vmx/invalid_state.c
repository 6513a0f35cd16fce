// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest state that this processor cannot be entered with: instructions and events are carried out in software until it
 * can.
 *
 * There are two kinds.  Without unrestricted guest, real mode is not known to the processor at all (SDM vol. 3C, 27.3.1.1);
 * what cannot be entered as virtual-8086 mode instead (vm86.c) is left.  And in every mode software can load segment registers
 * that an entry refuses (27.3.1.2): between setting CR0.PE and the far jump that follows CS is no code segment, and the VMM
 * sets whatever it likes.
 *
 * What is to be injected goes the usual way: the queue chooses it, vmx_run() takes it back (vmx_cancel_injection()) before
 * the entry that does not happen, and it is delivered here.
 */
#include <linux/sched/signal.h>

#include "events.h"
#include "io_x86.h"
#include "run.h"
#include "vmx/entry_check.h"
#include "vmx/vmx.h"

/* Instructions before the outer loop looks at what it has to look at. */
#define MAX_INSTRUCTIONS 1024

#define SEGMENTS(X)         \
	X(es, VCPU_SREG_ES) \
	X(cs, VCPU_SREG_CS) \
	X(ss, VCPU_SREG_SS) \
	X(ds, VCPU_SREG_DS) \
	X(fs, VCPU_SREG_FS) X(gs, VCPU_SREG_GS) X(ldtr, VCPU_SREG_LDTR) X(tr, VCPU_SREG_TR)

/* As it is, or @vm86: as a virtual-8086 task. */
static bool can_be_entered(struct vcpu_vmx *vmx, bool vm86)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	unsigned int from = 0;
	struct vmx_entry e;
	struct vmx_seg s;

	e.cr0 = kvm_cr0_read(vcpu) | (vm86 ? X86_CR0_PE : 0);
	e.rflags = vmx_get_rflags(vcpu) | (vm86 ? X86_EFLAGS_VM : 0);
	e.rip = kvm_rip_read(vcpu);
	e.cpu = vmx->control[VMX_CTL_CPU];
	e.cpu2 = vmx->control[VMX_CTL_CPU2];
	e.entry = vmx->control[VMX_CTL_ENTRY];
	e.lin_bits = boot_cpu_data.x86_virt_bits;
	e.gdtr_base = vmcs_read_natural(GUEST_GDTR_BASE);
	e.idtr_base = vmcs_read_natural(GUEST_IDTR_BASE);
	if (vm86 && !vmx_vm86_vectors(e.idtr_base, vmcs_read32(GUEST_IDTR_LIMIT)))
		return false;
#define X(name, reg)                                 \
	s = *vmx_seg(vmx, reg);                      \
	if (vm86 && !vmx_vm86_segment(vmx, reg, &s)) \
		return false;                        \
	e.name##_sel = s.selector;                   \
	e.name##_base = s.base;                      \
	e.name##_limit = s.limit;                    \
	e.name##_ar = s.ar;
	SEGMENTS(X)
#undef X
	return !vmx_entry_check(&e, VMX_CHECK_SEGMENTS, &from);
}

/**
 * vmx_state_changed() - segment registers, control registers, RFLAGS.VM or RIP were set in software
 * @vmx: loaded
 */
void vmx_state_changed(struct vcpu_vmx *vmx)
{
	/* Without unrestricted guest CR0.PE is always set in hardware, so this is not left to the rules. */
	bool real = !vmx_hw.unrestricted && !(kvm_cr0_read(&vmx->vcpu) & X86_CR0_PE);
	u8 was = vmx->detour;

	if (!vmx_hw.emulates_invalid)
		return;
	if (can_be_entered(vmx, real)) {
		vmx->detour &= ~VMX_EMULATE;
		if (!real)
			vmx_vm86_leave(vmx);
		else if (!(was & VMX_VM86))
			vmx_vm86_enter(vmx);
	} else {
		vmx_vm86_leave(vmx);
		vmx->detour |= VMX_EMULATE;
	}
	/* In software, interrupts are injected as without a virtual APIC. */
	if (unlikely((was ^ vmx->detour) & (VMX_EMULATE | VMX_VM86)))
		vmx_update_apicv(&vmx->vcpu);
}

/**
 * vmx_may_enter() - there is a detour: is it one through the processor?
 * @vmx: about to be entered
 *
 * If not, what was to be injected has to be delivered in software, too.
 */
bool vmx_may_enter(struct vcpu_vmx *vmx)
{
	if (!(vmx->detour & (VMX_EMULATE | VMX_DELIVER))) {
		if (unlikely(vmx->detour & VMX_NMI_STEPS))
			vmx_note_iret(vmx);
		if (likely(!(vmx->detour & VMX_VM86) || !vmx->events_to_complete))
			return true;
		vmx->detour |= VMX_DELIVER;
	}
	vmx_cancel_injection(&vmx->vcpu);
	return false;
}

/* Entries refused in a row that are worth another try. */
#define MAX_RESCUES 64

/**
 * vmx_rescue() - an entry was refused for the guest's state
 * @vcpu: current
 *
 * What was not foreseen (an interrupt that the VMM injects while the guest has them off, RIP beyond what addresses are) is
 * carried out in software, one step at a time, as long as that leads anywhere.
 *
 * Return: do so; else it is a failure to report
 */
bool vmx_rescue(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	if (!vmx_hw.emulates_invalid)
		return false;
	if (vcpu->stat.exits != vmx->rescue_exits + 1)
		vmx->rescues = 0;
	vmx->rescue_exits = vcpu->stat.exits;
	if (++vmx->rescues > MAX_RESCUES)
		return false;
	vmx_cancel_injection(vcpu);
	return true;
}

static int one_step(struct kvm_vcpu *vcpu)
{
	if (kvm_events_reinject(&vcpu->arch.events))
		return kvm_emul_deliver_event(vcpu);
	return kvm_emulate_instruction(vcpu, 0, 0, NULL, 0);
}

/**
 * vmx_emulate_invalid_state() - go on in software
 * @vcpu: current, in a state that cannot be entered
 *
 * Bounded: what else there is to do for the vCPU, its thread or its CPU is looked at after each instruction.
 *
 * Context: IRQs on, SRCU held, may sleep
 * Return: a tier or an errno
 */
int vmx_emulate_invalid_state(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	unsigned int n;
	int r;

	for (n = 0; n < MAX_INSTRUCTIONS; n++) {
		r = one_step(vcpu);
		if (r != KVM_REENTER)
			return r;
		if (vmx->state_dirty) {
			vmx->state_dirty = false;
			vmx_state_changed(vmx);
			if (!(vmx->detour & VMX_EMULATE))
				break;
		}
		if (READ_ONCE(vcpu->requests) || signal_pending(current) || need_resched())
			break;
	}
	return KVM_AGAIN;
}

/* After vmx_rescue(): the same, once. */
int vmx_emulate_once(struct kvm_vcpu *vcpu)
{
	int r = one_step(vcpu);

	to_vmx(vcpu)->state_dirty = true;
	return r == KVM_REENTER ? KVM_AGAIN : r;
}
