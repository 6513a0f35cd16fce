/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the differential fuzzer share; see differ.c. */
#ifndef FUZZ_DIFFER_H
#define FUZZ_DIFFER_H

#include "emulate/rows.h"
#include "native.h"
#include "rng.h"

struct fuzz_case {
	u8 insn[16];
	u8 len;
	u8 mode; /* enum native_mode */
	bool vec; /* vector registers matter */
	bool x87; /* the x87 state matters */
	struct native_regs in;
};

/* differ_machine.c: what the emulator works on, a copy of the native window and of the vector and x87 state */
extern struct emul_ctxt ctxt;
extern struct native_regs emu;
extern u8 *shadow;
extern bool wild; /* it left the window: not a case to run natively */
extern u64 host_features;

/* False: this processor lacks AVX. */
bool machine_init(void);
/* The case's registers and bytes, before its first instruction. */
void begin(const struct fuzz_case *fc);
void undo_forget(void);
/* The window as it was before undo_forget(). */
void roll_back(void);
enum emul_result page_check(struct emul_ctxt *c, u64 lin, unsigned int len, bool write);

/* differ_case.c */
bool differ_wants(const struct emul_desc *d);
/* A case around random bytes; @only: of an instruction whose name begins so, or NULL.  False: not one to run. */
bool gen_case(struct rng *r, struct fuzz_case *fc, const char *only);
void random_bytes(struct rng *r, void *buf, unsigned int len);
u64 mode_mask(const struct fuzz_case *fc);

#endif
