/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions whose length a backend has to find without a decoder: what comes before an opcode, and those that raise
 * events.
 */
#ifndef KVM_X86_SOFT_EVENT_H
#define KVM_X86_SOFT_EVENT_H

#include <linux/types.h>

static inline bool x86_is_prefix(u8 b, bool in_64bit)
{
	switch (b) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66:
	case 0x67:
	case 0xf0:
	case 0xf2:
	case 0xf3:
		return true;
	default:
		return in_64bit && (b & 0xf0) == 0x40;
	}
}

/**
 * x86_count_prefixes() - where the opcode begins
 * @insn: the instruction's first @n bytes
 * @n: how many are known
 * @in_64bit: 64-bit mode, where there are REX prefixes
 *
 * Return: 0 to @n; @n: the opcode is not among them
 */
static inline unsigned int x86_count_prefixes(const u8 *insn, unsigned int n, bool in_64bit)
{
	unsigned int i = 0;

	while (i < n && x86_is_prefix(insn[i], in_64bit))
		i++;
	return i;
}

/**
 * x86_soft_event_len() - length of an INT n, INT3 or INTO
 * @insn: the instruction's first @n bytes
 * @n: how many are known
 * @in_64bit: see above
 *
 * Return: 0: it is something else; -1: cannot be told
 */
static inline int x86_soft_event_len(const u8 *insn, unsigned int n, bool in_64bit)
{
	unsigned int i = x86_count_prefixes(insn, n, in_64bit);

	if (i == n)
		return -1;
	switch (insn[i]) {
	case 0xcc: /* INT3 */
	case 0xce: /* INTO */
		return i + 1;
	case 0xcd:
		return i + 2;
	default:
		return 0;
	}
}

#endif /* KVM_X86_SOFT_EVENT_H */
