// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device sees of an instruction: where, how long, reads and writes, in their order, with ports between them.  One
 * row an instruction.  Registers that reading clears, and FIFOs, count on each of these.
 */
#include <stdarg.h>
#include <stdio.h>

#include "vm.h"

#define DEV 0xd0000000UL
#define DEV_SIZE (2 * PAGE)
#define DEV_AT (DEV + PAGE) /* so that there is some of it below */
#define RAM 0x10000000UL /* a page of memory, with nothing behind it */

/*
 * An instruction, or a few of which one reaches the device.  It finds RDI and RBX at the device, RSI at memory, RCX 3, RDX
 * a port, RAX 0x1234, and the stack in memory.
 *
 * @want: for each access of the device r or w, its offset and length; for the page behind the memory the same with m and an
 * offset from there; i and o for the port, with length and count.
 */
struct row {
	const char *text;
	const u8 *code;
	const char *want;
};

/* clang-format off */
#define ROWS64(X) \
	/* Plain and read-modify-write, locked and not */ \
	X(mov_load, "mov (%rdi), %rax", "r0+8") \
	X(mov_store, "movw $5, 2(%rdi)", "w2+2") \
	X(add_load, "add (%rdi), %eax", "r0+4") \
	X(add_store, "add %al, (%rdi)", "r0+1 w0+1") \
	X(add_locked, "lock add %eax, (%rdi)", "r0+4 w0+4") \
	X(cmp_mem, "cmpw $1, (%rdi)", "r0+2") \
	X(test_mem, "testl $1, (%rdi)", "r0+4") \
	X(not_mem, "lock notq (%rdi)", "r0+8 w0+8") \
	X(shl_mem, "shll %cl, (%rdi)", "r0+4 w0+4") \
	X(shld_mem, "shld $4, %eax, (%rdi)", "r0+4 w0+4") \
	X(xchg_mem, "xchg %ax, (%rdi)", "r0+2 w0+2") \
	X(xadd_mem, "lock xadd %eax, (%rdi)", "r0+4 w0+4") \
	X(bt_mem, "mov $77, %eax; bt %eax, (%rdi)", "r8+4") \
	X(bts_mem, "mov $-1, %eax; lock bts %eax, (%rdi)", "r-4+4 w-4+4") \
	X(mul_mem, "mulq (%rdi)", "r0+8") \
	X(setc_mem, "setc (%rdi)", "w0+1") \
	X(cmov_not, "cmp %eax, %eax; cmovne (%rdi), %eax", "r0+4") \
	X(cmpxchg_ne, "cmpxchg %ecx, (%rdi)", "r0+4 w0+4") \
	X(cmpxchg_eq, "mov $0x04030201, %eax; lock cmpxchg %ecx, (%rdi)", "r0+4 w0+4") \
	X(cmpxchg8b_ne, "lock cmpxchg8b (%rdi)", "r0+8 w0+8") \
	X(cmpxchg8b_eq, "mov $0x04030201, %eax; mov $0x08070605, %edx; cmpxchg8b (%rdi)", "r0+8 w0+8") \
	X(cmpxchg16b_ne, "lock cmpxchg16b (%rdi)", "r0+8 r8+8 w0+8 w8+8") \
	X(lea, "lea (%rdi), %rax; nopl (%rdi); prefetcht0 (%rdi); clflush (%rdi); invlpg (%rdi)", "") \
	X(crc32_mem, "crc32l (%rdi), %eax", "r0+4") \
	X(movnti_mem, "movnti %rax, (%rdi)", "w0+8") \
	/* Strings: between memory and device, inside the device; upwards and down; up to the element that ends them */ \
	X(movs_to, "movsl", "w0+4") \
	X(movs_from, "xchg %rsi, %rdi; movsw", "r0+2") \
	X(movs_inside, "lea 64(%rbx), %rsi; rep movsb", "r40+1 w0+1 r41+1 w1+1 r42+1 w2+1") \
	X(movs_down, "lea 64(%rbx), %rsi; std; rep movsq", "r40+8 w0+8 r38+8 w-8+8 r30+8 w-10+8") \
	X(cmps_inside, "lea 64(%rbx), %rsi; repne cmpsw", "r40+2 r0+2 r42+2 r2+2 r44+2 r4+2") \
	X(cmps_down, "mov %rbx, %rsi; std; repe cmpsl", "r0+4 r0+4 r-4+4 r-4+4 r-8+4 r-8+4") \
	X(cmps_ends, "lea 64(%rbx), %rsi; repe cmpsb", "r40+1 r0+1") \
	X(scas_up, "repne scasb", "r0+1 r1+1 r2+1") \
	X(scas_down, "std; repne scasq", "r0+8 r-8+8 r-10+8") \
	X(scas_ends, "mov $2, %al; repne scasb", "r0+1 r1+1") \
	X(stos_up, "rep stosw", "w0+2 w2+2 w4+2") \
	X(stos_down, "std; rep stosl", "w0+4 w-4+4 w-8+4") \
	X(lods_up, "mov %rbx, %rsi; rep lodsb", "r0+1 r1+1 r2+1") \
	X(lods_down, "mov %rbx, %rsi; std; rep lodsq", "r0+8 r-8+8 r-10+8") \
	X(no_count, "xor %ecx, %ecx; rep movsb; repe scasb; rep stosb", "") \
	X(ins_one, "insb", "i1x1 w0+1") \
	X(ins_up, "rep insw", "i2x1 w0+2 i2x1 w2+2 i2x1 w4+2") \
	X(ins_down, "std; rep insl", "i4x1 w0+4 i4x1 w-4+4 i4x1 w-8+4") \
	X(outs_one, "mov %rbx, %rsi; outsl", "r0+4 o4x1") \
	X(outs_up, "mov %rbx, %rsi; rep outsb", "r0+1 o1x1 r1+1 o1x1 r2+1 o1x1") \
	X(outs_down, "mov %rbx, %rsi; std; rep outsw", "r0+2 o2x1 r-2+2 o2x1 r-4+2 o2x1") \
	X(xlat, "xlat", "r34+1") \
	/* The stack */ \
	X(push_from, "push (%rdi)", "r0+8") \
	X(pop_to, "push %rax; pop (%rdi)", "w0+8") \
	X(push_there, "lea 8(%rdi), %rsp; push %rax", "w0+8") \
	X(pop_there, "mov %rdi, %rsp; popw %ax", "r0+2") \
	X(push_inside, "mov %rdi, %rsp; push 16(%rdi)", "r10+8 w-8+8") \
	X(call_there, "mov %rdi, %rsp; call 1f; 1:", "w-8+8") \
	X(call_through, "lea 1f(%rip), %rax; mov %rax, (%rdi); call *(%rdi); 1:", "w0+8 r0+8") \
	X(ret_there, "lea 1f(%rip), %rax; mov %rax, (%rdi); mov %rdi, %rsp; ret $8; 1:", "w0+8 r0+8") \
	X(pushf_there, "mov %rdi, %rsp; pushfq; popfq", "w-8+8 r-8+8") \
	X(enter_there, "lea 64(%rdi), %rsp; lea 32(%rdi), %rbp; enter $8, $2", "w38+8 r18+8 w30+8 w28+8") \
	X(leave_there, "mov %rdi, %rbp; leave", "r0+8") \
	X(lcall_there, "lea 1f(%rip), %rax; mov %eax, (%rsi); movw $8, 4(%rsi); mov %rdi, %rsp; lcall *(%rsi); 1:", \
	  "w-4+4 w-8+4") \
	X(lss_mem, "movl $0, (%rdi); movw $0x10, 4(%rdi); lss (%rdi), %eax", "w0+4 w4+2 r0+6") \
	X(iret_there, "mov %rsp, %rsi; mov %ss, %eax; mov %rdi, %rsp; push %rax; push %rsi; pushfq; mov %cs, %eax\n" \
	  "push %rax; lea 1f(%rip), %rax; push %rax; iretq; 1:", \
	  "w-8+8 w-10+8 w-18+8 w-20+8 w-28+8 r-28+8 r-20+8 r-18+8 r-10+8 r-8+8") \
	/* System */ \
	X(sgdt_mem, "sgdt (%rdi)", "w0+8 w8+2") \
	X(lidt_mem, "sidt -16(%rsp); mov -16(%rsp), %rax; mov -8(%rsp), %cx; mov %rax, (%rdi); mov %cx, 8(%rdi); lidt (%rdi)", \
	  "w0+8 w8+2 r0+8 r8+2") \
	X(smsw_mem, "smsw (%rdi); sldt 2(%rdi); str 4(%rdi); mov %ss, 6(%rdi)", "w0+2 w2+2 w4+2 w6+2") \
	X(mov_ss, "mov %ss, (%rdi); mov (%rdi), %ss; lsl (%rdi), %eax; verr (%rdi)", "w0+2 r0+2 r0+2 r0+2") \
	/* x87, MMX, SSE */ \
	X(fnst, "fnstcw (%rdi); fnstsw 2(%rdi)", "w0+2 w2+2") \
	X(fld, "fninit; flds (%rdi); fldl (%rdi); fldt (%rdi)", "r0+4 r0+8 r0+8 r8+2") \
	X(fst, "fninit; fldz; fsts (%rdi); fstl (%rdi); fistps (%rdi); fldz; fistpll (%rdi); fldz; fstpt (%rdi)", \
	  "w0+4 w0+8 w0+2 w0+8 w0+8 w8+2") \
	X(mmx, "movq (%rdi), %mm0; movd %mm0, (%rdi); emms", "r0+8 w0+4") \
	X(movss, "movss (%rdi), %xmm0; movsd %xmm0, 8(%rdi); movhps %xmm0, 16(%rdi); movlpd (%rdi), %xmm0", \
	  "r0+4 w8+8 w10+8 r0+8") \
	X(movups, "movups (%rdi), %xmm0; movaps %xmm0, 16(%rdi); movntdq %xmm0, 32(%rdi)", \
	  "r0+8 r8+8 w10+8 w18+8 w20+8 w28+8") \
	X(movdqu_off, "movdqu 3(%rdi), %xmm0; movdqu %xmm0, -5(%rdi)", "r3+8 rb+8 w-5+5 w0+8 w8+3") \
	X(maskmovdqu, "movd %eax, %xmm0; pcmpeqd %xmm1, %xmm1; pslldq $15, %xmm1; maskmovdqu %xmm1, %xmm0", "wf+1") \
	X(stmxcsr, "stmxcsr (%rdi); ldmxcsr (%rdi)", "w0+4 r0+4") \
	/* Part memory, part device; across the device's pages */ \
	X(half_read, "mov 4094(%rsi), %eax", "m0+2") \
	X(half_write, "mov %rax, 4095(%rsi)", "m0+7") \
	X(half_add, "add %rax, 4091(%rsi)", "m0+3 m0+3") \
	X(half_locked, "lock xadd %eax, 4093(%rsi)", "m0+1 m0+1") \
	X(half_vector, "movups 4090(%rsi), %xmm0; movups %xmm0, 4081(%rsi)", "m0+8 m8+2 m0+1") \
	X(half_movs, "add $4095, %rsi; rep movsw", "m0+1 w0+2 m1+2 w2+2 m3+2 w4+2") \
	X(half_push, "lea 4100(%rsi), %rsp; push %rax", "m0+4") \
	X(across, "mov -3(%rdi), %eax; incl -1(%rdi); cmpxchg %ecx, -2(%rdi)", "r-3+3 r0+1 r-1+1 r0+3 w-1+1 w0+3 r-2+2 r0+2 w-2+2 w0+2")

/* What not all processors have */
#define ROWS_MOVBE(X) \
	X(movbe_load, "movbe (%rdi), %eax", "r0+4") \
	X(movbe_store, "movbe %ax, (%rdi)", "w0+2")

/* 32-bit code; what 64-bit mode lacks */
#define ROWS32(X) \
	X(bound, "mov $0x05000000, %eax; bound %eax, (%edi)", "r0+8") \
	X(les, "movw $0x10, 4(%edi); les (%edi), %eax", "w4+2 r0+6") \
	X(arpl, "arpl %ax, (%edi)", "r0+2") \
	X(pusha, "mov %edi, %esp; pusha", "w-4+4 w-8+4 w-c+4 w-10+4 w-14+4 w-18+4 w-1c+4 w-20+4") \
	X(popa, "mov %edi, %esp; popaw", "r0+2 r2+2 r4+2 r6+2 r8+2 ra+2 rc+2 re+2") \
	X(push_ds, "mov %edi, %esp; pushw %ds; popw %es", "w-2+2 r-2+2") \
	X(ljmp, "movl $1f, (%edi); movw $8, 4(%edi); ljmp *(%edi); 1:", "w0+4 w4+2 r0+6") \
	X(sgdt_32, "sgdt (%edi)", "w0+6") \
	X(lret_there, "mov %edi, %esp; push $8; push $1f; lret; 1:", "w-4+4 w-8+4 r-8+4 r-4+4") \
	X(moffs, "movl 0xd0001004, %eax; movb %al, 0xd0001001", "r4+4 w1+1")
/* clang-format on */

#define CODE(id, text, want)           \
	extern const u8 code_##id[];   \
	asm(".pushsection .text\n"     \
	    "code_" #id ": " text "\n" \
	    "hlt\n"                    \
	    ".popsection\n");
#define ENTRY(id, text, want) { text, code_##id, want },

ROWS64(CODE)
ROWS_MOVBE(CODE)
asm(".code32\n");
ROWS32(CODE)
asm(".code64\n");
static const struct row rows64[] = { ROWS64(ENTRY) }, rows32[] = { ROWS32(ENTRY) };
static const struct row rows_movbe[] = { ROWS_MOVBE(ENTRY) };

static u8 device[DEV_SIZE], behind[PAGE];
static u8 port_data[16];
static unsigned int port_bytes;
static char got[256];
static unsigned int used;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	used += vsnprintf(got + used, sizeof(got) - used, format, args);
	va_end(args);
	REQUIRE(used < sizeof(got));
}

static void note_offset(char what, s64 offset, u32 len)
{
	note("%s%c%s%llx+%u", used ? " " : "", what, offset < 0 ? "-" : "",
	     (unsigned long long)(offset < 0 ? -offset : offset), len);
}

/* Plays the device, and the page behind the memory. */
static void serve_mmio(struct kvm_run *run)
{
	u64 gpa = run->mmio.phys_addr;
	bool is_dev = gpa >= DEV;
	u64 at = gpa - (is_dev ? DEV : RAM + PAGE);
	u8 *memory = is_dev ? device : behind;

	REQUIRE(at + run->mmio.len <= (is_dev ? sizeof(device) : sizeof(behind)));
	if (is_dev)
		note_offset(run->mmio.is_write ? 'w' : 'r', at - PAGE, run->mmio.len);
	else
		note_offset('m', at, run->mmio.len);
	if (run->mmio.is_write)
		memcpy(memory + at, run->mmio.data, run->mmio.len);
	else
		memcpy(run->mmio.data, memory + at, run->mmio.len);
}

/* The port gives a0, a1, a2 … and keeps what it is given. */
static void serve_port(struct kvm_run *run)
{
	bool in = run->io.direction == KVM_EXIT_IO_IN;
	u8 *data = (u8 *)run + run->io.data_offset;

	note("%s%c%ux%u", used ? " " : "", in ? 'i' : 'o', run->io.size, run->io.count);
	for (u32 i = 0; i < run->io.size * run->io.count; i++, port_bytes++) {
		if (in)
			data[i] = 0xa0 + port_bytes;
		else
			port_data[port_bytes % sizeof(port_data)] = data[i];
	}
}

/* To the HLT; what else comes is noted, too. */
static void run_row(struct vcpu *cpu)
{
	for (;;) {
		struct event ev = vcpu_run(cpu);

		if (ev.kind != EV_EXIT || cpu->run->exit_reason == KVM_EXIT_HLT)
			break;
		if (cpu->run->exit_reason == KVM_EXIT_MMIO) {
			serve_mmio(cpu->run);
		} else if (cpu->run->exit_reason == KVM_EXIT_IO) {
			serve_port(cpu->run);
		} else {
			note(" %s", exit_name(cpu->run->exit_reason));
			break;
		}
	}
}

static void begin(struct vcpu *cpu, const struct row *row)
{
	struct kvm_regs regs = {
		.rip = (u64)row->code,
		.rax = 0x1234,
		.rbx = DEV_AT,
		.rcx = 3,
		.rdx = 0x80,
		.rsi = RAM,
		.rdi = DEV_AT,
		.rsp = STACK_BASE + STACK_SIZE,
		.rflags = RFLAGS_FIXED,
	};

	for (u32 i = 0; i < sizeof(device); i++)
		device[i] = i + 1;
	used = 0;
	port_bytes = 0;
	got[0] = 0;
	vcpu_set_regs(cpu, &regs);
}

static void run_rows(struct vcpu *cpu, const struct row *rows, unsigned int n)
{
	struct kvm_sregs s;

	vcpu_get_sregs(cpu, &s);
	vm_add_slot(cpu->vm, SLOT_TEST, 0, RAM, PAGE);
	for (const struct row *row = rows; row < rows + n; row++) {
		vcpu_set_sregs(cpu, &s);
		begin(cpu, row);
		run_row(cpu);
		if (strcmp(got, row->want))
			FAIL("\"%s\": \"%s\", not \"%s\"", row->text, got, row->want);
	}
	ktap_note("%u instructions", n);
}

CASE(long_mode, "64-bit code")
{
	run_rows(vm_with(0, NULL, 0), rows64, ARRAY_SIZE(rows64));
}

static volatile bool undefined;

static void on_ud(struct frame *frame)
{
	undefined = true;
	halt();
}

CASE(movbe, "MOVBE, or #UD and no access where CPUID does not have it")
{
	struct vcpu *cpu = vm_with(0, NULL, 0);

	if (cpuid_find(cpuid_supported(cpu->vm->kvm), 1, 0)->ecx & BIT(22)) {
		run_rows(cpu, rows_movbe, ARRAY_SIZE(rows_movbe));
		return;
	}
	guest_handlers[6] = on_ud;
	begin(cpu, &rows_movbe[0]);
	run_row(cpu);
	CHECK(undefined);
	CHECK_EQ(used, 0);
}

/* Flat 32-bit code without paging, on the descriptors of vcpu_long_mode(). */
CASE(protected_mode, "32-bit code")
{
	struct vcpu *cpu = vm_with(0, NULL, 0);
	struct kvm_sregs s;

	vcpu_get_sregs(cpu, &s);
	s.cs.l = 0;
	s.cs.db = 1;
	s.cr0 = CR0_ET | CR0_NE | CR0_PE;
	s.cr4 = CR4_OSFXSR;
	s.efer = 0;
	((struct guest_cpu *)vm_host(cpu->vm, CPU_BASE))->gdt[KERNEL_CS / 8] = 0x00cf9b000000ffff;
	vcpu_set_sregs(cpu, &s);
	run_rows(cpu, rows32, ARRAY_SIZE(rows32));
}

static const struct row *find_row(const char *text)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rows64); i++)
		if (!strcmp(rows64[i].text, text))
			return &rows64[i];
	FAIL("no row \"%s\"", text);
	ktap_end();
}

CASE(ports, "what a port gives goes to the device, and what the device holds to a port, each once")
{
	struct vcpu *cpu = vm_with(0, NULL, 0);

	begin(cpu, find_row("rep insw"));
	run_row(cpu);
	CHECK(!memcmp(device + PAGE, "\xa0\xa1\xa2\xa3\xa4\xa5\x07", 7));
	CHECK_EQ(port_bytes, 6);
	begin(cpu, find_row("mov %rbx, %rsi; std; rep outsw"));
	run_row(cpu);
	CHECK(!memcmp(port_data, "\x01\x02\xff\x00\xfd\xfe", 6));
	CHECK_EQ(port_bytes, 6);
}
