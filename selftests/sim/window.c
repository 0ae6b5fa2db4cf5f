// SPDX-License-Identifier: GPL-2.0
/*
 * The judgement of the core's window tracking (tcp_in_window() of nf_conntrack_proto_tcp.c and
 * nf_ct_seq_offset() of nf_conntrack_seqadj.c, Linux 6.12), without its leniency: what it would
 * say if IP_CT_TCP_FLAG_BE_LIBERAL were not set.
 */
#include "sim.h"

static u32 max_ack_window(const struct sim_seen *sender)
{
	return max(sender->td_maxwin, 66000u);
}

static s32 seq_offset(const struct lcs_adjust *adjust, u32 seq)
{
	return lcs_after(seq, adjust->correction_pos) ? adjust->offset_after :
							adjust->offset_before;
}

static u32 highest_sack(const struct lcs_tcp *tcp)
{
	u32 sack = tcp->ack;
	u8 i;

	for (i = 0; i < tcp->sacks; i++)
		sack = lcs_last(sack, tcp->sack[i].to);
	return sack;
}

static void update(struct sim_seen *sender, struct sim_seen *receiver, u32 end, u32 ack, u32 sack,
		   u32 win)
{
	if (sender->td_maxwin < win + (sack - ack))
		sender->td_maxwin = win + (sack - ack);
	if (lcs_after(end, sender->td_end)) {
		sender->td_end = end;
		sender->unacknowledged = true;
	}
	if (receiver->td_maxwin && lcs_after(end, sender->td_maxend))
		receiver->td_maxwin += end - sender->td_maxend;
	if (lcs_after(sack + win, receiver->td_maxend - 1)) {
		receiver->td_maxend = sack + win;
		if (!win)
			receiver->td_maxend++;
	}
	if (ack == receiver->td_end)
		receiver->unacknowledged = false;
}

enum sim_window sim_in_window(struct sim_seen seen[2], const struct lcs_adjust adjust[2], u8 dir,
			      const struct lcs_tcp *tcp)
{
	struct sim_seen *sender = &seen[dir], *receiver = &seen[!dir];
	u32 end = tcp->seq + tcp->len + !!(tcp->flags & LCS_TCP_FIN), ack, sack;
	s32 offset = seq_offset(&adjust[!dir], tcp->ack - 1);

	ack = tcp->ack - offset;
	sack = highest_sack(tcp) - offset;
	if (!lcs_before(tcp->seq, sender->td_maxend + 1)) {
		if (lcs_after(end, sender->td_end - receiver->td_maxwin - 1) &&
		    lcs_after(sack, receiver->td_end - max_ack_window(sender) - 1) &&
		    end - sender->td_maxend + 1 <= receiver->td_maxwin &&
		    lcs_before(sack, receiver->td_end + 1)) {
			sender->td_end = end;
			sender->unacknowledged = true;
			return SIM_OVERSHOT;
		}
		return SIM_SEQ_OVER;
	}
	if (!lcs_before(sack, receiver->td_end + 1))
		return SIM_ACK_OVER;
	if (!lcs_after(end, sender->td_end - receiver->td_maxwin - 1))
		return SIM_SEQ_UNDER;
	if (!lcs_after(sack, receiver->td_end - max_ack_window(sender) - 1))
		return SIM_ACK_UNDER;
	update(sender, receiver, end, ack, sack, (u32)tcp->window << sender->td_scale);
	return SIM_IN_WINDOW;
}
