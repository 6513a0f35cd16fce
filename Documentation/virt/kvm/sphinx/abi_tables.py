# SPDX-License-Identifier: GPL-2.0-only
"""``.. abi-table:: KIND``: a table of the ABI, made of the rows that the code itself is made of.

KIND is one of the methods table_KIND below.  What cannot be understood ends the build,
so a table is either what the code says or not there.  ``abi_words.txt`` has a
sentence for commands and capabilities; one for something that is not there ends the
build too.
"""

import os
import re

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, *[".."] * 4))
HEADERS = ("include/uapi/linux/kvm.h", "arch/x86/include/uapi/asm/kvm.h")
X86 = "arch/x86/kvm"
NUMBER = re.compile(r"#define\s+(KVM_\w+)\s+_(IO|IOR|IOW|IOWR)\(KVMIO,\s*(0x\w+)(?:,\s*([\w ]+?))?\s*\)")
FLAGS = {"KVM_IOCTL_NOLOAD": "the vCPU is not loaded", "KVM_IOCTL_ASYNC": "also while the vCPU runs",
         "KVM_IOCTL_RAW": "", "KVM_IOCTL_IN": "", "0": ""}
FILES = set()


class AbiError(Exception):
    """A row that this file does not understand."""


def read(path):
    path = os.path.join(TOP, path)
    FILES.add(path)
    with open(path) as f:
        return re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)


def macro_rows(path, macros):
    """Yields (macro, arguments) of a .def file; anything else in it is an error."""
    text = read(path)
    pattern = re.compile(r"\b(%s)\(((?:[^()]|\([^()]*\))*)\)" % "|".join(macros))
    rest = pattern.sub("", text).strip()
    rest = re.sub(r"^\s*(#.*|//.*)?$", "", rest, flags=re.M).strip()
    if rest:
        raise AbiError(f"{path}: not a row: {rest[:80]}")
    for m in pattern.finditer(text):
        depth, arguments = 0, [""]
        for c in m.group(2):
            depth += (c == "(") - (c == ")")
            if c == "," and depth == 0:
                arguments.append("")
            else:
                arguments[-1] += c
        yield m.group(1), [" ".join(a.split()) for a in arguments]


def words():
    """The sentences of abi_words.txt by name."""
    found = {}
    with open(os.path.join(HERE, "abi_words.txt")) as f:
        FILES.add(f.name)
        for line in f:
            if line.strip() and not line.startswith("#"):
                name, _, text = line.strip().partition(" ")
                found[name] = text.strip()
    return found


def commands():
    """Numbers and arguments of all commands, from the headers."""
    return {name: (kind, number, argument or "")
            for header in HEADERS for name, kind, number, argument in NUMBER.findall(read(header))}


def ioctls(descriptor):
    """(command, flags) of one kind of descriptor."""
    for path in ("virt/kvm/ioctls.def", f"{X86}/ioctls_arch.def"):
        for macro, (command, _, flags) in macro_rows(path, ["KVM_SYS_IOCTL", "KVM_VM_IOCTL", "KVM_VCPU_IOCTL"]):
            if macro == f"KVM_{descriptor.upper()}_IOCTL":
                yield command, flags


def capabilities():
    """(name, answer, where it can be enabled)"""
    for path in ("virt/kvm/caps.c", f"{X86}/caps.c"):
        text = read(path)
        rows = re.findall(r"\{\s*\.cap = (KVM_CAP_\w+),([^{}]*)\}", text)
        if len(rows) != text.count(".cap = "):
            raise AbiError(f"{path}: not every capability is a row")
        for name, rest in rows:
            value = re.search(r"\.value = ((?:[^,()]|\([^()]*\))+)", rest)
            if not value and ".check" not in rest:
                raise AbiError(f"{path}: {name} has no answer")
            enabled = [kind for kind in ("vm", "vcpu") if f".enable_{kind}" in rest]
            yield name, " ".join(value.group(1).split()) if value else None, enabled


def described(name, text):
    return text.get(name, "")


class AbiTable(Directive):
    """The directive."""

    required_arguments = 1
    optional_arguments = 1

    def run(self):
        make = getattr(self, "table_" + self.arguments[0], None)
        if not make:
            raise self.error(f"no such table: {self.arguments[0]}")
        try:
            heads, widths, rows = make(*self.arguments[1:])
        except AbiError as e:
            raise self.error(str(e)) from e
        if not rows:
            raise self.error(f"{self.arguments[0]}: no rows")
        lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {' '.join(map(str, widths))}", ""]
        for row in [heads, *rows]:
            lines += [("   * - " if i == 0 else "     - ") + cell for i, cell in enumerate(row)]
        for path in FILES:
            self.state.document.settings.env.note_dependency(path)
        node = nodes.container()
        self.state.nested_parse(StringList(lines, source=self.arguments[0]), self.content_offset, node)
        return node.children

    @staticmethod
    def table_ioctls(descriptor):
        known, text, rows = commands(), words(), []
        for command, flags in ioctls(descriptor):
            if command not in known:
                raise AbiError(f"{command} has no number")
            kind, number, argument = known[command]
            notes = [FLAGS[f] for f in flags.split(" | ")]
            way = {"IO": "", "IOR": "out", "IOW": "in", "IOWR": "in, out"}[kind]
            if "KVM_IOCTL_IN" in flags:
                way = "in"
            sentence = "; ".join(filter(None, [described(f"{descriptor}:{command}", text)
                                               or described(command, text), *notes]))
            rows.append((f"``{command}``", number, f"``{argument}`` {way}" if argument else "", sentence))
        return ("command", "number", "argument", "what it does"), (30, 8, 27, 35), rows

    @staticmethod
    def table_capabilities():
        text, rows = words(), []
        for name, value, enabled in capabilities():
            on = " and ".join({"vm": "VM", "vcpu": "vCPU"}[k] for k in enabled)
            rows.append((f"``{name}``", f"``{value}``" if value else "depends",
                         "; ".join(filter(None, [described(name, text), on and f"enabled on a {on}"]))))
        return ("capability", "answer", ""), (36, 24, 40), rows

    @staticmethod
    def table_msrs():
        rows = []
        for _, row in macro_rows(f"{X86}/msr_table.def", ["MSR"]):
            if len(row) != 8:
                raise AbiError(f"msr_table.def: not a row: {row}")
            first, last, get, put, flags, needs = row[:6]
            lists = [t for f, t in (("LIST", "state"), ("FEAT", "feature"), ("PROBE", "where the CPU has it"))
                     if re.search(rf"\b{f}\b", flags)]
            rows.append((f"``{first}``" + (f" to ``{last}``" if last != first else ""),
                         {"const": "constant", "none": "#GP"}.get(get, "yes"),
                         {"ignore": "ignored", "none": "#GP"}.get(put, "yes"), ", ".join(lists),
                         f"``{needs}``" if needs != "0" else ""))
        return ("MSR", "read", "written", "listed", "needs"), (40, 11, 11, 18, 20), rows

    @staticmethod
    def table_cpuid():
        leaves = {}
        for _, row in macro_rows(f"{X86}/cpuid_features.def", ["F", "N"]):
            if len(row) != 4:
                raise AbiError(f"cpuid_features.def: not a row: {row}")
            name, word, bit, rule = row
            leaves.setdefault(word, []).append((int(bit), name, rule))
        def names(features, *rules):
            return ", ".join(f"{n} ({b})" for b, n, r in features if (r in rules) == bool(rules[0]))
        rows = []
        for word, features in leaves.items():
            plain = ", ".join(n for _, n, r in features if r in ("HOST", "RAW"))
            always = ", ".join(n for _, n, r in features if r == "EMULATED")
            other = ", ".join(n for _, n, r in features if r not in ("HOST", "RAW", "EMULATED"))
            rows.append((f"``{word[2:]}``", plain, always, other))
        return ("word", "with the host's CPU", "always", "special"), (12, 52, 18, 18), rows

    @staticmethod
    def table_statistics(owner):
        rows = []
        for path in ("virt/kvm/stats.def", f"{X86}/stats_arch.def"):
            for macro, row in stat_rows(path):
                if macro.startswith(f"KVM_STAT_{owner.upper()}"):
                    name, kind, unit, exponent = (row + ["", "", "", ""])[:4]
                    scale = f"10^{exponent} " if exponent not in ("0", "") else ""
                    rows.append((f"``{name}``", kind.lower(), (scale + unit.lower()).replace("none", "")))
        return ("name", "kind", "unit"), (50, 25, 25), rows


def stat_rows(path):
    """The macros of the statistics' rows are more than one: histograms have their own."""
    text = read(path)
    macros = sorted(set(re.findall(r"\bKVM_STAT_\w+", text)), key=len, reverse=True)
    return macro_rows(path, macros)


def check_words(_):
    """No sentence without its row."""
    there = {c for d in ("sys", "vm", "vcpu") for c, _ in ioctls(d)}
    there |= {f"{d}:{c}" for d in ("sys", "vm", "vcpu") for c, _ in ioctls(d)}
    there |= {name for name, _, _ in capabilities()}
    left = sorted(set(words()) - there)
    if left:
        raise AbiError("abi_words.txt: not in the tables: " + " ".join(left))


def setup(app):
    app.add_directive("abi-table", AbiTable)
    app.connect("builder-inited", check_words)
    return {"parallel_read_safe": True}
