/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the x86 half asks of a vendor.
 *
 * The loaded backend's operations are reached through static calls: kvm_x86_call(op)(args).  A backend calls back only
 * what the headers of arch/x86/kvm export to it.
 */
#ifndef KVM_X86_BACKEND_H
#define KVM_X86_BACKEND_H

#include <linux/static_call_types.h>
#include <linux/static_call.h>

#include "kvm.h"
#include "mmu/format.h"

struct desc_ptr;
struct lapic_msg;

/**
 * enum kvm_tier - what an exit handler answers.  Negative numbers are errnos for KVM_RUN.
 * @KVM_TO_USER: kvm_run is filled in; leave KVM_RUN with 0
 * @KVM_AGAIN: done (or: not mine) in the inner loop, the outer loop must do something before the next entry
 * @KVM_REENTER: done, go straight back in
 */
enum kvm_tier {
	KVM_TO_USER = 0,
	KVM_AGAIN = 1,
	KVM_REENTER = 2,
};

#define KVM_ISA_VMX 1
#define KVM_ISA_SVM 2

/* struct kvm_exit_info: the last exit in a form that tracing and failure reports understand */
struct kvm_exit_info {
	u32 isa; /* KVM_ISA_VMX, KVM_ISA_SVM */
	u32 reason;
	u64 info1;
	u64 info2;
	u32 intr_info;
	u32 error_code;
};

/**
 * struct kvm_backend_caps - what the vendor's hardware can, filled in before registration
 * @max_huge_level: 1: 4 KiB only, 2: 2 MiB, 3: 1 GiB
 * @root_level: levels of the two-dimensional tables, 4 or 5
 * @has_tsc_scaling, @tsc_ratio_frac_bits, @tsc_ratio_max: TSC rate control
 * @tdp: format of the two-dimensional tables, made with tdp_format_npt() or tdp_format_ept()
 * @deadline_timer: the CPU can leave the guest by itself at vcpu->arch.hw_deadline (kvm_lapic_timer_expired())
 * @virtual_apic: the processor can deliver interrupts of a local APIC by itself: each gets a descriptor to post to
 * @shadows_tpr: guests use the TPR without exits, so nobody can be told where they do
 * @bus_lock_exits: a guest that locks the bus can be made to exit
 * @notify_exits: a guest that lets no event in for too long can be made to exit
 * @virtual_apic_direct: it looks for requests in the APIC's page, and not in the descriptor
 * @supported_xss: bits of IA32_XSS that can be switched
 */
struct kvm_backend_caps {
	u8 max_huge_level;
	u8 root_level;
	bool has_tsc_scaling;
	u8 tsc_ratio_frac_bits;
	u64 tsc_ratio_max;
	struct tdp_format tdp;
	bool deadline_timer;
	bool virtual_apic;
	bool virtual_apic_direct;
	bool shadows_tpr;
	bool bus_lock_exits;
	bool notify_exits;
	u64 supported_xss;
};

/*
 * KVM_X86_OP(return type, name, arguments): one row an operation.  "IRQs off" also implies preemption off; all vCPU
 * operations but those marked [any] are called for the loaded current vCPU.
 */
#define KVM_X86_OPS                                                                                           \
	/* -- hardware, per host CPU: virtualization on (0, -EBUSY, -EIO) and off; IRQs off */                \
	KVM_X86_OP(int, enable_cpu, (void))                                                                   \
	KVM_X86_OP(void, disable_cpu, (void))                                                                 \
	/* -- VM; may sleep */                                                                                \
	KVM_X86_OP(int, vm_init, (struct kvm * kvm))                                                          \
	KVM_X86_OP(void, vm_destroy, (struct kvm * kvm))                                                      \
	/* -- vCPU life; may sleep; reset: @init for INIT, else power-up state.  Sets segments, control   \
	 *    registers, EFER, RIP, RFLAGS in hardware state; the caller resets the rest */   \
	KVM_X86_OP(int, vcpu_create, (struct kvm_vcpu * vcpu))                                                \
	KVM_X86_OP(void, vcpu_destroy, (struct kvm_vcpu * vcpu))                                              \
	KVM_X86_OP(void, vcpu_reset, (struct kvm_vcpu * vcpu, bool init))                                     \
	/* -- loaded on a CPU / taken off it; preemption off */                                               \
	KVM_X86_OP(void, vcpu_load, (struct kvm_vcpu * vcpu, int cpu))                                        \
	KVM_X86_OP(void, vcpu_put, (struct kvm_vcpu * vcpu))                                                  \
	/* -- before the inner loop: host state that the guest's replaces until vcpu_put(); preemption off */ \
	KVM_X86_OP(void, prepare_switch, (struct kvm_vcpu * vcpu))                                            \
	/* -- the inner loop.  IRQs off.  Enters, serves the exits that need nothing else, enters again;  \
	 *    KVM_REENTER: left for pending work or a host interrupt, no exit open; KVM_AGAIN: an exit is \
	 *    open for handle_exit(); KVM_TO_USER / -errno: decided */   \
	KVM_X86_OP(int, run, (struct kvm_vcpu * vcpu, bool immediate_exit))                                   \
	/* -- the open exit; IRQs on, SRCU held, may sleep.  A tier or an errno */                            \
	KVM_X86_OP(int, handle_exit, (struct kvm_vcpu * vcpu))                                                \
	KVM_X86_OP(void, get_exit_info, (struct kvm_vcpu * vcpu, struct kvm_exit_info * info))                \
	/* -- print the state of a vCPU that failed, in words, rate-limited by the caller */                  \
	KVM_X86_OP(void, dump, (struct kvm_vcpu * vcpu))                                                      \
	/* -- registers; set_cr*: the value has been checked, vcpu->arch.cr* is set by the backend */         \
	KVM_X86_OP(void, cache_reg, (struct kvm_vcpu * vcpu, int reg))                                        \
	KVM_X86_OP(unsigned long, get_rflags, (struct kvm_vcpu * vcpu))                                       \
	KVM_X86_OP(void, set_rflags, (struct kvm_vcpu * vcpu, unsigned long rflags))                          \
	KVM_X86_OP(void, get_segment, (struct kvm_vcpu * vcpu, struct kvm_segment * var, int seg))            \
	KVM_X86_OP(void, set_segment,                                                                         \
		   (struct kvm_vcpu * vcpu, const struct kvm_segment *var, int seg))                          \
	KVM_X86_OP(u64, get_segment_base, (struct kvm_vcpu * vcpu, int seg))                                  \
	KVM_X86_OP(int, get_cpl, (struct kvm_vcpu * vcpu))                                                    \
	KVM_X86_OP(void, get_cs_db_l, (struct kvm_vcpu * vcpu, int *db, int *l))                              \
	KVM_X86_OP(void, get_dtable, (struct kvm_vcpu * vcpu, bool idt, struct kvm_dtable *dt))               \
	KVM_X86_OP(void, set_dtable,                                                                          \
		   (struct kvm_vcpu * vcpu, bool idt, const struct kvm_dtable *dt))                           \
	KVM_X86_OP(void, set_cr0, (struct kvm_vcpu * vcpu, unsigned long cr0))                                \
	KVM_X86_OP(void, set_cr3, (struct kvm_vcpu * vcpu, unsigned long cr3))                                \
	KVM_X86_OP(void, set_cr4, (struct kvm_vcpu * vcpu, unsigned long cr4))                                \
	KVM_X86_OP(void, set_efer, (struct kvm_vcpu * vcpu, u64 efer))                                        \
	/* -- debug registers: DR7 (and DR0-3) to hardware as vcpu->arch.debug says; read the guest's back */ \
	KVM_X86_OP(void, update_debug, (struct kvm_vcpu * vcpu))                                              \
	KVM_X86_OP(void, sync_debug, (struct kvm_vcpu * vcpu))                                                \
	/* -- MSRs that live in hardware state or are the vendor's: 0, 1 (#GP), KVM_MSR_UNKNOWN */            \
	KVM_X86_OP(int, get_msr, (struct kvm_vcpu * vcpu, u32 index, u64 * data, bool host))                  \
	KVM_X86_OP(int, set_msr, (struct kvm_vcpu * vcpu, u32 index, u64 data, bool host))                    \
	KVM_X86_OP(int, get_feature_msr, (u32 index, u64 * data))                                             \
	KVM_X86_OP(bool, has_msr, (u32 index))                                                                \
	/* -- MSR permission map after a change of the MSR filter, of CPUID or of the APIC mode */            \
	KVM_X86_OP(void, update_msr_intercepts, (struct kvm_vcpu * vcpu))                                     \
	/* -- after KVM_SET_CPUID(2): intercepts that depend on features */                                   \
	KVM_X86_OP(void, after_set_cpuid, (struct kvm_vcpu * vcpu))                                           \
	/* -- #DB, #BP, #GP intercepts after KVM_SET_GUEST_DEBUG and the like */                              \
	KVM_X86_OP(void, update_exception_bitmap, (struct kvm_vcpu * vcpu))                                   \
	/* -- two-dimensional paging: use @root from the next entry on */                                     \
	KVM_X86_OP(void, load_root, (struct kvm_vcpu * vcpu, hpa_t root))                                     \
	KVM_X86_OP(void, flush_tlb, (struct kvm_vcpu * vcpu))                                                 \
	KVM_X86_OP(void, flush_tlb_gva, (struct kvm_vcpu * vcpu, gva_t gva))                                  \
	/* -- events; IRQs off.  inject_exception takes vcpu->arch.events.exception, inject_irq           \
	 *    events.irq_vector / irq_soft */   \
	KVM_X86_OP(void, inject_exception, (struct kvm_vcpu * vcpu))                                          \
	KVM_X86_OP(void, inject_irq, (struct kvm_vcpu * vcpu, bool reinject))                                 \
	KVM_X86_OP(void, inject_nmi, (struct kvm_vcpu * vcpu))                                                \
	/* -- entry did not happen after all: what inject_*() set goes back to the queue as injected */       \
	KVM_X86_OP(void, cancel_injection, (struct kvm_vcpu * vcpu))                                          \
	KVM_X86_OP(bool, nmi_allowed, (struct kvm_vcpu * vcpu))                                               \
	KVM_X86_OP(bool, irq_allowed, (struct kvm_vcpu * vcpu))                                               \
	KVM_X86_OP(void, enable_nmi_window, (struct kvm_vcpu * vcpu))                                         \
	KVM_X86_OP(void, enable_irq_window, (struct kvm_vcpu * vcpu))                                         \
	KVM_X86_OP(bool, get_nmi_mask, (struct kvm_vcpu * vcpu))                                              \
	KVM_X86_OP(void, set_nmi_mask, (struct kvm_vcpu * vcpu, bool masked))                                 \
	/* -- KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS */                                           \
	KVM_X86_OP(u32, get_interrupt_shadow, (struct kvm_vcpu * vcpu))                                       \
	KVM_X86_OP(void, set_interrupt_shadow, (struct kvm_vcpu * vcpu, u32 mask))                            \
	/* -- TPR threshold: @tpr in force, @irr highest pending vector or -1 */                              \
	KVM_X86_OP(void, update_cr8_intercept, (struct kvm_vcpu * vcpu, int tpr, int irr))                    \
	/* -- [any] arch.apic_virtual: an interrupt was posted; false: the vCPU must leave the guest */       \
	KVM_X86_OP(bool, post_interrupt, (struct kvm_vcpu * vcpu))                                            \
	/* -- [preemption off] arch.apic_virtual or kvm->arch.posts: about to sleep, or awake again */        \
	KVM_X86_OP(void, vcpu_blocking, (struct kvm_vcpu * vcpu, bool blocking))                              \
	/* -- [IRQs off] see kvm_arch_irq_bypass(); @msg: fixed or lowest-priority, and an edge, or NULL */   \
	KVM_X86_OP(u64, post_device,                                                                          \
		   (struct kvm * kvm, unsigned int host_irq, const struct lapic_msg *msg,                     \
		    u64 old))                                                                                 \
	/* -- [IRQs off] after run(): a host interrupt that its exit acknowledged goes to its handler */      \
	KVM_X86_OP(void, take_host_irq, (struct kvm_vcpu * vcpu))                                             \
	/* -- does MOV to and from debug registers exit? */                                                   \
	KVM_X86_OP(void, intercept_dr, (struct kvm_vcpu * vcpu, bool on))                                     \
	/* -- past the instruction at RIP that exited, clearing the interrupt shadow: 0, or -EFAULT when  \
	 *    it could not be decoded (then an emulation has taken place or failed: see run.c) */   \
	KVM_X86_OP(int, skip_instruction, (struct kvm_vcpu * vcpu))                                           \
	/* -- TSC */                                                                                          \
	KVM_X86_OP(void, write_tsc_offset, (struct kvm_vcpu * vcpu))                                          \
	KVM_X86_OP(void, write_tsc_ratio, (struct kvm_vcpu * vcpu))                                           \
	/* -- is @cr4 possible on this backend beyond what CPUID says */                                      \
	KVM_X86_OP(bool, is_valid_cr4, (struct kvm_vcpu * vcpu, unsigned long cr4))

struct kvm_backend {
	const char *name; /* "SVM", "VMX": for the log */
	u32 isa; /* KVM_ISA_VMX, KVM_ISA_SVM: whose exit reasons these are */
	struct module *owner;
	size_t vm_size; /* of the structure that begins with struct kvm */
	size_t vcpu_size; /* of the structure that begins with struct kvm_vcpu */
	struct kvm_backend_caps caps;
	u8 hypercall_insn[3]; /* VMMCALL or VMCALL */
#define KVM_X86_OP(ret, name, args) ret(*name) args;
	KVM_X86_OPS
#undef KVM_X86_OP
};

extern struct kvm_backend kvm_backend;

#define KVM_X86_OP(ret, name, args) \
	DECLARE_STATIC_CALL(kvm_x86_##name, *(((struct kvm_backend *)0)->name));
KVM_X86_OPS
#undef KVM_X86_OP

#define kvm_x86_call(op) static_call(kvm_x86_##op)

#define KVM_MSR_UNKNOWN 2 /* answer of get_msr, set_msr: no such MSR here */

/**
 * kvm_x86_register_backend() - the vendor module has checked the CPU and offers itself
 * @b: copied
 * Return: 0, -EEXIST when another backend is loaded, -ENOMEM, or what enabling the CPUs gave
 * Context: module load; may sleep
 */
int kvm_x86_register_backend(const struct kvm_backend *b);
void kvm_x86_unregister_backend(void);

#endif /* KVM_X86_BACKEND_H */
