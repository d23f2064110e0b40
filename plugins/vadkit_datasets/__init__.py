"""Data sets: the user's own videos, the benchmarks, and a synthetic scene that needs no download."""

from __future__ import annotations

from vadkit.api import Component, hookimpl

_DATASETS = [
    ("folder", "folder.dataset:Folder", "Your own videos, as files or images."),
    ("walkway", "walkway.dataset:Walkway", "Synthetic walkway; needs no files."),
    ("ucsd_ped", "ucsd_ped:UCSDPed", "UCSD Ped1 and Ped2, in two layouts."),
    ("avenue", "avenue:Avenue", "CUHK Avenue, with two label sets."),
    ("shanghaitech", "shanghaitech:ShanghaiTech", "ShanghaiTech Campus, by scene."),
    ("ucf_crime", "ucf_crime:UCFCrime", "UCF-Crime; trains on normal videos."),
    ("ubi_fights", "ubi_fights:UBIFights", "UBI-Fights; trains on normal videos."),
    ("ubnormal", "ubnormal:UBnormal", "UBnormal; trains on normal videos."),
    ("street_scene", "street_scene:StreetScene", "Street Scene, with tracks."),
    ("nwpu_campus", "nwpu_campus:NWPUCampus", "NWPU Campus, 43 scenes."),
]


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce the data sets."""
    return [Component("dataset", name, f"vadkit_datasets.{target}", summary) for name, target, summary in _DATASETS]
