// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers, single-stepping, breakpoints of the VMM.  SDM vol. 3B, 18.2 and 18.3; APM vol. 2, 13.1.
 */
#include <asm/debugreg.h>

#include "cpuid.h"
#include "debug.h"
#include "events.h"
#include "ioctl.h"
#include "regs.h"

#define DEBUG_INJECT (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)

/* Bits of DR6 that this CPU fixes to 1: RTM's where it has no RTM; the bus lock's always. */
static unsigned long dr6_fixed(struct kvm_vcpu *vcpu)
{
	unsigned long fixed = KVM_DR6_FIXED_1;

	if (!guest_cpuid_has(vcpu, X86_FEATURE_RTM))
		fixed |= BIT(16);
	return fixed | BIT(11);
}

static bool vmm_uses_hw_bp(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.debug.control & KVM_GUESTDBG_USE_HW_BP;
}

static bool vmm_single_steps(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.debug.control & KVM_GUESTDBG_SINGLESTEP;
}

unsigned long kvm_effective_dr7(struct kvm_vcpu *vcpu)
{
	return vmm_uses_hw_bp(vcpu) ? vcpu->arch.debug.vmm_dr7 : vcpu->arch.debug.dr7;
}
EXPORT_SYMBOL_GPL(kvm_effective_dr7);

const unsigned long *kvm_effective_db(struct kvm_vcpu *vcpu)
{
	return vmm_uses_hw_bp(vcpu) ? vcpu->arch.debug.vmm_db : vcpu->arch.debug.db;
}

/* ---------------------------------------------------------------- DR0-3 in the hardware */

static void write_dbs(const unsigned long *db)
{
	set_debugreg(db[0], 0);
	set_debugreg(db[1], 1);
	set_debugreg(db[2], 2);
	set_debugreg(db[3], 3);
}

void kvm_dbs_sync(struct kvm_vcpu *vcpu)
{
	unsigned long *db = vcpu->arch.debug.db;

	get_debugreg(db[0], 0);
	get_debugreg(db[1], 1);
	get_debugreg(db[2], 2);
	get_debugreg(db[3], 3);
}
EXPORT_SYMBOL_GPL(kvm_dbs_sync);

bool kvm_dbs_give(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_debug *d = &vcpu->arch.debug;

	if (vmm_uses_hw_bp(vcpu))
		return false;
	if (!d->dr_loaded) {
		write_dbs(d->db);
		d->db_in_hw = true;
		d->dr_loaded = true;
		kvm_x86_call(intercept_dr)(vcpu, false);
	}
	return true;
}
EXPORT_SYMBOL_GPL(kvm_dbs_give);

void kvm_dbs_load(struct kvm_vcpu *vcpu)
{
	if (vcpu->arch.debug.db_in_hw || !(kvm_effective_dr7(vcpu) & KVM_DR7_BP_EN_MASK))
		return;
	if (!kvm_dbs_give(vcpu)) {
		write_dbs(kvm_effective_db(vcpu));
		vcpu->arch.debug.db_in_hw = true;
	}
}
EXPORT_SYMBOL_GPL(kvm_dbs_load);

void kvm_dbs_changed(struct kvm_vcpu *vcpu)
{
	vcpu->arch.debug.dr_loaded = false;
	vcpu->arch.debug.db_in_hw = false;
	kvm_x86_call(intercept_dr)(vcpu, true);
}
EXPORT_SYMBOL_GPL(kvm_dbs_changed);

bool kvm_dbs_unload(struct kvm_vcpu *vcpu)
{
	bool was_loaded = vcpu->arch.debug.dr_loaded;

	if (was_loaded) {
		kvm_x86_call(sync_debug)(vcpu);
		kvm_dbs_changed(vcpu);
	}
	vcpu->arch.debug.db_in_hw = false;
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
	return was_loaded;
}
EXPORT_SYMBOL_GPL(kvm_dbs_unload);

/* ---------------------------------------------------------------- MOV DRn */

int kvm_set_dr(struct kvm_vcpu *vcpu, int dr, unsigned long val)
{
	struct kvm_vcpu_debug *d = &vcpu->arch.debug;

	switch (dr) {
	case 0 ... 3:
		d->db[array_index_nospec(dr, 4)] = val;
		break;
	case 4:
	case 6:
		if (upper_32_bits(val))
			return 1;
		d->dr6 = (val & KVM_DR6_VOLATILE) | dr6_fixed(vcpu);
		return 0;
	default:
		if (upper_32_bits(val))
			return 1;
		d->dr7 = (val & KVM_DR7_VOLATILE) | KVM_DR7_FIXED_1;
		break;
	}
	kvm_x86_call(update_debug)(vcpu);
	return 0;
}

unsigned long kvm_get_dr(struct kvm_vcpu *vcpu, int dr)
{
	const struct kvm_vcpu_debug *d = &vcpu->arch.debug;

	switch (dr) {
	case 0 ... 3:
		return d->db[array_index_nospec(dr, 4)];
	case 4:
	case 6:
		return d->dr6;
	default:
		return d->dr7;
	}
}

/* ---------------------------------------------------------------- single-stepping */

unsigned long kvm_get_rflags(struct kvm_vcpu *vcpu)
{
	unsigned long rflags = kvm_x86_call(get_rflags)(vcpu);

	/* The VMM's trap flag is not the guest's. */
	if (vmm_single_steps(vcpu))
		rflags &= ~X86_EFLAGS_TF;
	return rflags;
}

void kvm_set_rflags(struct kvm_vcpu *vcpu, unsigned long rflags)
{
	if (vmm_single_steps(vcpu) && kvm_linear_rip(vcpu) == vcpu->arch.debug.singlestep_rip)
		rflags |= X86_EFLAGS_TF;
	kvm_x86_call(set_rflags)(vcpu, rflags);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
}

static int debug_exit(struct kvm_vcpu *vcpu, u8 vector, unsigned long dr6)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch.exception = vector;
	run->debug.arch.pad = 0;
	run->debug.arch.pc = kvm_linear_rip(vcpu);
	run->debug.arch.dr6 = dr6;
	run->debug.arch.dr7 = kvm_effective_dr7(vcpu);
	return KVM_TO_USER;
}

int kvm_handle_debug_exception(struct kvm_vcpu *vcpu, u8 vector, unsigned long dr6_bits)
{
	u32 control = vcpu->arch.debug.control;

	if (vector == X86_TRAP_BP)
		return control & KVM_GUESTDBG_USE_SW_BP ? debug_exit(vcpu, vector, 0) : KVM_AGAIN;
	if (control & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP))
		return debug_exit(vcpu, vector, dr6_bits | KVM_DR6_FIXED_1 | BIT(16) | BIT(11));
	return KVM_AGAIN;
}
EXPORT_SYMBOL_GPL(kvm_handle_debug_exception);

int kvm_emulated_step(struct kvm_vcpu *vcpu)
{
	if (likely(!(kvm_x86_call(get_rflags)(vcpu) & X86_EFLAGS_TF)))
		return KVM_REENTER;
	if (vmm_single_steps(vcpu))
		return debug_exit(vcpu, X86_TRAP_DB, DR_STEP | KVM_DR6_ACTIVE_LOW);
	/* a trap, after the instruction: DR6.BS */
	kvm_queue_exception_payload(vcpu, X86_TRAP_DB, false, 0, DR_STEP);
	return KVM_REENTER;
}

/* ---------------------------------------------------------------- ioctls */

long kvm_vcpu_get_debugregs(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	const struct kvm_vcpu_debug *d = &vcpu->arch.debug;
	struct kvm_debugregs *regs = arg.buf;
	int i;

	kvm_x86_call(sync_debug)(vcpu);
	for (i = 0; i < 4; i++)
		regs->db[i] = d->db[i];
	regs->dr6 = d->dr6;
	regs->dr7 = d->dr7;
	return 0;
}

long kvm_vcpu_set_debugregs(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	const struct kvm_debugregs *regs = arg.buf;
	struct kvm_vcpu_debug *d = &vcpu->arch.debug;
	int i;

	if (regs->flags || upper_32_bits(regs->dr6) || upper_32_bits(regs->dr7))
		return -EINVAL;
	for (i = 0; i < 4; i++)
		d->db[i] = regs->db[i];
	d->dr6 = regs->dr6;
	d->dr7 = regs->dr7;
	kvm_x86_call(update_debug)(vcpu);
	return 0;
}

static void use_breakpoints(struct kvm_vcpu_debug *d, const struct kvm_guest_debug *dbg)
{
	int i;

	if (!(d->control & KVM_GUESTDBG_USE_HW_BP))
		return;
	for (i = 0; i < 4; i++)
		d->vmm_db[i] = dbg->arch.debugreg[i];
	d->vmm_dr7 = (dbg->arch.debugreg[7] & KVM_DR7_VOLATILE) | KVM_DR7_FIXED_1;
}

long kvm_vcpu_set_guest_debug(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	const struct kvm_guest_debug *dbg = arg.buf;
	struct kvm_vcpu_debug *d = &vcpu->arch.debug;
	unsigned long rflags;

	if (dbg->control & ~KVM_GUESTDBG_FLAGS)
		return -EINVAL;
	if (dbg->control & DEBUG_INJECT) {
		if (vcpu->arch.events.exception.pending || vcpu->arch.events.exception.injected)
			return -EBUSY;
		if (dbg->control & KVM_GUESTDBG_INJECT_DB)
			kvm_queue_exception(vcpu, X86_TRAP_DB);
		else
			kvm_queue_exception(vcpu, X86_TRAP_BP);
	}

	/* As the guest has it, read while the old control is in force. */
	rflags = kvm_get_rflags(vcpu);
	kvm_x86_call(sync_debug)(vcpu);
	d->control = dbg->control & KVM_GUESTDBG_ENABLE ? dbg->control & ~DEBUG_INJECT : 0;
	use_breakpoints(d, dbg);
	if (vmm_single_steps(vcpu))
		d->singlestep_rip = kvm_linear_rip(vcpu);
	/* Sets TF when stepping begins here. */
	kvm_set_rflags(vcpu, rflags);
	kvm_x86_call(update_debug)(vcpu);
	kvm_x86_call(update_exception_bitmap)(vcpu);
	return 0;
}
