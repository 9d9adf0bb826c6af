from ltrr_haystack.evaluation.readers import habits_of
from ltrr_haystack.evaluation.replay.files import COLUMNS, markdown, result_cells, write_files


def test_the_table_ends_with_the_goals_and_says_which_are_missed(finished):
    """Ours is as good as the others, and asks for as much: only what is not to be worse is met."""
    lines = markdown(finished.figures()).splitlines()
    assert lines[lines.index("## Goals") + 2 : -2] == [
        "| goal | figure | wanted |  |",
        "|---|--:|--:|--:|",
        "| Seen queries: nDCG@10 over rrf_full | +0.000 [+0.000, +0.000] | at least +0.140 | **missed** |",
        "| Held-out queries: nDCG@10 over rrf_full | +0.000 [+0.000, +0.000] | at least +0.030 | **missed** |",
        "| Held-out queries: what may be lost against rrf_full | +0.000 [+0.000, +0.000] | at least -0.010 | met |",
        "| Held-out queries: candidates, as a share of rrf_full's | 100.0% | at most 40.0% | **missed** |",
        "| Held-out queries: nDCG@10 against rrf_tuned | +0.000 [+0.000, +0.000] | not shown to be worse | met |",
        "| Held-out queries: nDCG@10 against best_arm | +0.000 [+0.000, +0.000] | not shown to be worse | met |",
    ]
    assert lines[-1].startswith("Judged on 2 seen and 2 held-out queries")


def test_what_was_chosen_on_clicks_and_how_hard_readers_read_is_said(finished):
    finished.settings = {"click_model": "hard"}
    lines = markdown(finished.figures()).splitlines()
    assert "best_arm, seed 0: a." in lines
    assert "rrf_tuned, seed 0: a 2, b 0.25." in lines
    (said,) = (line for line in lines if line.startswith("Readers: "))
    habits = habits_of("hard", 0)
    assert said == (
        f"Readers: seed 0: eta {habits.eta:g}, continuation {habits.continuation:g}, trust {habits.trust:g}, "
        f"abandonment {habits.abandonment:g}."
    )
    finished.settings = {}
    assert "Readers: " not in markdown(finished.figures())


def test_what_was_learned_of_looks_stands_below_the_truth(finished):
    """Both relative to the first place; of a place that was not learned nothing is said."""
    finished.notes |= {"examined": [0.8, 0.4, *[0.2] * 8], "learned_examination": [(1.0, 0.0), (0.47, 0.06)]}
    lines = markdown(finished.figures()).splitlines()
    truth = lines.index("## How likely each place is examined") + 4
    assert lines[truth] == "| truth, seed 0 | 1.00 | 0.50 |" + " 0.25 |" * 8
    assert lines[truth + 1] == "| learned, seed 0 | 1.00 ± 0.00 | 0.47 ± 0.06 |" + " – |" * 8
    del finished.notes["learned_examination"]
    assert "## How likely" not in markdown(finished.figures())


def test_a_row_has_a_cell_for_each_column(finished):
    finished.scores = {("ours", "seen"): [0.9, 0.7]}
    finished.judged = {("ours", "seen"): [0.6, 0.6]}
    row = next(row for row in finished.figures().rows if (row.system, row.split) == ("ours", "seen"))
    cells = dict(zip(COLUMNS, result_cells(row), strict=True))
    assert cells["nDCG@10"] == "0.800 [0.700, 0.900]"
    assert (cells["candidates"], cells["arm calls"], cells["regret"]) == ("10.0", "2.00", "0.200")
    assert cells["nDCG@10 less rrf_full"] == "+0.300 [+0.200, +0.400]"
    assert cells["judged_nDCG@10"] == "0.600"
    assert cells["judged_nDCG@10 less rrf_full"] == "+0.100 [+0.100, +0.100]"


def test_a_name_with_a_bar_stays_in_its_cell(finished):
    finished.arms["a"] = "x|y"
    table = markdown(finished.figures())
    assert table.count("| arm:x\\|y |") == 4


def test_runs_of_an_earlier_longer_benchmark_do_not_stay_beside(finished, tmp_path):
    (tmp_path / "trec").mkdir()
    (tmp_path / "trec" / "ours-seen-7.run").write_text("q Q0 d 1 1.0 ours\n")
    write_files(finished.figures(), tmp_path)
    assert not (tmp_path / "trec" / "ours-seen-7.run").exists()
    assert list((tmp_path / "trec").glob("ours-*.run"))


def test_ids_that_white_space_parts_stay_different_words(finished, tmp_path):
    finished.grades = {"a b": 3, "a_b": 2}
    write_files(finished.figures(), tmp_path)
    assert (tmp_path / "trec" / "qrels.txt").read_text().splitlines()[:2] == ["q0 0 a%20b 3", "q0 0 a_b 2"]
