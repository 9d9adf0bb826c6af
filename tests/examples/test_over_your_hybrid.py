import re
import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "over_your_hybrid.py"


def test_what_thirty_people_clicked_is_found_first(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    before, wanted, after = re.split(r"After thirty clicks on (\S+):\n", capsys.readouterr().out)
    assert f"{before.count(chr(10)) - 1}. {wanted} " in before
    assert f"1. {wanted} " in after
