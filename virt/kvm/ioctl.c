// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dispatch of ioctls by table: find the row, copy the argument in, call the handler, copy the result out.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioctl.h"
#include "arch.h"

#define KVM_SYS_IOCTL(c, fn, fl) { .cmd = (c), .flags = (fl), .name = #c, .sys = (fn) },
#define KVM_VM_IOCTL(c, fn, fl)
#define KVM_VCPU_IOCTL(c, fn, fl)
static const struct kvm_ioctl sys_rows[] = {
#include "ioctls.def"
#include "ioctls_arch.def"
};

#undef KVM_SYS_IOCTL
#undef KVM_VM_IOCTL
#define KVM_SYS_IOCTL(c, fn, fl)
#define KVM_VM_IOCTL(c, fn, fl) { .cmd = (c), .flags = (fl), .name = #c, .vm = (fn) },
static const struct kvm_ioctl vm_rows[] = {
#include "ioctls.def"
#include "ioctls_arch.def"
};

#undef KVM_VM_IOCTL
#undef KVM_VCPU_IOCTL
#define KVM_VM_IOCTL(c, fn, fl)
#define KVM_VCPU_IOCTL(c, fn, fl) { .cmd = (c), .flags = (fl), .name = #c, .vcpu = (fn) },
static const struct kvm_ioctl vcpu_rows[] = {
#include "ioctls.def"
#include "ioctls_arch.def"
};

#undef KVM_SYS_IOCTL
#undef KVM_VM_IOCTL
#undef KVM_VCPU_IOCTL

#define KVM_IOCTL_MAX_ROWS 128

/**
 * struct ioctl_index - a table's rows by command number
 * @rows: the table
 * @nr: how many rows
 * @first: row number + 1 of the first row with this _IOC_NR, 0: none
 * @next: row number + 1 of the next row with the same _IOC_NR, 0: none
 */
struct ioctl_index {
	const struct kvm_ioctl *rows;
	unsigned int nr;
	u8 first[256];
	u8 next[KVM_IOCTL_MAX_ROWS];
};

static_assert(ARRAY_SIZE(sys_rows) <= KVM_IOCTL_MAX_ROWS);
static_assert(ARRAY_SIZE(vm_rows) <= KVM_IOCTL_MAX_ROWS);
static_assert(ARRAY_SIZE(vcpu_rows) <= KVM_IOCTL_MAX_ROWS);

static struct ioctl_index sys_index = { .rows = sys_rows, .nr = ARRAY_SIZE(sys_rows) };
static struct ioctl_index vm_index = { .rows = vm_rows, .nr = ARRAY_SIZE(vm_rows) };
static struct ioctl_index vcpu_index = { .rows = vcpu_rows, .nr = ARRAY_SIZE(vcpu_rows) };

static const struct kvm_ioctl *find_row(const struct ioctl_index *index, unsigned int cmd)
{
	unsigned int i;

	for (i = index->first[_IOC_NR(cmd)]; i; i = index->next[i - 1]) {
		if (index->rows[i - 1].cmd == cmd)
			return &index->rows[i - 1];
	}
	return NULL;
}

static int build_index(struct ioctl_index *index)
{
	unsigned int i;

	memset(index->first, 0, sizeof(index->first));
	for (i = 0; i < index->nr; i++) {
		const struct kvm_ioctl *row = &index->rows[i];

		if (WARN_ONCE(find_row(index, row->cmd), "%s stands twice\n", row->name))
			return -EINVAL;
		index->next[i] = index->first[_IOC_NR(row->cmd)];
		index->first[_IOC_NR(row->cmd)] = i + 1;
	}
	return 0;
}

int kvm_ioctl_init(void)
{
	return build_index(&sys_index) ?: build_index(&vm_index) ?: build_index(&vcpu_index);
}

static long call_handler(const struct kvm_ioctl *row, const struct ioctl_index *index, void *obj,
			 union kvm_ioctl_arg arg)
{
	if (index == &vcpu_index)
		return row->vcpu(obj, arg);
	if (index == &vm_index)
		return row->vm(obj, arg);
	return row->sys(obj, arg);
}

/* Small arguments live on the stack; the largest (KVM_GET_LAPIC, the irqchips) are allocated. */
#define KVM_IOCTL_STACK_BYTES 144

static long call_copying(const struct kvm_ioctl *row, const struct ioctl_index *index, void *obj,
			 void __user *user)
{
	u64 small[KVM_IOCTL_STACK_BYTES / sizeof(u64)];
	size_t size = _IOC_SIZE(row->cmd);
	bool in = (_IOC_DIR(row->cmd) & _IOC_WRITE) || (row->flags & KVM_IOCTL_IN);
	bool out = (_IOC_DIR(row->cmd) & _IOC_READ) && !(row->flags & KVM_IOCTL_IN);
	union kvm_ioctl_arg arg = { .buf = small };
	long r = -EFAULT;

	if (size > sizeof(small)) {
		arg.buf = kmalloc(size, GFP_KERNEL_ACCOUNT);
		if (!arg.buf)
			return -ENOMEM;
	}
	if (!in)
		memset(arg.buf, 0, size);
	else if (copy_from_user(arg.buf, user, size))
		goto out;

	r = call_handler(row, index, obj, arg);
	if (r >= 0 && out && copy_to_user(user, arg.buf, size))
		r = -EFAULT;
out:
	if (arg.buf != small)
		kfree(arg.buf);
	return r;
}

static long call_row(const struct kvm_ioctl *row, const struct ioctl_index *index, void *obj,
		     unsigned long arg)
{
	if (!_IOC_SIZE(row->cmd))
		return call_handler(row, index, obj, (union kvm_ioctl_arg){ .val = arg });
	if (row->flags & KVM_IOCTL_RAW)
		return call_handler(row, index, obj,
				    (union kvm_ioctl_arg){ .user = (void __user *)arg });
	return call_copying(row, index, obj, (void __user *)arg);
}

long kvm_sys_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	const struct kvm_ioctl *row = find_row(&sys_index, cmd);

	return row ? call_row(row, &sys_index, filp, arg) : -EINVAL;
}

long kvm_vm_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	const struct kvm_ioctl *row = find_row(&vm_index, cmd);
	struct kvm *kvm = filp->private_data;

	if (kvm->mm != current->mm || READ_ONCE(kvm->vm_dead))
		return -EIO;
	return row ? call_row(row, &vm_index, kvm, arg) : -ENOTTY;
}

static long vcpu_call_locked(const struct kvm_ioctl *row, struct kvm_vcpu *vcpu, unsigned long arg)
{
	long r;

	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	if (row->flags & KVM_IOCTL_NOLOAD) {
		r = call_row(row, &vcpu_index, vcpu, arg);
	} else {
		kvm_vcpu_load(vcpu);
		r = call_row(row, &vcpu_index, vcpu, arg);
		kvm_vcpu_put(vcpu);
	}
	mutex_unlock(&vcpu->mutex);
	return r;
}

long kvm_vcpu_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct kvm_vcpu *vcpu = filp->private_data;
	const struct kvm_ioctl *row;

	if (vcpu->kvm->mm != current->mm || READ_ONCE(vcpu->kvm->vm_dead))
		return -EIO;
	row = find_row(&vcpu_index, cmd);
	if (!row)
		return -EINVAL;
	if (row->flags & KVM_IOCTL_ASYNC)
		return call_row(row, &vcpu_index, vcpu, arg);
	return vcpu_call_locked(row, vcpu, arg);
}

#ifdef CONFIG_COMPAT
/*
 * A 32-bit process pads the pointers of these structures with whatever was in its memory: take the low half.
 */
static long compat_dirty_log(struct kvm *kvm, void __user *user)
{
	struct kvm_dirty_log log;

	if (copy_from_user(&log, user, sizeof(log)))
		return -EFAULT;
	log.dirty_bitmap = (__force void *)compat_ptr((compat_uptr_t)log.padding2);
	return kvm_vm_ioctl_get_dirty_log(kvm, (union kvm_ioctl_arg){ .buf = &log });
}

static long compat_clear_dirty_log(struct kvm *kvm, void __user *user)
{
	struct kvm_clear_dirty_log log;

	if (copy_from_user(&log, user, sizeof(log)))
		return -EFAULT;
	log.dirty_bitmap = (__force void *)compat_ptr((compat_uptr_t)log.padding2);
	return kvm_vm_ioctl_clear_dirty_log(kvm, (union kvm_ioctl_arg){ .buf = &log });
}

long kvm_vm_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct kvm *kvm = filp->private_data;

	if (kvm->mm != current->mm || READ_ONCE(kvm->vm_dead))
		return -EIO;
	switch (cmd) {
	case KVM_GET_DIRTY_LOG:
		return compat_dirty_log(kvm, compat_ptr(arg));
	case KVM_CLEAR_DIRTY_LOG:
		return compat_clear_dirty_log(kvm, compat_ptr(arg));
	default:
		return kvm_vm_ioctl(filp, cmd, (unsigned long)compat_ptr(arg));
	}
}

static long compat_set_signal_mask(struct kvm_vcpu *vcpu, unsigned long uarg)
{
	struct kvm_signal_mask __user *user = compat_ptr(uarg);
	struct kvm_signal_mask head;
	sigset_t set;

	if (uarg) {
		if (copy_from_user(&head, user, sizeof(head)))
			return -EFAULT;
		if (head.len != sizeof(compat_sigset_t))
			return -EINVAL;
		if (get_compat_sigset(&set, (compat_sigset_t __user *)user->sigset))
			return -EFAULT;
	}
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	kvm_vcpu_use_signal_mask(vcpu, uarg ? &set : NULL);
	mutex_unlock(&vcpu->mutex);
	return 0;
}

long kvm_vcpu_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct kvm_vcpu *vcpu = filp->private_data;

	if (vcpu->kvm->mm != current->mm || READ_ONCE(vcpu->kvm->vm_dead))
		return -EIO;
	if (cmd == KVM_SET_SIGNAL_MASK)
		return compat_set_signal_mask(vcpu, arg);
	return kvm_vcpu_ioctl(filp, cmd, (unsigned long)compat_ptr(arg));
}
#endif /* CONFIG_COMPAT */
