// SPDX-License-Identifier: GPL-2.0-only
/*
 * The executor in all modes, with hostile registers, segments, descriptors and code.  What must hold:
 *
 * - An instruction that is suspended at every access ends as the one that is not: same registers, same memory, same
 *   accesses in the same order.
 * - A fault or a refusal leaves the registers as they were (string instructions: consistent; task switches: the new
 *   task's).
 * - rip, RFLAGS and the outputs are sane.
 */
#include <stdio.h>
#include <stdlib.h>

#include "emulate_machine.h"
#include "emulate/rows.h"

#define TSS_ROOM 0x3000 /* with its bitmap */

#define CHECK(cond)                                                                \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

struct input {
	u8 mode;
	u8 cpl;
	u8 knobs;
	u8 segs;
	u8 code[16];
	u64 gpr[8];
	u32 rflags;
	u64 desc[4];
	u8 tss[16];
	u16 cr;
} __packed;

static void prepare(struct machine *m, const struct input *in)
{
	unsigned int i;

	machine_init(m, in->mode % 5);
	m->bulk_quiet = true;
	m->no_bulk = in->knobs & 1;
	m->retries = (in->knobs >> 1) & 1;
	m->c.features = (in->knobs & 4) ? ~0ULL : ALL_FEATURES;
	m->c.va_bits = (in->knobs & 8) ? 57 : 48;
	m->c.smm = in->knobs & 16;
	m->c.int_shadow = in->knobs >> 5 & 1;
	if (m->c.mode == EMUL_MODE_VM86)
		m->c.cpl = 3;
	else if (m->c.mode != EMUL_MODE_REAL)
		m->c.cpl = in->cpl & 3;
	for (i = 0; i < 8; i++) {
		m->c.gpr[i] = in->gpr[i];
		m->c.gpr[i + 8] = in->gpr[i] >> 7;
		/* Mostly into memory or the device. */
		if (in->segs >> i & 1)
			m->c.gpr[i] = in->gpr[i] % (MMIO_BASE + MMIO_SIZE);
	}
	/* Long strings only take long. */
	m->c.gpr[EMUL_RCX] &= (in->knobs & 128) ? 0xffffffff000003ff : 0x3f;
	m->c.rflags = (in->rflags & 0x3f7fd5) | FL_FIXED;
	m->c.rflags &= ~FL_VM;
	if (m->c.mode == EMUL_MODE_VM86)
		m->c.rflags |= FL_VM;
	if (in->knobs & 64) {
		m->c.dr7 = in->gpr[3] & 0xffff00ff;
		for (i = 0; i < 4; i++)
			m->dr[i] = in->gpr[i + 4] & 0x1fffff;
		m->dr[7] = m->c.dr7;
	}
	m->cr[0] ^= in->cr & (CR0_MP | CR0_EM | CR0_TS | CR0_NE);
	m->cr[0] |= (u64)(in->cr & 0x100) << 10;
	m->cr[4] ^= (in->cr >> 9) & (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE);
	for (i = 0; i < 4; i++)
		machine_put_desc(m, 0x50 + i * 8, in->desc[i]);
	for (i = 0; i < 4; i++)
		machine_put_desc(m, 0x04 + i * 8, in->desc[3 - i]);
	memcpy(m->mem + TSS + 4, in->tss, 16);
	memcpy(m->mem + 0x5400 + 0x20, in->tss, 16);
	machine_code(m, in->code, 15);
}

static enum emul_result run(struct machine *m, bool suspend)
{
	enum emul_result res;

	m->suspend_all = suspend;
	m->nr_log = 0;
	m->pending = false;
	emul_begin(&m->c);
	res = emul_run(&m->c);
	while (res == EMUL_NEED_IO) {
		CHECK(suspend && m->pending);
		res = emul_run(&m->c);
	}
	CHECK(!m->pending || res == EMUL_FAULT || res == EMUL_UNHANDLED);
	return res;
}

static bool is_string(const struct machine *m)
{
	return m->c.decoded && (m->c.insn.desc->flags & F_REPSTR);
}

/* INS over the I/O permission bitmap that allows it: whether it is looked at again between elements is the processor's. */
static bool took_its_permission(const struct machine *m, const u8 *tss)
{
	return is_string(m) && m->c.insn.desc->exec == em_ins &&
	       memcmp(m->mem + TSS, tss, TSS_ROOM);
}

static bool switches_tasks(const struct machine *m)
{
	return m->c.decoded &&
	       (m->c.insn.desc->exec == em_jmp_far || m->c.insn.desc->exec == em_call_far ||
		m->c.insn.desc->exec == em_iret);
}

static void sane(const struct machine *m, const struct machine *before, enum emul_result res)
{
	CHECK(res == EMUL_DONE || res == EMUL_MORE || res == EMUL_FAULT || res == EMUL_SOFT_INT ||
	      res == EMUL_RETRY || res == EMUL_UNHANDLED);
	CHECK(m->c.rflags & FL_FIXED);
	CHECK(!(m->c.rflags & ~0x3f7fd7ULL));
	CHECK(m->c.cpl <= 3);
	if (res == EMUL_FAULT) {
		CHECK(m->c.fault.vector < 32 && m->c.fault.kind == EMUL_EV_FAULT);
		CHECK(!(m->c.mode == EMUL_MODE_REAL && m->c.fault.has_error));
	}
	if (res == EMUL_DONE && m->c.decoded)
		CHECK(m->c.rip == m->c.next_rip);
	if (res == EMUL_DONE || res == EMUL_MORE || is_string(m))
		return;
	if (switches_tasks(m) && m->c.rip != before->c.rip)
		return;
	CHECK(m->c.rip == before->c.rip);
	CHECK(!memcmp(m->c.gpr, before->c.gpr, sizeof(m->c.gpr)));
	CHECK(((m->c.rflags ^ before->c.rflags) & ~FL_RF) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine a, b, before;
	static u8 tss[TSS_ROOM];
	enum emul_result ra, rb;
	struct input in = {};

	memcpy(&in, data, size < sizeof(in) ? size : sizeof(in));
	prepare(&a, &in);
	memcpy(&before.c, &a.c, sizeof(a.c));
	memcpy(tss, a.mem + TSS, sizeof(tss));
	ra = run(&a, false);
	sane(&a, &before, ra);

	/* The same, element by element and suspended at each access. */
	prepare(&b, &in);
	rb = run(&b, true);
	sane(&b, &before, rb);
	if (ra == EMUL_MORE || rb == EMUL_MORE)
		return 0; /* batches differ in length */
	if (took_its_permission(&a, tss) || took_its_permission(&b, tss))
		return 0;
	CHECK(ra == rb);
	/* Between batches RF is set, and the batches differ. */
	CHECK(a.c.rip == b.c.rip && ((a.c.rflags ^ b.c.rflags) & ~FL_RF) == 0);
	CHECK(!memcmp(a.c.gpr, b.c.gpr, sizeof(a.c.gpr)));
	CHECK(!memcmp(a.seg, b.seg, sizeof(a.seg)));
	CHECK(!memcmp(a.mem, b.mem, MEM_SIZE));
	CHECK(!memcmp(a.mmio, b.mmio, MMIO_SIZE));
	CHECK(a.port_value == b.port_value);
	if (ra == EMUL_DONE)
		CHECK(a.c.trap == b.c.trap && a.c.int_shadow == b.c.int_shadow);
	return 0;
}
