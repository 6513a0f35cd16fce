// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86's tracepoints, and what backends use of them.
 */
#include <linux/module.h>
#include <asm/apicdef.h>
#include <asm/trapnr.h>

#define CREATE_TRACE_POINTS
#include "trace_x86.h"
#include "mmu/trace_mmu.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(kvm_entry);
EXPORT_TRACEPOINT_SYMBOL_GPL(kvm_exit);
EXPORT_TRACEPOINT_SYMBOL_GPL(kvm_cr);
EXPORT_TRACEPOINT_SYMBOL_GPL(kvm_pml_full);
