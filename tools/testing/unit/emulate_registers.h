/* SPDX-License-Identifier: GPL-2.0-only */
/* The registers that the machines around the emulator keep as plain values, and the ops that read and write them. */
#ifndef EMULATE_REGISTERS_H
#define EMULATE_REGISTERS_H

#include "emulate/insn.h"

#define EMULATE_REGISTERS           \
	struct emul_ctxt c;         \
	struct emul_seg seg[8];     \
	struct emul_dtr gdtr, idtr; \
	u64 cr[9];                  \
	u64 dr[8];                  \
	u8 vec[16][32];             \
	u8 fx[512]

struct emulate_registers {
	EMULATE_REGISTERS;
};

/* As the first member of a machine: its registers by their own names, and as one. */
#define EMULATE_REGISTERS_MEMBER               \
	union {                                \
		struct emulate_registers regs; \
		struct {                       \
			EMULATE_REGISTERS;     \
		};                             \
	}

static inline struct emulate_registers *regs_of(struct emul_ctxt *c)
{
	return container_of(c, struct emulate_registers, c);
}

static inline void regs_set_seg(struct emul_ctxt *c, enum emul_sreg sreg,
				const struct emul_seg *seg)
{
	regs_of(c)->seg[sreg] = *seg;
}

static inline void regs_get_gdtr(struct emul_ctxt *c, struct emul_dtr *dtr)
{
	*dtr = regs_of(c)->gdtr;
}

static inline void regs_set_gdtr(struct emul_ctxt *c, const struct emul_dtr *dtr)
{
	regs_of(c)->gdtr = *dtr;
}

static inline void regs_get_idtr(struct emul_ctxt *c, struct emul_dtr *dtr)
{
	*dtr = regs_of(c)->idtr;
}

static inline void regs_set_idtr(struct emul_ctxt *c, const struct emul_dtr *dtr)
{
	regs_of(c)->idtr = *dtr;
}

static inline u64 regs_get_cr(struct emul_ctxt *c, unsigned int nr)
{
	return regs_of(c)->cr[nr];
}

static inline u64 regs_get_dr(struct emul_ctxt *c, unsigned int nr)
{
	return regs_of(c)->dr[nr];
}

static inline void regs_vec_read(struct emul_ctxt *c, unsigned int reg, void *buf, unsigned int len)
{
	memcpy(buf, regs_of(c)->vec[reg], len);
}

static inline void regs_vec_write(struct emul_ctxt *c, unsigned int reg, const void *buf,
				  unsigned int len, bool zext)
{
	u8 *vec = regs_of(c)->vec[reg];

	memcpy(vec, buf, len);
	if (zext)
		memset(vec + len, 0, 32 - len);
}

static inline void regs_fx_read(struct emul_ctxt *c, void *buf, unsigned int len)
{
	struct emulate_registers *r = regs_of(c);
	unsigned int i;

	memcpy(buf, r->fx, len);
	for (i = 0; len == 512 && i < 16; i++)
		memcpy((u8 *)buf + 160 + i * 16, r->vec[i], 16);
}

static inline void regs_fx_write(struct emul_ctxt *c, const void *buf, unsigned int len)
{
	memcpy(regs_of(c)->fx, buf, len);
}

/* Of struct emul_ops */
#define EMULATE_REGISTERS_OPS                                                          \
	.set_seg = regs_set_seg, .get_gdtr = regs_get_gdtr, .set_gdtr = regs_set_gdtr, \
	.get_idtr = regs_get_idtr, .set_idtr = regs_set_idtr, .get_cr = regs_get_cr,   \
	.get_dr = regs_get_dr, .vec_read = regs_vec_read, .vec_write = regs_vec_write, \
	.fx_read = regs_fx_read, .fx_write = regs_fx_write

#endif
