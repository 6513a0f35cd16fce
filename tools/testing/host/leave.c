// SPDX-License-Identifier: GPL-2.0-only
/*
 * leave kexec|crash KERNEL INITRD CMDLINE
 * leave reset
 *
 * Starts a guest on every CPU and, while they run, leaves the kernel: into another one by kexec, into the crash kernel by a
 * panic, by a reset of the machine.  Comes back only when that fails.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/kvm.h>
#include <linux/reboot.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RAM 0x10000UL
#define CODE 0x1000
#define COUNTER 0x2000

static int kvm;

/* Real mode: counts, for ever. */
static const unsigned char code[] = { 0xff, 0x06, COUNTER & 0xff, COUNTER >> 8, /* incw COUNTER */
				      0xeb, 0xfa }; /* jmp to it */

static volatile unsigned short *new_guest(int *vcpu)
{
	struct kvm_userspace_memory_region slot = { .memory_size = RAM };
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs sregs;
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	char *ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (ram == MAP_FAILED)
		err(1, "memory");
	memcpy(ram + CODE, code, sizeof(code));
	slot.userspace_addr = (unsigned long)ram;
	if (vm < 0 || ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000) ||
	    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot))
		err(1, "a guest");
	*vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (*vcpu < 0 || ioctl(*vcpu, KVM_GET_SREGS, &sregs))
		err(1, "a vCPU");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(*vcpu, KVM_SET_SREGS, &sregs) || ioctl(*vcpu, KVM_SET_REGS, &regs))
		err(1, "its registers");
	return (volatile unsigned short *)(ram + COUNTER);
}

static void *run_guest(void *vcpu)
{
	ioctl(*(int *)vcpu, KVM_RUN, 0);
	err(1, "the guest stopped");
}

static void start_guest(int cpu)
{
	int *vcpu = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile unsigned short *counter = new_guest(vcpu);
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (pthread_create(&thread, &attr, run_guest, vcpu))
		errx(1, "no thread");
	while (!*counter)
		usleep(1000);
}

static void load_kernel(char **argv, unsigned long flags)
{
	int kernel = open(argv[0], O_RDONLY), initrd = open(argv[1], O_RDONLY);

	if (kernel < 0 || initrd < 0)
		err(1, "%s, %s", argv[0], argv[1]);
	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(argv[2]) + 1, argv[2], flags))
		err(1, "kexec_file_load");
}

static void sysrq(const char *key)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	if (fd < 0 || write(fd, key, 1) != 1)
		err(1, "/proc/sysrq-trigger");
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";

	if (argc == 5 && !strcmp(way, "kexec"))
		load_kernel(argv + 2, 0);
	else if (argc == 5 && !strcmp(way, "crash"))
		load_kernel(argv + 2, KEXEC_FILE_ON_CRASH);
	else if (strcmp(way, "reset"))
		errx(2, "kexec|crash KERNEL INITRD CMDLINE, or reset");

	kvm = open("/dev/kvm", O_RDWR);
	if (kvm < 0)
		err(1, "/dev/kvm");
	for (int i = 0; i < sysconf(_SC_NPROCESSORS_ONLN); i++)
		start_guest(i);

	if (!strcmp(way, "kexec"))
		syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			LINUX_REBOOT_CMD_KEXEC, NULL);
	else
		sysrq(*way == 'c' ? "c" : "b");
	sleep(10);
	errx(1, "still here");
}
