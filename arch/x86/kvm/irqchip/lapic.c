// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC in the kernel: life, the guest's accesses and what follows from them, the VMM's.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "clock.h"
#include "cpuid.h"
#include "events.h"
#include "ioctl.h"
#include "lapic.h"
#include "regs.h"
#include "trace_x86.h"

static_assert(sizeof(struct kvm_lapic_state) == LAPIC_REGS_SIZE);

static u64 now_ns(struct lapic *apic)
{
	return ktime_get_ns();
}

static const struct lapic_ops ops = { .now_ns = now_ns };

/* ---------------------------------------------------------------- effects */

static void send_ipi(struct kvm_lapic *kl)
{
	struct lapic_msg msg;

	lapic_icr_message(&kl->core, &msg);
	kvm_lapic_deliver(kl->vcpu->kvm, kl->vcpu, &msg);
}

static void broadcast_eoi(struct kvm_lapic *kl, u8 vector)
{
	struct kvm_vcpu *vcpu = kl->vcpu;

	if (kvm_irqchip_split(vcpu->kvm)) {
		vcpu->arch.pending_ioapic_eoi = vector;
		kvm_make_request(vcpu, KVM_REQ_IOAPIC_EOI_EXIT);
	} else if (vcpu->kvm->arch.ioapic) {
		kvm_ioapic_eoi(vcpu, vector);
	}
}

/* Effects that few accesses have.  LAPIC_FX_MAP and LAPIC_FX_ENABLE may sleep. */
static noinline void apply_rare(struct kvm_lapic *kl, u32 fx)
{
	struct kvm_vcpu *vcpu = kl->vcpu;

	if (fx & LAPIC_FX_TIMER)
		kvm_lapic_timer_update(kl);
	if (fx & LAPIC_FX_NMI)
		kvm_inject_nmi(vcpu);
	if (fx & LAPIC_FX_INIT) {
		set_bit(KVM_LAPIC_INIT, &kl->events);
		kvm_make_request(vcpu, KVM_REQ_INIT_SIPI);
	}
	if (fx & LAPIC_FX_EXTINT)
		kvm_make_request(vcpu, KVM_REQ_EVENT);
	if (fx & LAPIC_FX_LINT0) {
		kvm_make_request(vcpu, KVM_REQ_EVENT);
		if (kl->core.posted)
			kvm_make_request(vcpu, KVM_REQ_MSR_INTERCEPTS);
		kvm_pic_lint0_changed(vcpu);
	}
	if (fx & LAPIC_FX_MAP)
		kvm_apic_map_update(vcpu->kvm);
	if (fx & (LAPIC_FX_BASE | LAPIC_FX_ENABLE)) {
		vcpu->arch.apic_base = kl->core.base;
		kvm_cpuid_runtime_update(vcpu);
		kvm_make_request(vcpu, KVM_REQ_MSR_INTERCEPTS);
	}
}

/* What an access of the vCPU itself makes necessary. */
void kvm_lapic_apply(struct kvm_lapic *kl, u32 fx)
{
	if (fx & LAPIC_FX_EVENTS)
		kvm_make_request(kl->vcpu, KVM_REQ_EVENT);
	if (likely(!(fx & ~LAPIC_FX_EVENTS)))
		return;
	if (fx & LAPIC_FX_IPI)
		send_ipi(kl);
	if (fx & LAPIC_FX_EOI)
		broadcast_eoi(kl, lapic_fx_vector(fx));
	apply_rare(kl, fx);
}

/* ---------------------------------------------------------------- life */

/**
 * kvm_lapic_update_features() - the APIC follows CPUID and the VM's settings
 * @vcpu: the vCPU
 */
void kvm_lapic_update_features(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	struct kvm *kvm = vcpu->kvm;
	u32 features = 0;

	if (!kl)
		return;
	if (guest_cpuid_has(vcpu, X86_FEATURE_X2APIC)) {
		features |= LAPIC_F_X2APIC;
		/* The I/O APIC here is of a version without EOI register. */
		if (!kvm->arch.ioapic)
			features |= LAPIC_F_DIRECTED_EOI;
	}
	if (guest_cpuid_has(vcpu, X86_FEATURE_TSC_DEADLINE_TIMER))
		features |= LAPIC_F_DEADLINE;
	if (!vcpu->arch.cpuid.is_amd_compatible)
		features |= LAPIC_F_PMI_MASKS;
	kl->core.timer.bus_ns = clamp_t(u64, kvm->arch.apic_bus_cycle_ns, 1, LAPIC_BUS_NS_MAX);
	kl->core.timer.min_period =
		min_t(u64, (u64)READ_ONCE(kvm_min_timer_period_us) * NSEC_PER_USEC, U32_MAX);
	lapic_configure(&kl->core, features);
}

/**
 * kvm_lapic_create() - a local APIC for a new vCPU
 * @vcpu: not yet visible
 *
 * Does nothing in a VM that has its local APICs in user space.
 *
 * Context: may sleep
 * Return: 0, -ENOMEM
 */
int kvm_lapic_create(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *kl;
	void *regs;

	if (smp_load_acquire(&vcpu->kvm->arch.irqchip_mode) == KVM_IRQCHIP_NONE)
		return 0;
	kl = kzalloc(sizeof(*kl), GFP_KERNEL_ACCOUNT);
	if (!kl)
		return -ENOMEM;
	/* A page of its own: hardware that works on it wants one. */
	regs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!regs) {
		kfree(kl);
		return -ENOMEM;
	}
	kl->vcpu = vcpu;
	lapic_init(&kl->core, regs, vcpu->id, &ops);
	if (kvm_lapic_posted_create(kl)) {
		free_page((unsigned long)regs);
		kfree(kl);
		return -ENOMEM;
	}
	kvm_lapic_timer_init(kl);
	vcpu->arch.apic = kl;
	vcpu->arch.apic_base = kl->core.base;
	kvm_lapic_update_features(vcpu);
	return 0;
}

static void follow_broadcast_quirk(struct kvm_vcpu *vcpu)
{
	if (vcpu->arch.apic && READ_ONCE(vcpu->kvm->arch.x2apic_broadcast_quirk_disabled))
		WRITE_ONCE(vcpu->arch.apic->core.no_xapic_broadcast, true);
}

/**
 * kvm_lapic_disable_broadcast_quirk() - KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK
 * @kvm: the machine, whose vCPUs may be there already
 *
 * Context: any
 */
void kvm_lapic_disable_broadcast_quirk(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	/* Pairs with kvm_lapic_published(): a vCPU that is not found here finds this there. */
	smp_store_mb(kvm->arch.x2apic_broadcast_quirk_disabled, true);
	kvm_for_each_vcpu(i, vcpu, kvm)
		follow_broadcast_quirk(vcpu);
}

/**
 * kvm_lapic_published() - the vCPU has become visible
 * @vcpu: the vCPU
 *
 * Context: may sleep
 */
void kvm_lapic_published(struct kvm_vcpu *vcpu)
{
	if (!vcpu->arch.apic)
		return;
	smp_mb();
	follow_broadcast_quirk(vcpu);
	kvm_ioapic_watch_vcpu(vcpu);
	kvm_apic_map_update(vcpu->kvm);
}

/**
 * kvm_lapic_destroy() - the vCPU goes away, with its VM or before it was visible
 * @vcpu: the vCPU
 *
 * Context: may sleep
 */
void kvm_lapic_destroy(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	if (!kl)
		return;
	vcpu->arch.apic = NULL;
	kvm_lapic_timer_destroy(kl);
	kvm_lapic_posted_destroy(kl);
	free_page((unsigned long)kl->core.regs);
	kfree(kl);
}

static bool is_visible(struct kvm_vcpu *vcpu)
{
	return xa_load(&vcpu->kvm->vcpus, vcpu->idx) == vcpu;
}

/**
 * kvm_lapic_reset() - power-up (@init false) or INIT
 * @vcpu: the vCPU
 * @init: INIT
 *
 * Also sets IA32_APIC_BASE where there is no local APIC in the kernel.
 *
 * Context: may sleep
 */
void kvm_lapic_reset(struct kvm_vcpu *vcpu, bool init)
{
	bool bsp = vcpu->kvm->arch.boot_cpu_id == vcpu->id;
	bool lint0_extint = bsp &&
			    !(vcpu->kvm->arch.disabled_quirks & KVM_X86_QUIRK_LINT0_REENABLED);
	struct kvm_lapic *kl = vcpu->arch.apic;
	u32 fx;

	if (!kl) {
		if (!init)
			vcpu->arch.apic_base = LAPIC_BASE_DEFAULT | LAPIC_BASE_ENABLE |
					       (bsp ? LAPIC_BASE_BSP : 0);
		return;
	}
	kvm_lapic_update_features(vcpu);
	WRITE_ONCE(kl->extint, false);
	kvm_lapic_use_page(kl);
	kvm_lapic_forget_pages(kl);
	if (init) {
		fx = lapic_init_reset(&kl->core, lint0_extint);
	} else {
		kl->events = 0;
		fx = lapic_reset(&kl->core, bsp, lint0_extint);
	}
	if (!is_visible(vcpu))
		fx &= ~LAPIC_FX_MAP;
	kvm_lapic_apply(kl, fx);
}

/* ---------------------------------------------------------------- mode, MSRs, MMIO */

static int set_base_of_user_apic(struct kvm_vcpu *vcpu, u64 base, u64 reserved, bool host)
{
	u32 features = guest_cpuid_has(vcpu, X86_FEATURE_X2APIC) ? LAPIC_F_X2APIC : 0;

	if (lapic_check_base(vcpu->arch.apic_base, base, reserved, features, host))
		return 1;
	vcpu->arch.apic_base = base;
	kvm_cpuid_runtime_update(vcpu);
	return 0;
}

int kvm_lapic_set_base(struct kvm_vcpu *vcpu, u64 base, bool host)
{
	u64 reserved = ~0ULL << vcpu->arch.cpuid.maxphyaddr;
	struct kvm_lapic *kl = vcpu->arch.apic;
	int fx;

	if (!vcpu->arch.cpuid.maxphyaddr)
		reserved = 0;
	if (!kl)
		return set_base_of_user_apic(vcpu, base, reserved, host);
	kvm_lapic_use_page(kl);
	fx = lapic_set_base(&kl->core, base, reserved, host);
	if (fx < 0)
		return 1;
	vcpu->arch.apic_base = base;
	kvm_lapic_apply(kl, fx);
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_lapic_set_base);

/* What a vCPU sends to itself by shorthand goes into its IRR at once, and past kvm_lapic_deliver(). */
static noinline void do_trace_ipi(struct kvm_lapic *kl, u32 reg, u64 val)
{
	u32 id = lapic_phys_id(&kl->core), icr = (u8)val | LAPIC_SH_SELF << 18, dest = id;
	struct lapic_msg msg;

	if (reg == LAPIC_ICR) {
		lapic_icr_message(&kl->core, &msg);
		icr = lapic_get(&kl->core, LAPIC_ICR);
		dest = msg.dest;
	} else if (reg != LAPIC_SELF_IPI) {
		return;
	}
	trace_kvm_apic_ipi(icr, dest);
	if ((icr >> 18 & 3) == LAPIC_SH_SELF)
		trace_kvm_apic_accept_irq(id, icr & 0x700, icr >> 15 & 1, icr);
}

/* After a write. */
static __always_inline void trace_ipi(struct kvm_lapic *kl, u32 reg, u64 val)
{
	if (trace_kvm_apic_ipi_enabled() || trace_kvm_apic_accept_irq_enabled())
		do_trace_ipi(kl, reg, val);
}

/* Before the write, for the vector whose service it ends. */
static __always_inline void trace_eoi(struct kvm_lapic *kl, u32 reg)
{
	if (trace_kvm_eoi_enabled() && reg == LAPIC_EOI)
		trace_kvm_eoi(lapic_phys_id(&kl->core), kl->core.isr_top);
}

#define MSR_OF(reg) (LAPIC_MSR_FIRST + ((reg) >> 4))
#define REG_OF(msr) (((msr) - LAPIC_MSR_FIRST) << 4)

int kvm_lapic_msr_read(struct kvm_vcpu *vcpu, u32 index, u64 *data)
{
	kvm_lapic_use_page(vcpu->arch.apic);
	/* With interrupts off only: then it is tried again. */
	if (unlikely(!kvm_lapic_sync_pages(vcpu)))
		return 1;
	if (lapic_msr_read(&vcpu->arch.apic->core, index, data))
		return 1;
	trace_kvm_apic(KVM_TRACE_READ, REG_OF(index), *data);
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_lapic_msr_read);

int kvm_lapic_msr_write(struct kvm_vcpu *vcpu, u32 index, u64 data)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	int fx;

	kvm_lapic_use_page(kl);
	trace_eoi(kl, REG_OF(index));
	fx = lapic_msr_write(&kl->core, index, data);
	if (fx < 0)
		return 1;
	trace_kvm_apic(KVM_TRACE_WRITE, REG_OF(index), data);
	trace_ipi(kl, REG_OF(index), data);
	kvm_lapic_apply(kl, fx);
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_lapic_msr_write);

int kvm_lapic_msr_write_fast(struct kvm_vcpu *vcpu, u32 index, u64 data)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	int fx;

	switch (index) {
	case MSR_OF(LAPIC_EOI):
	case MSR_OF(LAPIC_TPR):
		kvm_lapic_use_page(kl);
		fallthrough;
	case MSR_OF(LAPIC_ICR):
	case MSR_OF(LAPIC_SELF_IPI):
		/* To send takes nothing of what is kept beside the page. */
		trace_eoi(kl, REG_OF(index));
		fx = lapic_msr_write(&kl->core, index, data);
		if (unlikely(fx < 0))
			return KVM_AGAIN;
		trace_kvm_apic(KVM_TRACE_WRITE, REG_OF(index), data);
		trace_ipi(kl, REG_OF(index), data);
		kvm_lapic_apply(kl, fx);
		return KVM_REENTER;
	default:
		return KVM_AGAIN;
	}
}
EXPORT_SYMBOL_GPL(kvm_lapic_msr_write_fast);

/*
 * 0: the page is the APIC's; 1: it is there, but closed, as in x2APIC mode (KVM_X86_QUIRK_LAPIC_MMIO_HOLE);
 * -EOPNOTSUPP: memory, as far as the APIC goes.
 */
static int claims(struct kvm_lapic *kl, gpa_t gpa)
{
	if ((gpa ^ kl->core.base) & LAPIC_BASE_ADDR_MASK)
		return -EOPNOTSUPP;
	switch (kl->core.mode) {
	case LAPIC_MODE_XAPIC:
		return 0;
	case LAPIC_MODE_X2APIC:
		return kl->vcpu->kvm->arch.disabled_quirks & KVM_X86_QUIRK_LAPIC_MMIO_HOLE ?
			       -EOPNOTSUPP :
			       1;
	default:
		return -EOPNOTSUPP;
	}
}

static u32 mmio_value(const void *val, int len)
{
	u32 value = 0;

	memcpy(&value, val, min(len, 4));
	return value;
}

int kvm_lapic_mmio_read(struct kvm_vcpu *vcpu, gpa_t gpa, int len, void *val)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	int claim = claims(kl, gpa);

	if (claim < 0)
		return claim;
	if (claim) {
		memset(val, 0xff, len);
		return 0;
	}
	kvm_lapic_use_page(kl);
	if (unlikely(!kvm_lapic_sync_pages(vcpu)))
		return -EOPNOTSUPP;
	if (unlikely(kl->tpr_reporting) && offset_in_page(gpa) == LAPIC_TPR)
		kvm_lapic_report_tpr(vcpu, false);
	kvm_lapic_apply(kl, lapic_mmio_read(&kl->core, offset_in_page(gpa), len, val));
	if (trace_kvm_apic_enabled())
		trace_kvm_apic(KVM_TRACE_READ, offset_in_page(gpa), mmio_value(val, len));
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_lapic_mmio_read);

/* Writes whose effects may sleep. */
static bool write_sleeps(u32 offset)
{
	return offset == LAPIC_ID || offset == LAPIC_LDR || offset == LAPIC_DFR;
}

int kvm_lapic_mmio_write(struct kvm_vcpu *vcpu, gpa_t gpa, int len, const void *val)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	u32 offset = offset_in_page(gpa);
	int claim = claims(kl, gpa);
	u32 fx;

	if (claim < 0)
		return claim;
	if (claim)
		return 0;
	if (unlikely(write_sleeps(offset)) && irqs_disabled())
		return -EOPNOTSUPP;
	kvm_lapic_use_page(kl);
	if (unlikely(kl->tpr_reporting) && offset == LAPIC_TPR)
		kvm_lapic_report_tpr(vcpu, true);
	trace_eoi(kl, offset);
	if (trace_kvm_apic_enabled())
		trace_kvm_apic(KVM_TRACE_WRITE, offset, mmio_value(val, len));
	fx = lapic_mmio_write(&kl->core, offset, len, val);
	trace_ipi(kl, offset, 0);
	kvm_lapic_apply(kl, fx);
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_lapic_mmio_write);

/* ---------------------------------------------------------------- towards the CPU */

void kvm_lapic_set_tpr(struct kvm_vcpu *vcpu, unsigned long cr8)
{
	if (lapic_set_tpr(&vcpu->arch.apic->core, (cr8 & 15) << 4))
		kvm_make_request(vcpu, KVM_REQ_EVENT);
}
EXPORT_SYMBOL_GPL(kvm_lapic_set_tpr);

u64 kvm_lapic_get_cr8(struct kvm_vcpu *vcpu)
{
	return lapic_get(&vcpu->arch.apic->core, LAPIC_TPR) >> 4;
}
EXPORT_SYMBOL_GPL(kvm_lapic_get_cr8);

int kvm_lapic_highest_pending(struct kvm_vcpu *vcpu)
{
	struct lapic *apic = &vcpu->arch.apic->core;

	return unlikely(apic->posted) ? lapic_posted_highest(apic) : lapic_pending(apic);
}
EXPORT_SYMBOL_GPL(kvm_lapic_highest_pending);

int kvm_lapic_highest_irr(struct kvm_vcpu *vcpu)
{
	kvm_lapic_use_page(vcpu->arch.apic);
	return lapic_highest_irr(&vcpu->arch.apic->core);
}
EXPORT_SYMBOL_GPL(kvm_lapic_highest_irr);

void kvm_lapic_raise(struct kvm_vcpu *vcpu, u8 vector)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	if (lapic_accept_fixed(&kl->core, vector, false) == LAPIC_ACCEPTED)
		kvm_lapic_notify(kl);
}

void kvm_lapic_ack(struct kvm_vcpu *vcpu, int vector)
{
	kvm_lapic_use_page(vcpu->arch.apic);
	lapic_ack(&vcpu->arch.apic->core, vector);
}
EXPORT_SYMBOL_GPL(kvm_lapic_ack);

bool kvm_lapic_accepts_pic_intr(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	if (lapic_takes_extint(&kl->core))
		return true;
	if (likely(!READ_ONCE(kl->extint)))
		return false;
	/* A message that asked for one acknowledge cycle. */
	if (vcpu->kvm->arch.pic && kvm_pic_output(vcpu->kvm))
		return true;
	WRITE_ONCE(kl->extint, false);
	return false;
}
EXPORT_SYMBOL_GPL(kvm_lapic_accepts_pic_intr);

u32 kvm_lapic_id(struct kvm_vcpu *vcpu)
{
	return lapic_phys_id(&vcpu->arch.apic->core);
}
EXPORT_SYMBOL_GPL(kvm_lapic_id);

bool kvm_lapic_enabled(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.apic && vcpu->arch.apic->core.mode != LAPIC_MODE_DISABLED;
}
EXPORT_SYMBOL_GPL(kvm_lapic_enabled);

bool kvm_lapic_sw_enabled(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.apic && READ_ONCE(vcpu->arch.apic->core.enabled);
}
EXPORT_SYMBOL_GPL(kvm_lapic_sw_enabled);

/* ---------------------------------------------------------------- INIT and SIPI */

bool kvm_lapic_init_sipi_pending(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.apic && READ_ONCE(vcpu->arch.apic->events);
}
EXPORT_SYMBOL_GPL(kvm_lapic_init_sipi_pending);

static void accept_init(struct kvm_vcpu *vcpu)
{
	bool bsp = vcpu->arch.apic_base & LAPIC_BASE_BSP;

	kvm_vcpu_reset(vcpu, true);
	vcpu->arch.mp_state = bsp ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_INIT_RECEIVED;
}

/* Only a CPU that waits for it after an INIT takes a SIPI. */
static void accept_sipi(struct kvm_vcpu *vcpu)
{
	smp_rmb(); /* pairs with take_event() */
	if (vcpu->arch.mp_state != KVM_MP_STATE_INIT_RECEIVED)
		return;
	kvm_vcpu_deliver_sipi(vcpu, READ_ONCE(vcpu->arch.apic->sipi_vector));
	vcpu->arch.mp_state = KVM_MP_STATE_RUNNABLE;
}

int kvm_lapic_accept_events(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	if (!kl || !READ_ONCE(kl->events))
		return 0;
	if (test_and_clear_bit(KVM_LAPIC_INIT, &kl->events))
		accept_init(vcpu);
	if (test_and_clear_bit(KVM_LAPIC_SIPI, &kl->events))
		accept_sipi(vcpu);
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_lapic_accept_events);

void kvm_lapic_set_sipi_vector(struct kvm_vcpu *vcpu, u32 vector)
{
	if (vcpu->arch.apic)
		vcpu->arch.apic->sipi_vector = vector;
}

void kvm_lapic_set_sipi_pending(struct kvm_vcpu *vcpu)
{
	set_bit(KVM_LAPIC_SIPI, &vcpu->arch.apic->events);
	kvm_make_request(vcpu, KVM_REQ_INIT_SIPI);
}

void kvm_lapic_set_latched_init(struct kvm_vcpu *vcpu, bool latched)
{
	if (!vcpu->arch.apic)
		return;
	if (!latched) {
		clear_bit(KVM_LAPIC_INIT, &vcpu->arch.apic->events);
		return;
	}
	set_bit(KVM_LAPIC_INIT, &vcpu->arch.apic->events);
	kvm_make_request(vcpu, KVM_REQ_INIT_SIPI);
}

/* ---------------------------------------------------------------- ioctls */

/* KVM_GET_LAPIC */
long kvm_vcpu_get_lapic(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_lapic *kl = vcpu->arch.apic;

	if (!kl)
		return -EINVAL;
	kvm_lapic_timer_flush(kl);
	kvm_lapic_use_page(kl);
	lapic_get_state(&kl->core, arg.buf, vcpu->kvm->arch.x2apic_format);
	return 0;
}

/* KVM_SET_LAPIC */
long kvm_vcpu_set_lapic(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	int fx;

	if (!kl)
		return -EINVAL;
	kvm_lapic_update_features(vcpu);
	kvm_lapic_use_page(kl);
	kl->exits_stale = true;
	fx = lapic_set_state(&kl->core, arg.buf, vcpu->kvm->arch.x2apic_format);
	if (fx < 0)
		return fx;
	kvm_lapic_apply(kl, fx);
	return 0;
}
