/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine's folder in debugfs. */
#ifndef SELFTESTS_DEBUGFS_H
#define SELFTESTS_DEBUGFS_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vm.h"

#define KVM_DEBUGFS "/sys/kernel/debug/kvm"

static inline void need_debugfs(void)
{
	if (access(KVM_DEBUGFS, R_OK))
		SKIP("no " KVM_DEBUGFS);
}

/* Path of a file in a machine's folder, in a buffer that the next call reuses. */
static inline const char *vm_path(struct vm *vm, const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), KVM_DEBUGFS "/%d-%d/%s", getpid(), vm->fd, file);
	return path;
}

static inline u64 vm_number(struct vm *vm, const char *file)
{
	char text[64];

	if (!read_file(vm_path(vm, file), text, sizeof(text))) {
		FAIL("cannot read %s", vm_path(vm, file));
		ktap_end();
	}
	return strtoull(text, NULL, 10);
}

/* The flight recorder and its like are this project's: other modules have no such files. */
static inline void need_flight(struct vm *vm)
{
	need_debugfs();
	if (access(vm_path(vm, "vcpu0/flight"), F_OK))
		SKIP("no flight recorder");
}

#endif
