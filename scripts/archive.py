# SPDX-License-Identifier: GPL-2.0
"""Kernels of Debian's archive, each unpacked in a folder of its own in the cache, and what
compiles for them: this machine (Debian 12) or a debootstrapped folder of a newer release.
Nothing is installed on the machine.  Used by scripts/matrix."""
import glob
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

import rig

# In a mount namespace of its own, so that nothing stays mounted: /proc, and the folders named
# (up to "--") at their own paths; then the command in the folder $1.
ENTER = """
root=$1; shift
mount --make-rprivate / && mount -t proc proc "$root/proc" || exit
while [ "$1" != -- ]; do
	mkdir -p "$root$1" && mount --bind "$1" "$root$1" || exit
	shift
done
shift
exec chroot "$root" "$@"
"""
# What the configuration of a kernel says about gcc, as it would say it about clang.
CLANG_CONFIG = {
    "CC_IS_GCC": None, "GCC_VERSION": "0", "CC_IS_CLANG": "y",
    "CC_IMPLICIT_FALLTHROUGH": '"-Wimplicit-fallthrough"',
    "FTRACE_MCOUNT_USE_CC": None, "FTRACE_MCOUNT_USE_OBJTOOL": "y",
    "CC_HAS_MIN_FUNCTION_ALIGNMENT": None,
    "CC_HAS_UBSAN_BOUNDS_STRICT": None, "UBSAN_BOUNDS_STRICT": None, "UBSAN_ARRAY_BOUNDS": "y",
    "CC_HAS_NAMED_AS": None, "USE_X86_SEG_SUPPORT": None,
}


class Missing(Exception):
    """The archive does not have it (any more)."""


def output(command, what, **more):
    """What a command prints; on failure its last lines and one of ours."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **more)
    if done.returncode:
        for line in done.stdout.splitlines()[-15:]:
            print(f"# {line}")
        rig.die(f"{what} failed", 1)
    return done.stdout


def put_in_place(part, path):
    """Gives a finished folder its name, unless another run was quicker."""
    try:
        os.rename(part, path)
    except OSError:
        if not os.path.isdir(path):
            raise
        shutil.rmtree(part)


class Release:
    """A release of Debian: its package lists and its compilers; here, this machine's own."""

    clang = "clang-16"

    def __init__(self, name):
        self.name = name
        self.known = None

    def command(self, words, folders=()):
        """The command line that runs WORDS where this release is, with FOLDERS in sight."""
        del folders
        return list(words)

    def has(self):
        """Package -> version, of the kernel's packages that the archive has today."""
        if self.known is None:
            self.known = {}
            if subprocess.run(self.command(["apt-get", "-q", "update"]), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode:
                print("# apt-get update failed: going by the package lists as they are")
            names = output(self.command(["apt-cache", "pkgnames", "linux-"]), "apt-cache").split()
            names = [n for n in names if re.match(r"linux-[a-z-]+-\d", n)]
            listed = output(self.command(["apt-cache", "madison", *names]), "apt-cache madison")
            for line in listed.splitlines():
                words = [w.strip() for w in line.split("|")]
                if len(words) == 3:
                    self.known.setdefault(words[0], words[1])
        return self.known

    def header_packages(self, version):
        """The packages that make up the headers of a kernel."""
        first = f"linux-headers-{version}"
        if first not in self.has():
            raise Missing(first)
        needs = output(self.command(["apt-cache", "depends", first]), "apt-cache depends")
        return [first] + re.findall(r"Depends: (linux-(?:headers|kbuild)-\S+)", needs)

    def image_packages(self, version):
        """The packages that make up the image and the modules of a kernel."""
        whole = [p for p in (f"linux-image-{version}", f"linux-image-{version}-unsigned")
                 if p in self.has()]
        parts = [p for p in (f"linux-binary-unsigned-{version}", f"linux-binary-{version}")
                 if p in self.has()]
        modules, base = f"linux-modules-{version}", f"linux-base-{version}"
        if parts and modules in self.has():     # since 7.x an image is these three
            return [parts[0], modules] + ([base] if base in self.has() else [])
        if not whole:
            raise Missing(f"linux-image-{version}")
        return whole[:1]

    def unpack(self, packages, root):
        """Downloads packages and unpacks them below ROOT."""
        with tempfile.TemporaryDirectory(dir=rig.cache_dir("matrix")) as d:
            os.chmod(d, 0o777)                  # apt downloads as its own user
            output(self.command(["sh", "-c", 'cd "$0" && exec apt-get -q download "$@"', d,
                                 *packages], [d]), f"download of {' '.join(packages)}")
            for deb in sorted(glob.glob(d + "/*.deb")):
                output(["dpkg-deb", "-x", deb, root], f"unpacking {os.path.basename(deb)}")


class Folder(Release):
    """A newer release in a folder of the cache, for kernels whose flags this machine's compiler
    does not know.  Made once: half a minute, 1.2 GB."""

    clang = "clang"
    # libelf is objtool's; pahole is compared with the one that the kernel was built with
    packages = ["make", "gcc", "binutils", "clang", "libelf-dev", "pahole"]

    def __init__(self, name, suites):
        super().__init__(name)
        self.suites = suites
        what = hashlib.sha256(" ".join(self.packages + suites).encode()).hexdigest()[:8]
        self.root = os.path.join(rig.cache_dir("matrix"), f"{name}-{what}")

    def command(self, words, folders=()):
        self.make()
        return ["unshare", "-m", "sh", "-c", ENTER, "sh", self.root, *folders, "--", *words]

    @staticmethod
    def mirror():
        """Where this machine's own apt gets Debian from."""
        listed = output(["apt-get", "indextargets", "--format",
                         "$(ORIGIN) $(COMPONENT) $(LABEL) $(REPO_URI)", "Created-By: Packages"],
                        "apt-get indextargets")
        for line in listed.splitlines():
            words = line.split()
            if words[:3] == ["Debian", "main", "Debian"] and re.match("https?:", words[-1]):
                return words[-1]
        return rig.die("apt's sources name no mirror of Debian over http", 1)

    def make(self):
        """Makes the folder when it is not there."""
        if os.path.isdir(self.root):
            return
        mirror = self.mirror()
        print(f"# making a folder of {self.name} in the cache", flush=True)
        part = tempfile.mkdtemp(prefix="part-", dir=rig.cache_dir("matrix"))
        os.chmod(part, 0o755)
        more = ["--include=ca-certificates"] if mirror.startswith("https:") else []
        try:
            output(["debootstrap", "--variant=minbase", *more, self.name, part, mirror],
                   "debootstrap")
            with open(part + "/etc/apt/sources.list", "w") as f:
                f.writelines(f"deb {mirror} {suite} main\n" for suite in self.suites)
            config = output(["apt-config", "dump"], "apt-config")
            with open(part + "/etc/apt/apt.conf.d/90host", "w") as f:
                f.writelines(line + "\n" for line in config.splitlines()
                             if re.match(r"Acquire::\w+::Proxy", line))
            inside = ["unshare", "-m", "sh", "-c", ENTER, "sh", part, "--", "env",
                      "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
            output(inside + ["update"], f"apt-get update in {self.name}")
            output(inside + ["install", "--no-install-recommends", *self.packages],
                   f"apt-get install in {self.name}")
            output(inside + ["clean"], f"apt-get clean in {self.name}")
            put_in_place(part, self.root)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def set_config(headers, values):
    """Changes the configuration that compiling goes by: auto.conf (make) and autoconf.h (C)."""
    conf = os.path.join(headers, "include/config/auto.conf")
    head = os.path.join(headers, "include/generated/autoconf.h")
    texts = {}
    for path in (conf, head):
        with open(path) as f:
            texts[path] = f.read()
    for name, value in values.items():
        texts[conf] = re.sub(rf"^CONFIG_{name}=.*\n", "", texts[conf], flags=re.M)
        texts[head] = re.sub(rf"^#define CONFIG_{name} .*\n", "", texts[head], flags=re.M)
        if value is not None:
            texts[conf] += f"CONFIG_{name}={value.strip(chr(34))}\n"
            texts[head] += f"#define CONFIG_{name} {1 if value == 'y' else value}\n"
    for path, text in texts.items():
        with open(path, "w") as f:
            f.write(text)


class Point:
    """One kernel of the archive: its headers, and when asked for its image and modules."""

    def __init__(self, release, version):
        self.release, self.version = release, version
        self.package = release.has()[f"linux-headers-{version}"]
        self.kernels = rig.cache_dir("matrix", "kernels")
        self.build = os.path.join(self.kernels, f"{version}-headers-{self.package}")
        self.root = os.path.join(self.kernels, f"{version}-image-{self.package}")

    def headers(self):
        """The folder to build against; unpacked once."""
        if not os.path.isdir(self.build):
            part = tempfile.mkdtemp(prefix="part-", dir=self.kernels)
            try:
                self.release.unpack(self.release.header_packages(self.version), part)
                makefile = f"{part}/usr/src/linux-headers-{self.version}/Makefile"
                with open(makefile) as f:
                    text = f.read()
                with open(makefile, "w") as f:
                    f.write(text.replace("/usr/src/", self.build + "/usr/src/"))
                put_in_place(part, self.build)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return f"{self.build}/usr/src/linux-headers-{self.version}"

    def clang_headers(self, clang):
        """The same, configured for a clang of this version ("19.1.7")."""
        plain = self.headers()
        path = f"{plain}-clang-{clang}"
        if not os.path.isdir(path):
            part = tempfile.mkdtemp(prefix="part-", dir=os.path.dirname(plain))
            shutil.copytree(plain, part, symlinks=True, dirs_exist_ok=True)
            major, minor, patch = (int(n) for n in clang.split("."))
            set_config(part, dict(CLANG_CONFIG, CLANG_VERSION=str(
                major * 10000 + minor * 100 + patch)))
            with open(part + "/Makefile") as f:
                text = f.read()
            with open(part + "/Makefile", "w") as f:
                f.write(re.sub(r"^(KBUILD_OUTPUT=).*", rf"\1{path}", text, flags=re.M))
            put_in_place(part, path)
        return path

    def image(self):
        """The root below which scripts/vm finds image and modules; unpacked once."""
        if not os.path.isdir(self.root):
            part = tempfile.mkdtemp(prefix="part-", dir=self.kernels)
            try:
                self.release.unpack(self.release.image_packages(self.version), part)
                if not os.path.isdir(part + "/lib/modules"):
                    os.makedirs(part + "/lib", exist_ok=True)
                    os.symlink("../usr/lib/modules", part + "/lib/modules")
                output(["depmod", "-b", part, self.version], "depmod")
                put_in_place(part, self.root)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return self.root
