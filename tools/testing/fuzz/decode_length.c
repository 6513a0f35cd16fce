// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder against a second one (Zydis): same bytes, same length, same verdict, in every mode.
 *
 *	decode_length [-s SEED|new]... [-n CASES] [-t SECONDS] [-v]
 *
 * Byte strings are random, with opcodes and prefixes drawn so that all maps are met.  Where the two may differ by right
 * (an extension that one of them does not know) is listed in allowed(); everything else is a mismatch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "rng.h"
#include "rows_met.h"

#ifdef HAVE_ZYDIS
#include <Zydis/Zydis.h>

static bool verbose;
static u8 code[32];

static enum emul_result fetch(struct emul_ctxt *c, u64 lin, void *buf, unsigned int len)
{
	memcpy(buf, code + (lin - c->rip), len);
	return EMUL_DONE;
}

static void get_seg(struct emul_ctxt *c, enum emul_sreg sreg, struct emul_seg *seg)
{
	memset(seg, 0, sizeof(*seg));
	seg->limit = 0xffffffff;
	seg->attr = 0xc93;
}

static const struct emul_ops ops = { .fetch = fetch, .get_seg = get_seg };

struct mode {
	const char *name;
	u8 emul;
	ZydisMachineMode mode;
	ZydisStackWidth width;
};

static const struct mode modes[] = {
	{ "long", EMUL_MODE_LONG, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64 },
	{ "prot32", EMUL_MODE_PROT32, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32 },
	{ "prot16", EMUL_MODE_PROT16, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16 },
	{ "real", EMUL_MODE_REAL, ZYDIS_MACHINE_MODE_REAL_16, ZYDIS_STACK_WIDTH_16 },
};

static void random_code(struct rng *r)
{
	static const u8 prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e,
				       0x36, 0x64, 0x48, 0x41, 0x4f };
	unsigned int i, n = 0;

	for (i = 0; i < sizeof(code); i++)
		code[i] = rng(r);
	while (n < 16 && rng_below(r, 3) == 0)
		code[n++] = prefixes[rng_below(r, sizeof(prefixes))];
	switch (rng_below(r, 8)) {
	case 0:
	case 1:
		code[n] = 0x0f;
		break;
	case 2:
		code[n++] = 0x0f;
		code[n] = (rng(r) & 1) ? 0x38 : 0x3a;
		break;
	case 3:
		code[n++] = 0xc5;
		code[n] |= rng_below(r, 4) ? 0x78 : 0;
		break;
	case 4:
		code[n++] = 0xc4;
		code[n] = (code[n] & 0xe0) | rng_below(r, 4);
		code[n + 1] |= rng_below(r, 4) ? 0x78 : 0;
		break;
	case 5:
		if (rng_below(r, 4) == 0)
			code[n] = 0x62;
		break;
	}
}

/* Differences that are not mistakes. */
static const char *allowed(const struct emul_ctxt *c, enum emul_result res, bool zok,
			   const ZydisDecodedInstruction *z)
{
	const struct emul_insn *insn = &c->insn;

	if (res == EMUL_DONE && zok)
		return NULL;
	if (insn->vex >= 4)
		return "EVEX and XOP are recognised, not checked";
	if (res == EMUL_DONE && !zok && !insn->desc->exec)
		return "more lenient with what is not emulated";
	if (res == EMUL_DONE && !zok &&
	    (insn->desc->exec == em_mov_to_sreg || insn->desc->exec == em_mov_from_sreg))
		return "which segment register is for the executor to see";
	if (res == EMUL_DONE && !zok &&
	    (insn->desc->exec == em_sysenter || insn->desc->exec == em_sysexit ||
	     insn->desc->exec == em_sysret))
		return "there, but faulting, in real mode";
	if (zok && res == EMUL_FAULT &&
	    (z->meta.isa_ext == ZYDIS_ISA_EXT_KNC || z->meta.isa_ext == ZYDIS_ISA_EXT_KNCE ||
	     z->meta.isa_ext == ZYDIS_ISA_EXT_KNCV || z->meta.category == ZYDIS_CATEGORY_PADLOCK))
		return "of another vendor, or of processors that run no hypervisor";
	if (zok && res == EMUL_FAULT && z->mnemonic == ZYDIS_MNEMONIC_PCOMMIT)
		return "withdrawn before it came";
	if (res == EMUL_DONE && insn->map == 1 && insn->opcode == 0x0f)
		return "3DNow! opcodes are not checked";
	return NULL;
}

static bool any_row(const struct emul_desc *d)
{
	return true;
}

static u64 run(u64 seed, u64 cases, unsigned int seconds)
{
	u64 i, agree = 0, bad = 0, diff = 0, met = 0, rows = rows_list(any_row);
	time_t end = time(NULL) + seconds;
	static struct emul_ctxt c;
	ZydisDecoder dec[4];
	struct rng r;

	rng_seed(&r, seed);
	for (i = 0; i < 4; i++) {
		ZydisDecoderInit(&dec[i], modes[i].mode, modes[i].width);
		ZydisDecoderEnableMode(&dec[i], ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
	}
	emul_init(&c, &ops);
	c.features = ~BIT_ULL(EMUL_F_ALTMOVCR8); /* which Zydis does not know */
	for (i = 0; i < cases && ((i & 0xffff) || time(NULL) < end); i++) {
		const struct mode *m = &modes[rng(&r) & 3];
		ZydisDecodedInstruction z;
		enum emul_result res;
		bool zok, same;
		unsigned int k;
		char text[96];

		random_code(&r);
		c.mode = m->emul;
		c.rip = 0x1000;
		emul_begin(&c);
		res = emul_decode(&c);
		zok = ZYAN_SUCCESS(
			ZydisDecoderDecodeInstruction(&dec[m - modes], NULL, code, 15, &z));
		same = zok ? res == EMUL_DONE && c.insn.len == z.length : res == EMUL_FAULT;
		if (same) {
			agree++;
			bad += !zok;
			met += zok && rows_meet(c.insn.desc);
			continue;
		}
		if (allowed(&c, res, zok, &z) || diff++ >= 40)
			continue;
		emul_print(&c, text, sizeof(text));
		printf("mismatch %s:", m->name);
		for (k = 0; k < (zok ? z.length : 8u); k++)
			printf(" %02x", code[k]);
		printf("  ours %d len %u vector %u \"%s\", zydis %s len %u %s\n", res, c.insn.len,
		       c.fault.vector, text, zok ? "ok" : "bad", zok ? z.length : 0,
		       zok ? ZydisMnemonicGetString(z.mnemonic) : "");
	}
	printf("counts: seed %#llx: %llu cases, %llu agree (%llu of them not instructions), %llu mismatches; %llu of %llu rows of the table covered\n",
	       (unsigned long long)seed, (unsigned long long)i, (unsigned long long)agree,
	       (unsigned long long)bad, (unsigned long long)diff, (unsigned long long)met,
	       (unsigned long long)rows);
	if (verbose)
		rows_print_missing();
	return diff;
}
#endif

int main(int argc, char **argv)
{
#ifndef HAVE_ZYDIS
	puts("skipped: built without Zydis (libzydis-dev)");
	return 4;
#else
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
	if (!nr)
		seeds[nr++] = time(NULL);
	for (i = 0; i < nr; i++)
		bad += run(seeds[i], cases, (seconds + nr - 1) / nr);
	return bad ? 1 : 0;
#endif
}
