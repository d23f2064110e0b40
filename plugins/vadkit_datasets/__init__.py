"""One's own video, the benchmarks, and a synthetic scene that needs no download."""

from __future__ import annotations

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce the data sets."""
    return [
        Component("dataset", "folder", "vadkit_datasets.folder.dataset:Folder", "Your own video, files or images."),
        Component("dataset", "walkway", "vadkit_datasets.walkway.dataset:Walkway", "Drawn walkway; needs no files."),
        Component("dataset", "ucsd_ped", "vadkit_datasets.ucsd_ped:UCSDPed", "UCSD Ped1 and Ped2, in either layout."),
        Component("dataset", "avenue", "vadkit_datasets.avenue:Avenue", "CUHK Avenue, with either label set."),
        Component(
            "dataset", "shanghaitech", "vadkit_datasets.shanghaitech:ShanghaiTech", "ShanghaiTech Campus, by scene."
        ),
        Component("dataset", "ucf_crime", "vadkit_datasets.ucf_crime:UCFCrime", "UCF-Crime; trains on normal videos."),
        Component("dataset", "ubi_fights", "vadkit_datasets.ubi_fights:UBIFights", "UBI-Fights; normal for training."),
        Component("dataset", "ubnormal", "vadkit_datasets.ubnormal:UBnormal", "UBnormal; trains on normal videos."),
        Component("dataset", "street_scene", "vadkit_datasets.street_scene:StreetScene", "Street Scene, with tracks."),
        Component("dataset", "nwpu_campus", "vadkit_datasets.nwpu_campus:NWPUCampus", "NWPU Campus, 43 scenes."),
    ]
