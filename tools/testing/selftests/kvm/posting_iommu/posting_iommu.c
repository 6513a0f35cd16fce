// SPDX-License-Identifier: GPL-2.0-only
/*
 * An I/O MMU that posts interrupts, in software: for tests on machines that have none.
 *
 * Each open file of /dev/posting_iommu is a device with one interrupt.  The interrupt's chip can be told to post
 * (irq_set_vcpu_affinity()), as that of an I/O MMU can; with its eventfd, the device is a producer of the kernel's irqbypass.
 * When the device is told to interrupt, the interrupt goes to its handler, which signals the eventfd, or is posted as the VT-d
 * specification has it (5.2.3), by the CPU that tells it.
 *
 * Other than an I/O MMU it does not change the descriptor in one atomic operation: the request comes first, then ON.
 */
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/irqbypass.h>
#include <linux/irqdesc.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <asm/apic.h>
#include <asm/irq_remapping.h>
#include <asm/irq_vectors.h>

#include "posting_iommu.h"

MODULE_DESCRIPTION("An I/O MMU that posts interrupts, in software");
MODULE_LICENSE("GPL");

#define ON BIT_ULL(0)
#define SN BIT_ULL(1)
#define NV(control) ((u8)((control) >> 16))
#define NDST(control) ((u32)((control) >> 32))

/* VT-d specification, 9.11 */
struct descriptor {
	unsigned long requests[4];
	u64 control;
	u64 reserved[3];
};

/**
 * struct device_file - a device
 * @mutex: attaching and detaching
 * @eventfd: NULL: not attached
 * @irq: the host's number of its interrupt
 * @producer: of irqbypass
 * @lock: the rest; under the interrupt's descriptor's
 * @to: posted to, NULL: goes to its handler
 * @vector: as this vector
 * @count: the numbers of POSTING_STATE
 */
struct device_file {
	struct mutex mutex;
	struct eventfd_ctx *eventfd;
	int irq;
	struct irq_bypass_producer producer;
	raw_spinlock_t lock;
	struct descriptor *to;
	u8 vector;
	struct posting_state count;
};

/* ---------------------------------------------------------------- posting */

static bool cpu_exists(u32 apic_id)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (cpu_physical_id(cpu) == apic_id)
			return true;
	}
	return false;
}

/* As an interrupt message from the I/O MMU would: by the number in the descriptor.  IRQs off. */
static void notify(struct device_file *d, u64 control)
{
	u32 apic_id = x2apic_mode ? NDST(control) : NDST(control) >> 8 & 0xff;

	if (NV(control) != POSTED_INTR_VECTOR && NV(control) != POSTED_INTR_WAKEUP_VECTOR) {
		d->count.wrong++;
		return;
	}
	if (!cpu_exists(apic_id) || (!x2apic_mode && NDST(control) & ~0xff00)) {
		d->count.wrong++;
		return;
	}
	if (NV(control) == POSTED_INTR_WAKEUP_VECTOR)
		d->count.woken++;
	else
		d->count.notified++;
	apic->icr_write(APIC_DM_FIXED | NV(control), apic_id);
}

static void post(struct device_file *d)
{
	u64 control;

	set_bit(d->vector, d->to->requests);
	smp_mb__after_atomic();
	control = READ_ONCE(d->to->control);
	do {
		if (control & SN) {
			d->count.held++;
			return;
		}
		if (control & ON) {
			d->count.hidden++;
			return;
		}
	} while (!try_cmpxchg64(&d->to->control, &control, control | ON));
	notify(d, control);
}

static void fire(struct device_file *d)
{
	unsigned long flags;
	bool posted;

	raw_spin_lock_irqsave(&d->lock, flags);
	posted = d->to;
	if (posted)
		post(d);
	else
		d->count.by_handler++;
	raw_spin_unlock_irqrestore(&d->lock, flags);
	if (!posted)
		generic_handle_irq_safe(d->irq);
}

/* ---------------------------------------------------------------- the interrupt's chip */

static int set_vcpu_affinity(struct irq_data *data, void *info)
{
	struct device_file *d = irq_data_get_irq_chip_data(data);
	struct vcpu_data *vcpu = info;
	unsigned long flags;

	raw_spin_lock_irqsave(&d->lock, flags);
	d->count.changes++;
	d->to = vcpu ? phys_to_virt(vcpu->pi_desc_addr) : NULL;
	d->vector = vcpu ? vcpu->vector : 0;
	raw_spin_unlock_irqrestore(&d->lock, flags);
	return 0;
}

static void nothing(struct irq_data *data)
{
}

static struct irq_chip chip = {
	.name = "posting-iommu",
	.irq_mask = nothing,
	.irq_unmask = nothing,
	.irq_set_vcpu_affinity = set_vcpu_affinity,
};

static irqreturn_t handler(int irq, void *data)
{
	struct device_file *d = data;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(d->eventfd);
#else
	eventfd_signal(d->eventfd, 1);
#endif
	return IRQ_HANDLED;
}

static int get_irq(struct device_file *d)
{
	int r;

	d->irq = irq_alloc_desc(NUMA_NO_NODE);
	if (d->irq < 0)
		return d->irq;
	irq_set_chip_and_handler(d->irq, &chip, handle_simple_irq);
	irq_set_chip_data(d->irq, d);
	r = request_irq(d->irq, handler, 0, "posting-iommu", d);
	if (r)
		irq_free_desc(d->irq);
	return r;
}

static void put_irq(struct device_file *d)
{
	free_irq(d->irq, d);
	irq_free_desc(d->irq);
}

/* ---------------------------------------------------------------- the file */

static int attach(struct device_file *d, int fd)
{
	int r;

	if (d->eventfd)
		return -EBUSY;
	d->eventfd = eventfd_ctx_fdget(fd);
	if (IS_ERR(d->eventfd)) {
		r = PTR_ERR(d->eventfd);
		goto out;
	}
	r = get_irq(d);
	if (r)
		goto out_put;
	d->producer.token = d->eventfd;
	d->producer.irq = d->irq;
	r = irq_bypass_register_producer(&d->producer);
	if (!r)
		return 0;
	put_irq(d);
out_put:
	eventfd_ctx_put(d->eventfd);
out:
	d->eventfd = NULL;
	return r;
}

static int detach(struct device_file *d)
{
	if (!d->eventfd)
		return -ENODEV;
	irq_bypass_unregister_producer(&d->producer);
	/* Whoever had it posted has it back at its handler. */
	WARN_ON_ONCE(d->to);
	put_irq(d);
	eventfd_ctx_put(d->eventfd);
	d->eventfd = NULL;
	return 0;
}

static void get_state(struct device_file *d, struct posting_state *s)
{
	unsigned long flags;
	u64 control;

	raw_spin_lock_irqsave(&d->lock, flags);
	*s = d->count;
	s->posted = !!d->to;
	s->vector = d->vector;
	if (d->to) {
		control = READ_ONCE(d->to->control);
		s->nv = NV(control);
		s->ndst = NDST(control);
		s->sn = !!(control & SN);
		s->on = !!(control & ON);
	}
	raw_spin_unlock_irqrestore(&d->lock, flags);
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct device_file *d = file->private_data;
	void __user *user = (void __user *)arg;
	struct posting_state state;
	long r = 0;
	int fd;

	if (cmd == POSTING_ATTACH && get_user(fd, (int __user *)user))
		return -EFAULT;
	mutex_lock(&d->mutex);
	switch (cmd) {
	case POSTING_ATTACH:
		r = attach(d, fd);
		break;
	case POSTING_DETACH:
		r = detach(d);
		break;
	case POSTING_FIRE:
		if (d->eventfd)
			fire(d);
		else
			r = -ENODEV;
		break;
	case POSTING_STATE:
		get_state(d, &state);
		break;
	default:
		r = -ENOTTY;
	}
	mutex_unlock(&d->mutex);
	if (cmd == POSTING_STATE && copy_to_user(user, &state, sizeof(state)))
		return -EFAULT;
	return r;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct device_file *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return -ENOMEM;
	mutex_init(&d->mutex);
	raw_spin_lock_init(&d->lock);
	file->private_data = d;
	return 0;
}

static int device_release(struct inode *inode, struct file *file)
{
	struct device_file *d = file->private_data;

	detach(d);
	kfree(d);
	return 0;
}

static const struct file_operations fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
};

static struct miscdevice misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "posting_iommu",
	.fops = &fops,
};

module_misc_device(misc);
