from __future__ import annotations

import math

from neuro import kernel
from neuro.network import Settings
from neuro.offline import classify, software_run
from neuro.synapse import Adc
from tests.neuro.learning import mnist, published


def test_weights_from_software_survive_real_cells() -> None:
    smtj, dmtj = published("smtj"), published("dmtj")
    trained = software_run(smtj, Settings(images_per_epoch=8000), 0, mnist(), 2)
    software = trained.records[-1].accuracy
    assert software > 87.0
    assert sum(int(seen.counters[kernel.WRITE_ERRORS]) for seen in trained.network.events) == 0
    wide = Settings(adc=Adc(9, 1.0, "column"))
    for accuracy, free in classify(trained, [smtj, dmtj], wide, mnist()):
        assert software - 6.0 < accuracy < software + 1.0
        assert math.isnan(free)
    # The reference simulator's converter saturates: worse with the smaller ON/OFF ratio, harmless without.
    clamped = classify(trained, [smtj, dmtj], Settings(model="neurosim"), mnist())
    assert clamped[0][0] < clamped[1][0] < software + 0.5
    assert abs(clamped[0][1] - software) < 1.5
