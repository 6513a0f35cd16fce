// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqfds: a signal to an eventfd becomes an interrupt of the guest.
 *
 * An irqfd sits on its eventfd's wait queue, ahead of everybody else, and takes the count itself.  The interrupt is
 * delivered right there, with interrupts off, unless it is for so many that a work item should do it.
 *
 * Level-triggered lines (KVM_IRQFD_FLAG_RESAMPLE) stay high until the guest acknowledges; then the line is lowered and
 * every resamplefd on that GSI is signalled, so that devices that still want service signal again.
 *
 * Life: an irqfd is in kvm->irqfds from its assignment until it is deactivated, by KVM_IRQFD, by the end of the VM, or by
 * the last close of its eventfd.  The last one happens in the wake-up, under the wait queue's lock, where nothing can be
 * torn down: so whoever takes an irqfd off the list (under kvm->irqfds_lock, and only he) queues the rest to a workqueue,
 * which the first two flush.
 *
 * Locks: kvm->irq_lock, then the wait queue's, then kvm->irqfds_lock.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/irqbypass.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "arch.h"
#include "io.h"
#include "ioctl.h"

/**
 * struct resampler - a GSI whose acknowledgement is passed on to resamplefds
 * @kvm: the machine
 * @irqfds: by irqfd.resampler_link, RCU, changed under kvm->irq_lock; the last one to go frees the resampler
 * @notifier: on @notifier.gsi
 */
struct resampler {
	struct kvm *kvm;
	struct list_head irqfds;
	struct kvm_irq_ack_notifier notifier;
};

/**
 * struct irqfd - one of them
 * @kvm: the machine; lives longer, because its end flushes the workqueue
 * @gsi: what is raised
 * @eventfd: on what
 * @list: in kvm->irqfds; empty once deactivated
 * @wait: on the eventfd's wait queue
 * @poll: puts it there
 * @inject: delivery where the wake-up must not deliver
 * @shutdown: the end
 * @resampler: NULL for edges
 * @resamplefd: signalled when the guest has acknowledged
 * @resampler_link: in resampler.irqfds
 * @consumer: for devices that can send to the guest without a detour over the eventfd
 * @producer: the one that matches, or NULL; under kvm->irqfds_lock
 * @bypassed: what kvm_arch_irq_bypass() has answered last; under kvm->irqfds_lock
 */
struct irqfd {
	struct kvm *kvm;
	u32 gsi;
	struct eventfd_ctx *eventfd;
	struct list_head list;
	wait_queue_entry_t wait;
	poll_table poll;
	struct work_struct inject;
	struct work_struct shutdown;
	struct resampler *resampler;
	struct eventfd_ctx *resamplefd;
	struct list_head resampler_link;
	struct irq_bypass_consumer consumer;
	struct irq_bypass_producer *producer;
	u64 bypassed;
};

static struct workqueue_struct *cleanup_wq;

/* ---------------------------------------------------------------- resampling */

/* The guest has acknowledged: RCU read side, no sleeping. */
static void resampler_acked(struct kvm_irq_ack_notifier *n)
{
	struct resampler *rs = container_of(n, struct resampler, notifier);
	struct irqfd *irqfd;

	kvm_set_irq(rs->kvm, KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID, n->gsi, 0, false);
	list_for_each_entry_rcu(irqfd, &rs->irqfds, resampler_link)
		eventfd_signal(irqfd->resamplefd);
}

static struct resampler *find_resampler(struct kvm *kvm, u32 gsi)
{
	struct kvm_irq_ack_notifier *n;

	hlist_for_each_entry_rcu(n, &kvm->irq_ack_notifiers, link,
				 lockdep_is_held(&kvm->irq_lock)) {
		if (n->acked == resampler_acked && n->gsi == gsi)
			return container_of(n, struct resampler, notifier);
	}
	return NULL;
}

static struct resampler *make_resampler(struct kvm *kvm, u32 gsi)
{
	struct resampler *rs = kzalloc(sizeof(*rs), GFP_KERNEL_ACCOUNT);

	if (!rs)
		return NULL;
	rs->kvm = kvm;
	INIT_LIST_HEAD(&rs->irqfds);
	rs->notifier.gsi = gsi;
	rs->notifier.acked = resampler_acked;
	kvm_add_irq_ack_notifier(kvm, &rs->notifier);
	return rs;
}

/* kvm->irq_lock held */
static int join_resampler(struct irqfd *irqfd)
{
	struct resampler *rs = find_resampler(irqfd->kvm, irqfd->gsi);

	if (!rs)
		rs = make_resampler(irqfd->kvm, irqfd->gsi);
	if (!rs)
		return -ENOMEM;
	irqfd->resampler = rs;
	list_add_rcu(&irqfd->resampler_link, &rs->irqfds);
	return 0;
}

static void leave_resampler(struct irqfd *irqfd)
{
	struct resampler *rs = irqfd->resampler;
	struct kvm *kvm = irqfd->kvm;
	bool last;

	mutex_lock(&kvm->irq_lock);
	list_del_rcu(&irqfd->resampler_link);
	last = list_empty(&rs->irqfds);
	if (last)
		kvm_del_irq_ack_notifier(kvm, &rs->notifier);
	mutex_unlock(&kvm->irq_lock);

	synchronize_rcu_expedited();
	if (last) {
		kvm_set_irq(kvm, KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID, rs->notifier.gsi, 0, false);
		kfree(rs);
	}
}

/* ---------------------------------------------------------------- bypass */

/* The route of an irqfd, if a device could send there by itself: one message.  kvm->irqfds_lock held. */
static bool bypass_route(struct irqfd *irqfd, struct kvm_kernel_irq_routing_entry *e)
{
	struct kvm_kernel_irq_routing_entry all[KVM_NR_IRQCHIPS + 1];
	bool ok;

	if (irqfd->resampler || list_empty(&irqfd->list))
		return false;
	rcu_read_lock();
	ok = kvm_irq_map_gsi(irqfd->kvm, all, irqfd->gsi) == 1 &&
	     all[0].type == KVM_IRQ_ROUTING_MSI;
	rcu_read_unlock();
	*e = all[0];
	return ok;
}

/* kvm->irqfds_lock held: no interrupt goes through the device's old route when this returns. */
static void update_bypass(struct irqfd *irqfd)
{
	struct kvm_kernel_irq_routing_entry e;
	bool direct = bypass_route(irqfd, &e);

	irqfd->bypassed = kvm_arch_irq_bypass(irqfd->kvm, irqfd->producer->irq, direct ? &e : NULL,
					      irqfd->bypassed);
}

/* ---------------------------------------------------------------- delivery */

static int source_of(const struct irqfd *irqfd)
{
	return irqfd->resampler ? KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID : KVM_USERSPACE_IRQ_SOURCE_ID;
}

static void inject_work(struct work_struct *work)
{
	struct irqfd *irqfd = container_of(work, struct irqfd, inject);

	if (irqfd->resampler)
		kvm_set_irq(irqfd->kvm, source_of(irqfd), irqfd->gsi, 1, false);
	else
		kvm_pulse_irq(irqfd->kvm, source_of(irqfd), irqfd->gsi);
}

static void inject_now_or_later(struct irqfd *irqfd)
{
	if (!kvm_raise_irq_inatomic(irqfd->kvm, source_of(irqfd), irqfd->gsi, !irqfd->resampler))
		schedule_work(&irqfd->inject);
}

/* kvm->irqfds_lock held */
static void deactivate(struct irqfd *irqfd)
{
	list_del_init(&irqfd->list);
	/* From here on nobody tells it of changes. */
	if (irqfd->producer)
		update_bypass(irqfd);
	queue_work(cleanup_wq, &irqfd->shutdown);
}

/* The eventfd was signalled, or its last descriptor closed.  Its wait queue is locked, interrupts are off. */
static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	int taken = 0;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		inject_now_or_later(irqfd);
		taken = 1;
	}
	if (events & EPOLLHUP) {
		spin_lock_irqsave(&irqfd->kvm->irqfds_lock, flags);
		if (!list_empty(&irqfd->list))
			deactivate(irqfd);
		spin_unlock_irqrestore(&irqfd->kvm->irqfds_lock, flags);
	}
	return taken;
}

static void join_wait_queue(struct file *file, wait_queue_head_t *head, poll_table *pt)
{
	struct irqfd *irqfd = container_of(pt, struct irqfd, poll);

	add_wait_queue_priority(head, &irqfd->wait);
}

static int bypass_add_producer(struct irq_bypass_consumer *c, struct irq_bypass_producer *p)
{
	struct irqfd *irqfd = container_of(c, struct irqfd, consumer);

	spin_lock_irq(&irqfd->kvm->irqfds_lock);
	irqfd->producer = p;
	update_bypass(irqfd);
	spin_unlock_irq(&irqfd->kvm->irqfds_lock);
	return 0;
}

static void bypass_del_producer(struct irq_bypass_consumer *c, struct irq_bypass_producer *p)
{
	struct irqfd *irqfd = container_of(c, struct irqfd, consumer);

	spin_lock_irq(&irqfd->kvm->irqfds_lock);
	irqfd->bypassed = kvm_arch_irq_bypass(irqfd->kvm, p->irq, NULL, irqfd->bypassed);
	irqfd->producer = NULL;
	spin_unlock_irq(&irqfd->kvm->irqfds_lock);
}

static void register_bypass(struct irqfd *irqfd)
{
	irqfd->consumer.token = irqfd->eventfd;
	irqfd->consumer.add_producer = bypass_add_producer;
	irqfd->consumer.del_producer = bypass_del_producer;
	/* Without it interrupts come through the eventfd, as they do without such hardware. */
	if (irq_bypass_register_consumer(&irqfd->consumer))
		irqfd->consumer.token = NULL;
}

/**
 * kvm_irqfd_routing_update() - the routing table, or what its messages lead to, has changed
 * @kvm: the machine
 * Context: IRQs on
 */
void kvm_irqfd_routing_update(struct kvm *kvm)
{
	struct irqfd *irqfd;

	spin_lock_irq(&kvm->irqfds_lock);
	list_for_each_entry(irqfd, &kvm->irqfds, list) {
		if (irqfd->producer)
			update_bypass(irqfd);
	}
	spin_unlock_irq(&kvm->irqfds_lock);
}

/* ---------------------------------------------------------------- end */

static void shutdown_work(struct work_struct *work)
{
	struct irqfd *irqfd = container_of(work, struct irqfd, shutdown);
	u64 count;

	/* After this no wake-up comes any more, after the next line no injection. */
	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	flush_work(&irqfd->inject);

	if (irqfd->resampler) {
		leave_resampler(irqfd);
		eventfd_ctx_put(irqfd->resamplefd);
	}
	if (irqfd->consumer.token)
		irq_bypass_unregister_consumer(&irqfd->consumer);
	eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

/* ---------------------------------------------------------------- assignment */

static bool is_bound(struct kvm *kvm, const struct eventfd_ctx *eventfd)
{
	struct irqfd *other;

	list_for_each_entry(other, &kvm->irqfds, list) {
		if (other->eventfd == eventfd)
			return true;
	}
	return false;
}

/* Put it on the VM's list unless the eventfd is there already. */
static int activate(struct irqfd *irqfd)
{
	struct kvm *kvm = irqfd->kvm;
	int r = -EBUSY;

	spin_lock_irq(&kvm->irqfds_lock);
	if (!is_bound(kvm, irqfd->eventfd)) {
		list_add_tail(&irqfd->list, &kvm->irqfds);
		r = 0;
	}
	spin_unlock_irq(&kvm->irqfds_lock);
	return r;
}

static struct irqfd *alloc_irqfd(struct kvm *kvm, u32 gsi)
{
	struct irqfd *irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);

	if (!irqfd)
		return NULL;
	irqfd->kvm = kvm;
	irqfd->gsi = gsi;
	INIT_LIST_HEAD(&irqfd->list);
	INIT_WORK(&irqfd->inject, inject_work);
	INIT_WORK(&irqfd->shutdown, shutdown_work);
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wakeup);
	init_poll_funcptr(&irqfd->poll, join_wait_queue);
	return irqfd;
}

/*
 * Make it live.  kvm->irq_lock held, which keeps KVM_IRQFD from taking it away before it is whole; the caller's hold on
 * @file does the same for the eventfd's last close.
 */
static int start(struct irqfd *irqfd, struct file *file)
{
	int r;

	r = activate(irqfd);
	if (r)
		return r;
	if (irqfd->resamplefd) {
		r = join_resampler(irqfd);
		if (r)
			goto out_deactivate;
	}
	register_bypass(irqfd);
	/* What was signalled before is delivered too. */
	if (vfs_poll(file, &irqfd->poll) & EPOLLIN)
		schedule_work(&irqfd->inject);
	return 0;

out_deactivate:
	spin_lock_irq(&irqfd->kvm->irqfds_lock);
	list_del_init(&irqfd->list);
	spin_unlock_irq(&irqfd->kvm->irqfds_lock);
	return r;
}

static int assign(struct kvm *kvm, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *resamplefd = NULL;
	struct irqfd *irqfd;
	struct file *file;
	int r;

	if (!kvm_arch_irqfd_allowed(kvm, args->flags & KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	irqfd = alloc_irqfd(kvm, args->gsi);
	if (!irqfd)
		return -ENOMEM;

	file = eventfd_fget(args->fd);
	if (IS_ERR(file)) {
		r = PTR_ERR(file);
		goto out_free;
	}
	irqfd->eventfd = eventfd_ctx_fileget(file);
	if (IS_ERR(irqfd->eventfd)) {
		r = PTR_ERR(irqfd->eventfd);
		goto out_file;
	}
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		resamplefd = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(resamplefd)) {
			r = PTR_ERR(resamplefd);
			goto out_eventfd;
		}
		irqfd->resamplefd = resamplefd;
	}

	mutex_lock(&kvm->irq_lock);
	r = start(irqfd, file);
	mutex_unlock(&kvm->irq_lock);
	if (!r) {
		fput(file);
		return 0;
	}

	if (resamplefd)
		eventfd_ctx_put(resamplefd);
out_eventfd:
	eventfd_ctx_put(irqfd->eventfd);
out_file:
	fput(file);
out_free:
	kfree(irqfd);
	return r;
}

/* When this returns, no interrupt comes from it any more; that there was none is no error. */
static int deassign(struct kvm *kvm, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);
	struct irqfd *irqfd, *next;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	mutex_lock(&kvm->irq_lock);
	spin_lock_irq(&kvm->irqfds_lock);
	list_for_each_entry_safe(irqfd, next, &kvm->irqfds, list) {
		if (irqfd->eventfd == eventfd && irqfd->gsi == args->gsi)
			deactivate(irqfd);
	}
	spin_unlock_irq(&kvm->irqfds_lock);
	mutex_unlock(&kvm->irq_lock);
	eventfd_ctx_put(eventfd);

	flush_workqueue(cleanup_wq);
	return 0;
}

/* KVM_IRQFD */
long kvm_vm_irqfd(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	const struct kvm_irqfd *args = arg.buf;

	if (args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	return args->flags & KVM_IRQFD_FLAG_DEASSIGN ? deassign(kvm, args) : assign(kvm, args);
}

/**
 * kvm_irqfd_release() - take all irqfds away: the VM's descriptor was closed
 * @kvm: the machine
 * Context: may sleep; no KVM_IRQFD is under way
 */
void kvm_irqfd_release(struct kvm *kvm)
{
	struct irqfd *irqfd, *next;

	spin_lock_irq(&kvm->irqfds_lock);
	list_for_each_entry_safe(irqfd, next, &kvm->irqfds, list)
		deactivate(irqfd);
	spin_unlock_irq(&kvm->irqfds_lock);
	/* Also those that their eventfds took away: they point to the VM. */
	flush_workqueue(cleanup_wq);
}

int kvm_irqfd_init(void)
{
	cleanup_wq = alloc_workqueue("kvm-irqfd-cleanup", 0, 0);
	return cleanup_wq ? 0 : -ENOMEM;
}

void kvm_irqfd_exit(void)
{
	destroy_workqueue(cleanup_wq);
}
