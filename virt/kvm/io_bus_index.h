/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which devices of an I/O bus an access concerns.  Pure: nothing but arrays and arithmetic, so that a user-space test can
 * hold it against a plain scan.
 *
 * Ranges are sorted by address and may overlap (ioeventfds with different data at one address, a doorbell inside a
 * coalesced zone).  Every range also knows how far the ranges up to and including itself reach, so that a search that
 * starts at the last range that begins at or below the address and goes down can stop at the first one beyond which
 * nothing reaches the access.
 */
#ifndef KVM_IO_BUS_INDEX_H
#define KVM_IO_BUS_INDEX_H

/* What an access can be long at most, in bytes; ranges of length 0 (any access that starts there) count as so long. */
#define KVM_IO_MAX_ACCESS 8

/**
 * struct kvm_io_range - where a device is
 * @addr: first address
 * @len: bytes; 0: every access that starts at @addr, however long
 * @reach: last address that this range or one before it has
 * @dev: the device; NULL: it left and there was no memory to close the gap
 */
struct kvm_io_range {
	u64 addr;
	u64 reach;
	u32 len;
	struct kvm_io_device *dev;
};

static inline u64 kvm_io_range_last(const struct kvm_io_range *r)
{
	u64 last = r->addr + (r->len ? r->len : KVM_IO_MAX_ACCESS) - 1;

	return last < r->addr ? ~0ULL : last; /* the top of the address space */
}

/* Does an access of @len bytes (0: by address alone) at @addr belong to @r? */
static inline bool kvm_io_range_takes(const struct kvm_io_range *r, u64 addr, u32 len)
{
	if (!r->len)
		return addr == r->addr;
	return addr - r->addr < r->len && len <= r->len - (addr - r->addr);
}

/* How many ranges begin at or below @addr: the search goes down from there. */
static inline unsigned int kvm_io_range_upper(const struct kvm_io_range *r, unsigned int nr,
					      u64 addr)
{
	unsigned int lo = 0;

	while (nr) {
		unsigned int half = nr / 2;

		if (r[lo + half].addr <= addr) {
			lo += half + 1;
			nr -= half + 1;
		} else {
			nr = half;
		}
	}
	return lo;
}

/*
 * The next range that an access concerns, searching down from @i (exclusive; start with kvm_io_range_upper()):
 * its index, or -1.
 */
static inline int kvm_io_range_next(const struct kvm_io_range *r, unsigned int i, u64 addr, u32 len)
{
	while (i--) {
		if (r[i].reach < addr)
			break;
		if (kvm_io_range_takes(&r[i], addr, len))
			return i;
	}
	return -1;
}

/* Fill in @reach from the first range on. */
static inline void kvm_io_range_set_reach(struct kvm_io_range *r, unsigned int nr)
{
	u64 reach = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		u64 last = kvm_io_range_last(&r[i]);

		if (last > reach)
			reach = last;
		r[i].reach = reach;
	}
}

#endif /* KVM_IO_BUS_INDEX_H */
