# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every selftest in this folder stands on: the network, the ruleset of the
# README, and TAP. A shell test sources this file and calls lcs_setup; a Python
# test gets the same network by lcspeer.Rig, which runs lcs_up and lcs_down here.
#
#          inside                    the firewall                   outside
#    10.0.0.0/24                                            192.0.2.0/24
#    2001:db8::/64                                          2001:db8:1::/64
#
#   +--------+  .5                +----------------+               .10 +----------+
#   | client |------------+  .1   |                | .1     +----------|  server  |
#   +--------+            +--lan0-|       fw       |-wan0---+          +----------+
#   +--------+  .6        |       |                |        |      .66 +----------+
#   | second |------------+       +----------------+        +----------| stranger |
#   +--------+                                                         +----------+
#
# Five network namespaces. lan0 and wan0 are bridges inside fw, so that fw sees
# one interface for each side, as a real firewall does. Hosts have IPv6 too when
# lcs_setup is given "ipv6". All of it goes away at exit, whatever happened.

LCS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LCS_TOP=$(cd "$LCS_DIR/../.." && pwd)
LCS_NS=${LCS_NS:-lcs$$}
export LCS_NS
LCS_HOSTS="client second server stranger"

# No sender here ever waits for an acknowledgement before its next segment, so
# that a stream is cut exactly where a test cuts it.
LCS_ROUTE="quickack 1 initcwnd 100"

lcs_count=0
lcs_failed=0

# ---- TAP ----------------------------------------------------------------

lcs_ok() {
	lcs_count=$((lcs_count + 1))
	echo "ok $lcs_count - $*"
}

lcs_fail() {
	lcs_count=$((lcs_count + 1))
	lcs_failed=$((lcs_failed + 1))
	echo "not ok $lcs_count - $*"
}

lcs_skip() {
	lcs_count=$((lcs_count + 1))
	echo "ok $lcs_count - $1 # SKIP $2"
}

# lcs_check TEXT COMMAND...: one test point, passed when the command succeeds.
lcs_check() {
	local text=$1 out
	shift
	if out=$("$@" 2>&1); then
		lcs_ok "$text"
	else
		lcs_fail "$text"
		printf '%s\n' "$out" | sed 's/^/# /'
	fi
}

# lcs_check_not TEXT COMMAND...: passed when the command fails.
lcs_check_not() {
	local text=$1 out
	shift
	if out=$("$@" 2>&1); then
		lcs_fail "$text"
		printf '%s\n' "$out" | sed 's/^/# /'
	else
		lcs_ok "$text"
	fi
}

# Says the plan and ends the test. Call it last.
lcs_done() {
	echo "1..$lcs_count"
	[ "$lcs_failed" -eq 0 ]
	exit
}

# ---- the network --------------------------------------------------------

# lcs_in HOST COMMAND...: run a command on one of the hosts.
lcs_in() {
	local host=$1
	shift
	ip netns exec "$LCS_NS-$host" "$@"
}

lcs_sysctl() {
	local host=$1
	shift
	# The loop is the inner shell's.
	# shellcheck disable=SC2016
	lcs_in "$host" sh -c 'for pair; do
		echo "${pair#*=}" >"/proc/sys/net/${pair%%=*}" || exit 1
	done' sh "$@"
}

lcs_host_config() {
	local side=$1 id=$2 ipv6=$3 net4 net6
	if [ "$side" = lan0 ]; then
		net4=10.0.0 net6=2001:db8:
	else
		net4=192.0.2 net6=2001:db8:1:
	fi
	echo "link set lo up"
	echo "link set eth0 up"
	echo "addr add $net4.$id/24 dev eth0"
	echo "route add default via $net4.1 $LCS_ROUTE"
	if [ -n "$ipv6" ]; then
		echo "addr add $net6:$id/64 dev eth0 nodad"
		echo "route add default via $net6:1 $LCS_ROUTE"
	fi
}

lcs_fw_config() {
	local ipv6=$1 bridge host
	echo "link set lo up"
	for bridge in lan0 wan0; do
		echo "link add $bridge type bridge mcast_snooping 0"
	done
	for host in $LCS_HOSTS; do
		echo "link set $host master $(lcs_side "$host") up"
	done
	echo "link set lan0 up"
	echo "link set wan0 up"
	echo "addr add 10.0.0.1/24 dev lan0"
	echo "addr add 192.0.2.1/24 dev wan0"
	if [ -n "$ipv6" ]; then
		echo "addr add 2001:db8::1/64 dev lan0 nodad"
		echo "addr add 2001:db8:1::1/64 dev wan0 nodad"
	fi
}

lcs_side() {
	case $1 in
	client | second) echo lan0 ;;
	*) echo wan0 ;;
	esac
}

lcs_id() {
	case $1 in
	client) echo 5 ;;
	second) echo 6 ;;
	server) echo 10 ;;
	stranger) echo 66 ;;
	esac
}

# lcs_up [ipv6]: make the network drawn above.
lcs_up() {
	local ipv6=${1:-} host
	if [ "$(id -u)" -ne 0 ]; then
		echo "selftests/netns: must be run as root" >&2
		return 1
	fi
	{
		for host in fw $LCS_HOSTS; do
			echo "netns add $LCS_NS-$host"
		done
		for host in $LCS_HOSTS; do
			echo "link add $host netns $LCS_NS-fw type veth peer name eth0 netns $LCS_NS-$host"
		done
	} | ip -batch - || return 1
	# fw first: a port that was up before its peer is told of the carrier at
	# once, the other way round the kernel may take a second.
	lcs_fw_config "$ipv6" | ip -n "$LCS_NS-fw" -batch - || return 1
	for host in $LCS_HOSTS; do
		lcs_host_config "$(lcs_side "$host")" "$(lcs_id "$host")" "$ipv6" |
			ip -n "$LCS_NS-$host" -batch - || return 1
	done
	lcs_sysctl fw ipv4/ip_forward=1 ipv6/conf/all/forwarding=1
	# A write() is a segment at once: the tests decide where a stream is cut.
	for host in client server; do
		lcs_sysctl "$host" ipv4/tcp_autocorking=0
	done
}

# lcs_down: take it away again; harmless when half of it was made.
lcs_down() {
	local host
	for host in fw $LCS_HOSTS; do
		if [ -e "/run/netns/$LCS_NS-$host" ]; then
			ip netns del "$LCS_NS-$host"
		fi
	done
}

# lcs_setup [ipv6]: the one line of a shell test.
lcs_setup() {
	trap lcs_down EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	lcs_up "$@" || {
		echo "Bail out! cannot make the network namespaces"
		exit 1
	}
}

# ---- the ruleset --------------------------------------------------------

# The ruleset as the README shows it to the administrator, word for word.
lcs_ruleset() {
	local text
	text=$(sed -n '/^<!-- ruleset -->$/,/^<!-- end of ruleset -->$/p' \
		"$LCS_TOP/README.md" | grep -v -e '^<!--' -e '^```')
	if [ -z "$text" ]; then
		echo "selftests/netns: README.md has no ruleset between its marks" >&2
		return 1
	fi
	printf '%s\n' "$text"
}

# Beside it a table that decides nothing: it writes the ct state of every SYN
# that was let through into its DSCP field, where the receiver can read it.
lcs_watch() {
	cat <<-'EOF'
	table inet lcs_watch {
		chain forward {
			type filter hook forward priority filter + 10; policy accept;
			tcp flags & (syn | ack) == syn goto stamp
		}
		chain stamp {
			ct state new meta nfproto ipv4 ip dscp set af11
			ct state new meta nfproto ipv6 ip6 dscp set af11
			ct state related meta nfproto ipv4 ip dscp set af21
			ct state related meta nfproto ipv6 ip6 dscp set af21
		}
	}
	EOF
}

# lcs_rules: load both on fw. nft pulls the helper's module in by itself.
lcs_rules() {
	local text
	text=$(lcs_ruleset) || return 1
	{
		printf '%s\n' "$text"
		lcs_watch
	} | lcs_in fw nft -f -
}

lcs_flush_rules() {
	lcs_in fw nft flush ruleset
}

# lcs_sign_in: a client signs in and is called back, exit status says if it
# worked (lcspeer.py says more on standard output).
lcs_sign_in() {
	python3 "$LCS_DIR/lcspeer.py" sign-in "$@"
}

# ---- modules ------------------------------------------------------------

LCS_MODULES="nf_nat_lcs nf_conntrack_lcs nf_lcs_proto"

lcs_loaded() {
	[ -d "/sys/module/$1" ]
}

# lcs_unload: take our modules out, in the order of their dependence.
lcs_unload() {
	local module
	for module in $LCS_MODULES; do
		if lcs_loaded "$module"; then
			rmmod "$module" || return 1
		fi
	done
}
