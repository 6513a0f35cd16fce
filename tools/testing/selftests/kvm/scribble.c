// SPDX-License-Identifier: GPL-2.0-only
/* A second thread that rewrites the shared pages while the vCPU runs. */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "apic.h"
#include "vm.h"

static u8 buffer[PAGE];

static void busy(u64 unused)
{
	for (;;) {
		outb(0x80, 1);
		inl(0x84);
		outsb(0x88, buffer, 100);
		insw(0x8c, buffer, 100);
		*(volatile u32 *)0xd0000000 = 1;
		(void)*(volatile u64 *)0xd0000008;
		asm volatile("rep movsb" : : "S"(0xd0000100), "D"(buffer), "c"(20) : "memory");
		cpuid(0, 0);
		asm volatile("addl $1, 0(%0)" : : "r"(0xd0000ffe) : "memory");
	}
}

static volatile bool stop;

struct target {
	u8 *page;
	u64 size;
	u64 keep_from, keep_to; /* left alone */
	u32 seed;
};

static void *scribbler(void *arg)
{
	struct target *t = arg;
	u32 x = t->seed;

	while (!stop) {
		u64 at;

		x = x * 1103515245 + 12345;
		at = (x >> 8) % t->size;
		if (at >= t->keep_from && at < t->keep_to)
			continue;
		WRITE_ONCE(t->page[at], x & 0x80 ? 0xff : x >> 24);
	}
	return NULL;
}

/* Anything may be returned, but an exit or a documented error, and the kernel is well. */
static void storm(unsigned int flags, u64 from, u64 size, u64 keep_from, u64 keep_to, int rounds)
{
	struct vcpu *cpu = vm_with(flags, busy, 0);
	struct target t = { (u8 *)cpu->run + from, size, keep_from, keep_to, 4711 };
	pthread_t thread;
	u64 exits = 0;

	REQUIRE(!pthread_create(&thread, NULL, scribbler, &t));
	for (int i = 0; i < rounds; i++) {
		if (ioctl(cpu->fd, KVM_RUN, 0) == 0) {
			exits++;
			continue;
		}
		if (errno != EINTR && errno != EINVAL && errno != EFAULT && errno != EAGAIN)
			FAIL("KVM_RUN: %s", strerror(errno));
		/* State that it was made to take may have ended the guest: begin again. */
		if (errno == EINVAL || errno == EFAULT) {
			vcpu_long_mode(cpu);
			vcpu_call(cpu, busy, 0);
		}
	}
	stop = true;
	pthread_join(thread, NULL);
	/* Where nothing keeps the guest from running it has run. */
	if (keep_to)
		CHECK(exits > 0);
	vm_free(cpu->vm);
}

CASE_SLOW(header, "kvm_run's head and its exit data", 60)
{
	storm(0, 0, offsetof(struct kvm_run, kvm_valid_regs), 0, 0, 8000);
}

CASE_SLOW(without_immediate_exit,
	  "the same with immediate_exit left alone, so that the guest gets on", 60)
{
	storm(0, 0, offsetof(struct kvm_run, kvm_valid_regs), 0, 2, 8000);
}

CASE_SLOW(with_apic, "the same with an in-kernel APIC", 60)
{
	storm(VM_IRQCHIP, 0, offsetof(struct kvm_run, kvm_valid_regs), 0, 2, 8000);
}

static void on_signal(int sig)
{
}

CASE_SLOW(sync_regs, "the registers to synchronize", 60)
{
	struct vcpu *cpu = vm_with(0, busy, 0);
	struct target t = { (u8 *)&cpu->run->s, sizeof(struct kvm_sync_regs), 0, 0, 815 };
	pthread_t thread;
	u64 exits = 0, refused = 0;

	struct itimerval tick = { { 0, 5000 }, { 0, 5000 } };
	struct sigaction act = { .sa_handler = on_signal };

	NEED(cpu->vm->kvm, KVM_CAP_SYNC_REGS);
	/* Registers by chance can make a loop. */
	OK(sigaction(SIGPROF, &act, NULL));
	OK(setitimer(ITIMER_PROF, &tick, NULL));
	REQUIRE(!pthread_create(&thread, NULL, scribbler, &t));
	for (u64 i = 0; i < 2000; i++) {
		cpu->run->kvm_valid_regs = i & KVM_SYNC_X86_VALID_FIELDS;
		cpu->run->kvm_dirty_regs = i / 8 & KVM_SYNC_X86_VALID_FIELDS;
		if (ioctl(cpu->fd, KVM_RUN, 0) == 0) {
			exits++;
		} else {
			if (errno != EINTR && errno != EINVAL && errno != EFAULT)
				FAIL("KVM_RUN: %s", strerror(errno));
			refused++;
		}
		if (i % 64 == 63) {
			struct kvm_vcpu_events none = { .flags = KVM_VCPUEVENT_VALID_NMI_PENDING |
								 KVM_VCPUEVENT_VALID_SHADOW };

			vcpu_long_mode(cpu);
			vcpu_call(cpu, busy, 0);
			OK(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &none));
		}
	}
	stop = true;
	pthread_join(thread, NULL);
	CHECK(exits > 0);
	CHECK(refused > 0);
}

CASE_SLOW(data, "the page of port I/O data", 60)
{
	storm(0, KVM_PIO_PAGE_OFFSET * PAGE, PAGE, 0, 0, 8000);
}

CASE_SLOW(io_count, "the count, size and offset of a string being transferred", 60)
{
	u64 from = offsetof(struct kvm_run, io);

	storm(0, from, sizeof(((struct kvm_run *)0)->io), 0, 0, 8000);
}
