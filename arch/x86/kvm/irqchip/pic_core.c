// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8259A pair.
 */
#include "pic_core.h"

#define ICW1_SELECT BIT(4)
#define ICW1_IC4 BIT(0) /* ICW4 follows */
#define ICW1_SINGLE BIT(1) /* ICW3 does not */
#define ICW4_AUTO_EOI BIT(1)
#define ICW4_SFNM BIT(4)
#define OCW3_SELECT BIT(3)

enum { STATE_READY, STATE_ICW2, STATE_ICW3, STATE_ICW4 };

/* OCW2, bits 7:5: rotate, specific, end of interrupt */
enum {
	OCW2_ROTATE_AEOI_OFF,
	OCW2_EOI,
	OCW2_NOP,
	OCW2_EOI_SPECIFIC,
	OCW2_ROTATE_AEOI_ON,
	OCW2_EOI_ROTATE,
	OCW2_SET_PRIORITY,
	OCW2_EOI_SPECIFIC_ROTATE,
};

static bool is_master(const struct pic *pic, const struct pic_chip *c)
{
	return c == &pic->chip[0];
}

/* How far the first line set in @lines is from the top; 8 for none. */
static unsigned int rank(const struct pic_chip *c, u8 lines)
{
	u32 turned = (lines | lines << 8) >> c->priority_add & 0xff;

	return turned ? __ffs(turned) : 8;
}

static unsigned int line_at(const struct pic_chip *c, unsigned int rank)
{
	return (rank + c->priority_add) & 7;
}

/* The line that the chip asks service for, or -1. */
static int chip_pending(const struct pic *pic, const struct pic_chip *c)
{
	unsigned int asking = rank(c, c->irr & ~c->imr);
	u8 blocking = c->isr;

	if (asking == 8)
		return -1;
	/* Special mask mode: what is masked while in service blocks nobody. */
	if (c->special_mask)
		blocking &= ~c->imr;
	/* The slave's higher lines may interrupt its lower ones; the master's own still wait for them. */
	if (c->special_fully_nested_mode && is_master(pic, c) &&
	    line_at(c, asking) == PIC_CASCADE_PIN)
		blocking &= ~BIT(PIC_CASCADE_PIN);
	return asking < rank(c, blocking) ? (int)line_at(c, asking) : -1;
}

/* Drive the wires between the chips and to the CPU. */
static void update(struct pic *pic)
{
	struct pic_chip *master = &pic->chip[0];
	u8 cascade = BIT(PIC_CASCADE_PIN);

	if (chip_pending(pic, &pic->chip[1]) >= 0) {
		master->irr |= cascade;
		master->last_irr |= cascade;
	} else {
		master->irr &= ~cascade;
		master->last_irr &= ~cascade;
	}
	pic->output = chip_pending(pic, master) >= 0;
}

static void end_service(struct pic *pic, struct pic_chip *c, u8 lines)
{
	c->isr &= ~lines;
	pic->acked |= is_master(pic, c) ? lines : lines << 8;
}

/* The chip's part of an interrupt acknowledge cycle. */
static void take(struct pic *pic, struct pic_chip *c, unsigned int line)
{
	u8 bit = BIT(line);

	/* A level-triggered request stays as long as its line is high. */
	if (!(c->elcr & bit))
		c->irr &= ~bit;
	if (!c->auto_eoi) {
		c->isr |= bit;
		return;
	}
	if (c->rotate_on_auto_eoi)
		c->priority_add = (line + 1) & 7;
	end_service(pic, c, bit);
}

static void clear_chip(struct pic *pic, struct pic_chip *c)
{
	u8 elcr = c->elcr, elcr_mask = c->elcr_mask, lines = c->last_irr;
	u8 isr = c->isr, base = c->irq_base;

	memset(c, 0, sizeof(*c));
	c->irq_base = base;
	c->elcr = elcr;
	c->elcr_mask = elcr_mask;
	/* Edge latches are cleared; a line that is high asks at its next rise. */
	c->last_irr = lines;
	c->irr = lines & elcr;
	end_service(pic, c, isr);
}

/**
 * pic_init() - the pair after power-on, all lines low
 * @pic: the pair
 */
void pic_init(struct pic *pic)
{
	memset(pic, 0, sizeof(*pic));
	/* Timer, keyboard, cascade, RTC and FPU cannot be level-triggered. */
	pic->chip[0].elcr_mask = 0xf8;
	pic->chip[1].elcr_mask = 0xde;
}

/**
 * pic_set_irq() - drive a line
 * @pic: the pair
 * @pin: 0 to 15
 * @level: its level
 *
 * Return: 1 when that made a new request or the line is low, 0 when there was a
 * request already, -1 when the line is masked.
 */
int pic_set_irq(struct pic *pic, unsigned int pin, bool level)
{
	struct pic_chip *c = &pic->chip[pin >> 3 & 1];
	u8 bit = BIT(pin & 7);
	bool edge = !(c->elcr & bit);
	bool rises = level && !(c->last_irr & bit);
	bool requested = c->irr & bit;

	if (pin == PIC_CASCADE_PIN)
		return -1;
	if (level) {
		c->last_irr |= bit;
		if (rises || !edge)
			c->irr |= bit;
	} else {
		c->last_irr &= ~bit;
		if (!edge)
			c->irr &= ~bit;
	}
	update(pic);
	if (c->imr & bit)
		return -1;
	return !level || ((c->irr & bit) && !requested);
}

/**
 * pic_ack() - the CPU's interrupt acknowledge cycle
 * @pic: the pair
 *
 * Return: the vector; with no request left that of line 7, as hardware does
 * ("spurious").
 */
int pic_ack(struct pic *pic)
{
	struct pic_chip *c = &pic->chip[0];
	int line = chip_pending(pic, c);

	if (line < 0)
		return (u8)(c->irq_base + 7);
	take(pic, c, line);
	if (line == PIC_CASCADE_PIN) {
		c = &pic->chip[1];
		line = chip_pending(pic, c);
		if (line >= 0)
			take(pic, c, line);
		else
			line = 7;
	}
	update(pic);
	return (u8)(c->irq_base + line);
}

static void begin_init(struct pic *pic, struct pic_chip *c, u8 icw1)
{
	clear_chip(pic, c);
	c->init4 = icw1 & (ICW1_IC4 | ICW1_SINGLE);
	c->init_state = STATE_ICW2;
}

static void write_ocw3(struct pic_chip *c, u8 value)
{
	if (value & BIT(2))
		c->poll = 1;
	if (value & BIT(1))
		c->read_reg_select = value & 1;
	if (value & BIT(6))
		c->special_mask = value >> 5 & 1;
}

static void end_nonspecific(struct pic *pic, struct pic_chip *c, bool rotate)
{
	/* Special mask mode leaves masked lines in service. */
	unsigned int r = rank(c, c->special_mask ? c->isr & ~c->imr : c->isr);
	unsigned int line = line_at(c, r);

	if (r == 8)
		return;
	end_service(pic, c, BIT(line));
	if (rotate)
		c->priority_add = (line + 1) & 7;
}

static void write_ocw2(struct pic *pic, struct pic_chip *c, u8 value)
{
	unsigned int command = value >> 5, line = value & 7;

	switch (command) {
	case OCW2_ROTATE_AEOI_OFF:
	case OCW2_ROTATE_AEOI_ON:
		c->rotate_on_auto_eoi = command == OCW2_ROTATE_AEOI_ON;
		break;
	case OCW2_EOI:
	case OCW2_EOI_ROTATE:
		end_nonspecific(pic, c, command == OCW2_EOI_ROTATE);
		break;
	case OCW2_EOI_SPECIFIC:
	case OCW2_EOI_SPECIFIC_ROTATE:
		if (c->isr & BIT(line))
			end_service(pic, c, BIT(line));
		if (command == OCW2_EOI_SPECIFIC)
			break;
		fallthrough;
	case OCW2_SET_PRIORITY:
		c->priority_add = (line + 1) & 7;
		break;
	}
}

/* The odd port: initialization words in their order, else the mask. */
static void write_data(struct pic_chip *c, u8 value)
{
	u8 last = c->init4 & ICW1_IC4 ? STATE_ICW4 : STATE_READY;

	switch (c->init_state) {
	case STATE_ICW2:
		c->irq_base = value & 0xf8;
		c->init_state = c->init4 & ICW1_SINGLE ? last : STATE_ICW3;
		break;
	case STATE_ICW3:
		/* The wiring is what it is. */
		c->init_state = last;
		break;
	case STATE_ICW4:
		c->auto_eoi = !!(value & ICW4_AUTO_EOI);
		c->special_fully_nested_mode = !!(value & ICW4_SFNM);
		c->init_state = STATE_READY;
		break;
	default:
		c->imr = value;
	}
}

static struct pic_chip *chip_of(struct pic *pic, u16 port)
{
	return &pic->chip[(port & 0xff00) == 0x400 ? port & 1 : port >> 7 & 1];
}

static bool is_elcr(u16 port)
{
	return (port & ~1) == 0x4d0;
}

/**
 * pic_has_port() - is the port one of the pair's?
 * @port: the port
 */
bool pic_has_port(u16 port)
{
	return (port & ~0x81) == 0x20 || is_elcr(port);
}

/**
 * pic_write() - OUT of a byte
 * @pic: the pair
 * @port: one for which pic_has_port() is true
 * @value: what is written
 */
void pic_write(struct pic *pic, u16 port, u8 value)
{
	struct pic_chip *c = chip_of(pic, port);

	if (is_elcr(port)) {
		c->elcr = value & c->elcr_mask;
		c->irr = (c->irr & ~c->elcr) | (c->last_irr & c->elcr);
	} else if (port & 1) {
		write_data(c, value);
	} else if (value & ICW1_SELECT) {
		begin_init(pic, c, value);
	} else if (value & OCW3_SELECT) {
		write_ocw3(c, value);
	} else {
		write_ocw2(pic, c, value);
	}
	update(pic);
}

/* A read after the poll command is an acknowledge cycle of its own. */
static u8 read_poll(struct pic *pic, struct pic_chip *c)
{
	int line = chip_pending(pic, c);

	c->poll = 0;
	if (line < 0)
		return 7;
	take(pic, c, line);
	update(pic);
	return 0x80 | line;
}

/**
 * pic_read() - IN of a byte
 * @pic: the pair
 * @port: one for which pic_has_port() is true
 */
u8 pic_read(struct pic *pic, u16 port)
{
	struct pic_chip *c = chip_of(pic, port);

	if (is_elcr(port))
		return c->elcr;
	if (c->poll)
		return read_poll(pic, c);
	if (port & 1)
		return c->imr;
	return c->read_reg_select ? c->isr : c->irr;
}

/**
 * pic_get_chip() - state of the master (0) or slave (1), for KVM_GET_IRQCHIP
 * @pic: the pair
 * @n: 0 master, 1 slave
 * @image: the image
 */
void pic_get_chip(const struct pic *pic, unsigned int n, struct pic_chip *image)
{
	*image = pic->chip[n & 1];
}

/**
 * pic_set_chip() - restore one chip from an image of any content
 * @pic: the pair
 * @n: 0 master, 1 slave
 * @image: the image
 */
void pic_set_chip(struct pic *pic, unsigned int n, const struct pic_chip *image)
{
	struct pic_chip *c = &pic->chip[n & 1];

	/* A base that no guest could write, and the mask, are kept as they come: an image is given back as it was. */
	*c = *image;
	c->elcr &= c->elcr_mask;
	c->priority_add &= 7;
	c->init_state &= 3;
	c->init4 &= ICW1_IC4 | ICW1_SINGLE;
	c->read_reg_select = !!c->read_reg_select;
	c->poll = !!c->poll;
	c->special_mask = !!c->special_mask;
	c->auto_eoi = !!c->auto_eoi;
	c->rotate_on_auto_eoi = !!c->rotate_on_auto_eoi;
	c->special_fully_nested_mode = !!c->special_fully_nested_mode;
	update(pic);
}
