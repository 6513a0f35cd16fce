// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shifts and rotates by any count.  Flags that the manuals leave undefined are computed by the same rule as the defined
 * ones.  Intel SDM vol. 2B, RCL/RCR/ROL/ROR and SAL/SAR/SHL/SHR.
 */
#include "rows.h"

/* A value and the flags that an operation on it has left. */
struct shifted {
	u64 val;
	bool cf;
	bool of;
};

static u64 msb(u64 val, unsigned int bits)
{
	return (val >> (bits - 1)) & 1;
}

static void rotate(struct shifted *s, bool left, unsigned int count, unsigned int bits)
{
	u64 mask = em_mask(bits / 8), val = s->val;

	count %= bits;
	if (count) {
		if (!left)
			count = bits - count;
		val = ((val << count) | (val >> (bits - count))) & mask;
	}
	s->val = val;
	s->cf = left ? val & 1 : msb(val, bits);
	s->of = left ? msb(val, bits) ^ s->cf : msb(val, bits) ^ msb(val << 1, bits);
}

static void rotate_carry(struct shifted *s, bool left, unsigned int count, unsigned int bits)
{
	u64 val = s->val, out;

	count %= bits + 1;
	while (count--) {
		if (left) {
			out = msb(val, bits);
			val = ((val << 1) | s->cf) & em_mask(bits / 8);
		} else {
			out = val & 1;
			val = (val >> 1) | ((u64)s->cf << (bits - 1));
		}
		s->cf = out;
	}
	s->val = val;
	s->of = left ? msb(val, bits) ^ s->cf : msb(val, bits) ^ msb(val << 1, bits);
}

static void shift_left(struct shifted *s, unsigned int count, unsigned int bits)
{
	u64 val = s->val;

	s->cf = count <= bits ? (val >> (bits - count)) & 1 : 0;
	s->val = (count >= 64 ? 0 : val << count) & em_mask(bits / 8);
	s->of = msb(s->val, bits) ^ s->cf;
}

static void shift_right(struct shifted *s, bool arith, unsigned int count, unsigned int bits)
{
	u64 val = arith ? em_sext(s->val, bits / 8) : s->val;

	/* count is 1-63, and val has 64 bits */
	s->of = arith ? 0 : msb(val, bits);
	s->cf = (val >> (count - 1)) & 1;
	if (arith)
		val = (u64)((s64)val >> count);
	else
		val >>= count;
	s->val = val & em_mask(bits / 8);
}

enum { ROL, ROR, RCL, RCR, SHL, SHR, SAL, SAR };

/* ROL, ROR, RCL, RCR, SHL, SHR, SAR */
enum emul_result em_shift(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0), bits = bytes * 8, op = c->insn.desc->aux;
	struct shifted s;
	u64 count, flags;

	TRY(em_get(c, 1, &count));
	TRY(em_get(c, 0, &s.val));
	count &= bytes == 8 ? 63 : 31;
	if (!count)
		return em_put(c, 0, s.val);
	s.cf = c->rflags & FL_CF;
	s.of = false;
	if (op <= ROR)
		rotate(&s, op == ROL, count, bits);
	else if (op <= RCR)
		rotate_carry(&s, op == RCL, count, bits);
	else if (op == SHL || op == SAL)
		shift_left(&s, count, bits);
	else
		shift_right(&s, op == SAR, count, bits);
	TRY(em_put(c, 0, s.val));
	flags = (s.cf ? FL_CF : 0) | (s.of ? FL_OF : 0);
	if (op <= RCR)
		em_set_flags(c, FL_CF | FL_OF, flags);
	else
		em_set_flags(c, FL_ARITH, flags | em_flags_szp(s.val, bytes));
	return EMUL_DONE;
}

/* SHLD, SHRD.  A 16-bit operand shifted by more than 16 is undefined; it is taken round as processors do. */
enum emul_result em_shld(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0), bits = bytes * 8;
	bool right = c->insn.desc->aux;
	u64 a, b, count, res, flags;
	bool cf;

	TRY(em_get(c, 0, &a));
	TRY(em_get(c, 1, &b));
	TRY(em_get(c, 2, &count));
	count &= bytes == 8 ? 63 : 31;
	if (!count)
		return em_put(c, 0, a);
	if (count > bits) {
		swap(a, b);
		count -= bits;
	}
	if (right) {
		cf = (a >> (count - 1)) & 1;
		res = count == bits ? b : (a >> count) | (b << (bits - count));
	} else {
		cf = (a >> (bits - count)) & 1;
		res = count == bits ? b : (a << count) | (b >> (bits - count));
	}
	res &= em_mask(bytes);
	TRY(em_put(c, 0, res));
	flags = em_flags_szp(res, bytes) | (cf ? FL_CF : 0) | (msb(a ^ res, bits) ? FL_OF : 0);
	em_set_flags(c, FL_ARITH, flags);
	return EMUL_DONE;
}
