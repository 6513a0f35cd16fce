// SPDX-License-Identifier: GPL-2.0-only
/* A virtio network card on a tap: Virtual I/O Device Specification 1.2, 5.1.  Frames go between guest and tap uncopied. */
#include <linux/if_tun.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <net/if.h>

#include "vmm.h"

#define RX 0
#define TX 1
#define HEADER sizeof(struct virtio_net_hdr_v1) /* before each frame, of the tap's too */
#define FRAME_MAX 1514

static int tap;

static u32 send_frame(struct chain *chain)
{
	if (writev(tap, chain->iov, chain->readable) < 0)
		warn("a frame is lost");
	return 0;
}

static const struct virtio_net_config config = { .mac = { 0x02, 0, 0, 0, 0, 2 } };
static struct virtio card = {
	.id = VIRTIO_ID_NET,
	.features = 1 << VIRTIO_NET_F_MAC,
	.config = &config,
	.config_size = sizeof(config),
	.nr_queues = 2,
	.request_queue = TX,
	.request = send_frame,
};

/* A frame has come: to the guest, or lost when the guest has no buffer for it. */
static bool receive_frame(void *unused)
{
	static struct chain chain;
	u8 lost[HEADER + FRAME_MAX];
	const struct iovec *buffers = &chain.iov[0];
	ssize_t size;

	if (!queue_pop(&card.queues[RX], &chain))
		return read(tap, lost, sizeof(lost)) >= 0;
	buffers += chain.readable;
	size = readv(tap, buffers, chain.writable);
	if (size >= (ssize_t)HEADER && buffers->iov_len >= HEADER)
		((struct virtio_net_hdr_v1 *)buffers->iov_base)->num_buffers = 1;
	queue_push(&card.queues[RX], &chain, size < 0 ? 0 : size);
	virtio_interrupt(&card, &card.queues[RX]);
	return size >= 0;
}

void net_add(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int header = HEADER;

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (tap < 0)
		err(1, "/dev/net/tun");
	IOCTL(tap, TUNSETIFF, &request);
	IOCTL(tap, TUNSETVNETHDRSZ, &header);
	virtio_add(&card);
	watch(tap, receive_frame, NULL);
}
