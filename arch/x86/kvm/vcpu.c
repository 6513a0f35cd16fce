// SPDX-License-Identifier: GPL-2.0-only
/*
 * The x86 part of a vCPU's life.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "arch.h"
#include "async_pf.h"
#include "backend.h"
#include "clock.h"
#include "cpuid.h"
#include "events.h"
#include "io_x86.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "regs.h"
#include "steal.h"
#include "xsave.h"

struct kvm_vcpu *kvm_arch_alloc_vcpu(void)
{
	return kvzalloc(kvm_backend.vcpu_size, GFP_KERNEL_ACCOUNT);
}

void kvm_arch_free_vcpu(struct kvm_vcpu *vcpu)
{
	kvfree(vcpu);
}

int kvm_arch_vcpu_precreate(struct kvm *kvm, u32 id)
{
	if (kvm->arch.max_vcpu_ids && id >= kvm->arch.max_vcpu_ids)
		return -EINVAL;
	/* From the first vCPU on the number of ids is what was asked for, or all. */
	if (!kvm->arch.max_vcpu_ids)
		kvm->arch.max_vcpu_ids = KVM_MAX_VCPU_IDS;
	return 0;
}

static bool is_bsp(struct kvm_vcpu *vcpu)
{
	return vcpu->id == vcpu->kvm->arch.boot_cpu_id;
}

static void init_state(struct kvm_vcpu *vcpu)
{
	/* Until KVM_SET_CPUID2 says otherwise. */
	vcpu->arch.cpuid.maxphyaddr = 36;
	vcpu->arch.cpuid.reserved_gpa_bits = ~GENMASK_ULL(35, 0) & GENMASK_ULL(51, 0);
	vcpu->arch.regs_avail = ~0;
	vcpu->arch.regs_dirty = ~0;
	vcpu->arch.irq_inject_vector = -1;
	vcpu->arch.disabled_exits = READ_ONCE(vcpu->kvm->arch.disabled_exits);
	if (kvm_arch_irqchip_in_kernel(vcpu->kvm) && !is_bsp(vcpu))
		vcpu->arch.mp_state = KVM_MP_STATE_UNINITIALIZED;
	else
		vcpu->arch.mp_state = KVM_MP_STATE_RUNNABLE;
}

int kvm_arch_vcpu_create(struct kvm_vcpu *vcpu)
{
	struct page *pio;
	int r;

	init_state(vcpu);
	kvm_async_pf_vcpu_init(vcpu);
	r = kvm_mmu_create(vcpu);
	if (r)
		return r;

	r = -ENOMEM;
	pio = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!pio)
		goto out_mmu;
	vcpu->arch.io.pio_data = page_address(pio);

	r = kvm_emul_create(vcpu);
	if (r)
		goto out_pio;
	r = kvm_fpu_create(vcpu);
	if (r)
		goto out_emul;
	if (kvm_arch_irqchip_in_kernel(vcpu->kvm)) {
		r = kvm_lapic_create(vcpu);
		if (r)
			goto out_fpu;
	}
	r = kvm_x86_call(vcpu_create)(vcpu);
	if (r)
		goto out_lapic;

	kvm_vcpu_load(vcpu);
	kvm_vcpu_reset(vcpu, false);
	kvm_vcpu_put(vcpu);
	return 0;

out_lapic:
	kvm_lapic_destroy(vcpu);
out_fpu:
	kvm_fpu_destroy(vcpu);
out_emul:
	kvm_emul_destroy(vcpu);
out_pio:
	__free_page(pio);
out_mmu:
	kvm_mmu_destroy(vcpu);
	return r;
}

void kvm_arch_vcpu_postcreate(struct kvm_vcpu *vcpu)
{
	kvm_vcpu_load(vcpu);
	kvm_clock_init_vcpu(vcpu);
	kvm_vcpu_put(vcpu);
	kvm_lapic_published(vcpu);
}

void kvm_arch_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	kvm_async_pf_vcpu_reset(vcpu);
	/* As long as hardware knows the vCPU, its APIC is there. */
	kvm_x86_call(vcpu_destroy)(vcpu);
	kvm_lapic_destroy(vcpu);
	kvm_fpu_destroy(vcpu);
	kvm_emul_destroy(vcpu);
	free_page((unsigned long)vcpu->arch.io.pio_data);
	kvm_mmu_destroy(vcpu);
	kvm_cpuid_free(vcpu);
}

struct page *kvm_arch_vcpu_page(struct kvm_vcpu *vcpu, pgoff_t pgoff)
{
	return pgoff == KVM_PIO_PAGE_OFFSET ? virt_to_page(vcpu->arch.io.pio_data) : NULL;
}

void kvm_arch_vcpu_load(struct kvm_vcpu *vcpu, int cpu)
{
	kvm_x86_call(vcpu_load)(vcpu, cpu);
	kvm_clock_vcpu_load(vcpu, cpu);
	kvm_steal_vcpu_load(vcpu);
	kvm_irqchip_migrate_timers(vcpu);
}

void kvm_arch_vcpu_put(struct kvm_vcpu *vcpu)
{
	if (vcpu->preempted)
		WRITE_ONCE(vcpu->arch.preempted_in_kernel, !kvm_x86_call(get_cpl)(vcpu));
	kvm_steal_vcpu_put(vcpu);
	kvm_clock_vcpu_put(vcpu);
	kvm_x86_call(vcpu_put)(vcpu);
}

bool kvm_arch_vcpu_runnable(struct kvm_vcpu *vcpu)
{
	if (vcpu->arch.mp_state == KVM_MP_STATE_RUNNABLE || vcpu->arch.pv_unhalted)
		return true;
	if (kvm_lapic_in_kernel(vcpu) && kvm_lapic_init_sipi_pending(vcpu))
		return true;
	if (vcpu->arch.mp_state != KVM_MP_STATE_HALTED)
		return false;
	return kvm_test_request(vcpu, KVM_REQ_APF_READY) || kvm_vcpu_has_events(vcpu);
}

bool kvm_arch_vcpu_preempted_in_kernel(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->arch.preempted_in_kernel);
}

bool kvm_arch_no_poll(struct kvm_vcpu *vcpu)
{
	/* MSR_KVM_POLL_CONTROL: the guest polls by itself. */
	return !(vcpu->arch.msrs.poll_control & 1);
}

/* Does anybody send interrupts to where the vCPU is, rather than to software? */
static bool backend_is_told(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.apic_virtual || READ_ONCE(vcpu->kvm->arch.posts);
}

/* The local APIC's timer is an hrtimer that wakes the vCPU: nothing to move. */
void kvm_arch_vcpu_blocking(struct kvm_vcpu *vcpu)
{
	if (unlikely(backend_is_told(vcpu)))
		kvm_x86_call(vcpu_blocking)(vcpu, true);
}

void kvm_arch_vcpu_unblocking(struct kvm_vcpu *vcpu)
{
	if (unlikely(backend_is_told(vcpu)))
		kvm_x86_call(vcpu_blocking)(vcpu, false);
}
