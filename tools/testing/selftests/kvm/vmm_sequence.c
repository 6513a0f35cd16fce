// SPDX-License-Identifier: GPL-2.0-only
/* The order in which kvmtool and Firecracker bring a machine up, call by call. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

CASE(kvmtool,
     "kvmtool's: TSS, controllers, timer, memory, vCPU, real mode, a line, a word on the serial port")
{
	struct vm vm = { .kvm = kvm_open() };
	struct kvm_pit_config pit = { 0 };
	struct kvm_lapic_state lapic;
	struct kvm_coalesced_mmio_zone zone = { .addr = 0xa0000, .size = 0x10000 };
	struct kvm_fpu fpu = { .fcw = 0x37f, .mxcsr = 0x1f80 };
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e[9];
	} msrs = { .head.nmsrs = 9,
		   .e = { { MSR_SYSENTER_CS, 0, 0 },
			  { MSR_SYSENTER_ESP, 0, 0 },
			  { MSR_SYSENTER_EIP, 0, 0 },
			  { MSR_STAR, 0, 0 },
			  { MSR_CSTAR, 0, 0 },
			  { MSR_KERNEL_GS_BASE, 0, 0 },
			  { MSR_SFMASK, 0, 0 },
			  { MSR_LSTAR, 0, 0 },
			  { MSR_TSC, 0, 0 } } };
	struct vcpu *cpu;
	u8 *mem;

	REQUIRE(ioctl(vm.kvm, KVM_GET_API_VERSION, 0) == 12);
	vm.fd = OK(ioctl(vm.kvm, KVM_CREATE_VM, 0));
	OK(ioctl(vm.fd, KVM_SET_TSS_ADDR, 0xfffbd000UL));
	OK(ioctl(vm.fd, KVM_CREATE_IRQCHIP, 0));
	OK(ioctl(vm.fd, KVM_CREATE_PIT2, &pit));
	mem = vm_add_slot(&vm, 0, 0, 0, 0x200000);
	OK(ioctl(vm.fd, KVM_REGISTER_COALESCED_MMIO, &zone));
	cpu = vcpu_new_bare(&vm, 0);
	OK(ioctl(cpu->fd, KVM_GET_LAPIC, &lapic));
	*(u32 *)(lapic.regs + APIC_LVT0) = LVT_EXTINT;
	*(u32 *)(lapic.regs + APIC_LVT1) = LVT_NMI;
	OK(ioctl(cpu->fd, KVM_SET_LAPIC, &lapic));
	CHECK_EQ(ioctl(cpu->fd, KVM_SET_MSRS, &msrs), 9);
	OK(ioctl(cpu->fd, KVM_SET_FPU, &fpu));
	/* sti; 1: hlt; jmp 1b   and for interrupt 0x24: mov $'!', %al; out %al, $0x3f8; EOI; iret */
	memcpy(mem + 0x10000, "\xfb\xf4\xeb\xfd", 4);
	memcpy(mem + 0x500, "\xb0\x21\xba\xf8\x03\xee\xb0\x20\xe6\x20\xcf", 11);
	*(u16 *)(mem + 4 * 0x24) = 0x500;
	vcpu_real_mode(cpu, 0x1000, 0);
	/* The program itself sets the 8259 up, for a guest that has no code for it. */
	{
		struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_PIC_MASTER };

		OK(ioctl(vm.fd, KVM_GET_IRQCHIP, &chip));
		chip.chip.pic.irq_base = 0x20;
		chip.chip.pic.imr = 0;
		OK(ioctl(vm.fd, KVM_SET_IRQCHIP, &chip));
	}
	for (int i = 0; i < 3; i++) {
		struct kvm_irq_level line = { .irq = 4, .level = 1 };

		OK(ioctl(vm.fd, KVM_IRQ_LINE, &line));
		line.level = 0;
		OK(ioctl(vm.fd, KVM_IRQ_LINE, &line));
		vcpu_expect_exit(cpu, KVM_EXIT_IO);
		CHECK_EQ(cpu->run->io.port, 0x3f8);
		CHECK_EQ(((u8 *)cpu->run)[cpu->run->io.data_offset], '!');
	}
}

static void firecracker_guest(u64 unused)
{
	apic_enable();
	irq_enable();
	guest_sync(1);
	for (int i = 0; i < 10000 && !irq_counts[0x45]; i++)
		relax();
	*(volatile u32 *)0xd0000050 = 1;
	guest_sync(irq_counts[0x45]);
}

CASE(firecracker,
     "Firecracker's: straight into 64-bit mode, virtio by irqfd and ioeventfd, state saved and set again")
{
	struct vm *vm = vm_new(0);
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct kvm_ioeventfd io = { .addr = 0xd0000050, .len = 4 };
	struct kvm_irqfd irq = { .gsi = 24 };
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e;
	} t = { .head.nr = 1,
		.e = { .gsi = 24,
		       .type = KVM_IRQ_ROUTING_MSI,
		       .u.msi = { .address_lo = 0xfee00000, .data = 0x45 } } };
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debug;
	struct kvm_xcrs xcrs;
	static struct kvm_xsave xsave;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp;
	struct kvm_clock_data clock;
	struct kvm_pit_state2 pit2;
	struct kvm_irqchip chips[3];
	struct vcpu *cpu;
	u64 one = 1, n = 0;

	OK(ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000UL));
	OK(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0));
	OK(ioctl(vm->fd, KVM_CREATE_PIT2, &pit));
	cpu = vcpu_new(vm, firecracker_guest, 0);
	io.fd = OK(eventfd(0, EFD_NONBLOCK));
	irq.fd = OK(eventfd(0, EFD_NONBLOCK));
	OK(ioctl(vm->fd, KVM_IOEVENTFD, &io));
	OK(ioctl(vm->fd, KVM_IRQFD, &irq));
	OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &t));
	guest_handlers[0x45] = irq_count;
	vcpu_expect_sync(cpu, 1);
	/* A snapshot: everything is read, in its order, and set again. */
	OK(ioctl(cpu->fd, KVM_GET_MP_STATE, &mp));
	OK(ioctl(cpu->fd, KVM_GET_REGS, &regs));
	OK(ioctl(cpu->fd, KVM_GET_SREGS, &sregs));
	OK(ioctl(cpu->fd, KVM_GET_XSAVE, &xsave));
	OK(ioctl(cpu->fd, KVM_GET_XCRS, &xcrs));
	OK(ioctl(cpu->fd, KVM_GET_DEBUGREGS, &debug));
	OK(ioctl(cpu->fd, KVM_GET_LAPIC, &lapic));
	OK(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &events));
	OK(ioctl(vm->fd, KVM_GET_CLOCK, &clock));
	OK(ioctl(vm->fd, KVM_GET_PIT2, &pit2));
	for (int i = 0; i < 3; i++) {
		chips[i].chip_id = i;
		OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &chips[i]));
		OK(ioctl(vm->fd, KVM_SET_IRQCHIP, &chips[i]));
	}
	OK(ioctl(vm->fd, KVM_SET_PIT2, &pit2));
	clock.flags = 0;
	OK(ioctl(vm->fd, KVM_SET_CLOCK, &clock));
	OK(ioctl(cpu->fd, KVM_SET_MP_STATE, &mp));
	OK(ioctl(cpu->fd, KVM_SET_REGS, &regs));
	OK(ioctl(cpu->fd, KVM_SET_SREGS, &sregs));
	OK(ioctl(cpu->fd, KVM_SET_XSAVE, &xsave));
	if (cpu_has_xsave())
		OK(ioctl(cpu->fd, KVM_SET_XCRS, &xcrs));
	OK(ioctl(cpu->fd, KVM_SET_DEBUGREGS, &debug));
	OK(ioctl(cpu->fd, KVM_SET_LAPIC, &lapic));
	OK(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &events));
	OK(write(irq.fd, &one, 8));
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(OK(read(io.fd, &n, 8)), 8);
	CHECK_EQ(n, 1);
}
