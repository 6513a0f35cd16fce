// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: injection (SDM vol. 3C, 27.6), what became of them (28.2.4), windows, NMI blocking, interrupt shadows.
 *
 * Software interrupts, INT3 and INTO.  When the guest's own instruction was being delivered, RIP still is that
 * instruction's and nothing must be queued: it is executed again.  So only those that were injected are queued again.
 * Injection takes the length of the instruction at RIP for the return address.  Where there is none (a debugger wants the
 * guest to see #BP), it is injected as an exception of the hardware, which returns to RIP.
 *
 * NMIs are blocked from delivery to IRET.  With virtual NMIs the processor keeps account of that.  Without them, no exit
 * tells when IRET is executed, so that a handler is run instruction by instruction (monitor trap flag) until that was one.
 * Where there is not even that, handlers are known to run with interrupts off: the moment at which interrupts become
 * possible is taken for the end, and a guest that waits with interrupts off is given its NMI after a second.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <asm/trapnr.h>

#include "debug.h"
#include "events.h"
#include "mmu/mmu.h"
#include "soft_event.h"
#include "vmx/vmx.h"

#define NMI_MASKED_AT_MOST_NS NSEC_PER_SEC
#define SHADOW (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

static void write_event(struct vcpu_vmx *vmx, u32 info, u32 error)
{
	vmx->entry_info = info | INTR_INFO_VALID_MASK;
	vmx->entry_error = error;
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, vmx->entry_info);
	if (info & INTR_INFO_DELIVER_CODE_MASK)
		vmcs_write32(VM_ENTRY_EXCEPTION_ERROR_CODE, error);
	vmx->events_to_complete = true;
}

static bool is_soft_exception(u8 vector)
{
	return vector == X86_TRAP_BP || vector == X86_TRAP_OF;
}

/* ---- the instruction at RIP */

/* What is at hand of the @n bytes at RIP. */
static unsigned int read_insn(struct kvm_vcpu *vcpu, u8 *bytes, unsigned int n)
{
	u64 access = KVM_PF_FETCH | (vmx_get_cpl(vcpu) == 3 ? KVM_PF_USER : 0);
	unsigned long linear = kvm_linear_rip(vcpu);
	unsigned int done = 0, part;
	gpa_t gpa;

	for (; done < n; done += part) {
		part = min_t(unsigned int, n - done, PAGE_SIZE - offset_in_page(linear + done));
		gpa = kvm_gva_to_gpa_nofault(vcpu, linear + done, access);
		if (gpa == INVALID_GPA ||
		    kvm_vcpu_read_guest_nofault(vcpu, gpa, bytes + done, part))
			break;
	}
	return done;
}

/* Length of INT n, INT3 or INTO.  @usual: when the instruction is not at hand.  0: there is something else at RIP. */
static unsigned int soft_event_len(struct kvm_vcpu *vcpu, unsigned int usual)
{
	u8 bytes[15];
	unsigned int n = read_insn(vcpu, bytes, sizeof(bytes));
	int len = x86_soft_event_len(bytes, n, is_64_bit_mode(vcpu));

	return len < 0 ? usual : min_t(unsigned int, len, sizeof(bytes));
}

static bool is_iret(struct kvm_vcpu *vcpu)
{
	u8 bytes[15];
	unsigned int n = read_insn(vcpu, bytes, sizeof(bytes));
	unsigned int i = x86_count_prefixes(bytes, n, is_64_bit_mode(vcpu));

	return i < n && bytes[i] == 0xcf;
}

/* ---- injection */

/*
 * A guest whose HLT does not exit may be halted in hardware.  Interrupts and NMIs wake it by themselves; what else comes is
 * a VMM's doing, and an entry takes neither exceptions nor a shadow in that state (SDM vol. 3C, 27.3.1.5).
 */
static void end_halt(struct vcpu_vmx *vmx)
{
	if (unlikely(vmx->vcpu.arch.disabled_exits & KVM_X86_DISABLE_EXITS_HLT))
		vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
}

/*
 * A hardware exception pushes an error code exactly when its vector has one and the guest is in protected mode; older
 * processors refuse anything else (SDM vol. 3C, 27.2.1.3).
 */
static bool pushes_error_code(struct vcpu_vmx *vmx, const struct kvm_exception *e)
{
	bool protected = is_protmode(&vmx->vcpu);

	if (!protected || (vmx_hw.basic & VMX_BASIC_NO_ERROR_CODE_CHECK))
		return protected && e->has_error_code;
	return kvm_exception_has_error_code(e->vector, protected) && e->vector <= X86_TRAP_AC;
}

void vmx_inject_exception(struct kvm_vcpu *vcpu)
{
	struct kvm_exception *e = &vcpu->arch.events.exception;
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	unsigned int len = is_soft_exception(e->vector) ? soft_event_len(vcpu, 1) : 0;

	end_halt(vmx);
	if (len) {
		vmcs_write32(VM_ENTRY_INSTRUCTION_LEN, len);
		write_event(vmx, e->vector | INTR_TYPE_SOFT_EXCEPTION, 0);
	} else if (pushes_error_code(vmx, e)) {
		/* Bits 31:16 are reserved. */
		write_event(vmx, e->vector | INTR_TYPE_HARD_EXCEPTION | INTR_INFO_DELIVER_CODE_MASK,
			    (u16)e->error_code);
	} else {
		write_event(vmx, e->vector | INTR_TYPE_HARD_EXCEPTION, 0);
	}
}

static void end_shadow(struct vcpu_vmx *vmx)
{
	vmx_set_intr_state(vmx, vmx_intr_state(vmx) & ~SHADOW);
	vmx->recheck_shadow = true;
}

void vmx_inject_irq(struct kvm_vcpu *vcpu, bool reinject)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	u32 type = INTR_TYPE_EXT_INTR;

	if (vcpu->arch.events.irq_soft) {
		vmcs_write32(VM_ENTRY_INSTRUCTION_LEN, soft_event_len(vcpu, 2) ?: 2);
		type = INTR_TYPE_SOFT_INTR;
	} else if (unlikely(reinject && !vmx_irq_allowed(vcpu))) {
		/* A VMM has put it there (KVM_SET_VCPU_EVENTS): no entry would take it. */
		end_shadow(vmx);
		if (!vmx_irq_allowed(vcpu)) {
			vmx->detour |= VMX_DELIVER;
			return;
		}
	}
	write_event(vmx, vcpu->arch.events.irq_vector | type, 0);
}

void vmx_inject_nmi(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	/* Only a VMM can ask for it in a shadow. */
	if (unlikely(vmx_intr_state(vmx) & SHADOW))
		end_shadow(vmx);
	write_event(vmx, X86_TRAP_NMI | INTR_TYPE_NMI_INTR, 0);
	/* Virtual NMIs: the delivery does it, and demands that they are not blocked before. */
	vmx_set_nmi_mask(vcpu, !vmx_hw.vnmi);
}

static void requeue(struct vcpu_vmx *vmx, u32 info, u32 error, bool ours)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	u8 vector = info & VECTORING_INFO_VECTOR_MASK;

	switch (info & VECTORING_INFO_TYPE_MASK) {
	case INTR_TYPE_EXT_INTR:
		kvm_requeue_irq(vcpu, vector, false);
		break;
	case INTR_TYPE_NMI_INTR:
		/* Its delivery has begun and blocked them; it begins anew. */
		vmx_set_nmi_mask(vcpu, false);
		kvm_requeue_nmi(vcpu);
		break;
	case INTR_TYPE_HARD_EXCEPTION:
		kvm_requeue_exception(vcpu, vector, info & VECTORING_INFO_DELIVER_CODE_MASK, error);
		break;
	case INTR_TYPE_SOFT_EXCEPTION:
		if (ours)
			kvm_requeue_exception(vcpu, vector, false, 0);
		break;
	case INTR_TYPE_SOFT_INTR:
		if (ours)
			kvm_requeue_irq(vcpu, vector, true);
		break;
	}
}

/*
 * An IRET that faulted had ended the blocking of NMIs already; as the guest has not got beyond it, they are blocked again
 * (SDM vol. 3C, 28.2.3).
 */
static void restore_nmi_blocking(struct vcpu_vmx *vmx)
{
	u32 info;

	if (!vmx_hw.vnmi)
		return;
	switch (vmx_exit_code(vmx)) {
	case EXIT_REASON_EXCEPTION_NMI:
		info = vmx_exit_intr_info(vmx);
		if ((info & INTR_INFO_UNBLOCK_NMI) && (u8)info != X86_TRAP_DF)
			break;
		return;
	case EXIT_REASON_EPT_VIOLATION:
	case EXIT_REASON_PML_FULL:
	case EXIT_REASON_NOTIFY:
		/* All have it in the same bit. */
		if (vmx_nmi_unblocked_by_exit(vmx))
			break;
		return;
	default:
		return;
	}
	vmx_set_intr_state(vmx, vmx_intr_state(vmx) | GUEST_INTR_STATE_NMI);
}

/**
 * vmx_complete_events() - after an exit: was the event that we injected delivered, was the guest delivering one?
 * @vmx: just left
 * @maybe_interrupted: the exit is of a kind that can interrupt a delivery
 */
void vmx_complete_events(struct vcpu_vmx *vmx, bool maybe_interrupted)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	bool ours = vmx->events_to_complete;
	u32 info = 0;

	if (ours) {
		kvm_clear_injected(vcpu);
		vmx->events_to_complete = false;
		/* Without virtual NMIs what is blocked are the host's; the next entry ends that (SDM vol. 3C, 26.3). */
		if (unlikely(!vmx_hw.vnmi && intr_info_is(vmx->entry_info, INTR_TYPE_NMI_INTR)))
			vmx_set_intr_state(vmx, vmx_intr_state(vmx) & ~GUEST_INTR_STATE_NMI);
	}
	if (!maybe_interrupted)
		return;
	info = vmcs_read32(IDT_VECTORING_INFO_FIELD);
	vmx->idt_vectoring = info;
	if (likely(!intr_info_valid(info))) {
		restore_nmi_blocking(vmx);
		return;
	}
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	requeue(vmx, info,
		info & VECTORING_INFO_DELIVER_CODE_MASK ? vmcs_read32(IDT_VECTORING_ERROR_CODE) : 0,
		ours && !((info ^ vmx->entry_info) &
			  (INTR_INFO_INTR_TYPE_MASK | INTR_INFO_VECTOR_MASK)));
}

void vmx_cancel_injection(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	if (!vmx->events_to_complete)
		return;
	vmx->events_to_complete = false;
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	kvm_clear_injected(vcpu);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	requeue(vmx, vmx->entry_info, vmx->entry_error, true);
}

/* ---- interrupt shadow */

u32 vmx_get_interrupt_shadow(struct kvm_vcpu *vcpu)
{
	u32 state = vmx_intr_state(to_vmx(vcpu));

	return (state & GUEST_INTR_STATE_STI ? KVM_X86_SHADOW_INT_STI : 0) |
	       (state & GUEST_INTR_STATE_MOV_SS ? KVM_X86_SHADOW_INT_MOV_SS : 0);
}

void vmx_set_interrupt_shadow(struct kvm_vcpu *vcpu, u32 mask)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	u32 state = vmx_intr_state(vmx) & ~SHADOW;

	if (mask)
		end_halt(vmx);
	/* Not both (SDM vol. 3C, 27.3.1.5); MOV SS blocks more. */
	if (mask & KVM_X86_SHADOW_INT_MOV_SS)
		state |= GUEST_INTR_STATE_MOV_SS;
	else if (mask & KVM_X86_SHADOW_INT_STI)
		state |= GUEST_INTR_STATE_STI;
	vmx_set_intr_state(vmx, state);
	vmx->recheck_shadow = true;
}

/**
 * vmx_fix_single_step() - RFLAGS or the shadow were set in software
 * @vmx: about to be entered
 *
 * An entry with a shadow demands that a pending single-step trap is noted exactly when RFLAGS.TF is set, and STI's shadow
 * that RFLAGS.IF is (SDM vol. 3C, 27.3.1.5).  A VMM that steps shall see every instruction: no shadow then.
 */
void vmx_fix_single_step(struct vcpu_vmx *vmx)
{
	unsigned long rflags = vmx_get_rflags(&vmx->vcpu);
	u32 state = vmx_intr_state(vmx);
	unsigned long pending, want;

	vmx->recheck_shadow = false;
	if (vmx->vcpu.arch.debug.control & KVM_GUESTDBG_SINGLESTEP)
		state &= ~SHADOW;
	if (!(rflags & X86_EFLAGS_IF))
		state &= ~GUEST_INTR_STATE_STI;
	vmx_set_intr_state(vmx, state);

	pending = vmcs_read_natural(GUEST_PENDING_DBG_EXCEPTIONS);
	want = pending & ~(unsigned long)VMX_PENDING_DBG_BS;
	if ((state & SHADOW) && (rflags & X86_EFLAGS_TF) &&
	    !(vmcs_read64(GUEST_IA32_DEBUGCTL) & DEBUGCTLMSR_BTF))
		want |= VMX_PENDING_DBG_BS;
	if (want != pending)
		vmcs_write_natural(GUEST_PENDING_DBG_EXCEPTIONS, want);
}

/* ---- interrupts */

bool vmx_irq_allowed(struct kvm_vcpu *vcpu)
{
	return (vmx_get_rflags(vcpu) & X86_EFLAGS_IF) && !(vmx_intr_state(to_vmx(vcpu)) & SHADOW);
}

void vmx_enable_irq_window(struct kvm_vcpu *vcpu)
{
	vmx_exec_assign(to_vmx(vcpu), CPU_BASED_INTR_WINDOW_EXITING, true);
}

/**
 * vmx_open_irq_window() - interrupts have become possible
 * @vmx: just left
 * Context: IRQs may be off
 */
int vmx_open_irq_window(struct vcpu_vmx *vmx)
{
	vmx->vcpu.stat.irq_window_exits++;
	vmx_exec_assign(vmx, CPU_BASED_INTR_WINDOW_EXITING, false);
	if (unlikely(vmx->nmi_masked && !(vmx->detour & VMX_NMI_STEPS)))
		vmx_set_nmi_mask(&vmx->vcpu, false);
	kvm_make_request(&vmx->vcpu, KVM_REQ_EVENT);
	return KVM_REENTER;
}

/* ---- NMIs */

bool vmx_get_nmi_mask(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	return vmx_hw.vnmi ? vmx_intr_state(vmx) & GUEST_INTR_STATE_NMI : vmx->nmi_masked;
}

void vmx_set_nmi_mask(struct kvm_vcpu *vcpu, bool masked)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	u32 state = vmx_intr_state(vmx);

	if (vmx_hw.vnmi) {
		vmx_set_intr_state(vmx, masked ? state | GUEST_INTR_STATE_NMI :
						 state & ~GUEST_INTR_STATE_NMI);
		return;
	}
	if (masked && !vmx->nmi_masked)
		vmx->nmi_masked_since = ktime_get_ns();
	vmx->nmi_masked = masked;
	if (!vmx_has(CPU, CPU_BASED_MONITOR_TRAP_FLAG))
		return;
	vmx->detour = masked ? vmx->detour | VMX_NMI_STEPS : vmx->detour & ~VMX_NMI_STEPS;
	vmx_exec_assign(vmx, CPU_BASED_MONITOR_TRAP_FLAG, masked);
}

/**
 * vmx_note_iret() - an NMI is being handled, without virtual NMIs: is the next instruction its end?
 * @vmx: about to be entered, with VMX_NMI_STEPS
 *
 * What an entry delivers, a debug exception that it has been holding back included, comes before the instruction, and is a
 * step of its own (SDM vol. 3C, 26.5.2).  IRET ends the blocking even when it faults; if it exits, the next entry is asked
 * again.  A virtual interrupt that is delivered in place of an IRET is not noticed: NMIs become possible a handler too early.
 */
void vmx_note_iret(struct vcpu_vmx *vmx)
{
	vmx->at_iret = !vmx->events_to_complete &&
		       !vmcs_read_natural(GUEST_PENDING_DBG_EXCEPTIONS) && is_iret(&vmx->vcpu);
}

bool vmx_nmi_allowed(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	if (unlikely(vmx->nmi_masked && !(vmx->detour & VMX_NMI_STEPS) &&
		     ktime_get_ns() - vmx->nmi_masked_since > NMI_MASKED_AT_MOST_NS))
		vmx_set_nmi_mask(vcpu, false);
	return !vmx->nmi_masked && !(vmx_intr_state(vmx) & (SHADOW | GUEST_INTR_STATE_NMI));
}

/*
 * An NMI waits for the end of a shadow, which is one instruction away, or of another NMI.  STI's shadow does not hold back
 * NMI-window exits, which would recur without an instruction between them, and without virtual NMIs there are none.
 */
void vmx_enable_nmi_window(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	bool shadow = vmx_intr_state(vmx) & SHADOW;

	if (vmx->detour & VMX_NMI_STEPS)
		return;
	if (shadow && vmx_has(CPU, CPU_BASED_MONITOR_TRAP_FLAG))
		vmx_exec_assign(vmx, CPU_BASED_MONITOR_TRAP_FLAG, true);
	else if (shadow || !vmx_hw.vnmi)
		vmx_enable_irq_window(vcpu);
	else
		vmx_exec_assign(vmx, CPU_BASED_NMI_WINDOW_EXITING, true);
}

/* The monitor trap flag has let one instruction pass: a shadow is over, or the handler of an NMI if that was IRET. */
int vmx_monitor_trap(struct vcpu_vmx *vmx)
{
	if (vmx->detour & VMX_NMI_STEPS) {
		if (!vmx->at_iret)
			return KVM_REENTER;
		vmx_set_nmi_mask(&vmx->vcpu, false);
	}
	vmx->vcpu.stat.nmi_window_exits++;
	vmx_exec_assign(vmx, CPU_BASED_MONITOR_TRAP_FLAG, false);
	kvm_make_request(&vmx->vcpu, KVM_REQ_EVENT);
	return KVM_REENTER;
}

int vmx_open_nmi_window(struct vcpu_vmx *vmx)
{
	vmx->vcpu.stat.nmi_window_exits++;
	vmx_exec_assign(vmx, CPU_BASED_NMI_WINDOW_EXITING, false);
	kvm_make_request(&vmx->vcpu, KVM_REQ_EVENT);
	return KVM_REENTER;
}
