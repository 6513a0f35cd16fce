/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC as a pure state machine: register file, priorities, local
 * vector table, mode changes and timer arithmetic (Intel SDM vol. 3A, chapter
 * "Advanced Programmable Interrupt Controller"; APM vol. 2, chapter 16).
 *
 * Who may call what
 * -----------------
 * A LAPIC has one owner, the thread that runs its vCPU (or holds the vCPU's
 * mutex).  Everything here is for the owner alone, except what is marked
 * "any context": accepting a message, raising an error, the timer's expiry and
 * the addressing questions.  Those touch only words changed by atomic
 * operations (IRR, TMR, the two hint words, the deadline) or read once.
 *
 * What happens outside
 * --------------------
 * A register access returns effects (LAPIC_FX_*): what the caller has to do
 * now, such as sending the interrupt that the ICR describes.  So there is no
 * call back into the surroundings from the hot paths.  The one thing that the
 * core has to ask is the time.
 *
 * The register page
 * -----------------
 * 32-bit registers at strides of 16 bytes, laid out as in MMIO and in struct
 * kvm_lapic_state.  The ID register holds the ID as the current mode shows it:
 * in bits 31:24 in xAPIC mode, in all 32 bits in x2APIC mode.  The upper half
 * of the x2APIC ICR is at LAPIC_ICR2 in both modes.  PPR and the current count
 * are computed when they are read and are stale in the page.
 */
#ifndef KVM_X86_IRQCHIP_LAPIC_CORE_H
#define KVM_X86_IRQCHIP_LAPIC_CORE_H

#include "../pure.h"
#include "atomics.h"
#include "lapic_msg.h"
#include "lapic_posted.h"

/* Bytes of the page that hold registers: sizeof(struct kvm_lapic_state). */
#define LAPIC_REGS_SIZE 0x400

/* Register offsets, Intel SDM vol. 3A, "Local APIC Register Address Map". */
enum lapic_reg {
	LAPIC_ID = 0x020,
	LAPIC_VERSION = 0x030,
	LAPIC_TPR = 0x080,
	LAPIC_APR = 0x090,
	LAPIC_PPR = 0x0a0,
	LAPIC_EOI = 0x0b0,
	LAPIC_RRD = 0x0c0,
	LAPIC_LDR = 0x0d0,
	LAPIC_DFR = 0x0e0,
	LAPIC_SVR = 0x0f0,
	LAPIC_ISR = 0x100, /* eight words each */
	LAPIC_TMR = 0x180,
	LAPIC_IRR = 0x200,
	LAPIC_ESR = 0x280,
	LAPIC_LVT_CMCI = 0x2f0,
	LAPIC_ICR = 0x300,
	LAPIC_ICR2 = 0x310,
	LAPIC_LVT_TIMER = 0x320,
	LAPIC_LVT_THERMAL = 0x330,
	LAPIC_LVT_PERF = 0x340,
	LAPIC_LVT_LINT0 = 0x350,
	LAPIC_LVT_LINT1 = 0x360,
	LAPIC_LVT_ERROR = 0x370,
	LAPIC_TMICT = 0x380,
	LAPIC_TMCCT = 0x390,
	LAPIC_TDCR = 0x3e0,
	LAPIC_SELF_IPI = 0x3f0,
};

#define LAPIC_MSR_FIRST 0x800
#define LAPIC_MSR_LAST 0x8ff

/* IA32_APIC_BASE */
#define LAPIC_BASE_BSP BIT_ULL(8)
#define LAPIC_BASE_X2APIC BIT_ULL(10)
#define LAPIC_BASE_ENABLE BIT_ULL(11)
#define LAPIC_BASE_DEFAULT 0xfee00000ULL
#define LAPIC_BASE_ADDR_MASK (~0xfffULL)

/* Spurious-interrupt vector register */
#define LAPIC_SVR_ENABLE BIT(8)
#define LAPIC_SVR_FOCUS_OFF BIT(9)
#define LAPIC_SVR_DIRECTED_EOI BIT(12)

/* Local vector table */
#define LAPIC_LVT_PENDING BIT(12) /* delivery status, read only, always idle */
#define LAPIC_LVT_LOW_ACTIVE BIT(13)
#define LAPIC_LVT_REMOTE_IRR BIT(14)
#define LAPIC_LVT_LEVEL BIT(15)
#define LAPIC_LVT_MASKED BIT(16)
#define LAPIC_LVT_TIMER_MODE (BIT(17) | BIT(18))

/* Interrupt command register, low half */
#define LAPIC_ICR_LOGICAL BIT(11)
#define LAPIC_ICR_BUSY BIT(12)
#define LAPIC_ICR_ASSERT BIT(14)
#define LAPIC_ICR_LEVEL BIT(15)

/* Error status register */
#define LAPIC_ESR_REDIRECTABLE BIT(4)
#define LAPIC_ESR_SEND_VECTOR BIT(5)
#define LAPIC_ESR_RECEIVE_VECTOR BIT(6)
#define LAPIC_ESR_ILLEGAL_REG BIT(7)

#define LAPIC_BROADCAST 0xff
#define X2APIC_BROADCAST 0xffffffff

enum lapic_mode {
	LAPIC_MODE_DISABLED, /* by IA32_APIC_BASE */
	LAPIC_MODE_XAPIC,
	LAPIC_MODE_X2APIC,
};

enum lapic_delivery {
	LAPIC_DM_FIXED = 0,
	LAPIC_DM_LOWEST = 1,
	LAPIC_DM_SMI = 2,
	LAPIC_DM_RESERVED = 3,
	LAPIC_DM_NMI = 4,
	LAPIC_DM_INIT = 5,
	LAPIC_DM_SIPI = 6,
	LAPIC_DM_EXTINT = 7,
};

enum lapic_shorthand {
	LAPIC_SH_NONE = 0,
	LAPIC_SH_SELF = 1,
	LAPIC_SH_ALL = 2,
	LAPIC_SH_OTHERS = 3,
};

enum lapic_timer_mode {
	LAPIC_TIMER_ONESHOT = 0,
	LAPIC_TIMER_PERIODIC = 1,
	LAPIC_TIMER_DEADLINE = 2,
	LAPIC_TIMER_RESERVED = 3,
};

/* What the virtual CPU's local APIC has (lapic_configure()). */
enum lapic_feature {
	LAPIC_F_X2APIC = BIT(0),
	LAPIC_F_DEADLINE = BIT(1),
	LAPIC_F_DIRECTED_EOI = BIT(2), /* SVR bit 12 works */
	LAPIC_F_CMCI = BIT(3), /* a seventh LVT entry */
	LAPIC_F_PMI_MASKS = BIT(4), /* a counter interrupt masks its LVT */
};

/*
 * Effects of a register access: what its caller must do.  LAPIC_FX_EOI comes
 * with the vector, see lapic_fx_vector().
 */
enum lapic_effect {
	LAPIC_FX_EVENTS = BIT(0), /* ask lapic_pending() before the next entry */
	LAPIC_FX_IPI = BIT(1), /* send what lapic_icr_message() says */
	LAPIC_FX_EOI = BIT(2), /* tell I/O APICs and who else waits */
	LAPIC_FX_TIMER = BIT(3), /* lapic_timer_next() has changed */
	LAPIC_FX_MAP = BIT(4), /* addresses have changed: new map */
	LAPIC_FX_BASE = BIT(5), /* the MMIO page moved, came or went */
	LAPIC_FX_ENABLE = BIT(6), /* IA32_APIC_BASE bit 11: CPUID.1:EDX[9] */
	LAPIC_FX_LINT0 = BIT(7), /* lapic_takes_extint() has changed */
	LAPIC_FX_NMI = BIT(8), /* the APIC gives its own CPU an NMI, ... */
	LAPIC_FX_SMI = BIT(9),
	LAPIC_FX_INIT = BIT(10),
	LAPIC_FX_EXTINT = BIT(11),
};

#define LAPIC_FX_VECTOR_SHIFT 16

static inline u8 lapic_fx_vector(u32 fx)
{
	return fx >> LAPIC_FX_VECTOR_SHIFT;
}

/* What became of a message that an APIC was offered. */
enum lapic_accepted {
	LAPIC_REFUSED = -1,
	LAPIC_COALESCED = 0, /* the IRR bit was set already */
	LAPIC_ACCEPTED = 1, /* a new IRR bit: kick the vCPU */
	LAPIC_TAKE_NMI, /* the rest is for the vCPU's event queue */
	LAPIC_TAKE_SMI,
	LAPIC_TAKE_INIT,
	LAPIC_TAKE_SIPI,
	LAPIC_TAKE_EXTINT,
};

struct lapic;

struct lapic_ops {
	/* Nanoseconds on a clock that never goes back.  Any value to start. */
	u64 (*now_ns)(struct lapic *apic);
};

/*
 * The timer.  @deadline is changed by its owner and, on expiry, by whoever
 * finds it due (any context).  The other fields change with register writes
 * only: a periodic timer's further expiries are computed, not stored, so that
 * they neither drift nor race.
 */
struct lapic_timer {
	u64 deadline; /* IA32_TSC_DEADLINE in guest TSC ticks, 0: disarmed */
	u64 first; /* ns, the next expiry at the time of arming */
	u64 period; /* ns between later ones, 0: one-shot */
	u64 origin; /* ns, when a register write last set the above */
	u32 bus_ns; /* ns a bus cycle takes, 1 to LAPIC_BUS_NS_MAX */
	u32 min_period; /* ns, floor of @period that protects the host */
	u8 mode; /* enum lapic_timer_mode */
	u8 shift; /* log2 of the divider */
	bool counting;
};

/* Keeps the longest count, 2^32 - 1 at a divider of 128, below 2^62 ns. */
#define LAPIC_BUS_NS_MAX (1U << 23)

/**
 * struct lapic - one local APIC
 * @regs:	the register page; LAPIC_REGS_SIZE bytes or more, 16-aligned
 * @irr_words:	bit n is set if IRR word n may have bits (others set, owner
 *		clears)
 * @isr_words:	bit n is set if and only if ISR word n has bits
 * @isr_top:	highest vector in service, -1 if none
 * @mode:	enum lapic_mode
 * @enabled:	takes fixed interrupts: SVR bit 8, and not disabled by @base
 * @id_written:	the guest wrote the xAPIC ID
 * @no_xapic_broadcast: in x2APIC mode 0xff from devices is a CPU (set at any
 *		time, never cleared)
 * @features:	enum lapic_feature
 * @id:		the ID that the APIC came with, all 32 bits
 * @esr:	errors not yet latched into the ESR register
 * @eoi_watch:	vectors whose EOI is reported (LAPIC_FX_EOI) even when
 *		edge-triggered
 * @lint:	bits 1:0: the levels of LINT1 and LINT0; bits 3:2: their LVT
 *		entries' remote IRR (atomic)
 * @base:	IA32_APIC_BASE
 * @timer:	the timer
 * @posted:	requests go there, the page is the processor's; NULL: all is
 *		software's.  Set before the APIC is visible, or never.
 * @ops:	its surroundings
 */
struct lapic {
	u8 *regs;
	u32 irr_words;
	u32 isr_words;
	s16 isr_top;
	u8 mode;
	bool enabled;
	bool id_written;
	bool no_xapic_broadcast;
	u8 features;
	u32 id;
	u32 esr;
	u32 lint;
	u32 eoi_watch[8];
	u64 base;
	struct lapic_timer timer;
	struct lapic_posted *posted;
	const struct lapic_ops *ops;
};

/* Access to the register page */

static __always_inline u32 *lapic_reg(const struct lapic *apic, u32 reg)
{
	return (u32 *)(apic->regs + reg);
}

static __always_inline u32 lapic_get(const struct lapic *apic, u32 reg)
{
	return READ_ONCE(*lapic_reg(apic, reg));
}

static __always_inline void lapic_put(struct lapic *apic, u32 reg, u32 value)
{
	WRITE_ONCE(*lapic_reg(apic, reg), value);
}

/* The word of a 256-bit register that holds @vector. */
static __always_inline u32 *lapic_word(const struct lapic *apic, u32 reg, u8 vector)
{
	return lapic_reg(apic, reg + (vector >> 5) * 16);
}

static __always_inline bool lapic_test(const struct lapic *apic, u32 reg, u8 vector)
{
	return READ_ONCE(*lapic_word(apic, reg, vector)) >> (vector & 31) & 1;
}

/* Life and configuration; owner */

void lapic_init(struct lapic *apic, void *regs, u32 id, const struct lapic_ops *ops);
void lapic_configure(struct lapic *apic, u32 features);
u32 lapic_reset(struct lapic *apic, bool bsp, bool lint0_extint);
u32 lapic_init_reset(struct lapic *apic, bool lint0_extint);
int lapic_check_base(u64 old, u64 value, u64 reserved, u32 features, bool host);
int lapic_set_base(struct lapic *apic, u64 value, u64 reserved, bool host);

/* Saving and restoring; owner */

void lapic_get_state(struct lapic *apic, void *image, bool ids32);
int lapic_set_state(struct lapic *apic, const void *image, bool ids32);
void lapic_rescan(struct lapic *apic);

/* Register accesses of the guest; owner */

int lapic_mmio_read(struct lapic *apic, u32 offset, unsigned int len, void *data);
u32 lapic_mmio_write(struct lapic *apic, u32 offset, unsigned int len, const void *data);
int lapic_msr_read(struct lapic *apic, u32 msr, u64 *value);
int lapic_msr_write(struct lapic *apic, u32 msr, u64 value);
u32 lapic_write_icr(struct lapic *apic, u32 low, u32 high);
void lapic_icr_message(const struct lapic *apic, struct lapic_msg *msg);

/* Interrupts that come in */

u32 lapic_local_interrupt(struct lapic *apic, u32 lvt);
u32 lapic_set_lint(struct lapic *apic, unsigned int lint, bool level);
bool lapic_error(struct lapic *apic, u32 esr_bit);
enum lapic_accepted lapic_accept(struct lapic *apic, u8 delivery, u8 vector, bool level);
bool lapic_takes_extint(const struct lapic *apic);

/* Addressing; any context */

bool lapic_is_broadcast(const struct lapic_msg *msg);
bool lapic_matches(const struct lapic *apic, const struct lapic_msg *msg);

/* Timer */

u64 lapic_read_deadline(const struct lapic *apic);
u32 lapic_write_deadline(struct lapic *apic, u64 tsc);
u64 lapic_timer_next(const struct lapic *apic, u64 now);
u32 lapic_timer_count(const struct lapic *apic, u64 now);
void lapic_timer_resume(struct lapic *apic, u32 left, u64 now);
u32 lapic_timer_write(struct lapic *apic, u32 reg, u32 value);
void lapic_timer_stop(struct lapic *apic);
enum lapic_accepted lapic_timer_fire(struct lapic *apic);
u64 lapic_deadline_expire(struct lapic *apic, u64 tsc);

/* How early a TSC deadline's timer fires, ns: what is begun with, and the most that is waited for. */
#define LAPIC_ADVANCE_BEGIN 1000
#define LAPIC_ADVANCE_MAX 5000
u32 lapic_learn_advance(u32 advance, s64 off);

#define LAPIC_TIMER_NEVER (~0ULL)

/* Slow parts of the inline functions below */

int lapic_highest_irr(struct lapic *apic);
u32 lapic_eoi_level(struct lapic *apic, u8 vector);

/**
 * lapic_ppr() - processor priority
 * @apic: the APIC
 *
 * SDM vol. 3A, "Task and Processor Priorities".  Return: the PPR, 0 to 255.
 */
static __always_inline u32 lapic_ppr(const struct lapic *apic)
{
	u32 tpr = lapic_get(apic, LAPIC_TPR);
	u32 isr = apic->isr_top < 0 ? 0 : apic->isr_top & 0xf0;

	return (tpr & 0xf0) >= isr ? tpr : isr;
}

/**
 * lapic_pending() - the interrupt that the CPU would take if it could
 * @apic: the APIC
 *
 * Owner; also right from other contexts as a hint ("would it wake up?").
 *
 * Return: the vector, or -1 if none is pending above the processor priority.
 */
static __always_inline int lapic_pending(struct lapic *apic)
{
	int vector;

	if (likely(!READ_ONCE(apic->irr_words)))
		return -1;
	vector = lapic_highest_irr(apic);
	if (vector < 0 || (vector & 0xf0) <= (lapic_ppr(apic) & 0xf0))
		return -1;
	return vector;
}

/**
 * lapic_ack() - the CPU takes @vector, which lapic_pending() returned
 * @apic: the APIC
 * @vector: interrupt vector
 *
 * Moves it from the IRR to the ISR.  Owner.
 */
static __always_inline void lapic_ack(struct lapic *apic, u8 vector)
{
	u32 *irr = lapic_word(apic, LAPIC_IRR, vector);
	u32 *isr = lapic_word(apic, LAPIC_ISR, vector);
	u32 word = BIT(vector >> 5);

	atomic_and32(irr, ~(u32)BIT(vector & 31));
	if (!READ_ONCE(*irr)) {
		atomic_and32(&apic->irr_words, ~word);
		/* Who set a bit before the hint was cleared left it alone. */
		if (READ_ONCE(*irr))
			atomic_or32(&apic->irr_words, word);
	}
	*isr |= BIT(vector & 31);
	apic->isr_words |= word;
	apic->isr_top = vector;
}

/**
 * lapic_eoi() - end of interrupt
 * @apic: the APIC
 *
 * Owner.  Return: effects: LAPIC_FX_EVENTS, LAPIC_FX_EOI with a vector.
 */
static __always_inline u32 lapic_eoi(struct lapic *apic)
{
	int vector = apic->isr_top;
	u32 bit, left, w, fx;

	if (unlikely(vector < 0))
		return 0;

	w = vector >> 5;
	bit = BIT(vector & 31);
	left = *lapic_word(apic, LAPIC_ISR, vector) & ~bit;
	*lapic_word(apic, LAPIC_ISR, vector) = left;
	if (likely(!left)) {
		apic->isr_words &= ~BIT(w);
		if (likely(!apic->isr_words)) {
			apic->isr_top = -1;
			goto out;
		}
		w = fls(apic->isr_words) - 1;
		left = *lapic_reg(apic, LAPIC_ISR + w * 16);
	}
	apic->isr_top = w * 32 + fls(left) - 1;
out:
	fx = READ_ONCE(apic->irr_words) ? LAPIC_FX_EVENTS : 0;
	if (unlikely((READ_ONCE(*lapic_word(apic, LAPIC_TMR, vector)) |
		      READ_ONCE(apic->eoi_watch[(u8)vector >> 5])) &
		     bit))
		fx |= lapic_eoi_level(apic, vector);
	return fx;
}

/**
 * lapic_serves_one() - is one interrupt in service, and nothing else there?
 * @apic: the APIC
 *
 * Then its EOI has no effect but that it is no longer in service.  Owner.
 */
static inline bool lapic_serves_one(struct lapic *apic)
{
	int vector = apic->isr_top;
	u32 word, bit;

	if (vector < 0 || lapic_highest_irr(apic) >= 0)
		return false;
	word = BIT(vector >> 5);
	bit = BIT(vector & 31);
	if (apic->isr_words != word || *lapic_word(apic, LAPIC_ISR, vector) != bit)
		return false;
	return !((READ_ONCE(*lapic_word(apic, LAPIC_TMR, vector)) |
		  READ_ONCE(apic->eoi_watch[(u8)vector >> 5])) &
		 bit);
}

/**
 * lapic_set_tpr() - task priority, as CR8 or TPR writes give it
 * @apic: the APIC
 * @tpr: 0 to 255
 *
 * Owner.  Return: effects: LAPIC_FX_EVENTS.
 */
static __always_inline u32 lapic_set_tpr(struct lapic *apic, u8 tpr)
{
	lapic_put(apic, LAPIC_TPR, tpr);
	return READ_ONCE(apic->irr_words) ? LAPIC_FX_EVENTS : 0;
}

/**
 * lapic_request() - set @vector in the IRR
 * @apic: the APIC
 * @vector: interrupt vector
 * @level: trigger mode, kept in the TMR until the EOI
 *
 * Any context.  The vector is not checked; lapic_accept() does that.  The IRR
 * bit is visible to the owner's lapic_pending() when this returns.
 *
 * Return: whether the bit is new.
 */
static __always_inline bool lapic_request(struct lapic *apic, u8 vector, bool level)
{
	u32 bit = BIT(vector & 31);
	u32 *tmr = lapic_word(apic, LAPIC_TMR, vector);
	u32 word = BIT(vector >> 5);

	if (unlikely(!!(READ_ONCE(*tmr) & bit) != level)) {
		if (level)
			atomic_or32(tmr, bit);
		else
			atomic_and32(tmr, ~bit);
	}
	if (unlikely(apic->posted))
		return lapic_post(apic, vector, level);
	if (atomic_set_bit32(lapic_word(apic, LAPIC_IRR, vector), vector))
		return false;
	if (!(READ_ONCE(apic->irr_words) & word))
		atomic_or32(&apic->irr_words, word);
	return true;
}

/**
 * lapic_accept_fixed() - lapic_accept() for a fixed interrupt
 * @apic: the APIC
 * @vector: interrupt vector
 * @level: trigger mode
 *
 * Any context.
 */
static __always_inline enum lapic_accepted lapic_accept_fixed(struct lapic *apic, u8 vector,
							      bool level)
{
	if (unlikely(!READ_ONCE(apic->enabled) || vector < 16))
		return lapic_accept(apic, LAPIC_DM_FIXED, vector, level);
	return lapic_request(apic, vector, level) ? LAPIC_ACCEPTED : LAPIC_COALESCED;
}

#endif /* KVM_X86_IRQCHIP_LAPIC_CORE_H */
