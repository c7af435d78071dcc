"""Opens an archive of arrays with NumPy, says what is in it, and writes the same arrays anew, compressed.

    python3 tests/it/arrays.py ARCHIVE COPY

Prints shape, type and content of each array as JSON: bytes as the text that they are, numbers as their bytes in
hexadecimal digits.
"""
import json
import sys

import numpy as np


def described(array):
    content = array.tobytes()
    content = content.decode() if array.dtype == np.uint8 else content.hex()
    return {"shape": array.shape, "type": array.dtype.str, "content": content}


def main(archive, copy):
    with np.load(archive, allow_pickle=False) as arrays:
        np.savez_compressed(copy, **arrays)
        print(json.dumps({name: described(array) for name, array in arrays.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
