// SPDX-License-Identifier: GPL-2.0-only
/* irqfds under load: signal after signal to running and halted vCPUs, and changes while signals come. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

#define VECTOR 0x41
#define GSI_MSI 40
#define GSI_PIN 20 /* of the I/O APIC alone */

static int new_eventfd(void)
{
	return OK(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

static u64 signals(int fd)
{
	u64 n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void signal_fd(int fd)
{
	u64 one = 1;

	REQUIRE_EQ(write(fd, &one, sizeof(one)), sizeof(one));
}

static int irqfd2(struct vm *vm, int fd, u32 gsi, u32 flags, int resample)
{
	struct kvm_irqfd arg = { .fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resample };

	return ioctl(vm->fd, KVM_IRQFD, &arg);
}

static int irqfd(struct vm *vm, int fd, u32 gsi, u32 flags)
{
	return irqfd2(vm, fd, gsi, flags, 0);
}

/* The message, and where there is an I/O APIC, its pin. */
static void route_msi(struct vm *vm, u32 gsi, bool pin)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[2];
	} routes = {
		.head.nr = pin ? 2 : 1,
		.entry[0] = {
			.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000, .data = VECTOR },
		},
		.entry[1] = {
			.gsi = GSI_PIN, .type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = GSI_PIN },
		},
	};

	OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes));
}

static volatile u64 stop;

/* Counts interrupts and lets the test look whenever the number has changed. */
static void waiting(u64 unused)
{
	apic_enable();
	asm volatile("sti");
	guest_sync(0);
	while (!stop)
		asm volatile("pause");
}

static void halting(u64 unused)
{
	apic_enable();
	guest_sync(0);
	while (!stop)
		asm volatile("sti; hlt; cli" : : : "memory");
	asm volatile("sti");
}

static bool comes_to(u8 vector, u64 n)
{
	for (int i = 0; i < 20000; i++) {
		if (irq_counts[vector] >= n)
			return irq_counts[vector] == n;
		usleep(100);
	}
	return false;
}

static struct runner *start(struct vcpu *cpu)
{
	guest_handlers[VECTOR] = irq_count;
	vcpu_expect_sync(cpu, 0);
	return vcpu_start(cpu);
}

/* A guest that halts is woken for its end by one more interrupt. */
static void finish(struct vcpu *cpu, struct runner *runner, int fd)
{
	stop = 1;
	if (fd >= 0)
		signal_fd(fd);
	vcpu_join(runner);
}

static void one_by_one(struct vcpu *cpu)
{
	struct runner *runner = start(cpu);
	int fd = new_eventfd();

	route_msi(cpu->vm, GSI_MSI, false);
	OK(irqfd(cpu->vm, fd, GSI_MSI, 0));
	for (u64 i = 1; i <= 300; i++) {
		signal_fd(fd);
		if (!comes_to(VECTOR, i)) {
			FAIL("signal %llu: %llu interrupts", (unsigned long long)i,
			     (unsigned long long)irq_counts[VECTOR]);
			break;
		}
	}
	CHECK_EQ(signals(fd), 0); /* taken by the kernel */
	finish(cpu, runner, fd);
}

CASE(msi_running, "each signal is one interrupt: a message to a running vCPU")
{
	one_by_one(vm_with(VM_IRQCHIP, waiting, 0));
}

CASE(msi_halted, "each signal is one interrupt: a message to a halted vCPU")
{
	one_by_one(vm_with(VM_IRQCHIP, halting, 0));
}

CASE(msi_split, "the same with only the local APICs in the kernel")
{
	one_by_one(vm_with(VM_SPLIT_IRQCHIP, halting, 0));
}

static void edge_pin(u64 unused)
{
	ioapic_route(GSI_PIN, VECTOR, 0);
	halting(0);
}

CASE(edge, "each signal is one edge of an I/O APIC pin")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, edge_pin, 0);
	struct runner *runner = start(cpu);
	int fd = new_eventfd();

	OK(irqfd(cpu->vm, fd, GSI_PIN, 0));
	for (u64 i = 1; i <= 100; i++) {
		signal_fd(fd);
		if (!CHECK(comes_to(VECTOR, i)))
			break;
	}
	finish(cpu, runner, fd);
}

static void level_pin(u64 unused)
{
	ioapic_route(GSI_PIN, VECTOR | IOAPIC_LEVEL, 0);
	halting(0);
}

CASE(resample, "a level stays until the guest's EOI, which every resamplefd on the line is told")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, level_pin, 0);
	struct runner *runner = start(cpu);
	int fd[2] = { new_eventfd(), new_eventfd() };
	int resampled[2] = { new_eventfd(), new_eventfd() };

	for (int i = 0; i < 2; i++)
		OK(irqfd2(cpu->vm, fd[i], GSI_PIN, KVM_IRQFD_FLAG_RESAMPLE, resampled[i]));
	for (u64 n = 1; n <= 50; n++) {
		u64 got[2] = {};

		signal_fd(fd[n & 1]);
		if (!CHECK(comes_to(VECTOR, n)))
			break;
		for (int i = 0; i < 20000 && !(got[0] && got[1]); i++) {
			got[0] += signals(resampled[0]);
			got[1] += signals(resampled[1]);
			usleep(100);
		}
		CHECK_EQ(got[0], 1);
		CHECK_EQ(got[1], 1);
	}
	/* One of the two goes; the other one works on. */
	OK(irqfd(cpu->vm, fd[0], GSI_PIN, KVM_IRQFD_FLAG_DEASSIGN));
	signal_fd(fd[1]);
	CHECK(comes_to(VECTOR, 51));
	for (int i = 0; i < 20000 && !signals(resampled[1]); i++)
		usleep(100);
	CHECK_EQ(signals(resampled[0]), 0);
	finish(cpu, runner, fd[1]);
}

CASE(closed, "an eventfd that is closed while assigned goes away, and its number can be used again")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, waiting, 0);
	struct runner *runner = start(cpu);
	u64 sent = 0;

	route_msi(cpu->vm, GSI_MSI, true);
	for (int i = 0; i < 100; i++) {
		int fd = new_eventfd();

		OK(irqfd(cpu->vm, fd, GSI_MSI, 0));
		if (i % 2) {
			signal_fd(fd);
			CHECK(comes_to(VECTOR, ++sent));
		}
		close(fd);
	}
	finish(cpu, runner, -1);
}

static void *signaller(void *arg)
{
	int fd = *(int *)arg;
	u64 one = 1;

	while (!stop && write(fd, &one, sizeof(one)) > 0)
		;
	return NULL;
}

CASE_SLOW(churn, "assignment, deassignment, routes and closing the machine while others signal", 60)
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, waiting, 0);
	struct runner *runner = start(cpu);
	int fds[2] = { new_eventfd(), new_eventfd() };
	pthread_t threads[2];

	fcntl(fds[0], F_SETFL, 0);
	for (int i = 0; i < 2; i++)
		REQUIRE(!pthread_create(&threads[i], NULL, signaller, &fds[i]));
	for (u32 i = 0; i < 300; i++) {
		route_msi(cpu->vm, GSI_MSI, true);
		for (int k = 0; k < 2; k++)
			OK(irqfd(cpu->vm, fds[k], k ? GSI_PIN : GSI_MSI, 0));
		route_msi(cpu->vm, GSI_MSI + 1, true);
		for (int k = 0; k < 2; k++)
			OK(irqfd(cpu->vm, fds[k], k ? GSI_PIN : GSI_MSI, KVM_IRQFD_FLAG_DEASSIGN));
	}
	route_msi(cpu->vm, GSI_MSI, true);
	OK(irqfd(cpu->vm, fds[0], GSI_MSI, 0));
	/* The windows above may have been too short for any; now they must come, or the limit of time does. */
	while (!irq_counts[VECTOR])
		usleep(100);
	stop = 1;
	for (int k = 0; k < 2; k++) {
		close(fds[k]);
		pthread_join(threads[k], NULL);
	}
	vcpu_join(runner);
}

/*
 * The whole table is replaced by another one without end.  Both lead the senders' GSIs to the same places, but for FLIP, whose
 * vector they do not agree on; all other GSIs lead to WRONG, where nothing may arrive.
 */
#define SENDS 150
#define FLIP 44
#define FLIP_VECTORS 0x48 /* and the next one */
#define WRONG 0x58 /* and the next one */
#define GSI_LEVEL 21

enum sender_kind { BY_IRQFD, BY_LINE, BY_MSI, BY_PIN, BY_LEVEL, BY_FLIP, NR_SENDERS };

static const struct {
	u32 gsi;
	u8 vector;
} senders[NR_SENDERS] = {
	[BY_IRQFD] = { 40, 0x42 },	  [BY_LINE] = { 41, 0x43 },
	[BY_MSI] = { 42, 0x44 },	  [BY_PIN] = { GSI_PIN, 0x45 },
	[BY_LEVEL] = { GSI_LEVEL, 0x46 }, [BY_FLIP] = { FLIP, FLIP_VECTORS },
};

struct sender {
	struct vm *vm;
	enum sender_kind kind;
	int fd, resamplefd;
	u64 sent;
	bool done;
};

/* Table @n, 0 or 1, as long as can be; the second one has its entries in the opposite order. */
static struct kvm_irq_routing *full_table(u32 nr, u32 n)
{
	struct kvm_irq_routing *t = calloc(1, sizeof(*t) + nr * sizeof(t->entries[0]));

	REQUIRE(t);
	t->nr = nr;
	for (u32 gsi = 0; gsi < nr; gsi++) {
		struct kvm_irq_routing_entry *e = &t->entries[n ? nr - 1 - gsi : gsi];

		e->gsi = gsi;
		if (gsi == GSI_PIN || gsi == GSI_LEVEL) {
			e->type = KVM_IRQ_ROUTING_IRQCHIP;
			e->u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
			e->u.irqchip.pin = gsi;
			continue;
		}
		e->type = KVM_IRQ_ROUTING_MSI;
		e->u.msi.address_lo = 0xfee00000;
		e->u.msi.data = WRONG + n;
		for (u32 i = 0; i < NR_SENDERS; i++) {
			if (senders[i].gsi == gsi)
				e->u.msi.data = senders[i].vector + (gsi == FLIP ? n : 0);
		}
	}
	return t;
}

static void send_one(struct sender *s)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = senders[s->kind].vector };
	struct kvm_irq_level line = { .irq = senders[s->kind].gsi, .level = 1 };

	switch (s->kind) {
	case BY_LINE:
	case BY_FLIP:
		OK(ioctl(s->vm->fd, KVM_IRQ_LINE, &line));
		break;
	case BY_MSI:
		OK(ioctl(s->vm->fd, KVM_SIGNAL_MSI, &msi));
		break;
	default:
		signal_fd(s->fd);
		break;
	}
}

static u64 arrived(enum sender_kind kind)
{
	u8 vector = senders[kind].vector;

	return irq_counts[vector] + (kind == BY_FLIP ? irq_counts[vector + 1] : 0);
}

/* One table may be in use for long: FLIP goes on until it has gone by both. */
static bool has_sent_all(const struct sender *s)
{
	return s->sent >= SENDS &&
	       (s->kind != BY_FLIP || (irq_counts[FLIP_VECTORS] && irq_counts[FLIP_VECTORS + 1]));
}

/* Each is waited for; one that is lost ends the case by its limit of time. */
static void *send_all(void *arg)
{
	struct sender *s = arg;

	while (!has_sent_all(s)) {
		send_one(s);
		s->sent++;
		while (arrived(s->kind) < s->sent)
			usleep(50);
		while (s->kind == BY_LEVEL && !signals(s->resamplefd))
			usleep(50);
	}
	__atomic_store_n(&s->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void counting(u64 unused)
{
	ioapic_route(GSI_PIN, senders[BY_PIN].vector, 0);
	ioapic_route(GSI_LEVEL, senders[BY_LEVEL].vector | IOAPIC_LEVEL, 0);
	waiting(0);
}

static bool all_done(const struct sender *s)
{
	for (u32 i = 0; i < NR_SENDERS; i++) {
		if (!__atomic_load_n(&s[i].done, __ATOMIC_ACQUIRE))
			return false;
	}
	return true;
}

CASE_SLOW(replaced,
	  "full tables replace each other while interrupts flow: none is lost, doubled or misled",
	  60)
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, counting, 0);
	u32 nr = NEED(cpu->vm->fd, KVM_CAP_IRQ_ROUTING);
	struct kvm_irq_routing *t[2] = { full_table(nr, 0), full_table(nr, 1) };
	struct sender s[NR_SENDERS] = {};
	pthread_t threads[NR_SENDERS];
	struct runner *runner;
	u32 replaced = 0;

	for (u32 v = 0x40; v < 0x60; v++)
		guest_handlers[v] = irq_count;
	runner = start(cpu);
	OK(ioctl(cpu->vm->fd, KVM_SET_GSI_ROUTING, t[0]));
	for (u32 i = 0; i < NR_SENDERS; i++) {
		bool level = i == BY_LEVEL;

		s[i] = (struct sender){
			.vm = cpu->vm, .kind = i, .fd = new_eventfd(), .resamplefd = new_eventfd()
		};
		if (i == BY_IRQFD || i == BY_PIN || level)
			OK(irqfd2(cpu->vm, s[i].fd, senders[i].gsi,
				  level ? KVM_IRQFD_FLAG_RESAMPLE : 0, s[i].resamplefd));
		REQUIRE(!pthread_create(&threads[i], NULL, send_all, &s[i]));
	}
	while (!all_done(s))
		OK(ioctl(cpu->vm->fd, KVM_SET_GSI_ROUTING, t[++replaced & 1]));
	for (u32 i = 0; i < NR_SENDERS; i++)
		pthread_join(threads[i], NULL);
	finish(cpu, runner, -1);
	for (u32 i = 0; i < NR_SENDERS; i++)
		CHECK_EQ(arrived(i), s[i].sent);
	CHECK_EQ(irq_counts[WRONG] + irq_counts[WRONG + 1], 0);
}

/*
 * One table leads PULSED to one pin, the other to another, and both pins are looked at by GSIs of their own.  The pins are
 * masked edges, so that KVM_IRQ_LINE_STATUS answers -1 where one rises, and 0 where it was high.
 */
#define LOOKED_AT 30 /* and the next one */
#define FIRST_PIN 20 /* and the next one */
#define PULSES 1500
#define AT_ONCE 32

static void route_pulsed(struct vm *vm, u32 pulsed, u32 n)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[3];
	} routes = { .head.nr = 3 };
	const u32 gsis[] = { pulsed, LOOKED_AT, LOOKED_AT + 1 };
	const u32 pins[] = { FIRST_PIN + n, FIRST_PIN, FIRST_PIN + 1 };

	for (u32 i = 0; i < 3; i++) {
		routes.entry[i].gsi = gsis[i];
		routes.entry[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		routes.entry[i].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		routes.entry[i].u.irqchip.pin = pins[i];
	}
	OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes));
}

static bool was_high(struct vm *vm, u32 gsi)
{
	struct kvm_irq_level line = { .irq = gsi, .level = 1 };
	bool high;

	OK(ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &line));
	high = line.status == 0;
	line = (struct kvm_irq_level){ .irq = gsi };
	OK(ioctl(vm->fd, KVM_IRQ_LINE, &line));
	return high;
}

struct flipper {
	struct vm *vm;
	u32 gsi;
	pthread_t thread;
};

static void *flip_routes(void *arg)
{
	struct flipper *f = arg;

	for (u32 n = 0; !stop; n ^= 1)
		route_pulsed(f->vm, f->gsi, n);
	return NULL;
}

static void start_flipping(struct flipper *f, u32 gsi)
{
	f->vm = vm_new(VM_IRQCHIP | VM_PIT);
	f->gsi = gsi;
	route_pulsed(f->vm, gsi, 0);
	REQUIRE(!pthread_create(&f->thread, NULL, flip_routes, f));
}

static void stop_flipping(struct flipper *f)
{
	stop = 1;
	pthread_join(f->thread, NULL);
}

CASE_SLOW(
	pulse_work,
	"a pulse by an eventfd that was signalled before leaves no pin high, whichever table comes",
	120)
{
	struct flipper f;
	int fd[AT_ONCE];

	start_flipping(&f, GSI_PIN);
	for (u32 k = 0; k < AT_ONCE; k++)
		fd[k] = new_eventfd();
	for (u32 i = 0; i < PULSES / 5; i++) {
		bool high;

		for (u32 k = 0; k < AT_ONCE; k++) {
			signal_fd(fd[k]);
			OK(irqfd(f.vm, fd[k], GSI_PIN, 0));
		}
		/* Waits for the pulses. */
		for (u32 k = 0; k < AT_ONCE; k++)
			OK(irqfd(f.vm, fd[k], GSI_PIN, KVM_IRQFD_FLAG_DEASSIGN));
		high = was_high(f.vm, LOOKED_AT);
		high |= was_high(f.vm, LOOKED_AT + 1);
		if (high) {
			FAIL("a pin is high after %u pulses", (i + 1) * AT_ONCE);
			break;
		}
	}
	stop_flipping(&f);
}

/* A pulse that is on its way is soon over. */
static bool stays_high(struct vm *vm)
{
	for (int i = 0; i < 5000; i++) {
		bool high = was_high(vm, LOOKED_AT);

		high |= was_high(vm, LOOKED_AT + 1);
		if (!high)
			return false;
		usleep(1000);
	}
	return true;
}

CASE_SLOW(pulse_pit, "the same of the PIT's pulses", 120)
{
	struct kvm_pit_state2 pit;
	struct flipper f;

	start_flipping(&f, 0);
	OK(ioctl(f.vm->fd, KVM_GET_PIT2, &pit));
	for (u32 i = 0; i < PULSES; i++) {
		/* One rise, at the end of the count */
		pit.channels[0].rw_mode = 3;
		pit.channels[0].count_load_time = 1;
		pit.channels[0].mode = 0;
		pit.channels[0].count = 20 + i % 50;
		pit.channels[0].gate = 1;
		OK(ioctl(f.vm->fd, KVM_SET_PIT2, &pit));
		usleep(300);
		if (stays_high(f.vm)) {
			FAIL("a pin stays high after %u pulses", i + 1);
			break;
		}
	}
	stop_flipping(&f);
}
