// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC: arithmetic of the timer.
 *
 * Intel SDM vol. 3A, "APIC Timer".  One-shot and periodic mode count bus
 * cycles divided by 1 to 128; their expiries are nanoseconds on the clock of
 * lapic_ops.  TSC-deadline mode compares with the guest's TSC.
 */
#include "lapic_core.h"

static u64 tick_ns(const struct lapic_timer *t)
{
	return (u64)t->bus_ns << t->shift;
}

/* "Divide Configuration Register": 2, 4, ... 128, 1 in bits 3, 1 and 0. */
static u8 divider_shift(u32 tdcr)
{
	return ((tdcr & 3) + (tdcr >> 1 & 4) + 1) & 7;
}

static u8 lvt_mode(u32 lvt)
{
	return lvt >> 17 & 3;
}

static u64 full_period(const struct lapic *apic)
{
	const struct lapic_timer *t = &apic->timer;
	u64 ns = lapic_get(apic, LAPIC_TMICT) * tick_ns(t);

	if (t->mode != LAPIC_TIMER_PERIODIC)
		return 0;
	return max_t(u64, ns, max_t(u32, t->min_period, 1));
}

static void read_setting(struct lapic *apic)
{
	apic->timer.shift = divider_shift(lapic_get(apic, LAPIC_TDCR));
	apic->timer.mode = lvt_mode(lapic_get(apic, LAPIC_LVT_TIMER));
}

/* Starts counting @count ticks down from @now. */
static void start(struct lapic *apic, u32 count, u64 now)
{
	struct lapic_timer *t = &apic->timer;

	t->origin = now;
	t->period = full_period(apic);
	t->first = now + count * tick_ns(t);
	if (t->period)
		t->first = max_t(u64, t->first, now + 1);
}

/**
 * lapic_timer_stop() - disarm in every mode
 * @apic: the APIC
 */
void lapic_timer_stop(struct lapic *apic)
{
	read_setting(apic);
	apic->timer.counting = false;
	WRITE_ONCE(apic->timer.deadline, 0);
}

/**
 * lapic_timer_count() - the current-count register
 * @apic: the APIC
 * @now: ns
 *
 * Any context.  Return: ticks until the next expiry, 0 if stopped.
 */
u32 lapic_timer_count(const struct lapic *apic, u64 now)
{
	const struct lapic_timer *t = &apic->timer;
	u64 left, ticks;

	if (!t->counting)
		return 0;
	if (now < t->first)
		left = t->first - now;
	else if (t->period)
		left = t->period - (now - t->first) % t->period;
	else
		return 0;
	ticks = div64_u64(left + tick_ns(t) - 1, tick_ns(t));
	return min_t(u64, ticks, lapic_get(apic, LAPIC_TMICT));
}

/**
 * lapic_timer_next() - when the one-shot or periodic timer expires next
 * @apic: the APIC
 * @now: ns; lapic_timer.origin right after a register write
 *
 * Any context.
 *
 * Return: ns, the first expiry after @now; LAPIC_TIMER_NEVER if there is none.
 */
u64 lapic_timer_next(const struct lapic *apic, u64 now)
{
	const struct lapic_timer *t = &apic->timer;
	u64 first = READ_ONCE(t->first), period = READ_ONCE(t->period);

	if (!READ_ONCE(t->counting))
		return LAPIC_TIMER_NEVER;
	if (now < first)
		return first;
	if (!period)
		return LAPIC_TIMER_NEVER;
	return first + (div64_u64(now - first, period) + 1) * period;
}

/**
 * lapic_timer_resume() - go on with @left ticks to the next expiry
 * @apic: the APIC
 * @left: ticks
 * @now: ns
 *
 * For a restored image, whose registers are in place.
 */
void lapic_timer_resume(struct lapic *apic, u32 left, u64 now)
{
	struct lapic_timer *t = &apic->timer;
	u32 initial = lapic_get(apic, LAPIC_TMICT);

	read_setting(apic);
	t->counting = false;
	if (!initial || t->mode > LAPIC_TIMER_PERIODIC)
		return;
	if (!left && t->mode == LAPIC_TIMER_PERIODIC)
		left = initial;
	start(apic, min(left, initial), now);
	t->counting = left;
}

static void write_initial_count(struct lapic *apic, u32 value)
{
	struct lapic_timer *t = &apic->timer;

	/* Ignored in TSC-deadline mode. */
	if (t->mode > LAPIC_TIMER_PERIODIC)
		return;
	lapic_put(apic, LAPIC_TMICT, value);
	t->counting = false;
	if (value) {
		start(apic, value, apic->ops->now_ns(apic));
		t->counting = true;
	}
}

/* The count goes on at the new speed or in the new mode. */
static void change_setting(struct lapic *apic, u32 reg, u32 value)
{
	struct lapic_timer *t = &apic->timer;
	u64 now = t->counting ? apic->ops->now_ns(apic) : 0;
	u32 left = lapic_timer_count(apic, now);

	lapic_put(apic, reg, value);
	read_setting(apic);
	if (left)
		start(apic, left, now);
	else
		t->counting = false;
}

/**
 * lapic_timer_write() - the guest writes LVT timer, initial count or divider
 * @apic: the APIC
 * @reg: register offset
 * @value: without reserved bits
 *
 * Return: effects.
 */
u32 lapic_timer_write(struct lapic *apic, u32 reg, u32 value)
{
	struct lapic_timer *t = &apic->timer;
	u8 mode = lvt_mode(value);

	if (reg == LAPIC_TMICT) {
		write_initial_count(apic, value);
		return LAPIC_FX_TIMER;
	}
	if (reg == LAPIC_TDCR) {
		if (value == lapic_get(apic, reg))
			return 0;
		change_setting(apic, reg, value);
		return LAPIC_FX_TIMER;
	}

	/* LVT: masking leaves the count alone. */
	if (mode == t->mode) {
		lapic_put(apic, reg, value);
		return 0;
	}
	/* To and from TSC-deadline mode disarms. */
	if (mode > LAPIC_TIMER_PERIODIC || t->mode > LAPIC_TIMER_PERIODIC) {
		lapic_put(apic, reg, value);
		lapic_put(apic, LAPIC_TMICT, 0);
		lapic_timer_stop(apic);
	} else {
		change_setting(apic, reg, value);
	}
	return LAPIC_FX_TIMER;
}

/**
 * lapic_timer_fire() - the timer has expired: request its interrupt
 * @apic: the APIC
 *
 * Any context.
 */
enum lapic_accepted lapic_timer_fire(struct lapic *apic)
{
	u32 lvt = lapic_get(apic, LAPIC_LVT_TIMER);

	if (lvt & LAPIC_LVT_MASKED)
		return LAPIC_REFUSED;
	return lapic_accept_fixed(apic, lvt, false);
}

/**
 * lapic_read_deadline() - RDMSR IA32_TSC_DEADLINE
 * @apic: the APIC
 */
u64 lapic_read_deadline(const struct lapic *apic)
{
	return READ_ONCE(apic->timer.deadline);
}

/**
 * lapic_write_deadline() - WRMSR IA32_TSC_DEADLINE
 * @apic: the APIC
 * @tsc: guest TSC; 0 disarms
 *
 * Ignored outside TSC-deadline mode.  The write is a full barrier, so that an
 * expiry that runs at the same time and the caller's look at whether a timer
 * is still armed cannot both miss each other.
 *
 * Return: effects.
 */
u32 lapic_write_deadline(struct lapic *apic, u64 tsc)
{
	if (apic->timer.mode != LAPIC_TIMER_DEADLINE || apic->mode == LAPIC_MODE_DISABLED)
		return 0;
	atomic_xchg64(&apic->timer.deadline, tsc);
	return LAPIC_FX_TIMER;
}

/**
 * lapic_deadline_expire() - disarm the TSC deadline if it is reached
 * @apic: the APIC
 * @tsc: the guest TSC now
 *
 * Any context; of several callers one gets an answer for a deadline.
 *
 * Return: the deadline: the caller has to call lapic_timer_fire(); 0: not yet.
 */
u64 lapic_deadline_expire(struct lapic *apic, u64 tsc)
{
	u64 deadline;

	do {
		deadline = READ_ONCE(apic->timer.deadline);
		if (!deadline || tsc < deadline)
			return 0;
	} while (!atomic_cmpxchg64(&apic->timer.deadline, deadline, 0));
	return deadline;
}

/*
 * What is nearly right is left alone, and so is what is so far off that the vCPU's thread must have waited for a CPU.
 */
#define ADVANCE_STEP 8
#define ADVANCE_CLOSE 50
#define ADVANCE_FAR 10000

/**
 * lapic_learn_advance() - how much before its deadline the timer is to fire, from how it went
 * @advance: what it was, ns
 * @off: ns by which the interrupt was ready before its time; below 0: too late
 *
 * Return: ns, 1 to LAPIC_ADVANCE_MAX
 */
u32 lapic_learn_advance(u32 advance, s64 off)
{
	if (off > -ADVANCE_CLOSE && off < ADVANCE_CLOSE)
		return advance;
	if (off < -ADVANCE_FAR || off > ADVANCE_FAR)
		return advance;
	return clamp(advance - off / ADVANCE_STEP, (s64)1, (s64)LAPIC_ADVANCE_MAX);
}
