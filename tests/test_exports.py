import ltrr_haystack


def test_what_is_exported_is_what_is_public():
    public = {
        name
        for name, value in vars(ltrr_haystack).items()
        if not name.startswith("_")
        and not hasattr(value, "__path__")
        and getattr(value, "__name__", name) == name
        and type(value).__name__ != "module"
    }
    assert set(ltrr_haystack.__all__) == public | {"__version__"}


def test_the_names_are_sorted_and_each_has_a_docstring():
    assert list(ltrr_haystack.__all__) == sorted(ltrr_haystack.__all__)
    without = [
        name for name in ltrr_haystack.__all__ if name != "__version__" and not getattr(ltrr_haystack, name).__doc__
    ]
    assert without == []
