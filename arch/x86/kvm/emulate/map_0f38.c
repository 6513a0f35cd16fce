// SPDX-License-Identifier: GPL-2.0-only
/* The instruction table: three-byte opcodes (0F 38, 0F 3A).  Intel SDM vol. 2D, A.3; AMD APM vol. 3, A.1. */
#include "rows.h"

/* clang-format off */

#define VS (F_SSE | F_VEX | F_NDS)
#define V2 (F_SSE | F_VEX)
#define VO (F_SSE | F_VEXONLY)
#define VOS (F_SSE | F_VEXONLY | F_NDS)
#define MMX_XMM(nm) PFX(U2(nm, F_MMX, Pq, Qq), U2(nm, VS, Vx, Wx), UD, UD)
#define MMX_XMM2(nm) PFX(U2(nm, F_MMX, Pq, Qq), U2(nm, V2, Vx, Wx), UD, UD)
#define XMM(nm) PFX(UD, U2(nm, VS, Vx, Wx), UD, UD)
#define XMM2(nm, W) PFX(UD, U2(nm, V2, Vx, W), UD, UD)
#define SSE_ONLY(nm) PFX(U2(nm, F_SSE, Vdq, Wdq), UD, UD, UD)
#define AVX3(nm) PFX(UD, U2(nm, VOS, Vx, Wx), UD, UD)
#define VNNI(nm) U2(nm, VOS | F_W0, Vx, Wx)
#define NE_CONVERT(nm, m) U2(nm, VO | F_W0, Vx, m)
#define CMPXADD(nm) PFX(UD, U3(nm, F_VEXONLY | F_NDS | F_L0 | F_ONLY64, My, Gy, By), UD, UD)
#define FMA(nm) PFX(UD, BYW(U2(nm "ps", VOS, Vx, Wx), U2(nm "pd", VOS, Vx, Wx)), UD, UD)
#define FMAS(nm) PFX(UD, BYW(U2(nm "ss", VOS, Vdq, Wd), U2(nm "sd", VOS, Vdq, Wq)), UD, UD)
#define FMA3(base, n)                                                                            \
	[(base) + 0x6] = FMA("fmaddsub" n), [(base) + 0x7] = FMA("fmsubadd" n),                  \
	[(base) + 0x8] = FMA("fmadd" n), [(base) + 0x9] = FMAS("fmadd" n),                       \
	[(base) + 0xa] = FMA("fmsub" n), [(base) + 0xb] = FMAS("fmsub" n),                       \
	[(base) + 0xc] = FMA("fnmadd" n), [(base) + 0xd] = FMAS("fnmadd" n),                     \
	[(base) + 0xe] = FMA("fnmsub" n), [(base) + 0xf] = FMAS("fnmsub" n)
/* AMX and Key Locker: no guest has them */
#define TILE(nm) U0(nm, F_VEXONLY | F_L0 | F_W0 | F_ONLY64 | F_MODRM, F(ABSENT))
#define TILE_MEM(nm) U1(nm, F_VEXONLY | F_L0 | F_W0 | F_ONLY64, M, F(ABSENT))
#define TILE_DP(nm) MOD(UD, U0(nm, F_VEXONLY | F_NDS | F_L0 | F_W0 | F_ONLY64 | F_MODRM, F(ABSENT)))
#define KL(nm) U2(nm, F_SSE, Vdq, M, F(ABSENT))
#define KL_WIDE(nm) U1(nm, F_SSE, M, F(ABSENT))
#define GATHER(nm) PFX(UD, U2(nm, VOS, Vx, Sib), UD, UD)
#define BCAST(nm, fl, a, b, f, n) \
	PFX(UD, I2(nm, em_vbroadcast, VO | F_DST_W | F_W0 | (fl), a, b, F(f), A(n)), UD, UD)
#define MASKMOV(nm, fl, a, b, f, n) I2(nm, em_vmaskmov, VO | F_NDS | (fl), a, b, F(f), A(n))
#define BMI3(nm, fn, fl, f, ...) I3(nm, fn, F_VEXONLY | F_NDS | F_L0 | (fl), Gy, By, Ey, F(f), ##__VA_ARGS__)
#define BMIX(nm, fn, f, ...) I3(nm, fn, F_VEXONLY | F_NDS | F_L0 | F_DST_W, Gy, Ey, By, F(f), ##__VA_ARGS__)
#define BLS(nm, n) PFX(I2(nm, em_bls, F_VEXONLY | F_NDS | F_L0, By, Ey, F(BMI1), A(n)), UD, UD, UD)

const struct emul_desc emul_map_0f38[256] = {
	[0x00] = MMX_XMM("pshufb"), [0x01] = MMX_XMM("phaddw"), [0x02] = MMX_XMM("phaddd"), [0x03] = MMX_XMM("phaddsw"),
	[0x04] = MMX_XMM("pmaddubsw"), [0x05] = MMX_XMM("phsubw"), [0x06] = MMX_XMM("phsubd"),
	[0x07] = MMX_XMM("phsubsw"), [0x08] = MMX_XMM("psignb"), [0x09] = MMX_XMM("psignw"), [0x0a] = MMX_XMM("psignd"),
	[0x0b] = MMX_XMM("pmulhrsw"),
	[0x0c] = AVX3("permilps"), [0x0d] = AVX3("permilpd"),
	[0x0e] = PFX(UD, U2("testps", VO, Vx, Wx), UD, UD), [0x0f] = PFX(UD, U2("testpd", VO, Vx, Wx), UD, UD),
	[0x10] = PFX(UD, U2("pblendvb", F_SSE, Vdq, Wdq), UD, UD),
	[0x13] = PFX(UD, U2("cvtph2ps", VO, Vx, Wh), UD, UD),
	[0x14] = PFX(UD, U2("blendvps", F_SSE, Vdq, Wdq), UD, UD),
	[0x15] = PFX(UD, U2("blendvpd", F_SSE, Vdq, Wdq), UD, UD),
	[0x16] = PFX(UD, U2("permps", VOS | F_L1, Vqq, Wqq), UD, UD),
	[0x17] = XMM2("ptest", Wx),
	[0x18] = MOD(BCAST("broadcastss", 0, Vx, Wd, AVX, 4), BCAST("broadcastss", 0, Vx, Wd, AVX2, 4)),
	[0x19] = MOD(BCAST("broadcastsd", F_L1, Vx, Wq, AVX, 8), BCAST("broadcastsd", F_L1, Vx, Wq, AVX2, 8)),
	[0x1a] = BCAST("broadcastf128", F_L1, Vx, Mdq, AVX, 16),
	[0x1c] = MMX_XMM2("pabsb"), [0x1d] = MMX_XMM2("pabsw"), [0x1e] = MMX_XMM2("pabsd"),
	[0x20] = XMM2("pmovsxbw", Wh), [0x21] = XMM2("pmovsxbd", Wqh), [0x22] = XMM2("pmovsxbq", Wbh),
	[0x23] = XMM2("pmovsxwd", Wh), [0x24] = XMM2("pmovsxwq", Wqh), [0x25] = XMM2("pmovsxdq", Wh),
	[0x28] = XMM("pmuldq"), [0x29] = XMM("pcmpeqq"),
	[0x2a] = PFX(UD, I2("movntdqa", em_vmov, V2 | F_DST_W | F_ALIGN, Vx, Mx, F(SSE41)), UD, UD),
	[0x2b] = XMM("packusdw"),
	[0x2c] = PFX(UD, MASKMOV("maskmovps", F_W0, Vx, Mx, AVX, 4), UD, UD),
	[0x2d] = PFX(UD, MASKMOV("maskmovpd", F_W0, Vx, Mx, AVX, 8), UD, UD),
	[0x2e] = PFX(UD, MASKMOV("maskmovps", F_W0, Mx, Vx, AVX, 4), UD, UD),
	[0x2f] = PFX(UD, MASKMOV("maskmovpd", F_W0, Mx, Vx, AVX, 8), UD, UD),
	[0x30] = XMM2("pmovzxbw", Wh), [0x31] = XMM2("pmovzxbd", Wqh), [0x32] = XMM2("pmovzxbq", Wbh),
	[0x33] = XMM2("pmovzxwd", Wh), [0x34] = XMM2("pmovzxwq", Wqh), [0x35] = XMM2("pmovzxdq", Wh),
	[0x36] = PFX(UD, U2("permd", VOS | F_L1, Vqq, Wqq), UD, UD),
	[0x37] = XMM("pcmpgtq"), [0x38] = XMM("pminsb"), [0x39] = XMM("pminsd"), [0x3a] = XMM("pminuw"),
	[0x3b] = XMM("pminud"), [0x3c] = XMM("pmaxsb"), [0x3d] = XMM("pmaxsd"), [0x3e] = XMM("pmaxuw"),
	[0x3f] = XMM("pmaxud"), [0x40] = XMM("pmulld"),
	[0x41] = PFX(UD, U2("phminposuw", V2 | F_L0, Vdq, Wdq), UD, UD),
	[0x45] = AVX3("psrlv#"), [0x46] = AVX3("psravd"), [0x47] = AVX3("psllv#"),
	[0x49] = PFX(MOD(TILE_MEM("ldtilecfg"), TILE("tilerelease")), MOD(TILE_MEM("sttilecfg"), UD), UD, MOD(UD, TILE("tilezero"))),
	[0x4b] = PFX(UD, TILE_MEM("tileloaddt1"), TILE_MEM("tilestored"), TILE_MEM("tileloadd")),
	[0x50] = PFX(VNNI("pdpbuud"), VNNI("pdpbusd"), VNNI("pdpbsud"), VNNI("pdpbssd")),
	[0x51] = PFX(VNNI("pdpbuuds"), VNNI("pdpbusds"), VNNI("pdpbsuds"), VNNI("pdpbssds")),
	[0x52] = AVX3("pdpwssd"), [0x53] = AVX3("pdpwssds"),
	[0x58] = BCAST("pbroadcastd", 0, Vx, Wd, AVX2, 4), [0x59] = BCAST("pbroadcastq", 0, Vx, Wq, AVX2, 8),
	[0x5a] = BCAST("broadcasti128", F_L1, Vx, Mdq, AVX2, 16),
	[0x5c] = PFX(UD, UD, TILE_DP("tdpbf16ps"), TILE_DP("tdpfp16ps")),
	[0x5e] = PFX(TILE_DP("tdpbuud"), TILE_DP("tdpbusd"), TILE_DP("tdpbsud"), TILE_DP("tdpbssd")),
	[0x72] = PFX(UD, UD, U2("cvtneps2bf16", VO | F_W0, Vdq, Wx), UD),
	[0x78] = BCAST("pbroadcastb", 0, Vx, Wb, AVX2, 1), [0x79] = BCAST("pbroadcastw", 0, Vx, Ww, AVX2, 2),
	[0x80] = PFX(UD, U2("invept", F_D64 | F_DIRTY, Gq, Mdq), UD, UD),
	[0x81] = PFX(UD, U2("invvpid", F_D64 | F_DIRTY, Gq, Mdq), UD, UD),
	[0x82] = PFX(UD, I2("invpcid", em_invpcid, F_CPL0 | F_N64 | F_DST_R, Gq, Mdq, F(INVPCID)), UD, UD),
	[0x8c] = PFX(UD, MASKMOV("pmaskmov", 0, Vx, Mx, AVX2, 0), UD, UD),
	[0x8e] = PFX(UD, MASKMOV("pmaskmov", 0, Mx, Vx, AVX2, 0), UD, UD),
	[0x90] = GATHER("pgatherd"), [0x91] = GATHER("pgatherq"), [0x92] = GATHER("gatherdp"), [0x93] = GATHER("gatherqp"),
	FMA3(0x90, "132"), FMA3(0xa0, "213"), FMA3(0xb0, "231"),
	[0xb0] = PFX(NE_CONVERT("cvtneoph2ps", Mx), NE_CONVERT("cvtneeph2ps", Mx), NE_CONVERT("cvtneebf162ps", Mx),
		     NE_CONVERT("cvtneobf162ps", Mx)),
	[0xb1] = PFX(UD, NE_CONVERT("bcstnesh2ps", Mw), NE_CONVERT("bcstnebf162ps", Mw), UD),
	[0xb4] = PFX(UD, U2("pmadd52luq", VOS | F_W1, Vx, Wx), UD, UD), [0xb5] = PFX(UD, U2("pmadd52huq", VOS | F_W1, Vx, Wx), UD, UD),
	[0xc8] = SSE_ONLY("sha1nexte"), [0xc9] = SSE_ONLY("sha1msg1"), [0xca] = SSE_ONLY("sha1msg2"),
	[0xcb] = PFX(U2("sha256rnds2", F_SSE, Vdq, Wdq), UD, UD, U2("sha512rnds2", VOS | F_L1 | F_W0, Vqq, Udq)),
	[0xcc] = PFX(U2("sha256msg1", F_SSE, Vdq, Wdq), UD, UD, U2("sha512msg1", VO | F_L1 | F_W0, Vqq, Udq)),
	[0xcd] = PFX(U2("sha256msg2", F_SSE, Vdq, Wdq), UD, UD, U2("sha512msg2", VO | F_L1 | F_W0, Vqq, Ux)),
	[0xcf] = XMM("gf2p8mulb"),
	[0xd2] = PFX(VNNI("pdpwuud"), VNNI("pdpwusd"), VNNI("pdpwsud"), UD),
	[0xd3] = PFX(VNNI("pdpwuuds"), VNNI("pdpwusds"), VNNI("pdpwsuds"), UD),
	[0xd8] = PFX(UD, UD, REG(KL_WIDE("aesencwide128kl"), KL_WIDE("aesdecwide128kl"), KL_WIDE("aesencwide256kl"),
		     KL_WIDE("aesdecwide256kl"), UD, UD, UD, UD), UD),
	[0xda] = PFX(U2("sm3msg1", VOS | F_L0 | F_W0, Vdq, Wdq), U2("sm3msg2", VOS | F_L0 | F_W0, Vdq, Wdq),
		     VNNI("sm4key4"), VNNI("sm4rnds4")),
	[0xdb] = PFX(UD, U2("aesimc", V2 | F_L0, Vdq, Wdq), UD, UD),
	[0xdc] = PFX(UD, U2("aesenc", VS, Vx, Wx), MOD(KL("aesenc128kl"), U2("loadiwkey", F_SSE, Vdq, Udq, F(ABSENT))), UD),
	[0xdd] = PFX(UD, U2("aesenclast", VS, Vx, Wx), KL("aesdec128kl"), UD),
	[0xde] = PFX(UD, U2("aesdec", VS, Vx, Wx), KL("aesenc256kl"), UD),
	[0xdf] = PFX(UD, U2("aesdeclast", VS, Vx, Wx), KL("aesdec256kl"), UD),
	[0xe0] = CMPXADD("cmpoxadd"), [0xe1] = CMPXADD("cmpnoxadd"), [0xe2] = CMPXADD("cmpbxadd"),
	[0xe3] = CMPXADD("cmpaexadd"), [0xe4] = CMPXADD("cmpexadd"), [0xe5] = CMPXADD("cmpnexadd"),
	[0xe6] = CMPXADD("cmpbexadd"), [0xe7] = CMPXADD("cmpaxadd"), [0xe8] = CMPXADD("cmpsxadd"),
	[0xe9] = CMPXADD("cmpnsxadd"), [0xea] = CMPXADD("cmppxadd"), [0xeb] = CMPXADD("cmpnpxadd"),
	[0xec] = CMPXADD("cmplxadd"), [0xed] = CMPXADD("cmpgexadd"), [0xee] = CMPXADD("cmplexadd"),
	[0xef] = CMPXADD("cmpgxadd"),
	[0xf0] = PFX(I2("movbe", em_movbe, F_DST_W, Gv, Mv, F(MOVBE)), I2("movbe", em_movbe, F_DST_W, Gv, Mv, F(MOVBE)), UD,
		     I2("crc32b", em_crc32, 0, Gy, Eb, F(SSE42))),
	[0xf1] = PFX(I2("movbe", em_movbe, F_DST_W, Mv, Gv, F(MOVBE)), I2("movbe", em_movbe, F_DST_W, Mv, Gv, F(MOVBE)), UD,
		     I2("crc32", em_crc32, 0, Gy, Ev, F(SSE42))),
	[0xf2] = PFX(BMI3("andn", em_andn, F_DST_W, BMI1), UD, UD, UD),
	[0xf3] = REG(UD, BLS("blsr", 1), BLS("blsmsk", 2), BLS("blsi", 3), UD, UD, UD, UD),
	[0xf5] = PFX(BMIX("bzhi", em_bextr, BMI2, A(1)), U2("wruss", F_DIRTY, My, Gy),
		     BMI3("pext", em_pdep, F_DST_W, BMI2, A(1)), BMI3("pdep", em_pdep, F_DST_W, BMI2, A(0))),
	[0xf6] = PFX(U2("wrss", F_DIRTY, My, Gy), I2("adcx", em_adx, F_NO66, Gy, Ey, F(ADX), A(0)),
		     I2("adox", em_adx, 0, Gy, Ey, F(ADX), A(1)), BMI3("mulx", em_mulx, F_DST_W, BMI2)),
	[0xf7] = PFX(BMIX("bextr", em_bextr, BMI1, A(0)), BMIX("shlx", em_shiftx, BMI2, A(0)),
		     BMIX("sarx", em_shiftx, BMI2, A(2)), BMIX("shrx", em_shiftx, BMI2, A(1))),
	[0xf8] = PFX(UD, U2("movdir64b", F_DIRTY, Gq, M), U2("enqcmds", F_DIRTY, Gq, M), U2("enqcmd", F_DIRTY, Gq, M)),
	[0xf9] = PFX(I2("movdiri", em_mov, F_DST_W, My, Gy, F(MOVDIRI)), UD, UD, UD),
	[0xfa] = PFX(UD, UD, MOD(UD, U2("encodekey128", 0, Gd, Ed, F(ABSENT))), UD),
	[0xfb] = PFX(UD, UD, MOD(UD, U2("encodekey256", 0, Gd, Ed, F(ABSENT))), UD),
	[0xfc] = PFX(U2("aadd", 0, My, Gy), U2("aand", 0, My, Gy), U2("axor", 0, My, Gy), U2("aor", 0, My, Gy)),
};

#define IMM3(nm) PFX(UD, U3(nm, VS, Vx, Wx, Ib), UD, UD)
#define IMM2(nm) PFX(UD, U3(nm, V2, Vx, Wx, Ib), UD, UD)
#define FMA4(nm) PFX(UD, U4(nm, VOS, Vx, Wx, Lx, Ib), UD, UD)

const struct emul_desc emul_map_0f3a[256] = {
	[0x00] = PFX(UD, U3("permq", VO | F_L1, Vx, Wx, Ib), UD, UD),
	[0x01] = PFX(UD, U3("permpd", VO | F_L1, Vx, Wx, Ib), UD, UD),
	[0x02] = PFX(UD, U3("pblendd", VOS, Vx, Wx, Ib), UD, UD),
	[0x04] = PFX(UD, U3("permilps", VO, Vx, Wx, Ib), UD, UD),
	[0x05] = PFX(UD, U3("permilpd", VO, Vx, Wx, Ib), UD, UD),
	[0x06] = PFX(UD, U3("perm2f128", VOS | F_L1, Vx, Wx, Ib), UD, UD),
	[0x08] = IMM2("roundps"), [0x09] = IMM2("roundpd"),
	[0x0a] = PFX(UD, U3("roundss", VS, Vdq, Wd, Ib), UD, UD), [0x0b] = PFX(UD, U3("roundsd", VS, Vdq, Wq, Ib), UD, UD),
	[0x0c] = IMM3("blendps"), [0x0d] = IMM3("blendpd"), [0x0e] = IMM3("pblendw"),
	[0x0f] = PFX(U3("palignr", F_MMX, Pq, Qq, Ib), U3("palignr", VS, Vx, Wx, Ib), UD, UD),
	[0x14] = PFX(UD, I3("pextrb", em_vextract, V2 | F_L0 | F_DST_W, EdB, Vdq, Ib, F(SSE41), A(1)), UD, UD),
	[0x15] = PFX(UD, I3("pextrw", em_vextract, V2 | F_L0 | F_DST_W, EdW, Vdq, Ib, F(SSE41), A(2)), UD, UD),
	[0x16] = PFX(UD, I3("pextr#", em_vextract, V2 | F_L0 | F_DST_W | F_NO66, Ey, Vdq, Ib, F(SSE41), A(0)), UD, UD),
	[0x17] = PFX(UD, I3("extractps", em_vextract, V2 | F_L0 | F_DST_W, Ed, Vdq, Ib, F(SSE41), A(4)), UD, UD),
	[0x18] = PFX(UD, U3("insertf128", VOS | F_L1, Vx, Wdq, Ib), UD, UD),
	[0x19] = PFX(UD, I3("extractf128", em_vextract, VO | F_L1 | F_W0 | F_DST_W, Wdq, Vx, Ib, F(AVX), A(16)), UD, UD),
	[0x1d] = PFX(UD, U3("cvtps2ph", VO, Wh, Vx, Ib), UD, UD),
	[0x20] = PFX(UD, I3("pinsrb", em_vinsert, VS | F_L0, Vdq, EdB, Ib, F(SSE41), A(1)), UD, UD),
	[0x21] = PFX(UD, U3("insertps", VS | F_L0, Vdq, Wd, Ib), UD, UD),
	[0x22] = PFX(UD, I3("pinsr#", em_vinsert, VS | F_L0 | F_NO66, Vdq, Ey, Ib, F(SSE41), A(0)), UD, UD),
	[0x30] = PFX(UD, U3("kshiftrb", F_VEXONLY, Kg, Km, Ib), UD, UD), [0x31] = PFX(UD, U3("kshiftrd", F_VEXONLY, Kg, Km, Ib), UD, UD),
	[0x32] = PFX(UD, U3("kshiftlb", F_VEXONLY, Kg, Km, Ib), UD, UD), [0x33] = PFX(UD, U3("kshiftld", F_VEXONLY, Kg, Km, Ib), UD, UD),
	[0x38] = PFX(UD, U3("inserti128", VOS | F_L1, Vx, Wdq, Ib), UD, UD),
	[0x39] = PFX(UD, I3("extracti128", em_vextract, VO | F_L1 | F_W0 | F_DST_W, Wdq, Vx, Ib, F(AVX2), A(16)), UD, UD),
	[0x40] = IMM3("dpps"), [0x41] = PFX(UD, U3("dppd", VS | F_L0, Vx, Wx, Ib), UD, UD),
	[0x42] = IMM3("mpsadbw"), [0x44] = IMM3("pclmulqdq"),
	[0x46] = PFX(UD, U3("perm2i128", VOS | F_L1, Vx, Wx, Ib), UD, UD),
	[0x48] = FMA4("permil2ps"), [0x49] = FMA4("permil2pd"),
	[0x4a] = PFX(UD, U4("blendvps", VOS, Vx, Wx, Lx, Ib), UD, UD),
	[0x4b] = PFX(UD, U4("blendvpd", VOS, Vx, Wx, Lx, Ib), UD, UD),
	[0x4c] = PFX(UD, U4("pblendvb", VOS, Vx, Wx, Lx, Ib), UD, UD),
	[0x5c] = FMA4("fmaddsubps"), [0x5d] = FMA4("fmaddsubpd"), [0x5e] = FMA4("fmsubaddps"), [0x5f] = FMA4("fmsubaddpd"),
	[0x60] = PFX(UD, U3("pcmpestrm", V2 | F_L0, Vdq, Wdq, Ib), UD, UD),
	[0x61] = PFX(UD, U3("pcmpestri", V2 | F_L0, Vdq, Wdq, Ib), UD, UD),
	[0x62] = PFX(UD, U3("pcmpistrm", V2 | F_L0, Vdq, Wdq, Ib), UD, UD),
	[0x63] = PFX(UD, U3("pcmpistri", V2 | F_L0, Vdq, Wdq, Ib), UD, UD),
	[0x68] = FMA4("fmaddps"), [0x69] = FMA4("fmaddpd"), [0x6a] = FMA4("fmaddss"), [0x6b] = FMA4("fmaddsd"),
	[0x6c] = FMA4("fmsubps"), [0x6d] = FMA4("fmsubpd"), [0x6e] = FMA4("fmsubss"), [0x6f] = FMA4("fmsubsd"),
	[0x78] = FMA4("fnmaddps"), [0x79] = FMA4("fnmaddpd"), [0x7a] = FMA4("fnmaddss"), [0x7b] = FMA4("fnmaddsd"),
	[0x7c] = FMA4("fnmsubps"), [0x7d] = FMA4("fnmsubpd"), [0x7e] = FMA4("fnmsubss"), [0x7f] = FMA4("fnmsubsd"),
	[0xcc] = PFX(U3("sha1rnds4", F_SSE, Vdq, Wdq, Ib), UD, UD, UD),
	[0xce] = IMM3("gf2p8affineqb"), [0xcf] = IMM3("gf2p8affineinvqb"),
	[0xde] = PFX(UD, U3("sm3rnds2", VOS | F_L0 | F_W0, Vdq, Wdq, Ib), UD, UD),
	[0xdf] = PFX(UD, U3("aeskeygenassist", V2 | F_L0, Vdq, Wdq, Ib), UD, UD),
	[0xf0] = PFX(UD, UD, MOD(UD, REG(RM(U1("hreset", F_CPL0, Ib, F(ABSENT)), UD, UD, UD, UD, UD, UD, UD), UD, UD, UD, UD,
		     UD, UD, UD)), I3("rorx", em_shiftx, F_VEXONLY | F_L0 | F_DST_W, Gy, Ey, Ib, F(BMI2), A(3))),
};
