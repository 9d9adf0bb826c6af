from ltrr_haystack.catalogue.wanted_fields import WantedFields


def test_holds_the_fields_that_are_wanted():
    wanted = WantedFields("Readings", ["meta.artist", "genre"])
    assert wanted.names == ("artist", "genre")
    assert ("artist" in wanted, "title" in wanted) == (True, False)
    assert "title" in WantedFields("Readings", None)


def test_warns_once_of_what_the_first_lexicon_lacks(caplog):
    wanted = WantedFields("Readings", ["meta.artist", "meta.gnere"])
    wanted.check(["artist", "genre"])
    assert "Readings is told to take gnere, and the lexicon has no such fields; it has artist, genre." in caplog.text
    caplog.clear()
    wanted.check([])
    assert not caplog.records


def test_has_nothing_to_say_where_all_are_there_or_none_are_named(caplog):
    WantedFields("Readings", ["meta.artist"]).check(["artist"])
    WantedFields("Readings", None).check([])
    assert not caplog.records
