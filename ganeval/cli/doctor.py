"""`ganeval doctor`: which metrics see which fault, on your data."""

from __future__ import annotations

from tyro.conf import OmitArgPrefixes

from ganeval.cli.flags import Examining, compute_of, protocol_of, require_reference
from ganeval.cli.say import require_places
from ganeval.core.files import write_json, writing
from ganeval.core.shown import MaybePath


def doctor(measurement: OmitArgPrefixes[Examining], resolve: float = 0.05, json: MaybePath = None) -> int:
    """Which metrics see which fault, on your data and your network; --n images in every set (default: 2000).

    Args:
        resolve: The relative difference for which the needed number of images is printed.
        json: Write the diagnosis here.
    """
    from ganeval.measure.doctor import doctor as examine

    require_places(json)
    protocol = protocol_of(measurement)[0]
    require_reference(protocol)
    diagnosis = examine(protocol, compute_of(measurement), resolve=resolve)
    if json is not None:
        with writing(json):
            write_json(json, diagnosis.to_json())
    print(diagnosis)
    return 0
