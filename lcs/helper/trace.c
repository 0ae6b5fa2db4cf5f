// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints' own code.
 */
#include <linux/in.h>
#include <linux/in6.h>

#define CREATE_TRACE_POINTS
#include <lcs/trace.h>
