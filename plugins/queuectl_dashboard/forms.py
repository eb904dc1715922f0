"""Forms, as a page without JavaScript posts them."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.datastructures import FormData
from starlette.requests import Request

from queuectl import UsageError


async def form_of(request: Request) -> FormData:
    """Return the fields of a form. Raises UsageError for what is none."""
    try:
        text = (await request.body()).decode()
        return FormData([*parse_qsl(text, keep_blank_values=True, max_num_fields=10_000)])
    except ValueError as error:
        raise UsageError(f"the body is no form: {error}") from None
