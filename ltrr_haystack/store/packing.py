"""
How the log is written small: texts are compressed with what most of them have in common, numbers are packed.

What is read is what was written. The first byte tells the form, so that a later one can be told apart. Of a number the
two bytes with sign and exponent, which are alike in most, are kept together, apart from the six that are not.
"""

import struct
import zlib
from collections.abc import Sequence

_FORM, _HEX = b"\x01", b"\x02"
_LETTERS = {"B": 2**8, "H": 2**16, "I": 2**32, "Q": 2**64}
"""How `struct` writes whole numbers below a bound."""

_HEAD = struct.Struct("<cI")
"""Before packed numbers: the letter for the whole ones, and how many they are."""

_WINDOW = -12
"""Deflate without header, in a window of 4 KB: what is packed is small, and so is then the effort to begin."""

_MEMORY = 5
_COMMON = (
    b'"favourite","broad","question","navigational","night","morning","afternoon","apprentice","error":"timeout","5+",'
    b'"en","de","intent.","slot.","context.","filters":"yes","operator":"AND","conditions":[{"field":"meta.","operator":'
    b'"==","value":"interpretations":[{"slots":{"leftover":"","probability":0.'
    b'{"decision":{"understanding":{"query":"","normal_form":"","tokens":["","'
    b'"],"language":"und","query_type":"topical","has_digits":false,"weekday":1,"day_part":"evening","intents":{},'
    b'"interpretations":[]},"allocation":{"bm25":50,"dense":50,"sparse":50,"memory":0},"propensity":0.99,'
    b'"policy_version":1,"features":{"query":{"type":"topical","language":"und","length":"3-4","digits":"no",'
    b'"user":"unknown","session":"known"},"time":{"weekday":"1","day_part":"evening"},"history":{"bm25":{"cnt":0.1,'
    b'"ctr":0.0,"ret":0.5},"dense":{"cnt":0.3,"ctr":0.0,"ret":0.05}}},"marginals":{"bm25":[0.00,0.01],"dense":[0.99],'
    b'"sparse":[0.9],"memory":[0.9]},"preferred":{"bm25":50,"dense":50,"sparse":50,"memory":50},"user_id":null,'
    b'"session_id":"","client_id":"","client_address":null,"filters":null},"reports":[{"arm":"bm25","depth":50,'
    b'"returned":50,"seconds":0.0,"top_score":1.0,"error":null,"weight":1.0,"rrf_k":60.0,"left_out":0,'
    b'"fallback":false},{"arm":"dense","depth":50,"returned":50,"seconds":0.0,"top_score":0.9,"error":null,'
    b'"weight":1.0,"rrf_k":60.0,"left_out":0,"fallback":false},{"arm":"memory","depth":10,"returned":0,"seconds":0.0,'
    b'"top_score":null,"error":null,"weight":1.0,"rrf_k":60.0,"left_out":0,"fallback":false}]}'
)
"""What texts of the log have in common; part of the form, so it never changes."""


_DEFLATE_TEXT = zlib.compressobj(6, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=_COMMON)
"""Knows already what texts have in common; copied for each."""


def pack_text(text: str) -> bytes:
    """
    Compress a text.

    :param text: The text.
    :returns: Bytes for `unpack_text`.
    """
    deflate = _DEFLATE_TEXT.copy()
    return _FORM + deflate.compress(text.encode()) + deflate.flush()


def unpack_text(packed: bytes) -> str:
    """
    Give back what `pack_text` compressed.

    :param packed: The bytes.
    :returns: The text.
    :raises ValueError: If they are no such bytes.
    """
    return _inflated(packed, _COMMON).decode()


def pack_ids(ids: Sequence[str]) -> bytes:
    """
    Pack ids; hexadecimal digits, which Haystack makes its documents' ids of, take half a byte each.

    :param ids: Texts without NUL.
    :returns: Bytes for `unpack_ids`.
    """
    length = len(ids[0]) if ids else 0
    if 0 < length < 256 and set(map(len, ids)) == {length}:
        try:
            digits = bytes.fromhex("".join(ids))
        except ValueError:
            digits = b""
        if digits.hex() == "".join(ids):
            return _HEX + bytes([length]) + digits
    return pack_text("".join([f"{each}\0" for each in ids]))


def unpack_ids(packed: bytes) -> list[str]:
    """
    Give back what `pack_ids` packed.

    :param packed: The bytes.
    :returns: The ids.
    :raises ValueError: If they are no such bytes.
    """
    if packed[:1] != _HEX:
        return unpack_text(packed).split("\0")[:-1]
    if len(packed) == 1:
        raise ValueError("packed ids are cut off")
    text, length = packed[2:].hex(), packed[1]
    return [text[start : start + length] for start in range(0, len(text), length)]


def pack_numbers(integers: Sequence[int], numbers: Sequence[float]) -> bytes:
    """
    Pack whole numbers, each into as few bytes as the largest of them needs, and floating-point numbers.

    :param integers: Whole numbers, none of them negative.
    :param numbers: Any numbers.
    :returns: Bytes for `unpack_numbers`.
    """
    largest = max(integers, default=0)
    letter = next(letter for letter, bound in _LETTERS.items() if largest < bound)
    octets = bytearray(struct.pack(f"<{len(numbers)}d", *numbers))
    alike = octets[6::8] + octets[7::8]
    del octets[7::8]
    del octets[6::7]
    whole = struct.pack(f"<{len(integers)}{letter}", *integers)
    deflate = zlib.compressobj(6, zlib.DEFLATED, _WINDOW, _MEMORY)
    head = _HEAD.pack(letter.encode(), len(integers))
    return _FORM + deflate.compress(b"".join((head, whole, octets, alike))) + deflate.flush()


def unpack_numbers(packed: bytes) -> tuple[list[int], list[float]]:
    """
    Give back what `pack_numbers` packed.

    :param packed: The bytes.
    :returns: The whole numbers and the floating-point numbers.
    :raises ValueError: If they are no such bytes.
    """
    content = _inflated(packed, b"")
    try:
        letter, count = _HEAD.unpack_from(content)
        whole = struct.Struct(f"<{count}{letter.decode()}")
        integers = whole.unpack_from(content, _HEAD.size)
    except struct.error as error:
        raise ValueError(f"packed numbers are damaged: {error}") from error
    rest = content[_HEAD.size + whole.size :]
    number = len(rest) // 8
    octets = bytearray(8 * number)
    for place in range(6):
        octets[place::8] = rest[place : 6 * number : 6]
    octets[6::8], octets[7::8] = rest[6 * number : 7 * number], rest[7 * number : 8 * number]
    return list(integers), list(struct.unpack(f"<{number}d", octets))


def _inflated(packed: bytes, common: bytes) -> bytes:
    if packed[:1] != _FORM:
        raise ValueError(f"packed bytes begin with {packed[:1]!r}, not with {_FORM!r}")
    inflate = zlib.decompressobj(_WINDOW, zdict=common)
    try:
        content = inflate.decompress(packed[1:]) + inflate.flush()
    except zlib.error as error:
        raise ValueError(f"packed bytes are damaged: {error}") from error
    if not inflate.eof:
        raise ValueError("packed bytes are cut off")
    return content
