// SPDX-License-Identifier: GPL-2.0-only
/*
 * SeaBIOS from the reset vector to its search for something to boot, then Linux's own setup code with SeaBIOS under it,
 * through protected mode to the first instruction of the 64-bit kernel: all of it in the emulator, nothing natively.
 *
 * The PC has what SeaBIOS cannot do without: a host bridge, CMOS, two interrupt controllers, a timer, fw_cfg.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "emulate_pc.h"

#define MEM (256u << 20)
#define INSNS_PER_TICK 100 /* of the 1.193 MHz timer */
#define SETUP 0x90000
#define CMDLINE 0x99000

struct board {
	struct pc pc;
	char log[16384];
	size_t len;
	u8 pci[256];
	u32 pci_addr;
	u8 cmos_index;
	u16 fw_sel, fw_pos;
	u8 port61;
	u16 pit2;
	u64 pit2_start;
	bool pit2_high; /* next byte is the high one */
	struct {
		u8 base, mask, step;
	} pic[2];
	bool irq0;
};

static struct board b;

static u8 cmos(u8 index)
{
	switch (index) {
	case 0x0a:
		return 0x26;
	case 0x0b:
		return 0x02;
	case 0x0d:
		return 0x80;
	case 0x34:
		return (u8)((MEM - (16u << 20)) >> 16);
	case 0x35:
		return (MEM - (16u << 20)) >> 24;
	}
	return 0;
}

static u8 fw_cfg(void)
{
	static const u8 signature[] = "QEMU";
	u16 pos = b.fw_pos++;

	if (b.fw_sel == 0)
		return pos < 4 ? signature[pos] : 0;
	if (b.fw_sel == 1)
		return pos == 0;
	return 0;
}

static bool pit2_done(struct pc *pc)
{
	return pc->insns - b.pit2_start > (u64)b.pit2 * INSNS_PER_TICK;
}

static u32 in(struct pc *pc, u16 port, unsigned int size)
{
	u32 val = ~0u;

	switch (port) {
	case 0x402:
		return 0xe9;
	case 0x511:
		return fw_cfg();
	case 0x71:
		return cmos(b.cmos_index);
	case 0x61:
		b.port61 ^= 0x10;
		return (b.port61 & 0x1f) | (pit2_done(pc) ? 0x20 : 0);
	case 0x92:
		return 2;
	case 0x20:
	case 0xa0:
		return 0;
	case 0x21:
	case 0xa1:
		return b.pic[port >> 7].mask;
	case 0xcf8:
		return b.pci_addr;
	case 0xcfc ... 0xcff:
		if ((b.pci_addr & 0xffffff00) == 0x80000000)
			memcpy(&val, b.pci + (b.pci_addr & 0xfc) + (port & 3), size);
	}
	return val;
}

static void pic_out(unsigned int i, bool data, u8 val)
{
	if (!data && (val & 0x10)) {
		b.pic[i].step = 1;
	} else if (data && b.pic[i].step) {
		if (b.pic[i].step == 1)
			b.pic[i].base = val;
		b.pic[i].step = (b.pic[i].step + 1) & 3;
	} else if (data) {
		b.pic[i].mask = val;
	}
}

static void out(struct pc *pc, u16 port, unsigned int size, u32 val)
{
	switch (port) {
	case 0x402:
		if (b.len < sizeof(b.log) - 1)
			b.log[b.len++] = val;
		break;
	case 0x510:
		b.fw_sel = val;
		b.fw_pos = 0;
		break;
	case 0x70:
		b.cmos_index = val & 0x7f;
		break;
	case 0x61:
		b.port61 = val & 0x0f;
		break;
	case 0x43:
		b.pit2_high = false;
		break;
	case 0x42:
		if (b.pit2_high)
			b.pit2 = (b.pit2 & 0xff) | val << 8;
		else
			b.pit2 = (u8)val;
		b.pit2_high = !b.pit2_high;
		b.pit2_start = pc->insns;
		break;
	case 0x20:
	case 0x21:
	case 0xa0:
	case 0xa1:
		pic_out(port >> 7, port & 1, val);
		break;
	case 0xcf8:
		b.pci_addr = val;
		break;
	case 0xcfc ... 0xcff:
		if ((b.pci_addr & 0xffffff00) == 0x80000000 && (b.pci_addr & 0xfc) >= 0x40)
			memcpy(b.pci + (b.pci_addr & 0xfc) + (port & 3), &val, size);
		break;
	}
}

/* The timer's interrupt, 18.2 times a second. */
static void tick(struct pc *pc)
{
	if (pc->insns % (65536 * INSNS_PER_TICK / 16) == 0)
		b.irq0 = true;
	if (b.irq0 && pc->irq < 0 && !(b.pic[0].mask & 1) && b.pic[0].base)
		pc->irq = b.pic[0].base;
	if ((pc->insns & 0xffff) == 0 && strstr(b.log, "No bootable device"))
		pc->stop = PC_ENDED;
}

static void taken(struct pc *pc)
{
	b.irq0 = false;
}

static void tell(const char *what, enum pc_stop stop)
{
	char text[96];

	emul_print(&b.pc.c, text, sizeof(text));
	printf("# %s: stop %d after %llu instructions at %#llx, mode %u: %s\n", what, stop,
	       (unsigned long long)b.pc.insns, (unsigned long long)b.pc.c.rip, b.pc.c.mode, text);
	printf("# real %llu, vm86 %llu, 16-bit %llu, 32-bit %llu, 64-bit %llu; %llu events, %llu faults\n",
	       (unsigned long long)b.pc.modes[0], (unsigned long long)b.pc.modes[1],
	       (unsigned long long)b.pc.modes[2], (unsigned long long)b.pc.modes[3],
	       (unsigned long long)b.pc.modes[4], (unsigned long long)b.pc.events,
	       (unsigned long long)b.pc.faults);
}

static void seabios(void **state)
{
	enum pc_stop stop;

	if (pc_init(&b.pc, MEM, SEABIOS)) {
		print_message("# no %s\n", SEABIOS);
		skip();
	}
	b.pc.in = in;
	b.pc.out = out;
	b.pc.tick = tick;
	b.pc.taken = taken;
	memcpy(b.pci, (u8[]){ 0x86, 0x80, 0x37, 0x12, 7, 0, 0, 0, 2, 0, 0, 6 }, 12);
	memcpy(b.pci + 0x2c, (u8[]){ 0xf4, 0x1a, 0x00, 0x11 }, 4);
	stop = pc_run(&b.pc, 400000000);
	tell("SeaBIOS", stop);
	if (stop != PC_ENDED)
		printf("%s\n", b.log);
	assert_int_equal(stop, PC_ENDED);
	assert_non_null(strstr(b.log, "SeaBIOS (version"));
}

/* As the boot protocol says: setup at 0x90000, the kernel at 1 MiB. */
static bool load_linux(void)
{
	u8 *mem = b.pc.mem, *setup = mem + SETUP;
	u32 cmdline = CMDLINE, sects;
	FILE *f = fopen(VMLINUZ, "rb");

	if (!f)
		return false;
	assert_int_equal(fread(setup, 1, 0x400, f), 0x400);
	assert_memory_equal(setup + 0x202, "HdrS", 4);
	sects = setup[0x1f1] ? setup[0x1f1] : 4;
	assert_int_equal(fread(setup + 0x400, 1, sects * 512 - 0x200, f), sects * 512 - 0x200);
	assert_true(fread(mem + 0x100000, 1, MEM - 0x100000, f) > 1000000);
	fclose(f);
	setup[0x210] = 0xff;
	setup[0x211] |= 0x80;
	memcpy(setup + 0x224, (u8[]){ 0x00, 0x8e }, 2);
	memcpy(setup + 0x228, &cmdline, 4);
	strcpy((char *)mem + CMDLINE, "console=ttyS0 vga=normal");
	return true;
}

static void at_startup_64(struct pc *pc)
{
	tick(pc);
	if (pc->stop == PC_ENDED)
		pc->stop = PC_RUNS;
	if (pc->c.mode == EMUL_MODE_LONG)
		pc->stop = PC_ENDED;
}

static void linux_setup(void **state)
{
	struct pc *pc = &b.pc;
	enum pc_stop stop;
	unsigned int i;
	u32 e820;

	if (!pc->mem || !load_linux()) {
		print_message("# no SeaBIOS or no %s\n", VMLINUZ);
		skip();
	}
	pc->cr[0] &= ~CR0_PE;
	for (i = 0; i < 6; i++)
		pc->seg[i] = (struct emul_seg){
			.selector = SETUP >> 4, .base = SETUP, .limit = 0xffff, .attr = 0x93
		};
	pc->seg[EMUL_CS].selector += 0x20;
	pc->seg[EMUL_CS].base += 0x200;
	pc->c.rip = 0;
	pc->c.gpr[EMUL_RSP] = 0x9000;
	pc->c.rflags = FL_FIXED;
	pc->halted = false;
	pc->tick = at_startup_64;
	memset(pc->modes, 0, sizeof(pc->modes));
	stop = pc_run(pc, 400000000);
	tell("Linux", stop);
	assert_int_equal(stop, PC_ENDED);
	/* In 64-bit code of the kernel, with what setup learnt from SeaBIOS: its memory map. */
	assert_true(pc->c.rip >= 0x100000);
	assert_true(pc->efer & EFER_LMA);
	assert_true(pc->c.gpr[EMUL_RSI] < SETUP + 0x10000);
	e820 = pc->mem[pc->c.gpr[EMUL_RSI] + 0x1e8];
	printf("# startup_64 at %#llx, %u entries of memory map\n", (unsigned long long)pc->c.rip,
	       e820);
	assert_in_range(e820, 4, 20);
	pc_free(pc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seabios),
		cmocka_unit_test(linux_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
