// SPDX-License-Identifier: GPL-2.0-only
/* A virtio disk over a file: Virtual I/O Device Specification 1.2, 5.2. */
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>

#include "vmm.h"

#define SECTOR 512

static int file;
static struct virtio_blk_config config;

static u64 bytes(const struct iovec *iov, unsigned int count)
{
	u64 sum = 0;

	while (count--)
		sum += iov[count].iov_len;
	return sum;
}

/* Reads or writes all of it; what is read past the end of the file is no error of the guest's alone. */
static u8 transfer(bool write, struct iovec *iov, unsigned int count, u64 sector)
{
	u64 size = bytes(iov, count), offset = sector * SECTOR;
	ssize_t n;

	if (sector > config.capacity || size > config.capacity * SECTOR - offset)
		return VIRTIO_BLK_S_IOERR;
	n = write ? pwritev(file, iov, count, offset) : preadv(file, iov, count, offset);
	return n == (ssize_t)size ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

/*
 * A request is a header, data and one byte of status.  Every driver puts header and status into descriptors of their own;
 * one that does not gets nothing done here.  Returns the number of bytes written into the guest.
 */
static u32 request(struct chain *chain)
{
	struct iovec *status = &chain->iov[chain->readable + chain->writable - 1];
	struct virtio_blk_outhdr header;
	u32 written = 1;
	u8 result;

	if (!chain->readable || !chain->writable || chain->iov[0].iov_len != sizeof(header) ||
	    status->iov_len != 1)
		return 0;
	memcpy(&header, chain->iov[0].iov_base, sizeof(header));
	switch (header.type) {
	case VIRTIO_BLK_T_IN:
		result = transfer(false, &chain->iov[chain->readable], chain->writable - 1,
				  header.sector);
		written += bytes(&chain->iov[chain->readable], chain->writable - 1);
		break;
	case VIRTIO_BLK_T_OUT:
		result = transfer(true, &chain->iov[1], chain->readable - 1, header.sector);
		break;
	case VIRTIO_BLK_T_FLUSH:
		result = fdatasync(file) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
		break;
	default:
		result = VIRTIO_BLK_S_UNSUPP;
	}
	*(u8 *)status->iov_base = result;
	return written;
}

static void kicked(struct virtio *dev, struct queue *queue)
{
	static struct chain chain;
	bool any = false;

	for (; queue_pop(queue, &chain); any = true)
		queue_push(queue, &chain, request(&chain));
	if (any)
		virtio_interrupt(dev, queue);
}

void blk_add(const char *path)
{
	static struct virtio disk = {
		.id = VIRTIO_ID_BLOCK,
		.features = 1 << VIRTIO_BLK_F_FLUSH,
		.config = &config,
		.config_size = sizeof(config),
		.nr_queues = 1,
		.kicked = kicked,
	};
	struct stat stat;

	file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0 && (errno == EACCES || errno == EROFS)) {
		file = open(path, O_RDONLY | O_CLOEXEC);
		disk.features |= 1 << VIRTIO_BLK_F_RO;
	}
	if (file < 0 || fstat(file, &stat))
		err(1, "%s", path);
	config.capacity = stat.st_size / SECTOR;
	virtio_add(&disk);
}
