// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O buses: which in-kernel device takes an access.
 *
 * A bus is a sorted array that is never changed but replaced as a whole.  Readers are under SRCU (code that may sleep) or
 * have interrupts off (the inner run loop), so an old array is freed after a grace period of both.  An empty bus has no
 * array at all.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "io.h"
#include "io_bus_index.h"

/* Devices on one bus that are not bounded by something else, as ioeventfds are by file descriptors. */
#define MAX_BUS_DEVICES 1000

/**
 * struct kvm_io_bus - the devices of one bus
 * @rcu: for freeing
 * @nr: ranges
 * @nr_limited: those among them that count against MAX_BUS_DEVICES
 * @range: sorted by address; of ranges at one address the one that was registered first stands last
 */
struct kvm_io_bus {
	struct rcu_head rcu;
	unsigned int nr;
	unsigned int nr_limited;
	struct kvm_io_range range[];
};

/* ---------------------------------------------------------------- access */

static __always_inline struct kvm_io_bus *get_bus(struct kvm *kvm, enum kvm_bus_kind kind)
{
	return rcu_dereference_check(kvm->buses[kind],
				     srcu_read_lock_held(&kvm->srcu) || rcu_read_lock_sched_held());
}

#define for_each_device(bus, i, addr, len, dev)                                                   \
	for ((i) = kvm_io_range_next((bus)->range,                                                \
				     kvm_io_range_upper((bus)->range, (bus)->nr, (addr)), (addr), \
				     (len));                                                      \
	     (i) >= 0 && ((dev) = READ_ONCE((bus)->range[i].dev), true);                          \
	     (i) = kvm_io_range_next((bus)->range, (i), (addr), (len)))

/**
 * kvm_io_bus_write() - offer a write to the devices of a bus
 * @vcpu: who writes
 * @kind: the bus
 * @addr: first address
 * @len: bytes; 0 on KVM_FAST_MMIO_BUS
 * @val: the data
 *
 * Context: SRCU held; may sleep
 * Return: 0, or -EOPNOTSUPP when nobody claims it
 */
int kvm_io_bus_write(struct kvm_vcpu *vcpu, enum kvm_bus_kind kind, gpa_t addr, int len,
		     const void *val)
{
	struct kvm_io_bus *bus = get_bus(vcpu->kvm, kind);
	struct kvm_io_device *dev;
	int i;

	if (!bus)
		return -EOPNOTSUPP;
	for_each_device(bus, i, addr, len, dev)
	{
		if (dev && dev->ops->write && !dev->ops->write(vcpu, dev, addr, len, val))
			return 0;
	}
	return -EOPNOTSUPP;
}

/**
 * kvm_io_bus_read() - offer a read to the devices of a bus
 * @vcpu: who reads
 * @kind: the bus
 * @addr: first address
 * @len: bytes
 * @val: receives them
 *
 * Context: SRCU held; may sleep
 * Return: 0, or -EOPNOTSUPP when nobody claims it
 */
int kvm_io_bus_read(struct kvm_vcpu *vcpu, enum kvm_bus_kind kind, gpa_t addr, int len, void *val)
{
	struct kvm_io_bus *bus = get_bus(vcpu->kvm, kind);
	struct kvm_io_device *dev;
	int i;

	if (!bus)
		return -EOPNOTSUPP;
	for_each_device(bus, i, addr, len, dev)
	{
		if (dev && dev->ops->read && !dev->ops->read(vcpu, dev, addr, len, val))
			return 0;
	}
	return -EOPNOTSUPP;
}

/**
 * kvm_io_bus_write_fast() - offer a write to those devices that work with interrupts off
 * @vcpu: who writes
 * @kind: the bus
 * @addr: first address
 * @len: bytes; 0 on KVM_FAST_MMIO_BUS
 * @val: the data
 *
 * Context: interrupts off
 * Return: 0; -EOPNOTSUPP when nobody claims it; -EWOULDBLOCK when a device has to be asked that is not fast: nothing
 * was done, use kvm_io_bus_write()
 */
int kvm_io_bus_write_fast(struct kvm_vcpu *vcpu, enum kvm_bus_kind kind, gpa_t addr, int len,
			  const void *val)
{
	struct kvm_io_bus *bus = get_bus(vcpu->kvm, kind);
	struct kvm_io_device *dev;
	int i;

	if (!bus)
		return -EOPNOTSUPP;
	for_each_device(bus, i, addr, len, dev)
	{
		if (!dev || !dev->ops->write)
			continue;
		if (!dev->ops->fast)
			return -EWOULDBLOCK;
		if (!dev->ops->write(vcpu, dev, addr, len, val))
			return 0;
	}
	return -EOPNOTSUPP;
}

/**
 * kvm_io_bus_read_fast() - offer a read to those devices that work with interrupts off
 * @vcpu: who reads
 * @kind: the bus
 * @addr: first address
 * @len: bytes
 * @val: receives them
 *
 * Context: interrupts off
 * Return: as kvm_io_bus_write_fast()
 */
int kvm_io_bus_read_fast(struct kvm_vcpu *vcpu, enum kvm_bus_kind kind, gpa_t addr, int len,
			 void *val)
{
	struct kvm_io_bus *bus = get_bus(vcpu->kvm, kind);
	struct kvm_io_device *dev;
	int i;

	if (!bus)
		return -EOPNOTSUPP;
	for_each_device(bus, i, addr, len, dev)
	{
		if (!dev || !dev->ops->read)
			continue;
		if (!dev->ops->fast)
			return -EWOULDBLOCK;
		if (!dev->ops->read(vcpu, dev, addr, len, val))
			return 0;
	}
	return -EOPNOTSUPP;
}

/**
 * kvm_io_bus_has_fast() - is there a device at an address that works with interrupts off?
 * @kvm: the machine
 * @kind: the bus
 * @addr: the address
 * Context: interrupts off, or SRCU held
 */
bool kvm_io_bus_has_fast(struct kvm *kvm, enum kvm_bus_kind kind, gpa_t addr)
{
	struct kvm_io_bus *bus = get_bus(kvm, kind);
	struct kvm_io_device *dev;
	int i;

	if (!bus)
		return false;
	for_each_device(bus, i, addr, 1, dev)
	{
		if (dev && dev->ops->fast)
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- change */

static struct kvm_io_bus *writer_get_bus(struct kvm *kvm, enum kvm_bus_kind kind)
{
	return rcu_dereference_protected(kvm->buses[kind], lockdep_is_held(&kvm->slots_lock));
}

static struct kvm_io_bus *alloc_bus(unsigned int nr)
{
	struct kvm_io_bus *bus;

	return kmalloc(struct_size(bus, range, nr), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

/* SRCU's readers are gone; now those with interrupts off. */
static void free_bus_srcu(struct rcu_head *rcu)
{
	struct kvm_io_bus *bus = container_of(rcu, struct kvm_io_bus, rcu);

	kfree_rcu(bus, rcu);
}

static void replace_bus(struct kvm *kvm, enum kvm_bus_kind kind, struct kvm_io_bus *old,
			struct kvm_io_bus *new)
{
	rcu_assign_pointer(kvm->buses[kind], new);
	if (old)
		call_srcu(&kvm->srcu, &old->rcu, free_bus_srcu);
}

static void append_range(struct kvm_io_bus *bus, gpa_t addr, u32 len, struct kvm_io_device *dev)
{
	bus->range[bus->nr++] = (struct kvm_io_range){ .addr = addr, .len = len, .dev = dev };
	if (!dev->ops->unlimited)
		bus->nr_limited++;
}

static void append_copy(struct kvm_io_bus *bus, const struct kvm_io_range *r)
{
	if (r->dev)
		append_range(bus, r->addr, r->len, r->dev);
}

/**
 * kvm_io_bus_register() - put a device on a bus
 * @kvm: the machine
 * @kind: the bus
 * @addr: first address
 * @len: bytes; 0: every access that starts at @addr
 * @dev: the device
 *
 * Context: kvm->slots_lock held; may sleep
 * Return: 0, -ENOSPC, -ENOMEM
 */
int kvm_io_bus_register(struct kvm *kvm, enum kvm_bus_kind kind, gpa_t addr, u32 len,
			struct kvm_io_device *dev)
{
	struct kvm_io_bus *old = writer_get_bus(kvm, kind), *new;
	unsigned int nr = old ? old->nr : 0;
	unsigned int i;

	if (old && !dev->ops->unlimited && old->nr_limited >= MAX_BUS_DEVICES)
		return -ENOSPC;
	new = alloc_bus(nr + 1);
	if (!new)
		return -ENOMEM;
	new->nr = 0;
	new->nr_limited = 0;
	/* Below ranges at the same address: the search goes down, and who came first is asked first. */
	for (i = 0; i < nr && old->range[i].addr < addr; i++)
		append_copy(new, &old->range[i]);
	append_range(new, addr, len, dev);
	for (; i < nr; i++)
		append_copy(new, &old->range[i]);
	kvm_io_range_set_reach(new->range, new->nr);
	replace_bus(kvm, kind, old, new);
	return 0;
}

static int find_device(const struct kvm_io_bus *bus, const struct kvm_io_device *dev)
{
	unsigned int i;

	for (i = 0; bus && i < bus->nr; i++) {
		if (bus->range[i].dev == dev)
			return i;
	}
	return -1;
}

/* Take range @at out of @bus; without memory for a new array it stays, empty. */
static void remove_range(struct kvm *kvm, enum kvm_bus_kind kind, struct kvm_io_bus *old, int at)
{
	struct kvm_io_bus *new = NULL;
	unsigned int i;

	if (old->nr > 1) {
		new = alloc_bus(old->nr - 1);
		if (!new) {
			if (!old->range[at].dev->ops->unlimited)
				old->nr_limited--;
			WRITE_ONCE(old->range[at].dev, NULL);
			return;
		}
		new->nr = 0;
		new->nr_limited = 0;
		for (i = 0; i < old->nr; i++) {
			if (i != at)
				append_copy(new, &old->range[i]);
		}
		kvm_io_range_set_reach(new->range, new->nr);
	}
	replace_bus(kvm, kind, old, new);
}

/**
 * kvm_io_bus_take_off() - take a device off a bus without waiting
 * @kvm: the machine
 * @kind: the bus
 * @dev: the device
 *
 * Calls to the device may be under way until kvm_io_bus_quiesce() has returned.
 *
 * Context: kvm->slots_lock held; may sleep
 * Return: 0, or -ENOENT when it was not there
 */
int kvm_io_bus_take_off(struct kvm *kvm, enum kvm_bus_kind kind, struct kvm_io_device *dev)
{
	struct kvm_io_bus *bus = writer_get_bus(kvm, kind);
	int at = find_device(bus, dev);

	if (at < 0)
		return -ENOENT;
	remove_range(kvm, kind, bus, at);
	return 0;
}

/**
 * kvm_io_bus_quiesce() - wait until no vCPU calls a device that was taken off before
 * @kvm: the machine
 * Context: may sleep
 */
void kvm_io_bus_quiesce(struct kvm *kvm)
{
	synchronize_srcu_expedited(&kvm->srcu);
	synchronize_rcu_expedited();
}

/**
 * kvm_io_bus_unregister() - take a device off a bus and destroy it
 * @kvm: the machine
 * @kind: the bus
 * @dev: the device; gone when this returns
 *
 * Context: kvm->slots_lock held; may sleep
 * Return: 0, or -ENOENT when it was not there
 */
int kvm_io_bus_unregister(struct kvm *kvm, enum kvm_bus_kind kind, struct kvm_io_device *dev)
{
	int r = kvm_io_bus_take_off(kvm, kind, dev);

	if (r)
		return r;
	kvm_io_bus_quiesce(kvm);
	if (dev->ops->destroy)
		dev->ops->destroy(dev);
	return 0;
}

/* ---------------------------------------------------------------- life */

int kvm_io_init_vm(struct kvm *kvm)
{
	return 0;
}

/* Nobody can use the buses any more. */
void kvm_io_destroy_vm(struct kvm *kvm)
{
	struct kvm_io_bus *bus;
	unsigned int kind, i;

	for (kind = 0; kind < KVM_NR_BUSES; kind++) {
		bus = rcu_dereference_protected(kvm->buses[kind], 1);
		RCU_INIT_POINTER(kvm->buses[kind], NULL);
		for (i = 0; bus && i < bus->nr; i++) {
			struct kvm_io_device *dev = bus->range[i].dev;

			if (dev && dev->ops->destroy)
				dev->ops->destroy(dev);
		}
		kfree(bus);
	}
	/* They may stand on two buses and so have no destroy operation. */
	kvm_ioeventfd_release(kvm);
}
