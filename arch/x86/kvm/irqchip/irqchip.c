// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMM's ioctls on PIC, I/O APIC and PIT.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "chips.h"
#include "ioctl.h"

/* kvm->lock held */
static int create_irqchip(struct kvm *kvm)
{
	int r;

	if (kvm->arch.irqchip_mode != KVM_IRQCHIP_NONE)
		return -EEXIST;
	if (kvm->created_vcpus)
		return -EINVAL;
	r = kvm_pic_create(kvm);
	if (r)
		return r;
	r = kvm_ioapic_create(kvm);
	if (r)
		goto no_ioapic;
	r = kvm_set_default_irq_routing(kvm);
	if (r)
		goto no_routes;
	/* pairs with kvm_irqchip_full() */
	smp_store_release(&kvm->arch.irqchip_mode, KVM_IRQCHIP_KERNEL);
	return 0;

no_routes:
	kvm_ioapic_undo(kvm);
no_ioapic:
	kvm_pic_undo(kvm);
	return r;
}

/* KVM_CREATE_IRQCHIP */
long kvm_vm_create_irqchip(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	int r;

	mutex_lock(&kvm->lock);
	r = create_irqchip(kvm);
	mutex_unlock(&kvm->lock);
	return r;
}

/**
 * kvm_irqchip_stop() - the VM goes away: no tick, no delayed delivery after this
 * @kvm: the machine; no vCPU runs
 *
 * Context: may sleep
 */
void kvm_irqchip_stop(struct kvm *kvm)
{
	if (kvm->arch.pit)
		kvm_pit_stop(kvm->arch.pit);
	if (kvm->arch.ioapic)
		kvm_ioapic_stop(kvm->arch.ioapic);
}

/* KVM_GET_IRQCHIP */
long kvm_vm_get_irqchip(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	struct kvm_irqchip *chip = arg.buf;

	if (!kvm_irqchip_full(kvm))
		return -ENXIO;
	memset(&chip->chip, 0, sizeof(chip->chip));
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		kvm_pic_get(kvm, chip->chip_id, &chip->chip.pic);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		kvm_ioapic_get(kvm, &chip->chip.ioapic);
		return 0;
	default:
		return -EINVAL;
	}
}

/* KVM_SET_IRQCHIP */
long kvm_vm_set_irqchip(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	const struct kvm_irqchip *chip = arg.buf;

	if (!kvm_irqchip_full(kvm))
		return -ENXIO;
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		kvm_pic_set(kvm, chip->chip_id, &chip->chip.pic);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		kvm_ioapic_set(kvm, &chip->chip.ioapic);
		return 0;
	default:
		return -EINVAL;
	}
}

/* ---------------------------------------------------------------- PIT */

static long create_pit(struct kvm *kvm, u32 flags)
{
	long r;

	if (flags & ~KVM_PIT_SPEAKER_DUMMY)
		return -EINVAL;
	mutex_lock(&kvm->lock);
	if (kvm->arch.pit)
		r = -EEXIST;
	else if (!kvm_irqchip_full(kvm))
		r = -ENOENT;
	else
		r = kvm_pit_create(kvm, flags);
	mutex_unlock(&kvm->lock);
	return r;
}

/* KVM_CREATE_PIT */
long kvm_vm_create_pit(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	return create_pit(kvm, KVM_PIT_SPEAKER_DUMMY);
}

/* KVM_CREATE_PIT2 */
long kvm_vm_create_pit2(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	return create_pit(kvm, ((struct kvm_pit_config *)arg.buf)->flags);
}

static bool has_pit(struct kvm *kvm)
{
	return smp_load_acquire(&kvm->arch.pit);
}

/* KVM_GET_PIT: the channels alone */
long kvm_vm_get_pit(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	struct kvm_pit_state2 state;

	if (!has_pit(kvm))
		return -ENXIO;
	kvm_pit_get(kvm, &state);
	memcpy(arg.buf, state.channels, sizeof(struct kvm_pit_state));
	return 0;
}

/* KVM_SET_PIT */
long kvm_vm_set_pit(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	struct kvm_pit_state2 state;

	if (!has_pit(kvm))
		return -ENXIO;
	kvm_pit_get(kvm, &state);
	memcpy(state.channels, arg.buf, sizeof(struct kvm_pit_state));
	kvm_pit_set(kvm, &state);
	return 0;
}

/* KVM_GET_PIT2 */
long kvm_vm_get_pit2(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	if (!has_pit(kvm))
		return -ENXIO;
	kvm_pit_get(kvm, arg.buf);
	return 0;
}

/* KVM_SET_PIT2 */
long kvm_vm_set_pit2(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	if (!has_pit(kvm))
		return -ENXIO;
	kvm_pit_set(kvm, arg.buf);
	return 0;
}

/* KVM_REINJECT_CONTROL: a command without a size that takes a structure all the same */
long kvm_vm_reinject_control(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	struct kvm_reinject_control control;

	if (copy_from_user(&control, arg.user, sizeof(control)))
		return -EFAULT;
	if (!has_pit(kvm))
		return -ENXIO;
	kvm_pit_set_reinject(kvm, control.pit_reinject);
	return 0;
}
