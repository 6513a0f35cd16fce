// SPDX-License-Identifier: GPL-2.0-only
/* Multiplication, division and decimal arithmetic.  AMD APM vol. 3, chapter 3; Intel SDM vol. 2. */
#include "rows.h"

/* The double-width accumulator: AX, DX:AX, EDX:EAX, RDX:RAX. */
static void acc_read(const struct emul_ctxt *c, unsigned int bytes, u64 *lo, u64 *hi)
{
	*lo = c->gpr[EMUL_RAX] & em_mask(bytes);
	*hi = bytes == 1 ? (u8)(c->gpr[EMUL_RAX] >> 8) : c->gpr[EMUL_RDX] & em_mask(bytes);
}

static void acc_write(struct emul_ctxt *c, unsigned int bytes, u64 lo, u64 hi)
{
	if (bytes == 1) {
		em_merge(&c->gpr[EMUL_RAX], (lo & 0xff) | (hi << 8), 2);
		return;
	}
	em_merge(&c->gpr[EMUL_RAX], lo, bytes);
	em_merge(&c->gpr[EMUL_RDX], hi, bytes);
}

/* MUL, IMUL with one operand */
enum emul_result em_mul(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0);
	u64 a, b, lo, hi;
	bool over;

	TRY(em_get(c, 0, &b));
	a = c->gpr[EMUL_RAX] & em_mask(bytes);
	if (c->insn.desc->aux) {
		__int128 p = (__int128)(s64)em_sext(a, bytes) * (s64)em_sext(b, bytes);

		lo = (u64)p & em_mask(bytes);
		hi = (u64)(p >> (bytes * 8)) & em_mask(bytes);
		over = p != (__int128)(s64)em_sext(lo, bytes);
	} else {
		u128 p = (u128)a * b;

		lo = (u64)p & em_mask(bytes);
		hi = (u64)(p >> (bytes * 8)) & em_mask(bytes);
		over = hi;
	}
	acc_write(c, bytes, lo, hi);
	em_set_flags(c, FL_CF | FL_OF, over ? FL_CF | FL_OF : 0);
	return EMUL_DONE;
}

/* IMUL with two or three operands */
enum emul_result em_imul(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0), n = c->insn.desc->op[2] ? 1 : 0;
	u64 a, b, lo;
	__int128 p;

	TRY(em_get(c, n, &a));
	TRY(em_get(c, n + 1, &b));
	p = (__int128)(s64)em_sext(a, bytes) * (s64)em_sext(b & em_mask(bytes), bytes);
	lo = (u64)p & em_mask(bytes);
	em_put(c, 0, lo);
	em_set_flags(c, FL_CF | FL_OF, p != (__int128)(s64)em_sext(lo, bytes) ? FL_CF | FL_OF : 0);
	return EMUL_DONE;
}

/* 128 by 64 bits; @hi < @d, so the quotient fits. */
static u64 div_128(u64 hi, u64 lo, u64 d, u64 *rem)
{
	u64 q;

	asm("divq %4" : "=a"(q), "=d"(*rem) : "0"(lo), "1"(hi), "r"(d) : "cc");
	return q;
}

/* hi:lo / d of @bytes each, all masked.  False: the quotient does not fit, or d is 0. */
static bool div_unsigned(u64 hi, u64 lo, u64 d, unsigned int bytes, u64 *quot, u64 *rem)
{
	u64 n;

	if (hi >= d)
		return false;
	if (bytes == 8) {
		*quot = div_128(hi, lo, d, rem);
		return true;
	}
	n = (hi << (bytes * 8)) | lo;
	*quot = n / d;
	*rem = n % d;
	return true;
}

static bool div_signed(u64 hi, u64 lo, u64 d, unsigned int bytes, u64 *quot, u64 *rem)
{
	bool neg = (hi >> (bytes * 8 - 1)) & 1, neg_d = (d >> (bytes * 8 - 1)) & 1;
	u64 mask = em_mask(bytes), most;

	if (neg) {
		lo = -lo & mask;
		hi = (~hi + !lo) & mask;
	}
	if (neg_d)
		d = -d & mask;
	if (!div_unsigned(hi, lo, d, bytes, quot, rem))
		return false;
	most = 1ULL << (bytes * 8 - 1);
	if (*quot > most || (*quot == most && neg == neg_d))
		return false;
	if (neg != neg_d)
		*quot = -*quot & mask;
	if (neg)
		*rem = -*rem & mask;
	return true;
}

/* DIV, IDIV */
enum emul_result em_div(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0);
	u64 lo, hi, d, quot, rem;
	bool ok;

	TRY(em_get(c, 0, &d));
	acc_read(c, bytes, &lo, &hi);
	if (c->insn.desc->aux)
		ok = div_signed(hi, lo, d, bytes, &quot, &rem);
	else
		ok = div_unsigned(hi, lo, d, bytes, &quot, &rem);
	if (!ok)
		return emul_raise(c, EMUL_DE, false, 0);
	acc_write(c, bytes, quot, rem);
	return EMUL_DONE;
}

enum emul_result em_aam(struct emul_ctxt *c)
{
	u8 al = c->gpr[EMUL_RAX], base = c->insn.imm;

	if (!base)
		return emul_raise(c, EMUL_DE, false, 0);
	em_merge(&c->gpr[EMUL_RAX], (al / base) << 8 | (al % base), 2);
	em_set_flags(c, FL_ARITH, em_flags_szp(al % base, 1));
	return EMUL_DONE;
}

enum emul_result em_aad(struct emul_ctxt *c)
{
	u16 ax = c->gpr[EMUL_RAX];
	u8 al = (ax & 0xff) + (ax >> 8) * (u8)c->insn.imm;

	em_merge(&c->gpr[EMUL_RAX], al, 2);
	em_set_flags(c, FL_ARITH, em_flags_szp(al, 1));
	return EMUL_DONE;
}

/* DAA, DAS */
enum emul_result em_daa(struct emul_ctxt *c)
{
	bool cf = c->rflags & FL_CF, af = c->rflags & FL_AF, sub = c->insn.desc->aux;
	u8 old = c->gpr[EMUL_RAX], adjust = 0;
	bool carry = false;
	u64 flags = 0;

	if ((old & 15) > 9 || af) {
		adjust = 6;
		flags |= FL_AF;
		/* The low digit's own carry counts for DAS (and for DAA is covered by the next test). */
		carry = cf || (sub ? old < 6 : old > 0xf9);
	}
	if (old > 0x99 || cf) {
		adjust += 0x60;
		carry = true;
	}
	if (carry)
		flags |= FL_CF;
	old = sub ? old - adjust : old + adjust;
	em_merge(&c->gpr[EMUL_RAX], old, 1);
	em_set_flags(c, FL_ARITH, flags | em_flags_szp(old, 1));
	return EMUL_DONE;
}

/* AAA, AAS */
enum emul_result em_aaa(struct emul_ctxt *c)
{
	u16 ax = c->gpr[EMUL_RAX];
	bool sub = c->insn.desc->aux;
	u64 flags = 0;

	if ((ax & 15) > 9 || (c->rflags & FL_AF)) {
		ax = sub ? ax - 0x106 : ax + 0x106;
		flags = FL_AF | FL_CF;
	}
	em_merge(&c->gpr[EMUL_RAX], ax & 0xff0f, 2);
	em_set_flags(c, FL_ARITH, flags | em_flags_szp(ax & 15, 1));
	return EMUL_DONE;
}
