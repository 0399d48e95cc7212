"""The chaos harness itself, without Kafka: its cases, its ledger, its doors, its reports."""

import asyncio
import inspect
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.chaos import orders
from tests.chaos.case import Case, load, rows
from tests.chaos.faults import FAULTS
from tests.chaos.keeper import Keeper
from tests.chaos.ledger import Ledger
from tests.chaos.proxy import Doors, Link
from tests.chaos.report import FIELDS, Row, control, read, write
from tests.chaos.subjects import Command, Subject


@pytest.mark.parametrize("row", rows())
def test_a_case_names_faults_that_exist_and_options_that_they_take(row: str) -> None:
    case: Case = load(row)
    assert case.row == row
    for step in (one for group in case.faults for one in group.among or (group,)):
        inspect.signature(FAULTS[step.do]).bind(None, **step.options)


def test_the_ledger_knows_what_was_accepted_refused_and_never_answered(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.answer(ledger.ask(("a", "b"), 1.0), 1.1, 200, refused=(1,))
    ledger.answer(ledger.ask(("a",), 2.0), 2.1, 503, hold=True)
    ledger.answer(ledger.ask(("c",), 3.0), 3.1, 400)
    ledger.ask(("d",), 4.0)
    books = ledger.close()
    assert books.accepted == {"a": 1}
    assert books.refused == {"b": 1, "c": 1}
    assert books.unknown == {"a": 1, "d": 1}


def test_an_order_that_nobody_has_taken_is_not_obeyed_whoever_sleeps(tmp_path: Path) -> None:
    order = tmp_path / "order"

    async def story() -> None:
        given = asyncio.create_task(orders.give(order, "after_fold", "stop", lambda: True))
        await asyncio.sleep(10 * orders.TICK_S)
        assert not given.done()
        order.unlink()  # as whoever obeys does first
        assert await given

    asyncio.run(story())


def test_a_worker_that_comes_back_while_it_still_leaves_has_ended_once(tmp_path: Path) -> None:
    slow = "trap 'sleep 0.3; exit 0' TERM; for _ in $(seq 100); do sleep 0.05; done; exit 1"
    keeper = Keeper(Subject("slow", lambda *_: Command(("sh", "-c", slow), {})), "", tmp_path, 1, "memory")

    async def story() -> None:
        worker = keeper.workers["w0"]
        worker.start()
        await asyncio.sleep(0.2)  # it sets its trap
        leaving = asyncio.create_task(keeper.leave(worker))
        await asyncio.sleep(0.1)
        worker.start()
        await leaving
        assert worker.wanted
        assert worker.running
        worker.kill()

    asyncio.run(story())
    assert keeper.ends == {0: 1, -signal.SIGKILL: 1}


def test_a_half_open_door_says_nothing_and_a_reset_one_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        doors = Doors([server.getsockname()[1]])
        try:
            with socket.create_connection(("127.0.0.1", doors.doors[0].port), timeout=10) as link:
                link.sendall(b"1")
                assert link.recv(1) == b"1"
                doors.turn(Link.HALF_OPEN)
                link.sendall(b"2")
                link.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    link.recv(1)
                doors.turn(Link.OPEN)
                link.settimeout(10)
                assert link.recv(1) == b"2", "what was swallowed arrives when the door opens"
                doors.turn(Link.RESET)
                with pytest.raises(ConnectionResetError):
                    link.recv(1)
        finally:
            doors.close()


def test_a_partial_run_leaves_the_other_rows_of_the_report(tmp_path: Path) -> None:
    def row(name: str, lost: int) -> Row:
        return Row(name, "ours", 10, 1, lost, 0, 0, 1.0, 0.3, not lost, "title")

    for new in (row("W1", 0), row("B1", 2), row("W1", 3)):
        write([new], tmp_path / "chaos.json", tmp_path / "chaos.md")
    page = (tmp_path / "chaos.md").read_text()
    assert page.count("| W1 |") == 1
    assert page.count("**failed**") == 2
    assert [*FIELDS] == [name for name in Row.__struct_fields__ if name not in ("title", "notes", "run")]


def test_a_page_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [
        Row("F0", "naive", 1_989, 0, 0, 0, 0, 30.5, 3 / 1_989, True, "nothing"),
        Row("F0", "ours", 1_989, 0, 0, 0, 0, 0.5, 3 / 1_989, True, "nothing", ("exits {}", "p99 0.5 s; in heat 0.6 s")),
        Row(
            "W1",
            "naive",
            2_988,
            30,
            541,
            277,
            3,
            None,
            3 / 2_988,
            False,
            "killed, 20 times",
            ("24 lost, as e-1",),
            "2026-11-27 abc1234+",
        ),
    ]
    write(rows, tmp_path / "chaos.json", tmp_path / "chaos.md")
    once = (tmp_path / "chaos.md").read_text()
    write([], tmp_path / "chaos.json", tmp_path / "chaos.md")
    assert (tmp_path / "chaos.md").read_text() == once
    assert [(it.row, it.lost, it.recovery_s, it.run) for it in read(tmp_path / "chaos.md")] == [
        (it.row, it.lost, it.recovery_s, it.run) for it in rows
    ]


def test_what_more_than_one_subject_has_run_stands_side_by_side() -> None:
    def row(name: str, subject: str, lost: int) -> Row:
        return Row(name, subject, 10, 1, lost, 0, 0, 1.0, 0.3, not lost, "title")

    page = control([row("B1", "ours", 0), row("W1", "naive", 4), row("W1", "ours", 0)])
    assert "| W1 | passed | **failed**: 4 lost |" in page
    assert "B1" not in page


def _echo(server: socket.socket) -> None:
    link, _ = server.accept()
    with link, suppress(ConnectionError):
        while said := link.recv(1):
            link.sendall(said)
