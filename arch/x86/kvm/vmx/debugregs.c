// SPDX-License-Identifier: GPL-2.0-only
/*
 * DR7, which is in the VMCS; DR6 and DR0-3 are not: see debug.h for the latter.
 */
#include <asm/debugreg.h>

#include "debug.h"
#include "vmx/vmx.h"

void vmx_intercept_dr(struct kvm_vcpu *vcpu, bool on)
{
	vmx_exec_assign(to_vmx(vcpu), CPU_BASED_MOV_DR_EXITING, on);
}

/* vcpu->arch.debug changed: DR7 and the intercept of #BP follow now, DR0-3 at the next vmx_prepare_switch(). */
void vmx_update_debug(struct kvm_vcpu *vcpu)
{
	kvm_dbs_changed(vcpu);
	to_vmx(vcpu)->host_saved = false;
	vmcs_write_natural(GUEST_DR7, kvm_effective_dr7(vcpu));
	/* A VMM's INT3 are its own. */
	vmx_update_exception_bitmap(vcpu);
}

/* The guest's registers, wherever they are, into vcpu->arch.debug.  DR6 has been read at the exit. */
void vmx_sync_debug(struct kvm_vcpu *vcpu)
{
	if (!vcpu->arch.debug.dr_loaded)
		return;
	kvm_dbs_sync(vcpu);
	vcpu->arch.debug.dr7 = vmcs_read_natural(GUEST_DR7);
}

void vmx_unload_debug(struct vcpu_vmx *vmx)
{
	/* What the guest left in DR6 would puzzle the host's next #DB. */
	if (kvm_dbs_unload(&vmx->vcpu))
		set_debugreg(DR6_RESERVED, 6);
}
