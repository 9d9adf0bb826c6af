"""A search service that learns, from one command."""

import json
import os
import shlex
from pathlib import Path

from rich.console import Console

from ltrr_haystack.embedded.minilm import resolve_model
from ltrr_haystack.evaluation.datasets import DataSet, load_beir
from ltrr_haystack.server.announcement import Serving
from ltrr_haystack.server.bundled import music, provided
from ltrr_haystack.server.environment import disable_telemetry, prepare_environment
from ltrr_haystack.server.serving import HOST, PORT, require_hayhooks, serve
from ltrr_haystack.server.settings import ServerSettings

REWARD_WAIT = "3"
ANSWER = "/tmp/ltrr-answer.json"  # noqa: S108 (named in a line that the person at the shell pastes)


def demo(
    data: str | Path | None = None,
    *,
    home: str | Path | None = None,
    host: str = HOST,
    port: int = PORT,
    pipelines: str | Path | None = None,
    everybody: bool = False,
    safe_start: bool = False,
    console: Console | None = None,
) -> None:
    """
    Make or load a catalogue, index it, serve it, and say how to search it and click on what is found.

    Feedback is learned from after a few seconds, not half an hour, and what was learned is played at once, since nobody
    waits at a demo until it is shown to be worth more. Nothing is sent anywhere.

    :param data: A BEIR folder; a fictional music service if left out.
    :param home: The folder of the store and the caches; `LTRR_HOME`, or `.ltrr`, if left out.
    :param host: The address to listen on.
    :param port: The port; 0 takes any that is free.
    :param pipelines: The folder of pipelines; the project's own if left out.
    :param everybody: Whether callers from other machines are let in where there are no API keys.
    :param safe_start: Whether the baseline is played until the log shows that the policy is worth more.
    :param console: Where to say it; the terminal if left out.
    :raises ConfigurationError: If the port is taken, or something that is needed is missing.
    :raises InvalidInputError: If the data cannot be read.
    """
    require_hayhooks()
    disable_telemetry()
    folder = prepare_environment(home)
    os.environ.setdefault("LTRR_REWARD_WAIT", REWARD_WAIT)
    if Path(resolve_model()).is_dir():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    data_set = load_beir(data or music(folder))
    say = console or Console()
    serve(
        pipelines or provided("pipelines"),
        host=host,
        port=port,
        home=folder,
        settings=ServerSettings.from_environment(everybody=everybody),
        safe_start=safe_start,
        documents=lambda: data_set.documents,
        on_ready=lambda serving: say.print(
            invitation(serving, data_set), soft_wrap=True, markup=False, highlight=False
        ),
    )


def invitation(serving: Serving, data_set: DataSet) -> str:
    """
    Say what is served and how to try it.

    :param serving: How it is served.
    :param data_set: What is served.
    :returns: Lines of text; the ones that begin with `curl` work when pasted into a shell, one after the other.
    """
    url = serving.url
    query = json.dumps({"query": data_set.queries[0].text if data_set.queries else "love"}, ensure_ascii=False)
    header = "-H 'Content-Type: application/json'"
    key, set_key = "", ""
    if serving.keys_needed:
        key = ' -H "X-API-Key: $LTRR_KEY"'
        set_key = "(LTRR_KEY must hold an API key with the scopes search and feedback.)\n"
    # The answer's first two ids, put into a click.
    click = (
        r"""s/^{"query_id":"\([^"]*\)","documents":\[{"id":"\([^"]*\)".*/"""
        r"""{"events":[{"action_name":"click","query_id":"\1","event_attributes":{"object":{"object_id":"\2"}}}]}/"""
    )
    served = "\n".join(serving.lines())
    return f"""
{len(data_set.documents):,} documents of '{data_set.name}' are indexed.
{served}
{set_key}
Search:
curl -s {url}/search/run{key} {header} -d {shlex.quote(query)} | tee {ANSWER}

Click on the first document of the answer:
curl -s {url}/feedback/run{key} {header} -d "$(sed '{click}' {ANSWER})"

When the click counts, search again: 'memory' is among the document's arms.
"""
