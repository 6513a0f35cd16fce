// SPDX-License-Identifier: GPL-2.0-only
/*
 * MOV to and from control registers, CLTS, LMSW; MOV to and from debug registers (SDM vol. 3C, tables 28-3 and 28-4).
 */
#include "debug.h"
#include "events.h"
#include "io_x86.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "run.h"
#include "vmx/vmx.h"

enum cr_access { MOV_TO_CR, MOV_FROM_CR, CLTS, LMSW };

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

/* Lowering TPR may let an interrupt in; with the local APIC in user space the VMM must hear of it. */
static int write_cr8(struct kvm_vcpu *vcpu, unsigned long val)
{
	unsigned long before = kvm_get_cr8(vcpu);
	int r = gp_or_skip(vcpu, kvm_set_cr8(vcpu, val));

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

static int mov_to_cr(struct kvm_vcpu *vcpu, unsigned int cr, unsigned long val)
{
	switch (cr) {
	case 0:
		return gp_or_skip(vcpu, kvm_set_cr0(vcpu, val));
	case 3:
		return gp_or_skip(vcpu, kvm_set_cr3(vcpu, val));
	case 4:
		return gp_or_skip(vcpu, kvm_set_cr4(vcpu, val));
	case 8:
		return write_cr8(vcpu, val);
	default:
		return kvm_unexpected_exit(vcpu, to_vmx(vcpu)->exit_reason);
	}
}

static int mov_from_cr(struct kvm_vcpu *vcpu, unsigned int cr, unsigned int reg)
{
	switch (cr) {
	case 3:
		kvm_reg_write(vcpu, reg, kvm_cr3_read(vcpu));
		break;
	case 8:
		kvm_reg_write(vcpu, reg, kvm_get_cr8(vcpu));
		break;
	default:
		return kvm_unexpected_exit(vcpu, to_vmx(vcpu)->exit_reason);
	}
	return kvm_skip_instruction(vcpu);
}

int vmx_handle_cr(struct kvm_vcpu *vcpu)
{
	unsigned long qual = vmx_exit_qual(to_vmx(vcpu));
	unsigned int cr = qual & 0xf, reg = (qual >> 8) & 0xf;

	switch ((qual >> 4) & 3) {
	case MOV_TO_CR:
		return mov_to_cr(vcpu, cr, gpr_value(vcpu, reg));
	case MOV_FROM_CR:
		return mov_from_cr(vcpu, cr, reg);
	case CLTS:
		return gp_or_skip(vcpu, kvm_set_cr0(vcpu, kvm_cr0_read(vcpu) & ~X86_CR0_TS));
	case LMSW:
	default:
		kvm_lmsw(vcpu, (u16)(qual >> LMSW_SOURCE_DATA_SHIFT));
		return kvm_skip_instruction(vcpu);
	}
}

/* The VMM has the debug registers, else the inner loop had given them to the guest. */
int vmx_handle_dr(struct kvm_vcpu *vcpu)
{
	return kvm_emulate_instruction(vcpu, 0, 0, NULL, 0);
}
