// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Linux boot protocol, Documentation/arch/x86/boot.rst of the kernel: what a boot loader does, done from outside.  The
 * kernel is entered in 64-bit mode.
 */
#include <asm/bootparam.h>
#include <stddef.h>

#include "vmm.h"

#define SECTOR 512
#define HEADER_OFFSET offsetof(struct boot_params, hdr)
#define HEADER_MAGIC 0x53726448 /* "HdrS" */
#define PROTOCOL_2_12 0x20c /* the first with a 64-bit entry */
#define ENTRY_64 0x200 /* from where the kernel is loaded */
#define LOADER_OTHER 0xff
#define E820_RAM 1
#define E820_RESERVED 2

#define SELECTOR_CODE 0x10
#define SELECTOR_DATA 0x18
#define PAGE_SIZE 4096
#define LARGE_PAGE (2UL << 20)

static u64 entry;

/* Reads a file, from @offset to its end or @size bytes of it, into guest memory. */
static void read_file(int fd, const char *path, u64 offset, u64 gpa, u64 size)
{
	void *memory = guest_memory(gpa, size);

	if (!memory)
		errx(1, "the guest has not enough memory for %s", path);
	for (ssize_t n; size; size -= n, offset += n, memory += n) {
		n = pread(fd, memory, size, offset);
		if (n <= 0)
			errx(1, "%s: too short", path);
	}
}

static int open_file(const char *path, u64 *size)
{
	struct stat stat;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &stat))
		err(1, "%s", path);
	*size = stat.st_size;
	return fd;
}

/* As high as the kernel takes it, page aligned. */
static void load_initrd(struct setup_header *header, const char *path)
{
	u64 size, top = vm.ram_size;
	int fd = open_file(path, &size);

	if (top > header->initrd_addr_max)
		top = header->initrd_addr_max;
	header->ramdisk_image = (top - size) & ~(PAGE_SIZE - 1UL);
	header->ramdisk_size = size;
	read_file(fd, path, 0, header->ramdisk_image, size);
	close(fd);
}

static void add_memory(struct boot_params *params, u64 start, u64 end, u32 type)
{
	params->e820_table[params->e820_entries++] =
		(struct boot_e820_entry){ .addr = start, .size = end - start, .type = type };
}

void boot_load(const char *kernel, const char *initrd, const char *cmdline)
{
	/* The one thing left of a BIOS: a kernel that means to reset may jump there.  mov $0xfe, %al; out %al, $0x64; hlt */
	static const u8 reset[] = { 0xb0, 0xfe, 0xe6, PORT_RESET, 0xf4 };
	struct boot_params *params = guest_memory(BOOT_PARAMS_ADDR, sizeof(*params));
	struct setup_header *header = &params->hdr;
	u64 size, setup;
	int fd = open_file(kernel, &size);

	/* The header, out of the part of the kernel that real mode would run and that nothing runs here. */
	read_file(fd, kernel, HEADER_OFFSET, BOOT_PARAMS_ADDR + HEADER_OFFSET, sizeof(*header));
	setup = ((header->setup_sects ?: 4) + 1) * SECTOR;
	if (header->header != HEADER_MAGIC || header->version < PROTOCOL_2_12 || size < setup ||
	    !(header->xloadflags & XLF_KERNEL_64))
		errx(1, "%s: not a bzImage with a 64-bit entry", kernel);
	if (!guest_memory(header->pref_address, header->init_size))
		errx(1, "%s: needs more memory than the guest has", kernel);
	read_file(fd, kernel, setup, header->pref_address, size - setup);
	close(fd);
	entry = header->pref_address + ENTRY_64;

	if (strlen(cmdline) > header->cmdline_size)
		errx(1, "the kernel's command line is too long");
	strcpy(guest_memory(CMDLINE_ADDR, strlen(cmdline) + 1), cmdline);
	memcpy(guest_memory(RESET_VECTOR_ADDR, sizeof(reset)), reset, sizeof(reset));
	header->cmd_line_ptr = CMDLINE_ADDR;
	header->type_of_loader = LOADER_OTHER;
	params->acpi_rsdp_addr = ACPI_ADDR;
	if (initrd)
		load_initrd(header, initrd);
	add_memory(params, 0, LOW_RAM_END, E820_RAM);
	add_memory(params, LOW_RAM_END, 1UL << 20, E820_RESERVED);
	add_memory(params, 1UL << 20, vm.ram_size, E820_RAM);
}

/* The first 4 GiB at their own addresses: one PML4 entry, four of the next level, 2 MiB pages. */
static void map_everything(void)
{
	u64 *tables = guest_memory(PAGE_TABLES_ADDR, 6 * PAGE_SIZE);
	u64 *pdpt = tables + 512, *pd = pdpt + 512;

	tables[0] = (PAGE_TABLES_ADDR + PAGE_SIZE) | 3; /* present, writable */
	for (u64 i = 0; i < 4; i++)
		pdpt[i] = (PAGE_TABLES_ADDR + (2 + i) * PAGE_SIZE) | 3;
	for (u64 i = 0; i < 4 * 512; i++)
		pd[i] = i * LARGE_PAGE | 0x83; /* and large */
}

void boot_vcpu(int vcpu)
{
	static const u64 gdt[] = { [SELECTOR_CODE / 8] = 0x00af9b000000ffff,
				   [SELECTOR_DATA / 8] = 0x00cf93000000ffff };
	struct kvm_segment flat = { .limit = ~0U, .type = 3, .present = 1, .s = 1, .g = 1 };
	struct kvm_regs regs = { .rip = entry, .rsi = BOOT_PARAMS_ADDR, .rflags = 2 };
	struct kvm_sregs sregs;

	map_everything();
	memcpy(guest_memory(GDT_ADDR, sizeof(gdt)), gdt, sizeof(gdt));

	/* What the kernel left at reset stays as it is: the task register, the APIC's base. */
	IOCTL(vcpu, KVM_GET_SREGS, &sregs);
	sregs.cs = sregs.ds = flat;
	sregs.cs.selector = SELECTOR_CODE;
	sregs.cs.type = 0xb;
	sregs.cs.l = 1;
	sregs.ds.selector = SELECTOR_DATA;
	sregs.ds.db = 1;
	sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
	sregs.gdt = (struct kvm_dtable){ .base = GDT_ADDR, .limit = sizeof(gdt) - 1 };
	sregs.cr0 = 1U << 31 | 1 << 4 | 1; /* PG, ET, PE */
	sregs.cr3 = PAGE_TABLES_ADDR;
	sregs.cr4 = 1 << 5; /* PAE */
	sregs.efer = 1 << 10 | 1 << 8; /* LMA, LME */
	IOCTL(vcpu, KVM_SET_SREGS, &sregs);
	IOCTL(vcpu, KVM_SET_REGS, &regs);
}
