"""Parts queries, so that none is both learned from and judged on."""

from hashlib import blake2b


def fold_of(query_key: str, folds: int, seed: int) -> int:
    """
    Give the part that a query belongs to.

    :param query_key: The key of the query's evidence.
    :param folds: Into how many parts queries are put.
    :param seed: Another seed parts them otherwise.
    :returns: The part of this query, from 0; it does not depend on the others.
    """
    digest = blake2b(f"{seed}:{query_key}".encode(errors="replace"), digest_size=8).digest()
    return int(int.from_bytes(digest, "big") / 2.0**64 * folds)
