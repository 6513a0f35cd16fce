// SPDX-License-Identifier: GPL-2.0-only
/*
 * The neutral half's tracepoints.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"
