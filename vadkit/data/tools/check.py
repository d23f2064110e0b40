"""`vadkit data check`: finds all problems of a data set in one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, join_names
from vadkit.core.files import reading
from vadkit.core.progress import NoProgress, Progress
from vadkit.core.values import Split, VideoRef
from vadkit.data.regions import check_regions
from vadkit.data.tools.consistency import check_consistency, check_recipe_fit
from vadkit.data.tools.duplicates import check_duplicates
from vadkit.data.tools.labels import TestLabels, check_starts, compare_label_sets, read_plainly, read_test_labels
from vadkit.data.tools.numbering import check_numbering, neighbours
from vadkit.data.tools.probe import VideoFacts, probe
from vadkit.data.tools.report import Finding, Report, Row, in_order, some
from vadkit.data.tools.target import Target

_SPLITS: tuple[Split, ...] = ("train", "test")


def check_dataset(target: Target | Dataset, *, decode: bool = True, progress: Progress | None = None) -> Report:
    """Check every video and label of a data set; report all findings, whether some videos are damaged or not.

    Args:
        target: the data set. If `open_target` opened it, the clip of its recipe and its other label sets are
            checked too.
        decode: decode every frame; otherwise read only headers, sizes and names of files.
        progress: receives the progress.
    """
    known = target if isinstance(target, Target) else Target(type(target).__name__, target)
    dataset, progress = known.dataset, progress or NoProgress()
    found: list[Finding] = []
    videos: dict[Split, tuple[list[VideoRef], bool]] = {split: _videos(dataset, split, found) for split in _SPLITS}
    facts: list[VideoFacts] = []
    total = sum(len(each) for each, _ in videos.values())
    progress.begin("decoding" if decode else "reading headers", total, unit="frames")
    for split in _SPLITS:
        for video in videos[split][0]:
            facts.append(probe(video, split, decoded=decode, on_corrupt=known.on_corrupt))
            found += facts[-1].findings
            progress.advance(len(facts), amount=facts[-1].frames or 0)
    progress.end()
    truth, (test_videos, refused) = TestLabels(), videos["test"]
    test = [each for each in facts if each.split == "test"]
    if not refused:
        truth = read_test_labels(dataset, test, lenient=known.lenient, masks=decode)
        found += [*truth.findings, *compare_label_sets(truth, test_videos, known.alternatives)]
        try:
            check_regions(known.metrics, truth.labels)
        except DataError as error:
            found.append(Finding.of(error, "labels", "test"))
    elif test:
        fix = "fix the errors of the test videos first, then check again"
        what = "the labels were not checked, because the data set refuses its test videos"
        found.append(Finding("note", "labels", "test", what, fix))
    found += check_duplicates(facts)
    expected = dataset.expected()
    rows = [_row(split, facts, truth, expected) for split in _SPLITS]
    found[:0] = [finding for row in rows for finding in _compare(row, truth, known, test_videos)]
    if not any(row.abnormal is not None and row.abnormal == row.expected_abnormal for row in rows):
        found += check_starts(truth)
    found += [finding for row in rows for finding in check_consistency(row, facts, known.fps)]
    found += check_recipe_fit(facts, known)
    return Report(known.name, in_order(found), tuple(rows), decode)


def _videos(dataset: Dataset, split: Split, found: list[Finding]) -> tuple[list[VideoRef], bool]:
    """Videos of a split, and whether the data set refuses them. If so, they come from the damaged video's folder."""
    try:
        with reading(split):
            videos = list(dataset.videos(split))
    except DataError as error:
        videos = neighbours(error)
        holes = check_numbering(videos, refused=True)
        if not any(finding.where == error.where for finding in holes):
            found.append(Finding.of(error, "videos", split))
        found += holes
        return videos, True
    twice = [name for name, count in Counter(video.name for video in videos).items() if count > 1]
    if twice:
        what = f"several videos have the same name: {join_names(twice)}"
        found.append(Finding("error", "videos", split, what, "rename them: scores are stored by name"))
    if not videos:
        found.append(Finding("error", "videos", split, "there are no videos", "see the data set's page in the docs"))
    ignored = dataset.ignored(split)
    if files := [path.name for path in ignored if not path.is_dir()]:
        what = f"{some(len(files), 'file')} ignored because of the suffix: {join_names(files)}"
        fix = "if one is a video, give it a suffix such as .mp4, or set a pattern that ends with its suffix"
        found.append(Finding("note", "videos", split, what, fix))
    if folders := [str(path) for path in ignored if path.is_dir()]:
        what = f"{some(len(folders), 'folder')} ignored because another folder has the videos: {join_names(folders)}"
        fix = "if this is not what you mean, move away the videos that are read"
        found.append(Finding("warning", "videos", split, what, fix))
    found += check_numbering(videos)
    return videos, False


def _row(split: Split, facts: Sequence[VideoFacts], truth: TestLabels, expected: Mapping[str, int]) -> Row:
    ours = [each for each in facts if each.split == split]
    sizes = Counter(each.sizes.most_common(1)[0][0] for each in ours if each.sizes)
    rates = Counter(each.fps for each in ours if each.fps is not None)
    test = split == "test"
    return Row(
        split,
        len(ours),
        sum(each.frames or 0 for each in ours),
        expected.get(f"{split} videos"),
        expected.get(f"{split} frames"),
        truth.abnormal if test and truth.frames else None,
        expected.get("abnormal frames") if test else None,
        tuple(f"{width}x{height}" for (width, height), _ in sizes.most_common()),
        tuple(rate for rate, _ in rates.most_common()),
    )


def _compare(row: Row, truth: TestLabels, target: Target, videos: Sequence[VideoRef]) -> Iterator[Finding]:
    """Counts against the published ones."""
    if not row.videos:
        return  # already reported as an error
    if row.expected_videos is not None and row.videos != row.expected_videos:
        what = f"{some(row.videos, 'video')} found, {row.expected_videos} published"
        fix = "remove videos that do not belong to the data set from its folder"
        if row.videos < row.expected_videos:
            fix = "fetch the missing videos; results on a part of the data set cannot be compared with published ones"
        yield Finding("warning", "totals", row.split, what, fix)
        return
    if row.expected_frames not in (None, row.frames):
        what = f"{some(row.frames, 'frame')} found, {row.expected_frames} published"
        fix = "frames were lost or doubled: extract them again with ffmpeg -fps_mode passthrough, or fetch them again"
        yield Finding("error", "totals", row.split, what, fix)
    if row.abnormal is None or len(truth.frames) < row.videos:
        return
    if row.expected_abnormal is not None and row.abnormal != row.expected_abnormal:
        what = f"{some(row.abnormal, 'frame')} labelled abnormal, {row.expected_abnormal} published"
        yield Finding("error", "totals", row.split, what, _published(target, videos, row.expected_abnormal))


def _published(target: Target, videos: Sequence[VideoRef], expected: int) -> str:
    """The fix: what gives the published number of abnormal frames."""
    for key, other in target.alternatives.items():
        labels = read_plainly(other, videos)
        if labels and sum(int(each.sum()) for each in labels.values()) == expected:
            source = other.labels(videos[0])
            which = f" ({source.source})" if source else ""
            return f"use the data set {key}: those labels{which} have the published {expected} frames"
    return "fetch the label file of the data set's authors: this is a different one"
