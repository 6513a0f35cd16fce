// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real mode's instructions, against the same ones in 16-bit protected mode, which every processor runs by itself; real mode
 * may be virtual-8086 mode below, or the emulator.
 *
 * The descriptors have as base sixteen times their selector, so that segments are the same in both modes, and 16-bit gates
 * lead where the vector table does: registers, segments and memory must be the same afterwards.
 */
#include <stdio.h>

#include "vm.h"

#define MEM_END 0x6000 /* all that is used and compared */
#define GDT 0x400
#define IDT 0x500 /* of protected mode */
#define IVT 0x900 /* of real mode, in one of the cases; else at 0 */
#define VECTORS 0x80
#define HANDLERS 0xb00 /* a HLT for each vector */
#define CODE 0x1000
#define DATA 0x2000
#define STACK 0x3800

#define CS 0x08
#define DS 0x10
#define SS 0x18
#define CS2 0x20 /* more code, HLTs */
#define ES 0x28
#define FS 0x30
#define GS 0x38
#define IN(linear, selector) ((linear) - ((selector) << 4)) /* its offset there */

/* Flags that the manuals leave undefined after an instruction */
#define C 0x001
#define P 0x004
#define A 0x010
#define Z 0x040
#define S 0x080
#define O 0x800
#define ALL (C | P | A | Z | S | O)

struct row {
	const char *text;
	const u8 *code, *end;
	u32 undefined;
};

/*
 * BX, SI point into DS, DI into ES, BP into SS, with room on both sides; EAX, ECX, EDX, the flags and the data are random.
 * IOPL is 3, which is what virtual-8086 mode shows in any case.
 */
/* clang-format off */
#define ALU(X, id, nm, undef) \
	X(id##_rr, #nm "b %ch, %dl; " #nm "w %cx, %ax; " #nm "l %ecx, %edx", undef) \
	X(id##_rm, #nm "b (%bx), %ah; " #nm "w 2(%si), %cx; " #nm "l -4(%bp), %edx", undef) \
	X(id##_mr, #nm "b %al, (%bx,%si); " #nm "w %dx, (%bp,%si); " #nm "l %ecx, %es:(%di)", undef) \
	X(id##_i, #nm "b $0x7f, %al; " #nm "w $0x8001, %ax; " #nm "l $0x12345678, %eax", undef) \
	X(id##_mi, #nm "b $0x81, (%bx); " #nm "w $-2, 4(%bx); " #nm "l $0x80000000, 8(%bx)", undef)
#define SHIFTS(X, id, nm, one, more) \
	X(id##_1, #nm "b %ah; " #nm "w (%bx); " #nm "l %edx", one) \
	X(id##_cl, #nm "b %cl, %dh; " #nm "w %cl, %ax; " #nm "l %cl, (%bx)", more) \
	X(id##_i, #nm "b $3, (%si); " #nm "w $9, %dx; " #nm "l $31, %eax", more)
#define CONDITION(X, cc) \
	X(j##cc, "j" #cc " 1f; inc %edx; 1: j" #cc " 2f; .skip 130, 0x40; 2: set" #cc " (%bx); cmov" #cc " 2(%bx), %ax", 0)

#define ROWS(X) \
	ALU(X, add, add, 0) ALU(X, adc, adc, 0) ALU(X, sub, sub, 0) ALU(X, sbb, sbb, 0) ALU(X, cmp, cmp, 0) \
	ALU(X, and, and, A) ALU(X, or, or, A) ALU(X, xor, xor, A) \
	SHIFTS(X, shl, shl, A, A | O | C) SHIFTS(X, shr, shr, A, A | O | C) SHIFTS(X, sar, sar, A, A | O | C) \
	SHIFTS(X, rol, rol, 0, O) SHIFTS(X, ror, ror, 0, O) SHIFTS(X, rcl, rcl, 0, O) SHIFTS(X, rcr, rcr, 0, O) \
	X(shld, "shld $5, %ax, %dx; shld %cl, %eax, (%bx); shrd $1, %cx, 2(%si); shrd %cl, %edx, %eax", A | O | C | S | Z | P) \
	X(test_, "test %al, %dh; test $0x8000, %ax; testl $1, (%bx)", A) \
	X(incdec, "inc %ax; dec %ecx; incb (%bx); decw 2(%bx); incl 4(%si); dec %sp; inc %sp", 0) \
	X(notneg, "not %ax; neg %cx; notb (%bx); negl 4(%bx); neg %dh", 0) \
	X(mul, "mul %dl", A | Z | S | P) X(mul_w, "mulw (%bx)", A | Z | S | P) X(mul_l, "mul %ecx", A | Z | S | P) \
	X(imul, "imulb (%bx)", A | Z | S | P) X(imul_w, "imul %cx", A | Z | S | P) X(imul_l, "imull (%si)", A | Z | S | P) \
	X(imul2, "imul (%bx), %ax; imul $-3, %cx, %dx; imul $0x12345, (%si), %ecx", A | Z | S | P) \
	X(div, "div %cl", ALL) X(div_w, "and $0xff, %dx; divw (%bx)", ALL) X(div_l, "and $0xffff, %edx; div %ecx", ALL) \
	X(idiv, "idivb (%bx)", ALL) X(idiv_w, "cwd; idiv %cx", ALL) X(idiv_l, "cdq; idivl (%si)", ALL) \
	X(idiv_least, "mov $0x8000, %ax; cwd; mov $-1, %cx; idiv %cx", ALL) \
	X(daa, "daa; daa", O) X(das, "das; das", O) \
	X(aaa, "aaa", O | S | Z | P) X(aas, "aas", O | S | Z | P) \
	X(aam, "aam", O | A | C) X(aam_7, "aam $7", O | A | C) X(aam_0, "aam $0", ALL) \
	X(aad, "aad", O | A | C) X(aad_7, "aad $0x17", O | A | C) \
	X(salc, ".byte 0xd6", 0) \
	X(convert, "cbw; cwd; cwde; cdq", 0) \
	X(extend, "movsbw (%bx), %ax; movzbl %ah, %ecx; movswl 2(%si), %edx; movzwl %cx, %eax; movsbl %dl, %edi", 0) \
	X(bit_tests, "bt %ax, %cx; btsw $3, (%bx); btrl %edx, %eax; and $15, %dx; btc %dx, (%si)", A | O | S | Z | P) \
	X(bit_string, "mov $-30, %ax; bts %ax, (%bx); mov $70, %eax; btc %eax, (%si)", A | O | S | Z | P) \
	X(scan, "or $1, %ax; bsf %ax, %cx; orl $0x100, (%bx); bsr (%bx), %edx", A | O | S | P | C) \
	X(bswap, "bswap %eax; bswap %edx", 0) \
	X(xadd, "xadd %al, %dl; xadd %cx, (%bx); lock xadd %eax, (%si)", 0) \
	X(cmpxchg, "cmpxchg %dl, (%bx); mov (%si), %ax; cmpxchg %cx, (%si); cmpxchg %edx, %ecx", 0) \
	X(cmpxchg8b, "cmpxchg8b (%si); mov (%si), %eax; mov 4(%si), %edx; lock cmpxchg8b (%si)", 0) \
	X(xchg, "xchg %ah, %dl; xchg %cx, (%bx); xchg %ax, %dx; xchg %eax, (%si)", 0) \
	X(mov, "mov %al, %ah; mov %cx, (%bx); mov (%bp,%di), %edx; movb $5, (%si); movw $0x1234, 2(%bx); movl $-1, 4(%bx)", 0) \
	X(moffs, "mov %ds:0x1f04, %ax; mov %al, %ds:0x1f08; mov %es:0x1d80, %eax; mov %eax, %ds:0x1f10", 0) \
	X(lea, "lea 5(%bx,%si), %ax; lea (%bp), %ecx; lea 3(%eax,%ecx,4), %edx; lea 1(%esp), %di", 0) \
	X(address32, "movzx %bx, %ebx; movzx %si, %esi; mov (%ebx), %eax; mov %cx, 4(%ebx,%esi); sub %esi, %esi\n" \
	  "mov $2, %ecx; mov -4(%ebx,%ecx,2), %dl; mov %al, %ss:(%esp,%esi); addr32 mov %ds:0x1f04, %ecx", 0) \
	X(xlat, "xlat; es xlat", 0) \
	X(flags, "cmc; lahf; stc; sahf; clc; lahf; cld; std; cli", 0) \
	X(popf, "pushf; pop %ax; xor $0x4ed5, %ax; push %ax; popf; pushf; pop %cx", 0) \
	X(popfl, "pushfl; pop %eax; xor $0x200c95, %eax; push %eax; popfl; pushfl; pop %ecx", 0) \
	X(push, "push %ax; push %ecx; push $0x1234; push $-5; pushl $0x12345678; pushw (%bx); pushl 4(%si); push %sp", 0) \
	X(pop, "pop %ax; pop %ecx; popw (%bx); popl 4(%si); pop %sp", 0) \
	X(pop_sp_base, "mov %esp, %eax; addr32 popw 8(%esp); addr32 pushw 4(%esp)", 0) \
	X(pusha, "pusha; add $2, %sp; popa; pushal; popal", 0) \
	X(enter, "enter $8, $0; leave; enter $4, $1; enter $6, $3; leave; enterl $4, $2; leavel", 0) \
	X(push_sregs, "push %cs; push %ds; push %es; push %ss; push %fs; push %gs", 0) \
	X(pop_sregs, "push $0x28; pop %ds; push $0x10; pop %es; push $0x38; pop %fs; push $0x30; pop %gs", 0) \
	X(pop_ss, "push $0x10; pop %ss; mov $0x2680, %sp; push %ax", 0) \
	X(mov_sregs, "mov %ds, %ax; mov %ss, (%bx); mov %cs, %ecx; mov %ax, %es; mov $0x30, %dx; mov %dx, %ds; mov %dx, %gs", 0) \
	X(lds, "movw $0x28, 2(%bx); lds (%bx), %ax", 0) \
	X(les, "movw $0x10, 2(%si); les (%si), %di", 0) \
	X(lfs, "movw $0x38, 4(%bx); lfsl (%bx), %eax; movw $0x28, 2(%si); lgs (%si), %cx", 0) \
	X(lss, "movl $0x102700, (%bx); lss (%bx), %sp; push %cs", 0) \
	X(movs, "movsb; movsw; movsl; std; movsb; movsl", 0) \
	X(rep_movs, "mov $5, %cx; rep movsw; mov $3, %cx; std; rep movsl; mov $0, %cx; rep movsb", 0) \
	X(movs_es, "mov $3, %cx; rep movsb %ss:(%si), %es:(%di); ss lodsw; fs lodsb", 0) \
	X(movs_32, "movzx %si, %esi; movzx %di, %edi; mov $4, %ecx; addr32 rep movsl; addr32 stosb; addr32 lodsw", 0) \
	X(overlap, "push %ds; pop %es; mov %si, %di; inc %di; mov $20, %cx; rep movsb", 0) \
	X(stos, "stosb; stosw; stosl; mov $7, %cx; rep stosb; mov $3, %cx; std; rep stosl", 0) \
	X(lods, "lodsb; lodsw; lodsl; mov $3, %cx; rep lodsw; std; lodsb", 0) \
	X(cmps, "cmpsb; cmpsl; mov $9, %cx; repe cmpsb", 0) \
	X(cmps_ne, "mov $9, %cx; std; repne cmpsw", 0) \
	X(scas, "scasw; mov $30, %cx; repne scasb", 0) \
	X(scas_e, "mov $9, %cx; std; repe scasl", 0) \
	X(wrap, "mov $0xffff, %si; mov %si, %di; movsb; mov $0xfffe, %si; mov %si, %di; movsw; mov $0xfffc, %si; lodsl", 0) \
	X(ins, "mov $0x80, %dx; insb; mov $3, %cx; rep insw", 0) \
	X(outs, "mov $0x80, %dx; outsb; mov $3, %cx; rep outsw; outsl", 0) \
	X(in, "in $0x80, %al; mov $0x81, %dx; in %dx, %ax; in %dx, %eax", 0) \
	X(out, "out %al, $0x80; mov $0x81, %dx; out %ax, %dx; out %eax, $0x82", 0) \
	X(jmp, "jmp 1f; inc %ax; 1: jmp 2f; .skip 200, 0x40; 2:", 0) \
	X(jmp_reg, "call 1f; 1: pop %ax; add $2f-1b, %ax; jmp *%ax; inc %cx; 2: add $3f-2b, %ax; mov %ax, (%bx); jmp *(%bx); inc %dx; 3:", 0) \
	X(call, "call 1f; jmp 2f; 1: inc %ax; ret; 2: push $0; call 3f; jmp 4f; 3: inc %cx; ret $2; 4: calll 5f; hlt; 5: pop %edx", 0) \
	X(call_reg, "call 1f; 1: pop %ax; add $2f-1b, %ax; call *%ax; inc %cx; 2: add $3f-2b, %ax; mov %ax, (%bx); call *(%bx); 3:", 0) \
	X(loop, "mov $5, %cx; 1: inc %ax; loop 1b; mov $5, %cx; 2: dec %dx; loopne 2b; mov $5, %cx; 3: cmp %ax, %ax; loope 3b", 0) \
	X(loop_32, "mov $0x10002, %ecx; 1: inc %ax; addr32 loop 2f; 2: dec %cx; loop 1b", 0) \
	X(jcxz, "xor %cx, %cx; jcxz 1f; inc %ax; 1: mov $0x10000, %ecx; jcxz 2f; inc %dx; 2: jecxz 3f; inc %si; 3:", 0) \
	CONDITION(X, o) CONDITION(X, b) CONDITION(X, z) CONDITION(X, be) CONDITION(X, s) CONDITION(X, p) CONDITION(X, l) \
	CONDITION(X, le) CONDITION(X, no) CONDITION(X, ae) CONDITION(X, nz) CONDITION(X, a) CONDITION(X, ns) CONDITION(X, np) \
	CONDITION(X, ge) CONDITION(X, g) \
	X(ljmp, "ljmp $0x20, $0x1200", 0) \
	X(ljmp_l, "ljmpl $0x20, $0x1200", 0) \
	X(ljmp_mem, "movw $0x1300, (%bx); movw $0x20, 2(%bx); ljmp *(%bx)", 0) \
	X(lcall, "lcall $0x20, $0x1200", 0) \
	X(lcall_l, "lcalll $0x20, $0x1200", 0) \
	X(lcall_mem, "movl $0x1301, (%si); movw $0x20, 4(%si); lcalll *(%si)", 0) \
	X(lret, "push $0x20; push $0x1200; lret", 0) \
	X(lret_l, "push $1; pushl $0x20; pushl $0x1200; lretl $2", 0) \
	X(iret, "push $0x3293; push $0x20; push $0x1200; iret", 0) \
	X(iret_l, "pushl $0x203cd7; pushl $0x20; pushl $0x1200; iretl", 0) \
	X(iret_flags, "push $0x3ed7; push $0x20; push $0x1200; iret", 0) \
	X(int_n, "int $0x40", 0) X(int3, "int3", 0) X(into, "into; mov $0x7f, %al; inc %al; into", 0) \
	X(int_back, "sti; call 1f; 1: pop %ax; push %cs; call 2f; stc; hlt; 2: push $0x3293; push %cs; add $3f-1b, %ax; push %ax; iret; 3: lret", 0) \
	X(bound, "movl $0x7fff8000, (%bx); bound %ax, (%bx); movl $0x00050001, (%bx); mov $6, %ax; bound %ax, (%bx)", 0) \
	X(bound_l, "movl $-5, (%si); movl $5, 4(%si); mov $-6, %ecx; boundl %ecx, (%si)", 0) \
	X(ud2, "ud2", 0) X(lock_mov, ".byte 0xf0; mov %ax, (%bx)", 0) X(lea_reg, ".byte 0x8d, 0xc0", 0) \
	X(msw, "smsw %ax; and $~1, %ax; smsw (%bx); andw $~1, (%bx); mov %cr0, %ecx; and $~1, %cl; mov %cr2, %edx", 0) \
	X(tables, "sgdt (%bx); lgdt (%bx); sidt 8(%bx); lidtl 8(%bx); movl $0, 8(%bx); movw $0, 12(%bx); int $0x41", 0) \
	X(debug, "mov %eax, %dr0; mov %dr0, %ecx; mov %dr7, %edx", 0) \
	X(msr, "mov $0x277, %ecx; rdmsr; mov $0x174, %ecx; wrmsr; rdmsr", 0) \
	X(cpuid, "and $7, %eax; xor %ecx, %ecx; cpuid", 0) \
	X(x87, "fninit; filds (%bx); fistl 4(%bx); fnstsw %ax; fnstcw 8(%si); fldl (%si); fstpl 16(%si); fwait", 0) \
	X(nops, "nop; nopw (%bx); pause; repz nop; data32 nop", 0) \
	X(prefixes, "cs mov (%bx), %al; es mov (%bx), %cx; fs mov (%bp), %dx; addr32 data32 nop; ss mov %ax, (%si)", 0)
/* clang-format on */

#define ROW_CODE(id, text, undefined)            \
	extern const u8 code_##id[], end_##id[]; \
	asm(".pushsection .rodata\n"             \
	    ".code16\n"                          \
	    "code_" #id ": " text "\n"           \
	    "hlt\n"                              \
	    "end_" #id ":\n"                     \
	    ".code64\n"                          \
	    ".popsection\n");
#define ENTRY(id, text, undefined) { text, code_##id, end_##id, undefined },

ROWS(ROW_CODE)
static const struct row rows[] = { ROWS(ENTRY) };

#define TRIALS 4 /* of each row */

static u64 seed;

static u32 rnd(void)
{
	static const u32 edges[] = {
		0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x80000000, ~0U
	};

	seed = seed * 6364136223846793005 + 1442695040888963407;
	if (!(seed >> 61))
		return edges[(seed >> 40) % ARRAY_SIZE(edges)];
	return seed >> 32;
}

struct state {
	struct kvm_regs r;
	struct kvm_sregs s;
	u32 exit;
	u64 ports; /* of all that went to them */
	u8 mem[MEM_END];
};

static void put(struct state *st, u32 addr, u64 val, unsigned int len)
{
	memcpy(st->mem + addr, &val, len);
}

static void make_tables(struct state *st)
{
	for (u32 sel = 8; sel < 0x40; sel += 8) {
		u64 type = sel == CS || sel == CS2 ? 0x9b : 0x93;

		put(st, GDT + sel, 0xffff | (u64)sel << 20 | type << 40, 8);
	}
	for (u32 v = 0; v < VECTORS; v++) {
		put(st, IDT + v * 8, IN(HANDLERS + v, CS) | CS << 16 | 0x86ULL << 40, 8);
		put(st, st->s.idt.base + v * 4, IN(HANDLERS + v, CS) | CS << 16, 4);
	}
}

static struct kvm_segment segment(u16 selector, bool code, u32 limit)
{
	return (struct kvm_segment){ .base = selector << 4,
				     .selector = selector,
				     .limit = limit,
				     .g = limit > 0xffff,
				     .type = code ? 11 : 3,
				     .present = 1,
				     .s = 1 };
}

static void make_state(struct state *st, const struct state *fresh, const struct row *row,
		       u32 limit)
{
	*st = *fresh;
	memset(st->mem, 0xf4, sizeof(st->mem));
	make_tables(st);
	memcpy(st->mem + CODE, row->code, row->end - row->code);
	for (u32 i = DATA; i < MEM_END; i += 4)
		put(st, i, rnd(), 4);
	st->s.cs = segment(CS, true, 0xffff);
	st->s.ds = segment(DS, false, limit);
	st->s.ss = segment(SS, false, limit);
	st->s.es = segment(ES, false, limit);
	st->s.fs = segment(FS, false, limit);
	st->s.gs = segment(GS, false, limit);
	st->s.gdt.base = GDT;
	st->s.gdt.limit = 0x3f;
	st->s.cr4 = 0;
	st->s.efer = 0;
	st->r = (struct kvm_regs){
		.rax = rnd(),
		.rcx = rnd(),
		.rdx = rnd(),
		.rbx = IN(DATA + 0x400, DS),
		.rsi = IN(DATA, DS) + (rnd() & 0x1f0) + 0x100,
		.rdi = IN(DATA + 0x800, ES) + (rnd() & 0x1f0),
		.rbp = IN(DATA + 0xc00, SS) + (rnd() & 0x1f0),
		.rsp = IN(STACK, SS),
		.rip = IN(CODE, CS),
		.rflags = RFLAGS_FIXED | RFLAGS_IOPL | (rnd() & ALL),
	};
}

static void fold(u64 *sum, const void *data, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		*sum = (*sum ^ ((const u8 *)data)[i]) * 0x100000001b3;
}

/* Ports answer with their number and what has been asked before; how many elements go at once is not the guest's to see. */
static void run_with_ports(struct vcpu *cpu, u64 *sum)
{
	struct kvm_run *run = cpu->run;
	u64 bytes = 0;

	*sum = 1;
	for (;;) {
		u8 *data = (u8 *)run + run->io.data_offset;

		OK(ioctl(cpu->fd, KVM_RUN, 0));
		if (run->exit_reason != KVM_EXIT_IO)
			return;
		data = (u8 *)run + run->io.data_offset;
		for (u32 i = 0; i < run->io.count * run->io.size; i++, bytes++)
			if (run->io.direction == KVM_EXIT_IO_IN)
				data[i] = run->io.port + bytes;
			else
				fold(sum, data + i, 1);
		fold(sum, &run->io, offsetof(typeof(run->io), count));
	}
}

static void run_from(struct vcpu *cpu, const struct state *from, struct state *to, bool prot)
{
	struct kvm_sregs s = from->s;
	u8 *mem = vm_host(cpu->vm, 0);

	s.cr0 = CR0_ET | (prot ? CR0_PE : 0);
	if (prot) {
		s.idt.base = IDT;
		s.idt.limit = VECTORS * 8 - 1;
	}
	memcpy(mem, from->mem, sizeof(from->mem));
	vcpu_set_sregs(cpu, &s);
	vcpu_set_regs(cpu, &from->r);
	run_with_ports(cpu, &to->ports);
	to->exit = cpu->run->exit_reason;
	vcpu_get_regs(cpu, &to->r);
	vcpu_get_sregs(cpu, &to->s);
	memcpy(to->mem, mem, sizeof(to->mem));
}

static const char *differs(const struct state *prot, const struct state *real, u32 undefined,
			   char *text, size_t size)
{
	static const char *const names[] = {
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp"
	};
	const u64 *a = (const u64 *)&prot->r, *b = (const u64 *)&real->r;
	const struct kvm_segment *sa[] = { &prot->s.cs, &prot->s.ds, &prot->s.es,
					   &prot->s.fs, &prot->s.gs, &prot->s.ss };
	const struct kvm_segment *sb[] = { &real->s.cs, &real->s.ds, &real->s.es,
					   &real->s.fs, &real->s.gs, &real->s.ss };
	unsigned int i;

	if (prot->exit != real->exit) {
		snprintf(text, size, "exit %s, %s", exit_name(prot->exit), exit_name(real->exit));
		return text;
	}
	if (prot->ports != real->ports)
		return "what went to ports";
	if (prot->r.rip != real->r.rip || (prot->r.rflags ^ real->r.rflags) & ~(u64)undefined) {
		snprintf(text, size, "rip %#llx, %#llx, flags %#llx, %#llx", prot->r.rip,
			 real->r.rip, prot->r.rflags, real->r.rflags);
		return text;
	}
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (a[i] == b[i])
			continue;
		snprintf(text, size, "%s %#lx, %#lx", names[i], a[i], b[i]);
		return text;
	}
	for (i = 0; i < ARRAY_SIZE(sa); i++) {
		if (sa[i]->selector == sb[i]->selector && sa[i]->base == sb[i]->base)
			continue;
		snprintf(text, size, "segment %u: %#x, %#x", i, sa[i]->selector, sb[i]->selector);
		return text;
	}
	for (i = 0; i < sizeof(prot->mem); i++) {
		if (prot->mem[i] == real->mem[i])
			continue;
		snprintf(text, size, "memory at %#x: %02x, %02x", i, prot->mem[i], real->mem[i]);
		return text;
	}
	return NULL;
}

static void compare(bool tss, u32 limit, u32 vectors)
{
	static struct state fresh, from, prot, real;
	struct vm *vm = vm_new(0);
	struct vcpu *cpu;
	const char *what;
	char text[128];

	if (tss)
		OK(ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000UL));
	cpu = vcpu_new_bare(vm, 0);
	vcpu_get_sregs(cpu, &fresh.s);
	fresh.s.idt.base = vectors;
	fresh.s.idt.limit = 0x3ff;
	seed = limit + tss + vectors;
	for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		for (unsigned int t = 0; t < TRIALS; t++) {
			make_state(&from, &fresh, row, limit);
			run_from(cpu, &from, &prot, true);
			run_from(cpu, &from, &real, false);
			CHECK_EQ(prot.exit, KVM_EXIT_HLT);
			what = differs(&prot, &real, row->undefined, text, sizeof(text));
			if (!what)
				continue;
			FAIL("\"%s\": %s; eax %#llx ecx %#llx edx %#llx flags %#llx", row->text,
			     what, from.r.rax, from.r.rcx, from.r.rdx, from.r.rflags);
			break;
		}
	}
	ktap_note("%zu rows", ARRAY_SIZE(rows));
}

CASE_SLOW(real, "with segments of 64 KiB", 60)
{
	compare(true, 0xffff, 0);
}

CASE_SLOW(big_real, "with data segments of 4 GiB", 60)
{
	compare(true, 0xffffffff, 0);
}

CASE_SLOW(no_tss, "for a VMM that has not said where a TSS may be", 60)
{
	compare(false, 0xffff, 0);
}

CASE_SLOW(moved_vectors, "with the table of vectors elsewhere", 60)
{
	compare(true, 0xffff, IVT);
}
