"""What a step of a return must keep beyond its shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from schemas.contracts import refusals, strict_json
from schemas.contracts.refusals import refused
from schemas.contracts.validation import read_input
from schemas.messages.effects import tag_of
from schemas.messages.return_inputs import HandleReturn, ReturnStep

STEPS: tuple[str, ...] = get_args(ReturnStep)

_OURS = ("type", "ref", "person", "step")
"""Fields that whoever takes a step fills in."""


def return_of(raw: bytes, ref: str, person: str, step: str) -> HandleReturn:
    """Read a step of a return that a person or a program asks for (`HandleReturn` without type,
    ref, person and step). Raises Refused."""
    told = strict_json.parse(raw)
    if not isinstance(told, Mapping):
        raise refused(refusals.SCHEMA_MISMATCH, "The step is not a JSON object; send one.")
    for name in _OURS:
        if name in told:
            raise refused(
                refusals.SCHEMA_MISMATCH,
                f"The step has {name}, which is known from the request; leave it out.",
            )
    if told.get("source") == "channel":
        raise refused(
            refusals.SCHEMA_MISMATCH,
            "A channel tells of its returns itself; leave source out, or send warehouse.",
        )
    tree = {**told, "type": tag_of(HandleReturn), "ref": ref, "person": person[:256], "step": step}
    found = read_input("return", tree)
    assert isinstance(found, HandleReturn)
    refuse_return(found)
    return found


def refuse_return(step: HandleReturn) -> None:
    """Raise Refused for a step that can't be meant, whatever the order is like: who sends it can
    correct it now."""
    if step.step == "request" and not step.lines and step.source != "channel":
        raise refused(
            refusals.SCHEMA_MISMATCH,
            "A request names no lines; say which are sent back, and how many units of each.",
        )
    if step.step != "inspect" and (step.refund or any(x.disposition for x in step.lines)):
        raise refused(
            refusals.SCHEMA_MISMATCH,
            f"A step {step.step} says what becomes of goods or their money; an inspection does.",
        )
    if step.step == "inspect" and any(x.disposition is None for x in step.lines):
        raise refused(
            refusals.SCHEMA_MISMATCH,
            "An inspected line has no disposition; send restock, damaged, discard or supplier.",
        )
