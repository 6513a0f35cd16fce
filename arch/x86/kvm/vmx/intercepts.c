// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which instructions and events exit (SDM vol. 3C, 25.6 and 26.1).
 *
 * Always: what the guest must not do to the host, and what it must not know that it can.  The rest follows the vCPU's
 * state (CR0 and CR4 in state.c, debug registers, windows), its CPUID table and what the VMM has asked for.
 */
#include <asm/cpufeature.h>
#include <asm/trapnr.h>

#include "cpuid.h"
#include "debug.h"
#include "irqchip/irqchip.h"
#include "vmx/vmx.h"

/* Controls that are used at times, and begin switched off. */
#define PIN_AT_TIMES (PIN_BASED_VMX_PREEMPTION_TIMER | PIN_BASED_POSTED_INTR)
#define CPU_AT_TIMES                                                                             \
	(CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING |                          \
	 CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING | CPU_BASED_CR8_LOAD_EXITING | \
	 CPU_BASED_CR8_STORE_EXITING | CPU_BASED_TPR_SHADOW | CPU_BASED_PAUSE_EXITING |          \
	 CPU_BASED_HLT_EXITING | CPU_BASED_MWAIT_EXITING | CPU_BASED_MONITOR_EXITING |           \
	 CPU_BASED_MONITOR_TRAP_FLAG)
/* apicv.c's */
#define CPU2_APICV                                                                         \
	(SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES | SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE | \
	 SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)
#define CPU2_AT_TIMES                                                                         \
	(SECONDARY_EXEC_DESC | SECONDARY_EXEC_ENABLE_RDTSCP | SECONDARY_EXEC_ENABLE_INVPCID | \
	 SECONDARY_EXEC_ENABLE_XSAVES | SECONDARY_EXEC_RDRAND_EXITING |                       \
	 SECONDARY_EXEC_RDSEED_EXITING | SECONDARY_EXEC_PAUSE_LOOP_EXITING |                  \
	 SECONDARY_EXEC_BUS_LOCK_DETECTION | SECONDARY_EXEC_NOTIFY_VM_EXITING | CPU2_APICV)
#define EXIT_AT_TIMES VM_EXIT_SAVE_VMX_PREEMPTION_TIMER
#define ENTRY_AT_TIMES VM_ENTRY_IA32E_MODE

static u32 cpu_controls(struct vcpu_vmx *vmx)
{
	u32 val = vmx_hw.control[VMX_CTL_CPU] & ~CPU_AT_TIMES;
	u64 disabled = vmx->vcpu.arch.disabled_exits;

	/* With the local APIC in user space, the VMM hears of a lower TPR. */
	if (vmx_hw.tpr_shadow && kvm_lapic_in_kernel(&vmx->vcpu))
		val |= CPU_BASED_TPR_SHADOW;
	else
		val |= CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING;
	if (!(disabled & KVM_X86_DISABLE_EXITS_HLT))
		val |= CPU_BASED_HLT_EXITING;
	if (!(disabled & KVM_X86_DISABLE_EXITS_MWAIT))
		val |= CPU_BASED_MWAIT_EXITING | CPU_BASED_MONITOR_EXITING;
	/* What follows the state: paging without unrestricted guest, windows. */
	if (!vmx_hw.unrestricted && !(vmx->vcpu.arch.cr0 & X86_CR0_PG))
		val |= CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING;
	val |= vmx->control[VMX_CTL_CPU] & (VMX_WINDOWS | CPU_BASED_MOV_DR_EXITING);
	return val;
}

/* An instruction that the guest's CPUID does not have exits or is #UD by itself. */
static const struct {
	u32 control;
	u16 feature;
	bool exits; /* the control makes it exit; else it enables it */
} follow_cpuid[] = {
	{ SECONDARY_EXEC_ENABLE_INVPCID, X86_FEATURE_INVPCID },
	{ SECONDARY_EXEC_ENABLE_XSAVES, X86_FEATURE_XSAVES },
	{ SECONDARY_EXEC_RDRAND_EXITING, X86_FEATURE_RDRAND, .exits = true },
	{ SECONDARY_EXEC_RDSEED_EXITING, X86_FEATURE_RDSEED, .exits = true },
};

/* RDTSCP and RDPID need the same control, and neither can be had alone. */
static bool has_tsc_aux(struct kvm_vcpu *vcpu)
{
	return guest_cpuid_has(vcpu, X86_FEATURE_RDTSCP) ||
	       guest_cpuid_has(vcpu, X86_FEATURE_RDPID);
}

static u32 cpu2_controls(struct vcpu_vmx *vmx)
{
	u32 all = vmx_hw.control[VMX_CTL_CPU2], val = all & ~CPU2_AT_TIMES;
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	int i;

	/* What follows the state */
	val |= vmx->control[VMX_CTL_CPU2] & (CPU2_APICV | SECONDARY_EXEC_DESC);
	for (i = 0; i < ARRAY_SIZE(follow_cpuid); i++)
		if (guest_cpuid_has(vcpu, follow_cpuid[i].feature) != follow_cpuid[i].exits)
			val |= all & follow_cpuid[i].control;
	if (has_tsc_aux(vcpu))
		val |= all & SECONDARY_EXEC_ENABLE_RDTSCP;
	if (!(vcpu->arch.disabled_exits & KVM_X86_DISABLE_EXITS_PAUSE))
		val |= all & SECONDARY_EXEC_PAUSE_LOOP_EXITING;
	if (vcpu->kvm->arch.bus_lock_exit)
		val |= SECONDARY_EXEC_BUS_LOCK_DETECTION;
	if (vcpu->kvm->arch.notify_flags)
		val |= SECONDARY_EXEC_NOTIFY_VM_EXITING;
	return val;
}

/**
 * vmx_write_controls() - all words of controls
 * @vmx: its VMCS is current and holds none yet
 */
void vmx_write_controls(struct vcpu_vmx *vmx)
{
	u32 *c = vmx->control;

	c[VMX_CTL_CPU] = CPU_BASED_MOV_DR_EXITING;
	c[VMX_CTL_PIN] = vmx_hw.control[VMX_CTL_PIN] & ~PIN_AT_TIMES;
	c[VMX_CTL_CPU] = cpu_controls(vmx);
	c[VMX_CTL_CPU2] = 0;
	c[VMX_CTL_CPU2] = cpu2_controls(vmx);
	c[VMX_CTL_EXIT] = vmx_hw.control[VMX_CTL_EXIT] & ~EXIT_AT_TIMES;
	c[VMX_CTL_ENTRY] = vmx_hw.control[VMX_CTL_ENTRY] & ~ENTRY_AT_TIMES;
	vmcs_write32(PIN_BASED_VM_EXEC_CONTROL, c[VMX_CTL_PIN]);
	vmcs_write32(CPU_BASED_VM_EXEC_CONTROL, c[VMX_CTL_CPU]);
	vmcs_write32(SECONDARY_VM_EXEC_CONTROL, c[VMX_CTL_CPU2]);
	vmcs_write32(VM_EXIT_CONTROLS, c[VMX_CTL_EXIT]);
	vmcs_write32(VM_ENTRY_CONTROLS, c[VMX_CTL_ENTRY]);
	vmx->exception_bitmap = 0;
	vmcs_write32(EXCEPTION_BITMAP, 0);
	vmx_umsr_need(vmx, VMX_UMSR_TSC_AUX, has_tsc_aux(&vmx->vcpu));
}

/*
 * #MC is the host's.  #DB and #AC can be made to recur during their own delivery without end, and no interrupt would get
 * in between (CVE-2015-8104, CVE-2015-5307).  #UD: hypercalls that the guest wrote for the other vendor.
 */
void vmx_update_exception_bitmap(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	u32 control = vcpu->arch.debug.control;
	u32 bitmap = BIT(X86_TRAP_MC) | BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_UD);

	if ((control & KVM_GUESTDBG_ENABLE) && (control & KVM_GUESTDBG_USE_SW_BP))
		bitmap |= BIT(X86_TRAP_BP);
	if (vmx->detour & VMX_VM86)
		bitmap = ~0;
	if (bitmap != vmx->exception_bitmap) {
		vmx->exception_bitmap = bitmap;
		vmcs_write32(EXCEPTION_BITMAP, bitmap);
	}
	/* The VMM may block interrupts. */
	vmx_update_apicv(vcpu);
}

void vmx_after_set_cpuid(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	vmx_exec_set(vmx, cpu_controls(vmx));
	vmx_exec2_set(vmx, cpu2_controls(vmx));
	vmx_umsr_need(vmx, VMX_UMSR_TSC_AUX, has_tsc_aux(vcpu));
	/* Bits that the guest owns follow from the bits that it has. */
	vmx_set_cr4(vcpu, kvm_cr4_read(vcpu));
	vmx_update_msr_intercepts(vcpu);
}

/* ---- PAUSE loops */

static void set_ple_window(struct vcpu_vmx *vmx, u32 window)
{
	if (!vmx_has(CPU2, SECONDARY_EXEC_PAUSE_LOOP_EXITING) || window == vmx->ple_window)
		return;
	vmx->ple_window = window;
	vmcs_write32(PLE_WINDOW, window);
}

/**
 * vmx_grow_ple_window() - the guest has spun for a whole window
 * @vmx: loaded
 *
 * While every vCPU has a CPU whoever is waited for runs, and exits do but delay.  One that is preempted, as it is when it has
 * given its CPU away, begins anew: vmx_shrink_ple_window().
 */
void vmx_grow_ple_window(struct vcpu_vmx *vmx)
{
	u64 window;

	/* vmx_shrink_ple_window() between the two writes of a value would leave them apart. */
	preempt_disable();
	window = (u64)vmx->ple_window * max(vmx_hw.ple_window_grow, 1U);
	set_ple_window(vmx, max((u32)min(window, (u64)vmx_hw.ple_window_max), vmx->ple_window));
	preempt_enable();
}

/* Context: loaded, preemption off */
void vmx_shrink_ple_window(struct vcpu_vmx *vmx)
{
	u32 by = vmx_hw.ple_window_shrink;

	set_ple_window(vmx, by ? max(vmx->ple_window / by, vmx_hw.ple_window) : vmx_hw.ple_window);
}

/* ---- CR8 */

/*
 * The guest writes CR8 without an exit (TPR shadow); an exit is needed only when lowering it could make an interrupt
 * deliverable that is held back now.
 */
void vmx_update_cr8_intercept(struct kvm_vcpu *vcpu, int tpr, int irr)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	u8 threshold = irr >= 0 && (tpr & 0xf0) >= (irr & 0xf0) ? irr >> 4 : 0;

	if (!(vmx->control[VMX_CTL_CPU] & CPU_BASED_TPR_SHADOW) || threshold == vmx->tpr_threshold)
		return;
	vmx->tpr_threshold = threshold;
	vmcs_write32(TPR_THRESHOLD, threshold);
}
