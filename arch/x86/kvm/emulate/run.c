// SPDX-License-Identifier: GPL-2.0-only
/* One instruction from beginning to end: what is common to all of them. */
#include "insn.h"

#define RETRIES 16
#define DR6_BS BIT_ULL(14)

/**
 * emul_init - make a context usable
 * @ctxt:	zeroed or not
 * @ops:	its surroundings
 */
void emul_init(struct emul_ctxt *ctxt, const struct emul_ops *ops)
{
	memset(ctxt, 0, sizeof(*ctxt));
	ctxt->ops = ops;
	ctxt->va_bits = 48;
	ctxt->rflags = FL_FIXED;
}

/**
 * emul_begin - forget the last instruction
 * @ctxt:	context; the registers have been or are then filled by the owner
 */
void emul_begin(struct emul_ctxt *ctxt)
{
	/* In two pieces, which compilers turn into a few stores each. */
	memset(ctxt->insn.bytes, 0, sizeof(ctxt->insn.bytes));
	memset_startat(&ctxt->insn, 0, fetched);
	memset(&ctxt->fault, 0, sizeof(ctxt->fault));
	ctxt->seg_valid = 0;
	ctxt->decoded = false;
	ctxt->checked = false;
	ctxt->trap = 0;
	ctxt->nmi_unmask = false;
	ctxt->ext = false;
	em_log_reset(ctxt);
}

/**
 * emul_preset_bytes - give instruction bytes that the processor has already fetched
 * @ctxt:	context, begun
 * @bytes:	bytes at rip
 * @n:		how many; further ones are fetched if the instruction needs them
 */
void emul_preset_bytes(struct emul_ctxt *ctxt, const u8 *bytes, unsigned int n)
{
	if (likely(n >= EMUL_MAX_INSN)) {
		n = EMUL_MAX_INSN;
		memcpy(ctxt->insn.bytes, bytes, EMUL_MAX_INSN);
	} else {
		memcpy(ctxt->insn.bytes, bytes, n);
	}
	ctxt->insn.fetched = n;
}

/**
 * emul_begin_again - begin, if the instruction is the one that was decoded last, with its decoding
 * @ctxt:	context, its registers filled; decoded with the same features
 * @bytes:	bytes at rip
 * @n:		how many
 *
 * Return: false: it is another one, use emul_begin().
 */
bool emul_begin_again(struct emul_ctxt *ctxt, const u8 *bytes, unsigned int n)
{
	const struct emul_insn *insn = &ctxt->insn;
	unsigned int i;

	if (!ctxt->decoded || n < insn->len || insn->mode != ctxt->mode)
		return false;
	for (i = 0; i < insn->len; i++) {
		if (bytes[i] != insn->bytes[i])
			return false;
	}
	ctxt->seg_valid = 0;
	ctxt->checked = false;
	ctxt->trap = 0;
	ctxt->nmi_unmask = false;
	ctxt->next_rip = ctxt->rip + insn->len;
	if (!em_long(ctxt))
		ctxt->next_rip = (u32)ctxt->next_rip;
	em_log_reset(ctxt);
	return true;
}

/**
 * emul_raise - fill ctxt->fault
 * @ctxt:	context
 * @vector:	exception
 * @has_error:	with an error code
 * @error:	the error code
 *
 * Return: EMUL_FAULT
 */
enum emul_result emul_raise(struct emul_ctxt *ctxt, u8 vector, bool has_error, u32 error)
{
	ctxt->fault.vector = vector;
	ctxt->fault.kind = EMUL_EV_FAULT;
	ctxt->fault.has_error = has_error && ctxt->mode != EMUL_MODE_REAL;
	ctxt->fault.error = error;
	/* Bit 0 of error codes that name a selector: EXT. */
	if (unlikely(ctxt->ext) && vector >= EMUL_TS && vector <= EMUL_GP)
		ctxt->fault.error |= 1;
	return EMUL_FAULT;
}

/* Real mode has no error codes: emul_raise() sees to it. */
enum emul_result emul_raise_gp(struct emul_ctxt *ctxt, u32 error)
{
	return emul_raise(ctxt, EMUL_GP, true, error);
}

enum emul_result emul_raise_ud(struct emul_ctxt *ctxt)
{
	return emul_raise(ctxt, EMUL_UD, false, 0);
}

enum emul_result emul_raise_pf(struct emul_ctxt *ctxt, u64 addr, u32 error)
{
	ctxt->fault.addr = addr;
	return emul_raise(ctxt, EMUL_PF, true, error);
}

/* #UD and #NM by the FPU control bits: Intel SDM vol. 2A, 2.7 and vol. 3A, table 14-1. */
static enum emul_result check_fpu(struct emul_ctxt *c)
{
	u64 cr0 = c->ops->get_cr(c, 0);
	u32 flags = c->insn.desc->flags;
	u64 xcr0;

	if (flags & F_FPU) {
		if (cr0 & (CR0_EM | CR0_TS))
			return emul_raise(c, EMUL_NM, false, 0);
		return EMUL_DONE;
	}
	if (c->insn.vex) {
		if (!(c->ops->get_cr(c, 4) & CR4_OSXSAVE) || !c->ops->get_xcr)
			return emul_raise_ud(c);
		TRY(c->ops->get_xcr(c, 0, &xcr0));
		if ((xcr0 & 6) != 6)
			return emul_raise_ud(c);
	} else {
		if (cr0 & CR0_EM)
			return emul_raise_ud(c);
		if ((flags & F_SSE) && !(c->ops->get_cr(c, 4) & CR4_OSFXSR))
			return emul_raise_ud(c);
	}
	if (cr0 & CR0_TS)
		return emul_raise(c, EMUL_NM, false, 0);
	return EMUL_DONE;
}

/* The feature that the decoded form needs: VEX forms of SSE instructions belong to AVX, 32-byte integer ones to AVX2. */
static bool feature_ok(const struct emul_ctxt *c)
{
	const struct emul_desc *desc = c->insn.desc;

	if (c->insn.vex && (desc->flags & F_VEX))
		return em_has(c, EMUL_F_AVX);
	return em_has(c, desc->feature);
}

static enum emul_result check(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	u32 flags = insn->desc->flags;

	if (unlikely(!feature_ok(c)))
		return emul_raise_ud(c);
	if (unlikely((flags & F_CPL0) && c->cpl))
		return emul_raise_gp(c, 0);
	if (unlikely(!insn->desc->exec))
		return EMUL_UNHANDLED;
	if (flags & (F_FPU | F_MMX | F_SSE))
		TRY(check_fpu(c));
	c->checked = true;
	return EMUL_DONE;
}

/* What every completed instruction does. */
static void complete(struct emul_ctxt *c, bool tf)
{
	c->rip = c->next_rip;
	if (unlikely(c->late_tf))
		tf = c->rflags & FL_TF;
	if (!c->keep_rf)
		c->rflags &= ~FL_RF;
	if (unlikely(tf) && !c->quiet && c->new_shadow != EMUL_SHADOW_MOV_SS)
		c->trap |= DR6_BS;
	c->int_shadow = c->new_shadow;
}

static enum emul_result execute(struct emul_ctxt *c)
{
	bool tf = c->rflags & FL_TF;
	enum emul_result res;

	c->log.pos = 0;
	c->log.acc_pos = 0;
	c->quiet = false;
	c->keep_rf = false;
	c->late_tf = false;
	c->new_shadow = 0;
	c->trap = 0;
	c->next_rip = c->rip + c->insn.len;
	if (!em_long(c))
		c->next_rip = (u32)c->next_rip;
	res = c->insn.desc->exec(c);
	if (unlikely(res == EMUL_TASK_SWITCH))
		res = em_task_do(c);
	if (likely(res == EMUL_DONE)) {
		complete(c, tf);
	} else if (res == EMUL_MORE) {
		c->rflags |= FL_RF;
		c->int_shadow = 0;
		if (tf)
			c->trap |= DR6_BS;
	}
	return res;
}

/**
 * emul_run - decode (if that was not done) and execute one instruction, or go on with a suspended one
 * @ctxt:	context, begun
 *
 * Return: see enum emul_result.
 */
enum emul_result emul_run(struct emul_ctxt *ctxt)
{
	enum emul_result res;
	unsigned int i;

	if (!ctxt->decoded) {
		if (unlikely(ctxt->dr7) && !(ctxt->rflags & FL_RF))
			TRY(em_code_trap(ctxt));
		TRY(emul_decode(ctxt));
	}
	if (!ctxt->checked)
		TRY(check(ctxt));
	for (i = 0; i < RETRIES; i++) {
		res = execute(ctxt);
		if (likely(res != EMUL_RETRY))
			return res;
		em_log_reset(ctxt);
	}
	return EMUL_RETRY;
}

/**
 * emul_skip - decode one instruction and step over it, as if it had been executed
 * @ctxt:	context, begun
 */
enum emul_result emul_skip(struct emul_ctxt *ctxt)
{
	bool tf = ctxt->rflags & FL_TF;

	TRY(emul_decode(ctxt));
	ctxt->quiet = false;
	ctxt->keep_rf = false;
	ctxt->late_tf = false;
	ctxt->new_shadow = 0;
	complete(ctxt, tf);
	return EMUL_DONE;
}

/**
 * emul_mov_parse - is the decoded instruction a plain move from or to memory?
 * @ctxt:	context, after emul_decode()
 * @mov:	result
 *
 * For an owner that knows from the processor where memory was accessed, and that the access was legal but for its own
 * mapping: MMIO.  Nothing is checked again.
 */
bool emul_mov_parse(struct emul_ctxt *ctxt, struct emul_mov *mov)
{
	const struct emul_insn *insn = &ctxt->insn;
	emul_exec_fn exec = insn->desc->exec;

	if ((exec != em_mov && exec != em_movsx) || !insn->mem || (insn->pfx & P_LOCK) || ctxt->dr7)
		return false;
	if (!em_has(ctxt, insn->desc->feature))
		return false;
	mov->ea = em_ea(ctxt);
	switch (emul_operand_info[insn->desc->op[0]].kind) {
	case K_RM:
	case K_MEM:
	case K_MOFFS:
		mov->write = true;
		mov->len = em_opsize(ctxt, 0);
		if (em_get(ctxt, 1, &mov->val) != EMUL_DONE)
			return false;
		mov->val &= em_mask(mov->len);
		return true;
	}
	mov->write = false;
	mov->len = em_opsize(ctxt, 1);
	mov->val = 0;
	return true;
}

/**
 * emul_mov_finish - complete the move that emul_mov_parse() described
 * @ctxt:	context
 * @mov:	what it gave
 * @val:	for a read: what was read
 */
void emul_mov_finish(struct emul_ctxt *ctxt, const struct emul_mov *mov, u64 val)
{
	if (!mov->write) {
		val &= em_mask(mov->len);
		if (ctxt->insn.desc->exec == em_movsx)
			val = em_sext(val, mov->len);
		em_put(ctxt, 0, val);
	}
	ctxt->quiet = false;
	ctxt->keep_rf = false;
	ctxt->late_tf = false;
	ctxt->new_shadow = 0;
	complete(ctxt, ctxt->rflags & FL_TF);
}
