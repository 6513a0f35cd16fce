// SPDX-License-Identifier: GPL-2.0-only
/* Near branches, conditions, BOUND.  AMD APM vol. 3, chapter 3. */
#include "rows.h"

/**
 * em_cond - a condition code of Jcc, SETcc, CMOVcc
 * @rflags:	flags
 * @cc:		0-15
 */
bool em_cond(u64 rflags, unsigned int cc)
{
	bool sf = rflags & FL_SF, of = rflags & FL_OF, res;

	switch (cc >> 1) {
	case 0:
		res = of;
		break;
	case 1:
		res = rflags & FL_CF;
		break;
	case 2:
		res = rflags & FL_ZF;
		break;
	case 3:
		res = rflags & (FL_CF | FL_ZF);
		break;
	case 4:
		res = sf;
		break;
	case 5:
		res = rflags & FL_PF;
		break;
	case 6:
		res = sf != of;
		break;
	default:
		res = sf != of || (rflags & FL_ZF);
		break;
	}
	return res != (cc & 1);
}

/**
 * em_branch - make @target the next instruction, if the code segment allows it
 * @c:		context
 * @target:	offset
 * @bytes:	operand size, to which it is cut
 */
enum emul_result em_branch(struct emul_ctxt *c, u64 target, unsigned int bytes)
{
	target &= em_mask(bytes);
	if (em_long(c)) {
		if (!em_canonical(c, target))
			return emul_raise_gp(c, 0);
	} else if (target > em_seg(c, EMUL_CS)->limit) {
		return emul_raise_gp(c, 0);
	}
	c->next_rip = target;
	return EMUL_DONE;
}

enum emul_result em_jcc(struct emul_ctxt *c)
{
	if (!em_cond(c->rflags, c->insn.opcode & 15))
		return EMUL_DONE;
	return em_branch(c, c->next_rip + c->insn.imm, c->insn.op_bytes);
}

/* Where JMP and CALL go; aux: 0 relative, 1 through an operand */
static enum emul_result near_target(struct emul_ctxt *c, u64 *target)
{
	if (c->insn.desc->aux)
		return em_get(c, 0, target);
	*target = c->next_rip + c->insn.imm;
	return EMUL_DONE;
}

enum emul_result em_jmp(struct emul_ctxt *c)
{
	u64 target;

	TRY(near_target(c, &target));
	return em_branch(c, target, c->insn.op_bytes);
}

/* Could the return address be pushed? */
static enum emul_result probe_push(struct emul_ctxt *c, unsigned int bytes)
{
	u64 sp = (c->gpr[EMUL_RSP] - bytes) & em_mask(em_stack_bytes(c)), lin;

	TRY(em_linear(c, EMUL_SS, sp, bytes, EMUL_A_WRITE, &lin));
	TRY(em_align(c, lin, bytes, EMUL_A_WRITE));
	return c->ops->probe(c, lin, bytes, EMUL_A_WRITE);
}

enum emul_result em_call(struct emul_ctxt *c)
{
	u64 rsp = c->gpr[EMUL_RSP], ret = c->next_rip, target;
	enum emul_result res;

	TRY(near_target(c, &target));
	res = em_branch(c, target, c->insn.op_bytes);
	/* A target where no code can be: AMD's processors fault on the stack first, Intel's on the target. */
	if (unlikely(res != EMUL_DONE) && !em_has(c, EMUL_F_INTEL))
		TRY(probe_push(c, c->insn.op_bytes));
	TRY(res);
	TRY(em_push(c, &rsp, ret, c->insn.op_bytes));
	em_set_rsp(c, rsp);
	return EMUL_DONE;
}

enum emul_result em_ret(struct emul_ctxt *c)
{
	u64 rsp = c->gpr[EMUL_RSP], target;

	TRY(em_pop(c, &rsp, &target, c->insn.op_bytes));
	TRY(em_branch(c, target, c->insn.op_bytes));
	em_set_rsp(c, rsp + c->insn.imm);
	return EMUL_DONE;
}

/* LOOPNE, LOOPE, LOOP: count in the register of the address size */
enum emul_result em_loop(struct emul_ctxt *c)
{
	unsigned int bytes = c->insn.ad_bytes, kind = c->insn.desc->aux;
	u64 count = (c->gpr[EMUL_RCX] - 1) & em_mask(bytes);
	bool zf = c->rflags & FL_ZF;

	if (count && (kind == 2 || zf == (kind == 1)))
		TRY(em_branch(c, c->next_rip + c->insn.imm, c->insn.op_bytes));
	em_merge(&c->gpr[EMUL_RCX], count, bytes);
	return EMUL_DONE;
}

enum emul_result em_jcxz(struct emul_ctxt *c)
{
	if (c->gpr[EMUL_RCX] & em_mask(c->insn.ad_bytes))
		return EMUL_DONE;
	return em_branch(c, c->next_rip + c->insn.imm, c->insn.op_bytes);
}

enum emul_result em_bound(struct emul_ctxt *c)
{
	unsigned int bytes = c->insn.op_bytes;
	u64 lin, index, bounds[2] = {};
	u8 img[8];

	/* Two accesses as far as alignment goes. */
	TRY(em_linear(c, c->insn.seg, em_ea(c), bytes * 2, 0, &lin));
	TRY(em_align(c, lin, bytes, 0));
	TRY(em_read_lin(c, lin, img, bytes * 2, 0));
	memcpy(&bounds[0], img, bytes);
	memcpy(&bounds[1], img + bytes, bytes);
	TRY(em_get(c, 0, &index));
	index = em_sext(index, bytes);
	if ((s64)index < (s64)em_sext(bounds[0], bytes) ||
	    (s64)index > (s64)em_sext(bounds[1], bytes))
		return emul_raise(c, EMUL_BR, false, 0);
	return EMUL_DONE;
}
