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
