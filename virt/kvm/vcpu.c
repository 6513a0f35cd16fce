// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: made, mapped, loaded, run, interrupted.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "io.h"
#include "ioctl.h"
#include "lifetime.h"

static DEFINE_PER_CPU(struct kvm_vcpu *, running_vcpu);

struct kvm_vcpu *kvm_running_vcpu(void)
{
	return __this_cpu_read(running_vcpu);
}

/* ---------------------------------------------------------------- loading */

static void vcpu_sched_in(struct preempt_notifier *pn, int cpu)
{
	struct kvm_vcpu *vcpu = container_of(pn, struct kvm_vcpu, preempt_notifier);

	WRITE_ONCE(vcpu->preempted, false);
	__this_cpu_write(running_vcpu, vcpu);
	WRITE_ONCE(vcpu->cpu, cpu);
	kvm_arch_vcpu_load(vcpu, cpu);
}

static void vcpu_sched_out(struct preempt_notifier *pn, struct task_struct *next)
{
	struct kvm_vcpu *vcpu = container_of(pn, struct kvm_vcpu, preempt_notifier);

	if (task_is_running(current))
		WRITE_ONCE(vcpu->preempted, true);
	kvm_arch_vcpu_put(vcpu);
	WRITE_ONCE(vcpu->cpu, -1);
	__this_cpu_write(running_vcpu, NULL);
}

static struct preempt_ops vcpu_preempt_ops = {
	.sched_in = vcpu_sched_in,
	.sched_out = vcpu_sched_out,
};

void kvm_vcpu_load(struct kvm_vcpu *vcpu)
{
	int cpu = get_cpu();

	__this_cpu_write(running_vcpu, vcpu);
	preempt_notifier_register(&vcpu->preempt_notifier);
	WRITE_ONCE(vcpu->cpu, cpu);
	kvm_arch_vcpu_load(vcpu, cpu);
	put_cpu();
}

void kvm_vcpu_put(struct kvm_vcpu *vcpu)
{
	preempt_disable();
	kvm_arch_vcpu_put(vcpu);
	WRITE_ONCE(vcpu->cpu, -1);
	preempt_notifier_unregister(&vcpu->preempt_notifier);
	__this_cpu_write(running_vcpu, NULL);
	preempt_enable();
}

/* ---------------------------------------------------------------- requests and kicks */

static void ack_ipi(void *unused)
{
}

void kvm_make_all_cpus_request(struct kvm *kvm, int req, bool wait)
{
	struct kvm_vcpu *vcpu;
	cpumask_var_t cpus;
	unsigned int i;
	bool have_mask;
	int me, cpu;

	/* Without memory for a mask, interrupt everybody: rare, and right. */
	have_mask = zalloc_cpumask_var(&cpus, GFP_ATOMIC | __GFP_NOWARN);
	me = get_cpu();
	kvm_for_each_vcpu(i, vcpu, kvm) {
		kvm_make_request(vcpu, req);
		/* Pairs with the barrier between the entry's store to mode and its look at the requests. */
		smp_mb__after_atomic();
		if (READ_ONCE(vcpu->mode) == KVM_OUTSIDE_GUEST)
			continue;
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu >= 0 && cpu != me && have_mask)
			__cpumask_set_cpu(cpu, cpus);
	}
	if (!have_mask)
		smp_call_function(ack_ipi, NULL, wait);
	else if (!cpumask_empty(cpus))
		smp_call_function_many(cpus, ack_ipi, NULL, wait);
	put_cpu();
	free_cpumask_var(cpus);
}
EXPORT_SYMBOL_GPL(kvm_make_all_cpus_request);

bool kvm_vcpu_wake_up(struct kvm_vcpu *vcpu)
{
	if (!rcuwait_wake_up(&vcpu->wait))
		return false;
	vcpu->stat.halt_wakeup++;
	return true;
}
EXPORT_SYMBOL_GPL(kvm_vcpu_wake_up);

/*
 * The vCPU is in the guest, or was a moment ago: get it out.  Whoever changes the mode sends the interrupt; a second kicker
 * has nothing to add.  The CPU is looked up after that: before, the vCPU could move to another one meanwhile, and the
 * interrupt that everybody else relies on would go to the wrong place.
 */
static void interrupt_guest(struct kvm_vcpu *vcpu)
{
	int cpu;

	preempt_disable();
	/* The vCPU's own thread looks at its requests before it enters again. */
	if (kvm_running_vcpu() != vcpu &&
	    cmpxchg(&vcpu->mode, KVM_IN_GUEST, KVM_EXITING) == KVM_IN_GUEST) {
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu >= 0 && cpu_online(cpu))
			arch_smp_send_reschedule(cpu);
	}
	preempt_enable();
}

void kvm_vcpu_kick(struct kvm_vcpu *vcpu)
{
	int mode;

	/*
	 * The request is visible before the mode is looked at.  Pairs with the barrier between the entry's store to mode and
	 * its look at the requests, so that who enters after this look finds the request; and with that in set_current_state(),
	 * so that who has been seen in the guest finds it before it sleeps.
	 */
	smp_mb__after_atomic();
	mode = READ_ONCE(vcpu->mode);
	if (mode == KVM_IN_GUEST)
		interrupt_guest(vcpu);
	else if (mode == KVM_OUTSIDE_GUEST)
		kvm_vcpu_wake_up(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_kick);

/* ---------------------------------------------------------------- life */

/* Undo alloc_vcpu(): the vCPU never was, or no longer is, in kvm->vcpus. */
static void free_vcpu_memory(struct kvm_vcpu *vcpu)
{
	put_pid(rcu_dereference_protected(vcpu->pid, 1));
	free_page((unsigned long)vcpu->run);
	kvm_arch_free_vcpu(vcpu);
}

void kvm_vcpu_free(struct kvm_vcpu *vcpu)
{
	kvm_arch_vcpu_destroy(vcpu);
	free_vcpu_memory(vcpu);
}

static struct kvm_vcpu *alloc_vcpu(struct kvm *kvm, u32 id)
{
	struct kvm_vcpu *vcpu = kvm_arch_alloc_vcpu();

	if (!vcpu)
		return NULL;
	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run) {
		kvm_arch_free_vcpu(vcpu);
		return NULL;
	}
	vcpu->kvm = kvm;
	vcpu->id = id;
	vcpu->cpu = -1;
	vcpu->mode = KVM_OUTSIDE_GUEST;
	mutex_init(&vcpu->mutex);
	rcuwait_init(&vcpu->wait);
	preempt_notifier_init(&vcpu->preempt_notifier, &vcpu_preempt_ops);
	return vcpu;
}

/* Make the vCPU visible, with a descriptor; kvm->lock held. */
static int publish_vcpu(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	char name[24];
	int r, fd;

	r = xa_insert(&kvm->vcpus_by_id, vcpu->id, vcpu, GFP_KERNEL_ACCOUNT);
	if (r)
		return r == -EBUSY ? -EEXIST : r;
	vcpu->idx = kvm->nr_vcpus;
	r = xa_insert(&kvm->vcpus, vcpu->idx, vcpu, GFP_KERNEL_ACCOUNT);
	if (r)
		goto out_id;

	kvm_get_kvm(kvm);
	snprintf(name, sizeof(name), "kvm-vcpu:%u", vcpu->id);
	fd = anon_inode_getfd(name, &kvm_vcpu_fops, vcpu, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		r = fd;
		goto out_vcpu;
	}
	/* Pairs with kvm_for_each_vcpu(). */
	smp_store_release(&kvm->nr_vcpus, kvm->nr_vcpus + 1);
	return fd;

out_vcpu:
	refcount_dec(&kvm->users); /* the caller has one more */
	xa_erase(&kvm->vcpus, vcpu->idx);
out_id:
	xa_erase(&kvm->vcpus_by_id, vcpu->id);
	return r;
}

static int reserve_vcpu(struct kvm *kvm, u32 id)
{
	int r;

	mutex_lock(&kvm->lock);
	if (kvm->created_vcpus >= KVM_MAX_VCPUS)
		r = -EINVAL;
	else
		r = kvm_arch_vcpu_precreate(kvm, id);
	if (!r)
		kvm->created_vcpus++;
	mutex_unlock(&kvm->lock);
	return r;
}

long kvm_vm_create_vcpu(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	unsigned long id = arg.val;
	struct kvm_vcpu *vcpu;
	int r;

	if (id >= KVM_MAX_VCPU_IDS)
		return -EINVAL;
	r = reserve_vcpu(kvm, id);
	if (r)
		return r;

	r = -ENOMEM;
	vcpu = alloc_vcpu(kvm, id);
	if (!vcpu)
		goto out_unreserve;
	r = kvm_arch_vcpu_create(vcpu);
	if (r)
		goto out_free;

	mutex_lock(&kvm->lock);
	/*
	 * The descriptor can be guessed and used as soon as it is installed: the vCPU's mutex keeps everybody out until
	 * the vCPU is whole.
	 */
	mutex_lock(&vcpu->mutex);
	r = publish_vcpu(kvm, vcpu);
	if (r >= 0)
		kvm_arch_vcpu_postcreate(vcpu);
	mutex_unlock(&vcpu->mutex);
	mutex_unlock(&kvm->lock);
	if (r >= 0)
		return r;

	kvm_arch_vcpu_destroy(vcpu);
out_free:
	free_vcpu_memory(vcpu);
out_unreserve:
	mutex_lock(&kvm->lock);
	kvm->created_vcpus--;
	mutex_unlock(&kvm->lock);
	return r;
}

static int vcpu_release(struct inode *inode, struct file *filp)
{
	struct kvm_vcpu *vcpu = filp->private_data;

	kvm_put_kvm(vcpu->kvm);
	return 0;
}

/* ---------------------------------------------------------------- mapping */

static vm_fault_t vcpu_fault(struct vm_fault *vmf)
{
	struct kvm_vcpu *vcpu = vmf->vma->vm_file->private_data;
	struct page *page;

	if (vmf->pgoff == 0)
		page = virt_to_page(vcpu->run);
	else if (vmf->pgoff == KVM_COALESCED_MMIO_PAGE_OFFSET)
		page = kvm_coalesced_page(vcpu->kvm);
	else
		page = kvm_arch_vcpu_page(vcpu, vmf->pgoff);
	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

/* ---------------------------------------------------------------- ioctls */

void kvm_vcpu_use_signal_mask(struct kvm_vcpu *vcpu, const sigset_t *set)
{
	vcpu->sigset_active = set;
	if (!set)
		return;
	vcpu->sigset = *set;
	sigdelsetmask(&vcpu->sigset, sigmask(SIGKILL) | sigmask(SIGSTOP));
}

long kvm_vcpu_set_signal_mask(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_signal_mask __user *user = arg.user;
	struct kvm_signal_mask head;
	sigset_t set;

	if (!user) {
		kvm_vcpu_use_signal_mask(vcpu, NULL);
		return 0;
	}
	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, user->sigset, sizeof(set)))
		return -EFAULT;
	kvm_vcpu_use_signal_mask(vcpu, &set);
	return 0;
}

static void sigset_activate(struct kvm_vcpu *vcpu)
{
	/* real_blocked keeps the old mask, so that a signal that is blocked again afterwards is not dropped as ignored. */
	sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
}

static void sigset_deactivate(void)
{
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
}

/* KVM_RUN came from another thread than the last time: directed yields go by vcpu->pid. */
static void take_over(struct kvm_vcpu *vcpu)
{
	struct pid *old = rcu_access_pointer(vcpu->pid);
	struct pid *new = get_task_pid(current, PIDTYPE_PID);

	rcu_assign_pointer(vcpu->pid, new);
	if (old) {
		synchronize_rcu();
		put_pid(old);
	}
}

static long vcpu_run(struct kvm_vcpu *vcpu)
{
	long r;

	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	if (unlikely(rcu_access_pointer(vcpu->pid) != task_pid(current)))
		take_over(vcpu);

	kvm_vcpu_load(vcpu);
	if (vcpu->sigset_active)
		sigset_activate(vcpu);
	r = kvm_arch_vcpu_run(vcpu);
	if (vcpu->sigset_active)
		sigset_deactivate();
	kvm_vcpu_put(vcpu);
	mutex_unlock(&vcpu->mutex);
	return r;
}

static long vcpu_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct kvm_vcpu *vcpu = filp->private_data;

	if (likely(cmd == KVM_RUN)) {
		if (vcpu->kvm->mm != current->mm || READ_ONCE(vcpu->kvm->vm_dead))
			return -EIO;
		return arg ? -EINVAL : vcpu_run(vcpu);
	}
	return kvm_vcpu_ioctl(filp, cmd, arg);
}

#ifdef CONFIG_COMPAT
static long vcpu_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	if (cmd == KVM_RUN)
		return vcpu_ioctl(filp, cmd, arg);
	return kvm_vcpu_compat_ioctl(filp, cmd, arg);
}
#endif

struct file_operations kvm_vcpu_fops = {
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
#ifdef CONFIG_COMPAT
	.compat_ioctl = vcpu_compat_ioctl,
#endif
};
