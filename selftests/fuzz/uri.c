// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: a Contact list, and the same text as a Request-URI.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	lcs_fuzz_inside("OPTIONS x SIP/2.0\r\nContact:", data, size, "\r\n\r\n");
	lcs_fuzz_inside("NOTIFY ", data, size, " SIP/2.0\r\n\r\n");
	return 0;
}
