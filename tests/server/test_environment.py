import os

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from ltrr_haystack.server.environment import DEFAULTS, disable_telemetry, limit_blas_threads, prepare_environment


@pytest.fixture
def _clean(monkeypatch):
    for name in ("LTRR_HOME", "LTRR_STORE_URL", "HAYSTACK_TELEMETRY_ENABLED", *DEFAULTS):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("_clean")
class TestPrepareEnvironment:
    def test_the_store_lies_in_the_home_folder(self, tmp_path):
        home = prepare_environment(tmp_path / "home")
        assert home.is_dir()
        assert os.environ["LTRR_HOME"] == str(home)
        assert os.environ["LTRR_STORE_URL"] == f"sqlite:///{home}/ltrr.db"
        assert os.environ["LTRR_INDEX"] == str(home / "index")

    def test_what_is_set_already_stays(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LTRR_STORE_URL", "postgresql+psycopg://db/ltrr")
        monkeypatch.setenv("HAYHOOKS_LOG_LEVEL", "DEBUG")
        monkeypatch.setenv("LTRR_HOME", str(tmp_path))
        monkeypatch.setenv("LTRR_INDEX", "/srv/index")
        assert prepare_environment() == tmp_path
        assert os.environ["LTRR_INDEX"] == "/srv/index"
        assert os.environ["LTRR_STORE_URL"] == "postgresql+psycopg://db/ltrr"
        assert os.environ["HAYHOOKS_LOG_LEVEL"] == "DEBUG"

    def test_without_any_setting_it_is_a_folder_here(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert prepare_environment() == tmp_path / ".ltrr"

    def test_telemetry_is_off_even_if_haystack_is_loaded(self, monkeypatch):
        from haystack.telemetry import _telemetry

        monkeypatch.setattr(_telemetry, "telemetry", object())
        disable_telemetry()
        assert _telemetry.telemetry is None
        assert os.environ["HAYSTACK_TELEMETRY_ENABLED"] == "False"


class TestLimitBlasThreads:
    def test_numpy_multiplies_in_one_thread(self):
        with threadpool_limits(2, user_api="blas"):
            limit_blas_threads()
            libraries = [each for each in threadpool_info() if each["user_api"] == "blas"]
        assert libraries
        assert {each["num_threads"] for each in libraries} == {1}
