// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities of x86: one row each, for what is implemented and nothing else.  And the attributes of /dev/kvm.
 */
#include <linux/uaccess.h>
#include <uapi/linux/kvm_para.h>
#include <asm/cpufeature.h>

#include "cpuid.h"
#include "debug.h"
#include "io.h"
#include "ioctl.h"
#include "irqchip/irqchip.h"
#include "irqchip/lapic_core.h"
#include "xsave.h"

#define X2APIC_API_FLAGS (KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
/* SLOT_ZAP_ALL: a slot that goes never takes other slots' mappings with it here, so there is nothing to disable. */
#define QUIRKS                                                                   \
	(KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED |           \
	 KVM_X86_QUIRK_LAPIC_MMIO_HOLE | KVM_X86_QUIRK_OUT_7E_INC_RIP |          \
	 KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT | KVM_X86_QUIRK_FIX_HYPERCALL_INSN | \
	 KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS | KVM_X86_QUIRK_SLOT_ZAP_ALL)
#define HYPERCALL_EXITS BIT(KVM_HC_MAP_GPA_RANGE)
#define CLOCK_FLAGS (KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

/* ---------------------------------------------------------------- answers that depend */

static int check_nr_vcpus(struct kvm *kvm)
{
	return min_t(unsigned int, num_online_cpus(), KVM_MAX_VCPUS);
}

static int check_max_vcpu_id(struct kvm *kvm)
{
	u32 limit = kvm ? READ_ONCE(kvm->arch.max_vcpu_ids) : 0;

	return limit ?: KVM_MAX_VCPU_IDS;
}

static int check_xcrs(struct kvm *kvm)
{
	return boot_cpu_has(X86_FEATURE_XSAVE);
}

static int check_tsc_control(struct kvm *kvm)
{
	return kvm_backend.caps.has_tsc_scaling;
}

/* It is a help for guests whose accesses to the TPR exit. */
static int check_vapic(struct kvm *kvm)
{
	return !kvm_backend.caps.shadows_tpr;
}

static int check_disable_exits(struct kvm *kvm)
{
	int exits = KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE;

	/* A guest in MWAIT must wake when the host's timer fires. */
	if (boot_cpu_has(X86_FEATURE_MWAIT) && boot_cpu_has(X86_FEATURE_ARAT) &&
	    !boot_cpu_has_bug(X86_BUG_MONITOR))
		exits |= KVM_X86_DISABLE_EXITS_MWAIT;
	return exits;
}

#define BUS_LOCK_MODES (KVM_BUS_LOCK_DETECTION_OFF | KVM_BUS_LOCK_DETECTION_EXIT)
#define NOTIFY_FLAGS (KVM_X86_NOTIFY_VMEXIT_ENABLED | KVM_X86_NOTIFY_VMEXIT_USER)

static int check_bus_lock_exit(struct kvm *kvm)
{
	return kvm_backend.caps.bus_lock_exits ? BUS_LOCK_MODES : 0;
}

static int check_notify_exit(struct kvm *kvm)
{
	return kvm_backend.caps.notify_exits ? NOTIFY_FLAGS : 0;
}

/* ---------------------------------------------------------------- enabling on a VM */

/* KVM_CAP_DISABLE_QUIRKS cannot be asked which there are: it takes all bits. */
static int enable_disable_quirks(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	WRITE_ONCE(kvm->arch.disabled_quirks, cap->args[0] & QUIRKS);
	return 0;
}

static int enable_disable_quirks2(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (cap->args[0] & ~(u64)QUIRKS)
		return -EINVAL;
	return enable_disable_quirks(kvm, cap);
}

/* What may be set before the first vCPU exists only. */
static int before_vcpus(struct kvm *kvm, int (*set)(struct kvm *kvm, u64 value), u64 value)
{
	int r = -EINVAL;

	mutex_lock(&kvm->lock);
	if (!kvm->created_vcpus)
		r = set(kvm, value);
	mutex_unlock(&kvm->lock);
	return r;
}

/* At any time: vCPUs that there are already keep theirs. */
static int enable_disable_exits(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (cap->args[0] & ~(u64)check_disable_exits(kvm))
		return -EINVAL;
	mutex_lock(&kvm->lock);
	WRITE_ONCE(kvm->arch.disabled_exits, kvm->arch.disabled_exits | cap->args[0]);
	mutex_unlock(&kvm->lock);
	return 0;
}

static int set_split_irqchip(struct kvm *kvm, u64 routes)
{
	int r;

	if (kvm->arch.irqchip_mode != KVM_IRQCHIP_NONE || kvm->created_vcpus)
		return -EEXIST;
	r = kvm_set_irq_routing(kvm, NULL, 0, 0);
	if (r)
		return r;
	kvm->arch.nr_reserved_ioapic_pins = routes;
	/* Pairs with kvm_irqchip_split(). */
	smp_store_release(&kvm->arch.irqchip_mode, KVM_IRQCHIP_SPLIT);
	return 0;
}

static int enable_split_irqchip(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	int r;

	/* The number of pins is kept in a byte. */
	if (cap->args[0] > U8_MAX)
		return -EINVAL;
	mutex_lock(&kvm->lock);
	r = set_split_irqchip(kvm, cap->args[0]);
	mutex_unlock(&kvm->lock);
	return r;
}

static int enable_x2apic_api(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (cap->args[0] & ~(u64)X2APIC_API_FLAGS)
		return -EINVAL;
	if (cap->args[0] & KVM_X2APIC_API_USE_32BIT_IDS)
		WRITE_ONCE(kvm->arch.x2apic_format, true);
	if (cap->args[0] & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
		kvm_lapic_disable_broadcast_quirk(kvm);
	/* Messages may lead elsewhere now. */
	kvm_irqfd_routing_update(kvm);
	return 0;
}

static int set_apic_bus_cycle(struct kvm *kvm, u64 ns)
{
	if (kvm->arch.irqchip_mode == KVM_IRQCHIP_NONE)
		return -ENXIO;
	kvm->arch.apic_bus_cycle_ns = ns;
	return 0;
}

static int enable_apic_bus_cycles(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (!cap->args[0] || cap->args[0] > LAPIC_BUS_NS_MAX)
		return -EINVAL;
	return before_vcpus(kvm, set_apic_bus_cycle, cap->args[0]);
}

static int set_max_vcpu_ids(struct kvm *kvm, u64 ids)
{
	if (kvm->arch.max_vcpu_ids == ids)
		return 0;
	if (kvm->arch.max_vcpu_ids || kvm->arch.boot_cpu_id > ids)
		return -EINVAL;
	kvm->arch.max_vcpu_ids = ids;
	return 0;
}

static int enable_max_vcpu_id(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (!cap->args[0] || cap->args[0] > KVM_MAX_VCPU_IDS)
		return -EINVAL;
	return before_vcpus(kvm, set_max_vcpu_ids, cap->args[0]);
}

static int set_bus_lock_exit(struct kvm *kvm, u64 mode)
{
	kvm->arch.bus_lock_exit = mode == KVM_BUS_LOCK_DETECTION_EXIT;
	return 0;
}

static int enable_bus_lock_exit(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if ((cap->args[0] & ~(u64)check_bus_lock_exit(kvm)) || cap->args[0] == BUS_LOCK_MODES)
		return -EINVAL;
	return before_vcpus(kvm, set_bus_lock_exit, cap->args[0]);
}

static int set_notify_exit(struct kvm *kvm, u64 window_and_flags)
{
	kvm->arch.notify_window = upper_32_bits(window_and_flags);
	kvm->arch.notify_flags = lower_32_bits(window_and_flags);
	return 0;
}

static int enable_notify_exit(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	u32 flags = cap->args[0];

	if ((flags & ~check_notify_exit(kvm)) || !(flags & KVM_X86_NOTIFY_VMEXIT_ENABLED))
		return -EINVAL;
	return before_vcpus(kvm, set_notify_exit, cap->args[0]);
}

static int enable_platform_info(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	kvm->arch.msr_platform_info_guest_read = cap->args[0];
	return 0;
}

static int enable_exception_payload(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	kvm->arch.exception_payload = cap->args[0];
	return 0;
}

static int enable_triple_fault_event(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	kvm->arch.triple_fault_event = cap->args[0];
	return 0;
}

static int enable_user_space_msr(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (cap->args[0] & ~(u64)KVM_MSR_EXIT_REASON_VALID_MASK)
		return -EINVAL;
	WRITE_ONCE(kvm->arch.user_space_msr_mask, cap->args[0]);
	return 0;
}

static int enable_exit_hypercall(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (cap->args[0] & ~(u64)HYPERCALL_EXITS)
		return -EINVAL;
	WRITE_ONCE(kvm->arch.hypercall_exits, cap->args[0]);
	return 0;
}

static int enable_exit_on_emulation_failure(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (cap->args[0] & ~1ULL)
		return -EINVAL;
	kvm->arch.exit_on_emulation_error = cap->args[0];
	return 0;
}

/* ---------------------------------------------------------------- enabling on a vCPU */

static int enable_enforce_pv(struct kvm_vcpu *vcpu, const struct kvm_enable_cap *cap)
{
	vcpu->arch.pv_enforce = !!cap->args[0];
	return 0;
}

/* ---------------------------------------------------------------- the rows */

const struct kvm_cap kvm_arch_caps[] = {
	/* processor state */
	{ .cap = KVM_CAP_EXT_CPUID, .value = 1 },
	{ .cap = KVM_CAP_EXT_EMUL_CPUID, .value = 1 },
	{ .cap = KVM_CAP_MP_STATE, .value = 1 },
	{ .cap = KVM_CAP_VCPU_EVENTS, .value = 1 },
	{ .cap = KVM_CAP_INTR_SHADOW, .value = 1 },
	{ .cap = KVM_CAP_DEBUGREGS, .value = 1 },
	{ .cap = KVM_CAP_PRE_FAULT_MEMORY, .value = 1 },
	{ .cap = KVM_CAP_XSAVE, .value = 1 },
	{ .cap = KVM_CAP_XSAVE2, .check = kvm_xsave2_size },
	{ .cap = KVM_CAP_XCRS, .check = check_xcrs },
	{ .cap = KVM_CAP_SREGS2, .value = 1 },
	{ .cap = KVM_CAP_SYNC_REGS, .value = KVM_SYNC_X86_VALID_FIELDS },
	{ .cap = KVM_CAP_SET_GUEST_DEBUG, .value = 1 },
	{ .cap = KVM_CAP_SET_GUEST_DEBUG2, .value = KVM_GUESTDBG_FLAGS },
	{ .cap = KVM_CAP_X86_ROBUST_SINGLESTEP, .value = 1 },
	{ .cap = KVM_CAP_EXCEPTION_PAYLOAD, .value = 1, .enable_vm = enable_exception_payload },
	{ .cap = KVM_CAP_X86_TRIPLE_FAULT_EVENT,
	  .value = 1,
	  .enable_vm = enable_triple_fault_event },
	{ .cap = KVM_CAP_USER_NMI, .value = 1 },
	{ .cap = KVM_CAP_MCE, .value = KVM_MAX_MCE_BANKS },
	{ .cap = KVM_CAP_VCPU_ATTRIBUTES, .value = 1 },
	{ .cap = KVM_CAP_SYS_ATTRIBUTES, .value = 1 },

	/* machine */
	{ .cap = KVM_CAP_NR_VCPUS, .check = check_nr_vcpus },
	{ .cap = KVM_CAP_MAX_VCPU_ID, .check = check_max_vcpu_id, .enable_vm = enable_max_vcpu_id },
	{ .cap = KVM_CAP_VM_TYPES, .value = BIT(KVM_X86_DEFAULT_VM) },
	{ .cap = KVM_CAP_SET_TSS_ADDR, .value = 1 },
	{ .cap = KVM_CAP_MMU_SHADOW_CACHE_CONTROL, .value = 1 },
	{ .cap = KVM_CAP_SET_IDENTITY_MAP_ADDR, .value = 1 },
	{ .cap = KVM_CAP_SET_BOOT_CPU_ID, .value = 1 },
	{ .cap = KVM_CAP_PCI_SEGMENT, .value = 1 },
	{ .cap = KVM_CAP_NOP_IO_DELAY, .value = 1 },
	{ .cap = KVM_CAP_MULTI_ADDRESS_SPACE, .value = KVM_NR_ADDRESS_SPACES },
	{ .cap = KVM_CAP_DISABLE_QUIRKS, .value = 1, .enable_vm = enable_disable_quirks },
	{ .cap = KVM_CAP_DISABLE_QUIRKS2, .value = QUIRKS, .enable_vm = enable_disable_quirks2 },
	{ .cap = KVM_CAP_X86_DISABLE_EXITS,
	  .check = check_disable_exits,
	  .enable_vm = enable_disable_exits },
	{ .cap = KVM_CAP_X86_BUS_LOCK_EXIT,
	  .check = check_bus_lock_exit,
	  .enable_vm = enable_bus_lock_exit },
	{ .cap = KVM_CAP_X86_NOTIFY_VMEXIT,
	  .check = check_notify_exit,
	  .enable_vm = enable_notify_exit },
	{ .cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE,
	  .value = 1,
	  .enable_vm = enable_exit_on_emulation_failure },

	{ .cap = KVM_CAP_EXIT_HYPERCALL,
	  .value = HYPERCALL_EXITS,
	  .enable_vm = enable_exit_hypercall },

	/* interrupts */
	{ .cap = KVM_CAP_IRQCHIP, .value = 1 },
	{ .cap = KVM_CAP_HLT, .value = 1 },
	{ .cap = KVM_CAP_IRQ_INJECT_STATUS, .value = 1 },
	{ .cap = KVM_CAP_PIT, .value = 1 },
	{ .cap = KVM_CAP_PIT2, .value = 1 },
	{ .cap = KVM_CAP_PIT_STATE2, .value = 1 },
	{ .cap = KVM_CAP_REINJECT_CONTROL, .value = 1 },
	{ .cap = KVM_CAP_IOAPIC_POLARITY_IGNORED, .value = 1 },
	{ .cap = KVM_CAP_SPLIT_IRQCHIP, .value = 1, .enable_vm = enable_split_irqchip },
	{ .cap = KVM_CAP_X2APIC_API, .value = X2APIC_API_FLAGS, .enable_vm = enable_x2apic_api },
	{ .cap = KVM_CAP_VAPIC, .check = check_vapic },
	{ .cap = KVM_CAP_X86_APIC_BUS_CYCLES_NS, .value = 1, .enable_vm = enable_apic_bus_cycles },

	/* paravirtual */
	{ .cap = KVM_CAP_ASYNC_PF, .value = 1 },
	{ .cap = KVM_CAP_ASYNC_PF_INT, .value = 1 },

	/* time */
	{ .cap = KVM_CAP_CLOCKSOURCE, .value = 1 },
	{ .cap = KVM_CAP_ADJUST_CLOCK, .value = CLOCK_FLAGS },
	{ .cap = KVM_CAP_KVMCLOCK_CTRL, .value = 1 },
	{ .cap = KVM_CAP_GET_TSC_KHZ, .value = 1 },
	{ .cap = KVM_CAP_TSC_CONTROL, .check = check_tsc_control },
	{ .cap = KVM_CAP_VM_TSC_CONTROL, .check = check_tsc_control },
	{ .cap = KVM_CAP_TSC_DEADLINE_TIMER, .value = 1 },
	{ .cap = KVM_CAP_STEAL_TIME, .value = IS_ENABLED(CONFIG_SCHED_INFO) },
	{ .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .value = 1, .enable_vcpu = enable_enforce_pv },

	/* MSRs */
	{ .cap = KVM_CAP_GET_MSR_FEATURES, .value = 1 },
	{ .cap = KVM_CAP_MSR_PLATFORM_INFO, .value = 1, .enable_vm = enable_platform_info },
	{ .cap = KVM_CAP_X86_USER_SPACE_MSR, .value = 1, .enable_vm = enable_user_space_msr },
	{ .cap = KVM_CAP_X86_MSR_FILTER, .value = 1 },
};

const unsigned int kvm_arch_nr_caps = ARRAY_SIZE(kvm_arch_caps);

/* ---------------------------------------------------------------- attributes of /dev/kvm */

static bool is_xcomp(const struct kvm_device_attr *attr)
{
	return attr->group == 0 && attr->attr == KVM_X86_XCOMP_GUEST_SUPP;
}

long kvm_sys_has_device_attr(struct file *filp, union kvm_ioctl_arg arg)
{
	return is_xcomp(arg.buf) ? 0 : -ENXIO;
}

long kvm_sys_get_device_attr(struct file *filp, union kvm_ioctl_arg arg)
{
	const struct kvm_device_attr *attr = arg.buf;

	if (!is_xcomp(attr))
		return -ENXIO;
	return put_user(kvm_supported_xcr0, (u64 __user *)(unsigned long)attr->addr);
}
