import io
from dataclasses import replace

import numpy as np
import pytest
from haystack import Document
from rich.console import Console

from factories import action_set, decision, page, result, unite
from ltrr_haystack.cli.explanation_tables import explanation_tables
from ltrr_haystack.memory.index import Remembered
from ltrr_haystack.ranking.explanation import Explanation, Grounds, LearnedOrder, ModelPart, explain
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.server.answers import search_answer

pytest.importorskip("starlette")

ACTIONS = action_set(bm25=(0, 10), dense=(0, 10))
MADE = decision(actions=ACTIONS, marginals={"bm25": (0.25, 0.75), "dense": (0.5, 0.5)}, propensity=0.375)


def shown(answer) -> str:
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    console.print(explanation_tables(answer))
    return " ".join(console.file.getvalue().replace("│", " ").split())


def ranked(made=MADE, found=("a", "b")):
    """Chance exchanged the two documents, of which the first one by expectation was seen ten times and clicked once."""
    candidates = unite(made, {"bm25": result("bm25", found), "dense": result("dense", [], error="timeout")})
    placed = tuple(replace(each, model_place=each.place, score=0.25) for each in candidates.candidates)
    chances = ((0.4, 1.0), (0.4, 1.0))
    ranking = page(replace(candidates, candidates=placed[::-1]), propensities=chances, page_version=2)
    learned = LearnedOrder(PageModel(), None, np.array([0, 1]), np.array([1, 0]))
    remembered = {placed[0].object_id: Remembered(placed[0].object_id, "love", 1.0, 10.0, 0.1)}
    return ranking, explain(ranking, Grounds(remembered, learned))


def test_everything_that_ordered_the_page_is_there():
    ranking, explanation = ranked()
    text = shown(search_answer(ranking, explanation=explanation))
    assert "by expected click rate (no ranking model, page model 2)" in text
    assert "allocation: bm25 10, dense 10; chosen with probability 0.375" in text
    assert "bm25 10 10 0: 25% 10: 75% 2 10.0" in text
    assert "dense 10 10 0: 50% 10: 50% failed 10.0" in text
    assert "missing: dense (timeout)" in text
    assert "2 a bm25 1 union 1, model 1" in text
    assert "clicks 1, looks 10 rate 0.500 → 0.250 chance from 1, p 0.40" in text
    assert "1 b bm25 2 union 2, model 2" in text
    assert "rate 0.308 → 0.250 chance from 2, p 0.40" in text


def test_eighty_columns_are_enough():
    names = ("bm25", "dense", "structured", "related", "memory")
    made = decision(actions=action_set(**dict.fromkeys(names, (0, 10))))
    documents = [Document(id=f"song-{number}", content="Love Story, by Taylor Swift") for number in range(3)]
    ranking = page(unite(made, dict.fromkeys(names, documents)))
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    console.print(explanation_tables(search_answer(ranking, explanation=explain(ranking, Grounds({})))))
    table = console.file.getvalue().partition("Documents")[2].splitlines()
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in table if line.startswith("│")]
    assert [row[1] for row in cells if row[0]] == ["song-0", "song-1", "song-2"]
    assert [row[2] for row in cells[:3]] == ["bm25 1, dense 1", "structured 1", "related 1"]
    assert not any("…" in cell for row in cells for cell in (row[0], *row[2:]))
    assert max(map(len, table)) <= 80


def test_the_parts_of_a_score_are_shown_the_largest_first_and_the_small_ones_together():
    ranking, explanation = ranked()
    effects = {f"feature-{number}": 1.0 / number for number in range(1, 9)}
    part = ModelPart(sum(effects.values()) - 0.5, -0.75, 0.25, effects)
    documents = {name: replace(each, ranker=part) for name, each in explanation.documents.items()}
    text = shown(search_answer(ranking, explanation=Explanation(documents, explanation.decision)))
    assert "-0.750 start: place in the union +0.250 mean of the trees +1.000 feature-1 +0.500 feature-2" in text
    assert "+0.167 feature-6 +0.268 2 others" in text


def test_a_page_in_the_unions_order_says_so():
    ranking = page(unite(MADE, {"bm25": ["a"]}))
    text = shown(search_answer(ranking, explanation=explain(ranking, Grounds({}))))
    assert "order of the page: that of the union; no model, memory or chance ordered it allocation" in text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"safe_start": True, "propensity": 0.05},
            "since the safe start holds the policy back and the baseline was drawn (probability 0.05)",
        ),
        ({"mode": "apprentice", "safe_start": True}, "as always in mode apprentice"),
    ],
)
def test_why_nothing_ordered_a_page_is_said(changes, why):
    made = replace(MADE, allocation=ACTIONS.baseline, **changes)
    ranking = page(unite(made, {"bm25": ["a"]}))
    text = shown(search_answer(ranking, explanation=explain(ranking, Grounds({}))))
    assert f"no model, memory or chance ordered it, {why}" in text


@pytest.mark.parametrize(
    ("searched", "said"),
    [(0, "never, as far as was learned; served as a new query"), (1, "once"), (1200, "1,200 times")],
)
def test_how_often_the_query_was_searched_before_is_said(searched, said):
    ranking = page(unite(MADE, {"bm25": ["a"]}))
    explanation = explain(ranking, Grounds({}))
    told = replace(explanation, decision=replace(explanation.decision, searched_before=searched))
    assert f"searched before: {said}" in shown(search_answer(ranking, explanation=told))


def test_a_page_without_documents_has_no_table_of_them():
    ranking = page(unite(MADE, {}))
    text = shown(search_answer(ranking, explanation=explain(ranking, Grounds({}))))
    assert "warning: no arm found a document" in text
    assert "Documents" not in text


@pytest.mark.parametrize("hostile", ["\x1b[31mred\x07", "[/bold]", "[red]x", "a\nb\r\t\u202ec", "x" * 1000, "\ud800"])
def test_neither_queries_nor_documents_command_the_terminal(hostile):
    understanding = replace(MADE.understanding, query=hostile)
    documents = [Document(id=f"{hostile}1", content=hostile), Document(id="b", content=hostile)]
    ranking, explanation = ranked(replace(MADE, understanding=understanding), documents)
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    console.print(explanation_tables(search_answer(ranking, explanation=explanation)))
    printed = console.file.getvalue()
    assert all(each.isprintable() or each == "\n" for each in printed)
    printed.encode()
    if hostile.startswith("["):
        assert f"query: {hostile}" in printed


def test_an_answer_without_an_explanation_is_refused():
    with pytest.raises(ValueError, match="explain=true"):
        explanation_tables(search_answer(page(unite(MADE, {}))))
