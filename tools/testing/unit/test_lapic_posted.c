// SPDX-License-Identifier: GPL-2.0-only
/*
 * Posted requests, the EOI-exit bitmap and the interrupt status, with a processor that is played by the test: it takes
 * interrupts from the page and ends them as SDM vol. 3C, 30.2 says.
 */
#include <pthread.h>

#include "lapic_fixture.h"

struct posted_fixture {
	struct fixture f;
	struct lapic_posted posted;
};

/* What a processor in the guest has in registers. */
struct cpu {
	struct lapic *apic;
	u8 rvi, svi;
	u64 eoi_exits[4];
};

static struct lapic *posted_apic(struct posted_fixture *p)
{
	struct lapic *apic = test_apic(&p->f, 0);

	memset(&p->posted, 0, sizeof(p->posted));
	apic->posted = &p->posted;
	test_enable(apic);
	return apic;
}

static void entry(struct cpu *cpu)
{
	u16 status;

	if (lapic_posted_take(cpu->apic))
		lapic_eoi_exits(cpu->apic, cpu->eoi_exits);
	status = lapic_interrupt_status(cpu->apic);
	cpu->rvi = status;
	cpu->svi = status >> 8;
}

static int highest_bit(struct lapic *apic, u32 reg)
{
	for (int v = 255; v >= 0; v--)
		if (lapic_test(apic, reg, v))
			return v;
	return 0;
}

/* 30.2.2: virtual-interrupt delivery.  The vector, or -1. */
static int cpu_takes(struct cpu *cpu)
{
	u8 tpr = lapic_get(cpu->apic, LAPIC_TPR), vector = cpu->rvi;
	u8 ppr = (tpr & 0xf0) >= (cpu->svi & 0xf0) ? tpr : cpu->svi & 0xf0;

	if ((cpu->rvi & 0xf0) <= (ppr & 0xf0))
		return -1;
	*lapic_word(cpu->apic, LAPIC_ISR, vector) |= 1u << (vector & 31);
	*lapic_word(cpu->apic, LAPIC_IRR, vector) &= ~(1u << (vector & 31));
	cpu->svi = vector;
	cpu->rvi = highest_bit(cpu->apic, LAPIC_IRR);
	return vector;
}

/* 30.1.4: EOI virtualization.  The vector of an EOI-induced exit, or -1. */
static int cpu_ends(struct cpu *cpu)
{
	u8 vector = cpu->svi;

	*lapic_word(cpu->apic, LAPIC_ISR, vector) &= ~(1u << (vector & 31));
	cpu->svi = highest_bit(cpu->apic, LAPIC_ISR);
	return cpu->eoi_exits[vector / 64] >> (vector % 64) & 1 ? vector : -1;
}

static void posted_vector_is_taken_and_ended_without_software(void **state)
{
	struct posted_fixture p;
	struct cpu cpu = { .apic = posted_apic(&p) };

	assert_int_equal(lapic_accept(cpu.apic, LAPIC_DM_FIXED, 0x41, false), LAPIC_ACCEPTED);
	assert_true(lapic_posted_pending(&p.posted));
	assert_false(lapic_posted_must_kick(&p.posted));
	assert_int_equal(lapic_get(cpu.apic, LAPIC_IRR + 0x20), 0);
	assert_int_equal(lapic_posted_highest(cpu.apic), 0x41);
	entry(&cpu);
	assert_false(lapic_posted_pending(&p.posted));
	assert_int_equal(cpu.rvi, 0x41);
	assert_int_equal(cpu_takes(&cpu), 0x41);
	assert_int_equal(lapic_posted_highest(cpu.apic), -1);
	assert_int_equal(cpu_ends(&cpu), -1);
}

static void second_request_is_coalesced(void **state)
{
	struct posted_fixture p;
	struct lapic *apic = posted_apic(&p);

	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x41, false), LAPIC_ACCEPTED);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x41, false), LAPIC_COALESCED);
	lapic_posted_take(apic);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x41, false), LAPIC_ACCEPTED);
}

static void priorities_hold_for_what_is_posted(void **state)
{
	struct posted_fixture p;
	struct cpu cpu = { .apic = posted_apic(&p) };

	lapic_accept(cpu.apic, LAPIC_DM_FIXED, 0x51, false);
	entry(&cpu);
	assert_int_equal(cpu_takes(&cpu), 0x51);
	lapic_accept(cpu.apic, LAPIC_DM_FIXED, 0x5f, false);
	assert_int_equal(lapic_posted_highest(cpu.apic), -1);
	lapic_accept(cpu.apic, LAPIC_DM_FIXED, 0x60, false);
	assert_int_equal(lapic_posted_highest(cpu.apic), 0x60);
	entry(&cpu);
	assert_int_equal(cpu.svi, 0x51);
	lapic_put(cpu.apic, LAPIC_TPR, 0x60);
	assert_int_equal(cpu_takes(&cpu), -1);
	assert_int_equal(lapic_posted_highest(cpu.apic), -1);
	lapic_put(cpu.apic, LAPIC_TPR, 0x5f);
	assert_int_equal(cpu_takes(&cpu), 0x60);
	cpu_ends(&cpu);
	assert_int_equal(cpu.svi, 0x51);
	cpu_ends(&cpu);
	lapic_put(cpu.apic, LAPIC_TPR, 0);
	assert_int_equal(cpu_takes(&cpu), 0x5f);
}

/* The first of a level waits for the bitmap, so its EOI cannot be missed; the next ones need not. */
static void eoi_of_a_level_is_always_seen(void **state)
{
	struct posted_fixture p;
	struct cpu cpu = { .apic = posted_apic(&p) };
	u32 fx;

	entry(&cpu);
	lapic_accept(cpu.apic, LAPIC_DM_FIXED, 0x81, true);
	assert_true(lapic_posted_must_kick(&p.posted));
	assert_int_equal(p.posted.pir[4], 0);
	assert_int_equal(lapic_posted_highest(cpu.apic), 0x81);
	entry(&cpu);
	assert_int_equal(cpu_takes(&cpu), 0x81);
	assert_int_equal(cpu_ends(&cpu), 0x81);
	fx = lapic_virtual_eoi(cpu.apic, 0x81);
	assert_true(fx & LAPIC_FX_EOI);
	assert_int_equal(lapic_fx_vector(fx), 0x81);

	lapic_accept(cpu.apic, LAPIC_DM_FIXED, 0x81, true);
	assert_false(lapic_posted_must_kick(&p.posted));
	assert_true(p.posted.pir[4] & 2);
	entry(&cpu);
	assert_int_equal(cpu_takes(&cpu), 0x81);
	assert_int_equal(cpu_ends(&cpu), 0x81);
}

static void vector_that_turns_edge_reports_no_eoi(void **state)
{
	struct posted_fixture p;
	struct cpu cpu = { .apic = posted_apic(&p) };

	lapic_accept(cpu.apic, LAPIC_DM_FIXED, 0x81, true);
	entry(&cpu);
	cpu_takes(&cpu);
	assert_true(lapic_virtual_eoi(cpu.apic, cpu_ends(&cpu)));
	lapic_accept(cpu.apic, LAPIC_DM_FIXED, 0x81, false);
	entry(&cpu);
	cpu_takes(&cpu);
	/* The bitmap in force still has it; it does no harm. */
	assert_int_equal(cpu_ends(&cpu), 0x81);
	assert_int_equal(lapic_virtual_eoi(cpu.apic, 0x81), 0);
}

static void watched_edge_is_seen(void **state)
{
	struct posted_fixture p;
	struct cpu cpu = { .apic = posted_apic(&p) };

	cpu.apic->eoi_watch[2] = 1u << 1;
	lapic_accept(cpu.apic, LAPIC_DM_FIXED, 0x41, false);
	entry(&cpu);
	assert_int_equal(cpu_takes(&cpu), 0x41);
	assert_int_equal(cpu_ends(&cpu), 0x41);
	assert_true(lapic_virtual_eoi(cpu.apic, 0x41) & LAPIC_FX_EOI);
}

static void bitmap_has_every_vector_at_its_place(void **state)
{
	struct posted_fixture p;
	struct lapic *apic = posted_apic(&p);
	u64 bitmap[4];

	for (unsigned int v = 16; v < 256; v++) {
		memset(apic->eoi_watch, 0, sizeof(apic->eoi_watch));
		apic->eoi_watch[v / 32] = 1u << (v % 32);
		lapic_eoi_exits(apic, bitmap);
		for (unsigned int w = 0; w < 4; w++)
			assert_true(bitmap[w] == (w == v / 64 ? 1ull << (v % 64) : 0));
	}
}

static void software_finds_what_the_processor_did(void **state)
{
	struct posted_fixture p;
	struct cpu cpu = { .apic = posted_apic(&p) };

	lapic_accept(cpu.apic, LAPIC_DM_FIXED, 0x41, false);
	lapic_accept(cpu.apic, LAPIC_DM_FIXED, 0x91, false);
	entry(&cpu);
	assert_int_equal(cpu_takes(&cpu), 0x91);
	lapic_posted_take(cpu.apic);
	lapic_rescan(cpu.apic);
	assert_int_equal(cpu.apic->isr_top, 0x91);
	assert_int_equal(lapic_pending(cpu.apic), -1);
	/* An EOI in software, then on in hardware. */
	lapic_eoi(cpu.apic);
	assert_int_equal(lapic_pending(cpu.apic), 0x41);
	entry(&cpu);
	assert_int_equal(cpu.svi, 0);
	assert_int_equal(cpu_takes(&cpu), 0x41);
}

/* ---------------------------------------------------------------- no request is lost */

#define ROUNDS 20000

static void *poster(void *arg)
{
	struct lapic *apic = arg;

	for (int i = 0; i < ROUNDS; i++) {
		/* Each is a new request, or one that is still pending. */
		lapic_accept_fixed(apic, 0x40 + i % 0x80, i % 3 == 0);
		__atomic_fetch_add(&test_now, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void requests_of_other_threads_arrive(void **state)
{
	static struct posted_fixture p;
	struct cpu cpu = { .apic = posted_apic(&p) };
	pthread_t threads[2];
	bool done = false;

	test_now = 0;
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, poster, cpu.apic);
	while (!done) {
		done = __atomic_load_n(&test_now, __ATOMIC_SEQ_CST) == 2 * ROUNDS;
		if (!lapic_posted_pending(&p.posted) && !done)
			continue;
		entry(&cpu);
		while (cpu_takes(&cpu) >= 0)
			cpu_ends(&cpu);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	entry(&cpu);
	while (cpu_takes(&cpu) >= 0)
		cpu_ends(&cpu);
	for (int w = 0; w < 8; w++)
		assert_int_equal(p.posted.pir[w] | p.posted.late[w] |
					 lapic_get(cpu.apic, LAPIC_IRR + w * 16),
				 0);
	/* After all that, one more of each kind comes through. */
	lapic_accept_fixed(cpu.apic, 0x44, true);
	entry(&cpu);
	assert_int_equal(cpu_takes(&cpu), 0x44);
	assert_int_equal(cpu_ends(&cpu), 0x44);
}

/* AVIC: requests go to the IRR itself, whoever has the page, and are found there. */
static void direct_requests_are_in_the_irr(void **state)
{
	static struct posted_fixture p;
	struct lapic *apic = posted_apic(&p);
	u32 fx;

	apic->posted->direct = true;
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x51, false), LAPIC_ACCEPTED);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x51, false), LAPIC_COALESCED);
	/* A level waits for no bitmap: its TMR bit is what the processor looks at. */
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x61, true), LAPIC_ACCEPTED);
	assert_true(lapic_test(apic, LAPIC_IRR, 0x51) && lapic_test(apic, LAPIC_IRR, 0x61));
	assert_true(lapic_test(apic, LAPIC_TMR, 0x61) && !lapic_test(apic, LAPIC_TMR, 0x51));
	assert_false(lapic_posted_must_kick(apic->posted));
	assert_int_equal(lapic_posted_highest(apic), 0x61);

	/* The processor takes one; software, when it has the page back, takes and ends the rest. */
	*lapic_word(apic, LAPIC_IRR, 0x61) = 0;
	*lapic_word(apic, LAPIC_ISR, 0x61) = 1u << (0x61 & 31);
	assert_int_equal(lapic_posted_highest(apic), -1);
	assert_false(lapic_posted_take(apic));
	lapic_rescan(apic);
	assert_int_equal(take(apic), -1);
	fx = lapic_eoi(apic);
	assert_true(fx & LAPIC_FX_EVENTS && fx & LAPIC_FX_EOI);
	assert_int_equal(lapic_fx_vector(fx), 0x61);
	assert_int_equal(take(apic), 0x51);
}

/* ---------------------------------------------------------------- an I/O MMU */

/* VT-d specification, 5.2.3: the request, then whether somebody is notified: with NV and NDST, or 0. */
static u64 device_posts(struct lapic_posted *p, u8 vector)
{
	atomic_set_bit32(&p->pir[vector >> 5], vector);
	if (p->control & (POSTED_ON | POSTED_SN))
		return 0;
	atomic_or32(&p->control, POSTED_ON);
	return p->control64 & ~(u64)POSTED_ON;
}

static void destination_has_the_format_of_the_hosts_mode(void **state)
{
	assert_int_equal(lapic_posted_destination(5, false), 0x500);
	assert_int_equal(lapic_posted_destination(5, true), 5);
	assert_int_equal(lapic_posted_destination(0x12345, true), 0x12345);
	assert_int_equal(lapic_posted_destination(0x1ff, false), 0xff00);
}

static void a_vcpu_that_runs_is_notified(void **state)
{
	struct posted_fixture p;
	struct cpu cpu = { .apic = posted_apic(&p) };

	p.posted.control = POSTED_SN;
	assert_int_equal(device_posts(&p.posted, 0x41), 0);
	assert_false(lapic_posted_pending(&p.posted));
	/* What was held comes with the next entry. */
	lapic_posted_run(&p.posted, 0x300);
	assert_true(lapic_posted_pending(&p.posted));
	assert_int_equal(p.posted.destination, 0x300);
	entry(&cpu);
	assert_int_equal(cpu_takes(&cpu), 0x41);
	cpu_ends(&cpu);
	assert_int_equal(device_posts(&p.posted, 0x51), 0x30000f20000);
	assert_int_equal(device_posts(&p.posted, 0x52), 0);
	entry(&cpu);
	assert_int_equal(cpu_takes(&cpu), 0x52);
	assert_int_equal(p.posted.control, POSTED_NV_RUN << POSTED_NV_SHIFT);
}

static void a_vcpu_that_is_held_is_not_and_looks_when_it_runs(void **state)
{
	struct posted_fixture p;
	struct lapic *apic = posted_apic(&p);

	lapic_posted_run(&p.posted, 0x100);
	lapic_posted_take(apic);
	lapic_posted_hold(&p.posted);
	assert_int_equal(device_posts(&p.posted, 0x61), 0);
	assert_int_equal(lapic_posted_highest(apic), 0x61);
	/* Software is not kept from telling. */
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x62, false), LAPIC_ACCEPTED);
	assert_true(lapic_posted_pending(&p.posted));
	lapic_posted_run(&p.posted, 0);
	assert_false(p.posted.control & POSTED_SN);
	assert_true(lapic_posted_pending(&p.posted));
}

static void a_vcpu_that_waits_is_woken_every_time(void **state)
{
	struct posted_fixture p;
	struct lapic *apic = posted_apic(&p);

	lapic_posted_run(&p.posted, 0x100);
	lapic_posted_take(apic);
	assert_false(lapic_posted_wait(&p.posted, 0x100));
	assert_true(lapic_posted_wakes(&p.posted));
	assert_int_equal(device_posts(&p.posted, 0x41), 0x10000f10000);
	assert_true(lapic_posted_woken(&p.posted));
	/* Once for each notification, and the next one is sent. */
	assert_false(lapic_posted_woken(&p.posted));
	assert_int_equal(device_posts(&p.posted, 0x51), 0x10000f10000);
	assert_true(lapic_posted_woken(&p.posted));
	assert_int_equal(lapic_posted_highest(apic), 0x51);
	/* What it was woken for is still there when it runs. */
	lapic_posted_run(&p.posted, 0x100);
	assert_true(lapic_posted_pending(&p.posted));
	assert_false(lapic_posted_woken(&p.posted));
	assert_true(lapic_posted_pending(&p.posted));
}

static void what_came_before_the_wait_is_looked_at(void **state)
{
	struct posted_fixture p;

	posted_apic(&p);
	/* Told by the notification vector, to nobody in the guest */
	lapic_posted_run(&p.posted, 0x100);
	p.posted.control &= ~POSTED_ON;
	assert_int_equal(device_posts(&p.posted, 0x41), 0x10000f20000);
	p.posted.pir[2] = 0;
	assert_true(lapic_posted_wait(&p.posted, 0x100));
	assert_false(lapic_posted_wait(&p.posted, 0x100));
	/* Told to nobody */
	p.posted.control = POSTED_SN;
	device_posts(&p.posted, 0xf1);
	assert_true(lapic_posted_wait(&p.posted, 0x100));
	assert_int_equal(device_posts(&p.posted, 0x42), 0x10000f10000);
	/* Told on a CPU that the vCPU has left */
	assert_true(lapic_posted_wait(&p.posted, 0x200));
	assert_int_equal(device_posts(&p.posted, 0x43), 0x20000f10000);
}

static void software_leaves_the_wakeup_vectors_on_alone(void **state)
{
	struct posted_fixture p;
	struct lapic *apic = posted_apic(&p);

	lapic_posted_wait(&p.posted, 0x100);
	/* It wakes the vCPU by itself, and the device's next request is still told of. */
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x41, false), LAPIC_ACCEPTED);
	lapic_posted_tell(&p.posted);
	assert_int_equal(device_posts(&p.posted, 0x51), 0x10000f10000);
	/* The owner of an APIC that is not virtual takes the requests: the handler comes nevertheless. */
	lapic_posted_take(apic);
	assert_true(lapic_posted_woken(&p.posted));
	/* Nor is a vCPU held that waits. */
	lapic_posted_hold(&p.posted);
	assert_int_equal(device_posts(&p.posted, 0x52), 0x10000f10000);
}

static void a_request_that_is_not_new_leaves_the_notification_to_the_device(void **state)
{
	struct posted_fixture p;
	struct lapic *apic = posted_apic(&p);

	p.posted.control = POSTED_SN;
	device_posts(&p.posted, 0x41);
	assert_int_equal(lapic_accept(apic, LAPIC_DM_FIXED, 0x41, false), LAPIC_COALESCED);
	/* Nobody was told, so nobody may believe it. */
	assert_false(lapic_posted_pending(&p.posted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posted_vector_is_taken_and_ended_without_software),
		cmocka_unit_test(second_request_is_coalesced),
		cmocka_unit_test(priorities_hold_for_what_is_posted),
		cmocka_unit_test(eoi_of_a_level_is_always_seen),
		cmocka_unit_test(vector_that_turns_edge_reports_no_eoi),
		cmocka_unit_test(watched_edge_is_seen),
		cmocka_unit_test(bitmap_has_every_vector_at_its_place),
		cmocka_unit_test(software_finds_what_the_processor_did),
		cmocka_unit_test(requests_of_other_threads_arrive),
		cmocka_unit_test(direct_requests_are_in_the_irr),
		cmocka_unit_test(destination_has_the_format_of_the_hosts_mode),
		cmocka_unit_test(a_vcpu_that_runs_is_notified),
		cmocka_unit_test(a_vcpu_that_is_held_is_not_and_looks_when_it_runs),
		cmocka_unit_test(a_vcpu_that_waits_is_woken_every_time),
		cmocka_unit_test(what_came_before_the_wait_is_looked_at),
		cmocka_unit_test(software_leaves_the_wakeup_vectors_on_alone),
		cmocka_unit_test(a_request_that_is_not_new_leaves_the_notification_to_the_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
