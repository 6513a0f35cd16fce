/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A local APIC whose page the processor works on: virtual-interrupt delivery and posted interrupts, SDM vol. 3C, chapter
 * 30.  Pure.
 *
 * While the vCPU runs, the processor takes interrupts from the IRR to the ISR and ends them, so nobody else may write
 * there.  Who has an interrupt for it posts: a bit in the descriptor's requests (PIR), and ON.  The processor, told by the
 * notification vector, or the vCPU itself before its next entry moves the requests to the IRR.
 *
 * The end of an interrupt is seen only for vectors in the EOI-exit bitmap.  So a request whose EOI must be seen and whose
 * bit is not in the bitmap yet (@eoi_exit) waits aside, in @late, until the vCPU has brought the bitmap up to date.
 */
#ifndef KVM_X86_IRQCHIP_LAPIC_POSTED_H
#define KVM_X86_IRQCHIP_LAPIC_POSTED_H

#include "../pure.h"

struct lapic;

#define POSTED_ON BIT(0) /* outstanding notification */

/**
 * struct lapic_posted - posted-interrupt descriptor (SDM vol. 3C, table 30-1), and what belongs to it
 * @pir: requests, by vector
 * @control: POSTED_ON; other bits are the I/O MMU's
 * @reserved: part of the descriptor
 * @late: requests that wait for the EOI-exit bitmap
 * @any_late: @late may have bits
 * @eoi_exit: the EOI-exit bitmap in force; written by the vCPU only
 * @direct: the processor looks at the IRR by itself (AVIC: APM vol. 2, 15.29): requests go there, and @pir is not used; it
 *	sees the end of levels by the TMR, and that of no edge.  Set before the APIC is visible
 */
struct lapic_posted {
	u32 pir[8];
	u32 control;
	u32 reserved[7];
	u32 late[8];
	u32 any_late;
	u32 eoi_exit[8];
	bool direct;
} __aligned(64);

/**
 * lapic_post() - what lapic_request(), which has put the trigger mode into the TMR, does for an APIC with a descriptor
 * @apic: the APIC
 * @vector: interrupt vector
 * @level: trigger mode
 *
 * Any context.  The requests are visible, and ON is set, when this returns; the caller notifies a vCPU that runs.
 *
 * Return: whether the request is new.
 */
bool lapic_post(struct lapic *apic, u8 vector, bool level);

/* Is there something for lapic_posted_take()?  Owner, before every entry. */
static inline bool lapic_posted_pending(const struct lapic_posted *p)
{
	return READ_ONCE(p->control) & POSTED_ON;
}

/* Does it not suffice to notify: has the vCPU to leave the guest for the bitmap's sake?  Any context, after lapic_post(). */
static inline bool lapic_posted_must_kick(const struct lapic_posted *p)
{
	return READ_ONCE(p->any_late);
}

/**
 * lapic_posted_take() - move the requests to the IRR
 * @apic: the APIC
 *
 * Owner, not in the guest.
 *
 * Return: whether lapic_eoi_exits() must be asked anew and put into force before the next entry.
 */
bool lapic_posted_take(struct lapic *apic);

/**
 * lapic_eoi_exits() - the vectors whose end must be seen
 * @apic: the APIC
 * @bitmap: receives the EOI-exit bitmap; also remembered as the one in force
 *
 * Owner.
 */
void lapic_eoi_exits(struct lapic *apic, u64 bitmap[4]);

/* Guest interrupt status by the page: RVI in bits 7:0, SVI in bits 15:8.  Owner, after lapic_posted_take(). */
u16 lapic_interrupt_status(const struct lapic *apic);

/* As lapic_pending(), whoever has written the page last, and posted requests included.  Any context. */
int lapic_posted_highest(const struct lapic *apic);

/**
 * lapic_virtual_eoi() - the processor has ended an interrupt whose EOI must be seen
 * @apic: the APIC
 * @vector: which
 *
 * Owner.  Return: effects, as lapic_eoi().
 */
u32 lapic_virtual_eoi(struct lapic *apic, u8 vector);

#endif /* KVM_X86_IRQCHIP_LAPIC_POSTED_H */
