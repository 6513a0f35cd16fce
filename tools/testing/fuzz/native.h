/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One user-mode instruction on the processor itself, between two full register images.
 *
 * Memory of a case: a code page that holds the instruction, a data window with writable and read-only pages, nothing
 * around them.  The instruction either falls through, branches to NATIVE_TARGET, or faults.
 */
#ifndef FUZZ_NATIVE_H
#define FUZZ_NATIVE_H

#include "pure.h"

#define NATIVE_CODE 0x10000000UL /* one page */
#define NATIVE_INSN 0x10000800UL /* the instruction */
#define NATIVE_TARGET 0x10000840UL /* where branches should go, in reach of rel8 */
#define NATIVE_DATA 0x20000000UL /* the window */
#define NATIVE_RW 0x2000UL /* bytes: writable */
#define NATIVE_RO 0x1000UL /* bytes: then read-only, then nothing */
#define NATIVE_SIZE (NATIVE_RW + NATIVE_RO)
#define NATIVE_GUARD 0x10000UL /* nothing mapped on either side of the window */
#define NATIVE_GS_BASE 0x20UL /* in 64-bit mode */

#define NATIVE_16_LIMIT \
	(NATIVE_RW + NATIVE_RO - 1 + 0x100) /* of the 16-bit segments over the window */

struct native_regs {
	u64 gpr[16];
	u64 rflags;
	u64 rip;
	u8 vec[16][32] __aligned(32);
	u8 fx[512] __aligned(16);
};

enum native_mode { NATIVE_LONG, NATIVE_32, NATIVE_16 };

enum native_end {
	NATIVE_NEXT, /* fell through */
	NATIVE_BRANCH, /* at NATIVE_TARGET */
	NATIVE_FAULT, /* see below */
};

struct native_fault {
	unsigned int vector;
	u32 error;
	u64 cr2;
};

void native_init(void);
void native_sandbox(void);
/* @vec, @x87: load and store these registers, too; @io is changed from before to after. */
enum native_end native_run(enum native_mode mode, struct native_regs *io, const u8 *insn,
			   unsigned int len, bool vec, bool x87, struct native_fault *fault);

/* Selectors of native_init()'s 16-bit segments. */
#define NATIVE_CS16 0x07
#define NATIVE_DS16 0x0f

#endif
