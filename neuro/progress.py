"""The progress of a training job on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class TrainingProgress:
    """A bar over all images of all runs on stderr: time left and the accuracy last seen."""

    def __init__(self, runs: Sequence[Any], epochs: int, resumed: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=console,
        )
        if resumed:
            console.print(f"going on with {resumed} unfinished runs")
        self.seen = {id(run): run.image for run in runs}
        total = sum(run.settings.images_per_epoch * epochs for run in runs)
        self.task = self.progress.add_task("", total=total, completed=sum(self.seen.values()))

    def __enter__(self) -> TrainingProgress:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def show(self, runs: Sequence[Any]) -> None:
        """Take in where the runs are now."""
        for run in runs:
            self.progress.advance(self.task, run.image - self.seen[id(run)])
            self.seen[id(run)] = run.image
        last = runs[0]
        if last.records:
            text = f"{last.name}: epoch {len(last.records)}, {last.records[-1].accuracy:.2f} %"
            self.progress.update(self.task, description=text)
