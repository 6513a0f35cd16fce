// SPDX-License-Identifier: GPL-2.0-only
/* A guest that fails leaves a report in the kernel's log from which the cause can be read. */
#include <fcntl.h>

#include "debugfs.h"

static int kmsg;
static char log_text[262144];

static void log_begin(void)
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (kmsg < 0)
		SKIP("no /dev/kmsg");
	OK(lseek(kmsg, 0, SEEK_END));
}

/* Everything that was logged since, one record after the other. */
static void log_read(void)
{
	size_t at = 0;
	ssize_t n;

	while (at < sizeof(log_text) - 8192) {
		n = read(kmsg, log_text + at, 8192);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			break;
		at += n;
	}
	log_text[at] = 0;
}

static void says(const char *what)
{
	if (!strcasestr(log_text, what))
		FAIL("the report does not say \"%s\"", what);
}

/* Registers, and the exits that led there. */
static void check_report(void)
{
	says("CR0 ");
	says("RFLAGS");
	says("GDTR");
	says("its last exits");
	says("being handled");
	if (ktap_failed())
		ktap_note("%.2000s", log_text);
}

static struct vcpu *begin(void (*code)(u64))
{
	struct vcpu *cpu = vm_with(0, code, 0);

	need_flight(cpu->vm);
	log_begin();
	return cpu;
}

static void no_idt(u64 unused)
{
	struct __attribute__((packed)) {
		u16 limit;
		u64 base;
	} none = { 0, 0 };

	cpuid(0x123, 0);
	asm volatile("lidt %0; ud2" : : "m"(none));
}

CASE(triple_fault, "a triple fault: where, the state, and the exits before it")
{
	vcpu_expect_exit(begin(no_idt), KVM_EXIT_SHUTDOWN);
	log_read();
	says("triple fault");
	says("cpuid");
	check_report();
}

static void cannot(u64 unused)
{
	/* A decimal number from an empty stack to an address without memory */
	asm volatile("fninit; fbstp (%0)" : : "r"(0xd0000000ULL) : "memory");
}

CASE(emulation, "an instruction that cannot be emulated: which, and where")
{
	struct vcpu *cpu = begin(cannot);
	char bytes[32];
	u8 *insn = (u8 *)cannot;

	vcpu_expect_exit(cpu, KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(cpu->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
	log_read();
	says("cannot emulate");
	while (insn[0] != 0xdf)
		insn++;
	snprintf(bytes, sizeof(bytes), "df %02x", insn[1]);
	says(bytes);
	check_report();
}

static void never(u64 unused)
{
	guest_done();
}

/* The first rule of the manual that it breaks.  KVM_SET_SREGS takes it, as a VMM may set the rest later. */
static const char *break_rule(struct kvm_sregs *s)
{
	if (cpu_is_intel()) {
		s->tr.type = 0;
		return "refused: TR access rights = ";
	}
	/* In long mode */
	s->cs.l = 1;
	s->cs.db = 1;
	return "refused the VMCB: CS attributes = ";
}

CASE(bad_state, "a state that the processor refuses: the field and the rule")
{
	struct vcpu *cpu = begin(never);
	const char *field;
	struct kvm_sregs s;
	struct event ev;

	vcpu_get_sregs(cpu, &s);
	field = break_rule(&s);
	if (ioctl(cpu->fd, KVM_SET_SREGS, &s))
		SKIP("KVM_SET_SREGS refuses it already");
	ev = vcpu_run(cpu);
	if (ev.kind == EV_DONE)
		SKIP("what the processor would refuse was carried out in software (kvm_intel.emulate_invalid_guest_state)");
	CHECK_EQ(ev.kind, EV_EXIT);
	CHECK_EQ(cpu->run->exit_reason, KVM_EXIT_FAIL_ENTRY);
	log_read();
	says(field);
	check_report();
}

CASE(once, "a guest that fails again and again does not fill the log")
{
	struct vcpu *cpu = begin(no_idt);
	char *at;
	int n = 0;

	for (int i = 0; i < 20; i++) {
		vcpu_long_mode(cpu);
		vcpu_call(cpu, no_idt, 0);
		vcpu_expect_exit(cpu, KVM_EXIT_SHUTDOWN);
	}
	log_read();
	for (at = log_text; (at = strstr(at, "its last exits")); at++)
		n++;
	CHECK(n >= 1 && n <= 2);
}
