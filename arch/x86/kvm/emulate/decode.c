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

/* Fetch what follows insn->bytes[] as it is, up to the end of a page. */
static noinline enum emul_result fetch_more(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	u64 lin, left;
	unsigned int n;

	if (insn->fetched >= EMUL_MAX_INSN)
		return emul_raise_gp(c, 0);
	left = code_left(c, c->rip + insn->fetched, &lin);
	if (!left)
		return emul_raise_gp(c, 0);
	n = 0x1000 - (lin & 0xfff);
	n = min_t(u64, n, left);
	n = min_t(unsigned int, n, EMUL_MAX_INSN - insn->fetched);
	TRY(c->ops->fetch(c, lin, insn->bytes + insn->fetched, n));
	insn->fetched += n;
	return EMUL_DONE;
}

/* A number of @n bytes (1, 2, 4, 8) without, and with sign.  More than them is read, see struct emul_insn. */
static __always_inline u64 number(const u8 *p, unsigned int n)
{
	unsigned int rest = 64 - n * 8;
	u64 val;

	memcpy(&val, p, sizeof(val));
	return val << rest >> rest;
}

static __always_inline s64 signed_number(const u8 *p, unsigned int n)
{
	unsigned int rest = 64 - n * 8;
	u64 val;

	memcpy(&val, p, sizeof(val));
	return (s64)(val << rest) >> rest;
}

/*
 * What a byte is where a prefix or an opcode may be: P_* of a prefix that is remembered, LEAD_OTHER one that is not (and
 * REX, which is looked for at its place), LEAD_OPCODE an opcode of the first map, LEAD_MAP what leads to the others.
 */
#define LEAD_OTHER 0
#define LEAD_OPCODE 0x20
#define LEAD_MAP 0x40

#define LEADS(seg, rex)                        \
	{                                      \
		[0x00 ... 0x0e] = LEAD_OPCODE, \
		[0x0f] = LEAD_MAP,             \
		[0x10 ... 0x25] = LEAD_OPCODE, \
		[0x26] = seg,                  \
		[0x27 ... 0x2d] = LEAD_OPCODE, \
		[0x2e] = seg,                  \
		[0x2f ... 0x35] = LEAD_OPCODE, \
		[0x36] = seg,                  \
		[0x37 ... 0x3d] = LEAD_OPCODE, \
		[0x3e] = seg,                  \
		[0x3f] = LEAD_OPCODE,          \
		[0x40 ... 0x4f] = rex,         \
		[0x50 ... 0x61] = LEAD_OPCODE, \
		[0x62] = LEAD_MAP,             \
		[0x63] = LEAD_OPCODE,          \
		[0x64 ... 0x65] = P_SEG,       \
		[0x66] = P_66,                 \
		[0x67] = P_67,                 \
		[0x68 ... 0x8e] = LEAD_OPCODE, \
		[0x8f] = LEAD_MAP,             \
		[0x90 ... 0xc3] = LEAD_OPCODE, \
		[0xc4 ... 0xc5] = LEAD_MAP,    \
		[0xc6 ... 0xef] = LEAD_OPCODE, \
		[0xf0] = P_LOCK,               \
		[0xf1] = LEAD_OPCODE,          \
		[0xf2 ... 0xf3] = P_REP,       \
		[0xf4 ... 0xff] = LEAD_OPCODE, \
	}

/* Outside and in 64-bit mode, where four segments do not matter */
static const u8 leads_legacy[256] = LEADS(P_SEG, LEAD_OPCODE);
static const u8 leads_long[256] = LEADS(LEAD_OTHER, LEAD_OTHER);
static const u8 *const leads[] = {
	[EMUL_MODE_REAL] = leads_legacy,   [EMUL_MODE_VM86] = leads_legacy,
	[EMUL_MODE_PROT16] = leads_legacy, [EMUL_MODE_PROT32] = leads_legacy,
	[EMUL_MODE_LONG] = leads_long,
};

static const u8 prefix_seg[] = {
	[0x26] = EMUL_ES, [0x2e] = EMUL_CS, [0x36] = EMUL_SS,
	[0x3e] = EMUL_DS, [0x64] = EMUL_FS, [0x65] = EMUL_GS,
};

/* Prefixes; the first byte that is none, in *@lead what it is.  The last prefix of a kind counts. */
static __always_inline const u8 *prefixes(struct emul_ctxt *c, const u8 *p, unsigned int *lead)
{
	const u8 *table = leads[c->mode];
	struct emul_insn *insn = &c->insn;
	unsigned long byte = *p, what = table[byte];
	unsigned int seen = 0;
	u8 last[P_REP + 1];

	insn->seg = EMUL_DS;
	while (unlikely(what < LEAD_OPCODE)) {
		last[what] = byte;
		seen |= what;
		byte = *++p;
		what = table[byte];
	}
	*lead = what;
	if (likely(!seen && p == insn->bytes))
		return p;
	insn->pfx = seen;
	if (seen & P_SEG)
		insn->seg = prefix_seg[last[P_SEG]];
	if (seen & P_REP)
		insn->rep = last[P_REP];
	/* REX counts only right before the opcode (and is one outside 64-bit mode). */
	if ((p[-1] & 0xf0) == 0x40)
		insn->rex = p[-1];
	return p;
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
static const u8 *vex_prefix(struct emul_ctxt *c, const u8 *p)
{
	struct emul_insn *insn = &c->insn;
	u8 p0 = *p++, p1 = p0;

	insn->vex_bad = vex_conflict(insn);
	insn->pfx |= P_VEX;
	insn->rex = (p0 & 0x80) ? 0 : REX_R;
	if (insn->vex == VEX_2) {
		insn->map = 1;
	} else {
		p1 = *p++;
		insn->rex |= ((p0 & 0x40) ? 0 : REX_X) | ((p0 & 0x20) ? 0 : REX_B) |
			     ((p1 & 0x80) ? REX_W : 0);
		insn->map = p0 & 0x1f;
	}
	if (insn->vex == VEX_EVEX) {
		p++;
		insn->map = p0 & 7;
	}
	insn->vex_v = ~(p1 >> 3) & 0xf;
	insn->vex_l = (p1 >> 2) & 1;
	vex_pp(insn, p1);
	if (!em_long(c))
		insn->rex &= REX_W;
	return p;
}

/* Where to begin in the tables; NULL: nowhere. */
static const struct emul_desc *map_row(const struct emul_insn *insn)
{
	if (unlikely(insn->vex >= VEX_XOP || (insn->vex && !insn->map)))
		return NULL;
	switch (insn->map) {
	case 0:
		return &emul_map_1[insn->opcode];
	case 1:
		return insn->opcode == 0x0f && !insn->vex ? NULL : &emul_map_0f[insn->opcode];
	case 2:
		return &emul_map_0f38[insn->opcode];
	case 3:
		return &emul_map_0f3a[insn->opcode];
	}
	return NULL;
}

/* The kind of VEX prefix that @p is, if it is one.  All that may be have another byte, whatever they are. */
static unsigned int vex_kind(const struct emul_ctxt *c, const u8 *p)
{
	if (*p == 0x8f)
		return (p[1] & 0x1f) >= 8 && em_prot(c) ? VEX_XOP : VEX_NONE;
	if (!is_vex(c, p[1]))
		return VEX_NONE;
	return *p == 0xc5 ? VEX_2 : *p == 0xc4 ? VEX_3 : VEX_EVEX;
}

/* The opcode and its map, where it is not simply one of the first.  Return: what follows it. */
static __always_inline const u8 *map_and_opcode(struct emul_ctxt *c, const u8 *p)
{
	struct emul_insn *insn = &c->insn;

	if (likely(*p == 0x0f)) {
		insn->map = 1;
		if (unlikely((*++p & 0xfd) == 0x38))
			insn->map = *p++ == 0x38 ? 2 : 3;
	} else {
		insn->vex = vex_kind(c, p);
		if (insn->vex)
			p = vex_prefix(c, p + 1);
	}
	insn->opcode = *p;
	return p + 1;
}

/* ModRM, SIB and displacement with 16-bit addresses; @p is behind ModRM. */
static noinline const u8 *modrm16(struct emul_insn *insn, const u8 *p, unsigned int mod,
				  unsigned int rm)
{
	static const u8 base[8] = { EMUL_RBX, EMUL_RBX, EMUL_RBP, EMUL_RBP,
				    EMUL_RSI, EMUL_RDI, EMUL_RBP, EMUL_RBX };
	static const u8 index[4] = { EMUL_RSI, EMUL_RDI, EMUL_RSI, EMUL_RDI };

	insn->base = base[rm];
	insn->index = rm < 4 ? index[rm] : BASE_NONE;
	if (mod == 0 && rm == 6)
		insn->base = BASE_NONE;
	if (insn->base == EMUL_RBP && !(insn->pfx & P_SEG))
		insn->seg = EMUL_SS;
	if (mod == 1) {
		insn->disp = signed_number(p, 1);
		return p + 1;
	}
	if (mod == 2 || insn->base == BASE_NONE) {
		insn->disp = signed_number(p, 2);
		return p + 2;
	}
	return p;
}

static __always_inline const u8 *modrm32(struct emul_insn *insn, const u8 *p, bool x64,
					 unsigned int mod, unsigned int rm)
{
	unsigned int base = rm, index = BASE_NONE, n = 0;

	if (rm == 4) {
		insn->sib = *p;
		insn->scale = *p >> 6;
		index = ((*p >> 3) & 7) | (insn->rex & REX_X) << 2;
		if (index == 4)
			index = BASE_NONE;
		base = *p++ & 7;
	}
	insn->index = index;
	if (!mod && base == 5) {
		insn->base = x64 && rm == 5 ? BASE_RIP : BASE_NONE;
		n = 4;
	} else {
		if ((base & ~1) == EMUL_RSP && !(insn->rex & REX_B) &&
		    !(insn->pfx & P_SEG)) /* or RBP */
			insn->seg = EMUL_SS;
		insn->base = base | (insn->rex & REX_B) << 3;
		if (!mod)
			return p;
		n = mod == 1 ? 1 : 4;
	}
	insn->disp = n == 1 ? signed_number(p, 1) : signed_number(p, 4);
	return p + n;
}

/* What ModRM, which is before @p, says. */
static __always_inline const u8 *modrm(struct emul_ctxt *c, const u8 *p)
{
	struct emul_insn *insn = &c->insn;
	unsigned int mod = p[-1] >> 6, rm = p[-1] & 7;

	insn->modrm = p[-1];
	insn->reg = ((p[-1] >> 3) & 7) | (insn->rex & REX_R) << 1;
	if (mod == 3 || (insn->desc->flags & F_IGNMOD)) {
		insn->rm = rm | (insn->rex & REX_B) << 3;
		return p;
	}
	insn->mem = true;
	if (insn->ad_bytes == 2)
		return modrm16(insn, p, mod, rm);
	return modrm32(insn, p, em_long(c), mod, rm);
}

/* Follow the tables down to the row of this instruction.  Return: @p, or what follows ModRM if that was needed. */
static noinline const u8 *find_row(struct emul_ctxt *c, const struct emul_desc *row, const u8 *p)
{
	struct emul_insn *insn = &c->insn;
	bool have_modrm = false;
	unsigned int i;

	while (row->row > ROW_INSN) {
		have_modrm |= row->row <= ROW_MOD;
		switch (row->row) {
		case ROW_REG:
			i = (*p >> 3) & 7;
			break;
		case ROW_RM:
			i = *p & 7;
			break;
		case ROW_MOD:
			i = *p >= 0xc0;
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
	return p + have_modrm;
}

/* Operand and address size by mode, and how 66 and 67 (P_66, P_67) change them; without REX.W and the flags of rows */
struct sizes {
	u8 op;
	u8 ad;
};

static_assert((P_66 | P_67) == 3);

#define SIZES_16 { { 2, 2 }, { 4, 2 }, { 2, 4 }, { 4, 4 } }
static const struct sizes sizes[][4] = {
	[EMUL_MODE_REAL] = SIZES_16,
	[EMUL_MODE_VM86] = SIZES_16,
	[EMUL_MODE_PROT16] = SIZES_16,
	[EMUL_MODE_PROT32] = { { 4, 4 }, { 2, 4 }, { 4, 2 }, { 2, 2 } },
	[EMUL_MODE_LONG] = { { 4, 8 }, { 2, 8 }, { 4, 4 }, { 2, 4 } },
};

/* The operand size of a row that has its own rules */
static noinline unsigned int rare_op_bytes(struct emul_ctxt *c, u32 flags)
{
	const struct emul_insn *insn = &c->insn;
	bool p66 = (insn->pfx & P_66) && !(flags & F_NO66);

	if (flags & F_N64)
		return em_long(c) ? 8 : 4;
	if (em_long(c)) {
		if ((insn->rex & REX_W) || ((flags & F_F64) && em_has(c, EMUL_F_INTEL)))
			return 8;
		if (!p66 && (flags & (F_D64 | F_F64)))
			return 8;
	}
	return sizes[c->mode][p66 ? P_66 : 0].op;
}

static __always_inline unsigned int op_bytes(struct emul_ctxt *c, const struct sizes *usual)
{
	const struct emul_insn *insn = &c->insn;
	u32 flags = insn->desc->flags;

	if (unlikely(flags & (F_N64 | F_D64 | F_F64 | F_NO66)))
		return rare_op_bytes(c, flags);
	if (insn->rex & REX_W)
		return 8;
	return usual->op;
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
	return likely(!(insn->pfx & (P_LOCK | P_VEX)) && !(insn->desc->flags & F_RARE)) ||
	       rare_ok(c);
}

/* Immediates that are not one number */
static noinline const u8 *imm_rare(struct emul_insn *insn, const u8 *p, unsigned int kind)
{
	switch (kind) {
	case K_IMM2:
		insn->imm2 = number(p, 1);
		return p + 1;
	case K_FAR:
		insn->imm = number(p, insn->op_bytes);
		p += insn->op_bytes;
		insn->imm2 = number(p, 2);
		return p + 2;
	case K_MOFFS:
		insn->mem = true;
		insn->base = BASE_NONE;
		insn->index = BASE_NONE;
		insn->imm = number(p, insn->ad_bytes);
		insn->disp = insn->imm;
		return p + insn->ad_bytes;
	}
	return p;
}

static __always_inline const u8 *imm(struct emul_insn *insn, const u8 *p, bool x64)
{
	const struct emul_desc *desc = insn->desc;
	unsigned int size = desc->imm_size;

	if (likely(size == SZ_Z))
		size = min(insn->op_bytes, 4);
	else if (size == SZ_V)
		size = insn->op_bytes;
	else if (unlikely(size == SZ_RARE))
		return imm_rare(insn, p, desc->imm_kind);
	insn->imm = desc->imm_kind == K_IMM ? number(p, size) : (u64)signed_number(p, size);
	return p + size;
}

/* EVEX, XOP, 3DNow!, of which only the length matters, and what is not defined at all. */
static noinline const u8 *foreign(struct emul_ctxt *c, const u8 *p, bool *defined)
{
	struct emul_insn *insn = &c->insn;
	unsigned int n = 0;
	u8 op = insn->opcode;
	bool ok = true;

	if (insn->vex == VEX_EVEX) {
		insn->desc = &emul_row_evex;
		if (insn->map == 3 ||
		    (insn->map == 1 &&
		     ((op >= 0x70 && op <= 0x73) || op == 0xc2 || (op >= 0xc4 && op <= 0xc6))))
			n = 1;
		ok = insn->map && insn->map != 4 && insn->map != 7;
	} else if (insn->vex == VEX_XOP) {
		insn->desc = &emul_row_xop;
		n = insn->map == 8 ? 1 : insn->map == 10 ? 4 : 0;
		ok = insn->map <= 10;
	} else {
		insn->desc = &emul_row_3dnow;
		n = 1;
		ok = !insn->vex;
	}
	if (ok)
		p = modrm(c, p + 1) + n;
	*defined = ok && !insn->vex_bad && !(insn->pfx & P_LOCK);
	return p;
}

/* The rest of an instruction of the tables, from behind the opcode. */
static __always_inline const u8 *row_and_operands(struct emul_ctxt *c, const struct emul_desc *row,
						  const struct sizes *usual, const u8 *p,
						  bool *defined)
{
	struct emul_insn *insn = &c->insn;
	const struct emul_desc *desc;
	const u8 *start = p;
	unsigned int need;

	/* A group, as that of MOV with an immediate is */
	if (row->row == ROW_REG)
		row = &row->sub[(*p++ >> 3) & 7];
	insn->desc = row;
	if (unlikely(row->row != ROW_INSN)) {
		p = max(p, find_row(c, row, start));
		insn->modrm = p == start ? 0 : *start;
		*defined = insn->desc->row != ROW_UNDEF;
		if (!*defined)
			return p;
	}
	desc = insn->desc;
	need = desc->need;
	insn->op_bytes = op_bytes(c, usual);
	if ((need & N_MODRM) || p != start)
		p = modrm(c, start + 1);
	else
		insn->reg = (insn->opcode & 7) | (insn->rex & REX_B) << 3;
	if (need & N_IMMS) {
		p = imm(insn, p, em_long(c));
		/* A second one: ENTER and a few others. */
		if (unlikely(need & N_IMM2) && desc->imm + 1 < ARRAY_SIZE(desc->op))
			p = imm_rare(insn, p, emul_operand_info[desc->op[desc->imm + 1]].kind);
	}
	*defined = row_ok(c, need);
	return p;
}

/*
 * From insn->bytes[] to the rest of *insn, which is 0.  Bytes that are not fetched yet read as 0, and count in insn->len as
 * the others do.  Return: is there such an instruction?
 */
static __always_inline bool parse(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	const struct sizes *by_prefix = sizes[c->mode], *usual;
	const struct emul_desc *row;
	bool defined;
	unsigned int lead;
	const u8 *p;

	p = prefixes(c, insn->bytes, &lead);
	usual = &by_prefix[insn->pfx & (P_66 | P_67)];
	insn->ad_bytes = usual->ad;
	if (likely(lead == LEAD_OPCODE)) {
		insn->opcode = *p++;
		row = &emul_map_1[insn->opcode];
	} else {
		p = map_and_opcode(c, p);
		row = map_row(insn);
		usual = &by_prefix[insn->pfx & (P_66 | P_67)];
	}
	if (likely(row))
		p = row_and_operands(c, row, usual, p, &defined);
	else
		p = foreign(c, p, &defined);
	insn->len = p - insn->bytes;
	return defined;
}

/* More bytes than there are have been read: get them, up to where a page ends, and begin again. */
static noinline enum emul_result fetch_and_parse(struct emul_ctxt *c, bool *defined)
{
	struct emul_insn *insn = &c->insn;

	do {
		memset_startat(insn, 0, len);
		TRY(fetch_more(c));
		*defined = parse(c);
	} while (insn->len > insn->fetched);
	return EMUL_DONE;
}

static noinline enum emul_result undefined_insn(struct emul_ctxt *c)
{
	c->insn.len = 0;
	return emul_raise_ud(c);
}

static __always_inline enum emul_result decode(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	bool defined = parse(c);
	u8 mode = c->mode;

	if (unlikely(insn->len > insn->fetched))
		TRY(fetch_and_parse(c, &defined));
	if (unlikely(!defined))
		return undefined_insn(c);
	insn->mode = mode;
	c->next_rip = c->rip + insn->len;
	if (mode != EMUL_MODE_LONG)
		c->next_rip = (u32)c->next_rip;
	c->decoded = true;
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
