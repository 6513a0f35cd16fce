/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SVM backend: its vCPU, its CPU, and who does what.
 *
 *   svm.c         module, parameters, what the hardware has
 *   cpu.c         one host CPU: EFER.SVME, host save areas, TSC_AUX until the return to user space
 *   vcpu.c        a vCPU's life: VMCB, loading, reset
 *   intercepts.c  which instructions and events exit
 *   msr.c         MSRs in the VMCB and the MSR permission map
 *   asid.c        address space identifiers and TLB flushes
 *   run.c entry.S the inner loop
 *   exits.c       what is done about an exit, once interrupts are on again
 *   events.c      injection, re-injection, windows
 *   state.c       registers in the VMCB
 *   debugregs.c   DR0-3, DR6, DR7
 *   fetch.c       bytes of the instruction that exited
 *   avic.c        the local APIC virtualized by the processor; avic_tables.c its tables
 *   dump.c        the VMCB in words; entry_check.c why the processor refused it
 */
#ifndef KVM_SVM_SVM_H
#define KVM_SVM_SVM_H

#include <linux/percpu.h>
#include <linux/user-return-notifier.h>

#include "backend.h"
#include "regs.h"
#include "svm/vmcb.h"

#define SVM_MSRPM_ORDER 1 /* 8 KiB */
#define SVM_IOPM_SIZE (3 * PAGE_SIZE) /* 64 Ki ports and 3 more */
#define SVM_MSRPM_SIZE (PAGE_SIZE << SVM_MSRPM_ORDER)
#define SVM_WALK_LEVELS 5
#define SVM_FETCH_WAYS 4

/* Answers of fast handlers besides enum kvm_tier: leave the inner loop, the exit needs no more; the same after #MC. */
#define SVM_LEAVE 3
#define SVM_MACHINE_CHECK 4

/**
 * struct svm_fetch - how the page of an instruction that exited was translated
 *
 * On CPUs that do not tell where the next instruction begins, its bytes must be read at every exit.  The guest's page
 * tables are then not walked again but compared: if every entry that the walk went through still has the value it had,
 * the translation is still the same.  Nothing has to be invalidated, and the guest may change tables as it likes.
 *
 * @page: linear address >> 12, ~0 when nothing is cached
 * @cr3: CR3 of the walk
 * @slots_generation: the slots by which @pte_hva and @hva were found
 * @depth: entries in @pte
 * @levels: depth of the guest's tables, 4 or 5
 * @pte_hva: where the entries are
 * @pte: their values, accessed and dirty bits cleared
 * @hva: address of the instruction's page
 */
struct svm_fetch {
	unsigned long page;
	unsigned long cr3;
	u64 slots_generation;
	u8 depth;
	u8 levels;
	hva_t pte_hva[SVM_WALK_LEVELS];
	u64 pte[SVM_WALK_LEVELS];
	hva_t hva;
};

/**
 * struct vcpu_svm - a vCPU under SVM
 * @vcpu: first, see kvm_backend.vcpu_size
 * @vmcb: the guest's VMCB
 * @vmcb_pa: its physical address
 * @host_vmcb_pa: host state of the CPU on which the vCPU is loaded, for VMLOAD after the exit
 * @cpu_data: that CPU
 * @asid_generation: generation of @cpu_data in which the vCPU's ASID was given, 0: none
 * @next_rip: address of the instruction after the one that exited, 0: not known
 * @spec_ctrl: the guest's SPEC_CTRL, where the hardware does not switch it
 * @spec_ctrl_open: the guest may write SPEC_CTRL without an exit
 * @host_saved: host state has been stored at @host_vmcb_pa since the vCPU was loaded
 * @events_to_complete: the last entry was given an event
 * @virq_vector: that event was an interrupt given as a virtual one, see svm_hw.irq_as_virq; -1: it was not
 * @virq_window: behind @virq_vector another interrupt waits, for which a window is needed
 * @virq_tries: how often in a row a virtual interrupt was not delivered before the next exit
 * @soft_injected: that event was a software interrupt, INT3 or INTO
 * @soft_rip: RIP of its instruction, to which it goes back when delivery fails
 * @soft_next_rip: return address that was to be pushed
 * @nmi_masked: an NMI is being handled
 * @iret_pending: the guest's IRET was seen, NMIs are free again once it is done: RIP is no longer @iret_rip
 * @nmi_singlestep: TF is set for the NMI window
 * @nmi_singlestep_flags: TF and RF as the guest had them
 * @v_tpr: TPR bits 7:4 last given to the hardware
 * @has_tsc_aux: the guest can read it
 * @tsc_aux: the guest's TSC_AUX
 * @tsc_ratio: the guest's TSC_RATIO MSR
 * @msrpm: its MSR permission map
 * @avic_entry: its entry of the physical ID table, NULL: no AVIC for this one
 * @avic_running: the entry while it runs
 * @avic_window: it waits for an interrupt window, which there is none of with AVIC
 * @fetch: see struct svm_fetch; by the lowest bits of the page's number
 */
struct vcpu_svm {
	struct kvm_vcpu vcpu;
	struct vmcb *vmcb;
	u64 vmcb_pa;
	u64 host_vmcb_pa;
	struct svm_cpu *cpu_data;
	u64 asid_generation;
	unsigned long next_rip;
	u64 spec_ctrl;
	bool spec_ctrl_open;
	bool host_saved;
	bool events_to_complete;
	bool soft_injected;
	bool nmi_masked;
	bool iret_pending;
	bool nmi_singlestep;
	u8 v_tpr;
	bool virq_window;
	u8 virq_tries;
	s16 virq_vector;
	unsigned long soft_rip;
	unsigned long soft_next_rip;
	unsigned long iret_rip;
	unsigned long nmi_singlestep_flags;
	bool has_tsc_aux;
	u64 tsc_aux;
	u64 tsc_ratio;
	u32 *msrpm;
	u64 *avic_entry;
	u64 avic_running;
	bool avic_window;
	struct svm_fetch fetch[SVM_FETCH_WAYS];
};

/**
 * struct svm_cpu - a host CPU
 * @asid_generation: bumped when all ASIDs have been given out
 * @next_asid: next to give out
 * @max_asid: last one
 * @host_page: host state of VMSAVE/VMLOAD
 * @hsave_page: host state of VMRUN (VM_HSAVE_PA)
 * @last_vmcb: VMCB of the vCPU that was loaded last (its predictions may still be in the branch predictor)
 * @tsc_ratio: TSC_RATIO as it stands
 * @host_tsc_aux: the host's TSC_AUX
 * @tsc_aux: as it stands
 * @urn: puts TSC_AUX back before the return to user space
 * @urn_registered: @urn will be called
 * @enabled: SVM was enabled by us
 */
struct svm_cpu {
	u64 asid_generation;
	u32 next_asid;
	u32 max_asid;
	struct page *host_page;
	struct page *hsave_page;
	struct vmcb *last_vmcb;
	u64 tsc_ratio;
	u64 host_tsc_aux;
	u64 tsc_aux;
	struct user_return_notifier urn;
	bool urn_registered;
	bool enabled;
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpu);

/*
 * What the hardware has and the parameters allow; constant after load.
 *
 * @irq_as_virq: give interrupts to the guest as virtual ones (V_IRQ) where that is the same.  For QEMU's TCG, which can
 *	deliver an interrupt of EVENTINJ a second time, at any later moment and with RFLAGS.IF clear (it leaves
 *	exception_index set; seen in 10.0): sooner or later that kills a guest.
 */
struct svm_hw {
	bool nrips;
	bool decode_assists;
	bool flush_by_asid;
	bool lbrv;
	bool tsc_scaling;
	bool v_spec_ctrl;
	bool invlpgb;
	bool mcommit;
	bool irq_as_virq;
	bool avic;
	bool x2avic;
	u16 pause_filter_count;
	u16 pause_filter_thresh;
	u32 nr_asids;
	u64 iopm_pa;
};

extern struct svm_hw svm_hw;

/**
 * struct kvm_svm - a VM under SVM
 * @kvm: first, see kvm_backend.vm_size
 * @avic: NULL: nothing made for AVIC yet
 */
struct kvm_svm {
	struct kvm kvm;
	struct svm_avic_vm *avic;
};

static inline struct kvm_svm *to_kvm_svm(struct kvm *kvm)
{
	return container_of(kvm, struct kvm_svm, kvm);
}

static __always_inline struct vcpu_svm *to_svm(struct kvm_vcpu *vcpu)
{
	return container_of(vcpu, struct vcpu_svm, vcpu);
}

/* Is the guest executing 64-bit code? */
static inline bool svm_in_64bit(const struct vcpu_svm *svm)
{
	return (svm->vmcb->save.efer & EFER_LMA) &&
	       (svm->vmcb->save.cs.attrib & SVM_SELECTOR_L_MASK);
}

static inline unsigned long svm_linear_rip(const struct vcpu_svm *svm)
{
	unsigned long rip = svm->vcpu.arch.regs[VCPU_RIP];

	return svm_in_64bit(svm) ? rip : (u32)(svm->vmcb->save.cs.base + rip);
}

/* cpu.c */
int svm_cpus_alloc(void);
void svm_cpus_free(void);
int svm_enable_cpu(void);
void svm_disable_cpu(void);
void svm_emergency_disable_cpu(void);
void svm_forget_vmcb(struct vmcb *vmcb);
void svm_load_tsc_aux(struct svm_cpu *cpu, u64 val);

/* vcpu.c */
int svm_vm_init(struct kvm *kvm);
void svm_vm_destroy(struct kvm *kvm);
int svm_vcpu_create(struct kvm_vcpu *vcpu);
void svm_vcpu_destroy(struct kvm_vcpu *vcpu);
void svm_vcpu_reset(struct kvm_vcpu *vcpu, bool init);
void svm_vcpu_load(struct kvm_vcpu *vcpu, int cpu);
void svm_vcpu_put(struct kvm_vcpu *vcpu);
void svm_prepare_switch(struct kvm_vcpu *vcpu);
void svm_write_tsc_offset(struct kvm_vcpu *vcpu);
void svm_write_tsc_ratio(struct kvm_vcpu *vcpu);

/* intercepts.c */
void svm_init_intercepts(struct vcpu_svm *svm);
void svm_update_exception_bitmap(struct kvm_vcpu *vcpu);
void svm_after_set_cpuid(struct kvm_vcpu *vcpu);
void svm_update_cr8_intercept(struct kvm_vcpu *vcpu, int tpr, int irr);
void svm_intercept_dr(struct kvm_vcpu *vcpu, bool on);

/* msr.c */
int svm_msrpm_alloc(struct vcpu_svm *svm);
void svm_msrpm_free(struct vcpu_svm *svm);
void svm_update_msr_intercepts(struct kvm_vcpu *vcpu);
void svm_open_x2apic(struct vcpu_svm *svm, bool open);
int svm_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *data, bool host);
int svm_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 data, bool host);
int svm_get_feature_msr(u32 index, u64 *data);
bool svm_has_msr(u32 index);
bool svm_guest_has_tsc_aux(struct kvm_vcpu *vcpu);

/* asid.c */
void svm_new_asid(struct vcpu_svm *svm);
void svm_flush_tlb(struct kvm_vcpu *vcpu);
void svm_flush_tlb_gva(struct kvm_vcpu *vcpu, gva_t gva);
void svm_load_root(struct kvm_vcpu *vcpu, hpa_t root);

/* run.c, entry.S */
int svm_run(struct kvm_vcpu *vcpu, bool immediate_exit);
int svm_enter_guest(struct vcpu_svm *svm);

/* exits.c */
int svm_handle_exit(struct kvm_vcpu *vcpu);
void svm_get_exit_info(struct kvm_vcpu *vcpu, struct kvm_exit_info *info);
int svm_open_window(struct vcpu_svm *svm);

/* events.c */
void svm_inject_exception(struct kvm_vcpu *vcpu);
void svm_inject_irq(struct kvm_vcpu *vcpu, bool reinject);
void svm_inject_nmi(struct kvm_vcpu *vcpu);
void svm_cancel_injection(struct kvm_vcpu *vcpu);
bool svm_is_soft_event(u32 info);
void svm_complete_events(struct vcpu_svm *svm);
void svm_take_host_irq(struct kvm_vcpu *vcpu);
bool svm_nmi_allowed(struct kvm_vcpu *vcpu);
bool svm_irq_allowed(struct kvm_vcpu *vcpu);
void svm_enable_nmi_window(struct kvm_vcpu *vcpu);
void svm_enable_irq_window(struct kvm_vcpu *vcpu);
void svm_clear_irq_window(struct vcpu_svm *svm);
bool svm_get_nmi_mask(struct kvm_vcpu *vcpu);
void svm_set_nmi_mask(struct kvm_vcpu *vcpu, bool masked);
void svm_iret_seen(struct vcpu_svm *svm);
void svm_iret_done(struct vcpu_svm *svm);
bool svm_end_nmi_singlestep(struct vcpu_svm *svm);
u32 svm_get_interrupt_shadow(struct kvm_vcpu *vcpu);
void svm_set_interrupt_shadow(struct kvm_vcpu *vcpu, u32 mask);

/* avic.c */
void svm_avic_vm_destroy(struct kvm *kvm);
int svm_avic_vcpu_create(struct kvm_vcpu *vcpu);
void svm_avic_vcpu_destroy(struct kvm_vcpu *vcpu);
void svm_avic_load(struct vcpu_svm *svm);
void svm_avic_put(struct vcpu_svm *svm);
void svm_vcpu_blocking(struct kvm_vcpu *vcpu, bool blocking);
bool svm_post_interrupt(struct kvm_vcpu *vcpu);
u64 svm_post_device(struct kvm *kvm, unsigned int host_irq, const struct lapic_msg *msg, u64 old);
void svm_follow_apic(struct kvm_vcpu *vcpu);
void svm_avic_need_window_slow(struct vcpu_svm *svm, bool need);
int svm_avic_incomplete_ipi(struct kvm_vcpu *vcpu);
int svm_avic_unaccelerated(struct kvm_vcpu *vcpu);

/* An interrupt window is needed, which AVIC has not, or not any more. */
static __always_inline void svm_avic_need_window(struct vcpu_svm *svm, bool need)
{
	if (unlikely(svm->avic_window != need))
		svm_avic_need_window_slow(svm, need);
}

/* state.c */
void svm_cache_reg(struct kvm_vcpu *vcpu, int reg);
unsigned long svm_get_rflags(struct kvm_vcpu *vcpu);
void svm_set_rflags(struct kvm_vcpu *vcpu, unsigned long rflags);
void svm_get_segment(struct kvm_vcpu *vcpu, struct kvm_segment *var, int seg);
void svm_set_segment(struct kvm_vcpu *vcpu, const struct kvm_segment *var, int seg);
u64 svm_get_segment_base(struct kvm_vcpu *vcpu, int seg);
int svm_get_cpl(struct kvm_vcpu *vcpu);
void svm_get_cs_db_l(struct kvm_vcpu *vcpu, int *db, int *l);
void svm_get_dtable(struct kvm_vcpu *vcpu, bool idt, struct kvm_dtable *dt);
void svm_set_dtable(struct kvm_vcpu *vcpu, bool idt, const struct kvm_dtable *dt);
void svm_set_cr0(struct kvm_vcpu *vcpu, unsigned long cr0);
void svm_set_cr3(struct kvm_vcpu *vcpu, unsigned long cr3);
void svm_set_cr4(struct kvm_vcpu *vcpu, unsigned long cr4);
void svm_set_efer(struct kvm_vcpu *vcpu, u64 efer);
bool svm_is_valid_cr4(struct kvm_vcpu *vcpu, unsigned long cr4);
void svm_reset_state(struct vcpu_svm *svm, bool init);

/* debugregs.c */
void svm_update_debug(struct kvm_vcpu *vcpu);
void svm_sync_debug(struct kvm_vcpu *vcpu);
void svm_unload_debug(struct vcpu_svm *svm);

/* fetch.c */
int svm_skip_instruction(struct kvm_vcpu *vcpu);
bool svm_find_next_rip(struct vcpu_svm *svm);
void svm_prepare_skip(struct vcpu_svm *svm);
unsigned int svm_fetch_insn(struct vcpu_svm *svm, u8 *bytes);
unsigned int svm_soft_event_len(struct vcpu_svm *svm);

/* dump.c */
void svm_dump(struct kvm_vcpu *vcpu);
int svm_entry_failed(struct kvm_vcpu *vcpu);

#endif /* KVM_SVM_SVM_H */
