// SPDX-License-Identifier: GPL-2.0-only
/* The stack: PUSH and POP in all forms, ENTER and LEAVE, PUSHF and POPF.  AMD APM vol. 3, chapter 3. */
#include "rows.h"

/* Width of the stack pointer. */
unsigned int em_stack_bytes(struct emul_ctxt *c)
{
	if (em_long(c))
		return 8;
	if (c->mode == EMUL_MODE_VM86)
		return 2;
	return (em_seg(c, EMUL_SS)->attr & EMUL_SEG_DB) ? 4 : 2;
}

/**
 * em_push - push to a stack pointer that is not committed yet
 * @c:		context
 * @rsp:	stack pointer, full width; updated
 * @val:	what
 * @bytes:	how much of it
 */
enum emul_result em_push(struct emul_ctxt *c, u64 *rsp, u64 val, unsigned int bytes)
{
	u64 mask = em_mask(em_stack_bytes(c)), sp = (*rsp - bytes) & mask, lin;

	TRY(em_linear(c, EMUL_SS, sp, bytes, EMUL_A_WRITE, &lin));
	TRY(em_align(c, lin, bytes, EMUL_A_WRITE));
	TRY(em_write_lin(c, lin, &val, bytes, EMUL_A_STACK));
	*rsp = (*rsp & ~mask) | sp;
	return EMUL_DONE;
}

enum emul_result em_pop(struct emul_ctxt *c, u64 *rsp, u64 *val, unsigned int bytes)
{
	u64 mask = em_mask(em_stack_bytes(c)), lin;

	*val = 0;
	TRY(em_linear(c, EMUL_SS, *rsp & mask, bytes, 0, &lin));
	TRY(em_align(c, lin, bytes, 0));
	TRY(em_read_lin(c, lin, val, bytes, EMUL_A_STACK));
	*rsp = (*rsp & ~mask) | ((*rsp + bytes) & mask);
	return EMUL_DONE;
}

void em_set_rsp(struct emul_ctxt *c, u64 rsp)
{
	em_merge(&c->gpr[EMUL_RSP], rsp, em_stack_bytes(c));
}

enum emul_result em_push_op(struct emul_ctxt *c)
{
	u64 rsp = c->gpr[EMUL_RSP], val;

	TRY(em_get(c, 0, &val));
	TRY(em_push(c, &rsp, val, c->insn.op_bytes));
	em_set_rsp(c, rsp);
	return EMUL_DONE;
}

enum emul_result em_pop_op(struct emul_ctxt *c)
{
	u64 old = c->gpr[EMUL_RSP], rsp = old, val;
	enum emul_result res;

	TRY(em_pop(c, &rsp, &val, c->insn.op_bytes));
	/* A memory destination is addressed with the new stack pointer. */
	em_set_rsp(c, rsp);
	res = em_put(c, 0, val);
	if (res != EMUL_DONE)
		c->gpr[EMUL_RSP] = old;
	return res;
}

enum emul_result em_pusha(struct emul_ctxt *c)
{
	unsigned int i, bytes = c->insn.op_bytes;
	u64 rsp = c->gpr[EMUL_RSP];

	for (i = 0; i < 8; i++)
		TRY(em_push(c, &rsp, c->gpr[i], bytes));
	em_set_rsp(c, rsp);
	return EMUL_DONE;
}

enum emul_result em_popa(struct emul_ctxt *c)
{
	unsigned int i, bytes = c->insn.op_bytes;
	u64 rsp = c->gpr[EMUL_RSP], val;

	/* Twice: the first pass may fault, the second is answered from the log. */
	for (i = 0; i < 8; i++)
		TRY(em_pop(c, &rsp, &val, bytes));
	c->log.pos = 0;
	c->log.acc_pos = 0;
	rsp = c->gpr[EMUL_RSP];
	for (i = 8; i-- > 0;) {
		em_pop(c, &rsp, &val, bytes);
		if (i != EMUL_RSP)
			em_merge(&c->gpr[i], val, bytes);
	}
	em_set_rsp(c, rsp);
	return EMUL_DONE;
}

/* Virtual-8086 mode without IOPL 3: not even PUSHF is allowed, but for 16 bits with CR4.VME. */
static bool vm86_refuses(struct emul_ctxt *c, bool *vme)
{
	*vme = false;
	if (c->mode != EMUL_MODE_VM86 || em_iopl(c) == 3)
		return false;
	*vme = c->insn.op_bytes == 2 && (c->ops->get_cr(c, 4) & CR4_VME);
	return !*vme;
}

enum emul_result em_pushf(struct emul_ctxt *c)
{
	u64 rsp = c->gpr[EMUL_RSP], val = c->rflags & ~(FL_VM | FL_RF);
	bool vme;

	if (vm86_refuses(c, &vme))
		return emul_raise_gp(c, 0);
	if (vme) {
		val = (val & ~FL_IF) | FL_IOPL;
		if (c->rflags & FL_VIF)
			val |= FL_IF;
	}
	TRY(em_push(c, &rsp, val, c->insn.op_bytes));
	em_set_rsp(c, rsp);
	return EMUL_DONE;
}

/* POPF under virtual-8086 mode extensions: IF goes to VIF. */
static enum emul_result popf_vme(struct emul_ctxt *c, u64 val)
{
	if ((val & FL_TF) || ((val & FL_IF) && (c->rflags & FL_VIP)))
		return emul_raise_gp(c, 0);
	em_set_flags(c, FL_ARITH | FL_TF | FL_DF | FL_NT, val);
	em_set_flags(c, FL_VIF, (val & FL_IF) ? FL_VIF : 0);
	return EMUL_DONE;
}

enum emul_result em_popf(struct emul_ctxt *c)
{
	u64 rsp = c->gpr[EMUL_RSP], val,
	    mask = FL_ARITH | FL_TF | FL_DF | FL_NT | FL_RF | FL_AC | FL_ID;
	bool vme;

	if (vm86_refuses(c, &vme))
		return emul_raise_gp(c, 0);
	TRY(em_pop(c, &rsp, &val, c->insn.op_bytes));
	if (vme) {
		TRY(popf_vme(c, val));
	} else {
		if (c->cpl <= em_iopl(c))
			mask |= FL_IF;
		if (c->cpl == 0)
			mask |= FL_IOPL;
		if (c->insn.op_bytes == 2)
			mask &= 0xffff;
		em_set_flags(c, mask, val & ~FL_RF);
	}
	em_set_rsp(c, rsp);
	return EMUL_DONE;
}

/* The frame pointers of the enclosing levels: read through the old RBP, pushed. */
static enum emul_result enter_levels(struct emul_ctxt *c, u64 *rsp, u64 frame, unsigned int level)
{
	u64 rbp = c->gpr[EMUL_RBP], mask = em_mask(em_stack_bytes(c)), val;
	unsigned int i, bytes = c->insn.op_bytes;

	for (i = 1; i < level; i++) {
		rbp -= bytes;
		val = 0;
		TRY(em_read_seg(c, EMUL_SS, rbp & mask, &val, bytes));
		TRY(em_push(c, rsp, val, bytes));
	}
	return em_push(c, rsp, frame, bytes);
}

enum emul_result em_enter(struct emul_ctxt *c)
{
	unsigned int level = c->insn.imm2 & 31, width = em_stack_bytes(c);
	u64 rsp = c->gpr[EMUL_RSP], frame, lin;

	TRY(em_push(c, &rsp, c->gpr[EMUL_RBP], c->insn.op_bytes));
	frame = rsp;
	if (level)
		TRY(enter_levels(c, &rsp, frame, level));
	rsp -= c->insn.imm;
	/* The new top of the stack must be writable. */
	TRY(em_linear(c, EMUL_SS, rsp & em_mask(width), c->insn.op_bytes, EMUL_A_WRITE, &lin));
	TRY(em_align(c, lin, c->insn.op_bytes, EMUL_A_WRITE));
	TRY(c->ops->probe(c, lin, c->insn.op_bytes, EMUL_A_WRITE));
	em_merge(&c->gpr[EMUL_RBP], frame, c->insn.op_bytes);
	em_set_rsp(c, rsp);
	return EMUL_DONE;
}

enum emul_result em_leave(struct emul_ctxt *c)
{
	u64 mask = em_mask(em_stack_bytes(c)), rsp, val;

	rsp = (c->gpr[EMUL_RSP] & ~mask) | (c->gpr[EMUL_RBP] & mask);
	TRY(em_pop(c, &rsp, &val, c->insn.op_bytes));
	em_set_rsp(c, rsp);
	em_merge(&c->gpr[EMUL_RBP], val, c->insn.op_bytes);
	return EMUL_DONE;
}

/*
 * PUSH of a segment register: zero-extended; but Intel's processors write 16 bits to a slot of 32 and leave the rest of it alone
 * (SDM vol. 2, PUSH).
 */
enum emul_result em_push_sreg(struct emul_ctxt *c)
{
	unsigned int sreg = c->insn.desc->op[0] - O_ES, bytes = c->insn.op_bytes;
	u64 rsp = c->gpr[EMUL_RSP], mask = em_mask(em_stack_bytes(c)),
	    sel = em_seg(c, sreg)->selector;

	if (em_has(c, EMUL_F_INTEL) && bytes == 4) {
		u64 sp = (rsp - bytes) & mask;

		TRY(em_write_seg(c, EMUL_SS, sp, &sel, 2));
		em_set_rsp(c, sp);
		return EMUL_DONE;
	}
	TRY(em_push(c, &rsp, sel, bytes));
	em_set_rsp(c, rsp);
	return EMUL_DONE;
}

enum emul_result em_pop_sreg(struct emul_ctxt *c)
{
	unsigned int sreg = c->insn.desc->op[0] - O_ES, bytes = c->insn.op_bytes;
	unsigned int width = em_stack_bytes(c);
	u64 rsp = c->gpr[EMUL_RSP], val;

	TRY(em_pop(c, &rsp, &val, bytes));
	TRY(em_load_sreg(c, sreg, val));
	/* The width that the old stack segment gave. */
	em_merge(&c->gpr[EMUL_RSP], rsp, width);
	if (sreg == EMUL_SS)
		em_mov_ss_shadow(c);
	return EMUL_DONE;
}
