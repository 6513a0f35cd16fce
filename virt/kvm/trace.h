/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of system "kvm" that are no architecture's.
 *
 * Names, fields and their order, and the words printed are ABI: perf kvm stat, kvm_stat and trace-cmd read them.  What
 * they tell is documented in Documentation/virt/kvm/tracing.rst.
 */
#if !defined(KVM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVM_TRACE_H

#include <linux/tracepoint.h>
#include <linux/kvm.h>

/* TRACE_EVENT() is laid out as the kernel does. */
/* clang-format off */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

#define KVM_TRACE_EXIT(x) { KVM_EXIT_##x, "KVM_EXIT_" #x }
#define KVM_TRACE_EXITS                                                                   \
	KVM_TRACE_EXIT(UNKNOWN), KVM_TRACE_EXIT(EXCEPTION), KVM_TRACE_EXIT(IO),           \
		KVM_TRACE_EXIT(HYPERCALL), KVM_TRACE_EXIT(DEBUG), KVM_TRACE_EXIT(HLT),    \
		KVM_TRACE_EXIT(MMIO), KVM_TRACE_EXIT(IRQ_WINDOW_OPEN),                    \
		KVM_TRACE_EXIT(SHUTDOWN), KVM_TRACE_EXIT(FAIL_ENTRY),                     \
		KVM_TRACE_EXIT(INTR), KVM_TRACE_EXIT(SET_TPR),                            \
		KVM_TRACE_EXIT(TPR_ACCESS), KVM_TRACE_EXIT(NMI),                          \
		KVM_TRACE_EXIT(INTERNAL_ERROR), KVM_TRACE_EXIT(WATCHDOG),                 \
		KVM_TRACE_EXIT(SYSTEM_EVENT), KVM_TRACE_EXIT(IOAPIC_EOI),                 \
		KVM_TRACE_EXIT(HYPERV), KVM_TRACE_EXIT(X86_RDMSR),                        \
		KVM_TRACE_EXIT(X86_WRMSR), KVM_TRACE_EXIT(DIRTY_RING_FULL),               \
		KVM_TRACE_EXIT(X86_BUS_LOCK), KVM_TRACE_EXIT(NOTIFY),                     \
		KVM_TRACE_EXIT(MEMORY_FAULT)

/* KVM_RUN returns: with @errno 0 for kvm_run's @reason, else with that errno */
TRACE_EVENT(kvm_userspace_exit,
	TP_PROTO(__u32 reason, int errno),
	TP_ARGS(reason, errno),
	TP_STRUCT__entry(
		__field(__u32, reason)
		__field(int, errno)
	),
	TP_fast_assign(
		__entry->reason = reason;
		__entry->errno = errno;
	),
	TP_printk("reason %s (%d)",
		  __entry->errno < 0 ?
			  (__entry->errno == -EINTR ? "restart" : "error") :
			  __print_symbolic(__entry->reason, KVM_TRACE_EXITS),
		  __entry->errno < 0 ? -__entry->errno : __entry->reason)
);

/* A halted vCPU goes on after @ns; @waited: it slept; @valid: because of an event */
TRACE_EVENT(kvm_vcpu_wakeup,
	TP_PROTO(__u64 ns, bool waited, bool valid),
	TP_ARGS(ns, waited, valid),
	TP_STRUCT__entry(
		__field(__u64, ns)
		__field(bool, waited)
		__field(bool, valid)
	),
	TP_fast_assign(
		__entry->ns = ns;
		__entry->waited = waited;
		__entry->valid = valid;
	),
	TP_printk("%s time %lld ns, polling %s", __entry->waited ? "wait" : "poll",
		  __entry->ns, __entry->valid ? "valid" : "invalid")
);

/* The polling budget of a vCPU changes, in ns */
TRACE_EVENT(kvm_halt_poll_ns,
	TP_PROTO(bool grow, unsigned int vcpu_id, unsigned int new, unsigned int old),
	TP_ARGS(grow, vcpu_id, new, old),
	TP_STRUCT__entry(
		__field(bool, grow)
		__field(unsigned int, vcpu_id)
		__field(unsigned int, new)
		__field(unsigned int, old)
	),
	TP_fast_assign(
		__entry->grow = grow;
		__entry->vcpu_id = vcpu_id;
		__entry->new = new;
		__entry->old = old;
	),
	TP_printk("vcpu %u: halt_poll_ns %u (%s %u)", __entry->vcpu_id, __entry->new,
		  __entry->grow ? "grow" : "shrink", __entry->old)
);

/* A line of the interrupt controllers is driven */
TRACE_EVENT(kvm_set_irq,
	TP_PROTO(unsigned int gsi, int level, int irq_source_id),
	TP_ARGS(gsi, level, irq_source_id),
	TP_STRUCT__entry(
		__field(unsigned int, gsi)
		__field(int, level)
		__field(int, irq_source_id)
	),
	TP_fast_assign(
		__entry->gsi = gsi;
		__entry->level = level;
		__entry->irq_source_id = irq_source_id;
	),
	TP_printk("gsi %u level %d source %d", __entry->gsi, __entry->level,
		  __entry->irq_source_id)
);

#define KVM_TRACE_IRQCHIPS                                                                \
	{ KVM_IRQCHIP_PIC_MASTER, "PIC master" }, { KVM_IRQCHIP_PIC_SLAVE, "PIC slave" }, \
		{ KVM_IRQCHIP_IOAPIC, "IOAPIC" }

/* The guest has acknowledged an interrupt of a pin */
TRACE_EVENT(kvm_ack_irq,
	TP_PROTO(unsigned int irqchip, unsigned int pin),
	TP_ARGS(irqchip, pin),
	TP_STRUCT__entry(
		__field(unsigned int, irqchip)
		__field(unsigned int, pin)
	),
	TP_fast_assign(
		__entry->irqchip = irqchip;
		__entry->pin = pin;
	),
	TP_printk("irqchip %s pin %u", __print_symbolic(__entry->irqchip, KVM_TRACE_IRQCHIPS),
		  __entry->pin)
);

#define KVM_TRACE_MMIO_READ_UNSATISFIED 0
#define KVM_TRACE_MMIO_READ 1
#define KVM_TRACE_MMIO_WRITE 2

/* An access to an address without memory; a read that the VMM has yet to answer is "unsatisfied" */
TRACE_EVENT(kvm_mmio,
	TP_PROTO(int type, int len, u64 gpa, const void *val),
	TP_ARGS(type, len, gpa, val),
	TP_STRUCT__entry(
		__field(u32, type)
		__field(u32, len)
		__field(u64, gpa)
		__field(u64, val)
	),
	TP_fast_assign(
		__entry->type = type;
		__entry->len = len;
		__entry->gpa = gpa;
		__entry->val = 0;
		if (val)
			memcpy(&__entry->val, val, min_t(u32, sizeof(__entry->val), len));
	),
	TP_printk("mmio %s len %u gpa 0x%llx val 0x%llx",
		  __print_symbolic(__entry->type,
				   { KVM_TRACE_MMIO_READ_UNSATISFIED, "unsatisfied-read" },
				   { KVM_TRACE_MMIO_READ, "read" },
				   { KVM_TRACE_MMIO_WRITE, "write" }),
		  __entry->len, __entry->gpa, __entry->val)
);

/* The guest's FPU state goes into the registers (@load) or out of them */
TRACE_EVENT(kvm_fpu,
	TP_PROTO(int load),
	TP_ARGS(load),
	TP_STRUCT__entry(
		__field(u32, load)
	),
	TP_fast_assign(
		__entry->load = load;
	),
	TP_printk("%s", __print_symbolic(__entry->load, { 0, "unload" }, { 1, "load" }))
);

/* A guest is told that the page of a fault is being fetched, and under which @token that it is there */
DECLARE_EVENT_CLASS(kvm_async_pf_token,
	TP_PROTO(u64 token, u64 gva),
	TP_ARGS(token, gva),
	TP_STRUCT__entry(
		__field(__u64, token)
		__field(__u64, gva)
	),
	TP_fast_assign(
		__entry->token = token;
		__entry->gva = gva;
	),
	TP_printk("token %#llx gva %#llx", __entry->token, __entry->gva)
);

DEFINE_EVENT(kvm_async_pf_token, kvm_async_pf_not_present,
	TP_PROTO(u64 token, u64 gva),
	TP_ARGS(token, gva)
);

DEFINE_EVENT(kvm_async_pf_token, kvm_async_pf_ready,
	TP_PROTO(u64 token, u64 gva),
	TP_ARGS(token, gva)
);

/* The page of a fault would have to be waited for: can the guest do something else?  @gva: as above, a physical address */
DECLARE_EVENT_CLASS(kvm_async_pf_page,
	TP_PROTO(u64 gva, u64 gfn),
	TP_ARGS(gva, gfn),
	TP_STRUCT__entry(
		__field(__u64, gva)
		__field(u64, gfn)
	),
	TP_fast_assign(
		__entry->gva = gva;
		__entry->gfn = gfn;
	),
	TP_printk("gva = %#llx, gfn = %#llx", __entry->gva, __entry->gfn)
);

DEFINE_EVENT(kvm_async_pf_page, kvm_try_async_get_page,
	TP_PROTO(u64 gva, u64 gfn),
	TP_ARGS(gva, gfn)
);

/* It has done so, and come to the same page again */
DEFINE_EVENT(kvm_async_pf_page, kvm_async_pf_repeated_fault,
	TP_PROTO(u64 gva, u64 gfn),
	TP_ARGS(gva, gfn)
);

/* The page is there, at @address of the VMM's */
TRACE_EVENT(kvm_async_pf_completed,
	TP_PROTO(unsigned long address, u64 gva),
	TP_ARGS(address, gva),
	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(u64, gva)
	),
	TP_fast_assign(
		__entry->address = address;
		__entry->gva = gva;
	),
	TP_printk("gva %#llx address %#lx", __entry->gva, __entry->address)
);

/* What the host does with a range of the VMM's addresses */
DECLARE_EVENT_CLASS(kvm_hva_range,
	TP_PROTO(unsigned long start, unsigned long end),
	TP_ARGS(start, end),
	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
	),
	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
	),
	TP_printk("mmu notifier unmap range: %#016lx -- %#016lx", __entry->start,
		  __entry->end)
);

/* It takes back or changes what it maps there */
DEFINE_EVENT(kvm_hva_range, kvm_unmap_hva_range,
	TP_PROTO(unsigned long start, unsigned long end),
	TP_ARGS(start, end)
);

/* It asks whether the guest has used it, and forgets */
DEFINE_EVENT_PRINT(kvm_hva_range, kvm_age_hva,
	TP_PROTO(unsigned long start, unsigned long end),
	TP_ARGS(start, end),
	TP_printk("mmu notifier age hva: %#016lx -- %#016lx", __entry->start, __entry->end)
);

/* The same without forgetting */
TRACE_EVENT(kvm_test_age_hva,
	TP_PROTO(unsigned long hva),
	TP_ARGS(hva),
	TP_STRUCT__entry(
		__field(unsigned long, hva)
	),
	TP_fast_assign(
		__entry->hva = hva;
	),
	TP_printk("mmu notifier test age hva: %#016lx", __entry->hva)
);

#endif /* KVM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
