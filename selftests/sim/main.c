// SPDX-License-Identifier: GPL-2.0
/*
 * The command: seeds A to B, spread over processes; TAP; a seed that fails says how to see it.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

#define JOBS_MAX	64
#define FAILURES_SHOWN	20

/**
 * struct tally - what a process found
 * @seeds: connections simulated
 * @failed: how many went wrong
 */
struct tally {
	u64 seeds;
	u64 failed;
	u64 clean;
	u64 strict;
	u64 events;
	u64 probes;
	u64 rewritten;
	u64 unheld;
	u64 busy;
	u64 busy_sip;
	u64 refused;
	u64 failures;
	u64 verdict[SIM_WINDOWS];
	u64 memory_most;
};

static void die(const char *format, ...)
{
	va_list args;

	fputs("sim: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static void count(struct tally *tally, const struct sim *sim)
{
	u32 i;

	tally->seeds++;
	tally->failed += sim->failed;
	tally->clean += sim->clean;
	tally->strict += sim->strict;
	tally->events += sim->events_done;
	tally->probes += sim->box.probes;
	tally->rewritten += sim->box.rewritten;
	tally->unheld += sim->box.unheld;
	tally->busy += !!sim->box.busy;
	tally->busy_sip += sim->box.busy && !sim->synthetic;
	tally->refused += sim->box.refused;
	tally->failures += sim->box.failures;
	tally->memory_most = max(tally->memory_most, sim->box.memory_most);
	for (i = 0; i < SIM_WINDOWS; i++)
		tally->verdict[i] += sim->box.verdict[i];
}

/* Every @jobs-th seed. */
static void run_seeds(u64 from, u64 to, u32 jobs, struct tally *tally)
{
	static struct sim sim;
	u64 seed;

	for (seed = from; seed <= to; seed += jobs) {
		sim_run(&sim, seed, false);
		count(tally, &sim);
		if (!sim.failed)
			continue;
		if (tally->failed <= FAILURES_SHOWN)
			printf("# seed %llu: %s; see it: sim --trace %llu\n",
			       (unsigned long long)seed, sim.why, (unsigned long long)seed);
		fflush(stdout);
	}
}

static void add(struct tally *sum, const struct tally *one)
{
	u64 most = max(sum->memory_most, one->memory_most), *to = (u64 *)sum;
	const u64 *from = (const u64 *)one;
	u32 i;

	for (i = 0; i < sizeof(*sum) / sizeof(u64); i++)
		to[i] += from[i];
	sum->memory_most = most;
}

/* Run in @jobs processes. Return: false where one of them died. */
static bool run_jobs(u64 from, u64 to, u32 jobs, struct tally *sum)
{
	int pipes[JOBS_MAX][2], status;
	struct tally one;
	bool whole = true;
	u32 i;

	fflush(stdout);
	for (i = 0; i < jobs; i++) {
		if (pipe(pipes[i]))
			die("pipe: %s", strerror(errno));
		switch (fork()) {
		case -1:
			die("fork: %s", strerror(errno));
			break;
		case 0:
			memset(&one, 0, sizeof(one));
			run_seeds(from + i, to, jobs, &one);
			if (write(pipes[i][1], &one, sizeof(one)) != sizeof(one))
				exit(2);
			exit(0);
		}
		close(pipes[i][1]);
	}
	for (i = 0; i < jobs; i++) {
		if (read(pipes[i][0], &one, sizeof(one)) == sizeof(one))
			add(sum, &one);
		else
			whole = false;
		if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
			whole = false;
	}
	return whole;
}

static void say_tally(const struct tally *t, double seconds)
{
	static const char *const names[] = { "in window", "overshot", "seq over", "ack over",
					     "seq under", "ack under" };
	u32 i;

	printf("# %llu seeds in %.1f s (%.0f a second), %llu events; strict %llu, clean %llu\n",
	       (unsigned long long)t->seeds, seconds, t->seeds / seconds,
	       (unsigned long long)t->events, (unsigned long long)t->strict,
	       (unsigned long long)t->clean);
	printf("# rewritten %llu, probes %llu, not held %llu, refused %llu\n",
	       (unsigned long long)t->rewritten, (unsigned long long)t->probes,
	       (unsigned long long)t->unheld, (unsigned long long)t->refused);
	printf("# failed allocations %llu, at most %llu bytes for a connection\n",
	       (unsigned long long)t->failures, (unsigned long long)t->memory_most);
	printf("# log too full in %llu connections, %llu of them SIP\n",
	       (unsigned long long)t->busy, (unsigned long long)t->busy_sip);
	printf("# window tracking, not lenient:");
	for (i = 0; i < SIM_WINDOWS; i++)
		printf(" %s %llu%s", names[i], (unsigned long long)t->verdict[i],
		       i + 1 < SIM_WINDOWS ? "," : "\n");
}

static u64 read_number(const char *text, char **end)
{
	u64 value;

	errno = 0;
	value = strtoull(text, end, 10);
	if (errno || *end == text || *text == '-')
		die("not a number: %s", text);
	return value;
}

static int trace(const char *text)
{
	static struct sim sim;
	char *end;
	u64 seed = read_number(text, &end);

	if (*end)
		die("not a number: %s", text);
	sim_run(&sim, seed, true);
	printf("TAP version 13\n1..1\n%sok 1 - seed %llu%s%s\n", sim.failed ? "not " : "",
	       (unsigned long long)seed, sim.failed ? ": " : "", sim.failed ? sim.why : "");
	return sim.failed;
}

int main(int argc, char **argv)
{
	u64 from = 1, to = 20000, jobs = sysconf(_SC_NPROCESSORS_ONLN);
	struct timespec begin, end;
	struct tally tally = {};
	bool whole;
	char *rest;
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--trace") && argc == 3)
			return trace(argv[i + 1]);
		if (!strcmp(argv[i], "--seeds")) {
			from = read_number(argv[i + 1], &rest);
			to = *rest == '-' ? read_number(rest + 1, &rest) : from;
		} else if (!strcmp(argv[i], "--jobs")) {
			jobs = read_number(argv[i + 1], &rest);
		} else {
			break;
		}
		if (*rest)
			die("not understood: %s", argv[i + 1]);
	}
	if (i != argc || to < from || !jobs || jobs > JOBS_MAX)
		die("usage: sim [--seeds A-B] [--jobs N] | sim --trace SEED");
	printf("TAP version 13\n");
	clock_gettime(CLOCK_MONOTONIC, &begin);
	whole = run_jobs(from, to, jobs, &tally);
	clock_gettime(CLOCK_MONOTONIC, &end);
	say_tally(&tally, end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9);
	whole = whole && tally.seeds == to - from + 1;
	printf("%sok 1 - seeds %llu to %llu: %llu of %llu failed\n1..1\n",
	       whole && !tally.failed ? "" : "not ", (unsigned long long)from,
	       (unsigned long long)to, (unsigned long long)tally.failed,
	       (unsigned long long)tally.seeds);
	return !whole || tally.failed;
}
