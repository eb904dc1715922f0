"""What a command finds when it starts, and what becomes of one that cannot start."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from queuectl import Outcome
from queuectl_subprocess import spawning

if TYPE_CHECKING:
    from tests.unit.subprocess.conftest import Bench

STATUS = ["cat", "/proc/self/status"]


def signals(status: list[str]) -> set[int]:
    """Return the numbers of the signals that a process blocks, ignores or catches."""
    masks = (int(line.split()[1], 16) for line in status if line.startswith(("SigBlk", "SigIgn", "SigCgt")))
    return {number for mask in masks for number in range(1, 65) if mask & 1 << (number - 1)}


class TestCommands:
    """Texts are for the shell, lists are executed as they are."""

    def test_a_text_is_for_the_shell(self, bench: Bench) -> None:
        """Expansion, pipes and several commands work, as at a prompt."""
        run = bench.run("word=b; echo a | tr a $word; exit 7")
        assert (run.lines, run.end().exit_code) == (["b"], 7)

    @pytest.mark.parametrize("text", ["-e", "+x", "--help"])
    def test_a_text_like_an_option_is_a_command(self, bench: Bench, text: str) -> None:
        """The shell looks for a command of that name."""
        assert bench.run(text).end().exit_code == 127

    @pytest.mark.parametrize("letter", ["x", "ü", "€"])
    def test_a_text_too_long_for_a_word(self, bench: Bench, letter: str) -> None:
        """The system's limit for one word is none for a text, and the shell is as it always is."""
        script = "printf '%s\n' $0 $# \"$IFS\"x $LINENO; kept="
        short = bench.run(f"{script}{letter}; echo ${{#kept}}; exit 7")
        for count in (131_000, 200_000, 1_000_000 // len(letter.encode())):
            run = bench.run(f"{script}{letter * count}; echo ${{#kept}}; exit 7")
            assert run.end().exit_code == 7
            assert run.lines[:-1] == short.lines[:-1]
            assert int(run.lines[-1]) == int(short.lines[-1]) * count

    @pytest.mark.parametrize("text", ["&& true", "echo (", "exit 3", "-e", "# nothing"])
    def test_a_long_text_ends_as_a_short_one(self, bench: Bench, text: str) -> None:
        """Also where it is wrong."""
        short, long = (bench.run(f"{text}\n{comment}").end() for comment in ("#", "#" * 200_000))
        assert long.exit_code == short.exit_code

    def test_a_list_is_executed_as_it_is(self, bench: Bench) -> None:
        """Blanks, line ends, quotes, dollars and empty words arrive unchanged."""
        words = ["a b", "c\nd", "", "$HOME", "'\"", "*", "-n", "ü"]
        run = bench.run([sys.executable, "-c", "import sys; print(ascii(sys.argv[1:]))", *words])
        assert run.lines == [ascii(words)]

    def test_an_empty_text_succeeds(self, bench: Bench) -> None:
        """As it does in a shell."""
        assert bench.run("").end().exit_code == 0

    def test_no_bytes_are_lost(self, bench: Bench) -> None:
        """Words that are no UTF-8 arrive as the bytes that they were read from."""
        run = bench.run(["printf", "%s", os.fsdecode(b"\xff\xfe")])
        assert run.written == b"\xff\xfe"


class TestLookUp:
    """A program is looked up in the PATH of the job."""

    def test_in_the_path_of_the_job(self, bench: Bench, tmp_path: Path) -> None:
        """Not in that of the worker."""
        program = tmp_path / "bin" / "greet"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\necho hello $0\n")
        program.chmod(0o755)
        run = bench.run(["greet"], env={"PATH": f"/nowhere:{program.parent}:/usr/bin:/bin"})
        assert run.lines == [f"hello {program}"]

    def test_relative_to_the_directory_of_the_job(self, bench: Bench, tmp_path: Path) -> None:
        """Both a relative entry of PATH and a relative command."""
        program = tmp_path / "greet"
        program.write_text("#!/bin/sh\necho hello\n")
        program.chmod(0o755)
        assert bench.run(["greet"], env={"PATH": "."}).lines == ["hello"]
        assert bench.run(["greet"], env={"PATH": ""}).lines == ["hello"]
        assert bench.run(["./greet"]).lines == ["hello"]

    def test_past_what_may_not_be_executed(self, bench: Bench, tmp_path: Path) -> None:
        """A file without permission and a directory do not hide a program further on."""
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        (tmp_path / "one" / "true").write_text("")
        (tmp_path / "two" / "true").mkdir()
        assert bench.run(["true"], env={"PATH": f"{tmp_path}/one:{tmp_path}/two:/bin"}).end().exit_code == 0

    def test_not_found(self, bench: Bench) -> None:
        """127, as in a shell, and the reason."""
        assert bench.run(["no-such-command"]).end() == Outcome(
            exit_code=127, error="no-such-command: command not found"
        )
        assert bench.run(["./no-such-file"]).end() == Outcome(
            exit_code=127, error="./no-such-file: No such file or directory"
        )
        assert bench.run([""]).end().exit_code == 127

    def test_not_found_by_the_shell(self, bench: Bench) -> None:
        """The shell's own 127."""
        assert bench.run("no-such-command").end().exit_code == 127

    @pytest.mark.parametrize("name", ["plain", "./plain", "/", "/etc"])
    def test_not_executable(self, bench: Bench, tmp_path: Path, name: str) -> None:
        """126, as in a shell, and the reason."""
        (tmp_path / "plain").write_text("echo hello\n")
        outcome = bench.run([name], env={"PATH": "."}).end()
        assert outcome == Outcome(exit_code=126, error=f"{name}: Permission denied")

    def test_no_program_at_all(self, bench: Bench, tmp_path: Path) -> None:
        """A file that may be executed but cannot is 126."""
        program = tmp_path / "nonsense"
        program.write_bytes(b"\x7fELF nonsense")
        program.chmod(0o755)
        outcome = bench.run(["./nonsense"]).end()
        assert (outcome.exit_code, outcome.error) == (126, "./nonsense: Exec format error")

    def test_interpreter_not_found(self, bench: Bench, tmp_path: Path) -> None:
        """The error does not claim that the script is missing."""
        script = tmp_path / "script"
        script.write_text("#!/no/such/interpreter\n")
        script.chmod(0o755)
        outcome = bench.run(["./script"]).end()
        assert outcome.exit_code == 127
        assert outcome.error == "./script: the interpreter that it names was not found"


class TestRefused:
    """What cannot be started is an outcome, never an exception."""

    @pytest.mark.parametrize("command", [["echo", "a\0b"], "echo a\0b", ["ec\0ho"]])
    def test_nul_in_the_command(self, bench: Bench, command: str | list[str]) -> None:
        """The system's calls cannot take it, and cutting the word off would run something else."""
        outcome = bench.run(command).end()
        assert (outcome.exit_code, outcome.succeeded) == (None, False)
        assert "NUL" in str(outcome.error)

    def test_nul_in_the_environment_or_directory(self, bench: Bench) -> None:
        """The same."""
        assert "NUL" in str(bench.run("true", env={"A": "b\0c"}).end().error)
        assert "NUL" in str(bench.run("true", cwd="/tmp\0/x").end().error)

    def test_no_command(self, bench: Bench) -> None:
        """An empty list is no command."""
        assert bench.run([]).end() == Outcome(error="the command is empty")

    def test_unwritable_characters(self, bench: Bench) -> None:
        """Lone surrogates have no bytes."""
        for command in (["echo", "\ud800"], "\ud800" * 200_000):
            outcome = bench.run(command).end()
            assert "encoding" in str(outcome.error)

    @pytest.mark.parametrize("command", ["true " + "x" * 3_000_000, ["/bin/true", *["x" * 100_000] * 60]])
    def test_too_long(self, bench: Bench, command: str | list[str]) -> None:
        """126, as in a shell."""
        outcome = bench.run(command).end()
        assert (outcome.exit_code, str(outcome.error).rpartition(": ")[2]) == (126, "Argument list too long")

    def test_a_part_that_is_too_long(self, bench: Bench) -> None:
        """The system takes no longer word, however few there are: it is named."""
        word = bench.run(["true", "x" * 200_000]).end()
        variable = bench.run("true", env={"A": "x" * 200_000}).end()
        assert (word.exit_code, variable.exit_code) == (126, 126)
        reason = "is too long for this system: 131071 at most"
        assert word.error == f"true: a word of 200000 bytes {reason}"
        assert variable.error == f"/bin/sh: an environment variable of 200002 bytes {reason}"

    def test_recorded_is_only_what_started(self, bench: Bench) -> None:
        """There is nothing to end later."""
        assert bench.run(["no-such-command"]).handles == []


class TestDirectory:
    """The command starts in the directory of the job."""

    def test_the_job_s(self, bench: Bench, tmp_path: Path) -> None:
        """Not the worker's, which stays where it is."""
        here = Path.cwd()
        (tmp_path / "a b").mkdir()
        assert bench.run("pwd -P", cwd=f"{tmp_path}/a b").lines == [f"{tmp_path.resolve()}/a b"]
        assert Path.cwd() == here

    def test_the_worker_s(self, bench: Bench) -> None:
        """A job without one starts where the worker is."""
        assert bench.run("pwd -P", cwd=None).lines == [str(Path.cwd().resolve())]

    def test_missing(self, bench: Bench, tmp_path: Path) -> None:
        """Nothing runs; the error names the directory, also when the command is looked up."""
        error = f"cannot change to directory {tmp_path}/gone: No such file or directory"
        for command in ("true", ["true"], ["no-such-command"]):
            assert bench.run(command, cwd=f"{tmp_path}/gone").end() == Outcome(error=error)

    def test_no_directory(self, bench: Bench) -> None:
        """A file is none."""
        outcome = bench.run("true", cwd="/etc/passwd").end()
        assert outcome == Outcome(error="cannot change to directory /etc/passwd: Not a directory")

    @pytest.mark.skipif(os.geteuid() == 0, reason="everything is open to root")
    def test_closed(self, bench: Bench, tmp_path: Path) -> None:
        """One that may not be entered."""
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o600)
        outcome = bench.run("true", cwd=str(closed)).end()
        assert outcome == Outcome(error=f"cannot change to directory {closed}: Permission denied")

    def test_where_the_c_library_cannot_change_it(
        self, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A shell does it before the command is executed, and nothing else differs."""
        libc = spawning._libc()

        class Older:
            def __getattr__(self, name: str) -> object:
                if name.endswith(("addchdir_np", "addclosefrom_np")):
                    raise AttributeError(name)
                return getattr(libc, name)

        monkeypatch.setattr(spawning, "_libc", Older)
        folder = tmp_path / "-a b"
        folder.mkdir()
        run = bench.run([sys.executable, "-c", "import os, sys; print(os.getcwd(), sys.argv)", "$x y"], cwd=str(folder))
        assert run.lines == [f"{folder.resolve()} ['-c', '$x y']"]
        assert bench.run(["no-such-command"], cwd=str(folder)).end().exit_code == 127


class TestSurroundings:
    """What a command inherits, and what it does not."""

    def test_default_signals(self, bench: Bench) -> None:
        """Nothing is ignored, caught or blocked, whatever the worker ignores and blocks."""
        ignored = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1)}
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2})
        try:
            run = bench.run(STATUS)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            for each, handler in ignored.items():
                signal.signal(each, handler)
        assert len(run.lines) > 20
        assert signals(run.lines) == set()

    def test_default_signals_from_a_thread(self, bench: Bench) -> None:
        """The same where the run has a thread of its own."""
        run = bench.start(STATUS)
        run.end()
        assert len(run.lines) > 20
        assert signals(run.lines) == set()

    def test_a_closed_pipe_ends_a_writer(self, bench: Bench) -> None:
        """`yes` gets SIGPIPE, and says nothing."""
        run = bench.run("yes | head -n 1; trap - PIPE; echo end")
        assert run.lines == ["y", "end"]

    def test_a_session_of_its_own(self, bench: Bench) -> None:
        """The command leads its session and its group, and has no terminal."""
        run = bench.run(["cut", "-d ", "-f1,5,6,7", "/proc/self/stat"])
        pid, group, session, terminal = run.lines[0].split()
        assert group == session == pid == str(run.pid)
        assert terminal == "0"

    def test_stdin_is_empty(self, bench: Bench) -> None:
        """It is /dev/null."""
        assert bench.run("readlink /proc/self/fd/0; cat").lines == ["/dev/null"]

    def test_the_environment_is_the_given_one(self, bench: Bench) -> None:
        """Nothing is added to it, and nothing is missing."""
        run = bench.run(["env", "-0"], env={"B": "ü\n="})
        expected = {os.fsencode(f"{name}={value}") for name, value in run.env.items()}
        assert set(run.written.split(b"\0")) - {b""} == expected

    def test_no_environment_is_another_command_s(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever the two share: their first variables, all, or none."""
        monkeypatch.setattr(spawning, "_last_variables", None)
        tails: list[dict[str, str]] = [{"A": "1", "B": "2"}, {"A": "1", "B": "3"}, {"A": "2", "B": "3"}, {"A": "2"}]
        tails += [{"A": "2", "B": "3", "C": "4"}, {}, {"C": "4"}, {"C": "4"}, {"A": "2", "B": "3", "C": "4"}]
        tails += [{"PATH": path, "A": "1"} for path in ("/first", "/second", "/second")]  # it comes first
        runs = [bench.run(["/usr/bin/env"], env=tail) for tail in tails]
        assert [set(run.lines) for run in runs] == [
            {f"{name}={value}" for name, value in run.env.items()} for run in runs
        ]

    def test_a_huge_environment(self, bench: Bench) -> None:
        """Half a megabyte arrives."""
        env = {f"V{number}": "x" * 50_000 for number in range(10)}
        assert bench.run("echo ${#V9} ${#V0}", env=env).lines == ["50000 50000"]

    def test_no_descriptor_but_three(self, bench: Bench) -> None:
        """Not even one that the worker may pass on."""
        reader, writer = os.pipe()
        try:
            os.set_inheritable(writer, True)  # noqa: FBT003  # it takes no keyword
            run = bench.run(["ls", "/proc/self/fd"])
        finally:
            os.close(reader)
            os.close(writer)
        assert run.lines == ["0", "1", "2", "3"]  # the last one is the listing's own
