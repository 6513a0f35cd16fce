// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics to read: KVM_GET_STATS_FD's files.
 *
 * A stats file is a header, an id string, one descriptor a counter and the counters, at offsets that the header tells.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/uaccess.h>

#include "ioctl.h"
#include "lifetime.h"

/* struct kvm_stats_desc with room for its name, as it stands in the file. */
struct stats_desc {
	u32 flags;
	s16 exponent;
	u16 size;
	u32 offset;
	u32 bucket_size;
	char name[KVM_STATS_NAME_SIZE];
};

static_assert(sizeof(struct stats_desc) == sizeof(struct kvm_stats_desc) + KVM_STATS_NAME_SIZE);
static_assert(offsetof(struct stats_desc, exponent) == offsetof(struct kvm_stats_desc, exponent));
static_assert(offsetof(struct stats_desc, size) == offsetof(struct kvm_stats_desc, size));
static_assert(offsetof(struct stats_desc, offset) == offsetof(struct kvm_stats_desc, offset));
static_assert(offsetof(struct stats_desc, name) == offsetof(struct kvm_stats_desc, name));

#define DESC(kind, member, type, unit_, exp, nr, bucket)                                        \
	{                                                                                       \
		.flags = KVM_STATS_TYPE_##type | KVM_STATS_UNIT_##unit_ | KVM_STATS_BASE_POW10, \
		.exponent = (exp),                                                              \
		.size = (nr),                                                                   \
		.offset = offsetof(struct kind, member),                                        \
		.bucket_size = (bucket),                                                        \
		.name = #member,                                                                \
	},

#define KVM_STAT_VM(name, type, unit, exp) DESC(kvm_vm_stat, name, type, unit, exp, 1, 0)
#define KVM_STAT_VCPU(name, type, unit, exp)
#define KVM_STAT_VCPU_HIST(name, type, unit, exp, nr, bucket)
static const struct stats_desc vm_descs[] = {
#include "stats.def"
#include "stats_arch.def"
};

#undef KVM_STAT_VM
#undef KVM_STAT_VCPU
#undef KVM_STAT_VCPU_HIST
#define KVM_STAT_VM(name, type, unit, exp)
#define KVM_STAT_VCPU(name, type, unit, exp) DESC(kvm_vcpu_stat, name, type, unit, exp, 1, 0)
#define KVM_STAT_VCPU_HIST(name, type, unit, exp, nr, bucket) \
	DESC(kvm_vcpu_stat, name, type, unit, exp, nr, bucket)
static const struct stats_desc vcpu_descs[] = {
#include "stats.def"
#include "stats_arch.def"
};

#undef KVM_STAT_VM
#undef KVM_STAT_VCPU
#undef KVM_STAT_VCPU_HIST

bool kvm_stats_row(unsigned int i, struct kvm_stats_row *row)
{
	const struct stats_desc *desc;

	if (i >= ARRAY_SIZE(vm_descs) + ARRAY_SIZE(vcpu_descs))
		return false;
	row->vcpu = i >= ARRAY_SIZE(vm_descs);
	desc = row->vcpu ? &vcpu_descs[i - ARRAY_SIZE(vm_descs)] : &vm_descs[i];
	row->name = desc->name;
	row->offset = desc->offset;
	row->cumulative = (desc->flags & KVM_STATS_TYPE_MASK) != KVM_STATS_TYPE_INSTANT;
	return true;
}

#define HEADER(descs)                                                                          \
	{                                                                                      \
		.name_size = KVM_STATS_NAME_SIZE,                                              \
		.num_desc = ARRAY_SIZE(descs),                                                 \
		.id_offset = sizeof(struct kvm_stats_header),                                  \
		.desc_offset = sizeof(struct kvm_stats_header) + KVM_STATS_NAME_SIZE,          \
		.data_offset =                                                                 \
			sizeof(struct kvm_stats_header) + KVM_STATS_NAME_SIZE + sizeof(descs), \
	}

static const struct kvm_stats_header vm_header = HEADER(vm_descs);
static const struct kvm_stats_header vcpu_header = HEADER(vcpu_descs);

/* Copy what of [start, start + len) the reader's window covers, and move the window on. */
static int read_part(char __user **user, size_t *left, loff_t *pos, const void *part, size_t start,
		     size_t len)
{
	size_t skip, n;

	if (!*left || *pos < start || *pos >= start + len)
		return 0;
	skip = *pos - start;
	n = min(*left, len - skip);
	if (copy_to_user(*user, part + skip, n))
		return -EFAULT;
	*user += n;
	*left -= n;
	*pos += n;
	return 0;
}

static ssize_t read_stats(char __user *user, size_t size, loff_t *ppos,
			  const struct kvm_stats_header *header, const char *id,
			  const struct stats_desc *descs, const void *data, size_t data_size)
{
	size_t left = size;
	loff_t pos = *ppos;

	if (pos < 0)
		return -EINVAL;
	if (read_part(&user, &left, &pos, header, 0, sizeof(*header)) ||
	    read_part(&user, &left, &pos, id, header->id_offset, KVM_STATS_NAME_SIZE) ||
	    read_part(&user, &left, &pos, descs, header->desc_offset,
		      header->num_desc * sizeof(*descs)) ||
	    read_part(&user, &left, &pos, data, header->data_offset, data_size))
		return -EFAULT;
	*ppos = pos;
	return size - left;
}

static ssize_t vm_stats_read(struct file *filp, char __user *user, size_t size, loff_t *ppos)
{
	struct kvm *kvm = filp->private_data;
	char id[KVM_STATS_NAME_SIZE] = {};

	strscpy(id, kvm->stats_id, sizeof(id));
	return read_stats(user, size, ppos, &vm_header, id, vm_descs, &kvm->stat,
			  sizeof(kvm->stat));
}

static ssize_t vcpu_stats_read(struct file *filp, char __user *user, size_t size, loff_t *ppos)
{
	struct kvm_vcpu *vcpu = filp->private_data;
	char id[KVM_STATS_NAME_SIZE] = {};

	snprintf(id, sizeof(id), "%s/vcpu-%u", vcpu->kvm->stats_id, vcpu->id);
	return read_stats(user, size, ppos, &vcpu_header, id, vcpu_descs, &vcpu->stat,
			  sizeof(vcpu->stat));
}

static int vm_stats_release(struct inode *inode, struct file *filp)
{
	kvm_put_kvm(filp->private_data);
	return 0;
}

static int vcpu_stats_release(struct inode *inode, struct file *filp)
{
	struct kvm_vcpu *vcpu = filp->private_data;

	kvm_put_kvm(vcpu->kvm);
	return 0;
}

struct file_operations kvm_vm_stats_fops = {
	.read = vm_stats_read,
	.release = vm_stats_release,
	.llseek = noop_llseek,
};

struct file_operations kvm_vcpu_stats_fops = {
	.read = vcpu_stats_read,
	.release = vcpu_stats_release,
	.llseek = noop_llseek,
};

static long stats_fd(struct kvm *kvm, const char *name, const struct file_operations *fops,
		     void *priv)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		return fd;
	file = anon_inode_getfile(name, fops, priv, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	kvm_get_kvm(kvm);
	file->f_mode |= FMODE_PREAD;
	fd_install(fd, file);
	return fd;
}

long kvm_vm_get_stats_fd(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	return stats_fd(kvm, "kvm-vm-stats", &kvm_vm_stats_fops, kvm);
}

long kvm_vcpu_get_stats_fd(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	char name[32];

	snprintf(name, sizeof(name), "kvm-vcpu-stats:%u", vcpu->id);
	return stats_fd(vcpu->kvm, name, &kvm_vcpu_stats_fops, vcpu);
}
