/* SPDX-License-Identifier: GPL-2.0-only */
/* How the instruction tables are written, and the functions they name. */
#ifndef KVM_X86_EMULATE_ROWS_H
#define KVM_X86_EMULATE_ROWS_H

#include "insn.h"

/* clang-format off */

/* I0…I4: an instruction with that many operands.  U0…U4: one that is decoded and printed but not emulated. */
#define I0(nm, fn, fl, ...) \
	{ .exec = fn, .name = nm, .need = ((fl) & F_MODRM) ? N_MODRM : 0, .flags = fl, .row = ROW_INSN, \
	  ##__VA_ARGS__ }
#define FIRST_IMM(in_a, in_b, in_c, in_d, a, b, c, d) \
	((NEED_OF_##a & N_IMMS) ? in_a : (NEED_OF_##b & N_IMMS) ? in_b : (NEED_OF_##c & N_IMMS) ? in_c : in_d)
#define NEEDS(a, b, c, d) NEED_OF_##a | NEED_OF_##b | NEED_OF_##c | NEED_OF_##d, \
	.imm = FIRST_IMM(0, 1, 2, 3, a, b, c, d), \
	.imm_kind = FIRST_IMM(KIND_OF_##a, KIND_OF_##b, KIND_OF_##c, KIND_OF_##d, a, b, c, d), \
	.imm_size = FIRST_IMM(IMM_SIZE_OF_##a, IMM_SIZE_OF_##b, IMM_SIZE_OF_##c, IMM_SIZE_OF_##d, a, b, c, d)
#define I1(nm, fn, fl, a, ...) \
	{ .exec = fn, .name = nm, .op = { O_##a }, .need = (((fl) & F_MODRM) ? N_MODRM : 0) | NEEDS(a, NONE, NONE, NONE), \
	  .flags = fl, \
	  .row = ROW_INSN, ##__VA_ARGS__ }
#define I2(nm, fn, fl, a, b, ...) \
	{ .exec = fn, .name = nm, .op = { O_##a, O_##b }, .need = NEEDS(a, b, NONE, NONE), .flags = fl, \
	  .row = ROW_INSN, ##__VA_ARGS__ }
#define I3(nm, fn, fl, a, b, c, ...) \
	{ .exec = fn, .name = nm, .op = { O_##a, O_##b, O_##c }, .need = NEEDS(a, b, c, NONE), .flags = fl, \
	  .row = ROW_INSN, ##__VA_ARGS__ }
#define I4(nm, fn, fl, a, b, c, d, ...) \
	{ .exec = fn, .name = nm, .op = { O_##a, O_##b, O_##c, O_##d }, .need = NEEDS(a, b, c, d), .flags = fl, \
	  .row = ROW_INSN, ##__VA_ARGS__ }
#define U0(nm, fl, ...) I0(nm, NULL, fl, ##__VA_ARGS__)
#define U1(nm, fl, a, ...) I1(nm, NULL, fl, a, ##__VA_ARGS__)
#define U2(nm, fl, a, b, ...) I2(nm, NULL, fl, a, b, ##__VA_ARGS__)
#define U3(nm, fl, a, b, c, ...) I3(nm, NULL, fl, a, b, c, ##__VA_ARGS__)
#define U4(nm, fl, a, b, c, d, ...) I4(nm, NULL, fl, a, b, c, d, ##__VA_ARGS__)
#define UD { .row = ROW_UNDEF }

#define TAB(kind, n, ...) { .row = kind, .sub = (const struct emul_desc[n]){ __VA_ARGS__ } }
#define REG(...) TAB(ROW_REG, 8, __VA_ARGS__)
#define RM(...) TAB(ROW_RM, 8, __VA_ARGS__)
#define MOD(mem, reg) TAB(ROW_MOD, 2, mem, reg)
#define PFX(none, p66, pf3, pf2) TAB(ROW_PFX, 4, none, p66, pf3, pf2)
#define MODE(legacy, x64) TAB(ROW_MODE, 2, legacy, x64)
#define VEX(legacy, vex) TAB(ROW_VEX, 2, legacy, vex)
#define BYW(w0, w1) TAB(ROW_W, 2, w0, w1)

#define F(f) .feature = EMUL_F_##f
#define A(n) .aux = (n)

/* clang-format on */

#define EXEC(name) enum emul_result name(struct emul_ctxt *c)

/* move.c */
EXEC(em_lea);
EXEC(em_xchg);
EXEC(em_cmov);
EXEC(em_setcc);
EXEC(em_bswap);
EXEC(em_movbe);
EXEC(em_xlat);
EXEC(em_cbw);
EXEC(em_cwd);
EXEC(em_lahf);
EXEC(em_sahf);
EXEC(em_nop);
EXEC(em_nop_mem);
EXEC(em_salc);
EXEC(em_flag);
EXEC(em_ud);

/* alu.c */
EXEC(em_alu);
EXEC(em_incdec);
EXEC(em_not);
EXEC(em_neg);
EXEC(em_test);
EXEC(em_cmpxchg);
EXEC(em_cmpxchg8b);
EXEC(em_xadd);
EXEC(em_adx);

/* shift.c */
EXEC(em_shift);
EXEC(em_shld);

/* bits.c */
EXEC(em_bt);
EXEC(em_bsf);
EXEC(em_count);
EXEC(em_crc32);
EXEC(em_andn);
EXEC(em_bls);
EXEC(em_bextr);
EXEC(em_pdep);
EXEC(em_shiftx);
EXEC(em_mulx);

/* muldiv.c */
EXEC(em_mul);
EXEC(em_imul);
EXEC(em_div);
EXEC(em_aam);
EXEC(em_aad);
EXEC(em_daa);
EXEC(em_aaa);

/* string.c */
EXEC(em_movs);
EXEC(em_cmps);
EXEC(em_stos);
EXEC(em_lods);
EXEC(em_scas);
EXEC(em_ins);
EXEC(em_outs);

/* io.c */
EXEC(em_in);
EXEC(em_out);
EXEC(em_cli);
EXEC(em_sti);

/* stack.c */
EXEC(em_push_op);
EXEC(em_pop_op);
EXEC(em_pusha);
EXEC(em_popa);
EXEC(em_pushf);
EXEC(em_popf);
EXEC(em_enter);
EXEC(em_leave);
EXEC(em_push_sreg);
EXEC(em_pop_sreg);

/* flow.c */
EXEC(em_jcc);
EXEC(em_jmp);
EXEC(em_call);
EXEC(em_ret);
EXEC(em_loop);
EXEC(em_jcxz);
EXEC(em_bound);

/* far.c, int.c */
EXEC(em_jmp_far);
EXEC(em_call_far);
EXEC(em_ret_far);
EXEC(em_iret);
EXEC(em_int);
EXEC(em_into);

/* segment.c */
EXEC(em_mov_to_sreg);
EXEC(em_mov_from_sreg);
EXEC(em_load_far_ptr);
EXEC(em_lar);
EXEC(em_lsl);
EXEC(em_verr);
EXEC(em_arpl);
EXEC(em_sldt);
EXEC(em_lldt);
EXEC(em_ltr);

/* system.c */
EXEC(em_mov_cr);
EXEC(em_mov_dr);
EXEC(em_sgdt);
EXEC(em_lgdt);
EXEC(em_smsw);
EXEC(em_lmsw);
EXEC(em_clts);
EXEC(em_invlpg);
EXEC(em_invpcid);
EXEC(em_wbinvd);
EXEC(em_hlt);
EXEC(em_msr);
EXEC(em_rdtsc);
EXEC(em_rdpmc);
EXEC(em_rdpid);
EXEC(em_cpuid);
EXEC(em_xcr);
EXEC(em_pkru);
EXEC(em_hypercall);
EXEC(em_clac);
EXEC(em_rsm);
EXEC(em_clflush);

/* syscall.c */
EXEC(em_syscall);
EXEC(em_sysret);
EXEC(em_sysenter);
EXEC(em_sysexit);
EXEC(em_swapgs);
EXEC(em_fsgsbase);

/* sse.c */
EXEC(em_vmov);
EXEC(em_vmov_half);
EXEC(em_vmov_scalar);
EXEC(em_vmov_gpr);
EXEC(em_vdup);
EXEC(em_vextract);
EXEC(em_vinsert);
EXEC(em_vbroadcast);
EXEC(em_vmaskmov);
EXEC(em_maskmov);
EXEC(em_movmsk);
EXEC(em_mmx_mov);
EXEC(em_mmx_gpr);
EXEC(em_movq2dq);
EXEC(em_mxcsr);
EXEC(em_fxsave);
EXEC(em_fxrstor);
EXEC(em_emms);

/* x87.c */
EXEC(em_fld);
EXEC(em_fst);
EXEC(em_fild);
EXEC(em_fist);
EXEC(em_fldcw);
EXEC(em_fnstcw);
EXEC(em_fnstsw);
EXEC(em_fninit);
EXEC(em_fnop);
EXEC(em_fwait);

#undef EXEC

#endif /* KVM_X86_EMULATE_ROWS_H */
