// SPDX-License-Identifier: GPL-2.0-only
/*
 * What booting Linux takes, from the start of the VMM (the one of samples/) to the guest's last word, in time of the CPU: what
 * the guest sleeps at HLT is its timers', and now and then a minute of them; what the VMM waits for its files and for its
 * console is real time, however the machine counts.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define STATISTICS "/sys/kernel/debug/kvm/"
#define LAST_WORD "guest: done"

/* Totals of the machines that live. */
static u64 counted(const char *statistic)
{
	char text[32];

	REQUIRE(read_file(statistic, text, sizeof(text)));
	return strtoull(text, NULL, 10);
}

static u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static u64 ns_of(struct timeval t)
{
	return t.tv_sec * 1000000000ULL + t.tv_usec * 1000ULL;
}

/* In a child: the VMM, its console into the pipe. */
static void start_vmm(int output)
{
	struct utsname name;
	char kernel[300];

	uname(&name);
	snprintf(kernel, sizeof(kernel), "/boot/vmlinuz-%s", name.release);
	dup2(output, STDOUT_FILENO);
	execl("build/samples/vmm", "vmm", "--kernel", kernel, "--initrd", "build/samples/initrd",
	      "--append", "console=ttyS0 quiet panic=-1 nokaslr", NULL);
	_exit(127);
}

CASE_SLOW(bench_boot, "booting Linux", 900)
{
	char line[300], all[4096] = "";
	bool done = false;
	int ends[2], status;
	u64 start, start_ns, ticks, ns, exits = 0;
	struct rusage used;
	FILE *console;
	pid_t vmm;

	if (access("build/samples/vmm", X_OK))
		SKIP("build/samples/vmm is not there: make samples-build");
	REQUIRE(access(STATISTICS "exits", R_OK) == 0);
	OK(pipe(ends));
	start = rdtsc();
	start_ns = now_ns();
	vmm = OK(fork());
	if (!vmm)
		start_vmm(ends[1]);
	close(ends[1]);
	console = fdopen(ends[0], "r");
	while (!done && fgets(line, sizeof(line), console)) {
		strncat(all, line, sizeof(all) - strlen(all) - 1);
		done = strncmp(line, LAST_WORD, strlen(LAST_WORD)) == 0;
	}
	if (done)
		exits = counted(STATISTICS "exits");
	ticks = rdtsc() - start;
	ns = now_ns() - start_ns;
	kill(vmm, SIGKILL);
	OK(wait4(vmm, &status, 0, &used));
	if (!done)
		FAIL("the guest did not come to its end: %s", all);
	report_value("boot-ticks",
		     (double)ticks / ns * (ns_of(used.ru_utime) + ns_of(used.ru_stime)));
	report_value("boot-exits", exits);
	CHECK(exits > 0);
}
