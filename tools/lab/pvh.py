# SPDX-License-Identifier: GPL-2.0-only
"""A Linux kernel as it lies in memory when it starts, without a boot loader.

The kernel's ELF image starts by the PVH entry that it names in a note
(xen/include/public/arch-x86/hvm/start_info.h): in 32-bit mode, without paging, EBX
pointing to a structure with command line, initial file system and memory map.
"""

import ctypes
import gzip
import lzma
import struct

PT_LOAD, PT_NOTE = 1, 4
PHYS32_ENTRY = 18
START_MAGIC = 0x336EC578
RAM, RESERVED = 1, 2

FLAT_CODE, FLAT_DATA = 0x00CF9B000000FFFF, 0x00CF93000000FFFF


def zstd(packed, size):
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_decompress.restype = ctypes.c_size_t
    library.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    unpacked = ctypes.create_string_buffer(size)
    if library.ZSTD_decompress(unpacked, size, packed, len(packed)) != size:
        raise ValueError("the kernel's image does not unpack")
    return unpacked.raw


def vmlinux(image):
    """The kernel's ELF image out of a bzImage (Documentation/arch/x86/boot.rst)."""
    if image[:4] == b"\x7fELF":
        return image
    sectors = image[0x1F1]
    offset, length = struct.unpack_from("<II", image, 0x248)
    packed = image[(sectors + 1) * 512 + offset :][:length]
    size = struct.unpack("<I", packed[-4:])[0]
    if packed[:4] == b"\x28\xb5\x2f\xfd":
        return zstd(packed[:-4], size)
    if packed[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(packed)
    if packed[:2] == b"\x1f\x8b":
        return gzip.decompress(packed)
    raise ValueError("the kernel is packed in a way that is not known")


def segments(elf):
    """(type, bytes, physical address) of every program header."""
    offset, = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    for i in range(count):
        kind, _, at, _, physical, length, _, _ = struct.unpack_from("<IIQQQQQQ", elf, offset + i * size)
        yield kind, elf[at : at + length], physical


def entry(elf):
    """The physical address of the PVH entry."""
    for kind, notes, _ in segments(elf):
        at = 0
        while kind == PT_NOTE and at + 12 <= len(notes):
            name, length, number = struct.unpack_from("<III", notes, at)
            at += 12
            owner, at = notes[at : at + name], at + (name + 3) // 4 * 4
            data, at = notes[at : at + length], at + (length + 3) // 4 * 4
            if owner == b"Xen\0" and number == PHYS32_ENTRY:
                return int.from_bytes(data, "little")
    raise ValueError("the kernel has no PVH entry (CONFIG_PVH)")


def memory_image(elf):
    """The loadable segments as one piece; its bytes and its physical address."""
    loads = [(physical, data) for kind, data, physical in segments(elf) if kind == PT_LOAD]
    base = min(physical for physical, _ in loads)
    image = bytearray(max(physical + len(data) for physical, data in loads) - base)
    for physical, data in loads:
        image[physical - base : physical - base + len(data)] = data
    return bytes(image), base


def start_info(at, command_line, initrd, memory):
    """The structure for EBX, to lie at the address at; initrd is (address, size), memory a list
    of (address, size, kind)."""
    modules = at + 64
    memmap = modules + 32
    text = memmap + 24 * len(memory)
    info = struct.pack("<IIIIQQQQII", START_MAGIC, 1, 0, 1, modules, text, 0, memmap, len(memory), 0)
    info = info.ljust(64, b"\0")
    info += struct.pack("<QQQQ", *initrd, 0, 0)
    for address, size, kind in memory:
        info += struct.pack("<QQII", address, size, kind, 0)
    return info + command_line.encode() + b"\0"


def boot_sector(marker, port, info, address):
    """Writes the byte marker to a port, then jumps to address in 32-bit mode with EBX = info."""
    table = 0x7C00 + 0x40
    code = bytes([
        0xFA,                                   # cli
        0x31, 0xC0,                             # xor %ax, %ax
        0x8E, 0xD8,                             # mov %ax, %ds
        0xB0, marker, 0xE6, port,               # mov $marker, %al; out %al, $port
        0x0F, 0x01, 0x16, *struct.pack("<H", table + 24),  # lgdt table + 24
        0x0F, 0x20, 0xC0,                       # mov %cr0, %eax
        0x0C, 0x01,                             # or $1, %al
        0x0F, 0x22, 0xC0,                       # mov %eax, %cr0
    ])
    code += b"\xea" + struct.pack("<HH", 0x7C00 + len(code) + 5, 8)  # ljmp $8, $next
    code += bytes([
        0xB8, 0x10, 0, 0, 0,                    # mov $16, %eax
        0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xD0,     # mov %eax, %ds, %es, %ss
        0xBB, *struct.pack("<I", info),         # mov $info, %ebx
        0xB9, *struct.pack("<I", address),      # mov $address, %ecx
        0xFF, 0xE1,                             # jmp *%ecx
    ])
    assert len(code) <= 0x40
    sector = code.ljust(0x40, b"\0") + struct.pack("<QQQHI", 0, FLAT_CODE, FLAT_DATA, 23, table)
    return sector.ljust(510, b"\0") + b"\x55\xaa"
