/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measuring in TSC ticks, which are instructions in a machine that counts them
 * (tools/lab/lab --icount).
 */
#ifndef BENCH_H
#define BENCH_H

#include "vm.h"

#define MAX_BATCHES 31
/* Operations in a batch of cheap ones: less than a timer tick of the host together. */
#define ROUNDS 64

/* How many batches there are: with BENCH_SHORT set just enough for a median. */
extern unsigned int batches;
/* Ticks of each batch; written by guest code or by the host. */
extern u64 samples[MAX_BATCHES];

/* Prints the median of the batches for one of @rounds operations, as "bench NAME VALUE". */
void report(const char *name, u64 rounds);
/* The same for a value that was not sampled. */
void report_value(const char *name, u64 value);

/* A vCPU about to run @code in a machine with irqchip, and with the TSC deadline timer. */
struct vcpu *guest_with(void (*code)(u64));
/* Runs @code, which takes samples of ROUNDS operations, and reports them. */
void measure(const char *name, void (*code)(u64));
/* The same on a vCPU that guest_with() made. */
void measure_on(const char *name, struct vcpu *cpu);
/* Skips the case where two vCPUs, or a vCPU and its VMM, cannot run at the same time. */
void need_two_cpus(void);
/* An eventfd for 4-byte writes there, which a guest's write signals. */
int doorbell(struct vm *vm, u64 addr, u32 flags);

/* Guest or host code: runs @op ROUNDS times in every batch. */
#define SAMPLE(op)                                              \
	do {                                                    \
		for (unsigned int _b = 0; _b < batches; _b++) { \
			u64 _start = rdtsc();                   \
                                                                \
			for (int _i = 0; _i < ROUNDS; _i++)     \
				op;                             \
			samples[_b] = rdtsc() - _start;         \
		}                                               \
	} while (0)

/* @op once a batch, with @undo after it that is not counted. */
#define SAMPLE_ONCE(op, undo)                                   \
	do {                                                    \
		for (unsigned int _b = 0; _b < batches; _b++) { \
			u64 _start = rdtsc();                   \
                                                                \
			op;                                     \
			samples[_b] = rdtsc() - _start;         \
			undo;                                   \
		}                                               \
	} while (0)

#endif
