// SPDX-License-Identifier: GPL-2.0-only
/*
 * DR6 and DR7, which are in the VMCB; DR0-3 are not: see debug.h.
 */
#include <asm/debugreg.h>

#include "debug.h"
#include "svm/svm.h"

/* vcpu->arch.debug changed: DR7 follows now, DR0-3 at the next svm_prepare_switch(). */
void svm_update_debug(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	/* The hardware is left as it is (a vCPU that is not in guest mode has DR7 off) and loaded anew. */
	kvm_dbs_changed(vcpu);
	svm->host_saved = false;
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
	kvm_dbs_sync(vcpu);
	d->dr6 = svm->vmcb->save.dr6;
	d->dr7 = svm->vmcb->save.dr7;
}

void svm_unload_debug(struct vcpu_svm *svm)
{
	kvm_dbs_unload(&svm->vcpu);
	/* What the guest left in DR6 would puzzle the host's next #DB. */
	if (svm->vmcb->save.dr6 != DR6_RESERVED)
		set_debugreg(DR6_RESERVED, 6);
}
