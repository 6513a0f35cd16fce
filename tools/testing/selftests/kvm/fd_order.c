// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors closed in any order, mappings that outlive them, many machines at once. */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

static void twice(u64 unused)
{
	guest_sync(1);
	guest_sync(2);
}

CASE(vm_first, "a vCPU runs on when the machine's and /dev/kvm's descriptors are closed")
{
	struct vcpu *cpu = vm_with(0, twice, 0);

	vcpu_expect_sync(cpu, 1);
	OK(close(cpu->vm->fd));
	OK(close(cpu->vm->kvm));
	vcpu_expect_sync(cpu, 2);
	OK(close(cpu->fd));
}

CASE(every_order, "machine, vCPUs, statistics, eventfds and the mapping are let go in every order")
{
	static const u8 orders[][5] = {
		{ 0, 1, 2, 3, 4 }, { 4, 3, 2, 1, 0 }, { 2, 0, 4, 1, 3 },
		{ 3, 1, 0, 4, 2 }, { 1, 4, 3, 0, 2 }, { 4, 0, 2, 3, 1 },
	};
	int before = open_fds();

	for (u32 o = 0; o < ARRAY_SIZE(orders); o++) {
		struct vm *vm = vm_new(VM_IRQCHIP);
		struct vcpu *a = vcpu_new(vm, twice, 0), *b = vcpu_new(vm, twice, 0);
		struct kvm_irqfd irqfd = { .gsi = 24 };
		long size = OK(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0));

		irqfd.fd = OK(eventfd(0, 0));
		OK(ioctl(vm->fd, KVM_IRQFD, &irqfd));
		vcpu_expect_sync(a, 1);
		vcpu_expect_sync(b, 1);
		for (u32 i = 0; i < 5; i++) {
			switch (orders[o][i]) {
			case 0:
				OK(close(vm->fd));
				break;
			case 1:
				OK(close(a->fd));
				break;
			case 2:
				OK(close(b->fd));
				break;
			case 3:
				OK(munmap(a->run, size));
				OK(munmap(b->run, size));
				break;
			case 4:
				OK(close(irqfd.fd));
				break;
			}
		}
		OK(close(vm->kvm));
		OK(munmap(vm->low, LOW_SIZE));
	}
	CHECK_EQ(open_fds(), before);
}

CASE(dup, "a descriptor may be doubled: the machine lives until the last is closed")
{
	struct vcpu *cpu = vm_with(0, twice, 0);
	int copy = OK(dup(cpu->fd));

	vcpu_expect_sync(cpu, 1);
	OK(close(cpu->fd));
	cpu->fd = copy;
	vcpu_expect_sync(cpu, 2);
}

CASE(memory_gone, "guest memory may be unmapped before the machine is closed")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, twice, 0);

	vcpu_expect_sync(cpu, 1);
	OK(munmap(vm->low, LOW_SIZE));
	vm->low = NULL;
	vm_free(vm);
}

CASE_SLOW(
	many,
	"a hundred machines with a vCPU, an interrupt controller and memory, run and closed in another order",
	60)
{
	enum { N = 100 };
	struct vm **vms = calloc(N, sizeof(*vms));

	for (int i = 0; i < N; i++)
		vms[i] = vcpu_new(vm_new(VM_IRQCHIP), twice, 0)->vm;
	for (int i = 0; i < N; i++)
		vcpu_expect_sync(&vms[i]->cpus[0], 1);
	for (int i = 0; i < N; i++) {
		struct vm *vm = vms[i * 37 % N];

		vcpu_expect_sync(&vm->cpus[0], 2);
		vm_free(vm);
	}
}
