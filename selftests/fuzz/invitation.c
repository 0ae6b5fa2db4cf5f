// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: a file-transfer invitation.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	lcs_fuzz_inside("MESSAGE x SIP/2.0\r\nCall-ID: a\r\nCSeq: 1 MESSAGE\r\n"
			"c: text/x-msmsgsinvite\r\nl: %u\r\n\r\n", data, size, "");
	return 0;
}
