# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_io_bus test_coalesced_ring
test_io_bus-srcs := tools/testing/unit/test_io_bus.c
test_coalesced_ring-srcs := tools/testing/unit/test_coalesced_ring.c
