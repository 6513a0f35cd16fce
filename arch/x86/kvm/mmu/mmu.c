// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ties the page tables to VMs, vCPUs and memory slots.
 */
#include <linux/mm.h>
#include <linux/processor.h>
#include <linux/rcupdate.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "regs.h"
#include "tdp.h"

/* For backends; format.c itself is pure. */
EXPORT_SYMBOL_GPL(tdp_format_npt);
EXPORT_SYMBOL_GPL(tdp_format_ept);
EXPORT_SYMBOL_GPL(tdp_ept_root_level);
EXPORT_SYMBOL_GPL(tdp_ept_huge_level);

/* ---------------------------------------------------------------- life */

/* Guest frames there are: what the CPU can address, and the tables can. */
static gfn_t nr_gfns;

int kvm_mmu_init(void)
{
	unsigned int bits = 36;

	/* Not what is left to the host under memory encryption: guest physical addresses have no encryption bit here. */
	if (boot_cpu_data.extended_cpuid_level >= 0x80000008)
		bits = cpuid_eax(0x80000008) & 0xff;
	nr_gfns = BIT_ULL(min(bits, 52U) - PAGE_SHIFT);
	kvm_nx_init();
	return 0;
}

void kvm_mmu_exit(void)
{
	/* Tables and slots that wait for the end of a grace period. */
	rcu_barrier();
}

gfn_t kvm_arch_max_gfn(void)
{
	return min(nr_gfns, tdp_level_pages(kvm_backend.caps.root_level + 1));
}

int kvm_mmu_init_vm(struct kvm *kvm)
{
	kvm->arch.tlb_gen = 1;
	return kvm_tdp_create(kvm);
}

void kvm_mmu_destroy_vm(struct kvm *kvm)
{
	kvm_tdp_destroy(kvm);
}

int kvm_mmu_create(struct kvm_vcpu *vcpu)
{
	vcpu->arch.mmu.root_hpa = INVALID_HPA;
	return 0;
}

void kvm_mmu_destroy(struct kvm_vcpu *vcpu)
{
	kvm_tdp_drain_cache(vcpu);
}

int kvm_mmu_load(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_mmu *mmu = &vcpu->arch.mmu;

	if (likely(mmu->root_hpa != INVALID_HPA))
		return 0;
	mmu->root_hpa = __sme_set(__pa(vcpu->kvm->arch.tdp->root));
	preempt_disable();
	kvm_x86_call(load_root)(vcpu, mmu->root_hpa);
	preempt_enable();
	return 0;
}

/* The root does not depend on the guest's mode, and a walk of the guest's tables reads the registers each time. */
void kvm_mmu_reset_context(struct kvm_vcpu *vcpu)
{
}

/* ---------------------------------------------------------------- TLBs */

/**
 * kvm_flush_remote_tlbs() - have all vCPUs flush before they enter the guest again
 * @kvm: the VM
 * @wait: return only after every vCPU has left guest mode once
 *
 * Context: does not sleep; interrupts on
 */
void kvm_flush_remote_tlbs(struct kvm *kvm, bool wait)
{
	/* A full barrier: changes of the tables come before, looks at the vCPUs' modes after it. */
	xadd(&kvm->arch.tlb_gen, 1ULL);
	kvm->stat.remote_tlb_flush_requests++;
	kvm_make_all_cpus_request(kvm, KVM_REQ_OUTSIDE, wait);
	kvm->stat.remote_tlb_flush++;
}

/* All of a vCPU's translations, before its next entry: somebody has asked for it.  Owner, preemption disabled. */
void kvm_tlb_flush(struct kvm_vcpu *vcpu)
{
	vcpu->stat.tlb_flush++;
	kvm_x86_call(flush_tlb)(vcpu);
}

void kvm_tlb_catch_up(struct kvm_vcpu *vcpu)
{
	/* First the number, then the flush: what is bumped meanwhile is seen at the next entry. */
	vcpu->arch.mmu.tlb_gen = smp_load_acquire(&vcpu->kvm->arch.tlb_gen);
	kvm_tlb_flush(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_tlb_catch_up);

void kvm_mmu_invlpg(struct kvm_vcpu *vcpu, gva_t gva)
{
	vcpu->stat.invlpg++;
	/* A non-canonical address has no translation to lose. */
	if (is_long_mode(vcpu) && !kvm_is_canonical(vcpu, gva))
		return;
	kvm_x86_call(flush_tlb_gva)(vcpu, gva);
}
EXPORT_SYMBOL_GPL(kvm_mmu_invlpg);

/**
 * kvm_mmu_invpcid() - INVPCID: SDM vol. 2, APM vol. 3
 * @vcpu: current
 * @type: 0 one address of a PCID, 1 one PCID, 2 everything, 3 everything but global translations
 * @pcid: first quadword of the descriptor
 * @gva: second quadword
 *
 * Return: 0, or 1 for #GP(0)
 */
int kvm_mmu_invpcid(struct kvm_vcpu *vcpu, unsigned long type, u64 pcid, gva_t gva)
{
	bool pcide = kvm_cr4_read(vcpu) & X86_CR4_PCIDE;

	if (type > 3 || pcid >> 12)
		return 1;
	if (type < 2 && pcid && !pcide)
		return 1;
	if (type == 0 && !kvm_is_canonical(vcpu, gva))
		return 1;
	vcpu->stat.invlpg++;
	/* Flushing more than was asked for is always right. */
	if (type == 0 && pcid == (kvm_cr3_read(vcpu) & 0xfff))
		kvm_x86_call(flush_tlb_gva)(vcpu, gva);
	else
		kvm_x86_call(flush_tlb)(vcpu);
	return 0;
}

/* ---------------------------------------------------------------- the whole VM */

void kvm_mmu_zap_all(struct kvm *kvm)
{
	kvm_zap_begin(kvm);
	kvm_zap_end(kvm, kvm_tdp_zap(kvm, 0, kvm_arch_max_gfn(), true));
}

void kvm_arch_set_noncoherent_dma(struct kvm *kvm, bool on)
{
	WRITE_ONCE(kvm->arch.noncoherent_dma, on);
	/* Faults that have not seen it are over before the leaves go. */
	kvm_flush_remote_tlbs(kvm, true);
	synchronize_srcu_expedited(&kvm->srcu);
	kvm_mmu_zap_all(kvm);
}

/* ---------------------------------------------------------------- memory slots */

int kvm_arch_prepare_memslot(struct kvm *kvm, const struct kvm_memslot *old,
			     struct kvm_memslot *new)
{
	return 0;
}

void kvm_arch_free_memslot(struct kvm_memslot *slot)
{
}

/* The same frames: from now on the guest's first write to a page must be seen, or need not be any more. */
static void commit_flags(struct kvm *kvm, const struct kvm_memslot *old,
			 const struct kvm_memslot *new)
{
	bool protect = new->dirty_bitmap && !old->dirty_bitmap &&
		       !(kvm->dirty_manual & KVM_DIRTY_LOG_INITIALLY_SET);

	if (protect)
		kvm_tdp_protect(kvm, new->base_gfn, new->base_gfn + new->npages);
	/* Also, or only, so that every inner loop is left: it may know the old slot. */
	kvm_flush_remote_tlbs(kvm, true);
}

void kvm_arch_commit_memslot(struct kvm *kvm, const struct kvm_memslot *old,
			     const struct kvm_memslot *new)
{
	if (!old)
		return;
	if (new)
		commit_flags(kvm, old, new);
	else
		kvm_tdp_remove(kvm, old->base_gfn, old->base_gfn + old->npages);
}

bool kvm_arch_unmap_gfn_range(struct kvm *kvm, struct kvm_memslot *slot, gfn_t start, gfn_t end,
			      bool may_block)
{
	return kvm_tdp_zap(kvm, start, end, may_block);
}

bool kvm_arch_age_gfn_range(struct kvm *kvm, struct kvm_memslot *slot, gfn_t start, gfn_t end,
			    bool clear)
{
	bool young;

	if (kvm_backend.caps.tdp.accessed || !clear)
		return kvm_tdp_age(kvm, start, end, clear);
	kvm_zap_begin(kvm);
	young = kvm_tdp_age(kvm, start, end, clear);
	kvm_zap_end(kvm, young);
	return young;
}

void kvm_arch_dirty_log_protect(struct kvm *kvm, struct kvm_memslot *slot, gfn_t base,
				unsigned long mask)
{
	kvm_tdp_protect_mask(kvm, base, mask);
}

/* What the processor has logged and no vCPU has told yet: they tell when they leave the inner loop. */
void kvm_arch_sync_dirty_log(struct kvm *kvm)
{
	if (kvm_backend.caps.tdp.log)
		kvm_make_all_cpus_request(kvm, KVM_REQ_OUTSIDE, true);
}

/* ---------------------------------------------------------------- pages of ours */

void kvm_mmu_set_private_page(struct kvm *kvm, enum kvm_private_page which, struct page *page,
			      gpa_t gpa)
{
	struct kvm_tdp *tdp = kvm->arch.tdp;

	lockdep_assert_held(&kvm->lock);
	if (WARN_ON_ONCE(tdp->private[which]))
		return;
	tdp->private_gfn[which] = gpa_to_gfn(gpa);
	tdp->private[which] = page;
}
EXPORT_SYMBOL_GPL(kvm_mmu_set_private_page);

void kvm_mmu_show_private_page(struct kvm *kvm, enum kvm_private_page which, bool show)
{
	struct kvm_tdp *tdp = kvm->arch.tdp;
	gfn_t gfn = tdp->private_gfn[which];

	if (!tdp->private[which])
		return;
	if (show ? test_and_set_bit(which, &tdp->private_shown) :
		   !test_and_clear_bit(which, &tdp->private_shown))
		return;
	kvm_mmu_sync_bump(&kvm->mmu_sync, 0, PAGE_SIZE);
	/* What vCPUs remember of it as MMIO, too. */
	atomic64_fetch_inc_release(&kvm->slots_generation);
	kvm_zap_begin(kvm);
	kvm_tdp_zap(kvm, gfn, gfn + 1, true);
	kvm_zap_end(kvm, true);
}
EXPORT_SYMBOL_GPL(kvm_mmu_show_private_page);

/* ---------------------------------------------------------------- VMM memory */

static int cmpxchg16_user(void __user *ptr, void *old, const void *new)
{
	const u64 *n = new;
	u64 *o = old;
	int err = 0;
	bool done;

	if (!boot_cpu_has(X86_FEATURE_CX16))
		return -EINVAL;
	__uaccess_begin_nospec();
	/* clang-format off */
	asm volatile("1: " LOCK_PREFIX "cmpxchg16b %[mem]\n"
		     "2:\n" _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_EFAULT_REG, %[err])
		     : CC_OUT(z)(done), [mem] "+m"(*(char __user(*)[16])ptr), "+a"(o[0]),
		       "+d"(o[1]), [err] "+r"(err)
		     : "b"(n[0]), "c"(n[1])
		     : "memory");
	/* clang-format on */
	__uaccess_end();
	return err ?: !done;
}

int kvm_arch_cmpxchg_user(void __user *ptr, void *old, const void *new, unsigned int bytes)
{
	if (!access_ok(ptr, bytes))
		return -EFAULT;
	switch (bytes) {
	case 1:
		return __try_cmpxchg_user((u8 __user *)ptr, (u8 *)old, *(const u8 *)new, fault1);
	case 2:
		return __try_cmpxchg_user((u16 __user *)ptr, (u16 *)old, *(const u16 *)new, fault2);
	case 4:
		return __try_cmpxchg_user((u32 __user *)ptr, (u32 *)old, *(const u32 *)new, fault3);
	case 8:
		return __try_cmpxchg_user((u64 __user *)ptr, (u64 *)old, *(const u64 *)new, fault4);
	case 16:
		return cmpxchg16_user(ptr, old, new);
	}
	return -EINVAL;
}
