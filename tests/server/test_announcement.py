import pytest
from haystack.utils import Secret

from ltrr_haystack.server.announcement import Serving, duration, url_of
from ltrr_haystack.server.settings import ServerSettings
from ltrr_haystack.store import LTRRStore

HERE = "http://127.0.0.1:1416"


class TestServing:
    def test_says_when_clicks_count_which_arms_are_warm_which_store_is_used_and_who_may_call(self):
        serving = Serving(url=HERE, store=("sqlite:////home/ltrr.db",), reward_wait=1800.0, warm=("bm25", "dense"))
        assert serving.lines() == [
            f"Serving at {HERE} (the API: {HERE}/docs; state: {HERE}/ready). Ctrl-C ends it.",
            "  clicks:  count 30 minutes after their search (--reward-wait)",
            "  policy:  the baseline is played until the log shows that what was learned is worth more (safe start)",
            "  arms:    bm25, dense are warm",
            "  store:   sqlite:////home/ltrr.db",
            "  callers: this machine only, without a key; with one (ltrr keys add) also others",
        ]

    def test_says_that_there_is_no_safe_start(self):
        assert "without a safe start" in Serving(url=HERE, safe_start=False).lines()[2]

    def test_says_what_keys_and_limits_hold(self):
        said = Serving(url=HERE, keys=2, keys_needed=True, settings=ServerSettings(key_rate=7.5)).lines()
        assert said[-2:] == [
            "  callers: need one of 2 API keys (ltrr keys list)",
            "  limits:  7.5 requests a second for a key, 50 for an address",
        ]

    def test_warns_where_everybody_may_call(self):
        said = Serving(url=HERE, settings=ServerSettings(everybody=True)).lines()
        assert said[-2].endswith("without any key (--open): anybody can index, and teach the search")
        assert said[-1] == "  limits:  50 for an address"

    def test_names_what_is_cold_and_who_learns(self):
        said = Serving(url=HERE, warm=("bm25",), cold={"dense": "ConnectionError"}).lines()
        assert said[1].endswith("nothing here learns from them (ltrr learn --follow does)")
        assert said[3] == "  arms:    bm25 is warm; dense failed when it was asked (ConnectionError)"


class TestUrlOf:
    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("sqlite:////var/lib/ltrr.db", "sqlite:////var/lib/ltrr.db"),
            ("postgresql+psycopg://me:pa55word@db/ltrr", "postgresql+psycopg://me:***@db/ltrr"),
            ("postgresql+psycopg://me@db/ltrr?password=pa55word", "postgresql+psycopg://me@db/ltrr?password=***"),
            ("postgresql://db/ltrr?sslpassword=pa55word", "postgresql://db/ltrr?sslpassword=***"),
            ("pa55word", "***"),
        ],
    )
    def test_shows_no_password(self, url, shown):
        assert url_of(LTRRStore(Secret.from_token(url))) == shown


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1800.0, "30 minutes"),
        (60.0, "1 minute"),
        (3600.0, "1 hour"),
        (90.0, "90 seconds"),
        (0.5, "0.5 seconds"),
        (1.0, "1 second"),
        (0.0, "0 seconds"),
    ],
)
def test_durations_are_said_in_the_largest_unit_that_fits(seconds, said):
    assert duration(seconds) == said
