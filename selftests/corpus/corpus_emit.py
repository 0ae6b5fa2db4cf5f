# SPDX-License-Identifier: GPL-2.0
"""The corpus for C: a header of constant arrays, and raw files as fuzz seeds."""

import os
import re

import corpus_sip

# Larger messages than this are left out of the kernel's copy.
KERNEL_MAX = 32768
PROTO = {"tcp": "IPPROTO_TCP", "udp": "IPPROTO_UDP", "none": "0"}
KIND = {"request-uri": "LCS_REQUEST_URI", "contact": "LCS_CONTACT", "origin": "LCS_ORIGIN",
        "media": "LCS_MEDIA", "rtcp": "LCS_RTCP", "candidate": "LCS_CANDIDATE",
        "remote-candidate": "LCS_REMOTE_CANDIDATE", "file-transfer": "LCS_FILE_TRANSFER",
        "app-sharing": "LCS_APP_SHARING"}
GIVE_UP = {None: "LCS_KEPT", "not-sip": "LCS_NOT_SIP", "bad-start": "LCS_BAD_START",
           "bad-length": "LCS_BAD_LENGTH", "long-start": "LCS_LONG_START"}


def c_string(data):
    """Bytes as adjacent C string literals, one per line of text."""
    out = []
    for line in re.findall(rb"[^\n]*\n|[^\n]+", data):
        for at in range(0, len(line), 100):
            text = ""
            for byte in line[at:at + 100]:
                char = chr(byte)
                if char in '"\\?':
                    text += "\\" + char
                elif 32 <= byte < 127:
                    text += char
                else:
                    text += f"\\{byte:03o}"
            out.append(f'\t"{text}"')
    return "\n".join(out)


def c_range(place):
    return f"{{ {place[0]}, {place[1]} }}" if place else "{ 0, 0 }"


def c_endpoint(endpoint):
    family, octets = 0, "0"
    if endpoint.address:
        family = endpoint.address.version
        octets = ", ".join(str(b) for b in endpoint.address.packed)
    fields = [f".kind = {KIND[endpoint.kind]}", f".proto = {PROTO[endpoint.proto]}",
              f".flags = {endpoint.flags}",
              f".addr = {{ {family}, {{ {octets} }} }}", f".port = {endpoint.port}",
              f".count = {endpoint.count}", f".index = {endpoint.index}", f".addr_at = {c_range(endpoint.addr_at)}",
              f".port_at = {c_range(endpoint.port_at)}", f".extra_at = {c_range(endpoint.extra_at)}",
              f".extra = {endpoint.extra or endpoint.component}", f".expires = {endpoint.expires}u",
              f".instance = {endpoint.instance}u", f".opaque = {endpoint.opaque}u"]
    return "\t{ " + ", ".join(fields) + " },"


def message_flags(message):
    facts = message.facts
    flags = {"response": facts.is_response, "has_cseq": facts.get("cseq") is not None,
             "has_call_id": facts.get("call-id") is not None,
             "has_length": facts.get("content-length") is not None,
             "has_type": facts.get("content-type") is not None,
             "to_tag": facts.has_to_tag,
             "encoded": (facts.get("content-encoding") or "identity").lower() != "identity",
             **{flag.replace("-", "_"): True for flag in message.flags}}
    return " | ".join(f"LCS_MSG_{name.upper()}" for name, on in flags.items() if on) or "0"


def body_constant(message):
    """What the type says, whether or not there is a body to read."""
    facts = message.facts
    kind = facts.content_type
    if kind.startswith("multipart/"):
        with_boundary = "boundary" in corpus_sip.params_of(
            (facts.get("content-type") or "").partition(";")[2])
        return "LCS_BODY_MULTIPART" if with_boundary else "LCS_BODY_OTHER"
    return {"application/sdp": "LCS_BODY_SDP",
            "text/x-msmsgsinvite": "LCS_BODY_INVITATION"}.get(kind, "LCS_BODY_OTHER")


def c_facts(message):
    facts = message.facts
    method = facts.method if facts.method in corpus_sip.METHODS else "OTHER"
    expires = "LCS_ABSENT" if facts.expires is None else f"{facts.expires}u"
    return ", ".join((f".flags = {message_flags(message)}", f".method = LCS_METHOD_{method}",
                      f".body = {body_constant(message)}", f".status = {facts.status}",
                      f".body_seq = {facts.body_at}u", f".cseq = {facts.cseq or 0}u", f".expires = {expires}",
                      f".length = {facts.length or 0}u", f".length_at = {c_range(facts.length_at())}"))


def identifier(text):
    return re.sub(r"\W+", "_", text)


def emit_message(message, name, out):
    """The arrays of one message; returns its entry in the stream's array."""
    symbol = f"lcs_case_{identifier(name)}"
    out.append(f"static const u8 {symbol}_data[] =\n{c_string(message.data)};")
    endpoints = "NULL"
    if message.endpoints:
        endpoints = f"{symbol}_endpoints"
        rows = "\n".join(c_endpoint(e) for e in message.endpoints)
        out.append(f"static const struct lcs_endpoint {endpoints}[] = {{\n{rows}\n}};")
    entry = [f'.name = "{name}"', f".data = {symbol}_data", f".len = {len(message.data)}",
             f".endpoints = {endpoints}", f".endpoint_count = {len(message.endpoints)}",
             f".give_up = {GIVE_UP[message.gives_up]}"]
    if message.read_through:
        entry.append(".complete = true")
        if "unreadable" not in message.flags:
            entry += [".check_facts = true", f".facts = {{ {c_facts(message)} }}"]
    return "\t{ " + ", ".join(entry) + " },"


def streams(dialogues):
    """(name, messages) of every direction of every connection."""
    for dialogue in dialogues:
        found = {}
        for message in dialogue.messages:
            found.setdefault(message.stream, []).append((f"{dialogue.name}:{message.number}", message))
        for stream, messages in found.items():
            yield f"{dialogue.name} {stream}", messages


def c_header(dialogues, path):
    out = ["/* SPDX-License-Identifier: GPL-2.0 */",
           "/* The corpus of selftests/corpus as data; made by corpus.py c-header, do not edit. */",
           "#ifndef _LCS_CORPUS_DATA_H", "#define _LCS_CORPUS_DATA_H", '#include "corpus_case.h"']
    table = []
    for name, messages in streams(dialogues):
        large = any(len(m.data) > KERNEL_MAX for _, m in messages)
        symbol = f"lcs_stream_{identifier(name.replace('>', 'up').replace('<', 'down'))}"
        row = f'\t{{ .name = "{name}", .messages = {symbol}, .count = {len(messages)} }},'
        if large:
            out.append("#ifndef __KERNEL__")
            row = f"#ifndef __KERNEL__\n{row}\n#endif"
        entries = [emit_message(message, label, out) for label, message in messages]
        out.append(f"static const struct lcs_case_message {symbol}[] = {{\n" + "\n".join(entries) + "\n};")
        if large:
            out.append("#endif")
        table.append(row)
    out.append("static const struct lcs_case_stream lcs_corpus[] = {\n" + "\n".join(table) + "\n};")
    out.append("#endif /* _LCS_CORPUS_DATA_H */")
    write(path, ("\n".join(out) + "\n").encode())


def seeds(dialogues, folder):
    """One file per message and one per stream; returns how many."""
    os.makedirs(folder, exist_ok=True)
    count = 0
    for name, messages in streams(dialogues):
        name = name.replace(" > ", ".up.").replace(" < ", ".down.")
        write(os.path.join(folder, name), b"".join(m.data for _, m in messages))
        count += 1
        for label, message in messages:
            write(os.path.join(folder, label.replace(":", ".")), message.data)
            count += 1
    return count


def write(path, data):
    """All of a file or nothing of it."""
    temporary = f"{path}.new{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)
