// SPDX-License-Identifier: GPL-2.0-only
/* How processors are started: INIT and SIPI. */
#include <pthread.h>
#include <signal.h>

#include "apic.h"
#include "vm.h"

/* At 0x8000: tells where it is, and which time it is that it starts. */
extern const u8 ap_code[], ap_end[];
asm(".pushsection .rodata\n.code16\n"
    "ap_code: cli; xor %ax, %ax; mov %ax, %ds\n"
    "mov %cs, %ax; mov %ax, 0x600\n"
    "incw 0x602\n"
    "1: hlt; jmp 1b\n"
    "ap_end:\n.code64\n.popsection\n");

static volatile u16 *const where = (u16 *)0x600, *const starts = (u16 *)0x602;

static void start_other(u64 x2apic)
{
	if (x2apic)
		x2apic_enable();
	apic_enable();
	apic_send(1, ICR_INIT | ICR_ASSERT | ICR_LEVEL);
	apic_send(1, ICR_SIPI | ICR_ASSERT | 0x08);
	while (*starts != 1)
		relax();
	G_ASSERT_EQ(*where, 0x800);
	/* A second SIPI to one that runs is nothing. */
	apic_send(1, ICR_SIPI | ICR_ASSERT | 0x08);
	for (int i = 0; i < 1000; i++)
		relax();
	G_ASSERT_EQ(*starts, 1);
	guest_sync(1);
	/* INIT again, and another place */
	*where = 0;
	apic_send(1, ICR_INIT | ICR_ASSERT | ICR_LEVEL);
	apic_send(1, ICR_INIT | ICR_LEVEL);
	apic_send(1, ICR_SIPI | ICR_ASSERT | 0x09);
	while (*starts != 2)
		relax();
	G_ASSERT_EQ(*where, 0x900);
	guest_sync(2);
}

static void on_signal(int sig)
{
}

static void *run_ap(void *arg)
{
	struct vcpu *cpu = arg;

	while (!cpu->run->immediate_exit) {
		struct event ev = vcpu_run(cpu);

		/* EAGAIN: something came that may make it runnable. */
		if (ev.kind != EV_INTR && !(ev.kind == EV_ERROR && ev.error == EAGAIN)) {
			FAIL("the second CPU: event %d, exit %u, error %d", ev.kind,
			     cpu->run->exit_reason, ev.error);
			ktap_end();
		}
	}
	return NULL;
}

static void run(bool x2apic)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *bsp = vcpu_new(vm, start_other, x2apic);
	struct vcpu *ap = vcpu_new_bare(vm, 1);
	struct sigaction act = { .sa_handler = on_signal };
	struct kvm_mp_state state;
	struct kvm_sregs s;
	pthread_t thread;

	memcpy(vm_host(vm, 0x8000), ap_code, ap_end - ap_code);
	memcpy(vm_host(vm, 0x9000), ap_code, ap_end - ap_code);
	OK(sigaction(SIGUSR1, &act, NULL));
	REQUIRE(!pthread_create(&thread, NULL, run_ap, ap));
	vcpu_expect_sync(bsp, 1);
	vcpu_expect_sync(bsp, 2);
	ap->run->immediate_exit = 1;
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	OK(ioctl(ap->fd, KVM_GET_MP_STATE, &state));
	CHECK(state.mp_state == KVM_MP_STATE_HALTED || state.mp_state == KVM_MP_STATE_RUNNABLE);
	vcpu_get_sregs(ap, &s);
	CHECK_EQ(s.cs.base, 0x9000);
	CHECK_EQ(s.cs.selector, 0x900);
	CHECK_EQ(s.cr0 & CR0_PE, 0);
	vm_free(vm);
}

CASE(xapic, "INIT and SIPI start the second CPU at the SIPI's page, and again; xAPIC")
{
	run(false);
}

CASE(x2apic, "the same, x2APIC")
{
	run(true);
}

static void init_only(u64 unused)
{
	apic_enable();
	apic_send(1, ICR_INIT | ICR_ASSERT | ICR_LEVEL);
	guest_sync(1);
	apic_send(1, ICR_SIPI | ICR_ASSERT | 0x08);
	guest_sync(2);
}

CASE(states,
     "after INIT the state is INIT_RECEIVED; the registers are those of a reset, and XCR0, MSRs are kept")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *bsp = vcpu_new(vm, init_only, 0);
	struct vcpu *ap = vcpu_new_bare(vm, 1);
	struct kvm_mp_state state;
	struct kvm_regs r;
	struct kvm_sregs s;
	struct event ev;
	u64 value;

	memcpy(vm_host(vm, 0x8000), "\xe6\x80\xf4", 3); /* out %al, $0x80; hlt */
	vcpu_long_mode(ap);
	vcpu_call(ap, init_only, 0);
	CHECK_EQ(vcpu_wrmsr(ap, MSR_STAR, 0x1234500000000), 1);
	state.mp_state = KVM_MP_STATE_RUNNABLE;
	OK(ioctl(ap->fd, KVM_SET_MP_STATE, &state));
	vcpu_expect_sync(bsp, 1);
	/* It takes the INIT when it runs; then it waits for SIPI. */
	ap->run->immediate_exit = 1;
	for (int i = 0; i < 2; i++)
		CHECK_ERRNO(ioctl(ap->fd, KVM_RUN, 0), EINTR);
	OK(ioctl(ap->fd, KVM_GET_MP_STATE, &state));
	CHECK_EQ(state.mp_state, KVM_MP_STATE_INIT_RECEIVED);
	vcpu_get_regs(ap, &r);
	vcpu_get_sregs(ap, &s);
	CHECK_EQ(r.rip, 0xfff0);
	CHECK_EQ(r.rflags, 2);
	CHECK_EQ(s.cr0 & (CR0_PE | CR0_PG), 0);
	CHECK_EQ(s.efer, 0);
	CHECK_EQ(s.cs.base, 0xffff0000);
	CHECK_EQ(vcpu_rdmsr(ap, MSR_STAR, &value), 1);
	CHECK_EQ(value, 0x1234500000000);
	vcpu_expect_sync(bsp, 2);
	ap->run->immediate_exit = 0;
	do
		ev = vcpu_run(ap);
	while (ev.kind == EV_ERROR && ev.error == EAGAIN);
	REQUIRE_EQ(ev.kind, EV_EXIT);
	CHECK_EQ(ap->run->exit_reason, KVM_EXIT_IO);
	vcpu_get_sregs(ap, &s);
	CHECK_EQ(s.cs.base, 0x8000);
}
