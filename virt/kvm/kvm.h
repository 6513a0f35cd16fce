/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine-independent half: virtual machines, vCPUs, guest memory, work that waits for a vCPU.
 *
 * Locks, outermost first:
 *   kvm->lock        mutex: vCPU creation, irqchip creation, capabilities of the VM
 *   vcpu->mutex      mutex: one ioctl at a time on a vCPU; held for the whole of KVM_RUN
 *   kvm->slots_lock  mutex: changes of memory slots and I/O buses
 *   kvm->irq_lock    mutex: changes of GSI routes and irqfds
 *   kvm->srcu        readers: slots, I/O buses, routes, from code that may sleep; never held in guest mode
 *   RCU              readers of the same objects with interrupts or preemption off (the inner run loop)
 */
#ifndef KVM_KVM_H
#define KVM_KVM_H

#include <linux/cpumask.h>
#include <linux/interval_tree.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/maple_tree.h>
#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"
#include "types.h"
#include "mmu_sync.h"
#include "stats.h"
#include "kvm_arch.h" /* struct kvm_arch, kvm_vcpu_arch, kvm_memslot_arch, KVM_NR_ADDRESS_SPACES, ... */

struct dentry;
struct kvm;
struct kvm_vcpu;
struct kvm_coalesced;
struct kvm_io_bus;
struct kvm_irq_routing_table;

#define KVM_USER_MEM_SLOTS 32764 /* slots a VMM may use in each address space */

/* Kinds of I/O bus; KVM_FAST_MMIO_BUS holds zero-length ioeventfds, matched by address alone. */
enum kvm_bus_kind {
	KVM_MMIO_BUS,
	KVM_PIO_BUS,
	KVM_FAST_MMIO_BUS,
	KVM_NR_BUSES,
};

/* ---------------------------------------------------------------- memory */

/**
 * struct kvm_memslot - a range of guest frames backed by VMM memory
 *
 * Immutable once published, but for the contents of @dirty_bitmap and @arch: a change makes a new slot and retires the
 * old one, which is freed after a grace period of kvm->srcu and RCU.
 *
 * @base_gfn: first guest frame
 * @npages: number of 4 KiB pages, never 0
 * @hva: VMM address of the first page
 * @flags: KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY
 * @id: the VMM's slot number, 0 to KVM_USER_MEM_SLOTS - 1
 * @as_id: address space, 0 to KVM_NR_ADDRESS_SPACES - 1
 * @dirty_bitmap: one bit a page while dirty logging is on, else NULL
 * @hva_node: place in kvm_address_space.hva_tree
 * @arch: the architecture's part
 * @rcu: for freeing
 */
struct kvm_memslot {
	gfn_t base_gfn;
	unsigned long npages;
	hva_t hva;
	u32 flags;
	u16 id;
	u16 as_id;
	unsigned long *dirty_bitmap;
	struct interval_tree_node hva_node;
	struct kvm_memslot_arch arch;
	struct rcu_head rcu;
};

/**
 * struct kvm_address_space - the memory slots of one guest address space
 * @by_gfn: gfn range -> struct kvm_memslot, RCU mode
 * @by_id: slot number -> struct kvm_memslot; under kvm->slots_lock
 * @hva_tree: hva range -> struct kvm_memslot; changed under kvm->slots_lock and @hva_lock, read under @hva_lock
 * @hva_lock: see @hva_tree
 */
struct kvm_address_space {
	struct maple_tree by_gfn;
	struct xarray by_id;
	struct rb_root_cached hva_tree;
	rwlock_t hva_lock;
};

/* memslot.c */
int kvm_memory_init_vm(struct kvm *kvm);
void kvm_memory_destroy_vm(struct kvm *kvm);
long kvm_vm_set_user_memory_region(struct kvm *kvm, const struct kvm_userspace_memory_region *mem);
struct kvm_memslot *kvm_gfn_to_slot(struct kvm *kvm, u16 as_id, gfn_t gfn);
bool kvm_gfn_range_has_slot(struct kvm *kvm, gfn_t first, gfn_t last);
struct kvm_memslot *kvm_vcpu_gfn_to_slot(struct kvm_vcpu *vcpu, gfn_t gfn);

static inline bool kvm_slot_contains(const struct kvm_memslot *slot, gfn_t gfn)
{
	return gfn - slot->base_gfn < slot->npages;
}

static inline hva_t kvm_slot_hva(const struct kvm_memslot *slot, gfn_t gfn)
{
	return slot->hva + ((gfn - slot->base_gfn) << 12);
}

/*
 * guest_memory.c.  All return 0, or -EFAULT when a page has no slot, is read-only (writes), or has no VMM memory behind
 * it.  They may sleep and take kvm->srcu themselves (nesting is fine).  The _nofault forms never sleep, are for
 * interrupts-off code, and also return -EFAULT when the page is not resident; then take the sleeping path.
 */
int kvm_read_guest(struct kvm *kvm, gpa_t gpa, void *data, unsigned long len);
int kvm_vcpu_read_guest(struct kvm_vcpu *vcpu, gpa_t gpa, void *data, unsigned long len);
int kvm_vcpu_write_guest(struct kvm_vcpu *vcpu, gpa_t gpa, const void *data, unsigned long len);
int kvm_vcpu_read_guest_nofault(struct kvm_vcpu *vcpu, gpa_t gpa, void *data, unsigned long len);
int kvm_vcpu_write_guest_nofault(struct kvm_vcpu *vcpu, gpa_t gpa, const void *data,
				 unsigned long len);
/* Atomic compare-and-exchange of 1, 2, 4, 8 or 16 naturally aligned bytes: 0 done, 1 mismatch (*old updated), -EFAULT. */
int kvm_vcpu_cmpxchg_guest(struct kvm_vcpu *vcpu, gpa_t gpa, void *old, const void *new,
			   unsigned int bytes);
bool kvm_is_visible_gfn(struct kvm_vcpu *vcpu, gfn_t gfn);

/* dirty_log.c */
void kvm_mark_page_dirty(struct kvm *kvm, struct kvm_memslot *slot, gfn_t gfn);

/* ---------------------------------------------------------------- pending work */

/*
 * Work that must be done before the next guest entry: bits of kvm_vcpu.requests, the one word that is tested.  Numbers
 * from KVM_REQ_ARCH_BASE on belong to the architecture.
 */
enum kvm_request {
	KVM_REQ_EVENT, /* an event may have become deliverable */
	KVM_REQ_TLB_FLUSH, /* flush this vCPU's whole TLB */
	KVM_REQ_UNBLOCK, /* leave kvm_vcpu_block() and look again */
	KVM_REQ_VM_DEAD, /* the VM can run no more: KVM_RUN returns -EIO */
	KVM_REQ_OUTSIDE, /* nothing but: be outside of guest mode once */
	KVM_REQ_ARCH_BASE = 8,
};

enum kvm_vcpu_mode {
	KVM_OUTSIDE_GUEST,
	KVM_IN_GUEST, /* from before the pending word is tested (interrupts off) until after the inner loop */
	KVM_EXITING, /* still there, but somebody has sent the interrupt that gets it out */
};

/* ---------------------------------------------------------------- vCPU */

/**
 * struct kvm_vcpu - a virtual CPU
 * @kvm: its machine; the vCPU's file holds a reference
 * @id: the VMM's number, what the guest sees as (initial) APIC id
 * @idx: 0 to kvm->nr_vcpus - 1, in order of creation
 * @cpu: host CPU on which it is loaded, -1 when it is not; changed with preemption off
 * @mode: enum kvm_vcpu_mode; paired with @requests by full barriers
 * @requests: pending work, bits of enum kvm_request
 * @srcu_idx: cookie of KVM_RUN's SRCU read section
 * @srcu_held: that section is held
 * @sigset_active: @sigset is in force during KVM_RUN
 * @valid_wakeup: the last block ended because of an event, not because of a signal
 * @preempted: scheduled out while runnable
 * @spinning: in kvm_vcpu_on_spin()
 * @spin_turn: although it spins, it may be yielded to the next time
 * @run: shared with the VMM; every field may change at any time
 * @run_pages: how many pages @run has, the PIO page and the coalesced ring among them
 * @mutex: see the list of locks
 * @pid: the thread that last ran KVM_RUN; RCU
 * @wait: what a halted vCPU sleeps on
 * @preempt_notifier: calls load and put around preemption
 * @slot_hit: last slot found, valid only while @slot_gen equals kvm->slots_generation, under SRCU or RCU
 * @slot_gen: see @slot_hit
 * @sigset: KVM_SET_SIGNAL_MASK's set
 * @halt_poll_ns: present polling budget of HLT, ns
 * @debugfs: its folder, NULL until somebody looks
 * @debugfs_files: there are files in it
 * @stat: counters, see stats.h
 * @arch: the architecture's part
 */
struct kvm_vcpu {
	struct kvm *kvm;
	u32 id;
	u32 idx;
	int cpu;
	int mode;
	unsigned long requests;
	int srcu_idx;
	bool srcu_held;
	bool sigset_active;
	bool valid_wakeup;
	bool preempted;
	bool spinning;
	bool spin_turn;
	struct kvm_run *run;
	struct mutex mutex;
	struct pid __rcu *pid;
	struct rcuwait wait;
	struct preempt_notifier preempt_notifier;
	struct kvm_memslot *slot_hit;
	u64 slot_gen;
	sigset_t sigset;
	u64 halt_poll_ns;
	struct dentry *debugfs;
	bool debugfs_files;
	struct kvm_vcpu_stat stat;
	struct kvm_vcpu_arch arch;
};

/**
 * struct kvm - a virtual machine
 * @mm: address space of the process that made it; other processes get -EIO
 * @users: references: the VM's fd, each vCPU's fd, each device's
 * @lock: see the list of locks
 * @slots_lock: see the list of locks
 * @irq_lock: see the list of locks
 * @srcu: see the list of locks
 * @vcpus: by index
 * @vcpus_by_id: by the VMM's number
 * @nr_vcpus: published vCPUs, read with smp_load_acquire() (kvm_for_each_vcpu() does)
 * @last_boosted: index of the vCPU that was yielded to last
 * @created_vcpus: vCPUs made or being made; under @lock
 * @as: address spaces
 * @slots_generation: bumped at every change of slots, and of what frames without one are
 * @nr_memslot_pages: pages in all slots
 * @mn: notifier on @mm
 * @mmu_sync: how faults and invalidations meet, see mmu_sync.h
 * @dirty_manual: KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2: KVM_DIRTY_LOG_*
 * @buses: I/O buses, RCU and @srcu; changed under @slots_lock
 * @irq_routing: GSI routes, RCU and @srcu; changed under @irq_lock
 * @irqfds_lock: protects @irqfds against removal by wake-ups
 * @irqfds: list of irqfds
 * @irq_ack_notifiers: who wants to know when the guest acknowledges a line; RCU list, changed under @irq_lock
 * @ioeventfds: list of ioeventfds; under @slots_lock
 * @coalesced: coalesced MMIO/PIO state, NULL until a zone is registered
 * @max_halt_poll_ns: KVM_CAP_HALT_POLL's limit, in force when @override_halt_poll_ns
 * @override_halt_poll_ns: see @max_halt_poll_ns
 * @vm_dead: no vCPU may run any more
 * @flags: KVM_VM_*, bit numbers
 * @list: all VMs, under kvm_list_lock
 * @free_work: the part of teardown that waits for grace periods, off the closing task
 * @creator: number of the thread that made it
 * @vm_fd: number of its descriptor there, -1 before it has one
 * @debugfs: its folder, NULL until somebody looks; it and what follows belong to debugfs.c
 * @debugfs_stats: there are files in it
 * @stats_id: "kvm-PID", what KVM_GET_STATS_FD names the VM
 * @stat: counters, see stats.h
 * @arch: the architecture's part
 */
struct kvm {
	struct mm_struct *mm;
	refcount_t users;
	struct mutex lock;
	struct mutex slots_lock;
	struct mutex irq_lock;
	struct srcu_struct srcu;
	struct xarray vcpus;
	struct xarray vcpus_by_id;
	u32 nr_vcpus;
	u32 created_vcpus;
	u32 last_boosted;
	struct kvm_address_space as[KVM_NR_ADDRESS_SPACES];
	atomic64_t slots_generation;
	u64 nr_memslot_pages;
	struct mmu_notifier mn;
	struct kvm_mmu_sync mmu_sync;
	u64 dirty_manual;
	struct kvm_io_bus __rcu *buses[KVM_NR_BUSES];
	struct kvm_irq_routing_table __rcu *irq_routing;
	spinlock_t irqfds_lock;
	struct list_head irqfds;
	struct hlist_head irq_ack_notifiers;
	struct list_head ioeventfds;
	struct kvm_coalesced *coalesced;
	u32 max_halt_poll_ns;
	bool override_halt_poll_ns;
	bool vm_dead;
	unsigned long flags;
	struct list_head list;
	struct work_struct free_work;
	char stats_id[24];
	pid_t creator;
	int vm_fd;
	struct dentry *debugfs;
	bool debugfs_stats;
	struct kvm_vm_stat stat;
	struct kvm_arch arch;
};

/* Bits of kvm->flags */
#define KVM_VM_HAS_VFIO 0 /* its VFIO device is there */

#define kvm_for_each_vcpu(idx, vcpu, kvm)                             \
	for ((idx) = 0; (idx) < smp_load_acquire(&(kvm)->nr_vcpus) && \
			((vcpu) = xa_load(&(kvm)->vcpus, (idx)));     \
	     (idx)++)

void kvm_get_kvm(struct kvm *kvm);
bool kvm_get_kvm_safe(struct kvm *kvm);
void kvm_put_kvm(struct kvm *kvm);
/* The vCPU loaded on this CPU, or NULL; preemption off. */
struct kvm_vcpu *kvm_running_vcpu(void);

/* The VM cannot go on (an allocation that may not fail, a broken invariant): every vCPU stops, KVM_RUN gives -EIO. */
void kvm_vm_dead(struct kvm *kvm);

static inline bool kvm_test_request(const struct kvm_vcpu *vcpu, int req)
{
	return test_bit(req, &vcpu->requests);
}

/* Test and clear; everything that was written before kvm_make_request() is visible when this returns true. */
static inline bool kvm_check_request(struct kvm_vcpu *vcpu, int req)
{
	return test_bit(req, &vcpu->requests) && test_and_clear_bit(req, &vcpu->requests);
}

static inline void kvm_clear_request(struct kvm_vcpu *vcpu, int req)
{
	clear_bit(req, &vcpu->requests);
}

/* Make work for @vcpu.  Does not interrupt it: kvm_vcpu_kick() does. */
static inline void kvm_make_request(struct kvm_vcpu *vcpu, int req)
{
	smp_mb__before_atomic();
	set_bit(req, &vcpu->requests);
}

/**
 * kvm_vcpu_kick() - have a vCPU look at its pending work soon
 * @vcpu: any vCPU
 *
 * Wakes it when it is halted, interrupts it when it is in guest mode, does nothing when it is on its way.  Any context.
 */
void kvm_vcpu_kick(struct kvm_vcpu *vcpu);
/* Wake a halted vCPU; true when it was asleep.  Any context. */
bool kvm_vcpu_wake_up(struct kvm_vcpu *vcpu);
/* Make @req for all vCPUs and kick those in guest mode; with @wait return only after each has left guest mode once. */
void kvm_make_all_cpus_request(struct kvm *kvm, int req, bool wait);

/**
 * kvm_vcpu_halt() - sleep until the vCPU has something to do
 * @vcpu: current vCPU, loaded, SRCU not held
 *
 * Polls first for vcpu->halt_poll_ns, then sleeps.  Returns when kvm_arch_vcpu_runnable(), when a signal is pending or
 * when KVM_REQ_UNBLOCK is made.
 */
void kvm_vcpu_halt(struct kvm_vcpu *vcpu);
/* The same without polling and its statistics, for MP states other than HALTED. */
void kvm_vcpu_block(struct kvm_vcpu *vcpu);

/* yield.c */
int kvm_vcpu_yield_to(struct kvm_vcpu *target);
void kvm_vcpu_on_spin(struct kvm_vcpu *me, bool kernel_only);

static inline void kvm_vcpu_srcu_lock(struct kvm_vcpu *vcpu)
{
	vcpu->srcu_idx = srcu_read_lock(&vcpu->kvm->srcu);
	vcpu->srcu_held = true;
	__release(&vcpu->kvm->srcu); /* held across functions: sparse cannot follow */
}

static inline void kvm_vcpu_srcu_unlock(struct kvm_vcpu *vcpu)
{
	vcpu->srcu_held = false;
	__acquire(&vcpu->kvm->srcu);
	srcu_read_unlock(&vcpu->kvm->srcu, vcpu->srcu_idx);
}

/* Load @vcpu on this CPU / unload it, for ioctls that need it; vcpu->mutex held, may sleep. */
void kvm_vcpu_load(struct kvm_vcpu *vcpu);
void kvm_vcpu_put(struct kvm_vcpu *vcpu);

/* A rate-limited line in the log that says what a guest or VMM did. */
#define kvm_vcpu_info(vcpu, fmt, ...)                                                   \
	pr_info_ratelimited("kvm [%d]: vcpu%u " fmt, task_tgid_nr(current), (vcpu)->id, \
			    ##__VA_ARGS__)

#endif /* KVM_KVM_H */
