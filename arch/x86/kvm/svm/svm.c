// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm-amd.ko: what the hardware has, the parameters, registration.
 */
#define pr_fmt(fmt) "kvm_amd: " fmt

#include <linux/mm.h>
#include <linux/mem_encrypt.h>
#include <linux/module.h>
#include <asm/cpu_device_id.h>
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/reboot.h>

#include "cpuid.h"
#include "svm/svm.h"

MODULE_DESCRIPTION("KVM: AMD-V");
MODULE_LICENSE("GPL");

static const struct x86_cpu_id svm_cpu_id[] = { X86_MATCH_FEATURE(X86_FEATURE_SVM, NULL), {} };
MODULE_DEVICE_TABLE(x86cpu, svm_cpu_id);

static bool npt = true;
module_param(npt, bool, 0444);
MODULE_PARM_DESC(npt, "Nested paging; needed");

static int nested;
module_param(nested, int, 0444);
MODULE_PARM_DESC(nested, "Offer SVM to guests; not there yet, always 0");

static bool avic;
module_param(avic, bool, 0444);
MODULE_PARM_DESC(
	avic, "Local APICs virtualized by the CPU, in x2APIC mode where it has x2AVIC; N: by KVM");

static bool nrips = true;
module_param(nrips, bool, 0444);
MODULE_PARM_DESC(nrips, "Use the CPU's next RIP; N: read instructions instead");

static bool lbrv = true;
module_param(lbrv, bool, 0444);
MODULE_PARM_DESC(lbrv, "Last branch records for guests where the CPU can switch them");

static bool tsc_scaling = true;
module_param(tsc_scaling, bool, 0444);
MODULE_PARM_DESC(tsc_scaling, "TSC rates other than the host's where the CPU has them");

static unsigned short pause_filter_thresh = 128;
module_param(pause_filter_thresh, ushort, 0444);
MODULE_PARM_DESC(pause_filter_thresh,
		 "PAUSEs that are this many cycles apart do not belong to one spin loop");

static unsigned short pause_filter_count = 3000;
module_param(pause_filter_count, ushort, 0444);
MODULE_PARM_DESC(pause_filter_count, "PAUSEs in a spin loop before it exits; 0: never");

struct svm_hw svm_hw;

static struct page *iopm_page;

static struct kvm_backend backend = {
	.name = "SVM",
	.isa = KVM_ISA_SVM,
	.owner = THIS_MODULE,
	.vm_size = sizeof(struct kvm_svm),
	.vcpu_size = sizeof(struct vcpu_svm),
	.hypercall_insn = { 0x0f, 0x01, 0xd9 },
	.enable_cpu = svm_enable_cpu,
	.disable_cpu = svm_disable_cpu,
	.vm_init = svm_vm_init,
	.vm_destroy = svm_vm_destroy,
	.vcpu_create = svm_vcpu_create,
	.vcpu_destroy = svm_vcpu_destroy,
	.vcpu_reset = svm_vcpu_reset,
	.vcpu_load = svm_vcpu_load,
	.vcpu_put = svm_vcpu_put,
	.prepare_switch = svm_prepare_switch,
	.run = svm_run,
	.handle_exit = svm_handle_exit,
	.get_exit_info = svm_get_exit_info,
	.dump = svm_dump,
	.cache_reg = svm_cache_reg,
	.get_rflags = svm_get_rflags,
	.set_rflags = svm_set_rflags,
	.get_segment = svm_get_segment,
	.set_segment = svm_set_segment,
	.get_segment_base = svm_get_segment_base,
	.get_cpl = svm_get_cpl,
	.get_cs_db_l = svm_get_cs_db_l,
	.get_dtable = svm_get_dtable,
	.set_dtable = svm_set_dtable,
	.set_cr0 = svm_set_cr0,
	.set_cr3 = svm_set_cr3,
	.set_cr4 = svm_set_cr4,
	.set_efer = svm_set_efer,
	.update_debug = svm_update_debug,
	.sync_debug = svm_sync_debug,
	.intercept_dr = svm_intercept_dr,
	.get_msr = svm_get_msr,
	.set_msr = svm_set_msr,
	.get_feature_msr = svm_get_feature_msr,
	.has_msr = svm_has_msr,
	.update_msr_intercepts = svm_follow_apic,
	.after_set_cpuid = svm_after_set_cpuid,
	.update_exception_bitmap = svm_update_exception_bitmap,
	.load_root = svm_load_root,
	.flush_tlb = svm_flush_tlb,
	.flush_tlb_gva = svm_flush_tlb_gva,
	.inject_exception = svm_inject_exception,
	.inject_irq = svm_inject_irq,
	.inject_nmi = svm_inject_nmi,
	.cancel_injection = svm_cancel_injection,
	.post_interrupt = svm_post_interrupt,
	.vcpu_blocking = svm_vcpu_blocking,
	.post_device = svm_post_device,
	.take_host_irq = svm_take_host_irq,
	.nmi_allowed = svm_nmi_allowed,
	.irq_allowed = svm_irq_allowed,
	.enable_nmi_window = svm_enable_nmi_window,
	.enable_irq_window = svm_enable_irq_window,
	.get_nmi_mask = svm_get_nmi_mask,
	.set_nmi_mask = svm_set_nmi_mask,
	.get_interrupt_shadow = svm_get_interrupt_shadow,
	.set_interrupt_shadow = svm_set_interrupt_shadow,
	.update_cr8_intercept = svm_update_cr8_intercept,
	.skip_instruction = svm_skip_instruction,
	.write_tsc_offset = svm_write_tsc_offset,
	.write_tsc_ratio = svm_write_tsc_ratio,
	.is_valid_cr4 = svm_is_valid_cr4,
};

/* CPUID 0x40000000: "TCGTCGTCGTCG" */
static bool on_tcg(void)
{
	u32 eax, sig[3];

	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR))
		return false;
	cpuid(0x40000000, &eax, &sig[0], &sig[1], &sig[2]);
	return !memcmp(sig, "TCGTCGTCGTCG", sizeof(sig));
}

/*
 * Why the kernel counts SVM as absent.  It does so, too, where firmware has disabled it and when it was told to
 * (clearcpuid=): CPUID still has it then.
 */
static void explain_no_svm(bool in_cpuid)
{
	if (boot_cpu_data.x86_vendor == X86_VENDOR_INTEL)
		pr_err("this CPU has no SVM: it is Intel's, load kvm_intel instead\n");
	else if (in_cpuid)
		pr_err("this CPU has SVM, but the kernel was told not to use it: boot without clearcpuid=\n");
	else
		pr_err("this CPU has no SVM (CPUID 0x80000001 ECX bit 2)%s\n",
		       boot_cpu_has(X86_FEATURE_HYPERVISOR) ?
			       ": enable nested virtualization on the hypervisor below" :
			       "");
}

/* VM_CR is there on CPUs whose CPUID has SVM, APM vol. 2, 15.4. */
static bool disabled_by_firmware(void)
{
	u64 vm_cr;

	return !rdmsrl_safe(MSR_VM_CR, &vm_cr) && vm_cr & SVM_VM_CR_SVM_DIS_MASK;
}

/* Can this machine do it at all?  Each refusal says what to do. */
static int check_hardware(void)
{
	bool in_cpuid = boot_cpu_data.extended_cpuid_level >= 0x80000001 &&
			cpuid_ecx(0x80000001) & BIT(2);

	if (in_cpuid && disabled_by_firmware()) {
		pr_err("SVM is disabled by firmware (VM_CR.SVMDIS): enable SVM or AMD-V in its setup\n");
		return -EOPNOTSUPP;
	}
	if (!boot_cpu_has(X86_FEATURE_SVM)) {
		explain_no_svm(in_cpuid);
		return -EOPNOTSUPP;
	}
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT)) {
		pr_err("this is an SEV guest, which cannot run guests of its own\n");
		return -EOPNOTSUPP;
	}
	if (!npt) {
		pr_err("npt=0: shadow paging is not there, nested paging is needed: load without npt=0\n");
		return -EOPNOTSUPP;
	}
	if (!boot_cpu_has(X86_FEATURE_NPT)) {
		pr_err("this CPU has no nested paging (CPUID 0x8000000a EDX bit 0), and shadow paging is not there\n");
		return -EOPNOTSUPP;
	}
	if (avic && !boot_cpu_has(X86_FEATURE_AVIC)) {
		pr_err("avic=1: this CPU has no AVIC (CPUID 0x8000000a EDX bit 13): load without avic=1\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

static void find_features(void)
{
	u32 ext = boot_cpu_data.extended_cpuid_level >= 0x80000008 ? cpuid_ebx(0x80000008) : 0;

	svm_hw.nr_asids = cpuid_ebx(SVM_CPUID_FUNC);
	svm_hw.nrips = nrips &= boot_cpu_has(X86_FEATURE_NRIPS);
	svm_hw.lbrv = lbrv &= boot_cpu_has(X86_FEATURE_LBRV);
	svm_hw.tsc_scaling = tsc_scaling &= boot_cpu_has(X86_FEATURE_TSCRATEMSR);
	svm_hw.decode_assists = boot_cpu_has(X86_FEATURE_DECODEASSISTS);
	svm_hw.flush_by_asid = boot_cpu_has(X86_FEATURE_FLUSHBYASID);
	svm_hw.v_spec_ctrl = boot_cpu_has(X86_FEATURE_V_SPEC_CTRL);
	svm_hw.invlpgb = ext & BIT(3);
	svm_hw.mcommit = ext & BIT(8);
	svm_hw.irq_as_virq = on_tcg();
	if (!boot_cpu_has(X86_FEATURE_PAUSEFILTER))
		pause_filter_count = 0;
	if (!boot_cpu_has(X86_FEATURE_PFTHRESHOLD))
		pause_filter_thresh = 0;
	svm_hw.pause_filter_count = pause_filter_count;
	svm_hw.pause_filter_thresh = pause_filter_thresh;

	if (nested)
		pr_notice("nested=%d: SVM for guests is not there yet\n", nested);
	nested = 0;
	svm_hw.avic = avic;
	svm_hw.x2avic = avic && boot_cpu_has(X86_FEATURE_X2AVIC);

	backend.caps = (struct kvm_backend_caps){
		.max_huge_level = boot_cpu_has(X86_FEATURE_GBPAGES) ? 3 : 2,
		/* VMRUN takes the host's CR4.LA57 for the nested tables, APM vol. 2, 15.25.4. */
		.root_level = cr4_read_shadow() & X86_CR4_LA57 ? 5 : 4,
		.has_tsc_scaling = svm_hw.tsc_scaling,
		.tsc_ratio_frac_bits = 32,
		.tsc_ratio_max = SVM_TSC_RATIO_MAX,
		.virtual_apic = svm_hw.avic,
		.virtual_apic_direct = svm_hw.avic,
		.supported_xss = 0,
	};
	tdp_format_npt(&backend.caps.tdp);
}

/* Every port exits: one map for all. */
static int alloc_iopm(void)
{
	iopm_page = alloc_pages(GFP_KERNEL, get_order(SVM_IOPM_SIZE));
	if (!iopm_page)
		return -ENOMEM;
	memset(page_address(iopm_page), 0xff, PAGE_SIZE << get_order(SVM_IOPM_SIZE));
	svm_hw.iopm_pa = __sme_set(page_to_phys(iopm_page));
	return 0;
}

static void free_iopm(void)
{
	__free_pages(iopm_page, get_order(SVM_IOPM_SIZE));
}

static int __init svm_init(void)
{
	int r;

	r = check_hardware();
	if (r)
		return r;
	find_features();
	/* The host's address masks for breakpoints and SSB control through LS_CFG are not switched. */
	kvm_cpu_cap_clear(X86_FEATURE_VIRT_SSBD);
	kvm_cpu_cap_clear(X86_FEATURE_SVM);

	r = alloc_iopm();
	if (r)
		return r;
	r = svm_cpus_alloc();
	if (r)
		goto out_iopm;
	cpu_emergency_register_virt_callback(svm_emergency_disable_cpu);
	r = kvm_x86_register_backend(&backend);
	if (r)
		goto out_emergency;
	pr_info("nested paging with %u levels, %u ASIDs%s%s%s%s%s%s\n", backend.caps.root_level,
		svm_hw.nr_asids, svm_hw.nrips ? ", next RIP" : "",
		svm_hw.decode_assists ? ", decode assists" : "",
		svm_hw.flush_by_asid ? ", flush by ASID" : "",
		svm_hw.tsc_scaling ? ", TSC scaling" : "", svm_hw.lbrv ? ", LBR" : "",
		svm_hw.pause_filter_count ? ", pause filter" : "");
	return 0;

out_emergency:
	cpu_emergency_unregister_virt_callback(svm_emergency_disable_cpu);
	svm_cpus_free();
out_iopm:
	free_iopm();
	return r;
}

static void __exit svm_exit(void)
{
	kvm_x86_unregister_backend();
	cpu_emergency_unregister_virt_callback(svm_emergency_disable_cpu);
	svm_cpus_free();
	free_iopm();
}

module_init(svm_init);
module_exit(svm_exit);
