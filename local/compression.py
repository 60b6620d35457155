"""Compression as API Gateway does it: unpacks what comes packed, packs what is large for who accepts that."""

import gzip
import zlib
from dataclasses import replace

from local.http_server import MAX_BODY_BYTES, HttpAnswer, HttpRequest

_FROM_BYTES = 1024


def unpacked(request: HttpRequest) -> bytes | None:
    """Unpack a body sent with gzip or deflate; ``None`` when it cannot be unpacked, or is too large then."""
    if (request.header("content-encoding") or "").strip().lower() not in ("gzip", "deflate"):
        return request.body
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        body = unpacker.decompress(request.body, MAX_BODY_BYTES)
    except zlib.error:
        return None
    return body if unpacker.eof else None


def packed(answer: HttpAnswer, request: HttpRequest) -> HttpAnswer:
    """Compress an answer of some size with gzip for who accepts that."""
    accepted = (request.header("accept-encoding") or "").lower().replace(" ", "").split(",")
    if len(answer.body) < _FROM_BYTES or not {"gzip", "*"} & set(accepted):
        return answer
    body = gzip.compress(answer.body, compresslevel=6, mtime=0)
    return replace(answer, headers=(*answer.headers, ("Content-Encoding", "gzip")), body=body)
