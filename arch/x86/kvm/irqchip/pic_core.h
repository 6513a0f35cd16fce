/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two cascaded 8259A interrupt controllers with the edge/level control
 * registers of the PC chipset, as a pure state machine.
 *
 * Intel 8259A data sheet; ELCR: 82371AB (PIIX4) data sheet, 4.2.4.  One caller
 * at a time.  After every call pic.output is the level of the master's INT pin
 * and pic.acked has gained the lines whose service ended.
 */
#ifndef KVM_X86_IRQCHIP_PIC_CORE_H
#define KVM_X86_IRQCHIP_PIC_CORE_H

#include "../pure.h"

#define PIC_NR_PINS 16
#define PIC_CASCADE_PIN 2

/*
 * One chip, laid out as struct kvm_pic_state.
 *
 * @last_irr is the level of each line, @priority_add the line with the highest
 * priority.  @init4 is bits 1:0 of ICW1: ICW4 follows, ICW3 does not.
 */
struct pic_chip {
	u8 last_irr;
	u8 irr;
	u8 imr;
	u8 isr;
	u8 priority_add;
	u8 irq_base;
	u8 read_reg_select;
	u8 poll;
	u8 special_mask;
	u8 init_state; /* next initialization word, 0: none */
	u8 auto_eoi;
	u8 rotate_on_auto_eoi;
	u8 special_fully_nested_mode;
	u8 init4;
	u8 elcr;
	u8 elcr_mask;
};

/**
 * struct pic - the pair
 * @chip:	master and slave
 * @output:	level of the interrupt request to the CPU
 * @acked:	bit n: line n's service has ended (EOI, automatic EOI,
 *		initialization); the user clears it
 */
struct pic {
	struct pic_chip chip[2];
	bool output;
	u16 acked;
};

void pic_init(struct pic *pic);
int pic_set_irq(struct pic *pic, unsigned int pin, bool level);
int pic_ack(struct pic *pic);
bool pic_has_port(u16 port);
u8 pic_read(struct pic *pic, u16 port);
void pic_write(struct pic *pic, u16 port, u8 value);
void pic_get_chip(const struct pic *pic, unsigned int n, struct pic_chip *image);
void pic_set_chip(struct pic *pic, unsigned int n, const struct pic_chip *image);

#endif /* KVM_X86_IRQCHIP_PIC_CORE_H */
