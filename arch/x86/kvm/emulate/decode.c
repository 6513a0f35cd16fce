// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction decoder: from bytes to a row of the table and its operands.  Intel SDM vol. 2A, chapter 2; AMD APM vol. 3,
 * chapter 1.
 *
 * Bytes are fetched once, never past the page that is needed, and kept in the context.
 */
#include "insn.h"

const struct emul_operand_info emul_operand_info[O_NR] = {
#define OPERAND(code, kind, size) { K_##kind, size, NEED_##kind },
	EMUL_OPERANDS(OPERAND)
#undef OPERAND
};

/* How far the code segment reaches from offset @off, in bytes; 0: not at all. */
static u64 code_left(struct emul_ctxt *c, u64 off, u64 *lin)
{
	const struct emul_seg *cs;

	if (em_long(c)) {
		*lin = off;
		if (!em_canonical(c, off))
			return 0;
		return EMUL_MAX_INSN;
	}
	cs = em_seg(c, EMUL_CS);
	off = (u32)off;
	*lin = (u32)(cs->base + off);
	if (off > cs->limit)
		return 0;
	return (u64)cs->limit - off + 1;
}

/* Make insn->bytes[pos] valid. */
static noinline enum emul_result fetch_more(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	u64 lin, left;
	unsigned int n;

	if (insn->pos >= EMUL_MAX_INSN)
		return emul_raise_gp(c, 0);
	left = code_left(c, c->rip + insn->pos, &lin);
	if (!left)
		return emul_raise_gp(c, 0);
	n = 0x1000 - (lin & 0xfff);
	n = min_t(u64, n, left);
	n = min_t(unsigned int, n, EMUL_MAX_INSN - insn->pos);
	TRY(c->ops->fetch(c, lin, insn->bytes + insn->pos, n));
	insn->fetched = insn->pos + n;
	return EMUL_DONE;
}

static __always_inline enum emul_result next_byte(struct emul_ctxt *c, u8 *byte)
{
	struct emul_insn *insn = &c->insn;

	if (unlikely(insn->pos >= insn->fetched))
		TRY(fetch_more(c));
	*byte = insn->bytes[insn->pos++];
	return EMUL_DONE;
}

static noinline enum emul_result next_bytes_slow(struct emul_ctxt *c, unsigned int n, u64 *val)
{
	unsigned int i;
	u64 v = 0;
	u8 byte;

	for (i = 0; i < n; i++) {
		TRY(next_byte(c, &byte));
		v |= (u64)byte << (i * 8);
	}
	*val = v;
	return EMUL_DONE;
}

static __always_inline enum emul_result next_bytes(struct emul_ctxt *c, unsigned int n, u64 *val)
{
	struct emul_insn *insn = &c->insn;
	const u8 *p = insn->bytes + insn->pos;
	u16 word;
	u32 v;

	if (unlikely(insn->pos + n > insn->fetched))
		return next_bytes_slow(c, n, val);
	switch (n) {
	case 1:
		*val = *p;
		break;
	case 2:
		memcpy(&word, p, 2);
		*val = word;
		break;
	case 4:
		memcpy(&v, p, 4);
		*val = v;
		break;
	case 8:
		memcpy(val, p, 8);
		break;
	default:
		return next_bytes_slow(c, n, val);
	}
	insn->pos += n;
	return EMUL_DONE;
}

/* Prefixes; leaves the first opcode byte in *@byte. */
static enum emul_result decode_prefixes(struct emul_ctxt *c, u8 *byte)
{
	struct emul_insn *insn = &c->insn;
	bool x64 = em_long(c);
	u8 b;

	for (;;) {
		TRY(next_byte(c, &b));
		switch (b) {
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
			if (!x64) {
				insn->seg = (b >> 3) & 3;
				insn->pfx |= P_SEG;
			}
			break;
		case 0x64:
		case 0x65:
			insn->seg = b & 7;
			insn->pfx |= P_SEG;
			break;
		case 0x66:
			insn->pfx |= P_66;
			break;
		case 0x67:
			insn->pfx |= P_67;
			break;
		case 0xf0:
			insn->pfx |= P_LOCK;
			break;
		case 0xf2:
		case 0xf3:
			insn->rep = b;
			break;
		default:
			if (x64 && (b & 0xf0) == 0x40) {
				/* Counts only right before the opcode. */
				insn->rex = b;
				continue;
			}
			*byte = b;
			return EMUL_DONE;
		}
		insn->rex = 0;
	}
}

/* A prefix that VEX and its kin cannot be combined with. */
static bool vex_conflict(const struct emul_insn *insn)
{
	return (insn->pfx & (P_66 | P_LOCK)) || insn->rep || insn->rex;
}

/* The byte after C4, C5, 62: does it make a prefix of them?  (Not in real mode: #UD or LES, LDS, BOUND as it falls.) */
static bool is_vex(const struct emul_ctxt *c, u8 next)
{
	if (em_long(c))
		return true;
	return em_prot(c) && (next & 0xc0) == 0xc0;
}

static void vex_pp(struct emul_insn *insn, u8 pp)
{
	static const u8 rep[4] = { 0, 0, 0xf3, 0xf2 };

	insn->rep = rep[pp & 3];
	if ((pp & 3) == 1)
		insn->pfx |= P_66;
}

/* The rest of a C5, C4, 62 or 8F (XOP) prefix; insn->vex says which. */
static enum emul_result decode_vex(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	u8 p0, p1, p2 = 0;

	insn->vex_bad = vex_conflict(insn);
	TRY(next_byte(c, &p0));
	insn->rex = (p0 & 0x80) ? 0 : REX_R;
	p1 = p0;
	if (insn->vex == VEX_2) {
		insn->map = 1;
	} else {
		TRY(next_byte(c, &p1));
		insn->rex |= ((p0 & 0x40) ? 0 : REX_X) | ((p0 & 0x20) ? 0 : REX_B) |
			     ((p1 & 0x80) ? REX_W : 0);
		insn->map = p0 & 0x1f;
	}
	if (insn->vex == VEX_EVEX) {
		TRY(next_byte(c, &p2));
		insn->map = p0 & 7;
	}
	insn->vex_v = ~(p1 >> 3) & 0xf;
	insn->vex_l = (p1 >> 2) & 1;
	vex_pp(insn, p1);
	if (!em_long(c))
		insn->rex &= REX_W;
	return next_byte(c, &insn->opcode);
}

static const struct emul_desc *map_row(const struct emul_insn *insn)
{
	switch (insn->map) {
	case 0:
		return &emul_map_1[insn->opcode];
	case 1:
		return &emul_map_0f[insn->opcode];
	case 2:
		return &emul_map_0f38[insn->opcode];
	case 3:
		return &emul_map_0f3a[insn->opcode];
	}
	return NULL;
}

static enum emul_result decode_opcode(struct emul_ctxt *c, u8 byte)
{
	struct emul_insn *insn = &c->insn;
	u8 next;

	insn->opcode = byte;
	if (likely(byte != 0x0f && byte != 0xc4 && byte != 0xc5 && byte != 0x62 && byte != 0x8f))
		return EMUL_DONE;
	if (byte == 0x0f) {
		insn->map = 1;
		TRY(next_byte(c, &insn->opcode));
		if (insn->opcode == 0x38 || insn->opcode == 0x3a) {
			insn->map = insn->opcode == 0x38 ? 2 : 3;
			TRY(next_byte(c, &insn->opcode));
		}
		return EMUL_DONE;
	}
	/* All of them have another byte, whatever they are. */
	TRY(next_byte(c, &next));
	insn->pos--;
	if (byte == 0x8f) {
		if ((next & 0x1f) < 8 || !em_prot(c))
			return EMUL_DONE;
		insn->vex = VEX_XOP;
	} else {
		if (!is_vex(c, next))
			return EMUL_DONE;
		insn->vex = byte == 0xc5 ? VEX_2 : byte == 0xc4 ? VEX_3 : VEX_EVEX;
	}
	return decode_vex(c);
}

/* ModRM, SIB and displacement with 16-bit addresses */
static noinline enum emul_result decode_modrm16(struct emul_ctxt *c, unsigned int mod,
						unsigned int rm)
{
	static const u8 base[8] = { EMUL_RBX, EMUL_RBX, EMUL_RBP, EMUL_RBP,
				    EMUL_RSI, EMUL_RDI, EMUL_RBP, EMUL_RBX };
	static const u8 index[4] = { EMUL_RSI, EMUL_RDI, EMUL_RSI, EMUL_RDI };
	struct emul_insn *insn = &c->insn;
	u64 disp = 0;

	insn->base = base[rm];
	insn->index = rm < 4 ? index[rm] : BASE_NONE;
	if (mod == 0 && rm == 6)
		insn->base = BASE_NONE;
	if (mod == 1)
		TRY(next_bytes(c, 1, &disp));
	else if (mod == 2 || insn->base == BASE_NONE)
		TRY(next_bytes(c, 2, &disp));
	insn->disp = mod == 1 ? (s8)disp : (s16)disp;
	if (insn->base == EMUL_RBP && !(insn->pfx & P_SEG))
		insn->seg = EMUL_SS;
	return EMUL_DONE;
}

static __always_inline enum emul_result decode_sib(struct emul_ctxt *c, unsigned int mod)
{
	struct emul_insn *insn = &c->insn;
	u8 sib;

	TRY(next_byte(c, &sib));
	insn->sib = sib;
	insn->scale = sib >> 6;
	insn->index = ((sib >> 3) & 7) | (insn->rex & REX_X) << 2;
	if (insn->index == 4)
		insn->index = BASE_NONE;
	insn->base = (sib & 7) | (insn->rex & REX_B) << 3;
	if ((sib & 7) == 5 && mod == 0)
		insn->base = BASE_NONE;
	return EMUL_DONE;
}

static __always_inline enum emul_result decode_modrm32(struct emul_ctxt *c, unsigned int mod,
						       unsigned int rm)
{
	struct emul_insn *insn = &c->insn;
	u64 disp;

	insn->index = BASE_NONE;
	if (rm == 4)
		TRY(decode_sib(c, mod));
	else if (rm == 5 && mod == 0)
		insn->base = em_long(c) ? BASE_RIP : BASE_NONE;
	else
		insn->base = rm | (insn->rex & REX_B) << 3;
	if (mod == 1) {
		TRY(next_bytes(c, 1, &disp));
		insn->disp = (s8)disp;
	} else if (mod == 2 || insn->base >= BASE_RIP) {
		TRY(next_bytes(c, 4, &disp));
		insn->disp = (s32)disp;
	}
	if (unlikely((insn->base & ~1) == EMUL_RSP) && !(insn->pfx & P_SEG)) /* or RBP */
		insn->seg = EMUL_SS;
	return EMUL_DONE;
}

static __always_inline enum emul_result decode_modrm(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	unsigned int mod = insn->modrm >> 6, rm = insn->modrm & 7;

	insn->reg = ((insn->modrm >> 3) & 7) | (insn->rex & REX_R) << 1;
	if (mod == 3 || (insn->desc->flags & F_IGNMOD)) {
		insn->rm = rm | (insn->rex & REX_B) << 3;
		return EMUL_DONE;
	}
	insn->mem = true;
	if (insn->ad_bytes == 2)
		return decode_modrm16(c, mod, rm);
	return decode_modrm32(c, mod, rm);
}

/* Follow the tables down to the row of this instruction.  ModRM is read on the way if need be. */
static noinline enum emul_result find_row(struct emul_ctxt *c, const struct emul_desc *row,
					  bool *have_modrm)
{
	struct emul_insn *insn = &c->insn;
	unsigned int i;

	while (row->row > ROW_INSN) {
		if (row->row <= ROW_MOD && !*have_modrm) {
			TRY(next_byte(c, &insn->modrm));
			*have_modrm = true;
		}
		switch (row->row) {
		case ROW_REG:
			i = (insn->modrm >> 3) & 7;
			break;
		case ROW_RM:
			i = insn->modrm & 7;
			break;
		case ROW_MOD:
			i = insn->modrm >= 0xc0;
			break;
		case ROW_PFX:
			i = insn->rep == 0xf3 ? 2 : insn->rep == 0xf2 ? 3 : !!(insn->pfx & P_66);
			break;
		case ROW_MODE:
			i = em_long(c);
			break;
		case ROW_VEX:
			i = !!insn->vex;
			break;
		default:
			i = !!(insn->rex & REX_W);
			break;
		}
		row = &row->sub[i];
	}
	insn->desc = row;
	return row->row == ROW_UNDEF ? emul_raise_ud(c) : EMUL_DONE;
}

static __always_inline void decode_sizes(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	u32 flags = insn->desc->flags;
	bool p66;

	if (em_long(c) && likely(!(flags & (F_N64 | F_D64 | F_F64 | F_NO66)))) {
		insn->op_bytes = (insn->rex & REX_W) ? 8 : (insn->pfx & P_66) ? 2 : 4;
		return;
	}
	p66 = (insn->pfx & P_66) && !(flags & F_NO66);
	if (em_long(c)) {
		if (flags & F_N64)
			insn->op_bytes = 8;
		else if ((insn->rex & REX_W) || ((flags & F_F64) && em_has(c, EMUL_F_INTEL)))
			insn->op_bytes = 8;
		else if (p66)
			insn->op_bytes = 2;
		else
			insn->op_bytes = (flags & (F_D64 | F_F64)) ? 8 : 4;
		return;
	}
	if (flags & F_N64)
		insn->op_bytes = 4;
	else
		insn->op_bytes = ((c->mode == EMUL_MODE_PROT32) != p66) ? 4 : 2;
}

/* VEX as this row allows it? */
static bool vex_ok(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	u32 flags = insn->desc->flags;

	if (!insn->vex)
		return !(flags & F_VEXONLY);
	if (insn->vex_bad || !(flags & (F_VEX | F_VEXONLY)))
		return false;
	if (!(flags & F_NDS) && insn->vex_v)
		return false;
	/* Where it names a register, its top bit is ignored outside 64-bit mode. */
	if (!em_long(c))
		insn->vex_v &= 7;
	if (((flags & F_L0) && insn->vex_l) || ((flags & F_L1) && !insn->vex_l))
		return false;
	if (((flags & F_W0) && (insn->rex & REX_W)) || ((flags & F_W1) && !(insn->rex & REX_W)))
		return false;
	return true;
}

static noinline unsigned int rare_size(const struct emul_insn *insn, bool x64, unsigned int size)
{
	switch (size) {
	case SZ_Y:
		return x64 && (insn->rex & REX_W) ? 8 : 4;
	case SZ_N:
		return x64 ? 8 : 4;
	case SZ_X:
		return 16 << insn->vex_l;
	case SZ_H:
		return 8 << insn->vex_l;
	case SZ_QH:
		return 4 << insn->vex_l;
	case SZ_BH:
		return 2 << insn->vex_l;
	case SZ_P:
		return insn->op_bytes + 2;
	case SZ_2V:
		return insn->op_bytes * 2;
	case SZ_S:
		return x64 ? 10 : 6;
	default:
		return x64 && (insn->rex & REX_W) ? 16 : 8;
	}
}

static __always_inline unsigned int operand_bytes(const struct emul_insn *insn, bool x64,
						  unsigned int size)
{
	if (likely(size < SZ_V))
		return size;
	if (likely(size <= SZ_Z))
		return size == SZ_V || insn->op_bytes < 4 ? insn->op_bytes : 4;
	return rare_size(insn, x64, size);
}

/**
 * em_operand_bytes - the size of an operand
 * @insn:	the instruction, decoded
 * @mode:	enum emul_mode
 * @code:	enum emul_operand
 */
unsigned int em_operand_bytes(const struct emul_insn *insn, unsigned int mode, unsigned int code)
{
	return operand_bytes(insn, mode == EMUL_MODE_LONG, emul_operand_info[code].size);
}

/* MOV to and from control and debug registers: is there such a register? */
static bool special_ok(const struct emul_insn *insn)
{
	if (insn->desc->op[0] == O_Dn || insn->desc->op[1] == O_Dn)
		return insn->reg < 8;
	return insn->reg <= 8 && (0x11d & BIT(insn->reg));
}

/* AMD's way to reach CR8 outside 64-bit mode: LOCK MOV CR0.  The register number is set right here. */
static bool alt_cr8(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;

	if (insn->reg || !em_has(c, EMUL_F_ALTMOVCR8) ||
	    (insn->desc->op[0] != O_Cn && insn->desc->op[1] != O_Cn))
		return false;
	insn->reg = 8;
	return true;
}

/* Flags of rows that exist not everywhere. */
#define F_RARE (F_VEXONLY | F_IGNMOD | F_NO64 | F_ONLY64 | F_PROT)

/* VEX, the mode, and LOCK, as this row allows them? */
static noinline bool rare_ok(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	u32 flags = insn->desc->flags;

	if (!vex_ok(c))
		return false;
	if ((insn->pfx & P_LOCK) && !((flags & F_LOCKABLE) && insn->mem) && !alt_cr8(c))
		return false;
	if ((flags & F_IGNMOD) && !special_ok(insn))
		return false;
	if (flags & (F_NO64 | F_ONLY64 | F_PROT))
		return !(flags & (em_long(c) ? F_NO64 : F_ONLY64)) &&
		       (!(flags & F_PROT) || em_prot(c));
	return true;
}

static __always_inline bool row_ok(struct emul_ctxt *c, unsigned int need)
{
	const struct emul_insn *insn = &c->insn;

	if ((need & (N_MEM | N_REG)) && (need & N_MEM ? !insn->mem : insn->mem))
		return false;
	return likely(!insn->vex && !(insn->pfx & P_LOCK) && !(insn->desc->flags & F_RARE)) ||
	       rare_ok(c);
}

/* Immediates that are not one number. */
static noinline enum emul_result decode_imm_rare(struct emul_ctxt *c, unsigned int kind)
{
	struct emul_insn *insn = &c->insn;

	switch (kind) {
	case K_IMM2:
		return next_bytes(c, 1, &insn->imm2);
	case K_FAR:
		TRY(next_bytes(c, insn->op_bytes, &insn->imm));
		return next_bytes(c, 2, &insn->imm2);
	case K_MOFFS:
		insn->mem = true;
		insn->base = BASE_NONE;
		insn->index = BASE_NONE;
		if (!(insn->pfx & P_SEG))
			insn->seg = EMUL_DS;
		TRY(next_bytes(c, insn->ad_bytes, &insn->imm));
		insn->disp = insn->imm;
		return EMUL_DONE;
	}
	return EMUL_DONE;
}

static __always_inline enum emul_result decode_imm(struct emul_ctxt *c, unsigned int code)
{
	const struct emul_operand_info *info = &emul_operand_info[code];
	struct emul_insn *insn = &c->insn;
	unsigned int size;

	if (info->kind != K_IMM && info->kind != K_IMMS && info->kind != K_REL)
		return decode_imm_rare(c, info->kind);
	size = operand_bytes(insn, em_long(c), info->size);
	TRY(next_bytes(c, size, &insn->imm));
	if (info->kind != K_IMM)
		insn->imm = em_sext(insn->imm, size);
	return EMUL_DONE;
}

/* EVEX, XOP, 3DNow!: only the length matters. */
static enum emul_result decode_foreign(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	unsigned int imm = 0;
	u64 val;

	if (insn->vex == VEX_EVEX) {
		u8 op = insn->opcode;

		insn->desc = &emul_row_evex;
		if (insn->map == 3 ||
		    (insn->map == 1 &&
		     ((op >= 0x70 && op <= 0x73) || op == 0xc2 || (op >= 0xc4 && op <= 0xc6))))
			imm = 1;
		if (!insn->map || insn->map == 4 || insn->map == 7)
			return emul_raise_ud(c);
	} else if (insn->vex == VEX_XOP) {
		insn->desc = &emul_row_xop;
		imm = insn->map == 8 ? 1 : insn->map == 10 ? 4 : 0;
		if (insn->map > 10)
			return emul_raise_ud(c);
	} else {
		insn->desc = &emul_row_3dnow;
		imm = 1;
	}
	TRY(next_byte(c, &insn->modrm));
	TRY(decode_modrm(c));
	TRY(next_bytes(c, imm, &val));
	if (insn->vex_bad || (insn->pfx & P_LOCK))
		return emul_raise_ud(c);
	return EMUL_DONE;
}

static __always_inline enum emul_result decode_row(struct emul_ctxt *c, const struct emul_desc *row)
{
	struct emul_insn *insn = &c->insn;
	const struct emul_desc *desc;
	bool have_modrm = false;
	unsigned int need;

	/* A group, as that of MOV with an immediate is */
	if (row->row == ROW_REG) {
		TRY(next_byte(c, &insn->modrm));
		have_modrm = true;
		row = &row->sub[(insn->modrm >> 3) & 7];
	}
	if (likely(row->row == ROW_INSN))
		insn->desc = row;
	else
		TRY(find_row(c, row, &have_modrm));
	desc = insn->desc;
	need = desc->need;
	decode_sizes(c);
	if ((need & N_MODRM) && !have_modrm) {
		TRY(next_byte(c, &insn->modrm));
		have_modrm = true;
	}
	if (have_modrm)
		TRY(decode_modrm(c));
	else
		insn->reg = (insn->opcode & 7) | (insn->rex & REX_B) << 3;
	if (need & N_IMMS)
		TRY(decode_imm(c, desc->op[desc->imm]));
	/* A second one: ENTER and a few others. */
	if (unlikely(need & N_IMM2) && desc->imm + 1 < ARRAY_SIZE(desc->op))
		TRY(decode_imm_rare(c, emul_operand_info[desc->op[desc->imm + 1]].kind));
	return likely(row_ok(c, need)) ? EMUL_DONE : emul_raise_ud(c);
}

/* Bytes that are no opcode of the first map by themselves: prefixes, and what leads to other maps. */
enum lead { LEAD_NOT, LEAD_66, LEAD_67, LEAD_SEG, LEAD_0F, LEAD_OTHER };

static const u8 leads[256] = {
	[0x0f] = LEAD_0F,    [0x26] = LEAD_SEG,	  [0x2e] = LEAD_SEG,   [0x36] = LEAD_SEG,
	[0x3e] = LEAD_SEG,   [0x62] = LEAD_OTHER, [0x64] = LEAD_SEG,   [0x65] = LEAD_SEG,
	[0x66] = LEAD_66,    [0x67] = LEAD_67,	  [0x8f] = LEAD_OTHER, [0xc4] = LEAD_OTHER,
	[0xc5] = LEAD_OTHER, [0xf0] = LEAD_OTHER, [0xf2] = LEAD_OTHER, [0xf3] = LEAD_OTHER,
};

/*
 * The row of an instruction of the first two maps with no prefixes but those for sizes and segments, as most are that reach
 * devices; NULL: it is another one, or not fetched yet.
 */
static __always_inline const struct emul_desc *quick_row(struct emul_ctxt *c)
{
	const struct emul_desc *map = emul_map_1;
	struct emul_insn *insn = &c->insn;
	const u8 *p = insn->bytes;
	u8 rex = 0, pfx = 0, seg = EMUL_DS, byte = *p++, lead;

	if (unlikely(insn->fetched < 8))
		return NULL;
	for (; unlikely((lead = leads[byte]) != LEAD_NOT); byte = *p++) {
		if (lead == LEAD_0F)
			break;
		if (lead == LEAD_OTHER || p == insn->bytes + 4)
			return NULL;
		if (lead != LEAD_SEG) {
			pfx |= lead == LEAD_66 ? P_66 : P_67;
		} else if (byte >= 0x64 || !em_long(c)) {
			seg = byte >= 0x64 ? byte & 7 : (byte >> 3) & 3;
			pfx |= P_SEG;
		}
	}
	if (em_long(c) && (byte & 0xf0) == 0x40) {
		rex = byte;
		byte = *p++;
		lead = leads[byte];
		if (unlikely((byte & 0xf0) == 0x40 || (lead != LEAD_NOT && lead != LEAD_0F)))
			return NULL;
	}
	if (lead == LEAD_0F) {
		byte = *p++;
		if (unlikely(byte == 0x0f || (byte & 0xfd) == 0x38))
			return NULL;
		insn->map = 1;
		map = emul_map_0f;
	}
	insn->pfx = pfx;
	insn->rex = rex;
	insn->seg = seg;
	insn->opcode = byte;
	insn->pos = p - insn->bytes;
	return &map[byte];
}

static __always_inline void default_sizes(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	bool p67 = insn->pfx & P_67;

	if (em_long(c))
		insn->ad_bytes = p67 ? 4 : 8;
	else
		insn->ad_bytes = ((c->mode == EMUL_MODE_PROT32) != p67) ? 4 : 2;
}

/* Prefixes, the opcode whatever map it is in, and the rest. */
static noinline enum emul_result decode_prefixed(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	const struct emul_desc *row;
	u8 byte;

	TRY(decode_prefixes(c, &byte));
	default_sizes(c);
	TRY(decode_opcode(c, byte));
	row = map_row(insn);
	if (insn->vex >= VEX_XOP || (insn->map == 1 && insn->opcode == 0x0f && !insn->vex))
		return decode_foreign(c);
	if (unlikely(!row || (insn->vex && !insn->map)))
		return emul_raise_ud(c);
	return decode_row(c, row);
}

static noinline enum emul_result decode(struct emul_ctxt *ctxt)
{
	struct emul_insn *insn = &ctxt->insn;
	const struct emul_desc *row;

	insn->pos = 0;
	insn->seg = EMUL_DS;
	row = quick_row(ctxt);
	if (likely(row)) {
		default_sizes(ctxt);
		TRY(decode_row(ctxt, row));
	} else {
		TRY(decode_prefixed(ctxt));
	}
	insn->len = insn->pos;
	insn->mode = ctxt->mode;
	ctxt->next_rip = ctxt->rip + insn->len;
	if (!em_long(ctxt))
		ctxt->next_rip = (u32)ctxt->next_rip;
	ctxt->decoded = true;
	return EMUL_DONE;
}

/**
 * emul_decode - decode one instruction
 * @ctxt:	begun with emul_begin(); @rip, @mode and @rflags filled
 *
 * Fetches what it needs.  Return: EMUL_DONE with ctxt->insn.len and ctxt->next_rip set (whether or not the emulator can
 * execute the instruction); EMUL_FAULT for what is not an instruction (#UD), for the page fault of a fetch, the code
 * segment limit or more than 15 bytes (#GP); what the fetch op returned otherwise.
 */
enum emul_result emul_decode(struct emul_ctxt *ctxt)
{
	return ctxt->decoded ? EMUL_DONE : decode(ctxt);
}
