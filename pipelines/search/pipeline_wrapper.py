"""POST /search/run"""

from pathlib import Path

from hayhooks import BasePipelineWrapper

from ltrr_haystack.server.answers import JSONAnswer, search_answer
from ltrr_haystack.server.client_address import client_address
from ltrr_haystack.server.failures import http_errors
from ltrr_haystack.server.filters import check_lists
from ltrr_haystack.server.schemas import Context, Filters, Flag, Identifier, QueryText, SearchAnswer, TopK
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
        explain: Flag = False,
        log: Flag = True,
    ) -> JSONAnswer:
        """
        Search, and log the page under the query_id of the response.

        :param query: The query text, at most 1,000 characters.
        :param user_id: The user's id.
        :param session_id: The session's id.
        :param context: Further context, such as device, country or page: name → text or number.
        :param top_k: Number of documents to return, from 1 to 100.
        :param filters: Haystack metadata filters.
        :param mode: A more cautious mode than the router's, such as `baseline` for a control group.
        :param client_id: Id of the browser or program. What one user, session or client contributes to learning is
            limited; searches without any of these ids count as one client.
        :param explain: Whether to say for each document why it stands where it does.
        :param log: Whether to log the page. Without it nobody learns from the search, and feedback on it is rejected:
            for those who look into how the search works.
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
            "ranker": {"top_k": top_k, "explain": explain},
            "impressions": {"log": log},
        }
        with http_errors():
            check_lists(filters, self.pipeline)
            # Enough to run all arms at once.
            found = await self.pipeline.run_async(inputs, concurrency_limit=16)
            impressions = found["impressions"]
            ranking = impressions["ranking"]
            return JSONAnswer(
                search_answer(
                    ranking,
                    logged=impressions["logged"],
                    verdict=self.verdicts.of(ranking.decision),
                    explanation=found.get("ranker", {}).get("explanation"),
                    pipeline=self.pipeline,
                )
            )
