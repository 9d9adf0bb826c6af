"""POST /search/run"""

from pathlib import Path

from hayhooks import BasePipelineWrapper

from ltrr_haystack.server.answers import JSONAnswer, search_answer
from ltrr_haystack.server.client_address import client_address
from ltrr_haystack.server.failures import http_errors
from ltrr_haystack.server.schemas import Context, Filters, Identifier, QueryText, SearchAnswer, TopK
from ltrr_haystack.server.verdicts import Verdicts
from ltrr_haystack.server.warming import warm_pipeline
from ltrr_haystack.types import Mode


class PipelineWrapper(BasePipelineWrapper):
    """Serves search.yml."""

    scope = "search"
    answer = SearchAnswer

    def setup(self) -> None:
        """Load the pipeline beside this file, and warm it up."""
        self.pipeline = warm_pipeline(Path(__file__).with_name("search.yml"))
        self.verdicts = Verdicts(self.pipeline)

    async def run_api_async(
        self,
        query: QueryText,
        user_id: Identifier | None = None,
        session_id: Identifier | None = None,
        context: Context | None = None,
        top_k: TopK = 10,
        filters: Filters | None = None,
        mode: Mode | None = None,
        client_id: Identifier | None = None,
    ) -> JSONAnswer:
        """
        Search, and log what was shown under the answer's query_id.

        :param query: What the person typed, at most 1,000 characters.
        :param user_id: Who searches.
        :param session_id: The session.
        :param context: What else is known of the moment (device, country, page …): name → text or number.
        :param top_k: How many documents to show, 1 to 100.
        :param filters: Haystack metadata filters.
        :param mode: Another mode than the router's for this search: `baseline` for people who are to be compared.
        :param client_id: The browser or program that searches. What one user, session or client can add to what is
            learned is bounded, and searches that name none of them are one client together.
        """
        inputs = {
            "understanding": {"query": query},
            "router": {
                "user_id": user_id,
                "session_id": session_id,
                "context": context,
                "filters": filters,
                "mode": mode,
                "client_id": client_id,
                "client_address": client_address(),
            },
            "ranker": {"top_k": top_k},
        }
        with http_errors():
            # Room for all arms at once.
            found = await self.pipeline.run_async(inputs, concurrency_limit=16)
            impressions = found["impressions"]
            ranking = impressions["ranking"]
            verdict = self.verdicts.of(ranking.decision)
            return JSONAnswer(search_answer(ranking, logged=impressions["logged"], verdict=verdict))
