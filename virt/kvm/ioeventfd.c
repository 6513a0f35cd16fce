// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioeventfds: a guest's write to an address signals an eventfd, and the guest goes on.
 *
 * An ioeventfd is a device on the I/O bus.  One that takes writes of any length to a memory address is on
 * KVM_FAST_MMIO_BUS as well, where only the address counts: there the instruction that writes need not be understood.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/eventfd.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "arch.h"
#include "io.h"
#include "ioctl.h"

/* KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY belongs to another architecture. */
#define VALID_FLAGS \
	(KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN)

/**
 * struct ioeventfd - one of them
 * @dev: what the bus calls
 * @list: in kvm->ioeventfds
 * @eventfd: what is signalled
 * @addr: where
 * @datamatch: the only value that signals, unless @wildcard
 * @len: 1, 2, 4, 8: the only length that signals; 0: any
 * @wildcard: any value signals
 * @bus: KVM_PIO_BUS or KVM_MMIO_BUS
 */
struct ioeventfd {
	struct kvm_io_device dev;
	struct list_head list;
	struct eventfd_ctx *eventfd;
	u64 addr;
	u64 datamatch;
	u32 len;
	bool wildcard;
	u8 bus;
};

/* ---------------------------------------------------------------- signalling */

static u64 read_data(const void *val, int len)
{
	switch (len) {
	case 1:
		return *(const u8 *)val;
	case 2:
		return get_unaligned((const u16 *)val);
	case 4:
		return get_unaligned((const u32 *)val);
	default:
		return get_unaligned((const u64 *)val);
	}
}

/* The bus has found an access that lies within the range; it must also begin where the range begins. */
static bool takes(const struct ioeventfd *p, gpa_t addr, int len, const void *val)
{
	if (addr != p->addr)
		return false;
	if (!p->len)
		return true;
	if (len != p->len)
		return false;
	return p->wildcard || read_data(val, len) == p->datamatch;
}

static int ioeventfd_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
			   const void *val)
{
	struct ioeventfd *p = container_of(dev, struct ioeventfd, dev);

	if (!takes(p, addr, len, val))
		return -EOPNOTSUPP;
	eventfd_signal(p->eventfd);
	return 0;
}

static const struct kvm_io_ops ioeventfd_ops = {
	.write = ioeventfd_write,
	.fast = true,
	.unlimited = true,
};

/* ---------------------------------------------------------------- assignment */

/* Would a write signal both?  Then the second one could never be told from the first. */
static bool conflicts(const struct ioeventfd *a, const struct ioeventfd *b)
{
	if (a->bus != b->bus || a->addr != b->addr)
		return false;
	if (!a->len || !b->len)
		return true;
	return a->len == b->len && (a->wildcard || b->wildcard || a->datamatch == b->datamatch);
}

static bool has_conflict(struct kvm *kvm, const struct ioeventfd *p)
{
	struct ioeventfd *other;

	list_for_each_entry(other, &kvm->ioeventfds, list) {
		if (conflicts(p, other))
			return true;
	}
	return false;
}

static bool on_fast_bus(const struct ioeventfd *p)
{
	return p->bus == KVM_MMIO_BUS && !p->len;
}

/* kvm->slots_lock held */
static int put_on_buses(struct kvm *kvm, struct ioeventfd *p)
{
	int r;

	if (has_conflict(kvm, p))
		return -EEXIST;
	r = kvm_io_bus_register(kvm, p->bus, p->addr, p->len, &p->dev);
	if (r || !on_fast_bus(p))
		return r;
	r = kvm_io_bus_register(kvm, KVM_FAST_MMIO_BUS, p->addr, 0, &p->dev);
	if (r) {
		kvm_io_bus_take_off(kvm, p->bus, &p->dev);
		kvm_io_bus_quiesce(kvm);
	}
	return r;
}

static void take_off_buses(struct kvm *kvm, struct ioeventfd *p)
{
	kvm_io_bus_take_off(kvm, p->bus, &p->dev);
	if (on_fast_bus(p))
		kvm_io_bus_take_off(kvm, KVM_FAST_MMIO_BUS, &p->dev);
	kvm_io_bus_quiesce(kvm);
}

static void fill_in(struct ioeventfd *p, const struct kvm_ioeventfd *args)
{
	p->addr = args->addr;
	p->len = args->len;
	p->bus = args->flags & KVM_IOEVENTFD_FLAG_PIO ? KVM_PIO_BUS : KVM_MMIO_BUS;
	p->wildcard = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);
	p->datamatch = p->wildcard ? 0 : args->datamatch;
}

static int assign(struct kvm *kvm, const struct kvm_ioeventfd *args)
{
	struct ioeventfd *p;
	int r;

	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		return -ENOMEM;
	fill_in(p, args);
	p->dev.ops = &ioeventfd_ops;
	p->eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(p->eventfd)) {
		r = PTR_ERR(p->eventfd);
		goto out_free;
	}

	mutex_lock(&kvm->slots_lock);
	r = put_on_buses(kvm, p);
	if (!r)
		list_add_tail(&p->list, &kvm->ioeventfds);
	mutex_unlock(&kvm->slots_lock);
	if (!r)
		return 0;

	eventfd_ctx_put(p->eventfd);
out_free:
	kfree(p);
	return r;
}

static void release(struct ioeventfd *p)
{
	list_del(&p->list);
	eventfd_ctx_put(p->eventfd);
	kfree(p);
}

/* The one that was assigned with the same arguments. */
static struct ioeventfd *find_same(struct kvm *kvm, const struct ioeventfd *want)
{
	struct ioeventfd *p;

	list_for_each_entry(p, &kvm->ioeventfds, list) {
		if (p->eventfd == want->eventfd && p->bus == want->bus && p->addr == want->addr &&
		    p->len == want->len && p->wildcard == want->wildcard &&
		    p->datamatch == want->datamatch)
			return p;
	}
	return NULL;
}

/* When this returns no write signals any more, the ones under way included. */
static int deassign(struct kvm *kvm, const struct kvm_ioeventfd *args)
{
	struct ioeventfd want = {};
	struct ioeventfd *p;
	int r = -ENOENT;

	fill_in(&want, args);
	want.eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(want.eventfd))
		return PTR_ERR(want.eventfd);

	mutex_lock(&kvm->slots_lock);
	p = find_same(kvm, &want);
	if (p) {
		take_off_buses(kvm, p);
		release(p);
		r = 0;
	}
	mutex_unlock(&kvm->slots_lock);
	eventfd_ctx_put(want.eventfd);
	return r;
}

static int check_args(const struct kvm_ioeventfd *args)
{
	if (args->flags & ~VALID_FLAGS)
		return -EINVAL;
	if (args->len > 8 || (args->len & (args->len - 1)))
		return -EINVAL;
	if (args->addr + args->len < args->addr)
		return -EINVAL;
	/* There is no telling what a write of unknown length should be compared with. */
	if (!args->len && (args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH))
		return -EINVAL;
	return 0;
}

/* KVM_IOEVENTFD */
long kvm_vm_ioeventfd(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	const struct kvm_ioeventfd *args = arg.buf;
	int r = check_args(args);

	if (r)
		return r;
	return args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN ? deassign(kvm, args) : assign(kvm, args);
}

/* The VM goes away and its buses are gone. */
void kvm_ioeventfd_release(struct kvm *kvm)
{
	struct ioeventfd *p, *next;

	list_for_each_entry_safe(p, next, &kvm->ioeventfds, list)
		release(p);
}
