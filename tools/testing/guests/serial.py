# SPDX-License-Identifier: GPL-2.0-only
"""A QEMU whose guest has a shell on its first serial line."""

import glob
import socket
import subprocess
import sys
import time


class GuestError(Exception):
    """The guest did not do what it was asked in time."""


class Guest:
    """Runs QEMU; types into and reads the guest's serial line."""

    PROMPT = "guest# "
    QUESTIONS = ("info registers -a", "info lapic", "info pic", "info irq")

    def __init__(self, arguments, show=None):
        self.line, serial = socket.socketpair()
        self.monitor, monitor = socket.socketpair()
        self.text = ""
        self.show = show
        self.qemu = subprocess.Popen(
            ["qemu-system-x86_64", *arguments, "-display", "none",
             "-chardev", f"socket,id=serial,fd={serial.fileno()}", "-serial", "chardev:serial",
             "-chardev", f"socket,id=monitor,fd={monitor.fileno()}", "-mon", "monitor"],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=[serial.fileno(), monitor.fileno()])
        serial.close()
        monitor.close()

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
                raise GuestError(f"no '{what}' in {seconds} s; last: {self.text[-1500:]}\n{self.state()}")
            if not self.read(end - time.monotonic()):
                raise GuestError(f"the guest ended before '{what}'; last: {self.text[-1500:]}"
                                 + self.words_of_qemu())
        said, _, self.text = self.text.partition(what)
        return said

    def ask_monitor(self, command, seconds=10):
        """What QEMU's monitor says to a command; what it has said by then when it does not answer."""
        self.monitor.settimeout(seconds)
        said = ""
        try:
            self.monitor.sendall(f"{command}\n".encode())
            while not said.endswith("(qemu) ") or command not in said:
                data = self.monitor.recv(65536)
                if not data:
                    break
                said += data.decode("utf-8", "replace").replace("\r", "")
        except OSError as e:
            said += f" [{e}]"
        return said

    def state(self):
        """Of a guest that does not answer: its CPUs and controllers, and where QEMU's threads are in the kernel."""
        said = [self.ask_monitor(c) for c in self.QUESTIONS]
        for task in glob.glob(f"/proc/{self.qemu.pid}/task/*"):
            for name in "comm", "stack":
                try:
                    with open(f"{task}/{name}") as f:
                        said.append(f.read())
                except OSError:
                    pass
        return "\n".join(said)

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
        self.monitor.close()
        self.qemu.stderr.close()
