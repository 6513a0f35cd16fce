/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruction emulator: what its users see.
 *
 * The emulator is pure: it holds no state outside struct emul_ctxt, reaches the guest only through struct emul_ops,
 * never allocates, sleeps or prints by itself, and uses less than 512 bytes of stack.  (An op may sleep if its owner's
 * context allows that.)
 *
 * One instruction goes like this:
 *
 *	emul_init(ctxt, ops)		once in a vCPU's life
 *
 *	fill gpr[], rip, rflags, mode, cpl and the other "filled by the owner" members
 *	emul_begin(ctxt)		forget the last instruction
 *	res = emul_run(ctxt)		decode (fetching through the ops) and execute
 *	write gpr[], rip, rflags back	whatever the result was: they are always consistent, see enum emul_result
 *
 * Suspending.  An op that needs user space starts what it needs and returns EMUL_NEED_IO; emul_run() returns that.
 * When user space has answered, the owner calls emul_run() again WITHOUT emul_begin(): the instruction starts over, but
 * every guest memory or port access that had already succeeded is answered from a log in the context (reads give the
 * value first read, writes are skipped), so that nothing is read or written twice.  The first op that is really called
 * again is the one that returned EMUL_NEED_IO, with the same arguments; it then returns what user space answered.  So
 * the owner keeps exactly one pending access, and splits it (at page boundaries, into 8-byte MMIO fragments) as it
 * likes.  An access that turns out to fail meanwhile may return EMUL_FAULT instead.  Abandoning a suspended instruction
 * is legal: call emul_begin() for the next one.
 */
#ifndef KVM_X86_EMULATE_H
#define KVM_X86_EMULATE_H

#include "../pure.h"

/**
 * enum emul_result - what became of an instruction, or of one op
 * @EMUL_DONE:		Completed; gpr[], rip and rflags hold the state after it.  See also the outputs of struct emul_ctxt.
 * @EMUL_MORE:		(emul_run only) A string instruction did a batch of its repetitions: gpr[] shows the progress, rip still
 *			points at the instruction.  Look for pending events, then begin again.
 * @EMUL_FAULT:		The instruction raised ctxt->fault; rip points at the instruction and the registers are as
 *			architecture wants them for that fault (string instructions: the completed repetitions are counted).
 *			An op that returns this has filled ctxt->fault (emul_raise() and friends).
 * @EMUL_SOFT_INT:	(emul_run only) INT n, INT3, INTO or INT1 outside real mode.  Deliver ctxt->fault (its ->kind says
 *			which) as a software event with the return address ctxt->next_rip; rip points at the instruction.
 * @EMUL_NEED_IO:	Suspended until user space has answered, see above.  gpr[] and rip are as before the instruction, or as
 *			after the last complete repetition of a string instruction.
 * @EMUL_RETRY:		Nothing happened; run the instruction again (a raced compare-and-exchange, a translation that changed).
 * @EMUL_TASK_SWITCH:	(emul_run only) reserved for internal use, never returned.
 * @EMUL_UNHANDLED:	The emulator cannot do this instruction (or an op refused).  ctxt->insn holds the bytes and, when
 *			insn.len is not 0, the length; emul_print() describes it.  Nothing was changed.
 */
enum emul_result {
	EMUL_DONE = 0,
	EMUL_MORE,
	EMUL_FAULT,
	EMUL_SOFT_INT,
	EMUL_NEED_IO,
	EMUL_RETRY,
	EMUL_TASK_SWITCH,
	EMUL_UNHANDLED,
};

/* How the code segment and CR0/EFER make the processor read instructions. */
enum emul_mode {
	EMUL_MODE_REAL, /* CR0.PE = 0 */
	EMUL_MODE_VM86, /* RFLAGS.VM = 1 */
	EMUL_MODE_PROT16, /* CS.D = 0, protected or compatibility mode */
	EMUL_MODE_PROT32, /* CS.D = 1, protected or compatibility mode */
	EMUL_MODE_LONG, /* EFER.LMA = 1 and CS.L = 1 */
};

/* Segment registers, numbered as instructions encode them. */
enum emul_sreg {
	EMUL_ES,
	EMUL_CS,
	EMUL_SS,
	EMUL_DS,
	EMUL_FS,
	EMUL_GS,
	EMUL_TR,
	EMUL_LDTR,
};

/*
 * A segment register with its cached descriptor.  @attr has the layout of the SVM VMCB: bits 0-7 are byte 5 of a
 * descriptor (type, S, DPL, P), bits 8-11 the high half of byte 6 (AVL, L, D/B, G); and EMUL_SEG_UNUSABLE, which an owner
 * without that notion (SVM) may derive from P = 0.  @limit is in bytes, granularity applied.
 */
struct emul_seg {
	u64 base;
	u32 limit;
	u16 selector;
	u16 attr;
};

#define EMUL_SEG_TYPE(a) ((a) & 0xf)
#define EMUL_SEG_ACCESSED 0x0001
#define EMUL_SEG_RW 0x0002 /* data: writable, code: readable */
#define EMUL_SEG_DC 0x0004 /* data: expand-down, code: conforming */
#define EMUL_SEG_CODE 0x0008
#define EMUL_SEG_S 0x0010 /* code or data, not a system segment */
#define EMUL_SEG_DPL(a) (((a) >> 5) & 3)
#define EMUL_SEG_DPL_SHIFT 5
#define EMUL_SEG_P 0x0080
#define EMUL_SEG_AVL 0x0100
#define EMUL_SEG_L 0x0200
#define EMUL_SEG_DB 0x0400
#define EMUL_SEG_G 0x0800
#define EMUL_SEG_UNUSABLE 0x8000

struct emul_dtr {
	u64 base;
	u16 limit;
};

/* What kind of event ctxt->fault is. */
enum emul_event_kind {
	EMUL_EV_FAULT, /* hardware exception */
	EMUL_EV_SOFT_INT, /* INT n */
	EMUL_EV_SOFT_EXC, /* INT3, INTO */
	EMUL_EV_PRIV_EXC, /* INT1 */
	EMUL_EV_EXT_INT, /* (emul_deliver_event only) interrupt from outside, NMI */
};

/**
 * struct emul_fault - an exception (or software interrupt) to deliver
 * @vector:	0-255
 * @kind:	enum emul_event_kind
 * @has_error:	an error code is pushed
 * @error:	that error code
 * @addr:	#PF: the linear address for CR2; #DB: the bits to be set in DR6
 * @owner:	for the owner's use: an op that faults may leave a note here (a nested page fault, …); the emulator never
 *		looks at it and clears it in emul_begin()
 */
struct emul_fault {
	u8 vector;
	u8 kind;
	bool has_error;
	u32 error;
	u64 addr;
	u64 owner;
};

#define EMUL_DE 0
#define EMUL_DB 1
#define EMUL_BP 3
#define EMUL_OF 4
#define EMUL_BR 5
#define EMUL_UD 6
#define EMUL_NM 7
#define EMUL_DF 8
#define EMUL_TS 10
#define EMUL_NP 11
#define EMUL_SSF 12
#define EMUL_GP 13
#define EMUL_PF 14
#define EMUL_MF 16
#define EMUL_AC 17
#define EMUL_XM 19

/*
 * How guest memory is accessed.  Without EMUL_A_SYSTEM the access is an explicit one: with the rights of ctxt->cpl and,
 * for supervisors under SMAP, ctxt->rflags.AC.  With it it is an implicit supervisor access (descriptor tables, TSS):
 * supervisor rights, SMAP enforced whatever AC says.
 */
#define EMUL_A_WRITE \
	0x01 /* check for writing; on a read op: the read half of a read-modify-write */
#define EMUL_A_FETCH 0x02 /* instruction fetch */
#define EMUL_A_SYSTEM 0x04 /* implicit supervisor access */
#define EMUL_A_LOCKED 0x08 /* the read half of a locked read-modify-write; compare_xchg() follows */
#define EMUL_A_STACK 0x10 /* a push, pop or stack switch (information only) */
#define EMUL_A_STRING 0x20 /* string instruction, more of the same may follow (information only) */

#define EMUL_MAX_ACCESS 64 /* no memory op is longer, in bytes, unless said */
#define EMUL_MAX_INSN 15

struct emul_ctxt;

/**
 * struct emul_ops - the emulator's surroundings
 *
 * All take the context; owners embed it and use container_of().  Ops that return enum emul_result return EMUL_DONE,
 * EMUL_FAULT (ctxt->fault filled), EMUL_UNHANDLED, and where noted EMUL_NEED_IO or EMUL_RETRY.  All are needed unless
 * marked optional; without an optional op its instructions are EMUL_UNHANDLED.
 *
 * Addresses are linear; segmentation, canonical form, alignment (#AC) and data breakpoints have been dealt with.
 * Paging, SMAP, SMEP and protection keys are the op's business.  An access may cross one page boundary; a write that
 * does must find both pages writable before it changes either.
 */
struct emul_ops {
	/*
	 * @fetch: read @len (1-15) instruction bytes, all in one page.  No EMUL_NEED_IO.
	 * @read, @write: 1-EMUL_MAX_ACCESS bytes.  RAM or MMIO: naturally aligned accesses of 1, 2, 4, 8 bytes to RAM must be
	 *	single-copy atomic.  May return EMUL_NEED_IO, but with EMUL_A_SYSTEM only on reads.
	 * @compare_xchg: atomically compare @len (1, 2, 4, 8 or 16) bytes with @old and, if equal, store @new.  EMUL_DONE: stored.
	 *	EMUL_RETRY: they differed, nothing stored.  An access that cannot be atomic (crosses a cache line, MMIO) may
	 *	be done as a plain write (and may then return EMUL_NEED_IO).
	 * @probe: would an access like this fault?  Has no effect but setting accessed/dirty bits at most; MMIO is fine.
	 * @bulk_read, @bulk_write: (optional) for string instructions: copy up to @len bytes of plain RAM inside one page;
	 *	return how many bytes were done, 0 to have it done by @read and @write one element at a time (MMIO, any fault,
	 *	or no wish to).  Must be a multiple of @unit.  With @buf NULL bulk_write only tells what it would do.
	 */
	enum emul_result (*fetch)(struct emul_ctxt *ctxt, u64 lin, void *buf, unsigned int len);
	enum emul_result (*read)(struct emul_ctxt *ctxt, u64 lin, void *buf, unsigned int len,
				 unsigned int acc);
	enum emul_result (*write)(struct emul_ctxt *ctxt, u64 lin, const void *buf,
				  unsigned int len, unsigned int acc);
	enum emul_result (*compare_xchg)(struct emul_ctxt *ctxt, u64 lin, const void *old,
					 const void *new, unsigned int len, unsigned int acc);
	enum emul_result (*probe)(struct emul_ctxt *ctxt, u64 lin, unsigned int len,
				  unsigned int acc);
	unsigned int (*bulk_read)(struct emul_ctxt *ctxt, u64 lin, void *buf, unsigned int len,
				  unsigned int unit);
	unsigned int (*bulk_write)(struct emul_ctxt *ctxt, u64 lin, const void *buf,
				   unsigned int len, unsigned int unit);

	/*
	 * Port I/O: @count elements of @size (1, 2, 4) bytes, all done or none; count is above 1 only for REP INS/OUTS.
	 * count * size <= EMUL_PIO_BATCH.  Permission (IOPL, TSS bitmap) has been checked.  May return EMUL_NEED_IO.
	 */
	enum emul_result (*in)(struct emul_ctxt *ctxt, u16 port, unsigned int size, void *buf,
			       unsigned int count);
	enum emul_result (*out)(struct emul_ctxt *ctxt, u16 port, unsigned int size,
				const void *buf, unsigned int count);

	/*
	 * Segment registers and descriptor tables.  SS.DPL is the CPL: set_seg(EMUL_SS) sets it (in virtual-8086 mode it is
	 * given with DPL 3, in real mode with DPL 0).  A null selector is given with EMUL_SEG_UNUSABLE and P = 0, its other
	 * attributes and base as the manuals leave them.
	 */
	void (*get_seg)(struct emul_ctxt *ctxt, enum emul_sreg sreg, struct emul_seg *seg);
	void (*set_seg)(struct emul_ctxt *ctxt, enum emul_sreg sreg, const struct emul_seg *seg);
	void (*get_gdtr)(struct emul_ctxt *ctxt, struct emul_dtr *dtr);
	void (*set_gdtr)(struct emul_ctxt *ctxt, const struct emul_dtr *dtr);
	void (*get_idtr)(struct emul_ctxt *ctxt, struct emul_dtr *dtr);
	void (*set_idtr)(struct emul_ctxt *ctxt, const struct emul_dtr *dtr);

	/*
	 * Control and debug registers (0, 2, 3, 4, 8; 0-3, 6, 7).  The owner knows the reserved bits and the rules between
	 * the registers: set_cr and set_dr return EMUL_FAULT with #GP(0) for what is not allowed, and for CR3 in PAE mode
	 * load the PDPTEs.  #UD for DR4/5 with CR4.DE, the aliasing and #DB for DR7.GD have been dealt with.
	 */
	u64 (*get_cr)(struct emul_ctxt *ctxt, unsigned int nr);
	enum emul_result (*set_cr)(struct emul_ctxt *ctxt, unsigned int nr, u64 val);
	u64 (*get_dr)(struct emul_ctxt *ctxt, unsigned int nr);
	enum emul_result (*set_dr)(struct emul_ctxt *ctxt, unsigned int nr, u64 val);

	/*
	 * MSRs: #GP(0) through EMUL_FAULT; may return EMUL_NEED_IO.  CPL has been checked.  Also used for what instructions
	 * take from MSRs (EFER, STAR, LSTAR, SYSENTER_*, FS/GS/KERNEL_GS base, TSC_AUX): those must succeed.
	 */
	enum emul_result (*get_msr)(struct emul_ctxt *ctxt, u32 index, u64 *val);
	enum emul_result (*set_msr)(struct emul_ctxt *ctxt, u32 index, u64 val);

	/* CPUID leaf *@eax, subleaf *@ecx, as the guest sees it.  Faulting CPUID (MSR_PLATFORM_INFO) is the op's. */
	enum emul_result (*cpuid)(struct emul_ctxt *ctxt, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
	u64 (*rdtsc)(struct emul_ctxt *ctxt);
	enum emul_result (*rdpmc)(struct emul_ctxt *ctxt, u32 index, u64 *val); /* optional */
	enum emul_result (*get_xcr)(struct emul_ctxt *ctxt, u32 index, u64 *val); /* optional */
	enum emul_result (*set_xcr)(struct emul_ctxt *ctxt, u32 index, u64 val); /* optional */
	u32 (*get_pkru)(struct emul_ctxt *ctxt); /* optional */
	void (*set_pkru)(struct emul_ctxt *ctxt, u32 val); /* optional */

	/*
	 * Actions.  halt: HLT (rip is already to be advanced by EMUL_DONE).  invlpg: @lin need not be canonical.  invpcid:
	 * @desc holds the 16-byte descriptor; the op checks it.  wbinvd: also INVD and WBNOINVD.  leave_smm: RSM; the op
	 * rewrites everything, gpr[], rip and rflags in the context included, and is called only when ctxt->smm.
	 * hypercall: VMCALL or VMMCALL, reading its arguments from and leaving its results in gpr[]; EMUL_UNHANDLED gives
	 * #UD.
	 */
	enum emul_result (*halt)(struct emul_ctxt *ctxt);
	enum emul_result (*wbinvd)(struct emul_ctxt *ctxt);
	enum emul_result (*invlpg)(struct emul_ctxt *ctxt, u64 lin);
	enum emul_result (*invpcid)(struct emul_ctxt *ctxt, u64 type,
				    const u64 desc[2]); /* optional */
	enum emul_result (*leave_smm)(struct emul_ctxt *ctxt); /* optional */
	enum emul_result (*hypercall)(struct emul_ctxt *ctxt); /* optional */

	/*
	 * The guest's FPU state, all optional together.  The op makes the guest's state present first (it may be in the
	 * registers or in memory).  Vector registers: @len of 4, 8, 16, 32 bytes from the bottom of register @reg; vec_write
	 * with @zext clears the rest of the register up to its longest form, else the rest is kept.  fx_read and fx_write
	 * transfer the first @len (160 or 512) bytes of an FXSAVE64 image; fx_write is given only valid MXCSR values.
	 */
	void (*vec_read)(struct emul_ctxt *ctxt, unsigned int reg, void *buf, unsigned int len);
	void (*vec_write)(struct emul_ctxt *ctxt, unsigned int reg, const void *buf,
			  unsigned int len, bool zext);
	void (*fx_read)(struct emul_ctxt *ctxt, void *buf, unsigned int len);
	void (*fx_write)(struct emul_ctxt *ctxt, const void *buf, unsigned int len);
};

#define EMUL_PIO_BATCH 512 /* most bytes of one in/out op */

/* General-purpose registers, numbered as instructions encode them. */
enum emul_gpr {
	EMUL_RAX,
	EMUL_RCX,
	EMUL_RDX,
	EMUL_RBX,
	EMUL_RSP,
	EMUL_RBP,
	EMUL_RSI,
	EMUL_RDI,
	EMUL_R8,
	EMUL_R15 = 15,
};

/*
 * Instructions that the guest's CPUID must offer (struct emul_ctxt.features); what is absent raises #UD.  An owner may
 * offer less than the guest's CPUID does, never more.
 */
enum emul_feature {
	EMUL_F_NONE,
	EMUL_F_MMX,
	EMUL_F_FXSR,
	EMUL_F_SSE,
	EMUL_F_SSE2,
	EMUL_F_SSE3,
	EMUL_F_SSSE3,
	EMUL_F_SSE41,
	EMUL_F_SSE42,
	EMUL_F_SSE4A,
	EMUL_F_AVX,
	EMUL_F_AVX2,
	EMUL_F_CX8,
	EMUL_F_CX16,
	EMUL_F_CMOV,
	EMUL_F_SEP, /* SYSENTER, SYSEXIT */
	EMUL_F_SYSCALL, /* SYSCALL, SYSRET; EFER.SCE is looked at besides */
	EMUL_F_LAHF64, /* LAHF and SAHF in 64-bit mode */
	EMUL_F_CLFLUSH,
	EMUL_F_CLFLUSHOPT,
	EMUL_F_CLWB,
	EMUL_F_RDTSCP,
	EMUL_F_RDPID,
	EMUL_F_MOVBE,
	EMUL_F_POPCNT,
	EMUL_F_LZCNT,
	EMUL_F_BMI1,
	EMUL_F_BMI2,
	EMUL_F_ADX,
	EMUL_F_FSGSBASE,
	EMUL_F_INVPCID,
	EMUL_F_SMAP, /* CLAC, STAC */
	EMUL_F_XSAVE, /* XGETBV, XSETBV */
	EMUL_F_PREFETCHW,
	EMUL_F_MONITOR,
	EMUL_F_RDRAND,
	EMUL_F_RDSEED,
	EMUL_F_MOVDIRI,
	EMUL_F_SERIALIZE,
	EMUL_F_3DNOW,
	EMUL_F_UMIP, /* nothing to offer: CR4.UMIP is looked at */
	EMUL_F_PKU, /* RDPKRU, WRPKRU */
	EMUL_F_LA57, /* bases of segments and tables may have 57 bits, in any mode */
	EMUL_F_ALTMOVCR8, /* LOCK MOV CR0 is MOV CR8 */
	EMUL_F_ABSENT, /* what no owner offers: only its length matters */
	EMUL_F_INTEL, /* behave as Intel's processors where the two differ (SYSCALL in compatibility mode, …) */
	EMUL_NR_FEATURES,
};

struct emul_desc; /* a row of the instruction table, see insn.h */

/* The decoded instruction.  Owners may read @bytes, @len, @fetched; the rest is the emulator's. */
struct emul_insn {
	u8 bytes[32]; /* EMUL_MAX_INSN at most; the rest is 0 and may be read */
	u8 fetched; /* valid bytes */
	u8 len; /* length; 0 while not decoded to the end */
	u8 mode; /* in which it was decoded */
	u8 op_bytes; /* operand size: 1, 2, 4, 8 */
	u8 ad_bytes; /* address size: 2, 4, 8 */
	u8 map; /* opcode map */
	u8 opcode;
	u8 modrm;
	u8 sib;
	u8 rex; /* REX, or the REX bits of a VEX prefix */
	u8 vex; /* kind of VEX prefix, 0: none */
	u8 vex_l;
	bool vex_bad; /* with a prefix that it does not go with */
	u8 vex_v; /* VEX.vvvv, not inverted */
	u8 rep; /* 0, 0xf2 or 0xf3 */
	u8 pfx; /* other prefixes seen */
	u8 seg; /* segment of the memory operand */
	u8 reg; /* ModRM.reg with REX.R, or the opcode's register with REX.B */
	u8 rm; /* ModRM.rm with REX.B, when a register */
	u8 base; /* of the memory operand, 0xff: none, 0xfe: RIP */
	u8 index; /* of the memory operand, 0xff: none */
	u8 scale;
	u8 mem; /* there is a memory operand */
	u64 imm;
	u64 imm2;
	s64 disp;
	const struct emul_desc *desc;
};

#define EMUL_LOG_BYTES 640

/*
 * What the instruction has done so far: data of all reads in order, and the number of completed writes.  It answers
 * a re-run, and is the staging buffer of string instructions.
 */
struct emul_log {
	u16 bulk; /* length of the bulk read in it, 0: none */
	u16 used; /* bytes in data[] */
	u16 pos; /* replay position in data[] */
	u8 acc_done; /* accesses completed */
	u8 acc_pos; /* replay position among them */
	u8 data[EMUL_LOG_BYTES] __aligned(8);
};

/**
 * struct emul_ctxt - one vCPU's emulator
 *
 * Filled by the owner before emul_begin(): @gpr, @rip, @rflags, @mode, @cpl, @va_bits, @int_shadow, @dr7, @smm, @lam, @features.
 *
 * Outputs, valid with EMUL_DONE (@trap with EMUL_MORE, too; @gpr, @rip, @rflags always):
 * @int_shadow:	the interrupt shadow that holds now (in: the one that held before): 0, EMUL_SHADOW_STI, EMUL_SHADOW_MOV_SS
 * @nmi_unmask:	an IRET was executed: NMIs are no longer masked
 * @trap:	DR6 bits of a #DB trap to deliver now that the instruction is complete (single step, data or I/O breakpoint,
 *		task switch); 0: none
 * @next_rip:	address of the next instruction (after a successful decode)
 * @fault:	with EMUL_FAULT and EMUL_SOFT_INT
 */
struct emul_ctxt {
	const struct emul_ops *ops;

	u64 gpr[16];
	u64 rip;
	u64 rflags;
	u8 mode; /* enum emul_mode */
	u8 cpl;
	u8 va_bits; /* 48, or 57 with CR4.LA57 */
	u8 int_shadow;
	bool nmi_unmask;
	bool smm; /* in system management mode */
	u8 lam; /* EMUL_LAM_*: linear address masking in force */
	u64 dr7; /* 0 if no breakpoint is enabled (then DR6/DR0-3 are not asked for) */
	u64 features; /* BIT_ULL(enum emul_feature) */

	u64 trap;
	u64 next_rip;
	struct emul_fault fault;

	/* The rest is the emulator's own. */
	struct emul_insn insn;
	u8 seg_valid; /* which of seg[] are loaded */
	bool decoded;
	bool checked; /* may be executed: modes, privilege, features */
	bool ext; /* an event from outside is being delivered: error codes say so */
	bool quiet; /* no single-step trap after this instruction */
	bool keep_rf; /* it has loaded RF */
	bool late_tf; /* the TF that it has loaded counts, not the one before (SYSCALL, SYSRET) */
	u8 new_shadow; /* the interrupt shadow it leaves */
	u64 rmw_lin; /* where a read-modify-write operand is … */
	u64 rmw_old; /* … and what was there */
	u16 task_sel; /* a task switch that the instruction has noted */
	u8 task_reason;
	u8 work[192] __aligned(
		8); /* of far transfers, task switches and the x87: too much for the stack */
	struct emul_seg seg[6];
	struct emul_log log;
};

/* Linear address masking in 64-bit mode: for user addresses (CR3), for supervisor ones (CR4). */
#define EMUL_LAM_U48 1
#define EMUL_LAM_U57 2
#define EMUL_LAM_SUP 4

#define EMUL_SHADOW_STI 1
#define EMUL_SHADOW_MOV_SS 2

void emul_init(struct emul_ctxt *ctxt, const struct emul_ops *ops);
void emul_begin(struct emul_ctxt *ctxt);
bool emul_begin_again(struct emul_ctxt *ctxt, const u8 *bytes, unsigned int n);
void emul_preset_bytes(struct emul_ctxt *ctxt, const u8 *bytes, unsigned int n);
enum emul_result emul_decode(struct emul_ctxt *ctxt);
enum emul_result emul_run(struct emul_ctxt *ctxt);
enum emul_result emul_skip(struct emul_ctxt *ctxt);

/**
 * struct emul_mov - a plain move between a register (or immediate) and memory
 * @write:	memory is written with @val; else it is read, give the value to emul_mov_finish()
 * @len:	bytes of memory accessed: 1, 2, 4, 8
 * @val:	what to write (bytes above @len are 0)
 * @ea:		offset of the memory operand in its segment
 */
struct emul_mov {
	bool write;
	u8 len;
	u64 val;
	u64 ea;
};

bool emul_mov_parse(struct emul_ctxt *ctxt, struct emul_mov *mov);
void emul_mov_finish(struct emul_ctxt *ctxt, const struct emul_mov *mov, u64 val);

/* Why a task switch happens (the order is that of VMX's exit qualification). */
enum emul_task_reason {
	EMUL_TASK_CALL,
	EMUL_TASK_IRET,
	EMUL_TASK_JMP,
	EMUL_TASK_GATE, /* an event went through a task gate in the IDT */
};

enum emul_result emul_task_switch(struct emul_ctxt *ctxt, u16 selector,
				  enum emul_task_reason reason, bool has_error, u32 error);
enum emul_result emul_real_interrupt(struct emul_ctxt *ctxt, u8 vector, u64 return_rip);

/**
 * struct emul_event - an interrupt or exception to deliver
 * @vector:	0-255
 * @kind:	enum emul_event_kind
 * @has_error:	an error code is pushed (not in real mode)
 * @error:	that error code
 * @return_rip:	what is pushed: of faults and interrupts the address of the instruction, of the others the one after it
 */
struct emul_event {
	u8 vector;
	u8 kind;
	bool has_error;
	u32 error;
	u64 return_rip;
};

enum emul_result emul_deliver_event(struct emul_ctxt *ctxt, const struct emul_event *ev);

enum emul_result emul_raise(struct emul_ctxt *ctxt, u8 vector, bool has_error, u32 error);
enum emul_result emul_raise_gp(struct emul_ctxt *ctxt, u32 error);
enum emul_result emul_raise_ud(struct emul_ctxt *ctxt);
enum emul_result emul_raise_pf(struct emul_ctxt *ctxt, u64 addr, u32 error);

int emul_print(const struct emul_ctxt *ctxt, char *buf, size_t size);

#endif /* KVM_X86_EMULATE_H */
