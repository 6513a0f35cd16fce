/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AVIC's tables, and what its two exits say: APM vol. 2, 15.29.  Pure.
 */
#ifndef KVM_SVM_AVIC_TABLES_H
#define KVM_SVM_AVIC_TABLES_H

#include "../pure.h"

/* Physical APIC ID table: by the guest's APIC ID, one page */
#define AVIC_PHYS_HOST_ID GENMASK_ULL(11, 0)
#define AVIC_PHYS_PAGE GENMASK_ULL(51, 12)
#define AVIC_PHYS_RUNNING BIT_ULL(62)
#define AVIC_PHYS_VALID BIT_ULL(63)

/* The highest ID that each mode's table has an entry for */
#define AVIC_XAPIC_MAX_ID 0xfe
#define AVIC_X2APIC_MAX_ID 0x1ff

/* Logical APIC ID table: by the bit of the logical address, one page */
#define AVIC_LOGICAL_ID GENMASK(7, 0)
#define AVIC_LOGICAL_VALID ((u32)BIT(31))
#define AVIC_LOGICAL_ENTRIES 1024
#define AVIC_FLAT_ENTRIES 8
#define AVIC_CLUSTERS 15 /* number 15 means all of them */

/* Entry of a vCPU whose APIC's registers are in the page at @page (host physical), not running. */
static inline u64 avic_phys_entry(u64 page)
{
	return (page & AVIC_PHYS_PAGE) | AVIC_PHYS_VALID;
}

/* The same for one that runs on the host CPU with that APIC ID: doorbells go there. */
static inline u64 avic_phys_running(u64 entry, u32 host_id)
{
	return (entry & ~AVIC_PHYS_HOST_ID) | (host_id & AVIC_PHYS_HOST_ID) | AVIC_PHYS_RUNNING;
}

/* The host CPU stays, so that a doorbell on its way is no more than one for nothing. */
static inline u64 avic_phys_stopped(u64 entry)
{
	return entry & ~AVIC_PHYS_RUNNING;
}

/**
 * struct avic_logical - a logical address that an APIC has
 * @id: its physical ID
 * @ldr: LDR register
 * @dfr: DFR register
 */
struct avic_logical {
	u32 id;
	u32 ldr;
	u32 dfr;
};

/**
 * avic_logical_index() - the entry of the logical table for an address
 * @l: the address
 *
 * Return: its number; -1 where it needs none, because no message can reach it; -EINVAL when one entry will not do: an
 * address of several bits, or a model that does not exist
 */
int avic_logical_index(const struct avic_logical *l);

/**
 * avic_logical_build() - the logical table of a VM
 * @table: AVIC_LOGICAL_ENTRIES, may be in use by the processor
 * @l: the addresses of all APICs in xAPIC mode
 * @nr: how many
 *
 * All or nothing: with an address that the table cannot express, or that two APICs share, or with both models in use, the
 * table is left empty, and logical messages exit.
 *
 * Return: whether the table has the addresses
 */
bool avic_logical_build(u32 *table, const struct avic_logical *l, unsigned int nr);

/* As what the processor virtualizes an APIC */
enum avic_mode {
	AVIC_OFF,
	AVIC_XAPIC, /* by its page */
	AVIC_X2APIC, /* by its MSRs: x2AVIC, APM vol. 2, 15.29.10 */
};

/**
 * avic_mode_of() - as what an APIC can be virtualized
 * @base: IA32_APIC_BASE
 * @id: its ID from power-on
 * @x2avic: the processor has x2AVIC
 *
 * Return: AVIC_OFF where it cannot: disabled, moved from where the VM's nested tables have the page, or an ID beyond the
 * table
 */
enum avic_mode avic_mode_of(u64 base, u32 id, bool x2avic);

/**
 * avic_msr_is_open() - may the guest access an MSR of its APIC without an exit in x2AVIC?
 * @offset: register, a multiple of 16
 * @write: WRMSR, which the processor completes or leaves with one of AVIC's two exits
 *
 * What is used often.  The others exit for the MSR, and are served in software on the page.
 */
bool avic_msr_is_open(u32 offset, bool write);

/* What a guest's write to its ICR was not completed for: EXITINFO2[63:32] */
enum avic_ipi_exit {
	AVIC_IPI_TYPE, /* not a fixed, edge-triggered message: nothing has been done */
	AVIC_IPI_NOT_RUNNING, /* requests are in the IRRs; those that do not run must be woken */
	AVIC_IPI_TARGET, /* no entry for it */
	AVIC_IPI_PAGE, /* an entry's page is wrong */
	AVIC_IPI_VECTOR, /* below 16 */
};

/* What is to be done then */
enum avic_ipi_action {
	AVIC_SEND, /* write the ICR in software */
	AVIC_WAKE, /* wake those that it is for */
	AVIC_BUG, /* our table is wrong */
};

enum avic_ipi_action avic_ipi_action(u32 why);

/**
 * avic_write_is_trap() - a write of a register that exits: is it done?
 * @offset: register, a multiple of 16
 *
 * APM vol. 2, table 15-22.
 * Return: true when the value is in the page and the instruction complete; false when it has to be emulated
 */
bool avic_write_is_trap(u32 offset);

#endif /* KVM_SVM_AVIC_TABLES_H */
