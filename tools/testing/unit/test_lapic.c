// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC: registers, priorities, modes, IPIs, saving and restoring. */
#include "lapic_fixture.h"

static struct fixture f;

static struct lapic *fresh(u32 id)
{
	test_now = 1000000;
	return test_apic(&f, id);
}

static struct lapic *enabled(u32 id)
{
	struct lapic *apic = fresh(id);

	test_enable(apic);
	return apic;
}

/* ---- registers */

static void reset_state_is_the_manuals(void **state)
{
	struct lapic *apic = fresh(5);
	static const u16 lvts[] = { LAPIC_LVT_TIMER, LAPIC_LVT_THERMAL, LAPIC_LVT_PERF,
				    LAPIC_LVT_LINT0, LAPIC_LVT_LINT1,	LAPIC_LVT_ERROR };
	u32 i;

	assert_int_equal(mmio_read(apic, LAPIC_ID), 5 << 24);
	assert_int_equal(mmio_read(apic, LAPIC_VERSION), 0x00050014);
	assert_int_equal(mmio_read(apic, LAPIC_SVR), 0xff);
	assert_int_equal(mmio_read(apic, LAPIC_DFR), 0xffffffff);
	assert_int_equal(mmio_read(apic, LAPIC_LDR), 0);
	assert_int_equal(mmio_read(apic, LAPIC_TPR), 0);
	for (i = 0; i < ARRAY_SIZE(lvts); i++)
		assert_int_equal(mmio_read(apic, lvts[i]), LAPIC_LVT_MASKED);
	assert_int_equal(apic->base, 0xfee00800);
	lapic_reset(apic, true, true);
	assert_int_equal(apic->base, 0xfee00900);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_LINT0), 0x700);
}

static void version_shows_features(void **state)
{
	struct lapic *apic = fresh(0);

	lapic_configure(apic, LAPIC_F_CMCI | LAPIC_F_DIRECTED_EOI);
	assert_int_equal(mmio_read(apic, LAPIC_VERSION), 0x01060014);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_CMCI), LAPIC_LVT_MASKED);
	assert_int_equal(apic->esr, 0);
	lapic_configure(apic, 0);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_CMCI), 0);
	assert_int_equal(apic->esr, LAPIC_ESR_ILLEGAL_REG);
}

static void mmio_narrow_and_crossing_reads(void **state)
{
	struct lapic *apic = fresh(0x12);
	u8 byte = 1;
	u16 half = 1;
	u64 wide = ~0ULL;

	lapic_mmio_read(apic, LAPIC_ID + 3, 1, &byte);
	assert_int_equal(byte, 0x12);
	lapic_mmio_read(apic, LAPIC_VERSION + 2, 2, &half);
	assert_int_equal(half, 5);
	lapic_mmio_read(apic, LAPIC_ID, 8, &wide);
	assert_int_equal(wide, 0);
	lapic_mmio_read(apic, LAPIC_ID + 4, 4, &wide);
	assert_int_equal(apic->esr, 0);
}

static void mmio_odd_writes_are_ignored(void **state)
{
	struct lapic *apic = fresh(0);
	u32 value = 0xffffffff;

	lapic_mmio_write(apic, LAPIC_TPR, 2, &value);
	lapic_mmio_write(apic, LAPIC_TPR + 1, 4, &value);
	lapic_mmio_write(apic, LAPIC_TPR + 4, 4, &value);
	assert_int_equal(mmio_read(apic, LAPIC_TPR), 0);
	mmio_write(apic, LAPIC_VERSION, 0xffffffff);
	assert_int_equal(mmio_read(apic, LAPIC_VERSION), 0x00050014);
	assert_int_equal(apic->esr, 0);
}

static void reserved_register_sets_the_esr(void **state)
{
	static const u16 reserved[] = { 0x000, 0x010, 0x040, 0x2f0, 0x3a0, 0x3f0, 0x400, 0xff0 };
	struct lapic *apic = enabled(0);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(reserved); i++) {
		mmio_write(apic, LAPIC_ESR, 0);
		mmio_write(apic, LAPIC_ESR, 0);
		assert_int_equal(mmio_read(apic, LAPIC_ESR), 0);
		if (i & 1)
			assert_int_equal(mmio_read(apic, reserved[i]), 0);
		else
			mmio_write(apic, reserved[i], 0);
		assert_int_equal(mmio_read(apic, LAPIC_ESR), 0);
		mmio_write(apic, LAPIC_ESR, 0);
		assert_int_equal(mmio_read(apic, LAPIC_ESR), LAPIC_ESR_ILLEGAL_REG);
	}
}

static void error_interrupt_comes_once_an_error(void **state)
{
	struct lapic *apic = enabled(0);

	mmio_write(apic, LAPIC_LVT_ERROR, 0xfe);
	assert_int_equal(mmio_read(apic, 0x400), 0);
	assert_int_equal(take(apic), 0xfe);
	lapic_eoi(apic);
	mmio_read(apic, 0x400);
	assert_int_equal(take(apic), -1);
	mmio_write(apic, LAPIC_ESR, 0);
	mmio_read(apic, 0x400);
	assert_int_equal(take(apic), 0xfe);
}

static void error_vector_below_16_does_not_recurse(void **state)
{
	struct lapic *apic = enabled(0);

	mmio_write(apic, LAPIC_LVT_ERROR, 3);
	mmio_read(apic, 0x400);
	assert_int_equal(take(apic), -1);
	assert_int_equal(apic->esr, LAPIC_ESR_ILLEGAL_REG | LAPIC_ESR_RECEIVE_VECTOR);
}

static void lvt_bits(void **state)
{
	struct lapic *apic = enabled(0);

	mmio_write(apic, LAPIC_LVT_TIMER, 0xffffffff);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_TIMER), 0x000700ff);
	mmio_write(apic, LAPIC_LVT_LINT0, 0xffffffff);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_LINT0), 0x0001a7ff);
	mmio_write(apic, LAPIC_LVT_PERF, 0xffffffff);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_PERF), 0x000107ff);
	mmio_write(apic, LAPIC_LVT_ERROR, 0xffffffff);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_ERROR), 0x000100ff);
	lapic_configure(apic, 0);
	mmio_write(apic, LAPIC_LVT_TIMER, 0xffffffff);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_TIMER), 0x000300ff);
}

static void software_disable_masks_and_refuses(void **state)
{
	struct lapic *apic = enabled(0);

	mmio_write(apic, LAPIC_LVT_LINT0, 0x31);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x50, false), LAPIC_ACCEPTED);
	mmio_write(apic, LAPIC_SVR, 0xff);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_LINT0), 0x10031);
	mmio_write(apic, LAPIC_LVT_LINT0, 0x31);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_LINT0), 0x10031);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x51, false), LAPIC_REFUSED);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_LOWEST, 0x51, false), LAPIC_REFUSED);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_NMI, 0, false), LAPIC_TAKE_NMI);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_INIT, 0, false), LAPIC_TAKE_INIT);
	/* What is in the IRR is held, not dropped. */
	assert_int_equal(take(apic), 0x50);
	/* IPIs can still be sent. */
	assert_int_equal(mmio_write(apic, LAPIC_ICR, 0x44), LAPIC_FX_IPI);
}

/* ---- priorities */

static void vectors_below_16_are_errors(void **state)
{
	struct lapic *apic = enabled(0);
	u32 v;

	for (v = 0; v < 16; v++)
		assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, v, false), LAPIC_REFUSED);
	assert_int_equal(lapic_highest_irr(apic), -1);
	assert_int_equal(apic->esr, LAPIC_ESR_RECEIVE_VECTOR);
}

static void every_vector_goes_through(void **state)
{
	struct lapic *apic = enabled(0);
	u32 v;

	for (v = 16; v < 256; v++) {
		assert_int_equal(lapic_accept_fixed(apic, v, false), LAPIC_ACCEPTED);
		assert_int_equal(lapic_accept_fixed(apic, v, false), LAPIC_COALESCED);
		assert_int_equal(lapic_highest_irr(apic), v);
		assert_int_equal(take(apic), v);
		assert_int_equal(lapic_highest_irr(apic), -1);
		assert_int_equal(apic->irr_words, 0);
		assert_int_equal(mmio_read(apic, LAPIC_PPR), v & 0xf0);
		assert_int_equal(mmio_read(apic, LAPIC_ISR + v / 32 * 16), 1U << v % 32);
		assert_int_equal(lapic_eoi(apic), 0);
		assert_int_equal(apic->isr_top, -1);
	}
}

static void all_pending_come_from_the_top(void **state)
{
	struct lapic *apic = enabled(0);
	int v;

	for (v = 16; v < 256; v++)
		lapic_accept_fixed(apic, v, false);
	for (v = 255; v >= 16; v--) {
		assert_int_equal(take(apic), v);
		assert_int_equal(take(apic), -1);
		assert_int_equal(lapic_eoi(apic), v == 16 ? 0 : LAPIC_FX_EVENTS);
	}
}

static void higher_class_nests_same_class_waits(void **state)
{
	struct lapic *apic = enabled(0);

	lapic_accept_fixed(apic, 0x41, false);
	assert_int_equal(take(apic), 0x41);
	lapic_accept_fixed(apic, 0x4f, false);
	assert_int_equal(take(apic), -1);
	lapic_accept_fixed(apic, 0x50, false);
	assert_int_equal(take(apic), 0x50);
	assert_int_equal(mmio_read(apic, LAPIC_PPR), 0x50);
	lapic_eoi(apic);
	assert_int_equal(apic->isr_top, 0x41);
	assert_int_equal(take(apic), -1);
	assert_int_equal(lapic_eoi(apic), LAPIC_FX_EVENTS);
	assert_int_equal(take(apic), 0x4f);
}

static void vector_in_service_can_pend_again(void **state)
{
	struct lapic *apic = enabled(0);

	lapic_accept_fixed(apic, 0x60, false);
	assert_int_equal(take(apic), 0x60);
	assert_int_equal(lapic_accept_fixed(apic, 0x60, false), LAPIC_ACCEPTED);
	assert_int_equal(take(apic), -1);
	lapic_eoi(apic);
	assert_int_equal(take(apic), 0x60);
}

static void tpr_and_ppr(void **state)
{
	struct lapic *apic = enabled(0);

	lapic_accept_fixed(apic, 0x53, false);
	assert_int_equal(mmio_write(apic, LAPIC_TPR, 0x50), LAPIC_FX_EVENTS);
	assert_int_equal(lapic_pending(apic), -1);
	assert_int_equal(lapic_highest_irr(apic), 0x53);
	mmio_write(apic, LAPIC_TPR, 0xffffff4f);
	assert_int_equal(mmio_read(apic, LAPIC_TPR), 0x4f);
	assert_int_equal(mmio_read(apic, LAPIC_PPR), 0x4f);
	assert_int_equal(take(apic), 0x53);
	assert_int_equal(mmio_read(apic, LAPIC_PPR), 0x50);
	mmio_write(apic, LAPIC_TPR, 0x57);
	assert_int_equal(mmio_read(apic, LAPIC_PPR), 0x57);
	lapic_eoi(apic);
	assert_int_equal(mmio_read(apic, LAPIC_PPR), 0x57);
	assert_int_equal(mmio_write(apic, LAPIC_TPR, 0), 0);
}

static void eoi_without_service_does_nothing(void **state)
{
	struct lapic *apic = enabled(0);

	lapic_accept_fixed(apic, 0x60, true);
	assert_int_equal(mmio_write(apic, LAPIC_EOI, 0), 0);
	assert_int_equal(lapic_pending(apic), 0x60);
}

/* Whether an EOI may be done without anybody noticing */
static void one_in_service_is_told_from_more(void **state)
{
	struct fixture f;
	struct lapic *apic = test_apic(&f, 0);

	test_enable(apic);
	assert_false(lapic_serves_one(apic));
	lapic_request(apic, 0x51, false);
	assert_false(lapic_serves_one(apic));
	lapic_ack(apic, 0x51);
	assert_true(lapic_serves_one(apic));
	/* Another one waits for its end, */
	lapic_request(apic, 0x31, false);
	assert_false(lapic_serves_one(apic));
	/* or is interrupted by it, of the same word and of another, */
	lapic_eoi(apic);
	lapic_ack(apic, 0x31);
	assert_true(lapic_serves_one(apic));
	lapic_request(apic, 0x41, false);
	lapic_ack(apic, 0x41);
	assert_false(lapic_serves_one(apic));
	lapic_eoi(apic);
	lapic_eoi(apic);
	lapic_request(apic, 0x42, false);
	lapic_ack(apic, 0x42);
	lapic_request(apic, 0x52, false);
	lapic_ack(apic, 0x52);
	assert_false(lapic_serves_one(apic));
	lapic_eoi(apic);
	assert_true(lapic_serves_one(apic));
	lapic_eoi(apic);
	/* or somebody is told of it. */
	lapic_request(apic, 0x60, true);
	lapic_ack(apic, 0x60);
	assert_false(lapic_serves_one(apic));
	lapic_eoi(apic);
	apic->eoi_watch[3] = 1;
	lapic_request(apic, 0x60, false);
	lapic_ack(apic, 0x60);
	assert_false(lapic_serves_one(apic));
}

static void irr_hint_survives_a_late_request(void **state)
{
	struct lapic *apic = enabled(0);

	/* As if another CPU had set the IRR bit and not yet the hint. */
	*lapic_word(apic, LAPIC_IRR, 0x91) |= 1U << (0x91 & 31);
	assert_int_equal(lapic_pending(apic), -1);
	atomic_or32(&apic->irr_words, 1U << 4);
	assert_int_equal(lapic_pending(apic), 0x91);
	/* A hint without a bit costs a look and goes away. */
	atomic_or32(&apic->irr_words, 1U << 7);
	assert_int_equal(lapic_pending(apic), 0x91);
	assert_int_equal(apic->irr_words, 1U << 4);
}

/* ---- EOI broadcast */

static void level_eoi_is_broadcast(void **state)
{
	struct lapic *apic = enabled(0);
	u32 fx;

	lapic_accept(apic, LAPIC_DM_FIXED, 0x71, true);
	assert_true(lapic_test(apic, LAPIC_TMR, 0x71));
	assert_int_equal(take(apic), 0x71);
	fx = lapic_eoi(apic);
	assert_int_equal(fx & LAPIC_FX_EOI, LAPIC_FX_EOI);
	assert_int_equal(lapic_fx_vector(fx), 0x71);
	/* The next one on the vector is an edge. */
	lapic_accept(apic, LAPIC_DM_FIXED, 0x71, false);
	assert_false(lapic_test(apic, LAPIC_TMR, 0x71));
	assert_int_equal(take(apic), 0x71);
	assert_int_equal(lapic_eoi(apic), 0);
}

static void watched_edge_eoi_is_reported(void **state)
{
	struct lapic *apic = enabled(0);

	apic->eoi_watch[0x30 >> 5] = 1U << (0x30 & 31);
	lapic_accept(apic, LAPIC_DM_FIXED, 0x30, false);
	take(apic);
	assert_int_equal(lapic_eoi(apic), LAPIC_FX_EOI | 0x30 << LAPIC_FX_VECTOR_SHIFT);
	lapic_accept(apic, LAPIC_DM_FIXED, 0x31, false);
	take(apic);
	assert_int_equal(lapic_eoi(apic), 0);
}

static void directed_eoi_suppresses_the_broadcast(void **state)
{
	struct lapic *apic = enabled(0);

	mmio_write(apic, LAPIC_SVR, 0x11ff);
	assert_int_equal(mmio_read(apic, LAPIC_SVR), 0x1ff);
	lapic_configure(apic, LAPIC_F_DIRECTED_EOI);
	mmio_write(apic, LAPIC_SVR, 0x11ff);
	assert_int_equal(mmio_read(apic, LAPIC_SVR), 0x11ff);
	lapic_accept(apic, LAPIC_DM_FIXED, 0x71, true);
	take(apic);
	assert_int_equal(lapic_eoi(apic), 0);
}

/* ---- modes */

static u64 base_of(enum lapic_mode mode)
{
	static const u64 bits[] = { 0, LAPIC_BASE_ENABLE, LAPIC_BASE_ENABLE | LAPIC_BASE_X2APIC };

	return LAPIC_BASE_DEFAULT | bits[mode];
}

static void mode_transitions_by_the_guest(void **state)
{
	static const bool allowed[3][3] = {
		[LAPIC_MODE_DISABLED] = { true, true, false },
		[LAPIC_MODE_XAPIC] = { true, true, true },
		[LAPIC_MODE_X2APIC] = { true, false, true },
	};
	u32 from, to;

	for (from = 0; from < 3; from++) {
		for (to = 0; to < 3; to++) {
			struct lapic *apic = fresh(1);
			int ret;

			assert_true(lapic_set_base(apic, base_of(from), 0, true) >= 0);
			ret = lapic_set_base(apic, base_of(to), 0, false);
			if (allowed[from][to]) {
				assert_true(ret >= 0);
				assert_int_equal(apic->mode, to);
				assert_int_equal(apic->base, base_of(to));
			} else {
				assert_int_equal(ret, -EINVAL);
				assert_int_equal(apic->mode, from);
				assert_int_equal(apic->base, base_of(from));
			}
			/* The VMM may do anything. */
			assert_true(lapic_set_base(apic, base_of(to), 0, true) >= 0);
		}
	}
}

static void base_reserved_bits(void **state)
{
	struct lapic *apic = fresh(0);
	u64 ok = base_of(LAPIC_MODE_XAPIC);
	u32 bit;

	for (bit = 0; bit < 8; bit++)
		assert_int_equal(lapic_set_base(apic, ok | BIT_ULL(bit), 0, true), -EINVAL);
	assert_int_equal(lapic_set_base(apic, ok | BIT_ULL(9), 0, false), -EINVAL);
	assert_int_equal(lapic_set_base(apic, ok | BIT_ULL(52), BIT_ULL(52), false), -EINVAL);
	assert_int_equal(lapic_set_base(apic, LAPIC_BASE_DEFAULT | LAPIC_BASE_X2APIC, 0, true),
			 -EINVAL);
	lapic_configure(apic, 0);
	assert_int_equal(lapic_set_base(apic, base_of(LAPIC_MODE_X2APIC), 0, true), -EINVAL);
	assert_int_equal(apic->base, LAPIC_BASE_DEFAULT | LAPIC_BASE_ENABLE);
}

static void base_effects(void **state)
{
	struct lapic *apic = fresh(0);

	assert_int_equal(lapic_set_base(apic, 0xd0000000 | LAPIC_BASE_ENABLE, 0, false),
			 LAPIC_FX_BASE);
	assert_int_equal(lapic_set_base(apic, apic->base, 0, false), 0);
	assert_true(lapic_set_base(apic, apic->base | LAPIC_BASE_X2APIC, 0, false) & LAPIC_FX_MAP);
	assert_true(lapic_set_base(apic, 0xd0000000, 0, false) & LAPIC_FX_ENABLE);
}

static void x2apic_id_and_ldr(void **state)
{
	static const struct {
		u32 id, ldr;
	} cases[] = {
		{ 0, 0x00000001 },     { 15, 0x00008000 },	{ 16, 0x00010001 },
		{ 0x123, 0x00120008 }, { 0xfffff, 0xffff8000 },
	};
	u64 value;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lapic *apic = fresh(cases[i].id);

		mmio_write(apic, LAPIC_ID, 0x77000000);
		test_x2apic(apic);
		assert_int_equal(lapic_msr_read(apic, msr_of(LAPIC_ID), &value), 0);
		assert_int_equal(value, cases[i].id);
		assert_int_equal(lapic_msr_read(apic, msr_of(LAPIC_LDR), &value), 0);
		assert_int_equal(value, cases[i].ldr);
	}
}

static void disabling_loses_state(void **state)
{
	struct lapic *apic = enabled(3);

	mmio_write(apic, LAPIC_ID, 0x44000000);
	mmio_write(apic, LAPIC_TPR, 0x20);
	mmio_write(apic, LAPIC_TMICT, 1000);
	lapic_accept_fixed(apic, 0x90, false);
	lapic_set_base(apic, LAPIC_BASE_DEFAULT, 0, false);
	assert_int_equal(lapic_pending(apic), -1);
	assert_int_equal(lapic_timer_next(apic, test_now), LAPIC_TIMER_NEVER);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x90, false), LAPIC_REFUSED);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_NMI, 0, false), LAPIC_REFUSED);
	assert_true(lapic_takes_extint(apic));
	lapic_set_base(apic, LAPIC_BASE_DEFAULT | LAPIC_BASE_ENABLE, 0, false);
	assert_int_equal(mmio_read(apic, LAPIC_ID), 3 << 24);
	assert_int_equal(mmio_read(apic, LAPIC_TPR), 0);
	assert_int_equal(mmio_read(apic, LAPIC_SVR), 0xff);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x90, false), LAPIC_REFUSED);
	test_enable(apic);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x90, false), LAPIC_ACCEPTED);
}

static void x2apic_keeps_xapic_state(void **state)
{
	struct lapic *apic = enabled(0);

	mmio_write(apic, LAPIC_TPR, 0x30);
	lapic_accept_fixed(apic, 0x90, false);
	take(apic);
	test_x2apic(apic);
	assert_int_equal(lapic_get(apic, LAPIC_TPR), 0x30);
	assert_int_equal(apic->isr_top, 0x90);
	assert_true(apic->enabled);
}

static void init_keeps_id_and_mode(void **state)
{
	struct lapic *apic = enabled(2);

	mmio_write(apic, LAPIC_ID, 0x09000000);
	lapic_accept_fixed(apic, 0x90, false);
	lapic_accept_fixed(apic, 0x80, true);
	take(apic);
	lapic_init_reset(apic, false);
	assert_int_equal(mmio_read(apic, LAPIC_ID), 0x09000000);
	assert_int_equal(mmio_read(apic, LAPIC_SVR), 0xff);
	assert_int_equal(apic->isr_top, -1);
	assert_int_equal(lapic_highest_irr(apic), -1);
	assert_false(lapic_test(apic, LAPIC_TMR, 0x80));
	test_x2apic(apic);
	lapic_init_reset(apic, false);
	assert_int_equal(apic->mode, LAPIC_MODE_X2APIC);
	assert_int_equal(lapic_get(apic, LAPIC_LDR), 4);
	lapic_reset(apic, false, false);
	assert_int_equal(apic->mode, LAPIC_MODE_XAPIC);
	assert_int_equal(mmio_read(apic, LAPIC_ID), 0x02000000);
}

/* ---- x2APIC MSRs */

enum { RD = 1, WR = 2 };

/* What each of the 256 MSRs allows with the value 0, from the SDM's table. */
static int x2apic_access(u32 msr)
{
	switch (msr) {
	case 0x802:
	case 0x803:
	case 0x80a:
	case 0x80d:
	case 0x839:
		return RD;
	case 0x80b:
	case 0x83f:
		return WR;
	case 0x808:
	case 0x80f:
	case 0x828:
	case 0x830:
	case 0x832:
	case 0x833:
	case 0x834:
	case 0x835:
	case 0x836:
	case 0x837:
	case 0x838:
	case 0x83e:
		return RD | WR;
	}
	return msr >= 0x810 && msr <= 0x827 ? RD : 0;
}

static void x2apic_msr_table(void **state)
{
	u32 msr;

	for (msr = 0x800; msr <= 0x8ff; msr++) {
		struct lapic *apic = enabled(0);
		u64 value = 0;

		assert_int_equal(lapic_msr_read(apic, msr, &value), -EINVAL);
		assert_int_equal(lapic_msr_write(apic, msr, 0), -EINVAL);
		test_x2apic(apic);
		if ((lapic_msr_read(apic, msr, &value) == 0) != !!(x2apic_access(msr) & RD))
			fail_msg("read of %#x", msr);
		if ((lapic_msr_write(apic, msr, 0) >= 0) != !!(x2apic_access(msr) & WR))
			fail_msg("write of %#x", msr);
	}
}

static void x2apic_reserved_bits_are_faults(void **state)
{
	static const struct {
		u32 reg;
		u64 allowed;
	} cases[] = {
		{ LAPIC_TPR, 0xff },
		{ LAPIC_EOI, 0 },
		{ LAPIC_SVR, 0x3ff },
		{ LAPIC_ESR, 0 },
		{ LAPIC_ICR, 0xffffffff000cdfff },
		{ LAPIC_LVT_TIMER, 0x000750ff },
		{ LAPIC_LVT_THERMAL, 0x000157ff },
		{ LAPIC_LVT_PERF, 0x000157ff },
		{ LAPIC_LVT_LINT0, 0x0001f7ff },
		{ LAPIC_LVT_LINT1, 0x0001f7ff },
		{ LAPIC_LVT_ERROR, 0x000150ff },
		{ LAPIC_TMICT, 0xffffffff },
		{ LAPIC_TDCR, 0xb },
		{ LAPIC_SELF_IPI, 0xff },
	};
	u32 i, bit;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (bit = 0; bit < 64; bit++) {
			struct lapic *apic = enabled(0);
			bool ok = cases[i].allowed >> bit & 1;

			test_x2apic(apic);
			if ((lapic_msr_write(apic, msr_of(cases[i].reg), BIT_ULL(bit)) >= 0) != ok)
				fail_msg("register %#x bit %u", cases[i].reg, bit);
		}
	}
}

static void x2apic_icr_is_64_bits(void **state)
{
	struct lapic *apic = enabled(0);
	struct lapic_msg msg;
	u64 value;

	test_x2apic(apic);
	assert_int_equal(lapic_msr_write(apic, 0x830, 0x12345678000048f1 | LAPIC_ICR_BUSY),
			 LAPIC_FX_IPI);
	assert_int_equal(lapic_msr_read(apic, 0x830, &value), 0);
	assert_int_equal(value, 0x12345678000048f1);
	lapic_icr_message(apic, &msg);
	assert_int_equal(msg.dest, 0x12345678);
	assert_int_equal(msg.vector, 0xf1);
	assert_true(msg.logical && msg.ipi && msg.x2apic && msg.assert && !msg.level);
}

/* ---- IPIs */

static void xapic_icr(void **state)
{
	struct lapic *apic = enabled(0);
	struct lapic_msg msg;

	assert_int_equal(mmio_write(apic, LAPIC_ICR2, 0x05ffffff), 0);
	assert_int_equal(mmio_read(apic, LAPIC_ICR2), 0x05000000);
	assert_int_equal(mmio_write(apic, LAPIC_ICR, 0xfff3d0f1), LAPIC_FX_IPI);
	/* Never busy; reserved bits as they were written. */
	assert_int_equal(mmio_read(apic, LAPIC_ICR), 0xfff3c0f1);
	lapic_icr_message(apic, &msg);
	assert_int_equal(msg.dest, 5);
	/* "issue the interrupt as an edge triggered interrupt" */
	assert_false(msg.level);
	assert_false(msg.x2apic);
}

static void icr_delivery_modes_and_shorthands(void **state)
{
	/* Rows: delivery mode.  Columns: none, self, all, others. */
	static const u32 sends[8][4] = {
		{ LAPIC_FX_IPI, LAPIC_FX_EVENTS, LAPIC_FX_IPI, LAPIC_FX_IPI },
		{ LAPIC_FX_IPI, LAPIC_FX_EVENTS, LAPIC_FX_IPI, LAPIC_FX_IPI },
		{ LAPIC_FX_IPI, LAPIC_FX_IPI, LAPIC_FX_IPI, LAPIC_FX_IPI },
		{ 0, 0, 0, 0 },
		{ LAPIC_FX_IPI, LAPIC_FX_IPI, LAPIC_FX_IPI, LAPIC_FX_IPI },
		{ LAPIC_FX_IPI, 0, 0, LAPIC_FX_IPI },
		{ LAPIC_FX_IPI, 0, 0, LAPIC_FX_IPI },
		{ 0, 0, 0, 0 },
	};
	u32 mode, shorthand;

	for (mode = 0; mode < 8; mode++)
		for (shorthand = 0; shorthand < 4; shorthand++)
			assert_int_equal(mmio_write(enabled(0), LAPIC_ICR,
						    shorthand << 18 | mode << 8 | LAPIC_ICR_ASSERT |
							    0x55),
					 sends[mode][shorthand]);
}

static void self_ipi_needs_nobody(void **state)
{
	struct lapic *apic = enabled(0);

	mmio_write(apic, LAPIC_ICR, LAPIC_SH_SELF << 18 | 0x55);
	assert_int_equal(take(apic), 0x55);
	lapic_eoi(apic);
	test_x2apic(apic);
	assert_int_equal(lapic_msr_write(apic, 0x83f, 0x56), LAPIC_FX_EVENTS);
	assert_int_equal(take(apic), 0x56);
}

static void sent_illegal_vector(void **state)
{
	struct lapic *apic = enabled(0);

	assert_false(mmio_write(apic, LAPIC_ICR, 0x0f) & LAPIC_FX_IPI);
	assert_int_equal(apic->esr, LAPIC_ESR_SEND_VECTOR);
	apic->esr = 0;
	mmio_write(apic, LAPIC_ICR, LAPIC_SH_SELF << 18 | 0x0f);
	assert_int_equal(apic->esr, LAPIC_ESR_SEND_VECTOR);
	assert_int_equal(lapic_highest_irr(apic), -1);
	apic->esr = 0;
	/* An NMI has no vector. */
	assert_int_equal(mmio_write(apic, LAPIC_ICR, LAPIC_DM_NMI << 8), LAPIC_FX_IPI);
	assert_int_equal(apic->esr, 0);
}

static void init_deassert_sends_nothing(void **state)
{
	struct lapic *apic = enabled(0);
	struct lapic_msg msg;

	assert_int_equal(mmio_write(apic, LAPIC_ICR, 0x8500), 0);
	assert_int_equal(mmio_write(apic, LAPIC_ICR, 0xc500), LAPIC_FX_IPI);
	lapic_icr_message(apic, &msg);
	assert_true(msg.level && msg.assert);
	assert_int_equal(mmio_write(apic, LAPIC_ICR, 0x0500), LAPIC_FX_IPI);
}

/* ---- local interrupts */

static void lint_modes(void **state)
{
	static const u32 fx[8] = { LAPIC_FX_EVENTS, 0, LAPIC_FX_SMI,   0, LAPIC_FX_NMI,
				   LAPIC_FX_INIT,   0, LAPIC_FX_EXTINT };
	u32 mode;

	for (mode = 0; mode < 8; mode++) {
		struct lapic *apic = enabled(0);

		mmio_write(apic, LAPIC_LVT_LINT1, LAPIC_LVT_MASKED | mode << 8 | 0x66);
		assert_int_equal(lapic_set_lint(apic, 1, true), 0);
		lapic_set_lint(apic, 1, false);
		mmio_write(apic, LAPIC_LVT_LINT1, mode << 8 | 0x66);
		assert_int_equal(lapic_set_lint(apic, 1, true), fx[mode]);
		/* An edge happens once. */
		assert_int_equal(lapic_set_lint(apic, 1, true), 0);
		assert_int_equal(lapic_set_lint(apic, 1, false), 0);
		assert_int_equal(take(apic), mode ? -1 : 0x66);
	}
}

static void lint_level_triggered(void **state)
{
	struct lapic *apic = enabled(0);
	u32 fx;

	mmio_write(apic, LAPIC_LVT_LINT0, LAPIC_LVT_LEVEL | 0x66);
	assert_int_equal(lapic_set_lint(apic, 0, true), LAPIC_FX_EVENTS);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_LINT0),
			 LAPIC_LVT_REMOTE_IRR | LAPIC_LVT_LEVEL | 0x66);
	assert_int_equal(take(apic), 0x66);
	fx = lapic_eoi(apic);
	assert_true(fx & LAPIC_FX_EVENTS);
	/* Still high: again. */
	assert_int_equal(take(apic), 0x66);
	lapic_set_lint(apic, 0, false);
	lapic_eoi(apic);
	assert_int_equal(take(apic), -1);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_LINT0), LAPIC_LVT_LEVEL | 0x66);
	/* Unmasking finds a line that is high. */
	mmio_write(apic, LAPIC_LVT_LINT0, LAPIC_LVT_MASKED | LAPIC_LVT_LEVEL | 0x66);
	assert_int_equal(lapic_set_lint(apic, 0, true), 0);
	assert_int_equal(mmio_write(apic, LAPIC_LVT_LINT0, LAPIC_LVT_LEVEL | 0x66),
			 LAPIC_FX_EVENTS | LAPIC_FX_LINT0);
	assert_int_equal(take(apic), 0x66);
}

static void extint_through_lint0(void **state)
{
	struct lapic *apic = enabled(0);

	assert_false(lapic_takes_extint(apic));
	assert_int_equal(mmio_write(apic, LAPIC_LVT_LINT0, 0x700), LAPIC_FX_LINT0);
	assert_true(lapic_takes_extint(apic));
	mmio_write(apic, LAPIC_LVT_LINT0, 0x10700);
	assert_false(lapic_takes_extint(apic));
	mmio_write(apic, LAPIC_LVT_LINT0, 0x400);
	assert_false(lapic_takes_extint(apic));
}

static void counter_interrupt(void **state)
{
	struct lapic *apic = enabled(0);

	assert_int_equal(lapic_local_interrupt(apic, LAPIC_LVT_PERF), 0);
	mmio_write(apic, LAPIC_LVT_PERF, 0x400);
	assert_int_equal(lapic_local_interrupt(apic, LAPIC_LVT_PERF), LAPIC_FX_NMI);
	assert_int_equal(lapic_local_interrupt(apic, LAPIC_LVT_PERF), LAPIC_FX_NMI);
	lapic_configure(apic, LAPIC_F_PMI_MASKS);
	assert_int_equal(lapic_local_interrupt(apic, LAPIC_LVT_PERF), LAPIC_FX_NMI);
	assert_int_equal(lapic_local_interrupt(apic, LAPIC_LVT_PERF), 0);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_PERF), 0x10400);
	/* An entry that this APIC does not have. */
	assert_int_equal(lapic_local_interrupt(apic, LAPIC_LVT_CMCI), 0);
}

/* ---- saving and restoring */

static void put_image(u8 *image, u32 reg, u32 value)
{
	memcpy(image + reg, &value, 4);
}

static u32 from_image(const u8 *image, u32 reg)
{
	u32 value;

	memcpy(&value, image + reg, 4);
	return value;
}

static void image_round_trip(void **state)
{
	struct lapic *apic = enabled(7);
	u8 image[LAPIC_REGS_SIZE], again[LAPIC_REGS_SIZE];

	mmio_write(apic, LAPIC_TPR, 0x31);
	mmio_write(apic, LAPIC_LDR, 0x80000000);
	mmio_write(apic, LAPIC_DFR, 0x0fffffff);
	mmio_write(apic, LAPIC_LVT_LINT0, LAPIC_LVT_LEVEL | 0x66);
	lapic_set_lint(apic, 0, true);
	lapic_accept_fixed(apic, 0x91, false);
	take(apic);
	lapic_accept_fixed(apic, 0xa2, true);
	lapic_accept_fixed(apic, 0x42, false);
	mmio_write(apic, LAPIC_TDCR, 0xb);
	mmio_write(apic, LAPIC_TMICT, 1000);
	test_now += 300;
	lapic_get_state(apic, image, true);
	assert_int_equal(from_image(image, LAPIC_PPR), 0x90);
	assert_int_equal(from_image(image, LAPIC_TMCCT), 700);

	apic = fresh(7);
	assert_true(lapic_set_state(apic, image, true) & LAPIC_FX_EVENTS);
	lapic_get_state(apic, again, true);
	assert_memory_equal(image, again, sizeof(image));
	assert_true(apic->enabled);
	assert_int_equal(apic->isr_top, 0x91);
	assert_int_equal(take(apic), 0xa2);
	assert_true(lapic_eoi(apic) & LAPIC_FX_EOI);
	assert_int_equal(lapic_timer_next(apic, test_now), test_now + 700);
}

static void image_of_x2apic(void **state)
{
	struct lapic *apic = enabled(0x1234);
	u8 image[LAPIC_REGS_SIZE];

	test_x2apic(apic);
	lapic_msr_write(apic, 0x830, 0x00001111000000f1);
	lapic_get_state(apic, image, true);
	assert_int_equal(from_image(image, LAPIC_ID), 0x1234);
	assert_int_equal(from_image(image, LAPIC_ICR), 0xf1);
	assert_int_equal(from_image(image, LAPIC_ICR2), 0x1111);
	assert_true(lapic_set_state(apic, image, true) >= 0);
	put_image(image, LAPIC_ID, 0x1235);
	put_image(image, LAPIC_TPR, 0x77);
	assert_int_equal(lapic_set_state(apic, image, true), -EINVAL);
	assert_int_equal(lapic_get(apic, LAPIC_TPR), 0);
	lapic_get_state(apic, image, false);
	assert_int_equal(from_image(image, LAPIC_ID), 0x34000000);
	put_image(image, LAPIC_LDR, 0xffffffff);
	assert_true(lapic_set_state(apic, image, false) >= 0);
	assert_int_equal(lapic_get(apic, LAPIC_ID), 0x1234);
	assert_int_equal(lapic_get(apic, LAPIC_LDR), 0x01230010);
}

static void impossible_images_are_cleaned(void **state)
{
	struct lapic *apic = enabled(1);
	u8 image[LAPIC_REGS_SIZE];
	u32 reg;

	memset(image, 0xff, sizeof(image));
	assert_true(lapic_set_state(apic, image, true) >= 0);
	assert_int_equal(mmio_read(apic, LAPIC_VERSION), 0x00050014);
	assert_int_equal(mmio_read(apic, LAPIC_TPR), 0xff);
	assert_int_equal(mmio_read(apic, LAPIC_SVR), 0x3ff);
	assert_int_equal(mmio_read(apic, LAPIC_IRR), 0xffff0000);
	assert_int_equal(mmio_read(apic, LAPIC_ISR), 0xffff0000);
	assert_int_equal(mmio_read(apic, LAPIC_IRR + 0x70), 0xffffffff);
	assert_int_equal(lapic_get(apic, LAPIC_LVT_TIMER), 0x000700ff);
	assert_int_equal(apic->isr_top, 255);
	assert_int_equal(lapic_highest_irr(apic), 255);
	for (reg = 0; reg < LAPIC_REGS_SIZE; reg += 16) {
		assert_int_equal(from_image(apic->regs, reg + 4), 0);
		assert_int_equal(from_image(apic->regs, reg + 8), 0);
	}
	/* Every EOI ends one, and then all is quiet. */
	for (reg = 0; reg < 240; reg++)
		lapic_eoi(apic);
	assert_int_equal(apic->isr_top, -1);
}

/* A VMM that restores the state at reset keeps the PIC's interrupts alive. */
static void image_at_reset_keeps_virtual_wire(void **state)
{
	struct lapic *apic = fresh(0);
	u8 image[LAPIC_REGS_SIZE];

	lapic_reset(apic, true, true);
	lapic_get_state(apic, image, true);
	assert_true(lapic_set_state(apic, image, true) & LAPIC_FX_LINT0);
	assert_int_equal(mmio_read(apic, LAPIC_LVT_LINT0), 0x700);
	assert_true(lapic_takes_extint(apic));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reset_state_is_the_manuals),
		cmocka_unit_test(version_shows_features),
		cmocka_unit_test(mmio_narrow_and_crossing_reads),
		cmocka_unit_test(mmio_odd_writes_are_ignored),
		cmocka_unit_test(reserved_register_sets_the_esr),
		cmocka_unit_test(error_interrupt_comes_once_an_error),
		cmocka_unit_test(error_vector_below_16_does_not_recurse),
		cmocka_unit_test(lvt_bits),
		cmocka_unit_test(software_disable_masks_and_refuses),
		cmocka_unit_test(vectors_below_16_are_errors),
		cmocka_unit_test(every_vector_goes_through),
		cmocka_unit_test(all_pending_come_from_the_top),
		cmocka_unit_test(higher_class_nests_same_class_waits),
		cmocka_unit_test(vector_in_service_can_pend_again),
		cmocka_unit_test(tpr_and_ppr),
		cmocka_unit_test(eoi_without_service_does_nothing),
		cmocka_unit_test(one_in_service_is_told_from_more),
		cmocka_unit_test(irr_hint_survives_a_late_request),
		cmocka_unit_test(level_eoi_is_broadcast),
		cmocka_unit_test(watched_edge_eoi_is_reported),
		cmocka_unit_test(directed_eoi_suppresses_the_broadcast),
		cmocka_unit_test(mode_transitions_by_the_guest),
		cmocka_unit_test(base_reserved_bits),
		cmocka_unit_test(base_effects),
		cmocka_unit_test(x2apic_id_and_ldr),
		cmocka_unit_test(disabling_loses_state),
		cmocka_unit_test(x2apic_keeps_xapic_state),
		cmocka_unit_test(init_keeps_id_and_mode),
		cmocka_unit_test(x2apic_msr_table),
		cmocka_unit_test(x2apic_reserved_bits_are_faults),
		cmocka_unit_test(x2apic_icr_is_64_bits),
		cmocka_unit_test(xapic_icr),
		cmocka_unit_test(icr_delivery_modes_and_shorthands),
		cmocka_unit_test(self_ipi_needs_nobody),
		cmocka_unit_test(sent_illegal_vector),
		cmocka_unit_test(init_deassert_sends_nothing),
		cmocka_unit_test(lint_modes),
		cmocka_unit_test(lint_level_triggered),
		cmocka_unit_test(extint_through_lint0),
		cmocka_unit_test(counter_interrupt),
		cmocka_unit_test(image_round_trip),
		cmocka_unit_test(image_of_x2apic),
		cmocka_unit_test(impossible_images_are_cleaned),
		cmocka_unit_test(image_at_reset_keeps_virtual_wire),
	};

	return cmocka_run_group_tests_name("lapic", tests, NULL, NULL);
}
