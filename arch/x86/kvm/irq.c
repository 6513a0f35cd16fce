// SPDX-License-Identifier: GPL-2.0-only
/*
 * All interrupt sources of a vCPU together, and what a GSI route means on x86.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/slab.h>

#include "arch.h"
#include "io.h"
#include "irqchip/irqchip.h"
#include "irqchip/lapic_core.h"
#include "trace_x86.h"

#define NR_PIC_PINS 8 /* of each of the two */

/* ---------------------------------------------------------------- towards the CPU */

/*
 * An external interrupt (INTR pin through LINT0, or without a local APIC straight): from the PIC pair, or from
 * KVM_INTERRUPT where the VMM has the PIC.
 */
bool kvm_cpu_has_extint(struct kvm_vcpu *vcpu)
{
	if (kvm_lapic_in_kernel(vcpu) && !kvm_lapic_accepts_pic_intr(vcpu))
		return false;
	if (kvm_irqchip_full(vcpu->kvm))
		return kvm_pic_output(vcpu->kvm);
	return READ_ONCE(vcpu->arch.irq_inject_vector) >= 0;
}

bool kvm_cpu_has_interrupt(struct kvm_vcpu *vcpu)
{
	if (kvm_lapic_in_kernel(vcpu) && kvm_lapic_highest_pending(vcpu) >= 0)
		return true;
	return kvm_cpu_has_extint(vcpu);
}

bool kvm_cpu_has_injection(struct kvm_vcpu *vcpu)
{
	return unlikely(vcpu->arch.apic_virtual) ? kvm_cpu_has_extint(vcpu) :
						   kvm_cpu_has_interrupt(vcpu);
}

/* The INTA cycle.  External interrupts know no priority and come first. */
static int get_extint(struct kvm_vcpu *vcpu)
{
	if (!kvm_cpu_has_extint(vcpu))
		return -1;
	if (kvm_irqchip_full(vcpu->kvm))
		return kvm_pic_ack(vcpu->kvm);
	return xchg(&vcpu->arch.irq_inject_vector, -1);
}

int kvm_cpu_get_interrupt(struct kvm_vcpu *vcpu)
{
	int vector = get_extint(vcpu);

	if (vector >= 0 || !kvm_lapic_in_kernel(vcpu) || unlikely(vcpu->arch.apic_virtual))
		return vector;
	vector = kvm_lapic_highest_pending(vcpu);
	if (vector >= 0)
		kvm_lapic_ack(vcpu, vector);
	return vector;
}

/* ---------------------------------------------------------------- routes */

bool kvm_arch_irqchip_in_kernel(struct kvm *kvm)
{
	return smp_load_acquire(&kvm->arch.irqchip_mode) != KVM_IRQCHIP_NONE;
}

bool kvm_arch_can_set_irq_routing(struct kvm *kvm)
{
	return kvm_arch_irqchip_in_kernel(kvm);
}

/* Acknowledgements reach the kernel only where it has the I/O APIC and the PIC. */
bool kvm_arch_irqfd_allowed(struct kvm *kvm, bool resample)
{
	return resample ? kvm_irqchip_full(kvm) : kvm_arch_irqchip_in_kernel(kvm);
}

static int set_pic_irq(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm, int irq_source_id,
		       int level, bool line_status)
{
	unsigned int pin = e->irqchip.pin;

	if (e->irqchip.irqchip == KVM_IRQCHIP_PIC_SLAVE)
		pin += NR_PIC_PINS;
	return kvm_pic_set_irq(kvm, pin, irq_source_id, level);
}

static int set_ioapic_irq(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm,
			  int irq_source_id, int level, bool line_status)
{
	return kvm_ioapic_set_irq(kvm, e->irqchip.pin, irq_source_id, level, line_status);
}

/* Intel SDM vol. 3A, "Message Signalled Interrupts" */
static struct lapic_msg decode_msi(u32 address, u32 data)
{
	bool redirection_hint = address & BIT(3);
	struct lapic_msg msg = {
		.dest = address >> 12 & 0xff,
		.logical = address & BIT(2),
		.vector = data & 0xff,
		.delivery = data >> 8 & 7,
		.level = data & BIT(15),
		.assert = true,
	};

	if (redirection_hint && msg.delivery == LAPIC_DM_FIXED)
		msg.delivery = LAPIC_DM_LOWEST;
	return msg;
}

/**
 * kvm_msi_to_msg() - what a message-signalled interrupt says
 * @kvm: the machine; with KVM_X2APIC_API_USE_32BIT_IDS the address has bits 31:8 of the destination in its high half
 * @e: address and data
 * @msg: the result
 *
 * Return: whether it can be sent: that format may have come since the route was made, and has reserved bits
 */
bool kvm_msi_to_msg(struct kvm *kvm, const struct kvm_kernel_irq_routing_entry *e,
		    struct lapic_msg *msg)
{
	*msg = e->msi.arch.msg;
	if (likely(!READ_ONCE(kvm->arch.x2apic_format)))
		return true;
	msg->dest |= e->msi.address_hi & 0xffffff00;
	return !(e->msi.address_hi & 0xff);
}

/**
 * kvm_set_msi() - send the message of a route
 * @e: the route
 * @kvm: the machine
 * @irq_source_id: of no importance
 * @level: 0 does nothing
 * @line_status: of no importance
 *
 * Context: any, RCU held
 * Return: how many vCPUs took it, 0 when all had it pending, -1 when nobody took it
 */
int kvm_set_msi(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm, int irq_source_id,
		int level, bool line_status)
{
	struct lapic_msg msg;

	if (!level)
		return -1;
	if (unlikely(!kvm_msi_to_msg(kvm, e, &msg)))
		return -EINVAL;
	trace_kvm_msi_set_irq((u64)e->msi.address_hi << 32 | e->msi.address_lo, e->msi.data);
	return kvm_lapic_deliver_rcu(kvm, NULL, &msg);
}

/*
 * No lock on the way sleeps, and messages of the I/O APIC are sent with interrupts off as it is.  Only a broadcast, which
 * may be for thousands, is better sent from elsewhere.
 */
bool kvm_arch_msi_is_broadcast(struct kvm *kvm, const struct kvm_kernel_irq_routing_entry *e)
{
	struct lapic_msg msg;

	return kvm_msi_to_msg(kvm, e, &msg) && lapic_is_broadcast(&msg);
}

static int set_irqchip_entry(struct kvm *kvm, struct kvm_kernel_irq_routing_entry *e,
			     const struct kvm_irq_routing_entry *ue)
{
	unsigned int nr_pins = NR_PIC_PINS;

	e->irqchip.irqchip = ue->u.irqchip.irqchip;
	e->irqchip.pin = ue->u.irqchip.pin;
	switch (e->irqchip.irqchip) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		e->set = set_pic_irq;
		break;
	case KVM_IRQCHIP_IOAPIC:
		e->set = set_ioapic_irq;
		nr_pins = KVM_IOAPIC_NUM_PINS;
		break;
	default:
		return -EINVAL;
	}
	return e->irqchip.pin < nr_pins ? 0 : -EINVAL;
}

static int set_msi_entry(struct kvm *kvm, struct kvm_kernel_irq_routing_entry *e,
			 const struct kvm_irq_routing_entry *ue)
{
	struct lapic_msg msg;

	/* Messages carry no device id here. */
	if (ue->flags & KVM_MSI_VALID_DEVID)
		return -EINVAL;
	e->set = kvm_set_msi;
	e->msi.address_lo = ue->u.msi.address_lo;
	e->msi.address_hi = ue->u.msi.address_hi;
	e->msi.data = ue->u.msi.data;
	e->msi.flags = 0;
	e->msi.devid = 0;
	e->msi.arch.msg = decode_msi(e->msi.address_lo, e->msi.data);
	/* With another low byte it is no broadcast in either format. */
	e->msi.many = e->msi.arch.msg.dest == LAPIC_BROADCAST;
	return kvm_msi_to_msg(kvm, e, &msg) ? 0 : -EINVAL;
}

int kvm_arch_set_routing_entry(struct kvm *kvm, struct kvm_kernel_irq_routing_entry *e,
			       const struct kvm_irq_routing_entry *ue)
{
	switch (ue->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		/* KVM_CREATE_IRQCHIP sets routes before it shows the controllers: then there are some already. */
		return kvm->arch.ioapic ? set_irqchip_entry(kvm, e, ue) : -EINVAL;
	case KVM_IRQ_ROUTING_MSI:
		return set_msi_entry(kvm, e, ue);
	default:
		return -EINVAL;
	}
}

/* Of an edge, local APICs report the EOI only while somebody waits for it; that of a level they always report. */
void kvm_arch_post_routing_update(struct kvm *kvm)
{
	kvm_ioapic_routes_changed(kvm);
}

/* A message that hardware could carry to its local APIC: the end of a level is software's business. */
static bool is_plain(const struct lapic_msg *msg)
{
	return !msg->level && msg->vector >= 16 &&
	       (msg->delivery == LAPIC_DM_FIXED || msg->delivery == LAPIC_DM_LOWEST);
}

u64 kvm_arch_irq_bypass(struct kvm *kvm, unsigned int host_irq,
			const struct kvm_kernel_irq_routing_entry *e, u64 old)
{
	struct lapic_msg msg;
	bool plain = e && kvm_msi_to_msg(kvm, e, &msg) && is_plain(&msg);

	return kvm_x86_call(post_device)(kvm, host_irq, plain ? &msg : NULL, old);
}

/* ---------------------------------------------------------------- the first table */

#define NR_ISA_IRQS 16
#define NR_DEFAULT_ROUTES (NR_ISA_IRQS + KVM_IOAPIC_NUM_PINS)

static struct kvm_irq_routing_entry chip_route(u32 gsi, u32 irqchip, u32 pin)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = irqchip, .pin = pin },
	};
}

/**
 * kvm_set_default_irq_routing() - the routes of a VM that sets none
 * @kvm: with its PIC and IOAPIC made
 *
 * GSI n is pin n of the IOAPIC, and for n < 16 the PIC's IRQ n as well.  A VMM that wants the PC's wiring of the timer
 * (IRQ 0 on IOAPIC pin 2) sets its own table.
 *
 * Context: may sleep
 * Return: 0, -ENOMEM
 */
int kvm_set_default_irq_routing(struct kvm *kvm)
{
	struct kvm_irq_routing_entry *routes;
	unsigned int i, n = 0;
	int r;

	routes = kmalloc_array(NR_DEFAULT_ROUTES, sizeof(*routes), GFP_KERNEL);
	if (!routes)
		return -ENOMEM;
	for (i = 0; i < KVM_IOAPIC_NUM_PINS; i++)
		routes[n++] = chip_route(i, KVM_IRQCHIP_IOAPIC, i);
	for (i = 0; i < NR_ISA_IRQS; i++)
		routes[n++] = chip_route(
			i, i < NR_PIC_PINS ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
			i % NR_PIC_PINS);
	r = kvm_set_irq_routing(kvm, routes, n, 0);
	kfree(routes);
	return r;
}
