// SPDX-License-Identifier: GPL-2.0-only
/* Bit tests, scans and counts, CRC32, BMI1 and BMI2.  Intel SDM vol. 2; AMD APM vol. 3, chapter 3. */
#include "rows.h"

/* The bit string of BT and its kin may lie anywhere around the memory operand. */
static enum emul_result bt_lin(struct emul_ctxt *c, u64 offset, unsigned int bytes,
			       unsigned int acc, u64 *lin)
{
	s64 off = em_sext(offset, bytes);
	u64 ea;

	/* Arithmetic shift: whole operands before or after. */
	ea = em_ea(c) + (off >> (bytes == 8 ? 6 : bytes == 4 ? 5 : 4)) * bytes;
	TRY(em_linear(c, c->insn.seg, ea & em_mask(c->insn.ad_bytes), bytes, acc, lin));
	return em_align(c, *lin, bytes, acc);
}

/* BT, BTS, BTR, BTC; aux & 0x10: the bit offset is in a register */
enum emul_result em_bt(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0), op = c->insn.desc->aux & 3, acc = 0;
	u64 val, off, bit;

	TRY(em_get(c, 1, &off));
	if (c->insn.mem && (c->insn.desc->aux & 0x10)) {
		if (op)
			acc = EMUL_A_WRITE | ((c->insn.pfx & P_LOCK) ? EMUL_A_LOCKED : 0);
		TRY(bt_lin(c, off, bytes, acc, &c->rmw_lin));
		val = 0;
		TRY(em_read_lin(c, c->rmw_lin, &val, bytes, acc));
		c->rmw_old = val;
	} else {
		TRY(em_get(c, 0, &val));
	}
	bit = 1ULL << (off & (bytes * 8 - 1));
	if (op) {
		u64 new = op == 1 ? val | bit : op == 2 ? val & ~bit : val ^ bit;

		TRY(em_put(c, 0, new));
	}
	em_set_flags(c, FL_CF, (val & bit) ? FL_CF : 0);
	return EMUL_DONE;
}

/* BSF, BSR: a source of 0 leaves the destination alone, as AMD documents and Intel's processors do. */
enum emul_result em_bsf(struct emul_ctxt *c)
{
	u64 val;

	TRY(em_get(c, 1, &val));
	if (!val) {
		em_set_flags(c, FL_ARITH, FL_ZF | FL_PF);
		return EMUL_DONE;
	}
	val = c->insn.desc->aux ? __fls(val) : __ffs(val);
	em_put(c, 0, val);
	em_set_flags(c, FL_ARITH, em_flags_szp(val, 8) & ~FL_ZF);
	return EMUL_DONE;
}

/* POPCNT, TZCNT, LZCNT; the latter two are BSF and BSR where the processor does not have them */
enum emul_result em_count(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0), op = c->insn.desc->aux;
	u64 val, res, flags = 0;

	if ((op == 1 && !em_has(c, EMUL_F_BMI1)) || (op == 2 && !em_has(c, EMUL_F_LZCNT))) {
		TRY(em_get(c, 1, &val));
		if (val)
			em_put(c, 0, op == 2 ? __fls(val) : __ffs(val));
		em_set_flags(c, FL_ZF, val ? 0 : FL_ZF);
		return EMUL_DONE;
	}
	TRY(em_get(c, 1, &val));
	if (op == 0) {
		res = hweight64(val);
		if (!val)
			flags = FL_ZF;
		em_put(c, 0, res);
		em_set_flags(c, FL_ARITH, flags);
		return EMUL_DONE;
	}
	if (!val)
		res = bytes * 8;
	else
		res = op == 1 ? __ffs(val) : bytes * 8 - fls64(val);
	if (!val)
		flags |= FL_CF;
	if (!res)
		flags |= FL_ZF;
	em_put(c, 0, res);
	em_set_flags(c, FL_CF | FL_ZF, flags);
	return EMUL_DONE;
}

/* CRC32-C, polynomial 0x11edc6f41, bits reversed */
enum emul_result em_crc32(struct emul_ctxt *c)
{
	unsigned int bits = em_opsize(c, 1) * 8;
	u64 val;
	u32 crc;

	TRY(em_get(c, 1, &val));
	crc = em_reg_read(c, c->insn.reg, 4);
	while (bits) {
		unsigned int i;

		crc ^= (u8)val;
		for (i = 0; i < 8; i++)
			crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78 : 0);
		val >>= 8;
		bits -= 8;
	}
	return em_put(c, 0, crc);
}

enum emul_result em_andn(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0);
	u64 a, b, res;

	TRY(em_get(c, 1, &a));
	TRY(em_get(c, 2, &b));
	res = ~a & b & em_mask(bytes);
	em_put(c, 0, res);
	em_set_flags(c, FL_SF | FL_ZF | FL_CF | FL_OF, em_flags_szp(res, bytes) & ~FL_PF);
	return EMUL_DONE;
}

/* BLSR, BLSMSK, BLSI */
enum emul_result em_bls(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0), op = c->insn.desc->aux;
	u64 a, res, flags;
	bool cf;

	TRY(em_get(c, 1, &a));
	res = op == 1 ? a & (a - 1) : op == 2 ? a ^ (a - 1) : a & -a;
	res &= em_mask(bytes);
	cf = op == 3 ? a : !a;
	em_put(c, 0, res);
	flags = em_flags_szp(res, bytes) | (cf ? FL_CF : 0);
	em_set_flags(c, FL_SF | FL_ZF | FL_CF | FL_OF, flags);
	return EMUL_DONE;
}

/* BEXTR, BZHI */
enum emul_result em_bextr(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0), bits = bytes * 8, start, len;
	u64 a, ctl, res, flags;

	TRY(em_get(c, 1, &a));
	TRY(em_get(c, 2, &ctl));
	if (c->insn.desc->aux) {
		len = (u8)ctl;
		res = len < bits ? a & ((1ULL << len) - 1) : a;
		flags = em_flags_szp(res, bytes) | (len >= bits ? FL_CF : 0);
		em_put(c, 0, res);
		em_set_flags(c, FL_SF | FL_ZF | FL_CF | FL_OF, flags);
		return EMUL_DONE;
	}
	start = (u8)ctl;
	len = (u8)(ctl >> 8);
	res = start < bits ? a >> start : 0;
	if (len < 64)
		res &= (1ULL << len) - 1;
	em_put(c, 0, res);
	em_set_flags(c, FL_ZF | FL_CF | FL_OF, res ? 0 : FL_ZF);
	return EMUL_DONE;
}

/* PDEP, PEXT */
enum emul_result em_pdep(struct emul_ctxt *c)
{
	u64 src, mask, res = 0;
	unsigned int k = 0;

	TRY(em_get(c, 1, &src));
	TRY(em_get(c, 2, &mask));
	while (mask) {
		unsigned int bit = __ffs(mask);

		if (c->insn.desc->aux)
			res |= ((src >> bit) & 1) << k;
		else
			res |= ((src >> k) & 1) << bit;
		mask &= mask - 1;
		k++;
	}
	return em_put(c, 0, res);
}

/* SHLX, SHRX, SARX, RORX: no flags */
enum emul_result em_shiftx(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0), bits = bytes * 8;
	u64 a, n;

	TRY(em_get(c, 1, &a));
	TRY(em_get(c, 2, &n));
	n &= bits - 1;
	switch (c->insn.desc->aux) {
	case 0:
		a <<= n;
		break;
	case 1:
		a >>= n;
		break;
	case 2:
		a = (u64)((s64)em_sext(a, bytes) >> n);
		break;
	default:
		if (n)
			a = (a >> n) | (a << (bits - n));
		break;
	}
	return em_put(c, 0, a);
}

enum emul_result em_mulx(struct emul_ctxt *c)
{
	unsigned int bytes = em_opsize(c, 0);
	u64 a = c->gpr[EMUL_RDX] & em_mask(bytes), b;
	u128 product;

	TRY(em_get(c, 2, &b));
	product = (u128)a * b;
	em_put(c, 1, (u64)product);
	return em_put(c, 0, (u64)(product >> (bytes * 8)));
}
