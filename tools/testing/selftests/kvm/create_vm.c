// SPDX-License-Identifier: GPL-2.0-only
/* Making and closing machines. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vm.h"

CASE(create, "KVM_CREATE_VM gives a descriptor that is closed at exec and named kvm-vm")
{
	int kvm = kvm_open();
	int vm = OK(ioctl(kvm, KVM_CREATE_VM, 0));
	char path[64], name[64] = "";

	CHECK_EQ(OK(fcntl(vm, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", vm);
	OK(readlink(path, name, sizeof(name) - 1));
	CHECK(!strcmp(name, "anon_inode:kvm-vm"));
	OK(close(vm));
}

CASE(types, "machine types that are not offered are refused with EINVAL")
{
	int kvm = kvm_open();
	unsigned long types = kvm_cap(kvm, KVM_CAP_VM_TYPES);
	int before = open_fds();

	CHECK(!types || (types & BIT(KVM_X86_DEFAULT_VM)));
	for (int type = 1; type < 16; type++) {
		if (!(types & BIT(type)))
			CHECK_ERRNO(ioctl(kvm, KVM_CREATE_VM, (long)type), EINVAL);
	}
	CHECK_ERRNO(ioctl(kvm, KVM_CREATE_VM, -1L), EINVAL);
	CHECK_ERRNO(ioctl(kvm, KVM_CREATE_VM, 1L << 32), EINVAL);
	CHECK_EQ(open_fds(), before);
}

CASE(unknown, "a machine answers ENOTTY to commands that are not its own")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);

	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VM, 0), ENOTTY);
	CHECK_ERRNO(ioctl(vm->fd, KVM_RUN, 0), ENOTTY);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_API_VERSION, 0), ENOTTY);
	CHECK_ERRNO(ioctl(vm->fd, _IO(KVMIO, 0xff), 0), ENOTTY);
	CHECK_ERRNO(ioctl(vm->fd, _IO('x', 0x41), 0), ENOTTY);
	vm_free(vm);
}

CASE(limit, "with no descriptor to be had KVM_CREATE_VM gives EMFILE")
{
	int kvm = kvm_open();
	struct rlimit limit;

	OK(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = kvm + 1;
	OK(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_ERRNO(ioctl(kvm, KVM_CREATE_VM, 0), EMFILE);
	limit.rlim_cur = kvm + 2;
	OK(setrlimit(RLIMIT_NOFILE, &limit));
	OK(close(OK(ioctl(kvm, KVM_CREATE_VM, 0))));
}

CASE(many, "fifty machines live side by side")
{
	int kvm = kvm_open();
	int fds[50];

	for (int i = 0; i < 50; i++)
		fds[i] = OK(ioctl(kvm, KVM_CREATE_VM, 0));
	for (int i = 0; i < 50; i++)
		OK(close(fds[i]));
}

CASE(closed_kvm, "a machine works on when /dev/kvm is closed")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);

	OK(close(vm->kvm));
	CHECK(kvm_cap(vm->fd, KVM_CAP_USER_MEMORY) > 0);
	OK(close(OK(ioctl(vm->fd, KVM_CREATE_VCPU, 0))));
}
