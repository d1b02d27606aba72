"""Folders that stand at the top of the repository and travel inside the wheel."""

from pathlib import Path


def shipped(folder: str) -> Path:
    """The path of ``migrations`` or ``config``, in an installed wheel and in a checkout alike.

    Raises FileNotFoundError where neither has it, which means that the installation is broken.
    """
    package = Path(__file__).parent
    for candidate in (package / folder, package.parent / folder):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"{folder}/ is missing from this installation of pequod-fleet; install it again")
