// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

u64 samples[MAX_BATCHES];
unsigned int batches = MAX_BATCHES;

__attribute__((constructor)) static void shorten(void)
{
	if (getenv("BENCH_SHORT"))
		batches = 3;
}

static int ascending(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

void report_value(const char *name, u64 value)
{
	ktap_note("bench %s %llu", name, (unsigned long long)value);
}

void report(const char *name, u64 rounds)
{
	qsort(samples, batches, sizeof(samples[0]), ascending);
	report_value(name, samples[batches / 2] / rounds);
}

/* With the APIC's spurious vector an interrupt comes that was taken back: nobody's. */
static void spurious(struct frame *frame)
{
}

struct vcpu *guest_with(void (*code)(u64))
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu = vcpu_new(vm, code, 0);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);

	/* KVM leaves this bit to the VMM. */
	cpuid_find(cpuid, 1, 0)->ecx |= BIT(24);
	vcpu_set_cpuid(cpu, cpuid);
	guest_handlers[0xff] = spurious;
	return cpu;
}

void measure_on(const char *name, struct vcpu *cpu)
{
	vcpu_expect_done(cpu);
	report(name, ROUNDS);
}

void measure(const char *name, void (*code)(u64))
{
	measure_on(name, guest_with(code));
}

void need_two_cpus(void)
{
	if (host_cpus() < 2)
		SKIP("one CPU cannot run two things at a time");
}

int doorbell(struct vm *vm, u64 addr, u32 flags)
{
	struct kvm_ioeventfd arg = {
		.addr = addr, .len = 4, .fd = OK(eventfd(0, 0)), .flags = flags
	};

	OK(ioctl(vm->fd, KVM_IOEVENTFD, &arg));
	return arg.fd;
}
