// SPDX-License-Identifier: GPL-2.0-only
/*
 * One host CPU: switching VMX on and off, and the VMCSs that are active on it.
 *
 * A VMCS that is active on a CPU may live in caches of that CPU alone.  Before another CPU uses it, before its memory is
 * freed and before VMX is switched off, the CPU must execute VMCLEAR for it (SDM vol. 3C, 25.11.1).
 */
#define pr_fmt(fmt) "kvm_intel: " fmt

#include <linux/mm.h>
#include <linux/once.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/msr.h>
#include <asm/perf_event.h>
#include <asm/tlbflush.h>

#include "lifetime.h"
#include "vmx/vmx.h"

DEFINE_PER_CPU(struct vmx_cpu, vmx_cpu);

/* ---- instructions that failed */

noinline void vmx_insn_failed(const char *insn, unsigned long arg, unsigned long value)
{
	u32 error = strcmp(insn, "VMREAD") ? vmcs_read32(VM_INSTRUCTION_ERROR) : 0;

	WARN_ONCE(1, "kvm_intel: %s failed: operands 0x%lx 0x%lx, error %u\n", insn, arg, value,
		  error);
}

noinline void vmx_insn_faulted(const char *insn)
{
	WARN_ONCE(!READ_ONCE(kvm_rebooting), "kvm_intel: %s: VMX is off\n", insn);
}

/* ---- memory */

void vmx_cpus_free(void)
{
	int i;

	for_each_possible_cpu(i) {
		struct vmx_cpu *cpu = per_cpu_ptr(&vmx_cpu, i);

		free_page((unsigned long)cpu->region);
		cpu->region = NULL;
	}
}

int vmx_cpus_alloc(void)
{
	struct page *page;
	int i;

	for_each_possible_cpu(i) {
		struct vmx_cpu *cpu = per_cpu_ptr(&vmx_cpu, i);

		INIT_LIST_HEAD(&cpu->active);
		cpu->vpid_generation = 1;
		cpu->next_vpid = 1;
		page = alloc_pages_node(cpu_to_node(i), GFP_KERNEL | __GFP_ZERO, 0);
		if (!page) {
			vmx_cpus_free();
			return -ENOMEM;
		}
		cpu->region = page_address(page);
		*(u32 *)cpu->region = vmx_basic_vmcs_revision_id(vmx_hw.basic);
	}
	return 0;
}

/* ---- on and off */

/*
 * VMX can be used when firmware has said so and locked its word, or when it has left the choice to us (SDM vol. 3C, 24.7).
 * Only VMX outside of SMX counts: the kernel does not run in SMX operation unless tboot has started it.
 */
static int check_feature_control(void)
{
	u64 val;

	if (rdmsrl_safe(MSR_IA32_FEAT_CTL, &val)) {
		pr_err("CPU %d has no IA32_FEATURE_CONTROL\n", smp_processor_id());
		return -ENODEV;
	}
	if (!(val & FEAT_CTL_LOCKED)) {
		val |= FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;
		if (wrmsrl_safe(MSR_IA32_FEAT_CTL, val)) {
			pr_err("CPU %d: IA32_FEATURE_CONTROL cannot be written\n",
			       smp_processor_id());
			return -ENODEV;
		}
	}
	if (!(val & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX)) {
		pr_err("VMX is disabled by firmware on CPU %d (IA32_FEATURE_CONTROL is locked at 0x%llx): enable VT-x or VMX in its setup\n",
		       smp_processor_id(), val);
		return -ENODEV;
	}
	return 0;
}

/* It would take %l[label] apart: */
/* clang-format off */
/* true: done.  It also fails when the region is not what the CPU wants, which would be a bug of ours. */
static bool vmxon(u64 pa)
{
	asm goto("1: vmxon %[pa]\n"
		 "   jbe %l[fail]\n" _ASM_EXTABLE(1b, %l[fail])
		 :
		 : [pa] "m"(pa)
		 : "cc", "memory"
		 : fail);
	return true;
fail:
	return false;
}

static void vmxoff(void)
{
	/* A fault: it is off already. */
	asm goto("1: vmxoff\n" _ASM_EXTABLE(1b, %l[off]) : : : "cc", "memory" : off);
off:
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
}
/* clang-format on */

/**
 * vmx_enable_cpu() - VMXON on this CPU
 * Return: 0, -EBUSY when somebody else has VMX on here, -ENODEV: firmware does not let us, -EIO
 * Context: IRQs off
 */
int vmx_enable_cpu(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);
	int r;

	/* The register itself: who does not care for others may have gone past the kernel. */
	if (__read_cr4() & X86_CR4_VMXE) {
		pr_err("VMX is in use on CPU %d already: unload the other hypervisor (VirtualBox, VMware, ...)\n",
		       smp_processor_id());
		return -EBUSY;
	}
	r = check_feature_control() ?: vmx_compare_controls();
	if (r)
		return r;

	intel_pt_handle_vmx(1);
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
	if (!vmxon(__pa(cpu->region))) {
		cr4_clear_bits_irqsoff(X86_CR4_VMXE);
		intel_pt_handle_vmx(0);
		pr_err("VMXON failed on CPU %d (IA32_VMX_BASIC 0x%llx)\n", smp_processor_id(),
		       vmx_hw.basic);
		return -EIO;
	}
	cpu->current_vmcs = NULL;
	cpu->last_vmcs = NULL;
	/* What the TLB holds from the last time is nobody's. */
	vmx_flush_cpu();
	vmx_umsrs_init_cpu(cpu);
	cpu->enabled = true;
	return 0;
}

/* IRQs off; for a VMCS that is active here. */
static void clear_here(struct vcpu_vmx *vmx)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);

	vmx_vmclear(vmx->vmcs_pa);
	if (cpu->current_vmcs == vmx->vmcs)
		cpu->current_vmcs = NULL;
	list_del(&vmx->active);
	vmx->launched = false;
	/* The list before the number: whoever sees the number may put it into another list. */
	smp_store_release(&vmx->cpu, -1);
}

void vmx_disable_cpu(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);
	struct vcpu_vmx *vmx, *next;

	if (!cpu->enabled)
		return;
	cpu->enabled = false;
	list_for_each_entry_safe(vmx, next, &cpu->active, active) {
		vmx_posting_cpu_gone(vmx);
		clear_here(vmx);
	}
	vmx_umsrs_put_back(cpu);
	vmxoff();
	intel_pt_handle_vmx(0);
}

/**
 * vmx_emergency_disable_cpu() - the host is about to reboot or to boot a crash kernel
 *
 * INIT is held back in VMX operation.  A crash dump shall have the VMCSs as they are, and none may be written to memory
 * later.  The list can be in the middle of a change, which leaves it whole in the forward direction.
 *
 * Context: NMI or IRQs off; touches nothing but this CPU's registers and VMCSs
 */
void vmx_emergency_disable_cpu(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);
	struct vcpu_vmx *vmx;

	kvm_rebooting = true;
	if (!(__read_cr4() & X86_CR4_VMXE))
		return;
	list_for_each_entry(vmx, &cpu->active, active)
		vmx_vmclear(vmx->vmcs_pa);
	vmxoff();
}

/* ---- the current VMCS */

static void clear_by_ipi(void *arg)
{
	struct vcpu_vmx *vmx = arg;

	/* It may have been cleared meanwhile, as the CPU went offline. */
	if (vmx->cpu == smp_processor_id())
		clear_here(vmx);
}

/**
 * vmx_clear_vmcs() - take the VMCS out of the CPU where it is active
 * @vmx: not running
 * Context: IRQs on
 */
void vmx_clear_vmcs(struct vcpu_vmx *vmx)
{
	int cpu = smp_load_acquire(&vmx->cpu);

	if (cpu >= 0)
		smp_call_function_single(cpu, clear_by_ipi, vmx, 1);
}

/**
 * vmx_make_current() - VMPTRLD
 * @vmx: to be used on this CPU
 * @cpu: this CPU
 * Context: preemption off, IRQs on
 */
void vmx_make_current(struct vcpu_vmx *vmx, int cpu)
{
	struct vmx_cpu *data = this_cpu_ptr(&vmx_cpu);
	unsigned long flags;

	if (vmx->cpu != cpu) {
		vmx_clear_vmcs(vmx);
		local_irq_save(flags);
		list_add(&vmx->active, &data->active);
		smp_store_release(&vmx->cpu, cpu);
		local_irq_restore(flags);
	}
	if (data->current_vmcs != vmx->vmcs) {
		data->current_vmcs = vmx->vmcs;
		vmx_vmptrld(vmx->vmcs_pa);
	}
}

/* The memory of @vmcs is about to be freed: a new vCPU may get it and must not pass for the old one. */
void vmx_forget_vmcs(void *vmcs)
{
	int i;

	for_each_online_cpu(i)
		cmpxchg(&per_cpu(vmx_cpu, i).last_vmcs, vmcs, NULL);
}
