"""The process that trains: `python -m ltrr_haystack.learning.training_process SETTINGS`, see `TrainingSchedule`."""

import json
import os
import sys

from haystack import logging

from ltrr_haystack.errors import MissingExtraError
from ltrr_haystack.learning.training_schedule import train_if_due
from ltrr_haystack.ranking.training import train_page
from ltrr_haystack.store import LTRRStore

logger = logging.getLogger(__name__)

NICENESS = 10
"""Searches and the learner's passes come first."""


def main(settings: str) -> None:
    """
    Train if it is due.

    :param settings: JSON of `store`, as `LTRRStore.to_dict` gives it, `every` and `claim_seconds`.
    """
    said = json.loads(settings)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    store = LTRRStore.from_dict(said["store"])
    store.warm_up()
    try:
        train_if_due(store, said["every"], _train, said["claim_seconds"])
    finally:
        store.close()


def _train(store: LTRRStore) -> None:
    try:
        train_page(store)
    except MissingExtraError as error:
        logger.warning("The page model was fitted, but no ranker was trained: {error}", error=str(error))


if __name__ == "__main__":
    main(sys.argv[1])
