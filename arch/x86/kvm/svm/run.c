// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inner loop: from entry to entry with interrupts off and GIF clear.
 *
 * GIF is cleared once and set once.  In between, an interrupt or NMI of the host stays pending and turns the next entry
 * into an exit at once, which ends the loop; it is then served by the host's own handlers.
 */
#include <linux/smp.h>
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/nospec-branch.h>
#include <asm/trapnr.h>

#include "debug.h"
#include "events.h"
#include "flight.h"
#include "guest_entry.h"
#include "io_x86.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "run.h"
#include "svm/svm.h"
#include "trace_x86.h"

/* A reboot may have switched SVM off under us: then these fault, and it no longer matters. */
static __always_inline void clgi(void)
{
	asm volatile("1: clgi\n2:" _ASM_EXTABLE(1b, 2b) : : : "memory");
}

static __always_inline void stgi(void)
{
	asm volatile("1: stgi\n2:" _ASM_EXTABLE(1b, 2b) : : : "memory");
}

/* Into the guest and out again, with the host's view of the CPU (RCU, context tracking, lockdep) kept true. */
static noinstr int enter_guest(struct vcpu_svm *svm)
{
	int r;

	kvm_host_view_enter();
	r = svm_enter_guest(svm);
	kvm_host_view_exit();
	return r;
}

/* TPR may have been changed by emulated accesses to the local APIC. */
static inline void load_v_tpr(struct vcpu_svm *svm)
{
	u8 tpr = kvm_get_cr8(&svm->vcpu) & V_TPR_MASK;

	if (tpr != svm->v_tpr) {
		svm->v_tpr = tpr;
		svm->vmcb->control.int_ctl = (svm->vmcb->control.int_ctl & ~V_TPR_MASK) | tpr;
		vmcb_mark_dirty(svm->vmcb, VMCB_INTR);
	}
}

static __always_inline void pre_entry(struct vcpu_svm *svm)
{
	struct kvm_vcpu *vcpu = &svm->vcpu;
	struct vmcb *vmcb = svm->vmcb;
	unsigned long dr6 = unlikely(kvm_vmm_debugs(vcpu)) ? KVM_DR6_ACTIVE_LOW :
							     vcpu->arch.debug.dr6;

	if (kvm_tlb_stale(vcpu))
		kvm_tlb_catch_up(vcpu);
	if (unlikely(svm->asid_generation != svm->cpu_data->asid_generation))
		svm_new_asid(svm);
	vmcb->save.rax = vcpu->arch.regs[VCPU_RAX];
	vmcb->save.rsp = vcpu->arch.regs[VCPU_RSP];
	vmcb->save.rip = vcpu->arch.regs[VCPU_RIP];
	if (vmcb->save.cr2 != vcpu->arch.cr2) {
		vmcb->save.cr2 = vcpu->arch.cr2;
		vmcb_mark_dirty(vmcb, VMCB_CR2);
	}
	if (vmcb->save.dr6 != dr6) {
		vmcb->save.dr6 = dr6;
		vmcb_mark_dirty(vmcb, VMCB_DR);
	}
}

static __always_inline void post_exit(struct vcpu_svm *svm)
{
	struct kvm_vcpu *vcpu = &svm->vcpu;
	struct vmcb *vmcb = svm->vmcb;

	vcpu->arch.regs[VCPU_RAX] = vmcb->save.rax;
	vcpu->arch.regs[VCPU_RSP] = vmcb->save.rsp;
	vcpu->arch.regs[VCPU_RIP] = vmcb->save.rip;
	vcpu->arch.cr2 = vmcb->save.cr2;
	vcpu->arch.regs_avail =
		~(u32)(BIT(VCPU_EXREG_CR0) | BIT(VCPU_EXREG_CR3) | BIT(VCPU_EXREG_PDPTR));
	if (likely(!kvm_vmm_debugs(vcpu)))
		vcpu->arch.debug.dr6 = vmcb->save.dr6;
	vmcb->control.tlb_ctl = TLB_CONTROL_DO_NOTHING;
	vmcb->control.clean = VMCB_ALL_CLEAN;
	svm->next_rip = svm_hw.nrips ? vmcb->control.next_rip : 0;

	if (unlikely(svm->events_to_complete ||
		     (vmcb->control.exit_int_info & SVM_EXITINTINFO_VALID)))
		svm_complete_events(svm);
	if (unlikely(svm->iret_pending) && vcpu->arch.regs[VCPU_RIP] != svm->iret_rip)
		svm_iret_done(svm);
	if (unlikely((vmcb->control.int_ctl & V_TPR_MASK) != svm->v_tpr)) {
		svm->v_tpr = vmcb->control.int_ctl & V_TPR_MASK;
		kvm_set_cr8(vcpu, svm->v_tpr);
	}
}

static __always_inline struct kvm_flight_exit *record_exit(struct vcpu_svm *svm)
{
	const struct vmcb_control_area *c = &svm->vmcb->control;

	trace_kvm_exit(&svm->vcpu);
	return kvm_flight_exit(&svm->vcpu, c->exit_code, c->exit_info_1);
}

/* ---- exits that are served here: REENTER, AGAIN (to svm_handle_exit()), TO_USER, an errno, SVM_LEAVE, SVM_MACHINE_CHECK */

static int fast_msr(struct vcpu_svm *svm)
{
	struct kvm_vcpu *vcpu = &svm->vcpu;
	int r;

	if (!svm_find_next_rip(svm))
		return KVM_AGAIN;
	if (!svm->vmcb->control.exit_info_1)
		return kvm_emulate_rdmsr_fast(vcpu);
	r = kvm_emulate_wrmsr_fast(vcpu);
	load_v_tpr(svm);
	return r;
}

static int fast_io(struct vcpu_svm *svm)
{
	u32 info = svm->vmcb->control.exit_info_1;

	if (info & (SVM_IOIO_STR_MASK | SVM_IOIO_REP_MASK))
		return KVM_AGAIN;
	svm->next_rip = svm->vmcb->control.exit_info_2;
	return kvm_emulate_pio_fast(&svm->vcpu, info >> 16,
				    (info & SVM_IOIO_SIZE_MASK) >> SVM_IOIO_SIZE_SHIFT,
				    info & SVM_IOIO_TYPE_MASK);
}

static int fast_npf(struct vcpu_svm *svm)
{
	struct kvm_vcpu *vcpu = &svm->vcpu;
	struct vmcb_control_area *c = &svm->vmcb->control;
	gpa_t gpa = c->exit_info_2;
	u8 buf[16] __aligned(8);
	const void *insn = buf;
	int len, r;

	kvm_flight_gpa(vcpu, gpa);
	if (vcpu->arch.mmu.mmio_gfn != gpa_to_gfn(gpa) ||
	    vcpu->arch.mmu.mmio_gen != atomic64_read(&vcpu->kvm->slots_generation))
		return KVM_AGAIN;
	if (!kvm_mmio_is_fast(vcpu, gpa))
		return KVM_AGAIN;
	if (svm_hw.decode_assists && c->insn_len) {
		insn = c->insn_bytes;
		len = min_t(int, c->insn_len, 15);
	} else {
		len = svm_fetch_insn(svm, buf);
	}
	r = kvm_mmio_fast(vcpu, gpa, c->exit_info_1, len ? insn : NULL, len);
	load_v_tpr(svm);
	return r;
}

static int fast_dr(struct vcpu_svm *svm)
{
	return kvm_dbs_give(&svm->vcpu) ? KVM_REENTER : KVM_AGAIN;
}

static __always_inline int fast_exit(struct vcpu_svm *svm)
{
	struct kvm_vcpu *vcpu = &svm->vcpu;

	switch (svm->vmcb->control.exit_code) {
	case SVM_EXIT_INTR:
		vcpu->stat.irq_exits++;
		return SVM_LEAVE;
	case SVM_EXIT_NMI:
	case SVM_EXIT_SMI:
	case SVM_EXIT_INIT:
		return SVM_LEAVE;
	case SVM_EXIT_NPF:
		return fast_npf(svm);
	case SVM_EXIT_MSR:
		return fast_msr(svm);
	case SVM_EXIT_IOIO:
		return fast_io(svm);
	case SVM_EXIT_HLT:
		return svm_find_next_rip(svm) ? kvm_emulate_halt_fast(vcpu) : KVM_AGAIN;
	case SVM_EXIT_CPUID:
		return svm_find_next_rip(svm) ? kvm_emulate_cpuid(vcpu) : KVM_AGAIN;
	case SVM_EXIT_VMMCALL:
		return svm_find_next_rip(svm) ? kvm_emulate_hypercall_fast(vcpu) : KVM_AGAIN;
	case SVM_EXIT_VINTR:
		return svm_open_window(svm);
	case SVM_EXIT_EXCP_BASE + X86_TRAP_MC:
		return SVM_MACHINE_CHECK;
	case SVM_EXIT_READ_DR0 ... SVM_EXIT_READ_DR7:
	case SVM_EXIT_WRITE_DR0 ... SVM_EXIT_WRITE_DR7:
		return fast_dr(svm);
	default:
		return KVM_AGAIN;
	}
}

/**
 * svm_run() - see backend.h
 * @vcpu: current, prepared by svm_prepare_switch()
 * @immediate_exit: an event must get into the guest, and then the outer loop has something else to do
 */
int svm_run(struct kvm_vcpu *vcpu, bool immediate_exit)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;
	struct kvm_flight_exit *e;
	int r;

	if (vmcb->save.g_pat != vcpu->arch.msrs.pat) {
		vmcb->save.g_pat = vcpu->arch.msrs.pat;
		vmcb_mark_dirty(vmcb, VMCB_NPT);
	}
	load_v_tpr(svm);
	kvm_note_quiescent();
	if (unlikely(immediate_exit))
		arch_smp_send_reschedule(vcpu->cpu);

	clgi();
	for (;;) {
		trace_kvm_entry(vcpu, immediate_exit);
		pre_entry(svm);
		r = enter_guest(svm);
		if (unlikely(r))
			break;
		if (unlikely(vmcb->control.exit_code_hi)) {
			/* Not entered: the VMCB's registers need not be the guest's. */
			record_exit(svm);
			r = KVM_AGAIN;
			break;
		}
		post_exit(svm);
		e = record_exit(svm);
		r = fast_exit(svm);
		if (r != KVM_REENTER || !kvm_inner_loop_continue(vcpu))
			break;
		kvm_flight_served(vcpu, e);
	}
	stgi();
	if (unlikely(r == SVM_MACHINE_CHECK)) {
		kvm_take_machine_check();
		r = SVM_LEAVE;
	}

	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
	if (unlikely(hw_breakpoint_active())) {
		svm_unload_debug(svm);
		svm->host_saved = false; /* load them again */
	}
	return r == SVM_LEAVE ? KVM_REENTER : r;
}
