// SPDX-License-Identifier: GPL-2.0-only
/*
 * String instructions.  A repeated one runs in batches: after each the registers hold the progress and rip still points
 * at the instruction, so that events are taken and the rest is done by running it again.  Intel SDM vol. 1, 7.3.9.
 *
 * Plain memory is moved in runs of up to EMUL_PIO_BATCH bytes when the owner offers bulk operations, everything else one
 * element at a time.
 */
#include "rows.h"

#define BATCH_ELEMENTS 256
#define BATCH_BYTES 4096

/* One string instruction under way. */
struct string {
	u64 count; /* repetitions left */
	u32 done_bytes; /* of this batch */
	u32 done_elements;
	u8 size; /* of an element */
	u8 ad; /* address size */
	bool rep;
	bool down;
};

/* One step: do some elements, say how many. */
typedef enum emul_result (*step_fn)(struct emul_ctxt *c, struct string *s, unsigned int *n);

#define USES_SI 1
#define USES_DI 2

static u64 index_of(const struct emul_ctxt *c, const struct string *s, unsigned int reg)
{
	return c->gpr[reg] & em_mask(s->ad);
}

static void advance(struct emul_ctxt *c, struct string *s, unsigned int n, unsigned int uses)
{
	u64 bytes = (u64)n * s->size;

	if (s->down)
		bytes = -bytes;
	if (uses & USES_SI)
		em_merge(&c->gpr[EMUL_RSI], c->gpr[EMUL_RSI] + bytes, s->ad);
	if (uses & USES_DI)
		em_merge(&c->gpr[EMUL_RDI], c->gpr[EMUL_RDI] + bytes, s->ad);
	if (!s->rep)
		return;
	s->count -= n;
	em_merge(&c->gpr[EMUL_RCX], s->count, s->ad);
	s->done_bytes += n * s->size;
	s->done_elements++;
}

/* CMPS and SCAS end early by ZF. */
static bool condition_ends(const struct emul_ctxt *c)
{
	bool zf = c->rflags & FL_ZF;

	return (c->insn.desc->flags & F_REPZ) && zf != (c->insn.rep == 0xf3);
}

static enum emul_result run_string(struct emul_ctxt *c, step_fn step, unsigned int size,
				   unsigned int uses)
{
	struct string s = {
		.size = size,
		.ad = c->insn.ad_bytes,
		.rep = c->insn.rep,
		.down = c->rflags & FL_DF,
		.count = 1,
	};
	unsigned int n;

	if (s.rep) {
		s.count = c->gpr[EMUL_RCX] & em_mask(s.ad);
		if (!s.count)
			return EMUL_DONE;
	}
	for (;;) {
		TRY(step(c, &s, &n));
		advance(c, &s, n, uses);
		if (!s.rep || !s.count || condition_ends(c))
			return EMUL_DONE;
		em_log_reset(c);
		if (s.done_elements >= BATCH_ELEMENTS || s.done_bytes >= BATCH_BYTES ||
		    (c->rflags & FL_TF) || c->trap)
			return EMUL_MORE;
	}
}

/* How many elements @len bytes are.  The VMM may have lowered the count since so many were begun. */
static unsigned int elements(const struct string *s, unsigned int len)
{
	return min_t(u64, len / s->size, s->count);
}

/* How many bytes of a forward run from @lin may be done at once; 0: none. */
static unsigned int run_bytes(const struct emul_ctxt *c, const struct string *s, u64 lin)
{
	u64 len = 0x1000 - (lin & 0xfff);

	if (!s->rep || s->down || s->count < 2 || c->dr7 || (c->rflags & (FL_TF | FL_AC)))
		return 0;
	len = min_t(u64, len, EMUL_PIO_BATCH);
	if (s->count < len / s->size)
		len = s->count * s->size;
	return len - len % s->size;
}

static enum emul_result src_lin(struct emul_ctxt *c, const struct string *s, u64 *lin)
{
	return em_linear(c, c->insn.seg, index_of(c, s, EMUL_RSI), s->size, 0, lin);
}

static enum emul_result dst_lin(struct emul_ctxt *c, const struct string *s, unsigned int acc,
				u64 *lin)
{
	return em_linear(c, EMUL_ES, index_of(c, s, EMUL_RDI), s->size, acc, lin);
}

/* Does the whole run from @reg lie in its segment?  (Its first element does.) */
static bool run_fits(struct emul_ctxt *c, const struct string *s, unsigned int reg,
		     unsigned int len)
{
	unsigned int sreg = reg == EMUL_RSI ? c->insn.seg : EMUL_ES;
	u64 ea = index_of(c, s, reg), lin;
	bool fits;

	if (ea + len - 1 > em_mask(s->ad))
		return false;
	fits = em_linear(c, sreg, ea, len, reg == EMUL_RDI ? EMUL_A_WRITE : 0, &lin) == EMUL_DONE;
	if (!fits)
		memset(&c->fault, 0, sizeof(c->fault));
	return fits;
}

/*
 * A run of MOVS through the buffer.  Source and destination may be the same page, at other linear addresses, too: then
 * an element may be read after it was written, so the run is no longer than the distance of the page offsets.
 */
static bool movs_run(struct emul_ctxt *c, struct string *s, u64 src, u64 dst, unsigned int *n)
{
	unsigned int len, dist = (dst - src) & 0xfff;
	void *data;

	if (!c->ops->bulk_read || !c->ops->bulk_write || c->log.acc_done)
		return false;
	len = min(run_bytes(c, s, src), run_bytes(c, s, dst));
	if (dist && dist < len)
		len = dist - dist % s->size;
	if (len <= s->size || !run_fits(c, s, EMUL_RSI, len) || !run_fits(c, s, EMUL_RDI, len))
		return false;
	len = em_log_bulk(c, src, len, s->size, &data);
	if (len)
		len = c->ops->bulk_write(c, dst, data, len, s->size);
	*n = len / s->size;
	if (*n)
		return true;
	em_log_reset(c);
	return false;
}

static enum emul_result movs_step(struct emul_ctxt *c, struct string *s, unsigned int *n)
{
	u64 src, dst, val = 0;

	TRY(src_lin(c, s, &src));
	TRY(dst_lin(c, s, EMUL_A_WRITE, &dst));
	if (movs_run(c, s, src, dst, n))
		return EMUL_DONE;
	*n = 1;
	TRY(em_align(c, src, s->size, 0));
	TRY(em_read_lin(c, src, &val, s->size, EMUL_A_STRING));
	TRY(em_align(c, dst, s->size, EMUL_A_WRITE));
	return em_write_lin(c, dst, &val, s->size, EMUL_A_STRING);
}

enum emul_result em_movs(struct emul_ctxt *c)
{
	return run_string(c, movs_step, em_opsize(c, 0), USES_SI | USES_DI);
}

static enum emul_result cmps_step(struct emul_ctxt *c, struct string *s, unsigned int *n)
{
	u64 src, dst, a = 0, b = 0, flags;

	*n = 1;
	TRY(src_lin(c, s, &src));
	TRY(dst_lin(c, s, 0, &dst));
	TRY(em_align(c, src, s->size, 0));
	TRY(em_read_lin(c, src, &a, s->size, EMUL_A_STRING));
	TRY(em_align(c, dst, s->size, 0));
	TRY(em_read_lin(c, dst, &b, s->size, EMUL_A_STRING));
	em_sub(a, b, 0, s->size, &flags);
	em_set_flags(c, FL_ARITH, flags);
	return EMUL_DONE;
}

enum emul_result em_cmps(struct emul_ctxt *c)
{
	return run_string(c, cmps_step, em_opsize(c, 0), USES_SI | USES_DI);
}

/* A run of STOS: the log's buffer, idle here, holds the pattern. */
static bool stos_run(struct emul_ctxt *c, struct string *s, u64 dst, unsigned int *n)
{
	unsigned int len, i;

	if (!c->ops->bulk_write || c->log.acc_done)
		return false;
	len = run_bytes(c, s, dst);
	if (len <= s->size || !run_fits(c, s, EMUL_RDI, len))
		return false;
	for (i = 0; i < len; i += s->size)
		memcpy(c->log.data + i, &c->gpr[EMUL_RAX], s->size);
	*n = c->ops->bulk_write(c, dst, c->log.data, len, s->size) / s->size;
	return *n;
}

static enum emul_result stos_step(struct emul_ctxt *c, struct string *s, unsigned int *n)
{
	u64 dst;

	TRY(dst_lin(c, s, EMUL_A_WRITE, &dst));
	if (stos_run(c, s, dst, n))
		return EMUL_DONE;
	*n = 1;
	TRY(em_align(c, dst, s->size, EMUL_A_WRITE));
	return em_write_lin(c, dst, &c->gpr[EMUL_RAX], s->size, EMUL_A_STRING);
}

enum emul_result em_stos(struct emul_ctxt *c)
{
	return run_string(c, stos_step, em_opsize(c, 0), USES_DI);
}

static enum emul_result lods_step(struct emul_ctxt *c, struct string *s, unsigned int *n)
{
	u64 src, val = 0;

	*n = 1;
	TRY(src_lin(c, s, &src));
	TRY(em_align(c, src, s->size, 0));
	TRY(em_read_lin(c, src, &val, s->size, EMUL_A_STRING));
	em_merge(&c->gpr[EMUL_RAX], val, s->size);
	return EMUL_DONE;
}

enum emul_result em_lods(struct emul_ctxt *c)
{
	return run_string(c, lods_step, em_opsize(c, 0), USES_SI);
}

static enum emul_result scas_step(struct emul_ctxt *c, struct string *s, unsigned int *n)
{
	u64 dst, val = 0, flags;

	*n = 1;
	TRY(dst_lin(c, s, 0, &dst));
	TRY(em_align(c, dst, s->size, 0));
	TRY(em_read_lin(c, dst, &val, s->size, EMUL_A_STRING));
	em_sub(c->gpr[EMUL_RAX] & em_mask(s->size), val, 0, s->size, &flags);
	em_set_flags(c, FL_ARITH, flags);
	return EMUL_DONE;
}

enum emul_result em_scas(struct emul_ctxt *c)
{
	return run_string(c, scas_step, em_opsize(c, 0), USES_DI);
}

/*
 * How many bytes of INS to do at once.  Whether the destination takes the data is made sure of before the port is read,
 * since the port cannot be read again.  A resumed instruction does as many as it had begun with.
 */
static enum emul_result ins_bytes(struct emul_ctxt *c, const struct string *s, u64 dst,
				  unsigned int *bytes)
{
	unsigned int len = 0;

	*bytes = c->log.bulk;
	if (*bytes)
		return EMUL_DONE;
	if (c->ops->bulk_write)
		len = run_bytes(c, s, dst);
	if (len > s->size && run_fits(c, s, EMUL_RDI, len))
		len = c->ops->bulk_write(c, dst, NULL, len, s->size);
	if (len <= s->size) {
		TRY(c->ops->probe(c, dst, s->size, EMUL_A_WRITE));
		len = s->size;
	}
	c->log.bulk = len;
	*bytes = len;
	return EMUL_DONE;
}

static enum emul_result ins_step(struct emul_ctxt *c, struct string *s, unsigned int *n)
{
	u16 port = c->gpr[EMUL_RDX];
	unsigned int len, put = 0;
	void *data;
	u64 dst;

	TRY(dst_lin(c, s, EMUL_A_WRITE, &dst));
	TRY(em_align(c, dst, s->size, EMUL_A_WRITE));
	TRY(ins_bytes(c, s, dst, &len));
	TRY(em_log_in(c, port, s->size, len / s->size, &data));
	*n = elements(s, len);
	len = *n * s->size;
	em_io_trap(c, port, s->size);
	if (len > s->size)
		put = c->ops->bulk_write(c, dst, data, len, s->size);
	for (; put < len; put += s->size)
		TRY(em_write_lin(c, dst + put, (u8 *)data + put, s->size, EMUL_A_STRING));
	return EMUL_DONE;
}

enum emul_result em_ins(struct emul_ctxt *c)
{
	unsigned int size = em_opsize(c, 0);

	TRY(em_io_allowed(c, c->gpr[EMUL_RDX], size));
	return run_string(c, ins_step, size, USES_DI);
}

/* How many bytes of OUTS to do at once, and where they are now; 0: one element.  As many again when it is resumed. */
static unsigned int outs_bytes(struct emul_ctxt *c, const struct string *s, u64 src, void **data)
{
	unsigned int len = c->log.bulk;

	if (!len) {
		len = run_bytes(c, s, src);
		if (len <= s->size || !run_fits(c, s, EMUL_RSI, len))
			return 0;
	}
	return em_log_bulk(c, src, len, s->size, data);
}

static enum emul_result outs_step(struct emul_ctxt *c, struct string *s, unsigned int *n)
{
	u16 port = c->gpr[EMUL_RDX];
	unsigned int len;
	void *data;
	u32 val = 0;
	u64 src;

	TRY(src_lin(c, s, &src));
	len = outs_bytes(c, s, src, &data);
	if (len) {
		TRY(em_log_out(c, port, s->size, data, len / s->size));
		*n = elements(s, len);
		return EMUL_DONE;
	}
	*n = 1;
	TRY(em_align(c, src, s->size, 0));
	TRY(em_read_lin(c, src, &val, s->size, EMUL_A_STRING));
	em_io_trap(c, port, s->size);
	return em_log_out(c, port, s->size, &val, 1);
}

enum emul_result em_outs(struct emul_ctxt *c)
{
	unsigned int size = em_opsize(c, 1);

	TRY(em_io_allowed(c, c->gpr[EMUL_RDX], size));
	return run_string(c, outs_step, size, USES_SI);
}
