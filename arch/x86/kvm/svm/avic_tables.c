// SPDX-License-Identifier: GPL-2.0-only
/*
 * AVIC's tables, and what its two exits say: APM vol. 2, 15.29.
 */
#include "avic_tables.h"

#define DFR_FLAT 0xf
#define DFR_CLUSTER 0x0

static bool one_bit(u32 bits)
{
	return !(bits & (bits - 1));
}

static bool is_flat(u32 dfr)
{
	return dfr >> 28 == DFR_FLAT;
}

int avic_logical_index(const struct avic_logical *l)
{
	u32 address = l->ldr >> 24, cluster = address >> 4;

	if (is_flat(l->dfr)) {
		if (!address)
			return -1;
		return one_bit(address) ? (int)__ffs(address) : -EINVAL;
	}
	if (l->dfr >> 28 != DFR_CLUSTER)
		return -EINVAL;
	if (!(address & 15) || cluster >= AVIC_CLUSTERS)
		return -1;
	return one_bit(address & 15) ? (int)(cluster * 4 + __ffs(address & 15)) : -EINVAL;
}

static void empty(u32 *table)
{
	unsigned int i;

	for (i = 0; i < AVIC_LOGICAL_ENTRIES; i++) {
		if (table[i])
			WRITE_ONCE(table[i], 0);
	}
}

/* Is there a place for the address, and nobody else's? */
static bool place(u32 *table, const struct avic_logical *l)
{
	int index = avic_logical_index(l);

	if (index == -1)
		return true;
	if (index < 0 || table[index] || l->id > AVIC_LOGICAL_ID)
		return false;
	WRITE_ONCE(table[index], l->id | AVIC_LOGICAL_VALID);
	return true;
}

bool avic_logical_build(u32 *table, const struct avic_logical *l, unsigned int nr)
{
	unsigned int i;

	empty(table);
	for (i = 0; i < nr; i++) {
		if (is_flat(l[i].dfr) != is_flat(l[0].dfr) || !place(table, &l[i])) {
			empty(table);
			return false;
		}
	}
	return true;
}

#define BASE_X2APIC BIT_ULL(10)
#define BASE_ENABLE BIT_ULL(11)
#define BASE_ADDRESS (~0xfffULL)
#define DEFAULT_ADDRESS 0xfee00000ULL

enum avic_mode avic_mode_of(u64 base, u32 id, bool x2avic)
{
	if (!(base & BASE_ENABLE))
		return AVIC_OFF;
	if (base & BASE_X2APIC)
		return x2avic && id <= AVIC_X2APIC_MAX_ID ? AVIC_X2APIC : AVIC_OFF;
	return (base & BASE_ADDRESS) == DEFAULT_ADDRESS && id <= AVIC_XAPIC_MAX_ID ? AVIC_XAPIC :
										     AVIC_OFF;
}

enum avic_ipi_action avic_ipi_action(u32 why)
{
	switch (why) {
	case AVIC_IPI_NOT_RUNNING:
		return AVIC_WAKE;
	case AVIC_IPI_PAGE:
		return AVIC_BUG;
	default:
		/*
		 * Whoever has no entry may exist all the same.  Of several targets some may have theirs by then: they get
		 * it once too often, which is not so bad as once too seldom.
		 */
		return AVIC_SEND;
	}
}

#define REG(offset) BIT_ULL((offset) >> 4)

bool avic_write_is_trap(u32 offset)
{
	const u64 traps = REG(0x020) | /* APIC ID */
			  REG(0x0b0) | /* EOI, of a level */
			  REG(0x0c0) | /* remote read */
			  REG(0x0d0) | /* LDR */
			  REG(0x0e0) | /* DFR */
			  REG(0x0f0) | /* spurious interrupt vector */
			  REG(0x280) | /* error status */
			  REG(0x300) | /* ICR, low half */
			  REG(0x320) | REG(0x330) | REG(0x340) | REG(0x350) | REG(0x360) |
			  REG(0x370) | /* LVT */
			  REG(0x380) | /* initial count */
			  REG(0x3e0); /* divide configuration */

	return offset < 0x400 && (traps & REG(offset));
}

bool avic_msr_is_open(u32 offset, bool write)
{
	const u64 reads = REG(0x080); /* TPR */
	const u64 writes = REG(0x080) | REG(0x0b0) /* EOI */ | REG(0x300) /* ICR */;

	return offset < 0x400 && ((write ? writes : reads) & REG(offset));
}
