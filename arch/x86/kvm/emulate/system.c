// SPDX-License-Identifier: GPL-2.0-only
/* System instructions: control and debug registers, descriptor table registers, MSRs, TLB and caches.  APM vol. 3, ch. 4. */
#include "rows.h"

#define DR7_GD BIT_ULL(13)
#define DR6_BD BIT_ULL(13)

/* MOV to (aux 1) and from control registers */
enum emul_result em_mov_cr(struct emul_ctxt *c)
{
	unsigned int nr = c->insn.reg;
	u64 val;

	if (!c->insn.desc->aux)
		return em_put(c, 0, c->ops->get_cr(c, nr));
	TRY(em_get(c, 1, &val));
	return c->ops->set_cr(c, nr, val);
}

/* MOV to (aux 1) and from debug registers */
enum emul_result em_mov_dr(struct emul_ctxt *c)
{
	unsigned int nr = c->insn.reg;
	u64 val;

	if (nr == 4 || nr == 5) {
		if (c->ops->get_cr(c, 4) & CR4_DE)
			return emul_raise_ud(c);
		nr += 2;
	}
	if (c->ops->get_dr(c, 7) & DR7_GD) {
		c->fault.addr = DR6_BD;
		return emul_raise(c, EMUL_DB, false, 0);
	}
	if (!c->insn.desc->aux)
		return em_put(c, 0, c->ops->get_dr(c, nr));
	TRY(em_get(c, 1, &val));
	return c->ops->set_dr(c, nr, val);
}

/* SGDT, SIDT, SLDT, STR, SMSW outside CPL 0 */
static enum emul_result umip(struct emul_ctxt *c)
{
	if (c->cpl && (c->ops->get_cr(c, 4) & CR4_UMIP))
		return emul_raise_gp(c, 0);
	return EMUL_DONE;
}

/* SGDT, SIDT (aux 1) */
enum emul_result em_sgdt(struct emul_ctxt *c)
{
	unsigned int len = em_opsize(c, 0);
	struct emul_dtr dtr;
	u8 img[10];

	TRY(umip(c));
	if (c->insn.desc->aux)
		c->ops->get_idtr(c, &dtr);
	else
		c->ops->get_gdtr(c, &dtr);
	memcpy(img, &dtr.limit, 2);
	memcpy(img + 2, &dtr.base, 8);
	return em_write_seg(c, c->insn.seg, em_ea(c), img, len);
}

/* LGDT, LIDT (aux 1) */
enum emul_result em_lgdt(struct emul_ctxt *c)
{
	unsigned int len = em_opsize(c, 0);
	struct emul_dtr dtr = {};
	u8 img[10];

	TRY(em_read_seg(c, c->insn.seg, em_ea(c), img, len));
	memcpy(&dtr.limit, img, 2);
	memcpy(&dtr.base, img + 2, len - 2);
	if (!em_long(c) && c->insn.op_bytes == 2)
		dtr.base &= 0xffffff;
	if (em_long(c) && !em_canonical_base(c, dtr.base))
		return emul_raise_gp(c, 0);
	if (c->insn.desc->aux)
		c->ops->set_idtr(c, &dtr);
	else
		c->ops->set_gdtr(c, &dtr);
	return EMUL_DONE;
}

enum emul_result em_smsw(struct emul_ctxt *c)
{
	TRY(umip(c));
	return em_put(c, 0, c->ops->get_cr(c, 0));
}

/* LMSW cannot clear PE. */
enum emul_result em_lmsw(struct emul_ctxt *c)
{
	u64 cr0, val;

	TRY(em_get(c, 0, &val));
	cr0 = c->ops->get_cr(c, 0);
	cr0 = (cr0 & ~(CR0_MP | CR0_EM | CR0_TS)) | (val & (CR0_PE | CR0_MP | CR0_EM | CR0_TS));
	return c->ops->set_cr(c, 0, cr0);
}

enum emul_result em_clts(struct emul_ctxt *c)
{
	return c->ops->set_cr(c, 0, c->ops->get_cr(c, 0) & ~CR0_TS);
}

enum emul_result em_invlpg(struct emul_ctxt *c)
{
	u64 lin;

	TRY(em_linear(c, c->insn.seg, em_ea(c), 0, 0, &lin));
	return c->ops->invlpg(c, lin);
}

enum emul_result em_invpcid(struct emul_ctxt *c)
{
	u64 type, desc[2];

	if (!c->ops->invpcid)
		return EMUL_UNHANDLED;
	if (c->mode == EMUL_MODE_VM86)
		return emul_raise_gp(c, 0);
	TRY(em_get(c, 0, &type));
	TRY(em_read_seg(c, c->insn.seg, em_ea(c), desc, 16));
	return c->ops->invpcid(c, type, desc);
}

/* WBINVD, WBNOINVD, INVD */
enum emul_result em_wbinvd(struct emul_ctxt *c)
{
	return c->ops->wbinvd(c);
}

enum emul_result em_hlt(struct emul_ctxt *c)
{
	return c->ops->halt(c);
}

/* RDMSR, WRMSR (aux 1) */
enum emul_result em_msr(struct emul_ctxt *c)
{
	u32 index = c->gpr[EMUL_RCX];
	u64 val;

	if (c->insn.desc->aux) {
		val = (u32)c->gpr[EMUL_RAX] | (c->gpr[EMUL_RDX] << 32);
		return c->ops->set_msr(c, index, val);
	}
	TRY(c->ops->get_msr(c, index, &val));
	c->gpr[EMUL_RAX] = (u32)val;
	c->gpr[EMUL_RDX] = val >> 32;
	return EMUL_DONE;
}

/* RDTSC, RDTSCP (aux 1) */
enum emul_result em_rdtsc(struct emul_ctxt *c)
{
	u64 tsc, tsc_aux = 0;

	if (c->cpl && (c->ops->get_cr(c, 4) & CR4_TSD))
		return emul_raise_gp(c, 0);
	if (c->insn.desc->aux) {
		TRY(c->ops->get_msr(c, EM_MSR_TSC_AUX, &tsc_aux));
		c->gpr[EMUL_RCX] = (u32)tsc_aux;
	}
	tsc = c->ops->rdtsc(c);
	c->gpr[EMUL_RAX] = (u32)tsc;
	c->gpr[EMUL_RDX] = tsc >> 32;
	return EMUL_DONE;
}

enum emul_result em_rdpmc(struct emul_ctxt *c)
{
	u64 val;

	if (!c->ops->rdpmc)
		return EMUL_UNHANDLED;
	if (c->cpl && !(c->ops->get_cr(c, 4) & CR4_PCE))
		return emul_raise_gp(c, 0);
	TRY(c->ops->rdpmc(c, c->gpr[EMUL_RCX], &val));
	c->gpr[EMUL_RAX] = (u32)val;
	c->gpr[EMUL_RDX] = val >> 32;
	return EMUL_DONE;
}

enum emul_result em_rdpid(struct emul_ctxt *c)
{
	u64 val = 0;

	TRY(c->ops->get_msr(c, EM_MSR_TSC_AUX, &val));
	return em_put(c, 0, val);
}

enum emul_result em_cpuid(struct emul_ctxt *c)
{
	u32 eax = c->gpr[EMUL_RAX], ebx = c->gpr[EMUL_RBX], ecx = c->gpr[EMUL_RCX],
	    edx = c->gpr[EMUL_RDX];

	TRY(c->ops->cpuid(c, &eax, &ebx, &ecx, &edx));
	c->gpr[EMUL_RAX] = eax;
	c->gpr[EMUL_RBX] = ebx;
	c->gpr[EMUL_RCX] = ecx;
	c->gpr[EMUL_RDX] = edx;
	return EMUL_DONE;
}

/* XGETBV, XSETBV (aux 1) */
enum emul_result em_xcr(struct emul_ctxt *c)
{
	u32 index = c->gpr[EMUL_RCX];
	u64 val;

	if (!(c->ops->get_cr(c, 4) & CR4_OSXSAVE))
		return emul_raise_ud(c);
	if (!c->ops->get_xcr || !c->ops->set_xcr)
		return EMUL_UNHANDLED;
	if (c->insn.desc->aux) {
		if (c->cpl)
			return emul_raise_gp(c, 0);
		val = (u32)c->gpr[EMUL_RAX] | (c->gpr[EMUL_RDX] << 32);
		return c->ops->set_xcr(c, index, val);
	}
	TRY(c->ops->get_xcr(c, index, &val));
	c->gpr[EMUL_RAX] = (u32)val;
	c->gpr[EMUL_RDX] = val >> 32;
	return EMUL_DONE;
}

/* RDPKRU, WRPKRU (aux 1) */
enum emul_result em_pkru(struct emul_ctxt *c)
{
	if (!(c->ops->get_cr(c, 4) & CR4_PKE))
		return emul_raise_ud(c);
	if (!c->ops->get_pkru || !c->ops->set_pkru)
		return EMUL_UNHANDLED;
	if ((u32)c->gpr[EMUL_RCX] || (c->insn.desc->aux && (u32)c->gpr[EMUL_RDX]))
		return emul_raise_gp(c, 0);
	if (c->insn.desc->aux) {
		c->ops->set_pkru(c, c->gpr[EMUL_RAX]);
		return EMUL_DONE;
	}
	c->gpr[EMUL_RAX] = c->ops->get_pkru(c);
	c->gpr[EMUL_RDX] = 0;
	return EMUL_DONE;
}

/* VMCALL, VMMCALL */
enum emul_result em_hypercall(struct emul_ctxt *c)
{
	enum emul_result res = EMUL_UNHANDLED;

	if (c->ops->hypercall)
		res = c->ops->hypercall(c);
	return res == EMUL_UNHANDLED ? emul_raise_ud(c) : res;
}

/* CLAC, STAC (aux 1) */
enum emul_result em_clac(struct emul_ctxt *c)
{
	if (c->cpl || c->mode == EMUL_MODE_VM86)
		return emul_raise_ud(c);
	em_set_flags(c, FL_AC, c->insn.desc->aux ? FL_AC : 0);
	return EMUL_DONE;
}

enum emul_result em_rsm(struct emul_ctxt *c)
{
	if (!c->smm)
		return emul_raise_ud(c);
	if (!c->ops->leave_smm)
		return EMUL_UNHANDLED;
	TRY(c->ops->leave_smm(c));
	/* Everything is new, rip and RFLAGS included. */
	c->next_rip = c->rip;
	c->keep_rf = true;
	c->quiet = true;
	return EMUL_DONE;
}

/* CLFLUSH, CLFLUSHOPT, CLWB: memory is coherent; they can fault as a read of a byte does. */
enum emul_result em_clflush(struct emul_ctxt *c)
{
	u64 lin;

	TRY(em_linear(c, c->insn.seg, em_ea(c), 1, 0, &lin));
	return c->ops->probe(c, lin, 1, 0);
}
