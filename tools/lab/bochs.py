# SPDX-License-Identifier: GPL-2.0-only
"""One boot of the lab machine under Bochs, which emulates VT-x (and an AMD-V of its own).

The machine's disks are images: one of the lab root, made when the root has changed,
and one of the project and the shares, made for each run.  Kernel and initial file
system are put into its memory.  What the machine has to tell comes through one port
(wire.c); its console is a serial line, as on the other machine.
"""

import fcntl
import glob
import hashlib
import os
import re
import selectors
import shutil
import socket
import subprocess
import sys
import termios
import time
import tty

import initramfs
import pvh
from machine import BUILD, HERE, TOP, Machine, modules_folder, say

AMD_MODELS = ("ryzen", "zambezi", "trinity_apu")
BOCHS = os.environ.get("LAB_BOCHS", "")
BOOT_LIMIT = int(os.environ.get("LAB_BOOT_TIMEOUT", "600"))

KEPT_SECONDS = 3600

# Emulated instructions a second of the machine's time.
IPS = 100_000_000
MB = 1 << 20
MAX_MB = 3072
# Where what the kernel starts with lies.
INFO_AT = 0x0F000000
INITRD_AT = 0x10000000
LOW_RAM = 0x9F000
ACPI_SIZE = MB
# What Bochs says when the machine goes off by ACPI, as a panic.
POWERED_OFF = "ACPI control: soft power off"
# wire.c; the boot sector's word.
PORT, FRAME, BOOTED = 0xE9, 1, 2
STREAMS = {ord("c"): "ctl", ord("o"): "out", ord("e"): "err"}

APPEND = ("console=ttyS0,115200 loglevel=5 panic=-1 nokaslr tsc=reliable "
          f"tsc_early_khz={IPS // 1000} no_timer_check random.trust_cpu=on")

# Parts of the project that no run needs there, or that are too large to take along
# unasked (--share brings one).
LEFT_OUT = (".git", "build/mod", "build/dkms", "build/guests", "build/fuzz", "build/check")
LEFT_OUT_LAB = re.compile(r"^(root.*|console.*|.*initramfs.*|bochs-.*|debug|\..*|.*\.lock)$")

BIOS = "/usr/share/bochs/BIOS-bochs-latest"
# Where it writes IA32_FEATURE_CONTROL of the first CPU, in 32-bit mode: mov $0x3a, %ecx; rdmsr; or $5, %eax.
# Bit 0 locks, bit 2 is VMX.
VMX_ON = bytes([0xB9, 0x3A, 0, 0, 0, 0x0F, 0x32, 0x83, 0xC8, 0x05])
VMX_OFF = VMX_ON[:-1] + b"\x01"

SETTINGS = """\
config_interface: textconfig
display_library: nogui
memory: guest={mem}, host={mem}, block_size=1024
romimage: file={bios}, options=fastboot
vgaromimage: file=/usr/share/vgabios/vgabios.bin
cpu: model={model}, count={smp}, ips={ips}, reset_on_triple_fault=1, ignore_bad_msrs=1, quantum=32
clock: sync=none, time0=utc
boot: disk
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path={share}, mode=volatile, journal={dir}/share
ata0-slave: type=disk, path={root}, mode=volatile, journal={dir}/root
optramimage1: file={kernel}, address={kernel_at:#x}
optramimage2: file={initrd}, address={initrd_at:#x}
optramimage3: file={info}, address={info_at:#x}
com1: enabled=1, mode=file, dev={console}
com2: {tty}
port_e9_hack: enabled=1
pci: enabled=1, chipset=i440fx
mouse: enabled=0
private_colormap: enabled=0
log: {log}
panic: action=fatal
error: action={errors}
info: action=ignore
debug: action=ignore
"""


def binary():
    """Bochs, built when it is not there."""
    made = subprocess.run([os.path.join(HERE, "mkbochs")], stdout=subprocess.PIPE, text=True)
    if made.returncode:
        sys.exit(f"lab: there is no Bochs (mkbochs: {made.returncode})")
    return os.path.join(made.stdout.strip(), "bochs")


def models(program):
    listing = subprocess.run([program, "--help", "cpu"], capture_output=True, text=True)
    return re.findall(r"^ *([a-z][a-z0-9_]+)$", listing.stdout + listing.stderr, re.M)


def check(options, error):
    """Completes the options; error(text) is for wrong ones."""
    options.program = binary()
    known = models(options.program)
    found = [m for m in known if m == options.cpu] or [m for m in known if options.cpu in m]
    if len(found) != 1:
        error(f"--cpu {options.cpu}: Bochs has {', '.join(known)}")
    options.model = found[0]
    size = re.fullmatch(r"(\d+)([MG]?)", options.mem)
    options.megs = int(size[1]) * {"M": 1, "": 1, "G": 1024}[size[2]] if size else 0
    if not 512 <= options.megs <= MAX_MB:
        error(f"--mem {options.mem}: 512M to {MAX_MB}M")


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def show(path, where):
    """Binds it there, to be read only: what is removed with its temporary folder must not be the original."""
    mount("-o", "bind,ro", path, where)


def make_filesystem(folder, path, sector=b"", label="lab"):
    """An ext4 image of a folder and what is mounted there, with a boot sector."""
    used = int(subprocess.run(["du", "-sm", folder], check=True, capture_output=True, text=True)
               .stdout.split()[0])
    inodes = int(subprocess.run(["du", "-s", "--inodes", folder], check=True, capture_output=True,
                                text=True).stdout.split()[0])
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal,^resize_inode", "-m", "0",
                    "-N", str(inodes + inodes // 8 + 256), "-E", "root_owner=0:0,nodiscard",
                    "-L", label, "-d", folder, path, f"{used + used // 16 + inodes // 2048 + 24}M"],
                   check=True)
    if sector:
        with open(path, "r+b") as f:
            f.write(sector)


def kept(name, recipe, make):
    """A file beside Bochs, made by make(path) where none of this recipe is there."""
    digest = hashlib.sha256(recipe).hexdigest()[:16]
    path = os.path.join(BOCHS, f"{name}-{digest}")
    if os.path.exists(path):
        os.utime(path)
        return path
    with open(os.path.join(BOCHS, "lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(path):
            return path
        for old in glob.glob(os.path.join(glob.escape(BOCHS), f"{name}-*")):
            # Another tree's, unless nobody has asked for it in a while.
            if time.time() - os.path.getmtime(old) > KEPT_SECONDS:
                os.unlink(old)
        temporary = f"{path}.making"
        make(temporary)
        os.rename(temporary, path)
    return path


class Terminal:
    """The other end of the machine's second serial line, as the selector wants it."""

    def __init__(self, fd, to=None):
        self.fd, self.to = fd, to

    def fileno(self):
        return self.fd

    def recv(self, size):
        try:
            data = os.read(self.fd, size)
        except OSError:
            data = b""
        if data:
            os.write(self.to, data)
        return data

    def close(self):
        pass


class BochsMachine(Machine):
    """The same as Machine, under another emulator."""

    emulator = "bochs"
    boot_limit = BOOT_LIMIT
    drivers = ("ata_piix", "sd_mod", "ext4", "overlay")
    stripped = True
    tty_name = "ttyS1"

    def __init__(self, options):
        super().__init__(options)
        self.wire = b""
        self.boots = 0
        self.bochs_log = os.path.join(self.dir, "bochs.log")
        self.work = os.path.join(BUILD, f"bochs-{os.getpid()}")
        self.terminal = None
        # What runs have left that were killed.
        for path in glob.glob(os.path.join(glob.escape(BUILD), "bochs-[0-9]*")):
            if not os.path.exists(f"/proc/{path.rpartition('-')[2]}"):
                shutil.rmtree(path, ignore_errors=True)

    # The initial file system

    def programs_recipe(self):
        return b"".join(initramfs.read(os.path.join(HERE, name)) for name in ("wire.c", "bochs.py"))

    def add_programs(self, archive):
        program = os.path.join(self.dir, "wire")
        subprocess.run(["gcc", "-O2", "-static", "-s", "-o", program, os.path.join(HERE, "wire.c")],
                       check=True)
        archive.file("bin/wire", initramfs.read(program), 0o755)
        if not self.o.kernel:
            for name in ("kvm_amd", "kvm_intel"):
                initramfs.add_modules(archive, self.kernel, (name,), f"kvm/{name}", True)

    def add_to_job(self, archive):
        if self.o.module == "ours":
            for name in ("kvm", f"kvm-{self.o.vendor}"):
                path = os.path.join(modules_folder(self.o), f"{name}.ko")
                archive.file(f"kvm/ours/{name}.ko", initramfs.strip(path))

    # The disks

    def root_image(self):
        def make(path):
            say("the machine's disk: copying the lab root")
            view = os.path.join(self.dir, "root")
            os.mkdir(view)
            # The root alone, without what is mounted there.
            try:
                show("/", view)
                make_filesystem(view, path)
            finally:
                subprocess.run(["umount", view], check=True)

        recipe = initramfs.read("/etc/kvm-one-lab") + initramfs.read("/var/lib/dpkg/status")
        return kept("root", recipe + b"2", make)

    def share_image(self, sector):
        """The project and the shares, at their own paths."""
        view = os.path.join(self.dir, "share")
        os.mkdir(view)

        def at(path):
            return view + path

        def bind(path):
            if os.path.isdir(path):
                os.makedirs(at(path), exist_ok=True)
            else:
                os.makedirs(os.path.dirname(at(path)), exist_ok=True)
                open(at(path), "ab").close()
            show(path, at(path))

        def bind_all():
            bind(TOP)
            for name in LEFT_OUT:
                if os.path.isdir(os.path.join(TOP, name)):
                    mount("-t", "tmpfs", "none", at(os.path.join(TOP, name)))
            mount("-t", "tmpfs", "none", at(BUILD))
            for name in os.listdir(BUILD):
                if not LEFT_OUT_LAB.match(name):
                    bind(os.path.join(BUILD, name))
            for path in self.o.share:
                bind(os.path.realpath(path))
            if self.o.kernel:
                bind(os.path.realpath(self.o.kernel))

        path = os.path.join(self.work, "share.img")
        try:
            bind_all()
            make_filesystem(view, path, sector)
        finally:
            subprocess.run(["umount", "-R", at(TOP)], check=False)
        return path

    # What Bochs starts with

    def kernel_image(self):
        """The kernel's memory image, where it lies and where it starts."""
        path = os.path.join(self.o.kernel, "vmlinux") if self.o.kernel else f"/boot/vmlinuz-{self.kernel}"
        packed = initramfs.read(path)
        name = f"kernel-{os.path.basename(os.path.normpath(self.o.kernel))}" if self.o.kernel else "kernel"

        def make(path):
            elf = pvh.vmlinux(packed)
            image, base = pvh.memory_image(elf)
            with open(path, "wb") as f:
                f.write(image + b"%016x%016x" % (base, pvh.entry(elf)))

        path = kept(name, packed + initramfs.read(pvh.__file__), make)
        with open(path, "rb") as f:
            f.seek(-32, os.SEEK_END)
            words = f.read()
        return path, int(words[:16], 16), int(words[16:], 16)

    def tty(self):
        if not self.o.shell:
            return "enabled=0"
        master, slave = os.openpty()
        self.selector.register(Terminal(master, 1), selectors.EVENT_READ, "tty")
        self.selector.register(Terminal(0, master), selectors.EVENT_READ, "tty")
        if os.isatty(0):
            self.terminal = termios.tcgetattr(0)
            tty.setraw(0)
        return f"enabled=1, mode=term, dev={os.ttyname(slave)}"

    def bios(self):
        if not self.o.vmx_locked_off:
            return BIOS
        rom = initramfs.read(BIOS)
        if rom.count(VMX_ON) != 1:
            sys.exit(f"lab: {BIOS} does not switch VMX on where it did")
        path = os.path.join(self.dir, "bios")
        with open(path, "wb") as f:
            f.write(rom.replace(VMX_ON, VMX_OFF))
        return path

    def arguments(self):
        o = self.o
        self.inherited = []
        os.makedirs(self.work, exist_ok=True)
        kernel, kernel_at, entry = self.kernel_image()
        initrd = self.initrd()
        memory = [(0, LOW_RAM, pvh.RAM), (LOW_RAM, MB - LOW_RAM, pvh.RESERVED),
                  (MB, o.megs * MB - MB - ACPI_SIZE, pvh.RAM),
                  (o.megs * MB - ACPI_SIZE, ACPI_SIZE, pvh.RESERVED)]
        info = os.path.join(self.dir, "info")
        with open(info, "wb") as f:
            f.write(pvh.start_info(INFO_AT, f"{APPEND} {o.append}".strip(),
                                   (INITRD_AT, os.path.getsize(initrd)), memory))
        settings = SETTINGS.format(
            bios=self.bios(), mem=o.megs, model=o.model, smp=o.smp, ips=IPS, dir=self.dir, tty=self.tty(),
            share=self.share_image(pvh.boot_sector(BOOTED, PORT, INFO_AT, entry)), root=self.root_image(),
            kernel=kernel, kernel_at=kernel_at, initrd=initrd, initrd_at=INITRD_AT, info=info,
            info_at=INFO_AT, console=self.log, log=self.bochs_log,
            errors="report" if os.environ.get("LAB_BOCHS_ERRORS") else "ignore")
        path = os.path.join(self.dir, "bochsrc")
        with open(path, "w") as f:
            f.write(settings)
        os.environ["LAB_BOCHS_REAL"] = o.program
        return [os.environ.get("LAB_BOCHS_PROGRAM", o.program), "-q", "-f", path]

    def stdio(self):
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.selector.register(ours, selectors.EVENT_READ, "wire")
        self.inherited.append(theirs)
        return {"stdin": subprocess.DEVNULL, "stdout": theirs, "stderr": self.stderr}

    # While it runs

    def on_data(self, name, data):
        if name != "wire":
            return
        self.wire += data
        at, wire = 0, self.wire
        while at < len(wire):
            if wire[at] == BOOTED:
                self.boots += 1
                at += 1
            elif wire[at] == FRAME and self.boots:
                if at + 4 > len(wire):
                    break
                size = wire[at + 2] | wire[at + 3] << 8
                if at + 4 + size > len(wire):
                    break
                super().on_data(STREAMS.get(wire[at + 1], "err"), wire[at + 4 : at + 4 + size])
                at += 4 + size
            else:
                # Bochs' own words.
                at += 1
        self.wire = wire[at:]

    def over(self):
        # It has no way to go off at a reset.
        return super().over() or ("reset" if self.boots > 1 else None)

    def last_words(self):
        words = []
        for path in (self.bochs_log, self.stderr_path):
            if os.path.exists(path):
                text = initramfs.read(path).decode("utf-8", "replace")
                words += [line.strip() for line in text.split("\n")
                          if "PANIC" in line and POWERED_OFF not in line]
        if os.environ.get("LAB_BOCHS_ERRORS") and os.path.exists(self.bochs_log):
            os.makedirs(BUILD, exist_ok=True)
            with open(os.path.join(BUILD, "console-bochs.log"), "wb") as f:
                f.write(initramfs.read(self.bochs_log))
        return "\n".join(words)

    def emulator_failed(self, words):
        return bool(words) and self.status is None

    def close(self):
        super().close()
        if self.terminal:
            termios.tcsetattr(0, termios.TCSADRAIN, self.terminal)
        for path in glob.glob(os.path.join(glob.escape(self.work), "*")):
            os.unlink(path)
        if os.path.isdir(self.work):
            os.rmdir(self.work)
