// SPDX-License-Identifier: GPL-2.0-only
/* The VFIO device with a real one: a PCI device behind an I/O MMU, which the machine may have or not. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vm.h"

#define PCI "/sys/bus/pci/devices"

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = -2; /* . and .. */

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static long number_in(const char *device, const char *name)
{
	char path[512];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), PCI "/%s/%s", device, name);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%li", &value) != 1)
			value = -1;
		fclose(f);
	}
	return value;
}

/* Alone in its group, no bridge, and nobody's, or VFIO's already. */
static bool is_free(const char *device)
{
	char path[512], driver[256] = "";

	snprintf(path, sizeof(path), PCI "/%s/iommu_group/devices", device);
	if (entries(path) != 1 || number_in(device, "class") >> 16 == 6)
		return false;
	snprintf(path, sizeof(path), PCI "/%s/driver", device);
	return readlink(path, driver, sizeof(driver) - 1) < 0 || strstr(driver, "/vfio-pci");
}

/* Finds a device, gives it to VFIO, and opens its group with a container of its own. */
static int open_group(char *device, size_t size)
{
	char path[512], target[256] = "";
	struct dirent *e = NULL;
	int group, container;
	DIR *dir = opendir(PCI);

	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] != '.' && is_free(e->d_name))
			break;
	}
	if (!e)
		SKIP("no PCI device behind an I/O MMU that nobody uses");
	snprintf(device, size, "%s", e->d_name);
	closedir(dir);
	/* The test's device is no danger to the machine, whatever its interrupts are. */
	if (system("modprobe vfio_iommu_type1 allow_unsafe_interrupts=1 && modprobe vfio-pci"))
		SKIP("no vfio-pci");
	snprintf(path, sizeof(path), PCI "/%s/driver_override", device);
	if (!write_file(path, "vfio-pci") || !write_file(PCI "/../drivers_probe", device))
		SKIP("%s cannot be given to vfio-pci", device);
	snprintf(path, sizeof(path), PCI "/%s/iommu_group", device);
	OK(readlink(path, target, sizeof(target) - 1));
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(target, '/'));
	group = OK(open(path, O_RDWR));
	container = OK(open("/dev/vfio/vfio", O_RDWR));
	OK(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	OK(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	return group;
}

static int create(struct vm *vm)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_VFIO };

	OK(ioctl(vm->fd, KVM_CREATE_DEVICE, &d));
	return d.fd;
}

static int set(int dev, u64 attr, int file)
{
	struct kvm_device_attr a = { .group = KVM_DEV_VFIO_FILE, .attr = attr, .addr = (u64)&file };

	return ioctl(dev, KVM_SET_DEVICE_ATTR, &a);
}

/* Writes all of a slot and has it written back, once before and once after the device has come. */
static void write_back(u64 gpa)
{
	for (u64 n = 1;; n++) {
		for (u64 i = 0; i < 16; i++)
			*(volatile u64 *)(gpa + i * PAGE) += n;
		asm volatile("wbinvd" ::: "memory");
		guest_sync(n);
	}
}

CASE(members, "a group is added once and taken away once; the guest goes on with and without it")
{
	struct vm *vm = vm_new(0);
	u64 gpa = 0x10000000, *mem = vm_add_slot(vm, SLOT_TEST, 0, gpa, 16 * PAGE);
	struct vcpu *cpu = vcpu_new(vm, write_back, gpa);
	int dev, group;
	char name[NAME_MAX + 1];

	NEED(vm->fd, KVM_CAP_DEVICE_CTRL);
	group = open_group(name, sizeof(name));
	dev = create(vm);
	vcpu_expect_sync(cpu, 1);
	CHECK_ERRNO(set(dev, KVM_DEV_VFIO_FILE_DEL, group), ENOENT);
	OK(set(dev, KVM_DEV_VFIO_FILE_ADD, group));
	CHECK_ERRNO(set(dev, KVM_DEV_VFIO_FILE_ADD, group), EEXIST);
	vcpu_expect_sync(cpu, 2);
	OK(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name));
	OK(set(dev, KVM_DEV_VFIO_FILE_DEL, group));
	CHECK_ERRNO(set(dev, KVM_DEV_VFIO_FILE_DEL, group), ENOENT);
	vcpu_expect_sync(cpu, 3);
	for (unsigned int i = 0; i < 16; i++)
		CHECK_EQ(mem[i * PAGE / 8], 6);
}

CASE(orders, "the VM, the VFIO device, the group and what it gave are closed in any order")
{
	static const char order[][4] = {
		{ 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 }, { 2, 0, 3, 1 }
	};
	char name[NAME_MAX + 1];

	for (unsigned int i = 0; i < 4; i++) {
		struct vm *vm = vm_new(0);
		int fd[4], n;

		NEED(vm->fd, KVM_CAP_DEVICE_CTRL);
		fd[0] = vm->fd;
		fd[1] = create(vm);
		fd[2] = open_group(name, sizeof(name));
		OK(set(fd[1], KVM_DEV_VFIO_FILE_ADD, fd[2]));
		fd[3] = OK(ioctl(fd[2], VFIO_GROUP_GET_DEVICE_FD, name));
		for (n = 0; n < 4; n++)
			OK(close(fd[(int)order[i][n]]));
	}
}
