/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A firmware of 64 KiB that goes through the modes of the processor and tells port 0xe9 what it finds there: real mode with
 * its interrupts and stack, big real mode, protected mode with 16- and 32-bit segments, rings, gates, task switches
 * and virtual-8086 mode, paging, long mode with compatibility mode, SYSCALL and interrupt stacks, and back to real mode.
 *
 * What it prints does not depend on where it runs: test_emulate_boot compares it, run in the emulator alone, with what
 * a processor prints (boot_rom.expected; `qemu-system-x86_64 -bios boot.rom -debugcon stdio` shows it).  Segment limits are
 * not in it, because QEMU's own emulation knows none.
 *
 * Linked at 0x20000, to where it copies itself, so that labels are linear addresses; in real mode it runs in segment 0x2000.
 */
#define SEG 0x2000
#define BASE 0x20000
#define IDT 0x40000
#define STACK0 0x60000 /* of rings 1-3 when they enter ring 0 */
#define TABLES 0x70000 /* page tables */
#define USTACK 0x58000
#define VM86_SEG 0x5000

#define CODE32 0x08
#define DATA32 0x10
#define CODE16 0x18
#define DATA16 0x20
#define UCODE 0x2b
#define UDATA 0x33
#define MAIN_TSS 0x38
#define OTHER_TSS 0x40
#define GATE 0x4b
#define CODE64 0x50
#define DATA64 0x58
#define UCODE_COMPAT 0x63
#define UDATA64 0x6b
#define UCODE64 0x73
#define TSS64 0x78
#define THE_LDT 0x88
#define TSS16 0x90
#define NOT_PRESENT 0x98
#define CONFORMING 0xa0

	.macro SAY text:vararg
	.irpc c, \text
	.byte 0xb0 /* mov $, %al */
	.ascii "\c"
	out %al, $0xe9
	.endr
	.endm

	.macro NEWLINE
	mov $10, %al
	out %al, $0xe9
	.endm

	/* EAX as 8 digits and a space; keeps all registers but EAX and flags. */
	.macro HEX_BODY
	rol $4, %edx
	mov %dl, %al
	and $15, %al
	add $0x30, %al
	cmp $0x39, %al
	jbe 2f
	add $39, %al
2:	out %al, $0xe9
	dec %ecx
	.endm

	.text
	.code16
	.globl _start
_start:
	cli
	cld
	mov $0xf000, %ax
	mov %ax, %ds
	mov $SEG, %ax
	mov %ax, %es
	xor %si, %si
	xor %di, %di
	mov $0x8000, %cx
	rep movsw
	ljmp $SEG, $(real - _start)

hex16:	pushl %ecx
	pushl %edx
	mov %eax, %edx
	mov $8, %ecx
1:	HEX_BODY
	jnz 1b
	mov $0x20, %al
	out %al, $0xe9
	popl %edx
	popl %ecx
	ret

/* ---- real mode */
	.macro VECTOR nr, handler
	movw $(\handler - _start), %fs:(\nr * 4)
	movw $SEG, %fs:(\nr * 4 + 2)
	.endm

real:	xor %ax, %ax
	mov %ax, %fs
	mov $SEG, %ax
	mov %ax, %ds
	mov %ax, %es
	mov $0x3000, %ax
	mov %ax, %ss
	movl $0xfff0, %esp
	VECTOR 0, real_de
	VECTOR 1, real_db
	VECTOR 4, real_of
	VECTOR 6, real_ud
	VECTOR 12, real_ss
	VECTOR 13, real_gp
	VECTOR 0x20, real_int
	call real_tests
	call unreal
	jmp to_prot

real_int:
	push %bp
	mov %sp, %bp
	pushl %eax
	SAY I
	movzwl 2(%bp), %eax
	call hex16
	movzwl 4(%bp), %eax
	call hex16
	movzwl 6(%bp), %eax
	and $0x3700, %eax
	call hex16
	pushfl
	popl %eax
	and $0x3700, %eax
	call hex16
	NEWLINE
	popl %eax
	pop %bp
	iret

/* Faults: where, then over the instruction, whose length is in resume16. */
	.macro REAL_FAULT name, letter
\name:	push %bp
	mov %sp, %bp
	pushl %eax
	SAY \letter
	movzwl 2(%bp), %eax
	call hex16
	mov %cs:(resume16 - _start), %ax
	add %ax, 2(%bp)
	NEWLINE
	popl %eax
	pop %bp
	iret
	.endm
	REAL_FAULT real_de, D
	REAL_FAULT real_of, O
	REAL_FAULT real_ud, U
	REAL_FAULT real_ss, S
	REAL_FAULT real_gp, G
real_db:
	incw %cs:(steps - _start)
	iret
resume16:
	.word 0
steps:	.word 0
words:	.word 0x1122, 0x3344, 0x5566, 0x7788
far16:	.word real_far - _start, SEG
far32:	.long real_far32 - _start
	.word SEG

real_tests:
	SAY real
	NEWLINE
	sti
	nop
	int $0x20
	cli
	int $0x20
	/* an error, an overflow, an invalid opcode */
	movw $2, (resume16 - _start)
	xor %cx, %cx
	div %cx
	ud2
	movw $0, (resume16 - _start)
	mov $0x7f, %al
	add $1, %al
	into
	/* single step: the three instructions after POPF, the last one clears TF */
	pushf
	pop %ax
	or $0x100, %ax
	push %ax
	popf
	nop
	nop
	push $0
	popf
	movzwl (steps - _start), %eax
	call hex16
	/* the stack in both sizes, PUSH SP, PUSHA, ENTER, LEAVE */
	mov %sp, %bx
	push %sp
	pop %ax
	sub %ax, %bx
	movzwl %bx, %eax
	call hex16
	mov %sp, %bx
	pushl $0x12345678
	pushw $0x9abc
	popl %eax
	call hex16
	pop %ax
	sub %sp, %bx
	movzwl %bx, %eax
	call hex16
	pushal
	popal
	pushaw
	pop %di
	pop %si
	pop %bp
	pop %ax
	sub %sp, %ax
	movzwl %ax, %eax
	call hex16
	add $8, %sp
	mov $0x1234, %bp
	enter $8, $2
	mov %bp, %bx
	sub %sp, %bx
	movzwl %bx, %eax
	call hex16
	leave
	movzwl %bp, %eax
	call hex16
	NEWLINE
	/* strings, both ways, with a prefix for the segment */
	mov $(words - _start), %si
	mov $0x8000, %di
	mov $4, %cx
	rep movsw
	std
	mov $(words - _start + 6), %si
	mov $0x8008, %di
	mov $4, %cx
	rep movsw
	cld
	movl 0x8002, %eax
	call hex16
	mov $0x9000, %di
	mov $0x55, %al
	mov $0x123, %cx
	rep stosb
	mov $0x9000, %di
	mov $0xffff, %cx
	repe scasb
	movzwl %di, %eax
	call hex16
	mov $(words - _start), %si
	mov $0x8000, %di
	mov $9, %cx
	repe cmpsb %es:(%di), %cs:(%si)
	movzwl %cx, %eax
	call hex16
	/* far calls and jumps, direct and through memory, both sizes */
	lcallw $SEG, $(real_far - _start)
	lcallw *(far16 - _start)
	lcalll *(far32 - _start)
	push %cs
	push $(1f - _start)
	lret
1:	push $7
	push $8
	push %cs
	push $(1f - _start)
	lret $4
1:	mov %sp, %ax
	call hex16_low
	les (far16 - _start), %bx
	mov %es, %ax
	call hex16_low
	push %ds
	pop %es
	/* decimal */
	mov $0x1234, %eax
	mov $0x87, %al
	add $0x46, %al
	daa
	call hex16
	mov $0x37, %al
	aam
	call hex16_low
	aad
	call hex16_low
	smsw %ax
	and $1, %ax
	call hex16_low
	NEWLINE
	ret

hex16_low:
	movzwl %ax, %eax
	jmp hex16

real_far:
	SAY f
	lretw
real_far32:
	SAY F
	lretl

/* Big real mode: a limit that protected mode left. */
unreal:	lgdtl (gdt_ptr - _start)
	push %ds
	mov %cr0, %eax
	or $1, %al
	mov %eax, %cr0
	jmp 1f
1:	mov $DATA32, %bx
	mov %bx, %ds
	and $0xfe, %al
	mov %eax, %cr0
	jmp 1f
1:	mov $0x123456, %ebx
	movl $0xcafe1234, (%ebx)
	addr32 incl 0x123456
	movl (%ebx), %eax
	pop %ds
	call hex16
	/* the segment's base is new, its limit is not */
	mov $BASE, %ebx
	addr32 movl (0x123456 - BASE), %eax
	call hex16
	NEWLINE
	ret

/* ---- protected mode */
to_prot:
	mov %cr0, %eax
	or $1, %al
	mov %eax, %cr0
	ljmpl $CODE32, $prot

	.code32
hex:	push %ecx
	push %edx
	mov %eax, %edx
	mov $8, %ecx
1:	HEX_BODY
	jnz 1b
	mov $0x20, %al
	out %al, $0xe9
	pop %edx
	pop %ecx
	ret

	.macro SETGATE nr, handler, type, sel=CODE32
	mov $\handler, %eax
	mov %ax, IDT + \nr * 8
	shr $16, %eax
	mov %ax, IDT + \nr * 8 + 6
	movw $\sel, IDT + \nr * 8 + 2
	movw $(\type << 8), IDT + \nr * 8 + 4
	.endm

	/* What faults: its exception is printed, then it goes on behind it, in ring 0. */
	.macro FAULTS insn:vararg
	movl $771f, resume
	mov %esp, save_esp
	\insn
771:
	.endm

	/* The same from ring 3. */
	.macro TRY_USER insn:vararg
	movl $772f, resume
	mov %esp, save_esp
	pushl $UDATA
	pushl $USTACK
	pushl $2
	pushl $UCODE
	pushl $771f
	iret
771:
	\insn
772:
	.endm

	.macro STUB nr
stub\nr:
	.if \nr != 8 && \nr != 10 && \nr != 11 && \nr != 12 && \nr != 13 && \nr != 14 && \nr != 17
	push $0
	.endif
	push $\nr
	jmp common
	.endm
	.irp nr, 0, 1, 3, 4, 5, 6, 10, 11, 12, 13, 14
	STUB \nr
	.endr

/* vector, error code, EIP, CS, EFLAGS, with a page fault its address */
common:	mov %eax, %ss:saved_eax
	mov $DATA32, %eax
	mov %eax, %ds
	mov %eax, %es
	SAY V
	.irp at, 0, 4, 8, 12
	mov \at(%esp), %eax
	call hex
	.endr
	mov 16(%esp), %eax
	and $0x37700, %eax
	call hex
	cmpl $14, (%esp)
	jne 1f
	mov %cr2, %eax
	call hex
1:	testl $0x20000, 16(%esp)
	jz 1f
	/* virtual-8086 mode: what else was on the stack */
	.irp at, 20, 24, 28, 32, 36, 40
	mov \at(%esp), %eax
	call hex
	.endr
1:	NEWLINE
	cmpl $3, (%esp)
	je 1f
	mov save_esp, %esp
	mov saved_eax, %eax
	jmp *resume
1:	mov saved_eax, %eax
	add $8, %esp
	iret

	.balign 8
gdt:	.quad 0
	.quad 0x00cf9a000000ffff /* code, flat */
	.quad 0x00cf92000000ffff /* data, flat */
	.quad 0x00009a020000ffff /* 16-bit code and data at BASE */
	.quad 0x000092020000ffff
	.quad 0x00cffa000000ffff /* the user's */
	.quad 0x00cff2000000ffff
	.word 0x67, main_tss - _start, 0x8902, 0
	.word 0x67, other_tss - _start, 0x8902, 0
	.word gate_entry - _start, CODE32, 0xec02, 2 /* call gate, 2 parameters */
	.quad 0x00af9a000000ffff /* 64-bit code, data */
	.quad 0x00cf92000000ffff
	.quad 0x00cffa000000ffff /* the user's: compatibility code, data, 64-bit code */
	.quad 0x00cff2000000ffff
	.quad 0x00affa000000ffff
	.word 0x67, tss64 - _start, 0x8902, 0
	.quad 0
	.word 0x0f, ldt - _start, 0x8202, 0
	.word 0x2b, tss16 - _start, 0x8102, 0
	.quad 0x00cf12000000ffff /* not present */
	.quad 0x00cf9e000000ffff /* conforming code */
gdt_end:
ldt:	.quad 0
	.quad 0x0040f30200000fff /* 32-bit data at BASE, DPL 3, limit 0xfff */
gdt_ptr:
	.word gdt_end - gdt - 1
	.long gdt
idt_ptr:
	.word 0x7ff
	.long IDT
idt_ptr64:
	.word 0xfff
	.quad IDT
real_idt:
	.word 0x3ff
	.long 0
resume:	.long 0
save_esp:
	.long 0
saved_eax:
	.long 0
	.balign 16
main_tss:
	.fill 104, 1, 0
other_tss:
	.fill 104, 1, 0
tss16:	.fill 44, 1, 0
	.balign 16
tss64:	.fill 104, 1, 0

/* The gate's offset has 32 bits, of which the descriptor above gives the low ones relative to BASE. */
prot:	mov $DATA32, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $0x3fff0, %esp
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	SAY prot
	NEWLINE
	movw $(gate_entry - _start), gdt + (GATE & ~7)
	movw $(BASE >> 16), gdt + (GATE & ~7) + 6
	.irp nr, 0, 1, 3, 4, 5, 6, 10, 11, 12, 13, 14
	SETGATE \nr, stub\nr, 0x8e
	.endr
	SETGATE 3, stub3, 0xee
	SETGATE 4, stub4, 0xef
	SETGATE 0x30, int_gate, 0xee
	SETGATE 0x31, trap_gate, 0x8f
	SETGATE 0x32, int_gate, 0x0e
	SETGATE 0x33, 0, 0xe5, OTHER_TSS
	SETGATE 0x34, int16-BASE, 0x86, CODE16
	lidt idt_ptr
	mov $MAIN_TSS, %eax
	movl $STACK0, main_tss + 4
	movl $DATA32, main_tss + 8
	movw $0x68, main_tss + 102
	ltr %ax
	mov $THE_LDT, %eax
	lldt %ax
	str %eax
	call hex
	sldt %eax
	call hex
	NEWLINE

	/* interrupts and exceptions */
	int $0x30
	int $0x31
	int3
	FAULTS div %bh
	FAULTS ud2
	FAULTS int $0x32
	FAULTS int $0x40
	FAULTS mov %cr1, %eax
	xor %eax, %eax
	FAULTS mov %eax, %ss
	mov $NOT_PRESENT, %eax
	FAULTS mov %eax, %ds
	FAULTS mov %eax, %ss
	mov $0x1000, %eax
	FAULTS mov %eax, %es
	mov $MAIN_TSS, %eax
	FAULTS ltr %ax
	mov $CODE32, %eax
	FAULTS mov %eax, %ss
	FAULTS ljmp $DATA32, $0
	FAULTS ljmp $NOT_PRESENT, $0
	FAULTS ljmp $UCODE, $0
	FAULTS lcall *bad_far
	mov $6, %eax
	FAULTS bound %eax, bounds
	/* a segment of the LDT, and its rights */
	mov $0x0f, %eax
	mov %eax, %fs
	mov %fs:0xffc, %eax
	lar fs_sel_val, %eax
	setz %bl
	call hex
	lsl fs_sel_val, %eax
	call hex
	movzx %bl, %eax
	call hex
	mov $CODE32, %eax
	verr %ax
	setz %bl
	verw %ax
	setz %bh
	movzx %bx, %eax
	call hex
	mov $0x23, %eax
	mov $0x20, %ebx
	arpl %ax, %bx
	mov %ebx, %eax
	call hex
	NEWLINE
	xor %eax, %eax
	mov %eax, %fs

	/* 16-bit code, and a far call and return between the sizes */
	lcall $CODE16, $(prot16 - BASE)
	lcall $CONFORMING, $conforming
	call rings
	call tasks
	call vm86
	call paging
	jmp to_long

bad_far:
	.long 0
	.word 0
bounds:	.long -5, 5
fs_sel_val:
	.long 0x0f

int_gate:
	SAY i
	jmp 1f
trap_gate:
	SAY t
1:	pushf
	pop %eax
	and $0x37700, %eax
	call hex
	mov (%esp), %eax
	call hex
	mov 4(%esp), %eax
	call hex
	mov 8(%esp), %eax
	and $0x37700, %eax
	call hex
	NEWLINE
	iret

conforming:
	SAY c
	mov %cs, %eax
	call hex
	NEWLINE
	lret

	.code16
int16:	SAY h
	iretw
prot16:	push %ds
	mov $DATA16, %ax
	mov %ax, %ds
	mov (words - _start), %eax
	pop %ds
	push %eax
	SAY 6
	int $0x34
	pop %eax
	lcalll $CODE32, $from16
	lretl
	.code32
from16:	call hex
	NEWLINE
	lret

/* ---- rings */
rings:	mov %esp, ring0_esp
	SAY rings
	NEWLINE
	pushl $UDATA
	pushl $USTACK
	pushfl
	pushl $UCODE
	pushl $user
	iret
ring0_esp:
	.long 0
user:	mov $UDATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %cs, %eax
	int $0x30
	int3
	/* the handler's data segments are not for ring 3: IRET has cleared them */
	mov %ds, %eax
	mov %eax, %ebx
	mov $UDATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %ebx, %eax
	pushl %eax
	pushl $0x11111111
	pushl $0x22222222
	lcall $GATE, $0
	pop %eax
	int $0x30
	mov $1f, %eax
	mov %eax, resume
	mov ring0_esp, %eax
	mov %eax, save_esp
	cli
1:	TRY_USER hlt
	TRY_USER clts
	TRY_USER mov %eax, %cr0
	TRY_USER mov %eax, %dr7
	TRY_USER lgdt gdt_ptr
	TRY_USER int $0x31
	TRY_USER ljmp $CODE32, $0
	TRY_USER in $0x80, %al
	TRY_USER rdmsr
	TRY_USER outsb
	TRY_USER mov %ebx, %ss
	TRY_USER lret
	/* IOPL 3 lets it; POPF of a user keeps IOPL and IF */
	pushl $UDATA
	pushl $USTACK
	pushl $0x3002
	pushl $UCODE
	pushl $1f
	mov %esp, save_esp
	addl $20, save_esp
	movl $2f, resume
	iret
1:	sti
	cli
	pushl $0x0202
	popf
	int $0x30
	int3
	ud2
2:	ret

	.globl gate_entry
gate_entry:
	SAY g
	mov %cs, %eax
	call hex
	.irp at, 0, 4, 8, 12, 16, 20
	mov \at(%esp), %eax
	call hex
	.endr
	mov %esp, %eax
	call hex
	NEWLINE
	lret $8

/* ---- tasks */
	.macro TSS_PUT tss, off, val:vararg
	movl \val, \tss + \off
	.endm

tasks:	SAY tasks
	NEWLINE
	TSS_PUT other_tss, 0x20, $other_task
	TSS_PUT other_tss, 0x24, $2
	TSS_PUT other_tss, 0x28, $0xaaaa
	TSS_PUT other_tss, 0x38, $0x68000
	TSS_PUT other_tss, 0x48, $DATA32
	TSS_PUT other_tss, 0x4c, $CODE32
	TSS_PUT other_tss, 0x50, $DATA32
	TSS_PUT other_tss, 0x54, $DATA32
	mov $0x1234, %ebx
	lcall $OTHER_TSS, $0
	call task_back
	ljmp $OTHER_TSS, $0
	call task_back
	/* through the IDT, and with an error code */
	int $0x33
	call task_back
	movw $OTHER_TSS, IDT + 13 * 8 + 2
	movw $0x8500, IDT + 13 * 8 + 4
	movl $other_fault, other_tss + 0x20
	movl $0x68000, other_tss + 0x38
	movl $1f, resume
	mov %esp, save_esp
	mov $0x1000, %eax
	mov %eax, %es
1:	SETGATE 13, stub13, 0x8e
	call task_back
	/* a busy task, and one with a stack segment that is none */
	FAULTS ljmp $MAIN_TSS, $0
	ret

task_back:
	SAY b
	mov %ebx, %eax
	call hex
	str %eax
	call hex
	smsw %eax
	and $8, %eax
	call hex
	pushf
	pop %eax
	and $0x4000, %eax
	call hex
	.irp sel, MAIN_TSS, OTHER_TSS
	movzbl gdt + \sel + 5, %eax
	call hex
	.endr
	movzwl other_tss, %eax
	call hex
	NEWLINE
	clts
	ret

other_task:
	SAY o
	call hex
	call task_state
	iret
	/* entered again by JMP */
	SAY j
	call task_state
	ljmp $MAIN_TSS, $0
	/* … and by INT */
	SAY n
	call task_state
	iret
task_state:
	str %eax
	call hex
	mov %esp, %eax
	call hex
	pushf
	pop %eax
	and $0x7700, %eax
	call hex
	mov main_tss + 0x20, %eax
	call hex
	NEWLINE
	ret

/* The error code is on this task's stack; the other one goes on behind its fault. */
other_fault:
	SAY e
	pop %eax
	call hex
	mov main_tss + 0x20, %eax
	call hex
	NEWLINE
	mov resume, %eax
	mov %eax, main_tss + 0x20
	iret

/* ---- virtual-8086 mode */
vm86:	SAY vm86
	NEWLINE
	mov %esp, ring0_esp
	mov $vm86_code, %esi
	mov $(VM86_SEG << 4), %edi
	mov $(vm86_end - vm86_code), %ecx
	rep movsb
	.irp iopl, 0x23002, 0x20002
	mov %esp, save_esp
	movl $1f, resume
	.irp seg, 0x4444, 0x3333, 0x2222, 0x1111, VM86_SEG, 0xffe
	pushl $\seg
	.endr
	pushl $\iopl
	pushl $VM86_SEG
	pushl $0
	iret
1:
	.endr
	ret

	.code16
vm86_code:
	mov %cs, %ax
	mov %ax, %ds
	mov %ds:(vm86_word - vm86_code), %eax
	pushf
	popf
	int $0x30
	cli
	sti
	mov %ds, %bx
	mov %bx, %es
	push $0x1357
	pop %bx
	lcallw $(VM86_SEG + 1), $(vm86_far - vm86_code - 16)
	hlt
vm86_far:
	lretw
	.balign 4
vm86_word:
	.long 0x600dbeef
vm86_end:
	.code32

/* ---- paging, 32-bit: identity for 4 MiB; some pages are special */
paging:	SAY paging
	NEWLINE
	mov $TABLES, %edi
	xor %eax, %eax
	mov $0x1000, %ecx
	rep stosl
	movl $(TABLES + 0x1007), TABLES
	mov $7, %eax
	mov $(TABLES + 0x1000), %edi
1:	stosl
	add $0x1000, %eax
	cmp $0x400007, %eax
	jne 1b
	movl $0, TABLES + 0x1000 + 0x150 * 4 /* not there */
	movl $0x151001, TABLES + 0x1000 + 0x151 * 4 /* read only, supervisor */
	movl $0x152005, TABLES + 0x1000 + 0x152 * 4 /* read only */
	mov $TABLES, %eax
	mov %eax, %cr3
	mov %cr0, %eax
	or $0x80010000, %eax
	mov %eax, %cr0
	FAULTS mov 0x150004, %eax
	FAULTS mov %eax, 0x150004
	FAULTS mov %eax, 0x151008
	FAULTS incl 0x152ffe
	FAULTS mov 0x14fffe, %eax
	mov $0x14ffff, %esi
	mov $0x160000, %edi
	mov $3, %ecx
	FAULTS rep movsb
	mov %ecx, %eax
	call hex
	mov $0x150002, %eax
	mov $0x5a, %ebx
	FAULTS push (%eax)
	FAULTS jmp *%eax
	mov %cr0, %eax
	and $0xfffeffff, %eax
	mov %eax, %cr0
	movl $5, 0x151010
	mov 0x151010, %eax
	call hex
	TRY_USER mov %ss:0x151000, %eax
	TRY_USER incl %ss:0x152000
	movl $0x150007, TABLES + 0x1000 + 0x150 * 4
	invlpg 0x150000
	movl $0x77, 0x150000
	mov TABLES + 0x1000 + 0x150 * 4, %eax
	and $0x67, %eax
	call hex
	NEWLINE
	mov %cr0, %eax
	and $0x7fffffff, %eax
	mov %eax, %cr0
	ret

/* ---- long mode */
to_long:
	SAY long
	NEWLINE
	mov $TABLES, %edi
	xor %eax, %eax
	mov $0x1000, %ecx
	rep stosl
	movl $(TABLES + 0x1007), TABLES
	movl $(TABLES + 0x2007), TABLES + 0x1000
	movl $0x87, TABLES + 0x2000
	mov $TABLES, %eax
	mov %eax, %cr3
	mov %cr4, %eax
	or $0x20, %eax
	mov %eax, %cr4
	mov $0xc0000080, %ecx
	rdmsr
	or $0x101, %eax
	wrmsr
	mov %cr0, %eax
	or $0x80000000, %eax
	mov %eax, %cr0
	mov $0xc0000080, %ecx
	rdmsr
	and $0x501, %eax
	call hex /* compatibility mode */
	NEWLINE
	ljmp $CODE64, $long_mode

	.macro SETGATE64 nr, handler, type, ist=0
	mov $\handler, %eax
	mov %ax, IDT + \nr * 16
	shr $16, %eax
	mov %ax, IDT + \nr * 16 + 6
	movw $CODE64, IDT + \nr * 16 + 2
	movw $(\type << 8 | \ist), IDT + \nr * 16 + 4
	movq $0, IDT + \nr * 16 + 8
	.endm

	.code64
hex64:	push %rcx
	push %rdx
	mov %eax, %edx
	mov $8, %ecx
1:	HEX_BODY
	jnz 1b
	mov $0x20, %al
	out %al, $0xe9
	pop %rdx
	pop %rcx
	ret

	.macro STUB64 nr
stub64_\nr:
	.if \nr != 8 && \nr != 10 && \nr != 11 && \nr != 12 && \nr != 13 && \nr != 14 && \nr != 17
	push $0
	.endif
	push $\nr
	jmp common64
	.endm
	.irp nr, 1, 3, 6, 11, 12, 13, 14
	STUB64 \nr
	.endr
common64:
	mov %eax, saved_eax
	SAY V
	.irp at, 0, 8, 16, 24, 40, 48
	mov \at(%rsp), %eax
	call hex64
	.endr
	mov 32(%rsp), %eax
	and $0x37700, %eax
	call hex64
	mov %rsp, %rax
	call hex64
	NEWLINE
	mov save_esp, %esp
	mov resume, %ecx
	mov saved_eax, %eax
	jmp *%rcx

	.macro FAULTS64 insn:vararg
	movl $771f, resume
	mov %esp, save_esp
	\insn
771:
	.endm
	.macro TRY_USER64 insn:vararg
	movl $772f, resume
	mov %esp, save_esp
	pushq $UDATA64
	pushq $USTACK
	pushq $2
	pushq $UCODE64
	pushq $771f
	iretq
771:
	\insn
772:
	.endm

long_mode:
	xor %eax, %eax
	mov %eax, %ss
	mov %eax, %ds
	mov %eax, %es
	mov $0x3fff0, %esp
	.irp nr, 3, 6, 11, 12, 13, 14
	SETGATE64 \nr, stub64_\nr, 0xee
	.endr
	SETGATE64 1, stub64_1, 0x8e, 2
	SETGATE64 0x30, int64, 0xee, 1
	SETGATE64 0x31, int64, 0x8e
	lidt idt_ptr64
	movl $STACK0, tss64 + 4
	movl $(STACK0 - 0x1000 + 8), tss64 + 36
	movl $(STACK0 - 0x2000), tss64 + 44
	mov $TSS64, %eax
	ltr %ax
	sub $8, %rsp
	int $0x31
	int $0x30
	add $8, %rsp
	FAULTS64 ud2
	mov $0x8000000000000000, %rbx
	FAULTS64 mov (%rbx), %eax
	FAULTS64 push (%rbx)
	mov $0x40000000, %eax
	FAULTS64 mov %eax, (%rax)
	mov $NOT_PRESENT, %eax
	FAULTS64 mov %eax, %ds
	FAULTS64 mov %eax, %ss
	mov $CODE32, %eax
	FAULTS64 mov %eax, %ss
	TRY_USER64 hlt
	TRY_USER64 int $0x31
	TRY_USER64 sysretq
	TRY_USER64 mov 0x400000, %eax
	/* SYSCALL and SYSRET, to both kinds of user code */
	mov $0xc0000081, %ecx
	xor %eax, %eax
	mov $(0x00600000 | CODE64), %edx
	wrmsr
	inc %ecx
	mov $syscall_entry, %eax
	xor %edx, %edx
	wrmsr
	mov $0xc0000084, %ecx
	mov $0x400, %eax
	wrmsr
	mov %esp, ring0_esp
	mov $user64, %ecx
	mov $0x3402, %r11d
	sysretq
user64:	SAY u
	mov $USTACK, %esp
	int $0x30
	std
	syscall
	hlt

int64:	SAY i
	mov %cs, %eax
	call hex64
	mov %ss, %eax
	call hex64
	mov %rsp, %rax
	call hex64
	.irp at, 0, 8, 24, 32
	mov \at(%rsp), %eax
	call hex64
	.endr
	mov 16(%rsp), %eax
	and $0x37700, %eax
	call hex64
	NEWLINE
	iretq

syscall_entry:
	mov ring0_esp, %esp
	SAY s
	mov %cs, %eax
	call hex64
	mov %ss, %eax
	call hex64
	mov %ecx, %eax
	call hex64
	mov %r11d, %eax
	and $0x37700, %eax
	call hex64
	pushfq
	pop %rax
	and $0x37700, %eax
	call hex64
	NEWLINE
	/* to compatibility mode, and back by a software interrupt and an exception */
	movl $compat_back, resume
	mov ring0_esp, %eax
	mov %eax, save_esp
	mov $user_compat, %ecx
	mov $0x3002, %r11d
	sysretl

	.code32
user_compat:
	mov %cs, %ebx
	mov $USTACK, %esp
	mov $0x12345678, %eax
	int $0x30
	SAY c
	hlt
	.code64
compat_back:
	/* far return to compatibility mode in ring 0, and there long mode ends */
	pushq $CODE32
	pushq $leave_long
	lretq

	.code32
leave_long:
	mov $DATA32, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %cr0, %eax
	and $0x7fffffff, %eax
	mov %eax, %cr0
	mov $0xc0000080, %ecx
	rdmsr
	and $~0x101, %eax
	wrmsr
	mov %cr4, %eax
	and $~0x20, %eax
	mov %eax, %cr4
	SAY back
	NEWLINE
	/* to 16 bits, then to real mode */
	lidt real_idt
	ljmp $CODE16, $(1f - _start)
	.code16
1:	mov $DATA16, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov %cr0, %eax
	and $0xfe, %al
	mov %eax, %cr0
	ljmp $SEG, $(1f - _start)
1:	mov $SEG, %ax
	mov %ax, %ds
	mov $0x3000, %ax
	mov %ax, %ss
	mov $0xfff0, %sp
	int $0x20
	SAY end
	NEWLINE
	xor %ax, %ax
	mov $0xf4, %dx
	out %ax, %dx
1:	cli
	hlt
	jmp 1b

	/* The reset vector */
	.org 0xfff0
	.code16
	ljmp $0xf000, $0
	.org 0x10000
