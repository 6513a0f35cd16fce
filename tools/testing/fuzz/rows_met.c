// SPDX-License-Identifier: GPL-2.0-only
/* See rows_met.h. */
#include <stdio.h>
#include <stdlib.h>

#include "rows_met.h"

#define MAX_ROWS 8192

static const struct emul_desc *rows[MAX_ROWS];
static bool row_seen[MAX_ROWS];
static unsigned int nr_rows;

static void list(const struct emul_desc *d, bool (*wanted)(const struct emul_desc *d))
{
	static const u8 size[] = { [ROW_REG] = 8,  [ROW_RM] = 8,  [ROW_MOD] = 2, [ROW_PFX] = 4,
				   [ROW_MODE] = 2, [ROW_VEX] = 2, [ROW_W] = 2 };
	unsigned int i;

	if (d->row == ROW_UNDEF)
		return;
	if (d->row == ROW_INSN) {
		if (wanted(d) && nr_rows < MAX_ROWS)
			rows[nr_rows++] = d;
		return;
	}
	for (i = 0; i < size[d->row]; i++)
		list(&d->sub[i], wanted);
}

static int by_address(const void *a, const void *b)
{
	const struct emul_desc *x = *(const struct emul_desc *const *)a,
			       *y = *(const struct emul_desc *const *)b;

	return x < y ? -1 : x > y;
}

unsigned int rows_list(bool (*wanted)(const struct emul_desc *d))
{
	unsigned int i;

	nr_rows = 0;
	for (i = 0; i < 256; i++) {
		list(&emul_map_1[i], wanted);
		list(&emul_map_0f[i], wanted);
		list(&emul_map_0f38[i], wanted);
		list(&emul_map_0f3a[i], wanted);
	}
	qsort(rows, nr_rows, sizeof(rows[0]), by_address);
	memset(row_seen, 0, sizeof(row_seen));
	return nr_rows;
}

bool rows_meet(const struct emul_desc *d)
{
	const struct emul_desc **p = bsearch(&d, rows, nr_rows, sizeof(rows[0]), by_address);

	if (!p || row_seen[p - rows])
		return false;
	row_seen[p - rows] = true;
	return true;
}

void rows_print_missing(void)
{
	unsigned int i;

	for (i = 0; i < nr_rows; i++)
		if (!row_seen[i])
			printf("not met: %s\n", rows[i]->name);
}
