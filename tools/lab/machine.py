# SPDX-License-Identifier: GPL-2.0-only
"""One boot of the lab machine, under QEMU."""

import ctypes
import glob
import mmap
import os
import platform
import re
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import files
import initramfs

USAGE = 2
TIMED_OUT = 124
KERNEL_COMPLAINED = 125
NOT_UP = 126

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, "build", "lab")
BOOT_LIMIT = int(os.environ.get("LAB_BOOT_TIMEOUT", "240"))
OFF_LIMIT = 20
LOGS_KEPT = 20

# What the kernel says when it finds something wrong with itself.
COMPLAINT = re.compile(
    r"BUG: |WARNING: |Oops|Kernel panic|general protection fault|KASAN|UBSAN|KFENCE|KCSAN"
    r"|rcu: INFO|INFO: rcu|soft lockup|hard LOCKUP|INFO: task |INFO: possible|INFO: lockdep"
    r"|INFO: trying to register|unable to handle|cut here \]|invalid opcode: |divide error: "
    r"|double fault: |ODEBUG|kmemleak: \d+ new|DEBUG_LOCKS_WARN_ON|list_(add|del) corruption"
    r"|refcount_t: |bad: scheduling from the idle thread"
)
# The same words about a process, or about the CPU that is emulated.
HARMLESS = re.compile(r"RETBleed: |Spectre V2 : |Speculative Return Stack Overflow: |traps: |segfault at|trap invalid opcode|trap divide error")

# QEMU's own last words, when the emulator and not the machine has failed.
EMULATOR_FAILED = re.compile(r"assertion failed|Assertion .* failed|tcg.*(abort|fatal)", re.I)


def say(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)


def modules_folder(options):
    """Where the build of our modules for the machine's kernel is."""
    name = f"mod-{os.path.basename(os.path.normpath(options.kernel))}" if options.kernel else "mod"
    return os.environ.get("LAB_MODULES", os.path.join(BUILD, name))


def tsc_khz():
    """The rate of this host's TSC, which the one under TCG is; 0 where it is not known.

    A kernel that finds it out by the emulated 8254 is wrong by a factor of up to twenty when the host is busy
    just then, and all its clocks go too fast by that.
    """
    if platform.machine() != "x86_64":
        return 0
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\x0f\x31\x48\xc1\xe2\x20\x48\x09\xd0\xc3")  # rdtsc; shl $32, %rdx; or %rdx, %rax; ret
    rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(code)))

    def moment():
        """Of ten tries the one that was disturbed least."""
        tries = []
        for _ in range(10):
            before = time.monotonic_ns()
            tsc = rdtsc()
            after = time.monotonic_ns()
            tries.append((after - before, before + (after - before) // 2, tsc))
        return min(tries)[1:]

    ns, tsc = moment()
    time.sleep(0.1)
    ns_later, tsc_later = moment()
    return round((tsc_later - tsc) * 10**6 / (ns_later - ns))


def shell_word_list(words):
    """For a variable of the job file: split at blanks there, so no word may hold one."""
    return shlex.quote(" ".join(words))


class Machine:
    """One boot of the lab machine."""

    boot_limit = BOOT_LIMIT
    drivers = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")
    emulator = "qemu"
    stripped = False
    tty_name = "hvc0"

    def __init__(self, options):
        self.o = options
        self.kernel = initramfs.read("/etc/kvm-one-kernel").decode().strip()
        self.dir = tempfile.mkdtemp(prefix="lab-")
        self.log = self.new_log()
        self.selector = selectors.DefaultSelector()
        self.ends = {}
        self.console_seen = 0
        self.console_text = ""
        self.complaint_at = None
        self.qemu = None
        self.booted = False
        self.up = False
        self.failed = None
        self.status = None
        self.ctl = b""
        self.started = self.spoke = self.pulsed = time.monotonic()
        self.stderr_path = os.path.join(self.dir, "qemu.stderr")

    # Logs and messages

    @staticmethod
    def new_log():
        os.makedirs(BUILD, exist_ok=True)
        for old in files.by_age(glob.glob(os.path.join(BUILD, "console-*.log")))[:-LOGS_KEPT]:
            pid = re.search(r"-(\d+)\.log$", old)
            # Not one that is still read.
            if not (pid and os.path.exists(f"/proc/{pid[1]}")):
                files.remove(old)
        path = os.path.join(BUILD, time.strftime(f"console-%m%d-%H%M%S-{os.getpid()}.log"))
        open(path, "w").close()
        link = os.path.join(BUILD, f".console-{os.getpid()}")
        files.remove(link)
        os.symlink(os.path.basename(path), link)
        os.rename(link, os.path.join(BUILD, "console.log"))
        return path

    def progress(self, text):
        if not self.o.quiet:
            say(f"{text} ({time.monotonic() - self.started:.0f} s)")

    # Building the machine

    def job(self):
        o = self.o
        size = os.get_terminal_size() if o.shell and sys.stdin.isatty() else os.terminal_size((80, 24))
        job = {
            "emulator": self.emulator,
            "vendor": o.vendor,
            "module": o.module,
            "modules": modules_folder(o),
            "kernel_build": o.kernel or "",
            "kvm_params": " ".join(o.params["kvm"]),
            "vendor_params": " ".join(o.params[f"kvm_{o.vendor}"]),
            "interactive": "1" if o.shell else "",
            "pulse": "1" if self.has_pulse() else "",
            "tty": self.tty_name,
            "rows": str(size.lines or 24),
            "cols": str(size.columns or 80),
        }
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in job.items()]
        command = ["/bin/bash", "-l"] if o.shell else o.command
        script = f"cd {shlex.quote(os.getcwd())}\nexec {shlex.join(command)}\n"
        return "".join(lines), script

    def initrd(self):
        """The boot's file system: a part that is always the same, then this run's job."""
        init = initramfs.read(os.path.join(HERE, "init"))
        # A kernel of one's own has the machine's drivers built in.
        drivers = () if self.o.kernel else self.drivers
        recipe = init + repr((self.kernel, drivers)).encode() + self.programs_recipe()
        recipe += initramfs.read(initramfs.__file__) + initramfs.read("/etc/kvm-one-lab")

        def base():
            a = initramfs.Archive()
            a.file("bin/busybox", initramfs.read("/bin/busybox"), 0o755)
            a.link("bin/sh", "busybox")
            a.device("dev/console", 5, 1)
            a.device("dev/null", 1, 3)
            a.file("init", init, 0o755)
            initramfs.add_modules(a, self.kernel, drivers, "lab/modules", self.stripped)
            self.add_programs(a)
            return a.finish()

        job = initramfs.Archive()
        variables, script = self.job()
        job.file("lab/job", variables)
        job.file("lab/command", script)
        self.add_to_job(job)
        path = os.path.join(self.dir, "initrd")
        name = "bare-initramfs" if self.o.kernel else "initramfs"
        if self.emulator != "qemu":
            name = f"{self.emulator}-{name}"
        with open(path, "wb") as f:
            f.write(initramfs.cached(os.path.join(BUILD, name), recipe, base))
            f.write(job.finish())
        return path

    # What another emulator's machine has besides.

    def programs_recipe(self):
        """All that add_programs()'s work depends on."""
        return b""

    def add_programs(self, archive):
        """Adds to the part that is always the same."""

    def add_to_job(self, archive):
        """Adds to this run's part."""

    def image(self):
        if self.o.kernel:
            return os.path.join(self.o.kernel, "arch/x86/boot/bzImage")
        return f"/boot/vmlinuz-{self.kernel}"

    def port(self, name, device="virtserialport"):
        """A virtio-serial port whose other end is ours."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.ends[name] = ours
        self.selector.register(ours, selectors.EVENT_READ, name)
        self.inherited.append(theirs)
        return ["-chardev", f"socket,id={name},fd={theirs.fileno()}",
                "-device", f"{device},chardev={name},name={name}"]

    def arguments(self):
        o = self.o
        self.inherited = []
        accel = ["-accel", "tcg,thread=multi"]
        if o.icount:
            accel = ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"]
        append = "console=ttyS0 loglevel=5 panic=-1 tsc=reliable random.trust_cpu=on"
        cpus = o.smp
        if o.spare_cpu:
            # CPU 0 only keeps house.  With TCG every XRSTOR, on whatever CPU, changes a word of CPU 0's state, not
            # atomically, in which CPU 0 itself keeps whether nested paging and the global interrupt flag are on
            # (cpu_clear_ignne() and env->hflags2 in QEMU 10): one that enters guests now and then has a guest
            # without its nested page tables, or interrupts that are off for good.
            cpus += 1
            append += " isolcpus=0"
        if not o.icount:
            append += f" tsc_early_khz={tsc_khz()}"
        args = [os.environ.get("LAB_QEMU", "qemu-system-x86_64"), "-name", "lab", "-M", "q35", *accel, "-cpu", o.cpu,
                "-smp", str(cpus), "-m", o.mem, "-display", "none", "-nodefaults", "-no-reboot",
                "-kernel", self.image(), "-initrd", self.initrd(),
                "-append", f"{append} {o.append}".strip(),
                "-chardev", f"file,id=console,path={self.log}", "-serial", "chardev:console",
                "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
                "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
                "-device", "virtio-serial-pci,max_ports=8"]
        args += self.port("ctl")
        if self.has_pulse():
            args += self.port("pulse")
        if o.shell:
            args += ["-chardev", "stdio,id=tty,signal=off", "-device", "virtconsole,chardev=tty"]
        else:
            args += self.port("out") + self.port("err")
        return args + o.qemu

    def stdio(self):
        """The emulator's own input and output."""
        return {"stdin": None if self.o.shell else subprocess.DEVNULL,
                "stdout": None if self.o.shell else self.stderr,
                "stderr": self.stderr}

    # Running it

    def start(self):
        args = self.arguments()
        libc = ctypes.CDLL(None, use_errno=True)

        def die_with_us():
            libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

        self.stderr = open(self.stderr_path, "w+")
        self.qemu = subprocess.Popen(
            args,
            **self.stdio(),
            pass_fds=[s.fileno() for s in self.inherited],
            preexec_fn=die_with_us,
        )
        for s in self.inherited:
            s.close()
        self.progress(f"booting: {self.o.vendor}, {self.o.smp} CPUs, {self.o.mem}, "
                      f"modules: {self.o.module}")

    def read_console(self):
        with open(self.log, "rb") as f:
            f.seek(self.console_seen)
            new = f.read()
        if not new:
            return
        self.console_seen += len(new)
        new = new.decode("utf-8", "replace").replace("\r", "")
        self.console_text += new
        # Whole lines only, so that no complaint is cut in two.
        whole, newline, rest = self.console_text.rpartition("\n")
        if newline and self.o.console:
            print("machine | " + whole.replace("\n", "\nmachine | "), file=sys.stderr, flush=True)
        if newline and self.complaint_at is None:
            for line in whole.split("\n"):
                if COMPLAINT.search(line) and not HARMLESS.search(line):
                    self.complaint_at = time.monotonic()
                    break
        if newline:
            self.console_text = rest

    def complaint(self):
        """The kernel's complaint as it stands on the console, or None."""
        lines = initramfs.read(self.log).decode("utf-8", "replace").replace("\r", "").split("\n")
        for i, line in enumerate(lines):
            if COMPLAINT.search(line) and not HARMLESS.search(line):
                return lines[i : i + 60]
        return None

    def on_ctl(self, data):
        self.ctl += data
        *lines, self.ctl = self.ctl.split(b"\n")
        for line in lines:
            word, _, rest = line.decode("utf-8", "replace").partition(" ")
            if word == "loading":
                self.booted = True
            elif word == "up":
                self.up = True
                self.up_at = time.monotonic()
                self.progress("up" if self.o.shell else f"running: {shlex.join(self.o.command)[:100]}")
            elif word == "failed":
                self.failed = rest
            elif word == "status":
                self.status = int(rest)
                self.status_at = time.monotonic()

    def pump(self, wait):
        for key, _ in self.selector.select(wait):
            try:
                data = key.fileobj.recv(65536)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                self.selector.unregister(key.fileobj)
                key.fileobj.close()
            else:
                self.on_data(key.data, data)

    def on_data(self, name, data):
        if name == "ctl":
            self.on_ctl(data)
        else:
            stream = sys.stdout if name == "out" else sys.stderr
            stream.buffer.write(data)
            stream.buffer.flush()

    def heartbeat(self):
        """A boot on a busy host takes a while: it shows that it goes on."""
        if not self.up and time.monotonic() - self.spoke > 5:
            self.spoke = time.monotonic()
            self.progress("still booting")

    def has_pulse(self):
        return self.emulator == "qemu" and not self.o.icount

    def pulse(self):
        """Once a second the machine hears of us.

        Multi-threaded TCG can lose an interrupt: a VMRUN with a virtual interrupt pending changes the word of
        the CPU's pending interrupts without the lock that others hold who set one there (helper_vmrun()).  The
        local APIC still has it, but a CPU that sleeps does not hear of it before the next one.  Each pulse, see
        init, is an interrupt for every CPU.
        """
        if "pulse" in self.ends and time.monotonic() - self.pulsed > 1:
            self.pulsed = time.monotonic()
            try:
                self.ends["pulse"].send(b"\n")
            except OSError:
                del self.ends["pulse"]

    def over(self):
        """Has the machine had its time?  Says why."""
        now = time.monotonic()
        if not self.up:
            return "boot" if now - self.started > self.boot_limit else None
        if self.status is not None:
            return "off" if now - self.status_at > OFF_LIMIT else None
        if self.o.timeout and now - self.up_at > self.o.timeout:
            return "limit"
        return None

    def run(self):
        """Returns the exit status, or None where the emulator itself failed."""
        self.start()
        reason = None
        while self.qemu.poll() is None:
            if self.selector.get_map():
                self.pump(0.2)
            else:
                time.sleep(0.2)
            self.read_console()
            self.heartbeat()
            self.pulse()
            reason = self.over()
            if reason:
                self.qemu.kill()
                self.qemu.wait()
        while self.selector.get_map():
            before = len(self.selector.get_map())
            self.pump(0.5)
            if len(self.selector.get_map()) == before and reason:
                break
        self.read_console()
        return self.verdict(reason)

    def close(self):
        """Leaves nothing behind."""
        if self.qemu and self.qemu.poll() is None:
            self.qemu.kill()
            self.qemu.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def last_words(self):
        """What the emulator said of itself."""
        with open(self.stderr_path) as f:
            return f.read().strip()

    def emulator_failed(self, words):
        return EMULATOR_FAILED.search(words)

    def verdict(self, reason):
        emulator = self.last_words()
        if self.qemu.returncode and reason is None and self.emulator_failed(emulator):
            say(f"the emulator itself failed: {emulator.splitlines()[-1]}")
            return None
        log = os.path.relpath(self.log)
        complaint = self.complaint()
        if complaint and self.booted:
            say(f"the machine's kernel complained (console: {log}):")
            print("\n".join(complaint), file=sys.stderr)
            return KERNEL_COMPLAINED
        if not self.up:
            why = self.failed or (f"no sign of life in {self.boot_limit} s" if reason == "boot" else
                                  emulator or "the machine went off or was reset")
            say(f"the machine did not come up: {why} (console: {log})")
            print("".join(open(self.log, errors="replace").readlines()[-15:]), file=sys.stderr)
            return NOT_UP
        if reason == "limit":
            say(f"limit of {self.o.timeout:g} s reached (console: {log})")
            return TIMED_OUT
        if reason == "off":
            say(f"the machine did not power off in {OFF_LIMIT} s (console: {log})")
            return KERNEL_COMPLAINED
        if self.status is None:
            why = emulator or "it was powered off or reset from inside"
            say(f"the machine ended before the command did: {why} (console: {log})")
            return KERNEL_COMPLAINED
        self.progress(f"status {self.status}")
        return self.status
