// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the pure emulator asks of its vCPU: guest memory and ports, segments, control and model-specific registers.
 */
#include <linux/mm.h>
#include <asm/msr.h>

#include "clock.h"
#include "cpuid.h"
#include "debug.h"
#include "emul.h"
#include "io_x86.h"
#include "mmu/mmu.h"
#include "msr.h"
#include "regs.h"
#include "run.h"
#include "trace_x86.h"
#include "xsave.h"

/* ---------------------------------------------------------------- memory */

static enum emul_result raise_walk_fault(struct emul_ctxt *ctxt, const struct kvm_walk_fault *f)
{
	if (f->vector == EMUL_PF)
		return emul_raise_pf(ctxt, f->cr2, f->error_code);
	return emul_raise(ctxt, f->vector, true, f->error_code);
}

static u64 walk_access(const struct emul_ctxt *ctxt, unsigned int acc)
{
	u64 access = 0;

	if (ctxt->cpl == 3 && !(acc & EMUL_A_SYSTEM))
		access |= KVM_PF_USER;
	if (acc & EMUL_A_WRITE)
		access |= KVM_PF_WRITE;
	if (acc & EMUL_A_FETCH)
		access |= KVM_PF_FETCH;
	if (acc & EMUL_A_SYSTEM)
		access |= KVM_PF_IMPLICIT;
	return access;
}

/* The one or two pages of an access; both are translated before anything is done to either. */
static enum emul_result translate(struct kvm_emul *e, u64 lin, unsigned int len, unsigned int acc,
				  struct kvm_mmio_fragment frags[2], unsigned int *nr)
{
	struct kvm_walk_fault fault;
	unsigned int done = 0, n;
	u64 mask = is_long_mode(e->vcpu) ? ~0ULL : 0xffffffff;

	for (*nr = 0; done < len; (*nr)++, done += n) {
		n = min_t(unsigned int, len - done, PAGE_SIZE - offset_in_page(lin + done));
		frags[*nr].gpa = kvm_gva_to_gpa(e->vcpu, (lin + done) & mask,
						walk_access(&e->ctxt, acc), &fault);
		if (frags[*nr].gpa == INVALID_GPA)
			return raise_walk_fault(&e->ctxt, &fault);
		frags[*nr].off = done;
		frags[*nr].len = n;
	}
	return EMUL_DONE;
}

static enum emul_result op_fetch(struct emul_ctxt *ctxt, u64 lin, void *buf, unsigned int len)
{
	struct kvm_emul *e = to_emul(ctxt);
	struct kvm_walk_fault fault;
	gpa_t gpa;

	if (e->atomic)
		return EMUL_UNHANDLED;
	gpa = kvm_gva_to_gpa(e->vcpu, lin, walk_access(ctxt, EMUL_A_FETCH), &fault);
	if (gpa == INVALID_GPA)
		return raise_walk_fault(ctxt, &fault);
	return kvm_vcpu_read_guest(e->vcpu, gpa, buf, len) ? EMUL_UNHANDLED : EMUL_DONE;
}

/* Memory has refused pieces of an access; they are in e->access. */
static enum emul_result ask_devices(struct kvm_emul *e);

static int complete_mmio(struct kvm_vcpu *vcpu)
{
	struct kvm_emul *e = vcpu->arch.io.emul;

	if (!kvm_emul_resume(e))
		return KVM_AGAIN;
	if (!kvm_mmio_answer(vcpu, &e->access)) {
		e->suspended = true;
		vcpu->arch.io.complete = complete_mmio;
		return KVM_TO_USER;
	}
	e->access.answered = true;
	return kvm_emulate_instruction(vcpu, KVM_EMUL_NO_DECODE, 0, NULL, 0);
}

static enum emul_result ask_devices(struct kvm_emul *e)
{
	e->access.frag = 0;
	if (kvm_mmio_advance(e->vcpu, &e->access))
		return EMUL_DONE;
	e->vcpu->arch.io.complete = complete_mmio;
	return EMUL_NEED_IO;
}

/* The memory behind an aligned access of 1, 2, 4 or 8 bytes, which is to be made in one go; NULL: it is none of these. */
static void __user *whole(struct kvm_vcpu *vcpu, gpa_t gpa, unsigned int len,
			  struct kvm_memslot **slot)
{
	if (len > 8 || !is_power_of_2(len) || gpa & (len - 1))
		return NULL;
	*slot = kvm_vcpu_gfn_to_slot(vcpu, gpa_to_gfn(gpa));
	if (!*slot)
		return NULL;
	return (void __user *)(kvm_slot_hva(*slot, gpa_to_gfn(gpa)) + offset_in_page(gpa));
}

#define GET_WHOLE(type)                               \
	({                                            \
		type _v;                              \
		r = get_user(_v, (type __user *)ptr); \
		if (!r)                               \
			memcpy(buf, &_v, sizeof(_v)); \
	})

static int read_memory(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len)
{
	struct kvm_memslot *slot;
	void __user *ptr = whole(vcpu, gpa, len, &slot);
	int r;

	if (!ptr)
		return kvm_vcpu_read_guest(vcpu, gpa, buf, len);
	switch (len) {
	case 1:
		GET_WHOLE(u8);
		break;
	case 2:
		GET_WHOLE(u16);
		break;
	case 4:
		GET_WHOLE(u32);
		break;
	default:
		GET_WHOLE(u64);
	}
	return r;
}

static int write_memory(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, unsigned int len)
{
	struct kvm_memslot *slot;
	void __user *ptr = whole(vcpu, gpa, len, &slot);
	u64 val = 0;
	int r;

	if (!ptr || slot->flags & KVM_MEM_READONLY)
		return kvm_vcpu_write_guest(vcpu, gpa, buf, len);
	memcpy(&val, buf, len);
	switch (len) {
	case 1:
		r = put_user((u8)val, (u8 __user *)ptr);
		break;
	case 2:
		r = put_user((u16)val, (u16 __user *)ptr);
		break;
	case 4:
		r = put_user((u32)val, (u32 __user *)ptr);
		break;
	default:
		r = put_user(val, (u64 __user *)ptr);
	}
	if (!r)
		kvm_mark_page_dirty(vcpu->kvm, slot, gpa_to_gfn(gpa));
	return r;
}

static enum emul_result op_read(struct emul_ctxt *ctxt, u64 lin, void *buf, unsigned int len,
				unsigned int acc)
{
	struct kvm_emul *e = to_emul(ctxt);
	struct kvm_access *a = &e->access;
	struct kvm_mmio_fragment frags[2];
	unsigned int nr, i;

	if (unlikely(a->answered)) {
		a->answered = false;
		memcpy(buf, a->data, len);
		return EMUL_DONE;
	}
	if (translate(e, lin, len, acc, frags, &nr) != EMUL_DONE)
		return EMUL_FAULT;
	a->nr_frags = 0;
	for (i = 0; i < nr; i++) {
		if (read_memory(e->vcpu, frags[i].gpa, a->data + frags[i].off, frags[i].len))
			a->frags[a->nr_frags++] = frags[i];
	}
	a->write = false;
	if (a->nr_frags && ask_devices(e) != EMUL_DONE)
		return EMUL_NEED_IO;
	memcpy(buf, a->data, len);
	return EMUL_DONE;
}

static enum emul_result op_write(struct emul_ctxt *ctxt, u64 lin, const void *buf, unsigned int len,
				 unsigned int acc)
{
	struct kvm_emul *e = to_emul(ctxt);
	struct kvm_access *a = &e->access;
	struct kvm_mmio_fragment frags[2];
	unsigned int nr, i;

	if (unlikely(a->answered)) {
		a->answered = false;
		return EMUL_DONE;
	}
	if (translate(e, lin, len, acc | EMUL_A_WRITE, frags, &nr) != EMUL_DONE)
		return EMUL_FAULT;
	memcpy(a->data, buf, len);
	a->nr_frags = 0;
	for (i = 0; i < nr; i++) {
		if (write_memory(e->vcpu, frags[i].gpa, a->data + frags[i].off, frags[i].len))
			a->frags[a->nr_frags++] = frags[i];
	}
	a->write = true;
	return a->nr_frags ? ask_devices(e) : EMUL_DONE;
}

static enum emul_result op_cmpxchg(struct emul_ctxt *ctxt, u64 lin, const void *old,
				   const void *new, unsigned int len, unsigned int acc)
{
	struct kvm_emul *e = to_emul(ctxt);
	struct kvm_mmio_fragment frags[2];
	unsigned int nr;
	u8 found[16];

	/* What cannot be atomic, a split access or one to a device, is a write. */
	if (e->access.answered || lin & (len - 1))
		return op_write(ctxt, lin, new, len, acc);
	if (translate(e, lin, len, acc | EMUL_A_WRITE, frags, &nr) != EMUL_DONE)
		return EMUL_FAULT;
	memcpy(found, old, len);
	switch (kvm_vcpu_cmpxchg_guest(e->vcpu, frags[0].gpa, found, new, len)) {
	case 0:
		return EMUL_DONE;
	case 1:
		return EMUL_RETRY;
	default:
		return op_write(ctxt, lin, new, len, acc);
	}
}

static enum emul_result op_probe(struct emul_ctxt *ctxt, u64 lin, unsigned int len,
				 unsigned int acc)
{
	struct kvm_mmio_fragment frags[2];
	unsigned int nr;

	return translate(to_emul(ctxt), lin, len, acc, frags, &nr);
}

static unsigned int bulk(struct emul_ctxt *ctxt, u64 lin, void *buf, unsigned int len,
			 unsigned int unit, bool write)
{
	struct kvm_emul *e = to_emul(ctxt);
	gpa_t gpa;
	int r;

	len = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(lin));
	len -= len % unit;
	if (!len || e->access.answered)
		return 0;
	gpa = kvm_gva_to_gpa(e->vcpu, lin, walk_access(ctxt, write ? EMUL_A_WRITE : 0), NULL);
	if (gpa == INVALID_GPA)
		return 0;
	if (!buf) /* would it work? */
		return kvm_is_visible_gfn(e->vcpu, gpa_to_gfn(gpa)) ? len : 0;
	if (write)
		r = kvm_vcpu_write_guest(e->vcpu, gpa, buf, len);
	else
		r = kvm_vcpu_read_guest(e->vcpu, gpa, buf, len);
	return r ? 0 : len;
}

static unsigned int op_bulk_read(struct emul_ctxt *ctxt, u64 lin, void *buf, unsigned int len,
				 unsigned int unit)
{
	return bulk(ctxt, lin, buf, len, unit, false);
}

static unsigned int op_bulk_write(struct emul_ctxt *ctxt, u64 lin, const void *buf,
				  unsigned int len, unsigned int unit)
{
	return bulk(ctxt, lin, (void *)buf, len, unit, true);
}

/* ---------------------------------------------------------------- segments and tables */

static void op_get_seg(struct emul_ctxt *ctxt, enum emul_sreg sreg, struct emul_seg *seg)
{
	struct kvm_segment var;

	BUILD_BUG_ON(VCPU_SREG_ES != (int)EMUL_ES || VCPU_SREG_GS != (int)EMUL_GS ||
		     VCPU_SREG_TR != (int)EMUL_TR || VCPU_SREG_LDTR != (int)EMUL_LDTR);
	kvm_x86_call(get_segment)(to_emul(ctxt)->vcpu, &var, sreg);
	seg->base = var.base;
	seg->limit = var.limit;
	seg->selector = var.selector;
	seg->attr = var.type | (var.s ? EMUL_SEG_S : 0) | var.dpl << EMUL_SEG_DPL_SHIFT |
		    (var.present ? EMUL_SEG_P : 0) | (var.avl ? EMUL_SEG_AVL : 0) |
		    (var.l ? EMUL_SEG_L : 0) | (var.db ? EMUL_SEG_DB : 0) |
		    (var.g ? EMUL_SEG_G : 0) |
		    (var.unusable || !var.present ? EMUL_SEG_UNUSABLE : 0);
}

static void op_set_seg(struct emul_ctxt *ctxt, enum emul_sreg sreg, const struct emul_seg *seg)
{
	struct kvm_segment var = {
		.base = seg->base,
		.limit = seg->limit,
		.selector = seg->selector,
		.type = EMUL_SEG_TYPE(seg->attr),
		.s = !!(seg->attr & EMUL_SEG_S),
		.dpl = EMUL_SEG_DPL(seg->attr),
		.present = !!(seg->attr & EMUL_SEG_P),
		.avl = !!(seg->attr & EMUL_SEG_AVL),
		.l = !!(seg->attr & EMUL_SEG_L),
		.db = !!(seg->attr & EMUL_SEG_DB),
		.g = !!(seg->attr & EMUL_SEG_G),
		.unusable = !!(seg->attr & EMUL_SEG_UNUSABLE),
	};

	kvm_x86_call(set_segment)(to_emul(ctxt)->vcpu, &var, sreg);
}

static void get_table(struct emul_ctxt *ctxt, bool idt, struct emul_dtr *dtr)
{
	struct kvm_dtable dt;

	kvm_x86_call(get_dtable)(to_emul(ctxt)->vcpu, idt, &dt);
	dtr->base = dt.base;
	dtr->limit = dt.limit;
}

static void set_table(struct emul_ctxt *ctxt, bool idt, const struct emul_dtr *dtr)
{
	struct kvm_dtable dt = { .base = dtr->base, .limit = dtr->limit };

	kvm_x86_call(set_dtable)(to_emul(ctxt)->vcpu, idt, &dt);
}

static void op_get_gdtr(struct emul_ctxt *ctxt, struct emul_dtr *dtr)
{
	get_table(ctxt, false, dtr);
}

static void op_set_gdtr(struct emul_ctxt *ctxt, const struct emul_dtr *dtr)
{
	set_table(ctxt, false, dtr);
}

static void op_get_idtr(struct emul_ctxt *ctxt, struct emul_dtr *dtr)
{
	get_table(ctxt, true, dtr);
}

static void op_set_idtr(struct emul_ctxt *ctxt, const struct emul_dtr *dtr)
{
	set_table(ctxt, true, dtr);
}

/* ---------------------------------------------------------------- control, debug, model-specific registers */

static enum emul_result gp_unless_ok(struct emul_ctxt *ctxt, int r)
{
	return r ? emul_raise_gp(ctxt, 0) : EMUL_DONE;
}

static u64 read_cr(struct kvm_vcpu *vcpu, unsigned int nr)
{
	switch (nr) {
	case 0:
		return kvm_cr0_read(vcpu);
	case 2:
		return vcpu->arch.cr2;
	case 3:
		return kvm_cr3_read(vcpu);
	case 4:
		return kvm_cr4_read(vcpu);
	default:
		return kvm_get_cr8(vcpu);
	}
}

static u64 op_get_cr(struct emul_ctxt *ctxt, unsigned int nr)
{
	u64 val = read_cr(to_emul(ctxt)->vcpu, nr);

	trace_kvm_cr(KVM_TRACE_READ, nr, val);
	return val;
}

static enum emul_result op_set_cr(struct emul_ctxt *ctxt, unsigned int nr, u64 val)
{
	struct kvm_vcpu *vcpu = to_emul(ctxt)->vcpu;

	trace_kvm_cr(KVM_TRACE_WRITE, nr, val);
	switch (nr) {
	case 0:
		return gp_unless_ok(ctxt, kvm_set_cr0(vcpu, val));
	case 2:
		vcpu->arch.cr2 = val;
		return EMUL_DONE;
	case 3:
		return gp_unless_ok(ctxt, kvm_set_cr3(vcpu, val));
	case 4:
		return gp_unless_ok(ctxt, kvm_set_cr4(vcpu, val));
	default:
		return gp_unless_ok(ctxt, kvm_set_cr8(vcpu, val));
	}
}

static u64 op_get_dr(struct emul_ctxt *ctxt, unsigned int nr)
{
	return kvm_get_dr(to_emul(ctxt)->vcpu, nr);
}

static enum emul_result op_set_dr(struct emul_ctxt *ctxt, unsigned int nr, u64 val)
{
	return gp_unless_ok(ctxt, kvm_set_dr(to_emul(ctxt)->vcpu, nr, val));
}

/* RDMSR and WRMSR, which the VMM may filter and answer; other instructions that take something from an MSR are neither. */
static bool is_msr_insn(const struct emul_insn *insn, bool write)
{
	return insn->len >= 2 && insn->bytes[insn->len - 2] == 0x0f &&
	       insn->bytes[insn->len - 1] == (write ? 0x30 : 0x32);
}

/* KVM_RUN after KVM_EXIT_X86_RDMSR or _WRMSR of an emulated instruction. */
static int complete_msr(struct kvm_vcpu *vcpu)
{
	struct kvm_emul *e = vcpu->arch.io.emul;

	if (!kvm_emul_resume(e))
		return KVM_AGAIN;
	e->msr_refused = READ_ONCE(vcpu->run->msr.error);
	e->msr_data = READ_ONCE(vcpu->run->msr.data);
	e->access.answered = true;
	return kvm_emulate_instruction(vcpu, KVM_EMUL_NO_DECODE, 0, NULL, 0);
}

/* The vCPU's answer was @r: the VMM's, if it wants to be asked, or #GP. */
static enum emul_result ask_about_msr(struct kvm_emul *e, u32 index, u64 data, bool write, int r)
{
	if (!kvm_msr_user_space(e->vcpu, index, data, write, r))
		return emul_raise_gp(&e->ctxt, 0);
	e->vcpu->arch.io.complete = complete_msr;
	return EMUL_NEED_IO;
}

static enum emul_result op_get_msr(struct emul_ctxt *ctxt, u32 index, u64 *val)
{
	struct kvm_emul *e = to_emul(ctxt);
	int r;

	if (!is_msr_insn(&ctxt->insn, false))
		return gp_unless_ok(ctxt, kvm_msr_read(e->vcpu, index, val, false));
	if (e->access.answered) {
		e->access.answered = false;
		*val = e->msr_data;
		return gp_unless_ok(ctxt, e->msr_refused);
	}
	r = kvm_msr_guest_read(e->vcpu, index, val);
	return r ? ask_about_msr(e, index, 0, false, r) : EMUL_DONE;
}

static enum emul_result op_set_msr(struct emul_ctxt *ctxt, u32 index, u64 val)
{
	struct kvm_emul *e = to_emul(ctxt);
	int r;

	if (!is_msr_insn(&ctxt->insn, true))
		return gp_unless_ok(ctxt, kvm_msr_write(e->vcpu, index, val, false));
	if (e->access.answered) {
		e->access.answered = false;
		return gp_unless_ok(ctxt, e->msr_refused);
	}
	r = kvm_msr_guest_write(e->vcpu, index, val);
	return r ? ask_about_msr(e, index, val, true, r) : EMUL_DONE;
}

/* Index 1 is XINUSE, which may say of any enabled component that it is in use. */
static enum emul_result op_get_xcr(struct emul_ctxt *ctxt, u32 index, u64 *val)
{
	struct kvm_vcpu *vcpu = to_emul(ctxt)->vcpu;

	if (index > 1 || (index == 1 && !guest_cpuid_has(vcpu, X86_FEATURE_XGETBV1)))
		return emul_raise_gp(ctxt, 0);
	*val = vcpu->arch.xcr0;
	return EMUL_DONE;
}

static enum emul_result op_set_xcr(struct emul_ctxt *ctxt, u32 index, u64 val)
{
	return gp_unless_ok(ctxt, kvm_set_xcr(to_emul(ctxt)->vcpu, index, val));
}

static u32 op_get_pkru(struct emul_ctxt *ctxt)
{
	return to_emul(ctxt)->vcpu->arch.pkru;
}

static void op_set_pkru(struct emul_ctxt *ctxt, u32 val)
{
	to_emul(ctxt)->vcpu->arch.pkru = val;
}

/* ---------------------------------------------------------------- the rest */

static enum emul_result op_cpuid(struct emul_ctxt *ctxt, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	kvm_cpuid_lookup(to_emul(ctxt)->vcpu, eax, ebx, ecx, edx);
	return EMUL_DONE;
}

static u64 op_rdtsc(struct emul_ctxt *ctxt)
{
	return kvm_guest_tsc(to_emul(ctxt)->vcpu, rdtsc_ordered());
}

/* There are no performance counters. */
static enum emul_result op_rdpmc(struct emul_ctxt *ctxt, u32 index, u64 *val)
{
	return emul_raise_gp(ctxt, 0);
}

static enum emul_result op_halt(struct emul_ctxt *ctxt)
{
	to_emul(ctxt)->halted = true;
	return EMUL_DONE;
}

static enum emul_result op_wbinvd(struct emul_ctxt *ctxt)
{
	kvm_wbinvd(to_emul(ctxt)->vcpu);
	return EMUL_DONE;
}

static enum emul_result op_invlpg(struct emul_ctxt *ctxt, u64 lin)
{
	kvm_mmu_invlpg(to_emul(ctxt)->vcpu, lin);
	return EMUL_DONE;
}

static enum emul_result op_invpcid(struct emul_ctxt *ctxt, u64 type, const u64 desc[2])
{
	/* Bits 63:12 of the first half are reserved (SDM vol. 2A, INVPCID). */
	if (desc[0] >> 12)
		return emul_raise_gp(ctxt, 0);
	return gp_unless_ok(ctxt, kvm_mmu_invpcid(to_emul(ctxt)->vcpu, type, desc[0], desc[1]));
}

const struct emul_ops kvm_emul_ops = {
	.fetch = op_fetch,
	.read = op_read,
	.write = op_write,
	.compare_xchg = op_cmpxchg,
	.probe = op_probe,
	.bulk_read = op_bulk_read,
	.bulk_write = op_bulk_write,
	.in = kvm_emul_in,
	.out = kvm_emul_out,
	.get_seg = op_get_seg,
	.set_seg = op_set_seg,
	.get_gdtr = op_get_gdtr,
	.set_gdtr = op_set_gdtr,
	.get_idtr = op_get_idtr,
	.set_idtr = op_set_idtr,
	.get_cr = op_get_cr,
	.set_cr = op_set_cr,
	.get_dr = op_get_dr,
	.set_dr = op_set_dr,
	.get_msr = op_get_msr,
	.set_msr = op_set_msr,
	.cpuid = op_cpuid,
	.rdtsc = op_rdtsc,
	.rdpmc = op_rdpmc,
	.get_xcr = op_get_xcr,
	.set_xcr = op_set_xcr,
	.get_pkru = op_get_pkru,
	.set_pkru = op_set_pkru,
	.halt = op_halt,
	.wbinvd = op_wbinvd,
	.invlpg = op_invlpg,
	.invpcid = op_invpcid,
	.vec_read = kvm_emul_vec_read,
	.vec_write = kvm_emul_vec_write,
	.fx_read = kvm_emul_fx_read,
	.fx_write = kvm_emul_fx_write,
};
