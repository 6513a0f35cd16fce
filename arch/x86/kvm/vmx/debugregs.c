// SPDX-License-Identifier: GPL-2.0-only
/*
 * DR0-3, DR6, DR7.
 *
 * DR7 is in the VMCS, the others are not.  A guest that does not use debug registers costs nothing: accesses exit.  At the
 * first one the guest's values go into the hardware and accesses are free until the vCPU is put.  While the VMM debugs
 * with hardware breakpoints, its own are in force and the guest's accesses are emulated.
 */
#include <asm/debugreg.h>

#include "debug.h"
#include "vmx/vmx.h"

static void write_db(const unsigned long *db)
{
	set_debugreg(db[0], 0);
	set_debugreg(db[1], 1);
	set_debugreg(db[2], 2);
	set_debugreg(db[3], 3);
}

static void intercept_dr(struct vcpu_vmx *vmx, bool on)
{
	vmx_exec_assign(vmx, CPU_BASED_MOV_DR_EXITING, on);
}

/* vcpu->arch.debug changed: DR7 and the intercept of #BP follow now, DR0-3 at the next vmx_prepare_switch(). */
void vmx_update_debug(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	vcpu->arch.debug.dr_loaded = false;
	vmx->db_in_hw = false;
	vmx->host_saved = false;
	intercept_dr(vmx, true);
	vmcs_write_natural(GUEST_DR7, kvm_effective_dr7(vcpu));
	/* A VMM's INT3 are its own. */
	vmx_update_exception_bitmap(vcpu);
}

/* The guest's registers, wherever they are, into vcpu->arch.debug.  DR6 has been read at the exit. */
void vmx_sync_debug(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_debug *d = &vcpu->arch.debug;

	if (!d->dr_loaded)
		return;
	get_debugreg(d->db[0], 0);
	get_debugreg(d->db[1], 1);
	get_debugreg(d->db[2], 2);
	get_debugreg(d->db[3], 3);
	d->dr7 = vmcs_read_natural(GUEST_DR7);
}

/**
 * vmx_give_debug_regs() - the guest accesses a debug register: let it have them
 * @vmx: loaded
 * Return: false when the VMM has them, or general detect is on: the access must be emulated
 * Context: preemption off
 */
bool vmx_give_debug_regs(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu_debug *d = &vmx->vcpu.arch.debug;

	if (d->control & KVM_GUESTDBG_USE_HW_BP)
		return false;
	if (!d->dr_loaded) {
		write_db(d->db);
		vmx->db_in_hw = true;
		d->dr_loaded = true;
		intercept_dr(vmx, false);
	}
	return true;
}

/* Before the inner loop, the vCPU freshly loaded: breakpoints that are enabled must be in the hardware. */
void vmx_load_debug(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;

	if (vmx->db_in_hw || !(kvm_effective_dr7(vcpu) & KVM_DR7_BP_EN_MASK))
		return;
	if (!vmx_give_debug_regs(vmx)) {
		write_db(kvm_effective_db(vcpu));
		vmx->db_in_hw = true;
	}
}

/* The vCPU is put, or the host has breakpoints of its own, which every exit has switched off (DR7). */
void vmx_unload_debug(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;

	if (vcpu->arch.debug.dr_loaded) {
		vmx_sync_debug(vcpu);
		vcpu->arch.debug.dr_loaded = false;
		intercept_dr(vmx, true);
		/* What the guest left in DR6 would puzzle the host's next #DB. */
		set_debugreg(DR6_RESERVED, 6);
	}
	vmx->db_in_hw = false;
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
}
