// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: VMCALL and VMMCALL.  Number in RAX, arguments in RBX, RCX, RDX, RSI, result in RAX.
 */
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <uapi/linux/kvm_para.h>

#include "arch.h"
#include "clock.h"
#include "cpuid.h"
#include "irqchip/irqchip.h"
#include "regs.h"
#include "run.h"
#include "trace_x86.h"

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

/* Of a guest that has lowered its priority in memory; whatever else makes an interrupt ready has made the request itself. */
static long poll_irq(struct kvm_vcpu *vcpu, const struct hypercall *h)
{
	if (kvm_lapic_has_vapic(vcpu))
		kvm_make_request(vcpu, KVM_REQ_EVENT);
	return 0;
}

static long kick_cpu(struct kvm_vcpu *vcpu, const struct hypercall *h)
{
	kvm_pv_kick(vcpu->kvm, h->a1);
	return 0;
}

/* The mask is of two registers, each as wide as the guest's mode has them. */
static long send_ipi(struct kvm_vcpu *vcpu, const struct hypercall *h)
{
	unsigned int width = is_64_bit_mode(vcpu) ? 64 : 32;

	return kvm_pv_send_ipi(vcpu, h->a0, h->a1, width, h->a2, h->a3);
}

/* The sender of interrupts to many asks that a receiver that was preempted runs. */
static long sched_yield(struct kvm_vcpu *vcpu, const struct hypercall *h)
{
	struct kvm_vcpu *target = kvm_lapic_find(vcpu->kvm, h->a0);

	if (!target || target == vcpu || !READ_ONCE(target->preempted))
		return 0;
	vcpu->stat.directed_yield_attempted++;
	if (kvm_vcpu_yield_to(target) > 0)
		vcpu->stat.directed_yield_successful++;
	return 0;
}

static long clock_pairing(struct kvm_vcpu *vcpu, const struct hypercall *h)
{
	return kvm_clock_pairing(vcpu, h->a0, h->a1);
}

/* ---------------------------------------------------------------- the VMM's */

static int complete_hypercall(struct kvm_vcpu *vcpu)
{
	u64 ret = READ_ONCE(vcpu->run->hypercall.ret);

	kvm_rax_write(vcpu, is_64_bit_mode(vcpu) ? ret : (u32)ret);
	return KVM_REENTER;
}

static void exit_with_hypercall(struct kvm_vcpu *vcpu, const struct hypercall *h)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_HYPERCALL;
	memset(&run->hypercall, 0, sizeof(run->hypercall));
	run->hypercall.nr = h->nr;
	run->hypercall.args[0] = h->a0;
	run->hypercall.args[1] = h->a1;
	run->hypercall.args[2] = h->a2;
	if (is_64_bit_mode(vcpu))
		run->hypercall.flags = KVM_EXIT_HYPERCALL_LONG_MODE;
	vcpu->arch.io.complete = complete_hypercall;
}

#define TO_VMM LONG_MIN /* no call answers so */

static long map_gpa_range(struct kvm_vcpu *vcpu, const struct hypercall *h)
{
	if (!(READ_ONCE(vcpu->kvm->arch.hypercall_exits) & BIT(KVM_HC_MAP_GPA_RANGE)))
		return -KVM_ENOSYS;
	if (offset_in_page(h->a0) || !h->a1 || (h->a0 >> PAGE_SHIFT) + h->a1 <= h->a0 >> PAGE_SHIFT)
		return -KVM_EINVAL;
	exit_with_hypercall(vcpu, h);
	return TO_VMM;
}

/* ---------------------------------------------------------------- the table */

#define NO_FEATURE (-1)

/**
 * struct call - a hypercall
 * @call: does it: what the guest gets in RAX
 * @feature: KVM_FEATURE_* that offers it
 * @slow: may sleep or leave to the VMM: not with interrupts off
 */
struct call {
	long (*call)(struct kvm_vcpu *vcpu, const struct hypercall *h);
	int feature;
	bool slow;
};

static const struct call calls[] = {
	[KVM_HC_VAPIC_POLL_IRQ] = { poll_irq, NO_FEATURE },
	[KVM_HC_KICK_CPU] = { kick_cpu, KVM_FEATURE_PV_UNHALT },
	[KVM_HC_CLOCK_PAIRING] = { clock_pairing, NO_FEATURE, .slow = true },
	[KVM_HC_SEND_IPI] = { send_ipi, KVM_FEATURE_PV_SEND_IPI },
	[KVM_HC_SCHED_YIELD] = { sched_yield, KVM_FEATURE_PV_SCHED_YIELD, .slow = true },
	[KVM_HC_MAP_GPA_RANGE] = { map_gpa_range, NO_FEATURE, .slow = true },
};

static const struct call *find_call(struct kvm_vcpu *vcpu, unsigned long nr)
{
	const struct call *c;

	if (nr >= ARRAY_SIZE(calls))
		return NULL;
	c = &calls[array_index_nospec(nr, ARRAY_SIZE(calls))];
	if (!c->call || (c->feature != NO_FEATURE && !guest_pv_has(vcpu, c->feature)))
		return NULL;
	return c;
}

/* Past the instruction already.  False: the VMM has to answer. */
static bool do_hypercall(struct kvm_vcpu *vcpu, const struct hypercall *h)
{
	const struct call *c = find_call(vcpu, h->nr);
	long ret;

	vcpu->stat.hypercalls++;
	trace_kvm_hypercall(h->nr, h->a0, h->a1, h->a2, h->a3);
	if (kvm_x86_call(get_cpl)(vcpu))
		ret = -KVM_EPERM;
	else
		ret = c ? c->call(vcpu, h) : -KVM_ENOSYS;
	if (ret == TO_VMM)
		return false;
	kvm_rax_write(vcpu, is_64_bit_mode(vcpu) ? ret : (u32)ret);
	return true;
}

int kvm_emulate_hypercall_fast(struct kvm_vcpu *vcpu)
{
	const struct call *c;
	struct hypercall h;
	int r;

	read_hypercall(vcpu, &h);
	c = find_call(vcpu, h.nr);
	if (c && c->slow)
		return KVM_AGAIN;
	/* First past the instruction: what cannot be done now must find its operands unchanged later. */
	r = kvm_skip_instruction(vcpu);
	if (unlikely(r == KVM_AGAIN) && irqs_disabled())
		return r;
	do_hypercall(vcpu, &h);
	return r;
}
EXPORT_SYMBOL_GPL(kvm_emulate_hypercall_fast);

int kvm_emulate_hypercall(struct kvm_vcpu *vcpu)
{
	struct hypercall h;
	int r;

	read_hypercall(vcpu, &h);
	r = kvm_skip_instruction(vcpu);
	if (r < 0)
		return r;
	return do_hypercall(vcpu, &h) ? r : KVM_TO_USER;
}
EXPORT_SYMBOL_GPL(kvm_emulate_hypercall);
