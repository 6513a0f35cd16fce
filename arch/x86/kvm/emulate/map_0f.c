// SPDX-License-Identifier: GPL-2.0-only
/* The instruction table: two-byte opcodes (0F).  Intel SDM vol. 2D, A.3; AMD APM vol. 3, A.1. */
#include "rows.h"

/* clang-format off */

#define CC16(M, base)                                                    \
	[(base) + 0x0] = M("o"), [(base) + 0x1] = M("no"), [(base) + 0x2] = M("b"), [(base) + 0x3] = M("ae"), \
	[(base) + 0x4] = M("e"), [(base) + 0x5] = M("ne"), [(base) + 0x6] = M("be"), [(base) + 0x7] = M("a"), \
	[(base) + 0x8] = M("s"), [(base) + 0x9] = M("ns"), [(base) + 0xa] = M("p"), [(base) + 0xb] = M("np"), \
	[(base) + 0xc] = M("l"), [(base) + 0xd] = M("ge"), [(base) + 0xe] = M("le"), [(base) + 0xf] = M("g")

#define JCC(cc) I1("j" cc, em_jcc, F_F64, Jz)
#define CMOV(cc) I2("cmov" cc, em_cmov, F_DST_W, Gv, Ev, F(CMOV))
#define SETCC(cc) I1("set" cc, em_setcc, F_DST_W | F_XSUF, Eb)

/* Vector arithmetic, not emulated: length and name only.  S: with VEX it has three operands. */
#define VS (F_SSE | F_VEX | F_NDS)
#define V2 (F_SSE | F_VEX)
#define PS_PD_SS_SD(nm, fl) \
	PFX(U2(nm "ps", fl, Vx, Wx), U2(nm "pd", fl, Vx, Wx), U2(nm "ss", fl, Vdq, Wd), U2(nm "sd", fl, Vdq, Wq))
#define PS_PD(nm, fl) PFX(U2(nm "ps", fl, Vx, Wx), U2(nm "pd", fl, Vx, Wx), UD, UD)
#define MMX_XMM(nm) PFX(U2(nm, F_MMX, Pq, Qq), U2(nm, VS, Vx, Wx), UD, UD)
#define XMM(nm) PFX(UD, U2(nm, VS, Vx, Wx), UD, UD)
#define SHIFT_IMM(nm) PFX(U2(nm, F_MMX, Nq, Ib), U2(nm, VS, Ux, Ib), UD, UD)
#define SHIFT_IMM_X(nm) PFX(UD, U2(nm, VS, Ux, Ib), UD, UD)

#define MASK_OP(nm) PFX(U3(nm, F_VEXONLY | F_NDS, Kg, Kv, Km), U3(nm, F_VEXONLY | F_NDS, Kg, Kv, Km), UD, UD)
#define MASK_OP2(nm) PFX(U2(nm, F_VEXONLY, Kg, Km), U2(nm, F_VEXONLY, Kg, Km), UD, UD)

/* Group 7, register forms */
#define SEAM(nm) PFX(UD, U0(nm, F_DIRTY, F(ABSENT)), UD, UD)
#define GRP7_0 RM(PFX(U0("enclv", F_DIRTY), UD, UD, UD), PFX(I0("vmcall", em_hypercall, F_DIRTY, A(0)), UD, UD, UD), U0("vmlaunch", F_DIRTY), U0("vmresume", F_DIRTY), \
		  U0("vmxoff", F_DIRTY), U0("pconfig", F_DIRTY), \
		  PFX(U0("wrmsrns", F_DIRTY | F_CPL0), UD, U0("wrmsrlist", F_DIRTY | F_CPL0 | F_ONLY64), \
		      U0("rdmsrlist", F_DIRTY | F_CPL0 | F_ONLY64)), \
		  PFX(U0("pbndkb", F_DIRTY | F_CPL0 | F_ONLY64), UD, UD, UD))
#define GRP7_1 RM(U0("monitor", F_DIRTY | F_CPL0, F(MONITOR)), U0("mwait", F_DIRTY | F_CPL0, F(MONITOR)), \
		  PFX(I0("clac", em_clac, F_DIRTY, F(SMAP), A(0)), UD, UD, UD), \
		  PFX(I0("stac", em_clac, F_DIRTY, F(SMAP), A(1)), UD, UD, UD), \
		  SEAM("tdcall"), SEAM("seamret"), SEAM("seamops"), \
		  PFX(U0("encls", F_DIRTY), U0("seamcall", F_DIRTY, F(ABSENT)), U0("encls", F_DIRTY), U0("encls", F_DIRTY)))
#define GRP7_2 RM(PFX(I0("xgetbv", em_xcr, 0, F(XSAVE), A(0)), UD, UD, UD), \
		  PFX(I0("xsetbv", em_xcr, F_DIRTY, F(XSAVE), A(1)), UD, UD, UD), UD, UD, \
		  U0("vmfunc", F_DIRTY), U0("xend", F_DIRTY), U0("xtest", F_DIRTY), U0("enclu", F_DIRTY))
#define GRP7_3 RM(U0("vmrun", F_DIRTY), I0("vmmcall", em_hypercall, F_DIRTY, A(1)), U0("vmload", F_DIRTY), \
		  U0("vmsave", F_DIRTY), U0("stgi", F_DIRTY), U0("clgi", F_DIRTY), U0("skinit", F_DIRTY), \
		  U0("invlpga", F_DIRTY))
#define GRP7_5 RM(PFX(U0("serialize", F_DIRTY, F(SERIALIZE)), UD, U0("setssbsy", F_DIRTY), U0("xsusldtrk", F_DIRTY)), \
		  PFX(UD, UD, UD, U0("xresldtrk", F_DIRTY)), PFX(UD, UD, U0("saveprevssp", F_DIRTY), UD), UD, \
		  PFX(UD, UD, U0("uiret", F_DIRTY | F_ONLY64), UD), PFX(UD, UD, U0("testui", F_DIRTY | F_ONLY64), UD), \
		  PFX(I0("rdpkru", em_pkru, F_DIRTY, F(PKU), A(0)), UD, U0("clui", F_DIRTY | F_ONLY64), UD), \
		  PFX(I0("wrpkru", em_pkru, F_DIRTY, F(PKU), A(1)), UD, U0("stui", F_DIRTY | F_ONLY64), UD))
#define GRP7_7 RM(I0("swapgs", em_swapgs, F_ONLY64 | F_CPL0), I0("rdtscp", em_rdtsc, F_DIRTY, F(RDTSCP), A(1)), \
		  PFX(U0("monitorx", F_DIRTY), U0("monitorx", F_DIRTY), U0("mcommit", F_DIRTY), U0("monitorx", F_DIRTY)), \
		  U0("mwaitx", F_DIRTY), U0("clzero", F_DIRTY), U0("rdpru", F_DIRTY), U0("invlpgb", F_DIRTY), \
		  U0("tlbsync", F_DIRTY))

#define GRP7 MOD( \
	REG(I1("sgdt", em_sgdt, F_DST_W, Ms, A(0)), I1("sidt", em_sgdt, F_DST_W, Ms, A(1)), \
	    I1("lgdt", em_lgdt, F_DST_R | F_CPL0, Ms, A(0)), I1("lidt", em_lgdt, F_DST_R | F_CPL0, Ms, A(1)), \
	    I1("smsw", em_smsw, F_DST_W | F_XSUF, EvW), PFX(UD, UD, U1("rstorssp", F_DIRTY, Mq), UD), \
	    I1("lmsw", em_lmsw, F_DST_R | F_CPL0 | F_XSUF, Ew), I1("invlpg", em_invlpg, F_CPL0, M)), \
	REG(GRP7_0, GRP7_1, GRP7_2, GRP7_3, I1("smsw", em_smsw, F_DST_W, EvW), GRP7_5, \
	    I1("lmsw", em_lmsw, F_DST_R | F_CPL0, Ew), GRP7_7))

#define PREFETCH(nm, f) I1(nm, em_nop_mem, 0, M, F(f))
#define HINT(nm) I1(nm, em_nop, 0, Ev)
#define XSV(nm, f) U1(nm, F_DIRTY, M, F(f))

/* Group 15 */
#define GRP15_MEM PFX( \
	REG(I1("fxsave", em_fxsave, F_FPU | F_XSUF, M, F(FXSR)), I1("fxrstor", em_fxrstor, F_FPU | F_XSUF, M, F(FXSR)), \
	    I1("ldmxcsr", em_mxcsr, F_SSE | F_VEX | F_DST_R | F_L0, Md, F(SSE), A(0)), \
	    I1("stmxcsr", em_mxcsr, F_SSE | F_VEX | F_DST_W | F_L0, Md, F(SSE), A(1)), \
	    XSV("xsave", XSAVE), XSV("xrstor", XSAVE), XSV("xsaveopt", XSAVE), I1("clflush", em_clflush, 0, M, F(CLFLUSH))), \
	REG(UD, UD, UD, UD, UD, UD, I1("clwb", em_clflush, 0, M, F(CLWB)), I1("clflushopt", em_clflush, 0, M, F(CLFLUSHOPT))), \
	REG(UD, UD, UD, UD, U1("ptwrite", F_DIRTY, Ey), UD, U1("clrssbsy", F_DIRTY, Mq), UD), UD)
#define FENCE(nm, f) I0(nm, em_nop, F_MODRM, F(f))
#define GRP15_REG PFX( \
	REG(UD, UD, UD, UD, UD, FENCE("lfence", SSE2), FENCE("mfence", SSE2), FENCE("sfence", SSE)), \
	REG(UD, UD, UD, UD, UD, UD, U1("tpause", F_DIRTY, Ed), UD), \
	REG(I1("rdfsbase", em_fsgsbase, F_ONLY64 | F_DST_W, Ry, F(FSGSBASE), A(0)), \
	    I1("rdgsbase", em_fsgsbase, F_ONLY64 | F_DST_W, Ry, F(FSGSBASE), A(1)), \
	    I1("wrfsbase", em_fsgsbase, F_ONLY64 | F_DST_R, Ry, F(FSGSBASE), A(2)), \
	    I1("wrgsbase", em_fsgsbase, F_ONLY64 | F_DST_R, Ry, F(FSGSBASE), A(3)), \
	    U1("ptwrite", F_DIRTY, Ey), U1("incssp", F_DIRTY, Ry), U1("umonitor", F_DIRTY, Rq), UD), \
	REG(UD, UD, UD, UD, UD, UD, U1("umwait", F_DIRTY, Ed), UD))

/* Group 8 and 9 */
#define GRP8 REG(UD, UD, UD, UD, I2("bt*", em_bt, F_DST_R, Ev, Ib, A(0)), I2("bts*", em_bt, F_LOCKABLE, Ev, Ib, A(1)), \
		 I2("btr*", em_bt, F_LOCKABLE, Ev, Ib, A(2)), I2("btc*", em_bt, F_LOCKABLE, Ev, Ib, A(3)))
#define GRP9 MOD( \
	REG(UD, I1("cmpxchg8b", em_cmpxchg8b, F_LOCKABLE, M2y, F(CX8)), UD, XSV("xrstors", XSAVE), XSV("xsavec", XSAVE), \
	    XSV("xsaves", XSAVE), \
	    PFX(U1("vmptrld", F_DIRTY, Mq), U1("vmclear", F_DIRTY, Mq), U1("vmxon", F_DIRTY, Mq), UD), \
	    PFX(U1("vmptrst", F_DIRTY, Mq), UD, UD, UD)), \
	REG(UD, UD, UD, UD, UD, UD, \
	    PFX(U1("rdrand", F_DIRTY, Rv, F(RDRAND)), U1("rdrand", F_DIRTY, Rv, F(RDRAND)), \
		U1("senduipi", F_DIRTY | F_ONLY64, Rq), UD), \
	    PFX(U1("rdseed", F_DIRTY, Rv, F(RDSEED)), U1("rdseed", F_DIRTY, Rv, F(RDSEED)), \
		I1("rdpid", em_rdpid, F_DIRTY | F_DST_W, Rq, F(RDPID)), UD)))

/* Moves: A(bytes) where it is not the vector length; bit 7: to memory or register */
#define ST 0x80
#define MOVX(nm, fl, a, b, f, n) I2(nm, em_vmov, F_SSE | F_VEX | F_DST_W | (fl), a, b, F(f), A(n))

/* Without VEX aligned memory. */
#define MOVDUP(nm, n) VEX(I2(nm, em_vdup, V2 | F_DST_W | F_ALIGN, Vx, Wx, F(SSE3), A(n)), \
			  I2(nm, em_vdup, V2 | F_DST_W, Vx, Wx, F(SSE3), A(n)))

const struct emul_desc emul_map_0f[256] = {
	[0x00] = REG(I1("sldt", em_sldt, F_PROT | F_DST_W | F_XSUF, EvW, A(EMUL_LDTR)),
		     I1("str", em_sldt, F_PROT | F_DST_W | F_XSUF, EvW, A(EMUL_TR)),
		     I1("lldt", em_lldt, F_PROT | F_CPL0 | F_DST_R | F_XSUF, Ew),
		     I1("ltr", em_ltr, F_PROT | F_CPL0 | F_DST_R | F_XSUF, Ew),
		     I1("verr", em_verr, F_PROT | F_DST_R | F_XSUF, Ew, A(0)),
		     I1("verw", em_verr, F_PROT | F_DST_R | F_XSUF, Ew, A(1)), UD, UD),
	[0x01] = GRP7,
	[0x02] = I2("lar", em_lar, F_PROT | F_DST_W, Gv, EvW),
	[0x03] = I2("lsl", em_lsl, F_PROT | F_DST_W, Gv, EvW),
	[0x05] = I0("syscall", em_syscall, F_DIRTY, F(SYSCALL)),
	[0x06] = I0("clts", em_clts, F_CPL0),
	[0x07] = I0("sysret~", em_sysret, F_DIRTY, F(SYSCALL)),
	[0x08] = I0("invd", em_wbinvd, F_CPL0),
	[0x09] = PFX(I0("wbinvd", em_wbinvd, F_CPL0), I0("wbinvd", em_wbinvd, F_CPL0),
		     I0("wbnoinvd", em_wbinvd, F_CPL0), I0("wbinvd", em_wbinvd, F_CPL0)),
	[0x0b] = I0("ud2", em_ud, 0),
	[0x0d] = MOD(REG(PREFETCH("prefetch", PREFETCHW), PREFETCH("prefetchw", PREFETCHW),
			 PREFETCH("prefetchwt1", PREFETCHW), PREFETCH("prefetch", PREFETCHW),
			 PREFETCH("prefetch", PREFETCHW), PREFETCH("prefetch", PREFETCHW),
			 PREFETCH("prefetch", PREFETCHW), PREFETCH("prefetch", PREFETCHW)),
		     I1("nop*", em_nop, 0, Ev, A(1))),
	[0x0e] = U0("femms", F_MMX, F(3DNOW)),

	[0x10] = PFX(MOVX("movups", 0, Vx, Wx, SSE, 0), MOVX("movupd", 0, Vx, Wx, SSE2, 0),
		     MOD(I2("movss", em_vmov_scalar, V2 | F_DST_W, Vd, Wd, F(SSE), A(0)),
			 I2("movss", em_vmov_scalar, VS, Vd, Wd, F(SSE), A(1))),
		     MOD(I2("movsd", em_vmov_scalar, V2 | F_DST_W, Vq, Wq, F(SSE2), A(0)),
			 I2("movsd", em_vmov_scalar, VS, Vq, Wq, F(SSE2), A(1)))),
	[0x11] = PFX(MOVX("movups", 0, Wx, Vx, SSE, 0), MOVX("movupd", 0, Wx, Vx, SSE2, 0),
		     MOD(I2("movss", em_vmov_scalar, V2 | F_DST_W, Wd, Vd, F(SSE), A(2)),
			 I2("movss", em_vmov_scalar, VS, Wd, Vd, F(SSE), A(3))),
		     MOD(I2("movsd", em_vmov_scalar, V2 | F_DST_W, Wq, Vq, F(SSE2), A(2)),
			 I2("movsd", em_vmov_scalar, VS, Wq, Vq, F(SSE2), A(3)))),
	[0x12] = PFX(MOD(I2("movlps", em_vmov_half, VS | F_L0, Vq, Mq, F(SSE), A(0)),
			 I2("movhlps", em_vmov_half, VS | F_L0, Vq, Wq, F(SSE), A(4))),
		     I2("movlpd", em_vmov_half, VS | F_L0, Vq, Mq, F(SSE2), A(0)),
		     MOVDUP("movsldup", 0),
		     I2("movddup", em_vdup, V2 | F_DST_W, Vx, Wx, F(SSE3), A(8))),
	[0x13] = PFX(I2("movlps", em_vmov_half, V2 | F_DST_W | F_L0, Mq, Vq, F(SSE), A(1)),
		     I2("movlpd", em_vmov_half, V2 | F_DST_W | F_L0, Mq, Vq, F(SSE2), A(1)), UD, UD),
	[0x14] = PS_PD("unpckl", VS),
	[0x15] = PS_PD("unpckh", VS),
	[0x16] = PFX(MOD(I2("movhps", em_vmov_half, VS | F_L0, Vq, Mq, F(SSE), A(2)),
			 I2("movlhps", em_vmov_half, VS | F_L0, Vq, Wq, F(SSE), A(2))),
		     I2("movhpd", em_vmov_half, VS | F_L0, Vq, Mq, F(SSE2), A(2)),
		     MOVDUP("movshdup", 4), UD),
	[0x17] = PFX(I2("movhps", em_vmov_half, V2 | F_DST_W | F_L0, Mq, Vq, F(SSE), A(3)),
		     I2("movhpd", em_vmov_half, V2 | F_DST_W | F_L0, Mq, Vq, F(SSE2), A(3)), UD, UD),
	[0x18] = MOD(REG(PREFETCH("prefetchnta", NONE), PREFETCH("prefetcht0", NONE), PREFETCH("prefetcht1", NONE),
			 PREFETCH("prefetcht2", NONE), HINT("nop*"), HINT("nop*"), HINT("nop*"), HINT("nop*")),
		     HINT("nop*")),
	[0x19] = HINT("nop*"), [0x1a] = HINT("nop*"), [0x1b] = HINT("nop*"), [0x1c] = HINT("nop*"),
	[0x1d] = HINT("nop*"), [0x1e] = HINT("nop*"), [0x1f] = HINT("nop*"),

	[0x20] = I2("mov", em_mov_cr, F_CPL0 | F_N64 | F_IGNMOD | F_DST_W, Rq, Cn, A(0)),
	[0x21] = I2("mov", em_mov_dr, F_CPL0 | F_N64 | F_IGNMOD | F_DST_W, Rq, Dn, A(0)),
	[0x22] = I2("mov", em_mov_cr, F_CPL0 | F_N64 | F_IGNMOD | F_DST_W, Cn, Rq, A(1)),
	[0x23] = I2("mov", em_mov_dr, F_CPL0 | F_N64 | F_IGNMOD | F_DST_W, Dn, Rq, A(1)),

	[0x28] = PFX(MOVX("movaps", F_ALIGN, Vx, Wx, SSE, 0), MOVX("movapd", F_ALIGN, Vx, Wx, SSE2, 0), UD, UD),
	[0x29] = PFX(MOVX("movaps", F_ALIGN, Wx, Vx, SSE, 0), MOVX("movapd", F_ALIGN, Wx, Vx, SSE2, 0), UD, UD),
	[0x2a] = PFX(U2("cvtpi2ps", F_MMX, Vdq, Qq), U2("cvtpi2pd", F_MMX, Vdq, Qq),
		     U2("cvtsi2ss*", VS, Vdq, Ey), U2("cvtsi2sd*", VS, Vdq, Ey)),
	[0x2b] = PFX(MOVX("movntps", F_ALIGN, Mx, Vx, SSE, 0), MOVX("movntpd", F_ALIGN, Mx, Vx, SSE2, 0),
		     I2("movntss", em_vmov_scalar, F_SSE | F_DST_W, Md, Vd, F(SSE4A), A(2)),
		     I2("movntsd", em_vmov_scalar, F_SSE | F_DST_W, Mq, Vq, F(SSE4A), A(2))),
	[0x2c] = PFX(U2("cvttps2pi", F_MMX, Pq, Wq), U2("cvttpd2pi", F_MMX, Pq, Wdq),
		     U2("cvttss2si", V2, Gy, Wd), U2("cvttsd2si", V2, Gy, Wq)),
	[0x2d] = PFX(U2("cvtps2pi", F_MMX, Pq, Wq), U2("cvtpd2pi", F_MMX, Pq, Wdq),
		     U2("cvtss2si", V2, Gy, Wd), U2("cvtsd2si", V2, Gy, Wq)),
	[0x2e] = PFX(U2("ucomiss", V2, Vdq, Wd), U2("ucomisd", V2, Vdq, Wq), UD, UD),
	[0x2f] = PFX(U2("comiss", V2, Vdq, Wd), U2("comisd", V2, Vdq, Wq), UD, UD),

	[0x30] = I0("wrmsr", em_msr, F_CPL0, A(1)),
	[0x31] = I0("rdtsc", em_rdtsc, F_DIRTY, A(0)),
	[0x32] = I0("rdmsr", em_msr, F_CPL0, A(0)),
	[0x33] = I0("rdpmc", em_rdpmc, F_DIRTY),
	[0x34] = I0("sysenter", em_sysenter, F_DIRTY, F(SEP)),
	[0x35] = I0("sysexit~", em_sysexit, F_DIRTY, F(SEP)),
	[0x37] = U0("getsec", F_DIRTY),

	[0x40] = CMOV("o"),
	[0x41] = VEX(CMOV("no"), MASK_OP("kand")),
	[0x42] = VEX(CMOV("b"), MASK_OP("kandn")),
	[0x43] = CMOV("ae"),
	[0x44] = VEX(CMOV("e"), MASK_OP2("knot")),
	[0x45] = VEX(CMOV("ne"), MASK_OP("kor")),
	[0x46] = VEX(CMOV("be"), MASK_OP("kxnor")),
	[0x47] = VEX(CMOV("a"), MASK_OP("kxor")),
	[0x48] = CMOV("s"),
	[0x49] = CMOV("ns"),
	[0x4a] = VEX(CMOV("p"), MASK_OP("kadd")),
	[0x4b] = VEX(CMOV("np"), MASK_OP("kunpck")),
	[0x4c] = CMOV("l"),
	[0x4d] = CMOV("ge"),
	[0x4e] = CMOV("le"),
	[0x4f] = CMOV("g"),

	[0x50] = PFX(I2("movmskps", em_movmsk, V2 | F_DST_W, Gy, Ux, F(SSE), A(4)),
		     I2("movmskpd", em_movmsk, V2 | F_DST_W, Gy, Ux, F(SSE2), A(8)), UD, UD),
	[0x51] = PFX(U2("sqrtps", V2, Vx, Wx), U2("sqrtpd", V2, Vx, Wx), U2("sqrtss", VS, Vdq, Wd),
		     U2("sqrtsd", VS, Vdq, Wq)),
	[0x52] = PFX(U2("rsqrtps", V2, Vx, Wx), UD, U2("rsqrtss", VS, Vdq, Wd), UD),
	[0x53] = PFX(U2("rcpps", V2, Vx, Wx), UD, U2("rcpss", VS, Vdq, Wd), UD),
	[0x54] = PS_PD("and", VS),
	[0x55] = PS_PD("andn", VS),
	[0x56] = PS_PD("or", VS),
	[0x57] = PS_PD("xor", VS),
	[0x58] = PS_PD_SS_SD("add", VS),
	[0x59] = PS_PD_SS_SD("mul", VS),
	[0x5a] = PFX(U2("cvtps2pd", V2, Vx, Wh), U2("cvtpd2ps", V2, Vdq, Wx), U2("cvtss2sd", VS, Vdq, Wd),
		     U2("cvtsd2ss", VS, Vdq, Wq)),
	[0x5b] = PFX(U2("cvtdq2ps", V2, Vx, Wx), U2("cvtps2dq", V2, Vx, Wx), U2("cvttps2dq", V2, Vx, Wx), UD),
	[0x5c] = PS_PD_SS_SD("sub", VS),
	[0x5d] = PS_PD_SS_SD("min", VS),
	[0x5e] = PS_PD_SS_SD("div", VS),
	[0x5f] = PS_PD_SS_SD("max", VS),
	[0x60] = PFX(U2("punpcklbw", F_MMX, Pq, Qd), U2("punpcklbw", VS, Vx, Wx), UD, UD),
	[0x61] = PFX(U2("punpcklwd", F_MMX, Pq, Qd), U2("punpcklwd", VS, Vx, Wx), UD, UD),
	[0x62] = PFX(U2("punpckldq", F_MMX, Pq, Qd), U2("punpckldq", VS, Vx, Wx), UD, UD),
	[0x63] = MMX_XMM("packsswb"), [0x64] = MMX_XMM("pcmpgtb"), [0x65] = MMX_XMM("pcmpgtw"),
	[0x66] = MMX_XMM("pcmpgtd"), [0x67] = MMX_XMM("packuswb"), [0x68] = MMX_XMM("punpckhbw"),
	[0x69] = MMX_XMM("punpckhwd"), [0x6a] = MMX_XMM("punpckhdq"), [0x6b] = MMX_XMM("packssdw"),
	[0x6c] = XMM("punpcklqdq"), [0x6d] = XMM("punpckhqdq"),
	[0x6e] = PFX(I2("mov#", em_mmx_gpr, F_MMX | F_DST_W | F_NO66, Pq, Ey, F(MMX), A(0)),
		     I2("mov#", em_vmov_gpr, V2 | F_DST_W | F_L0 | F_NO66, Vdq, Ey, F(SSE2), A(0)), UD, UD),
	[0x6f] = PFX(I2("movq", em_mmx_mov, F_MMX | F_DST_W, Pq, Qq, F(MMX)), MOVX("movdqa", F_ALIGN, Vx, Wx, SSE2, 0),
		     MOVX("movdqu", 0, Vx, Wx, SSE2, 0), UD),
	[0x70] = PFX(U3("pshufw", F_MMX, Pq, Qq, Ib), U3("pshufd", V2, Vx, Wx, Ib), U3("pshufhw", V2, Vx, Wx, Ib),
		     U3("pshuflw", V2, Vx, Wx, Ib)),
	[0x71] = REG(UD, UD, SHIFT_IMM("psrlw"), UD, SHIFT_IMM("psraw"), UD, SHIFT_IMM("psllw"), UD),
	[0x72] = REG(UD, UD, SHIFT_IMM("psrld"), UD, SHIFT_IMM("psrad"), UD, SHIFT_IMM("pslld"), UD),
	[0x73] = REG(UD, UD, SHIFT_IMM("psrlq"), SHIFT_IMM_X("psrldq"), UD, UD, SHIFT_IMM("psllq"), SHIFT_IMM_X("pslldq")),
	[0x74] = MMX_XMM("pcmpeqb"), [0x75] = MMX_XMM("pcmpeqw"), [0x76] = MMX_XMM("pcmpeqd"),
	[0x77] = PFX(VEX(I0("emms", em_emms, F_MMX, F(MMX)), U0("zeroupper", F_SSE | F_VEXONLY)), UD, UD, UD),
	[0x78] = PFX(U2("vmread", F_D64 | F_DIRTY, Eq, Gq), REG(U3("extrq", F_SSE, Udq, Ib, I2, F(SSE4A)), UD, UD, UD,
		     UD, UD, UD, UD), UD, U4("insertq", F_SSE, Vdq, Udq, Ib, I2, F(SSE4A))),
	[0x79] = PFX(U2("vmwrite", F_D64 | F_DIRTY, Gq, Eq), U2("extrq", F_SSE, Vdq, Udq, F(SSE4A)), UD,
		     U2("insertq", F_SSE, Vdq, Udq, F(SSE4A))),
	[0x7c] = PFX(UD, U2("haddpd", VS, Vx, Wx), UD, U2("haddps", VS, Vx, Wx)),
	[0x7d] = PFX(UD, U2("hsubpd", VS, Vx, Wx), UD, U2("hsubps", VS, Vx, Wx)),
	[0x7e] = PFX(I2("mov#", em_mmx_gpr, F_MMX | F_DST_W | F_NO66, Ey, Pq, F(MMX), A(1)),
		     I2("mov#", em_vmov_gpr, V2 | F_DST_W | F_L0 | F_NO66, Ey, Vdq, F(SSE2), A(1)),
		     I2("movq", em_vmov_gpr, V2 | F_DST_W | F_L0, Vq, Wq, F(SSE2), A(2)), UD),
	[0x7f] = PFX(I2("movq", em_mmx_mov, F_MMX | F_DST_W, Qq, Pq, F(MMX)), MOVX("movdqa", F_ALIGN, Wx, Vx, SSE2, 0),
		     MOVX("movdqu", 0, Wx, Vx, SSE2, 0), UD),

	CC16(JCC, 0x80),
	[0x90] = VEX(SETCC("o"), MASK_OP2("kmov")),
	[0x91] = VEX(SETCC("no"), PFX(U2("kmov", F_VEXONLY, M, Kg), U2("kmov", F_VEXONLY, M, Kg), UD, UD)),
	[0x92] = VEX(SETCC("b"), PFX(U2("kmovw", F_VEXONLY, Kg, Ry), U2("kmovb", F_VEXONLY, Kg, Ry), UD,
				     U2("kmov#", F_VEXONLY, Kg, Ry))),
	[0x93] = VEX(SETCC("ae"), PFX(U2("kmovw", F_VEXONLY, Gy, Km), U2("kmovb", F_VEXONLY, Gy, Km), UD,
				      U2("kmov#", F_VEXONLY, Gy, Km))),
	[0x98] = VEX(SETCC("s"), MASK_OP2("kortest")),
	[0x99] = VEX(SETCC("ns"), MASK_OP2("ktest")),
	[0x94] = SETCC("e"),
	[0x95] = SETCC("ne"),
	[0x96] = SETCC("be"),
	[0x97] = SETCC("a"),
	[0x9a] = SETCC("p"),
	[0x9b] = SETCC("np"),
	[0x9c] = SETCC("l"),
	[0x9d] = SETCC("ge"),
	[0x9e] = SETCC("le"),
	[0x9f] = SETCC("g"),

	[0xa0] = I1("push", em_push_sreg, F_D64, FS),
	[0xa1] = I1("pop", em_pop_sreg, F_D64, FS),
	[0xa2] = I0("cpuid", em_cpuid, F_DIRTY),
	[0xa3] = I2("bt", em_bt, F_DST_R, Ev, Gv, A(0x10)),
	[0xa4] = I3("shld", em_shld, 0, Ev, Gv, Ib, A(0)),
	[0xa5] = I3("shld", em_shld, 0, Ev, Gv, CL, A(0)),
	[0xa8] = I1("push", em_push_sreg, F_D64, GS),
	[0xa9] = I1("pop", em_pop_sreg, F_D64, GS),
	[0xaa] = I0("rsm", em_rsm, 0),
	[0xab] = I2("bts", em_bt, F_LOCKABLE, Ev, Gv, A(0x11)),
	[0xac] = I3("shrd", em_shld, 0, Ev, Gv, Ib, A(1)),
	[0xad] = I3("shrd", em_shld, 0, Ev, Gv, CL, A(1)),
	[0xae] = MOD(GRP15_MEM, GRP15_REG),
	[0xaf] = I2("imul", em_imul, 0, Gv, Ev),

	[0xb0] = I2("cmpxchg", em_cmpxchg, F_LOCKABLE, Eb, Gb),
	[0xb1] = I2("cmpxchg", em_cmpxchg, F_LOCKABLE, Ev, Gv),
	[0xb2] = I2("lss", em_load_far_ptr, F_DST_W, Gv, Mp, A(EMUL_SS)),
	[0xb3] = I2("btr", em_bt, F_LOCKABLE, Ev, Gv, A(0x12)),
	[0xb4] = I2("lfs", em_load_far_ptr, F_DST_W, Gv, Mp, A(EMUL_FS)),
	[0xb5] = I2("lgs", em_load_far_ptr, F_DST_W, Gv, Mp, A(EMUL_GS)),
	[0xb6] = I2("movzb~", em_mov, F_DST_W, Gv, Eb),
	[0xb7] = I2("movzw~", em_mov, F_DST_W, Gv, Ew),
	[0xb8] = PFX(UD, UD, I2("popcnt", em_count, F_DST_W, Gv, Ev, F(POPCNT), A(0)), UD),
	[0xb9] = I2("ud1", em_ud, 0, Gv, Ev),
	[0xba] = GRP8,
	[0xbb] = I2("btc", em_bt, F_LOCKABLE, Ev, Gv, A(0x13)),
	[0xbc] = PFX(I2("bsf", em_bsf, 0, Gv, Ev, A(0)), I2("bsf", em_bsf, 0, Gv, Ev, A(0)),
		     I2("tzcnt", em_count, F_DST_W, Gv, Ev, A(1)), I2("bsf", em_bsf, 0, Gv, Ev, A(0))),
	[0xbd] = PFX(I2("bsr", em_bsf, 0, Gv, Ev, A(1)), I2("bsr", em_bsf, 0, Gv, Ev, A(1)),
		     I2("lzcnt", em_count, F_DST_W, Gv, Ev, A(2)), I2("bsr", em_bsf, 0, Gv, Ev, A(1))),
	[0xbe] = I2("movsb~", em_movsx, F_DST_W, Gv, Eb, A(0)),
	[0xbf] = I2("movsw~", em_movsx, F_DST_W, Gv, Ew, A(0)),

	[0xc0] = I2("xadd", em_xadd, F_LOCKABLE, Eb, Gb),
	[0xc1] = I2("xadd", em_xadd, F_LOCKABLE, Ev, Gv),
	[0xc2] = PFX(U3("cmpps", VS, Vx, Wx, Ib), U3("cmppd", VS, Vx, Wx, Ib), U3("cmpss", VS, Vdq, Wd, Ib),
		     U3("cmpsd", VS, Vdq, Wq, Ib)),
	[0xc3] = PFX(I2("movnti", em_mov, F_DST_W, My, Gy, F(SSE2)), UD, UD, UD),
	[0xc4] = PFX(U3("pinsrw", F_MMX, Pq, EdW, Ib), U3("pinsrw", VS | F_L0, Vdq, EdW, Ib), UD, UD),
	[0xc5] = PFX(U3("pextrw", F_MMX, Gy, Nq, Ib), U3("pextrw", V2 | F_L0, Gy, Udq, Ib), UD, UD),
	[0xc6] = PFX(U3("shufps", VS, Vx, Wx, Ib), U3("shufpd", VS, Vx, Wx, Ib), UD, UD),
	[0xc7] = GRP9,
#define BSWAP I1("bswap", em_bswap, 0, Zv)
	[0xc8] = BSWAP, [0xc9] = BSWAP, [0xca] = BSWAP, [0xcb] = BSWAP,
	[0xcc] = BSWAP, [0xcd] = BSWAP, [0xce] = BSWAP, [0xcf] = BSWAP,

	[0xd0] = PFX(UD, U2("addsubpd", VS, Vx, Wx), UD, U2("addsubps", VS, Vx, Wx)),
	[0xd1] = MMX_XMM("psrlw"), [0xd2] = MMX_XMM("psrld"), [0xd3] = MMX_XMM("psrlq"), [0xd4] = MMX_XMM("paddq"),
	[0xd5] = MMX_XMM("pmullw"),
	[0xd6] = PFX(UD, I2("movq", em_vmov_gpr, V2 | F_DST_W | F_L0, Wq, Vq, F(SSE2), A(3)),
		     I2("movq2dq", em_movq2dq, F_MMX | F_DST_W, Vdq, Nq, F(SSE2), A(0)),
		     I2("movdq2q", em_movq2dq, F_MMX | F_DST_W, Pq, Udq, F(SSE2), A(1))),
	[0xd7] = PFX(U2("pmovmskb", F_MMX, Gy, Nq),
		     I2("pmovmskb", em_movmsk, V2 | F_DST_W, Gy, Ux, F(SSE2), A(1)), UD, UD),
	[0xd8] = MMX_XMM("psubusb"), [0xd9] = MMX_XMM("psubusw"), [0xda] = MMX_XMM("pminub"), [0xdb] = MMX_XMM("pand"),
	[0xdc] = MMX_XMM("paddusb"), [0xdd] = MMX_XMM("paddusw"), [0xde] = MMX_XMM("pmaxub"), [0xdf] = MMX_XMM("pandn"),
	[0xe0] = MMX_XMM("pavgb"), [0xe1] = MMX_XMM("psraw"), [0xe2] = MMX_XMM("psrad"), [0xe3] = MMX_XMM("pavgw"),
	[0xe4] = MMX_XMM("pmulhuw"), [0xe5] = MMX_XMM("pmulhw"),
	[0xe6] = PFX(UD, U2("cvttpd2dq", V2, Vdq, Wx), U2("cvtdq2pd", V2, Vx, Wh), U2("cvtpd2dq", V2, Vdq, Wx)),
	[0xe7] = PFX(I2("movntq", em_mmx_mov, F_MMX | F_DST_W, Mq, Pq, F(SSE)),
		     MOVX("movntdq", F_ALIGN, Mx, Vx, SSE2, 0), UD, UD),
	[0xe8] = MMX_XMM("psubsb"), [0xe9] = MMX_XMM("psubsw"), [0xea] = MMX_XMM("pminsw"), [0xeb] = MMX_XMM("por"),
	[0xec] = MMX_XMM("paddsb"), [0xed] = MMX_XMM("paddsw"), [0xee] = MMX_XMM("pmaxsw"), [0xef] = MMX_XMM("pxor"),
	[0xf0] = PFX(UD, UD, UD, MOVX("lddqu", 0, Vx, Mx, SSE3, 0)),
	[0xf1] = MMX_XMM("psllw"), [0xf2] = MMX_XMM("pslld"), [0xf3] = MMX_XMM("psllq"), [0xf4] = MMX_XMM("pmuludq"),
	[0xf5] = MMX_XMM("pmaddwd"), [0xf6] = MMX_XMM("psadbw"),
	[0xf7] = PFX(I2("maskmovq", em_maskmov, F_MMX | F_DST_R, Pq, Nq, F(SSE), A(8)),
		     I2("maskmovdqu", em_maskmov, V2 | F_L0 | F_DST_R, Vdq, Udq, F(SSE2), A(16)), UD, UD),
	[0xf8] = MMX_XMM("psubb"), [0xf9] = MMX_XMM("psubw"), [0xfa] = MMX_XMM("psubd"), [0xfb] = MMX_XMM("psubq"),
	[0xfc] = MMX_XMM("paddb"), [0xfd] = MMX_XMM("paddw"), [0xfe] = MMX_XMM("paddd"),
	[0xff] = I2("ud0", em_ud, 0, Gv, Ev),
};
