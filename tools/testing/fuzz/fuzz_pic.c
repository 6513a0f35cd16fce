// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PIC pair under any sequence of accesses and line changes, against a second look at priorities that goes through the
 * lines one by one.
 */
#include <stdint.h>
#include <stdlib.h>

#include "irqchip/pic_core.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* Walks from the highest priority down until a line asks or blocks. */
static int asking(const struct pic_chip *c, bool master)
{
	unsigned int i, line;

	for (i = 0; i < 8; i++) {
		bool asks, blocks;

		line = (c->priority_add + i) % 8;
		asks = (c->irr & ~c->imr) >> line & 1;
		blocks = c->isr >> line & 1;
		if (c->special_mask && (c->imr >> line & 1))
			blocks = false;
		/* The slave's higher lines come in beside its lower ones, and nobody else's. */
		if (master && c->special_fully_nested_mode && line == 2 && asks)
			blocks = false;
		if (blocks)
			return -1;
		if (asks)
			return line;
	}
	return -1;
}

static void check_pair(const struct pic *pic)
{
	bool cascade = asking(&pic->chip[1], false) >= 0;
	unsigned int i;

	check((pic->chip[0].irr >> 2 & 1) == cascade);
	check(pic->output == (asking(&pic->chip[0], true) >= 0));
	for (i = 0; i < 2; i++) {
		const struct pic_chip *c = &pic->chip[i];

		check(c->priority_add < 8 && c->init_state < 4);
		check(!(c->elcr & ~c->elcr_mask));
		/* A level-triggered line asks as long as it is high, and no longer. */
		check((c->irr & c->elcr) == (c->last_irr & c->elcr));
	}
}

static void acknowledge(struct pic *pic)
{
	int master = asking(&pic->chip[0], true), slave = asking(&pic->chip[1], false);
	u8 base[2] = { pic->chip[0].irq_base, pic->chip[1].irq_base };
	int vector = pic_ack(pic);

	if (master == 2)
		check(vector == (u8)(base[1] + (slave >= 0 ? slave : 7)));
	else
		check(vector == (u8)(base[0] + (master >= 0 ? master : 7)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x20, 0xa0 };
	struct pic_chip image[2];
	struct pic pic, copy;
	size_t i;

	pic_init(&pic);
	for (i = 0; i + 2 <= size; i += 2) {
		u8 op = data[i], value = data[i + 1];

		switch (op & 7) {
		case 0:
		case 1:
		case 2:
			pic_write(&pic, ports[op >> 3 & 7], value);
			break;
		case 3:
			pic_read(&pic, ports[op >> 3 & 7]);
			break;
		case 4:
		case 5:
			pic_set_irq(&pic, op >> 3 & 15, value & 1);
			break;
		case 6:
			acknowledge(&pic);
			break;
		case 7:
			memset(image, value, sizeof(image));
			image[0].elcr = image[0].last_irr = op;
			image[0].irr = op;
			if (!(op & 0x80))
				break;
			pic_set_chip(&pic, op >> 3 & 1, image);
			break;
		}
		check_pair(&pic);
		pic_get_chip(&pic, 0, &image[0]);
		pic_get_chip(&pic, 1, &image[1]);
		pic_init(&copy);
		pic_set_chip(&copy, 0, &image[0]);
		pic_set_chip(&copy, 1, &image[1]);
		check(copy.output == pic.output && !memcmp(copy.chip, pic.chip, sizeof(pic.chip)));
	}
	return 0;
}
