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

	lockdep_assert_held(&row->client->lock);
	if (cause->method != LCS_METHOD_REGISTER) {
		need = lcs_need_of(row, cause->call_id);
		if (!need)
			need = add_dialog(row);
	}
	/* It may have been confirmed once. */
	if (!lcs_need_lives(need))
		memset(need, 0, sizeof(*need));
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
 * @seconds: lifetime from now
 */
void lcs_need_confirm(struct lcs_pinhole *row, struct lcs_need *need, u32 seconds)
{
	lockdep_assert_held(&row->client->lock);
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
