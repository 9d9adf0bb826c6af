import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from ltrr_haystack.__about__ import __version__
from ltrr_haystack.server.openapi import REFUSED, describe_api


class Answer(BaseModel):
    """What the wrapper answers."""

    found: str


class Wrapper:
    answer = Answer


@pytest.fixture
def app():
    """An application such as Hayhooks makes."""
    app = FastAPI()

    @app.post("/search/run", response_model=None)
    def run(query: str) -> dict:
        return {}

    @app.get("/status/{name}")
    def status(name: str) -> str:
        return name

    @app.get("/ready")
    def ready() -> str:
        return "ready"

    return app


def described(app: FastAPI, needed: bool = True) -> dict:
    describe_api(app, {"search": Wrapper()}, {"/search/run": "search"}, lambda: needed)
    return app.openapi()


def body(response: dict) -> dict:
    return response["content"]["application/json"]["schema"]


class TestDescribeApi:
    def test_it_is_of_this_project(self, app):
        info = described(app)["info"]
        assert (info["title"], info["version"]) == ("ltrr-haystack", __version__)

    def test_every_answer_of_a_pipeline_has_its_form(self, app):
        responses = described(app)["paths"]["/search/run"]["post"]["responses"]
        assert list(responses) == sorted({"200", "422", *REFUSED})
        assert body(responses["200"]) == {"$ref": "#/components/schemas/Answer"}
        for status in REFUSED:
            assert body(responses[status]) == {"$ref": "#/components/schemas/Problem"}
        assert [each["$ref"].rpartition("/")[2] for each in body(responses["422"])["anyOf"]] == [
            "HTTPValidationError",
            "Problem",
            "Answer",
        ]
        for status in ("429", "503"):
            assert responses[status]["headers"]["Retry-After"]["schema"]["type"] == "integer"

    def test_what_is_said_to_everybody_needs_no_key(self, app):
        paths = described(app)["paths"]
        assert "security" not in paths["/ready"]["get"]
        assert set(paths["/ready"]["get"]["responses"]) == {"200", "403"}
        assert set(paths["/status/{name}"]["get"]["responses"]) == {"200", "403", "404", "422"}

    @pytest.mark.parametrize("needed", [True, False])
    def test_a_key_is_optional_as_long_as_there_is_none(self, app, needed):
        keys = described(app, needed)["paths"]["/search/run"]["post"]["security"]
        assert keys == [{"bearer": ["search"]}, {"header": ["search"]}, *([] if needed else [{}])]

    def test_every_reference_leads_somewhere(self, app):
        schema = described(app)
        names = set(schema["components"]["schemas"])
        text = str(schema)
        assert {each.split("'")[0] for each in text.split("#/components/schemas/")[1:]} <= names
