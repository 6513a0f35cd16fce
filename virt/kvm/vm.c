// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual machines: made, counted, taken apart.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "arch.h"
#include "io.h"
#include "ioctl.h"
#include "lifetime.h"

static LIST_HEAD(kvm_list);
static DEFINE_MUTEX(kvm_list_lock);

/* Finishes the teardown of VMs: what has to wait for grace periods waits here, not in the closing task. */
static struct workqueue_struct *kvm_free_wq;

int kvm_vm_init(void)
{
	kvm_free_wq = alloc_workqueue("kvm-free", WQ_UNBOUND, 0);
	return kvm_free_wq ? 0 : -ENOMEM;
}

void kvm_vm_exit(void)
{
	destroy_workqueue(kvm_free_wq);
	/* Slots, routes and bus arrays are freed by callbacks of RCU. */
	rcu_barrier();
}

/* Every VM that was closed is gone on return. */
void kvm_vm_flush(void)
{
	flush_workqueue(kvm_free_wq);
}

void kvm_for_each_vm(void (*fn)(struct kvm *kvm, void *arg), void *arg)
{
	struct kvm *kvm;

	mutex_lock(&kvm_list_lock);
	list_for_each_entry(kvm, &kvm_list, list)
		fn(kvm, arg);
	mutex_unlock(&kvm_list_lock);
}

static void destroy_vcpus(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	xa_for_each(&kvm->vcpus, i, vcpu) {
		xa_erase(&kvm->vcpus, i);
		kvm_vcpu_free(vcpu);
	}
	xa_destroy(&kvm->vcpus);
	xa_destroy(&kvm->vcpus_by_id);
}

static void free_vm_work(struct work_struct *work)
{
	struct kvm *kvm = container_of(work, struct kvm, free_work);
	struct mm_struct *mm = kvm->mm;

	kvm_debugfs_remove_vm(kvm);
	/*
	 * The notifier is taken off first: until then the host's memory management may have us look at page tables, and
	 * interrupt vCPUs.
	 */
	kvm_memory_destroy_vm(kvm);
	destroy_vcpus(kvm);
	kvm_io_destroy_vm(kvm);
	kvm_free_irq_routing(kvm);
	kvm_coalesced_destroy_vm(kvm);
	kvm_arch_destroy_vm(kvm);
	srcu_barrier(&kvm->srcu);
	cleanup_srcu_struct(&kvm->srcu);
	kvm_arch_free_vm(kvm);
	mmdrop(mm);
}

static void destroy_vm(struct kvm *kvm)
{
	mutex_lock(&kvm_list_lock);
	list_del(&kvm->list);
	mutex_unlock(&kvm_list_lock);

	kvm_arch_pre_destroy_vm(kvm);
	queue_work(kvm_free_wq, &kvm->free_work);
}

static void init_vm_fields(struct kvm *kvm)
{
	kvm->mm = current->mm;
	mmgrab(kvm->mm);
	refcount_set(&kvm->users, 1);
	mutex_init(&kvm->lock);
	mutex_init(&kvm->slots_lock);
	mutex_init(&kvm->irq_lock);
	spin_lock_init(&kvm->irqfds_lock);
	INIT_LIST_HEAD(&kvm->irqfds);
	INIT_HLIST_HEAD(&kvm->irq_ack_notifiers);
	INIT_LIST_HEAD(&kvm->ioeventfds);
	xa_init(&kvm->vcpus);
	xa_init(&kvm->vcpus_by_id);
	INIT_WORK(&kvm->free_work, free_vm_work);
	kvm->creator = task_pid_nr(current);
	kvm->vm_fd = -1;
	snprintf(kvm->stats_id, sizeof(kvm->stats_id), "kvm-%d", kvm->creator);
}

static struct kvm *create_vm(unsigned long type)
{
	struct kvm *kvm = kvm_arch_alloc_vm();
	int r;

	if (!kvm)
		return ERR_PTR(-ENOMEM);
	init_vm_fields(kvm);

	r = init_srcu_struct(&kvm->srcu);
	if (r)
		goto out_free;
	r = kvm_io_init_vm(kvm);
	if (r)
		goto out_srcu;
	r = kvm_coalesced_init_vm(kvm);
	if (r)
		goto out_io;
	r = kvm_arch_init_vm(kvm, type);
	if (r)
		goto out_coalesced;
	/* Last, since from here on the host's memory management calls us. */
	r = kvm_memory_init_vm(kvm);
	if (r)
		goto out_arch;

	mutex_lock(&kvm_list_lock);
	list_add(&kvm->list, &kvm_list);
	mutex_unlock(&kvm_list_lock);
	return kvm;

out_arch:
	kvm_arch_pre_destroy_vm(kvm);
	kvm_arch_destroy_vm(kvm);
out_coalesced:
	kvm_coalesced_destroy_vm(kvm);
out_io:
	kvm_io_destroy_vm(kvm);
	kvm_free_irq_routing(kvm);
out_srcu:
	srcu_barrier(&kvm->srcu);
	cleanup_srcu_struct(&kvm->srcu);
out_free:
	mmdrop(kvm->mm);
	kvm_arch_free_vm(kvm);
	return ERR_PTR(r);
}

/**
 * kvm_get_kvm() - take a reference to a VM
 * @kvm: a VM to which the caller already has one
 */
void kvm_get_kvm(struct kvm *kvm)
{
	refcount_inc(&kvm->users);
}

/**
 * kvm_get_kvm_safe() - take a reference unless the VM is being taken apart
 * @kvm: a VM that cannot be freed meanwhile
 * Return: whether a reference was taken
 */
bool kvm_get_kvm_safe(struct kvm *kvm)
{
	return refcount_inc_not_zero(&kvm->users);
}
EXPORT_SYMBOL_GPL(kvm_get_kvm_safe); /* vfio.ko's */

/**
 * kvm_put_kvm() - drop a reference to a VM; the last one takes it apart
 * @kvm: the VM
 * Context: may sleep
 */
void kvm_put_kvm(struct kvm *kvm)
{
	if (refcount_dec_and_test(&kvm->users))
		destroy_vm(kvm);
}
EXPORT_SYMBOL_GPL(kvm_put_kvm); /* vfio.ko's */

void kvm_vm_dead(struct kvm *kvm)
{
	WRITE_ONCE(kvm->vm_dead, true);
	kvm_make_all_cpus_request(kvm, KVM_REQ_VM_DEAD, false);
}

long kvm_sys_create_vm(struct file *filp, union kvm_ioctl_arg arg)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;
	struct kvm *kvm;

	if (fd < 0)
		return fd;
	kvm = create_vm(arg.val);
	if (IS_ERR(kvm)) {
		put_unused_fd(fd);
		return PTR_ERR(kvm);
	}
	file = anon_inode_getfile("kvm-vm", &kvm_vm_fops, kvm, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		kvm_put_kvm(kvm);
		return PTR_ERR(file);
	}
	kvm_debugfs_add_vm(kvm, fd);
	fd_install(fd, file);
	return fd;
}

static int vm_release(struct inode *inode, struct file *filp)
{
	struct kvm *kvm = filp->private_data;

	kvm_irqfd_release(kvm);
	kvm_put_kvm(kvm);
	return 0;
}

struct file_operations kvm_vm_fops = {
	.release = vm_release,
	.unlocked_ioctl = kvm_vm_ioctl,
	.llseek = noop_llseek,
#ifdef CONFIG_COMPAT
	.compat_ioctl = kvm_vm_compat_ioctl,
#endif
};

/**
 * kvm_file_is_vm() - is this file a VM's descriptor?
 * @file: any file
 */
bool kvm_file_is_vm(struct file *file)
{
	return file && file->f_op == &kvm_vm_fops;
}
