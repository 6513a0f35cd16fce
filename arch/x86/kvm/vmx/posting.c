// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of devices that an I/O MMU posts (VT-d specification, chapter 5): from the device to the vCPU without the host's
 * handler, the eventfd and, if the vCPU runs, without an exit.
 *
 * The I/O MMU is given the vCPU's posted-interrupt descriptor and the vector (vmx_post_device()).  Whom it notifies is in the
 * descriptor and follows the vCPU: irqchip/lapic_posted.h has the states, tools/testing/models/posted the protocol.
 *
 * The wake-up vector's handler looks through the vCPUs whose VMCS is active on its CPU, as that list changes on its CPU alone
 * and with interrupts off.  A vCPU that waits, or whose APIC is not virtual, is on the list of the CPU that its descriptor
 * names, but for the moment of moving to another one; what comes in between is found by lapic_posted_wait() there.
 *
 * A VM without such a device pays a test when a vCPU is loaded, one when it is put, and one when it waits.
 */
#include <linux/irq.h>
#include <linux/smp.h>
#include <asm/apic.h>
#include <asm/hw_irq.h>
#include <asm/irq_remapping.h>
#include <asm/irq_vectors.h>
#include <asm/irqdomain.h>

#include "irqchip/irqchip.h"
#include "irqchip/lapic_core.h"
#include "vmx/vmx.h"

static_assert(POSTED_NV_RUN == POSTED_INTR_VECTOR);
static_assert(POSTED_NV_WAKE == POSTED_INTR_WAKEUP_VECTOR);

/* ---------------------------------------------------------------- where the vCPU is */

/* Preemption off, the vCPU loaded. */
static void aim(struct vcpu_vmx *vmx, bool wakes)
{
	u32 cpu = lapic_posted_destination(cpu_physical_id(smp_processor_id()), x2apic_mode);

	if (!wakes) {
		lapic_posted_run(vmx->posted, cpu);
		return;
	}
	/* Preempted between its last look and its sleep, it would not look again. */
	if (lapic_posted_wait(vmx->posted, cpu))
		kvm_vcpu_wake_up(&vmx->vcpu);
	/* What was not told of may be in the APIC already. */
	kvm_make_request(&vmx->vcpu, KVM_REQ_EVENT);
}

static bool has_descriptor(struct vcpu_vmx *vmx)
{
	if (!vmx->posted)
		WRITE_ONCE(vmx->posted, kvm_lapic_descriptor(&vmx->vcpu));
	return vmx->posted;
}

/* Loaded on this CPU, be it in the midst of its wait. */
void vmx_posting_load(struct vcpu_vmx *vmx)
{
	if (has_descriptor(vmx))
		aim(vmx, lapic_posted_wakes(vmx->posted) || !vmx->vcpu.arch.apic_virtual);
}

void vmx_vcpu_blocking(struct kvm_vcpu *vcpu, bool blocking)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	if (unlikely(READ_ONCE(vcpu->kvm->arch.posts)) && has_descriptor(vmx))
		aim(vmx, blocking || !vcpu->arch.apic_virtual);
}

/* The APIC has become virtual, or is so no longer.  The vCPU is loaded and does not wait. */
void vmx_posting_changed(struct vcpu_vmx *vmx)
{
	preempt_disable();
	vmx_vcpu_blocking(&vmx->vcpu, false);
	preempt_enable();
}

/* This CPU goes offline, and the vCPU's VMCS was active here: if it waits, it shall do so elsewhere.  IRQs off. */
void vmx_posting_cpu_gone(struct vcpu_vmx *vmx)
{
	if (vmx->posted)
		kvm_vcpu_wake_up(&vmx->vcpu);
}

/* The wake-up vector.  IRQs off. */
static void wake(void)
{
	struct lapic_posted *posted;
	struct vcpu_vmx *vmx;

	list_for_each_entry(vmx, &this_cpu_ptr(&vmx_cpu)->active, active) {
		posted = READ_ONCE(vmx->posted);
		if (!posted || !lapic_posted_woken(posted))
			continue;
		kvm_make_request(&vmx->vcpu, KVM_REQ_EVENT);
		kvm_vcpu_wake_up(&vmx->vcpu);
	}
}

void vmx_posting_init(void)
{
	if (vmx_hw.apicv)
		kvm_set_posted_intr_wakeup_handler(wake);
}

void vmx_posting_exit(void)
{
	if (vmx_hw.apicv)
		kvm_set_posted_intr_wakeup_handler(NULL);
}

/* ---------------------------------------------------------------- devices */

/*
 * Can the interrupt be posted?  irq_remapping_cap() speaks for the I/O MMUs before the CPUs' vectors; an interrupt that comes
 * in another way has a chip that answers for itself when it is asked to.
 */
static bool can_post(unsigned int host_irq)
{
	struct irq_data *d;

	if (!vmx_hw.apicv)
		return false;
	for (d = irq_get_irq_data(host_irq); d; d = d->parent_data) {
		if (d->domain && d->domain == x86_vector_domain)
			return irq_remapping_cap(IRQ_POSTING_CAP);
	}
	return true;
}

/* The VM's first device: from here on its vCPUs say where they are, those that run or wait now as well. */
static void start(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	if (kvm->arch.posts)
		return;
	/* Pairs with kvm_apic_map_update(), and, with the requests, with the loading of a vCPU. */
	smp_store_mb(kvm->arch.posts, true);
	kvm_for_each_vcpu(i, vcpu, kvm) {
		kvm_make_request(vcpu, KVM_REQ_POSTING);
		kvm_make_request(vcpu, KVM_REQ_UNBLOCK);
		kvm_vcpu_kick(vcpu);
	}
}

static bool post_to(unsigned int host_irq, struct kvm_vcpu *vcpu, u8 vector)
{
	struct vcpu_data to = {
		.pi_desc_addr = __pa(kvm_lapic_descriptor(vcpu)),
		.vector = vector,
	};

	return !irq_set_vcpu_affinity(host_irq, &to);
}

/* See kvm_arch_irq_bypass().  The answer is the vCPU and the vector. */
u64 vmx_post_device(struct kvm *kvm, unsigned int host_irq, const struct lapic_msg *msg, u64 old)
{
	struct kvm_vcpu *vcpu = NULL;
	u64 new = 0;

	if (msg && can_post(host_irq)) {
		start(kvm);
		vcpu = kvm_lapic_only_receiver(kvm, msg);
	}
	if (vcpu) {
		new = (vcpu->idx + 1ULL) << 8 | msg->vector;
		if (new == old || post_to(host_irq, vcpu, msg->vector))
			return new;
	}
	if (old)
		irq_set_vcpu_affinity(host_irq, NULL);
	return 0;
}
