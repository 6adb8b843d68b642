"""A company in a box: one plausible history, put into real local systems, stand-ins and a drop folder."""
