// SPDX-License-Identifier: GPL-2.0-only
/*
 * A local APIC whose page the processor works on; see lapic_posted.h.
 */
#include "lapic_core.h"
#include "lapic_posted.h"

static bool eoi_is_seen(const struct lapic *apic, unsigned int w, u32 bit)
{
	return READ_ONCE(apic->posted->eoi_exit[w]) & bit;
}

static bool eoi_must_be_seen(const struct lapic *apic, unsigned int w, u32 bit, bool level)
{
	return level || (READ_ONCE(apic->eoi_watch[w]) & bit);
}

bool lapic_post(struct lapic *apic, u8 vector, bool level)
{
	struct lapic_posted *p = apic->posted;
	unsigned int w = vector >> 5;
	u32 bit = BIT(vector & 31);
	bool new;

	if (p->direct) {
		new = !atomic_set_bit32(lapic_word(apic, LAPIC_IRR, vector), vector);
	} else if (unlikely(eoi_must_be_seen(apic, w, bit, level) && !eoi_is_seen(apic, w, bit))) {
		new = !atomic_set_bit32(&p->late[w], vector);
		atomic_or32(&p->any_late, 1);
	} else {
		new = !atomic_set_bit32(&p->pir[w], vector);
	}
	/* After the request: who clears ON looks at the requests then. */
	if (new)
		lapic_posted_tell(p);
	return new;
}

static void merge(struct lapic *apic, u32 *words)
{
	unsigned int w;
	u32 bits;

	for (w = 0; w < 8; w++) {
		if (!READ_ONCE(words[w]))
			continue;
		bits = atomic_xchg32(&words[w], 0);
		atomic_or32(lapic_reg(apic, LAPIC_IRR + w * 16), bits);
		atomic_or32(&apic->irr_words, BIT(w));
	}
}

bool lapic_posted_take(struct lapic *apic)
{
	struct lapic_posted *p = apic->posted;
	bool late;

	/* With the wake-up vector it is the handler's, which is on its way. */
	if (!lapic_posted_wakes(p))
		atomic_and32(&p->control, ~(u32)POSTED_ON);
	merge(apic, p->pir);
	/* A hint that says too much is corrected when it is used. */
	if (p->direct)
		WRITE_ONCE(apic->irr_words, 0xff);
	if (likely(!READ_ONCE(p->any_late)))
		return false;
	late = atomic_xchg32(&p->any_late, 0);
	merge(apic, p->late);
	return late;
}

void lapic_eoi_exits(struct lapic *apic, u64 bitmap[4])
{
	unsigned int w;
	u32 word;

	memset(bitmap, 0, 4 * sizeof(*bitmap));
	for (w = 0; w < 8; w++) {
		word = lapic_get(apic, LAPIC_TMR + w * 16) | READ_ONCE(apic->eoi_watch[w]);
		WRITE_ONCE(apic->posted->eoi_exit[w], word);
		bitmap[w / 2] |= (u64)word << (w % 2 * 32);
	}
}

/* Highest bit of a 256-bit register, or -1 */
static int highest(const struct lapic *apic, u32 reg)
{
	int w;
	u32 word;

	for (w = 7; w >= 0; w--) {
		word = lapic_get(apic, reg + w * 16);
		if (word)
			return w * 32 + fls(word) - 1;
	}
	return -1;
}

u16 lapic_interrupt_status(const struct lapic *apic)
{
	int rvi = highest(apic, LAPIC_IRR), svi = highest(apic, LAPIC_ISR);

	return max(rvi, 0) | max(svi, 0) << 8;
}

static int highest_posted(const struct lapic_posted *p)
{
	int w;
	u32 word;

	for (w = 7; w >= 0; w--) {
		word = READ_ONCE(p->pir[w]) | READ_ONCE(p->late[w]);
		if (word)
			return w * 32 + fls(word) - 1;
	}
	return -1;
}

int lapic_posted_highest(const struct lapic *apic)
{
	int vector = max(highest(apic, LAPIC_IRR), highest_posted(apic->posted));
	int in_service = highest(apic, LAPIC_ISR);
	int priority = max((int)(lapic_get(apic, LAPIC_TPR) & 0xf0),
			   in_service < 0 ? 0 : in_service & 0xf0);

	return vector >= 0 && (vector & 0xf0) > priority ? vector : -1;
}

u32 lapic_virtual_eoi(struct lapic *apic, u8 vector)
{
	u32 bit = BIT(vector & 31);

	/* The bitmap may still have a vector that nobody waits for any more. */
	if (!((READ_ONCE(*lapic_word(apic, LAPIC_TMR, vector)) |
	       READ_ONCE(apic->eoi_watch[vector >> 5])) &
	      bit))
		return 0;
	return lapic_eoi_level(apic, vector);
}
