/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine control block: clean bits, intercepts, small helpers.  Its layout is <asm/svm.h>'s (APM vol. 2,
 * appendix B).
 */
#ifndef KVM_SVM_VMCB_H
#define KVM_SVM_VMCB_H

#include <asm/svm.h>

/* What <asm/svm.h> lacks. */
#define SVM_INTERCEPT_WORDS 6
#define SVM_CR_VALID \
	BIT_ULL(63) /* EXITINFO1 of a CR access: decode assist has filled in bits 3:0 */

/*
 * Clean bits, APM vol. 2, 15.15.3: the processor may use what it cached of that part of the VMCB at the last VMRUN.
 * Software that changes the part clears the bit.
 */
enum vmcb_part {
	VMCB_INTERCEPTS, /* intercept words, TSC offset, pause filter */
	VMCB_PERM_MAP, /* addresses of the I/O and MSR permission maps */
	VMCB_ASID,
	VMCB_INTR, /* int_ctl, int_vector */
	VMCB_NPT, /* nested_ctl, nested_cr3, g_pat */
	VMCB_CR, /* CR0, CR3, CR4, EFER */
	VMCB_DR, /* DR6, DR7 */
	VMCB_DT, /* GDTR, IDTR */
	VMCB_SEG, /* CS, DS, SS, ES, CPL */
	VMCB_CR2,
	VMCB_LBR, /* DBGCTL, LBR MSRs */
	VMCB_AVIC, /* APIC_BAR, backing page, tables */
	VMCB_NR_PARTS,
};

#define VMCB_ALL_CLEAN (BIT(VMCB_NR_PARTS) - 1)

static __always_inline void vmcb_mark_dirty(struct vmcb *vmcb, enum vmcb_part part)
{
	vmcb->control.clean &= ~BIT(part);
}

static inline void vmcb_mark_all_dirty(struct vmcb *vmcb)
{
	vmcb->control.clean = 0;
}

static inline bool vmcb_is_intercept(const struct vmcb *vmcb, unsigned int bit)
{
	return vmcb->control.intercepts[bit / 32] & BIT(bit % 32);
}

static inline void vmcb_set_intercept(struct vmcb *vmcb, unsigned int bit)
{
	vmcb->control.intercepts[bit / 32] |= BIT(bit % 32);
	vmcb_mark_dirty(vmcb, VMCB_INTERCEPTS);
}

static inline void vmcb_clear_intercept(struct vmcb *vmcb, unsigned int bit)
{
	vmcb->control.intercepts[bit / 32] &= ~BIT(bit % 32);
	vmcb_mark_dirty(vmcb, VMCB_INTERCEPTS);
}

static inline void vmcb_assign_intercept(struct vmcb *vmcb, unsigned int bit, bool on)
{
	if (on != vmcb_is_intercept(vmcb, bit)) {
		vmcb->control.intercepts[bit / 32] ^= BIT(bit % 32);
		vmcb_mark_dirty(vmcb, VMCB_INTERCEPTS);
	}
}

#endif /* KVM_SVM_VMCB_H */
