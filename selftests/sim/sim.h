/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The simulator: two TCP peers, a path that loses, repeats and reorders, and between them the
 * sequence-space engine of lcs/proto/ with the real stream reader. One seed makes one connection;
 * everything that can vary comes from the seed. Names of files: text (what is said), peer_send and
 * peer_receive (TCP), path (time and packets), box (the engine and its surroundings), window (the
 * core's tcp_in_window), judge (the oracles), scenario (from seed to parameters).
 */
#ifndef _LCS_SIM_H
#define _LCS_SIM_H

#include <stdio.h>
#include <stdlib.h>

#include <lcs/hold.h>
#include <lcs/relay.h>

#define SIM_MARKS	4096
#define SIM_WRITES	2048
#define SIM_BLOCKS	64

/* Microseconds */
#define SIM_MS		1000ull

struct sim;

/* random.c */
struct sim_random {
	u64 state;
};

u32 sim_u32(struct sim_random *random);

/* A number from @low to @high, both included. */
static inline u32 sim_pick(struct sim_random *random, u32 low, u32 high)
{
	return low + (u64)sim_u32(random) * (high - low + 1) / 0x100000000ull;
}

/* True @percent times of a hundred. */
static inline bool sim_chance(struct sim_random *random, u32 percent)
{
	return sim_pick(random, 0, 99) < percent;
}

/* text.c */

/**
 * struct sim_mark - a place that is to be replaced
 * @in: where it stands in the sender's text
 * @in_len: its length there
 * @out: where it stands in the text that the receiver shall get
 * @out_len: its length there
 * @group: those of one group are replaced together or not at all; 0: on its own
 */
struct sim_mark {
	u32 in;
	u32 in_len;
	u32 out;
	u32 out_len;
	u32 group;
};

/**
 * struct sim_unit - a stretch that nothing of may go on before all of it was read
 * @from: its begin in the sender's text
 * @to: its end
 */
struct sim_unit {
	u32 from;
	u32 to;
};

/**
 * struct sim_text - what one peer says, and what the other shall hear
 * @in: the sender's text
 * @out: the receiver's
 * @ends: where each message ends, in the sender's text
 */
struct sim_text {
	u8 *in;
	u8 *out;
	u32 in_len;
	u32 out_len;
	u32 size;
	u32 group;
	u32 mark_count;
	u32 unit_count;
	u32 end_count;
	struct sim_mark mark[SIM_MARKS];
	struct sim_unit unit[SIM_MARKS];
	u32 ends[SIM_WRITES];
};

/**
 * struct sim_names - the addresses of a connection, and the rule for ports
 * @inside: the client's own address
 * @outside: the one it is translated to
 * @move: by how much an outside port differs from the inside one
 */
struct sim_names {
	const char *inside;
	const char *outside;
	u16 move;
};

void sim_text_sip(struct sim_text *text, struct sim_random *random, const struct sim_names *names,
		  bool outbound, u32 messages, u32 size);
void sim_text_synthetic(struct sim_text *text, struct sim_random *random, u32 size, u32 unit_max,
			u32 gap);
void sim_text_reset(struct sim_text *text);

/* path.c */

/**
 * struct sim_packet - a TCP segment on the path
 * @tcp: its header
 * @fake: the payload is a keep-alive's, of no meaning
 * @data: payload, tcp.len bytes
 */
struct sim_packet {
	struct lcs_tcp tcp;
	bool fake;
	u8 data[];
};

enum sim_event_kind {
	SIM_AT_BOX,
	SIM_AT_PEER,
	SIM_TIMER,
};

enum sim_timer {
	SIM_RETRANSMIT,
	SIM_PERSIST,
	SIM_DELAYED_ACK,
	SIM_WRITE,
	SIM_READ,
	SIM_KEEPALIVE,
	SIM_TIMERS,
};

struct sim_event {
	u64 time;
	u64 number;
	struct sim_packet *packet;
	u32 stamp;
	u8 kind;
	u8 peer;
	u8 timer;
};

/**
 * struct sim_path - what happens to packets
 * @delay: of each of the four links, microseconds
 * @loss: percent, as are the next two
 * @until: trouble ends at this time
 */
struct sim_path {
	u32 delay;
	u32 loss;
	u32 twice;
	u32 late;
	u64 until;
};

struct sim_packet *sim_packet_new(const struct lcs_tcp *tcp);
void sim_send(struct sim *sim, u8 peer, struct sim_packet *packet, bool from_box);
void sim_timer_set(struct sim *sim, u8 peer, enum sim_timer timer, u64 delay);
void sim_timer_stop(struct sim *sim, u8 peer, enum sim_timer timer);
bool sim_timer_runs(const struct sim *sim, u8 peer, enum sim_timer timer);
bool sim_step(struct sim *sim);
void sim_path_clear(struct sim *sim);

/* peer_send.c, peer_receive.c */

struct sim_block {
	u32 from;
	u32 to;
};

/**
 * struct sim_habits - how a peer behaves
 * @mss: largest segment it takes
 * @segment: largest segment it sends, may be more than the other's mss (offload)
 * @buffer: its receive buffer
 * @scale: its window scale
 * @delayed_ack: microseconds, 0 for none
 * @read_some: bytes its application reads at a time, 0 for all at once
 * @read_every: and how often
 * @cwnd: its initial congestion window, in segments
 * @cwnd_max: never more
 * @nagle: it uses Nagle's algorithm
 * @sack: it reports SACK blocks
 * @dsack: and duplicates
 * @drops: drops a segment that exceeds its window, instead of trimming it
 * @shreds: repeats in pieces of any length
 * @ragged: sends pieces of any length
 * @byte_probes: its window probes carry a byte
 * @fake_byte: its keep-alives carry a byte
 * @keepalive: microseconds, 0 for none
 * @urgent: marks some bytes as urgent
 * @closes: sends a FIN at the end
 * @resets: sends an RST at the end
 */
struct sim_habits {
	u32 mss;
	u32 segment;
	u32 buffer;
	u32 delayed_ack;
	u32 read_some;
	u32 read_every;
	u32 keepalive;
	u32 cwnd;
	u32 cwnd_max;
	u8 scale;
	bool nagle;
	bool sack;
	bool dsack;
	bool drops;
	bool shreds;
	bool ragged;
	bool byte_probes;
	bool fake_byte;
	bool urgent;
	bool closes;
	bool resets;
};

/**
 * struct sim_peer - a TCP end
 *
 * Positions count from 0 at the first byte of a stream: its own in what it sends, the translated
 * one in what it receives.
 */
struct sim_peer {
	struct sim_habits habit;
	struct sim *sim;
	u8 id;
	const struct sim_text *text;
	/* sending */
	u32 isn;
	u32 written;
	u32 writes;
	u32 next_write;
	u32 write_end[SIM_WRITES];
	u32 write_gap[SIM_WRITES];
	u32 una;
	u32 nxt;
	u32 max_nxt;
	u32 edge;
	u32 wl1;
	u32 wl2;
	u32 max_window;
	u32 cwnd;
	u32 ssthresh;
	u32 peer_mss;
	u32 dupacks;
	u32 recover;
	u32 backoff;
	u32 timeouts;
	u32 persists;
	u32 keepalives;
	u32 repeats;
	bool recovery;
	bool closed;
	u32 sacked_count;
	struct sim_block sacked[SIM_BLOCKS];
	/* receiving */
	u32 peer_isn;
	u32 rcv_nxt;
	u32 rcv_edge;
	u32 offered;
	u32 unread;
	u32 quiet;
	bool fin_seen;
	bool fin_known;
	u32 fin_at;
	u32 early_count;
	struct sim_block early[SIM_BLOCKS];
	struct sim_block recent[3];
	u32 recent_count;
	struct sim_block twice;
	bool has_twice;
	u32 stamp[SIM_TIMERS];
	bool timer_set[SIM_TIMERS];
};

void sim_peer_init(struct sim_peer *peer, struct sim *sim, u8 id);
void sim_peer_output(struct sim_peer *peer);
void sim_peer_timer(struct sim_peer *peer, enum sim_timer timer);
void sim_peer_acked(struct sim_peer *peer, const struct lcs_tcp *tcp);
void sim_peer_emit(struct sim_peer *peer, u32 from, u32 len, u8 flags);
void sim_peer_ack(struct sim_peer *peer);
void sim_peer_receive(struct sim_peer *peer, const struct sim_packet *packet);
void sim_peer_read(struct sim_peer *peer);
void sim_peer_fill(struct sim_peer *peer, struct lcs_tcp *tcp);
bool sim_peer_done(const struct sim_peer *peer);

/* window.c */

struct sim_seen {
	u32 td_end;
	u32 td_maxend;
	u32 td_maxwin;
	u8 td_scale;
	bool unacknowledged;
};

enum sim_window {
	SIM_IN_WINDOW,
	SIM_OVERSHOT,
	SIM_SEQ_OVER,
	SIM_ACK_OVER,
	SIM_SEQ_UNDER,
	SIM_ACK_UNDER,
	SIM_WINDOWS,
};

enum sim_window sim_in_window(struct sim_seen seen[2], const struct lcs_adjust adjust[2], u8 dir,
			      const struct lcs_tcp *tcp);

/* box.c */

/**
 * struct sim_box - the firewall
 * @edit: the engine
 * @stream: the readers
 * @read: synthetic texts: how much was read, and how many marks were reported
 * @forwarded: end of what went out
 * @adjust: what the core's window tracking was told
 * @seen: what it has seen
 * @memory: bytes allocated
 * @fail: percent of allocations that fail
 * @max_len: largest payload of a packet
 * @busy: how often the log was too full to read on
 * @body_failed: the body being read stays as it is
 * @verdict: of window tracking, how often
 */
struct sim_box {
	struct lcs_edit edit[2];
	struct lcs_stream stream[2];
	u32 read[2];
	u32 reported[2];
	u32 forwarded[2];
	struct lcs_adjust adjust[2];
	struct sim_seen seen[2];
	u64 memory;
	u64 memory_most;
	u32 fail;
	u32 max_len;
	u32 failures;
	u32 unheld;
	u32 busy;
	u32 refused;
	bool body_failed[2];
	u32 probes;
	u32 rewritten;
	u32 verdict[SIM_WINDOWS];
	const struct sim_packet *packet;
	u8 dir;
};

void sim_box_init(struct sim *sim);
void sim_box_packet(struct sim *sim, u8 from, struct sim_packet *packet);
void sim_box_release(struct sim *sim);

/* policy.c */
extern const struct lcs_sink sim_sink;
extern const struct lcs_edit_ops sim_ops;
u32 sim_read(struct sim *sim, u8 dir, const u8 *data, u32 len);

/* judge.c */

/**
 * struct sim_record - what went to a receiver
 * @bytes: its stream, as first forwarded
 * @known: which bytes of it were
 */
struct sim_record {
	u8 *bytes;
	u8 *known;
	u32 size;
};

void sim_fail(struct sim *sim, const char *format, ...);
void sim_judge_forwarded(struct sim *sim, u8 to, const struct sim_packet *packet);
void sim_judge_told(struct sim *sim, u8 to, const struct lcs_tcp *tcp);
void sim_judge_bare(struct sim *sim, u8 from, const struct lcs_tcp *in,
		    const struct lcs_tcp *out);
void sim_judge_urgent(struct sim *sim, u8 from, const struct lcs_tcp *in,
		      const struct lcs_tcp *out);
void sim_judge_engine(struct sim *sim);
void sim_judge_end(struct sim *sim);

/**
 * struct sim - a run
 * @ordinary: windows and memory are plentiful
 * @bulk: much is said at once
 * @clean: the path is clean and windows are ordinary: no timer may ever be waited for
 * @strict: nothing forbids a replacement: all of them must be made
 * @synthetic: no SIP
 * @dense: so many marks that the log may be too short
 */
struct sim {
	u64 seed;
	struct sim_random random;
	u64 now;
	u64 events_done;
	u64 number;
	bool ordinary;
	bool bulk;
	bool clean;
	bool strict;
	bool synthetic;
	bool dense;
	bool trace;
	bool failed;
	bool reset;
	char why[512];
	struct sim_names names;
	struct sim_path path;
	struct sim_text text[2];
	struct sim_peer peer[2];
	struct sim_box box;
	struct sim_record record[2];
	struct sim_event *heap;
	u32 heap_count;
	u32 heap_size;
};

#define sim_trace(sim, ...)			\
	do {					\
		if ((sim)->trace)		\
			sim_say(sim, __VA_ARGS__); \
	} while (0)

void sim_say(const struct sim *sim, const char *format, ...);
const char *sim_show(const struct lcs_tcp *tcp, u32 seq_base, u32 ack_base);

/* scenario.c */
void sim_run(struct sim *sim, u64 seed, bool trace);

#endif /* _LCS_SIM_H */
