"""Data sets: the user's own videos, the benchmarks, and a synthetic scene that needs no download."""

from __future__ import annotations

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce the data sets."""
    return [
        Component("dataset", "folder", "vadkit_datasets.folder.dataset:Folder", "Your own videos, as files or images."),
        Component(
            "dataset", "walkway", "vadkit_datasets.walkway.dataset:Walkway", "Synthetic walkway; needs no files."
        ),
        Component("dataset", "ucsd_ped", "vadkit_datasets.ucsd_ped:UCSDPed", "UCSD Ped1 and Ped2, in two layouts."),
        Component("dataset", "avenue", "vadkit_datasets.avenue:Avenue", "CUHK Avenue, with two label sets."),
        Component(
            "dataset", "shanghaitech", "vadkit_datasets.shanghaitech:ShanghaiTech", "ShanghaiTech Campus, by scene."
        ),
        Component("dataset", "ucf_crime", "vadkit_datasets.ucf_crime:UCFCrime", "UCF-Crime; trains on normal videos."),
        Component(
            "dataset", "ubi_fights", "vadkit_datasets.ubi_fights:UBIFights", "UBI-Fights; trains on normal videos."
        ),
        Component("dataset", "ubnormal", "vadkit_datasets.ubnormal:UBnormal", "UBnormal; trains on normal videos."),
        Component("dataset", "street_scene", "vadkit_datasets.street_scene:StreetScene", "Street Scene, with tracks."),
        Component("dataset", "nwpu_campus", "vadkit_datasets.nwpu_campus:NWPUCampus", "NWPU Campus, 43 scenes."),
    ]
