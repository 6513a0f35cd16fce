// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "bench.h"

u64 samples[BATCHES];

static int ascending(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

void report_value(const char *name, u64 value)
{
	ktap_note("bench %s %llu", name, (unsigned long long)value);
}

void report(const char *name, u64 rounds)
{
	qsort(samples, BATCHES, sizeof(samples[0]), ascending);
	report_value(name, samples[BATCHES / 2] / rounds);
}
