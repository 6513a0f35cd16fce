// SPDX-License-Identifier: GPL-2.0-only
/* SYSCALL, SYSENTER and their returns; SWAPGS and the FS/GS base instructions.  APM vol. 2, 6.1; SDM vol. 3A, 5.8.7. */
#include "segment.h"

#define CODE_FLAT \
	(EMUL_SEG_P | EMUL_SEG_S | EMUL_SEG_CODE | EMUL_SEG_RW | EMUL_SEG_ACCESSED | EMUL_SEG_G)
#define DATA_FLAT \
	(EMUL_SEG_P | EMUL_SEG_S | EMUL_SEG_RW | EMUL_SEG_ACCESSED | EMUL_SEG_G | EMUL_SEG_DB)
#define SYSRET_FLAGS \
	(FL_ARITH | FL_TF | FL_IF | FL_DF | FL_IOPL | FL_NT | FL_AC | FL_VIF | FL_VIP | FL_ID)

/* CS and SS as these instructions load them, without looking at descriptors. */
static void load_flat(struct emul_ctxt *c, u16 cs, u16 ss, unsigned int cpl, bool x64)
{
	struct emul_seg seg = { .limit = 0xffffffff };

	seg.selector = cs;
	seg.attr = CODE_FLAT | (x64 ? EMUL_SEG_L : EMUL_SEG_DB) | (cpl << EMUL_SEG_DPL_SHIFT);
	em_set_seg(c, EMUL_CS, &seg);
	seg.selector = ss;
	seg.attr = DATA_FLAT | (cpl << EMUL_SEG_DPL_SHIFT);
	em_set_seg(c, EMUL_SS, &seg);
	c->cpl = cpl;
}

static u64 msr(struct emul_ctxt *c, u32 index)
{
	u64 val = 0;

	return c->ops->get_msr(c, index, &val) == EMUL_DONE ? val : 0;
}

enum emul_result em_syscall(struct emul_ctxt *c)
{
	bool lma = em_lma(c), x64 = em_long(c);
	u64 star, rip;

	if (!em_prot(c) || (em_has(c, EMUL_F_INTEL) && !x64) || !(msr(c, EM_MSR_EFER) & EFER_SCE))
		return emul_raise_ud(c);
	star = msr(c, EM_MSR_STAR);
	if (lma) {
		rip = msr(c, x64 ? EM_MSR_LSTAR : EM_MSR_CSTAR);
		c->gpr[EMUL_RCX] = c->next_rip;
		c->gpr[11] = c->rflags & ~FL_RF;
		c->rflags &= ~(msr(c, EM_MSR_SYSCALL_MASK) | FL_RF);
		c->rflags |= FL_FIXED;
	} else {
		rip = (u32)star;
		c->gpr[EMUL_RCX] = (u32)c->next_rip;
		c->rflags &= ~(FL_VM | FL_IF | FL_RF);
	}
	load_flat(c, (star >> 32) & 0xfffc, ((star >> 32) & 0xfffc) + 8, 0, lma);
	c->next_rip = rip;
	c->late_tf = true;
	return EMUL_DONE;
}

enum emul_result em_sysret(struct emul_ctxt *c)
{
	bool lma = em_lma(c), to64 = em_long(c) && c->insn.op_bytes == 8;
	u64 rip = c->gpr[EMUL_RCX];
	u16 sel;

	if (!em_prot(c) || (em_has(c, EMUL_F_INTEL) && !em_long(c)) ||
	    !(msr(c, EM_MSR_EFER) & EFER_SCE))
		return emul_raise_ud(c);
	if (c->cpl)
		return emul_raise_gp(c, 0);
	/* AMD's processors load any address, and fault where it leads: in user mode. */
	if (!to64)
		rip = (u32)rip;
	else if (em_has(c, EMUL_F_INTEL) && !em_canonical(c, rip))
		return emul_raise_gp(c, 0);
	sel = msr(c, EM_MSR_STAR) >> 48;
	if (lma) {
		c->rflags = (c->gpr[11] & SYSRET_FLAGS) | FL_FIXED;
		c->keep_rf = true;
		c->late_tf = true;
	} else {
		c->rflags |= FL_IF;
	}
	load_flat(c, (to64 ? sel + 16 : sel) | 3, (sel + 8) | 3, 3, to64);
	c->next_rip = rip;
	return EMUL_DONE;
}

/* AMD's processors have SYSENTER and SYSEXIT in legacy mode only. */
static enum emul_result sysenter_ok(struct emul_ctxt *c, u64 *cs)
{
	if (!em_has(c, EMUL_F_INTEL) && em_lma(c))
		return emul_raise_ud(c);
	*cs = msr(c, EM_MSR_SYSENTER_CS);
	if (c->mode == EMUL_MODE_REAL || !(*cs & 0xfffc))
		return emul_raise_gp(c, 0);
	return EMUL_DONE;
}

enum emul_result em_sysenter(struct emul_ctxt *c)
{
	bool lma = em_lma(c);
	u64 cs, rip, rsp;

	TRY(sysenter_ok(c, &cs));
	cs &= 0xfffc;
	rip = msr(c, EM_MSR_SYSENTER_EIP);
	rsp = msr(c, EM_MSR_SYSENTER_ESP);
	c->rflags &= ~(FL_VM | FL_IF | FL_RF);
	load_flat(c, cs, cs + 8, 0, lma);
	c->gpr[EMUL_RSP] = lma ? rsp : (u32)rsp;
	c->next_rip = lma ? rip : (u32)rip;
	return EMUL_DONE;
}

enum emul_result em_sysexit(struct emul_ctxt *c)
{
	bool to64 = em_long(c) && c->insn.op_bytes == 8;
	u64 cs, rip = c->gpr[EMUL_RDX], rsp = c->gpr[EMUL_RCX];

	TRY(sysenter_ok(c, &cs));
	if (c->cpl)
		return emul_raise_gp(c, 0);
	if (to64 && (!em_canonical(c, rip) || !em_canonical(c, rsp)))
		return emul_raise_gp(c, 0);
	cs = (cs & 0xfffc) + (to64 ? 32 : 16);
	load_flat(c, cs | 3, (cs + 8) | 3, 3, to64);
	c->gpr[EMUL_RSP] = to64 ? rsp : (u32)rsp;
	c->next_rip = to64 ? rip : (u32)rip;
	return EMUL_DONE;
}

enum emul_result em_swapgs(struct emul_ctxt *c)
{
	u64 gs = msr(c, EM_MSR_GS_BASE), kernel_gs = msr(c, EM_MSR_KERNEL_GS_BASE);

	TRY(c->ops->set_msr(c, EM_MSR_GS_BASE, kernel_gs));
	return c->ops->set_msr(c, EM_MSR_KERNEL_GS_BASE, gs);
}

/* RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE */
enum emul_result em_fsgsbase(struct emul_ctxt *c)
{
	unsigned int aux = c->insn.desc->aux;
	u64 val;

	if (!(c->ops->get_cr(c, 4) & CR4_FSGSBASE))
		return emul_raise_ud(c);
	if (aux < 2)
		return em_put(c, 0, em_seg(c, EMUL_FS + aux)->base);
	TRY(em_get(c, 0, &val));
	if (!em_canonical_base(c, val))
		return emul_raise_gp(c, 0);
	c->seg_valid &= ~BIT(EMUL_FS + (aux & 1));
	return c->ops->set_msr(c, (aux & 1) ? EM_MSR_GS_BASE : EM_MSR_FS_BASE, val);
}
