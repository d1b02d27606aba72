"""The error tree.

Every operational error is one of two, and the difference decides what happens next::

    FleetError
    ├── Transient          trying again may help; ``retry_after`` says when to, if the other side said so
    │   ├── kube:  Unreachable, Throttled, ServerError, Conflict, Expired, Unauthorized
    │   └── cue:   EngineCrashed, EngineOverloaded, SourceUnavailable
    └── Terminal           trying again with the same input gives the same answer
        ├── kube:  NotFound, Forbidden, Invalid, AlreadyExists, ConnectionConfigError
        ├── cue:   ModuleError, InputError, RenderError, LimitExceeded
        ├── graph: GraphError
        ├── registry: ClusterFileError
        └── settings: SettingsError

A room defines its own leaves, and maps the errors of the libraries that it uses in one context manager.
"""


class FleetError(Exception):
    """Something went wrong."""


class Transient(FleetError):  # noqa: N818 - the name is the verdict, as in kopf's TemporaryError
    """Trying again may help.

    ``retry_after`` is in seconds, or None where the other side did not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Terminal(FleetError):  # noqa: N818
    """Trying again with the same input gives the same answer."""
