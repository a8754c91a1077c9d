"""Plans on NumPy's arrays a block of examples at a time, so that what lies between stays in cache.

A plan is recorded once (`tracing`, `layout`), its selections become arithmetic on bits
(`lowering`), and the whole is written down as straight lines of NumPy calls with their memory
(`writing`), which then run over blocks, by several threads where there is enough to do (`walking`).
"""
