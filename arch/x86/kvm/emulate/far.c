// SPDX-License-Identifier: GPL-2.0-only
/*
 * Far JMP, CALL, RET and IRET, through call gates, too.  Intel SDM vol. 2, CALL, IRET, JMP, RET; vol. 3A, 5.8; AMD APM
 * vol. 2, 4.11.
 *
 * Such an instruction works on the context's copies of CS and SS, CPL and mode, so that its accesses are made as the
 * processor would make them half way through; nothing is given to the owner before all steps have succeeded.
 */
#include "far.h"

struct far *em_far_begin(struct emul_ctxt *c)
{
	struct far *f = (struct far *)c->work;

	f->cs = *em_seg(c, EMUL_CS);
	f->ss = *em_seg(c, EMUL_SS);
	f->rsp = c->gpr[EMUL_RSP];
	f->cpl = c->cpl;
	f->mode = c->mode;
	f->ret = c->next_rip;
	f->params = 0;
	f->ist = 0;
	f->call = false;
	f->inner = false;
	f->outer = false;
	f->vm86 = false;
	f->bytes = c->insn.op_bytes;
	if (f->bytes == 8 && !em_has(c, EMUL_F_INTEL) && c->insn.mem)
		f->bytes = 4;
	f->push_bytes = f->bytes;
	return f;
}

/* A data segment that the new privilege level may not use becomes null. */
static void drop_segment(struct emul_ctxt *c, unsigned int sreg)
{
	const struct emul_seg *seg = em_seg(c, sreg);
	struct emul_seg null;

	if (EMUL_SEG_DPL(seg->attr) >= c->cpl || desc_conforming(seg->attr))
		return;
	if (seg->attr & EMUL_SEG_UNUSABLE && sel_null(seg->selector))
		return;
	em_null_seg(&null, 0, 0);
	em_set_seg(c, sreg, &null);
}

noinline enum emul_result em_far_end(struct emul_ctxt *c, const struct far *f, enum emul_result res)
{
	if (res != EMUL_DONE) {
		c->seg[EMUL_CS] = f->cs;
		c->seg[EMUL_SS] = f->ss;
		c->cpl = f->cpl;
		c->mode = f->mode;
		return res;
	}
	c->ops->set_seg(c, EMUL_CS, &c->seg[EMUL_CS]);
	if (memcmp(&c->seg[EMUL_SS], &f->ss, sizeof(f->ss)))
		c->ops->set_seg(c, EMUL_SS, &c->seg[EMUL_SS]);
	em_set_rsp(c, f->rsp);
	if (f->outer && !f->vm86) {
		drop_segment(c, EMUL_ES);
		drop_segment(c, EMUL_DS);
		drop_segment(c, EMUL_FS);
		drop_segment(c, EMUL_GS);
	}
	return EMUL_DONE;
}

static u8 code_mode(struct emul_ctxt *c, u16 attr)
{
	if ((attr & EMUL_SEG_L) && em_lma(c))
		return EMUL_MODE_LONG;
	return (attr & EMUL_SEG_DB) ? EMUL_MODE_PROT32 : EMUL_MODE_PROT16;
}

/*
 * Read a code segment's descriptor for CPL @cpl (after the transfer).  The caller has checked that this CPL may use it,
 * given *@attr by em_code_desc().
 */
static enum emul_result code_desc(struct emul_ctxt *c, u16 sel, struct em_desc *d, u16 *attr)
{
	if (sel_null(sel))
		return emul_raise_gp(c, 0);
	TRY(em_desc_read(c, sel, EMUL_GP, d));
	*attr = desc_attr(d);
	return EMUL_DONE;
}

/* The last checks, and the copies of CS, CPL and mode. */
noinline enum emul_result em_enter_code(struct emul_ctxt *c, u16 sel, const struct em_desc *d,
					unsigned int cpl, u64 rip)
{
	struct emul_seg seg;
	u8 mode;

	em_desc_to_seg(d, (sel & ~3) | cpl, false, &seg);
	if (!(seg.attr & EMUL_SEG_P))
		return emul_raise(c, EMUL_NP, true, sel & ~3);
	if ((seg.attr & EMUL_SEG_L) && (seg.attr & EMUL_SEG_DB) && em_lma(c))
		return emul_raise_gp(c, sel & ~3);
	mode = code_mode(c, seg.attr);
	if (mode == EMUL_MODE_LONG ? !em_canonical(c, rip) : (u32)rip > seg.limit)
		return emul_raise_gp(c, 0);
	TRY(em_desc_accessed(c, d, &seg));
	c->seg[EMUL_CS] = seg;
	c->cpl = cpl;
	c->mode = mode;
	c->next_rip = mode == EMUL_MODE_LONG ? rip : (u32)rip;
	return EMUL_DONE;
}

/* Push CS and the return address, if this is a CALL. */
static noinline enum emul_result push_return(struct emul_ctxt *c, struct far *f)
{
	if (!f->call)
		return EMUL_DONE;
	TRY(em_push(c, &f->rsp, f->cs.selector, f->push_bytes));
	return em_push(c, &f->rsp, f->ret, f->push_bytes);
}

noinline enum emul_result em_far_real(struct emul_ctxt *c, struct far *f)
{
	struct emul_seg seg;

	em_real_seg(c, EMUL_CS, f->sel, &seg);
	if (f->off > seg.limit)
		return emul_raise_gp(c, 0);
	/* What protected mode left of type, privilege and default size ends here; the limit stays. */
	if (c->mode == EMUL_MODE_REAL)
		seg.attr = (seg.attr & EMUL_SEG_G) | 0x93;
	TRY(push_return(c, f));
	c->seg[EMUL_CS] = seg;
	c->next_rip = f->off;
	return EMUL_DONE;
}

/* JMP or CALL straight to a code segment */
static noinline enum emul_result far_code(struct emul_ctxt *c, struct far *f)
{
	u16 attr = desc_attr(&f->d);
	unsigned int dpl = EMUL_SEG_DPL(attr);
	enum emul_result res;
	u8 mode;

	if (!desc_is_code(attr))
		return emul_raise_gp(c, f->sel & ~3);
	if (desc_conforming(attr) ? dpl > c->cpl : (f->sel & 3) > c->cpl || dpl != c->cpl)
		return emul_raise_gp(c, f->sel & ~3);
	/* Faults of the target go first; then it is pushed in the old mode. */
	TRY(em_enter_code(c, f->sel, &f->d, f->cpl, f->off));
	mode = c->mode;
	c->mode = f->mode;
	res = push_return(c, f);
	c->mode = mode;
	return res;
}

/* The stack of a more privileged level, from the TSS. */
noinline enum emul_result em_inner_stack(struct emul_ctxt *c, struct far *f, unsigned int cpl)
{
	struct emul_seg tr;
	unsigned int off, bytes;

	c->ops->get_seg(c, EMUL_TR, &tr);
	f->rsp = 0;
	f->ss_sel = cpl;
	if (em_lma(c)) {
		off = f->ist ? 28 + 8 * f->ist : 4 + 8 * cpl;
		bytes = 8;
	} else if (EMUL_SEG_TYPE(tr.attr) & 8) {
		off = 4 + 8 * cpl;
		bytes = 4;
	} else {
		off = 2 + 4 * cpl;
		bytes = 2;
	}
	if (off + bytes + (bytes == 8 ? 0 : 2) - 1 > tr.limit)
		return emul_raise(c, EMUL_TS, true, tr.selector & ~3);
	TRY(em_read_lin(c, tr.base + off, &f->rsp, bytes, EMUL_A_SYSTEM));
	if (bytes == 8)
		return EMUL_DONE;
	return em_read_lin(c, tr.base + off + bytes, &f->ss_sel, 2, EMUL_A_SYSTEM);
}

/* Parameters from the old stack to the new, first pushed first. */
static noinline enum emul_result copy_params(struct emul_ctxt *c, struct far *f)
{
	struct emul_seg ss = c->seg[EMUL_SS];
	u8 cpl = c->cpl, mode = c->mode;
	u64 sp, val;

	while (f->params--) {
		c->seg[EMUL_SS] = f->ss;
		c->cpl = f->cpl;
		c->mode = f->mode;
		sp = c->gpr[EMUL_RSP] + (u64)f->params * f->push_bytes;
		val = 0;
		TRY(em_read_seg(c, EMUL_SS, sp & em_mask(em_stack_bytes(c)), &val, f->push_bytes));
		c->seg[EMUL_SS] = ss;
		c->cpl = cpl;
		c->mode = mode;
		TRY(em_inner_fault(c, f, em_push(c, &f->rsp, val, f->push_bytes)));
	}
	return EMUL_DONE;
}

/* What goes wrong on the inner stack itself names that stack: #SS(selector). */
enum emul_result em_inner_fault(struct emul_ctxt *c, const struct far *f, enum emul_result res)
{
	if (res == EMUL_FAULT && f->inner && c->fault.vector == EMUL_SSF)
		return emul_raise(c, EMUL_SSF, true, f->ss_sel & ~3);
	return res;
}

/* CALL through a gate to more privilege: the new stack, and the old one's address on it */
static noinline enum emul_result gate_stack(struct emul_ctxt *c, struct far *f)
{
	unsigned int cpl = EMUL_SEG_DPL(desc_attr(&f->d));
	struct emul_seg ss;

	TRY(em_inner_stack(c, f, cpl));
	if (f->push_bytes == 8)
		em_null_seg(&ss, f->ss_sel, cpl);
	else
		TRY(em_check_ss(c, f->ss_sel, cpl, EMUL_TS, &ss));
	TRY(em_enter_code(c, f->sel, &f->d, cpl, f->off));
	c->seg[EMUL_SS] = ss;
	TRY(em_inner_fault(c, f, em_push(c, &f->rsp, f->ss.selector, f->push_bytes)));
	return em_inner_fault(c, f, em_push(c, &f->rsp, c->gpr[EMUL_RSP], f->push_bytes));
}

/* What the gate in f->d says: the target, its descriptor in place of the gate's. */
static noinline enum emul_result read_gate(struct emul_ctxt *c, struct far *f)
{
	u16 attr = desc_attr(&f->d), gate_sel = f->sel;
	unsigned int dpl = EMUL_SEG_DPL(attr);
	bool lma = em_lma(c);

	if (dpl < c->cpl || dpl < (gate_sel & 3))
		return emul_raise_gp(c, gate_sel & ~3);
	if (!(attr & EMUL_SEG_P))
		return emul_raise(c, EMUL_NP, true, gate_sel & ~3);
	f->off = f->d.lo & 0xffff;
	f->sel = f->d.lo >> 16;
	f->push_bytes = EMUL_SEG_TYPE(attr) == SYS_CALL16 ? 2 : 4;
	if (f->push_bytes == 4)
		f->off |= (f->d.lo >> 32) & 0xffff0000;
	if (lma) {
		TRY(em_desc_read_high(c, gate_sel, EMUL_GP, &f->d));
		f->off |= f->d.hi << 32;
		f->push_bytes = 8;
	} else {
		f->params = (f->d.lo >> 32) & 31;
	}
	TRY(code_desc(c, f->sel, &f->d, &attr));
	dpl = EMUL_SEG_DPL(attr);
	if (!desc_is_code(attr) || dpl > c->cpl ||
	    (lma && (attr & (EMUL_SEG_L | EMUL_SEG_DB)) != EMUL_SEG_L))
		return emul_raise_gp(c, f->sel & ~3);
	if (!(attr & EMUL_SEG_P))
		return emul_raise(c, EMUL_NP, true, f->sel & ~3);
	f->inner = f->call && !desc_conforming(attr) && dpl < c->cpl;
	if (!f->inner && !desc_conforming(attr) && dpl != c->cpl)
		return emul_raise_gp(c, f->sel & ~3);
	return EMUL_DONE;
}

static enum emul_result far_gate(struct emul_ctxt *c, struct far *f)
{
	TRY(read_gate(c, f));
	if (f->inner) {
		TRY(gate_stack(c, f));
		TRY(copy_params(c, f));
	} else {
		TRY(em_enter_code(c, f->sel, &f->d, f->cpl, f->off));
	}
	return em_inner_fault(c, f, push_return(c, f));
}

/* A jump or call to a TSS or task gate; *@done: it has been dealt with, whatever the result. */
static enum emul_result far_task(struct emul_ctxt *c, u16 sel, const struct em_desc *d, bool call)
{
	enum emul_task_reason reason = call ? EMUL_TASK_CALL : EMUL_TASK_JMP;
	u16 attr = desc_attr(d);
	unsigned int type = EMUL_SEG_TYPE(attr);

	if (EMUL_SEG_DPL(attr) < c->cpl || EMUL_SEG_DPL(attr) < (sel & 3))
		return emul_raise_gp(c, sel & ~3);
	if (type == SYS_TASK_GATE) {
		if (!(attr & EMUL_SEG_P))
			return emul_raise(c, EMUL_NP, true, sel & ~3);
		sel = d->lo >> 16;
	}
	return em_task_note(c, sel, reason);
}

/* The operand: immediate, or in memory. */
static noinline enum emul_result far_operand(struct emul_ctxt *c, struct far *f)
{
	u8 ptr[10];

	f->off = c->insn.imm;
	f->sel = c->insn.imm2;
	if (!c->insn.mem)
		return EMUL_DONE;
	TRY(em_read_seg(c, c->insn.seg, em_ea(c), ptr, f->bytes + 2));
	f->off = 0;
	memcpy(&f->off, ptr, f->bytes);
	memcpy(&f->sel, ptr + f->bytes, 2);
	return EMUL_DONE;
}

static enum emul_result far_transfer(struct emul_ctxt *c, bool call)
{
	struct far *f = em_far_begin(c);
	bool lma;

	f->call = call;
	TRY(far_operand(c, f));
	if (!em_prot(c))
		return em_far_end(c, f, em_far_real(c, f));
	if (sel_null(f->sel))
		return emul_raise_gp(c, 0);
	TRY(em_desc_read(c, f->sel, EMUL_GP, &f->d));
	if (desc_attr(&f->d) & EMUL_SEG_S)
		return em_far_end(c, f, far_code(c, f));
	lma = em_lma(c);
	switch (EMUL_SEG_TYPE(desc_attr(&f->d))) {
	case SYS_CALL32:
		return em_far_end(c, f, far_gate(c, f));
	case SYS_CALL16:
		if (!lma)
			return em_far_end(c, f, far_gate(c, f));
		break;
	case SYS_TASK_GATE:
	case SYS_TSS16:
	case SYS_TSS32:
		if (!lma)
			return far_task(c, f->sel, &f->d, call);
		break;
	}
	return emul_raise_gp(c, f->sel & ~3);
}

enum emul_result em_jmp_far(struct emul_ctxt *c)
{
	return far_transfer(c, false);
}

enum emul_result em_call_far(struct emul_ctxt *c)
{
	return far_transfer(c, true);
}

/* The code segment that RET and IRET go back to; *@rpl is the new CPL. */
static noinline enum emul_result return_code(struct emul_ctxt *c, u16 sel, struct em_desc *d)
{
	unsigned int rpl = sel & 3, dpl;
	u16 attr = 0;

	TRY(code_desc(c, sel, d, &attr));
	dpl = EMUL_SEG_DPL(attr);
	if (!desc_is_code(attr) || rpl < c->cpl)
		return emul_raise_gp(c, sel & ~3);
	if (desc_conforming(attr) ? dpl > rpl : dpl != rpl)
		return emul_raise_gp(c, sel & ~3);
	return EMUL_DONE;
}

/* The stack segment of the level returned to. */
static enum emul_result return_stack(struct emul_ctxt *c, u16 sel, unsigned int cpl, u16 code_attr,
				     struct emul_seg *ss)
{
	if (sel_null(sel) && code_mode(c, code_attr) == EMUL_MODE_LONG && cpl != 3) {
		if ((sel & 3) != cpl)
			return emul_raise_gp(c, 0);
		em_null_seg(ss, sel, cpl);
		return EMUL_DONE;
	}
	return em_check_ss(c, sel, cpl, EMUL_GP, ss);
}

/*
 * RET or IRET in protected mode, with f->sel and f->off popped; the stack pointer and segment are popped here if they
 * are there.  @drop: RET's immediate
 */
static noinline enum emul_result far_return(struct emul_ctxt *c, struct far *f, bool pop_stack,
					    u64 drop)
{
	unsigned int cpl = f->sel & 3;
	struct emul_seg ss;
	u64 rsp, ss_sel;

	TRY(return_code(c, f->sel, &f->d));
	f->outer = cpl > c->cpl;
	f->rsp += drop;
	if (!pop_stack && !f->outer)
		return em_enter_code(c, f->sel, &f->d, cpl, f->off);
	TRY(em_pop(c, &f->rsp, &rsp, f->bytes));
	TRY(em_pop(c, &f->rsp, &ss_sel, f->bytes));
	/* Presence of the code segment goes first. */
	if (!(desc_attr(&f->d) & EMUL_SEG_P))
		return emul_raise(c, EMUL_NP, true, f->sel & ~3);
	TRY(return_stack(c, ss_sel, cpl, desc_attr(&f->d), &ss));
	TRY(em_enter_code(c, f->sel, &f->d, cpl, f->off));
	c->seg[EMUL_SS] = ss;
	f->rsp = rsp + drop;
	return EMUL_DONE;
}

/* CS:IP from the stack */
static noinline enum emul_result pop_target(struct emul_ctxt *c, struct far *f)
{
	u64 sel;

	TRY(em_pop(c, &f->rsp, &f->off, f->bytes));
	TRY(em_pop(c, &f->rsp, &sel, f->bytes));
	f->sel = sel;
	return EMUL_DONE;
}

enum emul_result em_ret_far(struct emul_ctxt *c)
{
	struct far *f = em_far_begin(c);

	TRY(pop_target(c, f));
	if (em_prot(c))
		return em_far_end(c, f, far_return(c, f, false, c->insn.imm));
	f->rsp += c->insn.imm;
	return em_far_end(c, f, em_far_real(c, f));
}

/* Which flags IRET loads. */
static u64 iret_mask(const struct emul_ctxt *c, unsigned int cpl, unsigned int bytes)
{
	u64 mask = FL_ARITH | FL_TF | FL_DF | FL_NT;

	if (bytes > 2)
		mask |= FL_RF | FL_AC | FL_ID;
	if (cpl <= em_iopl(c))
		mask |= FL_IF;
	if (cpl == 0) {
		mask |= FL_IOPL;
		if (bytes > 2)
			mask |= FL_VIF | FL_VIP;
	}
	return mask;
}

/* IRET in virtual-8086 mode with CR4.VME and IOPL below 3: 16 bits, IF is VIF. */
static enum emul_result iret_vme(struct emul_ctxt *c, u64 flags)
{
	if (c->insn.op_bytes != 2 || !(c->ops->get_cr(c, 4) & CR4_VME))
		return emul_raise_gp(c, 0);
	if ((flags & FL_TF) || ((flags & FL_IF) && (c->rflags & FL_VIP)))
		return emul_raise_gp(c, 0);
	return EMUL_DONE;
}

static noinline enum emul_result iret_real(struct emul_ctxt *c, struct far *f)
{
	u64 flags, mask;
	bool vme = c->mode == EMUL_MODE_VM86 && em_iopl(c) != 3;
	enum emul_result res;

	if (vme && (c->insn.op_bytes != 2 || !(c->ops->get_cr(c, 4) & CR4_VME)))
		return emul_raise_gp(c, 0);
	TRY(pop_target(c, f));
	TRY(em_pop(c, &f->rsp, &flags, f->bytes));
	if (vme)
		TRY(iret_vme(c, flags));
	res = em_far_end(c, f, em_far_real(c, f));
	if (res != EMUL_DONE)
		return res;
	if (vme) {
		em_set_flags(c, FL_ARITH | FL_TF | FL_DF | FL_NT, flags);
		em_set_flags(c, FL_VIF, (flags & FL_IF) ? FL_VIF : 0);
		return EMUL_DONE;
	}
	mask = iret_mask(c, c->mode == EMUL_MODE_VM86 ? 3 : 0, f->bytes) & ~(FL_VIF | FL_VIP);
	em_set_flags(c, mask, flags);
	return EMUL_DONE;
}

/* From protected to virtual-8086 mode: everything is on the stack. */
static noinline enum emul_result iret_to_vm86(struct emul_ctxt *c, struct far *f, u64 flags)
{
	static const u8 order[] = { EMUL_SS, EMUL_ES, EMUL_DS, EMUL_FS, EMUL_GS };
	struct emul_seg seg = { .limit = 0xffff, .attr = 0xf3 };
	u64 rsp, val[ARRAY_SIZE(order)];
	unsigned int i;

	TRY(em_pop(c, &f->rsp, &rsp, 4));
	for (i = 0; i < ARRAY_SIZE(order); i++)
		TRY(em_pop(c, &f->rsp, &val[i], 4));
	if ((u16)f->off != (u32)f->off)
		return emul_raise_gp(c, 0);
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		seg.selector = val[i];
		seg.base = (u32)seg.selector << 4;
		em_set_seg(c, order[i], &seg);
	}
	seg.selector = f->sel;
	seg.base = (u32)seg.selector << 4;
	em_set_seg(c, EMUL_CS, &seg);
	c->gpr[EMUL_RSP] = (u32)rsp;
	c->next_rip = (u16)f->off;
	em_set_flags(c,
		     FL_ARITH | FL_TF | FL_DF | FL_NT | FL_RF | FL_AC | FL_ID | FL_IF | FL_IOPL |
			     FL_VIF | FL_VIP | FL_VM,
		     flags);
	c->cpl = 3;
	c->mode = EMUL_MODE_VM86;
	return EMUL_DONE;
}

static noinline enum emul_result iret_prot(struct emul_ctxt *c, struct far *f)
{
	unsigned int cpl = c->cpl;
	u64 flags, mask;

	TRY(pop_target(c, f));
	TRY(em_pop(c, &f->rsp, &flags, f->bytes));
	if ((flags & FL_VM) && f->bytes == 4 && cpl == 0 && !em_lma(c))
		return iret_to_vm86(c, f, flags);
	mask = iret_mask(c, cpl, f->bytes);
	TRY(em_far_end(c, f, far_return(c, f, em_long(c), 0)));
	em_set_flags(c, mask, flags);
	return EMUL_DONE;
}

enum emul_result em_iret(struct emul_ctxt *c)
{
	enum emul_result res;
	struct far *f = em_far_begin(c);

	f->bytes = c->insn.op_bytes;
	if (!em_prot(c)) {
		res = iret_real(c, f);
	} else if (c->rflags & FL_NT) {
		if (em_lma(c))
			return emul_raise_gp(c, 0);
		res = em_task_return(c);
	} else {
		res = iret_prot(c, f);
	}
	if (res == EMUL_DONE || res == EMUL_TASK_SWITCH) {
		c->keep_rf = true;
		c->nmi_unmask = true;
	}
	return res;
}
