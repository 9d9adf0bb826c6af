"""Requests that take no other fields than they have, so that a typing error in an optional one is not passed over."""

from typing import Any

from pydantic import BaseModel, ConfigDict, create_model, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

MOST_NAMED = 3
"""Unknown fields that are named in one answer."""


class Closed(BaseModel):
    """A request, or a part of one, that refuses unknown fields and names what is unknown and what is possible."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _only_known_fields(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        unknown = [name for name in value if name not in cls.model_fields]
        if not unknown:
            return value
        told = PydanticCustomError(
            "extra_forbidden", "unknown field; possible are {fields}", {"fields": ", ".join(cls.model_fields)}
        )
        raise ValidationError.from_exception_data(
            cls.__name__,
            [InitErrorDetails(type=told, loc=(name,), input=value[name]) for name in unknown[:MOST_NAMED]],
        )


def closed(model: type[BaseModel]) -> type[BaseModel]:
    """
    Make a request that refuses unknown fields.

    :param model: The request.
    :returns: The same with `additionalProperties: false`. Its error names what is unknown and what is possible.
    """
    return create_model(model.__name__, __base__=(model, Closed))
