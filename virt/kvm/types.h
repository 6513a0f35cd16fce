/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The address types of the field.
 *
 * gva  guest virtual address, what a guest instruction names
 * gpa  guest physical address, what the guest's page tables name
 * gfn  guest frame number, a gpa in units of 4 KiB
 * hva  host virtual address, in the address space of the VMM
 * hpa  host physical address
 * pfn  host frame number, an hpa in units of 4 KiB
 */
#ifndef KVM_TYPES_H
#define KVM_TYPES_H

#include <linux/types.h>

typedef unsigned long gva_t;
typedef u64 gpa_t;
typedef u64 gfn_t;
typedef unsigned long hva_t;
typedef u64 hpa_t;
typedef u64 kvm_pfn_t;

#define INVALID_GPA (~(gpa_t)0)
#define INVALID_GFN (~(gfn_t)0)
#define INVALID_HPA (~(hpa_t)0)

static inline gpa_t gfn_to_gpa(gfn_t gfn)
{
	return (gpa_t)gfn << 12;
}

static inline gfn_t gpa_to_gfn(gpa_t gpa)
{
	return (gfn_t)(gpa >> 12);
}

#endif /* KVM_TYPES_H */
