"""The demo: a search service that learns, started by one command."""

import json
import os
import shlex
from pathlib import Path

from rich.console import Console

from ltrr_haystack.embedded.minilm import resolve_model
from ltrr_haystack.evaluation.datasets import DataSet, load_beir
from ltrr_haystack.server.bundled import bundled_folder, music
from ltrr_haystack.server.environment import disable_telemetry, prepare_environment
from ltrr_haystack.server.learners import reward_wait_from
from ltrr_haystack.server.serving import HOST, PORT, require_hayhooks, serve
from ltrr_haystack.server.settings import ServerSettings
from ltrr_haystack.server.summary import ServerSummary

REWARD_WAIT = 3.0
POLICY = {"safe_baseline_share": 0.95, "safe_memory_share": 0.95}
"""
While it is held back, nine in ten searches for a query that is known play the baseline with memory: a click shows
in the next search, and chance takes nothing away from the baseline. One in twenty plays the baseline alone, to compare.
"""

ANSWER = "answer.json"
"""File in the home folder into which the first command writes the response for the second."""


def demo(
    data: str | Path | None = None,
    *,
    home: str | Path | None = None,
    host: str = HOST,
    port: int = PORT,
    pipelines: str | Path | None = None,
    everybody: bool = False,
    safe_start: bool = True,
    console: Console | None = None,
) -> None:
    """
    Generate or load a catalogue, index it, serve it, and print its pages' URLs and commands to search and click.

    Feedback counts after a few seconds instead of half an hour, and memory is played from the beginning, so that the
    effect of a click can be seen. No telemetry is sent.

    :param data: A BEIR folder; the fictional music service if left out.
    :param home: Folder of the store and the caches; `LTRR_HOME`, or `.ltrr`, if left out.
    :param host: Address to listen on.
    :param port: Port to listen on; 0 for any free port.
    :param pipelines: Folder of pipelines; the project's own if left out.
    :param everybody: Whether callers from other machines are accepted as long as there are no API keys.
    :param safe_start: Whether the baseline is played until the log shows that the policy is worth more.
    :param console: Where to print; the terminal if left out.
    :raises ConfigurationError: If the port is in use or the pipelines cannot be served.
    :raises MissingExtraError: If a required package is not installed.
    :raises InvalidInputError: If the data cannot be read.
    """
    require_hayhooks()
    disable_telemetry()
    folder = prepare_environment(home)
    if Path(resolve_model()).is_dir():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    data_set = load_beir(data or music(folder))
    say = console or Console()
    serve(
        pipelines or bundled_folder("pipelines"),
        host=host,
        port=port,
        home=folder,
        settings=ServerSettings.from_environment(everybody=everybody),
        reward_wait=REWARD_WAIT if reward_wait_from(None) == "default" else None,
        safe_start=safe_start,
        policy=POLICY,
        documents=lambda: data_set.documents,
        data=data_set,
        on_ready=lambda serving: say.print(
            instructions(serving, data_set, folder), soft_wrap=True, markup=False, highlight=False
        ),
    )


def instructions(serving: ServerSummary, data_set: DataSet, home: Path) -> str:
    """
    Write where to open the pages, the summary of the server and the commands to try it.

    :param serving: The server's summary.
    :param data_set: The catalogue that is served.
    :param home: The home folder, in which the commands keep a response.
    :returns: Lines of text. Those that begin with `curl` can be pasted into a shell, one after the other.
    """
    url = serving.url
    query = json.dumps({"query": data_set.queries[0].text if data_set.queries else "love"}, ensure_ascii=False)
    header = "-H 'Content-Type: application/json'"
    key, set_key = "", ""
    if serving.keys_needed:
        key = ' -H "X-API-Key: $LTRR_KEY"'
        set_key = "(Set LTRR_KEY to an API key with the scopes search and feedback.)\n"
    # Takes the search's id and the first document's id from the response, and puts them into a click.
    click = (
        r"""s/^{"query_id":"\([^"]*\)","documents":\[{"id":"\([^"]*\)".*/"""
        r"""{"events":[{"action_name":"click","query_id":"\1","event_attributes":{"object":{"object_id":"\2"}}}]}/"""
    )
    served = "\n".join(serving.lines(options=False))
    answer = shlex.quote(str(home.resolve() / ANSWER))
    return f"""
{len(data_set.documents):,} documents of '{data_set.name}' are indexed. Open in a browser:
  {url}/          to search, like and click, and to let simulated people search
  {url}/learning  to see what was learned

{served}
{set_key}
To search from a shell:
curl -s {url}/search/run{key} {header} -d {shlex.quote(query)} | tee {answer}

To click on the first document of the response:
curl -s {url}/feedback/run{key} {header} -d "$(sed '{click}' {answer})"

Search again once the click counts: 'memory' is now among the arms that found the document.
"""
