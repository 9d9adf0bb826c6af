"""The fields of the lexicon that a component was told to take."""

from collections.abc import Sequence

from haystack import logging

from ltrr_haystack.catalogue.lexicon_fields import slot_of

logger = logging.getLogger(__name__)


class WantedFields:
    """
    The fields of the lexicon that a component was told to take. A lexicon that lacks one is no error, since lexicons
    come and go; but it is warned of once.

    :param owner: The component, for the warning.
    :param fields: The fields, with or without `meta.`; `None` for all that a lexicon has.
    """

    def __init__(self, owner: str, fields: Sequence[str] | None) -> None:
        self.names: tuple[str, ...] | None = None if fields is None else tuple(map(slot_of, fields))
        self._owner = owner
        self._is_checked = fields is None

    def __contains__(self, name: str) -> bool:
        """
        Tell whether a field is wanted.

        :param name: The field, without `meta.`.
        :returns: Whether it is.
        """
        return self.names is None or name in self.names

    def check(self, known: Sequence[str]) -> None:
        """
        Warn of fields that the first lexicon does not have; later ones are not checked.

        :param known: The fields of a lexicon that is taken up, without `meta.`.
        """
        if self._is_checked:
            return
        self._is_checked = True
        missing = [name for name in self.names or () if name not in known]
        if missing:
            logger.warning(
                "{owner} is told to take {missing}, and the lexicon has no such fields; it has {known}. Declare them "
                "where the lexicon is counted (LexiconFields, or ltrr catalogue build --lexicon-field)",
                owner=self._owner,
                missing=", ".join(missing),
                known=", ".join(known) or "none",
            )
