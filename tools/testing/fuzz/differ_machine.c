// SPDX-License-Identifier: GPL-2.0-only
/* The differential fuzzer's surroundings for the emulator: the native program's memory, segments and features. */
#include "differ.h"

struct emul_ctxt ctxt;
struct native_regs emu;
u8 *shadow;
bool wild;
u64 host_features;
static u64 xcr0;

/* Undo log of the shadow. */
static struct {
	u32 off, len;
	u8 old[64];
} undo[4096];
static unsigned int nr_undo;

static const u8 modes[] = { EMUL_MODE_LONG, EMUL_MODE_PROT32, EMUL_MODE_PROT16 };

enum emul_result page_check(struct emul_ctxt *c, u64 lin, unsigned int len, bool write)
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
		{ 7, 2, 16, EMUL_F_LA57 },
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

void begin(const struct fuzz_case *fc)
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

void roll_back(void)
{
	while (nr_undo) {
		nr_undo--;
		memcpy(shadow + undo[nr_undo].off, undo[nr_undo].old, undo[nr_undo].len);
	}
}

void undo_forget(void)
{
	nr_undo = 0;
}

bool machine_init(void)
{
	detect_features();
	emul_init(&ctxt, &ops);
	ctxt.features = host_features;
	return (host_features & BIT_ULL(EMUL_F_AVX)) && (xcr0 & 6) == 6;
}
