#!/usr/bin/env python3
"""Hears the frames of all cameras of a fleet by Zenoh, keeps account of what was lost on the way, and saves
one as JPEG. The daemons have a sink of kind = "zenoh".

    python3 -m venv venv && venv/bin/pip install -r examples/requirements.txt
    venv/bin/python examples/fleet.py --config zenoh.json5 --frames 10 --jpeg frame.jpg

After each frame it tells, for every run of every camera: HOST/CAMERA RUN FIRST LAST RECEIVED. Publications are
numbered without gaps, so LAST - FIRST + 1 - RECEIVED frames were lost. The header that goes with a frame is
described in src/sink/wire.rs.
"""

import argparse
import queue
import struct

import zenoh

# The same as in shared memory, and behind it the run of the publisher and the number of the frame in it.
HEADER = struct.Struct("<8sHHBBBBQQIIIIQQ")
# Frames that wait here; whoever is slower than that loses the newest, and sees it by the numbers.
WAITING = 64


def publication(sample):
    """Whose frame it is, of which run, and its number."""
    root, host, camera, subject = str(sample.key_expr).split("/")
    header = sample.attachment.to_bytes() if sample.attachment is not None else b""
    if (root, subject) != ("deblurd", "frame") or len(header) != HEADER.size:
        raise ValueError(f"{sample.key_expr} brings no frame of deblurd")
    magic, version, *_, run, number = HEADER.unpack(header)
    if magic != b"DEBLURD\0" or version != 1:
        raise ValueError(f"not a frame of deblurd, or of another version: {magic!r} {version}")
    return f"{host}/{camera}", run, number


def hear(config, frames, jpeg):
    """Hears so many frames, or for ever."""
    waiting = queue.Queue(WAITING)

    def put(sample):
        try:
            waiting.put_nowait(sample)
        except queue.Full:
            pass  # told by the numbers

    accounts, count = {}, 0
    with zenoh.open(zenoh.Config.from_file(config)) as session:
        subscriber = session.declare_subscriber("deblurd/*/*/frame", put)
        while frames is None or count < frames:
            sample = waiting.get()
            camera, run, number = publication(sample)
            first, _, received = accounts.get((camera, run), (number, 0, 0))
            accounts[camera, run] = first, number, received + 1
            count += 1
            told = sorted(accounts.items())
            print("; ".join(" ".join(map(str, key + account)) for key, account in told), flush=True)
            if jpeg and count == frames and str(sample.encoding) == "image/jpeg":
                with open(jpeg, "wb") as file:
                    file.write(sample.payload.to_bytes())
        subscriber.undeclare()


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Hears the frames of a fleet.")
    parser.add_argument("--config", required=True, help="configuration file of Zenoh")
    parser.add_argument("--frames", type=int, help="ends after so many frames")
    parser.add_argument("--jpeg", metavar="FILE", help="saves the last frame")
    options = parser.parse_args()
    hear(options.config, options.frames, options.jpeg)


if __name__ == "__main__":
    main()
