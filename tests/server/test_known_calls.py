import pytest

from ltrr_haystack.server.known_calls import not_allowed, not_found

PATHS = {"/search/run": {"post": {}}, "/search/suggestions": {"get": {}}, "/tour": {"get": {}, "delete": {}}}


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/serch/run", "POST /search/run"),
        ("/search/", "POST /search/run or GET /search/suggestions"),
        ("/tuor", "GET /tour or DELETE /tour"),
    ],
)
def test_what_may_have_been_meant_is_named(path, meant):
    assert not_found(PATHS, path) == f"there is no '{path}'; did you mean {meant}? all calls are listed at /docs"


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/" + "x" * 10_000])
def test_what_is_like_nothing_leads_to_the_list(path):
    assert not_found(PATHS, path) == (f"there is no '{path[:100]}'; all calls are listed at /docs")


def test_other_methods_are_named():
    assert not_allowed(PATHS, "PUT", "/tour") == (
        "'/tour' does not take PUT; possible is GET /tour or DELETE /tour; all calls are listed at /docs"
    )
    assert not_allowed(PATHS, "PUT", "/hidden") == "'/hidden' does not take PUT; all calls are listed at /docs"
