// SPDX-License-Identifier: GPL-2.0-only
/* Reading and writing the operands of the decoded instruction. */
#include "insn.h"

unsigned int em_opsize(const struct emul_ctxt *c, unsigned int n)
{
	return em_operand_bytes(&c->insn, c->mode, c->insn.desc->op[n]);
}

/* AH, CH, DH, BH: encodings 4-7 without a REX prefix. */
static bool high_byte(const struct emul_ctxt *c, unsigned int reg, unsigned int bytes)
{
	return bytes == 1 && reg >= 4 && reg < 8 && !c->insn.rex && !c->insn.vex;
}

u64 em_reg_read(const struct emul_ctxt *c, unsigned int reg, unsigned int bytes)
{
	if (high_byte(c, reg, bytes))
		return (u8)(c->gpr[reg - 4] >> 8);
	return c->gpr[reg & 15] & em_mask(bytes);
}

void em_reg_write(struct emul_ctxt *c, unsigned int reg, u64 val, unsigned int bytes)
{
	u64 *gpr;

	if (high_byte(c, reg, bytes)) {
		gpr = &c->gpr[reg - 4];
		*gpr = (*gpr & ~0xff00ULL) | ((val & 0xff) << 8);
		return;
	}
	em_merge(&c->gpr[reg & 15], val, bytes);
}

/**
 * em_ea - the offset of the memory operand in its segment
 * @c:		context
 */
u64 em_ea(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	u64 ea = insn->disp;

	if (insn->base < 16)
		ea += c->gpr[insn->base];
	else if (insn->base == BASE_RIP)
		ea += c->next_rip;
	if (insn->index < 16)
		ea += c->gpr[insn->index] << insn->scale;
	return ea & em_mask(insn->ad_bytes);
}

/**
 * em_operand_lin - the linear address of the memory operand, all checks made
 * @c:		context
 * @len:	bytes accessed
 * @acc:	EMUL_A_WRITE
 * @lin:	result
 */
enum emul_result em_operand_lin(struct emul_ctxt *c, unsigned int len, unsigned int acc, u64 *lin)
{
	u64 ea = em_ea(c);

	if (unlikely(c->insn.desc->flags & F_ALIGN)) {
		/* Goes before the checks of the address. */
		TRY(em_linear(c, c->insn.seg, ea, 0, acc, lin));
		if (*lin & (len - 1))
			return emul_raise_gp(c, 0);
	}
	TRY(em_linear(c, c->insn.seg, ea, len, acc, lin));
	return em_align(c, *lin, len, acc);
}

/* Operands whose memory and register forms differ in size. */
static unsigned int rmw_bytes(const struct emul_ctxt *c, unsigned int n)
{
	unsigned int bytes = em_opsize(c, n);
	bool sized = emul_operand_info[c->insn.desc->op[n]].size < SZ_V;

	if (c->insn.mem)
		return sized ? bytes : 2;
	return sized ? 4 : bytes;
}

static enum emul_result get_mem(struct emul_ctxt *c, unsigned int n, unsigned int bytes, u64 *val)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int acc = 0;
	u64 lin;

	if (n == 0 && !(insn->desc->flags & F_DST_R))
		acc = EMUL_A_WRITE | ((insn->pfx & P_LOCK) ? EMUL_A_LOCKED : 0);
	TRY(em_operand_lin(c, bytes, acc, &lin));
	*val = 0;
	TRY(em_read_lin(c, lin, val, bytes, acc));
	if (acc) {
		c->rmw_lin = lin;
		c->rmw_old = *val;
	}
	return EMUL_DONE;
}

/**
 * em_get - read an operand
 * @c:		context
 * @n:		which one; number 0 is read for a later em_put() unless the row says F_DST_R
 * @val:	result, zero-extended (immediates of kind Iz and Is are sign-extended to 64 bits)
 */
enum emul_result em_get(struct emul_ctxt *c, unsigned int n, u64 *val)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int code = insn->desc->op[n];
	unsigned int bytes = em_opsize(c, n);

	switch (emul_operand_info[code].kind) {
	case K_RMW:
		bytes = rmw_bytes(c, n);
		fallthrough;
	case K_RM:
	case K_MEM:
	case K_RMREG:
		if (insn->mem)
			return get_mem(c, n, bytes, val);
		*val = em_reg_read(c, insn->rm, bytes);
		return EMUL_DONE;
	case K_MOFFS:
		return get_mem(c, n, bytes, val);
	case K_REG:
	case K_ZREG:
		*val = em_reg_read(c, insn->reg, bytes);
		return EMUL_DONE;
	case K_IMM:
	case K_IMMS:
	case K_REL:
		*val = insn->imm;
		return EMUL_DONE;
	case K_IMM2:
		*val = insn->imm2;
		return EMUL_DONE;
	case K_ONE:
		*val = 1;
		return EMUL_DONE;
	case K_ACC:
		*val = c->gpr[EMUL_RAX] & em_mask(bytes);
		return EMUL_DONE;
	case K_CL:
		*val = (u8)c->gpr[EMUL_RCX];
		return EMUL_DONE;
	case K_DX:
		*val = (u16)c->gpr[EMUL_RDX];
		return EMUL_DONE;
	case K_VGPR:
		*val = c->gpr[insn->vex_v] & em_mask(bytes);
		return EMUL_DONE;
	}
	return EMUL_UNHANDLED;
}

static enum emul_result put_mem(struct emul_ctxt *c, unsigned int bytes, u64 val)
{
	const struct emul_insn *insn = &c->insn;
	u64 lin;

	if (insn->desc->flags & F_DST_W) {
		TRY(em_operand_lin(c, bytes, EMUL_A_WRITE, &lin));
		return em_write_lin(c, lin, &val, bytes, 0);
	}
	if (insn->pfx & P_LOCK)
		return em_cmpxchg_lin(c, c->rmw_lin, &c->rmw_old, &val, bytes, EMUL_A_LOCKED);
	return em_write_lin(c, c->rmw_lin, &val, bytes, 0);
}

/**
 * em_put - write an operand
 * @c:		context
 * @n:		which one; a memory operand must be number 0, and read before unless the row says F_DST_W
 * @val:	what
 *
 * Registers are written at once, so this comes after everything that can fail.
 */
enum emul_result em_put(struct emul_ctxt *c, unsigned int n, u64 val)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int code = insn->desc->op[n];
	unsigned int bytes = em_opsize(c, n);

	switch (emul_operand_info[code].kind) {
	case K_RMW:
		bytes = rmw_bytes(c, n);
		fallthrough;
	case K_RM:
	case K_MEM:
	case K_RMREG:
		if (insn->mem)
			return put_mem(c, bytes, val);
		em_reg_write(c, insn->rm, val, bytes);
		return EMUL_DONE;
	case K_MOFFS:
		return put_mem(c, bytes, val);
	case K_REG:
	case K_ZREG:
		em_reg_write(c, insn->reg, val, bytes);
		return EMUL_DONE;
	case K_ACC:
		em_merge(&c->gpr[EMUL_RAX], val, bytes);
		return EMUL_DONE;
	case K_VGPR:
		em_merge(&c->gpr[insn->vex_v], val, bytes);
		return EMUL_DONE;
	}
	return EMUL_UNHANDLED;
}
