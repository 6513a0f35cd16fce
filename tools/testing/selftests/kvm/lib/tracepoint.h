/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints counted with perf_event_open(), as kvm_stat does. */
#ifndef SELFTESTS_TRACEPOINT_H
#define SELFTESTS_TRACEPOINT_H

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

#define EVENTS "/sys/kernel/tracing/events/"

static inline int tracepoint_id(const char *event)
{
	char path[400], text[32];

	snprintf(path, sizeof(path), EVENTS "%s/id", event);
	return read_file(path, text, sizeof(text)) ? atoi(text) : -1;
}

/* Counts in the calling thread from now on, with a filter or NULL; -1: there is no such event. */
static inline int tracepoint_open(const char *event, const char *filter)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = tracepoint_id(event),
		.sample_period = 1,
	};
	int fd;

	if ((int)attr.config < 0)
		return -1;
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (fd < 0)
		return -1;
	if (filter)
		OK(ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter));
	return fd;
}

static inline u64 tracepoint_count(int fd)
{
	u64 n = 0;

	CHECK_EQ(OK(read(fd, &n, 8)), 8);
	return n;
}

static inline void need_tracepoints(void)
{
	if (tracepoint_id("kvm/kvm_exit") < 0)
		SKIP("no " EVENTS "kvm");
}

#endif
