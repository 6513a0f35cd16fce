// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of a vCPU: the rules of control registers, reset, and the ioctls that read and write registers.
 */
#include <linux/bitops.h>
#include <asm/apicdef.h>

#include "async_pf.h"
#include "clock.h"
#include "cpuid.h"
#include "debug.h"
#include "events.h"
#include "io_x86.h"
#include "ioctl.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "msr.h"
#include "regs.h"
#include "steal.h"
#include "xsave.h"

#define CR0_DEFINED                                                                    \
	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | X86_CR0_NE | \
	 X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)
#define CR3_NOFLUSH BIT_ULL(63)
#define EFER_DEFINED (EFER_SCE | EFER_LME | EFER_LMA | EFER_NX | EFER_FFXSR | EFER_AUTOIBRS)
/* CR4 bits whose change makes PAE's page directory pointers be read again (SDM vol. 3A, 4.4.1) */
#define CR4_PDPTR_BITS (X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP)
#define CR4_PAGING_BITS (CR4_PDPTR_BITS | X86_CR4_SMAP | X86_CR4_PKE | X86_CR4_LA57 | X86_CR4_PCIDE)
#define CR0_PAGING_BITS (X86_CR0_PG | X86_CR0_WP)

unsigned long kvm_linear_rip(struct kvm_vcpu *vcpu)
{
	if (is_64_bit_mode(vcpu))
		return kvm_rip_read(vcpu);
	return (u32)(kvm_x86_call(get_segment_base)(vcpu, VCPU_SREG_CS) + kvm_rip_read(vcpu));
}
EXPORT_SYMBOL_GPL(kvm_linear_rip);

/* ---------------------------------------------------------------- control registers (APM vol. 2, 3.1; SDM vol. 3A, 2.5) */

bool kvm_is_valid_cr0(struct kvm_vcpu *vcpu, unsigned long cr0)
{
	if (cr0 >> 32)
		return false;
	if ((cr0 & X86_CR0_NW) && !(cr0 & X86_CR0_CD))
		return false;
	return !(cr0 & X86_CR0_PG) || (cr0 & X86_CR0_PE);
}

bool kvm_is_valid_cr4(struct kvm_vcpu *vcpu, unsigned long cr4)
{
	return !(cr4 & vcpu->arch.cpuid.cr4_reserved) && kvm_x86_call(is_valid_cr4)(vcpu, cr4);
}

/* May paging be switched on with everything else as it is? */
static bool may_enable_paging(struct kvm_vcpu *vcpu)
{
	int db, l;

	if (vcpu->arch.efer & EFER_LME) {
		kvm_x86_call(get_cs_db_l)(vcpu, &db, &l);
		return is_pae(vcpu) && !l;
	}
	return !is_pae(vcpu) || kvm_load_pdptrs(vcpu, kvm_cr3_read(vcpu));
}

int kvm_set_cr0(struct kvm_vcpu *vcpu, unsigned long cr0)
{
	unsigned long old = kvm_cr0_read(vcpu), changed;

	if (!kvm_is_valid_cr0(vcpu, cr0))
		return 1;
	cr0 = (cr0 & CR0_DEFINED) | X86_CR0_ET;
	changed = old ^ cr0;
	if (!changed)
		return 0;
	if (changed & X86_CR0_PG) {
		if (cr0 & X86_CR0_PG) {
			if (!may_enable_paging(vcpu))
				return 1;
		} else if (is_64_bit_mode(vcpu) || (kvm_cr4_read(vcpu) & X86_CR4_PCIDE)) {
			return 1;
		}
	} else if ((changed & (X86_CR0_CD | X86_CR0_NW)) && (cr0 & X86_CR0_PG) && is_pae(vcpu) &&
		   !is_long_mode(vcpu) && !kvm_load_pdptrs(vcpu, kvm_cr3_read(vcpu))) {
		return 1;
	}

	kvm_x86_call(set_cr0)(vcpu, cr0);
	if (changed & CR0_PAGING_BITS)
		kvm_mmu_reset_context(vcpu);
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_set_cr0);

void kvm_lmsw(struct kvm_vcpu *vcpu, unsigned long msw)
{
	/* PE can be set, not cleared; MP, EM and TS are written. */
	const unsigned long written = X86_CR0_MP | X86_CR0_EM | X86_CR0_TS;

	kvm_set_cr0(vcpu, (kvm_cr0_read(vcpu) & ~written) | (msw & (written | X86_CR0_PE)));
}
EXPORT_SYMBOL_GPL(kvm_lmsw);

static bool is_pae_paging(struct kvm_vcpu *vcpu)
{
	return is_paging(vcpu) && is_pae(vcpu) && !is_long_mode(vcpu);
}

int kvm_set_cr3(struct kvm_vcpu *vcpu, unsigned long cr3)
{
	bool keep_tlb = false;

	if (kvm_cr4_read(vcpu) & X86_CR4_PCIDE) {
		keep_tlb = cr3 & CR3_NOFLUSH;
		cr3 &= ~CR3_NOFLUSH;
	}
	if (is_long_mode(vcpu)) {
		if (!kvm_gpa_is_legal(vcpu, cr3))
			return 1;
	} else {
		cr3 = (u32)cr3;
		if (is_pae_paging(vcpu) && !kvm_load_pdptrs(vcpu, cr3))
			return 1;
	}
	if (cr3 != kvm_cr3_read(vcpu))
		kvm_x86_call(set_cr3)(vcpu, cr3);
	if (!keep_tlb)
		kvm_make_request(vcpu, KVM_REQ_TLB_FLUSH);
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_set_cr3);

int kvm_set_cr4(struct kvm_vcpu *vcpu, unsigned long cr4)
{
	unsigned long old = kvm_cr4_read(vcpu), changed = old ^ cr4;

	if (!kvm_is_valid_cr4(vcpu, cr4))
		return 1;
	if (is_long_mode(vcpu)) {
		if (!(cr4 & X86_CR4_PAE) || (changed & X86_CR4_LA57))
			return 1;
	}
	if (changed & cr4 & X86_CR4_PCIDE) {
		if (!is_long_mode(vcpu) || (kvm_cr3_read(vcpu) & 0xfff))
			return 1;
	}
	if (is_paging(vcpu) && !is_long_mode(vcpu) && (cr4 & X86_CR4_PAE) &&
	    (changed & CR4_PDPTR_BITS) && !kvm_load_pdptrs(vcpu, kvm_cr3_read(vcpu)))
		return 1;

	kvm_x86_call(set_cr4)(vcpu, cr4);
	if (changed & CR4_PAGING_BITS) {
		kvm_mmu_reset_context(vcpu);
		kvm_make_request(vcpu, KVM_REQ_TLB_FLUSH);
	}
	if (changed & (X86_CR4_OSXSAVE | X86_CR4_PKE))
		kvm_cpuid_runtime_update(vcpu);
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_set_cr4);

int kvm_set_cr8(struct kvm_vcpu *vcpu, unsigned long cr8)
{
	if (cr8 & ~15UL)
		return 1;
	if (kvm_lapic_in_kernel(vcpu))
		kvm_lapic_set_tpr(vcpu, cr8);
	else
		vcpu->arch.cr8 = cr8;
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_set_cr8);

unsigned long kvm_get_cr8(struct kvm_vcpu *vcpu)
{
	return kvm_lapic_in_kernel(vcpu) ? kvm_lapic_get_cr8(vcpu) : vcpu->arch.cr8;
}
EXPORT_SYMBOL_GPL(kvm_get_cr8);

static const struct {
	u64 efer;
	unsigned int feature;
} efer_features[] = {
	{ EFER_LME | EFER_LMA, X86_FEATURE_LM },
	{ EFER_NX, X86_FEATURE_NX },
	{ EFER_FFXSR, X86_FEATURE_FXSR_OPT },
	{ EFER_AUTOIBRS, X86_FEATURE_AUTOIBRS },
};

/* Bits that this host can do for anybody. */
static bool efer_possible(u64 efer)
{
	int i;

	if (efer & ~(u64)EFER_DEFINED)
		return false;
	for (i = 0; i < ARRAY_SIZE(efer_features); i++)
		if ((efer & efer_features[i].efer) && !kvm_cpu_cap_has(efer_features[i].feature))
			return false;
	return true;
}

static bool efer_allowed(struct kvm_vcpu *vcpu, u64 efer)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(efer_features); i++)
		if ((efer & efer_features[i].efer) &&
		    !guest_cpuid_has(vcpu, efer_features[i].feature))
			return false;
	return true;
}

int kvm_set_efer(struct kvm_vcpu *vcpu, u64 efer, bool host)
{
	u64 old = vcpu->arch.efer;

	if (!efer_possible(efer))
		return 1;
	if (!host) {
		/* LMA is read-only: what is written to it does not matter. */
		efer = (efer & ~(u64)EFER_LMA) | (old & EFER_LMA);
		if (!efer_allowed(vcpu, efer & ~(u64)EFER_LMA))
			return 1;
		if (is_paging(vcpu) && ((old ^ efer) & EFER_LME))
			return 1;
	}
	if (efer == old)
		return 0;
	kvm_x86_call(set_efer)(vcpu, efer);
	if ((old ^ efer) & (EFER_NX | EFER_LME | EFER_LMA))
		kvm_mmu_reset_context(vcpu);
	return 0;
}

/* ---------------------------------------------------------------- stepping over an instruction */

int kvm_skip_instruction(struct kvm_vcpu *vcpu)
{
	int r = kvm_x86_call(skip_instruction)(vcpu);

	/* Where hardware does not say how long it is, and the code is not at hand, the emulator has to look. */
	if (unlikely(r)) {
		if (irqs_disabled())
			return KVM_AGAIN;
		return kvm_emulate_instruction(vcpu, KVM_EMUL_SKIP, 0, NULL, 0);
	}
	return kvm_emulated_step(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_skip_instruction);

/* ---------------------------------------------------------------- reset */

static void reset_general_registers(struct kvm_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e = kvm_find_cpuid_entry(vcpu, 1, 0);
	int i;

	for (i = 0; i < VCPU_RIP; i++)
		kvm_reg_write(vcpu, i, 0);
	/* RDX holds the processor's signature (SDM vol. 3A, 10.1.2). */
	kvm_rdx_write(vcpu, e ? e->eax : 0x600);
}

static void reset_debug_registers(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_debug *d = &vcpu->arch.debug;

	memset(d->db, 0, sizeof(d->db));
	d->dr6 = KVM_DR6_ACTIVE_LOW;
	d->dr7 = KVM_DR7_FIXED_1;
	kvm_x86_call(update_debug)(vcpu);
}

static void reset_events(struct kvm_vcpu *vcpu)
{
	struct kvm_event_queue *q = &vcpu->arch.events;

	memset(q, 0, sizeof(*q));
	vcpu->arch.irq_inject_vector = -1;
	kvm_make_request(vcpu, KVM_REQ_EVENT);
}

/**
 * kvm_vcpu_reset() - state after power-up or INIT, SDM vol. 3A, table 10-1
 * @vcpu: the vCPU
 * @init: INIT
 * Context: loaded, vcpu->mutex held or the vCPU not yet visible; may sleep
 */
void kvm_vcpu_reset(struct kvm_vcpu *vcpu, bool init)
{
	if (!init) {
		kvm_cpuid_reset(vcpu);
		vcpu->arch.xcr0 = XFEATURE_MASK_FP;
		vcpu->arch.pkru = 0;
		vcpu->arch.apic_base = APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE;
		if (vcpu->id == vcpu->kvm->arch.boot_cpu_id)
			vcpu->arch.apic_base |= MSR_IA32_APICBASE_BSP;
	}
	if (kvm_lapic_in_kernel(vcpu))
		kvm_lapic_reset(vcpu, init);
	reset_events(vcpu);
	kvm_emul_forget(vcpu);
	vcpu->arch.cr2 = 0;
	vcpu->arch.cr8 = 0;
	vcpu->arch.pv_unhalted = false;

	reset_general_registers(vcpu);
	kvm_x86_call(vcpu_reset)(vcpu, init);
	reset_debug_registers(vcpu);

	kvm_msr_vcpu_reset(vcpu, init);
	kvm_clock_vcpu_reset(vcpu);
	kvm_steal_vcpu_reset(vcpu);
	kvm_async_pf_vcpu_reset(vcpu);
	kvm_fpu_reset(vcpu, init);
	kvm_cpuid_runtime_update(vcpu);
	kvm_mmu_reset_context(vcpu);
	kvm_make_request(vcpu, KVM_REQ_TLB_FLUSH);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_reset);

void kvm_vcpu_deliver_sipi(struct kvm_vcpu *vcpu, u8 vector)
{
	struct kvm_segment cs;

	kvm_x86_call(get_segment)(vcpu, &cs, VCPU_SREG_CS);
	cs.selector = vector << 8;
	cs.base = vector << 12;
	kvm_x86_call(set_segment)(vcpu, &cs, VCPU_SREG_CS);
	kvm_rip_write(vcpu, 0);
}

/* ---------------------------------------------------------------- general registers */

/* The ABI's order is not the processor's. */
/* clang-format off */
#define FOR_EACH_ABI_REG(X)							\
	X(rax, VCPU_RAX) X(rbx, VCPU_RBX) X(rcx, VCPU_RCX) X(rdx, VCPU_RDX)	\
	X(rsi, VCPU_RSI) X(rdi, VCPU_RDI) X(rsp, VCPU_RSP) X(rbp, VCPU_RBP)	\
	X(r8, VCPU_R8) X(r9, VCPU_R9) X(r10, VCPU_R10) X(r11, VCPU_R11)		\
	X(r12, VCPU_R12) X(r13, VCPU_R13) X(r14, VCPU_R14) X(r15, VCPU_R15)	\
	X(rip, VCPU_RIP)
/* clang-format on */

static void get_regs(struct kvm_vcpu *vcpu, struct kvm_regs *regs)
{
#define X(member, reg) regs->member = kvm_reg_read(vcpu, reg);
	FOR_EACH_ABI_REG(X)
#undef X
	regs->rflags = kvm_get_rflags(vcpu);
}

static void set_regs(struct kvm_vcpu *vcpu, const struct kvm_regs *regs)
{
	/* An instruction that waits for the VMM's answer is not the one that the new state is at. */
	kvm_emul_forget(vcpu);
#define X(member, reg) kvm_reg_write(vcpu, reg, regs->member);
	FOR_EACH_ABI_REG(X)
#undef X
	kvm_set_rflags(vcpu, regs->rflags | X86_EFLAGS_FIXED);
	vcpu->arch.events.exception.pending = false;
	kvm_make_request(vcpu, KVM_REQ_EVENT);
}

long kvm_vcpu_get_regs(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	get_regs(vcpu, arg.buf);
	return 0;
}

long kvm_vcpu_set_regs(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	set_regs(vcpu, arg.buf);
	return 0;
}

/* ---------------------------------------------------------------- special registers */

/* What struct kvm_sregs and struct kvm_sregs2 have in common, under the same names. */
/* clang-format off */
#define FOR_EACH_SEGMENT(X) \
	X(cs, VCPU_SREG_CS) X(ds, VCPU_SREG_DS) X(es, VCPU_SREG_ES) X(fs, VCPU_SREG_FS) \
	X(gs, VCPU_SREG_GS) X(ss, VCPU_SREG_SS) X(tr, VCPU_SREG_TR) X(ldt, VCPU_SREG_LDTR)
/* clang-format on */

#define COPY_SREGS(to, from)                         \
	do {                                         \
		(to)->cs = (from)->cs;               \
		(to)->ds = (from)->ds;               \
		(to)->es = (from)->es;               \
		(to)->fs = (from)->fs;               \
		(to)->gs = (from)->gs;               \
		(to)->ss = (from)->ss;               \
		(to)->tr = (from)->tr;               \
		(to)->ldt = (from)->ldt;             \
		(to)->gdt = (from)->gdt;             \
		(to)->idt = (from)->idt;             \
		(to)->cr0 = (from)->cr0;             \
		(to)->cr2 = (from)->cr2;             \
		(to)->cr3 = (from)->cr3;             \
		(to)->cr4 = (from)->cr4;             \
		(to)->cr8 = (from)->cr8;             \
		(to)->efer = (from)->efer;           \
		(to)->apic_base = (from)->apic_base; \
	} while (0)

static void get_sregs(struct kvm_vcpu *vcpu, struct kvm_sregs2 *s)
{
#define X(member, seg) kvm_x86_call(get_segment)(vcpu, &s->member, seg);
	FOR_EACH_SEGMENT(X)
#undef X
	kvm_x86_call(get_dtable)(vcpu, true, &s->idt);
	kvm_x86_call(get_dtable)(vcpu, false, &s->gdt);
	s->cr0 = kvm_cr0_read(vcpu);
	s->cr2 = vcpu->arch.cr2;
	s->cr3 = kvm_cr3_read(vcpu);
	s->cr4 = kvm_cr4_read(vcpu);
	s->cr8 = kvm_get_cr8(vcpu);
	s->efer = vcpu->arch.efer;
	s->apic_base = vcpu->arch.apic_base;
}

static void complain_sregs(struct kvm_vcpu *vcpu, const char *what, u64 value)
{
	kvm_vcpu_info(vcpu, "KVM_SET_SREGS: %s (0x%llx)\n", what, value);
}

/* Wider addresses than the host's no instruction could have loaded. */
static bool canonical_on_host(u64 addr)
{
	unsigned int unused = 64 - boot_cpu_data.x86_virt_bits;

	return (u64)((s64)(addr << unused) >> unused) == addr;
}

/* Can a processor be in this state at all?  APM vol. 2, 15.5.1 and 1.3; SDM vol. 3C, 27.3.1.1 */
static bool sregs_ok(struct kvm_vcpu *vcpu, const struct kvm_sregs2 *s)
{
	bool long_paging = (s->efer & EFER_LME) && (s->cr0 & X86_CR0_PG);

	if (!kvm_is_valid_cr0(vcpu, s->cr0)) {
		complain_sregs(vcpu, "CR0 has reserved bits or an impossible combination", s->cr0);
		return false;
	}
	if (!kvm_is_valid_cr4(vcpu, s->cr4)) {
		complain_sregs(vcpu, "CR4 has bits that the vCPU's CPUID does not have", s->cr4);
		return false;
	}
	if (!efer_possible(s->efer)) {
		complain_sregs(vcpu, "EFER has reserved bits", s->efer);
		return false;
	}
	if (!long_paging && ((s->efer & EFER_LMA) || s->cs.l)) {
		complain_sregs(vcpu, "EFER.LMA or CS.L without long mode", s->efer);
		return false;
	}
	if (long_paging && (!(s->cr4 & X86_CR4_PAE) || !(s->efer & EFER_LMA))) {
		complain_sregs(vcpu, "long mode needs CR4.PAE and EFER.LMA", s->efer);
		return false;
	}
	if ((s->cr4 & X86_CR4_PCIDE) && !long_paging) {
		complain_sregs(vcpu, "CR4.PCIDE without long mode", s->cr4);
		return false;
	}
	if (!canonical_on_host(s->gdt.base) || !canonical_on_host(s->idt.base)) {
		complain_sregs(vcpu, "the base of GDT or IDT is not canonical",
			       canonical_on_host(s->gdt.base) ? s->idt.base : s->gdt.base);
		return false;
	}
	/* What long mode leaves behind in CR3 is no wider, and VT-x enters with nothing wider. */
	if (long_paging ? !kvm_gpa_is_legal(vcpu, s->cr3) : s->cr3 >> boot_cpu_data.x86_phys_bits) {
		complain_sregs(vcpu, "CR3 is beyond the physical address width", s->cr3);
		return false;
	}
	if (long_paging && s->cs.l && s->cs.db) {
		complain_sregs(vcpu, "CS.L and CS.D are both set", s->cs.selector);
		return false;
	}
	if (s->cr8 & ~15ULL) {
		complain_sregs(vcpu, "CR8 has reserved bits", s->cr8);
		return false;
	}
	return true;
}

static bool pae_paging_in(const struct kvm_sregs2 *s)
{
	return (s->cr0 & X86_CR0_PG) && (s->cr4 & X86_CR4_PAE) && !(s->efer & EFER_LMA);
}

static void set_segments(struct kvm_vcpu *vcpu, const struct kvm_sregs2 *s)
{
#define X(member, seg) kvm_x86_call(set_segment)(vcpu, &s->member, seg);
	FOR_EACH_SEGMENT(X)
#undef X
}

/* An application processor of older VMMs is put into its reset state this way and waits in HLT's place. */
static void guess_mp_state(struct kvm_vcpu *vcpu, const struct kvm_sregs2 *s)
{
	if (vcpu->id == vcpu->kvm->arch.boot_cpu_id && kvm_rip_read(vcpu) == 0xfff0 &&
	    s->cs.selector == 0xf000 && s->cs.base == 0xffff0000 && !(s->cr0 & X86_CR0_PE))
		vcpu->arch.mp_state = KVM_MP_STATE_RUNNABLE;
}

static int set_sregs(struct kvm_vcpu *vcpu, struct kvm_sregs2 *s)
{
	/* Only the APIC base can fail after the checks, and it is checked and set first. */
	if (!sregs_ok(vcpu, s))
		return -EINVAL;
	if (s->apic_base != vcpu->arch.apic_base && kvm_lapic_set_base(vcpu, s->apic_base, true)) {
		complain_sregs(vcpu,
			       "the APIC base has reserved bits or a mode that CPUID does not have",
			       s->apic_base);
		return -EINVAL;
	}

	kvm_x86_call(set_dtable)(vcpu, true, &s->idt);
	kvm_x86_call(set_dtable)(vcpu, false, &s->gdt);
	vcpu->arch.cr2 = s->cr2;
	kvm_set_cr8(vcpu, s->cr8);
	kvm_x86_call(set_cr3)(vcpu, s->cr3);
	kvm_x86_call(set_efer)(vcpu, s->efer);
	kvm_x86_call(set_cr0)(vcpu, (s->cr0 & CR0_DEFINED) | X86_CR0_ET);
	kvm_x86_call(set_cr4)(vcpu, s->cr4);
	set_segments(vcpu, s);
	kvm_cpuid_runtime_update(vcpu);
	guess_mp_state(vcpu, s);
	kvm_mmu_reset_context(vcpu);
	kvm_make_request(vcpu, KVM_REQ_TLB_FLUSH);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return 0;
}

/* Page directory pointers from memory, as a MOV to CR3 would. */
static void load_pdptrs(struct kvm_vcpu *vcpu)
{
	int idx = srcu_read_lock(&vcpu->kvm->srcu);

	kvm_load_pdptrs(vcpu, kvm_cr3_read(vcpu));
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
}

/* As the processor has them: from its registers, or where it has none, from memory. */
static void get_pdptrs(struct kvm_vcpu *vcpu)
{
	int idx;

	if (kvm_reg_available(vcpu, VCPU_EXREG_PDPTR))
		return;
	idx = srcu_read_lock(&vcpu->kvm->srcu);
	kvm_x86_call(cache_reg)(vcpu, VCPU_EXREG_PDPTR);
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
}

static void set_pdptrs(struct kvm_vcpu *vcpu, const u64 *pdptrs)
{
	memcpy(vcpu->arch.mmu.pdptrs, pdptrs, sizeof(vcpu->arch.mmu.pdptrs));
	kvm_reg_mark_dirty(vcpu, VCPU_EXREG_PDPTR);
}

/* The external interrupt that has been accepted and will be delivered first, or -1. */
static int accepted_irq(struct kvm_vcpu *vcpu)
{
	const struct kvm_event_queue *q = &vcpu->arch.events;

	if (q->irq_injected && !q->irq_soft)
		return q->irq_vector;
	return kvm_lapic_in_kernel(vcpu) ? -1 : READ_ONCE(vcpu->arch.irq_inject_vector);
}

static void get_sregs1(struct kvm_vcpu *vcpu, struct kvm_sregs *out)
{
	int vector = accepted_irq(vcpu);
	struct kvm_sregs2 s = {};

	get_sregs(vcpu, &s);
	COPY_SREGS(out, &s);
	memset(out->interrupt_bitmap, 0, sizeof(out->interrupt_bitmap));
	if (vector >= 0)
		out->interrupt_bitmap[vector / 64] |= BIT_ULL(vector % 64);
}

static int set_sregs1(struct kvm_vcpu *vcpu, const struct kvm_sregs *in)
{
	unsigned int vector;
	struct kvm_sregs2 s = {};
	int r;

	COPY_SREGS(&s, in);
	r = set_sregs(vcpu, &s);
	if (r)
		return r;
	if (pae_paging_in(&s))
		load_pdptrs(vcpu);
	for (vector = 0; vector < KVM_NR_INTERRUPTS; vector++) {
		if (in->interrupt_bitmap[vector / 64] & BIT_ULL(vector % 64)) {
			/* It may be the one that KVM_INTERRUPT left here. */
			if (!kvm_lapic_in_kernel(vcpu))
				WRITE_ONCE(vcpu->arch.irq_inject_vector, -1);
			kvm_requeue_irq(vcpu, vector, false);
			break;
		}
	}
	return 0;
}

long kvm_vcpu_get_sregs(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	get_sregs1(vcpu, arg.buf);
	return 0;
}

long kvm_vcpu_set_sregs(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	return set_sregs1(vcpu, arg.buf);
}

long kvm_vcpu_get_sregs2(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_sregs2 *s = arg.buf;

	get_sregs(vcpu, s);
	if (is_pae_paging(vcpu)) {
		get_pdptrs(vcpu);
		memcpy(s->pdptrs, vcpu->arch.mmu.pdptrs, sizeof(s->pdptrs));
		s->flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	}
	return 0;
}

long kvm_vcpu_set_sregs2(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_sregs2 *s = arg.buf;
	bool pdptrs = s->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID;
	int r;

	if (s->flags & ~(u64)KVM_SREGS2_FLAGS_PDPTRS_VALID)
		return -EINVAL;
	if (pdptrs && !pae_paging_in(s))
		return -EINVAL;
	r = set_sregs(vcpu, s);
	if (r)
		return r;
	if (pdptrs)
		set_pdptrs(vcpu, s->pdptrs);
	else if (pae_paging_in(s))
		load_pdptrs(vcpu);
	return 0;
}

/* ---------------------------------------------------------------- kvm_run.s */

void kvm_sync_regs_store(struct kvm_vcpu *vcpu)
{
	struct kvm_sync_regs *s = &vcpu->run->s.regs;
	u64 valid = READ_ONCE(vcpu->run->kvm_valid_regs);

	if (valid & KVM_SYNC_X86_REGS)
		get_regs(vcpu, &s->regs);
	if (valid & KVM_SYNC_X86_SREGS)
		get_sregs1(vcpu, &s->sregs);
	if (valid & KVM_SYNC_X86_EVENTS) {
		/* Not in place: the VMM could change what is being put together. */
		struct kvm_vcpu_events events = {};

		kvm_vcpu_get_events(vcpu, (union kvm_ioctl_arg){ .buf = &events });
		s->events = events;
	}
}

int kvm_sync_regs_load(struct kvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u64 dirty = READ_ONCE(run->kvm_dirty_regs);
	int r;

	if (dirty & ~(u64)KVM_SYNC_X86_VALID_FIELDS)
		return -EINVAL;
	/* The VMM can write to all of it meanwhile: work on copies. */
	if (dirty & KVM_SYNC_X86_REGS) {
		struct kvm_regs regs = run->s.regs.regs;

		barrier();
		set_regs(vcpu, &regs);
		run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_REGS;
	}
	if (dirty & KVM_SYNC_X86_SREGS) {
		struct kvm_sregs sregs = run->s.regs.sregs;

		barrier();
		r = set_sregs1(vcpu, &sregs);
		if (r)
			return r;
		run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_SREGS;
	}
	if (dirty & KVM_SYNC_X86_EVENTS) {
		struct kvm_vcpu_events events = run->s.regs.events;

		barrier();
		r = kvm_vcpu_set_events(vcpu, (union kvm_ioctl_arg){ .buf = &events });
		if (r)
			return r;
		run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_EVENTS;
	}
	return 0;
}

/* ---------------------------------------------------------------- MP state, translation */

long kvm_vcpu_get_mp_state(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_mp_state *mp = arg.buf;
	long r = 0;

	if (kvm_lapic_in_kernel(vcpu)) {
		int idx = srcu_read_lock(&vcpu->kvm->srcu);

		r = kvm_lapic_accept_events(vcpu);
		srcu_read_unlock(&vcpu->kvm->srcu, idx);
	}
	if (r < 0)
		return r;
	mp->mp_state = vcpu->arch.mp_state;
	if (mp->mp_state == KVM_MP_STATE_HALTED && vcpu->arch.pv_unhalted)
		mp->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

long kvm_vcpu_set_mp_state(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	u32 state = ((const struct kvm_mp_state *)arg.buf)->mp_state;

	switch (state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_HALTED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_SIPI_RECEIVED:
		/* Nobody else could get it out of there. */
		if (!kvm_lapic_in_kernel(vcpu))
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	if (state == KVM_MP_STATE_SIPI_RECEIVED) {
		state = KVM_MP_STATE_INIT_RECEIVED;
		kvm_lapic_set_sipi_pending(vcpu);
	}
	vcpu->arch.mp_state = state;
	vcpu->arch.pv_unhalted = false;
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return 0;
}

long kvm_vcpu_translate(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_translation *tr = arg.buf;
	int idx = srcu_read_lock(&vcpu->kvm->srcu);
	gpa_t gpa;

	/* Preferably without marking the guest's tables accessed. */
	gpa = kvm_gva_to_gpa_nofault(vcpu, tr->linear_address, 0);
	if (gpa == INVALID_GPA)
		gpa = kvm_gva_to_gpa(vcpu, tr->linear_address, 0, NULL);
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	tr->physical_address = gpa;
	tr->valid = gpa != INVALID_GPA;
	tr->writeable = 1;
	tr->usermode = 0;
	return 0;
}
