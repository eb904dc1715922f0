"""`queuectl config`: read, change and check the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from queuectl.commands.frame import Session, group
from queuectl.commands.output import Column, message, print_json, print_pairs, print_records, write
from queuectl.errors import ConflictError, QueuectlError, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from queuectl.config import Config
    from queuectl.config.change import Change
    from queuectl.config.explain import Setting


class KeyName(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases of click
    """A key of the configuration."""

    name = "key"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the keys that there are, those of the selected plugins included."""
        from click.shell_completion import CompletionItem

        from queuectl.config.catalog import known_keys
        from queuectl.config.keys import written
        from queuectl.config.load import read_config

        try:
            known = known_keys(read_config())
        except (QueuectlError, OSError):
            return []
        about = {written(key.path): key.field.description if key.field is not None else "" for key in known}
        return [CompletionItem(key, help=text) for key, text in about.items() if key.startswith(incomplete)]


@group(
    "config",
    examples="""
queuectl config list
queuectl config get max-retries
queuectl config set max-retries 5
queuectl config validate
""",
)
def command() -> None:
    """Read, change and check the configuration.

    One YAML file is read: `--config`, else $QUEUECTL_CONFIG, ./queuectl.yaml, $QUEUECTL_HOME/queuectl.yaml, the
    user's, the system's. Over it come variables such as QUEUECTL_WORKER__CONCURRENCY, then --set. A key may be short
    where it is clear: max-retries is jobs.max-retries, backoff-base is backoff.base.
    """


@command.command(
    "get",
    examples="""
queuectl config get max-retries
queuectl config get backoff
queuectl config get --json
""",
)
@click.argument("key", type=KeyName(), required=False, metavar="[KEY]")
def get(session: Session, key: str | None) -> None:
    """Print the value of a key, or all below it.

    The value alone is printed, a text without quotes. Secrets are printed when they are asked for by their own key.
    """
    from queuectl.config.explain import find_settings, settings_of, to_json

    config = session.config()
    found = settings_of(config) if key is None else find_settings(config, key)
    if key is not None and len(found) == 1 and _is_one(key, found[0], config):
        # A list may hold secrets among other things: nobody asked for those.
        one = found[0].masked() if isinstance(found[0].value, list | tuple | dict) else found[0]
        print_json(to_json(one.value)) if session.json else write(f"{one.text}\n")
        return
    shown = [setting.masked() for setting in found]
    if session.json:
        print_json(_tree(shown, _depth(key, config)))
    else:
        print_pairs(session, {setting.key: setting.text for setting in shown})


@command.command(
    "set",
    examples="""
queuectl config set max-retries 5
queuectl config set backoff.max-delay 10m
queuectl config set queues.mail.max-retries 10
queuectl config set backoff.plugin fixed backoff.delay 30s
""",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("pairs", type=KeyName(), nargs=-1, required=True, metavar="KEY VALUE…")
def set_(session: Session, pairs: Sequence[str]) -> None:
    """Change the configuration file.

    Comments and all other bytes stay as they are. Without a file one is made at the user's place. Several keys are
    changed together or not at all.
    """
    from queuectl.config.change import set_values

    if len(pairs) % 2:
        raise UsageError(f"{pairs[-1]}: a value is missing", hint="queuectl config set KEY VALUE")
    changes = set_values(_unchecked(session), list(zip(pairs[::2], pairs[1::2], strict=True)))
    _tell_changes(session, changes)


@command.command(
    "unset",
    examples="""
queuectl config unset max-retries
queuectl config unset queues.mail.backoff
""",
)
@click.argument("keys", type=KeyName(), nargs=-1, required=True, metavar="KEY…")
def unset(session: Session, keys: Sequence[str]) -> None:
    """Remove keys from the configuration file, so that their defaults serve again."""
    from queuectl.config.change import unset_values

    _tell_changes(session, unset_values(_unchecked(session), keys))


@command.command(
    "list",
    examples="""
queuectl config list
queuectl config list --json
queuectl config list | grep QUEUECTL_
""",
)
def list_(session: Session) -> None:
    """List all keys with their values and where each comes from.

    A pipe gets a line of tab-separated fields for each: key, value, origin (a place in the file, a variable, --set or
    default). Secrets are masked.
    """
    from queuectl.config.explain import settings_of, to_json

    columns = (
        Column("KEY", lambda setting: setting.key),
        Column("VALUE", lambda setting: setting.text, least=12),
        Column("ORIGIN", lambda setting: setting.origin, rank=1),
    )

    def record(setting: Setting) -> dict[str, Any]:
        default = to_json(setting.default)
        return {"key": setting.key, "value": to_json(setting.value), "origin": setting.origin, "default": default}

    print_records(session, [setting.masked() for setting in settings_of(session.config())], columns, record)


@command.command(
    "explain",
    examples="""
queuectl config explain max-delay
queuectl config explain worker
""",
)
@click.argument("key", type=KeyName(), metavar="KEY")
def explain(session: Session, key: str) -> None:
    """Tell what a key means, what it takes, its value and who says so."""
    from queuectl.config.explain import find_settings

    told = [_explained(setting.masked()) for setting in find_settings(session.config(), key)]
    if session.json:
        print_json(told[0] if len(told) == 1 else told)
        return
    for index, pairs in enumerate(told):
        write("\n" if index else "")
        print_pairs(session, pairs)


@command.command("path", examples=["queuectl config path", "queuectl config path --json"])
def path(session: Session) -> None:
    """Print which configuration file is read.

    Nothing is printed when none is and the defaults serve.
    """
    from queuectl.config.find import Places

    places = Places.here()
    found = places.find(session.config_file)
    if session.json:
        candidates = [
            {"path": str(each.path), "source": each.why, "exists": each.exists()}
            for each in places.candidates(session.config_file)
        ]
        file = str(found.path) if found is not None else None
        print_json({"file": file, "data": str(places.data()), "candidates": candidates})
    elif found is not None:
        write(f"{found.path}\n")
    else:
        message(session, f"no configuration file is read; `queuectl config init` makes {places.user_file()}")


@command.command("init", examples=["queuectl config init", "queuectl config init --path queuectl.yaml"])
@click.option("--path", "target", metavar="FILE", help="Write this file; by default the user's own.")
def init(session: Session, target: str | None) -> None:
    """Write a configuration file to start from, with every key as a comment.

    A file that is there already is left alone (exit code 4).
    """
    from queuectl.config.find import Places
    from queuectl.config.save import create
    from queuectl.config.starter import starter
    from queuectl.registry import Registry

    places = Places.here()
    named = target or session.config_file or places.environ.get("QUEUECTL_CONFIG")
    file = places.absolute(named, "--path") if named else places.user_file()
    try:
        create(file, starter(Registry()).encode())
    except FileExistsError:
        hint = "queuectl config list shows what it says; --path names another file"
        raise ConflictError(f"there is a file already: {file}", hint=hint) from None
    print_json({"file": str(file)}) if session.json else write(f"{file}\n")


@command.command("validate", examples=["queuectl config validate", "queuectl config validate --config batch.yaml"])
def validate(session: Session) -> None:
    """Check the configuration, the plugins that it names too, and report all errors at once (exit code 78)."""
    config = _unchecked(session)
    config.resolve_all()
    if session.json:
        print_json({"ok": True, "file": str(config.file) if config.file else None})
        return
    write("ok\n")
    message(session, f"checked {config.file or 'the defaults: no file is read'}")


@command.command("schema", examples=["queuectl config schema > queuectl.schema.json"])
def schema(session: Session) -> None:
    """Print the JSON Schema of the configuration, with the settings of every installed plugin.

    A plugin that cannot be used is left out, and named on standard error. For completion in an editor, begin the YAML
    file with: # yaml-language-server: $schema=queuectl.schema.json
    """
    from queuectl.config.schema import schema as make
    from queuectl.registry import Registry

    plugins = Registry().installed()
    for info in plugins:
        if info.error is not None:
            message(session, f"left out: {info.error}")
    print_json(make(found for info in plugins for found in info.offers if found.name == info.entry.name))


def _unchecked(session: Session) -> Config:
    """Read the configuration even where it is wrong: these commands are there to mend it."""
    from queuectl.config.load import read_config

    return read_config(session.config_file, overrides=session.overrides)


def _is_one(key: str, setting: Setting, config: Config) -> bool:
    return _depth(key, config) == len(setting.path)


def _depth(key: str | None, config: Config) -> int:
    """Return how many keys the path of a typed key has."""
    if key is None:
        return 0
    from queuectl.config.catalog import known_keys
    from queuectl.config.keys import complete

    return len(complete(key, known_keys(config), config.queues))


def _tree(settings: Sequence[Setting], depth: int) -> dict[str, Any]:
    """Nest settings as they are nested in the file, from `depth` on."""
    from queuectl.config.explain import to_json

    tree: dict[str, Any] = {}
    for setting in settings:
        inner = tree
        for key in setting.path[depth:-1]:
            inner = inner.setdefault(key, {})
        inner[setting.path[-1]] = to_json(setting.value)
    return tree


def _explained(setting: Setting) -> dict[str, Any]:
    from queuectl.config.explain import typed

    told = {"key": setting.key, "meaning": setting.description, "takes": setting.expected}
    variable = "QUEUECTL_" + "__".join(part.upper().replace("-", "_") for part in setting.path)
    values = {"default": typed(setting.default), "value": setting.text, "origin": setting.origin, "variable": variable}
    return {name: text for name, text in (told | values).items() if text}


def _tell_changes(session: Session, changes: Sequence[Change]) -> None:
    if session.json:
        print_json([change._asdict() | {"file": str(change.file)} for change in changes])
    elif not session.quiet:
        for change in changes:
            old, new = (text if text is not None else "nothing" for text in (change.old, change.new))
            place = _shown(change.file) + (f":{change.line}" if change.line else ", the default")
            write(f"{change.key}: {old} -> {new} ({place})\n")
    for change in changes:
        if change.hidden_by is not None:
            message(session, f"note: {change.hidden_by} has the last word on {change.key}, whatever the file says")
    _tell_workers(session)


def _shown(file: Path) -> str:
    try:
        return str(file.relative_to(Path.cwd()))
    except (ValueError, FileNotFoundError):
        return str(file)


def _tell_workers(session: Session) -> None:
    running = _running(session)
    if running:
        keep = "1 running worker keeps" if running == 1 else f"{running} running workers keep"
        message(session, f"note: {keep} the configuration that it was started with; start it again to apply this")


def _running(session: Session) -> int:
    """Count the workers. A change that was made is a success, even where nobody can tell about workers."""
    try:
        config = session.config()
        if not (config.data / "run").exists():
            return 0  # no worker ever ran on this host, and asking would make a database
        return len(session.queue().workers())
    except Exception:  # a wall: the storage may be anybody's, and whatever it raises, the file was changed
        return 0
