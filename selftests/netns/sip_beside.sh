#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's own SIP helper claims tcp/5060 when it is loaded. Ours must load
# beside it in either order, and each must serve the connections that the
# ruleset gives to it: what either lets in, no other rule does.

# The functions below are called by lcs_check.
# shellcheck disable=SC2317
. "$(dirname "$0")/lib.sh"
lcs_setup ""

sip_out() {
	local module
	for module in nf_nat_sip nf_conntrack_sip; do
		if lcs_loaded "$module"; then
			rmmod "$module" || return 1
		fi
	done
}

# UDP SIP goes to nf_conntrack_sip in the same ruleset: what the README advises.
sip_rules() {
	lcs_in fw nft -f - <<-'EOF'
	table inet sip {
		ct helper sip {
			type "sip" protocol udp;
		}
		chain helper {
			type filter hook prerouting priority mangle; policy accept;
			udp dport 5060 ct helper set "sip"
		}
	}
	add rule inet lcs forward udp dport 5060 ct state new accept
	add rule inet lcs forward meta l4proto udp ct state related ct helper "sip" accept
	EOF
}

# sip_register PORT: a client over UDP, and its server, who calls it back.
sip_register() {
	python3 "$LCS_DIR/sipudp.py" "$1"
}

both() {
	lcs_loaded nf_conntrack_sip && lcs_loaded nf_conntrack_lcs
}

if ! modinfo nf_conntrack_sip >/dev/null 2>&1; then
	lcs_skip "beside nf_conntrack_sip" "this kernel has no module of it"
	lcs_done
fi

if ! lcs_unload || ! sip_out; then
	lcs_fail "clean start: a module is in use"
	lcs_done
fi

lcs_check "nf_conntrack_sip first" modprobe nf_conntrack_sip
lcs_check "then nf_conntrack_lcs" modprobe nf_conntrack_lcs
lcs_check "both are there" both
lcs_check "the README's ruleset" lcs_rules
lcs_check "the SIP helper's ruleset beside it" sip_rules
lcs_check "over UDP nf_conntrack_sip lets the server in" sip_register 7300
lcs_check "over TCP ours does" lcs_sign_in
lcs_flush_rules
lcs_check "ours leaves" lcs_unload
lcs_check "the SIP helper leaves" sip_out

lcs_check "nf_conntrack_lcs first" modprobe nf_conntrack_lcs
lcs_check "then nf_conntrack_sip" modprobe nf_conntrack_sip
lcs_check "both are there" both
lcs_check "the README's ruleset" lcs_rules
lcs_check "the SIP helper's ruleset beside it" sip_rules
lcs_check "over UDP nf_conntrack_sip lets the server in" sip_register 7302
lcs_check "over TCP ours does" lcs_sign_in --port 7101
lcs_flush_rules
lcs_check "the SIP helper leaves" sip_out
lcs_check "ours leaves" lcs_unload
lcs_done
