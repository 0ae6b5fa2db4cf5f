# SPDX-License-Identifier: GPL-2.0
"""What the Python programs of the rig share: places, installed kernels, and the
patterns of a dirty kernel log.  Imported by scripts/vm, scripts/test, scripts/kunit
and those that build on them."""
import ctypes
import importlib.machinery
import importlib.util
import os
import re
import signal
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, "build")

# A line of the kernel log that matches is a defect unless a test allows it by name.
DIRTY = re.compile("|".join((
    r"\bBUG\b", r"\bWARNING: ", r"\bOops\b", r"Kernel panic", r"\bKASAN\b", r"\bUBSAN\b",
    r"\bKCSAN\b", r"kmemleak: [1-9]\d* new", r"\bINFO: ", r"refcount_t", r"Call Trace:",
    r"possible .*(lock|irq|deadlock)", r"inconsistent lock state", r"suspicious RCU usage",
    r"unregister_netdevice: waiting", r"leaked reference", r"general protection",
    r"(soft|hard) lockup", r"rcu.*(detected stalls|self-detected stall|\bstall)",
    r"sleeping function called", r"scheduling while atomic", r"[Bb]ad page (state|map)",
    r"corruption", r"cut here", r"page allocation failure", r"Unable to handle",
    r"divide error", r"invalid opcode", r"ODEBUG", r"stack-protector",
    r"Objects remaining", r"Slab cache still has objects", r"kmem_cache_destroy",
    r"workqueue.*lockup", r"hung_task", r"Voluntary context switch within RCU",
)))
# Bits of /proc/sys/kernel/tainted that only a defect sets: bad page, died, warned, lockup.
TAINT_DIRTY = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 14


def die(message, status=125):
    """One clear line on stderr, then out."""
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
    sys.exit(status)


def script_module(name):
    """A Python program of scripts/ as a module: what it has is used here, too."""
    loader = importlib.machinery.SourceFileLoader("scripts_" + name, os.path.join(TOP, "scripts", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def end_with_us():
    """In the child: a guest must not outlive us, however we end (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def cache_dir(*parts):
    """A folder in this project's cache, made when missing."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.path.join(base, "nf_conntrack_lcs", *parts)
    os.makedirs(path, exist_ok=True)
    return path


def log_dir():
    """Where logs go: build/log, or the cache when the working tree cannot be written."""
    path = os.path.join(BUILD, "log")
    try:
        os.makedirs(path, exist_ok=True)
        if os.access(path, os.W_OK):
            return path
    except OSError:
        pass
    return cache_dir("log")


def version_key(version):
    """Sorts kernel versions as a person would, numbers as numbers; rt and cloud flavours first,
    so that the newest is a plain one."""
    return [(0 if re.search(r"-(rt|cloud)-", version) else 2, 0, "")] + [(1, int(p), "") if p.isdigit() else (0, 0, p)
            for p in re.findall(r"\d+|[^\d]+", version)]


class Kernel:
    """An installed kernel: its version string, its image, and its module folder."""

    def __init__(self, version, root="/"):
        self.version = version
        self.root = root
        self.modules = os.path.join(root, "lib/modules", version)
        self.image = next((p for p in (os.path.join(root, "boot/vmlinuz-" + version),
                                       os.path.join(self.modules, "vmlinuz"),
                                       os.path.join(self.modules, "vmlinuz.unsigned"))
                           if os.path.isfile(p)), None)


def find_kernel(wanted, root="/"):
    """The newest installed kernel that WANTED names: a version string or its beginning
    ("6.1" is 6.1.0-56-amd64, never 6.12).  None when there is none."""
    folder = os.path.join(root, "lib/modules")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    found = [n for n in names if n == wanted or re.match(re.escape(wanted) + r"(?!\d)", n)]
    for name in sorted(found, key=version_key, reverse=True):
        kernel = Kernel(name, root)
        if kernel.image and os.path.exists(os.path.join(kernel.modules, "modules.dep")):
            return kernel
    return None


def dirty_lines(text, allow=()):
    """The lines of a kernel log that match DIRTY and none of the ALLOW expressions.
    The trace that follows an allowed line, up to its end mark, is allowed with it."""
    allowed = [re.compile(a) for a in allow]
    bad, in_trace = [], False
    for line in text.splitlines():
        if any(a.search(line) for a in allowed):
            in_trace = True
            if bad and "cut here" in bad[-1]:
                bad.pop()
            continue
        if in_trace and re.search(r"---\[ end trace|</TASK>", line):
            in_trace = False
            continue
        if DIRTY.search(line) and not (in_trace and re.search(r"Call Trace:", line)):
            bad.append(line)
    return bad


def test_settings(path, timeout):
    """(time limit, allowed kernel log lines) that a test's first lines ask for."""
    allow = []
    with open(path, errors="replace") as f:
        for _, line in zip(range(60), f):
            if found := re.match(r"# timeout: (\d+)\s*$", line):
                timeout = int(found[1])
            elif found := re.match(r"# klog-allow: (.+)$", line):
                allow.append(found[1].strip())
    return timeout, allow
