// SPDX-License-Identifier: GPL-2.0-only
/* Integer arithmetic and logic with their flags, and what compares and exchanges.  AMD APM vol. 3, chapter 3. */
#include "rows.h"

/* SF, ZF, PF of a result (already masked to @bytes). */
u64 em_flags_szp(u64 res, unsigned int bytes)
{
	u64 flags = 0;
	u8 p = res;

	p ^= p >> 4;
	p ^= p >> 2;
	p ^= p >> 1;
	if (!(p & 1))
		flags |= FL_PF;
	if (!res)
		flags |= FL_ZF;
	if (res >> (bytes * 8 - 1))
		flags |= FL_SF;
	return flags;
}

/* @a and @b are masked to @bytes. */
u64 em_add(u64 a, u64 b, unsigned int carry, unsigned int bytes, u64 *flags)
{
	unsigned int top = bytes * 8 - 1;
	u64 res = (a + b + carry) & em_mask(bytes);
	u64 carries = (a & b) | ((a | b) & ~res);
	u64 fl = em_flags_szp(res, bytes);

	fl |= (carries >> top) & 1;
	fl |= (a ^ b ^ res) & FL_AF;
	fl |= ((((a ^ res) & (b ^ res)) >> top) & 1) << 11;
	*flags = fl;
	return res;
}

u64 em_sub(u64 a, u64 b, unsigned int borrow, unsigned int bytes, u64 *flags)
{
	unsigned int top = bytes * 8 - 1;
	u64 res = (a - b - borrow) & em_mask(bytes);
	u64 borrows = (~a & b) | (~(a ^ b) & res);
	u64 fl = em_flags_szp(res, bytes);

	fl |= (borrows >> top) & 1;
	fl |= (a ^ b ^ res) & FL_AF;
	fl |= ((((a ^ b) & (a ^ res)) >> top) & 1) << 11;
	*flags = fl;
	return res;
}

enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };

static u64 alu(unsigned int op, u64 a, u64 b, u64 rflags, unsigned int bytes, u64 *flags)
{
	u64 res;

	switch (op) {
	case ALU_ADD:
		return em_add(a, b, 0, bytes, flags);
	case ALU_ADC:
		return em_add(a, b, rflags & FL_CF, bytes, flags);
	case ALU_SBB:
		return em_sub(a, b, rflags & FL_CF, bytes, flags);
	case ALU_SUB:
	case ALU_CMP:
		return em_sub(a, b, 0, bytes, flags);
	case ALU_OR:
		res = a | b;
		break;
	case ALU_AND:
		res = a & b;
		break;
	default:
		res = a ^ b;
		break;
	}
	*flags = em_flags_szp(res, bytes);
	return res;
}

/* ADD, OR, ADC, SBB, AND, SUB, XOR, CMP */
enum emul_result em_alu(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0);
	u64 a, b, flags, res;

	TRY(em_get(c, 1, &b));
	TRY(em_get(c, 0, &a));
	res = alu(c->insn.desc->aux, a, b & em_mask(bytes), c->rflags, bytes, &flags);
	if (c->insn.desc->aux != ALU_CMP)
		TRY(em_put(c, 0, res));
	em_set_flags(c, FL_ARITH, flags);
	return EMUL_DONE;
}

enum emul_result em_incdec(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0);
	u64 a, flags, res;

	TRY(em_get(c, 0, &a));
	if (c->insn.desc->aux)
		res = em_sub(a, 1, 0, bytes, &flags);
	else
		res = em_add(a, 1, 0, bytes, &flags);
	TRY(em_put(c, 0, res));
	em_set_flags(c, FL_ARITH & ~FL_CF, flags);
	return EMUL_DONE;
}

enum emul_result em_not(struct emul_ctxt *c)
{
	u64 a;

	TRY(em_get(c, 0, &a));
	return em_put(c, 0, ~a);
}

enum emul_result em_neg(struct emul_ctxt *c)
{
	u64 a, flags, res;

	TRY(em_get(c, 0, &a));
	res = em_sub(0, a, 0, em_opsize(c, 0), &flags);
	TRY(em_put(c, 0, res));
	em_set_flags(c, FL_ARITH, flags);
	return EMUL_DONE;
}

enum emul_result em_test(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0);
	u64 a, b;

	TRY(em_get(c, 0, &a));
	TRY(em_get(c, 1, &b));
	em_set_flags(c, FL_ARITH, em_flags_szp(a & b & em_mask(bytes), bytes));
	return EMUL_DONE;
}

/*
 * CMPXCHG.  An unequal memory operand is written back as it was (SDM vol. 2A, CMPXCHG), which a device can tell from not
 * writing it; memory that has changed since then keeps its change.
 */
enum emul_result em_cmpxchg(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0);
	u64 acc, old, new, flags;

	TRY(em_get(c, 0, &old));
	TRY(em_get(c, 1, &new));
	acc = c->gpr[EMUL_RAX] & em_mask(bytes);
	em_sub(acc, old, 0, bytes, &flags);
	if (acc == old) {
		TRY(em_put(c, 0, new));
	} else {
		if (c->insn.mem)
			TRY(em_cmpxchg_lin(c, c->rmw_lin, &old, &old, bytes, EMUL_A_LOCKED));
		em_merge(&c->gpr[EMUL_RAX], old, bytes);
	}
	em_set_flags(c, FL_ARITH, flags);
	return EMUL_DONE;
}

/* CMPXCHG8B, CMPXCHG16B */
enum emul_result em_cmpxchg8b(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0), half = bytes / 2, acc = EMUL_A_WRITE;
	u64 lin, old[2] = {}, new[2];
	u8 img[16];

	if (bytes == 16 && !em_has(c, EMUL_F_CX16))
		return emul_raise_ud(c);
	if (c->insn.pfx & P_LOCK)
		acc |= EMUL_A_LOCKED;
	/* Alignment goes before the checks of the address. */
	TRY(em_linear(c, c->insn.seg, em_ea(c), 0, acc, &lin));
	if (bytes == 16 && (lin & 15))
		return emul_raise_gp(c, 0);
	TRY(em_linear(c, c->insn.seg, em_ea(c), bytes, acc, &lin));
	TRY(em_align(c, lin, bytes, acc));
	TRY(em_read_lin(c, lin, img, bytes, acc));
	memcpy(&old[0], img, half);
	memcpy(&old[1], img + half, half);
	if (old[0] != (c->gpr[EMUL_RAX] & em_mask(half)) ||
	    old[1] != (c->gpr[EMUL_RDX] & em_mask(half))) {
		TRY(em_cmpxchg_lin(c, lin, img, img, bytes, EMUL_A_LOCKED));
		em_merge(&c->gpr[EMUL_RAX], old[0], half);
		em_merge(&c->gpr[EMUL_RDX], old[1], half);
		c->rflags &= ~FL_ZF;
		return EMUL_DONE;
	}
	new[0] = c->gpr[EMUL_RBX];
	new[1] = c->gpr[EMUL_RCX];
	if (half == 4)
		new[0] = (u32) new[0] | (new[1] << 32);
	if (acc & EMUL_A_LOCKED)
		TRY(em_cmpxchg_lin(c, lin, img, new, bytes, EMUL_A_LOCKED));
	else
		TRY(em_write_lin(c, lin, new, bytes, 0));
	c->rflags |= FL_ZF;
	return EMUL_DONE;
}

enum emul_result em_xadd(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0);
	u64 a, b, flags, sum;

	TRY(em_get(c, 0, &a));
	TRY(em_get(c, 1, &b));
	sum = em_add(a, b, 0, bytes, &flags);
	if (c->insn.mem) {
		TRY(em_put(c, 0, sum));
		em_put(c, 1, a);
	} else {
		/* The sum wins when both are the same register. */
		em_put(c, 1, a);
		em_put(c, 0, sum);
	}
	em_set_flags(c, FL_ARITH, flags);
	return EMUL_DONE;
}

/* ADCX (carry in CF), ADOX (in OF) */
enum emul_result em_adx(struct emul_ctxt *c)
{
	u64 carry = c->insn.desc->aux ? FL_OF : FL_CF;
	u64 a, b, flags, sum;

	TRY(em_get(c, 1, &b));
	TRY(em_get(c, 0, &a));
	sum = em_add(a, b, !!(c->rflags & carry), em_opsize(c, 0), &flags);
	em_put(c, 0, sum);
	em_set_flags(c, carry, (flags & FL_CF) ? carry : 0);
	return EMUL_DONE;
}
