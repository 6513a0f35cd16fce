// SPDX-License-Identifier: GPL-2.0-only
/*
 * One host CPU: switching SVM on and off, host save areas, and what is put back only before user space runs.
 */
#define pr_fmt(fmt) "kvm_amd: " fmt

#include <linux/mm.h>
#include <linux/mem_encrypt.h>
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/msr.h>

#include "svm/svm.h"

DEFINE_PER_CPU(struct svm_cpu, svm_cpu);

void svm_cpus_free(void)
{
	int i;

	for_each_possible_cpu(i) {
		struct svm_cpu *cpu = per_cpu_ptr(&svm_cpu, i);

		if (cpu->host_page)
			__free_page(cpu->host_page);
		if (cpu->hsave_page)
			__free_page(cpu->hsave_page);
		cpu->host_page = cpu->hsave_page = NULL;
	}
}

int svm_cpus_alloc(void)
{
	int i;

	for_each_possible_cpu(i) {
		struct svm_cpu *cpu = per_cpu_ptr(&svm_cpu, i);

		cpu->host_page = alloc_pages_node(cpu_to_node(i), GFP_KERNEL | __GFP_ZERO, 0);
		cpu->hsave_page = alloc_pages_node(cpu_to_node(i), GFP_KERNEL | __GFP_ZERO, 0);
		if (!cpu->host_page || !cpu->hsave_page) {
			svm_cpus_free();
			return -ENOMEM;
		}
		cpu->max_asid = svm_hw.nr_asids - 1;
		cpu->next_asid = cpu->max_asid + 1;
		cpu->asid_generation = 1;
	}
	return 0;
}

/**
 * svm_enable_cpu() - EFER.SVME, VM_HSAVE_PA and TSC_RATIO of this CPU
 * Return: 0, -EBUSY when somebody else has SVM enabled here
 * Context: IRQs off
 */
int svm_enable_cpu(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);
	u64 efer, vm_cr;

	rdmsrl(MSR_VM_CR, vm_cr);
	if (vm_cr & SVM_VM_CR_SVM_DIS_MASK) {
		pr_err("SVM is disabled on CPU %d by its firmware (VM_CR.SVMDIS)\n",
		       smp_processor_id());
		return -EIO;
	}
	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME) {
		pr_err("SVM is in use on CPU %d already: unload the other hypervisor (VirtualBox, VMware, ...)\n",
		       smp_processor_id());
		return -EBUSY;
	}
	wrmsrl(MSR_EFER, efer | EFER_SVME);
	wrmsrl(MSR_VM_HSAVE_PA, __sme_set(page_to_phys(cpu->hsave_page)));
	if (svm_hw.tsc_scaling) {
		cpu->tsc_ratio = SVM_TSC_RATIO_DEFAULT;
		wrmsrl(MSR_AMD64_TSC_RATIO, cpu->tsc_ratio);
	}
	if (svm_has_msr(MSR_TSC_AUX)) {
		/* Never changed by the host while it is up: CPU and node number. */
		rdmsrl(MSR_TSC_AUX, cpu->host_tsc_aux);
		cpu->tsc_aux = cpu->host_tsc_aux;
	}
	/* What the TLB held under an ASID while we were away is not known: the first vCPU flushes them all. */
	cpu->next_asid = cpu->max_asid + 1;
	cpu->last_vmcb = NULL;
	cpu->enabled = true;
	return 0;
}

static void put_back_tsc_aux(struct svm_cpu *cpu)
{
	if (!cpu->urn_registered)
		return;
	cpu->urn_registered = false;
	user_return_notifier_unregister(&cpu->urn);
	if (cpu->tsc_aux != cpu->host_tsc_aux)
		wrmsrl(MSR_TSC_AUX, cpu->host_tsc_aux);
	cpu->tsc_aux = cpu->host_tsc_aux;
}

void svm_disable_cpu(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);
	u64 efer;

	if (!cpu->enabled)
		return;
	cpu->enabled = false;
	put_back_tsc_aux(cpu);
	if (svm_hw.tsc_scaling && cpu->tsc_ratio != SVM_TSC_RATIO_DEFAULT) {
		cpu->tsc_ratio = SVM_TSC_RATIO_DEFAULT;
		wrmsrl(MSR_AMD64_TSC_RATIO, cpu->tsc_ratio);
	}
	wrmsrl(MSR_VM_HSAVE_PA, 0);
	rdmsrl(MSR_EFER, efer);
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}

/**
 * svm_emergency_disable_cpu() - the host is about to reboot or to boot a crash kernel
 *
 * INIT is held back while GIF is 0, and a CPU that was stopped inside the inner loop has it 0: set it first.
 * Context: NMI or IRQs off; touches nothing but this CPU's registers
 */
void svm_emergency_disable_cpu(void)
{
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME) {
		asm volatile("stgi" : : : "memory");
		wrmsrl(MSR_EFER, efer & ~EFER_SVME);
	}
}

/* The page of @vmcb is about to be freed: a new vCPU may get it and must not pass for the old one. */
void svm_forget_vmcb(struct vmcb *vmcb)
{
	int i;

	for_each_online_cpu(i)
		cmpxchg(&per_cpu(svm_cpu, i).last_vmcb, vmcb, NULL);
}

static void on_user_return(struct user_return_notifier *urn)
{
	struct svm_cpu *cpu = container_of(urn, struct svm_cpu, urn);
	unsigned long flags;

	/* svm_disable_cpu() may come in by an IPI. */
	local_irq_save(flags);
	put_back_tsc_aux(cpu);
	local_irq_restore(flags);
}

/*
 * TSC_AUX, which only RDTSCP and RDPID read, stays the guest's until user space runs
 * Preemption off.
 */
void svm_load_tsc_aux(struct svm_cpu *cpu, u64 val)
{
	unsigned long flags;

	if (cpu->tsc_aux == val)
		return;
	local_irq_save(flags);
	if (!cpu->urn_registered) {
		cpu->urn.on_user_return = on_user_return;
		user_return_notifier_register(&cpu->urn);
		cpu->urn_registered = true;
	}
	wrmsrl(MSR_TSC_AUX, val);
	cpu->tsc_aux = val;
	local_irq_restore(flags);
}
