// SPDX-License-Identifier: GPL-2.0-only
/* A machine belongs to the address space that made it. */
#include <sys/wait.h>
#include <unistd.h>

#include "vm.h"

static u64 value;

static void twice(u64 unused)
{
	value = 1;
	guest_sync(1);
	value = 2;
	guest_sync(2);
}

/* Runs the check in a child; its failures count. */
static void in_child(void (*check)(struct vcpu *), struct vcpu *cpu)
{
	pid_t pid = OK(fork());
	int status;

	if (!pid) {
		check(cpu);
		_exit(0);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
}

static void all_refused(struct vcpu *cpu)
{
	struct kvm_regs r;
	struct kvm_irq_level level = { 0 };

	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EIO);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_REGS, &r), EIO);
	CHECK_ERRNO(ioctl(cpu->vm->fd, KVM_CREATE_VCPU, 5L), EIO);
	CHECK_ERRNO(ioctl(cpu->vm->fd, KVM_IRQ_LINE, &level), EIO);
	CHECK_ERRNO(vm_set_slot(cpu->vm, 9, 0, 0x10000000, PAGE, cpu->vm->low), EIO);
	CHECK_ERRNO(ioctl(cpu->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY), EIO);
}

CASE(child, "in a child every command of the parent's machine gives EIO; the parent goes on")
{
	struct vcpu *cpu = vm_with(0, twice, 0);

	vcpu_expect_sync(cpu, 1);
	in_child(all_refused, cpu);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(value, 2);
}

static void own_machine(struct vcpu *unused)
{
	struct vcpu *cpu = vm_with(0, twice, 0);

	vcpu_expect_sync(cpu, 1);
	vcpu_expect_sync(cpu, 2);
	vm_free(cpu->vm);
}

CASE(own, "a child can make a machine of its own beside it")
{
	struct vcpu *cpu = vm_with(0, twice, 0);

	vcpu_expect_sync(cpu, 1);
	in_child(own_machine, NULL);
	vcpu_expect_sync(cpu, 2);
}

static u64 page[512] __attribute__((aligned(4096)));

static void writes(u64 unused)
{
	for (u64 i = 1; i <= 20; i++) {
		page[0] = i;
		guest_sync(i);
		G_ASSERT_EQ(page[1], i);
	}
}

static void nothing(struct vcpu *cpu)
{
}

CASE(copy_on_write,
     "guest memory is shared by copy-on-write after a fork: the guest goes on with the parent's pages")
{
	struct vcpu *cpu = vm_with(0, writes, 0);

	for (u64 i = 1; i <= 20; i++) {
		vcpu_expect_sync(cpu, i);
		CHECK_EQ(page[0], i);
		in_child(nothing, cpu);
		page[1] = i;
	}
	vcpu_expect_done(cpu);
}

CASE(survives, "a child that keeps the descriptors open does not hold the parent's memory for ever")
{
	struct vcpu *cpu = vm_with(0, twice, 0);
	int go[2];
	pid_t pid;

	OK(pipe(go));
	pid = OK(fork());
	if (!pid) {
		char c;

		close(go[1]);
		/* Until the parent has closed its own */
		if (read(go[0], &c, 1) != 0)
			_exit(1);
		CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EIO);
		_exit(0);
	}
	close(go[0]);
	vcpu_expect_sync(cpu, 1);
	vm_free(cpu->vm);
	close(go[1]);
	{
		int status;

		REQUIRE(waitpid(pid, &status, 0) == pid);
		CHECK_EQ(status, 0);
	}
}
