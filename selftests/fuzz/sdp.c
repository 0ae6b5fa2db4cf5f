// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: a session description, and the same text as a multipart body.
 */
#include "fuzz.h"

#define HEAD	"INVITE x SIP/2.0\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	lcs_fuzz_inside(HEAD "c: application/sdp\r\nl: %u\r\n\r\n", data, size, "");
	lcs_fuzz_inside(HEAD "c: multipart/alternative;boundary=\"B\"\r\nl: %u\r\n\r\n",
			data, size, "");
	return 0;
}
