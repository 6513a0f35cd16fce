// SPDX-License-Identifier: GPL-2.0-only
/* The interrupt command register: what is written to it, in both modes, is what the guest and the VMM read back. */
#include "apic.h"
#include "vm.h"

/* Vector 0x51 and up, to an APIC that does not exist: nothing of it is delivered. */
#define NOBODY 0x77

static u64 written, seen;

static void write_xapic(u64 unused)
{
	for (;;) {
		xapic_write(APIC_ICR2, written >> 32);
		xapic_write(APIC_ICR, written);
		seen = (u64)xapic_read(APIC_ICR2) << 32 | xapic_read(APIC_ICR);
		guest_sync(0);
	}
}

static void write_x2apic(u64 unused)
{
	x2apic_enable();
	for (;;) {
		u64 vector = catch_wrmsr(MSR_X2APIC + (APIC_ICR >> 4), written);

		seen = x2apic_read(APIC_ICR);
		guest_sync(vector);
	}
}

static u64 from_image(struct vcpu *cpu)
{
	return (u64)lapic_image_read(cpu, APIC_ICR2) << 32 | lapic_image_read(cpu, APIC_ICR);
}

static void expect(struct vcpu *cpu, u64 value, u64 vector, u64 want)
{
	written = value;
	vcpu_expect_sync(cpu, vector);
	CHECK_EQ(seen, want);
	CHECK_EQ(from_image(cpu), want);
}

CASE(xapic, "xAPIC: all bits but the busy bit, and the destination's eight")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, write_xapic, 0);
	const u64 kept = 0xff00000000000000 | 0xffffffff, to = (u64)NOBODY << 56;

	for (u64 mode = 0; mode < 8; mode++) {
		u64 icr = to | ICR_ASSERT | mode << 8 | 0x51;

		expect(cpu, icr, 0, icr);
		/* What is reserved */
		expect(cpu, icr | 0xfff32000, 0, icr | 0xfff32000);
		expect(cpu, icr | ICR_BUSY | 0x00ffffff00000000, 0, icr & kept);
	}
	/* To itself, of no use: the APIC is not enabled */
	expect(cpu, ICR_SELF | ICR_ASSERT | 0x51, 0, ICR_SELF | ICR_ASSERT | 0x51);
}

CASE(x2apic, "x2APIC: one register of 64 bits, whose reserved bits give #GP and change nothing")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, write_x2apic, 0);
	const u64 icr = 0x0001234500000000 | ICR_ASSERT | 0x51;
	const u64 reserved = 0xfff32000;

	expect(cpu, icr, NO_VECTOR, icr);
	for (int bit = 0; bit < 32; bit++) {
		if (reserved & BIT(bit))
			expect(cpu, icr | 1 | BIT(bit), 13, icr);
	}
	expect(cpu, icr | ICR_BUSY | 2, NO_VECTOR, icr | 2);
}
