// SPDX-License-Identifier: GPL-2.0-only
/* Breakpoints of the debug registers.  Intel SDM vol. 3B, 18.2; AMD APM vol. 2, 13.1. */
#include "insn.h"

#define DR7_ENABLED(dr7, i) (((dr7) >> ((i) * 2)) & 3)
#define DR7_RW(dr7, i) (((dr7) >> (16 + (i) * 4)) & 3)
#define DR7_LEN(dr7, i) (((dr7) >> (18 + (i) * 4)) & 3)

enum { RW_EXEC, RW_WRITE, RW_IO, RW_ACCESS };

static const u8 len_bytes[4] = { 1, 2, 8, 4 };

/* Which breakpoints of the kinds in @kinds (a bit each) does [@addr, @addr + @len) touch?  DR6 bits. */
static u64 matches(struct emul_ctxt *c, u64 addr, unsigned int len, unsigned int kinds)
{
	unsigned int i, size;
	u64 hits = 0, start;

	for (i = 0; i < 4; i++) {
		if (!DR7_ENABLED(c->dr7, i) || !(kinds & BIT(DR7_RW(c->dr7, i))))
			continue;
		size = len_bytes[DR7_LEN(c->dr7, i)];
		start = c->ops->get_dr(c, i) & ~(u64)(size - 1);
		if (addr < start + size && start < addr + len)
			hits |= BIT_ULL(i);
	}
	return hits;
}

/* A data access: the trap comes after the instruction. */
void em_data_trap(struct emul_ctxt *c, u64 lin, unsigned int len, bool write)
{
	c->trap |= matches(c, lin, len, BIT(RW_ACCESS) | (write ? BIT(RW_WRITE) : 0));
}

void em_io_trap(struct emul_ctxt *c, u16 port, unsigned int size)
{
	if (likely(!c->dr7) || !(c->ops->get_cr(c, 4) & CR4_DE))
		return;
	c->trap |= matches(c, port, size, BIT(RW_IO));
}

/* An instruction breakpoint at rip: a fault, before anything else. */
enum emul_result em_code_trap(struct emul_ctxt *c)
{
	u64 lin = c->rip, hits;

	if (!em_long(c))
		lin = (u32)(em_seg(c, EMUL_CS)->base + c->rip);
	hits = matches(c, lin, 1, BIT(RW_EXEC));
	if (!hits)
		return EMUL_DONE;
	c->fault.addr = hits;
	return emul_raise(c, EMUL_DB, false, 0);
}
