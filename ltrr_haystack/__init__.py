"""
Learning to rank and retrieve for Haystack: search pipelines that learn from what people do with the results.

Components go into a pipeline; policies, the store and the learner are handed to them; the builders wire it all.
`train_ranker`, `train_understanding` and `warm_start` train on a log and on labelled queries,
`ltrr_haystack.evaluation.off_policy.evaluate` judges policies by the log, and all errors derive from `LTRRError`. Names
that are exported neither here nor by a subpackage's `__all__` are internal.
"""

from ltrr_haystack.__about__ import __version__
from ltrr_haystack.builder import build_feedback_pipeline, build_search_pipeline
from ltrr_haystack.components.bandit_router import BanditRouter
from ltrr_haystack.components.catalogue_writer import CatalogueWriter
from ltrr_haystack.components.content_tagger import ContentTagger
from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.components.impression_writer import ImpressionWriter
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.components.memory_index_retriever import MemoryIndexRetriever
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.components.related_retriever import RelatedRetriever
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.structured_retriever import StructuredRetriever
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.errors import (
    ConfigurationError,
    DamagedSnapshotError,
    IndexLockedError,
    InvalidInputError,
    LTRRError,
    MissingExtraError,
    OutdatedSnapshotError,
    SnapshotError,
    StoreError,
    StoreUnavailableError,
    SupersededError,
)
from ltrr_haystack.feedback import RewardModel, UBIEvent
from ltrr_haystack.intents import QueryIntents, train_understanding
from ltrr_haystack.learning import BackgroundLearner, ClientLimits, Learner, Progress
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.protocol import Policy
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.policy.uniform import UniformPolicy
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.policy.warm_start import LabelledQuery, warm_start
from ltrr_haystack.ranking.candidate_features import (
    CandidateFeatures,
    ClickFeatures,
    CombinedFeatures,
    MetadataFeatures,
    ReadingFeatures,
    TextFeatures,
)
from ltrr_haystack.ranking.training import train_ranker
from ltrr_haystack.readings.annotator import CatalogueReadings
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import (
    ActionSet,
    Arm,
    ArmReport,
    ArmRequest,
    ArmResult,
    Candidate,
    CandidateSet,
    Decision,
    Features,
    Impression,
    Interpretation,
    Provenance,
    Ranking,
    SettledDecision,
    Understanding,
)

__all__ = [
    "ActionSet",
    "Arm",
    "ArmReport",
    "ArmRequest",
    "ArmResult",
    "BackgroundLearner",
    "BanditRouter",
    "Candidate",
    "CandidateFeatures",
    "CandidateSet",
    "CatalogueReadings",
    "CatalogueWriter",
    "ClickFeatures",
    "ClientLimits",
    "CombinedFeatures",
    "ConfigurationError",
    "ContentTagger",
    "DamagedSnapshotError",
    "Decision",
    "Features",
    "FeedbackWriter",
    "Impression",
    "ImpressionWriter",
    "IndexLockedError",
    "Interpretation",
    "InvalidInputError",
    "JointDistribution",
    "LTRRError",
    "LTRRStore",
    "LTRRanker",
    "LabelledQuery",
    "Learner",
    "MemoryIndexRetriever",
    "MetadataFeatures",
    "MissingExtraError",
    "OutdatedSnapshotError",
    "Policy",
    "Progress",
    "Provenance",
    "QueryIntents",
    "QueryUnderstanding",
    "Ranking",
    "ReadingFeatures",
    "RelatedRetriever",
    "RetrievalArm",
    "RewardModel",
    "SettledDecision",
    "SnapshotError",
    "StaticPolicy",
    "StoreError",
    "StoreUnavailableError",
    "StructuredRetriever",
    "SupersededError",
    "TextFeatures",
    "UBIEvent",
    "Understanding",
    "UniformPolicy",
    "UnionJoiner",
    "VWPolicy",
    "__version__",
    "build_feedback_pipeline",
    "build_search_pipeline",
    "train_ranker",
    "train_understanding",
    "warm_start",
]
