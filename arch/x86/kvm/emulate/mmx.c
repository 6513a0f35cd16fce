// SPDX-License-Identifier: GPL-2.0-only
/* MMX moves and the masked byte stores.  APM vol. 5, chapter 1; SDM vol. 1, chapter 9. */
#include "fpu.h"

/*
 * Every MMX instruction leaves TOP 0 and all registers valid.  The registers are the physical ones, the image is ordered
 * from the top: turn it.
 */
static enum emul_result mmx_begin(struct emul_ctxt *c, struct em_fx *fx)
{
	unsigned int top;

	TRY(em_fx_begin(c, fx));
	for (top = FSW_TOP(fx->fsw); top; top--) {
		__typeof__(fx->st[0]) last = fx->st[7];

		memmove(&fx->st[1], &fx->st[0], 7 * sizeof(fx->st[0]));
		fx->st[0] = last;
	}
	fx->fsw &= ~FSW_TOP_MASK;
	fx->ftw = 0xff;
	return EMUL_DONE;
}

static void mmx_set(struct em_fx *fx, unsigned int reg, u64 val)
{
	fx->st[reg & 7].m = val;
	fx->st[reg & 7].se = 0xffff;
}

/* MOVQ, MOVNTQ */
enum emul_result em_mmx_mov(struct emul_ctxt *c)
{
	bool store = emul_operand_info[c->insn.desc->op[0]].kind != K_MMREG;
	struct em_fx *fx = em_fx(c);
	u64 val, lin;

	TRY(mmx_begin(c, fx));
	if (c->insn.mem) {
		TRY(em_operand_lin(c, 8, store ? EMUL_A_WRITE : 0, &lin));
		if (store)
			TRY(em_write_lin(c, lin, &fx->st[c->insn.reg & 7].m, 8, 0));
		else
			TRY(em_read_lin(c, lin, &val, 8, 0));
		if (!store)
			mmx_set(fx, c->insn.reg, val);
	} else if (store) {
		mmx_set(fx, c->insn.rm, fx->st[c->insn.reg & 7].m);
	} else {
		mmx_set(fx, c->insn.reg, fx->st[c->insn.rm & 7].m);
	}
	c->ops->fx_write(c, fx, sizeof(*fx));
	return EMUL_DONE;
}

/* MOVD, MOVQ between MMX and general registers or memory; aux 1: from MMX */
enum emul_result em_mmx_gpr(struct emul_ctxt *c)
{
	struct em_fx *fx = em_fx(c);
	u64 val;

	TRY(mmx_begin(c, fx));
	if (c->insn.desc->aux) {
		TRY(em_put(c, 0, fx->st[c->insn.reg & 7].m));
	} else {
		TRY(em_get(c, 1, &val));
		mmx_set(fx, c->insn.reg, val);
	}
	c->ops->fx_write(c, fx, sizeof(*fx));
	return EMUL_DONE;
}

/* MOVQ2DQ, MOVDQ2Q (aux 1) */
enum emul_result em_movq2dq(struct emul_ctxt *c)
{
	struct em_fx *fx = em_fx(c);
	u64 val[2] = {};

	TRY(mmx_begin(c, fx));
	if (c->insn.desc->aux) {
		c->ops->vec_read(c, c->insn.rm, val, 8);
		mmx_set(fx, c->insn.reg, val[0]);
	} else {
		val[0] = fx->st[c->insn.rm & 7].m;
		c->ops->vec_write(c, c->insn.reg, val, 16, false);
	}
	c->ops->fx_write(c, fx, sizeof(*fx));
	return EMUL_DONE;
}

enum emul_result em_emms(struct emul_ctxt *c)
{
	struct em_fx *fx = em_fx(c);

	TRY(mmx_begin(c, fx));
	fx->ftw = 0;
	c->ops->fx_write(c, fx, sizeof(*fx));
	return EMUL_DONE;
}

/*
 * The bytes whose mask has its top bit, in runs as long as they come: look whether they can be
 * stored, or store them.
 */
static enum emul_result masked_runs(struct emul_ctxt *c, const u8 *data, const u8 *mask,
				    unsigned int len, bool store)
{
	u64 ea = c->gpr[EMUL_RDI], amask = em_mask(c->insn.ad_bytes), lin;
	unsigned int i, n;

	TRY(em_linear(c, c->insn.seg, ea & amask, 0, EMUL_A_WRITE, &lin));
	TRY(em_align(c, lin, 8, EMUL_A_WRITE));
	for (i = 0; i < len; i += n) {
		n = 1;
		if (!(mask[i] & 0x80))
			continue;
		while (i + n < len && (mask[i + n] & 0x80))
			n++;
		TRY(em_linear(c, c->insn.seg, (ea + i) & amask, n, EMUL_A_WRITE, &lin));
		if (store)
			TRY(em_write_lin(c, lin, data + i, n, 0));
		else
			TRY(c->ops->probe(c, lin, n, EMUL_A_WRITE));
	}
	return EMUL_DONE;
}

static enum emul_result store_masked(struct emul_ctxt *c, const u8 *data, const u8 *mask,
				     unsigned int len)
{
	TRY(masked_runs(c, data, mask, len, false));
	return masked_runs(c, data, mask, len, true);
}

/* MASKMOVQ (aux 8), MASKMOVDQU (aux 16) */
enum emul_result em_maskmov(struct emul_ctxt *c)
{
	u8 data[16], mask[16];
	struct em_fx *fx = em_fx(c);

	if (c->insn.desc->aux == 16) {
		c->ops->vec_read(c, c->insn.reg, data, 16);
		c->ops->vec_read(c, c->insn.rm, mask, 16);
		return store_masked(c, data, mask, 16);
	}
	TRY(mmx_begin(c, fx));
	TRY(store_masked(c, (const u8 *)&fx->st[c->insn.reg & 7].m,
			 (const u8 *)&fx->st[c->insn.rm & 7].m, 8));
	c->ops->fx_write(c, fx, sizeof(*fx));
	return EMUL_DONE;
}
