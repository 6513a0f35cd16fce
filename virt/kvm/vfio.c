// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_CREATE_DEVICE, and its one type on x86: the VFIO device.
 *
 * By it a VMM tells which of its VFIO files (groups or devices) belong to the VM.  VFIO learns the VM, which some mediated
 * devices need before they can be opened; and KVM learns whether a device can pass the caches by.  While one can, the guest's
 * memory types and its WBINVD count.
 *
 * kvm.ko does not need vfio.ko: its functions are looked up when the first file is added.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "arch.h"
#include "ioctl.h"

/**
 * struct vfio_member - a VFIO file of the VM
 * @node: in kvm_vfio.members
 * @file: referenced
 */
struct vfio_member {
	struct list_head node;
	struct file *file;
};

/**
 * struct kvm_vfio - the device behind a descriptor
 * @kvm: referenced
 * @lock: protects what follows; taken outside VFIO's locks
 * @members: the files
 * @noncoherent: one of them can pass the caches by, and the architecture knows it
 */
struct kvm_vfio {
	struct kvm *kvm;
	struct mutex lock;
	struct list_head members;
	bool noncoherent;
};

/* ---------------------------------------------------------------- what VFIO offers, if it is there */

static bool file_is_valid(struct file *file)
{
	bool (*fn)(struct file *file) = symbol_get(vfio_file_is_valid);
	bool valid = false;

	if (fn) {
		valid = fn(file);
		symbol_put(vfio_file_is_valid);
	}
	return valid;
}

/* A file that cannot be asked is taken for one that passes the caches by. */
static bool file_is_coherent(struct file *file)
{
	bool (*fn)(struct file *file) = symbol_get(vfio_file_enforced_coherent);
	bool coherent = false;

	if (fn) {
		coherent = fn(file);
		symbol_put(vfio_file_enforced_coherent);
	}
	return coherent;
}

static void file_set_kvm(struct file *file, struct kvm *kvm)
{
	void (*fn)(struct file *file, struct kvm *kvm) = symbol_get(vfio_file_set_kvm);

	if (fn) {
		fn(file, kvm);
		symbol_put(vfio_file_set_kvm);
	}
}

/* ---------------------------------------------------------------- members */

static void update_coherence(struct kvm_vfio *dev)
{
	struct vfio_member *m;
	bool noncoherent = false;

	lockdep_assert_held(&dev->lock);
	list_for_each_entry(m, &dev->members, node)
		noncoherent |= !file_is_coherent(m->file);
	if (noncoherent != dev->noncoherent) {
		dev->noncoherent = noncoherent;
		kvm_arch_set_noncoherent_dma(dev->kvm, noncoherent);
	}
}

static struct vfio_member *find_member(struct kvm_vfio *dev, const struct file *file)
{
	struct vfio_member *m;

	list_for_each_entry(m, &dev->members, node) {
		if (m->file == file)
			return m;
	}
	return NULL;
}

/* Takes over the caller's reference to @file when it returns 0. */
static int add_member(struct kvm_vfio *dev, struct file *file)
{
	struct vfio_member *m;

	if (!file_is_valid(file))
		return -EINVAL;
	if (find_member(dev, file))
		return -EEXIST;
	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return -ENOMEM;
	m->file = file;
	list_add_tail(&m->node, &dev->members);
	file_set_kvm(file, dev->kvm);
	update_coherence(dev);
	return 0;
}

static void drop_member(struct vfio_member *m)
{
	list_del(&m->node);
	file_set_kvm(m->file, NULL);
	fput(m->file);
	kfree(m);
}

static int add_file(struct kvm_vfio *dev, int fd)
{
	struct file *file = fget(fd);
	int r;

	if (!file)
		return -EBADF;
	mutex_lock(&dev->lock);
	r = add_member(dev, file);
	mutex_unlock(&dev->lock);
	if (r)
		fput(file);
	return r;
}

static int del_file(struct kvm_vfio *dev, int fd)
{
	struct file *file = fget(fd);
	struct vfio_member *m;

	if (!file)
		return -EBADF;
	mutex_lock(&dev->lock);
	m = find_member(dev, file);
	if (m) {
		drop_member(m);
		update_coherence(dev);
	}
	mutex_unlock(&dev->lock);
	fput(file);
	return m ? 0 : -ENOENT;
}

/* ---------------------------------------------------------------- the descriptor */

static int has_attr(const struct kvm_device_attr *attr)
{
	if (attr->group != KVM_DEV_VFIO_FILE)
		return -ENXIO;
	return attr->attr == KVM_DEV_VFIO_FILE_ADD || attr->attr == KVM_DEV_VFIO_FILE_DEL ? 0 :
											    -ENXIO;
}

static int set_attr(struct kvm_vfio *dev, const struct kvm_device_attr *attr)
{
	int r = has_attr(attr);
	s32 fd;

	if (r)
		return r;
	if (get_user(fd, (s32 __user *)u64_to_user_ptr(attr->addr)))
		return -EFAULT;
	return attr->attr == KVM_DEV_VFIO_FILE_ADD ? add_file(dev, fd) : del_file(dev, fd);
}

static long vfio_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct kvm_vfio *dev = filp->private_data;
	struct kvm_device_attr attr;

	if (dev->kvm->mm != current->mm || READ_ONCE(dev->kvm->vm_dead))
		return -EIO;
	if (cmd != KVM_SET_DEVICE_ATTR && cmd != KVM_GET_DEVICE_ATTR && cmd != KVM_HAS_DEVICE_ATTR)
		return -ENOTTY;
	if (copy_from_user(&attr, (void __user *)arg, sizeof(attr)))
		return -EFAULT;
	if (cmd == KVM_SET_DEVICE_ATTR)
		return set_attr(dev, &attr);
	/* Nothing of it can be read. */
	return cmd == KVM_HAS_DEVICE_ATTR ? has_attr(&attr) : -EPERM;
}

static int vfio_release(struct inode *inode, struct file *filp)
{
	struct kvm_vfio *dev = filp->private_data;
	struct kvm *kvm = dev->kvm;
	struct vfio_member *m, *next;

	mutex_lock(&dev->lock);
	list_for_each_entry_safe(m, next, &dev->members, node)
		drop_member(m);
	update_coherence(dev);
	mutex_unlock(&dev->lock);
	mutex_destroy(&dev->lock);
	kfree(dev);
	clear_bit(KVM_VM_HAS_VFIO, &kvm->flags);
	kvm_put_kvm(kvm);
	return 0;
}

struct file_operations kvm_vfio_fops = {
	.unlocked_ioctl = vfio_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = vfio_release,
	.llseek = noop_llseek,
};

static int create_vfio(struct kvm *kvm)
{
	struct kvm_vfio *dev;
	int fd;

	if (test_and_set_bit(KVM_VM_HAS_VFIO, &kvm->flags))
		return -EBUSY;
	dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	if (!dev) {
		fd = -ENOMEM;
		goto fail;
	}
	dev->kvm = kvm;
	mutex_init(&dev->lock);
	INIT_LIST_HEAD(&dev->members);
	/* Before the descriptor is there: closed by another thread at once, it drops this reference. */
	kvm_get_kvm(kvm);
	fd = anon_inode_getfd("kvm-vfio", &kvm_vfio_fops, dev, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	kvm_put_kvm(kvm);
	kfree(dev);
fail:
	clear_bit(KVM_VM_HAS_VFIO, &kvm->flags);
	return fd;
}

long kvm_vm_create_device(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	struct kvm_create_device *cd = arg.buf;
	int fd;

	if (cd->type != KVM_DEV_TYPE_VFIO)
		return -ENODEV;
	if (cd->flags & KVM_CREATE_DEVICE_TEST)
		return 0;
	fd = create_vfio(kvm);
	if (fd < 0)
		return fd;
	cd->fd = fd;
	return 0;
}
