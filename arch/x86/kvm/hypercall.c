// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: VMCALL and VMMCALL.  Number in RAX, arguments in RBX, RCX, RDX, RSI, result in RAX.
 */
#include <uapi/linux/kvm_para.h>

#include "arch.h"
#include "cpuid.h"
#include "irqchip/irqchip.h"
#include "regs.h"
#include "run.h"

struct hypercall {
	unsigned long nr;
	unsigned long a0, a1, a2, a3;
};

static void read_hypercall(struct kvm_vcpu *vcpu, struct hypercall *h)
{
	unsigned long mask = is_64_bit_mode(vcpu) ? ~0UL : 0xffffffff;

	h->nr = kvm_rax_read(vcpu) & mask;
	h->a0 = kvm_rbx_read(vcpu) & mask;
	h->a1 = kvm_rcx_read(vcpu) & mask;
	h->a2 = kvm_rdx_read(vcpu) & mask;
	h->a3 = kvm_rsi_read(vcpu) & mask;
}

static long do_hypercall(struct kvm_vcpu *vcpu, const struct hypercall *h)
{
	if (kvm_x86_call(get_cpl)(vcpu))
		return -KVM_EPERM;
	switch (h->nr) {
	case KVM_HC_VAPIC_POLL_IRQ:
		return 0;
	case KVM_HC_KICK_CPU:
		if (!guest_pv_has(vcpu, KVM_FEATURE_PV_UNHALT))
			return -KVM_ENOSYS;
		kvm_pv_kick(vcpu->kvm, h->a1);
		return 0;
	default:
		return -KVM_ENOSYS;
	}
}

int kvm_emulate_hypercall_fast(struct kvm_vcpu *vcpu)
{
	struct hypercall h;
	long ret;
	int r;

	read_hypercall(vcpu, &h);
	/* First past the instruction: what cannot be done now must find its operands unchanged later. */
	r = kvm_skip_instruction(vcpu);
	if (unlikely(r == KVM_AGAIN) && irqs_disabled())
		return r;
	ret = do_hypercall(vcpu, &h);
	kvm_rax_write(vcpu, is_64_bit_mode(vcpu) ? ret : (u32)ret);
	vcpu->stat.hypercalls++;
	return r;
}
EXPORT_SYMBOL_GPL(kvm_emulate_hypercall_fast);

int kvm_emulate_hypercall(struct kvm_vcpu *vcpu)
{
	return kvm_emulate_hypercall_fast(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_emulate_hypercall);
