/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's registers: cached access, control register rules, modes.
 */
#ifndef KVM_X86_REGS_H
#define KVM_X86_REGS_H

#include <asm/processor-flags.h>
#include <asm/msr-index.h>
#include "backend.h"
#include "cpuid.h"

static inline bool kvm_reg_available(struct kvm_vcpu *vcpu, int reg)
{
	return vcpu->arch.regs_avail & BIT(reg);
}

static inline void kvm_reg_mark_dirty(struct kvm_vcpu *vcpu, int reg)
{
	vcpu->arch.regs_avail |= BIT(reg);
	vcpu->arch.regs_dirty |= BIT(reg);
}

static inline unsigned long kvm_reg_read(struct kvm_vcpu *vcpu, int reg)
{
	if (unlikely(!kvm_reg_available(vcpu, reg)))
		kvm_x86_call(cache_reg)(vcpu, reg);
	return vcpu->arch.regs[reg];
}

static inline void kvm_reg_write(struct kvm_vcpu *vcpu, int reg, unsigned long val)
{
	vcpu->arch.regs[reg] = val;
	kvm_reg_mark_dirty(vcpu, reg);
}

/* The general registers that every backend saves in software: no check needed.  Not for RSP and RIP. */
#define KVM_REG_ACCESSORS(name, NAME)                                                   \
	static inline unsigned long kvm_##name##_read(struct kvm_vcpu *vcpu)            \
	{                                                                               \
		return vcpu->arch.regs[VCPU_##NAME];                                    \
	}                                                                               \
	static inline void kvm_##name##_write(struct kvm_vcpu *vcpu, unsigned long val) \
	{                                                                               \
		vcpu->arch.regs[VCPU_##NAME] = val;                                     \
	}
KVM_REG_ACCESSORS(rax, RAX)
KVM_REG_ACCESSORS(rbx, RBX)
KVM_REG_ACCESSORS(rcx, RCX)
KVM_REG_ACCESSORS(rdx, RDX)
KVM_REG_ACCESSORS(rsi, RSI)
KVM_REG_ACCESSORS(rdi, RDI)
#undef KVM_REG_ACCESSORS

static inline unsigned long kvm_rip_read(struct kvm_vcpu *vcpu)
{
	return kvm_reg_read(vcpu, VCPU_RIP);
}

static inline void kvm_rip_write(struct kvm_vcpu *vcpu, unsigned long val)
{
	kvm_reg_write(vcpu, VCPU_RIP, val);
}

static inline unsigned long kvm_rsp_read(struct kvm_vcpu *vcpu)
{
	return kvm_reg_read(vcpu, VCPU_RSP);
}

static inline void kvm_rsp_write(struct kvm_vcpu *vcpu, unsigned long val)
{
	kvm_reg_write(vcpu, VCPU_RSP, val);
}

/* EDX:EAX, the way RDMSR and friends have it */
static inline u64 kvm_edx_eax_read(struct kvm_vcpu *vcpu)
{
	return (u32)kvm_rax_read(vcpu) | (u64)kvm_rdx_read(vcpu) << 32;
}

static inline void kvm_edx_eax_write(struct kvm_vcpu *vcpu, u64 val)
{
	kvm_rax_write(vcpu, (u32)val);
	kvm_rdx_write(vcpu, val >> 32);
}

static inline unsigned long kvm_cr0_read(struct kvm_vcpu *vcpu)
{
	if (unlikely(!kvm_reg_available(vcpu, VCPU_EXREG_CR0)))
		kvm_x86_call(cache_reg)(vcpu, VCPU_EXREG_CR0);
	return vcpu->arch.cr0;
}

static inline unsigned long kvm_cr3_read(struct kvm_vcpu *vcpu)
{
	if (unlikely(!kvm_reg_available(vcpu, VCPU_EXREG_CR3)))
		kvm_x86_call(cache_reg)(vcpu, VCPU_EXREG_CR3);
	return vcpu->arch.cr3;
}

static inline unsigned long kvm_cr4_read(struct kvm_vcpu *vcpu)
{
	if (unlikely(!kvm_reg_available(vcpu, VCPU_EXREG_CR4)))
		kvm_x86_call(cache_reg)(vcpu, VCPU_EXREG_CR4);
	return vcpu->arch.cr4;
}

static inline bool is_protmode(struct kvm_vcpu *vcpu)
{
	return kvm_cr0_read(vcpu) & X86_CR0_PE;
}

static inline bool is_paging(struct kvm_vcpu *vcpu)
{
	return kvm_cr0_read(vcpu) & X86_CR0_PG;
}

static inline bool is_pae(struct kvm_vcpu *vcpu)
{
	return kvm_cr4_read(vcpu) & X86_CR4_PAE;
}

static inline bool is_long_mode(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.efer & EFER_LMA;
}

static inline bool is_la57_mode(struct kvm_vcpu *vcpu)
{
	return kvm_cr4_read(vcpu) & X86_CR4_LA57;
}

static inline bool is_64_bit_mode(struct kvm_vcpu *vcpu)
{
	int db, l;

	if (!is_long_mode(vcpu))
		return false;
	kvm_x86_call(get_cs_db_l)(vcpu, &db, &l);
	return l;
}

/* Is @gva canonical in the vCPU's present paging mode? */
static inline bool kvm_is_canonical(struct kvm_vcpu *vcpu, u64 gva)
{
	return __is_canonical_address(gva, is_la57_mode(vcpu) ? 57 : 48);
}

/* Can an MSR or the base of a segment or table be @gva?  The width that the CPU has at all counts (SDM vol. 1, 3.3.7.1). */
static inline bool kvm_is_canonical_base(struct kvm_vcpu *vcpu, u64 gva)
{
	bool wide = is_la57_mode(vcpu) || guest_cpuid_has(vcpu, X86_FEATURE_LA57);

	return __is_canonical_address(gva, wide ? 57 : 48);
}

/* CS base + RIP, truncated as the mode demands. */
unsigned long kvm_linear_rip(struct kvm_vcpu *vcpu);

/*
 * What a guest's MOV to CRn / LMSW / XSETBV / WRMSR EFER does: check by SDM vol. 3A 2.5 and APM vol. 2 3.1, apply,
 * reset translation.  0, or 1 for #GP(0), which the caller injects.
 */
int kvm_set_cr0(struct kvm_vcpu *vcpu, unsigned long cr0);
int kvm_set_cr3(struct kvm_vcpu *vcpu, unsigned long cr3);
int kvm_set_cr4(struct kvm_vcpu *vcpu, unsigned long cr4);
int kvm_set_cr8(struct kvm_vcpu *vcpu, unsigned long cr8);
unsigned long kvm_get_cr8(struct kvm_vcpu *vcpu);
int kvm_set_efer(struct kvm_vcpu *vcpu, u64 efer, bool host);
void kvm_lmsw(struct kvm_vcpu *vcpu, unsigned long msw);
bool kvm_is_valid_cr0(struct kvm_vcpu *vcpu, unsigned long cr0);
bool kvm_is_valid_cr4(struct kvm_vcpu *vcpu, unsigned long cr4);

/* KVM_SYNC_X86_*: to and from kvm_run.s; store: copy the guest's state out. */
void kvm_sync_regs_store(struct kvm_vcpu *vcpu);
int kvm_sync_regs_load(struct kvm_vcpu *vcpu);

/* A power-up reset (@init false) or INIT of the architectural state. */
void kvm_vcpu_reset(struct kvm_vcpu *vcpu, bool init);
/* Start-up IPI: real mode at @vector * 4096. */
void kvm_vcpu_deliver_sipi(struct kvm_vcpu *vcpu, u8 vector);

/* Skip the instruction that exited and return KVM_REENTER, or KVM_TO_USER with KVM_EXIT_DEBUG when single-stepping. */
int kvm_skip_instruction(struct kvm_vcpu *vcpu);

#endif /* KVM_X86_REGS_H */
