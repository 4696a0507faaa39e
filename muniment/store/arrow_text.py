"""The bytes inside Arrow's arrays of texts, without making a Python object of each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def one_piece(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as one array; copied only where it lies in several."""
    if not isinstance(values, pa.ChunkedArray):
        return values
    chunks: list[pa.Array] = values.chunks
    if len(chunks) == 1:
        return chunks[0]
    return pa.concat_arrays(chunks) if chunks else pa.array([], values.type)


def offsets_of(texts: pa.Array) -> npt.NDArray[np.int32]:
    """Where each text begins in the array's bytes, and where the last ends."""
    if not len(texts):
        return np.zeros(1, np.int32)
    whole = np.frombuffer(texts.buffers()[1], np.int32)
    return whole[texts.offset : texts.offset + len(texts) + 1]


def bytes_of(texts: pa.Array) -> npt.NDArray[np.uint8]:
    """All that the texts hold, one after the other."""
    data = texts.buffers()[2]
    if data is None or not len(texts):
        return np.empty(0, np.uint8)
    offsets = offsets_of(texts)
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]


def texts_of_width(data: bytes, width: int) -> pa.Array:
    """Texts that all have the same number of ASCII characters, from their bytes."""
    count = len(data) // width
    offsets = np.arange(count + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))
