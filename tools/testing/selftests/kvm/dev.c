// SPDX-License-Identifier: GPL-2.0-only
/* /dev/kvm itself: its commands, and how it refuses what it does not know. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "vm.h"

CASE(version, "the API version is 12, and its argument must be 0")
{
	int kvm = kvm_open();

	CHECK_EQ(ioctl(kvm, KVM_GET_API_VERSION, 0), 12);
	CHECK_ERRNO(ioctl(kvm, KVM_GET_API_VERSION, 1), EINVAL);
}

CASE(node, "/dev/kvm is character device 10:232")
{
	struct stat st;

	kvm_open();
	OK(stat("/dev/kvm", &st));
	CHECK(S_ISCHR(st.st_mode));
	CHECK_EQ(major(st.st_rdev), 10);
	CHECK_EQ(minor(st.st_rdev), 232);
}

CASE(mmap_size, "a vCPU's mapping is a few whole pages, and the question takes no argument")
{
	int kvm = kvm_open();
	long size = OK(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));

	CHECK(size % PAGE == 0);
	CHECK(size >= (long)(2 * PAGE) && size <= (long)(16 * PAGE));
	/* kvm_run, the data of port I/O, and the ring where there is one. */
	if (kvm_cap(kvm, KVM_CAP_COALESCED_MMIO))
		CHECK(size >= (long)(3 * PAGE));
	CHECK_ERRNO(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 1), EINVAL);
}

CASE(unknown, "commands that do not exist give EINVAL")
{
	int kvm = kvm_open();

	CHECK_ERRNO(ioctl(kvm, _IO(KVMIO, 0xff), 0), EINVAL);
	CHECK_ERRNO(ioctl(kvm, _IOWR(KVMIO, 0xfe, u64), 0), EINVAL);
	/* Another driver's magic number */
	CHECK_ERRNO(ioctl(kvm, _IO('T', 0x03), 0), EINVAL);
	CHECK_ERRNO(ioctl(kvm, 0xdeadbeef, 0), EINVAL);
}

CASE(wrong_size, "a known number with another size or direction is another command")
{
	int kvm = kvm_open();
	u8 room[256] = { 0 };

	CHECK_ERRNO(ioctl(kvm, _IOWR(KVMIO, 0x05, u8[4]), room), EINVAL);
	CHECK_ERRNO(ioctl(kvm, _IOR(KVMIO, 0x00, u64), room), EINVAL);
}

CASE(other_fd, "commands of a VM or a vCPU are not commands of /dev/kvm")
{
	int kvm = kvm_open();

	CHECK_ERRNO(ioctl(kvm, KVM_CREATE_VCPU, 0), EINVAL);
	CHECK_ERRNO(ioctl(kvm, KVM_RUN, 0), EINVAL);
	CHECK_ERRNO(ioctl(kvm, KVM_CREATE_IRQCHIP, 0), EINVAL);
}

CASE(null_pointer, "a pointer to nowhere gives EFAULT")
{
	int kvm = kvm_open();
	void *bad = (void *)0x1000;

	CHECK_ERRNO(ioctl(kvm, KVM_GET_MSR_INDEX_LIST, bad), EFAULT);
	CHECK_ERRNO(ioctl(kvm, KVM_GET_MSR_FEATURE_INDEX_LIST, bad), EFAULT);
	CHECK_ERRNO(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, bad), EFAULT);
	CHECK_ERRNO(ioctl(kvm, KVM_GET_MSRS, bad), EFAULT);
	CHECK_ERRNO(ioctl(kvm, KVM_X86_GET_MCE_CAP_SUPPORTED, bad), EFAULT);
}

CASE(read_write, "it cannot be read, written or mapped")
{
	int kvm = kvm_open();
	char c = 0;

	CHECK_ERRNO(read(kvm, &c, 1), EINVAL);
	CHECK_ERRNO(write(kvm, &c, 1), EINVAL);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, kvm, 0) == MAP_FAILED);
}

CASE(read_only_open, "a descriptor opened for reading alone answers as well")
{
	int kvm = open("/dev/kvm", O_RDONLY);
	int vm;

	if (kvm < 0)
		kvm_open();
	CHECK_EQ(ioctl(kvm, KVM_GET_API_VERSION, 0), 12);
	vm = OK(ioctl(kvm, KVM_CREATE_VM, 0));
	OK(close(vm));
}

CASE(descriptors, "opening and closing many times leaves nothing behind")
{
	int before = open_fds();

	for (int i = 0; i < 200; i++)
		OK(close(kvm_open()));
	CHECK_EQ(open_fds(), before);
}
