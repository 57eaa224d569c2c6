"""Settings as one frozen tree. Types, bounds, defaults and descriptions live side by side, here and
in the folders of the kinds; the check, `config show` and docs/configuration.md all read them there.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from msgspec import Meta, Struct

from actors.order.policy import Policy
from adapters.alerts.settings import AlertRoute, Alerts
from adapters.kit.exchanges import ExchangePolicy
from adapters.kit.secret import Secret
from adapters.kit.settings import ChannelSettings, InstanceName, PartnerSettings
from service.settings.accounts import Accounts
from service.settings.approvals import Approvals
from service.settings.places import Place
from service.settings.reconciliation import Reconciliation
from service.settings.reviews import Reviews
from service.settings.workers import Workers

KeyId = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{2}$")]
SigningKeyId = Annotated[str, Meta(pattern=r"^[0-9A-Z]$")]
Network = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?$")]


class Listen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the HTTP server listens."""

    host: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=253,
            description="Address to bind.",
            extra={"env": "ORDERWRIGHT_HOST"},
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        Meta(
            ge=0,
            le=65_535,
            description="Port to bind; 0 lets the system choose.",
            extra={"env": "ORDERWRIGHT_PORT"},
        ),
    ] = 8080
    public_url: Annotated[
        str,
        Meta(
            pattern=r"^$|^https?://[^\s/?#@]+[^\s?#]*$",
            max_length=512,
            description="Where partners reach this server; empty: http:// with host and port.",
            extra={"env": "ORDERWRIGHT_PUBLIC_URL"},
        ),
    ] = ""
    health_port: Annotated[
        int,
        Meta(
            ge=0,
            le=65_535,
            description="Port that answers /livez, /readyz and /metrics as well, and nothing else, "
            "so that no one else's connections keep a probe out; 0: none.",
            extra={"env": "ORDERWRIGHT_HEALTH_PORT"},
        ),
    ] = 0
    proxies: Annotated[
        tuple[Network, ...],
        Meta(
            max_length=64,
            description="Addresses or networks of proxies in front: their connections are not "
            "bounded by address, and their X-Forwarded-For says whose request it is.",
        ),
    ] = ("127.0.0.0/8", "::1/128")

    def __post_init__(self) -> None:
        """Raise ValueError for a proxy that is neither an address nor a network."""
        for one in self.proxies:
            ip_network(one, strict=False)


class Correlation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys that sign the references under which partners keep the things of an order."""

    active: Annotated[SigningKeyId, Meta(description="Which key signs new references.")]
    keys: Annotated[
        dict[SigningKeyId, Secret],
        Meta(
            min_length=1,
            max_length=16,
            description="Keys whose references are accepted: a digit or capital letter to a secret "
            "of 16 characters or more.",
        ),
    ]

    def __post_init__(self) -> None:
        if self.active not in self.keys:
            raise ValueError(f"active names the key {self.active}, which is not among keys")
        if any(len(key.reveal().encode()) < 16 for key in self.keys.values()):
            raise ValueError("each of keys needs a secret of at least 16 characters")


class Privacy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Master keys that wrap the keys of personal data."""

    active: Annotated[KeyId, Meta(description="Which master key seals what is new.")]
    keys: Annotated[
        dict[KeyId, Secret],
        Meta(
            min_length=1,
            max_length=16,
            description="Master keys that still open: id to secret of 32 characters or more.",
        ),
    ]
    names_key: Annotated[
        Secret,
        Meta(
            description="Secret of 32 characters or more that customers' names are hashed with; "
            "it never changes."
        ),
    ]

    def __post_init__(self) -> None:
        if self.active not in self.keys:
            raise ValueError(f"active names the key {self.active}, which is not among keys")
        secrets = (*self.keys.values(), self.names_key)
        if any(len(key.reveal().encode()) < 32 for key in secrets):
            raise ValueError("each of keys, and names_key, needs at least 32 characters")


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds inside the process. At a bound there is back-pressure, never growth."""

    live_orders: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Orders that have a task at the same time.")
    ] = 10_000
    mailbox: Annotated[
        int, Meta(ge=1, le=10_000, description="Inputs that may wait for one order.")
    ] = 64
    intake_in_flight: Annotated[
        int, Meta(ge=1, le=100_000, description="Messages taken and not yet acknowledged, in all.")
    ] = 1_024
    intake_batch: Annotated[
        int, Meta(ge=1, le=1_000, description="Messages fetched from the stream at once.")
    ] = 64
    deliveries: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Deliveries of a message (one for each death of a process that had it) "
            "before it is quarantined.",
        ),
    ] = 50
    journal_batch: Annotated[
        int, Meta(ge=1, le=5_000, description="Orders written in one commit.")
    ] = 256
    journal_timeout_seconds: Annotated[
        float, Meta(ge=0.1, le=60, description="After this the database counts as unreachable.")
    ] = 5.0
    timer_batch: Annotated[int, Meta(ge=1, le=5_000, description="Due timers read at once.")] = 256
    pool_size: Annotated[int, Meta(ge=2, le=200, description="Connections to Postgres.")] = 10
    erase_grace_hours: Annotated[
        float,
        Meta(
            ge=0,
            le=480,
            description="Hours that a request to erase data waits, so that a person can stop it.",
        ),
    ] = 72.0
    body_bytes: Annotated[
        int,
        Meta(
            ge=1_024,
            le=16 * 1_048_576,
            description="Request body, refused above with 413. A message about an order has 4 MiB "
            "at most, whatever is set here; a higher value is for CSV files and mappings.",
        ),
    ] = 4_194_304
    incident_quiet_seconds: Annotated[
        float,
        Meta(
            ge=1,
            le=30 * 86_400,
            description="An incident is resolved when it did not recur for this long and no order "
            "of it waits.",
        ),
    ] = 3_600.0
    drain_seconds: Annotated[
        float, Meta(ge=0, le=600, description="Time to finish what is under way after SIGTERM.")
    ] = 20.0


class Retention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long an order that ended keeps what is needed no more; its events are kept
    permanently."""

    inbox_days: Annotated[
        float,
        Meta(
            ge=3,
            le=36_500,
            description="Which deliveries it took. Later repeats find an order at its end; three "
            "days are more than any channel repeats for.",
        ),
    ] = 35.0
    effects_days: Annotated[
        float,
        Meta(
            ge=3,
            le=36_500,
            description="Its calls to partners, with attempts, errors and traces, as its timeline "
            "shows them.",
        ),
    ] = 400.0


Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]


class Telemetry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an SRE sees. The exporter reads its other standard variables (headers, certificates,
    compression, `OTEL_BSP_*`) by itself."""

    sample_ratio: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Share of orders traced; errors and slow ones are kept all the same.",
            extra={"env": "OTEL_TRACES_SAMPLER_ARG"},
        ),
    ] = 0.01
    slow_seconds: Annotated[
        float, Meta(ge=0.001, le=3_600, description="Work that takes longer is kept in any case.")
    ] = 2.0
    sampler: Annotated[
        Sampler,
        Meta(
            description="The head decision; `parentbased_` follows a sampled caller.",
            extra={"env": "OTEL_TRACES_SAMPLER"},
        ),
    ] = "parentbased_traceidratio"
    otlp_endpoint: Annotated[
        str,
        Meta(
            max_length=512,
            description="Collector's base address (OTLP over HTTP); both empty: nothing is sent.",
            extra={"env": "OTEL_EXPORTER_OTLP_ENDPOINT"},
        ),
    ] = ""
    otlp_traces_endpoint: Annotated[
        str,
        Meta(
            max_length=512,
            description="The whole address for traces, instead of the base with `/v1/traces`.",
            extra={"env": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"},
        ),
    ] = ""
    service_name: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=255,
            description="The service's name in traces.",
            extra={"env": "OTEL_SERVICE_NAME"},
        ),
    ] = "orderwright"
    disabled: Annotated[
        bool, Meta(description="Turns tracing off.", extra={"env": "OTEL_SDK_DISABLED"})
    ] = False
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least that is logged.")
    ] = "info"
    log_format: Annotated[
        Literal["auto", "json", "text"],
        Meta(description="`auto` writes for people at a terminal and JSON elsewhere."),
    ] = "auto"


class Calls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How requests to partners and channels are sent."""

    direct: Annotated[
        bool,
        Meta(
            description="Sends past the HTTP library's session, at less than half the CPU. Off: "
            "through the session, should a partner's server ever get on badly with it."
        ),
    ] = True


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set."""

    data_dir: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=4_096,
            description="Where the embedded servers keep all data.",
            extra={"env": "ORDERWRIGHT_DATA"},
        ),
    ] = "orderwright-data"
    postgres_dsn: Annotated[
        Secret | None,
        Meta(description="An outside Postgres (14 or newer) instead of the embedded one."),
    ] = None
    nats_url: Annotated[
        Secret | None,
        Meta(
            description="An outside NATS (2.10 or newer) instead of the embedded one; several "
            "servers of a cluster are separated by commas."
        ),
    ] = None
    nats_replicas: Annotated[
        int,
        Meta(
            ge=1,
            le=5,
            description="How many servers of an outside cluster keep each stream; with 3 one may "
            "be lost.",
        ),
    ] = 1
    listen: Annotated[Listen, Meta(description="HTTP server.")] = Listen()
    correlation: Annotated[
        Correlation | None,
        Meta(description="Correlation keys; left out: one is made in the data directory."),
    ] = None
    privacy: Annotated[
        Privacy | None,
        Meta(
            description="Keys that seal personal data; left out: they are made in the data "
            "directory."
        ),
    ] = None
    channels: Annotated[
        dict[InstanceName, ChannelSettings],
        Meta(
            max_length=1_000,
            description="Sales channels by name (small letters, digits, dashes).",
            extra={"kinds": "storefront"},
        ),
    ] = {}
    partners: Annotated[
        dict[InstanceName, PartnerSettings],
        Meta(
            max_length=1_000,
            description="Other partners by name (small letters, digits, dashes).",
            extra={"kinds": "partner"},
        ),
    ] = {}
    places: Annotated[
        dict[InstanceName, Place],
        Meta(max_length=1_000, description="Places that goods leave from, by name."),
    ] = {}
    rules_need_second_person: Annotated[
        bool,
        Meta(
            description="Whether rules are used only after another person than who published them "
            "approves."
        ),
    ] = False
    alerts: Annotated[Alerts, Meta(description="Alerts.")] = Alerts()
    alert_routes: Annotated[
        dict[InstanceName, AlertRoute],
        Meta(max_length=20, description="Where alerts go, by name."),
    ] = {}
    reviews: Annotated[Reviews, Meta(description="The review queue.")] = Reviews()
    approvals: Annotated[Approvals, Meta(description="Approvals.")] = Approvals()
    reconciliation: Annotated[
        Reconciliation, Meta(description="Comparing the books with the partners'.")
    ] = Reconciliation()
    accounts: Annotated[Accounts, Meta(description="The accounting export.")] = Accounts()
    mappings_file: Annotated[
        str,
        Meta(
            max_length=4_096,
            description="File of mappings (TOML or JSON), then their only source; empty: they are "
            "changed over API and command line.",
        ),
    ] = ""
    workers: Annotated[Workers, Meta(description="Processes.")] = Workers()
    limits: Annotated[Limits, Meta(description="Bounds.")] = Limits()
    retention: Annotated[Retention, Meta(description="Retention.")] = Retention()
    http: Annotated[Calls, Meta(description="Requests to partners.")] = Calls()
    exchanges: Annotated[ExchangePolicy, Meta(description="Exchanges with partners.")] = (
        ExchangePolicy()
    )
    policy: Annotated[Policy, Meta(description="Waits.")] = Policy()
    telemetry: Annotated[Telemetry, Meta(description="Telemetry.")] = Telemetry()
