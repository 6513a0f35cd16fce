// SPDX-License-Identifier: GPL-2.0-only
/* Read-only slots: ROM that is memory for reads and MMIO for writes. */
#include <fcntl.h>
#include <unistd.h>

#include "vm.h"

#define GPA 0x10000000UL

static void use(u64 unused)
{
	volatile u64 *rom = (u64 *)GPA;

	G_ASSERT_EQ(rom[1], 0x1122334455667788);
	rom[2] = 0xabcd;
	G_ASSERT_EQ(rom[2], 7);
	guest_sync(1);
	rom[2]++;
	G_ASSERT_EQ(rom[2], 7);
	guest_sync(2);
	((void (*)(void))(GPA + 0x100))();
	guest_sync(3);
}

CASE(read_write, "reads, and running code, are memory; a write is an exit and changes nothing")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, use, 0);
	u64 *rom;

	NEED(vm->kvm, KVM_CAP_READONLY_MEM);
	rom = vm_add_slot(vm, SLOT_TEST, KVM_MEM_READONLY, GPA, PAGE);
	rom[1] = 0x1122334455667788;
	rom[2] = 7;
	((u8 *)rom)[0x100] = 0xc3;
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK_EQ(cpu->run->mmio.is_write, 1);
	CHECK_EQ(cpu->run->mmio.phys_addr, GPA + 16);
	CHECK_EQ(cpu->run->mmio.len, 8);
	CHECK_EQ(*(u64 *)cpu->run->mmio.data, 0xabcd);
	vcpu_expect_sync(cpu, 1);
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	CHECK_EQ(*(u64 *)cpu->run->mmio.data, 8);
	vcpu_expect_sync(cpu, 2);
	vcpu_expect_sync(cpu, 3);
	CHECK_EQ(rom[2], 7);
}

CASE(toggle, "a slot made anew without the flag takes writes, with it again refuses them")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, use, 0);
	u64 *rom;

	NEED(vm->kvm, KVM_CAP_READONLY_MEM);
	rom = vm_add_slot(vm, SLOT_TEST, KVM_MEM_READONLY, GPA, PAGE);
	rom[1] = 0x1122334455667788;
	rom[2] = 7;
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	vcpu_expect_sync(cpu, 1);
	OK(vm_set_slot(vm, SLOT_TEST, 0, 0, 0, NULL));
	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, PAGE, rom));
	/* Now the increment is stored, and the guest says so. */
	CHECK_EQ(rom[2], 7);
	{
		struct kvm_regs r;
		int ret = ioctl(cpu->fd, KVM_RUN, 0);

		vcpu_get_regs(cpu, &r);
		CHECK_EQ(ret, 0);
		CHECK_EQ((u32)r.rax, GUEST_FAIL);
		CHECK_EQ(rom[2], 8);
	}
}

CASE(read_only_file, "a file mapped for reading alone can be a read-only slot")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, use, 0);
	int fd = memfd_create("rom", 0), ro;
	char path[40] = "/proc/self/fd/";
	u64 image[3] = { 0, 0x1122334455667788, 7 };
	void *rom;

	NEED(vm->kvm, KVM_CAP_READONLY_MEM);
	REQUIRE(fd >= 0 && fd < 100);
	OK(ftruncate(fd, PAGE));
	OK(pwrite(fd, image, sizeof(image), 0));
	OK(pwrite(fd, "\xc3", 1, 0x100));
	path[14] = '0' + fd / 10;
	path[15] = '0' + fd % 10;
	if (fd < 10)
		path[14] = '0' + fd, path[15] = 0;
	ro = OK(open(path, O_RDONLY));
	rom = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	REQUIRE(rom != MAP_FAILED);
	OK(vm_set_slot(vm, SLOT_TEST, KVM_MEM_READONLY, GPA, PAGE, rom));
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	vcpu_expect_sync(cpu, 1);
	vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
	vcpu_expect_sync(cpu, 2);
	vcpu_expect_sync(cpu, 3);
}

static void look(u64 gpa)
{
	guest_sync(*(volatile u64 *)gpa);
	guest_sync(*(volatile u64 *)gpa);
}

CASE(program_writes, "the program's own writes to the pages are seen at once")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, look, GPA + 8);
	u64 *rom;

	NEED(vm->kvm, KVM_CAP_READONLY_MEM);
	rom = vm_add_slot(vm, SLOT_TEST, KVM_MEM_READONLY, GPA, PAGE);
	/* Read first, so that the kernel's page of zeroes may be there. */
	vcpu_expect_sync(cpu, 0);
	rom[1] = 0x1122334455667788;
	vcpu_expect_sync(cpu, 0x1122334455667788);
}
