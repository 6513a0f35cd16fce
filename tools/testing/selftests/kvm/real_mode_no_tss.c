// SPDX-License-Identifier: GPL-2.0-only
/* Real mode for VMMs that do not say where a TSS may be: a processor that needs one for it has it emulated. */
#define NO_TSS
#include "real_mode.c"
