// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC.
 */
#include "ioapic_core.h"

/* MMIO registers */
#define REG_SELECT 0x00
#define REG_WINDOW 0x10
#define REG_EOI 0x40

/* Indirect registers */
#define INDEX_ID 0x00
#define INDEX_VERSION 0x01
#define INDEX_ARBITRATION 0x02
#define INDEX_REDIR 0x10

#define READ_ONLY (IOAPIC_PENDING | IOAPIC_REMOTE_IRR)
#define WRITABLE ((GENMASK_ULL(16, 0) | GENMASK_ULL(63, 56)) & ~(u64)READ_ONLY)

static u8 delivery_mode(u64 entry)
{
	return entry >> 8 & 7;
}

/* Only these can be level-triggered; the others are edges whatever is set. */
static bool is_level(u64 entry)
{
	u8 mode = delivery_mode(entry);

	return (entry & IOAPIC_LEVEL) && (mode == LAPIC_DM_FIXED || mode == LAPIC_DM_LOWEST);
}

/**
 * ioapic_init() - the I/O APIC after reset: all pins masked
 * @ioapic: the I/O APIC
 * @version: IOAPIC_VERSION_*
 * @ops: its surroundings
 */
void ioapic_init(struct ioapic *ioapic, u8 version, const struct ioapic_ops *ops)
{
	unsigned int pin;

	memset(ioapic, 0, sizeof(*ioapic));
	ioapic->ops = ops;
	ioapic->version = version;
	for (pin = 0; pin < IOAPIC_NR_PINS; pin++)
		ioapic->redir[pin] = IOAPIC_MASKED;
}

/**
 * ioapic_entry_message() - the message that a redirection entry sends
 * @entry: redirection table entry
 * @msg: receives the message
 */
void ioapic_entry_message(u64 entry, struct lapic_msg *msg)
{
	memset(msg, 0, sizeof(*msg));
	msg->dest = entry >> 56;
	msg->vector = entry & IOAPIC_VECTOR;
	msg->delivery = delivery_mode(entry);
	msg->logical = entry & IOAPIC_LOGICAL;
	msg->level = is_level(entry);
	msg->assert = true;
}

/* Send the message of an unmasked pin.  As ioapic_ops.deliver(). */
static int send(struct ioapic *ioapic, unsigned int pin)
{
	u64 entry = ioapic->redir[pin];
	struct lapic_msg msg;
	int ret;

	ioapic_entry_message(entry, &msg);
	ret = ioapic->ops->deliver(ioapic, pin, &msg);
	/* Not taken: it stays pending until the entry or the line changes. */
	if (ret < 0)
		return ret;
	ioapic->in_service[pin] = msg.vector;
	if (msg.level)
		ioapic->redir[pin] |= IOAPIC_REMOTE_IRR;
	else
		ioapic->delivered |= BIT(pin);
	return ret;
}

/* Is there something that the pin should send now? */
static bool wants_to_send(const struct ioapic *ioapic, unsigned int pin)
{
	u64 entry = ioapic->redir[pin];

	if (!(ioapic->irr & BIT(pin)) || (entry & IOAPIC_MASKED))
		return false;
	if (is_level(entry))
		return !(entry & IOAPIC_REMOTE_IRR) && !(ioapic->delayed & BIT(pin));
	return !(ioapic->delivered & BIT(pin));
}

static void service(struct ioapic *ioapic, u32 pins)
{
	unsigned int pin;

	for (; pins; pins &= pins - 1) {
		pin = __ffs(pins);
		if (wants_to_send(ioapic, pin))
			send(ioapic, pin);
	}
}

/**
 * ioapic_set_irq() - drive a line
 * @ioapic: the I/O APIC
 * @pin: 0 to IOAPIC_NR_PINS - 1
 * @level: its level
 *
 * Return: >0 delivered, or the line is low; 0 coalesced with one that is pending;
 * <0 masked or taken by nobody.
 */
int ioapic_set_irq(struct ioapic *ioapic, unsigned int pin, bool level)
{
	u32 bit = BIT(pin);
	u64 entry = ioapic->redir[pin];

	if (!level) {
		ioapic->irr &= ~bit;
		ioapic->delivered &= ~bit;
		return 1;
	}
	if (is_level(entry)) {
		ioapic->irr |= bit;
		if (entry & IOAPIC_MASKED)
			return -1;
	} else {
		if (ioapic->irr & bit)
			return 0;
		ioapic->irr |= bit;
		/* "ignored (i.e., not delivered or held pending)" */
		if (entry & IOAPIC_MASKED) {
			ioapic->delivered |= bit;
			return -1;
		}
	}
	return wants_to_send(ioapic, pin) ? send(ioapic, pin) : 0;
}

/* Did @vector come from this pin, now or before the guest rewrote the entry? */
static bool ended_by(const struct ioapic *ioapic, unsigned int pin, u8 vector)
{
	u64 entry = ioapic->redir[pin];

	if (is_level(entry) && (entry & IOAPIC_REMOTE_IRR))
		return ioapic->in_service[pin] == vector || (entry & IOAPIC_VECTOR) == vector;
	return !is_level(entry) && !(entry & IOAPIC_MASKED) && ioapic->in_service[pin] == vector;
}

/**
 * ioapic_eoi() - a local APIC broadcasts an EOI, part one
 * @ioapic: the I/O APIC
 * @vector: interrupt vector
 *
 * Ends the service of level-triggered pins.  The caller then tells whoever
 * waits for that, who may lower the line, and calls ioapic_eoi_end().
 *
 * Return: the pins that the vector came from, edge-triggered ones included.
 */
u32 ioapic_eoi(struct ioapic *ioapic, u8 vector)
{
	unsigned int pin;
	u32 pins = 0;

	for (pin = 0; pin < IOAPIC_NR_PINS; pin++) {
		if (!ended_by(ioapic, pin, vector))
			continue;
		ioapic->redir[pin] &= ~(u64)IOAPIC_REMOTE_IRR;
		pins |= BIT(pin);
	}
	return pins;
}

/**
 * ioapic_eoi_end() - part two: pins whose line is still high send again
 * @ioapic: the I/O APIC
 * @pins: what ioapic_eoi() returned
 *
 * Return: the pins that storm: the caller calls ioapic_redeliver() after some
 * milliseconds.
 */
u32 ioapic_eoi_end(struct ioapic *ioapic, u32 pins)
{
	u32 left, storms = 0;
	unsigned int pin;

	for (left = pins; left; left &= left - 1) {
		pin = __ffs(left);
		if (!is_level(ioapic->redir[pin]))
			continue;
		if (!(ioapic->irr & BIT(pin))) {
			ioapic->storm[pin] = 0;
			continue;
		}
		if (++ioapic->storm[pin] < IOAPIC_STORM_EOIS)
			continue;
		ioapic->storm[pin] = 0;
		ioapic->delayed |= BIT(pin);
		storms |= BIT(pin);
	}
	service(ioapic, pins);
	return storms;
}

/**
 * ioapic_redeliver() - the pause for storming lines is over
 * @ioapic: the I/O APIC
 */
void ioapic_redeliver(struct ioapic *ioapic)
{
	u32 pins = ioapic->delayed;

	ioapic->delayed = 0;
	service(ioapic, pins);
}

static u32 read_index(const struct ioapic *ioapic, u32 index)
{
	u32 pin = (index - INDEX_REDIR) >> 1;

	switch (index) {
	case INDEX_ID:
	case INDEX_ARBITRATION:
		return ioapic->id << 24;
	case INDEX_VERSION:
		return (IOAPIC_NR_PINS - 1) << 16 | ioapic->version;
	}
	if (index < INDEX_REDIR || pin >= IOAPIC_NR_PINS)
		return ~0U;
	pin = array_index_nospec(pin, IOAPIC_NR_PINS);
	return index & 1 ? ioapic->redir[pin] >> 32 : ioapic->redir[pin];
}

/**
 * ioapic_read() - the guest reads a register
 * @ioapic: the I/O APIC
 * @offset: into the MMIO page, a multiple of 16
 */
u32 ioapic_read(struct ioapic *ioapic, u32 offset)
{
	switch (offset) {
	case REG_SELECT:
		return ioapic->ioregsel;
	case REG_WINDOW:
		return read_index(ioapic, ioapic->ioregsel);
	default:
		return 0;
	}
}

static void write_entry(struct ioapic *ioapic, unsigned int pin, u64 value)
{
	u64 old = ioapic->redir[pin];
	bool was_level = is_level(old);

	value = (value & WRITABLE) | (old & READ_ONLY);
	/*
	 * There is no service of an edge to end.  That is also how guests get
	 * an entry out of service without an EOI.
	 */
	if (!is_level(value))
		value &= ~(u64)IOAPIC_REMOTE_IRR;
	ioapic->redir[pin] = value;

	/* What was a level is no edge; what was an edge may be a level. */
	if (was_level && !is_level(value) && (ioapic->irr & BIT(pin)))
		ioapic->delivered |= BIT(pin);
	service(ioapic, BIT(pin));
}

/*
 * Returns the pin that was written, or -1.
 */
static int write_index(struct ioapic *ioapic, u32 index, u32 value)
{
	u32 pin = (index - INDEX_REDIR) >> 1;
	u64 entry;

	if (index == INDEX_ID) {
		ioapic->id = value >> 24 & 0xf;
		return -1;
	}
	if (index < INDEX_REDIR || pin >= IOAPIC_NR_PINS)
		return -1;
	pin = array_index_nospec(pin, IOAPIC_NR_PINS);
	entry = ioapic->redir[pin];
	if (index & 1)
		entry = (entry & GENMASK_ULL(31, 0)) | (u64)value << 32;
	else
		entry = (entry & GENMASK_ULL(63, 32)) | value;
	write_entry(ioapic, pin, entry);
	return pin;
}

/**
 * ioapic_write() - the guest writes a register
 * @ioapic: the I/O APIC
 * @offset: into the MMIO page, a multiple of 16
 * @value: what is written
 *
 * Return: pins whose service a write to the EOI register ended: tell who
 * waits, and call ioapic_eoi_end().
 */
u32 ioapic_write(struct ioapic *ioapic, u32 offset, u32 value)
{
	switch (offset) {
	case REG_SELECT:
		ioapic->ioregsel = value;
		return 0;
	case REG_WINDOW:
		write_index(ioapic, ioapic->ioregsel, value);
		return 0;
	case REG_EOI:
		if (ioapic->version < IOAPIC_VERSION_EOI)
			return 0;
		return ioapic_eoi(ioapic, value);
	default:
		return 0;
	}
}

/* The lines that are high, without the edges that have been sent. */
static u32 left_to_send(const struct ioapic *ioapic)
{
	unsigned int pin;
	u32 sent = 0;

	for (pin = 0; pin < IOAPIC_NR_PINS; pin++) {
		if (!is_level(ioapic->redir[pin]) && !(ioapic->redir[pin] & IOAPIC_MASKED))
			sent |= ioapic->delivered & BIT(pin);
	}
	return ioapic->irr & ~sent;
}

/**
 * ioapic_get_state() - for KVM_GET_IRQCHIP
 * @ioapic: the I/O APIC
 * @image: the image
 *
 * The image's irr has the lines that have something left to send: levels that
 * are high, edges not yet delivered.  Those of masked edges are in it, too: the
 * guest may make levels of them, and ioapic_set_state() does not take them for new.
 */
void ioapic_get_state(const struct ioapic *ioapic, struct ioapic_image *image)
{
	memset(image, 0, sizeof(*image));
	image->base_address = IOAPIC_BASE_DEFAULT;
	image->ioregsel = ioapic->ioregsel;
	image->id = ioapic->id;
	image->irr = left_to_send(ioapic);
	memcpy(image->redirtbl, ioapic->redir, sizeof(ioapic->redir));
}

/**
 * ioapic_set_state() - restore an image of any content, and send what pends
 * @ioapic: the I/O APIC
 * @image: the image
 */
void ioapic_set_state(struct ioapic *ioapic, const struct ioapic_image *image)
{
	unsigned int pin;
	u64 entry;

	ioapic->ioregsel = image->ioregsel;
	ioapic->id = image->id & 0xf;
	ioapic->irr = image->irr & GENMASK(IOAPIC_NR_PINS - 1, 0);
	ioapic->delivered = 0;
	ioapic->delayed = 0;
	for (pin = 0; pin < IOAPIC_NR_PINS; pin++) {
		entry = image->redirtbl[pin] & (WRITABLE | IOAPIC_REMOTE_IRR);
		if (!is_level(entry)) {
			entry &= ~(u64)IOAPIC_REMOTE_IRR;
			/* An edge on a masked pin is not held. */
			if (entry & IOAPIC_MASKED)
				ioapic->delivered |= ioapic->irr & BIT(pin);
		}
		ioapic->redir[pin] = entry;
		ioapic->in_service[pin] = entry & IOAPIC_VECTOR;
		ioapic->storm[pin] = 0;
	}
	service(ioapic, ioapic->irr);
}
