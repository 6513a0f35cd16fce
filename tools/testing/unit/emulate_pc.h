/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A whole PC that runs in the emulator alone: memory with paging (the pure walk), ROM below 1 MiB and 4 GiB, control
 * registers with their rules, interrupts and exceptions delivered by emul_deliver_event(), ports by a callback.
 */
#ifndef EMULATE_PC_H
#define EMULATE_PC_H

#include "emulate_registers.h"

enum pc_stop {
	PC_RUNS,
	PC_LIMIT, /* as many instructions as were allowed */
	PC_HALTED, /* HLT, and no interrupt will end it */
	PC_TRIPLE_FAULT,
	PC_UNHANDLED, /* the emulator could not do it */
	PC_ENDED, /* a port callback said so */
};

struct pc {
	EMULATE_REGISTERS_MEMBER;
	u64 efer, msr[16];
	u64 xcr0;

	u8 *mem;
	u32 mem_size;
	u8 *rom; /* at 4 GiB - rom_size; its last 128 KiB are copied to below 1 MiB */
	u32 rom_size;

	u64 insns; /* done so far: the time stamp counter */
	bool halted;
	enum pc_stop stop;
	int irq; /* vector that waits, -1: none; whoever delivers it calls @taken */
	void (*taken)(struct pc *pc);

	u32 (*in)(struct pc *pc, u16 port, unsigned int size);
	void (*out)(struct pc *pc, u16 port, unsigned int size, u32 val);
	void (*tick)(struct pc *pc); /* before each instruction */
	void *owner;

	u64 modes[5]; /* instructions done in each mode */
	u64 events, faults;
};

int pc_init(struct pc *pc, u32 mem_size, const char *rom);
void pc_free(struct pc *pc);
void pc_reset(struct pc *pc);
enum pc_stop pc_run(struct pc *pc, u64 insns);

#endif
