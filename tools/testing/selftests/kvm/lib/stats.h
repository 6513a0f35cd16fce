/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine's or a vCPU's statistics: KVM_GET_STATS_FD. */
#ifndef SELFTESTS_STATS_H
#define SELFTESTS_STATS_H

#include <stdlib.h>
#include <unistd.h>

#include "vm.h"

struct stats {
	int fd;
	struct kvm_stats_header h;
	u8 *desc;
	size_t step;
};

static inline struct stats stats_open(int of)
{
	struct stats s = { .fd = OK(ioctl(of, KVM_GET_STATS_FD, 0)) };

	CHECK_EQ(OK(pread(s.fd, &s.h, sizeof(s.h), 0)), sizeof(s.h));
	REQUIRE(s.h.name_size && s.h.name_size <= 256 && s.h.num_desc && s.h.num_desc < 1000);
	s.step = sizeof(struct kvm_stats_desc) + s.h.name_size;
	s.desc = calloc(s.h.num_desc, s.step);
	CHECK_EQ(OK(pread(s.fd, s.desc, s.h.num_desc * s.step, s.h.desc_offset)),
		 s.h.num_desc * s.step);
	return s;
}

static inline struct kvm_stats_desc *stats_desc(struct stats *s, u32 i)
{
	return (struct kvm_stats_desc *)(s->desc + i * s->step);
}

static inline u64 stats_value(struct stats *s, const char *name)
{
	for (u32 i = 0; i < s->h.num_desc; i++) {
		struct kvm_stats_desc *d = stats_desc(s, i);
		u64 v = 0;

		if (strcmp(d->name, name))
			continue;
		CHECK_EQ(OK(pread(s->fd, &v, 8, s->h.data_offset + d->offset)), 8);
		return v;
	}
	FAIL("no statistic is called %s", name);
	return 0;
}

#endif /* SELFTESTS_STATS_H */
