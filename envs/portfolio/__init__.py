"""Portfolio allocation on CSI-300-style data: daily weights on stocks and cash under Chinese market rules."""
