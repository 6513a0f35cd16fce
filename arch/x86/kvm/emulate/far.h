/* SPDX-License-Identifier: GPL-2.0-only */
/* What far transfers and interrupts share: far.c, int.c. */
#ifndef KVM_X86_EMULATE_FAR_H
#define KVM_X86_EMULATE_FAR_H

#include "segment.h"

/*
 * A transfer under way.  It lies in the context and its steps are called one after the other rather than one by the
 * other, for the stack's sake.
 */
struct far {
	/* What is put back when a step fails. */
	struct emul_seg cs;
	struct emul_seg ss;
	u8 cpl;
	u8 mode;

	u8 bytes; /* operand size */
	u8 push_bytes; /* of what CALL pushes */
	u8 params; /* to be copied from stack to stack */
	u8 ist; /* interrupts in long mode: stack by number, 0: by privilege level */
	bool call;
	bool inner; /* CALL to more privilege */
	bool outer; /* return to less: data segments are looked through */
	bool vm86; /* IRET to virtual-8086 mode */
	u16 sel; /* where to */
	u16 ss_sel; /* the inner stack's */
	u64 off;
	u64 ret; /* from where */
	u64 rsp; /* the new one */
	u64 flags; /* interrupts: what is pushed */
	struct em_desc d; /* of @sel */
};

static_assert(sizeof(struct far) <= sizeof_field(struct emul_ctxt, work));

struct far *em_far_begin(struct emul_ctxt *c);
enum emul_result em_far_end(struct emul_ctxt *c, const struct far *f, enum emul_result res);
enum emul_result em_far_real(struct emul_ctxt *c, struct far *f);
enum emul_result em_enter_code(struct emul_ctxt *c, u16 sel, const struct em_desc *d,
			       unsigned int cpl, u64 rip);
enum emul_result em_inner_stack(struct emul_ctxt *c, struct far *f, unsigned int cpl);
enum emul_result em_inner_fault(struct emul_ctxt *c, const struct far *f, enum emul_result res);

#endif
