// SPDX-License-Identifier: GPL-2.0
/*
 * Needs. Several dialogs may name the same port, and a registration the one that a dialog's Contact
 * names: T.120 has one port only, a client one listener. Each of them asks, is confirmed, fails and
 * ends by itself; the row lives as long as one of them does.
 */
#include <lcs/need.h>

static bool lives_at(const struct lcs_need *need, unsigned long now)
{
	return need->pending.call_id && time_before(now, need->until);
}

/**
 * lcs_need_lives() - is there one, whose time is not up
 * @need: of a row; caller holds its client's lock
 */
bool lcs_need_lives(const struct lcs_need *need)
{
	return lives_at(need, jiffies);
}

/**
 * lcs_need_of() - what a dialog needs a pinhole for
 * @row: the row; caller holds client->lock
 * @call_id: the dialog
 *
 * Return: %NULL where it does not, and for what names no dialog.
 */
struct lcs_need *lcs_need_of(struct lcs_pinhole *row, u64 call_id)
{
	unsigned int i;

	lockdep_assert_held(&row->client->lock);
	for (i = 1; i < LCS_NEEDS; i++)
		if (call_id && row->need[i].pending.call_id == call_id)
			return &row->need[i];
	return NULL;
}

/**
 * lcs_need_pending() - what a transaction that has not ended yet asked for
 * @row: the row; caller holds client->lock
 * @tr: the transaction, of a dialog
 *
 * Return: %NULL where it asked for nothing.
 */
struct lcs_need *lcs_need_pending(struct lcs_pinhole *row, const struct lcs_transaction *tr)
{
	struct lcs_need *need = lcs_need_of(row, tr->call_id);

	return need && lcs_same_transaction(&need->pending, tr) ? need : NULL;
}

/* The row lives as long as the longest need; those whose time is up are forgotten. */
static void follow(struct lcs_pinhole *row)
{
	unsigned long now = jiffies, until = now;
	struct lcs_need *need;
	unsigned int i;

	for (i = 0; i < LCS_NEEDS; i++) {
		need = &row->need[i];
		if (!lives_at(need, now))
			memset(need, 0, sizeof(*need));
		else if (time_after(need->until, until))
			until = need->until;
	}
	if (!row->lasting || time_after_eq(until, row->until))
		lcs_pinhole_extend(row, DIV_ROUND_UP(until - now, HZ));
}

/* With no room for another dialog the row becomes one that only its lifetime closes. */
static struct lcs_need *add_dialog(struct lcs_pinhole *row)
{
	struct lcs_need *need;
	unsigned int i;

	for (i = 1; i < LCS_NEEDS; i++) {
		need = &row->need[i];
		if (!lcs_need_lives(need))
			break;
	}
	if (i == LCS_NEEDS)
		row->lasting = true;
	memset(need, 0, sizeof(*need));
	return need;
}

static bool is_invited(const struct lcs_need *need)
{
	return need->pending.set && need->pending.method == LCS_METHOD_INVITE;
}

/* What knows of an INVITE for a dialog, where there is no dialog yet. */
static const struct lcs_need *find_early(struct lcs_client *client, u64 call_id)
{
	const struct lcs_need *need, *found = NULL;
	struct lcs_pinhole *row;

	list_for_each_entry(row, &client->pinholes, list) {
		need = lcs_need_of(row, call_id);
		if (!need || !lcs_need_lives(need))
			continue;
		if (need->confirmed && !need->early)
			return NULL;
		if (need->early || is_invited(need))
			found = need;
	}
	return found;
}

static void note_invite(struct lcs_need *need, const struct lcs_need *from)
{
	bool waits = is_invited(from);

	need->invite = waits ? from->pending.cseq : from->invite;
	need->by_client = waits ? from->pending.by_client : from->by_client;
}

/* PRACK and UPDATE are answered while the INVITE is not (RFC 3262 5, RFC 3311 5.1). */
static bool is_beside_invite(const struct lcs_transaction *tr)
{
	return tr->method == LCS_METHOD_PRACK || tr->method == LCS_METHOD_UPDATE;
}

/**
 * lcs_need_ask() - a transaction asks for a pinhole
 * @row: the row; caller holds client->lock
 * @cause: the transaction: a REGISTER, or one of a dialog
 *
 * Return: what it is asked for, to be put in order with lcs_need_wait().
 */
struct lcs_need *lcs_need_ask(struct lcs_pinhole *row, const struct lcs_transaction *cause)
{
	struct lcs_need *need = lcs_need_registration(row);
	const struct lcs_need *early = NULL;

	lockdep_assert_held(&row->client->lock);
	if (is_beside_invite(cause))
		early = find_early(row->client, cause->call_id);
	if (cause->method != LCS_METHOD_REGISTER) {
		need = lcs_need_of(row, cause->call_id);
		if (!need)
			need = add_dialog(row);
	}
	/* It may have been confirmed once. */
	if (!lcs_need_lives(need))
		memset(need, 0, sizeof(*need));
	if (is_beside_invite(cause) && !need->confirmed && is_invited(need)) {
		note_invite(need, need);
		need->invited = true;
	}
	if (early) {
		note_invite(need, early);
		need->early = true;
	}
	need->pending = *cause;
	if (lcs_same_transaction(&need->drop, cause))
		need->drop.set = false;
	return need;
}

/**
 * lcs_need_wait() - what is asked for waits for its answer
 * @row: the row; caller holds client->lock
 * @need: what is asked for; what is confirmed already lives as long as before
 * @again: the row's expectations are new
 */
void lcs_need_wait(struct lcs_pinhole *row, struct lcs_need *need, bool again)
{
	if (!need->confirmed)
		need->until = jiffies + lcs_pending_lifetime(row->class) * HZ;
	if (!need->confirmed || again)
		follow(row);
}

/**
 * lcs_need_confirm() - what asked for a pinhole has succeeded: let packets come, for so long
 * @row: the row; caller holds client->lock
 * @need: what is needed
 * @tr: the transaction that has succeeded; another one's answer is still awaited
 * @seconds: lifetime from now
 */
void lcs_need_confirm(struct lcs_pinhole *row, struct lcs_need *need,
		      const struct lcs_transaction *tr, u32 seconds)
{
	lockdep_assert_held(&row->client->lock);
	if (lcs_same_transaction(&need->pending, tr))
		need->pending.set = false;
	need->confirmed = true;
	need->until = jiffies + seconds * HZ;
	row->active = true;
	follow(row);
}

/**
 * lcs_need_end() - a pinhole is needed no more by one
 * @row: the row; caller holds client->lock
 * @need: what was needed
 *
 * Return: true where nobody else needs it, so that it should be closed.
 */
bool lcs_need_end(struct lcs_pinhole *row, struct lcs_need *need)
{
	bool needed = row->lasting;
	unsigned int i;

	lockdep_assert_held(&row->client->lock);
	memset(need, 0, sizeof(*need));
	for (i = 0; i < LCS_NEEDS; i++)
		needed |= lcs_need_lives(&row->need[i]);
	if (needed)
		follow(row);
	return !needed;
}
