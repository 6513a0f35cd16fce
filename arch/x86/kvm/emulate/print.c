// SPDX-License-Identifier: GPL-2.0-only
/* The decoded instruction as text, AT&T syntax, for the reports of what could not be emulated. */
#include "rows.h"

struct out {
	char *buf;
	size_t size;
	size_t len;
};

static void put_char(struct out *o, char ch)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = ch;
	o->len++;
}

static void put_str(struct out *o, const char *s)
{
	while (*s)
		put_char(o, *s++);
}

static void put_hex(struct out *o, u64 val)
{
	unsigned int digits = val ? (fls64(val) + 3) / 4 : 1;

	put_str(o, "0x");
	while (digits--)
		put_char(o, "0123456789abcdef"[(val >> (digits * 4)) & 15]);
}

static void put_dec(struct out *o, unsigned int val)
{
	if (val >= 10)
		put_char(o, '0' + val / 10);
	put_char(o, '0' + val % 10);
}

static const char reg_names[8][3] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };
static const char byte_names[8][3] = { "al", "cl", "dl", "bl", "ah", "ch", "dh", "bh" };
static const char sreg_names[8][3] = { "es", "cs", "ss", "ds", "fs", "gs", "?", "?" };

static void put_reg(struct out *o, const struct emul_insn *insn, unsigned int reg,
		    unsigned int bytes)
{
	put_char(o, '%');
	if (reg >= 8) {
		put_char(o, 'r');
		put_dec(o, reg);
		if (bytes < 8)
			put_char(o, bytes == 1 ? 'b' : bytes == 2 ? 'w' : 'd');
		return;
	}
	if (bytes == 1) {
		if ((insn->rex || insn->vex) && reg >= 4) {
			put_str(o, reg_names[reg]);
			put_char(o, 'l');
		} else {
			put_str(o, byte_names[reg]);
		}
		return;
	}
	if (bytes > 2)
		put_char(o, bytes == 4 ? 'e' : 'r');
	put_str(o, reg_names[reg]);
}

static void put_numbered(struct out *o, const char *name, unsigned int nr)
{
	put_char(o, '%');
	put_str(o, name);
	put_dec(o, nr);
}

static void put_vec(struct out *o, unsigned int nr, unsigned int bytes)
{
	put_numbered(o, bytes == 32 ? "ymm" : "xmm", nr);
}

static void put_mem(struct out *o, const struct emul_insn *insn)
{
	bool regs = insn->base != BASE_NONE || insn->index != BASE_NONE;

	if (insn->pfx & P_SEG) {
		put_char(o, '%');
		put_str(o, sreg_names[insn->seg]);
		put_char(o, ':');
	}
	if (insn->disp < 0 && regs) {
		put_char(o, '-');
		put_hex(o, -insn->disp);
	} else if (insn->disp || !regs) {
		put_hex(o, insn->disp & em_mask(insn->ad_bytes));
	}
	if (!regs)
		return;
	put_char(o, '(');
	if (insn->base == BASE_RIP)
		put_str(o, insn->ad_bytes == 8 ? "%rip" : "%eip");
	else if (insn->base != BASE_NONE)
		put_reg(o, insn, insn->base, insn->ad_bytes);
	if (insn->index != BASE_NONE) {
		put_char(o, ',');
		put_reg(o, insn, insn->index, insn->ad_bytes);
		if (insn->ad_bytes > 2) {
			put_char(o, ',');
			put_dec(o, 1 << insn->scale);
		}
	}
	put_char(o, ')');
}

static void put_imm(struct out *o, u64 val)
{
	put_char(o, '$');
	put_hex(o, val);
}

static void put_string(struct out *o, const struct emul_insn *insn, bool dst)
{
	if (dst || (insn->pfx & P_SEG)) {
		put_char(o, '%');
		put_str(o, sreg_names[dst ? EMUL_ES : insn->seg]);
		put_char(o, ':');
	}
	put_char(o, '(');
	put_reg(o, insn, dst ? EMUL_RDI : EMUL_RSI, insn->ad_bytes);
	put_char(o, ')');
}

/* Register or memory, by what ModRM says. */
static bool put_rm(struct out *o, const struct emul_insn *insn, unsigned int kind,
		   unsigned int bytes)
{
	switch (kind) {
	case K_RM:
	case K_RMW:
	case K_VRM:
	case K_MMRM:
	case K_KRM:
	case K_MEM:
	case K_VSIB:
		if (insn->mem) {
			put_mem(o, insn);
			return true;
		}
	}
	switch (kind) {
	case K_RM:
	case K_RMW:
	case K_RMREG:
		put_reg(o, insn, insn->rm, kind == K_RMW && bytes < 4 ? 4 : bytes);
		return true;
	case K_VRM:
	case K_VRMREG:
		put_vec(o, insn->rm, bytes);
		return true;
	case K_MMRM:
	case K_MMRMREG:
		put_numbered(o, "mm", insn->rm & 7);
		return true;
	case K_KRM:
		put_numbered(o, "k", insn->rm & 7);
		return true;
	}
	return false;
}

static bool put_reg_operand(struct out *o, const struct emul_insn *insn, unsigned int kind,
			    unsigned int bytes)
{
	switch (kind) {
	case K_REG:
	case K_ZREG:
		put_reg(o, insn, insn->reg, bytes);
		return true;
	case K_ACC:
		put_reg(o, insn, EMUL_RAX, bytes);
		return true;
	case K_CL:
		put_str(o, "%cl");
		return true;
	case K_VGPR:
		put_reg(o, insn, insn->vex_v, bytes);
		return true;
	case K_SREG:
		put_char(o, '%');
		put_str(o, sreg_names[insn->reg & 7]);
		return true;
	case K_CR:
		put_numbered(o, "cr", insn->reg);
		return true;
	case K_DR:
		put_numbered(o, "db", insn->reg);
		return true;
	case K_VREG:
		put_vec(o, insn->reg, bytes);
		return true;
	case K_VVEX:
		put_vec(o, insn->vex_v, bytes);
		return true;
	case K_MMREG:
		put_numbered(o, "mm", insn->reg & 7);
		return true;
	case K_KREG:
		put_numbered(o, "k", insn->reg & 7);
		return true;
	case K_KVEX:
		put_numbered(o, "k", insn->vex_v & 7);
		return true;
	case K_ST0:
		put_str(o, "%st");
		return true;
	case K_STI:
		put_str(o, "%st(");
		put_dec(o, insn->rm & 7);
		put_char(o, ')');
		return true;
	}
	return false;
}

static void put_operand(struct out *o, const struct emul_ctxt *c, unsigned int code)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int kind = emul_operand_info[code].kind,
		     bytes = em_operand_bytes(insn, c->mode, code);

	if (put_rm(o, insn, kind, bytes) || put_reg_operand(o, insn, kind, bytes))
		return;
	switch (kind) {
	case K_IMM:
		put_imm(o, insn->imm);
		break;
	case K_IMMS:
		put_imm(o, insn->imm & em_mask(insn->op_bytes));
		break;
	case K_IMM2:
		put_imm(o, insn->imm2);
		break;
	case K_ONE:
		put_imm(o, 1);
		break;
	case K_REL:
		put_hex(o, (c->next_rip + insn->imm) & em_mask(insn->op_bytes));
		break;
	case K_FAR:
		put_imm(o, insn->imm2);
		put_char(o, ',');
		put_imm(o, insn->imm);
		break;
	case K_MOFFS:
		put_mem(o, insn);
		break;
	case K_DX:
		put_str(o, "(%dx)");
		break;
	case K_SEGFIX:
		put_char(o, '%');
		put_str(o, sreg_names[code - O_ES]);
		break;
	case K_STRX:
	case K_STRY:
		put_string(o, insn, kind == K_STRY);
		break;
	case K_VIS4:
		put_vec(o, (insn->imm >> 4) & 15, bytes);
		break;
	}
}

/* Does an operand's name tell the operand size? */
static bool size_told(const struct emul_insn *insn)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(insn->desc->op); i++) {
		switch (emul_operand_info[insn->desc->op[i]].kind) {
		case K_REG:
		case K_ZREG:
		case K_ACC:
		case K_RMREG:
			return true;
		case K_RM:
		case K_RMW:
			if (!insn->mem)
				return true;
		}
	}
	return false;
}

static void put_suffix(struct out *o, const struct emul_ctxt *c, char how)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int bytes = insn->op_bytes, size;

	if (how == '#') {
		put_char(o, (insn->rex & REX_W) ? 'q' : 'd');
		return;
	}
	if (how == '*' && size_told(insn))
		return;
	size = em_operand_bytes(insn, c->mode, insn->desc->op[0]);
	if (how == '*' && size && size <= 8 && emul_operand_info[insn->desc->op[0]].kind != K_DX)
		bytes = size;
	put_char(o, bytes == 1 ? 'b' : bytes == 2 ? 'w' : bytes == 4 ? 'l' : 'q');
}

static void put_name(struct out *o, const struct emul_ctxt *c)
{
	static const char *const cbw[] = { "cbtw", "cwtl", "cltq" }, *const cwd[] = { "cwtd",
										      "cltd",
										      "cqto" };
	const struct emul_insn *insn = &c->insn;
	const struct emul_desc *desc = insn->desc;
	const char *name = desc->name;

	if (insn->pfx & P_LOCK)
		put_str(o, "lock ");
	if (desc->flags & F_REPSTR)
		put_str(o, insn->rep == 0xf2		       ? "repnz " :
			   insn->rep && (desc->flags & F_REPZ) ? "repz " :
			   insn->rep			       ? "rep " :
								 "");
	if (desc->exec == em_cbw)
		name = cbw[insn->op_bytes / 4];
	else if (desc->exec == em_cwd)
		name = cwd[insn->op_bytes / 4];
	else if (insn->opcode == 0x90 && !insn->map && !insn->reg)
		name = insn->rep == 0xf3 ? "pause" : "nop";
	if (insn->vex && (desc->flags & F_SSE))
		put_char(o, 'v');
	for (; *name; name++) {
		if (*name == '*' || *name == '~' || *name == '#')
			put_suffix(o, c, *name);
		else
			put_char(o, *name);
	}
}

/* Operands in AT&T order; the second source that VEX adds goes before the destination. */
static void put_operands(struct out *o, const struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	const struct emul_desc *desc = insn->desc;
	bool indirect = desc->aux && (desc->exec == em_jmp || desc->exec == em_call);
	unsigned int i;
	char sep = ' ';

	if (insn->opcode == 0x90 && !insn->map && !insn->reg)
		return;
	for (i = ARRAY_SIZE(desc->op); i-- > 0;) {
		if (!desc->op[i])
			continue;
		put_char(o, sep);
		sep = ',';
		if (indirect)
			put_char(o, '*');
		put_operand(o, c, desc->op[i]);
		if (i == 1 && insn->vex && (desc->flags & F_NDS) && (desc->flags & F_SSE)) {
			put_char(o, ',');
			put_vec(o, insn->vex_v, 16 << insn->vex_l);
		}
	}
}

/**
 * emul_print - the instruction in @ctxt as text
 * @ctxt:	after emul_decode(), whatever it returned
 * @buf:	result, always terminated if @size is not 0
 * @size:	of @buf; 64 is enough for all but the wildest
 *
 * An instruction that could not be decoded is printed as its bytes.  Return: length, as snprintf() counts it.
 */
int emul_print(const struct emul_ctxt *ctxt, char *buf, size_t size)
{
	struct out o = { .buf = buf, .size = size };
	unsigned int i;

	if (ctxt->decoded) {
		put_name(&o, ctxt);
		put_operands(&o, ctxt);
	} else {
		put_str(&o, "(bad)");
		for (i = 0; i < ctxt->insn.fetched; i++) {
			put_char(&o, ' ');
			put_char(&o, "0123456789abcdef"[ctxt->insn.bytes[i] >> 4]);
			put_char(&o, "0123456789abcdef"[ctxt->insn.bytes[i] & 15]);
		}
	}
	if (size)
		buf[min(o.len, size - 1)] = 0;
	return o.len;
}
