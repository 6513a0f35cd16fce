// SPDX-License-Identifier: GPL-2.0-only
/*
 * clocks SECONDS: in a guest, do the clocks hold?
 *
 * On every CPU a thread reads the TSC and CLOCK_MONOTONIC and compares with what any thread has read before: nothing may
 * go back.  One more thread sleeps to absolute times ten milliseconds apart: none may be missed or come early, and after
 * all of it the clock that the ticks drive is where the other one is.  One line a failure; the status is 0 without.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define MS 1000000L
#define SECOND 1000000000L
#define STEP (10 * MS)
/* What the tick's clock may lag behind: a guest whose CPUs are not run for long has no ticks meanwhile. */
#define MAX_LAG (5 * SECOND)

static _Atomic uint64_t last_tsc, last_ns;
static _Atomic long failures;
static atomic_bool stop;

static int64_t now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static void failed(const char *what, int64_t by)
{
	if (atomic_fetch_add(&failures, 1) < 10)
		printf("%s: %ld\n", what, (long)by);
}

/* The value read must not be below what was stored before it was read. */
static void check(_Atomic uint64_t *last, uint64_t before, uint64_t value, const char *what)
{
	uint64_t seen = before;

	if (value < before)
		failed(what, before - value);
	while (seen < value && !atomic_compare_exchange_weak(last, &seen, value))
		;
}

static void *watch(void *arg)
{
	cpu_set_t one;
	uint64_t before;
	unsigned int aux;

	CPU_ZERO(&one);
	CPU_SET((long)arg, &one);
	sched_setaffinity(0, sizeof(one), &one);
	while (!stop) {
		for (int i = 0; i < 1000; i++) {
			before = atomic_load(&last_tsc);
			_mm_lfence();
			check(&last_tsc, before, __rdtscp(&aux), "the TSC went back, ticks");
			before = atomic_load(&last_ns);
			check(&last_ns, before, now(CLOCK_MONOTONIC),
			      "CLOCK_MONOTONIC went back, ns");
		}
		usleep(1000);
	}
	return NULL;
}

static void *sleep_on(void *arg)
{
	/* It is to wait for timers, and not for the stressors to let it run. */
	const struct sched_param first = { .sched_priority = 50 };
	int64_t at = now(CLOCK_MONOTONIC);
	struct timespec ts;
	long *slept = arg;

	if (sched_setscheduler(0, SCHED_FIFO, &first))
		failed("sched_setscheduler", 0);
	while (!stop) {
		at += STEP;
		ts.tv_sec = at / SECOND;
		ts.tv_nsec = at % SECOND;
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
			failed("a sleep ended with an error", 0);
		if (now(CLOCK_MONOTONIC) < at)
			failed("a timer came early, ns", at - now(CLOCK_MONOTONIC));
		++*slept;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long seconds = argc > 1 ? atol(argv[1]) : 10, cpus = sysconf(_SC_NPROCESSORS_ONLN),
	     slept = 0;
	int64_t began = now(CLOCK_MONOTONIC), ended, lag;
	pthread_t threads[cpus + 1];

	for (long i = 0; i < cpus; i++)
		pthread_create(&threads[i], NULL, watch, (void *)i);
	pthread_create(&threads[cpus], NULL, sleep_on, &slept);
	sleep(seconds);
	stop = true;
	for (long i = 0; i <= cpus; i++)
		pthread_join(threads[i], NULL);
	ended = now(CLOCK_MONOTONIC);
	lag = ended - now(CLOCK_MONOTONIC_COARSE);
	if (lag > MAX_LAG || lag < -SECOND)
		failed("the tick's clock lags, ns", lag);
	/* Absolute times: who is late catches up, so none is missing. */
	if (slept < (ended - began) / STEP - 300)
		failed("timers that were missed", (ended - began) / STEP - slept);
	printf("%ld CPUs, %ld s, %ld timers, %ld failures\n", cpus,
	       (long)((ended - began) / SECOND), slept, (long)failures);
	return failures != 0;
}
