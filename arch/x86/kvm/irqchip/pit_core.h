/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 8254 timer and the speaker port as a pure state machine.
 *
 * Intel 8254 data sheet.  Nothing ticks: a channel remembers when its count
 * was loaded, and what its counter and output are follows from the time.  All
 * times are nanoseconds on one clock that the caller chooses (in the kernel
 * CLOCK_MONOTONIC, which the ABI wants in count_load_time).  One caller at a
 * time.
 */
#ifndef KVM_X86_IRQCHIP_PIT_CORE_H
#define KVM_X86_IRQCHIP_PIT_CORE_H

#include "../pure.h"

#define PIT_HZ 1193182
#define PIT_NR_CHANNELS 3
#define PIT_PORT_FIRST 0x40
#define PIT_PORT_SPEAKER 0x61
#define PIT_NEVER (~0ULL)

/*
 * Laid out as struct kvm_pit_channel_state.
 *
 * @rw_mode is 1 (low byte), 2 (high byte) or 3 (both); @read_state and
 * @write_state the same or 4 (both, high byte next); @count_latched as
 * @rw_mode, or 2 for the second byte.  @count is in ticks, 1 to 65536, in BCD
 * mode too.
 */
struct pit_channel_image {
	u32 count;
	u16 latched_count;
	u8 count_latched;
	u8 status_latched;
	u8 status;
	u8 read_state;
	u8 write_state;
	u8 write_latch;
	u8 rw_mode;
	u8 mode;
	u8 bcd;
	u8 gate;
	s64 count_load_time;
};

#define PIT_FLAG_HPET_LEGACY BIT(0)
#define PIT_FLAG_SPEAKER_ON BIT(1)

/* Laid out as struct kvm_pit_state2. */
struct pit_image {
	struct pit_channel_image channels[PIT_NR_CHANNELS];
	u32 flags;
	u32 reserved[9];
};

/**
 * struct pit_channel - one counter
 * @c:		the part that is saved
 * @running:	a count is loaded and, in modes 1 and 5, triggered
 * @loaded:	a count has been written since the mode was
 * @next_count:	takes over at the end of the running period, 0: none
 * @skip:	ticks after count_load_time at which the present count began
 * @frozen:	modes 0 and 4 with the gate low: ticks counted so far
 */
struct pit_channel {
	struct pit_channel_image c;
	bool running;
	bool loaded;
	u32 next_count;
	u64 skip;
	u64 frozen;
};

struct pit {
	struct pit_channel ch[PIT_NR_CHANNELS];
	u32 flags;
};

void pit_init(struct pit *pit, u64 now);
u8 pit_read(struct pit *pit, unsigned int port, u64 now);
bool pit_write(struct pit *pit, unsigned int port, u8 value, u64 now);
u8 pit_read_speaker(struct pit *pit, u64 now);
void pit_write_speaker(struct pit *pit, u8 value, u64 now);
void pit_set_gate(struct pit *pit, unsigned int n, bool gate, u64 now);
bool pit_output(struct pit *pit, unsigned int n, u64 now);
u32 pit_counter(struct pit *pit, unsigned int n, u64 now);
u64 pit_next_edge(struct pit *pit, u64 now);
void pit_get_state(struct pit *pit, struct pit_image *image, u64 now);
void pit_set_state(struct pit *pit, const struct pit_image *image, u64 now);

#endif /* KVM_X86_IRQCHIP_PIT_CORE_H */
