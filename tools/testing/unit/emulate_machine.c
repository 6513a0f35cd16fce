// SPDX-License-Identifier: GPL-2.0-only
/* See emulate_machine.h. */
#include "emulate_machine.h"

static struct machine *machine(struct emul_ctxt *c)
{
	return container_of(c, struct machine, c);
}

static void note(struct machine *m, char kind, u64 addr, unsigned int len, unsigned int acc)
{
	if (m->nr_log < ARRAY_SIZE(m->log))
		m->log[m->nr_log++] = (struct access){ kind, addr, len, acc };
}

/* Ask for an access that suspends: true once user space has "answered". */
static bool answered(struct machine *m, char kind, u64 addr, unsigned int len)
{
	struct access *p = &m->pending_access;

	if (m->pending) {
		m->pending = false;
		/* The contract: the same access again. */
		if (p->kind != kind || p->addr != addr || p->len != len)
			__builtin_trap();
		return true;
	}
	m->pending = true;
	*p = (struct access){ kind, addr, len, 0 };
	m->suspensions++;
	return false;
}

static __always_inline enum emul_result translate(struct machine *m, u64 lin, unsigned int len,
						  unsigned int acc, u8 **p)
{
	u32 error = ((acc & EMUL_A_WRITE) ? 2 : 0) |
		    (m->c.cpl == 3 && !(acc & EMUL_A_SYSTEM) ? 4 : 0);
	u64 end = lin + len;

	if (!m->lowest_frame || (u8 *)__builtin_frame_address(0) < m->lowest_frame)
		m->lowest_frame = __builtin_frame_address(0);
	if (lin < NOT_PRESENT + 0x1000 && end > NOT_PRESENT)
		return emul_raise_pf(&m->c, lin < NOT_PRESENT ? NOT_PRESENT : lin, error);
	if ((acc & EMUL_A_WRITE) && lin < READ_ONLY + 0x1000 && end > READ_ONLY)
		return emul_raise_pf(&m->c, lin < READ_ONLY ? READ_ONLY : lin, error | 1);
	if (lin - MMIO_BASE < MMIO_SIZE && end <= MMIO_BASE + MMIO_SIZE) {
		*p = m->mmio + (lin - MMIO_BASE);
		return EMUL_DONE;
	}
	if (lin >= MEM_SIZE || end > MEM_SIZE || end < lin)
		return emul_raise_pf(&m->c, lin >= MEM_SIZE ? lin : MEM_SIZE, error);
	*p = m->mem + lin;
	return EMUL_DONE;
}

static bool suspends(struct machine *m, u64 lin, unsigned int acc)
{
	return (m->suspend_all && !(acc & EMUL_A_SYSTEM)) || (m->suspend_mmio && lin >= MMIO_BASE);
}

static enum emul_result op_fetch(struct emul_ctxt *c, u64 lin, void *buf, unsigned int len)
{
	struct machine *m = machine(c);
	u8 *p = NULL;

	TRY(translate(m, lin, len, EMUL_A_FETCH, &p));
	note(m, 'f', lin, len, EMUL_A_FETCH);
	memcpy(buf, p, len);
	return EMUL_DONE;
}

static enum emul_result op_read(struct emul_ctxt *c, u64 lin, void *buf, unsigned int len,
				unsigned int acc)
{
	struct machine *m = machine(c);
	u8 *p = NULL;

	TRY(translate(m, lin, len, acc, &p));
	if (suspends(m, lin, acc) && !answered(m, 'r', lin, len))
		return EMUL_NEED_IO;
	note(m, 'r', lin, len, acc);
	memcpy(buf, p, len);
	return EMUL_DONE;
}

static enum emul_result op_write(struct emul_ctxt *c, u64 lin, const void *buf, unsigned int len,
				 unsigned int acc)
{
	struct machine *m = machine(c);
	u8 *p = NULL;

	TRY(translate(m, lin, len, acc | EMUL_A_WRITE, &p));
	if (suspends(m, lin, acc)) {
		if (!answered(m, 'w', lin, len)) {
			memcpy(m->pending_data, buf, len);
			return EMUL_NEED_IO;
		}
		if (memcmp(m->pending_data, buf, len))
			__builtin_trap();
	}
	note(m, 'w', lin, len, acc);
	memcpy(p, buf, len);
	return EMUL_DONE;
}

static enum emul_result op_cmpxchg(struct emul_ctxt *c, u64 lin, const void *old, const void *new,
				   unsigned int len, unsigned int acc)
{
	struct machine *m = machine(c);
	u8 *p = NULL;

	TRY(translate(m, lin, len, acc | EMUL_A_WRITE, &p));
	if (m->retries) {
		m->retries--;
		return EMUL_RETRY;
	}
	if (memcmp(p, old, len))
		return EMUL_RETRY;
	if (suspends(m, lin, acc) && !answered(m, 'x', lin, len))
		return EMUL_NEED_IO;
	note(m, 'x', lin, len, acc);
	memcpy(p, new, len);
	return EMUL_DONE;
}

static enum emul_result op_probe(struct emul_ctxt *c, u64 lin, unsigned int len, unsigned int acc)
{
	u8 *p = NULL;

	return translate(machine(c), lin, len, acc, &p);
}

static bool plain(struct machine *m, u64 lin, unsigned int len, bool write)
{
	u64 end = lin + len;

	if (m->no_bulk || m->suspend_all || end > MEM_SIZE || lin >= MEM_SIZE || end < lin)
		return false;
	if (lin < NOT_PRESENT + 0x1000 && end > NOT_PRESENT)
		return false;
	return !write || lin >= READ_ONLY + 0x1000 || end <= READ_ONLY;
}

static unsigned int op_bulk_read(struct emul_ctxt *c, u64 lin, void *buf, unsigned int len,
				 unsigned int unit)
{
	struct machine *m = machine(c);

	if (!plain(m, lin, len, false))
		return 0;
	if (!m->bulk_quiet)
		note(m, 'r', lin, len, EMUL_A_STRING);
	memcpy(buf, m->mem + lin, len);
	return len;
}

static unsigned int op_bulk_write(struct emul_ctxt *c, u64 lin, const void *buf, unsigned int len,
				  unsigned int unit)
{
	struct machine *m = machine(c);

	if (!plain(m, lin, len, true))
		return 0;
	if (!buf)
		return len;
	if (!m->bulk_quiet)
		note(m, 'w', lin, len, EMUL_A_STRING);
	memcpy(m->mem + lin, buf, len);
	return len;
}

static enum emul_result op_in(struct emul_ctxt *c, u16 port, unsigned int size, void *buf,
			      unsigned int count)
{
	struct machine *m = machine(c);
	unsigned int i;

	if ((m->suspend_ports || m->suspend_all) && !answered(m, 'i', port, size * count))
		return EMUL_NEED_IO;
	note(m, 'i', port, size * count, 0);
	for (i = 0; i < count; i++) {
		memcpy((u8 *)buf + i * size, &m->port_value, size);
		m->port_value++;
	}
	return EMUL_DONE;
}

static enum emul_result op_out(struct emul_ctxt *c, u16 port, unsigned int size, const void *buf,
			       unsigned int count)
{
	struct machine *m = machine(c);

	if ((m->suspend_ports || m->suspend_all) && !answered(m, 'o', port, size * count))
		return EMUL_NEED_IO;
	note(m, 'o', port, size * count, 0);
	m->port_value = 0;
	memcpy(&m->port_value, (const u8 *)buf + size * (count - 1), size);
	return EMUL_DONE;
}

static void op_get_seg(struct emul_ctxt *c, enum emul_sreg sreg, struct emul_seg *seg)
{
	*seg = machine(c)->seg[sreg];
	if (sreg == EMUL_FS && c->mode == EMUL_MODE_LONG)
		seg->base = machine(c)->fs_base;
	if (sreg == EMUL_GS && c->mode == EMUL_MODE_LONG)
		seg->base = machine(c)->gs_base;
}

static enum emul_result op_set_cr(struct emul_ctxt *c, unsigned int nr, u64 val)
{
	if (nr == 8 && val > 15)
		return emul_raise_gp(c, 0);
	machine(c)->cr[nr] = val;
	return EMUL_DONE;
}

static enum emul_result op_set_dr(struct emul_ctxt *c, unsigned int nr, u64 val)
{
	machine(c)->dr[nr] = val;
	return EMUL_DONE;
}

static u64 *msr(struct machine *m, u32 index)
{
	switch (index) {
	case EM_MSR_EFER:
		return &m->efer;
	case EM_MSR_STAR:
		return &m->star;
	case EM_MSR_LSTAR:
		return &m->lstar;
	case EM_MSR_CSTAR:
		return &m->cstar;
	case EM_MSR_SYSCALL_MASK:
		return &m->fmask;
	case EM_MSR_SYSENTER_CS:
	case EM_MSR_SYSENTER_ESP:
	case EM_MSR_SYSENTER_EIP:
		return &m->sysenter[index - EM_MSR_SYSENTER_CS];
	case EM_MSR_FS_BASE:
		return &m->fs_base;
	case EM_MSR_GS_BASE:
		return &m->gs_base;
	case EM_MSR_KERNEL_GS_BASE:
		return &m->kernel_gs_base;
	case EM_MSR_TSC_AUX:
		return &m->tsc_aux;
	case 0x1234:
		return &m->other_msr;
	}
	return NULL;
}

static enum emul_result op_get_msr(struct emul_ctxt *c, u32 index, u64 *val)
{
	u64 *p = msr(machine(c), index);

	if (!p)
		return emul_raise_gp(c, 0);
	*val = *p;
	return EMUL_DONE;
}

static enum emul_result op_set_msr(struct emul_ctxt *c, u32 index, u64 val)
{
	u64 *p = msr(machine(c), index);

	if (!p)
		return emul_raise_gp(c, 0);
	*p = val;
	return EMUL_DONE;
}

static enum emul_result op_cpuid(struct emul_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	*ebx = *eax ^ 0x11111111;
	*edx = *ecx ^ 0x22222222;
	*ecx = 3;
	*eax = 4;
	return EMUL_DONE;
}

static u64 op_rdtsc(struct emul_ctxt *c)
{
	return 0x123456789abcdef0;
}

static enum emul_result op_rdpmc(struct emul_ctxt *c, u32 index, u64 *val)
{
	*val = 0x100000000ULL + index;
	return EMUL_DONE;
}

static enum emul_result op_get_xcr(struct emul_ctxt *c, u32 index, u64 *val)
{
	if (index)
		return emul_raise_gp(c, 0);
	*val = machine(c)->xcr0;
	return EMUL_DONE;
}

static enum emul_result op_set_xcr(struct emul_ctxt *c, u32 index, u64 val)
{
	if (index || !(val & 1))
		return emul_raise_gp(c, 0);
	machine(c)->xcr0 = val;
	return EMUL_DONE;
}

static u32 op_get_pkru(struct emul_ctxt *c)
{
	return machine(c)->pkru;
}

static void op_set_pkru(struct emul_ctxt *c, u32 val)
{
	machine(c)->pkru = val;
}

static enum emul_result op_halt(struct emul_ctxt *c)
{
	machine(c)->halted = true;
	return EMUL_DONE;
}

static enum emul_result op_wbinvd(struct emul_ctxt *c)
{
	machine(c)->flushed = true;
	return EMUL_DONE;
}

static enum emul_result op_invlpg(struct emul_ctxt *c, u64 lin)
{
	machine(c)->invlpg = lin;
	return EMUL_DONE;
}

static enum emul_result op_invpcid(struct emul_ctxt *c, u64 type, const u64 desc[2])
{
	if (type > 3)
		return emul_raise_gp(c, 0);
	machine(c)->invlpg = desc[1];
	return EMUL_DONE;
}

static enum emul_result op_leave_smm(struct emul_ctxt *c)
{
	machine(c)->left_smm = true;
	c->rip = 0x7777;
	c->gpr[EMUL_RAX] = 0x8888;
	c->rflags = FL_FIXED;
	return EMUL_DONE;
}

static enum emul_result op_hypercall(struct emul_ctxt *c)
{
	c->gpr[EMUL_RAX] = ~c->gpr[EMUL_RAX];
	return EMUL_DONE;
}

static const struct emul_ops ops = {
	.fetch = op_fetch,
	.read = op_read,
	.write = op_write,
	.compare_xchg = op_cmpxchg,
	.probe = op_probe,
	.bulk_read = op_bulk_read,
	.bulk_write = op_bulk_write,
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
	.rdpmc = op_rdpmc,
	.get_xcr = op_get_xcr,
	.set_xcr = op_set_xcr,
	.get_pkru = op_get_pkru,
	.set_pkru = op_set_pkru,
	.halt = op_halt,
	.wbinvd = op_wbinvd,
	.invlpg = op_invlpg,
	.invpcid = op_invpcid,
	.leave_smm = op_leave_smm,
	.hypercall = op_hypercall,
};

u64 machine_desc(u32 base, u32 limit, u16 attr)
{
	return (limit & 0xffff) | ((u64)(base & 0xffffff) << 16) | ((u64)(attr & 0xff) << 40) |
	       ((u64)(limit & 0xf0000) << 32) | ((u64)(attr & 0xf00) << 44) |
	       ((u64)(base >> 24) << 56);
}

void machine_put_desc(struct machine *m, u16 selector, u64 desc)
{
	memcpy(m->mem + ((selector & 4) ? LDT : GDT) + (selector & ~7), &desc, 8);
}

u64 machine_peek(struct machine *m, u64 addr, unsigned int len)
{
	u64 val = 0;

	memcpy(&val, addr >= MMIO_BASE ? m->mmio + (addr - MMIO_BASE) : m->mem + addr, len);
	return val;
}

void machine_poke(struct machine *m, u64 addr, u64 val, unsigned int len)
{
	memcpy(addr >= MMIO_BASE ? m->mmio + (addr - MMIO_BASE) : m->mem + addr, &val, len);
}

static void flat(struct emul_seg *s, u16 sel, u16 attr)
{
	*s = (struct emul_seg){ .selector = sel, .limit = 0xffffffff, .attr = attr };
}

/* Segments, control registers and registers as a kernel of that mode has them, at CPL 0 (virtual-8086 mode: 3). */
void machine_init(struct machine *m, unsigned int mode)
{
	bool real = mode == EMUL_MODE_REAL || mode == EMUL_MODE_VM86;
	u16 code = mode == EMUL_MODE_LONG ? 0xa9b : mode == EMUL_MODE_PROT32 ? 0xc9b : 0x89b;
	u16 data = mode == EMUL_MODE_PROT16 ? 0x893 : 0xc93;
	unsigned int i;

	memset(m, 0, sizeof(*m));
	emul_init(&m->c, &ops);
	m->c.mode = mode;
	m->c.features = ALL_FEATURES;
	m->c.cpl = mode == EMUL_MODE_VM86 ? 3 : 0;
	m->c.rip = CODE;
	m->c.gpr[EMUL_RSP] = STACK;
	for (i = 0; i < 6; i++) {
		if (real)
			m->seg[i] =
				(struct emul_seg){ .limit = 0xffff,
						   .attr = mode == EMUL_MODE_VM86 ? 0xf3 : 0x93 };
		else
			flat(&m->seg[i], i == EMUL_CS ? 0x08 : 0x10, i == EMUL_CS ? code : data);
	}
	m->seg[EMUL_TR] =
		(struct emul_seg){ .selector = 0x40, .base = TSS, .limit = 0x67, .attr = 0x8b };
	m->seg[EMUL_LDTR] =
		(struct emul_seg){ .selector = 0x48, .base = LDT, .limit = 0xff, .attr = 0x82 };
	m->gdtr = (struct emul_dtr){ GDT, 0xff };
	m->idtr = (struct emul_dtr){ real ? 0 : IDT, 0x3ff };
	m->cr[0] = CR0_ET | CR0_NE | (mode == EMUL_MODE_REAL ? 0 : CR0_PE | CR0_PG);
	m->cr[4] = CR4_DE | CR4_OSFXSR | CR4_OSXSAVE | CR4_FSGSBASE;
	m->efer = EFER_SCE | (mode == EMUL_MODE_LONG ? EFER_LME | EFER_LMA : 0);
	m->xcr0 = 7;
	if (mode == EMUL_MODE_VM86)
		m->c.rflags |= FL_VM;
	/* FNINIT */
	m->fx[0] = 0x7f;
	m->fx[1] = 0x03;
	m->fx[24] = 0x80;
	m->fx[25] = 0x1f;
	/* The usual descriptors; the user's at 0x18 and up. */
	machine_put_desc(m, 0x08, machine_desc(0, 0xfffff, code));
	machine_put_desc(m, 0x10, machine_desc(0, 0xfffff, data));
	machine_put_desc(m, 0x18, machine_desc(0, 0xfffff, code | 0x60));
	machine_put_desc(m, 0x20, machine_desc(0, 0xfffff, data | 0x60));
	machine_put_desc(m, 0x40, machine_desc(TSS, 0x67, 0x8b));
	machine_put_desc(m, 0x48, machine_desc(LDT, 0xff, 0x82));
}

/* The next instruction to run; its segment's base must be 0. */
void machine_code(struct machine *m, const void *code, unsigned int len)
{
	memcpy(m->mem + m->c.rip, code, len);
}

enum emul_result machine_run(struct machine *m)
{
	m->nr_log = 0;
	m->suspensions = 0;
	m->pending = false;
	emul_begin(&m->c);
	return emul_run(&m->c);
}

enum emul_result machine_step(struct machine *m)
{
	enum emul_result res = machine_run(m);

	while (res == EMUL_NEED_IO)
		res = emul_run(&m->c);
	return res;
}
