# SPDX-License-Identifier: GPL-2.0-only
irqchip := arch/x86/kvm/irqchip
lapic-srcs := $(irqchip)/lapic_core.c $(irqchip)/lapic_timer_core.c $(irqchip)/lapic_map.c $(irqchip)/lapic_posted.c

FUZZERS += fuzz_lapic fuzz_ioapic fuzz_pic fuzz_pit
fuzz_lapic-srcs := tools/testing/fuzz/fuzz_lapic.c $(lapic-srcs)
fuzz_lapic-args := -max_len=800
fuzz_ioapic-srcs := tools/testing/fuzz/fuzz_ioapic.c $(irqchip)/ioapic_core.c
fuzz_ioapic-args := -max_len=500
fuzz_pic-srcs := tools/testing/fuzz/fuzz_pic.c $(irqchip)/pic_core.c
fuzz_pic-args := -max_len=256
fuzz_pit-srcs := tools/testing/fuzz/fuzz_pit.c $(irqchip)/pit_core.c
fuzz_pit-args := -max_len=400
