/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which local APICs an interrupt message reaches.
 *
 * A map is built from all APICs of a VM whenever an address changes, and is
 * only read after that (in the kernel under RCU).  It makes a unicast one look
 * into an array, whatever the number of CPUs, and a logical message at most 16
 * looks.  What is irregular (two APICs with one address, flat and cluster
 * models side by side) is found by asking every APIC, as hardware does.
 *
 * Every candidate that the map names is asked with lapic_matches() before it
 * is used, so that a map that is a moment old delivers nothing to an APIC that
 * has left the address.
 */
#ifndef KVM_X86_IRQCHIP_LAPIC_MAP_H
#define KVM_X86_IRQCHIP_LAPIC_MAP_H

#include "lapic_core.h"

/* How the logical destinations of all APICs can be looked up. */
enum lapic_map_logical {
	LAPIC_MAP_NONE, /* nobody has one */
	LAPIC_MAP_FLAT,
	LAPIC_MAP_CLUSTER,
	LAPIC_MAP_X2APIC, /* follows from the ID */
	LAPIC_MAP_SCAN, /* not at all */
};

/**
 * struct lapic_map - the map
 * @nr:		APICs in @all, which are those not disabled
 * @room:	places in @all
 * @nr_phys:	places in @phys: highest ID plus one
 * @logical:	enum lapic_map_logical
 * @scan_phys:	two APICs have the same ID
 * @xlogical:	flat: by bit; cluster: by cluster * 4 + bit
 * @phys:	by ID
 * @all:	every APIC, in the order of lapic_map_add()
 * @places:	holds @phys and @all
 */
struct lapic_map {
	u32 nr;
	u32 room;
	u32 nr_phys;
	u8 logical;
	bool scan_phys;
	struct lapic *xlogical[64];
	struct lapic **phys;
	struct lapic **all;
	struct lapic *places[];
};

/* A walk over the receivers of a message. */
struct lapic_targets {
	struct lapic *const *slots;
	u32 nr;
	u64 mask; /* of slots, if nr <= 64 */
	const struct lapic_msg *msg; /* NULL: by shorthand, nobody is asked */
	const struct lapic *except;
	struct lapic *one;
	u32 at;
};

size_t lapic_map_bytes(u32 room, u32 max_id);
void lapic_map_init(struct lapic_map *map, u32 room, u32 max_id);
void lapic_map_add(struct lapic_map *map, struct lapic *apic);

void lapic_map_find(const struct lapic_map *map, const struct lapic_msg *msg, struct lapic *sender,
		    struct lapic_targets *t);
struct lapic *lapic_targets_next(struct lapic_targets *t);
struct lapic *lapic_map_lowest(const struct lapic_map *map, const struct lapic_msg *msg,
			       struct lapic *sender);
struct lapic *lapic_map_only(const struct lapic_map *map, const struct lapic_msg *msg);

/* The ID by which physical destinations find an APIC in @mode. */
static __always_inline u32 lapic_phys_id_in(const struct lapic *apic, u8 mode)
{
	u32 id = READ_ONCE(apic->id);

	if (mode == LAPIC_MODE_X2APIC)
		return id;
	/*
	 * An ID beyond 8 bits is not truncated, where it would meet another
	 * CPU's: until it changes to x2APIC mode the APIC is found by the ID
	 * that it will have then, so that a CPU in that mode can start it.
	 */
	if (id > 0xff && !READ_ONCE(apic->id_written))
		return id;
	return lapic_get(apic, LAPIC_ID) >> 24;
}

static inline u32 lapic_phys_id(const struct lapic *apic)
{
	return lapic_phys_id_in(apic, READ_ONCE(apic->mode));
}

/* Is a physical destination, which is no broadcast, this APIC? */
static __always_inline bool lapic_is_at(const struct lapic *apic, u32 dest)
{
	u8 mode = READ_ONCE(apic->mode);

	return mode != LAPIC_MODE_DISABLED && lapic_phys_id_in(apic, mode) == dest;
}

/**
 * lapic_map_unicast() - the one APIC of a physical destination
 * @map: the map
 * @msg: the message
 *
 * Return: the APIC, or NULL: use lapic_map_find().
 */
static __always_inline struct lapic *lapic_map_unicast(const struct lapic_map *map,
						       const struct lapic_msg *msg)
{
	struct lapic *apic;

	if (msg->logical | msg->shorthand | map->scan_phys || msg->dest >= map->nr_phys)
		return NULL;
	/* Both broadcasts end so. */
	if (unlikely((u8)msg->dest == LAPIC_BROADCAST && lapic_is_broadcast(msg)))
		return NULL;
	apic = map->phys[array_index_nospec(msg->dest, map->nr_phys)];
	return apic && lapic_is_at(apic, msg->dest) ? apic : NULL;
}

#endif /* KVM_X86_IRQCHIP_LAPIC_MAP_H */
