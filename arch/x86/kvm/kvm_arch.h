/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The x86 parts of a VM, a vCPU and a memory slot.
 *
 * Included by virt/kvm/kvm.h, so structures only: what is done with them is declared by topic (regs.h, events.h, msr.h,
 * cpuid.h, mmu/mmu.h, irqchip/irqchip.h, io_x86.h, clock.h, xsave.h, debug.h).
 */
#ifndef KVM_X86_KVM_ARCH_H
#define KVM_X86_KVM_ARCH_H

#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/llist.h>
#include <linux/ratelimit.h>
#include <linux/spinlock.h>
#include <linux/mutex.h>
#include <asm/fpu/types.h>
#include <asm/pvclock-abi.h>

#include "types.h"
#include "events_core.h"
#include "irqchip/lapic_msg.h"

#define KVM_NR_ADDRESS_SPACES 1 /* 2 with SMM */
#define KVM_MAX_VCPUS 4096
#define KVM_MAX_VCPU_IDS (KVM_MAX_VCPUS * 4)
#define KVM_SOFT_VCPUS 1024 /* KVM_CAP_NR_VCPUS's recommendation is the number of host CPUs */
#define KVM_MAX_CPUID_ENTRIES 256
#define KVM_MAX_MCE_BANKS 32
#define KVM_NR_PIO_PAGES 1
#define KVM_IRQCHIP_NUM_PINS KVM_IOAPIC_NUM_PINS /* most that a controller has */

struct kvm;
struct kvm_vcpu;
struct kvm_lapic;
struct kvm_ioapic;
struct kvm_pic;
struct kvm_pit;
struct kvm_apic_map;
struct kvm_msr_rules;
struct kvm_emul;
struct kvm_tdp;

/* x86's own bits of kvm_vcpu.requests */
enum kvm_x86_request {
	KVM_REQ_TRIPLE_FAULT = 8,
	KVM_REQ_CLOCK_UPDATE, /* write the guest's kvmclock page */
	KVM_REQ_STEAL_UPDATE, /* write the guest's steal time page */
	KVM_REQ_MSR_INTERCEPTS, /* the MSR filter changed: rebuild the permission map */
	KVM_REQ_IOAPIC_EOI_EXIT, /* vcpu->arch.pending_ioapic_eoi must be told to the VMM */
	KVM_REQ_APIC_TIMER, /* the APIC timer fired */
	KVM_REQ_NMI, /* events.nmi_queued is not zero */
	KVM_REQ_APF_READY, /* a page that the guest waits for may be there */
	KVM_REQ_LAPIC_PAGES, /* memory that stands for APIC registers has to be read where that may sleep */
	KVM_REQ_TPR_ACCESS, /* an access to the TPR must be told to the VMM */
	KVM_REQ_INIT_SIPI, /* an INIT or SIPI waits in the local APIC */
	KVM_REQ_POSTING, /* kvm->arch.posts was set: tell the I/O MMU where the vCPU is */
};

/* ---------------------------------------------------------------- registers */

enum kvm_reg {
	VCPU_RAX,
	VCPU_RCX,
	VCPU_RDX,
	VCPU_RBX,
	VCPU_RSP,
	VCPU_RBP,
	VCPU_RSI,
	VCPU_RDI,
	VCPU_R8,
	VCPU_R9,
	VCPU_R10,
	VCPU_R11,
	VCPU_R12,
	VCPU_R13,
	VCPU_R14,
	VCPU_R15,
	VCPU_RIP,
	NR_VCPU_REGS,
	/* Cached lazily by a backend for which reading costs; bits of regs_avail/regs_dirty only. */
	VCPU_EXREG_RFLAGS = NR_VCPU_REGS,
	VCPU_EXREG_CR0,
	VCPU_EXREG_CR3,
	VCPU_EXREG_CR4,
	VCPU_EXREG_SEGMENTS,
	VCPU_EXREG_EXIT_INFO,
	VCPU_EXREG_PDPTR, /* mmu.pdptrs */
};

enum kvm_seg {
	VCPU_SREG_ES,
	VCPU_SREG_CS,
	VCPU_SREG_SS,
	VCPU_SREG_DS,
	VCPU_SREG_FS,
	VCPU_SREG_GS,
	VCPU_SREG_TR,
	VCPU_SREG_LDTR
};

/* ---------------------------------------------------------------- sub-structures by topic */

/**
 * struct kvm_vcpu_cpuid - what CPUID tells the guest, and what follows from it
 * @entries: the VMM's table, sorted as given; NULL until KVM_SET_CPUID2
 * @nent: entries in it
 * @maxphyaddr: width of a guest physical address, bits
 * @reserved_gpa_bits: bits of a 64-bit page table entry's address field that must be 0
 * @cr4_reserved: CR4 bits the guest must not set
 * @xcr0_supported: XCR0 bits the guest may set
 * @xss_supported: IA32_XSS bits the guest may set
 * @pv_leaf: function number of the KVM signature leaf, 0 when there is none
 * @pv_features: EAX of pv_leaf + 1
 * @guest_caps: feature words, see cpuid.h
 * @index_*: 1 + position in @entries of the first entry of a function, 0: there is none
 * @rt_*: the parts of some leaves that follow the vCPU's state, see kvm_cpuid_runtime_update()
 */
struct kvm_vcpu_cpuid {
	struct kvm_cpuid_entry2 *entries;
	u32 nent;
	u8 maxphyaddr;
	bool is_amd_compatible;
	u64 reserved_gpa_bits;
	u64 cr4_reserved;
	u64 xcr0_supported;
	u64 xss_supported;
	u32 pv_leaf;
	u32 pv_features;
	u32 guest_caps[24];
	u16 index_basic[0x20];
	u16 index_pv[4];
	u16 index_ext[0x28];
	u32 rt_1_ecx_mask, rt_1_ecx;
	u32 rt_1_edx_mask, rt_1_edx;
	u32 rt_7_ecx_mask, rt_7_ecx;
	u32 rt_d0_ebx, rt_d1_ebx; /* 0: as in the table */
};

/**
 * struct kvm_vcpu_clock - TSC and kvmclock of a vCPU
 * @tsc_offset: added to the (scaled) host TSC gives the guest's
 * @tsc_ratio: scaling ratio in the backend's format, 0 when not scaled
 * @virtual_tsc_khz: the guest's TSC rate
 * @tsc_adjust: IA32_TSC_ADJUST
 * @system_time_msr: MSR_KVM_SYSTEM_TIME(_NEW)
 * Further members belong to clock.c.
 */
struct kvm_vcpu_clock {
	u64 tsc_offset;
	u64 tsc_ratio;
	u32 virtual_tsc_khz;
	u64 tsc_adjust;
	u64 system_time_msr;
	gpa_t system_time_gpa;
	bool system_time_enabled;
	bool paused_reported; /* KVMCLOCK_CTRL: tell the guest once */
	struct pvclock_vcpu_time_info hv_clock;
	u64 last_guest_tsc;
	u64 last_host_tsc;
	int last_cpu;
	bool tsc_offset_stale; /* tsc_offset was changed from outside: tell the backend at the next load */
};

/**
 * struct kvm_vcpu_steal - steal time
 * @msr: MSR_KVM_STEAL_TIME
 * @last: how long the thread had waited for a CPU when the area was written last, ns
 * @told_preempted: the area says so, or may
 */
struct kvm_vcpu_steal {
	u64 msr;
	u64 last;
	bool told_preempted;
};

/**
 * struct kvm_vcpu_apf - asynchronous page faults; belongs to async_pf.c
 * @en: MSR_KVM_ASYNC_PF_EN
 * @vector: MSR_KVM_ASYNC_PF_INT
 * @ready_told: the guest has not acknowledged the last page that became ready
 * @wake_all: it must be told that all pages are there
 * @outstanding: entries in @items
 * @items: pages that the guest waits for; the vCPU's
 * @done: those that are there
 */
struct kvm_vcpu_apf {
	u64 en;
	u8 vector;
	bool ready_told;
	bool wake_all;
	unsigned int outstanding;
	struct list_head items;
	struct llist_head done;
};

/**
 * struct kvm_vcpu_debug - debug registers and KVM_SET_GUEST_DEBUG
 * @db: DR0 to DR3 as the guest set them
 * @dr6: the guest's
 * @dr7: the guest's
 * @control: kvm_guest_debug.control, 0 when the VMM does not debug
 * @vmm_db: DR0 to DR3 of the VMM, in force with KVM_GUESTDBG_USE_HW_BP
 * @vmm_dr7: its DR7
 * @singlestep_rip: CS base + RIP where single-stepping was switched on
 * @dr_loaded: the hardware holds the guest's registers and accesses are not intercepted
 * @db_in_hw: DR0 to DR3 of the hardware hold what kvm_effective_db() says
 */
struct kvm_vcpu_debug {
	unsigned long db[4];
	unsigned long dr6;
	unsigned long dr7;
	u32 control;
	unsigned long vmm_db[4];
	unsigned long vmm_dr7;
	unsigned long singlestep_rip;
	bool dr_loaded;
	bool db_in_hw;
};

/**
 * struct kvm_vcpu_msrs - MSRs that are plain values
 */
struct kvm_vcpu_msrs {
	u64 none; /* for rows of msr_table.def without a value */
	u64 pat;
	u64 mtrr_def_type;
	u64 mtrr_fixed[11];
	u64 mtrr_var[16];
	u64 misc_enable;
	u64 arch_capabilities;
	u64 platform_info;
	u64 misc_features_enables;
	u64 smbase;
	u64 xss;
	u64 microcode_version;
	u64 mcg_cap;
	u64 mcg_status;
	u64 mcg_ctl;
	u64 mce_banks[KVM_MAX_MCE_BANKS * 4];
	u64 feature_control;
	u64 tsx_ctrl;
	u64 poll_control;
	u64 pv_eoi; /* MSR_KVM_PV_EOI_EN */
	u64 spec_ctrl; /* the backend's when it is switched by hardware */
	u64 virt_spec_ctrl;
	u64 amd_hwcr;
	u64 amd_de_cfg;
	u64 bios_sign_id;
};

/**
 * struct kvm_vcpu_io - accesses that had to go to the VMM; belongs to pio.c, mmio.c and emul*.c
 *
 * @complete: called at the next KVM_RUN, before anything else: a tier, or an errno
 * @mmio_needed: the VMM has an MMIO access to answer
 * @pio_in: the port access that the VMM has to answer is an IN
 * @pio_size: its size, bytes
 * @pio_port: its port
 * @pio_linear_rip: where the instruction is that did it
 * @pio_data: page 1 of the vCPU's mapping; the VMM can write it at any time
 * @emul: the emulator and the instruction that it has suspended
 */
struct kvm_vcpu_io {
	int (*complete)(struct kvm_vcpu *vcpu);
	bool mmio_needed;
	bool pio_in;
	u8 pio_size;
	u16 pio_port;
	unsigned long pio_linear_rip;
	void *pio_data;
	struct kvm_emul *emul;
};

/**
 * struct kvm_vcpu_mmu - how a vCPU translates
 * @root_hpa: the two-dimensional root in force for this vCPU, INVALID_HPA when none is loaded
 * @tlb_gen: the last kvm->arch.tlb_gen this vCPU has flushed for
 * @pdptrs: PAE page directory pointers (guest state without nested paging's own handling)
 * Further members belong to mmu/.
 */
struct kvm_vcpu_mmu {
	hpa_t root_hpa;
	u64 tlb_gen;
	u64 pdptrs[4];
	gfn_t mmio_gfn; /* last frame without a slot, valid while mmio_gen is kvm->slots_generation */
	u64 mmio_gen;
	struct page *cache[8]; /* zeroed pages for tables, filled before a fault is handled */
	unsigned int nr_cache;
};

/* Nothing: where large pages fit follows from the slot's addresses. */
struct kvm_memslot_arch {};

/* A route's message as it is sent, but for what KVM_X2APIC_API_USE_32BIT_IDS, which may come later, adds. */
struct kvm_msi_arch {
	struct lapic_msg msg;
};

/* ---------------------------------------------------------------- flight recorder, see flight.h */

#define KVM_FLIGHT_EXITS 64
/* VMX has 75 reasons, SVM's codes go to 0xa5; nested page faults (0x400) and what is unknown share the last row. */
#define KVM_EXIT_ROWS 192

#define KVM_FLIGHT_NOTE 160

enum kvm_flight_decision {
	KVM_FLIGHT_SERVED, /* in the inner loop, and in again; the newest: or being dealt with */
	KVM_FLIGHT_REENTER, /* the inner loop was left: the host's interrupt, or work that waited for the vCPU */
	KVM_FLIGHT_HANDLED, /* by a handler that may sleep */
	KVM_FLIGHT_TO_USER, /* KVM_RUN returns with @detail as exit_reason */
	KVM_FLIGHT_ERROR, /* KVM_RUN returns -@detail */
};

#define KVM_FLIGHT_GPA BIT_ULL(63)

/**
 * struct kvm_flight_exit - an exit
 * @rip: of the guest
 * @info1: exit qualification, EXITINFO1
 * @gpa: where @reason_decision has KVM_FLIGHT_GPA: what was not mapped
 * @tsc_lo: the host's TSC, low half
 * @tsc_hi: high half
 * @reason_decision: low half: the processor's number; high half: enum kvm_flight_decision, and KVM_FLIGHT_GPA
 * @cycles: of the TSC until it was decided
 * @detail: see there
 */
struct kvm_flight_exit {
	u64 rip;
	u64 info1;
	u64 gpa;
	u32 tsc_lo;
	u32 tsc_hi;
	u64 reason_decision;
	u32 cycles;
	u32 detail;
	u64 unused[2]; /* a size by which positions wrap with a mask */
};

/**
 * struct kvm_flight - the flight recorder of a vCPU
 * @pos: bytes written to @ring; the newest exit lies at it, modulo the ring's size
 * @closed: @pos of the last exit that was decided outside of the inner loop
 * @reported: @pos of the exit that was last reported as a failure, and 1: not 0 then
 * @with_vmm: the newest exit went to the VMM, at @tsc_left
 * @tsc_left: see @with_vmm
 * @note: why the vCPU could not go on, in words: kvm_flight_note()
 * @note_pos: @pos of the newest exit at that time, and 1: not 0 then
 * @ring: the last exits
 * @count: exits by reason
 * @cost: of those, in cycles of the TSC from the exit until the vCPU went on: in the kernel, and in the VMM when it was
 *	  asked; without sleep
 */
struct kvm_flight {
	u32 pos;
	u32 closed;
	u32 reported;
	bool with_vmm;
	u64 tsc_left;
	u32 note_pos;
	char note[KVM_FLIGHT_NOTE];
	struct kvm_flight_exit ring[KVM_FLIGHT_EXITS];
	u64 count[KVM_EXIT_ROWS];
	u64 cost[KVM_EXIT_ROWS];
};

/* ---------------------------------------------------------------- vCPU */

/**
 * struct kvm_vcpu_arch - the x86 part of a vCPU
 * @regs: general registers and RIP; read and write through regs.h
 * @regs_avail: which of them (and of VCPU_EXREG_*) hold the present value
 * @regs_dirty: which must be written to hardware before entry
 * @cr0: as the guest sees it; likewise @cr3, @cr4, @efer
 * @cr2: written to and read from hardware around every entry
 * @cr8: TPR bits 7:4 when there is no local APIC in the kernel
 * @xcr0: the guest's
 * @pkru: the guest's while it is not in hardware
 * @host_pkru: the VMM's, from KVM_RUN
 * @apic_base: MSR_IA32_APICBASE
 * @apic: the local APIC in the kernel, NULL without
 * @apic_virtual: the processor works on its page and delivers its interrupts, see irqchip/lapic_virtual.c
 * @apic_stale: software has been at the page: the processor must be told RVI and SVI
 * @apic_posted: its descriptor, NULL without @apic_virtual
 * @run_flags: KVM_RUN_X86_* that the VMM finds in kvm_run when this run ends
 * @mp_state: KVM_MP_STATE_*
 * @events: see events_core.h
 * @hw_deadline: guest TSC at which the backend's own timer shall end guest mode, 0: never; see lapic_timer.c
 * @pending_ioapic_eoi: vector for KVM_EXIT_IOAPIC_EOI
 * @pv_unhalted: KVM_HC_KICK_CPU reached this vCPU
 * @preempted_in_kernel: CPL was 0 when it was preempted last
 * @l1d_flush: the host has read more since the last entry than its page tables and this vCPU's state: data that must not
 *	       stay in the L1 data cache of a CPU with L1TF; VMX
 * @at_boundary: the vCPU stands between two instructions of the guest, and the host has nothing to finish for it
 * @exception_payload: see KVM_CAP_EXCEPTION_PAYLOAD; per VM
 * @flight: the last exits
 */
struct kvm_vcpu_arch {
	unsigned long regs[NR_VCPU_REGS];
	u32 regs_avail;
	u32 regs_dirty;
	unsigned long cr0;
	unsigned long cr2;
	unsigned long cr3;
	unsigned long cr4;
	unsigned long cr8;
	u64 efer;
	u64 xcr0;
	u32 pkru;
	u32 host_pkru;
	u64 apic_base;
	struct kvm_lapic *apic;
	u64 hw_deadline;
	bool apic_virtual;
	bool apic_stale;
	const struct lapic_posted *apic_posted;
	u16 run_flags;
	u32 mp_state;
	bool l1d_flush;
	bool pv_unhalted;
	bool preempted_in_kernel;
	bool at_boundary;
	u8 pending_ioapic_eoi;
	struct kvm_event_queue events;
	struct kvm_vcpu_cpuid cpuid;
	struct kvm_vcpu_clock clock;
	struct kvm_vcpu_steal steal;
	struct kvm_vcpu_apf apf;
	struct kvm_vcpu_debug debug;
	struct kvm_vcpu_msrs msrs;
	struct kvm_vcpu_io io;
	struct kvm_vcpu_mmu mmu;
	struct fpu_guest guest_fpu;
	u64 disabled_exits;
	u32 pv_enforce;
	int irq_inject_vector; /* KVM_INTERRUPT without an irqchip in the kernel, -1: none */
	struct {
		u32 index;
		u32 error;
		u64 data;
	} user_msr; /* KVM_EXIT_X86_{RD,WR}MSR */
	struct kvm_flight flight;
};

/* ---------------------------------------------------------------- VM */

enum kvm_irqchip_mode {
	KVM_IRQCHIP_NONE,
	KVM_IRQCHIP_KERNEL, /* PIC, IOAPIC and local APICs */
	KVM_IRQCHIP_SPLIT, /* local APICs only */
};

/**
 * struct kvm_vm_clock - kvmclock of a VM; members belong to clock.c
 */
struct kvm_vm_clock {
	struct list_head link; /* in clock.c's list of VMs */
	raw_spinlock_t lock;
	s64 kvmclock_offset; /* guest's kvmclock - host's monotonic raw boot clock, ns */
	bool use_master_clock;
	u64 master_kernel_ns;
	u64 master_cycle_now;
	u32 default_tsc_khz;
	/* matching of TSC writes across vCPUs */
	u64 cur_tsc_nsec;
	u64 cur_tsc_write;
	u64 cur_tsc_offset;
	u64 cur_tsc_generation;
	u32 cur_tsc_khz;
	u64 wall_clock_msr;
};

/**
 * struct kvm_arch - the x86 part of a VM
 * @irqchip_mode: enum kvm_irqchip_mode; set once under kvm->lock, read with smp_load_acquire()
 * @pic: NULL without
 * @ioapic: NULL without
 * @pit: NULL until KVM_CREATE_PIT2
 * @apic_map: destination map, RCU
 * @nr_reserved_ioapic_pins: split irqchip: routes kept for the VMM's IOAPIC
 * @posts: an I/O MMU posts interrupts of a device to vCPUs, or has done so; set by the backend
 * @x2apic_format: KVM_X2APIC_API_USE_32BIT_IDS
 * @x2apic_broadcast_quirk_disabled: KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK
 * @boot_cpu_id: which vCPU is the bootstrap processor
 * @apic_bus_cycle_ns: length of an APIC bus cycle, ns
 * @tss_addr: KVM_SET_TSS_ADDR
 * @identity_map_addr: KVM_SET_IDENTITY_MAP_ADDR
 * @tdp: the two-dimensional page tables
 * @tlb_gen: bumped for each flush of all vCPUs' TLBs
 * @clock: see above
 * @disabled_quirks: KVM_CAP_DISABLE_QUIRKS2
 * @disabled_exits: KVM_X86_DISABLE_EXITS_*
 * @exception_payload: KVM_CAP_EXCEPTION_PAYLOAD is on
 * @triple_fault_event: KVM_CAP_X86_TRIPLE_FAULT_EVENT is on
 * @user_space_msr_mask: KVM_CAP_X86_USER_SPACE_MSR
 * @msr_filter: KVM_X86_SET_MSR_FILTER, RCU; NULL: everything is allowed
 * @hypercall_exits: KVM_CAP_EXIT_HYPERCALL: bit n: hypercall n is the VMM's
 * @apf_token: the last one that an asynchronous page fault was given
 * @max_vcpu_ids: KVM_CAP_MAX_VCPU_ID
 * @nr_mmu_pages: KVM_SET_NR_MMU_PAGES, without effect as long as no tables are shadowed
 * @bus_lock_exit: KVM_CAP_X86_BUS_LOCK_EXIT is on
 * @noncoherent_dma: a device can pass the caches by, see kvm_arch_set_noncoherent_dma()
 * @notify_flags, @notify_window: KVM_CAP_X86_NOTIFY_VMEXIT; the window in the processor's units
 * @exit_on_emulation_error: KVM_CAP_EXIT_ON_EMULATION_FAILURE
 */
struct kvm_arch {
	int irqchip_mode;
	struct kvm_pic *pic;
	struct kvm_ioapic *ioapic;
	struct kvm_pit *pit;
	struct kvm_apic_map __rcu *apic_map;
	struct mutex apic_map_lock;
	atomic_t apic_map_dirty;
	u8 nr_reserved_ioapic_pins;
	bool posts;
	bool x2apic_format;
	bool x2apic_broadcast_quirk_disabled;
	u32 boot_cpu_id;
	u64 apic_bus_cycle_ns;
	unsigned long tss_addr;
	u64 identity_map_addr;
	struct kvm_tdp *tdp;
	u64 tlb_gen;
	struct kvm_vm_clock clock;
	u64 disabled_quirks;
	u64 disabled_exits;
	bool exception_payload;
	bool triple_fault_event;
	bool exit_on_emulation_error;
	bool bus_lock_exit;
	u32 notify_flags;
	u32 notify_window;
	bool enforce_pv_cpuid;
	bool msr_platform_info_guest_read;
	bool noncoherent_dma;
	u32 user_space_msr_mask;
	u32 hypercall_exits;
	struct kvm_msr_rules __rcu *msr_filter;
	atomic_t apf_token;
	u32 max_vcpu_ids;
	u32 nr_mmu_pages;
	struct ratelimit_state report_rs;
};

#endif /* KVM_X86_KVM_ARCH_H */
