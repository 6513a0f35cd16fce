// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's memory and ports as instructions see them: segmentation, canonical addresses, alignment, and the log that
 * makes a suspended instruction restartable.  Intel SDM vol. 3A, chapters 5 and 6; AMD APM vol. 2, chapter 4.
 */
#include "insn.h"

/**
 * em_seg - a segment register (not TR or LDTR), asked for once an instruction
 * @c:		context
 * @sreg:	EMUL_ES … EMUL_GS
 */
const struct emul_seg *em_seg(struct emul_ctxt *c, unsigned int sreg)
{
	if (!(c->seg_valid & BIT(sreg))) {
		c->ops->get_seg(c, sreg, &c->seg[sreg]);
		c->seg_valid |= BIT(sreg);
	}
	return &c->seg[sreg];
}

void em_set_seg(struct emul_ctxt *c, unsigned int sreg, const struct emul_seg *seg)
{
	c->ops->set_seg(c, sreg, seg);
	if (sreg <= EMUL_GS) {
		c->seg[sreg] = *seg;
		c->seg_valid |= BIT(sreg);
	}
}

static enum emul_result seg_fault(struct emul_ctxt *c, unsigned int sreg)
{
	return emul_raise(c, sreg == EMUL_SS ? EMUL_SSF : EMUL_GP, true, 0);
}

static bool limit_ok(const struct emul_seg *seg, u64 ea, unsigned int len, bool prot)
{
	u64 last = ea + len - 1;

	if (prot &&
	    (seg->attr & (EMUL_SEG_S | EMUL_SEG_CODE | EMUL_SEG_DC)) == (EMUL_SEG_S | EMUL_SEG_DC))
		return ea > seg->limit && last <= ((seg->attr & EMUL_SEG_DB) ? 0xffffffff : 0xffff);
	return last <= seg->limit;
}

static enum emul_result linear_legacy(struct emul_ctxt *c, unsigned int sreg, u64 ea,
				      unsigned int len, unsigned int acc, u64 *lin)
{
	const struct emul_seg *seg = em_seg(c, sreg);
	bool prot = em_prot(c);

	ea = (u32)ea;
	*lin = (u32)(seg->base + ea);
	if (!len)
		return EMUL_DONE;
	if (prot) {
		if ((seg->attr & EMUL_SEG_UNUSABLE) || !(seg->attr & EMUL_SEG_P))
			return seg_fault(c, sreg);
		if (acc & EMUL_A_WRITE) {
			if ((seg->attr & (EMUL_SEG_CODE | EMUL_SEG_RW)) != EMUL_SEG_RW)
				return seg_fault(c, sreg);
		} else if ((seg->attr & (EMUL_SEG_CODE | EMUL_SEG_RW)) == EMUL_SEG_CODE) {
			return seg_fault(c, sreg);
		}
	}
	if (!limit_ok(seg, ea, len, prot))
		return seg_fault(c, sreg);
	return EMUL_DONE;
}

/*
 * Linear address masking (SDM vol. 3A, 4.4.1): the bits between the address width and bit 63 are ignored, that is
 * replaced by the top bit of the address.  Bit 63 tells user from supervisor addresses, whatever the CPL.
 */
static u64 unmask(const struct emul_ctxt *c, u64 ea)
{
	unsigned int top;

	if (ea >> 63) {
		if (!(c->lam & EMUL_LAM_SUP))
			return ea;
		top = c->va_bits - 1;
	} else if (c->lam & EMUL_LAM_U57) {
		top = 56;
	} else if (c->lam & EMUL_LAM_U48) {
		top = 47;
	} else {
		return ea;
	}
	return ((u64)sign_extend64(ea, top) & ~BIT_ULL(63)) | (ea & BIT_ULL(63));
}

/**
 * em_linear - the linear address of an access through a segment
 * @c:		context
 * @sreg:	segment register
 * @ea:		offset, already cut to the address size
 * @len:	bytes accessed; 0 where no access follows (INVLPG)
 * @acc:	EMUL_A_WRITE matters
 * @lin:	result
 *
 * Return: EMUL_DONE or EMUL_FAULT (#SS(0) for the stack segment, else #GP(0)).
 */
enum emul_result em_linear(struct emul_ctxt *c, unsigned int sreg, u64 ea, unsigned int len,
			   unsigned int acc, u64 *lin)
{
	if (!em_long(c))
		return linear_legacy(c, sreg, ea, len, acc, lin);
	if (sreg == EMUL_FS || sreg == EMUL_GS)
		ea += em_seg(c, sreg)->base;
	if (unlikely(c->lam && len))
		ea = unmask(c, ea);
	*lin = ea;
	if (unlikely(len && (!em_canonical(c, ea) || !em_canonical(c, ea + len - 1))))
		return seg_fault(c, sreg);
	return EMUL_DONE;
}

/* Alignment that #AC asks of an access of @len bytes (SDM vol. 3A, table 7-7; vectors as AMD's processors do). */
static unsigned int ac_alignment(unsigned int len)
{
	switch (len) {
	case 6:
		return 4;
	case 10:
		return 8;
	case 32:
		return 16;
	}
	return !(len & (len - 1)) ? len : 1;
}

static noinline enum emul_result align_slow(struct emul_ctxt *c, u64 lin, unsigned int len,
					    unsigned int acc)
{
	if (c->dr7)
		em_data_trap(c, lin, len, acc & EMUL_A_WRITE);
	if (!(c->rflags & FL_AC) || c->cpl != 3 || !(lin & (ac_alignment(len) - 1)) ||
	    !(c->ops->get_cr(c, 0) & CR0_AM))
		return EMUL_DONE;
	return emul_raise(c, EMUL_AC, true, 0);
}

/**
 * em_align - alignment check (and data breakpoints) of an explicit access
 * @c:		context
 * @lin:	linear address
 * @len:	bytes
 * @acc:	EMUL_A_*
 */
enum emul_result em_align(struct emul_ctxt *c, u64 lin, unsigned int len, unsigned int acc)
{
	if (likely(!(c->rflags & FL_AC) && !c->dr7))
		return EMUL_DONE;
	return align_slow(c, lin, len, acc);
}

void em_log_reset(struct emul_ctxt *c)
{
	c->log.bulk = 0;
	c->log.used = 0;
	c->log.pos = 0;
	c->log.acc_done = 0;
	c->log.acc_pos = 0;
}

static bool log_replays(const struct emul_ctxt *c)
{
	return c->log.acc_pos < c->log.acc_done;
}

/* Room for one more access that yields @len bytes. */
static bool log_room(const struct emul_ctxt *c, unsigned int len)
{
	return c->log.used + len <= EMUL_LOG_BYTES && c->log.acc_done < 255;
}

/* The next access, which yields @len bytes, is in the log: where its data are. */
static void *log_replay(struct emul_ctxt *c, unsigned int len)
{
	struct emul_log *log = &c->log;
	void *data = log->data + log->pos;

	if (log->pos + len > log->used)
		return NULL;
	log->pos += len;
	log->acc_pos++;
	return data;
}

static void log_done(struct emul_ctxt *c, unsigned int len)
{
	struct emul_log *log = &c->log;

	log->used += len;
	log->pos = log->used;
	log->acc_pos = ++log->acc_done;
}

/**
 * em_read_lin - read guest memory at a checked linear address
 * @c:		context
 * @lin:	linear address
 * @buf:	destination
 * @len:	1 … EMUL_MAX_ACCESS
 * @acc:	EMUL_A_*
 */
enum emul_result em_read_lin(struct emul_ctxt *c, u64 lin, void *buf, unsigned int len,
			     unsigned int acc)
{
	void *data;

	if (unlikely(log_replays(c))) {
		data = log_replay(c, len);
		if (!data)
			return EMUL_UNHANDLED;
		memcpy(buf, data, len);
		return EMUL_DONE;
	}
	if (unlikely(!log_room(c, len)))
		return EMUL_UNHANDLED;
	data = c->log.data + c->log.used;
	TRY(c->ops->read(c, lin, data, len, acc));
	memcpy(buf, data, len);
	log_done(c, len);
	return EMUL_DONE;
}

enum emul_result em_write_lin(struct emul_ctxt *c, u64 lin, const void *buf, unsigned int len,
			      unsigned int acc)
{
	if (unlikely(log_replays(c)))
		return log_replay(c, 0) ? EMUL_DONE : EMUL_UNHANDLED;
	if (unlikely(!log_room(c, 0)))
		return EMUL_UNHANDLED;
	TRY(c->ops->write(c, lin, buf, len, acc | EMUL_A_WRITE));
	log_done(c, 0);
	return EMUL_DONE;
}

enum emul_result em_cmpxchg_lin(struct emul_ctxt *c, u64 lin, const void *old, const void *new,
				unsigned int len, unsigned int acc)
{
	if (unlikely(log_replays(c)))
		return log_replay(c, 0) ? EMUL_DONE : EMUL_UNHANDLED;
	if (unlikely(!log_room(c, 0)))
		return EMUL_UNHANDLED;
	TRY(c->ops->compare_xchg(c, lin, old, new, len, acc | EMUL_A_WRITE));
	log_done(c, 0);
	return EMUL_DONE;
}

/* Explicit accesses through a segment, checks and all. */
enum emul_result em_read_seg(struct emul_ctxt *c, unsigned int sreg, u64 ea, void *buf,
			     unsigned int len)
{
	u64 lin;

	TRY(em_linear(c, sreg, ea, len, 0, &lin));
	TRY(em_align(c, lin, len, 0));
	return em_read_lin(c, lin, buf, len, 0);
}

enum emul_result em_write_seg(struct emul_ctxt *c, unsigned int sreg, u64 ea, const void *buf,
			      unsigned int len)
{
	u64 lin;

	TRY(em_linear(c, sreg, ea, len, EMUL_A_WRITE, &lin));
	TRY(em_align(c, lin, len, EMUL_A_WRITE));
	return em_write_lin(c, lin, buf, len, 0);
}

/**
 * em_log_in - read a port; the data stay in the log
 * @c:		context
 * @port:	port
 * @size:	1, 2, 4
 * @count:	elements
 * @data:	result: where they are
 */
enum emul_result em_log_in(struct emul_ctxt *c, u16 port, unsigned int size, unsigned int count,
			   void **data)
{
	unsigned int len = size * count;

	if (unlikely(log_replays(c))) {
		*data = log_replay(c, len);
		return *data ? EMUL_DONE : EMUL_UNHANDLED;
	}
	if (!log_room(c, len))
		return EMUL_UNHANDLED;
	*data = c->log.data + c->log.used;
	TRY(c->ops->in(c, port, size, *data, count));
	log_done(c, len);
	return EMUL_DONE;
}

enum emul_result em_log_out(struct emul_ctxt *c, u16 port, unsigned int size, const void *buf,
			    unsigned int count)
{
	if (unlikely(log_replays(c)))
		return log_replay(c, 0) ? EMUL_DONE : EMUL_UNHANDLED;
	if (!log_room(c, 0))
		return EMUL_UNHANDLED;
	TRY(c->ops->out(c, port, size, buf, count));
	log_done(c, 0);
	return EMUL_DONE;
}

/**
 * em_log_bulk - read a run of plain memory into the log; must be the instruction's first access
 * @c:		context
 * @lin:	linear address
 * @len:	bytes wanted, inside one page, at most EMUL_PIO_BATCH
 * @unit:	element size
 * @data:	result: where they are
 *
 * Return: how many bytes there are; 0: read them one at a time.
 */
unsigned int em_log_bulk(struct emul_ctxt *c, u64 lin, unsigned int len, unsigned int unit,
			 void **data)
{
	struct emul_log *log = &c->log;

	*data = log->data;
	if (log_replays(c)) {
		if (!log->bulk)
			return 0;
		log_replay(c, log->bulk);
		return log->bulk;
	}
	if (!c->ops->bulk_read || log->acc_done)
		return 0;
	len = c->ops->bulk_read(c, lin, log->data, min_t(unsigned int, len, EMUL_PIO_BATCH), unit);
	if (!len)
		return 0;
	log->bulk = len;
	log_done(c, len);
	return len;
}
