/* SPDX-License-Identifier: GPL-2.0-only */
/* A small fast generator (xorshift128+), so that a printed seed repeats a run. */
#ifndef FUZZ_RNG_H
#define FUZZ_RNG_H

#include "pure.h"

struct rng {
	u64 s[2];
};

static inline void rng_seed(struct rng *r, u64 seed)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		u64 z = (seed += 0x9e3779b97f4a7c15ULL);

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
		r->s[i] = z ^ (z >> 31);
	}
}

static inline u64 rng(struct rng *r)
{
	u64 a = r->s[0], b = r->s[1];

	r->s[0] = b;
	a ^= a << 23;
	r->s[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
	return r->s[1] + b;
}

/* Uniform enough in [0, n). */
static inline unsigned int rng_below(struct rng *r, unsigned int n)
{
	return ((rng(r) >> 32) * n) >> 32;
}

#endif
