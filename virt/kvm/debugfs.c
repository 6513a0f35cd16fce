// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/kvm: a file for each statistic with the total of all VMs, a folder PID-FD for each VM with its own, and
 * in that a folder vcpuN for each vCPU.
 *
 * Folders and files are made when somebody comes to look: most VMs are never looked at, and to make their files would cost
 * more than to make the VM.  The permission check of a folder is where a path walk and an opendir() pass before they look
 * for what is inside, with no lock held; there, what is missing is made.
 *
 * A file's data is its row; whose it is, the folder's inode says.  It is forgotten there before the folder is removed, and
 * debugfs_remove() waits for who is reading, so that a reader finds its VM alive or none.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "lifetime.h"

/*
 * Protects the owners in folders' inodes, and that something is made once.  Not taken by readers of files.  Outside of
 * kvm_list_lock and of inodes' locks.
 */
static DEFINE_MUTEX(fill_lock);
static struct task_struct *filler; /* holds fill_lock: its own lookups pass */
static atomic_t fill_users = ATOMIC_INIT(0); /* are in fill(), or wait for the lock */
static atomic_t nr_unseen = ATOMIC_INIT(0); /* VMs without a folder */

static struct dentry *root;
static const struct inode_operations *plain_dir; /* debugfs's own */

/* ---------------------------------------------------------------- statistics */

struct total {
	const struct kvm_stats_row *row;
	bool clear;
	u64 sum;
};

static void add_one(struct total *t, void *stat)
{
	u64 *counter = stat + t->row->offset;

	t->sum += READ_ONCE(*counter);
	if (t->clear)
		WRITE_ONCE(*counter, 0);
}

static void add_vm(struct kvm *kvm, void *arg)
{
	struct total *t = arg;
	struct kvm_vcpu *vcpu;
	unsigned int i;

	if (!t->row->vcpu) {
		add_one(t, &kvm->stat);
		return;
	}
	kvm_for_each_vcpu(i, vcpu, kvm)
		add_one(t, &vcpu->stat);
}

static void *owner_of(const struct file *file)
{
	return READ_ONCE(d_inode(file->f_path.dentry->d_parent)->i_private);
}

/* The file's statistic, summed over its VM or over all. */
static int add_up(const struct file *file, struct total *t)
{
	struct kvm *kvm;

	t->row = file_inode(file)->i_private;
	if (file->f_path.dentry->d_parent == root) {
		kvm_for_each_vm(add_vm, t);
		return 0;
	}
	kvm = owner_of(file);
	if (!kvm)
		return -ENODEV;
	add_vm(kvm, t);
	return 0;
}

static int stat_show(struct seq_file *m, void *unused)
{
	struct total t = {};
	int r = add_up(m->file, &t);

	if (!r)
		seq_printf(m, "%llu\n", t.sum);
	return r;
}

static int stat_open(struct inode *inode, struct file *file)
{
	return single_open(file, stat_show, NULL);
}

/* Nothing but 0 can be written. */
static ssize_t stat_write(struct file *file, const char __user *user, size_t len, loff_t *pos)
{
	struct total t = { .clear = true };
	u64 val;
	int r;

	r = kstrtou64_from_user(user, len, 0, &val);
	if (!r && val)
		r = -EINVAL;
	if (!r)
		r = add_up(file, &t);
	return r ?: len;
}

static const struct file_operations stat_fops = {
	.owner = THIS_MODULE,
	.open = stat_open,
	.read = seq_read,
	.write = stat_write,
	.llseek = seq_lseek,
	.release = single_release,
};

#define MAX_STATS 128
static struct kvm_stats_row rows[MAX_STATS];
static unsigned int nr_rows;

static void make_stat_files(struct dentry *dir)
{
	unsigned int i;

	for (i = 0; i < nr_rows; i++)
		debugfs_create_file(rows[i].name, rows[i].cumulative ? 0644 : 0444, dir, &rows[i],
				    &stat_fops);
}

/* ---------------------------------------------------------------- a vCPU's files */

static int pid_show(struct seq_file *m, struct kvm_vcpu *vcpu)
{
	rcu_read_lock();
	seq_printf(m, "%d\n", pid_nr(rcu_dereference(vcpu->pid)));
	rcu_read_unlock();
	return 0;
}

static const struct kvm_vcpu_file pid_file = { .name = "pid", .mode = 0444, .show = pid_show };

static int vcpu_file_show(struct seq_file *m, void *unused)
{
	const struct kvm_vcpu_file *row = file_inode(m->file)->i_private;
	struct kvm_vcpu *vcpu = owner_of(m->file);

	return vcpu ? row->show(m, vcpu) : -ENODEV;
}

static int vcpu_file_open(struct inode *inode, struct file *file)
{
	return single_open(file, vcpu_file_show, NULL);
}

static const struct file_operations vcpu_file_fops = {
	.owner = THIS_MODULE,
	.open = vcpu_file_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static void make_vcpu_file(struct dentry *dir, const struct kvm_vcpu_file *row)
{
	debugfs_create_file(row->name, row->mode, dir, (void *)row, &vcpu_file_fops);
}

/* ---------------------------------------------------------------- folders that fill themselves */

static struct inode_operations root_iops, vm_iops, vcpu_iops;

/* From now on whoever looks into @dir passes @iops, which knows @owner. */
static void watch(struct dentry *dir, const struct inode_operations *iops, void *owner)
{
	struct inode *inode = d_inode(dir);

	spin_lock(&inode->i_lock);
	WRITE_ONCE(inode->i_private, owner);
	WRITE_ONCE(inode->i_op, iops);
	/* The look of somebody who came before us may have been remembered. */
	inode->i_opflags &= ~IOP_FASTPERM;
	spin_unlock(&inode->i_lock);
}

static void unwatch(struct dentry *dir)
{
	WRITE_ONCE(d_inode(dir)->i_private, NULL);
	WRITE_ONCE(d_inode(dir)->i_op, plain_dir);
}

static void make_vm_folder(struct kvm *kvm, void *unused)
{
	struct dentry *dir;
	char name[24];

	if (kvm->debugfs || kvm->vm_fd < 0)
		return;
	snprintf(name, sizeof(name), "%d-%d", kvm->creator, kvm->vm_fd);
	/* A VM of which only vCPUs are left open has had this number: the name is free when it goes. */
	dir = debugfs_lookup(name, root);
	if (dir) {
		dput(dir);
		return;
	}
	dir = debugfs_create_dir(name, root);
	if (IS_ERR(dir))
		return;
	kvm->debugfs = dir;
	atomic_dec(&nr_unseen);
	watch(dir, &vm_iops, kvm);
}

static void fill_root(struct inode *inode)
{
	kvm_for_each_vm(make_vm_folder, NULL);
}

static void fill_vm(struct inode *inode)
{
	struct kvm *kvm = inode->i_private;
	struct kvm_vcpu *vcpu;
	unsigned int i;
	char name[16];

	if (!kvm)
		return;
	if (!kvm->debugfs_stats) {
		kvm->debugfs_stats = true;
		make_stat_files(kvm->debugfs);
	}
	kvm_for_each_vcpu(i, vcpu, kvm) {
		if (vcpu->debugfs)
			continue;
		snprintf(name, sizeof(name), "vcpu%u", vcpu->id);
		vcpu->debugfs = debugfs_create_dir(name, kvm->debugfs);
		if (IS_ERR(vcpu->debugfs))
			vcpu->debugfs = NULL;
		else
			watch(vcpu->debugfs, &vcpu_iops, vcpu);
	}
}

static void fill_vcpu(struct inode *inode)
{
	struct kvm_vcpu *vcpu = inode->i_private;
	const struct kvm_vcpu_file *row;

	if (!vcpu || vcpu->debugfs_files)
		return;
	vcpu->debugfs_files = true;
	make_vcpu_file(vcpu->debugfs, &pid_file);
	for (row = kvm_arch_vcpu_files; row->name; row++)
		if (!row->exists || row->exists(vcpu))
			make_vcpu_file(vcpu->debugfs, row);
}

/*
 * Whoever is about to change a folder holds its lock already: that is debugfs itself, on our behalf or to remove it, and
 * never the first to come here.
 */
static int fill(struct mnt_idmap *idmap, struct inode *inode, int mask,
		void (*fn)(struct inode *inode))
{
	if ((mask & MAY_WRITE) || READ_ONCE(filler) == current)
		return generic_permission(idmap, inode, mask);
	if (mask & MAY_NOT_BLOCK)
		return -ECHILD;
	atomic_inc(&fill_users);
	mutex_lock(&fill_lock);
	WRITE_ONCE(filler, current);
	fn(inode);
	WRITE_ONCE(filler, NULL);
	mutex_unlock(&fill_lock);
	atomic_dec(&fill_users);
	return generic_permission(idmap, inode, mask);
}

static int root_permission(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	if (!atomic_read(&nr_unseen))
		return generic_permission(idmap, inode, mask);
	return fill(idmap, inode, mask, fill_root);
}

static int vm_permission(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	return fill(idmap, inode, mask, fill_vm);
}

static int vcpu_permission(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	return fill(idmap, inode, mask, fill_vcpu);
}

/* ---------------------------------------------------------------- life */

/**
 * kvm_debugfs_add_vm() - a VM has its descriptor
 * @kvm: in the list of VMs
 * @fd: its number in the creating process
 */
void kvm_debugfs_add_vm(struct kvm *kvm, int fd)
{
	atomic_inc(&nr_unseen);
	WRITE_ONCE(kvm->vm_fd, fd);
}

/**
 * kvm_debugfs_remove_vm() - a VM goes away
 * @kvm: no longer in the list of VMs, its vCPUs still there
 *
 * On return nobody reads its files any more.
 *
 * Context: may sleep
 */
void kvm_debugfs_remove_vm(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	struct dentry *dir;
	unsigned int i;

	if (kvm->vm_fd < 0)
		return;
	mutex_lock(&fill_lock);
	dir = kvm->debugfs;
	if (dir) {
		unwatch(dir);
		kvm_for_each_vcpu(i, vcpu, kvm)
			if (vcpu->debugfs)
				unwatch(vcpu->debugfs);
	} else {
		atomic_dec(&nr_unseen);
	}
	mutex_unlock(&fill_lock);
	debugfs_remove(dir);
}

static void folder_ops(struct inode_operations *iops,
		       int (*permission)(struct mnt_idmap *idmap, struct inode *inode, int mask))
{
	*iops = *plain_dir;
	iops->permission = permission;
}

void kvm_debugfs_init(void)
{
	root = debugfs_create_dir("kvm", NULL);
	if (IS_ERR(root))
		return;
	while (nr_rows < MAX_STATS && kvm_stats_row(nr_rows, &rows[nr_rows]))
		nr_rows++;
	make_stat_files(root);

	plain_dir = d_inode(root)->i_op;
	folder_ops(&root_iops, root_permission);
	folder_ops(&vm_iops, vm_permission);
	folder_ops(&vcpu_iops, vcpu_permission);
	watch(root, &root_iops, NULL);
}

/* No VM is left. */
void kvm_debugfs_exit(void)
{
	if (!IS_ERR(root)) {
		unwatch(root);
		debugfs_remove(root);
	}
	root = NULL;
	/*
	 * A walk that has read a folder's operations before is in them still: the lock's waiters are counted, and nothing
	 * else there sleeps.
	 */
	while (atomic_read(&fill_users))
		schedule_timeout_uninterruptible(1);
	synchronize_rcu_tasks();
	nr_rows = 0;
}
