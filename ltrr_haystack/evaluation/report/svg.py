"""Elements of a drawing as text. Whatever is written is escaped here, and nowhere else."""

import re
from html import escape

# Neither XML nor HTML has a way to write these.
_NOT_WRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(value: object) -> str:
    """
    Write a text so that it stands for itself, in an element or within the quotes of an attribute.

    :param value: The text.
    :returns: Markup; characters that no markup can have are replaced.
    """
    return escape(_NOT_WRITABLE.sub("\ufffd", str(value)), quote=True)


def element(name: str, *content: str, **attributes: object) -> str:
    """
    Write an element.

    :param name: The element's name, which is not from the data.
    :param content: Markup within it, made by `element` or `text`.
    :param attributes: Name → value; `_` in a name stands for `-`, a trailing one for nothing, and `None` leaves out.
        Numbers are written with one digit after the point at most.
    :returns: Markup.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(content)}</{name}>"


def _number(value: object) -> object:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value
