// SPDX-License-Identifier: GPL-2.0-only
/* Destinations: the map finds whom asking every APIC finds. */
#include "lapic_fixture.h"

#define MAX_APICS 300

static struct fixture *apics;
static u32 nr_apics;
static struct lapic_map *map;

static struct lapic *apic_at(u32 i)
{
	return &apics[i].apic;
}

static void make_apics(u32 nr, u32 first_id)
{
	u32 i;

	nr_apics = nr;
	for (i = 0; i < nr; i++) {
		test_apic(&apics[i], first_id + i);
		test_enable(apic_at(i));
	}
}

static void build(void)
{
	u32 i, max_id = 0;

	for (i = 0; i < nr_apics; i++)
		max_id = max(max_id, apic_at(i)->id);
	free(map);
	map = calloc(1, lapic_map_bytes(nr_apics, max_id));
	lapic_map_init(map, nr_apics, max_id);
	for (i = 0; i < nr_apics; i++)
		lapic_map_add(map, apic_at(i));
}

static int setup(void **state)
{
	apics = aligned_alloc(4096, MAX_APICS * sizeof(*apics));
	memset(apics, 0, MAX_APICS * sizeof(*apics));
	return 0;
}

static int teardown(void **state)
{
	free(map);
	free(apics);
	return 0;
}

static bool by_asking(u32 i, const struct lapic_msg *msg, u32 sender)
{
	struct lapic *apic = apic_at(i);

	if (apic->mode == LAPIC_MODE_DISABLED)
		return false;
	switch (msg->shorthand) {
	case LAPIC_SH_SELF:
		return i == sender;
	case LAPIC_SH_ALL:
		return true;
	case LAPIC_SH_OTHERS:
		return i != sender;
	}
	return lapic_matches(apic, msg);
}

/* The map and the plain question agree; returns the number of receivers. */
static u32 check(const struct lapic_msg *msg, u32 sender)
{
	static u8 found[MAX_APICS];
	struct lapic_targets t;
	struct lapic *apic;
	u32 i, nr = 0;

	memset(found, 0, sizeof(found));
	lapic_map_find(map, msg, apic_at(sender), &t);
	while ((apic = lapic_targets_next(&t)))
		found[container_of(apic, struct fixture, apic) - apics]++;
	for (i = 0; i < nr_apics; i++) {
		if (found[i] != by_asking(i, msg, sender))
			fail_msg("dest %#x logical %d: apic %u found %u times", msg->dest,
				 msg->logical, i, found[i]);
		nr += found[i];
	}
	apic = lapic_map_unicast(map, msg);
	if (apic) {
		assert_int_equal(nr, 1);
		assert_int_equal(found[container_of(apic, struct fixture, apic) - apics], 1);
	}
	return nr;
}

static struct lapic_msg ipi(u32 dest, bool logical, bool x2apic)
{
	return (struct lapic_msg){
		.dest = dest, .logical = logical, .ipi = true, .x2apic = x2apic, .vector = 0x40
	};
}

static struct lapic_msg device(u32 dest, bool logical)
{
	return (struct lapic_msg){ .dest = dest, .logical = logical, .vector = 0x40 };
}

static u32 count(struct lapic_msg msg)
{
	return check(&msg, 0);
}

static void physical_xapic(void **state)
{
	struct lapic_msg msg = ipi(3, false, false);
	u32 dest;

	make_apics(8, 0);
	build();
	for (dest = 0; dest < 0xff; dest++)
		assert_int_equal(count(ipi(dest, false, false)), dest < 8);
	assert_int_equal(count(ipi(0xff, false, false)), 8);
	assert_int_equal(count(device(0xff, false)), 8);
	assert_ptr_equal(lapic_map_unicast(map, &msg), apic_at(3));
}

static void physical_x2apic(void **state)
{
	u32 i;

	make_apics(260, 0);
	for (i = 0; i < nr_apics; i++)
		test_x2apic(apic_at(i));
	build();
	for (i = 0; i < nr_apics; i++)
		assert_int_equal(count(ipi(i, false, true)), 1);
	assert_int_equal(count(ipi(260, false, true)), 0);
	assert_int_equal(count(ipi(0xfffffffe, false, true)), 0);
	assert_int_equal(count(ipi(0xffffffff, false, true)), 260);
	/* In 32 bits 0xff is a CPU, from a device it is everybody. */
	assert_int_equal(count(ipi(0xff, false, true)), 1);
	assert_int_equal(count(device(0xff, false)), 260);
	for (i = 0; i < nr_apics; i++)
		apic_at(i)->no_xapic_broadcast = true;
	assert_int_equal(count(device(0xff, false)), 1);
	assert_int_equal(count(device(0xff, true)), 8);
	assert_int_equal(count(device(0xffffffff, false)), 260);
}

static void logical_flat(void **state)
{
	u32 i, dest;

	make_apics(8, 0);
	for (i = 0; i < 8; i++)
		mmio_write(apic_at(i), LAPIC_LDR, 1U << (24 + i));
	build();
	assert_int_equal(map->logical, LAPIC_MAP_FLAT);
	for (dest = 0; dest < 0x100; dest++)
		assert_int_equal(count(ipi(dest, true, false)), __builtin_popcount(dest));
}

static void logical_cluster(void **state)
{
	u32 i, dest;

	make_apics(40, 0);
	for (i = 0; i < 40; i++) {
		mmio_write(apic_at(i), LAPIC_DFR, 0);
		mmio_write(apic_at(i), LAPIC_LDR, (i / 4) << 28 | 1U << (24 + i % 4));
	}
	build();
	assert_int_equal(map->logical, LAPIC_MAP_CLUSTER);
	for (dest = 0; dest < 0xff; dest++)
		assert_int_equal(count(ipi(dest, true, false)),
				 dest >> 4 < 10 ? __builtin_popcount(dest & 15) : 0);
	assert_int_equal(count(ipi(0xff, true, false)), 40);
}

static void logical_x2apic(void **state)
{
	u32 i, cluster;

	make_apics(100, 0);
	for (i = 0; i < nr_apics; i++)
		test_x2apic(apic_at(i));
	build();
	assert_int_equal(map->logical, LAPIC_MAP_X2APIC);
	for (cluster = 0; cluster < 20; cluster++) {
		assert_int_equal(count(ipi(cluster << 16 | 0xffff, true, true)), cluster < 6  ? 16 :
										 cluster == 6 ? 4 :
												0);
		assert_int_equal(count(ipi(cluster << 16 | 0x0005, true, true)),
				 cluster < 7 ? 2 : 0);
	}
	assert_int_equal(count(ipi(0xfffffffe, true, true)), 0);
	assert_int_equal(count(ipi(0xffffffff, true, true)), 100);
}

static void irregular_addresses(void **state)
{
	make_apics(8, 0);
	/* Two have one ID, ... */
	mmio_write(apic_at(5), LAPIC_ID, 2U << 24);
	/* ... one has two logical bits, one has another's, one is in the other model. */
	mmio_write(apic_at(0), LAPIC_LDR, 0x03000000);
	mmio_write(apic_at(1), LAPIC_LDR, 0x02000000);
	mmio_write(apic_at(3), LAPIC_DFR, 0x0fffffff);
	mmio_write(apic_at(3), LAPIC_LDR, 0x01000000);
	build();
	assert_true(map->scan_phys);
	assert_int_equal(count(ipi(2, false, false)), 2);
	assert_int_equal(count(ipi(5, false, false)), 0);
	assert_int_equal(count(ipi(3, true, false)), 3);
	assert_int_equal(count(ipi(2, true, false)), 2);
}

static void apics_beyond_255_before_x2apic(void **state)
{
	make_apics(4, 254);
	test_x2apic(apic_at(0));
	build();
	/* Found by the ID that they will have, not by a truncated one. */
	assert_int_equal(count(ipi(256, false, true)), 1);
	assert_int_equal(count(ipi(257, false, true)), 1);
	assert_int_equal(count(ipi(0, false, false)), 0);
	assert_int_equal(count(ipi(1, false, true)), 0);
	mmio_write(apic_at(2), LAPIC_ID, 1U << 24);
	build();
	assert_int_equal(count(ipi(1, false, true)), 1);
	assert_int_equal(count(ipi(256, false, true)), 0);
}

static void shorthands(void **state)
{
	struct lapic_msg msg = ipi(3, false, false);
	u32 sender;

	make_apics(70, 0);
	lapic_set_base(apic_at(9), LAPIC_BASE_DEFAULT, 0, false);
	build();
	for (sender = 0; sender < 4; sender++) {
		msg.shorthand = LAPIC_SH_SELF;
		assert_int_equal(check(&msg, sender), 1);
		msg.shorthand = LAPIC_SH_ALL;
		assert_int_equal(check(&msg, sender), 69);
		msg.shorthand = LAPIC_SH_OTHERS;
		assert_int_equal(check(&msg, sender), 68);
	}
}

static void an_old_map_delivers_to_nobody_who_left(void **state)
{
	make_apics(4, 0);
	mmio_write(apic_at(1), LAPIC_LDR, 0x01000000);
	build();
	mmio_write(apic_at(1), LAPIC_LDR, 0x02000000);
	lapic_set_base(apic_at(2), LAPIC_BASE_DEFAULT, 0, false);
	assert_int_equal(count(ipi(1, true, false)), 0);
	assert_int_equal(count(ipi(2, false, false)), 0);
}

static void lowest_priority(void **state)
{
	struct lapic_msg msg = device(0x0f, true);
	u32 i, seen = 0;

	make_apics(4, 0);
	for (i = 0; i < 4; i++) {
		mmio_write(apic_at(i), LAPIC_LDR, 1U << (24 + i));
		mmio_write(apic_at(i), LAPIC_TPR, 0x40 - 0x10 * i);
	}
	build();
	msg.delivery = LAPIC_DM_LOWEST;
	assert_ptr_equal(lapic_map_lowest(map, &msg, NULL), apic_at(3));
	/* Who takes no interrupts is no candidate. */
	mmio_write(apic_at(3), LAPIC_SVR, 0xff);
	assert_ptr_equal(lapic_map_lowest(map, &msg, NULL), apic_at(2));
	/* Priority classes count, not the lower bits. */
	mmio_write(apic_at(1), LAPIC_TPR, 0x20);
	mmio_write(apic_at(2), LAPIC_TPR, 0x2f);
	for (msg.vector = 0x30; msg.vector < 0x40; msg.vector++) {
		struct lapic *apic = lapic_map_lowest(map, &msg, NULL);

		assert_true(apic == apic_at(1) || apic == apic_at(2));
		assert_ptr_equal(apic, lapic_map_lowest(map, &msg, NULL));
		seen |= apic == apic_at(1) ? 1 : 2;
	}
	assert_int_equal(seen, 3);
	msg.dest = 0x10;
	assert_null(lapic_map_lowest(map, &msg, NULL));
}

/* Whom an I/O MMU may post to */
static void the_only_receiver(void **state)
{
	struct lapic_msg to_1 = device(1, false), to_both = device(3, true);
	struct lapic_msg to_flat_1 = device(2, true), all = device(0xff, false);
	struct lapic_msg nobody = device(7, false);

	make_apics(3, 0);
	mmio_write(apic_at(0), LAPIC_LDR, 1 << 24);
	mmio_write(apic_at(1), LAPIC_LDR, 2 << 24);
	build();
	assert_ptr_equal(lapic_map_only(map, &to_1), apic_at(1));
	assert_ptr_equal(lapic_map_only(map, &to_flat_1), apic_at(1));
	assert_null(lapic_map_only(map, &to_both));
	assert_null(lapic_map_only(map, &all));
	assert_null(lapic_map_only(map, &nobody));
	/* What software may not accept, hardware may not. */
	assert_true(mmio_write(apic_at(1), LAPIC_SVR, 0xff) & LAPIC_FX_MAP);
	assert_null(lapic_map_only(map, &to_1));
	assert_true(mmio_write(apic_at(1), LAPIC_SVR, 0x1ff) & LAPIC_FX_MAP);
	assert_false(mmio_write(apic_at(1), LAPIC_SVR, 0x1fe) & LAPIC_FX_MAP);
	assert_ptr_equal(lapic_map_only(map, &to_1), apic_at(1));
}

static void random_addresses_agree(void **state)
{
	u32 round, i;

	srand(1);
	for (round = 0; round < 300; round++) {
		make_apics(1 + rand() % 70, rand() % 300);
		for (i = 0; i < nr_apics; i++) {
			if (rand() % 4 == 0)
				mmio_write(apic_at(i), LAPIC_ID, (u32)rand() << 24);
			if (rand() % 8 == 0)
				mmio_write(apic_at(i), LAPIC_DFR, (u32)rand() << 28);
			if (rand() % 2)
				mmio_write(apic_at(i), LAPIC_LDR, (u32)rand() << 24);
			if (rand() % 3 == 0)
				test_x2apic(apic_at(i));
			if (rand() % 16 == 0)
				lapic_set_base(apic_at(i), LAPIC_BASE_DEFAULT, 0, false);
		}
		build();
		for (i = 0; i < 300; i++) {
			struct lapic_msg msg = {
				.dest = rand() % 4 ? rand() % 512 :
						     rand() % 20 << 16 | rand() % 0x10000,
				.logical = rand() % 2,
				.ipi = rand() % 2,
				.x2apic = rand() % 2,
				.shorthand = rand() % 8 ? 0 : rand() % 4,
			};
			u32 sender = rand() % nr_apics;

			if (apic_at(sender)->mode != LAPIC_MODE_DISABLED)
				check(&msg, sender);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(physical_xapic),
		cmocka_unit_test(physical_x2apic),
		cmocka_unit_test(logical_flat),
		cmocka_unit_test(logical_cluster),
		cmocka_unit_test(logical_x2apic),
		cmocka_unit_test(irregular_addresses),
		cmocka_unit_test(apics_beyond_255_before_x2apic),
		cmocka_unit_test(shorthands),
		cmocka_unit_test(an_old_map_delivers_to_nobody_who_left),
		cmocka_unit_test(lowest_priority),
		cmocka_unit_test(the_only_receiver),
		cmocka_unit_test(random_addresses_agree),
	};

	return cmocka_run_group_tests_name("lapic map", tests, setup, teardown);
}
