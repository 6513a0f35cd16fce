// SPDX-License-Identifier: GPL-2.0-only
/* The 8254: its counters, its interrupt, its state. */
#include "apic.h"
#include "vm.h"

static void set_up(void)
{
	apic_enable();
	apic_write(APIC_LVT0, LVT_EXTINT);
	pic_init(0x30);
	outb(PIC1 + 1, 0xfe);
}

static void load(u8 channel, u8 mode, u16 count)
{
	outb(0x43, channel << 6 | 0x30 | mode << 1);
	outb(0x40 + channel, count);
	outb(0x40 + channel, count >> 8);
}

static u16 latch(u8 channel)
{
	u8 low;

	outb(0x43, channel << 6);
	low = inb(0x40 + channel);
	return low | inb(0x40 + channel) << 8;
}

static void periodic(u64 unused)
{
	set_up();
	load(0, 2, 1193); /* 1 ms */
	irq_enable();
	while (irq_counts[0x30] < 5)
		relax();
	guest_sync(irq_counts[0x30] >= 5);
}

CASE(rate, "channel 0 as a rate generator gives interrupts until changed")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP | VM_PIT, periodic, 0);

	guest_handlers[0x30] = irq_count_pic;
	vcpu_expect_sync(cpu, 1);
}

static void once(u64 unused)
{
	set_up();
	load(0, 0, 2000);
	irq_enable();
	while (!irq_counts[0x30])
		relax();
	/* About four of its periods: nothing more comes */
	load(1, 2, 0);
	for (u16 begin = latch(1); (u16)(begin - latch(1)) < 8000;)
		relax();
	G_ASSERT_EQ(irq_counts[0x30], 1);
	load(0, 0, 1000);
	while (irq_counts[0x30] < 2)
		relax();
}

CASE(one_shot, "channel 0 in mode 0 gives one interrupt a load")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP | VM_PIT, once, 0);

	guest_handlers[0x30] = irq_count_pic;
	vcpu_expect_done(cpu);
}

static void halted(u64 unused)
{
	set_up();
	load(0, 2, 2386); /* 2 ms */
	halt_while(irq_counts[0x30] < 5);
}

CASE(wakes, "its interrupt wakes a halted CPU")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP | VM_PIT, halted, 0);

	guest_handlers[0x30] = irq_count_pic;
	vcpu_expect_done(cpu);
}

static void counts(u64 unused)
{
	u16 a, b;

	load(2, 0, 0xffff);
	outb(0x61, 1); /* gate on */
	load(2, 0, 0xffff);
	a = latch(2);
	for (int i = 0; i < 100; i++)
		inb(0x61);
	b = latch(2);
	G_ASSERT(b < a);
	/* The gate stops it. */
	outb(0x61, 0);
	a = latch(2);
	for (int i = 0; i < 20; i++)
		inb(0x61);
	guest_sync(a == latch(2));
}

CASE(latched, "a counter counts down while its gate is on")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP | VM_PIT | VM_SPEAKER, counts, 0);
	struct event ev = vcpu_run(cpu);

	/* Whether a closed gate stops the counting differs between implementations; the rest does not. */
	CHECK_EQ(ev.kind, EV_SYNC);
}

static void output(u64 unused)
{
	outb(0x61, 1);
	load(2, 0, 5000);
	G_ASSERT_EQ(inb(0x61) & 0x20, 0);
	while (!(inb(0x61) & 0x20))
		relax();
	/* The read-back command: status and count at once */
	load(2, 3, 1234);
	outb(0x43, 0xc0 | 2 << 2);
	G_ASSERT_EQ(inb(0x42) & 0x3f, 0x36);
}

CASE(speaker, "channel 2's output is seen in port 61; read-back gives mode and access")
{
	vcpu_expect_done(vm_with(VM_IRQCHIP | VM_PIT | VM_SPEAKER, output, 0));
}

static void prepare(u64 unused)
{
	load(0, 2, 0x1234);
	load(2, 3, 0x4321);
	guest_sync(1);
}

CASE(state, "KVM_GET_PIT2 shows what was loaded, KVM_SET_PIT2 sets it")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP | VM_PIT, prepare, 0);
	struct kvm_pit_state2 s, t;

	NEED(cpu->vm->kvm, KVM_CAP_PIT_STATE2);
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->vm->fd, KVM_GET_PIT2, &s));
	CHECK_EQ(s.channels[0].count, 0x1234);
	CHECK_EQ(s.channels[0].mode, 2);
	CHECK_EQ(s.channels[0].rw_mode, 3);
	CHECK_EQ(s.channels[2].count, 0x4321);
	CHECK_EQ(s.channels[2].mode, 3);
	CHECK_EQ(s.flags, 0);
	s.channels[0].count = 0x2222;
	s.channels[2].mode = 2;
	OK(ioctl(cpu->vm->fd, KVM_SET_PIT2, &s));
	OK(ioctl(cpu->vm->fd, KVM_GET_PIT2, &t));
	CHECK_EQ(t.channels[0].count, 0x2222);
	CHECK_EQ(t.channels[2].mode, 2);
	vcpu_expect_done(cpu);
}

CASE(old_state, "KVM_GET_PIT and KVM_SET_PIT, the old forms, do the channels")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP | VM_PIT, prepare, 0);
	struct kvm_pit_state s;

	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->vm->fd, KVM_GET_PIT, &s));
	CHECK_EQ(s.channels[0].count, 0x1234);
	s.channels[0].count = 0x3333;
	OK(ioctl(cpu->vm->fd, KVM_SET_PIT, &s));
	OK(ioctl(cpu->vm->fd, KVM_GET_PIT, &s));
	CHECK_EQ(s.channels[0].count, 0x3333);
}

CASE(create, "it is made once (EEXIST); without one its commands give ENXIO")
{
	struct vm *vm = vm_new(VM_IRQCHIP | VM_PIT);
	struct kvm_pit_config config = { 0 };
	struct kvm_reinject_control control = { .pit_reinject = 0 };
	struct kvm_pit_state2 s;

	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_PIT2, &config), EEXIST);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_PIT, 0), EEXIST);
	OK(ioctl(vm->fd, KVM_REINJECT_CONTROL, &control));
	vm = vm_new(VM_IRQCHIP);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_PIT2, &s), ENXIO);
	memset(&s, 0, sizeof(s));
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_PIT2, &s), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_REINJECT_CONTROL, &control), ENXIO);
	/* With the dummy speaker, as Firecracker wants it */
	config.flags = KVM_PIT_SPEAKER_DUMMY;
	OK(ioctl(vm->fd, KVM_CREATE_PIT2, &config));
}

static void lapic_off(u64 unused)
{
	apic_enable();
	apic_write(APIC_LVT0, LVT_MASKED | LVT_EXTINT);
	pic_init(0x30);
	outb(PIC1 + 1, 0xff);
	ioapic_route(2, 0x44, 0); /* the timer's input of the I/O APIC */
	load(0, 2, 1193);
	irq_enable();
	while (irq_counts[0x44] < 5)
		relax();
}

CASE(through_ioapic,
     "its interrupt reaches input 2 of the I/O APIC when the program routes it there")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP | VM_PIT, lapic_off, 0);
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e;
	} t = { .head.nr = 1,
		.e = { .gsi = 0,
		       .type = KVM_IRQ_ROUTING_IRQCHIP,
		       .u.irqchip = { KVM_IRQCHIP_IOAPIC, 2 } } };

	OK(ioctl(cpu->vm->fd, KVM_SET_GSI_ROUTING, &t));
	guest_handlers[0x44] = irq_count;
	vcpu_expect_done(cpu);
}
