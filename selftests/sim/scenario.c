// SPDX-License-Identifier: GPL-2.0
/*
 * From a seed to a connection: who says what, how each peer behaves, what the path does.
 */
#include "sim.h"

/* More things happen in no connection that gets on. */
#define EVENTS_MAX	400000

static const char *const sim_insides[] = { "10.0.0.5", "192.168.100.200", "10.1.2.3", "10.0.0.5" };
static const char *const sim_outsides[] = { "203.0.113.9", "1.2.3.4", "198.51.100.254",
					    "203.0.113.119" };

static void choose_names(struct sim *sim)
{
	struct sim_random *r = &sim->random;
	u32 i = sim_pick(r, 0, 3);

	sim->names.inside = sim_insides[i];
	sim->names.outside = sim_outsides[sim_pick(r, 0, 3)];
	if (sim_chance(r, 15)) {
		sim->names.inside = "2001:db8::5";
		sim->names.outside = sim_chance(r, 50) ? "2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa" :
							 "2001:db8::6";
	}
	sim->names.move = sim_chance(r, 30) ? 0 : sim_pick(r, 1, 20000);
}

static void choose_path(struct sim *sim)
{
	struct sim_random *r = &sim->random;
	struct sim_path *path = &sim->path;

	memset(path, 0, sizeof(*path));
	path->delay = sim_chance(r, 50) ? 100 : sim_pick(r, 100, 20000);
	if (sim_chance(r, 40))
		return;
	path->loss = sim_chance(r, 70) ? sim_pick(r, 0, 30) : 0;
	path->twice = sim_chance(r, 50) ? sim_pick(r, 0, 20) : 0;
	path->late = sim_chance(r, 50) ? sim_pick(r, 0, 40) : 0;
	path->until = sim_pick(r, 1, 20000) * SIM_MS;
}

static u32 choose_mss(struct sim_random *r)
{
	static const u32 some[] = { 88, 536, 1220, 1460, 1460, 1460, 8960 };

	return some[sim_pick(r, 0, ARRAY_SIZE(some) - 1)];
}

static void choose_windows(struct sim_random *r, struct sim_habits *h, bool ordinary)
{
	u32 kind = ordinary ? sim_pick(r, 4, 6) : sim_pick(r, 0, 9);

	h->buffer = 65535;
	if (kind == 0)
		h->buffer = sim_pick(r, 1, 300);
	else if (kind == 1)
		h->buffer = sim_pick(r, 300, 6000);
	else if (kind == 2)
		h->buffer = h->mss;
	else if (kind == 3)
		h->buffer = sim_pick(r, 6000, 40000);
	else if (kind == 4)
		h->buffer = sim_pick(r, 65536, 1000000);
	if (h->buffer > 65535)
		h->scale = sim_pick(r, 5, 9);
	else if (sim_chance(r, 20))
		h->scale = sim_pick(r, 0, 3);
	/* A window that its field cannot express is none. */
	h->buffer = max(h->buffer, 1u << h->scale);
	if (kind > 6 && sim_chance(r, 50)) {
		h->read_some = sim_pick(r, 1, 20000);
		h->read_every = sim_pick(r, 1, 50) * SIM_MS;
	}
}

static void choose_habits(struct sim *sim, struct sim_habits *h)
{
	struct sim_random *r = &sim->random;

	h->mss = choose_mss(r);
	choose_windows(r, h, sim->ordinary);
	h->segment = 65000;
	h->delayed_ack = sim_chance(r, 70) ? 40 * SIM_MS : 0;
	h->cwnd = sim_chance(r, 30) ? 1 : sim_pick(r, 2, 10);
	h->cwnd_max = sim_chance(r, 20) ? h->cwnd : 64;
	h->nagle = sim_chance(r, 50);
	h->sack = sim_chance(r, 60);
	h->dsack = sim_chance(r, 70);
	h->drops = sim_chance(r, 50);
	h->shreds = sim_chance(r, 50);
	h->ragged = sim_chance(r, 20);
	h->byte_probes = sim_chance(r, 50);
	h->fake_byte = sim_chance(r, 50);
	h->keepalive = sim_chance(r, 10) ? sim_pick(r, 50, 2000) * SIM_MS : 0;
	h->urgent = sim_chance(r, 10);
	h->closes = sim_chance(r, 60);
	h->resets = !h->closes && sim_chance(r, 20);
	if (sim->bulk) {
		h->cwnd = sim_pick(r, 10, 100);
		h->cwnd_max = 100;
	}
}

/* A sender without offload sends what the receiver takes, or less. */
static void choose_segments(struct sim *sim, u8 id)
{
	struct sim_random *r = &sim->random;
	struct sim_peer *peer = &sim->peer[id];

	peer->peer_mss = sim->peer[!id].habit.mss;
	if (sim_chance(r, 70))
		peer->habit.segment = peer->peer_mss;
	if (sim_chance(r, 20))
		peer->habit.segment = sim_pick(r, 1, peer->peer_mss);
	peer->cwnd = peer->habit.cwnd * peer->peer_mss;
	peer->peer_isn = sim->peer[!id].isn;
	peer->wl1 = peer->peer_isn;
	peer->edge = sim->peer[!id].rcv_edge;
	peer->max_window = peer->edge;
}

/* More marks within a unit, and what is read along with it, than the log has room for. */
static bool crowded(const struct sim_text *text)
{
	u32 most = LCS_EDITS_MAX - LCS_EDITS_BUSY, i;

	for (i = most; i < text->mark_count; i++)
		if (text->mark[i].in - text->mark[i - most].in < 2048 + 2 * 500)
			return true;
	return false;
}

static void choose_text(struct sim *sim, u8 id)
{
	struct sim_random *r = &sim->random;
	u32 messages = sim_chance(r, 60) ? sim_pick(r, 1, 4) : sim_pick(r, 1, 20);
	u32 segment = min(sim->peer[id].habit.segment, sim->peer[!id].habit.buffer);
	u32 size = segment < 40 ? 1500 : segment < 300 ? 6000 : 40000;

	if (sim->bulk && segment > 1000) {
		messages = sim_pick(r, 10, 100);
		size = sim_chance(r, 50) ? 150000 : 60000;
	}
	if (sim->synthetic) {
		sim_text_synthetic(&sim->text[id], r, sim_pick(r, 1, size / 2),
				   sim->dense ? 3000 : 500, sim->dense ? 80 : 300);
		sim->dense |= crowded(&sim->text[id]);
	} else {
		sim_text_sip(&sim->text[id], r, &sim->names, !id, messages, size);
	}
	sim->peer[id].text = &sim->text[id];
}

static void add_write(struct sim_peer *peer, u32 end, u64 gap)
{
	if (peer->writes == SIM_WRITES - 1)
		return;
	peer->write_end[peer->writes] = end;
	peer->write_gap[peer->writes++] = gap;
}

/* Whole messages, messages in two sends, three and a half messages at once, or anything. */
static void choose_writes(struct sim *sim, u8 id)
{
	struct sim_random *r = &sim->random;
	struct sim_peer *peer = &sim->peer[id];
	const struct sim_text *text = peer->text;
	u32 habit = sim_pick(r, 0, 3), from = 0, to, i;
	u64 gap = sim_chance(r, 50) ? 0 : sim_pick(r, 0, 300) * SIM_MS;

	for (i = 0; i < text->end_count; i++) {
		to = text->ends[i];
		if (habit == 1 || (habit == 2 && i % 4 == 3))
			add_write(peer, sim_pick(r, from, to), gap);
		if (habit != 2 || i % 4 == 3)
			add_write(peer, to, habit == 1 ? 0 : gap);
		if (habit == 3 && sim_chance(r, 50))
			gap = sim_pick(r, 0, 300) * SIM_MS;
		from = to;
	}
	if (sim->synthetic)
		while ((from += sim_pick(r, 1, 4000)) < text->in_len)
			add_write(peer, from, gap);
	peer->write_end[peer->writes] = text->in_len;
	peer->write_gap[peer->writes++] = gap;
}

/* Ordinary windows: all that may have to be held fits, and a sender is never silly. */
static bool roomy(const struct sim *sim, u8 id)
{
	const struct sim_habits *h = &sim->peer[id].habit;

	return h->buffer >= 32768 && !h->read_some;
}

static void choose_oracles(struct sim *sim)
{
	bool ordinary = roomy(sim, 0) && roomy(sim, 1) && !sim->box.fail && !sim->dense;

	sim->strict = ordinary;
	sim->clean = ordinary && sim->box.max_len > 65000 && !sim->path.loss &&
		     !sim->path.twice && !sim->path.late;
}

/* A burst that fills the window to the brim, if it were not for what grows in it. */
static void fill_to_the_brim(struct sim *sim, u8 id)
{
	struct sim_peer *peer = &sim->peer[id], *other = &sim->peer[!id];
	u32 rest = peer->text->in_len - peer->text->ends[0];

	if (peer->text->end_count < 3 || rest < 33000 || rest > 65535)
		return;
	peer->writes = 0;
	add_write(peer, peer->text->ends[0], 0);
	add_write(peer, peer->text->in_len, 300 * SIM_MS);
	other->habit.buffer = rest;
	other->habit.scale = 0;
	other->rcv_edge = rest;
	other->offered = rest;
	peer->edge = rest;
	peer->max_window = rest;
}

/* Its largest segment. */
static u32 most_of(const struct sim_peer *peer)
{
	return min(peer->habit.segment, 65000u);
}

static void set_up(struct sim *sim)
{
	struct sim_random *r = &sim->random;
	u8 id;

	sim->synthetic = sim_chance(r, 25);
	sim->ordinary = sim_chance(r, 40);
	sim->bulk = !sim->synthetic && sim_chance(r, 2);
	sim->dense = sim->synthetic && !sim->ordinary && sim_chance(r, 60);
	choose_names(sim);
	choose_path(sim);
	for (id = 0; id < 2; id++) {
		struct sim_peer *peer = &sim->peer[id];

		choose_habits(sim, &peer->habit);
		sim_peer_init(peer, sim, id);
		peer->isn = sim_chance(r, 50) ? sim_u32(r) : 0u - sim_pick(r, 0, 20000);
	}
	for (id = 0; id < 2; id++) {
		choose_segments(sim, id);
		choose_text(sim, id);
		choose_writes(sim, id);
	}
	if (sim->bulk && sim->ordinary) {
		fill_to_the_brim(sim, 0);
		fill_to_the_brim(sim, 1);
	}
	sim->box.max_len = 65535 - 52;
	/* a packet that is full as it comes */
	if (sim_chance(r, 20))
		sim->box.max_len = max(most_of(&sim->peer[0]), most_of(&sim->peer[1]));
	sim->box.fail = !sim->ordinary && sim_chance(r, 20) ? sim_pick(r, 1, 60) : 0;
	choose_oracles(sim);
	sim_box_init(sim);
}

static void forget(struct sim *sim)
{
	u8 id;

	sim_path_clear(sim);
	for (id = 0; id < 2; id++)
		if (sim->record[id].size)
			memset(sim->record[id].known, 0, sim->record[id].size);
	memset(sim->peer, 0, sizeof(sim->peer));
	memset(&sim->box, 0, sizeof(sim->box));
	sim->now = 0;
	sim->number = 0;
	sim->events_done = 0;
	sim->failed = false;
	sim->reset = false;
}

static bool gets_on(const struct sim *sim)
{
	return !sim->failed && !sim->reset && sim->events_done < EVENTS_MAX;
}

static void say_what(const struct sim *sim)
{
	u8 id;

	sim_say(sim, "%s%s%s, delay %u us, loss %u, twice %u, late %u, memory fails %u",
		sim->synthetic ? "synthetic" : "SIP", sim->clean ? ", clean" : "",
		sim->strict ? ", strict" : "", sim->path.delay, sim->path.loss, sim->path.twice,
		sim->path.late, sim->box.fail);
	for (id = 0; id < 2; id++) {
		const struct sim_peer *peer = &sim->peer[id];
		const struct sim_habits *h = &peer->habit;

		sim_say(sim, "peer %u: %u bytes (%u behind the box) in %u writes", id,
			peer->text->in_len, peer->text->out_len, peer->writes);
		sim_say(sim, "    mss %u, segment %u, buffer %u << %u, cwnd %u to %u%s%s%s%s%s",
			h->mss, h->segment, h->buffer, h->scale, h->cwnd, h->cwnd_max,
			h->nagle ? ", nagle" : "", h->sack ? ", sack" : "",
			h->drops ? ", drops" : "", h->ragged ? ", ragged" : "",
			h->closes ? ", closes" : "");
	}
}

/* Run the connection that @seed makes; sim->failed and sim->why say how it went. */
void sim_run(struct sim *sim, u64 seed, bool trace)
{
	u8 id;

	forget(sim);
	sim->seed = seed;
	sim->trace = trace;
	sim->random.state = seed * 0x2545f4914f6cdd1dull + 1;
	set_up(sim);
	if (trace)
		say_what(sim);
	for (id = 0; id < 2; id++) {
		sim_timer_set(sim, id, SIM_WRITE, sim->peer[id].write_gap[0]);
		if (sim->peer[id].habit.keepalive)
			sim_timer_set(sim, id, SIM_KEEPALIVE, sim->peer[id].habit.keepalive);
	}
	while (gets_on(sim) && sim_step(sim))
		;
	if (!sim->failed && !sim->reset)
		sim_judge_end(sim);
	sim_box_release(sim);
}
