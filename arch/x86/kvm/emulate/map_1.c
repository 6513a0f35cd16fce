// SPDX-License-Identifier: GPL-2.0-only
/* The instruction table: one-byte opcodes.  Intel SDM vol. 2D, A.3; AMD APM vol. 3, A.1. */
#include "rows.h"

/* clang-format off */

/* Six forms of one arithmetic instruction. */
#define ALU(base, nm, n, fl, lock)                                        \
	[(base) + 0] = I2(nm, em_alu, (fl) | (lock), Eb, Gb, A(n)),       \
	[(base) + 1] = I2(nm, em_alu, (fl) | (lock), Ev, Gv, A(n)),       \
	[(base) + 2] = I2(nm, em_alu, fl, Gb, Eb, A(n)),                  \
	[(base) + 3] = I2(nm, em_alu, fl, Gv, Ev, A(n)),                  \
	[(base) + 4] = I2(nm, em_alu, fl, AL, Ib, A(n)),                  \
	[(base) + 5] = I2(nm, em_alu, fl, rAX, Iz, A(n))

#define EIGHT(base, M) \
	[(base) + 0] = M(0), [(base) + 1] = M(1), [(base) + 2] = M(2), [(base) + 3] = M(3), \
	[(base) + 4] = M(4), [(base) + 5] = M(5), [(base) + 6] = M(6), [(base) + 7] = M(7)

#define INC(n) I1("inc", em_incdec, F_NO64, Zv, A(0))
#define DEC(n) I1("dec", em_incdec, F_NO64, Zv, A(1))
#define PUSH(n) I1("push", em_push_op, F_D64, Zv)
#define POP(n) I1("pop", em_pop_op, F_D64 | F_DST_W, Zv)
#define MOV8(n) I2("mov", em_mov, F_DST_W, Zb, Ib)
#define MOVV(n) I2("mov*", em_mov, F_DST_W, Zv, Iv)
#define XCHG(n) I2("xchg", em_xchg, 0, Zv, rAX)

#define JCC(base, J, fl)                                                                  \
	[(base) + 0x0] = I1("jo", em_jcc, fl, J), [(base) + 0x1] = I1("jno", em_jcc, fl, J), \
	[(base) + 0x2] = I1("jb", em_jcc, fl, J), [(base) + 0x3] = I1("jae", em_jcc, fl, J), \
	[(base) + 0x4] = I1("je", em_jcc, fl, J), [(base) + 0x5] = I1("jne", em_jcc, fl, J), \
	[(base) + 0x6] = I1("jbe", em_jcc, fl, J), [(base) + 0x7] = I1("ja", em_jcc, fl, J), \
	[(base) + 0x8] = I1("js", em_jcc, fl, J), [(base) + 0x9] = I1("jns", em_jcc, fl, J), \
	[(base) + 0xa] = I1("jp", em_jcc, fl, J), [(base) + 0xb] = I1("jnp", em_jcc, fl, J), \
	[(base) + 0xc] = I1("jl", em_jcc, fl, J), [(base) + 0xd] = I1("jge", em_jcc, fl, J), \
	[(base) + 0xe] = I1("jle", em_jcc, fl, J), [(base) + 0xf] = I1("jg", em_jcc, fl, J)

/* Group 1: immediate arithmetic */
#define GRP1(E, I_, fl)                                               \
	REG(I2("add*", em_alu, (fl) | F_LOCKABLE, E, I_, A(0)),           \
	    I2("or*", em_alu, (fl) | F_LOCKABLE, E, I_, A(1)),            \
	    I2("adc*", em_alu, (fl) | F_LOCKABLE, E, I_, A(2)),           \
	    I2("sbb*", em_alu, (fl) | F_LOCKABLE, E, I_, A(3)),           \
	    I2("and*", em_alu, (fl) | F_LOCKABLE, E, I_, A(4)),           \
	    I2("sub*", em_alu, (fl) | F_LOCKABLE, E, I_, A(5)),           \
	    I2("xor*", em_alu, (fl) | F_LOCKABLE, E, I_, A(6)),           \
	    I2("cmp*", em_alu, (fl) | F_DST_R, E, I_, A(7)))

/* Group 2: shifts and rotates; /6 is SHL again */
#define GRP2(E, C)                                                    \
	REG(I2("rol*", em_shift, 0, E, C, A(0)), I2("ror*", em_shift, 0, E, C, A(1)), \
	    I2("rcl*", em_shift, 0, E, C, A(2)), I2("rcr*", em_shift, 0, E, C, A(3)), \
	    I2("shl*", em_shift, 0, E, C, A(4)), I2("shr*", em_shift, 0, E, C, A(5)), \
	    I2("shl*", em_shift, 0, E, C, A(4)), I2("sar*", em_shift, 0, E, C, A(7)))

/* Group 3 */
#define GRP3(E, I_)                                                   \
	REG(I2("test*", em_test, F_DST_R, E, I_), I2("test*", em_test, F_DST_R, E, I_), \
	    I1("not*", em_not, F_LOCKABLE, E), I1("neg*", em_neg, F_LOCKABLE, E), \
	    I1("mul*", em_mul, F_DST_R, E, A(0)), I1("imul*", em_mul, F_DST_R, E, A(1)), \
	    I1("div*", em_div, F_DST_R, E, A(0)), I1("idiv*", em_div, F_DST_R, E, A(1)))

/* x87: memory forms by ModRM.reg, register forms by ModRM.reg (and rm) */
#define X(nm, ...) U2(nm, F_FPU, ST0, STi, ##__VA_ARGS__)
#define XR(nm, ...) U2(nm, F_FPU, STi, ST0, ##__VA_ARGS__)
#define X1(nm, ...) U1(nm, F_FPU, STi, ##__VA_ARGS__)
#define X0(nm, ...) U0(nm, F_FPU | F_MODRM, ##__VA_ARGS__)
#define XM(nm, m) U1(nm, F_FPU, m)
#define XARITH(suffix, m)                                              \
	XM("fadd" suffix, m), XM("fmul" suffix, m), XM("fcom" suffix, m), XM("fcomp" suffix, m), \
	XM("fsub" suffix, m), XM("fsubr" suffix, m), XM("fdiv" suffix, m), XM("fdivr" suffix, m)
#define FNOP(nm) I0(nm, em_fnop, F_FPU | F_MODRM)

#define ESC_D8 MOD(REG(XARITH("s", Md)), \
	REG(X("fadd"), X("fmul"), X("fcom"), X("fcomp"), X("fsub"), X("fsubr"), X("fdiv"), X("fdivr")))

#define ESC_D9 MOD( \
	REG(I1("flds", em_fld, F_FPU | F_DST_R, Md), UD, I1("fsts", em_fst, F_FPU | F_DST_W, Md, A(0)), \
	    I1("fstps", em_fst, F_FPU | F_DST_W, Md, A(1)), XM("fldenv", M), \
	    I1("fldcw", em_fldcw, F_FPU | F_DST_R | F_XSUF, Mw), XM("fnstenv", M), \
	    I1("fnstcw", em_fnstcw, F_FPU | F_DST_W | F_XSUF, Mw)), \
	REG(X1("fld"), X1("fxch"), \
	    RM(FNOP("fnop"), UD, UD, UD, UD, UD, UD, UD), X1("fstp1"), \
	    RM(X0("fchs"), X0("fabs"), UD, UD, X0("ftst"), X0("fxam"), UD, UD), \
	    RM(X0("fld1"), X0("fldl2t"), X0("fldl2e"), X0("fldpi"), X0("fldlg2"), X0("fldln2"), X0("fldz"), UD), \
	    RM(X0("f2xm1"), X0("fyl2x"), X0("fptan"), X0("fpatan"), X0("fxtract"), X0("fprem1"), \
	       X0("fdecstp"), X0("fincstp")), \
	    RM(X0("fprem"), X0("fyl2xp1"), X0("fsqrt"), X0("fsincos"), X0("frndint"), X0("fscale"), \
	       X0("fsin"), X0("fcos"))))

#define ESC_DA MOD(REG(XM("fiaddl", Md), XM("fimull", Md), XM("ficoml", Md), XM("ficompl", Md), \
			XM("fisubl", Md), XM("fisubrl", Md), XM("fidivl", Md), XM("fidivrl", Md)), \
	REG(X("fcmovb"), X("fcmove"), X("fcmovbe"), X("fcmovu"), UD, \
	    RM(UD, X0("fucompp"), UD, UD, UD, UD, UD, UD), UD, UD))

#define ESC_DB MOD( \
	REG(I1("fildl", em_fild, F_FPU | F_DST_R, Md), XM("fisttpl", Md), I1("fistl", em_fist, F_FPU | F_DST_W, Md, A(0)), \
	    I1("fistpl", em_fist, F_FPU | F_DST_W, Md, A(1)), UD, I1("fldt", em_fld, F_FPU | F_DST_R, Mt), UD, \
	    I1("fstpt", em_fst, F_FPU | F_DST_W, Mt, A(1))), \
	REG(X("fcmovnb"), X("fcmovne"), X("fcmovnbe"), X("fcmovnu"), \
	    RM(FNOP("fneni"), FNOP("fndisi"), I0("fnclex", em_fninit, F_FPU | F_MODRM, A(1)), \
	       I0("fninit", em_fninit, F_FPU | F_MODRM, A(0)), FNOP("fnsetpm"), UD, UD, UD), \
	    X("fucomi"), X("fcomi"), UD))

#define ESC_DC MOD(REG(XARITH("l", Mq)), \
	REG(XR("fadd"), XR("fmul"), XR("fcom2"), XR("fcomp3"), XR("fsub"), XR("fsubr"), XR("fdiv"), XR("fdivr")))

#define ESC_DD MOD( \
	REG(I1("fldl", em_fld, F_FPU | F_DST_R, Mq), XM("fisttpll", Mq), I1("fstl", em_fst, F_FPU | F_DST_W, Mq, A(0)), \
	    I1("fstpl", em_fst, F_FPU | F_DST_W, Mq, A(1)), XM("frstor", M), UD, XM("fnsave", M), \
	    I1("fnstsw", em_fnstsw, F_FPU | F_DST_W | F_XSUF, Mw)), \
	REG(X1("ffree"), X1("fxch4"), X1("fst"), X1("fstp"), X1("fucom"), X1("fucomp"), UD, UD))

#define ESC_DE MOD(REG(XM("fiadds", Mw), XM("fimuls", Mw), XM("ficoms", Mw), XM("ficomps", Mw), \
			XM("fisubs", Mw), XM("fisubrs", Mw), XM("fidivs", Mw), XM("fidivrs", Mw)), \
	REG(XR("faddp"), XR("fmulp"), XR("fcomp5"), RM(UD, X0("fcompp"), UD, UD, UD, UD, UD, UD), \
	    XR("fsubrp"), XR("fsubp"), XR("fdivrp"), XR("fdivp")))

#define ESC_DF MOD( \
	REG(I1("filds", em_fild, F_FPU | F_DST_R, Mw), XM("fisttps", Mw), I1("fists", em_fist, F_FPU | F_DST_W, Mw, A(0)), \
	    I1("fistps", em_fist, F_FPU | F_DST_W, Mw, A(1)), XM("fbld", Mt), I1("fildll", em_fild, F_FPU | F_DST_R, Mq), \
	    XM("fbstp", Mt), I1("fistpll", em_fist, F_FPU | F_DST_W, Mq, A(1))), \
	REG(X1("ffreep"), X1("fxch7"), X1("fstp8"), X1("fstp9"), \
	    RM(I1("fnstsw", em_fnstsw, F_FPU | F_MODRM, AX), UD, UD, UD, UD, UD, UD, UD), \
	    X("fucomip"), X("fcomip"), UD))

const struct emul_desc emul_map_1[256] = {
	ALU(0x00, "add", 0, 0, F_LOCKABLE),
	ALU(0x08, "or", 1, 0, F_LOCKABLE),
	ALU(0x10, "adc", 2, 0, F_LOCKABLE),
	ALU(0x18, "sbb", 3, 0, F_LOCKABLE),
	ALU(0x20, "and", 4, 0, F_LOCKABLE),
	ALU(0x28, "sub", 5, 0, F_LOCKABLE),
	ALU(0x30, "xor", 6, 0, F_LOCKABLE),
	ALU(0x38, "cmp", 7, F_DST_R, 0),

	[0x06] = I1("push", em_push_sreg, F_NO64, ES),
	[0x07] = I1("pop", em_pop_sreg, F_NO64, ES),
	[0x0e] = I1("push", em_push_sreg, F_NO64, CS),
	[0x16] = I1("push", em_push_sreg, F_NO64, SS),
	[0x17] = I1("pop", em_pop_sreg, F_NO64, SS),
	[0x1e] = I1("push", em_push_sreg, F_NO64, DS),
	[0x1f] = I1("pop", em_pop_sreg, F_NO64, DS),
	[0x27] = I0("daa", em_daa, F_NO64, A(0)),
	[0x2f] = I0("das", em_daa, F_NO64, A(1)),
	[0x37] = I0("aaa", em_aaa, F_NO64, A(0)),
	[0x3f] = I0("aas", em_aaa, F_NO64, A(1)),

	EIGHT(0x40, INC), EIGHT(0x48, DEC), EIGHT(0x50, PUSH), EIGHT(0x58, POP),

	[0x60] = I0("pusha~", em_pusha, F_NO64),
	[0x61] = I0("popa~", em_popa, F_NO64),
	[0x62] = I2("bound", em_bound, F_NO64 | F_DST_R, Gv, Ma),
	[0x63] = MODE(I2("arpl", em_arpl, F_PROT | F_DST_R, Ew, Gw), I2("movsl~", em_movsx, F_DST_W, Gv, Ed, A(1))),
	[0x68] = I1("push*", em_push_op, F_D64, Iz),
	[0x69] = I3("imul", em_imul, F_DST_W, Gv, Ev, Iz),
	[0x6a] = I1("push*", em_push_op, F_D64, Is),
	[0x6b] = I3("imul", em_imul, F_DST_W, Gv, Ev, Is),
	[0x6c] = I2("ins*", em_ins, F_REPSTR, Yb, DX),
	[0x6d] = I2("ins*", em_ins, F_REPSTR, Yz, DX),
	[0x6e] = I2("outs*", em_outs, F_REPSTR, DX, Xb),
	[0x6f] = I2("outs*", em_outs, F_REPSTR, DX, Xz),

	JCC(0x70, Jb, F_F64),

	[0x80] = GRP1(Eb, Ib, 0),
	[0x81] = GRP1(Ev, Iz, 0),
	[0x82] = GRP1(Eb, Ib, F_NO64),
	[0x83] = GRP1(Ev, Is, 0),
	[0x84] = I2("test", em_test, F_DST_R, Eb, Gb),
	[0x85] = I2("test", em_test, F_DST_R, Ev, Gv),
	[0x86] = I2("xchg", em_xchg, F_LOCKABLE, Eb, Gb),
	[0x87] = I2("xchg", em_xchg, F_LOCKABLE, Ev, Gv),
	[0x88] = I2("mov", em_mov, F_DST_W, Eb, Gb),
	[0x89] = I2("mov", em_mov, F_DST_W, Ev, Gv),
	[0x8a] = I2("mov", em_mov, F_DST_W, Gb, Eb),
	[0x8b] = I2("mov", em_mov, F_DST_W, Gv, Ev),
	[0x8c] = I2("mov", em_mov_from_sreg, F_DST_W, EvW, Sw),
	[0x8d] = I2("lea", em_lea, F_DST_W, Gv, M),
	[0x8e] = I2("mov", em_mov_to_sreg, F_DST_W, Sw, Ew),
	[0x8f] = REG(I1("pop*", em_pop_op, F_D64 | F_DST_W, Ev), UD, UD, UD, UD, UD, UD, UD),

	EIGHT(0x90, XCHG),
	[0x98] = I0("cbw", em_cbw, 0),
	[0x99] = I0("cwd", em_cwd, 0),
	[0x9a] = I1("lcall*", em_call_far, F_NO64, Ap),
	[0x9b] = I0("fwait", em_fwait, 0),
	[0x9c] = I0("pushf~", em_pushf, F_D64),
	[0x9d] = I0("popf~", em_popf, F_D64),
	[0x9e] = I0("sahf", em_sahf, 0),
	[0x9f] = I0("lahf", em_lahf, 0),

	[0xa0] = I2("movabs", em_mov, F_DST_W, AL, Ob),
	[0xa1] = I2("movabs", em_mov, F_DST_W, rAX, Ov),
	[0xa2] = I2("movabs", em_mov, F_DST_W, Ob, AL),
	[0xa3] = I2("movabs", em_mov, F_DST_W, Ov, rAX),
	[0xa4] = I2("movs*", em_movs, F_REPSTR, Yb, Xb),
	[0xa5] = I2("movs*", em_movs, F_REPSTR, Yv, Xv),
	[0xa6] = I2("cmps*", em_cmps, F_REPSTR | F_REPZ, Xb, Yb),
	[0xa7] = I2("cmps*", em_cmps, F_REPSTR | F_REPZ, Xv, Yv),
	[0xa8] = I2("test", em_test, F_DST_R, AL, Ib),
	[0xa9] = I2("test", em_test, F_DST_R, rAX, Iz),
	[0xaa] = I2("stos", em_stos, F_REPSTR, Yb, AL),
	[0xab] = I2("stos", em_stos, F_REPSTR, Yv, rAX),
	[0xac] = I2("lods", em_lods, F_REPSTR, AL, Xb),
	[0xad] = I2("lods", em_lods, F_REPSTR, rAX, Xv),
	[0xae] = I2("scas", em_scas, F_REPSTR | F_REPZ, AL, Yb),
	[0xaf] = I2("scas", em_scas, F_REPSTR | F_REPZ, rAX, Yv),

	EIGHT(0xb0, MOV8), EIGHT(0xb8, MOVV),

	[0xc0] = GRP2(Eb, Ib),
	[0xc1] = GRP2(Ev, Ib),
	[0xc2] = I1("ret~", em_ret, F_F64, Iw),
	[0xc3] = I0("ret~", em_ret, F_F64),
	[0xc4] = I2("les", em_load_far_ptr, F_NO64 | F_DST_W, Gv, Mp, A(EMUL_ES)),
	[0xc5] = I2("lds", em_load_far_ptr, F_NO64 | F_DST_W, Gv, Mp, A(EMUL_DS)),
	[0xc6] = REG(I2("mov*", em_mov, F_DST_W, Eb, Ib), UD, UD, UD, UD, UD, UD,
		     MOD(UD, RM(U1("xabort", 0, Ib), UD, UD, UD, UD, UD, UD, UD))),
	[0xc7] = REG(I2("mov*", em_mov, F_DST_W, Ev, Iz), UD, UD, UD, UD, UD, UD,
		     MOD(UD, RM(U1("xbegin", F_DIRTY, Jz), UD, UD, UD, UD, UD, UD, UD))),
	[0xc8] = I2("enter~", em_enter, F_D64, Iw, I2),
	[0xc9] = I0("leave~", em_leave, F_D64),
	[0xca] = I1("lret~", em_ret_far, 0, Iw),
	[0xcb] = I0("lret~", em_ret_far, 0),
	[0xcc] = I0("int3", em_int, 0, A(3)),
	[0xcd] = I1("int", em_int, F_XSUF, Ib),
	[0xce] = I0("into", em_into, F_NO64),
	[0xcf] = I0("iret~", em_iret, 0),

	[0xd0] = GRP2(Eb, One),
	[0xd1] = GRP2(Ev, One),
	[0xd2] = GRP2(Eb, CL),
	[0xd3] = GRP2(Ev, CL),
	[0xd4] = I1("aam", em_aam, F_NO64 | F_XSUF, Ib),
	[0xd5] = I1("aad", em_aad, F_NO64 | F_XSUF, Ib),
	[0xd6] = I0("salc", em_salc, F_NO64),
	[0xd7] = I0("xlat", em_xlat, 0),
	[0xd8] = ESC_D8, [0xd9] = ESC_D9, [0xda] = ESC_DA, [0xdb] = ESC_DB,
	[0xdc] = ESC_DC, [0xdd] = ESC_DD, [0xde] = ESC_DE, [0xdf] = ESC_DF,

	[0xe0] = I1("loopne", em_loop, F_F64, Jb, A(0)),
	[0xe1] = I1("loope", em_loop, F_F64, Jb, A(1)),
	[0xe2] = I1("loop", em_loop, F_F64, Jb, A(2)),
	[0xe3] = I1("jcxz", em_jcxz, F_F64, Jb),
	[0xe4] = I2("in", em_in, F_DST_W, AL, Ib),
	[0xe5] = I2("in", em_in, F_DST_W, eAX, Ib),
	[0xe6] = I2("out", em_out, F_DST_R, Ib, AL),
	[0xe7] = I2("out", em_out, F_DST_R, Ib, eAX),
	[0xe8] = I1("call", em_call, F_F64, Jz, A(0)),
	[0xe9] = I1("jmp", em_jmp, F_F64, Jz, A(0)),
	[0xea] = I1("ljmp*", em_jmp_far, F_NO64, Ap),
	[0xeb] = I1("jmp", em_jmp, F_F64, Jb, A(0)),
	[0xec] = I2("in", em_in, F_DST_W, AL, DX),
	[0xed] = I2("in", em_in, F_DST_W, eAX, DX),
	[0xee] = I2("out", em_out, F_DST_R, DX, AL),
	[0xef] = I2("out", em_out, F_DST_R, DX, eAX),

	[0xf1] = I0("int1", em_int, 0, A(1)),
	[0xf4] = I0("hlt", em_hlt, F_CPL0),
	[0xf5] = I0("cmc", em_flag, 0, A(0)),
	[0xf6] = GRP3(Eb, Ib),
	[0xf7] = GRP3(Ev, Iz),
	[0xf8] = I0("clc", em_flag, 0, A(1)),
	[0xf9] = I0("stc", em_flag, 0, A(2)),
	[0xfa] = I0("cli", em_cli, 0),
	[0xfb] = I0("sti", em_sti, 0),
	[0xfc] = I0("cld", em_flag, 0, A(3)),
	[0xfd] = I0("std", em_flag, 0, A(4)),
	[0xfe] = REG(I1("inc*", em_incdec, F_LOCKABLE, Eb, A(0)), I1("dec*", em_incdec, F_LOCKABLE, Eb, A(1)),
		     UD, UD, UD, UD, UD, UD),
	[0xff] = REG(I1("inc*", em_incdec, F_LOCKABLE, Ev, A(0)), I1("dec*", em_incdec, F_LOCKABLE, Ev, A(1)),
		     I1("call*", em_call, F_F64 | F_DST_R, Ev, A(1)),
		     I1("lcall*", em_call_far, F_DST_R, Mp),
		     I1("jmp*", em_jmp, F_F64 | F_DST_R, Ev, A(1)),
		     I1("ljmp*", em_jmp_far, F_DST_R, Mp),
		     I1("push*", em_push_op, F_D64 | F_DST_R, Ev), UD),
};

const struct emul_desc emul_row_evex = U0("(evex)", F_MODRM);
const struct emul_desc emul_row_xop = U0("(xop)", F_MODRM);
const struct emul_desc emul_row_3dnow = U2("(3dnow)", F_MMX, Pq, Qq);
