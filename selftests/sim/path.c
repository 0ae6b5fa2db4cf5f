// SPDX-License-Identifier: GPL-2.0
/*
 * Time and packets: an event queue, and links that lose, repeat and delay what they carry.
 */
#include "sim.h"

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
	return a->time != b->time ? a->time < b->time : a->number < b->number;
}

static void push(struct sim *sim, struct sim_event event)
{
	struct sim_event swap;
	u32 at, up;

	if (sim->heap_count == sim->heap_size) {
		sim->heap_size = sim->heap_size ? 2 * sim->heap_size : 256;
		sim->heap = realloc(sim->heap, sim->heap_size * sizeof(*sim->heap));
	}
	event.number = sim->number++;
	at = sim->heap_count++;
	sim->heap[at] = event;
	while (at && earlier(&sim->heap[at], &sim->heap[up = (at - 1) / 2])) {
		swap = sim->heap[at];
		sim->heap[at] = sim->heap[up];
		sim->heap[up] = swap;
		at = up;
	}
}

static struct sim_event pop(struct sim *sim)
{
	struct sim_event first = sim->heap[0], last = sim->heap[--sim->heap_count];
	u32 at = 0, down;

	while ((down = 2 * at + 1) < sim->heap_count) {
		if (down + 1 < sim->heap_count &&
		    earlier(&sim->heap[down + 1], &sim->heap[down]))
			down++;
		if (!earlier(&sim->heap[down], &last))
			break;
		sim->heap[at] = sim->heap[down];
		at = down;
	}
	sim->heap[at] = last;
	return first;
}

struct sim_packet *sim_packet_new(const struct lcs_tcp *tcp)
{
	struct sim_packet *packet = malloc(sizeof(*packet) + tcp->len);

	packet->tcp = *tcp;
	packet->fake = false;
	return packet;
}

static struct sim_packet *copy_of(const struct sim_packet *packet)
{
	struct sim_packet *copy = sim_packet_new(&packet->tcp);

	memcpy(copy->data, packet->data, packet->tcp.len);
	copy->fake = packet->fake;
	return copy;
}

static void carry(struct sim *sim, u8 peer, struct sim_packet *packet, bool from_box, bool trouble)
{
	struct sim_event event = {
		.time = sim->now + sim->path.delay,
		.packet = packet,
		.kind = from_box ? SIM_AT_PEER : SIM_AT_BOX,
		.peer = peer,
	};

	if (trouble && sim_chance(&sim->random, sim->path.late))
		event.time += sim_pick(&sim->random, 1, 8 * sim->path.delay);
	push(sim, event);
}

/* Put a packet on the link between @peer and the box. */
void sim_send(struct sim *sim, u8 peer, struct sim_packet *packet, bool from_box)
{
	bool trouble = sim->now < sim->path.until;

	if (trouble && sim_chance(&sim->random, sim->path.loss)) {
		sim_trace(sim, "    lost");
		free(packet);
		return;
	}
	if (trouble && sim_chance(&sim->random, sim->path.twice))
		carry(sim, peer, copy_of(packet), from_box, true);
	carry(sim, peer, packet, from_box, trouble);
}

void sim_timer_stop(struct sim *sim, u8 peer, enum sim_timer timer)
{
	sim->peer[peer].stamp[timer]++;
	sim->peer[peer].timer_set[timer] = false;
}

void sim_timer_set(struct sim *sim, u8 peer, enum sim_timer timer, u64 delay)
{
	struct sim_event event = {
		.time = sim->now + delay,
		.kind = SIM_TIMER,
		.peer = peer,
		.timer = timer,
	};

	sim_timer_stop(sim, peer, timer);
	event.stamp = sim->peer[peer].stamp[timer];
	sim->peer[peer].timer_set[timer] = true;
	push(sim, event);
}

bool sim_timer_runs(const struct sim *sim, u8 peer, enum sim_timer timer)
{
	return sim->peer[peer].timer_set[timer];
}

/* Let the next thing happen. Return: false where nothing will. */
bool sim_step(struct sim *sim)
{
	struct sim_event event;
	struct sim_peer *peer;

	if (!sim->heap_count)
		return false;
	event = pop(sim);
	peer = &sim->peer[event.peer];
	if (event.kind == SIM_TIMER && event.stamp != peer->stamp[event.timer])
		return true;
	sim->now = event.time;
	sim->events_done++;
	switch (event.kind) {
	case SIM_AT_BOX:
		sim_box_packet(sim, event.peer, event.packet);
		break;
	case SIM_AT_PEER:
		sim_trace(sim, "%u gets  %s", event.peer,
			  sim_show(&event.packet->tcp, peer->peer_isn + 1, peer->isn + 1));
		sim_peer_receive(peer, event.packet);
		break;
	default:
		peer->timer_set[event.timer] = false;
		sim_peer_timer(peer, event.timer);
		break;
	}
	free(event.packet);
	return true;
}

void sim_path_clear(struct sim *sim)
{
	while (sim->heap_count)
		free(sim->heap[--sim->heap_count].packet);
}
