// SPDX-License-Identifier: GPL-2.0-only
/*
 * What KVM_IRQ_LINE_STATUS answers: to how many an interrupt was delivered; 0 where it has become part of one that waits
 * already; below 0 where it was ignored: masked, or taken by nobody.
 */
#include <unistd.h>

#include "apic.h"
#include "debugfs.h"
#include "vm.h"

/* GSIs: the 8259s' inputs, the I/O APIC's, an input of each, messages */
#define PIC(pin) (pin)
#define PIN(pin) (16 + (pin))
#define BOTH 40
#define MESSAGE 41
#define TO_NOBODY 42
#define ILLEGAL 43
#define NO_ROUTE 44
#define NR_ROUTES 45 /* BOTH has two */

#define RTC_PIN 8
#define ABSENT_CPU 9

static struct vcpu *cpu;

static int line(u32 gsi, u32 level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	OK(ioctl(cpu->vm->fd, KVM_IRQ_LINE_STATUS, &l));
	return l.status;
}

#define EXPECT(gsi, level, want)                                                              \
	do {                                                                                  \
		int _status = line(gsi, level);                                               \
		if (_status != (want))                                                        \
			FAIL("%s := %d gives %d, not %d", #gsi, (int)(level), _status, want); \
	} while (0)

static void add_chip(struct kvm_irq_routing *r, u32 gsi, u32 chip, u32 pin)
{
	r->entries[r->nr++] = (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { chip, pin },
	};
}

static void add_message(struct kvm_irq_routing *r, u32 gsi, u32 destination, u8 vector)
{
	r->entries[r->nr++] = (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = APIC_BASE_ADDR | destination << 12, .data = vector },
	};
}

static void set_routes(struct vm *vm, bool chips)
{
	struct kvm_irq_routing *r = calloc(1, sizeof(*r) + NR_ROUTES * sizeof(r->entries[0]));

	for (u32 i = 0; chips && i < 16; i++)
		add_chip(r, PIC(i), i < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, i & 7);
	for (u32 i = 0; chips && i < 24; i++)
		add_chip(r, PIN(i), KVM_IRQCHIP_IOAPIC, i);
	if (chips) {
		add_chip(r, BOTH, KVM_IRQCHIP_PIC_MASTER, 4);
		add_chip(r, BOTH, KVM_IRQCHIP_IOAPIC, 4);
	}
	add_message(r, MESSAGE, 0, 0x50);
	add_message(r, TO_NOBODY, ABSENT_CPU, 0x50);
	add_message(r, ILLEGAL, 0, 5);
	OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r));
	free(r);
}

/* Runs @code to its first guest_sync(), with interrupts that are counted. */
static void start(unsigned int flags, void (*code)(u64))
{
	cpu = vm_with(flags, code, 0);
	set_routes(cpu->vm, flags & VM_IRQCHIP);
	for (int v = 0x30; v < 0x40; v++)
		guest_handlers[v] = irq_count_pic;
	for (int v = 0x40; v < 0x80; v++)
		guest_handlers[v] = irq_count;
	vcpu_expect_sync(cpu, 1);
}

/* The distribution's modules answer otherwise: api.rst says how. */
static void ours_alone(void)
{
	if (access(vm_path(cpu->vm, "vcpu0/flight"), F_OK))
		SKIP("the distribution's modules answer otherwise");
}

/* Lets in what waits, until nothing does. */
static void take_interrupts(void)
{
	irq_enable();
	for (int i = 0; i < 100; i++)
		relax();
	irq_disable();
}

static void all_masked(u64 unused)
{
	apic_enable();
	for (int pin = 0; pin < 24; pin++)
		ioapic_route(pin, IOAPIC_MASKED | (pin & 1 ? IOAPIC_LEVEL : 0) | (0x40 + pin), 0);
	pic_init(0x30);
	guest_sync(1);
}

CASE(masked, "a masked input: ignored; a GSI without a route likewise")
{
	start(VM_IRQCHIP, all_masked);
	for (u32 i = 0; i < 16; i++) {
		EXPECT(PIC(i), 1, -1);
		EXPECT(PIC(i), 0, -1);
	}
	for (u32 i = 0; i < 24; i++) {
		EXPECT(PIN(i), 1, -1);
		EXPECT(PIN(i), 0, 1);
		EXPECT(PIN(i), 1, -1);
	}
	EXPECT(NO_ROUTE, 1, -1);
	EXPECT(NO_ROUTE, 0, -1);
	EXPECT(4000, 1, -1);
}

static void edges(u64 unused)
{
	apic_enable();
	ioapic_route(16, 0x50, 0);
	ioapic_route(RTC_PIN, 0x51, 0);
	ioapic_route(21, ICR_NMI, 0);
	guest_sync(1);
	take_interrupts();
	G_ASSERT_EQ(irq_counts[0x50], 1);
	G_ASSERT_EQ(irq_counts[0x51], 1);
	guest_sync(2);
	take_interrupts();
	G_ASSERT_EQ(irq_counts[0x50], 2);
	G_ASSERT_EQ(irq_counts[0x51], 2);
}

CASE(ioapic_edge,
     "an edge: delivered when it rises, part of the first while high, and never lost when it falls")
{
	start(VM_IRQCHIP, edges);
	EXPECT(PIN(16), 1, 1);
	EXPECT(PIN(16), 1, 0);
	EXPECT(PIN(16), 0, 1);
	EXPECT(PIN(RTC_PIN), 1, 1);
	EXPECT(PIN(RTC_PIN), 0, 1);
	vcpu_expect_sync(cpu, 2);
	EXPECT(PIN(16), 1, 1);
	EXPECT(PIN(RTC_PIN), 1, 1);
	vcpu_expect_done(cpu);
}

CASE(rtc,
     "a second edge of the RTC, which counts what is lost, whose first was not taken yet: part of it")
{
	start(VM_IRQCHIP, edges);
	EXPECT(PIN(RTC_PIN), 1, 1);
	EXPECT(PIN(RTC_PIN), 0, 1);
	EXPECT(PIN(RTC_PIN), 1, 0);
	EXPECT(PIN(RTC_PIN), 0, 1);
}

CASE(second_edge, "the same on every other input")
{
	start(VM_IRQCHIP, edges);
	ours_alone();
	EXPECT(PIN(16), 1, 1);
	EXPECT(PIN(16), 0, 1);
	EXPECT(PIN(16), 1, 0);
}

static void on_nmi(struct frame *frame)
{
}

CASE(nmi, "an NMI by the I/O APIC: delivered at each rise")
{
	guest_handlers[2] = on_nmi;
	start(VM_IRQCHIP, edges);
	EXPECT(PIN(21), 1, 1);
	EXPECT(PIN(21), 0, 1);
	EXPECT(PIN(21), 1, 1);
}

static void levels(u64 unused)
{
	apic_enable();
	ioapic_route(17, IOAPIC_LEVEL | 0x52, 0);
	guest_sync(1);
	take_interrupts();
	G_ASSERT_EQ(irq_counts[0x52], 1);
	guest_sync(2);
}

CASE(ioapic_level, "a level: delivered when it rises, and again after it fell and was ended")
{
	start(VM_IRQCHIP, levels);
	EXPECT(PIN(17), 1, 1);
	EXPECT(PIN(17), 0, 1);
	EXPECT(PIN(17), 0, 1);
	vcpu_expect_sync(cpu, 2);
	EXPECT(PIN(17), 1, 1);
}

CASE(level_in_service,
     "a level that is raised again while its interrupt is not ended: part of that")
{
	start(VM_IRQCHIP, levels);
	ours_alone();
	EXPECT(PIN(17), 1, 1);
	EXPECT(PIN(17), 1, 0);
	EXPECT(PIN(17), 0, 1);
	EXPECT(PIN(17), 1, 0);
}

static void nowhere(u64 unused)
{
	apic_enable();
	ioapic_route(18, 0x53, ABSENT_CPU);
	ioapic_route(19, IOAPIC_LEVEL | 0x54, ABSENT_CPU);
	ioapic_route(20, 5, 0);
	guest_sync(1);
}

CASE(nobody, "no CPU of that number, or a vector that there is not: ignored")
{
	start(VM_IRQCHIP, nowhere);
	ours_alone();
	EXPECT(PIN(18), 1, -1);
	EXPECT(PIN(18), 0, 1);
	EXPECT(PIN(19), 1, -1);
	EXPECT(PIN(20), 1, -1);
	EXPECT(TO_NOBODY, 1, -1);
	EXPECT(ILLEGAL, 1, -1);
}

static void pics(u64 unused)
{
	apic_enable();
	apic_write(APIC_LVT0, LVT_EXTINT);
	pic_init(0x30);
	outb(0x4d0, BIT(5)); /* input 5 by level */
	outb(PIC1 + 1, 0);
	outb(PIC2 + 1, 0);
	guest_sync(1);
	take_interrupts();
	G_ASSERT_EQ(irq_counts[0x31], 1);
	G_ASSERT_EQ(irq_counts[0x39], 1);
	guest_sync(2);
}

CASE(pic, "the 8259s: delivered at a rise, part of the first until that is taken")
{
	start(VM_IRQCHIP, pics);
	for (u32 pin = 1; pin < 10; pin += 8) {
		EXPECT(PIC(pin), 1, 1);
		EXPECT(PIC(pin), 0, 1);
		EXPECT(PIC(pin), 1, 0);
		EXPECT(PIC(pin), 0, 1);
	}
	vcpu_expect_sync(cpu, 2);
	for (u32 pin = 1; pin < 10; pin += 8)
		EXPECT(PIC(pin), 1, 1);
}

CASE(pic_high,
     "the 8259s: an input that is high already has no rise, whether the first was taken or not")
{
	start(VM_IRQCHIP, pics);
	ours_alone();
	for (u32 pin = 1; pin < 10; pin += 8) {
		EXPECT(PIC(pin), 1, 1);
		EXPECT(PIC(pin), 1, 0);
	}
	vcpu_expect_sync(cpu, 2);
	for (u32 pin = 1; pin < 10; pin += 8)
		EXPECT(PIC(pin), 1, 0);
}

CASE(pic_level, "the 8259s by level: delivered when it rises, each time that it was low")
{
	start(VM_IRQCHIP, pics);
	EXPECT(PIC(5), 1, 1);
	EXPECT(PIC(5), 1, 0);
	EXPECT(PIC(5), 0, 1);
	EXPECT(PIC(5), 1, 1);
	EXPECT(PIC(5), 0, 1);
}

static void both(u64 unused)
{
	pics(0);
}

CASE(sum, "of a GSI with two routes: the sum of what was delivered")
{
	start(VM_IRQCHIP, both);
	/* The I/O APIC's input is masked. */
	EXPECT(BOTH, 1, 1);
	EXPECT(BOTH, 0, 2);
}

static void enabled(u64 unused)
{
	apic_enable();
	guest_sync(1);
	take_interrupts();
	guest_sync(2);
}

static void messages(unsigned int flags)
{
	start(flags, enabled);
	EXPECT(MESSAGE, 1, 1);
	EXPECT(MESSAGE, 0, -1);
	vcpu_expect_sync(cpu, 2);
	EXPECT(MESSAGE, 1, 1);
}

CASE(message, "a message: delivered for 1, ignored for 0")
{
	messages(VM_IRQCHIP);
}

CASE(message_split, "the same with a split irqchip")
{
	messages(VM_SPLIT_IRQCHIP);
}

static void disabled(u64 unused)
{
	guest_sync(1);
}

CASE(message_twice, "one that waits already takes the second in; who is disabled takes none")
{
	start(VM_SPLIT_IRQCHIP, enabled);
	ours_alone();
	EXPECT(MESSAGE, 1, 1);
	EXPECT(MESSAGE, 1, 0);
	start(VM_SPLIT_IRQCHIP, disabled);
	EXPECT(MESSAGE, 1, -1);
}
