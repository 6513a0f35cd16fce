// SPDX-License-Identifier: GPL-2.0-only
/*
 * DR0-3, DR6, DR7.
 *
 * DR6 and DR7 are in the VMCB, DR0-3 are not.  A guest that does not use debug registers costs nothing: accesses exit.
 * At the first one the guest's values go into the hardware and accesses are free until the vCPU is put.  While the VMM
 * debugs with hardware breakpoints, its own are in force and the guest's accesses are emulated.
 */
#include <asm/debugreg.h>

#include "debug.h"
#include "svm/svm.h"

static void write_db(const unsigned long *db)
{
	set_debugreg(db[0], 0);
	set_debugreg(db[1], 1);
	set_debugreg(db[2], 2);
	set_debugreg(db[3], 3);
}

/* vcpu->arch.debug changed: DR7 follows now, DR0-3 at the next svm_prepare_switch(). */
void svm_update_debug(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	/*
	 * The caller's values replace those in the hardware, guest's accesses exit again.  The hardware is left as it is
	 * (a vCPU that is not in guest mode has DR7 off) and loaded anew.
	 */
	vcpu->arch.debug.dr_loaded = false;
	svm->db_in_hw = false;
	svm->host_saved = false;
	svm_intercept_dr(svm, true);
	svm->vmcb->save.dr7 = kvm_effective_dr7(vcpu);
	svm->vmcb->save.dr6 = vcpu->arch.debug.dr6;
	vmcb_mark_dirty(svm->vmcb, VMCB_DR);
}

/* The guest's registers, wherever they are, into vcpu->arch.debug. */
void svm_sync_debug(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_debug *d = &vcpu->arch.debug;
	struct vcpu_svm *svm = to_svm(vcpu);

	if (!d->dr_loaded)
		return;
	get_debugreg(d->db[0], 0);
	get_debugreg(d->db[1], 1);
	get_debugreg(d->db[2], 2);
	get_debugreg(d->db[3], 3);
	d->dr6 = svm->vmcb->save.dr6;
	d->dr7 = svm->vmcb->save.dr7;
}

/**
 * svm_give_debug_regs() - the guest accesses a debug register: let it have them
 * @svm: loaded
 * Return: false when the VMM has them; the access must be emulated
 * Context: preemption off
 */
bool svm_give_debug_regs(struct vcpu_svm *svm)
{
	struct kvm_vcpu_debug *d = &svm->vcpu.arch.debug;

	if (d->control & KVM_GUESTDBG_USE_HW_BP)
		return false;
	if (!d->dr_loaded) {
		write_db(d->db);
		svm->db_in_hw = true;
		d->dr_loaded = true;
		svm_intercept_dr(svm, false);
	}
	return true;
}

/* Before the inner loop, the vCPU freshly loaded: breakpoints that are enabled must be in the hardware. */
void svm_load_debug(struct vcpu_svm *svm)
{
	struct kvm_vcpu *vcpu = &svm->vcpu;

	if (svm->db_in_hw || !(kvm_effective_dr7(vcpu) & KVM_DR7_BP_EN_MASK))
		return;
	if (!svm_give_debug_regs(svm)) {
		write_db(kvm_effective_db(vcpu));
		svm->db_in_hw = true;
	}
}

/* The vCPU is put, or the host has breakpoints of its own, which every exit has switched off (DR7). */
void svm_unload_debug(struct vcpu_svm *svm)
{
	struct kvm_vcpu *vcpu = &svm->vcpu;

	if (vcpu->arch.debug.dr_loaded) {
		svm_sync_debug(vcpu);
		vcpu->arch.debug.dr_loaded = false;
		svm_intercept_dr(svm, true);
	}
	svm->db_in_hw = false;
	/* What the guest left in DR6 would puzzle the host's next #DB. */
	if (svm->vmcb->save.dr6 != DR6_RESERVED)
		set_debugreg(DR6_RESERVED, 6);
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
}
