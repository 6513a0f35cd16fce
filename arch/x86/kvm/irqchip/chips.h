/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PIC, I/O APIC and PIT in the kernel: what stands around the pure cores.  For irqchip/ alone.
 */
#ifndef KVM_X86_IRQCHIP_CHIPS_H
#define KVM_X86_IRQCHIP_CHIPS_H

#include <linux/hrtimer.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "io.h"
#include "ioapic_core.h"
#include "irqchip.h"
#include "pic_core.h"
#include "pit_core.h"

/* Sources that can drive a line, besides KVM_USERSPACE_IRQ_SOURCE_ID and KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID. */
#define KVM_PIT_IRQ_SOURCE_ID 2

/* A line is high while any source drives it. */
static inline bool kvm_line_level(u8 *sources, int source, bool level)
{
	if (level)
		*sources |= BIT(source & 7);
	else
		*sources &= ~BIT(source & 7);
	return *sources;
}

/**
 * struct kvm_pic - the PIC pair
 * @lock: protects @core and @sources
 * @core: the state machine; its output is read without the lock
 * @lint0_users: some LINT0 takes the output as something else than ExtINT
 */
struct kvm_pic {
	raw_spinlock_t lock;
	struct pic core;
	struct kvm *kvm;
	bool lint0_users;
	u8 sources[PIC_NR_PINS];
	struct kvm_io_device master, slave, elcr;
};

/**
 * struct kvm_ioapic - the I/O APIC
 * @lock: protects what follows, but for @storm and @dev
 * @core: the state machine
 * @sources: of each line
 * @watch: vectors of edge-triggered pins whose acknowledgement somebody waits for
 * @storm: delivers again to pins that storm, after a while
 */
struct kvm_ioapic {
	raw_spinlock_t lock;
	struct ioapic core;
	struct kvm *kvm;
	u8 sources[IOAPIC_NR_PINS];
	u32 watch[8];
	struct delayed_work storm;
	struct kvm_io_device dev;
};

/**
 * struct kvm_pit - the PIT
 * @lock: protects @core, @pending and @armed
 * @core: the state machine
 * @armed: @timer is meant to fire
 * @pending: ticks that came while one was not yet taken, to be given to the guest later
 * @reinject: count them
 * @timer: fires at the next rise of channel 0's output
 */
struct kvm_pit {
	raw_spinlock_t lock;
	struct pit core;
	struct kvm *kvm;
	u32 pending;
	bool reinject;
	bool armed;
	struct hrtimer timer;
	struct kvm_irq_ack_notifier acked;
	struct kvm_io_device dev, speaker;
};

void kvm_pic_get(struct kvm *kvm, unsigned int chip, struct kvm_pic_state *state);
void kvm_pic_set(struct kvm *kvm, unsigned int chip, const struct kvm_pic_state *state);
void kvm_ioapic_get(struct kvm *kvm, struct kvm_ioapic_state *state);
void kvm_ioapic_set(struct kvm *kvm, const struct kvm_ioapic_state *state);
/* Nothing comes from it by itself any more; before vCPUs and buses go. */
void kvm_pit_stop(struct kvm_pit *pit);
void kvm_ioapic_stop(struct kvm_ioapic *ioapic);
int kvm_pit_create(struct kvm *kvm, u32 flags);
void kvm_pit_get(struct kvm *kvm, struct kvm_pit_state2 *state);
void kvm_pit_set(struct kvm *kvm, const struct kvm_pit_state2 *state);
void kvm_pit_set_reinject(struct kvm *kvm, bool reinject);

#endif /* KVM_X86_IRQCHIP_CHIPS_H */
