// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inner loop: from entry to entry with interrupts off.
 *
 * The host's interrupts end the loop.  They are left pending by the exit that they cause, and are taken by the host's own
 * handlers as soon as interrupts are on; but processors that post interrupts (apicv.c) have to acknowledge them, and then
 * the handler is called, once the host's state is back.  An NMI is lost with its exit, and NMIs stay blocked after it: the
 * host's handler is called at once.
 */
#include <linux/irqflags.h>
#include <linux/math64.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fred.h>
#include <asm/idtentry.h>
#include <asm/nospec-branch.h>

#include "clock.h"
#include "debug.h"
#include "events.h"
#include "flight.h"
#include "guest_entry.h"
#include "io_x86.h"
#include "irqchip/irqchip.h"
#include "lifetime.h"
#include "mmu/mmu.h"
#include "run.h"
#include "trace_x86.h"
#include "vmx/vmx.h"

/* Cached by post_exit() or read from the VMCS when somebody asks. */
#define LAZY_REGS                                                                       \
	(BIT(VCPU_RSP) | BIT(VCPU_RIP) | BIT(VCPU_EXREG_RFLAGS) | BIT(VCPU_EXREG_CR0) | \
	 BIT(VCPU_EXREG_CR3) | BIT(VCPU_EXREG_CR4) | BIT(VCPU_EXREG_SEGMENTS) |         \
	 BIT(VCPU_EXREG_EXIT_INFO) | BIT(VCPU_EXREG_PDPTR))

/*
 * Exits that can happen while an event is being delivered through the IDT (SDM vol. 3C, 28.2.4); for all others
 * IDT-vectoring information is not valid, and what was injected has been delivered.
 */
#define CAN_INTERRUPT_DELIVERY_LOW                                                    \
	(BIT_ULL(EXIT_REASON_EXCEPTION_NMI) | BIT_ULL(EXIT_REASON_TRIPLE_FAULT) |     \
	 BIT_ULL(EXIT_REASON_TASK_SWITCH) | BIT_ULL(EXIT_REASON_MCE_DURING_VMENTRY) | \
	 BIT_ULL(EXIT_REASON_APIC_ACCESS) | BIT_ULL(EXIT_REASON_EPT_VIOLATION) |      \
	 BIT_ULL(EXIT_REASON_EPT_MISCONFIG) | BIT_ULL(EXIT_REASON_APIC_WRITE) |       \
	 BIT_ULL(EXIT_REASON_PML_FULL))

static __always_inline bool can_interrupt_delivery(u16 code)
{
	return code >= 64 || (CAN_INTERRUPT_DELIVERY_LOW & BIT_ULL(code));
}

static noinstr int enter_guest(struct vcpu_vmx *vmx)
{
	int r;

	kvm_host_view_enter();
	r = vmx_enter_guest(vmx);
	kvm_host_view_exit();
	return r;
}

/*
 * TPR may have been lowered by software: an entry with a threshold above it fails, or exits at once; what the threshold
 * was for is looked at anyway.
 */
static __always_inline void lower_tpr_threshold(struct vcpu_vmx *vmx)
{
	u8 tpr;

	if (likely(!vmx->tpr_threshold))
		return;
	tpr = kvm_get_cr8(&vmx->vcpu);
	if (tpr < vmx->tpr_threshold) {
		vmx->tpr_threshold = tpr;
		vmcs_write32(TPR_THRESHOLD, tpr);
	}
}

/* Reserved bits would be refused at the entry, SDM vol. 3C, 27.3.1.6. */
static u64 pdptr_value(u64 pdptr)
{
	const u64 defined = BIT_ULL(0) | BIT_ULL(3) | BIT_ULL(4) | GENMASK_ULL(11, 9) |
			    GENMASK_ULL(boot_cpu_data.x86_phys_bits - 1, 12);

	return pdptr & 1 ? pdptr & defined : 0;
}

static noinline void write_dirty(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	u32 dirty = vcpu->arch.regs_dirty;
	int i;

	if (dirty & BIT(VCPU_RSP))
		vmcs_write_natural(GUEST_RSP, vcpu->arch.regs[VCPU_RSP]);
	if (dirty & BIT(VCPU_EXREG_PDPTR)) {
		for (i = 0; i < 4; i++)
			vmcs_write64(GUEST_PDPTR0 + 2 * i, pdptr_value(vcpu->arch.mmu.pdptrs[i]));
	}
}

/*
 * The guest's TSC deadline on the VMX-preemption timer, which counts down in the guest only, at a rate of the TSC's divided
 * by a power of two.  Should it not reach that far, the exit comes early and it is set again.
 */
static noinline void set_preemption_timer(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	u64 deadline = vcpu->arch.hw_deadline, ticks = 0, now;

	vmx_pin_assign(vmx, PIN_BASED_VMX_PREEMPTION_TIMER, deadline);
	if (!deadline)
		return;
	now = kvm_guest_tsc(vcpu, rdtsc());
	if (deadline > now) {
		ticks = deadline - now;
		if (vcpu->arch.clock.tsc_ratio && ticks < BIT_ULL(48))
			ticks = mul_u64_u64_div_u64(ticks, BIT_ULL(48), vcpu->arch.clock.tsc_ratio);
		/* Not a tick too early: rather one more. */
		ticks = min((ticks >> vmx_hw.preemption_timer_shift) + 1, (u64)U32_MAX);
	}
	vmcs_write32(VMX_PREEMPTION_TIMER_VALUE, ticks);
}

static __always_inline void pre_entry(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;

	if (kvm_tlb_stale(vcpu))
		kvm_tlb_catch_up(vcpu);
	if (unlikely(vmx->vpid_generation != vmx->cpu_data->vpid_generation))
		vmx_new_vpid(vmx);
	if (vcpu->arch.regs_dirty & BIT(VCPU_RIP))
		vmcs_write_natural(GUEST_RIP, vcpu->arch.regs[VCPU_RIP]);
	if (unlikely(vcpu->arch.regs_dirty & (BIT(VCPU_RSP) | BIT(VCPU_EXREG_PDPTR))))
		write_dirty(vmx);
	vcpu->arch.regs_dirty = 0;
	if (unlikely(vcpu->arch.debug.dr_loaded))
		set_debugreg(vcpu->arch.debug.dr6, 6);
	if (vcpu->arch.hw_deadline ||
	    unlikely(vmx->control[VMX_CTL_PIN] & PIN_BASED_VMX_PREEMPTION_TIMER))
		set_preemption_timer(vmx);
	if (unlikely(vmx->recheck_shadow))
		vmx_fix_single_step(vmx);
	if (!vcpu->arch.apic_virtual)
		lower_tpr_threshold(vmx);
	else if (unlikely(kvm_lapic_entry_pending(vcpu)))
		vmx_apicv_entry(vmx);
	if (static_branch_unlikely(&mmio_stale_data_clear))
		x86_clear_cpu_buffers();
}

static __always_inline void post_exit(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;

	vmx->launched = true;
	vmx->exit_avail = 0;
	vmx->exit_reason = vmcs_read32(VM_EXIT_REASON);
	vcpu->arch.regs_avail = ~(u32)LAZY_REGS;
	vmx->seg_avail = 0;
	/* Not entered after all: what was to be injected still is. */
	if (unlikely(vmx->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY))
		return;
	if (unlikely(vcpu->arch.debug.dr_loaded) && likely(!kvm_vmm_debugs(vcpu)))
		get_debugreg(vcpu->arch.debug.dr6, 6);

	if (unlikely(can_interrupt_delivery(vmx_exit_code(vmx)) || vmx->events_to_complete))
		vmx_complete_events(vmx, can_interrupt_delivery(vmx_exit_code(vmx)));
}

static __always_inline struct kvm_flight_exit *record_exit(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;

	kvm_rip_read(vcpu); /* is cached with that */
	trace_kvm_exit(vcpu);
	return kvm_flight_exit(vcpu, vmx->exit_reason, vmx_exit_qual(vmx));
}

/* ---- exits that are served here: REENTER, AGAIN (to vmx_handle_exit()), TO_USER, an errno, VMX_LEAVE */

static void call_nmi_handler(void)
{
	if (cpu_feature_enabled(X86_FEATURE_FRED))
		fred_entry_from_kvm(EVENT_TYPE_NMI, NMI_VECTOR);
	else
		vmx_call_nmi_handler();
}

/* Acknowledged or not, it is the host's, and waits until the host's state is back: vmx_take_host_irq(). */
static int external_interrupt(struct vcpu_vmx *vmx)
{
	vmx->vcpu.stat.irq_exits++;
	if (vmx_hw.apicv)
		vmx->host_irq = vmx_exit_intr_info(vmx);
	return VMX_LEAVE;
}

/**
 * vmx_take_host_irq() - see backend.h
 * @vcpu: just left
 *
 * As if the interrupt had hit here: by the gate that the processor would have used.
 */
void vmx_take_host_irq(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	u32 info = vmx->host_irq;
	u8 vector = info & INTR_INFO_VECTOR_MASK;
	struct desc_ptr idt;

	if (likely(!info))
		return;
	vmx->host_irq = 0;
	if (cpu_feature_enabled(X86_FEATURE_FRED)) {
		fred_entry_from_kvm(EVENT_TYPE_EXTINT, vector);
		return;
	}
	store_idt(&idt);
	vmx_call_irq_handler(gate_offset((gate_desc *)idt.address + vector));
}

static int fast_exception(struct vcpu_vmx *vmx)
{
	u32 info = vmx_exit_intr_info(vmx);

	if (intr_info_is(info, INTR_TYPE_NMI_INTR))
		call_nmi_handler();
	else if ((info & INTR_INFO_VECTOR_MASK) == X86_TRAP_MC)
		kvm_take_machine_check();
	else
		return KVM_AGAIN;
	return VMX_LEAVE;
}

static int fast_io(struct vcpu_vmx *vmx)
{
	u32 qual = vmx_exit_qual(vmx);

	/* INS, OUTS, REP */
	if (qual & (BIT(4) | BIT(5)))
		return KVM_AGAIN;
	return kvm_emulate_pio_fast(&vmx->vcpu, qual >> 16, (qual & 7) + 1, qual & BIT(3));
}

static int fast_ept_violation(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	gpa_t gpa = vmcs_read64(GUEST_PHYSICAL_ADDRESS);

	kvm_flight_gpa(vcpu, gpa);
	if (vcpu->arch.mmu.mmio_gfn != gpa_to_gfn(gpa) ||
	    vcpu->arch.mmu.mmio_gen != atomic64_read(&vcpu->kvm->slots_generation))
		return KVM_AGAIN;
	if (!kvm_mmio_is_fast(vcpu, gpa) || vmx_nmi_unblocked_by_exit(vmx))
		return KVM_AGAIN;
	return kvm_mmio_fast(vcpu, gpa, vmx_ept_error_code(vmx), NULL, 0);
}

/* The guest used an entry that says that nothing is there: MMIO, unless a slot has come meanwhile. */
static int fast_ept_misconfig(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	gpa_t gpa = vmcs_read64(GUEST_PHYSICAL_ADDRESS);

	kvm_flight_gpa(vcpu, gpa);
	if (!kvm_mmu_is_mmio(vcpu, gpa) || !kvm_mmio_is_fast(vcpu, gpa))
		return KVM_AGAIN;
	return kvm_mmio_fast(vcpu, gpa, KVM_PF_UNKNOWN_ACCESS, NULL, 0);
}

static __always_inline int fast_exit(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;

	switch (vmx_exit_code(vmx)) {
	case EXIT_REASON_EXTERNAL_INTERRUPT:
		return external_interrupt(vmx);
	case EXIT_REASON_EXCEPTION_NMI:
		return fast_exception(vmx);
	case EXIT_REASON_EPT_VIOLATION:
		return fast_ept_violation(vmx);
	case EXIT_REASON_EPT_MISCONFIG:
		return fast_ept_misconfig(vmx);
	case EXIT_REASON_EOI_INDUCED:
		return vmx_eoi_induced(vcpu);
	case EXIT_REASON_APIC_WRITE:
		return vmx_fast_apic_write(vmx);
	case EXIT_REASON_APIC_ACCESS:
		return vmx_fast_apic_access(vmx);
	case EXIT_REASON_PML_FULL:
		trace_kvm_pml_full(vcpu->id);
		vmx_pml_flush(vmx);
		return KVM_REENTER;
	case EXIT_REASON_MSR_READ:
		return kvm_emulate_rdmsr_fast(vcpu);
	case EXIT_REASON_MSR_WRITE:
		return kvm_emulate_wrmsr_fast(vcpu);
	case EXIT_REASON_IO_INSTRUCTION:
		return fast_io(vmx);
	case EXIT_REASON_HLT:
		return kvm_emulate_halt_fast(vcpu);
	case EXIT_REASON_CPUID:
		return kvm_emulate_cpuid(vcpu);
	case EXIT_REASON_VMCALL:
		return kvm_emulate_hypercall_fast(vcpu);
	case EXIT_REASON_INTERRUPT_WINDOW:
		return vmx_open_irq_window(vmx);
	case EXIT_REASON_NMI_WINDOW:
		return vmx_open_nmi_window(vmx);
	case EXIT_REASON_MONITOR_TRAP_FLAG:
		return vmx_monitor_trap(vmx);
	case EXIT_REASON_PREEMPTION_TIMER:
		kvm_lapic_timer_expired(vcpu);
		return KVM_REENTER;
	case EXIT_REASON_TPR_BELOW_THRESHOLD:
		kvm_make_request(vcpu, KVM_REQ_EVENT);
		return KVM_REENTER;
	case EXIT_REASON_DR_ACCESS:
		return kvm_dbs_give(vcpu) ? KVM_REENTER : KVM_AGAIN;
	default:
		return KVM_AGAIN;
	}
}

static int loop(struct vcpu_vmx *vmx, bool immediate_exit)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	struct kvm_flight_exit *e;
	int r;

	for (;;) {
		if (unlikely(vmx->state_dirty)) {
			vmx->state_dirty = false;
			vmx_state_changed(vmx);
		}
		if (unlikely(vmx->detour) && !vmx_may_enter(vmx))
			return KVM_AGAIN;
		trace_kvm_entry(vcpu, immediate_exit);
		pre_entry(vmx);
		vmx_l1d_flush(vmx);
		r = enter_guest(vmx);
		if (unlikely(r)) {
			vmx->fail = true;
			return r < 0 ? r : KVM_AGAIN;
		}
		post_exit(vmx);
		e = record_exit(vmx);
		if (unlikely(vmx->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY)) {
			if (vmx_exit_code(vmx) == EXIT_REASON_MCE_DURING_VMENTRY)
				kvm_take_machine_check();
			return KVM_AGAIN;
		}
		r = fast_exit(vmx);
		if (unlikely(vmx->exit_reason & VMX_EXIT_REASON_BUS_LOCK_DETECTED) &&
		    r != KVM_AGAIN)
			return vmx_report_bus_lock(vcpu, r);
		if (r != KVM_REENTER || !kvm_inner_loop_continue(vcpu))
			return r;
		kvm_flight_served(vcpu, e);
	}
}

/*
 * Exits for which the outer loop touches nothing but page tables and what it knows of vCPUs, or says otherwise: see
 * vcpu->arch.l1d_flush.  A wait that is more than polling ends with vmx_vcpu_load(), which says so.
 */
static bool leaves_no_secrets(const struct vcpu_vmx *vmx)
{
	if (vmx->fail || (vmx->detour & (VMX_EMULATE | VMX_DELIVER)))
		return false;
	return vmx->exit_reason == EXIT_REASON_EPT_VIOLATION ||
	       vmx->exit_reason == EXIT_REASON_HLT ||
	       vmx->exit_reason == EXIT_REASON_PAUSE_INSTRUCTION;
}

/**
 * vmx_run() - see backend.h
 * @vcpu: current, prepared by vmx_prepare_switch()
 * @immediate_exit: an event must get into the guest, and then the outer loop has something else to do
 */
int vmx_run(struct kvm_vcpu *vcpu, bool immediate_exit)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	int r;

	vmx->fail = false;
	if (vmx->guest_pat != vcpu->arch.msrs.pat) {
		vmx->guest_pat = vcpu->arch.msrs.pat;
		vmcs_write64(GUEST_IA32_PAT, vmx->guest_pat);
	}
	vmx_update_host_state(vmx);
	vmx_perf_msrs_update(vmx);
	kvm_note_quiescent();
	if (unlikely(immediate_exit))
		arch_smp_send_reschedule(vcpu->cpu);

	r = loop(vmx, immediate_exit);

	vmx_pml_flush(vmx);
	if (r != KVM_AGAIN || !leaves_no_secrets(vmx))
		vcpu->arch.l1d_flush = true;
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
	if (unlikely(vmx->host.debugctl))
		wrmsrl(MSR_IA32_DEBUGCTLMSR, vmx->host.debugctl);
	if (unlikely(hw_breakpoint_active())) {
		vmx_unload_debug(vmx);
		vmx->host_saved = false; /* load them again */
	}
	return r == VMX_LEAVE ? KVM_REENTER : r;
}
