"""From a file to the network's input: the two ends of its content."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from samples.magika.network import Network


@dataclass(frozen=True, slots=True)
class Ends:
    """At most one block from each end of a content of `size` bytes; in a small one they overlap."""

    size: int
    head: bytes
    tail: bytes


def ends_of(content: bytes, block_size: int) -> Ends:
    return Ends(len(content), content[:block_size], content[-block_size:])


def read_ends(path: str | os.PathLike[str], block_size: int) -> Ends:
    """Both ends of a file, without reading what lies between."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        head = os.pread(descriptor, block_size, 0)
        tail = os.pread(descriptor, block_size, size - block_size) if size > block_size else head
        return Ends(size, head, tail)
    finally:
        os.close(descriptor)


def features(ends: Ends, network: Network) -> npt.NDArray[np.int32] | None:
    """int32 [1, beg_size + end_size], or None when there are too few bytes to ask the network.

    White space before the first byte and after the last does not count; what is missing of either
    end is padding, on the side of the file's middle.
    """
    head = ends.head.lstrip()[: network.beg_size]
    tail = ends.tail.rstrip()[-network.end_size :]
    if ends.size < network.min_file_size or len(head) < network.min_file_size:
        return None
    row = np.full((1, network.beg_size + network.end_size), network.padding_token, np.int32)
    row[0, : len(head)] = np.frombuffer(head, np.uint8)
    row[0, row.shape[1] - len(tail) :] = np.frombuffer(tail, np.uint8)
    return row
