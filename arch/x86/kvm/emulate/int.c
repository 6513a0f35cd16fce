// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts and exceptions: INT n and its kin, and the delivery of any event through the vector table of real mode or
 * the IDT of protected and long mode.  Intel SDM vol. 2, INT n; vol. 3A, chapter 6; AMD APM vol. 2, chapter 8.
 */
#include "far.h"

#define GATE_TASK 0x5
#define GATE_INT16 0x6
#define GATE_TRAP16 0x7
#define GATE_INT32 0xe
#define GATE_TRAP32 0xf

#define TSS_IO_BASE 102
#define REDIRECTION_BYTES 32

/* Through the table at @base, in real mode or, redirected, in virtual-8086 mode; @flags: what is pushed. */
static noinline enum emul_result through_vector(struct emul_ctxt *c, struct far *f, u64 base,
						u8 vector, u64 flags)
{
	u16 entry[2];

	TRY(em_read_lin(c, (u32)(base + vector * 4u), entry, 4, EMUL_A_SYSTEM));
	TRY(em_push(c, &f->rsp, flags, 2));
	f->push_bytes = 2;
	f->call = true;
	f->sel = entry[1];
	f->off = entry[0];
	return em_far_end(c, f, em_far_real(c, f));
}

/**
 * emul_real_interrupt - deliver an interrupt or exception through the real-mode vector table
 * @ctxt:	begun; in real mode
 * @vector:	0-255
 * @return_rip:	what is pushed as IP
 *
 * Return: EMUL_DONE (rip, RFLAGS, SP, CS changed), EMUL_FAULT, or what an op returned.
 */
enum emul_result emul_real_interrupt(struct emul_ctxt *ctxt, u8 vector, u64 return_rip)
{
	struct far *f = em_far_begin(ctxt);
	struct emul_dtr idtr;

	ctxt->ops->get_idtr(ctxt, &idtr);
	if (vector * 4u + 3 > idtr.limit)
		return emul_raise_gp(ctxt, 0);
	f->ret = return_rip;
	TRY(through_vector(ctxt, f, idtr.base, vector, ctxt->rflags));
	ctxt->rflags &= ~(FL_IF | FL_TF | FL_AC | FL_RF);
	ctxt->rip = ctxt->next_rip;
	return EMUL_DONE;
}

/* ---- the instructions */

static enum emul_result soft_event(struct emul_ctxt *c, u8 vector, enum emul_event_kind kind)
{
	enum emul_result res;

	if (c->mode == EMUL_MODE_REAL) {
		res = emul_real_interrupt(c, vector, c->next_rip);
		c->quiet = true;
		return res;
	}
	if (kind == EMUL_EV_SOFT_INT && c->mode == EMUL_MODE_VM86 && em_iopl(c) != 3 &&
	    !(c->ops->get_cr(c, 4) & CR4_VME))
		return emul_raise_gp(c, 0);
	c->fault.vector = vector;
	c->fault.kind = kind;
	c->fault.has_error = false;
	return EMUL_SOFT_INT;
}

/* INT n, INT3 (aux 3), INT1 (aux 1) */
enum emul_result em_int(struct emul_ctxt *c)
{
	unsigned int aux = c->insn.desc->aux;

	if (aux)
		return soft_event(c, aux, aux == 3 ? EMUL_EV_SOFT_EXC : EMUL_EV_PRIV_EXC);
	return soft_event(c, c->insn.imm, EMUL_EV_SOFT_INT);
}

enum emul_result em_into(struct emul_ctxt *c)
{
	if (!(c->rflags & FL_OF))
		return EMUL_DONE;
	return soft_event(c, EMUL_OF, EMUL_EV_SOFT_EXC);
}

/* ---- delivery */

/* INT n in virtual-8086 mode with CR4.VME: does the TSS's map send it to the 8086 program's own handler? */
static noinline enum emul_result redirected(struct emul_ctxt *c, u8 vector, bool *yes)
{
	struct emul_seg tr;
	u16 base;
	u8 bits;

	*yes = false;
	if (!(c->ops->get_cr(c, 4) & CR4_VME))
		return EMUL_DONE;
	c->ops->get_seg(c, EMUL_TR, &tr);
	if (tr.limit < TSS_IO_BASE + 1)
		return EMUL_DONE;
	TRY(em_read_lin(c, (u32)(tr.base + TSS_IO_BASE), &base, 2, EMUL_A_SYSTEM));
	if (base < REDIRECTION_BYTES || base > tr.limit)
		return EMUL_DONE;
	TRY(em_read_lin(c, (u32)(tr.base + base - REDIRECTION_BYTES + vector / 8), &bits, 1,
			EMUL_A_SYSTEM));
	*yes = !(bits >> (vector & 7) & 1);
	return EMUL_DONE;
}

/* To the 8086 program's handler.  With IOPL below 3 it sees VIF as IF and IOPL as 3. */
static noinline enum emul_result deliver_vm86(struct emul_ctxt *c, struct far *f, u8 vector)
{
	u64 flags = c->rflags, flag = FL_IF;

	if (em_iopl(c) != 3) {
		flags = (flags & ~FL_IF) | FL_IOPL | ((flags & FL_VIF) ? FL_IF : 0);
		flag = FL_VIF;
	}
	TRY(through_vector(c, f, 0, vector, flags));
	c->rflags &= ~(flag | FL_TF | FL_RF);
	return EMUL_DONE;
}

static bool is_soft(enum emul_event_kind kind)
{
	return kind == EMUL_EV_SOFT_INT || kind == EMUL_EV_SOFT_EXC;
}

/* The gate, to f->d: there, of a type that is one, and allowed. */
static noinline enum emul_result read_idt(struct emul_ctxt *c, struct far *f, u8 vector, bool soft)
{
	unsigned int size = em_lma(c) ? 16 : 8, type;
	u32 error = vector * 8 + 2;
	struct emul_dtr idtr;
	u64 lin;
	u16 attr;

	c->ops->get_idtr(c, &idtr);
	if (vector * size + size - 1 > idtr.limit)
		return emul_raise_gp(c, error);
	lin = idtr.base + vector * size;
	f->d.hi = 0;
	TRY(em_read_lin(c, size == 8 ? (u32)lin : lin, &f->d.lo, size, EMUL_A_SYSTEM));
	attr = desc_attr(&f->d);
	type = EMUL_SEG_TYPE(attr);
	if ((attr & EMUL_SEG_S) || (type != GATE_INT32 && type != GATE_TRAP32 &&
				    (size == 16 || type < GATE_TASK || type > GATE_TRAP16)))
		return emul_raise_gp(c, error);
	if (soft && EMUL_SEG_DPL(attr) < c->cpl)
		return emul_raise_gp(c, error);
	if (!(attr & EMUL_SEG_P))
		return emul_raise(c, EMUL_NP, true, error);
	f->sel = f->d.lo >> 16;
	f->off = f->d.lo & 0xffff;
	f->push_bytes = type < GATE_INT32 ? 2 : 4;
	if (f->push_bytes == 4)
		f->off |= (f->d.lo >> 32) & 0xffff0000;
	if (size == 16) {
		f->off |= f->d.hi << 32;
		f->push_bytes = 8;
		f->ist = (f->d.lo >> 32) & 7;
	}
	return EMUL_DONE;
}

/* The handler's code segment, to f->d. */
static noinline enum emul_result read_handler(struct emul_ctxt *c, struct far *f)
{
	unsigned int dpl;
	u16 attr;

	if (sel_null(f->sel))
		return emul_raise_gp(c, 0);
	TRY(em_desc_read(c, f->sel, EMUL_GP, &f->d));
	attr = desc_attr(&f->d);
	dpl = EMUL_SEG_DPL(attr);
	if (!desc_is_code(attr) || dpl > c->cpl ||
	    (f->push_bytes == 8 && (attr & (EMUL_SEG_L | EMUL_SEG_DB)) != EMUL_SEG_L))
		return emul_raise_gp(c, f->sel & ~3);
	if (!(attr & EMUL_SEG_P))
		return emul_raise(c, EMUL_NP, true, f->sel & ~3);
	f->inner = !desc_conforming(attr) && dpl < c->cpl;
	if (c->mode == EMUL_MODE_VM86 && (!f->inner || dpl))
		return emul_raise_gp(c, f->sel & ~3);
	return EMUL_DONE;
}

/* The copies of CS, SS, CPL and mode become the handler's. */
static noinline enum emul_result enter_handler(struct emul_ctxt *c, struct far *f)
{
	unsigned int cpl = f->inner ? EMUL_SEG_DPL(desc_attr(&f->d)) : c->cpl;
	struct emul_seg ss = f->ss;

	if (f->inner || f->ist) {
		TRY(em_inner_stack(c, f, cpl));
		if (f->push_bytes != 8 && em_lma(c))
			return EMUL_UNHANDLED;
		if (!em_lma(c))
			TRY(em_check_ss(c, f->ss_sel, cpl, EMUL_TS, &ss));
		else if (f->inner)
			em_null_seg(&ss, f->ss_sel, cpl);
	}
	if (f->push_bytes == 8)
		f->rsp &= ~15ULL;
	TRY(em_enter_code(c, f->sel, &f->d, cpl, f->off));
	c->seg[EMUL_SS] = ss;
	return EMUL_DONE;
}

static enum emul_result push(struct emul_ctxt *c, struct far *f, u64 val)
{
	return em_inner_fault(c, f, em_push(c, &f->rsp, val, f->push_bytes));
}

static noinline enum emul_result push_frame(struct emul_ctxt *c, struct far *f,
					    const struct emul_event *ev)
{
	static const u8 data[] = { EMUL_GS, EMUL_FS, EMUL_DS, EMUL_ES };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(data) && f->mode == EMUL_MODE_VM86; i++)
		TRY(push(c, f, em_seg(c, data[i])->selector));
	if (f->inner || f->push_bytes == 8) {
		TRY(push(c, f, f->ss.selector));
		TRY(push(c, f, c->gpr[EMUL_RSP]));
	}
	TRY(push(c, f, f->flags));
	TRY(push(c, f, f->cs.selector));
	TRY(push(c, f, ev->return_rip));
	return ev->has_error ? push(c, f, ev->error) : EMUL_DONE;
}

static noinline enum emul_result handler_steps(struct emul_ctxt *c, struct far *f,
					       const struct emul_event *ev)
{
	TRY(read_handler(c, f));
	TRY(enter_handler(c, f));
	return push_frame(c, f, ev);
}

static noinline enum emul_result deliver_gate(struct emul_ctxt *c, struct far *f,
					      const struct emul_event *ev, bool trap_gate)
{
	struct emul_seg null;
	unsigned int i;

	TRY(em_far_end(c, f, handler_steps(c, f, ev)));
	c->rflags &= ~(FL_TF | FL_NT | FL_RF | FL_VM | (trap_gate ? 0 : FL_IF));
	if (f->mode != EMUL_MODE_VM86)
		return EMUL_DONE;
	em_null_seg(&null, 0, 0);
	for (i = EMUL_ES; i <= EMUL_GS; i++) {
		if (i != EMUL_CS && i != EMUL_SS)
			em_set_seg(c, i, &null);
	}
	return EMUL_DONE;
}

/* Faults push RF set, so that an instruction breakpoint is not taken again: SDM vol. 3B, 18.3.1.1. */
static u64 pushed_flags(const struct emul_ctxt *c, const struct emul_event *ev)
{
	if (ev->kind == EMUL_EV_FAULT && ev->vector != EMUL_DB && ev->vector != EMUL_DF)
		return c->rflags | FL_RF;
	return c->rflags;
}

static enum emul_result deliver(struct emul_ctxt *c, const struct emul_event *ev)
{
	struct far *f = em_far_begin(c);
	bool soft_int = ev->kind == EMUL_EV_SOFT_INT, redirect;
	unsigned int type;

	f->flags = pushed_flags(c, ev);
	f->ret = ev->return_rip;
	if (soft_int && c->mode == EMUL_MODE_VM86) {
		TRY(redirected(c, ev->vector, &redirect));
		if (redirect)
			return deliver_vm86(c, f, ev->vector);
		if (em_iopl(c) != 3)
			return emul_raise_gp(c, 0);
	}
	TRY(read_idt(c, f, ev->vector, is_soft(ev->kind)));
	type = EMUL_SEG_TYPE(desc_attr(&f->d));
	if (type != GATE_TASK)
		return deliver_gate(c, f, ev, type & 1);
	c->next_rip = ev->return_rip;
	return em_task_note(c, f->sel, EMUL_TASK_GATE);
}

/**
 * emul_deliver_event - do what the processor does to deliver an interrupt or exception, in any mode
 * @ctxt:	begun, or after emul_run() has returned EMUL_SOFT_INT; registers filled
 * @ev:		the event
 *
 * For a guest whose state the processor cannot enter, and for machines that are emulated as a whole.
 *
 * Return: EMUL_DONE with rip, RFLAGS, RSP, the segments, @mode and @cpl those of the handler; EMUL_FAULT: delivery has
 * raised ctxt->fault instead (what both together make is the owner's to say); EMUL_UNHANDLED; EMUL_RETRY.
 */
enum emul_result emul_deliver_event(struct emul_ctxt *ctxt, const struct emul_event *ev)
{
	enum emul_result res;

	em_log_reset(ctxt);
	memset(&ctxt->fault, 0, sizeof(ctxt->fault));
	ctxt->ext = !is_soft(ev->kind);
	if (ctxt->mode == EMUL_MODE_REAL)
		res = emul_real_interrupt(ctxt, ev->vector, ev->return_rip);
	else
		res = deliver(ctxt, ev);
	if (res == EMUL_TASK_SWITCH) {
		u64 rip = ctxt->rip;

		ctxt->rip = ev->return_rip;
		em_log_reset(ctxt);
		res = emul_task_switch(ctxt, ctxt->task_sel, EMUL_TASK_GATE, ev->has_error,
				       ev->error);
		if (res != EMUL_DONE && ctxt->rip == ev->return_rip)
			ctxt->rip = rip;
	} else if (res == EMUL_DONE) {
		ctxt->rip = ctxt->next_rip;
	}
	ctxt->ext = false;
	if (res == EMUL_DONE)
		ctxt->int_shadow = 0;
	return res == EMUL_NEED_IO ? EMUL_UNHANDLED : res;
}
