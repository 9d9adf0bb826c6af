"""What is known of a database's health."""

from ltrr_haystack.store.outage import Outage


class Health:
    """
    Whether a database can be read, and whether it can be written: one may fail without the other.

    :param place: The database's url without its passwords.
    """

    def __init__(self, place: str) -> None:
        self.reads = Outage(f"The store at '{place}' cannot be read, searches go on without what it knows")
        self.writes = Outage(f"The store at '{place}' cannot be written, searches go unlogged and feedback is refused")

    @property
    def troubled(self) -> bool:
        """Whether anything fails, as far as is known."""
        return self.reads.under_way or self.writes.under_way
