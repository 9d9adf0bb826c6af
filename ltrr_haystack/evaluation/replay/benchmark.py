"""The benchmark: a pipeline, what it would be without learning, and what it could be, before the same people."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import DataSet
from ltrr_haystack.evaluation.replay.figures import Figures
from ltrr_haystack.evaluation.replay.files import write_files
from ltrr_haystack.evaluation.replay.finding import require_found
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline, precompute
from ltrr_haystack.evaluation.replay.relevance import ir_measures
from ltrr_haystack.evaluation.replay.running import CONFIG, Watch, chosen_variants, replay
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.evaluation.replay.variants import OURS
from ltrr_haystack.ranking.model import lightgbm


def benchmark(
    data: DataSet,
    out: Path,
    *,
    pipelines: Path,
    home: Path,
    settings: Settings | None = None,
    configs: Sequence[Path] = (),
    systems: Sequence[str] = (),
    processes: int = 1,
    watch: Watch | None = None,
) -> Figures:
    """
    Replay a whole search pipeline before simulated people, beside all that it has to be compared with.

    In the table are `ours`, the pipeline as it learns; `ours-bandit`, which plays the baseline's allocation;
    `ours-memory`, without memory arms and memory features; `ours-ranker`, in the union's own order; `ours-exploration`,
    which leaves nothing on the page to chance; `ours-text`, without features of the texts; `rrf_full`, reciprocal rank
    fusion of all arms at full depth by Haystack's own DocumentJoiner; `rrf_equal`, the same with as many candidates as
    ours asked for; `rrf_tuned`, the same as `rrf_full` with a weight for each arm fitted to clicks; `best_arm`, the arm
    that people click most; `arm:<name>`, each arm alone with the candidates of all; and `oracle`, the best order of the
    union at full depth.

    All are judged frozen on the queries that people had typed (`seen`), on the same in other words (`paraphrased`), and
    on queries that nobody had typed (`heldout`).

    Run again with the same folder it goes on where it stopped; a crash loses at most the parts that were running.

    ### Usage example

    ```python
    from pathlib import Path
    from ltrr_haystack.evaluation.datasets import load_beir
    from ltrr_haystack.evaluation.replay import Settings, benchmark

    figures = benchmark(
        load_beir("music"), Path("out"), pipelines=Path("pipelines"), home=Path(".ltrr"),
        settings=Settings(impressions=50, seeds=(0,)),
    )
    print(figures.summary()["rows"][0])
    ```

    :param data: The data set.
    :param out: Folder of the results.
    :param pipelines: Folder with `search/search.yml` and `indexing/indexing.yml`.
    :param home: Folder of the caches.
    :param settings: What to replay.
    :param configs: Search pipelines: the first is `ours` in the place of the folder's, each further one is compared as
        `config:<name of the file>`.
    :param systems: Which of the systems that learn take part, `ours` among them; all if none is named.
    :param processes: How many processes to use.
    :param watch: Told how far it has come.
    :returns: The figures, which lie in `out`, too.
    :raises ConfigurationError: If two configurations have one name, a system is unknown, a pipeline cannot be replayed,
        or an arm finds nothing for any query.
    :raises MissingExtraError: If ir-measures or LightGBM is not installed.
    """
    ir_measures()
    lightgbm()
    chosen_variants(systems)
    settings = settings or Settings()
    compared: dict[str, PrecomputedPipeline] = {}
    for name, search in _named(configs).items():
        asked = partial(watch, f"arms of {name}") if watch is not None else None
        compared[name] = precompute(
            data, pipelines, home, search=search, seeds=settings.seeds, processes=processes, watch=asked
        )
        require_found(compared[name], pipelines, search)
    figures = Figures(replay(compared, settings, out, systems=systems, processes=processes, watch=watch))
    write_files(figures, out)
    return figures


def _named(configs: Sequence[Path]) -> dict[str, Path | None]:
    named: dict[str, Path | None] = {OURS: configs[0] if configs else None}
    for path in configs[1:]:
        if f"{CONFIG}{path.stem}" in named:
            raise ConfigurationError(f"two configurations are named '{path.stem}'; give one of the files another name")
        named[f"{CONFIG}{path.stem}"] = path
    return named
