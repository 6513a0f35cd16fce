// SPDX-License-Identifier: GPL-2.0-only
/*
 * Differential fuzzing: the emulator against the processor that this runs on.
 *
 *	differ [-s SEED|new]... [-n CASES] [-t SECONDS] [-v]
 *
 * A case is one user-mode instruction, drawn from the instruction table, with random registers, flags and memory, in
 * 64-bit, 32-bit or 16-bit code.  It is run in the emulator on a copy of the memory and then natively (native.c), and all
 * of it is compared: registers, defined flags, memory, vectors, x87 state; or the fault with its error code and address.
 * What reaches outside the window, or is not for user mode to try, is not run.
 *
 * A mismatch is made small (registers that do not matter become 0) and printed as an entry for test_emulate_cases.c.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emulate/rows.h"
#include "native.h"
#include "rng.h"

struct result {
	bool fault;
	bool branch;
	struct native_fault f;
	struct native_regs r;
};

struct fuzz_case {
	u8 insn[16];
	u8 len;
	u8 mode;
	bool vec;
	bool x87;
	struct native_regs in;
};

/* Shared with the parent, which reports what killed the child. */
struct shared {
	struct fuzz_case cur;
	u64 cases, faults, branches, skipped, undefined, mismatches;
	u64 covered, rows;
	u64 index;
};

static struct shared *sh;
static struct emul_ctxt ctxt;
static u8 *shadow; /* the emulator's copy of the window */
static struct native_regs emu; /* vectors and x87 state while it runs */
static bool wild; /* it left the window */
static bool verbose;
static u64 host_features, xcr0;

/* Undo log of the shadow. */
static struct {
	u32 off, len;
	u8 old[64];
} undo[4096];
static unsigned int nr_undo;

static const u8 modes[] = { EMUL_MODE_LONG, EMUL_MODE_PROT32, EMUL_MODE_PROT16 };

/* ---- the emulator's surroundings ---- */

static enum emul_result page_check(struct emul_ctxt *c, u64 lin, unsigned int len, bool write)
{
	unsigned int i, n;
	u64 off;

	for (i = 0; i < len; i += n, lin += n) {
		n = 0x1000 - (lin & 0xfff);
		if (n > len - i)
			n = len - i;
		off = lin - NATIVE_DATA;
		if (off < (write ? NATIVE_RW : NATIVE_SIZE))
			continue;
		if (off < NATIVE_SIZE)
			return emul_raise_pf(c, lin, 7);
		if (off >= NATIVE_SIZE + NATIVE_GUARD && off < -NATIVE_GUARD)
			wild = true;
		return emul_raise_pf(c, lin, 4 | (write ? 2 : 0));
	}
	return EMUL_DONE;
}

static enum emul_result op_fetch(struct emul_ctxt *c, u64 lin, void *buf, unsigned int len)
{
	wild = true;
	return EMUL_UNHANDLED;
}

static enum emul_result op_read(struct emul_ctxt *c, u64 lin, void *buf, unsigned int len,
				unsigned int acc)
{
	TRY(page_check(c, lin, len, acc & EMUL_A_WRITE));
	memcpy(buf, shadow + (lin - NATIVE_DATA), len);
	return EMUL_DONE;
}

static void put(u64 lin, const void *buf, unsigned int len)
{
	unsigned int off = lin - NATIVE_DATA;

	if (nr_undo == ARRAY_SIZE(undo)) {
		wild = true;
		return;
	}
	undo[nr_undo].off = off;
	undo[nr_undo].len = len;
	memcpy(undo[nr_undo++].old, shadow + off, len);
	memcpy(shadow + off, buf, len);
}

static enum emul_result op_write(struct emul_ctxt *c, u64 lin, const void *buf, unsigned int len,
				 unsigned int acc)
{
	TRY(page_check(c, lin, len, true));
	put(lin, buf, len);
	return EMUL_DONE;
}

static enum emul_result op_cmpxchg(struct emul_ctxt *c, u64 lin, const void *old, const void *new,
				   unsigned int len, unsigned int acc)
{
	TRY(page_check(c, lin, len, true));
	if (memcmp(shadow + (lin - NATIVE_DATA), old, len))
		return EMUL_RETRY;
	put(lin, new, len);
	return EMUL_DONE;
}

static enum emul_result op_probe(struct emul_ctxt *c, u64 lin, unsigned int len, unsigned int acc)
{
	return page_check(c, lin, len, acc & EMUL_A_WRITE);
}

static unsigned int bulk_len(u64 lin, unsigned int len, u64 size)
{
	u64 off = lin - NATIVE_DATA;

	return off < size && off + len <= size ? len : 0;
}

static unsigned int op_bulk_read(struct emul_ctxt *c, u64 lin, void *buf, unsigned int len,
				 unsigned int unit)
{
	len = bulk_len(lin, len, NATIVE_SIZE);
	if (len)
		memcpy(buf, shadow + (lin - NATIVE_DATA), len);
	return len;
}

static unsigned int op_bulk_write(struct emul_ctxt *c, u64 lin, const void *buf, unsigned int len,
				  unsigned int unit)
{
	unsigned int i;

	len = bulk_len(lin, len, NATIVE_RW);
	for (i = 0; buf && i < len; i += 8)
		put(lin + i, (const u8 *)buf + i, len - i < 8 ? len - i : 8);
	return len;
}

static void op_get_seg(struct emul_ctxt *c, enum emul_sreg sreg, struct emul_seg *seg)
{
	bool m16 = c->mode == EMUL_MODE_PROT16;

	*seg = (struct emul_seg){ .selector = 0x2b, .limit = 0xffffffff, .attr = 0xcf3 };
	switch (sreg) {
	case EMUL_CS:
		seg->selector = c->mode == EMUL_MODE_LONG ? 0x33 : m16 ? NATIVE_CS16 : 0x23;
		seg->attr = c->mode == EMUL_MODE_LONG ? 0xafb : m16 ? 0x0fb : 0xcfb;
		if (m16) {
			seg->base = NATIVE_CODE;
			seg->limit = 0xfff;
		}
		break;
	case EMUL_DS:
	case EMUL_ES:
		if (m16) {
			seg->selector = NATIVE_DS16;
			seg->base = NATIVE_DATA;
			seg->limit = NATIVE_16_LIMIT;
			seg->attr = 0x0f3;
		}
		break;
	case EMUL_FS:
	case EMUL_GS:
		seg->selector = 0;
		seg->attr = EMUL_SEG_UNUSABLE;
		seg->base = sreg == EMUL_GS ? NATIVE_GS_BASE : 0;
		break;
	case EMUL_TR:
	case EMUL_LDTR:
		seg->attr = 0x8b;
		seg->limit = 0x20;
		break;
	default:
		break;
	}
}

static void op_set_seg(struct emul_ctxt *c, enum emul_sreg sreg, const struct emul_seg *seg)
{
	wild = true;
}

static u64 op_get_cr(struct emul_ctxt *c, unsigned int nr)
{
	if (nr == 0)
		return CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_AM | CR0_PG;
	return CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_FSGSBASE | CR4_OSXSAVE;
}

static enum emul_result op_set_cr(struct emul_ctxt *c, unsigned int nr, u64 val)
{
	wild = true;
	return EMUL_UNHANDLED;
}

static enum emul_result op_get_msr(struct emul_ctxt *c, u32 index, u64 *val)
{
	*val = index == EM_MSR_EFER ? EFER_SCE | EFER_LME | EFER_LMA : 0;
	return EMUL_DONE;
}

static enum emul_result op_get_xcr(struct emul_ctxt *c, u32 index, u64 *val)
{
	*val = xcr0;
	return EMUL_DONE;
}

static void op_vec_read(struct emul_ctxt *c, unsigned int reg, void *buf, unsigned int len)
{
	memcpy(buf, emu.vec[reg & 15], len);
}

static void op_vec_write(struct emul_ctxt *c, unsigned int reg, const void *buf, unsigned int len,
			 bool zext)
{
	memcpy(emu.vec[reg & 15], buf, len);
	if (zext)
		memset(emu.vec[reg & 15] + len, 0, 32 - len);
}

static void op_fx_read(struct emul_ctxt *c, void *buf, unsigned int len)
{
	unsigned int i;

	memcpy(buf, emu.fx, len);
	for (i = 0; len == 512 && i < 16; i++)
		memcpy((u8 *)buf + 160 + i * 16, emu.vec[i], 16);
}

static void op_fx_write(struct emul_ctxt *c, const void *buf, unsigned int len)
{
	memcpy(emu.fx, buf, len);
}

static const struct emul_ops ops = {
	.fetch = op_fetch,
	.read = op_read,
	.write = op_write,
	.compare_xchg = op_cmpxchg,
	.probe = op_probe,
	.bulk_read = op_bulk_read,
	.bulk_write = op_bulk_write,
	.get_seg = op_get_seg,
	.set_seg = op_set_seg,
	.get_cr = op_get_cr,
	.set_cr = op_set_cr,
	.get_msr = op_get_msr,
	.get_xcr = op_get_xcr,
	.vec_read = op_vec_read,
	.vec_write = op_vec_write,
	.fx_read = op_fx_read,
	.fx_write = op_fx_write,
};

static bool host_cpuid(u32 leaf, u32 *r)
{
	u32 max;

	asm volatile("cpuid" : "=a"(max) : "a"(leaf & 0x80000000) : "ebx", "ecx", "edx");
	if (leaf > max)
		return false;
	asm volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
	return true;
}

static void detect_features(void)
{
	static const struct {
		u32 leaf;
		u8 reg, bit, feature;
	} map[] = {
		{ 1, 3, 23, EMUL_F_MMX },
		{ 1, 3, 24, EMUL_F_FXSR },
		{ 1, 3, 25, EMUL_F_SSE },
		{ 1, 3, 26, EMUL_F_SSE2 },
		{ 1, 3, 8, EMUL_F_CX8 },
		{ 1, 3, 15, EMUL_F_CMOV },
		{ 1, 3, 11, EMUL_F_SEP },
		{ 1, 3, 19, EMUL_F_CLFLUSH },
		{ 1, 2, 0, EMUL_F_SSE3 },
		{ 1, 2, 9, EMUL_F_SSSE3 },
		{ 1, 2, 13, EMUL_F_CX16 },
		{ 1, 2, 19, EMUL_F_SSE41 },
		{ 1, 2, 20, EMUL_F_SSE42 },
		{ 1, 2, 22, EMUL_F_MOVBE },
		{ 1, 2, 23, EMUL_F_POPCNT },
		{ 1, 2, 26, EMUL_F_XSAVE },
		{ 1, 2, 28, EMUL_F_AVX },
		{ 7, 1, 0, EMUL_F_FSGSBASE },
		{ 7, 1, 3, EMUL_F_BMI1 },
		{ 7, 1, 5, EMUL_F_AVX2 },
		{ 7, 1, 8, EMUL_F_BMI2 },
		{ 7, 1, 19, EMUL_F_ADX },
		{ 7, 1, 20, EMUL_F_SMAP },
		{ 7, 1, 23, EMUL_F_CLFLUSHOPT },
		{ 7, 1, 24, EMUL_F_CLWB },
		{ 7, 2, 27, EMUL_F_MOVDIRI },
		{ 7, 1, 10, EMUL_F_INVPCID },
		{ 0x80000001, 2, 0, EMUL_F_LAHF64 },
		{ 0x80000001, 2, 5, EMUL_F_LZCNT },
		{ 0x80000001, 2, 8, EMUL_F_PREFETCHW },
		{ 0x80000001, 2, 6, EMUL_F_SSE4A },
		{ 0x80000001, 3, 11, EMUL_F_SYSCALL },
		{ 0x80000001, 2, 4, EMUL_F_ALTMOVCR8 },
	};
	u32 r[4], i, lo, hi;

	for (i = 0; i < ARRAY_SIZE(map); i++) {
		if (!host_cpuid(map[i].leaf, r))
			continue;
		if (r[map[i].reg] & (1u << map[i].bit))
			host_features |= BIT_ULL(map[i].feature);
	}
	host_cpuid(0, r);
	if (r[1] == 0x756e6547)
		host_features |= BIT_ULL(EMUL_F_INTEL);
	if (host_features & BIT_ULL(EMUL_F_XSAVE)) {
		asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
		xcr0 = lo;
	}
}

/* ---- what is covered ---- */

#define MAX_ROWS 8192

static const struct emul_desc *rows[MAX_ROWS];
static bool row_seen[MAX_ROWS];
static unsigned int nr_rows;

/* Not for this fuzzer: they change what the harness stands on, or user mode cannot do them. */
static bool excluded(const struct emul_desc *d)
{
	static const emul_exec_fn no[] = {
		em_int,	    em_into,	 em_mov_to_sreg, em_pop_sreg, em_load_far_ptr,
		em_jmp_far, em_call_far, em_ret_far,	 em_iret,     em_sgdt,
		em_smsw,    em_sldt,	 em_fsgsbase,	 em_lar,      em_lsl,
		em_verr,    em_xcr,	 em_syscall,	 em_sysenter,
	};
	unsigned int i;

	if (!d->exec || (d->flags & F_DIRTY))
		return true;
	for (i = 0; i < ARRAY_SIZE(no); i++)
		if (d->exec == no[i])
			return true;
	return false;
}

static void list_rows(const struct emul_desc *d)
{
	static const u8 size[] = { [ROW_REG] = 8,  [ROW_RM] = 8,  [ROW_MOD] = 2, [ROW_PFX] = 4,
				   [ROW_MODE] = 2, [ROW_VEX] = 2, [ROW_W] = 2 };
	unsigned int i;

	if (d->row == ROW_UNDEF)
		return;
	if (d->row == ROW_INSN) {
		if (!excluded(d) && nr_rows < MAX_ROWS)
			rows[nr_rows++] = d;
		return;
	}
	for (i = 0; i < size[d->row]; i++)
		list_rows(&d->sub[i]);
}

static int by_address(const void *a, const void *b)
{
	const struct emul_desc *x = *(const struct emul_desc *const *)a,
			       *y = *(const struct emul_desc *const *)b;

	return x < y ? -1 : x > y;
}

static void cover(const struct emul_desc *d)
{
	const struct emul_desc **p = bsearch(&d, rows, nr_rows, sizeof(rows[0]), by_address);

	if (p && !row_seen[p - rows]) {
		row_seen[p - rows] = true;
		sh->covered++;
	}
}

/* ---- cases ---- */

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

static void random_bytes(struct rng *r, void *buf, unsigned int len)
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

static u64 mode_mask(const struct fuzz_case *fc)
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

static void begin(const struct fuzz_case *fc)
{
	memcpy(ctxt.gpr, fc->in.gpr, sizeof(ctxt.gpr));
	ctxt.rflags = fc->in.rflags;
	ctxt.rip = fc->mode == NATIVE_16 ? NATIVE_INSN - NATIVE_CODE : NATIVE_INSN;
	ctxt.mode = modes[fc->mode];
	ctxt.cpl = 3;
	ctxt.int_shadow = 0;
	emul_begin(&ctxt);
	emul_preset_bytes(&ctxt, fc->insn, 15);
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

/* Build a case around random bytes.  False: not one to run. */
static bool gen_case(struct rng *r, struct fuzz_case *fc)
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
		if (ctxt.insn.map == 1 && ctxt.insn.opcode == 0 && (ctxt.insn.pfx & P_LOCK))
			return false; /* LOCK VERW: AMD's processors carry it out */
		return ctxt.fault.vector == EMUL_UD && (v >> 48 & 3) == 0;
	}
	d = ctxt.insn.desc;
	fc->len = ctxt.insn.len;
	/* REP before LOOPNE makes LOOPE of it (and the other way round) on some processors; both call it reserved. */
	if (d->exec == em_loop && ctxt.insn.rep)
		return false;
	/* A feature that is not offered may be there all the same. */
	if (d->feature && !(host_features & BIT_ULL(d->feature)))
		return false;
	if (excluded(d) || ((ctxt.insn.pfx & P_SEG) && ctxt.insn.seg == EMUL_FS))
		return false;
	if (ctxt.insn.mem)
		aim(r, fc);
	begin(fc);
	if (emul_decode(&ctxt) != EMUL_DONE)
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

static void roll_back(void)
{
	while (nr_undo) {
		nr_undo--;
		memcpy(shadow + undo[nr_undo].off, undo[nr_undo].old, undo[nr_undo].len);
	}
}

/* Can the processor go there without harm?  The two exits, or where it faults at once. */
static bool safe_rip(const struct fuzz_case *fc, u64 rip, bool *branch)
{
	u64 base = fc->mode == NATIVE_16 ? NATIVE_CODE : 0;

	*branch = base + rip == NATIVE_TARGET;
	if (*branch || base + rip == NATIVE_INSN + fc->len)
		return true;
	return rip < 0x10000 && fc->mode != NATIVE_16;
}

static bool emulate(const struct fuzz_case *fc, struct result *res)
{
	enum emul_result er;
	unsigned int i;

	wild = false;
	nr_undo = 0;
	begin(fc);
	if (fc->vec)
		memcpy(emu.vec, fc->in.vec, sizeof(emu.vec));
	if (fc->x87)
		memcpy(emu.fx, fc->in.fx, 160);
	for (i = 0; i < 64; i++) {
		er = emul_run(&ctxt);
		if (er != EMUL_MORE)
			break;
		emul_begin(&ctxt);
		emul_preset_bytes(&ctxt, fc->insn, 15);
	}
	if (wild || (er != EMUL_DONE && er != EMUL_FAULT))
		return false;
	memcpy(res->r.gpr, ctxt.gpr, sizeof(ctxt.gpr));
	res->r.rflags = ctxt.rflags;
	res->r.rip = ctxt.rip;
	res->fault = er == EMUL_FAULT;
	res->branch = false;
	if (fc->vec)
		memcpy(res->r.vec, emu.vec, sizeof(emu.vec));
	if (fc->x87)
		memcpy(res->r.fx, emu.fx, 512);
	if (res->fault) {
		res->f.vector = ctxt.fault.vector;
		res->f.error = ctxt.fault.error;
		res->f.cr2 = ctxt.fault.addr;
		return true;
	}
	return safe_rip(fc, ctxt.rip, &res->branch);
}

static void run_native(const struct fuzz_case *fc, struct result *res)
{
	enum native_end end;
	unsigned int i;

	res->r = fc->in;
	if (fc->x87 && fc->vec)
		for (i = 0; i < 16; i++)
			memcpy(res->r.fx + 160 + i * 16, fc->in.vec[i], 16);
	end = native_run(fc->mode, &res->r, fc->insn, fc->len, fc->vec, fc->x87, &res->f);
	res->fault = end == NATIVE_FAULT;
	res->branch = end == NATIVE_BRANCH;
	if (!res->fault) {
		res->r.rip = res->branch ? NATIVE_TARGET : NATIVE_INSN + fc->len;
		if (fc->mode == NATIVE_16)
			res->r.rip -= NATIVE_CODE;
	}
}

/* Arithmetic flags that the manuals define after this instruction. */
static u64 defined_flags(const struct fuzz_case *fc)
{
	const struct emul_desc *d = ctxt.insn.desc;
	unsigned int bytes = em_opsize(&ctxt, 0), count;
	emul_exec_fn f = d->exec;
	u64 undef = 0;

	if (f == em_shift) {
		count = d->op[1] == O_CL  ? fc->in.gpr[EMUL_RCX] :
			d->op[1] == O_One ? 1 :
					    ctxt.insn.imm;
		count &= bytes == 8 ? 63 : 31;
		if (!count)
			return FL_ARITH;
		if (count != 1)
			undef |= FL_OF;
		if (d->aux >= 4)
			undef |= FL_AF;
		if (d->aux >= 4 && d->aux != 7 && count >= bytes * 8)
			undef |= FL_CF;
	} else if (f == em_shld) {
		count = d->op[2] == O_CL ? fc->in.gpr[EMUL_RCX] : ctxt.insn.imm;
		count &= bytes == 8 ? 63 : 31;
		if (!count)
			return FL_ARITH;
		undef = FL_AF;
		if (count != 1)
			undef |= FL_OF;
		if (count > bytes * 8)
			undef = FL_ARITH;
	} else if (f == em_mul || f == em_imul) {
		undef = FL_SF | FL_ZF | FL_AF | FL_PF;
	} else if (f == em_div) {
		undef = FL_ARITH;
	} else if (f == em_bt) {
		undef = FL_OF | FL_SF | FL_AF | FL_PF;
	} else if (f == em_bsf) {
		undef = FL_ARITH & ~FL_ZF;
	} else if (f == em_count && d->aux) {
		undef = FL_OF | FL_SF | FL_AF | FL_PF;
	} else if (f == em_aam || f == em_aad) {
		undef = FL_OF | FL_AF | FL_CF;
	} else if (f == em_daa) {
		undef = FL_OF;
	} else if (f == em_aaa) {
		undef = FL_OF | FL_SF | FL_ZF | FL_PF;
	} else if (f == em_test || (f == em_alu && (d->aux == 1 || d->aux == 4 || d->aux == 6))) {
		undef = FL_AF;
	} else if (f == em_andn || f == em_bls) {
		undef = FL_AF | FL_PF;
	} else if (f == em_bextr) {
		undef = d->aux ? FL_AF | FL_PF : FL_AF | FL_SF | FL_PF;
	}
	return FL_ARITH & ~undef;
}

/* What differs, or NULL. */
static const char *compare(const struct fuzz_case *fc, const struct result *e,
			   const struct result *n)
{
	u64 flags = FL_DF | FL_AC | FL_ID | FL_NT | FL_IF | FL_IOPL, mask = mode_mask(fc);
	unsigned int i;

	/* A branch to where nothing is: natively the fetch has faulted. */
	if (!e->fault && n->fault && !e->branch && e->r.rip == n->r.rip && n->r.rip < 0x10000) {
		flags |= 0;
	} else {
		if (e->fault != n->fault)
			return "one faults";
		if (e->fault) {
			if (e->f.vector != n->f.vector)
				return "vector";
			if (e->f.error != n->f.error)
				return "error code";
			if (e->f.vector == EMUL_PF && e->f.cr2 != n->f.cr2)
				return "CR2";
		}
	}
	if (e->r.rip != n->r.rip)
		return "rip";
	for (i = 0; i < 16; i++)
		if ((e->r.gpr[i] ^ n->r.gpr[i]) & mask)
			return "register";
	if (ctxt.decoded)
		flags |= defined_flags(fc);
	if ((e->r.rflags ^ n->r.rflags) & flags)
		return "flags";
	if (memcmp(shadow, (void *)NATIVE_DATA, NATIVE_SIZE))
		return "memory";
	if (fc->vec && memcmp(e->r.vec, n->r.vec, fc->mode == NATIVE_LONG ? 512 : 256))
		return "vector register";
	if (fc->x87) {
		if (memcmp(e->r.fx, n->r.fx, 5))
			return "x87 control or status";
		if (memcmp(e->r.fx + 24, n->r.fx + 24, 4))
			return "MXCSR";
		for (i = 0; i < 8; i++)
			if (memcmp(e->r.fx + 32 + i * 16, n->r.fx + 32 + i * 16, 10))
				return "x87 register";
	}
	return NULL;
}

/*
 * CMPS with two operands that fault: which one is found first is each processor's own matter, and may change with REP.  The
 * emulator found the first one; what the processor found must be the fault of the other.
 */
static bool other_operand(const struct fuzz_case *fc, const struct result *n)
{
	unsigned int size;
	bool fault;
	u64 lin;

	if (!ctxt.decoded || ctxt.insn.desc->exec != em_cmps || !n->fault)
		return false;
	begin(fc);
	emul_decode(&ctxt);
	size = em_opsize(&ctxt, 1);
	fault = em_linear(&ctxt, EMUL_ES, fc->in.gpr[EMUL_RDI] & em_mask(ctxt.insn.ad_bytes), size,
			  0, &lin) != EMUL_DONE ||
		em_align(&ctxt, lin, size, 0) != EMUL_DONE ||
		page_check(&ctxt, lin, size, false) != EMUL_DONE;
	return fault && ctxt.fault.vector == n->f.vector && ctxt.fault.error == n->f.error &&
	       (ctxt.fault.vector != EMUL_PF || ctxt.fault.addr == n->f.cr2);
}

/* LOCK before VERR and VERW, which do not take it: AMD's processors find out after they have read memory. */
static bool late_lock(const struct fuzz_case *fc, const struct result *n)
{
	const struct emul_insn *insn = &ctxt.insn;

	return !ctxt.decoded && insn->map == 1 && insn->opcode == 0 && (insn->pfx & P_LOCK) &&
	       n->fault && n->f.vector != EMUL_UD;
}

/* Memory as it was before the native run: the emulator's copy, rolled back. */
static const char *run_both(const struct fuzz_case *fc, struct result *e, struct result *n,
			    bool *ran)
{
	const char *what;

	*ran = false;
	if (!emulate(fc, e)) {
		roll_back();
		return NULL;
	}
	/* Shifting 16 bits by more than 16 is undefined, the result, too. */
	if (ctxt.decoded && ctxt.insn.desc->exec == em_shld && defined_flags(fc) == 0) {
		roll_back();
		return NULL;
	}
	*ran = true;
	run_native(fc, n);
	/* A POPA that faults half way has loaded some registers on some processors. */
	if (e->fault && ctxt.decoded && ctxt.insn.desc->exec == em_popa)
		memcpy(e->r.gpr, n->r.gpr, sizeof(e->r.gpr));
	/* MASKMOVx: whether no byte at all faults, which one is named, and the MMX state then differ between processors. */
	if (n->fault && ctxt.decoded && ctxt.insn.desc->exec == em_maskmov) {
		/* What lies on the first of two pages may be stored. */
		*e = *n;
		memcpy((void *)NATIVE_DATA, shadow, NATIVE_RW);
	}
	/* An undefined opcode may run into the 15-byte limit with operands that we did not look at. */
	if (e->fault && !ctxt.decoded && n->fault && n->f.vector == EMUL_GP && ctxt.insn.pos > 5)
		return NULL;
	what = compare(fc, e, n);
	if (what && e->fault && (late_lock(fc, n) || other_operand(fc, n)))
		return NULL;
	return what;
}

static void restore_memory(void)
{
	roll_back();
	memcpy((void *)NATIVE_DATA, shadow, NATIVE_RW);
}

static void minimize(struct fuzz_case *fc, struct result *e, struct result *n)
{
	struct fuzz_case try;
	unsigned int i;
	bool ran;

	for (i = 0; i < 17; i++) {
		try = *fc;
		if (i < 16)
			try.in.gpr[i] = 0;
		else
			try.in.rflags = FL_FIXED | FL_IF;
		if (run_both(&try, e, n, &ran) && ran)
			*fc = try;
		restore_memory();
	}
	run_both(fc, e, n, &ran);
}

static void print_regs(const char *name, const struct native_regs *r)
{
	unsigned int i;

	printf("\t.%s = { ", name);
	for (i = 0; i < 16; i++)
		if (r->gpr[i])
			printf("[%u] = %#llx, ", i, (unsigned long long)r->gpr[i]);
	printf("},\n\t.%s_rflags = %#llx, .%s_rip = %#llx,\n", name, (unsigned long long)r->rflags,
	       name, (unsigned long long)r->rip);
}

static void report(const struct fuzz_case *fc, const char *what, const struct result *e,
		   const struct result *n)
{
	static const char *const names[] = { "NATIVE_LONG", "NATIVE_32", "NATIVE_16" };
	unsigned int i;
	char text[96];

	emul_print(&ctxt, text, sizeof(text));
	printf("{\t/* %s differs */\n\t.name = \"%s\", .mode = %s, .insn = {", what, text,
	       names[fc->mode]);
	for (i = 0; i < fc->len; i++)
		printf(" 0x%02x,", fc->insn[i]);
	printf(" },\n");
	print_regs("in", &fc->in);
	print_regs("out", &n->r);
	if (n->fault)
		printf("\t.fault = true, .vector = %u, .error = %#x, .cr2 = %#llx,\n", n->f.vector,
		       n->f.error, (unsigned long long)n->f.cr2);
	printf("},\n/* emulated: ");
	for (i = 0; i < 16; i++)
		if (e->r.gpr[i] != n->r.gpr[i])
			printf("[%u] = %#llx, ", i, (unsigned long long)e->r.gpr[i]);
	printf("rflags %#llx rip %#llx", (unsigned long long)e->r.rflags,
	       (unsigned long long)e->r.rip);
	if (e->fault)
		printf(" vector %u error %#x cr2 %#llx", e->f.vector, e->f.error,
		       (unsigned long long)e->f.cr2);
	for (i = 0; i < NATIVE_SIZE; i++) {
		if (shadow[i] != ((u8 *)NATIVE_DATA)[i]) {
			printf(" mem[%#x] %02x, natively %02x", i, shadow[i],
			       ((u8 *)NATIVE_DATA)[i]);
			break;
		}
	}
	if (fc->x87) {
		printf("\n x87 in %04x %04x %02x em %04x %04x %02x nat %04x %04x %02x",
		       *(u16 *)fc->in.fx, ((u16 *)fc->in.fx)[1], fc->in.fx[4], *(u16 *)e->r.fx,
		       ((u16 *)e->r.fx)[1], e->r.fx[4], *(u16 *)n->r.fx, ((u16 *)n->r.fx)[1],
		       n->r.fx[4]);
		for (i = 0; i < 8; i++)
			if (memcmp(e->r.fx + 32 + i * 16, n->r.fx + 32 + i * 16, 10))
				printf(" st%u em %04x:%016llx nat %04x:%016llx", i,
				       *(u16 *)(e->r.fx + 40 + i * 16),
				       *(unsigned long long *)(e->r.fx + 32 + i * 16),
				       *(u16 *)(n->r.fx + 40 + i * 16),
				       *(unsigned long long *)(n->r.fx + 32 + i * 16));
	}
	printf(" */\n");
}

static void one(struct rng *r)
{
	struct fuzz_case *fc = &sh->cur;
	static struct result e, n;
	static char last_name[32] = "?";
	const char *what;
	bool ran;

	if (!gen_case(r, fc)) {
		sh->skipped++;
		return;
	}
	what = run_both(fc, &e, &n, &ran);
	if (!ran) {
		sh->skipped++;
		return;
	}
	sh->cases++;
	sh->faults += n.fault;
	sh->branches += n.branch;
	if (ctxt.decoded)
		cover(ctxt.insn.desc);
	else
		sh->undefined++;
	if (!what)
		return;
	if (sh->mismatches++ < 1000 &&
	    strcmp(last_name, ctxt.decoded ? ctxt.insn.desc->name : "")) {
		strncpy(last_name, ctxt.decoded ? ctxt.insn.desc->name : "", sizeof(last_name) - 1);
		restore_memory();
		minimize(fc, &e, &n);
		report(fc, what, &e, &n);
	}
	roll_back();
	memcpy((void *)NATIVE_DATA, shadow, NATIVE_RW);
}

static void child(u64 seed, u64 cases, unsigned int seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned int i;
	struct rng r;

	native_init();
	emul_init(&ctxt, &ops);
	ctxt.features = host_features;
	for (i = 0; i < 256; i++) {
		list_rows(&emul_map_1[i]);
		list_rows(&emul_map_0f[i]);
		list_rows(&emul_map_0f38[i]);
		list_rows(&emul_map_0f3a[i]);
	}
	qsort(rows, nr_rows, sizeof(rows[0]), by_address);
	sh->rows = nr_rows;
	rng_seed(&r, seed + sh->index * 0x1000003);
	shadow = malloc(NATIVE_SIZE);
	random_bytes(&r, shadow, NATIVE_SIZE);
	memcpy((void *)NATIVE_DATA, shadow, NATIVE_SIZE);
	if (mprotect((void *)NATIVE_DATA + NATIVE_RW, NATIVE_RO, PROT_READ))
		exit(1);
	printf("\n");
	fflush(stdout);
	native_sandbox();
	while (sh->cases < cases && sh->mismatches < 1000) {
		one(&r);
		if (!(sh->cases & 0xfff) && time(NULL) >= end)
			break;
	}
	if (verbose)
		for (i = 0; i < nr_rows; i++)
			if (!row_seen[i])
				printf("not covered: %s\n", rows[i]->name);
	fflush(stdout);
	_exit(0);
}

static double seconds_of(const struct rusage *u)
{
	return u->ru_utime.tv_sec + u->ru_stime.tv_sec +
	       (u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static void run(u64 seed, u64 cases, unsigned int seconds)
{
	unsigned int i, deaths = 0;
	struct rusage before, after;
	double t;
	int status;

	memset(sh, 0, sizeof(*sh));
	printf("seed %#llx\n", (unsigned long long)seed);
	fflush(stdout);
	getrusage(RUSAGE_CHILDREN, &before);
	do {
		pid_t pid = fork();

		if (!pid)
			child(seed, cases, seconds);
		waitpid(pid, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			break;
		printf("the child died (status %#x) of mode %u:", status, sh->cur.mode);
		for (i = 0; i < sh->cur.len; i++)
			printf(" %02x", sh->cur.insn[i]);
		printf("\n");
		sh->index++;
		sh->mismatches++;
		sh->covered = 0;
	} while (++deaths < 5);
	getrusage(RUSAGE_CHILDREN, &after);
	t = seconds_of(&after) - seconds_of(&before);
	printf("counts: seed %#llx: %llu cases, %llu mismatches; %llu of %llu rows of the table covered\n",
	       (unsigned long long)seed, (unsigned long long)sh->cases,
	       (unsigned long long)sh->mismatches, (unsigned long long)sh->covered,
	       (unsigned long long)sh->rows);
	printf("counts: %llu faults, %llu branches, %llu undefined opcodes; %.0f s of processor time, %.0f cases/s\n",
	       (unsigned long long)sh->faults, (unsigned long long)sh->branches,
	       (unsigned long long)sh->undefined, t, sh->cases / t);
}

int main(int argc, char **argv)
{
	u64 seeds[16], cases = ~0ULL, bad = 0;
	unsigned int nr = 0, seconds = 10, i;
	int opt;

	while ((opt = getopt(argc, argv, "s:n:t:v")) != -1) {
		if (opt == 's' && nr < ARRAY_SIZE(seeds))
			seeds[nr++] = strcmp(optarg, "new") ? strtoull(optarg, NULL, 0) :
							      (u64)time(NULL);
		else if (opt == 'n')
			cases = strtoull(optarg, NULL, 0);
		else if (opt == 't')
			seconds = atoi(optarg);
		else if (opt == 'v')
			verbose = true;
		else
			return 2;
	}
	detect_features();
	if (!(host_features & BIT_ULL(EMUL_F_AVX)) || (xcr0 & 6) != 6) {
		puts("skipped: this processor has no AVX");
		return 4;
	}
	if (!nr)
		seeds[nr++] = time(NULL);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < nr; i++) {
		run(seeds[i], cases, (seconds + nr - 1) / nr);
		bad += sh->mismatches;
	}
	return bad ? 1 : 0;
}
