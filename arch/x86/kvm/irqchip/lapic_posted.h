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
 *
 * An I/O MMU that posts (VT-d specification, 5.2) sets the request's bit, and, if neither ON nor SN is set, sets ON and sends
 * the vector NV to the host CPU NDST.  It can do no more, so what it has to do follows the vCPU:
 *
 *	loaded, its APIC virtual	NV is the notification vector	the processor takes the requests, or, out of the
 *									guest, the vCPU looks at ON before it enters
 *	blocked, or loaded with an	NV is the wake-up vector	its handler clears ON, and has the vCPU look at
 *	APIC that is not virtual					the requests
 *	neither				SN				nobody is told; on being loaded the vCPU looks
 *
 * ON with the wake-up vector means that its handler will come, and nothing else: so it is the I/O MMU's to set, the handler's
 * to clear, and software that posts leaves it alone.  Were it set, or left set, for a request that does not end the vCPU's
 * wait (of too low a priority), nobody would be told of the next one.
 */
#ifndef KVM_X86_IRQCHIP_LAPIC_POSTED_H
#define KVM_X86_IRQCHIP_LAPIC_POSTED_H

#include "atomics.h"

struct lapic;

/* The descriptor's control word; NDST, the physical APIC ID of the CPU that is notified, is the word behind it. */
#define POSTED_ON BIT(0) /* outstanding notification */
#define POSTED_SN BIT(1) /* suppress notification */
#define POSTED_NV_SHIFT 16 /* notification vector, 8 bits */

/* The two vectors, as the host's kernel has them */
#define POSTED_NV_RUN 0xf2
#define POSTED_NV_WAKE 0xf1

/**
 * struct lapic_posted - posted-interrupt descriptor (SDM vol. 3C, table 30-1), and what belongs to it
 * @pir: requests, by vector
 * @control: POSTED_ON, POSTED_SN, NV
 * @destination: NDST
 * @control64: both
 * @reserved: part of the descriptor
 * @late: requests that wait for the EOI-exit bitmap
 * @any_late: @late may have bits
 * @eoi_exit: the EOI-exit bitmap in force; written by the vCPU only
 * @direct: the processor looks at the IRR by itself (AVIC: APM vol. 2, 15.29): requests go there, and @pir is not used; it
 *	sees the end of levels by the TMR, and that of no edge.  Set before the APIC is visible
 */
struct lapic_posted {
	u32 pir[8];
	union {
		struct {
			u32 control;
			u32 destination;
		};
		u64 control64;
	};
	u32 reserved[6];
	u32 late[8];
	u32 any_late;
	u32 eoi_exit[8];
	bool direct;
} __aligned(64);

static_assert(offsetof(struct lapic_posted, control) == 32);
static_assert(offsetof(struct lapic_posted, late) == 64);

/**
 * lapic_post() - what lapic_request(), which has put the trigger mode into the TMR, does for an APIC with a descriptor
 * @apic: the APIC
 * @vector: interrupt vector
 * @level: trigger mode
 *
 * Any context.  If the request is new it is visible, and the vCPU finds it before it enters, when this returns; the caller
 * notifies one that runs and wakes one that sleeps.  One that is not new somebody else tells of: no second one may set ON for
 * it and go away.
 *
 * Return: whether the request is new.
 */
bool lapic_post(struct lapic *apic, u8 vector, bool level);

/* Is the wake-up vector what an I/O MMU notifies by? */
static inline bool lapic_posted_wakes(const struct lapic_posted *p)
{
	return (u8)(READ_ONCE(p->control) >> POSTED_NV_SHIFT) == POSTED_NV_WAKE;
}

/* Software has something for the vCPU's next entry.  Any context. */
static inline void lapic_posted_tell(struct lapic_posted *p)
{
	u32 old = READ_ONCE(p->control);

	do {
		/* With the wake-up vector, what comes before an entry is lapic_posted_run(). */
		if ((old & POSTED_ON) || (u8)(old >> POSTED_NV_SHIFT) == POSTED_NV_WAKE)
			return;
	} while (!atomic_try_cmpxchg32(&p->control, &old, old | POSTED_ON));
}

/* NDST of a CPU with this APIC ID */
static inline u32 lapic_posted_destination(u32 apic_id, bool x2apic)
{
	return x2apic ? apic_id : (apic_id & 0xff) << 8;
}

static inline u64 lapic_posted_target(u8 vector, u32 destination)
{
	return (u64)destination << 32 | (u32)vector << POSTED_NV_SHIFT;
}

static inline bool lapic_posted_any(const struct lapic_posted *p)
{
	unsigned int w;

	for (w = 0; w < 8; w++) {
		if (READ_ONCE(p->pir[w]))
			return true;
	}
	return false;
}

/**
 * lapic_posted_run() - the vCPU is loaded, its APIC virtual, and it does not wait
 * @p: its descriptor
 * @destination: its CPU
 *
 * ON is set: what has come untold (SN), or was told by the wake-up vector, is looked at before the next entry.  Owner, not in
 * the guest, on that CPU to stay.
 */
static inline void lapic_posted_run(struct lapic_posted *p, u32 destination)
{
	atomic_xchg64(&p->control64, lapic_posted_target(POSTED_NV_RUN, destination) | POSTED_ON);
}

/**
 * lapic_posted_wait() - the vCPU is about to wait, or is loaded while it waits, or while its APIC is not virtual
 * @p: its descriptor
 * @destination: its CPU
 *
 * Owner, not in the guest, on that CPU to stay.
 *
 * Return: whether something has been posted that the caller must look at; of what is posted from now on the wake-up vector
 * tells.
 */
static inline bool lapic_posted_wait(struct lapic_posted *p, u32 destination)
{
	u64 old = atomic_xchg64(&p->control64, lapic_posted_target(POSTED_NV_WAKE, destination));

	return (old & POSTED_ON) || lapic_posted_any(p);
}

/* The vCPU leaves its CPU.  Owner. */
static inline void lapic_posted_hold(struct lapic_posted *p)
{
	if (!lapic_posted_wakes(p))
		atomic_or32(&p->control, POSTED_SN);
}

/**
 * lapic_posted_woken() - the wake-up vector has come
 * @p: the descriptor of a vCPU that is on the CPU that has taken it, or was last
 *
 * Return: whether it was for this one.
 */
static inline bool lapic_posted_woken(struct lapic_posted *p)
{
	if (!(READ_ONCE(p->control) & POSTED_ON) || !lapic_posted_wakes(p))
		return false;
	/* Before the vCPU looks at the requests. */
	atomic_and32(&p->control, ~(u32)POSTED_ON);
	return true;
}

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
