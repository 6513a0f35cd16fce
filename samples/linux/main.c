// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine: its memory, its vCPUs with a thread each, and who answers when one leaves the guest.  The main thread serves
 * the devices' file descriptors.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

#include "vmm.h"

#define MAX_CPUS 64
#define MAX_WATCHED 16
#define CPUID_ENTRIES 256

/* Exit statuses besides what the guest writes to PORT_EXIT; 0 is a power-off. */
#define STATUS_ERROR 1
#define STATUS_RESET 2
#define STATUS_SHUTDOWN 3 /* a triple fault */

struct machine vm;

/* Held by whoever is at work for the guest: over devices and their memory. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pollfd watched[MAX_WATCHED];
static struct {
	bool (*handler)(void *data);
	void *data;
} watchers[MAX_WATCHED];
static unsigned int nr_watched;

int must_ioctl(int fd, unsigned long command, void *argument, const char *name)
{
	int r = ioctl(fd, command, argument);

	if (r < 0)
		err(STATUS_ERROR, "%s", name);
	return r;
}

void *guest_memory(u64 gpa, u64 size)
{
	return size <= vm.ram_size && gpa <= vm.ram_size - size ? vm.ram + gpa : NULL;
}

/* ------------------------------------------------------------------------------------------ events without an exit */

void watch(int fd, bool (*handler)(void *data), void *data)
{
	if (nr_watched == MAX_WATCHED)
		errx(STATUS_ERROR, "too many file descriptors to watch");
	watched[nr_watched] = (struct pollfd){ .fd = fd, .events = POLLIN };
	watchers[nr_watched].handler = handler;
	watchers[nr_watched++].data = data;
}

static void serve_devices(void)
{
	for (;;) {
		if (poll(watched, nr_watched, -1) < 0 && errno != EINTR)
			err(STATUS_ERROR, "poll");
		pthread_mutex_lock(&lock);
		for (unsigned int i = 0; i < nr_watched; i++)
			if (watched[i].revents && !watchers[i].handler(watchers[i].data))
				watched[i].fd = -1; /* poll() passes over it */
		pthread_mutex_unlock(&lock);
	}
}

int irq_eventfd(u32 gsi)
{
	struct kvm_irqfd irqfd = { .fd = eventfd(0, EFD_CLOEXEC), .gsi = gsi };

	IOCTL(vm.fd, KVM_IRQFD, &irqfd);
	return irqfd.fd;
}

/* --------------------------------------------------------------------------------------------------------- exits */

static void port_out(u16 port, u32 value)
{
	if (port >= PORT_SERIAL && port < PORT_SERIAL + 8)
		serial_out(port - PORT_SERIAL, value);
	else if (port == PORT_SLEEP && value & 1 << 5) /* "sleep enable": off is all there is */
		exit(0);
	else if (port == PORT_RESET && value == 0xfe)
		exit(STATUS_RESET);
	else if (port == PORT_EXIT)
		exit(value);
}

static u32 port_in(u16 port)
{
	if (port >= PORT_SERIAL && port < PORT_SERIAL + 8)
		return serial_in(port - PORT_SERIAL);
	return port == PORT_SLEEP || port == PORT_RESET ? 0 : ~0; /* nobody there: all ones */
}

/* One exit can stand for many accesses: REP INS and OUTS. */
static void handle_io(struct kvm_run *run)
{
	u8 *data = (u8 *)run + run->io.data_offset;

	for (u32 i = 0; i < run->io.count; i++, data += run->io.size) {
		u32 value = 0;

		if (run->io.direction == KVM_EXIT_IO_OUT) {
			memcpy(&value, data, run->io.size);
			port_out(run->io.port, value);
		} else {
			value = port_in(run->io.port);
			memcpy(data, &value, run->io.size);
		}
	}
}

static void handle_mmio(struct kvm_run *run)
{
	if (!virtio_mmio(run->mmio.phys_addr, run->mmio.data, run->mmio.len, run->mmio.is_write) &&
	    !run->mmio.is_write)
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
}

static void print_registers(int vcpu)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_REGS, &regs) || ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return;
	fprintf(stderr,
		"rip %#llx rsp %#llx flags %#llx cs %#x cr0 %#llx cr2 %#llx cr3 %#llx cr4 %#llx\n",
		regs.rip, regs.rsp, regs.rflags, sregs.cs.selector, sregs.cr0, sregs.cr2, sregs.cr3,
		sregs.cr4);
	fprintf(stderr, "rax %#llx rbx %#llx rcx %#llx rdx %#llx rsi %#llx rdi %#llx rbp %#llx\n",
		regs.rax, regs.rbx, regs.rcx, regs.rdx, regs.rsi, regs.rdi, regs.rbp);
}

/* What no VMM can go on from, or this one does not know. */
static void stop(int vcpu, const struct kvm_run *run)
{
	if (run->exit_reason == KVM_EXIT_SHUTDOWN)
		warnx("a triple fault");
	else if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		warnx("the processor refused the entry: %#llx",
		      run->fail_entry.hardware_entry_failure_reason);
	else if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		warnx("KVM gave up: suberror %u", run->internal.suberror);
	else
		warnx("an exit this VMM does not know: %u", run->exit_reason);
	print_registers(vcpu);
	exit(run->exit_reason == KVM_EXIT_SHUTDOWN ? STATUS_SHUTDOWN : STATUS_ERROR);
}

static void handle_exit(int vcpu, struct kvm_run *run)
{
	pthread_mutex_lock(&lock);
	if (run->exit_reason == KVM_EXIT_IO)
		handle_io(run);
	else if (run->exit_reason == KVM_EXIT_MMIO)
		handle_mmio(run);
	else if (run->exit_reason != KVM_EXIT_INTR)
		stop(vcpu, run);
	pthread_mutex_unlock(&lock);
}

/* ---------------------------------------------------------------------------------------------------------- vCPUs */

/* What the host supports, with what is this vCPU's own. */
static void set_cpuid(int vcpu, u32 id)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[CPUID_ENTRIES];
	} cpuid;
	bool deadline = ioctl(vm.kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;

	cpuid.head.nent = CPUID_ENTRIES;
	IOCTL(vm.kvm, KVM_GET_SUPPORTED_CPUID, &cpuid);
	for (u32 i = 0; i < cpuid.head.nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid.entries[i];

		switch (e->function) {
		case 1: /* APIC ID, logical processors; a hypervisor, the deadline timer, more than one thread */
			e->ebx = (e->ebx & 0xffff) | vm.cpus << 16 | id << 24;
			e->ecx |= 1U << 31 | deadline << 24;
			e->edx |= (vm.cpus > 1) << 28;
			break;
		case 0xb: /* topology: level 0 one thread a core, level 1 all of them in one package */
			e->eax = e->index == 1 ? 6 : 0;
			e->ebx = e->index == 1 ? vm.cpus : e->index == 0;
			e->ecx = e->index | (e->index < 2 ? e->index + 1 : 0) << 8;
			e->edx = id;
			break;
		case 0x80000008: /* AMD: cores, in 6 bits of the APIC ID */
			e->ecx = 6 << 12 | (vm.cpus - 1);
			break;
		case 0x8000001e: /* AMD: APIC ID, core, node */
			e->eax = id;
			e->ebx = id;
			e->ecx = 0;
			break;
		}
	}
	IOCTL(vcpu, KVM_SET_CPUID2, &cpuid);
}

static int create_vcpu(u32 id)
{
	int vcpu = IOCTL(vm.fd, KVM_CREATE_VCPU, (u64)id);

	set_cpuid(vcpu, id);
	/* The others wait, in the kernel, for the first one's INIT and start-up interrupts. */
	if (id == 0)
		boot_vcpu(vcpu);
	return vcpu;
}

static void *run_vcpu(void *fd)
{
	int vcpu = *(int *)fd, size = IOCTL(vm.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	if (run == MAP_FAILED)
		err(STATUS_ERROR, "cannot map a vCPU's kvm_run");
	for (;;) {
		if (ioctl(vcpu, KVM_RUN, 0) == 0)
			handle_exit(vcpu, run);
		else if (errno != EINTR && errno != EAGAIN)
			err(STATUS_ERROR, "KVM_RUN");
	}
}

/* -------------------------------------------------------------------------------------------------------- machine */

static void create_vm(void)
{
	struct kvm_userspace_memory_region memory = { .memory_size = vm.ram_size };

	vm.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm.kvm < 0)
		err(STATUS_ERROR, "/dev/kvm");
	if (ioctl(vm.kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		errx(STATUS_ERROR, "this is another /dev/kvm");
	vm.fd = IOCTL(vm.kvm, KVM_CREATE_VM, 0);

	/* Intel processors without unrestricted guest run real mode in pages that the VMM gives up for it. */
	if (ioctl(vm.kvm, KVM_CHECK_EXTENSION, KVM_CAP_SET_TSS_ADDR) > 0) {
		u64 identity_map = 0xfffbc000;

		IOCTL(vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
		IOCTL(vm.fd, KVM_SET_TSS_ADDR, 0xfffbd000UL);
	}
	IOCTL(vm.fd, KVM_CREATE_IRQCHIP, 0);

	vm.ram = mmap(NULL, vm.ram_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm.ram == MAP_FAILED)
		err(STATUS_ERROR, "no memory for the guest");
	memory.userspace_addr = (u64)vm.ram;
	IOCTL(vm.fd, KVM_SET_USER_MEMORY_REGION, &memory);
}

enum { KERNEL, INITRD, APPEND, SMP, MEM, DISK, NET };

static struct {
	const char *name, *value;
} options[] = {
	[KERNEL] = { "--kernel" },
	[INITRD] = { "--initrd" },
	[APPEND] = { "--append", "console=ttyS0" },
	[SMP] = { "--smp", "1" },
	[MEM] = { "--mem", "256" },
	[DISK] = { "--disk" },
	[NET] = { "--net" },
};

static void parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2) {
		unsigned int o = 0;

		while (o < ARRAY_SIZE(options) && strcmp(argv[i], options[o].name))
			o++;
		if (o == ARRAY_SIZE(options) || i + 1 == argc)
			goto usage;
		options[o].value = argv[i + 1];
	}
	vm.cpus = atoi(options[SMP].value);
	vm.ram_size = strtoull(options[MEM].value, NULL, 0) << 20;
	if (options[KERNEL].value && vm.cpus && vm.cpus <= MAX_CPUS && vm.ram_size >= 64UL << 20 &&
	    vm.ram_size <= RAM_MAX)
		return;
usage:
	errx(STATUS_ERROR,
	     "usage: vmm --kernel BZIMAGE [--initrd FILE] [--append 'ARGS'] [--smp N] [--mem MB]\n"
	     "           [--disk FILE] [--net TAP]\n"
	     "Ends with 0 when the guest powers off, 2 when it resets, 3 after a triple fault,\n"
	     "N when it writes N to port 0xf4.");
}

int main(int argc, char **argv)
{
	static int vcpus[MAX_CPUS];
	pthread_t thread;

	parse(argc, argv);
	create_vm();
	serial_init();
	if (options[DISK].value)
		blk_add(options[DISK].value);
	if (options[NET].value)
		net_add(options[NET].value);
	acpi_write();
	boot_load(options[KERNEL].value, options[INITRD].value, options[APPEND].value);

	for (u32 id = 0; id < vm.cpus; id++)
		vcpus[id] = create_vcpu(id);
	for (u32 id = 0; id < vm.cpus; id++)
		if (pthread_create(&thread, NULL, run_vcpu, &vcpus[id]))
			err(STATUS_ERROR, "no thread for a vCPU");
	serve_devices();
}
