// SPDX-License-Identifier: GPL-2.0-only
/* The cost of the calls that make and take apart a machine, and the memory one takes. */
#include <fcntl.h>
#include <unistd.h>

#include "bench.h"

#define MACHINES 64

static int new_vm(int kvm)
{
	return OK(ioctl(kvm, KVM_CREATE_VM, 0));
}

CASE(bench_create_vm, "KVM_CREATE_VM")
{
	int kvm = kvm_open(), fd;

	SAMPLE_ONCE(fd = new_vm(kvm), close(fd));
	report("create-vm", 1);
}

CASE_SLOW(bench_close_vm, "closing an empty VM", 120)
{
	int kvm = kvm_open(), fd = new_vm(kvm);

	SAMPLE_ONCE(close(fd), fd = new_vm(kvm));
	report("close-vm", 1);
}

CASE_SLOW(bench_create_irqchip, "KVM_CREATE_IRQCHIP", 120)
{
	int kvm = kvm_open(), fd = new_vm(kvm);

	SAMPLE_ONCE(OK(ioctl(fd, KVM_CREATE_IRQCHIP, 0)), (close(fd), fd = new_vm(kvm)));
	report("create-irqchip", 1);
}

static int new_irqchip_vm(int kvm)
{
	int fd = new_vm(kvm);

	OK(ioctl(fd, KVM_CREATE_IRQCHIP, 0));
	return fd;
}

CASE_SLOW(bench_create_vcpu, "KVM_CREATE_VCPU", 120)
{
	int kvm = kvm_open(), fd = new_irqchip_vm(kvm), cpu;

	SAMPLE_ONCE(cpu = OK(ioctl(fd, KVM_CREATE_VCPU, 0)),
		    (close(cpu), close(fd), fd = new_irqchip_vm(kvm)));
	report("create-vcpu", 1);
}

static void slot(int fd, u32 number, bool present, void *page)
{
	struct kvm_userspace_memory_region region = {
		.slot = number,
		.guest_phys_addr = (u64)number << 16,
		.memory_size = present ? PAGE : 0,
		.userspace_addr = (u64)page,
	};

	OK(ioctl(fd, KVM_SET_USER_MEMORY_REGION, &region));
}

static void slots(const char *add_name, const char *delete_name, u32 present)
{
	int fd = new_vm(kvm_open());
	u8 *memory = mmap(NULL, (present + 1) * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(memory != MAP_FAILED);
	for (u32 i = 0; i < present; i++)
		slot(fd, i, true, memory + i * PAGE);
	SAMPLE_ONCE(slot(fd, present, true, memory + present * PAGE),
		    slot(fd, present, false, memory + present * PAGE));
	report(add_name, 1);
	slot(fd, present, true, memory + present * PAGE);
	SAMPLE_ONCE(slot(fd, present, false, memory + present * PAGE),
		    slot(fd, present, true, memory + present * PAGE));
	report(delete_name, 1);
}

CASE_SLOW(bench_slots_10, "one more memory slot beside 10, added and deleted", 120)
{
	slots("memslot-add-10", "memslot-delete-10", 10);
}

CASE_SLOW(bench_slots_10000, "one more memory slot beside 10,000, added and deleted", 600)
{
	slots("memslot-add-10000", "memslot-delete-10000", 10000);
}

static void poke(const char *path, const char *text)
{
	int fd = OK(open(path, O_WRONLY));

	OK(write(fd, text, strlen(text)));
	close(fd);
}

/* kB of free memory, with nothing set aside in caches that give it back. */
static u64 free_memory(void)
{
	poke("/proc/sys/vm/drop_caches", "3");
	poke("/proc/sys/vm/compact_memory", "1");
	return meminfo("MemFree");
}

CASE_SLOW(bench_memory, "the kernel's memory for a VM with irqchip and one vCPU", 300)
{
	static int fds[MACHINES][2];
	int kvm = kvm_open();

	/* The first batch is larger for the kernel's caches that it fills: the median is not. */
	for (unsigned int b = 0; b < batches; b++) {
		u64 before = free_memory(), after;

		for (int i = 0; i < MACHINES; i++) {
			fds[i][0] = new_irqchip_vm(kvm);
			fds[i][1] = OK(ioctl(fds[i][0], KVM_CREATE_VCPU, 0));
		}
		after = free_memory();
		samples[b] = before > after ? before - after : 0;
		for (int i = 0; i < MACHINES; i++) {
			close(fds[i][1]);
			close(fds[i][0]);
		}
		/* What is freed late comes back before the next batch. */
		sleep_ms(500);
	}
	report("memory-kB", MACHINES);
}
