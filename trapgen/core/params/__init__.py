"""Parameters: one frozen class a stage, checked when it is made. `params.yaml` holds the values."""

from trapgen.core.params.data import (
    PROTOCOLS,
    SIDES,
    AuditParams,
    AugmentParams,
    CorpusParams,
    GridParams,
    SplitParams,
    StandardizeParams,
)
from trapgen.core.params.file import Params, load_params, make_section
from trapgen.core.params.model import (
    STRUCTURES,
    EvaluateParams,
    SampleParams,
    TrainParams,
)
