"""Counter-based random numbers: a number is a function of (seed, stream, keys) and of nothing else.

No generator with a position: what is drawn for one agent on one day does not shift when another agent, day or whole
channel is left out. That is what lets a run be extended day by day, and a channel be switched off with everything else
held equal (common random numbers). The mixer is splitmix64's finaliser (Steele, Lea & Flood 2014).
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Key = int | npt.NDArray[np.integer] | npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@cache
def _stream_key(seed: int, stream: str) -> np.uint64:
    return np.uint64(int.from_bytes(blake2b(f"{seed}/{stream}".encode(), digest_size=8).digest(), "little"))


def _mix(z: U64) -> U64:
    z = (z ^ (z >> _S30)) * _M1
    z ^= z >> _S27
    z *= _M2
    z ^= z >> _S31
    return z


def bits(seed: int, stream: str, *keys: Key) -> U64:
    """64 random bits for each element of the (broadcast) integer keys: uint64, at least one-dimensional."""
    with np.errstate(over="ignore"):
        state: U64 = np.atleast_1d(_stream_key(seed, stream))
        for key in keys:
            state = _mix((state ^ np.atleast_1d(np.asarray(key)).astype(np.uint64)) + _GOLDEN)
    return state


def uniform(seed: int, stream: str, *keys: Key) -> F64:
    """Uniform numbers in [0, 1), one for each element of the (broadcast) integer keys: float64."""
    return (bits(seed, stream, *keys) >> _S11).astype(np.float64) * 2.0**-53


def integers(u: F64, low: int, high: int) -> I64:
    """Whole numbers in [low, high) from uniforms: int64."""
    return (low + np.floor(u * (high - low))).astype(np.int64)


def pick(u: F64, weights: F64 | list[float]) -> I64:
    """Index into `weights` for each uniform, with probability proportional to the weight: int64."""
    cumulative = np.cumsum(np.asarray(weights, dtype=np.float64))
    found: I64 = np.searchsorted(cumulative, u * cumulative[-1], side="right").astype(np.int64)
    return np.minimum(found, len(cumulative) - 1)


def normal(u: F64) -> F64:
    """Standard normal numbers from uniforms: Tukey's lambda approximation, within 0.01 over the bulk, tails cut at 4."""
    p = np.clip(u, 1e-5, 1 - 1e-5)
    return np.clip((p**0.1349 - (1 - p) ** 0.1349) / 0.1975, -4.0, 4.0)


def exponential(u: F64, mean: float | F64) -> F64:
    """Exponential waiting times of the given mean from uniforms."""
    return np.asarray(-np.log1p(-u) * mean, dtype=np.float64)


def poisson(u: F64, mean: F64) -> I64:
    """Poisson counts from uniforms: by inversion up to a mean of 20, above by the normal approximation. int64."""
    mean = np.broadcast_to(np.asarray(mean, dtype=np.float64), u.shape)
    out = np.maximum(np.rint(mean + np.sqrt(mean) * normal(u)), 0).astype(np.int64)
    small = np.flatnonzero(mean <= 20)
    if len(small):
        m, left = mean[small], u[small].copy()
        p = np.exp(-m)
        count = np.zeros(len(small), np.int64)
        open_ = np.flatnonzero(left >= p)
        k = 0
        while len(open_) and k < 80:
            left[open_] -= p[open_]
            k += 1
            p[open_] *= m[open_] / k
            count[open_] = k
            open_ = open_[left[open_] >= p[open_]]
        out[small] = count
    return out


_ALPHABET = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", dtype=np.uint8)


def token_bytes(keys: U64, length: int) -> npt.NDArray[np.uint8]:
    """URL-safe random-looking characters, 64 to choose from: uint8 array (n, length), a function of the key alone."""
    steps = np.arange((length + 7) // 8, dtype=np.uint64) * _GOLDEN
    parts = [_mix(keys + step) for step in steps]
    raw = np.stack(parts, axis=1).view(np.uint8).reshape(len(keys), -1)[:, :length]
    letters: npt.NDArray[np.uint8] = _ALPHABET[raw & 63]
    return letters


def digit_bytes(keys: U64, length: int) -> npt.NDArray[np.uint8]:
    """Decimal digits of a key's last places, the first never 0: uint8 array (n, length)."""
    powers = np.uint64(10) ** np.arange(length - 1, -1, -1, dtype=np.uint64)
    out = ((keys[:, None] // powers) % np.uint64(10)).astype(np.uint8) + np.uint8(48)
    out[:, 0] = np.where(out[:, 0] == 48, 49, out[:, 0])
    return out
