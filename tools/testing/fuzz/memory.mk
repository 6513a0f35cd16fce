# SPDX-License-Identifier: GPL-2.0-only
FUZZERS += fuzz_walk
fuzz_walk-srcs := tools/testing/fuzz/fuzz_walk.c arch/x86/kvm/mmu/walk.c
fuzz_walk-args := -max_len=96
