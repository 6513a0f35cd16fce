// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC under any sequence of accesses, line changes, EOIs and images: no level that should be delivered is left
 * lying, nothing is delivered while it is in service, and a call delivers a bounded number of times.
 */
#include <stdint.h>
#include <stdlib.h>

#include "irqchip/ioapic_core.h"

static int answer;
static u32 refused, sent, times;

static void check(bool ok)
{
	if (!ok)
		abort();
}

static int deliver(struct ioapic *ioapic, unsigned int pin, const struct lapic_msg *msg)
{
	u64 entry = ioapic->redir[pin];

	check(pin < IOAPIC_NR_PINS);
	check(!(entry & (IOAPIC_MASKED | IOAPIC_REMOTE_IRR)));
	check(ioapic->irr >> pin & 1);
	check(!(sent >> pin & 1) || !msg->level);
	check(msg->vector == (u8)entry);
	times++;
	sent |= 1U << pin;
	refused &= ~(1U << pin);
	if (answer < 0)
		refused |= 1U << pin;
	return answer;
}

static const struct ioapic_ops ops = { .deliver = deliver };

static bool is_level(u64 entry)
{
	return (entry & IOAPIC_LEVEL) && (entry >> 8 & 7) <= LAPIC_DM_LOWEST;
}

static void check_pins(const struct ioapic *ioapic)
{
	unsigned int pin;

	check(times <= IOAPIC_NR_PINS);
	check(!(ioapic->irr >> IOAPIC_NR_PINS));
	for (pin = 0; pin < IOAPIC_NR_PINS; pin++) {
		u64 entry = ioapic->redir[pin];
		bool high = ioapic->irr >> pin & 1;

		check(!(entry & 0x00fffffffffe1000ULL));
		check(is_level(entry) || !(entry & IOAPIC_REMOTE_IRR));
		if (high && is_level(entry) && !(entry & (IOAPIC_MASKED | IOAPIC_REMOTE_IRR)))
			check((refused | ioapic->delayed) >> pin & 1);
		if (high && !is_level(entry) && !(entry & IOAPIC_MASKED))
			check((refused | ioapic->delivered) >> pin & 1);
	}
}

static void check_image(const struct ioapic *ioapic)
{
	struct ioapic_image image, again;
	struct ioapic copy;
	u32 saved_refused = refused, saved_sent = sent;

	ioapic_get_state(ioapic, &image);
	ioapic_init(&copy, ioapic->version, &ops);
	answer = -1;
	sent = 0;
	ioapic_set_state(&copy, &image);
	ioapic_get_state(&copy, &again);
	/* Edges on masked pins are not held. */
	check(!(again.irr & ~image.irr));
	again.irr = image.irr;
	check(!memcmp(&image, &again, sizeof(image)));
	refused = saved_refused;
	sent = saved_sent;
}

static void do_step(struct ioapic *ioapic, u8 op, u32 value, const uint8_t *data, size_t size)
{
	struct ioapic_image image;
	unsigned int pin = value % IOAPIC_NR_PINS;
	size_t i;

	switch (op & 7) {
	case 0:
	case 1:
		ioapic_write(ioapic, 0, op >> 3 & 1 ? value : 0x10 + 2 * pin);
		ioapic_write(ioapic, 0x10, value >> 8);
		break;
	case 2:
	case 3:
		ioapic_set_irq(ioapic, pin, value & 0x100);
		break;
	case 4:
		ioapic_eoi_end(ioapic, ioapic_eoi(ioapic, value));
		break;
	case 5:
		ioapic_eoi_end(ioapic, ioapic_write(ioapic, value & 0x70, value >> 8));
		ioapic_read(ioapic, value & 0xf0);
		break;
	case 6:
		/* As if it had stormed. */
		ioapic->storm[pin] = IOAPIC_STORM_EOIS - 1;
		if (value & 0x100)
			ioapic_redeliver(ioapic);
		break;
	case 7:
		for (i = 0; i < sizeof(image); i++)
			((u8 *)&image)[i] = data[(i * (value | 1)) % size];
		ioapic_set_state(ioapic, &image);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ioapic ioapic;
	size_t i;

	refused = 0;
	ioapic_init(&ioapic, size && data[0] & 1 ? IOAPIC_VERSION_EOI : IOAPIC_VERSION_82093AA,
		    &ops);
	for (i = 0; i + 5 <= size; i += 5) {
		u32 value;

		memcpy(&value, data + i + 1, 4);
		answer = (data[i] >> 6) - 1;
		sent = times = 0;
		do_step(&ioapic, data[i], value, data, size);
		check_pins(&ioapic);
		check_image(&ioapic);
	}
	return 0;
}
