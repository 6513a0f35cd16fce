// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm.ko: /dev/kvm, and virtualization switched on and off on every CPU of the host.
 *
 * The device appears when a backend has registered and every online CPU has been switched on; it goes before they are
 * switched off.  CPUs that come online later are switched on before they run tasks.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/cpuhotplug.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>

#include "arch.h"
#include "io.h"
#include "ioctl.h"
#include "lifetime.h"

MODULE_DESCRIPTION("Kernel-based virtual machine: the part that is not one vendor's");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
MODULE_ALIAS_MISCDEV(KVM_MINOR);
MODULE_ALIAS("devname:kvm");

bool kvm_rebooting;
EXPORT_SYMBOL_GPL(kvm_rebooting);

/* ---------------------------------------------------------------- CPUs */

static int cpu_online_cb(unsigned int cpu)
{
	unsigned long flags;
	int r;

	local_irq_save(flags);
	r = kvm_arch_enable_cpu();
	local_irq_restore(flags);
	if (r)
		pr_err("CPU %u: virtualization cannot be switched on (%d)\n", cpu, r);
	return r;
}

static void disable_this_cpu(void *unused)
{
	unsigned long flags;

	local_irq_save(flags);
	kvm_arch_disable_cpu();
	local_irq_restore(flags);
}

static int cpu_offline_cb(unsigned int cpu)
{
	disable_this_cpu(NULL);
	return 0;
}

/* The last CPU, about to suspend; the others have been taken offline. */
static int suspend(KVM_SYSCORE_ARG)
{
	disable_this_cpu(NULL);
	return 0;
}

static void resume(KVM_SYSCORE_ARG)
{
	WARN_ON_ONCE(kvm_arch_enable_cpu());
}

/* Reboot, power-off or kexec: a CPU that is reset or jumps to another kernel must not have virtualization on. */
static void shutdown(KVM_SYSCORE_ARG)
{
	pr_info("switching virtualization off for the shutdown\n");
	kvm_rebooting = true;
	on_each_cpu(disable_this_cpu, NULL, 1);
}

static struct syscore_ops syscore_ops = {
	.suspend = suspend,
	.resume = resume,
	.shutdown = shutdown,
};

static struct syscore syscore = {
	.ops = &syscore_ops,
};

/* ---------------------------------------------------------------- /dev/kvm */

long kvm_sys_get_api_version(struct file *filp, union kvm_ioctl_arg arg)
{
	return arg.val ? -EINVAL : KVM_API_VERSION;
}

long kvm_sys_get_vcpu_mmap_size(struct file *filp, union kvm_ioctl_arg arg)
{
	/* kvm_run, the page of port I/O data, the ring of coalesced writes */
	return arg.val ? -EINVAL : 3 * PAGE_SIZE;
}

long kvm_sys_check_extension(struct file *filp, union kvm_ioctl_arg arg)
{
	return kvm_check_extension(NULL, arg.val);
}

struct file_operations kvm_dev_fops = {
	.unlocked_ioctl = kvm_sys_ioctl,
	.llseek = noop_llseek,
#ifdef CONFIG_COMPAT
	.compat_ioctl = compat_ptr_ioctl,
#endif
};

static struct miscdevice kvm_dev = {
	.minor = KVM_MINOR,
	.name = "kvm",
	.fops = &kvm_dev_fops,
};

static void set_owner(struct module *owner)
{
	kvm_dev_fops.owner = owner;
	kvm_vm_fops.owner = owner;
	kvm_vcpu_fops.owner = owner;
	kvm_vm_stats_fops.owner = owner;
	kvm_vcpu_stats_fops.owner = owner;
	kvm_vfio_fops.owner = owner;
}

int kvm_init(struct module *owner)
{
	int r;

	r = cpuhp_setup_state(CPUHP_AP_KVM_ONLINE, "kvm/cpu:online", cpu_online_cb, cpu_offline_cb);
	if (r)
		return r;
	register_syscore(&syscore);
	preempt_notifier_inc();
	set_owner(owner);
	kvm_debugfs_init();
	r = misc_register(&kvm_dev);
	if (r) {
		pr_err("/dev/kvm cannot be made (%d): is another kvm module there?\n", r);
		goto out;
	}
	return 0;

out:
	kvm_debugfs_exit();
	preempt_notifier_dec();
	unregister_syscore(&syscore);
	cpuhp_remove_state(CPUHP_AP_KVM_ONLINE);
	return r;
}

/* No descriptor is open any more: each holds the backend's module. */
void kvm_exit(void)
{
	misc_deregister(&kvm_dev);
	kvm_vm_flush();
	kvm_debugfs_exit();
	preempt_notifier_dec();
	unregister_syscore(&syscore);
	cpuhp_remove_state(CPUHP_AP_KVM_ONLINE);
}

/* ---------------------------------------------------------------- module */

static int __init kvm_module_init(void)
{
	int r = kvm_ioctl_init();

	if (r)
		return r;
	r = kvm_vm_init();
	if (r)
		return r;
	r = kvm_irqfd_init();
	if (r)
		goto out_vm;
	r = kvm_arch_module_init();
	if (r)
		goto out_irqfd;
	return 0;

out_irqfd:
	kvm_irqfd_exit();
out_vm:
	kvm_vm_exit();
	return r;
}
module_init(kvm_module_init);

static void __exit kvm_module_exit(void)
{
	kvm_irqfd_exit();
	kvm_vm_exit();
	kvm_arch_module_exit();
}
module_exit(kvm_module_exit);
