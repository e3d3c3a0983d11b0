"""The parameters of the kernel's functions, in order: 64-bit integers and addresses."""

from __future__ import annotations

PARAMETERS = (
    "code count arguments local saved uniform constant local_gradient saved_gradient uniform_gradient trash width groups failed "
    "segments segment_count inputs input_count outputs output_rows output_count output_gradient input_gradient lanes "
    "first_chunk last_chunk saved_rows local_rows flags sources starts again back cleared_rows "
    "inputs_row inputs_lane output_gradient_row output_gradient_lane input_gradient_row input_gradient_lane given_count"
).split()
PLACES = {name: place for place, name in enumerate(PARAMETERS)}
