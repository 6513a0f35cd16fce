// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PIT in the kernel.
 *
 * The host timer fires at each rise of channel 0's output and raises GSI 0 from its interrupt.  A tick that finds the one
 * before not yet taken is counted, and given to the guest when it acknowledges (unless KVM_REINJECT_CONTROL says
 * otherwise).
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/kvm.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "chips.h"
#include "lapic.h"

static_assert(sizeof(struct kvm_pit_state2) == sizeof(struct pit_image));
static_assert(sizeof(struct kvm_pit_channel_state) == sizeof(struct pit_channel_image));
static_assert(offsetof(struct kvm_pit_channel_state, count_load_time) ==
	      offsetof(struct pit_channel_image, count_load_time));
static_assert(offsetof(struct kvm_pit_state2, flags) == offsetof(struct pit_image, flags));

#define TIMER_GSI 0

/* A guest that does not look for so long has given up on counting ticks. */
#define MAX_PENDING 100000

/* ---------------------------------------------------------------- ticks */

/* >0: the guest gets it; 0: one is still waiting; <0: it is masked. */
static int raise(struct kvm_pit *pit)
{
	return kvm_pulse_irq(pit->kvm, KVM_PIT_IRQ_SOURCE_ID, TIMER_GSI);
}

static void account(struct kvm_pit *pit, int raised)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pit->lock, flags);
	if (raised < 0 || !pit->reinject)
		pit->pending = 0;
	else if (!raised && pit->pending < MAX_PENDING)
		pit->pending++;
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

static void acked(struct kvm_irq_ack_notifier *n)
{
	struct kvm_pit *pit = container_of(n, struct kvm_pit, acked);
	unsigned long flags;
	bool again;

	raw_spin_lock_irqsave(&pit->lock, flags);
	again = pit->pending;
	if (again)
		pit->pending--;
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	if (again)
		account(pit, raise(pit));
}

/* No guest can have the host do nothing but ticks. */
static u64 not_too_soon(u64 next, u64 now)
{
	return max(next, now + (u64)READ_ONCE(kvm_min_timer_period_us) * NSEC_PER_USEC);
}

static enum hrtimer_restart timer_fn(struct hrtimer *timer)
{
	struct kvm_pit *pit = container_of(timer, struct kvm_pit, timer);
	enum hrtimer_restart ret = HRTIMER_NORESTART;
	unsigned long flags;
	bool due = false;
	u64 now, next;

	raw_spin_lock_irqsave(&pit->lock, flags);
	/* Programmed anew meanwhile, or stopped: this is the old timer's. */
	if (pit->armed && !hrtimer_is_queued(timer)) {
		due = true;
		now = ktime_get_ns();
		next = pit_next_edge(&pit->core, now);
		pit->armed = next != PIT_NEVER;
		if (pit->armed) {
			hrtimer_set_expires(timer, ns_to_ktime(not_too_soon(next, now)));
			ret = HRTIMER_RESTART;
		}
	}
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	if (due)
		account(pit, raise(pit));
	return ret;
}

/* Channel 0 has been programmed.  pit->lock held. */
static void rearm(struct kvm_pit *pit, u64 now)
{
	u64 next = pit_next_edge(&pit->core, now);

	pit->pending = 0;
	pit->armed = next != PIT_NEVER;
	/* One that is firing cannot be cancelled, and may start itself once more. */
	if (!pit->armed)
		hrtimer_try_to_cancel(&pit->timer);
	else
		hrtimer_start(&pit->timer, ns_to_ktime(next), HRTIMER_MODE_ABS_HARD);
}

/* ---------------------------------------------------------------- ports */

static int port_read(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		     void *val)
{
	struct kvm_pit *pit = container_of(dev, struct kvm_pit, dev);
	u64 now = ktime_get_ns();
	unsigned long flags;
	u8 *bytes = val;
	int i;

	raw_spin_lock_irqsave(&pit->lock, flags);
	for (i = 0; i < len; i++)
		bytes[i] = pit_read(&pit->core, addr - PIT_PORT_FIRST + i, now);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

static int port_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		      const void *val)
{
	struct kvm_pit *pit = container_of(dev, struct kvm_pit, dev);
	const u8 *bytes = val;
	bool changed = false;
	unsigned long flags;
	u32 port;
	u64 now;
	int i;

	raw_spin_lock_irqsave(&pit->lock, flags);
	now = ktime_get_ns();
	for (i = 0; i < len; i++) {
		port = addr - PIT_PORT_FIRST + i;
		if (port <= PIT_NR_CHANNELS)
			changed |= pit_write(&pit->core, port, bytes[i], now);
	}
	if (changed)
		rearm(pit, now);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

static int speaker_read(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
			void *val)
{
	struct kvm_pit *pit = container_of(dev, struct kvm_pit, speaker);
	unsigned long flags;

	if (addr != PIT_PORT_SPEAKER)
		return -EOPNOTSUPP;
	memset(val, 0, len);
	raw_spin_lock_irqsave(&pit->lock, flags);
	*(u8 *)val = pit_read_speaker(&pit->core, ktime_get_ns());
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

static int speaker_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
			 const void *val)
{
	struct kvm_pit *pit = container_of(dev, struct kvm_pit, speaker);
	unsigned long flags;

	if (addr != PIT_PORT_SPEAKER)
		return -EOPNOTSUPP;
	raw_spin_lock_irqsave(&pit->lock, flags);
	pit_write_speaker(&pit->core, *(const u8 *)val, ktime_get_ns());
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

static const struct kvm_io_ops pit_ops = {
	.read = port_read,
	.write = port_write,
	.fast = true,
};

static const struct kvm_io_ops speaker_ops = {
	.read = speaker_read,
	.write = speaker_write,
	.fast = true,
};

/* ---------------------------------------------------------------- life */

static int register_ports(struct kvm *kvm, struct kvm_pit *pit, bool speaker)
{
	int r;

	mutex_lock(&kvm->slots_lock);
	r = kvm_io_bus_register(kvm, KVM_PIO_BUS, PIT_PORT_FIRST, 4, &pit->dev);
	if (!r && speaker) {
		r = kvm_io_bus_register(kvm, KVM_PIO_BUS, PIT_PORT_SPEAKER, 1, &pit->speaker);
		if (r)
			kvm_io_bus_unregister(kvm, KVM_PIO_BUS, &pit->dev);
	}
	mutex_unlock(&kvm->slots_lock);
	return r;
}

/**
 * kvm_pit_create() - the PIT of a VM that has none, with PIC and I/O APIC
 * @kvm: the machine; kvm->lock held
 * @flags: KVM_PIT_SPEAKER_DUMMY: port 0x61 too
 * Return: 0, -ENOMEM, -ENOSPC
 */
int kvm_pit_create(struct kvm *kvm, u32 flags)
{
	struct kvm_pit *pit;
	int r;

	pit = kzalloc(sizeof(*pit), GFP_KERNEL_ACCOUNT);
	if (!pit)
		return -ENOMEM;
	raw_spin_lock_init(&pit->lock);
	hrtimer_init(&pit->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	pit->timer.function = timer_fn;
	pit->kvm = kvm;
	pit->reinject = true;
	pit->dev.ops = &pit_ops;
	pit->speaker.ops = &speaker_ops;
	pit_init(&pit->core, ktime_get_ns());
	pit->acked.gsi = TIMER_GSI;
	pit->acked.acked = acked;

	r = register_ports(kvm, pit, flags & KVM_PIT_SPEAKER_DUMMY);
	if (r) {
		kfree(pit);
		return r;
	}
	kvm_register_irq_ack_notifier(kvm, &pit->acked);
	/* pairs with who looks without kvm->lock */
	smp_store_release(&kvm->arch.pit, pit);
	return 0;
}

void kvm_pit_stop(struct kvm_pit *pit)
{
	hrtimer_cancel(&pit->timer);
}

/**
 * kvm_pit_destroy() - the VM goes away: no vCPU, no bus any more
 * @kvm: the machine, after kvm_irqchip_stop()
 */
void kvm_pit_destroy(struct kvm *kvm)
{
	kfree(kvm->arch.pit);
	kvm->arch.pit = NULL;
}

void kvm_pit_get(struct kvm *kvm, struct kvm_pit_state2 *state)
{
	struct kvm_pit *pit = kvm->arch.pit;
	unsigned long flags;

	raw_spin_lock_irqsave(&pit->lock, flags);
	pit_get_state(&pit->core, (struct pit_image *)state, ktime_get_ns());
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

void kvm_pit_set(struct kvm *kvm, const struct kvm_pit_state2 *state)
{
	struct kvm_pit *pit = kvm->arch.pit;
	unsigned long flags;
	u64 now;

	raw_spin_lock_irqsave(&pit->lock, flags);
	now = ktime_get_ns();
	pit_set_state(&pit->core, (const struct pit_image *)state, now);
	rearm(pit, now);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

void kvm_pit_set_reinject(struct kvm *kvm, bool reinject)
{
	struct kvm_pit *pit = kvm->arch.pit;
	unsigned long flags;

	raw_spin_lock_irqsave(&pit->lock, flags);
	pit->reinject = reinject;
	pit->pending = 0;
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}
