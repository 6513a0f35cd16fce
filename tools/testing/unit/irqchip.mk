# SPDX-License-Identifier: GPL-2.0-only
irqchip := arch/x86/kvm/irqchip
lapic-srcs := $(irqchip)/lapic_core.c $(irqchip)/lapic_timer_core.c $(irqchip)/lapic_map.c $(irqchip)/lapic_posted.c

TESTS += test_lapic_posted test_lapic test_lapic_timer test_lapic_map test_ioapic test_pic test_pit
test_lapic_posted-srcs := tools/testing/unit/test_lapic_posted.c $(lapic-srcs)
test_lapic-srcs := tools/testing/unit/test_lapic.c $(lapic-srcs)
test_lapic_timer-srcs := tools/testing/unit/test_lapic_timer.c $(lapic-srcs)
test_lapic_map-srcs := tools/testing/unit/test_lapic_map.c $(lapic-srcs)
test_ioapic-srcs := tools/testing/unit/test_ioapic.c $(irqchip)/ioapic_core.c $(lapic-srcs)
test_pic-srcs := tools/testing/unit/test_pic.c $(irqchip)/pic_core.c
test_pit-srcs := tools/testing/unit/test_pit.c $(irqchip)/pit_core.c

TESTS += test_irqchip_replay
test_irqchip_replay-srcs := tools/testing/unit/test_irqchip_replay.c $(irqchip)/ioapic_core.c $(irqchip)/pic_core.c \
	$(irqchip)/pit_core.c $(lapic-srcs)
test_irqchip_replay-cppflags = -DTRACES='"$(top)/tools/testing/unit/traces"'
