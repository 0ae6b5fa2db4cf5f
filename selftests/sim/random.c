// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers that a seed repeats (splitmix64, S. Vigna, public domain algorithm).
 */
#include "sim.h"

u32 sim_u32(struct sim_random *random)
{
	u64 z = random->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (z ^ (z >> 31)) >> 32;
}
