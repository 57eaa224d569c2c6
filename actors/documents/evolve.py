"""How an ERP document follows from events."""

from __future__ import annotations

from typing import Any

from actors.documents.table import TABLE
from actors.documents.thing import Document
from actors.order.draft import Draft
from schemas.messages import events as e
from schemas.messages.effects import PostSalesOrder, tag_of

FIELD = "documents"

_POST = tag_of(PostSalesOrder)


def _move(draft: Draft, event: e.Event, **changes: Any) -> None:
    thing: Document = draft.get(FIELD)[event.key]
    draft.change(FIELD, event.key, stage=TABLE.to(thing.stage, type(event)), **changes)


def _moved(draft: Draft, event: e.Event) -> None:
    _move(draft, event)


def _posted(draft: Draft, event: e.Posted) -> None:
    _move(draft, event, erp_id=event.erp_id, number=event.number)


def _amended(draft: Draft, event: e.DocumentAmended) -> None:
    thing: Document = draft.get(FIELD)[event.key]
    _move(draft, event, told=max(thing.told, revision_of(event.digest)))


def revision_of(digest: str) -> int:
    """Return the revision of the order that an amendment told."""
    return int(digest.removeprefix("r"))


def _ended(draft: Draft, event: e.Event) -> None:
    _move(draft, event)
    draft.forget(event.key)


def intended(draft: Draft, intent: e.Intent) -> None:
    """Posting begins a document; what is told then is what the order says now."""
    known: Document | None = draft.get(FIELD).get(intent.key)
    stage = TABLE.to(known.stage if known is not None else "", e.Intent)
    book = draft.get("book")
    if known is None:
        draft.put(FIELD, intent.key, Document(stage=stage, lane=intent.lane, told=book))
    elif intent.kind == _POST and not draft.may_exist(intent):
        draft.change(FIELD, intent.key, stage=stage, told=book)
    else:
        draft.change(FIELD, intent.key, stage=stage)


FOLDS: dict[type[e.Event], Any] = {
    e.Posted: _posted,
    e.DocumentAmended: _amended,
    e.DocumentCancelled: _ended,
    e.DocumentKept: _ended,
}
"""What each event of a document does to it."""

SHARED: dict[type[e.Event], Any] = {
    e.GivenToPerson: _moved,
    e.AnswerNoted: _moved,
    e.Retried: _moved,
    e.Renewed: _ended,
    e.Skipped: _moved,
}
"""What events that any thing may have do to a document."""
