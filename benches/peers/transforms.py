"""The filter of a plane (forward transform, product, inverse transform) by the transforms of four libraries.

Each class plans for one extent and a number of threads: `prepare(factors)` gives what it needs to know of the filter,
`apply(plane, prepared)` the filtered plane, in memory that the next call uses again.
"""
import cv2
import mkl
import mkl_fft
import numpy as np
import pyfftw
from scipy import fft


class Fftw:
    """FFTW with measured plans."""

    name = "FFTW"

    def __init__(self, shape, threads):
        half = (shape[0], shape[1] // 2 + 1)
        self.plane = pyfftw.empty_aligned(shape, np.float32)
        self.spectrum = pyfftw.empty_aligned(half, np.complex64)
        self.filtered = pyfftw.empty_aligned(shape, np.float32)
        plan = {"axes": (0, 1), "flags": ("FFTW_MEASURE", "FFTW_DESTROY_INPUT"), "threads": threads}
        self.forward = pyfftw.FFTW(self.plane, self.spectrum, direction="FFTW_FORWARD", **plan)
        self.inverse = pyfftw.FFTW(self.spectrum, self.filtered, direction="FFTW_BACKWARD", **plan)
        self.scale = np.float32(1 / (shape[0] * shape[1]))

    def prepare(self, factors):
        return factors * self.scale

    def apply(self, plane, factors):
        self.plane[:] = plane
        self.forward.execute()
        np.multiply(self.spectrum, factors, out=self.spectrum)
        self.inverse.execute()
        return self.filtered


class SciPy:
    """SciPy's pocketfft."""

    name = "SciPy"

    def __init__(self, shape, threads):
        self.shape, self.threads = shape, threads

    def prepare(self, factors):
        return factors

    def apply(self, plane, factors):
        spectrum = fft.rfft2(plane, workers=self.threads)
        spectrum *= factors
        return fft.irfft2(spectrum, s=self.shape, overwrite_x=True, workers=self.threads)


class OpenCv:
    """OpenCV's transforms of real planes, in its packed form."""

    name = "OpenCV"

    def __init__(self, shape, threads):
        self.shape = shape
        self.spectrum, self.filtered = np.empty(shape, np.float32), np.empty(shape, np.float32)
        cv2.setNumThreads(threads)

    def prepare(self, factors):
        return cv2.dft(fft.irfft2(factors, s=self.shape).astype(np.float32))

    def apply(self, plane, packed):
        cv2.dft(plane, dst=self.spectrum)
        cv2.mulSpectrums(self.spectrum, packed, 0, c=self.spectrum)
        return cv2.dft(self.spectrum, dst=self.filtered, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)


class Mkl:
    """Intel's MKL, through mkl_fft."""

    name = "MKL"

    def __init__(self, shape, threads):
        self.shape = shape
        mkl.set_num_threads(threads)

    def prepare(self, factors):
        return factors.astype(np.complex64)

    def apply(self, plane, factors):
        spectrum = mkl_fft.rfft2(plane)
        spectrum *= factors
        return mkl_fft.irfft2(spectrum, s=self.shape)


ALL = (Fftw, SciPy, OpenCv, Mkl)
