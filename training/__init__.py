"""How a model is fitted, scored and measured: arrays in, arrays out."""
