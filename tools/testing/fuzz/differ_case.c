// SPDX-License-Identifier: GPL-2.0-only
/* The differential fuzzer's cases: an instruction out of random bytes, and a state in which it does something. */
#include "differ.h"

/* Not for this fuzzer: what changes what the harness stands on, and what user mode cannot do. */
bool differ_wants(const struct emul_desc *d)
{
	static const emul_exec_fn no[] = {
		em_int,	    em_into,	 em_mov_to_sreg, em_pop_sreg, em_load_far_ptr,
		em_jmp_far, em_call_far, em_ret_far,	 em_iret,     em_sgdt,
		em_smsw,    em_sldt,	 em_fsgsbase,	 em_lar,      em_lsl,
		em_verr,    em_xcr,	 em_syscall,	 em_sysenter,
	};
	unsigned int i;

	if (!d->exec || (d->flags & F_DIRTY))
		return false;
	for (i = 0; i < ARRAY_SIZE(no); i++)
		if (d->exec == no[i])
			return false;
	return true;
}

static u64 interesting(struct rng *r)
{
	static const u64 edge[] = { 0,
				    1,
				    2,
				    7,
				    8,
				    0x7f,
				    0x80,
				    0xff,
				    0x7fff,
				    0x8000,
				    0xffff,
				    0x7fffffff,
				    0x80000000,
				    0xffffffff,
				    0x7fffffffffffffff,
				    0x8000000000000000,
				    -1ULL,
				    -2ULL,
				    31,
				    32,
				    33,
				    63,
				    64 };
	u64 v = rng(r);

	switch (v & 7) {
	case 0:
	case 1:
		return edge[(v >> 8) % ARRAY_SIZE(edge)];
	case 2:
		return (v >> 8) & 0xff;
	case 3:
		return (s64)v >> 40;
	case 4:
		return (v >> 32) << ((v >> 8) & 31);
	}
	return rng(r);
}

/* An address in the window, mostly inside, sometimes across an edge. */
static u64 target(struct rng *r)
{
	u64 v = rng(r);
	u64 off = (v >> 16) % NATIVE_RW;

	if ((v & 7) < 5)
		off &= ~7ULL;
	if ((v >> 8 & 63) == 0)
		off = ((v >> 40) & 1 ? NATIVE_RW : NATIVE_SIZE) - (v >> 42 & 31);
	if ((v >> 8 & 127) == 2)
		off = 0x1000 - (v >> 42 & 31);
	return NATIVE_DATA + off;
}

void random_bytes(struct rng *r, void *buf, unsigned int len)
{
	u8 *p = buf;
	u64 v;

	for (; len >= 8; len -= 8, p += 8) {
		v = rng(r);
		memcpy(p, &v, 8);
	}
}

static void gen_insn(struct rng *r, struct fuzz_case *fc)
{
	u64 v = rng(r);
	u8 *p = fc->insn;
	bool x64 = fc->mode == NATIVE_LONG;
	unsigned int kind;

	random_bytes(r, p, 16);
	if ((v & 3) == 0)
		*p++ = 0x66;
	if ((v >> 2 & 15) == 0)
		*p++ = 0x67;
	if ((v >> 6 & 7) == 0)
		*p++ = (v >> 9 & 1) ? 0xf2 : 0xf3;
	if ((v >> 10 & 15) == 0)
		*p++ = 0xf0;
	if ((v >> 14 & 31) == 0)
		*p++ = (v >> 19 & 1) ? 0x65 : 0x36;
	if (x64 && (v >> 20 & 1))
		*p++ = 0x40 | (v >> 21 & 15);
	kind = v >> 32 & 31;
	if (kind < 12) {
		/* one byte */
	} else if (kind < 20) {
		*p++ = 0x0f;
	} else if (kind < 22) {
		*p++ = 0x0f;
		*p++ = 0x38;
		if (v >> 40 & 1)
			*p = 0xf0 | (*p & 7);
	} else if (kind < 23) {
		*p++ = 0x0f;
		*p++ = 0x3a;
	} else if (kind < 25) {
		p = fc->insn;
		*p++ = 0xc5;
		*p++ |= x64 && (v >> 40 & 1) ? 0 : (v >> 41 & 1) ? 0xf8 : 0xc0;
	} else if (kind < 28) {
		p = fc->insn;
		*p++ = 0xc4;
		*p = (*p & (x64 ? 0xe0 : 0x20)) | (x64 ? 0 : 0xc0) | (1 + (v >> 44) % 3);
		p++;
		*p++ |= (v >> 48 & 1) ? 0x78 : 0;
		if ((p[-2] & 0x1f) == 2 && (v >> 49 & 1))
			*p = 0xf0 | (*p & 7);
	} else if (kind < 30) {
		*p++ = 0xd8 | (v >> 50 & 7);
	}
}

static void gen_x87(struct rng *r, struct native_regs *n)
{
	u16 *w = (u16 *)n->fx;
	unsigned int i;
	u32 mxcsr = 0x1f80;

	memset(n->fx, 0, 160);
	w[0] = 0x37f;
	if (rng_below(r, 3) == 0)
		w[0] = (rng(r) & 0xf3f) | 0x40;
	w[1] = rng(r) & 0x7f3f;
	if (rng_below(r, 4))
		w[1] &= 0x7f00;
	if (w[1] & ~w[0] & 0x3f)
		w[1] |= 0x8080;
	n->fx[4] = rng_below(r, 4) ? 0xff : rng(r);
	for (i = 0; i < 8; i++) {
		u64 m = rng(r) | (rng_below(r, 8) ? 1ULL << 63 : 0);
		u16 se = rng(r);

		switch (rng_below(r, 8)) {
		case 0:
			se = (se & 0x8000) | 0x7fff;
			m &= rng_below(r, 2) ? 1ULL << 63 : ~0ULL;
			break;
		case 1:
			m = 0;
			se &= 0x8000;
			break;
		case 2:
			se &= 0x8000;
			break;
		case 3:
			m = (m & ~em_mask(rng_below(r, 8))) | 1ULL << 63;
			se = (se & 0x8000) | (16383 - 8 + rng_below(r, 80));
			break;
		case 4:
			se = (se & 0x8000) | (16383 - 160 + rng_below(r, 320));
			break;
		case 5:
			se = (se & 0x8000) | (16383 - 1100 + rng_below(r, 2200));
			break;
		}
		memcpy(n->fx + 32 + i * 16, &m, 8);
		memcpy(n->fx + 40 + i * 16, &se, 2);
	}
	memcpy(n->fx + 24, &mxcsr, 4);
	mxcsr = 0x2ffff;
	memcpy(n->fx + 28, &mxcsr, 4);
}

u64 mode_mask(const struct fuzz_case *fc)
{
	return fc->mode == NATIVE_LONG ? ~0ULL : 0xffffffff;
}

static u64 seg_base(const struct fuzz_case *fc, unsigned int sreg)
{
	if (fc->mode == NATIVE_LONG)
		return sreg == EMUL_GS ? NATIVE_GS_BASE : 0;
	if (fc->mode == NATIVE_16 && (sreg == EMUL_DS || sreg == EMUL_ES))
		return NATIVE_DATA;
	return 0;
}

/* Replace the 4 (or 8) bytes of a displacement by another one. */
static bool patch_disp(struct fuzz_case *fc, u64 old, u64 new, unsigned int bytes)
{
	unsigned int i;

	for (i = 1; i + bytes <= fc->len; i++) {
		if (memcmp(fc->insn + i, &old, bytes))
			continue;
		memcpy(fc->insn + i, &new, bytes);
		return true;
	}
	return false;
}

/* Make the memory operand point into the window. */
static void aim(struct rng *r, struct fuzz_case *fc)
{
	struct emul_insn *insn = &ctxt.insn;
	u64 want = target(r) - seg_base(fc, insn->seg), ea = em_ea(&ctxt);
	u64 delta = want - ea, mask = em_mask(insn->ad_bytes);

	if (insn->base < 16) {
		u64 *reg = &fc->in.gpr[insn->base];

		/* An index that is the same register moves, too; leave that to luck. */
		*reg = ((*reg + delta) & mask) | (*reg & ~mask);
		*reg &= mode_mask(fc);
	} else if (insn->index < 16) {
		u64 *reg = &fc->in.gpr[insn->index];

		*reg = ((*reg + (delta >> insn->scale)) & mask) & mode_mask(fc);
	} else {
		unsigned int bytes = insn->ad_bytes == 2 ? 2 : 4;

		if (!insn->map && (insn->opcode & 0xfc) == 0xa0)
			bytes = insn->ad_bytes;
		patch_disp(fc, insn->disp, insn->disp + delta, bytes);
	}
}

/* Registers that the instruction uses without saying so. */
static void prepare_implicit(struct rng *r, struct fuzz_case *fc)
{
	const struct emul_desc *d = ctxt.insn.desc;
	u64 *g = fc->in.gpr, mask = em_mask(ctxt.insn.ad_bytes);

	if (d->flags & F_REPSTR) {
		g[EMUL_RSI] = (target(r) - seg_base(fc, ctxt.insn.seg)) & mode_mask(fc);
		g[EMUL_RDI] = (target(r) - seg_base(fc, EMUL_ES)) & mode_mask(fc);
		g[EMUL_RCX] = rng_below(r, 20);
		if (rng_below(r, 16) == 0)
			g[EMUL_RCX] = rng_below(r, 700);
		if (mask != ~0ULL && rng_below(r, 4) == 0)
			g[EMUL_RCX] |= rng(r) & ~mask & mode_mask(fc);
	} else if (d->exec == em_xlat) {
		g[EMUL_RBX] =
			((target(r) - seg_base(fc, ctxt.insn.seg)) & mode_mask(fc)) - (u8)g[0];
		g[EMUL_RBX] &= mode_mask(fc);
	} else if (d->exec == em_maskmov) {
		g[EMUL_RDI] = (target(r) - seg_base(fc, ctxt.insn.seg)) & mode_mask(fc);
	} else if (d->exec == em_bt && (d->aux & 0x10)) {
		if (rng_below(r, 2))
			g[ctxt.insn.reg] = (rng(r) & 0xfff) & mode_mask(fc);
		else
			g[ctxt.insn.reg] = -(rng(r) & 0x7ff) & mode_mask(fc);
	} else if (d->exec == em_leave) {
		g[EMUL_RBP] = target(r);
	} else if (d->exec == em_enter) {
		g[EMUL_RBP] = target(r);
		g[EMUL_RSP] = NATIVE_DATA + 0x1800 + (rng(r) & 0x7f8);
		if (rng_below(r, 8))
			fc->insn[fc->len - 2] &= 7;
		if (rng_below(r, 2))
			fc->insn[fc->len - 1] &= 3;
	} else if (d->exec == em_cmpxchg || d->exec == em_cmpxchg8b) {
		/* Sometimes equal. */
		u64 lin = em_ea(&ctxt) + seg_base(fc, ctxt.insn.seg) - NATIVE_DATA;

		if (ctxt.insn.mem && rng_below(r, 2) && lin + 16 <= NATIVE_SIZE &&
		    ctxt.insn.base != 0) {
			memcpy(&g[EMUL_RAX], shadow + lin, 8);
			if (d->exec == em_cmpxchg8b) {
				memcpy(&g[EMUL_RDX],
				       shadow + lin + ((ctxt.insn.rex & REX_W) ? 8 : 4), 8);
				if (!(ctxt.insn.rex & REX_W)) {
					g[EMUL_RAX] &= 0xffffffff;
					g[EMUL_RDX] &= 0xffffffff;
				}
			}
			g[EMUL_RAX] &= mode_mask(fc);
			g[EMUL_RDX] &= mode_mask(fc);
		}
	} else if (d->exec == em_div && rng_below(r, 2)) {
		g[EMUL_RDX] = rng_below(r, 2) ? 0 : interesting(r) >> 40;
	}
}

static bool is_branch(const struct emul_desc *d)
{
	return d->exec == em_jcc || d->exec == em_jmp || d->exec == em_call || d->exec == em_ret ||
	       d->exec == em_loop || d->exec == em_jcxz;
}

/* Values in memory that must not be random: where a branch goes, flags that trap.  False: they cannot be placed. */
static bool prepare_memory(struct rng *r, struct fuzz_case *fc)
{
	const struct emul_desc *d = ctxt.insn.desc;
	u64 dest = fc->mode == NATIVE_16 ? NATIVE_TARGET - NATIVE_CODE : NATIVE_TARGET, off, val;
	unsigned int size = ctxt.insn.op_bytes;
	u8 *rw = (u8 *)NATIVE_DATA;

	if (rng_below(r, 64) == 0)
		dest = rng_below(r, 2) ? 1ULL << 47 : 0x1234;
	if (d->exec == em_ret || d->exec == em_popf) {
		off = fc->in.gpr[EMUL_RSP] - NATIVE_DATA;
		val = d->exec == em_ret ? dest : (rng(r) & ~(FL_TF | FL_NT | FL_VM));
	} else if ((d->exec == em_jmp || d->exec == em_call) && d->aux && ctxt.insn.mem) {
		off = em_ea(&ctxt) + seg_base(fc, ctxt.insn.seg) - NATIVE_DATA;
		val = dest;
	} else {
		return true;
	}
	if (off > NATIVE_SIZE || off + size > NATIVE_RW)
		return off >= NATIVE_SIZE;
	memcpy(rw + off, &val, size);
	memcpy(shadow + off, &val, size);
	return true;
}

static void prepare_branch(struct rng *r, struct fuzz_case *fc)
{
	const struct emul_insn *insn = &ctxt.insn;
	u64 dest = fc->mode == NATIVE_16 ? NATIVE_TARGET - NATIVE_CODE : NATIVE_TARGET;

	if (!is_branch(insn->desc) || insn->desc->exec == em_ret)
		return;
	if (insn->desc->aux && insn->desc->exec != em_loop) {
		if (!insn->mem)
			fc->in.gpr[insn->rm] = rng_below(r, 64) ? dest : 1ULL << 47;
		return;
	}
	/* The displacement is the end of the instruction. */
	dest -= ctxt.next_rip;
	if (insn->desc->op[0] == O_Jb)
		fc->insn[fc->len - 1] = dest;
	else
		memcpy(fc->insn + fc->len - (insn->op_bytes == 2 ? 2 : 4), &dest,
		       insn->op_bytes == 2 ? 2 : 4);
}

/*
 * LOCK before VERW of memory must be #UD (SDM vol. 2A, LOCK: "if the LOCK prefix is used with an instruction not listed").
 * AMD's processors since Zen 3 carry it out; of all instructions that LOCK is not for, only this one.
 */
static bool locked_verw(const struct emul_insn *insn)
{
	return insn->map == 1 && insn->opcode == 0 && (insn->modrm & 0x38) == 0x28 && insn->mem &&
	       (insn->pfx & P_LOCK);
}

bool gen_case(struct rng *r, struct fuzz_case *fc, const char *only)
{
	const struct emul_desc *d;
	enum emul_result res;
	unsigned int i;
	u64 v = rng(r);

	fc->mode = (v & 7) < 4 ? NATIVE_LONG : (v & 7) < 6 ? NATIVE_32 : NATIVE_16;
	gen_insn(r, fc);
	for (i = 0; i < 16; i++)
		fc->in.gpr[i] = interesting(r) & mode_mask(fc);
	fc->in.gpr[EMUL_RSP] = target(r);
	fc->in.rflags = (v >> 8 & (FL_ARITH | FL_DF)) | FL_FIXED | FL_IF;
	if ((v >> 40 & 31) == 0)
		fc->in.rflags |= FL_AC;
	fc->vec = false;
	fc->x87 = false;
	begin(fc);
	res = emul_decode(&ctxt);
	if (res != EMUL_DONE) {
		/* Undefined, say we.  That it has no other effect natively is for the sandbox to see. */
		fc->len = 15;
		if (ctxt.insn.map == 1 && ctxt.insn.opcode == 1 && ctxt.insn.modrm == 0xc1)
			return false; /* VMCALL: whoever runs this machine may think otherwise */
		if (only || locked_verw(&ctxt.insn))
			return false;
		return ctxt.fault.vector == EMUL_UD && (v >> 48 & 3) == 0;
	}
	d = ctxt.insn.desc;
	if (only && strncmp(d->name, only, strlen(only)))
		return false;
	fc->len = ctxt.insn.len;
	/* REP before LOOPNE makes LOOPE of it (and the other way round) on some processors; both call it reserved. */
	if (d->exec == em_loop && ctxt.insn.rep)
		return false;
	/* A feature that is not offered may be there all the same. */
	if (d->feature && !(host_features & BIT_ULL(d->feature)))
		return false;
	if (!differ_wants(d) || ((ctxt.insn.pfx & P_SEG) && ctxt.insn.seg == EMUL_FS))
		return false;
	if (ctxt.insn.mem)
		aim(r, fc);
	begin(fc);
	/* What looked like the displacement may have been the opcode. */
	if (emul_decode(&ctxt) != EMUL_DONE || ctxt.insn.desc != d || ctxt.insn.len != fc->len)
		return false;
	prepare_implicit(r, fc);
	if (!prepare_memory(r, fc))
		return false;
	prepare_branch(r, fc);
	if (d->flags & (F_SSE | F_MMX) || d->exec == em_fxsave || d->exec == em_fxrstor) {
		fc->vec = true;
		for (i = 0; i < 16; i++)
			random_bytes(r, fc->in.vec[i], 32);
	}
	if ((d->flags & (F_FPU | F_MMX)) || d->exec == em_fwait || d->exec == em_mxcsr) {
		fc->x87 = true;
		gen_x87(r, &fc->in);
	}
	return true;
}
