// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segment registers: reading descriptors, checking and loading them, and the instructions about them.  Intel SDM vol. 2,
 * MOV, LAR, LSL, VERR, LLDT, LTR; vol. 3A, chapter 5.
 */
#include "segment.h"

/* Long mode, be it 64-bit or compatibility. */
bool em_lma(struct emul_ctxt *c)
{
	u64 efer = 0;

	if (em_long(c))
		return true;
	if (!em_prot(c))
		return false;
	return c->ops->get_msr(c, EM_MSR_EFER, &efer) == EMUL_DONE && (efer & EFER_LMA);
}

/* @wide: a 16-byte system descriptor of long mode */
void em_desc_to_seg(const struct em_desc *d, u16 sel, bool wide, struct emul_seg *seg)
{
	seg->selector = sel;
	seg->attr = desc_attr(d);
	seg->base = ((d->lo >> 16) & 0xffffff) | ((d->lo >> 32) & 0xff000000);
	if (wide)
		seg->base |= d->hi << 32;
	seg->limit = (d->lo & 0xffff) | ((d->lo >> 32) & 0xf0000);
	if (seg->attr & EMUL_SEG_G)
		seg->limit = (seg->limit << 12) | 0xfff;
}

void em_null_seg(struct emul_seg *seg, u16 sel, unsigned int dpl)
{
	seg->selector = sel;
	seg->base = 0;
	seg->limit = 0;
	seg->attr = EMUL_SEG_UNUSABLE | (dpl << EMUL_SEG_DPL_SHIFT);
}

/* A selector's exception: the error code is the selector without RPL. */
static enum emul_result sel_fault(struct emul_ctxt *c, u8 vector, u16 sel)
{
	return emul_raise(c, vector, true, sel & ~3);
}

static noinline enum emul_result desc_place(struct emul_ctxt *c, u16 sel, u8 vector,
					    unsigned int len, u64 *lin)
{
	u64 base, limit;

	if (sel & 4) {
		struct emul_seg ldt;

		c->ops->get_seg(c, EMUL_LDTR, &ldt);
		if ((ldt.attr & EMUL_SEG_UNUSABLE) || !(ldt.attr & EMUL_SEG_P))
			return sel_fault(c, vector, sel);
		base = ldt.base;
		limit = ldt.limit;
	} else {
		struct emul_dtr gdt;

		c->ops->get_gdtr(c, &gdt);
		base = gdt.base;
		limit = gdt.limit;
	}
	if ((sel & ~7u) + len - 1 > limit)
		return sel_fault(c, vector, sel);
	*lin = base + (sel & ~7u);
	if (!em_lma(c))
		*lin = (u32)*lin;
	return EMUL_DONE;
}

/**
 * em_desc_read - read the descriptor that a selector names
 * @c:		context
 * @sel:	selector, not null
 * @vector:	exception when it lies outside its table: #GP or #TS
 * @d:		result
 */
enum emul_result em_desc_read(struct emul_ctxt *c, u16 sel, u8 vector, struct em_desc *d)
{
	d->hi = 0;
	TRY(desc_place(c, sel, vector, 8, &d->lin));
	return em_read_lin(c, d->lin, &d->lo, 8, EMUL_A_SYSTEM);
}

/* The upper half of a 16-byte descriptor (LDT, TSS, call gate in long mode). */
enum emul_result em_desc_read_high(struct emul_ctxt *c, u16 sel, u8 vector, struct em_desc *d)
{
	u64 lin;

	TRY(desc_place(c, sel, vector, 16, &lin));
	TRY(em_read_lin(c, lin + 8, &d->hi, 8, EMUL_A_SYSTEM));
	if ((d->hi >> 40) & 0x1f)
		return sel_fault(c, vector, sel);
	return EMUL_DONE;
}

/* Set type bits in the descriptor in memory (accessed, busy), atomically. */
enum emul_result em_desc_or(struct emul_ctxt *c, const struct em_desc *d, u8 bits)
{
	u8 old = d->lo >> 40, new = old | bits;

	if (old == new)
		return EMUL_DONE;
	return em_cmpxchg_lin(c, d->lin + 5, &old, &new, 1, EMUL_A_SYSTEM | EMUL_A_LOCKED);
}

enum emul_result em_desc_accessed(struct emul_ctxt *c, const struct em_desc *d,
				  struct emul_seg *seg)
{
	seg->attr |= EMUL_SEG_ACCESSED;
	return em_desc_or(c, d, EMUL_SEG_ACCESSED);
}

/**
 * em_check_ss - make a stack segment of a selector
 * @c:		context
 * @sel:	selector
 * @cpl:	the privilege level it is to serve
 * @vector:	#GP; #TS in a task or stack switch
 * @seg:	result
 */
enum emul_result em_check_ss(struct emul_ctxt *c, u16 sel, unsigned int cpl, u8 vector,
			     struct emul_seg *seg)
{
	struct em_desc d;
	u16 attr;

	if (sel_null(sel))
		return sel_fault(c, vector, 0);
	TRY(em_desc_read(c, sel, vector, &d));
	attr = desc_attr(&d);
	if ((sel & 3) != cpl || !desc_is_data(attr) || !(attr & EMUL_SEG_RW) ||
	    EMUL_SEG_DPL(attr) != cpl)
		return sel_fault(c, vector, sel);
	if (!(attr & EMUL_SEG_P))
		return sel_fault(c, EMUL_SSF, sel);
	em_desc_to_seg(&d, sel, false, seg);
	return em_desc_accessed(c, &d, seg);
}

/* DS, ES, FS or GS */
enum emul_result em_check_data(struct emul_ctxt *c, u16 sel, u8 vector, struct emul_seg *seg)
{
	struct em_desc d;
	u16 attr;

	if (sel_null(sel)) {
		em_null_seg(seg, sel, 0);
		return EMUL_DONE;
	}
	TRY(em_desc_read(c, sel, vector, &d));
	attr = desc_attr(&d);
	if (!(attr & EMUL_SEG_S) || (attr & (EMUL_SEG_CODE | EMUL_SEG_RW)) == EMUL_SEG_CODE)
		return sel_fault(c, vector, sel);
	if (!desc_conforming(attr) &&
	    (EMUL_SEG_DPL(attr) < c->cpl || EMUL_SEG_DPL(attr) < (sel & 3)))
		return sel_fault(c, vector, sel);
	if (!(attr & EMUL_SEG_P))
		return sel_fault(c, EMUL_NP, sel);
	em_desc_to_seg(&d, sel, false, seg);
	return em_desc_accessed(c, &d, seg);
}

/* Real and virtual-8086 mode: the base follows from the selector; real mode keeps limit and rights ("unreal" mode). */
void em_real_seg(struct emul_ctxt *c, unsigned int sreg, u16 sel, struct emul_seg *seg)
{
	if (c->mode == EMUL_MODE_VM86) {
		seg->limit = 0xffff;
		seg->attr = 0xf3;
	} else {
		*seg = *em_seg(c, sreg);
	}
	seg->selector = sel;
	seg->base = (u32)sel << 4;
}

/**
 * em_load_sreg - load ES, SS, DS, FS or GS as MOV and POP do
 * @c:		context
 * @sreg:	register
 * @selector:	selector
 *
 * The register is written, so this is the last step that can fail.
 */
enum emul_result em_load_sreg(struct emul_ctxt *c, unsigned int sreg, u16 selector)
{
	struct emul_seg seg;

	if (!em_prot(c))
		em_real_seg(c, sreg, selector, &seg);
	else if (sreg != EMUL_SS)
		TRY(em_check_data(c, selector, EMUL_GP, &seg));
	else if (sel_null(selector) && em_long(c) && c->cpl != 3 && (selector & 3) == c->cpl)
		em_null_seg(&seg, selector, c->cpl);
	else
		TRY(em_check_ss(c, selector, c->cpl, EMUL_GP, &seg));
	em_set_seg(c, sreg, &seg);
	return EMUL_DONE;
}

/* Interrupts and debug traps wait for one instruction more; of several such loads only the first holds them. */
void em_mov_ss_shadow(struct emul_ctxt *c)
{
	if (c->int_shadow != EMUL_SHADOW_MOV_SS)
		c->new_shadow = EMUL_SHADOW_MOV_SS;
}

enum emul_result em_mov_to_sreg(struct emul_ctxt *c)
{
	unsigned int sreg = c->insn.reg & 7;
	u64 sel;

	if (sreg == EMUL_CS || sreg > EMUL_GS)
		return emul_raise_ud(c);
	TRY(em_get(c, 1, &sel));
	TRY(em_load_sreg(c, sreg, sel));
	if (sreg == EMUL_SS)
		em_mov_ss_shadow(c);
	return EMUL_DONE;
}

enum emul_result em_mov_from_sreg(struct emul_ctxt *c)
{
	unsigned int sreg = c->insn.reg & 7;

	if (sreg > EMUL_GS)
		return emul_raise_ud(c);
	return em_put(c, 0, em_seg(c, sreg)->selector);
}

/* LES, LDS, LSS, LFS, LGS.  AMD's processors have no 16:64 far pointers. */
enum emul_result em_load_far_ptr(struct emul_ctxt *c)
{
	unsigned int bytes = c->insn.op_bytes, sreg = c->insn.desc->aux;
	u8 ptr[10];
	u64 off = 0;
	u16 sel;

	if (bytes == 8 && !em_has(c, EMUL_F_INTEL))
		bytes = 4;
	TRY(em_read_seg(c, c->insn.seg, em_ea(c), ptr, bytes + 2));
	memcpy(&off, ptr, bytes);
	memcpy(&sel, ptr + bytes, 2);
	TRY(em_load_sreg(c, sreg, sel));
	em_reg_write(c, c->insn.reg, off, bytes);
	return EMUL_DONE;
}

/* LAR, LSL, VERR, VERW: may the descriptor be looked at?  *@ok is false rather than a fault. */
static enum emul_result look_at(struct emul_ctxt *c, u64 operand, u32 sys_types, struct em_desc *d,
				bool *ok)
{
	enum emul_result res;
	u16 sel = operand, attr;

	*ok = false;
	if (sel_null(sel))
		return EMUL_DONE;
	res = em_desc_read(c, sel, EMUL_GP, d);
	if (res == EMUL_FAULT && c->fault.vector == EMUL_GP) {
		memset(&c->fault, 0, sizeof(c->fault));
		return EMUL_DONE;
	}
	TRY(res);
	attr = desc_attr(d);
	if (!(attr & EMUL_SEG_S) && !(sys_types & BIT(EMUL_SEG_TYPE(attr))))
		return EMUL_DONE;
	*ok = desc_conforming(attr) ||
	      (EMUL_SEG_DPL(attr) >= c->cpl && EMUL_SEG_DPL(attr) >= (sel & 3));
	return EMUL_DONE;
}

#define TYPES_LONG (BIT(SYS_LDT) | BIT(SYS_TSS32) | BIT(SYS_TSS32_BUSY))
#define TYPES_LEGACY (TYPES_LONG | BIT(SYS_TSS16) | BIT(SYS_TSS16_BUSY))

enum emul_result em_lar(struct emul_ctxt *c)
{
	u32 types = em_lma(c) ?
			    TYPES_LONG | BIT(SYS_CALL32) :
			    TYPES_LEGACY | BIT(SYS_CALL16) | BIT(SYS_TASK_GATE) | BIT(SYS_CALL32);
	struct em_desc d;
	u64 sel;
	bool ok;

	TRY(em_get(c, 1, &sel));
	TRY(look_at(c, sel, types, &d, &ok));
	if (ok)
		em_put(c, 0, (d.lo >> 32) & 0xffff00);
	em_set_flags(c, FL_ZF, ok ? FL_ZF : 0);
	return EMUL_DONE;
}

enum emul_result em_lsl(struct emul_ctxt *c)
{
	struct emul_seg seg;
	struct em_desc d;
	u64 sel;
	bool ok;

	TRY(em_get(c, 1, &sel));
	TRY(look_at(c, sel, em_lma(c) ? TYPES_LONG : TYPES_LEGACY, &d, &ok));
	if (ok) {
		em_desc_to_seg(&d, sel, false, &seg);
		em_put(c, 0, seg.limit);
	}
	em_set_flags(c, FL_ZF, ok ? FL_ZF : 0);
	return EMUL_DONE;
}

/* VERR, VERW (aux 1) */
enum emul_result em_verr(struct emul_ctxt *c)
{
	struct em_desc d;
	u16 attr;
	u64 sel;
	bool ok;

	TRY(em_get(c, 0, &sel));
	TRY(look_at(c, sel, 0, &d, &ok));
	if (ok) {
		attr = desc_attr(&d);
		if (c->insn.desc->aux)
			ok = desc_is_data(attr) && (attr & EMUL_SEG_RW);
		else
			ok = (attr & (EMUL_SEG_CODE | EMUL_SEG_RW)) != EMUL_SEG_CODE;
	}
	em_set_flags(c, FL_ZF, ok ? FL_ZF : 0);
	return EMUL_DONE;
}

/* Writes, and asks for the right to, only when there is something to adjust. */
enum emul_result em_arpl(struct emul_ctxt *c)
{
	u64 dst, src, lin;
	u16 new;

	TRY(em_get(c, 0, &dst));
	TRY(em_get(c, 1, &src));
	if ((dst & 3) >= (src & 3)) {
		c->rflags &= ~FL_ZF;
		return EMUL_DONE;
	}
	new = (dst & ~3) | (src & 3);
	if (c->insn.mem) {
		TRY(em_operand_lin(c, 2, EMUL_A_WRITE, &lin));
		TRY(em_write_lin(c, lin, &new, 2, 0));
	} else {
		em_reg_write(c, c->insn.rm, new, 2);
	}
	c->rflags |= FL_ZF;
	return EMUL_DONE;
}

/* SLDT, STR */
enum emul_result em_sldt(struct emul_ctxt *c)
{
	struct emul_seg seg;

	if (c->cpl && (c->ops->get_cr(c, 4) & CR4_UMIP))
		return emul_raise_gp(c, 0);
	c->ops->get_seg(c, c->insn.desc->aux, &seg);
	return em_put(c, 0, seg.selector);
}

/* LLDT and LTR: a system descriptor from the GDT */
static enum emul_result system_desc(struct emul_ctxt *c, u16 sel, struct em_desc *d)
{
	if (sel & 4)
		return sel_fault(c, EMUL_GP, sel);
	TRY(em_desc_read(c, sel, EMUL_GP, d));
	if (em_lma(c))
		TRY(em_desc_read_high(c, sel, EMUL_GP, d));
	return EMUL_DONE;
}

enum emul_result em_lldt(struct emul_ctxt *c)
{
	struct emul_seg seg;
	struct em_desc d;
	u64 sel;

	TRY(em_get(c, 0, &sel));
	if (sel_null(sel)) {
		em_null_seg(&seg, sel, 0);
		c->ops->set_seg(c, EMUL_LDTR, &seg);
		return EMUL_DONE;
	}
	TRY(system_desc(c, sel, &d));
	em_desc_to_seg(&d, sel, em_lma(c), &seg);
	if ((seg.attr & EMUL_SEG_S) || EMUL_SEG_TYPE(seg.attr) != SYS_LDT)
		return sel_fault(c, EMUL_GP, sel);
	if (!(seg.attr & EMUL_SEG_P))
		return sel_fault(c, EMUL_NP, sel);
	if (!em_canonical_base(c, seg.base))
		return sel_fault(c, EMUL_GP, sel);
	c->ops->set_seg(c, EMUL_LDTR, &seg);
	return EMUL_DONE;
}

enum emul_result em_ltr(struct emul_ctxt *c)
{
	struct emul_seg seg;
	struct em_desc d;
	unsigned int type;
	u64 sel;

	TRY(em_get(c, 0, &sel));
	if (sel_null(sel))
		return emul_raise_gp(c, 0);
	TRY(system_desc(c, sel, &d));
	em_desc_to_seg(&d, sel, em_lma(c), &seg);
	type = EMUL_SEG_TYPE(seg.attr);
	if ((seg.attr & EMUL_SEG_S) || (type != SYS_TSS32 && (type != SYS_TSS16 || em_lma(c))))
		return sel_fault(c, EMUL_GP, sel);
	if (!(seg.attr & EMUL_SEG_P))
		return sel_fault(c, EMUL_NP, sel);
	if (!em_canonical_base(c, seg.base))
		return sel_fault(c, EMUL_GP, sel);
	TRY(em_desc_or(c, &d, TYPE_BUSY));
	seg.attr |= TYPE_BUSY;
	c->ops->set_seg(c, EMUL_TR, &seg);
	return EMUL_DONE;
}
