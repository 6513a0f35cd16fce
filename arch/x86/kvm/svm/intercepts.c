// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which instructions and events exit (APM vol. 2, 15.7 to 15.9 and 15.12).
 *
 * Always: what the guest must not do to the host, what it must not know that it can, and what would hang a CPU.
 * The rest follows the vCPU's state: CR0 and CR4 (state.c), debug registers (debugregs.c), windows (events.c), and the
 * features of its CPUID table.
 */
#include <asm/cpufeature.h>
#include <asm/trapnr.h>

#include "cpuid.h"
#include "debug.h"
#include "irqchip/irqchip.h"
#include "svm/svm.h"

static const u8 always[] = {
	INTERCEPT_CR4_WRITE,
	INTERCEPT_SELECTIVE_CR0,

	/* The host's */
	INTERCEPT_INTR,
	INTERCEPT_NMI,
	INTERCEPT_SMI,
	INTERCEPT_INIT,
	INTERCEPT_SHUTDOWN,
	INTERCEPT_FERR_FREEZE,

	INTERCEPT_CPUID,
	INTERCEPT_RDPMC,
	INTERCEPT_INVD,
	INTERCEPT_WBINVD,
	INTERCEPT_IOIO_PROT,
	INTERCEPT_MSR_PROT,
	INTERCEPT_TASK_SWITCH,
	INTERCEPT_XSETBV,
	INTERCEPT_RSM,

	/* SVM itself: EFER.SVME is always 1 in hardware, but the guest has none */
	INTERCEPT_VMRUN,
	INTERCEPT_VMMCALL,
	INTERCEPT_VMLOAD,
	INTERCEPT_VMSAVE,
	INTERCEPT_STGI,
	INTERCEPT_CLGI,
	INTERCEPT_SKINIT,
	INTERCEPT_INVLPGA,
};

static void intercept_exception(struct vcpu_svm *svm, u8 vector, bool on)
{
	vmcb_assign_intercept(svm->vmcb, INTERCEPT_EXCEPTION_OFFSET + vector, on);
}

/* Accesses to DR0-7 of the guest exit. */
void svm_intercept_dr(struct kvm_vcpu *vcpu, bool on)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	/* Reads of DR0-7 are bits 0 to 7 of the word, writes bits 16 to 23. */
	svm->vmcb->control.intercepts[INTERCEPT_DR] = on ? 0x00ff00ff : 0;
	vmcb_mark_dirty(svm->vmcb, VMCB_INTERCEPTS);
}

static void follow_disabled_exits(struct vcpu_svm *svm)
{
	u64 disabled = svm->vcpu.arch.disabled_exits;
	struct vmcb *vmcb = svm->vmcb;
	bool mwait = disabled & KVM_X86_DISABLE_EXITS_MWAIT;

	vmcb_assign_intercept(vmcb, INTERCEPT_HLT, !(disabled & KVM_X86_DISABLE_EXITS_HLT));
	vmcb_assign_intercept(vmcb, INTERCEPT_MONITOR, !mwait);
	vmcb_assign_intercept(vmcb, INTERCEPT_MWAIT, !mwait);
	/* Without a filter every single PAUSE would exit, which costs more than it saves. */
	vmcb_assign_intercept(vmcb, INTERCEPT_PAUSE,
			      svm_hw.pause_filter_count &&
				      !(disabled & KVM_X86_DISABLE_EXITS_PAUSE));
}

void svm_init_intercepts(struct vcpu_svm *svm)
{
	struct vmcb *vmcb = svm->vmcb;
	int i;

	memset(vmcb->control.intercepts, 0, sizeof(vmcb->control.intercepts));
	for (i = 0; i < ARRAY_SIZE(always); i++)
		vmcb_set_intercept(vmcb, always[i]);
	follow_disabled_exits(svm);
	svm_intercept_dr(&svm->vcpu, true);
	/* With the local APIC in user space nobody asks for this later: the VMM hears of a lower TPR. */
	vmcb_assign_intercept(vmcb, INTERCEPT_CR8_WRITE, !svm->vcpu.arch.apic);
	/* Until there is a CPUID table. */
	svm->has_tsc_aux = boot_cpu_has(X86_FEATURE_RDPID);
	if (boot_cpu_has(X86_FEATURE_INVPCID))
		vmcb_set_intercept(vmcb, INTERCEPT_INVPCID);
	if (boot_cpu_has(X86_FEATURE_RDTSCP))
		vmcb_set_intercept(vmcb, INTERCEPT_RDTSCP);
	if (boot_cpu_has(X86_FEATURE_RDPRU))
		vmcb_set_intercept(vmcb, INTERCEPT_RDPRU);
	if (svm_hw.invlpgb) {
		vmcb_set_intercept(vmcb, INTERCEPT_INVLPGB);
		vmcb_set_intercept(vmcb, INTERCEPT_INVLPGB_ILLEGAL);
		vmcb_set_intercept(vmcb, INTERCEPT_TLBSYNC);
	}
	if (svm_hw.mcommit)
		vmcb_set_intercept(vmcb, INTERCEPT_MCOMMIT);

	/*
	 * #MC is the host's.  #DB and #AC can be made to recur during their own delivery without end, and no interrupt
	 * would get in between (CVE-2015-8104, CVE-2015-5307).  #UD: instructions that are emulated or that the guest
	 * wrote for the other vendor.
	 */
	intercept_exception(svm, X86_TRAP_MC, true);
	intercept_exception(svm, X86_TRAP_DB, true);
	intercept_exception(svm, X86_TRAP_AC, true);
	intercept_exception(svm, X86_TRAP_UD, true);
}

void svm_update_exception_bitmap(struct kvm_vcpu *vcpu)
{
	u32 control = vcpu->arch.debug.control;

	intercept_exception(to_svm(vcpu), X86_TRAP_BP,
			    (control & KVM_GUESTDBG_ENABLE) && (control & KVM_GUESTDBG_USE_SW_BP));
	/* KVM_GUESTDBG_BLOCKIRQ */
	if (svm_hw.avic)
		kvm_make_request(vcpu, KVM_REQ_MSR_INTERCEPTS);
}

/* Instructions that the CPU has but the guest shall not see raise #UD. */
void svm_after_set_cpuid(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	follow_disabled_exits(svm);
	if (boot_cpu_has(X86_FEATURE_INVPCID))
		vmcb_assign_intercept(svm->vmcb, INTERCEPT_INVPCID,
				      !guest_cpuid_has(vcpu, X86_FEATURE_INVPCID));
	if (boot_cpu_has(X86_FEATURE_RDTSCP))
		vmcb_assign_intercept(svm->vmcb, INTERCEPT_RDTSCP,
				      !guest_cpuid_has(vcpu, X86_FEATURE_RDTSCP));
	/* RDPID cannot be intercepted: no guest shall read the number of the host's CPU with it. */
	svm->has_tsc_aux = boot_cpu_has(X86_FEATURE_RDPID) || svm_guest_has_tsc_aux(vcpu);
	svm_update_msr_intercepts(vcpu);
}

/*
 * The guest writes CR8 without an exit (V_TPR); an exit is needed only when lowering it could make an interrupt
 * deliverable that is held back now.
 */
void svm_update_cr8_intercept(struct kvm_vcpu *vcpu, int tpr, int irr)
{
	vmcb_assign_intercept(to_svm(vcpu)->vmcb, INTERCEPT_CR8_WRITE,
			      irr >= 0 && (tpr & 0xf0) >= (irr & 0xf0));
}
