# SPDX-License-Identifier: GPL-2.0
"""Kernels of our own: built from Debian's linux-source, once, into the cache, with what their
configuration asks for on top of `make allnoconfig`. Imported by scripts/check-sanitized and
scripts/coverage-modules."""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

import rig

TARBALL = "/usr/src/linux-source-6.12.tar.xz"
# What selftests/netns wants of every one of them.
NETNS_CONFIG = os.path.join(rig.TOP, "selftests", "netns", "kernel.config")


def run(command, what, log, **more):
    """Runs a command whose words go to a log; on failure their end and one line."""
    with open(log, "a") as words:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=words,
                                stderr=subprocess.STDOUT, **more).returncode
    if status:
        with open(log, errors="replace") as words:
            sys.stderr.writelines(words.readlines()[-20:])
        rig.die(f"{what} failed ({log})", 1)


class OwnKernel:
    """One of them: its name, its configuration, what of its build is booted."""

    def __init__(self, name, config, image, arch="x86"):
        self.configs, self.image = (NETNS_CONFIG, config), image
        self.environment = dict(os.environ, ARCH=arch)
        self.folder = self.cache_folder(name)
        self.source, self.out, self.root = (os.path.join(self.folder, part)
                                            for part in ("source", "build", "root"))
        self.log = os.path.join(self.folder, "log")
        self.version = None

    def config_text(self):
        """All that is asked for."""
        text = ""
        for path in self.configs:
            with open(path, encoding="ascii") as lines:
                text += "".join(line for line in lines if line.startswith("CONFIG_"))
        return text

    def cache_folder(self, name):
        """The folder in the cache: of its source, its configuration, its compiler."""
        if not os.path.exists(TARBALL):
            rig.die("no linux-source-6.12: run scripts/setup", 1)
        tarball = os.stat(TARBALL)
        key = hashlib.sha256(f"{tarball.st_size} {tarball.st_mtime_ns}".encode())
        key.update(self.config_text().encode())
        key.update(subprocess.run(["gcc", "-dumpfullversion"], check=True,
                                  stdout=subprocess.PIPE).stdout)
        return rig.cache_dir(f"{name}-{key.hexdigest()[:16]}")

    def unpack(self):
        """The source, whole or not at all."""
        if os.path.isdir(self.source):
            return
        part = self.source + ".part"
        shutil.rmtree(part, ignore_errors=True)
        os.makedirs(part)
        run(["tar", "-C", part, "--strip-components=1", "-xf", TARBALL], "unpacking", self.log)
        os.rename(part, self.source)

    def configure(self):
        """allnoconfig and what we want on top of it; all of that must have come about."""
        os.makedirs(self.out, exist_ok=True)
        wanted = os.path.join(self.out, "wanted.config")
        with open(wanted, "w", encoding="ascii") as file:
            file.write(self.config_text())
        run(["make", "-C", self.source, f"O={self.out}", f"KCONFIG_ALLCONFIG={wanted}",
             "allnoconfig"], "configuring the kernel", self.log, env=self.environment)
        with open(os.path.join(self.out, ".config"), encoding="ascii") as lines:
            made = {line.strip() for line in lines}
        missing = [line for line in self.config_text().splitlines() if line not in made]
        if missing:
            rig.die(f"the kernel's configuration lacks {' '.join(missing)}", 1)

    def compile(self):
        """Image and modules, installed below root. Return: the version."""
        run(["nice", "make", f"-j{os.cpu_count() or 2}", "-C", self.out,
             os.path.basename(self.image), "modules"], "building the kernel", self.log,
            env=self.environment)
        run(["make", "-C", self.out, f"INSTALL_MOD_PATH={self.root}", "modules_install"],
            "installing the kernel's modules", self.log, env=self.environment)
        version = subprocess.run(["make", "-s", "-C", self.out, "kernelrelease"], check=True,
                                 stdout=subprocess.PIPE, text=True,
                                 env=self.environment).stdout.strip()
        os.makedirs(os.path.join(self.root, "boot"), exist_ok=True)
        shutil.copy(os.path.join(self.out, self.image),
                    os.path.join(self.root, "boot", "vmlinuz-" + version))
        return version

    def build(self, note, minutes):
        """All of that, as far as it is not done already; sets its version."""
        done = os.path.join(self.folder, "version")
        with open(os.path.join(self.folder, "lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(done):
                note(f"building the kernel, once, in {self.folder} "
                     f"({minutes} minutes on two cores)")
                self.unpack()
                self.configure()
                version = self.compile()
                with open(done, "w", encoding="ascii") as file:
                    file.write(version + "\n")
            with open(done, encoding="ascii") as file:
                self.version = file.read().strip()

    def build_modules(self, to, log, *settings):
        """Our three modules for it, into a folder."""
        run([os.path.join(rig.TOP, "scripts", "build"), "--kdir", self.out, "--to", to, "-j2",
             *settings, "modules"], "building our modules", log, env=self.environment)
