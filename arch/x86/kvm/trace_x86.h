/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of system "kvm" that are x86's; see virt/kvm/trace.h.
 */
#if !defined(KVM_TRACE_X86_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVM_TRACE_X86_H

#include <linux/tracepoint.h>
#include <linux/clocksource.h>
#include <asm/pvclock-abi.h>
#include <asm/svm.h>
#include <asm/vmx.h>

#include "backend.h"
#include "regs.h"

/* TRACE_EVENT() is laid out as the kernel does. */
/* clang-format off */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

/* ---- into the guest and out of it: one pair for every entry, whoever serves the exit */

TRACE_EVENT(kvm_entry,
	TP_PROTO(struct kvm_vcpu *vcpu, bool immediate_exit),
	TP_ARGS(vcpu, immediate_exit),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned long, rip)
		__field(bool, immediate_exit)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu->id;
		__entry->rip = kvm_rip_read(vcpu);
		__entry->immediate_exit = immediate_exit;
	),
	TP_printk("vcpu %u, rip 0x%lx%s", __entry->vcpu_id, __entry->rip,
		  __entry->immediate_exit ? "[immediate exit]" : "")
);

/*
 * What the processor reports, as it does: reason, and what comes with it (VMX: exit qualification and IDT-vectoring
 * information; SVM: EXITINFO1, EXITINFO2 and EXITINTINFO).
 */
TRACE_EVENT(kvm_exit,
	TP_PROTO(struct kvm_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(unsigned int, exit_reason)
		__field(unsigned long, guest_rip)
		__field(u32, isa)
		__field(u64, info1)
		__field(u64, info2)
		__field(u32, intr_info)
		__field(u32, error_code)
		__field(unsigned int, vcpu_id)
	),
	TP_fast_assign(
		struct kvm_exit_info info;

		kvm_x86_call(get_exit_info)(vcpu, &info);
		__entry->exit_reason = info.reason;
		__entry->guest_rip = kvm_rip_read(vcpu);
		__entry->isa = info.isa;
		__entry->info1 = info.info1;
		__entry->info2 = info.info2;
		__entry->intr_info = info.intr_info;
		__entry->error_code = info.error_code;
		__entry->vcpu_id = vcpu->id;
	),
	TP_printk("vcpu %u reason %s%s%s rip 0x%lx info1 0x%016llx info2 0x%016llx intr_info 0x%08x error_code 0x%08x",
		  __entry->vcpu_id,
		  __entry->isa == 1 ?
			  __print_symbolic(__entry->exit_reason & 0xffff, VMX_EXIT_REASONS) :
			  __print_symbolic(__entry->exit_reason, SVM_EXIT_REASONS),
		  __entry->isa == 1 && __entry->exit_reason & ~0xffff ? " " : "",
		  __entry->isa == 1 && __entry->exit_reason & ~0xffff ?
			  __print_flags(__entry->exit_reason & ~0xffff, " ",
					VMX_EXIT_REASON_FLAGS) : "",
		  __entry->guest_rip, __entry->info1, __entry->info2, __entry->intr_info,
		  __entry->error_code)
);

/* ---- what instructions that exited did */

TRACE_EVENT(kvm_cpuid,
	TP_PROTO(unsigned int function, unsigned int index, unsigned long rax,
		 unsigned long rbx, unsigned long rcx, unsigned long rdx, bool found,
		 bool used_max_basic),
	TP_ARGS(function, index, rax, rbx, rcx, rdx, found, used_max_basic),
	TP_STRUCT__entry(
		__field(unsigned int, function)
		__field(unsigned int, index)
		__field(unsigned long, rax)
		__field(unsigned long, rbx)
		__field(unsigned long, rcx)
		__field(unsigned long, rdx)
		__field(bool, found)
		__field(bool, used_max_basic)
	),
	TP_fast_assign(
		__entry->function = function;
		__entry->index = index;
		__entry->rax = rax;
		__entry->rbx = rbx;
		__entry->rcx = rcx;
		__entry->rdx = rdx;
		__entry->found = found;
		__entry->used_max_basic = used_max_basic;
	),
	TP_printk("func %x idx %x rax %lx rbx %lx rcx %lx rdx %lx, cpuid entry %s%s",
		  __entry->function, __entry->index, __entry->rax, __entry->rbx,
		  __entry->rcx, __entry->rdx, __entry->found ? "found" : "not found",
		  __entry->used_max_basic ? ", used max basic" : "")
);

TRACE_EVENT(kvm_hypercall,
	TP_PROTO(unsigned long nr, unsigned long a0, unsigned long a1, unsigned long a2,
		 unsigned long a3),
	TP_ARGS(nr, a0, a1, a2, a3),
	TP_STRUCT__entry(
		__field(unsigned long, nr)
		__field(unsigned long, a0)
		__field(unsigned long, a1)
		__field(unsigned long, a2)
		__field(unsigned long, a3)
	),
	TP_fast_assign(
		__entry->nr = nr;
		__entry->a0 = a0;
		__entry->a1 = a1;
		__entry->a2 = a2;
		__entry->a3 = a3;
	),
	TP_printk("nr 0x%lx a0 0x%lx a1 0x%lx a2 0x%lx a3 0x%lx", __entry->nr, __entry->a0,
		  __entry->a1, __entry->a2, __entry->a3)
);

#define KVM_TRACE_READ 0
#define KVM_TRACE_WRITE 1

/* @data: the first of @count elements of @size bytes */
TRACE_EVENT(kvm_pio,
	TP_PROTO(unsigned int rw, unsigned int port, unsigned int size, unsigned int count,
		 const void *data),
	TP_ARGS(rw, port, size, count, data),
	TP_STRUCT__entry(
		__field(unsigned int, rw)
		__field(unsigned int, port)
		__field(unsigned int, size)
		__field(unsigned int, count)
		__field(unsigned int, val)
	),
	TP_fast_assign(
		__entry->rw = rw;
		__entry->port = port;
		__entry->size = size;
		__entry->count = count;
		__entry->val = 0;
		memcpy(&__entry->val, data, min_t(unsigned int, size, sizeof(__entry->val)));
	),
	TP_printk("pio_%s at 0x%x size %d count %d val 0x%x %s",
		  __entry->rw ? "write" : "read", __entry->port, __entry->size,
		  __entry->count, __entry->val, __entry->count > 1 ? "(...)" : "")
);

TRACE_EVENT(kvm_msr,
	TP_PROTO(unsigned int write, u32 ecx, u64 data, bool exception),
	TP_ARGS(write, ecx, data, exception),
	TP_STRUCT__entry(
		__field(unsigned int, write)
		__field(u32, ecx)
		__field(u64, data)
		__field(u8, exception)
	),
	TP_fast_assign(
		__entry->write = write;
		__entry->ecx = ecx;
		__entry->data = data;
		__entry->exception = exception;
	),
	TP_printk("msr_%s %x = 0x%llx%s", __entry->write ? "write" : "read", __entry->ecx,
		  __entry->data, __entry->exception ? " (#GP)" : "")
);

TRACE_EVENT(kvm_cr,
	TP_PROTO(unsigned int rw, unsigned int cr, unsigned long val),
	TP_ARGS(rw, cr, val),
	TP_STRUCT__entry(
		__field(unsigned int, rw)
		__field(unsigned int, cr)
		__field(unsigned long, val)
	),
	TP_fast_assign(
		__entry->rw = rw;
		__entry->cr = cr;
		__entry->val = val;
	),
	TP_printk("cr_%s %x = 0x%lx", __entry->rw ? "write" : "read", __entry->cr,
		  __entry->val)
);

/* An access to an address that is known to have no memory */
TRACE_EVENT(vcpu_match_mmio,
	TP_PROTO(gva_t gva, gpa_t gpa, bool write, bool gpa_match),
	TP_ARGS(gva, gpa, write, gpa_match),
	TP_STRUCT__entry(
		__field(gva_t, gva)
		__field(gpa_t, gpa)
		__field(bool, write)
		__field(bool, gpa_match)
	),
	TP_fast_assign(
		__entry->gva = gva;
		__entry->gpa = gpa;
		__entry->write = write;
		__entry->gpa_match = gpa_match;
	),
	TP_printk("gva %#llx gpa %#llx %s %s", (u64)__entry->gva, __entry->gpa,
		  __entry->write ? "Write" : "Read", __entry->gpa_match ? "GPA" : "GVA")
);

TRACE_EVENT(kvm_page_fault,
	TP_PROTO(struct kvm_vcpu *vcpu, u64 fault_address, u64 error_code),
	TP_ARGS(vcpu, fault_address, error_code),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned long, guest_rip)
		__field(u64, fault_address)
		__field(u64, error_code)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu->id;
		__entry->guest_rip = kvm_rip_read(vcpu);
		__entry->fault_address = fault_address;
		__entry->error_code = error_code;
	),
	TP_printk("vcpu %u rip 0x%lx address 0x%016llx error_code 0x%llx", __entry->vcpu_id,
		  __entry->guest_rip, __entry->fault_address, __entry->error_code)
);

#define KVM_TRACE_EMUL_CR0_PE BIT(0)
#define KVM_TRACE_EMUL_VM86 BIT(1)
#define KVM_TRACE_EMUL_CS_D BIT(2)
#define KVM_TRACE_EMUL_CS_L BIT(3)
#define KVM_TRACE_EMUL_MODES                                               \
	{ 0, "real" }, { KVM_TRACE_EMUL_CR0_PE | KVM_TRACE_EMUL_VM86, "vm16" }, \
		{ KVM_TRACE_EMUL_CR0_PE, "prot16" },                       \
		{ KVM_TRACE_EMUL_CR0_PE | KVM_TRACE_EMUL_CS_D, "prot32" }, \
		{ KVM_TRACE_EMUL_CR0_PE | KVM_TRACE_EMUL_CS_L, "prot64" }

/* An instruction is carried out in software */
TRACE_EVENT(kvm_emulate_insn,
	TP_PROTO(u64 rip, u32 csbase, const u8 *insn, u8 len, u8 flags, bool failed),
	TP_ARGS(rip, csbase, insn, len, flags, failed),
	TP_STRUCT__entry(
		__field(__u64, rip)
		__field(__u32, csbase)
		__field(__u8, len)
		__array(__u8, insn, 15)
		__field(__u8, flags)
		__field(__u8, failed)
	),
	TP_fast_assign(
		__entry->rip = rip;
		__entry->csbase = csbase;
		__entry->len = min_t(u8, len, 15);
		memset(__entry->insn, 0, 15);
		memcpy(__entry->insn, insn, __entry->len);
		__entry->flags = flags;
		__entry->failed = failed;
	),
	TP_printk("%x:%llx:%s (%s)%s", __entry->csbase, __entry->rip,
		  __print_hex(__entry->insn, __entry->len),
		  __print_symbolic(__entry->flags, KVM_TRACE_EMUL_MODES),
		  __entry->failed ? " failed" : "")
);

/* VMX: the log of dirty pages ran full */
TRACE_EVENT(kvm_pml_full,
	TP_PROTO(unsigned int vcpu_id),
	TP_ARGS(vcpu_id),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
	),
	TP_printk("vcpu %d: PML full", __entry->vcpu_id)
);

/* ---- events given to the guest */

TRACE_EVENT(kvm_inj_virq,
	TP_PROTO(unsigned int vector, bool soft, bool reinjected),
	TP_ARGS(vector, soft, reinjected),
	TP_STRUCT__entry(
		__field(unsigned int, vector)
		__field(bool, soft)
		__field(bool, reinjected)
	),
	TP_fast_assign(
		__entry->vector = vector;
		__entry->soft = soft;
		__entry->reinjected = reinjected;
	),
	TP_printk("%s 0x%x%s", __entry->soft ? "Soft/INTn" : "IRQ", __entry->vector,
		  __entry->reinjected ? " [reinjected]" : "")
);

#define KVM_TRACE_EXCEPTION(x) { X86_TRAP_##x, "#" #x }
#define KVM_TRACE_EXCEPTIONS                                                       \
	KVM_TRACE_EXCEPTION(DE), KVM_TRACE_EXCEPTION(DB), KVM_TRACE_EXCEPTION(BP), \
		KVM_TRACE_EXCEPTION(OF), KVM_TRACE_EXCEPTION(BR),                  \
		KVM_TRACE_EXCEPTION(UD), KVM_TRACE_EXCEPTION(NM),                  \
		KVM_TRACE_EXCEPTION(DF), KVM_TRACE_EXCEPTION(TS),                  \
		KVM_TRACE_EXCEPTION(NP), KVM_TRACE_EXCEPTION(SS),                  \
		KVM_TRACE_EXCEPTION(GP), KVM_TRACE_EXCEPTION(PF),                  \
		KVM_TRACE_EXCEPTION(MF), KVM_TRACE_EXCEPTION(AC),                  \
		KVM_TRACE_EXCEPTION(MC), KVM_TRACE_EXCEPTION(XF)

TRACE_EVENT(kvm_inj_exception,
	TP_PROTO(unsigned int exception, bool has_error, unsigned int error_code,
		 bool reinjected),
	TP_ARGS(exception, has_error, error_code, reinjected),
	TP_STRUCT__entry(
		__field(u8, exception)
		__field(u8, has_error)
		__field(u32, error_code)
		__field(bool, reinjected)
	),
	TP_fast_assign(
		__entry->exception = exception;
		__entry->has_error = has_error;
		__entry->error_code = error_code;
		__entry->reinjected = reinjected;
	),
	TP_printk("%s%s%s%s%s", __print_symbolic(__entry->exception, KVM_TRACE_EXCEPTIONS),
		  !__entry->has_error ? "" : " (",
		  !__entry->has_error ? "" : __print_symbolic(__entry->error_code, { }),
		  !__entry->has_error ? "" : ")", __entry->reinjected ? " [reinjected]" : "")
);

/* ---- interrupt controllers */

#define KVM_TRACE_APIC_REG(x) { APIC_##x, "APIC_" #x }
#define KVM_TRACE_APIC_REGS                                                     \
	KVM_TRACE_APIC_REG(ID), KVM_TRACE_APIC_REG(LVR), KVM_TRACE_APIC_REG(TASKPRI), \
		KVM_TRACE_APIC_REG(ARBPRI), KVM_TRACE_APIC_REG(PROCPRI),        \
		KVM_TRACE_APIC_REG(EOI), KVM_TRACE_APIC_REG(RRR),               \
		KVM_TRACE_APIC_REG(LDR), KVM_TRACE_APIC_REG(DFR),               \
		KVM_TRACE_APIC_REG(SPIV), KVM_TRACE_APIC_REG(ISR),              \
		KVM_TRACE_APIC_REG(TMR), KVM_TRACE_APIC_REG(IRR),               \
		KVM_TRACE_APIC_REG(ESR), KVM_TRACE_APIC_REG(ICR),               \
		KVM_TRACE_APIC_REG(ICR2), KVM_TRACE_APIC_REG(LVTT),             \
		KVM_TRACE_APIC_REG(LVTTHMR), KVM_TRACE_APIC_REG(LVTPC),         \
		KVM_TRACE_APIC_REG(LVT0), KVM_TRACE_APIC_REG(LVT1),             \
		KVM_TRACE_APIC_REG(LVTERR), KVM_TRACE_APIC_REG(TMICT),          \
		KVM_TRACE_APIC_REG(TMCCT), KVM_TRACE_APIC_REG(TDCR),            \
		KVM_TRACE_APIC_REG(SELF_IPI)

/* The guest reads or writes a register of its local APIC, in either mode; @reg: offset as in xAPIC mode */
TRACE_EVENT(kvm_apic,
	TP_PROTO(unsigned int rw, unsigned int reg, u64 val),
	TP_ARGS(rw, reg, val),
	TP_STRUCT__entry(
		__field(unsigned int, rw)
		__field(unsigned int, reg)
		__field(u64, val)
	),
	TP_fast_assign(
		__entry->rw = rw;
		__entry->reg = reg;
		__entry->val = val;
	),
	TP_printk("apic_%s %s = 0x%llx", __entry->rw ? "write" : "read",
		  __print_symbolic(__entry->reg, KVM_TRACE_APIC_REGS), __entry->val)
);

#define KVM_TRACE_DELIVERY                                                               \
	{ 0, "Fixed" }, { 1, "LowPrio" }, { 2, "SMI" }, { 3, "Res3" }, { 4, "NMI" }, \
		{ 5, "INIT" }, { 6, "SIPI" }, { 7, "ExtINT" }

TRACE_EVENT(kvm_apic_ipi,
	TP_PROTO(__u32 icr_low, __u32 dest_id),
	TP_ARGS(icr_low, dest_id),
	TP_STRUCT__entry(
		__field(__u32, icr_low)
		__field(__u32, dest_id)
	),
	TP_fast_assign(
		__entry->icr_low = icr_low;
		__entry->dest_id = dest_id;
	),
	TP_printk("dst %x vec %u (%s|%s|%s|%s|%s)", __entry->dest_id, (u8)__entry->icr_low,
		  __print_symbolic(__entry->icr_low >> 8 & 7, KVM_TRACE_DELIVERY),
		  __entry->icr_low & (1 << 11) ? "logical" : "physical",
		  __entry->icr_low & (1 << 14) ? "assert" : "de-assert",
		  __entry->icr_low & (1 << 15) ? "level" : "edge",
		  __print_symbolic(__entry->icr_low >> 18 & 3, { 0, "dst" }, { 1, "self" },
				   { 2, "all" }, { 3, "all-but-self" }))
);

/* A local APIC is offered a message; @dm: delivery mode as it stands in an ICR */
TRACE_EVENT(kvm_apic_accept_irq,
	TP_PROTO(__u32 apicid, __u16 dm, __u16 tm, __u8 vec),
	TP_ARGS(apicid, dm, tm, vec),
	TP_STRUCT__entry(
		__field(__u32, apicid)
		__field(__u16, dm)
		__field(__u16, tm)
		__field(__u8, vec)
	),
	TP_fast_assign(
		__entry->apicid = apicid;
		__entry->dm = dm;
		__entry->tm = tm;
		__entry->vec = vec;
	),
	TP_printk("apicid %x vec %u (%s|%s)", __entry->apicid, __entry->vec,
		  __print_symbolic(__entry->dm >> 8 & 7, KVM_TRACE_DELIVERY),
		  __entry->tm ? "level" : "edge")
);

/* @vector: whose service ends, -1: none was in service */
DECLARE_EVENT_CLASS(kvm_end_of_interrupt,
	TP_PROTO(__u32 apicid, int vector),
	TP_ARGS(apicid, vector),
	TP_STRUCT__entry(
		__field(__u32, apicid)
		__field(int, vector)
	),
	TP_fast_assign(
		__entry->apicid = apicid;
		__entry->vector = vector;
	),
	TP_printk("apicid %x vector %d", __entry->apicid, __entry->vector)
);

/* The guest wrote it to its local APIC */
DEFINE_EVENT(kvm_end_of_interrupt, kvm_eoi,
	TP_PROTO(__u32 apicid, int vector),
	TP_ARGS(apicid, vector)
);

/* It was found in the guest's memory */
DEFINE_EVENT(kvm_end_of_interrupt, kvm_pv_eoi,
	TP_PROTO(__u32 apicid, int vector),
	TP_ARGS(apicid, vector)
);

/* A vCPU runs again after others may have left it a flush of its TLB to do */
TRACE_EVENT(kvm_pv_tlb_flush,
	TP_PROTO(unsigned int vcpu_id, bool need_flush_tlb),
	TP_ARGS(vcpu_id, need_flush_tlb),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(bool, need_flush_tlb)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->need_flush_tlb = need_flush_tlb;
	),
	TP_printk("vcpu %u need_flush_tlb %s", __entry->vcpu_id,
		  __entry->need_flush_tlb ? "true" : "false")
);

/* @e: the pin's redirection entry */
TRACE_EVENT(kvm_ioapic_set_irq,
	TP_PROTO(__u64 e, int pin, bool coalesced),
	TP_ARGS(e, pin, coalesced),
	TP_STRUCT__entry(
		__field(__u64, e)
		__field(int, pin)
		__field(bool, coalesced)
	),
	TP_fast_assign(
		__entry->e = e;
		__entry->pin = pin;
		__entry->coalesced = coalesced;
	),
	TP_printk("pin %u dst %x vec %u (%s|%s|%s%s)%s", __entry->pin,
		  (u8)(__entry->e >> 56), (u8)__entry->e,
		  __print_symbolic(__entry->e >> 8 & 7, KVM_TRACE_DELIVERY),
		  __entry->e & (1 << 11) ? "logical" : "physical",
		  __entry->e & (1 << 15) ? "level" : "edge",
		  __entry->e & (1 << 16) ? "|masked" : "",
		  __entry->coalesced ? " (coalesced)" : "")
);

TRACE_EVENT(kvm_msi_set_irq,
	TP_PROTO(__u64 address, __u64 data),
	TP_ARGS(address, data),
	TP_STRUCT__entry(
		__field(__u64, address)
		__field(__u64, data)
	),
	TP_fast_assign(
		__entry->address = address;
		__entry->data = data;
	),
	TP_printk("dst %llx vec %u (%s|%s|%s%s)",
		  (u8)(__entry->address >> 12) | (__entry->address >> 32 & 0xffffff00),
		  (u8)__entry->data,
		  __print_symbolic(__entry->data >> 8 & 7, KVM_TRACE_DELIVERY),
		  __entry->address & (1 << 2) ? "logical" : "physical",
		  __entry->data & (1 << 15) ? "level" : "edge",
		  __entry->address & (1 << 3) ? "|rh" : "")
);

TRACE_EVENT(kvm_pic_set_irq,
	TP_PROTO(__u8 chip, __u8 pin, __u8 elcr, __u8 imr, bool coalesced),
	TP_ARGS(chip, pin, elcr, imr, coalesced),
	TP_STRUCT__entry(
		__field(__u8, chip)
		__field(__u8, pin)
		__field(__u8, elcr)
		__field(__u8, imr)
		__field(bool, coalesced)
	),
	TP_fast_assign(
		__entry->chip = chip;
		__entry->pin = pin;
		__entry->elcr = elcr;
		__entry->imr = imr;
		__entry->coalesced = coalesced;
	),
	TP_printk("chip %u pin %u (%s%s)%s", __entry->chip, __entry->pin,
		  __entry->elcr & (1 << __entry->pin) ? "level" : "edge",
		  __entry->imr & (1 << __entry->pin) ? "|masked" : "",
		  __entry->coalesced ? " (coalesced)" : "")
);

/* ---- time */

/* An early interrupt of the deadline timer is waited for; @delta: guest ticks past the deadline before, below 0: to it */
TRACE_EVENT(kvm_wait_lapic_expire,
	TP_PROTO(unsigned int vcpu_id, s64 delta),
	TP_ARGS(vcpu_id, delta),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(s64, delta)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->delta = delta;
	),
	TP_printk("vcpu %u: delta %lld (%s)", __entry->vcpu_id, __entry->delta,
		  __entry->delta < 0 ? "early" : "late")
);

/* The APIC's deadline goes to the processor's own timer, or to the host's */
TRACE_EVENT(kvm_hv_timer_state,
	TP_PROTO(unsigned int vcpu_id, unsigned int hv_timer_in_use),
	TP_ARGS(vcpu_id, hv_timer_in_use),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned int, hv_timer_in_use)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->hv_timer_in_use = hv_timer_in_use;
	),
	TP_printk("vcpu %u hv_timer %x", __entry->vcpu_id, __entry->hv_timer_in_use)
);

TRACE_EVENT(kvm_write_tsc_offset,
	TP_PROTO(unsigned int vcpu_id, __u64 previous_tsc_offset, __u64 next_tsc_offset),
	TP_ARGS(vcpu_id, previous_tsc_offset, next_tsc_offset),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(__u64, previous_tsc_offset)
		__field(__u64, next_tsc_offset)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->previous_tsc_offset = previous_tsc_offset;
		__entry->next_tsc_offset = next_tsc_offset;
	),
	TP_printk("vcpu=%u prev=%llu next=%llu", __entry->vcpu_id,
		  __entry->previous_tsc_offset, __entry->next_tsc_offset)
);

#define KVM_TRACE_HOST_CLOCKS { VDSO_CLOCKMODE_NONE, "none" }, { VDSO_CLOCKMODE_TSC, "tsc" }

TRACE_EVENT(kvm_update_master_clock,
	TP_PROTO(bool use_master_clock, unsigned int host_clock, bool offset_matched),
	TP_ARGS(use_master_clock, host_clock, offset_matched),
	TP_STRUCT__entry(
		__field(bool, use_master_clock)
		__field(unsigned int, host_clock)
		__field(bool, offset_matched)
	),
	TP_fast_assign(
		__entry->use_master_clock = use_master_clock;
		__entry->host_clock = host_clock;
		__entry->offset_matched = offset_matched;
	),
	TP_printk("masterclock %d hostclock %s offsetmatched %u", __entry->use_master_clock,
		  __print_symbolic(__entry->host_clock, KVM_TRACE_HOST_CLOCKS),
		  __entry->offset_matched)
);

TRACE_EVENT(kvm_pvclock_update,
	TP_PROTO(unsigned int vcpu_id, const struct pvclock_vcpu_time_info *pvclock),
	TP_ARGS(vcpu_id, pvclock),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(__u32, version)
		__field(__u64, tsc_timestamp)
		__field(__u64, system_time)
		__field(__u32, tsc_to_system_mul)
		__field(__s8, tsc_shift)
		__field(__u8, flags)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->version = pvclock->version;
		__entry->tsc_timestamp = pvclock->tsc_timestamp;
		__entry->system_time = pvclock->system_time;
		__entry->tsc_to_system_mul = pvclock->tsc_to_system_mul;
		__entry->tsc_shift = pvclock->tsc_shift;
		__entry->flags = pvclock->flags;
	),
	TP_printk("vcpu_id %u, pvclock { version %u, tsc_timestamp 0x%llx, system_time 0x%llx, tsc_to_system_mul 0x%x, tsc_shift %d, flags 0x%x }",
		  __entry->vcpu_id, __entry->version, __entry->tsc_timestamp,
		  __entry->system_time, __entry->tsc_to_system_mul, __entry->tsc_shift,
		  __entry->flags)
);

#endif /* KVM_TRACE_X86_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_x86
#include <trace/define_trace.h>
