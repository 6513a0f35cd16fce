// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two-dimensional page faults: from a guest frame by slot and VMM address to what the host's page tables hold, and from
 * there into the guest's.
 *
 * The host's page tables are read as the CPU would, with interrupts off, without taking a reference to the page: what was
 * read counts only if no invalidation has come between (virt/kvm/mmu_sync.h), and from then on the entry is one more
 * mapping that the host takes out through the notifier.  So frames without a struct page need no path of their own, and
 * the size of the host's mapping comes for free.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <asm/mmu_context.h>

#include "async_pf.h"
#include "io_x86.h"
#include "ioctl.h"
#include "tdp.h"
#include "trace_mmu.h"
#include "trace_x86.h"

/* ---------------------------------------------------------------- the host's page tables */

/**
 * struct host_page - what the host maps at an hva
 * @entry: physical address of the mapping's first byte and encryption bit, in TDP_ADDR
 * @level: size of the mapping, TDP_LEVEL_*
 * @writable: by the VMM, without a fault and without the page having to be marked dirty first
 * @type: its memory type, as an index into the host's PAT
 */
struct host_page {
	u64 entry;
	int level;
	bool writable;
	unsigned int type;
};

/*
 * A present user leaf.  A writable entry that is not dirty yet counts as read-only, so that the host marks it dirty when
 * the guest is given the right to write; from then on, the host does not take the mark away without an invalidation.
 * Frames without a struct page (special) have no such mark.
 */
static bool take_leaf(struct host_page *hp, unsigned long val, unsigned long pfn, int level,
		      bool special)
{
	unsigned long pat = level == TDP_LEVEL_4K ? _PAGE_PAT : _PAGE_PAT_LARGE;

	if ((val & (_PAGE_PRESENT | _PAGE_USER)) != (_PAGE_PRESENT | _PAGE_USER))
		return false;
	hp->entry = (pfn << PAGE_SHIFT) | (val & sme_me_mask);
	hp->level = level;
	hp->writable = (val & _PAGE_RW) && (special || (val & _PAGE_DIRTY));
	hp->type = (val & (_PAGE_PWT | _PAGE_PCD)) >> _PAGE_BIT_PWT;
	if (val & pat)
		hp->type |= 4;
	return true;
}

static bool walk_host(struct mm_struct *mm, hva_t hva, struct host_page *hp)
{
	pgd_t pgd, *pgdp = pgd_offset(mm, hva);
	p4d_t p4d, *p4dp;
	pud_t pud, *pudp;
	pmd_t pmd, *pmdp;
	pte_t pte;

	pgd = READ_ONCE(*pgdp);
	if (!pgd_present(pgd))
		return false;
	p4dp = p4d_offset(&pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (!p4d_present(p4d))
		return false;
	pudp = pud_offset(&p4d, hva);
	pud = READ_ONCE(*pudp);
	if (!pud_present(pud))
		return false;
	if (pud_leaf(pud))
		return take_leaf(hp, pud_val(pud), pud_pfn(pud), TDP_LEVEL_1G, pud_special(pud));
	pmdp = pmd_offset(&pud, hva);
	pmd = READ_ONCE(*pmdp);
	if (!pmd_present(pmd))
		return false;
	if (pmd_leaf(pmd))
		return take_leaf(hp, pmd_val(pmd), pmd_pfn(pmd), TDP_LEVEL_2M, pmd_special(pmd));
	pte = READ_ONCE(*pte_offset_kernel(&pmd, hva));
	return take_leaf(hp, pte_val(pte), pte_pfn(pte), TDP_LEVEL_4K, pte_special(pte));
}

/*
 * Is there something at @hva, good for a write if @write?  Interrupts off keep the tables, as for get_user_pages_fast().
 */
static bool host_page_get(struct mm_struct *mm, hva_t hva, bool write, struct host_page *hp)
{
	unsigned long flags;
	bool found;

	local_irq_save(flags);
	found = walk_host(mm, hva, hp);
	local_irq_restore(flags);
	return found && (hp->writable || !write);
}

static bool vma_allows(struct vm_area_struct *vma, bool write)
{
	return (vma->vm_flags & (write ? VM_WRITE : VM_READ)) &&
	       arch_vma_access_permitted(vma, write, false, false);
}

static int fault_to_errno(vm_fault_t fault)
{
	if (fault & VM_FAULT_OOM)
		return -ENOMEM;
	if (fault & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE))
		return -EHWPOISON;
	return -EFAULT;
}

/**
 * host_fault_in() - have the host put a page at @hva
 * @mm: current->mm
 * @hva: user address
 * @write: for writing: copies on write, marks dirty
 *
 * As an access of the VMM's would, but that a signal ends waiting for a userfaultfd.
 *
 * Return: 0: look again; -EINTR, -ENOMEM, -EHWPOISON, -EFAULT
 */
static int host_fault_in(struct mm_struct *mm, hva_t hva, bool write)
{
	unsigned int flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE |
			     FAULT_FLAG_INTERRUPTIBLE;
	struct vm_area_struct *vma;
	vm_fault_t fault;

	if (write)
		flags |= FAULT_FLAG_WRITE;
	for (;;) {
		if (mmap_read_lock_killable(mm))
			return -EINTR;
		vma = vma_lookup(mm, hva);
		if (!vma || !vma_allows(vma, write)) {
			mmap_read_unlock(mm);
			return -EFAULT;
		}
		fault = handle_mm_fault(vma, hva, flags, NULL);
		/* Both have dropped the lock. */
		if (fault & VM_FAULT_COMPLETED)
			return 0;
		if (!(fault & VM_FAULT_RETRY))
			break;
		if (signal_pending(current))
			return -EINTR;
		flags |= FAULT_FLAG_TRIED;
	}
	mmap_read_unlock(mm);
	return fault & VM_FAULT_ERROR ? fault_to_errno(fault) : 0;
}

/* The same without waiting: 0: look again; -EAGAIN: not so, whether it takes time or cannot be. */
static int host_fault_in_nowait(struct mm_struct *mm, hva_t hva, bool write)
{
	unsigned int flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT;
	struct vm_area_struct *vma;
	vm_fault_t fault = VM_FAULT_RETRY;

	if (write)
		flags |= FAULT_FLAG_WRITE;
	if (!mmap_read_trylock(mm))
		return -EAGAIN;
	vma = vma_lookup(mm, hva);
	if (vma && vma_allows(vma, write))
		fault = handle_mm_fault(vma, hva, flags, NULL);
	/* It keeps the lock when it asks to be called again, since it may not wait. */
	if (!(fault & VM_FAULT_COMPLETED))
		mmap_read_unlock(mm);
	return fault & (VM_FAULT_RETRY | VM_FAULT_ERROR) ? -EAGAIN : 0;
}

/* ---------------------------------------------------------------- one try */

enum { FAULT_FIXED = 0, FAULT_MMIO = 1, FAULT_AGAIN = 2, FAULT_LATER = 3 }; /* or an errno */

/* The largest page that slot, host and backend allow around @gfn. */
static int map_level(const struct kvm_memslot *slot, gfn_t gfn, hva_t hva, int host_level)
{
	int level = min_t(int, host_level, kvm_backend.caps.max_huge_level);
	gfn_t pages, first;

	if (slot->dirty_bitmap)
		return TDP_LEVEL_4K;
	for (; level > TDP_LEVEL_4K; level--) {
		pages = tdp_level_pages(level);
		first = gfn & ~(pages - 1);
		if (!((gfn ^ (hva >> PAGE_SHIFT)) & (pages - 1)) && first >= slot->base_gfn &&
		    first + pages <= slot->base_gfn + slot->npages)
			break;
	}
	return level;
}

static void set_range(struct tdp_map *m, hva_t hva, int level)
{
	hva_t size = tdp_level_pages(level) << PAGE_SHIFT;

	m->level = level;
	m->start = hva & ~(size - 1);
	m->end = m->start + size;
}

static u64 make_leaf(struct kvm *kvm, const struct tdp_map *m, const struct kvm_memslot *slot,
		     const struct host_page *hp)
{
	u64 size = tdp_level_pages(hp->level) << PAGE_SHIFT;
	u64 offset = (m->start & (size - 1));
	unsigned int rights = 0;

	/* The first write to a page of a logged slot must be seen, if the page is not said to be dirty from the start. */
	if (hp->writable && !(slot->flags & KVM_MEM_READONLY))
		rights |= m->ahead && slot->dirty_bitmap ? TDP_R_LOG : TDP_R_WRITE;
	if (unlikely(READ_ONCE(kvm_nx_huge_pages)) && m->level > TDP_LEVEL_4K)
		rights |= TDP_R_NOEXEC;
	if (unlikely(READ_ONCE(kvm->arch.noncoherent_dma)))
		rights |= TDP_R_GUEST_TYPE;
	return tdp_make_leaf(&kvm_backend.caps.tdp, hp->entry + offset, m->level, hp->type, rights);
}

/* Code is mapped in small pages only, and so is what shares a large one with it (itlb_multihit). */
static int nx_level(struct kvm *kvm, struct tdp_map *m, int level)
{
	if (level == TDP_LEVEL_4K)
		return level;
	if (m->fetch) {
		m->nx_split = true;
		return TDP_LEVEL_4K;
	}
	return kvm_tdp_nx_level(kvm, m->gfn, level);
}

/* FAULT_AGAIN: it is there; FAULT_LATER: the guest has been told that it will be; an errno */
static int get_from_host(struct kvm_vcpu *vcpu, const struct tdp_map *m, hva_t hva)
{
	struct mm_struct *mm = vcpu->kvm->mm;

	/* Memory may be reclaimed for it, others' too. */
	vcpu->arch.l1d_flush = true;
	if (unlikely(!m->ahead && kvm_async_pf_possible(vcpu))) {
		if (!host_fault_in_nowait(mm, hva, m->write))
			return FAULT_AGAIN;
		if (kvm_async_pf_begin(vcpu, m->gfn, hva, m->write))
			return FAULT_LATER;
	}
	return host_fault_in(mm, hva, m->write) ?: FAULT_AGAIN;
}

static int map_page(struct kvm_vcpu *vcpu, struct kvm_memslot *slot, struct tdp_map *m)
{
	struct kvm_mmu_sync *sync = &vcpu->kvm->mmu_sync;
	hva_t hva = kvm_slot_hva(slot, m->gfn);
	struct host_page hp;
	int level;

	set_range(m, hva, TDP_LEVEL_4K);
	if (unlikely(kvm_mmu_sync_active(sync, m->start, m->end)))
		return kvm_mmu_sync_wait(sync, m->start, m->end) ?: FAULT_AGAIN;
	if (!host_page_get(vcpu->kvm->mm, hva, m->write, &hp))
		return get_from_host(vcpu, m, hva);

	level = map_level(slot, m->gfn, hva, hp.level);
	if (unlikely(READ_ONCE(kvm_nx_huge_pages)))
		level = nx_level(vcpu->kvm, m, level);
	if (level > TDP_LEVEL_4K) {
		/* Now for the whole of it, and looked at once more after that. */
		set_range(m, hva, level);
		if (unlikely(kvm_mmu_sync_active(sync, m->start, m->end)))
			return kvm_mmu_sync_wait(sync, m->start, m->end) ?: FAULT_AGAIN;
		if (!host_page_get(vcpu->kvm->mm, hva, m->write, &hp) || hp.level < level)
			return FAULT_AGAIN;
	}
	m->entry = make_leaf(vcpu->kvm, m, slot, &hp);
	trace_kvm_mmu_spte_requested(m->gfn, (m->entry & TDP_ADDR) >> PAGE_SHIFT, level);
	switch (kvm_tdp_map(vcpu, m)) {
	case TDP_MAPPED:
		vcpu->stat.pf_fixed++;
		break;
	case TDP_SPURIOUS:
		vcpu->stat.pf_spurious++;
		break;
	default:
		return FAULT_AGAIN;
	}
	/*
	 * What the guest may write without our seeing it counts as written: in a logged slot a page is told at its first
	 * use, even if that is a read, which spares most pages a second fault.
	 */
	if (m->write || (!m->ahead && slot->dirty_bitmap && hp.writable))
		kvm_mark_page_dirty(vcpu->kvm, slot, m->gfn);
	if (unlikely(m->nx_split))
		kvm_nx_note(vcpu->kvm, m->gfn);
	return FAULT_FIXED;
}

/* The page of ours at a frame without a slot, or NULL. */
static struct page *private_page(struct kvm *kvm, gfn_t gfn)
{
	struct kvm_tdp *tdp = kvm->arch.tdp;
	unsigned long shown = READ_ONCE(tdp->private_shown);
	unsigned int i;

	for_each_set_bit(i, &shown, KVM_NR_PRIVATE_PAGES) {
		if (tdp->private_gfn[i] == gfn)
			return tdp->private[i];
	}
	return NULL;
}

/* No invalidation of the host's concerns it; for one of ours it counts as the VMM's first page, which is never mapped. */
static int map_private(struct kvm_vcpu *vcpu, struct tdp_map *m, struct page *page)
{
	set_range(m, 0, TDP_LEVEL_4K);
	/* Memory as any: type 0 of the host's PAT is write-back. */
	m->entry = tdp_make_leaf(&kvm_backend.caps.tdp, __sme_set(__pa(page_address(page))),
				 TDP_LEVEL_4K, 0, TDP_R_WRITE);
	return kvm_tdp_map(vcpu, m) == TDP_RETRY ? FAULT_AGAIN : FAULT_FIXED;
}

static struct tdp_map wanted(gfn_t gfn, u64 error)
{
	const struct tdp_format *f = &kvm_backend.caps.tdp;
	bool write = error & KVM_PF_WRITE, fetch = error & KVM_PF_FETCH;

	return (struct tdp_map){
		.gfn = gfn,
		.level = TDP_LEVEL_4K,
		.write = write,
		.fetch = fetch,
		.need = TDP_P | (write ? TDP_W : 0) | (fetch ? f->exec : 0),
		.deny = fetch ? f->noexec : 0,
	};
}

static int try_fault(struct kvm_vcpu *vcpu, struct tdp_map *m)
{
	struct kvm_memslot *slot;
	gfn_t gfn = m->gfn;

	m->seq = kvm_mmu_sync_begin(&vcpu->kvm->mmu_sync);
	slot = kvm_vcpu_gfn_to_slot(vcpu, gfn);
	if (unlikely(!slot)) {
		struct page *page = private_page(vcpu->kvm, gfn);

		if (!page)
			return FAULT_MMIO;
		return kvm_tdp_fill_cache(vcpu) ?: map_private(vcpu, m, page);
	}
	if (m->write && slot->flags & KVM_MEM_READONLY)
		return FAULT_MMIO;
	if (m->write && slot->dirty_bitmap && kvm_tdp_unprotect(vcpu->kvm, gfn)) {
		vcpu->stat.pf_fast++;
		kvm_mark_page_dirty(vcpu->kvm, slot, gfn);
		return FAULT_FIXED;
	}
	if (unlikely(!kvm_backend.caps.tdp.accessed) && kvm_tdp_untrack(vcpu->kvm, m)) {
		vcpu->stat.pf_fast++;
		if (m->write)
			kvm_mark_page_dirty(vcpu->kvm, slot, gfn);
		return FAULT_FIXED;
	}
	if (unlikely(kvm_tdp_fill_cache(vcpu)))
		return -ENOMEM;
	return map_page(vcpu, slot, m);
}

/* ---------------------------------------------------------------- the fault */

bool kvm_mmu_is_mmio(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	/* The generation before the slots, as in kvm_vcpu_gfn_to_slot(). */
	u64 gen = atomic64_read_acquire(&vcpu->kvm->slots_generation);
	struct kvm_vcpu_mmu *mmu = &vcpu->arch.mmu;
	gfn_t gfn = gpa_to_gfn(gpa);

	if (mmu->mmio_gen == gen && mmu->mmio_gfn == gfn)
		return true;
	if (kvm_vcpu_gfn_to_slot(vcpu, gfn))
		return false;
	if (unlikely(READ_ONCE(vcpu->kvm->arch.tdp->private_shown)) && private_page(vcpu->kvm, gfn))
		return false;
	mmu->mmio_gen = gen;
	mmu->mmio_gfn = gfn;
	return true;
}
EXPORT_SYMBOL_GPL(kvm_mmu_is_mmio);

/* Until it is there, or cannot be. */
static int handle_fault(struct kvm_vcpu *vcpu, struct tdp_map *m)
{
	int r;

	while ((r = try_fault(vcpu, m)) == FAULT_AGAIN) {
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return r;
}

/* The VMM's memory failed the guest: the VMM gets to know where. */
static int report_failure(struct kvm_vcpu *vcpu, gfn_t gfn, int err)
{
	struct kvm_memslot *slot = kvm_vcpu_gfn_to_slot(vcpu, gfn);
	hva_t hva = slot ? kvm_slot_hva(slot, gfn) : 0;

	switch (err) {
	case -EINTR:
		vcpu->run->exit_reason = KVM_EXIT_INTR;
		vcpu->stat.signal_exits++;
		return err;
	case -EHWPOISON:
		/* As when the VMM touches the page: it decides what the guest is told. */
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)hva, PAGE_SHIFT, current);
		return KVM_AGAIN;
	case -EFAULT:
		vcpu->run->exit_reason = KVM_EXIT_MEMORY_FAULT;
		vcpu->run->memory_fault.flags = 0;
		vcpu->run->memory_fault.gpa = gfn_to_gpa(gfn);
		vcpu->run->memory_fault.size = PAGE_SIZE;
		break;
	}
	kvm_vcpu_info(vcpu, "gpa %#llx: no memory at the VMM's %#lx (%d)\n", gfn_to_gpa(gfn), hva,
		      err);
	return err;
}

/* The next access to a frame without a slot shall exit as what it is.  (One to a read-only slot has a slot.) */
static void note_mmio(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	if (kvm_backend.caps.tdp.mmio && kvm_mmu_is_mmio(vcpu, gfn_to_gpa(gfn)) &&
	    !kvm_tdp_fill_cache(vcpu)) {
		kvm_tdp_map_mmio(vcpu, gfn);
		vcpu->stat.pf_mmio_spte_created++;
	}
}

int kvm_mmu_misconfig(struct kvm_vcpu *vcpu, gpa_t gpa, const void *insn, int len)
{
	/* Memory now: the guest tries again, and faults as the access is should a read not be enough. */
	if (unlikely(!kvm_mmu_is_mmio(vcpu, gpa)))
		return kvm_mmu_fault(vcpu, gpa, KVM_PF_GUEST_FINAL, insn, len);
	return kvm_mmio_fault(vcpu, gpa, KVM_PF_UNKNOWN_ACCESS, insn, len);
}
EXPORT_SYMBOL_GPL(kvm_mmu_misconfig);

void kvm_mmu_page_logged(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	struct kvm_memslot *slot = kvm_vcpu_gfn_to_slot(vcpu, gpa_to_gfn(gpa));

	if (likely(slot))
		kvm_mark_page_dirty(vcpu->kvm, slot, gpa_to_gfn(gpa));
}
EXPORT_SYMBOL_GPL(kvm_mmu_page_logged);

int kvm_mmu_fault(struct kvm_vcpu *vcpu, gpa_t gpa, u64 error, const void *insn, int len)
{
	gfn_t gfn = gpa_to_gfn(gpa);
	struct tdp_map m = wanted(gfn, error);
	int r;

	vcpu->stat.pf_taken++;
	trace_kvm_page_fault(vcpu, gpa, error);
	if (kvm_mmu_is_mmio(vcpu, gpa))
		goto mmio;
	r = handle_fault(vcpu, &m);
	if (likely(r == FAULT_FIXED || r == FAULT_LATER))
		return KVM_REENTER;
	if (r < 0)
		return report_failure(vcpu, gfn, r);
mmio:
	vcpu->arch.l1d_flush = true;
	note_mmio(vcpu, gfn);
	vcpu->stat.pf_emulate++;
	trace_handle_mmio_page_fault(gpa, gfn, error & (KVM_PF_WRITE | KVM_PF_FETCH));
	return kvm_mmio_fault(vcpu, gpa, error, insn, len);
}
EXPORT_SYMBOL_GPL(kvm_mmu_fault);

/* ---------------------------------------------------------------- KVM_PRE_FAULT_MEMORY */

/* As the guest's reading the frame at @p->gpa would, and on to the end of the page that was mapped. */
static int prefault_one(struct kvm_vcpu *vcpu, struct kvm_pre_fault_memory *p)
{
	struct tdp_map m = wanted(gpa_to_gfn(p->gpa), 0);
	gpa_t size;
	int r;

	m.ahead = true;
	r = handle_fault(vcpu, &m);
	if (r == FAULT_MMIO)
		return -ENOENT;
	if (r < 0)
		return r;
	size = gfn_to_gpa(tdp_level_pages(m.level));
	size = min(p->size, size - (p->gpa & (size - 1)));
	p->gpa += size;
	p->size -= size;
	return 0;
}

long kvm_vcpu_pre_fault_memory(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_pre_fault_memory *p = arg.buf;
	u64 all = p->size;
	int idx, r = 0;

	if (p->flags || !p->size || !PAGE_ALIGNED(p->gpa) || !PAGE_ALIGNED(p->size) ||
	    p->gpa + p->size <= p->gpa)
		return -EINVAL;
	idx = srcu_read_lock(&vcpu->kvm->srcu);
	while (p->size && !r) {
		r = signal_pending(current) ? -EINTR : prefault_one(vcpu, p);
		cond_resched();
	}
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	/* What has been done is told; what stopped it is met again by the next call. */
	return p->size == all ? r : 0;
}
