/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O buses with in-kernel devices, ioeventfds, coalesced rings, GSI routing and irqfds.
 */
#ifndef KVM_IO_H
#define KVM_IO_H

#include "kvm.h"

struct kvm_io_device;

/**
 * struct kvm_io_ops - an in-kernel device
 * @read: @len bytes at @addr into @val; 0, or -EOPNOTSUPP: not mine, ask the next one
 * @write: likewise
 * @destroy: the device is off its bus and no reader can see it any more; NULL: nothing to do
 * @fast: read and write neither sleep nor take a lock that sleeps: usable with interrupts off
 * @unlimited: does not count against the number of devices on a bus (descriptors bound it)
 */
struct kvm_io_ops {
	int (*read)(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		    void *val);
	int (*write)(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		     const void *val);
	void (*destroy)(struct kvm_io_device *dev);
	bool fast;
	bool unlimited;
};

struct kvm_io_device {
	const struct kvm_io_ops *ops;
};

/* kvm->slots_lock held.  0, -ENOSPC (more than 1000 devices besides ioeventfds), -ENOMEM. */
int kvm_io_bus_register(struct kvm *kvm, enum kvm_bus_kind bus, gpa_t addr, u32 len,
			struct kvm_io_device *dev);
/* kvm->slots_lock held; the device is destroyed once no reader can see it, and no call to it is under way on return. */
int kvm_io_bus_unregister(struct kvm *kvm, enum kvm_bus_kind bus, struct kvm_io_device *dev);
/* The two halves of it without destruction: off the bus (-ENOENT), and then wait until no call to it is under way. */
int kvm_io_bus_take_off(struct kvm *kvm, enum kvm_bus_kind bus, struct kvm_io_device *dev);
void kvm_io_bus_quiesce(struct kvm *kvm);
/* 0, or -EOPNOTSUPP when nobody claims the access.  SRCU held, may sleep. */
int kvm_io_bus_write(struct kvm_vcpu *vcpu, enum kvm_bus_kind bus, gpa_t addr, int len,
		     const void *val);
int kvm_io_bus_read(struct kvm_vcpu *vcpu, enum kvm_bus_kind bus, gpa_t addr, int len, void *val);
/* The same with interrupts off: only devices whose ops say fast; -EWOULDBLOCK when another one would take it. */
int kvm_io_bus_write_fast(struct kvm_vcpu *vcpu, enum kvm_bus_kind bus, gpa_t addr, int len,
			  const void *val);
int kvm_io_bus_read_fast(struct kvm_vcpu *vcpu, enum kvm_bus_kind bus, gpa_t addr, int len,
			 void *val);
bool kvm_io_bus_has_fast(struct kvm *kvm, enum kvm_bus_kind bus, gpa_t addr);
int kvm_io_init_vm(struct kvm *kvm);
void kvm_io_destroy_vm(struct kvm *kvm);

/* ---- GSI routing */

#define KVM_MAX_IRQ_ROUTES 4096
#define KVM_USERSPACE_IRQ_SOURCE_ID 0
#define KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID 1

/**
 * struct kvm_kernel_irq_routing_entry - where one GSI goes; a GSI can have several
 * @gsi: the global system interrupt
 * @type: KVM_IRQ_ROUTING_*
 * @set: deliver, RCU held; >0 delivered to so many vCPUs, 0 coalesced, <0 ignored (masked) or an errno
 * @msi: the message, which is its GSI's only route; @msi.many: kvm_arch_msi_is_broadcast() must be asked; @msi.arch: what the
 *	architecture makes of the others
 */
struct kvm_kernel_irq_routing_entry {
	u32 gsi;
	u32 type;
	int (*set)(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm, int irq_source_id,
		   int level, bool line_status);
	union {
		struct {
			u32 irqchip;
			u32 pin;
		} irqchip;
		struct {
			u32 address_lo;
			u32 address_hi;
			u32 data;
			u32 flags;
			u32 devid;
			bool many;
			struct kvm_msi_arch arch;
		} msi;
	};
};

/* Told when the guest acknowledges (EOI) what came in over a GSI; RCU read side, no sleeping. */
struct kvm_irq_ack_notifier {
	struct hlist_node link;
	u32 gsi;
	void (*acked)(struct kvm_irq_ack_notifier *n);
};

/*
 * Raise or lower GSI @irq as source @irq_source_id.  Any context that holds SRCU or RCU may call it, except that PIC and
 * IOAPIC take spinlocks: no lock of theirs may be held.  >0: delivered to so many vCPUs; 0: coalesced; <0: masked or -EINVAL.
 */
int kvm_set_irq(struct kvm *kvm, int irq_source_id, u32 irq, int level, bool line_status);
/* Raise it and lower it again, the same pins; returns what kvm_set_irq() does for 1. */
int kvm_pulse_irq(struct kvm *kvm, int irq_source_id, u32 irq);
/* kvm_set_irq() with 1, or with @edge kvm_pulse_irq(), where interrupts are off; false: nothing done, do it elsewhere. */
bool kvm_raise_irq_inatomic(struct kvm *kvm, int irq_source_id, u32 irq, bool edge);
/* A default table of @nr entries in the VMM's format, for KVM_CREATE_IRQCHIP. */
int kvm_set_irq_routing(struct kvm *kvm, const struct kvm_irq_routing_entry *ue, unsigned int nr,
			unsigned int flags);
void kvm_free_irq_routing(struct kvm *kvm);
/* All GSIs routed to @pin of @irqchip have been acknowledged. */
void kvm_notify_acked_irq(struct kvm *kvm, unsigned int irqchip, unsigned int pin);
void kvm_register_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n);
void kvm_unregister_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n);
/* The same for callers that hold kvm->irq_lock; after the second one they wait for a grace period of RCU. */
void kvm_add_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n);
void kvm_del_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n);
bool kvm_irq_has_notifier(struct kvm *kvm, unsigned int irqchip, unsigned int pin);
/* Copy the entries of @gsi to @entries (room for KVM_NR_IRQCHIPS + 1): how many.  RCU or SRCU held. */
int kvm_irq_map_gsi(struct kvm *kvm, struct kvm_kernel_irq_routing_entry *entries, u32 gsi);
/* All routes of @type, one after the other.  RCU or SRCU held. */
void kvm_irq_for_each_route(struct kvm *kvm, u32 type,
			    void (*fn)(const struct kvm_kernel_irq_routing_entry *e, void *data),
			    void *data);
/* The GSI that is routed to @pin of @irqchip, or -1. */
int kvm_irq_map_chip_pin(struct kvm *kvm, unsigned int irqchip, unsigned int pin);

/* irqfd.c */
int kvm_irqfd_init(void); /* module load: the shutdown workqueue */
void kvm_irqfd_exit(void);
void kvm_irqfd_release(struct kvm *kvm); /* VM goes away */
void kvm_irqfd_routing_update(
	struct kvm *kvm); /* after the table, or what its messages lead to, has changed */

/* ioeventfd.c, coalesced_mmio.c */
void kvm_ioeventfd_release(struct kvm *kvm);
int kvm_coalesced_init_vm(struct kvm *kvm);
void kvm_coalesced_destroy_vm(struct kvm *kvm);
/* The page with the ring, for mmap of a vCPU; NULL when there is none. */
struct page *kvm_coalesced_page(struct kvm *kvm);

#endif /* KVM_IO_H */
