// SPDX-License-Identifier: GPL-2.0-only
/* SSE and AVX loads, stores and moves: what device memory meets.  APM vol. 4; SDM vol. 2. */
#include "fpu.h"

static bool zext(const struct emul_ctxt *c)
{
	return c->insn.vex;
}

/* Vector register number of operand @n; not for memory. */
static unsigned int vreg(const struct emul_ctxt *c, unsigned int n)
{
	switch (emul_operand_info[c->insn.desc->op[n]].kind) {
	case K_VREG:
		return c->insn.reg;
	case K_VVEX:
		return c->insn.vex_v;
	}
	return c->insn.rm;
}

static bool is_mem(const struct emul_ctxt *c, unsigned int n)
{
	unsigned int kind = emul_operand_info[c->insn.desc->op[n]].kind;

	return c->insn.mem && (kind == K_VRM || kind == K_MEM || kind == K_RM || kind == K_RMW);
}

static enum emul_result vget(struct emul_ctxt *c, unsigned int n, void *buf, unsigned int len)
{
	u64 lin;

	if (!is_mem(c, n)) {
		c->ops->vec_read(c, vreg(c, n), buf, len);
		return EMUL_DONE;
	}
	TRY(em_operand_lin(c, len, 0, &lin));
	return em_read_lin(c, lin, buf, len, 0);
}

static enum emul_result vput(struct emul_ctxt *c, unsigned int n, const void *buf, unsigned int len)
{
	u64 lin;

	if (!is_mem(c, n)) {
		c->ops->vec_write(c, vreg(c, n), buf, len, zext(c));
		return EMUL_DONE;
	}
	TRY(em_operand_lin(c, len, EMUL_A_WRITE, &lin));
	return em_write_lin(c, lin, buf, len, 0);
}

/* Full-width moves, aligned, unaligned and non-temporal */
enum emul_result em_vmov(struct emul_ctxt *c)
{
	unsigned int len = em_opsize(c, 0);
	u8 buf[32];

	/* MOVNTDQA of 32 bytes is AVX2's. */
	if (c->insn.vex_l && c->insn.desc->feature == EMUL_F_SSE41 && !em_has(c, EMUL_F_AVX2))
		return emul_raise_ud(c);
	TRY(vget(c, 1, buf, len));
	return vput(c, 0, buf, len);
}

/* MOVLPS, MOVHPS and kin: aux 0 load low, 1 store low, 2 load high, 3 store high, 4 MOVHLPS */
enum emul_result em_vmov_half(struct emul_ctxt *c)
{
	unsigned int aux = c->insn.desc->aux, base = zext(c) ? c->insn.vex_v : c->insn.reg;
	u8 val[8], full[16];

	if (aux & 1) {
		c->ops->vec_read(c, c->insn.reg, full, 16);
		return vput(c, 0, full + (aux == 3 ? 8 : 0), 8);
	}
	if (aux == 4) {
		c->ops->vec_read(c, c->insn.rm, full, 16);
		memcpy(val, full + 8, 8);
	} else {
		TRY(vget(c, 1, val, 8));
	}
	c->ops->vec_read(c, base, full, 16);
	memcpy(full + (aux == 2 ? 8 : 0), val, 8);
	c->ops->vec_write(c, c->insn.reg, full, 16, zext(c));
	return EMUL_DONE;
}

/* MOVSS, MOVSD: aux 0 load, 1 register to register, 2 store, 3 register to register, other direction */
enum emul_result em_vmov_scalar(struct emul_ctxt *c)
{
	unsigned int len = em_opsize(c, 0), aux = c->insn.desc->aux;
	unsigned int dst = aux == 3 ? c->insn.rm : c->insn.reg,
		     src = aux == 3 ? c->insn.reg : c->insn.rm;
	u8 full[16] = {}, val[8];

	if (aux == 2) {
		c->ops->vec_read(c, c->insn.reg, val, len);
		return vput(c, 0, val, len);
	}
	if (aux == 0) {
		TRY(vget(c, 1, full, len));
		c->ops->vec_write(c, dst, full, 16, zext(c));
		return EMUL_DONE;
	}
	c->ops->vec_read(c, zext(c) ? c->insn.vex_v : dst, full, 16);
	c->ops->vec_read(c, src, val, len);
	memcpy(full, val, len);
	c->ops->vec_write(c, dst, full, 16, zext(c));
	return EMUL_DONE;
}

/* MOVDDUP (aux 8), MOVSLDUP (aux 0: the lower one of each two singles), MOVSHDUP (aux 4: the upper one) */
enum emul_result em_vdup(struct emul_ctxt *c)
{
	unsigned int aux = c->insn.desc->aux, len = em_opsize(c, 0), i;
	u8 buf[32];

	/* Of 16 bytes MOVDDUP reads but the lower half. */
	TRY(vget(c, 1, buf, aux == 8 && len == 16 ? 8 : len));
	for (i = 0; i < len; i += 8) {
		if (aux == 8)
			memcpy(buf + i, buf + (len == 16 ? 0 : i & 16), 8);
		else
			memcpy(buf + i + 4 - aux, buf + i + aux, 4);
	}
	c->ops->vec_write(c, c->insn.reg, buf, len, zext(c));
	return EMUL_DONE;
}

/* MOVD, MOVQ: aux 0 to vector, 1 from vector, 2 and 3 MOVQ between vectors and memory */
enum emul_result em_vmov_gpr(struct emul_ctxt *c)
{
	u64 val[2] = {};

	switch (c->insn.desc->aux) {
	case 0:
		TRY(em_get(c, 1, val));
		c->ops->vec_write(c, c->insn.reg, val, 16, zext(c));
		return EMUL_DONE;
	case 1:
		c->ops->vec_read(c, c->insn.reg, val, 8);
		return em_put(c, 0, val[0]);
	case 2:
		TRY(vget(c, 1, val, 8));
		c->ops->vec_write(c, c->insn.reg, val, 16, zext(c));
		return EMUL_DONE;
	}
	c->ops->vec_read(c, c->insn.reg, val, 8);
	if (c->insn.mem)
		return vput(c, 0, val, 8);
	c->ops->vec_write(c, c->insn.rm, val, 16, zext(c));
	return EMUL_DONE;
}

/* Element size of PEXTRx and PINSRx; 0 in the table: that of the general operand */
static unsigned int element(const struct emul_ctxt *c, unsigned int n)
{
	unsigned int aux = c->insn.desc->aux;

	return aux ? aux : em_opsize(c, n);
}

/* AMD's processors refuse VEX.W outside 64-bit mode where it tells the size, Intel's ignore it. */
static bool w_refused(const struct emul_ctxt *c)
{
	return c->insn.vex && !c->insn.desc->aux && (c->insn.rex & REX_W) && !em_long(c) &&
	       !em_has(c, EMUL_F_INTEL);
}

/* PEXTRx, EXTRACTPS, VEXTRACTx128 */
enum emul_result em_vextract(struct emul_ctxt *c)
{
	unsigned int size = element(c, 0), total = size == 16 ? 32 : 16;
	unsigned int at = (c->insn.imm & (total / size - 1)) * size;
	u8 full[32];
	u64 val = 0;

	if (w_refused(c))
		return emul_raise_ud(c);
	c->ops->vec_read(c, c->insn.reg, full, total);
	if (size == 16)
		return vput(c, 0, full + at, 16);
	memcpy(&val, full + at, size);
	return em_put(c, 0, val);
}

/* PINSRB, PINSRD, PINSRQ */
enum emul_result em_vinsert(struct emul_ctxt *c)
{
	unsigned int size = element(c, 1);
	u8 full[16];
	u64 val;

	if (w_refused(c))
		return emul_raise_ud(c);
	TRY(em_get(c, 1, &val));
	c->ops->vec_read(c, zext(c) ? c->insn.vex_v : c->insn.reg, full, 16);
	memcpy(full + (c->insn.imm & (16 / size - 1)) * size, &val, size);
	c->ops->vec_write(c, c->insn.reg, full, 16, zext(c));
	return EMUL_DONE;
}

/* VBROADCASTx, VPBROADCASTx */
enum emul_result em_vbroadcast(struct emul_ctxt *c)
{
	unsigned int size = c->insn.desc->aux, len = em_opsize(c, 0), i;
	u8 full[32];

	TRY(vget(c, 1, full, size));
	for (i = size; i < len; i += size)
		memcpy(full + i, full, size);
	c->ops->vec_write(c, c->insn.reg, full, len, true);
	return EMUL_DONE;
}

enum masked { MASKED_LOAD, MASKED_STORE, MASKED_PROBE };

/* The elements whose mask has its top bit, one after the other. */
static enum emul_result masked_elements(struct emul_ctxt *c, enum masked what, unsigned int size,
					unsigned int len, const u8 *mask, u8 *full)
{
	u64 ea = em_ea(c), amask = em_mask(c->insn.ad_bytes), lin;
	unsigned int acc = what == MASKED_LOAD ? 0 : EMUL_A_WRITE, i;

	for (i = 0; i < len; i += size) {
		if (!(mask[i + size - 1] & 0x80))
			continue;
		TRY(em_linear(c, c->insn.seg, (ea + i) & amask, size, acc, &lin));
		if (what == MASKED_LOAD)
			TRY(em_read_lin(c, lin, full + i, size, 0));
		else if (what == MASKED_STORE)
			TRY(em_write_lin(c, lin, full + i, size, 0));
		else
			TRY(c->ops->probe(c, lin, size, acc));
	}
	return EMUL_DONE;
}

/* VMASKMOVPx, VPMASKMOVx: only the elements that are moved can fault, and then nothing is stored. */
enum emul_result em_vmaskmov(struct emul_ctxt *c)
{
	unsigned int size = c->insn.desc->aux, len = 16 << c->insn.vex_l;
	u8 mask[32], full[32] = {};

	if (!size)
		size = (c->insn.rex & REX_W) ? 8 : 4;
	c->ops->vec_read(c, c->insn.vex_v, mask, len);
	if (c->insn.desc->op[0] == O_Mx) {
		c->ops->vec_read(c, c->insn.reg, full, len);
		TRY(masked_elements(c, MASKED_PROBE, size, len, mask, full));
		return masked_elements(c, MASKED_STORE, size, len, mask, full);
	}
	TRY(masked_elements(c, MASKED_LOAD, size, len, mask, full));
	c->ops->vec_write(c, c->insn.reg, full, len, true);
	return EMUL_DONE;
}

/* MOVMSKPS, MOVMSKPD, PMOVMSKB */
enum emul_result em_movmsk(struct emul_ctxt *c)
{
	unsigned int size = c->insn.desc->aux, len = em_opsize(c, 1), i;
	u8 full[32];
	u64 val = 0;

	if (size == 1 && c->insn.vex_l && !em_has(c, EMUL_F_AVX2))
		return emul_raise_ud(c);
	c->ops->vec_read(c, c->insn.rm, full, len);
	for (i = 0; i < len / size; i++)
		val |= (u64)(full[(i + 1) * size - 1] >> 7) << i;
	return em_put(c, 0, val);
}

#define FX_HEADER 160 /* control words and the x87 registers */
#define FX_END_32 288 /* with XMM0-7 */
#define FX_END_64 416 /* with XMM0-15 */

/* Bits of MXCSR that may be set. */
static u32 mxcsr_mask(const u8 *fx)
{
	u32 mask;

	memcpy(&mask, fx + 28, 4);
	return mask ? mask : 0xffbf;
}

/* LDMXCSR, STMXCSR (aux 1) */
enum emul_result em_mxcsr(struct emul_ctxt *c)
{
	u8 *fx = c->work;
	u64 val;
	u32 mxcsr;

	c->ops->fx_read(c, fx, FX_HEADER);
	if (c->insn.desc->aux) {
		memcpy(&mxcsr, fx + 24, 4);
		return em_put(c, 0, mxcsr);
	}
	TRY(em_get(c, 0, &val));
	mxcsr = val;
	if (mxcsr & ~mxcsr_mask(fx))
		return emul_raise_gp(c, 0);
	memcpy(fx + 24, &mxcsr, 4);
	c->ops->fx_write(c, fx, FX_HEADER);
	return EMUL_DONE;
}

static enum emul_result fx_lin(struct emul_ctxt *c, unsigned int acc, u64 *lin)
{
	/* The beginning, the alignment, then the end. */
	TRY(em_linear(c, c->insn.seg, em_ea(c), 1, acc, lin));
	if (*lin & 15) {
		TRY(em_align(c, *lin, 4, acc));
		return emul_raise_gp(c, 0);
	}
	TRY(em_linear(c, c->insn.seg, em_ea(c), 512, acc, lin));
	if (c->dr7)
		em_data_trap(c, *lin, 512, acc);
	/* The far end is looked at first, so that nothing is written half. */
	return c->ops->probe(c, *lin + 511, 1, acc);
}

/* FXSAVE: the log, which holds nothing yet, is the buffer. */
enum emul_result em_fxsave(struct emul_ctxt *c)
{
	unsigned int end = em_long(c) ? FX_END_64 : FX_END_32, i;
	u8 *fx = c->log.data;
	u64 lin;

	TRY(fx_lin(c, EMUL_A_WRITE, &lin));
	c->ops->fx_read(c, fx, 512);
	if (!(c->insn.rex & REX_W)) {
		/* Selectors in place of the upper halves: processors that save none give 0. */
		memset(fx + 12, 0, 4);
		memset(fx + 20, 0, 4);
	}
	for (i = 0; i < end; i += 32)
		TRY(em_write_lin(c, lin + i, fx + i, 32, 0));
	return EMUL_DONE;
}

enum emul_result em_fxrstor(struct emul_ctxt *c)
{
	unsigned int regs = em_long(c) ? 16 : 8, i;
	u8 *fx = c->log.data, *cur = c->work;
	u32 mxcsr;
	u64 lin;

	TRY(fx_lin(c, 0, &lin));
	/* What is read stays in the log, one piece after the other; cur takes the copies that nobody wants. */
	for (i = 0; i < 512; i += 64)
		TRY(em_read_lin(c, lin + i, cur, 64, 0));
	c->ops->fx_read(c, cur, FX_HEADER);
	memcpy(&mxcsr, fx + 24, 4);
	if (mxcsr & ~mxcsr_mask(cur))
		return emul_raise_gp(c, 0);
	memcpy(cur, fx, 28);
	/* Reserved bits of the control word; ES and B follow from exceptions and masks. */
	cur[0] = (cur[0] & 0x7f) | 0x40;
	cur[1] &= 0x1f;
	cur[2] &= 0x7f;
	cur[3] &= 0x7f;
	if (cur[2] & ~cur[0] & FSW_EXC) {
		cur[2] |= 0x80;
		cur[3] |= 0x80;
	}
	memcpy(cur + 32, fx + 32, FX_HEADER - 32);
	if (!(c->insn.rex & REX_W)) {
		memset(cur + 12, 0, 4);
		memset(cur + 20, 0, 4);
	}
	c->ops->fx_write(c, cur, FX_HEADER);
	for (i = 0; i < regs; i++)
		c->ops->vec_write(c, i, fx + FX_HEADER + i * 16, 16, false);
	return EMUL_DONE;
}
