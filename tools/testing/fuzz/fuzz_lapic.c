// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC under any sequence of accesses, messages and images: what it keeps beside the register page agrees with
 * the page, and the page holds nothing that an APIC cannot hold.
 */
#include <stdint.h>
#include <stdlib.h>

#include "irqchip/lapic_core.h"

struct step {
	u8 op;
	u8 reg;
	u16 wide;
	u32 value;
} __packed;

static u64 now;

static u64 clock_ns(struct lapic *apic)
{
	return now;
}

static const struct lapic_ops ops = { .now_ns = clock_ns };

static void check(bool ok)
{
	if (!ok)
		abort();
}

static int highest(const struct lapic *apic, u32 reg)
{
	int v;

	for (v = 255; v >= 0; v--) {
		if (lapic_test(apic, reg, v))
			return v;
	}
	return -1;
}

static void check_priorities(struct lapic *apic)
{
	int irr = highest(apic, LAPIC_IRR), isr = highest(apic, LAPIC_ISR);
	u32 tpr = lapic_get(apic, LAPIC_TPR);
	u32 ppr = isr >= 0 && (u32)(isr & 0xf0) > (tpr & 0xf0) ? isr & 0xf0 : tpr;

	check(apic->isr_top == isr);
	check(lapic_highest_irr(apic) == irr);
	check(lapic_ppr(apic) == ppr);
	check(lapic_pending(apic) == (irr >= 0 && (u32)irr >> 4 > ppr >> 4 ? irr : -1));
	check(!(lapic_get(apic, LAPIC_IRR) & 0xffff) && !(lapic_get(apic, LAPIC_ISR) & 0xffff));
}

static void check_registers(struct lapic *apic)
{
	u32 svr = lapic_get(apic, LAPIC_SVR), reg;

	check(apic->enabled == (apic->mode != LAPIC_MODE_DISABLED && (svr & LAPIC_SVR_ENABLE)));
	if (apic->mode == LAPIC_MODE_X2APIC) {
		check(lapic_get(apic, LAPIC_ID) == apic->id);
		check(lapic_get(apic, LAPIC_LDR) == (apic->id >> 4 << 16 | 1U << (apic->id & 15)));
	}
	for (reg = 0; reg < LAPIC_REGS_SIZE; reg++)
		check(!(reg & 12) || !apic->regs[reg]);
}

static void check_timer(struct lapic *apic)
{
	u64 next = lapic_timer_next(apic, now);

	check(next > now);
	check(lapic_timer_count(apic, now) <= lapic_get(apic, LAPIC_TMICT));
	check(!lapic_read_deadline(apic) || apic->timer.mode == LAPIC_TIMER_DEADLINE);
	check(!apic->timer.counting || apic->timer.mode <= LAPIC_TIMER_PERIODIC);
	if (next != LAPIC_TIMER_NEVER && apic->timer.period)
		check(lapic_timer_next(apic, next) - next == apic->timer.period);
}

/* What is saved comes back as it was. */
static void check_image(struct lapic *apic, bool ids32)
{
	static _Alignas(16) u8 regs[LAPIC_REGS_SIZE];
	u8 image[LAPIC_REGS_SIZE], again[LAPIC_REGS_SIZE];
	struct lapic copy = *apic;

	memset(regs, 0, sizeof(regs));
	copy.regs = regs;
	lapic_get_state(apic, image, ids32);
	check(lapic_set_state(&copy, image, ids32) >= 0);
	lapic_get_state(&copy, again, ids32);
	/* A stopped timer in periodic mode is taken for one at the turn of a period. */
	if (!apic->timer.counting && apic->timer.mode == LAPIC_TIMER_PERIODIC)
		memcpy(again + LAPIC_TMCCT, image + LAPIC_TMCCT, 4);
	check(!memcmp(image, again, sizeof(image)));
	check_priorities(&copy);
	check_registers(&copy);
}

static void take(struct lapic *apic)
{
	int vector = lapic_pending(apic);

	if (vector >= 0)
		lapic_ack(apic, vector);
}

static void set_image(struct lapic *apic, const struct step *s, const uint8_t *data, size_t size)
{
	u8 image[LAPIC_REGS_SIZE];
	size_t i;

	for (i = 0; i < sizeof(image); i++)
		image[i] = data[(i * s->value + s->reg) % size];
	lapic_set_state(apic, image, s->wide & 1);
}

static void do_step(struct lapic *apic, const struct step *s, const uint8_t *data, size_t size)
{
	u64 wide = s->value | (u64)s->wide << 32, value;
	struct lapic_msg msg;
	u8 buffer[16];

	/* The page is there in xAPIC mode only. */
	if (s->op % 20 <= 4 && apic->mode != LAPIC_MODE_XAPIC)
		return;
	switch (s->op % 20) {
	case 0:
	case 1:
	case 2:
		lapic_mmio_write(apic, s->reg << 4, 4, &s->value);
		break;
	case 3:
		lapic_mmio_write(apic, (s->reg << 4) + (s->wide & 15), s->wide >> 4 & 15, &wide);
		break;
	case 4:
		lapic_mmio_read(apic, (s->reg << 4) + (s->wide & 15), s->wide >> 4 & 15, buffer);
		break;
	case 5:
	case 6:
		lapic_msr_write(apic, LAPIC_MSR_FIRST + s->reg, wide);
		break;
	case 7:
		if (!lapic_msr_read(apic, LAPIC_MSR_FIRST + s->reg, &value) &&
		    s->reg != LAPIC_ICR >> 4)
			check(value <= 0xffffffff);
		break;
	case 8:
	case 9:
		lapic_accept(apic, s->reg & 7, s->value, s->wide & 1);
		break;
	case 10:
	case 11:
		take(apic);
		break;
	case 12:
		lapic_eoi(apic);
		break;
	case 13:
		lapic_set_base(apic, LAPIC_BASE_DEFAULT | (s->value & 0xd00), 0, s->reg & 1);
		break;
	case 14:
		lapic_set_lint(apic, s->reg & 1, s->value & 1);
		break;
	case 15:
		now += wide;
		lapic_timer_fire(apic);
		break;
	case 16:
		lapic_write_deadline(apic, wide);
		lapic_deadline_expire(apic, s->reg * wide);
		break;
	case 17:
		lapic_configure(apic, s->value & 0x3f);
		break;
	case 18:
		set_image(apic, s, data, size);
		break;
	case 19:
		lapic_icr_message(apic, &msg);
		lapic_local_interrupt(apic, 0x2f0 + (s->reg & 15) * 16);
		if (s->value & 1)
			lapic_init_reset(apic, s->value & 2);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(16) u8 regs[LAPIC_REGS_SIZE];
	struct lapic apic;
	struct step s;
	size_t at;

	now = 1000;
	memset(regs, 0, sizeof(regs));
	lapic_init(&apic, regs, size ? data[0] * 3 : 0, &ops);
	lapic_configure(&apic, LAPIC_F_X2APIC | LAPIC_F_DEADLINE);
	for (at = 0; at + sizeof(s) <= size; at += sizeof(s)) {
		memcpy(&s, data + at, sizeof(s));
		do_step(&apic, &s, data, size);
		check_priorities(&apic);
		/* A change of features does not rewrite registers. */
		if (s.op % 20 == 17)
			lapic_configure(&apic, LAPIC_F_X2APIC | LAPIC_F_DEADLINE);
		check_registers(&apic);
		check_timer(&apic);
		check_image(&apic, s.reg & 1);
	}
	return 0;
}
