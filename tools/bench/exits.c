// SPDX-License-Identifier: GPL-2.0-only
/* The cost of one exit of every kind: from the guest's instruction to the one after it. */
#include <sys/eventfd.h>

#include "apic.h"
#include "bench.h"

#define DOORBELL 0xd0001000UL
#define DEVICE 0xd0002000UL
#define DOORBELL_PORT 0x600
#define DEVICE_PORT 0x610
#define TOUCHED 0x40000000UL
#define VECTOR 0x51
#define HC_VAPIC_POLL_IRQ 1

static struct vcpu *guest_with(void (*code)(u64))
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu = vcpu_new(vm, code, 0);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);

	/* KVM leaves this bit to the VMM. */
	cpuid_find(cpuid, 1, 0)->ecx |= BIT(24);
	vcpu_set_cpuid(cpu, cpuid);
	return cpu;
}

static void measure(const char *name, void (*code)(u64))
{
	vcpu_expect_done(guest_with(code));
	report(name, ROUNDS);
}

static void op_cpuid(u64 unused)
{
	SAMPLE(cpuid(0, 0));
}

CASE(bench_cpuid, "CPUID")
{
	measure("cpuid", op_cpuid);
}

static void hypercall(void)
{
	u64 result = HC_VAPIC_POLL_IRQ;

	asm volatile("vmmcall" : "+a"(result) : : "memory");
}

static void op_hypercall(u64 unused)
{
	SAMPLE(hypercall());
}

CASE(bench_hypercall, "a hypercall")
{
	measure("hypercall", op_hypercall);
}

static void op_rdmsr(u64 unused)
{
	SAMPLE(rdmsr(MSR_MISC_ENABLE));
}

CASE(bench_rdmsr, "RDMSR")
{
	measure("rdmsr", op_rdmsr);
}

static void op_wrmsr(u64 unused)
{
	u64 pat = rdmsr(MSR_PAT);

	SAMPLE(wrmsr(MSR_PAT, pat));
}

CASE(bench_wrmsr, "WRMSR")
{
	measure("wrmsr", op_wrmsr);
}

static void ioeventfd(struct vcpu *cpu, u64 addr, u32 flags)
{
	struct kvm_ioeventfd arg = {
		.addr = addr,
		.len = 4,
		.fd = OK(eventfd(0, EFD_NONBLOCK)),
		.flags = flags,
	};

	OK(ioctl(cpu->vm->fd, KVM_IOEVENTFD, &arg));
}

static void op_pio_ioeventfd(u64 unused)
{
	SAMPLE(outl(DOORBELL_PORT, 1));
}

CASE(bench_pio_ioeventfd, "a port write to an ioeventfd")
{
	struct vcpu *cpu = guest_with(op_pio_ioeventfd);

	ioeventfd(cpu, DOORBELL_PORT, KVM_IOEVENTFD_FLAG_PIO);
	vcpu_expect_done(cpu);
	report("pio-ioeventfd", ROUNDS);
}

static void op_mmio_ioeventfd(u64 unused)
{
	SAMPLE(*(volatile u32 *)DOORBELL = 1);
}

CASE(bench_mmio_ioeventfd, "a memory write to an ioeventfd")
{
	struct vcpu *cpu = guest_with(op_mmio_ioeventfd);

	ioeventfd(cpu, DOORBELL, 0);
	vcpu_expect_done(cpu);
	report("mmio-ioeventfd", ROUNDS);
}

/* Answers the device's exits with as little as a VMM can. */
static void serve(const char *name, void (*code)(u64))
{
	struct vcpu *cpu = guest_with(code);
	struct kvm_run *run = cpu->run;
	int fd = cpu->fd;

	for (;;) {
		OK(ioctl(fd, KVM_RUN, 0));
		if (run->exit_reason == KVM_EXIT_MMIO && run->mmio.phys_addr == DEVICE)
			continue;
		if (run->exit_reason == KVM_EXIT_IO && run->io.port == DEVICE_PORT)
			continue;
		break;
	}
	/* The end, or a complaint. */
	REQUIRE_EQ(run->exit_reason, KVM_EXIT_IO);
	REQUIRE_EQ(run->io.port, GUEST_PORT);
	vcpu_expect_done(cpu);
	report(name, ROUNDS);
}

static void op_pio_user(u64 unused)
{
	SAMPLE(outl(DEVICE_PORT, 1));
}

CASE(bench_pio_user, "a port write to user space and back")
{
	serve("pio-user", op_pio_user);
}

static void op_mmio_user(u64 unused)
{
	SAMPLE(*(volatile u32 *)DEVICE = 1);
}

CASE(bench_mmio_user, "a memory write to user space and back")
{
	serve("mmio-user", op_mmio_user);
}

static void op_eoi(u64 unused)
{
	x2apic_enable();
	apic_enable();
	SAMPLE(x2apic_write(APIC_EOI, 0));
}

CASE(bench_eoi, "EOI of the x2APIC")
{
	measure("x2apic-eoi", op_eoi);
}

static void op_deadline(u64 unused)
{
	u64 far;

	x2apic_enable();
	apic_enable();
	apic_write(APIC_LVTT, VECTOR | LVT_DEADLINE);
	far = rdtsc() + (1ULL << 40);
	SAMPLE(wrmsr(MSR_TSC_DEADLINE, far + _i));
	wrmsr(MSR_TSC_DEADLINE, 0);
}

CASE(bench_deadline, "a write of the TSC deadline")
{
	measure("tsc-deadline", op_deadline);
}

static void on_ipi(struct frame *frame)
{
	x2apic_write(APIC_EOI, 0);
}

static void op_self_ipi(u64 unused)
{
	x2apic_enable();
	apic_enable();
	irq_enable();
	SAMPLE(x2apic_write(APIC_SELF_IPI, VECTOR));
	irq_disable();
}

CASE(bench_self_ipi, "an IPI to oneself, taken and acknowledged")
{
	guest_handlers[VECTOR] = on_ipi;
	measure("self-ipi-eoi", op_self_ipi);
}

static void op_touch(u64 unused)
{
	volatile u8 *page = (u8 *)TOUCHED;

	SAMPLE((*page = 1, page += PAGE));
}

static void touch(const char *name, bool present)
{
	struct vcpu *cpu = guest_with(op_touch);
	u64 size = BATCHES * ROUNDS * PAGE;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(memory != MAP_FAILED);
	OK(madvise(memory, size, MADV_NOHUGEPAGE));
	if (present)
		memset(memory, 1, size);
	OK(vm_set_slot(cpu->vm, SLOT_TEST, 0, TOUCHED, size, memory));
	vcpu_expect_done(cpu);
	report(name, ROUNDS);
}

CASE(bench_touch, "the first touch of a page of 4 KiB, by anybody")
{
	touch("first-touch", false);
}

CASE(bench_map, "the guest's first touch of a page of 4 KiB that the VMM has")
{
	touch("map-present", true);
}
