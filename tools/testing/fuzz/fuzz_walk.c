// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk of the guest's page tables against a second translation: the input is a mode, an address, a kind of access
 * and the entries that the walk meets, in order.
 */
#include <stdio.h>
#include <stdlib.h>

#include "walk_oracle.h"

struct input {
	u8 flags[2];
	u8 levels;
	u8 maxphyaddr;
	u32 pkru;
	u64 gva;
	u64 access;
	u64 entry[5];
} __packed;

static struct kvm_walk_mode mode_of(const struct input *in)
{
	return (struct kvm_walk_mode){
		.root = 0x1000,
		.levels = 2 + in->levels % 4,
		.maxphyaddr = 32 + in->maxphyaddr % 21,
		.pkru = in->pkru,
		.pse = in->flags[0] & 1,
		.pse36 = in->flags[0] & 2,
		.gbpages = in->flags[0] & 4,
		.wp = in->flags[0] & 8,
		.nx = in->flags[0] & 16,
		.smep = in->flags[0] & 32,
		.smap = in->flags[0] & 64,
		.ac = in->flags[0] & 128,
		.pke = in->flags[1] & 1,
		.amd = in->flags[1] & 2,
	};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena mem;
	struct kvm_walk_mode m;
	struct input in = {};
	struct oracle o;
	const char *what;
	u32 access;

	memcpy(&in, data, size < sizeof(in) ? size : sizeof(in));
	m = mode_of(&in);
	access = in.access & (KVM_WALK_WRITE | KVM_WALK_USER | KVM_WALK_FETCH | KVM_WALK_IMPLICIT);
	memset(&mem, 0, sizeof(mem));
	for (unsigned int i = 0; i < m.levels; i++) {
		u64 e = in.entry[i];

		oracle_walk(&mem, &m, in.gva, access, &o);
		if (o.status == KVM_WALK_NONCANON || o.depth <= i)
			break;
		/* Tables mostly lie in the arena. */
		if (!(in.flags[1] & 4))
			e = (e & ~bits(35, 16));
		memcpy(&mem.bytes[o.path[i].gpa], &e, o.path[i].bytes);
	}
	what = walk_differs(&mem, &m, in.gva, access);
	if (what) {
		fprintf(stderr, "differs: %s\n", what);
		abort();
	}
	return 0;
}
