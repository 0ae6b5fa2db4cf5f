// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the KUnit suites that are linked with it in user space and prints TAP, one line a case.
 * An argument chooses one suite, or one case as SUITE.CASE.
 */
#include <kunit/test.h>

#define SUITES_MAX	64

struct kunit_block {
	struct kunit_block *next;
	void *bytes;
};

struct tally {
	unsigned int number;
	unsigned int failed;
};

static struct kunit_suite *suites[SUITES_MAX];
static size_t suite_count;

void kunit_user_register(struct kunit_suite **more, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (suite_count == SUITES_MAX) {
			fprintf(stderr, "runner: more than %d suites\n", SUITES_MAX);
			exit(2);
		}
		suites[suite_count++] = more[i];
	}
}

void kunit_user_say(const char *format, ...)
{
	va_list args;

	if (!*format)
		return;
	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	if (format[strlen(format) - 1] != '\n')
		putchar('\n');
	va_end(args);
}

void kunit_user_fail(struct kunit *test, const char *file, int line, const char *format, ...)
{
	va_list args;

	test->failed = true;
	va_start(args, format);
	printf("# %s:%d: ", file, line);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

void kunit_user_bytes(const char *name, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	size_t i;

	printf("# %s:", name);
	for (i = 0; at && i < length && i < 256; i++)
		printf(at[i] >= ' ' && at[i] < 127 && at[i] != '<' ? "%c" : "<%02x>", at[i]);
	printf("%s\n", i < length ? " ..." : "");
}

void kunit_user_leave(struct kunit *test)
{
	longjmp(test->leave, 1);
}

void *kunit_kmalloc_array(struct kunit *test, size_t n, size_t size, gfp_t gfp)
{
	struct kunit_block *block = malloc(sizeof(*block));
	size_t total;

	(void)gfp;
	if (!block)
		return NULL;
	if (__builtin_mul_overflow(n, size, &total)) {
		free(block);
		return NULL;
	}
	/* its own allocation, of exactly this size: an overrun by one byte must be seen */
	block->bytes = malloc(total);
	block->next = test->blocks;
	test->blocks = block;
	return block->bytes;
}

void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	return kunit_kmalloc_array(test, 1, size, gfp);
}

void *kunit_kcalloc(struct kunit *test, size_t n, size_t size, gfp_t gfp)
{
	void *bytes = kunit_kmalloc_array(test, n, size, gfp);

	return bytes ? memset(bytes, 0, n * size) : NULL;
}

void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	return kunit_kcalloc(test, 1, size, gfp);
}

void kunit_kfree(struct kunit *test, const void *bytes)
{
	struct kunit_block **at, *block;

	for (at = &test->blocks; bytes && *at; at = &(*at)->next) {
		block = *at;
		if (block->bytes != bytes)
			continue;
		*at = block->next;
		free(block->bytes);
		free(block);
		return;
	}
}

static void free_blocks(struct kunit *test)
{
	struct kunit_block *block;

	while ((block = test->blocks)) {
		test->blocks = block->next;
		free(block->bytes);
		free(block);
	}
}

/* Runs a case once, with one parameter or none. */
static void run_once(struct kunit_suite *suite, struct kunit_case *one, struct kunit *test)
{
	test->priv = NULL;
	if (!setjmp(test->leave)) {
		if (suite->init && suite->init(test))
			kunit_user_fail(test, suite->name, 0, "init failed");
		else
			one->run_case(test);
	}
	if (suite->exit && !setjmp(test->leave))
		suite->exit(test);
	free_blocks(test);
}

/* Runs a case with each of its parameters; false when it failed. */
static void run_case(struct kunit_suite *suite, struct kunit_case *one, struct kunit *test)
{
	char desc[KUNIT_PARAM_DESC_SIZE] = "";
	const void *param = NULL;
	bool before;

	if (!one->generate_params) {
		run_once(suite, one, test);
		return;
	}
	while ((param = one->generate_params(param, desc))) {
		before = test->failed;
		test->failed = false;
		test->param_value = param;
		run_once(suite, one, test);
		if (test->failed)
			kunit_user_say("not ok with parameter: %s", desc);
		test->failed |= before;
		desc[0] = '\0';
	}
}

static void run_suite(struct kunit_suite *suite, const char *only, struct tally *tally)
{
	struct kunit_case *one;

	if (suite->suite_init && suite->suite_init(suite)) {
		printf("not ok %u - %s: suite_init\n", ++tally->number, suite->name);
		tally->failed++;
		return;
	}
	for (one = suite->test_cases; one->run_case; one++) {
		struct kunit test = { .name = one->name };
		char name[512];

		snprintf(name, sizeof(name), "%s.%s", suite->name, one->name);
		if (only && strcmp(only, suite->name) && strcmp(only, name))
			continue;
		run_case(suite, one, &test);
		tally->failed += test.failed;
		printf("%sok %u - %s", test.failed ? "not " : "", ++tally->number, name);
		if (test.skipped && !test.failed)
			printf(" # SKIP %s", test.why_skipped);
		putchar('\n');
		fflush(stdout);
	}
	if (suite->suite_exit)
		suite->suite_exit(suite);
}

int main(int argc, char **argv)
{
	struct tally tally = {};
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n");
	for (i = 0; i < suite_count; i++)
		run_suite(suites[i], argc > 1 ? argv[1] : NULL, &tally);
	printf("1..%u\n", tally.number);
	if (!tally.number)
		fprintf(stderr, "runner: no such suite or case\n");
	return tally.failed || !tally.number;
}
