/* SPDX-License-Identifier: GPL-2.0-only */
/* Which rows of the instruction table a run has met. */
#ifndef FUZZ_ROWS_MET_H
#define FUZZ_ROWS_MET_H

#include "emulate/rows.h"

/* Lists the rows that @wanted likes; none is met yet.  Return: how many. */
unsigned int rows_list(bool (*wanted)(const struct emul_desc *d));
/* Return: true when @d is one of them, met for the first time. */
bool rows_meet(const struct emul_desc *d);
/* The names of those not met, a line each. */
void rows_print_missing(void);

#endif
