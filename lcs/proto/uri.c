// SPDX-License-Identifier: GPL-2.0
/*
 * SIP URIs and Contact lists. A Contact may be folded, its quoted values hold commas, semicolons
 * and angle brackets, its display name may look like a URI, and some clients put white space around
 * every separator (protocol facts: RFC 3261 19.1, 20.10, 25.1).
 */
#include <lcs/uri.h>

#define LCS_SIP_PORT	5060

/**
 * lcs_take_param() - take the next ";name=value" off a text
 * @text: begins at the semicolon; left at what follows the parameter
 * @stop: what else than a semicolon ends a parameter: '?' before the headers of a URI, ',' before
 *	the next Contact
 * @param: the parameter
 *
 * Return: false where there is none, or a quoted value that does not end.
 */
bool lcs_take_param(struct lcs_text *text, u8 stop, struct lcs_param *param)
{
	const u8 *at;

	lcs_skip_lws(text);
	if (text->at == text->end || *text->at != ';')
		return false;
	at = lcs_find_delimiter(text->at + 1, text->end, '=', ';', stop);
	param->name = (struct lcs_text){ text->at + 1, at };
	lcs_trim(&param->name);
	param->value = (struct lcs_text){ at, at };
	text->at = at;
	if (at == text->end || *at != '=')
		return true;
	text->at++;
	lcs_skip_lws(text);
	param->value.at = text->at;
	if (text->at < text->end && *text->at == '"') {
		at = lcs_skip_quoted(text->at, text->end);
		if (!at)
			return false;
		param->value = (struct lcs_text){ text->at + 1, at - 1 };
		text->at = at;
		return true;
	}
	text->at = lcs_find_delimiter(text->at, text->end, ';', stop, stop);
	param->value.end = text->at;
	lcs_trim_end(&param->value);
	return true;
}
EXPORT_SYMBOL_GPL(lcs_take_param);

/*
 * A host as it stands in a URI: a name, an IPv4 address, or an IPv6 reference in brackets. Gives
 * the text inside the brackets.
 */
static bool take_host(struct lcs_text *text, struct lcs_text *host)
{
	const u8 *at = text->at;

	if (at < text->end && *at == '[') {
		at = lcs_find_byte(at, text->end, ']');
		if (at == text->end)
			return false;
		*host = (struct lcs_text){ text->at + 1, at };
		text->at = at + 1;
		return true;
	}
	at = lcs_find_delimiter(at, text->end, ':', ';', '?');
	*host = (struct lcs_text){ text->at, at };
	lcs_trim_end(host);
	text->at = at;
	return host->at < host->end;
}

/* An address in brackets is IPv6, one without is IPv4, anything else is a name. */
static void set_host(struct lcs_endpoint *ep, const struct lcs_line *line, struct lcs_text host)
{
	u8 family = host.at > line->text.at && host.at[-1] == '[' ? 6 : 4;

	if (!lcs_read_addr(host, &ep->addr) || ep->addr.family != family)
		memset(&ep->addr, 0, sizeof(ep->addr));
	ep->addr_at = lcs_range_of(line, host);
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
	if (lcs_text_len(value) > 2 && *value.at == '[' && value.end[-1] == ']') {
		value.at++;
		value.end--;
	}
	set_host(ep, line, value);
	ep->flags |= LCS_EP_MADDR;
}

static void read_uri_params(struct lcs_text text, const struct lcs_line *line,
			    struct lcs_endpoint *ep)
{
	struct lcs_param param;

	while (lcs_take_param(&text, '?', &param)) {
		if (param.name.at == param.name.end)
			continue;
		switch (lcs_lower(*param.name.at)) {
		case 'm':
			if (lcs_text_is(param.name, "maddr"))
				read_maddr(ep, line, param.value);
			else if (lcs_text_is(param.name, "ms-opaque"))
				ep->opaque = lcs_hash_lower(param.value);
			else if (lcs_text_is(param.name, "ms-received-cid"))
				ep->flags |= LCS_EP_CONNECTION_ID;
			break;
		case 't':
			if (lcs_text_is(param.name, "transport") &&
			    !lcs_text_is(param.value, "tcp"))
				ep->flags |= LCS_EP_NOT_TCP;
			break;
		}
	}
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
	struct lcs_text host;
	const u8 *at;

	lcs_trim(&uri);
	if (!lcs_text_begins(uri, "sip"))
		return false;
	uri.at += 3;
	if (uri.at < uri.end && lcs_lower(*uri.at) == 's') {
		ep->flags |= LCS_EP_NOT_TCP;
		uri.at++;
	}
	lcs_skip_lws(&uri);
	if (uri.at == uri.end || *uri.at != ':')
		return false;
	uri.at++;
	for (at = uri.at; at < uri.end; uri.at = ++at) {
		at = lcs_find_byte(at, uri.end, '@');
		if (at == uri.end)
			break;
	}
	lcs_skip_lws(&uri);
	if (!take_host(&uri, &host))
		return false;
	set_host(ep, line, host);
	if (!take_port(&uri, line, ep))
		return false;
	read_uri_params(uri, line, ep);
	return true;
}
EXPORT_SYMBOL_GPL(lcs_uri_read);

static void read_contact_params(struct lcs_text *text, struct lcs_endpoint *ep)
{
	struct lcs_param param;

	while (lcs_take_param(text, ',', &param)) {
		if (param.name.at == param.name.end)
			continue;
		switch (lcs_lower(*param.name.at)) {
		case 'e':
			if (lcs_text_is(param.name, "expires"))
				lcs_read_number(param.value, LCS_ABSENT - 1, &ep->expires);
			break;
		case 'p':
			if (lcs_text_is(param.name, "proxy") && lcs_text_is(param.value, "replace"))
				ep->flags |= LCS_EP_PROXY_REPLACE;
			break;
		case '+':
			if (lcs_text_is(param.name, "+sip.instance"))
				ep->instance = lcs_hash_lower(param.value);
			break;
		}
	}
}

/* The URI between angle brackets; quoted strings inside may hold a '>'. */
static bool take_bracketed(struct lcs_text *text, struct lcs_text *uri)
{
	const u8 *at = text->at + 1;

	uri->at = at;
	while (at) {
		at = lcs_find_delimiter(at, text->end, '>', '"', '"');
		if (at == text->end)
			return false;
		if (*at == '>')
			break;
		at = lcs_skip_quoted(at, text->end);
	}
	if (!at)
		return false;
	uri->end = at;
	text->at = at + 1;
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
	at = lcs_find_delimiter(text->at, text->end, '<', ',', ';');
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
