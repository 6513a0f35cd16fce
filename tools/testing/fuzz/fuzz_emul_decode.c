// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder and the printer: first byte the mode, then code.  What must hold: a length of 1-15; the same result again,
 * also when the bytes come one by one; text that fits its buffer; MOVs that parse have a sensible size.
 */
#include <stdio.h>
#include <stdlib.h>

#include "emulate/insn.h"

static u8 code[16];
static unsigned int code_len;

#define CHECK(cond)                                                                \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

static enum emul_result fetch(struct emul_ctxt *c, u64 lin, void *buf, unsigned int len)
{
	unsigned int off = lin - 0x1000;

	CHECK(len >= 1 && len <= 15 && off + len <= 15);
	memcpy(buf, code + off, len);
	return EMUL_DONE;
}

static void get_seg(struct emul_ctxt *c, enum emul_sreg sreg, struct emul_seg *seg)
{
	*seg = (struct emul_seg){ .limit = 0xffffffff, .attr = 0xc9b };
}

static const struct emul_ops ops = { .fetch = fetch, .get_seg = get_seg };

static enum emul_result decode(struct emul_ctxt *c, unsigned int mode, unsigned int preset)
{
	emul_init(c, &ops);
	c->mode = mode;
	c->rip = 0x1000;
	c->features = ~0ULL;
	emul_begin(c);
	if (preset)
		emul_preset_bytes(c, code, preset);
	return emul_decode(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct emul_ctxt a, b;
	enum emul_result ra, rb;
	struct emul_mov mov;
	char text[128];
	int len;

	if (size < 2)
		return 0;
	code_len = size - 1 < 15 ? size - 1 : 15;
	memset(code, 0x90, sizeof(code));
	memcpy(code, data + 1, code_len);
	ra = decode(&a, data[0] % 5, 0);
	CHECK(ra == EMUL_DONE || ra == EMUL_FAULT);
	rb = decode(&b, data[0] % 5, 1 + data[0] / 5 % code_len);
	CHECK(ra == rb);
	if (ra == EMUL_FAULT)
		CHECK(a.fault.vector == b.fault.vector);
	len = emul_print(&a, text, sizeof(text));
	CHECK(len > 0 && len < (int)sizeof(text) && text[len] == 0);
	if (ra != EMUL_DONE)
		return 0;
	CHECK(a.insn.len >= 1 && a.insn.len <= 15 && a.insn.len == b.insn.len);
	CHECK(a.insn.desc == b.insn.desc && a.insn.imm == b.insn.imm && a.insn.disp == b.insn.disp);
	CHECK(a.next_rip == 0x1000u + a.insn.len);
	CHECK(a.insn.reg < 16 && a.insn.rm < 16 && a.insn.vex_v < 16);
	if (emul_mov_parse(&a, &mov)) {
		CHECK(mov.len == 1 || mov.len == 2 || mov.len == 4 || mov.len == 8);
		emul_mov_finish(&a, &mov, 0x0123456789abcdef);
		CHECK(a.rip == b.next_rip);
	}
	return 0;
}
