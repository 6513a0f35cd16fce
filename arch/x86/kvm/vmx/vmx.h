/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMX backend: its vCPU, its CPU, and who does what.
 *
 *   vmx.c           module, parameters, what the hardware has
 *   controls.c      execution controls: the table of what is wanted, and what the capability MSRs give
 *   cpu.c           one host CPU: feature control, VMXON, the VMCSs that are active on it
 *   vcpu.c          a vCPU's life: VMCS, loading, reset
 *   host.c          host state: what is written once, per load, per run; MSRs until the return to user space
 *   intercepts.c    which instructions and events exit
 *   apicv.c         the local APIC virtualized by the processor
 *   posting.c       interrupts of devices that an I/O MMU posts
 *   msr.c           MSRs in the VMCS and the MSR bitmap
 *   perf_msrs.c     MSRs of the host's performance counters
 *   vpid.c          virtual processor ids, TLB flushes
 *   run.c entry.S   the inner loop
 *   pml.c           the page-modification log
 *   l1d.c           the flush of the L1 data cache before entries
 *   exits.c         what is done about an exit, once interrupts are on again
 *   cr_access.c     MOV to and from control and debug registers
 *   events.c        injection, re-injection, windows
 *   state.c         registers in the VMCS
 *   segment.c       segment registers
 *   debugregs.c     DR0-3, DR6, DR7
 *   identity_map.c  page tables for guests without paging, on CPUs that need some
 *   vm86.c          real mode on such CPUs
 *   invalid_state.c guest state that this CPU cannot be entered with: emulated
 *   dump.c          the VMCS in words; entry_check.c why the processor refused it
 */
#ifndef KVM_VMX_VMX_H
#define KVM_VMX_VMX_H

#include <linux/hardirq.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/user-return-notifier.h>

#include "backend.h"
#include "regs.h"
#include "vmx/vmcs.h"

struct lapic_msg;
struct lapic_posted;

/* In the exit reason besides the basic one (SDM vol. 3C, 25.9.1): the guest has locked the bus. */
#define VMX_EXIT_REASON_BUS_LOCK_DETECTED BIT(26)

/* Basic exit reasons that the kernel's headers lack: instructions of trust domains, which guests do not have. */
#define VMX_EXIT_SEAMCALL 76
#define VMX_EXIT_TDCALL 77

/* Answer of fast handlers besides enum kvm_tier: leave the inner loop, the exit needs no more. */
#define VMX_LEAVE 3

/* ---------------------------------------------------------------- hardware */

/* The words of controls, SDM vol. 3C, 25.6 to 25.8; see controls.c. */
enum vmx_control_word {
	VMX_CTL_PIN,
	VMX_CTL_CPU, /* primary processor-based */
	VMX_CTL_CPU2, /* secondary */
	VMX_CTL_CPU3, /* tertiary */
	VMX_CTL_EXIT,
	VMX_CTL_ENTRY,
	VMX_CTL_WORDS,
};

/**
 * struct vmx_hw - what the hardware has and the parameters allow; constant after load
 * @basic: IA32_VMX_BASIC
 * @misc: IA32_VMX_MISC
 * @ept_vpid_cap: IA32_VMX_EPT_VPID_CAP
 * @cr0_fixed0, @cr0_fixed1, @cr4_fixed0, @cr4_fixed1: bits that must be 1, bits that may be 1, in VMX operation
 * @control: what is used of each word, with the bits that must be 1
 * @unrestricted: real mode and unpaged protected mode run in hardware
 * @emulates_invalid: guest state that cannot be entered is emulated, rather than entered in vain
 * @ept_ad: EPT has accessed and dirty bits
 * @invept_context, @invvpid_addr: extents that the instructions have
 * @vpid: virtual processor ids are used
 * @vnmi: virtual NMIs
 * @tpr_shadow: MOV CR8 needs no exit
 * @apic_access: in xAPIC mode, the TPR needs none
 * @apicv: the processor virtualizes local APICs, and what is posted reaches a guest that runs
 * @preemption_timer_shift: log2 of TSC ticks a tick of the timer; meaningful with the control
 * @ple_gap, @ple_window, @ple_window_grow, @ple_window_max, @ple_window_shrink: the parameters
 */
struct vmx_hw {
	u64 basic;
	u64 misc;
	u64 ept_vpid_cap;
	u64 cr0_fixed0, cr0_fixed1;
	u64 cr4_fixed0, cr4_fixed1;
	u64 control[VMX_CTL_WORDS];
	bool unrestricted;
	bool emulates_invalid;
	bool ept_ad;
	bool invept_context;
	bool invvpid_addr;
	bool vpid;
	bool vnmi;
	bool tpr_shadow;
	bool apic_access;
	bool apicv;
	u8 preemption_timer_shift;
	u32 ple_gap;
	u32 ple_window;
	u32 ple_window_grow;
	u32 ple_window_max;
	u32 ple_window_shrink;
};

extern struct vmx_hw vmx_hw;

/* Is a control used?  vmx_has(CPU2, SECONDARY_EXEC_ENABLE_VPID) */
#define vmx_has(word, bit) (!!(vmx_hw.control[VMX_CTL_##word] & (bit)))

/**
 * struct vmx_params - the module parameters that switch controls off; see vmx.c
 */
struct vmx_params {
	bool unrestricted_guest;
	bool vpid;
	bool apicv;
	bool preemption_timer;
	bool pml;
	bool flexpriority;
	bool eptad;
	bool vnmi;
	bool ple;
};

/* ---------------------------------------------------------------- vCPU */

/* MSRs of the guest that only user space of the host would notice: they stay until the return to it (host.c). */
enum vmx_user_msr {
	VMX_UMSR_STAR,
	VMX_UMSR_LSTAR,
	VMX_UMSR_CSTAR,
	VMX_UMSR_SFMASK,
	VMX_UMSR_TSC_AUX,
	VMX_NR_UMSRS,
};

/* struct vmx_seg - a segment register as the VMCS has it */
struct vmx_seg {
	u64 base;
	u32 limit;
	u32 ar;
	u16 selector;
};

/**
 * struct vcpu_vmx - a vCPU under VMX
 * @vcpu: first, see kvm_backend.vcpu_size
 * @vmcs: the VMCS region
 * @vmcs_pa: its physical address
 * @launched: VMLAUNCH has been done since the last VMCLEAR
 * @host_rsp: HOST_RSP as it stands in the VMCS
 * @cpu: host CPU on which the VMCS is active, -1: nowhere
 * @active: place in that CPU's list
 * @cpu_data: that CPU
 * @vpid_generation: generation of @cpu_data in which @vpid was given, 0: none
 * @vpid: 0: none
 * @eptp: the EPT pointer
 * @exit_reason: of the last exit, whole; VMX_EXIT_REASONS_FAILED_VMENTRY is bit 31
 * @fail: the last entry ended in VMfail
 * @exit_qual, @exit_intr_info: of the last exit, read when asked for (see @exit_avail)
 * @idt_vectoring: IDT-vectoring information of the last exit
 * @exit_avail: which of the exit's fields have been read, VMX_EXIT_HAVE_*
 * @rflags: cached, VCPU_EXREG_RFLAGS
 * @intr_state: guest interruptibility, cached while @exit_avail has VMX_EXIT_HAVE_INTR_STATE
 * @control: what the words of controls hold in the VMCS now
 * @exception_bitmap: likewise
 * @seg: segment registers
 * @seg_avail: bit n: @seg[n] is as in the VMCS
 * @cr0_guest_owned, @cr4_guest_owned: bits that the guest changes without an exit
 * @events_to_complete: the last entry was given an event
 * @entry_info, @entry_error: that event, as in the VMCS
 * @recheck_shadow: RFLAGS or the interrupt shadow were set in software: see vmx_fix_single_step()
 * @state_dirty: segments, control registers or RFLAGS were set in software: can it still be entered?
 * @detour: what keeps the next entry from being an ordinary one, VMX_EMULATE and so on
 * @vm86_rflags: with VMX_VM86, the guest's RFLAGS.VM and IOPL
 * @vm86_sysenter_cs: with VMX_VM86, the guest's IA32_SYSENTER_CS
 * @rescues: entries refused in a row, the last one as exit number @rescue_exits
 * @ple_window: PLE_WINDOW as it stands, with PAUSE-loop exiting
 * @host_irq: the last exit was a host interrupt and has acknowledged it: VM_EXIT_INTR_INFO
 * @posted: its posted-interrupt descriptor, once an I/O MMU has to know where the vCPU is; see posting.c
 * @nmi_masked: an NMI is being handled; only without virtual NMIs
 * @nmi_masked_since: when that began, ns; only without virtual NMIs
 * @at_iret: with VMX_NMI_STEPS, the instruction that the last entry began with is IRET
 * @spec_ctrl: the guest's SPEC_CTRL
 * @spec_ctrl_open: the guest may write SPEC_CTRL without an exit
 * @host_saved: vmx_prepare_switch() need not do anything
 * @host_bases_saved: selectors and bases of the host have been saved since the vCPU was loaded
 * @guest_pat: GUEST_IA32_PAT as it stands
 * @tpr_threshold: TPR_THRESHOLD as it stands
 * @host_cr3, @host_cr4: as they stand in the VMCS
 * @host: selectors and bases that vcpu_put() brings back; FS and GS bases as they stand in the VMCS
 * @umsr: the guest's, by enum vmx_user_msr
 * @umsr_used: bit n: umsr[n] is needed
 * @kernel_gs_base: the guest's, while it is not in hardware
 * @debugctl: the guest's IA32_DEBUGCTL as last set
 * @msr_bitmap: a page
 * @pml: the page-modification log, a page; NULL: there is none
 * @perf_msrs, @nr_perf_msrs: lists of MSRs that entries and exits load, and how many of them; see perf_msrs.c
 */
struct vcpu_vmx {
	struct kvm_vcpu vcpu;
	void *vmcs;
	u64 vmcs_pa;
	unsigned long host_rsp;
	bool launched;
	bool fail;
	int cpu;
	struct list_head active;
	struct vmx_cpu *cpu_data;
	u64 vpid_generation;
	u16 vpid;
	u64 eptp;

	u32 exit_reason;
	u32 exit_avail;
	unsigned long exit_qual;
	u32 exit_intr_info;
	u32 idt_vectoring;
	u32 intr_state;
	unsigned long rflags;

	u32 control[VMX_CTL_WORDS];
	u32 exception_bitmap;
	struct vmx_seg seg[8];
	u8 seg_avail;
	unsigned long cr0_guest_owned;
	unsigned long cr4_guest_owned;

	bool events_to_complete;
	u32 entry_info;
	u32 entry_error;
	bool recheck_shadow;
	bool state_dirty;
	u8 detour;
	u32 vm86_rflags;
	u32 vm86_sysenter_cs;
	unsigned int rescues;
	u64 rescue_exits;
	u32 ple_window;
	u32 host_irq;
	struct lapic_posted *posted;
	bool nmi_masked;
	bool at_iret;
	u64 nmi_masked_since;

	u64 spec_ctrl;
	bool spec_ctrl_open;
	bool host_saved;
	bool host_bases_saved;
	u64 guest_pat;
	u8 tpr_threshold;
	unsigned long host_cr3;
	unsigned long host_cr4;
	struct {
		u16 ldt, fs, gs, ds, es;
		unsigned long fs_base, gs_base, kernel_gs_base;
		u64 debugctl;
	} host;
	u64 umsr[VMX_NR_UMSRS];
	u32 umsr_used;
	u64 kernel_gs_base;
	u64 debugctl;
	unsigned long *msr_bitmap;
	u64 *pml;
	struct vmx_perf_msrs *perf_msrs;
	unsigned int nr_perf_msrs;
};

/* Bits of detour.  The state cannot be entered on this CPU: instructions are emulated. */
#define VMX_EMULATE BIT(0)
/* What is injected is nothing that an entry accepts: kvm_emul_deliver_event(). */
#define VMX_DELIVER BIT(1)
/* The VMCS holds a virtual-8086 task in place of real mode: vm86.c. */
#define VMX_VM86 BIT(2)
/* An NMI is being handled, and each instruction may be its IRET: events.c. */
#define VMX_NMI_STEPS BIT(3)

/* Bits of exit_avail */
#define VMX_EXIT_HAVE_QUAL BIT(0)
#define VMX_EXIT_HAVE_INTR_INFO BIT(1)
#define VMX_EXIT_HAVE_INTR_STATE BIT(2)

/**
 * struct kvm_vmx - a VM under VMX
 * @kvm: first, see kvm_backend.vm_size
 * @identity_map: it has its identity map
 * @vm86_tss: where its TSS for real mode is, 0: it has none; see vm86.c
 * @apic_access: the APIC-access page, see apicv.c
 * @ept_gen: per host CPU, the kvm->arch.tlb_gen for which its TLB has been rid of the VM's guest-physical mappings
 */
struct kvm_vmx {
	struct kvm kvm;
	bool identity_map;
	u32 vm86_tss;
	hpa_t apic_access;
	u64 __percpu *ept_gen;
};

/**
 * struct vmx_cpu - a host CPU
 * @vpid_generation: bumped when all VPIDs have been given out
 * @next_vpid: next to give out
 * @region: the VMXON region
 * @current_vmcs: VMCS that is current here (VMPTRLD), NULL: none
 * @last_vmcs: VMCS of the vCPU that was loaded last (its predictions may still be in the branch predictor)
 * @active: vCPUs whose VMCS is active here
 * @host_msr: the host's values of enum vmx_user_msr
 * @msr: as they stand
 * @urn: puts them back before the return to user space
 * @urn_registered: @urn will be called
 * @enabled: VMX was enabled by us
 */
struct vmx_cpu {
	u64 vpid_generation;
	u32 next_vpid;
	void *region;
	void *current_vmcs;
	void *last_vmcs;
	struct list_head active;
	u64 host_msr[VMX_NR_UMSRS];
	u64 msr[VMX_NR_UMSRS];
	struct user_return_notifier urn;
	bool urn_registered;
	bool enabled;
};

DECLARE_PER_CPU(struct vmx_cpu, vmx_cpu);

static __always_inline struct vcpu_vmx *to_vmx(struct kvm_vcpu *vcpu)
{
	return container_of(vcpu, struct vcpu_vmx, vcpu);
}

static __always_inline struct kvm_vmx *to_kvm_vmx(struct kvm *kvm)
{
	return container_of(kvm, struct kvm_vmx, kvm);
}

/* Basic exit reason, SDM vol. 3C, appendix C */
static __always_inline u16 vmx_exit_code(const struct vcpu_vmx *vmx)
{
	return vmx->exit_reason;
}

static __always_inline bool vmx_locked_bus(const struct vcpu_vmx *vmx)
{
	return vmx_exit_code(vmx) == EXIT_REASON_BUS_LOCK ||
	       (vmx->exit_reason & VMX_EXIT_REASON_BUS_LOCK_DETECTED);
}

static __always_inline unsigned long vmx_exit_qual(struct vcpu_vmx *vmx)
{
	if (!(vmx->exit_avail & VMX_EXIT_HAVE_QUAL)) {
		vmx->exit_avail |= VMX_EXIT_HAVE_QUAL;
		vmx->exit_qual = vmcs_read_natural(EXIT_QUALIFICATION);
	}
	return vmx->exit_qual;
}

static __always_inline u32 vmx_exit_intr_info(struct vcpu_vmx *vmx)
{
	if (!(vmx->exit_avail & VMX_EXIT_HAVE_INTR_INFO)) {
		vmx->exit_avail |= VMX_EXIT_HAVE_INTR_INFO;
		vmx->exit_intr_info = vmcs_read32(VM_EXIT_INTR_INFO);
	}
	return vmx->exit_intr_info;
}

static __always_inline u32 vmx_intr_state(struct vcpu_vmx *vmx)
{
	if (!(vmx->exit_avail & VMX_EXIT_HAVE_INTR_STATE)) {
		vmx->exit_avail |= VMX_EXIT_HAVE_INTR_STATE;
		vmx->intr_state = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	}
	return vmx->intr_state;
}

static __always_inline void vmx_set_intr_state(struct vcpu_vmx *vmx, u32 state)
{
	if (vmx_intr_state(vmx) != state) {
		vmx->intr_state = state;
		vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, state);
	}
}

/* The exit was an EPT violation of an IRET that had ended the blocking of NMIs. */
static __always_inline bool vmx_nmi_unblocked_by_exit(struct vcpu_vmx *vmx)
{
	return vmx_hw.vnmi && (vmx_exit_qual(vmx) & EPT_VIOLATION_NMI_UNBLOCKED);
}

/* A word of controls, for which no write is made that changes nothing. */
#define VMX_CONTROL_ACCESSORS(name, word, field)                                                 \
	static __always_inline void vmx_##name##_set(struct vcpu_vmx *vmx, u32 val)              \
	{                                                                                        \
		if (vmx->control[VMX_CTL_##word] != val) {                                       \
			vmx->control[VMX_CTL_##word] = val;                                      \
			vmcs_write32(field, val);                                                \
		}                                                                                \
	}                                                                                        \
	static __always_inline void vmx_##name##_assign(struct vcpu_vmx *vmx, u32 bits, bool on) \
	{                                                                                        \
		u32 val = vmx->control[VMX_CTL_##word];                                          \
                                                                                                 \
		vmx_##name##_set(vmx, on ? val | bits : val & ~bits);                            \
	}
VMX_CONTROL_ACCESSORS(pin, PIN, PIN_BASED_VM_EXEC_CONTROL)
VMX_CONTROL_ACCESSORS(exec, CPU, CPU_BASED_VM_EXEC_CONTROL)
VMX_CONTROL_ACCESSORS(exec2, CPU2, SECONDARY_VM_EXEC_CONTROL)
VMX_CONTROL_ACCESSORS(exitctl, EXIT, VM_EXIT_CONTROLS)
VMX_CONTROL_ACCESSORS(entryctl, ENTRY, VM_ENTRY_CONTROLS)
#undef VMX_CONTROL_ACCESSORS

/* controls.c */
int vmx_find_controls(struct vmx_hw *hw, const struct vmx_params *params);
int vmx_compare_controls(void);
const char *vmx_control_name(enum vmx_control_word word, unsigned int bit);

/* cpu.c */
int vmx_cpus_alloc(void);
void vmx_cpus_free(void);
int vmx_enable_cpu(void);
void vmx_disable_cpu(void);
void vmx_emergency_disable_cpu(void);
void vmx_forget_vmcs(void *vmcs);
void vmx_make_current(struct vcpu_vmx *vmx, int cpu);
void vmx_clear_vmcs(struct vcpu_vmx *vmx);

/* vcpu.c */
int vmx_vm_init(struct kvm *kvm);
void vmx_vm_destroy(struct kvm *kvm);
int vmx_vcpu_create(struct kvm_vcpu *vcpu);
void vmx_vcpu_destroy(struct kvm_vcpu *vcpu);
void vmx_vcpu_reset(struct kvm_vcpu *vcpu, bool init);
void vmx_vcpu_load(struct kvm_vcpu *vcpu, int cpu);
void vmx_vcpu_put(struct kvm_vcpu *vcpu);
void vmx_write_tsc_offset(struct kvm_vcpu *vcpu);
void vmx_write_tsc_ratio(struct kvm_vcpu *vcpu);

/* host.c */
void vmx_write_host_constants(void);
void vmx_host_moved(struct vcpu_vmx *vmx, int cpu);
void vmx_prepare_switch(struct kvm_vcpu *vcpu);
void vmx_restore_host(struct vcpu_vmx *vmx);
void vmx_update_host_state(struct vcpu_vmx *vmx);
void vmx_umsrs_init_cpu(struct vmx_cpu *cpu);
void vmx_umsrs_put_back(struct vmx_cpu *cpu);
void vmx_umsr_set(struct vcpu_vmx *vmx, enum vmx_user_msr which, u64 val);
bool vmx_umsr_exists(enum vmx_user_msr which);
u32 vmx_umsr_index(enum vmx_user_msr which);
void vmx_umsr_need(struct vcpu_vmx *vmx, enum vmx_user_msr which, bool needed);
void vmx_syscall_msrs_needed(struct vcpu_vmx *vmx, bool needed);
u64 vmx_read_kernel_gs_base(struct vcpu_vmx *vmx);
void vmx_write_kernel_gs_base(struct vcpu_vmx *vmx, u64 val);

/* intercepts.c */
void vmx_update_exception_bitmap(struct kvm_vcpu *vcpu);
void vmx_after_set_cpuid(struct kvm_vcpu *vcpu);
void vmx_write_controls(struct vcpu_vmx *vmx);
void vmx_grow_ple_window(struct vcpu_vmx *vmx);
void vmx_shrink_ple_window(struct vcpu_vmx *vmx);
void vmx_update_cr8_intercept(struct kvm_vcpu *vcpu, int tpr, int irr);

/* msr.c */
int vmx_msr_bitmap_alloc(struct vcpu_vmx *vmx);
void vmx_msr_bitmap_free(struct vcpu_vmx *vmx);
void vmx_update_msr_intercepts(struct kvm_vcpu *vcpu);
int vmx_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *data, bool host);
int vmx_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 data, bool host);
int vmx_get_feature_msr(u32 index, u64 *data);
bool vmx_has_msr(u32 index);

/* perf_msrs.c */
int vmx_perf_msrs_alloc(struct vcpu_vmx *vmx);
void vmx_perf_msrs_free(struct vcpu_vmx *vmx);
void vmx_perf_msrs_init(struct vcpu_vmx *vmx);
void vmx_perf_msrs_update(struct vcpu_vmx *vmx);

/* apicv.c */
void vmx_update_apicv(struct kvm_vcpu *vcpu);
void vmx_apic_mode_changed(struct kvm_vcpu *vcpu);
void vmx_apicv_entry(struct vcpu_vmx *vmx);
bool vmx_post_interrupt(struct kvm_vcpu *vcpu);
int vmx_apic_access_page(struct kvm_vcpu *vcpu);
void vmx_apicv_write_constants(struct vcpu_vmx *vmx);
int vmx_fast_apic_access(struct vcpu_vmx *vmx);
int vmx_apic_access(struct kvm_vcpu *vcpu);
int vmx_fast_apic_write(struct vcpu_vmx *vmx);
int vmx_apic_write(struct kvm_vcpu *vcpu);
int vmx_eoi_induced(struct kvm_vcpu *vcpu);
void vmx_open_x2apic(struct vcpu_vmx *vmx, bool tpr, bool all);

/* posting.c */
void vmx_posting_init(void);
void vmx_posting_exit(void);
void vmx_posting_load(struct vcpu_vmx *vmx);
void vmx_posting_changed(struct vcpu_vmx *vmx);
void vmx_posting_cpu_gone(struct vcpu_vmx *vmx);
void vmx_vcpu_blocking(struct kvm_vcpu *vcpu, bool blocking);
u64 vmx_post_device(struct kvm *kvm, unsigned int host_irq, const struct lapic_msg *msg, u64 old);

/* vpid.c */
void vmx_new_vpid(struct vcpu_vmx *vmx);
void vmx_flush_tlb(struct kvm_vcpu *vcpu);
void vmx_flush_tlb_gva(struct kvm_vcpu *vcpu, gva_t gva);
void vmx_load_root(struct kvm_vcpu *vcpu, hpa_t root);
void vmx_flush_cpu(void);

/* run.c, entry.S */
int vmx_run(struct kvm_vcpu *vcpu, bool immediate_exit);
int vmx_enter_guest(struct vcpu_vmx *vmx);
void vmx_call_nmi_handler(void);
void vmx_call_irq_handler(unsigned long entry);
void vmx_take_host_irq(struct kvm_vcpu *vcpu);
extern void vmx_vmexit(void);

/* identity_map.c */
int vmx_identity_map_create(struct kvm *kvm);

/* pml.c */
int vmx_pml_create(struct vcpu_vmx *vmx);
void vmx_pml_destroy(struct vcpu_vmx *vmx);
void vmx_pml_init(struct vcpu_vmx *vmx);
void vmx_pml_flush(struct vcpu_vmx *vmx);

/* l1d.c */
int vmx_l1d_setup(const char *param);
void vmx_l1d_free(void);
void vmx_l1d_flush_now(struct vcpu_vmx *vmx);
DECLARE_STATIC_KEY_FALSE(vmx_l1d_flush_on);
DECLARE_STATIC_KEY_FALSE(vmx_l1d_flush_cond);

/* Before an entry.  The second flag is set by interrupts of the host. */
static __always_inline void vmx_l1d_flush(struct vcpu_vmx *vmx)
{
	if (!static_branch_unlikely(&vmx_l1d_flush_on))
		return;
	if (static_branch_likely(&vmx_l1d_flush_cond) && !vmx->vcpu.arch.l1d_flush &&
	    !kvm_get_cpu_l1tf_flush_l1d())
		return;
	vmx_l1d_flush_now(vmx);
}

/* exits.c.  vmx_ept_error_code(): what an EPT violation was, as KVM_PF_* */
u64 vmx_ept_error_code(struct vcpu_vmx *vmx);
int vmx_handle_exit(struct kvm_vcpu *vcpu);
int vmx_report_bus_lock(struct kvm_vcpu *vcpu, int r);
void vmx_get_exit_info(struct kvm_vcpu *vcpu, struct kvm_exit_info *info);

/* cr_access.c */
int vmx_handle_cr(struct kvm_vcpu *vcpu);
int vmx_handle_dr(struct kvm_vcpu *vcpu);

/* events.c.  VMX_WINDOWS: exits when an event becomes possible that waits. */
#define VMX_WINDOWS \
	(CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING | CPU_BASED_MONITOR_TRAP_FLAG)
void vmx_inject_exception(struct kvm_vcpu *vcpu);
void vmx_inject_irq(struct kvm_vcpu *vcpu, bool reinject);
void vmx_inject_nmi(struct kvm_vcpu *vcpu);
void vmx_cancel_injection(struct kvm_vcpu *vcpu);
void vmx_complete_events(struct vcpu_vmx *vmx, bool maybe_interrupted);
bool vmx_nmi_allowed(struct kvm_vcpu *vcpu);
bool vmx_irq_allowed(struct kvm_vcpu *vcpu);
void vmx_enable_nmi_window(struct kvm_vcpu *vcpu);
void vmx_enable_irq_window(struct kvm_vcpu *vcpu);
int vmx_open_irq_window(struct vcpu_vmx *vmx);
int vmx_open_nmi_window(struct vcpu_vmx *vmx);
int vmx_monitor_trap(struct vcpu_vmx *vmx);
void vmx_note_iret(struct vcpu_vmx *vmx);
bool vmx_get_nmi_mask(struct kvm_vcpu *vcpu);
void vmx_set_nmi_mask(struct kvm_vcpu *vcpu, bool masked);
u32 vmx_get_interrupt_shadow(struct kvm_vcpu *vcpu);
void vmx_set_interrupt_shadow(struct kvm_vcpu *vcpu, u32 mask);
void vmx_fix_single_step(struct vcpu_vmx *vmx);

/* state.c */
void vmx_cache_reg(struct kvm_vcpu *vcpu, int reg);
unsigned long vmx_get_rflags(struct kvm_vcpu *vcpu);
void vmx_set_rflags(struct kvm_vcpu *vcpu, unsigned long rflags);
void vmx_set_cr0(struct kvm_vcpu *vcpu, unsigned long cr0);
void vmx_set_cr3(struct kvm_vcpu *vcpu, unsigned long cr3);
void vmx_set_cr4(struct kvm_vcpu *vcpu, unsigned long cr4);
void vmx_set_efer(struct kvm_vcpu *vcpu, u64 efer);
bool vmx_is_valid_cr4(struct kvm_vcpu *vcpu, unsigned long cr4);
bool vmx_umip_in_software(void);
int vmx_skip_instruction(struct kvm_vcpu *vcpu);
void vmx_write_rflags(struct vcpu_vmx *vmx, unsigned long rflags);
void vmx_write_hw_cr4(struct vcpu_vmx *vmx);
void vmx_reset_state(struct vcpu_vmx *vmx, bool init);

/* segment.c */
void vmx_get_segment(struct kvm_vcpu *vcpu, struct kvm_segment *var, int seg);
void vmx_set_segment(struct kvm_vcpu *vcpu, const struct kvm_segment *var, int seg);
u64 vmx_get_segment_base(struct kvm_vcpu *vcpu, int seg);
int vmx_get_cpl(struct kvm_vcpu *vcpu);
void vmx_get_cs_db_l(struct kvm_vcpu *vcpu, int *db, int *l);
void vmx_get_dtable(struct kvm_vcpu *vcpu, bool idt, struct kvm_dtable *dt);
void vmx_set_dtable(struct kvm_vcpu *vcpu, bool idt, const struct kvm_dtable *dt);
const struct vmx_seg *vmx_seg(struct vcpu_vmx *vmx, int seg);
void vmx_write_seg(struct vcpu_vmx *vmx, int seg, const struct vmx_seg *s);
void vmx_write_seg_fields(struct vcpu_vmx *vmx, int seg);
void vmx_reset_segments(struct vcpu_vmx *vmx);

/* vm86.c */
int vmx_vm86_create(struct kvm *kvm);
bool vmx_vm86_vectors(u64 base, u32 limit);
bool vmx_vm86_segment(struct vcpu_vmx *vmx, int seg, struct vmx_seg *s);
void vmx_vm86_enter(struct vcpu_vmx *vmx);
void vmx_vm86_leave(struct vcpu_vmx *vmx);
int vmx_vm86_exception(struct kvm_vcpu *vcpu, u8 vector);

/* debugregs.c */
void vmx_update_debug(struct kvm_vcpu *vcpu);
void vmx_intercept_dr(struct kvm_vcpu *vcpu, bool on);
void vmx_sync_debug(struct kvm_vcpu *vcpu);
void vmx_unload_debug(struct vcpu_vmx *vmx);

/*
 * invalid_state.c.  vmx_state_changed(): registers were set in software: how is it entered?  Sets vmx->detour; vmx_run() then
 * asks vmx_may_enter(), answers KVM_AGAIN without entering if not, and vmx_handle_exit() calls vmx_emulate_invalid_state() or
 * kvm_emul_deliver_event(): a tier or an errno.
 */
void vmx_state_changed(struct vcpu_vmx *vmx);
bool vmx_may_enter(struct vcpu_vmx *vmx);
int vmx_emulate_invalid_state(struct kvm_vcpu *vcpu);
bool vmx_rescue(struct kvm_vcpu *vcpu);
int vmx_emulate_once(struct kvm_vcpu *vcpu);

/*
 * dump.c.  vmx_entry_failed(): vmx->fail: VMfail, VM_INSTRUCTION_ERROR has the number; else vmx->exit_reason has
 * VMX_EXIT_REASONS_FAILED_VMENTRY.  Says what is wrong and answers KVM_EXIT_FAIL_ENTRY.
 */
void vmx_dump(struct kvm_vcpu *vcpu);
int vmx_entry_failed(struct kvm_vcpu *vcpu);

#endif /* KVM_VMX_VMX_H */
