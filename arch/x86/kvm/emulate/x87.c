// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87 loads, stores and control: what device memory meets, and what a kernel does to set the unit up.  All in integer
 * arithmetic.  Intel SDM vol. 1, chapters 4 and 8.
 */
#include "fpu.h"

#define EXP_MAX 0x7fff
#define BIAS 16383
#define INT_BIT BIT_ULL(63)
#define QUIET_BIT BIT_ULL(62)

/* A memory format: widths of exponent and fraction. */
struct format {
	u8 exp_bits;
	u8 frac_bits;
};

static const struct format f32 = { 8, 23 }, f64 = { 11, 52 };

/* Read the x87 state; a pending unmasked exception is raised first. */
enum emul_result em_fx_begin(struct emul_ctxt *c, struct em_fx *fx)
{
	if (!c->ops->fx_read || !c->ops->fx_write)
		return EMUL_UNHANDLED;
	c->ops->fx_read(c, fx, sizeof(*fx));
	if (!(fx->fsw & FSW_ES))
		return EMUL_DONE;
	/* Without CR0.NE it is an interrupt from outside. */
	if (!(c->ops->get_cr(c, 0) & CR0_NE))
		return EMUL_UNHANDLED;
	return emul_raise(c, EMUL_MF, false, 0);
}

/* The address of this instruction and its operand, for the handlers of exceptions. */
static void note_pointers(struct emul_ctxt *c, struct em_fx *fx)
{
	fx->fop = ((c->insn.opcode & 7) << 8) | c->insn.modrm;
	fx->fip = c->rip;
	fx->fdp = em_ea(c);
}

/* Add exceptions to the status word.  Return: one of them is not masked. */
static bool signal_exc(struct em_fx *fx, u16 exc)
{
	fx->fsw |= exc;
	if (!(fx->fsw & ~fx->fcw & FSW_EXC))
		return false;
	fx->fsw |= FSW_ES | FSW_B;
	return exc & ~fx->fcw & FSW_EXC;
}

static void set_top(struct em_fx *fx, unsigned int top)
{
	fx->fsw = (fx->fsw & ~FSW_TOP_MASK) | ((top & 7) << 11);
}

static void fx_push(struct em_fx *fx, u64 m, u16 se)
{
	unsigned int top = (FSW_TOP(fx->fsw) - 1) & 7;

	memmove(&fx->st[1], &fx->st[0], 7 * sizeof(fx->st[0]));
	fx->st[0].m = m;
	fx->st[0].se = se;
	set_top(fx, top);
	fx->ftw |= BIT(top);
}

static void fx_pop(struct em_fx *fx)
{
	__typeof__(fx->st[0]) first = fx->st[0];
	unsigned int top = FSW_TOP(fx->fsw);

	memmove(&fx->st[0], &fx->st[1], 7 * sizeof(fx->st[0]));
	fx->st[7] = first;
	fx->ftw &= ~BIT(top);
	set_top(fx, top + 1);
}

/* Push what was loaded, or deal with a full stack. */
static noinline void push_loaded(struct em_fx *fx, u64 m, u16 se, u16 exc)
{
	unsigned int top = (FSW_TOP(fx->fsw) - 1) & 7;

	fx->fsw &= ~FSW_C1;
	if (fx->ftw & BIT(top)) {
		fx->fsw |= FSW_C1;
		if (!signal_exc(fx, FSW_IE | FSW_SF))
			fx_push(fx, INT_BIT | QUIET_BIT, 0xffff);
		return;
	}
	/* An unmasked denormal is told of after the load. */
	signal_exc(fx, exc);
	if (!(exc & ~fx->fcw & FSW_IE))
		fx_push(fx, m, se);
}

/* Single or double to extended; returns exceptions. */
static noinline u16 widen(const struct format *f, u64 bits, u64 *m, u16 *se)
{
	unsigned int max = (1 << f->exp_bits) - 1, exp = (bits >> f->frac_bits) & max;
	u64 frac = bits & ((1ULL << f->frac_bits) - 1);
	u16 sign = (bits >> (f->frac_bits + f->exp_bits)) << 15, exc = 0;
	int e = exp + BIAS - (int)(max >> 1);

	*m = (frac << (63 - f->frac_bits)) | INT_BIT;
	if (exp == max) {
		e = EXP_MAX;
		if (frac && !(*m & QUIET_BIT)) {
			*m |= QUIET_BIT;
			exc = FSW_IE;
		}
	} else if (!exp && !frac) {
		*m = 0;
		e = 0;
	} else if (!exp) {
		unsigned int shift = 64 - fls64(frac);

		*m = frac << shift;
		e = 1 + BIAS - (int)(max >> 1) - (shift - (63 - f->frac_bits));
		exc = FSW_DE;
	}
	*se = sign | e;
	return exc;
}

/* FLD of 4, 8, 10 bytes */
enum emul_result em_fld(struct emul_ctxt *c)
{
	unsigned int len = em_opsize(c, 0);
	u64 lin, bits = 0, m;
	struct em_fx *fx = em_fx(c);
	u16 se, exc = 0;
	u8 img[10];

	TRY(em_fx_begin(c, fx));
	TRY(em_operand_lin(c, len, 0, &lin));
	TRY(em_read_lin(c, lin, img, len, 0));
	note_pointers(c, fx);
	if (len == 10) {
		memcpy(&m, img, 8);
		memcpy(&se, img + 8, 2);
	} else {
		memcpy(&bits, img, len);
		exc = widen(len == 4 ? &f32 : &f64, bits, &m, &se);
	}
	push_loaded(fx, m, se, exc);
	c->ops->fx_write(c, fx, sizeof(*fx));
	return EMUL_DONE;
}

/* FILD of 2, 4, 8 bytes */
enum emul_result em_fild(struct emul_ctxt *c)
{
	struct em_fx *fx = em_fx(c);
	u16 se = 0;
	u64 val;

	TRY(em_fx_begin(c, fx));
	TRY(em_get(c, 0, &val));
	note_pointers(c, fx);
	val = em_sext(val, em_opsize(c, 0));
	if ((s64)val < 0) {
		se = 0x8000;
		val = -val;
	}
	if (val) {
		unsigned int shift = 64 - fls64(val);

		val <<= shift;
		se |= BIAS + 63 - shift;
	}
	push_loaded(fx, val, se, 0);
	c->ops->fx_write(c, fx, sizeof(*fx));
	return EMUL_DONE;
}

/* Does what is cut off below a value (its topmost bit and the rest) round it up?  RC of the control word decides. */
static bool rounds_up(u16 fcw, bool negative, bool odd, bool half, bool rest)
{
	switch ((fcw >> 10) & 3) {
	case 0:
		return half && (rest || odd);
	case 1:
		return negative && (half || rest);
	case 2:
		return !negative && (half || rest);
	}
	return false;
}

/* Cut @shift bits off @m and round.  *@up: it went up, *@inexact: something was lost. */
static u64 shift_round(u64 m, unsigned int shift, u16 fcw, bool negative, bool *up, bool *inexact)
{
	bool half, rest;
	u64 res;

	if (shift == 0) {
		*up = false;
		*inexact = false;
		return m;
	}
	res = shift > 63 ? 0 : m >> shift;
	half = shift > 64 ? false : (m >> (shift - 1)) & 1;
	rest = shift > 64 ? m : m & ((1ULL << (shift - 1)) - 1);
	*inexact = half || rest;
	*up = rounds_up(fcw, negative, res & 1, half, rest);
	return res + *up;
}

static u64 pack(const struct format *f, bool negative, u64 exp, u64 frac)
{
	return ((u64)negative << (f->exp_bits + f->frac_bits)) | (exp << f->frac_bits) | frac;
}

/* The finite value 0.m * 2^… to a narrower format. */
static u64 narrow_finite(const struct format *f, u64 m, int exp, bool negative, u16 fcw, u16 *exc)
{
	unsigned int shift = 63 - f->frac_bits, max = (1 << f->exp_bits) - 1;
	int e = exp - BIAS + (int)(max >> 1), lead = 64 - fls64(m);
	bool up, inexact, tiny;
	u64 r;

	m <<= lead;
	e -= lead;
	r = shift_round(m, shift, fcw, negative, &up, &inexact);
	if (r >> (f->frac_bits + 1)) {
		r >>= 1;
		e++;
	}
	tiny = e < 1;
	if (tiny) {
		/* Once more from the full value, at the place where denormals end. */
		e = exp - BIAS + (int)(max >> 1) - lead;
		shift = min_t(unsigned int, shift + 1 - e, 70);
		r = shift_round(m, shift, fcw, negative, &up, &inexact);
		if (inexact || !(fcw & FSW_UE))
			*exc |= FSW_UE;
		e = r >> f->frac_bits ? 1 : 0;
	}
	*exc |= (inexact ? FSW_PE : 0) | (up ? FSW_C1 : 0);
	if (e >= (int)max) {
		bool to_inf = rounds_up(fcw, negative, true, true, true);

		*exc |= FSW_OE | FSW_PE;
		*exc = to_inf ? *exc | FSW_C1 : *exc & ~FSW_C1;
		return to_inf ? pack(f, negative, max, 0) :
				pack(f, negative, max - 1, (1ULL << f->frac_bits) - 1);
	}
	return pack(f, negative, e, r & ((1ULL << f->frac_bits) - 1));
}

/* Extended to single or double. */
static noinline u64 narrow(const struct format *f, u64 m, u16 se, u16 fcw, u16 *exc)
{
	unsigned int exp = se & EXP_MAX, max = (1 << f->exp_bits) - 1;
	bool negative = se >> 15;

	if (exp && !(m & INT_BIT)) {
		*exc |= FSW_IE;
		return pack(f, true, max, 1ULL << (f->frac_bits - 1));
	}
	if (exp == EXP_MAX) {
		if (m << 1 && !(m & QUIET_BIT)) {
			*exc |= FSW_IE;
			m |= QUIET_BIT;
		}
		return pack(f, negative, max, (m & ~INT_BIT) >> (63 - f->frac_bits));
	}
	if (!m)
		return pack(f, negative, 0, 0);
	return narrow_finite(f, m, exp ? exp : 1, negative, fcw, exc);
}

/*
 * What a store of ST(0) gives.  Return: false when nothing is to be stored (an unmasked exception).
 */
static bool store_begin(struct em_fx *fx, bool *empty)
{
	fx->fsw &= ~FSW_C1;
	*empty = !(fx->ftw & BIT(FSW_TOP(fx->fsw)));
	return !*empty || !signal_exc(fx, FSW_IE | FSW_SF);
}

/* FST, FSTP (aux 1) of 4, 8, 10 bytes */
enum emul_result em_fst(struct emul_ctxt *c)
{
	unsigned int len = em_opsize(c, 0);
	u16 se, exc = 0;
	struct em_fx *fx = em_fx(c);
	u64 lin, m;
	u8 img[10];
	bool empty, store;

	TRY(em_fx_begin(c, fx));
	TRY(em_operand_lin(c, len, EMUL_A_WRITE, &lin));
	/* Whatever comes of the value, the memory must be there. */
	TRY(c->ops->probe(c, lin, len, EMUL_A_WRITE));
	note_pointers(c, fx);
	store = store_begin(fx, &empty);
	m = empty ? INT_BIT | QUIET_BIT : fx->st[0].m;
	se = empty ? 0xffff : fx->st[0].se;
	if (len == 10) {
		memcpy(img, &m, 8);
		memcpy(img + 8, &se, 2);
	} else {
		m = narrow(len == 4 ? &f32 : &f64, m, se, fx->fcw, &exc);
		memcpy(img, &m, 8);
		/* Precision is told after the store; the others prevent it. */
		/* They say nothing of a rounding that was not done. */
		if (exc & ~fx->fcw & FSW_EXC & ~FSW_PE) {
			exc &= ~(FSW_PE | FSW_C1);
			store = false;
		}
		signal_exc(fx, exc);
	}
	if (store) {
		TRY(em_write_lin(c, lin, img, len, 0));
		if (c->insn.desc->aux)
			fx_pop(fx);
	}
	c->ops->fx_write(c, fx, sizeof(*fx));
	return EMUL_DONE;
}

/* Extended to an integer of @bytes; what does not fit gives the indefinite. */
static noinline u64 to_int(u64 m, u16 se, unsigned int bytes, u16 fcw, u16 *exc)
{
	u64 most = 1ULL << (bytes * 8 - 1), r;
	bool negative = se >> 15, up, inexact;
	int exp = se & EXP_MAX, shift = BIAS + 63 - exp;

	if (!m && !exp)
		return 0;
	if (exp == EXP_MAX || (exp && !(m & INT_BIT)) || shift < 0)
		goto invalid;
	r = shift_round(m, min(shift, 70), fcw, negative, &up, &inexact);
	if (r > most || (r == most && !negative))
		goto invalid;
	*exc |= (inexact ? FSW_PE : 0) | (up ? FSW_C1 : 0);
	return negative ? -r : r;
invalid:
	*exc |= FSW_IE;
	return most;
}

/* FIST, FISTP (aux 1) of 2, 4, 8 bytes */
enum emul_result em_fist(struct emul_ctxt *c)
{
	unsigned int len = em_opsize(c, 0);
	struct em_fx *fx = em_fx(c);
	bool empty, store;
	u64 lin, val;
	u16 exc = 0;

	TRY(em_fx_begin(c, fx));
	TRY(em_operand_lin(c, len, EMUL_A_WRITE, &lin));
	/* Whatever comes of the value, the memory must be there. */
	TRY(c->ops->probe(c, lin, len, EMUL_A_WRITE));
	note_pointers(c, fx);
	store = store_begin(fx, &empty);
	if (empty) {
		val = 1ULL << (len * 8 - 1);
	} else {
		val = to_int(fx->st[0].m, fx->st[0].se, len, fx->fcw, &exc);
		if (signal_exc(fx, exc) && (exc & ~fx->fcw & FSW_IE))
			store = false;
	}
	if (store) {
		TRY(em_write_lin(c, lin, &val, len, 0));
		if (c->insn.desc->aux)
			fx_pop(fx);
	}
	c->ops->fx_write(c, fx, sizeof(*fx));
	return EMUL_DONE;
}

/* The error summary follows from exceptions and masks. */
static void summarize(struct em_fx *fx)
{
	fx->fsw &= ~(FSW_ES | FSW_B);
	if (fx->fsw & ~fx->fcw & FSW_EXC)
		fx->fsw |= FSW_ES | FSW_B;
}

enum emul_result em_fldcw(struct emul_ctxt *c)
{
	struct em_fx *fx = em_fx(c);
	u64 val;

	TRY(em_fx_begin(c, fx));
	TRY(em_get(c, 0, &val));
	fx->fcw = (val & 0x1f7f) | 0x40;
	summarize(fx);
	c->ops->fx_write(c, fx, sizeof(*fx));
	return EMUL_DONE;
}

enum emul_result em_fnstcw(struct emul_ctxt *c)
{
	struct em_fx *fx = em_fx(c);

	if (!c->ops->fx_read)
		return EMUL_UNHANDLED;
	c->ops->fx_read(c, fx, sizeof(*fx));
	return em_put(c, 0, fx->fcw);
}

enum emul_result em_fnstsw(struct emul_ctxt *c)
{
	struct em_fx *fx = em_fx(c);

	if (!c->ops->fx_read)
		return EMUL_UNHANDLED;
	c->ops->fx_read(c, fx, sizeof(*fx));
	return em_put(c, 0, fx->fsw);
}

/* FNINIT, FNCLEX (aux 1) */
enum emul_result em_fninit(struct emul_ctxt *c)
{
	struct em_fx *fx = em_fx(c);

	if (!c->ops->fx_read || !c->ops->fx_write)
		return EMUL_UNHANDLED;
	c->ops->fx_read(c, fx, sizeof(*fx));
	if (c->insn.desc->aux) {
		fx->fsw &= ~(FSW_EXC | FSW_SF | FSW_ES | FSW_B);
	} else {
		__typeof__(fx->st[0]) st;

		/* The registers keep their values, but TOP moves under them. */
		while (FSW_TOP(fx->fsw)) {
			st = fx->st[7];
			memmove(&fx->st[1], &fx->st[0], 7 * sizeof(st));
			fx->st[0] = st;
			set_top(fx, FSW_TOP(fx->fsw) - 1);
		}
		fx->fcw = 0x37f;
		fx->fsw = 0;
		fx->ftw = 0;
		fx->fop = 0;
		fx->fip = 0;
		fx->fdp = 0;
	}
	c->ops->fx_write(c, fx, sizeof(*fx));
	return EMUL_DONE;
}

/* FNOP (waits), and the no-operations that the 8087's and 80287's instructions have become (do not) */
enum emul_result em_fnop(struct emul_ctxt *c)
{
	struct em_fx *fx = em_fx(c);

	return c->insn.opcode == 0xd9 ? em_fx_begin(c, fx) : EMUL_DONE;
}

/* FWAIT: #NM needs MP and TS. */
enum emul_result em_fwait(struct emul_ctxt *c)
{
	u64 cr0 = c->ops->get_cr(c, 0);
	struct em_fx *fx = em_fx(c);

	if ((cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS))
		return emul_raise(c, EMUL_NM, false, 0);
	return em_fx_begin(c, fx);
}
