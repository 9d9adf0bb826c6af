"""That the browser of the tests sees what goes wrong in a page."""

import pytest

from browser import axe

SOUND = "data:text/html,<html lang=en><title>Sound</title><main><h1>Songs</h1></main>"


def test_a_sound_page_is_sound(page):
    page.goto(SOUND)
    assert page.title() == "Sound"
    assert axe(page) == []


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("console.error('broken')", "console: broken"),
        ("missing()", "page error: .*missing is not defined"),
        ("alert('hello')", "dialog: hello"),
        ("eval('1')", "unsafe-eval"),
    ],
)
def test_errors_and_dialogs_of_a_page_fail_the_test(visitor, script, trouble):
    page = visitor.page()
    policy = "<meta http-equiv=Content-Security-Policy content=\"script-src 'unsafe-inline'\">"
    page.goto(f"data:text/html,<html lang=en>{policy}<title>Broken</title><script>{script}</script>")
    with pytest.raises(AssertionError, match=trouble):
        visitor.leave()
    visitor.troubles.clear()


def test_an_inline_script_against_the_policy_fails_the_test(visitor):
    page = visitor.page()
    policy = "<meta http-equiv=Content-Security-Policy content=\"script-src 'self'\">"
    page.goto(f"data:text/html,<html lang=en>{policy}<title>Broken</title><script>console.log(1)</script>")
    with pytest.raises(AssertionError, match="Content Security Policy"):
        visitor.leave()
    visitor.troubles.clear()


def test_errors_that_a_test_expects_pass(visitor):
    page = visitor.page()
    visitor.expect("brok")
    page.goto(SOUND)
    page.evaluate("console.error('broken')")
    visitor.leave()


def test_serious_findings_of_axe_are_named(page):
    page.goto("data:text/html,<html><title>No language</title><main><h1>Songs</h1><img src=''></main>")
    findings = axe(page)
    assert [finding.split(" ")[0] for finding in findings] == ["html-has-lang", "image-alt"]


def test_a_phone_and_a_dark_screen_are_what_the_page_sees(visitor):
    page = visitor.page(phone=True, dark=True)
    page.goto("data:text/html,<html lang=en><meta name=viewport content='width=device-width'><title>Dark</title>")
    assert page.evaluate("innerWidth") == 390
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
