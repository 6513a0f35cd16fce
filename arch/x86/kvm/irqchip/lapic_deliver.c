// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt messages to local APICs, and the map that finds them.
 *
 * Delivery takes no lock: the map is read under RCU, and an APIC accepts with atomic operations.  While there is no map,
 * or it is known to be old, all vCPUs are asked.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <uapi/linux/kvm_para.h>

#include "events.h"
#include "io.h"
#include "lapic.h"
#include "trace_x86.h"

/* ---------------------------------------------------------------- delivery */

void kvm_lapic_wake(struct kvm_lapic *kl)
{
	kvm_make_request(kl->vcpu, KVM_REQ_EVENT);
	kvm_vcpu_kick(kl->vcpu);
}

static void post_event(struct kvm_lapic *kl, unsigned int event)
{
	set_bit(event, &kl->events);
	kvm_make_request(kl->vcpu, KVM_REQ_INIT_SIPI);
	kvm_vcpu_kick(kl->vcpu);
}

/* What is no interrupt request. */
static noinline enum lapic_accepted take_event(struct kvm_lapic *kl, const struct lapic_msg *msg,
					       enum lapic_accepted event)
{
	switch (event) {
	case LAPIC_TAKE_NMI:
		kvm_inject_nmi(kl->vcpu);
		break;
	case LAPIC_TAKE_INIT:
		/* A SIPI that came before is for the CPU as it was. */
		clear_bit(KVM_LAPIC_SIPI, &kl->events);
		post_event(kl, KVM_LAPIC_INIT);
		break;
	case LAPIC_TAKE_SIPI:
		WRITE_ONCE(kl->sipi_vector, msg->vector);
		smp_wmb(); /* pairs with accept_sipi() */
		post_event(kl, KVM_LAPIC_SIPI);
		break;
	case LAPIC_TAKE_EXTINT:
		WRITE_ONCE(kl->extint, true);
		kvm_lapic_wake(kl);
		break;
	case LAPIC_TAKE_SMI: /* there is no system management mode */
	default:
		return LAPIC_REFUSED;
	}
	return LAPIC_ACCEPTED;
}

/* Offer a message to an APIC that it is addressed to. */
static __always_inline enum lapic_accepted deliver_one(struct kvm_lapic *kl,
						       const struct lapic_msg *msg)
{
	enum lapic_accepted ret;

	if (likely(msg->delivery <= LAPIC_DM_LOWEST))
		ret = lapic_accept_fixed(&kl->core, msg->vector, msg->level);
	else
		ret = lapic_accept(&kl->core, msg->delivery, msg->vector, msg->level);
	if (trace_kvm_apic_accept_irq_enabled())
		trace_kvm_apic_accept_irq(lapic_phys_id(&kl->core), msg->delivery << 8, msg->level,
					  msg->vector);
	if (ret == LAPIC_ACCEPTED)
		kvm_lapic_notify(kl);
	else if (unlikely(ret > LAPIC_ACCEPTED))
		ret = take_event(kl, msg, ret);
	return ret;
}

static void add_result(int *sum, enum lapic_accepted one)
{
	if (one >= 0)
		*sum = max(*sum, 0) + one;
}

/* By the map, to other than one that a physical destination names. */
static noinline int deliver_found(const struct lapic_map *map, struct lapic *sender,
				  const struct lapic_msg *msg)
{
	struct lapic *apic;
	struct lapic_targets t;
	int ret = LAPIC_REFUSED;

	if (msg->delivery == LAPIC_DM_LOWEST) {
		apic = lapic_map_lowest(map, msg, sender);
		return apic ? deliver_one(to_kvm_lapic(apic), msg) : LAPIC_REFUSED;
	}
	lapic_map_find(map, msg, sender, &t);
	while ((apic = lapic_targets_next(&t)))
		add_result(&ret, deliver_one(to_kvm_lapic(apic), msg));
	return ret;
}

static bool is_addressed(struct kvm_lapic *kl, struct lapic *sender, const struct lapic_msg *msg)
{
	if (kl->core.mode == LAPIC_MODE_DISABLED)
		return false;
	switch (msg->shorthand) {
	case LAPIC_SH_SELF:
		return &kl->core == sender;
	case LAPIC_SH_ALL:
		return true;
	case LAPIC_SH_OTHERS:
		return &kl->core != sender;
	default:
		return lapic_matches(&kl->core, msg);
	}
}

/* Deliver by asking everybody; of a lowest-priority message the first one that takes it keeps it. */
static noinline int deliver_asking(struct kvm *kvm, struct lapic *sender,
				   const struct lapic_msg *msg)
{
	int ret = LAPIC_REFUSED;
	struct kvm_vcpu *vcpu;
	struct kvm_lapic *kl;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		kl = vcpu->arch.apic;
		if (!kl || !is_addressed(kl, sender, msg))
			continue;
		add_result(&ret, deliver_one(kl, msg));
		if (msg->delivery == LAPIC_DM_LOWEST && ret >= 0)
			break;
	}
	return ret;
}

static __always_inline struct kvm_apic_map *get_map(struct kvm *kvm)
{
	struct kvm_apic_map *map =
		rcu_dereference_check(kvm->arch.apic_map, rcu_read_lock_any_held());

	return likely(map && !atomic_read(&kvm->arch.apic_map_dirty)) ? map : NULL;
}

int kvm_lapic_deliver_rcu(struct kvm *kvm, struct kvm_vcpu *sender, const struct lapic_msg *msg)
{
	struct lapic *from = sender ? &sender->arch.apic->core : NULL;
	struct kvm_apic_map *map = get_map(kvm);
	struct lapic *apic;

	if (unlikely(!map))
		return deliver_asking(kvm, from, msg);
	apic = lapic_map_unicast(&map->map, msg);
	if (likely(apic))
		return deliver_one(to_kvm_lapic(apic), msg);
	return deliver_found(&map->map, from, msg);
}

int kvm_lapic_deliver(struct kvm *kvm, struct kvm_vcpu *sender, const struct lapic_msg *msg)
{
	int ret;

	rcu_read_lock();
	ret = kvm_lapic_deliver_rcu(kvm, sender, msg);
	rcu_read_unlock();
	return ret;
}

/* ---------------------------------------------------------------- by number */

static struct lapic_msg message_to(u32 id)
{
	return (struct lapic_msg){ .dest = id, .assert = true, .ipi = true, .x2apic = true };
}

static struct kvm_lapic *find_mapped(const struct lapic_map *map, const struct lapic_msg *msg)
{
	struct lapic *apic = lapic_map_unicast(map, msg);
	struct lapic_targets t;

	if (unlikely(!apic)) {
		lapic_map_find(map, msg, NULL, &t);
		apic = lapic_targets_next(&t);
	}
	return apic ? to_kvm_lapic(apic) : NULL;
}

static struct kvm_lapic *find_asking(struct kvm *kvm, const struct lapic_msg *msg)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		if (vcpu->arch.apic && lapic_matches(&vcpu->arch.apic->core, msg))
			return vcpu->arch.apic;
	}
	return NULL;
}

/**
 * kvm_lapic_find() - the vCPU whose local APIC has a physical ID
 * @kvm: the machine
 * @id: as in x2APIC mode
 *
 * Context: any
 * Return: the vCPU, or NULL
 */
struct kvm_vcpu *kvm_lapic_find(struct kvm *kvm, u32 id)
{
	const struct lapic_msg msg = message_to(id);
	struct kvm_apic_map *map;
	struct kvm_lapic *kl;

	if (lapic_is_broadcast(&msg))
		return NULL;
	rcu_read_lock();
	map = get_map(kvm);
	kl = map ? find_mapped(&map->map, &msg) : find_asking(kvm, &msg);
	rcu_read_unlock();
	return kl ? kl->vcpu : NULL;
}

void kvm_pv_kick(struct kvm *kvm, u32 apic_id)
{
	struct kvm_vcpu *vcpu = kvm_lapic_find(kvm, apic_id);

	if (!vcpu)
		return;
	WRITE_ONCE(vcpu->arch.pv_unhalted, true);
	kvm_lapic_wake(vcpu->arch.apic);
}

/* Those in @mask, of which bit 0 is ID @first. */
static long send_to_mask(struct kvm_vcpu *sender, unsigned long mask, u64 first,
			 struct lapic_msg *msg)
{
	unsigned int bit;
	long taken = 0;

	for_each_set_bit(bit, &mask, BITS_PER_LONG) {
		if (first + bit >= X2APIC_BROADCAST)
			break;
		msg->dest = first + bit;
		taken += kvm_lapic_deliver(sender->kvm, sender, msg) >= 0;
	}
	return taken;
}

/**
 * kvm_pv_send_ipi() - KVM_HC_SEND_IPI
 * @sender: current
 * @low: destinations: bit n is the local APIC with ID @first + n
 * @high: the next ones
 * @width: bits in each of the two, 32 or 64
 * @first: see @low
 * @icr: what is sent, as in the low half of an ICR; physical, no shorthand
 *
 * Context: any
 * Return: how many took it (or had it pending), -KVM_EINVAL
 */
long kvm_pv_send_ipi(struct kvm_vcpu *sender, unsigned long low, unsigned long high,
		     unsigned int width, u32 first, u32 icr)
{
	struct lapic_msg msg = message_to(0);

	if (icr & LAPIC_ICR_LOGICAL || icr >> 18 & 3)
		return -KVM_EINVAL;
	if (!kvm_lapic_in_kernel(sender))
		return 0;
	msg.vector = icr;
	msg.delivery = icr >> 8 & 7;
	return send_to_mask(sender, low, first, &msg) +
	       send_to_mask(sender, high, (u64)first + width, &msg);
}

/* ---------------------------------------------------------------- the map */

static struct kvm_apic_map *make_map(struct kvm *kvm)
{
	u32 nr = 0, max_id = 0;
	struct kvm_apic_map *new;
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		nr++;
		max_id = max(max_id, vcpu->id);
	}
	new = kvzalloc(offsetof(struct kvm_apic_map, map) + lapic_map_bytes(nr, max_id),
		       GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	lapic_map_init(&new->map, nr, max_id);
	kvm_for_each_vcpu(i, vcpu, kvm) {
		if (vcpu->arch.apic)
			lapic_map_add(&new->map, &vcpu->arch.apic->core);
	}
	return new;
}

/**
 * kvm_apic_map_update() - an address of a local APIC has changed
 * @kvm: the machine
 *
 * Without memory there is no map until the next change: slower, not wrong.
 *
 * Context: may sleep
 */
void kvm_apic_map_update(struct kvm *kvm)
{
	struct kvm_apic_map *old, *new;

	/* From here until the new map stands everybody is asked. */
	atomic_inc(&kvm->arch.apic_map_dirty);
	mutex_lock(&kvm->arch.apic_map_lock);
	new = make_map(kvm);
	old = rcu_replace_pointer(kvm->arch.apic_map, new,
				  lockdep_is_held(&kvm->arch.apic_map_lock));
	mutex_unlock(&kvm->arch.apic_map_lock);
	atomic_dec(&kvm->arch.apic_map_dirty);
	if (old)
		kvfree_rcu(old, rcu);
	/* Pairs with the backend's setting @posts before it asks for the receiver of a device's messages. */
	smp_mb();
	if (unlikely(READ_ONCE(kvm->arch.posts)))
		kvm_irqfd_routing_update(kvm);
}

/**
 * kvm_lapic_only_receiver() - the one vCPU that a device's message goes to
 * @kvm: the machine
 * @msg: the message, fixed or lowest-priority
 *
 * That holds until kvm_irqfd_routing_update().
 *
 * Context: any
 * Return: the vCPU, or NULL: there are several, or none, or it is about to change
 */
struct kvm_vcpu *kvm_lapic_only_receiver(struct kvm *kvm, const struct lapic_msg *msg)
{
	struct lapic *apic = NULL;
	struct kvm_apic_map *map;

	rcu_read_lock();
	map = get_map(kvm);
	if (map)
		apic = lapic_map_only(&map->map, msg);
	rcu_read_unlock();
	return apic ? to_kvm_lapic(apic)->vcpu : NULL;
}
EXPORT_SYMBOL_GPL(kvm_lapic_only_receiver);

void kvm_apic_map_free(struct kvm *kvm)
{
	struct kvm_apic_map *map = rcu_replace_pointer(kvm->arch.apic_map, NULL, true);

	if (map)
		kvfree_rcu(map, rcu);
}
