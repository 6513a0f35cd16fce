// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host state: what the processor loads at every exit, and what the guest's replaces for longer.
 *
 *   written once                  code and stack segments, IDT, RIP, SYSENTER, EFER, PAT, CR0
 *   when the vCPU changes CPU     TR, GDT, GS base, SYSENTER stack
 *   when it is loaded             FS base, selectors of the data segments
 *   before the inner loop         CR3, CR4
 *
 * An exit leaves TR and the descriptor tables with limits of its own, LDTR unusable, and selectors that user space has set
 * cannot be loaded by it: vmx_restore_host() puts that right when the vCPU is put.  MSRs that only user space would notice
 * are put back before the return to it.
 */
#include <asm/cpu_entry_area.h>
#include <asm/cpufeature.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/mmu_context.h>
#include <asm/msr.h>
#include <asm/segment.h>
#include <asm/tlbflush.h>

#include "debug.h"
#include "vmx/vmx.h"

/* ---- written once */

void vmx_write_host_constants(void)
{
	struct desc_ptr idt;
	u64 val;

	/* The kernel uses no lazy FPU: TS stays clear. */
	vmcs_write_natural(HOST_CR0, read_cr0() & ~X86_CR0_TS);
	vmcs_write16(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write16(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write16(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	vmcs_write16(HOST_DS_SELECTOR, 0);
	vmcs_write16(HOST_ES_SELECTOR, 0);
	vmcs_write16(HOST_FS_SELECTOR, 0);
	vmcs_write16(HOST_GS_SELECTOR, 0);
	vmcs_write_natural(HOST_FS_BASE, 0);
	store_idt(&idt);
	vmcs_write_natural(HOST_IDTR_BASE, idt.address);
	vmcs_write_natural(HOST_RIP, (unsigned long)vmx_vmexit);
	rdmsrl(MSR_IA32_SYSENTER_CS, val);
	vmcs_write32(HOST_IA32_SYSENTER_CS, val);
	rdmsrl(MSR_IA32_SYSENTER_EIP, val);
	vmcs_write_natural(HOST_IA32_SYSENTER_EIP, val);
	rdmsrl(MSR_EFER, val);
	vmcs_write64(HOST_IA32_EFER, val);
	rdmsrl(MSR_IA32_CR_PAT, val);
	vmcs_write64(HOST_IA32_PAT, val);
}

/**
 * vmx_host_moved() - the vCPU is on another CPU than before
 * @vmx: its VMCS is current
 * @cpu: this CPU
 * Context: preemption off
 */
void vmx_host_moved(struct vcpu_vmx *vmx, int cpu)
{
	u64 val;

	vmcs_write_natural(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	vmcs_write_natural(HOST_GDTR_BASE, (unsigned long)get_current_gdt_ro());
	rdmsrl(MSR_GS_BASE, val);
	vmcs_write_natural(HOST_GS_BASE, val);
	rdmsrl(MSR_IA32_SYSENTER_ESP, val);
	vmcs_write_natural(HOST_IA32_SYSENTER_ESP, val);
}

/* ---- MSRs until the return to user space */

static const u32 umsr_index[VMX_NR_UMSRS] = {
	[VMX_UMSR_STAR] = MSR_STAR,	  [VMX_UMSR_LSTAR] = MSR_LSTAR,
	[VMX_UMSR_CSTAR] = MSR_CSTAR,	  [VMX_UMSR_SFMASK] = MSR_SYSCALL_MASK,
	[VMX_UMSR_TSC_AUX] = MSR_TSC_AUX,
};

u32 vmx_umsr_index(enum vmx_user_msr which)
{
	return umsr_index[which];
}

bool vmx_umsr_exists(enum vmx_user_msr which)
{
	return which != VMX_UMSR_TSC_AUX || boot_cpu_has(X86_FEATURE_RDTSCP) ||
	       boot_cpu_has(X86_FEATURE_RDPID);
}

/* The host never changes them while it is up. */
void vmx_umsrs_init_cpu(struct vmx_cpu *cpu)
{
	int i;

	for (i = 0; i < VMX_NR_UMSRS; i++) {
		if (vmx_umsr_exists(i))
			rdmsrl(umsr_index[i], cpu->host_msr[i]);
		cpu->msr[i] = cpu->host_msr[i];
	}
}

/* IRQs off */
void vmx_umsrs_put_back(struct vmx_cpu *cpu)
{
	int i;

	if (!cpu->urn_registered)
		return;
	cpu->urn_registered = false;
	user_return_notifier_unregister(&cpu->urn);
	for (i = 0; i < VMX_NR_UMSRS; i++) {
		if (cpu->msr[i] == cpu->host_msr[i])
			continue;
		wrmsrl(umsr_index[i], cpu->host_msr[i]);
		cpu->msr[i] = cpu->host_msr[i];
	}
}

static void on_user_return(struct user_return_notifier *urn)
{
	unsigned long flags;

	/* vmx_disable_cpu() may come in by an IPI. */
	local_irq_save(flags);
	vmx_umsrs_put_back(container_of(urn, struct vmx_cpu, urn));
	local_irq_restore(flags);
}

static void load_umsr(struct vmx_cpu *cpu, enum vmx_user_msr which, u64 val)
{
	unsigned long flags;

	if (cpu->msr[which] == val)
		return;
	local_irq_save(flags);
	if (!cpu->urn_registered) {
		cpu->urn.on_user_return = on_user_return;
		user_return_notifier_register(&cpu->urn);
		cpu->urn_registered = true;
	}
	wrmsrl(umsr_index[which], val);
	cpu->msr[which] = val;
	local_irq_restore(flags);
}

/* Preemption off: it may be that the vCPU's registers are in hardware. */
static void reload_umsr(struct vcpu_vmx *vmx, enum vmx_user_msr which)
{
	if (vmx->host_saved && (vmx->umsr_used & BIT(which)))
		load_umsr(vmx->cpu_data, which, vmx->umsr[which]);
}

void vmx_umsr_set(struct vcpu_vmx *vmx, enum vmx_user_msr which, u64 val)
{
	preempt_disable();
	vmx->umsr[which] = val;
	reload_umsr(vmx, which);
	preempt_enable();
}

/* May the guest notice what is in it? */
void vmx_umsr_need(struct vcpu_vmx *vmx, enum vmx_user_msr which, bool needed)
{
	preempt_disable();
	if (needed)
		vmx->umsr_used |= BIT(which);
	else
		vmx->umsr_used &= ~BIT(which);
	reload_umsr(vmx, which);
	preempt_enable();
}

/* Without EFER.SCE, SYSCALL is #UD and nothing looks at its MSRs. */
void vmx_syscall_msrs_needed(struct vcpu_vmx *vmx, bool needed)
{
	int i;

	for (i = VMX_UMSR_STAR; i <= VMX_UMSR_SFMASK; i++)
		vmx_umsr_need(vmx, i, needed);
}

/* ---- when the vCPU is loaded and put */

static u16 read_ldt(void)
{
	u16 ldt;

	asm("sldt %0" : "=rm"(ldt));
	return ldt;
}

/* What an exit can load: global, with privilege 0. */
static u16 loadable(u16 selector)
{
	return selector & 7 ? 0 : selector;
}

static void write_selector(unsigned long field, u16 *saved, u16 selector)
{
	if (loadable(*saved) != loadable(selector))
		__vmcs_write(field, loadable(selector));
	*saved = selector;
}

static void save_selectors(struct vcpu_vmx *vmx)
{
	u16 sel;

	vmx->host.ldt = read_ldt();
	savesegment(fs, sel);
	write_selector(HOST_FS_SELECTOR, &vmx->host.fs, sel);
	savesegment(gs, sel);
	write_selector(HOST_GS_SELECTOR, &vmx->host.gs, sel);
	savesegment(ds, sel);
	write_selector(HOST_DS_SELECTOR, &vmx->host.ds, sel);
	savesegment(es, sel);
	write_selector(HOST_ES_SELECTOR, &vmx->host.es, sel);
}

static void save_bases(struct vcpu_vmx *vmx)
{
	unsigned long base;

	rdmsrl(MSR_FS_BASE, base);
	if (base != vmx->host.fs_base) {
		vmx->host.fs_base = base;
		vmcs_write_natural(HOST_FS_BASE, base);
	}
	/* It is user space's while the kernel runs. */
	rdmsrl(MSR_KERNEL_GS_BASE, vmx->host.kernel_gs_base);
	if (vmx->kernel_gs_base != vmx->host.kernel_gs_base)
		wrmsrl(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
}

/**
 * vmx_prepare_switch() - host state that the guest's replaces until the vCPU is put
 * @vcpu: current
 * Context: preemption off
 */
void vmx_prepare_switch(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);
	int i;

	if (likely(vmx->host_saved))
		return;
	vmx->host_saved = true;
	if (!vmx->host_bases_saved) {
		vmx->host_bases_saved = true;
		save_selectors(vmx);
		save_bases(vmx);
	}
	for (i = 0; i < VMX_NR_UMSRS; i++)
		reload_umsr(vmx, i);
	kvm_dbs_load(vcpu);
}

/**
 * vmx_restore_host() - the vCPU is put
 * @vmx: current
 * Context: preemption off
 */
void vmx_restore_host(struct vcpu_vmx *vmx)
{
	vmx->host_saved = false;
	if (!vmx->host_bases_saved)
		return;
	vmx->host_bases_saved = false;

	rdmsrl(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
	if (unlikely(vmx->host.ldt))
		asm volatile("lldt %0" : : "rm"(vmx->host.ldt));
	if (unlikely(vmx->host.gs & 7))
		load_gs_index(vmx->host.gs);
	if (unlikely(vmx->host.fs & 7)) {
		loadsegment(fs, vmx->host.fs);
		wrmsrl(MSR_FS_BASE, vmx->host.fs_base);
	}
	if (unlikely((vmx->host.ds | vmx->host.es) & 7)) {
		loadsegment(ds, vmx->host.ds);
		loadsegment(es, vmx->host.es);
	}
	/* After GS, which has changed it. */
	wrmsrl(MSR_KERNEL_GS_BASE, vmx->host.kernel_gs_base);
	invalidate_tss_limit();
	load_fixmap_gdt(raw_smp_processor_id());
}

/* KERNEL_GS_BASE is the guest's from vmx_prepare_switch() on, and SWAPGS changes it without an exit. */
u64 vmx_read_kernel_gs_base(struct vcpu_vmx *vmx)
{
	preempt_disable();
	if (vmx->host_bases_saved)
		rdmsrl(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
	preempt_enable();
	return vmx->kernel_gs_base;
}

void vmx_write_kernel_gs_base(struct vcpu_vmx *vmx, u64 val)
{
	preempt_disable();
	vmx->kernel_gs_base = val;
	if (vmx->host_bases_saved)
		wrmsrl(MSR_KERNEL_GS_BASE, val);
	preempt_enable();
}

/* ---- before the inner loop */

void vmx_update_host_state(struct vcpu_vmx *vmx)
{
	unsigned long cr3 = __get_current_cr3_fast();
	unsigned long cr4 = cr4_read_shadow();

	if (unlikely(cr3 != vmx->host_cr3)) {
		vmx->host_cr3 = cr3;
		vmcs_write_natural(HOST_CR3, cr3);
	}
	if (unlikely(cr4 != vmx->host_cr4)) {
		vmx->host_cr4 = cr4;
		vmcs_write_natural(HOST_CR4, cr4);
	}
	/* An exit clears it. */
	vmx->host.debugctl = get_debugctlmsr();
}
