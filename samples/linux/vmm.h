/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VMM that boots Linux, in less than a thousand lines.  Read main.c first, then boot.c and acpi.c for what the kernel
 * finds when it starts, and virtio.c for how a device and its driver talk.
 *
 * There is one machine in a process, so what belongs to it is global.  One lock is enough: vCPUs hold it while they are
 * out of the guest with an exit, the main thread while it serves the devices.
 */
#ifndef VMM_H
#define VMM_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The machine as guest and VMM both know it.  Global interrupts 0 to 15 reach the PIC too: nothing here uses those. */
#define RAM_MAX 0xd0000000UL /* devices live between this and 4 GiB */
#define VIRTIO_BASE 0xd0000000UL /* a page for each virtio device */
#define VIRTIO_DEVICES 2
#define SERIAL_GSI 16
#define VIRTIO_GSI 17 /* the first device's */
#define PORT_SERIAL 0x3f8 /* 8 ports */
#define PORT_RESET 0x64 /* write 0xfe: the keyboard controller's way to reset */
#define PORT_SLEEP 0x600 /* ACPI's sleep control register */
#define PORT_EXIT 0xf4 /* write N: the VMM ends with status N */

/* Low memory, in the order of addresses. */
#define GDT_ADDR 0x1000UL
#define BOOT_PARAMS_ADDR 0x2000UL
#define PAGE_TABLES_ADDR 0x3000UL /* 6 pages */
#define CMDLINE_ADDR 0x10000UL
#define LOW_RAM_END 0x9fc00UL
#define ACPI_ADDR 0xe0000UL
#define RESET_VECTOR_ADDR 0xffff0UL

struct machine {
	int kvm, fd;
	u8 *ram;
	u64 ram_size;
	unsigned int cpus;
};

extern struct machine vm;

/* An ioctl that must succeed. */
int must_ioctl(int fd, unsigned long command, void *argument, const char *name);
#define IOCTL(fd, command, argument) must_ioctl(fd, command, (void *)(argument), #command)

/* Guest memory as the VMM sees it, or NULL when it is not all memory. */
void *guest_memory(u64 gpa, u64 size);

/* Calls @handler in the main thread whenever @fd can be read, until it returns false. */
void watch(int fd, bool (*handler)(void *data), void *data);
/* An eventfd whose write is an edge on an interrupt line. */
int irq_eventfd(u32 gsi);

/* boot.c: loads a bzImage; puts a vCPU at its entry.  acpi.c: tables of CPUs, devices and how to power off. */
void boot_load(const char *kernel, const char *initrd, const char *cmdline);
void boot_vcpu(int vcpu);
void acpi_write(void);

/* serial.c: a 16550A. */
void serial_init(void);
void serial_out(u16 offset, u8 value);
u8 serial_in(u16 offset);

/* virtio.c: the transport and the queues of the devices. */
#define QUEUE_MAX 256

struct queue {
	u16 size;
	u16 last_avail; /* what the device has taken */
	bool ready;
	int kick; /* the doorbell: an eventfd that the driver's write signals */
	u64 desc, avail, used; /* guest addresses */
};

/* A chain of descriptors: what the device may read, then what it may write. */
struct chain {
	u16 head;
	unsigned int readable, writable;
	struct iovec iov[QUEUE_MAX];
};

struct virtio {
	u32 id; /* VIRTIO_ID_* */
	u64 features;
	const void *config;
	u32 config_size;
	unsigned int nr_queues;
	unsigned int request_queue; /* the one whose chains are for request() */
	u32 (*request)(struct chain *chain); /* returns how many bytes it has written */

	struct queue queues[2];
	u32 isr, status, feature_select, queue_select;
	int irq;
};

void virtio_add(struct virtio *dev);
/* False when no device is there. */
bool virtio_mmio(u64 gpa, void *data, u32 len, bool write);
/* The next chain; false when there is none. */
bool queue_pop(struct queue *queue, struct chain *chain);
/* Gives a chain back, with so many bytes written. */
void queue_push(struct queue *queue, const struct chain *chain, u32 written);
void virtio_interrupt(struct virtio *dev, struct queue *queue);

/* blk.c, net.c */
void blk_add(const char *path);
void net_add(const char *tap);

#endif
