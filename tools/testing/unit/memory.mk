# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_walk
test_walk-srcs := tools/testing/unit/test_walk.c arch/x86/kvm/mmu/walk.c
TESTS += test_tdp_format
test_tdp_format-srcs := tools/testing/unit/test_tdp_format.c arch/x86/kvm/mmu/format.c
