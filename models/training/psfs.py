"""Random point spread functions: what a model for *any* PSF is trained on.

Every function returns `count` PSFs as float32 [count, SUPPORT, SUPPORT], non-negative, each summing to 1, its
centre at index (SUPPORT // 2, SUPPORT // 2). Trajectories are deliberately left off centre by a few pixels, as
measured camera shake is. No measured kernel enters: the benchmark kernels stay unseen.
"""
import numpy as np
from scipy import special

SUPPORT = 31
CENTRE = SUPPORT // 2
SAMPLES = 400  # points of a trajectory: under 0.25 px apart for a path three times as long as SUPPORT

# Shares of the families in a bank. Camera shake leads because its OTF has the most irregular zeros.
SHARES = {"shake": 0.62, "linear": 0.08, "disk": 0.08, "gaussian": 0.08, "airy": 0.04, "compound": 0.10}


def bank(count, rng):
    """A shuffled mixture of all families."""
    makers = {
        "shake": camera_shake,
        "linear": linear_motion,
        "disk": disk,
        "gaussian": gaussian,
        "airy": airy,
        "compound": compound,
    }
    sizes = {name: int(count * share) for name, share in SHARES.items()}
    sizes["shake"] += count - sum(sizes.values())
    psfs = np.concatenate([makers[name](size, rng) for name, size in sizes.items()])
    return psfs[rng.permutation(count)]


def camera_shake(count, rng):
    """Smooth random walks: a low-passed random velocity, integrated, scaled to 3-25 px and drawn with a fine pen.

    A slow hand lingers (bright knots) and turns; both come from the velocity's own statistics. Correlation times
    from 2 to 30 % of the exposure give scribbles at one end and plain arcs at the other, an uneven strength of the
    two axes makes long narrow ones, and the speckle is the uneven light of a measured trace.
    """
    frequency = np.fft.rfftfreq(SAMPLES, 1 / SAMPLES)[None, :, None]
    correlation = np.exp(rng.uniform(np.log(0.02), np.log(0.30), (count, 1, 1)))
    noise = np.fft.rfft(rng.normal(size=(count, SAMPLES, 2)), axis=1)
    velocity = np.fft.irfft(noise * np.exp(-((frequency * correlation * np.pi) ** 2)), n=SAMPLES, axis=1)
    velocity /= velocity.std(axis=(1, 2), keepdims=True)
    drift = rng.normal(size=(count, 1, 2)) * rng.uniform(0, 0.8, (count, 1, 1))
    path = np.cumsum(velocity + drift, axis=1) * rng.uniform(0.3, 1, (count, 1, 2))
    turn = rng.uniform(0, np.pi, count)
    rotation = np.stack((np.cos(turn), -np.sin(turn), np.sin(turn), np.cos(turn)), axis=1).reshape(count, 2, 2)
    psfs = _draw(_place(path @ rotation, rng.uniform(3, 25, count), rng), rng.uniform(0.15, 0.60, count))
    return _normalise(psfs * np.exp(rng.normal(size=psfs.shape) * rng.uniform(0, 0.8, (count, 1, 1))))


def linear_motion(count, rng):
    """Constant motion on a straight line (a conveyor), 3-25 px, any direction."""
    angle = rng.uniform(0, np.pi, (count, 1))
    time = np.linspace(-0.5, 0.5, SAMPLES)[None, :]
    path = np.stack((np.sin(angle) * time, np.cos(angle) * time), axis=2)
    return _draw(_place(path, rng.uniform(3, 25, count), rng), rng.uniform(0.15, 0.60, count))


def disk(count, rng):
    """Defocus: disks of radius 1-8 px with a soft rim."""
    rows, columns = _grid(count, rng)
    radius, rim = rng.uniform(1, 8, (count, 1, 1)), rng.uniform(0.5, 1.5, (count, 1, 1))
    return _normalise(np.clip((radius - np.hypot(rows, columns)) / rim + 0.5, 0, 1))


def gaussian(count, rng):
    """Cheap lenses: Gaussians of 0.6-4 px, round to three times longer than wide (astigmatism)."""
    rows, columns = _grid(count, rng)
    long = np.exp(rng.uniform(np.log(0.6), np.log(4.0), (count, 1, 1)))
    short = np.maximum(long / rng.uniform(1, 3, (count, 1, 1)), 0.5)
    angle = rng.uniform(0, np.pi, (count, 1, 1))
    along = rows * np.sin(angle) + columns * np.cos(angle)
    across = rows * np.cos(angle) - columns * np.sin(angle)
    return _normalise(np.exp(-0.5 * ((along / long) ** 2 + (across / short) ** 2)))


def airy(count, rng):
    """Diffraction: Airy disks whose first dark ring has a radius of 1-6 px."""
    rows, columns = _grid(count, rng)
    ring = np.exp(rng.uniform(0, np.log(6), (count, 1, 1)))
    v = np.maximum(np.hypot(rows, columns) / ring * 3.8317, 1e-6)
    return _normalise((2 * special.j1(v) / v) ** 2)


def compound(count, rng):
    """A motion seen through a lens: camera shake or a line, convolved with a disk or a Gaussian."""
    motions = np.concatenate((camera_shake(count - count // 4, rng), linear_motion(count // 4, rng)))
    lenses = np.concatenate((disk(count // 2, rng), gaussian(count - count // 2, rng)))[rng.permutation(count)]
    extent = (2 * SUPPORT, 2 * SUPPORT)
    product = np.fft.irfft2(np.fft.rfft2(motions, s=extent) * np.fft.rfft2(lenses, s=extent), s=extent)
    return _normalise(product[:, CENTRE : CENTRE + SUPPORT, CENTRE : CENTRE + SUPPORT])


def _grid(count, rng):
    """Row and column distances from a centre that is off the pixel grid by up to half a pixel."""
    axis = np.arange(SUPPORT) - CENTRE
    offset = rng.uniform(-0.5, 0.5, (2, count, 1, 1))
    return axis[None, :, None] - offset[0], axis[None, None, :] - offset[1]


def _place(path, extent, rng):
    """Scales each path so that its longer side is `extent` px and puts it within 3 px of the middle, inside SUPPORT."""
    low, high = path.min(axis=1, keepdims=True), path.max(axis=1, keepdims=True)
    size = high - low
    scale = extent[:, None, None] / size.max(axis=2, keepdims=True)
    room = np.clip((SUPPORT - 5 - size * scale) / 2, 0, 3)
    return (path - (low + high) / 2) * scale + CENTRE + rng.uniform(-1, 1, room.shape) * room


def _draw(path, pen):
    """Rasterises paths [count, SAMPLES, 2] with sub-pixel weights and blurs each by a Gaussian of `pen` px."""
    count = len(path)
    corner = np.floor(path).astype(np.int64)
    fraction = path - corner
    first = np.arange(count)[:, None] * SUPPORT * SUPPORT
    canvas = np.zeros(count * SUPPORT * SUPPORT)
    for row in (0, 1):
        for column in (0, 1):
            index = first + (corner[..., 0] + row) * SUPPORT + corner[..., 1] + column
            weight = np.abs(1 - row - fraction[..., 0]) * np.abs(1 - column - fraction[..., 1])
            canvas += np.bincount(index.ravel(), weight.ravel(), minlength=canvas.size)
    canvas = canvas.reshape(count, SUPPORT, SUPPORT)
    axis = np.arange(SUPPORT)
    blur = np.exp(-0.5 * ((axis[:, None] - axis) / pen[:, None, None]) ** 2)
    return _normalise(blur @ canvas @ blur)


def _normalise(psfs):
    """Drops everything below 1 % of the peak, as calibration does, and scales each sum to 1."""
    psfs = np.where(psfs < 0.01 * psfs.max(axis=(1, 2), keepdims=True), 0, psfs)
    return (psfs / psfs.sum(axis=(1, 2), keepdims=True)).astype(np.float32)


def padded(psf):
    """One PSF, normalised, in a square plane of odd side with its centre in the middle, at least SUPPORT wide."""
    psf = np.asarray(psf, np.float64)
    side = max(SUPPORT, 2 * max((n + 1) // 2 for n in psf.shape) + 1)
    plane = np.zeros((side, side))
    top, left = (side // 2 - n // 2 for n in psf.shape)
    plane[top : top + psf.shape[0], left : left + psf.shape[1]] = psf
    return (plane / plane.sum()).astype(np.float32)
