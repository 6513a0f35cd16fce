// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PIT under any sequence of accesses at any times: an edge that is announced is one, there is none before it, and
 * what can be read is what a counter can hold.
 */
#include <stdint.h>
#include <stdlib.h>

#include "irqchip/pit_core.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_edge(struct pit *pit, u64 now)
{
	struct pit copy = *pit;
	u64 edge = pit_next_edge(&copy, now);

	if (edge == PIT_NEVER)
		return;
	check(edge > now);
	/* Counts of 1 are illegal in these modes, and OUT does not move. */
	if ((copy.ch[0].c.mode == 2 || copy.ch[0].c.mode == 3) &&
	    (copy.ch[0].c.count < 2 || copy.ch[0].next_count == 1))
		return;
	check(!pit_output(&copy, 0, edge - 1));
	copy = *pit;
	check(pit_output(&copy, 0, edge));
}

static void check_channels(struct pit *pit, u64 now)
{
	unsigned int n;

	for (n = 0; n < PIT_NR_CHANNELS; n++) {
		struct pit copy = *pit;
		const struct pit_channel_image *c = &pit->ch[n].c;

		check(c->mode <= 5 && c->count >= 1 && c->count <= (c->bcd ? 10000 : 0x10000));
		check(pit_counter(&copy, n, now) < (c->bcd ? 10000 : 0x10000));
		check(c->read_state <= 4 && c->write_state <= 4 && c->count_latched <= 3);
	}
}

static void restore(struct pit *pit, u8 op, u64 now, const uint8_t *data, size_t size)
{
	struct pit_image image;
	size_t i;

	if (op & 0x80) {
		pit_get_state(pit, &image, now);
	} else {
		for (i = 0; i < sizeof(image); i++)
			((u8 *)&image)[i] = data[(i * (op | 1)) % size];
	}
	pit_set_state(pit, &image, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u64 now = 1000000;
	struct pit pit;
	size_t i;

	pit_init(&pit, now);
	for (i = 0; i + 4 <= size; i += 4) {
		u8 op = data[i], value = data[i + 1];

		now += (u64)(data[i + 2] | data[i + 3] << 8) << (op >> 4 & 15);
		switch (op & 7) {
		case 0:
		case 1:
		case 2:
			pit_write(&pit, op & 3, value, now);
			break;
		case 3:
			pit_write(&pit, 3, value, now);
			break;
		case 4:
			pit_read(&pit, value & 3, now);
			break;
		case 5:
			pit_write_speaker(&pit, value, now);
			break;
		case 6:
			check((pit_read_speaker(&pit, now) & 0xcc) == 0);
			break;
		case 7:
			restore(&pit, value, now, data, size);
			break;
		}
		check_channels(&pit, now);
		check_edge(&pit, now);
	}
	return 0;
}
