import time
from collections.abc import Callable
from threading import Event, Lock, Thread

from haystack import logging

from ltrr_haystack.errors import ConfigurationError, StoreUnavailableError
from ltrr_haystack.learning.learner import Learner, Progress
from ltrr_haystack.learning.training_schedule import TrainingSchedule
from ltrr_haystack.store import Outage

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 60.0
"""Seconds that a learner whose passes keep failing rests at most."""


def follow(
    learner: Learner,
    interval: float = 2.0,
    stop: Event | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """
    Run passes of a learner until stopped.

    A pass that fails is logged and tried again; the pause doubles with every failure in a row, up to a minute. While
    the store is unavailable the pause does not grow, and learning goes on as soon as it is back.

    :param learner: What learns.
    :param interval: Seconds between the end of a pass and the next one.
    :param stop: Ends the loop when set, between two batches at the latest; without it the loop does not end.
    :param on_progress: Called after every pass that did not fail; if it raises, that is logged, and learning goes on.
    """
    stop = stop or Event()
    failures = 0
    waiting = Outage("The learner waits for its store")
    afterwards = Outage("The learner goes on without what is done after its passes")
    while not stop.is_set():
        started = time.monotonic()
        try:
            progress = learner.run_once(stop=stop)
        except StoreUnavailableError as error:
            waiting.report(error)
        except Exception:
            failures += 1
            logger.exception(
                "A pass of the learner failed after {seconds:.1f} s, {failures} in a row; nothing of it was kept, and "
                "it will be tried again",
                seconds=time.monotonic() - started,
                failures=failures,
            )
        else:
            failures = 0
            waiting.mended()
            if on_progress is not None:
                try:
                    on_progress(progress)
                    afterwards.mended()
                except Exception as error:  # noqa: BLE001 (the pass is kept, whatever comes of what follows it)
                    afterwards.report(error)
        stop.wait(_pause(interval, failures))


def _pause(interval: float, failures: int) -> float:
    return min(interval * 2.0 ** min(failures, 30), max(interval, LONGEST_PAUSE))


class BackgroundLearner:
    """
    Runs a learner in a thread of its own, as a server does.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import BackgroundLearner, Learner, LTRRStore, VWPolicy

    store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    background = BackgroundLearner(Learner(store, VWPolicy()), interval=2.0)
    background.start()
    background.stop()
    ```
    """

    def __init__(self, learner: Learner, *, interval: float = 2.0, training: TrainingSchedule | None = None) -> None:
        """
        Create a BackgroundLearner; the thread begins with `start`.

        :param learner: What learns.
        :param interval: Seconds between the end of a pass and the next one.
        :param training: When the ranker is trained; looked at after every pass.
        :raises ConfigurationError: If `interval` is not positive.
        """
        if interval <= 0:
            raise ConfigurationError(f"interval must be positive, got {interval}")
        self.learner = learner
        self.interval = interval
        self.training = training
        self._lock = Lock()
        self._stop = Event()
        self._thread: Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def start(self) -> None:
        """Begin to learn; a learner that runs already goes on."""
        with self._lock:
            if self.running:
                return
            self._stop = Event()
            self._thread = Thread(
                target=follow,
                args=(self.learner, self.interval, self._stop, self._look_at_training),
                name="ltrr-learner",
                daemon=True,
            )
            self._thread.start()

    def stop(self) -> None:
        """End the thread after the batch at hand, and wait until it has ended; a training is ended, too."""
        with self._lock:
            self._stop.set()
            if self._thread is not None:
                self._thread.join()
            self._thread = None
            if self.training is not None:
                self.training.stop()

    def _look_at_training(self, _: Progress) -> None:
        if self.training is not None:
            self.training.look()
