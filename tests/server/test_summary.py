import pytest
from haystack.utils import Secret

from ltrr_haystack.server.settings import ServerSettings
from ltrr_haystack.server.summary import ServerSummary, duration, url_of
from ltrr_haystack.store import LTRRStore

HERE = "http://127.0.0.1:1416"


class TestServerSummary:
    def test_says_when_feedback_counts_which_arms_are_warm_which_store_is_used_and_who_has_access(self):
        serving = ServerSummary(
            url=HERE,
            store=("sqlite:////home/ltrr.db",),
            reward_wait=1800.0,
            reward_wait_from="option",
            warm=("bm25", "dense"),
        )
        assert serving.lines() == [
            f"Serving at {HERE} (API: {HERE}/docs, state: {HERE}/ready). Press Ctrl-C to stop.",
            "  feedback: learned from 30 minutes after the search (--reward-wait)",
            "  policy:   safe start: the baseline is played until the log shows that the learned policy is worth more",
            "  arms:     bm25, dense are warm",
            "  store:    sqlite:////home/ltrr.db",
            "  access:   this machine only, without an API key; add a key to accept other machines (ltrr keys add)",
        ]

    def test_names_variables_where_the_command_has_no_options(self):
        said = ServerSummary(url=HERE, reward_wait=3.0, public=True).lines(options=False)
        assert said[1] == "  feedback: learned from 3 seconds after the search (LTRR_REWARD_WAIT sets another time)"
        assert said[6].endswith("LTRR_CLIENT_ADDRESS=peer, or forwarded behind a proxy")
        assert not [line for line in said if "--reward-wait" in line or "--client-address" in line]

    @pytest.mark.parametrize("options", [True, False])
    def test_names_what_set_the_reward_wait(self, options):
        from_variable = ServerSummary(url=HERE, reward_wait=3.0, reward_wait_from="variable").lines(options=options)
        assert from_variable[1].endswith("(LTRR_REWARD_WAIT)")

    def test_says_how_to_set_it_where_nobody_did(self):
        assert (
            ServerSummary(url=HERE, reward_wait=3.0)
            .lines()[1]
            .endswith("(by default; --reward-wait sets another time)")
        )

    def test_says_that_there_is_no_safe_start(self):
        assert "without a safe start" in ServerSummary(url=HERE, safe_start=False).lines()[2]

    def test_says_which_keys_and_limits_there_are(self):
        said = ServerSummary(url=HERE, keys=2, keys_needed=True, settings=ServerSettings(key_rate=7.5)).lines()
        assert said[-2:] == [
            "  access:   with one of 2 API keys (ltrr keys list)",
            "  limits:   7.5 requests per second for an API key, 50 requests per second for an address",
        ]

    def test_warns_if_everybody_has_access(self):
        said = ServerSummary(url=HERE, settings=ServerSettings(everybody=True)).lines()
        assert said[-2].endswith("without an API key (--open), also to index and to send feedback")
        assert said[-1] == "  limits:   50 requests per second for an address"

    def test_warns_if_clients_from_elsewhere_are_told_apart_by_their_ids_alone(self):
        (said,) = [line for line in ServerSummary(url=HERE, public=True).lines() if line.startswith("  clients: ")]
        assert "told apart by the ids that callers send alone" in said
        assert "--client-address peer" in said

    @pytest.mark.parametrize(
        ("public", "address"), [(False, "none"), (False, "peer"), (True, "peer"), (True, "forwarded")]
    )
    def test_does_not_where_addresses_are_taken_or_nobody_calls_from_elsewhere(self, public, address):
        summary = ServerSummary(url=HERE, public=public, settings=ServerSettings(client_address=address))
        assert not [line for line in summary.lines() if "clients:" in line]

    def test_names_what_is_cold_and_who_learns(self):
        said = ServerSummary(url=HERE, warm=("bm25",), cold={"dense": "ConnectionError"}).lines()
        assert said[1].endswith("not learned from in this process (run ltrr learn --follow)")
        assert said[3] == "  arms:     bm25 is warm; dense failed when it was warmed up (ConnectionError)"


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
