# SPDX-License-Identifier: GPL-2.0
"""The text that a message's NTLM or Kerberos signature covers ([MS-SIP] 3.1.4.2,
[MS-SIPAE] 3.2.5.2).

A receiver silently discards a message whose signature does not fit, so these
strings, computed from a message before and after the firewall, must be equal.
"""

import re

import corpus_sip

VERSIONS = (2, 3, 4)
AUTHENTICATION = ("authorization", "proxy-authorization",
                  "authentication-info", "proxy-authentication-info")


def authentication(facts):
    """(protocol, parameters) of the header that carries the signature, or (None, {})."""
    for name, value, _ in facts.headers:
        if name in AUTHENTICATION:
            protocol, _, rest = value.partition(" ")
            if protocol.lower() != "digest":
                return protocol, corpus_sip.params_of(rest)
    return None, {}


def identities(facts):
    """SIP and tel URI of P-Asserted-Identity, else of P-Preferred-Identity."""
    values = facts.all("p-asserted-identity") or facts.all("p-preferred-identity")
    text = ", ".join(values)
    found = re.findall(r"<((?:sip|tel):[^>]*)>", text, re.I) or re.findall(r"((?:sip|tel):[^\s,;>]+)", text, re.I)
    sip = next((uri for uri in found if uri.lower().startswith("sip:")), "")
    tel = next((uri for uri in found if uri.lower().startswith("tel:")), "")
    return sip, tel


def signature_buffer(data, version):
    """The signed bytes of a message, or None where it is not signed (a challenge, a type 1 message).

    Versions 3 and 4 have the same string; 4 also signs the REGISTER that ends the
    handshake. The parts are taken as they stand, in bytes and case.
    """
    if version not in VERSIONS:
        raise ValueError(f"no signature version {version}")
    facts = corpus_sip.Facts.read(data)
    if not facts:
        return None
    protocol, params = authentication(facts)
    rand = params.get("crand") or params.get("srand")
    number = params.get("cnum") or params.get("snum")
    if not protocol or not rand or not number:
        return None
    from_uri, from_params = corpus_sip.split_name_addr(facts.get("from") or "")
    to_uri, to_params = corpus_sip.split_name_addr(facts.get("to") or "")
    parts = [protocol, rand, number, params.get("realm", ""), params.get("targetname", ""),
             facts.get("call-id") or "", str(facts.cseq), facts.method,
             from_uri, corpus_sip.params_of(from_params).get("tag", "")]
    if version >= 3:
        parts.append(to_uri)
    parts.append(corpus_sip.params_of(to_params).get("tag", ""))
    if version >= 3:
        parts += identities(facts)
    parts.append(facts.get("expires") or "")
    if facts.is_response:
        parts.append(str(facts.status))
    return "".join(f"<{part}>" for part in parts).encode("utf-8", "surrogateescape")


EXAMPLE = (b"SIP/2.0 200 OK\r\n"
           b'Authentication-Info: NTLM rspauth="0100", srand="A1B2C3D4", snum="7", opaque="0F",'
           b' qop="auth", targetname="fe1.example.com", realm="SIP Communications Service"\r\n'
           b"f: \"Doe, <sip:x@y>\" <sip:Bob@example.com>;tag=aB1;epid=62ccbeb808\r\n"
           b"TO : <sip:alice@example.com;user=phone>;tag=Cd2\r\n"
           b"P-Asserted-Identity: \"Alice\" <sip:alice@example.com>,<tel:+14255550101>\r\n"
           b"i: 0123456789abcdef@10.0.0.5\r\n"
           b"CSeq: 4\r\n  INVITE\r\n"
           b"Contact: <sip:10.0.0.5:7101>\r\n"
           b"Content-Length: 0\r\n\r\n")


def self_check():
    """Raises AssertionError where the functions above are wrong."""
    start = (b"<NTLM><A1B2C3D4><7><SIP Communications Service><fe1.example.com>"
             b"<0123456789abcdef@10.0.0.5><4><INVITE><sip:Bob@example.com><aB1>")
    want = {2: start + b"<Cd2><><200>"}
    want[3] = want[4] = (start + b"<sip:alice@example.com;user=phone><Cd2>"
                         b"<sip:alice@example.com><tel:+14255550101><><200>")
    for version in VERSIONS:
        got = signature_buffer(EXAMPLE, version)
        assert got == want[version], f"v{version}: {got!r}"
    changed = {b"7101": b"9999", b"0123456789abcdef@10.0.0.5": b"0123456789abcdef@203.0.113.9",
               b"Bob": b"bob", b"Length: 0": b"Length: 0\r\nExpires: 60",
               b"alice@example.com;user": b"alice@example.org;user", b"200 OK": b"202 OK"}
    for old, new in changed.items():
        assert old in EXAMPLE
        other = EXAMPLE.replace(old, new, 1)
        equal = [signature_buffer(other, v) == want[v] for v in VERSIONS]
        signed = {b"7101": [True] * 3, b"alice@example.com;user": [True, False, False]}
        assert equal == signed.get(old, [False] * 3), f"{old!r} -> {new!r}: {equal}"
    assert signature_buffer(EXAMPLE.replace(b"srand", b"xrand"), 3) is None
