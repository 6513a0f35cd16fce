/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small machine around the emulator, for its tests and fuzzers: a megabyte of memory at linear addresses 0-0xfffff, a
 * page of device memory above it, ports, segments, control registers; and a knob for each way an access can end.
 */
#ifndef EMULATE_MACHINE_H
#define EMULATE_MACHINE_H

#include "emulate_registers.h"

#ifdef SMALL_MACHINE /* quicker to set up and to compare */
#define MEM_SIZE 0xc000
#define LOG_SIZE 64
#else
#define MEM_SIZE 0x100000
#define LOG_SIZE 4096
#endif
#define MMIO_BASE (MEM_SIZE * 2) /* device memory: one page */
#define MMIO_SIZE 0x1000
#define NOT_PRESENT (MEM_SIZE / 4 * 3) /* one page that is not there */
#define READ_ONLY (NOT_PRESENT + 0x1000) /* one page that is read-only */

struct access {
	char kind; /* 'r', 'w', 'x' (cmpxchg), 'i', 'o', 'f' */
	u64 addr;
	u32 len;
	u32 acc;
};

struct machine {
	EMULATE_REGISTERS_MEMBER;
	u64 efer, star, lstar, cstar, fmask, sysenter[3], gs_base, fs_base, kernel_gs_base, tsc_aux;
	u64 other_msr;
	u64 xcr0;
	u32 pkru;
	u64 port_value; /* what IN gives, bytes repeated and counted up */
	u64 invlpg;
	bool halted, flushed, left_smm;

	/* Suspending: each access of these kinds is answered only when asked for the second time. */
	bool suspend_mmio, suspend_ports, suspend_all;
	bool pending; /* … and this one has been asked for */
	struct access pending_access;
	u8 pending_data[64];
	unsigned int suspensions;

	unsigned int retries; /* so many compare-and-exchanges lose */
	bool no_bulk;
	bool bulk_quiet; /* bulk accesses are not in the list */

	u8 *lowest_frame; /* of an op: how deep the emulator's stack has been */

	struct access log[LOG_SIZE];
	unsigned int nr_log;

	u8 mmio[MMIO_SIZE];
	u8 mem[MEM_SIZE];
};

/* What the instruction table and CPUID can name, all offered. */
#define ALL_FEATURES (~(BIT_ULL(EMUL_F_INTEL) | BIT_ULL(EMUL_F_ALTMOVCR8)))

void machine_init(struct machine *m, unsigned int mode);
void machine_code(struct machine *m, const void *code, unsigned int len);
enum emul_result machine_run(struct machine *m);
enum emul_result machine_step(struct machine *m); /* resumes until it is done or fails */
void machine_put_desc(struct machine *m, u16 selector, u64 desc);
u64 machine_desc(u32 base, u32 limit, u16 attr);
u64 machine_peek(struct machine *m, u64 addr, unsigned int len);
void machine_poke(struct machine *m, u64 addr, u64 val, unsigned int len);

#define CODE 0x1000 /* linear address of the code */
#define STACK 0x8000 /* linear address of the stack's top */
#define GDT 0x4000
#define LDT 0x4800
#define TSS 0x5000
#define IDT 0x6000

#define RUN(m, ...)                                        \
	({                                                 \
		static const u8 _code[] = { __VA_ARGS__ }; \
		machine_code(m, _code, sizeof(_code));     \
		machine_run(m);                            \
	})

#define STEP(m, ...)                                       \
	({                                                 \
		static const u8 _code[] = { __VA_ARGS__ }; \
		machine_code(m, _code, sizeof(_code));     \
		machine_step(m);                           \
	})

#endif
