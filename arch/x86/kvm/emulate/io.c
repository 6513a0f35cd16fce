// SPDX-License-Identifier: GPL-2.0-only
/* Port I/O with its permission map, and the interrupt flag.  Intel SDM vol. 1, chapter 19; AMD APM vol. 2, 12.2.4. */
#include "rows.h"

#define TSS32_TYPE_BUSY 0xb
#define TSS32_TYPE_AVAIL 0x9
#define TSS_IO_BASE 102

static bool bitmap_needed(const struct emul_ctxt *c)
{
	if (c->mode == EMUL_MODE_VM86)
		return true;
	return em_prot(c) && c->cpl > em_iopl(c);
}

/**
 * em_io_allowed - may the current program use these ports?
 * @c:		context
 * @port:	first port
 * @size:	1, 2, 4
 *
 * Return: EMUL_DONE, or #GP(0) through EMUL_FAULT.
 */
enum emul_result em_io_allowed(struct emul_ctxt *c, u16 port, unsigned int size)
{
	struct emul_seg tr;
	u16 base, bits;
	u64 mask;

	if (likely(!bitmap_needed(c)))
		return EMUL_DONE;
	c->ops->get_seg(c, EMUL_TR, &tr);
	if (!(tr.attr & EMUL_SEG_P) || (tr.attr & EMUL_SEG_S) ||
	    (EMUL_SEG_TYPE(tr.attr) != TSS32_TYPE_BUSY &&
	     EMUL_SEG_TYPE(tr.attr) != TSS32_TYPE_AVAIL) ||
	    tr.limit < TSS_IO_BASE + 1)
		return emul_raise_gp(c, 0);
	mask = em_long(c) ? ~0ULL : 0xffffffff;
	TRY(em_read_lin(c, (tr.base + TSS_IO_BASE) & mask, &base, 2, EMUL_A_SYSTEM));
	/* Two bytes are read, whatever the size. */
	if ((u32)base + port / 8 + 1 > tr.limit)
		return emul_raise_gp(c, 0);
	TRY(em_read_lin(c, (tr.base + base + port / 8) & mask, &bits, 2, EMUL_A_SYSTEM));
	if ((bits >> (port & 7)) & ((1 << size) - 1))
		return emul_raise_gp(c, 0);
	return EMUL_DONE;
}

enum emul_result em_in(struct emul_ctxt *c)
{
	unsigned int size = em_opsize(c, 0);
	u64 port, val = 0;
	void *data;

	TRY(em_get(c, 1, &port));
	TRY(em_io_allowed(c, port, size));
	TRY(em_log_in(c, port, size, 1, &data));
	memcpy(&val, data, size);
	em_io_trap(c, port, size);
	return em_put(c, 0, val);
}

enum emul_result em_out(struct emul_ctxt *c)
{
	unsigned int size = em_opsize(c, 1);
	u64 port, val;

	TRY(em_get(c, 0, &port));
	TRY(em_get(c, 1, &val));
	TRY(em_io_allowed(c, port, size));
	em_io_trap(c, port, size);
	return em_log_out(c, port, size, &val, 1);
}

/* Does CLI or STI act on IF (true) or VIF (false)?  Intel SDM vol. 2, tables of CLI and STI. */
static enum emul_result which_if(struct emul_ctxt *c, u64 *flag)
{
	u64 cr4;

	*flag = FL_IF;
	if (c->mode == EMUL_MODE_REAL || c->cpl <= em_iopl(c))
		return EMUL_DONE;
	*flag = FL_VIF;
	cr4 = c->ops->get_cr(c, 4);
	if (c->mode == EMUL_MODE_VM86 && (cr4 & CR4_VME))
		return EMUL_DONE;
	if (em_prot(c) && c->cpl == 3 && (cr4 & CR4_PVI))
		return EMUL_DONE;
	return emul_raise_gp(c, 0);
}

enum emul_result em_cli(struct emul_ctxt *c)
{
	u64 flag;

	TRY(which_if(c, &flag));
	c->rflags &= ~flag;
	return EMUL_DONE;
}

enum emul_result em_sti(struct emul_ctxt *c)
{
	u64 flag;

	TRY(which_if(c, &flag));
	if (flag == FL_VIF && (c->rflags & FL_VIP))
		return emul_raise_gp(c, 0);
	if (flag == FL_IF && !(c->rflags & FL_IF))
		c->new_shadow = EMUL_SHADOW_STI;
	c->rflags |= flag;
	return EMUL_DONE;
}
