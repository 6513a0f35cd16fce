// SPDX-License-Identifier: GPL-2.0-only
/* Code that changes: by itself, by another CPU, by the program, under MMIO instructions. */
#include "vm.h"

static u8 code[PAGE] __attribute__((aligned(4096)));

/* mov $n, %eax; ret */
static void write_code(u8 n)
{
	code[0] = 0xb8;
	code[1] = n;
	code[2] = code[3] = code[4] = 0;
	code[5] = 0xc3;
}

static u32 run_code(void)
{
	return ((u32(*)(void))(void *)code)();
}

static void by_itself(u64 unused)
{
	for (u32 i = 0; i < 100; i++) {
		write_code(i);
		barrier();
		G_ASSERT_EQ(run_code(), i);
	}
}

CASE(self, "code that the guest writes is what it runs")
{
	vcpu_expect_done(vm_with(0, by_itself, 0));
}

static void by_program(u64 unused)
{
	for (;;)
		guest_sync(run_code());
}

CASE(program, "code that the program writes is what the guest runs")
{
	struct vcpu *cpu = vm_with(0, by_program, 0);

	for (u32 i = 0; i < 50; i++) {
		write_code(i);
		vcpu_expect_sync(cpu, i);
	}
}

#define DEV 0xd0000000UL

static void device(u64 unused)
{
	for (;;)
		((void (*)(u64))(void *)code)(DEV);
}

CASE(emulated, "an instruction on device memory that changes is read anew each time")
{
	struct vcpu *cpu = vm_with(0, device, 0);

	for (u32 i = 0; i < 20; i++) {
		/* movw $i, (%rdi) or, as long with its prefixes, movb $i, (%rdi); ret */
		memcpy(code, i & 1 ? "\x66\xc7\x07\x00\x00\xc3" : "\x3e\x3e\xc6\x07\x00\xc3", 6);
		code[i & 1 ? 3 : 4] = i;
		vcpu_expect_exit(cpu, KVM_EXIT_MMIO);
		CHECK_EQ(cpu->run->mmio.len, i & 1 ? 2 : 1);
		CHECK_EQ(cpu->run->mmio.data[0], i);
	}
}

static volatile u32 wanted, seen;
static bool misses;

/*
 * QEMU's processor may miss a write to code that another one is translating (with the distribution's modules, too, once
 * in some thousand): there it is written again.
 */
static void writer(u64 unused)
{
	for (u32 i = 1; i <= 50; i++) {
		code[1] = i;
		wanted = i;
		for (u32 spins = 1; seen != i; spins++) {
			relax();
			if (misses && !(spins % 1000000))
				code[1] = i;
		}
	}
}

static void runner_code(u64 unused)
{
	while (seen != 50) {
		u32 now = wanted;

		cpuid(0, 0); /* serializes */
		if (run_code() == now)
			seen = now;
	}
}

CASE(other_cpu, "code that another CPU writes is what this one runs after it serializes")
{
	struct vm *vm = vm_new(0);
	struct runner *a, *b;

	misses = cpu_quirk(QUIRK_MISSED_CODE);
	write_code(0);
	a = vcpu_start(vcpu_new(vm, writer, 0));
	b = vcpu_start(vcpu_new(vm, runner_code, 0));
	vcpu_join(a);
	vcpu_join(b);
}
