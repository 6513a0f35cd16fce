// SPDX-License-Identifier: GPL-2.0-only
/* Tracepoints: those that tools open are there, and count what happens. */
#include <dirent.h>
#include <pthread.h>

#include "apic.h"
#include "debugfs.h"
#include "tracepoint.h"

#define N 50

/* The struct is not laid out by ABI, the names are: perf kvm stat, kvm_stat and trace-cmd's plugin go by them. */
static const struct {
	const char *event;
	const char *fields[10];
} abi[] = {
	{ "kvm/kvm_entry", { "vcpu_id", "rip" } },
	{ "kvm/kvm_exit",
	  { "exit_reason", "guest_rip", "isa", "info1", "info2", "intr_info", "error_code",
	    "vcpu_id" } },
	{ "kvm/kvm_mmio", { "type", "len", "gpa", "val" } },
	{ "kvm/kvm_pio", { "rw", "port", "size", "count", "val" } },
	{ "kvm/kvm_msr", { "write", "ecx", "data", "exception" } },
	{ "kvm/kvm_cpuid", { "function", "index", "rax", "rbx", "rcx", "rdx", "found" } },
	{ "kvm/kvm_hypercall", { "nr", "a0", "a1", "a2", "a3" } },
	{ "kvm/kvm_userspace_exit", { "reason", "errno" } },
	{ "kvm/kvm_page_fault", { "vcpu_id", "guest_rip", "fault_address", "error_code" } },
	{ "kvm/kvm_inj_virq", { "vector", "soft", "reinjected" } },
	{ "kvm/kvm_inj_exception", { "exception", "has_error", "error_code", "reinjected" } },
	{ "kvm/kvm_apic", { "rw", "reg", "val" } },
	{ "kvm/kvm_apic_ipi", { "icr_low", "dest_id" } },
	{ "kvm/kvm_apic_accept_irq", { "apicid", "dm", "tm", "vec" } },
	{ "kvm/kvm_eoi", { "apicid", "vector" } },
	{ "kvm/kvm_set_irq", { "gsi", "level", "irq_source_id" } },
	{ "kvm/kvm_ioapic_set_irq", { "e", "pin", "coalesced" } },
	{ "kvm/kvm_pic_set_irq", { "chip", "pin", "elcr", "imr", "coalesced" } },
	{ "kvm/kvm_msi_set_irq", { "address", "data" } },
	{ "kvm/kvm_ack_irq", { "irqchip", "pin" } },
	{ "kvm/kvm_emulate_insn", { "rip", "csbase", "len", "insn", "flags", "failed" } },
	{ "kvm/kvm_cr", { "rw", "cr", "val" } },
	{ "kvm/kvm_fpu", { "load" } },
	{ "kvm/kvm_vcpu_wakeup", { "ns", "waited", "valid" } },
	{ "kvm/kvm_halt_poll_ns", { "grow", "vcpu_id", "new", "old" } },
	{ "kvm/kvm_unmap_hva_range", { "start", "end" } },
	{ "kvm/kvm_age_hva", { "start", "end" } },
	{ "kvm/kvm_write_tsc_offset", { "vcpu_id", "previous_tsc_offset", "next_tsc_offset" } },
	{ "kvm/kvm_update_master_clock", { "use_master_clock", "host_clock", "offset_matched" } },
	{ "kvm/kvm_pvclock_update", { "vcpu_id", "version", "tsc_timestamp", "system_time" } },
	{ "kvm/vcpu_match_mmio", { "gva", "gpa", "write", "gpa_match" } },
	{ "kvmmmu/kvm_mmu_pagetable_walk", { "addr", "pferr" } },
	{ "kvmmmu/kvm_mmu_walker_error", { "pferr" } },
	{ "kvmmmu/handle_mmio_page_fault", { "addr", "gfn", "access" } },
};

CASE(names, "events and fields have the names that tools look for")
{
	char path[256], text[16384], want[64];

	need_tracepoints();
	for (u32 i = 0; i < ARRAY_SIZE(abi); i++) {
		snprintf(path, sizeof(path), EVENTS "%s/format", abi[i].event);
		if (!read_file(path, text, sizeof(text))) {
			FAIL("no event %s", abi[i].event);
			continue;
		}
		for (u32 j = 0; j < 10 && abi[i].fields[j]; j++) {
			snprintf(want, sizeof(want), " %s;", abi[i].fields[j]);
			if (!strstr(text, want) &&
			    (snprintf(want, sizeof(want), " %s[", abi[i].fields[j]),
			     !strstr(text, want)))
				FAIL("%s has no field %s", abi[i].event, abi[i].fields[j]);
		}
	}
}

static void work(u64 unused)
{
	for (int i = 0; i < N; i++)
		cpuid(0, 0);
	for (int i = 0; i < N; i++)
		outb(0x80, i);
	for (int i = 0; i < N; i++)
		hypercall(1, 2, 3, 4, 5); /* KVM_HC_VAPIC_POLL_IRQ */
	for (int i = 0; i < N; i++)
		*(volatile u32 *)0xd0000000 = i;
	guest_done();
}

static u64 exits_of(struct vcpu *cpu)
{
	static u8 all[65536];
	struct kvm_stats_header *h = (void *)all;
	int fd = OK(ioctl(cpu->fd, KVM_GET_STATS_FD, 0));
	size_t step;

	REQUIRE(OK(pread(fd, all, sizeof(all), 0)) > 0);
	close(fd);
	step = sizeof(struct kvm_stats_desc) + h->name_size;
	for (u32 i = 0; i < h->num_desc; i++) {
		struct kvm_stats_desc *d = (void *)(all + h->desc_offset + i * step);

		if (!strcmp(d->name, "exits"))
			return *(u64 *)(all + h->data_offset + d->offset);
	}
	FAIL("exits are not counted");
	return 0;
}

static int open_one(const char *event, const char *filter)
{
	int fd = tracepoint_open(event, filter);

	if (fd < 0)
		FAIL("%s cannot be opened: %s", event, strerror(errno));
	REQUIRE(fd >= 0);
	return fd;
}

CASE(counts, "every exit and entry is traced, and counted alike by tracepoints and statistics")
{
	struct vcpu *cpu = vm_with(0, work, 0);
	int exit, entry, cpuids, pio, calls, mmio, user;
	struct event ev;
	u64 before;

	need_tracepoints();
	NEED(cpu->vm->kvm, KVM_CAP_BINARY_STATS_FD);
	exit = open_one("kvm/kvm_exit", NULL);
	entry = open_one("kvm/kvm_entry", NULL);
	cpuids = open_one("kvm/kvm_cpuid", NULL);
	pio = open_one("kvm/kvm_pio", "port == 0x80 && rw == 1 && size == 1");
	calls = open_one("kvm/kvm_hypercall", "nr == 1 && a0 == 2 && a3 == 5");
	mmio = open_one("kvm/kvm_mmio", "type == 2 && len == 4 && gpa == 0xd0000000");
	user = open_one("kvm/kvm_userspace_exit", "errno == 0");
	before = exits_of(cpu);
	for (int i = 0; i < 2 * N; i++)
		vcpu_expect_exit(cpu, i < N ? KVM_EXIT_IO : KVM_EXIT_MMIO);
	ev = vcpu_run(cpu);
	CHECK_EQ(ev.kind, EV_DONE);
	CHECK_EQ(tracepoint_count(exit), exits_of(cpu) - before);
	CHECK_EQ(tracepoint_count(entry), tracepoint_count(exit));
	/* hypercall() asks who the vendor is */
	CHECK_EQ(tracepoint_count(cpuids), 2 * N);
	CHECK_EQ(tracepoint_count(pio), N);
	CHECK_EQ(tracepoint_count(calls), N);
	CHECK_EQ(tracepoint_count(mmio), N);
	CHECK_EQ(tracepoint_count(user), 2 * N + 1);
}

static void msrs(u64 unused)
{
	u64 v;

	for (int i = 0; i < N; i++)
		wrmsr(MSR_MISC_ENABLE, rdmsr(MSR_MISC_ENABLE));
	catch_rdmsr(0x12345, &v);
	guest_done();
}

CASE(msr, "MSR accesses are traced with what was refused, and the exception that follows")
{
	struct vcpu *cpu = vm_with(0, msrs, 0);
	int rd, wr, gp, inj;

	need_tracepoints();
	rd = open_one("kvm/kvm_msr", "write == 0 && ecx == 0x1a0 && exception == 0");
	wr = open_one("kvm/kvm_msr", "write == 1 && ecx == 0x1a0 && exception == 0");
	gp = open_one("kvm/kvm_msr", "ecx == 0x12345 && exception == 1");
	inj = open_one("kvm/kvm_inj_exception",
		       "exception == 13 && has_error == 1 && reinjected == 0");
	vcpu_expect_done(cpu);
	CHECK_EQ(tracepoint_count(rd), N);
	CHECK_EQ(tracepoint_count(wr), N);
	CHECK_EQ(tracepoint_count(gp), 1);
	CHECK_EQ(tracepoint_count(inj), 1);
}

static void self_ipis(u64 unused)
{
	apic_enable();
	irq_enable();
	for (int i = 0; i < N; i++)
		apic_write(APIC_ICR, 0x40040 | 0x4000); /* to myself, vector 0x40 */
	guest_done();
}

CASE(interrupts, "an interrupt is traced from its sending to its end")
{
	struct vcpu *cpu = vm_with(VM_IRQCHIP, self_ipis, 0);
	int ipi, accept, inject, eoi, apic;

	need_tracepoints();
	if (apic_is_virtual())
		SKIP("with APICv an IPI to oneself and its end pass by software");
	guest_handlers[0x40] = irq_count;
	ipi = open_one("kvm/kvm_apic_ipi", "icr_low & 0x40");
	accept = open_one("kvm/kvm_apic_accept_irq", "vec == 0x40");
	inject = open_one("kvm/kvm_inj_virq", "vector == 0x40 && reinjected == 0");
	eoi = open_one("kvm/kvm_eoi", "vector == 0x40");
	apic = open_one("kvm/kvm_apic", "rw == 1 && reg == 0x300");
	vcpu_expect_done(cpu);
	CHECK_EQ(irq_counts[0x40], N);
	CHECK_EQ(tracepoint_count(ipi), N);
	CHECK_EQ(tracepoint_count(accept), N);
	CHECK_EQ(tracepoint_count(inject), N);
	CHECK_EQ(tracepoint_count(eoi), N);
	CHECK_EQ(tracepoint_count(apic), N);
}

static void spin(u64 unused)
{
	for (u64 i = 0; i < 4000; i++) {
		cpuid(0, 0);
		if (i % 8 == 0)
			outb(0x80, i);
	}
	guest_done();
}

static volatile bool stop;

/* All events of the system, on all CPUs, opened and closed again and again. */
static void *attach(void *arg)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	while (!stop) {
		DIR *dir = opendir(EVENTS "kvm");
		int fds[512], n = 0;
		struct dirent *d;

		while (dir && (d = readdir(dir))) {
			struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT,
							.size = sizeof(attr) };
			char name[300];

			snprintf(name, sizeof(name), "kvm/%s", d->d_name);
			attr.config = tracepoint_id(name);
			for (long cpu = 0; (long)attr.config > 0 && cpu < cpus && n < 512; cpu++) {
				int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, 0);

				if (fd >= 0)
					fds[n++] = fd;
			}
		}
		if (dir)
			closedir(dir);
		if (!CHECK(n > 0))
			return NULL;
		while (n)
			close(fds[--n]);
	}
	return NULL;
}

CASE_SLOW(attached, "guests run on while tracing is switched on and off under them", 120)
{
	pthread_t thread;

	need_tracepoints();
	pthread_create(&thread, NULL, attach, NULL);
	for (int i = 0; i < 5; i++) {
		struct vcpu *cpu = vm_with(VM_IRQCHIP, spin, 0);

		for (int j = 0; j < 500; j++)
			vcpu_expect_exit(cpu, KVM_EXIT_IO);
		vcpu_expect_done(cpu);
		vm_free(cpu->vm);
	}
	stop = true;
	pthread_join(thread, NULL);
}
