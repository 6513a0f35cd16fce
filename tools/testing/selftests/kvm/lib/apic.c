// SPDX-License-Identifier: GPL-2.0-only
#include "apic.h"

volatile u64 irq_counts[256];

void irq_count(struct frame *frame)
{
	irq_counts[frame->vector]++;
	apic_eoi();
}

void irq_count_pic(struct frame *frame)
{
	irq_counts[frame->vector]++;
	if (frame->vector & 8)
		outb(PIC2, 0x20);
	outb(PIC1, 0x20);
}
