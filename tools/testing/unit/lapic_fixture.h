/* SPDX-License-Identifier: GPL-2.0-only */
/* An APIC on a clock that the test turns by hand. */
#ifndef UNIT_LAPIC_FIXTURE_H
#define UNIT_LAPIC_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "irqchip/lapic_core.h"
#include "irqchip/lapic_map.h"

static u64 test_now;

static inline u64 test_clock(struct lapic *apic)
{
	(void)apic;
	return test_now;
}

static const struct lapic_ops test_ops = { .now_ns = test_clock };

#define TEST_FEATURES (LAPIC_F_X2APIC | LAPIC_F_DEADLINE)

struct fixture {
	struct lapic apic;
	_Alignas(4096) u8 regs[4096];
};

static inline struct lapic *test_apic(struct fixture *f, u32 id)
{
	memset(f, 0, sizeof(*f));
	memset(f->regs, 0xee, sizeof(f->regs));
	memset(f->regs, 0, LAPIC_REGS_SIZE);
	lapic_init(&f->apic, f->regs, id, &test_ops);
	lapic_configure(&f->apic, TEST_FEATURES);
	return &f->apic;
}

static inline u32 mmio_read(struct lapic *apic, u32 reg)
{
	u32 value = 0xdeadbeef;

	lapic_mmio_read(apic, reg, 4, &value);
	return value;
}

static inline u32 mmio_write(struct lapic *apic, u32 reg, u32 value)
{
	return lapic_mmio_write(apic, reg, 4, &value);
}

static inline void test_enable(struct lapic *apic)
{
	mmio_write(apic, LAPIC_SVR, 0x1ff);
}

static inline void test_x2apic(struct lapic *apic)
{
	assert_true(lapic_set_base(apic, apic->base | LAPIC_BASE_X2APIC, 0, false) >= 0);
}

static inline u32 msr_of(u32 reg)
{
	return LAPIC_MSR_FIRST + (reg >> 4);
}

/* Takes the pending interrupt, as the CPU would: its vector, or -1. */
static inline int take(struct lapic *apic)
{
	int vector = lapic_pending(apic);

	if (vector >= 0)
		lapic_ack(apic, vector);
	return vector;
}

#endif /* UNIT_LAPIC_FIXTURE_H */
