// SPDX-License-Identifier: GPL-2.0-only
/* A device's registers as guest memory: pages without struct page, mapped with VM_PFNMAP. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "vm.h"

#define GPA 0x40000000UL
#define PCI "/sys/bus/pci/devices"

/* AHCI: capabilities; version; where the first port's command list is, which can be written to. */
#define AHCI_CLASS "0x010601"
#define AHCI_CAP 0
#define AHCI_VS 0x10
#define AHCI_CLB 0x100
#define FROM_GUEST 0x12345400
#define FROM_HOST 0x5678a800

/* The registers of an AHCI controller that has no driver, or NULL. */
static volatile u32 *map_ahci(void)
{
	DIR *dir = opendir(PCI);
	struct dirent *e;
	char path[300], class[16];
	void *p;
	int fd;

	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), PCI "/%s/class", e->d_name);
		if (!read_file(path, class, sizeof(class)) || strncmp(class, AHCI_CLASS, 8))
			continue;
		snprintf(path, sizeof(path), PCI "/%s/driver", e->d_name);
		if (!access(path, F_OK))
			continue;
		snprintf(path, sizeof(path), PCI "/%s/enable", e->d_name);
		if (!write_file(path, "1"))
			continue;
		snprintf(path, sizeof(path), PCI "/%s/resource5", e->d_name);
		fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
		p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED)
			return p;
	}
	return NULL;
}

static volatile u32 *registers(void)
{
	volatile u32 *regs = map_ahci();

	if (!regs)
		SKIP("no device here has registers that nobody else uses");
	return regs;
}

static volatile u32 seen[2];

static void use(u64 unused)
{
	volatile u32 *regs = (u32 *)GPA;

	seen[0] = regs[AHCI_CAP / 4];
	seen[1] = regs[AHCI_VS / 4];
	guest_sync(1);
	regs[AHCI_CLB / 4] = FROM_GUEST;
	guest_sync(2);
	G_ASSERT_EQ(regs[AHCI_CLB / 4], FROM_HOST);
	guest_sync(3);
}

CASE(registers, "the guest reads and writes them without an exit to the VMM")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, use, 0);
	volatile u32 *regs = registers();

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, PAGE, (void *)regs));
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(seen[0], regs[AHCI_CAP / 4]);
	CHECK_EQ(seen[1], regs[AHCI_VS / 4]);
	CHECK(seen[0] && seen[1] && seen[0] != 0xffffffff);
	vcpu_expect_sync(cpu, 2);
	CHECK_EQ(regs[AHCI_CLB / 4], FROM_GUEST);
	regs[AHCI_CLB / 4] = FROM_HOST;
	vcpu_expect_sync(cpu, 3);
	vm_free(vm);
}

CASE(unmapped, "a mapping that goes takes the guest's with it")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, use, 0);
	volatile u32 *regs = registers();
	struct event ev;

	OK(vm_set_slot(vm, SLOT_TEST, 0, GPA, PAGE, (void *)regs));
	vcpu_expect_sync(cpu, 1);
	OK(munmap((void *)regs, PAGE));
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_ERROR);
	CHECK_EQ(ev.error, EFAULT);
}
