/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ABI as data: one row a command, one row a capability.
 *
 * What is copied in and out follows from the command number: its size, and its direction bits.  A row says which
 * descriptor takes the command, who handles it, and under what rules.
 */
#ifndef KVM_IOCTL_H
#define KVM_IOCTL_H

#include "kvm.h"

/**
 * union kvm_ioctl_arg - the third argument of ioctl(2), as a handler sees it
 * @val: commands without size (_IO): the plain number
 * @buf: a kernel copy of _IOC_SIZE(cmd) bytes, zeroed first for pure reads; copied back for _IOC_READ commands when the
 *	 handler returns >= 0
 * @user: commands marked KVM_IOCTL_RAW (a variable array follows the structure): the pointer itself
 */
union kvm_ioctl_arg {
	unsigned long val;
	void *buf;
	void __user *user;
};

/* Flags of a row */
#define KVM_IOCTL_RAW BIT(0) /* handler copies by itself */
#define KVM_IOCTL_NOLOAD BIT(1) /* vCPU: mutex taken, but not loaded on a CPU */
#define KVM_IOCTL_ASYNC BIT(2) /* vCPU: neither mutex nor load: may be called while the vCPU runs */
#define KVM_IOCTL_IN \
	BIT(3) /* the structure goes in, although the number's direction bits say out */

typedef long (*kvm_sys_ioctl_fn)(struct file *filp, union kvm_ioctl_arg arg);
typedef long (*kvm_vm_ioctl_fn)(struct kvm *kvm, union kvm_ioctl_arg arg);
typedef long (*kvm_vcpu_ioctl_fn)(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg);

struct kvm_ioctl {
	u32 cmd;
	u32 flags;
	const char *name;
	union {
		kvm_sys_ioctl_fn sys;
		kvm_vm_ioctl_fn vm;
		kvm_vcpu_ioctl_fn vcpu;
	};
};

/*
 * The rows are in ioctls.def (neutral) and ioctls_arch.def (the architecture's), as
 *	KVM_SYS_IOCTL(command, handler, flags)
 *	KVM_VM_IOCTL(command, handler, flags)
 *	KVM_VCPU_IOCTL(command, handler, flags)
 * Handlers are declared from the same rows.
 */
#define KVM_SYS_IOCTL(cmd, fn, flags) long fn(struct file *filp, union kvm_ioctl_arg arg);
#define KVM_VM_IOCTL(cmd, fn, flags) long fn(struct kvm *kvm, union kvm_ioctl_arg arg);
#define KVM_VCPU_IOCTL(cmd, fn, flags) long fn(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg);
#include "ioctls.def"
#include "ioctls_arch.def"
#undef KVM_SYS_IOCTL
#undef KVM_VM_IOCTL
#undef KVM_VCPU_IOCTL

/**
 * struct kvm_cap - one capability
 * @cap: KVM_CAP_*
 * @value: what KVM_CHECK_EXTENSION answers, unless @check
 * @check: computes the answer; @kvm is NULL on the system descriptor
 * @enable_vm: KVM_ENABLE_CAP on a VM descriptor, NULL: not to be enabled there (-EINVAL).  kvm->lock not held.
 * @enable_vcpu: KVM_ENABLE_CAP on a vCPU descriptor; loaded
 *
 * Enabling checks cap->flags == 0 before the handler is called.
 */
struct kvm_cap {
	u32 cap;
	int value;
	int (*check)(struct kvm *kvm);
	int (*enable_vm)(struct kvm *kvm, const struct kvm_enable_cap *cap);
	int (*enable_vcpu)(struct kvm_vcpu *vcpu, const struct kvm_enable_cap *cap);
};

extern const struct kvm_cap kvm_arch_caps[];
extern const unsigned int kvm_arch_nr_caps;

/* KVM_CHECK_EXTENSION: 0 for what does not exist. */
long kvm_check_extension(struct kvm *kvm, unsigned long cap);

/* The tables are indexed once, at load; -EINVAL when a command stands twice. */
int kvm_ioctl_init(void);
/* Find the row of @cmd and call its handler. */
long kvm_sys_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);
long kvm_vm_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);
long kvm_vcpu_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);
#ifdef CONFIG_COMPAT
long kvm_vm_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);
long kvm_vcpu_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);
#endif

/* In vcpu.c: the mask in force during KVM_RUN, NULL for none; vcpu->mutex held. */
void kvm_vcpu_use_signal_mask(struct kvm_vcpu *vcpu, const sigset_t *set);

extern struct file_operations kvm_dev_fops;
extern struct file_operations kvm_vm_fops;
extern struct file_operations kvm_vcpu_fops;
extern struct file_operations kvm_vm_stats_fops;
extern struct file_operations kvm_vcpu_stats_fops;
extern struct file_operations kvm_vfio_fops;

#endif /* KVM_IOCTL_H */
