"""Split an export of any known format into rows, in bounded memory.

Reading only splits: it finds the bytes of each row, its number, its physical line and its byte offset. The transforms
decide what a row means.
"""

from flows.sources.reading.chunks import CHUNK_ROWS, ChunkSize
from flows.sources.reading.exports import read_chunks

__all__ = ["CHUNK_ROWS", "ChunkSize", "read_chunks"]
