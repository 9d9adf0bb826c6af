import pytest

from ltrr_haystack.evaluation.report.health import health
from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.store import Counts, Watermark
from ltrr_haystack.types import ActionSet, Arm, ArmReport


def found(log, searches, events=200, late=0, learned=None, decisions=None, now=None):
    reading = Reading.of(searches)
    count = reading.blocks.searches
    learned = count if learned is None else learned
    counts = Counts(count if decisions is None else decisions, 0, events, late, learned)
    now = log.start + 1e6 if now is None else now
    return {
        finding.title: finding for finding in health(reading, counts, Watermark(settled=count, learned=learned), now)
    }


def good(log, number, **changes):
    """Part of a good log: bm25 is drawn in every second search, as it is said to be, and found useful."""
    allocation = {"bm25": 10 * (number % 2), "memory": 10}
    marginals = {"bm25": (0.5, 0.5), "memory": (0.0, 1.0)}
    decision = {"allocation": allocation, "marginals": marginals, "baseline_share": 0.0, "floor": 0.0}
    return log.settled(number, {"a": 1.0} if number % 2 else {}, **{**decision, **changes})


def log_of(log, count=400, **changes):
    return [good(log, number, **changes) for number in range(1, count + 1)]


def test_a_good_log_has_nothing_to_complain_of(log):
    assert list(found(log, log_of(log))) == ["Nothing to complain of"]


def test_nothing_is_settled(log):
    only = found(log, [], decisions=7)
    assert list(only) == ["No settled decisions"]
    assert "7 decisions wait" in only["No settled decisions"].text


def test_no_events(log):
    assert found(log, log_of(log), events=0)["No events at all"].severity == "bad"


def test_hardly_any_clicks(log):
    searches = [log.settled(number) for number in range(1, 301)]
    assert found(log, searches, events=1)["Hardly any clicks"].severity == "bad"


def test_few_events(log):
    assert "50 settled searches, 25 with a click" in found(log, log_of(log, 50))["Few events"].text


def test_late_events(log):
    assert "15.0% of the events" in found(log, log_of(log), events=200, late=30)["Many late events"].text
    assert "Many late events" not in found(log, log_of(log), events=200, late=20)


def test_events_on_what_was_not_shown(log):
    searches = [*log_of(log), *(log.settled(number, {"elsewhere": 1.0}) for number in range(401, 451))]
    assert "20.0% of the rewarded objects" in found(log, searches)["Events on what was not shown"].text


def test_learning_is_behind(log):
    assert found(log, log_of(log), learned=0)["Learning is behind"].severity == "bad"
    assert found(log, log_of(log), learned=100)["Learning is behind"].severity == "watch"
    assert "Learning is behind" not in found(log, log_of(log), learned=390)


def test_most_is_not_settled(log):
    assert "1,600 decisions" in found(log, log_of(log), decisions=2000)["Most decisions are not settled"].text


def test_the_safe_start(log):
    assert "Safe start" in found(log, log_of(log, safe_start=True))
    assert "Safe start" not in found(log, log_of(log))


def test_wrong_propensities(log):
    searches = [*log_of(log), log.settled(401, propensity=0.9)]
    assert "In 1 of 401 decisions" in found(log, searches)["Wrong propensities"].text


def test_nothing_is_explored(log):
    searches = [log.settled(number, {"a": 1.0}, mode="apprentice") for number in range(1, 301)]
    assert "apprentice 300" in found(log, searches)["No exploration"].text


def test_propensities_that_are_not_what_happened(log):
    """Said to be even, and always drawn alike."""
    searches = [log.settled(number, {"a": 1.0}, baseline_share=0.0, floor=0.0) for number in range(1, 301)]
    assert "probability of 50.00% were drawn in" in found(log, searches)["Propensities are not reliable"].text


def test_another_action_set(log):
    other = ActionSet((Arm("bm25", "lexical", (0, 10)),), 10, {"bm25": 10})
    changed = log.settled(401, actions=other, allocation={"bm25": 10}, marginals={"bm25": (0.5, 0.5)})
    assert "2 different sets" in found(log, [*log_of(log), changed])["The action set changed"].text


@pytest.mark.parametrize(("failures", "severity"), [(30, "watch"), (120, "bad")])
def test_an_arm_that_fails(log, failures, severity):
    def report(number):
        error = "timeout" if number <= failures else None
        return [ArmReport("bm25", 10, 0 if error else 5, 0.1, error=error), ArmReport("memory", 10, 5, 0.1)]

    searches = [log.settled(number, {"a": 1.0}, reports=report(number)) for number in range(1, 401)]
    finding = found(log, searches)["Arm bm25 fails"]
    assert finding.severity == severity
    assert f"timeout {failures}" in finding.text


def test_arms_that_bring_nothing_or_never_ran(log):
    reports = [ArmReport("bm25", 10, 0, 0.1)]
    findings = found(log, [log.settled(number, reports=reports) for number in range(1, 301)])
    assert "100.0%" in findings["Arm bm25 is often empty"].text
    assert "Arm memory never ran" in findings


def test_clocks(log):
    back = [*log_of(log), good(log, 401, decided_at=log.start)]
    assert "1 decisions are more than a second older" in found(log, back)["The clock went back"].text
    assert "3,400 s in the future" in found(log, log_of(log), now=log.start - 3000)["Decisions from the future"].text
    assert "Decisions from the future" not in found(log, log_of(log), now=log.start + 200)


def test_empty_pages(log):
    assert "100.0% of the searches" in found(log, [log.settled(1, shown=())])["Empty pages"].text


def test_the_worst_comes_first(log):
    reading = Reading.of(log_of(log, 50))
    findings = health(reading, Counts(50, 0, 0, 0, 50), Watermark(50, 50), log.start + 1e6)
    assert [finding.severity for finding in findings] == sorted(
        (finding.severity for finding in findings), key=["bad", "watch", "good"].index
    )
