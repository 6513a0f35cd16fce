// SPDX-License-Identifier: GPL-2.0-only
/*
 * From guest virtual to guest physical addresses: the pure walk, given a vCPU's registers and memory.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/trapnr.h>

#include "regs.h"
#include "tdp.h"
#include "trace_mmu.h"
#include "walk.h"

/* ---------------------------------------------------------------- the vCPU's mode and memory */

static u8 paging_levels(unsigned long cr4, u64 efer)
{
	if (!(cr4 & X86_CR4_PAE))
		return 2;
	if (!(efer & EFER_LMA))
		return 3;
	return cr4 & X86_CR4_LA57 ? 5 : 4;
}

static void get_mode(struct kvm_vcpu *vcpu, struct kvm_walk_mode *mode)
{
	unsigned long cr4 = kvm_cr4_read(vcpu);
	u64 efer = vcpu->arch.efer;

	*mode = (struct kvm_walk_mode){
		.root = kvm_cr3_read(vcpu),
		.levels = paging_levels(cr4, efer),
		/* Before KVM_SET_CPUID2, what CPUs without the leaf have. */
		.maxphyaddr = vcpu->arch.cpuid.maxphyaddr ?: 36,
		.pse = cr4 & X86_CR4_PSE,
		.pse36 = true,
		.gbpages = boot_cpu_has(X86_FEATURE_GBPAGES),
		.wp = kvm_cr0_read(vcpu) & X86_CR0_WP,
		.nx = efer & EFER_NX,
		.smep = cr4 & X86_CR4_SMEP,
		.smap = cr4 & X86_CR4_SMAP,
		.amd = vcpu->arch.cpuid.is_amd_compatible,
	};
	if (mode->smap)
		mode->ac = kvm_x86_call(get_rflags)(vcpu) & X86_EFLAGS_AC;
	if (cr4 & X86_CR4_PKE) {
		mode->pke = true;
		mode->pkru = vcpu->arch.pkru;
	}
}

static void __user *entry_ptr(struct kvm_vcpu *vcpu, u64 gpa)
{
	struct kvm_memslot *slot = kvm_vcpu_gfn_to_slot(vcpu, gpa_to_gfn(gpa));

	return slot ? (void __user *)(kvm_slot_hva(slot, gpa_to_gfn(gpa)) + offset_in_page(gpa)) :
		      NULL;
}

static int read_entry(void *ctx, u64 gpa, unsigned int bytes, int level, u64 *val)
{
	void __user *ptr = entry_ptr(ctx, gpa);
	u32 val32;
	int r;

	if (!ptr)
		return -EFAULT;
	if (bytes == 8) {
		r = get_user(*val, (u64 __user *)ptr);
	} else {
		r = get_user(val32, (u32 __user *)ptr);
		*val = val32;
	}
	trace_kvm_mmu_paging_element(*val, level);
	return r;
}

static int read_entry_nofault(void *ctx, u64 gpa, unsigned int bytes, int level, u64 *val)
{
	void __user *ptr = entry_ptr(ctx, gpa);

	*val = 0;
	return ptr ? copy_from_user_nofault(val, ptr, bytes) : -EFAULT;
}

/* Tables in read-only memory keep their flags: negative. */
static int cmpxchg_entry(void *ctx, u64 gpa, unsigned int bytes, u64 old, u64 new)
{
	u64 set = new & ~old;
	int r = kvm_vcpu_cmpxchg_guest(ctx, gpa, &old, &new, bytes);

	if (!r && set & _PAGE_ACCESSED)
		trace_kvm_mmu_set_accessed_bit(gpa);
	if (!r && set & _PAGE_DIRTY)
		trace_kvm_mmu_set_dirty_bit(gpa);
	return r;
}

static const struct kvm_walk_ops walk_ops = {
	.read = read_entry,
	.compare_xchg = cmpxchg_entry,
};

static const struct kvm_walk_ops walk_ops_nofault = {
	.read = read_entry_nofault,
};

/* ---------------------------------------------------------------- translation */

static void set_fault(struct kvm_walk_fault *fault, u8 vector, u32 error_code, gva_t gva)
{
	if (!fault)
		return;
	fault->vector = vector;
	fault->error_code = error_code;
	fault->cr2 = gva;
}

gpa_t kvm_gva_to_gpa(struct kvm_vcpu *vcpu, gva_t gva, u64 access, struct kvm_walk_fault *fault)
{
	struct kvm_walk_result res;
	struct kvm_walk_mode mode;

	BUILD_BUG_ON(KVM_PF_WRITE != KVM_WALK_WRITE || KVM_PF_USER != KVM_WALK_USER ||
		     KVM_PF_FETCH != KVM_WALK_FETCH || KVM_PF_IMPLICIT != KVM_WALK_IMPLICIT);

	if (!is_paging(vcpu))
		return gva;
	trace_kvm_mmu_pagetable_walk(gva, access);
	get_mode(vcpu, &mode);
	switch (kvm_walk(&mode, &walk_ops, vcpu, gva, access, &res)) {
	case KVM_WALK_OK:
		return res.gpa;
	case KVM_WALK_NONCANON:
		set_fault(fault, X86_TRAP_GP, 0, gva);
		break;
	case KVM_WALK_FAULT:
	case KVM_WALK_UNBACKED:
		trace_kvm_mmu_walker_error(res.error_code);
		set_fault(fault, X86_TRAP_PF, res.error_code, gva);
		break;
	}
	return INVALID_GPA;
}
EXPORT_SYMBOL_GPL(kvm_gva_to_gpa);

gpa_t kvm_gva_to_gpa_nofault(struct kvm_vcpu *vcpu, gva_t gva, u64 access)
{
	struct kvm_walk_result res;
	struct kvm_walk_mode mode;

	if (!is_paging(vcpu))
		return gva;
	get_mode(vcpu, &mode);
	return kvm_walk(&mode, &walk_ops_nofault, vcpu, gva, access, &res) == KVM_WALK_OK ?
		       res.gpa :
		       INVALID_GPA;
}
EXPORT_SYMBOL_GPL(kvm_gva_to_gpa_nofault);

bool kvm_load_pdptrs(struct kvm_vcpu *vcpu, unsigned long cr3)
{
	struct kvm_walk_mode mode;
	u64 pdptrs[4], reserved;
	unsigned int i;

	get_mode(vcpu, &mode);
	mode.levels = 3;
	reserved = kvm_walk_pdpte_reserved(&mode);
	if (kvm_vcpu_read_guest(vcpu, cr3 & GENMASK(31, 5), pdptrs, sizeof(pdptrs)))
		return false;
	for (i = 0; i < 4; i++) {
		if ((pdptrs[i] & 1) && (pdptrs[i] & reserved))
			return false;
		/* The mark of a walk, see kvm_walk_pdpte_reserved(): no part of the pointer. */
		pdptrs[i] &= ~BIT_ULL(5);
	}
	memcpy(vcpu->arch.mmu.pdptrs, pdptrs, sizeof(pdptrs));
	kvm_reg_mark_dirty(vcpu, VCPU_EXREG_PDPTR);
	return true;
}
EXPORT_SYMBOL_GPL(kvm_load_pdptrs);
