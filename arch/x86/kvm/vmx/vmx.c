// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm-intel.ko: what the hardware has, the parameters, registration.
 */
#define pr_fmt(fmt) "kvm_intel: " fmt

#include <linux/module.h>
#include <asm/cpu_device_id.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/reboot.h>
#include <asm/tlbflush.h>

#include "cpuid.h"
#include "vmx/vmx.h"

MODULE_DESCRIPTION("KVM: Intel VT-x");
MODULE_LICENSE("GPL");

static const struct x86_cpu_id vmx_cpu_id[] = { X86_MATCH_FEATURE(X86_FEATURE_VMX, NULL), {} };
MODULE_DEVICE_TABLE(x86cpu, vmx_cpu_id);

static bool ept = true;
module_param(ept, bool, 0444);
MODULE_PARM_DESC(ept, "Extended page tables; needed");

static bool unrestricted_guest = true;
module_param(unrestricted_guest, bool, 0444);
MODULE_PARM_DESC(unrestricted_guest, "Real mode in hardware where the CPU can; N: emulate it");

static bool emulate_invalid_guest_state = true;
module_param(emulate_invalid_guest_state, bool, 0444);
MODULE_PARM_DESC(
	emulate_invalid_guest_state,
	"Emulate state that the CPU cannot be entered with; N: KVM_EXIT_FAIL_ENTRY, needs unrestricted guest");

static bool vpid = true;
module_param(vpid, bool, 0444);
MODULE_PARM_DESC(vpid, "Tag translations with a virtual processor id where the CPU can");

static bool vnmi = true;
module_param(vnmi, bool, 0444);
MODULE_PARM_DESC(vnmi, "Virtual NMIs where the CPU has them");

static bool flexpriority = true;
module_param(flexpriority, bool, 0444);
MODULE_PARM_DESC(flexpriority, "Task priority (CR8, TPR) without exits where the CPU can");

static bool eptad = true;
module_param(eptad, bool, 0444);
MODULE_PARM_DESC(eptad, "Accessed and dirty bits in EPT where the CPU has them");

static bool enable_apicv = true;
module_param(enable_apicv, bool, 0444);
MODULE_PARM_DESC(enable_apicv,
		 "Local APICs virtualized by the CPU where it can; needs flexpriority");

static bool preemption_timer = true;
module_param(preemption_timer, bool, 0444);
MODULE_PARM_DESC(preemption_timer,
		 "VMX-preemption timer for the guest's TSC deadline where the CPU has it");

static bool pml = true;
module_param(pml, bool, 0444);
MODULE_PARM_DESC(pml, "Page-modification log where the CPU has it");

static bool nested;
module_param(nested, bool, 0444);
MODULE_PARM_DESC(nested, "Offer VMX to guests; not there yet, always N");

static unsigned int ple_gap = 128;
module_param(ple_gap, uint, 0444);
MODULE_PARM_DESC(
	ple_gap,
	"PAUSEs that are this many cycles apart do not belong to one spin loop; 0: no exits");

static unsigned int ple_window = 4096;
module_param(ple_window, uint, 0444);
MODULE_PARM_DESC(ple_window, "Cycles in a spin loop before it exits, at first");

static unsigned int ple_window_grow = 2;
module_param(ple_window_grow, uint, 0444);
MODULE_PARM_DESC(ple_window_grow,
		 "Each such exit makes the window so many times larger; 0, 1: does not");

static unsigned int ple_window_max = UINT_MAX;
module_param(ple_window_max, uint, 0444);
MODULE_PARM_DESC(ple_window_max, "It does not grow beyond that");

static unsigned int ple_window_shrink;
module_param(ple_window_shrink, uint, 0444);
MODULE_PARM_DESC(
	ple_window_shrink,
	"A vCPU that is preempted makes its window so many times smaller; 0: as at first, 1: does not");

static char *vmentry_l1d_flush = "auto";
module_param(vmentry_l1d_flush, charp, 0444);
MODULE_PARM_DESC(vmentry_l1d_flush, "L1D flush before entries: auto, never, cond, always");

struct vmx_hw vmx_hw;

static struct kvm_backend backend = { .name = "VMX",
				      .isa = KVM_ISA_VMX,
				      .owner = THIS_MODULE,
				      .vm_size = sizeof(struct kvm_vmx),
				      .vcpu_size = sizeof(struct vcpu_vmx),
				      .hypercall_insn = { 0x0f, 0x01, 0xc1 },
#define KVM_X86_OP(ret, name, args) .name = vmx_##name,
				      KVM_X86_OPS
#undef KVM_X86_OP
};

/* The kernel has VMX off.  Firmware can have disabled it on one CPU alone. */
static int say_why_off(void)
{
	const u64 ours = FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;
	int cpu;
	u64 val;

	for_each_online_cpu(cpu) {
		val = 0;
		rdmsrl_safe_on_cpu(cpu, MSR_IA32_FEAT_CTL, &val);
		if ((val & ours) != ours) {
			pr_err("VMX is disabled by firmware on CPU %d (IA32_FEATURE_CONTROL is 0x%llx): enable VT-x or VMX in its setup\n",
			       cpu, val);
			return -ENODEV;
		}
	}
	pr_err("this CPU has VMX, but the kernel was told not to use it (clearcpuid=)\n");
	return -EOPNOTSUPP;
}

/* Can this machine do it at all?  Each refusal says what to do. */
static int check_hardware(void)
{
	if (!boot_cpu_has(X86_FEATURE_VMX)) {
		if (!(cpuid_ecx(1) & BIT(5))) {
			if (boot_cpu_data.x86_vendor == X86_VENDOR_AMD)
				pr_err("this CPU has no VMX: it is AMD's, load kvm_amd instead\n");
			else
				pr_err("this CPU has no VMX (CPUID 1 ECX bit 5)%s\n",
				       boot_cpu_has(X86_FEATURE_HYPERVISOR) ?
					       ": enable nested virtualization on the hypervisor below" :
					       "");
			return -EOPNOTSUPP;
		}
		return say_why_off();
	}
	if (!ept) {
		pr_err("ept=0: shadow paging is not there, EPT is needed: load without ept=0\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int set_caps(void)
{
	u64 cap = vmx_hw.ept_vpid_cap, pat;
	int levels = tdp_ept_root_level(cap, boot_cpu_data.x86_phys_bits);

	if (!levels) {
		pr_err("this CPU's EPT has no tables for %u bits of physical address\n",
		       boot_cpu_data.x86_phys_bits);
		return -EOPNOTSUPP;
	}
	backend.caps = (struct kvm_backend_caps){
		.max_huge_level = tdp_ept_huge_level(cap),
		.root_level = levels,
		.has_tsc_scaling = vmx_has(CPU2, SECONDARY_EXEC_TSC_SCALING),
		.tsc_ratio_frac_bits = 48,
		.tsc_ratio_max = ~0ULL,
		.deadline_timer = vmx_has(PIN, PIN_BASED_VMX_PREEMPTION_TIMER),
		.virtual_apic = vmx_hw.apicv,
		.shadows_tpr = vmx_hw.apic_access,
		.bus_lock_exits = vmx_has(CPU2, SECONDARY_EXEC_BUS_LOCK_DETECTION),
		.notify_exits = vmx_has(CPU2, SECONDARY_EXEC_NOTIFY_VM_EXITING),
		.supported_xss = 0,
	};
	if (!vmx_hw.ept_ad)
		cap &= ~EPT_CAP_AD;
	rdmsrl(MSR_IA32_CR_PAT, pat);
	tdp_format_ept(&backend.caps.tdp, cap, pat, pml);
	return 0;
}

static int find_features(void)
{
	const struct vmx_params params = {
		.unrestricted_guest = unrestricted_guest,
		.vpid = vpid,
		.preemption_timer = preemption_timer,
		.pml = pml,
		.apicv = enable_apicv,
		.flexpriority = flexpriority,
		.eptad = eptad,
		.vnmi = vnmi,
		.ple = ple_gap,
	};
	int r = vmx_find_controls(&vmx_hw, &params);

	if (r)
		return r;
	if (!vmx_has(CPU2, SECONDARY_EXEC_PAUSE_LOOP_EXITING))
		ple_gap = 0;
	vmx_hw.ple_gap = ple_gap;
	vmx_hw.ple_window = ple_window;
	vmx_hw.ple_window_grow = ple_window_grow;
	vmx_hw.ple_window_max = ple_window_max;
	vmx_hw.ple_window_shrink = ple_window_shrink;
	unrestricted_guest = vmx_hw.unrestricted;
	vpid = vmx_hw.vpid;
	vnmi = vmx_hw.vnmi;
	flexpriority = vmx_hw.tpr_shadow;
	enable_apicv = vmx_hw.apicv;
	eptad = vmx_hw.ept_ad;
	pml = vmx_has(CPU2, SECONDARY_EXEC_ENABLE_PML);
	preemption_timer = vmx_has(PIN, PIN_BASED_VMX_PREEMPTION_TIMER);
	vmx_hw.emulates_invalid = emulate_invalid_guest_state;
	if (!emulate_invalid_guest_state && !vmx_hw.unrestricted) {
		pr_err("emulate_invalid_guest_state=0: without unrestricted guest, real mode is nothing but such a state\n");
		return -EOPNOTSUPP;
	}
	if (nested)
		pr_notice("nested=1: VMX for guests is not there yet\n");
	nested = false;

	return set_caps();
}

/* Instructions that are #UD in a guest without their control; and what is done for a processor that lacks it. */
static void adjust_cpuid(void)
{
	static const struct {
		u32 control;
		u16 feature;
	} needs[] = {
		{ SECONDARY_EXEC_ENABLE_RDTSCP, X86_FEATURE_RDTSCP },
		{ SECONDARY_EXEC_ENABLE_RDTSCP, X86_FEATURE_RDPID },
		{ SECONDARY_EXEC_ENABLE_INVPCID, X86_FEATURE_INVPCID },
		{ SECONDARY_EXEC_ENABLE_XSAVES, X86_FEATURE_XSAVES },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(needs); i++)
		if (!(vmx_hw.control[VMX_CTL_CPU2] & needs[i].control))
			kvm_cpu_cap_clear(needs[i].feature);
	if (vmx_umip_in_software())
		kvm_cpu_cap_set(X86_FEATURE_UMIP);
}

static int __init vmx_init(void)
{
	int r;

	r = check_hardware();
	if (r)
		return r;
	r = find_features();
	if (r)
		return r;
	adjust_cpuid();

	r = vmx_l1d_setup(vmentry_l1d_flush);
	if (r)
		return r;
	r = vmx_cpus_alloc();
	if (r)
		goto out_l1d;
	vmx_posting_init();
	cpu_emergency_register_virt_callback(vmx_emergency_disable_cpu);
	r = kvm_x86_register_backend(&backend);
	if (r)
		goto out_emergency;
	pr_info("EPT with %u levels%s%s%s%s%s%s%s%s%s\n", backend.caps.root_level,
		vmx_hw.ept_ad ? ", accessed and dirty bits" : "",
		pml ? ", page-modification log" : "",
		vmx_hw.unrestricted ? ", unrestricted guest" : "", vmx_hw.vpid ? ", VPID" : "",
		vmx_hw.vnmi ? ", virtual NMIs" : "", vmx_hw.tpr_shadow ? ", TPR shadow" : "",
		vmx_hw.apicv ? ", virtual APIC" : "",
		vmx_has(CPU2, SECONDARY_EXEC_PAUSE_LOOP_EXITING) ? ", PAUSE-loop exits" : "",
		backend.caps.has_tsc_scaling ? ", TSC scaling" : "");
	return 0;

out_emergency:
	cpu_emergency_unregister_virt_callback(vmx_emergency_disable_cpu);
	vmx_posting_exit();
	vmx_cpus_free();
out_l1d:
	vmx_l1d_free();
	return r;
}

static void __exit vmx_exit(void)
{
	kvm_x86_unregister_backend();
	cpu_emergency_unregister_virt_callback(vmx_emergency_disable_cpu);
	vmx_posting_exit();
	vmx_cpus_free();
	vmx_l1d_free();
}

module_init(vmx_init);
module_exit(vmx_exit);
