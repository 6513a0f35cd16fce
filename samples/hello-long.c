// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest in 64-bit mode whose code is a function of this very program.
 *
 * What real mode needs not and long mode does: page tables, segments that say so, control registers and EFER that agree.
 * The guest says hello through a port with a string instruction, so that many bytes come with one exit, and tells its
 * result by writing to memory that nobody has: MMIO.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define RAM_SIZE 0x200000 /* one large page */
#define PML4 0x1000
#define PDPT 0x2000
#define PAGE_DIRECTORY 0x3000
#define CODE 0x10000
#define TEXT 0x20000
#define STACK_TOP 0x40000
#define DEVICE 0x200000 /* behind the memory */
#define PORT 0x3f8

/*
 * Runs in the guest, at CODE.  The compiler must not reach for anything outside: no calls, no global data, so it is written
 * down in assembly with the numbers as arguments.  It adds up 1 to RDI, too large a sum for 32 bits.
 */
extern const char guest_code[], guest_code_end[];
asm(".pushsection .rodata\n"
    "guest_code:\n"
    "	rep outsb\n" /* RCX bytes from RSI to port DX */
    "	xor %eax, %eax\n"
    "1:	add %rdi, %rax\n"
    "	dec %rdi\n"
    "	jnz 1b\n"
    "	push %rax\n"
    "	pop %rcx\n" /* the stack works */
    "	mov %rcx, (%rbx)\n"
    "	hlt\n"
    "guest_code_end:\n"
    ".popsection\n");

static void check(int result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
}

/* APM vol. 2, 14.6 and 4.8: what the processor would hold after the switch, written straight into it. */
static void enter_long_mode(struct kvm_sregs *sregs, uint8_t *ram)
{
	struct kvm_segment code = {
		.type = 0xb, .present = 1, .s = 1, .l = 1, .g = 1, .limit = ~0U, .selector = 8
	};
	struct kvm_segment data = {
		.type = 3, .present = 1, .s = 1, .db = 1, .g = 1, .limit = ~0U, .selector = 16
	};

	/* The first gigabyte, with large pages: 2 MiB of memory, then the device. */
	*(uint64_t *)(ram + PML4) = PDPT | 3; /* present, writable */
	*(uint64_t *)(ram + PDPT) = PAGE_DIRECTORY | 3;
	for (uint64_t i = 0; i < 512; i++)
		((uint64_t *)(ram + PAGE_DIRECTORY))[i] = i << 21 | 0x83; /* and large */

	sregs->cr3 = PML4;
	sregs->cr4 = 1 << 5; /* PAE */
	sregs->cr0 = 1U << 31 | 1 << 4 | 1; /* PG, ET, PE */
	sregs->efer = 1 << 10 | 1 << 8; /* LMA, LME */
	sregs->cs = code;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
}

int main(void)
{
	static const char text[] = "Hello from long mode.\n";
	struct kvm_userspace_memory_region memory = { .memory_size = RAM_SIZE };
	struct kvm_regs regs = {
		.rip = CODE,
		.rsp = STACK_TOP,
		.rflags = 2,
		.rsi = TEXT,
		.rcx = sizeof(text) - 1,
		.rdx = PORT,
		.rdi = 100000,
		.rbx = DEVICE,
	};
	struct kvm_sregs sregs;
	struct kvm_run *run;
	int kvm, vm, vcpu, size;
	uint64_t sum;
	uint8_t *ram;

	check(kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	check(vm = ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		err(1, "no memory");
	memory.userspace_addr = (uintptr_t)ram;
	check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &memory), "KVM_SET_USER_MEMORY_REGION");
	memcpy(ram + CODE, guest_code, guest_code_end - guest_code);
	memcpy(ram + TEXT, text, sizeof(text));

	check(vcpu = ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	check(size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		err(1, "cannot map a vCPU");
	check(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	enter_long_mode(&sregs, ram);
	check(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	check(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");

	for (;;) {
		check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
		switch (run->exit_reason) {
		case KVM_EXIT_IO: /* size bytes each, count of them */
			fwrite((char *)run + run->io.data_offset, run->io.size, run->io.count,
			       stdout);
			break;
		case KVM_EXIT_MMIO:
			if (!run->mmio.is_write || run->mmio.phys_addr != DEVICE ||
			    run->mmio.len != sizeof(sum))
				errx(1, "an access to %#llx was not expected", run->mmio.phys_addr);
			memcpy(&sum, run->mmio.data, sizeof(sum));
			printf("The sum of 1 to 100000 is %llu.\n", (unsigned long long)sum);
			break;
		case KVM_EXIT_HLT:
			return 0;
		default: /* KVM_EXIT_SHUTDOWN is a triple fault: some part of the state above is wrong */
			errx(1, "exit reason %u was not expected", run->exit_reason);
		}
	}
}
