"""Instructions that a restored pixel costs on 64-bit Arm, counted by an emulator.

    cargo build --release --target aarch64-unknown-linux-gnu      (with an aarch64 C compiler as linker)
    python3 benches/aarch64/count.py target/aarch64-unknown-linux-gnu/release/deblurd [--size 640x360]

Needs `qemu-aarch64` built with plug-ins (Debian: qemu-user) and a C compiler. `deblurd bench` is run on one thread for two
numbers of frames; the difference is what frames cost, without the start. Processors: Cortex-A57, without dot products
of bytes, and Cortex-A76, with them, which stands for the A78AE. Networks: none (the Wiener filter alone), `nano` and
`base` on the fastest kernel, and `base` on the portable one and on tract's own operators.

Instructions are not time: what follows from them for a device is an estimate, and says which instructions a cycle it
assumes.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
PROCESSORS = {"cortex-a57": "A57", "cortex-a76": "A76"}
FRAMES = (2, 5)
# Models with the kernel that is asked for, if any.
CASES = (("none", None), ("nano", None), ("base", None), ("base", "scalar"), ("base", "stock"))


def build_plugin(folder):
    plugin = folder / "count.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", plugin, HERE / "count.c"], check=True)
    return plugin


def instructions(arguments, plugin, processor, case, frames):
    """Executed by one run of `deblurd bench`."""
    emulator = ["qemu-aarch64", "-L", arguments.sysroot, "-cpu", processor, "-plugin", str(plugin)]
    bench = [arguments.deblurd, "bench", "--threads", "1", "--size", arguments.size, "--frames", str(frames)]
    model, kernel = case
    choice = ["--model", model, *(["--kernel", kernel] if kernel else [])]
    done = subprocess.run([*emulator, *bench, *choice], capture_output=True, text=True, check=False)
    found = re.search(r"instructions (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(f"{processor}, {case}: status {done.returncode}\n{done.stderr}")
    return int(found[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deblurd")
    parser.add_argument("--size", default="640x360", metavar="WxH")
    parser.add_argument("--sysroot", default="/usr/aarch64-linux-gnu", help="where the C library for aarch64 is")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    print(f"instructions a pixel of {arguments.size}\n")
    print("| model | kernel | " + " | ".join(PROCESSORS.values()) + " |\n|---|---|" + "---:|" * len(PROCESSORS))
    with tempfile.TemporaryDirectory() as folder:
        plugin = build_plugin(pathlib.Path(folder))
        for case in CASES:
            cells = []
            for processor in PROCESSORS:
                few, many = (instructions(arguments, plugin, processor, case, frames) for frames in FRAMES)
                cells.append(f"{(many - few) / (FRAMES[1] - FRAMES[0]) / (width * height):.0f}")
            print(f"| {case[0]} | {case[1] or ''} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
