#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Loading the README's ruleset is all it takes: nft asks for helper "lcs", the
# alias brings nf_conntrack_lcs, its softdep nf_nat_lcs, its symbols
# nf_lcs_proto. And out again.

# The functions below are called by lcs_check.
# shellcheck disable=SC2317
. "$(dirname "$0")/lib.sh"
lcs_setup ipv6

gone() {
	local module
	for module in $LCS_MODULES; do
		if lcs_loaded "$module"; then
			echo "$module is loaded"
			return 1
		fi
	done
}

there() {
	local module
	for module in $LCS_MODULES; do
		if ! lcs_loaded "$module"; then
			echo "$module is not loaded"
			return 1
		fi
	done
}

lcs_check "none of our modules is loaded before" eval 'lcs_unload && gone'
lcs_check "the ruleset of the README loads" lcs_rules
lcs_check "nft brought all three modules in" there
lcs_check "a client signs in and is called back" lcs_sign_in
lcs_check "over IPv6 too" lcs_sign_in --ipv6
lcs_check_not "the ruleset holds the helper: rmmod is refused" \
	rmmod nf_nat_lcs nf_conntrack_lcs
lcs_flush_rules
lcs_check "without rules the modules go" lcs_unload
lcs_check "the ruleset brings them in again" lcs_rules
lcs_check "and it works" lcs_sign_in --port 7101

# Types that no module serves. The same words with one that is served show that
# it is not the words which nft refuses.
ct_helper() {
	lcs_in fw nft add ct helper inet lcs other "{ type \"$1\" protocol $2; }"
}
lcs_check_not "a helper that does not exist is refused" ct_helper lcs-none tcp
lcs_check_not "lcs is for TCP, not for UDP" ct_helper lcs udp
lcs_check "for TCP another object may name it" ct_helper lcs tcp
lcs_done
