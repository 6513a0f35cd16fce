/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt controllers and the PIT, the kernel side around the pure cores.
 */
#ifndef KVM_X86_IRQCHIP_H
#define KVM_X86_IRQCHIP_H

#include "backend.h"
#include "irqchip/lapic_posted.h"

struct kvm_kernel_irq_routing_entry;
struct lapic_msg;

static inline bool kvm_lapic_in_kernel(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.apic;
}

static inline bool kvm_irqchip_full(struct kvm *kvm)
{
	return smp_load_acquire(&kvm->arch.irqchip_mode) == KVM_IRQCHIP_KERNEL;
}

static inline bool kvm_irqchip_split(struct kvm *kvm)
{
	return smp_load_acquire(&kvm->arch.irqchip_mode) == KVM_IRQCHIP_SPLIT;
}

/* ---- local APIC (lapic.c) */

int kvm_lapic_create(struct kvm_vcpu *vcpu);
/* The vCPU has become visible: it can be addressed. */
void kvm_lapic_published(struct kvm_vcpu *vcpu);
void kvm_lapic_destroy(struct kvm_vcpu *vcpu);
void kvm_lapic_reset(struct kvm_vcpu *vcpu, bool init);

/* After KVM_SET_CPUID(2). */
void kvm_lapic_update_features(struct kvm_vcpu *vcpu);
void kvm_lapic_disable_broadcast_quirk(struct kvm *kvm);
/* MSR_IA32_APICBASE: 0, 1 (#GP).  Also KVM_SET_SREGS (@host). */
int kvm_lapic_set_base(struct kvm_vcpu *vcpu, u64 base, bool host);
/* x2APIC MSRs 0x800-0x8ff: 0, 1 (#GP) */
int kvm_lapic_msr_read(struct kvm_vcpu *vcpu, u32 index, u64 *data);
int kvm_lapic_msr_write(struct kvm_vcpu *vcpu, u32 index, u64 data);
/* ICR, EOI, TPR, self-IPI in x2APIC mode with IRQs off: KVM_REENTER or KVM_AGAIN (nothing done) */
int kvm_lapic_msr_write_fast(struct kvm_vcpu *vcpu, u32 index, u64 data);
/* Is @gpa in this vCPU's xAPIC page?  Then access it: 0, or -EOPNOTSUPP.  IRQs may be off. */
int kvm_lapic_mmio_read(struct kvm_vcpu *vcpu, gpa_t gpa, int len, void *val);
int kvm_lapic_mmio_write(struct kvm_vcpu *vcpu, gpa_t gpa, int len, const void *val);
u64 kvm_lapic_get_tsc_deadline(struct kvm_vcpu *vcpu);
/* IRQs may be off */
void kvm_lapic_set_tsc_deadline(struct kvm_vcpu *vcpu, u64 deadline);
/* After the guest's TSC or its rate has changed. */
void kvm_lapic_tsc_changed(struct kvm_vcpu *vcpu);
void kvm_lapic_set_tpr(struct kvm_vcpu *vcpu, unsigned long cr8);
u64 kvm_lapic_get_cr8(struct kvm_vcpu *vcpu);

/* ---- a local APIC that the processor works on (lapic_virtual.c), for backends with kvm_backend_caps.virtual_apic */

/**
 * struct kvm_lapic_entry - what the processor is told, see kvm_lapic_virtual_entry()
 * @status: guest interrupt status: RVI, SVI
 * @eoi_exits: EOI-exit bitmap
 */
struct kvm_lapic_entry {
	u16 status;
	u64 eoi_exits[4];
};

enum { KVM_LAPIC_STATUS = 1, KVM_LAPIC_EXITS = 2 };

bool kvm_lapic_may_be_virtual(struct kvm_vcpu *vcpu);
void kvm_lapic_set_virtual(struct kvm_vcpu *vcpu, bool on);
unsigned int kvm_lapic_virtual_entry(struct kvm_vcpu *vcpu, struct kvm_lapic_entry *e);

/* Has it anything to say?  With arch.apic_virtual, before every entry. */
static __always_inline bool kvm_lapic_entry_pending(const struct kvm_vcpu *vcpu)
{
	return vcpu->arch.apic_stale || lapic_posted_pending(vcpu->arch.apic_posted);
}
void kvm_lapic_virtual_eoi(struct kvm_vcpu *vcpu, u8 vector);
void kvm_lapic_virtual_write(struct kvm_vcpu *vcpu, u32 offset);
void kvm_lapic_virtual_set_icr(struct kvm_vcpu *vcpu, u64 icr);
void kvm_lapic_virtual_pages(struct kvm_vcpu *vcpu, hpa_t *page, hpa_t *descriptor);
struct lapic_posted *kvm_lapic_descriptor(struct kvm_vcpu *vcpu);
struct kvm_vcpu *kvm_lapic_only_receiver(struct kvm *kvm, const struct lapic_msg *msg);
u32 kvm_lapic_virtual_reg(struct kvm_vcpu *vcpu, u32 offset);
void kvm_lapic_virtual_wake(struct kvm_vcpu *sender);

/* The vector to deliver next, or -1; TPR and what is in service considered.  Any context (wakers ask). */
int kvm_lapic_highest_pending(struct kvm_vcpu *vcpu);
/* Highest bit of IRR, or -1, whatever the priority (CR8 intercept). */
int kvm_lapic_highest_irr(struct kvm_vcpu *vcpu);
/* An edge-triggered interrupt of this vCPU's own.  Any context. */
void kvm_lapic_raise(struct kvm_vcpu *vcpu, u8 vector);
/* Move @vector from IRR to ISR. */
void kvm_lapic_ack(struct kvm_vcpu *vcpu, int vector);
bool kvm_lapic_accepts_pic_intr(struct kvm_vcpu *vcpu);
/* KVM_REQ_APIC_TIMER: raise the timer interrupt. */
void kvm_lapic_timer_expired(struct kvm_vcpu *vcpu);
/* @vector has been injected: if it is the timer's and before its time, wait.  IRQs off. */
void kvm_lapic_timer_wait(struct kvm_vcpu *vcpu, int vector);
/* The vCPU is about to wait: a deadline that is left to the backend's timer goes to the host's. */
void kvm_lapic_deadline_to_host(struct kvm_vcpu *vcpu);
/* INIT/SIPI that arrived: take them, change mp_state.  May sleep. */
int kvm_lapic_accept_events(struct kvm_vcpu *vcpu);
bool kvm_lapic_init_sipi_pending(struct kvm_vcpu *vcpu);
void kvm_apic_map_free(struct kvm *kvm);
/* KVM_SET_VCPU_EVENTS: the vector of a SIPI that waits; an INIT that waits. */
void kvm_lapic_set_sipi_vector(struct kvm_vcpu *vcpu, u32 vector);
void kvm_lapic_set_latched_init(struct kvm_vcpu *vcpu, bool latched);
/* KVM_SET_MP_STATE with SIPI_RECEIVED: a SIPI waits, with the vector of kvm_lapic_set_sipi_vector(). */
void kvm_lapic_set_sipi_pending(struct kvm_vcpu *vcpu);
struct kvm_vcpu *kvm_lapic_find(struct kvm *kvm, u32 id);
long kvm_pv_send_ipi(struct kvm_vcpu *sender, unsigned long low, unsigned long high,
		     unsigned int width, u32 first, u32 icr);
/* KVM_HC_KICK_CPU: wake the vCPU with this APIC id out of HLT. */
void kvm_pv_kick(struct kvm *kvm, u32 apic_id);
/* The APIC id used by the guest now. */
u32 kvm_lapic_id(struct kvm_vcpu *vcpu);
bool kvm_lapic_enabled(struct kvm_vcpu *vcpu);
bool kvm_lapic_sw_enabled(struct kvm_vcpu *vcpu);
/*
 * An interrupt message (ICR, I/O APIC, MSI) goes to the local APICs that it names; @sender is NULL for devices.  >0: so
 * many took it, 0: all had it pending, -1: nobody took it.  Any context.
 */
int kvm_lapic_deliver(struct kvm *kvm, struct kvm_vcpu *sender, const struct lapic_msg *msg);
/* The same for who holds RCU, or has interrupts off. */
int kvm_lapic_deliver_rcu(struct kvm *kvm, struct kvm_vcpu *sender, const struct lapic_msg *msg);

/* ---- guest memory that stands for registers of the local APIC (lapic_pages.c) */

/*
 * Bring the APIC up to date with it: before anybody looks at what is in service or at the priority.  IRQs may be off;
 * false: they have to be on for that, and KVM_REQ_LAPIC_PAGES was made.
 */
bool kvm_lapic_sync_pages(struct kvm_vcpu *vcpu);
void kvm_lapic_offer_pv_eoi(struct kvm_vcpu *vcpu);
void kvm_lapic_fill_vapic(struct kvm_vcpu *vcpu);
int kvm_lapic_set_pv_eoi(struct kvm_vcpu *vcpu, u64 data);
bool kvm_lapic_has_vapic(struct kvm_vcpu *vcpu);
int kvm_lapic_tpr_exit(struct kvm_vcpu *vcpu);

/* ---- PIC, IOAPIC, PIT */

int kvm_pic_create(struct kvm *kvm);
void kvm_pic_destroy(struct kvm *kvm);
/* Take a new one away again: KVM_CREATE_IRQCHIP has failed half-way. */
void kvm_pic_undo(struct kvm *kvm);
int kvm_pic_set_irq(struct kvm *kvm, unsigned int pin, int irq_source_id, int level);
/* Output of the PIC pair; a wake-up asks from any context. */
bool kvm_pic_output(struct kvm *kvm);
/* INTA cycle: the vector. */
int kvm_pic_ack(struct kvm *kvm);
int kvm_ioapic_create(struct kvm *kvm);
void kvm_ioapic_destroy(struct kvm *kvm);
void kvm_ioapic_undo(struct kvm *kvm);
int kvm_ioapic_set_irq(struct kvm *kvm, unsigned int pin, int irq_source_id, int level,
		       bool line_status);
/* Routes or acknowledgement notifiers have changed.  Does not sleep. */
void kvm_ioapic_routes_changed(struct kvm *kvm);
/* EOI of a level-triggered vector from a local APIC. */
void kvm_ioapic_eoi(struct kvm_vcpu *vcpu, u8 vector);
void kvm_pit_destroy(struct kvm *kvm);
/* The VM goes away: nothing comes from PIT and I/O APIC by itself any more.  Their memory is freed when no bus names it. */
void kvm_irqchip_stop(struct kvm *kvm);

/* ---- all sources together (irq.c) */

/* The highest of ExtINT (PIC, KVM_INTERRUPT) and local APIC that could be delivered, or -1; does not look at RFLAGS.IF. */
bool kvm_cpu_has_interrupt(struct kvm_vcpu *vcpu);
bool kvm_cpu_has_extint(struct kvm_vcpu *vcpu);
/* The same, but for what the processor delivers without being told to (arch.apic_virtual). */
bool kvm_cpu_has_injection(struct kvm_vcpu *vcpu);
/* Take it (acknowledge): the vector, or -1. */
int kvm_cpu_get_interrupt(struct kvm_vcpu *vcpu);
/* The routes that a VM with PIC and IOAPIC begins with; kvm->lock held. */
int kvm_set_default_irq_routing(struct kvm *kvm);
/* An MSI goes to its local APICs: number reached, 0 coalesced, -1 none. */
bool kvm_msi_to_msg(struct kvm *kvm, const struct kvm_kernel_irq_routing_entry *e,
		    struct lapic_msg *msg);
/* Timers follow the vCPU to another host CPU. */
void kvm_irqchip_migrate_timers(struct kvm_vcpu *vcpu);

#endif /* KVM_X86_IRQCHIP_H */
