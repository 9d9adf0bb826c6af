import math
import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_features.py"


def test_an_own_feature_stands_beside_those_of_the_project(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["runner", "trail", "socks"]
    values = {name: [float(value) for value in row] for name, *row in map(str.split, rows)}
    assert values["shop.size_in_stock.increasing"] == [1.0, 0.0, 0.0]
    assert values["static.meta.sold.log1p.increasing"][2] == 8.297  # log(4001) = 8.2943 in half precision
    assert values["text.content.coverage"] == [0.667, 0.667, 0.333]
    assert values["text.meta.title.ordered"] == [0.0, 0.667, 0.333]
    assert not any(map(math.isnan, values["text.content.bm25"]))
