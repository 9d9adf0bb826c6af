"""What turns the log into models: the learner, its background thread, and the view of the active policy."""

from ltrr_haystack.learning.active import active_policy, load_policy
from ltrr_haystack.learning.background import BackgroundLearner, follow
from ltrr_haystack.learning.clients import ClientLimits
from ltrr_haystack.learning.learner import Learner, Progress
from ltrr_haystack.learning.training_schedule import TrainingSchedule

__all__ = [
    "BackgroundLearner",
    "ClientLimits",
    "Learner",
    "Progress",
    "TrainingSchedule",
    "active_policy",
    "follow",
    "load_policy",
]
