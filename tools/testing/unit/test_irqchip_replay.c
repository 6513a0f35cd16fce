// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's boot, as the distribution's modules traced it (traces/record says how, and what the lines mean), played into the
 * pure controllers: SeaBIOS and Linux with the 8259s, the 8254, the I/O APIC and the local APIC in xAPIC mode.  Ours must
 * answer every read, send every message and deliver every vector as theirs did.
 */
#include <inttypes.h>

#include "lapic_fixture.h"

#include "irqchip/ioapic_core.h"
#include "irqchip/pic_core.h"
#include "irqchip/pit_core.h"

/* Between an event and its line in the trace pass some microseconds of an emulated machine. */
#define LATE_NS 3000000

enum chip { PIC, PIT, IOAPIC, LAPIC, NR_CHIPS };

static const char *const names[] = { "8259", "8254", "I/O APIC", "local APIC" };

static struct machine {
	struct fixture lapic;
	struct ioapic ioapic;
	struct pic pic;
	struct pit pit;
	u64 next_tick; /* of the 8254's channel 0, once it is programmed */
	unsigned int owed; /* ticks of ours that theirs has not had yet */
	u8 low[PIT_NR_CHANNELS],
		theirs[PIT_NR_CHANNELS]; /* first halves of a counter that is being read */
	bool high[PIT_NR_CHANNELS];
	u8 sent[16]; /* vectors that our I/O APIC has sent and theirs has yet to send */
	unsigned int nr_sent;
	u64 line;
	unsigned int compared[NR_CHIPS];
	unsigned int differ;
} m;

static void compare(enum chip chip, const char *what, u64 ours, u64 theirs)
{
	m.compared[chip]++;
	if (ours == theirs || m.differ++ > 20)
		return;
	print_error("line %" PRIu64 ": %s, %s: ours %#" PRIx64 ", theirs %#" PRIx64 "\n", m.line,
		    names[chip], what, ours, theirs);
}

/* ---- messages */

static int deliver(struct ioapic *io, unsigned int pin, const struct lapic_msg *msg)
{
	struct lapic *apic = &m.lapic.apic;
	enum lapic_accepted r;

	if (!lapic_matches(apic, msg))
		return LAPIC_REFUSED;
	r = lapic_accept(apic, msg->delivery, msg->vector, msg->level);
	if (r >= 0 && m.nr_sent < ARRAY_SIZE(m.sent))
		m.sent[m.nr_sent++] = msg->vector;
	return r;
}

static const struct ioapic_ops ops = { .deliver = deliver };

static void taken(u8 vector)
{
	for (unsigned int i = 0; i < m.nr_sent; i++) {
		if (m.sent[i] != vector)
			continue;
		m.compared[IOAPIC]++;
		memmove(m.sent + i, m.sent + i + 1, m.nr_sent - i - 1);
		m.nr_sent--;
		return;
	}
	/* A timer's, the CPU's own, or a device's message */
	lapic_accept_fixed(&m.lapic.apic, vector, false);
}

static void line_changes(unsigned int gsi, bool level)
{
	if (gsi < PIC_NR_PINS)
		pic_set_irq(&m.pic, gsi, level);
	/* As QEMU routes */
	if (gsi != 2 && gsi < IOAPIC_NR_PINS)
		ioapic_set_irq(&m.ioapic, gsi ? gsi : 2, level);
}

static void delivered(u8 vector)
{
	struct lapic *apic = &m.lapic.apic;

	if (m.pic.output && lapic_takes_extint(apic)) {
		compare(PIC, "acknowledged", pic_ack(&m.pic), vector);
		return;
	}
	compare(LAPIC, "delivered", (u64)lapic_pending(apic), vector);
	if (lapic_pending(apic) == vector)
		lapic_ack(apic, vector);
}

/* ---- registers */

static void lapic_effects(u32 fx)
{
	u32 pins;

	if (!(fx & LAPIC_FX_EOI))
		return;
	pins = ioapic_eoi(&m.ioapic, lapic_fx_vector(fx));
	ioapic_eoi_end(&m.ioapic, pins);
}

static void lapic_access(bool write, u32 reg, u32 value)
{
	u32 ours = 0;

	if (write) {
		lapic_effects(lapic_mmio_write(&m.lapic.apic, reg, 4, &value));
		return;
	}
	lapic_mmio_read(&m.lapic.apic, reg, 4, &ours);
	if (reg != LAPIC_TMCCT)
		compare(LAPIC, "register", ours, value);
}

static void ioapic_access(bool write, u32 offset, u32 value)
{
	if (write)
		ioapic_write(&m.ioapic, offset, value);
	else
		compare(IOAPIC, "register", ioapic_read(&m.ioapic, offset), value);
}

/* A counter comes in two halves, and has gone on a little before theirs was traced. */
static void counter_read(unsigned int n, u8 ours, u8 theirs)
{
	u16 off;

	if (m.high[n]) {
		off = (ours << 8 | m.low[n]) - (theirs << 8 | m.theirs[n]);
		compare(PIT, "counter", (u16)(off + 4096) < 8192, true);
	}
	m.low[n] = ours;
	m.theirs[n] = theirs;
	m.high[n] = !m.high[n];
}

static void pit_access(bool write, u32 port, u8 value, u64 now)
{
	u8 ours;

	if (write) {
		if (pit_write(&m.pit, port, value, now)) {
			m.next_tick = pit_next_edge(&m.pit, now);
			m.owed = 0;
		}
		memset(m.high, 0, sizeof(m.high));
		return;
	}
	ours = pit_read(&m.pit, port, now);
	counter_read(port & 3, ours, value);
}

static void port_access(bool write, u32 port, u8 value, u64 now)
{
	if (pic_has_port(port)) {
		if (write)
			pic_write(&m.pic, port, value);
		else
			compare(PIC, "port", pic_read(&m.pic, port), value);
	} else if (port != PIT_PORT_SPEAKER) {
		pit_access(write, port, value, now);
	} else if (write) {
		pit_write_speaker(&m.pit, value, now);
	} else {
		/* Above are clocks. */
		compare(PIT, "speaker port", pit_read_speaker(&m.pit, now) & 3, value & 3);
	}
}

/* The 8254 raises its line when ours would, or later: what a guest has missed is made up for. */
static void tick(u64 now)
{
	if (!m.next_tick)
		return;
	for (; m.next_tick <= now + LATE_NS; m.owed++)
		m.next_tick = pit_next_edge(&m.pit, m.next_tick);
	compare(PIT, "tick", m.owed > 0, true);
	if (m.owed)
		m.owed--;
}

/* ---- the trace */

static void play(u64 now, char what, const char *rest)
{
	u32 a = 0, b = 0;
	char dir = 0;

	if (strchr("pia", what)) {
		assert_int_equal(sscanf(rest, " %c %x %x", &dir, &a, &b), 3);
	} else {
		assert_true(sscanf(rest, " %x %x", &a, &b) >= 1);
	}
	switch (what) {
	case 'p':
		port_access(dir == 'w', a, b, now);
		break;
	case 'i':
		ioapic_access(dir == 'w', a, b);
		break;
	case 'a':
		lapic_access(dir == 'w', a, b);
		break;
	case 'g':
		if (a == 0 && b)
			tick(now);
		line_changes(a, b);
		break;
	case 't':
		taken(a);
		break;
	case 'v':
		delivered(a);
		break;
	case 'e':
		compare(LAPIC, "ended", (u64)m.lapic.apic.isr_top, a);
		lapic_effects(lapic_eoi(&m.lapic.apic));
		break;
	}
}

/* As QEMU sets the 8254 at reset: square waves, from the largest count */
static void start_pit(u64 now)
{
	struct pit_image image = {};

	for (int i = 0; i < PIT_NR_CHANNELS; i++)
		image.channels[i] = (struct pit_channel_image){
			.count = 0x10000, .mode = 3, .gate = i != 2, .count_load_time = now
		};
	pit_init(&m.pit, now);
	pit_set_state(&m.pit, &image, now);
}

static void start(u64 now)
{
	memset(&m, 0, sizeof(m));
	test_apic(&m.lapic, 0);
	lapic_configure(&m.lapic.apic, LAPIC_F_DEADLINE);
	lapic_reset(&m.lapic.apic, true, true);
	ioapic_init(&m.ioapic, IOAPIC_VERSION_82093AA, &ops);
	pic_init(&m.pic);
	start_pit(now);
}

static void replay(const char *path)
{
	FILE *f = fopen(path, "r");
	char text[128], what;
	u64 us;
	int at;

	assert_non_null(f);
	for (u64 line = 1; fgets(text, sizeof(text), f); line++) {
		if (text[0] == '#')
			continue;
		assert_int_equal(sscanf(text, "%" SCNu64 " %c%n", &us, &what, &at), 2);
		test_now += us * 1000;
		if (!m.line)
			start(test_now);
		m.line = line;
		play(test_now, what, text + at);
	}
	fclose(f);
	for (int i = 0; i < NR_CHIPS; i++)
		print_message("%s: %u compared\n", names[i], m.compared[i]);
	assert_int_equal(m.differ, 0);
	assert_true(m.nr_sent <= 1);
}

static void test_linux_boot(void **state)
{
	replay(TRACES "/linux-boot");
	/* That there was something to compare */
	assert_true(m.compared[PIC] > 100);
	assert_true(m.compared[PIT] > 20);
	assert_true(m.compared[IOAPIC] > 100);
	assert_true(m.compared[LAPIC] > 1000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linux_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
