/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The I/O APIC as a pure state machine.
 *
 * Intel 82093AA data sheet; version 0x20 adds the EOI register.  One caller at
 * a time.  Delivery goes out through ioapic_ops and must not call back in.
 */
#ifndef KVM_X86_IRQCHIP_IOAPIC_CORE_H
#define KVM_X86_IRQCHIP_IOAPIC_CORE_H

#include "../pure.h"
#include "lapic_core.h"

#define IOAPIC_NR_PINS 24
#define IOAPIC_BASE_DEFAULT 0xfec00000ULL
#define IOAPIC_SIZE 0x100

#define IOAPIC_VERSION_82093AA 0x11
#define IOAPIC_VERSION_EOI 0x20

/*
 * A line that is still high at so many EOIs in a row is a storm that keeps the
 * CPU from everything else; its next delivery is delayed.
 */
#define IOAPIC_STORM_EOIS 10000

/* The bits of a redirection table entry */
#define IOAPIC_VECTOR 0xffULL
#define IOAPIC_LOGICAL BIT_ULL(11)
#define IOAPIC_PENDING BIT_ULL(12)
#define IOAPIC_LOW_ACTIVE BIT_ULL(13) /* stored, and ignored */
#define IOAPIC_REMOTE_IRR BIT_ULL(14)
#define IOAPIC_LEVEL BIT_ULL(15)
#define IOAPIC_MASKED BIT_ULL(16)

struct ioapic;

struct ioapic_ops {
	/*
	 * Deliver to local APICs.  >0: so many took it, 0: all had it pending
	 * already, <0: nobody took it.
	 */
	int (*deliver)(struct ioapic *ioapic, unsigned int pin, const struct lapic_msg *msg);
};

/**
 * struct ioapic - the I/O APIC
 * @redir:	redirection table
 * @irr:	level of each line
 * @delivered:	bit n: the edge that raised line n has been dealt with
 * @delayed:	level-triggered lines that storm
 * @in_service:	vector under which each pin was last delivered
 * @storm:	EOIs in a row that found the line high
 */
struct ioapic {
	const struct ioapic_ops *ops;
	u64 redir[IOAPIC_NR_PINS];
	u32 irr;
	u32 delivered;
	u32 delayed;
	u8 ioregsel;
	u8 id;
	u8 version;
	u8 in_service[IOAPIC_NR_PINS];
	u16 storm[IOAPIC_NR_PINS];
};

/* Laid out as struct kvm_ioapic_state. */
struct ioapic_image {
	u64 base_address;
	u32 ioregsel;
	u32 id;
	u32 irr;
	u32 pad;
	u64 redirtbl[IOAPIC_NR_PINS];
};

void ioapic_init(struct ioapic *ioapic, u8 version, const struct ioapic_ops *ops);
int ioapic_set_irq(struct ioapic *ioapic, unsigned int pin, bool level);
u32 ioapic_eoi(struct ioapic *ioapic, u8 vector);
u32 ioapic_eoi_end(struct ioapic *ioapic, u32 pins);
void ioapic_redeliver(struct ioapic *ioapic);
u32 ioapic_read(struct ioapic *ioapic, u32 offset);
u32 ioapic_write(struct ioapic *ioapic, u32 offset, u32 value);
void ioapic_entry_message(u64 entry, struct lapic_msg *msg);
void ioapic_get_state(const struct ioapic *ioapic, struct ioapic_image *image);
void ioapic_set_state(struct ioapic *ioapic, const struct ioapic_image *image);

#endif /* KVM_X86_IRQCHIP_IOAPIC_CORE_H */
