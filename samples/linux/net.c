// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtio network card: Virtual I/O Device Specification 1.2, 5.1.  Its wire ends in a tap, or in this program ("self"),
 * which owns every address but the guest's: it answers ARP and ping, and needs no rights on the host.
 */
#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>

#include "vmm.h"

#define RX 0
#define TX 1
#define HEADER sizeof(struct virtio_net_hdr_v1)
#define FRAME_MAX 1514

static const u8 own_mac[ETH_ALEN] = { 0x02, 0, 0, 0, 0, 1 };
static struct virtio_net_config config = { .mac = { 0x02, 0, 0, 0, 0, 2 } };
static struct virtio card;
static int tap = -1;

/* One frame, with virtio's header before it, to the guest; dropped when the guest has no buffer for it. */
static void receive(const u8 *packet, u32 size)
{
	static struct chain chain;
	u32 done = 0;

	if (!queue_pop(&card.queues[RX], &chain))
		return;
	for (unsigned int i = chain.readable; i < chain.readable + chain.writable && done < size;
	     i++) {
		u32 part = chain.iov[i].iov_len < size - done ? chain.iov[i].iov_len : size - done;

		memcpy(chain.iov[i].iov_base, packet + done, part);
		done += part;
	}
	queue_push(&card.queues[RX], &chain, done);
	virtio_interrupt(&card, &card.queues[RX]);
}

/* A ping's checksum covers its type, which is all that changes; swapping the addresses keeps the sum of the IP header. */
static bool answer_ping(struct iphdr *ip, u32 size)
{
	struct icmphdr *icmp = (struct icmphdr *)((u8 *)ip + ip->ihl * 4);
	u32 address = ip->saddr, sum;

	if (size < sizeof(*ip) || ip->ihl < 5 || size < ip->ihl * 4 + sizeof(*icmp) ||
	    ip->protocol != IPPROTO_ICMP || icmp->type != ICMP_ECHO)
		return false;
	ip->saddr = ip->daddr;
	ip->daddr = address;
	icmp->type = ICMP_ECHOREPLY;
	sum = ntohs(icmp->checksum) + (ICMP_ECHO << 8);
	icmp->checksum = htons(sum + (sum >> 16));
	return true;
}

static bool answer_arp(struct ether_arp *arp, u32 size)
{
	u8 wanted[4];

	if (size < sizeof(*arp) || arp->ea_hdr.ar_op != htons(ARPOP_REQUEST))
		return false;
	if (!memcmp(arp->arp_spa, arp->arp_tpa, 4) ||
	    !memcmp(arp->arp_spa, "\0\0\0", 4)) /* asking for itself */
		return false;
	arp->ea_hdr.ar_op = htons(ARPOP_REPLY);
	memcpy(wanted, arp->arp_tpa, 4);
	memcpy(arp->arp_tpa, arp->arp_spa, 4);
	memcpy(arp->arp_tha, arp->arp_sha, ETH_ALEN);
	memcpy(arp->arp_spa, wanted, 4);
	memcpy(arp->arp_sha, own_mac, ETH_ALEN);
	return true;
}

/* The other end of the wire, when it is this program. */
static void answer(u8 *packet, u32 size)
{
	struct ether_header *ether = (struct ether_header *)(packet + HEADER);
	void *payload = ether + 1;
	u32 rest = size - HEADER - sizeof(*ether);
	u16 type = ntohs(ether->ether_type);

	if (!(type == ETHERTYPE_ARP && answer_arp(payload, rest)) &&
	    !(type == ETHERTYPE_IP && answer_ping(payload, rest)))
		return;
	memcpy(ether->ether_dhost, ether->ether_shost, ETH_ALEN);
	memcpy(ether->ether_shost, own_mac, ETH_ALEN);
	memset(packet, 0, HEADER);
	((struct virtio_net_hdr_v1 *)packet)->num_buffers = 1;
	receive(packet, size);
}

static void send_all(struct queue *queue)
{
	static struct chain chain;
	bool any = false;

	for (; queue_pop(queue, &chain); any = true) {
		u8 packet[HEADER + FRAME_MAX];
		u32 size = 0;

		for (unsigned int i = 0; i < chain.readable; i++) {
			u32 part = chain.iov[i].iov_len;

			if (part > sizeof(packet) - size)
				part = sizeof(packet) - size;
			memcpy(packet + size, chain.iov[i].iov_base, part);
			size += part;
		}
		queue_push(queue, &chain, 0);
		if (size < HEADER + sizeof(struct ether_header))
			continue;
		if (tap < 0)
			answer(packet, size);
		else if (write(tap, packet, size) < 0)
			continue; /* a wire loses what it cannot carry */
	}
	if (any)
		virtio_interrupt(&card, queue);
}

/* New buffers to receive into need nothing done: the next frame finds them. */
static void kicked(struct virtio *dev, struct queue *queue)
{
	if (queue == &dev->queues[TX])
		send_all(queue);
}

static bool tap_readable(void *unused)
{
	u8 packet[HEADER + FRAME_MAX];
	ssize_t size = read(tap, packet, sizeof(packet));

	if (size < (ssize_t)HEADER)
		return size < 0 && errno == EAGAIN;
	((struct virtio_net_hdr_v1 *)packet)->num_buffers = 1;
	pthread_mutex_lock(&card.lock);
	receive(packet, size);
	pthread_mutex_unlock(&card.lock);
	return true;
}

static void open_tap(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int header = HEADER;

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (tap < 0)
		err(1, "/dev/net/tun");
	IOCTL(tap, TUNSETIFF, &request);
	IOCTL(tap, TUNSETVNETHDRSZ, &header);
}

void net_add(const char *peer)
{
	card = (struct virtio){
		.id = VIRTIO_ID_NET,
		.features = 1 << VIRTIO_NET_F_MAC,
		.config = &config,
		.config_size = sizeof(config),
		.nr_queues = 2,
		.kicked = kicked,
	};
	virtio_add(&card);
	if (strcmp(peer, "self")) {
		open_tap(peer);
		watch(tap, tap_readable, NULL);
	}
}
