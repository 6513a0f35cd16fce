# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_events
test_events-srcs := tools/testing/unit/test_events.c arch/x86/kvm/events_core.c
