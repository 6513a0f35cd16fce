// SPDX-License-Identifier: GPL-2.0-only
/*
 * The smallest machine: one page of memory, one vCPU in real mode, six instructions.
 *
 * The guest adds two numbers, writes the sum and a newline to a port, and halts.  Every write comes back to this program as
 * an exit.  This is all that a VMM has to do; what others do more is more of the same.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define GUEST_ADDR 0x1000
#define PORT 0x3f8

static const unsigned char code[] = {
	0xba, PORT & 0xff, PORT >> 8, /* mov $PORT, %dx */
	0x00, 0xd8, /* add %bl, %al */
	0x04, '0', /* add $'0', %al */
	0xee, /* out %al, (%dx) */
	0xb0, '\n', /* mov $'\n', %al */
	0xee, /* out %al, (%dx) */
	0xf4, /* hlt */
};

int main(void)
{
	struct kvm_userspace_memory_region memory = { .guest_phys_addr = GUEST_ADDR,
						      .memory_size = 0x1000 };
	struct kvm_regs regs = { .rip = GUEST_ADDR, .rax = 2, .rbx = 2, .rflags = 2 };
	struct kvm_sregs sregs;
	struct kvm_run *run;
	int kvm, vm, vcpu, size;
	void *page;

	/* Three kinds of descriptor: the module, a machine, a processor.  Each takes ioctls of its own. */
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "/dev/kvm");
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		errx(1, "this is another /dev/kvm");
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		err(1, "KVM_CREATE_VM");

	/* A guest's memory is memory of this process, at an address of the guest's. */
	page = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		err(1, "no memory");
	memcpy(page, code, sizeof(code));
	memory.userspace_addr = (unsigned long)page;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &memory))
		err(1, "KVM_SET_USER_MEMORY_REGION");

	/* A vCPU is a descriptor and a page or more shared with KVM, in which exits are described. */
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		err(1, "KVM_CREATE_VCPU");
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		err(1, "cannot map a vCPU");

	/* It is as after a reset, in real mode at f000:fff0; the code is in segment 0. */
	if (ioctl(vcpu, KVM_GET_SREGS, &sregs))
		err(1, "KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) || ioctl(vcpu, KVM_SET_REGS, &regs))
		err(1, "cannot set the registers");

	for (;;) {
		if (ioctl(vcpu, KVM_RUN, 0))
			err(1, "KVM_RUN");
		switch (run->exit_reason) {
		case KVM_EXIT_IO:
			if (run->io.direction != KVM_EXIT_IO_OUT || run->io.port != PORT ||
			    run->io.size != 1)
				errx(1, "port %#x was not expected", run->io.port);
			putchar(*((char *)run + run->io.data_offset));
			break;
		case KVM_EXIT_HLT:
			return 0;
		default:
			errx(1, "exit reason %u was not expected", run->exit_reason);
		}
	}
}
