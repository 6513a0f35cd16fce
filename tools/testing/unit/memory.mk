# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_walk
test_walk-srcs := tools/testing/unit/test_walk.c arch/x86/kvm/mmu/walk.c
