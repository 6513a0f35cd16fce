/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few atomic operations that the interrupt controllers' cores share with
 * other CPUs, spelled so that kernel and user space compile the same code.
 *
 * All of them are full barriers (on x86 a locked instruction).
 */
#ifndef KVM_X86_IRQCHIP_ATOMICS_H
#define KVM_X86_IRQCHIP_ATOMICS_H

#include "../pure.h"

static __always_inline void atomic_or32(u32 *word, u32 bits)
{
	__atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}

static __always_inline void atomic_and32(u32 *word, u32 bits)
{
	__atomic_fetch_and(word, bits, __ATOMIC_SEQ_CST);
}

/* Sets the bit; returns whether it was set before.  One "lock bts". */
static __always_inline bool atomic_set_bit32(u32 *word, unsigned int bit)
{
	u32 mask = 1U << (bit & 31);

	return __atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST) & mask;
}

static __always_inline u32 atomic_xchg32(u32 *word, u32 value)
{
	return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}

static __always_inline u64 atomic_xchg64(u64 *word, u64 value)
{
	return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}

/* Returns whether the word held *@old and now holds @value; if not, *@old is what it holds. */
static __always_inline bool atomic_try_cmpxchg32(u32 *word, u32 *old, u32 value)
{
	return __atomic_compare_exchange_n(word, old, value, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* Returns whether the word held @old and now holds @value. */
static __always_inline bool atomic_cmpxchg64(u64 *word, u64 old, u64 value)
{
	return __atomic_compare_exchange_n(word, &old, value, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

#endif /* KVM_X86_IRQCHIP_ATOMICS_H */
