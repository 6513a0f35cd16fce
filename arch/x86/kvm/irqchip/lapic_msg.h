/* SPDX-License-Identifier: GPL-2.0-only */
/* An interrupt message to local APICs.  Pure. */
#ifndef KVM_X86_IRQCHIP_LAPIC_MSG_H
#define KVM_X86_IRQCHIP_LAPIC_MSG_H

#include "../pure.h"

/* From an ICR, an I/O APIC or an MSI. */
struct lapic_msg {
	u32 dest; /* 0xff and 0xffffffff: everybody, by the sender's format */
	u8 vector;
	u8 delivery; /* enum lapic_delivery */
	u8 shorthand; /* enum lapic_shorthand */
	bool logical; /* destination mode */
	bool level; /* trigger mode */
	bool assert;
	bool ipi; /* sent by a local APIC */
	bool x2apic; /* the sending local APIC is in x2APIC mode */
};

#endif /* KVM_X86_IRQCHIP_LAPIC_MSG_H */
