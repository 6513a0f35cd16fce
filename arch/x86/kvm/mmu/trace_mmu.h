/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of system "kvmmmu": the guest's page tables walked, ours changed.
 */
#if !defined(KVM_TRACE_MMU_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVM_TRACE_MMU_H

#include <linux/tracepoint.h>

#include "types.h"

/* TRACE_EVENT() is laid out as the kernel does. */
/* clang-format off */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvmmmu

#define KVM_TRACE_PFERR \
	{ BIT(0), "P" }, { BIT(1), "W" }, { BIT(2), "U" }, { BIT(3), "RSVD" }, { BIT(4), "F" }

/* A walk of the guest's tables begins; @pferr: the access, in bits of #PF's error code */
TRACE_EVENT(kvm_mmu_pagetable_walk,
	TP_PROTO(u64 addr, u32 pferr),
	TP_ARGS(addr, pferr),
	TP_STRUCT__entry(
		__field(__u64, addr)
		__field(__u32, pferr)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->pferr = pferr;
	),
	TP_printk("addr %llx pferr %x %s", __entry->addr, __entry->pferr,
		  __print_flags(__entry->pferr, "|", KVM_TRACE_PFERR))
);

/* It reads an entry */
TRACE_EVENT(kvm_mmu_paging_element,
	TP_PROTO(u64 pte, int level),
	TP_ARGS(pte, level),
	TP_STRUCT__entry(
		__field(__u64, pte)
		__field(__u32, level)
	),
	TP_fast_assign(
		__entry->pte = pte;
		__entry->level = level;
	),
	TP_printk("pte %llx level %u", __entry->pte, __entry->level)
);

/* It sets a flag in an entry, at @gpa */
DECLARE_EVENT_CLASS(kvm_mmu_entry_flag,
	TP_PROTO(u64 gpa),
	TP_ARGS(gpa),
	TP_STRUCT__entry(
		__field(__u64, gpa)
	),
	TP_fast_assign(
		__entry->gpa = gpa;
	),
	TP_printk("gpa %llx", __entry->gpa)
);

DEFINE_EVENT(kvm_mmu_entry_flag, kvm_mmu_set_accessed_bit,
	TP_PROTO(u64 gpa),
	TP_ARGS(gpa)
);

DEFINE_EVENT(kvm_mmu_entry_flag, kvm_mmu_set_dirty_bit,
	TP_PROTO(u64 gpa),
	TP_ARGS(gpa)
);

/* It ends with a fault for the guest */
TRACE_EVENT(kvm_mmu_walker_error,
	TP_PROTO(u32 pferr),
	TP_ARGS(pferr),
	TP_STRUCT__entry(
		__field(__u32, pferr)
	),
	TP_fast_assign(
		__entry->pferr = pferr;
	),
	TP_printk("pferr %x %s", __entry->pferr,
		  __print_flags(__entry->pferr, "|", KVM_TRACE_PFERR))
);

/* A page of the guest is about to be mapped, as large as slot, host and hardware allow */
TRACE_EVENT(kvm_mmu_spte_requested,
	TP_PROTO(u64 gfn, u64 pfn, u8 level),
	TP_ARGS(gfn, pfn, level),
	TP_STRUCT__entry(
		__field(u64, gfn)
		__field(u64, pfn)
		__field(u8, level)
	),
	TP_fast_assign(
		__entry->gfn = gfn;
		__entry->pfn = pfn;
		__entry->level = level;
	),
	TP_printk("gfn %llx pfn %llx level %d", __entry->gfn, __entry->pfn, __entry->level)
);

/* A large leaf, @spte, has become a table of smaller ones; it does not fail halfway: @errno is 0 */
TRACE_EVENT(kvm_mmu_split_huge_page,
	TP_PROTO(u64 gfn, u64 spte, int level, int errno),
	TP_ARGS(gfn, spte, level, errno),
	TP_STRUCT__entry(
		__field(u64, gfn)
		__field(u64, spte)
		__field(int, level)
		__field(int, errno)
	),
	TP_fast_assign(
		__entry->gfn = gfn;
		__entry->spte = spte;
		__entry->level = level;
		__entry->errno = errno;
	),
	TP_printk("gfn %llx spte %llx level %d errno %d", __entry->gfn, __entry->spte,
		  __entry->level, __entry->errno)
);

/* An access to a frame without memory; @access: bits of the error code */
TRACE_EVENT(handle_mmio_page_fault,
	TP_PROTO(u64 addr, gfn_t gfn, unsigned int access),
	TP_ARGS(addr, gfn, access),
	TP_STRUCT__entry(
		__field(u64, addr)
		__field(gfn_t, gfn)
		__field(unsigned int, access)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->gfn = gfn;
		__entry->access = access;
	),
	TP_printk("addr:%llx gfn %llx access %x", __entry->addr, __entry->gfn,
		  __entry->access)
);

#endif /* KVM_TRACE_MMU_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH mmu
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_mmu
#include <trace/define_trace.h>
