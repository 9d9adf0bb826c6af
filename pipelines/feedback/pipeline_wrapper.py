"""POST /feedback/run"""

from pathlib import Path

from fastapi import HTTPException
from hayhooks import BasePipelineWrapper
from haystack import Pipeline

from ltrr_haystack.server.answers import JSONAnswer
from ltrr_haystack.server.failures import http_errors
from ltrr_haystack.server.schemas import MOST_EVENTS, Events, FeedbackAnswer


class PipelineWrapper(BasePipelineWrapper):
    """Serves feedback.yml."""

    scope = "feedback"
    answer = FeedbackAnswer

    def setup(self) -> None:
        """Load the pipeline beside this file."""
        self.pipeline = Pipeline.loads(Path(__file__).with_name("feedback.yml").read_text(encoding="utf-8"))

    async def run_api_async(self, events: Events) -> JSONAnswer:
        """
        Log feedback on searches. An event that is sent twice counts once.

        :param events: UBI events, at most 1,000. Each is accepted or rejected by itself.
        """
        if len(events) > MOST_EVENTS:
            raise HTTPException(413, f"events: at most {MOST_EVENTS:,} in one call, got {len(events):,}")
        # The component is run by itself: a pipeline copies each value within its inputs and outputs several times, on
        # the event loop, and thousands of values then keep all other requests waiting for seconds.
        writer = self.pipeline.get_component("feedback")
        with http_errors():
            await writer.warm_up_async()
            answer = FeedbackAnswer.model_validate(await writer.run_async(events))
            return JSONAnswer(answer, 200 if answer.accepted or answer.duplicate else 422)
