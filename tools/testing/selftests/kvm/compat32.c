// SPDX-License-Identifier: GPL-2.0-only
/* A 32-bit program on /dev/kvm: the commands whose structures differ go through entry points of their own. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm.h"

/*
 * The 32-bit side is a part of this program: it goes over to 32-bit code (the kernel gives every process such a segment)
 * and makes its system calls by INT 0x80, which the kernel takes for those of a 32-bit program.  Everything that it
 * points to lies below 4 GiB, since this program is linked there.
 */
static long call32(long nr, long a, long b, long c)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(nr), "b"(a), "c"(b), "d"(c)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

#define NR32_IOCTL 54

static int ioctl32(int fd, u32 command, const void *arg)
{
	long ret = (int)call32(NR32_IOCTL, fd, command, (long)arg);

	REQUIRE((u64)arg < 1UL << 32);
	if (ret < 0 && ret > -4096) {
		errno = -ret;
		return -1;
	}
	return ret;
}

static void need_compat(void)
{
	/* getpid */
	if (call32(20, 0, 0, 0) != getpid())
		SKIP("this kernel runs no 32-bit programs");
}

static struct kvm_regs regs;
static struct kvm_sregs sregs;
static struct kvm_userspace_memory_region region;
static struct kvm_dirty_log log_;
static u32 bitmap[2];
static u64 mask_room[2];
static struct kvm_clear_dirty_log clear_;
static struct kvm_enable_cap cap;

static void touch(u64 gpa)
{
	*(volatile u64 *)gpa = 5;
	guest_sync(1);
}

/* INT 0x80 kills the process where the kernel has no such entry: ask in a child. */
static void check_entry(void)
{
	pid_t pid = OK(fork());
	int status;

	if (!pid) {
		call32(20, 0, 0, 0);
		_exit(0);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid);
	if (status)
		SKIP("this kernel runs no 32-bit programs");
	need_compat();
}

CASE(plain,
     "commands whose structures are the same: version, capabilities, machines, vCPUs, memory, registers, KVM_RUN")
{
	struct vm *vm;
	struct vcpu *cpu;

	check_entry();
	vm = vm_new(0);
	cpu = vcpu_new(vm, touch, 0x300000);
	CHECK_EQ(ioctl32(vm->kvm, KVM_GET_API_VERSION, NULL), 12);
	CHECK(ioctl32(vm->fd, KVM_CHECK_EXTENSION, (void *)KVM_CAP_USER_MEMORY) > 0);
	CHECK_EQ(ioctl32(cpu->fd, KVM_GET_REGS, &regs), 0);
	CHECK_EQ(regs.rdi, 0x300000);
	CHECK_EQ(ioctl32(cpu->fd, KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(sregs.cr3, PT_BASE);
	CHECK_EQ(ioctl32(cpu->fd, KVM_SET_SREGS, &sregs), 0);
	CHECK_EQ(ioctl32(cpu->fd, KVM_RUN, NULL), 0);
	CHECK_EQ(cpu->run->exit_reason, KVM_EXIT_IO);
	region = (struct kvm_userspace_memory_region){ .slot = 9,
						       .guest_phys_addr = 0x10000000,
						       .memory_size = PAGE,
						       .userspace_addr = (u64)vm->low };
	CHECK_EQ(ioctl32(vm->fd, KVM_SET_USER_MEMORY_REGION, &region), 0);
	CHECK_ERRNO(ioctl32(vm->fd, KVM_CREATE_VCPU, NULL), EEXIST);
}

CASE(dirty_log, "KVM_GET_DIRTY_LOG with a 32-bit pointer, and rubbish in the upper half of it")
{
	struct vm *vm;
	struct vcpu *cpu;

	check_entry();
	vm = vm_new(0);
	cpu = vcpu_new(vm, touch, 0x10005000);
	vm_add_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, 0x10000000, 64 * PAGE);
	vcpu_expect_sync(cpu, 1);
	log_.slot = SLOT_TEST;
	log_.padding2 = 0xdeadbeef00000000 | (u64)bitmap;
	CHECK_EQ(ioctl32(vm->fd, KVM_GET_DIRTY_LOG, &log_), 0);
	CHECK_EQ(bitmap[0], 1 << 5);
	CHECK_EQ(bitmap[1], 0);
}

CASE(clear_log, "KVM_CLEAR_DIRTY_LOG likewise")
{
	struct vm *vm;
	struct vcpu *cpu;

	check_entry();
	vm = vm_new(0);
	NEED(vm->kvm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
	cap.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2;
	cap.args[0] = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
	CHECK_EQ(ioctl32(vm->fd, KVM_ENABLE_CAP, &cap), 0);
	cpu = vcpu_new(vm, touch, 0x10005000);
	vm_add_slot(vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, 0x10000000, 64 * PAGE);
	vcpu_expect_sync(cpu, 1);
	log_.slot = SLOT_TEST;
	log_.dirty_bitmap = bitmap;
	CHECK_EQ(ioctl32(vm->fd, KVM_GET_DIRTY_LOG, &log_), 0);
	CHECK_EQ(bitmap[0], 1 << 5);
	clear_.slot = SLOT_TEST;
	clear_.num_pages = 64;
	clear_.padding2 = 0xdeadbeef00000000 | (u64)bitmap;
	CHECK_EQ(ioctl32(vm->fd, KVM_CLEAR_DIRTY_LOG, &clear_), 0);
	CHECK_EQ(ioctl32(vm->fd, KVM_GET_DIRTY_LOG, &log_), 0);
	CHECK_EQ(bitmap[0], 0);
}

CASE(signal_mask, "KVM_SET_SIGNAL_MASK takes a mask of 8 bytes")
{
	struct kvm_signal_mask *mask = (struct kvm_signal_mask *)mask_room;
	struct vcpu *cpu;

	check_entry();
	cpu = vm_with(0, touch, 0x300000);
	mask->len = 8;
	CHECK_EQ(ioctl32(cpu->fd, KVM_SET_SIGNAL_MASK, mask), 0);
	mask->len = 4;
	CHECK_ERRNO(ioctl32(cpu->fd, KVM_SET_SIGNAL_MASK, mask), EINVAL);
	vcpu_expect_sync(cpu, 1);
}
