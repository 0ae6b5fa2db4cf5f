// SPDX-License-Identifier: GPL-2.0
/*
 * What the companion would do: endpoints of the real stream reader to replacements. The mapping is
 * a simple one: one inside address, one outside address, ports moved by a constant.
 */
#include <arpa/inet.h>

#include "sim.h"

static bool same_address(const char *name, const struct lcs_addr *addr)
{
	u8 ip[16] = {};

	if (strchr(name, ':'))
		return addr->family == 6 && inet_pton(AF_INET6, name, ip) == 1 &&
		       !memcmp(ip, addr->ip, 16);
	return addr->family == 4 && inet_pton(AF_INET, name, ip) == 1 &&
	       !memcmp(ip, addr->ip, 4);
}

static bool wanted(const struct lcs_endpoint *ep, bool outbound)
{
	switch (ep->kind) {
	case LCS_REQUEST_URI:
	case LCS_REMOTE_CANDIDATE:
		return !outbound;
	case LCS_APP_SHARING:
		return false;
	default:
		return true;
	}
}

static void note_refusal(struct sim *sim, enum lcs_edit_result why)
{
	sim->box.refused++;
	sim_trace(sim, "    refused: %u", why);
}

static enum lcs_edit_result replace_at(struct sim *sim, u8 dir, struct lcs_range at,
				       const char *text, u32 len)
{
	if (!at.len)
		return LCS_EDIT_DONE;
	return lcs_edit_replace(&sim->box.edit[dir], &sim_ops, sim, at, (const u8 *)text, len);
}

/* As the companion does it: an address, then its port. */
static enum lcs_edit_result replace(struct sim *sim, u8 dir, const struct lcs_endpoint *ep)
{
	const char *to = dir ? sim->names.inside : sim->names.outside;
	u32 port = dir ? ep->port - sim->names.move : ep->port + sim->names.move;
	enum lcs_edit_result result;
	char text[64];
	u32 len;

	result = replace_at(sim, dir, ep->addr_at, to, strlen(to));
	if (result != LCS_EDIT_DONE || port == ep->port)
		return result;
	len = snprintf(text, sizeof(text), "%u", port);
	return replace_at(sim, dir, ep->port_at, text, len);
}

static void on_endpoint(void *ctx, struct lcs_stream *stream, const struct lcs_endpoint *ep)
{
	struct sim *sim = ctx;
	u8 dir = stream == &sim->box.stream[1];
	enum lcs_edit_result result;

	if (!wanted(ep, !dir) ||
	    !same_address(dir ? sim->names.outside : sim->names.inside, &ep->addr))
		return;
	if (stream->state > LCS_HEADER && sim->box.body_failed[dir])
		return;
	result = replace(sim, dir, ep);
	if (result == LCS_EDIT_DONE)
		return;
	note_refusal(sim, result);
	if (stream->state > LCS_HEADER)
		sim->box.body_failed[dir] = true;
}

static bool on_headers(void *ctx, struct lcs_stream *stream)
{
	struct sim *sim = ctx;
	u8 dir = stream == &sim->box.stream[1];
	enum lcs_edit_result result;

	result = lcs_hold_body(&sim->box.edit[dir], stream);
	sim->box.body_failed[dir] = result != LCS_EDIT_DONE;
	if (result != LCS_EDIT_DONE)
		note_refusal(sim, result);
	return true;
}

static void on_message(void *ctx, struct lcs_stream *stream)
{
	struct sim *sim = ctx;
	u8 dir = stream == &sim->box.stream[1];
	struct lcs_edit *edit = &sim->box.edit[dir];
	enum lcs_edit_result result;

	if (edit->body && sim->box.body_failed[dir])
		lcs_edit_forget(edit, &sim_ops, sim, stream->msg.body_seq);
	result = lcs_hold_message(edit, &sim_ops, sim, stream);
	if (result != LCS_EDIT_DONE)
		note_refusal(sim, result);
}

static u64 hash(void *ctx, struct lcs_text text)
{
	return lcs_hash_lower(text);
}

static u8 *resize(void *ctx, u8 *old, u32 old_size, u32 size)
{
	struct sim *sim = ctx;
	u8 *made;

	if (sim->box.fail && sim_chance(&sim->random, sim->box.fail)) {
		sim->box.failures++;
		sim_trace(sim, "    no memory for %u bytes", size);
		return NULL;
	}
	made = realloc(old, size);
	sim->box.memory += size - old_size;
	sim->box.memory_most = max(sim->box.memory_most, sim->box.memory);
	return made;
}

static void release(void *ctx, u8 *old, u32 old_size)
{
	struct sim *sim = ctx;

	sim->box.memory -= old_size;
	free(old);
}

static void copy_payload(void *ctx, u32 offset, u8 *to, u32 len)
{
	struct sim *sim = ctx;

	if (offset > sim->box.packet->tcp.len || len > sim->box.packet->tcp.len - offset) {
		sim_fail(sim, "copy of bytes %u to %u of a payload of %u", offset, offset + len,
			 sim->box.packet->tcp.len);
		memset(to, 0, len);
		return;
	}
	memcpy(to, sim->box.packet->data + offset, len);
}

const struct lcs_edit_ops sim_ops = {
	.resize = resize,
	.release = release,
	.copy = copy_payload,
};

const struct lcs_sink sim_sink = {
	.endpoint = on_endpoint,
	.headers = on_headers,
	.message = on_message,
	.hash = hash,
	.resize = resize,
	.release = release,
};

/* The marks of a synthetic text in what was read, and how far it may go. */
static u32 read_synthetic(struct sim *sim, u8 dir, u32 len)
{
	const struct sim_text *text = &sim->text[dir];
	u32 base = sim->peer[dir].isn + 1, read = sim->box.read[dir] += len, i;
	enum lcs_edit_result result;

	for (i = sim->box.reported[dir]; i < text->mark_count; i++) {
		const struct sim_mark *mark = &text->mark[i];

		if (mark->in + mark->in_len > read)
			break;
		result = lcs_edit_replace(&sim->box.edit[dir], &sim_ops, sim,
					  (struct lcs_range){ base + mark->in, mark->in_len },
					  text->out + mark->out, mark->out_len);
		if (result != LCS_EDIT_DONE)
			note_refusal(sim, result);
	}
	sim->box.reported[dir] = i;
	for (i = 0; i < text->unit_count && text->unit[i].from < read; i++)
		if (read < text->unit[i].to)
			return base + text->unit[i].from;
	sim->box.edit[dir].frozen = LCS_EDIT_DONE;
	return base + read;
}

/* Read the next bytes. Return: what may still be replaced. */
u32 sim_read(struct sim *sim, u8 dir, const u8 *data, u32 len)
{
	struct lcs_stream *stream = &sim->box.stream[dir];
	u32 n;

	if (sim->synthetic)
		return read_synthetic(sim, dir, len);
	while (len) {
		/* as the pieces of a non-linear packet come */
		n = sim_chance(&sim->random, 80) ? len : sim_pick(&sim->random, 1, len);
		lcs_stream_read(stream, &sim_sink, sim, data, n);
		data += n;
		len -= n;
	}
	return lcs_hold_from(&sim->box.edit[dir], &sim_ops, sim, stream);
}
