// SPDX-License-Identifier: GPL-2.0-only
/* A virtio disk over a file: Virtual I/O Device Specification 1.2, 5.2. */
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>

#include "vmm.h"

#define SECTOR 512

static int file;
static struct virtio_blk_config config;

/* Reads or writes all of it, adding what went into the guest to @written; nothing lies past the end of the file. */
static u8 transfer(bool write, const struct iovec *iov, unsigned int count, u64 sector,
		   u32 *written)
{
	u64 size = 0, offset = sector * SECTOR;

	for (unsigned int i = 0; i < count; i++)
		size += iov[i].iov_len;
	if (sector > config.capacity || size > config.capacity * SECTOR - offset)
		return VIRTIO_BLK_S_IOERR;
	if ((write ? pwritev : preadv)(file, iov, count, offset) != (ssize_t)size)
		return VIRTIO_BLK_S_IOERR;
	*written += write ? 0 : size;
	return VIRTIO_BLK_S_OK;
}

/*
 * A request is a header, data and one byte of status.  Every driver puts header and status into descriptors of their own;
 * one that does not gets nothing done here.
 */
static u32 request(struct chain *chain)
{
	const struct iovec *data = &chain->iov[1], *in = &chain->iov[chain->readable];
	const struct iovec *status = &in[chain->writable - 1];
	struct virtio_blk_outhdr header;
	u32 written = 1;
	u8 result = VIRTIO_BLK_S_UNSUPP;

	if (!chain->readable || !chain->writable || chain->iov[0].iov_len != sizeof(header) ||
	    status->iov_len != 1)
		return 0;
	memcpy(&header, chain->iov[0].iov_base, sizeof(header));
	if (header.type == VIRTIO_BLK_T_IN)
		result = transfer(false, in, chain->writable - 1, header.sector, &written);
	else if (header.type == VIRTIO_BLK_T_OUT)
		result = transfer(true, data, chain->readable - 1, header.sector, &written);
	else if (header.type == VIRTIO_BLK_T_FLUSH)
		result = fdatasync(file) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
	*(u8 *)status->iov_base = result;
	return written;
}

void blk_add(const char *path)
{
	static struct virtio disk = {
		.id = VIRTIO_ID_BLOCK,
		.features = 1 << VIRTIO_BLK_F_FLUSH,
		.config = &config,
		.config_size = sizeof(config),
		.nr_queues = 1,
		.request = request,
	};
	struct stat stat;

	file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0 || fstat(file, &stat))
		err(1, "%s", path);
	config.capacity = stat.st_size / SECTOR;
	virtio_add(&disk);
}
