/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the machine-independent half asks of an architecture.
 */
#ifndef KVM_ARCH_H
#define KVM_ARCH_H

#include "kvm.h"

struct kvm_kernel_irq_routing_entry;
struct seq_file;

/* Load and unload of kvm.ko. */
int kvm_arch_module_init(void);
void kvm_arch_module_exit(void);

/* Allocate a zeroed struct kvm / struct kvm_vcpu, perhaps as the head of something larger; may sleep, NULL when out of memory. */
struct kvm *kvm_arch_alloc_vm(void);
void kvm_arch_free_vm(struct kvm *kvm);
struct kvm_vcpu *kvm_arch_alloc_vcpu(void);
void kvm_arch_free_vcpu(struct kvm_vcpu *vcpu);

/**
 * kvm_arch_init_vm() - set up the architecture's part of a new VM
 * @kvm: zeroed, its neutral part set up
 * @type: the argument of KVM_CREATE_VM
 * Return: 0, -EINVAL for a type that does not exist, -ENOMEM
 */
int kvm_arch_init_vm(struct kvm *kvm, unsigned long type);
/* Before memory slots, buses and vCPUs go: stop timers and whatever else runs by itself.  May sleep. */
void kvm_arch_pre_destroy_vm(struct kvm *kvm);
/* After the vCPUs are gone.  May sleep, shall not wait for a grace period. */
void kvm_arch_destroy_vm(struct kvm *kvm);

/* kvm->lock held: may a vCPU of number @id be made?  0, -EINVAL, -EEXIST ... */
int kvm_arch_vcpu_precreate(struct kvm *kvm, u32 id);
int kvm_arch_vcpu_create(struct kvm_vcpu *vcpu);
/* Called with kvm->lock held after the vCPU has become visible in kvm->vcpus. */
void kvm_arch_vcpu_postcreate(struct kvm_vcpu *vcpu);
void kvm_arch_vcpu_destroy(struct kvm_vcpu *vcpu);

/* Page @pgoff of the vCPU's mapping, other than kvm_run (0) and the coalesced ring; NULL: there is none. */
struct page *kvm_arch_vcpu_page(struct kvm_vcpu *vcpu, pgoff_t pgoff);

/* Preemption off.  Load: the vCPU will run on @cpu, on which it may not have been before. */
void kvm_arch_vcpu_load(struct kvm_vcpu *vcpu, int cpu);
void kvm_arch_vcpu_put(struct kvm_vcpu *vcpu);

/**
 * kvm_arch_vcpu_run() - KVM_RUN
 * @vcpu: loaded, vcpu->mutex held, the signal mask set, SRCU not held
 * Return: 0 with run->exit_reason set, -EINTR, -EFAULT, -EIO, ...
 */
int kvm_arch_vcpu_run(struct kvm_vcpu *vcpu);

/**
 * kvm_arch_set_noncoherent_dma() - a device that can pass the caches by has come, or the last one has gone
 * @kvm: the VM
 * @on: whether there is one
 * Context: may sleep
 */
void kvm_arch_set_noncoherent_dma(struct kvm *kvm, bool on);

/* Has a halted vCPU a reason to run?  May be called with the vCPU's own thread about to sleep, interrupts on. */
bool kvm_arch_vcpu_runnable(struct kvm_vcpu *vcpu);
/* Was the guest's kernel at work when @vcpu was preempted?  Any context. */
bool kvm_arch_vcpu_preempted_in_kernel(struct kvm_vcpu *vcpu);
/* May the polling loop of kvm_vcpu_halt() be skipped, may it run at all? */
bool kvm_arch_no_poll(struct kvm_vcpu *vcpu);
/* About to sleep / awake again: move timers to where they work without the vCPU loaded. */
void kvm_arch_vcpu_blocking(struct kvm_vcpu *vcpu);
void kvm_arch_vcpu_unblocking(struct kvm_vcpu *vcpu);

/**
 * struct kvm_vcpu_file - a file of a vCPU's debugfs folder
 * @name: NULL ends the table
 * @mode: rights
 * @exists: does this vCPU have it?  NULL: yes
 * @show: its contents; the vCPU may be running meanwhile; may sleep
 */
struct kvm_vcpu_file {
	const char *name;
	umode_t mode;
	bool (*exists)(struct kvm_vcpu *vcpu);
	int (*show)(struct seq_file *m, struct kvm_vcpu *vcpu);
};

extern const struct kvm_vcpu_file kvm_arch_vcpu_files[];

/* ---- memory: see arch/x86/kvm/mmu */

int kvm_arch_prepare_memslot(struct kvm *kvm, const struct kvm_memslot *old,
			     struct kvm_memslot *new);
/*
 * @old (NULL when created) has been replaced by @new (NULL when deleted); take out, write-protect or keep mappings.  Unless
 * the slot is new, the TLBs are flushed and every vCPU has been out of its inner loop when this returns.
 */
void kvm_arch_commit_memslot(struct kvm *kvm, const struct kvm_memslot *old,
			     const struct kvm_memslot *new);
void kvm_arch_free_memslot(struct kvm_memslot *slot);
/*
 * Compare-and-exchange @bytes (1, 2, 4, 8, 16) of VMM memory: 0 done, 1 mismatch (*@old updated), -EFAULT, -EINVAL for a size
 * the CPU cannot do.  May sleep.
 */
int kvm_arch_cmpxchg_user(void __user *ptr, void *old, const void *new, unsigned int bytes);
/* How many guest frame numbers there are: slots end at or below it. */
gfn_t kvm_arch_max_gfn(void);

/*
 * The host takes back or changes hva pages behind guest frames [@start, @end) of @slot.  The caller has already advanced
 * kvm->mmu_sync.  Returns true when a mapping was taken out and the TLBs must be flushed before the pages go.
 * @may_block: may sleep.
 */
bool kvm_arch_unmap_gfn_range(struct kvm *kvm, struct kvm_memslot *slot, gfn_t start, gfn_t end,
			      bool may_block);
/* Test and, with @clear, clear the accessed state. */
bool kvm_arch_age_gfn_range(struct kvm *kvm, struct kvm_memslot *slot, gfn_t start, gfn_t end,
			    bool clear);
/* Write-protect or clear the dirty state of pages whose bit is set in @mask, starting at @base (dirty logging). */
void kvm_arch_dirty_log_protect(struct kvm *kvm, struct kvm_memslot *slot, gfn_t base,
				unsigned long mask);
/* The dirty bitmaps are about to be read: writes that only the hardware knows of are noted there when this returns. */
void kvm_arch_sync_dirty_log(struct kvm *kvm);
/* Flush the TLBs of all vCPUs (bump a generation, interrupt who is in guest mode); with @wait until each has caught up. */
void kvm_flush_remote_tlbs(struct kvm *kvm, bool wait);

/* ---- interrupts: see arch/x86/kvm/irqchip */

bool kvm_arch_irqchip_in_kernel(struct kvm *kvm);
/* Fill in an entry's set function from the VMM's; -EINVAL for what the VM cannot route. */
int kvm_arch_set_routing_entry(struct kvm *kvm, struct kvm_kernel_irq_routing_entry *e,
			       const struct kvm_irq_routing_entry *ue);
/* The set function of messages. */
int kvm_set_msi(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm, int irq_source_id,
		int level, bool line_status);
/* Is a route's message for so many vCPUs that it should not be sent with interrupts off?  RCU held. */
bool kvm_arch_msi_is_broadcast(struct kvm *kvm, const struct kvm_kernel_irq_routing_entry *e);
void kvm_arch_post_routing_update(struct kvm *kvm);
/* May an irqfd be made on this VM; @resample: one that waits for acknowledgements? */
bool kvm_arch_irqfd_allowed(struct kvm *kvm, bool resample);
/**
 * kvm_arch_irq_bypass() - a device's interrupt shall go to the guest by itself, or by its handler
 * @kvm: the VM
 * @host_irq: the host's number of the interrupt
 * @e: where to, a message; NULL: by its handler
 * @old: what the last call for this interrupt answered, 0 the first time
 *
 * That what @e leads to has changed is told by kvm_irqfd_routing_update().
 *
 * Context: kvm->irqfds_lock held, IRQs off
 * Return: what has become of it; 0: it goes by its handler, which it does where hardware cannot do better
 */
u64 kvm_arch_irq_bypass(struct kvm *kvm, unsigned int host_irq,
			const struct kvm_kernel_irq_routing_entry *e, u64 old);
/* May GSI routing be changed, is there an irqchip that takes routes? */
bool kvm_arch_can_set_irq_routing(struct kvm *kvm);

/* ---- a hook per CPU: virtualization on and off (called by module.c on each online CPU, hotplug, suspend) */

int kvm_arch_enable_cpu(void);
void kvm_arch_disable_cpu(void);

#endif /* KVM_ARCH_H */
