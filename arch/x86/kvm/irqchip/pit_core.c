// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254.
 *
 * Modes: 0 interrupt on terminal count, 1 one-shot by gate, 2 rate generator,
 * 3 square wave, 4 strobe by count, 5 strobe by gate.
 */
#include "pit_core.h"

#define NS_PER_SEC 1000000000ULL

enum { RW_LATCH, RW_LOW, RW_HIGH, RW_BOTH, RW_BOTH_HIGH };

static bool is_periodic(const struct pit_channel *ch)
{
	return ch->c.mode == 2 || ch->c.mode == 3;
}

/* In modes 1 and 5 counting starts with a rise of the gate. */
static bool is_triggered(const struct pit_channel *ch)
{
	return ch->c.mode == 1 || ch->c.mode == 5;
}

/* Modes 0 and 4 count on from where the gate stopped them. */
static bool is_frozen(const struct pit_channel *ch)
{
	return ch->running && !ch->c.gate && (ch->c.mode == 0 || ch->c.mode == 4);
}

/* Modes 2 and 3 do not count while the gate is low. */
static bool is_held(const struct pit_channel *ch)
{
	return is_periodic(ch) && !ch->c.gate;
}

static u64 ns_to_ticks(u64 ns)
{
	return mul_u64_u64_div_u64(ns, PIT_HZ, NS_PER_SEC);
}

/* The first nanosecond at which ns_to_ticks() gives @ticks. */
static u64 ticks_to_ns(u64 ticks)
{
	u64 ns = mul_u64_u64_div_u64(ticks, NS_PER_SEC, PIT_HZ);

	return ns_to_ticks(ns) < ticks ? ns + 1 : ns;
}

static u64 ticks_since_load(const struct pit_channel *ch, u64 now)
{
	if (is_frozen(ch))
		return ch->frozen;
	if ((s64)(now - ch->c.count_load_time) < 0)
		return 0; /* the caller's clock went back: not expected */
	return ns_to_ticks(now - ch->c.count_load_time) - ch->skip;
}

/*
 * Let a count that was written while another ran take over at the end of the
 * period.  In triggered modes it waits for the gate to rise.
 */
static void sync(struct pit_channel *ch, u64 now)
{
	if (!ch->next_count || !is_periodic(ch) || ticks_since_load(ch, now) < ch->c.count)
		return;
	ch->skip += ch->c.count;
	ch->c.count = ch->next_count;
	ch->next_count = 0;
}

/* Counts from the beginning of the present period. */
static void rebase(struct pit_channel *ch, u64 now)
{
	u64 ticks = ticks_since_load(ch, now);

	ch->skip += ticks - ticks % ch->c.count;
}

static bool channel_output(const struct pit_channel *ch, u64 now)
{
	u64 d = ticks_since_load(ch, now), n = ch->c.count;

	if (!ch->running || is_held(ch))
		return ch->c.mode != 0;
	switch (ch->c.mode) {
	case 0:
	case 1:
		return d >= n;
	case 2:
		return d % n != n - 1;
	case 3:
		return d % n < (n + 1) / 2;
	default: /* 4 and 5: low for one tick at the end */
		return d != n;
	}
}

/* Mode 3 counts by two, twice through the count in a period. */
static u32 square_wave_counter(u32 n, u64 d)
{
	u32 high = (n + 1) / 2;

	d %= n;
	if (!(n & 1))
		return n - 2 * d % n;
	if (d < high)
		return d ? n + 1 - 2 * d : n;
	d -= high;
	return d ? n - 1 - 2 * d : n;
}

static u32 channel_counter(const struct pit_channel *ch, u64 now)
{
	u32 modulus = ch->c.bcd ? 10000 : 0x10000, n = ch->c.count;
	u64 d;

	if (!ch->running || is_held(ch))
		return n % modulus;
	d = ticks_since_load(ch, now);
	switch (ch->c.mode) {
	case 2:
		return (n - d % n) % modulus;
	case 3:
		return square_wave_counter(n, d) % modulus;
	default: /* goes on below zero */
		return (n + modulus - d % modulus) % modulus;
	}
}

static u32 to_bcd(u32 v)
{
	return v / 1000 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
}

static u32 from_bcd(u32 v)
{
	return (v >> 12) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 + (v & 15);
}

static u16 visible_counter(const struct pit_channel *ch, u64 now)
{
	u32 counter = channel_counter(ch, now);

	return ch->c.bcd ? to_bcd(counter) : counter;
}

static void begin(struct pit_channel *ch, u64 now)
{
	ch->c.count_load_time = now;
	ch->skip = 0;
	ch->frozen = 0;
	ch->running = true;
}

static void load_count(struct pit_channel *ch, u32 value, u64 now)
{
	u32 modulus = ch->c.bcd ? 10000 : 0x10000;
	u32 count = (ch->c.bcd ? from_bcd(value) : value) % modulus;

	if (!count)
		count = modulus;
	sync(ch, now);
	ch->loaded = true;
	if (is_periodic(ch) && ch->running && ch->c.gate) {
		rebase(ch, now);
		ch->next_count = count;
		return;
	}
	if (is_triggered(ch) && ch->running) {
		/* For the next trigger; this shot ends as it began. */
		ch->next_count = count;
		return;
	}
	ch->c.count = count;
	if (!is_triggered(ch))
		begin(ch, now);
}

static void set_gate(struct pit_channel *ch, bool gate, u64 now)
{
	bool rises = gate && !ch->c.gate, falls = !gate && ch->c.gate;

	if (rises && (is_triggered(ch) || is_periodic(ch)) && ch->loaded) {
		if (ch->next_count)
			ch->c.count = ch->next_count;
		ch->next_count = 0;
		ch->c.gate = true;
		begin(ch, now);
		return;
	}
	if (falls && !is_triggered(ch)) {
		sync(ch, now);
		ch->frozen = ticks_since_load(ch, now);
	}
	if (rises && is_frozen(ch)) {
		ch->c.count_load_time = now - ticks_to_ns(ch->frozen);
		ch->skip = 0;
	}
	ch->c.gate = gate;
}

/**
 * pit_set_gate() - drive a gate input
 * @pit: the timer
 * @n: channel 0 to 2; the PC drives that of channel 2 only
 * @gate: its level
 * @now: ns
 */
void pit_set_gate(struct pit *pit, unsigned int n, bool gate, u64 now)
{
	set_gate(&pit->ch[n], gate, now);
}

/**
 * pit_output() - level of a channel's OUT pin
 * @pit: the timer
 * @n: channel, 0 to 2
 * @now: ns
 */
bool pit_output(struct pit *pit, unsigned int n, u64 now)
{
	sync(&pit->ch[n], now);
	return channel_output(&pit->ch[n], now);
}

/**
 * pit_counter() - a channel's counter, 0 to 65535, as a number (not as BCD)
 * @pit: the timer
 * @n: channel, 0 to 2
 * @now: ns
 */
u32 pit_counter(struct pit *pit, unsigned int n, u64 now)
{
	sync(&pit->ch[n], now);
	return channel_counter(&pit->ch[n], now);
}

static void latch_count(struct pit_channel *ch, u64 now)
{
	if (ch->c.count_latched)
		return;
	ch->c.latched_count = visible_counter(ch, now);
	ch->c.count_latched = ch->c.rw_mode;
}

static void latch_status(struct pit_channel *ch, u64 now)
{
	/* What was written is not counted from yet; where the gate begins that, it has not risen. */
	bool null_count = !ch->loaded || ch->next_count || (is_triggered(ch) && !ch->running);

	if (ch->c.status_latched)
		return;
	ch->c.status = channel_output(ch, now) << 7 | null_count << 6 | ch->c.rw_mode << 4 |
		       ch->c.mode << 1 | ch->c.bcd;
	ch->c.status_latched = 1;
}

static void read_back(struct pit *pit, u8 value, u64 now)
{
	struct pit_channel *ch;
	unsigned int n;

	for (n = 0; n < PIT_NR_CHANNELS; n++) {
		ch = &pit->ch[n];
		if (!(value & BIT(n + 1)))
			continue;
		sync(ch, now);
		if (!(value & BIT(5)))
			latch_count(ch, now);
		if (!(value & BIT(4)))
			latch_status(ch, now);
	}
}

static bool write_control(struct pit *pit, u8 value, u64 now)
{
	unsigned int n = value >> 6, access = value >> 4 & 3;
	struct pit_channel *ch;

	if (n == 3) {
		read_back(pit, value, now);
		return false;
	}
	ch = &pit->ch[array_index_nospec(n, PIT_NR_CHANNELS)];
	if (access == RW_LATCH) {
		sync(ch, now);
		latch_count(ch, now);
		return false;
	}
	ch->c.rw_mode = access;
	ch->c.read_state = access;
	ch->c.write_state = access;
	ch->c.mode = value >> 1 & 7;
	if (ch->c.mode > 5)
		ch->c.mode -= 4;
	ch->c.bcd = value & 1;
	ch->c.count = ch->c.bcd ? 10000 : 0x10000;
	ch->c.count_latched = 0;
	ch->c.status_latched = 0;
	/* Counting begins with the count. */
	ch->running = false;
	ch->loaded = false;
	ch->next_count = 0;
	return n == 0;
}

static bool write_count(struct pit_channel *ch, u8 value, u64 now)
{
	switch (ch->c.write_state) {
	case RW_LOW:
		load_count(ch, value, now);
		return true;
	case RW_HIGH:
		load_count(ch, value << 8, now);
		return true;
	case RW_BOTH:
		ch->c.write_latch = value;
		ch->c.write_state = RW_BOTH_HIGH;
		/* "Writing the first byte disables counting", mode 0 only. */
		if (ch->c.mode != 0)
			return false;
		ch->running = false;
		return true;
	case RW_BOTH_HIGH:
		load_count(ch, value << 8 | ch->c.write_latch, now);
		ch->c.write_state = RW_BOTH;
		return true;
	default: /* no mode has been set */
		return false;
	}
}

/**
 * pit_write() - OUT of a byte
 * @pit: the timer
 * @port: 0 to 2 the channels, 3 the control word
 * @value: what is written
 * @now: ns
 *
 * Return: whether pit_next_edge() has changed.
 */
bool pit_write(struct pit *pit, unsigned int port, u8 value, u64 now)
{
	if (port == PIT_NR_CHANNELS)
		return write_control(pit, value, now);
	port = array_index_nospec(port, PIT_NR_CHANNELS);
	return write_count(&pit->ch[port], value, now) && port == 0;
}

static u8 read_latched_count(struct pit_channel *ch)
{
	switch (ch->c.count_latched) {
	case RW_BOTH:
		ch->c.count_latched = RW_HIGH;
		return ch->c.latched_count;
	case RW_HIGH:
		ch->c.count_latched = 0;
		return ch->c.latched_count >> 8;
	default:
		ch->c.count_latched = 0;
		return ch->c.latched_count;
	}
}

static u8 read_counter(struct pit_channel *ch, u64 now)
{
	u16 counter = visible_counter(ch, now);

	switch (ch->c.read_state) {
	case RW_HIGH:
		return counter >> 8;
	case RW_BOTH:
		ch->c.read_state = RW_BOTH_HIGH;
		return counter;
	case RW_BOTH_HIGH:
		ch->c.read_state = RW_BOTH;
		return counter >> 8;
	default:
		return counter;
	}
}

/**
 * pit_read() - IN of a byte
 * @pit: the timer
 * @port: 0 to 3; the control word reads as zero
 * @now: ns
 */
u8 pit_read(struct pit *pit, unsigned int port, u64 now)
{
	struct pit_channel *ch;

	if (port >= PIT_NR_CHANNELS)
		return 0;
	ch = &pit->ch[array_index_nospec(port, PIT_NR_CHANNELS)];
	if (ch->c.status_latched) {
		ch->c.status_latched = 0;
		return ch->c.status;
	}
	if (ch->c.count_latched)
		return read_latched_count(ch);
	sync(ch, now);
	return read_counter(ch, now);
}

/**
 * pit_read_speaker() - port 0x61, bits 0, 1, 4 and 5
 * @pit: the timer
 * @now: ns
 *
 * Bit 4 toggles with each memory refresh, every 15 microseconds.
 */
u8 pit_read_speaker(struct pit *pit, u64 now)
{
	u8 refresh = div64_u64(now, 15085) & 1;

	return pit->ch[2].c.gate | !!(pit->flags & PIT_FLAG_SPEAKER_ON) << 1 | refresh << 4 |
	       pit_output(pit, 2, now) << 5;
}

/**
 * pit_write_speaker() - port 0x61: gate of channel 2, speaker data
 * @pit: the timer
 * @value: what is written
 * @now: ns
 */
void pit_write_speaker(struct pit *pit, u8 value, u64 now)
{
	pit->flags &= ~(u32)PIT_FLAG_SPEAKER_ON;
	if (value & 2)
		pit->flags |= PIT_FLAG_SPEAKER_ON;
	set_gate(&pit->ch[2], value & 1, now);
}

/* Ticks after loading at which OUT next rises, later than @d; 0: never. */
static u64 next_rise(const struct pit_channel *ch, u64 d)
{
	u64 n = ch->c.count;

	switch (ch->c.mode) {
	case 0:
	case 1:
		return d < n ? n : 0;
	case 2:
	case 3:
		return (d / n + 1) * n;
	default:
		return d < n + 1 ? n + 1 : 0;
	}
}

/**
 * pit_next_edge() - when channel 0 next asks for an interrupt
 * @pit: the timer
 * @now: ns
 *
 * Return: ns, the first rise of OUT after @now; PIT_NEVER: none is in sight,
 * or the HPET stands in for the PIT.
 */
u64 pit_next_edge(struct pit *pit, u64 now)
{
	struct pit_channel *ch = &pit->ch[0];
	u64 rise;

	sync(ch, now);
	if ((pit->flags & PIT_FLAG_HPET_LEGACY) || !ch->running || is_frozen(ch) || is_held(ch))
		return PIT_NEVER;
	rise = next_rise(ch, ticks_since_load(ch, now));
	if (!rise)
		return PIT_NEVER;
	return ch->c.count_load_time + ticks_to_ns(ch->skip + rise);
}

static void reset_channel(struct pit_channel *ch, bool gate, u64 now)
{
	memset(ch, 0, sizeof(*ch));
	ch->c.mode = 3;
	ch->c.count = 0x10000;
	ch->c.gate = gate;
	ch->c.count_load_time = now;
}

/**
 * pit_init() - power-on: nothing counts, the gates of channels 0 and 1 are high
 * @pit: the timer
 * @now: ns
 */
void pit_init(struct pit *pit, u64 now)
{
	unsigned int n;

	pit->flags = 0;
	for (n = 0; n < PIT_NR_CHANNELS; n++)
		reset_channel(&pit->ch[n], n != 2, now);
}

/**
 * pit_get_state() - for KVM_GET_PIT2
 * @pit: the timer
 * @image: the image
 * @now: ns
 */
void pit_get_state(struct pit *pit, struct pit_image *image, u64 now)
{
	struct pit_channel *ch;
	unsigned int n;

	memset(image, 0, sizeof(*image));
	image->flags = pit->flags;
	for (n = 0; n < PIT_NR_CHANNELS; n++) {
		ch = &pit->ch[n];
		sync(ch, now);
		image->channels[n] = ch->c;
		image->channels[n].count_load_time += ticks_to_ns(ch->skip);
		if (ch->next_count)
			image->channels[n].count = ch->next_count;
		if (is_frozen(ch))
			image->channels[n].count_load_time = now - ticks_to_ns(ch->frozen);
		if (!ch->running)
			image->channels[n].count_load_time = 0;
	}
}

static void restore_channel(struct pit_channel *ch, const struct pit_channel_image *image,
			    bool gate, u64 now)
{
	struct pit_channel_image *c = &ch->c;
	u32 max;

	memset(ch, 0, sizeof(*ch));
	*c = *image;
	c->bcd &= 1;
	c->gate = gate;
	c->mode &= 7;
	if (c->mode > 5)
		c->mode -= 4;
	c->rw_mode &= 3;
	if (c->read_state > RW_BOTH_HIGH)
		c->read_state = c->rw_mode;
	if (c->write_state > RW_BOTH_HIGH)
		c->write_state = c->rw_mode;
	c->count_latched &= 3;
	c->status_latched = !!c->status_latched;
	max = c->bcd ? 10000 : 0x10000;
	if (!c->count || c->count > max)
		c->count = max;

	/* A channel without a mode has never been programmed. */
	ch->loaded = c->rw_mode;
	ch->running = ch->loaded && c->count_load_time;
	/*
	 * A period may go on in its phase.  A single shot begins anew: the time
	 * between saving and restoring must not swallow its end.
	 */
	if (!is_periodic(ch) || c->count_load_time > (s64)now || c->count_load_time < 0)
		c->count_load_time = now;
	else
		rebase(ch, now);
}

/**
 * pit_set_state() - restore an image of any content
 * @pit: the timer
 * @image: the image
 * @now: ns
 */
void pit_set_state(struct pit *pit, const struct pit_image *image, u64 now)
{
	unsigned int n;

	pit->flags = image->flags & (PIT_FLAG_HPET_LEGACY | PIT_FLAG_SPEAKER_ON);
	for (n = 0; n < PIT_NR_CHANNELS; n++)
		restore_channel(&pit->ch[n], &image->channels[n], n != 2 || image->channels[n].gate,
				now);
}
