// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest time: TSC offset and rate, kvmclock.
 *
 * All clocks of a VM hang on one host clock that no NTP daemon bends and no settimeofday() moves: raw monotonic time plus
 * the time spent suspended ("base" below).  kvmclock is base plus a constant.
 *
 * When the host's own clock is the TSC and all vCPUs have the same guest TSC, a VM has one reference, a pair of host TSC
 * and base time, from which every vCPU's page is written ("master clock"): the pages agree to the nanosecond, which the
 * guest is told by PVCLOCK_TSC_STABLE_BIT.  Otherwise each page gets a pair of its own, renewed when the vCPU changes CPU.
 */
#include <linux/clocksource.h>
#include <linux/irq_work.h>
#include <linux/math64.h>
#include <linux/pvclock_gtod.h>
#include <linux/sched.h>
#include <linux/timekeeper_internal.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <uapi/linux/kvm_para.h>
#include <asm/pvclock.h>
#include <asm/tsc.h>

#include "clock.h"
#include "irqchip/irqchip.h"
#include "cpuid.h"
#include "ioctl.h"
#include "irqchip/irqchip.h"
#include "msr.h"
#include "trace_x86.h"

#define NS_PER_SEC 1000000000ULL
/* A TSC write that is less than this far off from where the other vCPUs' TSCs are means the same value. */
#define TSC_MATCH_SECONDS 1

static LIST_HEAD(vm_clocks);
static DEFINE_MUTEX(vm_clocks_lock);

/* ---------------------------------------------------------------- the host's clock */

/**
 * struct host_instant - one moment on the host's clocks
 * @tsc: host TSC
 * @base: see the top of this file, ns
 * @real: ns since 1970
 * @tsc_is_clock: all three were taken at the same moment, since the host's clock is the TSC
 */
struct host_instant {
	u64 tsc;
	u64 base;
	u64 real;
	bool tsc_is_clock;
};

static u64 suspended_ns(void)
{
	return ktime_to_ns(ktime_mono_to_any(0, TK_OFFS_BOOT));
}

static u64 base_now(void)
{
	return ktime_get_raw_ns() + suspended_ns();
}

static struct host_instant host_now(void)
{
	struct system_time_snapshot snap;
	struct host_instant now;

	ktime_get_snapshot(&snap);
	now.base = ktime_to_ns(snap.raw) + suspended_ns();
	now.real = ktime_to_ns(snap.real);
	now.tsc_is_clock = snap.cs_id == CSID_X86_TSC;
	now.tsc = now.tsc_is_clock ? snap.cycles : rdtsc();
	return now;
}

/* ---------------------------------------------------------------- TSC arithmetic */

u64 kvm_scale_tsc(struct kvm_vcpu *vcpu, u64 tsc)
{
	u64 ratio = vcpu->arch.clock.tsc_ratio;

	return ratio ? mul_u64_u64_shr(tsc, ratio, kvm_backend.caps.tsc_ratio_frac_bits) : tsc;
}

u64 kvm_guest_tsc(struct kvm_vcpu *vcpu, u64 host_tsc)
{
	return vcpu->arch.clock.tsc_offset + kvm_scale_tsc(vcpu, host_tsc);
}
EXPORT_SYMBOL_GPL(kvm_guest_tsc);

/* Factor from TSC ticks to ns: ns = (ticks << shift) * mul >> 32.  @khz: ticks in a millisecond, not 0. */
static void time_scale(u32 khz, s8 *shift, u32 *mul)
{
	u64 hz = khz * 1000ULL;
	int s = 0;

	/* The factor is used best when mul has its top bit set. */
	while (NS_PER_SEC >> s >= hz)
		s++;
	while (s <= 0 && hz >> -s > 2 * NS_PER_SEC)
		s--;
	*shift = s;
	*mul = mul_u64_u64_div_u64(NS_PER_SEC, 1ULL << (32 - s), hz);
}

static u64 ticks_to_ns(u64 ticks, u32 khz)
{
	u32 mul;
	s8 shift;

	time_scale(khz, &shift, &mul);
	return pvclock_scale_delta(ticks, mul, shift);
}

/* ---------------------------------------------------------------- master clock */

static bool guest_tscs_agree(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu, *first = NULL;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		if (!first)
			first = vcpu;
		if (vcpu->arch.clock.tsc_offset != first->arch.clock.tsc_offset ||
		    vcpu->arch.clock.tsc_ratio != first->arch.clock.tsc_ratio)
			return false;
	}
	return first;
}

static void request_update(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		kvm_make_request(vcpu, KVM_REQ_CLOCK_UPDATE);
		kvm_vcpu_kick(vcpu);
	}
}

/*
 * Decide anew whether there is a master clock.  A reference that is in force stays, unless @rebase: pages written before
 * and after must not differ.
 */
static void update_master_clock(struct kvm *kvm, bool rebase)
{
	struct kvm_vm_clock *c = &kvm->arch.clock;
	struct host_instant now = host_now();
	bool master, change, agree;
	unsigned long flags;

	raw_spin_lock_irqsave(&c->lock, flags);
	agree = guest_tscs_agree(kvm);
	master = now.tsc_is_clock && !check_tsc_unstable() && agree;
	change = rebase || master != c->use_master_clock;
	c->use_master_clock = master;
	if (master && change) {
		c->master_kernel_ns = now.base;
		c->master_cycle_now = now.tsc;
	}
	raw_spin_unlock_irqrestore(&c->lock, flags);
	trace_kvm_update_master_clock(
		master, now.tsc_is_clock ? VDSO_CLOCKMODE_TSC : VDSO_CLOCKMODE_NONE, agree);
	if (change)
		request_update(kvm);
}

/* The host's clock has become the TSC, or has ceased to be it. */
static void host_clock_changed(struct work_struct *work)
{
	struct kvm_vm_clock *c;

	mutex_lock(&vm_clocks_lock);
	list_for_each_entry(c, &vm_clocks, link)
		update_master_clock(container_of(c, struct kvm, arch.clock), true);
	mutex_unlock(&vm_clocks_lock);
}
static DECLARE_WORK(host_clock_work, host_clock_changed);

static void queue_host_clock_work(struct irq_work *work)
{
	queue_work(system_long_wq, &host_clock_work);
}
/* The notifier runs inside of the clock's update, where nothing may be woken. */
static DEFINE_IRQ_WORK(host_clock_irq_work, queue_host_clock_work);

static int host_clock_notify(struct notifier_block *nb, unsigned long unused, void *priv)
{
	static bool was_tsc;
	const struct timekeeper *tk = priv;
	bool is_tsc = tk->tkr_raw.clock->id == CSID_X86_TSC;

	if (is_tsc != was_tsc) {
		was_tsc = is_tsc;
		irq_work_queue(&host_clock_irq_work);
	}
	return 0;
}

static struct notifier_block host_clock_nb = {
	.notifier_call = host_clock_notify,
};

/* ---------------------------------------------------------------- the guest's page */

/* Write @len bytes at @gpa whose first u32 is a version that is odd while the rest changes (pvclock protocol). */
static void write_versioned(struct kvm_vcpu *vcpu, gpa_t gpa, const void *data, unsigned int len)
{
	u32 version;

	if (kvm_vcpu_read_guest(vcpu, gpa, &version, sizeof(version)))
		return;
	version |= 1;
	if (kvm_vcpu_write_guest(vcpu, gpa, &version, sizeof(version)))
		return;
	smp_wmb();
	kvm_vcpu_write_guest(vcpu, gpa + sizeof(version), data + sizeof(version),
			     len - sizeof(version));
	smp_wmb();
	version++;
	kvm_vcpu_write_guest(vcpu, gpa, &version, sizeof(version));
}

/* Reference for a vCPU's page. */
static struct host_instant page_reference(struct kvm_vcpu *vcpu, bool *stable)
{
	struct kvm_vm_clock *c = &vcpu->kvm->arch.clock;
	struct host_instant ref;
	unsigned long flags;

	raw_spin_lock_irqsave(&c->lock, flags);
	*stable = c->use_master_clock;
	if (*stable) {
		ref.base = c->master_kernel_ns;
		ref.tsc = c->master_cycle_now;
	} else {
		ref.base = base_now();
		ref.tsc = rdtsc();
	}
	ref.base += c->kvmclock_offset;
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return ref;
}

void kvm_clock_update(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_clock *c = &vcpu->arch.clock;
	struct pvclock_vcpu_time_info *hv = &c->hv_clock;
	struct host_instant ref;
	bool stable;

	if (!c->system_time_enabled || !c->virtual_tsc_khz)
		return;
	ref = page_reference(vcpu, &stable);
	hv->tsc_timestamp = kvm_guest_tsc(vcpu, ref.tsc);
	hv->system_time = ref.base;
	time_scale(c->virtual_tsc_khz, &hv->tsc_shift, &hv->tsc_to_system_mul);
	hv->flags = stable ? PVCLOCK_TSC_STABLE_BIT : 0;
	if (c->paused_reported) {
		hv->flags |= PVCLOCK_GUEST_STOPPED;
		c->paused_reported = false;
	}
	write_versioned(vcpu, c->system_time_gpa, hv, sizeof(*hv));
	trace_kvm_pvclock_update(vcpu->id, hv);
}

/* The VM's kvmclock at @now, ns. */
static u64 kvmclock_at(struct kvm *kvm, const struct host_instant *now, bool *stable)
{
	struct kvm_vm_clock *c = &kvm->arch.clock;
	unsigned long flags;
	u64 ns;

	raw_spin_lock_irqsave(&c->lock, flags);
	*stable = c->use_master_clock && now->tsc_is_clock;
	if (*stable)
		ns = c->master_kernel_ns + ticks_to_ns(now->tsc - c->master_cycle_now, tsc_khz);
	else
		ns = now->base;
	ns += c->kvmclock_offset;
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return ns;
}

/* What the guest must add to kvmclock to know the time of day. */
static void write_wall_clock(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	struct host_instant now = host_now();
	struct pvclock_wall_clock wc = {};
	bool stable;
	u64 ns = now.real - kvmclock_at(vcpu->kvm, &now, &stable);
	u32 rem;

	wc.sec = div_u64_rem(ns, NS_PER_SEC, &rem);
	wc.nsec = rem;
	write_versioned(vcpu, gpa, &wc, sizeof(wc));
}

/**
 * kvm_clock_pairing() - KVM_HC_CLOCK_PAIRING: the time of day at a moment of the guest's TSC
 * @vcpu: current
 * @gpa: where struct kvm_clock_pairing goes
 * @type: KVM_CLOCK_PAIRING_WALLCLOCK
 *
 * Context: may sleep
 * Return: 0, -KVM_EOPNOTSUPP where the host's clock is not the TSC or for another clock, -KVM_EFAULT
 */
long kvm_clock_pairing(struct kvm_vcpu *vcpu, gpa_t gpa, unsigned long type)
{
	struct kvm_clock_pairing pair = {};
	struct host_instant now;
	u32 rem;

	if (type != KVM_CLOCK_PAIRING_WALLCLOCK)
		return -KVM_EOPNOTSUPP;
	now = host_now();
	if (!now.tsc_is_clock || !READ_ONCE(vcpu->kvm->arch.clock.use_master_clock))
		return -KVM_EOPNOTSUPP;
	pair.sec = div_u64_rem(now.real, NS_PER_SEC, &rem);
	pair.nsec = rem;
	pair.tsc = kvm_guest_tsc(vcpu, now.tsc);
	return kvm_vcpu_write_guest(vcpu, gpa, &pair, sizeof(pair)) ? -KVM_EFAULT : 0;
}

/* ---------------------------------------------------------------- the guest's TSC */

static void set_offset(struct kvm_vcpu *vcpu, u64 offset)
{
	trace_kvm_write_tsc_offset(vcpu->id, vcpu->arch.clock.tsc_offset, offset);
	vcpu->arch.clock.tsc_offset = offset;
	kvm_x86_call(write_tsc_offset)(vcpu);
	kvm_lapic_tsc_changed(vcpu);
}

/* What else depends on the guest's TSC. */
static void tsc_changed(struct kvm_vcpu *vcpu)
{
	update_master_clock(vcpu->kvm, false);
	kvm_make_request(vcpu, KVM_REQ_CLOCK_UPDATE);
	if (kvm_lapic_in_kernel(vcpu))
		kvm_lapic_tsc_changed(vcpu);
}

/* Where the TSCs of this VM's generation should be now. */
static u64 expected_tsc(const struct kvm_vm_clock *c, u64 now)
{
	return c->cur_tsc_write +
	       mul_u64_u64_div_u64(now - c->cur_tsc_nsec, c->cur_tsc_khz, 1000000);
}

static bool tsc_matches(const struct kvm_vm_clock *c, u32 khz, u64 data, u64 now)
{
	s64 off;

	if (!c->cur_tsc_generation || c->cur_tsc_khz != khz)
		return false;
	/* 0 is what a VMM writes to a new vCPU. */
	if (!data)
		return true;
	off = data - expected_tsc(c, now);
	return abs(off) < (s64)khz * 1000 * TSC_MATCH_SECONDS;
}

/*
 * The VMM writes TSCs one after the other, and cannot write them at the same moment.  A value that is about where the
 * other vCPUs are is taken to mean the same TSC.
 */
static void synchronize_tsc(struct kvm_vcpu *vcpu, u64 data)
{
	struct kvm_vm_clock *c = &vcpu->kvm->arch.clock;
	u32 khz = vcpu->arch.clock.virtual_tsc_khz;
	unsigned long flags;
	u64 now, offset;

	raw_spin_lock_irqsave(&c->lock, flags);
	now = base_now();
	offset = data - kvm_scale_tsc(vcpu, rdtsc());
	if (tsc_matches(c, khz, data, now)) {
		if (!check_tsc_unstable())
			offset = c->cur_tsc_offset;
		else
			offset += expected_tsc(c, now) - data;
	} else {
		c->cur_tsc_generation++;
		c->cur_tsc_nsec = now;
		c->cur_tsc_write = data;
		c->cur_tsc_offset = offset;
		c->cur_tsc_khz = khz;
	}
	set_offset(vcpu, offset);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	tsc_changed(vcpu);
}

static void move_offset(struct kvm_vcpu *vcpu, u64 offset)
{
	struct kvm_vm_clock *c = &vcpu->kvm->arch.clock;
	unsigned long flags;

	raw_spin_lock_irqsave(&c->lock, flags);
	set_offset(vcpu, offset);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	tsc_changed(vcpu);
}

/* WRMSR of the guest: this vCPU's alone, and IA32_TSC_ADJUST follows (SDM vol. 3B, 18.17.3). */
static void guest_writes_tsc(struct kvm_vcpu *vcpu, u64 data)
{
	u64 by = data - kvm_guest_tsc(vcpu, rdtsc());

	vcpu->arch.clock.tsc_adjust += by;
	move_offset(vcpu, vcpu->arch.clock.tsc_offset + by);
}

/* The VMM states an offset: the vCPUs that get the same one belong together. */
static void vmm_sets_offset(struct kvm_vcpu *vcpu, u64 offset)
{
	struct kvm_vm_clock *c = &vcpu->kvm->arch.clock;
	unsigned long flags;

	raw_spin_lock_irqsave(&c->lock, flags);
	if (!c->cur_tsc_generation || c->cur_tsc_offset != offset) {
		c->cur_tsc_generation++;
		c->cur_tsc_nsec = base_now();
		c->cur_tsc_write = kvm_scale_tsc(vcpu, rdtsc()) + offset;
		c->cur_tsc_offset = offset;
		c->cur_tsc_khz = vcpu->arch.clock.virtual_tsc_khz;
	}
	raw_spin_unlock_irqrestore(&c->lock, flags);
	move_offset(vcpu, offset);
}

/* 0, or -EINVAL when hardware cannot make that rate out of the host's. */
static int tsc_ratio(u32 khz, u64 *ratio)
{
	const struct kvm_backend_caps *caps = &kvm_backend.caps;

	*ratio = 0;
	if (khz == tsc_khz)
		return 0;
	if (!caps->has_tsc_scaling || khz > U32_MAX / 2)
		return -EINVAL;
	*ratio = mul_u64_u64_div_u64(1ULL << caps->tsc_ratio_frac_bits, khz, tsc_khz);
	return *ratio && *ratio < caps->tsc_ratio_max ? 0 : -EINVAL;
}

static int set_rate(struct kvm_vcpu *vcpu, u32 khz)
{
	u64 ratio;
	int r = tsc_ratio(khz, &ratio);

	/* A quarter of a per mille is within what clocks are off by anyway. */
	if (r && abs((s64)khz - tsc_khz) <= tsc_khz / 4000)
		r = 0;
	if (r) {
		kvm_vcpu_info(vcpu, "the TSC cannot be scaled from %u to %u kHz on this host\n",
			      tsc_khz, khz);
		return r;
	}
	vcpu->arch.clock.virtual_tsc_khz = khz;
	vcpu->arch.clock.tsc_ratio = ratio;
	kvm_x86_call(write_tsc_ratio)(vcpu);
	kvm_lapic_tsc_changed(vcpu);
	return 0;
}

/* ---------------------------------------------------------------- MSRs */

/* Has the guest been told of the feature that the MSR belongs to? */
static bool pv_msr_allowed(struct kvm_vcpu *vcpu, u32 index, bool host)
{
	if (host)
		return true;
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_SYSTEM_TIME:
		return guest_pv_has(vcpu, KVM_FEATURE_CLOCKSOURCE);
	case MSR_KVM_WALL_CLOCK_NEW:
	case MSR_KVM_SYSTEM_TIME_NEW:
		return guest_pv_has(vcpu, KVM_FEATURE_CLOCKSOURCE2);
	default:
		return true;
	}
}

int kvm_clock_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	const struct kvm_vcpu_clock *c = &vcpu->arch.clock;

	if (!pv_msr_allowed(vcpu, index, host))
		return KVM_MSR_GP;
	switch (index) {
	case MSR_IA32_TSC:
		*data = kvm_guest_tsc(vcpu, rdtsc());
		return 0;
	case MSR_IA32_TSC_ADJUST:
		*data = c->tsc_adjust;
		return 0;
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		*data = READ_ONCE(vcpu->kvm->arch.clock.wall_clock_msr);
		return 0;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		*data = c->system_time_msr;
		return 0;
	default:
		return KVM_MSR_UNKNOWN;
	}
}

static void set_system_time(struct kvm_vcpu *vcpu, u64 data)
{
	struct kvm_vcpu_clock *c = &vcpu->arch.clock;

	c->system_time_msr = data;
	c->system_time_enabled = data & KVM_MSR_ENABLED;
	c->system_time_gpa = data & ~(u64)KVM_MSR_ENABLED;
	kvm_make_request(vcpu, KVM_REQ_CLOCK_UPDATE);
}

int kvm_clock_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 data, bool host)
{
	struct kvm_vcpu_clock *c = &vcpu->arch.clock;

	if (!pv_msr_allowed(vcpu, index, host))
		return KVM_MSR_GP;
	switch (index) {
	case MSR_IA32_TSC:
		if (host)
			synchronize_tsc(vcpu, data);
		else
			guest_writes_tsc(vcpu, data);
		return 0;
	case MSR_IA32_TSC_ADJUST:
		if (!host && data != c->tsc_adjust)
			move_offset(vcpu, c->tsc_offset + data - c->tsc_adjust);
		c->tsc_adjust = data;
		return 0;
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		WRITE_ONCE(vcpu->kvm->arch.clock.wall_clock_msr, data);
		if (data)
			write_wall_clock(vcpu, data);
		return 0;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		set_system_time(vcpu, data);
		return 0;
	default:
		return KVM_MSR_UNKNOWN;
	}
}

/* ---------------------------------------------------------------- life */

int kvm_clock_init(void)
{
	return pvclock_gtod_register_notifier(&host_clock_nb);
}

void kvm_clock_exit(void)
{
	pvclock_gtod_unregister_notifier(&host_clock_nb);
	irq_work_sync(&host_clock_irq_work);
	cancel_work_sync(&host_clock_work);
}

void kvm_clock_init_vm(struct kvm *kvm)
{
	struct kvm_vm_clock *c = &kvm->arch.clock;

	raw_spin_lock_init(&c->lock);
	c->kvmclock_offset = -base_now();
	c->default_tsc_khz = tsc_khz;
	mutex_lock(&vm_clocks_lock);
	list_add_tail(&c->link, &vm_clocks);
	mutex_unlock(&vm_clocks_lock);
}

void kvm_clock_destroy_vm(struct kvm *kvm)
{
	mutex_lock(&vm_clocks_lock);
	list_del_init(&kvm->arch.clock.link);
	mutex_unlock(&vm_clocks_lock);
}

void kvm_clock_init_vcpu(struct kvm_vcpu *vcpu)
{
	set_rate(vcpu, READ_ONCE(vcpu->kvm->arch.clock.default_tsc_khz));
	synchronize_tsc(vcpu, 0);
}

void kvm_clock_vcpu_reset(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_clock *c = &vcpu->arch.clock;

	/* The guest's pages are no longer what they were. */
	c->system_time_msr = 0;
	c->system_time_enabled = false;
	c->paused_reported = false;
}

/* Host suspend can set the TSC back: give back to all vCPUs what it lost. */
static void repair_after_suspend(struct kvm *kvm, u64 host_tsc)
{
	struct kvm_vm_clock *c = &kvm->arch.clock;
	struct kvm_vcpu *vcpu;
	unsigned long i, flags;
	u64 latest = 0;

	raw_spin_lock_irqsave(&c->lock, flags);
	kvm_for_each_vcpu(i, vcpu, kvm)
		latest = max(latest, vcpu->arch.clock.last_host_tsc);
	if (latest > host_tsc) {
		kvm_for_each_vcpu(i, vcpu, kvm) {
			vcpu->arch.clock.tsc_offset += kvm_scale_tsc(vcpu, latest - host_tsc);
			vcpu->arch.clock.tsc_offset_stale = true;
			vcpu->arch.clock.last_host_tsc = 0;
		}
		/* The next write of a TSC has nothing to compare with. */
		c->cur_tsc_generation = 0;
	}
	raw_spin_unlock_irqrestore(&c->lock, flags);
	update_master_clock(kvm, true);
}

void kvm_clock_vcpu_load(struct kvm_vcpu *vcpu, int cpu)
{
	struct kvm_vcpu_clock *c = &vcpu->arch.clock;
	bool moved = c->last_cpu != cpu + 1;
	u64 tsc;

	if (unlikely(check_tsc_unstable()) && moved && c->last_guest_tsc) {
		/* CPUs disagree: go on where the guest was. */
		c->tsc_offset = c->last_guest_tsc - kvm_scale_tsc(vcpu, rdtsc());
		c->tsc_offset_stale = true;
		kvm_make_request(vcpu, KVM_REQ_CLOCK_UPDATE);
	} else if (c->last_host_tsc) {
		tsc = rdtsc();
		if (unlikely(tsc < c->last_host_tsc))
			repair_after_suspend(vcpu->kvm, tsc);
	}
	if (unlikely(c->tsc_offset_stale)) {
		c->tsc_offset_stale = false;
		kvm_x86_call(write_tsc_offset)(vcpu);
	}
	if (moved && c->system_time_enabled && !READ_ONCE(vcpu->kvm->arch.clock.use_master_clock))
		kvm_make_request(vcpu, KVM_REQ_CLOCK_UPDATE);
	c->last_cpu = cpu + 1;
}

void kvm_clock_vcpu_put(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_clock *c = &vcpu->arch.clock;

	c->last_host_tsc = rdtsc();
	c->last_guest_tsc = kvm_guest_tsc(vcpu, c->last_host_tsc);
}

/* ---------------------------------------------------------------- ioctls */

long kvm_vm_get_clock(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	struct kvm_clock_data *data = arg.buf;
	struct host_instant now = host_now();
	bool stable;

	data->clock = kvmclock_at(kvm, &now, &stable);
	data->flags = 0;
	if (now.tsc_is_clock) {
		data->realtime = now.real;
		data->flags |= KVM_CLOCK_REALTIME;
	}
	if (stable) {
		data->host_tsc = now.tsc;
		data->flags |= KVM_CLOCK_TSC_STABLE | KVM_CLOCK_HOST_TSC;
	}
	return 0;
}

long kvm_vm_set_clock(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	const struct kvm_clock_data *data = arg.buf;
	struct kvm_vm_clock *c = &kvm->arch.clock;
	struct host_instant now = host_now();
	u64 clock = data->clock;
	unsigned long flags;

	if (data->flags & ~(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC))
		return -EINVAL;
	/* Time has passed since the pair of clock and time of day was taken. */
	if (data->flags & KVM_CLOCK_REALTIME && now.real > data->realtime)
		clock += now.real - data->realtime;

	raw_spin_lock_irqsave(&c->lock, flags);
	c->kvmclock_offset = clock - now.base;
	raw_spin_unlock_irqrestore(&c->lock, flags);
	/* The reference and the offset change together. */
	update_master_clock(kvm, true);
	return 0;
}

/* 0 stands for the host's own rate. */
static u32 wanted_khz(unsigned long val)
{
	return val ? val : tsc_khz;
}

/* Of the vCPUs that are made from now on. */
long kvm_vm_set_tsc_khz(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	u32 khz = wanted_khz(arg.val);
	u64 ratio;

	if (arg.val != (u32)arg.val || tsc_ratio(khz, &ratio))
		return -EINVAL;
	WRITE_ONCE(kvm->arch.clock.default_tsc_khz, khz);
	return 0;
}

long kvm_vm_get_tsc_khz(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	return READ_ONCE(kvm->arch.clock.default_tsc_khz);
}

long kvm_vcpu_set_tsc_khz(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	u64 tsc;
	int r;

	if (arg.val != (u32)arg.val)
		return -EINVAL;
	tsc = kvm_guest_tsc(vcpu, rdtsc());
	r = set_rate(vcpu, wanted_khz(arg.val));
	if (r)
		return r;
	/* A new rate begins at the present value. */
	move_offset(vcpu, vcpu->arch.clock.tsc_offset + tsc - kvm_guest_tsc(vcpu, rdtsc()));
	return 0;
}

long kvm_vcpu_get_tsc_khz(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	return vcpu->arch.clock.virtual_tsc_khz;
}

long kvm_vcpu_kvmclock_ctrl(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	if (!vcpu->arch.clock.system_time_enabled)
		return -EINVAL;
	vcpu->arch.clock.paused_reported = true;
	kvm_make_request(vcpu, KVM_REQ_CLOCK_UPDATE);
	return 0;
}

static bool is_tsc_offset(const struct kvm_device_attr *attr)
{
	return attr->group == KVM_VCPU_TSC_CTRL && attr->attr == KVM_VCPU_TSC_OFFSET;
}

long kvm_vcpu_has_device_attr(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	return is_tsc_offset(arg.buf) ? 0 : -ENXIO;
}

long kvm_vcpu_get_device_attr(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	const struct kvm_device_attr *attr = arg.buf;

	if (!is_tsc_offset(attr))
		return -ENXIO;
	return put_user(vcpu->arch.clock.tsc_offset, (u64 __user *)(unsigned long)attr->addr);
}

long kvm_vcpu_set_device_attr(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	const struct kvm_device_attr *attr = arg.buf;
	u64 offset;

	if (!is_tsc_offset(attr))
		return -ENXIO;
	if (get_user(offset, (u64 __user *)(unsigned long)attr->addr))
		return -EFAULT;
	vmm_sets_offset(vcpu, offset);
	return 0;
}
