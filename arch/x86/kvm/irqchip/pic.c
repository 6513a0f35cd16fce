// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PIC pair in the kernel.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "chips.h"
#include "events.h"
#include "lapic.h"
#include "trace_x86.h"

static_assert(sizeof(struct kvm_pic_state) == sizeof(struct pic_chip));
static_assert(offsetof(struct kvm_pic_state, init_state) == offsetof(struct pic_chip, init_state));
static_assert(offsetof(struct kvm_pic_state, elcr_mask) == offsetof(struct pic_chip, elcr_mask));

/* ---------------------------------------------------------------- the output */

/* LINT0 as a pin of its own kind: NMI, fixed and so on. */
static void drive_lint0(struct kvm_vcpu *vcpu, bool level)
{
	struct kvm_lapic *kl = vcpu->arch.apic;
	u32 fx = lapic_set_lint(&kl->core, 0, level);

	if (fx & LAPIC_FX_NMI)
		kvm_inject_nmi(vcpu);
	if (fx & LAPIC_FX_EVENTS)
		kvm_lapic_wake(kl);
}

/* The first CPU that takes the PIC's interrupts will do the acknowledge cycle. */
static void wake_extint(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		if (!vcpu->arch.apic || !kvm_lapic_accepts_pic_intr(vcpu))
			continue;
		kvm_lapic_wake(vcpu->arch.apic);
		return;
	}
}

static void output_changed(struct kvm_pic *pic, bool level)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	if (level)
		wake_extint(pic->kvm);
	if (likely(!READ_ONCE(pic->lint0_users)))
		return;
	kvm_for_each_vcpu(i, vcpu, pic->kvm) {
		if (vcpu->arch.apic)
			drive_lint0(vcpu, level);
	}
}

/* A vCPU has changed its LVT entry of LINT0. */
void kvm_pic_lint0_changed(struct kvm_vcpu *vcpu)
{
	u32 lvt = lapic_get(&vcpu->arch.apic->core, LAPIC_LVT_LINT0);
	struct kvm_pic *pic = vcpu->kvm->arch.pic;

	if (!pic || (lvt & LAPIC_LVT_MASKED) || (lvt >> 8 & 7) == LAPIC_DM_EXTINT)
		return;
	WRITE_ONCE(pic->lint0_users, true);
	drive_lint0(vcpu, kvm_pic_output(vcpu->kvm));
}

struct change {
	bool before;
	u16 acked;
};

static unsigned long begin(struct kvm_pic *pic, struct change *c) __acquires(&pic->lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pic->lock, flags);
	c->before = pic->core.output;
	return flags;
}

/* Unlocks, and tells who wants to know what has changed. */
static void end(struct kvm_pic *pic, struct change *c, unsigned long flags) __releases(&pic->lock)
{
	bool after = pic->core.output;
	unsigned int pin;

	c->acked = pic->core.acked;
	pic->core.acked = 0;
	raw_spin_unlock_irqrestore(&pic->lock, flags);

	if (after != c->before)
		output_changed(pic, after);
	for (; c->acked; c->acked &= c->acked - 1) {
		pin = __ffs(c->acked);
		kvm_notify_acked_irq(pic->kvm,
				     pin >> 3 ? KVM_IRQCHIP_PIC_SLAVE : KVM_IRQCHIP_PIC_MASTER,
				     pin & 7);
	}
}

int kvm_pic_set_irq(struct kvm *kvm, unsigned int pin, int irq_source_id, int level)
{
	struct kvm_pic *pic = kvm->arch.pic;
	unsigned long flags;
	struct change c;
	int ret;

	if (!pic || pin >= PIC_NR_PINS)
		return -1;
	flags = begin(pic, &c);
	ret = pic_set_irq(&pic->core, pin,
			  kvm_line_level(&pic->sources[pin], irq_source_id, level));
	trace_kvm_pic_set_irq(pin >> 3, pin & 7, pic->core.chip[pin >> 3].elcr,
			      pic->core.chip[pin >> 3].imr, ret == 0);
	end(pic, &c, flags);
	return ret;
}

bool kvm_pic_output(struct kvm *kvm)
{
	return READ_ONCE(kvm->arch.pic->core.output);
}

int kvm_pic_ack(struct kvm *kvm)
{
	struct kvm_pic *pic = kvm->arch.pic;
	unsigned long flags;
	struct change c;
	int vector;

	flags = begin(pic, &c);
	vector = pic_ack(&pic->core);
	end(pic, &c, flags);
	return vector;
}

/* ---------------------------------------------------------------- ports */

/* An access that is wider than a port goes to the ports beside it too, byte by byte, as on the ISA bus. */
static int pic_port_read(struct kvm_pic *pic, gpa_t addr, int len, u8 *val)
{
	unsigned long flags;
	struct change c;
	int i;

	if (!pic_has_port(addr))
		return -EOPNOTSUPP;
	flags = begin(pic, &c);
	for (i = 0; i < len; i++)
		val[i] = pic_has_port(addr + i) ? pic_read(&pic->core, addr + i) : 0xff;
	end(pic, &c, flags);
	return 0;
}

static int pic_port_write(struct kvm_pic *pic, gpa_t addr, int len, const u8 *val)
{
	unsigned long flags;
	struct change c;
	int i;

	if (!pic_has_port(addr))
		return -EOPNOTSUPP;
	flags = begin(pic, &c);
	for (i = 0; i < len; i++) {
		if (pic_has_port(addr + i))
			pic_write(&pic->core, addr + i, val[i]);
	}
	end(pic, &c, flags);
	return 0;
}

#define PIC_DEVICE(name)                                                                        \
	static int name##_read(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr,    \
			       int len, void *val)                                              \
	{                                                                                       \
		return pic_port_read(container_of(dev, struct kvm_pic, name), addr, len, val);  \
	}                                                                                       \
	static int name##_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr,   \
				int len, const void *val)                                       \
	{                                                                                       \
		return pic_port_write(container_of(dev, struct kvm_pic, name), addr, len, val); \
	}                                                                                       \
	static const struct kvm_io_ops name##_ops = {                                           \
		.read = name##_read,                                                            \
		.write = name##_write,                                                          \
		.fast = true,                                                                   \
	}

PIC_DEVICE(master);
PIC_DEVICE(slave);
PIC_DEVICE(elcr);

/* ---------------------------------------------------------------- life */

static int register_ports(struct kvm *kvm, struct kvm_pic *pic)
{
	int r;

	mutex_lock(&kvm->slots_lock);
	r = kvm_io_bus_register(kvm, KVM_PIO_BUS, 0x20, 2, &pic->master);
	if (r)
		goto out;
	r = kvm_io_bus_register(kvm, KVM_PIO_BUS, 0xa0, 2, &pic->slave);
	if (r)
		goto no_slave;
	r = kvm_io_bus_register(kvm, KVM_PIO_BUS, 0x4d0, 2, &pic->elcr);
	if (!r)
		goto out;
	kvm_io_bus_unregister(kvm, KVM_PIO_BUS, &pic->slave);
no_slave:
	kvm_io_bus_unregister(kvm, KVM_PIO_BUS, &pic->master);
out:
	mutex_unlock(&kvm->slots_lock);
	return r;
}

/**
 * kvm_pic_create() - the PIC pair of a VM that has none
 * @kvm: the machine; kvm->lock held
 * Return: 0, -ENOMEM, -ENOSPC
 */
int kvm_pic_create(struct kvm *kvm)
{
	struct kvm_pic *pic;
	int r;

	pic = kzalloc(sizeof(*pic), GFP_KERNEL_ACCOUNT);
	if (!pic)
		return -ENOMEM;
	raw_spin_lock_init(&pic->lock);
	pic->kvm = kvm;
	pic->master.ops = &master_ops;
	pic->slave.ops = &slave_ops;
	pic->elcr.ops = &elcr_ops;
	pic_init(&pic->core);
	r = register_ports(kvm, pic);
	if (r) {
		kfree(pic);
		return r;
	}
	kvm->arch.pic = pic;
	return 0;
}

/**
 * kvm_pic_destroy() - the VM goes away
 * @kvm: the machine: no vCPU, no bus any more
 */
void kvm_pic_destroy(struct kvm *kvm)
{
	kfree(kvm->arch.pic);
	kvm->arch.pic = NULL;
}

/* Creation has failed half-way. */
void kvm_pic_undo(struct kvm *kvm)
{
	struct kvm_pic *pic = kvm->arch.pic;

	mutex_lock(&kvm->slots_lock);
	kvm_io_bus_unregister(kvm, KVM_PIO_BUS, &pic->master);
	kvm_io_bus_unregister(kvm, KVM_PIO_BUS, &pic->slave);
	kvm_io_bus_unregister(kvm, KVM_PIO_BUS, &pic->elcr);
	mutex_unlock(&kvm->slots_lock);
	kvm_pic_destroy(kvm);
}

void kvm_pic_get(struct kvm *kvm, unsigned int chip, struct kvm_pic_state *state)
{
	struct kvm_pic *pic = kvm->arch.pic;
	struct pic_chip image;
	unsigned long flags;

	raw_spin_lock_irqsave(&pic->lock, flags);
	pic_get_chip(&pic->core, chip, &image);
	raw_spin_unlock_irqrestore(&pic->lock, flags);
	memcpy(state, &image, sizeof(image));
}

void kvm_pic_set(struct kvm *kvm, unsigned int chip, const struct kvm_pic_state *state)
{
	struct kvm_pic *pic = kvm->arch.pic;
	struct pic_chip image;
	unsigned long flags;
	struct change c;

	memcpy(&image, state, sizeof(image));
	flags = begin(pic, &c);
	pic_set_chip(&pic->core, chip, &image);
	end(pic, &c, flags);
}
