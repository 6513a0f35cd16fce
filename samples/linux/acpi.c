// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI tables for a machine without a past ("hardware-reduced": no PIT, no PIC, no fixed registers), ACPI Specification
 * 6.5, chapter 5.  RSDP -> XSDT -> FADT -> DSDT, and the MADT with the interrupt controllers.
 */
#include <string.h>

#include "vmm.h"

#define FADT_RESET_REG_SUPPORTED (1 << 10)
#define FADT_HW_REDUCED (1 << 20)
#define BOOT_ARCH_LEGACY_DEVICES 1 /* of which the serial port is one */
#define BOOT_ARCH_NO_VGA (1 << 2)
#define BOOT_ARCH_NO_RTC (1 << 5)
#define SPACE_IO 1

struct address {
	u8 space, bits, offset, access;
	u64 address;
} __attribute__((packed));

struct header {
	char signature[4];
	u32 length;
	u8 revision, checksum;
	char oem[6], oem_table[8];
	u32 oem_revision;
	char creator[4];
	u32 creator_revision;
} __attribute__((packed));

struct rsdp {
	char signature[8];
	u8 checksum;
	char oem[6];
	u8 revision;
	u32 rsdt, length;
	u64 xsdt;
	u8 checksum_all, reserved[3];
} __attribute__((packed));

struct fadt {
	struct header header;
	u8 fixed_hardware[109 - sizeof(struct header)]; /* there is none */
	u16 boot_arch;
	u8 reserved;
	u32 flags;
	struct address reset;
	u8 reset_value;
	u8 skipped[140 - 129];
	u64 dsdt;
	u8 fixed_blocks[244 - 148];
	struct address sleep_control, sleep_status;
	u64 hypervisor;
} __attribute__((packed));

static u8 *table; /* where the next table goes */

static u64 gpa_of(const void *pointer)
{
	return (const u8 *)pointer - vm.ram;
}

static u8 checksum(const void *data, u32 size)
{
	u8 sum = 0;

	for (u32 i = 0; i < size; i++)
		sum -= ((const u8 *)data)[i];
	return sum;
}

static void *begin(const char *signature, u8 revision)
{
	struct header *header = (struct header *)table;

	memcpy(header->signature, signature, 4);
	header->revision = revision;
	memcpy(header->oem, "SAMPLE", 6);
	memcpy(header->oem_table, "LINUXVMM", 8);
	memcpy(header->creator, "VMM ", 4);
	table += sizeof(*header);
	return header;
}

static void end(struct header *header)
{
	header->length = table - (u8 *)header;
	header->checksum = checksum(header, header->length);
	table += -(u64)table & 15;
}

static void put(const void *data, u32 size)
{
	memcpy(table, data, size);
	table += size;
}

#define PUT(...) put((u8[]){ __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ }))
#define BYTES(v) (u8)(v), (u8)((v) >> 8), (u8)((v) >> 16), (u8)((v) >> 24)

/* Name (NAME, ...): the value is put next. */
static void aml_name(const char *name)
{
	PUT(0x08);
	put(name, 4);
}

/*
 * Device (NAME) { Name (_HID, hid) Name (_UID, uid) Name (_CRS, ...) } in the ACPI machine language.  All of it is shorter
 * than 64 bytes, so lengths take one byte, which counts itself.
 */
static void aml_device(const char *name, const char *hid, u8 uid, const u8 *io, u32 io_size,
		       u32 gsi)
{
	u8 *length;

	PUT(0x5b, 0x82);
	length = table++;
	put(name, 4);
	aml_name("_HID");
	PUT(0x0d);
	put(hid, strlen(hid) + 1);
	aml_name("_UID");
	PUT(0x0a, uid);
	aml_name(
		"_CRS"); /* a buffer: I/O, an interrupt (consumer, edge, active high, exclusive), the end */
	PUT(0x11, io_size + 14, 0x0a, io_size + 11);
	put(io, io_size);
	PUT(0x89, 6, 0, 3, 1, BYTES(gsi), 0x79, 0);
	*length = table - length;
}

static u64 write_dsdt(unsigned int virtio_devices)
{
	static const u8 serial_ports[] = { 0x47, 1, BYTES(PORT_SERIAL | PORT_SERIAL << 16), 1, 8 };
	struct header *dsdt = begin("DSDT", 6);
	u8 *scope;

	/* Name (\_S5, Package () { 5, 0 }): how to power off.  Then Scope (\_SB), its length in two bytes. */
	aml_name("_S5_");
	PUT(0x12, 5, 2, 0x0a, 5, 0);
	PUT(0x10);
	scope = table;
	table += 2;
	PUT('\\', '_', 'S', 'B', '_');
	aml_device("COM1", "PNP0501", 0, serial_ports, sizeof(serial_ports), SERIAL_GSI);
	for (u32 i = 0; i < virtio_devices; i++) {
		char name[] = { 'V', 'R', '0', '0' + i };
		u8 registers[] = { 0x86, 9, 0, 1, BYTES(VIRTIO_BASE + i * 0x1000), BYTES(0x1000) };

		aml_device(name, "LNRO0005", i, registers, sizeof(registers), VIRTIO_GSI + i);
	}
	scope[0] = 0x40 | ((table - scope) & 0xf);
	scope[1] = (table - scope) >> 4;
	end(dsdt);
	return gpa_of(dsdt);
}

static u64 write_fadt(u64 dsdt)
{
	struct fadt *fadt = begin("FACP", 6);

	table = (u8 *)(fadt + 1);
	fadt->boot_arch = BOOT_ARCH_LEGACY_DEVICES | BOOT_ARCH_NO_VGA | BOOT_ARCH_NO_RTC;
	fadt->flags = FADT_HW_REDUCED | FADT_RESET_REG_SUPPORTED;
	fadt->reset = (struct address){ SPACE_IO, 8, 0, 1, PORT_RESET };
	fadt->reset_value = 0xfe;
	fadt->dsdt = dsdt;
	fadt->sleep_control = (struct address){ SPACE_IO, 8, 0, 1, PORT_SLEEP };
	fadt->sleep_status = (struct address){ SPACE_IO, 8, 0, 1, PORT_SLEEP + 1 };
	end(&fadt->header);
	return gpa_of(fadt);
}

static u64 write_madt(void)
{
	struct header *madt = begin("APIC", 5);

	PUT(BYTES(0xfee00000), BYTES(0)); /* the local APICs' address; no PIC */
	for (u32 i = 0; i < vm.cpus; i++)
		PUT(0, 8, i, i, BYTES(1)); /* a local APIC, enabled */
	PUT(1, 12, 0, 0, BYTES(0xfec00000), BYTES(0)); /* the IOAPIC, from interrupt 0 */
	end(madt);
	return gpa_of(madt);
}

void acpi_write(unsigned int virtio_devices)
{
	struct rsdp *rsdp = guest_memory(ACPI_ADDR, 0x10000);
	u64 tables[2];
	struct header *xsdt;

	table = (u8 *)rsdp + 64;
	tables[0] = write_fadt(write_dsdt(virtio_devices));
	tables[1] = write_madt();
	xsdt = begin("XSDT", 1);
	put(tables, sizeof(tables));
	end(xsdt);

	memcpy(rsdp->signature, "RSD PTR ", 8);
	memcpy(rsdp->oem, "SAMPLE", 6);
	rsdp->revision = 2;
	rsdp->length = sizeof(*rsdp);
	rsdp->xsdt = gpa_of(xsdt);
	rsdp->checksum = checksum(rsdp, 20);
	rsdp->checksum_all = checksum(rsdp, sizeof(*rsdp));
}
