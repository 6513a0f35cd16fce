/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why VMRUN refused a VMCB.  Pure.
 */
#ifndef KVM_SVM_ENTRY_CHECK_H
#define KVM_SVM_ENTRY_CHECK_H

#include "../pure.h"

/**
 * struct svm_entry - the fields that VMRUN checks, and what it checks them against
 * @intercept_vmrun: INTERCEPT word 4, bit 0
 * @np_enable: nested paging is on
 * @host_pg: CR0.PG of the host
 * @phys_bits: width of a physical address of the host
 * @cr4_reserved: bits of CR4 that the processor does not have
 * @efer_reserved: likewise EFER
 * The others are VMCB fields.
 */
struct svm_entry {
	u64 cr0, cr3, cr4, efer, dr6, dr7, rflags;
	u64 g_pat, nested_cr3, iopm_pa, msrpm_pa;
	u32 asid;
	u32 event_inj;
	u16 cs_attrib;
	bool intercept_vmrun;
	bool np_enable;
	bool host_pg;
	u8 phys_bits;
	u64 cr4_reserved;
	u64 efer_reserved;
};

/**
 * struct svm_entry_rule - one of the rules of APM vol. 2, 15.5.1 and 15.20
 * @field: the VMCB field to blame
 * @text: what it must not be
 * @broken: does @e break the rule?
 * @value: the field's value, for the report
 */
struct svm_entry_rule {
	const char *field;
	const char *text;
	bool (*broken)(const struct svm_entry *e);
	u64 (*value)(const struct svm_entry *e);
};

/**
 * svm_entry_check() - the first rule that @e breaks, from *@from on
 * @from: 0 at first; moved behind the rule found, to go on with
 * Return: NULL when no (further) rule is broken
 */
const struct svm_entry_rule *svm_entry_check(const struct svm_entry *e, unsigned int *from);

#endif /* KVM_SVM_ENTRY_CHECK_H */
