// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI tables for a machine without a past ("hardware-reduced": no PIT, no PIC, no fixed registers), ACPI Specification
 * 6.5, chapter 5.  RSDP -> XSDT -> FADT -> DSDT, and the MADT with the interrupt controllers.
 */
#include "vmm.h"

#define BOOT_ARCH 0x25 /* legacy devices, of which the serial port is one; no VGA, no clock */
#define FADT_FLAGS (1 << 20 | 1 << 10) /* hardware-reduced; has a reset register */
#define FADT_SIZE 276
#define HEADER_SIZE 36

static u8 *table; /* where the next table goes */

static u8 checksum(const void *data, u32 size)
{
	u8 sum = 0;

	for (u32 i = 0; i < size; i++)
		sum -= ((const u8 *)data)[i];
	return sum;
}

/* Fields by their offsets in the specification, which is shorter than structures, and no harder to compare. */
static void set(u8 *field, u64 value, u32 size)
{
	memcpy(field, &value, size);
}

static u8 *begin(const char *signature, u8 revision)
{
	u8 *start = table;

	memcpy(start, signature, 4);
	start[8] = revision;
	memcpy(start + 10, "SAMPLELINUXVMM", 14); /* whose, which */
	table += HEADER_SIZE;
	return start;
}

static u64 end(u8 *start)
{
	set(start + 4, table - start, 4);
	start[9] = checksum(start, table - start);
	table += -(u64)table & 15;
	return start - vm.ram;
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
	/* A buffer: I/O, an interrupt (consumer, edge, active high, exclusive), the end. */
	aml_name("_CRS");
	PUT(0x11, io_size + 14, 0x0a, io_size + 11);
	put(io, io_size);
	PUT(0x89, 6, 0, 3, 1, BYTES(gsi), 0x79, 0);
	*length = table - length;
}

static u64 write_dsdt(void)
{
	static const u8 serial_ports[] = { 0x47, 1, BYTES(PORT_SERIAL | PORT_SERIAL << 16), 1, 8 };
	u8 *dsdt = begin("DSDT", 6);
	u8 *scope;

	/* Name (\_S5, Package () { 5, 0 }): how to power off.  Then Scope (\_SB), its length in two bytes. */
	aml_name("_S5_");
	PUT(0x12, 5, 2, 0x0a, 5, 0);
	PUT(0x10);
	scope = table;
	table += 2;
	PUT('\\', '_', 'S', 'B', '_');
	aml_device("COM1", "PNP0501", 0, serial_ports, sizeof(serial_ports), SERIAL_GSI);
	for (u32 i = 0; i < VIRTIO_DEVICES; i++) {
		char name[] = { 'V', 'R', '0', '0' + i };
		u8 registers[] = { 0x86, 9, 0, 1, BYTES(VIRTIO_BASE + i * 0x1000), BYTES(0x1000) };

		aml_device(name, "LNRO0005", i, registers, sizeof(registers), VIRTIO_GSI + i);
	}
	scope[0] = 0x40 | ((table - scope) & 0xf);
	scope[1] = (table - scope) >> 4;
	return end(dsdt);
}

/* A register: an I/O port of 8 bits. */
static void set_port(u8 *field, u16 port)
{
	set(field, 0x01000801, 4);
	set(field + 4, port, 8);
}

static u64 write_fadt(u64 dsdt)
{
	u8 *fadt = begin("FACP", 6);

	table = fadt + FADT_SIZE;
	set(fadt + 109, BOOT_ARCH, 2);
	set(fadt + 112, FADT_FLAGS, 4);
	set_port(fadt + 116, PORT_RESET);
	fadt[128] = 0xfe;
	set(fadt + 140, dsdt, 8);
	set_port(fadt + 244, PORT_SLEEP);
	set_port(fadt + 256, PORT_SLEEP + 1); /* the status */
	return end(fadt);
}

static u64 write_madt(void)
{
	u8 *madt = begin("APIC", 5);

	PUT(BYTES(0xfee00000), BYTES(0)); /* the local APICs' address; no PIC */
	for (u32 i = 0; i < vm.cpus; i++)
		PUT(0, 8, i, i, BYTES(1)); /* a local APIC, enabled */
	PUT(1, 12, 0, 0, BYTES(0xfec00000), BYTES(0)); /* the IOAPIC, from interrupt 0 */
	return end(madt);
}

void acpi_write(void)
{
	u8 *rsdp = guest_memory(ACPI_ADDR, 0x10000), *xsdt;
	u64 tables[2];

	table = rsdp + 64;
	tables[0] = write_fadt(write_dsdt());
	tables[1] = write_madt();
	xsdt = begin("XSDT", 1);
	put(tables, sizeof(tables));

	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = 2; /* revision */
	set(rsdp + 20, 36, 4);
	set(rsdp + 24, end(xsdt), 8);
	rsdp[8] = checksum(rsdp, 20);
	rsdp[32] = checksum(rsdp, 36);
}
