// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits that the inner loop did not serve: a table by basic exit reason (SDM vol. 3C, appendix C).
 *
 * Interrupts are on, SRCU is held, handlers may sleep.  They return a tier or an errno (run.h).
 */
#include <asm/cpu.h>
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
#include "vmx/vmx.h"

static int nothing_to_do(struct kvm_vcpu *vcpu)
{
	return KVM_REENTER;
}

static int emulate(struct kvm_vcpu *vcpu)
{
	return kvm_emulate_instruction(vcpu, 0, 0, NULL, 0);
}

/* ---- exceptions */

/*
 * #DB, which has not changed DR6 yet: the exit qualification has what it would have set (SDM vol. 3C, table 28-1), and
 * the guest's DR6 gets it as a payload.  INT1 has not changed RIP yet, either, and is a trap.
 */
static int debug_exception(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	unsigned long bits = vmx_exit_qual(vmx);
	int r;

	if (unlikely(intr_info_is(vmx_exit_intr_info(vmx), INTR_TYPE_PRIV_SW_EXCEPTION)))
		vmx_skip_instruction(vcpu);
	/* A single step over STI ends in its shadow, and the exit has dropped what an entry demands with that. */
	vmx->recheck_shadow = true;
	if (vcpu->arch.debug.control & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP)) {
		r = kvm_handle_debug_exception(vcpu, X86_TRAP_DB, bits);
		if (r != KVM_AGAIN)
			return r;
	}
	kvm_queue_exception_payload(vcpu, X86_TRAP_DB, false, 0, bits);
	return KVM_REENTER;
}

static int breakpoint_exception(struct kvm_vcpu *vcpu)
{
	int r = kvm_handle_debug_exception(vcpu, X86_TRAP_BP, 0);

	if (r == KVM_AGAIN)
		kvm_queue_exception(vcpu, X86_TRAP_BP);
	return r == KVM_AGAIN ? KVM_REENTER : r;
}

/* The guest has asked for alignment checks: its own #AC; else it is the host's detection of split locks. */
static bool is_guests_alignment_check(struct kvm_vcpu *vcpu)
{
	return !boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT) ||
	       (vmx_get_cpl(vcpu) == 3 && (kvm_cr0_read(vcpu) & X86_CR0_AM) &&
		(vmx_get_rflags(vcpu) & X86_EFLAGS_AC));
}

static int exit_with_exception(struct kvm_vcpu *vcpu, u8 vector, u32 error)
{
	vcpu->run->exit_reason = KVM_EXIT_EXCEPTION;
	vcpu->run->ex.exception = vector;
	vcpu->run->ex.error_code = error;
	return KVM_TO_USER;
}

static int alignment_exception(struct kvm_vcpu *vcpu)
{
	u32 error = vmcs_read32(VM_EXIT_INTR_ERROR_CODE);

	/* Real mode has none. */
	if (unlikely(to_vmx(vcpu)->detour & VMX_VM86) && (kvm_cr0_read(vcpu) & X86_CR0_AM) &&
	    (vmx_get_rflags(vcpu) & X86_EFLAGS_AC))
		return emulate(vcpu);
	if (is_guests_alignment_check(vcpu)) {
		kvm_queue_exception_e(vcpu, X86_TRAP_AC, error);
		return KVM_REENTER;
	}
	/* The host warns and goes on, or wants the VMM killed. */
	if (handle_guest_split_lock(kvm_rip_read(vcpu)))
		return KVM_REENTER;
	return exit_with_exception(vcpu, X86_TRAP_AC, error);
}

static int exception(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	u32 info = vmx_exit_intr_info(vmx);

	if (intr_info_is(info, INTR_TYPE_NMI_INTR))
		return KVM_REENTER;
	switch (info & INTR_INFO_VECTOR_MASK) {
	case X86_TRAP_DB:
		return debug_exception(vcpu);
	case X86_TRAP_BP:
		return breakpoint_exception(vcpu);
	case X86_TRAP_UD:
		return kvm_emulate_instruction(vcpu, KVM_EMUL_TRAP_UD, 0, NULL, 0);
	case X86_TRAP_AC:
		return alignment_exception(vcpu);
	default:
		if (likely(vmx->detour & VMX_VM86))
			return vmx_vm86_exception(vcpu, info & INTR_INFO_VECTOR_MASK);
		return kvm_unexpected_exit(vcpu, vmx->exit_reason);
	}
}

/* ---- instructions */

static int io(struct kvm_vcpu *vcpu)
{
	u32 qual = vmx_exit_qual(to_vmx(vcpu));

	vcpu->stat.io_exits++;
	if (qual & (BIT(4) | BIT(5)))
		return emulate(vcpu);
	return kvm_emulate_pio(vcpu, qual >> 16, (qual & 7) + 1, qual & BIT(3));
}

static int invlpg(struct kvm_vcpu *vcpu)
{
	kvm_mmu_invlpg(vcpu, vmx_exit_qual(to_vmx(vcpu)));
	return kvm_skip_instruction(vcpu);
}

static int pause(struct kvm_vcpu *vcpu)
{
	vmx_grow_ple_window(to_vmx(vcpu));
	return kvm_emulate_pause(vcpu);
}

static int triple_fault(struct kvm_vcpu *vcpu)
{
	return kvm_handle_triple_fault(vcpu);
}

/* The exit qualification's bits 31:30 are enum emul_task_reason; an event came through a task gate (SDM vol. 3C, table 28-2). */
static int task_switch(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	u32 qual = vmx_exit_qual(vmx), event = vmx->idt_vectoring;
	struct kvm_task_switch ts = {
		.selector = qual,
		.reason = qual >> 30,
		.by_insn = true,
	};
	bool by_nmi = false;
	int r;

	if (ts.reason == EMUL_TASK_GATE && intr_info_valid(event)) {
		ts.by_insn = intr_info_is(event, INTR_TYPE_SOFT_INTR) ||
			     intr_info_is(event, INTR_TYPE_SOFT_EXCEPTION) ||
			     intr_info_is(event, INTR_TYPE_PRIV_SW_EXCEPTION);
		ts.has_error = event & VECTORING_INFO_DELIVER_CODE_MASK;
		by_nmi = intr_info_is(event, INTR_TYPE_NMI_INTR);
	}
	if (ts.by_insn)
		ts.insn_len = vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
	if (ts.has_error)
		ts.error = vmcs_read32(IDT_VECTORING_ERROR_CODE);
	/* With virtual NMIs the processor has done so. */
	if (ts.reason == EMUL_TASK_IRET && !vmx_hw.vnmi)
		vmx_set_nmi_mask(vcpu, false);
	r = kvm_task_switch(vcpu, &ts);
	if (by_nmi && !vcpu->arch.events.nmi_injected)
		vmx_set_nmi_mask(vcpu, true);
	return r;
}

static int irq_window(struct kvm_vcpu *vcpu)
{
	return vmx_open_irq_window(to_vmx(vcpu));
}

static int nmi_window(struct kvm_vcpu *vcpu)
{
	return vmx_open_nmi_window(to_vmx(vcpu));
}

static int tpr_below_threshold(struct kvm_vcpu *vcpu)
{
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return KVM_REENTER;
}

static int monitor_trap(struct kvm_vcpu *vcpu)
{
	return vmx_monitor_trap(to_vmx(vcpu));
}

/* The guest has let no event in for a whole window: its VMM may want to know, and must where its state is lost. */
static int notify(struct kvm_vcpu *vcpu)
{
	bool lost = vmx_exit_qual(to_vmx(vcpu)) & NOTIFY_VM_CONTEXT_INVALID;

	vcpu->stat.notify_window_exits++;
	if (!lost && !(vcpu->kvm->arch.notify_flags & KVM_X86_NOTIFY_VMEXIT_USER))
		return KVM_REENTER;
	vcpu->run->exit_reason = KVM_EXIT_NOTIFY;
	vcpu->run->notify.flags = lost ? KVM_NOTIFY_CONTEXT_INVALID : 0;
	return KVM_TO_USER;
}

/**
 * vmx_report_bus_lock() - the guest has locked the bus before an exit
 * @vcpu: current
 * @r: what has become of the exit: a tier, VMX_LEAVE or an errno
 *
 * The VMM hears of it with the exit that goes to it anyway, or by one of its own.
 *
 * Return: what becomes of it now
 */
int vmx_report_bus_lock(struct kvm_vcpu *vcpu, int r)
{
	if (r < 0)
		return r;
	vcpu->arch.run_flags |= KVM_RUN_X86_BUS_LOCK;
	if (r != KVM_TO_USER)
		vcpu->run->exit_reason = KVM_EXIT_X86_BUS_LOCK;
	return KVM_TO_USER;
}

/* ---- memory */

u64 vmx_ept_error_code(struct vcpu_vmx *vmx)
{
	unsigned long qual = vmx_exit_qual(vmx);
	u64 error = KVM_PF_USER;

	if (qual & EPT_VIOLATION_ACC_WRITE)
		error |= KVM_PF_WRITE;
	if (qual & EPT_VIOLATION_ACC_INSTR)
		error |= KVM_PF_FETCH;
	if (qual & EPT_VIOLATION_RWX_MASK)
		error |= KVM_PF_PRESENT;
	/* A walk of the guest's tables counts as a write when EPT has dirty bits; without a linear address: PDPTEs. */
	if ((qual & EPT_VIOLATION_GVA_IS_VALID) && (qual & EPT_VIOLATION_GVA_TRANSLATED))
		error |= KVM_PF_GUEST_FINAL;
	else
		error |= KVM_PF_GUEST_PAGE;
	return error;
}

static int ept_violation(struct kvm_vcpu *vcpu)
{
	gpa_t gpa = vmcs_read64(GUEST_PHYSICAL_ADDRESS);

	return kvm_mmu_fault(vcpu, gpa, vmx_ept_error_code(to_vmx(vcpu)), NULL, 0);
}

static int ept_misconfig(struct kvm_vcpu *vcpu)
{
	return kvm_mmu_misconfig(vcpu, vmcs_read64(GUEST_PHYSICAL_ADDRESS), NULL, 0);
}

static int (*const handlers[])(struct kvm_vcpu *vcpu) = {
	[EXIT_REASON_EXCEPTION_NMI] = exception,
	[EXIT_REASON_EXTERNAL_INTERRUPT] = nothing_to_do,
	[EXIT_REASON_TRIPLE_FAULT] = triple_fault,
	[EXIT_REASON_INTERRUPT_WINDOW] = irq_window,
	[EXIT_REASON_NMI_WINDOW] = nmi_window,
	[EXIT_REASON_TASK_SWITCH] = task_switch,
	[EXIT_REASON_CPUID] = kvm_emulate_cpuid,
	[EXIT_REASON_HLT] = kvm_emulate_halt,
	[EXIT_REASON_INVD] = kvm_emulate_invd,
	[EXIT_REASON_INVLPG] = invlpg,
	[EXIT_REASON_RDPMC] = kvm_emulate_rdpmc,
	[EXIT_REASON_VMCALL] = kvm_emulate_hypercall,
	[EXIT_REASON_VMCLEAR] = kvm_emulate_invalid_op,
	[EXIT_REASON_VMLAUNCH] = kvm_emulate_invalid_op,
	[EXIT_REASON_VMPTRLD] = kvm_emulate_invalid_op,
	[EXIT_REASON_VMPTRST] = kvm_emulate_invalid_op,
	[EXIT_REASON_VMREAD] = kvm_emulate_invalid_op,
	[EXIT_REASON_VMRESUME] = kvm_emulate_invalid_op,
	[EXIT_REASON_VMWRITE] = kvm_emulate_invalid_op,
	[EXIT_REASON_VMOFF] = kvm_emulate_invalid_op,
	[EXIT_REASON_VMON] = kvm_emulate_invalid_op,
	[EXIT_REASON_CR_ACCESS] = vmx_handle_cr,
	[EXIT_REASON_DR_ACCESS] = vmx_handle_dr,
	[EXIT_REASON_IO_INSTRUCTION] = io,
	[EXIT_REASON_MSR_READ] = kvm_emulate_rdmsr,
	[EXIT_REASON_MSR_WRITE] = kvm_emulate_wrmsr,
	[EXIT_REASON_MWAIT_INSTRUCTION] = kvm_emulate_mwait,
	[EXIT_REASON_MONITOR_TRAP_FLAG] = monitor_trap,
	[EXIT_REASON_MONITOR_INSTRUCTION] = kvm_emulate_monitor,
	[EXIT_REASON_PAUSE_INSTRUCTION] = pause,
	[EXIT_REASON_TPR_BELOW_THRESHOLD] = tpr_below_threshold,
	[EXIT_REASON_APIC_ACCESS] = vmx_apic_access,
	[EXIT_REASON_EOI_INDUCED] = vmx_eoi_induced,
	[EXIT_REASON_APIC_WRITE] = vmx_apic_write,
	[EXIT_REASON_GDTR_IDTR] = emulate,
	[EXIT_REASON_LDTR_TR] = emulate,
	[EXIT_REASON_EPT_VIOLATION] = ept_violation,
	[EXIT_REASON_EPT_MISCONFIG] = ept_misconfig,
	[EXIT_REASON_PML_FULL] = nothing_to_do,
	[EXIT_REASON_INVEPT] = kvm_emulate_invalid_op,
	[EXIT_REASON_INVVPID] = kvm_emulate_invalid_op,
	[EXIT_REASON_PREEMPTION_TIMER] = nothing_to_do,
	[EXIT_REASON_WBINVD] = kvm_emulate_wbinvd,
	[EXIT_REASON_XSETBV] = kvm_emulate_xsetbv,
	[EXIT_REASON_RDRAND] = kvm_emulate_invalid_op,
	[EXIT_REASON_INVPCID] = emulate,
	[EXIT_REASON_VMFUNC] = kvm_emulate_invalid_op,
	[EXIT_REASON_ENCLS] = kvm_emulate_invalid_op,
	[EXIT_REASON_RDSEED] = kvm_emulate_invalid_op,
	[EXIT_REASON_UMWAIT] = kvm_emulate_invalid_op,
	[EXIT_REASON_TPAUSE] = kvm_emulate_invalid_op,
	[EXIT_REASON_BUS_LOCK] = nothing_to_do,
	[EXIT_REASON_NOTIFY] = notify,
	[VMX_EXIT_SEAMCALL] = kvm_emulate_invalid_op,
	[VMX_EXIT_TDCALL] = kvm_emulate_invalid_op,
};

static int handle_exit(struct kvm_vcpu *vcpu, u16 code)
{
	if (likely(code < ARRAY_SIZE(handlers) && handlers[code]))
		return handlers[code](vcpu);
	return kvm_unexpected_exit(vcpu, to_vmx(vcpu)->exit_reason);
}

int vmx_handle_exit(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	int r;

	if (unlikely(vmx->detour & VMX_DELIVER)) {
		vmx->detour &= ~VMX_DELIVER;
		return kvm_emul_deliver_event(vcpu);
	}
	if (unlikely(vmx->detour & VMX_EMULATE))
		return vmx_emulate_invalid_state(vcpu);
	if (unlikely(vmx->fail || (vmx->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY)))
		return vmx_entry_failed(vcpu);
	r = handle_exit(vcpu, vmx_exit_code(vmx));
	return unlikely(vmx_locked_bus(vmx)) ? vmx_report_bus_lock(vcpu, r) : r;
}

void vmx_get_exit_info(struct kvm_vcpu *vcpu, struct kvm_exit_info *info)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	*info = (struct kvm_exit_info){
		.isa = 1,
		.reason = vmx->exit_reason,
		.info1 = vmx_exit_qual(vmx),
		.info2 = vmx->idt_vectoring,
		.intr_info = vmx_exit_intr_info(vmx),
	};
	if ((info->intr_info & (INTR_INFO_VALID_MASK | INTR_INFO_DELIVER_CODE_MASK)) ==
	    (INTR_INFO_VALID_MASK | INTR_INFO_DELIVER_CODE_MASK))
		info->error_code = vmcs_read32(VM_EXIT_INTR_ERROR_CODE);
}
