#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Boots the lab machine, runs a command in it and exits with its status.

Runs inside the lab root (tools/lab/lab takes care of that).
"""

import argparse
import os
import signal
import sys

import bochs
import machine
from machine import NOT_UP, say


def parse(argv):
    command = []
    if "--" in argv:
        cut = argv.index("--")
        argv, command = argv[:cut], argv[cut + 1 :]
    p = argparse.ArgumentParser(
        prog="lab",
        usage="lab [options] -- COMMAND [ARG...]\n       lab [options] shell",
        description="Runs COMMAND as root in an emulated machine that has AMD-V or VT-x, and exits with "
        "its status; 124: the limit was reached, 125: the machine's kernel complained (oops, "
        "WARNING, lockdep, KASAN, stall), 126: the machine did not come up, or the modules did "
        "not load.",
    )
    p.add_argument("--vendor", choices=("amd", "intel"), default="amd",
                   help="amd (default): QEMU emulates AMD-V; intel: Bochs emulates VT-x")
    p.add_argument("--module", choices=("ours", "stock", "none"), default="ours",
                   help="whose KVM modules are loaded: the build's (default), the "
                   "distribution's, nobody's")
    p.add_argument("--param", action="append", default=[], metavar="MODULE.NAME=VALUE",
                   help="module parameter (kvm.…, kvm_amd.…, kvm_intel.…); repeatable")
    p.add_argument("--smp", type=int, metavar="N", help="CPUs (default 2)")
    p.add_argument("--spare-cpu", action="store_true",
                   help="QEMU: one CPU more, CPU 0, which COMMAND and what it starts do not get")
    p.add_argument("--mem", metavar="SIZE", help="memory (default 4G; intel: 2G)")
    p.add_argument("--cpu", metavar="MODEL",
                   help="amd: QEMU's CPU model (default max; max,-svm has no AMD-V), or ryzen, which "
                   "is Bochs'; intel: skylake_x (default), lynnfield_750, penryn, or any other of "
                   "Bochs' models")
    p.add_argument("--share", action="append", default=[], metavar="DIR",
                   help="a host folder, read-only at the same path; repeatable.  The project "
                   "and the lab root always are")
    p.add_argument("--kernel", metavar="DIR", default=os.environ.get("LAB_KERNEL"),
                   help="the machine's kernel is the one built in DIR (tools/lab/mkkernel makes one "
                   "that finds bugs), and our modules are those in build/lab/mod-NAME, NAME being "
                   "DIR's last part")
    p.add_argument("--icount", action="store_true",
                   help="one instruction is one TSC tick, on one CPU: runs repeat exactly")
    p.add_argument("--append", default="", metavar="ARGS", help="more kernel command line")
    p.add_argument("--qemu", action="append", default=[], metavar="ARG",
                   help="one more argument of the machine's QEMU; repeatable")
    p.add_argument("--vmx-locked-off", action="store_true",
                   help="Bochs: the firmware has switched VMX off on CPU 0, and locked that")
    p.add_argument("--timeout", type=float, default=1800, metavar="SECONDS",
                   help="how long COMMAND may take (default 1800)")
    p.add_argument("--console", action="store_true",
                   help="show the machine's console, on standard error")
    p.add_argument("--quiet", action="store_true", help="say nothing when all is well")
    p.add_argument("shell", nargs="?", choices=("shell",), help="a prompt in the machine")
    o = p.parse_args(argv)
    if bool(o.shell) == bool(command):
        p.error("say what to run: -- COMMAND [ARG...], or shell")
    o.bochs = o.vendor == "intel" or o.cpu in bochs.AMD_MODELS
    o.cpu = o.cpu or ("skylake_x" if o.bochs else "max")
    o.mem = o.mem or ("2G" if o.bochs else "4G")
    if o.bochs and (o.icount or o.qemu or o.spare_cpu):
        p.error("--icount, --qemu and --spare-cpu are QEMU's, which this machine is not")
    if o.vmx_locked_off and not o.bochs:
        p.error("--vmx-locked-off is for Bochs, which this machine is not")
    if o.bochs:
        bochs.check(o, p.error)
    if o.icount and (o.smp not in (None, 1) or o.spare_cpu):
        p.error("--icount is for one CPU")
    if o.smp is None:
        o.smp = 1 if o.icount else 2
    o.params = {"kvm": [], "kvm_amd": [], "kvm_intel": []}
    for param in o.param:
        module, dot, rest = param.partition(".")
        module = module.replace("-", "_")
        if not dot or "=" not in rest or module not in o.params:
            p.error(f"--param {param}: MODULE.NAME=VALUE, of kvm or kvm_{o.vendor}")
        o.params[module].append(rest)
    o.command = command
    return o


def main():
    options = parse(sys.argv[1:])
    if options.module == "ours":
        folder = machine.modules_folder(options)
        for name in ("kvm", f"kvm-{options.vendor}"):
            if not os.path.exists(os.path.join(folder, f"{name}.ko")):
                say(f"{os.path.relpath(folder)}/{name}.ko is not built: `make modules-lab` first")
                return NOT_UP
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    emulator = bochs.BochsMachine if options.bochs else machine.Machine
    for attempt in (1, 2):
        one = emulator(options)
        try:
            status = one.run()
        finally:
            one.close()
        if status is not None:
            return status
        say("trying once more" if attempt == 1 else "giving up")
    return NOT_UP


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
