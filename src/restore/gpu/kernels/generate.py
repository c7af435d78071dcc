"""Makes the programs that are loaded, NAME.ptx, of their sources, NAME.cu.

    python3 -m pip install -r src/restore/gpu/kernels/requirements.txt
    python3 src/restore/gpu/kernels/generate.py [--check]

Needs neither a card nor NVIDIA's toolkit. The compiler writes PTX 7.8 and uses nothing of it that 7.4 has not: so it
is called that, which drivers since CUDA 11.4 take; assemblers hold it to what it is called. With --check nothing is
written: the text must be what is there, and every assembler must take it for the cards that people have.
"""
import ctypes
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ("filter", "residual")
OPTIONS = (b"--gpu-architecture=compute_80", b"-std=c++14", b"-default-device")
# Orin, H100 and its like, Thor, which no assembler before that of CUDA 13 knows.
CARDS = {"12": ("sm_80", "sm_87", "sm_90"), "13": ("sm_80", "sm_87", "sm_90", "sm_110")}


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
    options = (ctypes.c_char_p * len(OPTIONS))(*OPTIONS)

    def text(kind):
        getattr(library, f"nvrtcGet{kind}Size")(program, ctypes.byref(size))
        room = ctypes.create_string_buffer(size.value)
        getattr(library, f"nvrtcGet{kind}")(program, room)
        return room.value.decode()

    library.nvrtcCreateProgram(ctypes.byref(program), source.read_bytes(), source.name.encode(), 0, None, None)
    if library.nvrtcCompileProgram(program, len(OPTIONS), options):
        raise SystemExit(text("ProgramLog"))
    return re.sub(r"(?m)^\.version 7\.8$", ".version 7.4", text("PTX"))


def assemblers():
    """Each assembler and the cards it is asked for."""
    for pattern in ("nvidia/cuda_nvcc/bin/ptxas", "nvidia/cu13/bin/ptxas"):
        path = found(pattern)
        path.chmod(path.stat().st_mode | 0o111)
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
        major = re.search(r"release (\d+)\.", told)[1]
        yield path, told.splitlines()[-1], CARDS[major]


def assembled(path):
    with tempfile.TemporaryDirectory() as folder:
        for assembler, told, cards in assemblers():
            for card in cards:
                command = [assembler, f"--gpu-name={card}", "--verbose", path, "-o", f"{folder}/out"]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode or re.search(r"[1-9]\d* bytes spill", done.stderr):
                    raise SystemExit(f"{told} for {card}: {done.stderr}")
            print(f"{path.name}: {told}: {', '.join(cards)}, nothing spilt")


def main():
    for name in PROGRAMS:
        target = HERE / f"{name}.ptx"
        text = compiled(HERE / f"{name}.cu")
        if sys.argv[1:] == ["--check"]:
            if target.read_text() != text:
                raise SystemExit(f"{target} is not what its source gives (expected: run {pathlib.Path(__file__).name})")
            assembled(target)
        else:
            target.write_text(text)


if __name__ == "__main__":
    main()
