// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits that the inner loop did not serve: a table by exit code (APM vol. 2, appendix C).
 *
 * Interrupts are on, SRCU is held, handlers may sleep.  They return a tier or an errno (run.h).
 */
#include <asm/debugreg.h>
#include <asm/trapnr.h>

#include "cpuid.h"
#include "debug.h"
#include "emulate/emulate.h"
#include "events.h"
#include "io_x86.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "run.h"
#include "svm/svm.h"
#include "trace_x86.h"

static struct vmcb_control_area *control(struct kvm_vcpu *vcpu)
{
	return &to_svm(vcpu)->vmcb->control;
}

/* ---- the host's events: they have been or will be served by the host itself */

static int nothing_to_do(struct kvm_vcpu *vcpu)
{
	return KVM_REENTER;
}

/* ---- exceptions */

static int reflect(struct kvm_vcpu *vcpu, u8 vector)
{
	kvm_queue_exception(vcpu, vector);
	return KVM_REENTER;
}

/*
 * #DB.  DR6 in the VMCB has the cause already.  While the VMM debugs, DR6 was entered with nothing but its fixed bits,
 * so what is there now is the cause, and the guest's own DR6 gets it as a payload.
 */
static int debug_exception(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	unsigned long bits = svm->vmcb->save.dr6 ^ KVM_DR6_ACTIVE_LOW;
	bool debugged = vcpu->arch.debug.control &
			(KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP);
	int r;

	if (svm->nmi_singlestep && svm_end_nmi_singlestep(svm) && !debugged) {
		if (!(bits & (DR_TRAP0 | DR_TRAP1 | DR_TRAP2 | DR_TRAP3))) {
			vcpu->arch.debug.dr6 &= ~DR_STEP;
			return KVM_REENTER;
		}
		vcpu->arch.debug.dr6 &= ~DR_STEP;
	}
	if (debugged) {
		r = kvm_handle_debug_exception(vcpu, X86_TRAP_DB, bits);
		if (r != KVM_AGAIN)
			return r;
		kvm_queue_exception_payload(vcpu, X86_TRAP_DB, false, 0, bits);
		return KVM_REENTER;
	}
	return reflect(vcpu, X86_TRAP_DB);
}

static int breakpoint_exception(struct kvm_vcpu *vcpu)
{
	int r = kvm_handle_debug_exception(vcpu, X86_TRAP_BP, 0);

	return r == KVM_AGAIN ? reflect(vcpu, X86_TRAP_BP) : r;
}

static int undefined_exception(struct kvm_vcpu *vcpu)
{
	return kvm_emulate_instruction(vcpu, KVM_EMUL_TRAP_UD, 0, NULL, 0);
}

/* Reflected: a guest that takes #AC during the delivery of #AC now passes here each time, and interrupts get in. */
static int alignment_exception(struct kvm_vcpu *vcpu)
{
	kvm_queue_exception_e(vcpu, X86_TRAP_AC, control(vcpu)->exit_info_1);
	return KVM_REENTER;
}

/* ---- control and debug registers */

static int emulate(struct kvm_vcpu *vcpu)
{
	return kvm_emulate_instruction(vcpu, 0, 0, NULL, 0);
}

static int gp_or_skip(struct kvm_vcpu *vcpu, int gp)
{
	if (gp) {
		kvm_inject_gp(vcpu, 0);
		return KVM_REENTER;
	}
	return kvm_skip_instruction(vcpu);
}

static unsigned long gpr_value(struct kvm_vcpu *vcpu, unsigned int reg)
{
	unsigned long val = kvm_reg_read(vcpu, reg);

	return is_64_bit_mode(vcpu) ? val : (u32)val;
}

/* MOV to and from CRn; without decode assist, and for LMSW, CLTS and SMSW, in software. */
static int read_cr(struct kvm_vcpu *vcpu)
{
	u64 info = control(vcpu)->exit_info_1;
	unsigned long val;

	if (!svm_hw.decode_assists || !(info & SVM_CR_VALID))
		return emulate(vcpu);
	switch (control(vcpu)->exit_code - SVM_EXIT_READ_CR0) {
	case 0:
		val = kvm_cr0_read(vcpu);
		break;
	case 4:
		val = kvm_cr4_read(vcpu);
		break;
	default:
		return emulate(vcpu);
	}
	trace_kvm_cr(KVM_TRACE_READ, control(vcpu)->exit_code - SVM_EXIT_READ_CR0, val);
	kvm_reg_write(vcpu, info & SVM_EXITINFO_REG_MASK, val);
	return kvm_skip_instruction(vcpu);
}

static int write_cr(struct kvm_vcpu *vcpu)
{
	u64 info = control(vcpu)->exit_info_1;
	u32 code = control(vcpu)->exit_code;
	unsigned long val;

	if (!svm_hw.decode_assists || !(info & SVM_CR_VALID))
		return emulate(vcpu);
	val = gpr_value(vcpu, info & SVM_EXITINFO_REG_MASK);
	switch (code) {
	case SVM_EXIT_WRITE_CR0:
	case SVM_EXIT_CR0_SEL_WRITE:
		trace_kvm_cr(KVM_TRACE_WRITE, 0, val);
		return gp_or_skip(vcpu, kvm_set_cr0(vcpu, val));
	case SVM_EXIT_WRITE_CR4:
		trace_kvm_cr(KVM_TRACE_WRITE, 4, val);
		return gp_or_skip(vcpu, kvm_set_cr4(vcpu, val));
	default:
		return emulate(vcpu);
	}
}

/* Lowering TPR may let an interrupt in; with the local APIC in user space the VMM must hear of it. */
static int write_cr8(struct kvm_vcpu *vcpu)
{
	unsigned long before = kvm_get_cr8(vcpu);
	u64 info = control(vcpu)->exit_info_1;
	unsigned long val;
	int r;

	if (svm_hw.decode_assists && (info & SVM_CR_VALID)) {
		val = gpr_value(vcpu, info & SVM_EXITINFO_REG_MASK);
		trace_kvm_cr(KVM_TRACE_WRITE, 8, val);
		r = gp_or_skip(vcpu, kvm_set_cr8(vcpu, val));
	} else {
		r = emulate(vcpu);
	}
	if (kvm_lapic_in_kernel(vcpu)) {
		kvm_make_request(vcpu, KVM_REQ_EVENT);
		return r;
	}
	if (r > 0 && kvm_get_cr8(vcpu) < before) {
		vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
		return KVM_TO_USER;
	}
	return r;
}

/* The VMM has the debug registers, else the inner loop had given them to the guest. */
static int access_dr(struct kvm_vcpu *vcpu)
{
	return emulate(vcpu);
}

/* ---- instructions */

static int msr(struct kvm_vcpu *vcpu)
{
	return control(vcpu)->exit_info_1 ? kvm_emulate_wrmsr(vcpu) : kvm_emulate_rdmsr(vcpu);
}

static int io(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	u32 info = control(vcpu)->exit_info_1;

	vcpu->stat.io_exits++;
	if (info & (SVM_IOIO_STR_MASK | SVM_IOIO_REP_MASK))
		return emulate(vcpu);
	svm->next_rip = control(vcpu)->exit_info_2;
	return kvm_emulate_pio(vcpu, info >> 16, (info & SVM_IOIO_SIZE_MASK) >> SVM_IOIO_SIZE_SHIFT,
			       info & SVM_IOIO_TYPE_MASK);
}

static int iret(struct kvm_vcpu *vcpu)
{
	vcpu->stat.nmi_window_exits++;
	svm_iret_seen(to_svm(vcpu));
	return KVM_REENTER;
}

static int shutdown(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	kvm_vcpu_info(vcpu, "triple fault near RIP 0x%lx, CR3 0x%llx, CPL %u\n", kvm_rip_read(vcpu),
		      svm->vmcb->save.cr3, svm->vmcb->save.cpl);
	kvm_report(vcpu);
	/* The VMCB is undefined now, APM vol. 2, 15.14.3: give the VMM a state that it can read. */
	kvm_vcpu_reset(vcpu, true);
	return kvm_handle_triple_fault(vcpu);
}

/* EXITINFO2 of a task switch (APM vol. 2, 15.14.1); the low half is the error code. */
#define TASK_IRET BIT_ULL(SVM_EXITINFOSHIFT_TS_REASON_IRET)
#define TASK_JMP BIT_ULL(SVM_EXITINFOSHIFT_TS_REASON_JMP)
#define TASK_HAS_ERROR BIT_ULL(SVM_EXITINFOSHIFT_TS_HAS_ERROR_CODE)
#define TASK_RF BIT_ULL(48)

/* An event that came through a task gate was on its way at the exit; all else is the instruction at RIP. */
static int task_switch(struct kvm_vcpu *vcpu)
{
	struct vmcb_control_area *c = control(vcpu);
	u32 event = c->exit_int_info;
	struct kvm_task_switch ts = {
		.selector = c->exit_info_1,
		.reason = EMUL_TASK_CALL,
		.by_insn = true,
		.set_rf = c->exit_info_2 & TASK_RF,
	};

	if (c->exit_info_2 & TASK_IRET) {
		ts.reason = EMUL_TASK_IRET;
	} else if (c->exit_info_2 & TASK_JMP) {
		ts.reason = EMUL_TASK_JMP;
	} else if (event & SVM_EXITINTINFO_VALID) {
		ts.reason = EMUL_TASK_GATE;
		ts.by_insn = svm_is_soft_event(event);
		ts.has_error = c->exit_info_2 & TASK_HAS_ERROR;
		ts.error = c->exit_info_2;
	}
	return kvm_task_switch(vcpu, &ts);
}

static int nested_page_fault(struct kvm_vcpu *vcpu)
{
	struct vmcb_control_area *c = control(vcpu);
	u8 buf[16] __aligned(8);
	const void *insn;
	int len = 0;

	if (svm_hw.decode_assists) {
		/* Copied: the VMCB is written again if the handler enters the guest meanwhile. */
		len = min_t(int, c->insn_len, 15);
		memcpy(buf, c->insn_bytes, 15);
	} else if (vcpu->arch.mmu.mmio_gfn == gpa_to_gfn(c->exit_info_2)) {
		/* MMIO again, most likely: what executed is at hand. */
		len = svm_fetch_insn(to_svm(vcpu), buf);
	}
	insn = len ? buf : NULL;
	return kvm_mmu_fault(vcpu, c->exit_info_2, c->exit_info_1, insn, len);
}

static int interrupt_window(struct kvm_vcpu *vcpu)
{
	return svm_open_window(to_svm(vcpu));
}

/**
 * svm_open_window() - interrupts have become possible
 * @svm: just left
 * Context: also from the inner loop
 */
int svm_open_window(struct vcpu_svm *svm)
{
	svm->vcpu.stat.irq_window_exits++;
	svm_clear_irq_window(svm);
	svm_avic_need_window(svm, false);
	kvm_make_request(&svm->vcpu, KVM_REQ_EVENT);
	return KVM_REENTER;
}

static int pause(struct kvm_vcpu *vcpu)
{
	return kvm_emulate_pause(vcpu);
}

#define EXCEPTION(nr) [SVM_EXIT_EXCP_BASE + X86_TRAP_##nr]

static int (*const handlers[])(struct kvm_vcpu *vcpu) = {
	[SVM_EXIT_READ_CR0] = read_cr,
	[SVM_EXIT_READ_CR4] = read_cr,
	[SVM_EXIT_WRITE_CR0] = write_cr,
	[SVM_EXIT_WRITE_CR4] = write_cr,
	[SVM_EXIT_WRITE_CR8] = write_cr8,
	[SVM_EXIT_READ_DR0... SVM_EXIT_READ_DR7] = access_dr,
	[SVM_EXIT_WRITE_DR0... SVM_EXIT_WRITE_DR7] = access_dr,
	EXCEPTION(DB) = debug_exception,
	EXCEPTION(BP) = breakpoint_exception,
	EXCEPTION(UD) = undefined_exception,
	EXCEPTION(AC) = alignment_exception,
	[SVM_EXIT_INTR] = nothing_to_do,
	[SVM_EXIT_NMI] = nothing_to_do,
	[SVM_EXIT_SMI] = nothing_to_do,
	[SVM_EXIT_INIT] = nothing_to_do,
	[SVM_EXIT_VINTR] = interrupt_window,
	[SVM_EXIT_CR0_SEL_WRITE] = write_cr,
	[SVM_EXIT_RDPMC] = kvm_emulate_rdpmc,
	[SVM_EXIT_CPUID] = kvm_emulate_cpuid,
	[SVM_EXIT_RSM] = kvm_emulate_invalid_op,
	[SVM_EXIT_IRET] = iret,
	[SVM_EXIT_INVD] = kvm_emulate_invd,
	[SVM_EXIT_PAUSE] = pause,
	[SVM_EXIT_HLT] = kvm_emulate_halt,
	[SVM_EXIT_INVLPGA] = kvm_emulate_invalid_op,
	[SVM_EXIT_IOIO] = io,
	[SVM_EXIT_MSR] = msr,
	[SVM_EXIT_TASK_SWITCH] = task_switch,
	[SVM_EXIT_FERR_FREEZE] = shutdown,
	[SVM_EXIT_SHUTDOWN] = shutdown,
	[SVM_EXIT_VMRUN] = kvm_emulate_invalid_op,
	[SVM_EXIT_VMMCALL] = kvm_emulate_hypercall,
	[SVM_EXIT_VMLOAD] = kvm_emulate_invalid_op,
	[SVM_EXIT_VMSAVE] = kvm_emulate_invalid_op,
	[SVM_EXIT_STGI] = kvm_emulate_invalid_op,
	[SVM_EXIT_CLGI] = kvm_emulate_invalid_op,
	[SVM_EXIT_SKINIT] = kvm_emulate_invalid_op,
	[SVM_EXIT_RDTSCP] = kvm_emulate_invalid_op,
	[SVM_EXIT_WBINVD] = kvm_emulate_wbinvd,
	[SVM_EXIT_MONITOR] = kvm_emulate_monitor,
	[SVM_EXIT_MWAIT] = kvm_emulate_mwait,
	[SVM_EXIT_XSETBV] = kvm_emulate_xsetbv,
	[SVM_EXIT_RDPRU] = kvm_emulate_invalid_op,
	[0x0a0 /* INVLPGB */] = kvm_emulate_invalid_op,
	[0x0a1 /* INVLPGB, illegal */] = kvm_emulate_invalid_op,
	[SVM_EXIT_INVPCID] = kvm_emulate_invalid_op,
	[0x0a3 /* MCOMMIT */] = kvm_emulate_invalid_op,
	[0x0a4 /* TLBSYNC */] = kvm_emulate_invalid_op,
};

int svm_handle_exit(struct kvm_vcpu *vcpu)
{
	struct vmcb_control_area *c = control(vcpu);
	u32 code = c->exit_code;

	if (unlikely(c->exit_code_hi)) {
		/* VMEXIT_INVALID is -1; other negative codes (VMEXIT_BUSY) are not met by this use. */
		if (code == (u32)SVM_EXIT_ERR)
			return svm_entry_failed(vcpu);
		return kvm_unexpected_exit(vcpu, (u64)c->exit_code_hi << 32 | code);
	}
	if (code == SVM_EXIT_NPF)
		return nested_page_fault(vcpu);
	if (code == SVM_EXIT_AVIC_INCOMPLETE_IPI)
		return svm_avic_incomplete_ipi(vcpu);
	if (code == SVM_EXIT_AVIC_UNACCELERATED_ACCESS)
		return svm_avic_unaccelerated(vcpu);
	if (code < ARRAY_SIZE(handlers) && handlers[code]) {
		if (!to_svm(vcpu)->next_rip)
			svm_prepare_skip(to_svm(vcpu));
		return handlers[code](vcpu);
	}
	return kvm_unexpected_exit(vcpu, code);
}

void svm_get_exit_info(struct kvm_vcpu *vcpu, struct kvm_exit_info *info)
{
	struct vmcb_control_area *c = control(vcpu);

	*info = (struct kvm_exit_info){
		.isa = KVM_ISA_SVM,
		.reason = c->exit_code,
		.info1 = c->exit_info_1,
		.info2 = c->exit_info_2,
		.intr_info = c->exit_int_info,
	};
	if ((c->exit_int_info & SVM_EXITINTINFO_VALID) &&
	    (c->exit_int_info & SVM_EXITINTINFO_VALID_ERR))
		info->error_code = c->exit_int_info_err;
}
