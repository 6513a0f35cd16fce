// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced MMIO and PIO: writes to certain zones are noted in a ring and shown to the VMM at its next exit.
 *
 * The ring is one page, shared by all vCPUs of the VM and mapped by the VMM behind kvm_run.  Each zone is a device on the
 * I/O bus; when the ring is full the device declines and the write becomes an ordinary exit.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "arch.h"
#include "io.h"
#include "ioctl.h"
#include "coalesced_ring.h"

/**
 * struct kvm_coalesced - coalesced writes of a VM
 * @lock: one writer at a time; taken with interrupts off
 * @zones: struct coalesced_zone; under kvm->slots_lock
 * @ring: the page
 */
struct kvm_coalesced {
	raw_spinlock_t lock;
	struct list_head zones;
	struct kvm_coalesced_mmio_ring *ring;
};

struct coalesced_zone {
	struct kvm_io_device dev;
	struct list_head list;
	struct kvm_coalesced *owner;
	struct kvm_coalesced_mmio_zone zone;
};

/* ---------------------------------------------------------------- writes */

/* The caller holds the lock.  False: no room. */
static bool add_entry(struct kvm_coalesced_mmio_ring *ring, const struct coalesced_zone *z,
		      gpa_t addr, int len, const void *val)
{
	u32 next;
	int slot = coalesced_ring_slot(READ_ONCE(ring->first), READ_ONCE(ring->last),
				       KVM_COALESCED_MMIO_MAX, &next);
	struct kvm_coalesced_mmio *entry;

	if (slot < 0)
		return false;
	entry = &ring->coalesced_mmio[array_index_nospec(slot, KVM_COALESCED_MMIO_MAX)];
	entry->phys_addr = addr;
	entry->len = len;
	memcpy(entry->data, val, len);
	entry->pio = z->zone.pio;
	/* The VMM sees the entry before it sees the index. */
	smp_store_release(&ring->last, next);
	return true;
}

static int coalesced_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
			   const void *val)
{
	struct coalesced_zone *z = container_of(dev, struct coalesced_zone, dev);
	unsigned long flags;
	bool done;

	if (len <= 0 || len > (int)sizeof_field(struct kvm_coalesced_mmio, data))
		return -EOPNOTSUPP;
	raw_spin_lock_irqsave(&z->owner->lock, flags);
	done = add_entry(z->owner->ring, z, addr, len, val);
	raw_spin_unlock_irqrestore(&z->owner->lock, flags);
	return done ? 0 : -EOPNOTSUPP;
}

static void coalesced_destroy(struct kvm_io_device *dev)
{
	struct coalesced_zone *z = container_of(dev, struct coalesced_zone, dev);

	list_del(&z->list);
	kfree(z);
}

static const struct kvm_io_ops coalesced_ops = {
	.write = coalesced_write,
	.destroy = coalesced_destroy,
	.fast = true,
};

/* ---------------------------------------------------------------- the ring */

static void free_coalesced(struct kvm_coalesced *c)
{
	free_page((unsigned long)c->ring);
	kfree(c);
}

static struct kvm_coalesced *alloc_coalesced(void)
{
	struct kvm_coalesced *c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);

	if (!c)
		return NULL;
	c->ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!c->ring) {
		kfree(c);
		return NULL;
	}
	raw_spin_lock_init(&c->lock);
	INIT_LIST_HEAD(&c->zones);
	return c;
}

/* Made when it is first asked for, by a zone or by a page fault in the VMM, which hold no common lock. */
static struct kvm_coalesced *get_coalesced(struct kvm *kvm)
{
	struct kvm_coalesced *c = smp_load_acquire(&kvm->coalesced);
	struct kvm_coalesced *other;

	if (c)
		return c;
	c = alloc_coalesced();
	if (!c)
		return NULL;
	other = cmpxchg(&kvm->coalesced, NULL, c);
	if (!other)
		return c;
	free_coalesced(c);
	return other;
}

/**
 * kvm_coalesced_page() - the page that holds the ring
 * @kvm: the machine
 * Context: may sleep
 * Return: the page, or NULL when there is no memory for it
 */
struct page *kvm_coalesced_page(struct kvm *kvm)
{
	struct kvm_coalesced *c = get_coalesced(kvm);

	return c ? virt_to_page(c->ring) : NULL;
}

int kvm_coalesced_init_vm(struct kvm *kvm)
{
	return 0;
}

/* The buses, and so the zones, are gone. */
void kvm_coalesced_destroy_vm(struct kvm *kvm)
{
	if (kvm->coalesced)
		free_coalesced(kvm->coalesced);
	kvm->coalesced = NULL;
}

/* ---------------------------------------------------------------- zones */

static enum kvm_bus_kind zone_bus(const struct kvm_coalesced_mmio_zone *zone)
{
	return zone->pio ? KVM_PIO_BUS : KVM_MMIO_BUS;
}

/* KVM_REGISTER_COALESCED_MMIO */
long kvm_vm_register_coalesced(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	const struct kvm_coalesced_mmio_zone *zone = arg.buf;
	struct kvm_coalesced *c;
	struct coalesced_zone *z;
	int r;

	if (zone->pio > 1 || !zone->size || zone->addr + zone->size < zone->addr)
		return -EINVAL;
	c = get_coalesced(kvm);
	if (!c)
		return -ENOMEM;
	z = kzalloc(sizeof(*z), GFP_KERNEL_ACCOUNT);
	if (!z)
		return -ENOMEM;
	z->dev.ops = &coalesced_ops;
	z->owner = c;
	z->zone = *zone;

	mutex_lock(&kvm->slots_lock);
	r = kvm_io_bus_register(kvm, zone_bus(zone), zone->addr, zone->size, &z->dev);
	if (!r)
		list_add_tail(&z->list, &c->zones);
	mutex_unlock(&kvm->slots_lock);
	if (r)
		kfree(z);
	return r;
}

static bool zone_contains(const struct kvm_coalesced_mmio_zone *outer,
			  const struct kvm_coalesced_mmio_zone *inner)
{
	return outer->pio == inner->pio && inner->addr >= outer->addr &&
	       inner->addr + inner->size <= outer->addr + outer->size;
}

/* KVM_UNREGISTER_COALESCED_MMIO: every zone that holds the given one; that there is none is no error */
long kvm_vm_unregister_coalesced(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	const struct kvm_coalesced_mmio_zone *zone = arg.buf;
	struct kvm_coalesced *c = smp_load_acquire(&kvm->coalesced);
	struct coalesced_zone *z, *next;

	if (zone->pio > 1 || zone->addr + zone->size < zone->addr)
		return -EINVAL;
	if (!c)
		return 0;
	mutex_lock(&kvm->slots_lock);
	list_for_each_entry_safe(z, next, &c->zones, list) {
		if (zone_contains(&z->zone, zone))
			kvm_io_bus_unregister(kvm, zone_bus(zone), &z->dev);
	}
	mutex_unlock(&kvm->slots_lock);
	return 0;
}
