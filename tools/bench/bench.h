/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measuring in TSC ticks, which are instructions in a machine that counts them
 * (tools/lab/lab --icount).
 */
#ifndef BENCH_H
#define BENCH_H

#include "vm.h"

#define BATCHES 31
/* Operations in a batch of cheap ones: less than a timer tick of the host together. */
#define ROUNDS 64

/* Ticks of each batch; written by guest code or by the host. */
extern u64 samples[BATCHES];

/* Prints the median of the batches for one of @rounds operations, as "bench NAME VALUE". */
void report(const char *name, u64 rounds);
/* The same for a value that was not sampled. */
void report_value(const char *name, u64 value);

/* Guest or host code: runs @op ROUNDS times in every batch. */
#define SAMPLE(op)                                          \
	do {                                                \
		for (int _b = 0; _b < BATCHES; _b++) {      \
			u64 _start = rdtsc();               \
                                                            \
			for (int _i = 0; _i < ROUNDS; _i++) \
				op;                         \
			samples[_b] = rdtsc() - _start;     \
		}                                           \
	} while (0)

/* Host code: @op once a batch, with @undo after it that is not counted. */
#define SAMPLE_ONCE(op, undo)                           \
	do {                                            \
		for (int _b = 0; _b < BATCHES; _b++) {  \
			u64 _start = rdtsc();           \
                                                        \
			op;                             \
			samples[_b] = rdtsc() - _start; \
			undo;                           \
		}                                       \
	} while (0)

#endif
