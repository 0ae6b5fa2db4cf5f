// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: a whole stream.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	lcs_fuzz_all_ways(data, size);
	return 0;
}
