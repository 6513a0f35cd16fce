# SPDX-License-Identifier: GPL-2.0-only
"""A QEMU whose guest has a shell on its first serial line."""

import os
import socket
import subprocess
import sys
import time


class GuestError(Exception):
    """The guest did not do what it was asked in time."""


class Guest:
    """Runs QEMU; types into and reads the guest's serial line."""

    PROMPT = "guest# "

    def __init__(self, arguments, show=None):
        ours, theirs = socket.socketpair()
        self.line = ours
        self.text = ""
        self.show = show
        self.qemu = subprocess.Popen(
            ["qemu-system-x86_64", *arguments, "-display", "none", "-monitor", "none",
             "-chardev", f"socket,id=serial,fd={theirs.fileno()}", "-serial", "chardev:serial"],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=[theirs.fileno()])
        theirs.close()

    def read(self, seconds):
        """Takes in what the guest has to say; False when it has hung up."""
        self.line.settimeout(max(seconds, 0.01))
        try:
            data = self.line.recv(65536)
        except TimeoutError:
            return True
        if not data:
            return False
        text = data.decode("utf-8", "replace").replace("\r", "")
        self.text += text
        if self.show:
            self.show(text)
        return True

    def wait_for(self, what, seconds):
        """Returns what the guest said up to and with the given words."""
        end = time.monotonic() + seconds
        while what not in self.text:
            if time.monotonic() > end:
                raise GuestError(f"no '{what}' in {seconds} s; last: {self.text[-1500:]}")
            if not self.read(end - time.monotonic()):
                raise GuestError(f"the guest ended before '{what}'; last: {self.text[-1500:]}"
                                 + self.words_of_qemu())
        said, _, self.text = self.text.partition(what)
        return said

    def words_of_qemu(self):
        self.qemu.kill()
        return "; QEMU: " + self.qemu.stderr.read().decode("utf-8", "replace")

    def type(self, text):
        self.line.sendall(text.encode())

    def command(self, text, seconds):
        """Has the guest's shell run a command; returns its output and its status."""
        self.type(f"{text}; echo \"=$?=\"\n")
        said = self.wait_for(self.PROMPT, seconds)
        output, _, rest = said.rpartition("=\n")
        output, _, status = output.rpartition("=")
        if not status.isdigit():
            raise GuestError(f"'{text}' gave no status: {said[-1500:]}")
        return output, int(status)

    def end(self, seconds):
        """Waits for QEMU to end by itself; returns its status."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.read(end - time.monotonic()):
            pass
        try:
            return self.qemu.wait(max(end - time.monotonic(), 5))
        except subprocess.TimeoutExpired:
            raise GuestError(f"QEMU did not end in {seconds} s; last: {self.text[-500:]}") from None

    def kill(self):
        if self.qemu.poll() is None:
            self.qemu.kill()
            self.qemu.wait()
        self.line.close()
        self.qemu.stderr.close()
