// SPDX-License-Identifier: GPL-2.0-only
/* Hardware task switches, with 16- and 32-bit TSS.  Intel SDM vol. 3A, chapter 8; AMD APM vol. 2, 12.4. */
#include "segment.h"

#define DR6_BT BIT_ULL(15)
#define DR7_LOCAL 0x155ULL /* L0-L3, LE */

/* A task's state as its TSS holds it: eip, eflags, eight registers, es cs ss ds fs gs. */
struct task_state {
	u32 v[16];
	u32 cr3;
	u16 ldt;
	bool trap;
};

/* A switch under way: in the context, for it is too much for the stack. */
struct task_work {
	struct task_state state;
	struct emul_seg old;
	struct emul_seg tss;
	struct em_desc desc; /* of the TSS, then of the new task's code */
	struct emul_seg seg; /* of the new task, one after the other */
};

static_assert(sizeof(struct task_work) <= sizeof_field(struct emul_ctxt, work));

#define T_EIP 0
#define T_EFLAGS 1
#define T_GPR 2
#define T_SREG 10
#define TSS32_CR3 0x1c
#define TSS32_STATE 0x20
#define TSS32_LDT 0x60
#define TSS16_STATE 0x0e
#define TSS16_LDT 0x2a

static const u8 sreg_order[6] = { EMUL_ES, EMUL_CS, EMUL_SS, EMUL_DS, EMUL_FS, EMUL_GS };

static bool is_32(const struct emul_seg *tss)
{
	return EMUL_SEG_TYPE(tss->attr) & 8;
}

static noinline enum emul_result save_old(struct emul_ctxt *c, const struct emul_seg *tss,
					  u32 eflags, u32 eip)
{
	u32 v[16];
	u16 *h = (u16 *)v;
	unsigned int i;

	v[T_EIP] = eip;
	v[T_EFLAGS] = eflags;
	for (i = 0; i < 8; i++)
		v[T_GPR + i] = c->gpr[i];
	for (i = 0; i < 6; i++)
		v[T_SREG + i] = em_seg(c, sreg_order[i])->selector;
	if (is_32(tss))
		return em_write_lin(c, (u32)(tss->base + TSS32_STATE), v, 64, EMUL_A_SYSTEM);
	for (i = 0; i < 14; i++)
		h[i] = v[i];
	return em_write_lin(c, (u32)(tss->base + TSS16_STATE), h, 28, EMUL_A_SYSTEM);
}

static noinline enum emul_result read_new(struct emul_ctxt *c, const struct emul_seg *tss,
					  struct task_state *t)
{
	u16 *h = (u16 *)t->v, tail[4];
	unsigned int i;

	t->trap = false;
	if (is_32(tss)) {
		TRY(em_read_lin(c, (u32)(tss->base + TSS32_CR3), &t->cr3, 4, EMUL_A_SYSTEM));
		TRY(em_read_lin(c, (u32)(tss->base + TSS32_STATE), t->v, 64, EMUL_A_SYSTEM));
		TRY(em_read_lin(c, (u32)(tss->base + TSS32_LDT), tail, 8, EMUL_A_SYSTEM));
		t->ldt = tail[0];
		t->trap = tail[2] & 1;
		return EMUL_DONE;
	}
	TRY(em_read_lin(c, (u32)(tss->base + TSS16_STATE), h, 28, EMUL_A_SYSTEM));
	TRY(em_read_lin(c, (u32)(tss->base + TSS16_LDT), &t->ldt, 2, EMUL_A_SYSTEM));
	t->v[14] = 0;
	t->v[15] = 0;
	for (i = 14; i-- > 0;)
		t->v[i] = h[i];
	return EMUL_DONE;
}

/* The incoming TSS: its descriptor, checked. */
static noinline enum emul_result new_tss(struct emul_ctxt *c, u16 sel, enum emul_task_reason reason,
					 struct em_desc *d, struct emul_seg *tss)
{
	u8 vector = reason == EMUL_TASK_IRET ? EMUL_TS : EMUL_GP;
	unsigned int type;

	if ((sel & 4) || sel_null(sel))
		return emul_raise(c, vector, true, sel & ~3);
	TRY(em_desc_read(c, sel, vector, d));
	em_desc_to_seg(d, sel, false, tss);
	type = EMUL_SEG_TYPE(tss->attr);
	if (reason == EMUL_TASK_IRET)
		type ^= TYPE_BUSY;
	if ((tss->attr & EMUL_SEG_S) || (type != SYS_TSS16 && type != SYS_TSS32))
		return emul_raise(c, vector, true, sel & ~3);
	if (!(tss->attr & EMUL_SEG_P))
		return emul_raise(c, EMUL_NP, true, sel & ~3);
	if (tss->limit < (is_32(tss) ? 0x67 : 0x2b))
		return emul_raise(c, EMUL_TS, true, sel & ~3);
	return EMUL_DONE;
}

/* Clear the busy bit of the outgoing task. */
static noinline enum emul_result unbusy(struct emul_ctxt *c, u16 sel)
{
	struct em_desc d;
	u8 old, new;

	TRY(em_desc_read(c, sel, EMUL_TS, &d));
	old = d.lo >> 40;
	new = old & ~TYPE_BUSY;
	return em_cmpxchg_lin(c, d.lin + 5, &old, &new, 1, EMUL_A_SYSTEM | EMUL_A_LOCKED);
}

static noinline enum emul_result load_ldt(struct emul_ctxt *c, u16 sel)
{
	struct emul_seg seg;
	struct em_desc d;

	em_null_seg(&seg, sel, 0);
	c->ops->set_seg(c, EMUL_LDTR, &seg);
	if (sel_null(sel))
		return EMUL_DONE;
	if (sel & 4)
		return emul_raise(c, EMUL_TS, true, sel & ~3);
	TRY(em_desc_read(c, sel, EMUL_TS, &d));
	em_desc_to_seg(&d, sel, false, &seg);
	if ((seg.attr & EMUL_SEG_S) || EMUL_SEG_TYPE(seg.attr) != SYS_LDT ||
	    !(seg.attr & EMUL_SEG_P))
		return emul_raise(c, EMUL_TS, true, sel & ~3);
	c->ops->set_seg(c, EMUL_LDTR, &seg);
	return EMUL_DONE;
}

static noinline enum emul_result load_code(struct emul_ctxt *c, u16 sel, struct task_work *w)
{
	struct emul_seg *seg = &w->seg;
	struct em_desc *d = &w->desc;
	u16 attr;

	if (sel_null(sel))
		return emul_raise(c, EMUL_TS, true, 0);
	TRY(em_desc_read(c, sel, EMUL_TS, d));
	attr = desc_attr(d);
	if (!desc_is_code(attr) || (desc_conforming(attr) ? EMUL_SEG_DPL(attr) > (sel & 3) :
							    EMUL_SEG_DPL(attr) != (sel & 3)))
		return emul_raise(c, EMUL_TS, true, sel & ~3);
	if (!(attr & EMUL_SEG_P))
		return emul_raise(c, EMUL_NP, true, sel & ~3);
	em_desc_to_seg(d, sel, false, seg);
	TRY(em_desc_accessed(c, d, seg));
	em_set_seg(c, EMUL_CS, seg);
	c->mode = (attr & EMUL_SEG_DB) ? EMUL_MODE_PROT32 : EMUL_MODE_PROT16;
	if ((u32)c->rip > seg->limit)
		return emul_raise_gp(c, 0);
	return EMUL_DONE;
}

/* Segments of the new task: faults from here on are the new task's. */
static noinline enum emul_result load_segments(struct emul_ctxt *c, struct task_work *w)
{
	const struct task_state *t = &w->state;
	struct emul_seg *seg = &w->seg;
	unsigned int i;

	if (t->v[T_EFLAGS] & FL_VM) {
		*seg = (struct emul_seg){ .limit = 0xffff, .attr = 0xf3 };
		c->mode = EMUL_MODE_VM86;
		c->cpl = 3;
		for (i = 0; i < 6; i++) {
			seg->selector = t->v[T_SREG + i];
			seg->base = (u32)seg->selector << 4;
			em_set_seg(c, sreg_order[i], seg);
		}
		return load_ldt(c, t->ldt);
	}
	/* All null until loaded, so that a fault half way finds nothing of the old task. */
	c->mode = EMUL_MODE_PROT32;
	c->cpl = t->v[T_SREG + 1] & 3;
	for (i = 0; i < 6; i++) {
		em_null_seg(seg, t->v[T_SREG + i], sreg_order[i] == EMUL_SS ? c->cpl : 0);
		if (sreg_order[i] != EMUL_CS)
			em_set_seg(c, sreg_order[i], seg);
	}
	TRY(load_ldt(c, t->ldt));
	TRY(em_check_ss(c, t->v[T_SREG + 2], c->cpl, EMUL_TS, seg));
	em_set_seg(c, EMUL_SS, seg);
	for (i = 0; i < 6; i++) {
		if (sreg_order[i] == EMUL_CS || sreg_order[i] == EMUL_SS)
			continue;
		TRY(em_check_data(c, t->v[T_SREG + i], EMUL_TS, seg));
		em_set_seg(c, sreg_order[i], seg);
	}
	return load_code(c, t->v[T_SREG + 1], w);
}

/* The incoming task is the current one now. */
static enum emul_result become(struct emul_ctxt *c, struct task_work *w)
{
	const struct task_state *t = &w->state;
	struct emul_seg *tss = &w->tss;
	enum emul_result res;
	unsigned int i;
	u64 dr7;

	tss->attr |= TYPE_BUSY;
	c->ops->set_seg(c, EMUL_TR, tss);
	c->rip = t->v[T_EIP];
	c->rflags = t->v[T_EFLAGS] & (FL_ARITH | FL_TF | FL_IF | FL_DF | FL_IOPL | FL_NT | FL_RF |
				      FL_VM | FL_AC | FL_VIF | FL_VIP | FL_ID);
	c->rflags |= FL_FIXED;
	for (i = 0; i < 8; i++)
		em_merge(&c->gpr[i], t->v[T_GPR + i], is_32(tss) ? 4 : 2);
	if (is_32(tss) && (c->ops->get_cr(c, 0) & CR0_PG))
		TRY(c->ops->set_cr(c, 3, t->cr3));
	TRY(c->ops->set_cr(c, 0, c->ops->get_cr(c, 0) | CR0_TS));
	/* Local breakpoints are the old task's. */
	dr7 = c->ops->get_dr(c, 7);
	if (dr7 & DR7_LOCAL)
		TRY(c->ops->set_dr(c, 7, dr7 & ~DR7_LOCAL));
	res = load_segments(c, w);
	/* Too late to begin again. */
	return res == EMUL_NEED_IO || res == EMUL_RETRY ? EMUL_UNHANDLED : res;
}

static enum emul_result task_switch(struct emul_ctxt *c, u16 sel, enum emul_task_reason reason,
				    u32 old_eip)
{
	bool nested = reason == EMUL_TASK_CALL || reason == EMUL_TASK_GATE;
	struct task_work *w = (struct task_work *)c->work;
	u32 eflags = c->rflags;

	TRY(new_tss(c, sel, reason, &w->desc, &w->tss));
	c->ops->get_seg(c, EMUL_TR, &w->old);
	if (w->old.limit < (is_32(&w->old) ? 0x5f : 0x29))
		return emul_raise(c, EMUL_TS, true, w->old.selector & ~3);
	TRY(read_new(c, &w->tss, &w->state));
	if (reason == EMUL_TASK_IRET)
		eflags &= ~FL_NT;
	TRY(save_old(c, &w->old, eflags, old_eip));
	if (nested) {
		TRY(em_write_lin(c, (u32)w->tss.base, &w->old.selector, 2, EMUL_A_SYSTEM));
		w->state.v[T_EFLAGS] |= FL_NT;
	} else {
		TRY(unbusy(c, w->old.selector));
	}
	if (reason != EMUL_TASK_IRET)
		TRY(em_desc_or(c, &w->desc, TYPE_BUSY));
	if (w->state.trap)
		c->trap |= DR6_BT;
	c->quiet = true;
	c->keep_rf = true;
	return become(c, w);
}

/*
 * JMP and CALL (the DPL has been checked), IRET: the instruction notes what is to be done and returns, so that the
 * switch does not have its stack on top of the instruction's.
 */
enum emul_result em_task_note(struct emul_ctxt *c, u16 sel, enum emul_task_reason reason)
{
	c->task_sel = sel;
	c->task_reason = reason;
	return EMUL_TASK_SWITCH;
}

/* What was noted. */
enum emul_result em_task_do(struct emul_ctxt *c)
{
	TRY(task_switch(c, c->task_sel, c->task_reason, c->next_rip));
	c->next_rip = c->rip;
	return EMUL_DONE;
}

/* IRET with NT set: back to the task that the current TSS names. */
enum emul_result em_task_return(struct emul_ctxt *c)
{
	struct emul_seg tr;
	u16 link;

	c->ops->get_seg(c, EMUL_TR, &tr);
	TRY(em_read_lin(c, (u32)tr.base, &link, 2, EMUL_A_SYSTEM));
	return em_task_note(c, link, EMUL_TASK_IRET);
}

/* On the new task's stack. */
static noinline enum emul_result push_error(struct emul_ctxt *c, u32 error)
{
	u64 rsp = c->gpr[EMUL_RSP];
	struct emul_seg tr;

	c->ops->get_seg(c, EMUL_TR, &tr);
	TRY(em_push(c, &rsp, error, is_32(&tr) ? 4 : 2));
	em_set_rsp(c, rsp);
	return EMUL_DONE;
}

/**
 * emul_task_switch - do the task switch that a processor with virtualization leaves to its hypervisor
 * @ctxt:	begun; rip is what the old task's TSS is to hold (for a switch by an instruction: after that instruction)
 * @selector:	selector of the incoming TSS
 * @reason:	why
 * @has_error:	(EMUL_TASK_GATE) the event has an error code, which goes on the new task's stack
 * @error:	that error code
 *
 * Return: EMUL_DONE with all registers those of the new task; EMUL_FAULT, in the old task's context or, when rip has
 * changed, in the new one's; EMUL_UNHANDLED.
 */
enum emul_result emul_task_switch(struct emul_ctxt *ctxt, u16 selector,
				  enum emul_task_reason reason, bool has_error, u32 error)
{
	enum emul_result res;
	unsigned int i;

	for (i = 0; i < 16; i++) {
		ctxt->log.pos = 0;
		ctxt->log.acc_pos = 0;
		res = task_switch(ctxt, selector, reason, ctxt->rip);
		if (res != EMUL_RETRY)
			break;
	}
	TRY(res);
	return has_error ? push_error(ctxt, error) : EMUL_DONE;
}
