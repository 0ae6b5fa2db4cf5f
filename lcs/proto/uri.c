// SPDX-License-Identifier: GPL-2.0
/*
 * SIP URIs and Contact lists. A Contact may be folded, its quoted values hold commas, semicolons
 * and angle brackets, its display name may look like a URI, and some clients put white space around
 * every separator (protocol facts: RFC 3261 19.1, 20.10, 25.1).
 */
#include <lcs/search.h>
#include <lcs/uri.h>

#define LCS_SIP_PORT	5060

/**
 * lcs_value_end() - the end of a parameter's value that has no quotes
 * @text: stands on the value
 * @stop: what else than a semicolon ends it
 *
 * Return: one behind it.
 */
const u8 *lcs_value_end(struct lcs_text text, u8 stop)
{
	return lcs_find(text.at, text.end, (struct lcs_sought){ ';', ';', stop, 0 });
}
EXPORT_SYMBOL_GPL(lcs_value_end);

/* Only an address in brackets is IPv6, one without is IPv4, anything else is a name. */
static void set_host(struct lcs_endpoint *ep, const struct lcs_line *line, struct lcs_text host,
		     u8 family)
{
	if (!lcs_read_addr(host, &ep->addr) || ep->addr.family != family)
		memset(&ep->addr, 0, sizeof(ep->addr));
	ep->addr_at = lcs_range_of(line, host);
}

/* Does the host of a URI end here? */
static bool host_ends(struct lcs_text text)
{
	return text.at == text.end || *text.at == ':' || *text.at == ';' || *text.at == '?' ||
	       lcs_is_lws(*text.at);
}

/*
 * The host of a URI: a name, an IPv4 address, or an IPv6 reference in brackets.
 * Return: false where there is none.
 */
static bool take_host(struct lcs_text *text, const struct lcs_line *line, struct lcs_endpoint *ep)
{
	struct lcs_text host = *text;
	const u8 *at = lcs_ipv4_end(host, ep->addr.ip);

	if (at && host_ends((struct lcs_text){ at, text->end })) {
		text->at = at;
		host.end = at;
		ep->addr.family = 4;
		ep->addr_at = lcs_range_of(line, host);
		return true;
	}
	memset(&ep->addr, 0, sizeof(ep->addr));
	if (host.at < host.end && *host.at == '[') {
		host.at++;
		host.end = lcs_find_byte(host.at, host.end, ']');
		if (host.end == text->end)
			return false;
		text->at = host.end + 1;
		set_host(ep, line, host, 6);
		return true;
	}
	text->at = lcs_find(host.at, host.end, (struct lcs_sought){ ':', ';', '?', 0 });
	return text->at > host.at;
}

/*
 * The port behind a host, if there is one. Return: false for ":" without a number from 1 to 65535,
 * and where something else follows than the end, parameters or headers.
 */
static bool take_port(struct lcs_text *text, const struct lcs_line *line, struct lcs_endpoint *ep)
{
	struct lcs_text port;

	lcs_skip_lws(text);
	if (text->at == text->end || *text->at != ':') {
		ep->port = LCS_SIP_PORT;
		ep->flags |= LCS_EP_PORT_IMPLIED;
	} else {
		text->at++;
		lcs_skip_lws(text);
		port = (struct lcs_text){ text->at, lcs_port_end(*text, &ep->port) };
		if (!port.end || !ep->port)
			return false;
		text->at = port.end;
		ep->port_at = lcs_range_of(line, port);
		lcs_skip_lws(text);
	}
	return text->at == text->end || *text->at == ';' || *text->at == '?';
}

static void read_maddr(struct lcs_endpoint *ep, const struct lcs_line *line, struct lcs_text value)
{
	u8 family = 4;

	if (lcs_text_len(value) > 2 && *value.at == '[' && value.end[-1] == ']') {
		value.at++;
		value.end--;
		family = 6;
	}
	set_host(ep, line, value, family);
	ep->flags |= LCS_EP_MADDR;
}

/* Return: false for a quoted value that does not end. */
static __always_inline bool read_uri_param(struct lcs_text *text, const struct lcs_line *line,
					   struct lcs_endpoint *ep)
{
	struct lcs_text value;
	bool whole;

	if (lcs_is_param(text, '?', "transport=tcp"))
		return true;
	if (lcs_is_param(text, '?', "transport")) {
		whole = lcs_take_value(text, '?', &value);
		if (!lcs_text_is(value, "tcp"))
			ep->flags |= LCS_EP_NOT_TCP;
		return whole;
	}
	if (lcs_is_param(text, '?', "maddr")) {
		whole = lcs_take_value(text, '?', &value);
		read_maddr(ep, line, value);
		return whole;
	}
	if (lcs_is_param(text, '?', "ms-opaque")) {
		whole = lcs_take_value(text, '?', &value);
		ep->opaque = lcs_hash_lower(value);
		return whole;
	}
	if (lcs_is_param(text, '?', "ms-received-cid"))
		ep->flags |= LCS_EP_CONNECTION_ID;
	return lcs_skip_param(text, '?');
}

/* "sip:", or "sips:", which is never for TCP alone. */
static bool take_scheme(struct lcs_text *uri, struct lcs_endpoint *ep)
{
	if (lcs_text_begins(*uri, "sip:")) {
		uri->at += 4;
		return true;
	}
	if (!lcs_text_begins(*uri, "sip"))
		return false;
	uri->at += 3;
	if (uri->at < uri->end && lcs_lower(*uri->at) == 's') {
		ep->flags |= LCS_EP_NOT_TCP;
		uri->at++;
	}
	lcs_skip_lws(uri);
	return uri->at < uri->end && *uri->at++ == ':';
}

/*
 * A URI of which the last '@' is known: @host is behind it, or %NULL where there is none. The user
 * part may hold ':' and ';'.
 */
static bool read_uri(struct lcs_text uri, const u8 *host, const struct lcs_line *line,
		     struct lcs_endpoint *ep)
{
	lcs_trim(&uri);
	if (!take_scheme(&uri, ep))
		return false;
	if (host)
		uri.at = host;
	lcs_skip_lws(&uri);
	if (!take_host(&uri, line, ep) || !take_port(&uri, line, ep))
		return false;
	while (lcs_next_param(&uri) && read_uri_param(&uri, line, ep))
		;
	return true;
}

/**
 * lcs_uri_read() - read a SIP URI
 * @uri: the URI, without angle brackets
 * @line: the line it stands in
 * @ep: its address, port, flags and opaque are set; the address has family 0 where the URI names
 * none
 *
 * The target is maddr where there is one, else the host (RFC 3261 19.1.1, 18.1.1).
 *
 * Return: false for what is not a SIP URI, or one with an impossible port.
 */
bool lcs_uri_read(struct lcs_text uri, const struct lcs_line *line, struct lcs_endpoint *ep)
{
	const u8 *at = uri.at, *host = NULL;

	for (;;) {
		at = lcs_find_far(at, uri.end, '@');
		if (at == uri.end)
			return read_uri(uri, host, line, ep);
		host = ++at;
	}
}
EXPORT_SYMBOL_GPL(lcs_uri_read);

/* Return: false for a quoted value that does not end. */
static __always_inline bool read_contact_param(struct lcs_text *text, struct lcs_endpoint *ep)
{
	struct lcs_text value;
	bool whole;

	if (lcs_is_param(text, ',', "expires")) {
		whole = lcs_take_value(text, ',', &value);
		lcs_read_number(value, LCS_ABSENT - 1, &ep->expires);
		return whole;
	}
	if (lcs_is_param(text, ',', "proxy=replace")) {
		ep->flags |= LCS_EP_PROXY_REPLACE;
		return true;
	}
	if (lcs_is_param(text, ',', "proxy")) {
		whole = lcs_take_value(text, ',', &value);
		if (lcs_text_is(value, "replace"))
			ep->flags |= LCS_EP_PROXY_REPLACE;
		return whole;
	}
	if (lcs_is_param(text, ',', "+sip.instance")) {
		whole = lcs_take_value(text, ',', &value);
		ep->instance = lcs_hash_lower(value);
		return whole;
	}
	return lcs_skip_param(text, ',');
}

/*
 * The URI between angle brackets; quoted strings inside may hold a '>'. @host is set behind its
 * last '@', if there is one.
 */
static bool take_bracketed(struct lcs_text *text, struct lcs_text *uri, const u8 **host)
{
	const u8 *at = text->at + 1;

	uri->at = at;
	for (;;) {
		at = lcs_find(at, text->end, (struct lcs_sought){ '>', '@', '"', 0 });
		if (at == text->end)
			return false;
		if (*at == '>')
			break;
		if (*at == '@') {
			*host = ++at;
			continue;
		}
		at = lcs_skip_quoted(at, text->end);
		if (!at)
			return false;
	}
	uri->end = at;
	text->at = at + 1;
	return true;
}

/*
 * The next URI of a Contact: a name-addr, whose display name may be quoted, or an addr-spec, which
 * ends where the header's own parameters begin (RFC 3261 20). Where it is no SIP URI, @good is
 * false. Return: false where neither can be told.
 */
static bool take_uri(struct lcs_text *text, const struct lcs_line *line, struct lcs_endpoint *ep,
		     bool *good)
{
	const u8 *at = text->at, *host = NULL;
	struct lcs_text uri;

	if (*at == '"') {
		at = lcs_skip_quoted(at, text->end);
		if (!at)
			return false;
		text->at = at;
		lcs_skip_lws(text);
		/* seen without brackets in the wild: "Alice" sip:alice@pc1.example */
		if (text->at == text->end)
			return false;
		at = text->at;
	}
	if (*at != '<')
		at = lcs_find_delimiter(at, text->end, '<', ',', ';');
	if (at == text->end || *at != '<') {
		uri = (struct lcs_text){ text->at, at };
		text->at = at;
		*good = lcs_uri_read(uri, line, ep);
		return true;
	}
	text->at = at;
	if (!take_bracketed(text, &uri, &host))
		return false;
	*good = read_uri(uri, host, line, ep);
	return true;
}

/**
 * lcs_contact_read() - read the value of a Contact header
 * @reader: reports an LCS_CONTACT for each binding; those whose URI names no IP address have
 * address family 0
 * @line: the line
 * @value: what follows the colon
 *
 * What cannot be read ends the list: it opens nothing.
 */
void lcs_contact_read(struct lcs_reader *reader, const struct lcs_line *line, struct lcs_text value)
{
	bool good;

	lcs_trim(&value);
	if (lcs_text_is(value, "*")) {
		reader->stream->msg.flags |= LCS_MSG_STAR;
		return;
	}
	while (value.at < value.end) {
		struct lcs_endpoint ep = { .kind = LCS_CONTACT,
					   .proto = IPPROTO_TCP,
					   .expires = LCS_ABSENT };

		if (!take_uri(&value, line, &ep, &good))
			return;
		while (lcs_next_param(&value) && read_contact_param(&value, &ep))
			;
		if (value.at < value.end && *value.at != ',')
			return;
		if (good)
			lcs_report(reader, &ep);
		while (value.at < value.end && (*value.at == ',' || lcs_is_lws(*value.at)))
			value.at++;
	}
}
EXPORT_SYMBOL_GPL(lcs_contact_read);
