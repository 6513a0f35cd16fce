/* SPDX-License-Identifier: GPL-2.0-only */
/* The local APIC, I/O APIC and 8259s as guest code sees them. */
#ifndef SELFTESTS_APIC_H
#define SELFTESTS_APIC_H

#include "guest.h"

#define APIC_BASE_ADDR 0xfee00000UL
#define IOAPIC_ADDR 0xfec00000UL

/* Registers, by their offset in the page */
#define APIC_ID 0x20
#define APIC_VERSION 0x30
#define APIC_TPR 0x80
#define APIC_PPR 0xa0
#define APIC_EOI 0xb0
#define APIC_LDR 0xd0
#define APIC_DFR 0xe0
#define APIC_SPIV 0xf0
#define APIC_ISR 0x100
#define APIC_TMR 0x180
#define APIC_IRR 0x200
#define APIC_ESR 0x280
#define APIC_ICR 0x300
#define APIC_ICR2 0x310
#define APIC_LVTT 0x320
#define APIC_LVTPC 0x340
#define APIC_LVT0 0x350
#define APIC_LVT1 0x360
#define APIC_LVTERR 0x370
#define APIC_TMICT 0x380
#define APIC_TMCCT 0x390
#define APIC_TDCR 0x3e0
#define APIC_SELF_IPI 0x3f0

#define LVT_MASKED BIT(16)
#define LVT_PERIODIC BIT(17)
#define LVT_DEADLINE BIT(18)
#define LVT_NMI (4 << 8)
#define LVT_EXTINT (7 << 8)

#define ICR_FIXED 0
#define ICR_NMI (4 << 8)
#define ICR_INIT (5 << 8)
#define ICR_SIPI (6 << 8)
#define ICR_LOGICAL BIT(11)
#define ICR_BUSY BIT(12)
#define ICR_ASSERT BIT(14)
#define ICR_LEVEL BIT(15)
#define ICR_SELF (1 << 18)
#define ICR_ALL (2 << 18)
#define ICR_OTHERS (3 << 18)

static inline u32 xapic_read(u32 reg)
{
	return *(volatile u32 *)(APIC_BASE_ADDR + reg);
}

static inline void xapic_write(u32 reg, u32 value)
{
	*(volatile u32 *)(APIC_BASE_ADDR + reg) = value;
}

static inline u64 x2apic_read(u32 reg)
{
	return rdmsr(MSR_X2APIC + (reg >> 4));
}

static inline void x2apic_write(u32 reg, u64 value)
{
	wrmsr(MSR_X2APIC + (reg >> 4), value);
}

static inline void x2apic_enable(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
}

/* In whichever mode the APIC is */
static inline bool in_x2apic(void)
{
	return rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC;
}

static inline u32 apic_read(u32 reg)
{
	return in_x2apic() ? x2apic_read(reg) : xapic_read(reg);
}

static inline void apic_write(u32 reg, u32 value)
{
	if (in_x2apic())
		x2apic_write(reg, value);
	else
		xapic_write(reg, value);
}

/* Software-enables it with the usual spurious vector. */
static inline void apic_enable(void)
{
	apic_write(APIC_SPIV, 0x1ff);
}

static inline void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

static inline void apic_send(u32 destination, u32 low)
{
	if (in_x2apic()) {
		x2apic_write(APIC_ICR, (u64)destination << 32 | low);
		return;
	}
	xapic_write(APIC_ICR2, destination << 24);
	xapic_write(APIC_ICR, low);
}

static inline bool apic_bit(u32 base, u8 vector)
{
	return apic_read(base + vector / 32 * 16) >> (vector % 32) & 1;
}

static inline u32 ioapic_read(u8 reg)
{
	*(volatile u32 *)IOAPIC_ADDR = reg;
	return *(volatile u32 *)(IOAPIC_ADDR + 0x10);
}

static inline void ioapic_write(u8 reg, u32 value)
{
	*(volatile u32 *)IOAPIC_ADDR = reg;
	*(volatile u32 *)(IOAPIC_ADDR + 0x10) = value;
}

#define IOAPIC_LEVEL BIT(15)
#define IOAPIC_MASKED BIT(16)
#define IOAPIC_REMOTE_IRR BIT(14)

static inline void ioapic_route(u8 pin, u32 low, u32 destination)
{
	ioapic_write(0x10 + 2 * pin + 1, destination << 24);
	ioapic_write(0x10 + 2 * pin, low);
}

#define PIC1 0x20
#define PIC2 0xa0

/* Both 8259s from the beginning: vectors from base and base + 8 on, all inputs masked. */
static inline void pic_init(u8 base)
{
	outb(PIC1, 0x11);
	outb(PIC1 + 1, base);
	outb(PIC1 + 1, 4);
	outb(PIC1 + 1, 1);
	outb(PIC2, 0x11);
	outb(PIC2 + 1, base + 8);
	outb(PIC2 + 1, 2);
	outb(PIC2 + 1, 1);
	outb(PIC1 + 1, 0xff);
	outb(PIC2 + 1, 0xff);
}

struct vcpu;

/* A register as KVM_GET_LAPIC shows it, and one changed with KVM_SET_LAPIC; the test's, not the guest's. */
u32 lapic_image_read(struct vcpu *cpu, u32 reg);
void lapic_image_write(struct vcpu *cpu, u32 reg, u32 value);

/* Interrupts taken, by vector; irq_count is the handler's. */
extern volatile u64 irq_counts[256];
void irq_count(struct frame *frame); /* counts and sends EOI to the local APIC */
void irq_count_pic(struct frame *frame); /* counts and sends EOI to the 8259s */

#endif
