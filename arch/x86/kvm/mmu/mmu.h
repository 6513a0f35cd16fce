/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest translation and two-dimensional page tables.
 */
#ifndef KVM_X86_MMU_H
#define KVM_X86_MMU_H

#include "backend.h"

/* Error code of a page fault (low bits) and of a nested page fault (from bit 32 on): APM vol. 2, 8.4.2 and 15.25.6 */
#define KVM_PF_PRESENT BIT_ULL(0)
#define KVM_PF_WRITE BIT_ULL(1)
#define KVM_PF_USER BIT_ULL(2)
#define KVM_PF_RSVD BIT_ULL(3)
#define KVM_PF_FETCH BIT_ULL(4)
#define KVM_PF_PK BIT_ULL(5)
#define KVM_PF_SS BIT_ULL(6)
#define KVM_PF_IMPLICIT \
	BIT_ULL(16) /* ours: a supervisor access whatever the CPL (descriptor tables, TSS) */
#define KVM_PF_UNKNOWN_ACCESS \
	BIT_ULL(17) /* ours: the exit does not say what kind of access it was */
#define KVM_PF_GUEST_FINAL BIT_ULL(32)
#define KVM_PF_GUEST_PAGE BIT_ULL(33)

int kvm_mmu_init(void); /* module load */
void kvm_mmu_exit(void);
int kvm_mmu_init_vm(struct kvm *kvm);
void kvm_mmu_destroy_vm(
	struct kvm *kvm); /* no vCPU left; tables are freed without waiting for grace periods */
int kvm_mmu_create(struct kvm_vcpu *vcpu);
void kvm_mmu_destroy(struct kvm_vcpu *vcpu);

/* Outer loop, IRQs on: a root is loaded for the present mode.  0, -ENOMEM */
int kvm_mmu_load(struct kvm_vcpu *vcpu);
/* CR0, CR3, CR4, EFER, CPUID or SMM state changed. */
void kvm_mmu_reset_context(struct kvm_vcpu *vcpu);

/**
 * kvm_mmu_fault() - a two-dimensional page fault
 * @error: KVM_PF_*
 * @insn: instruction bytes from decode assist, or NULL
 * @len: how many
 * Return: a tier or an errno
 * Context: IRQs on, SRCU held, may sleep
 */
int kvm_mmu_fault(struct kvm_vcpu *vcpu, gpa_t gpa, u64 error, const void *insn, int len);

/**
 * kvm_mmu_misconfig() - an entry was used that says that nothing is at a frame (EPT misconfiguration)
 * @gpa: guest physical address
 *
 * Without a walk: MMIO, unless a slot has come meanwhile.  In the inner loop, kvm_mmu_is_mmio() and kvm_mmio_fast() with
 * KVM_PF_UNKNOWN_ACCESS come first.
 *
 * Return: a tier or an errno
 * Context: IRQs on, SRCU held, may sleep
 */
int kvm_mmu_misconfig(struct kvm_vcpu *vcpu, gpa_t gpa, const void *insn, int len);

/**
 * kvm_mmu_page_logged() - the processor has logged a write to a page (page-modification log)
 * @gpa: the entry of the log
 *
 * The backend empties its log before it leaves the inner loop.
 *
 * Context: interrupts off in the inner loop, or SRCU held; does not sleep
 */
void kvm_mmu_page_logged(struct kvm_vcpu *vcpu, gpa_t gpa);

/* Pages of ours in the guest's physical address space, where it has no slot: SDM vol. 3C, 29.3 and 30.4. */
#define KVM_PRIVATE_TSS_PAGES 3

enum kvm_private_page {
	KVM_PRIVATE_IDENTITY_MAP, /* page tables for a guest without paging on a CPU that has none without */
	KVM_PRIVATE_TSS, /* for real mode on such a CPU; the first of its pages */
	KVM_PRIVATE_APIC_ACCESS =
		KVM_PRIVATE_TSS +
		KVM_PRIVATE_TSS_PAGES, /* the CPU takes accesses to it for ones to the local APIC */
	KVM_NR_PRIVATE_PAGES,
};

/**
 * kvm_mmu_set_private_page() - let the guest's processor find a page of ours at a frame, as long as that has no slot
 * @kvm: the VM
 * @which: which of them
 * @page: it; from now on the VM's, and freed with it
 * @gpa: where
 *
 * Software (the emulator, the VMM) finds nothing there: MMIO.
 *
 * Context: may sleep; each of them once in a VM's life, serialized by kvm->lock
 */
void kvm_mmu_set_private_page(struct kvm *kvm, enum kvm_private_page which, struct page *page,
			      gpa_t gpa);
/*
 * Show it, or hide it (as it is at first): a private page that is hidden is MMIO.  Any number of times; the caller serializes
 * showing and hiding of the same one.  Takes no mutex: KVM_RUN comes here with kvm->srcu held.
 */
void kvm_mmu_show_private_page(struct kvm *kvm, enum kvm_private_page which, bool show);

/**
 * kvm_mmu_is_mmio() - has the frame of a two-dimensional fault no memory slot?
 * @gpa: guest physical address
 *
 * The guest's access then is MMIO, whatever the tables hold.
 *
 * Context: SRCU held, or in the inner loop (interrupts off); does not sleep
 */
bool kvm_mmu_is_mmio(struct kvm_vcpu *vcpu, gpa_t gpa);

/* What a guest page table walk found wrong, for injection. */
struct kvm_walk_fault {
	u8 vector; /* #PF, or #GP for a non-canonical address */
	u32 error_code;
	u64 cr2;
};

/**
 * kvm_gva_to_gpa() - translate as the guest's own page tables do
 * @access: KVM_PF_WRITE | KVM_PF_USER | KVM_PF_FETCH | KVM_PF_IMPLICIT as the access is
 * @fault: filled in on failure; may be NULL
 * Return: the gpa, or INVALID_GPA
 * Context: SRCU held, may sleep.  Sets accessed and dirty bits.
 */
gpa_t kvm_gva_to_gpa(struct kvm_vcpu *vcpu, gva_t gva, u64 access, struct kvm_walk_fault *fault);
/* The same without side effects on the guest's tables and without sleeping; INVALID_GPA also when a table page is not resident. */
gpa_t kvm_gva_to_gpa_nofault(struct kvm_vcpu *vcpu, gva_t gva, u64 access);
/* Page directory pointers of PAE mode are loaded and checked: false for #GP. */
bool kvm_load_pdptrs(struct kvm_vcpu *vcpu, unsigned long cr3);

/* The vCPU is behind kvm->arch.tlb_gen: flush and catch up.  Called before every entry. */
static inline bool kvm_tlb_stale(struct kvm_vcpu *vcpu)
{
	return unlikely(vcpu->arch.mmu.tlb_gen != READ_ONCE(vcpu->kvm->arch.tlb_gen));
}
void kvm_tlb_catch_up(struct kvm_vcpu *vcpu);
void kvm_tlb_flush(struct kvm_vcpu *vcpu);

/* INVLPG, MOV CR3, INVPCID of the guest where they are intercepted or emulated. */
void kvm_mmu_invlpg(struct kvm_vcpu *vcpu, gva_t gva);
int kvm_mmu_invpcid(struct kvm_vcpu *vcpu, unsigned long type, u64 pcid, gva_t gva);

#endif /* KVM_X86_MMU_H */
