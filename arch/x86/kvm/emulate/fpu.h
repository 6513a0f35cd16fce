/* SPDX-License-Identifier: GPL-2.0-only */
/* The x87 part of an FXSAVE image: Intel SDM vol. 1, 8.1 and 10.5.1. */
#ifndef KVM_X86_EMULATE_FPU_H
#define KVM_X86_EMULATE_FPU_H

#include "rows.h"

/* The first 160 bytes of an FXSAVE64 image; st[] is ordered from the top of the stack. */
struct em_fx {
	u16 fcw;
	u16 fsw;
	u8 ftw; /* a bit per physical register: not empty */
	u8 reserved;
	u16 fop;
	u64 fip;
	u64 fdp;
	u32 mxcsr;
	u32 mxcsr_mask;
	struct {
		u64 m;
		u16 se;
		u16 pad[3];
	} st[8];
};

static_assert(sizeof(struct em_fx) == 160);

#define FSW_IE BIT(0)
#define FSW_DE BIT(1)
#define FSW_OE BIT(3)
#define FSW_UE BIT(4)
#define FSW_PE BIT(5)
#define FSW_SF BIT(6)
#define FSW_ES BIT(7)
#define FSW_C1 BIT(9)
#define FSW_TOP(fsw) (((fsw) >> 11) & 7)
#define FSW_TOP_MASK (7 << 11)
#define FSW_B BIT(15)
#define FSW_EXC 0x3f

static_assert(sizeof(struct em_fx) <= sizeof_field(struct emul_ctxt, work));

/* The image that the instruction works on: in the context, for it is too much for the stack. */
static inline struct em_fx *em_fx(struct emul_ctxt *c)
{
	return (struct em_fx *)c->work;
}

enum emul_result em_fx_begin(struct emul_ctxt *c, struct em_fx *fx);

#endif
