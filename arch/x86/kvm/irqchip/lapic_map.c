// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC: physical and logical destinations, and the map over all APICs.
 *
 * Intel SDM vol. 3A, "Determining IPI Destination", "Logical Destination Mode
 * in x2APIC Mode".
 */
#include "lapic_map.h"

#define LDR_FLAT 0xf
#define LDR_CLUSTER 0x0

/**
 * lapic_is_broadcast() - could the destination mean everybody?
 * @msg: the message
 *
 * Whether it does for an APIC is lapic_matches()' matter.
 */
bool lapic_is_broadcast(const struct lapic_msg *msg)
{
	if (msg->dest == X2APIC_BROADCAST)
		return !msg->ipi || msg->x2apic;
	return msg->dest == LAPIC_BROADCAST && !(msg->ipi && msg->x2apic);
}

/*
 * 0xff from an I/O APIC or in an MSI means everybody in x2APIC mode too, as
 * there is no interrupt remapping, unless the VMM has asked for the plain rule.
 */
static bool broadcast_reaches(const struct lapic *apic, const struct lapic_msg *msg)
{
	if (!lapic_is_broadcast(msg))
		return false;
	return msg->dest == X2APIC_BROADCAST || msg->ipi || apic->mode != LAPIC_MODE_X2APIC ||
	       !READ_ONCE(apic->no_xapic_broadcast);
}

static bool matches_logical(const struct lapic *apic, u32 dest)
{
	u32 ldr = lapic_get(apic, LAPIC_LDR);

	if (READ_ONCE(apic->mode) == LAPIC_MODE_X2APIC)
		return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);

	ldr >>= 24;
	if (dest > 0xff)
		return false;
	switch (lapic_get(apic, LAPIC_DFR) >> 28) {
	case LDR_FLAT:
		return ldr & dest;
	case LDR_CLUSTER:
		return ldr >> 4 == dest >> 4 && (ldr & dest & 0xf);
	default:
		return false;
	}
}

/**
 * lapic_matches() - is the message's destination field this APIC?
 * @apic: the APIC
 * @msg: the message
 *
 * Looks at no shorthand.
 */
bool lapic_matches(const struct lapic *apic, const struct lapic_msg *msg)
{
	if (READ_ONCE(apic->mode) == LAPIC_MODE_DISABLED)
		return false;
	if (unlikely(broadcast_reaches(apic, msg)))
		return true;
	if (msg->logical)
		return matches_logical(apic, msg->dest);
	return lapic_is_at(apic, msg->dest);
}

/**
 * lapic_map_bytes() - memory that a map takes
 * @room: APICs that can be added
 * @max_id: highest lapic.id among them
 */
size_t lapic_map_bytes(u32 room, u32 max_id)
{
	size_t places = (size_t)room + max_t(u32, max_id, 0xff) + 1;

	return offsetof(struct lapic_map, places) + places * sizeof(struct lapic *);
}

/**
 * lapic_map_init() - an empty map in zeroed memory of lapic_map_bytes()
 * @map: the map
 * @room: APICs that can be added
 * @max_id: highest lapic.id among them
 */
void lapic_map_init(struct lapic_map *map, u32 room, u32 max_id)
{
	map->room = room;
	map->nr_phys = max_t(u32, max_id, 0xff) + 1;
	map->phys = map->places;
	map->all = map->places + map->nr_phys;
}

static void set_logical(struct lapic_map *map, u8 kind)
{
	if (map->logical == LAPIC_MAP_NONE)
		map->logical = kind;
	else if (map->logical != kind)
		map->logical = LAPIC_MAP_SCAN;
}

static void add_xlogical(struct lapic_map *map, struct lapic *apic)
{
	u32 ldr = lapic_get(apic, LAPIC_LDR) >> 24;
	u32 model = lapic_get(apic, LAPIC_DFR) >> 28;
	bool flat = model == LDR_FLAT;
	u32 bits = flat ? ldr : ldr & 0xf;
	u32 place;

	/* Not reachable by a logical destination. */
	if (!bits || (!flat && model != LDR_CLUSTER))
		return;
	set_logical(map, flat ? LAPIC_MAP_FLAT : LAPIC_MAP_CLUSTER);
	place = flat ? __ffs(bits) : (ldr >> 4) * 4 + __ffs(bits);
	if ((bits & (bits - 1)) || map->xlogical[place])
		map->logical = LAPIC_MAP_SCAN;
	map->xlogical[place] = apic;
}

/**
 * lapic_map_add() - enter an APIC as it is addressed now
 * @map: the map
 * @apic: the APIC
 *
 * More APICs than there is room for are left out, and so are disabled ones.
 */
void lapic_map_add(struct lapic_map *map, struct lapic *apic)
{
	u32 id = lapic_phys_id(apic);

	if (READ_ONCE(apic->mode) == LAPIC_MODE_DISABLED || map->nr >= map->room ||
	    id >= map->nr_phys)
		return;
	map->all[map->nr++] = apic;
	if (map->phys[id])
		map->scan_phys = true;
	map->phys[id] = apic;
	if (READ_ONCE(apic->mode) == LAPIC_MODE_X2APIC)
		set_logical(map, LAPIC_MAP_X2APIC);
	else
		add_xlogical(map, apic);
}

/* The receivers are among @nr slots from @slots on, those in @mask. */
static void among(struct lapic_targets *t, struct lapic *const *slots, u32 nr, u64 mask)
{
	t->slots = slots;
	t->nr = nr;
	t->mask = mask;
}

static void find_logical(const struct lapic_map *map, u32 dest, struct lapic_targets *t)
{
	u32 base;

	switch (map->logical) {
	case LAPIC_MAP_NONE:
		return;
	case LAPIC_MAP_FLAT:
		if (dest <= 0xff)
			among(t, map->xlogical, 8, dest);
		return;
	case LAPIC_MAP_CLUSTER:
		if (dest <= 0xff)
			among(t, &map->xlogical[(dest >> 4) * 4], 4, dest & 0xf);
		return;
	case LAPIC_MAP_X2APIC:
		if (map->scan_phys)
			break;
		base = dest >> 16 << 4;
		if (base >= map->nr_phys)
			return;
		base = array_index_nospec(base, map->nr_phys);
		among(t, &map->phys[base], min_t(u32, 16, map->nr_phys - base), dest & 0xffff);
		return;
	}
	among(t, map->all, map->nr, ~0ULL);
}

/**
 * lapic_map_find() - begin the walk over the receivers of @msg
 * @map: the map
 * @msg: the message
 * @sender: the APIC that sends it, NULL for a device
 * @t: the walk
 *
 * @msg must stay until the walk has ended.
 */
void lapic_map_find(const struct lapic_map *map, const struct lapic_msg *msg, struct lapic *sender,
		    struct lapic_targets *t)
{
	memset(t, 0, sizeof(*t));
	switch (msg->shorthand) {
	case LAPIC_SH_SELF:
		t->one = sender;
		among(t, &t->one, 1, 1);
		return;
	case LAPIC_SH_OTHERS:
		t->except = sender;
		fallthrough;
	case LAPIC_SH_ALL:
		among(t, map->all, map->nr, ~0ULL);
		return;
	}

	t->msg = msg;
	if (lapic_is_broadcast(msg)) {
		among(t, map->all, map->nr, ~0ULL);
	} else if (msg->logical) {
		find_logical(map, msg->dest, t);
	} else if (map->scan_phys) {
		among(t, map->all, map->nr, ~0ULL);
	} else if (msg->dest < map->nr_phys) {
		t->one = map->phys[array_index_nospec(msg->dest, map->nr_phys)];
		among(t, &t->one, 1, 1);
	}
}

/**
 * lapic_targets_next() - the next receiver
 * @t: the walk
 *
 * Return: an APIC, or NULL at the end.
 */
struct lapic *lapic_targets_next(struct lapic_targets *t)
{
	struct lapic *apic;
	u32 at;

	while (t->at < t->nr) {
		at = t->at++;
		if (t->nr <= 64 && !(t->mask >> at & 1))
			continue;
		apic = t->slots[at];
		if (!apic || apic == t->except)
			continue;
		if (!t->msg || lapic_matches(apic, t->msg))
			return apic;
	}
	return NULL;
}

/* The next receiver that takes fixed interrupts, and its priority class. */
static struct lapic *next_enabled(struct lapic_targets *t, u32 *class)
{
	struct lapic *apic;

	while ((apic = lapic_targets_next(t))) {
		if (!READ_ONCE(apic->enabled))
			continue;
		*class = lapic_get(apic, LAPIC_TPR) >> 4;
		return apic;
	}
	return NULL;
}

/**
 * lapic_map_lowest() - whom a lowest-priority message goes to
 * @map: the map
 * @msg: the message
 * @sender: the APIC that sends it, NULL for a device
 *
 * To the receiver with the lowest task priority class.  Among several the
 * vector decides, so that an interrupt stays with one CPU and the interrupts
 * of a VM spread.
 *
 * Return: an APIC, or NULL: there is none.
 */
struct lapic *lapic_map_lowest(const struct lapic_map *map, const struct lapic_msg *msg,
			       struct lapic *sender)
{
	struct lapic *apic, *found = NULL;
	u32 class, lowest = ~0U, equal = 0, turn;
	struct lapic_targets t;

	lapic_map_find(map, msg, sender, &t);
	while ((apic = next_enabled(&t, &class))) {
		if (class < lowest) {
			lowest = class;
			found = apic;
			equal = 0;
		}
		equal += class == lowest;
	}
	if (equal <= 1)
		return found;

	turn = msg->vector % equal;
	lapic_map_find(map, msg, sender, &t);
	while ((apic = next_enabled(&t, &class))) {
		/* Priorities may have changed since: found is still right. */
		if (class == lowest && !turn--)
			return apic;
	}
	return found;
}

/**
 * lapic_map_only() - whom a device's message goes to, whatever changes but the map
 * @map: the map
 * @msg: the message, fixed or lowest-priority
 *
 * Return: an APIC, or NULL: it is addressed to several or to none, or the one does not take it.
 */
struct lapic *lapic_map_only(const struct lapic_map *map, const struct lapic_msg *msg)
{
	struct lapic_targets t;
	struct lapic *apic;

	lapic_map_find(map, msg, NULL, &t);
	apic = lapic_targets_next(&t);
	if (!apic || !READ_ONCE(apic->enabled) || lapic_targets_next(&t))
		return NULL;
	return apic;
}
