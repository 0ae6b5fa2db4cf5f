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
 * lcs_param_value() - take the value of a parameter
 * @text: stands behind the name; moved behind the value
 * @stop: what else than a semicolon ends it
 * @value: the value without its quotes; empty where there is none
 *
 * Return: false for a quoted value that does not end; @value is empty then.
 */
bool lcs_param_value(struct lcs_text *text, u8 stop, struct lcs_text *value)
{
	const u8 *at;

	value->at = text->at;
	value->end = text->at;
	if (text->at == text->end || *text->at != '=')
		return true;
	text->at++;
	lcs_skip_lws(text);
	value->at = text->at;
	value->end = text->at;
	if (text->at < text->end && *text->at == '"') {
		at = lcs_skip_quoted(text->at, text->end);
		if (!at)
			return false;
		value->at++;
		value->end = at - 1;
		text->at = at;
		return true;
	}
	for (at = text->at; at < text->end && *at != ';' && *at != stop; at++)
		;
	text->at = at;
	value->end = at;
	lcs_trim_end(value);
	return true;
}
EXPORT_SYMBOL_GPL(lcs_param_value);

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

	if (lcs_take_ipv4(text, ep->addr.ip) && host_ends(*text)) {
		host.end = text->at;
		ep->addr.family = 4;
		ep->addr_at = lcs_range_of(line, host);
		return true;
	}
	text->at = host.at;
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
		port.at = text->at;
		if (!lcs_take_port(text, &ep->port) || !ep->port)
			return false;
		port.end = text->at;
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

static void read_uri_params(struct lcs_text text, const struct lcs_line *line,
			    struct lcs_endpoint *ep)
{
	struct lcs_text value;
	bool whole = true;

	while (whole && lcs_next_param(&text)) {
		if (lcs_is_param(&text, '?', "transport=tcp")) {
			continue;
		} else if (lcs_is_param(&text, '?', "transport")) {
			whole = lcs_param_value(&text, '?', &value);
			if (!lcs_text_is(value, "tcp"))
				ep->flags |= LCS_EP_NOT_TCP;
		} else if (lcs_is_param(&text, '?', "maddr")) {
			whole = lcs_param_value(&text, '?', &value);
			read_maddr(ep, line, value);
		} else if (lcs_is_param(&text, '?', "ms-opaque")) {
			whole = lcs_param_value(&text, '?', &value);
			ep->opaque = lcs_hash_lower(value);
		} else {
			if (lcs_is_param(&text, '?', "ms-received-cid"))
				ep->flags |= LCS_EP_CONNECTION_ID;
			whole = lcs_skip_param(&text, '?');
		}
	}
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

/**
 * lcs_uri_read() - read a SIP URI
 * @uri: the URI, without angle brackets
 * @line: the line it stands in
 * @ep: its address, port, flags and opaque are set; the address has family 0 where the URI names
 * none
 *
 * The target is maddr where there is one, else the host (RFC 3261 19.1.1, 18.1.1). The user part
 * may hold ':' and ';', so the host begins behind the last '@'.
 *
 * Return: false for what is not a SIP URI, or one with an impossible port.
 */
bool lcs_uri_read(struct lcs_text uri, const struct lcs_line *line, struct lcs_endpoint *ep)
{
	const u8 *at;

	lcs_trim(&uri);
	if (!take_scheme(&uri, ep))
		return false;
	for (at = uri.at; at < uri.end; uri.at = ++at) {
		at = lcs_find_far(at, uri.end, '@', 0);
		if (at == uri.end)
			break;
	}
	lcs_skip_lws(&uri);
	if (!take_host(&uri, line, ep) || !take_port(&uri, line, ep))
		return false;
	read_uri_params(uri, line, ep);
	return true;
}
EXPORT_SYMBOL_GPL(lcs_uri_read);

static void read_contact_params(struct lcs_text *text, struct lcs_endpoint *ep)
{
	struct lcs_text value;
	bool whole = true;

	while (whole && lcs_next_param(text)) {
		if (lcs_is_param(text, ',', "proxy=replace")) {
			ep->flags |= LCS_EP_PROXY_REPLACE;
		} else if (lcs_is_param(text, ',', "expires")) {
			whole = lcs_param_value(text, ',', &value);
			lcs_read_number(value, LCS_ABSENT - 1, &ep->expires);
		} else if (lcs_is_param(text, ',', "proxy")) {
			whole = lcs_param_value(text, ',', &value);
			if (lcs_text_is(value, "replace"))
				ep->flags |= LCS_EP_PROXY_REPLACE;
		} else if (lcs_is_param(text, ',', "+sip.instance")) {
			whole = lcs_param_value(text, ',', &value);
			ep->instance = lcs_hash_lower(value);
		} else {
			whole = lcs_skip_param(text, ',');
		}
	}
}

/* The URI between angle brackets; quoted strings inside may hold a '>'. */
static bool take_bracketed(struct lcs_text *text, struct lcs_text *uri)
{
	const u8 *at = text->at + 1, *end = lcs_find_far(at, text->end, '>', 0), *quote;

	uri->at = at;
	/* The text up to @end is looked at for the first time, or behind the quote before it. */
	for (;;) {
		quote = lcs_find_far(at, end, '"', 0);
		if (quote == end)
			break;
		at = lcs_skip_quoted(quote, text->end);
		if (!at)
			return false;
		if (at > end)
			end = lcs_find_far(at, text->end, '>', 0);
	}
	if (end == text->end)
		return false;
	uri->end = end;
	text->at = end + 1;
	return true;
}

/*
 * The URI of the next Contact: a name-addr, whose display name may be quoted, or an addr-spec,
 * which ends where the header's own parameters begin (RFC 3261 20). Return: false where neither can
 * be told.
 */
static bool take_uri(struct lcs_text *text, struct lcs_text *uri)
{
	const u8 *at;

	if (*text->at == '"') {
		at = lcs_skip_quoted(text->at, text->end);
		if (!at)
			return false;
		text->at = at;
		lcs_skip_lws(text);
		/* seen without brackets in the wild: "Alice" sip:alice@pc1.example */
		if (text->at == text->end)
			return false;
	}
	at = text->at;
	if (*at != '<')
		at = lcs_find_delimiter(at, text->end, '<', ',', ';');
	if (at < text->end && *at == '<') {
		text->at = at;
		return take_bracketed(text, uri);
	}
	*uri = (struct lcs_text){ text->at, at };
	text->at = at;
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
	struct lcs_text uri;
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

		if (!take_uri(&value, &uri))
			return;
		good = lcs_uri_read(uri, line, &ep);
		read_contact_params(&value, &ep);
		lcs_skip_lws(&value);
		if (value.at < value.end && *value.at != ',')
			return;
		if (good)
			lcs_report(reader, &ep);
		while (value.at < value.end && (*value.at == ',' || lcs_is_lws(*value.at)))
			value.at++;
	}
}
EXPORT_SYMBOL_GPL(lcs_contact_read);
