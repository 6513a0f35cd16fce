// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CREATE_DEVICE and attributes of /dev/kvm. */
#include <stdio.h>
#include <unistd.h>

#include "vm.h"

static int create(struct vm *vm, u32 type, u32 flags, int *fd)
{
	struct kvm_create_device d = { .type = type, .flags = flags, .fd = -1 };
	int ret = ioctl(vm->fd, KVM_CREATE_DEVICE, &d);

	*fd = d.fd;
	return ret;
}

CASE(types, "types of other machines and unknown ones give ENODEV, unknown flags too")
{
	struct vm *vm = vm_new(0);
	int fd;

	NEED(vm->fd, KVM_CAP_DEVICE_CTRL);
	CHECK_ERRNO(create(vm, KVM_DEV_TYPE_XICS, 0, &fd), ENODEV);
	CHECK_ERRNO(create(vm, KVM_DEV_TYPE_ARM_VGIC_V3, 0, &fd), ENODEV);
	CHECK_ERRNO(create(vm, 0, 0, &fd), ENODEV);
	CHECK_ERRNO(create(vm, 1000, 0, &fd), ENODEV);
	CHECK_ERRNO(create(vm, 0xffffffff, KVM_CREATE_DEVICE_TEST, &fd), ENODEV);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_DEVICE, 8), EFAULT);
}

CASE(vfio,
     "the VFIO device: once a machine, with its descriptor's name, files added and taken away")
{
	struct vm *vm = vm_new(0);
	struct kvm_device_attr a = { .group = KVM_DEV_VFIO_FILE, .attr = KVM_DEV_VFIO_FILE_ADD };
	char path[40], name[40] = "";
	int fd, other, file = -1;

	if (create(vm, KVM_DEV_TYPE_VFIO, KVM_CREATE_DEVICE_TEST, &fd))
		SKIP("no VFIO device");
	CHECK_EQ(fd, -1); /* a test makes none */
	OK(create(vm, KVM_DEV_TYPE_VFIO, 0, &fd));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OK(readlink(path, name, sizeof(name) - 1));
	CHECK(!strcmp(name, "anon_inode:kvm-vfio"));
	CHECK_ERRNO(create(vm, KVM_DEV_TYPE_VFIO, 0, &other), EBUSY);
	OK(ioctl(fd, KVM_HAS_DEVICE_ATTR, &a));
	a.attr = 99;
	CHECK_ERRNO(ioctl(fd, KVM_HAS_DEVICE_ATTR, &a), ENXIO);
	a.group = 99;
	CHECK_ERRNO(ioctl(fd, KVM_HAS_DEVICE_ATTR, &a), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_SET_DEVICE_ATTR, &a), ENXIO);
	a.group = KVM_DEV_VFIO_FILE;
	a.attr = KVM_DEV_VFIO_FILE_ADD;
	a.addr = (u64)&file;
	CHECK_ERRNO(ioctl(fd, KVM_SET_DEVICE_ATTR, &a), EBADF);
	file = vm->kvm; /* is no VFIO file */
	CHECK_ERRNO(ioctl(fd, KVM_SET_DEVICE_ATTR, &a), EINVAL);
	a.addr = 8;
	CHECK_ERRNO(ioctl(fd, KVM_SET_DEVICE_ATTR, &a), EFAULT);
	CHECK_ERRNO(ioctl(fd, KVM_RUN, 0), ENOTTY);
	OK(close(vm->fd));
	OK(close(fd));
}

CASE(system, "attributes of /dev/kvm: the features of XSAVE that guests may have")
{
	int kvm = kvm_open();
	u64 value = 0;
	struct kvm_device_attr a = { .group = KVM_X86_GRP_SYSTEM,
				     .attr = KVM_X86_XCOMP_GUEST_SUPP,
				     .addr = (u64)&value };

	NEED(kvm, KVM_CAP_SYS_ATTRIBUTES);
	OK(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &a));
	OK(ioctl(kvm, KVM_GET_DEVICE_ATTR, &a));
	CHECK_EQ(value & 3, cpu_has_xsave() ? 3 : 0);
	a.attr = 99;
	CHECK_ERRNO(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &a), ENXIO);
	CHECK_ERRNO(ioctl(kvm, KVM_GET_DEVICE_ATTR, &a), ENXIO);
	a.group = 77;
	CHECK_ERRNO(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &a), ENXIO);
	a = (struct kvm_device_attr){ .addr = 8 };
	CHECK_ERRNO(ioctl(kvm, KVM_GET_DEVICE_ATTR, &a), EFAULT);
}
