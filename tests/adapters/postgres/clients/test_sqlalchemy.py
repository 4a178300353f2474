"""SQLAlchemy: reflection, the ORM, insertmanyvalues and streams, over psycopg and asyncpg."""

from typing import Any

import pytest
from sqlalchemy import ForeignKey, String, create_engine, func, inspect, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

from tests.adapters.postgres.clients.conftest import Compare, CompareAsync, Endpoint

type Seen = list[Any]


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    labels: Mapped[list[str]] = mapped_column(ARRAY(String), default=list)
    extra: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    members: Mapped[list["Member"]] = relationship(back_populates="team")


class Member(Base):
    __tablename__ = "member"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    team: Mapped[Team] = relationship(back_populates="members")


def url(at: Endpoint, driver: str) -> str:
    return at.dsn.replace("postgresql:", f"postgresql+{driver}:")


@pytest.mark.parametrize("driver", ["psycopg", "pg8000"])
def test_the_orm(compare: Compare, driver: str) -> None:
    def scenario(at: Endpoint) -> Seen:
        engine = create_engine(url(at, driver))
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all(
                Team(
                    name=f"tëam {n}",
                    labels=["a", str(n)],
                    extra={"n": n},
                    members=[Member(name=str(m)) for m in range(3)],
                )
                for n in range(30)
            )
            session.commit()
            teams = session.scalars(select(Team).options(selectinload(Team.members)).order_by(Team.id)).all()
            result: Seen = [(t.id, t.name, t.labels, t.extra, [m.name for m in t.members]) for t in teams]
            upsert = (
                insert(Team)
                .values(id=1, name="tëam 1")
                .on_conflict_do_update(index_elements=["id"], set_={"labels": ["changed"]})
            )
            result.append(session.execute(upsert.returning(Team.labels)).all())
            with pytest.raises(IntegrityError) as caught:
                session.execute(text("INSERT INTO team (name, labels, extra) VALUES ('tëam 1', '{}', '{}')"))
            result.append(type(caught.value.orig).__name__)
            session.rollback()
            streamed = session.execute(select(Member.id).order_by(Member.id), execution_options={"yield_per": 7})
            result += [len(streamed.all()), session.scalar(select(func.count()).select_from(Member))]
        inspector = inspect(engine)
        result += [
            sorted(inspector.get_table_names()),
            [(column["name"], str(column["type"])) for column in inspector.get_columns("customers")],
            inspector.get_foreign_keys("member"),
        ]
        engine.dispose()
        return result

    compare(scenario)


async def test_asynchronous(compare_async: CompareAsync) -> None:
    async def scenario(at: Endpoint) -> Seen:
        engine = create_async_engine(url(at, "asyncpg"), connect_args={"ssl": False})
        async with engine.begin() as connection:
            result: Seen = [(await connection.execute(text("SELECT id, item FROM orders ORDER BY id"))).all()]
            await connection.execute(text("UPDATE orders SET item = :item WHERE id = :id"), {"item": "é", "id": 3})
            streamed = await connection.stream(text("SELECT id, email FROM customers ORDER BY id"))
            result += [tuple(row) async for row in streamed]
        await engine.dispose()
        return result

    await compare_async(scenario)
