"""A page with its explanation as tables for people."""

from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ltrr_haystack.cli.understanding_tables import intents_line, plain_line, readings_table
from ltrr_haystack.ranking.explanation import ArmExplanation, DecisionExplanation, DocumentExplanation, Explanation
from ltrr_haystack.server.schemas import DocumentFound, SearchAnswer

DOCUMENTS_WITH_FEATURES = 3
FEATURES = 6
LONGEST_ARMS = 18
"""Characters of a line of the arms that found a document, so that 80 are enough for the whole table."""


def explanation_tables(answer: SearchAnswer) -> RenderableType:
    """
    Show why a page is as it is.

    :param answer: The answer to a search, with its explanation.
    :returns: What Rich can print: what was understood of the query, the decision, its arms, the documents, and for the
        first of them the features with the largest effect.
    :raises ValueError: If the answer has no explanation.
    """
    explanation = answer.explanation
    if explanation is None:
        raise ValueError("this answer has no explanation; ask for one with explain=true")
    lines = [*_decision_lines(explanation.decision), *_problem_lines(answer)]
    shown: list[RenderableType] = [Text("\n".join(lines))]
    if answer.readings is not None:
        shown.append(readings_table(answer.readings))
    shown.append(_arms(explanation.decision.arms))
    if answer.documents:
        shown.append(_documents(answer.documents, explanation.documents))
    if any(each.ranker is not None for each in explanation.documents.values()):
        shown.append(_features(explanation))
    return Group(*shown)


def _decision_lines(decision: DecisionExplanation) -> Iterable[str]:
    understanding = decision.understanding
    yield (
        f"query: {plain_line(understanding.query)} (normal form: {plain_line(understanding.normal_form)}; language: "
        f"{understanding.language}; type: {understanding.query_type})"
    )
    yield intents_line(understanding.intents)
    yield f"searched before: {_times(decision.searched_before)}"
    yield f"order of the page: {_order(decision)}"
    held = ", held back by the safe start" if decision.safe_start else ""
    yield (
        f"allocation: {_allocation(decision.allocation)}; chosen with probability {decision.propensity:.3g} (policy "
        f"{decision.policy} {decision.policy_version}, mode {decision.mode}{held})"
    )
    if decision.preferred:
        yield f"held to be best: {_allocation(decision.preferred)}"


def _times(searched: int) -> str:
    if searched == 0:
        return "never, as far as was learned; served as a new query"
    return "once" if searched == 1 else f"{searched:,} times"


def _order(decision: DecisionExplanation) -> str:
    if decision.in_union_order:
        return f"that of the union; no model, memory or chance ordered it{_why_in_union_order(decision)}"
    ranker = f"ranking model {decision.ranker_version}" if decision.ranker_version else "no ranking model"
    page = f"page model {decision.page_version}" if decision.page_version else "default page model"
    return f"by expected click rate ({ranker}, {page})"


def _why_in_union_order(decision: DecisionExplanation) -> str:
    if decision.mode != "live":
        return f", as always in mode {decision.mode}"
    if decision.safe_start and all(arm.depth == arm.baseline_depth for arm in decision.arms.values()):
        return (
            f", since the safe start holds the policy back and the baseline was drawn (probability "
            f"{decision.propensity:.3g})"
        )
    return ""


def _problem_lines(answer: SearchAnswer) -> Iterable[str]:
    if answer.decision.verdict is not None:
        yield f"verdict on the policy: {plain_line(answer.decision.verdict, 1000)}"
    for missing in answer.missing_arms:
        yield f"missing: {plain_line(missing.arm)} ({missing.reason})"
    for warning in answer.warnings:
        yield f"warning: {plain_line(warning, 1000)}"


def _arms(arms: Mapping[str, ArmExplanation]) -> Table:
    table = Table(title="Arms", title_justify="left")
    table.add_column("arm")
    for title in ("depth", "baseline", "probability of each level", "brought", "ms"):
        table.add_column(title, justify="right")
    for name, arm in arms.items():
        levels = [
            f"{level}: {probability:.0%}" for level, probability in zip(arm.levels, arm.probabilities, strict=False)
        ]
        brought = "–" if arm.returned is None else "failed" if arm.failed else str(arm.returned)
        table.add_row(
            Text(plain_line(name)),
            f"{arm.depth} (instead)" if arm.fallback else str(arm.depth),
            str(arm.baseline_depth),
            "  ".join(levels) or "–",
            brought,
            "–" if arm.seconds is None else f"{1000 * arm.seconds:.1f}",
        )
    return table


def _documents(documents: Iterable[DocumentFound], explained: Mapping[str, DocumentExplanation]) -> Table:
    table = Table(title="Documents", title_justify="left", expand=True)
    table.add_column("", justify="right")
    table.add_column("document", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("found by, rank")
    table.add_column("order")
    for document in documents:
        why = explained[document.id]
        table.add_row(
            str(why.place),
            Text(f"{plain_line(document.id)}\n{plain_line(document.content or '')}".strip()),
            Text("\n".join(_packed([f"{plain_line(arm)} {place.rank}" for arm, place in why.arms.items()]))),
            Text("\n".join(_order_lines(why))),
        )
    return table


def _packed(items: Iterable[str]) -> list[str]:
    """Items in as few lines as they need; no item is broken."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + 2 + len(item) <= LONGEST_ARMS:
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return lines


def _order_lines(why: DocumentExplanation) -> Iterable[str]:
    yield f"union {why.fused.place}, model {why.model_place}"
    memory = why.memory
    if memory.looks or memory.successes:
        yield f"clicks {memory.successes:.3g}, looks {memory.looks:.3g}"
    if memory.mean is not None and memory.prior is not None:
        yield f"rate {memory.prior:.3f} → {memory.mean:.3f}"
    if why.explored or why.propensity != 1.0:
        moved = f" from {why.expected_place}" if why.explored else ""
        yield f"chance{moved}, p {why.propensity:.2f}"


def _features(explanation: Explanation) -> Table:
    table = Table(title="What the ranking model's scores are made of", title_justify="left")
    table.add_column("", justify="right")
    table.add_column("score", justify="right")
    table.add_column("largest effects")
    for why in list(explanation.documents.values())[:DOCUMENTS_WITH_FEATURES]:
        if (part := why.ranker) is None:
            continue
        effects = list(part.contributions.items())
        others = sum(value for _, value in effects[FEATURES:])
        rows = [
            ("start: place in the union", part.start),
            ("mean of the trees", part.expected),
            *effects[:FEATURES],
            *([(f"{len(effects) - FEATURES} others", others)] if len(effects) > FEATURES else []),
        ]
        text = Text("\n".join([f"{value:+.3f}  {plain_line(name)}" for name, value in rows]))
        table.add_row(str(why.place), f"{part.score:.3f}", text)
    return table


def _allocation(allocation: Mapping[str, int]) -> str:
    return ", ".join([f"{plain_line(arm)} {depth}" for arm, depth in allocation.items()])
