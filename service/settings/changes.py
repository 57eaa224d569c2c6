"""What a new configuration changes: what a running service takes over, and what only a start can
change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from msgspec import Struct, structs

from adapters.kit.settings import PartnerSettings
from service.settings.model import Settings
from service.settings.shape import keys_of

TAKEN = (
    "channels.",
    "partners.",
    "places.",
    "alerts.",
    "reviews.",
    "approvals.",
    "rules_need_second_person",
    "alert_routes.",
    "policy.",
    "limits.live_orders",
    "limits.mailbox",
    "limits.intake_in_flight",
    "limits.deliveries",
    "limits.erase_grace_hours",
    "limits.body_bytes",
    "limits.drain_seconds",
    "telemetry.log_level",
)
"""How the keys begin that a running service takes over; every other one needs a restart."""

Instance = TypeVar("Instance", bound=PartnerSettings)


class Changes(Struct, frozen=True, kw_only=True):
    """`settings` are those to run with from now on. `taken` and `later` name keys and instances:
    what they change, and what stays as it was until the next start."""

    settings: Settings
    taken: tuple[str, ...] = ()
    later: tuple[str, ...] = ()

    def words(self) -> str:
        """Say both in one or two sentences, without any value."""
        said = f"changed: {', '.join(self.taken)}." if self.taken else "nothing has changed."
        if self.later:
            said += f" Only a restart changes: {', '.join(self.later)}."
        return said


def changes(old: Settings, new: Settings) -> Changes:
    """Compare what runs with what is configured now.

    An instance that is gone, or of another kind now, stays as it was: orders under way need it.
    """
    before, after = _values(old), _values(new)
    kept = {
        f"{table}.{name}."
        for table in ("channels", "partners")
        for name, one in getattr(old, table).items()
        if _kind_in(getattr(new, table), name) != one.kind
    }
    keys = [key for key in {**before, **after} if before.get(key, _NONE) != after.get(key, _NONE)]
    stays = [key for key in keys if not key.startswith(TAKEN) or key.startswith(tuple(kept))]
    taken = [key for key in keys if key not in set(stays)]
    fresh = _fresh(old, new)
    return Changes(
        settings=_effective(old, new),
        taken=_shortened(taken, fresh, "new"),
        later=_shortened(stays, kept, "removed or of another kind"),
    )


_NONE = object()


def _effective(old: Settings, new: Settings) -> Settings:
    limits = {key.partition(".")[2] for key in TAKEN if key.startswith("limits.")}
    return structs.replace(
        old,
        channels=_instances(old.channels, new.channels),
        partners=_instances(old.partners, new.partners),
        places=new.places,
        alerts=new.alerts,
        reviews=new.reviews,
        approvals=new.approvals,
        rules_need_second_person=new.rules_need_second_person,
        alert_routes=new.alert_routes,
        policy=new.policy,
        limits=structs.replace(
            old.limits, **{name: getattr(new.limits, name) for name in sorted(limits)}
        ),
        telemetry=structs.replace(old.telemetry, log_level=new.telemetry.log_level),
    )


def _instances(old: Mapping[str, Instance], new: Mapping[str, Instance]) -> dict[str, Instance]:
    kept = {name: one for name, one in old.items() if _kind_in(new, name) != one.kind}
    return {**new, **kept}


def _kind_in(instances: Mapping[str, PartnerSettings], name: str) -> str:
    return instances[name].kind if name in instances else ""


def _fresh(old: Settings, new: Settings) -> set[str]:
    return {
        f"{table}.{name}."
        for table in ("channels", "partners", "places", "alert_routes")
        for name in getattr(new, table)
        if name not in getattr(old, table)
    }


def _shortened(keys: list[str], tables: set[str], why: str) -> tuple[str, ...]:
    """Name a table once instead of each of its keys."""
    found: dict[str, None] = {}
    for key in keys:
        table = next((one for one in tables if key.startswith(one)), None)
        found[f"{table[:-1]} ({why})" if table else key] = None
    return tuple(found)


def _values(settings: Settings) -> dict[str, object]:
    return dict(_leaves(settings, ""))


def _leaves(table: Struct, path: str) -> Iterator[tuple[str, object]]:
    for key in keys_of(type(table), None):
        value, here = getattr(table, key.name), f"{path}{key.name}"
        if isinstance(value, Struct):
            yield from _leaves(value, f"{here}.")
        elif key.tables_by_name is not None:
            for name, one in value.items():
                yield from _leaves(one, f"{here}.{name}.")
        else:
            yield here, value
