// SPDX-License-Identifier: GPL-2.0-only
/*
 * AVIC: local APICs virtualized by the processor, APM vol. 2, 15.29.  No run of it on a processor that has it has been made.
 *
 * The processor works on the APIC's register page: it takes the guest's accesses, delivers what is requested in the IRR,
 * and sends the guest's IPIs by two tables, which say where the page of an APIC is and on which host CPU its vCPU runs.
 * Who has an interrupt for a vCPU that runs sets the bit in its IRR and rings that CPU's doorbell.
 *
 * All vCPUs of a VM have it or none, because the guest finds the APIC at a page of the VM's nested tables: with that page
 * there, one without AVIC would access memory.  All are in xAPIC mode, or all in x2APIC mode where the processor has x2AVIC:
 * there the guest uses MSRs, the page is not shown, and logical addresses follow from the IDs.  None has it while the modes
 * differ, or one of them has its APIC switched off or moved; takes interrupts of the PIC, or waits for a window to be given
 * one, for there is no V_IRQ with AVIC; is debugged with interrupts blocked; or while somebody wants to see EOIs of edges.
 *
 * What there is not: interrupts of devices posted by the I/O MMU with its log of those for vCPUs that do not run.  Devices'
 * interrupts go through eventfds.
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <asm/apic.h>
#include <asm/msr.h>
#include <asm/smp.h>

#include "events.h"
#include "io_x86.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "svm/avic_tables.h"
#include "svm/svm.h"

static_assert(AVIC_PHYS_HOST_ID == AVIC_PHYSICAL_ID_ENTRY_HOST_PHYSICAL_ID_MASK);
static_assert(AVIC_PHYS_PAGE == AVIC_PHYSICAL_ID_ENTRY_BACKING_PAGE_MASK);
static_assert(AVIC_PHYS_RUNNING == AVIC_PHYSICAL_ID_ENTRY_IS_RUNNING_MASK);
static_assert(AVIC_PHYS_VALID == AVIC_PHYSICAL_ID_ENTRY_VALID_MASK);
static_assert(AVIC_XAPIC_MAX_ID == AVIC_MAX_PHYSICAL_ID);
static_assert(AVIC_X2APIC_MAX_ID == X2AVIC_MAX_PHYSICAL_ID);
static_assert((AVIC_X2APIC_MAX_ID + 1) * sizeof(u64) == PAGE_SIZE);
static_assert(AVIC_LOGICAL_VALID == (u32)AVIC_LOGICAL_ID_ENTRY_VALID_MASK);
static_assert(AVIC_IPI_VECTOR == (int)AVIC_IPI_FAILURE_INVALID_IPI_VECTOR);

/**
 * struct svm_avic_vm - the tables of a VM
 * @phys: physical ID table, a page
 * @logical: logical ID table, a page
 * @page: found by the guest at the APIC's address; never accessed
 * @lock: whoever decides whether the VM has it
 * @mode: as what it has it
 * @addresses: for avic_logical_build()
 */
struct svm_avic_vm {
	u64 *phys;
	u32 *logical;
	struct page *page;
	struct mutex lock;
	enum avic_mode mode;
	struct avic_logical addresses[AVIC_XAPIC_MAX_ID + 1];
};

static struct svm_avic_vm *avic_of(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(to_kvm_svm(vcpu->kvm)->avic);
}

/* ---------------------------------------------------------------- life */

void svm_avic_vm_destroy(struct kvm *kvm)
{
	struct svm_avic_vm *a = to_kvm_svm(kvm)->avic;

	if (!a)
		return;
	if (a->page)
		__free_page(a->page);
	free_page((unsigned long)a->logical);
	free_page((unsigned long)a->phys);
	kvfree(a);
}

/* kvm->lock held */
static int create_tables(struct kvm *kvm)
{
	struct kvm_svm *ks = to_kvm_svm(kvm);
	struct svm_avic_vm *a;

	if (ks->avic)
		return 0;
	a = kvzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	if (!a)
		return -ENOMEM;
	mutex_init(&a->lock);
	ks->avic = a;
	a->phys = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	a->logical = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	a->page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!a->phys || !a->logical || !a->page) {
		svm_avic_vm_destroy(kvm);
		ks->avic = NULL;
		return -ENOMEM;
	}
	kvm_mmu_set_private_page(kvm, KVM_PRIVATE_APIC_ACCESS, a->page, APIC_DEFAULT_PHYS_BASE);
	return 0;
}

/**
 * svm_avic_vcpu_create() - prepare a new vCPU for it, where the hardware has it and the parameter allows it
 * @vcpu: not yet visible, its APIC made
 *
 * Context: may sleep
 * Return: 0, -ENOMEM
 */
int svm_avic_vcpu_create(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);
	struct vmcb_control_area *c = &svm->vmcb->control;
	struct svm_avic_vm *a;
	hpa_t page, none;
	int r;

	if (!svm_hw.avic || !kvm_lapic_in_kernel(vcpu))
		return 0;
	mutex_lock(&vcpu->kvm->lock);
	r = create_tables(vcpu->kvm);
	mutex_unlock(&vcpu->kvm->lock);
	if (r)
		return r;
	a = avic_of(vcpu);
	kvm_lapic_virtual_pages(vcpu, &page, &none);
	c->avic_vapic_bar = APIC_DEFAULT_PHYS_BASE;
	c->avic_backing_page = __sme_set(page);
	c->avic_logical_id = __sme_set(__pa(a->logical));
	c->avic_physical_id = __sme_set(__pa(a->phys)) | AVIC_XAPIC_MAX_ID;
	if (vcpu->id <= (svm_hw.x2avic ? AVIC_X2APIC_MAX_ID : AVIC_XAPIC_MAX_ID)) {
		svm->avic_entry = &a->phys[vcpu->id];
		svm->avic_running = avic_phys_entry(c->avic_backing_page);
	}
	/* The others may have it already. */
	kvm_make_request(vcpu, KVM_REQ_MSR_INTERCEPTS);
	return 0;
}

void svm_avic_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	if (svm->avic_entry)
		WRITE_ONCE(*svm->avic_entry, 0);
	svm->avic_entry = NULL;
}

/* ---------------------------------------------------------------- where a vCPU runs */

/* Loaded on this CPU, preemption off: doorbells come here. */
void svm_avic_load(struct vcpu_svm *svm)
{
	svm->avic_running =
		avic_phys_running(svm->avic_running, cpu_physical_id(smp_processor_id()));
	if (svm->vcpu.arch.apic_virtual)
		WRITE_ONCE(*svm->avic_entry, svm->avic_running);
}

/*
 * About to leave this CPU, or to look for interrupts for the last time before it sleeps: from here on, a guest's IPI for it
 * exits and wakes it.
 */
void svm_avic_put(struct vcpu_svm *svm)
{
	if (svm->vcpu.arch.apic_virtual)
		WRITE_ONCE(*svm->avic_entry, avic_phys_stopped(svm->avic_running));
}

void svm_vcpu_blocking(struct kvm_vcpu *vcpu, bool blocking)
{
	if (blocking)
		svm_avic_put(to_svm(vcpu));
	else
		svm_avic_load(to_svm(vcpu));
}

/* A device's interrupt goes by its handler. */
u64 svm_post_device(struct kvm *kvm, unsigned int host_irq, const struct lapic_msg *msg, u64 old)
{
	return 0;
}

/* Any context: there is a new bit in the IRR. */
bool svm_post_interrupt(struct kvm_vcpu *vcpu)
{
	int me, cpu;

	/* Pairs with the barrier between the entry's store to the mode and VMRUN's look at the IRR. */
	smp_mb();
	if (READ_ONCE(vcpu->mode) == KVM_OUTSIDE_GUEST) {
		kvm_vcpu_wake_up(vcpu);
		return true;
	}
	me = get_cpu();
	cpu = READ_ONCE(vcpu->cpu);
	if (cpu >= 0 && cpu != me)
		wrmsrl(MSR_AMD64_SVM_AVIC_DOORBELL, cpu_physical_id(cpu));
	put_cpu();
	return true;
}

/* ---------------------------------------------------------------- on and off */

/* LINT0 is how the PIC's interrupts come to the BSP while the firmware, and the kernel at first, use that. */
static bool takes_pic(struct kvm_vcpu *vcpu)
{
	u32 lint0 = kvm_lapic_virtual_reg(vcpu, APIC_LVT0);

	return !(lint0 & APIC_LVT_MASKED) && GET_APIC_DELIVERY_MODE(lint0) == APIC_MODE_EXTINT;
}

/* As what this vCPU's state allows it. */
static enum avic_mode mode_for(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	/* One that waits for its INIT and SIPI is as reset has left it. */
	if (!svm->avic_entry || svm->avic_window || takes_pic(vcpu) ||
	    !kvm_lapic_may_be_virtual(vcpu) ||
	    (READ_ONCE(vcpu->arch.debug.control) & KVM_GUESTDBG_BLOCKIRQ))
		return AVIC_OFF;
	return avic_mode_of(READ_ONCE(vcpu->arch.apic_base), vcpu->id, svm_hw.x2avic);
}

/* As what all vCPUs can have it. */
static enum avic_mode common_mode(struct kvm *kvm)
{
	enum avic_mode mode = AVIC_OFF, one;
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		one = mode_for(vcpu);
		if (one == AVIC_OFF || (i && one != mode))
			return AVIC_OFF;
		mode = one;
	}
	return mode;
}

/* The addresses that IPIs go by; a->lock held */
static void build_logical(struct svm_avic_vm *a, struct kvm *kvm)
{
	/* Those of x2APIC mode follow from the IDs. */
	unsigned int room = a->mode == AVIC_XAPIC ? ARRAY_SIZE(a->addresses) : 0;
	struct kvm_vcpu *vcpu;
	unsigned int nr = 0;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		if (nr == room)
			break;
		a->addresses[nr++] = (struct avic_logical){
			.id = vcpu->id,
			.ldr = kvm_lapic_virtual_reg(vcpu, APIC_LDR),
			.dfr = kvm_lapic_virtual_reg(vcpu, APIC_DFR),
		};
	}
	avic_logical_build(a->logical, a->addresses, nr);
}

/* a->lock held */
static void decide(struct svm_avic_vm *a, struct kvm_vcpu *vcpu)
{
	enum avic_mode mode = common_mode(vcpu->kvm);

	if (mode == a->mode)
		return;
	WRITE_ONCE(a->mode, mode);
	/* Nobody goes on in the guest until he has followed: svm_follow_apic() waits for the lock. */
	kvm_make_all_cpus_request(vcpu->kvm, KVM_REQ_MSR_INTERCEPTS, true);
	kvm_mmu_show_private_page(vcpu->kvm, KVM_PRIVATE_APIC_ACCESS, mode == AVIC_XAPIC);
}

static const u32 mode_bits[] = {
	[AVIC_XAPIC] = AVIC_ENABLE_MASK,
	[AVIC_X2APIC] = AVIC_ENABLE_MASK | X2APIC_MODE_MASK,
};

static void follow(struct vcpu_svm *svm, enum avic_mode mode)
{
	struct vmcb_control_area *c = &svm->vmcb->control;
	u32 bits = c->int_ctl & mode_bits[AVIC_X2APIC];

	if (bits == mode_bits[mode])
		return;
	if (mode != AVIC_OFF) {
		svm_clear_irq_window(svm);
		vmcb_assign_intercept(svm->vmcb, INTERCEPT_CR8_WRITE, false);
	}
	kvm_lapic_set_virtual(&svm->vcpu, mode != AVIC_OFF);
	c->int_ctl = (c->int_ctl & ~mode_bits[AVIC_X2APIC]) | mode_bits[mode];
	c->avic_physical_id = (c->avic_physical_id & ~AVIC_PHYSICAL_MAX_INDEX_MASK) |
			      (mode == AVIC_X2APIC ? AVIC_X2APIC_MAX_ID : AVIC_XAPIC_MAX_ID);
	svm_open_x2apic(svm, mode == AVIC_X2APIC);
	vmcb_mark_dirty(svm->vmcb, VMCB_INTR);
	vmcb_mark_dirty(svm->vmcb, VMCB_AVIC);
	WRITE_ONCE(*svm->avic_entry, mode == AVIC_OFF ? 0 : svm->avic_running);
}

/**
 * svm_follow_apic() - KVM_REQ_MSR_INTERCEPTS: what may be had without an exit has changed
 * @vcpu: loaded, not in the guest
 *
 * For AVIC: the APIC's mode, its logical address, or what forbids to virtualize it.
 *
 * Context: may sleep, SRCU held
 */
void svm_follow_apic(struct kvm_vcpu *vcpu)
{
	struct svm_avic_vm *a = avic_of(vcpu);
	struct vcpu_svm *svm = to_svm(vcpu);

	svm_update_msr_intercepts(vcpu);
	if (!a)
		return;
	mutex_lock(&a->lock);
	decide(a, vcpu);
	build_logical(a, vcpu->kvm);
	if (svm->avic_entry) {
		preempt_disable();
		follow(svm, a->mode);
		preempt_enable();
	}
	mutex_unlock(&a->lock);
}

void svm_avic_need_window_slow(struct vcpu_svm *svm, bool need)
{
	svm->avic_window = need;
	kvm_make_request(&svm->vcpu, KVM_REQ_MSR_INTERCEPTS);
}

/* ---------------------------------------------------------------- exits */

/* The guest's write of its ICR could not be completed: EXITINFO1 is the ICR. */
int svm_avic_incomplete_ipi(struct kvm_vcpu *vcpu)
{
	const struct vmcb_control_area *c = &to_svm(vcpu)->vmcb->control;
	u32 why = c->exit_info_2 >> 32;

	kvm_lapic_virtual_set_icr(vcpu, c->exit_info_1);
	switch (avic_ipi_action(why)) {
	case AVIC_WAKE:
		kvm_lapic_virtual_wake(vcpu);
		break;
	case AVIC_SEND:
		kvm_lapic_virtual_write(vcpu, APIC_ICR);
		break;
	case AVIC_BUG:
		WARN_ONCE(1, "AVIC: entry of the physical ID table refused\n");
		kvm_lapic_virtual_write(vcpu, APIC_ICR);
		break;
	}
	return KVM_REENTER;
}

/* EXITINFO1: register, and bit 32 for a write; EXITINFO2: of an EOI the vector */
int svm_avic_unaccelerated(struct kvm_vcpu *vcpu)
{
	const struct vmcb_control_area *c = &to_svm(vcpu)->vmcb->control;
	bool write = c->exit_info_1 >> 32 & AVIC_UNACCEL_ACCESS_WRITE_MASK;
	u32 offset = c->exit_info_1 & AVIC_UNACCEL_ACCESS_OFFSET_MASK;

	if (!write || !avic_write_is_trap(offset))
		return kvm_mmio_fault(vcpu, APIC_DEFAULT_PHYS_BASE + offset,
				      KVM_PF_USER | KVM_PF_GUEST_FINAL | (write ? KVM_PF_WRITE : 0),
				      NULL, 0);
	if (offset == APIC_EOI) {
		kvm_lapic_virtual_eoi(vcpu, c->exit_info_2);
		return KVM_REENTER;
	}
	kvm_lapic_virtual_write(vcpu, offset);
	if (offset == APIC_LDR || offset == APIC_DFR || offset == APIC_ID || offset == APIC_LVT0)
		kvm_make_request(vcpu, KVM_REQ_MSR_INTERCEPTS);
	return KVM_REENTER;
}
