"""The base of the values that travel between components, and how they go to JSON."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from haystack import Document
from pydantic import ConfigDict, PlainSerializer, PlainValidator, TypeAdapter


class FrozenValue:
    """
    A frozen value that the pipeline hands on by reference.

    A Haystack pipeline deep-copies every input of every component: 300 documents with embeddings cost 22 ms a hop.
    What cannot change need not be copied.
    """

    __slots__ = ()
    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True, ser_json_inf_nan="null")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def to_dict(self) -> dict[str, Any]:
        """
        Turn the value into plain JSON types.

        :returns: A dictionary from which `from_dict` makes an equal value.
        """
        dumped: dict[str, Any] = _adapter(type(self)).dump_python(self, mode="json")
        return dumped

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """
        Make a value from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The value.
        :raises pydantic.ValidationError: If a field is missing or has the wrong type.
        """
        value: Self = _adapter(cls).validate_python(data)
        return value

    def to_json(self) -> str:
        """
        Write the value as JSON.

        :returns: JSON text from which `from_json` makes an equal value.
        """
        return _adapter(type(self)).dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """
        Read a value from what `to_json` wrote.

        :param text: JSON text.
        :returns: The value.
        :raises pydantic.ValidationError: If the text is not JSON, a field is missing or has the wrong type.
        """
        value: Self = _adapter(cls).validate_json(text)
        return value


_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(cls: type[FrozenValue]) -> TypeAdapter[Any]:
    adapter = _ADAPTERS.get(cls)
    if adapter is None:
        adapter = _ADAPTERS[cls] = TypeAdapter(cls)
    return adapter


def _document(value: Any) -> Document:
    return value if isinstance(value, Document) else Document.from_dict(value)


SerialisableDocument = Annotated[
    Document, PlainValidator(_document), PlainSerializer(lambda document: document.to_dict(flatten=False))
]
