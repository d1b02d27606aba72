"""The error tree.

Every operational error is one of two, and the difference decides what happens next::

    FleetError
    ├── Transient          trying again may help; ``retry_after`` says when to, if the other side said so
    │   ├── store: DatabaseUnavailable, DatabaseBusy
    │   ├── kube:  Unreachable, Silent, Throttled, ServerError, Conflict, Expired, Unauthorized, UnknownKind
    │   ├── cue:   EngineCrashed, EngineOverloaded, SourceUnavailable
    │   ├── local: LockTimeout
    │   ├── render: GraphUnseen
    │   ├── apply: BeingDeleted, Appeared
    │   ├── audit: AuditUnavailable
    │   └── hub:   HubAway, NotEstablished, OwnKindGone, StorageRestored
    └── Terminal           trying again with the same input gives the same answer
        ├── settings: SettingsError
        ├── store: DatabaseUrlError, DatabaseRejected, DatabaseInUse, SchemaError
        ├── kube:  Forbidden, NotFound, Invalid, TooLarge, AlreadyExists, ApplyConflict, ConnectionConfigError
        ├── cue:   CueError, ModuleError, InputError, RenderError, LimitExceeded, HelperMissing, GitMissing
        ├── local: NotAFleet, BuildFailed, InvalidName, PortTaken, StartFailed, ToolchainMissing
        ├── registry: ClusterFileError, UnknownCluster, SelectorError
        ├── transforms: TransformError, CRDConflict
        ├── render: GraphTaken
        ├── graph: GraphError
        ├── apply: NotOurs, OutOfBounds, FieldConflict, Immutable
        ├── audit: AuditQueryError, PruneRefused
        └── hub:   CannotListen, SameCluster

The command line and authoring add some of their own. A room defines its own leaves, and maps the errors of the
libraries that it uses in one context manager.
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


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group of tasks, however deep: for who waits for one outcome."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
