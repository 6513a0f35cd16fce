// SPDX-License-Identifier: GPL-2.0-only
/*
 * Differential fuzzing: the emulator against the processor that this runs on.
 *
 *	differ [-s SEED|new]... [-n CASES] [-t SECONDS] [-o NAME] [-v]
 *
 * A case is one user-mode instruction, drawn from the instruction table, with random registers, flags and memory, in
 * 64-bit, 32-bit or 16-bit code.  It is run in the emulator on a copy of the memory and then natively (native.c), and all
 * of it is compared: registers, defined flags, memory, vectors, x87 state; or the fault with its error code and address.
 * What reaches outside the window, or is not for user mode to try, is not run.
 *
 * -o: but instructions whose name begins with NAME (a prefix of the table's, without the v of VEX forms).  -v: also tell
 * which rows of the table were not met.
 *
 * A mismatch is made small (registers that do not matter become 0) and printed as an entry for test_emulate_cases.c.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "differ.h"
#include "rows_met.h"

struct result {
	bool fault;
	bool branch;
	struct native_fault f;
	struct native_regs r;
};

/* Shared with the parent, which reports what killed the child. */
struct shared {
	struct fuzz_case cur;
	u64 cases, faults, branches, skipped, undefined, mismatches;
	u64 covered, rows;
	u64 index;
};

static struct shared *sh;
static bool verbose;
static const char *only;

/* Can the processor go there without harm?  The two exits, or where it faults at once. */
static bool safe_rip(const struct fuzz_case *fc, u64 rip, bool *branch)
{
	u64 base = fc->mode == NATIVE_16 ? NATIVE_CODE : 0;

	*branch = base + rip == NATIVE_TARGET;
	if (*branch || base + rip == NATIVE_INSN + fc->len)
		return true;
	return rip < 0x10000 && fc->mode != NATIVE_16;
}

static bool emulate(const struct fuzz_case *fc, struct result *res)
{
	enum emul_result er;
	unsigned int i;

	wild = false;
	undo_forget();
	begin(fc);
	if (fc->vec)
		memcpy(emu.vec, fc->in.vec, sizeof(emu.vec));
	if (fc->x87)
		memcpy(emu.fx, fc->in.fx, 160);
	for (i = 0; i < 64; i++) {
		er = emul_run(&ctxt);
		if (er != EMUL_MORE)
			break;
		emul_begin(&ctxt);
		emul_preset_bytes(&ctxt, fc->insn, 15);
	}
	if (wild || (er != EMUL_DONE && er != EMUL_FAULT))
		return false;
	memcpy(res->r.gpr, ctxt.gpr, sizeof(ctxt.gpr));
	res->r.rflags = ctxt.rflags;
	res->r.rip = ctxt.rip;
	res->fault = er == EMUL_FAULT;
	res->branch = false;
	if (fc->vec)
		memcpy(res->r.vec, emu.vec, sizeof(emu.vec));
	if (fc->x87)
		memcpy(res->r.fx, emu.fx, 512);
	if (res->fault) {
		res->f.vector = ctxt.fault.vector;
		res->f.error = ctxt.fault.error;
		res->f.cr2 = ctxt.fault.addr;
		return true;
	}
	return safe_rip(fc, ctxt.rip, &res->branch);
}

static void run_native(const struct fuzz_case *fc, struct result *res)
{
	enum native_end end;
	unsigned int i;

	res->r = fc->in;
	if (fc->x87 && fc->vec)
		for (i = 0; i < 16; i++)
			memcpy(res->r.fx + 160 + i * 16, fc->in.vec[i], 16);
	end = native_run(fc->mode, &res->r, fc->insn, fc->len, fc->vec, fc->x87, &res->f);
	res->fault = end == NATIVE_FAULT;
	res->branch = end == NATIVE_BRANCH;
	if (!res->fault) {
		res->r.rip = res->branch ? NATIVE_TARGET : NATIVE_INSN + fc->len;
		if (fc->mode == NATIVE_16)
			res->r.rip -= NATIVE_CODE;
	}
}

/* Arithmetic flags that the manuals define after this instruction. */
static u64 defined_flags(const struct fuzz_case *fc)
{
	const struct emul_desc *d = ctxt.insn.desc;
	unsigned int bytes = em_opsize(&ctxt, 0), count;
	emul_exec_fn f = d->exec;
	u64 undef = 0;

	if (f == em_shift) {
		count = d->op[1] == O_CL  ? fc->in.gpr[EMUL_RCX] :
			d->op[1] == O_One ? 1 :
					    ctxt.insn.imm;
		count &= bytes == 8 ? 63 : 31;
		if (!count)
			return FL_ARITH;
		if (count != 1)
			undef |= FL_OF;
		if (d->aux >= 4)
			undef |= FL_AF;
		if (d->aux >= 4 && d->aux != 7 && count >= bytes * 8)
			undef |= FL_CF;
	} else if (f == em_shld) {
		count = d->op[2] == O_CL ? fc->in.gpr[EMUL_RCX] : ctxt.insn.imm;
		count &= bytes == 8 ? 63 : 31;
		if (!count)
			return FL_ARITH;
		undef = FL_AF;
		if (count != 1)
			undef |= FL_OF;
		if (count > bytes * 8)
			undef = FL_ARITH;
	} else if (f == em_mul || f == em_imul) {
		undef = FL_SF | FL_ZF | FL_AF | FL_PF;
	} else if (f == em_div) {
		undef = FL_ARITH;
	} else if (f == em_bt) {
		undef = FL_OF | FL_SF | FL_AF | FL_PF;
	} else if (f == em_bsf) {
		undef = FL_ARITH & ~FL_ZF;
	} else if (f == em_count && d->aux) {
		undef = FL_OF | FL_SF | FL_AF | FL_PF;
	} else if (f == em_aam || f == em_aad) {
		undef = FL_OF | FL_AF | FL_CF;
	} else if (f == em_daa) {
		undef = FL_OF;
	} else if (f == em_aaa) {
		undef = FL_OF | FL_SF | FL_ZF | FL_PF;
	} else if (f == em_test || (f == em_alu && (d->aux == 1 || d->aux == 4 || d->aux == 6))) {
		undef = FL_AF;
	} else if (f == em_andn || f == em_bls) {
		undef = FL_AF | FL_PF;
	} else if (f == em_bextr) {
		undef = d->aux ? FL_AF | FL_PF : FL_AF | FL_SF | FL_PF;
	}
	return FL_ARITH & ~undef;
}

/* What differs, or NULL. */
static const char *compare(const struct fuzz_case *fc, const struct result *e,
			   const struct result *n)
{
	u64 flags = FL_DF | FL_AC | FL_ID | FL_NT | FL_IF | FL_IOPL, mask = mode_mask(fc);
	unsigned int i;

	/* A branch to where nothing is: natively the fetch has faulted. */
	if (!e->fault && n->fault && !e->branch && e->r.rip == n->r.rip && n->r.rip < 0x10000) {
		flags |= 0;
	} else {
		if (e->fault != n->fault)
			return "one faults";
		if (e->fault) {
			if (e->f.vector != n->f.vector)
				return "vector";
			if (e->f.error != n->f.error)
				return "error code";
			if (e->f.vector == EMUL_PF && e->f.cr2 != n->f.cr2)
				return "CR2";
		}
	}
	if (e->r.rip != n->r.rip)
		return "rip";
	for (i = 0; i < 16; i++)
		if ((e->r.gpr[i] ^ n->r.gpr[i]) & mask)
			return "register";
	if (ctxt.decoded)
		flags |= defined_flags(fc);
	if ((e->r.rflags ^ n->r.rflags) & flags)
		return "flags";
	if (memcmp(shadow, (void *)NATIVE_DATA, NATIVE_SIZE))
		return "memory";
	if (fc->vec && memcmp(e->r.vec, n->r.vec, fc->mode == NATIVE_LONG ? 512 : 256))
		return "vector register";
	if (fc->x87) {
		if (memcmp(e->r.fx, n->r.fx, 5))
			return "x87 control or status";
		if (memcmp(e->r.fx + 24, n->r.fx + 24, 4))
			return "MXCSR";
		for (i = 0; i < 8; i++)
			if (memcmp(e->r.fx + 32 + i * 16, n->r.fx + 32 + i * 16, 10))
				return "x87 register";
	}
	return NULL;
}

/*
 * CMPS with two operands that fault: which one is found first is each processor's own matter, and may change with REP.  The
 * emulator found the first one; what the processor found must be the fault of the other.
 */
static bool other_operand(const struct fuzz_case *fc, const struct result *n)
{
	unsigned int size;
	bool fault;
	u64 lin;

	if (!ctxt.decoded || ctxt.insn.desc->exec != em_cmps || !n->fault)
		return false;
	begin(fc);
	emul_decode(&ctxt);
	size = em_opsize(&ctxt, 1);
	fault = em_linear(&ctxt, EMUL_ES, fc->in.gpr[EMUL_RDI] & em_mask(ctxt.insn.ad_bytes), size,
			  0, &lin) != EMUL_DONE ||
		em_align(&ctxt, lin, size, 0) != EMUL_DONE ||
		page_check(&ctxt, lin, size, false) != EMUL_DONE;
	return fault && ctxt.fault.vector == n->f.vector && ctxt.fault.error == n->f.error &&
	       (ctxt.fault.vector != EMUL_PF || ctxt.fault.addr == n->f.cr2);
}

/*
 * MASKMOVx where some bytes cannot be written: the manuals leave open whether bytes that are not selected fault (SDM vol. 2,
 * MASKMOVDQU: "exceptions associated with addressing memory and page faults may still be signaled (implementation
 * dependent)"), and what has been written before a fault is found (vol. 3A, 9.1.1: "the effects of the completed accesses may
 * be visible").  AMD's processors look at the whole operand, and are in MMX state then.
 */
static bool unselected_fault(const struct result *e, const struct result *n)
{
	u64 addressing = BIT(EMUL_PF) | BIT(EMUL_GP) | BIT(EMUL_SSF) | BIT(EMUL_AC);

	return ctxt.decoded && ctxt.insn.desc->exec == em_maskmov && n->fault &&
	       (addressing & BIT(n->f.vector)) && (!e->fault || (addressing & BIT(e->f.vector)));
}

/* So many prefixes that an opcode with all that may follow it is longer than 15 bytes. */
static bool many_prefixes(void)
{
	static const u8 prefix[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
				     0x66, 0x67, 0xf0, 0xf2, 0xf3 };
	unsigned int n = 0;

	while (n < ctxt.insn.fetched &&
	       (memchr(prefix, ctxt.insn.bytes[n], sizeof(prefix)) ||
		(ctxt.mode == EMUL_MODE_LONG && ctxt.insn.bytes[n] >> 4 == 4)))
		n++;
	return n > 2;
}

/* Memory as it was before the native run: the emulator's copy, rolled back. */
static const char *run_both(const struct fuzz_case *fc, struct result *e, struct result *n,
			    bool *ran)
{
	const char *what;

	*ran = false;
	if (!emulate(fc, e)) {
		roll_back();
		return NULL;
	}
	/* Shifting 16 bits by more than 16 is undefined, the result, too. */
	if (ctxt.decoded && ctxt.insn.desc->exec == em_shld && defined_flags(fc) == 0) {
		roll_back();
		return NULL;
	}
	*ran = true;
	run_native(fc, n);
	/* A POPA that faults half way has loaded some registers on some processors. */
	if (e->fault && ctxt.decoded && ctxt.insn.desc->exec == em_popa)
		memcpy(e->r.gpr, n->r.gpr, sizeof(e->r.gpr));
	if (unselected_fault(e, n)) {
		*e = *n;
		roll_back();
		memcpy((void *)NATIVE_DATA, shadow, NATIVE_RW);
	}
	/* An undefined opcode may run into the 15-byte limit with operands that we did not look at. */
	if (e->fault && !ctxt.decoded && n->fault && n->f.vector == EMUL_GP && many_prefixes())
		return NULL;
	what = compare(fc, e, n);
	if (what && e->fault && other_operand(fc, n))
		return NULL;
	return what;
}

static void restore_memory(void)
{
	roll_back();
	memcpy((void *)NATIVE_DATA, shadow, NATIVE_RW);
}

static void minimize(struct fuzz_case *fc, struct result *e, struct result *n)
{
	struct fuzz_case try;
	unsigned int i;
	bool ran;

	for (i = 0; i < 17; i++) {
		try = *fc;
		if (i < 16)
			try.in.gpr[i] = 0;
		else
			try.in.rflags = FL_FIXED | FL_IF;
		if (run_both(&try, e, n, &ran) && ran)
			*fc = try;
		restore_memory();
	}
	run_both(fc, e, n, &ran);
}

static void print_regs(const char *name, const struct native_regs *r)
{
	unsigned int i;

	printf("\t.%s = { ", name);
	for (i = 0; i < 16; i++)
		if (r->gpr[i])
			printf("[%u] = %#llx, ", i, (unsigned long long)r->gpr[i]);
	printf("},\n\t.%s_rflags = %#llx, .%s_rip = %#llx,\n", name, (unsigned long long)r->rflags,
	       name, (unsigned long long)r->rip);
}

static void report(const struct fuzz_case *fc, const char *what, const struct result *e,
		   const struct result *n)
{
	static const char *const names[] = { "NATIVE_LONG", "NATIVE_32", "NATIVE_16" };
	unsigned int i;
	char text[96];

	emul_print(&ctxt, text, sizeof(text));
	printf("{\t/* %s differs */\n\t.name = \"%s\", .mode = %s, .insn = {", what, text,
	       names[fc->mode]);
	for (i = 0; i < fc->len; i++)
		printf(" 0x%02x,", fc->insn[i]);
	printf(" },\n");
	print_regs("in", &fc->in);
	print_regs("out", &n->r);
	if (n->fault)
		printf("\t.fault = true, .vector = %u, .error = %#x, .cr2 = %#llx,\n", n->f.vector,
		       n->f.error, (unsigned long long)n->f.cr2);
	printf("},\n/* emulated: ");
	for (i = 0; i < 16; i++)
		if (e->r.gpr[i] != n->r.gpr[i])
			printf("[%u] = %#llx, ", i, (unsigned long long)e->r.gpr[i]);
	printf("rflags %#llx rip %#llx", (unsigned long long)e->r.rflags,
	       (unsigned long long)e->r.rip);
	if (e->fault)
		printf(" vector %u error %#x cr2 %#llx", e->f.vector, e->f.error,
		       (unsigned long long)e->f.cr2);
	for (i = 0; i < NATIVE_SIZE; i++) {
		if (shadow[i] != ((u8 *)NATIVE_DATA)[i]) {
			printf(" mem[%#x] %02x, natively %02x", i, shadow[i],
			       ((u8 *)NATIVE_DATA)[i]);
			break;
		}
	}
	if (fc->x87) {
		printf("\n x87 in %04x %04x %02x em %04x %04x %02x nat %04x %04x %02x",
		       *(u16 *)fc->in.fx, ((u16 *)fc->in.fx)[1], fc->in.fx[4], *(u16 *)e->r.fx,
		       ((u16 *)e->r.fx)[1], e->r.fx[4], *(u16 *)n->r.fx, ((u16 *)n->r.fx)[1],
		       n->r.fx[4]);
		for (i = 0; i < 8; i++)
			if (memcmp(e->r.fx + 32 + i * 16, n->r.fx + 32 + i * 16, 10))
				printf(" st%u em %04x:%016llx nat %04x:%016llx", i,
				       *(u16 *)(e->r.fx + 40 + i * 16),
				       *(unsigned long long *)(e->r.fx + 32 + i * 16),
				       *(u16 *)(n->r.fx + 40 + i * 16),
				       *(unsigned long long *)(n->r.fx + 32 + i * 16));
	}
	printf(" */\n");
}

static void one(struct rng *r)
{
	struct fuzz_case *fc = &sh->cur;
	static struct result e, n;
	static char last_name[32] = "?";
	const char *what;
	bool ran;

	if (!gen_case(r, fc, only)) {
		sh->skipped++;
		return;
	}
	what = run_both(fc, &e, &n, &ran);
	if (!ran) {
		sh->skipped++;
		return;
	}
	sh->cases++;
	sh->faults += n.fault;
	sh->branches += n.branch;
	if (ctxt.decoded)
		sh->covered += rows_meet(ctxt.insn.desc);
	else
		sh->undefined++;
	if (!what)
		return;
	if (sh->mismatches++ < 1000 &&
	    strcmp(last_name, ctxt.decoded ? ctxt.insn.desc->name : "")) {
		strncpy(last_name, ctxt.decoded ? ctxt.insn.desc->name : "", sizeof(last_name) - 1);
		restore_memory();
		minimize(fc, &e, &n);
		report(fc, what, &e, &n);
	}
	roll_back();
	memcpy((void *)NATIVE_DATA, shadow, NATIVE_RW);
}

static void child(u64 seed, u64 cases, unsigned int seconds)
{
	time_t end = time(NULL) + seconds;
	struct rng r;
	u64 i;

	native_init();
	sh->rows = rows_list(differ_wants);
	rng_seed(&r, seed + sh->index * 0x1000003);
	shadow = malloc(NATIVE_SIZE);
	random_bytes(&r, shadow, NATIVE_SIZE);
	memcpy((void *)NATIVE_DATA, shadow, NATIVE_SIZE);
	if (mprotect((void *)NATIVE_DATA + NATIVE_RW, NATIVE_RO, PROT_READ))
		exit(1);
	printf("\n");
	fflush(stdout);
	native_sandbox();
	for (i = 1; sh->cases < cases && sh->mismatches < 1000; i++) {
		one(&r);
		if (!(i & 0xfff) && time(NULL) >= end)
			break;
	}
	if (verbose)
		rows_print_missing();
	fflush(stdout);
	_exit(0);
}

static double seconds_of(const struct rusage *u)
{
	return u->ru_utime.tv_sec + u->ru_stime.tv_sec +
	       (u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static void run(u64 seed, u64 cases, unsigned int seconds)
{
	unsigned int i, deaths = 0;
	struct rusage before, after;
	double t;
	int status;

	memset(sh, 0, sizeof(*sh));
	printf("seed %#llx\n", (unsigned long long)seed);
	fflush(stdout);
	getrusage(RUSAGE_CHILDREN, &before);
	do {
		pid_t pid = fork();

		if (!pid)
			child(seed, cases, seconds);
		waitpid(pid, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			break;
		printf("the child died (status %#x) of mode %u:", status, sh->cur.mode);
		for (i = 0; i < sh->cur.len; i++)
			printf(" %02x", sh->cur.insn[i]);
		printf("\n");
		sh->index++;
		sh->mismatches++;
		sh->covered = 0;
	} while (++deaths < 5);
	getrusage(RUSAGE_CHILDREN, &after);
	t = seconds_of(&after) - seconds_of(&before);
	printf("counts: seed %#llx: %llu cases, %llu mismatches; %llu of %llu rows of the table covered\n",
	       (unsigned long long)seed, (unsigned long long)sh->cases,
	       (unsigned long long)sh->mismatches, (unsigned long long)sh->covered,
	       (unsigned long long)sh->rows);
	printf("counts: %llu faults, %llu branches, %llu undefined opcodes; %.0f s of processor time, %.0f cases/s\n",
	       (unsigned long long)sh->faults, (unsigned long long)sh->branches,
	       (unsigned long long)sh->undefined, t, sh->cases / t);
}

int main(int argc, char **argv)
{
	u64 seeds[16], cases = ~0ULL, bad = 0;
	unsigned int nr = 0, seconds = 10, i;
	int opt;

	while ((opt = getopt(argc, argv, "s:n:t:o:v")) != -1) {
		if (opt == 's' && nr < ARRAY_SIZE(seeds))
			seeds[nr++] = strcmp(optarg, "new") ? strtoull(optarg, NULL, 0) :
							      (u64)time(NULL);
		else if (opt == 'n')
			cases = strtoull(optarg, NULL, 0);
		else if (opt == 't')
			seconds = atoi(optarg);
		else if (opt == 'o')
			only = optarg;
		else if (opt == 'v')
			verbose = true;
		else
			return 2;
	}
	if (!machine_init()) {
		puts("skipped: this processor has no AVX");
		return 4;
	}
	if (!nr)
		seeds[nr++] = time(NULL);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < nr; i++) {
		run(seeds[i], cases, (seconds + nr - 1) / nr);
		bad += sh->mismatches;
	}
	return bad ? 1 : 0;
}
