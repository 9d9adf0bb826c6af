"""POST /indexing/run"""

from pathlib import Path

from hayhooks import BasePipelineWrapper
from haystack import Document, Pipeline

from ltrr_haystack.server.answers import JSONAnswer
from ltrr_haystack.server.failures import http_errors
from ltrr_haystack.server.schemas import Documents, IndexingAnswer


class PipelineWrapper(BasePipelineWrapper):
    """Serves indexing.yml."""

    scope = "index"
    answer = IndexingAnswer

    def setup(self) -> None:
        """Load the pipeline beside this file."""
        self.pipeline = Pipeline.loads(Path(__file__).with_name("indexing.yml").read_text(encoding="utf-8"))

    def run_api(self, documents: Documents) -> JSONAnswer:
        """
        Index documents. A document with a known id is overwritten.

        :param documents: The documents, at most 1,000.
        """
        # Hayhooks passes validated documents as plain dictionaries.
        with http_errors():
            given = [Document(id=each["id"] or "", content=each["content"], meta=each["meta"]) for each in documents]
            self.pipeline.run({"documents": given})
            return JSONAnswer(IndexingAnswer(written=len({document.id for document in given})))
