// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest state that this processor cannot be entered with: instructions and events are carried out in software until it
 * can.
 *
 * There are two kinds.  Without unrestricted guest, real mode is not known to the processor at all (SDM vol. 3C, 27.3.1.1).
 * And in every mode software can load segment registers that an entry refuses (27.3.1.2): between setting CR0.PE and the
 * far jump that follows CS is no code segment, big real mode has limits that a fresh real mode has not, and the VMM sets
 * whatever it likes.
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

static bool can_be_entered(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	const struct vmx_seg *s;
	unsigned int from = 0;
	struct vmx_entry e;

	e.cr0 = kvm_cr0_read(vcpu);
	/* Without unrestricted guest CR0.PE is always set in hardware, so this is not left to the rules. */
	if (!vmx_hw.unrestricted && !(e.cr0 & X86_CR0_PE))
		return false;
	e.rflags = vmx_get_rflags(vcpu);
	e.rip = kvm_rip_read(vcpu);
	e.cpu = vmx->control[VMX_CTL_CPU];
	e.cpu2 = vmx->control[VMX_CTL_CPU2];
	e.entry = vmx->control[VMX_CTL_ENTRY];
	e.lin_bits = boot_cpu_data.x86_virt_bits;
	e.gdtr_base = vmcs_read_natural(GUEST_GDTR_BASE);
	e.idtr_base = vmcs_read_natural(GUEST_IDTR_BASE);
#define X(name, reg)                \
	s = vmx_seg(vmx, reg);      \
	e.name##_sel = s->selector; \
	e.name##_base = s->base;    \
	e.name##_limit = s->limit;  \
	e.name##_ar = s->ar;
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
	bool was = vmx->emulation_required;

	vmx->emulation_required = vmx_hw.emulates_invalid && !can_be_entered(vmx);
	/* In software, interrupts are injected as without a virtual APIC. */
	if (unlikely(was != vmx->emulation_required))
		vmx_update_apicv(&vmx->vcpu);
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
			if (!vmx->emulation_required)
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
