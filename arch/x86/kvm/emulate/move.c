// SPDX-License-Identifier: GPL-2.0-only
/* Data movement between general registers and memory, and conversions.  AMD APM vol. 3, chapter 3. */
#include "rows.h"

/* MOV, MOVZX, MOVNTI, MOVDIRI */
enum emul_result em_mov(struct emul_ctxt *c)
{
	u64 val;

	TRY(em_get(c, 1, &val));
	return em_put(c, 0, val);
}

/* MOVSX, MOVSXD */
enum emul_result em_movsx(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 1);
	u64 val;

	/* MOVSXD with a 16-bit operand size reads no more than it writes. */
	if (c->insn.desc->aux && c->insn.op_bytes == 2 && !c->insn.mem)
		bytes = 2;
	TRY(em_get(c, 1, &val));
	return em_put(c, 0, em_sext(val, bytes));
}

enum emul_result em_lea(struct emul_ctxt *c)
{
	return em_put(c, 0, em_ea(c));
}

/* XCHG; with memory it is locked whether or not it says so. */
enum emul_result em_xchg(struct emul_ctxt *c)
{
	u64 a, b;

	if (c->insn.opcode == 0x90 && c->insn.reg == 0)
		return EMUL_DONE; /* NOP, PAUSE */
	if (c->insn.mem)
		c->insn.pfx |= P_LOCK;
	TRY(em_get(c, 0, &a));
	TRY(em_get(c, 1, &b));
	TRY(em_put(c, 0, b));
	return em_put(c, 1, a);
}

/* The source is read, and may fault, whatever the condition says. */
enum emul_result em_cmov(struct emul_ctxt *c)
{
	u64 val;

	TRY(em_get(c, 1, &val));
	if (!em_cond(c->rflags, c->insn.opcode & 15))
		val = em_reg_read(c, c->insn.reg, em_opsize(c, 0));
	return em_put(c, 0, val);
}

enum emul_result em_setcc(struct emul_ctxt *c)
{
	return em_put(c, 0, em_cond(c->rflags, c->insn.opcode & 15));
}

static u64 swap_bytes(u64 val, unsigned int bytes)
{
	return __builtin_bswap64(val) >> (64 - bytes * 8);
}

/* BSWAP of a 16-bit register is undefined; processors clear it. */
enum emul_result em_bswap(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0);
	u64 val;

	TRY(em_get(c, 0, &val));
	return em_put(c, 0, bytes == 2 ? 0 : swap_bytes(val, bytes));
}

enum emul_result em_movbe(struct emul_ctxt *c)
{
	u64 val;

	TRY(em_get(c, 1, &val));
	return em_put(c, 0, swap_bytes(val, em_opsize(c, 1)));
}

enum emul_result em_xlat(struct emul_ctxt *c)
{
	u64 ea = (c->gpr[EMUL_RBX] + (u8)c->gpr[EMUL_RAX]) & em_mask(c->insn.ad_bytes);
	u8 val;

	TRY(em_read_seg(c, c->insn.seg, ea, &val, 1));
	em_merge(&c->gpr[EMUL_RAX], val, 1);
	return EMUL_DONE;
}

/* CBW, CWDE, CDQE */
enum emul_result em_cbw(struct emul_ctxt *c)
{
	unsigned int bytes = c->insn.op_bytes;

	em_merge(&c->gpr[EMUL_RAX], em_sext(c->gpr[EMUL_RAX] & em_mask(bytes / 2), bytes / 2),
		 bytes);
	return EMUL_DONE;
}

/* CWD, CDQ, CQO */
enum emul_result em_cwd(struct emul_ctxt *c)
{
	unsigned int bytes = c->insn.op_bytes;

	em_merge(&c->gpr[EMUL_RDX], (c->gpr[EMUL_RAX] >> (bytes * 8 - 1)) & 1 ? ~0ULL : 0, bytes);
	return EMUL_DONE;
}

enum emul_result em_lahf(struct emul_ctxt *c)
{
	u64 ah = (c->rflags & (FL_SF | FL_ZF | FL_AF | FL_PF | FL_CF)) | FL_FIXED;

	if (em_long(c) && !em_has(c, EMUL_F_LAHF64))
		return emul_raise_ud(c);
	c->gpr[EMUL_RAX] = (c->gpr[EMUL_RAX] & ~0xff00ULL) | (ah << 8);
	return EMUL_DONE;
}

enum emul_result em_sahf(struct emul_ctxt *c)
{
	if (em_long(c) && !em_has(c, EMUL_F_LAHF64))
		return emul_raise_ud(c);
	em_set_flags(c, FL_SF | FL_ZF | FL_AF | FL_PF | FL_CF, (u8)(c->gpr[EMUL_RAX] >> 8));
	return EMUL_DONE;
}

/* NOP, hints, fences; aux 1: the register forms of PREFETCHW's opcode, which AMD's processors do not have */
enum emul_result em_nop(struct emul_ctxt *c)
{
	if (c->insn.desc->aux && !em_has(c, EMUL_F_INTEL))
		return emul_raise_ud(c);
	return EMUL_DONE;
}

/* Prefetches: they touch nothing and never fault. */
enum emul_result em_nop_mem(struct emul_ctxt *c)
{
	return EMUL_DONE;
}

enum emul_result em_salc(struct emul_ctxt *c)
{
	em_merge(&c->gpr[EMUL_RAX], (c->rflags & FL_CF) ? 0xff : 0, 1);
	return EMUL_DONE;
}

/* CMC, CLC, STC, CLD, STD */
enum emul_result em_flag(struct emul_ctxt *c)
{
	static const struct {
		u32 clear, set, flip;
	} what[] = {
		{ .flip = FL_CF },  { .clear = FL_CF }, { .set = FL_CF },
		{ .clear = FL_DF }, { .set = FL_DF },
	};
	unsigned int i = c->insn.desc->aux;

	c->rflags = ((c->rflags & ~(u64)what[i].clear) | what[i].set) ^ what[i].flip;
	return EMUL_DONE;
}

/* UD0, UD1, UD2 */
enum emul_result em_ud(struct emul_ctxt *c)
{
	return emul_raise_ud(c);
}
