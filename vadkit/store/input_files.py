"""The files that a recipe names, such as pretrained weights: their hashes, and the copies in the run folder."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from vadkit.core.errors import CheckpointError, DataError
from vadkit.core.files import atomic_write
from vadkit.recipe.input_files import replaced
from vadkit.recipe.model import Recipe
from vadkit.recipe.show import dump
from vadkit.store.manifest import InputFileRecord
from vadkit.store.run_folder import RunFolder

Records = Mapping[str, InputFileRecord]
"""Key in the recipe, such as `model.encoder.weights` -> its file."""


def records_of(recipe: Recipe) -> dict[str, InputFileRecord]:
    """Hash the files that a recipe names.

    Raises:
        CheckpointError: a copy in a run folder is damaged.
        DataError: a file cannot be read.
    """
    return {key: _record(path) for key, path in recipe.files.items()}


def run_recipe(recipe: Recipe, records: Records) -> str:
    """The recipe as text for its run folder: it names the copies of the files."""
    copies = {key: f"checkpoints/files/{_name(record)}" for key, record in records.items()}
    return dump(replaced(recipe.tree, copies))


def copy_files(folder: RunFolder, recipe: Recipe, records: Records) -> None:
    """Copy the files into a run folder, each once, and delete the files of an earlier run there.

    Raises:
        DataError: a file changes while it is copied, or cannot be read.
        RunFolderError: the folder cannot be written.
    """
    wanted = {folder.files / _name(record): (recipe.files[key], record) for key, record in records.items()}
    for path, (source, record) in wanted.items():
        if path.is_file() and path.stat().st_size == record.bytes:
            continue
        with atomic_write(path) as temporary:
            shutil.copyfile(source, temporary)
            if _sha256(temporary) != record.sha256:
                raise DataError("has changed since this run began", where=str(source), fix="run the recipe again")
    for path in folder.files.iterdir() if folder.files.is_dir() else ():
        if path not in wanted:
            path.unlink()


def kept_files(folders: Iterable[RunFolder]) -> dict[str, Path]:
    """Absolute path of a file that a run was made with -> its copy in the run folder."""
    found: dict[str, Path] = {}
    for folder in folders:
        for record in folder.read_manifest().files.values():
            copy = folder.files / _name(record)
            if copy.is_file():
                found.setdefault(record.path, copy.absolute())
    return found


def _name(record: InputFileRecord) -> str:
    return record.sha256 + Path(record.path).suffix


def _record(path: Path) -> InputFileRecord:
    try:
        sha256, size = _sha256(path), path.stat().st_size
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    if path.parent.name == "files" and path.parent.parent.name == "checkpoints" and path.stem != sha256:
        what, fix = "is damaged: its content does not match its name", "restore it, or run the recipe again"
        raise CheckpointError(what, where=str(path), fix=fix)
    return InputFileRecord(str(path), sha256, size)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
