/* SPDX-License-Identifier: GPL-2.0-only */
/* posting_iommu.ko and the programs that use it: each open file of /dev/posting_iommu is a device with one interrupt. */
#ifndef SELFTESTS_POSTING_IOMMU_H
#define SELFTESTS_POSTING_IOMMU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct posting_state - what has become of a device's interrupts
 * @posted: they are posted to a descriptor
 * @vector: as this vector
 * @nv, @ndst, @sn, @on: that descriptor's fields
 * @by_handler: interrupts that went to the host's handler
 * @notified: posted ones that were told by another vector than the wake-up vector
 * @woken: by the wake-up vector
 * @held: not told because of SN
 * @hidden: not told because of ON
 * @wrong: to be told by a vector, or to a CPU, that there is not
 * @changes: how often posting was begun, changed, or ended
 */
struct posting_state {
	__u32 posted;
	__u32 vector;
	__u32 nv;
	__u32 ndst;
	__u32 sn;
	__u32 on;
	__u64 by_handler;
	__u64 notified;
	__u64 woken;
	__u64 held;
	__u64 hidden;
	__u64 wrong;
	__u64 changes;
};

/* The interrupt's handler signals this eventfd, by which it also is a bypass producer. */
#define POSTING_ATTACH _IOW('p', 0x80, __s32)
#define POSTING_DETACH _IO('p', 0x81)
/* The device interrupts, on this CPU. */
#define POSTING_FIRE _IO('p', 0x82)
#define POSTING_STATE _IOR('p', 0x83, struct posting_state)

#endif
