// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of devices that an I/O MMU posts to vCPUs, past the host's handler and the eventfd: none may be lost, whatever the
 * vCPU does and the VMM changes meanwhile.  The I/O MMU is posting_iommu.ko, which is loaded here and unloaded in the end.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apic.h"
#include "debugfs.h"
#include "posting_iommu/posting_iommu.h"
#include "stats.h"

#define MODULE "posting_iommu"
#define NV_WAKE 0xf1
#define ROUNDS 2000
#define GSI 24

/* ---------------------------------------------------------------- devices */

struct device {
	struct vm *vm;
	int fd;
	int eventfd;
	u32 gsi;
};

static void load_module(void)
{
	char path[300];
	ssize_t n = readlink("/proc/self/exe", path, 200);
	int fd;

	REQUIRE(n > 0);
	while (n && path[n - 1] != '/')
		n--;
	strcpy(path + n, MODULE ".ko");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		SKIP("no " MODULE ".ko: make it with KDIR");
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		SKIP(MODULE ".ko does not load: %s", strerror(errno));
	close(fd);
}

static void need_posting(void)
{
	if (!apic_is_virtual())
		SKIP("the processor does not virtualize local APICs");
	load_module();
}

static void bind_irqfd(struct device *d, u32 flags)
{
	struct kvm_irqfd i = { .fd = d->eventfd, .gsi = d->gsi, .flags = flags };

	if (flags & KVM_IRQFD_FLAG_RESAMPLE)
		i.resamplefd = OK(eventfd(0, EFD_NONBLOCK));
	OK(ioctl(d->vm->fd, KVM_IRQFD, &i));
}

static struct posting_state state_of(struct device *d)
{
	struct posting_state s;

	OK(ioctl(d->fd, POSTING_STATE, &s));
	CHECK_EQ(s.wrong, 0);
	return s;
}

static bool is_posted(struct device *d)
{
	return state_of(d).posted;
}

static void fire(struct device *d)
{
	OK(ioctl(d->fd, POSTING_FIRE));
}

static void attach(struct device *d)
{
	OK(ioctl(d->fd, POSTING_ATTACH, &d->eventfd));
}

static struct device device_new(struct vm *vm, u32 gsi)
{
	struct device d = { .vm = vm, .gsi = gsi };
	static bool ours;

	/* Only this project's modules post interrupts that the platform's own I/O MMU has nothing to do with. */
	if (!ours)
		need_flight(vm);
	ours = true;
	d.fd = OK(open("/dev/" MODULE, O_RDWR | O_CLOEXEC));
	d.eventfd = OK(eventfd(0, EFD_NONBLOCK));
	bind_irqfd(&d, 0);
	attach(&d);
	return d;
}

/* ---------------------------------------------------------------- routes */

struct msi {
	u32 gsi;
	u32 address;
	u32 data;
};

#define TO_ID(id) (0xfee00000 | (u32)(id) << 12)
#define LOGICAL BIT(2)

static void set_routes(struct vm *vm, const struct msi *m, u32 nr)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e[16];
	} t = { .head.nr = nr };

	for (u32 i = 0; i < nr; i++)
		t.e[i] = (struct kvm_irq_routing_entry){
			.gsi = m[i].gsi,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = m[i].address, .data = m[i].data },
		};
	OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &t));
}

static void route(struct vm *vm, u32 address, u32 data)
{
	set_routes(vm, &(struct msi){ GSI, address, data }, 1);
}

/* ---------------------------------------------------------------- the guest */

static volatile u64 taken[4][256]; /* by vCPU and vector */
static volatile u64 ready[4], stop, hold_low;

static void count(struct frame *frame)
{
	taken[this_cpu()->index][frame->vector]++;
	/* Without asking the APIC for its mode, which would exit. */
	if (ready[this_cpu()->index] == 2)
		x2apic_write(APIC_EOI, 0);
	else
		xapic_write(APIC_EOI, 0);
}

static void begin(u64 x2apic)
{
	if (x2apic)
		x2apic_enable();
	apic_enable();
	irq_enable();
	ready[this_cpu()->index] = 1 + x2apic;
}

/* Without PAUSE, many of which exit. */
static void spin(u64 x2apic)
{
	begin(x2apic);
	while (!stop)
		;
	guest_done();
}

static void halt_until_stopped(void)
{
	irq_disable();
	while (!stop) {
		irq_enable_and_halt();
		irq_disable();
	}
}

static void sleeps(u64 x2apic)
{
	begin(x2apic);
	halt_until_stopped();
	guest_done();
}

/* Vectors below 0x60 wait as long as hold_low says so. */
static void halt_with_priority(u64 unused)
{
	begin(false);
	irq_disable();
	while (!stop) {
		xapic_write(APIC_TPR, hold_low ? 0x5f : 0);
		irq_enable_and_halt();
		irq_disable();
	}
	guest_done();
}

/* Where the processor does not virtualize it: not in its usual place. */
#define MOVED_APIC 0xfed00000UL

static void moved_taken(struct frame *frame)
{
	taken[0][frame->vector]++;
	*(volatile u32 *)(MOVED_APIC + APIC_EOI) = 0;
}

static void in_another_place(u64 halts)
{
	apic_enable();
	wrmsr(MSR_APIC_BASE, (rdmsr(MSR_APIC_BASE) & 0xfff) | MOVED_APIC);
	ready[0] = 1;
	irq_enable();
	if (!halts) {
		while (!stop)
			;
		guest_done();
	}
	halt_until_stopped();
	guest_done();
}

/* ---------------------------------------------------------------- vCPUs' threads */

struct thread {
	pthread_t thread;
	volatile pid_t tid;
	struct vcpu *cpu;
};

static void *run_vcpu(void *arg)
{
	struct thread *t = arg;

	t->tid = syscall(SYS_gettid);
	vcpu_expect_done(t->cpu);
	return NULL;
}

static struct thread *new_thread(struct vm *vm, void (*code)(u64), u64 arg)
{
	struct thread *t = calloc(1, sizeof(*t));

	REQUIRE(t);
	t->cpu = vcpu_new(vm, code, arg);
	for (int v = 0x30; v < 0x100; v++)
		guest_handlers[v] = code == in_another_place ? moved_taken : count;
	return t;
}

static void go(struct thread *t)
{
	REQUIRE(!pthread_create(&t->thread, NULL, run_vcpu, t));
	while (!ready[t->cpu->id])
		sched_yield();
}

static struct thread *start(struct vm *vm, void (*code)(u64), u64 arg)
{
	struct thread *t = new_thread(vm, code, arg);

	go(t);
	return t;
}

/* A VM of one vCPU with a device, whose interrupts go there with this vector. */
static struct thread *start_with_device(struct device *d, void (*code)(u64), u64 arg, u8 vector)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct thread *t = start(vm, code, arg);

	route(vm, TO_ID(0), vector);
	*d = device_new(vm, GSI);
	return t;
}

/* A thread that sleeps until its vCPU has an interrupt finds @stop by one. */
static void wake(struct thread *t)
{
	struct kvm_msi msi = { .address_lo = TO_ID(t->cpu->id), .data = 0xe0 };

	OK(ioctl(t->cpu->vm->fd, KVM_SIGNAL_MSI, &msi));
}

static void finish(struct thread *t)
{
	stop = 1;
	wake(t);
	REQUIRE(!pthread_join(t->thread, NULL));
}

static void wait_taken(int cpu, u8 vector, u64 n)
{
	while (taken[cpu][vector] < n)
		sched_yield();
	CHECK_EQ(taken[cpu][vector], n);
}

/* One after the other, each waited for. */
static void fire_and_wait(struct device *d, int cpu, u8 vector, u64 n)
{
	u64 before = taken[cpu][vector];

	for (u64 i = 1; i <= n; i++) {
		fire(d);
		wait_taken(cpu, vector, before + i);
	}
}

static void wait_asleep(struct device *d)
{
	while (state_of(d).nv != NV_WAKE)
		sched_yield();
}

static void note(struct device *d)
{
	struct posting_state s = state_of(d);

	ktap_note(
		"notified %llu, woken %llu, held %llu, hidden %llu, by handler %llu, changes %llu",
		(unsigned long long)s.notified, (unsigned long long)s.woken,
		(unsigned long long)s.held, (unsigned long long)s.hidden,
		(unsigned long long)s.by_handler, (unsigned long long)s.changes);
}

static void need_cpus(int n)
{
	if (host_cpus() < n)
		SKIP("fewer than %d CPUs", n);
}

/* ---------------------------------------------------------------- one vCPU, one device */

static void running(bool x2apic)
{
	struct device d;
	struct thread *t;
	struct stats s;
	struct vm *vm;
	u64 exits;

	need_posting();
	need_cpus(2);
	vm = vm_new(VM_IRQCHIP);
	t = new_thread(vm, spin, x2apic);
	s = stats_open(t->cpu->fd);
	go(t);
	stay_on_cpu(t->tid, 1);
	stay_on_cpu(0, 0);
	route(vm, TO_ID(0), 0x71);
	d = device_new(vm, GSI);
	REQUIRE(is_posted(&d));
	CHECK_EQ(state_of(&d).vector, 0x71);
	exits = stats_value(&s, "exits");
	fire_and_wait(&d, 0, 0x71, ROUNDS);
	exits = stats_value(&s, "exits") - exits;
	note(&d);
	ktap_note("%llu exits", (unsigned long long)exits);
	CHECK(state_of(&d).notified > ROUNDS / 2);
	CHECK_EQ(state_of(&d).by_handler, 0);
	/* The host's own interrupts exit, too: far fewer than one a round. */
	CHECK(exits < ROUNDS / 2);
	finish(t);
}

CASE(running_xapic,
     "to a vCPU that runs: without an exit, the host's handler, or losing one; xAPIC")
{
	running(false);
}

CASE(running_x2apic, "the same, x2APIC")
{
	running(true);
}

static void halted(bool x2apic)
{
	struct device d;
	struct thread *t;

	need_posting();
	t = start_with_device(&d, sleeps, x2apic, 0x72);
	REQUIRE(is_posted(&d));
	/* As they come, and into its sleep. */
	fire_and_wait(&d, 0, 0x72, ROUNDS);
	for (int i = 0; i < 100; i++) {
		wait_asleep(&d);
		fire_and_wait(&d, 0, 0x72, 1);
	}
	note(&d);
	CHECK(state_of(&d).woken >= 100);
	CHECK_EQ(state_of(&d).by_handler, 0);
	finish(t);
}

CASE(halted_xapic, "to a vCPU that sleeps: the wake-up vector wakes it; xAPIC")
{
	halted(false);
}

CASE(halted_x2apic, "the same, x2APIC")
{
	halted(true);
}

static void send_msi(struct vm *vm, u8 vector)
{
	struct kvm_msi msi = { .address_lo = TO_ID(0), .data = vector };

	OK(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi));
}

/* What does not end the sleep hides nothing that does. */
CASE(priority,
     "an interrupt that waits for its priority does not hide the next one from a vCPU that sleeps")
{
	struct device low, high;
	struct thread *t;
	struct vm *vm;

	need_posting();
	hold_low = 1;
	vm = vm_new(VM_IRQCHIP);
	t = start(vm, halt_with_priority, 0);
	set_routes(vm, (struct msi[]){ { GSI, TO_ID(0), 0x51 }, { GSI + 1, TO_ID(0), 0x71 } }, 2);
	low = device_new(vm, GSI);
	high = device_new(vm, GSI + 1);
	REQUIRE(is_posted(&low) && is_posted(&high));
	for (int i = 1; i <= 100; i++) {
		hold_low = 1;
		fire_and_wait(&high, 0, 0x71, 1);
		wait_asleep(&high);
		/* By the device, and by software */
		if (i % 2)
			fire(&low);
		else
			send_msi(vm, 0x51);
		sleep_ms(i % 4);
		CHECK_EQ(taken[0][0x51], i - 1);
		hold_low = 0;
		fire_and_wait(&high, 0, 0x71, 1);
		wait_taken(0, 0x51, i);
	}
	note(&high);
	finish(t);
}

static volatile u64 burn_stop;

static void *burn(void *unused)
{
	while (!burn_stop)
		;
	return NULL;
}

CASE_SLOW(preempted, "to a vCPU that is preempted: held, and delivered when it runs", 120)
{
	pthread_t burner;
	struct device d;
	struct thread *t;
	struct vm *vm;

	need_posting();
	need_cpus(2);
	vm = vm_new(VM_IRQCHIP);
	t = start(vm, spin, 0);
	stay_on_cpu(t->tid, 1);
	stay_on_cpu(0, 1);
	REQUIRE(!pthread_create(&burner, NULL, burn, NULL));
	stay_on_cpu(0, 0);
	route(vm, TO_ID(0), 0x73);
	d = device_new(vm, GSI);
	REQUIRE(is_posted(&d));
	for (int i = 0; i < 100 || state_of(&d).held < 5; i++)
		fire_and_wait(&d, 0, 0x73, 1);
	note(&d);
	burn_stop = 1;
	pthread_join(burner, NULL);
	finish(t);
}

static void migrated(void (*code)(u64))
{
	struct device d;
	struct thread *t;

	need_posting();
	need_cpus(2);
	t = start_with_device(&d, code, 0, 0x74);
	REQUIRE(is_posted(&d));
	for (int i = 0; i < 300; i++) {
		u64 before = taken[0][0x74];

		stay_on_cpu(0, i / 2 % 2);
		fire(&d);
		stay_on_cpu(t->tid, i % 2);
		wait_taken(0, 0x74, before + 1);
	}
	note(&d);
	finish(t);
}

CASE_SLOW(migrated_running, "to a vCPU that changes its CPU while they come, running", 120)
{
	migrated(spin);
}

CASE_SLOW(migrated_halted, "the same, sleeping", 120)
{
	migrated(sleeps);
}

/* ---------------------------------------------------------------- with software, and other devices */

struct sender {
	struct vm *vm;
	u8 vector;
	volatile bool stop;
	pthread_t thread;
};

static void *send(void *arg)
{
	struct sender *s = arg;

	while (!s->stop) {
		send_msi(s->vm, s->vector);
		sched_yield();
	}
	return NULL;
}

static void with_software(u8 vector)
{
	struct sender s = { .vector = vector };
	struct device d;
	struct thread *t;

	need_posting();
	s.vm = vm_new(VM_IRQCHIP);
	t = start(s.vm, sleeps, 0);
	route(s.vm, TO_ID(0), 0x75);
	d = device_new(s.vm, GSI);
	REQUIRE(is_posted(&d));
	REQUIRE(!pthread_create(&s.thread, NULL, send, &s));
	for (int i = 0; i < ROUNDS; i++) {
		u64 before = taken[0][0x75];

		fire(&d);
		while (taken[0][0x75] == before)
			sched_yield();
	}
	s.stop = true;
	pthread_join(s.thread, NULL);
	/* Alone again, each is its own. */
	send_msi(s.vm, 0x76);
	wait_taken(0, 0x76, 1);
	note(&d);
	finish(t);
}

CASE_SLOW(software, "software sends other interrupts to the vCPU all the time", 120)
{
	with_software(0x55);
}

CASE_SLOW(software_same, "software sends the same one", 120)
{
	with_software(0x75);
}

CASE(devices, "eight devices of a vCPU at once")
{
	struct device d[8];
	struct msi m[8];
	struct thread *t;
	struct vm *vm;

	need_posting();
	vm = vm_new(VM_IRQCHIP);
	t = start(vm, sleeps, 0);
	for (int i = 0; i < 8; i++)
		m[i] = (struct msi){ GSI + i, TO_ID(0), 0x38 + 0x15 * i };
	set_routes(vm, m, 8);
	for (int i = 0; i < 8; i++) {
		d[i] = device_new(vm, GSI + i);
		REQUIRE(is_posted(&d[i]));
	}
	for (u64 round = 1; round <= 200; round++) {
		for (int i = 0; i < 8; i++)
			fire(&d[(i + round) % 8]);
		for (int i = 0; i < 8; i++)
			wait_taken(0, m[i].data, round);
	}
	note(&d[0]);
	finish(t);
}

CASE(two_vcpus, "two vCPUs, each with its device")
{
	struct thread *t[2];
	struct device d[2];
	struct vm *vm;

	need_posting();
	vm = vm_new(VM_IRQCHIP);
	t[0] = start(vm, sleeps, 0);
	t[1] = start(vm, spin, 0);
	set_routes(vm, (struct msi[]){ { GSI, TO_ID(0), 0x77 }, { GSI + 1, TO_ID(1), 0x78 } }, 2);
	for (int i = 0; i < 2; i++) {
		d[i] = device_new(vm, GSI + i);
		REQUIRE(is_posted(&d[i]));
	}
	for (u64 i = 1; i <= 500; i++) {
		fire(&d[0]);
		fire(&d[1]);
		wait_taken(0, 0x77, i);
		wait_taken(1, 0x78, i);
	}
	note(&d[0]);
	note(&d[1]);
	stop = 1;
	finish(t[0]);
	finish(t[1]);
}

/* ---------------------------------------------------------------- changes */

CASE_SLOW(rerouted, "the route changes between vCPUs and vectors while they come", 120)
{
	struct thread *t[2];
	struct device d;
	struct vm *vm;
	u64 sum = 0;

	need_posting();
	vm = vm_new(VM_IRQCHIP);
	t[0] = start(vm, sleeps, 0);
	t[1] = start(vm, sleeps, 0);
	route(vm, TO_ID(0), 0x80);
	d = device_new(vm, GSI);
	for (u64 i = 1; i <= 500; i++) {
		u8 vector = 0x80 + i % 7;

		fire(&d);
		route(vm, TO_ID(i % 2), vector);
		REQUIRE(is_posted(&d));
		CHECK_EQ(state_of(&d).vector, vector);
		/* What has been posted before is not lost with its route, and this one takes the new one. */
		fire_and_wait(&d, i % 2, vector, 1);
	}
	for (int v = 0x80; v < 0x87; v++)
		sum += taken[0][v] + taken[1][v];
	CHECK_EQ(sum, 1000);
	note(&d);
	stop = 1;
	finish(t[0]);
	finish(t[1]);
}

static bool signalled(struct device *d)
{
	u64 n;

	return read(d->eventfd, &n, 8) == 8;
}

CASE(unrouted,
     "without a route they go to the handler, and nowhere else; with one they are posted again")
{
	struct thread *t;
	struct device d;
	u64 changes;

	need_posting();
	t = start_with_device(&d, sleeps, 0, 0x88);
	for (int i = 0; i < 20; i++) {
		REQUIRE(is_posted(&d));
		fire_and_wait(&d, 0, 0x88, 1);
		set_routes(d.vm, NULL, 0);
		REQUIRE(!is_posted(&d));
		fire(&d);
		route(d.vm, TO_ID(0), 0x88);
	}
	CHECK_EQ(taken[0][0x88], 20);
	CHECK_EQ(state_of(&d).by_handler, 20);
	/* Nothing has changed: nor does the I/O MMU have anything to do. */
	changes = state_of(&d).changes;
	route(d.vm, TO_ID(0), 0x88);
	CHECK_EQ(state_of(&d).changes, changes);
	finish(t);
}

CASE(deassigned, "without its irqfd, or with its eventfd closed, the handler has it")
{
	struct thread *t;
	struct device d;

	need_posting();
	t = start_with_device(&d, sleeps, 0, 0x89);
	for (int i = 0; i < 20; i++) {
		REQUIRE(is_posted(&d));
		fire_and_wait(&d, 0, 0x89, 1);
		bind_irqfd(&d, KVM_IRQFD_FLAG_DEASSIGN);
		REQUIRE(!is_posted(&d));
		fire(&d);
		CHECK(signalled(&d));
		bind_irqfd(&d, 0);
	}
	fire_and_wait(&d, 0, 0x89, 1);
	CHECK_EQ(taken[0][0x89], 21);
	OK(close(d.eventfd));
	while (is_posted(&d))
		sched_yield();
	fire(&d);
	finish(t);
}

CASE(detached, "a device that goes and comes again")
{
	struct thread *t;
	struct device d;

	need_posting();
	t = start_with_device(&d, spin, 0, 0x8a);
	for (int i = 0; i < 20; i++) {
		REQUIRE(is_posted(&d));
		fire_and_wait(&d, 0, 0x8a, 1);
		OK(ioctl(d.fd, POSTING_DETACH));
		REQUIRE(!is_posted(&d));
		attach(&d);
	}
	finish(t);
}

CASE(not_posted, "levels, resampled lines, NMIs, and what is for several vCPUs are not posted")
{
	struct thread *t[2];
	struct device d;
	struct vm *vm;

	need_posting();
	vm = vm_new(VM_IRQCHIP);
	t[0] = start(vm, sleeps, 0);
	t[1] = start(vm, sleeps, 0);
	route(vm, TO_ID(0), 0x8b);
	d = device_new(vm, GSI);
	CHECK(is_posted(&d));
	route(vm, TO_ID(0), BIT(15) | BIT(14) | 0x8b);
	CHECK(!is_posted(&d));
	route(vm, TO_ID(0), ICR_NMI);
	CHECK(!is_posted(&d));
	route(vm, TO_ID(0), 0x0f);
	CHECK(!is_posted(&d));
	route(vm, TO_ID(0xff), 0x8b);
	CHECK(!is_posted(&d));
	fire(&d);
	wait_taken(0, 0x8b, 1);
	wait_taken(1, 0x8b, 1);
	route(vm, TO_ID(9), 0x8b);
	CHECK(!is_posted(&d));
	/* Lowest priority of one */
	route(vm, TO_ID(1), 1 << 8 | 0x8b);
	CHECK(is_posted(&d));
	fire_and_wait(&d, 1, 0x8b, 1);
	bind_irqfd(&d, KVM_IRQFD_FLAG_DEASSIGN);
	bind_irqfd(&d, KVM_IRQFD_FLAG_RESAMPLE);
	CHECK(!is_posted(&d));
	stop = 1;
	finish(t[0]);
	finish(t[1]);
}

static void changes_address(u64 unused)
{
	begin(false);
	xapic_write(APIC_LDR, 2 << 24);
	guest_sync(1);
	xapic_write(APIC_LDR, 4 << 24);
	guest_sync(2);
	xapic_write(APIC_LDR, 2 << 24);
	guest_sync(3);
	xapic_write(APIC_SPIV, 0xff);
	guest_sync(4);
	xapic_write(APIC_SPIV, 0x1ff);
	guest_sync(5);
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) & ~APIC_BASE_ENABLE);
	guest_sync(6);
}

CASE(address, "posting follows the address of the guest's APIC, and whether it is enabled")
{
	struct vcpu *cpu;
	struct device d;

	need_posting();
	cpu = vm_with(VM_IRQCHIP, changes_address, 0);
	guest_handlers[0x8c] = count;
	route(cpu->vm, TO_ID(2) | LOGICAL, 0x8c);
	d = device_new(cpu->vm, GSI);
	for (u64 i = 1; i <= 6; i++) {
		vcpu_expect_sync(cpu, i);
		if (is_posted(&d) != i % 2)
			FAIL("posted: %d, at step %llu", is_posted(&d), (unsigned long long)i);
		/* Out of KVM_RUN it is held; the next KVM_RUN finds it. */
		if (i % 2) {
			fire(&d);
			CHECK_EQ(state_of(&d).sn, 1);
		}
	}
	CHECK_EQ(taken[0][0x8c], 3);
}

static void not_virtual(bool halts)
{
	struct device d;
	struct thread *t;

	need_posting();
	t = start_with_device(&d, in_another_place, halts, 0x8d);
	REQUIRE(is_posted(&d));
	fire_and_wait(&d, 0, 0x8d, 500);
	for (int i = 0; i < 50; i++) {
		sleep_ms(i % 3);
		fire_and_wait(&d, 0, 0x8d, 1);
	}
	note(&d);
	CHECK_EQ(state_of(&d).by_handler, 0);
	finish(t);
}

CASE(moved_running, "to an APIC that the processor does not virtualize, running")
{
	not_virtual(false);
}

CASE(moved_halted, "the same, sleeping")
{
	not_virtual(true);
}

/* The VM's first device: the vCPUs know of none so far. */
static void first_device(void (*code)(u64))
{
	need_posting();
	need_cpus(2);
	for (int i = 0; i < 10; i++) {
		struct vm *vm = vm_new(VM_IRQCHIP);
		struct device d;
		struct thread *t;

		stop = ready[0] = taken[0][0x8e] = 0;
		t = start(vm, code, 0);
		stay_on_cpu(t->tid, 1);
		route(vm, TO_ID(0), 0x8e);
		/* Asleep for sure, or in the guest without a reason to leave it */
		sleep_ms(30);
		d = device_new(vm, GSI);
		REQUIRE(is_posted(&d));
		fire_and_wait(&d, 0, 0x8e, 1);
		finish(t);
		OK(close(d.fd));
		vm_free(vm);
	}
}

CASE_SLOW(first_running, "the first device comes while its vCPU is in the guest", 120)
{
	first_device(spin);
}

CASE_SLOW(first_halted, "the same, sleeping", 120)
{
	first_device(sleeps);
}

#define ONLINE "/sys/devices/system/cpu/cpu1/online"

CASE_SLOW(cpu_offline, "the CPU on which the vCPU has gone to sleep goes offline", 120)
{
	struct device d;
	struct thread *t;

	need_posting();
	need_cpus(2);
	if (access(ONLINE, W_OK))
		SKIP("no CPU can be taken offline here");
	t = start_with_device(&d, sleeps, 0, 0x8f);
	REQUIRE(is_posted(&d));
	stay_on_cpu(0, 0);
	for (int i = 0; i < 3; i++) {
		stay_on_cpu(t->tid, 1);
		fire_and_wait(&d, 0, 0x8f, 1);
		wait_asleep(&d);
		CHECK(write_file(ONLINE, "0"));
		fire_and_wait(&d, 0, 0x8f, 3);
		CHECK(write_file(ONLINE, "1"));
	}
	note(&d);
	finish(t);
}

/* ---------------------------------------------------------------- ends */

CASE(vm_goes, "a VM that goes before its devices")
{
	need_posting();
	for (int i = 0; i < 10; i++) {
		struct vm *vm = vm_new(VM_IRQCHIP);
		struct device d;
		struct thread *t;

		stop = ready[0] = taken[0][0x90] = 0;
		t = start(vm, i % 2 ? spin : sleeps, 0);
		route(vm, TO_ID(0), 0x90);
		d = device_new(vm, GSI);
		fire_and_wait(&d, 0, 0x90, 1);
		finish(t);
		vm_free(vm);
		REQUIRE(!is_posted(&d));
		fire(&d);
		CHECK(signalled(&d));
		OK(close(d.fd));
		OK(close(d.eventfd));
	}
}

CASE(left_open, "a process that ends in the middle of it")
{
	struct device d;
	struct vm *vm;

	need_posting();
	vm = vm_new(VM_IRQCHIP);
	start(vm, sleeps, 0);
	route(vm, TO_ID(0), 0x91);
	d = device_new(vm, GSI);
	fire_and_wait(&d, 0, 0x91, 100);
	fire(&d);
	/* What is open is closed by the kernel, in its order: the next case finds the module unused. */
}

CASE(unload, "the I/O MMU's module can be unloaded")
{
	int r;

	need_posting();
	for (int i = 0; i < 100; i++) {
		r = syscall(SYS_delete_module, MODULE, O_NONBLOCK);
		if (!r || errno != EAGAIN)
			break;
		sleep_ms(20);
	}
	CHECK_EQ(r, 0);
}
