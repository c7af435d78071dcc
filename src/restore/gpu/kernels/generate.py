"""Makes the programs that are loaded, NAME.ptx, of their sources, NAME.cu.

    python3 -m pip install -r src/restore/gpu/kernels/requirements.txt
    python3 src/restore/gpu/kernels/generate.py [--check]

Needs neither a card nor NVIDIA's toolkit. The compiler writes PTX 7.8 and uses nothing of it that 7.4 has not: so it
is called that, which drivers since CUDA 11.4 take; assemblers hold it to what it is called. With --check nothing is
written: the text must be what is there, and every assembler must take it for the cards that people have.

The compiler orders some of its work by addresses of its memory, so one source has a few texts, all of one meaning, and
which one comes is drawn with the process. So --check asks new processes until one gives the text that is there.
"""
import argparse
import concurrent.futures
import ctypes
import itertools
import multiprocessing
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ("rows", "columns", "residual")
# Processes that may compile a source: of `rows`, one in six gives another text than is there, of 70 asked.
ATTEMPTS = 12
HEADERS = ("matrices.cuh", "dft.cuh", "transform.cuh")
OPTIONS = (b"--gpu-architecture=compute_80", b"-std=c++14", b"-default-device")
# Each assembler and the cards it is asked for: A100, Orin, H100 and their like; Thor, which none before CUDA 13 knows.
ASSEMBLERS = {
    "nvidia/cuda_nvcc/bin/ptxas": ("sm_80", "sm_87", "sm_90"),
    "nvidia/cu13/bin/ptxas": ("sm_80", "sm_87", "sm_90", "sm_110"),
}


# Radices of first, inner and last passes that programs are assembled with, see pruned() in driver/program.rs: of 1344, 756,
# 2016 and 1134 samples, and the largest there are.
RADICES = (
    ({14}, {12}, {8}),
    ({12}, {9}, {7}),
    ({16}, {14}, {9}),
    ({14}, {9}, {9}),
    ({16}, {16}, {9}),
)


def found(pattern):
    """The file of an installed wheel."""
    files = [file for folder in sys.path for file in pathlib.Path(folder).glob(pattern)]
    if not files:
        raise SystemExit(f"{pattern} is not installed (expected: pip install -r {HERE / 'requirements.txt'})")
    return files[0]


def compiled(source):
    """The PTX of a source."""
    library = ctypes.CDLL(str(found("nvidia/cuda_nvrtc/lib/libnvrtc.so.11*")))
    program, size = ctypes.c_void_p(), ctypes.c_size_t()

    def call(name, *arguments):
        if result := getattr(library, name)(*arguments):
            raise SystemExit(f"{source.name}: {name} failed ({result})")

    def text(kind):
        call(f"nvrtcGet{kind}Size", program, ctypes.byref(size))
        room = ctypes.create_string_buffer(size.value)
        call(f"nvrtcGet{kind}", program, room)
        return room.value.decode()

    def strings(values):
        return (ctypes.c_char_p * len(values))(*values)

    headers = strings([(HERE / name).read_bytes() for name in HEADERS])
    names = strings([name.encode() for name in HEADERS])
    create = (ctypes.byref(program), source.read_bytes(), source.name.encode(), len(HEADERS), headers, names)
    call("nvrtcCreateProgram", *create)
    if library.nvrtcCompileProgram(program, len(OPTIONS), strings(OPTIONS)):
        raise SystemExit(text("ProgramLog"))
    renamed, count = re.subn(r"(?m)^\.version 7\.8$", ".version 7.4", text("PTX"))
    if count != 1:
        raise SystemExit(f"{source.name}: {count} lines say .version 7.8 (expected 1)")
    return renamed


def compiled_anew(source):
    """The PTX of a source, by a process with addresses of its own."""
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(compiled, source).result()


def pruned(text, radices):
    """A program with passes of these radices alone."""
    return re.sub(r"HAS_(\d)_(\d+)", lambda mark: str(int(int(mark[2]) in radices[int(mark[1])])), text)


def assemble(path):
    """Has every assembler take a program for its cards, with all it holds in registers."""
    text = path.read_text()
    texts = {pruned(text, radices) for radices in RADICES}
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, path.name)
        for pattern, cards in ASSEMBLERS.items():
            assembler = found(pattern)
            assembler.chmod(assembler.stat().st_mode | 0o111)
            for card, own in itertools.product(cards, texts):
                source.write_text(own)
                command = [assembler, f"--gpu-name={card}", "--verbose", source, "-o", f"{folder}/out"]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode or re.search(r"[1-9]\d* bytes spill", done.stderr):
                    raise SystemExit(f"{assembler} for {card}: {done.stderr}")
            print(f"{path.name}: {pattern}: {', '.join(cards)}, nothing spilt")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare and assemble instead of writing")
    check = parser.parse_args().check
    for name in PROGRAMS:
        target, source = HERE / f"{name}.ptx", HERE / f"{name}.cu"
        if not check:
            target.write_text(compiled(source))
        elif all(compiled_anew(source) != target.read_text() for _ in range(ATTEMPTS)):
            raise SystemExit(f"{target} is not what its source gives (expected: run {pathlib.Path(__file__).name})")
        else:
            assemble(target)


if __name__ == "__main__":
    main()
