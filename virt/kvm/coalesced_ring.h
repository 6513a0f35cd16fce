/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The indices of a coalesced ring.  Pure.
 *
 * The ring lies in a page that the VMM can write, so both indices are whatever it wrote last: each is read once, and a
 * ring that makes no sense counts as full, which sends the access to the VMM the ordinary way.
 */
#ifndef KVM_COALESCED_RING_H
#define KVM_COALESCED_RING_H

/**
 * coalesced_ring_slot() - where the next entry goes
 * @first: the VMM's index, as read
 * @last: the kernel's index, as read (the VMM can write it too)
 * @max: entries in the ring
 * @next: receives what @last becomes
 * Return: an index below @max, or -1: full
 */
static inline int coalesced_ring_slot(u32 first, u32 last, u32 max, u32 *next)
{
	if (first >= max || last >= max)
		return -1;
	*next = last + 1 == max ? 0 : last + 1;
	return *next == first ? -1 : (int)last;
}

#endif /* KVM_COALESCED_RING_H */
