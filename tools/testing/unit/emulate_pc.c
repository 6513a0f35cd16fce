// SPDX-License-Identifier: GPL-2.0-only
/* See emulate_pc.h. */
#include <stdio.h>
#include <stdlib.h>

#include "emulate_pc.h"
#include "mmu/walk.h"

#define CR0_VALID 0xe005003fULL
#define CR4_VALID 0x37ffULL
#define EFER_VALID (EFER_SCE | EFER_LME | EFER_LMA | BIT_ULL(11))
#define CR4_PAE BIT_ULL(5)
#define CR4_PSE BIT_ULL(4)
#define CR0_WP BIT_ULL(16)

static struct pc *pc_of(struct emul_ctxt *c)
{
	return container_of(c, struct pc, c);
}

/* ---- memory */

/* What lies at a guest physical address, and how far; NULL: nothing. */
static u8 *at(struct pc *pc, u64 gpa, unsigned int len, bool write)
{
	if (gpa + len <= pc->mem_size)
		return pc->mem + gpa;
	if (!write && gpa >= 0x100000000ULL - pc->rom_size && gpa + len <= 0x100000000ULL)
		return pc->rom + (gpa - (0x100000000ULL - pc->rom_size));
	return NULL;
}

static int read_entry(void *ctx, u64 gpa, unsigned int bytes, int level, u64 *val)
{
	u8 *p = at(ctx, gpa, bytes, true);

	*val = 0;
	if (!p)
		return -1;
	memcpy(val, p, bytes);
	return 0;
}

static int cmpxchg_entry(void *ctx, u64 gpa, unsigned int bytes, u64 old, u64 new)
{
	u8 *p = at(ctx, gpa, bytes, true);

	if (!p || memcmp(p, &old, bytes))
		return 1;
	memcpy(p, &new, bytes);
	return 0;
}

static const struct kvm_walk_ops walk_ops = { .read = read_entry, .compare_xchg = cmpxchg_entry };

static enum emul_result translate(struct pc *pc, u64 lin, unsigned int acc, u64 *gpa)
{
	bool user = pc->c.cpl == 3 && !(acc & EMUL_A_SYSTEM);
	struct kvm_walk_result res;
	struct kvm_walk_mode mode;

	*gpa = lin;
	if (pc->c.mode != EMUL_MODE_LONG && !(pc->efer & EFER_LMA))
		*gpa = (u32)lin;
	if (!(pc->cr[0] & CR0_PG))
		return EMUL_DONE;
	mode = (struct kvm_walk_mode){
		.root = pc->cr[3],
		.levels = !(pc->cr[4] & CR4_PAE) ? 2 :
			  !(pc->efer & EFER_LMA) ? 3 :
						   4,
		.maxphyaddr = 40,
		.pse = pc->cr[4] & CR4_PSE,
		.pse36 = true,
		.gbpages = true,
		.wp = pc->cr[0] & CR0_WP,
		.nx = pc->efer & BIT_ULL(11),
		.amd = true,
	};
	switch (kvm_walk(&mode, &walk_ops, pc, lin,
			 (user ? KVM_WALK_USER : 0) | ((acc & EMUL_A_WRITE) ? KVM_WALK_WRITE : 0) |
				 ((acc & EMUL_A_FETCH) ? KVM_WALK_FETCH : 0),
			 &res)) {
	case KVM_WALK_OK:
		*gpa = res.gpa;
		return EMUL_DONE;
	case KVM_WALK_NONCANON:
		return emul_raise_gp(&pc->c, 0);
	default:
		return emul_raise_pf(&pc->c, lin, res.error_code);
	}
}

/* Copy from or to guest memory; both pages of an access are translated before anything is done. */
static enum emul_result copy(struct pc *pc, u64 lin, void *buf, unsigned int len, unsigned int acc,
			     bool move)
{
	unsigned int n = 0x1000 - (lin & 0xfff), i, part[2];
	bool write = acc & EMUL_A_WRITE;
	u64 gpa[2];
	u8 *p;

	part[0] = len < n ? len : n;
	part[1] = len - part[0];
	TRY(translate(pc, lin, acc, &gpa[0]));
	if (part[1])
		TRY(translate(pc, lin + part[0], acc, &gpa[1]));
	for (i = 0; move && i < 2 && part[i]; buf = (u8 *)buf + part[i++]) {
		p = at(pc, gpa[i], part[i], write);
		if (write && p)
			memcpy(p, buf, part[i]);
		else if (!write && p)
			memcpy(buf, p, part[i]);
		else if (!write)
			memset(buf, 0xff, part[i]);
	}
	return EMUL_DONE;
}

static enum emul_result op_fetch(struct emul_ctxt *c, u64 lin, void *buf, unsigned int len)
{
	return copy(pc_of(c), lin, buf, len, EMUL_A_FETCH, true);
}

/* The read half of a read-modify-write asks for the right to write, and reads. */
static enum emul_result op_read(struct emul_ctxt *c, u64 lin, void *buf, unsigned int len,
				unsigned int acc)
{
	if (acc & EMUL_A_WRITE)
		TRY(copy(pc_of(c), lin, buf, len, acc, false));
	return copy(pc_of(c), lin, buf, len, acc & ~EMUL_A_WRITE, true);
}

static enum emul_result op_write(struct emul_ctxt *c, u64 lin, const void *buf, unsigned int len,
				 unsigned int acc)
{
	return copy(pc_of(c), lin, (void *)buf, len, acc | EMUL_A_WRITE, true);
}

static enum emul_result op_cmpxchg(struct emul_ctxt *c, u64 lin, const void *old, const void *new,
				   unsigned int len, unsigned int acc)
{
	return op_write(c, lin, new, len, acc);
}

static enum emul_result op_probe(struct emul_ctxt *c, u64 lin, unsigned int len, unsigned int acc)
{
	return copy(pc_of(c), lin, NULL, len, acc, false);
}

/* ---- ports */

static enum emul_result op_in(struct emul_ctxt *c, u16 port, unsigned int size, void *buf,
			      unsigned int count)
{
	struct pc *pc = pc_of(c);
	u32 val;

	for (; count--; buf = (u8 *)buf + size) {
		val = pc->in ? pc->in(pc, port, size) : ~0u;
		memcpy(buf, &val, size);
	}
	return EMUL_DONE;
}

static enum emul_result op_out(struct emul_ctxt *c, u16 port, unsigned int size, const void *buf,
			       unsigned int count)
{
	struct pc *pc = pc_of(c);
	u32 val = 0;

	for (; count--; buf = (const u8 *)buf + size) {
		memcpy(&val, buf, size);
		if (pc->out)
			pc->out(pc, port, size, val);
	}
	return EMUL_DONE;
}

/* ---- registers */

static void op_get_seg(struct emul_ctxt *c, enum emul_sreg sreg, struct emul_seg *seg)
{
	*seg = pc_of(c)->seg[sreg];
}

static enum emul_result set_cr0(struct pc *pc, u64 val)
{
	bool pg = val & CR0_PG;

	if ((val >> 32) || (pg && !(val & CR0_PE)))
		return emul_raise_gp(&pc->c, 0);
	if (pg && !(pc->cr[0] & CR0_PG) && (pc->efer & EFER_LME)) {
		if (!(pc->cr[4] & CR4_PAE) || (pc->seg[EMUL_CS].attr & EMUL_SEG_L))
			return emul_raise_gp(&pc->c, 0);
		pc->efer |= EFER_LMA;
	}
	if (!pg)
		pc->efer &= ~EFER_LMA;
	pc->cr[0] = (val & CR0_VALID) | CR0_ET;
	return EMUL_DONE;
}

static enum emul_result op_set_cr(struct emul_ctxt *c, unsigned int nr, u64 val)
{
	struct pc *pc = pc_of(c);

	switch (nr) {
	case 0:
		return set_cr0(pc, val);
	case 4:
		if ((val & ~CR4_VALID) || ((pc->efer & EFER_LMA) && !(val & CR4_PAE)))
			return emul_raise_gp(c, 0);
		break;
	case 8:
		if (val > 15)
			return emul_raise_gp(c, 0);
		break;
	}
	pc->cr[nr] = val;
	return EMUL_DONE;
}

static enum emul_result op_set_dr(struct emul_ctxt *c, unsigned int nr, u64 val)
{
	if (nr >= 6 && val >> 32)
		return emul_raise_gp(c, 0);
	pc_of(c)->dr[nr] = val;
	return EMUL_DONE;
}

static u64 *msr(struct pc *pc, u32 index)
{
	static const u32 known[16] = {
		EM_MSR_STAR,
		EM_MSR_LSTAR,
		EM_MSR_CSTAR,
		EM_MSR_SYSCALL_MASK,
		EM_MSR_SYSENTER_CS,
		EM_MSR_SYSENTER_ESP,
		EM_MSR_SYSENTER_EIP,
		EM_MSR_KERNEL_GS_BASE,
		EM_MSR_TSC_AUX,
		0x1b,
		0x2ff,
		0x277,
	};
	unsigned int i;

	if (index == EM_MSR_FS_BASE || index == EM_MSR_GS_BASE)
		return &pc->seg[EMUL_FS + (index & 1)].base;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i] == index)
			return &pc->msr[i];
	return NULL;
}

static enum emul_result op_get_msr(struct emul_ctxt *c, u32 index, u64 *val)
{
	struct pc *pc = pc_of(c);
	u64 *p = msr(pc, index);

	*val = index == EM_MSR_EFER ? pc->efer : p ? *p : 0;
	return EMUL_DONE;
}

static enum emul_result op_set_msr(struct emul_ctxt *c, u32 index, u64 val)
{
	struct pc *pc = pc_of(c);
	u64 *p = msr(pc, index);

	if (index == EM_MSR_EFER) {
		if ((val & ~EFER_VALID) || ((pc->cr[0] & CR0_PG) && ((val ^ pc->efer) & EFER_LME)))
			return emul_raise_gp(c, 0);
		pc->efer = (val & ~EFER_LMA) | (pc->efer & EFER_LMA);
	} else if (p) {
		*p = val;
	}
	return EMUL_DONE;
}

/* A processor with long mode, of no particular make. */
static enum emul_result op_cpuid(struct emul_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	u32 leaf = *eax;

	*eax = *ebx = *ecx = *edx = 0;
	switch (leaf) {
	case 0:
		*eax = 1;
		memcpy(ebx, "Auth", 4);
		memcpy(edx, "enti", 4);
		memcpy(ecx, "cAMD", 4);
		break;
	case 1:
		*eax = 0x600f12;
		*ebx = 1 << 16;
		*edx = 0x0788a1f9 & ~BIT(9); /* no local APIC */
		break;
	case 0x80000000:
		*eax = 0x80000008;
		memcpy(ebx, "Auth", 4);
		memcpy(edx, "enti", 4);
		memcpy(ecx, "cAMD", 4);
		break;
	case 0x80000001:
		*edx = 0x2193f9f9 & ~BIT(9);
		*ecx = 1;
		break;
	case 0x80000008:
		*eax = 0x3028;
		break;
	}
	return EMUL_DONE;
}

static u64 op_rdtsc(struct emul_ctxt *c)
{
	return pc_of(c)->insns;
}

static enum emul_result op_get_xcr(struct emul_ctxt *c, u32 index, u64 *val)
{
	*val = pc_of(c)->xcr0;
	return EMUL_DONE;
}

static enum emul_result op_set_xcr(struct emul_ctxt *c, u32 index, u64 val)
{
	return emul_raise_gp(c, 0);
}

static enum emul_result op_halt(struct emul_ctxt *c)
{
	pc_of(c)->halted = true;
	return EMUL_DONE;
}

static enum emul_result op_nothing(struct emul_ctxt *c)
{
	return EMUL_DONE;
}

static enum emul_result op_invlpg(struct emul_ctxt *c, u64 lin)
{
	return EMUL_DONE;
}

static const struct emul_ops ops = {
	.fetch = op_fetch,
	.read = op_read,
	.write = op_write,
	.compare_xchg = op_cmpxchg,
	.probe = op_probe,
	.in = op_in,
	.out = op_out,
	EMULATE_REGISTERS_OPS,
	.get_seg = op_get_seg,
	.set_cr = op_set_cr,
	.set_dr = op_set_dr,
	.get_msr = op_get_msr,
	.set_msr = op_set_msr,
	.cpuid = op_cpuid,
	.rdtsc = op_rdtsc,
	.get_xcr = op_get_xcr,
	.set_xcr = op_set_xcr,
	.halt = op_halt,
	.wbinvd = op_nothing,
	.invlpg = op_invlpg,
};

/* ---- life */

/* Return: 0, or -1: no such file or no memory. */
int pc_init(struct pc *pc, u32 mem_size, const char *rom)
{
	u32 low;
	FILE *f;

	memset(pc, 0, sizeof(*pc));
	emul_init(&pc->c, &ops);
	f = fopen(rom, "rb");
	if (!f)
		return -1;
	fseek(f, 0, SEEK_END);
	pc->rom_size = ftell(f);
	rewind(f);
	pc->rom = malloc(pc->rom_size);
	pc->mem_size = mem_size;
	pc->mem = calloc(1, mem_size);
	if (!pc->rom || !pc->mem || fread(pc->rom, 1, pc->rom_size, f) != pc->rom_size) {
		fclose(f);
		return -1;
	}
	fclose(f);
	low = pc->rom_size < 0x20000 ? pc->rom_size : 0x20000;
	memcpy(pc->mem + 0x100000 - low, pc->rom + pc->rom_size - low, low);
	pc_reset(pc);
	return 0;
}

void pc_free(struct pc *pc)
{
	free(pc->mem);
	free(pc->rom);
}

/* SDM vol. 3A, table 10-1 */
void pc_reset(struct pc *pc)
{
	unsigned int i;

	memset(pc->c.gpr, 0, sizeof(pc->c.gpr));
	pc->c.gpr[EMUL_RDX] = 0x600;
	pc->c.rip = 0xfff0;
	pc->c.rflags = FL_FIXED;
	pc->c.features = ~(BIT_ULL(EMUL_F_INTEL) | BIT_ULL(EMUL_F_ALTMOVCR8) |
			   BIT_ULL(EMUL_F_XSAVE) | BIT_ULL(EMUL_F_AVX));
	for (i = 0; i < 6; i++)
		pc->seg[i] = (struct emul_seg){ .limit = 0xffff, .attr = 0x93 };
	pc->seg[EMUL_CS].selector = 0xf000;
	pc->seg[EMUL_CS].base = 0xffff0000;
	pc->seg[EMUL_CS].attr = 0x9b;
	pc->seg[EMUL_TR] = (struct emul_seg){ .limit = 0xffff, .attr = 0x8b };
	pc->seg[EMUL_LDTR] = (struct emul_seg){ .limit = 0xffff, .attr = 0x82 };
	pc->gdtr = (struct emul_dtr){ .limit = 0xffff };
	pc->idtr = (struct emul_dtr){ .limit = 0xffff };
	memset(pc->cr, 0, sizeof(pc->cr));
	pc->cr[0] = CR0_ET | 0x60000000;
	pc->dr[6] = 0xffff0ff0;
	pc->dr[7] = 0x400;
	pc->efer = 0;
	pc->irq = -1;
	pc->halted = false;
	pc->fx[0] = 0x7f;
	pc->fx[1] = 0x03;
	pc->fx[24] = 0x80;
	pc->fx[25] = 0x1f;
}

/* ---- running */

static u8 mode_of(const struct pc *pc)
{
	u16 attr = pc->seg[EMUL_CS].attr;

	if (!(pc->cr[0] & CR0_PE))
		return EMUL_MODE_REAL;
	if (pc->c.rflags & FL_VM)
		return EMUL_MODE_VM86;
	if ((attr & EMUL_SEG_L) && (pc->efer & EFER_LMA))
		return EMUL_MODE_LONG;
	return (attr & EMUL_SEG_DB) ? EMUL_MODE_PROT32 : EMUL_MODE_PROT16;
}

static void load(struct pc *pc)
{
	pc->c.mode = mode_of(pc);
	pc->c.cpl = pc->c.mode == EMUL_MODE_REAL ? 0 :
		    pc->c.mode == EMUL_MODE_VM86 ? 3 :
						   EMUL_SEG_DPL(pc->seg[EMUL_SS].attr);
	pc->c.dr7 = (pc->dr[7] & 0xff) ? pc->dr[7] : 0;
	emul_begin(&pc->c);
}

static bool contributory(u8 vector)
{
	return vector == EMUL_DE || (vector >= EMUL_TS && vector <= EMUL_GP);
}

/* Deliver an event, and what its delivery raises: double faults, and the end.  SDM vol. 3A, table 6-5. */
static void deliver(struct pc *pc, struct emul_event ev)
{
	bool df = false;
	u8 first;

	for (;;) {
		enum emul_result res;

		load(pc);
		pc->events++;
		res = emul_deliver_event(&pc->c, &ev);
		if (res == EMUL_DONE)
			return;
		if (res != EMUL_FAULT) {
			pc->stop = PC_UNHANDLED;
			return;
		}
		if (df) {
			pc->stop = PC_TRIPLE_FAULT;
			return;
		}
		first = ev.kind == EMUL_EV_FAULT ? ev.vector : 0xff;
		ev = (struct emul_event){ .vector = pc->c.fault.vector,
					  .has_error = pc->c.fault.has_error,
					  .error = pc->c.fault.error,
					  .return_rip = pc->c.rip };
		if (ev.vector == EMUL_PF)
			pc->cr[2] = pc->c.fault.addr;
		if ((contributory(first) && contributory(ev.vector)) ||
		    (first == EMUL_PF && (ev.vector == EMUL_PF || contributory(ev.vector)))) {
			ev = (struct emul_event){ .vector = EMUL_DF,
						  .has_error = true,
						  .return_rip = pc->c.rip };
			df = true;
		}
	}
}

static void deliver_fault(struct pc *pc)
{
	const struct emul_fault *f = &pc->c.fault;

	pc->faults++;
	if (f->vector == EMUL_PF)
		pc->cr[2] = f->addr;
	if (f->vector == EMUL_DB)
		pc->dr[6] = (pc->dr[6] & ~15ULL) | f->addr;
	deliver(pc, (struct emul_event){ .vector = f->vector,
					 .has_error = f->has_error,
					 .error = f->error,
					 .return_rip = pc->c.rip });
}

static void deliver_trap(struct pc *pc)
{
	pc->dr[6] = (pc->dr[6] & ~15ULL) | pc->c.trap;
	deliver(pc, (struct emul_event){ .vector = EMUL_DB, .return_rip = pc->c.rip });
}

static bool take_irq(struct pc *pc)
{
	u8 vector = pc->irq;

	if (pc->irq < 0 || !(pc->c.rflags & FL_IF) || pc->c.int_shadow)
		return false;
	pc->irq = -1;
	pc->halted = false;
	if (pc->taken)
		pc->taken(pc);
	deliver(pc, (struct emul_event){
			    .vector = vector, .kind = EMUL_EV_EXT_INT, .return_rip = pc->c.rip });
	return true;
}

static void step(struct pc *pc)
{
	load(pc);
	pc->modes[pc->c.mode]++;
	switch (emul_run(&pc->c)) {
	case EMUL_DONE:
	case EMUL_MORE:
		if (pc->c.trap)
			deliver_trap(pc);
		break;
	case EMUL_FAULT:
		deliver_fault(pc);
		break;
	case EMUL_SOFT_INT:
		deliver(pc, (struct emul_event){ .vector = pc->c.fault.vector,
						 .kind = pc->c.fault.kind,
						 .return_rip = pc->c.next_rip });
		break;
	case EMUL_RETRY:
		break;
	default:
		pc->stop = PC_UNHANDLED;
	}
}

/**
 * pc_run - run so many instructions, or until something ends it
 * @pc:		reset
 * @insns:	how many at most
 */
enum pc_stop pc_run(struct pc *pc, u64 insns)
{
	u64 end = pc->insns + insns;

	pc->stop = PC_RUNS;
	while (pc->stop == PC_RUNS) {
		if (pc->insns++ >= end)
			return PC_LIMIT;
		if (pc->tick)
			pc->tick(pc);
		if (take_irq(pc))
			continue;
		if (pc->halted && !pc->tick)
			return PC_HALTED;
		if (pc->halted && !(pc->c.rflags & FL_IF))
			return PC_HALTED;
		if (!pc->halted)
			step(pc);
	}
	return pc->stop;
}
