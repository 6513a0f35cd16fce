// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steal time: what a vCPU would have run but could not, and whether it is preempted now (MSR_KVM_STEAL_TIME).
 *
 * "preempted" is a conversation.  The host sets KVM_VCPU_PREEMPTED when it takes the vCPU off its CPU.  Another vCPU of
 * the guest that sees it need not wait for this one, and may set KVM_VCPU_FLUSH_TLB beside it instead of sending an
 * interrupt.  The host takes both back in one step before the vCPU runs, and then flushes: until then no instruction of
 * the guest executes there.  For that, the host's own work for the guest must not be half done: only a vCPU that stands
 * between two instructions is called preempted.
 */
#include <linux/sched.h>
#include <uapi/linux/kvm_para.h>

#include "arch.h"
#include "cpuid.h"
#include "msr.h"
#include "steal.h"
#include "trace_x86.h"

static bool is_enabled(const struct kvm_vcpu *vcpu)
{
	return vcpu->arch.steal.msr & KVM_MSR_ENABLED;
}

static gpa_t area(const struct kvm_vcpu *vcpu, unsigned int offset)
{
	return (vcpu->arch.steal.msr & KVM_STEAL_VALID_BITS) + offset;
}

static gpa_t preempted_gpa(const struct kvm_vcpu *vcpu)
{
	return area(vcpu, offsetof(struct kvm_steal_time, preempted));
}

static u64 run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

/* The vCPU runs again: take back what mark_preempted() said, with what others have added. */
static void take_preempted(struct kvm_vcpu *vcpu)
{
	u8 told = KVM_VCPU_PREEMPTED;
	const u8 nothing = 0;
	int r;

	do
		r = kvm_vcpu_cmpxchg_guest(vcpu, preempted_gpa(vcpu), &told, &nothing,
					   sizeof(told));
	while (r > 0);
	vcpu->arch.steal.told_preempted = false;
	/* Whoever cannot read it does not know that he need not flush. */
	trace_kvm_pv_tlb_flush(vcpu->id, r < 0 || told & KVM_VCPU_FLUSH_TLB);
	if (r < 0 || told & KVM_VCPU_FLUSH_TLB)
		kvm_make_request(vcpu, KVM_REQ_TLB_FLUSH);
}

static void write_steal(struct kvm_vcpu *vcpu)
{
	const unsigned int version_at = offsetof(struct kvm_steal_time, version);
	struct kvm_vcpu_steal *s = &vcpu->arch.steal;
	struct kvm_steal_time st;
	u64 delay = run_delay();

	/* steal, version: flags, pad and what follows stay the guest's */
	if (kvm_vcpu_read_guest(vcpu, area(vcpu, 0), &st, version_at + sizeof(st.version)))
		return;
	st.version |= 1;
	if (kvm_vcpu_write_guest(vcpu, area(vcpu, version_at), &st.version, sizeof(st.version)))
		return;
	smp_wmb();
	st.steal += delay - s->last;
	s->last = delay;
	kvm_vcpu_write_guest(vcpu, area(vcpu, 0), &st.steal, sizeof(st.steal));
	smp_wmb();
	st.version++;
	kvm_vcpu_write_guest(vcpu, area(vcpu, version_at), &st.version, sizeof(st.version));
}

void kvm_steal_update(struct kvm_vcpu *vcpu)
{
	if (!is_enabled(vcpu))
		return;
	if (vcpu->arch.steal.told_preempted)
		take_preempted(vcpu);
	write_steal(vcpu);
}

/* Told once: a second time would take away what others have added since. */
static void mark_preempted(struct kvm_vcpu *vcpu)
{
	const u8 preempted = KVM_VCPU_PREEMPTED;

	if (vcpu->arch.steal.told_preempted)
		return;
	/* Before it is seen. */
	vcpu->arch.steal.told_preempted = true;
	rcu_read_lock();
	if (kvm_vcpu_write_guest_nofault(vcpu, preempted_gpa(vcpu), &preempted, sizeof(preempted)))
		vcpu->arch.steal.told_preempted = false;
	rcu_read_unlock();
}

void kvm_steal_vcpu_load(struct kvm_vcpu *vcpu)
{
	if (is_enabled(vcpu))
		kvm_make_request(vcpu, KVM_REQ_STEAL_UPDATE);
}

void kvm_steal_vcpu_put(struct kvm_vcpu *vcpu)
{
	if (vcpu->preempted) {
		if (vcpu->arch.at_boundary)
			vcpu->stat.preemption_reported++;
		else
			vcpu->stat.preemption_other++;
	}
	if (is_enabled(vcpu) && vcpu->arch.at_boundary)
		mark_preempted(vcpu);
}

void kvm_steal_vcpu_reset(struct kvm_vcpu *vcpu)
{
	vcpu->arch.steal.msr = 0;
	vcpu->arch.steal.told_preempted = false;
}

int kvm_steal_get_msr(struct kvm_vcpu *vcpu, u64 *data, bool host)
{
	if (!host && !guest_pv_has(vcpu, KVM_FEATURE_STEAL_TIME))
		return KVM_MSR_GP;
	*data = vcpu->arch.steal.msr;
	return 0;
}

int kvm_steal_set_msr(struct kvm_vcpu *vcpu, u64 data, bool host)
{
	if (!host && !guest_pv_has(vcpu, KVM_FEATURE_STEAL_TIME))
		return KVM_MSR_GP;
	if (!IS_ENABLED(CONFIG_SCHED_INFO) || data & KVM_STEAL_RESERVED_MASK)
		return KVM_MSR_GP;
	vcpu->arch.steal.msr = data;
	vcpu->arch.steal.last = run_delay();
	/* What the area says is as the guest has left it, or another host. */
	vcpu->arch.steal.told_preempted = true;
	kvm_make_request(vcpu, KVM_REQ_STEAL_UPDATE);
	return 0;
}
