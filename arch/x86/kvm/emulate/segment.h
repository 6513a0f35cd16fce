/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors: Intel SDM vol. 3A, 3.4.5 and 3.5; AMD APM vol. 2, 4.7 and 4.8. */
#ifndef KVM_X86_EMULATE_SEGMENT_H
#define KVM_X86_EMULATE_SEGMENT_H

#include "rows.h"

/* A descriptor as it was read, and where. */
struct em_desc {
	u64 lo;
	u64 hi; /* of a 16-byte one */
	u64 lin;
};

#define SYS_TSS16 0x1
#define SYS_LDT 0x2
#define SYS_TSS16_BUSY 0x3
#define SYS_CALL16 0x4
#define SYS_TASK_GATE 0x5
#define SYS_TSS32 0x9
#define SYS_TSS32_BUSY 0xb
#define SYS_CALL32 0xc

#define TYPE_BUSY 2

static inline u16 desc_attr(const struct em_desc *d)
{
	return ((d->lo >> 40) & 0xff) | ((d->lo >> 44) & 0xf00);
}

static inline bool desc_is_code(u16 attr)
{
	return (attr & (EMUL_SEG_S | EMUL_SEG_CODE)) == (EMUL_SEG_S | EMUL_SEG_CODE);
}

static inline bool desc_is_data(u16 attr)
{
	return (attr & (EMUL_SEG_S | EMUL_SEG_CODE)) == EMUL_SEG_S;
}

static inline bool desc_conforming(u16 attr)
{
	return desc_is_code(attr) && (attr & EMUL_SEG_DC);
}

static inline bool sel_null(u16 sel)
{
	return !(sel & ~3);
}

bool em_lma(struct emul_ctxt *c);
void em_desc_to_seg(const struct em_desc *d, u16 sel, bool wide, struct emul_seg *seg);
void em_null_seg(struct emul_seg *seg, u16 sel, unsigned int dpl);
enum emul_result em_desc_read(struct emul_ctxt *c, u16 sel, u8 vector, struct em_desc *d);
enum emul_result em_desc_read_high(struct emul_ctxt *c, u16 sel, u8 vector, struct em_desc *d);
enum emul_result em_desc_or(struct emul_ctxt *c, const struct em_desc *d, u8 bits);
enum emul_result em_desc_accessed(struct emul_ctxt *c, const struct em_desc *d,
				  struct emul_seg *seg);
enum emul_result em_check_ss(struct emul_ctxt *c, u16 sel, unsigned int cpl, u8 vector,
			     struct emul_seg *seg);
enum emul_result em_check_data(struct emul_ctxt *c, u16 sel, u8 vector, struct emul_seg *seg);
void em_real_seg(struct emul_ctxt *c, unsigned int sreg, u16 sel, struct emul_seg *seg);

enum emul_result em_task_note(struct emul_ctxt *c, u16 sel, enum emul_task_reason reason);
enum emul_result em_task_return(struct emul_ctxt *c);

#endif
