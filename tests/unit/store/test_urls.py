import pytest

from fleet.store import urls
from fleet.store.errors import DatabaseUrlError


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("sqlite:///fleet.db", "sqlite+aiosqlite:///fleet.db"),
        ("sqlite+aiosqlite:////var/lib/fleet.db", "sqlite+aiosqlite:////var/lib/fleet.db"),
        ("postgresql://fleet:secret@db:5432/fleet", "postgresql+asyncpg://fleet:secret@db:5432/fleet"),
        ("postgres://db/fleet?sslmode=require", "postgresql+asyncpg://db/fleet?sslmode=require"),
        ("postgresql+asyncpg://db/fleet", "postgresql+asyncpg://db/fleet"),
    ],
)
def test_urls_as_people_write_them_get_the_async_driver(written: str, used: str) -> None:
    assert urls.parse(written).render_as_string(hide_password=False) == used


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("fleet.db", "cannot be read"),
        ("mysql://db/fleet", "'mysql'"),
        ("postgresql+psycopg2://db/fleet", "'postgresql\\+psycopg2'"),
        ("postgresql://db:99999/fleet", "names port 99999"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("sqlite:///file:fleet?mode=memory&uri=true", "must be a file"),
    ],
)
def test_other_databases_are_refused_with_what_to_write_instead(written: str, complaint: str) -> None:
    with pytest.raises(DatabaseUrlError, match=complaint):
        urls.parse(written)


def test_messages_never_show_the_password() -> None:
    shown = urls.described(urls.parse("postgresql://fleet:hunter2@db/fleet"))

    assert "hunter2" not in shown
    assert shown.startswith("postgresql://fleet:")


def test_a_url_that_cannot_be_read_is_not_repeated_with_its_password() -> None:
    with pytest.raises(DatabaseUrlError) as refusal:
        urls.parse("postgresql//fleet:hunter2@db/fleet")

    assert "hunter2" not in str(refusal.value)
