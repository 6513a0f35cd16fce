// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtio devices behind memory-mapped registers, and their split queues: Virtual I/O Device Specification 1.2, 4.2 and 2.7.
 *
 * The driver's two hot paths make no exit to this program: its write to QueueNotify signals an eventfd (ioeventfd), and the
 * device's interrupt is a write to another (irqfd).  All that is in the rings and descriptors is the guest's word and
 * checked before use.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "vmm.h"

#define MAGIC 0x74726976 /* "virt" */

/* Where none was added is one whose ID is 0: a placeholder, which drivers leave alone. */
static struct virtio *devices[VIRTIO_DEVICES], placeholder;
static unsigned int nr_devices;

/* ----------------------------------------------------------------------------------------------------- queues */

bool queue_pop(struct queue *queue, struct chain *chain)
{
	struct vring_avail *avail = guest_memory(queue->avail, sizeof(*avail) + queue->size * 2UL);
	struct vring_desc *table = guest_memory(queue->desc, queue->size * sizeof(*table));
	u16 next;

	if (!queue->ready || !avail || !table ||
	    __atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) == queue->last_avail)
		return false;
	chain->readable = chain->writable = 0;
	chain->head = next = avail->ring[queue->last_avail++ % queue->size];
	for (unsigned int n = 0; n < queue->size && next < queue->size; n++) {
		struct vring_desc desc = *(volatile struct vring_desc *)&table[next];
		struct iovec *iov = &chain->iov[n];

		iov->iov_base = guest_memory(desc.addr, desc.len);
		iov->iov_len = desc.len;
		if (!iov->iov_base || (chain->writable && !(desc.flags & VRING_DESC_F_WRITE)))
			break;
		*(desc.flags & VRING_DESC_F_WRITE ? &chain->writable : &chain->readable) += 1;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return true;
		next = desc.next;
	}
	/* A broken chain: given back as one that holds nothing. */
	chain->readable = chain->writable = 0;
	return true;
}

void queue_push(struct queue *queue, const struct chain *chain, u32 written)
{
	struct vring_used *used =
		guest_memory(queue->used, sizeof(*used) + queue->size * sizeof(*used->ring));

	if (!used)
		return;
	used->ring[used->idx % queue->size] =
		(struct vring_used_elem){ .id = chain->head, .len = written };
	__atomic_store_n(&used->idx, used->idx + 1, __ATOMIC_RELEASE);
}

void virtio_interrupt(struct virtio *dev, struct queue *queue)
{
	struct vring_avail *avail = guest_memory(queue->avail, sizeof(*avail));

	/* The used index must be seen before the flag is looked at: the driver does it the other way round. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (avail && avail->flags & VRING_AVAIL_F_NO_INTERRUPT)
		return;
	dev->isr |= VIRTIO_MMIO_INT_VRING;
	eventfd_write(dev->irq, 1);
}

/* A doorbell rang.  That of another queue says only that there are buffers: whoever needs one finds it. */
static bool serve(void *data)
{
	static struct chain chain;
	struct virtio *dev = data;
	struct queue *queue = &dev->queues[dev->request_queue];
	bool any = false;
	eventfd_t times;

	for (unsigned int i = 0; i < dev->nr_queues; i++)
		eventfd_read(dev->queues[i].kick, &times);
	for (; queue_pop(queue, &chain); any = true)
		queue_push(queue, &chain, dev->request(&chain));
	if (any)
		virtio_interrupt(dev, queue);
	return true;
}

/* -------------------------------------------------------------------------------------------------- registers */

static u32 read_register(const struct virtio *dev, u32 offset)
{
	bool queue = dev->queue_select < dev->nr_queues;

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return 2;
	case VIRTIO_MMIO_DEVICE_ID:
		return dev->id;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return dev->feature_select < 2 ? dev->features >> (32 * dev->feature_select) : 0;
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return queue ? QUEUE_MAX : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return queue && dev->queues[dev->queue_select].ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return dev->isr;
	case VIRTIO_MMIO_STATUS:
		return dev->status;
	}
	return 0;
}

/* The rings must be where memory is, and the size a power of two. */
static bool queue_usable(const struct queue *queue)
{
	return queue->size && !(queue->size & (queue->size - 1)) && !(queue->desc & 15) &&
	       !(queue->avail & 1) && !(queue->used & 3) &&
	       guest_memory(queue->desc, queue->size * sizeof(struct vring_desc)) &&
	       guest_memory(queue->avail, sizeof(struct vring_avail) + queue->size * 2UL) &&
	       guest_memory(queue->used, sizeof(struct vring_used) +
						 queue->size * sizeof(struct vring_used_elem));
}

static void write_queue_register(struct queue *queue, u32 offset, u32 value)
{
	/* 16 bytes apart, in two halves */
	u64 *addresses[] = { &queue->desc, &queue->avail, &queue->used };
	u32 i = (offset - VIRTIO_MMIO_QUEUE_DESC_LOW) / 16;

	if (offset == VIRTIO_MMIO_QUEUE_READY) {
		queue->ready = value & 1 && queue_usable(queue);
		queue->last_avail = 0;
	} else if (queue->ready) {
		return; /* what was set of a queue in use stays */
	} else if (offset == VIRTIO_MMIO_QUEUE_NUM) {
		queue->size = value <= QUEUE_MAX ? value : 0;
	} else if (offset >= VIRTIO_MMIO_QUEUE_DESC_LOW && i < ARRAY_SIZE(addresses)) {
		memcpy((u8 *)addresses[i] + (offset & 4), &value, 4);
	}
}

static void write_register(struct virtio *dev, u32 offset, u32 value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		dev->feature_select = value;
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		dev->queue_select = value;
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		dev->isr &= ~value;
		break;
	case VIRTIO_MMIO_STATUS:
		dev->status = value;
		for (unsigned int i = 0; value == 0 && i < dev->nr_queues; i++)
			dev->queues[i].ready = false; /* a reset */
		break;
	default:
		if (dev->queue_select < dev->nr_queues)
			write_queue_register(&dev->queues[dev->queue_select], offset, value);
	}
}

bool virtio_mmio(u64 gpa, void *data, u32 len, bool write)
{
	u64 index = (gpa - VIRTIO_BASE) / 0x1000;
	u32 offset = gpa & 0xfff, at = offset - VIRTIO_MMIO_CONFIG, value;
	struct virtio *dev;

	if (index >= VIRTIO_DEVICES || (offset < VIRTIO_MMIO_CONFIG && len != 4))
		return false;
	dev = devices[index] ?: &placeholder;
	memcpy(&value, data, 4);
	if (offset >= VIRTIO_MMIO_CONFIG && !write) {
		memset(data, 0, len);
		if (at < dev->config_size && len <= dev->config_size - at)
			memcpy(data, dev->config + at, len);
	} else if (offset < VIRTIO_MMIO_CONFIG && write) {
		write_register(dev, offset, value);
	} else if (!write) {
		value = read_register(dev, offset);
		memcpy(data, &value, 4);
	}
	return true;
}

void virtio_add(struct virtio *dev)
{
	struct kvm_ioeventfd doorbell = { .len = 4, .flags = KVM_IOEVENTFD_FLAG_DATAMATCH };

	doorbell.addr = VIRTIO_BASE + nr_devices * 0x1000 + VIRTIO_MMIO_QUEUE_NOTIFY;
	dev->features |= 1ULL << VIRTIO_F_VERSION_1;
	dev->irq = irq_eventfd(VIRTIO_GSI + nr_devices);
	devices[nr_devices++] = dev;
	for (unsigned int i = 0; i < dev->nr_queues; i++) {
		doorbell.fd = dev->queues[i].kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		doorbell.datamatch = i;
		IOCTL(vm.fd, KVM_IOEVENTFD, &doorbell);
		watch(doorbell.fd, serve, dev);
	}
}
