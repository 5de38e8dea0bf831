"""Reading: an export of any known format, split into rows, in bounded memory.

Reading only splits. It knows where a row begins and ends, its number, its physical line and its
byte offset; what the row says is decided by the transforms.
"""

from flows.sources.reading.chunks import CHUNK_ROWS, ChunkSize
from flows.sources.reading.files import read_chunks

__all__ = ["CHUNK_ROWS", "ChunkSize", "read_chunks"]
