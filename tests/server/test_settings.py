import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.server.settings import VARIABLES, ServerSettings


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)


class TestFromEnvironment:
    def test_what_is_given_wins_over_the_environment_and_that_over_the_defaults(self, monkeypatch):
        monkeypatch.setenv("LTRR_CLIENT_ADDRESS", "forwarded")
        monkeypatch.setenv("LTRR_KEY_RATE", "2.5")
        monkeypatch.setenv("LTRR_ADDRESS_RATE", "")
        settings = ServerSettings.from_environment(key_rate=7.0, address_rate=None)
        assert (settings.client_address, settings.key_rate, settings.address_rate) == ("forwarded", 7.0, None)

    @pytest.mark.parametrize(
        ("variable", "text"),
        [
            ("LTRR_CLIENT_ADDRESS", "proxy"),
            ("LTRR_KEY_RATE", "fast"),
            ("LTRR_KEY_RATE", "nan"),
            ("LTRR_ADDRESS_RATE", "-1"),
            ("LTRR_SEARCHES_AT_ONCE", "0"),
            ("LTRR_SEARCHES_AT_ONCE", "1.5"),
        ],
    )
    def test_a_mistake_names_its_variable(self, variable, text, monkeypatch):
        monkeypatch.setenv(variable, text)
        with pytest.raises(ConfigurationError, match=f"{variable} must be .*, got '{text}'"):
            ServerSettings.from_environment()


class TestServerSettings:
    @pytest.mark.parametrize(
        "wrong",
        [{"client_address": "proxy"}, {"key_rate": -1.0}, {"address_rate": float("nan")}, {"searches_at_once": 0}],
    )
    def test_a_mistake_names_the_setting(self, wrong):
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            ServerSettings(**wrong)

    def test_addresses_are_limited_unless_this_machine_alone_may_call(self):
        assert ServerSettings().rate_of_addresses(keys_needed=False) == 0
        assert ServerSettings().rate_of_addresses(keys_needed=True) == 50
        assert ServerSettings(everybody=True).rate_of_addresses(keys_needed=False) == 50
        assert ServerSettings(address_rate=3.0).rate_of_addresses(keys_needed=False) == 3
        assert ServerSettings(address_rate=0.0).rate_of_addresses(keys_needed=True) == 0
