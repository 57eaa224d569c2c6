"""Events: what was decided about an order. Past tense, immutable, versioned, no personal data.

One module for each machine; the union is put together here alone.
"""

from __future__ import annotations

from schemas.messages.base import Event, Intent, Move, Parts, Wish
from schemas.messages.document_events import (
    DocumentAmended,
    DocumentCancelled,
    DocumentKept,
    Posted,
)
from schemas.messages.fulfilment_events import (
    Backordered,
    CancelAsked,
    ContentsAwaited,
    Fulfilled,
    FulfilmentBackordered,
    FulfilmentCancelled,
    FulfilmentDone,
    FulfilmentPlanned,
    HandedOver,
    LeftToPerson,
    NewParcel,
    OutsideMatched,
    Packed,
    PackedAnyway,
    ParcelNumber,
    PartHandedOver,
    PartPacked,
    Picked,
    Published,
    ReadyTold,
    ReservationExpired,
    RestSettled,
    ShortPicked,
    ShortSettled,
    Shrunk,
    StockGranted,
    StockReleased,
    StockReplanned,
    StockReserved,
    StockTriedAgain,
    StopDropped,
    Stopped,
    TaskCancelled,
    TaskTaken,
    Untold,
)
from schemas.messages.label_events import (
    LabelBought,
    LabelDropped,
    LabelKept,
    LabelStopDropped,
    LabelStopped,
    LabelVoided,
    LabelWanted,
    ParcelLabel,
)
from schemas.messages.message_events import (
    MessageSent,
    MessageWanted,
)
from schemas.messages.order_events import (
    Accepted,
    ActionRefused,
    AnswerNoted,
    Cancelled,
    CancelRefused,
    CancelRequested,
    Changed,
    ChannelTold,
    Closed,
    Duplicate,
    ExcessCounted,
    Fetched,
    GivenToPerson,
    Held,
    HoldReleased,
    LeftToOthers,
    NewLine,
    Normalised,
    NotElsewhere,
    Overdue,
    PaymentConfirmed,
    Placed,
    RefetchAsked,
    Renewed,
    Reopened,
    ReportNoted,
    RequestAnswered,
    RequestNoted,
    Retried,
    ShippedElsewhere,
    Skipped,
    StopAnswered,
    StopAsked,
    StopDecided,
    TakenOver,
    TaskClosed,
    TaskOpened,
    TwinCancelled,
    UnitsDropped,
    UnitsScheduled,
    UpdateNoted,
)
from schemas.messages.parcel_events import (
    Asked,
    CodesEntered,
    Delivered,
    DeliveryFailed,
    Followed,
    InTransit,
    Lost,
    Numbered,
    NumberNoted,
    Returned,
    Tracked,
    Untracked,
)
from schemas.messages.payment_events import (
    Captured,
    CaptureDropped,
    CaptureWanted,
    PartCaptured,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentExpired,
    PaymentVoided,
    RefundMade,
    RefundWanted,
)
from schemas.messages.return_events import (
    FoundUnits,
    ReturnAuthorised,
    ReturnCancelled,
    ReturnClosed,
    ReturnDeclined,
    ReturnEvent,
    ReturnInspected,
    ReturnMoneyDecided,
    ReturnReceived,
    ReturnRequested,
    ReturnRestocked,
    ReturnSent,
    ReturnUnits,
)
from schemas.messages.rule_events import RulesDecided, Ruling

OrderEvent = (
    Placed
    | PaymentConfirmed
    | Accepted
    | Duplicate
    | TakenOver
    | TwinCancelled
    | Changed
    | Normalised
    | RulesDecided
    | UpdateNoted
    | ReportNoted
    | RefetchAsked
    | Fetched
    | ShippedElsewhere
    | NotElsewhere
    | CancelRequested
    | CancelRefused
    | UnitsDropped
    | ExcessCounted
    | LeftToOthers
    | UnitsScheduled
    | StopAsked
    | StopDecided
    | StopAnswered
    | RequestNoted
    | RequestAnswered
    | ChannelTold
    | Cancelled
    | Closed
    | Reopened
    | Held
    | HoldReleased
    | TaskOpened
    | TaskClosed
    | GivenToPerson
    | AnswerNoted
    | Retried
    | Renewed
    | Skipped
    | Overdue
    | ActionRefused
    | FulfilmentPlanned
    | FulfilmentBackordered
    | StockReserved
    | StockGranted
    | StockReplanned
    | Backordered
    | StockTriedAgain
    | ReservationExpired
    | StockReleased
    | TaskTaken
    | LeftToPerson
    | Picked
    | ShortPicked
    | ShortSettled
    | Packed
    | PartPacked
    | PackedAnyway
    | HandedOver
    | PartHandedOver
    | Fulfilled
    | Published
    | ReadyTold
    | OutsideMatched
    | Shrunk
    | Stopped
    | StopDropped
    | CancelAsked
    | ContentsAwaited
    | TaskCancelled
    | RestSettled
    | FulfilmentCancelled
    | FulfilmentDone
    | CodesEntered
    | Asked
    | Tracked
    | Numbered
    | NumberNoted
    | Followed
    | InTransit
    | Delivered
    | DeliveryFailed
    | Returned
    | Lost
    | Untracked
    | LabelWanted
    | LabelBought
    | LabelStopped
    | LabelStopDropped
    | LabelDropped
    | LabelVoided
    | LabelKept
    | Posted
    | DocumentAmended
    | DocumentCancelled
    | DocumentKept
    | MessageWanted
    | MessageSent
    | PaymentAuthorised
    | PaymentCaptured
    | PaymentExpired
    | PaymentVoided
    | CaptureWanted
    | Captured
    | PartCaptured
    | CaptureDropped
    | RefundWanted
    | RefundMade
    | ReturnEvent
)

__all__ = [
    "Accepted",
    "ActionRefused",
    "AnswerNoted",
    "Asked",
    "Backordered",
    "CancelAsked",
    "CancelRefused",
    "CancelRequested",
    "Cancelled",
    "CaptureDropped",
    "CaptureWanted",
    "Captured",
    "Changed",
    "ChannelTold",
    "Closed",
    "CodesEntered",
    "ContentsAwaited",
    "Delivered",
    "DeliveryFailed",
    "DocumentAmended",
    "DocumentCancelled",
    "DocumentKept",
    "Duplicate",
    "Event",
    "ExcessCounted",
    "Fetched",
    "Followed",
    "FoundUnits",
    "Fulfilled",
    "FulfilmentBackordered",
    "FulfilmentCancelled",
    "FulfilmentDone",
    "FulfilmentPlanned",
    "GivenToPerson",
    "HandedOver",
    "Held",
    "HoldReleased",
    "InTransit",
    "Intent",
    "LabelBought",
    "LabelDropped",
    "LabelKept",
    "LabelStopDropped",
    "LabelStopped",
    "LabelVoided",
    "LabelWanted",
    "LeftToOthers",
    "LeftToPerson",
    "Lost",
    "MessageSent",
    "MessageWanted",
    "Move",
    "NewLine",
    "NewParcel",
    "Normalised",
    "NotElsewhere",
    "NumberNoted",
    "Numbered",
    "OrderEvent",
    "OutsideMatched",
    "Overdue",
    "Packed",
    "PackedAnyway",
    "ParcelLabel",
    "ParcelNumber",
    "PartCaptured",
    "PartHandedOver",
    "PartPacked",
    "Parts",
    "PaymentAuthorised",
    "PaymentCaptured",
    "PaymentConfirmed",
    "PaymentExpired",
    "PaymentVoided",
    "Picked",
    "Placed",
    "Posted",
    "Published",
    "ReadyTold",
    "RefetchAsked",
    "RefundMade",
    "RefundWanted",
    "Renewed",
    "Reopened",
    "ReportNoted",
    "RequestAnswered",
    "RequestNoted",
    "ReservationExpired",
    "RestSettled",
    "Retried",
    "ReturnAuthorised",
    "ReturnCancelled",
    "ReturnClosed",
    "ReturnDeclined",
    "ReturnInspected",
    "ReturnMoneyDecided",
    "ReturnReceived",
    "ReturnRequested",
    "ReturnRestocked",
    "ReturnSent",
    "ReturnUnits",
    "Returned",
    "RulesDecided",
    "Ruling",
    "ShippedElsewhere",
    "ShortPicked",
    "ShortSettled",
    "Shrunk",
    "Skipped",
    "StockGranted",
    "StockReleased",
    "StockReplanned",
    "StockReserved",
    "StockTriedAgain",
    "StopAnswered",
    "StopAsked",
    "StopDecided",
    "StopDropped",
    "Stopped",
    "TakenOver",
    "TaskCancelled",
    "TaskClosed",
    "TaskOpened",
    "TaskTaken",
    "Tracked",
    "TwinCancelled",
    "UnitsDropped",
    "UnitsScheduled",
    "Untold",
    "Untracked",
    "UpdateNoted",
    "Wish",
]
