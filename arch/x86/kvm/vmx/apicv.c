// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC virtualized by the processor: SDM vol. 3C, chapter 30.  What of it is in force follows the APIC's mode:
 *
 *				TPR alone (flexpriority)	all of it (enable_apicv)
 *	xAPIC at its usual place	APIC-access page	and registers, delivery, posted interrupts
 *	x2APIC				MSR			and registers, delivery, posted interrupts
 *	off, or moved			nothing			nothing
 *
 * and nothing of it while the vCPU is emulated or in a real mode that is none (vm86.c), while the guest's priority is in its
 * own memory (KVM_SET_VAPIC_ADDR), or while the VMM blocks interrupts for debugging: then interrupts are injected, as without
 * all this.
 *
 * The virtual-APIC page is the page of registers that software uses, whatever is in force.
 */
#include <linux/gfp.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <asm/apic.h>
#include <asm/apicdef.h>
#include <asm/irq_vectors.h>

#include "irqchip/irqchip.h"
#include "io_x86.h"
#include "mmu/mmu.h"
#include "vmx/vmx.h"

#define APICV_DELIVERY (SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)
#define APICV_CONTROLS                                            \
	(APICV_DELIVERY | SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE | \
	 SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)

/* In xAPIC mode, and where the APIC-access page is */
static bool is_usual_xapic(u64 base)
{
	return (base & (MSR_IA32_APICBASE_BASE | MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE)) ==
	       (APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE);
}

static u32 wanted(struct vcpu_vmx *vmx)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	u64 base = vcpu->arch.apic_base;
	u32 mode = 0;

	if (!kvm_lapic_may_be_virtual(vcpu) || (vmx->detour & (VMX_EMULATE | VMX_VM86)) ||
	    (vcpu->arch.debug.control & KVM_GUESTDBG_BLOCKIRQ))
		return 0;
	if (is_usual_xapic(base))
		mode = SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
	else if (base & X2APIC_ENABLE)
		mode = SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
	mode &= vmx_hw.control[VMX_CTL_CPU2];
	return mode && vmx_hw.apicv ? mode | APICV_DELIVERY : mode;
}

static void set_delivery(struct vcpu_vmx *vmx, bool on)
{
	vmx_pin_assign(vmx, PIN_BASED_POSTED_INTR, on);
	kvm_lapic_set_virtual(&vmx->vcpu, on);
	vmx_posting_changed(vmx);
	/* With delivery, the processor looks at the TPR by itself. */
	vmx->tpr_threshold = 0;
	vmcs_write32(TPR_THRESHOLD, 0);
}

/**
 * vmx_update_apicv() - the APIC's mode, or what forbids virtualizing it, has changed
 * @vcpu: loaded, not in the guest
 */
void vmx_update_apicv(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	u32 old = vmx->control[VMX_CTL_CPU2] & APICV_CONTROLS;
	u32 want = wanted(vmx);

	if (want == old)
		return;
	vmx_exec2_set(vmx, (vmx->control[VMX_CTL_CPU2] & ~APICV_CONTROLS) | want);
	vmx_open_x2apic(vmx, want & SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE, want & APICV_DELIVERY);
	/* Translations to the APIC-access page are cached as such (SDM vol. 3C, 30.4.5). */
	if ((old ^ want) & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)
		vmx_flush_tlb(vcpu);
	if ((old ^ want) & APICV_DELIVERY)
		set_delivery(vmx, want & APICV_DELIVERY);
}

/* Before an entry with kvm_lapic_entry_pending(): IRQs off. */
void vmx_apicv_entry(struct vcpu_vmx *vmx)
{
	struct kvm_lapic_entry e;
	unsigned int what = kvm_lapic_virtual_entry(&vmx->vcpu, &e);
	int i;

	if (what & KVM_LAPIC_STATUS)
		vmcs_write16(GUEST_INTR_STATUS, e.status);
	if (what & KVM_LAPIC_EXITS) {
		for (i = 0; i < 4; i++)
			vmcs_write64(EOI_EXIT_BITMAP0 + 2 * i, e.eoi_exits[i]);
	}
}

/*
 * What is posted to a vCPU that runs gets there by the notification vector, which the processor takes for the guest.
 * Wherever else the vCPU is, it looks before it enters; where the interrupt finds the CPU in the host, it does nothing.
 */
bool vmx_post_interrupt(struct kvm_vcpu *vcpu)
{
	int cpu;

	/* Pairs with the entry's store to mode: either it is seen here, or what was posted is seen there. */
	smp_mb();
	if (READ_ONCE(vcpu->mode) != KVM_IN_GUEST) {
		kvm_vcpu_wake_up(vcpu);
		return true;
	}
	preempt_disable();
	cpu = READ_ONCE(vcpu->cpu);
	if (cpu >= 0 && cpu != smp_processor_id())
		__apic_send_IPI_mask(cpumask_of(cpu), POSTED_INTR_VECTOR);
	preempt_enable();
	return true;
}

/* The page that stands for the APIC's registers in the guest's physical address space: one a VM. */
int vmx_apic_access_page(struct kvm_vcpu *vcpu)
{
	struct kvm_vmx *kv = to_kvm_vmx(vcpu->kvm);
	struct page *page;
	int r = 0;

	if (!vmx_hw.apic_access || !kvm_lapic_in_kernel(vcpu))
		return 0;
	mutex_lock(&vcpu->kvm->lock);
	if (!kv->apic_access) {
		page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (page) {
			kv->apic_access = page_to_pfn(page) << PAGE_SHIFT;
			kvm_mmu_set_private_page(vcpu->kvm, KVM_PRIVATE_APIC_ACCESS, page,
						 APIC_DEFAULT_PHYS_BASE);
			kvm_mmu_show_private_page(vcpu->kvm, KVM_PRIVATE_APIC_ACCESS, true);
		} else {
			r = -ENOMEM;
		}
	}
	mutex_unlock(&vcpu->kvm->lock);
	return r;
}

/**
 * vmx_apic_mode_changed() - the APIC was enabled, disabled, moved, or changed its mode
 * @vcpu: loaded, not in the guest
 *
 * The page is there for all vCPUs, but only one in xAPIC mode takes it for its APIC: as soon as there is another, the page
 * goes, for good, and accesses exit.
 *
 * Context: may sleep
 */
void vmx_apic_mode_changed(struct kvm_vcpu *vcpu)
{
	if (kvm_lapic_in_kernel(vcpu) && !is_usual_xapic(vcpu->arch.apic_base))
		kvm_mmu_show_private_page(vcpu->kvm, KVM_PRIVATE_APIC_ACCESS, false);
	vmx_update_apicv(vcpu);
}

/* For a new VMCS. */
void vmx_apicv_write_constants(struct vcpu_vmx *vmx)
{
	hpa_t page = 0, descriptor = 0;

	if (!vmx_hw.tpr_shadow || !kvm_lapic_in_kernel(&vmx->vcpu))
		return;
	kvm_lapic_virtual_pages(&vmx->vcpu, &page, &descriptor);
	vmcs_write64(VIRTUAL_APIC_PAGE_ADDR, page);
	vmcs_write32(TPR_THRESHOLD, 0);
	if (vmx_hw.apic_access)
		vmcs_write64(APIC_ACCESS_ADDR, to_kvm_vmx(vmx->vcpu.kvm)->apic_access);
	if (!vmx_hw.apicv)
		return;
	vmcs_write16(GUEST_INTR_STATUS, 0);
	vmcs_write16(POSTED_INTR_NV, POSTED_INTR_VECTOR);
	vmcs_write64(POSTED_INTR_DESC_ADDR, descriptor);
}

/* ---------------------------------------------------------------- exits */

#define ACCESS_OFFSET(qual) ((qual) & 0xfff)
#define ACCESS_TYPE(qual) ((qual) >> 12 & 15)
#define ACCESS_READ 0
#define ACCESS_WRITE 1

/* As the fault that it would have been, had the page not been there. */
static u64 access_error(unsigned long qual)
{
	switch (ACCESS_TYPE(qual)) {
	case ACCESS_READ:
		return KVM_PF_USER | KVM_PF_GUEST_FINAL;
	case ACCESS_WRITE:
		return KVM_PF_USER | KVM_PF_GUEST_FINAL | KVM_PF_WRITE;
	default:
		return KVM_PF_USER | KVM_PF_GUEST_FINAL | KVM_PF_FETCH;
	}
}

int vmx_fast_apic_access(struct vcpu_vmx *vmx)
{
	unsigned long qual = vmx_exit_qual(vmx);

	return kvm_mmio_fast(&vmx->vcpu, APIC_DEFAULT_PHYS_BASE + ACCESS_OFFSET(qual),
			     access_error(qual), NULL, 0);
}

int vmx_apic_access(struct kvm_vcpu *vcpu)
{
	unsigned long qual = vmx_exit_qual(to_vmx(vcpu));

	return kvm_mmio_fault(vcpu, APIC_DEFAULT_PHYS_BASE + ACCESS_OFFSET(qual),
			      access_error(qual), NULL, 0);
}

/* The write has been done, and the instruction is complete. */
int vmx_apic_write(struct kvm_vcpu *vcpu)
{
	kvm_lapic_virtual_write(vcpu, vmx_exit_qual(to_vmx(vcpu)) & 0xff0);
	return KVM_REENTER;
}

int vmx_fast_apic_write(struct vcpu_vmx *vmx)
{
	/* Sending is what is done often; what changes addresses may sleep. */
	if ((vmx_exit_qual(vmx) & 0xff0) != APIC_ICR)
		return KVM_AGAIN;
	return vmx_apic_write(&vmx->vcpu);
}

int vmx_eoi_induced(struct kvm_vcpu *vcpu)
{
	kvm_lapic_virtual_eoi(vcpu, vmx_exit_qual(to_vmx(vcpu)));
	return KVM_REENTER;
}
