// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the processors of the lab do otherwise than the manuals say, so that a test has to look away: one row each.  On real
 * processors there are none, and all is looked at.
 */
#include <string.h>

#include "vm.h"

/* <sys/io.h> has an inb() of its own. */
extern int ioperm(unsigned long from, unsigned long num, int turn_on);

enum emulator {
	REAL_PROCESSOR = 0,
	TCG = BIT(0),
	BOCHS_INTEL = BIT(1),
	BOCHS_AMD = BIT(2),
	BOCHS = BOCHS_INTEL | BOCHS_AMD,
};

static const struct {
	enum quirk quirk;
	enum emulator of;
	const char *text;
} quirks[] = {
	{ QUIRK_RDTSCP, TCG, "QEMU's processor does not let a hypervisor intercept RDTSCP" },
	{ QUIRK_INT3, TCG, "QEMU's processor does not let a hypervisor intercept INT3" },
	{ QUIRK_INT3, BOCHS,
	  "Bochs' processor delivers it to the guest, with the distribution's modules, too" },
	{ QUIRK_INT1, BOCHS_AMD,
	  "Bochs' AMD processor gives a guest #SS for it, with the distribution's modules, too" },
	{ QUIRK_INJECT_BP, TCG,
	  "QEMU's processor does not let a hypervisor inject #BP as hardware does" },
	{ QUIRK_WBINVD, TCG,
	  "QEMU's processor asks the hypervisor before it looks at the privilege" },
	{ QUIRK_CR_HALVES, TCG,
	  "QEMU's processor drops the upper halves of control registers before a hypervisor can see them" },
	{ QUIRK_CR4_READ, TCG,
	  "QEMU's processor does not let a hypervisor intercept reads of CR4" },
	{ QUIRK_SS_CANONICAL, TCG,
	  "QEMU's processor raises #GP for an address in the stack segment that is not canonical" },
	{ QUIRK_XM, TCG, "QEMU's processor raises no SIMD exceptions" },
	{ QUIRK_AC, TCG, "QEMU's processor checks no alignment" },
	{ QUIRK_MISSED_CODE, TCG,
	  "QEMU's processor may miss a write to code that another one is translating" },
	{ QUIRK_FORCED, TCG, "QEMU's processor does some instructions otherwise" },
	{ QUIRK_PARTS, BOCHS,
	  "Bochs' processor does the second part of a long operand first, or what comes before a fault" },
	{ QUIRK_LOADS_TF, BOCHS,
	  "Bochs' processor takes a single step after SYSCALL and SYSRET by the TF before them" },
	{ QUIRK_SHORT_IRET, BOCHS,
	  "Bochs' IRET of 16 and 32 bits in 64-bit mode does not pop the stack pointer" },
	{ QUIRK_RF, BOCHS_AMD,
	  "Bochs' processor has forgotten RFLAGS.RF when an instruction faults, if the fault is intercepted" },
	{ QUIRK_PANIC, BOCHS,
	  "Bochs gives up (PANIC) at states of a guest that a processor runs or refuses" },
	{ QUIRK_LIMITS, TCG, "QEMU's processor checks no segment limits" },
	{ QUIRK_SYSENTER, TCG, "QEMU's processor has no SYSENTER in real mode" },
	{ QUIRK_LOST_CPU, TCG,
	  "QEMU's TCG never comes out of some of these states, and its CPU is lost" },
};

static enum emulator emulator(void)
{
	struct cpuid_regs r = cpuid(0x40000000, 0);

	if ((cpuid(1, 0).ecx & BIT(31)) && !memcmp(&r.ebx, "TCGT", 4))
		return TCG;
	/* Bochs' debug port answers with its own number. */
	if (ioperm(0xe9, 1, 1) || inb(0xe9) != 0xe9)
		return REAL_PROCESSOR;
	r = cpuid(0, 0);
	return memcmp(&r.ebx, "Auth", 4) ? BOCHS_INTEL : BOCHS_AMD;
}

const char *cpu_quirk(enum quirk quirk)
{
	enum emulator here = emulator();

	for (unsigned int i = 0; i < ARRAY_SIZE(quirks); i++)
		if (quirks[i].quirk == quirk && quirks[i].of & here)
			return quirks[i].text;
	return NULL;
}
