# SPDX-License-Identifier: GPL-2.0-only
"""Initial file systems of the lab machine, and of Linux guests inside it."""

import contextlib
import glob
import hashlib
import lzma
import os
import subprocess
import tempfile

import files


class Archive:
    """A cpio archive of the kind the kernel unpacks ("newc")."""

    def __init__(self):
        self.data = bytearray()
        self.inode = 1
        self.folders = set()

    def _entry(self, name, mode, content=b"", major=0, minor=0):
        name = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, major, minor, len(name), 0)
        self.data += b"070701" + b"".join(b"%08X" % f for f in fields) + name
        self.data += b"\0" * (-len(self.data) % 4)
        self.data += content
        self.data += b"\0" * (-len(self.data) % 4)
        self.inode += 1

    def folder(self, name):
        name = name.strip("/")
        if not name or name in self.folders:
            return
        self.folder(os.path.dirname(name))
        self.folders.add(name)
        self._entry(name, 0o040755)

    def file(self, name, content, mode=0o644):
        self.folder(os.path.dirname(name))
        if isinstance(content, str):
            content = content.encode()
        self._entry(name, 0o100000 | mode, content)

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self._entry(name, 0o120777, target.encode())

    def device(self, name, major, minor):
        self.folder(os.path.dirname(name))
        self._entry(name, 0o020600, b"", major, minor)

    def finish(self):
        self.inode = 0
        self._entry("TRAILER!!!", 0)
        self.data += b"\0" * (-len(self.data) % 512)
        return bytes(self.data)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def modules_with_dependencies(kernel, names):
    """Files of the named modules and of all that they need, in the order to load them."""
    files = []
    for name in names:
        listing = subprocess.run(
            ["modprobe", "-S", kernel, "-D", name], check=True, capture_output=True, text=True
        ).stdout
        for line in listing.splitlines():
            words = line.split()
            if words[0] == "insmod" and words[1] not in files:
                files.append(words[1])
    return files


def strip(path):
    """A module without symbols for debuggers, and without a signature: quick to load."""
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run(["strip", "--strip-debug", "-o", f.name, path], check=True)
        return read(f.name)


def add_modules(archive, kernel, names, folder, stripped=False):
    """Puts modules, unpacked, and their loading order ("order") into a folder."""
    order = []
    for path in modules_with_dependencies(kernel, names):
        content = read(path)
        base = os.path.basename(path)
        if base.endswith(".xz"):
            base, content = base[:-3], lzma.decompress(content)
        if stripped:
            with tempfile.NamedTemporaryFile() as f:
                f.write(content)
                f.flush()
                content = strip(f.name)
        archive.file(f"{folder}/{base}", content)
        order.append(base)
    archive.file(f"{folder}/order", "".join(f"{o}\n" for o in order))


def cached(path, recipe, make):
    """What make() returns: kept in a file beside path until the recipe is another."""
    name = path
    digest = hashlib.sha256(recipe).hexdigest()[:16]
    path = f"{path}-{digest}.cpio"
    with contextlib.suppress(FileNotFoundError):
        return read(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    content = make()
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as f:
        f.write(content)
    os.rename(temporary, path)
    for old in glob.glob(f"{glob.escape(name)}-*.cpio"):
        if old != path:
            files.remove(old)
    return content
