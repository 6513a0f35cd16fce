// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: where a global system interrupt goes.
 *
 * The table is one block of memory that is never changed but replaced as a whole, freed after an RCU grace period that
 * nobody waits for.  Delivery looks an interrupt up and delivers it inside one RCU read section, with no copy: nothing on
 * the way sleeps.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "io.h"
#include "ioctl.h"
#include "trace.h"

#define NO_GSI (-1)

/**
 * struct kvm_irq_routing_table - all routes of a VM
 * @rcu: for freeing
 * @chip: which GSI is routed to a pin of an interrupt controller, or NO_GSI
 * @nr_gsi: highest GSI that has a route, plus one
 * @first: for every GSI, and one more, the index of its first entry; points behind @entry
 * @entry: routes, those of one GSI together
 */
struct kvm_irq_routing_table {
	struct rcu_head rcu;
	int chip[KVM_NR_IRQCHIPS][KVM_IRQCHIP_NUM_PINS];
	u32 nr_gsi;
	u16 *first;
	struct kvm_kernel_irq_routing_entry entry[];
};

/* ---------------------------------------------------------------- delivery */

/* The routes of @gsi: how many, the first one in *@e. */
static __always_inline unsigned int find_routes(struct kvm_irq_routing_table *t, u32 gsi,
						struct kvm_kernel_irq_routing_entry **e)
{
	if (unlikely(!t || gsi >= t->nr_gsi))
		return 0;
	gsi = array_index_nospec(gsi, t->nr_gsi);
	*e = &t->entry[t->first[gsi]];
	return t->first[gsi + 1] - t->first[gsi];
}

static __always_inline struct kvm_irq_routing_table *get_table(struct kvm *kvm)
{
	return rcu_dereference_check(kvm->irq_routing, rcu_read_lock_any_held() ||
							       srcu_read_lock_held(&kvm->srcu) ||
							       lockdep_is_held(&kvm->irq_lock));
}

/* What several routes of a GSI answered: see kvm_set_irq(). */
static int add_answer(int sum, int one)
{
	return one < 0 ? sum : one + max(sum, 0);
}

/**
 * kvm_set_irq() - raise or lower a GSI
 * @kvm: the machine
 * @irq_source_id: who drives the line; a line is high while any source drives it high
 * @irq: the GSI
 * @level: 1 or 0; message-signalled interrupts are sent for 1 and ignore 0
 * @line_status: the caller wants to know whether the line was already high
 *
 * Context: any, but with no lock of the interrupt controllers held
 * Return: >0: delivered to so many vCPUs, summed over all routes; 0: coalesced; <0: masked, or without a route
 */
int kvm_set_irq(struct kvm *kvm, int irq_source_id, u32 irq, int level, bool line_status)
{
	struct kvm_kernel_irq_routing_entry *e;
	unsigned int n;
	int ret = -1;

	trace_kvm_set_irq(irq, level, irq_source_id);
	rcu_read_lock();
	for (n = find_routes(get_table(kvm), irq, &e); n; n--, e++)
		ret = add_answer(ret, e->set(e, kvm, irq_source_id, level, line_status));
	rcu_read_unlock();
	return ret;
}

/* Lower each pin after it was raised: so none stays high when the table is replaced meanwhile. */
static int pulse_routes(struct kvm *kvm, int irq_source_id, struct kvm_kernel_irq_routing_entry *e,
			unsigned int n)
{
	int ret = -1;

	for (; n; n--, e++) {
		ret = add_answer(ret, e->set(e, kvm, irq_source_id, 1, false));
		if (e->type != KVM_IRQ_ROUTING_MSI)
			e->set(e, kvm, irq_source_id, 0, false);
	}
	return ret;
}

/**
 * kvm_pulse_irq() - raise a GSI and lower it again
 * @kvm: the machine
 * @irq_source_id: who drives it
 * @irq: the GSI
 *
 * Both go by one routing table, which two calls of kvm_set_irq() need not do.
 *
 * Context: as kvm_set_irq()
 * Return: as kvm_set_irq() for the rise
 */
int kvm_pulse_irq(struct kvm *kvm, int irq_source_id, u32 irq)
{
	struct kvm_kernel_irq_routing_entry *e = NULL;
	unsigned int n;
	int ret;

	trace_kvm_set_irq(irq, 1, irq_source_id);
	rcu_read_lock();
	n = find_routes(get_table(kvm), irq, &e);
	ret = pulse_routes(kvm, irq_source_id, e, n);
	rcu_read_unlock();
	trace_kvm_set_irq(irq, 0, irq_source_id);
	return ret;
}

/* A rise of pins where interrupts are off: no lock on the way sleeps. */
static void raise_pins(struct kvm *kvm, int irq_source_id, struct kvm_kernel_irq_routing_entry *e,
		       unsigned int n, bool edge)
{
	if (edge) {
		pulse_routes(kvm, irq_source_id, e, n);
		return;
	}
	for (; n; n--, e++)
		e->set(e, kvm, irq_source_id, 1, false);
}

/**
 * kvm_raise_irq_inatomic() - raise a GSI from a place that cannot wait
 * @kvm: the machine
 * @irq_source_id: who drives it
 * @irq: the GSI
 * @edge: lower it at once, as kvm_pulse_irq()
 *
 * Context: any; interrupts off, for which RCU's grace periods wait
 * Return: false when it has to be done by kvm_pulse_irq() or kvm_set_irq() in a better place; nothing was done
 */
bool kvm_raise_irq_inatomic(struct kvm *kvm, int irq_source_id, u32 irq, bool edge)
{
	struct kvm_kernel_irq_routing_entry *e;
	unsigned int n;

	lockdep_assert_irqs_disabled();
	n = find_routes(get_table(kvm), irq, &e);
	if (likely(n && e->type == KVM_IRQ_ROUTING_MSI)) {
		if (unlikely(e->msi.many) && kvm_arch_msi_is_broadcast(kvm, e))
			return false;
		trace_kvm_set_irq(irq, 1, irq_source_id);
		kvm_set_msi(e, kvm, irq_source_id, 1, false);
	} else {
		trace_kvm_set_irq(irq, 1, irq_source_id);
		raise_pins(kvm, irq_source_id, e, n, edge);
	}
	return true;
}

/**
 * kvm_irq_map_gsi() - copy the routes of a GSI
 * @kvm: the machine
 * @entries: room for KVM_NR_IRQCHIPS + 1
 * @gsi: the GSI
 *
 * Context: RCU or SRCU held, or kvm->irq_lock
 * Return: how many
 */
int kvm_irq_map_gsi(struct kvm *kvm, struct kvm_kernel_irq_routing_entry *entries, u32 gsi)
{
	struct kvm_kernel_irq_routing_entry *e = NULL;
	unsigned int n = find_routes(get_table(kvm), gsi, &e);

	if (n)
		memcpy(entries, e, n * sizeof(*e));
	return n;
}

/**
 * kvm_irq_for_each_route() - look at all routes of a kind
 * @kvm: the machine
 * @type: KVM_IRQ_ROUTING_*
 * @fn: called for each, in the order of GSIs; may not sleep
 * @data: for @fn
 * Context: RCU or SRCU held
 */
void kvm_irq_for_each_route(struct kvm *kvm, u32 type,
			    void (*fn)(const struct kvm_kernel_irq_routing_entry *e, void *data),
			    void *data)
{
	struct kvm_irq_routing_table *t = get_table(kvm);
	unsigned int i;

	for (i = 0; t && i < t->first[t->nr_gsi]; i++) {
		if (t->entry[i].type == type)
			fn(&t->entry[i], data);
	}
}

int kvm_irq_map_chip_pin(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	struct kvm_irq_routing_table *t = get_table(kvm);

	if (!t || irqchip >= KVM_NR_IRQCHIPS || pin >= KVM_IRQCHIP_NUM_PINS)
		return NO_GSI;
	return t->chip[irqchip][pin];
}

/* ---------------------------------------------------------------- acknowledgement */

void kvm_notify_acked_irq(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	struct kvm_irq_ack_notifier *n;
	int gsi;

	trace_kvm_ack_irq(irqchip, pin);
	if (hlist_empty(&kvm->irq_ack_notifiers))
		return;
	rcu_read_lock();
	gsi = kvm_irq_map_chip_pin(kvm, irqchip, pin);
	if (gsi != NO_GSI) {
		hlist_for_each_entry_rcu(n, &kvm->irq_ack_notifiers, link) {
			if (n->gsi == gsi)
				n->acked(n);
		}
	}
	rcu_read_unlock();
}

bool kvm_irq_has_notifier(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	struct kvm_irq_ack_notifier *n;
	bool found = false;
	int gsi;

	if (hlist_empty(&kvm->irq_ack_notifiers))
		return false;
	rcu_read_lock();
	gsi = kvm_irq_map_chip_pin(kvm, irqchip, pin);
	if (gsi != NO_GSI) {
		hlist_for_each_entry_rcu(n, &kvm->irq_ack_notifiers, link)
			found |= n->gsi == gsi;
	}
	rcu_read_unlock();
	return found;
}

/* Called by who holds kvm->irq_lock. */
void kvm_add_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n)
{
	hlist_add_head_rcu(&n->link, &kvm->irq_ack_notifiers);
	kvm_arch_post_routing_update(kvm);
}

/* Called by who holds kvm->irq_lock; the notifier may be called until RCU's next grace period is over. */
void kvm_del_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n)
{
	hlist_del_init_rcu(&n->link);
	kvm_arch_post_routing_update(kvm);
}

/**
 * kvm_register_irq_ack_notifier() - be told when the guest acknowledges a GSI
 * @kvm: the machine
 * @n: with gsi and acked filled in
 * Context: may sleep
 */
void kvm_register_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n)
{
	mutex_lock(&kvm->irq_lock);
	kvm_add_irq_ack_notifier(kvm, n);
	mutex_unlock(&kvm->irq_lock);
}

/**
 * kvm_unregister_irq_ack_notifier() - no longer be told
 * @kvm: the machine
 * @n: not called any more, nor being called, when this returns
 * Context: may sleep
 */
void kvm_unregister_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n)
{
	mutex_lock(&kvm->irq_lock);
	kvm_del_irq_ack_notifier(kvm, n);
	mutex_unlock(&kvm->irq_lock);
	synchronize_rcu_expedited();
}

/* ---------------------------------------------------------------- the table */

static int check_entry(const struct kvm_irq_routing_entry *ue)
{
	if (ue->gsi >= KVM_MAX_IRQ_ROUTES)
		return -EINVAL;
	if (ue->type == KVM_IRQ_ROUTING_MSI ? ue->flags & ~KVM_MSI_VALID_DEVID : ue->flags)
		return -EINVAL;
	return 0;
}

/* A GSI goes to at most one pin of each controller, or to one message. */
static bool clashes(const struct kvm_kernel_irq_routing_entry *a,
		    const struct kvm_kernel_irq_routing_entry *b)
{
	return a->type != KVM_IRQ_ROUTING_IRQCHIP || b->type != KVM_IRQ_ROUTING_IRQCHIP ||
	       a->irqchip.irqchip == b->irqchip.irqchip;
}

static int add_entry(struct kvm *kvm, struct kvm_irq_routing_table *t, unsigned int at,
		     const struct kvm_irq_routing_entry *ue)
{
	struct kvm_kernel_irq_routing_entry *e = &t->entry[at];
	unsigned int i;
	int r;

	e->gsi = ue->gsi;
	e->type = ue->type;
	r = kvm_arch_set_routing_entry(kvm, e, ue);
	if (r)
		return r;
	for (i = t->first[e->gsi]; i < at; i++) {
		if (clashes(&t->entry[i], e))
			return -EINVAL;
	}
	if (e->type == KVM_IRQ_ROUTING_IRQCHIP)
		t->chip[ue->u.irqchip.irqchip][ue->u.irqchip.pin] = e->gsi;
	return 0;
}

static u32 highest_gsi(const struct kvm_irq_routing_entry *ue, unsigned int nr)
{
	u32 nr_gsi = 0;
	unsigned int i;

	for (i = 0; i < nr; i++)
		nr_gsi = max(nr_gsi, ue[i].gsi + 1);
	return nr_gsi;
}

static struct kvm_irq_routing_table *alloc_table(unsigned int nr, u32 nr_gsi)
{
	struct kvm_irq_routing_table *t;
	size_t size = struct_size(t, entry, nr);

	t = kvzalloc(size + (nr_gsi + 1) * sizeof(*t->first), GFP_KERNEL_ACCOUNT);
	if (!t)
		return NULL;
	t->first = (void *)t + size;
	t->nr_gsi = nr_gsi;
	memset(t->chip, 0xff, sizeof(t->chip)); /* NO_GSI */
	return t;
}

/* Where the entries of each GSI go: a counting sort. */
static void count_entries(struct kvm_irq_routing_table *t, const struct kvm_irq_routing_entry *ue,
			  unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		t->first[ue[i].gsi + 1]++;
	for (i = 0; i < t->nr_gsi; i++)
		t->first[i + 1] += t->first[i];
}

static int fill_table(struct kvm *kvm, struct kvm_irq_routing_table *t,
		      const struct kvm_irq_routing_entry *ue, unsigned int nr)
{
	u16 *used;
	unsigned int i;
	int r = 0;

	used = kvcalloc(t->nr_gsi, sizeof(*used), GFP_KERNEL);
	if (!used)
		return -ENOMEM;
	count_entries(t, ue, nr);
	for (i = 0; i < nr && !r; i++)
		r = add_entry(kvm, t, t->first[ue[i].gsi] + used[ue[i].gsi]++, &ue[i]);
	kvfree(used);
	return r;
}

static struct kvm_irq_routing_table *
make_table(struct kvm *kvm, const struct kvm_irq_routing_entry *ue, unsigned int nr)
{
	struct kvm_irq_routing_table *t;
	unsigned int i;
	int r;

	for (i = 0; i < nr; i++) {
		r = check_entry(&ue[i]);
		if (r)
			return ERR_PTR(r);
	}
	t = alloc_table(nr, highest_gsi(ue, nr));
	if (!t)
		return ERR_PTR(-ENOMEM);
	r = nr ? fill_table(kvm, t, ue, nr) : 0;
	if (r) {
		kvfree(t);
		return ERR_PTR(r);
	}
	return t;
}

/**
 * kvm_set_irq_routing() - replace the routing table
 * @kvm: the machine
 * @ue: the routes, in the VMM's format and in kernel memory
 * @nr: how many
 * @flags: must be 0
 *
 * Interrupts that are on their way at that moment go by one table or the other.
 *
 * Context: may sleep
 * Return: 0, -EINVAL, -ENOMEM
 */
int kvm_set_irq_routing(struct kvm *kvm, const struct kvm_irq_routing_entry *ue, unsigned int nr,
			unsigned int flags)
{
	struct kvm_irq_routing_table *new, *old;

	if (flags || nr > KVM_MAX_IRQ_ROUTES)
		return -EINVAL;
	new = make_table(kvm, ue, nr);
	if (IS_ERR(new))
		return PTR_ERR(new);

	mutex_lock(&kvm->irq_lock);
	old = rcu_replace_pointer(kvm->irq_routing, new, lockdep_is_held(&kvm->irq_lock));
	kvm_irqfd_routing_update(kvm);
	kvm_arch_post_routing_update(kvm);
	mutex_unlock(&kvm->irq_lock);
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

void kvm_free_irq_routing(struct kvm *kvm)
{
	struct kvm_irq_routing_table *t = rcu_dereference_protected(kvm->irq_routing, 1);

	RCU_INIT_POINTER(kvm->irq_routing, NULL);
	if (t)
		kvfree_rcu(t, rcu);
}

/* ---------------------------------------------------------------- ioctls */

/* KVM_SET_GSI_ROUTING */
long kvm_vm_set_gsi_routing(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	struct kvm_irq_routing __user *user = arg.user;
	struct kvm_irq_routing_entry *ue = NULL;
	struct kvm_irq_routing head;
	long r;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (!kvm_arch_can_set_irq_routing(kvm))
		return -EINVAL;
	if (head.nr > KVM_MAX_IRQ_ROUTES || head.flags)
		return -EINVAL;
	if (head.nr) {
		ue = vmemdup_user(user->entries, array_size(head.nr, sizeof(*ue)));
		if (IS_ERR(ue))
			return PTR_ERR(ue);
	}
	r = kvm_set_irq_routing(kvm, ue, head.nr, head.flags);
	kvfree(ue);
	return r;
}

/* KVM_IRQ_LINE and KVM_IRQ_LINE_STATUS, which share a layout; only the second one copies the status out. */
long kvm_vm_irq_line(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	struct kvm_irq_level *line = arg.buf;

	if (!kvm_arch_irqchip_in_kernel(kvm))
		return -ENXIO;
	kvm_set_irq(kvm, KVM_USERSPACE_IRQ_SOURCE_ID, line->irq, !!line->level, false);
	return 0;
}

long kvm_vm_irq_line_status(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	struct kvm_irq_level *line = arg.buf;

	if (!kvm_arch_irqchip_in_kernel(kvm))
		return -ENXIO;
	line->status =
		kvm_set_irq(kvm, KVM_USERSPACE_IRQ_SOURCE_ID, line->irq, !!line->level, true);
	return 0;
}

/*
 * KVM_SIGNAL_MSI: >0 delivered, or part of one that is pending; 0 nobody takes it (there is no such CPU, its APIC is off); <0
 * an errno.
 */
long kvm_vm_signal_msi(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	const struct kvm_msi *msi = arg.buf;
	struct kvm_irq_routing_entry ue = {
		.type = KVM_IRQ_ROUTING_MSI,
		.flags = msi->flags,
		.u.msi = {
			.address_lo = msi->address_lo,
			.address_hi = msi->address_hi,
			.data = msi->data,
			.devid = msi->devid,
		},
	};
	struct kvm_kernel_irq_routing_entry e = { .type = KVM_IRQ_ROUTING_MSI };
	long r;

	if (!kvm_arch_irqchip_in_kernel(kvm) || msi->flags & ~KVM_MSI_VALID_DEVID)
		return -EINVAL;
	r = kvm_arch_set_routing_entry(kvm, &e, &ue);
	if (r)
		return r;
	rcu_read_lock();
	r = e.set(&e, kvm, KVM_USERSPACE_IRQ_SOURCE_ID, 1, false);
	rcu_read_unlock();
	return r < 0 ? 0 : max(r, 1L);
}
