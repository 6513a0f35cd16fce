// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC in the kernel.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "chips.h"
#include "lapic.h"
#include "trace_x86.h"

static_assert(sizeof(struct kvm_ioapic_state) == sizeof(struct ioapic_image));
static_assert(offsetof(struct kvm_ioapic_state, redirtbl) ==
	      offsetof(struct ioapic_image, redirtbl));
static_assert(KVM_IOAPIC_NUM_PINS == IOAPIC_NR_PINS);

/* How long a line that is never lowered has to wait. */
#define STORM_DELAY (HZ / 100 ?: 1)

static int deliver(struct ioapic *core, unsigned int pin, const struct lapic_msg *msg)
{
	struct kvm_ioapic *ioapic = container_of(core, struct kvm_ioapic, core);

	return kvm_lapic_deliver(ioapic->kvm, NULL, msg);
}

static const struct ioapic_ops ops = { .deliver = deliver };

/* ---------------------------------------------------------------- lines */

int kvm_ioapic_set_irq(struct kvm *kvm, unsigned int pin, int irq_source_id, int level,
		       bool line_status)
{
	struct kvm_ioapic *ioapic = kvm->arch.ioapic;
	unsigned long flags;
	int ret;

	if (!ioapic || pin >= IOAPIC_NR_PINS)
		return -1;
	raw_spin_lock_irqsave(&ioapic->lock, flags);
	ret = ioapic_set_irq(&ioapic->core, pin,
			     kvm_line_level(&ioapic->sources[pin], irq_source_id, level));
	trace_kvm_ioapic_set_irq(ioapic->core.redir[pin], pin, ret == 0);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	return ret;
}

/* ---------------------------------------------------------------- end of interrupt */

/* Who waits may lower lines, or raise them: no lock is held. */
static void end_of_interrupt(struct kvm_ioapic *ioapic, u32 pins)
{
	unsigned long flags;
	u32 left, storms;

	for (left = pins; left; left &= left - 1)
		kvm_notify_acked_irq(ioapic->kvm, KVM_IRQCHIP_IOAPIC, __ffs(left));
	raw_spin_lock_irqsave(&ioapic->lock, flags);
	storms = ioapic_eoi_end(&ioapic->core, pins);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	if (storms)
		schedule_delayed_work(&ioapic->storm, STORM_DELAY);
}

void kvm_ioapic_eoi(struct kvm_vcpu *vcpu, u8 vector)
{
	struct kvm_ioapic *ioapic = vcpu->kvm->arch.ioapic;
	unsigned long flags;
	u32 pins;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	pins = ioapic_eoi(&ioapic->core, vector);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	if (pins)
		end_of_interrupt(ioapic, pins);
}

static void storm_is_over(struct work_struct *work)
{
	struct kvm_ioapic *ioapic = container_of(work, struct kvm_ioapic, storm.work);
	unsigned long flags;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	ioapic_redeliver(&ioapic->core);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}

/*
 * Local APICs report the EOI of a level by themselves.  That of an edge they report for the vectors that are set here.
 */
static void watch_vcpu(struct kvm_ioapic *ioapic, struct kvm_vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ioapic->watch); i++)
		WRITE_ONCE(vcpu->arch.apic->core.eoi_watch[i], ioapic->watch[i]);
	kvm_lapic_watch_changed(vcpu->arch.apic);
}

/* ioapic->lock held */
static void update_watch(struct kvm_ioapic *ioapic)
{
	u32 watch[8] = {};
	struct kvm_vcpu *vcpu;
	unsigned int pin;
	unsigned long i;
	u64 entry;

	for (pin = 0; pin < IOAPIC_NR_PINS; pin++) {
		entry = ioapic->core.redir[pin];
		if ((entry & (IOAPIC_MASKED | IOAPIC_LEVEL)) ||
		    !kvm_irq_has_notifier(ioapic->kvm, KVM_IRQCHIP_IOAPIC, pin))
			continue;
		watch[(u8)entry >> 5] |= BIT(entry & 31);
	}
	if (!memcmp(watch, ioapic->watch, sizeof(watch)))
		return;
	memcpy(ioapic->watch, watch, sizeof(watch));
	kvm_for_each_vcpu(i, vcpu, ioapic->kvm) {
		if (vcpu->arch.apic)
			watch_vcpu(ioapic, vcpu);
	}
}

void kvm_ioapic_routes_changed(struct kvm *kvm)
{
	struct kvm_ioapic *ioapic = kvm->arch.ioapic;
	unsigned long flags;

	if (!ioapic)
		return;
	raw_spin_lock_irqsave(&ioapic->lock, flags);
	update_watch(ioapic);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}

void kvm_ioapic_watch_vcpu(struct kvm_vcpu *vcpu)
{
	struct kvm_ioapic *ioapic = vcpu->kvm->arch.ioapic;
	unsigned long flags;

	if (!ioapic)
		return;
	raw_spin_lock_irqsave(&ioapic->lock, flags);
	watch_vcpu(ioapic, vcpu);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}

/* ---------------------------------------------------------------- MMIO */

static int mmio_read(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		     void *val)
{
	struct kvm_ioapic *ioapic = container_of(dev, struct kvm_ioapic, dev);
	u32 offset = addr - IOAPIC_BASE_DEFAULT;
	unsigned long flags;
	u32 value;

	memset(val, 0, len);
	/* Registers stand at multiples of 16. */
	if (offset & 15)
		return 0;
	raw_spin_lock_irqsave(&ioapic->lock, flags);
	value = ioapic_read(&ioapic->core, offset);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	memcpy(val, &value, min(len, 4));
	return 0;
}

static int mmio_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		      const void *val)
{
	struct kvm_ioapic *ioapic = container_of(dev, struct kvm_ioapic, dev);
	u32 offset = addr - IOAPIC_BASE_DEFAULT;
	unsigned long flags;
	u32 value = 0, pins;

	if (offset & 15)
		return 0;
	memcpy(&value, val, min(len, 4));
	raw_spin_lock_irqsave(&ioapic->lock, flags);
	pins = ioapic_write(&ioapic->core, offset, value);
	if (offset)
		update_watch(ioapic);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	if (pins)
		end_of_interrupt(ioapic, pins);
	return 0;
}

static const struct kvm_io_ops io_ops = {
	.read = mmio_read,
	.write = mmio_write,
	.fast = true,
};

/* ---------------------------------------------------------------- life */

/**
 * kvm_ioapic_create() - the I/O APIC of a VM that has none
 * @kvm: the machine; kvm->lock held
 * Return: 0, -ENOMEM, -ENOSPC
 */
int kvm_ioapic_create(struct kvm *kvm)
{
	struct kvm_ioapic *ioapic;
	int r;

	ioapic = kzalloc(sizeof(*ioapic), GFP_KERNEL_ACCOUNT);
	if (!ioapic)
		return -ENOMEM;
	raw_spin_lock_init(&ioapic->lock);
	INIT_DELAYED_WORK(&ioapic->storm, storm_is_over);
	ioapic->kvm = kvm;
	ioapic->dev.ops = &io_ops;
	ioapic_init(&ioapic->core, IOAPIC_VERSION_82093AA, &ops);
	mutex_lock(&kvm->slots_lock);
	r = kvm_io_bus_register(kvm, KVM_MMIO_BUS, IOAPIC_BASE_DEFAULT, IOAPIC_SIZE, &ioapic->dev);
	mutex_unlock(&kvm->slots_lock);
	if (r) {
		kfree(ioapic);
		return r;
	}
	kvm->arch.ioapic = ioapic;
	return 0;
}

void kvm_ioapic_stop(struct kvm_ioapic *ioapic)
{
	cancel_delayed_work_sync(&ioapic->storm);
}

/**
 * kvm_ioapic_destroy() - the VM goes away: no vCPU, no bus any more
 * @kvm: the machine, after kvm_irqchip_stop()
 */
void kvm_ioapic_destroy(struct kvm *kvm)
{
	kfree(kvm->arch.ioapic);
	kvm->arch.ioapic = NULL;
}

/* Creation has failed half-way. */
void kvm_ioapic_undo(struct kvm *kvm)
{
	mutex_lock(&kvm->slots_lock);
	kvm_io_bus_unregister(kvm, KVM_MMIO_BUS, &kvm->arch.ioapic->dev);
	mutex_unlock(&kvm->slots_lock);
	kvm_ioapic_destroy(kvm);
}

void kvm_ioapic_get(struct kvm *kvm, struct kvm_ioapic_state *state)
{
	struct kvm_ioapic *ioapic = kvm->arch.ioapic;
	unsigned long flags;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	ioapic_get_state(&ioapic->core, (struct ioapic_image *)state);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}

void kvm_ioapic_set(struct kvm *kvm, const struct kvm_ioapic_state *state)
{
	struct kvm_ioapic *ioapic = kvm->arch.ioapic;
	unsigned long flags;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	ioapic_set_state(&ioapic->core, (const struct ioapic_image *)state);
	update_watch(ioapic);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}
