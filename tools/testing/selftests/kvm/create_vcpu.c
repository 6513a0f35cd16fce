// SPDX-License-Identifier: GPL-2.0-only
/* Making vCPUs: their numbers, descriptors and mappings. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vm.h"

CASE(create, "KVM_CREATE_VCPU gives a descriptor that is closed at exec and named kvm-vcpu:N")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	int fd = OK(ioctl(vm->fd, KVM_CREATE_VCPU, 3L));
	char path[64], name[64] = "";

	CHECK_EQ(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OK(readlink(path, name, sizeof(name) - 1));
	CHECK(!strcmp(name, "anon_inode:kvm-vcpu:3"));
}

CASE(twice, "a number in use gives EEXIST, even when its descriptor was closed")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	int fd = OK(ioctl(vm->fd, KVM_CREATE_VCPU, 0L));

	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 0L), EEXIST);
	OK(close(fd));
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 0L), EEXIST);
	OK(ioctl(vm->fd, KVM_CREATE_VCPU, 1L));
}

CASE(range, "numbers from KVM_CAP_MAX_VCPU_ID on give EINVAL")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	long max = kvm_cap(vm->fd, KVM_CAP_MAX_VCPU_ID);

	CHECK(max >= kvm_cap(vm->fd, KVM_CAP_MAX_VCPUS));
	CHECK(kvm_cap(vm->fd, KVM_CAP_MAX_VCPUS) >= kvm_cap(vm->fd, KVM_CAP_NR_VCPUS));
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, max), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, max + 1), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 0xffffffffL), EINVAL);
	OK(close(OK(ioctl(vm->fd, KVM_CREATE_VCPU, max - 1))));
}

CASE(id_cap, "KVM_CAP_MAX_VCPU_ID can be lowered once, before the first vCPU")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	long max = kvm_cap(vm->fd, KVM_CAP_MAX_VCPU_ID);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MAX_VCPU_ID };

	cap.args[0] = max + 1;
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = 4;
	if (ioctl(vm->fd, KVM_ENABLE_CAP, &cap) < 0)
		SKIP("it cannot");
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 4L), EINVAL);
	OK(ioctl(vm->fd, KVM_CREATE_VCPU, 3L));
	cap.args[0] = 8;
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
}

CASE_SLOW(many, "as many vCPUs as KVM_CAP_MAX_VCPUS says, at least 288, and not one more", 90)
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	long max = kvm_cap(vm->fd, KVM_CAP_MAX_VCPUS);
	struct rlimit limit;
	int *fds = calloc(max + 1, sizeof(int));
	long i;

	CHECK(max >= 288);
	REQUIRE(fds);
	OK(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = max + 100;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	OK(setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < max; i++)
		fds[i] = OK(ioctl(vm->fd, KVM_CREATE_VCPU, i));
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, i), EINVAL);
	for (i = 0; i < max; i++)
		OK(close(fds[i]));
}

CASE(mapping, "kvm_run can be mapped; beyond the pages there are it gives SIGBUS or no mapping")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	long size = OK(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	int fd = OK(ioctl(vm->fd, KVM_CREATE_VCPU, 0L));
	struct kvm_run *a, *b;
	u8 *pio;

	a = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	b = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(a != MAP_FAILED && b != MAP_FAILED);
	/* The same page twice */
	WRITE_ONCE(a->request_interrupt_window, 0xa5);
	CHECK_EQ(READ_ONCE(b->request_interrupt_window), 0xa5);
	WRITE_ONCE(b->request_interrupt_window, 0);
	CHECK_EQ(READ_ONCE(a->request_interrupt_window), 0);
	/* The page of port I/O alone */
	pio = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, KVM_PIO_PAGE_OFFSET * PAGE);
	REQUIRE(pio != MAP_FAILED);
	WRITE_ONCE(pio[7], 0x5a);
	CHECK_EQ(READ_ONCE(((u8 *)a)[KVM_PIO_PAGE_OFFSET * PAGE + 7]), 0x5a);
	/* A mapping outlives the descriptor. */
	OK(close(fd));
	OK(close(vm->fd));
	WRITE_ONCE(a->immediate_exit, 1);
	CHECK_EQ(READ_ONCE(b->immediate_exit), 1);
	OK(munmap(a, size));
	OK(munmap(b, PAGE));
	OK(munmap(pio, PAGE));
}

CASE(unknown, "a vCPU answers ENOTTY or EINVAL to commands that are not its own")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	static const unsigned int commands[] = {
		KVM_CREATE_VM,	  KVM_CREATE_VCPU, KVM_CREATE_IRQCHIP,	KVM_CHECK_EXTENSION,
		_IO(KVMIO, 0xff), _IO('x', 0x80),  KVM_GET_API_VERSION, KVM_IRQ_LINE,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
		errno = 0;
		CHECK_EQ(ioctl(cpu->fd, commands[i], 0), -1);
		CHECK(errno == ENOTTY || errno == EINVAL);
	}
	/* Not KVM's number at all: never taken for one of its own. */
	CHECK_ERRNO(ioctl(cpu->fd, _IO('x', 0x80), 0), EINVAL);
	vm_free(vm);
}

CASE(reset_state, "a fresh vCPU is at the reset vector, in real mode, interrupts off")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_regs r;
	struct kvm_sregs s;

	vcpu_get_regs(cpu, &r);
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(r.rip, 0xfff0);
	CHECK_EQ(r.rflags, 2);
	CHECK_EQ(r.rax | r.rbx | r.rcx | r.rsp | r.rsi | r.rdi | r.rbp, 0);
	CHECK_EQ(s.cs.selector, 0xf000);
	CHECK_EQ(s.cs.base, 0xffff0000);
	CHECK_EQ(s.cs.limit, 0xffff);
	CHECK_EQ(s.ds.base, 0);
	CHECK_EQ(s.ds.limit, 0xffff);
	CHECK_EQ(s.cr0, 0x60000010);
	CHECK_EQ(s.cr3, 0);
	CHECK_EQ(s.cr4, 0);
	CHECK_EQ(s.efer, 0);
	CHECK_EQ(s.idt.limit, 0xffff);
	CHECK_EQ(s.gdt.limit, 0xffff);
	CHECK_EQ(s.apic_base, 0xfee00000 | APIC_BASE_ENABLE | APIC_BASE_BSP);
	vm_free(vm);
}

CASE(boot_cpu, "KVM_SET_BOOT_CPU_ID chooses the boot processor, before the first vCPU")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	struct kvm_sregs s;

	NEED(vm->fd, KVM_CAP_SET_BOOT_CPU_ID);
	OK(ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 2L));
	vcpu_get_sregs(vcpu_new_bare(vm, 0), &s);
	CHECK_EQ(s.apic_base & APIC_BASE_BSP, 0);
	vcpu_get_sregs(vcpu_new_bare(vm, 2), &s);
	CHECK_EQ(s.apic_base & APIC_BASE_BSP, APIC_BASE_BSP);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 0L), EBUSY);
}

CASE(boot_cpu_range, "the boot processor's number and the highest one that is allowed agree")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MAX_VCPU_ID };

	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 1L << 32), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, kvm_cap(vm->fd, KVM_CAP_MAX_VCPU_ID)),
		    EINVAL);
	OK(ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 5L));
	cap.args[0] = 4;
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = 6;
	OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 6L), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 1L << 32), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 6L), EINVAL);
	OK(ioctl(vm->fd, KVM_CREATE_VCPU, 5L));
}
