/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruction table and what the emulator's files share.  Not for owners: they include emulate.h.
 */
#ifndef KVM_X86_EMULATE_INSN_H
#define KVM_X86_EMULATE_INSN_H

#include "emulate.h"

/*
 * Operands.  OPERAND(code, where it is, size).  The codes are those of the manuals' opcode maps where they have one:
 * E register or memory, G ModRM.reg, Z register in the opcode, I immediate, J relative target, O direct address,
 * M memory, X/Y string source/destination, V/W/H vector, P/Q MMX, B the VEX.vvvv general register.
 */
/* clang-format off */
#define EMUL_OPERANDS(OPERAND)										\
	OPERAND(NONE, NONE, 0) OPERAND(Eb, RM, 1) OPERAND(Ew, RM, 2) OPERAND(Ed, RM, 4)			\
	OPERAND(Eq, RM, 8) OPERAND(Ev, RM, SZ_V) OPERAND(Ey, RM, SZ_Y) OPERAND(EvW, RMW, SZ_V)		\
	OPERAND(EdB, RMW, 1) OPERAND(EdW, RMW, 2) OPERAND(Gb, REG, 1) OPERAND(Gw, REG, 2)		\
	OPERAND(Gd, REG, 4) OPERAND(Gq, REG, 8) OPERAND(Gv, REG, SZ_V) OPERAND(Gz, REG, SZ_Z)		\
	OPERAND(Gy, REG, SZ_Y) OPERAND(Zb, ZREG, 1) OPERAND(Zv, ZREG, SZ_V) OPERAND(Rq, RMREG, SZ_N)	\
	OPERAND(Rv, RMREG, SZ_V) OPERAND(Ry, RMREG, SZ_Y) OPERAND(Ib, IMM, 1) OPERAND(Iw, IMM, 2)	\
	OPERAND(Iz, IMMS, SZ_Z) OPERAND(Iv, IMM, SZ_V) OPERAND(Is, IMMS, 1) OPERAND(I2, IMM2, 1)	\
	OPERAND(One, ONE, 1) OPERAND(Jb, REL, 1) OPERAND(Jz, REL, SZ_Z) OPERAND(Ap, FAR, SZ_Z)		\
	OPERAND(Ob, MOFFS, 1) OPERAND(Ov, MOFFS, SZ_V) OPERAND(AL, ACC, 1) OPERAND(rAX, ACC, SZ_V)	\
	OPERAND(eAX, ACC, SZ_Z) OPERAND(AX, ACC, 2) OPERAND(CL, CL, 1) OPERAND(DX, DX, 2)		\
	OPERAND(M, MEM, 0) OPERAND(Mb, MEM, 1) OPERAND(Mw, MEM, 2) OPERAND(Md, MEM, 4)			\
	OPERAND(Mq, MEM, 8) OPERAND(Mdq, MEM, 16) OPERAND(Mx, MEM, SZ_X) OPERAND(Mv, MEM, SZ_V)		\
	OPERAND(My, MEM, SZ_Y) OPERAND(Mp, MEM, SZ_P) OPERAND(Ma, MEM, SZ_2V) OPERAND(Ms, MEM, SZ_S)	\
	OPERAND(Mt, MEM, 10) OPERAND(M2y, MEM, SZ_2Y) OPERAND(Sw, SREG, 2) OPERAND(Cn, CR, SZ_N)	\
	OPERAND(Dn, DR, SZ_N) OPERAND(ES, SEGFIX, 2) OPERAND(CS, SEGFIX, 2) OPERAND(SS, SEGFIX, 2)	\
	OPERAND(DS, SEGFIX, 2) OPERAND(FS, SEGFIX, 2) OPERAND(GS, SEGFIX, 2) OPERAND(Xb, STRX, 1)	\
	OPERAND(Xv, STRX, SZ_V) OPERAND(Xz, STRX, SZ_Z) OPERAND(Yb, STRY, 1) OPERAND(Yv, STRY, SZ_V)	\
	OPERAND(Yz, STRY, SZ_Z) OPERAND(By, VGPR, SZ_Y) OPERAND(Vd, VREG, 4) OPERAND(Vq, VREG, 8)	\
	OPERAND(Vdq, VREG, 16) OPERAND(Vqq, VREG, 32) OPERAND(Vx, VREG, SZ_X) OPERAND(Hx, VVEX, SZ_X)	\
	OPERAND(Hdq, VVEX, 16) OPERAND(Lx, VIS4, SZ_X) OPERAND(Wb, VRM, 1) OPERAND(Ww, VRM, 2)		\
	OPERAND(Wd, VRM, 4) OPERAND(Wq, VRM, 8) OPERAND(Wdq, VRM, 16) OPERAND(Wqq, VRM, 32)		\
	OPERAND(Wx, VRM, SZ_X) OPERAND(Wh, VRM, SZ_H) OPERAND(Wqh, VRM, SZ_QH) OPERAND(Wbh, VRM, SZ_BH)	\
	OPERAND(Ux, VRMREG, SZ_X) OPERAND(Udq, VRMREG, 16) OPERAND(Pq, MMREG, 8) OPERAND(Qq, MMRM, 8)	\
	OPERAND(Qd, MMRM, 4) OPERAND(Nq, MMRMREG, 8) OPERAND(Kg, KREG, 8) OPERAND(Kv, KVEX, 8)		\
	OPERAND(Km, KRM, 8) OPERAND(ST0, ST0, 10) OPERAND(STi, STI, 10) OPERAND(Sib, VSIB, 0)
/* clang-format on */

#define SZ_V 0x80 /* operand size */
#define SZ_Z 0x81 /* operand size, at most 4 */
#define SZ_Y 0x82 /* 8 with REX.W (VEX.W) in 64-bit mode, else 4 */
#define SZ_N 0x83 /* 8 in 64-bit mode, else 4 */
#define SZ_X 0x84 /* 16, or 32 with VEX.L */
#define SZ_H 0x85 /* half of it */
#define SZ_QH 0x86 /* a quarter */
#define SZ_BH 0x87 /* an eighth */
#define SZ_P 0x88 /* far pointer: operand size + 2 */
#define SZ_2V 0x89 /* twice the operand size (BOUND) */
#define SZ_S 0x8a /* pseudo-descriptor: 6, or 10 in 64-bit mode */
#define SZ_2Y 0x8b /* CMPXCHG8B/16B */
#define SZ_RARE 0x8c /* (emul_desc.imm_size) not one number */

enum emul_operand {
#define OPERAND(code, kind, size) O_##code,
	EMUL_OPERANDS(OPERAND)
#undef OPERAND
		O_NR
};

enum emul_operand_kind {
	K_IMM, /* these three first: all that an immediate is, as a rule */
	K_IMMS,
	K_REL,
	K_NONE,
	K_RM,
	K_RMW,
	K_REG,
	K_ZREG,
	K_RMREG,
	K_MEM,
	K_IMM2,
	K_ONE,
	K_FAR,
	K_MOFFS,
	K_ACC,
	K_CL,
	K_DX,
	K_SREG,
	K_SEGFIX,
	K_CR,
	K_DR,
	K_STRX,
	K_STRY,
	K_VGPR,
	K_VREG,
	K_VVEX,
	K_VIS4,
	K_VRM,
	K_VRMREG,
	K_MMREG,
	K_MMRM,
	K_MMRMREG,
	K_KREG,
	K_KVEX,
	K_KRM,
	K_ST0,
	K_STI,
	K_VSIB,
};

/* @need: what must be read after the opcode, N_* */
struct emul_operand_info {
	u8 kind;
	u8 size;
	u8 need;
};

#define N_MODRM 0x01
#define N_IMM 0x02
#define N_IMM2 0x04
#define N_IMMS (N_IMM | N_IMM2)
#define N_MEM 0x08 /* with a register there: #UD */
#define N_REG 0x10 /* with memory there: #UD */

extern const struct emul_operand_info emul_operand_info[O_NR];

/* What each kind of operand needs, and so each operand: what a row needs is added up when it is compiled. */
#define NEED_NONE 0
#define NEED_RM N_MODRM
#define NEED_RMW N_MODRM
#define NEED_REG N_MODRM
#define NEED_ZREG 0
#define NEED_RMREG (N_MODRM | N_REG)
#define NEED_MEM (N_MODRM | N_MEM)
#define NEED_IMM N_IMM
#define NEED_IMMS N_IMM
#define NEED_IMM2 N_IMM2
#define NEED_ONE 0
#define NEED_REL N_IMM
#define NEED_FAR (N_IMM | N_IMM2)
#define NEED_MOFFS N_IMM
#define NEED_ACC 0
#define NEED_CL 0
#define NEED_DX 0
#define NEED_SREG N_MODRM
#define NEED_SEGFIX 0
#define NEED_CR N_MODRM
#define NEED_DR N_MODRM
#define NEED_STRX 0
#define NEED_STRY 0
#define NEED_VGPR 0
#define NEED_VREG N_MODRM
#define NEED_VVEX 0
#define NEED_VIS4 0
#define NEED_VRM N_MODRM
#define NEED_VRMREG (N_MODRM | N_REG)
#define NEED_MMREG N_MODRM
#define NEED_MMRM N_MODRM
#define NEED_MMRMREG (N_MODRM | N_REG)
#define NEED_KREG N_MODRM
#define NEED_KVEX 0
#define NEED_KRM N_MODRM
#define NEED_ST0 0
#define NEED_STI N_MODRM
#define NEED_VSIB (N_MODRM | N_MEM)

enum {
#define OPERAND(code, kind, size)                                \
	NEED_OF_##code = NEED_##kind, KIND_OF_##code = K_##kind, \
	IMM_SIZE_OF_##code = K_##kind <= K_REL ? size : SZ_RARE,
	EMUL_OPERANDS(OPERAND)
#undef OPERAND
};

typedef enum emul_result (*emul_exec_fn)(struct emul_ctxt *c);

/* What a row is: an instruction, or a table that something selects from. */
enum emul_row {
	ROW_UNDEF, /* no such instruction: #UD */
	ROW_INSN,
	ROW_REG, /* sub[ModRM.reg] */
	ROW_RM, /* sub[ModRM.rm] */
	ROW_MOD, /* sub[0] memory, sub[1] register */
	ROW_PFX, /* sub[none, 66, F3, F2] */
	ROW_MODE, /* sub[0] legacy modes, sub[1] 64-bit mode */
	ROW_VEX, /* sub[0] without, sub[1] with VEX */
	ROW_W, /* sub[REX.W or VEX.W] */
};

/**
 * struct emul_desc - one instruction (or table of instructions)
 * @exec:	does it; NULL: decoded but not emulated
 * @sub:	the table to go on with
 * @name:	mnemonic; its last character may ask for a suffix (AT&T): '*' that of the operand size when no register
 *		tells it, '~' that of the operand size always, '#' d or q by REX.W
 * @op:		operands in the manuals' (Intel) order, destination first
 * @flags:	F_*
 * @feature:	enum emul_feature
 * @aux:	for @exec
 * @row:	enum emul_row
 * @need:	N_*, of all operands
 * @imm:	the first operand that is an immediate
 * @imm_kind:	… its kind
 * @imm_size:	… its size, or SZ_RARE
 */
struct emul_desc {
	union {
		emul_exec_fn exec;
		const struct emul_desc *sub;
	};
	const char *name;
	u8 op[4];
	u32 flags;
	u8 feature;
	u8 aux;
	u8 row;
	u8 need;
	u8 imm;
	u8 imm_kind;
	u8 imm_size;
};

#define F_NO64 BIT(0) /* #UD in 64-bit mode */
#define F_ONLY64 BIT(1) /* #UD outside it */
#define F_PROT BIT(2) /* #UD in real and virtual-8086 mode */
#define F_CPL0 BIT(3) /* #GP(0) unless CPL is 0 */
#define F_LOCKABLE BIT(4) /* LOCK allowed with a memory destination */
#define F_D64 BIT(5) /* operand size 64 by default in 64-bit mode */
#define F_F64 BIT(6) /* near branch: as F_D64, and 66 ignored on Intel's processors */
#define F_DST_W BIT(7) /* operand 0 is only written */
#define F_DST_R BIT(8) /* operand 0 is only read */
#define F_VEX BIT(9) /* exists with VEX, too */
#define F_VEXONLY BIT(10) /* exists only with VEX */
#define F_NDS BIT(11) /* with VEX, vvvv is the second operand (else it must be 1111b) */
#define F_L0 BIT(12) /* VEX.L must be 0 */
#define F_ALIGN BIT(13) /* memory operand aligned to its size, or #GP(0) */
#define F_REPSTR BIT(14) /* string instruction: REP repeats */
#define F_REPZ BIT(15) /* … and F2/F3 look at ZF */
#define F_N64 BIT(16) /* operand size as the address width (MOV CR): 8 in 64-bit mode, else 4 */
#define F_NO66 BIT(17) /* 66 does not change the operand size (it selected the row) */
#define F_MODRM BIT(18) /* has a ModRM byte that no operand asks for */
#define F_FPU BIT(19) /* x87: #NM by CR0.EM/TS */
#define F_MMX BIT(20) /* MMX: #UD by CR0.EM, #NM by TS */
#define F_SSE BIT(21) /* SSE/AVX: #UD by EM, OSFXSR (XCR0, OSXSAVE), #NM by TS */
#define F_L1 BIT(22) /* VEX.L must be 1 */
#define F_IGNMOD BIT(23) /* ModRM.mod is ignored: always a register (MOV CR/DR) */
#define F_XSUF BIT(24) /* the mnemonic is complete as it is */
#define F_W0 BIT(25) /* VEX.W must be 0 */
#define F_W1 BIT(26) /* VEX.W must be 1 */
#define F_DIRTY BIT(27) /* not deterministic or not allowed in user mode: no differential test */

/* emul_insn.pfx */
#define P_66 0x01
#define P_67 0x02
#define P_LOCK 0x04
#define P_SEG 0x08 /* effective segment override */
#define P_REP 0x10
#define P_VEX 0x20 /* VEX, EVEX or XOP; of which kind: emul_insn.vex */

/* emul_insn.vex */
#define VEX_NONE 0
#define VEX_2 2
#define VEX_3 3
#define VEX_XOP 4
#define VEX_EVEX 5

#define REX_B 1
#define REX_X 2
#define REX_R 4
#define REX_W 8

#define BASE_NONE 0xff
#define BASE_RIP 0xfe

extern const struct emul_desc emul_map_1[256];
extern const struct emul_desc emul_map_0f[256];
extern const struct emul_desc emul_map_0f38[256];
extern const struct emul_desc emul_map_0f3a[256];
extern const struct emul_desc emul_row_evex, emul_row_xop, emul_row_3dnow;

/* RFLAGS */
#define FL_CF BIT_ULL(0)
#define FL_FIXED BIT_ULL(1)
#define FL_PF BIT_ULL(2)
#define FL_AF BIT_ULL(4)
#define FL_ZF BIT_ULL(6)
#define FL_SF BIT_ULL(7)
#define FL_TF BIT_ULL(8)
#define FL_IF BIT_ULL(9)
#define FL_DF BIT_ULL(10)
#define FL_OF BIT_ULL(11)
#define FL_IOPL (3ULL << 12)
#define FL_NT BIT_ULL(14)
#define FL_RF BIT_ULL(16)
#define FL_VM BIT_ULL(17)
#define FL_AC BIT_ULL(18)
#define FL_VIF BIT_ULL(19)
#define FL_VIP BIT_ULL(20)
#define FL_ID BIT_ULL(21)
#define FL_ARITH (FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF)

#define CR0_PE BIT_ULL(0)
#define CR0_MP BIT_ULL(1)
#define CR0_EM BIT_ULL(2)
#define CR0_TS BIT_ULL(3)
#define CR0_ET BIT_ULL(4)
#define CR0_NE BIT_ULL(5)
#define CR0_AM BIT_ULL(18)
#define CR0_PG BIT_ULL(31)
#define CR4_VME BIT_ULL(0)
#define CR4_PVI BIT_ULL(1)
#define CR4_TSD BIT_ULL(2)
#define CR4_DE BIT_ULL(3)
#define CR4_PCE BIT_ULL(8)
#define CR4_OSFXSR BIT_ULL(9)
#define CR4_OSXMMEXCPT BIT_ULL(10)
#define CR4_UMIP BIT_ULL(11)
#define CR4_LA57 BIT_ULL(12)
#define CR4_FSGSBASE BIT_ULL(16)
#define CR4_PCIDE BIT_ULL(17)
#define CR4_OSXSAVE BIT_ULL(18)
#define CR4_SMAP BIT_ULL(21)
#define CR4_PKE BIT_ULL(22)

#define EFER_SCE BIT_ULL(0)
#define EFER_LME BIT_ULL(8)
#define EFER_LMA BIT_ULL(10)

#define EM_MSR_TSC 0x10
#define EM_MSR_SYSENTER_CS 0x174
#define EM_MSR_SYSENTER_ESP 0x175
#define EM_MSR_SYSENTER_EIP 0x176
#define EM_MSR_EFER 0xc0000080
#define EM_MSR_STAR 0xc0000081
#define EM_MSR_LSTAR 0xc0000082
#define EM_MSR_CSTAR 0xc0000083
#define EM_MSR_SYSCALL_MASK 0xc0000084
#define EM_MSR_FS_BASE 0xc0000100
#define EM_MSR_GS_BASE 0xc0000101
#define EM_MSR_KERNEL_GS_BASE 0xc0000102
#define EM_MSR_TSC_AUX 0xc0000103

/* Returns from the calling function unless the step succeeded. */
#define TRY(step)                                \
	do {                                     \
		enum emul_result _res = (step);  \
		if (unlikely(_res != EMUL_DONE)) \
			return _res;             \
	} while (0)

static inline bool em_long(const struct emul_ctxt *c)
{
	return c->mode == EMUL_MODE_LONG;
}

/* Protected mode proper: segments are descriptors. */
static inline bool em_prot(const struct emul_ctxt *c)
{
	return c->mode >= EMUL_MODE_PROT16;
}

static inline bool em_has(const struct emul_ctxt *c, enum emul_feature f)
{
	return f == EMUL_F_NONE || (c->features & BIT_ULL(f));
}

static inline unsigned int em_iopl(const struct emul_ctxt *c)
{
	return (c->rflags & FL_IOPL) >> 12;
}

static inline u64 em_mask(unsigned int bytes)
{
	return bytes >= 8 ? ~0ULL : (1ULL << (bytes * 8)) - 1;
}

static inline u64 em_sext(u64 val, unsigned int bytes)
{
	return bytes >= 8 ? val : (u64)sign_extend64(val, bytes * 8 - 1);
}

static inline bool em_canonical(const struct emul_ctxt *c, u64 addr)
{
	return (u64)sign_extend64(addr, c->va_bits - 1) == addr;
}

/* Could a base of a segment or table be @addr?  It is the processor's width that counts (SDM vol. 1, 3.3.7.1). */
static inline bool em_canonical_base(const struct emul_ctxt *c, u64 addr)
{
	unsigned int bits = em_has(c, EMUL_F_LA57) ? 57 : c->va_bits;

	return (u64)sign_extend64(addr, bits - 1) == addr;
}

/* Store @val into a register's low part as the processor does: 4 bytes clear the upper half, 1 and 2 keep the rest. */
static inline void em_merge(u64 *reg, u64 val, unsigned int bytes)
{
	if (bytes == 8)
		*reg = val;
	else if (bytes == 4)
		*reg = (u32)val;
	else
		*reg = (*reg & ~em_mask(bytes)) | (val & em_mask(bytes));
}

/* access.c: segments, memory, ports */
const struct emul_seg *em_seg(struct emul_ctxt *c, unsigned int sreg);
void em_set_seg(struct emul_ctxt *c, unsigned int sreg, const struct emul_seg *seg);
enum emul_result em_linear(struct emul_ctxt *c, unsigned int sreg, u64 ea, unsigned int len,
			   unsigned int acc, u64 *lin);
enum emul_result em_align(struct emul_ctxt *c, u64 lin, unsigned int len, unsigned int acc);
enum emul_result em_read_lin(struct emul_ctxt *c, u64 lin, void *buf, unsigned int len,
			     unsigned int acc);
enum emul_result em_write_lin(struct emul_ctxt *c, u64 lin, const void *buf, unsigned int len,
			      unsigned int acc);
enum emul_result em_read_seg(struct emul_ctxt *c, unsigned int sreg, u64 ea, void *buf,
			     unsigned int len);
enum emul_result em_write_seg(struct emul_ctxt *c, unsigned int sreg, u64 ea, const void *buf,
			      unsigned int len);
enum emul_result em_cmpxchg_lin(struct emul_ctxt *c, u64 lin, const void *old, const void *new,
				unsigned int len, unsigned int acc);
enum emul_result em_log_in(struct emul_ctxt *c, u16 port, unsigned int size, unsigned int count,
			   void **data);
enum emul_result em_log_out(struct emul_ctxt *c, u16 port, unsigned int size, const void *buf,
			    unsigned int count);
unsigned int em_log_bulk(struct emul_ctxt *c, u64 lin, unsigned int len, unsigned int unit,
			 void **data);
void em_log_reset(struct emul_ctxt *c);

/* operand.c: operands */
u64 em_ea(struct emul_ctxt *c);
unsigned int em_opsize(const struct emul_ctxt *c, unsigned int n);
enum emul_result em_operand_lin(struct emul_ctxt *c, unsigned int len, unsigned int acc, u64 *lin);
enum emul_result em_get(struct emul_ctxt *c, unsigned int n, u64 *val);
enum emul_result em_put(struct emul_ctxt *c, unsigned int n, u64 val);
u64 em_reg_read(const struct emul_ctxt *c, unsigned int reg, unsigned int bytes);
void em_reg_write(struct emul_ctxt *c, unsigned int reg, u64 val, unsigned int bytes);

/* decode.c */
unsigned int em_operand_bytes(const struct emul_insn *insn, unsigned int mode, unsigned int code);

/* stack.c */
unsigned int em_stack_bytes(struct emul_ctxt *c);
enum emul_result em_push(struct emul_ctxt *c, u64 *rsp, u64 val, unsigned int bytes);
enum emul_result em_pop(struct emul_ctxt *c, u64 *rsp, u64 *val, unsigned int bytes);
void em_set_rsp(struct emul_ctxt *c, u64 rsp);

/* task.c */
enum emul_result em_task_do(struct emul_ctxt *c);

/* segment.c */
enum emul_result em_load_sreg(struct emul_ctxt *c, unsigned int sreg, u16 selector);
void em_mov_ss_shadow(struct emul_ctxt *c);

/* flow.c */
enum emul_result em_branch(struct emul_ctxt *c, u64 target, unsigned int bytes);
bool em_cond(u64 rflags, unsigned int cc);

/* alu.c */
u64 em_flags_szp(u64 res, unsigned int bytes);
u64 em_add(u64 a, u64 b, unsigned int carry, unsigned int bytes, u64 *flags);
u64 em_sub(u64 a, u64 b, unsigned int borrow, unsigned int bytes, u64 *flags);

static inline void em_set_flags(struct emul_ctxt *c, u64 mask, u64 flags)
{
	c->rflags = (c->rflags & ~mask) | (flags & mask);
}

/* io.c */
enum emul_result em_io_allowed(struct emul_ctxt *c, u16 port, unsigned int size);
void em_io_trap(struct emul_ctxt *c, u16 port, unsigned int size);

/* debug.c */
void em_data_trap(struct emul_ctxt *c, u64 lin, unsigned int len, bool write);
enum emul_result em_code_trap(struct emul_ctxt *c);

/* move.c, for the fast path */
enum emul_result em_mov(struct emul_ctxt *c);
enum emul_result em_movsx(struct emul_ctxt *c);

#endif /* KVM_X86_EMULATE_INSN_H */
