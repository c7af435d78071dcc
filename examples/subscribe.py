#!/usr/bin/env python3
"""Receives restored frames from a running daemon with a sink of kind = "iceoryx2", tells number,
age and what was done to each, and saves one as PNG.

    python3 -m venv venv && venv/bin/pip install -r examples/requirements.txt
    venv/bin/python examples/subscribe.py --frames 10 --png frame.png

The bytes of a frame are described in src/sink/wire.rs.
"""

import argparse
import array
import ctypes
import struct
import sys
import time
import zlib
from dataclasses import dataclass
from typing import List

import iceoryx2 as iox2

HEADER = struct.Struct("<8sHHBBBBQQIIII16x")
LAYOUTS = ["Gray", "Yuv420", "Yuv422", "Yuv444", "Rgb"]
EFFORTS = ["Passthrough", "Wiener", "Full"]
PLACEHOLDER, DEGRADED = 1, 2


@dataclass
class Frame:
    """A received frame; its planes are views of shared memory while the sample lives."""

    sequence: int
    captured_ns: int
    effort: str
    flags: int
    layout: str
    depth: int
    width: int
    height: int
    planes: List[memoryview]


def plane_size(layout, width, height, index):
    """Columns and rows of a plane; odd sides round up."""
    if index > 0 and layout in ("Yuv420", "Yuv422"):
        width = (width + 1) // 2
    if index > 0 and layout == "Yuv420":
        height = (height + 1) // 2
    return width, height


def read(view):
    """The frame that the bytes of a sample are."""
    if len(view) < HEADER.size:
        raise ValueError(f"{len(view)} bytes are no frame of deblurd")
    fields = HEADER.unpack_from(view)
    magic, version, start, layout, depth, effort, flags = fields[:7]
    sequence, captured_ns, width, height, stride, length = fields[7:]
    if magic != b"DEBLURD\0" or version != 1:
        raise ValueError(f"not a frame of deblurd, or of another version: {magic!r} {version}")
    if start + length != len(view):
        raise ValueError(f"{len(view)} bytes (expected {start} + {length})")
    layout, sample_bytes = LAYOUTS[layout], 1 if depth == 8 else 2
    planes, at = [], start
    for index in range(1 if layout == "Gray" else 3):
        columns, rows = plane_size(layout, width, height, index)
        if index == 0 and stride != columns * sample_bytes:
            raise ValueError(f"rows of {stride} bytes (expected {columns * sample_bytes})")
        planes.append(view[at : at + columns * rows * sample_bytes])
        at += columns * rows * sample_bytes
    return Frame(
        sequence, captured_ns, EFFORTS[effort], flags, layout, depth, width, height, planes
    )


def samples(frame, plane):
    """A plane as PNG has it: bytes, or big-endian pairs that use all sixteen bits."""
    if frame.depth == 8:
        return bytes(plane)
    values = array.array("H", bytes(plane))
    if sys.byteorder == "big":
        values.byteswap()
    white = (1 << frame.depth) - 1
    values = array.array("H", ((value * 65535 + white // 2) // white for value in values))
    if sys.byteorder == "little":
        values.byteswap()
    return values.tobytes()


def png(frame):
    """The frame as PNG: in colour where it is RGB, else its luma as it is."""
    planes = [samples(frame, plane) for plane in frame.planes]
    planes = planes if frame.layout == "Rgb" else planes[:1]
    size = 1 if frame.depth == 8 else 2
    pixels = bytearray(len(planes[0]) * len(planes))
    for index, plane in enumerate(planes):
        for byte in range(size):
            pixels[index * size + byte :: len(planes) * size] = plane[byte::size]
    row = frame.width * size * len(planes)
    rows = b"".join(b"\0" + pixels[at : at + row] for at in range(0, len(pixels), row))

    def chunk(name, data):
        checked = name + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    colour = 2 if len(planes) == 3 else 0
    head = struct.pack(">IIBBBBB", frame.width, frame.height, 8 * size, colour, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def tell(frame):
    """Says what was received."""
    age_ms = (time.clock_gettime_ns(time.CLOCK_MONOTONIC) - frame.captured_ns) / 1e6
    notes = "".join(
        [
            ", placeholder" if frame.flags & PLACEHOLDER else "",
            ", degraded" if frame.flags & DEGRADED else "",
        ]
    )
    print(
        f"frame {frame.sequence}: {age_ms:.1f} ms old, {frame.depth}-bit {frame.layout} "
        f"{frame.width}x{frame.height}, effort {frame.effort}{notes}",
        flush=True,
    )


def rest(node, milliseconds):
    """Waits, or less where the process was stopped and goes on."""
    try:
        node.wait(iox2.Duration.from_millis(milliseconds))
    except iox2.NodeWaitFailure as failure:
        if "Interrupt" not in str(failure):
            raise


def find(node, name):
    """The service, once there is a daemon that offers it."""
    while True:
        builder = node.service_builder(iox2.ServiceName.new(name))
        try:
            return builder.publish_subscribe(iox2.Slice[ctypes.c_uint8]).open()
        except iox2.PublishSubscribeOpenError as error:
            if "DoesNotExist" not in str(error):
                raise
        rest(node, 50)


def main():
    """Receives until the number of frames asked for is there, or for ever."""
    parser = argparse.ArgumentParser(description="Receives restored frames.")
    parser.add_argument("--service", default="deblurd/restored", help="name of the service")
    parser.add_argument("--frames", type=int, help="ends after so many frames")
    parser.add_argument("--png", metavar="FILE", help="saves the last frame")
    parser.add_argument("--folder", help="the folder of the daemon's configuration")
    options = parser.parse_args()
    iox2.set_log_level(iox2.LogLevel.Error)
    config = iox2.config.global_config()
    if options.folder:
        config.global_cfg.root_path = iox2.Path.new(options.folder)
    node = iox2.NodeBuilder.new().config(config).create(iox2.ServiceType.Ipc)
    subscriber = find(node, options.service).subscriber_builder().create()
    count = 0
    while options.frames is None or count < options.frames:
        sample = subscriber.receive()
        if sample is None:
            rest(node, 1)
            continue
        count += 1
        frame = read(sample.payload().as_memory_view())
        tell(frame)
        if options.png and count == options.frames:
            with open(options.png, "wb") as file:
                file.write(png(frame))


if __name__ == "__main__":
    main()
